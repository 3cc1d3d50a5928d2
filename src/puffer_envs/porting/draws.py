"""Shared random draws: our generator told a second time, and a generator that gives a reference what ours drew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

MASK = 2**64 - 1
STEP = 6364136223846793005
BACK = pow(STEP, -1, 2**64)


class Draws:
    """The numbers that an environment in C will draw next: c/puffer_rng.h, a copy of its generator as it is now."""

    def __init__(self, state: int, inc: int) -> None:
        self._state, self._inc = int(state), int(inc)

    @classmethod
    def of(cls, rng: bytes) -> Draws:
        """From the bytes of a PufRng."""
        state, inc = np.frombuffer(rng, np.uint64)
        return cls(int(state), int(inc))

    def before(self, count: int) -> Draws:
        """As they were so many calls of puf_rand ago, such as at the start of an episode."""
        state = self._state
        for _ in range(count):
            state = (state - self._inc) * BACK & MASK
        return Draws(state, self._inc)

    def bits(self) -> int:
        """What puf_rand will return."""
        old = self._state
        self._state = (old * STEP + self._inc) & MASK
        mixed = (((old >> 18) ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        return ((mixed >> turn) | (mixed << ((32 - turn) & 31))) & 0xFFFFFFFF

    def below(self, n: int) -> int:
        """What puf_rand_below will return."""
        product = self.bits() * n
        if (product & 0xFFFFFFFF) < n:
            threshold = (2**32 - n) % n
            while (product & 0xFFFFFFFF) < threshold:
                product = self.bits() * n
        return product >> 32

    def uniform(self) -> float:
        """What puf_rand_float will return."""
        return (self.bits() >> 8) * 2.0**-24

    def between(self, low: float, high: float) -> float:
        """What puf_rand_range will return."""
        low32, high32 = np.float32(low), np.float32(high)
        return float(low32 + (high32 - low32) * np.float32(self.uniform()))


class Given:
    """A generator in place of `env.np_random` whose draws are given beforehand; it has as many as were given."""

    def __init__(self, draws: Sequence[Any]) -> None:
        self._draws = list(draws)

    def _next(self, *_: Any, **__: Any) -> Any:
        if not self._draws:
            raise ValueError("the reference draws more random numbers in a step than the adapter's share() gives it")
        return self._draws.pop(0)

    random = uniform = integers = choice = normal = standard_normal = _next
