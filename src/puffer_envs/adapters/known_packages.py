"""Packages that register environments with Gymnasium when they are imported, found by the environments' names."""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Package:
    """A package and the environments that it registers."""

    patterns: tuple[str, ...]
    """Shell patterns of their ids."""
    module: str
    """The module whose import registers them."""
    install: str
    """What pip installs."""


PACKAGES = (
    Package(("ALE/*", "*NoFrameskip-v4", "*Deterministic-v4"), "ale_py", "ale-py"),
    Package(("MiniGrid-*", "BabyAI-*"), "minigrid", "minigrid"),
    Package(("MiniWorld-*",), "miniworld", "miniworld"),
    Package(("Vizdoom*",), "vizdoom.gymnasium_wrapper", "vizdoom"),
    Package(
        ("highway-*", "merge-*", "roundabout-*", "parking-*", "intersection-*", "racetrack-*", "exit-*", "u-turn-*"),
        "highway_env",
        "highway-env",
    ),
    Package(("dm_control/*",), "shimmy", '"shimmy[dm-control]"'),
    Package(("Meta-World/*",), "metaworld", "metaworld"),
    Package(("PyFlyt/*",), "PyFlyt.gym_envs", "PyFlyt"),
    Package(("FlappyBird-*",), "flappy_bird_gymnasium", "flappy-bird-gymnasium"),
    Package(("NetHack*",), "nle", "nle"),
    Package(("MiniHack-*",), "minihack", "minihack"),
    Package(
        ("Fetch*", "HandManipulate*", "HandReach*", "PointMaze*", "AntMaze*", "Adroit*", "FrankaKitchen*"),
        "gymnasium_robotics",
        "gymnasium-robotics",
    ),
)


def register(env_id: str) -> None:
    """Import the package that has this environment, if it is a known one.

    Raises:
        ImportError: the package is not installed; the message has the command that installs it.
    """
    for package in PACKAGES:
        if not any(fnmatchcase(env_id, pattern) for pattern in package.patterns):
            continue
        top = package.module.partition(".")[0]
        try:
            os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
            importlib.import_module(package.module)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] != top:
                raise  # it is installed, but something it imports is not
            raise ImportError(f"{env_id} needs {top}, which is missing: pip install {package.install}") from None
        if package.module == "ale_py":
            _silence_atari()
        return


def _silence_atari() -> None:
    """Keep the emulator from greeting in every process."""
    import ale_py  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415

    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
