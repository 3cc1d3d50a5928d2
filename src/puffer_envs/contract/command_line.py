"""How every command reads settings: `--env.KEY VALUE`, numbers, true and false, lists and tables as JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from puffer_envs.contract import wrap
from puffer_envs.contract.errors import UsageError

Value = bool | int | float | str | list[Any] | dict[str, Any]
"""What a setting can be."""

PREFIX = "--env."
"""Begins every option that is a setting of the environment."""

WRAP_PREFIX = "--wrap."
"""Begins every option that says how to wrap the environment (contract/wrap.py)."""

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


def hint_number(value: object) -> str:
    """Return a hint for a suffix in the wrong case, as in `1m`, to append to an error message; else ""."""
    meant = value[:-1] + value[-1:].swapcase() if isinstance(value, str) else ""
    return f" Did you mean {meant}?" if meant[-1:] in SUFFIXES and parse_number(meant) is not None else ""


def parse_value(text: str) -> Value:
    """The value that a text on the command line stands for: true or false, a number, a list, a table, or the text.

    Lists and tables are JSON. The environment judges the value: a text where a number belongs is refused there, with
    the allowed range.
    """
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)  # type: ignore[no-any-return]
        except (ValueError, RecursionError):
            return text
    truth = {"true": True, "false": False}.get(text.lower())
    if truth is not None:
        return truth
    number = parse_number(text)
    return text if number is None else number


def take_settings(arguments: Sequence[str]) -> tuple[list[str], dict[str, Value]]:
    """Take every `--env.KEY VALUE`, `--env.KEY=VALUE` and `--wrap.KEY VALUE` out of a command line.

    Dashes in KEY become underscores. A dot in KEY leads into a table: `--env.config.lanes 3`. Of two values for one KEY
    the last one counts. What `--wrap` says is in a table of its own (contract/wrap.py).

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
        prefix = next((prefix for prefix in (PREFIX, WRAP_PREFIX) if argument.startswith(prefix)), None)
        if prefix is None:
            rest.append(argument)
            continue
        option, equals, text = argument.partition("=")
        if not equals:
            if not remaining or remaining[0].startswith("--"):
                raise UsageError(f"{option} needs a value: {option} VALUE.")
            text = remaining.pop(0)
        path = option.removeprefix(prefix).replace("-", "_").split(".")
        if not all(path):
            raise UsageError(f"{argument!r} names no setting: write {prefix}KEY VALUE.")
        value = parse_value(text)
        if isinstance(value, float) and math.isnan(value):
            raise UsageError(f"{option} is {text!r}: it must be a number, true, false or text.")
        _put(settings, [wrap.KEY, *path] if prefix == WRAP_PREFIX else path, value)
    return rest, settings


def _put(settings: dict[str, Value], path: Sequence[str], value: Value) -> None:
    """Set a value in a table within tables, which are made as needed."""
    for key in path[:-1]:
        inner = settings.get(key)
        settings[key] = inner = inner if isinstance(inner, dict) else {}
        settings = inner
    settings[path[-1]] = value


def merge_tables(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with others written over them, table by table."""
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = merge_tables(merged[key], value) if both else value
    return merged


def settings_options(settings: Mapping[str, object]) -> list[str]:
    """The options that `take_settings` reads these settings from, for a command to show to the user."""
    words = []
    for key, value in settings.items():
        if key == wrap.KEY and isinstance(value, Mapping):
            words += [word for name, one in value.items() for word in _option(WRAP_PREFIX, name, one)]
        else:
            words += _option(PREFIX, key, value)
    return words


def _option(prefix: str, key: str, value: object) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value)
    return [f"{prefix}{key.replace('_', '-')}", text]
