"""What this package does to other people's single environments before a policy plays them: `--wrap.KEY`, `[wrap]`.

These words are ours. Everything in `[env]`, and `--env.KEY`, belongs to the environment.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from puffer_envs.contract.names import suggest

KEY = "[wrap]"
"""Where the words lie among the settings of an environment: no argument of Python can have this name."""

DEFAULT_TIMEOUT = 60.0
"""Seconds."""

MAX_TIMEOUT = 1e9
"""Seconds. Longer than any run, and within the range of every operating system's clock."""


def _word(allowed: str, default: Any, check: Callable[[Any], Any]) -> Any:
    """Declare a word: what is allowed, its default, and how a value is checked; the check returns None to refuse."""
    return field(default=default, metadata={"allowed": allowed, "check": check})


def _count(low: int, high: int) -> Callable[[Any], int | None]:
    def check(value: Any) -> int | None:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1
        return int(value) if whole and low <= value <= high else None

    return check


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _sides(value: Any) -> tuple[int, int] | None:
    sides = value if isinstance(value, list | tuple) else [value, value]
    checked = [_count(1, 4096)(side) for side in sides]
    return (checked[0], checked[1]) if len(checked) == 2 and checked[0] and checked[1] else None


def _names(value: Any) -> tuple[str, ...] | None:
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    good = isinstance(names, list | tuple) and all(isinstance(name, str) and name for name in names)
    return tuple(names) if good else None


def _sizes(value: Any) -> dict[str, tuple[int, ...]] | None:
    if not isinstance(value, Mapping):
        return None
    checked = {}
    for name, sizes in value.items():
        counts = [_count(1, 65536)(n) for n in (sizes if isinstance(sizes, list | tuple) else [sizes])]
        if not isinstance(name, str) or not counts or None in counts:
            return None
        checked[name] = tuple(n for n in counts if n is not None)
    return checked


def _seconds(value: Any) -> float | None:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return float(value) if number and 0 < value <= MAX_TIMEOUT and math.isfinite(value) else None


@dataclass(frozen=True)
class Wrap:
    """How single environments are wrapped. The defaults change nothing."""

    frameskip: int = _word("a whole number from 1 to 1000", 1, _count(1, 1000))
    """Times each action is repeated; the rewards are summed."""
    pool: bool = _word("true or false", False, _truth)
    """With frameskip: show the brighter of the last two frames, pixel by pixel, because some games flicker."""
    noops: int = _word("a whole number from 0 to 1000", 0, _count(0, 1000))
    """Each episode starts with 1 to this many times action 0."""
    lives: bool = _word("true or false", False, _truth)
    """While training, a lost life counts as the end of an episode (Atari). Evaluations play whole games."""
    gray: bool = _word("true or false", False, _truth)
    """Color pictures become gray: 0.299 R + 0.587 G + 0.114 B."""
    size: tuple[int, int] | None = _word("a side or [height, width] in pixels, 1 to 4096", None, _sides)
    """Pictures get this size; pixels are averaged over their areas."""
    stack: int = _word("a whole number from 1 to 64", 1, _count(1, 64))
    """Show the newest N observations. At the start of an episode, the first one counts N times."""
    drop: tuple[str, ...] = _word("names of observations, separated by commas", (), _names)
    """Observations to leave out, by name."""
    choices: Mapping[str, tuple[int, ...]] = field(
        default_factory=dict,
        metadata={"allowed": "a table of names and numbers of choices, such as {image = [11, 6, 4]}", "check": _sizes},
    )
    """Observations whose integers are kinds, not amounts: numbers of choices by name, along the last axis. They reach
    the policy as one-hots."""
    timeout: float = _word("a number of seconds above 0 and up to 1e+09", DEFAULT_TIMEOUT, _seconds)
    """Seconds that making, resetting or stepping one environment may take in a worker process."""

    @classmethod
    def of(cls, words: Mapping[str, Any]) -> Wrap:
        """Check words and values.

        Raises:
            ValueError: a word that does not exist, or a value that is not allowed.
        """
        known = {word.name: word for word in dataclasses.fields(cls)}
        checked = {}
        for name, value in words.items():
            if name not in known:
                raise ValueError(f"wrap.{name} is not a setting.{suggest(name, known)}")
            word = known[name].metadata
            checked[name] = word["check"](value)
            if checked[name] is None:
                raise ValueError(f"wrap.{name} is {value!r}: it must be {word['allowed']}")
        return cls(**checked)
