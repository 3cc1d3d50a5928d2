"""Structured observations: named, encoded, checked, exported, and refused where they are not the same."""

import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_environments as tiny
import torch
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete
from torch import Tensor

from puffer_envs.contract.observations import FieldSpec, named_observations
from puffer_envs.policy import PolicyError, load_policy
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.algorithm.health import faults_in_step
from puffer_train.algorithm.ppo import PPO
from puffer_train.config import PolicySettings, Settings, overlay
from puffer_train.contract import EnvironmentSpec, describe
from puffer_train.errors import CheckpointError, ContractError
from puffer_train.policy import Policy
from puffer_train.storage.checkpoint import check_identity
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy


class Unaligned(tiny.Signpost):
    """Rows of an odd length: in the second row, no number of four bytes starts at a multiple of four."""

    row_bytes = 29


def make_policy(env: Any, hidden: int = 8) -> Policy:
    return Policy(describe(env), PolicySettings(hidden, 1), torch.Generator().manual_seed(3))


def make_trainer(env: Any, **train: Any) -> PPO:
    tables = {"train": {"horizon": 8, "minibatch": 64, "steps": 40_000} | train, "policy": {"hidden": 16, "layers": 1}}
    return PPO(env, overlay(Settings(), tables, "test"), 1)


def one_hots(field: FieldSpec, numbers: Tensor) -> Tensor:
    """The inputs (A, I) of a field, written out."""
    if field.kind == "box":
        return numbers.reshape(len(numbers), -1).float()
    columns = numbers.reshape(len(numbers), -1).long()
    return torch.cat([torch.eye(n)[columns[:, i]] for i, n in enumerate(field.choices)], -1)


def test_fields_are_described() -> None:
    spec = describe(tiny.Signpost(3))
    assert [(f.name, f.kind, f.choices) for f in spec.observation_fields] == [
        ("position", "box", ()),
        ("pair", "discrete", (4, 2)),
        ("goal", "discrete", (3,)),
        ("flags", "box", ()),
        ("picture", "box", ()),
    ]
    scale = [0.01] * 2 + [2.0] * 4 + [math.sqrt(2)] * 2 + [math.sqrt(3)] * 3 + [1.0] * 3 + [1 / 255] * 6
    assert spec.observation_scale == pytest.approx(scale)
    json.dumps(spec.identity())


Change = dict[str, Any]
WRONG: list[tuple[int, Change, str]] = [
    (2, {"start": 26, "space": Box(0, 1, (4,)), "shape": (4,), "dtype": np.dtype("float32")}, "no float32 can be read"),
    (2, {"start": 28}, "takes bytes 28 to 28, but a row has 28 bytes"),
    (2, {"start": -1}, "takes bytes -1"),
    (2, {"start": 18}, "'flags' and 'goal' overlap"),
    (2, {"name": "pair"}, "two observation fields are called 'pair'"),
    (2, {"name": ""}, "called ''"),
    (2, {"space": Dict({})}, "not Box, Discrete, MultiDiscrete or MultiBinary"),
    (2, {"space": Discrete(300)}, "has 300 choices, more than uint8 can count"),
    (2, {"shape": (1,)}, r"has shape \(1,\), but its space has \(\)"),
    (2, {"dtype": np.dtype("int64")}, "is stored as int64, not as uint8, int8, int32"),
    (1, {"dtype": np.dtype("float32")}, "is stored as float32, not as uint8, int8, int32$"),
    (1, {"space": MultiDiscrete([60_000, 6000])}, "66003 discrete choices"),
    (4, {"space": Box(0, 1, (0,)), "shape": (0,)}, "holds no numbers"),
]


@pytest.mark.parametrize(("index", "change", "message"), WRONG)
def test_wrong_fields_are_refused(index: int, change: Change, message: str) -> None:
    env, fields = tiny.Signpost(3), list(tiny.Signpost.observation_fields)
    fields[index] = replace(fields[index], **change)
    env.observation_fields = tuple(fields)  # type: ignore[assignment]
    with pytest.raises(ContractError, match=message.removesuffix("$")) as caught:
        describe(env, "sign")
    assert str(caught.value).startswith("sign breaks the buffer contract: ")
    assert "\n" not in str(caught.value)


def test_fields_need_rows_of_bytes() -> None:
    env: Any = tiny.CartPole(3)
    env.observation_fields = tiny.Signpost.observation_fields
    with pytest.raises(ContractError, match="not a flat Box of uint8"):
        describe(env)
    env = tiny.Signpost(3)
    env.observation_fields = ()
    with pytest.raises(ContractError, match="observation_fields is empty"):
        describe(env)
    env.observation_fields = None
    assert describe(env).observation_fields == ()
    env.observation_fields = (object(),)
    with pytest.raises(ContractError, match="an observation field has no attribute 'name'"):
        describe(env)


