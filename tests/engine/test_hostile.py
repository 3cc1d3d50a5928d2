"""Whatever is passed in: an exception with a sentence, never a crash, a hang or a moved environment."""

from __future__ import annotations

import contextlib
import copy
import gc
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import puffer_envs
from puffer_envs import _core
from puffer_envs.vector.threads import Threads

from .conftest import LibraryBuilder, few_assets

ENVIRONMENTS = puffer_envs.list_envs()
BUFFERS = ("observations", "final_observations", "actions", "rewards", "terminals", "truncations")
DTYPES = ["u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "?", ">i4", ">f4", "c8", "O", "U3"]


def pristine(name: str) -> dict[str, np.ndarray]:
    with puffer_envs.make(name, 3) as env:
        return {b: getattr(env, b) for b in BUFFERS}


@st.composite
def spoiled_buffers(draw: st.DrawFn) -> tuple[str, str, Any, bool]:
    """An environment, the buffer that is spoiled, the array, and whether it is still fit to be used."""
    name = draw(st.sampled_from(ENVIRONMENTS))
    which = draw(st.sampled_from(BUFFERS))
    good = pristine(name)[which]
    how = draw(st.sampled_from(["dtype", "shape", "stride", "readonly", "misaligned", "fortran", "type"]))
    if how == "dtype":
        array = np.zeros(good.shape, draw(st.sampled_from(DTYPES)))
    elif how == "shape":
        shape = draw(st.lists(st.integers(0, 8), max_size=4))
        array = np.zeros(shape, good.dtype)
    elif how == "stride":
        array = np.zeros((2 * good.shape[0], *good.shape[1:]), good.dtype)[::2]
    elif how == "readonly":
        array = np.zeros_like(good)
        array.flags.writeable = False
    elif how == "misaligned":
        raw = np.zeros(good.nbytes + 1, np.uint8)
        array = raw[1:].view(good.dtype).reshape(good.shape)
    elif how == "fortran":
        array = np.asfortranarray(np.zeros_like(good))
    else:
        return name, which, draw(st.one_of(st.integers(), st.text(), st.lists(st.integers(), max_size=3))), False
    flags = array.flags
    same = array.dtype == good.dtype and array.shape == good.shape
    return name, which, array, same and flags.c_contiguous and flags.aligned and flags.writeable


@given(spoiled_buffers())
@settings(max_examples=300, deadline=None)
def test_buffers(case: tuple[str, str, Any, bool]) -> None:
    name, which, array, fit = case
    buffers = pristine(name) | {which: array}
    if not fit:
        with pytest.raises((ValueError, TypeError), match=which):
            puffer_envs.make(name, 3, buffers=buffers)
        return
    with puffer_envs.make(name, 3, buffers=buffers) as env:
        assert getattr(env, which) is array
        env.reset(0)
        env.step(env.actions)


def test_unknown_and_overlapping_buffers() -> None:
    with pytest.raises(ValueError, match="unknown buffers: rewardz"):
        puffer_envs.make("squared", buffers={"rewardz": np.zeros(1, np.float32)})
    shared = np.zeros(4, bool)
    with pytest.raises(ValueError, match="overlap"):
        puffer_envs.make("squared", 4, buffers={"terminals": shared, "truncations": shared})


def test_buffers_outlive_their_names() -> None:
    """The environment keeps what it writes to: deleting the caller's references must not free the memory."""
    buffers = {"observations": np.zeros((64, 11, 11), np.uint8), "rewards": np.zeros(64, np.float32)}
    env = puffer_envs.make("squared", 64, buffers=buffers)
    del buffers
    gc.collect()
    env.reset(0)
    for _ in range(100):
        env.step(np.ones(64, np.int32))
    assert env.observations.max() == 2


def test_state_outlives_the_environment() -> None:
    env = puffer_envs.make("breakout")
    env.reset(0)
    state = env.state(0)
    bricks = state.bricks
    env.close()
    del env
    gc.collect()
    assert bricks.size > 0 and np.isfinite(state.ball_x)


def test_state_is_read_only_and_names_its_fields() -> None:
    with puffer_envs.make("squared") as env:
        env.reset(0)
        state = env.state(0)
        assert (state.row, state.column) == (5, 5) and state.row.dtype == np.int32
        with pytest.raises(AttributeError, match="it has: row, column"):
            state.colum  # noqa: B018
        with pytest.raises(AttributeError):
            state.row = 3
        with pytest.raises(IndexError, match="from 0 to 0, got 1"):
            env.state(1)
    with puffer_envs.make("breakout") as env:
        env.reset(0)
        with pytest.raises(ValueError, match="read-only"):
            env.state(0).bricks[:] = 0


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_a_prompt_shows_is_short(name: str) -> None:
    with puffer_envs.make(name) as env:
        env.reset(0)
        for shown in (repr(puffer_envs.spec(name)), repr(env.state(0)), repr(env)):
            assert shown.startswith(f"<{name}") and "np." not in shown and len(shown) < 600 and "\n" not in shown
    assert len(repr(puffer_envs.spec(name))) < 200


def test_a_state_shows_its_numbers() -> None:
    with puffer_envs.make("squared") as env:
        env.reset(0)
        assert repr(env.state(0)).startswith("<squared: row=5, column=5, target_row=")


def test_tables_of_structs_are_record_arrays() -> None:
    with puffer_envs.make("drone", 2, num_drones=3) as env:
        env.reset(0)
        state = env.state(1)
        assert state.drones.position.shape == (3, 3) and state.drones[2].rotors.tolist() == [0.5] * 4
        assert state.gates.center.shape == state.gates.direction.shape == (10, 3)
        with pytest.raises(ValueError, match="read-only"):
            state.drones.position[0] = 0


@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_no_part_of_a_table_hides_an_attribute_of_arrays(name: str) -> None:
    names = {part.name for field in puffer_envs.spec(name).fields for part in field.parts}
    assert not names & set(dir(np.recarray))


def test_blocks_show_their_contents(probe: str) -> None:
    with puffer_envs.make(probe, agents=2) as env:
        env.reset(0)
        env.step([[2, 1], [1, 0]])
        assert env.state(0).trail.tolist() == [[2, 1], [1, 0]]


@given(
    st.sampled_from(ENVIRONMENTS),
    st.data(),
    st.one_of(st.floats(), st.integers(), st.booleans(), st.none(), st.text(max_size=3), st.complex_numbers()),
)
@settings(max_examples=400, deadline=None)
def test_settings(name: str, data: st.DataObject, value: Any) -> None:
    """A setting is either within its range, and then the environment works, or refused by name and range."""
    param = data.draw(st.sampled_from(puffer_envs.spec(name).params))
    try:
        env = puffer_envs.make(name, 2, **{param.name: value})
    except (ValueError, TypeError) as error:
        assert param.name in str(error)
        assert repr(value) in str(error) or f"{param.name}=" in str(error)
        return
    with env:
        assert param.low <= param.to_number(env.settings[param.name]) <= param.high
        env.reset(0)
        for _ in range(5):
            env.step(np.zeros_like(env.actions))
        assert env.single_observation_space.contains(env.observations[0])


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_extreme_settings_work(name: str) -> None:
    """Every setting at both ends of its range, one at a time, for a few hundred steps."""
    few = few_assets(name)
    for param in puffer_envs.spec(name).params:
        for value in (param.low,) if param.name in few else (param.low, param.high):
            try:
                env = puffer_envs.make(name, 2, **few | {param.name: param.from_number(value)})
            except ValueError as error:  # an impossible combination is named
                assert f"{param.name}=" in str(error)
                continue
            with env:
                env.reset(1)
                rng = np.random.default_rng(0)
                space = env.single_action_space
                for _ in range(200):
                    if env.actions.dtype == np.int32:
                        choices = getattr(space, "nvec", getattr(space, "n", 1))
                        env.actions[:] = rng.integers(0, choices, env.actions.shape)
                    else:
                        env.actions[:] = rng.uniform(-1, 1, env.actions.shape)
                    env.step(env.actions)
                    low, high = env.single_observation_space.low, env.single_observation_space.high
                    assert ((env.observations >= low) & (env.observations <= high)).all(), (param.name, value)
                    assert np.isfinite(env.rewards).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ENVIRONMENTS if few_assets(name)])
