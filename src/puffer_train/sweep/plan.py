"""What a sweep is: the plan that its processes agree on, written into its folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from puffer_envs.contract.files import write_atomically
from puffer_train import config
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.storage.files import read_object, storing
from puffer_train.sweep.job import COSTS, SWEEP, TRIALS
from puffer_train.sweep.protein import REPLICATES, Method, Protein, Switches
from puffer_train.sweep.ranges import make_space, ranges, shipped_ranges, start_of

LOCAL_FIELDS = ("storage", "libraries")
"""Of `Plan`: what may be called otherwise on another machine."""


@dataclass(frozen=True)
class Plan:
    """What a sweep is: everything that its processes must agree on."""

    environment: str
    fixed: dict[str, Any]
    """Tables of settings that are the same in all trials."""
    ranges: dict[str, str]
    """What is searched, as text by setting."""
    metric: str = ""
    """Statistic of the last evaluation that is the score; "" for `perf`, else `score`, else `episode_return`."""
    minimize: bool = False
    """Whether a lower score is better."""
    cost: str = "cpu"
    """One of `COSTS`."""
    max_cost: float = 0.0
    """What no trial may be expected to cost more than; 0 is no limit."""
    method: Method = "protein"
    seed: int = 1
    seeds: int = 1
    """Runs of a trial, whose mean score counts."""
    stop_early: bool = False
    """Whether to stop runs that will hardly reach the front."""
    replicates: int = REPLICATES
    """How many trials each point of the front should have."""
    storage: str | None = None
    """URL of a database; None is the journal in the folder."""
    name: str = ""
    """Of the study in the database."""
    libraries: list[str] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        """Write it into the folder of a sweep. Raises `StorageError`."""
        with storing(folder / SWEEP):
            (folder / TRIALS).mkdir(parents=True, exist_ok=True)
            write_atomically(folder / SWEEP, (json.dumps(asdict(self), indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Plan:
        """Read the folder of a sweep. Raises `ConfigError` where it is none."""
        try:
            return cls(**read_object(folder / SWEEP))
        except (OSError, ValueError, TypeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ConfigError(f"{folder} is not the folder of a sweep: {SWEEP}: {reason}.") from None

    @classmethod
    def join(cls, storage: str, name: str, libraries: list[str]) -> Plan:
        """Read the plan of a sweep that keeps its trials in a database. Raises `ConfigError`."""
        from puffer_train.sweep import study  # noqa: PLC0415 - Optuna is loaded only for sweeps

        try:
            return cls(**study.read_plan(storage, name), storage=storage, libraries=libraries)
        except TypeError as error:
            raise ConfigError(f"the sweep {name!r} is of another version: {error}. Install the same one.") from None

    def base(self) -> config.Settings:
        """Return the settings that trials change."""
        source = registry.find(self.environment)
        return config.overlay(config.load(source.settings), self.fixed, "sweep")

    def search(self) -> Protein:
        """Begin the search that the plan describes."""
        space = make_space(self.ranges)
        start = start_of(space, self.base())
        most, switches = self.max_cost or math.inf, Switches(replicates=self.replicates)
        return Protein(space, self.seed, method=self.method, start=start, max_cost=most, switches=switches)


def plan(environment: str, fixed: Mapping[str, Any], searched: Mapping[str, str], **options: Any) -> Plan:
    """Return the plan of a new sweep, checked.

    Args:
        environment: Name of the environment.
        fixed: Tables of settings that are the same in all trials.
        searched: Ranges to add or to change, as text by setting.
        options: Other fields of `Plan`.

    Raises:
        UserError: Something is unknown or cannot be.
    """
    made = Plan(environment, dict(fixed), {}, **options)
    if made.cost not in COSTS:
        raise ConfigError(f"there is no cost {made.cost!r}; choose {', '.join(COSTS)}.")
    if made.stop_early and made.seeds > 1:
        raise ConfigError(f"seeds is {made.seeds} and runs are stopped early: one of many seeds cannot be stopped.")
    named = {f"{table}.{key}" for table, values in fixed.items() for key in values}
    own = shipped_ranges(registry.find(environment).settings or "")
    chosen = {
        name: text
        for name, text in ranges(made.base(), {**own, **searched}).items()
        if name not in named or name in searched
    }
    made = replace(made, ranges=chosen)
    made.search()
    return made
