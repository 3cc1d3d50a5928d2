"""What a sweep shows while it runs: a picture that is redrawn in a terminal, a line for each run elsewhere."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.text import Text

from puffer_train.report.dashboard import REFRESH_SECONDS, WIDEST, redraw, redraws
from puffer_train.report.formatting import brief, clock, counted, short
from puffer_train.storage.folder import METRICS
from puffer_train.storage.summary import read_tail
from puffer_train.sweep.job import Job
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.pool import Engine
from puffer_train.sweep.results import Trial
from puffer_train.sweep.sweep import Sweep
from puffer_train.sweep.text_plot import ASCII, DRAWN, draw_front

FIXED_LINES = 6
"""Of a picture: its frame, the head, the counts, the bar, and one below it."""
LEAST_PLOT, TALLEST_PLOT = 6, 22
"""With fewer lines than this the front is not drawn; it is never higher."""
MOST_RUNNING = 6
"""Running trials that are shown, in a terminal that is high enough."""


@dataclass(frozen=True)
class Running:
    """A trial that is not finished."""

    number: int
    seconds: float
    steps: float = 0
    goal: float = 0
    score: float | None = None


@dataclass
class State:
    """What there is to show."""

    name: str
    """Of the folder."""
    plan: Plan
    trials: list[Trial] = field(default_factory=list)
    """Those that have ended."""
    front: list[Trial] = field(default_factory=list)
    running: list[Running] = field(default_factory=list)
    places: int = 1
    """How many trials may run side by side."""
    lines: list[str] = field(default_factory=list)
    """About the trials that ended last."""
    done: float = 0.0
    """Share of the sweep, 0 to 1."""
    goal: int = 0
    """How many trials there will be; 0 is unknown."""
    elapsed: float = 0.0
    left: float | None = None


class Watch:
    """Shows a sweep while it runs. A context manager."""

    def __init__(
        self, sweep: Sweep, pool: Engine, console: Console, trials: int, seconds: float, budget: float
    ) -> None:
        """The limits are those of `Sweep.run`."""
        self._sweep, self._pool, self._console = sweep, pool, console
        self._trials, self._seconds, self._budget = trials, seconds, budget
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop") if redraws(console) else None
        self._began: dict[int, float] = {}
        self._started, self._drawn, self._done = time.monotonic(), -math.inf, 0.0
        self._ended: list[Trial] = []
        goal = trials if trials < sys.maxsize else 0
        self.state = State(str(sweep.folder), sweep.plan, places=pool.free + len(pool.running), goal=goal)

    def __enter__(self) -> Watch:
        self._ended = self._sweep.finished()
        if self._live is not None:
            self._done = self._share(self._ended)
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self.look(force=True)
            self._live.stop()

    def tell(self, trial: Trial, done: int) -> None:
        """Say how a trial ended."""
        self._ended.append(trial)
        on_front = not trial.reason and trial.values in [point.values for point in self._sweep.front(self._ended)]
        line = line_of(trial, done, self.state.goal, self.state.plan, on_front=on_front)
        self.state.lines = [*self.state.lines, line][-TALLEST_PLOT:]
        if self._live is None:
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)

    def look(self, force: bool = False) -> None:
        """Draw how it stands, unless that was drawn a moment ago."""
        now = time.monotonic()
        if self._live is None or (not force and now - self._drawn < REFRESH_SECONDS):
            return
        self._drawn = now
        state = self.state
        state.trials = self._sweep.finished()
        state.front = self._sweep.front(state.trials)
        state.running = [self._running(job, now) for job in self._pool.running]
        state.done, state.elapsed = self._share(state.trials), now - self._started
        gained = state.done - self._done
        state.left = state.elapsed * (1 - state.done) / gained if gained > 0 else None
        width, height = self._console.size
        redraw(self._live, draw(state, width, height, self._console.options.ascii_only))

    def _share(self, trials: Sequence[Trial]) -> float:
        """Return the share of the sweep that is done: of the limit that is nearest."""
        spent = self.state.plan.seeds * sum(trial.cost for trial in trials)
        elapsed = time.monotonic() - self._started
        return min(1.0, max(len(trials) / self._trials, elapsed / self._seconds, spent / self._budget))

    def _running(self, job: Job, now: float) -> Running:
        """Return how far a trial is: the last line of its metrics has the steps, the score that of training."""
        seconds = now - self._began.setdefault(job.number, now)
        newest = {name: value for line in read_tail(Path(job.folder) / METRICS) for name, value in line.items()}
        names = [f"env/{name}" for name in (self.state.plan.metric, "perf", "score", "episode_return")]
        score = next((newest[name] for name in names if name in newest), None)
        goal = job.values.get("train.steps") or job.fixed.get("train", {}).get("steps") or 0
        return Running(job.number, seconds, newest.get("steps", 0), float(goal), score)


def line_of(trial: Trial, done: int, goal: int, plan: Plan, *, on_front: bool) -> str:
    """Return a line about a trial that ended. goal: How many there will be; 0 is unknown."""
    head = f"{done:>4}{f'/{goal}' if goal else ''}  run {trial.number:<4} {trial.source:<9}"
    if trial.reason:
        return f"{head} {'stopped' if trial.stopped else 'failed'}: {trial.reason}"
    expected = f" (expected {brief(trial.expected_cost.middle)})" if trial.expected_cost is not None else ""
    marks = f"{'  *' if on_front else ''}{f'  as in {trial.taken_from}' if trial.taken_from else ''}"
    return f"{head} score {trial.score:<8.4g} {plan.cost} {brief(trial.cost)}{expected}{marks}"


def draw(state: State, width: int, height: int, ascii_only: bool = False) -> RenderableType:
    """Return the picture of a sweep for a terminal of this many columns and lines."""
    width = min(width, WIDEST)
    room, inner = max(0, height - FIXED_LINES), width - 4
    running = min(state.places, MOST_RUNNING, room // 4)
    ended = min(10, (room - running) // 4)
    plot = min(TALLEST_PLOT, room - running - ended - 2)  # two lines are titles
    good = [trial for trial in state.trials if not trial.reason]
    parts: list[RenderableType] = [
        _head(state, inner),
        _counts(state, inner),
        _bar(state, inner),
        Text(""),
    ]  # it ends the bar's line
    if plot >= LEAST_PLOT:
        title = f"{state.front[0].metric if state.front else 'score'} against {state.plan.cost}, logarithmic"
        signs = ASCII if ascii_only else DRAWN
        drawn = draw_front(good, state.front, inner, plot - 1, signs) if state.front else []
        parts += [Text(title, style="bold", no_wrap=True), *drawn, *[Text("")] * (plot - 1 - len(drawn))]
    parts += _fitted([_running_line(each) for each in state.running], running, "running", "none")
    parts += _fitted(state.lines[::-1], ended, "ended last", "none")
    for part in parts:
        if isinstance(part, Text):
            part.truncate(inner, overflow="crop" if ascii_only else "ellipsis")
    return Panel(Group(*parts), border_style="blue", width=width)


def _head(state: State, width: int) -> Text:
    plan = state.plan
    name = f"{plan.environment}  {plan.method}"
    text = Text(name, style="bold cyan", no_wrap=True)
    return text.append(state.name.rjust(max(0, width - len(name))), style="not bold dim")


def _counts(state: State, width: int) -> Text:
    failed, stopped = (sum(getattr(trial, name) for trial in state.trials) for name in ("failed", "stopped"))
    done = f"{len(state.trials)} of {counted(state.goal, 'run')}" if state.goal else counted(len(state.trials), "run")
    spent = brief(state.plan.seeds * sum(trial.cost for trial in state.trials))
    ends = [f"{count} {name}" for count, name in ((failed, "failed"), (stopped, "stopped")) if count]
    parts = [done, *ends, f"{state.plan.cost} {spent} in all"]
    return Text("   ".join([*parts, f"{clock(state.elapsed)} elapsed", f"{clock(state.left)} left"]), no_wrap=True)


def _bar(state: State, width: int) -> ProgressBar:
    return ProgressBar(total=1.0, completed=state.done, width=width, complete_style="cyan", finished_style="green")


def _running_line(of: Running) -> str:
    steps = f"{short(of.steps)} of {short(of.goal)} steps" if of.goal else f"{short(of.steps)} steps"
    score = f"   {of.score:.4g} in training" if of.score is not None else ""
    return f"  run {of.number:<5} {clock(of.seconds):>6}   {steps:<22}{score}"


def _fitted(lines: Sequence[str], room: int, title: str, without: str) -> list[RenderableType]:
    """Return a title and exactly `room` lines, so that nothing below moves."""
    more = f", {len(lines)} in all" if title == "running" and len(lines) > room else ""
    shown = [*(lines or [f"  {without}"]), *[""] * room][:room]
    return [Text(title + more, style="bold", no_wrap=True), *(Text(line, no_wrap=True) for line in shown)]
