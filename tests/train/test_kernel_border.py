"""Whatever is handed to the kernels: an array that does not fit is refused by name, and nothing outside is touched."""

from __future__ import annotations

import gc
import threading
import time
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from kernel_cases import Case, Shape

from puffer_train import _kernels
from puffer_train.config import TrainSettings

ROWS, TIME, INPUTS, HIDDEN = 6, 4, 5, 16


WRONG_PARTS: list[tuple[Any, str]] = [
    ([], "there must be"),
    ([("uint8", 0, INPUTS + 1, 0)], "there must be"),
    ([("uint8", 0, 1, INPUTS + 1)], "there must be"),
    ([("uint8", -1, INPUTS, 0)], "no kernel"),
    ([("uint8", 9, INPUTS, 0)], "no kernel"),
    ([("uint8", 0, INPUTS, -1)], "no kernel"),
    ([("float64", 0, INPUTS, 0)], "no kernel"),
    ([("uint8", 0, 0, 0)], "do not fit"),
    ([("uint8", 1, 8, 0)], "do not fit"),
    ([("uint8", 0, -1, 0)], "do not fit"),
    ([("int32", 0, 3, 0)], "do not fit"),
    ([("uint8", 0, 2**30, 0)], "do not fit"),
    ([("float32", 0, 1, INPUTS)], "cannot be codes"),
    ([("uint8", 0, 1, 2**30)], "no kernel"),
    ([("uint8", 0, 8, 2**16)], "there must be"),
]


def learner_arguments(**changes: Any) -> list[Any]:
    """What a learner is made of, with changes."""
    arguments: dict[str, Any] = {
        "workers": _kernels.Workers(1),
        "cell": "mingru",
        "inputs": INPUTS,
        "hidden": HIDDEN,
        "layers": 2,
        "choices": (3, 2),
        "scale": None,
        "input_scale": np.ones(INPUTS, np.float32),
        "number": "float32",
        "horizon": TIME,
        "bins": 0,
        "input_mean": None,
        "parts": None,
        "row_bytes": 0,
    }
    assert changes.keys() <= arguments.keys()
    return list((arguments | changes).values())


def make_learner(**changes: Any) -> _kernels.Learner:
    return _kernels.Learner(*learner_arguments(**changes))


def parameters(**changes: Any) -> tuple[Any, ...]:
    arrays: dict[str, Any] = {
        "encoder": np.zeros((HIDDEN, INPUTS), np.float32),
        "core": np.zeros((2, 3 * HIDDEN, HIDDEN), np.float32),
        "head": np.zeros((6, HIDDEN), np.float32),
        "log_std": None,
    }
    return tuple((arrays | changes).values())


def rollout_arrays(**changes: Any) -> dict[str, Any]:
    """What a rollout is made of, with changes."""
    arrays: dict[str, Any] = {
        "observations": np.zeros((TIME + 1, ROWS, INPUTS), np.float32),
        "actions": np.zeros((TIME, ROWS, 2), np.int64),
        "masks": np.ones((TIME + 1, ROWS, 5), np.bool_),
        "present": np.ones((TIME + 1, ROWS), np.bool_),
        "ends": np.zeros((TIME, ROWS), np.bool_),
        "first_state": np.zeros((2, ROWS, HIDDEN), np.float32),
        "last_value": np.zeros(ROWS, np.float32),
    }
    for name in ("log_probs", "advantages", "values", "ratios", "rewards", "final_values"):
        arrays[name] = np.zeros((TIME, ROWS), np.float32)
    return arrays | changes


def environment(**changes: Any) -> SimpleNamespace:
    arrays: dict[str, Any] = {
        "observations": np.zeros((ROWS, INPUTS), np.float32),
        "rewards": np.zeros(ROWS, np.float32),
        "terminals": np.zeros(ROWS, np.bool_),
        "truncations": np.zeros(ROWS, np.bool_),
    }
    return SimpleNamespace(**(arrays | changes))


def make_rollout(**changes: Any) -> _kernels.Rollout:
    learner = make_learner()
    learner.pack(parameters())
    return _kernels.Rollout(learner, rollout_arrays(**changes))


