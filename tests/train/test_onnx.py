"""ONNX files: what goes in and comes out, that onnxruntime agrees with torch, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from runs import SMALL, Shell
from test_own_network import ARRAY, BOX, FIELDS, GRID, ROWS, made

import puffer_envs
from puffer_envs.contract.trained import list_trained
from puffer_envs.policy import load_policy
from puffer_train.config import PolicySettings
from puffer_train.errors import ConfigError
from puffer_train.policy import Policy, make_policy
from puffer_train.policy.observations import named_fields
from puffer_train.policy.own import made_up
from puffer_train.storage.onnx_file import FORMAT, TOLERANCE, write_onnx
from puffer_train.storage.policy_file import EnvironmentIdentity

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

ABOUT = EnvironmentIdentity("game", 3, {"speed": 2})


def ours(spec: Any, **settings: Any) -> Policy:
    return make_policy(spec, PolicySettings(hidden=16, layers=2, **settings), torch.Generator().manual_seed(1))


def policies() -> Iterator[Any]:
    box = replace(ARRAY, action=BOX)
    yield pytest.param(lambda: ours(ARRAY), id="flat")
    lstm = partial(ours, box, cell="lstm", value_head="distribution")
    yield pytest.param(lstm, id="lstm, box, distribution", marks=pytest.mark.slow)
    yield pytest.param(lambda: ours(GRID, encoder="grid"), id="grid", marks=pytest.mark.slow)
    yield pytest.param(lambda: ours(FIELDS), id="fields")
    yield pytest.param(lambda: made("Fields", FIELDS), id="own encoder of fields")
    yield pytest.param(lambda: made("Recurrent"), id="own policy", marks=pytest.mark.slow)
    yield pytest.param(lambda: made("Memoryless"), id="own policy without memory")


def session(path: Path) -> Any:
    return onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("make", list(policies()))
def test_onnxruntime_plays_as_torch_does(make: Any, tmp_path: Path) -> None:
    """Over several steps, each with its own state, and for another number of rows than the file was tried on."""
    policy, path = make(), tmp_path / "p.onnx"
    parity = write_onnx(path, policy, ABOUT)
    assert parity.rows == 256 and parity.difference <= TOLERANCE
    run, spec = session(path), policy.spec
    rows = 7
    state, theirs = policy.initial_state(rows), policy.initial_state(rows).numpy()
    fields = spec.observation_fields
    names = [f"observation.{field.name}" for field in fields] or ["observation"]
    remembers = state.numel() > 0
    assert [i.name for i in run.get_inputs()] == names + ["state"] * remembers
    kind = ["mean", "std"] if spec.action.kind == "box" else ["logits"]
    assert [o.name for o in run.get_outputs()] == ["action", *kind, "value"] + ["next_state"] * remembers
    for seed in range(4):
        seen = made_up(spec, rows, seed)
        given = [tensor.numpy() for tensor in named_fields(seen, fields).values()] or [seen.numpy()]
        inputs = dict(zip(names, given, strict=True)) | ({"state": theirs} if remembers else {})
        found = dict(zip([o.name for o in run.get_outputs()], run.run(None, inputs), strict=True))
        output = policy.step(seen, state)
        theirs = found.get("next_state", theirs)
        np.testing.assert_allclose(found["value"], policy.values(output).detach().numpy(), rtol=1e-4, atol=1e-4)
        actions = policy.sample_actions(output, None).detach()
        if spec.action.kind == "box":
            actions = actions + policy.action_centre
            np.testing.assert_allclose(found["mean"], actions.numpy(), rtol=1e-4, atol=1e-4)
            actions = actions.clamp(torch.tensor(spec.action.low), torch.tensor(spec.action.high))
        np.testing.assert_allclose(found["action"].reshape(rows, -1), actions.numpy(), rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(theirs, state.numpy(), rtol=1e-4, atol=1e-4)


def test_a_file_says_what_it_is_and_is_the_same_every_time(tmp_path: Path) -> None:
    paths = tmp_path / "a.onnx", tmp_path / "b.onnx"
    for path in paths:
        write_onnx(path, made("Encoder"), ABOUT)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    about = session(paths[0]).get_modelmeta().custom_metadata_map
    assert about["format"] == FORMAT
    told = json.loads(about["policy"])
    assert (told["environment"], told["settings"], told["network"]["name"]) == (
        "game",
        {"speed": 2},
        "own_networks:Encoder",
    )
    assert str(tmp_path).encode() not in paths[0].read_bytes() and b"puffer_train/" not in paths[0].read_bytes()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Branching", "it branches on the value of a tensor"),
        ("Counted", r"it takes the number of rows for a constant: write x.shape\[0\] for len\(x\)"),
        ("Different", "onnxruntime and torch differ by"),
    ],
)
def test_what_cannot_be_exported_is_refused(name: str, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "p.onnx"
    policy = made(name)
    with pytest.raises(ConfigError, match=sentence) as caught:
        write_onnx(path, policy, ABOUT)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    assert all(parameter.requires_grad for parameter in policy.parameters()), "it can still be trained"


def test_the_command_compares_on_games_that_are_played(shell: Shell) -> None:
    own = ["--policy.network", "own_networks:Encoder"]
    assert shell.train("squared", *SMALL, *own, "--steps", "384", "--run-dir", "run").status == 0
    refused = shell("puffer-export", "run")
    assert refused.status == 2 and "--policy.network own_networks:Encoder" in refused.err
    done = shell("puffer-export", "run", *own)
    assert done.status == 0 and done.out.startswith("run/policy.onnx: ")
    assert done.out.endswith(f"of torch on {256 + 64 * 16} observations\n")
    run, env = session(shell.folder / "run/policy.onnx"), puffer_envs.make("squared", num_envs=ROWS)
    state = np.zeros((1, ROWS, 8), np.float32)
    observations = env.reset(0)
    for _ in range(20):
        action, state = run.run(["action", "next_state"], {"observation": observations, "state": state})
        observations, _, terminals, truncations = env.step(action)
        state[:, terminals | truncations] = 0
    absent = shell("puffer-export")
    assert absent.status == 2 and "no policy is given" in absent.err


# The others differ only in their numbers.
@pytest.mark.parametrize(
    "name",
    [name if name in ("maze", "racer") else pytest.param(name, marks=pytest.mark.slow) for name in list_trained()],
)
def test_every_shipped_policy_is_exported_and_plays_as_its_policy_file_does(name: str, shell: Shell) -> None:
    few = ["--env.num-levels", "8"] if name == "maze" else []
    done = shell("puffer-export", name, "--trained", *few)
    assert done.status == 0, done.err
    assert done.out.startswith(f"{name}.onnx: ")
    run, player = session(shell.folder / f"{name}.onnx"), load_policy(puffer_envs.trained_policy(name))
    settings = player.info.settings | ({"num_levels": 8} if few else {})
    with puffer_envs.make(name, num_envs=8, **settings) as env:
        observations = env.reset(1)
        (state,) = [np.zeros((i.shape[0], env.num_agents, i.shape[2]), np.float32) for i in run.get_inputs()[1:]]
        same = 0.0
        for _ in range(20):
            wanted = player.act(observations, deterministic=True)
            action, state = run.run(["action", "next_state"], {"observation": observations, "state": state})
            same += np.isclose(action, wanted, rtol=1e-3, atol=1e-3).mean() / 20
            observations, _, terminals, truncations = env.step(wanted)
            player.reset(terminals | truncations)
            state[:, terminals | truncations] = 0
    assert same > 0.99, "rounding alone may decide between equally likely actions"
