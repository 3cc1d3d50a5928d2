"""Whether a window can be opened here, and opening it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from puffer_envs.adapters.rendering import has_display
from puffer_render.errors import import_raylib

PROBE_SECONDS = 10.0
"""A display server that has not accepted a client within this time never will."""
ATTEMPTS, PAUSE = 5, 0.1
"""An X server that just lost its last client, here the probe, restarts and rejects clients meanwhile."""


def open_window(rl: Any, size: tuple[int, int], title: str, flags: int) -> bool:
    """Open a window on the screen, with raylib's `flags`. Returns False, in bounded time, where that is impossible."""
    if not display_answers():
        return False
    for _ in range(ATTEMPTS):
        if _open(rl, size, title, flags):
            return True
        time.sleep(PAUSE)
    return False


def display_answers() -> bool:
    """Whether a window can be opened on a display, tested in another process: an unresponsive server never returns."""
    if not has_display():
        return False
    command = [sys.executable, "-c", "from puffer_render.display import probe_display; probe_display()"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        probe = subprocess.run(command, env=environment, capture_output=True, timeout=PROBE_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return probe.returncode == 0


def probe_display() -> None:
    """Open a hidden window and exit: status 0 if that worked."""
    rl = import_raylib()
    sys.exit(not _open(rl, (16, 16), "puffer-render", rl.FLAG_WINDOW_HIDDEN))


def _open(rl: Any, size: tuple[int, int], title: str, flags: int) -> bool:
    rl.SetConfigFlags(flags)
    with _silence():
        rl.InitWindow(*size, title.encode())
    return bool(rl.IsWindowReady())


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Libraries below raylib write to the terminal (about XDG_RUNTIME_DIR, say), with no option to stop them."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(descriptor) for descriptor in (1, 2)]
    nothing = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        yield
    finally:
        for descriptor, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(nothing)
