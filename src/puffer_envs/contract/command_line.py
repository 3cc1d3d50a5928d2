"""How every command reads settings: `--env.KEY VALUE`, numbers, true and false."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from puffer_envs.contract.errors import UsageError

Value = bool | int | float | str
"""What a setting can be."""

PREFIX = "--env."
"""Begins every option that is a setting of the environment."""

SUFFIXES = {"k": 3, "M": 6, "G": 9}
"""Powers of ten: `20M` is 20,000,000."""


def parse_number(text: str) -> int | float | None:
    """The number that a text spells: `20_000_000`, `2e7`, `20M`, `1.5k`, `-0.25`; None if it spells none.

    Whole numbers come back as int if they are written without a point or an exponent; those with a suffix if they
    are whole.
    """
    suffixed = re.fullmatch(r"(-?[\d_]+(?:\.\d+)?)([kMG])", text)
    if suffixed:
        try:
            value = Decimal(suffixed[1]).scaleb(SUFFIXES[suffixed[2]])
        except ArithmeticError:
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return None


def parse_value(text: str) -> Value:
    """The value that a text on the command line stands for: true or false, a number, or else the text itself.

    The environment judges it: a text where a number belongs is refused there, with the allowed range.
    """
    truth = {"true": True, "false": False}.get(text.lower())
    if truth is not None:
        return truth
    number = parse_number(text)
    return text if number is None else number


def take_settings(arguments: Sequence[str], prefix: str = PREFIX) -> tuple[list[str], dict[str, Value]]:
    """Take every `--env.KEY VALUE` and `--env.KEY=VALUE` out of a command line.

    Dashes in KEY become underscores, and of two values for one KEY the last one counts.

    Returns:
        The other arguments, in their order, and the settings by name.

    Raises:
        UsageError: a key or a value is missing, or the value is NaN.
    """
    rest: list[str] = []
    settings: dict[str, Value] = {}
    remaining = list(arguments)
    while remaining:
        argument = remaining.pop(0)
        if not argument.startswith(prefix):
            rest.append(argument)
            continue
        option, equals, text = argument.partition("=")
        if not equals:
            if not remaining or remaining[0].startswith("--"):
                raise UsageError(f"{option} needs a value: {option} VALUE.")
            text = remaining.pop(0)
        key = option.removeprefix(prefix).replace("-", "_")
        if not key:
            raise UsageError(f"{argument!r} names no setting: write {prefix}KEY VALUE.")
        value = parse_value(text)
        if isinstance(value, float) and math.isnan(value):
            raise UsageError(f"{option} is {text!r}: it must be a number, true, false or text.")
        settings[key] = value
    return rest, settings


def settings_options(settings: Mapping[str, object], prefix: str = PREFIX) -> list[str]:
    """The options that `take_settings` reads these settings from, for a command to show to the user."""
    words = []
    for key, value in settings.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        words += [f"{prefix}{key.replace('_', '-')}", text]
    return words
