"""`puffer-export NAME out.c`: a policy as C, which takes NumPy alone, and what rounding its weights costs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from puffer_envs.contract.completion import DISTRIBUTION
from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.policy_file import PolicyFile
from puffer_train.errors import ConfigError
from puffer_train.report.exported import Exported
from puffer_train.storage.c_file.cost import Cost
from puffer_train.storage.c_file.text import CFile
from puffer_train.storage.c_file.weights import Weights
from puffer_train.storage.files import storing


def export_c(
    source: Path,
    path: Path,
    kind: str = "float32",
    *,
    episodes: int = 256,
    name: str | None = None,
    networks: Sequence[str] = (),
    env_settings: Mapping[str, object] | None = None,
    seed: int = 1000,
) -> Exported:
    """Write the policy of a run, policy file or checkpoint as a C file and its header.

    Args:
        source: A run folder, policy file or checkpoint.
        path: The C file; the header has its name with `.h`.
        kind: What weights are stored as: `float32`, `int16` or `int8`.
        episodes: How many are played with rounded weights, and without, to compare; 0: none.
        name: The environment's name, needed where it imports code.
        networks: Names of networks of the user's own that may be imported.
        env_settings: Changes of the environment's settings, for those episodes.
        seed: Of those episodes.

    Raises:
        UserError: There is no policy, it cannot be exported, or a file cannot be written.
    """
    file = policy_of(source, name, networks, env_settings or {})
    weights = Weights.of(file, kind)
    rounding = None
    if kind != "float32" and episodes:
        from puffer_train.run.rounding import measure  # noqa: PLC0415 - needs torch

        rounding = measure(file, weights.as_policy, source, name, env_settings or {}, episodes, seed)
    text = CFile(
        name=identifier(path.stem),
        file=path.stem,
        weights=weights,
        sha256=hashlib.sha256(b"".join(tensor.tobytes() for tensor in file.tensors.values())).hexdigest(),
        version=version(DISTRIBUTION),
        measured=[] if rounding is None else rounding.sentences,
    )
    header = path.with_suffix(".h")
    with storing(path):
        write_atomically(header, text.header.encode())
        write_atomically(path, text.code.encode())
    return Exported((path, header), kind, Cost.of(weights), rounding)


def identifier(stem: str) -> str:
    """Return what names in C begin with, from the name of a file: `my-policy` -> `my_policy`.

    Raises:
        ConfigError: It does not begin with a letter of ASCII.
    """
    if not re.match("[A-Za-z]", stem):
        raise ConfigError(f"{stem}.c: its name begins the names in C, which must begin with a letter. Choose another.")
    return re.sub("[^A-Za-z0-9]", "_", stem)


def policy_of(
    source: Path, name: str | None, networks: Sequence[str], env_settings: Mapping[str, object]
) -> PolicyFile:
    """Return the policy of a run or file. Only those in checkpoints need torch."""
    path = source / "policy.safetensors" if source.is_dir() else source
    in_checkpoint = (path.parent / "manifest.json").exists() or (source.is_dir() and not path.exists())
    if not in_checkpoint:
        return PolicyFile.read(path)
    from puffer_train.run.rounding import from_checkpoint  # noqa: PLC0415 - needs torch

    return from_checkpoint(source, name, networks, env_settings)
