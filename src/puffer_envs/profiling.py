"""`puffer-envs profile`: where an environment of the user's own spends its time, by function."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape

from puffer_envs import driver
from puffer_envs.compiling import LIBRARY_FLAGS
from puffer_envs.conformance import random_actions
from puffer_envs.conformance.blame import shown_path
from puffer_envs.driver import Driver, Play
from puffer_envs.environment import make
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import read_layout, spec, to_numbers
from puffer_envs.tables import make_table

SMALLEST = "squared"
"""The environment that others are compared with."""
FLAGS = ("-g", *LIBRARY_FLAGS, "-fno-pie", "-no-pie")
"""As libraries are compiled, at addresses that the program's debugging information has."""
SMALLEST_SHARE = 0.005
NOT_COUNTED = "not counted: perf (Debian: linux-perf) is missing, or this machine does not let it count"
LIBRARY = "C library"
"""Stands for functions such as memset, whose names are not looked up."""


@dataclass(frozen=True)
class Row:
    """A function's part of a step."""

    function: str
    share: float
    """Of the time of a step, 0 to 1; what it calls is not counted, unless it has no code of its own."""
    line: str
    """Where in the user's files most of it is: 'my_game.h:31'."""


@dataclass(frozen=True)
class Profile:
    """Where the time goes."""

    nanoseconds: float
    """Of processor time, per agent step."""
    samples: int
    """How often it was looked at."""
    rows: tuple[Row, ...]
    """The slowest first."""
    misses: float | None
    """Cache misses per agent step; None where the machine does not tell."""


def profile(name: str, play: Play, seconds: float) -> Profile:
    """Play for so many seconds of processor time, and look 250 to 1,000 times a second at where it is.

    Raises:
        ValueError: There is no source or compiler, or no tool to find lines; or this is not Linux.
    """
    driver.code_of(name, "profile")
    if not sys.platform.startswith("linux"):
        raise ValueError("profile needs Linux, as in WSL. On macOS, Instruments shows the same of any program.")
    finder = next((tool for tool in ("addr2line", "llvm-addr2line") if shutil.which(tool)), None)
    if finder is None:
        raise ValueError("profile needs addr2line, which finds lines. Install binutils (Debian: apt install binutils).")
    built = driver.build(name, FLAGS)
    with tempfile.TemporaryDirectory(prefix="puffer-") as folder:
        samples = Path(folder) / "samples"
        printed = _run(built, play, seconds, samples)
        addresses = samples.read_text("utf-8").split()
        known = spec(name)
        rows = play.num_envs * read_layout(name, to_numbers(known, resolve_settings(known, play.settings))).agents
        misses = count_misses(built, play, samples, rows)
    return Profile(float(printed.split()[0]), len(addresses), tuple(_rows(finder, built, addresses)), misses)


def _run(built: Driver, play: Play, seconds: float, samples: Path, before: tuple[str, ...] = ()) -> str:
    words = [*before, *built.words(play, 0, seconds=seconds, samples=samples)]
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        how = f"the program ended with status {done.returncode}"
        raise ValueError(f"{built.name}: {how}. First run puffer-envs check with --sanitize.")
    return done.stdout + done.stderr


def _rows(finder: str, built: Driver, addresses: list[str]) -> list[Row]:
    words = [finder, "-e", str(built.program), "-f", "-i", "-a", "-C"]
    found = subprocess.run(
        words, input="\n".join(addresses), capture_output=True, text=True, errors="replace", check=True
    ).stdout
    own = driver.code_of(built.name, "profile").parent
    functions: Counter[str] = Counter()
    lines: dict[str, Counter[str]] = {}
    for block in re.split(r"^0x[0-9a-f]+\n", found, flags=re.MULTILINE)[1:]:
        function, place, *_ = block.splitlines()  # the innermost frame; behind it are those that it was put into
        function = _short(function)
        functions[function] += 1
        match = re.match(r"(/.*):(\d+)", place)
        file = Path(os.path.normpath(match[1])) if match else None
        if match and file and file.is_relative_to(own):
            lines.setdefault(function, Counter())[f"{shown_path(file)}:{match[2]}"] += 1
    total = max(1, functions.total())
    return [
        Row(function, count / total, lines[function].most_common(1)[0][0] if function in lines else "")
        for function, count in functions.most_common()
    ]


def _short(function: str) -> str:
    """The name of a function: without arguments, types and namespaces, which C++ adds."""
    if function == "??":
        return LIBRARY
    name = re.sub(r"\(anonymous namespace\)::", "", function)
    while "<" in name and name != (name := re.sub(r"<[^<>]*>", "", name)):
        pass
    return name.partition("(")[0].strip().rpartition(" ")[2] or function


def count_misses(built: Driver, play: Play, samples: Path, rows: int) -> float | None:
    """Return the misses of the last cache per agent step, as perf counts them; None where it cannot."""
    if not shutil.which("perf"):
        return None
    printed = _run(built, play, 0.2, samples, ("perf", "stat", "-x,", "-e", "cache-misses"))
    counted = re.search(r"^(\d+),[^,]*,cache-misses", printed, re.MULTILINE)
    steps = re.search(r"^[\d.]+ (\d+)$", printed, re.MULTILINE)
    return int(counted[1]) / (int(steps[1]) * rows) if counted and steps else None


def show(name: str, play: Play, found: Profile, console: Console) -> None:
    """Print a profile, beside the smallest environment."""
    numbers = ("ns/step", "share")
    table = make_table("function", *numbers, "most of it at", right=numbers)
    for row in found.rows:
        if row.share >= SMALLEST_SHARE:
            took = row.share * found.nanoseconds
            table.add_row(escape(row.function), f"{took:.2f}", f"{row.share:.0%}", escape(row.line))
    rows = (
        (name, f"{found.nanoseconds:.2f} ns of processor time per agent step"),
        (SMALLEST, f"{nanoseconds(SMALLEST, play.num_envs):.2f} ns, for comparison: the smallest that ships"),
        ("cache misses", NOT_COUNTED if found.misses is None else f"{found.misses:.3g} per agent step, last cache"),
    )
    width = max(len(label) for label, _ in rows)
    for label, text in rows:
        console.print(f"{label:<{width}}  {text}", highlight=False, soft_wrap=True)
    console.print(table)
    console.print(
        f"{found.samples} looks at {play.num_envs} environments on one thread, compiled as it is played. Code that the "
        "compiler put into a caller counts for the function that it was written in.",
        highlight=False,
    )


def nanoseconds(name: str, num_envs: int, seconds: float = 0.2) -> float:
    """Return the processor time per agent step of any environment, in a bare C loop."""
    with make(name, num_envs) as env:
        rng = np.random.default_rng(0)
        actions = np.stack([random_actions(env, rng) for _ in range(64)])
        env.reset(0)
        calls, begin = 0, time.process_time()
        while (took := time.process_time() - begin) < seconds:
            env._run(actions, 64)
            calls += 64
        return took / (calls * env.num_agents) * 1e9
