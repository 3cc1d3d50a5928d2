"""Check the settings of an environment against its spec."""

from __future__ import annotations

import hashlib
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from puffer_envs import _core
from puffer_envs.contract.names import suggest, suggest_nearest
from puffer_envs.habits import ARGUMENTS
from puffer_envs.spec import EnvSpec, Param, Setting, to_numbers


def resolve_settings(env: EnvSpec, given: Mapping[str, Any]) -> dict[str, Setting]:
    """Return all settings of the environment, in the spec's order: those given, and the defaults of the rest.

    Raises:
        ValueError: an unknown name, a value out of range, or a combination that does not work.
        TypeError: a value of the wrong type.
    """
    names = [p.name for p in env.params]
    for name in given:
        if name not in names:
            near = suggest_nearest(str(name), names)
            hint = f" Here {ARGUMENTS[name]}." if name in ARGUMENTS and not near else ""
            raise ValueError(f"{env.name} has no setting {name!r}.{hint or suggest(str(name), names)}")
    settings = {p.name: _check(env, p, given[p.name]) if p.name in given else p.type(p.default) for p in env.params}
    problem = _core.conflict(env.name, to_numbers(env, settings))
    if problem:
        raise ValueError(f"{env.name}: {problem}, got {', '.join(f'{k}={settings[k]}' for k in settings)}")
    return settings


def _check(env: EnvSpec, p: Param, value: object) -> Setting:
    where = f"{env.name}: setting {p.name!r}"
    if p.choices:
        if isinstance(value, str) and value in p.choices:
            return str(value)
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{where} must be one of {p.allowed}, got {value!r}.{suggest_nearest(str(value), p.choices)}")
    if p.type is bool:
        # NumPy's bool is not a Python bool, and a configuration file may have 0 and 1.
        if isinstance(value, bool) or (hasattr(value, "dtype") and value.dtype == bool) or value in (0, 1):
            return bool(value)
        raise TypeError(f"{where} must be true or false, got {value!r}")
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        kind = "an integer" if p.type is int else "a number"
        raise TypeError(f"{where} must be {kind} from {p.low:g} to {p.high:g}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not p.low <= number <= p.high:  # also rejects NaN
        raise ValueError(f"{where} must be from {p.low:g} to {p.high:g}, got {value!r}")
    if p.type is int and not number.is_integer():
        raise ValueError(f"{where} must be an integer from {p.low:g} to {p.high:g}, got {value!r}")
    return p.type(number)


def settings_hash(env: EnvSpec, settings: Mapping[str, Setting]) -> str:
    """Return sixteen hexadecimal digits that differ if any setting does."""
    text = ";".join(f"{p.name}={p.to_number(settings[p.name]).hex()}" for p in env.params)
    return hashlib.sha256(f"{env.name}:{text}".encode()).hexdigest()[:16]


def check_seed(seed: object, what: str = "seed") -> int:
    """Return a seed as an int.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is not from 0 to 2**64 - 1.
    """
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral):
        raise TypeError(f"{what} must be an integer from 0 to 2**64 - 1, got {seed!r}")
    value = int(seed)
    if not 0 <= value < 2**64:
        raise ValueError(f"{what} must be from 0 to 2**64 - 1, got {value}")
    return value


def check_env_ids(name: str, num_envs: int, env_ids: ArrayLike | None) -> NDArray[np.int64]:
    """Return numbers of environments as a sorted int64 array without duplicates; None gives all of them.

    Raises:
        ValueError: a number is not an integer from 0 to `num_envs` - 1.
    """
    if env_ids is None:
        return np.arange(num_envs)
    found = np.atleast_1d(np.asarray(env_ids))
    if found.dtype.kind not in "iu" or found.ndim != 1 or not ((found >= 0) & (found < num_envs)).all():
        raise ValueError(f"{name}: environments are numbered from 0 to {num_envs - 1}, got {env_ids!r}")
    return np.unique(found).astype(np.int64)
