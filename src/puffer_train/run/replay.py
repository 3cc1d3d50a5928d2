"""Training a part of a run again, to the last bit: from a checkpoint, with the settings that it had there.

The parts of a run that different processes trained are joined at seams (storage/timeline.py). A replay does at each
what was done there: it restores the state, restarts episodes where they were restarted, and shortens the steps where
the run went back after NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.environments import registry
from puffer_train.errors import CheckpointError, ConfigError
from puffer_train.own_code import named_code
from puffer_train.report.formatting import short
from puffer_train.run.consent import check_consent, check_libraries
from puffer_train.run.opened import opened_ppo
from puffer_train.run.restoring import restore
from puffer_train.run.saving import SNAPSHOT, checkpoint_now
from puffer_train.run.state import CHECKPOINTS, RunOptions, RunState
from puffer_train.storage import checkpoint
from puffer_train.storage.folder import read_config, read_metrics
from puffer_train.storage.identity import IDENTITY
from puffer_train.storage.timeline import Seam, seams, settings_at
from puffer_train.system.ranks import ALONE

Watcher = Callable[[PPO, dict[str, float]], bool]
"""Called after each iteration with its report; returns whether to stop there."""


@dataclass(frozen=True)
class Replay:
    """A run that can be trained again in parts."""

    folder: Path
    source: registry.EnvironmentSource
    saved: dict[str, Any]
    """Content of its config.json."""
    given: Mapping[str, object]
    """Settings that name the user's own code, given again."""
    options: RunOptions

    @classmethod
    def of(cls, folder: Path, name: str | None, given: Mapping[str, object], options: RunOptions) -> Replay:
        """Read a run.

        Args:
            folder: The run's folder.
            name: The environment's name, needed where it imports code.
            given: Settings; those that name code have to be there.
            options: Threads, learner and libraries.

        Raises:
            UserError: The folder holds no run, or what is given does not fit it.
        """
        saved = read_config(folder)
        check_libraries(folder, saved.get("libraries", ()), options.libraries)
        check_consent(folder, saved["settings"], given)
        source = registry.find(registry.resolve_name(folder, saved["environment"], name))
        threads = saved.get("threads", {}).get("torch", 1)
        options = replace(options, threads=threads, learner=learner_of(saved, options.learner), quiet=True)
        return cls(folder, source, saved, given, options)

    @property
    def last_steps(self) -> int:
        """Agent steps after which the run ended, so far."""
        steps = read_metrics(self.folder).get("steps", [0])
        return int(max(steps[-1], self.saved["history"][-1]["to_steps"] if self.saved["history"] else 0))

    @property
    def ranks(self) -> int:
        """How many processes trained it together."""
        return int(self.saved.get("ranks", 1))

    def settings(self, steps: int) -> config.Settings:
        """Return the settings that the iteration after so many steps was trained with."""
        found = config.overlay(config.Settings(), settings_at(self.saved, steps + 1), str(self.folder))
        named = [name.partition(".")[::2] for name in named_code(self.saved["settings"])]
        code = {table: {key: cast(Any, self.given)[table][key]} for table, key in named}
        return config.overlay(found, code, "settings")

    def start(self, before: int) -> checkpoint.Checkpoint | None:
        """Return the newest checkpoint from which the run can be repeated exactly, of at most `before` steps.

        None where that is its very start.

        Raises:
            ConfigError: The run is a branch, and its first checkpoint is missing or damaged.
        """
        resumed = {part["from_steps"] for part in self.saved["history"]}
        for path in reversed(checkpoint.list_checkpoints(self.folder / CHECKPOINTS)):
            with suppress(CheckpointError):
                found = checkpoint.load(path) if checkpoint.steps_of(path) <= before else None
                if found is not None and (SNAPSHOT in found.tensors or checkpoint.steps_of(path) in resumed):
                    return found
        if self.saved.get("parent"):
            raise ConfigError(f"{self.folder} has no checkpoint from which it can be repeated.")
        return None

    def at_or_after(self, steps: int) -> checkpoint.Checkpoint | None:
        """Return the checkpoint of the first iteration that ended at or after so many steps; None if there is none."""
        for path in checkpoint.list_checkpoints(self.folder / CHECKPOINTS):
            if checkpoint.steps_of(path) >= steps:
                with suppress(CheckpointError):
                    found = checkpoint.load(path)
                    later = [p for p in checkpoint.list_checkpoints(path.parent) if p.name.startswith(path.name[:20])]
                    found = checkpoint.load(later[-1])  # the run went back to it: the last one of these steps
                    return found if checkpoint.steps_of(path) - _batch(found) < steps else None
        return None

    def advance(
        self,
        found: checkpoint.Checkpoint | None,
        to: int,
        watch: Watcher | None = None,
        prepare: Callable[[PPO], None] = lambda ppo: None,
    ) -> checkpoint.Checkpoint:
        """Train from a checkpoint, None for the start, until at least `to` agent steps are done.

        Args:
            found: Where to begin.
            to: Where to end.
            watch: May end it earlier.
            prepare: Called with the algorithm whenever it is made, before it trains.

        Returns:
            What a checkpoint there would hold.

        Raises:
            UserError: The run cannot be repeated.
        """
        if self.ranks > 1:
            raise ConfigError(f"{self.folder} was trained by {self.ranks} ranks: only runs of one can be repeated.")
        steps = 0 if found is None else found.manifest["counters"]["steps"]
        ahead = [seam for seam in seams(self.saved["history"]) if steps <= seam.steps < to]
        for seam in ahead:
            if seam.steps > steps:
                found, ended = self._train(found, seam.steps, watch, prepare)
                if ended:
                    return found
                steps = seam.steps
            found = _crossed(found, seam) if found is not None else None
        return self._train(found, to, watch, prepare)[0]

    def _train(
        self, found: checkpoint.Checkpoint | None, to: int, watch: Watcher | None, prepare: Callable[[PPO], None]
    ) -> tuple[checkpoint.Checkpoint, bool]:
        """Train a part without seams."""
        saved, begin = self.saved, 0 if found is None else found.manifest["counters"]["steps"]
        settings, cores = self.settings(begin), saved.get("threads", {}).get("environments", 1)
        seconds = self._seconds() if settings.train.max_seconds else {}
        with opened_ppo(self.source, settings, saved["seed"], cores, self.options, ALONE) as ppo:
            run = RunState(self.folder, self.source, ppo, cores, self.options)
            if found is not None:
                restore(run, found, {str(name) for name in settings.env})
                ppo.seconds = found.manifest.get("run", {}).get("seconds", 0.0)
            prepare(ppo)
            ended = False
            while ppo.steps < to and not ended:
                report = ppo.iterate()
                if settings.train.max_seconds:
                    ppo.seconds = self._second(seconds, ppo.steps)
                ended = watch is not None and watch(ppo, report)
            return checkpoint_now(run), ended

    def _seconds(self) -> dict[int, float]:
        """Return when each iteration ended: the learning rates followed the clock."""
        columns = read_metrics(self.folder)
        return dict(zip(map(int, columns["steps"]), columns["seconds"].tolist(), strict=True))

    def _second(self, seconds: Mapping[int, float], steps: int) -> float:
        if steps not in seconds:
            raise ConfigError(
                f"{self.folder} cannot be repeated at {short(steps)} steps: its learning rates followed the clock, and "
                "metrics.jsonl no longer has the time of each iteration there."
            )
        return seconds[steps]


