"""Your own C environments: a C file, or a library compiled from one against the installed headers."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from puffer_envs import _core
from puffer_envs.adapters.registration import register
from puffer_envs.compiling import compile_library, find_code
from puffer_envs.spec import LIBRARIES, forget_spec

CODE: dict[str, Path] = {}
"""The C file of each environment that was compiled here, by name."""

_installed: set[str] = set()  # names of environments that installed packages brought
_loaded: list[ctypes.CDLL] = []  # a library must stay loaded as long as its spec is registered


def get_include() -> str:
    """Return the folder with puffer.h, for the compiler's -I."""
    installed = Path(__file__).parent / "include"
    if installed.is_dir():
        return str(installed)
    return str(Path(_core.__file__).parent / "include")  # an editable install has it next to the extension


def file_beside(name: str, ending: str) -> Path | None:
    """Return the file of this ending beside an environment's C file or library; None where there is none."""
    own = CODE.get(name) or LIBRARIES.get(name)
    file = Path(own).with_suffix(ending) if own is not None else None
    return file if file is not None and file.is_file() else None


def settings_file(name: str) -> Path | None:
    """Return the TOML file with how to train an environment of the user's own; None where there is none."""
    return file_beside(name, ".toml")


def load_library(path: str | os.PathLike[str], *, installed: bool = False) -> str:
    """Load one environment of the user's own, and return the name that `make` now knows.

    Loading the same one again returns its name. The drawing `catch.py` and the settings `catch.toml` may lie beside
    `catch.h` or `catch.so`.

    Args:
        path: A C file such as `catch.h`, or the folder of one: it is compiled, unless the cache has it. Or a shared
            library, compiled with
            `cc -std=c17 -O3 -ffp-contract=off -shared -fPIC -DPUF_EXPORT -I INCLUDE my.c -o my.so`.
        installed: It comes with an installed package: whatever else is loaded under its name takes its place.

    Raises:
        OSError: it cannot be read or loaded.
        CompileError: a `ValueError`; there is no compiler, or it refuses the file.
        ValueError: it has no environment, was compiled for another version, its name is taken, or its tables
            disagree.
    """
    code = find_code(Path(path))
    where = str(Path(path).resolve() if code is None else compile_library(code, Path(get_include())))
    for name, loaded in LIBRARIES.items():
        if loaded == where:
            return name
    library = ctypes.CDLL(where)
    try:
        export = library.puf_export
    except AttributeError:
        what = "It has no PUF_DEFINE_ENV" if code is not None else "Compile it with -DPUF_EXPORT"
        raise ValueError(f"{path} exports no environment. {what}") from None
    export.restype = ctypes.c_void_p
    name = _core.spec_name(export())
    if installed and name in LIBRARIES:
        return name
    if name in _installed:
        _forget(name)
    _core.register(export())
    _loaded.append(library)
    try:
        register(name)
    except ValueError:
        _core.unregister(name)
        raise
    LIBRARIES[name] = where
    if code is not None:
        CODE[name] = code.resolve()
    if installed:
        _installed.add(name)
    return name


def _forget(name: str) -> None:
    """Make room for another environment of this name; batches of the old one continue."""
    _core.unregister(name)
    forget_spec()
    _installed.discard(name)
    LIBRARIES.pop(name)
    CODE.pop(name, None)
