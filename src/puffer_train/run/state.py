"""What a run is: its folder, its algorithm, how it was started, and where it reports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from puffer_envs.contract import shell
from puffer_envs.contract.files import write_atomically
from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.environments import registry
from puffer_train.errors import StorageError
from puffer_train.own_code import named_code
from puffer_train.policy import find_network
from puffer_train.report.metrics import MetricsFile
from puffer_train.report.terminal import lasting_console
from puffer_train.run.consent import library_words
from puffer_train.storage.checkpoint import NETWORK_SOURCE
from puffer_train.storage.checksummed_json import seal
from puffer_train.storage.files import storing
from puffer_train.storage.folder import CONFIG
from puffer_train.storage.identity import CODE, IDENTITY, code_of, make_identity
from puffer_train.storage.lock import FolderLock
from puffer_train.storage.policy_file import identify
from puffer_train.storage.timeline import RESTARTED, RETREATS
from puffer_train.system.machine import machine, versions
from puffer_train.system.ranks import Ranks

CHECKPOINTS = "checkpoints"
"""Subfolder of a run folder that holds its checkpoints."""

CHECKSUM_KEY = "sha256"
"""Key in `config.json` of the checksum of everything else in it."""


NEWEST_SECONDS = 5.0
"""How often the policy is written while it trains."""


@dataclass(frozen=True)
class RunOptions:
    """How to run a training, besides its settings."""

    threads: int | None = None
    """Processor threads; None for all cores."""
    video: bool = True
    """Whether to make a video at the end."""
    learner: str = "auto"
    """One of `config.LEARNERS`."""
    log: Sequence[str] = ()
    """Loggers besides the metrics file."""
    command: str = ""
    """The command as it was typed; it is only written down."""
    libraries: Sequence[str] = ()
    """Shared libraries that were loaded for their environments."""
    quiet: bool = False
    """Whether to print nothing."""
    newest_seconds: float = NEWEST_SECONDS
    """How often the policy is written while it trains; 0 is never."""

    def library_words(self) -> list[str]:
        """Return the options that load the libraries again."""
        return library_words(self.libraries)

    def repeated(self) -> list[str]:
        """Return the options that a command which resumes the run has to repeat."""
        threads = [] if self.threads is None else ["--threads", str(self.threads)]
        learner = [] if self.learner == "auto" else ["--learner", self.learner]
        newest = [] if self.newest_seconds == NEWEST_SECONDS else ["--newest-seconds", f"{self.newest_seconds:g}"]
        return threads + learner + newest + self.library_words() + ([] if self.video else ["--no-video"])


@dataclass
class RunState:
    """One training run and its folder."""

    folder: Path
    """Where everything is written. Only rank 0 uses it."""
    source: registry.EnvironmentSource
    """Makes the environments to evaluate and record in."""
    ppo: PPO
    """Does the learning."""
    cores: int
    """Processor threads for environments."""
    options: RunOptions
    """How the run was started."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """The `history` of `config.json`: one entry for each earlier process of this run."""
    console: Console = field(default_factory=lasting_console)
    """Where to report; silent on all ranks but the first."""
    started: float = field(init=False)
    """When this process began, in seconds on a monotonic clock."""
    began: str = field(default_factory=lambda: time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))
    """The same as a date."""
    resumed_at: int | None = None
    """Agent steps done when this process resumed the run; None in a new run."""
    seconds_before: float = 0.0
    """Seconds of training in the run's earlier processes."""
    saved_at: int | None = None
    """Agent steps of the newest checkpoint."""
    restarted: bool = False
    """Whether this process could not continue the episodes of the one before."""
    lock: FolderLock | None = None
    """Keeps other processes out of the folder, on rank 0 of a run that trains."""
    parent: dict[str, Any] | None = None
    """The run that this is a branch of, and the agent steps at which it left it."""
    metrics: MetricsFile | None = None
    """Where its numbers go, on rank 0 once the folder is open."""
    retreats: int = 0
    """How often the run went back to a checkpoint because of NaN."""
    notes: list[dict[str, Any]] = field(default_factory=list)
    """When, where to and why it went back in this process."""
    stopped_by: int = 0
    """Number of the signal that asked a rank to stop, 0 for none."""
    stopped_early: bool = False
    """Whether the training was ended as if its steps were done."""
    reason: str = ""
    """Why it was."""
    no_video: str | None = None
    """Why no video follows the training; None if one does."""

    def __post_init__(self) -> None:
        self.started = time.monotonic()
        if self.options.quiet or not self.ranks.leads:
            self.console = Console(quiet=True)
        about = identify(self.ppo.env, self.source.name, self.settings.env)
        learner = type(self.ppo.learner).__name__
        own = named_code(self.settings.as_dict()).values()
        self.identity = make_identity(about.name, self.ppo.env, about.version, about.settings, learner, own)
        """What made the run, besides its settings: taken at the start, since `env.set` may change the environment."""

    @property
    def ranks(self) -> Ranks:
        """The processes that train together."""
        return self.ppo.ranks

    @property
    def settings(self) -> config.Settings:
        """The settings of the run."""
        return self.ppo.settings

    def check_folder(self) -> None:
        """Make sure that the folder is still there; where it was moved, `folder` is its new place from now on.

        Raises:
            StorageError: It was moved or removed.
        """
        if self.lock is None or self.lock.in_place():
            return
        before, self.folder = self.folder, self.lock.find()
        raise StorageError(
            f"the run folder {before} was moved to {self.folder} while it was in use, which ends the training. "
            f"All of it is saved there; resume with: {self.resume_command()}"
        )

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.folder / CHECKPOINTS

    def resume_command(self, *more: str) -> str:
        """Return the command that resumes the run, quoted for a shell."""
        name = [self.source.name] if registry.imports_code(self.source.name) else []
        code = [word for key, value in named_code(self.settings.as_dict()).items() for word in (f"--{key}", value)]
        words = ["puffer-train", *name, "--resume", str(self.folder), *code, *self.options.repeated(), *more]
        return shell.join(self.ranks.command(words))

    def network_words(self) -> list[str]:
        """Return the option that gives a command the name of the run's own network, if it has one."""
        network = self.settings.policy.network
        return ["--policy.network", network] if network else []

    def write_network(self) -> None:
        """Write down the source of the run's own network, if it has one, as it is now.

        Raises:
            StorageError: The disk refuses.
        """
        if self.settings.policy.network:
            path = self.folder / NETWORK_SOURCE
            with storing(path):
                write_atomically(path, find_network(self.settings.policy.network).source.encode())

    def outcome(self, failed: bool) -> str:
        """Return in a word how this process ended, for the run's history."""
        return "failed" if failed else "finished" if self.ppo.finished or self.stopped_early else "interrupted"

    def seconds(self) -> float:
        """Return the seconds of training so far, in all processes of the run, on the slowest rank."""
        mine = round(1000 * (self.seconds_before + time.monotonic() - self.started))
        return (self.ranks.most(mine) if self.settings.train.max_seconds else mine) / 1000

    def made_of(self) -> dict[str, Any]:
        """Return the part of `config.json` that decides every number of the run."""
        return {
            "environment": self.source.name,
            "seed": self.ppo.seed,
            "ranks": self.ranks.count,
            "settings": self.settings.as_dict(),
            IDENTITY: self.identity,
            "versions": versions(),
        }

    def write_config(self, ended: str = "still running, or killed", reason: str = "") -> None:
        """Write `config.json`: everything the run depends on, and its history.

        Args:
            ended: How this process ended, in a word.
            reason: Why its training did.

        Raises:
            StorageError: The disk refuses.
        """
        part = {
            "command": launch_command(self.options.command, self.ranks),
            "started": self.began,
            "seconds": round(time.monotonic() - self.started, 1),
            "from_steps": self.resumed_at or 0,
            "to_steps": self.ppo.steps,
            "ended": ended,
            CODE: code_of(self.identity),
            **({"reason": reason} if reason else {}),
            **({RESTARTED: True} if self.restarted else {}),
            **({RETREATS: self.notes} if self.notes else {}),
        }
        content = {
            **self.made_of(),
            "threads": {"environments": self.cores, "torch": torch.get_num_threads()},
            "log": list(self.options.log),
            "libraries": list(self.options.libraries),
            "machine": machine(),
            **({"parent": self.parent} if self.parent else {}),
            "history": [*self.history, part],
        }
        with storing(self.folder / CONFIG):
            write_atomically(self.folder / CONFIG, seal(content, CHECKSUM_KEY))

    def say(self, line: str) -> None:
        """Print a line, never wrapped."""
        self.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def warn(self, line: str) -> None:
        """Print a warning."""
        self.say(f"WARNING: {line}")


def launch_command(command: str, ranks: Ranks) -> str:
    """Return a command as it was typed, with the part that torchrun hides from the program."""
    return shell.join(ranks.command(shell.split(command))) if command else ""
