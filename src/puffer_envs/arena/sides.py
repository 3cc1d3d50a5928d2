"""Which rows of an environment belong to which side, read from its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.arena.errors import ArenaError
from puffer_envs.settings import resolve_settings
from puffer_envs.spec import EnvSpec, Setting, observation_parts, read_layout, spec, to_numbers

LIFE_STEPS = 500
"""Steps of a game where the players' lives end one by one."""


@dataclass(frozen=True)
class Sides:
    """How two sides share the rows of one environment."""

    environment: str
    """Its name."""
    settings: dict[str, Any]
    """All its settings, with two sides; of a game against a script, with one."""
    rows: NDArray[np.int64]
    """The side, 0 or 1, of each of its rows, (agents,)."""
    together: bool
    """Whether all rows end their episodes in the same step, which is the end of the game."""
    turn: int | None
    """Where in an observation stands whether it is the row's turn, if players take turns."""
    scripted: bool
    """Whether the environment's own script is side 1."""
    strengths: range | None
    """What the strength of the script can be; None where there is only one."""

    @property
    def max_steps(self) -> int | None:
        """Steps after which a game ends; None: it ends by itself."""
        return None if self.together else LIFE_STEPS


def two_sides(name: str, given: Mapping[str, Any]) -> Sides:
    """How two players play each other.

    Args:
        name: of the environment.
        given: settings over its defaults.

    Raises:
        ArenaError: it has only one side, or a setting is wrong.
    """
    env, flag = _flag(name)
    if flag is None and env.layout.agents < 2:
        raise ArenaError(f"{name} has one player, so it has no matches.")
    settings = _resolved(env, {**given, **({} if flag is None else {flag: flag == "self_play"})})
    agents = _agents(env, settings)
    if agents < 2:
        raise ArenaError(f"{name} has one row at these settings: two sides need two.")
    rows = np.arange(agents) % 2 if flag is None else np.arange(agents) * 2 // agents
    return Sides(name, settings, rows, flag is not None, _turn(env, settings), False, _strengths(env))


def against_script(name: str, given: Mapping[str, Any], strength: int | None) -> Sides:
    """How a player plays the environment's own script.

    Args:
        name: of the environment.
        given: settings over its defaults.
        strength: of the script; None where there is only one.

    Raises:
        ArenaError: there is no such script, or a setting is wrong.
    """
    env, flag = _flag(name)
    strengths = _strengths(env)
    if flag is None:
        raise ArenaError(f"{name} has no scripted player.")
    if strength is None and strengths is not None:
        raise ArenaError(f"script of {name} needs a strength: script:{strengths[0]} to script:{strengths[-1]}.")
    if strength is not None and (strengths is None or strength not in strengths):
        allowed = "write script" if strengths is None else f"it can be {strengths[0]} to {strengths[-1]}"
        raise ArenaError(f"script:{strength}: {name} has no script of this strength, {allowed}.")
    own = {} if strength is None else {"strength": strength}
    settings = _resolved(env, {**given, flag: flag != "self_play", **own})
    rows = np.zeros(_agents(env, settings), np.int64)
    return Sides(name, settings, rows, True, None, True, strengths)


def _flag(name: str) -> tuple[EnvSpec, str | None]:
    """The environment, and its setting that decides whether the second side is agents or a script."""
    env = spec(name)
    return env, next((param.name for param in env.params if param.name in ("self_play", "scripted")), None)


def _strengths(env: EnvSpec) -> range | None:
    found = next((param for param in env.params if param.name == "strength"), None)
    return None if found is None else range(int(found.low), int(found.high) + 1)


def _resolved(env: EnvSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return resolve_settings(env, given)
    except (ValueError, TypeError) as error:
        raise ArenaError(str(error)) from None


def _agents(env: EnvSpec, settings: Mapping[str, Setting]) -> int:
    return read_layout(env.name, to_numbers(env, settings)).agents


def _turn(env: EnvSpec, settings: Mapping[str, Setting]) -> int | None:
    """The index of the flag `turn` in an observation."""
    parts = observation_parts(env, read_layout(env.name, to_numbers(env, settings)))
    return next((part.start for part in parts if part.name == "turn" and part.count == 1), None)
