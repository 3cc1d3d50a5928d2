"""Watching a policy in an environment that draws itself, in that environment's own window."""

from __future__ import annotations

import time
from typing import Any

from puffer_envs.adapters.rendering import has_display
from puffer_envs.policy import NumpyPolicy
from puffer_render.errors import RenderError
from puffer_render.follow import Follower
from puffer_render.player import MAX_WAIT
from puffer_render.sources import watch
from puffer_render.window import NO_DISPLAY


def watch_policy(
    name: str, policy: NumpyPolicy, settings: dict[str, Any], seed: int, follower: Follower | None = None
) -> None:
    """Let an environment draw itself while the policy plays it, until Ctrl-C. Raises RenderError."""
    if not has_display():
        raise RenderError(NO_DISPLAY)
    with watch(policy, settings, "human", name) as watched:
        watched.env.reset(seed)
        due, gained, steps = time.perf_counter(), 0.0, 0
        while True:
            _, rewards, terminals, truncations = watched.env.step(watched.act())
            gained, steps = gained + float(rewards[0]), steps + 1
            ended = terminals | truncations
            policy.reset(ended)
            newer = None if follower is None else follower.poll()
            if newer is not None:
                newer.resume_from(policy)
                watched.policy = policy = newer
            if ended.any():
                note = "" if follower is None or follower.progress is None else f" ({follower.progress.describe()})"
                print(f"{policy.info.environment}: return {gained:g} in {steps} steps{note}", flush=True)
                gained, steps = 0.0, 0
            due = max(due + 1 / watched.rate, time.perf_counter() - MAX_WAIT)
            time.sleep(max(0.0, due - time.perf_counter()))
