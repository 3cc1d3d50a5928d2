"""The build backend of packages with C environments, which `puffer-envs new` writes (PEP 517, PEP 660).

Their pyproject.toml has `build-backend = "puffer_envs.packaging"`, the usual table `[project]`, and their C files:

    [tool.puffer-envs]
    environments = ["my_game.h"]

The wheel holds a library of each, compiled for any processor of this machine's kind, with the drawing and the settings
that lie beside the file; and an entry point, by which every command finds the environments under their plain names.
"""

from __future__ import annotations

import base64
import hashlib
import io
import platform
import re
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from puffer_envs.compiling import ENDINGS, CompileError, build_library, find_compilers
from puffer_envs.contract.offers import GROUP
from puffer_envs.library import get_include

TABLE = "puffer-envs"
BESIDE = (".py", ".toml")
"""Endings of the files beside a C file that belong to it: its drawing and its settings."""
PLAIN = {"name": "Name", "version": "Version", "description": "Summary", "requires-python": "Requires-Python"}
PLAIN |= {"license": "License-Expression"}
LISTS = {"classifiers": "Classifier", "dependencies": "Requires-Dist"}
OTHERS = ("authors", "keywords", "readme", "urls")
"""What [project] may have besides; anything else is refused rather than lost."""
NOT_SHIPPED = ("build", "dist", "runs", "wheelhouse", "__pycache__")
"""Folders that no source distribution holds."""

MODULE = '''"""C environments for puffer-envs, which finds this module by its entry point."""

from pathlib import Path

from puffer_envs import load_library, make, settings_file

FOLDER = {folder}
NAMES = [load_library(FOLDER / file, installed=True) for file in {files}]


def list_envs():
    """The names of these environments."""
    return NAMES
'''


def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Return what a build needs besides: a compiler from a wheel, where this machine has none."""
    del config_settings
    return [] if find_compilers() else ["ziglang>=0.13"]


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel of the package in the current folder, and return its file name."""
    del config_settings, metadata_directory
    package = _read_package(Path.cwd())
    files: dict[str, bytes] = {}
    names = []
    for code in package.code:
        library = code.with_suffix(ENDINGS.get(sys.platform, ".so")).name
        names.append(library)
        files[library] = _compile(code)
        beside = [code.with_suffix(ending) for ending in BESIDE]
        files |= {file.name: file.read_bytes() for file in beside if file.is_file()}
    files["__init__.py"] = MODULE.format(folder="Path(__file__).parent", files=names).encode()
    return _write_wheel(Path(wheel_directory), package, f"py3-none-{_platform_tag()}", files)


