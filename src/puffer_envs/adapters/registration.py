"""Names for `gymnasium.make`: puffer/Breakout-v1 and so on, one for each environment that `puffer_envs.make` knows."""

from __future__ import annotations

import gymnasium

from puffer_envs import _core
from puffer_envs.spec import EnvSpec, list_envs, read_layout, spec

NAMESPACE = "puffer"
ADAPTERS = "puffer_envs.adapters.to_gymnasium"
"""Imported by Gymnasium when one of the names is first used."""


def gymnasium_id(env: EnvSpec) -> str:
    """'my_game', version 2 -> 'puffer/MyGame-v2'."""
    camel_case = "".join(word.capitalize() for word in env.name.split("_"))
    return f"{NAMESPACE}/{camel_case}-v{env.version}"


def register(name: str) -> None:
    """Tell Gymnasium of one environment; do nothing where it knows it already.

    A Gymnasium Env has one agent: where the default settings make several, and one other setting can make it one,
    that setting is given with the name. Where none can, the name serves `gymnasium.make_vec` only.
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
    """Tell Gymnasium of all environments."""
    for name in list_envs():
        register(name)


def single_agent_settings(env: EnvSpec) -> dict[str, float] | None:
    """Settings under which the environment has one agent: {} if the defaults do, None if no one setting does it."""
    if env.layout.agents == 1:
        return {}
    defaults = [p.default for p in env.params]
    for i, p in enumerate(env.params):
        values = [*defaults[:i], p.low, *defaults[i + 1 :]]
        if not _core.conflict(env.name, values) and read_layout(env.name, values).agents == 1:
            return {p.name: p.type(p.low)}
    return None
