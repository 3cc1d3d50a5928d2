"""What can go wrong through no fault of the program: one class per cause, each message one clear line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake its maker can mend: the commands print its message as one line, without a traceback."""

    exit_code = 2


class ConfigError(UserError):
    """A setting is unknown, has the wrong type or range, or does not go with another one."""


class EnvironmentNotFoundError(UserError):
    """No installed package offers an environment of this name."""


class ContractError(UserError):
    """An environment breaks the buffer contract (docs/contract.md)."""


class CheckpointError(UserError):
    """A checkpoint or policy file is incomplete, damaged, or made for something else."""


class NonFiniteError(UserError):
    """Training met a NaN or an infinity too many times in a row."""

    exit_code = 1


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return `" Did you mean 'x'?"` for the known name nearest to the given one, or an empty string."""
    nearest = difflib.get_close_matches(given, list(known), n=1, cutoff=0.6)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""
