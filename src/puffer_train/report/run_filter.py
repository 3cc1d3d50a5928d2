"""Choosing runs by their values, as in `perf>0.9 env=drone`, and sorting them by any of these."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from puffer_envs.contract.command_line import parse_number
from puffer_envs.contract.names import suggest
from puffer_train.errors import ConfigError
from puffer_train.storage.identity import written
from puffer_train.storage.summary import Summary

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
"""Comparisons of numbers, and of dates, which are text."""

CONDITION = re.compile(r"([\w. -]*?[\w-])(!=|>=|<=|=|>|<)(.*)", re.DOTALL)

ABSENT = object()
"""Stands for a value that a run does not have: it matches no condition but `!=`, and is sorted last."""


def is_condition(word: str) -> bool:
    """Whether a word of a command line is a condition, such as `perf>0.9`."""
    return CONDITION.fullmatch(word) is not None


def value_names(summaries: Sequence[Summary]) -> list[str]:
    """Return the names of all values that some run has."""
    return list(dict.fromkeys(key for summary in summaries for key in summary.values))


def lookup(name: str, known: Sequence[str]) -> Callable[[Summary], Any]:
    """Return a function that gives a run's value of this name, `ABSENT` where it has none.

    Words may be joined by spaces, dashes or underscores, and settings be named without their table: `gamma`.

    Args:
        name: As the user wrote it.
        known: What `value_names` returned.

    Raises:
        ConfigError: No run has such a value, or several of them.
    """
    wanted = _plain(name)
    exact = [key for key in known if _plain(key) == wanted]
    found = exact or [key for key in known if _plain(key).rpartition(".")[2] == wanted]
    if len(found) > 1 and not exact:
        raise ConfigError(f"{name!r} may be {' or '.join(found)}: write one of them.")
    if not found and known:
        hint = suggest(name, known) or " `puffer-runs --json` shows what there is."
        raise ConfigError(f"no run has a value called {name!r}.{hint}")
    return lambda summary: next((summary.values[key] for key in found if key in summary.values), ABSENT)


def _plain(name: str) -> str:
    return re.sub(r"[ -]", "_", name.lower())


@dataclass(frozen=True)
class Condition:
    """One condition, such as `perf>0.9`. Text may hold `*` and `?`; of several tags one has to match."""

    name: str
    """Of the value."""
    sign: str
    """`=`, `!=`, or a key of `ORDER`."""
    wanted: str
    """As written by the user."""

    @classmethod
    def parse(cls, text: str) -> list[Condition]:
        """Return the conditions in a text, which are separated by spaces.

        Raises:
            ConfigError: It is something else.
        """
        if not is_condition(text):
            raise ConfigError(f"{text!r} is no condition: write NAME=VALUE, with = != > < >= or <=.")
        pieces = re.split(r"\s+(?=[\w.-]+(?:!=|>=|<=|=|>|<))", text.strip())
        found = [CONDITION.fullmatch(piece) for piece in pieces]
        return [cls(*(part.strip() for part in match.groups())) for match in found if match is not None]

    def test(self, value: Any) -> bool:
        """Whether a run's value meets the condition.

        Raises:
            ConfigError: A number is compared with something else.
        """
        if value is ABSENT:
            return self.sign == "!="
        if self.sign in ORDER:
            return self._is_ordered(value)
        values = value if isinstance(value, list) else [value]
        return any(map(self._equals, values)) == (self.sign == "=")

    def _is_ordered(self, value: Any) -> bool:
        if isinstance(value, list):
            raise ConfigError(f"{self.name}{self.sign}{self.wanted}: words are compared with = or !=.")
        if isinstance(value, str):
            return ORDER[self.sign](value, self.wanted)
        number = parse_number(self.wanted)
        if number is None:
            raise ConfigError(f"{self.name}{self.sign}{self.wanted}: {self.name} is compared with a number.")
        return ORDER[self.sign](value, number)

    def _equals(self, value: Any) -> bool:
        number = parse_number(self.wanted)
        if number is not None and isinstance(value, (int, float)) and not isinstance(value, bool):
            return value == number
        texts = {str(value).lower(), written(value).lower()}
        return any(fnmatch.fnmatchcase(text, self.wanted.lower()) for text in texts)


def choose(summaries: Sequence[Summary], conditions: Iterable[Condition]) -> list[Summary]:
    """Return the runs that meet all conditions. Raises `ConfigError` for a name that no run has."""
    chosen, known = list(summaries), value_names(summaries)
    for condition in conditions:
        value = lookup(condition.name, known)
        chosen = [summary for summary in chosen if condition.test(value(summary))]
    return chosen


def order(summaries: Sequence[Summary], keys: str) -> list[Summary]:
    """Return the runs sorted by values, such as `env,-perf`: a dash puts the greatest first.

    Raises:
        ConfigError: No run has a value of that name.
    """
    ordered, known = list(summaries), value_names(summaries)
    for key in reversed(keys.split(",")):
        value = lookup(key.strip().lstrip("-"), known)
        there = [summary for summary in ordered if value(summary) is not ABSENT]
        absent = [summary for summary in ordered if value(summary) is ABSENT]
        ordered = sorted(there, key=lambda summary: _rank(value(summary)), reverse=key.strip().startswith("-"))
        ordered += absent
    return ordered


def _rank(value: Any) -> tuple[int, Any]:
    """Return what a value is sorted by: numbers come before text."""
    return (0, value) if isinstance(value, (int, float)) else (1, str(value))
