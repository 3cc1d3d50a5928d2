"""Spaces: what is written can be read back by name, what is decoded is a member, and the wrong thing is refused."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st

from puffer_envs.adapters.action_codec import ActionCodec
from puffer_envs.adapters.observation_codec import ObservationCodec
from puffer_envs.contract.observations import named_observations

INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.int64, np.bool_]
FLOATS = [np.float16, np.float32, np.float64]
SHAPES = st.lists(st.integers(1, 3), max_size=3).map(tuple)
KEYS = st.text("abcxyz", min_size=1, max_size=3)
ROWS = 5


@st.composite
def float_boxes(draw: st.DrawFn) -> spaces.Box:
    dtype, shape = draw(st.sampled_from(FLOATS)), draw(SHAPES)
    size = int(np.prod(shape))
    bounds = st.one_of(st.floats(-1000, 1000, width=16), st.just(0.1), st.just(np.inf))
    low = np.array(draw(st.lists(bounds, min_size=size, max_size=size)), dtype).reshape(shape)
    width = np.array(draw(st.lists(st.floats(0, 10, width=16), min_size=size, max_size=size)), dtype).reshape(shape)
    low = np.where(np.isinf(low), -low, low)
    return spaces.Box(low, np.where(np.isinf(low), np.inf, low + width).astype(dtype), dtype=dtype)


@st.composite
def integer_boxes(draw: st.DrawFn) -> spaces.Box:
    dtype, shape = draw(st.sampled_from(INTEGERS)), draw(SHAPES)
    least, most = (0, 1) if dtype is np.bool_ else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    low = draw(st.integers(max(least, -300), min(most, 300)))
    high = draw(st.integers(low, min(most, low + 300)))
    return spaces.Box(low, high, shape, dtype)


@st.composite
def multi_discretes(draw: st.DrawFn) -> spaces.MultiDiscrete[Any]:
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2).map(tuple))
    size = int(np.prod(shape))
    nvec, start = (
        np.array(draw(st.lists(st.integers(*range_), min_size=size, max_size=size))).reshape(shape)
        for range_ in ((1, 50), (-60, 60))
    )
    return spaces.MultiDiscrete(nvec, dtype=draw(st.sampled_from([np.int8, np.int32, np.int64])), start=start)


DISCRETES = st.one_of(
    st.builds(spaces.Discrete, st.integers(1, 1000), start=st.integers(-(2**40), 2**40)),
    multi_discretes(),
    st.builds(spaces.MultiBinary, st.lists(st.integers(1, 3), min_size=1, max_size=2)),
)


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.dictionaries(KEYS, inner, min_size=1, max_size=3).map(spaces.Dict),
            st.lists(inner, min_size=1, max_size=3).map(spaces.Tuple),
        ),
        max_leaves=6,
    )


OBSERVATIONS = nested(st.one_of(DISCRETES, integer_boxes(), float_boxes()))
ACTIONS = st.one_of(nested(st.one_of(DISCRETES, integer_boxes())), nested(float_boxes()))


def leaves_of(space: Any, value: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Name, space and value of every leaf, found another way than the codecs do."""
    if isinstance(space, spaces.Dict):
        parts = [(str(key), space[key], value[key]) for key in space]
    elif isinstance(space, spaces.Tuple):
        parts = [(str(at), part, value[at]) for at, part in enumerate(space)]
    else:
        return [(path or "value", space, value)]
    return [x for key, s, v in parts for x in leaves_of(s, v, f"{path}.{key}" if path else key)]


@settings(deadline=None)
@given(OBSERVATIONS, st.integers(0, 2**31 - 1))
def test_observations_come_back_by_name(space: Any, seed: int) -> None:
    space.seed(seed)
    codec = ObservationCodec(space)
    rows = np.full((ROWS, *codec.space.shape), 255, np.uint8).astype(codec.space.dtype)
    write = codec.writer(rows)
    samples = [space.sample() for _ in range(ROWS)]
    for row in reversed(range(ROWS)):
        write(row, samples[row])
    assert all(rows[row, ...] in codec.space for row in range(ROWS))
    named = {"value": rows} if codec.fields is None else named_observations(rows, codec.fields)
    for row, sample in enumerate(samples):
        leaves = leaves_of(space, sample)
        assert {name for name, _, _ in leaves} == set(named)
        for name, leaf, value in leaves:
            offset = getattr(leaf, "start", 0)
            stored = named[name].dtype
            expected = np.asarray(value, object) - offset if stored == np.int32 else np.asarray(value).astype(stored)
            assert named[name][row].shape == (leaf.shape or ())
            np.testing.assert_array_equal(named[name][row], expected)


