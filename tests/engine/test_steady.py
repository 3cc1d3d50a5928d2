"""Steady state: no growth, no leaks, no threads left behind, idle pools asleep."""

from __future__ import annotations

import gc
import math
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import puffer_envs

from .conftest import few_assets

ENVIRONMENTS = puffer_envs.list_envs()
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def native_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


@linux
@pytest.mark.parametrize("threads", [1, 3])
def test_a_thousand_make_and_close_leave_nothing(threads: int) -> None:
    few = {name: few_assets(name) for name in ENVIRONMENTS}

    def cycle(count: int) -> None:
        for i in range(count):
            name = ENVIRONMENTS[i % len(ENVIRONMENTS)]
            env = puffer_envs.make(name, 16, seed=i, threads=threads, **few[name])
            env.reset()
            env.step(np.zeros_like(env.actions))
            env.close()
        gc.collect()

    cycle(300)
    before = resident_bytes(), descriptors(), native_threads(), len(list(Path("/dev/shm").iterdir()))
    cycle(1000)
    after = resident_bytes(), descriptors(), native_threads(), len(list(Path("/dev/shm").iterdir()))
    assert after[1:] == before[1:]
    assert after[0] - before[0] < 2**20


@linux
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_stepping_does_not_grow(name: str) -> None:
    pictures = math.prod(puffer_envs.spec(name).layout.obs_shape) > 10_000
    with puffer_envs.make(name, 8 if pictures else 64) as env:
        env.reset(0)
        actions = np.zeros_like(env.actions)
        for _ in range(500):
            env.step(actions)
        before = resident_bytes()
        for _ in range(2000):
            env.step(actions)
        assert resident_bytes() - before < 2**19


@linux
def test_idle_threads_use_no_cpu() -> None:
    with puffer_envs.make("squared", 4096, threads=4) as env:
        env.reset(0)
        for _ in range(50):
            env.step(env.actions)
        before = time.process_time()
        time.sleep(0.5)
        assert time.process_time() - before < 0.05


@linux
def test_threads_end_with_their_environment() -> None:
    before = native_threads()
    env = puffer_envs.make("squared", 64, threads=5)
    assert native_threads() == before + 4
    env.close()
    assert native_threads() == before
    env = puffer_envs.make("squared", 64, threads=5)
    del env
    gc.collect()
    assert native_threads() == before
    assert threading.active_count() >= 1
