"""Errors for the person at the command line, and the two packages that may be missing."""

from __future__ import annotations

import importlib
import logging
from types import ModuleType
from typing import Any

from puffer_envs.contract.errors import UserError


class RenderError(UserError):
    """Something the user can mend. The message is one or two sentences: what was given, what to do."""


def import_raylib() -> Any:
    """The raylib module (typed Any: its stubs do not fit --strict), without its log lines.

    Raises RenderError, naming the pip install that mends it, when raylib is not installed.
    """
    logging.getLogger("raylib").setLevel(logging.ERROR)
    raylib = _import("raylib")
    raylib.SetTraceLogLevel(raylib.LOG_NONE)
    return raylib


def import_av() -> Any:
    """The PyAV module. Raises RenderError, naming the pip install that mends it, when it is not installed."""
    av = _import("av")
    av.logging.set_level(av.logging.ERROR)
    return av


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise RenderError(f'{name} is not installed ({error}): pip install "puffer-envs[render]"') from None
