"""Facts and speed of environments that are not native: Gymnasium's, PettingZoo's, a person's own in Python."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator
from rich.console import Console
from rich.markup import escape

from puffer_envs.conformance.runs import random_actions
from puffer_envs.contract.actions import describe_actions
from puffer_envs.contract.factories import parameter_names
from puffer_envs.tables import make_table
from puffer_envs.vector import Vector
from puffer_envs.vector.choose import make
from puffer_envs.vector.source import resolve

REPEATS = 5


def facts(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What a program may want to know of an environment, as JSON values.

    Raises:
        ValueError, TypeError, ImportError: there is no such environment, or it does not take these settings.
    """
    with make(name, 1, backend="serial", env_args=settings) as env:
        assert isinstance(env, Vector)
        actions = describe_actions(env.single_action_space)
        return {
            "name": name,
            "agents": env.agents,
            "observation": _observation(env),
            "actions": {"kind": actions.kind, "sizes": list(actions.sizes)}
            | ({"low": list(actions.low), "high": list(actions.high)} if actions.kind == "box" else {}),
            "action_masks": env.action_masks is not None,
            "agent_mask": env.agent_mask is not None,
            "notes": list(env.notes),
            "settings": _settings(name),
        }


def _observation(env: Vector) -> list[dict[str, Any]]:
    named: list[tuple[str, spaces.Space[Any]]]
    if env.observation_fields is None:
        named = [("observation", env.single_observation_space)]
    else:
        named = [(field.name, field.space) for field in env.observation_fields]
    return [{"name": name} | _space(space) for name, space in named]


def _space(space: spaces.Space[Any]) -> dict[str, Any]:
    shape = list(space.shape or ())
    if isinstance(space, spaces.Discrete):
        return {"kind": "choice", "shape": shape, "choices": int(space.n)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"kind": "choices", "shape": shape, "choices": int(space.nvec.max())}
    low, high = (space.low.min(), space.high.max()) if isinstance(space, spaces.Box) else (0, 1)
    bounds = [float(bound) if np.isfinite(bound) else None for bound in (low, high)]
    return {"kind": f"{space.dtype} numbers", "shape": shape, "low": bounds[0], "high": bounds[1]}


def _settings(name: str) -> list[str]:
    """The names of the environment's own arguments, as far as it shows them."""
    source = resolve(name, {}, None)
    spec = getattr(source.factory, "spec", None)
    if spec is None:
        return sorted(parameter_names(source.factory) - {"kwargs", "args"})
    creator = load_env_creator(spec.entry_point) if isinstance(spec.entry_point, str) else spec.entry_point
    return sorted((parameter_names(creator) | spec.kwargs.keys()) - {"self", "kwargs", "args"})


@dataclass(frozen=True)
class Speed:
    """How fast a vector of an environment steps: the median of `REPEATS` repeats, with the slowest and fastest."""

    environment: str
    """Its name."""
    num_envs: int
    """Environments in the vector."""
    num_agents: int
    """Rows in the vector."""
    workers: int
    """Processes that step them; 0 for this one."""
    steps_per_second: float
    """Agent steps per second."""
    slowest: float
    """Of the repeats."""
    fastest: float
    """Of the repeats."""


def measure(name: str, num_envs: int, workers: int, seconds: float, settings: Mapping[str, Any]) -> Speed:
    """Step a vector with random actions, for about `seconds` per repeat and for at least two steps.

    Args:
        name: of the environment.
        num_envs: how many.
        workers: processes; 0 steps them in this one.
        seconds: per repeat.
        settings: of the environment.
    """
    backend: dict[str, Any] = {"backend": "serial"} if workers == 0 else {"backend": "processes", "workers": workers}
    with make(name, num_envs, env_args=settings, **backend) as env:
        rng, rates = np.random.default_rng(0), []
        env.reset(0)
        env.step(random_actions(env, rng))
        for _ in range(REPEATS):
            steps, spent = 0, 0.0
            while steps < 2 or spent < seconds:
                actions = random_actions(env, rng)
                begin = time.perf_counter()
                env.step(actions)
                spent += time.perf_counter() - begin
                steps += 1
            rates.append(env.num_agents * steps / spent)
        return Speed(
            environment=name,
            num_envs=num_envs,
            num_agents=env.num_agents,
            workers=workers,
            steps_per_second=statistics.median(rates),
            slowest=min(rates),
            fastest=max(rates),
        )


def print_facts(found: Mapping[str, Any], console: Console) -> None:
    """Print what `facts` returned."""
    console.print(f"[bold]{escape(found['name'])}[/], a Python environment\n", highlight=False)
    actions = found["actions"]
    sizes = " x ".join(map(str, actions["sizes"]))
    masks = ", masked" if found["action_masks"] else ""
    table = make_table("", "")
    table.show_header = False
    table.add_row("agents", f"{found['agents']} per environment")
    table.add_row("actions", f"{sizes} continuous" if actions["kind"] == "box" else f"one of {sizes}{masks}")
    table.add_row("settings", escape(", ".join(found["settings"]) or "none"))
    for note in found["notes"]:
        table.add_row("note", escape(note))
    console.print(table)
    table = make_table("observation", "shape", "kind", "from", "to", right=("from", "to"))
    for part in found["observation"]:
        shape = "x".join(map(str, part["shape"])) or "single"
        low, high = (0, part["choices"] - 1) if "choices" in part else (part["low"], part["high"])
        ends = ["no bound" if end is None else f"{end:g}" for end in (low, high)]
        table.add_row(escape(part["name"]), shape, part["kind"], *ends)
    console.print(table)


def print_speeds(speeds: Sequence[Speed], console: Console) -> None:
    """Print a line for each measurement."""
    numbers = ("agents", "workers", "steps/s", "slowest", "fastest", "us/step")
    table = make_table("name", *numbers, right=numbers)
    for speed in speeds:
        rates = [f"{rate:,.0f}" for rate in (speed.steps_per_second, speed.slowest, speed.fastest)]
        each = f"{1e6 / speed.steps_per_second:,.1f}"
        table.add_row(escape(speed.environment), str(speed.num_agents), str(speed.workers or "none"), *rates, each)
    console.print(table)
    console.print(
        f"Random actions; agent steps per second, medians of {REPEATS} repeats. Episodes restart within a step.",
        highlight=False,
    )
