"""A run: training in a folder of its own, from the first step to the video.

RUN holds in the end:

- config.json: everything the run depends on
- metrics.jsonl: one line per iteration
- checkpoints: what `--resume` goes on from
- README.md: what happened and what to do with it
- failure.txt: why the run ended, where the environment's own code failed
- policy.safetensors: the policy, for NumPy, players and `puffer-eval`
- evaluation.json: how it did on fresh full episodes
- replay.puf: one of its games, exactly
- video.mp4: the same, to watch
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors.torch
import torch
from rich.console import Console

from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.machine import available_cores
from puffer_envs.contract.policy_info import PolicyError
from puffer_train import config
from puffer_train.algorithm.evaluate import evaluate, record, records
from puffer_train.algorithm.ppo import Trainer
from puffer_train.contract import Environment, EnvironmentSpec
from puffer_train.environments import registry
from puffer_train.errors import (
    CheckpointError,
    ConfigError,
    EnvironmentFailedError,
    NonFiniteError,
    RanksError,
    StorageError,
)
from puffer_train.report.dashboard import Dashboard, Progress
from puffer_train.report.evaluation import report_evaluation
from puffer_train.report.formatting import clock, short
from puffer_train.report.loggers import LOGGERS, Loggers, open_logger
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.readme import write_readme
from puffer_train.report.terminal import lasting_console
from puffer_train.storage import checkpoint
from puffer_train.storage.checksummed_json import seal, unseal
from puffer_train.storage.files import storing
from puffer_train.storage.folder import CONFIG, EVALUATION, METRICS, read_config
from puffer_train.storage.lock import LOCK, FolderLock
from puffer_train.storage.policy_file import identify, write_policy
from puffer_train.system import runtime
from puffer_train.system.machine import machine, versions
from puffer_train.system.ranks import ALONE, Ranks, check_shares, joined
from puffer_train.system.signals import exit_status, stop_requests

EVALUATION_SEED = 1000
"""Added to the run's seed for the games it is judged on, which are thus not those it was trained on."""

VIDEO_SECONDS = 60
"""Length of the video: a whole game of Breakout would take minutes to render. The replay holds all of it."""

VIDEO_PATIENCE_SECONDS = 600
"""After this long, rendering the video is given up."""

CHECKPOINTS, POLICY = "checkpoints", "policy.safetensors"

SEAL = "sha256"
"""Under this key `config.json` has a checksum of the rest."""

SNAPSHOT = "environment.snapshot"

FAILURE = "failure.txt"


def start(
    source: registry.EnvironmentSource,
    settings: config.Settings,
    seed: int,
    threads: int | None,
    *,
    folder: Path | None,
    video: bool,
    learner: str = "auto",
    log: Sequence[str] = (),
    command: str = "",
) -> int:
    """Train from scratch in a new folder; return the exit status.

    log: loggers besides the metrics file; command: what was typed, which is only written down.
    """
    with joined() as ranks:
        check_shares(settings.train, ranks.count)
        cores = threads or _share_of_cores(ranks)
        with _environment(source, settings, seed, cores, ranks=ranks) as env:
            trainer = Trainer(env, settings, seed, source.name, threads=cores, learner=learner, ranks=ranks)
            _tune(trainer, threads if ranks.count == 1 else cores)
            with _new_folder(folder, source.name) if ranks.leads else nullcontext(Path()) as chosen:
                repeated = _repeated(threads, learner, video)
                run = Run(chosen, source, trainer, cores, repeated, video, list(log), _typed(command, ranks))
                return run.lead() if ranks.leads else run.follow()