def state() -> Any:
    return np.zeros((2, ROWS, HIDDEN), np.float32)


def make_actor(**changes: Any) -> _kernels.Actor:
    return _kernels.Actor(make_rollout(), environment(**changes), state(), 0, ROWS)


def spoiled(array: np.ndarray[Any, Any], optional: bool = False, written: bool = True) -> list[Any]:
    """Everything that is not quite this array."""
    other = np.float64 if array.dtype == np.float32 else np.float32
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    unaligned = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    readonly = array.copy()
    readonly.flags.writeable = False
    bad: list[Any] = [array.astype(other), array[..., :-1].copy(), np.stack([array]), array.tolist(), wide[..., ::2]]
    bad += [array.astype(array.dtype.newbyteorder()), unaligned] if array.dtype.itemsize > 1 else []
    return bad + [[], [None]][not optional] + [[], [readonly]][written]


def refuses(name: str, call: Any) -> None:
    with pytest.raises(ValueError, match=name):
        call()


# -- what is made ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [0, -1, -(2**31)])
def test_no_threads(threads: int) -> None:
    refuses("threads must be at least 1", lambda: _kernels.Workers(threads))


@pytest.mark.parametrize("isa", ["avx", "", "x86-64-v5"])
def test_no_such_instruction_set(isa: str) -> None:
    refuses("isa must be one of", lambda: _kernels.Workers(1, isa))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cell": "gru"}, "cell 'gru'"),
        ({"number": "float64"}, "'float64'"),
        *[({name: size}, name) for name in ("inputs", "hidden", "layers", "horizon") for size in (0, -16, 2**31 - 16)],
        ({"hidden": 24}, "hidden must be a multiple of 16"),
        *[({"choices": choices}, "choices") for choices in ((), (0,), (3, -1), 3, ((1, 2), (3, 4)), (2**20, 2**20))],
        *[({"choices": (1,) * size}, "choices") for size in (2**20 + 1,)],
        *[
            ({"choices": None, "scale": scale}, "scale")
            for scale in (None, [], [0.0], [-1.0], [np.nan], [np.inf], [[1.0]])
        ],
        *[({"input_scale": scale}, "input_scale") for scale in (None, [], [1.0], np.ones((INPUTS, 1)))],
        *[({"input_mean": mean}, "input_mean") for mean in ([], [1.0], np.ones((INPUTS, 1)))],
        ({"hidden": 2**20, "layers": 2**20}, "more than kernels can count"),
        ({"hidden": 2**15, "layers": 1}, "more than kernels can count"),
        ({"horizon": 2**20, "layers": 64}, "steps are more than the kernels can count"),
    ],
)
def test_no_such_learner(changes: dict[str, Any], message: str) -> None:
    refuses(message, lambda: make_learner(**changes))


@pytest.mark.parametrize("changes", [{"inputs": 2**40}, {"choices": (2**40,)}, {"hidden": -(2**40)}])
def test_numbers_that_no_int_holds(changes: dict[str, Any]) -> None:
    with pytest.raises(OverflowError):
        make_learner(**changes)


def test_what_memory_cannot_hold() -> None:
    """4 TB and more for one matrix: refused before anything is touched."""
    workers = _kernels.Workers(1)
    huge = np.broadcast_to(np.zeros(1, np.float32), (1 << 26, 1 << 4))
    with pytest.raises((MemoryError, ValueError)):
        _kernels.Muon(workers, [(huge, huge, huge)] * 1000)


@pytest.mark.parametrize("name", ["encoder", "core", "head"])
def test_weights_that_do_not_fit(name: str) -> None:
    learner = make_learner()
    good = dict(zip(("encoder", "core", "head"), parameters(), strict=False))[name]
    for bad in spoiled(good, written=False):
        refuses(name, lambda bad=bad: learner.pack(parameters(**{name: bad})))
    with pytest.raises(ValueError):
        learner.pack(parameters()[:3])
    continuous = make_learner(choices=None, scale=np.ones(2, np.float32))
    for log_std in (None, np.zeros(3, np.float32)):
        head = np.zeros((3, HIDDEN), np.float32)
        refuses("log_std", lambda log_std=log_std, head=head: continuous.pack(parameters(head=head, log_std=log_std)))


