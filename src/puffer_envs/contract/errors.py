"""Mistakes that a user can fix: one line says what was given, what is allowed, and what to do."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can fix: commands print the message as one line, without a traceback."""

    exit_code = 2


class UsageError(UserError):
    """The command line cannot be understood."""


class EnvironmentNotFoundError(UserError, ValueError):
    """There is no environment of this name."""
