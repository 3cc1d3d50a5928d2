"""How good a policy is, judged on fresh full episodes.

A training log favours short episodes: whatever ends often is counted often. Here every agent plays its
first episode to the end and is counted once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from puffer_envs.contract.logs import count_of
from puffer_train.algorithm.buffers import Buffers
from puffer_train.config import TrainSettings
from puffer_train.contract import Environment, describe
from puffer_train.errors import EnvironmentCalls
from puffer_train.learners.protocol import make_learner
from puffer_train.policy import Policy

LONGEST_EPISODE = 200_000
"""Steps after which an evaluation stops waiting for episodes that do not end."""


@dataclass
class Evaluation:
    """What was found: one number per finished episode."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    """Every statistic that the environment logs, or `episode_return` and `episode_length`."""
    unfinished: int = 0
    """Agents whose first episode did not end within the limit."""

    @property
    def episodes(self) -> int:
        """Finished episodes."""
        return len(self.figures["episode_return"]) if self.figures else 0

    @property
    def main(self) -> str:
        """Name of the statistic to look at first."""
        return "score" if "score" in self.figures else "episode_return"

    def summary(self) -> dict[str, dict[str, float]]:
        """Return mean, standard deviation (over episodes), extremes and quartiles of each statistic."""
        return {
            name: {
                "mean": float(np.mean(values)),
                "std": float(np.std(values)),
                "min": float(np.min(values)),
                "q25": float(np.quantile(values, 0.25)),
                "median": float(np.median(values)),
                "q75": float(np.quantile(values, 0.75)),
                "max": float(np.max(values)),
            }
            for name, values in self.figures.items()
        }


def evaluate(
    env: Environment,
    policy: Policy,
    seed: int,
    *,
    deterministic: bool = False,
    longest: int = LONGEST_EPISODE,
    watch: Callable[[int, int], None] = lambda finished, agents: None,
    name: str = "environment",
    learner: str = "auto",
) -> Evaluation:
    """Reset the environment with `seed` and play every agent's first episode to its end.

    The environment's optional `log(env=i)` is read whenever an episode of environment i ends, so that it
    holds just the episodes that ended with that step; agents of one environment that end together share its
    means. Without a log, returns and lengths are added up here. `watch` is called with the finished and all
    agents now and then; learner is who computes actions. Raises `EnvironmentFailedError`, which names the environment
    by `name`, when it raises.
    """
    calls = EnvironmentCalls(name)
    with calls:
        env.reset(seed)
    return _play_first_episodes(
        env, policy, seed, calls, deterministic=deterministic, longest=longest, watch=watch, learner=learner
    )


def records(env: Environment) -> bool:
    """Whether the environment can record replays."""
    return hasattr(env, "start_replay") and hasattr(env, "save_replay")


def record(env: Any, policy: Policy, seed: int, path: Path, *, deterministic: bool = False) -> Evaluation:
    """Play like `evaluate` in an environment that records, and leave a replay file."""
    env.start_replay(seed)
    calls = EnvironmentCalls("environment")
    result = _play_first_episodes(env, policy, seed, calls, deterministic=deterministic, longest=LONGEST_EPISODE)
    env.save_replay(path)
    return result


@torch.no_grad()
def _play_first_episodes(
    env: Environment,
    policy: Policy,
    seed: int,
    calls: EnvironmentCalls,
    *,
    deterministic: bool,
    longest: int,
    watch: Callable[[int, int], None] = lambda finished, agents: None,
    learner: str = "auto",
) -> Evaluation:
    spec = describe(env)
    rows, agents = spec.rows, spec.rows // spec.envs
    generator = torch.Generator().manual_seed(seed)
    buffers, state = Buffers(env, policy, 1), policy.initial_state(rows)
    (actor,) = make_learner(learner, policy, buffers, [env], state, TrainSettings(), 1).actors
    log = getattr(env, "log", None)
    if log is not None:
        log()
    result = Evaluation()
    waiting = np.ones(rows, np.bool_) if env.agent_mask is None else env.agent_mask.copy()
    count = int(waiting.sum())
    returns, length = np.zeros(rows), 0
    while waiting.any() and length < longest:
        buffers.observe(env)
        actor.begin(generator)
        actor.act(0, deterministic)
        env.actions[...] = buffers.actions[0].numpy().reshape(env.actions.shape)
        with calls:
            env.step(env.actions)
        length += 1
        returns[waiting] += env.rewards[waiting]
        ends = env.terminals | env.truncations
        if env.agent_mask is not None:
            ends |= waiting & ~env.agent_mask  # who leaves without a word is done all the same
        if not ends.any():
            continue
        state *= torch.from_numpy(~ends).unsqueeze(-1)
        first = ends & waiting
        # an environment's log is read even where only later episodes ended: that forgets them
        logs = {} if log is None else {i: log(env=i) for i in np.unique(np.flatnonzero(ends) // agents).tolist()}
        for row in np.flatnonzero(first).tolist():
            figures = {"episode_return": returns[row], "episode_length": float(length)}
            own = logs.get(row // agents, {})
            figures |= {key: value for key, value in own.items() if key != count_of(key, own)}
            for name, value in figures.items():
                if math.isfinite(value):
                    result.figures.setdefault(name, []).append(float(value))
        waiting &= ~ends
        watch(count - int(waiting.sum()), count)
    result.unfinished = int(waiting.sum())
    return result
