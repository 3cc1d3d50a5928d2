"""The trained policies that ship with the environments."""

from __future__ import annotations

from pathlib import Path

from puffer_envs.contract.errors import UserError
from puffer_envs.contract.names import suggest

FOLDER = Path(__file__).parents[1] / "trained"
"""Holds one policy file for each environment, made with the settings that ship for it: `puffer-train NAME`."""
SUFFIX = ".safetensors"


class NoTrainedPolicyError(UserError, ValueError):
    """No trained policy ships for this environment."""


def list_trained() -> list[str]:
    """The environments that a trained policy ships for, sorted."""
    return sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))


def trained_policy(name: str) -> Path:
    """The policy file that ships for an environment: `load_policy` and every command read it.

    Args:
        name: of the environment, such as `breakout`.

    Raises:
        NoTrainedPolicyError: there is none.
    """
    known = list_trained()
    if name not in known:
        raise NoTrainedPolicyError(
            f"no trained policy ships for {name!r}.{suggest(str(name), known)} `puffer-train NAME` trains your own."
        )
    return FOLDER / f"{name}{SUFFIX}"
