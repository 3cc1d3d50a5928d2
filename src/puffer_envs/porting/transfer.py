"""Level 3: the same policy scores the same on both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_envs.porting.episodes import distance
from puffer_envs.porting.pair import Pair
from puffer_envs.porting.play import Player

LIMIT = 3.29
"""Standard errors that two means of the same thing differ by once in a thousand times."""
MAX_STEPS = 100_000
"""Of an episode: one that never ends is cut there."""


@dataclass(frozen=True)
class Score:
    """Mean return of a policy on one side, with the half width of its 95 % interval."""

    mean: float
    """Of the returns."""
    half: float
    """Of the interval around it."""
    length: float
    """Mean length of an episode, steps."""
    episodes: int
    """How many."""
    each: Mapping[str, Sequence[float]]
    """Of every episode: `return`, `length` and `last reward`, which says how it ended."""


@dataclass(frozen=True)
class Transfer:
    """What one policy scores on both sides."""

    policy: str
    """Its name."""
    ours: Score
    """Here."""
    theirs: Score
    """There."""

    @property
    def errors(self) -> float:
        """The difference of the means, in standard errors of it."""
        spread = float(np.hypot(self.ours.half, self.theirs.half)) / 1.96
        apart = abs(self.ours.mean - self.theirs.mean)
        return apart / spread if spread else (0.0 if apart < 1e-6 * max(1.0, abs(self.ours.mean)) else np.inf)

    @property
    def distances(self) -> dict[str, float]:
        """How far the distributions are apart, as a share of what chance gives once in a thousand times."""
        return {
            name: distance(_rounded(mine), _rounded(self.theirs.each[name]), 0.0)
            for name, mine in self.ours.each.items()
        }

    @property
    def same(self) -> bool:
        """Whether the two means, and the distributions, may be equal."""
        return self.errors <= LIMIT and max(self.distances.values()) <= 1


def compare_scores(pair: Pair, make_players: dict[str, Callable[[], Player]], episodes: int) -> list[Transfer]:
    """Play each policy for so many episodes on each side."""
    return [
        Transfer(name, _ours(pair, make(), episodes), _theirs(pair, make(), episodes))
        for name, make in make_players.items()
    ]


def _rounded(values: Sequence[float]) -> list[float]:
    """With six digits: 99.9 as float32 is larger than as float64, and a distribution would be all above the other."""
    return [float(f"{value:.6g}") for value in values]


def _score(returns: list[float], lengths: list[int], last: list[float]) -> Score:
    values = np.array(returns)
    half = 1.96 * float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else np.inf
    each = {"return": returns, "length": [float(n) for n in lengths], "last reward": last}
    return Score(float(values.mean()), half, float(np.mean(lengths)), len(values), each)


def _ours(pair: Pair, player: Player, episodes: int) -> Score:
    """The first episode of each environment, and so on: as many as there are, short or long."""
    env = pair.env
    returns: list[float] = []
    lengths: list[int] = []
    lasts: list[float] = []
    while len(returns) < episodes:
        observations = env.reset()
        begun = np.ones(env.num_envs, bool)
        total, steps, over = np.zeros(env.num_envs), 0, np.zeros(env.num_envs, bool)
        length = np.zeros(env.num_envs, int)
        last = np.zeros(env.num_envs)
        while not over.all() and steps < MAX_STEPS:
            observations, rewards, terminals, truncations = env.step(player(observations, begun))
            begun = np.asarray(terminals | truncations)
            steps += 1
            total[~over] += rewards[~over]
            last[~over] = rewards[~over]
            length[~over] += 1
            over |= begun
        take = min(env.num_envs, episodes - len(returns))
        returns += total[:take].tolist()
        lengths += length[:take].tolist()
        lasts += last[:take].tolist()
    return _score(returns, lengths, lasts)


def _theirs(pair: Pair, player: Player, episodes: int) -> Score:
    reference = pair.reference
    shape = pair.env.observations.shape[1:]
    returns, lengths, lasts = [], [], []
    for _ in range(episodes):
        seen, _ = reference.reset()
        total, reward, steps, begun, over = 0.0, 0.0, 0, True, False
        while not over and steps < MAX_STEPS:
            action: Any = player(pair.seen(seen).reshape(1, *shape).astype(pair.spec.obs_dtype), np.array([begun]))[0]
            seen, reward, terminal, truncated, _ = reference.step(pair.convert(action))
            total += float(reward)
            steps += 1
            begun, over = False, bool(terminal or truncated)
        returns.append(total)
        lengths.append(steps)
        lasts.append(float(reward))
    return _score(returns, lengths, lasts)
