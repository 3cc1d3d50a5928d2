"""A display without a screen, for tests: starts Xvfb, presses keys, looks at pixels."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TOOLS = ("Xvfb", "xdotool")
PATIENCE = 30.0


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


def wait_for(what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Poll until the condition holds; fail with a sentence when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s there is still not: {what}")
        time.sleep(0.03)


class VirtualDisplay:
    """A private X server. Its screen is a memory-mapped XWD file, so reading it needs no further tool."""

    def __init__(self, folder: Path, width: int = 900, height: int = 700) -> None:
        read, write = os.pipe()
        size = f"{width}x{height}x24"
        self._screen = folder / "Xvfb_screen0"
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-fbdir", str(folder), "-noreset", "-screen", "0", size],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        assert number, "Xvfb did not start"
        self.environment = {**os.environ, "DISPLAY": f":{number}"}

    def pixels(self) -> NDArray[np.uint8]:
        """The screen, (height, width, 3) RGB."""
        data = np.fromfile(self._screen, np.uint8)
        header = data[:100].view(">u4")  # see X11/XWDFile.h
        header_size, width, height, row_bytes, colors = (int(header[i]) for i in (0, 4, 5, 12, 19))
        start = header_size + 12 * colors
        rows = data[start : start + height * row_bytes].reshape(height, row_bytes)
        return rows[:, : width * 4].reshape(height, width, 4)[..., 2::-1].copy()

    def xdotool(self, *words: str) -> str:
        done = subprocess.run(
            ["xdotool", *words], env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return done.stdout.strip()

    def wait_for_window(self, title: str, program: subprocess.Popen[str]) -> str:
        """Wait until the program shows a window with this in its title, and focus it; returns its id."""

        def found() -> str:
            assert program.poll() is None, program.communicate()
            return self.xdotool("search", "--onlyvisible", "--name", title)

        wait_for(f"a window {title!r}", found)
        window = self.xdotool("search", "--onlyvisible", "--name", title).splitlines()[0]
        self.xdotool("windowmove", window, "0", "0")
        self.xdotool("windowfocus", "--sync", window)
        return window

    def press_close_button(self, window: str) -> None:
        """What a window manager sends when the person clicks on the cross: WM_DELETE_WINDOW."""
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
        x11.XInternAtom.restype = ctypes.c_ulong
        x11.XSendEvent.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
        x11.XCloseDisplay.argtypes = [ctypes.c_void_p]
        display = x11.XOpenDisplay(self.environment["DISPLAY"].encode())
        protocols = x11.XInternAtom(display, b"WM_PROTOCOLS", 0)
        delete = x11.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
        client_message, bits = 33, 32
        event = (ctypes.c_long * 24)()  # an XClientMessageEvent in a union of 24 longs
        event[0], event[4], event[5], event[6], event[7] = client_message, int(window), protocols, bits, delete
        x11.XSendEvent(display, int(window), 0, 0, event)
        x11.XCloseDisplay(display)

    def close(self) -> None:
        self.server.terminate()
        self.server.wait(PATIENCE)