@settings(deadline=None)
@given(OBSERVATIONS)
def test_structured_rows_are_aligned_and_padded_with_zeros(space: Any) -> None:
    codec = ObservationCodec(space)
    if codec.fields is None:
        return
    (size,) = codec.space.shape
    assert size % 8 == 0
    used = np.zeros(size, np.int64)
    for field in codec.fields:
        assert field.start % field.dtype.itemsize == 0
        used[field.start : field.start + field.size] += 1
    assert used.max() == 1
    assert not used[np.flatnonzero(used).max() :][1:].any() and used.sum() > size - 8
    rows = np.full((1, size), 255, np.uint8)
    codec.writer(rows)(0, space.sample())
    assert not rows[0][used == 0].any()


@pytest.mark.parametrize(
    ("space", "dtype", "low", "high"),
    [
        (spaces.Box(0, 255, (2, 3), np.uint8), np.uint8, 0, 255),
        (spaces.Box(-5, 5, (2,), np.int8), np.int8, -5, 5),
        (spaces.Box(0, 1, (2,), np.uint8), np.uint8, 0, 1),
        (spaces.Box(0, 200, (2,), np.int64), np.uint8, 0, 200),
        (spaces.Box(-3, 100, (2,), np.int32), np.int8, -3, 100),
        (spaces.Box(-3, 200, (2,), np.int32), np.float32, -3, 200),
        (spaces.Box(0, 1, (2,), np.bool_), np.uint8, 0, 1),
        (spaces.Box(-1, np.inf, (), np.float32), np.float32, -1, np.inf),
        (spaces.Box(-1e300, np.inf, (2,), np.float64), np.float32, -np.inf, np.inf),
        (spaces.Box(-1.5, 2, (2,), np.float16), np.float32, -1.5, 2),
        (spaces.MultiBinary((2, 2)), np.int8, 0, 1),
    ],
)
def test_arrays_stay_arrays(space: Any, dtype: Any, low: float, high: float) -> None:
    codec = ObservationCodec(space)
    assert codec.fields is None
    assert codec.space.shape == space.shape
    assert codec.space.dtype == dtype
    assert (codec.space.low == low).all() and (codec.space.high == high).all()


DEEP = spaces.Dict(
    {"eye": spaces.Tuple([spaces.Box(0, 1, (2,)), spaces.Discrete(3, start=5)]), "on": spaces.Discrete(2)}
)
GOOD = {"eye": (np.zeros(2, np.float32), 5), "on": 1}


@pytest.mark.parametrize(
    ("space", "observation", "complaint"),
    [
        (
            spaces.Box(0, 1, (3,)),
            np.zeros(1, np.float32),
            r"the observation has shape \(1,\): its space requires shape \(3,\)",
        ),
        (spaces.Box(0, 1, (3,)), np.float32(0), r"has shape \(\)"),
        (spaces.Box(0, 1, (3,)), None, "is of type NoneType"),
        (spaces.Box(0, 1, (3,)), [1, [2, 3]], "is of type list, not an array"),
        (spaces.Box(0, 1, (3,)), np.array(["a"] * 3), "not an array of numbers"),
        (spaces.Box(0, 1, (3,)), {"a": 1}, "is of type dict"),
        (spaces.Box(0, 255, (2,), np.uint8), np.array([0, 256]), "holds int64 values that uint8 cannot"),
        (spaces.Box(0, 255, (2,), np.uint8), np.array([0.5, 1]), "holds float64 values that uint8 cannot"),
        (spaces.Box(0, 255, (2,), np.uint8), np.array([np.nan, 1]), "holds float64 values that uint8 cannot"),
        (spaces.Box(0, 200, (2,), np.int64), np.array([0, -1]), "holds int64 values that uint8 cannot"),
        (spaces.MultiBinary(2), np.array([0, 300]), "holds int64 values that int8 cannot"),
        (spaces.Discrete(3, start=-1), 2, "the observation is 2: its space requires a single integer from -1 to 1"),
        (spaces.Discrete(3), 1.0, "of type float"),
        (spaces.Discrete(3), np.array([1]), r"of type ndarray and shape \(1,\)"),
        (spaces.MultiDiscrete([2, 3]), [1, 3], r"is \[1, 3\]: its space requires integers from \[0, 0\] to \[1, 2\]"),
        (spaces.MultiDiscrete([2, 3]), [1.0, 1.0], "integers from"),
        (spaces.MultiDiscrete([2, 3]), [1], r"has shape \(1,\)"),
        (DEEP, 3, "is of type int: its space requires a dictionary"),
        (DEEP, {"eye": GOOD["eye"]}, r"has the keys \['eye'\]: its space requires the keys \['eye', 'on'\]"),
        (DEEP, GOOD | {"more": 1}, "the keys"),
        (
            DEEP,
            GOOD | {"eye": 3},
            "part 'eye' of the observation is of type int: its space requires a tuple of 2 parts",
        ),
        (DEEP, GOOD | {"eye": (1,)}, "part 'eye' of the observation has 1 parts: its space requires 2 parts"),
        (DEEP, GOOD | {"eye": np.array(1)}, "part 'eye' of the observation is of type ndarray"),
        (DEEP, GOOD | {"eye": (np.zeros((1, 2)), 5)}, r"part 'eye.0' of the observation has shape \(1, 2\)"),
        (DEEP, GOOD | {"eye": (np.zeros(2), 8)}, "part 'eye.1' of the observation is 8: .* from 5 to 7"),
    ],
)
def test_observations_that_do_not_fit_are_refused(space: Any, observation: Any, complaint: str) -> None:
    codec = ObservationCodec(space)
    write = codec.writer(np.zeros((2, *codec.space.shape), codec.space.dtype))
    with pytest.raises(ValueError, match=complaint):
        write(1, observation)


