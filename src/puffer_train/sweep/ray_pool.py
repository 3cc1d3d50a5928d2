"""Trials on a Ray cluster: the same interface as `Pool`, so that the sweep's loop is the same.

One process, the driver, owns the study and the sweep's folder. Every trial is one call of one actor, never retried by
Ray, and runs in the temporary folder of the machine that has the actor, in a process of its own whose limits are
watched there. What it leaves, a few small files, comes back with the outcome and is written into the sweep's folder. A
trial whose machine dies begins again on another one.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from puffer_envs.contract.errors import UserError
from puffer_train.errors import ConfigError, LockedError
from puffer_train.storage.lock import FolderLock
from puffer_train.sweep.parcel import Files, pack, unpack
from puffer_train.sweep.pool import Pool
from puffer_train.sweep.trial import FAILED, INTERRUPTED, LOST, OK, Job, Outcome
from puffer_train.system.code import package_hash

try:
    import ray
    from ray.exceptions import ObjectLostError, RayActorError, RayError
except ImportError as error:
    raise ConfigError(f'--ray needs Ray ({error}): pip install "puffer-envs[ray]"') from None

LOCAL, JOIN = "local", "auto"
"""Addresses: a cluster of this machine's cores that ends with the sweep, and the one that runs on this machine."""
OBJECT_STORE_BYTES = 200 * 2**20
"""Of a local cluster. Run folders are small, and Ray takes a third of the memory by default."""
MAX_DEATHS = 3
"""A trial whose worker died so often is given up, as lost: not modelled."""
LOOK_SECONDS, GONE_SECONDS = 2.0, 20.0
"""How often to look for the cluster's head, and how long it may be silent. Ray ends the driver after 60 s."""
CONNECT_SECONDS = 5.0
TOKEN = "If the cluster wants a token, set RAY_AUTH_MODE=token here, too."
SAME = "install the same packages on all its machines"


class ClusterError(UserError):
    """The Ray cluster is gone, or cannot run trials."""

    exit_code = 1


class Host:
    """In a process of Ray's on some machine: runs one trial at a time in another process, as `Pool` does at home."""

    def __init__(self, max_seconds: float, max_memory: int) -> None:
        self._pool, self._stopping = Pool(1, max_seconds, max_memory), False

    def begin(self) -> tuple[str, str | None]:
        """Return the machine's name and the hash of its code."""
        return socket.gethostname(), package_hash()

    def run(self, job: Job, files: Files) -> tuple[Outcome, Files]:
        """Run a trial to its end. files: Its folder, if it was interrupted before. Return what is in it then."""
        try:
            with tempfile.TemporaryDirectory(prefix="puffer-sweep-") as place:
                folder = Path(place) / Path(job.folder).name
                unpack(files, folder)
                if self._stopping:
                    return Outcome(INTERRUPTED), files
                self._pool.start(replace(job, folder=str(folder)))
                while True:
                    for _, outcome in self._pool.collect(LOOK_SECONDS):
                        return outcome, pack(folder)
        except OSError as error:
            return Outcome(LOST, str(error)), files

    def interrupt(self) -> None:
        """Ask the trial to save and stop."""
        self._stopping = True
        self._pool.interrupt()


@dataclass
class _Trial:
    job: Job
    lock: FolderLock
    """Shows other sweepers that it is being run."""


@dataclass
class _Worker:
    actor: Any
    ref: Any
    """What it is doing: beginning, or a trial. None if it is idle."""
    trial: _Trial | None = None


