"""Train reinforcement-learning policies on any environment that keeps the buffer contract (docs/contract.md).

From Python: `train` for a whole run, `Trainer` for an iteration at a time, `Run` for what a run left in its folder.

Rooms, from top to bottom; each knows only those below it:

- cli: the commands
- run: one training run, from the first step to the video
- report: what people read of it
- storage: what it keeps on disk
- algorithm: PPO (start with `algorithm.ppo`), and learners: who does its arithmetic
- policy: the network
- environments: finding and making environments by name
- kernels: the C kernels as a library, for other trainers
- system: cores, signals, ranks

`puffer_train` knows environments through the contract only and never imports a renderer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from puffer_train.config import Settings
    from puffer_train.run.result import Run
    from puffer_train.run.trainer import Trainer
    from puffer_train.run.training import train

__all__ = ["Run", "Settings", "Trainer", "train"]

_MODULES = {"Run": "run.result", "Settings": "config", "Trainer": "run.trainer", "train": "run.training"}


def __getattr__(name: str) -> object:
    """Load a public name when it is first used: torch takes seconds."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
