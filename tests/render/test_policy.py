"""The NumPy policy does what docs/policy-file.md says, and refuses every file that says anything else."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save, save_file

import puffer_envs
from puffer_envs.contract.trained import trained_policy
from puffer_envs.policy import PolicyError, load_policy

DISCRETE = {
    "environment": "breakout",
    "environment_version": 1,
    "observation_shape": [2, 3],
    "observation_dtype": "float32",
    "observation_fields": [],
    "action_kind": "discrete",
    "action_sizes": [3, 2],
    "hidden": 4,
    "layers": 2,
    "cell": "mingru",
    "encoder": "flat",
    "value_head": "scalar",
    "settings": {"frameskip": 4, "speed": 1.5, "continuous": False},
}
BOX = DISCRETE | {
    "action_kind": "box",
    "action_sizes": [2],
    "action_low": [-1, -0.1],
    "action_high": [1, 0.1],
}
OFF_CENTRE = BOX | {"action_low": [90, -0.1], "action_high": [110, 0.1], "action_centre": [100, 0]}
NORMALIZED = DISCRETE | {"normalized": True}
LSTM_LAYERS = {"cell": "lstm", "value_head": "distribution", "value_bins": 5, "value_limit": 8.0}
LSTM = DISCRETE | LSTM_LAYERS
GRID = DISCRETE | {
    "observation_shape": [3, 4],
    "observation_dtype": "int8",
    "encoder": "grid",
    "convolutions": [[5, 3, 1, 1], [2, 2, 2, 0]],
    "grid_values": [-1, 2],
}
IMAGE = DISCRETE | {
    "observation_shape": [2, 40, 36],
    "observation_dtype": "uint8",
    "encoder": "image",
    "convolutions": [[3, 8, 6, 0]],
}


def make_tensors(info: dict[str, Any], seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    inputs, hidden = math.prod(info["observation_shape"]), info["hidden"]
    shapes: dict[str, tuple[int, ...]] = {"input_scale": (inputs,), "encoder.weight": (hidden, inputs)}
    if (
        info.get("encoder") == "grid"
    ):  # 4 values; 3x3 with a border leaves 3 x 4 places, then 2x2 in strides of 2 leaves 1 x 2
        shapes = {"convolution.0.weight": (5, 4 * 9), "convolution.1.weight": (2, 5 * 4), "encoder.weight": (hidden, 4)}
        shapes["input_scale"] = (1,)
    elif info.get("encoder") == "image":  # 6 x 5 places
        shapes = {"convolution.0.weight": (3, 2 * 64), "encoder.weight": (hidden, 90), "input_scale": (1,)}
    if info.get("normalized"):
        shapes["input_mean"] = shapes["input_scale"]
    core = (4 * hidden, 2 * hidden) if info.get("cell") == "lstm" else (3 * hidden, hidden)
    shapes |= {f"core.{layer}.weight": core for layer in range(info["layers"])}
    shapes |= {"head.weight": (sum(info["action_sizes"]) + info.get("value_bins", 1), hidden)}
    if info["action_kind"] == "box":
        shapes["log_std"] = (info["action_sizes"][0],)
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def write(path: Path, info: Any, tensors: dict[str, np.ndarray], **metadata: str) -> Path:
    metadata = {"format": "puffer-policy-1", "policy": json.dumps(info)} | metadata
    body = save(tensors)[8 + int.from_bytes(save(tensors)[:8], "little") :]
    metadata["sha256"] = hashlib.sha256(metadata["policy"].encode() + body).hexdigest()
    save_file(tensors, path, metadata)
    return path


def seal(content: bytearray) -> bytearray:
    """Make the checksum in a damaged file right again, where its header can still be read."""
    end = 8 + int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8:end])
        header["__metadata__"]["sha256"] = hashlib.sha256(
            header["__metadata__"]["policy"].encode() + content[end:]
        ).hexdigest()
    except (ValueError, KeyError, TypeError, AttributeError):
        return content
    text = json.dumps(header).encode()
    return bytearray(len(text).to_bytes(8, "little") + text + content[end:])


def features(tensors: dict[str, np.ndarray], info: dict[str, Any], observation: np.ndarray) -> list[float]:
    """What the encoder's matrix gets of one observation, one multiplication after the other."""
    planes = observation[None] if observation.ndim == 2 else observation
    if info["encoder"] == "grid":
        planes = np.stack([planes[0] == value for value in range(info["grid_values"][0], info["grid_values"][1] + 1)])
    planes = planes.astype(np.float64) * float(tensors["input_scale"][0])
    for i, (channels, kernel, stride, padding) in enumerate(info["convolutions"]):
        weight = tensors[f"convolution.{i}.weight"].reshape(channels, len(planes), kernel, kernel).astype(np.float64)
        planes = np.pad(planes, ((0, 0), (padding, padding), (padding, padding)))
        tops, lefts = (range(0, side - kernel + 1, stride) for side in planes.shape[1:])
        answers = [
            [[max(0.0, (w * planes[:, y : y + kernel, x : x + kernel]).sum()) for x in lefts] for y in tops]
            for w in weight
        ]
        planes = np.array(answers)
    return [float(x) for x in planes.ravel()]