class RayPool:
    """Runs jobs side by side on a cluster. A context manager; leaving it ends all workers."""

    def __init__(self, address: str, workers: int, max_seconds: float, max_memory: int = 0) -> None:
        """Connect.

        Args:
            address: `LOCAL`, `JOIN`, or HOST:PORT of the cluster's head.
            workers: How many trials at a time, one core each; 0 for all cores.
            max_seconds: After which a trial is killed.
            max_memory: Bytes from which it is killed; 0 is no limit.

        Raises:
            ConfigError: There is no cluster.
        """
        _connect(address, workers)
        self.size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._address = ray.get_runtime_context().gcs_address
        self._node = ray.get_runtime_context().get_node_id()
        actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0, max_concurrency=2)(Host)
        self._make: Callable[[], Any] = partial(actor.remote, max_seconds, max_memory)
        self._workers: list[_Worker] = []
        self._waiting: list[_Trial] = []
        self._ended: list[tuple[Job, Outcome]] = []
        self._deaths: Counter[int] = Counter()
        self._stopping = False
        self._looked = self._answered = time.monotonic()

    def __enter__(self) -> RayPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ray.shutdown()  # ends the actors, and so their trials
        for trial in self._trials():
            trial.lock.__exit__(None, None, None)

    @property
    def free(self) -> int:
        """How many jobs can be started now."""
        return self.size - len(self.running)

    @property
    def running(self) -> list[Job]:
        """Jobs that are not finished, with those that wait for a core of the cluster."""
        return [trial.job for trial in self._trials()] + [job for job, _ in self._ended]

    def start(self, job: Job) -> None:
        """Begin a job as soon as the cluster has a core."""
        folder = Path(job.folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock = FolderLock(folder)
            lock.__enter__()
        except LockedError:
            self._ended.append((job, Outcome(INTERRUPTED)))
            return
        except (OSError, UserError) as error:
            self._ended.append((job, Outcome(LOST, str(error))))
            return
        trial, before = _Trial(job, lock), Outcome.read(folder)
        if before is not None and before.status in (OK, FAILED):
            self._end(trial, before)
        else:
            self._waiting.append(trial)
            self._hand_out()

    def interrupt(self) -> None:
        """Ask all trials to save and stop, as Ctrl-C does."""
        self._stopping = True
        for trial in self._waiting:
            self._end(trial, Outcome(INTERRUPTED))
        self._waiting = []
        for worker in self._workers:
            if worker.trial is not None:
                worker.actor.interrupt.remote()

    def collect(self, seconds: float) -> Iterator[tuple[Job, Outcome]]:
        """Yield the jobs that have ended, after waiting at most so long for one.

        Raises:
            ClusterError: The cluster is gone.
        """
        busy = {worker.ref: worker for worker in self._workers if worker.ref is not None}
        if busy and not self._ended:
            for ref in ray.wait(list(busy), timeout=seconds)[0]:
                self._take(busy[ref])
        self._look_for_head()
        self._hand_out()
        while self._ended:
            yield self._ended.pop(0)

    def _trials(self) -> list[_Trial]:
        return self._waiting + [worker.trial for worker in self._workers if worker.trial is not None]

    def _hand_out(self) -> None:
        """Give waiting trials to idle workers; make workers for the others. They begin when the cluster has a core."""
        for worker in self._workers:
            if self._waiting and worker.ref is None:
                worker.trial = trial = self._waiting.pop(0)
                worker.ref = worker.actor.run.remote(trial.job, pack(Path(trial.job.folder)))
        beginning = sum(worker.ref is not None and worker.trial is None for worker in self._workers)
        for _ in range(len(self._waiting) - beginning):
            actor = self._make()
            self._workers.append(_Worker(actor, actor.begin.remote()))

    def _take(self, worker: _Worker) -> None:
        """Take in what a worker did, or that it died."""
        trial, ref = worker.trial, worker.ref
        worker.trial = worker.ref = None
        try:
            result = ray.get(ref)
        except (RayActorError, ObjectLostError) as error:  # the worker is dead, or the machine that kept its result
            self._workers.remove(worker)
            self._bury(trial, error)
            return
        if trial is None:
            host, code = result
            if code != package_hash():
                raise ClusterError(f"{host} of the Ray cluster has another version of this package: {SAME}.")
            return
        outcome, files = result
        try:
            unpack(files, Path(trial.job.folder))
        except OSError as error:
            outcome = Outcome(LOST, str(error))
        self._end(trial, outcome)

    def _bury(self, trial: _Trial | None, error: RayError) -> None:
        """Begin the trial of a dead worker again, unless its workers die too often."""
        if getattr(error, "actor_init_failed", False):
            reason = str(error).strip().splitlines()[-1].strip()
            raise ClusterError(f"a machine of the Ray cluster cannot run trials: {reason}: {SAME}.")
        if _answers(self._address) and not any(n["Alive"] and n["NodeID"] == self._node for n in ray.nodes()):
            raise self._gone()  # Ray's processes on this machine have died
        if trial is None:
            return
        self._deaths[trial.job.number] += 1
        if self._stopping:
            self._end(trial, Outcome(INTERRUPTED))
        elif self._deaths[trial.job.number] < MAX_DEATHS:
            self._waiting.append(trial)
        else:
            self._end(trial, Outcome(LOST, f"its worker died {MAX_DEATHS} times"))

    def _end(self, trial: _Trial, outcome: Outcome) -> None:
        trial.lock.__exit__(None, None, None)
        self._ended.append((trial.job, outcome))

    def _look_for_head(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        if _answers(self._address):
            self._answered = now
        elif now - self._answered > GONE_SECONDS:
            raise self._gone()

    def _gone(self) -> ClusterError:
        return ClusterError(f"the Ray cluster at {self._address} is gone: resume the sweep when there is one again.")


def _connect(address: str, workers: int) -> None:
    """Join a cluster, or start one. Raises `ConfigError`."""
    kept, given = signal.getsignal(signal.SIGTERM), {}
    if address == LOCAL:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        if not any(name.startswith("RAY_AUTH") for name in os.environ):
            os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)  # else Ray leaves one in the home folder
        given = {"num_cpus": workers or os.cpu_count(), "object_store_memory": OBJECT_STORE_BYTES}
        given["include_dashboard"] = False
    try:
        if address in (LOCAL, JOIN) or _answers(address):
            ray.init(address=address, log_to_driver=False, logging_level="ERROR", **given)
            return
    except (OSError, ValueError, RuntimeError, RayError) as error:
        if address != JOIN or not isinstance(error, ConnectionError):
            reason = " ".join(str(error).split()).rstrip(".")
            raise ConfigError(f"--ray {address}: Ray cannot be used: {reason}. {TOKEN}") from None
    finally:
        signal.signal(signal.SIGTERM, kept)  # Ray's own handler would end this process before its trials are saved
    raise ConfigError(
        f"--ray is {address!r}, where no Ray cluster answers: it must be {LOCAL}, {JOIN} for the one that this machine "
        "is part of, or HOST:PORT of its head. Start one with `ray start --head`."
    )


def _answers(address: str) -> bool:
    """Return whether something listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, ValueError, OverflowError):
        return False
    return True
