"""What a run's history says about how each of its steps was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

REPLACED = "replaced"
"""Key in a part of the history: settings of this process that the next one changed, flat; null for one it added."""

RESTARTED = "restarted"
"""Key in a part of the history: this process could not continue the episodes of the one before."""

RETREATS = "retreats"
"""Key in a part of the history: when, where to and why this process went back to a checkpoint."""


@dataclass(frozen=True)
class Seam:
    """A moment at which the training was not simply continued, on the way that led to the run's end."""

    steps: int
    """Agent steps done then."""
    restarted: bool = False
    """Whether the episodes started from scratch."""
    step_scale: float | None = None
    """The new factor of both step lengths, None where it stayed."""


def seams(history: list[Mapping[str, Any]]) -> list[Seam]:
    """Return where processes resumed the run and where it went back, in the order of steps.

    What was trained and then abandoned, since the run went back to before it, is not there.
    """
    found: list[Seam] = []
    for i, part in enumerate(history):
        events = [Seam(part["from_steps"], bool(part.get(RESTARTED)))] if i else []
        events += [Seam(note["back_to"], step_scale=note["step_scale"]) for note in part.get(RETREATS, [])]
        for event in events:
            found = [earlier for earlier in found if earlier.steps <= event.steps]
            found.append(event)
    return found


def settings_at(config: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Return the settings with which the iteration that ended after so many agent steps was trained.

    config: the content of config.json.
    """
    tables = {table: dict(values) for table, values in config["settings"].items()}
    history = config["history"]
    for i in range(len(history) - 1, -1, -1):
        for name, value in history[i].get(REPLACED, {}).items():
            table, _, key = name.partition(".")
            tables.setdefault(table, {})[key] = value
            if value is None:
                del tables[table][key]
        if history[i]["from_steps"] < steps:
            break
    return tables


def replaced(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flat settings of `before` that differ in `now`; None for one that was not there."""
    names = {**before, **now}
    return {name: before.get(name) for name in names if before.get(name) != now.get(name)}
