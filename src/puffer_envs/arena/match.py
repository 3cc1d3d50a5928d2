"""Matches: games in pairs with the same seed and the sides swapped, between all players at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.actors import make_actor
from puffer_envs.arena.errors import ArenaError
from puffer_envs.arena.players import Player
from puffer_envs.arena.referee import LOSS, SCRIPT, WIN, Referee
from puffer_envs.arena.sides import Sides, against_script, two_sides
from puffer_envs.environment import Environment, make

MAX_GAMES = 1_000_000
"""Of each two players in a match."""
MAX_STEPS = 200_000
"""A game this long would never end."""
SECOND_SEED = 1 << 32
"""Added to the seed of the second game of a pair against a script, which has no sides to swap."""

Watch = Callable[[int, int], None]
"""Called with the games that are over, and of how many."""


@dataclass(frozen=True)
class MatchOptions:
    """How a match is played."""

    games: int = 1000
    """Of each two players; an even number."""
    seed: int = 0
    """Of the games and of what players draw."""
    deterministic: bool = False
    """Whether policies take their most likely action."""
    threads: int = 1
    """To step the games with."""
    networks: Sequence[str] = ()
    """Names of networks that may be imported."""


@dataclass
class Tally:
    """The games of two players, from the view of the first."""

    first: Player
    second: Player
    wins: int = 0
    draws: int = 0
    losses: int = 0
    wins_by_side: list[int] = field(default_factory=lambda: [0, 0])
    """Wins with each side of the board."""
    pairs: list[int] = field(default_factory=lambda: [0] * 5)
    """Pairs of games in which the first had 0, 1/2, 1, 1 1/2 and 2 points."""
    steps: int = 0
    """Of all games together."""

    @property
    def games(self) -> int:
        """How many were played."""
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """Points of the first per game: 1 for a win, 1/2 for a draw."""
        return (self.wins + 0.5 * self.draws) / self.games

    def add(self, outcomes: NDArray[np.int64], steps: NDArray[np.int64]) -> None:
        """Add pairs of games. outcomes: for the first, (2, pairs): with side 0, then with side 1. steps: of each."""
        self.wins += int((outcomes == WIN).sum())
        self.losses += int((outcomes == LOSS).sum())
        self.draws += int((outcomes == 0).sum())
        self.steps += int(steps.sum())
        for side in (0, 1):
            self.wins_by_side[side] += int((outcomes[side] == WIN).sum())
        for points, count in enumerate(np.bincount(outcomes.sum(axis=0) + 2, minlength=5).tolist()):
            self.pairs[points] += count

    def plus(self, other: Tally) -> Tally:
        """These games and others of the same two."""
        total = Tally(self.first, self.second, self.wins + other.wins, self.draws + other.draws)
        total.losses, total.steps = self.losses + other.losses, self.steps + other.steps
        total.wins_by_side = [a + b for a, b in zip(self.wins_by_side, other.wins_by_side, strict=True)]
        total.pairs = [a + b for a, b in zip(self.pairs, other.pairs, strict=True)]
        return total


@dataclass(frozen=True)
class Played:
    """One batch that was played to its end."""

    outcomes: NDArray[np.int64]
    """For side 0, (games,)."""
    lengths: NDArray[np.int64]
    """Steps, (games,)."""
    actions: NDArray[Any] | None
    """Of all steps, (steps, rows, ...), if they were kept."""


@dataclass(frozen=True)
class Table:
    """Pairs of players that are played in the same batches."""

    sides: Sides
    pairs: list[tuple[int, int]]
    """Numbers of players; the second may be a script."""


def play_match(
    name: str,
    players: Sequence[Player],
    given: Mapping[str, Any],
    options: MatchOptions,
    watch: Watch = lambda done, of: None,
    replays: Path | None = None,
) -> list[Tally]:
    """Play all against all. Two scripts do not play each other.

    Args:
        name: of the environment.
        players: who plays.
        given: settings of the environment over its defaults.
        options: how.
        watch: called with the progress.
        replays: folder for a replay of each kind of win; None for no replays.

    Raises:
        ArenaError: the players cannot play this.
        OSError: a replay cannot be written.
    """
    tables = arrange(name, players, given)
    of = sum(len(table.pairs) for table in tables) * options.games
    done, tallies = 0, []
    for table in tables:
        half = options.games // 2
        seats = np.repeat(np.array(table.pairs, np.int64), half, axis=0)
        rounds = []
        for swapped in (0, 1):
            order = seats[:, ::-1] if swapped and not table.sides.scripted else seats
            finished = play_batch(
                table.sides,
                players,
                order,
                options,
                swapped,
                lambda count, before=done: watch(before + count, of),  # type: ignore[misc]
                keep=replays is not None,
            )
            done += len(seats)
            rounds.append(finished)
            if replays is not None:
                save_kinds(replays, table.sides, players, order, finished, round_seed(table.sides, options, swapped))
        turned = 1 if table.sides.scripted else -1
        outcomes = np.stack([rounds[0].outcomes, turned * rounds[1].outcomes])
        steps = np.stack([part.lengths for part in rounds])
        for number, (a, b) in enumerate(table.pairs):
            part = slice(number * half, (number + 1) * half)
            tally = Tally(players[a], players[b])
            tally.add(outcomes[:, part], steps[:, part])
            tallies.append(tally)
    return tallies


def arrange(name: str, players: Sequence[Player], given: Mapping[str, Any]) -> list[Table]:
    """Who plays whom: players of both sides in one table, those against scripts in another.

    Raises:
        ArenaError: nobody can play anybody.
    """
    scripts = [number for number, player in enumerate(players) if player.kind == "script"]
    others = [number for number, player in enumerate(players) if player.kind != "script"]
    for number in scripts:
        against_script(name, given, players[number].strength)  # raises for a strength that there is not
    tables = []
    duels = [(a, b) for place, a in enumerate(others) for b in others[place + 1 :]]
    if duels:
        tables.append(Table(two_sides(name, given), duels))
    if scripts and others:
        sides = against_script(name, given, players[scripts[0]].strength)
        tables.append(Table(sides, [(a, b) for a in others for b in scripts]))
    if not tables:
        raise ArenaError("a match needs two players, and one that is no script: name policies, trained or random.")
    return tables


def round_seed(sides: Sides, options: MatchOptions, swapped: int) -> int:
    """The seed of the games: the same for both games of a pair, where sides are swapped."""
    return options.seed + SECOND_SEED * swapped * sides.scripted


def play_batch(
    sides: Sides,
    players: Sequence[Player],
    seats: NDArray[np.int64],
    options: MatchOptions,
    swapped: int,
    watch: Callable[[int], None] = lambda count: None,
    keep: bool = False,
    replay: Path | None = None,
) -> Played:
    """Play one game in each environment of a batch.

    Args:
        sides: how an environment is shared.
        players: by number.
        seats: numbers of the players on each side, (games, 2).
        options: how.
        swapped: 0 for the first games of the pairs, 1 for the second.
        watch: called with how many games are over.
        keep: whether to keep all actions.
        replay: where to write the batch's replay; its scripts must be of one strength.
    """
    seed = round_seed(sides, options, swapped)
    with make(sides.environment, len(seats), threads=options.threads, **sides.settings) as env:
        referee = make_referee(env, sides, players, seats, options, swapped)
        if replay is None:
            _set_strengths(env, sides, players, seats)
            env.reset(seed)
        else:
            env.start_replay(seed)
        actions = []
        while referee.playing.any():
            chosen = referee.choose()
            if keep:
                actions.append(chosen)
            env.step(chosen)
            referee.see()
            watch(int((~referee.playing).sum()))
            if referee.steps >= MAX_STEPS:
                raise ArenaError(f"a game of {sides.environment} did not end within {MAX_STEPS} steps.")
        if replay is not None:
            env.save_replay(replay)
    return Played(referee.outcomes, referee.lengths, np.stack(actions) if keep else None)


def make_referee(
    env: Environment,
    sides: Sides,
    players: Sequence[Player],
    seats: NDArray[np.int64],
    options: MatchOptions,
    swapped: int,
) -> Referee:
    """The referee of a batch, with the players' chances seeded."""
    numbered = seats.copy()
    if sides.scripted:
        numbered[:, 1] = SCRIPT
    present = sorted({int(number) for number in numbered.flat} - {SCRIPT})
    seeds = np.random.SeedSequence([options.seed, swapped]).generate_state(max(present) + 1, np.uint64)
    actors = {
        number: make_actor(players[number], sides, env, int(seeds[number]), options.deterministic, options.networks)
        for number in present
    }
    return Referee(env, sides, numbered, actors)


