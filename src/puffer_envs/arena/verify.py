"""Whether a league's matches were played as its ledger says: they are played again, move by move.

A replay holds every move, and the environment's state hashes. So the rules and the result are checked to the bit. The
policies choose again, too, with the same seeds, in the positions of the replay: on the machine that played, they choose
the same moves. Another machine may round the last bit of a sum otherwise, which decides a move once in many thousand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.actors import Mask
from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.league import League, add
from puffer_envs.arena.ledger import Match, add_matches, read_ledger, result_of
from puffer_envs.arena.match import MatchOptions, Table, Tally, arrange, make_referee, round_seed
from puffer_envs.arena.players import Player
from puffer_envs.arena.referee import Referee
from puffer_envs.replay import Replay, ReplayError

MAX_OTHER_MOVES = 1e-3
"""Share of moves that a policy may choose otherwise, as on a machine that rounds otherwise."""


@dataclass(frozen=True)
class Verdict:
    """What playing a match again has shown."""

    moves: int
    """That players chose."""
    other: int
    """Moves that they would choose otherwise here."""


def verify(league: League, match: Match) -> Verdict:
    """Play a match again.

    Raises:
        ArenaError: it was not played so; one sentence says what differs.
    """
    where = f"match {match.id[:12]}"
    a, b = league.find(match.first), league.find(match.second)
    if (match.environment, match.version, match.settings) != (league.environment, league.version, league.settings):
        raise ArenaError(f"{where} was played in another environment or with other settings than the league's.")
    options = MatchOptions(match.games, match.seed, match.deterministic, networks=league.networks)
    (table,) = arrange(league.environment, [a, b], league.settings)
    tally, rounds, moves, other = Tally(a, b), [], 0, 0
    for swapped, digest in enumerate(match.replays):
        referee, chosen, differ = _repeat(league, where, digest, table, [a, b], options, swapped)
        moves, other = moves + chosen, other + differ
        turned = -1 if swapped and not table.sides.scripted else 1
        rounds.append((turned * referee.outcomes, referee.lengths))
    tally.add(np.stack([outcomes for outcomes, _ in rounds]), np.stack([lengths for _, lengths in rounds]))
    if result_of(tally) != match.result():
        raise ArenaError(
            f"{where} is forged: its replays give {tally.wins} won, {tally.draws} drawn, {tally.losses} lost; the "
            f"ledger says {match.wins}, {match.draws}, {match.losses}."
        )
    if other > MAX_OTHER_MOVES * moves + 1:
        raise ArenaError(f"{where} is forged: {other:,} of {moves:,} moves are not those that its players choose.")
    return Verdict(moves, other)


def _repeat(
    league: League,
    where: str,
    digest: str,
    table: Table,
    players: Sequence[Player],
    options: MatchOptions,
    swapped: int,
) -> tuple[Referee, int, int]:
    """Play the games of a replay again; returns who won, the moves, and how many the players choose otherwise."""
    sides = table.sides
    replay = _load(league.replay(digest), where, digest)
    about = (replay.environment, replay.settings, replay.num_envs, replay.first, replay.seed)
    if about != (sides.environment, sides.settings, options.games // 2, 0, round_seed(sides, options, swapped)):
        raise ArenaError(f"{where}: its replay is of other games, with another seed or other settings.")
    seats = np.repeat(np.array(table.pairs, np.int64), options.games // 2, axis=0)
    seats = seats[:, ::-1] if swapped and not sides.scripted else seats
    referee: Referee | None = None
    moves = other = 0
    try:
        for step, env in enumerate(replay.play()):
            if referee is None:
                referee = make_referee(env, sides, players, seats, options, swapped)
            else:
                referee.see()
            if step == len(replay):
                break
            if not referee.playing.any():
                raise ArenaError(f"{where}: its replay does not end with its last game.")
            chosen, recorded = referee.choose(), replay.actions[step]
            moving = referee.moving & referee.running
            _check_legal(where, step, env.action_masks, recorded, moving)
            differ = (chosen != recorded).reshape(len(moving), -1).any(axis=1)
            moves += int(moving.sum())
            other += int((differ & moving).sum())
    except ReplayError as error:
        raise ArenaError(f"{where} cannot be repeated: {error}.") from None
    assert referee is not None
    if referee.playing.any():
        raise ArenaError(f"{where}: its replay ends before its games.")
    return referee, moves, other


def _load(path: Path, where: str, digest: str) -> Replay:
    try:
        data = path.read_bytes()
    except OSError:
        raise ArenaError(f"{where}: its replay {path} is missing.") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise ArenaError(f"{where}: its replay {path} was changed: its hash is another one.")
    try:
        return Replay.load(path)
    except ReplayError as error:
        raise ArenaError(f"{where}: {error}.") from None


def _check_legal(
    where: str,
    step: int,
    masks: Mask | None,
    recorded: NDArray[Any],
    moving: Mask,
) -> None:
    """Raise ArenaError where a row that is to move takes an action that its mask forbids."""
    if masks is None or recorded.ndim > 1:
        return
    in_range = (recorded >= 0) & (recorded < masks.shape[1])
    legal = in_range & masks[np.arange(len(recorded)), np.where(in_range, recorded, 0)]
    wrong = np.flatnonzero(moving & ~legal)
    if len(wrong):
        row = int(wrong[0])
        raise ArenaError(f"{where}: move {int(recorded[row])} of row {row} in step {step + 1} is illegal.")


def merge(league: League, other: League, watch: Callable[[int, int], None] = lambda done, of: None) -> int:
    """Take the players and matches of another league, after playing its matches again; returns how many are new.

    Raises:
        ArenaError: it is a league of other games, or one of its matches cannot be repeated; nothing has changed.
    """
    for name in ("environment", "version", "settings"):
        if getattr(league, name) != getattr(other, name):
            raise ArenaError(
                f"{other.folder} is a league with another {name}: {getattr(other, name)}, not {getattr(league, name)}."
            )
    known = {match.id for match in read_ledger(league.folder)}
    new = [match for match in read_ledger(other.folder) if match.id not in known]
    for number, match in enumerate(new):
        verify(other, match)
        watch(number + 1, len(new))
    there = {player.key for player in league.players}
    add(league, [player for player in other.players if player.key not in there])
    for digest in (digest for match in new for digest in match.replays):
        league.keep_replay(other.replay(digest).read_bytes())
    return len(add_matches(league.folder, new))
