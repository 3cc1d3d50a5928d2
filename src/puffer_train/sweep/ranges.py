"""Which settings a sweep searches, and where: from text such as `log 0.001 to 0.1`."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from puffer_envs.contract.command_line import parse_number
from puffer_envs.contract.names import suggest
from puffer_train import config
from puffer_train.errors import ConfigError
from puffer_train.shipped import shipped
from puffer_train.sweep.space import Kind, Parameter, Space

GRAMMAR = "`KIND LOW to HIGH` with linear, log, logit or power, `choice A, B, ...`, or `fixed`"
EXAMPLE = "train.learning_rate: log 0.001 to 0.1"
FIXED = "fixed"
"""Takes a setting out of the search."""

_RANGE = re.compile(r"\s*(\w+)\s+(\S+)\s+to\s+(\S+)\s*")

SEARCHED = {
    "train.learning_rate": "log 0.001 to 0.1",
    "train.vector_learning_rate": "log 0.0003 to 0.03",
    "train.gamma": "logit 0.8 to 0.999",
    "train.gae_lambda": "logit 0.6 to 0.998",
    "train.entropy_coefficient": "log 0.0001 to 0.1",
    "train.value_coefficient": "log 0.2 to 10",
    "train.clip": "log 0.05 to 2",
    "train.momentum": "logit 0.5 to 0.99",
    "train.replay_ratio": "log 0.5 to 5",
    "train.horizon": "power 16 to 128",
    "train.minibatch": "power 1024 to 16384",
    "policy.hidden": "power 16 to 256",
    "policy.layers": "linear 1 to 4",
}
"""What is searched unless the user says otherwise. Steps come from the environment's own settings, see `ranges`."""

STEPS_DOWN, STEPS_UP = 30, 1.5
"""The shipped number of steps is divided and multiplied by these."""


def written(table: Mapping[str, Any], origin: str) -> dict[str, str]:
    """Return the ranges of a `[sweep]` table of TOML, or of `[sweep.train]` and the like, as text by setting.

    Raises:
        ConfigError: A value is no text.
    """
    flat: dict[str, str] = {}
    for key, value in table.items():
        values = {f"{key}.{name}": text for name, text in value.items()} if isinstance(value, Mapping) else {key: value}
        for name, text in values.items():
            if not isinstance(text, str):
                raise ConfigError(f"{origin}: the range of {name} is {text!r}; it must be {GRAMMAR}.")
            flat[name.replace("-", "_")] = text
    return flat


def shipped_ranges(environment: str) -> dict[str, str]:
    """Return the ranges in the settings shipped for an environment, as text by setting."""
    found: dict[str, str] = {}
    for origin, tables_of in shipped(environment):
        found |= written(tables_of.get(config.SWEEP_TABLE, {}), origin)
    return found


def ranges(base: config.Settings, given: Mapping[str, str]) -> dict[str, str]:
    """Return what is searched and where, as text by setting: the defaults, changed by what is given.

    A default range that does not hold the value of the base is widened to it, if its scale can have it.
    """
    steps = base.train.steps
    chosen = {"train.steps": f"log {max(1, steps // STEPS_DOWN)} to {math.ceil(STEPS_UP * steps)}", **SEARCHED}
    for name, text in list(chosen.items()):
        kind, low, _, high = text.split()
        value = _value(base, name)
        possible = type(value) in (int, float) and value > 0 and not (kind == "logit" and value >= 1)
        if possible and not float(low) <= value <= float(high):
            ends = sorted((float(low), float(high), float(value)))
            chosen[name] = f"{kind} {ends[0]:.12g} to {ends[-1]:.12g}"
            if kind == "power" and math.log2(value) % 1:
                chosen[name] = f"log {ends[0]:.12g} to {ends[-1]:.12g}"
    chosen |= given
    return {name: text for name, text in chosen.items() if text.strip() != FIXED}


def make_space(texts: Mapping[str, str]) -> Space:
    """Return the space that texts describe.

    Raises:
        ConfigError: A name that is no setting, or a range that cannot be; the message says what is allowed.
    """
    return Space([_parse(name, text) for name, text in texts.items()])


def start_of(space: Space, base: config.Settings) -> dict[str, Any]:
    """Return the values to begin with: those of the base where they are allowed, else the nearest."""
    values = {}
    for parameter in space.parameters:
        value = _value(base, parameter.name) if parameter.name.partition(".")[0] in config.SECTIONS else None
        known = parameter.kind != "choice" or value in parameter.choices
        values[parameter.name] = parameter.value(parameter.place(value) if value is not None and known else 0.0)
    return values


def tables(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return values by `table.setting` as the tables that the trainer takes."""
    made: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        made.setdefault(section, {})[key] = value
    return made


def _value(base: config.Settings, name: str) -> Any:
    section, _, key = name.partition(".")
    return getattr(getattr(base, section), key)


def _parse(name: str, text: str) -> Parameter:
    kind = _type_of(name)
    words = text.strip().split(maxsplit=1)
    if words and words[0] == "choice" and len(words) == 2:
        choices = tuple(_choice(word.strip(), kind) for word in words[1].split(","))
        return Parameter(name, "choice", choices=choices)
    found = _RANGE.fullmatch(text)
    ends = [parse_number(end) for end in found.groups()[1:]] if found else [None]
    if found is None or any(end is None for end in ends) or found[1] not in get_args(Kind):
        raise ConfigError(f"the range of {name} is {text!r}; it must be {GRAMMAR}. Example: {EXAMPLE!r}.")
    if kind not in (int, float, Any):
        raise ConfigError(f"{name} is no number: write its values as `choice A, B`.")
    low, high = (float(end) for end in ends if end is not None)
    scale: Any = found[1]
    return Parameter(name, scale, low, high, integer=kind is int or scale == "power")


def _choice(text: str, kind: Any) -> Any:
    if kind is bool or text in ("true", "false"):
        if text not in ("true", "false"):
            raise ConfigError(f"{text!r} is not true or false.")
        return text == "true"
    number = parse_number(text)
    return text if number is None else number


def _type_of(name: str) -> Any:
    """Return the type of a setting, `Any` for one of the environment. Raises `ConfigError` for an unknown one."""
    section, dot, key = name.partition(".")
    if section == "env" and key:
        return Any
    if not dot or section not in config.SECTIONS:
        known = [*(f"{table}." for table in config.SECTIONS), "env."]
        raise ConfigError(f"there is no setting {name!r} to search: its name begins with {', '.join(known)}.")
    kind = config.SECTIONS[section]
    names = [field.name for field in dataclasses.fields(kind)]
    if key not in names:
        raise ConfigError(f"there is no setting {name!r} to search.{suggest(key, names)}")
    found = get_type_hints(kind)[key]
    return str if get_origin(found) is Literal else found
