"""Action masks of Python environments, in every convention in use.

- Gymnasium, PettingZoo: `action_mask` in the info of every reset and step.
- PettingZoo, RLlib: a Dict observation with `action_mask` beside other keys.
- sb3-contrib: a method `action_masks()` of the environment or of a wrapper.

A mask is one flat array of all choices, or nested like the action space: an array for each of its parts, or None where
everything is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from puffer_envs.adapters.spaces import Space, children, number_of_choices

KEY = "action_mask"
METHOD = "action_masks"

Place = Literal["observation", "method", "info"]
"""Where an environment shows its masks."""


def is_beside_observation(observation_space: Space, action_space: Space) -> bool:
    """Return whether observations of this space come with a mask for actions of that space.

    Raises:
        ValueError: there is an `action_mask` that does not fit the actions.
    """
    if not isinstance(observation_space, spaces.Dict) or KEY not in observation_space.spaces:
        return False
    total, shape = number_of_choices(action_space), observation_space[KEY].shape
    if total is None:
        return False  # continuous actions: an observation like any other
    if shape is not None and int(np.prod(shape)) != total:
        raise ValueError(
            f"the observation space's part {KEY!r} has shape {shape}, but there are {total} choices: it must have one "
            "number for each. Correct it, or rename it if it is no mask"
        )
    return True


def without(observation_space: Space) -> Space:
    """Return the space of the observation without its mask; that of `observation` if nothing else is left."""
    assert isinstance(observation_space, spaces.Dict)
    others = {key: space for key, space in observation_space.spaces.items() if key != KEY}
    if others.keys() == {"observation"}:
        return others["observation"]
    return spaces.Dict(others)


def beside(observation_space: Space) -> Callable[[Any], Any]:
    """Return a function that takes the mask out of an observation of this space."""
    assert isinstance(observation_space, spaces.Dict)
    keys = [key for key in observation_space.spaces if key != KEY]
    alone = keys == ["observation"]

    def unmasked(observation: Any) -> Any:
        if not isinstance(observation, Mapping) or not all(key in observation for key in keys):
            expected = " and ".join(map(repr, [*keys, KEY]))
            raise ValueError(f"an observation must be a dictionary with {expected}, like its space")
        return observation["observation"] if alone else {key: observation[key] for key in keys}

    return unmasked


def method_of(env: Any) -> Callable[[], Any] | None:
    """Return the environment's or a wrapper's `action_masks`; None if there is none."""
    layer = env
    while layer is not None:
        found = getattr(type(layer), METHOD, None) or vars(layer).get(METHOD) if hasattr(layer, "__dict__") else None
        if callable(found):
            return getattr(layer, METHOD)  # type: ignore[no-any-return]
        layer = vars(layer).get("env") if hasattr(layer, "__dict__") else None
    return None


def is_in_info(info: Mapping[str, Any], action_space: Space) -> bool:
    """Return whether this info has a mask for actions of this space.

    Raises:
        ValueError: there is an `action_mask` that does not fit the actions.
    """
    if info.get(KEY) is None:
        return False
    flat(info[KEY], action_space)
    return True


def flat(mask: Any, action_space: Space) -> NDArray[np.bool_]:
    """Return a mask as (sum of choices,) bool.

    Raises:
        ValueError: it does not fit the actions.
    """
    total = number_of_choices(action_space)
    if total is None:
        raise ValueError(f"an {KEY} is given, but only discrete actions can be masked, and these are {action_space}")
    parts = _parts(mask, action_space)
    joined = None if parts is None else np.concatenate(parts) if len(parts) > 1 else parts[0]
    if joined is None or joined.size != total:
        raise ValueError(
            f"the {KEY} {_described(mask)}, but there are {total} choices: give one number for each, in one array or "
            "in parts like the action space"
        )
    return joined.astype(np.bool_)


def _parts(mask: Any, space: Space) -> list[NDArray[Any]] | None:
    """Return the flat arrays of the parts of a mask; None if they have no such parts."""
    total = number_of_choices(space) or 0
    if mask is None:
        return [np.ones(total, np.bool_)]
    if not isinstance(mask, Mapping):
        try:
            whole = np.asarray(mask)
        except ValueError:  # parts of different lengths
            whole = np.asarray(None)
        if whole.dtype.kind in "biuf" and whole.size == total:
            return [whole.ravel()]
    inner = children(space)
    if inner is None and isinstance(space, spaces.MultiDiscrete):
        inner = [(at, spaces.Discrete(int(n))) for at, n in enumerate(space.nvec.ravel())]
    if inner is None or isinstance(mask, Mapping) != isinstance(space, spaces.Dict):
        return None
    if not isinstance(mask, Mapping) and (not isinstance(mask, list | tuple) or len(mask) != len(inner)):
        return None
    found: list[NDArray[Any]] = []
    for key, part in inner:
        below = _parts(mask.get(key) if isinstance(mask, Mapping) else mask[key], part)
        if below is None:
            return None
        found += below
    return found


def by_action(mask: NDArray[np.bool_], action_space: Space) -> list[NDArray[np.bool_]]:
    """Return the parts of a flat mask: one for each action."""
    return np.split(mask, np.cumsum(choices_of(action_space))[:-1])


def choices_of(space: Space) -> list[int]:
    """Return the number of choices of each action of a discrete space."""
    parts = children(space)
    if parts is not None:
        return [size for _, part in parts for size in choices_of(part)]
    if isinstance(space, spaces.Discrete):
        return [int(space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        return [int(n) for n in space.nvec.ravel()]
    return [2] * ((number_of_choices(space) or 0) // 2)


def _described(mask: Any) -> str:
    if mask is None:
        return "is missing"
    if isinstance(mask, np.ndarray):
        return f"has shape {mask.shape}"
    return f"is a {type(mask).__name__} of {len(mask)}" if hasattr(mask, "__len__") else f"is {mask!r}"


def refuse_unexpected(info: Mapping[str, Any], action_space: Space) -> None:
    """Raise ValueError if there is a mask in this info, for an environment whose first info had none."""
    if info.get(KEY) is not None:
        flat(info[KEY], action_space)
        raise ValueError(f"an {KEY} is in this info, and the first one had none. Give one with every observation")


def writer(masks: NDArray[np.bool_], action_space: Space) -> Callable[[int, Any], None]:
    """Return write(row, mask), which copies a mask to a row.

    It raises ValueError if the mask is missing or does not fit.

    Args:
        masks: (A, sum of choices) bool.
        action_space: what the masks are for.
    """
    shape, ndarray = masks.shape[1:], np.ndarray

    def write(row: int, mask: Any) -> None:
        if type(mask) is not ndarray or mask.shape != shape:
            if mask is None:
                raise ValueError(f"the {KEY} is missing: the first had shape {shape}. Give one with every observation")
            mask = flat(mask, action_space)
        masks[row] = mask

    return write