def test_moments_that_do_not_fit() -> None:
    good = np.ones(INPUTS, np.float32)
    learner = make_learner(input_mean=good)
    learner.normalize(good, good)
    for bad in spoiled(good, written=False):
        refuses("mean", lambda bad=bad: learner.normalize(bad, good))
        refuses("scale", lambda bad=bad: learner.normalize(good, bad))
    refuses("does not normalise", lambda: make_learner().normalize(good, good))


def test_readonly_weights_are_read() -> None:
    arrays = parameters()
    for array in arrays[:3]:
        array.flags.writeable = False
    make_learner().pack(arrays)


@pytest.mark.parametrize("name", sorted(rollout_arrays()))
def test_a_rollout_that_does_not_fit(name: str) -> None:
    learner, optional = make_learner(), name in ("masks", "present")
    for bad in spoiled(rollout_arrays()[name], optional):
        who = "ends|observations" if name == "ends" else name  # ends say how many rows there are
        refuses(who, lambda bad=bad: _kernels.Rollout(learner, rollout_arrays(**{name: bad})))
    missing = rollout_arrays()
    del missing[name]
    if not optional:
        refuses(name, lambda: _kernels.Rollout(learner, missing))


@pytest.mark.parametrize("shape", [(TIME + 1, ROWS), (TIME, 0), (TIME,), (TIME, ROWS, 1)])
def test_a_rollout_of_another_length(shape: tuple[int, ...]) -> None:
    refuses("ends", lambda: make_rollout(ends=np.zeros(shape, np.bool_)))


WITHOUT_ENCODER = {"inputs": None, "input_scale": None}


def without_encoder(**changes: Any) -> dict[str, Any]:
    """The arrays of a rollout for a network without an encoder, with changes."""
    arrays = {name: np.zeros((TIME, ROWS, HIDDEN), np.float32) for name in ("inputs", "by_inputs")}
    return rollout_arrays(observations=np.zeros((TIME + 1, ROWS, 3), np.uint8), **arrays) | changes


@pytest.mark.parametrize("name", ["inputs", "by_inputs"])
def test_inputs_that_do_not_fit(name: str) -> None:
    learner = make_learner(**WITHOUT_ENCODER)
    for bad in spoiled(without_encoder()[name], optional=name == "inputs", written=name == "by_inputs"):
        refuses(name, lambda bad=bad: _kernels.Rollout(learner, without_encoder(**{name: bad})))


def test_without_an_encoder_inputs_are_needed_and_sequences_differ() -> None:
    refuses("no kernel for cell", lambda: make_learner(**WITHOUT_ENCODER, number="uint8"))
    learner = make_learner(**WITHOUT_ENCODER)
    learner.pack(parameters(encoder=None))
    rollout = _kernels.Rollout(learner, without_encoder(inputs=None, by_inputs=None))
    gradients = parameters(encoder=None)

    def gradient(rollout: Any, *sequences: int) -> Any:
        chosen, importance = np.array(sequences, np.int64), np.ones(len(sequences), np.float32)
        return learner.gradient(rollout, chosen, importance, gradients, True, False, 0.2, 0.0, 1.0, 0.0)

    refuses("inputs and by_inputs are needed", lambda: gradient(rollout, 0))
    refuses("sequences must differ", lambda: gradient(_kernels.Rollout(learner, without_encoder()), 1, 1))
    env = environment(observations=np.zeros((ROWS, 3), np.uint8))
    actor = _kernels.Actor(rollout, env, state(), 0, ROWS)
    for bad in spoiled(np.zeros((ROWS, HIDDEN), np.float32), written=False):
        refuses("inputs", lambda bad=bad: actor.act(0, 1, False, bad))
        refuses("inputs", lambda bad=bad: actor.look_ahead(0, state(), bad))
    no_observations = _kernels.Rollout(learner, without_encoder(observations=None))
    refuses("observations", lambda: _kernels.Actor(no_observations, env, state(), 0, ROWS))


