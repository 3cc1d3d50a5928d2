"""Finding an environment by name.

A package offers environments through an entry point in the group `puffer.envs` that names a module with
`list_envs()` and `make(name, num_envs, seed, threads, **settings)`. `module:factory` names a callable
directly.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, cast

from puffer_train.contract import Environment
from puffer_train.errors import ConfigError, EnvironmentNotFoundError, suggestion

GROUP = "puffer.envs"


@dataclass(frozen=True)
class EnvironmentSource:
    """A named environment that can be made any number of times."""

    name: str
    """The name it was found under."""
    factory: Callable[..., Environment]
    """Called with keyword arguments only."""
    takes_threads: bool
    """Whether the factory accepts `threads`."""

    def make(self, num_envs: int, seed: int, threads: int, settings: Mapping[str, object]) -> Environment:
        """Make a batch of environments. Raises `ConfigError` when the environment refuses its settings."""
        arguments: dict[str, object] = {"num_envs": num_envs, "seed": seed}
        if self.takes_threads:
            arguments["threads"] = threads
        try:
            return self.factory(**arguments, **settings)
        except (ValueError, TypeError, KeyError) as error:
            sentence = " ".join(str(error).split())
            given = ", ".join(f"{key}={value!r}" for key, value in settings.items()) or "no settings"
            raise ConfigError(f"environment {self.name!r} could not be made with {given}: {sentence}") from error


def list_environments() -> dict[str, Any]:
    """Return every environment that an installed package offers, as name -> offering module."""
    offered: dict[str, Any] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        module = entry.load()
        for name in module.list_envs():
            offered.setdefault(name, module)
    return offered


def find(name: str) -> EnvironmentSource:
    """Return the environment called `name`, or the callable of `module:factory`.

    The current folder is searched for `module` too. Raises `EnvironmentNotFoundError`, with the nearest known
    name when there is one.
    """
    if ":" in name:
        return _from_factory(name)
    offered = list_environments()
    if name not in offered:
        known = suggestion(name, offered) or (
            " `puffer-train --list` shows the known ones." if offered else " No installed package offers any."
        )
        raise EnvironmentNotFoundError(f"there is no environment {name!r}.{known}")
    make = offered[name].make
    return EnvironmentSource(name, lambda **arguments: make(name, **arguments), takes_threads=True)


def _from_factory(name: str) -> EnvironmentSource:
    """Import the callable of `module:factory`."""
    module_name, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # a console script does not have the current folder there
    try:
        factory = getattr(importlib.import_module(module_name), attribute)
    except ModuleNotFoundError as error:
        raise EnvironmentNotFoundError(f"cannot import {module_name!r} of {name!r}: {error}.") from error
    except (AttributeError, ValueError):
        raise EnvironmentNotFoundError(f"{module_name!r} has nothing called {attribute!r}.") from None
    if not callable(factory):
        raise EnvironmentNotFoundError(f"{name!r} is not a callable that makes environments.")
    parameters = inspect.signature(factory).parameters
    return EnvironmentSource(name, cast(Callable[..., Environment], factory), "threads" in parameters)
