"""From `Policy.identity`, which is saved with a policy, back to its settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from puffer_train.config import Normalize, PolicySettings
from puffer_train.errors import CheckpointError
from puffer_train.policy.network import NETWORK_ENCODER

KINDS = ("cell", "encoder", "value_head")
"""The settings that say which kind of network it is."""

MAX_HIDDEN, MAX_LAYERS = 65535, 1023
"""No policy is larger, and a damaged file may claim anything."""


def normalize_of(identity: Mapping[str, Any]) -> Normalize:
    """Return the argument `normalize` of a policy of this identity."""
    return "true" if identity.get("normalized") else "false"


def settings_of(identity: Mapping[str, Any], path: Path) -> PolicySettings:
    """Return the settings that make a policy of this identity.

    Raises `CheckpointError`, naming the file at `path`, when they make none.
    """
    for name, most in (("hidden", MAX_HIDDEN), ("layers", MAX_LAYERS)):
        value, least = identity.get(name), 0 if name == "layers" else 1
        if type(value) is not int or not least <= value <= most:
            raise CheckpointError(f"{path} is damaged: {name} is {value!r}, not a whole number from {least} to {most}.")
    network = ""
    if identity.get("encoder") == NETWORK_ENCODER:
        about = identity.get("network")
        network = about.get("name", "") if isinstance(about, dict) else ""
        if not isinstance(network, str) or not network:
            raise CheckpointError(f"{path} is damaged: it does not name its network.")
        identity = {**identity, "encoder": "auto"}
    kinds = get_type_hints(PolicySettings)
    for name in KINDS:
        if identity.get(name) not in get_args(kinds[name]):
            raise CheckpointError(
                f"{path} does not fit: this version knows no {name.replace('_', ' ')} {identity.get(name)!r}."
            )
    return PolicySettings(**{name: identity[name] for name in ("hidden", "layers", *KINDS)}, network=network)
