"""Replays: seed, settings and actions of a run in a small file, re-simulated exactly and checked by state hashes."""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.names import suggest_nearest
from puffer_envs.environment import Environment, make
from puffer_envs.recorder import MAGIC
from puffer_envs.settings import check_seed, resolve_settings
from puffer_envs.spec import Setting, action_space, is_native, list_envs, read_layout, spec, to_numbers

MAX_BYTES = 2**31
"""Maximum size of a replay's actions in memory. A larger file is rejected before it is unpacked."""

MAX_RATIO = 1032
"""zlib packs at most this many bytes into one, so a file's size limits what can be in it."""

MAX_UNUSED = 4096
"""Agents that a replay without a step may have."""


class ReplayError(ValueError):
    """A replay is damaged, does not run with this installation, or does not repeat itself."""


@dataclass(frozen=True)
class Replay:
    """A recorded run."""

    environment: str
    """Name of the environment."""
    version: int
    """Its version when it was recorded."""
    settings: dict[str, Setting]
    """All settings of the environment."""
    num_envs: int
    """Environments in the batch."""
    first: int
    """Number of the first one in its run."""
    seed: int
    """Seed of the reset that the run starts with."""
    hash_every: int
    """Steps between two state hashes."""
    hashes: NDArray[np.uint64]
    """State hashes: after the reset, then every `hash_every` steps, then after the last step."""
    actions: NDArray[Any]
    """Actions of each step, (steps, A) or (steps, A, k); int32, or float32 for a Box."""

    def __len__(self) -> int:
        return len(self.actions)

    def __repr__(self) -> str:
        return f"<replay of {self.environment} version {self.version}: {len(self)} steps, num_envs={self.num_envs}>"

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Replay:
        """Read a replay file.

        Raises:
            ReplayError: the file is not a replay, is damaged, or needs another environment, version or settings.
            OSError: the file cannot be read.
        """
        data = Path(path).read_bytes()
        end = data.find(b"\n", len(MAGIC))
        if not data.startswith(MAGIC) or end < 0:
            raise ReplayError(f"{path}: not a replay file of this version of puffer-envs")
        try:
            return cls._parse(json.loads(data[len(MAGIC) : end]), data[end + 1 :])
        except ReplayError as error:
            raise ReplayError(f"{path}: {error}") from None
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError, zlib.error):
            raise ReplayError(f"{path}: the replay is damaged") from None

    @classmethod
    def _parse(cls, header: dict[str, Any], body: bytes) -> Replay:
        if zlib.crc32(body) != header["checksum"]:
            raise ReplayError("the replay is damaged: its checksum does not match")
        name, version = header["environment"], header["version"]
        if not is_native(name):
            near = suggest_nearest(str(name), list_envs()) or " Is it a file of yours? Load it: --library FILE"
            raise ReplayError(f"it was recorded in {name!r}, which is not installed.{near}")
        if version != spec(name).version:
            raise ReplayError(
                f"it was recorded with version {version} of {name}, this is version {spec(name).version}: "
                "the same actions would have other results"
            )
        shape, dtype = cls._shape(name, int(header["num_envs"]), header["settings"])
        steps, every, hash_bytes = int(header["steps"]), int(header["hash_every"]), int(header["hash_bytes"])
        size = steps * math.prod(shape) * dtype.itemsize
        if steps < 0 or every < 1 or hash_bytes < 0 or size > MAX_BYTES:
            raise ReplayError(f"{steps} steps with a hash every {every} are not possible")
        packed = body[hash_bytes:]
        if size > MAX_RATIO * len(packed) or (steps == 0 and shape[0] > MAX_UNUSED):
            raise ReplayError(
                f"the replay is damaged: its {len(body)} bytes cannot hold the actions of {shape[0]} agents"
            )
        if len(body) - len(packed) != 8 * _num_hashes(steps, every):
            raise ReplayError("the replay is damaged: the number of hashes does not match its header")
        hashes = np.frombuffer(body[:hash_bytes], dtype="<u8").astype(np.uint64)
        raw = zlib.decompressobj().decompress(packed, size + 1)
        if len(raw) != size:
            raise ReplayError("the replay is damaged: the number of actions does not match its header")
        actions = np.frombuffer(raw, dtype=dtype).reshape(steps, *shape)
        return cls(
            name, version, dict(header["settings"]), int(header["num_envs"]), int(header["first"]),
            check_seed(header["seed"]), every, hashes, actions,
        )  # fmt: skip

    @staticmethod
    def _shape(name: str, num_envs: int, settings: dict[str, Any]) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Shape and dtype of one step's actions, known without making the environment."""
        try:
            values = to_numbers(spec(name), resolve_settings(spec(name), settings))
        except (ValueError, TypeError) as error:
            raise ReplayError(f"its environment cannot be made: {error}") from None
        if num_envs < 1:
            raise ReplayError(f"it has {num_envs} environments: there must be at least one")
        layout = read_layout(name, values)
        space = action_space(layout)
        return (num_envs * layout.agents, *(space.shape or ())), np.dtype(space.dtype)

    @staticmethod
    def _make(name: str, num_envs: int, first: int, settings: dict[str, Any]) -> Environment:
        try:
            return make(name, num_envs, first=first, **settings)
        except (ValueError, TypeError, MemoryError) as error:
            raise ReplayError(f"its environment cannot be made: {error}") from None

    def make(self) -> Environment:
        """Return the environment it was recorded in, not yet reset.

        Raises:
            ReplayError: the environment cannot be made.
        """
        return self._make(self.environment, self.num_envs, self.first, self.settings)

    def play(self) -> Iterator[Environment]:
        """Re-simulate the run. Yields the environment after its reset, and again after each step.

        Raises:
            ReplayError: a state hash differs from the recorded one.
        """
        expected = dict(zip(_hash_steps(len(self), self.hash_every), self.hashes.tolist(), strict=True))
        with self.make() as env:
            env.reset(self.seed)
            self._compare(env, 0, expected)
            yield env
            for step, actions in enumerate(self.actions, start=1):
                try:
                    env.step(actions)
                except ValueError as error:
                    raise ReplayError(f"step {step}: {error}") from None
                self._compare(env, step, expected)
                yield env

    def _compare(self, env: Environment, step: int, expected: dict[int, int]) -> None:
        if step in expected and env.state_hash() != expected[step]:
            raise ReplayError(
                f"the replay does not repeat itself: at step {step} the state differs from the recorded one. Either "
                f"{self.environment} has changed without a new version, or the file was edited"
            )


def _num_hashes(steps: int, every: int) -> int:
    """Return the number of `_hash_steps`."""
    return -(-max(steps, 1) // every) + 1


def _hash_steps(steps: int, every: int) -> list[int]:
    """Return the steps after which a hash was taken: 0, every multiple below the last, the last."""
    return [*range(0, max(steps, 1), every), steps]