def build_editable(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel that refers to the current folder, whose files are compiled when they have changed."""
    del config_settings, metadata_directory
    package = _read_package(Path.cwd())
    names = [str(code.relative_to(package.folder)) for code in package.code]
    module = MODULE.format(folder=f"Path({str(package.folder)!r})", files=names)
    return _write_wheel(Path(wheel_directory), package, "py3-none-any", {"__init__.py": module.encode()})


def build_sdist(sdist_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Pack the current folder, without what is hidden or was made from it, and return the file's name."""
    del config_settings
    package = _read_package(Path.cwd())
    stem = f"{package.stem}-{package.version}"
    with tarfile.open(Path(sdist_directory) / f"{stem}.tar.gz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(package.folder.rglob("*")):
            parts = path.relative_to(package.folder).parts
            hidden = any(part.startswith(".") or part in NOT_SHIPPED for part in parts)
            if path.is_file() and not hidden and path.suffixes[-2:] != [".tar", ".gz"]:
                archive.add(path, "/".join((stem, *parts)), recursive=False)
        about = tarfile.TarInfo(f"{stem}/PKG-INFO")
        about.size = len(package.metadata)
        archive.addfile(about, io.BytesIO(package.metadata))
    return f"{stem}.tar.gz"


@dataclass(frozen=True)
class Package:
    """What pyproject.toml says."""

    folder: Path
    stem: str
    """Its name as file names have it."""
    version: str
    code: list[Path]
    """The C files."""
    metadata: bytes
    """As PyPI wants it."""


def _read_package(folder: Path) -> Package:
    tables = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    project = tables.get("project", {})
    known = (*PLAIN, *LISTS, *OTHERS)
    for key in project:
        if key not in known:
            _refuse(f"project.{key} is not supported by {__name__}: {', '.join(known)}")
    for key in ("name", "version"):
        if not isinstance(project.get(key), str):
            _refuse(f"project.{key} is missing: it must be text")
    names = tables.get("tool", {}).get(TABLE, {}).get("environments")
    if not names or not isinstance(names, list):
        _refuse(f'[tool.{TABLE}] must have the C files of the environments, as in environments = ["my_game.h"]')
    code = [folder / str(name) for name in names]
    for file in code:
        if not file.is_file():
            _refuse(f"tool.{TABLE}.environments: there is no file {file}")
    stem = re.sub(r"[-_.]+", "_", project["name"]).lower()
    return Package(folder, stem, project["version"], code, _metadata(project, folder))


def _metadata(project: Mapping[str, Any], folder: Path) -> bytes:
    lines = ["Metadata-Version: 2.4"]
    lines += [f"{header}: {' '.join(str(project[key]).split())}" for key, header in PLAIN.items() if key in project]
    for author in project.get("authors", []):
        name, email = author.get("name"), author.get("email")
        both = f"{name} <{email}>" if name and email else name or email
        lines.append(f"Author-email: {both}" if email else f"Author: {both}")
    if "keywords" in project:
        lines.append(f"Keywords: {','.join(project['keywords'])}")
    lines += [f"Project-URL: {label}, {url}" for label, url in project.get("urls", {}).items()]
    lines += [f"{header}: {value}" for key, header in LISTS.items() for value in project.get(key, [])]
    if "readme" not in project:
        return ("\n".join(lines) + "\n").encode()
    readme = project["readme"]
    kind = "text/markdown" if str(readme).endswith(".md") else "text/plain"
    text = (folder / str(readme)).read_text("utf-8")
    return "\n".join([*lines, f"Description-Content-Type: {kind}; charset=UTF-8", "", text]).encode()


def _compile(code: Path) -> bytes:
    with tempfile.TemporaryDirectory(prefix="puffer-") as scratch:
        library = Path(scratch) / "made"
        try:
            build_library(code, Path(get_include()), library)
        except CompileError as error:
            _refuse(str(error))
        return library.read_bytes()


def _platform_tag() -> str:
    """Return the kind of machine that a library compiled here is for."""
    tag = sysconfig.get_platform()
    tag = tag.replace("universal2", platform.machine())  # the compiler makes code for one of the two
    return re.sub(r"[-. ]", "_", tag)


def _write_wheel(folder: Path, package: Package, tag: str, files: Mapping[str, bytes]) -> str:
    """Write a wheel whose module has these files."""
    module, about = f"puffer_{package.stem}", f"{package.stem}-{package.version}.dist-info"
    root = f"Root-Is-Purelib: {str(tag.endswith('-any')).lower()}"
    contents = {f"{module}/{name}": data for name, data in files.items()}
    contents[f"{about}/METADATA"] = package.metadata
    contents[f"{about}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: {__name__}\n{root}\nTag: {tag}\n".encode()
    contents[f"{about}/entry_points.txt"] = f"[{GROUP}]\n{package.stem} = {module}\n".encode()
    record = [f"{name},sha256={_digest(data)},{len(data)}" for name, data in contents.items()]
    contents[f"{about}/RECORD"] = "\n".join([*record, f"{about}/RECORD,,\n"]).encode()
    name = f"{package.stem}-{package.version}-{tag}.whl"
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            entry = zipfile.ZipInfo(path)  # with a fixed date, so that the same files make the same wheel
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return name


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _refuse(sentence: str) -> NoReturn:
    """End the build; pip shows the sentence."""
    raise SystemExit(f"pyproject.toml: {sentence}")
