"""Mistakes that a user can fix: one line says what was given, what is allowed, and what to do."""

from __future__ import annotations


class UserError(Exception):
    """A mistake that the user can fix: commands print the message as one line, without a traceback."""

    exit_code = 2


class UsageError(UserError):
    """The command line cannot be understood."""


class EnvironmentNotFoundError(UserError, ValueError):
    """There is no environment of this name."""


MAX_LINES, MAX_COLUMNS = 500, 2000
"""Of a message on the terminal; what is longer is cut in the middle."""


def printable(text: str) -> str:
    """A text as a terminal may get it: control characters as escapes, lines cut in the middle where they are too long.

    A message may quote a file or another program, which can hold anything.
    """
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        half = MAX_LINES // 2
        lines[half:-half] = [f"... {len(lines) - 2 * half} lines ..."]
    return "\n".join(map(_printable_line, lines))


def _printable_line(line: str) -> str:
    if len(line) > MAX_COLUMNS:
        half = MAX_COLUMNS // 2
        line = f"{line[:half]} ... {len(line) - 2 * half} characters ... {line[-half:]}"
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in line)
