"""Checks that the environment can be made, here and in worker processes."""

from __future__ import annotations

import inspect
import math

import numpy as np

from puffer_envs.conformance.errors import ContractError, NotOfferedError, require
from puffer_envs.conformance.runs import difference, outputs, random_actions
from puffer_envs.conformance.subject import BATCH, Subject
from puffer_envs.vector.channel import Kind, pack
from puffer_envs.vector.processes import Processes
from puffer_envs.vector.serial import Serial

WORKERS = 2


def check_start(s: Subject) -> None:
    """The factory makes a new environment every time.

    `module:factory` names a callable. One that takes `num_envs` and `seed` must make batches
    that keep the buffer contract. Any other callable is called without them and must make a
    single Gymnasium environment or PettingZoo ParallelEnv.
    """
    if s.single is None:
        parameters = inspect.signature(s.factory).parameters
        named = "seed" in parameters or any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        require(named, f"the factory takes num_envs but no seed; write def {s.name.split(':')[-1]}(num_envs=1, seed=0)")
        with s.env() as one, s.env() as two:
            require(one is not two, "the factory returned the same object twice; make a new one in every call")
    else:
        with s.play() as run, s.play() as other:
            require(run.env is not other.env, "the factory returned the same object twice; make a new one every time")


def check_pickling(s: Subject) -> None:
    """The factory can be sent to a worker process.

    It must not hold anything that belongs to this process: locks, open files, sockets, windows,
    generators. Open such things where the environment is made.
    """
    if s.source is None:
        raise NotOfferedError("worker processes")
    try:
        pack(Kind.CALL, s.source)
    except Exception as error:
        raise ContractError(
            f"the factory cannot be sent to a worker process: {type(error).__name__}: {error}. Open files, locks and "
            "the like inside the factory instead of storing them in it"
        ) from error


def check_workers(s: Subject) -> None:
    """Worker processes give the same trajectories.

    These differ between processes: a module variable that was changed after the import, the
    process id, the clock, `hash()` of strings, the order of sets, the current folder,
    environment variables.
    """
    if s.source is None:
        raise NotOfferedError("worker processes")
    workers = WORKERS if s.source.divisible else 1
    timeout = 60.0 if math.isinf(s.time_limit) else s.time_limit * 0.4
    with (
        Serial(s.source, BATCH, BATCH, 0) as here,
        Processes(s.source, BATCH, workers, BATCH, 0, timeout) as there,
    ):
        here.reset(15)
        there.reset(15)
        rng = np.random.default_rng(15)
        for step in range(s.steps + 1):
            found = difference(outputs(here), outputs(there))
            require(
                not found,
                f"worker processes differ at step {step} after reset(15): {found}. Something depends on the "
                "process: the clock, hash() of a string, the order of a set, or a variable of the module",
            )
            actions = random_actions(here, rng)
            here.step(actions)
            there.step(actions)
