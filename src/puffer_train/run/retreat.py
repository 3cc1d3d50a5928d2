"""Going back: a run that can no longer learn returns to its last good checkpoint with half the step length."""

from __future__ import annotations

from contextlib import suppress

from puffer_train.errors import CheckpointError, NonFiniteError, StorageError
from puffer_train.report.formatting import short
from puffer_train.run.failures import dump
from puffer_train.run.folders import share_checkpoint
from puffer_train.run.restoring import restore
from puffer_train.run.saving import save_or_warn
from puffer_train.run.state import RunState
from puffer_train.storage import checkpoint

MAX_RETREATS = 3
"""How often a run goes back before it stops."""


def iterate(run: RunState) -> dict[str, float]:
    """Train for an iteration, after going back where that is necessary; return its report. All ranks call it together.

    The report is empty where the iteration was interrupted (`PPO.iterate`).

    Raises:
        NonFiniteError: Ten updates in a row were skipped, and going back is impossible or did not help.
        EnvironmentFailedError: The environment raised.
    """
    while True:
        try:
            report = run.ppo.iterate()
            return report | ({"retreats": run.retreats} if report and run.retreats else {})
        except NonFiniteError:
            if not _retreat(run, run.ppo.health.fault or ""):
                raise


def _retreat(run: RunState, fault: str) -> bool:
    """Go back to the last good checkpoint; return whether there is one, and it was not done too often already."""
    if run.retreats >= MAX_RETREATS:
        return False
    ppo, failed_at, times, scale = run.ppo, run.ppo.steps, run.retreats + 1, run.ppo.step_scale / 2
    found = share_checkpoint(run.ranks, _last_good(run) if run.ranks.leads else None)
    if found is None:
        return False
    dumped = dump(run, fault) if run.ranks.leads else ""
    ppo.stop_collecting()
    ppo.collector.log()  # what was played ahead is not part of the run
    restore(run, found, {str(name) for name in run.settings.env})
    ppo.step_scale, run.retreats, run.saved_at = scale, times, None
    if run.ranks.leads:
        _rewind_folder(run, found)
        run.warn(
            f"Too many updates in a row were skipped: {fault}. {dumped} Training continues from {short(ppo.steps)} "
            f"steps with {scale:g} of the learning rates (time {times} of {MAX_RETREATS})."
        )
        run.notes.append({"failed_at": failed_at, "back_to": ppo.steps, "step_scale": scale, "fault": fault})
        with suppress(StorageError):
            run.write_config()
    save_or_warn(run)  # so that a run that is killed now resumes with the shorter steps
    if run.ranks.leads and run.saved_at is not None:
        checkpoint.remove(found.path)
    return True


def _last_good(run: RunState) -> checkpoint.Checkpoint | None:
    """Return the newest checkpoint at which nothing was being skipped."""
    for path in reversed(checkpoint.list_checkpoints(run.checkpoints)):
        with suppress(CheckpointError):
            found = checkpoint.load(path)
            if found.manifest["counters"]["skipped_in_a_row"] == 0:
                return found
    return None


def _rewind_folder(run: RunState, found: checkpoint.Checkpoint) -> None:
    """Remove checkpoints and lines of metrics from after a checkpoint."""
    for path in checkpoint.list_checkpoints(run.checkpoints):
        if path.name > found.path.name:
            checkpoint.remove(path)
    if run.metrics is not None:
        with suppress(OSError):
            run.metrics.cut(run.ppo.steps)
