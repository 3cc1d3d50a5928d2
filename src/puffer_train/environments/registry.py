"""Finding an environment by name.

A package offers environments through an entry point in the group `puffer.envs` that names a module with
`list_envs()` and `make(name, num_envs, seed, threads, **settings)`. `module:factory` names a callable: one that
takes `num_envs` makes a whole batch that keeps the buffer contract, any other one makes single environments.
Those, and names with their own scheme such as `gymnasium:CartPole-v1`, are run by a vectorizer: a callable
`make(name, num_envs, seed, workers, **settings)` that a package names in the group `puffer.vectorizers`.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

import gymnasium

from puffer_envs.contract import BufferEnv, wrap
from puffer_envs.contract.errors import EnvironmentNotFoundError
from puffer_envs.contract.factories import load_factory, parameter_names
from puffer_envs.contract.names import suggest
from puffer_envs.contract.offers import load_file, load_offers, suggest_file
from puffer_train.environments.parts import Parts
from puffer_train.environments.starting import Starting
from puffer_train.errors import ConfigError, EnvironmentCalls, EnvironmentFailedError

VECTORIZERS = "puffer.vectorizers"

SCHEMES = ("gymnasium", "pettingzoo")
"""Prefixes that are not modules with factories: the package itself resolves the name after the colon."""


@dataclass(frozen=True)
class EnvironmentSource:
    """A named environment that can be made any number of times."""

    name: str
    """The name it was found under."""
    factory: Callable[..., BufferEnv]
    """Called with keyword arguments only."""
    parallelism: str | None = None
    """What the factory calls the number of processor cores to use: `threads`, `workers`; None if it takes none."""
    settings: str | None = None
    """Name of the settings shipped for it."""
    divisible: bool = False
    """Whether the factory takes `first` and `buffers`, so that parts of a batch can be made one by one."""
    numbered: bool = False
    """Whether the factory takes `first`, the number of the batch's first environment in the run."""
    wraps: bool = False
    """Whether the factory takes `env_args`, with how to wrap them, `training` and `watch`."""

    def make(
        self,
        num_envs: int,
        seed: int,
        cores: int,
        settings: Mapping[str, object],
        first: int | None = None,
        training: bool = False,
    ) -> BufferEnv:
        """Make a batch of environments, of which the first is number `first` of the run, where there are several.

        `training`: whether what only makes sense while learning applies, such as episodes that end with a life.

        Raises `ConfigError` when the environment refuses its settings or turns out not to exist, and
        `EnvironmentFailedError`, with a traceback, when its code breaks.
        """
        if first is not None and not self.numbered:
            raise ConfigError(
                f"{self.name!r} makes whole batches: for several ranks it must take `first`, the number of its first "
                "environment in the run."
            )
        try:
            env = self._make(num_envs, seed, cores, settings, first, training)
            for note in getattr(env, "notes", ()):
                say_once(f"{self.name}: {note}.")
            return env
        except EnvironmentFailedError:
            if self.parallelism == "workers" and cores > 1:
                # From a worker every error comes with its traceback. A single environment made here tells whether it is
                # just a setting that was refused, and raises that sentence then.
                self._make(1, seed, 1, settings, None, training).close()
            raise

    @contextmanager
    def opened(
        self,
        num_envs: int,
        seed: int,
        cores: int,
        settings: Mapping[str, object],
        first: int | None = None,
        training: bool = False,
    ) -> Iterator[BufferEnv]:
        """Make environments as `make` does, and close them at the end."""
        env = self.make(num_envs, seed, cores, settings, first, training)
        try:
            yield env
        finally:
            with EnvironmentCalls(self.name):
                env.close()

    def _make(
        self,
        num_envs: int,
        seed: int,
        cores: int,
        settings: Mapping[str, object],
        first: int | None,
        training: bool,
    ) -> BufferEnv:
        arguments: dict[str, object] = {"num_envs": num_envs, "seed": seed}
        if self.wraps:
            arguments |= {"env_args": settings, "training": training, "watch": Starting(self.name)}
        elif settings.get(wrap.KEY):
            word = next(iter(cast(Mapping[str, object], settings[wrap.KEY])))
            raise ConfigError(
                f"wrap.{word}: {self.name!r} makes whole batches, and only single environments can be wrapped."
            )
        own = {} if self.wraps else {key: value for key, value in settings.items() if key != wrap.KEY}
        if first is not None:
            arguments["first"] = first
        if self.parallelism is not None:
            arguments[self.parallelism] = cores
        with EnvironmentCalls(self.name):
            try:
                if self.divisible and cores > 1 and num_envs > 1:
                    return self._make_parts(num_envs, seed, cores, own, first or 0)
                return self.factory(**arguments, **own)
            except (ValueError, TypeError, KeyError, ImportError) as error:
                sentence = " ".join(str(error).split())
                missing = re.search(r"missing \d+ required [\w-]+ arguments?: '(\w+)'", sentence)
                if missing:
                    sentence += f". Give it with --env.{missing[1].replace('_', '-')} VALUE."
                # Native environments name themselves and the setting.
                if sentence.startswith((f"{self.name}: ", f"{self.name} has no setting")):
                    raise ConfigError(sentence) from error
                given = ", ".join(f"{key}={value!r}" for key, value in settings.items() if key != wrap.KEY)
                made = f"made with {given}" if given else "made"
                raise ConfigError(f"environment {self.name!r} could not be {made}: {sentence}") from error
            except MemoryError as error:
                raise ConfigError(
                    f"train.num_envs {num_envs}: {error or 'that does not fit into memory'}. Make it smaller."
                ) from error

    def _make_parts(
        self, num_envs: int, seed: int, cores: int, settings: Mapping[str, object], first: int
    ) -> BufferEnv:
        """Make a batch divided into one part per core."""

        def make(count: int, before: int, buffers: dict[str, Any] | None) -> BufferEnv:
            return self.factory(num_envs=count, seed=seed, first=first + before, buffers=buffers, **settings)

        return cast(BufferEnv, Parts(make, num_envs, cores))


