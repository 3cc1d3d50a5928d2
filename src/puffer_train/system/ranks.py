"""Several processes that train one policy together, started by `torchrun` on one machine or on many.

Every rank plays its share of the environments and computes the gradient over its share of each minibatch. Everything
that decides about an update is summed over all ranks by torch.distributed, so that all take the same step and have the
same weights, bit for bit. Rank 0 alone has the run folder, prints, and evaluates.

A single process is the only rank, `ALONE`; for it nothing here costs anything.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
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
"""Variables that torchrun sets; where one is missing, this process trains alone."""

TIMEOUT = "PUFFER_RANKS_TIMEOUT"
"""The environment variable with the seconds that a rank waits for the others."""

TIMEOUT_SECONDS = 300.0
"""The default: longer than a rollout and a checkpoint should take."""

MAX_TIMEOUT_SECONDS = 1e6

LENGTH_BYTES = 8
"""Bytes of the length that precedes the data in what `tell` sends."""

SHORT = 2048
"""Bytes in the first message that `tell` sends; longer data takes a second message."""


class Ranks:
    """The only rank, for which collective operations are trivial."""

    rank = 0
    """Number of this rank."""
    count = 1
    """How many ranks there are."""
    local_count = 1
    """How many ranks there are on this machine."""
    seconds = 0.0
    """Seconds spent on collective operations, waiting included."""

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    def command(self, command: list[str]) -> list[str]:
        """Return the words of a `puffer-train` command that starts as many ranks as there are now."""
        return command

    def wait(self) -> None:
        """Return once all ranks have called this."""

    def end(self) -> None:
        """Note that this process is about to exit: signals that torchrun then sends are ignored."""

    def most(self, number: int) -> int:
        """Return the largest of the ranks' numbers."""
        return number

    def sum_(self, tensor: Tensor) -> None:
        """Replace a tensor on every rank by the sum of all, which is the same to the last bit everywhere."""

    def sum_gradients(self, gradients: list[Tensor], figures: dict[str, float]) -> tuple[float, dict[str, float]]:
        """Replace gradients by their sums over all ranks; return the length of those together, and summed figures."""
        flat = torch.cat(
            [*(gradient.flatten() for gradient in gradients), gradients[0].new_tensor(list(figures.values()))]
        )
        self.sum_(flat)
        *sums, summed = torch.split(flat, [*(gradient.numel() for gradient in gradients), len(figures)])
        for gradient, total in zip(gradients, sums, strict=True):
            gradient.copy_(total.view_as(gradient))
        norm = float(flat[: -len(figures)].double().norm())
        return norm, dict(zip(figures, summed.tolist(), strict=True))

    def pool(self, moments: Tensor) -> Tensor:
        """Return the moments (..., 3) of what all ranks have, given those of what this one has."""
        return moments

    def copy_first_(self, tensor: Tensor) -> None:
        """Replace a tensor on every rank by that of rank 0."""

    def share(self, data: bytes | None) -> bytes:
        """Return the data of rank 0; the others pass None."""
        assert data is not None
        return data

    def tell(self, data: bytes) -> list[bytes]:
        """Return the data of each rank, by rank. For a few kilobytes."""
        return [data]

    def collect(self, data: bytes) -> list[bytes]:
        """Return the data of each rank, by rank, on rank 0, and nothing elsewhere. For any size."""
        return [data]

    def agree(self, flag: bool) -> bool:
        """Return whether any rank's flag is set."""
        return self.most(int(flag)) > 0

    def first(self, fault: str | None) -> str | None:
        """Return the fault of the first rank that has one, the same on all."""
        if self.count == 1:
            return fault
        faults = enumerate(self.tell((fault or "").encode()))
        return next((f"rank {rank}: {text.decode()}" for rank, text in faults if text), None)

    def check_agreement(self, facts: Mapping[str, object]) -> None:
        """Check that all ranks were started with the same few facts.

        Raises:
            RanksError: On all ranks, naming the first difference.
        """
        if self.count == 1:
            return
        first, *others = (json.loads(text) for text in self.tell(json.dumps(facts, default=str).encode()))
        for rank, other in enumerate(others, 1):
            for key in [*first, *other]:
                if first.get(key) != other.get(key):
                    self.end()
                    raise RanksError(
                        f"rank {rank} has {key} {other.get(key)!r}, rank 0 has {first.get(key)!r}: start every rank "
                        "with the same command and the same packages."
                    )

    def check_same(self, what: str, tensors: list[Tensor]) -> None:
        """Check that all ranks have the same tensors, to the last bit.

        Raises:
            RanksError: On all ranks, naming the first that differs.
        """
        if self.count == 1:
            return
        content = b"".join(tensor.detach().cpu().numpy().tobytes() for tensor in tensors)
        checksums = self.tell(hashlib.sha256(content).digest())
        other = [rank for rank, checksum in enumerate(checksums) if checksum != checksums[0]]
        if other:
            raise RanksError(
                f"{what} of rank {other[0]} differ from those of rank 0: use machines with the same kind of "
                "processor and the same version of torch, and resume from the newest checkpoint."
            )