def reference(
    tensors: dict[str, np.ndarray], layers: int, history: list[np.ndarray], info: dict[str, Any] = DISCRETE
) -> list[float]:
    """Outputs after `history` (observations of one row, oldest first), with scalar arithmetic in double."""

    def sigmoid(v: float) -> float:
        return 1 / (1 + math.exp(-v))

    def times(matrix: np.ndarray, x: list[float]) -> list[float]:
        return [sum(float(w) * v for w, v in zip(row, x, strict=True)) for row in matrix]

    hidden = tensors["encoder.weight"].shape[0]
    states = [[0.0] * hidden for _ in range(layers)]
    memories = [[0.0] * hidden for _ in range(layers)]
    for observation in history:
        if "convolutions" in info:
            x = features(tensors, info, observation)
        elif info.get("normalized"):
            numbers = zip(observation.ravel(), tensors["input_mean"], tensors["input_scale"], strict=True)
            x = [min(10.0, max(-10.0, (float(o) - float(m)) * float(s))) for o, m, s in numbers]
        else:
            x = [float(o) * float(s) for o, s in zip(observation.ravel(), tensors["input_scale"], strict=True)]
        x = times(tensors["encoder.weight"], x)
        for layer in range(layers):
            if info.get("cell") == "lstm":
                y = times(tensors[f"core.{layer}.weight"], x + states[layer])
                for unit in range(hidden):
                    i, f, g, o = (y[block * hidden + unit] for block in range(4))
                    memories[layer][unit] = sigmoid(f + 1) * memories[layer][unit] + sigmoid(i) * math.tanh(g)
                    states[layer][unit] = sigmoid(o) * math.tanh(memories[layer][unit])
                x = list(states[layer])
                continue
            y = times(tensors[f"core.{layer}.weight"], x)
            for unit in range(hidden):
                h, g, p = y[unit], y[hidden + unit], y[2 * hidden + unit]
                candidate = h + 0.5 if h >= 0 else sigmoid(h)
                states[layer][unit] = (1 - sigmoid(g)) * states[layer][unit] + sigmoid(g) * candidate
                x[unit] = sigmoid(p) * states[layer][unit] + (1 - sigmoid(p)) * x[unit]
        outputs = times(tensors["head.weight"], x)
    return outputs


@pytest.mark.parametrize(
    "info",
    [
        *(DISCRETE, BOX, OFF_CENTRE, NORMALIZED, LSTM, BOX | LSTM_LAYERS),
        *(DISCRETE | {"layers": 0}, DISCRETE | {"observation_dtype": "int8"}),
        NORMALIZED | {"observation_dtype": "int8"},  # some are cut
    ],
)
def test_deterministic_actions_equal_the_reference(tmp_path: Path, info: dict[str, Any]) -> None:
    tensors = make_tensors(info)
    policy = load_policy(write(tmp_path / "p", info, tensors))
    random = np.random.default_rng(1)
    rows, histories = 5, [[] for _ in range(5)]
    for _step in range(20):
        observations = random.integers(-90, 90, (rows, 2, 3)).astype(info["observation_dtype"])
        if info["observation_dtype"] == "float32":
            observations /= 37
        for row in range(rows):
            histories[row].append(observations[row])
        actions = policy.act(observations, deterministic=True)
        for row in range(rows):
            outputs = reference(tensors, info["layers"], histories[row], info)
            if info["action_kind"] == "box":
                expected = np.clip(
                    np.add(outputs[:2], info.get("action_centre", 0)), info["action_low"], info["action_high"]
                )
                assert np.allclose(actions[row], expected, rtol=1e-4, atol=1e-5)
            else:
                assert list(actions[row]) == [np.argmax(outputs[:3]), np.argmax(outputs[3:5])]
        ended = random.random(rows) < 0.2
        policy.reset(ended)
        histories = [[] if ended[row] else histories[row] for row in range(rows)]


