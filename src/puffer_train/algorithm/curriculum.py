"""A curriculum: settings of the environment that change while a policy learns.

A rule says how one setting changes, as a function of steps or whenever a reported number is good enough:

    0 to 0.5 over 20M
    0 to 0.5 by 0.05 when env.perf > 0.9

A change reaches each environment when its next episode starts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from puffer_envs.contract.command_line import parse_number
from puffer_train.condition import Condition, Watch
from puffer_train.errors import ConfigError, EnvironmentCalls

GRAMMAR = "`FROM to TO over STEPS`, or `FROM to TO by STEP when CONDITION`"
EXAMPLE = "0 to 0.5 by 0.05 when env.perf > 0.9"

WATCHED = 5
"""Iterations whose mean a condition looks at, where it does not say: a setting that rises too early is hard to undo."""

_WORDS = re.compile(r"\s*(\S+)\s+to\s+(\S+)\s+(?:over\s+(\S+)|by\s+(\S+)\s+when\s+(.+))\s*")


@dataclass(frozen=True)
class Rule:
    """How one setting changes."""

    first: float
    """Value at the start; an int where it is written as one."""
    last: float
    """Value that it does not pass."""
    steps: float
    """Agent steps in which it goes from the first to the last value; 0 where a condition decides."""
    step: float = 0.0
    """How far it moves each time the condition holds."""
    condition: Condition | None = None

    @classmethod
    def parse(cls, text: object, what: str) -> Rule:
        """Read a rule. what: names it in errors. Raises `ConfigError` when it is none."""
        found = _WORDS.fullmatch(text) if isinstance(text, str) else None
        if found is None:
            raise ConfigError(f"{what} is {text!r}; it must be {GRAMMAR}. Example: {EXAMPLE!r}.")
        *words, condition = found.groups()
        first, last, steps, step = (None if word is None else _number(word, what) for word in words)
        assert first is not None
        assert last is not None
        if step is None:
            if not steps or steps < 0:
                raise ConfigError(f"{what} goes over {words[2]} steps; it must be more than 0.")
            return cls(first, last, steps)
        if step == 0 or (last - first) * step < 0:
            raise ConfigError(f"{what} moves by {words[3]}, which does not lead from {words[0]} to {words[1]}.")
        return cls(first, last, 0.0, step, Condition.parse(condition, what, WATCHED))

    def value(self, steps: int, moves: int) -> float:
        """Return the setting after this many agent steps, and after the condition held this many times."""
        if self.condition is None:
            return self.first + (self.last - self.first) * min(1.0, steps / self.steps)
        value = self.first + self.step * moves
        return min(value, self.last) if self.last > self.first else max(value, self.last)


class Curriculum:
    """Applies rules to an environment, and remembers how far each has moved."""

    def __init__(self, rules: Mapping[str, str], env: Any, calls: EnvironmentCalls) -> None:
        """Raises `ConfigError` where the environment cannot change such a setting."""
        self.rules = {key: Rule.parse(text, f"curriculum.{key}") for key, text in rules.items()}
        self.env, self.calls = env, calls
        if self.rules and not callable(getattr(env, "set", None)):
            raise ConfigError(f"environment {calls.name!r} has no method `set`: it cannot have a curriculum.")
        known = getattr(env, "settings", {})
        self.whole = {key for key in self.rules if isinstance(known.get(key), int)}
        """Settings that are whole numbers."""
        self.moves = dict.fromkeys(self.rules, 0)
        """How often each condition has held."""
        self.watches = {key: Watch(rule.condition) for key, rule in self.rules.items() if rule.condition is not None}
        self.applied: dict[str, float] = {}
        for key, rule in self.rules.items():
            self._set(key, rule.last)  # refused now rather than after hours; `apply` sets the first value

    def apply(self, steps: int) -> None:
        """Set what the rules give after this many agent steps."""
        for key, rule in self.rules.items():
            value = rule.value(steps, self.moves[key])
            value = round(value) if key in self.whole else value
            if self.applied.get(key) != value:
                self._set(key, value)
                self.applied[key] = value

    def report(self) -> dict[str, float]:
        """Return what is set, for the report."""
        return {f"curriculum/{key}": float(value) for key, value in self.applied.items()}

    def _set(self, key: str, value: float) -> None:
        with self.calls:
            try:
                self.env.set(key, value)
            except (ValueError, TypeError, AttributeError) as error:
                raise ConfigError(f"curriculum.{key}: {error}") from None

    def watch(self, report: Mapping[str, float]) -> None:
        """Take the report of an iteration, the same on all ranks; `apply` then applies the rules."""
        for key, watch in self.watches.items():
            if watch.add(report):
                self.moves[key] += 1
                watch.values.clear()  # the next move needs episodes at the new value

    def tensors(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold: moves, the number of watched values, and these, by setting."""
        found = {}
        for key, watch in self.watches.items():
            values = list(watch.values)
            padded = [self.moves[key], len(values), *values, *[0.0] * (watch.condition.over - len(values))]
            found[f"curriculum.{key}"] = torch.tensor(padded, dtype=torch.float64)
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Continue from such tensors."""
        for key, watch in self.watches.items():
            moves, count, *values = tensors[f"curriculum.{key}"].tolist()
            self.moves[key] = int(moves)
            watch.values.clear()
            watch.values.extend(values[: int(count)])


def _number(word: str, what: str) -> float:
    value = parse_number(word)
    if value is None or not abs(value) < 1e15:
        raise ConfigError(f"{what} holds {word!r}, which is not a number. Example: {EXAMPLE!r}.")
    return value
