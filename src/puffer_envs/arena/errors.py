"""Mistakes of those who set up a match or a league."""

from __future__ import annotations

from puffer_envs.contract.errors import UserError


class ArenaError(UserError, ValueError):
    """A match cannot be played, or a league does not hold what it says."""
