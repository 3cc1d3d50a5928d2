"""A run: training in a folder of its own, from the first step to the video.

RUN holds in the end:

- config.json: everything the run depends on
- metrics.jsonl: one line per iteration
- checkpoints: what `--resume` goes on from
- failure.txt: why the run ended, where the environment's own code failed
- policy.safetensors: the policy, for NumPy, players and `puffer-eval`
- evaluation.json: how it did on fresh full episodes
- replay.puf: one of its games, exactly
- video.mp4: the same, to watch
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from rich.console import Console

from puffer_train import checkpoint, config, registry, runtime
from puffer_train.contract import Environment, EnvironmentSpec
from puffer_train.dashboard import Dashboard, Progress, clock, short
from puffer_train.errors import ConfigError, EnvironmentFailedError, NonFiniteError
from puffer_train.evaluate import Evaluation, evaluate, record, records
from puffer_train.export import identify, write_policy
from puffer_train.files import replace_durable
from puffer_train.metrics import MetricsFile
from puffer_train.options import INTERRUPTED
from puffer_train.policy import completed
from puffer_train.ppo import Trainer

EVALUATION_SEED = 1000
"""Added to the run's seed for the games it is judged on, which are thus not those it was trained on."""

VIDEO_SECONDS = 60
"""Length of the video: a whole game of Breakout would take minutes to render. The replay holds all of it."""

VIDEO_PATIENCE_SECONDS = 600
"""After this long, rendering the video is given up."""

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
) -> int:
    """Train from scratch in a new folder; return the exit status."""
    cores = threads or runtime.available_cores()
    with _environment(source, settings, seed, cores) as env:
        trainer = Trainer(env, settings, seed, source.name)
        _tune(trainer, threads)
        run = Run(_new_folder(folder, source.name), source, trainer, cores, video)
        run.write_config()
        return run.train()


def resume(folder: Path, name: str | None, given: Mapping[str, object], threads: int | None, *, video: bool) -> int:
    """Go on with the run in `folder`, with the settings `given` changed; return the exit status."""
    saved = read_config(folder)
    if name is not None and name != saved["environment"]:
        raise ConfigError(f"{folder} is a run of {saved['environment']!r}, not of {name!r}.")
    source = registry.find(saved["environment"])
    settings = config.overlay(config.Settings(), saved["settings"], str(folder / "config.json"))
    settings = config.overlay(settings, given, "command line")
    cores, seed = threads or runtime.available_cores(), int(saved["seed"])
    with _environment(source, settings, seed, cores) as env:
        trainer = Trainer(env, settings, seed, source.name)
        _tune(trainer, threads)
        run = Run(folder, source, trainer, cores, video)
        run.restore()
        run.write_config()
        (folder / FAILURE).unlink(missing_ok=True)
        return run.train()