def test_the_most_assets_work(name: str) -> None:
    """As many levels or tracks as a batch may ever make: 65,536 of foundry's take 15 s."""
    most = {param.name: param.high for param in puffer_envs.spec(name).params if param.name in few_assets(name)}
    with puffer_envs.make(name, 2, **most) as env:
        env.reset(1)
        env.step(np.zeros_like(env.actions))
        assert env.single_observation_space.contains(env.observations[0])


def test_messages_name_what_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"there is no environment 'sqared'. Did you mean 'squared'\?"):
        puffer_envs.make("sqared")
    with pytest.raises(ValueError, match=r"squared has no setting 'max_step'. Did you mean 'max_steps'\?"):
        puffer_envs.make("squared", max_step=3)
    with pytest.raises(ValueError, match=r"'max_steps' must be from 1 to 100000, got 0"):
        puffer_envs.make("squared", max_steps=0)
    with pytest.raises(ValueError, match="num_envs must be from 1 to"):
        puffer_envs.make("squared", 0)
    with pytest.raises(TypeError, match="threads must be an integer"):
        puffer_envs.make("squared", threads=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="seed must be from 0"):
        puffer_envs.make("squared", seed=-1)
    with puffer_envs.make("squared", 4) as env:
        env.reset(0)
        message = (
            r"squared: action 5 \('move'\) of agent 0 in environment 2 \(row 2\) is refused; "
            r"allowed is an integer from 0 to 4"
        )
        with pytest.raises(ValueError, match=message):
            env.step([0, 1, 5, 2])
        with pytest.raises(ValueError, match="seed must be from 0"):
            env.reset(2**64)