@pytest.mark.parametrize(
    ("space", "observation", "stored"),
    [
        (spaces.Box(0, 1, (2,)), np.array([0.1, 0.2]), np.float32([0.1, 0.2])),
        (spaces.Box(0, 1, (2,)), [1, 0], [1, 0]),
        (spaces.Box(0, 1, (2,)), np.array([np.nan, np.inf]), [np.nan, np.inf]),
        (spaces.Box(0, 1, ()), 0.5, 0.5),
        (spaces.Box(0, 255, (2,), np.uint8), [255, 0], [255, 0]),
        (spaces.Box(0, 1, (2,), np.uint8), np.array([True, False]), [1, 0]),
        (spaces.Box(-5, 5, (2,), np.int64), np.array([-5, 5]), [-5, 5]),
    ],
)
def test_observations_that_can_be_converted_are(space: Any, observation: Any, stored: Any) -> None:
    codec = ObservationCodec(space)
    rows = np.full((2, *codec.space.shape), 7, codec.space.dtype)
    codec.writer(rows)(1, observation)
    np.testing.assert_array_equal(rows[1], stored)
    assert (rows[0] == 7).all()


def test_a_tuple_may_come_as_an_array() -> None:
    codec = ObservationCodec(spaces.Tuple([spaces.Discrete(4), spaces.Discrete(4, start=1)]))
    rows = np.zeros((1, 8), np.uint8)
    codec.writer(rows)(0, np.array([3, 4]))
    assert codec.fields is not None
    assert {k: v.item() for k, v in named_observations(rows, codec.fields).items()} == {"0": 3, "1": 3}


@pytest.mark.parametrize("which", [ObservationCodec, ActionCodec])
@pytest.mark.parametrize(
    "space",
    [
        spaces.Text(5),
        spaces.Sequence(spaces.Discrete(2)),
        spaces.Graph(spaces.Discrete(2), None),
        spaces.OneOf([spaces.Discrete(2), spaces.Discrete(3)]),
        spaces.Discrete(2**31),
        spaces.MultiDiscrete([2, 2**31]),
    ],
)
def test_leaves_without_a_place_in_the_contract_are_refused_by_name(which: Any, space: Any) -> None:
    with pytest.raises(ValueError, match=r"part 'bag.0' (is a .*no fixed size|has 2147483648 choices)"):
        which(spaces.Dict({"bag": spaces.Tuple([space])}))
    with pytest.raises(ValueError, match="part 'value'"):
        which(space)


def test_names_that_collide_and_spaces_without_parts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"two parts .* named 'a\.b'"):
        ObservationCodec(spaces.Dict({"a.b": spaces.Discrete(2), "a": spaces.Dict({"b": spaces.Discrete(2)})}))
    for empty in (spaces.Dict({}), spaces.Tuple([]), spaces.Tuple([spaces.Dict({})])):
        with pytest.raises(ValueError, match="the observation space is empty"):
            ObservationCodec(empty)
        with pytest.raises(ValueError, match="the action space is empty"):
            ActionCodec(empty)


@settings(deadline=None)
@given(ACTIONS, st.integers(0, 2**31 - 1))
def test_decoded_actions_are_members(space: Any, seed: int) -> None:
    codec = ActionCodec(space)
    codec.space.seed(seed)
    actions = np.stack([codec.space.sample() for _ in range(ROWS)])
    assert actions.dtype == (np.float32 if isinstance(codec.space, spaces.Box) else np.int32)
    before = actions.copy()
    decoded = codec.decode(actions)
    actions[...] = 0  # what was decoded must not change with the buffer
    assert len(decoded) == ROWS
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all(value in space for value in decoded)
    for row, value in enumerate(decoded):
        flat = [np.asarray(v) - getattr(s, "start", 0) for _, s, v in leaves_of(space, value)]
        if isinstance(codec.space, spaces.Box):
            together = np.concatenate([np.ravel(part) for part in flat])
            np.testing.assert_allclose(together, before[row], rtol=1e-3, atol=1e-3)
        for (_, leaf, v), sample in zip(leaves_of(space, value), leaves_of(space, space.sample()), strict=True):
            assert np.asarray(v).dtype == np.asarray(sample[2]).dtype
            assert type(v) is type(sample[2]) or leaf.shape == ()


