"""C and C++ files of the user's own become libraries and programs: compiled on first use, and kept in a cache.

What is compiled is named after everything that it is made of: the code with all that it includes, the compiler, and its
options. So it is never out of date, and two processes that compile the same file write the same bytes.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from puffer_envs import _core
from puffer_envs.contract import shell
from puffer_envs.contract.offers import CPP_FILES, FILES

EXACT = ("-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-DPUF_EXPORT")
"""The same results with every compiler, on every processor."""
ISA_FLAGS = {"v3": ("-march=x86-64-v3",), "v4": ("-march=x86-64-v4",)}
ENDINGS = {"win32": ".dll", "darwin": ".dylib"}
CACHE = "PUFFER_CACHE"
"""Environment variable: the folder of the cache."""


class CompileError(ValueError):
    """A file cannot be compiled; the message is the compiler's."""


def find_code(path: Path) -> Path | None:
    """Return the C or C++ file that a path means, or None where it is none and no folder of one.

    In a folder that is the file named after it, or the only one.
    """
    if path.suffix in FILES:
        return path
    if not path.is_dir():
        return None
    found = sorted(file for file in path.iterdir() if file.suffix in FILES)
    named = [file for file in found if file.stem == path.resolve().name]
    return named[0] if named else found[0] if len(found) == 1 else None


def library_flags() -> tuple[str, ...]:
    """Return the options that libraries are compiled with, for this processor."""
    return ("-O3", *EXACT, *ISA_FLAGS.get(_core.supported_isas()[-1], ()))


def compile_library(code: Path, include: Path) -> Path:
    """Return the shared library of a file, compiled unless the cache has it.

    Args:
        code: The file.
        include: The folder with puffer.h.

    Raises:
        OSError: The file cannot be read, or the cache not be written to.
        CompileError: There is no compiler, or it refuses the file.
    """

    def make(call: list[str], main: Path, made: Path) -> None:
        _link(call, main, made, code)

    return _compile(code, include, library_flags(), make, ENDINGS.get(sys.platform, ".so"))


def build_library(code: Path, include: Path, library: Path) -> None:
    """Compile a file to a shared library that any processor of this machine's kind can run.

    Args:
        code: The file.
        include: The folder with puffer.h.
        library: The file to write.

    Raises:
        CompileError: There is no compiler, or it refuses the file.
    """
    with tempfile.TemporaryDirectory(prefix="puffer-") as scratch:
        main = _main_file(code, Path(scratch))
        call = [*find_compiler(is_cpp(code)), *_language(code), "-O3", *EXACT, f"-I{include}", f"-I{code.parent}"]
        _link(call, main, library, code)


def _link(call: list[str], main: Path, library: Path, code: Path) -> None:
    options = ["-shared"] if sys.platform == "win32" else ["-shared", "-fPIC", "-lm"]
    _run([*call, str(main), "-o", str(library), *options], code)


def _main_file(code: Path, scratch: Path) -> Path:
    """Return a new file that includes another one, since compilers take a header for something else."""
    main = scratch / ("main.cpp" if is_cpp(code) else "main.c")
    main.write_text(f'#include "{code.as_posix()}"\n', "utf-8")
    return main


def compile_object(code: Path, include: Path, options: Sequence[str]) -> Path:
    """Return the object file of a file; arguments and errors as `compile_library`."""

    def make(call: list[str], main: Path, made: Path) -> None:
        _run([*call, "-c", str(main), "-o", str(made)], code)

    return _compile(code, include, options, make, ".o")


def read_warnings(code: Path, include: Path, compiler: Sequence[str]) -> str:
    """Return what a compiler says about a file when asked for warnings; arguments as `compile_program`."""
    with tempfile.TemporaryDirectory(prefix="puffer-") as scratch:
        main = _main_file(code, Path(scratch))
        call = [*compiler, *_language(code), "-O2", "-Wall", *EXACT, f"-I{include}"]
        words = [*call, "-c", str(main), "-o", f"{main}.o"]
        return subprocess.run(words, capture_output=True, text=True, errors="replace", check=False).stderr


