"""Runs puffer_render's programs as a user does: in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

SECONDS = 60


def environment(**changes: str | None) -> dict[str, str]:
    """This process's environment variables, without any display; None removes one."""
    variables = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    variables["XDG_RUNTIME_DIR"] = "/nonexistent"
    for name, value in changes.items():
        if value is None:
            variables.pop(name, None)
        else:
            variables[name] = value
    return variables


def run_module(
    module: str, *arguments: object, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """python -m puffer_render.MODULE ARGUMENTS"""
    return run_python("-m", f"puffer_render.{module}", *map(str, arguments), env=env)


def run_python(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """python ARGUMENTS"""
    return subprocess.run(
        [sys.executable, *arguments],
        env=dict(env or environment()),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a program left for the user; fails unless it is one line, with exit code 2."""
    lines = [line for line in done.stderr.splitlines() if "XDG_RUNTIME_DIR" not in line]
    assert done.returncode == 2, f"exit code {done.returncode}: {done.stderr}"
    assert len(lines) == 1 and not done.stdout.strip(), f"not one line: {done.stdout}{done.stderr}"
    return lines[0]
