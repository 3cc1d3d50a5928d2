"""Fast reinforcement-learning environments: C cores that step whole batches over NumPy buffers.

Examples:
    >>> import puffer_envs
    >>> env = puffer_envs.make("squared", num_envs=1024, seed=0)
    >>> observations = env.reset()
    >>> observations, rewards, terminals, truncations = env.step([0] * 1024)
    >>> env.close()
"""

from puffer_envs.adapters.registration import register_all
from puffer_envs.contract.trained import trained_policy
from puffer_envs.environment import Environment, State, make
from puffer_envs.library import get_include, load_library, settings_file
from puffer_envs.replay import Replay, ReplayError
from puffer_envs.snapshot import SnapshotError
from puffer_envs.spec import EnvSpec, list_envs, spec

__all__ = [
    "EnvSpec",
    "Environment",
    "Replay",
    "ReplayError",
    "SnapshotError",
    "State",
    "get_include",
    "list_envs",
    "load_library",
    "make",
    "settings_file",
    "spec",
    "trained_policy",
]

register_all()


def __getattr__(name: str) -> str:
    """Return `__version__`, read from the installed package on first use."""
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415

        return version("puffer-envs")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
