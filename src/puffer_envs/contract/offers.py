"""Environments that installed packages offer, this one among them, through the entry point group `puffer.envs`.

An entry point names a module with `list_envs()` and `make(name, num_envs, seed, threads, **settings)`, which makes
a batch that keeps the buffer contract. If importing the module loads a C environment (`load_library`), that one is
native: it can also be played, drawn and replayed.
"""

from __future__ import annotations

import functools
import os
import sys
from argparse import Namespace
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from puffer_envs.contract.errors import EnvironmentNotFoundError

GROUP = "puffer.envs"

CPP_FILES = (".hpp", ".hh", ".cpp", ".cc")
FILES = (".h", ".c", *CPP_FILES)
"""Endings of files with an environment of the user's own, whose path is its name; those in C++ are among them."""


def is_file(name: str) -> bool:
    """Return whether a name is the path of a C file, such as ./catch.h, or of a folder with one.

    A folder with `config.json` is a run, into which `puffer-export` may have written C.
    """
    path = Path(name)
    if path.suffix in FILES:
        return True
    is_path = os.sep in name or "/" in name or name.startswith(".")
    if not (is_path and os.path.isdir(path)):  # noqa: PTH112 - a name may be too long for a path
        return False
    return any(file.suffix in FILES for file in path.iterdir()) and not (path / "config.json").exists()


def suggest_file(name: str) -> str:
    """Return a sentence for errors about an unknown name, where this folder has a file or a folder of that name."""
    near = [f"./{name}", *(f"./{name}{ending}" for ending in FILES)]
    found = next((path for path in near if is_file(path) and os.path.exists(path)), None)  # noqa: PTH110
    if found is not None:  # a Python file beside it has the drawing
        return f" Did you mean {found!r}?"
    python = Path(name if name.endswith(".py") else f"{name}.py")
    if not os.path.isfile(python) or python.is_absolute() or ".." in python.parts:  # noqa: PTH113
        return ""
    return f" In {python}, name a class or a function: {'.'.join(python.with_suffix('').parts)}:NAME."


def open_file(name: str) -> str:
    """Compile and load the environment in a file, and return its name; any other name is returned as it is.

    Raises:
        EnvironmentNotFoundError: As `load_file`.
    """
    return load_file(name) if is_file(name) else name


def load_file(path: str) -> str:
    """Load the environment in a C file or in a shared library, and return its name.

    Raises:
        EnvironmentNotFoundError: There is no such file, it cannot be compiled or loaded, or no package does that.
    """
    load = next((module.load_library for module in offering_modules() if hasattr(module, "load_library")), None)
    if load is None:
        raise EnvironmentNotFoundError(f"{path}: no installed package loads libraries.")
    try:
        found: str = load(path)
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        raise EnvironmentNotFoundError(reason if path in reason else f"{path}: {reason}") from None
    return found


def load_offers() -> dict[str, ModuleType]:
    """Return the module that offers each environment, by its name; those that were loaded meanwhile are among them."""
    offers: dict[str, ModuleType] = {}
    for module in offering_modules():
        for name in module.list_envs():
            offers.setdefault(name, module)
    return offers


@functools.cache
def offering_modules() -> tuple[ModuleType, ...]:
    """Import the packages that offer environments, once per process.

    A package that cannot be imported is reported on stderr and skipped: it must not keep the others from working.
    """
    modules: list[ModuleType] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            module: ModuleType = entry.load()
            list(module.list_envs())
        except Exception as error:
            print(f"puffer-envs: skipped {entry.value}, which offers environments: {error!r}", file=sys.stderr)
        else:
            modules.append(module)
    return tuple(modules)


def open_given(options: Namespace) -> None:
    """Replace paths of C files among a command's `name` or `names` by names of environments, and add them to `library`.

    Raises:
        EnvironmentNotFoundError: As `open_file`.
    """

    def opened(name: str) -> str:
        if is_file(name):
            options.library = [*options.library, str(Path(name).resolve())]
        return open_file(name)

    if getattr(options, "name", None) is not None:
        options.name = opened(options.name)
    if getattr(options, "names", None) is not None:
        options.names = [opened(name) for name in options.names]
