"""Games of a replay as players write them, for other programs: chess as PGN, go, gomoku, hex and othello as SGF."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from puffer_envs.contract.errors import UserError
from puffer_envs.notation import pgn, sgf
from puffer_envs.replay import Replay

WRITERS: dict[str, Callable[[Replay], Iterator[str]]] = {
    "chess": pgn.games_of,
    **dict.fromkeys(sgf.KINDS, sgf.games_of),
}


def write_games(replay: Replay) -> str:
    """All games of a replay, those of the first environment first.

    Raises:
        UserError: there is no notation for this environment.
    """
    writer = WRITERS.get(replay.environment)
    if writer is None:
        raise UserError(f"no notation for {replay.environment}: there is one for {', '.join(sorted(WRITERS))}.")
    return "\n".join(writer(replay))
