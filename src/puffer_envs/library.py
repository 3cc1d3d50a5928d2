"""Your own C environments: compile one file against the installed headers, and load it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from puffer_envs import _core
from puffer_envs.adapters.registration import register
from puffer_envs.spec import LIBRARIES

_loaded: list[ctypes.CDLL] = []  # a library must stay loaded as long as its spec is registered


def get_include() -> str:
    """Return the folder with puffer.h, for the compiler's -I."""
    installed = Path(__file__).parent / "include"
    if installed.is_dir():
        return str(installed)
    return str(Path(_core.__file__).parent / "include")  # an editable install has it next to the extension


def load_library(path: str | os.PathLike[str]) -> str:
    """Load a shared library with one environment in it, and return the name that `make` now knows.

    Compile it with, for example:
    `cc -std=c17 -O3 -ffp-contract=off -shared -fPIC -DPUF_EXPORT -I INCLUDE my.c -o my.so`.

    Raises:
        OSError: it cannot be loaded.
        ValueError: it has no environment, was compiled for another version, its name is taken, or its tables
            disagree.
    """
    where = str(Path(path).resolve())
    library = ctypes.CDLL(where)
    try:
        export = library.puf_export
    except AttributeError:
        raise ValueError(f"{path} exports no environment. Compile it with -DPUF_EXPORT") from None
    export.restype = ctypes.c_void_p
    name = _core.register(export())
    _loaded.append(library)
    try:
        register(name)
    except ValueError:
        _core.unregister(name)
        raise
    LIBRARIES[name] = where
    return name
