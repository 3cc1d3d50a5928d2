"""Install a wheel for windows-x86_64 where Wine can run it: `python .ci/wine.py WHEEL FOLDER`. Needs Python 3.11.

FOLDER/python is a Windows Python that is run by Wine, with PyPI's wheels for Windows: 1 GB, with PyTorch. What is there
already is kept. PyPI has no Python, but the wheel of Panda3D carries python.org's library, signed, and its modules. The
standard library's own files are the same everywhere. What Wine 8 lacks is in .ci/wine.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).resolve().parent / "wine"
CARRIER = "panda3d==1.10.16"
LIBRARIES = ("python311.dll", "vcruntime140.dll", "libffi-8.dll", "sqlite3.dll", "libcrypto-3.dll", "libssl-3.dll")
"""All that is taken beside modules."""
NEEDED = ("numpy>=2.0", "gymnasium>=1.2.2", "cloudpickle>=3.0", "rich>=13", "colorama")
TESTS = ("safetensors", "pytest", "pytest-timeout", "hypothesis", "sortedcontainers")
COMPILER = ("ziglang>=0.17",)
"""Older ones ask for the place of their own program in a way that Wine 8 does not know."""
# Its requirements are named here, since pip would take those of this machine.
TORCH = ("torch==2.13.0", "filelock", "fsspec", "jinja2", "markupsafe", "mpmath", "networkx<3.6", "sympy", "setuptools")
MATH, OUR_MATH = b"api-ms-win-crt-math-l1-1-0.dll", b"xpi-ms-win-crt-math-l1-1-0.dll"
"""Wine has the first inside of it, where it cannot be replaced."""
FILES, OUR_FILES = b"ntdll.dll\0", b"xtdll.dll\0"
"""Of zig, whose other libraries need nothing."""
PYTHON = """#!/bin/sh
export WINEPREFIX='{folder}/wine' WINEDEBUG=-all KMP_AFFINITY=disabled
exec wine '{folder}/python.exe' "$@"
"""
"""OpenMP asks for the affinity of threads in a way that Wine 8 does not know."""


def missing() -> str | None:
    """Say what has to be installed first; None if nothing."""
    if shutil.which("wine") is None:
        return "wine is not installed: apt-get install --no-install-recommends wine wine64."
    if importlib.util.find_spec("ziglang") is None:
        return "ziglang is not installed: pip install ziglang."
    return None if sys.version_info[:2] == (3, 11) else "Python 3.11 is needed, whose standard library is copied."


def pip(*words: str) -> None:
    """Call pip, for this machine."""
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)


def install(folder: Path, *what: str) -> None:
    """Let this machine's pip unpack wheels for Windows."""
    options = ["--platform=win_amd64", "--python-version=3.11", "--only-binary=:all:", "--upgrade", "-q"]
    pip("install", *options, f"--target={folder / 'Lib/site-packages'}", "--no-compile", *what)


def make_python(folder: Path) -> None:
    """Put the interpreter's library, its modules and the standard library together."""
    scratch = folder / "scratch"
    options = ["--platform=win_amd64", "--python-version=3.11", "--only-binary=:all:", "--no-deps", "-q"]
    pip("download", *options, f"--dest={scratch}", CARRIER)
    with zipfile.ZipFile(next(scratch.glob("panda3d*.whl"))) as carrier:
        for path in carrier.namelist():
            name = path.rpartition("/")[2]
            if path == f"deploy_libs/{name}" and (name.endswith(".pyd") or name.lower() in LIBRARIES):
                (folder / name).write_bytes(carrier.read(path))
    left_out = shutil.ignore_patterns("__pycache__", "site-packages", "lib-dynload", "config-*", "test", "idlelib")
    shutil.copytree(sysconfig.get_path("stdlib"), folder / "Lib", ignore=left_out, dirs_exist_ok=True)
    metadata = folder / "Lib/importlib/metadata/__init__.py"
    text, method = metadata.read_text("utf-8"), "    def invalidate_caches(cls)"
    if f"@classmethod\n{method}" not in text:  # 3.11.9, of which the library is, calls it on the class
        metadata.write_text(text.replace(method, f"    @classmethod\n{method}"), "utf-8")


def compile_library(folder: Path, library: str, *words: str | Path) -> None:
    """Compile something for Windows."""
    command = [sys.executable, "-m", "ziglang", "cc", "-target", "x86_64-windows-gnu", "-O1", "-o", library]
    subprocess.run([*command, *map(str, words)], check=True, cwd=folder)


