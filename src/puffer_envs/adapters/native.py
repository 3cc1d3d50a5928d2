"""What every adapter out of the contract begins with: the native environment, and a seed where none is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.environment import Environment, make
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import spec

MAX_SEED = 2**63
"""Seeds drawn here are below this."""


def make_native(
    name: str, settings: Mapping[str, Any], num_envs: int = 1, *, threads: int = 1, first: int = 0
) -> Environment:
    """`puffer_envs.make`, but `settings` are settings only: other keywords of `make` among them are refused by name.

    Raises:
        ValueError, TypeError: unknown name or setting; a value that is not allowed.
        MemoryError: the batch does not fit into this machine's memory.
    """
    chosen: dict[str, Any] = dict(resolve_settings(spec(name), settings))
    return make(name, num_envs, threads=threads, first=first, **chosen)


def draw_seed(generator: np.random.Generator | None = None) -> int:
    """A seed from the generator; without one, from the operating system's entropy."""
    return int((generator or np.random.default_rng()).integers(MAX_SEED))
