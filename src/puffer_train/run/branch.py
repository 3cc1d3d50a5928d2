"""Branching: a new run that begins where another one was at some step."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from puffer_envs.contract.command_line import parse_number
from puffer_envs.contract.files import write_atomically
from puffer_train.errors import ConfigError
from puffer_train.report.formatting import short
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.terminal import lasting_console
from puffer_train.run.folders import new_folder
from puffer_train.run.launch import resumed_run
from puffer_train.run.replay import Replay, learner_of
from puffer_train.run.state import CHECKPOINTS, CHECKSUM_KEY, RunOptions, RunState
from puffer_train.storage import checkpoint
from puffer_train.storage.checksummed_json import seal
from puffer_train.storage.files import read_object, storing
from puffer_train.storage.folder import BEST, BEST_SCORE, CONFIG, METRICS
from puffer_train.system.ranks import is_launched


def parse_origin(text: str) -> tuple[Path, int | None]:
    """Return the folder and the agent steps in `RUN@12M`; None for the end of the run, where there is no `@`.

    Raises:
        ConfigError: What follows the `@` is no number of steps.
    """
    folder, at, steps = text.rpartition("@")
    if not at or Path(text).is_dir():
        return Path(text), None
    number = parse_number(steps)
    if type(number) is not int or number < 0:
        raise ConfigError(f"{text!r} names no step: write RUN@STEPS, such as runs/breakout-1@12M.")
    return Path(folder), number


@contextmanager
def branched_run(
    start_from: str,
    name: str | None,
    given: Mapping[str, object],
    origin: str,
    folder: Path | None,
    options: RunOptions,
) -> Iterator[RunState]:
    """Open a new run that continues another one from some step; that one stays as it is.

    Where nothing is changed it is, to the last bit, what the other run was or would have been. The step is that of the
    first iteration which ended at or after the one asked for. Where no checkpoint is there, the run is repeated from
    the one before, by one process: runs of several ranks can only be branched at their checkpoints. The ranks that
    torchrun started call it together, and rank 0 alone reads the run.

    Args:
        start_from: `RUN@STEPS`, or only the folder for the run's end.
        name: The environment's name, needed where it imports code.
        given: Settings to change, as tables for `config.overlay`.
        origin: Where they come from, for errors.
        folder: Where to write the new run; None for `runs/NAME-TIME`.
        options: As for `new_run`.

    Raises:
        UserError: The folder holds no run, or it was never at that step, or what is given does not fit it.
    """
    parent, at = parse_origin(start_from)
    child = Path()
    if not is_launched() or os.environ["RANK"] == "0":  # it sends the others what it reads
        run = Replay.of(parent, name, given, options)
        console = Console(quiet=True) if options.quiet else lasting_console()
        found = _state_at(run, run.last_steps if at is None else at, console)
        with new_folder(folder, run.source.name) as lock:
            child = lock.folder
            _fill(child, run, found, found.manifest["counters"]["steps"])
        if not is_launched():
            options = replace(options, learner=learner_of(run.saved, options.learner))
    with resumed_run(child, name, given, origin, options) as state:
        yield state


def _state_at(run: Replay, at: int, console: Console) -> checkpoint.Checkpoint:
    """Return what a checkpoint of the run at some step holds."""
    if at > run.last_steps:
        raise ConfigError(f"{run.folder} was trained for {run.last_steps} steps: it cannot be continued from {at}.")
    found = run.at_or_after(at)
    if found is not None:
        return found
    if run.ranks > 1 or is_launched():
        where = f"{run.folder} has no checkpoint at {short(at)} steps"
        if run.ranks == 1:
            raise ConfigError(f"{where}, and torchrun repeats no run: branch it in one process, then --resume that.")
        known = ", ".join(str(checkpoint.steps_of(p)) for p in checkpoint.list_checkpoints(run.folder / CHECKPOINTS))
        raise ConfigError(f"{where}, and runs of several ranks cannot be repeated: branch it at one of {known} steps.")
    start = run.start(at)
    begin = 0 if start is None else start.manifest["counters"]["steps"]
    line = f"{run.folder} has no checkpoint at {short(at)} steps: it is repeated from {short(begin)} on."
    console.print(line, soft_wrap=True, markup=False, highlight=False)
    return run.advance(start, at)


def _fill(child: Path, run: Replay, found: checkpoint.Checkpoint, steps: int) -> None:
    """Write into an empty folder what a run that was stopped at this step would have left there."""
    checkpoint.save(child / CHECKPOINTS, steps, found.tensors, _without_sums(found.manifest))
    with suppress(OSError):  # a run without its curve is still a run
        (child / METRICS).write_bytes((run.folder / METRICS).read_bytes())
        with MetricsFile(child / METRICS, steps):
            pass  # the lines beyond are removed
    with suppress(OSError, ValueError, KeyError, TypeError):
        if read_object(run.folder / BEST_SCORE)["steps"] <= steps:
            for name in (BEST, BEST_SCORE):
                (child / name).write_bytes((run.folder / name).read_bytes())
    content = run.saved | {
        "settings": run.settings(steps).as_dict(),
        "parent": {"run": str(run.folder), "steps": steps},
        "history": [],
    }
    content.pop(CHECKSUM_KEY, None)
    with storing(child / CONFIG):
        write_atomically(child / CONFIG, seal(content, CHECKSUM_KEY))


def _without_sums(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest without what `checkpoint.save` adds."""
    added = {"format", "tensors_bytes", "tensors_sha256"}
    return {key: value for key, value in manifest.items() if key not in added}
