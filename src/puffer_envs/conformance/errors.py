"""How a check reports a failure."""

from __future__ import annotations


class ContractError(AssertionError):
    """The environment breaks the contract."""

    def __init__(self, message: str, where: tuple[str, ...] = (), command: str = "") -> None:
        """where: places in the user's files, where a traceback cannot tell. command: what shows the fault again."""
        super().__init__(message)
        self.where, self.command = where, command


class NotOfferedError(Exception):
    """The environment lacks the optional part that a check is about."""


def require(condition: object, message: str) -> None:
    """Raise `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)
