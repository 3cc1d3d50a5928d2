"""Names that people bring from other libraries, and what to use here: hints for error messages."""

from __future__ import annotations

from typing import NoReturn

_LOG = "`log()` returns the means of the episodes that finished"
_SPACE = "`single_{0}` is one agent's, and `num_agents` counts the rows"
_ASYNCHRONOUS = "`puffer_envs.vector.make(...)` makes batches with `send` and `recv`"

ATTRIBUTES = {
    "observation_space": _SPACE.format("observation_space"),
    "action_space": _SPACE.format("action_space"),
    "num_actions": "`single_action_space` has them",
    "n_envs": "its name is `num_envs`",
    "info": _LOG,
    "infos": _LOG,
    "get_log": _LOG,
    "seed": "`reset(seed=...)` takes the seed",
    "render": 'gymnasium.make("puffer/NAME-v1", render_mode="rgb_array") makes one that draws',
    "render_mode": 'gymnasium.make("puffer/NAME-v1", render_mode="rgb_array") makes one that draws',
    "send": _ASYNCHRONOUS,
    "recv": _ASYNCHRONOUS,
    "async_reset": "call `reset()`; `recv()` of a vector then returns what is ready",
    "unwrapped": "nothing wraps it",
    "driver_env": "nothing wraps it",
    "single_env": "nothing wraps it",
}
"""Of a batch, or of a vector."""

ARGUMENTS = {
    "env_args": "give each setting by its own name",
    "env_kwargs": "give each setting by its own name",
    "n": "`num_envs` is the number of environments",
    "n_envs": "`num_envs` is the number of environments",
    "num_agents": "`num_envs` is the number of environments",
    "num_threads": "`threads` is the number of threads",
    "num_workers": "`threads` is the number of threads",
    "workers": "`threads` is the number of threads",
    "backend": "`puffer_envs.vector.make` takes it",
    "batch": "`puffer_envs.vector.make` takes it",
    "batch_size": "`puffer_envs.vector.make` takes `batch`",
    "buf": "`buffers` takes arrays by name",
    "render_mode": 'gymnasium.make("puffer/NAME-v1", render_mode="rgb_array") makes one that draws',
}
"""Of `puffer_envs.make`."""

VECTOR_ARGUMENTS = {
    "env_kwargs": "env_args",
    "n_envs": "num_envs",
    "num_workers": "workers",
    "num_threads": "workers",
    "batch_size": "batch",
}
"""Of `vector.make`, and their names here."""

BACKENDS = {
    "sync": "serial",
    "async": "processes",
    "multiprocessing": "processes",
    "dummyvecenv": "serial",
    "subprocvecenv": "processes",
}
"""Backends, in lower case, and their names here."""


def refuse_attribute(owner: object, name: str) -> NoReturn:
    """Raise the AttributeError of a name that does not exist, with a hint where another library has it."""
    hint = f": {ATTRIBUTES[name]}" if name in ATTRIBUTES else ""
    raise AttributeError(f"{type(owner).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=owner)
