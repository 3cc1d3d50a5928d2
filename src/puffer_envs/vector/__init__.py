"""Many environments as one: native or Python, in this process, on threads, or in worker processes.

Examples:
    >>> from puffer_envs import vector
    >>> env = vector.make("gymnasium:CartPole-v1", num_envs=64)
    >>> observations = env.reset(seed=0)
    >>> observations, rewards, terminals, truncations = env.step([0] * 64)
    >>> env.close()
"""

from puffer_envs.contract.observations import ObservationField, named_observations
from puffer_envs.vector.choose import make
from puffer_envs.vector.errors import WorkerError, WorkerTimeoutError
from puffer_envs.vector.layout import BufferLayout
from puffer_envs.vector.processes import Processes
from puffer_envs.vector.ready import Ready
from puffer_envs.vector.serial import Serial
from puffer_envs.vector.threads import Threads
from puffer_envs.vector.vector import Vector

__all__ = [
    "BufferLayout",
    "ObservationField",
    "Processes",
    "Ready",
    "Serial",
    "Threads",
    "Vector",
    "WorkerError",
    "WorkerTimeoutError",
    "make",
    "named_observations",
]
