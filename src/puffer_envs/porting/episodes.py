"""Level 2: whole episodes, which start from the same state and are then left alone; and where episodes start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting.pair import Outcome, Pair
from puffer_envs.porting.play import Player
from puffer_envs.porting.steps import Case

MAX_STEPS = 100_000
"""Of an episode: one that never ends is cut there."""
MEAN_LIMIT = 3.29
"""Standard errors."""
START_CHANCE = 0.001
"""How often Kolmogorov and Smirnov's test may take equal distributions of a field for different ones."""


@dataclass
class Episodes:
    """What whole episodes gave."""

    count: int = 0
    """Episodes compared."""
    steps: int = 0
    """Steps in them."""
    followed: int = 0
    """Of those steps, how many were compared one by one."""
    together: int = 0
    """Episodes that ended in the same step, in the same way."""
    borderline: int = 0
    """Episodes that ended on one side only, within a rounding of the border."""
    chaotic: int = 0
    """Episodes that came to a chaotic state. From there on the actions, which are chosen for our side, do not suit the
    other: what becomes of these is left to the players of level 3."""
    judged: list[float] = field(default_factory=list)
    """Differences of the returns of the other episodes."""
    returns: list[tuple[float, float]] = field(default_factory=list)
    """Ours and the reference's."""
    lengths: list[tuple[int, int]] = field(default_factory=list)
    """Ours and the reference's."""
    found: Case | None = None
    """The first episode that differs."""
    starts: dict[str, float] = field(default_factory=dict)
    """Of each field: how far the distributions of its first values are apart, as a share of what is allowed."""
    start_count: int = 0
    """Starts compared."""

    @property
    def returns_agree(self) -> bool:
        """Whether the mean difference of judged returns may be 0: it exceeds this once in a thousand times."""
        apart = np.array(self.judged)
        if len(apart) < 2:
            return True
        error = max(float(apart.std(ddof=1)) / len(apart) ** 0.5, 1e-4 * max(1.0, float(np.abs(self.returns).max())))
        return bool(abs(float(apart.mean())) <= MEAN_LIMIT * error)


def compare_episodes(pair: Pair, players: Sequence[Player], count: int, starts: int = 5000) -> Episodes:
    """Play episodes with each player in turn, the same actions on both sides. The pair has one environment of ours."""
    result = Episodes()
    compare_starts(pair, starts, result)
    for number in range(count):
        _play(pair, players[number % len(players)], result)
        if result.found is not None:
            break
    return result


class _Side:
    """One side of an episode."""

    def __init__(self) -> None:
        self.total, self.steps, self.over = 0.0, 0, False

    def add(self, outcome: Outcome) -> None:
        """Count a step."""
        self.total += outcome.reward
        self.steps += 1
        self.over = outcome.terminal or outcome.truncated


def _play(pair: Pair, player: Player, result: Episodes) -> None:
    """One episode on both sides: step by step for as long as that says something, then to both ends."""
    env, growth = pair.env, pair.adapter.growth
    env.reset()
    begin, begin_rng = pair.states()[0], pair.rng(0)
    pair.reference.reset()
    pair.write(begin)
    mine, other = _Side(), _Side()
    begun = np.ones(1, bool)
    actions: list[Any] = []
    apart = False
    while not (mine.over and other.over) and len(actions) < MAX_STEPS:
        action = player(env.observations, begun)
        begun = np.zeros(1, bool)
        rng, state = pair.rng(0), pair.states()[0]
        ours = pair.step_ours(action)[0]
        actions.append(action[0])
        together = not (mine.over or other.over)
        if not mine.over:
            mine.add(ours)
        if not other.over:
            theirs = pair.step_reference(action[0], rng, state)
            other.add(theirs)
        if not together or apart or len(actions) > growth.steps:
            continue
        apart = pair.is_chaotic(state, ours.state, theirs.state)
        if apart:
            result.chaotic += 1
            continue
        result.followed += 1
        widened = growth.after(len(actions))
        gaps = pair.compare(ours, theirs, widened)
        border = any(gap.what == "end" for gap in gaps) and pair.on_the_border(theirs, widened)
        if gaps and not border:
            result.found = Case(begin, begin_rng, actions, gaps, ours, theirs, "the start of an episode")
            return
        result.borderline += border
    result.count += 1
    result.steps += max(mine.steps, other.steps)
    result.together += mine.steps == other.steps
    result.returns.append((mine.total, other.total))
    if not apart:
        result.judged.append(mine.total - other.total)
    result.lengths.append((mine.steps, other.steps))


def compare_starts(pair: Pair, count: int, result: Episodes) -> None:
    """Whether episodes start in the same places: the distributions of every field after a reset."""
    if count == 0:
        return
    mine: dict[str, list[Any]] = {name: [] for name in pair.compared}
    theirs: dict[str, list[Any]] = {name: [] for name in pair.compared}
    while len(mine[pair.compared[0]]) < count:
        pair.env.reset()
        for state in pair.states():
            for name in pair.compared:
                mine[name].append(state[name])
    for _ in range(count):
        pair.reference.reset()
        state = pair.read()
        for name in pair.compared:
            theirs[name].append(state[name])
    for name in pair.compared:
        within = pair.adapter.of_field(name)
        result.starts[name] = distance(mine[name][:count], theirs[name], within.period, within.absolute)
    result.start_count = count


def distance(mine: Sequence[Any], theirs: Sequence[Any], period: float, within: float = 0.0) -> float:
    """Kolmogorov and Smirnov's distance of two samples, as a share of what chance gives once in a thousand times.

    Of a field with many elements, the farthest of them: the more there are, the farther chance brings one. Values that
    differ by no more than `within` count as one, as do neighbours within a rounding.
    """
    a, b = (np.asarray(x, np.float64).reshape(len(x), -1) for x in (mine, theirs))
    if period:
        a, b = (np.mod(x + period / 2, period) for x in (a, b))
    worst = 0.0
    for one, other in zip(a.T, b.T, strict=True):
        first, second = np.sort(np.round(one, 9)), np.sort(np.round(other, 9))
        worst = max(worst, _above(first, second, within), _above(second, first, within))
    limit = np.sqrt(np.log(2 * max(1, a.shape[1]) / START_CHANCE) / 2)
    return float(worst / (limit * np.sqrt(1 / len(a) + 1 / len(b))))


def _above(one: NDArray[np.float64], other: NDArray[np.float64], within: float) -> float:
    """How far the share of `one` up to a value is above that of `other` up to there, at most; both are sorted."""
    share = np.arange(1, len(one) + 1) / len(one)
    return float((share - np.searchsorted(other, one + within, "right") / len(other)).max())