ALONE = Ranks()


class TorchRanks(Ranks):
    """One of several ranks, connected by the default group of torch.distributed."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Read torchrun's variables. Raises `ConfigError` for invalid ones."""
        self.count = _number(variables, "WORLD_SIZE", 1)
        self.rank = _number(variables, "RANK", 0, self.count - 1)
        self.local_count = _number(variables, "LOCAL_WORLD_SIZE", 1, self.count, default=1)
        self.address = variables["MASTER_ADDR"]
        self.timeout = _seconds(variables.get(TIMEOUT, str(TIMEOUT_SECONDS)))
        self.ending = False

    def join(self) -> None:
        """Connect to the others. Raises `RanksError` if one does not appear."""
        distributed = torch.distributed
        # NCCL, for data on GPUs, needs one per rank; gloo handles everything else through the processor
        gpus = torch.cuda.device_count() >= self.local_count and distributed.is_nccl_available()
        backend = "cpu:gloo,cuda:nccl" if gpus else "gloo"
        with self._reaching():
            distributed.init_process_group(backend, timeout=timedelta(seconds=self.timeout))
            self.wait()

    def leave(self) -> None:
        """Close the connections: ranks that wait for this one notice."""
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn any error of torch.distributed into one sentence about another rank."""
        start = time.perf_counter()
        try:
            yield
            self.seconds += time.perf_counter() - start
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
        largest = torch.tensor([number])
        with self._reaching():
            torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX)
        return int(largest)

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
            packets = [packet.numpy().tobytes() for packet in self._gather(_packet(message[:room], room))]
            ends = [LENGTH_BYTES + int.from_bytes(text[:LENGTH_BYTES], "little") for text in packets]
            if max(ends) <= room:
                return [text[LENGTH_BYTES:end] for text, end in zip(packets, ends, strict=True)]
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
        gathered = [torch.empty_like(tensor) for _ in range(self.count)]
        with self._reaching():
            torch.distributed.all_gather(gathered, tensor)
        return gathered


def is_launched() -> bool:
    """Return whether torchrun started this process together with others."""
    return all(name in os.environ for name in LAUNCHED) and os.environ["WORLD_SIZE"].strip() != "1"


@contextmanager
def joined() -> Iterator[Ranks]:
    """Connect to the ranks that torchrun started together with this process, if it did, and disconnect at the end.

    Raises:
        ConfigError: Torchrun's variables are invalid.
        RanksError: Not all ranks appeared.
    """
    if not is_launched():
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
    """Check that environments and the sequences of a minibatch can be divided among `count` ranks.

    Raises:
        ConfigError: They cannot.
    """
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
    """Return a tensor of `size` bytes that starts with `data`."""
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
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise ConfigError(
            f"the variable {TIMEOUT} is {text!r}; it must be a number of seconds above 0 and up to "
            f"{MAX_TIMEOUT_SECONDS:g}."
        )
    return seconds
