"""Shared by all `to_*` adapters: making the native environment, and drawing a seed if none is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.environment import Environment, make
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import spec

MAX_SEED = 2**63
"""Drawn seeds are below this."""


def make_native(
    name: str, settings: Mapping[str, Any], num_envs: int = 1, *, threads: int = 1, first: int = 0
) -> Environment:
    """Call `puffer_envs.make`, but reject its other keywords among `settings`.

    Raises:
        ValueError, TypeError: an unknown name or setting, or a value that is not allowed.
        MemoryError: the batch does not fit into memory.
    """
    chosen: dict[str, Any] = dict(resolve_settings(spec(name), settings))
    return make(name, num_envs, threads=threads, first=first, **chosen)


def draw_seed(generator: np.random.Generator | None = None) -> int:
    """Draw a seed from the generator, or from the operating system's entropy if there is none."""
    return int((generator or np.random.default_rng()).integers(MAX_SEED))
