"""What people attach to a run: tags and a note, in `labels.json` of its folder."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from puffer_envs.contract.files import write_atomically
from puffer_train.errors import ConfigError
from puffer_train.storage.files import storing

LABELS = "labels.json"


@dataclass(frozen=True)
class Labels:
    """Tags and note of a run."""

    tags: tuple[str, ...] = ()
    """Sorted, each once."""
    note: str = ""
    """Any text."""


def read_labels(folder: Path) -> Labels:
    """Return the labels of a run; none where the file is missing or damaged."""
    try:
        found = json.loads((folder / LABELS).read_text("utf-8"))
        return Labels(tuple(sorted({str(tag) for tag in found["tags"]})), str(found["note"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Labels()


def write_labels(folder: Path, labels: Labels) -> None:
    """Write the labels of a run. Raises `StorageError`."""
    path = folder / LABELS
    with storing(path):
        if labels == Labels():
            path.unlink(missing_ok=True)
        else:
            write_atomically(path, (json.dumps(asdict(labels), indent=2) + "\n").encode())


def check_tag(tag: str) -> str:
    """Return a tag. Raises `ConfigError` for one that a filter could not name."""
    if not re.fullmatch(r"[\w.+-]+", tag):
        raise ConfigError(f"tag {tag!r}: it may have letters, digits, '.', '_', '+' and '-'. Choose such a word.")
    return tag
