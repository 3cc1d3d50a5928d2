"""The environment under test, whatever kind it is."""

from __future__ import annotations

import contextlib
import functools
import inspect
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from puffer_envs.conformance.runs import BatchRun, Run
from puffer_envs.conformance.single_runs import SingleRun, single_run
from puffer_envs.environment import make
from puffer_envs.vector.choose import make as make_vector
from puffer_envs.vector.source import Source, resolve

STEPS = 300
BATCH = 6
MIN_STEPS = 10
PACE_SECONDS = 4.0
"""About how long a check should take at most; twenty times as long if more than the usual steps are asked for."""
SEARCH_SECONDS = 10.0
"""How long a single environment is played in search of something rare, such as the end of an episode."""
STEPS_PER_CHECK = 20
"""The longest check steps a single environment about this many times as often as a trajectory is long."""

RESERVED = ("num_envs", "seed", "first", "threads", "isa", "buffers")
"""Arguments of a factory of batches that are not settings."""

Kind = Literal["native", "batch", "single"]
"""One of the C environments; a factory of batches that keep the contract; or of single Python environments."""


@dataclass
class Subject:
    """The environment under test."""

    name: str
    """For messages."""
    factory: Callable[..., Any]
    """factory(num_envs, seed, **keywords) -> BufferEnv. A vector, where environments are made one by one."""
    kind: Kind = "batch"
    """What it is: a native environment also takes `threads`, `isa` and `first`."""
    steps: int = STEPS
    """How long each trajectory is."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Passed to the factory."""
    single: Callable[[], Any] | None = None
    """Makes one Gymnasium or PettingZoo environment; None for the other kinds."""
    source: Source | None = None
    """What worker processes are given; None where they are not tested."""
    time_limit: float = math.inf
    """Seconds that a check may take. A check that searches stops before that."""
    sanitize: bool = False
    """Whether its code is checked too."""
    isolated: bool = False
    """Whether this process is only for the checks, so that what it prints last says where it crashed."""
    last_run: Run | None = None
    """The run that moved last, to say where an exception came from."""

    @property
    def native(self) -> bool:
        """Whether it is one of ours."""
        return self.kind == "native"

    @contextlib.contextmanager
    def env(self, num_envs: int = BATCH, seed: int = 0, **keywords: Any) -> Iterator[Any]:
        """A batch behind the contract, closed afterwards."""
        made = self.factory(num_envs=num_envs, seed=seed, **keywords, **self.settings)
        try:
            yield made
        finally:
            _close(made)

    @contextlib.contextmanager
    def run(self, seed: int = 0) -> Iterator[Run]:
        """What is played to see whether it repeats: the single environment itself, else a batch."""
        if self.single is not None:
            with self.play() as run:
                yield run
            return
        with self.env(seed=seed) as env:
            self.last_run = BatchRun(env)
            yield self.last_run

    @contextlib.contextmanager
    def play(self) -> Iterator[SingleRun]:
        """A single environment, closed afterwards."""
        assert self.single is not None
        run = self.last_run = single_run(self.single())
        try:
            yield run
        finally:
            _close(run)

    def patience(self) -> Callable[[], bool]:
        """A function that is True until a search should stop, so that the check stays within its time limit."""
        end = time.monotonic() + min(self.time_limit / 3, SEARCH_SECONDS if self.single else math.inf)
        return lambda: time.monotonic() < end

    def keep_pace(self, seconds: float) -> str | None:
        """Shorten trajectories so that every check stays within the time limit.

        Args:
            seconds: what a step of a `run` takes.

        Returns:
            A remark, if they were shortened.
        """
        steps = STEPS_PER_CHECK if self.single else STEPS_PER_CHECK // BATCH
        budget = min(self.time_limit / 3, PACE_SECONDS * (20 if self.steps > STEPS else 1))
        fit = budget / (steps * max(seconds, 1e-9))
        if fit >= self.steps:
            return None
        self.steps = max(MIN_STEPS, int(fit))
        return (
            f"a step takes {seconds * 1e3:.3g} ms, so trajectories are only {self.steps} steps long; --steps "
            f"{STEPS + 1} or more asks for longer ones"
        )


def _close(env: Any) -> None:
    """Close at the end of a check; errors are left to the checks of `close`."""
    with contextlib.suppress(Exception):
        env.close()


def subject(
    factory_or_name: str | Callable[..., Any], steps: int = STEPS, time_limit: float = math.inf, **settings: Any
) -> Subject:
    """The subject for whatever `puffer_envs.vector.make` takes.

    Args:
        factory_or_name: a native environment's name, `gymnasium:ID`, `pettingzoo:MODULE`, `module:factory`, or a
            callable.
        steps: how long each trajectory is.
        time_limit: seconds that a check may take; the caller must stop one that takes longer.
        **settings: of the environment.

    Raises:
        ValueError, TypeError: there is nothing of that name, or it does not take these settings.
        ImportError: a package is missing.
    """
    source = resolve(factory_or_name, settings, None)
    name = source.name
    reserved = [setting for setting in RESERVED if setting in settings and (source.native or source.batched)]
    if reserved:
        raise TypeError(f"{name}: {reserved[0]} is not a setting; the checks choose it themselves")
    if source.native:
        with make(name, **settings):
            pass  # a wrong setting is the caller's mistake, not the environment's
        return Subject(name, functools.partial(make, name), "native", steps, settings, time_limit=time_limit)
    _require_accepted(source)
    if settings and name.startswith(("gymnasium:", "pettingzoo:")):
        _require_makeable(source)
    if source.batched:
        return Subject(name, source.factory, "batch", steps, settings, source=source, time_limit=time_limit)
    factory = functools.partial(make_vector, factory_or_name, backend="serial", **settings)
    single = functools.partial(source.factory, **source.settings)
    return Subject(name, factory, "single", steps, single=single, source=source, time_limit=time_limit)


def _require_accepted(source: Source) -> None:
    """Raise TypeError unless the factory takes these settings."""
    try:
        signature = inspect.signature(source.factory)
    except (TypeError, ValueError):
        return  # some builtins have no signature
    given = dict(source.settings) | ({"num_envs": 1} if source.batched else {})
    try:
        signature.bind_partial(**given)
    except TypeError as error:
        raise TypeError(f"{source.name}{signature} does not take these settings: {error}") from None


def _require_makeable(source: Source) -> None:
    """Raise TypeError if another package's environment refuses its settings, which only shows when it is made."""
    try:
        _close(source.factory())
    except TypeError as error:
        if "unexpected keyword argument" in str(error):
            raise TypeError(f"{source.name} does not take these settings: {error}") from None
    except Exception:
        return  # the checks will report it
