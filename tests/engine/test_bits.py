"""The same bytes everywhere: compilers, optimisation levels, sanitizers, instruction sets; and a golden hash in git."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import puffer_envs
from puffer_envs import _core
from puffer_envs.golden import ENVS, SEED, expected, golden_actions, golden_steps, outputs_digest

from .conftest import TESTS, compiler

ENVIRONMENTS = puffer_envs.list_envs()
# The package itself is gcc -O3 on most machines, and the sanitizers' program is gcc -O1.
COMPILERS = [
    pytest.param("gcc", ["-O0"], id="gcc-O0"),
    pytest.param("clang", ["-O3", "-DNDEBUG"], id="clang-O3"),
    pytest.param("gcc", ["-O3", "-DNDEBUG"], id="gcc-O3", marks=pytest.mark.slow),
    pytest.param("clang", ["-O1"], id="clang-O1", marks=pytest.mark.slow),
]


def shows_pictures(name: str) -> bool:
    """Whether a step takes a thousand times as long as others: fewer do."""
    return math.prod(puffer_envs.spec(name).layout.obs_shape) > 10_000


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_golden(name: str) -> None:
    """The trajectory in git. If a change means to alter it: raise the version, and run tests/make_golden.py."""
    golden = json.loads((TESTS / f"golden/{name}.json").read_text())
    assert golden["version"] == puffer_envs.spec(name).version, "the version was raised: run tests/make_golden.py"
    for isa in _core.supported_isas():
        assert outputs_digest(name, isa=isa) == golden["sha256"], f"{name} on {isa} differs from git"
    assert outputs_digest(name, threads=2) == golden["sha256"]
    assert expected(name) in (golden["sha256"], None), "what ships is not what is in git: install it again"


USED = """
import puffer_envs
from puffer_envs import _core
from puffer_envs.golden import expected, outputs_digest
assert outputs_digest("squared") == expected("squared")
print(*_core.supported_isas())
"""


def test_an_instruction_set_can_be_forced() -> None:
    def used(isa: str, *options: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, *options, "-c", USED]
        return subprocess.run(line, env=os.environ | {"PUFFER_ISA": isa}, capture_output=True, text=True)

    every = _core.supported_isas()
    for number, isa in enumerate(every):
        assert used(isa, "-W", "error").stdout.split() == every[: number + 1]
    mistyped = used("avx2")
    assert mistyped.stdout.split() == every
    assert "PUFFER_ISA is 'avx2', which is ignored: it can be baseline, " in mistyped.stderr


@pytest.mark.parametrize(("cc", "flags"), COMPILERS)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_compilers_agree(name: str, cc: str, flags: list[str], build: ModuleType, tmp_path: Path) -> None:
    golden = json.loads((TESTS / f"golden/{name}.json").read_text())
    driver = build.build_driver(name, tmp_path / "driver", compiler(cc), flags)
    assert driver_digest(driver, name, tmp_path) == golden["sha256"]


def driver_digest(driver: Path, name: str, folder: Path, runner: Sequence[str] = ()) -> str:
    actions, outputs = folder / "actions", folder / "outputs"
    golden_actions(name).tofile(actions)
    command = [
        *runner,
        driver,
        str(ENVS),
        str(golden_steps(name)),
        str(SEED),
        f"actions={actions}",
        f"outputs={outputs}",
    ]
    subprocess.run(command, check=True, capture_output=True)
    return hashlib.sha256(outputs.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_sanitizers_agree_and_find_nothing(name: str, build: ModuleType, tmp_path: Path) -> None:
    golden = json.loads((TESTS / f"golden/{name}.json").read_text())
    driver = build.build_driver(name, tmp_path / "driver", compiler("gcc"), build.SANITIZERS)
    assert driver_digest(driver, name, tmp_path) == golden["sha256"]
    run_sanitized(driver, name, agent_steps=640 if shows_pictures(name) else 40_000)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_sanitizers_find_nothing_in_a_long_run(name: str, build: ModuleType, tmp_path: Path) -> None:
    driver = build.build_driver(name, tmp_path / "driver", compiler("gcc"), build.SANITIZERS)
    run_sanitized(driver, name, agent_steps=100_000_000)


def run_sanitized(driver: Path, name: str, agent_steps: int) -> None:
    agents = puffer_envs.spec(name).layout.agents
    envs = max(1, 64 // agents)
    command = [driver, str(envs), str(agent_steps // (envs * agents)), "1"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, env=os.environ | {"ASAN_OPTIONS": "detect_leaks=1"}
    )
    assert done.returncode == 0 and not done.stderr, done.stderr[-2000:]


def test_the_lane_fails_on_a_planted_overflow(build: ModuleType, tmp_path: Path) -> None:
    """A sanitizer that finds nothing proves something only if it would have found this."""
    for header in (TESTS.parent / "c/envs").glob("*.h"):
        text = header.read_text()
        if header.name == "squared.h":
            planted = text.replace("memset(cells, SQUARED_EMPTY, SQUARED_CELLS);",
                                   "memset(cells, SQUARED_EMPTY, SQUARED_CELLS + 1);")  # fmt: skip
            assert planted != text
            text = planted
        (tmp_path / header.name).write_text(text)
    driver = build.build_driver("squared", tmp_path / "driver", compiler("gcc"), build.SANITIZERS, headers=tmp_path)
    done = subprocess.run([driver, "3", "100", "1"], check=False, capture_output=True, text=True)
    assert done.returncode != 0 and "AddressSanitizer" in done.stderr


ALLOWED_SYMBOLS = {
    "memset",
    "memcpy",
    "memmove",
    "sqrtf",
    "floorf",
    "fabsf",
    "__stack_chk_fail",
    "_GLOBAL_OFFSET_TABLE_",
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_cores_call_nothing_and_fuse_no_products(name: str, build: ModuleType, tmp_path: Path) -> None:
    """No allocation, I/O, clock or libc rand: an environment's object file needs next to nothing from outside.

    And no fused multiply-add: gcc 12.2 makes some with -ffp-contract=off too (its bug 107647).
    """
    x86 = platform.machine() in ("x86_64", "AMD64")
    source, listing, out = (tmp_path / f"env.{suffix}" for suffix in "cso")
    source.write_text(f'#include "envs/{name}.h"\n')
    flags = [*build.EXACT, "-O3", "-DNDEBUG", *["-march=x86-64-v3"] * x86, f"-I{build.ROOT / 'c'}"]
    subprocess.run([compiler(), *flags, "-S", str(source), "-o", str(listing)], check=True)
    subprocess.run([compiler(), "-c", str(listing), "-o", str(out)], check=True)
    symbols = subprocess.run([compiler("nm"), "-u", str(out)], check=True, capture_output=True, text=True).stdout
    assert {line.split()[-1] for line in symbols.splitlines()} <= ALLOWED_SYMBOLS
    if x86:  # fused instructions have other names elsewhere
        code = listing.read_text()
        assert re.search(r"\bv\w+ps\b", code) or name in ("memory", "squared"), "this is no listing of vector code"
        assert not re.findall(r"\bvfn?m(?:add|sub)\w*", code)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_batch_size_and_threads_change_nothing(name: str) -> None:
    """Environment i reaches the same state in a batch of 1, 7, 64 or up to 4,096, on 1, 2 or 4 threads."""
    agents = puffer_envs.spec(name).layout.agents
    largest = 64 if shows_pictures(name) else max(64, 4096 // agents)
    reached: dict[int, list[int]] = {}
    for size in (1, 7, 64, largest):
        for threads in (1, 2, 4):
            with puffer_envs.make(name, size, seed=SEED, threads=threads) as env:
                env.reset()
                for actions in golden_actions(name)[:40]:
                    one = actions[:agents]  # every environment gets the first one's actions
                    env.step(np.tile(one, (size, *(1,) * (one.ndim - 1))))
                states = [env.state_hash(i) for i in range(size)]
            longest = max(reached.values(), key=len, default=[])
            shared = min(len(longest), size)
            assert states[:shared] == longest[:shared], f"batch of {size} on {threads} threads"
            reached[size] = states
    assert len(set(reached[largest])) > largest // 2, "the environments differ from each other"