@pytest.mark.parametrize("kind", [tiny.Signpost, Unaligned])
def test_the_encoder_equals_one_hots_written_out(kind: type[tiny.Signpost]) -> None:
    env = kind(7)
    policy, rows = make_policy(env), torch.from_numpy(env.reset(2))
    values = [torch.from_numpy(field.of(env.observations).copy()) for field in env.observation_fields]
    inputs = torch.cat([one_hots(f, x) for f, x in zip(policy.spec.observation_fields, values, strict=True)], -1)
    gradients = []
    for encoded in (
        policy.encode(rows.reshape(1, 7, -1))[0],
        (inputs * policy.input_scale) @ policy.encoder.T,
    ):
        policy.encoder.grad = None
        (encoded * torch.arange(56).reshape(7, 8)).sum().backward()
        assert policy.encoder.grad is not None
        gradients += [encoded.detach(), policy.encoder.grad]
    torch.testing.assert_close(gradients[0], gradients[2])
    torch.testing.assert_close(gradients[1], gradients[3])


def test_only_discrete_fields() -> None:
    class Cell(tiny.VectorEnvironment):
        """The corridor, with the number of the cell for an observation."""

        observation_fields = tiny.fields_of(("value", Discrete(1000), 0, np.int32))

        def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
            super().__init__(Box(0, 255, (4,), np.uint8), Discrete(2), num_envs, seed)
            self.cell = np.zeros(num_envs, np.int64)

        begin, advance = tiny.Corridor.begin, tiny.Corridor.advance
        cells = 5

        def observe(self, out: np.ndarray[Any, Any]) -> None:
            self.observation_fields[0].of(out)[:] = self.cell * 200

    trainer = make_trainer(Cell(32), gamma=0.8)
    while not trainer.finished:
        trainer.iterate()
    result = evaluate(Cell(32), trainer.policy, seed=3, deterministic=True)
    assert result.figures["episode_length"] == [5.0] * 32


def test_structured_observations_are_learned_from() -> None:
    trainer = make_trainer(tiny.Signpost(32), gamma=0.5)
    assert trainer.buffers.observations.dtype == torch.uint8, "the bytes are kept as they are"
    while not trainer.finished:
        trainer.iterate()
    result = evaluate(tiny.Signpost(64), trainer.policy, seed=5, deterministic=True)
    assert np.mean(result.figures["episode_return"]) > 3.8, "4 is perfect, guessing gives 1.3"


def test_a_number_that_is_no_choice_is_refused() -> None:
    env = tiny.Signpost(4)
    policy, rows = make_policy(env), torch.from_numpy(env.reset(1))
    rows[2, 16] = 3
    with pytest.raises(ContractError, match="field 'goal' holds 3, but its 3 choices count from 0"):
        policy.step(rows, policy.initial_state(4))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("where", ["observations", "final_observations"])
def test_numbers_gone_bad_inside_the_bytes_skip_the_update(where: str, value: float) -> None:
    class Spoiled(tiny.Signpost):
        count = 0

        def step(self, actions: Any) -> Any:
            result = super().step(actions)
            self.count += 1
            if self.count in (11, 12):  # within the second rollout; episodes end at the 12th step
                self.observation_fields[0].of(getattr(self, where))[3, 1] = value
            return result

    trainer = make_trainer(Spoiled(16))
    trainer.iterate()
    before = trainer.policy.encoder.detach().clone()
    faults: list[str] = []
    trainer.health.on_skip = faults.append
    assert trainer.iterate()["skipped"] == 1
    assert torch.equal(trainer.policy.encoder, before)
    wanted = "observation field 'position', row 3," if where == "observations" else "final_observations, row 3,"
    assert wanted in faults[0]
    assert trainer.iterate()["skipped"] == 1, "the damage does not outlive the rollout"


def test_bad_numbers_in_the_last_observation_are_named() -> None:
    trainer = make_trainer(tiny.Signpost(16))
    trainer.collect()
    named_observations(trainer.buffers.observations.numpy(), tiny.Signpost(16).observation_fields)["position"][8, 5] = (
        math.nan
    )
    (fault,) = faults_in_step(trainer.policy, trainer.buffers, 7, slice(0, 16))
    assert fault == "observation field 'position', row 5, at step 8 of the rollout is not finite"


