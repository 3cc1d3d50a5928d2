"""Crashes of compiled code, which end the process without an exception."""

from __future__ import annotations

import faulthandler
from contextlib import suppress


def report_crashes() -> None:
    """Have Python print, on a crash, which functions led to it; `EnvironmentCalls.run` puts the environment there."""
    if not faulthandler.is_enabled():
        with suppress(OSError, ValueError, RuntimeError):  # there is no standard error, or it is not a file
            faulthandler.enable()