def read_config(folder: Path) -> dict[str, Any]:
    """Return what `config.json` of a run holds. Raises `ConfigError` when the folder is no run."""
    try:
        saved = json.loads((folder / "config.json").read_text("utf-8"))
        if isinstance(saved["environment"], str) and isinstance(saved["settings"], dict):
            int(saved["seed"])
            return dict(saved)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise ConfigError(f"{folder} is no run folder: it has no readable config.json.")


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
    video: bool
    """Whether to make one."""
    console: Console = field(default_factory=Console)
    """Where to report."""
    started: float = field(default_factory=time.monotonic)
    """When this process began with the run."""
    resumed_at: int | None = None
    """Steps that were done when it was resumed."""

    @property
    def settings(self) -> config.Settings:
        """The settings of the run."""
        return self.trainer.settings

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.folder / "checkpoints"

    def write_config(self) -> None:
        """Write everything that the run depends on."""
        content = {
            "environment": self.source.name,
            "seed": self.trainer.seed,
            "threads": {"environments": self.threads, "torch": torch.get_num_threads()},
            "settings": self.settings.as_dict(),
            "versions": versions(),
        }
        replace_durable(self.folder / "config.json", (json.dumps(content, indent=2) + "\n").encode())

    # -- training ------------------------------------------------------------------------------------------

    def train(self) -> int:
        """Train to the end or to Ctrl-C, then finish; return the exit status."""
        trainer, interval = self.trainer, self.settings.train.checkpoint_interval
        progress = Progress(self.source.name, str(self.folder), self.settings.train.steps, trainer.steps)
        metrics = MetricsFile(self.folder / "metrics.jsonl", self.resumed_at)
        try:
            with stop_requests() as stop, Dashboard(progress, self.console) as dashboard:
                trainer.on_skip = lambda fault: dashboard.say(f"update skipped: {fault}")
                while not trainer.finished and not stop:
                    report = trainer.iterate()
                    metrics.write(report | {"seconds": round(time.monotonic() - self.started, 3)})
                    progress.update(trainer.steps, report, trainer.clock.seconds)
                    dashboard.refresh()
                    if trainer.steps // interval > (trainer.steps - trainer.batch) // interval:
                        self.save()
                self.save()
        except NonFiniteError as error:
            raise NonFiniteError(f"{error} {self._dump(str(error))}") from error
        except EnvironmentFailedError as error:
            raise EnvironmentFailedError(f"{error}\n{self._leave(str(error))}") from error
        finally:
            metrics.close()
        if not trainer.finished:
            self._say(f"Stopped at {short(trainer.steps)} steps and saved. Go on with:")
            self._say(f"  puffer-train --resume {self.folder}")
            return INTERRUPTED
        return self.finish()

    def save(self, *, environment: bool = True) -> Path:
        """Write a checkpoint, with the state of the environment if it gives one and is asked to."""
        tensors = self.trainer.tensors() | self.trainer.play_tensors()
        snapshot = getattr(self.trainer.env, "snapshot", None)
        if snapshot is not None and environment:
            with self.trainer.calls:
                tensors[SNAPSHOT] = torch.frombuffer(bytearray(snapshot()), dtype=torch.uint8)
        manifest = {
            "counters": self.trainer.counters(),
            "identity": self._identity(),
            "seed": self.trainer.seed,
            "settings": self.settings.as_dict(),
            "versions": versions(),
        }
        kept = self.settings.train.checkpoints_kept
        return checkpoint.save(self.checkpoints, self.trainer.steps, tensors, manifest, kept)

    def restore(self) -> None:
        """Go on from the newest checkpoint that is whole. Raises `CheckpointError` when none fits."""
        found = checkpoint.load_latest(self.checkpoints, self._warn)
        trainer, where = self.trainer, found.path
        checkpoint.check_identity(completed(found.manifest["identity"]), self._identity(), where)
        checkpoint.check_shapes(found.tensors, trainer.tensors(), where)
        play = self._restore_environment(found)
        trainer.restore(found.tensors, found.manifest["counters"], play)
        self.resumed_at = trainer.steps
        if not play:
            trainer.restart(int(np.random.SeedSequence([trainer.seed, trainer.steps]).generate_state(1)[0]))
        self._say(f"Going on from {where} at {short(trainer.steps)} steps.")

    def _restore_environment(self, found: checkpoint.Checkpoint) -> bool:
        """Put the environment back to where it stood; False, said aloud, where that is impossible."""
        restore = getattr(self.trainer.env, "restore", None)
        if restore is None or SNAPSHOT not in found.tensors:
            self._warn("The environment keeps no snapshots: its episodes start anew, the policy goes on.")
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
            **policy.spec.identity(),
            **policy.identity(),
        }

    def _leave(self, reason: str) -> str:
        """Keep what was learned before the environment failed, and why it did; return a sentence."""
        text = f"After {self.trainer.steps} steps: {reason}\n"
        replace_durable(self.folder / FAILURE, text.encode())
        if self.trainer.updates == 0:
            return f"Nothing was learned before that. The traceback is in {self.folder / FAILURE}, too."
        self.save(environment=False)
        return f"What was learned is saved. Go on, once that is mended, with: puffer-train --resume {self.folder}"

    def _dump(self, reason: str) -> str:
        """Leave what the last, broken rollout held for whoever looks for the cause; return a sentence."""
        buffers, trainer = self.trainer.buffers, self.trainer
        tensors = {name: value for name, value in vars(buffers).items() if isinstance(value, torch.Tensor)}
        tensors |= {f"policy.{name}": p.detach() for name, p in trainer.policy.named_parameters()}
        tensors |= {f"gradient.{name}": p.grad for name, p in trainer.policy.named_parameters() if p.grad is not None}
        path = self.folder / "nonfinite-dump.safetensors"
        try:
            contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
            replace_durable(path, safetensors.torch.save(contiguous, {"reason": reason}))
        except OSError as error:
            return f"The dump could not be written: {error.strerror or error}."
        return f"Look into {path} for the last rollout, weights and gradients."

    # -- finishing -----------------------------------------------------------------------------------------

    def finish(self) -> int:
        """Export, evaluate, record, film, and say where everything is."""
        trainer = self.trainer
        seconds = time.monotonic() - self.started
        trained = trainer.steps - (self.resumed_at or 0)
        self._say(f"Trained {short(trained)} steps in {clock(seconds)} ({short(trained / seconds)} steps/s).")
        policy_file = self.folder / "policy.safetensors"
        about = identify(trainer.env, self.source.name, self.settings.env)
        write_policy(policy_file, trainer.policy, about)
        try:
            self._evaluate()
            replay = self._record()
            film = self._film(replay) if replay is not None and self.video else None
        except KeyboardInterrupt:
            self._say(f"Interrupted; the policy and all before it are in {self.folder}.")
            return INTERRUPTED
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
        self._say(f"  puffer-train --resume {self.folder} --steps {2 * self.settings.train.steps}")
        return 0

    def _evaluate(self) -> None:
        episodes = self.settings.train.eval_episodes
        if episodes == 0:
            return
        spec, seed = self.trainer.spec, self.trainer.seed + EVALUATION_SEED
        envs = evaluation_envs(spec, episodes)
        with _environment(self.source, self.settings, seed, self.threads, envs) as env:
            result = evaluate(env, self.trainer.policy, seed, name=self.source.name)
        report_evaluation(result, self.console)
        content = {"episodes": result.episodes, "unfinished": result.unfinished, **result.summary()}
        replace_durable(self.folder / "evaluation.json", (json.dumps(content, indent=2) + "\n").encode())

    def _record(self) -> Path | None:
        if not records(self.trainer.env):
            self._say("No replay, and hence no video: this environment does not record any.")
            return None
        path, seed = self.folder / "replay.puf", self.trainer.seed + EVALUATION_SEED
        with _environment(self.source, self.settings, seed, 1, num_envs=1) as env:
            record(env, self.trainer.policy, seed, path)
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


