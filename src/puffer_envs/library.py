"""Your own environments: a C or C++ file, or a library compiled from one against the installed headers."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from puffer_envs import _core
from puffer_envs.adapters.registration import register
from puffer_envs.compiling import compile_library, find_code
from puffer_envs.spec import LIBRARIES, forget_specs, spec

CODE: dict[str, Path] = {}
"""The C or C++ file of each environment that was compiled here, by name."""

_installed: set[str] = set()  # names of environments that installed packages brought
_loaded: list[ctypes.CDLL] = []  # a library must stay loaded as long as its spec is registered, or a batch has it
_exports: dict[str, int] = {}  # the address of each spec, by the environment's name


def get_include() -> str:
    """Return the folder with puffer.h, for the compiler's -I."""
    return str(shipped_folder("include"))


def shipped_folder(name: str) -> Path:
    """Return a folder with C files that came with the package: `include`, or `program` with c/driver.c."""
    installed = Path(__file__).parent / name
    return installed if installed.is_dir() else Path(_core.__file__).parent / name  # there in an editable install


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
        path: A C or C++ file such as `catch.h`, or the folder of one: it is compiled, unless the cache has it. Or a
            shared library, compiled with
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
    export = _open(where, path, code)
    name = _core.spec_name(export)
    if installed and name in LIBRARIES:
        return name
    if name in _installed:
        _forget(name)
    _core.register(export)
    try:
        register(name)
    except ValueError:
        _core.unregister(name)
        raise
    LIBRARIES[name] = where
    _exports[name] = export
    if code is not None:
        CODE[name] = code.resolve()
    if installed:
        _installed.add(name)
    return name


def _forget(name: str) -> None:
    """Make room for another environment of this name; batches of the old one continue."""
    _core.unregister(name)
    forget_specs()
    _installed.discard(name)
    LIBRARIES.pop(name)
    CODE.pop(name, None)


def compile_again(name: str) -> Path:
    """Return the library of an environment's file as it is now; errors as `load_library`."""
    return compile_library(CODE[name], Path(get_include()))


def replace_library(name: str, where: Path) -> None:
    """Let batches that are made from now on have the code in a newly compiled library; others keep theirs.

    Raises:
        ValueError: As `load_library`, and nothing has changed.
    """
    export = _open(str(where), CODE[name].name, CODE[name])
    _core.unregister(name)
    forget_specs()
    try:
        found = _core.register(export)
        if found != name:
            _core.unregister(found)
            raise ValueError(f"{CODE[name].name}: it is called {found!r} now, and was {name!r}. Start again")
        try:
            spec(name)
        except ValueError:
            _core.unregister(name)
            raise
    except ValueError:
        _core.register(_exports[name])
        forget_specs()
        raise
    LIBRARIES[name] = str(where)
    _exports[name] = export


def _open(where: str, path: str | os.PathLike[str], code: Path | None) -> int:
    """Load a library, and return the address of its spec."""
    library = ctypes.CDLL(where)
    try:
        export = library.puf_export
    except AttributeError:
        what = "It has no PUF_DEFINE_ENV" if code is not None else "Compile it with -DPUF_EXPORT"
        raise ValueError(f"{path} exports no environment. {what}") from None
    export.restype = ctypes.c_void_p
    _loaded.append(library)
    address: int = export()
    return address
