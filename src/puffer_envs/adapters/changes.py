"""Attributes of Python environments that are set from outside, at the requested time."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from puffer_envs.contract.names import suggest
from puffer_envs.vector.block import When

_MISSING = object()


class Changes:
    """Values that wait for an environment's next reset or step. Environments share a value and must not change it."""

    def __init__(self, envs: Sequence[Any]) -> None:
        self._envs = envs
        self._at_reset: list[dict[str, Any]] = [{} for _ in envs]
        self._at_step: dict[int, dict[str, Any]] = {}

    def plan(self, key: str, value: Any, envs: Sequence[int], when: When) -> None:
        """Plan to set attribute `key` of these environments, or of the wrapper around them that has it.

        Raises:
            AttributeError: one of them has no such attribute, or it cannot be set; nothing is planned.
            ValueError: an invalid `when`.
        """
        if when not in get_args(When):
            raise ValueError(f"when must be 'reset' or 'step', got {when!r}")
        for env in envs:
            owner_of(self._envs[env], key)
        for env in envs:
            pending = self._at_reset[env] if when == "reset" else self._at_step.setdefault(env, {})
            pending[key] = value

    @property
    def wait_for_reset(self) -> bool:
        """Whether any value waits for a reset."""
        return any(self._at_reset)

    def before_reset(self, env: int) -> None:
        """Apply the values that wait for this environment's reset."""
        if self._at_reset[env]:
            self._apply(env, self._at_reset[env])

    def before_step(self) -> None:
        """Apply the values that wait for the next step of any environment."""
        if self._at_step:
            for env, pending in self._at_step.items():
                self._apply(env, pending)
            self._at_step.clear()

    def _apply(self, env: int, pending: dict[str, Any]) -> None:
        values = list(pending.items())
        pending.clear()
        for key, value in values:
            setattr(owner_of(self._envs[env], key), key, value)


def owner_of(env: Any, key: str) -> Any:
    """Return the environment or the outermost wrapper around it that has this attribute itself.

    Raises:
        AttributeError: none has it, or it is a method or a property without a setter.
    """
    for layer in _layers(env):
        found = inspect.getattr_static(layer, key, _MISSING)  # ignores what a wrapper forwards with __getattr__
        if found is not _MISSING:
            if isinstance(found, types.FunctionType) or (isinstance(found, property) and found.fset is None):
                raise AttributeError(f"{key!r} of {type(layer).__name__} cannot be set: it is a method or read-only")
            return layer
    core = getattr(env, "unwrapped", env)
    known = sorted(name for name in getattr(core, "__dict__", {}) if not name.startswith("_"))
    raise AttributeError(f"{type(core).__name__} has no attribute {key!r} to set.{suggest(key, known)}")


def _layers(env: Any) -> Iterator[Any]:
    """Yield the wrappers from the outermost inwards, then the environment."""
    core = getattr(env, "unwrapped", env)
    layer = env
    while layer is not core and inspect.getattr_static(layer, "env", None) is not None:
        yield layer
        layer = layer.env
    yield layer
    if layer is not core:  # PettingZoo's conversions use another name for what they wrap
        yield core
