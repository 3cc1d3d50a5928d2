"""How good a policy is, measured on fresh full episodes.

A training log favours short episodes, since those end more often. Here every agent plays its first episode to the
end and is counted once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from puffer_envs.contract import BufferEnv
from puffer_envs.contract.logs import count_of
from puffer_train.algorithm.buffers import Buffers
from puffer_train.algorithm.masks import check_masks
from puffer_train.config import TrainSettings
from puffer_train.contract import EnvironmentSpec, describe
from puffer_train.errors import EnvironmentCalls
from puffer_train.learners.registry import make_learner
from puffer_train.policy import Policy

MAX_EPISODE_STEPS = 200_000
"""Steps after which an evaluation stops waiting for unfinished episodes."""


Watch = Callable[[int, int, int], None]
"""Told how many agents have finished, of how many, after how many steps."""


@dataclass
class Evaluation:
    """The result of an evaluation: one number per finished episode."""

    figures: dict[str, list[float]] = field(default_factory=dict)
    """Every statistic that the environment logs, or `episode_return` and `episode_length`."""
    so_far: list[float] = field(default_factory=list)
    """The return, up to there, of each first episode that did not end within the limit."""
    max_steps: int = 0
    """The limit: steps of each environment."""

    @property
    def unfinished(self) -> int:
        """Agents whose first episode did not end within the limit."""
        return len(self.so_far)

    @property
    def episodes(self) -> int:
        """Finished episodes."""
        return len(self.figures["episode_return"]) if self.figures else 0

    @property
    def main(self) -> str:
        """Name of the most important statistic."""
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
    env: BufferEnv,
    policy: Policy,
    seed: int,
    *,
    deterministic: bool = False,
    longest: int = MAX_EPISODE_STEPS,
    watch: Watch = lambda finished, agents, step: None,
    name: str = "environment",
    learner: str = "auto",
) -> Evaluation:
    """Reset the environment with `seed` and play every agent's first episode to its end.

    The environment's optional `log(env=i)` is read whenever an episode of environment i ends, so that it
    holds just the episodes that ended with that step; agents of one environment that end together share its
    means. Without a log, returns and lengths are summed here.

    Args:
        env: The environments to play in.
        policy: The policy to evaluate.
        seed: Seeds the environment and the actions.
        deterministic: Whether to take the likeliest actions rather than draw them.
        longest: Steps after which unfinished episodes are abandoned.
        watch: Called after every step with the number of finished agents, of all agents, and of the step.
        name: Names the environment in errors.
        learner: What computes the actions: one of `config.LEARNERS`.

    Raises:
        EnvironmentFailedError: The environment raised.
    """
    calls = EnvironmentCalls(name)
    with calls:
        env.reset(seed)
    return _play_first_episodes(
        env, policy, seed, calls, deterministic=deterministic, longest=longest, watch=watch, learner=learner
    )


def evaluation_envs(spec: EnvironmentSpec, episodes: int) -> int:
    """Return how many environments give at least `episodes` first episodes."""
    return -(-episodes // (spec.rows // spec.envs))


def records(env: BufferEnv) -> bool:
    """Whether the environment can record replays."""
    return hasattr(env, "start_replay") and hasattr(env, "save_replay")


def record(
    env: Any, policy: Policy, seed: int, path: Path, *, deterministic: bool = False, name: str = "environment"
) -> Evaluation:
    """Play like `evaluate` in an environment that records, and write a replay file.

    Raises:
        EnvironmentFailedError: The environment, called `name` in the message, raised.
        OSError: The file cannot be written.
    """
    calls = EnvironmentCalls(name)
    with calls:
        env.start_replay(seed)
    result = _play_first_episodes(env, policy, seed, calls, deterministic=deterministic, longest=MAX_EPISODE_STEPS)
    env.save_replay(path)
    return result


@torch.no_grad()
def _play_first_episodes(
    env: BufferEnv,
    policy: Policy,
    seed: int,
    calls: EnvironmentCalls,
    *,
    deterministic: bool,
    longest: int,
    watch: Watch = lambda finished, agents, step: None,
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
        check_masks(buffers, 0, slice(None), spec, calls.name, length)
        actor.begin(generator)
        actor.act(0, deterministic)
        if env.agent_mask is not None:  # an agent that comes back remembers nothing, as in training
            state *= torch.from_numpy(env.agent_mask).unsqueeze(-1)
        buffers.give_actions(env, 0)
        with calls:
            calls.run(env.step, env.actions)
        length += 1
        returns[waiting] += env.rewards[waiting]
        ends = env.terminals | env.truncations
        if env.agent_mask is not None:
            ends |= waiting & ~env.agent_mask  # an agent may leave without a terminal
        watch(count - int((waiting & ~ends).sum()), count, length)
        if not ends.any():
            continue
        state *= torch.from_numpy(~ends).unsqueeze(-1)
        first = ends & waiting
        # the log is also read where only later episodes ended: reading clears it
        ended = np.unique(np.flatnonzero(ends) // agents).tolist()
        with calls:
            logs = {} if log is None else {i: log(env=i) for i in ended}
        if log is not None and agents == 1:  # a life may end within an episode: nothing is logged, and play continues
            logged = np.array([bool(logs.get(row)) for row in range(rows)])
            first &= logged
        for row in np.flatnonzero(first).tolist():
            figures = {"episode_return": returns[row], "episode_length": float(length)}
            own = logs.get(row // agents, {})
            figures |= {key: value for key, value in own.items() if key != count_of(key, own)}
            for name, value in figures.items():
                if math.isfinite(value):
                    result.figures.setdefault(name, []).append(float(value))
        waiting &= ~(first if agents == 1 else ends)
    result.so_far, result.max_steps = returns[waiting].tolist(), longest
    return result