def test_a_rollout_to_learn_from_needs_nothing_after_the_last_step() -> None:
    """Neither observations, which may be read-only, nor masks; the gradient is the same. Nobody can act in it."""
    learner, random = make_learner(), np.random.default_rng(0)
    learner.pack(tuple(None if x is None else random.normal(size=x.shape).astype(np.float32) for x in parameters()))
    seen = random.normal(size=(TIME + 1, ROWS, INPUTS)).astype(np.float32)
    advantages, found = random.normal(size=(TIME, ROWS)).astype(np.float32), []
    for slots in (TIME + 1, TIME):
        masks, observations = np.ones((slots, ROWS, 5), np.bool_), seen[:slots].copy()
        observations.flags.writeable = slots > TIME
        arrays = rollout_arrays(observations=observations, masks=masks, advantages=advantages)
        rollout, gradients = _kernels.Rollout(learner, arrays), parameters()
        gradient(rollout, learner, gradients=gradients)
        found.append(gradients)
    for one, other in zip(*found, strict=True):
        assert one is None or (one.any() and np.array_equal(one, other))
    refuses("nobody can act", lambda: _kernels.Actor(rollout, environment(), state(), 0, ROWS))


@pytest.mark.parametrize("name", ["observations", "rewards", "terminals", "truncations"])
def test_an_environment_that_does_not_fit(name: str) -> None:
    for bad in spoiled(getattr(environment(), name), written=False):
        refuses(name, lambda bad=bad: make_actor(**{name: bad}))
    readonly = getattr(environment(), name)
    readonly.flags.writeable = False
    make_actor(**{name: readonly})


def test_an_observation_in_pieces_is_not_copied() -> None:
    """A copy would be made once, and then show the environment's first state forever."""
    pieces = np.zeros((ROWS, INPUTS, 2), np.float32)[..., :1]
    refuses("observations", lambda: make_actor(observations=pieces))
    make_actor(observations=np.zeros((ROWS, INPUTS, 1), np.float32))


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (0, ROWS + 1), (3, 3), (4, 2), (ROWS, ROWS + 1)])
def test_rows_that_are_not_there(first: int, last: int) -> None:
    refuses("rows", lambda: _kernels.Actor(make_rollout(), environment(), state(), first, last))


def test_a_state_that_does_not_fit() -> None:
    for bad in spoiled(state()):
        refuses("state", lambda bad=bad: _kernels.Actor(make_rollout(), environment(), bad, 0, ROWS))


@pytest.mark.parametrize("which", range(3))
def test_matrices_that_do_not_fit(which: int) -> None:
    good, workers = np.zeros((3, 4), np.float32), _kernels.Workers(1)
    for bad in spoiled(good, written=which != 1):
        matrices = [good.copy() for _ in range(3)]
        matrices[which] = bad
        refuses(
            ("parameter|gradient", "gradient", "average")[which], lambda m=tuple(matrices): _kernels.Muon(workers, [m])
        )
    for shape in ((0, 3), (3, 0), (3,)):
        empty = np.zeros(shape, np.float32)
        refuses("parameter", lambda empty=empty: _kernels.Muon(workers, [(empty, empty, empty)]))
    for matrices in ([()], [(good, good)], [None]):  # type: ignore[assignment]
        with pytest.raises((ValueError, TypeError)):
            _kernels.Muon(workers, matrices)  # type: ignore[arg-type]


