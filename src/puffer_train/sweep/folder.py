"""What the run folders of a sweep tell without its storage: each trial's cost and score, and which are on the front."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from puffer_train.report.run_table import run_name
from puffer_train.storage.files import read_object
from puffer_train.storage.summary import Summary
from puffer_train.sweep.front import Front
from puffer_train.sweep.job import OK, SWEEP, TRIALS, Outcome

DEPTH = 2
"""Folders between a run and `TRIALS`, with several seeds."""


@dataclass(frozen=True)
class Swept:
    """The trials of a sweep that came to their end."""

    folder: Path
    cost: str
    """What costs are counted in."""
    minimize: bool
    outcomes: dict[int, Outcome]
    """By number."""

    @classmethod
    def read(cls, folder: Path) -> Swept | None:
        """Read the folder of a sweep; None where it is none."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            plan = read_object(folder / SWEEP)
            kind, minimize = str(plan["cost"]), bool(plan["minimize"])
            found = {int(path.name): Outcome.read(path) for path in (folder / TRIALS).iterdir() if path.name.isdigit()}
            good = {n: of for n, of in sorted(found.items()) if of and of.status == OK and kind in of.costs}
            return cls(folder, kind, minimize, good)
        return None

    def point(self, number: int) -> tuple[float, float]:
        """Return what a trial cost, and its score."""
        outcome = self.outcomes[number]
        assert outcome.score is not None  # it came to its end
        return outcome.costs[self.cost], outcome.score

    def front(self) -> list[int]:
        """Return the numbers of the trials that nothing beats, by rising cost."""
        numbers = list(self.outcomes)
        costs, scores = np.array([self.point(number) for number in numbers]).reshape(-1, 2).T
        return [numbers[i] for i in Front.of(costs, -scores if self.minimize else scores).members]


def _place(run: Path) -> tuple[Path, int] | None:
    """Return the folder of the sweep that a run belongs to, and the number of its trial."""
    for folder in [run, *run.parents][:DEPTH]:
        if folder.parent.name == TRIALS and folder.name.isdigit() and (folder.parent.parent / SWEEP).is_file():
            return folder.parent.parent, int(folder.name)
    return None


def find_sweeps(summaries: Sequence[Summary]) -> dict[Path, Swept]:
    """Return the sweeps that some of these runs belong to, by folder."""
    folders = dict.fromkeys(place[0] for summary in summaries if (place := _place(summary.folder)) is not None)
    return {folder: found for folder in folders if (found := Swept.read(folder)) is not None}


def with_trials(summaries: Sequence[Summary]) -> list[Summary]:
    """Return the runs; those of sweeps know their cost as `cost`, and with `front` yes that they are on the front."""
    sweeps = find_sweeps(summaries)
    fronts = {folder: set(found.front()) for folder, found in sweeps.items()}

    def of(summary: Summary) -> dict[str, Any]:
        folder, number = _place(summary.folder) or (None, 0)
        if folder not in sweeps or number not in sweeps[folder].outcomes:
            return {}
        return {"cost": sweeps[folder].point(number)[0]} | ({"front": "yes"} if number in fronts[folder] else {})

    return [replace(summary, swept=of(summary)) for summary in summaries]


def page_data(summaries: Sequence[Summary]) -> list[dict[str, Any]]:
    """Return the sweeps that some of these runs belong to, as the page of runs draws them."""
    names: dict[tuple[Path, int], str] = {}  # of each trial's first run
    for summary in sorted(summaries, key=lambda summary: summary.folder):
        if (place := _place(summary.folder)) is not None:
            names.setdefault(place, run_name(summary))
    data = []
    for folder, found in find_sweeps(summaries).items():
        front, points = set(found.front()), []
        for number in found.outcomes:
            cost, score = found.point(number)
            point = {"trial": number, "cost": float(f"{cost:.6g}"), "score": float(f"{score:.6g}")}
            points.append(point | {"front": number in front, "run": names.get((folder, number), "")})
        if points:
            metric = next(iter(found.outcomes.values())).metric
            data.append({"name": str(folder), "unit": found.cost, "metric": metric, "points": points})
    return data