def resume(
    folder: Path,
    name: str | None,
    given: Mapping[str, object],
    threads: int | None,
    *,
    video: bool,
    learner: str = "auto",
    log: Sequence[str] = (),
    command: str = "",
) -> int:
    """Go on with the run in `folder`, with the settings `given` changed and these loggers added; return the status."""
    with joined() as ranks, _taken_up(folder) if ranks.leads else nullcontext():
        saved, found = _saved_run_for_all(folder, ranks)
        source = registry.find(registry.resolve_name(folder, saved["environment"], name))
        settings = config.overlay(config.Settings(), saved["settings"], str(folder / CONFIG))
        settings = config.overlay(settings, given, "command line")
        check_shares(settings.train, ranks.count)
        cores = threads or saved.get("threads", {}).get("environments") or _share_of_cores(ranks)
        seed = saved["seed"]
        with _environment(source, settings, seed, cores, ranks=ranks) as env:
            trainer = Trainer(env, settings, seed, source.name, threads=cores, learner=learner, ranks=ranks)
            _tune(trainer, threads if ranks.count == 1 else cores)
            loggers = list(dict.fromkeys([*saved["log"], *log]))
            repeated, history = _repeated(threads, learner, video), saved["history"]
            run = Run(folder, source, trainer, cores, repeated, video, loggers, _typed(command, ranks), history)
            run.restore(found, set(cast(Mapping[str, object], given.get("env", {}))))
            return run.lead() if ranks.leads else run.follow()


