"""Errors that are not bugs in this program: one class per cause, each message one clear line."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from types import FunctionType, TracebackType

from puffer_envs.contract import shell
from puffer_envs.contract.errors import UserError


class ConfigError(UserError):
    """A setting is unknown, has the wrong type or range, or does not fit with another one."""


class ContractError(UserError):
    """An environment breaks the buffer contract (docs/contract.md)."""


class CheckpointError(UserError):
    """A checkpoint is incomplete or damaged, or it or a policy file was made for something else."""


class StorageError(UserError):
    """Something cannot be written: the disk is full, read-only or broken."""

    exit_code = 1


class LockedError(UserError):
    """Another process is working in this run folder."""


class NonFiniteError(UserError):
    """Training met a NaN or an infinity too many times in a row."""

    exit_code = 1


class RanksError(UserError):
    """Of several processes that train together, one is gone, silent, or differs from the others."""

    exit_code = 1


class CodeFailedError(UserError):
    """Code of the user's raised: the message ends in its traceback, which its author needs."""

    exit_code = 1


class EnvironmentFailedError(CodeFailedError):
    """The environment's own code raised."""


class OwnCalls:
    """A context for calls of a user's own function: whatever they raise becomes a `CodeFailedError`."""

    def __init__(self, setting: str, name: str) -> None:
        self.what = f"{setting} {name!r}"

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, (Exception, SystemExit)) and not isinstance(error, UserError):
            raise CodeFailedError(f"{self.what} failed.\n{_own_traceback(error)}") from error


class EnvironmentCalls:
    """A context for calls of an environment: whatever they raise becomes an `EnvironmentFailedError`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.run: Callable[..., None] = _named_call(name)
        """Calls a function of the environment, inside the context. Should that crash, the environment is named."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # an environment that calls sys.exit() ends its own work, not the training
        if not isinstance(error, (Exception, SystemExit)) or isinstance(error, UserError):
            return
        raise EnvironmentFailedError(f"environment {self.name!r} failed.\n{_own_traceback(error)}") from error


def _call(function: Callable[..., object], *arguments: object) -> None:
    function(*arguments)


def _named_call(name: str) -> Callable[..., None]:
    """Return `_call` under another file name.

    When C code crashes, `faulthandler` can print nothing but the names and lines of the Python functions that led
    there. So one of these names says what crashed, and what to do.
    """
    hint = (
        f"environment {name!r} crashed in its own code: look for the cause with puffer-envs check {shell.quote(name)}"
    )
    return FunctionType(_call.__code__.replace(co_filename=hint), {"__name__": __name__})


def _own_traceback(error: BaseException) -> str:
    """Return the traceback from the first frame on that is not of this package: the user's code."""
    if "Traceback (most recent call last)" in str(error):
        return str(error)  # it has that of the process in which it happened
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None and _is_ours(trace):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


def _is_ours(trace: TracebackType) -> bool:
    module = f"{trace.tb_frame.f_globals.get('__name__')}."
    return module.startswith(("puffer_train.", "puffer_envs.contract.", "importlib.", "torch."))
