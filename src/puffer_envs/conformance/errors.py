"""How a check reports a failure."""

from __future__ import annotations


class ContractError(AssertionError):
    """The environment breaks the contract."""


class NotOfferedError(Exception):
    """The environment lacks the optional part that a check is about."""


def require(condition: object, message: str) -> None:
    """Raise `ContractError` unless the condition holds."""
    if not condition:
        raise ContractError(message)
