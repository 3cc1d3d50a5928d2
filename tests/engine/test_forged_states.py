"""States that somebody forged: refused with the field's name, or harmless. tests/fuzz/run.py tries many more."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import puffer_envs
from puffer_envs import _core
from puffer_envs.golden import ENVS, golden_actions
from puffer_envs.snapshot import SnapshotError

from .conftest import TESTS, compiler

ENVIRONMENTS = puffer_envs.list_envs()


def forge(snapshot: bytes, at: int, value: bytes) -> bytes:
    """A snapshot with bytes of its states replaced, and the right checksum."""
    start = snapshot.index(b"\n", snapshot.index(b"\n") + 1) + 1
    body = bytearray(snapshot[start + 32 :])
    body[at : at + len(value)] = value
    return snapshot[:start] + hashlib.sha256(body).digest() + bytes(body)


def offset_of(name: str, field: str) -> int:
    return next(f.offset for f in puffer_envs.spec(name).fields if f.name == field)


@pytest.mark.parametrize(
    ("name", "field", "value", "message"),
    [
        ("squared", "target_row", 11, "'target_row' of environment 1 is 11, allowed is 0 to 10"),
        ("squared", "tick", -1, "'tick' of environment 1 is -1, allowed is 0 to 32"),
        ("snake", "num_snakes", 4000, "'num_snakes' of environment 1 is not what the settings make it"),
        ("snake", "food", 3, "'food' of environment 1 contradicts the rest of its state"),
        ("connect4", "turn", 1, "'turn' of environment 1 is 1, allowed is 0 to 0"),
        ("breakout", "ball_x", 0x7FC00000, "'ball_x' of environment 1 is nan, allowed is 3 to 573"),
        ("racer", "track", 1 << 20, "'track' of environment 1 is 1048576, allowed is 0 to 7"),
        ("tanks", "heading", 64, "'heading' of environment 1 is 64, allowed is 0 to 63"),
    ],
)
def test_a_forged_field_is_named_and_nothing_has_changed(name: str, field: str, value: int, message: str) -> None:
    env = puffer_envs.make(name, num_envs=2, **({"num_tracks": 8} if name == "racer" else {}))
    env.reset(7)
    snapshot, before = env.snapshot(), env.state_hash()
    at = env.spec.layout.state_bytes + offset_of(name, field)
    forged = forge(snapshot, at, (value & 0xFFFFFFFF).to_bytes(4, "little"))
    with pytest.raises(SnapshotError, match=f"{name}: the snapshot cannot be right: {message}"):
        env.restore(forged)
    assert env.state_hash() == before
    env.restore(snapshot)


def test_a_generator_that_repeats_itself_and_a_log_that_is_no_number() -> None:
    env = puffer_envs.make("squared", num_envs=1)
    env.reset(7)
    with pytest.raises(SnapshotError, match="'generator' of environment 0 is not what"):
        env.restore(forge(env.snapshot(), 8, b"\0" * 8))
    covered, *_ = _core.cover("squared", [32.0])
    log = int(np.flatnonzero(covered == -2)[-1]) - 3
    with pytest.raises(SnapshotError, match="'log' of environment 0 is inf, allowed is a finite number"):
        env.restore(forge(env.snapshot(), log, np.float32(np.inf).tobytes()))


def test_forged_settings_of_single_environments() -> None:
    env = puffer_envs.make("snake", num_envs=2, width=20, height=20)
    env.reset(7)
    env.set("max_steps", 50, [1])
    snapshot = env.snapshot()
    env.restore(snapshot)
    number, count = [p.name for p in env.spec.params].index("max_steps"), len(env.spec.params)
    for value, message in [(np.nan, "is nan, allowed is 1 to 1e\\+06"), (-1, "is -1, allowed is")]:
        for table in (0, 1):  # of this episode and of the next
            at = env._states.size + 8 * ((2 * table + 1) * count + number)
            forged = forge(snapshot, at, np.float64(value).tobytes())
            with pytest.raises(SnapshotError, match=f"setting 'max_steps' of environment 1 {message}"):
                env.restore(forged)
    wide = [p.name for p in env.spec.params].index("width")
    with pytest.raises(SnapshotError, match="are those of another batch"):
        env.restore(forge(snapshot, env._states.size + 8 * wide, np.float64(30).tobytes()))


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_play_leads_to_is_let_pass(name: str) -> None:
    env = puffer_envs.make(name, num_envs=ENVS)
    env.reset(3)
    settings = np.array([p.to_number(env.settings[p.name]) for p in env.spec.params])
    for actions in golden_actions(name)[:500]:
        env.step(actions)
        assert env._check_states(env._states, settings) is None


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_byte_of_the_struct_is_checked(name: str) -> None:
    """A member that the table leaves out could hold anything. What remains is padding: zeros, after any play."""
    env = puffer_envs.make(name, num_envs=ENVS)
    env.reset(3)
    for actions in golden_actions(name)[:200]:
        env.step(actions)
    covered, _, size = _core.cover(name, [p.to_number(env.settings[p.name]) for p in env.spec.params])
    padding = np.flatnonzero(covered[:size] == -1)
    assert not env._states.reshape(ENVS, -1)[:, padding].any(), f"no field holds bytes {padding.tolist()}"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_forged_states_do_no_harm(name: str, build: ModuleType, tmp_path: Path) -> None:
    program = build.build_fuzzer(name, tmp_path / name, compiler("gcc"), [*build.SANITIZERS, "-DOWN_MAIN"])
    done = subprocess.run([program, "400", "5"], check=False, capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr[-3000:]
    inputs, passed = (int(word) for word in done.stdout.replace(",", "").split() if word.isdigit())
    assert inputs == 400 and passed > 4, "hardly any state was stepped: this tests nothing"


def test_a_range_that_is_too_wide_is_found(build: ModuleType, tmp_path: Path) -> None:
    header = (TESTS.parent / "c/envs/squared.h").read_text("utf-8")
    planted = header.replace("PUF_RANGE(0, SQUARED_SIZE - 1)", "PUF_RANGE(0, 100 * SQUARED_SIZE)")
    assert planted != header
    (tmp_path / "squared.h").write_text(planted, "utf-8")
    flags = [*build.SANITIZERS, "-DOWN_MAIN"]
    program = build.build_fuzzer("squared", tmp_path / "squared", compiler("gcc"), flags, headers=tmp_path)
    done = subprocess.run([program, "400", "5"], check=False, capture_output=True, text=True)
    assert done.returncode != 0 and "AddressSanitizer" in done.stderr