@functools.cache
def say_once(line: str) -> None:
    """Print a line about an environment, once; of several ranks, the first one does."""
    if os.environ.get("RANK", "0") == "0":
        print(line, file=sys.stderr, flush=True)


def load_libraries(paths: Iterable[str | Path]) -> list[str]:
    """Load shared libraries with the user's own environments, through the package that supports it.

    Returns:
        Their absolute paths.

    Raises:
        ConfigError: A library cannot be loaded, or no installed package loads any.
    """
    loaded = [str(Path(path).resolve()) for path in paths]
    for path in loaded:
        try:
            load_file(path)
        except EnvironmentNotFoundError as error:
            raise ConfigError(f"--library {error}") from error
    return loaded


def find(name: str) -> EnvironmentSource:
    """Return the environment called `name`: offered by a package, `module:factory`, or known to a vectorizer.

    The current folder is searched for `module` too. Whether a vectorizer knows the rest of `scheme:rest` turns out
    in `make`.

    Raises:
        EnvironmentNotFoundError: There is none; the message suggests the nearest known name.
    """
    scheme, colon, _ = name.partition(":")
    if not colon:
        return _offered(name)
    if scheme in SCHEMES:
        return _vectorized(name)
    with EnvironmentCalls(name):
        factory = load_factory(name)
    parameters = parameter_names(factory)
    if "num_envs" not in parameters:
        return _vectorized(name)
    threads = "threads" if "threads" in parameters else None
    return EnvironmentSource(name, factory, threads, divisible=_divisible(factory), numbered="first" in parameters)


def imports_code(name: str) -> bool:
    """Whether a name makes Python import and call code: `module:factory`, `gymnasium:module:ID`."""
    scheme, colon, rest = name.partition(":")
    return bool(colon) and (scheme not in SCHEMES or ":" in rest)


def resolve_name(path: Path, found: str, given: str | None) -> str:
    """Return the name of the environment that a file at `path` is for.

    Args:
        path: The file, for errors.
        found: The name in the file.
        given: The name that the user gave, if any.

    Raises:
        ConfigError: The names differ, or the file alone decides which code to run: it could name `os:system`.
    """
    if given is None and imports_code(found):
        raise ConfigError(f"{path} is for {found!r}, which runs code: give that name as well if you trust it.")
    if given is not None and given != found:
        raise ConfigError(f"{path} was trained in {found!r}, not in {given!r}.")
    return found


def _offered(name: str) -> EnvironmentSource:
    """Look for an environment that a package offers by a plain name."""
    offered = load_offers()
    if name not in offered:
        if name in gymnasium.registry:
            known = f" Did you mean 'gymnasium:{name}'?"
        else:
            known = (
                suggest_file(name)
                or suggest(name, offered)
                or (" `puffer-train --list` shows the known ones." if offered else " No installed package offers any.")
            )
        raise EnvironmentNotFoundError(f"there is no environment {name!r}.{known}")
    make = functools.partial(offered[name].make, name)
    numbered = "first" in parameter_names(make)
    return EnvironmentSource(name, make, "threads", settings=name, divisible=_divisible(make), numbered=numbered)


def _vectorized(name: str) -> EnvironmentSource:
    """Return a source that the installed vectorizer makes."""
    installed = sorted(entry_points(group=VECTORIZERS), key=lambda entry: entry.name)
    if not installed:
        raise EnvironmentNotFoundError(
            f"{name!r} makes single environments, and no installed package runs many of them: "
            "pip install puffer-envs includes one that does."
        )
    make = functools.partial(installed[0].load(), name)
    takes = parameter_names(make)
    wraps = {"env_args", "training", "watch"} <= takes
    return EnvironmentSource(name, make, "workers", settings=name, numbered="first" in takes, wraps=wraps)


def _divisible(factory: Callable[..., Any]) -> bool:
    return {"first", "buffers"} <= parameter_names(factory)
