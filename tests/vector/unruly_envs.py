"""Batches for the tests of worker processes: well-behaved ones with every optional part, and ones that misbehave."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray


@dataclass(frozen=True)
class Trouble:
    """What an environment does instead of behaving."""

    kind: str
    """One of the methods of `Trouble`."""
    where: str
    """The method of the batch in which it happens; `__init__` for its construction."""
    env: int = 0
    """Number, in the run, of the environment that does it."""
    after: int = 0
    """Calls of that method that go well before."""

    def start(self) -> None:
        getattr(self, self.kind)()

    def kill(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def segfault(self) -> None:
        ctypes.string_at(0)

    def leave(self) -> None:
        os._exit(3)

    def sys_exit(self) -> None:
        sys.exit(4)

    def error(self) -> None:
        raise RuntimeError("on purpose")

    def end_of_file(self) -> None:
        input()

    def stop(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def loop(self) -> None:
        while True:
            pass

    def regex(self) -> None:
        """Hold the interpreter's lock forever."""
        re.match(r"(a+)+$", "a" * 60 + "b")

    def sleep(self) -> None:
        time.sleep(3600)

    def fork_and_kill(self) -> None:
        """Die, and leave a child behind that has all of this process's descriptors."""
        if os.fork() == 0:
            time.sleep(3600)
        self.kill()

    def spawn(self) -> None:
        """Leave a program running."""
        subprocess.Popen(["sleep", "3600"])

    def doze(self) -> None:
        time.sleep(1.0)


