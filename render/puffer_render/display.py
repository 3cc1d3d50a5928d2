"""Whether a window can be opened here, and opening it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

from puffer_render.errors import import_raylib

PROBE_SECONDS = 10.0
"""A display server that has not let a client in by now never will."""
ATTEMPTS, PAUSE = 5, 0.1
"""An X server that has just lost its last client, here the probe, restarts and turns newcomers away meanwhile."""


def open_window(rl: Any, size: tuple[int, int], title: str, flags: int) -> bool:
    """Open a window on the screen, with raylib's `flags`. Returns False, in bounded time, where that is impossible."""
    if not display_answers():
        return False
    for _ in range(ATTEMPTS):
        if _open(rl, size, title, flags):
            return True
        time.sleep(PAUSE)
    return False


def has_display() -> bool:
    """Whether there may be a display: False is certain, True is not."""
    if sys.platform.startswith(("linux", "freebsd")):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def display_answers() -> bool:
    """Whether a window can be opened on a display, found out by another process: a deaf server never returns."""
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
    """Open a hidden window and leave: exit code 0 if that worked."""
    rl = import_raylib()
    sys.exit(not _open(rl, (16, 16), "puffer-render", rl.FLAG_WINDOW_HIDDEN))


def _open(rl: Any, size: tuple[int, int], title: str, flags: int) -> bool:
    rl.SetConfigFlags(flags)
    rl.InitWindow(*size, title.encode())
    return bool(rl.IsWindowReady())