@pytest.mark.parametrize("info", [GRID, IMAGE, IMAGE | {"observation_shape": [40, 36, 2]}])
def test_convolutions_equal_the_reference(tmp_path: Path, info: dict[str, Any]) -> None:
    tensors = make_tensors(info)
    tensors["input_scale"][:] = 0.7 if info is GRID else 1 / 255
    policy = load_policy(write(tmp_path / "p", info, tensors))
    random = np.random.default_rng(2)
    history: list[np.ndarray] = []
    for _step in range(3):
        low, high = (-1, 3) if info is GRID else (0, 256)
        observations = random.integers(low, high, (1, *info["observation_shape"])).astype(info["observation_dtype"])
        last = observations.shape[-1] == 2
        history.append(np.moveaxis(observations[0], -1, 0) if last else observations[0])
        expected = reference(tensors, info["layers"], history, info)
        assert np.allclose(policy._forward(observations)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_cell_that_is_no_value_is_refused(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path / "p", GRID, make_tensors(GRID)))
    for cell in (-2, 3):
        with pytest.raises(ValueError, match="must be from -1 to 2"):
            policy.act(np.full((2, 3, 4), cell, np.int8))


def test_actions_are_what_step_takes(tmp_path: Path) -> None:
    one = DISCRETE | {"action_sizes": [3]}
    observations = np.zeros((7, 2, 3), np.float32)
    for info, shape, dtype in (
        (one, (7,), np.int32),
        (DISCRETE, (7, 2), np.int32),
        (BOX, (7, 2), np.float32),
    ):
        actions = load_policy(write(tmp_path / "p", info, make_tensors(info))).act(observations)
        assert (actions.shape, actions.dtype) == (shape, dtype)


def test_sampling_follows_the_softmax_and_the_mask(tmp_path: Path) -> None:
    info = DISCRETE | {"action_sizes": [3], "layers": 0}
    tensors = make_tensors(info)
    policy = load_policy(write(tmp_path / "p", info, tensors), seed=3)
    observation = np.ones((1, 2, 3), np.float32)
    logits = np.array(reference(tensors, 0, [observation[0]])[:3])
    rows = np.repeat(observation, 50_000, axis=0)

    odds = np.exp(logits - logits.max())
    found = np.bincount(policy.act(rows), minlength=3) / len(rows)
    assert np.allclose(found, odds / odds.sum(), atol=0.01)

    mask = np.ones((len(rows), 3), np.bool_)
    mask[:, found.argmax()] = False
    odds[found.argmax()] = 0
    found = np.bincount(policy.act(rows, action_masks=mask), minlength=3) / len(rows)
    assert np.allclose(found, odds / odds.sum(), atol=0.01)


def test_gaussian_sampling_has_the_stated_spread(tmp_path: Path) -> None:
    info = BOX | {"action_low": [-1e6, -math.inf], "action_high": [1e6, math.inf], "layers": 0}
    tensors = make_tensors(info)
    policy = load_policy(write(tmp_path / "p", info, tensors), seed=3)
    rows = np.ones((50_000, 2, 3), np.float32)
    actions = policy.act(rows)
    mean = reference(tensors, 0, [rows[0]])[:2]
    spread = np.exp(tensors["log_std"])
    assert np.allclose(actions.mean(0), mean, atol=0.02 * spread.max())
    assert np.allclose(actions.std(0), spread, rtol=0.02)


def test_same_seed_same_actions(tmp_path: Path) -> None:
    path = write(tmp_path / "p", DISCRETE, make_tensors(DISCRETE))
    rows = np.ones((64, 2, 3), np.float32)
    first, again, other = (load_policy(path, seed=seed).act(rows) for seed in (1, 1, 2))
    assert (first == again).all() and (first != other).any()


