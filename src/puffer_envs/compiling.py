"""C files of the user's own become libraries: compiled on first use, and kept in a cache.

A library is named after everything that it is made of: the code with all that it includes, the compiler, and its
options. So it is never out of date, and two processes that compile the same file write the same library.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from puffer_envs import _core
from puffer_envs.contract.offers import FILES

FLAGS = ("-std=c17", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-DPUF_EXPORT")
"""The same results with every compiler, on every processor."""
ISA_FLAGS = {"v3": ("-march=x86-64-v3",), "v4": ("-march=x86-64-v4",)}
ENDINGS = {"win32": ".dll", "darwin": ".dylib"}
CACHE = "PUFFER_CACHE"
"""Environment variable: the folder of the cache."""


class CompileError(ValueError):
    """A file cannot be compiled; the message is the compiler's."""


def find_code(path: Path) -> Path | None:
    """Return the C file that a path means, or None where it is no C file and no folder of one.

    In a folder that is the file named after it, or the only one.
    """
    if path.suffix in FILES:
        return path
    if not path.is_dir():
        return None
    found = sorted(file for file in path.iterdir() if file.suffix in FILES)
    named = [file for file in found if file.stem == path.resolve().name]
    return named[0] if named else found[0] if len(found) == 1 else None


def compile_library(code: Path, include: Path) -> Path:
    """Return the shared library of a C file, compiled unless the cache has it.

    Args:
        code: The file.
        include: The folder with puffer.h.

    Raises:
        OSError: The file cannot be read, or the cache not be written to.
        CompileError: There is no compiler, or it refuses the file.
    """
    code = code.resolve()
    with code.open("rb"):
        pass  # the compiler's own message for this is worse
    compiler = find_compiler()
    words = [*compiler, *FLAGS, *ISA_FLAGS.get(_core.supported_isas()[-1], ()), f"-I{include}", f"-I{code.parent}"]
    with tempfile.TemporaryDirectory(prefix="puffer-") as scratch:
        main = Path(scratch) / "main.c"
        main.write_text(f'#include "{code.as_posix()}"\n', "utf-8")
        text = _run([*words, "-E", "-P", str(main)], code)
        made_of = [text.encode(), *(word.encode() for word in (*words, _version(tuple(compiler))))]
        name = hashlib.sha256(b"\0".join(made_of)).hexdigest()[:32]
        library = cache_folder() / f"{code.stem}-{name}{ENDINGS.get(sys.platform, '.so')}"
        if not library.exists():
            made = Path(scratch) / library.name
            _link(words, main, made, code)
            _move(made, library)
    return library


def build_library(code: Path, include: Path, library: Path) -> None:
    """Compile a C file to a shared library that any processor of this machine's kind can run.

    Args:
        code: The file.
        include: The folder with puffer.h.
        library: The file to write.

    Raises:
        CompileError: There is no compiler, or it refuses the file.
    """
    with tempfile.TemporaryDirectory(prefix="puffer-") as scratch:
        main = Path(scratch) / "main.c"
        main.write_text(f'#include "{code.as_posix()}"\n', "utf-8")
        _link([*find_compiler(), *FLAGS, f"-I{include}", f"-I{code.parent}"], main, library, code)


def _link(words: list[str], main: Path, library: Path, code: Path) -> None:
    windows = sys.platform == "win32"
    shared, math = ["-shared"] if windows else ["-shared", "-fPIC"], [] if windows else ["-lm"]
    _run([*words, *shared, str(main), "-o", str(library), *math], code)


def find_compiler() -> list[str]:
    """Return the words that a compiler is called with: of $CC, a compiler of the system, or the one in a wheel.

    Raises:
        CompileError: There is none.
    """
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    for name in ("cc", "gcc", "clang"):
        if sys.platform != "win32" and shutil.which(name):
            return [name]
    if importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise CompileError('there is no C compiler: pip install "puffer-envs[author]" brings one, or set CC')


@functools.cache
def cache_folder() -> Path:
    """Return the folder where libraries are kept: $PUFFER_CACHE, or where this system keeps caches.

    Where it cannot be written to, it is a temporary folder of this process.
    """
    home, local = Path.home(), os.environ.get("LOCALAPPDATA")
    usual = {"win32": Path(local) if local else home, "darwin": home / "Library/Caches"}
    default = usual.get(sys.platform, Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")) / "puffer-envs"
    folder = Path(os.environ.get(CACHE) or default)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        temporary = tempfile.mkdtemp(prefix="puffer-")
        atexit.register(shutil.rmtree, temporary, ignore_errors=True)
        return Path(temporary)


def _move(made: Path, library: Path) -> None:
    """Put a finished library into the cache, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=library.parent, prefix=".", suffix=library.suffix)
    os.close(handle)
    try:
        shutil.copy(made, name)
        Path(name).replace(library)
    except PermissionError:  # on Windows, where another process has made it and loaded it
        if not library.exists():
            raise
    finally:
        Path(name).unlink(missing_ok=True)


@functools.cache
def _version(compiler: tuple[str, ...]) -> str:
    return _run([*compiler, "--version"], None)


def _run(words: list[str], code: Path | None) -> str:
    """Return what a call of the compiler printed."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise CompileError(f"the C compiler {words[0]} cannot be started: {error.strerror or error}") from None
    if done.returncode != 0:
        what = "it" if code is None else code.name
        raise CompileError(f"{words[0]} cannot compile {what}:\n{done.stderr.strip()}")
    return done.stdout
