"""From `Policy.identity`, which is saved with a policy, back to its settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from puffer_train.config import ImageSize, Normalize, PolicySettings
from puffer_train.errors import CheckpointError
from puffer_train.policy.encoders import IMAGES
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
    named = {name: identity[name] for name in ("hidden", "layers", *KINDS)}
    return PolicySettings(**named, network=network, image=_image_of(identity))


def _image_of(identity: Mapping[str, Any]) -> ImageSize:
    """The convolutions of its images; `large` where there are none, or others, which then do not fit."""
    fields = identity.get("field_encoders")
    parts = [identity, *(fields if isinstance(fields, list) else ())]
    small = [dataclasses.astuple(layer) for layer in IMAGES["small"]]
    found = [[tuple(row) for row in part.get("convolutions") or ()] for part in parts if isinstance(part, Mapping)]
    return "small" if small in found else "large"