def test_wrong_observations_are_refused(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path / "p", DISCRETE, make_tensors(DISCRETE)))
    with pytest.raises(ValueError, match="shape"):
        policy.act(np.zeros((1, 3, 2), np.float32))
    with pytest.raises(ValueError, match="NaN"):
        policy.act(np.full((1, 2, 3), np.nan, np.float32))
    policy.act(np.zeros((2, 2, 3), np.float32))
    with pytest.raises(ValueError, match="reset"):
        policy.act(np.zeros((3, 2, 3), np.float32))
    policy.reset()
    assert policy.act(np.zeros((3, 2, 3), np.float32)).shape == (3, 2)


def test_require_names_the_difference(tmp_path: Path) -> None:
    policy = load_policy(write(tmp_path / "p", DISCRETE, make_tensors(DISCRETE)))
    box, multi = gymnasium.spaces.Box(-1, 1, (2, 3)), gymnasium.spaces.MultiDiscrete([3, 2])
    policy.require("breakout", box, multi)
    with pytest.raises(PolicyError, match="'breakout', not on 'pong'"):
        policy.require("pong", box, multi)
    with pytest.raises(PolicyError, match=r"\(2, 3\) float32.*\(2, 4\) float32"):
        policy.require("breakout", gymnasium.spaces.Box(-1, 1, (2, 4)), multi)
    with pytest.raises(PolicyError, match="box actions"):
        policy.require("breakout", box, gymnasium.spaces.Box(-1, 1, (2,)))
    with pytest.raises(PolicyError, match=r"\(3, 2\).*\(3,\)"):
        policy.require("breakout", box, gymnasium.spaces.Discrete(3))


BAD_METADATA: list[tuple[str, Any]] = [
    ("environment", 5),
    ("environment", ""),
    ("environment_version", "1"),
    ("environment_version", -1),
    ("observation_shape", [2, -3]),
    ("observation_shape", [2, 3.0]),
    ("observation_shape", [True, 3]),
    ("observation_shape", "23"),
    ("observation_shape", [1 << 19, 1 << 19]),
    ("observation_shape", [10**30]),
    ("observation_shape", [1] * 9),
    ("observation_dtype", "float64"),
    ("observation_dtype", ["float32"]),
    ("action_kind", "text"),
    ("action_sizes", []),
    ("action_sizes", [0]),
    ("action_sizes", [1 << 20, 1]),
    ("action_sizes", None),
    ("hidden", 0),
    ("hidden", 10**30),
    ("hidden", True),
    ("layers", -1),
    ("layers", 10**9),
    ("cell", "gru"),
    ("cell", ["lstm"]),
    ("encoder", "eye"),
    ("encoder", None),
    ("value_head", "quantiles"),
    ("value_head", 1),
    ("settings", []),
    ("settings", {"a": None}),
    ("settings", {"a": [[[[[[[[[1]]]]]]]]]}),
    ("settings", {"a": math.nan}),
]


