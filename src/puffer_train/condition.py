"""Conditions on a run's numbers, such as `env.perf > 0.99 over 20`."""

from __future__ import annotations

import math
import operator
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from puffer_envs.contract.command_line import parse_number
from puffer_train.errors import ConfigError

COMPARISONS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le}

GRAMMAR = "a number of the report, >, >=, < or <=, a bound, and if wanted `over N` iterations"
EXAMPLE = "env.perf > 0.99 over 20"

_WORDS = re.compile(r"\s*([^\W\d][\w./-]*)\s*(>=|<=|>|<)\s*([^\s<>=]+)(?:\s+over\s+(\S+))?\s*")

MAX_OVER = 1_000
"""Iterations that a condition may look back on: fewer than the newest lines of `metrics.jsonl`, which all stay."""


@dataclass(frozen=True)
class Condition:
    """A comparison of the mean of a reported number over its last values with a bound."""

    name: str
    """Of the number as the report has it: `env/perf`, `entropy`."""
    sign: str
    """A key of `COMPARISONS`."""
    bound: float
    over: int
    """How many values the mean is over: those of the last iterations that reported the number."""

    @classmethod
    def parse(cls, text: str, what: str, over: int) -> Condition:
        """Read a condition; `env.perf` and `env/perf` are the same number.

        Args:
            text: As in `EXAMPLE`.
            what: Names the text in errors.
            over: Values of the mean where the text has no `over`.

        Raises:
            ConfigError: The text is no condition.
        """
        found = _WORDS.fullmatch(text)
        if found is None:
            raise ConfigError(f"{what} is {text!r}; it must be {GRAMMAR}. Example: {EXAMPLE!r}.")
        name, sign, bound, last = found.groups()
        number = parse_number(bound)
        if number is None or math.isnan(number):
            raise ConfigError(f"{what} compares with {bound!r}; it must be a number. Example: {EXAMPLE!r}.")
        count = over if last is None else parse_number(last)
        if type(count) is not int or not 1 <= count <= MAX_OVER:
            raise ConfigError(f"{what} looks over {last!r}; it must be a whole number of iterations up to {MAX_OVER}.")
        return cls(re.sub(r"^env\.", "env/", name), sign, float(number), count)

    def __str__(self) -> str:
        over = f" over {self.over} iterations" if self.over > 1 else ""
        return f"{self.name.replace('/', '.')} {self.sign} {self.bound:g}{over}"

    def holds(self, value: float) -> bool:
        """Whether it holds for a mean."""
        return bool(COMPARISONS[self.sign](value, self.bound))


class Watch:
    """Follows a condition through a run."""

    def __init__(self, condition: Condition, reports: Iterable[Mapping[str, float]] = ()) -> None:
        """reports: those of earlier iterations."""
        self.condition = condition
        self.values: deque[float] = deque(maxlen=condition.over)
        """The newest values of the number."""
        self.seen: dict[str, None] = {}
        """Names of all numbers reported so far."""
        for report in reports:
            self.add(report)

    def add(self, report: Mapping[str, float]) -> bool:
        """Take the report of an iteration; return whether the condition holds after it.

        It does not before there are enough values, and an iteration that lacks the number changes nothing.
        """
        self.seen |= dict.fromkeys(report)
        if self.condition.name in report:
            self.values.append(report[self.condition.name])
        return self.holds

    @property
    def holds(self) -> bool:
        """Whether the condition holds now."""
        return len(self.values) == self.condition.over and self.condition.holds(self.mean)

    @property
    def mean(self) -> float:
        """Mean of the newest values; NaN where there is none."""
        return sum(self.values) / len(self.values) if self.values else float("nan")
