"""What a run was made of, and how runs differ: they are the same only if everything agrees but the seed.

`config.json` holds `settings`, `versions` and `ranks`, and under `identity` what else decides a run's numbers: the
environment's version, all its settings, the hashes of its code, of this package's and of the user's own that the
settings name, and the learner. The machine does not count. Nothing here needs torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from puffer_train.config import flat
from puffer_train.environments.code import environment_hash
from puffer_train.system.code import hash_files, module_files, package_hash

IDENTITY, CODE = "identity", "code"
"""Keys of `config.json`, and of each entry of its `history`."""

WITHOUT_EFFECT = (
    "train.checkpoint_interval",
    "train.checkpoints_kept",
    "train.checkpoints_spread",
    "train.best_episodes",
    "train.eval_episodes",
    "train.eval_max_steps",
)
"""Settings that do not affect what is learned."""

CODES = ("environment code", "package code", "own code")
"""Facts that are hashes of code: of the rules, of this package, and of the user's own loss, network and the like."""

UNKNOWN, NO_CODE = "unknown", "none"

HASH_DIGITS = 8
"""As many digits of a hash are shown."""

MAX_NAMED = 4
"""Differences that a sentence names."""


def make_identity(
    name: str, env: object, version: int, settings: Mapping[str, Any], learner: str, own: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the `identity` of a run, as JSON values. It raises nothing: what cannot be found out is None.

    Args:
        name: The environment's.
        env: The batch that is trained on.
        version: The environment's.
        settings: All of the environment's, not only those that were given.
        learner: Who computes.
        own: The user's own code that the settings name, as `module:name`.
    """
    return {
        "environment_version": version,
        "environment_settings": json.loads(json.dumps(dict(settings), default=str)),
        "environment_code": environment_hash(name, env),
        "package_code": package_hash(),
        "own_code": _own_hash(list(own)),
        "learner": learner,
    }


def _own_hash(names: Sequence[str]) -> str | None:
    """Return the SHA-256 of the modules of the user's own code, `none` where there is none of it."""
    of_each = [module_files(name.partition(":")[0]) for name in names]
    if not all(of_each):
        return None
    return hash_files(tuple(sorted({path for paths in of_each for path in paths}))) if names else NO_CODE


def code_of(identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hashes of an identity, for the entry of `history` of a process that worked on the run."""
    return {key: identity.get(key) for key in (name.replace(" ", "_") for name in CODES)}


def facts(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that has to agree, except for the seed, by readable names: `env.frameskip`, `torch`.

    config: the content of a `config.json`. What it does not know, as those of older versions, is `unknown`.
    """
    found = config.get(IDENTITY)
    identity: Mapping[str, Any] = found if isinstance(found, dict) else {}
    settings = flat(config["settings"]) | flat({"env": identity.get("environment_settings") or {}})
    versions = config.get("versions")
    return {
        "environment": config["environment"],
        **{name: value for name, value in settings.items() if name not in WITHOUT_EFFECT},
        "environment version": identity.get("environment_version", UNKNOWN),
        **{name: _codes(config, identity, name.replace(" ", "_")) for name in CODES},
        "learner": identity.get("learner", UNKNOWN),
        "ranks": config.get("ranks", 1),
        **(versions if isinstance(versions, dict) else {}),
    }


def _codes(config: Mapping[str, Any], identity: Mapping[str, Any], key: str) -> str:
    """Return the code that made the run, or, where that changed when it was resumed, all of it in order."""
    found = [part.get(CODE) for part in config.get("history", [])]
    processes = [code if isinstance(code, dict) else {} for code in found]
    hashes = dict.fromkeys(str(code.get(key) or UNKNOWN) for code in [*processes, identity])
    return ", ".join(value if value == UNKNOWN else value[:HASH_DIGITS] for value in hashes)


def is_known(config: Mapping[str, Any]) -> bool:
    """Whether a run says what code made it: without that, it is the same as no other run."""
    known = facts(config)
    return not any(UNKNOWN in known[name] for name in CODES)


def differing(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Return the names that differ among these facts, and the value of each run, None where it has none.

    Python does not tell 1 from 1.0 and True, so values are compared as they are written.
    """
    names = dict.fromkeys(name for run in runs for name in run)
    values = {name: [run.get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if len(set(map(repr, found))) > 1}


def compare_runs(configs: Sequence[Mapping[str, Any]]) -> str | None:
    """Return how runs differ besides their seeds, as a clause: `they differ in ...`; None if they are the same.

    configs: contents of `config.json`.
    """
    found = differing([facts(config) for config in configs])
    if found:
        return f"they differ in {describe(found)}"
    if not all(map(is_known, configs)):
        return "it is unknown which code made them"
    return None


def describe(found: Mapping[str, Sequence[Any]]) -> str:
    """Return what `differing` found in words, with the values that occur: `train.gamma (0.98, 0.99) and ranks (1, 2)`.

    found: not empty.
    """
    parts = [f"{name} ({_listed(values)})" for name, values in found.items()]
    return joined(parts if len(parts) <= MAX_NAMED else [*parts[:MAX_NAMED], f"{len(parts) - MAX_NAMED} more"])


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys("not given" if value is None else written(value) for value in values))


def joined(words: Sequence[str]) -> str:
    """Return a list in words: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def written(value: object) -> str:
    """Return a setting's value as people write it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
