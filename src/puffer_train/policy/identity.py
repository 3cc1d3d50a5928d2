"""What a saved policy says about itself: `Policy.identity`, and the way back to settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_type_hints

from puffer_train.config import PolicySettings
from puffer_train.errors import CheckpointError

BEFORE_THERE_WERE_OTHERS = {"cell": "mingru", "encoder": "flat", "value_head": "scalar"}
"""What files are that do not say."""

MOST_HIDDEN, MOST_LAYERS = 65535, 1023
"""No policy is larger, and a damaged file may claim anything."""


def completed(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the identity with what older files leave out."""
    return BEFORE_THERE_WERE_OTHERS | dict(identity)


def settings_of(identity: Mapping[str, Any], path: Path) -> PolicySettings:
    """Return the settings that make a policy of this identity.

    Raises `CheckpointError`, naming the file at `path`, when they make none.
    """
    given = completed(identity)
    for name, most in (("hidden", MOST_HIDDEN), ("layers", MOST_LAYERS)):
        value = given.get(name)
        if type(value) is not int or not 0 < value <= most:
            raise CheckpointError(f"{path} is damaged: {name} is {value!r}, not a whole number from 1 to {most}.")
    kinds = get_type_hints(PolicySettings)
    for name in BEFORE_THERE_WERE_OTHERS:
        if given[name] not in get_args(kinds[name]):
            raise CheckpointError(
                f"{path} does not fit: this version knows no {name.replace('_', ' ')} {given[name]!r}."
            )
    return PolicySettings(**{name: given[name] for name in ("hidden", "layers", *BEFORE_THERE_WERE_OTHERS)})
