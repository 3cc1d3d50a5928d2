"""Settings in TOML files: those of a person, and those shipped for an environment or for a family of them."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Any

from puffer_envs.contract.names import suggest
from puffer_envs.contract.offers import load_offers
from puffer_train.errors import ConfigError

PYTHON_SETTINGS = "python"
"""Those of single Python environments, which are a hundred times slower than native ones."""

BALANCED = "balanced"
"""What the settings are called that hold if none are named."""
VARIANTS = ("fast", BALANCED, "best")
"""Points of the front of score against cost."""

MATCH = "match"
"""Key in the settings of a family: patterns of the names that they are for."""


def read_tables(file: Path) -> dict[str, Any]:
    """Return the tables of a TOML file, unchecked. Raises `ConfigError` when it cannot be read or is not TOML."""
    try:
        return _parse(file.read_text("utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the settings file {file}: {error}") from error


def given_tables(settings: str | Path, name: str | None) -> dict[str, Any]:
    """Return the tables of settings given as one of `VARIANTS` that ships for an environment, or as a TOML file.

    Raises:
        ConfigError: There is no such variant, or the file cannot be read or is not TOML.
    """
    variant = str(settings)
    if variant not in VARIANTS:
        if not Path(settings).suffix and not Path(settings).exists():
            raise ConfigError(f"no settings {variant!r}: give the path of a TOML file.{suggest(variant, VARIANTS)}")
        return read_tables(Path(settings))
    if variant == BALANCED:
        return {}
    if name is None:
        raise ConfigError(f"settings {variant!r} belong to an environment: give its name.")
    folder = resources.files("puffer_train") / "settings"
    files = {each: folder / each / f"{name}.toml" for each in VARIANTS}
    if not files[variant].is_file():
        known = ", ".join(each for each in VARIANTS if each == BALANCED or files[each].is_file())
        raise ConfigError(f"no settings {variant!r} ship for {name}; choose {known}, or the path of a TOML file.")
    return _parse(files[variant].read_text("utf-8"), f"settings/{variant}/{name}.toml")


def shipped(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield origin and tables of the settings shipped for an environment, the most general first."""
    foreign = ":" in name
    packaged = resources.files("puffer_train") / "settings" / f"{PYTHON_SETTINGS if foreign else name}.toml"
    if packaged.is_file():
        origin = f"settings/{packaged.name}"
        yield origin, _parse(packaged.read_text("utf-8"), origin)
    find = getattr(load_offers().get(name), "settings_file", None)
    file = find(name) if find is not None else None
    if file is not None:
        yield str(file), read_tables(file)
    found = family(name) if foreign else None
    if found is not None:
        tables = {key: value for key, value in families()[found].items() if key != MATCH}
        yield f"settings/families/{found}.toml", tables


@functools.cache
def families() -> dict[str, dict[str, Any]]:
    """Return the settings shipped for families of other packages' environments, by the families' names."""
    folder = resources.files("puffer_train") / "settings" / "families"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    return {file.name.removesuffix(".toml"): _parse(file.read_text("utf-8"), file.name) for file in files}


def family(name: str) -> str | None:
    """Return the family that an environment such as `gymnasium:ALE/Pong-v5` belongs to; None for none.

    A module in the name that is only imported, as in `gymnasium:ale_py:ALE/Pong-v5`, does not matter.
    """
    scheme, _, rest = name.partition(":")
    plain = f"{scheme}:{rest.rpartition(':')[2]}"
    for found, tables in families().items():
        if any(fnmatchcase(plain, pattern) for pattern in tables[MATCH]):
            return found
    return None


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{origin} is not valid TOML: {error}.") from error
