"""Finding the iteration at which a run broke, and what happened in it, by training that part of it again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from puffer_train.algorithm.ppo import PPO
from puffer_train.condition import Condition, Watch
from puffer_train.errors import ConfigError
from puffer_train.learners.recording import RecordingLearner
from puffer_train.report.bisection import Bisection, Iteration
from puffer_train.report.formatting import short
from puffer_train.run.replay import Replay
from puffer_train.run.state import RunOptions
from puffer_train.storage.folder import METRICS, parse_line

OVER = 1
"""Iterations that the mean in a condition is over, where it does not say."""

NOT_REPEATED = ("seconds", "retreats", "evaluation/")
"""Numbers of a line of metrics.jsonl that no iteration computes, or what they begin with."""


def bisect(
    folder: str | Path,
    when: str,
    *,
    after: int = 0,
    name: str | None = None,
    settings: Mapping[str, object] | None = None,
    options: RunOptions | None = None,
) -> Bisection:
    """Find where a condition first held that had not held before, and train the run there again.

    Args:
        folder: The run's folder; nothing in it is changed.
        when: A condition such as `env.score < 50`, or `env.score < 50 over 20` iterations.
        after: Agent steps before which nothing counts: a run may meet the condition before it has learned anything.
        name: Name of its environment, needed where it imports code.
        settings: Those that name your own code, given again.
        options: Threads, learner and libraries.

    Raises:
        UserError: The condition never held, or always, or the run cannot be repeated.
    """
    condition = Condition.parse(when, "--when", OVER)
    run = Replay.of(Path(folder), name, settings or {}, options or RunOptions())
    lines = _lines(run.folder)
    good, bad = _crossing(lines, condition, after, run.folder)
    found = run.start(int(lines[good]["steps"]) - 1)
    begin = 0 if found is None else found.manifest["counters"]["steps"]
    watch = Watch(condition, [line for line in lines if line["steps"] <= begin])
    iterations = [Iteration(), Iteration()]
    recorder = RecordingLearner()

    def follow(ppo: PPO, report: dict[str, float]) -> bool:
        iterations[:] = [iterations[1], Iteration(report, recorder.take())]
        return watch.add(report) and report["steps"] > lines[good]["steps"]

    def prepare(ppo: PPO) -> None:
        ppo.learner = recorder.of(ppo.learner, ppo.policy)

    run.advance(found, int(lines[bad]["steps"]), follow, prepare)
    before, last = iterations
    return Bisection(condition, before, last, begin, _difference(lines, [before, last]))


def _lines(folder: Path) -> list[dict[str, float]]:
    try:
        text = (folder / METRICS).read_text("utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"cannot read {folder / METRICS}: {error.strerror or error}.") from error
    return [numbers for line in text.splitlines() if (numbers := parse_line(line))]


def _crossing(lines: list[dict[str, float]], condition: Condition, after: int, folder: Path) -> tuple[int, int]:
    """Return the number of the last line before the condition held and of the first at which it did."""
    watch, had_not, known = Watch(condition), False, ""
    for i, line in enumerate(lines):
        holds = watch.add(line)
        if line["steps"] <= after or len(watch.values) < condition.over:
            continue
        if holds and had_not:
            return i - 1, i
        had_not |= not holds
    if condition.name not in watch.seen:
        known = f"it reports {', '.join(name.replace('/', '.') for name in watch.seen)}"
        raise ConfigError(f"{folder} never reported {condition.name.replace('/', '.')!r}: {known}.")
    since = f" after {short(after)} steps" if after else ""
    if had_not or not watch.holds:
        raise ConfigError(f"{condition} never held in {folder}{since}.")
    raise ConfigError(f"{condition} held in {folder} from the first iteration{since}: there is none before it broke.")


def _difference(lines: list[dict[str, float]], iterations: list[Iteration]) -> str | None:
    """Return the first number of the repetition that is not the recorded one, in words; None where all agree."""
    recorded = {int(line["steps"]): line for line in lines}
    for iteration in iterations:
        line = recorded.get(iteration.steps, {}) if iteration.report else {}
        for name, value in line.items():
            if not name.startswith(NOT_REPEATED) and iteration.report.get(name) != value:
                found = iteration.report.get(name)
                return (
                    f"{name.replace('/', '.')} after {short(iteration.steps)} steps was {value:.9g}, now it is {found}"
                )
    return None
