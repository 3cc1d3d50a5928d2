"""Environments that installed packages offer, this one among them, through the entry point group `puffer.envs`.

An entry point names a module with `list_envs()` and `make(name, num_envs, seed, threads, **settings)`, which makes
a batch that keeps the buffer contract. If importing the module loads a C environment (`load_library`), that one is
native: it can also be played, drawn and replayed.
"""

from __future__ import annotations

import functools
import sys
from importlib.metadata import entry_points
from types import ModuleType

GROUP = "puffer.envs"


@functools.cache
def load_offers() -> dict[str, ModuleType]:
    """Import the packages that offer environments, once per process.

    A package that cannot be imported is reported on stderr and skipped: it must not keep the others from working.

    Returns:
        The module that offers each environment, by its name.
    """
    offers: dict[str, ModuleType] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        try:
            module: ModuleType = entry.load()
            for name in module.list_envs():
                offers.setdefault(name, module)
        except Exception as error:
            print(f"puffer-envs: skipped {entry.value}, which offers environments: {error!r}", file=sys.stderr)
    return offers
