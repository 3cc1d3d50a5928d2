"""Training from the first step to the video: `train`, and `puffer-train` behind it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from puffer_train.report.dashboard import Dashboard
from puffer_train.report.progress import Progress, real_rate
from puffer_train.run import opening
from puffer_train.run.result import Run
from puffer_train.run.trainer import Trainer

OnIteration = Callable[[Trainer, dict[str, float]], object]
"""Called with the trainer and the report of each iteration."""


def train(
    environment: str | None = None,
    *,
    steps: int | None = None,
    max_seconds: float | None = None,
    stop_when: str | None = None,
    seed: int | None = None,
    settings: opening.GivenSettings = None,
    folder: str | Path | None = None,
    resume: str | Path | None = None,
    like: str | Path | None = None,
    start_from: str | None = None,
    on_iteration: OnIteration | None = None,
    **options: Any,
) -> Run:
    """Train a policy, evaluate it, record and film a game; return the run.

    It does what `puffer-train` does, in the same way: the same seed gives the same numbers.

    Args:
        environment: See `Trainer`.
        steps: See `Trainer`.
        max_seconds: See `Trainer`.
        stop_when: See `Trainer`.
        seed: See `Trainer`.
        settings: See `Trainer`.
        folder: See `Trainer`.
        resume: See `Trainer`.
        like: See `Trainer`.
        start_from: See `Trainer`.
        on_iteration: Called after every iteration with the trainer and its report; it may call `Trainer.stop`.
        options: The other arguments of `Trainer`.

    Raises:
        UserError: Something given is unknown or does not fit, or training failed; one sentence says what to do.
        KeyboardInterrupt: A signal stopped the training; everything is saved.

    Examples:
        >>> run = train("breakout", seed=1, steps=20_000_000)
        >>> run.evaluate(episodes=1000).summary()["score"]["mean"]
    """
    trainer = Trainer(
        environment,
        steps=steps,
        max_seconds=max_seconds,
        stop_when=stop_when,
        seed=seed,
        settings=settings,
        folder=folder,
        resume=resume,
        like=like,
        start_from=start_from,
        **options,
    )
    with trainer:
        return train_to_the_end(trainer, on_iteration)


def train_to_the_end(trainer: Trainer, on_iteration: OnIteration | None = None) -> Run:
    """Iterate with a dashboard until the trainer is finished, and finish; the trainer's context must be entered."""
    train = trainer.settings.train
    progress = Progress(trainer.name, str(trainer.run.folder), train.steps, trainer.steps)
    if train.max_seconds:
        progress.max_seconds = max(1e-9, train.max_seconds - trainer.ppo.seconds)
    progress.real_rate = real_rate(trainer.ppo.env)
    folder = trainer.run.folder if trainer.ppo.ranks.leads else None
    with Dashboard(progress, trainer.console, folder=folder) as dashboard:

        def look(done: float) -> None:
            progress.within(trainer.steps + int(done * trainer.ppo.batch))
            dashboard.refresh()

        trainer.on_progress = look
        while not trainer.finished:
            report = trainer.iterate()
            if not report:  # a signal came within the rollout
                progress.within(trainer.steps)
                break
            if on_iteration is not None:
                on_iteration(trainer, report)
            progress.update(trainer.steps, report, trainer.ppo.clock.seconds)
            dashboard.refresh()
    return trainer.finish()
