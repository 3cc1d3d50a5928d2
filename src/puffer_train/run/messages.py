"""What a run prints before and after its training."""

from __future__ import annotations

import time

from puffer_envs.contract.documentation import page_url
from puffer_train.report.formatting import clock, short
from puffer_train.run.state import RunState
from puffer_train.run.stopping import end_reason
from puffer_train.run.torch_cost import torch_cost, torch_seconds

WORTH_OVERLAPPING = 0.2
"""Share of the time from which learning is worth doing while environments step."""


def announce(run: RunState) -> None:
    """Print how to resume the run, or that there is nothing to do and why."""
    train, ppo = run.settings.train, run.ppo
    if run.reason:
        run.say(f"Nothing to train: {run.reason}. To continue, change --stop-when.")
    elif ppo.steps >= train.steps:
        done, goal = short(ppo.steps), short(train.steps)
        run.say(f"Nothing to train: {done} steps are done, and {goal} were asked for. To continue, raise --steps.")
    elif ppo.finished:
        run.say(f"Nothing to train: {end_reason(run)}. To continue, raise --max-seconds.")
    else:
        run.say(f"If this is killed, resume from its newest checkpoint with: {run.resume_command()}")


def report_end(run: RunState) -> None:
    """Print what was trained, what warnings may have shown far above, and how to resume a run that was stopped."""
    health = run.ppo.health
    if health.absurd:
        run.warn(f"{health.absurd} iterations were absurd. The last time {health.absurdity}.")
    if health.skipped:
        last = "" if health.fault is None else f" The last time {health.fault}."
        run.warn(f"{health.skipped} updates were skipped because a number was not finite.{last}")
    if run.retreats:
        times, scale = ("once" if run.retreats == 1 else f"{run.retreats} times"), run.ppo.step_scale
        run.warn(
            f"The run went back to a checkpoint {times} because of NaN: learning rates are multiplied by {scale:g}."
        )
    if run.stopped_by:
        run.say(f"Stopped at {short(run.ppo.steps)} steps and saved. Resume with:")
        run.say(f"  {run.resume_command()}")
        return
    seconds, trained = time.monotonic() - run.started, run.ppo.steps - (run.resumed_at or 0)
    if trained > 0:
        run.say(f"Trained {short(trained)} steps in {clock(seconds)} ({short(trained / max(seconds, 1e-9))} steps/s).")
        if cost := torch_cost(torch_seconds(run.ppo), run.ppo.clock.total, "took", "made"):
            run.say(cost)
        if advice := _overlap_advice(run):
            run.say(advice)
        if run.ppo.steps < run.settings.train.steps:
            run.say(f"Training ended because {end_reason(run)}.")


def _overlap_advice(run: RunState) -> str:
    """Return a sentence if slow environments waited long for learning, else nothing."""
    ppo, spent = run.ppo, run.ppo.clock.seconds
    learning = (spent.get("gradient", 0.0) + spent.get("optimizer", 0.0)) / max(ppo.clock.total, 1e-9)
    if ppo.ahead is not None or hasattr(ppo.env, "snapshot") or learning < WORTH_OVERLAPPING:
        return ""
    return (
        f"The environments waited {learning:.0%} of that time for learning. With --train.overlap true they play "
        f"meanwhile: {page_url('training#slow-environments')}."
    )
