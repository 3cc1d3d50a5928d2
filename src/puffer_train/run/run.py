"""The training loop of a run: iterate, report, save now and then, finish.

A run folder holds in the end:

- config.json: everything the run depends on
- metrics.jsonl: one line per iteration
- checkpoints: what `--resume` continues from
- README.md: what happened and what to do with it
- failure.txt: why the run ended, where the environment's own code failed
- policy.safetensors: the policy, for NumPy, players and `puffer-eval`
- evaluation.json: how it did in fresh full episodes
- replay.puf: one of its games, exactly
- video.mp4: the same game, to watch
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from puffer_train.errors import NonFiniteError, StorageError
from puffer_train.report.dashboard import Dashboard, Progress
from puffer_train.report.formatting import short
from puffer_train.report.loggers import Loggers, open_logger
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.readme import write_readme
from puffer_train.run.failures import FAILURE, saved_after_failure
from puffer_train.run.film import obstacle
from puffer_train.run.finish import finish
from puffer_train.run.saving import save, save_last, save_or_warn
from puffer_train.run.state import Run
from puffer_train.storage.files import storing
from puffer_train.storage.folder import METRICS, read_config
from puffer_train.system.signals import stop_requests


def train(run: Run) -> int:
    """Train until the steps are done or a signal asks to stop; return the exit status."""
    return _lead(run) if run.ranks.leads else _follow(run)


def _lead(run: Run) -> int:
    """Train and report as rank 0, which owns the folder and finishes the run."""
    run.write_config()
    (run.folder / FAILURE).unlink(missing_ok=True)
    with _record_outcome(run), _open_loggers(run) as log:
        if run.ranks.count > 1:
            run.say(f"{run.ranks.count} ranks train together. This is rank 0.")
        if run.trainer.finished:
            done, goal = short(run.trainer.steps), short(run.settings.train.steps)
            run.say(f"Nothing to train: {done} steps are done, and {goal} were asked for. To continue, raise --steps.")
        else:
            run.say(f"If this is killed, resume from its newest checkpoint with: {run.resume_command()}")
        _check_video(run)
        with saved_after_failure(run):
            _learn(run, log)
        _report_health(run)
        if run.trainer.finished:
            return finish(run, log)
        run.say(f"Stopped at {short(run.trainer.steps)} steps and saved. Resume with:")
        run.say(f"  {run.resume_command()}")
    run.ranks.wait()  # torchrun ends all as soon as one has left
    return 128 + run.stopped_by


def _check_video(run: Run) -> None:
    """Find out before the training whether a video can follow it, and print that."""
    run.no_video = obstacle(run.source.name, run.settings.env) if run.options.video else "--no-video"
    if run.no_video is None:
        run.say("A video of a game follows the training (--no-video leaves it out).")
    elif run.options.video:
        run.say(f"No video will follow the training: {run.no_video.removesuffix('.')}.")


def _follow(run: Run) -> int:
    """Train as one of the other ranks."""
    with stop_requests(repeated=True) as stop:
        try:
            for _ in _iterations(run, stop):
                if _is_due(run):
                    save(run)
            save(run)
        except NonFiniteError:
            run.ranks.end()
            run.ranks.wait()  # rank 0 is writing down why
            raise
    if run.trainer.finished:
        return 0
    run.ranks.wait()
    return 128 + run.stopped_by


def _learn(run: Run, log: Loggers) -> None:
    """Iterate, report and save."""
    trainer = run.trainer
    progress = Progress(run.source.name, str(run.folder), run.settings.train.steps, trainer.steps)
    with stop_requests(repeated=run.ranks.count > 1) as stop, Dashboard(progress, run.console) as dashboard:
        trainer.health.on_skip = lambda fault: dashboard.say(f"update skipped: {fault}")
        trainer.health.on_absurd = lambda what: dashboard.say(f"WARNING: this run will hardly learn: {what}.")
        for report in _iterations(run, stop):
            report["seconds"] = round(run.seconds_before + time.monotonic() - run.started, 3)
            log.write(trainer.steps, report)
            progress.update(trainer.steps, report, trainer.clock.seconds)
            dashboard.refresh()
            if _is_due(run):
                save_or_warn(run, dashboard.say)
        save_last(run)


def _report_health(run: Run) -> None:
    """Sum up the updates that were skipped or absurd: the warnings of the moment may be far above."""
    health = run.trainer.health
    if health.absurd:
        run.warn(f"{health.absurd} iterations were absurd. The last time {health.absurdity}.")
    if health.skipped:
        last = "" if health.fault is None else f" The last time {health.fault}."
        run.warn(f"{health.skipped} updates were skipped because a number was not finite.{last}")


def _iterations(run: Run, stop: list[int]) -> Iterator[dict[str, float]]:
    """Iterate until the steps are done or any rank got a signal; yield what there is to report."""
    while not run.trainer.finished:
        run.stopped_by = run.ranks.most(stop[0] if stop else 0)
        if run.stopped_by:
            run.ranks.end()
            return
        yield run.trainer.iterate()


def _is_due(run: Run) -> bool:
    """Whether this iteration ends with a checkpoint."""
    trainer, interval = run.trainer, run.settings.train.checkpoint_interval
    return trainer.steps // interval > (trainer.steps - trainer.batch) // interval


def _open_loggers(run: Run) -> Loggers:
    """Open the metrics file and the loggers that were asked for."""
    path = run.folder / METRICS
    with storing(path):
        metrics = MetricsFile(path, run.resumed_at, run.warn)
    run.seconds_before = metrics.seconds
    config = read_config(run.folder)
    others = {name: open_logger(name, run.folder, config, run.resumed_at, run.say) for name in run.options.log}
    return Loggers({METRICS: metrics, **others}, run.warn)


@contextmanager
def _record_outcome(run: Run) -> Iterator[None]:
    """Write down how this process ended, and the README, however it ends."""
    ended = "interrupted"
    try:
        yield
        ended = "finished" if run.trainer.finished else ended
    except Exception:
        ended = "failed"
        raise
    finally:
        try:
            run.write_config(ended)
            with storing(run.folder / "README.md"):
                write_readme(run.folder)
        except StorageError as error:
            run.warn(str(error))
