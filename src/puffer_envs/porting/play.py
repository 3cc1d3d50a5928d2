"""Who plays while two environments are compared: random actions held for a while, or a policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.environment import Environment
from puffer_envs.policy import load_policy

Player = Callable[[NDArray[Any], NDArray[np.bool_]], NDArray[Any]]
"""Observations, and which rows have just begun an episode -> an action for each row."""


def draw(space: Any, rows: int, rng: np.random.Generator) -> NDArray[Any]:
    """Random actions; a third of the continuous ones at an end of their range."""
    if isinstance(space, spaces.Box):
        actions = rng.uniform(space.low, space.high, (rows, *space.shape))
        ends = rng.random(actions.shape)
        actions = np.where(ends < 1 / 6, space.low, np.where(ends > 5 / 6, space.high, actions))
        return actions.astype(np.float32)
    if isinstance(space, spaces.MultiDiscrete):
        return rng.integers(0, space.nvec, (rows, len(space.nvec))).astype(np.int32)
    return rng.integers(0, space.n, rows).astype(np.int32)


def random_player(space: Any, rng: np.random.Generator, keep: float = 0.0) -> Player:
    """Random actions, each held on with the chance `keep`: what is held leads further."""
    held: list[NDArray[Any]] = []

    def play(observations: NDArray[Any], begun: NDArray[np.bool_]) -> NDArray[Any]:
        rows = len(observations)
        fresh = draw(space, rows, rng)
        if held and len(held[0]) == rows:
            stay = (rng.random(rows) < keep) & ~begun
            fresh[stay] = held[0][stay]
        held[:] = [fresh]
        return fresh.copy()

    return play


def policy_player(path: Path, env: Environment, seed: int) -> Player:
    """The policy in a file.

    Raises:
        ValueError: it does not fit the environment, or is none.
    """
    policy = load_policy(path, seed=seed)
    policy.require(env.spec.name, env.single_observation_space, env.single_action_space, env.observation_fields)
    rows = [0]

    def play(observations: NDArray[Any], begun: NDArray[np.bool_]) -> NDArray[Any]:
        if len(observations) != rows[0]:
            policy.reset()
            rows[0] = len(observations)
        else:
            policy.reset(begun)
        return policy.act(observations)

    return play


def scripted_player(act: Callable[..., Any], env: Environment) -> Player:
    """A function from an observation to an action; or a class, of which a new instance plays each episode as one."""
    own: dict[int, Callable[[Any], Any]] = {}

    def play(observations: NDArray[Any], begun: NDArray[np.bool_]) -> NDArray[Any]:
        for row in np.flatnonzero(begun):
            own[int(row)] = act() if isinstance(act, type) else act
        return np.array([own[i](row) for i, row in enumerate(observations)], env.actions.dtype).reshape(
            len(observations), *env.actions.shape[1:]
        )

    return play
