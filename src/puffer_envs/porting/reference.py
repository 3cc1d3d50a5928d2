"""The environment that ours is compared with: one of Gymnasium's, or a person's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from puffer_envs.contract.factories import load_factory, search_current_folder
from puffer_envs.porting.adapter import Adapter
from puffer_envs.spec import EnvSpec, Layout, action_space, observation_space


class ReferenceFaultError(ValueError):
    """The reference cannot be made, or does not fit ours."""


def make_reference(name: str, adapter: Adapter) -> Any:
    """Make the reference.

    Args:
        name: `gymnasium:ID` or `module:factory`.
        adapter: gives its settings.

    Raises:
        ReferenceFaultError: it is not installed, unknown, or fails to be made.
    """
    scheme, colon, rest = name.partition(":")
    if not colon or not rest:
        raise ReferenceFaultError(f"the reference {name!r} must be gymnasium:ID or module:factory")
    search_current_folder()
    factory = _gymnasium_factory(rest) if scheme == "gymnasium" else load_factory(name)
    try:
        env = factory(**adapter.reference_settings)
    except ModuleNotFoundError as error:
        raise ReferenceFaultError(f"{name} needs the package {error.name!r}: pip install it first") from None
    except gymnasium.error.Error as error:
        raise ReferenceFaultError(f"{name}: {_first_line(error)}") from None
    except Exception as error:
        raise ReferenceFaultError(f"{name} cannot be made: {type(error).__name__}: {_first_line(error)}") from None
    if not isinstance(env, gymnasium.Env):
        raise ReferenceFaultError(f"{name} returns {type(env).__name__}: a reference must be a gymnasium.Env")
    if adapter.prepare is not None:
        adapter.prepare(env)
    return env


def _gymnasium_factory(env_id: str) -> Callable[..., Any]:
    def factory(**settings: Any) -> Any:
        return gymnasium.make(env_id, disable_env_checker=True, **settings)

    return factory


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def check_spaces(name: str, env: Any, ours: EnvSpec, layout: Layout, adapter: Adapter) -> None:
    """Refuse a reference whose spaces are others, unless the adapter converts.

    Raises:
        ReferenceFaultError: they differ.
    """
    if layout.agents != 1:
        raise ReferenceFaultError(
            f"{ours.name} has {layout.agents} agents with these settings: a port is compared with one agent"
        )
    mine: Any = action_space(layout)
    theirs: Any = env.action_space
    if adapter.to_reference is None and not _same_actions(mine, theirs):
        raise ReferenceFaultError(
            f"the actions differ: {ours.name} has {_describe(mine)}, {name} has {_describe(theirs)}. Change one, "
            "or let "
            f"to_reference(action) in {adapter.path.name} turn one of ours into one of theirs"
        )
    seen: Any = observation_space(ours, layout)
    if adapter.observe is None and tuple(env.observation_space.shape or ()) != seen.shape:
        raise ReferenceFaultError(
            f"the observations differ: {ours.name} has {_describe(seen)}, {name} has "
            f"{_describe(env.observation_space)}. "
            f"Change one, or let observe(observation) in {adapter.path.name} turn one of theirs into one of ours"
        )


def _same_actions(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, spaces.Discrete):
        return isinstance(theirs, spaces.Discrete) and mine.n == theirs.n
    if isinstance(mine, spaces.MultiDiscrete):
        return isinstance(theirs, spaces.MultiDiscrete) and np.array_equal(mine.nvec, theirs.nvec)
    same = isinstance(theirs, spaces.Box) and mine.shape == theirs.shape
    return same and bool(np.allclose(mine.low, theirs.low) and np.allclose(mine.high, theirs.high))


def _describe(space: Any) -> str:
    if isinstance(space, spaces.Discrete):
        return f"{space.n} choices"
    if isinstance(space, spaces.MultiDiscrete):
        return f"{' x '.join(map(str, space.nvec))} choices"
    if isinstance(space, spaces.Box):
        return f"{space.dtype} {space.shape} from {space.low.min():g} to {space.high.max():g}"
    return str(space)


def settings_of(mine: Mapping[str, Any], adapter: Adapter) -> dict[str, Any]:
    """Our settings: the adapter's, and over them what the command gives."""
    return {**adapter.settings, **mine}
