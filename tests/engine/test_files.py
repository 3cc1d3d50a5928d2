"""Snapshots and replays from hostile hands: refused with a sentence, whatever was done to them."""

from __future__ import annotations

import json
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import puffer_envs
from puffer_envs import Replay, ReplayError, SnapshotError
from puffer_envs.replay import MAGIC

ENVIRONMENTS = puffer_envs.list_envs()


@pytest.fixture
def replay_file(tmp_path: Path) -> Path:
    with puffer_envs.make("squared") as env:
        env.start_replay(5)
        for step in range(200):
            env.step([step % 5])
        env.save_replay(tmp_path / "run.replay")
    return tmp_path / "run.replay"


def test_a_replay_is_small(tmp_path: Path) -> None:
    """A few kilobytes for an episode of thousands of steps."""
    rng = np.random.default_rng(0)
    with puffer_envs.make("breakout") as env:
        env.start_replay(0)
        for _ in range(4000):
            env.step(rng.integers(0, 3, 1))
        env.save_replay(tmp_path / "a.replay")
    assert (tmp_path / "a.replay").stat().st_size < 4096


def test_a_replay_of_a_batch(tmp_path: Path) -> None:
    name = ENVIRONMENTS[-1]
    with puffer_envs.make(name, 5, first=3) as env:
        env.start_replay(8)
        for _ in range(100):
            env.step(np.zeros_like(env.actions))
        env.save_replay(tmp_path / "b.replay")
        expected = env.state_hash()
    *_, last = (again.state_hash() for again in Replay.load(tmp_path / "b.replay").play())
    assert last == expected


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_replay_knows_its_actions_before_an_environment_is_made(name: str) -> None:
    with puffer_envs.make(name, 3) as env:
        assert Replay._shape(name, 3, dict(env.settings)) == (env.actions.shape, env.actions.dtype)


def edit(path: Path, **changes: object) -> None:
    data = path.read_bytes()
    end = data.find(b"\n", len(MAGIC))
    header = json.loads(data[len(MAGIC) : end]) | changes
    path.write_bytes(MAGIC + json.dumps(header).encode() + data[end:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 99}, "recorded with version 99 of squared, this is version"),
        ({"environment": "sqared"}, "'sqared', which is not installed. Did you mean 'squared'"),
        ({"environment": "my_game"}, "'my_game', which is not installed. Is it a file of yours.* --library FILE"),
        ({"settings": {"max_steps": 0}}, "'max_steps' must be from 1"),
        ({"settings": {"max_steps": 7}}, "does not repeat itself: at step"),
        ({"seed": 6}, "does not repeat itself: at step 0"),
        ({"steps": 199}, "damaged"),
        ({"steps": 10**12}, "are not possible"),
        ({"steps": -5}, "are not possible|damaged"),
        ({"hash_every": 0}, "are not possible"),
        ({"num_envs": 0}, "must be at least one"),
        ({"num_envs": 2**20}, "cannot hold the actions of 1048576 agents"),
        ({"num_envs": 2**24, "steps": 0}, "cannot hold the actions of 16777216 agents"),
        ({"steps": 10**7, "hash_every": 1}, "bytes cannot hold the actions"),
        ({"hash_every": 1}, "number of hashes does not match"),
        ({"settings": {"threads": 1024}}, "no setting 'threads'"),
        ({"seed": "x"}, "damaged"),
        ({"seed": -1}, "damaged"),
        ({"checksum": 1}, "checksum"),
    ],
)
def test_edited_replays_are_refused(replay_file: Path, changes: dict[str, object], message: str) -> None:
    edit(replay_file, **changes)
    with pytest.raises(ReplayError, match=message):
        for _ in Replay.load(replay_file).play():
            pass


