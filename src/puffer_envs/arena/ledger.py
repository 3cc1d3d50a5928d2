"""The ledger of a league: one line of JSON for each match, which its replays and its id bind to what was played."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.match import MAX_GAMES, Tally
from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.locks import Mutex

LEDGER, LOCK = "ledger.jsonl", ".ledger.lock"
COUNTS = ("games", "seed", "wins", "draws", "losses", "steps")


@dataclass(frozen=True)
class Match:
    """What a line says. A match is a function of its players, the settings and the seed, so it has no date."""

    environment: str
    version: int
    """Of the environment's rules."""
    settings: dict[str, Any]
    """Those of the league, over the environment's defaults."""
    first: str
    """Key of the first player: the hash of a policy file, or a word such as random."""
    second: str
    games: int
    seed: int
    deterministic: bool
    wins: int
    """Of the first player."""
    draws: int
    losses: int
    wins_by_side: tuple[int, ...]
    pairs: tuple[int, ...]
    steps: int
    replays: tuple[str, ...]
    """SHA-256 of the replays of the first and the second games of all pairs."""

    @property
    def id(self) -> str:
        """Hash of all it says."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def players(self) -> tuple[str, str]:
        """Keys of both."""
        return self.first, self.second

    def result(self) -> dict[str, Any]:
        """What follows from the replays."""
        return {
            "wins": self.wins,
            "draws": self.draws,
            "losses": self.losses,
            "wins_by_side": self.wins_by_side,
            "pairs": self.pairs,
            "steps": self.steps,
        }


def result_of(tally: Tally) -> dict[str, Any]:
    """What a match's line says about its games."""
    return {
        "wins": tally.wins,
        "draws": tally.draws,
        "losses": tally.losses,
        "wins_by_side": tuple(tally.wins_by_side),
        "pairs": tuple(tally.pairs),
        "steps": tally.steps,
    }


def read_ledger(folder: Path) -> list[Match]:
    """The matches of a league, in their order.

    Raises:
        ArenaError: a line is damaged, or was changed.
    """
    path = folder / LEDGER
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise ArenaError(f"{path} cannot be read: {error}.") from None
    return [_read_line(f"{path}, line {number}", line) for number, line in enumerate(lines, start=1)]


def write_ledger(folder: Path, matches: Iterable[Match]) -> None:
    """Write all lines, whole or not at all."""
    lines = (json.dumps({"id": match.id, **asdict(match)}) + "\n" for match in matches)
    write_atomically(folder / LEDGER, "".join(lines).encode())


def add_matches(folder: Path, matches: Iterable[Match]) -> list[Match]:
    """Add the matches that are not there yet, and return them. Another process may play in the league, too.

    Raises:
        ArenaError: the ledger is damaged.
        OSError: it cannot be written.
    """
    with Mutex(folder / LOCK):
        there = read_ledger(folder)
        known = {match.id for match in there}
        new = [match for match in matches if match.id not in known]
        write_ledger(folder, [*there, *new])
    return new


def _read_line(where: str, line: str) -> Match:
    try:
        content = json.loads(line)
        claimed = content.pop("id")
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        match = Match(**values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ArenaError(f"{where} is no match: the ledger is damaged.") from None
    if not _is_sound(match):
        raise ArenaError(f"{where} is no match that can have been played: the ledger is damaged.")
    if claimed != match.id:
        raise ArenaError(f"{where} does not match its id: it was changed after the match.")
    return match


def _is_sound(match: Match) -> bool:
    """Whether the line's values have the types and sizes that a match's have."""
    numbers: Mapping[str, Any] = {name: getattr(match, name) for name in COUNTS}
    texts = (match.environment, match.first, match.second, *match.replays)
    lists = (match.wins_by_side, match.pairs, match.replays)
    if not all(isinstance(text, str) for text in texts) or not isinstance(match.settings, dict):
        return False
    if not all(isinstance(one, tuple) for one in lists) or [len(one) for one in lists] != [2, 5, 2]:
        return False
    if not all(re.fullmatch("[0-9a-f]{64}", digest) for digest in match.replays):
        return False
    counts = (*numbers.values(), *match.wins_by_side, *match.pairs)
    if not all(isinstance(count, int) and not isinstance(count, bool) and 0 <= count < 1 << 63 for count in counts):
        return False
    return match.games == match.wins + match.draws + match.losses and 2 <= match.games <= MAX_GAMES
