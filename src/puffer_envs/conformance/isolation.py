"""Run checks in a child process, so that an environment that hangs or crashes harms neither report nor caller."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from puffer_envs.conformance import blame, heartbeat
from puffer_envs.conformance.suite import Result, doc_of

GRACE_SECONDS = 10.0
"""A child exits when a check takes too long; if it has not done so after this much longer, it is killed."""
LOSSES = 2
"""After this many checks that hang or end the process, the rest is skipped."""
LAST_LINES = 3
"""Lines shown of what a child printed before it died."""


@dataclass(frozen=True)
class Request:
    """What a child is to check."""

    name: str
    """Of the environment: anything but a callable."""
    steps: int
    """Length of each trajectory."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the environment."""
    time_limit: float = 60.0
    """Seconds for each check."""
    sanitize: bool = False
    """Whether the code is checked too."""
    libraries: tuple[str, ...] = ()
    """Native environments to load first."""
    done: tuple[tuple[str, str], ...] = ()
    """(name, status) of checks that need not be run again."""


@dataclass(frozen=True)
class Announcement:
    """What is known of the environment before it is checked."""

    kind: str
    """Of the subject."""
    checks: tuple[str, ...]
    """Names of all checks that will be run."""


class MistakeError(ValueError):
    """There is nothing to check: a wrong name or setting, a missing package, or a module that cannot be imported."""


def check_isolated(request: Request) -> Iterator[Announcement | str | Result]:
    """Check an environment: first an announcement, then for each check its name as it begins, and its result.

    Raises:
        MistakeError: there is nothing to check.
    """
    announced: Announcement | None = None
    losses = 0
    while True:
        with tempfile.TemporaryDirectory(prefix="puffer-check-", ignore_cleanup_errors=True) as folder:
            child = _Child(request, Path(folder))
            running = ""
            for kind, content in child.messages():
                if kind == "announcement":
                    if announced is None:
                        announced = Announcement(content["kind"], tuple(content["checks"]))
                        yield announced
                elif kind == "begin":
                    running = content["check"]
                    yield running
                elif kind == "result":
                    result = Result(**content | {"where": tuple(content["where"])})
                    request = replace(request, done=(*request.done, (result.check, result.status)))
                    running = ""
                    yield result
                elif kind == "steps":
                    request = replace(request, steps=content["steps"])
                elif kind == "mistake":
                    raise MistakeError(content["message"])
                else:
                    return
            lost = child.post_mortem(running or "start")
        if not running:
            raise MistakeError(f"{request.name}: {lost.message}")
        yield lost
        request = replace(request, done=(*request.done, (running, lost.status)))
        losses += 1
        if announced is None:
            return
        if losses == LOSSES:
            yield from _left_out(announced, request)
            return


def _left_out(announced: Announcement, request: Request) -> Iterator[Result]:
    done = dict(request.done)
    for name in announced.checks:
        if name not in done:
            yield Result(name, doc_of(name), "skipped", f"{LOSSES} checks hung or ended the process; fix these first")


class _Child:
    """A process that runs `conformance.child`. It writes one message per line; what the user's code prints is kept."""

    def __init__(self, request: Request, folder: Path) -> None:
        self._request = request
        self._trace, self._printed = folder / "trace", folder / "printed"
        code = f"import sys; sys.path[:] = {sys.path!r}; from puffer_envs.conformance.child import main; main()"
        with self._printed.open("wb") as printed:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=printed
            )
        assert self._process.stdin
        with self._process.stdin as pipe, contextlib.suppress(OSError):
            pipe.write(json.dumps(asdict(request) | {"trace": str(self._trace)}).encode())

    def messages(self) -> Iterator[tuple[str, Any]]:
        """The child's messages until it exits. It is killed when this iterator ends, or if it is silent too long."""
        lines: queue.Queue[bytes] = queue.Queue()
        reader = threading.Thread(target=self._read, args=(lines,), daemon=True)
        reader.start()
        self.silent = False
        try:
            while line := lines.get(timeout=self._request.time_limit + GRACE_SECONDS):
                message = json.loads(line)
                yield message.pop("kind"), message.pop("content")
        except queue.Empty:
            self.silent = True
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0 if not self.silent else 0.0)
            self._ended = time.time()
            self._process.kill()
            self._process.wait()
            reader.join()
            assert self._process.stdout
            self._process.stdout.close()

    def _read(self, lines: queue.Queue[bytes]) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            lines.put(line)
        lines.put(b"")

    def post_mortem(self, check: str) -> Result:
        """The result of the check during which the child ended."""
        trace = self._trace.read_text("utf-8", "replace") if self._trace.exists() else ""
        limit = self._request.time_limit
        idle = self._ended - heartbeat.last(Path(f"{self._trace}.beat"))
        if "Timeout (" in trace and idle < limit / 3:
            message = (
                f"it was still playing when its {limit:g} s were over: too slow to tell whether it is right; give it "
                "more time (--timeout) or fewer steps (--steps)"
            )
            return Result(check, doc_of(check), "slow", message)
        if self.silent or "Timeout (" in trace:
            message = (
                f"it did not finish within {limit:g} s, and was stopped; if the environment is slow rather than stuck, "
                "give it more time (--timeout)"
            )
        else:
            status = self._process.returncode
            how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
            message = f"the process {how} during this check; an environment must not end its process"
            printed = self._printed.read_text("utf-8", "replace").strip()
            last = printed.splitlines()[-LAST_LINES:]
            message += f". It had printed: {' / '.join(last)}" if last else ""
            if report := blame.sanitizer_report(printed):
                return Result(check, doc_of(check), "failed", report.message, report.where)
        return Result(check, doc_of(check), "failed", message, blame.where(trace))
