"""Removing the folders of runs, packing them into archives, and unpacking these again."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from puffer_envs.contract.files import replace, sync_folder
from puffer_train.errors import ConfigError
from puffer_train.storage.discovery import find_runs
from puffer_train.storage.files import storing
from puffer_train.storage.folder import CONFIG, read_config
from puffer_train.storage.lock import LOCK, FolderLock, find_holder

ARCHIVE = "archive"
"""The folder of archives, beside the runs."""

SUFFIX = ".tar.gz"


def check_removable(folder: Path) -> None:
    """Check that a folder is a run and nothing else, and that nobody works in it.

    Raises:
        ConfigError: It is not, or somebody does.
    """
    read_config(folder)
    holder = find_holder(folder)
    if holder is not None:
        raise ConfigError(f"{folder} is live ({holder}): stop it first.")
    if folder.is_symlink():
        raise ConfigError(f"{folder} is a link: name the folder that it leads to.")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise ConfigError(f"{folder} is the current folder or above it: change to another one first.")
    inside = [run for path in folder.iterdir() if path.is_dir() for run in find_runs([path])]
    if inside:
        raise ConfigError(f"{folder} holds other runs, such as {inside[0]}: move them out first.")


def size_of(folder: Path) -> int:
    """Return the bytes of all files in a folder and below."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())


def remove_run(folder: Path) -> None:
    """Remove the folder of a run.

    It disappears in one step: what is left of it if this is killed has a hidden name, and is swept next time.

    Raises:
        ConfigError: It is not only a run, or somebody works in it.
        StorageError: The disk refuses.
    """
    check_removable(folder)
    with storing(f"in {folder.parent}"):
        with FolderLock(folder):
            pass
        replace(folder, folder.with_name(f".{folder.name}.removed"))
        for hidden in folder.parent.glob(".*.removed"):
            shutil.rmtree(hidden)


def archive_run(folder: Path) -> Path:
    """Pack a run into `archive/NAME.tar.gz` beside it, check that the archive can be read, and remove the folder.

    Returns:
        The archive, which `restore_run` and any tar unpack.

    Raises:
        ConfigError: There is such an archive already, or the folder cannot be removed.
        StorageError: The disk refuses.
    """
    check_removable(folder)
    path = folder.parent / ARCHIVE / f"{folder.name}{SUFFIX}"
    if path.exists():
        raise ConfigError(f"{path} exists already: rename it, or the run.")
    partial = path.with_name(f".{path.name}.tmp")
    with storing(path), FolderLock(folder):
        path.parent.mkdir(exist_ok=True)
        try:
            with tarfile.open(partial, "w:gz", compresslevel=6) as archive:
                for file in sorted(folder.rglob("*")):
                    if file.name != LOCK and not file.name.endswith(".tmp"):
                        archive.add(file, f"{folder.name}/{file.relative_to(folder).as_posix()}", recursive=False)
            _check_readable(partial)
            _sync(partial)
            replace(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        sync_folder(path.parent)
    remove_run(folder)
    return path


def restore_run(path: Path) -> Path:
    """Unpack an archived run, beside the folder `archive` or else beside the archive, and remove the archive.

    Returns:
        The folder of the run.

    Raises:
        ConfigError: It is not the archive of a run, or the folder exists.
        StorageError: The disk refuses.
    """
    beside = path.parent.parent if path.parent.name == ARCHIVE else path.parent
    hidden = beside / f".{path.name}.tmp"
    try:
        with tarfile.open(path, "r:gz") as archive:
            every = [(member, _safe(member, path)) for member in archive if member.isfile() or _is_inner_link(member)]
            members = sorted(every, key=lambda found: found[0].issym())
            names = {place.parts[0] for _, place in members}
            if len(names) != 1 or PurePosixPath(*names, CONFIG) not in {place for _, place in members}:
                raise ConfigError(f"{path} is not the archive of a run: it holds no {CONFIG}.")
            (name,) = names
            if (beside / name).exists():
                raise ConfigError(f"{beside / name} exists already: rename it first.")
            with storing(hidden):
                shutil.rmtree(hidden, ignore_errors=True)
                for member, place in members:
                    _extract(archive, member, hidden / place)
                replace(hidden / name, beside / name)
        with storing(path):  # which is closed by now: Windows removes no open file
            path.unlink()
        return beside / name
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file.") from None
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, OSError) as error:
        raise ConfigError(f"{path} cannot be read as an archive: {error}.") from error
    finally:
        with suppress(OSError):
            shutil.rmtree(hidden, ignore_errors=True)


def _safe(member: tarfile.TarInfo, path: Path) -> PurePosixPath:
    """Return where a member belongs. Raises `ConfigError` if that is outside of one folder."""
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts or len(place.parts) < 2 or place.parts[0].startswith("."):
        raise ConfigError(f"{path} is not the archive of a run: it holds {member.name[:80]!r}.")
    return place


def _is_inner_link(member: tarfile.TarInfo) -> bool:
    """Whether a member is a symbolic link to something in the same folder or below it; others are left out."""
    to = PurePosixPath(member.linkname)
    return member.issym() and not to.is_absolute() and ".." not in to.parts


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        target.symlink_to(member.linkname)
        return
    source = archive.extractfile(member)
    assert source is not None
    with source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    os.utime(target, (member.mtime, member.mtime))


def _check_readable(path: Path) -> None:
    """Read an archive to its end, so that its checksum is compared. Raises `OSError`."""
    with gzip.open(path) as file:
        for _ in _blocks(file):
            pass


def _blocks(file: gzip.GzipFile) -> Iterator[bytes]:
    while block := file.read(1 << 20):
        yield block


def _sync(path: Path) -> None:
    with path.open("r+b") as file:  # Windows syncs only what can be written to
        os.fsync(file.fileno())
