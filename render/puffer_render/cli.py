"""The commands puffer-play and puffer-render.

Their modules take a moment to import. What starts them is here, so that Ctrl-C in that moment is one line as well.
"""

from __future__ import annotations

import importlib
import sys


def start_play() -> int:
    """Run `puffer-play`; return its exit status."""
    return _start("play")


def start_render() -> int:
    """Run `puffer-render`; return its exit status."""
    return _start("render")


def _start(command: str) -> int:
    try:
        status: int = importlib.import_module(f"puffer_render.cli_{command}").main()
    except KeyboardInterrupt:
        print(f"\npuffer-{command}: interrupted", file=sys.stderr)
        return 130
    return status
