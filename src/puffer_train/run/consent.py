"""What a run folder may not decide alone: which code runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from puffer_envs.contract import shell
from puffer_train.errors import ConfigError
from puffer_train.own_code import named_code


def library_words(libraries: Iterable[str]) -> list[str]:
    """Return the words of a command line that load these libraries."""
    return [word for path in libraries for word in ("--library", str(path))]


def check_libraries(folder: Path, needed: Sequence[str], given: Sequence[str]) -> None:
    """Raise `ConfigError` if a run or a sweep needs libraries that were not given again."""
    if needed and not given:
        words = shell.join(library_words(needed))
        raise ConfigError(f"{folder} was trained with {words}: give that as well if you trust it.")


def check_consent(folder: Path, saved: Mapping[str, Any], given: Mapping[str, object]) -> None:
    """Raise `ConfigError` if a folder's settings name code that was not given again: it could be `os:system`."""
    for setting, name in named_code(saved).items():
        table, _, key = setting.partition(".")
        now = given.get(table)
        if not isinstance(now, Mapping) or key not in now:
            raise ConfigError(
                f"{folder} was trained with your own code, {setting} {name!r}: give that as well if you trust it."
            )
