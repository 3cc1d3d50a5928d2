"""The step count that Gymnasium's time limit keeps."""

from __future__ import annotations

from typing import Any


def elapsed_steps(env: Any) -> int:
    """Steps of this episode, as Gymnasium's TimeLimit counts them; 0 where the environment has none."""
    limit = _time_limit(env)
    return 0 if limit is None else int(limit._elapsed_steps or 0)


def set_elapsed_steps(env: Any, steps: int) -> None:
    """Let Gymnasium's TimeLimit believe that so many steps of this episode are done."""
    limit = _time_limit(env)
    if limit is not None:
        limit._elapsed_steps = int(steps)


def _time_limit(env: Any) -> Any:
    while env is not None and not hasattr(env, "_elapsed_steps"):
        env = getattr(env, "env", None)
    return env