def test_a_changed_action_is_noticed(replay_file: Path) -> None:
    data = replay_file.read_bytes()
    end = data.find(b"\n", len(MAGIC))
    header = json.loads(data[len(MAGIC) : end])
    hashes, packed = data[end + 1 :][: header["hash_bytes"]], data[end + 1 :][header["hash_bytes"] :]
    actions = np.frombuffer(zlib.decompress(packed), np.int32).copy()
    for value, message in ((1, "does not repeat itself: at step "), (9, "action 9")):
        actions[50:] = value
        body = hashes + zlib.compress(actions.tobytes())
        header["checksum"] = zlib.crc32(body)
        replay_file.write_bytes(MAGIC + json.dumps(header).encode() + b"\n" + body)
        with pytest.raises(ReplayError, match=message):
            list(Replay.load(replay_file).play())


@given(st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_replays_never_crash(replay_file: Path, data: st.DataObject) -> None:
    original = replay_file.read_bytes()
    damaged = bytearray(original)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(damaged) - 1)) :]
    else:
        damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    target = replay_file.with_name("damaged.replay")
    target.write_bytes(damaged)
    with pytest.raises(ReplayError):
        for _ in Replay.load(target).play():
            pass


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_is_no_replay_and_no_snapshot(tmp_path: Path, noise: bytes) -> None:
    (tmp_path / "noise").write_bytes(MAGIC + noise)
    with pytest.raises(ReplayError):
        Replay.load(tmp_path / "noise")
    with puffer_envs.make("squared") as env, pytest.raises(SnapshotError):
        env.restore(b"PUFFER SNAPSHOT 1\n" + noise)


def test_pickles_do_not_run(tmp_path: Path) -> None:
    target = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (type(target).touch, (target,))  # type: ignore[return-value]

    payload = pickle.dumps(Payload())
    (tmp_path / "p").write_bytes(payload)
    with pytest.raises(ReplayError):
        Replay.load(tmp_path / "p")
    with puffer_envs.make("squared") as env, pytest.raises(SnapshotError):
        env.restore(payload)
    assert not target.exists()


def test_snapshots_of_other_things_are_refused() -> None:
    with puffer_envs.make("squared", 2) as env, puffer_envs.make("squared", 2, max_steps=9) as other:
        env.reset(0)
        other.reset(0)
        with pytest.raises(SnapshotError, match="its settings is"):
            other.restore(env.snapshot())
    with puffer_envs.make("squared", 2) as env, puffer_envs.make("breakout", 2) as other:
        env.reset(0)
        with pytest.raises(SnapshotError, match="its environment is 'squared', this environment's is 'breakout'"):
            other.restore(env.snapshot())
    with pytest.raises(RuntimeError, match="reset"), puffer_envs.make("squared") as env:
        env.snapshot()


@given(st.integers(0, 2**64 - 1), st.integers(1, 60), st.integers(1, 60), st.sampled_from(ENVIRONMENTS))
@settings(max_examples=40, deadline=None)
def test_snapshots_round_trip(seed: int, before: int, after: int, name: str) -> None:
    """Wherever it is taken, a snapshot leads on to the same states, in a new environment too."""
    rng = np.random.default_rng(seed)
    with puffer_envs.make(name, 3) as env, puffer_envs.make(name, 3, seed=1) as other:
        high = getattr(env.single_action_space, "n", 2)
        steps = rng.integers(0, high, (before + after, *env.actions.shape))
        env.reset(seed)
        for actions in steps[:before]:
            env.step(actions)
        other.restore(env.snapshot())
        assert np.array_equal(env.observations, other.observations)
        for actions in steps[before:]:
            env.step(actions)
            other.step(actions)
        assert env.state_hash() == other.state_hash()


def test_saving_needs_a_recording(tmp_path: Path) -> None:
    with puffer_envs.make("squared") as env:
        env.reset(0)
        with pytest.raises(RuntimeError, match="start_replay"):
            env.save_replay(tmp_path / "x")
        env.start_replay(0)
        with pytest.raises(OSError):
            env.save_replay(tmp_path / "missing/x")
