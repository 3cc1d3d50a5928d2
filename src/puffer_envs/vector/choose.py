"""`make`: resolve what to run, and choose the backend that runs it."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import habits
from puffer_envs.contract.factories import parameter_names
from puffer_envs.contract.machine import available_cores
from puffer_envs.contract.wrap import KEY as WRAP
from puffer_envs.contract.wrap import MAX_TIMEOUT
from puffer_envs.environment import MAX_ENVS, MAX_THREADS, check_count
from puffer_envs.settings import check_seed
from puffer_envs.vector.processes import Processes
from puffer_envs.vector.pulse import Watch
from puffer_envs.vector.serial import Serial
from puffer_envs.vector.source import Source, resolve
from puffer_envs.vector.threads import Threads
from puffer_envs.vector.vector import Vector

BACKENDS = ("serial", "threads", "processes")

ROWS_FOR_THREADS = 4096
"""With fewer environments, one thread steps a native batch faster than several threads can be woken."""


def make(
    factory_or_name: str | Callable[..., Any],
    num_envs: int = 1,
    *,
    backend: str | None = None,
    workers: int | None = None,
    batch: int | None = None,
    seed: int = 0,
    first: int = 0,
    timeout: float | None = None,
    assets: Mapping[str, NDArray[Any]] | None = None,
    wrap: Mapping[str, Any] | None = None,
    training: bool = False,
    env_args: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    **settings: Any,
) -> Vector | Threads:
    """Make many environments that are stepped as one. Trajectories depend only on seed and actions.

    Args:
        factory_or_name: a native environment's name, `gymnasium:ID`, `pettingzoo:MODULE`, `module:factory` or a
            callable. A callable that takes `num_envs` (and `seed`) makes batches with the buffer contract; any other
            callable makes single Gymnasium environments or PettingZoo ParallelEnvs.
        num_envs: number of environments, 1 to 16,777,216.
        backend: `serial` (in this process, one after the other), `threads` (in this process, on several cores, native
            environments only) or `processes`. None: threads for native environments; for others, processes if there
            are several environments and cores, else serial.
        workers: number of threads or processes. None: one per core, or a single thread for native batches of fewer
            than 4,096 environments.
        batch: number of environments that `recv` returns; None: all. With fewer than `num_envs`, `send` and `recv`
            are asynchronous.
        seed: seed of the first `reset()` that is called without one, 0 to 2**64 - 1.
        first: number of the first environment in the run: environment i here is number `first + i`, and behaves as it
            would in a run with all environments. A factory of batches must take `first` as well.
        timeout: seconds that making, resetting or stepping one environment may take in a worker process (60).
        assets: read-only arrays by name (levels, maps, tables) for a factory that takes `assets`. All workers share
            one copy.
        wrap: how single environments are wrapped (`contract.wrap.Wrap`): `{"stack": 4}`.
        training: whether what only makes sense while learning applies: `wrap["lives"]`.
        env_args: keyword arguments for the environment, whatever they are called. The other arguments here are then
            not taken for the environment's.
        watch: told, while worker processes make or reset environments, how many are ready, and of how many.
        **settings: more of them: settings of a native environment, arguments of `gymnasium.make`.

    Returns:
        The vector. It has the buffer contract (docs/contract.md), `send` and `recv`.

    Raises:
        ValueError, TypeError: an unknown name, backend or setting, a number out of range, or a combination that is
            not allowed.
        ImportError: a package is missing; the message has the command that installs it.
        WorkerError: an environment could not be made in its worker process; the message has its traceback.
        MemoryError: a native batch does not fit into memory.
    """
    num_envs = check_count("num_envs", num_envs, MAX_ENVS)
    batch = num_envs if batch is None else check_count("batch", batch, num_envs)
    seed = check_seed(seed)
    if workers is not None:
        workers = min(check_count("workers", workers, MAX_THREADS), num_envs)
    first = check_seed(first, "first")
    given: dict[str, Any] = {
        "seed": seed or None,
        "first": first or None,
        "backend": backend,
        "workers": workers,
        "timeout": timeout,
    }
    given |= {"batch": None if batch == num_envs else batch, "wrap": wrap, "training": training or None}
    arguments = _environment_arguments(factory_or_name, settings, env_args, given)
    source = resolve(factory_or_name, arguments | ({WRAP: wrap} if wrap else {}), _check_assets(assets))
    source = dataclasses.replace(source, first=first, training=training)
    timeout = check_timeout(source.wrap.timeout if timeout is None else timeout)
    if first and not source.divisible:
        raise ValueError(
            f"first={first}: {source.name} makes whole batches and does not take `first`. Add that parameter, the "
            "number of its first environment in the run"
        )
    backend = _default_backend(source, num_envs, workers) if backend is None else backend
    if backend not in BACKENDS:
        word = backend if isinstance(backend, str) else getattr(backend, "__name__", "")
        near = habits.BACKENDS.get(word.lower())
        hint = f". Did you mean {near!r}?" if near else ""
        raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}{hint}")
    if source.native and backend != "processes":
        if workers is None:
            workers = available_cores() if num_envs >= ROWS_FOR_THREADS else 1
        threads = 1 if backend == "serial" else workers
        return Threads(source.name, num_envs, threads=threads, batch=batch, seed=seed, first=first, **source.settings)
    if backend == "threads":
        raise ValueError(f"backend 'threads' is for native environments, and {source.name} is not one. Use 'processes'")
    if backend == "serial":
        return Serial(source, num_envs, batch, seed, assets)
    if workers is None:
        workers = _default_processes(source, num_envs, batch)
    return Processes(source, num_envs, workers, batch, seed, timeout, assets, watch)


def check_timeout(timeout: float) -> float:
    """Return a number of seconds. Raises ValueError unless it is above 0 and up to `MAX_TIMEOUT`."""
    if isinstance(timeout, bool) or not isinstance(timeout, numbers.Real) or not 0 < timeout <= MAX_TIMEOUT:
        raise ValueError(f"timeout must be a number of seconds above 0 and up to {MAX_TIMEOUT:g}, got {timeout!r}")
    return float(timeout)


def _environment_arguments(
    factory_or_name: str | Callable[..., Any],
    settings: Mapping[str, Any],
    env_args: Mapping[str, Any] | None,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the environment's own arguments. Raises TypeError where it is not certain whose an argument is."""
    twice = settings.keys() & (env_args or {}).keys()
    if twice:
        raise TypeError(f"{min(twice)} is given twice, in env_args and by itself. Leave one out")
    takes = parameter_names(factory_or_name) if callable(factory_or_name) else frozenset()
    for name in settings:
        if name in habits.VECTOR_ARGUMENTS and name not in takes:
            raise TypeError(
                f"vector.make has no argument {name!r}: it is called {habits.VECTOR_ARGUMENTS[name]!r} here. If the "
                f"environment takes {name!r}, give env_args={{{name!r}: ...}}"
            )
    if env_args is None and callable(factory_or_name):
        for name, value in given.items():
            if value is not None and name in takes and "num_envs" not in takes:
                whose = getattr(factory_or_name, "__name__", "the factory")
                raise TypeError(
                    f"{name}={value!r}: both vector.make and {whose} take an argument of that name. Give "
                    f"env_args={{{name!r}: ...}} for the environment's, or env_args={{}} to keep it here"
                )
    return dict(settings) | dict(env_args or {})


def _default_backend(source: Source, num_envs: int, workers: int | None) -> str:
    if source.native:
        return "threads"
    several = num_envs > 1 and (workers or available_cores()) > 1 and source.divisible
    return "processes" if several else "serial"


def _default_processes(source: Source, num_envs: int, batch: int) -> int:
    """One per core; with groups, the largest number up to that which divides `num_envs`."""
    most = min(available_cores(), num_envs) if source.divisible else 1
    return most if batch == num_envs else max(w for w in range(1, most + 1) if num_envs % w == 0)


def _check_assets(assets: Mapping[str, NDArray[Any]] | None) -> Mapping[str, NDArray[Any]] | None:
    if assets is None:
        return None
    if not isinstance(assets, Mapping):
        raise TypeError(f"assets must be NumPy arrays of numbers by name, got {type(assets).__name__}")
    for name, array in assets.items():
        if not isinstance(name, str) or not isinstance(array, np.ndarray) or array.dtype.hasobject:
            raise TypeError(f"assets must be NumPy arrays of numbers by name, got {name!r}: {type(array).__name__}")
    return assets
