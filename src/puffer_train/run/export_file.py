"""`puffer-export NAME out.safetensors`: a policy file, perhaps of half the size, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from puffer_train.report.exported import Exported
from puffer_train.run.export_c import policy_of
from puffer_train.storage.files import storing

HALF_BITS = 11
"""Significant bits of float16: with so many or more, nothing else is rounded."""


def export_file(
    source: Path,
    path: Path,
    weights: Literal["float32", "float16"] = "float32",
    *,
    bits: int = HALF_BITS,
    episodes: int = 256,
    name: str | None = None,
    networks: Sequence[str] = (),
    env_settings: Mapping[str, object] | None = None,
    seed: int = 1000,
) -> Exported:
    """Write the policy of a run, policy file or checkpoint as a policy file.

    Args:
        source: A run folder, policy file or checkpoint.
        path: The file to write.
        weights: What it stores weights as. float16 halves the file.
        bits: How many significant bits float16 weights of usual size keep, up to 11: all. See `PolicyFile.rounded`.
        episodes: How many are played with float16 weights, and without, to compare; 0: none.
        name: The environment's name, needed where it imports code.
        networks: Names of networks of the user's own that may be imported.
        env_settings: Changes of the environment's settings, for those episodes.
        seed: Of those episodes.

    Raises:
        UserError: There is no policy, a weight is too large for float16, or the file cannot be written.
    """
    file = replace(policy_of(source, name, networks, env_settings or {}), weights=weights)
    whole, rounding = replace(file, weights="float32"), None
    if weights == "float16" and bits < HALF_BITS:
        file = file.rounded(bits)
    if weights == "float16" and episodes:
        from puffer_train.run.rounding import measure  # noqa: PLC0415 - needs torch

        rounding = measure(whole, file, source, name, env_settings or {}, episodes, seed)
    with storing(path):
        file.write(path)
    return Exported((path,), weights, None, rounding)
