"""Checks of how a run depends on seeds, generators and neighbours, for batches and single environments.

The first line of a docstring says what the check ensures, the rest how to fix a failure.
docs/check.md is generated from them.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from puffer_envs.conformance.errors import ContractError, require
from puffer_envs.conformance.runs import WITHOUT_SEED, Output, Run, difference
from puffer_envs.conformance.subject import Subject

Moment = tuple[str, Output]
"""A place in a run, and the outputs there."""


def play(run: Run, seed: int, steps: int) -> Iterator[Moment]:
    """A run from this seed, with a reset without a seed in the middle of it."""
    output = run.reset(seed)
    yield run.where, output
    for step in range(steps):
        output = run.reset(None) if step == steps // 2 else run.step()
        yield run.where, output


def first_difference(one: Iterable[Moment], other: Iterable[Moment]) -> tuple[str, str]:
    """Where two runs first differ, and in what; two empty strings if they never do."""
    for (where, x), (_, y) in zip(one, other, strict=True):
        found = difference(x, y)
        if found:
            return where, found
    return "", ""


def check_global_randomness(s: Subject) -> None:
    """No global random generator is used.

    Nothing may depend on the global generators of `random`, NumPy or PyTorch, because any other
    code can advance them. Draw from a generator of the environment's own, created in
    `reset(seed)`: `self.np_random` of a `gymnasium.Env` after `super().reset(seed=seed)`, or
    `np.random.default_rng(seed)`.
    """
    with contextlib.ExitStack() as stack:
        generators = [stack.enter_context(_kept(g)) for g in _global_generators()]
        for generator in generators:
            generator.seed(0)
        plain, moved = _watched_run(s, generators)
        if not moved:
            return
        for generator in generators:
            generator.seed(0)
        again, _ = _watched_run(s, generators)
        if first_difference(plain, again)[0]:
            return  # there is another cause, which check_seeds reports
        for varied in generators:
            for generator in generators:
                generator.seed(1 if generator is varied else 0)
            other, _ = _watched_run(s, generators)
            where, found = first_difference(plain, other)
            if where:
                raise ContractError(
                    f"what happens at {where} depends on the global generator of {varied.name}: {found}. Draw from a "
                    "generator of your own, made from the seed in reset(seed)"
                )


@dataclass(frozen=True)
class _Generator:
    """A generator that the whole process shares."""

    name: str
    seed: Callable[[int], Any]
    get: Callable[[], Any]
    put: Callable[[Any], Any]


def _global_generators() -> list[_Generator]:
    found = [
        _Generator("the module random", random.seed, random.getstate, random.setstate),
        _Generator("numpy.random", np.random.seed, np.random.get_state, np.random.set_state),
    ]
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        found.append(_Generator("torch", torch.manual_seed, torch.get_rng_state, torch.set_rng_state))
    return found


@contextlib.contextmanager
def _kept(generator: _Generator) -> Iterator[_Generator]:
    before = generator.get()
    try:
        yield generator
    finally:
        generator.put(before)


def _watched_run(s: Subject, generators: list[_Generator]) -> tuple[list[Moment], list[str]]:
    """A run in a new instance, and the names of the generators that it advanced."""
    before = [repr(generator.get()) for generator in generators]
    with s.run() as run:
        seen = list(play(run, 7, s.steps))
    return seen, [g.name for g, state in zip(generators, before, strict=True) if repr(g.get()) != state]


def check_seeds(s: Subject) -> None:
    """The same seed gives the same run.

    This holds in the same instance and in another one, with resets without a seed in between.
    In `reset`, set every attribute that `step` reads. Create the generator from the seed if
    there is one; otherwise keep the current generator, so that later episodes are reproducible
    too. Avoid the clock, `hash()` of strings, and the order of sets.
    """
    with s.run() as one, s.run(seed=99) as two:
        first = list(play(one, 7, s.steps))
        for run, again, cause in (
            (one, "when the same instance is reset(7) again", "something survives reset; set all state there"),
            (two, "in a second instance", "something comes from the constructor or from outside"),
        ):
            where, found = first_difference(first, play(run, 7, s.steps))
            if WITHOUT_SEED in where:
                raise ContractError(
                    f"the run differs {again}, at {where}: {found}. A reset without a seed must continue with "
                    f"the generator that reset(seed) made, not create a new one; if it does, {cause}"
                )
            require(
                not where,
                f"the run differs {again}, at {where}: {found}. Either a generator is not made from the seed "
                f"in reset(seed), or {cause}",
            )


def check_shared_state(s: Subject) -> None:
    """Two instances do not disturb each other.

    Keep state in `self`, set in the constructor or in `reset`. Do not keep it in the class, the
    module, a default argument (`def f(self, seen=[])`), or a global generator that `reset`
    seeds.
    """
    with s.run() as alone:
        expected = list(play(alone, 7, s.steps))
    with s.run() as one, s.run() as neighbour:
        neighbour.reset(8)

        def interleaved() -> Iterator[Moment]:
            for step, moment in enumerate(play(one, 7, s.steps)):
                yield moment
                if step < s.steps // 2:
                    neighbour.step()
                elif step == s.steps // 2:
                    neighbour.close()

        where, found = first_difference(expected, interleaved())
        require(
            not where,
            f"the run differs at {where} while a second instance is stepped beside it: {found}. They share "
            "something: a variable of the class or the module, or a global generator that reset seeds",
        )


def check_fresh_episodes(s: Subject) -> None:
    """reset() without a seed draws a new episode.

    If `seed` is None, continue with the current generator; do not seed it again with a
    constant. A batch that was never reset uses the seed passed at construction instead. (Only
    batches must take a seed at construction.)
    """
    with s.run(seed=5) as run:
        by_constructor = run.reset(None) if s.single is None else {}
        by_seed = run.reset(5)
        found = difference(by_constructor, by_seed) if by_constructor else ""
        require(not found, f"the first reset() must use the seed given at construction, but with that seed {found}")
        later = [run.reset(None) for _ in range(12)]
        other_seed = run.reset(6)
        require(
            not difference(by_seed, other_seed) or any(difference(later[0], one) for one in later[1:]),
            f"after reset(5), {len(later)} resets without a seed all began the same episode; if seed is None, "
            "continue with the current generator instead of seeding it again",
        )
