"""Loading what a user names as `module:factory`, and single Python files."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from puffer_envs.contract.errors import EnvironmentNotFoundError
from puffer_envs.contract.names import suggest


def load_factory(name: str) -> Callable[..., Any]:
    """The callable called `module:factory`. The current folder is searched last, after installed packages.

    Raises:
        EnvironmentNotFoundError: there is no such module, nothing of that name in it, or it is no callable.
        Exception: whatever the module raises while it is imported.
    """
    factory = load_named(name)
    if not callable(factory):
        raise EnvironmentNotFoundError(
            f"{name!r} is of type {type(factory).__name__}: it must be a callable that makes environments."
        )
    return factory  # type: ignore[no-any-return]


def load_named(name: str) -> Any:
    """What is called `module:name`. The current folder is searched last, after installed packages.

    Raises:
        EnvironmentNotFoundError: there is no such module, or nothing of that name in it.
        Exception: whatever the module raises while it is imported.
    """
    module_name, _, attribute = name.partition(":")
    module = _import(name, module_name)
    if not attribute or not hasattr(module, attribute):
        callables = [n for n, x in vars(module).items() if callable(x) and getattr(x, "__module__", "") == module_name]
        raise EnvironmentNotFoundError(
            f"{module_name!r} has nothing called {attribute!r}.{suggest(attribute, callables)}"
        )
    return getattr(module, attribute)


class _SourceLoader(SourceFileLoader):
    """Reads the source, and neither reads nor leaves bytecode beside it.

    Python takes bytecode for the file's if size and second of the last change are equal: a colour that was edited
    right after saving would not change.
    """

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self.get_data(self.path), self.path)


def load_file(name: str, file: Path) -> ModuleType:
    """The module in a Python file as it is now; it gets this name, but no entry in `sys.modules`.

    Raises:
        OSError: the file cannot be read.
        Exception: whatever the file raises while it is run.
    """
    spec = spec_from_loader(name, _SourceLoader(name, str(file)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def parameter_names(factory: Callable[..., Any]) -> frozenset[str]:
    """The names of a callable's parameters; empty for builtins that do not reveal them."""
    try:
        return frozenset(inspect.signature(factory).parameters)
    except (TypeError, ValueError):
        return frozenset()


def search_current_folder() -> None:
    """Let imports find modules in the current folder, which console scripts do not search.

    It comes last: a file `random.py` in it must not replace Python's own module.
    """
    if "" not in sys.path:
        sys.path.append("")


def _import(name: str, module_name: str) -> ModuleType:
    if not module_name.strip("."):
        raise EnvironmentNotFoundError(f"{name!r} names no module: it must be module:factory.")
    search_current_folder()
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise EnvironmentNotFoundError(f"cannot import {module_name!r} of {name!r}: {error}.") from error
        raise EnvironmentNotFoundError(
            f"there is no module {error.name!r}, of {name!r}: installed packages and the current folder were searched."
        ) from None
    except TypeError as error:  # a relative name
        raise EnvironmentNotFoundError(f"{name!r} must be module:factory.") from error
