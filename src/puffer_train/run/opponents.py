"""Opponents from files, and the files of those that a run keeps: RUN/pool."""

from __future__ import annotations

import hashlib
from pathlib import Path

from puffer_envs.contract.offers import suggest_file
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import PolicyError
from puffer_envs.contract.trained import trained_policy
from puffer_train.algorithm.opponents import Named
from puffer_train.config import Settings
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ConfigError, StorageError
from puffer_train.run.saving import POLICY
from puffer_train.run.state import RunState
from puffer_train.storage.files import storing
from puffer_train.storage.folder import NEWEST
from puffer_train.storage.policy_file import EnvironmentIdentity, identify, read_policy, write_policy

POOL = "pool"
"""In a run folder: the earlier policies that it plays against, as policy files."""

SUFFIX = ".safetensors"


def read_opponents(settings: Settings, spec: EnvironmentSpec, about: EnvironmentIdentity) -> list[Named]:
    """Return the opponents that the settings name.

    Args:
        settings: Of the run.
        spec: What the environment is like.
        about: Which environment it is.

    Raises:
        UserError: A file is missing or damaged, or is for another environment, other rules or another size.
    """
    words = [word.strip() for word in settings.selfplay.opponents.split(",") if word.strip()]
    paths = [path for word in words for path in _find(word, about.name)]
    return [_read(path, settings, spec, about) for path in paths]


def _find(word: str, environment: str) -> list[Path]:
    """Return the policy files that a word stands for."""
    if word == "trained":
        return [trained_policy(environment)]
    path = Path(word)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ConfigError(
            f"selfplay.opponents: {word} is neither a policy file nor the folder of a run.{suggest_file(word)}"
        )
    found = [path / name for name in (POLICY, NEWEST) if (path / name).is_file()][:1]
    found = found or sorted(path.glob(f"*{SUFFIX}"))
    if not found:
        raise ConfigError(f"selfplay.opponents: there is no policy in the folder {word}.")
    return found


def _read(path: Path, settings: Settings, spec: EnvironmentSpec, about: EnvironmentIdentity) -> Named:
    info = PolicyFile.read(path).info
    if info.environment != about.name:
        raise ConfigError(f"selfplay.opponents: {path} is a policy for {info.environment}, not for {about.name}.")
    if info.environment_version != about.version:
        raise ConfigError(
            f"selfplay.opponents: {path} was trained with the rules of {about.name} version "
            f"{info.environment_version}, these are version {about.version}: train it again."
        )
    networks = [settings.policy.network] if settings.policy.network else []
    policy = read_policy(path, spec, networks)
    own_turns = info.settings.get("self_play") is not None and not info.settings["self_play"]
    return Named(path.name.removesuffix(SUFFIX), hashlib.sha256(path.read_bytes()).hexdigest(), policy, own_turns)


class PoolFolder:
    """Keeps `RUN/pool` as the pool is: one policy file for each earlier policy, called by its agent steps."""

    def __init__(self, run: RunState) -> None:
        """Nothing is written yet."""
        self._run, self._written, self._failed = run, 0, False

    def write(self) -> None:
        """Write who entered, and remove who left. A failure is a warning: the checkpoints hold the pool too."""
        run, opponents = self._run, self._run.ppo.opponents
        if opponents is None or not run.ranks.leads or self._failed or opponents.entered == self._written:
            return
        folder, about = run.folder / POOL, identify(run.ppo.env, run.source.name, run.settings.env)
        wanted = {folder / f"{steps:015d}{SUFFIX}": policy for steps, policy in opponents.snapshots().items()}
        again = opponents.entered > self._written + 1 or not self._written
        try:
            with storing(folder):
                folder.mkdir(exist_ok=True)
                there = set(folder.glob(f"*{SUFFIX}"))
                for path in there - wanted.keys():
                    path.unlink()
            for path, policy in wanted.items():
                if again or path not in there:
                    write_policy(path, policy, about)
        except (StorageError, PolicyError) as error:
            self._failed = True
            run.warn(f"{error} Training continues; {POOL} stays as it is.")
        self._written = opponents.entered