class Walks:
    """A batch of random walks with all optional parts of the contract, written plainly, one row after the other.

    What environment i does is a function of (seed, first + i) and its actions. All agents of one end together. `set`
    takes `pace`, which is added to every move, and `table`, an array whose sum is shown.
    """

    observations: NDArray[Any]
    final_observations: NDArray[Any]
    actions: NDArray[Any]
    rewards: NDArray[Any]
    terminals: NDArray[Any]
    truncations: NDArray[Any]
    action_masks: NDArray[Any] | None
    agent_mask: NDArray[Any] | None

    def __init__(
        self,
        num_envs: int,
        seed: int,
        first: int = 0,
        *,
        agents: int = 1,
        actions: str = "discrete",
        masked: bool = False,
        padded: bool = False,
        size: int = 4,
        jitter: float = 0.0,
        trouble: Trouble | None = None,
        assets: dict[str, NDArray[Any]] | None = None,
        buffers: dict[str, NDArray[Any]] | None = None,
    ) -> None:
        self.num_envs, self.agents, self.num_agents = num_envs, agents, num_envs * agents
        self._first, self._seed, self._trouble, self._calls = first, seed, trouble, 0
        self._jitter = jitter
        self.single_observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.single_action_space = {
            "discrete": spaces.Discrete(3, dtype=np.int32),
            "multi": spaces.MultiDiscrete([3, 2], dtype=np.int32),
            "box": spaces.Box(np.array([-1, -np.inf], np.float32), np.array([1, np.inf], np.float32)),
        }[actions]
        choices = {"discrete": 3, "multi": 5, "box": 0}[actions]
        rows = self.num_agents
        single = () if actions == "discrete" else (2,)
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "observations": ((rows, size), np.float32),
            "final_observations": ((rows, size), np.float32),
            "actions": ((rows, *single), np.float32 if actions == "box" else np.int32),
            "rewards": ((rows,), np.float32),
            "terminals": ((rows,), np.bool_),
            "truncations": ((rows,), np.bool_),
        }
        if masked:
            shapes["action_masks"] = ((rows, choices), np.bool_)
        if padded:
            shapes["agent_mask"] = ((rows,), np.bool_)
        self.action_masks = self.agent_mask = None
        for name, (shape, dtype) in shapes.items():
            setattr(self, name, np.zeros(shape, dtype) if buffers is None else buffers[name])
        self.pace = np.zeros(num_envs)
        self.table = np.zeros(num_envs)
        self._at_step: list[tuple[str, Any, list[int]]] = []
        self._at_reset: list[dict[str, Any]] = [{} for _ in range(num_envs)]
        self._position = np.zeros(rows)
        self._length = np.zeros(num_envs, int)
        self._return = np.zeros(num_envs)
        self._finished = np.zeros((num_envs, 3))
        self._assets = assets
        self._rng: list[np.random.Generator] = []
        self._next_seed: int | None = seed
        self._misbehave("__init__")

    def reset(self, seed: int | None = None) -> NDArray[Any]:
        self._misbehave("reset")
        seed = self._next_seed if seed is None else seed
        self._next_seed = None
        if seed is not None:
            self._rng = [np.random.default_rng([seed, self._first + env]) for env in range(self.num_envs)]
        self.rewards[:], self.terminals[:], self.truncations[:] = 0, False, False
        for env in range(self.num_envs):
            self._begin(env)
        return self.observations

    def step(self, actions: NDArray[Any]) -> None:
        self._misbehave("step")
        for key, value, envs in self._at_step:
            self._apply(key, value, envs)
        self._at_step.clear()
        for env in range(self.num_envs):
            rng = self._rng[env]
            if self._jitter:
                time.sleep(self._jitter * ((self._first + env) % 3))
            rows = slice(env * self.agents, (env + 1) * self.agents)
            taken = actions[rows].reshape(self.agents, -1).sum(axis=1)
            self._position[rows] += taken + self.pace[env] + rng.integers(-2, 3, self.agents)
            self.rewards[rows] = self._position[rows]
            self._length[env] += 1
            self._return[env] += self.rewards[rows].sum()
            end = rng.integers(0, 12)
            self.terminals[rows], self.truncations[rows] = end == 0, end == 1
            if end < 2:
                self._write(self.final_observations, env)
                self._finished[env] += 1, self._return[env], self._length[env]
                self._begin(env)
            else:
                self._write(self.observations, env)

    def _begin(self, env: int) -> None:
        for key, value in self._at_reset[env].items():
            self._apply(key, value, [env])
        self._at_reset[env].clear()
        self._position[env * self.agents : (env + 1) * self.agents] = self._rng[env].integers(0, 9, self.agents)
        self._length[env] = self._return[env] = 0
        self._write(self.observations, env)

    def _write(self, target: NDArray[Any], env: int) -> None:
        for row in range(env * self.agents, (env + 1) * self.agents):
            shown = self._position[row], self._length[env], self._first + env, self.table[env]
            target[row] = 0
            target[row, :4] = shown
            if self.action_masks is not None:
                self.action_masks[row] = self._rng[env].integers(0, 2, self.action_masks.shape[1])
            if self.agent_mask is not None:
                self.agent_mask[row] = row % self.agents == 0 or self._rng[env].integers(0, 2)

    def set(self, key: str, value: Any, env_ids: list[int], when: str) -> None:
        self._misbehave("set")
        if key not in ("pace", "table"):
            raise AttributeError(f"walks have no {key!r}")
        if when == "step":
            self._at_step.append((key, value, env_ids))
        else:
            for env in env_ids:
                self._at_reset[env][key] = value

    def _apply(self, key: str, value: Any, envs: list[int]) -> None:
        getattr(self, key)[envs] = np.sum(value)

    def log(self, env: int | None = None) -> dict[str, float]:
        self._misbehave("log")
        envs = slice(None) if env is None else slice(env, env + 1)
        n, returns, lengths = self._finished[envs].sum(axis=0)
        self._finished[envs] = 0
        return {"n": float(n), "episode_return": returns / n, "episode_length": lengths / n} if n else {}

    def render(self, env: int) -> Any:
        self._misbehave("render")
        return {"env": self._first + env, "pid": os.getpid(), "read": _read(self._assets), "path": list(sys.path)}

    def close(self) -> None:
        self._misbehave("close")

    def _misbehave(self, method: str) -> None:
        trouble = self._trouble
        if trouble and trouble.where == method and self._first <= trouble.env < self._first + self.num_envs:
            self._calls += 1
            if self._calls > trouble.after:
                trouble.start()


def _read(assets: dict[str, NDArray[Any]] | None) -> dict[str, Any] | None:
    """Sums of the assets (so that all of their pages are touched), and what happens to one who writes to them."""
    if assets is None:
        return None
    refused = 0
    for array in assets.values():
        try:
            array.flat[0] = 1
        except (ValueError, IndexError):
            refused += 1
    return {name: float(np.sum(array, dtype=float)) for name, array in assets.items()} | {"refused": refused}


def copied_walks(num_envs: int, seed: int, first: int, assets: Any = None, **settings: Any) -> Walks:
    """Walks that write to arrays of their own."""
    return Walks(num_envs, seed, first, assets=assets, **settings)


def whole_walks(num_envs: int, seed: int) -> Walks:
    """Walks that do not know their place in the run."""
    return Walks(num_envs, seed)
