"""Who plays: a policy file, a run folder, the policy that ships, chance, or an environment's own script."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from puffer_envs.arena.errors import ArenaError
from puffer_envs.contract.offers import suggest_file
from puffer_envs.contract.policy_file import POLICIES, PolicyFile
from puffer_envs.contract.policy_info import PolicyError, PolicyInfo
from puffer_envs.contract.trained import trained_policy
from puffer_envs.spec import EnvSpec, is_native, spec

MAX_SIMULATIONS = 100_000

SEARCH = "@"
"""Between a policy and the number of simulations before each of its moves."""

Kind = Literal["policy", "random", "script"]


@dataclass(frozen=True)
class Player:
    """One who plays."""

    label: str
    """What tables call it."""
    kind: Kind
    """What it is."""
    path: Path | None = None
    """Of a policy: its file."""
    sha256: str = ""
    """Of a policy: the hash of its file."""
    info: PolicyInfo | None = field(default=None, compare=False)
    """Of a policy: what its file says about itself."""
    strength: int | None = None
    """Of a script that has several."""
    search: int = 0
    """Of a policy: simulations before each move; 0 for none."""

    @property
    def key(self) -> str:
        """What it is called in a ledger: a policy by its hash, so that another file is another player."""
        searching = f"{SEARCH}{self.search}" if self.search else ""
        return self.sha256 + searching if self.kind == "policy" else self.label


def split_name(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The environment that the first of some words names, if it does, and the others."""
    return (words[0], list(words[1:])) if words and is_native(words[0]) else (None, list(words))


def find_players(words: Sequence[str], name: str | None, search: bool = False) -> tuple[str, list[Player]]:
    """The environment, and its players with labels of their own.

    Args:
        words: one for each player.
        name: of the environment; None: that of the policies.
        search: whether policies may search: `FILE@200`.

    Raises:
        ArenaError: a word names nobody, or a policy is for another environment.
        PolicyError: a file is damaged.
    """
    parts = [split_search(word) if search else (word, 0) for word in words]
    if name is None:
        files = (_of_file(word) for word, _ in parts)
        name = next((player.info.environment for player in files if player and player.info), None)
    if name is None:
        raise ArenaError("no environment is named: write its name before the players, as in connect4 trained random.")
    players = [searching(find_player(word, name), simulations) for word, simulations in parts]
    for player in players:
        check_fits(player, spec(name))
    for number, player in enumerate(players):
        twin = next((other for other in players[:number] if other.key == player.key), None)
        if twin is not None:
            raise ArenaError(f"{words[number]} is given twice: a player does not play itself.")
    return name, _with_own_labels(players)


def split_search(word: str) -> tuple[str, int]:
    """`FILE@200` as the word and the number of simulations, 0 where there is none. Raises ArenaError."""
    rest, at, number = word.rpartition(SEARCH)
    if not at or Path(word).exists():
        return word, 0
    if not number.isdecimal() or not 1 <= int(number) <= MAX_SIMULATIONS:
        raise ArenaError(
            f"{word}: after {SEARCH} write how many simulations the policy runs before each move, 1 to "
            f"{MAX_SIMULATIONS:_}, as in trained{SEARCH}200."
        )
    return rest, int(number)


def searching(player: Player, simulations: int) -> Player:
    """The player with a search before each move, if there are simulations. Raises ArenaError."""
    if not simulations:
        return player
    if player.kind != "policy":
        raise ArenaError(f"{player.label}{SEARCH}{simulations}: only policies search.")
    return replace(player, label=f"{player.label}{SEARCH}{simulations}", search=simulations)


def find_player(word: str, name: str) -> Player:
    """The player that a word names in an environment.

    Raises:
        ArenaError: it names nobody.
        PolicyError: the file is damaged.
    """
    if word == "random":
        return Player("random", "random")
    if word == "script" or word.startswith("script:"):
        text = word.removeprefix("script").removeprefix(":")
        if text and not text.isdecimal():
            raise ArenaError(f"{word}: the strength of a script is a number, as in script:4.")
        return Player(word, "script", strength=int(text) if text else None)
    if word == "trained":
        return replace(read_player(trained_policy(name)), label="trained")
    player = _of_file(word)
    if player is None:
        raise ArenaError(
            f"{word} is neither a policy file nor the folder of a run; other players: trained, random, script:N."
            f"{suggest_file(word)}"
        )
    return player


def read_player(path: Path) -> Player:
    """The player of a policy file. Raises PolicyError."""
    file = PolicyFile.read(path)
    label = path.parent.name if path.name in POLICIES and path.parent.name else path.name.removesuffix(".safetensors")
    return Player(label, "policy", path, hashlib.sha256(path.read_bytes()).hexdigest(), file.info)


def check_fits(player: Player, env: EnvSpec) -> None:
    """Raise ArenaError where a policy is for another environment or other rules."""
    info = player.info
    if info is None:
        return
    if info.environment != env.name:
        raise ArenaError(f"{player.path} is a policy for {info.environment}, not for {env.name}.")
    if info.environment_version != env.version:
        raise ArenaError(
            f"{player.path} was trained with the rules of {env.name} version {info.environment_version}, these are "
            f"version {env.version}: train it again."
        )


def _of_file(word: str) -> Player | None:
    path = Path(word)
    if path.is_dir():
        path = next((path / policy for policy in POLICIES if (path / policy).is_file()), path / POLICIES[0])
        if not path.is_file():
            raise ArenaError(f"{word} is a folder without {POLICIES[0]}: name a finished run's folder, or a policy.")
    if not path.is_file():
        return None
    try:
        return read_player(path)
    except PolicyError as error:
        raise ArenaError(str(error)) from None


def _with_own_labels(players: Sequence[Player]) -> list[Player]:
    taken: set[str] = set()
    named = []
    for player in players:
        label, number = player.label, 2
        while label in taken:
            label, number = f"{player.label}-{number}", number + 1
        taken.add(label)
        named.append(replace(player, label=label))
    return named