def test_none_is_nobody() -> None:
    with pytest.raises(TypeError):
        _kernels.Learner(*learner_arguments(workers=None))
    with pytest.raises(TypeError):
        _kernels.Rollout(None, rollout_arrays())  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _kernels.Rollout(make_learner(), None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _kernels.Actor(None, environment(), state(), 0, ROWS)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _kernels.Muon(None, [])  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        _kernels.Muon(_kernels.Workers(1), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [_kernels.Learner, _kernels.Rollout, _kernels.Actor, _kernels.Muon, _kernels.Workers])
def test_nothing_is_there_half_made(kind: type[Any]) -> None:
    with pytest.raises(TypeError):
        kind.__new__(kind)


# -- what is called ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [-1, TIME, TIME + 1, 2**31 - 1, -(2**31)])
def test_steps_that_are_not_there(t: int) -> None:
    actor = make_actor()
    for call in (lambda: actor.act(t, 1), lambda: actor.store(t), lambda: actor.reset_state(t)):
        with pytest.raises(IndexError, match=f"step {t} is not among {TIME}"):
            call()
    if t != TIME:
        with pytest.raises(IndexError, match=f"step {t} is not among {TIME + 1}"):
            actor.look_ahead(t, state())


@pytest.mark.parametrize("key", [-1, 2**64])
def test_keys_that_are_no_64_bits(key: int) -> None:
    with pytest.raises(OverflowError):
        make_actor().act(0, key)


def test_what_is_valued_must_fit() -> None:
    actor = make_actor()
    good = {
        "observations": np.zeros((2, INPUTS), np.float32),
        "state": np.zeros((2, 2, HIDDEN), np.float32),
        "values": np.zeros(2, np.float32),
    }
    assert actor.value(*good.values()) == -1
    for name, array in good.items():
        for bad in spoiled(array, written=name != "observations"):
            with pytest.raises((ValueError, TypeError)):
                actor.value(*(good | {name: bad}).values())
    for bad in spoiled(state()):
        refuses("state", lambda bad=bad: actor.look_ahead(0, bad))


def gradient(rollout: _kernels.Rollout, learner: _kernels.Learner, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "sequences": np.arange(ROWS, dtype=np.int64),
        "importance": np.ones(ROWS, np.float32),
        "gradients": parameters(),
    }
    return learner.gradient(rollout, *(arguments | changes).values(), True, True, 0.2, 0.2, 1.0, 0.01)


def test_gradients_of_what_does_not_fit() -> None:
    learner = make_learner()
    rollout = _kernels.Rollout(learner, rollout_arrays())
    gradient(rollout, learner)
    for name, good in (("sequences", np.zeros(3, np.int64)), ("importance", np.ones(ROWS, np.float32))):
        for bad in spoiled(good, written=False):
            with pytest.raises((ValueError, TypeError)):
                gradient(rollout, learner, **{name: bad})
    for sequences in ([0, 1, 2, 3, 4, ROWS], [-1, 0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 2**62]):
        refuses("sequences must be", lambda s=sequences: gradient(rollout, learner, sequences=np.array(s)))
    for count in (0, ROWS + 1):
        nobody, nothing = np.zeros(count, np.int64), np.ones(count, np.float32)
        refuses("sequences", lambda n=nobody, w=nothing: gradient(rollout, learner, sequences=n, importance=w))
    for name in ("encoder", "core", "head"):
        for bad in (None, np.zeros((2, 2), np.float32)):
            refuses(name, lambda n=name, bad=bad: gradient(rollout, learner, gradients=parameters(**{n: bad})))
    refuses("another learner", lambda: gradient(make_rollout(), learner))
    with pytest.raises(TypeError):
        gradient(None, learner)  # type: ignore[arg-type]


def test_arrays_live_as_long_as_they_are_used() -> None:
    """Their creator may drop them: workers, learner, rollout, environment and all."""
    actor = make_actor()
    matrices = [tuple(np.ones((64, 64), np.float32) for _ in range(3))]
    muon = _kernels.Muon(_kernels.Workers(2), matrices)  # type: ignore[arg-type]
    matrices.clear()
    gc.collect()
    np.full(1 << 20, np.nan)  # where they would have been
    for t in range(TIME):
        assert actor.act(t, t) == -1
        assert actor.store(t) == 0
        actor.reset_state(t)
    muon.step(0.1, 0.9, 1.0)


def test_threads_take_one_job_at_a_time() -> None:
    """A second job would be mixed up with the first; it is refused, and the first is done."""
    kernels = Case(Shape(hidden=128, layers=4, horizon=64, rows=256)).kernels(TrainSettings(), threads=2)
    everyone, importance = torch.arange(256), torch.ones(256)
    wanted = kernels.gradient(everyone, importance)
    matrix = np.ones((16, 16), np.float32)
    muon = _kernels.Muon(kernels.workers, [(matrix, matrix.copy(), matrix.copy())])
    found: list[Any] = []
    other = threading.Thread(target=lambda: found.append(kernels.gradient(everyone, importance)))
    refused, deadline = 0, time.monotonic() + 60
    while not refused and time.monotonic() < deadline:
        other = threading.Thread(target=lambda: found.append(kernels.gradient(everyone, importance)))
        other.start()
        while other.is_alive():
            try:
                muon.step(0.0, 0.0, 1.0)
            except RuntimeError as error:
                refused += 1
                assert "one job at a time" in str(error)
            time.sleep(0.001)
        other.join()
    assert refused
    assert all(result == wanted for result in found)


# -- numbers that are none ---------------------------------------------------------------------------------


def odd_nan() -> np.float32:
    """A NaN as no arithmetic makes it: bits that a shift would push out of it."""
    return np.array([0x7FC00001], np.uint32).view(np.float32)[0]


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, odd_nan(), np.inf, -np.inf])
@pytest.mark.parametrize("where", ["encoder", "core", "head", "observations", "state"])
def test_what_is_not_finite_is_noticed(where: str, bad: float, cell: str) -> None:
    """The row is named; its action is valid, its state fresh, and no other row's outputs are touched."""
    case = Case(Shape(cell, rows=20, layers=2))
    sound = case.kernels(TrainSettings())
    sound.actors[0].act(0)
    kernels = case.kernels(TrainSettings())
    row = 13
    everybody = where in ("encoder", "core", "head")
    if where == "observations":
        kernels.buffers.observations.numpy()[0, row, 1] = bad
    elif where == "state":
        kernels.actors[0].state.numpy()[1, row, 3] = bad
    else:
        getattr(kernels.policy, where).detach().numpy().reshape(-1)[-1] = bad
        kernels.weights_changed()
    found = kernels.actors[0].act(0)
    buffers = kernels.buffers
    assert np.isfinite([buffers.values[0].numpy(), buffers.log_probs[0].numpy()]).all()
    assert ((buffers.actions[0] >= 0) & (buffers.actions[0] < 3)).all()
    if np.isinf(bad) and found == -1:
        return  # a gate that is infinitely open is open
    assert found == (0 if everybody else row)
    assert buffers.values[0, row] == 0
    assert not kernels.actors[0].state[:, row].any()
    others = np.arange(20) != row
    for name in ("values", "log_probs", "actions"):
        mine, right = (getattr(k.buffers, name)[0].numpy()[others] for k in (kernels, sound))
        assert everybody or np.array_equal(mine, right), name


def test_the_first_of_several_rows_that_are_not_finite_is_named() -> None:
    """They are further apart than the rows that are computed together."""
    kernels = Case(Shape("mingru", rows=300)).kernels(TrainSettings())
    kernels.buffers.observations.numpy()[0, [70, 150, 290], 1] = np.nan
    assert kernels.actors[0].act(0) == 70
    assert (kernels.buffers.values[0, [70, 150, 290]] == 0).all()


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("bad", [np.nan, odd_nan(), np.inf])
@pytest.mark.parametrize("where", ["head", "observations", "log_probs", "values", "advantages"])
def test_a_gradient_of_what_is_not_finite_is_noticed(where: str, bad: float, cell: str) -> None:
    """In its length or in a figure: the trainer looks at both."""
    kernels = Case(Shape(cell, rows=20)).kernels(TrainSettings())
    if where == "head":
        kernels.policy.head.detach().numpy()[-1, 0] = bad
        kernels.weights_changed()
    else:
        getattr(kernels.buffers, where).numpy()[3, 7] = bad
    length, report = kernels.gradient(torch.arange(20), torch.ones(20))
    assert not np.isfinite([length, *report.values()]).all()
