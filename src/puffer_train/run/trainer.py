"""One training run, an iteration at a time: `Trainer`.

A run folder holds in the end:

- config.json: everything the run depends on
- metrics.jsonl: one line per iteration
- checkpoints: what `--resume` continues from
- README.md: what happened and what to do with it
- dashboard.svg: the last picture of the terminal
- failure.txt: why the run ended, where the environment's own code failed
- policy.safetensors: the policy, for NumPy, players and `puffer-eval`
- pool: earlier policies that it plays against, with `selfplay.share`
- evaluation.json: how it did in fresh full episodes
- replay.puf: one of its games, exactly
- video.mp4: the same game, to watch
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console

from puffer_envs.contract.offers import is_file, open_file
from puffer_train import config
from puffer_train.algorithm.evaluate import Evaluation, evaluate, evaluation_envs
from puffer_train.algorithm.ppo import PPO
from puffer_train.errors import StorageError
from puffer_train.policy import Policy
from puffer_train.report.loggers import Loggers
from puffer_train.run import opening
from puffer_train.run.best import judge
from puffer_train.run.failures import saved_after_failure
from puffer_train.run.finish import finish
from puffer_train.run.messages import announce, report_end
from puffer_train.run.newest import Newest
from puffer_train.run.opponents import PoolFolder
from puffer_train.run.records import reporting
from puffer_train.run.result import Run
from puffer_train.run.retreat import iterate
from puffer_train.run.saving import export_policy, save, save_last, save_or_warn
from puffer_train.run.state import NEWEST_SECONDS, RunOptions, RunState
from puffer_train.run.stopping import ASKED, Stopping
from puffer_train.run.torch_cost import TorchCost
from puffer_train.system.signals import Stopped, stop_requests

LOOK_SECONDS = 0.25
"""How often progress is reported within a rollout."""

STOP_ASKED = 1 << 16
"""Stands for a call of `Trainer.stop` among the numbers of signals."""


class Trainer:
    """Trains one run, an iteration at a time. It is a context manager: leaving it saves the run.

    Ctrl-C and SIGTERM end the training after the iteration in progress, or within it where the environment keeps no
    snapshots. `finished` is then true, and leaving the context raises `KeyboardInterrupt` when everything is saved. A
    second Ctrl-C ends it at once.

    Examples:
        >>> with Trainer("breakout", seed=1, steps=1_000_000) as trainer:
        ...     while not trainer.finished:
        ...         report = trainer.iterate()
        ...     run = trainer.finish()
    """

    def __init__(
        self,
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
        threads: int | None = None,
        learner: str = "auto",
        log: Sequence[str] = (),
        video: bool = True,
        libraries: Sequence[str | Path] = (),
        quiet: bool = False,
        newest_seconds: float = NEWEST_SECONDS,
        command: str = "",
        policy: opening.GivenNetwork = None,
    ) -> None:
        """Check what is given. Nothing is opened before the context is entered.

        Args:
            environment: Its name, `gymnasium:ID`, `pettingzoo:MODULE`, `module:factory` or `./FILE.h`. With
                `resume` or `like` it is needed only where it imports code.
            steps: Agent steps to train for; None for those of the settings.
            max_seconds: Seconds to train for if the steps are not done before; the learning rates fall to their end
                within them.
            stop_when: End training when this holds: `"env.perf > 0.99 over 20"`, a comparison of the mean of any
                number of the report over that many iterations, or over 10.
            seed: Same seed, same numbers; None for 1, or that of the run in `like`.
            settings: What to change of the environment's shipped settings, or of those of the run in `like` or
                `resume`: a dictionary such as `{"env": {"frameskip": 3}, "train": {"gamma": 0.99}}`, or the path of a
                TOML file. `Settings` replace all of them.
            folder: Where to write a new run; None for `runs/NAME-TIME`.
            resume: The folder of a run to resume from its newest checkpoint.
            like: The folder of a run whose environment, settings and seed to use.
            start_from: `RUN@12M`: a new run that continues the one in folder RUN as it was after 12 million agent
                steps, with the settings that are changed here; without `@`, at its end. Where nothing is changed it is
                the same to the last bit.
            threads: Processor threads; None for all cores.
            learner: One of `config.LEARNERS`.
            log: Loggers besides the metrics file: `tensorboard`, `wandb`.
            video: Whether `finish` makes a video.
            libraries: Shared libraries to load, with your own environments in C.
            quiet: Whether to print nothing.
            newest_seconds: How often to write the policy to `newest.safetensors` while it trains; 0 is never.
            command: How the run was started; it is only written down.
            policy: A network of your own, the class or its name `module:Class` (docs/own-network.md). A run that has
                one can be resumed only if it is given again.

        Raises:
            UserError: Something given is unknown or does not fit.
        """
        if environment is not None and is_file(environment):
            environment, libraries = open_file(environment), [*libraries, environment]
        loaded = opening.load_libraries(libraries)
        options = RunOptions(threads, video, learner, tuple(log), command, loaded, quiet, newest_seconds)
        ending = {"steps": steps, "max_seconds": max_seconds, "stop_when": stop_when}
        self._opening = opening.opening(
            environment, ending, seed, settings, policy, folder, resume, like, start_from, options
        )
        self._stack, self._signals = ExitStack(), ExitStack()
        self._stop_asked = self._broken = self._ended = self._save_due = False
        self.on_progress: Callable[[float], object] = lambda done: None
        """Called a few times per second during an iteration with the share of its rollout that is played."""

    def __enter__(self) -> Self:
        """Open environment and folder.

        Raises:
            UserError: Settings, environment or folder do not fit.
        """
        with ExitStack() as stack:
            self._run = stack.enter_context(self._opening)
            stack.enter_context(_leaving_together(self._run))
            self._log = stack.enter_context(reporting(self._run)) if self._run.ranks.leads else Loggers({}, print)
            self._stopping, self._newest, self._torch_cost = (
                Stopping(self._run),
                Newest(self._run),
                TorchCost(self._run),
            )
            self._pool = PoolFolder(self._run)
            self._stop_asked |= bool(self._run.reason)
            if self._run.ranks.leads:
                announce(self._run)
            self._pool.write()
            self._requests = self._signals.enter_context(stop_requests(repeated=self._run.ranks.count > 1))
            stack.enter_context(self._signals)
            stack.enter_context(self._saved_in_the_end())
            self._looked = 0.0
            self._run.ppo.watch = self._look
            self._check_requests()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save the run, unless that was done, and close everything.

        Raises:
            KeyboardInterrupt: A signal stopped the training.
            StorageError: The disk refuses.
        """
        self._stack.__exit__(kind, error, trace)
        if error is None and self._run.stopped_by:
            raise Stopped(self._run.stopped_by)

    # -- training ------------------------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do: the steps are done, or `stop` or a signal ended the training."""
        return self._complete or bool(self._run.stopped_by)

    def iterate(self) -> dict[str, float]:
        """Collect one rollout, learn from it, and write down its report, which is returned.

        It holds `steps`, `seconds`, `updates`, the losses, and as `env/...` the means over the episodes that ended. It
        is empty when a signal ended the training within the rollout, which is then dropped.

        After ten skipped updates in a row it first goes back to the last good checkpoint, with half the step length, at
        most three times in a run: `steps` is then less than before.

        Raises:
            NonFiniteError: Ten updates in a row were skipped, and going back is impossible or did not help.
            EnvironmentFailedError: The environment raised.
            StorageError: The run folder was moved or removed.
        """
        run, self._broken, retreats = self._run, True, self._run.retreats
        with saved_after_failure(run):
            report = iterate(run)
        self._broken = False
        self._check_folder()
        if not report:
            self._check_requests()
            return report
        if run.retreats > retreats:
            self._stopping = Stopping(run)
        self._save_due |= _is_due(run)
        saving = self._save_due and run.ppo.health.skipped_in_a_row == 0  # else it would replace one to go back to
        if saving:
            report |= judge(run)
        report["seconds"] = run.ppo.seconds = run.seconds()
        self._torch_cost.take()
        self._log.write(run.ppo.steps, report)
        self._stop_asked |= self._stopping.take(report)
        self._newest.write_if_due()
        self._pool.write()
        if saving:
            self._save_due = False
            save_or_warn(run)
        self._check_requests()
        return report

    def stop(self) -> None:
        """End the training after this iteration as if its steps were done: `finish` evaluates the policy."""
        self._stop_asked = True
        self._run.reason = self._run.reason or ASKED

    def save(self) -> None:
        """Write a checkpoint now; one is written regularly, and at the end.

        Raises:
            StorageError: The disk refuses.
        """
        save(self._run)

    def evaluate(self, episodes: int = 128, *, seed: int = 1000) -> Evaluation:
        """Play fresh full episodes with the policy as it is now; training is not affected.

        Args:
            episodes: How many to play, at least.
            seed: Seeds environments and actions.

        Raises:
            EnvironmentFailedError: The environment raised.
        """
        run = self._run
        envs = evaluation_envs(run.ppo.spec, episodes)
        with run.source.opened(envs, seed, 1, run.settings.env) as games:
            return evaluate(games, run.ppo.player, seed, name=run.source.name)

    def finish(self) -> Run:
        """Save, export the policy, evaluate it, record and film a game; return the run.

        After a signal it only saves.

        Raises:
            KeyboardInterrupt: A signal came; everything before it is in the folder.
        """
        self._end_learning()
        if self._run.ranks.leads and self._complete:
            finish(self._run, self._log)
        return self.run

    # -- what it holds -------------------------------------------------------------------------------------

    @property
    def run(self) -> Run:
        """The run's folder, to read."""
        return Run(self._run.folder, self.name, self.settings.policy.network or None)

    @property
    def name(self) -> str:
        """Name of the environment."""
        return self._run.source.name

    @property
    def console(self) -> Console:
        """Where the run prints."""
        return self._run.console

    @property
    def ppo(self) -> PPO:
        """The algorithm, with its environment, policy, buffers and optimizer."""
        return self._run.ppo

    @property
    def policy(self) -> Policy:
        """The policy as it is now; a change of its weights needs `ppo.learner.weights_changed()`."""
        return self._run.ppo.policy

    @property
    def settings(self) -> config.Settings:
        """The settings of the run."""
        return self._run.settings

    @property
    def steps(self) -> int:
        """Agent steps trained on so far, by all ranks."""
        return self._run.ppo.steps

    @property
    def updates(self) -> int:
        """Gradient steps taken so far."""
        return self._run.ppo.updates

    def say(self, line: str) -> None:
        """Print a line, above the dashboard where there is one."""
        self._run.say(line)

    # -- ending --------------------------------------------------------------------------------------------

    @property
    def _complete(self) -> bool:
        """Whether the training reached its end, rather than being interrupted."""
        return self._run.ppo.finished or self._run.stopped_early

    def _look(self, done: float) -> bool:
        """Report the share of the rollout that is played; return whether to leave it, because a signal came.

        Only where nothing is lost by it: exact resumes start at the end of an iteration.
        """
        now = time.perf_counter()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            self.on_progress(done)
        return bool(self._requests) and self._run.ranks.count == 1 and not hasattr(self.ppo.env, "snapshot")

    def _check_folder(self) -> None:
        """Stop where the folder was moved, and save in its new place; where it was removed, there is none."""
        run = self._run
        before = run.folder
        try:
            run.check_folder()
        except StorageError:
            self._broken = run.folder == before
            raise

    def _check_requests(self) -> None:
        """Find out whether any rank was asked to stop. All ranks must call this together."""
        run = self._run
        if run.ppo.finished or self.finished:
            return
        asked = run.ranks.most(self._requests[0] if self._requests else STOP_ASKED if self._stop_asked else 0)
        if asked == STOP_ASKED:
            run.stopped_early = True
        elif asked:
            run.stopped_by = asked
            run.ranks.end()

    @contextmanager
    def _saved_in_the_end(self) -> Iterator[None]:
        """Save when the context is left, also after an error between two iterations."""
        try:
            yield
        except BaseException:
            if not self._broken:
                with suppress(Exception):  # the first error matters
                    save(self._run, game=self._run.ranks.count == 1)
                    self._newest.close(False)
            raise
        self._end_learning()

    def _end_learning(self) -> None:
        """Save the end of the training and export the policy, once; from here on signals interrupt as usual."""
        if self._ended:
            return
        self._ended = True
        save_last(self._run)
        self._signals.close()
        if self._run.ranks.leads:
            report_end(self._run)
            if self._complete:
                export_policy(self._run)
        self._newest.close(self._complete)


@contextmanager
def _leaving_together(run: RunState) -> Iterator[None]:
    """Wait for the other ranks after a signal: torchrun ends all as soon as one has left."""
    yield
    if run.stopped_by:
        run.ranks.wait()


def _is_due(run: RunState) -> bool:
    """Whether a checkpoint belongs to the end of this iteration."""
    ppo, interval = run.ppo, run.settings.train.checkpoint_interval
    return ppo.steps // interval > (ppo.steps - ppo.batch) // interval
