"""Which files hold an environment's rules, so that a run can tell one version of them from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium

from puffer_envs.contract.offers import load_offers
from puffer_train.system.code import hash_files, module_files

OURS = ("puffer_envs", "puffer_train")


def environment_hash(name: str, env: object) -> str | None:
    """Return the SHA-256 of the code that an environment's rules are in, None where it cannot be found.

    That is `env.code_files` where the environment knows them (a compiled core), else the Python module that its name
    leads to, with the package folder around it, and that of its class.

    Args:
        name: The name under which it was found.
        env: The batch.
    """
    try:
        given = getattr(env, "code_files", None)
        paths = tuple(map(Path, given)) if given else _python_files(name, env)
        return hash_files(paths)
    except Exception:  # other people's properties and modules; no run may fail for this
        return None


def _python_files(name: str, env: object) -> tuple[Path, ...]:
    modules = dict.fromkeys([*_named_modules(name), type(env).__module__])
    theirs = [module for module in modules if module.split(".")[0] not in OURS]
    return tuple(sorted({path for module in theirs for path in module_files(module)}))


def _named_modules(name: str) -> list[str]:
    """Return the modules that may be behind `gymnasium:ID`, `pettingzoo:NAME`, `module:factory` or an offered name."""
    scheme, colon, rest = name.partition(":")
    if not colon:
        offer: Any = load_offers().get(name)
        return [offer.__name__]
    if scheme == "gymnasium":
        entry = gymnasium.spec(rest).entry_point
        return [entry.partition(":")[0] if isinstance(entry, str) else entry.__module__]
    if scheme == "pettingzoo":
        module = rest.partition(":")[0].replace("/", ".").replace("-v", "_v")
        return [module, f"pettingzoo.{module}"]
    return [scheme]
