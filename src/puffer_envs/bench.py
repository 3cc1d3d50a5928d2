"""Measure how fast environments step on this machine, with two calibrations of the machine itself."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_envs import _core
from puffer_envs.conformance import random_actions
from puffer_envs.environment import make

REPEATS = 5
ACTION_SETS = 64
"""Random actions drawn in advance and used cyclically, so that drawing them is not measured."""


@dataclass(frozen=True)
class Calibration:
    """How fast this machine is, now."""

    gflops: float
    """Peak rate of float32 multiply-adds on one core, GFLOP/s."""
    copy_gbps: float
    """Rate of copying 256 MiB in memory, GB/s read plus written."""


@dataclass(frozen=True)
class Measurement:
    """The speed of one environment: medians over `REPEATS` repeats, with the slowest and fastest of them."""

    environment: str
    """Its name."""
    num_envs: int
    """Environments in the batch."""
    num_agents: int
    """Rows in the batch."""
    threads: int
    """Threads that stepped it."""
    isa: str
    """Instruction set it was compiled for."""
    steps_per_second: float
    """Agent-steps per second through `env.step`, checks and copies of the actions included."""
    slowest: float
    """Agent-steps per second of the slowest repeat."""
    fastest: float
    """Agent-steps per second of the fastest repeat."""
    bare_steps_per_second: float
    """The same batch in a C loop, without Python, checks or copies."""
    microseconds_per_call: float
    """Duration of one call of `env.step`."""
    efficiency: float
    """Speed of `env.step` relative to the bare C loop: median over pairs measured one after the other."""


def calibrate(seconds: float = 0.3) -> Calibration:
    """Measure the peak of one core and the copy bandwidth."""
    source = np.ones(2**28, np.uint8)
    target = np.zeros(2**28, np.uint8)
    best = min(_seconds(lambda: np.copyto(target, source)) for _ in range(5))
    return Calibration(_core.calibrate_gflops(seconds), 2 * source.nbytes / best * 1e-9)


def measure(
    name: str,
    num_envs: int = 4096,
    threads: int = 1,
    isa: str | None = None,
    seconds: float = 0.2,
    **settings: Any,
) -> Measurement:
    """Step a batch with random actions for about `seconds` per repeat, alternating `step` and the bare loop.

    `num_envs` counts environments; rounds down to keep about that many rows where an environment has several agents.
    """
    with make(name, 1, **settings) as probe:
        agents = probe.agents
    num_envs = max(1, num_envs // agents)
    with make(name, num_envs, threads=threads, isa=isa, **settings) as env:
        rng = np.random.default_rng(0)
        actions = [random_actions(env, rng) for _ in range(ACTION_SETS)]
        stacked = np.stack(actions)
        env.reset(0)

        def steps(count: int) -> None:
            for t in range(count):
                env.step(actions[t % ACTION_SETS])

        def bare(count: int) -> None:
            env._run(stacked, count)

        count = _calls_that_take(steps, seconds)
        bare(count)
        pairs = [(_seconds(lambda: steps(count)), _seconds(lambda: bare(count))) for _ in range(REPEATS)]
        rates = sorted(env.num_agents * count / stepped for stepped, _ in pairs)
        return Measurement(
            environment=name,
            num_envs=num_envs,
            num_agents=env.num_agents,
            threads=threads,
            isa=isa or _core.supported_isas()[-1],
            steps_per_second=statistics.median(rates),
            slowest=rates[0],
            fastest=rates[-1],
            bare_steps_per_second=statistics.median(env.num_agents * count / b for _, b in pairs),
            microseconds_per_call=1e6 * statistics.median(s for s, _ in pairs) / count,
            efficiency=statistics.median(b / s for s, b in pairs),
        )


def _calls_that_take(run: Callable[[int], None], seconds: float) -> int:
    count = 8
    while (took := _seconds(functools.partial(run, count))) < seconds / 4:
        count *= 2
    return max(8, int(count * seconds / took))


def _seconds(run: Callable[[], None]) -> float:
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin
