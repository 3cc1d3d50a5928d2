"""Action masks of Python environments, by the two conventions in use.

Gymnasium's environments put `action_mask` into the info of every reset and step. PettingZoo's put it next to the
observation: a Dict with the keys `observation` and `action_mask`, and nothing else. Both are for Discrete actions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.observation_codec import Writer
from puffer_envs.adapters.spaces import Space

KEY = "action_mask"


def is_beside_observation(observation_space: Space, action_space: Space) -> bool:
    """Return whether observations of this space come with a mask for actions of that space."""
    return (
        isinstance(observation_space, spaces.Dict)
        and isinstance(action_space, spaces.Discrete)
        and observation_space.spaces.keys() == {"observation", KEY}
        and observation_space[KEY].shape == (action_space.n,)
    )


def without(observation_space: Space) -> Space:
    """Return the space of the observation without its mask."""
    assert isinstance(observation_space, spaces.Dict)
    return observation_space["observation"]


def is_in_info(info: Mapping[str, Any], action_space: spaces.Discrete[Any]) -> bool:
    """Return whether this first info has a mask for actions of this space."""
    return np.asarray(info.get(KEY)).shape == (action_space.n,)


def beside(write: Writer) -> Writer:
    """Return a writer for observations that come with a mask; it writes only the observation."""

    def write_observation(row: int, both: Any) -> None:
        if not isinstance(both, Mapping) or "observation" not in both:
            raise ValueError(f"an observation must be a dictionary with 'observation' and {KEY!r}, like its space")
        write(row, both["observation"])

    return write_observation


def writer(masks: NDArray[np.bool_]) -> Callable[[int, Mapping[str, Any]], None]:
    """Return write(row, holder), which copies `action_mask` from `holder`, an info or an observation, to a row.

    It raises ValueError if the mask is missing or has another length.

    Args:
        masks: (A, sum of choices) bool.
    """
    shape = masks.shape[1:]

    def write(row: int, holder: Mapping[str, Any]) -> None:
        mask = np.asarray(holder.get(KEY))
        if mask.shape != shape:
            found = f"has shape {mask.shape}" if KEY in holder else "is missing"
            raise ValueError(f"the {KEY} {found}: the first had shape {shape}. Give one with every observation")
        masks[row] = mask

    return write
