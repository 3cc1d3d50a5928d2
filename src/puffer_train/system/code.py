"""Which code made a result: SHA-256 sums of source files and extension modules, for a run's identity."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("puffer_envs", "puffer_train")
"""Packages whose sources decide a run's numbers."""

EXTENSIONS = ("puffer_envs._signals", "puffer_train._kernels")
"""Their extension modules. `puffer_envs._core` is missing on purpose: it is the code of the C environments."""

INSTALLED = ("site-packages", "dist-packages")
"""Folders of what pip installs, as are those with a `.dist-info` (`pip install --target`): imports in them are not
followed."""


@functools.cache
def package_hash() -> str | None:
    """Return the SHA-256 of this package's own code, None where it cannot be read. About 20 ms, once per process."""
    files: dict[str, Path] = {}
    for name in PACKAGES:
        root = _origin(name)
        if root is None:
            return None
        files |= {f"{name}/{path.relative_to(root.parent).as_posix()}": path for path in root.parent.rglob("*.py")}
    for name in EXTENSIONS:
        path = _origin(name)
        if path is not None:
            files[name] = path
    return _hash_named(files)


@functools.cache
def hash_files(paths: tuple[Path, ...]) -> str | None:
    """Return one SHA-256 of the names and the content of files, None where there are none or one cannot be read.

    The result of the first call in a process is kept: it is the code that the process has loaded.
    """
    if not paths:
        return None
    folder = os.path.commonpath([path.parent for path in paths])
    return _hash_named({Path(os.path.relpath(path, folder)).as_posix(): path for path in paths})


def module_files(name: str) -> tuple[Path, ...]:
    """Return the files that a module's behaviour depends on: its own, or all of the package folder that holds it.

    Unless it is installed, the modules that lie beside it and that it imports count as well, and what those import.
    """
    path = _origin(name)
    if path is None:
        return ()
    found = {path}
    if "." in name or path.name == "__init__.py":
        found |= {file for suffix in ("*.py", "*.so", "*.pyd") for file in path.parent.rglob(suffix)}
    return tuple(sorted(found | _imported(found, _root(name, path))))


def _root(name: str, path: Path) -> Path:
    """Return the folder that absolute imports of a module begin at."""
    depth = name.count(".") + (path.name == "__init__.py")
    return path.parents[min(depth, len(path.parents) - 1)]


def _imported(files: set[Path], root: Path) -> set[Path]:
    """Return the files of the modules below `root` that files import, directly or not."""
    installed = set(root.parts) & set(INSTALLED) or any(root.glob("*.dist-info"))
    if installed or root == Path(os.__file__).parent:
        return set()
    found: set[Path] = set()
    waiting = sorted(files)
    while waiting:
        fresh = set(_imports(waiting.pop(), root)) - found - files
        found |= fresh
        waiting += sorted(fresh)
    return found


def _imports(file: Path, root: Path) -> Iterator[Path]:
    """Yield the files below `root` that the imports in a file name, with the `__init__.py` of each package passed."""
    try:
        nodes = list(ast.walk(ast.parse(file.read_bytes()))) if file.suffix == ".py" else []
    except (OSError, SyntaxError, ValueError):
        return
    for node in nodes:
        if isinstance(node, ast.Import):
            named = [(root, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base, start = file.parents[node.level - 1] if node.level else root, node.module or ""
            named = [(base, f"{start}.{alias.name}".lstrip(".")) for alias in node.names]
        else:
            continue
        for base, dotted in named:
            place = base
            for part in dotted.split("."):
                place /= part
                yield from filter(Path.is_file, (place.with_name(f"{part}.py"), place / "__init__.py"))


def _origin(module: str) -> Path | None:
    """Return the file of a module, without importing it where its package is imported already."""
    if module == "__main__":  # a script, which can also be a file without a name, such as a notebook's cell
        script = getattr(sys.modules[module], "__file__", None)
        return None if script is None else Path(script)
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):  # no such module; one without a spec, such as a script
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None and Path(spec.origin).is_file() else None


def _hash_named(files: dict[str, Path]) -> str | None:
    total = hashlib.sha256()
    try:
        for name, path in sorted(files.items()):
            total.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    except OSError:
        return None
    return total.hexdigest()