def compile_rest(folder: Path) -> None:
    """Compile what the carrier lacks, and what Wine lacks."""
    pip("install", "-q", "--no-deps", "--upgrade", f"--target={folder / 'scratch'}", "pefile")
    sys.path.append(str(folder / "scratch"))
    pe: Any = importlib.import_module("pefile")
    exports = [symbol.name.decode() for symbol in directory(pe, folder / "python311.dll", "EXPORT").symbols]
    write_definition(folder / "python311.def", "python311.dll", exports)
    write_definition(folder / "python3.def", "python3.dll", [f"{name} = python311.{name}" for name in exports])
    words = ["-d", "python311.def", "-l", "python311.lib", "-m", "i386:x86-64", "-D", "python311.dll"]
    subprocess.run([sys.executable, "-m", "ziglang", "dlltool", *words], check=True, cwd=folder)
    compile_library(folder, "python.exe", "-municode", SOURCES / "python.c", "python311.lib")
    compile_library(folder, "bcryptprimitives.dll", "-shared", SOURCES / "random.c", "-ladvapi32")
    compile_math(folder, pe)
    compile_files(folder, pe)
    (folder / "empty.c").write_text("", "utf-8")
    compile_library(folder, "python3.dll", "-shared", "empty.c", "python3.def")


def compile_math(folder: Path, pe: Any) -> None:
    """Compile the library of functions that NumPy and others take from Windows, and let them take those from it."""
    names: set[str] = set()
    for file in [*folder.rglob("*.pyd"), *(folder / "Lib/site-packages").rglob("*.dll")]:
        content = file.read_bytes()
        if MATH in content or OUR_MATH in content:
            file.write_bytes(content.replace(MATH, OUR_MATH))
            for entry in directory(pe, file, "IMPORT"):
                names |= {symbol.name.decode() for symbol in entry.imports if entry.dll == OUR_MATH}
    ours = set(re.findall(r"^(?:NUMBER|FUNCTION)\((\w+),", (SOURCES / "complex.c").read_text("utf-8"), re.MULTILINE))
    ours |= {f"{name}f" for name in ours | {"cpow"}} | {"cpow"}
    found = {name: name if name in ours else name.removesuffix("l") for name in names}
    lines = [f"{name} = {f'x_{own}' if own in ours else f'ucrtbase.{name}'}" for name, own in sorted(found.items())]
    write_definition(folder / "math.def", OUR_MATH.decode(), lines)
    compile_library(folder, OUR_MATH.decode(), "-shared", SOURCES / "complex.c", "math.def")


def compile_files(folder: Path, pe: Any) -> None:
    """Compile the library of functions that zig takes from Windows, and let it take them from there."""
    zig = folder / "Lib/site-packages/ziglang/zig.exe"
    content = zig.read_bytes()
    (table,) = [entry for entry in directory(pe, zig, "IMPORT") if FILES.startswith(entry.dll)]
    zig.write_bytes(content.replace(FILES, OUR_FILES))
    ours = re.findall(r"^EXPORT int x_(\w+)\(", (SOURCES / "files.c").read_text("utf-8"), re.MULTILINE)
    names = [symbol.name.decode() for symbol in table.imports]
    lines = [f"{name} = {f'x_{name}' if name in ours else f'ntdll.{name}'}" for name in names]
    write_definition(folder / "files.def", OUR_FILES[:-1].decode(), lines)
    library = zig.with_name(OUR_FILES[:-1].decode())
    compile_library(folder, str(library), "-shared", SOURCES / "files.c", "files.def", "-lntdll")


def directory(pe: Any, file: Path, name: str) -> Any:
    """Return one of the tables of a library: of torch's, all would take minutes."""
    library = pe.PE(str(file), fast_load=True)
    library.parse_data_directories([pe.DIRECTORY_ENTRY[f"IMAGE_DIRECTORY_ENTRY_{name}"]])
    return getattr(library, f"DIRECTORY_ENTRY_{name}")


def write_definition(path: Path, library: str, lines: list[str]) -> None:
    """Write what a library exports, a name or `NAME = LIBRARY.NAME` a line."""
    path.write_text("\n".join([f"LIBRARY {library}", "EXPORTS", *lines]) + "\n", "utf-8")


def main() -> int:
    """Return 2 when something has to be installed first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if reason := missing():
        print(f"error: {reason}", file=sys.stderr)
        return 2
    if not options.wheel.is_file():
        parser.error(f"there is no wheel {options.wheel}: `python .ci/cross.py` builds one")
    folder = options.folder.resolve()
    if not (folder / "python3.dll").exists():
        make_python(folder)
        install(folder, "--no-deps", *TORCH)
        install(folder, *NEEDED, *TESTS, *COMPILER)
        compile_rest(folder)
    install(folder, "--no-deps", str(options.wheel))
    (folder / "python").write_text(PYTHON.format(folder=folder), "utf-8")
    (folder / "python").chmod(0o755)
    return 0


if __name__ == "__main__":
    sys.exit(main())
