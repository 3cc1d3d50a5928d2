"""The sentence that helps after a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_LISTED = 20
"""Longer lists of names are left out: they hide the message."""


def suggest(given: str, known: Iterable[str], max_listed: int = MAX_LISTED) -> str:
    """A sentence to append to an error about an unknown name, with its leading space.

    Args:
        given: the unknown name.
        known: the names that exist.
        max_listed: how many names are at most listed where none is near.

    Returns:
        `" Did you mean 'x'?"` for the nearest known name; `" Known: a, b."` if none is near and the list is short;
        else an empty string.
    """
    names = list(known)
    listed = f" Known: {', '.join(names)}." if 0 < len(names) <= max_listed else ""
    return suggest_nearest(given, names) or listed


def suggest_nearest(given: str, known: Iterable[str]) -> str:
    """`" Did you mean 'x'?"` for the nearest known name, or an empty string: for messages that list the names."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
