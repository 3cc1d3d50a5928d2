"""What a run folder may not decide alone: which code runs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from puffer_train.errors import ConfigError
from puffer_train.own_code import named_code
from puffer_train.run.state import RunOptions


def check_libraries(folder: Path, saved: Mapping[str, Any], options: RunOptions) -> None:
    """Raise `ConfigError` if a run needs libraries that were not given again. saved: its config.json."""
    if saved.get("libraries") and not options.libraries:
        given_before = shlex.join(word for path in saved["libraries"] for word in ("--library", str(path)))
        raise ConfigError(f"{folder} was trained with {given_before}: give that as well if you trust it.")


def check_consent(folder: Path, saved: Mapping[str, Any], given: Mapping[str, object]) -> None:
    """Raise `ConfigError` if a folder's settings name code that was not given again: it could be `os:system`."""
    for setting, name in named_code(saved).items():
        table, _, key = setting.partition(".")
        now = given.get(table)
        if not isinstance(now, Mapping) or key not in now:
            raise ConfigError(
                f"{folder} was trained with your own code, {setting} {name!r}: give that as well if you trust it."
            )
