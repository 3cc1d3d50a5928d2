"""The process in which an environment is checked; `isolation` starts it and reads its messages."""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from puffer_envs.conformance import blame, heartbeat
from puffer_envs.conformance.subject import Subject, subject
from puffer_envs.conformance.suite import check_name, checks_of, run_checks
from puffer_envs.driver import code_of, sanitizing_compiler
from puffer_envs.library import load_library


def main() -> None:
    """Read a request from standard input, and write messages to standard output."""
    request = json.loads(sys.stdin.buffer.read())
    with _own_output() as out, open(request["trace"], "w", encoding="utf-8") as trace:  # noqa: PTH123 - faulthandler keeps the file
        faulthandler.enable(trace)
        heartbeat.keep(Path(request["trace"] + ".beat"))
        faulthandler.dump_traceback_later(request["time_limit"], exit=True, file=trace)
        found = _find(request, out)
        if found is not None:
            _check(found, request, out, trace)
        faulthandler.cancel_dump_traceback_later()
        _say(out, "end", {})
        out.flush()
        os._exit(0)  # do not wait for threads and handlers that the user's code left behind


@contextlib.contextmanager
def _own_output() -> Any:
    """Keep standard output to ourselves: the user's code prints to standard error, and reads nothing."""
    with os.fdopen(os.dup(1), "w") as out, open(os.devnull, "rb") as nothing:  # noqa: PTH123
        os.dup2(2, 1)
        os.dup2(nothing.fileno(), 0)
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115 - the old one is closed with the process
        yield out


def _say(out: TextIO, kind: str, content: dict[str, Any]) -> None:
    out.write(json.dumps({"kind": kind, "content": content}) + "\n")
    out.flush()


def _find(request: dict[str, Any], out: TextIO) -> Subject | None:
    _say(out, "begin", {"check": "start"})  # importing the user's module may hang too
    try:
        for library in request["libraries"]:
            load_library(library)
        found = subject(request["name"], request["steps"], request["time_limit"], **request["settings"])
        if request["sanitize"]:
            sanitizing_compiler(code_of(found.name, "--sanitize"))  # if there is none, that is no fault of the code
            found.sanitize = True
    except (Exception, SystemExit) as error:
        _say(out, "mistake", {"message": _reason(error, request["name"])})
        return None
    found.isolated = True
    checks = [check_name(check) for check in checks_of(found)]
    _say(out, "announcement", {"kind": found.kind, "checks": checks})
    return found


def _reason(error: BaseException, name: str) -> str:
    """Why there is nothing to check: our own message, or else the exception and its place in the user's files."""
    if blame.raised_by_us(error):
        return str(error)
    where = blame.where("".join(traceback.format_exception(error)))
    return f"{name} cannot be imported: {type(error).__name__}: {error}" + (f" ({where[-1]})" if where else "")


def _check(s: Subject, request: dict[str, Any], out: TextIO, trace: TextIO) -> None:
    done = dict(request["done"])
    failed = [name for name, status in done.items() if status == "failed"]
    for check in checks_of(s):
        name = check_name(check)
        if name in done:
            continue
        _say(out, "begin", {"check": name})
        faulthandler.dump_traceback_later(request["time_limit"], exit=True, file=trace)
        for result in run_checks(s, [check], failed):
            faulthandler.cancel_dump_traceback_later()
            _say(out, "result", asdict(result))
            failed += [name] if result.status == "failed" else []
        if s.steps != request["steps"]:
            _say(out, "steps", {"steps": s.steps})
            request["steps"] = s.steps
