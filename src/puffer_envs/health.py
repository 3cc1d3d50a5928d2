"""What `puffer-envs doctor` finds out about this machine and the environments."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

from puffer_envs import _core, bench
from puffer_envs.compiling import cache_folder, find_compilers
from puffer_envs.contract.health import Finding, installed_version
from puffer_envs.contract.machine import available_cores, physical_memory, processor
from puffer_envs.golden import expected, outputs_digest
from puffer_envs.library import get_include
from puffer_envs.spec import list_envs

OTHERS = ("numpy", "gymnasium", "cloudpickle", "rich", "pettingzoo", "stable-baselines3", "ale-py", "ziglang")
"""Packages whose versions matter."""
MEASURED = ("squared", "breakout")
SECONDS = 0.05
"""Of each repeat of a measurement."""


def checks() -> Iterator[Finding]:
    """Yield versions, processor, golden hashes, speeds, cache and compiler; about 5 s."""
    yield Finding("system", f"{platform.platform()}, {platform.python_implementation()} {platform.python_version()}")
    versions = {name: installed_version(name) for name in OTHERS}
    yield Finding("packages", ", ".join(f"{name} {found}" for name, found in versions.items() if found != "none"))
    memory = physical_memory()
    size = f", {memory / 2**30:.0f} GiB" if memory else ""
    cores = available_cores()
    yield Finding("processor", f"{processor()}, {cores} core{'s' * (cores > 1)}{size}")
    isas = _core.supported_isas()
    limit = ", as PUFFER_ISA says" if os.environ.get("PUFFER_ISA") else ""
    arm = platform.machine().lower() in ("aarch64", "arm64")
    found = "baseline, which has NEON" if arm else f"{', '.join(isas)}: {isas[-1]} is used{limit}"
    yield Finding("instructions", found)
    yield from _hashes(list(dict.fromkeys([isas[0], isas[-1]])))
    calibration = bench.calibrate(0.1)
    yield Finding(
        "calibration",
        f"{calibration.gflops:.0f} GFLOP/s float32 on one core, {calibration.copy_gbps:.1f} GB/s copying memory",
    )
    for name in MEASURED:
        measured = bench.measure(name, seconds=SECONDS)
        yield Finding(f"{name}, a core", f"{measured.steps_per_second * 1e-6:.1f} M steps/s")
    yield _headers()
    yield _cache()
    yield _compilers("C compilers", find_compilers())
    yield _compilers("C++ compilers", find_compilers(cpp=True))


def _hashes(isas: list[str]) -> Iterator[Finding]:
    wrong, known = [], [name for name in list_envs() if expected(name) is not None]
    for name in known:
        different = [isa for isa in isas if outputs_digest(name, isa=isa) != expected(name)]
        wrong += [f"{name} ({', '.join(different)})"] * bool(different)
    right = f"{len(known) - len(wrong)} of {len(known)} environments give the expected bytes, {', '.join(isas)}"
    yield Finding("golden hashes", right if not wrong else f"{right}; not {', '.join(wrong)}", bool(wrong or not known))


def _headers() -> Finding:
    there = Path(get_include(), "puffer.h").is_file()
    return Finding("headers", "installed" if there else "puffer.h is missing: install the package again", not there)


def _cache() -> Finding:
    folder = cache_folder()
    files = [file for file in folder.iterdir() if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 2**20
    return Finding("cache", f"{_short(folder)}: {len(files)} compiled files, {size:.1f} MiB")


def _compilers(language: str, found: list[list[str]]) -> Finding:
    none = 'none: pip install "puffer-envs[author]" brings one'
    return Finding(language, ", ".join(" ".join(_short(Path(word)) for word in words) for words in found) or none)


def _short(path: Path) -> str:
    """Return a path without the name of its owner."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