def _share_of_cores(ranks: Ranks) -> int:
    """Return how many threads are a rank's share of this machine."""
    return max(1, available_cores() // ranks.local_count)


def _typed(command: str, ranks: Ranks) -> str:
    """Return a command as it was typed: torchrun hides its own part of it."""
    return shlex.join(ranks.command(shlex.split(command))) if command else ""


@contextmanager
def _taken_up(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder. Raises `ConfigError` where it is none."""
    if not (folder / CONFIG).exists() and not (folder / CHECKPOINTS).is_dir():
        raise ConfigError(f"{folder} is no run folder: it has neither {CONFIG} nor {CHECKPOINTS}.")
    with FolderLock(folder):
        yield


def _saved_run_for_all(folder: Path, ranks: Ranks) -> tuple[dict[str, Any], checkpoint.Checkpoint]:
    """Read a run on rank 0, as `_saved_run`, and hand it to all, whose machines need not see the folder."""
    if ranks.count == 1:
        return _saved_run(folder)
    about = tensors = None
    if ranks.leads:
        saved, found = _saved_run(folder)
        about = json.dumps([saved, str(found.path), found.manifest]).encode()
        tensors = safetensors.torch.save(found.tensors)
    saved, path, manifest = json.loads(ranks.share(about))
    return saved, checkpoint.Checkpoint(Path(path), safetensors.torch.load(ranks.share(tensors)), manifest)


def _saved_run(folder: Path) -> tuple[dict[str, Any], checkpoint.Checkpoint]:
    """Return what a run depends on, and its newest checkpoint that is whole. Raises `CheckpointError` without one.

    Settings that a run was resumed with are in config.json first; where that is damaged the checkpoint has its own.
    """

    def warn(line: str) -> None:
        lasting_console().print(f"WARNING: {line}", soft_wrap=True, markup=False, highlight=False)

    found = checkpoint.load_latest(folder / CHECKPOINTS, warn)
    manifest = found.manifest
    saved = {"environment": manifest["identity"].get("environment"), **manifest}
    try:
        saved = unseal((folder / CONFIG).read_bytes(), SEAL)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        warn(f"{folder / CONFIG} is damaged or was edited ({reason}): going on with the settings in {found.path}.")
    kinds = {"environment": str, "seed": int, "settings": dict, "log": list, "history": list}
    for key, kind in kinds.items():
        if not isinstance(saved.setdefault(key, kind()), kind):
            raise CheckpointError(f"{folder} is no run folder: it says that its {key} is {str(saved[key])[:60]!r}.")
    if saved["seed"] < 0 or not all(name in LOGGERS for name in map(str, saved["log"])):
        raise CheckpointError(f"{folder} is no run folder: its seed is {saved['seed']}, its log {saved['log']!r}.")
    return saved, found


def _repeated(threads: int | None, learner: str, video: bool) -> list[str]:
    """Return the options that the command which goes on with a run has to repeat."""
    chosen = [] if threads is None else ["--threads", str(threads)]
    return chosen + ([] if learner == "auto" else ["--learner", learner]) + ([] if video else ["--no-video"])


@dataclass
class Run:
    """One training run and its folder."""

    folder: Path
    """Where everything goes."""
    source: registry.EnvironmentSource
    """Makes the environments to judge and record with."""
    trainer: Trainer
    """Does the learning."""
    threads: int
    """Processor threads for environments."""
    repeated: list[str]
    """Options to repeat when going on with it."""
    video: bool
    """Whether to make one."""
    log: list[str] = field(default_factory=list)
    """Loggers besides the metrics file."""
    command: str = ""
    """What was typed."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """What `config.json` says of the earlier processes that worked at this run."""
    console: Console = field(default_factory=lasting_console)
    """Where to report."""
    started: float = field(default_factory=time.monotonic)
    """When this process began with the run, on a clock for differences."""
    began: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))
    """The same, for people."""
    resumed_at: int | None = None
    """Steps that were done when it was resumed."""
    seconds_before: float = 0.0
    """Of training, before it was resumed."""
    saved_at: int | None = None
    """Steps in the newest checkpoint."""
    stopped_by: int = 0
    """Number of the signal that asked a rank to stop."""

    def __post_init__(self) -> None:
        if not self.ranks.leads:
            self.console = Console(quiet=True)

    @property
    def ranks(self) -> Ranks:
        """Who trains along."""
        return self.trainer.ranks

    @property
    def settings(self) -> config.Settings:
        """The settings of the run."""
        return self.trainer.settings

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.folder / CHECKPOINTS

    def way_on(self, *more: str) -> str:
        """Return the command that goes on with the run."""
        named = [self.source.name] if registry.imports_code(self.source.name) else []
        return shlex.join(
            self.ranks.command(["puffer-train", *named, "--resume", str(self.folder), *self.repeated, *more])
        )

    def write_config(self, ended: str = "still running, or killed") -> None:
        """Write everything that the run depends on, and how it came about. Raises `StorageError`."""
        part = {
            "command": self.command,
            "started": self.began,
            "seconds": round(time.monotonic() - self.started, 1),
            "from_steps": self.resumed_at or 0,
            "to_steps": self.trainer.steps,
            "ended": ended,
        }
        content = {
            "environment": self.source.name,
            "seed": self.trainer.seed,
            "threads": {"environments": self.threads, "torch": torch.get_num_threads()},
            "ranks": self.ranks.count,
            "settings": self.settings.as_dict(),
            "log": self.log,
            "versions": versions(),
            "machine": machine(),
            "history": [*self.history, part],
        }
        with storing(self.folder / CONFIG):
            write_atomically(self.folder / CONFIG, seal(content, SEAL))

    # -- training ------------------------------------------------------------------------------------------

    def lead(self) -> int:
        """Train to the end or to Ctrl-C, then finish; return the exit status."""
        self.write_config()
        (self.folder / FAILURE).unlink(missing_ok=True)
        with self._told(), self._loggers() as log:
            if self.ranks.count > 1:
                self._say(f"{self.ranks.count} ranks train together. This is rank 0.")
            self._say(f"If this is killed, go on from its newest checkpoint with: {self.way_on()}")
            self._learn(log)
            if self.trainer.finished:
                return self.finish(log)
            self._say(f"Stopped at {short(self.trainer.steps)} steps and saved. Go on with:")
            self._say(f"  {self.way_on()}")
        self.ranks.wait()  # torchrun ends all as soon as one has left
        return 128 + self.stopped_by

    def follow(self) -> int:
        """Train along with rank 0, which has the folder and finishes the run; return the exit status."""
        with stop_requests(repeated=True) as stop:
            try:
                for _ in self._iterations(stop):
                    if self._is_due():
                        self.save()
                self.save()
            except NonFiniteError:
                self.ranks.end()
                self.ranks.wait()  # rank 0 is writing down why
                raise
        if self.trainer.finished:
            return 0
        self.ranks.wait()
        return 128 + self.stopped_by

    def _iterations(self, stop: list[int]) -> Iterator[dict[str, float]]:
        """Iterate until the steps are done or a signal asks any rank to stop; yield what there is to report."""
        while not self.trainer.finished:
            self.stopped_by = self.ranks.most(stop[0] if stop else 0)
            if self.stopped_by:
                self.ranks.end()
                return
            yield self.trainer.iterate()

    def _is_due(self) -> bool:
        """Whether this iteration ends with a checkpoint."""
        trainer, interval = self.trainer, self.settings.train.checkpoint_interval
        return trainer.steps // interval > (trainer.steps - trainer.batch) // interval

    def _learn(self, log: Loggers) -> None:
        """Iterate until the steps are done or a signal asks to stop, and save."""
        trainer = self.trainer
        progress = Progress(self.source.name, str(self.folder), self.settings.train.steps, trainer.steps)
        try:
            with stop_requests(repeated=self.ranks.count > 1) as stop, Dashboard(progress, self.console) as dashboard:
                trainer.on_skip = lambda fault: dashboard.say(f"update skipped: {fault}")
                for report in self._iterations(stop):
                    report["seconds"] = round(self.seconds_before + time.monotonic() - self.started, 3)
                    log.write(trainer.steps, report)
                    progress.update(trainer.steps, report, trainer.clock.seconds)
                    dashboard.refresh()
                    if self._is_due():
                        self._save_or_train_on(dashboard)
                self._save_last()
        except NonFiniteError as error:
            left = f"{self._dump(str(error))} {self._keep_learned()}"
            self.ranks.end()
            self.ranks.wait()
            raise NonFiniteError(f"{error} {left}") from error
        except RanksError as error:
            raise RanksError(f"{error} {self._keep_learned()}") from error
        except EnvironmentFailedError as error:
            raise EnvironmentFailedError(f"{error}\n{self._leave(str(error))}") from error
        except KeyboardInterrupt:
            self._say(f"Left at once. {self._newest()}")
            raise

    def _save_or_train_on(self, dashboard: Dashboard) -> None:
        """Save in the middle of a run. A disk that is full now may not be so later: that costs no training."""
        try:
            self.save()
        except (StorageError, CheckpointError) as error:
            dashboard.say(f"WARNING: {error} Training goes on, and tries again at the next checkpoint.")

    def _save_last(self) -> None:
        """Save the end of the run. Raises `StorageError` where that fails, after leaving the much smaller policy."""
        try:
            self.save()
        except (StorageError, CheckpointError) as error:
            left = ""
            with suppress(StorageError, PolicyError):
                left = f" The policy is in {self._write_policy()}."
            raise StorageError(f"{error}{left} {self._newest()}") from error

    def _newest(self) -> str:
        """Return a sentence on what there is to go on from."""
        checkpoints = checkpoint.list_checkpoints(self.checkpoints)
        if not checkpoints:
            return "Nothing was saved before."
        return f"Go on from {checkpoints[-1].name} with: {self.way_on()}"

    def _loggers(self) -> Loggers:
        """Open the metrics file, and start whatever else takes the numbers."""
        with storing(self.folder / METRICS):
            metrics = MetricsFile(self.folder / METRICS, self.resumed_at, self._warn)
        self.seconds_before = metrics.seconds
        config = read_config(self.folder)
        others = {name: open_logger(name, self.folder, config, self.resumed_at, self._say) for name in self.log}
        return Loggers({METRICS: metrics, **others}, self._warn)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Write down how this part of the run ended, and the README, however it ends."""
        ended = "interrupted"
        try:
            yield
            ended = "finished" if self.trainer.finished else ended
        except Exception:
            ended = "failed"
            raise
        finally:
            try:
                self.write_config(ended)
                with storing(self.folder / "README.md"):
                    write_readme(self.folder)
            except StorageError as error:
                self._warn(str(error))

    def save(self, *, game: bool = True) -> None:
        """Write a checkpoint unless there is one of this moment; with `game`, where the game stands is in it.

        With `game` all ranks save together: rank 0 writes what the others bring.

        Raises `StorageError` when the disk refuses, `CheckpointError` when a number is not finite.
        """
        trainer = self.trainer
        wanted = self.ranks.leads and self.saved_at != trainer.steps
        if not (self.ranks.agree(wanted) if game else wanted):
            return
        tensors = trainer.tensors() | (self._game() if game else {})
        if not self.ranks.leads:
            return
        manifest = {
            "counters": trainer.counters(),
            "identity": self._identity(),
            "seed": trainer.seed,
            "settings": self.settings.as_dict(),
            "versions": versions(),
            "ranks": self.ranks.count,
        }
        checkpoint.save(self.checkpoints, trainer.steps, tensors, manifest, self.settings.train.checkpoints_kept)
        self.saved_at = trainer.steps

    def _game(self) -> dict[str, torch.Tensor]:
        """Return where the game stands: on rank 0 that of all ranks, whose weights have to be the same."""
        trainer, ranks = self.trainer, self.ranks
        game = trainer.play_tensors()
        snapshot = getattr(trainer.env, "snapshot", None)
        if snapshot is not None:
            with trainer.calls:
                game[SNAPSHOT] = torch.frombuffer(bytearray(snapshot()), dtype=torch.uint8)
        if ranks.count == 1:
            return game
        ranks.check_same("the weights", list(trainer.policy.parameters()))
        others = ranks.collect(safetensors.torch.save(game))[1:]
        return game | {
            f"{_prefix(rank)}{name}": tensor
            for rank, data in enumerate(others, 1)
            for name, tensor in safetensors.torch.load(data).items()
        }

    def restore(self, found: checkpoint.Checkpoint, changed: set[str]) -> None:
        """Go on from a checkpoint. Raises `CheckpointError` naming what does not fit.

        changed: settings of the environment that were given anew, which may differ.
        """
        trainer, where, manifest = self.trainer, found.path, found.manifest
        own, of_all = _prefix(self.ranks.rank), found.tensors
        mine = {name.removeprefix(own): tensor for name, tensor in of_all.items() if name.startswith(own)}
        found = replace(found, tensors={name: of_all[name] for name in trainer.tensors() if name in of_all} | mine)
        identity = self._identity()
        checkpoint.check_settings(manifest["identity"], identity, changed, where)
        checkpoint.check_identity(manifest["identity"] | {"seed": manifest["seed"]}, identity, where)
        checkpoint.check_shapes(found.tensors, trainer.tensors(), where)
        checkpoint.check_generators(found.tensors, where)
        checkpoint.check_counters(manifest["counters"], trainer.counters(), where)
        for name, version in versions().items():
            if manifest["versions"].get(name) != version:
                before = manifest["versions"].get(name)
                self._say(f"Saved with {name} {before}, here it is {version}: the numbers may come out differently.")
        play = self._restore_environment(found)
        if self.ranks.agree(not play) and play:
            self._warn("Another rank cannot go on with its episodes: those of all ranks start anew.")
            play = False
        trainer.restore(found.tensors, manifest["counters"], play)
        self.resumed_at = self.saved_at = trainer.steps
        if not play:
            trainer.restart(int(np.random.SeedSequence([trainer.seed, trainer.steps]).generate_state(1)[0]))
        self._say(f"Going on from {where} at {short(trainer.steps)} steps.")

    def _restore_environment(self, found: checkpoint.Checkpoint) -> bool:
        """Put the environment back to where it stood; False, said aloud, where that is impossible."""
        restore, ranks = getattr(self.trainer.env, "restore", None), found.manifest.get("ranks", 1)
        if ranks != self.ranks.count:
            self._warn(
                f"The checkpoint is of a run on {_counted(ranks)}, this is one on {_counted(self.ranks.count)}: "
                "episodes start anew, the policy goes on."
            )
            return False
        if restore is None:
            self._warn("The environment keeps no snapshots: its episodes start anew, the policy goes on.")
            return False
        if SNAPSHOT not in found.tensors:
            self._warn("The checkpoint has no snapshot of the environment: its episodes start anew.")
            return False
        try:
            checkpoint.check_shapes(found.tensors, self.trainer.play_tensors(), found.path)
            restore(found.tensors[SNAPSHOT].numpy().tobytes())
        except Exception as error:  # whatever the environment's own errors are
            self._warn(f"The environment's snapshot does not fit ({error}): its episodes start anew.")
            return False
        return True

    def _identity(self) -> dict[str, Any]:
        """Return what a checkpoint must agree with."""
        policy = self.trainer.policy
        about = identify(self.trainer.env, self.source.name, self.settings.env)
        return {
            "environment": about.name,
            "environment_version": about.version,
            "environment_settings": json.loads(json.dumps(about.settings, default=str)),
            **policy.spec.identity(),
            **policy.identity(),
            "seed": self.trainer.seed,
        }

    def _leave(self, reason: str) -> str:
        """Keep what was learned before the environment failed, and why it did; return a sentence."""
        failure = self.folder / FAILURE
        try:
            with storing(failure):
                write_atomically(failure, f"After {self.trainer.steps} steps: {reason}\n".encode())
            where = f"The traceback is in {failure}, too. "
        except StorageError:
            where = ""  # it is on its way to the terminal
        return where + self._keep_learned()

    def _keep_learned(self) -> str:
        """Save what was learned in a run that cannot go on by itself; return a sentence."""
        if self.trainer.updates == 0:
            return "Nothing was learned before that."
        if self.saved_at == self.trainer.steps:
            return self._newest()
        try:
            self.save(game=False)
        except (StorageError, CheckpointError) as error:
            return f"What was learned since the last checkpoint is lost: {error} {self._newest()}"
        return f"What was learned is saved. Go on, once that is mended, with: {self.way_on()}"

    def _dump(self, reason: str) -> str:
        """Leave what the last, broken rollout held for whoever looks for the cause; return a sentence."""
        buffers, trainer = self.trainer.buffers, self.trainer
        tensors = {name: value for name, value in vars(buffers).items() if isinstance(value, torch.Tensor)}
        tensors |= {f"policy.{name}": p.detach() for name, p in trainer.policy.named_parameters()}
        tensors |= {f"gradient.{name}": p.grad for name, p in trainer.policy.named_parameters() if p.grad is not None}
        path = self.folder / "nonfinite-dump.safetensors"
        try:
            contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
            write_atomically(path, safetensors.torch.save(contiguous, {"reason": reason}))
        except OSError as error:
            return f"The dump could not be written: {error.strerror or error}."
        return f"Look into {path} for the last rollout, weights and gradients."

    # -- finishing -----------------------------------------------------------------------------------------

    def finish(self, log: Loggers) -> int:
        """Export, evaluate, record, film, and say where everything is."""
        trainer = self.trainer
        seconds = time.monotonic() - self.started
        trained = trainer.steps - (self.resumed_at or 0)
        self._say(f"Trained {short(trained)} steps in {clock(seconds)} ({short(trained / seconds)} steps/s).")
        policy_file = self._write_policy()
        try:
            self._evaluate(log)
            replay = self._record()
            film = self._film(replay) if replay is not None and self.video else None
        except KeyboardInterrupt as interrupt:
            self._say(f"Interrupted; the policy and all before it are in {self.folder}.")
            return exit_status(interrupt)
        name = self.source.name
        left = {"run": self.folder, "policy": policy_file, "replay": replay, "video": film}
        for what, path in left.items():
            if path is not None:
                self._say(f"  {what:<8}{path}")
        self._say("What to do next:")
        if ":" not in name:
            self._say(f"  puffer-play {name} --policy {policy_file}")
        if film is not None:
            self._say(f"  puffer-render {replay} whole-game.mp4")
        self._say(f"  puffer-eval {name} --policy {policy_file} --episodes 1000")
        self._say(f"  {self.way_on('--steps', str(2 * self.settings.train.steps))}")
        return 0

    def _write_policy(self) -> Path:
        """Export the policy. Raises `PolicyError` or `StorageError`."""
        path = self.folder / POLICY
        write_policy(path, self.trainer.player, identify(self.trainer.env, self.source.name, self.settings.env))
        return path

    def _evaluate(self, log: Loggers) -> None:
        episodes = self.settings.train.eval_episodes
        if episodes == 0:
            return
        spec, seed = self.trainer.spec, self.trainer.seed + EVALUATION_SEED
        envs = evaluation_envs(spec, episodes)
        with _environment(self.source, self.settings, seed, self.threads, envs) as env:
            result = evaluate(env, self.trainer.player, seed, name=self.source.name)
        report_evaluation(result, self.console)
        summary = result.summary()
        log.finish({f"{name}/{key}": value for name, of in summary.items() for key, value in of.items()})
        content = {"episodes": result.episodes, "unfinished": result.unfinished, **summary}
        with storing(self.folder / EVALUATION):
            write_atomically(self.folder / EVALUATION, (json.dumps(content, indent=2) + "\n").encode())

    def _record(self) -> Path | None:
        path, seed = self.folder / "replay.puf", self.trainer.seed + EVALUATION_SEED
        with _environment(self.source, self.settings, seed, 1, num_envs=1) as env, storing(path):
            if not records(env):
                self._say("No replay, and hence no video: this environment does not record any.")
                return None
            record(env, self.trainer.player, seed, path)
        return path

    def _film(self, replay: Path) -> Path | None:
        """Have the renderer, a separate program, turn the replay into a video; a failure is one line."""
        if importlib.util.find_spec("puffer_render") is None:
            self._say('No video: pip install "puffer-envs[render]" brings the renderer.')
            return None
        path = self.folder / "video.mp4"
        command = [sys.executable, "-m", "puffer_render.cli_render", str(replay), str(path)]
        command += ["--max-seconds", str(VIDEO_SECONDS)]
        self._say("Making a video of one game (Ctrl-C leaves without it) ...")
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=VIDEO_PATIENCE_SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            self._say(f"No video: {error}.")
            return None
        if done.returncode != 0 or not path.is_file():
            last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
            self._say(f"No video: the renderer left with status {done.returncode}: {last}")
            return None
        return path

    def _say(self, line: str) -> None:
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _warn(self, line: str) -> None:
        self._say(f"WARNING: {line}")


def _counted(ranks: int) -> str:
    return f"{ranks} rank" if ranks == 1 else f"{ranks} ranks"


def _prefix(rank: int) -> str:
    """Return what the names of a rank's game begin with in a checkpoint: nothing for those of rank 0."""
    return f"rank{rank}." if rank else ""


def evaluation_envs(spec: EnvironmentSpec, episodes: int) -> int:
    """Return how many environments give at least that many first episodes."""
    agents = spec.rows // spec.envs
    return -(-episodes // agents)


@contextmanager
def _environment(
    source: registry.EnvironmentSource,
    settings: config.Settings,
    seed: int,
    threads: int,
    num_envs: int | None = None,
    ranks: Ranks = ALONE,
) -> Iterator[Environment]:
    """Make environments, with `ranks` this one's share of the run's, and close them at the end."""
    count = num_envs or settings.train.num_envs // ranks.count
    first = None if ranks.count == 1 else ranks.rank * count
    env = source.make(count, seed, threads, settings.env, first)
    try:
        yield env
    finally:
        env.close()


def _tune(trainer: Trainer, threads: int | None) -> None:
    """Prepare torch for the matrix products of this run."""
    spec, train, layers = trainer.spec, trainer.settings.train, trainer.policy.products()
    acting = [(spec.rows, i, o) for i, o in layers]
    learning = [(train.minibatch, i, o) for i, o in layers] + [(i, train.minibatch, o) for i, o in layers]
    runtime.tune(threads, acting + learning)


@contextmanager
def _new_folder(folder: Path | None, name: str) -> Iterator[Path]:
    """Make the folder of a run and keep other processes out of it.

    Raises `ConfigError` when there is something in it, `StorageError` when it cannot be made.
    """
    with storing(f"to the run folder {folder or 'in runs'}"):
        chosen = _dated_folder(name) if folder is None else folder
        chosen.mkdir(parents=True, exist_ok=True)
    with FolderLock(chosen):
        here = {path.name for path in chosen.iterdir()} - {LOCK}
        if CHECKPOINTS in here:
            raise ConfigError(f"{chosen} holds a run already: go on with it by --resume {chosen}, or choose another.")
        if here:
            what = "holds a run that never saved anything" if CONFIG in here else "is not empty"
            raise ConfigError(f"{chosen} {what}: choose a new folder for --run-dir, or empty that one.")
        yield chosen


def _dated_folder(name: str) -> Path:
    """Make a folder that nobody else has, named after the environment and the time."""
    fitting = re.sub(r"[^\w.-]+", "-", name)
    dated = Path("runs") / f"{fitting}-{time.strftime('%Y%m%d-%H%M%S')}"
    for again in itertools.count(1):
        chosen = dated if again == 1 else dated.with_name(f"{dated.name}_{again}")
        try:
            chosen.mkdir(parents=True)
        except FileExistsError:
            continue
        return chosen
    raise AssertionError