@pytest.mark.parametrize(("name", "value"), BAD_METADATA)
def test_bad_metadata_is_refused_by_name(tmp_path: Path, name: str, value: Any) -> None:
    path = write(tmp_path / "p", DISCRETE | {name: value}, make_tensors(DISCRETE))
    with pytest.raises(PolicyError, match=name) as error:
        load_policy(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


BAD_PLANES: list[tuple[dict[str, Any], str, Any]] = [
    (GRID, "convolutions", []),
    (GRID, "convolutions", [[5, 3, 1]]),
    (GRID, "convolutions", [[5, 3, 0, 1]]),
    (GRID, "convolutions", [[5, 3.0, 1, 1]]),
    (GRID, "convolutions", [[10**30, 3, 1, 1]]),
    (GRID, "convolutions", [[5, 6, 1, 1]]),
    (GRID, "convolutions", "none"),
    (GRID, "grid_values", [2, -1]),
    (GRID, "grid_values", [0, 10**9]),
    (GRID, "grid_values", [0]),
    (GRID, "grid_values", None),
    (IMAGE, "convolutions", [[3, 8, 6, 0], [3, 8, 6, 0]]),
    (IMAGE, "convolutions", [[64, 64, 1, 63]] * 10),
    (DISCRETE, "encoder", "grid"),
    (GRID | {"observation_shape": [12]}, "encoder", "grid"),
    (IMAGE | {"observation_dtype": "int8"}, "encoder", "image"),
    (LSTM, "value_bins", 0),
    (LSTM, "value_bins", 10**6),
    (LSTM, "value_bins", None),
    (LSTM, "value_limit", 0),
    (LSTM, "value_limit", math.inf),
    (LSTM, "value_limit", None),
    (DISCRETE, "normalized", 1),
    (GRID, "normalized", True),
    (BOX, "action_centre", [0]),
    (BOX, "action_centre", [0, math.inf]),
    (DISCRETE, "observation_fields", 7),
    (DISCRETE, "observation_fields", [7]),
    (DISCRETE, "observation_fields", [{}]),
]


@pytest.mark.parametrize(("info", "name", "value"), BAD_PLANES)
def test_bad_metadata_of_kinds_is_refused_by_name(tmp_path: Path, info: dict[str, Any], name: str, value: Any) -> None:
    wanted = "convolutions|encoder" if name == "encoder" else name
    with pytest.raises(PolicyError, match=wanted) as error:
        load_policy(write(tmp_path / "p", info | {name: value}, make_tensors(GRID)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", sorted(DISCRETE))
def test_missing_metadata_is_refused_by_name(tmp_path: Path, name: str) -> None:
    info = {key: value for key, value in DISCRETE.items() if key != name}
    with pytest.raises(PolicyError, match=f"no field '{name}'"):
        load_policy(write(tmp_path / "p", info, make_tensors(DISCRETE)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"action_low": [-1]}, "action_low"),
        ({"action_low": [-1, math.nan]}, "action_low"),
        ({"action_low": [2, -0.1]}, "exceeds"),
        ({"action_sizes": [1, 1]}, "one size"),
    ],
)
def test_bad_bounds_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_policy(write(tmp_path / "p", BOX | change, make_tensors(BOX)))


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format": "puffer-policy-2"}, "puffer-policy-2"),
        ({"policy": "{"}, "not JSON"),
        ({"policy": "[1]"}, "not a JSON object"),
        ({"policy": "[" * 200_000}, "not JSON"),
    ],
)
def test_other_formats_are_refused(tmp_path: Path, metadata: dict[str, str], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        load_policy(write(tmp_path / "p", DISCRETE, make_tensors(DISCRETE), **metadata))


def test_no_metadata_is_refused(tmp_path: Path) -> None:
    save_file(make_tensors(DISCRETE), tmp_path / "p")
    with pytest.raises(PolicyError, match="format is None"):
        load_policy(tmp_path / "p")


@pytest.mark.parametrize(
    ("info", "name"), [(info, name) for info in (BOX, GRID) for name in sorted(make_tensors(info))]
)
def test_bad_tensors_are_refused_by_name(tmp_path: Path, info: dict[str, Any], name: str) -> None:
    good = make_tensors(info)
    poisoned = good[name].copy()
    poisoned.flat[-1] = np.nan
    for tensor in (good[name].astype(np.float64), good[name][..., :-1].copy(), good[name][None], poisoned):
        with pytest.raises(PolicyError, match=name):
            load_policy(write(tmp_path / "p", info, good | {name: tensor}))
    without = {key: value for key, value in good.items() if key != name}
    with pytest.raises(PolicyError, match=f"missing: .*{name}"):
        load_policy(write(tmp_path / "p", info, without))


def test_extra_tensors_are_refused(tmp_path: Path) -> None:
    tensors = make_tensors(DISCRETE) | {"log_std": np.zeros(2, np.float32)}
    with pytest.raises(PolicyError, match=r"unexpected: .*log_std"):
        load_policy(write(tmp_path / "p", DISCRETE, tensors))


def test_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="no such file"):
        load_policy(tmp_path / "absent")
    with pytest.raises(PolicyError, match="a folder with neither policy"):
        load_policy(tmp_path)
    (tmp_path / "pickle").write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(PolicyError, match="not a policy file"):
        load_policy(tmp_path / "pickle")
    (tmp_path / "empty").touch()
    with pytest.raises(PolicyError):
        load_policy(tmp_path / "empty")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head.weight": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 95]}}, "'head.weight' wrongly"),
        ({"head.weight": {"dtype": "F32", "shape": [6, 4], "data_offsets": [96, 0]}}, "'head.weight' wrongly"),
        ({"head.weight": {"dtype": "F32", "shape": [6, 4], "data_offsets": [0, 96]}}, "overlap or leave gaps"),
        ({"head.weight": {"dtype": "F33", "shape": [6, 4], "data_offsets": [0, 96]}}, "'head.weight' wrongly"),
        ({"head.weight": {"dtype": "F32", "shape": [-6, -4], "data_offsets": [0, 96]}}, "'head.weight' wrongly"),
        ({"head.weight": {"dtype": "F32", "shape": [6.0, 4], "data_offsets": [0, 96]}}, "'head.weight' wrongly"),
        ({"head.weight": 7}, "'head.weight' wrongly"),
        ({"more": {"dtype": "U8", "shape": [], "data_offsets": [10**9, 10**9 + 1]}}, "overlap or leave gaps"),
        ({"__metadata__": {"format": 1}}, "not texts"),
        ({"__metadata__": []}, "not texts"),
    ],
)
def test_headers_that_do_not_fit_the_bytes_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    content = write(tmp_path / "p", DISCRETE, make_tensors(DISCRETE)).read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    text = json.dumps(json.loads(content[8:end]) | change).encode()
    (tmp_path / "p").write_bytes(len(text).to_bytes(8, "little") + text + content[end:])
    with pytest.raises(PolicyError, match=message):
        load_policy(tmp_path / "p")


