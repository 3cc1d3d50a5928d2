"""Single steps beside a reference with settings that no certificate has."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

import puffer_envs
from puffer_envs.porting.adapter import KNOWN, load_adapter
from puffer_envs.porting.pair import Pair
from puffer_envs.porting.play import random_player
from puffer_envs.porting.reference import make_reference
from puffer_envs.porting.steps import compare_steps


def differ(name: str, reference: str, ours: dict[str, Any], theirs: dict[str, Any], steps: int = 2000) -> list[Any]:
    """What differs first between ours and the reference, over so many steps at random; nothing: []."""
    spec = puffer_envs.spec(name)
    adapter = load_adapter(KNOWN / f"{name}.py", spec)
    adapter = dataclasses.replace(adapter, reference_settings={**adapter.reference_settings, **theirs})
    with puffer_envs.make(name, 16, seed=1, **ours) as env:
        space, rng = env.single_action_space, np.random.default_rng(1)
        players = [random_player(space, rng, 0.8), random_player(space, rng)]
        result = compare_steps(Pair(env, make_reference(reference, adapter), adapter), players, steps)
    assert result.count >= steps or result.found is not None
    return [] if result.found is None else result.found.gaps
