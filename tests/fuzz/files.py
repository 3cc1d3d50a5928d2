"""Changes files that packages read, and reads them: `tests/fuzz/run.py files`. A finding is any other error than the
documented one, a warning from NumPy, more memory than `MEMORY_BYTES`, or more time than `SLOWEST_S`."""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import random
import resource
import shutil
import signal
import struct
import tempfile
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import puffer_envs
import puffer_train
from puffer_envs.contract.tensor_file import STORED, body_of, pack, unpack
from puffer_envs.environment import Environment
from puffer_envs.policy import PolicyError, load_policy
from puffer_envs.recorder import MAGIC as REPLAY
from puffer_envs.replay import Replay, ReplayError
from puffer_envs.snapshot import MAGIC as SNAPSHOT
from puffer_envs.snapshot import SnapshotError
from puffer_train import config
from puffer_train.cli import runs, train
from puffer_train.errors import ConfigError
from puffer_train.report import curves
from puffer_train.report.metrics import MetricsFile
from puffer_train.storage import folder, summary
from puffer_train.storage.checkpoint import CHECKSUM_KEY
from puffer_train.storage.checksummed_json import seal

MEMORY_BYTES = 3 * 2**30
"""Above what the process has mapped when a kind begins."""
SLOWEST_S = 20
NUMBERS = (-1, 0, 1, 2, 7, 64, 255, 65535, 2**24, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, -(2**63), 1e308, 0.5, 1e-9)
TEXTS = ("", "x", "../../x", "\x1b[31m", "squared", "os:system", "\udc80", "9" * 5000, "a\nb")
Mutate = Callable[[random.Random, bytes], bytes]


# ---- Mutations. ----


