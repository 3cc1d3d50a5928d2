"""Run an environment of the user's own without Python, in the C program that ships with the package (c/driver.c)."""

from __future__ import annotations

import functools
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_envs.compiling import EXACT, CompileError, compile_program, find_compilers, is_cpp
from puffer_envs.contract import shell
from puffer_envs.contract.command_line import PREFIX
from puffer_envs.library import CODE, get_include, shipped_folder
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import Setting, spec, to_numbers

SANITIZERS = (
    "-fsanitize=address,undefined,float-cast-overflow",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
SANITIZED = ("-g", "-O1", *SANITIZERS, *EXACT)
"""What finds reads and writes outside an array, and operations that C does not define."""
PLAIN = ("-g", "-O0", *EXACT)
"""What debuggers show best; and gcc looks at variables without a value only without optimisation."""
SOURCES = ("driver.c", "batch.c", "pool.c")
INSTALL = (
    "Debian, Ubuntu, WSL: apt install gcc; Fedora: dnf install gcc libasan libubsan; macOS: xcode-select --install"
)


@dataclass(frozen=True)
class Play:
    """What a driver plays: with random actions that follow from all of this."""

    seed: int = 1
    num_envs: int = 1
    settings: Mapping[str, Setting] = field(default_factory=dict)
    """Those that are not at their defaults."""

    def command(self, code: str, step: int) -> str:
        """Return the command that stops before a step of it. code: the file as the user wrote it."""
        words = ["puffer-envs", "debug", code, "--seed", str(self.seed), "--step", str(step)]
        words += ["--num-envs", str(self.num_envs)] if self.num_envs != 1 else []
        for name, value in self.settings.items():
            words += [f"{PREFIX}{name}", str(value).lower() if isinstance(value, bool) else str(value)]
        return shell.join(words)


@dataclass(frozen=True)
class Outcome:
    """How a run of a driver ended."""

    status: int | None
    """Exit status; negative for a signal, None where it took too long and was stopped."""
    step: int
    """The last one that was begun; 0 is the reset."""
    errors: str
    """What it wrote to standard error."""


@dataclass(frozen=True)
class Driver:
    """A program that plays one environment."""

    name: str
    """Of the environment."""
    program: Path
    environment: Mapping[str, str]
    """Variables that it is run with."""

    def words(self, play: Play, steps: int, **options: Any) -> list[str]:
        """Return the command that plays so many steps; options as at the top of c/driver.c."""
        known = spec(self.name)
        numbers = to_numbers(known, resolve_settings(known, play.settings))
        options["settings"] = ",".join(f"{number!r}" for number in numbers)
        given = [f"{key}={value}" for key, value in options.items()]
        return [str(self.program), str(play.num_envs), str(steps), str(play.seed), *given]

    def run(self, play: Play, steps: int, timeout: float, **options: Any) -> Outcome:
        """Play so many steps. timeout: seconds after which it is stopped."""
        with tempfile.TemporaryDirectory(prefix="puffer-") as folder:
            progress = Path(folder) / "progress"
            # The limit is for when this process is killed first: a step that never returns would spin for ever.
            words = self.words(play, steps, progress=progress, limit=math.ceil(timeout) + 1, **options)
            try:
                done = subprocess.run(
                    words,
                    capture_output=True,
                    check=False,
                    text=True,
                    errors="replace",
                    env=self.environment,
                    timeout=timeout,
                )
                status, errors = done.returncode, done.stderr
            except subprocess.TimeoutExpired:
                status, errors = None, ""
            written = progress.read_text("ascii") if progress.exists() else ""
        return Outcome(status, int(written or 0), errors)


def code_of(name: str, option: str) -> Path:
    """Return the file of an environment of the user's own.

    Raises:
        ValueError: It was not compiled from a file.
    """
    if name not in CODE:
        raise ValueError(f"{name}: {option} needs the source. Give a C or C++ file, such as ./my_game.h.")
    return CODE[name]


def build(name: str, options: Sequence[str], compiler: Sequence[str] | None = None) -> Driver:
    """Compile the driver of an environment of the user's own.

    Raises:
        OSError, CompileError: As `compile_library`.
    """
    folder = shipped_folder("program")
    sources = [folder / source for source in SOURCES]
    program = compile_program(CODE[name], Path(get_include()), sources, options, compiler)
    return Driver(name, program, os.environ)


def build_sanitized(name: str, options: Sequence[str] = SANITIZED) -> Driver:
    """Compile it with sanitizers, by the first compiler that has them.

    Raises:
        OSError, CompileError: As `compile_library`; or no compiler has them.
    """
    compiler = sanitizing_compiler(CODE[name])
    driver = build(name, options, compiler)
    return Driver(name, driver.program, os.environ | sanitizer_variables(compiler[0]))


def sanitizing_compiler(code: Path) -> list[str]:
    """Return the first compiler for a file that has sanitizers.

    Raises:
        CompileError: There is none.
    """
    compilers = find_compilers(is_cpp(code))
    for compiler in compilers:
        if "ziglang" not in compiler and has_sanitizers(tuple(compiler), is_cpp(code)):
            return compiler
    tried = ", ".join("zig" if "ziglang" in compiler else compiler[0] for compiler in compilers)
    raise CompileError(
        f"{tried or 'no compiler'}: AddressSanitizer and UndefinedBehaviorSanitizer are missing. Install gcc or clang "
        f"with its sanitizers ({INSTALL})."
    )


@functools.cache
def has_sanitizers(compiler: tuple[str, ...], cpp: bool) -> bool:
    """Return whether a program compiled with sanitizers by this compiler runs."""
    with tempfile.TemporaryDirectory(prefix="puffer-") as folder:
        source, program = Path(folder) / ("try.cpp" if cpp else "try.c"), Path(folder) / "try.exe"
        source.write_text("int main(void) { return 0; }\n", "utf-8")
        try:
            words = [*compiler, *SANITIZERS, str(source), "-o", str(program)]
            subprocess.run(words, capture_output=True, check=True)
            subprocess.run([str(program)], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            return False
    return True


def sanitizer_variables(compiler: str) -> dict[str, str]:
    """Return the environment variables that make reports complete, with files and lines."""
    found = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    if shutil.which(compiler):
        words = [compiler, "-print-prog-name=llvm-symbolizer"]
        asked = subprocess.run(words, capture_output=True, check=False, text=True, errors="replace")
        symbolizer = asked.stdout.strip()
        if Path(symbolizer).is_absolute():  # clang's, which its own runtime may not find
            found["ASAN_SYMBOLIZER_PATH"] = symbolizer
    return found
