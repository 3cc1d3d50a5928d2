"""Action masks of Python environments, by the two conventions in use.

Gymnasium's environments put `action_mask` into the info of every reset and step. PettingZoo's put it beside the
observation: a Dict with the keys `observation` and `action_mask`, and nothing else. Either is for Discrete actions.
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
    """Whether observations of this space come with a mask for actions of that one."""
    return (
        isinstance(observation_space, spaces.Dict)
        and isinstance(action_space, spaces.Discrete)
        and observation_space.spaces.keys() == {"observation", KEY}
        and observation_space[KEY].shape == (action_space.n,)
    )


def without(observation_space: Space) -> Space:
    """The space of the observation that lies beside a mask."""
    assert isinstance(observation_space, spaces.Dict)
    return observation_space["observation"]


def is_in_info(info: Mapping[str, Any], action_space: spaces.Discrete[Any]) -> bool:
    """Whether this first info holds a mask for actions of this space."""
    return np.asarray(info.get(KEY)).shape == (action_space.n,)


def beside(write: Writer) -> Writer:
    """Writes the observation that lies beside a mask."""

    def write_observation(row: int, both: Any) -> None:
        if not isinstance(both, Mapping) or "observation" not in both:
            raise ValueError(f"an observation must be a dictionary with 'observation' and {KEY!r}, as its space says")
        write(row, both["observation"])

    return write_observation


def writer(masks: NDArray[np.bool_]) -> Callable[[int, Mapping[str, Any]], None]:
    """write(row, holder) copies the `action_mask` in `holder`, an info or an observation, into a row of `masks`.

    ValueError where there is none, or one of another length.
    """
    shape = masks.shape[1:]

    def write(row: int, holder: Mapping[str, Any]) -> None:
        mask = np.asarray(holder.get(KEY))
        if mask.shape != shape:
            found = f"has shape {mask.shape}" if KEY in holder else "is missing"
            raise ValueError(f"the {KEY} {found}, and had shape {shape} at first; give one with every observation")
        masks[row] = mask

    return write