def change_bytes(rng: random.Random, data: bytes) -> bytes:
    """Flip, cut, repeat or insert bytes."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, how = rng.randrange(len(changed) + 1), rng.randrange(5)
        if how == 0 and at < len(changed):
            changed[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            changed[at : at + rng.choice((1, 2, 4, 8))] = rng.randbytes(rng.choice((1, 2, 4, 8)))
        elif how == 2:
            del changed[at : at + rng.randint(1, 64)]
        elif how == 3:
            changed[at:at] = changed[at : at + rng.randint(1, 64)]
        else:
            changed[at:at] = rng.choice((b"\0", b"\xff", b"{", b"]" * 40, b"[" * 3000, b"NaN", b"-Infinity", b'"'))
    return bytes(changed)


def hostile(rng: random.Random, value: Any) -> Any:
    """Something else, of the same or of another type."""
    if rng.random() < 0.5 and isinstance(value, (int, float)) and not isinstance(value, bool):
        return rng.choice((*NUMBERS, value + 1, value - 1, -value))
    return rng.choice(
        (*NUMBERS, *TEXTS, None, True, [], {}, [[]], {"a": 1}, float("nan"), float("inf"), [value], value)
    )


def change_json(rng: random.Random, value: Any) -> Any:
    """Change a value somewhere inside; or drop, repeat or rename an entry."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key} | ({rng.choice(TEXTS): 1} if rng.random() < 0.5 else {})
        return value | {key: change_json(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.9:
        at = rng.randrange(len(value))
        if rng.random() < 0.1:
            return value[:at] + value[at:] * rng.choice((0, 2, 500))
        return [*value[:at], change_json(rng, value[at]), *value[at + 1 :]]
    return hostile(rng, value)


def header_and_body(data: bytes, magic: bytes) -> tuple[dict[str, Any], bytes]:
    """A JSON line behind a line of magic, and what follows."""
    end = data.index(b"\n", len(magic))
    return json.loads(data[len(magic) : end]), data[end + 1 :]


def change_replay(rng: random.Random, data: bytes) -> bytes:
    header, body = header_and_body(data, REPLAY)
    hashes, actions = body[: header["hash_bytes"]], zlib.decompress(body[header["hash_bytes"] :])
    how = rng.randrange(4)
    if how == 0:
        actions = change_bytes(rng, actions)
    elif how == 1:
        header["steps"], actions = rng.choice(((10**7, b"\0" * 10**6), (10**9, actions), (0, b""), (1, actions[:64])))
    body = hashes + zlib.compress(actions, 9)
    if how == 2:
        body = change_bytes(rng, body)
    for _ in range(rng.randint(0, 3)):
        header = change_json(rng, header)
    if isinstance(header, dict) and rng.random() < 0.95:
        header["checksum"] = zlib.crc32(body)
    return REPLAY + json.dumps(header).encode("utf-8", "surrogatepass") + b"\n" + body


def change_snapshot(rng: random.Random, data: bytes) -> bytes:
    end = data.index(b"\n", len(SNAPSHOT)) + 1
    head, body = data[:end], bytearray(data[end + 32 :])
    for _ in range(rng.randint(1, 3)):
        at = 4 * rng.randrange(len(body) // 4)
        number = rng.choice((0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FC00000, rng.randrange(2**32), rng.randrange(300)))
        body[at : at + 4] = struct.pack("<I", number)
    if rng.random() < 0.2:
        body = bytearray(change_bytes(rng, bytes(body)))
    if rng.random() < 0.1:
        head = change_bytes(rng, head)
    return head + hashlib.sha256(body).digest() + bytes(body)


def change_policy(rng: random.Random, data: bytes) -> bytes:
    metadata, found, _ = unpack(data)
    about = change_json(rng, json.loads(metadata["policy"]))
    for _ in range(rng.randint(0, 2)):
        about = change_json(rng, about)
    tensors: dict[str, Any] = {
        name: np.frombuffer(memory, STORED[kind]).reshape(shape) for name, (kind, shape, memory) in found.items()
    }
    if rng.random() < 0.3:
        name = rng.choice(sorted(tensors))
        with np.errstate(over="ignore", invalid="ignore"):  # float16 ends at 65,504
            tensors[name] = (tensors[name] * np.float32(rng.choice((1e30, 0.0, -1.0)))).astype(tensors[name].dtype)
    text = json.dumps(about)
    checksum = hashlib.sha256(text.encode("utf-8", "surrogatepass") + body_of(tensors)).hexdigest()
    packed = pack(metadata | {"policy": text, "sha256": checksum}, tensors)
    return packed if rng.random() < 0.8 else change_bytes(rng, packed)


def change_lines(rng: random.Random, data: bytes) -> bytes:
    """JSON lines."""
    lines = data.splitlines()
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(lines))
        how = rng.random()
        if how < 0.6:
            line = change_json(rng, json.loads(data.splitlines()[at % len(data.splitlines())]))
            lines[at] = json.dumps(line).encode("utf-8", "surrogatepass")
        elif how < 0.7:
            lines += [json.dumps({"steps": 1, f"a{i}": 1}).encode() for i in range(3_000)]
        else:
            lines[at] = change_bytes(rng, lines[at])
    return b"\n".join(lines)


def change_toml(rng: random.Random, data: bytes) -> bytes:
    lines = data.decode().splitlines()
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(lines))
        name = lines[at].partition("=")[0]
        values = (
            "-1",
            "0",
            "1e400",
            "nan",
            "inf",
            '"x"',
            "[]",
            "{}",
            "true",
            "9" * 400,
            "1_0",
            '"os:system"',
            "[[[[1]]]]",
        )
        lines[at] = (
            f"{name}= {rng.choice(values)}" if rng.random() < 0.8 else rng.choice(("[train.x]", "[env]", "]", ""))
        )
    text = "\n".join(lines).encode()
    return text if rng.random() < 0.8 else change_bytes(rng, text)


# ---- Kinds of file: their valid bytes, how they are changed, and how they are read. ----


class Kind:
    """One kind; `read` raises what is allowed to be raised, or nothing."""

    allowed: tuple[type[BaseException], ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def seeds(self) -> list[bytes]:
        raise NotImplementedError

    def change(self, rng: random.Random, data: bytes) -> bytes:
        raise NotImplementedError

    def read(self, data: bytes) -> None:
        raise NotImplementedError

    def file(self, data: bytes, name: str) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path


class Replays(Kind):
    allowed = (ReplayError,)

    def seeds(self) -> list[bytes]:
        found = []
        for name, count in (("squared", 2), ("snake", 1), ("racer", 1), ("lunar_lander", 1)):
            env = puffer_envs.make(name, num_envs=count, **({"num_tracks": 2} if name == "racer" else {}))
            env.start_replay(3)
            for _ in range(70):
                env.step(np.zeros_like(env.actions))
            env.save_replay(self.folder / "seed.puf")
            found.append((self.folder / "seed.puf").read_bytes())
        return found

    def change(self, rng: random.Random, data: bytes) -> bytes:
        return change_replay(rng, data) if rng.random() < 0.8 else change_bytes(rng, data)

    def read(self, data: bytes) -> None:
        replay = Replay.load(self.file(data, "replay.puf"))
        for _ in itertools.islice(replay.play(), 20):
            pass


class Snapshots(Kind):
    allowed = (SnapshotError,)
    small = (
        "asteroids",
        "backgammon",
        "breakout",
        "cards",
        "checkers",
        "chess",
        "connect4",
        "delve",
        "enduro",
        "foundry",
        "go",
        "gomoku",
        "hex",
        "lantern",
        "maze",
        "merge2048",
        "othello",
        "snake",
        "tanks",
        "blobs",
        "boids",
        "drone",
        "racer",
        "tower",
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        few = {"num_levels": 4}
        duel = {**few, "teams": 2, "energy": 50, "d_machines": 2, "e_machines": 2}
        tracks = {"num_tracks": 2}
        fewer = {"delve": few, "foundry": duel, "lantern": few, "maze": few, "racer": tracks, "tower": few}
        self.envs: dict[str, Environment] = {
            name: puffer_envs.make(name, num_envs=2, **fewer.get(name, {})) for name in self.small
        }

    def seeds(self) -> list[bytes]:
        found = []
        for env in self.envs.values():
            env.reset(1)
            for _ in range(30):
                env.step(np.zeros_like(env.actions))
            found.append(env.snapshot())
            names = {param.name for param in env.spec.params}
            limit = {"max_steps", "max_frames", "max_days", "strength", "rest"} & names or {"reward_tile"}
            env.set(limit.pop(), 2, [0])
            found.append(env.snapshot())
        return found

    def change(self, rng: random.Random, data: bytes) -> bytes:
        return change_snapshot(rng, data)

    def read(self, data: bytes) -> None:
        for env in self.envs.values():
            if f'"{env.spec.name}"'.encode() in data[:200]:
                env.restore(data)
                for _ in range(10):
                    env.step(np.zeros_like(env.actions))


class Policies(Kind):
    allowed = (PolicyError,)

    def seeds(self) -> list[bytes]:
        shipped = Path(puffer_envs.__file__).parent / "trained"
        return [(shipped / f"{name}.safetensors").read_bytes() for name in ("squared", "cartpole", "maze", "memory")]

    def change(self, rng: random.Random, data: bytes) -> bytes:
        return change_policy(rng, data)

    def read(self, data: bytes) -> None:
        policy = load_policy(self.file(data, "policy.safetensors"))
        shape = (2, *policy.info.observation_shape)
        with contextlib.suppress(ValueError):  # "the policy's outputs overflow: its weights are too large"
            policy.act(np.zeros(shape, policy.info.observation_dtype))


class Metrics(Kind):
    def seeds(self) -> list[bytes]:
        line = {"steps": 128, "seconds": 0.5, "loss": 0.1, "env/score": 3.0, "env/n": 4.0, "evaluation/score": 1.0}
        return [b"\n".join(json.dumps(line | {"steps": 128 * i}).encode() for i in range(1, 20))]

    def change(self, rng: random.Random, data: bytes) -> bytes:
        return change_lines(rng, data)

    def read(self, data: bytes) -> None:

        path = self.file(data, "metrics.jsonl")
        folder.read_metrics(self.folder)
        folder.newest_lines(self.folder)
        summary.read_tail(path)
        with MetricsFile(path, resume_at=1000, max_bytes=3000):
            pass


class Settings(Kind):
    allowed = (ConfigError,)

    def seeds(self) -> list[bytes]:

        shipped = Path(puffer_train.__file__).parent / "settings"
        return [(shipped / f"{name}.toml").read_bytes() for name in ("squared", "drone", "maze", "python")]

    def change(self, rng: random.Random, data: bytes) -> bytes:
        return change_toml(rng, data)

    def read(self, data: bytes) -> None:

        config.load("squared", self.file(data, "settings.toml"))


RUN = ["squared", "--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--policy.hidden", "8"]
RUN += ["--train.eval-episodes", "0", "--policy.layers", "1", "--threads", "1", "--no-video"]


class Checkpoints(Kind):
    """Resumes a run from a changed checkpoint, whose checksums are right, by the command itself."""

    def seeds(self) -> list[bytes]:
        self.run = self.folder / "run"
        self.command([*RUN, "--steps", "256", "--train.checkpoint-interval", "128", "--run-dir", str(self.run)])
        (self.checkpoint,) = sorted((self.run / "checkpoints").iterdir())[-1:]
        self.whole = {path: path.read_bytes() for path in self.run.rglob("*") if path.is_file()}
        return [self.whole[self.checkpoint / "tensors.safetensors"]]

    def command(self, words: list[str]) -> None:
        """Run puffer-train, which must not end with a traceback."""

        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            train.main(words)
        if "Traceback" in said.getvalue():
            raise RuntimeError(said.getvalue())

    def change(self, rng: random.Random, data: bytes) -> bytes:
        length = int.from_bytes(data[:8], "little")
        header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
        for _ in range(rng.randint(1, 3)):
            name = rng.choice(sorted(header))
            start, end = header[name]["data_offsets"] if name != "__metadata__" else (0, len(body))
            if end > start:
                at = rng.randrange(start, end)
                body[at : at + 4] = struct.pack("<I", rng.choice((0x7FFFFFFF, 2**31, 2**32 - 1, 0x49000000, 300)))
                del body[len(data) - 8 - length :]
        if rng.random() < 0.2:
            header = change_json(rng, header)
        text = json.dumps(header).encode("utf-8", "surrogatepass")
        changed = len(text).to_bytes(8, "little") + text + bytes(body)
        manifest = json.loads(self.whole[self.checkpoint / "manifest.json"])
        self.manifest = change_json(rng, manifest) if rng.random() < 0.5 else manifest
        return changed

    def read(self, data: bytes) -> None:

        shutil.rmtree(self.run)
        for path, content in self.whole.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        manifest = self.manifest if isinstance(self.manifest, dict) else {}
        manifest = {name: value for name, value in manifest.items() if name != CHECKSUM_KEY}
        manifest |= {"tensors_bytes": len(data), "tensors_sha256": hashlib.sha256(data).hexdigest()}
        (self.checkpoint / "tensors.safetensors").write_bytes(data)
        with contextlib.suppress(UnicodeEncodeError):
            (self.checkpoint / "manifest.json").write_bytes(seal(manifest, CHECKSUM_KEY))
        self.command(["--resume", str(self.run), "--steps", "512", "--no-video"])


class Runs(Checkpoints):
    """Shows and resumes a run whose config.json, evaluation.json or labels.json was changed."""

    def seeds(self) -> list[bytes]:
        super().seeds()
        return [self.whole[self.run / "config.json"]]

    def change(self, rng: random.Random, data: bytes) -> bytes:
        changed = change_json(rng, json.loads(data))
        for _ in range(rng.randint(0, 2)):
            changed = change_json(rng, changed)
        return json.dumps(changed).encode("utf-8", "surrogatepass")

    def read(self, data: bytes) -> None:

        (self.run / "config.json").write_bytes(data)
        with contextlib.suppress(ConfigError):
            curves.read_run(self.run)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            runs.main(["show", str(self.run)])
        if "Traceback" in said.getvalue():
            raise RuntimeError(said.getvalue())


KINDS: dict[str, type[Kind]] = {
    "replays": Replays,
    "snapshots": Snapshots,
    "policies": Policies,
    "metrics": Metrics,
    "settings": Settings,
    "checkpoints": Checkpoints,
    "runs": Runs,
}


# ---- The loop. ----


@contextlib.contextmanager
def limits() -> Iterator[None]:
    """A limit on memory, and on the time of what is inside."""
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY_BYTES, before[1]))
    signal.signal(signal.SIGALRM, _too_slow)
    try:
        yield
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _too_slow(number: int, frame: Any) -> None:
    raise TimeoutError(f"more than {SLOWEST_S} s")


def fuzz(name: str, seconds: float, out: Path, *, inputs: int | None = None, first: int = 0) -> str:
    """Read changed files of a kind for so many seconds, or so many inputs; returns what to print.

    Raises:
        SystemExit: a finding; the input is in a file, and so is the traceback.
    """
    with tempfile.TemporaryDirectory() as scratch, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        kind = KINDS[name](Path(scratch))
        seeds, tried, refused, end = kind.seeds(), 0, 0, time.monotonic() + seconds
        with limits():
            while tried < inputs if inputs is not None else time.monotonic() < end:
                rng = random.Random(f"{name} {first + tried}")
                data = kind.change(rng, rng.choice(seeds))
                tried += 1
                signal.alarm(SLOWEST_S)
                try:
                    kind.read(data)
                except kind.allowed:
                    refused += 1
                except BaseException as error:
                    signal.alarm(0)
                    if isinstance(error, KeyboardInterrupt):
                        raise
                    (out / f"{name}-{first + tried - 1}").write_bytes(data)
                    text = "".join(traceback.format_exception(error))[-3000:]
                    raise SystemExit(f"{text}\n{name}: a finding, input {first + tried - 1}, in {out}") from None
                signal.alarm(0)
    return f"{name}: {tried} inputs in {seconds:.0f} s, {refused} refused, no finding"
