"""Steps of one that stands on a tile, by `row` and `column`, and glides to the next."""

from __future__ import annotations

from typing import Any


def frames(before: Any, after: Any) -> int:
    """Return five for a step to another tile, and one where an episode ended."""
    moved = (int(before.row), int(before.column)) != (int(after.row), int(after.column))
    return 5 if moved and int(after.tick) > int(before.tick) else 1
