"""The newest policy of a run that is still training, read again whenever it is replaced."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from puffer_envs.contract.names import suggest_nearest
from puffer_envs.policy import NumpyPolicy, PolicyError, load_policy
from puffer_render.errors import RenderError
from puffer_render.sources import NEWEST, POLICY

METRICS = "metrics.jsonl"
"""The numbers of a run, one JSON object a line."""
TAIL_BYTES = 65_536
"""Of metrics.jsonl are read: several lines."""
POLL_SECONDS = 0.5
"""Between two looks at the folder, which may be on another machine."""
FOLDER_SECONDS = 30
"""How long a folder may be missing: the training may just be starting."""
PATIENCE = 4
"""Looks at a file that stays as it is, before it counts as one that cannot be played."""
SUFFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))

Identity = tuple[Path, int, int, int]
"""Path, inode, time of change and size: another file differs in at least one."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    finished: bool
    """Whether the policy is the one that a run leaves at its end."""
    written: float
    """When its file was written, seconds since 1970."""
    numbers: dict[str, float] = field(default_factory=dict)
    """The last line of metrics.jsonl: `steps`, `env/score` and the like; empty without such a file."""

    def describe(self, now: float | None = None) -> str:
        """`12.4 M steps, score 312, 3 s old`, as far as it is known. now: seconds since 1970."""
        age = max(0.0, (time.time() if now is None else now) - self.written)
        parts = [f"{_short(self.numbers['steps'])} steps"] if "steps" in self.numbers else []
        parts += [f"score {self.numbers['env/score']:.4g}"] if "env/score" in self.numbers else []
        return ", ".join([*parts, "finished" if self.finished else f"{_duration(age)} old"])


class Follower:
    """Looks at a run folder every now and then.

    While it trains, a run replaces its newest policy every few seconds; at its end it leaves the final one. The one
    that was written last is followed, so a run that is resumed is followed again.
    """

    def __init__(self, folder: Path, seed: int = 0) -> None:
        """seed: of the policy's draws."""
        self.folder, self._seed = folder, seed
        self.progress: Progress | None = None
        """None until a policy was found."""
        self._seen: Identity | None = None
        self._due = 0.0
        self._unread: Identity | None = None
        self._looks = 0

    def wait(self) -> NumpyPolicy:
        """The first policy, as soon as there is one.

        Raises RenderError where the folder cannot be one of a run, or its policy cannot be played.
        """
        said, began = False, time.monotonic()
        while (policy := self.poll()) is None:
            self._check_folder(time.monotonic() - began)
            if not said:
                print(f"waiting for {self.folder / NEWEST}; Ctrl-C ends", file=sys.stderr, flush=True)
                said = True
            time.sleep(POLL_SECONDS)
        return policy

    def _check_folder(self, waited: float) -> None:
        """Raise where no run can be, or where there is still no folder: its name may be wrong."""
        if self.folder.exists() and not self.folder.is_dir():
            raise RenderError(f"--follow {self.folder}: it is a file. Name the folder of a run.")
        if not self.folder.exists() and waited > FOLDER_SECONDS:
            beside = [path.name for path in self.folder.parent.glob("*") if path.is_dir()]
            meant = suggest_nearest(self.folder.name, beside)
            raise RenderError(f"--follow {self.folder}: there is no such folder after {FOLDER_SECONDS} s.{meant}")

    def poll(self) -> NumpyPolicy | None:
        """The newest policy if it is another one than last time; looks at most every POLL_SECONDS.

        Raises RenderError where the first one cannot be played.
        """
        now = time.monotonic()
        if now < self._due:
            return None
        self._due = now + POLL_SECONDS
        found = max(
            filter(None, map(_identify, (self.folder / NEWEST, self.folder / POLICY))), key=_written, default=None
        )
        if found is None or found == self._seen:
            return None
        try:
            policy = load_policy(found[0], self._seed)
        except (PolicyError, OSError) as error:  # it is being copied here, or was replaced just now
            self._looks = self._looks + 1 if found == self._unread else 1
            self._unread = found
            if self._looks > PATIENCE and self._seen is None:
                raise RenderError(str(error)) from None
            return None
        self._seen = found
        self.progress = Progress(found[0].name == POLICY, _written(found) / 1e9, read_numbers(self.folder))
        return policy


def _identify(path: Path) -> Identity | None:
    """What tells a file from the one that replaces it; None where there is none."""
    try:
        about = path.stat()
    except OSError:
        return None
    return path, about.st_ino, about.st_mtime_ns, about.st_size


def _written(identity: Identity) -> int:
    """When a file was written, nanoseconds since 1970."""
    return identity[2]


def read_numbers(folder: Path) -> dict[str, float]:
    """The last whole line of metrics.jsonl; {} without one."""
    try:
        with (folder / METRICS).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().splitlines()
    except OSError:
        return {}
    return next(filter(None, map(_parse, reversed(lines))), {})


def _parse(line: bytes) -> dict[str, float]:
    try:
        numbers: Any = json.loads(line)
        return {key: float(value) for key, value in numbers.items() if isinstance(value, int | float)}
    except (ValueError, AttributeError, OverflowError, RecursionError):  # incomplete, or nothing that we wrote
        return {}


def _short(number: float) -> str:
    for size, suffix in SUFFIXES:
        if number >= size:
            return f"{number / size:.3g} {suffix}"
    return f"{number:.0f}"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
