"""What can go wrong through no fault of the program: one class per cause, each message one clear line."""

from __future__ import annotations

import traceback
from types import TracebackType

from puffer_envs.contract.errors import UserError


class ConfigError(UserError):
    """A setting is unknown, has the wrong type or range, or does not go with another one."""


class ContractError(UserError):
    """An environment breaks the buffer contract (docs/contract.md)."""


class CheckpointError(UserError):
    """A checkpoint is incomplete or damaged, or it or a policy file was made for something else."""


class StorageError(UserError):
    """The disk refuses to store something: it is full, read-only or broken."""

    exit_code = 1


class LockedError(UserError):
    """Another process is working in this run folder."""


class NonFiniteError(UserError):
    """Training met a NaN or an infinity too many times in a row."""

    exit_code = 1


class RanksError(UserError):
    """Of several processes that train together, one is gone, silent, or at odds with the others."""

    exit_code = 1


class EnvironmentFailedError(UserError):
    """The environment's own code raised: the message ends in its traceback, for whoever wrote it needs that."""

    exit_code = 1


class EnvironmentCalls:
    """A context for calls of an environment: what these raise becomes an `EnvironmentFailedError`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not isinstance(error, Exception) or isinstance(error, UserError):
            return
        raise EnvironmentFailedError(f"environment {self.name!r} failed.\n{_own_traceback(error)}") from error


def _own_traceback(error: Exception) -> str:
    """Return the traceback from the environment's first frame on."""
    if "Traceback (most recent call last)" in str(error):
        return str(error)  # it brings the one of the process in which it happened
    called = error.__traceback__.tb_next if error.__traceback__ is not None else None
    return "".join(traceback.format_exception(type(error), error, called)).rstrip()