def test_an_environment_knows_the_file_of_its_rules(probe: str) -> None:
    with puffer_envs.make(probe, agents=2) as env, puffer_envs.make("squared") as own:
        (library,), (core,) = env.code_files, own.code_files
    assert (Path(library).name, Path(core).name.partition(".")[0]) == ("probe.so", "_core")


def test_impossible_combination_is_named(probe: str) -> None:
    with pytest.raises(ValueError, match="agents times max_steps must be at most 400, got agents=8, max_steps=100"):
        puffer_envs.make(probe, agents=8, max_steps=100)


def test_settings_are_stored_in_members_of_every_type(probe: str) -> None:
    values = {"tiny": -128, "letter": 255, "flag": True, "small": 32767, "large": 2**32 - 1, "huge": 2**53}
    with puffer_envs.make(probe, 3, third=2.5, left=-0.125, **values) as env:
        env.reset(0)
        for i in range(3):
            state = env.state(i)
            assert {name: getattr(state, name) for name in values} == values
            assert state.pair.tolist() == [-0.125, 0.25]
            assert state.thirds == 8


def test_a_setting_of_several_names_is_given_by_name(probe: str) -> None:
    with puffer_envs.make(probe, 3, shape="flat") as env:
        env.reset(0)
        assert (env.settings["shape"], int(env.state(0).shape)) == ("flat", 2)
        assert "shape=flat" in repr(env)
    with puffer_envs.make(probe, 1) as env:
        env.reset(0)
        assert (env.settings["shape"], int(env.state(0).shape)) == ("round", 0)
    with pytest.raises(ValueError, match=r"one of round, square, flat, got 'squar'. Did you mean 'square'\?"):
        puffer_envs.make(probe, 1, shape="squar")
    for number in (2, 1.0, True, None):
        with pytest.raises(TypeError, match="'shape' must be one of round, square, flat, got"):
            puffer_envs.make(probe, 1, shape=number)


def test_a_setting_has_a_name_for_every_number(build_library: LibraryBuilder) -> None:
    library = build_library('-DPROBE_SHAPES="round square"')
    with pytest.raises(ValueError, match="probe: setting 'shape' has 2 names for the numbers from 0 to 2"):
        puffer_envs.load_library(library)


