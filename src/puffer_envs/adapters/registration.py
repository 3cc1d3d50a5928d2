"""IDs for `gymnasium.make`, such as puffer/Breakout-v1, one for each environment that `puffer_envs.make` knows."""

from __future__ import annotations

import gymnasium

from puffer_envs import _core
from puffer_envs.spec import EnvSpec, Setting, list_envs, read_layout, spec

NAMESPACE = "puffer"
ADAPTERS = "puffer_envs.adapters.to_gymnasium"
"""Module that Gymnasium imports when one of the IDs is first used."""


def gymnasium_id(env: EnvSpec) -> str:
    """Return the ID of an environment: 'my_game', version 2 -> 'puffer/MyGame-v2'."""
    camel_case = "".join(word.capitalize() for word in env.name.split("_"))
    return f"{NAMESPACE}/{camel_case}-v{env.version}"


def register(name: str) -> None:
    """Register one environment with Gymnasium, unless it already is.

    A Gymnasium Env has one agent. If an environment has several by default and one setting can reduce them to one,
    that setting is registered with the ID. If none can, the ID works only with `gymnasium.make_vec`.
    """
    env = spec(name)
    if gymnasium_id(env) in gymnasium.registry:
        return
    settings = single_agent_settings(env)
    gymnasium.register(
        gymnasium_id(env),
        entry_point=None if settings is None else f"{ADAPTERS}:PufferEnv",
        vector_entry_point=f"{ADAPTERS}:PufferVectorEnv",
        kwargs={"name": name} | (settings or {}),
    )


def register_all() -> None:
    """Register all environments with Gymnasium."""
    for name in list_envs():
        register(name)


def single_agent_settings(env: EnvSpec) -> dict[str, Setting] | None:
    """Return settings with which the environment has one agent: {} for the defaults, None if no one setting does."""
    if env.layout.agents == 1:
        return {}
    defaults = [p.to_number(p.default) for p in env.params]
    for i, p in enumerate(env.params):
        values = [*defaults[:i], p.low, *defaults[i + 1 :]]
        if not _core.conflict(env.name, values) and read_layout(env.name, values).agents == 1:
            return {p.name: p.from_number(p.low)}
    return None
