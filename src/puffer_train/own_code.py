"""The user's own code in the settings: a loss, an optimizer, a network, named `module:name` or given from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from puffer_envs.contract.errors import UserError
from puffer_envs.contract.factories import load_named
from puffer_train.errors import ConfigError, OwnCalls


class Code(str):
    """The name `module:name` of a function or class; made from the object itself, it holds that too."""

    __slots__ = ("target",)
    target: Callable[..., Any] | None

    def __new__(cls, name: str, target: Callable[..., Any] | None = None) -> Code:
        """target: what the name stands for; None to import it when it is needed."""
        code = super().__new__(cls, name)
        code.target = target
        return code

    @classmethod
    def of(cls, target: Callable[..., Any]) -> Code:
        """Return the name of an object, with the object."""
        named = target if hasattr(target, "__qualname__") else type(target)
        return cls(f"{named.__module__}:{named.__qualname__}", target)

    def __deepcopy__(self, memo: object) -> Code:
        return self

    def __reduce__(self) -> tuple[type[Code], tuple[str]]:
        return Code, (str(self),)


def is_code(value: object) -> bool:
    """Whether the value of a setting names code rather than something built in."""
    return isinstance(value, str) and ":" in value


def load_code(setting: str, name: str) -> Callable[..., Any]:
    """Return what `module:name` names.

    Args:
        setting: The setting that names it, for errors.
        name: As the settings have it.

    Raises:
        ConfigError: It cannot be found.
        CodeFailedError: Its module raised when it was imported.
    """
    if isinstance(name, Code) and name.target is not None:
        return name.target
    if name.startswith("__main__:"):
        raise ConfigError(f"{setting} {name!r} is of a script or notebook: give it again from there.")
    with OwnCalls(setting, name):
        try:
            found = load_named(name)
        except UserError as error:
            raise ConfigError(f"{setting}: {error}") from None
    if not callable(found):
        raise ConfigError(f"{setting} {name!r} is of type {type(found).__name__}: it must be a function or a class.")
    return cast(Callable[..., Any], found)


def named_code(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the code that tables of settings name, by setting: {"train.loss": "my_module:loss"}."""
    tables = ((table, values) for table, values in settings.items() if table != "env" and isinstance(values, Mapping))
    return {f"{table}.{key}": value for table, values in tables for key, value in values.items() if is_code(value)}