def test_a_setting_outside_its_struct_is_refused(build_library: LibraryBuilder) -> None:
    library = build_library("-DPROBE_SETUP_SIZE=0")
    with pytest.raises(ValueError, match=r"probe: setting 'third' is stored outside the state .*setup_size"):
        puffer_envs.load_library(library)


def test_too_large_for_memory() -> None:
    with pytest.raises((MemoryError, ValueError), match=r"GiB|rows"):
        puffer_envs.make("snake", 2**24)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_big_seeds_and_indices(name: str) -> None:
    with puffer_envs.make(name, 2, seed=2**64 - 1, first=2**64 - 1) as env:
        env.reset()
        env.step(np.zeros_like(env.actions))


def test_two_threads_in_one_environment() -> None:
    """The second one gets an error; whatever the schedule, nothing crashes."""
    env = puffer_envs.make("squared", 8192)
    env.reset(0)
    actions = np.zeros(8192, np.int32)
    errors: list[str] = []

    def hammer() -> None:
        for _ in range(300):
            try:
                env.step(actions)
            except RuntimeError as error:
                errors.append(str(error))

    threads = [threading.Thread(target=hammer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all("another thread is inside" in e for e in errors)
    env.close()


CALLS: dict[str, Any] = {
    "step": lambda env, _: env.step(np.zeros(4, np.int32)),
    "reset": lambda env, _: env.reset(1),
    "snapshot": lambda env, _: env.snapshot(),
    "restore": lambda env, snapshot: env.restore(snapshot),
    "state_hash": lambda env, _: env.state_hash(),
    "state_hash of one": lambda env, _: env.state_hash(1),
    "state": lambda env, _: env.state(0),
    "log": lambda env, _: env.log(),
    "env_settings": lambda env, _: env.env_settings(0),
    "set": lambda env, _: env.set("max_steps", 5),
    "start_replay": lambda env, _: env.start_replay(1),
    "save_replay": lambda env, _: env.save_replay("never written"),
    "close": lambda env, _: env.close(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("inside", ["step", "hold"])
def test_every_call_is_refused_while_another_thread_is_inside(call: str, inside: str) -> None:
    """A torn snapshot has a right checksum: only a refusal keeps it from being restored."""
    errors: list[str] = []
    with Threads("squared", 4) as env:
        env.reset(0)
        before = env.snapshot()

        def from_another_thread() -> None:
            try:
                CALLS[call](env, before)
            except RuntimeError as error:
                errors.append(str(error))

        def intrude() -> None:
            thread = threading.Thread(target=from_another_thread)
            thread.start()
            thread.join()

        if inside == "step":
            env._on_step = intrude  # called by step, before anything moves
            env.step(np.zeros(4, np.int32))
            env._on_step = None
        else:  # as snapshot() and restore() keep it
            with env._held():
                intrude()
        assert len(errors) == 1 and "another thread is inside" in errors[0]
        env.step(np.zeros(4, np.int32))  # and is free again


def test_a_snapshot_beside_steps_is_refused_or_whole() -> None:
    num_envs, steps = 4096, 300
    actions = np.random.default_rng(0).integers(0, 5, (steps, num_envs), dtype=np.int32)
    with puffer_envs.make("squared", num_envs) as twin, puffer_envs.make("squared", num_envs) as other:
        twin.reset(0)
        whole = {twin.state_hash()}
        for chosen in actions:
            twin.step(chosen)
            whole.add(twin.state_hash())
        with puffer_envs.make("squared", num_envs) as env:
            env.reset(0)
            taken: list[bytes] = []
            done = threading.Event()

            def observe() -> None:
                while not done.is_set():
                    with contextlib.suppress(RuntimeError):
                        taken.append(env.snapshot())
                    time.sleep(0.0005)  # so that steps come between

            thread = threading.Thread(target=observe)
            thread.start()
            played = 0
            while played < steps:
                with contextlib.suppress(RuntimeError):
                    env.step(actions[played])
                    played += 1
            done.set()
            thread.join()
            taken.append(env.snapshot())
        for snapshot in taken[-50:]:
            other.restore(snapshot)
            assert other.state_hash() in whole


WRITE_WHILE_STEPPING = """
import threading
import time
import numpy as np
import puffer_envs
env = puffer_envs.make("snake", 512, threads=2)
env.reset(0)
done = threading.Event()
def write():
    while not done.is_set():
        env.actions[:] = 2**30
thread = threading.Thread(target=write)
thread.start()
steps = 0
for _ in range(500):
    env.actions[:] = 0
    try:
        env.step(env.actions)
        steps += 1
    except ValueError:
        pass
done.set()
thread.join()
print(steps)
"""


def test_actions_that_another_thread_writes_during_a_step_are_refused_or_checked() -> None:
    """In a separate process, as an action that was read again after the check would end it."""
    played = subprocess.run([sys.executable, "-c", WRITE_WHILE_STEPPING], capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stderr
    assert int(played.stdout) > 0


def test_refused_actions_leave_the_last_ones() -> None:
    with puffer_envs.make("squared", 3) as env:
        env.reset(0)
        env.step([1, 2, 3])
        for refused in ([1, 9, 1], np.array([1, 1, 9], np.int32), [0, 0, 2**40]):
            with pytest.raises(ValueError, match="action"):
                env.step(refused)
            assert env.actions.tolist() == [1, 2, 3]
    with puffer_envs.make("drone", 2) as env:
        env.reset(0)
        wanted = np.full(env.actions.shape, 5, np.float32)
        env.step(wanted)
        assert (env.actions == env.single_action_space.high).all() and (wanted == 5).all()
        env.actions[:] = -5
        env.step(env.actions)
        assert (env.actions == env.single_action_space.low).all()


def test_what_a_masked_array_hides_is_checked_as_well() -> None:
    with puffer_envs.make("squared", 2) as env:
        env.reset(0)
        for mask in (True, [True, False]):
            with pytest.raises(ValueError, match="action 4294967297"):
                env.step(np.ma.masked_array([2**32 + 1, 1], mask=mask))
        env.step(np.ma.masked_array([2, 1], mask=True))
        assert env.actions.tolist() == [2, 1]


def test_user_libraries_are_checked(tmp_path: Any) -> None:
    with pytest.raises(OSError):
        puffer_envs.load_library(tmp_path / "missing.so")


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore")
import puffer_envs
env = puffer_envs.make("squared", 64, threads=2)
env.reset(0)
pid = os.fork()
if pid == 0:
    try:
        env.step([0] * 64)
    except RuntimeError as error:
        own = puffer_envs.make("squared", 64, threads=2)
        own.reset(0)
        own.step([0] * 64)
        own.close()
        env.close()
        os._exit(7 if "fork" in str(error) else 8)
    os._exit(9)
_, status = os.waitpid(pid, 0)
env.step([0] * 64)
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_is_told_instead_of_hanging() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], check=False, timeout=60).returncode == 7


def test_isa_must_be_known() -> None:
    with pytest.raises(ValueError, match="isa must be one of baseline"):
        puffer_envs.make("squared", isa="z80")
    assert _core.supported_isas()[0] == "baseline"


@pytest.mark.parametrize(
    "arguments",
    [("sqared", 1, [32.0]), ("squared", 0, [32.0]), ("squared", -5, [32.0]), ("squared", 1, [1e30]), ("squared", 1, []),
     ("squared", 1, [float("nan")]), ("squared", 1, [[32.0]]), ("squared", 2**40, [32.0]), ("squared", 1, "x")],
)  # fmt: skip
def test_going_round_make_is_no_way_into_c(arguments: tuple[Any, ...]) -> None:
    for kind in (_core.Batch, puffer_envs.Environment):
        with pytest.raises((ValueError, OverflowError)):
            kind(*arguments)


def test_unknown_keywords_are_refused() -> None:
    for kind in (_core.Batch, puffer_envs.Environment):
        with pytest.raises(TypeError, match="thread"):
            kind("squared", 1, [32.0], thread=2)  # type: ignore[call-arg]


def test_environments_are_not_copied_by_accident() -> None:
    with puffer_envs.make("squared") as env:
        env.reset(0)
        for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                duplicate(env)