@pytest.mark.parametrize("kind", [tiny.Signpost, Unaligned])
def test_exported_policy_plays_the_same_in_numpy(kind: type[tiny.Signpost], tmp_path: Path) -> None:
    env = kind(6)
    policy, path = make_policy(env), tmp_path / "policy.safetensors"
    with torch.no_grad():
        policy.head *= 5
    write_policy(path, policy, EnvironmentIdentity("signpost", 0, {}))
    exported, again = load_policy(path), read_policy(path, policy.spec)
    exported.require("signpost", env.single_observation_space, env.single_action_space, env.observation_fields)
    states = policy.initial_state(6), policy.initial_state(6)
    env.reset(4)
    for _ in range(8):
        rows = torch.from_numpy(env.observations.copy())
        output = policy.step(rows, states[0])
        logits = exported._forward(env.observations)
        np.testing.assert_allclose(logits.T, output.numpy(), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(again.step(rows, states[1]), output)
        env.step(policy.sample_actions(output, None, None)[:, 0].numpy())


def test_numpy_refuses_bad_bytes(tmp_path: Path) -> None:
    env = tiny.Signpost(2)
    path = tmp_path / "policy.safetensors"
    write_policy(path, make_policy(env), EnvironmentIdentity("signpost", 0, {}))
    policy = load_policy(path)
    rows = env.reset(1).copy()
    rows[1, 16] = 3
    with pytest.raises(ValueError, match="'goal' has a number outside its"):
        policy.act(rows)
    rows = env.reset(1).copy()
    env.observation_fields[0].of(rows)[1, 1] = math.nan
    with pytest.raises(ValueError, match="NaN"):
        policy.act(rows)


DIFFERENCES: list[tuple[int, Change, str]] = [
    (0, {"name": "place"}, "the name of its observation field 0 is 'position', here it is 'place'"),
    (2, {"start": 26}, "the start of its observation field 'goal' is 16, here it is 26"),
    (2, {"choices": (4,)}, r"the choices of its observation field 'goal' is \[3\], here it is \[4\]"),
    (4, {"shape": (3, 2)}, r"the shape of its observation field 'picture' is \[2, 3\], here it is \[3, 2\]"),
    (3, {"dtype": "uint8"}, "the dtype of its observation field 'flags' is 'int8', here it is 'uint8'"),
]


@pytest.mark.parametrize(("index", "change", "message"), DIFFERENCES)
def test_policy_for_other_fields_is_refused(tmp_path: Path, index: int, change: Change, message: str) -> None:
    policy, path = make_policy(tiny.Signpost(2)), tmp_path / "policy.safetensors"
    write_policy(path, policy, EnvironmentIdentity("signpost", 0, {}))
    fields = list(policy.spec.observation_fields)
    fields[index] = replace(fields[index], **change)
    other = replace(policy.spec, observation_fields=tuple(fields))
    with pytest.raises(CheckpointError, match=message) as caught:
        read_policy(path, other)
    assert "\n" not in str(caught.value)
    with pytest.raises(CheckpointError, match=message):
        check_identity(policy.spec.identity(), other.identity(), tmp_path)


def test_other_numbers_of_fields_are_refused() -> None:
    spec = describe(tiny.Signpost(2))
    fewer, none = replace(spec, observation_fields=spec.observation_fields[:2]), replace(spec, observation_fields=())
    for found, wanted, message in (
        (spec, fewer, "its number of observation fields is 5, here it is 2"),
        (spec, none, "5, here it is 0"),
        (none, spec, "0, here it is 5"),
    ):
        with pytest.raises(CheckpointError, match=message):
            check_identity(found.identity(), wanted.identity(), Path("policy"))
    for wrong in (7, None, [7]):
        with pytest.raises(CheckpointError, match=re.escape(f"its list of observation fields is {wrong}")):
            check_identity(none.identity() | {"observation_fields": wrong}, none.identity(), Path("policy"))


def test_numpy_policy_names_the_field_that_differs(tmp_path: Path) -> None:
    env = tiny.Signpost(2)
    path = tmp_path / "policy.safetensors"
    write_policy(path, make_policy(env), EnvironmentIdentity("signpost", 0, {}))
    policy, spaces = load_policy(path), (env.single_observation_space, env.single_action_space)
    fields = list(env.observation_fields)
    with pytest.raises(PolicyError, match="5 named observation fields, not 4"):
        policy.require("signpost", *spaces, fields[:4])
    with pytest.raises(PolicyError, match="5 named observation fields, not 0"):
        policy.require("signpost", *spaces)
    fields[2] = replace(fields[2], space=Discrete(4))
    with pytest.raises(PolicyError, match=r"field 'goal' with choices \(3,\), not \(4,\)"):
        policy.require("signpost", *spaces, fields)


def test_identity_says_everything_about_a_field() -> None:
    spec: EnvironmentSpec = describe(tiny.Signpost(2))
    for field, written in zip(spec.observation_fields, spec.identity()["observation_fields"], strict=True):
        assert written == json.loads(json.dumps(asdict(field)))
