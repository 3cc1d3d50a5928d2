"""Several processes that train one policy together, started by `torchrun` on one machine or on many.

Every rank plays its share of the environments and computes the gradient over its share of each minibatch. Whatever
decides about an update is added up over all ranks by torch.distributed, so that all take the same step and have the
same weights, bit for bit. Rank 0 alone keeps what there can be only one of: the run folder, the screen, the evaluation.

A process by itself is the only rank there is: `ALONE`, for which nothing of this costs anything.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor

from puffer_train.config import TrainSettings
from puffer_train.errors import ConfigError, RanksError
from puffer_train.moments import pooled
from puffer_train.system.signals import interruptible_until

LAUNCHED = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Variables that torchrun sets; where one is missing, this process is by itself."""

TIMEOUT = "PUFFER_RANKS_TIMEOUT"
"""The variable that says how many seconds a rank waits for the others."""

TIMEOUT_SECONDS = 300.0
"""Without it: longer than a rollout and a checkpoint should take."""

LONGEST_TIMEOUT_SECONDS = 1e6

LENGTH_BYTES = 8
"""Before what `tell` sends stands how long it is."""

SHORT = 2048
"""Bytes that `tell` sends at once; longer ones take a second message."""


class Ranks:
    """The only rank: what several do together is nothing, or what it does anyway."""

    rank = 0
    """Number of this one."""
    count = 1
    """How many there are."""
    local_count = 1
    """How many there are on this machine."""

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def command(self, command: list[str]) -> list[str]:
        """Return the words of a `puffer-train` command such that it starts as many ranks as there are now."""
        return command

    def wait(self) -> None:
        """Return once all ranks are here."""

    def end(self) -> None:
        """Take note that this process is on its way out: what torchrun then sends to all is no news."""

    def most(self, number: int) -> int:
        """Return the greatest of the ranks' numbers."""
        return number

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor on every rank by the sum of all, which is the same to the last bit everywhere."""

    def pool(self, moments: Tensor) -> Tensor:
        """Return the moments (..., 3) of what all ranks have, given those of what this one has."""
        return moments

    def copy_first_(self, tensor: Tensor) -> None:
        """Replace a tensor on every rank by that of rank 0."""

    def share(self, data: bytes | None) -> bytes:
        """Return what rank 0 gives; the others give None."""
        assert data is not None
        return data

    def tell(self, data: bytes) -> list[bytes]:
        """Return what each rank gives, by rank. For a few kilobytes."""
        return [data]

    def collect(self, data: bytes) -> list[bytes]:
        """Return what each rank gives, by rank, on rank 0, and nothing elsewhere. For any size."""
        return [data]

    def agree(self, flag: bool) -> bool:
        """Return whether any rank says so."""
        return self.most(int(flag)) > 0

    def first(self, fault: str | None) -> str | None:
        """Return the fault of the first rank that has one, the same on all."""
        if self.count == 1:
            return fault
        told = enumerate(self.tell((fault or "").encode()))
        return next((f"rank {rank}: {text.decode()}" for rank, text in told if text), None)

    def check_same(self, what: str, tensors: list[Tensor]) -> None:
        """Raise `RanksError` on all ranks unless they have the same tensors, to the last bit."""
        if self.count == 1:
            return
        content = b"".join(tensor.detach().cpu().numpy().tobytes() for tensor in tensors)
        checksums = self.tell(hashlib.sha256(content).digest())
        other = [rank for rank, checksum in enumerate(checksums) if checksum != checksums[0]]
        if other:
            raise RanksError(
                f"{what} of rank {other[0]} are no longer those of rank 0: use machines with the same kind of "
                "processor and the same version of torch, and go on from the newest checkpoint."
            )


ALONE = Ranks()


class TorchRanks(Ranks):
    """One of several, which reach each other through the default group of torch.distributed."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read torchrun's variables. Raises `ConfigError` for those that make no sense."""
        self.count = _number(variables, "WORLD_SIZE", 1)
        self.rank = _number(variables, "RANK", 0, self.count - 1)
        self.local_count = _number(variables, "LOCAL_WORLD_SIZE", 1, self.count, default=1)
        self.address = variables["MASTER_ADDR"]
        self.timeout = _seconds(variables.get(TIMEOUT, str(TIMEOUT_SECONDS)))
        self.ending = False

    def join(self) -> None:
        """Meet the others. Raises `RanksError` where not all of them come."""
        distributed = torch.distributed
        # NCCL, for what lies on GPUs, wants one for each rank; gloo takes everything, by way of the processor
        gpus = torch.cuda.device_count() >= self.local_count and distributed.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
        with self._reaching():
            distributed.init_process_group(backend, timeout=timedelta(seconds=self.timeout))
            self.wait()

    def leave(self) -> None:
        """Close the connections: whoever waits for this rank notices."""
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Make one sentence of whatever torch.distributed says when it cannot reach another rank."""
        try:
            yield
        except (RuntimeError, ValueError) as error:
            self.end()
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
            raise RanksError(
                f"rank {self.rank} of {self.count} lost another one, which ended or did not answer within "
                f"{self.timeout:g} seconds ({reason})."
            ) from error

    def command(self, command: list[str]) -> list[str]:
        """See `Ranks.command`."""
        machines = self.count // self.local_count
        words = ["torchrun", "--nproc-per-node", str(self.local_count)]
        if machines > 1:  # to be typed on each of them
            words += ["--nnodes", str(machines), "--rdzv-backend", "c10d", "--rdzv-endpoint", self.address]
        return [*words, "-m", "puffer_train.cli.train", *command[1:]]

    def wait(self) -> None:
        """See `Ranks.wait`."""
        self.most(0)

    def end(self) -> None:
        """See `Ranks.end`."""
        self.ending = True

    def most(self, number: int) -> int:
        """See `Ranks.most`."""
        greatest = torch.tensor([number])
        with self._reaching():
            torch.distributed.all_reduce(greatest, torch.distributed.ReduceOp.MAX)
        return int(greatest)

    def sum_(self, tensor: Tensor) -> None:
        """See `Ranks.sum_`."""
        with self._reaching():
            torch.distributed.all_reduce(tensor)

    def pool(self, moments: Tensor) -> Tensor:
        """See `Ranks.pool`."""
        return pooled(torch.stack(self._gather(moments)))

    def copy_first_(self, tensor: Tensor) -> None:
        """See `Ranks.copy_first_`."""
        with self._reaching():
            torch.distributed.broadcast(tensor, 0)

    def share(self, data: bytes | None) -> bytes:
        """See `Ranks.share`."""
        length = self.most(len(data or b""))
        packet = _packet(data or b"", length)
        self.copy_first_(packet)
        return packet.numpy().tobytes()

    def tell(self, data: bytes) -> list[bytes]:
        """See `Ranks.tell`."""
        message, room = len(data).to_bytes(LENGTH_BYTES, "little") + data, SHORT
        while True:
            told = [packet.numpy().tobytes() for packet in self._gather(_packet(message[:room], room))]
            ends = [LENGTH_BYTES + int.from_bytes(text[:LENGTH_BYTES], "little") for text in told]
            if max(ends) <= room:
                return [text[LENGTH_BYTES:end] for text, end in zip(told, ends, strict=True)]
            room = max(ends)

    def collect(self, data: bytes) -> list[bytes]:
        """See `Ranks.collect`."""
        lengths = [int.from_bytes(length, "little") for length in self.tell(len(data).to_bytes(LENGTH_BYTES, "little"))]
        if not self.leads:
            with self._reaching():
                torch.distributed.send(_packet(data, len(data)), 0)
            return []
        collected = [data]
        for rank, length in enumerate(lengths[1:], 1):
            packet = _packet(b"", length)
            with self._reaching():
                torch.distributed.recv(packet, rank)
            collected.append(packet.numpy().tobytes())
        return collected

    def _gather(self, tensor: Tensor) -> list[Tensor]:
        """Return the tensors of all ranks, by rank."""
        everyone = [torch.empty_like(tensor) for _ in range(self.count)]
        with self._reaching():
            torch.distributed.all_gather(everyone, tensor)
        return everyone


@contextmanager
def joined() -> Iterator[Ranks]:
    """Meet the ranks that torchrun started together with this process, if it did, and part from them in the end.

    Raises `ConfigError` where the variables that torchrun sets make no sense, `RanksError` where not all ranks come.
    """
    if not all(name in os.environ for name in LAUNCHED) or os.environ["WORLD_SIZE"].strip() == "1":
        yield ALONE
        return
    ranks = TorchRanks(os.environ)
    with interruptible_until(lambda: ranks.ending):
        ranks.join()
        try:
            yield ranks
        finally:
            ranks.leave()


def check_shares(train: TrainSettings, count: int) -> None:
    """Raise `ConfigError` where environments or the sequences of a minibatch cannot be divided among so many ranks."""
    if train.num_envs % count:
        raise ConfigError(
            f"train.num_envs {train.num_envs} cannot be divided among {count} ranks: choose a multiple of {count}."
        )
    if train.minibatch % (train.horizon * count):
        raise ConfigError(
            f"train.minibatch {train.minibatch} is {train.minibatch // train.horizon} sequences of train.horizon "
            f"{train.horizon}, which cannot be divided among {count} ranks: choose a multiple of "
            f"{train.horizon * count}."
        )


def _packet(data: bytes, size: int) -> Tensor:
    """Return a tensor of that many bytes, the first of which are the given ones."""
    packet = bytearray(size)
    packet[: len(data)] = data
    return torch.frombuffer(packet, dtype=torch.uint8) if size else torch.zeros(0, dtype=torch.uint8)


def _number(
    variables: Mapping[str, str], name: str, least: int, most: int = 1 << 20, default: int | None = None
) -> int:
    text = variables.get(name, str(default))
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise ConfigError(
            f"the variable {name}, which torchrun sets, is {text!r}; it must be a whole number from {least} to {most}."
        )
    return number


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_TIMEOUT_SECONDS:
        raise ConfigError(
            f"the variable {TIMEOUT} is {text!r}; it must be a number of seconds above 0 and up to "
            f"{LONGEST_TIMEOUT_SECONDS:g}."
        )
    return seconds
