"""Between two steps: one that stands on a tile, by `row` and `column`, glides to the next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


def frames(before: Any, after: Any) -> int:
    """Return five for a step to another tile, and one where an episode ended."""
    moved = (int(before.row), int(before.column)) != (int(after.row), int(after.column))
    return 5 if moved and int(after.tick) > int(before.tick) else 1


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """Return the state with a place part of the way."""
    at, share = {name: getattr(after, name) for name in after}, frame / frames
    for name in ("row", "column"):
        at[name] = (1 - share) * float(getattr(before, name)) + share * float(getattr(after, name))
    return SimpleNamespace(**at)
