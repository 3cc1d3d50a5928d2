"""Play a batch with random actions and record all its outputs."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.conformance.heartbeat import beat
from puffer_envs.contract import BufferEnv

Output = dict[str, NDArray[Any]]
"""Copies of all outputs at one moment, by name."""

UNBOUNDED = 10.0
"""Random actions stay within this of zero, or of the only bound, where a box is unbounded."""


WITHOUT_SEED = "without a seed"


class Run(Protocol):
    """An environment and the generator of its random actions. Episodes that end are followed by others."""

    where: str
    """The last call: 'step 3 after reset(seed=7)'."""

    def reset(self, seed: int | None) -> Output:
        """Reset the environment; a seed restarts the random actions too."""
        ...

    def step(self) -> Output:
        """Take a random step; where an episode was over before, begin the next one instead."""
        ...

    def close(self) -> None:
        """Close the environment."""
        ...


class Tracked:
    """Keeps `Run.where`."""

    where = "being made"

    def __init__(self) -> None:
        self._origin, self._between, self._steps = "", "", 0

    def note_reset(self, seed: int | None) -> None:
        """A reset begins."""
        beat()
        if seed is None and self._origin:
            self._between = f", a reset {WITHOUT_SEED} in between"
            self.where = f"a reset {WITHOUT_SEED}, {self._steps} steps after {self._origin}"
            return
        self._origin, self._between, self._steps = f"reset({'' if seed is None else f'seed={seed}'})", "", 0
        self.where = self._origin

    def note_step(self) -> None:
        """A step begins."""
        beat()
        self._steps += 1
        self.where = f"step {self._steps} after {self._origin}{self._between}"


class BatchRun(Tracked):
    """A batch behind the buffer contract, which restarts by itself."""

    def __init__(self, env: Any) -> None:
        super().__init__()
        self.env = env
        self._rng = np.random.default_rng(0)

    def reset(self, seed: int | None) -> Output:
        """See `Run`."""
        self.note_reset(seed)
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self.env.reset(seed)
        return self._shown()

    def step(self) -> Output:
        """See `Run`."""
        self.note_step()
        self.env.step(random_actions(self.env, self._rng))
        return self._shown()

    def _shown(self) -> Output:
        """All outputs but the final observations, which have their own check."""
        return {name: array for name, array in outputs(self.env).items() if name != "final_observations"}

    def close(self) -> None:
        """See `Run`."""
        self.env.close()


def outputs(env: BufferEnv) -> Output:
    """Copies of all outputs that the contract requires to be written."""
    ended = (env.terminals | env.truncations).reshape(-1, *[1] * (env.observations.ndim - 1))
    shown = {
        "observations": env.observations.copy(),
        "rewards": env.rewards.copy(),
        "terminals": env.terminals.copy(),
        "truncations": env.truncations.copy(),
        "final_observations": np.where(
            ended.reshape(-1, *[1] * (env.observations.ndim - 1)),
            env.final_observations,
            np.zeros_like(env.observations),
        ),
    }
    optional = {"action_masks": env.action_masks, "agent_mask": env.agent_mask}
    return shown | {name: array.copy() for name, array in optional.items() if array is not None}


def difference(one: Output, other: Output) -> str:
    """Where two outputs differ, and in what; empty if they are the same to the last bit."""
    if one.keys() != other.keys():
        odd = sorted(one.keys() ^ other.keys())
        return f"{odd[0]} exists one time and not the other"
    for name, x in one.items():
        y = other[name]
        if x.shape != y.shape or x.dtype != y.dtype:
            return f"{name} is {x.dtype} {x.shape} one time and {y.dtype} {y.shape} the other"
        if x.tobytes() != y.tobytes():
            if x.ndim == 0:
                return f"{name} is {x} one time and {y} the other"
            bits = [np.ascontiguousarray(a).view(np.uint8).reshape(*a.shape, -1) for a in (x, y)]
            at = tuple(int(i) for i in np.argwhere((bits[0] != bits[1]).any(axis=-1))[0])
            return f"{name}{list(at)} is {x[at]} one time and {y[at]} the other"
    return ""


def random_actions(
    env: BufferEnv, rng: np.random.Generator, first_row: int = 0, rows: int | None = None
) -> NDArray[Any]:
    """One random action per row, among those that `action_masks` allows.

    Args:
        env: whose actions.
        rng: uniform numbers are drawn from it for `rows` rows, so that ...
        first_row: ... rows of a smaller batch get what they would get as part of a larger one.
        rows: of the larger batch; None if this is all.
    """
    beat()  # nearly every step of a batch begins with this
    space, mine = env.single_action_space, slice(first_row, first_row + env.num_agents)
    rows = env.num_agents if rows is None else rows
    if isinstance(space, spaces.Box):
        below, above = np.isfinite(space.low), np.isfinite(space.high)
        low = np.where(below, space.low, np.where(above, space.high, 0.0) - UNBOUNDED)
        high = np.where(above, space.high, np.where(below, space.low, 0.0) + UNBOUNDED)
        return rng.uniform(low, high, (rows, *space.shape))[mine].astype(np.float32).clip(space.low, space.high)
    choices = np.atleast_1d(space.n if isinstance(space, spaces.Discrete) else space.nvec)  # type: ignore[attr-defined]
    if env.action_masks is None:
        shape = (rows, *env.actions.shape[1:])
        return rng.integers(0, choices if len(shape) > 1 else choices[0], shape, dtype=np.int32)[mine]
    scores = np.where(env.action_masks, rng.random((rows, int(choices.sum())))[mine], -1.0)
    parts = np.split(scores, np.cumsum(choices)[:-1], axis=1)
    picked = np.stack([part.argmax(axis=1) for part in parts], axis=1)
    return np.asarray(picked.reshape(env.actions.shape), dtype=np.int32)
