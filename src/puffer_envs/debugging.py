"""`puffer-envs debug`: an environment of the user's own, stopped before one of its steps in gdb or lldb."""

from __future__ import annotations

import os
import re
import shutil
import sys
from typing import NoReturn

from puffer_envs import driver
from puffer_envs.compiling import CompileError, own_files
from puffer_envs.driver import Driver, Play

STOP = "puf_stop_here"
"""The function of c/driver.c that is called before the step."""
INSTALL = "Debian, Ubuntu: apt install gdb; Fedora: dnf install gdb; macOS: xcode-select --install"


def debug(name: str, play: Play, step: int) -> NoReturn:
    """Become a debugger, stopped where a step begins.

    Args:
        name: of the environment, which was compiled from a file.
        play: what to play.
        step: its number; 0 is the reset.

    Raises:
        ValueError: There is no source, compiler or debugger.
    """
    code = driver.code_of(name, "debug")
    debugger = find_debugger()
    try:
        built = driver.build_sanitized(name, (*driver.SANITIZERS, *driver.PLAIN))
    except CompileError as error:
        built = driver.build(name, driver.PLAIN)
        print(f"without sanitizers: {error}", file=sys.stderr)
    function = f"{name}_step" if step else f"{name}_reset"
    if not any(re.search(rf"\b{function}\s*\(", file.read_text("utf-8", "replace")) for file in own_files(code)):
        function = f"{name}_step_all"
    environment = dict(built.environment)
    for options in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if options in environment:
            environment[options] += ":abort_on_error=1"  # so that the debugger stops there
    sys.stdout.flush()
    os.execvpe(debugger, commands(debugger, built, play, step, function), environment)


def find_debugger() -> str:
    """Return the debugger of this system.

    Raises:
        ValueError: There is none.
    """
    found = next((name for name in ("gdb", "lldb") if shutil.which(name)), None)
    if found is None:
        raise ValueError(f"debug needs gdb or lldb, and there is none on the PATH. Install one ({INSTALL}).")
    return found


def commands(debugger: str, built: Driver, play: Play, step: int, function: str) -> list[str]:
    """Return the words that start a debugger, stopped at the beginning of a function in this step."""
    program = built.words(play, steps=step + 1000, stop=step)
    if debugger == "gdb":
        quiet = ["-q", "-iex", "set debuginfod enabled off", "-ex", "set confirm off"]
        stops = [f"tbreak {STOP}", "run", f"tbreak {function}", "continue"]
        return ["gdb", *quiet, *(word for stop in stops for word in ("-ex", stop)), "--args", *program]
    once = "breakpoint set --one-shot true --name"
    stops = [f"{once} {STOP}", "run", f"{once} {function}", "continue"]
    return ["lldb", *(word for stop in stops for word in ("-o", stop)), "--", *program]