def compile_program(
    code: Path, include: Path, sources: Sequence[Path], options: Sequence[str], compiler: Sequence[str] | None = None
) -> Path:
    """Return the program of a file and some C sources, compiled unless the cache has it. It knows all line numbers.

    Args:
        code: The file.
        include: The folder with puffer.h.
        sources: C files, which define `main`.
        options: Of the compiler.
        compiler: The words that it is called with; None for the usual one.

    Raises:
        OSError, CompileError: As `compile_library`.
    """

    def make(call: list[str], main: Path, made: Path) -> None:
        objects = []
        for source in sources:
            objects.append(str(main.with_name(f"{source.stem}.o")))
            as_c = [*(compiler or find_compiler(is_cpp(code))), "-x", "c", "-std=c17", *options, f"-I{include}"]
            # POSIX is asked for: -std=c17 alone hides what the threads are made of
            _run([*as_c, "-D_DEFAULT_SOURCE", "-c", str(source), "-o", objects[-1]], source)
        threads = [] if sys.platform == "win32" else ["-pthread", "-lm"]
        _run([*call, str(main), *objects, "-o", str(made), *threads], code)

    with_headers = sorted({file for source in sources for file in source.parent.glob("*.[ch]")})
    made_of = b"\0".join(file.read_bytes() for file in with_headers)
    ending = ".exe" if sys.platform == "win32" else ""
    return _compile(code, include, options, make, ending, compiler, made_of, lines=True)


def _compile(
    code: Path,
    include: Path,
    options: Sequence[str],
    make: Callable[[list[str], Path, Path], None],
    ending: str,
    compiler: Sequence[str] | None = None,
    made_of: bytes = b"",
    lines: bool = False,
) -> Path:
    """What `make(call, main, made)` makes of a file, or what the cache has.

    lines: whether the lines of the code matter, not just what they say.
    """
    code = code.resolve()
    with code.open("rb"):
        pass  # the compiler's own message for this is worse
    found = list(compiler or find_compiler(is_cpp(code)))
    words = [*found, *_language(code), *options, f"-I{include}", f"-I{code.parent}"]
    with tempfile.TemporaryDirectory(prefix="puffer-") as scratch:
        main = _main_file(code, Path(scratch))
        text = _run([*words, "-E", *([] if lines else ["-P"]), str(main)], code).replace(scratch, "")
        parts = [text.encode(), made_of, *(word.encode() for word in (*words, ending, _version(tuple(found))))]
        name = hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]
        kept = cache_folder() / f"{code.stem}-{name}{ending}"
        if not kept.exists():
            made = Path(scratch) / kept.name
            make(words, main, made)
            _move(made, kept)
    return kept


def own_files(code: Path) -> list[Path]:
    """Return a file and those that it includes from its own folder, by a name in quotes."""
    found, queue = [], [code]
    while queue:
        file = queue.pop()
        if file in found or not file.is_file():
            continue
        found.append(file)
        names = re.findall(r'^\s*#\s*include\s+"([^"]+)"', file.read_text("utf-8", "replace"), re.MULTILINE)
        queue += [file.parent / name for name in reversed(names)]
    return found


def _language(code: Path) -> tuple[str, ...]:
    """Exceptions cannot leave a step: it is called from C."""
    return ("-std=c++20", "-fno-exceptions") if is_cpp(code) else ("-std=c17",)


def is_cpp(code: Path) -> bool:
    """Return whether a file is C++."""
    return code.suffix in CPP_FILES


def find_compiler(cpp: bool = False) -> list[str]:
    """Return the words that the compiler for C or C++ is called with: the first of `find_compilers`.

    Raises:
        CompileError: There is none.
    """
    found = find_compilers(cpp)
    if not found:
        language, variable = ("C++", "CXX") if cpp else ("C", "CC")
        raise CompileError(
            f'there is no {language} compiler: pip install "puffer-envs[author]" brings one, or set {variable}'
        )
    return found[0]


def find_compilers(cpp: bool = False) -> list[list[str]]:
    """Return the compilers for C or C++: $CC or $CXX alone, or those of the system and then that in a wheel."""
    given = os.environ.get("CXX" if cpp else "CC")
    if given:
        return [[given] if shutil.which(given) else shell.split(given)]  # a path may have spaces
    names = ("c++", "g++", "clang++") if cpp else ("cc", "gcc", "clang")
    found = [[name] for name in names if sys.platform != "win32" and shutil.which(name)]
    if importlib.util.find_spec("ziglang") is not None:
        found.append([sys.executable, "-m", "ziglang", names[0]])
    return found


@functools.cache
def cache_folder() -> Path:
    """Return the folder where compiled files are kept: $PUFFER_CACHE, or where this system keeps caches.

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


def _move(made: Path, kept: Path) -> None:
    """Put a finished file into the cache, whole or not at all."""
    handle, name = tempfile.mkstemp(dir=kept.parent, prefix=".", suffix=kept.suffix)
    os.close(handle)
    try:
        shutil.copy(made, name)
        Path(name).replace(kept)
    except PermissionError:  # on Windows, where another process has made it and loaded it
        if not kept.exists():
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
        raise CompileError(f"the compiler {words[0]} cannot be started: {error.strerror or error}") from None
    if done.returncode != 0:
        what = "it" if code is None else code.name
        raise CompileError(f"{words[0]} cannot compile {what}:\n{done.stderr.strip()}")
    return done.stdout
