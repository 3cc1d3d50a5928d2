"""The records that rank 0 keeps of a run: its configuration, metrics, loggers and README."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from puffer_train.errors import StorageError
from puffer_train.report.loggers import Loggers, open_logger
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.readme import write_readme
from puffer_train.run.failures import FAILURE
from puffer_train.run.film import obstacle
from puffer_train.run.state import RunState
from puffer_train.run.stopping import end_reason
from puffer_train.storage.files import storing
from puffer_train.storage.folder import METRICS, read_config


@contextmanager
def reporting(run: RunState) -> Iterator[Loggers]:
    """Open the run's records, print what is about to happen, and write down how it ended."""
    run.write_config()
    run.write_network()
    (run.folder / FAILURE).unlink(missing_ok=True)
    with _record_outcome(run), _open_loggers(run) as log:
        if run.ranks.count > 1:
            run.say(f"{run.ranks.count} ranks train together. This is rank 0.")
        run.say(run.ppo.learner.work)
        run.ppo.health.on_skip = lambda fault: run.say(f"update skipped: {fault}")
        run.ppo.health.on_absurd = lambda what: run.warn(f"This run will hardly learn: {what}.")
        _check_video(run)
        yield log


def _check_video(run: RunState) -> None:
    """Find out before the training whether a video can follow it, and print that."""
    run.no_video = obstacle(run.source.name, run.settings.env) if run.options.video else "--no-video"
    if run.no_video is None:
        run.say("A video of a game follows the training (--no-video leaves it out).")
    elif run.options.video:
        run.say(f"No video will follow the training: {run.no_video.removesuffix('.')}.")


def _open_loggers(run: RunState) -> Loggers:
    """Open the metrics file and the loggers that were asked for."""
    path = run.folder / METRICS
    with storing(path):
        run.metrics = MetricsFile(path, run.resumed_at, run.warn)
    config = read_config(run.folder)
    others = {name: open_logger(name, run.folder, config, run.resumed_at, run.say) for name in run.options.log}
    return Loggers({METRICS: run.metrics, **others}, run.warn)


@contextmanager
def _record_outcome(run: RunState) -> Iterator[None]:
    """Write down how this process ended, and the README, however it ends."""
    failed = False
    try:
        yield
    except Exception:
        failed = True
        raise
    finally:
        try:
            ended = run.outcome(failed)
            run.write_config(ended, end_reason(run) if ended == "finished" else "")
            with storing(run.folder / "README.md"):
                write_readme(run.folder)
        except StorageError as error:
            run.warn(str(error))