@pytest.mark.parametrize(
    "space",
    [
        spaces.Discrete(5, start=-2),
        spaces.Discrete(4, start=2**40),
        spaces.Discrete(200, start=50, dtype=np.uint8),
        spaces.MultiDiscrete([[2, 3]], start=[[-1, 4]]),
        spaces.MultiBinary((2, 2)),
        spaces.Box(-2, 1, (2,), np.int16),
        spaces.Box(-128, 127, (1,), np.int8),
        spaces.Box(2**40, 2**40 + 3, (1,), np.uint64),
        spaces.Box(0, 1, (2,), np.bool_),
        spaces.Dict({"a": spaces.Discrete(2, start=7), "b": spaces.Tuple([spaces.MultiBinary(2), spaces.Discrete(3)])}),
    ],
)
def test_every_discrete_action_can_be_taken(space: Any) -> None:
    codec = ActionCodec(space)
    single = isinstance(codec.space, spaces.Discrete)
    choices = [codec.space.n] if single else codec.space.nvec.tolist()
    actions = np.array(list(itertools.product(*map(range, choices))), np.int32)
    decoded = codec.decode(actions[:, 0] if single else actions)
    assert all(value in space for value in decoded)
    members = {str(value) for value in decoded}
    assert len(members) == len(actions)
    assert members >= {str(space.sample()) for _ in range(200)}


@pytest.mark.parametrize(
    ("space", "flat"),
    [
        (spaces.Discrete(5, start=-2), spaces.Discrete(5, dtype=np.int32)),
        (spaces.Dict({"a": spaces.Tuple([spaces.Discrete(3)])}), spaces.Discrete(3, dtype=np.int32)),
        (spaces.MultiDiscrete([3]), spaces.MultiDiscrete([3], dtype=np.int32)),
        (spaces.MultiBinary(3), spaces.MultiDiscrete([2, 2, 2], dtype=np.int32)),
        (spaces.Box(-1, 2, (2,), np.int64), spaces.MultiDiscrete([4, 4], dtype=np.int32)),
        (
            spaces.Dict({"a": spaces.Discrete(2), "b": spaces.MultiDiscrete([[3], [4]])}),
            spaces.MultiDiscrete([2, 3, 4], dtype=np.int32),
        ),
        (spaces.Box(-1, 1, (2, 1), np.float64), spaces.Box(-1, 1, (2,))),
        (spaces.Box(-2, 2, ()), spaces.Box(-2, 2, (1,))),
        (spaces.Box(-np.inf, np.inf, (1,), np.float16), spaces.Box(-65504, 65504, (1,))),
        (spaces.Box(-1e300, 1, (1,), np.float64), spaces.Box(-np.inf, 1, (1,))),
        (
            spaces.Tuple([spaces.Box(0, 1, (1,)), spaces.Box(-1, 3, (2,))]),
            spaces.Box(np.float32([0, -1, -1]), np.float32([1, 3, 3])),
        ),
    ],
)
def test_flat_action_spaces(space: Any, flat: Any) -> None:
    assert ActionCodec(space).space == flat


def test_actions_stay_inside_bounds_that_float32_lacks() -> None:
    space = spaces.Box(0.1, 0.7, (2,), np.float64)
    codec = ActionCodec(space)
    for row in codec.decode(np.stack([codec.space.low, codec.space.high])):
        assert row in space


def test_action_spaces_without_a_place_in_the_contract_are_refused() -> None:
    with pytest.raises(ValueError, match=r"mixes discrete parts \('gear'\) and continuous parts \('wheel'\)"):
        ActionCodec(spaces.Dict({"wheel": spaces.Box(0, 1, (1,)), "gear": spaces.Discrete(3)}))
    with pytest.raises(ValueError, match="'value' is a Box of integers without bounds"):
        ActionCodec(spaces.Box(-np.inf, 5, (1,), np.int64))
    with pytest.raises(ValueError, match=r"'value' has .* choices: at most 2\*\*31 - 1"):
        ActionCodec(spaces.Box(0, 2**40, (1,), np.int64))


def test_no_space_makes_a_warning() -> None:
    boxes = [spaces.Box(-np.inf, np.inf, (2,), dtype) for dtype in (np.float16, np.float32, np.float64)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for box in boxes:
            ObservationCodec(box)
            ObservationCodec(spaces.Dict({"a": box}))
            ActionCodec(box)
