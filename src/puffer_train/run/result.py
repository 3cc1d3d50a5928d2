"""A run folder as an object: what training left in it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_train.algorithm.evaluate import Evaluation, evaluate, evaluation_envs
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.errors import ConfigError
from puffer_train.policy import Policy
from puffer_train.report.notebook import html_of_run
from puffer_train.run.film import VIDEO_SECONDS, film
from puffer_train.run.trained import Trained
from puffer_train.storage.folder import read_config, read_evaluation, read_metrics

EVALUATION_SEED = 1000
"""Seed of evaluations: the games are not those of the training."""


class Run:
    """What a training wrote, finished or not: reads its folder whenever it is asked."""

    def __init__(self, folder: str | Path, environment: str | None = None) -> None:
        """Name the folder; what it holds is read when it is asked for.

        Args:
            folder: Where the run is.
            environment: Name of its environment, which must be given where it imports code.

        Raises:
            ConfigError: The folder is not that of a run, or one in another environment.
        """
        self.folder = Path(folder)
        """Where everything is."""
        self._given = environment

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
    def evaluation(self) -> dict[str, Any] | None:
        """How the policy did in fresh full episodes when the training ended; None where it was not evaluated."""
        return read_evaluation(self.folder)

    @cached_property
    def policy(self) -> Policy:
        """The trained policy, or that of the newest checkpoint of a run that did not finish.

        Raises:
            UserError: There is none, or it does not fit the environment.
        """
        trained = Trained.find(self.folder)
        source = registry.find(self.environment)
        with source.opened(1, 0, 1, trained.settings) as env:
            return trained.load(describe(env, self.environment))

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

    def render(self, path: str | Path | None = None) -> Path:
        """Film the first 20 seconds of a game as MP4; return the path, by default `video.mp4` in the folder.

        Raises:
            ConfigError: The renderer is not installed, or cannot draw this environment.
        """
        target = self.folder / "video.mp4" if path is None else Path(path)
        replay = self.folder / "replay.puf"
        reason = film(replay if replay.exists() else self.folder, target, show=False)
        if reason is not None:
            raise ConfigError(f"no video of {self.folder}, {VIDEO_SECONDS} s: {reason.removesuffix('.')}.")
        return target