def _set_strengths(env: Environment, sides: Sides, players: Sequence[Player], seats: NDArray[np.int64]) -> None:
    """Give each game the script of its own opponent."""
    if not sides.scripted or sides.strengths is None:
        return
    for number in np.unique(seats[:, 1]):
        env.set("strength", players[int(number)].strength, np.flatnonzero(seats[:, 1] == number))


def save_kinds(
    folder: Path, sides: Sides, players: Sequence[Player], seats: NDArray[np.int64], played: Played, seed: int
) -> None:
    """Write a replay of the first game of each kind: for each two players and sides, a win of either and a draw."""
    assert played.actions is not None
    folder.mkdir(parents=True, exist_ok=True)
    seen = set()
    for game, (a, b) in enumerate(seats.tolist()):
        outcome = int(played.outcomes[game])
        if (a, b, outcome) in seen:
            continue
        seen.add((a, b, outcome))
        one, other = players[a].label, players[b].label
        how = {WIN: f"{one}-beats-{other}", LOSS: f"{other}-beats-{one}"}.get(outcome, f"{one}-draws-{other}")
        side = {WIN: "-as-first", LOSS: "-as-second"}.get(outcome, "")
        strength = {} if players[b].strength is None or not sides.scripted else {"strength": players[b].strength}
        path = folder / f"{how}{side}.puf".replace(":", "-")
        rows = slice(game * len(sides.rows), (game + 1) * len(sides.rows))
        with make(sides.environment, 1, first=game, **{**sides.settings, **strength}) as env:
            env.start_replay(seed)
            for actions in played.actions[: played.lengths[game], rows]:
                env.step(actions)
            env.save_replay(path)
