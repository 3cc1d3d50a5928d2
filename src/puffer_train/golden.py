"""A small task learned with the kernels alone, from first weights to the last update: its hash ships with the kernels.

All else is whole numbers and NumPy's exactly rounded operations, so that the hash depends on the kernels alone.
`python tests/make_kernels_golden.py` rewrites it, after an intended change.
"""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_train import _kernels

KINDS = [(cell, head) for cell in ("mingru", "lstm") for head in ("categorical", "gaussian")]
ROWS, TIME, HIDDEN, LAYERS, CONTEXTS, UPDATES = 37, 11, 32, 2, 5, 20
Floats = NDArray[np.float32]


def integers(seed: int, *shape: int) -> NDArray[np.uint64]:
    """Numbers that look random and come from integer arithmetic."""
    x = np.arange(np.prod(shape), dtype=np.uint64) + np.uint64(1 + (seed << 32))
    x *= np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return (x >> np.uint64(33)).reshape(shape)


def uniform(seed: int, size: float, *shape: int) -> Floats:
    """Numbers from -size to size, of 20 bits."""
    unit = (integers(seed, *shape) >> np.uint64(11)).astype(np.float32) / np.float32(1 << 20)
    return (unit * 2 - 1).astype(np.float32) * np.float32(size)


class Task:
    """One of five contexts is shown; the action that has its number pays 1, or continuous ones near a place of it."""

    def __init__(self, cell: str, head: str, threads: int = 1, isa: str | None = None) -> None:
        gaussian = head == "gaussian"
        self.choices = None if gaussian else (CONTEXTS, 2)
        outputs, actions = (2, 2) if gaussian else (CONTEXTS + 2, 2)
        gates, fan_in, state = (4, 2, 2) if cell == "lstm" else (3, 1, 1)
        self.workers = _kernels.Workers(threads, isa)
        self.learner = _kernels.Learner(
            self.workers,
            cell,
            CONTEXTS,
            HIDDEN,
            LAYERS,
            self.choices,
            np.array([1.5, 0.5], np.float32) if gaussian else None,
            np.full(CONTEXTS, 0.5, np.float32),
            "uint8",
            TIME,
        )
        shapes = [(HIDDEN, CONTEXTS), (LAYERS, gates * HIDDEN, fan_in * HIDDEN), (outputs + 1, HIDDEN)]
        self.weights: list[Floats | None] = [uniform(i, 0.3, *shape) for i, shape in enumerate(shapes)]
        self.weights.append(np.full(2, -0.5, np.float32) if gaussian else None)
        self.gradients = [None if w is None else np.zeros_like(w) for w in self.weights]
        averages = [None if w is None else np.zeros_like(w) for w in self.weights]
        matrices = []
        for weight, gradient, average in list(zip(self.weights, self.gradients, averages, strict=True))[:3]:
            assert weight is not None and gradient is not None and average is not None
            sides = weight.shape[-2:]
            matrices += list(zip(*(x.reshape(-1, *sides) for x in (weight, gradient, average)), strict=True))
        self.muon = _kernels.Muon(self.workers, matrices)

        def times(dtype: Any = np.float32, *more: int) -> NDArray[Any]:
            return np.zeros((TIME, ROWS, *more), dtype)

        self.state = np.zeros((LAYERS, ROWS, state * HIDDEN), np.float32)
        self.arrays: dict[str, Any] = {
            "observations": np.zeros((TIME + 1, ROWS, CONTEXTS), np.uint8),
            "actions": times(np.float32 if gaussian else np.int64, actions),
            "masks": None,
            "present": None,
            "ends": times(np.bool_),
            "first_state": self.state.copy(),
            "last_value": np.zeros(ROWS, np.float32),
        }
        for name in ("log_probs", "advantages", "values", "ratios", "rewards", "final_values"):
            self.arrays[name] = times()
        self.rollout = _kernels.Rollout(self.learner, self.arrays)
        self.env = SimpleNamespace(
            observations=np.zeros((ROWS, CONTEXTS), np.uint8),
            rewards=np.zeros(ROWS, np.float32),
            terminals=np.zeros(ROWS, np.bool_),
            truncations=np.zeros(ROWS, np.bool_),
        )
        self.actor = _kernels.Actor(self.rollout, self.env, self.state, 0, ROWS)
        self.learner.pack(tuple(self.weights))
        self.clock = 0
        self.scores: list[float] = []
        self.show()
        self.arrays["observations"][0] = self.env.observations

    def show(self) -> None:
        """Show everybody a new context."""
        self.clock += 1
        self.context = (integers(100 + self.clock, ROWS) % np.uint64(CONTEXTS)).astype(np.int64)
        self.env.observations[:] = np.arange(CONTEXTS) == self.context[:, None]

    def update(self) -> None:
        """One rollout and one gradient step."""
        arrays, env = self.arrays, self.env
        arrays["first_state"][...] = self.state
        for t in range(TIME):
            assert self.actor.act(t, 1000 * self.clock + t) == -1
            actions = arrays["actions"][t]
            if self.choices is None:
                env.rewards[:] = np.abs(actions[:, 0] - (self.context - 2)) < 0.75
            else:
                env.rewards[:] = (actions[:, 0] == self.context) & (actions[:, 1] == self.context % 2)
            env.terminals[:] = integers(self.clock, ROWS) % np.uint64(7) == 0
            self.show()
            self.actor.store(t)
            self.actor.reset_state(t)
        self.scores.append(float(arrays["rewards"].mean()))
        self.actor.look_ahead(TIME, self.state.copy())
        arrays["observations"][0] = arrays["observations"][TIME]
        self.rollout.estimate_advantages(1.0, 1.0, 0.9, 0.9, False, 1.0, 1.0)
        everyone, importance = np.arange(ROWS, dtype=np.int64), np.ones(ROWS, np.float32)
        length, _ = self.learner.gradient(
            self.rollout, everyone, importance, tuple(self.gradients), True, False, 0.2, 0.5, 1.0, 0.01
        )
        self.muon.step(0.05, 0.8, min(1.0, 1.0 / length))
        if self.weights[3] is not None and self.gradients[3] is not None:
            self.weights[3] -= np.float32(0.05) * self.gradients[3]
        self.learner.pack(tuple(self.weights))


def learned_digest(cell: str, head: str, threads: int = 1, isa: str | None = None) -> str:
    """SHA-256 of the weights after all updates."""
    task = Task(cell, head, threads, isa)
    for _ in range(UPDATES):
        task.update()
    return hashlib.sha256(b"".join(w.tobytes() for w in task.weights if w is not None)).hexdigest()