def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    content = write(tmp_path / "p", DISCRETE, make_tensors(DISCRETE)).read_bytes()
    (tmp_path / "p").write_bytes(content.replace(b'"input_scale"', b'"head.weight"'))
    with pytest.raises(PolicyError, match="header is not JSON"):
        load_policy(tmp_path / "p")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), info=st.sampled_from([BOX, LSTM, GRID]))
def test_damaged_files_are_refused_or_finite(tmp_path: Path, data: st.DataObject, info: dict[str, Any]) -> None:
    """Flip a bit or cut the end: either PolicyError, or a policy whose every number is finite."""
    content = bytearray(write(tmp_path / "good", info, make_tensors(info)).read_bytes())
    if data.draw(st.booleans(), "cut"):
        del content[data.draw(st.integers(0, len(content) - 1), "length") :]
    else:
        content[data.draw(st.integers(0, len(content) - 1), "byte")] ^= 1 << data.draw(st.integers(0, 7), "bit")
    (tmp_path / "damaged").write_bytes(seal(content) if data.draw(st.booleans(), "sealed again") else content)
    try:
        policy = load_policy(tmp_path / "damaged")
    except PolicyError:
        return
    rows = np.zeros((3, *policy.info.observation_shape), policy.info.observation_dtype)
    assert np.isfinite(policy.act(rows, deterministic=True)).all()


@pytest.mark.parametrize("info", [BOX, LSTM])
def test_an_agent_that_comes_back_remembers_nothing(tmp_path: Path, info: dict[str, Any]) -> None:
    policy = load_policy(write(tmp_path / "p", info, make_tensors(info)))
    observations, here = np.ones((2, 2, 3), info["observation_dtype"]), np.ones(2, np.bool_)
    actions = []
    for step in range(9):
        here[1] = step not in (3, 4)
        policy.act(observations, deterministic=True, agent_mask=here)
        actions.append(policy._state.copy())
    for step in range(4):
        assert np.array_equal(actions[5 + step][:, 1], actions[step][:, 0])
    assert not np.array_equal(actions[8][:, 1], actions[8][:, 0])


@pytest.mark.parametrize("name", ["breakout", "cards", "pendulum", "delve"])
def test_peek_says_what_act_would_choose(name: str) -> None:
    """The most likely choices, and nothing is advanced."""
    policy, other = (load_policy(trained_policy(name)) for _ in range(2))
    with puffer_envs.make(name, 3, **policy.info.settings) as env:
        env.reset(2)
        for _ in range(5):
            parts, values = policy.peek(env.observations, env.action_masks)
            chosen = policy.act(env.observations, deterministic=True, action_masks=env.action_masks)
            assert (chosen == other.act(env.observations, deterministic=True, action_masks=env.action_masks)).all()
            assert values.shape == (3,) and np.isfinite(values).all()
            for part, choices in zip(parts, chosen.reshape(3, -1).T, strict=True):
                if part.shape[1] == 1:
                    assert part[:, 0] == pytest.approx(choices)
                else:
                    assert (part.argmax(axis=1) == choices).all()
                    assert part.sum(axis=1) == pytest.approx(1)
            env.step(chosen)
