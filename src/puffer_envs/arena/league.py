"""A folder that is a league: its policies, league.toml, a ledger of matches, and their replays.

league.toml   the environment, its settings, how matches are played, and the players that are no files
policies/     policy files, called as the players are
ledger.jsonl  the matches
replays/      called by their hashes
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.ledger import Match, add_matches, read_ledger, result_of
from puffer_envs.arena.match import MatchOptions, Tally, arrange, play_batch
from puffer_envs.arena.players import Player, check_fits, find_player, read_player
from puffer_envs.arena.sides import two_sides
from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.policy_info import PolicyError
from puffer_envs.spec import is_native, spec

FILE, POLICIES, REPLAYS = "league.toml", "policies", "replays"
SUFFIX = ".safetensors"
FORMAT = "puffer-league-1"
"""Changes with the meaning of anything in the folder."""
LINES = {
    "format": "",
    "environment": "",
    "version": "of its rules",
    "games": "of each match",
    "seed": "of the first match of each two players; the next have the next",
    "deterministic": "whether policies take their most likely action",
    "players": "that are no files: random, script:N",
}
"""The keys of league.toml and what they mean."""


@dataclass(frozen=True)
class League:
    """What league.toml says, and the players."""

    folder: Path
    environment: str
    version: int
    games: int
    seed: int
    deterministic: bool
    settings: dict[str, Any]
    """Of the environment, over its defaults."""
    players: list[Player]
    """All that are in it."""
    networks: Sequence[str] = ()
    """Names of networks that may be imported."""

    @classmethod
    def read(cls, folder: Path, networks: Sequence[str] = ()) -> League:
        """Read a league.

        Raises:
            ArenaError: the folder holds none, a file is damaged, or it needs other rules.
        """
        path = folder / FILE
        if not path.is_file():
            raise ArenaError(f"{folder} is no league: puffer-league add {folder} NAME PLAYER ... starts one.")
        try:
            content = tomllib.loads(path.read_text("utf-8"))
            if content.pop("format") != FORMAT:
                raise ValueError
            words, settings = list(content.pop("players")), dict(content.pop("settings", {}))
            league = cls(folder, players=[], settings=settings, networks=networks, **content)
            if not isinstance(league.seed, int) or not isinstance(league.games, int) or league.games < 2:
                raise ValueError
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            raise ArenaError(f"{path} is damaged: a league.toml has {', '.join(LINES)} and [settings].") from None
        league.check_rules()
        players = [find_player(str(word), league.environment) for word in words]
        return replace(league, players=[*players, *_read_policies(folder / POLICIES)])

    def check_rules(self) -> None:
        """Raise ArenaError where this installation has other rules."""
        if not is_native(self.environment):
            raise ArenaError(f"{self.folder} is a league of {self.environment}, which is not installed.")
        if self.version != spec(self.environment).version:
            raise ArenaError(
                f"{self.folder} was played with version {self.version} of {self.environment}, this is version "
                f"{spec(self.environment).version}: its matches cannot be repeated."
            )

    def options(self, seed: int) -> MatchOptions:
        """How a match with this seed is played."""
        return MatchOptions(self.games, seed, self.deterministic, networks=self.networks)

    def find(self, key: str) -> Player:
        """The player with this key. Raises ArenaError where it is not in the league."""
        found = next((player for player in self.players if player.key == key), None)
        if found is None:
            shown = f"the policy {key[:12]}" if len(key) == 64 else key
            raise ArenaError(f"{self.folder}: {shown} is not in the league: add its file, or leave out its matches.")
        return found

    def replay(self, digest: str) -> Path:
        """Where the replay with this hash is."""
        return self.folder / REPLAYS / f"{digest}.puf"

    def keep_replay(self, data: bytes) -> str:
        """Write a replay and return its hash. Raises OSError."""
        digest = hashlib.sha256(data).hexdigest()
        self.replay(digest).parent.mkdir(exist_ok=True)
        write_atomically(self.replay(digest), data)
        return digest

    def write(self) -> None:
        """Write league.toml."""
        words = [player.label for player in self.players if player.kind != "policy"]
        values = {
            "format": FORMAT,
            "environment": self.environment,
            "version": self.version,
            "games": self.games,
            "seed": self.seed,
            "deterministic": self.deterministic,
            "players": words,
        }
        lines = [
            f"{key} = {json.dumps(value)}" + (f"  # {LINES[key]}" if LINES[key] else "")
            for key, value in values.items()
        ]
        settings = [f"{key} = {json.dumps(value)}" for key, value in self.settings.items()]
        text = "\n".join([*lines, *(["", "[settings]", *settings] if settings else []), ""])
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / FILE, text.encode())


def _read_policies(folder: Path) -> list[Player]:
    try:
        return [
            replace(read_player(path), label=path.name.removesuffix(SUFFIX))
            for path in sorted(folder.glob("*" + SUFFIX))
        ]
    except PolicyError as error:
        raise ArenaError(str(error)) from None


def begin(folder: Path, name: str, settings: Mapping[str, Any], options: MatchOptions) -> League:
    """A new league, which `add` writes. Raises ArenaError where there is one, or the environment has no two sides."""
    if (folder / FILE).exists():
        raise ArenaError(f"{folder} is a league already.")
    two_sides(name, settings)
    return League(
        folder, name, spec(name).version, options.games, options.seed, options.deterministic, dict(settings), []
    )


def add(league: League, players: Sequence[Player]) -> League:
    """Add players, once all of them fit; policy files are copied.

    Raises:
        ArenaError: one is there already, or does not fit.
        OSError: a file cannot be copied.
    """
    files = {}
    for player in players:
        check_fits(player, spec(league.environment))
        if any(player.key == other.key for other in league.players):
            raise ArenaError(f"{player.label} is in the league already.")
        arrange(league.environment, [Player("random", "random"), player], league.settings)  # raises: no such script
        taken = {other.label for other in league.players}
        label, number = player.label, 2
        while label in taken:
            label, number = f"{player.label}-{number}", number + 1
        if player.path is not None:
            target = league.folder / POLICIES / f"{label}{SUFFIX}"
            files[target] = player.path
            player = replace(player, path=target)  # noqa: PLW2901
        league = replace(league, players=[*league.players, replace(player, label=label)])
    for target, path in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, path.read_bytes())
    league.write()
    return league


def due(league: League, matches: Sequence[Match], again: bool) -> list[tuple[Player, Player, int]]:
    """The matches to play now: of each two players that have none, or one more of all; with their seeds."""
    seeds: dict[frozenset[str], list[int]] = {}
    for match in matches:
        seeds.setdefault(frozenset(match.players), []).append(match.seed)
    plan = []
    for a, b in combinations(sorted(league.players, key=lambda player: (player.kind == "script", player.key)), 2):
        known = seeds.get(frozenset((a.key, b.key)), [])
        if a.kind != "script" and (again or not known):
            seed = league.seed
            while seed in known:
                seed += 1
            plan.append((a, b, seed))
    return plan


def run(league: League, again: bool, watch: Callable[[int, int], None] = lambda done, of: None) -> list[Match]:
    """Play what is due, and write each match into the ledger; returns the new ones. Raises ArenaError, OSError."""
    plan, new = due(league, read_ledger(league.folder), again), []
    for number, (a, b, seed) in enumerate(plan):
        new += add_matches(league.folder, [play(league, a, b, seed)])
        watch(number + 1, len(plan))
    return new


def play(league: League, a: Player, b: Player, seed: int) -> Match:
    """Play a match and keep its replays. Raises ArenaError, OSError."""
    options, (table,) = league.options(seed), arrange(league.environment, [a, b], league.settings)
    seats = np.repeat(np.array(table.pairs, np.int64), options.games // 2, axis=0)
    tally, digests, outcomes, steps = Tally(a, b), [], [], []
    for swapped in (0, 1):
        turned = swapped and not table.sides.scripted
        with TemporaryDirectory() as folder:
            path = Path(folder) / "match.puf"
            order = seats[:, ::-1] if turned else seats
            played = play_batch(table.sides, [a, b], order, options, swapped, replay=path)
            digests.append(league.keep_replay(path.read_bytes()))
        outcomes.append(-played.outcomes if turned else played.outcomes)
        steps.append(played.lengths)
    tally.add(np.stack(outcomes), np.stack(steps))
    return Match(
        league.environment,
        league.version,
        league.settings,
        a.key,
        b.key,
        league.games,
        seed,
        league.deterministic,
        **result_of(tally),
        replays=tuple(digests),
    )


def tallies_of(league: League, matches: Sequence[Match]) -> list[Tally]:
    """The games of each match. Raises ArenaError where a player is missing."""
    tallies = []
    for match in matches:
        tally = Tally(league.find(match.first), league.find(match.second))
        tally.wins, tally.draws, tally.losses, tally.steps = match.wins, match.draws, match.losses, match.steps
        tally.wins_by_side, tally.pairs = list(match.wins_by_side), list(match.pairs)
        tallies.append(tally)
    return tallies
