"""Leagues: what was played verifies, what was not does not, and each refusal is one sentence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.arena import league as league_module
from puffer_envs.arena.cli_league import main
from puffer_envs.arena.league import League, play
from puffer_envs.arena.ledger import Match, read_ledger, write_ledger
from puffer_envs.arena.players import Player
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.replay import Replay

TRAINED = str(puffer_envs.trained_policy("connect4"))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("league") / "club"
    assert main(["add", str(folder), "connect4", "trained", "random", "script:2", "--games", "20"]) == 0
    assert main(["run", str(folder)]) == 0
    return folder


@pytest.fixture
def club(played: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(played, tmp_path / "club"))


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The sentence that refuses a command, `verify` by default."""
    capsys.readouterr()
    assert main(list(words) or ["verify", str(folder)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("puffer-league: ")
    return error


def change(folder: Path, number: int, how: Callable[[Match], Match]) -> None:
    """Change a match, with an id that fits."""
    matches = read_ledger(folder)
    matches[number] = how(matches[number])
    write_ledger(folder, matches)


def forge_moves(folder: Path, number: int, how: Callable[[Replay, np.ndarray], None]) -> None:  # type: ignore[type-arg]
    """Put a replay with other moves in the place of a match's first one, with hashes that fit."""
    league = League.read(folder)
    match = read_ledger(folder)[number]
    replay = Replay.load(league.replay(match.replays[0]))
    actions = replay.actions.copy()
    how(replay, actions)
    with replay.make() as env:
        env.start_replay(replay.seed)
        for row in actions:
            env.step(row)
        env.save_replay(folder / "forged.puf")
    digest = hashlib.sha256((folder / "forged.puf").read_bytes()).hexdigest()
    (folder / "forged.puf").replace(league.replay(digest))
    change(folder, number, lambda match: replace(match, replays=(digest, match.replays[1])))


def test_what_was_played_verifies(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(club)]) == 0
    assert "3 of 3 matches repeat to the bit" in capsys.readouterr().out
    assert main(["verify", str(club), "--sample", "1"]) == 0
    assert "1 of 3 matches" in capsys.readouterr().out


def test_a_forged_result_does_not_verify(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(club, 0, lambda m: replace(m, wins=m.losses, losses=m.wins))
    assert "is forged: its replays give" in refused(club, capsys)


def test_a_changed_line_does_not_fit_its_id(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = club / "ledger.jsonl"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1', 1))
    assert "ledger.jsonl, line 1 does not match its id" in refused(club, capsys)


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"id": 1, "games": []}', '{"id": "x"'])
def test_a_damaged_line_is_named(line: str, club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = club / "ledger.jsonl"
    path.write_text(line + "\n" + path.read_text())
    assert "line 1 is no match" in refused(club, capsys)


def test_numbers_that_no_match_has_are_refused(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ({"wins": -1}, {"games": 10**9}, {"replays": ("../../etc/passwd", "x")}, {"pairs": (1, 2)}):
        path = club / "ledger.jsonl"
        before = path.read_text()
        change(club, 1, lambda m, wrong=wrong: replace(m, **wrong))  # type: ignore[misc]
        assert "line 2 is no match that can have been played" in refused(club, capsys)
        path.write_text(before)


def test_a_changed_or_missing_replay_is_named(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = League.read(club).replay(read_ledger(club)[1].replays[1])
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "was changed: its hash is another one" in refused(club, capsys)
    path.unlink()
    assert "is missing" in refused(club, capsys)


def test_moves_that_a_policy_would_not_choose_are_forged(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody else plays under the policy's name: every move is legal, the result is what the replays give."""
    league = League.read(club)
    number = next(i for i, match in enumerate(read_ledger(club)) if len(match.first) == 64)
    match = read_ledger(club)[number]
    impostor = Player(match.first, "random")
    lost = play(league, impostor, league.find(match.second), match.seed)
    assert lost.wins < match.wins
    change(club, number, lambda match: lost)
    assert "moves are not those that its players choose" in refused(club, capsys)


def test_an_illegal_move_is_named(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stone for a full column falls beside it, so a replay can hold one."""

    def fill(replay: Replay, actions: np.ndarray) -> None:  # type: ignore[type-arg]
        actions[:] = 3

    forge_moves(club, 0, fill)
    assert "move 3 of row" in refused(club, capsys)


def test_a_missing_opponent_is_named(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (club / "policies/trained.safetensors").unlink()
    assert "is not in the league: add its file" in refused(club, capsys)
    assert "is not in the league" in refused(club, capsys, "table", str(club))


def test_rules_of_another_version_are_refused(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = club / "league.toml"
    path.write_text(path.read_text().replace("version = 1", "version = 7"))
    assert "was played with version 7 of connect4, this is version 1" in refused(club, capsys)
    path.write_text("games = 3")
    assert "is damaged" in refused(club, capsys)


def test_adding_refuses_what_does_not_fit(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cards = str(puffer_envs.trained_policy("cards"))
    assert "is a policy for cards, not for connect4" in refused(club, capsys, "add", str(club), cards)
    assert "is in the league already" in refused(club, capsys, "add", str(club), TRAINED)
    assert "no script of this strength" in refused(club, capsys, "add", str(club), "script:77")
    assert "has settings of its own already" in refused(club, capsys, "add", str(club), "script:3", "--games", "4")
    assert "is a league of connect4" in refused(club, capsys, "add", str(club), "cards", "script:1")
    assert "is no league" in refused(club, capsys, "run", str(club / "nowhere"))


def test_adding_is_all_or_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    assert "no script of this strength" in refused(
        folder, capsys, "add", str(folder), "connect4", "trained", "script:77"
    )
    assert not folder.exists()


def test_running_plays_what_is_missing_and_again_the_next_seed(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(club)]) == 0
    assert "every two players have met" in capsys.readouterr().out
    assert main(["add", str(club), "script:4"]) == 0
    assert main(["run", str(club)]) == 0
    assert len(read_ledger(club)) == 5
    assert main(["run", str(club), "--again"]) == 0
    assert sorted(match.seed for match in read_ledger(club)) == [0] * 5 + [1] * 5
    assert main(["verify", str(club)]) == 0


def test_two_that_play_at_once_lose_nothing(club: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["add", str(club), "script:4"]) == 0

    def beside(*words: Any) -> Match:
        monkeypatch.setattr(league_module, "play", play)
        assert main(["run", str(club), "--again"]) == 0  # as another process would, meanwhile
        return play(*words)

    monkeypatch.setattr(league_module, "play", beside)
    assert main(["run", str(club)]) == 0
    assert sorted(match.seed for match in read_ledger(club)) == [0] * 5 + [1] * 3


def test_merging_takes_only_what_repeats(club: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    assert main(["add", str(other), "connect4", "random", "script:2", "script:4", "--games", "8", "--seed", "9"]) == 0
    assert main(["run", str(other)]) == 0
    before = read_ledger(club)
    forged = Path(shutil.copytree(other, tmp_path / "forged"))
    change(forged, 0, lambda m: replace(m, wins=m.losses, losses=m.wins))
    assert "forged" in refused(club, capsys, "merge", str(club), str(forged))
    assert read_ledger(club) == before
    assert main(["merge", str(club), str(other)]) == 0
    assert "2 new matches" in capsys.readouterr().out
    assert len(read_ledger(club)) == len(before) + 2
    assert main(["verify", str(club)]) == 0
    assert main(["merge", str(club), str(other)]) == 0
    assert len(read_ledger(club)) == len(before) + 2


def test_a_league_with_other_settings_is_not_merged(
    club: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    assert main(["add", str(other), "cards", "random", "script:1", "--games", "2"]) == 0
    assert "another environment" in refused(club, capsys, "merge", str(club), str(other))


def test_the_page_is_one_file_with_every_record(club: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(TRAINED, club / "policies" / "<b>.safetensors")
    file = PolicyFile.read(TRAINED)
    weights = {name: tensor * 1.5 for name, tensor in file.tensors.items()}
    PolicyFile(file.info, weights).write(club / "policies" / "<b>.safetensors")
    assert main(["run", str(club)]) == 0
    assert main(["report", str(club)]) == 0
    page = (club / "league.html").read_text()
    assert "<b>" not in page and "&lt;b&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('class="panel" id="player-') == 4
    capsys.readouterr()
    assert main(["table", str(club), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["players"]) == 4 and len(content["matches"]) == 6
