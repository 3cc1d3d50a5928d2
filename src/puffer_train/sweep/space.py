"""What is searched: parameters with their ranges, and their places from -1 to 1 on a scale that suits each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from puffer_train.errors import ConfigError

Floats = NDArray[np.float64]
Kind = Literal["linear", "log", "logit", "power", "choice"]
"""Scales on which steps are even: `logit` for shares near 0 or 1, `power` for powers of two, `choice` for a list."""


@dataclass(frozen=True)
class Parameter:
    """One setting and where it may be.

    Raises:
        ConfigError: The range cannot be; the message says what was given and what is allowed.
    """

    name: str
    """As the trainer knows it: `train.learning_rate`."""
    kind: Kind = "linear"
    """The scale on which steps are even."""
    low: float = 0.0
    """The least value."""
    high: float = 1.0
    """The greatest value."""
    integer: bool = False
    """Whether only whole numbers are allowed; `power` implies it."""
    choices: tuple[Any, ...] = ()
    """For `choice`: the values, with similar ones next to each other, if there is such an order."""

    def __post_init__(self) -> None:
        reason = self._fault()
        if reason:
            raise ConfigError(f"{self.name} cannot be searched: {reason}.")

    def _fault(self) -> str:
        """Return what is wrong with the range, or nothing."""
        low, high = self.low, self.high
        if self.kind not in get_args(Kind):
            return f"its kind is {self.kind!r}; it must be one of {', '.join(get_args(Kind))}"
        if self.kind == "choice":
            return "" if len(self.choices) >= 1 else "a choice needs a list of values"
        if not (math.isfinite(low) and math.isfinite(high)):
            return f"its range is {low:g} to {high:g}; both ends must be finite"
        if low > high:
            return f"its range is {low:g} to {high:g}; the lower end comes first"
        if self.kind in ("log", "power") and low <= 0:
            return f"its range is {low:g} to {high:g}; kind {self.kind!r} needs numbers above 0"
        if self.kind == "logit" and not (low > 0 and high < 1):
            return f"its range is {low:g} to {high:g}; kind 'logit' needs numbers between 0 and 1, without the ends"
        if self.kind == "power" and any(math.log2(end) % 1 for end in (low, high)):
            return f"its range is {low:g} to {high:g}; both ends must be powers of two"
        return ""

    def place(self, value: Any) -> float:
        """Return where a value is, -1 to 1; one outside the range counts as the nearest end.

        Raises:
            ConfigError: A choice that is not in the list, or not a number.
        """
        if self.kind == "choice":
            if value not in self.choices:
                raise ConfigError(f"{self.name} is {value!r}; the choices are {', '.join(map(repr, self.choices))}.")
            return _share(self.choices.index(value), 0, len(self.choices) - 1)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise ConfigError(f"{self.name} is {value!r}; it must be a number.")
        value = min(max(value, self.low), self.high)
        return _share(self._bend(value), self._bend(self.low), self._bend(self.high))

    def value(self, place: float) -> Any:
        """Return the value at a place, rounded to what is allowed."""
        share = (min(max(place, -1.0), 1.0) + 1) / 2
        if self.kind == "choice":
            return self.choices[round(share * (len(self.choices) - 1))]
        low, high = self._bend(self.low), self._bend(self.high)
        bent = low + share * (high - low)
        if self.kind == "power":
            return int(2 ** round(bent))
        value = min(max(self._unbend(bent), self.low), self.high)
        return round(value) if self.integer else value

    def _bend(self, value: float) -> float:
        if self.kind == "log":
            return math.log(value)
        if self.kind == "power":
            return math.log2(value)
        return math.log(value / (1 - value)) if self.kind == "logit" else value

    def _unbend(self, bent: float) -> float:
        if self.kind == "log":
            return math.exp(bent)
        return 1 / (1 + math.exp(-bent)) if self.kind == "logit" else bent


class Space:
    """All parameters of a search.

    Raises:
        ConfigError: There is none, or one twice.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        self.names = tuple(parameter.name for parameter in self.parameters)
        if not self.names:
            raise ConfigError("there is nothing to search: name at least one setting with a range.")
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ConfigError(f"{twice[0]} has two ranges: give one.")

    def __len__(self) -> int:
        return len(self.parameters)

    def places(self, values: Mapping[str, Any]) -> Floats:
        """Return where values are: (d,), each -1 to 1.

        Raises:
            ConfigError: One is missing or does not fit.
        """
        missing = [name for name in self.names if name not in values]
        if missing:
            raise ConfigError(f"{missing[0]} has no value.")
        return np.array([p.place(values[p.name]) for p in self.parameters], np.float64)

    def values(self, places: Floats) -> dict[str, Any]:
        """Return the values at places (d,), rounded to what is allowed."""
        return {p.name: p.value(float(place)) for p, place in zip(self.parameters, places, strict=True)}

    def snap(self, places: Floats) -> Floats:
        """Move places (n, d) to those of values that are allowed: what is ranked is what would run."""
        snapped = np.clip(places, -1.0, 1.0)
        for column, parameter in enumerate(self.parameters):
            if parameter.integer or parameter.kind in ("power", "choice") or parameter.low == parameter.high:
                known: dict[float, float] = {}
                for row, place in enumerate(snapped[:, column].tolist()):
                    if place not in known:
                        known[place] = parameter.place(parameter.value(place))
                    snapped[row, column] = known[place]
        return snapped


def _share(value: float, low: float, high: float) -> float:
    """Return where a value is between two others, -1 to 1; 0 where they are equal."""
    return 2 * (value - low) / (high - low) - 1 if high > low else 0.0
