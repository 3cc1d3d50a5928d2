"""Golden hashes: what each environment's first steps must give on every machine.

The actions are made with integer arithmetic alone, so that no library's random generator matters.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import _core
from puffer_envs.environment import make
from puffer_envs.spec import spec

ENVS, SEED = 7, 20260
STEPS = 1500
"""At most."""
MANY_NUMBERS = 1 << 22
"""In the observations that one agent sees: pictures get fewer steps."""


def golden_steps(name: str) -> int:
    """Return how many steps of an environment are hashed."""
    return min(STEPS, MANY_NUMBERS // math.prod(spec(name).layout.obs_shape))


@functools.cache
def golden_actions(name: str) -> NDArray[Any]:
    """Return actions (`golden_steps`, rows, ...) for ENVS environments."""
    with make(name, ENVS) as env:
        shape, dtype, space = (golden_steps(name), *env.actions.shape), env.actions.dtype, env.single_action_space
    x = np.arange(np.prod(shape), dtype=np.uint64)
    x = (x + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x >> np.uint64(33)).reshape(shape)
    layout: Any = space
    if dtype == np.float32:
        unit = (x % np.uint64(4097)).astype(np.float32) / np.float32(4096)
        return np.asarray(layout.low + unit * (layout.high - layout.low))
    choices = getattr(layout, "nvec", None)
    return (x % np.asarray(layout.n if choices is None else choices, np.uint64)).astype(np.int32)


def outputs_digest(name: str, **keywords: Any) -> str:
    """Return the SHA-256 of all outputs and states of `golden_steps` steps.

    Args:
        name: Of a native environment.
        keywords: Other arguments of `make`, such as `isa` or `threads`, which must not matter.
    """
    digest = hashlib.sha256()
    actions = golden_actions(name)
    with make(name, ENVS, **keywords) as env:
        env.reset(SEED)
        for step in range(len(actions) + 1):
            if step:
                env.step(actions[step - 1])
            for array in (env.observations, env.rewards, env.terminals, env.truncations):
                digest.update(array.tobytes())
            digest.update(env.state_hash().to_bytes(8, "little"))
    return digest.hexdigest()


def expected(name: str) -> str | None:
    """Return the hash that ships for an environment, None where there is none."""
    file = Path(_core.__file__).parent / "golden" / f"{name}.json"
    return json.loads(file.read_text("utf-8"))["sha256"] if file.is_file() else None