def report_evaluation(result: Evaluation, console: Console) -> None:
    """Print mean, spread and range of every statistic, the main one first."""
    if result.unfinished:
        console.print(f"{result.unfinished} episodes did not end and are not counted.", soft_wrap=True, highlight=False)
    if not result.episodes:
        return
    summary = result.summary()
    console.print(f"Evaluated on {result.episodes} fresh full episodes:", soft_wrap=True, highlight=False)
    for name in sorted(summary, key=lambda name: name != result.main):
        f = summary[name]
        console.print(
            f"  {name:<16} mean {f['mean']:.5g}  std {f['std']:.4g}  min {f['min']:.5g}  max {f['max']:.5g}",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )


def evaluation_envs(spec: EnvironmentSpec, episodes: int) -> int:
    """Return how many environments give at least that many first episodes."""
    agents = spec.rows // spec.envs
    return -(-episodes // agents)


def versions() -> dict[str, str]:
    """Return the versions of what the numbers depend on."""
    try:
        own = importlib.metadata.version("puffer-envs")
    except importlib.metadata.PackageNotFoundError:
        own = "not installed"
    return {
        "puffer-envs": own,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


@contextmanager
def stop_requests() -> Iterator[list[int]]:
    """Yield a list that fills when the user asks to stop: a first Ctrl-C asks, a second one interrupts."""
    requests: list[int] = []

    def request(number: int, frame: FrameType | None) -> None:
        requests.append(number)
        signal.signal(number, previous[signal.Signals(number)])

    previous = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requests
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def _environment(
    source: registry.EnvironmentSource,
    settings: config.Settings,
    seed: int,
    threads: int,
    num_envs: int | None = None,
) -> Iterator[Environment]:
    """Make an environment and close it at the end."""
    env = source.make(num_envs or settings.train.num_envs, seed, threads, settings.env)
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


def _new_folder(folder: Path | None, name: str) -> Path:
    """Make the folder of a run. Raises `ConfigError` when it holds a run already, or cannot be made."""
    if folder is None:
        fitting = re.sub(r"[^\w.-]+", "-", name)
        first = chosen = Path("runs") / f"{fitting}-{time.strftime('%Y%m%d-%H%M%S')}"
        again = 1
        while chosen.exists():
            again += 1
            chosen = first.with_name(f"{first.name}_{again}")
    elif (folder / "config.json").exists():
        raise ConfigError(f"{folder} holds a run already: go on with it by --resume {folder}, or choose another.")
    else:
        chosen = folder
    try:
        chosen.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the run folder {chosen}: {error.strerror or error}.") from error
    return chosen
