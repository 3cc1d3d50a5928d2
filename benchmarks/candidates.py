"""One vectorizer in a separate process, for benchmarks/vectorizers.py: `python benchmarks/candidates.py SPEC`.

SPEC is a JSON object: which vectorizer, which environment, how many of them, workers and batch. The process makes the
vector, then runs one window of steps for every line it reads, and answers each with a line of JSON: environment steps,
seconds, and processor seconds of this process and all of its children. It exits when its input ends.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

WARM_UP_STEPS = 20
ACTION_SETS = 64


class Synthetic(gymnasium.Env[Any, Any]):
    """An environment that only takes time: `cost` microseconds a step on average.

    Args:
        cost: mean of a step, in microseconds.
        sigma: of the log-normal distribution that every step's time is drawn from; 0 makes all of them equal.
        sleeps: whether it waits (as for an external simulator) or computes.
        loops_per_microsecond: how much it has to compute; see `loops_per_microsecond`.
    """

    observation_space = gymnasium.spaces.Box(-1, 1, (8,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, cost: float, sigma: float, sleeps: bool, loops_per_microsecond: float) -> None:
        self._sleeps, self._loops = sleeps, loops_per_microsecond
        self._mean, self._sigma = cost, sigma
        self._times = np.zeros(0)
        self._observation = np.zeros(8, np.float32)
        self._tick = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        # A log-normal variable has the mean exp(mu + sigma^2 / 2).
        normal = self.np_random.normal(-0.5 * self._sigma**2, self._sigma, 4096)
        self._times = self._mean * np.exp(normal)
        return self._observation, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._tick += 1
        microseconds = self._times[self._tick % 4096]
        if self._sleeps:
            time.sleep(1e-6 * microseconds)
        else:
            sum(range(int(microseconds * self._loops)))
        return self._observation, 0.0, False, False, {}


def loops_per_microsecond() -> float:
    """How many numbers this machine adds up in a microsecond, as `Synthetic` does: the best of some tries."""

    def microseconds(count: int) -> float:
        begin = time.perf_counter()
        sum(range(count))
        return 1e6 * (time.perf_counter() - begin)

    return 100_000 / min(microseconds(100_000) for _ in range(50))


def make_env(name: str, **arguments: Any) -> gymnasium.Env[Any, Any]:
    """One environment, the same lean one for every vectorizer: without Gymnasium's checker."""
    if name == "synthetic":
        return Synthetic(**arguments)
    return gymnasium.make(name, disable_env_checker=True, **arguments)


class Candidate:
    """A vectorizer over an environment: `advance` takes one step and returns how many environments moved."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.num_envs: int = spec["num_envs"]
        self.close: Callable[[], Any] = lambda: None
        self._policy_loops = int(spec.get("policy", 0.0) * spec.get("loops_per_microsecond", 0.0))
        factory = functools.partial(make_env, spec["env"], **spec.get("arguments", {}))
        self.advance: Callable[[], int] = getattr(self, f"_{spec['vectorizer'].replace('-', '_')}")(spec, factory)

    def _actions(self) -> list[Any]:
        rng = np.random.default_rng(0)
        return [rng.integers(0, 2, self.num_envs) for _ in range(ACTION_SETS)]

    def _think(self, num_envs: int) -> None:
        """What a policy would cost for that many environments."""
        sum(range(self._policy_loops * num_envs))

    def _stepping(self, step: Callable[[Any], Any]) -> Callable[[], int]:
        actions, tick = self._actions(), 0

        def advance() -> int:
            nonlocal tick
            self._think(self.num_envs)
            step(actions[tick % ACTION_SETS])
            tick += 1
            return self.num_envs

        return advance

    def _puffer(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        from puffer_envs import vector

        source = spec["env"] if spec.get("native") else factory
        arguments = {key: spec[key] for key in ("backend", "workers", "batch") if key in spec}
        env = vector.make(source, self.num_envs, **arguments)
        self.close = env.close
        env.reset(seed=0)
        if env.batch == self.num_envs:
            return self._stepping(env.step)
        actions = np.random.default_rng(0).integers(0, 2, env.batch * env.agents, dtype=np.int32)

        def advance() -> int:
            ready = env.recv()
            self._think(env.batch)
            env.send(actions, ready.env_id)
            return env.batch

        return advance

    def _gymnasium_sync(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        return self._gymnasium(gymnasium.vector.SyncVectorEnv([factory] * self.num_envs))

    def _gymnasium_async(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        return self._gymnasium(gymnasium.vector.AsyncVectorEnv([factory] * self.num_envs))

    def _gymnasium_numpy(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        env = gymnasium.make_vec(spec["env"], self.num_envs, vectorization_mode="vector_entry_point")
        return self._gymnasium(env)

    def _gymnasium(self, env: Any) -> Callable[[], int]:
        env.reset(seed=0)
        self.close = env.close
        return self._stepping(env.step)

    def _sb3_dummy(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        from stable_baselines3.common.vec_env import DummyVecEnv

        return self._sb3(DummyVecEnv([factory] * self.num_envs))

    def _sb3_subproc(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        from stable_baselines3.common.vec_env import SubprocVecEnv

        return self._sb3(SubprocVecEnv([factory] * self.num_envs))

    def _sb3(self, env: Any) -> Callable[[], int]:
        env.reset()
        self.close = env.close
        return self._stepping(env.step)

    def _envpool(self, spec: dict[str, Any], factory: Any) -> Callable[[], int]:
        import envpool

        env = envpool.make(spec["env"], "gymnasium", num_envs=self.num_envs, num_threads=spec["workers"])
        env.reset()
        return self._stepping(env.step)


def family() -> list[int]:
    """This process and everything that descends from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    members = [os.getpid()]
    for member in members:
        members += [child for child, parent in parents.items() if parent == member]
    return members


def cpu_seconds() -> float:
    """Processor time of the family so far."""
    ticks = 0
    for pid in family():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_bytes() -> int:
    """Memory of the family, what is shared counted once (proportional set size)."""
    total = 0
    for pid in family():
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("spec", type=json.loads, metavar="SPEC", help="what benchmarks/vectorizers.py made")
    spec = parser.parse_args().spec
    linux = sys.platform == "linux"
    before = memory_bytes() if linux else 0
    candidate = Candidate(spec)
    for _ in range(WARM_UP_STEPS):
        candidate.advance()
    memory = memory_bytes() - before if linux else 0
    print(json.dumps({"memory": memory}), flush=True)
    for line in sys.stdin:
        seconds = float(line)
        steps, cpu, begin = 0, cpu_seconds() if linux else 0.0, time.perf_counter()
        while (now := time.perf_counter()) - begin < seconds:
            steps += candidate.advance()
        used = (cpu_seconds() if linux else 0.0) - cpu
        print(json.dumps({"steps": steps, "seconds": now - begin, "cpu": used}), flush=True)
    candidate.close()


if __name__ == "__main__":
    main()