def learner_of(saved: Mapping[str, Any], given: str) -> str:
    """Return the learner that a run was trained with, if none is given but `auto`. saved: its config.json."""
    was = str(saved.get(IDENTITY, {}).get("learner", ""))
    return {"TorchLearner": "torch", "CudaLearner": "cuda"}.get(was, "auto") if given == "auto" else given


def _crossed(found: checkpoint.Checkpoint, seam: Seam) -> checkpoint.Checkpoint:
    """Return what the run continued with at a seam."""
    tensors, about = found.tensors, dict(found.manifest.get("run", {}))
    if seam.restarted:
        tensors = {name: tensor for name, tensor in tensors.items() if name != SNAPSHOT}
    if seam.step_scale not in (None, about.get("step_scale", 1.0)):
        about |= {"step_scale": seam.step_scale, "retreats": about.get("retreats", 0) + 1}
    return replace(found, tensors=tensors, manifest=found.manifest | {"run": about})


def _batch(found: checkpoint.Checkpoint) -> int:
    """Return the agent steps of an iteration of the run that saved a checkpoint."""
    rows = found.tensors["play.state"].shape[1] if "play.state" in found.tensors else 0
    return int(rows) * int(found.manifest["settings"]["train"]["horizon"]) * int(found.manifest.get("ranks", 1))
