"""A run folder as an object: what training left in it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from puffer_train.algorithm.evaluate import Evaluation, evaluate, evaluation_envs
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.own_code import Code
from puffer_train.policy import Policy
from puffer_train.report.bisection import Bisection
from puffer_train.report.notebook import html_of_run
from puffer_train.run.film import VIDEO_SECONDS, film
from puffer_train.run.trained import Trained
from puffer_train.storage.folder import read_config, read_evaluation, read_metrics

EVALUATION_SEED = 1000
"""Seed of evaluations: the games are not those of the training."""


class Run:
    """What a training wrote, finished or not: reads its folder whenever it is asked."""

    def __init__(
        self, folder: str | Path, environment: str | None = None, policy: str | type[nn.Module] | None = None
    ) -> None:
        """Name the folder; what it holds is read when it is asked for.

        Args:
            folder: Where the run is.
            environment: Name of its environment, which must be given where it imports code.
            policy: The network of your own that it was trained with, the class or its name.

        Raises:
            ConfigError: The folder is not that of a run, or one in another environment.
        """
        self.folder = Path(folder)
        """Where everything is."""
        self._given = environment
        self._networks = [] if policy is None else [policy if isinstance(policy, str) else Code.of(policy)]

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: scores, the curve of the main statistic, the video."""
        return html_of_run(self.folder)

    @property
    def environment(self) -> str:
        """Name of the environment."""
        return registry.resolve_name(self.folder, self.config["environment"], self._given)

    @property
    def config(self) -> dict[str, Any]:
        """Everything the run depends on, and its history: `config.json`."""
        return read_config(self.folder)

    @property
    def metrics(self) -> dict[str, NDArray[np.float64]]:
        """The report of every iteration: arrays (iterations,) by name, NaN where a number is missing."""
        return read_metrics(self.folder)

    @property
    def evaluation(self) -> dict[str, Any]:
        """How the policy did in fresh full episodes when the training ended; empty where it was not evaluated."""
        return read_evaluation(self.folder) or {}

    @cached_property
    def policy(self) -> Policy:
        """The trained policy, or that of the newest checkpoint of a run that did not finish.

        Raises:
            UserError: There is none, or it does not fit the environment.
        """
        trained = Trained.find(self.folder)
        source = registry.find(self.environment)
        with source.opened(1, 0, 1, trained.settings) as env:
            return trained.load(describe(env, self.environment), self._networks)

    def evaluate(
        self, episodes: int = 128, *, seed: int = EVALUATION_SEED, deterministic: bool = False, **env: Any
    ) -> Evaluation:
        """Play fresh full episodes.

        Args:
            episodes: How many to play, at least.
            seed: Seeds environments and actions.
            deterministic: Whether to take the likeliest actions rather than draw them.
            env: Settings of the environment to change.

        Raises:
            UserError: There is no policy, or the environment refuses a setting.
        """
        source = registry.find(self.environment)
        settings = {**Trained.find(self.folder).settings, **env}
        with source.opened(evaluation_envs(self.policy.spec, episodes), seed, 1, settings) as games:
            return evaluate(games, self.policy, seed, deterministic=deterministic, name=self.environment)

    def branch(self, at: int | None = None, **options: Any) -> Run:
        """Train a new run that continues this one as it was at some step; return it.

        Args:
            at: Agent steps; None for the end of this run.
            options: Arguments of `train`, such as `settings` to change and the `folder` of the new run.

        Raises:
            UserError: This run was never at that step, or what is given does not fit it.

        Examples:
            >>> run.branch(12_000_000, settings={"train": {"learning_rate": 0.01}})
        """
        from puffer_train.run.training import train  # noqa: PLC0415 - which returns a run

        origin = str(self.folder) if at is None else f"{self.folder}@{at}"
        return train(self._given, start_from=origin, **options)

    def bisect(self, when: str, *, after: int = 0, **options: Any) -> Bisection:
        """Find the iteration at which this run broke, and train it there again to see what happened.

        Args:
            when: What broke: a condition on a number of the report, such as `"env.score < 50"`, that had not held.
            after: Agent steps before which nothing counts.
            options: Further arguments of `run.bisect.bisect`.

        Raises:
            UserError: The condition never held, or always, or the run cannot be repeated.
        """
        from puffer_train.run.bisect import bisect  # noqa: PLC0415 - most runs are never bisected

        return bisect(self.folder, when, after=after, name=self._given, **options)

    def render(self, path: str | Path | None = None) -> Path:
        """Film the first 20 seconds of a game as MP4; return the path, by default `video.mp4` in the folder.

        Raises:
            ConfigError: The renderer is not installed, or cannot draw this environment.
        """
        target = self.folder / "video.mp4" if path is None else Path(path)
        replay = self.folder / "replay.puf"
        words = [word for name in self._networks for word in ("--policy.network", name)]
        reason = film(replay if replay.exists() else self.folder, target, words, show=False)
        if reason is not None:
            raise ConfigError(f"no video of {self.folder}, {VIDEO_SECONDS} s: {reason.removesuffix('.')}.")
        return target
