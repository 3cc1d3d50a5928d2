"""The network against plain PyTorch and plain NumPy, and its action distributions against torch.distributions."""

import copy
import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import safetensors.numpy
import torch
from torch import Tensor

from puffer_envs.contract.actions import ActionSpec
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.tensor_file import pack, unpack
from puffer_envs.policy import PolicyError, load_policy
from puffer_train.config import PolicySettings
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import CheckpointError
from puffer_train.policy import Policy, settings_of
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy

DISCRETE = ActionSpec("discrete", (5,), ())
SEVERAL = ActionSpec("discrete", (2, 4, 3), (3,))
BOX = ActionSpec("box", (2,), (2,), (-3.0, -math.inf), (3.0, math.inf))
ROWS = 6


@dataclass(frozen=True)
class Kind:
    """A kind of network and what it sees."""

    cell: Literal["mingru", "lstm"] = "mingru"
    encoder: Literal["flat", "grid", "image"] = "flat"
    value_head: Literal["scalar", "distribution"] = "scalar"
    shape: tuple[int, ...] = (2, 3)

    def spec(self, action: ActionSpec) -> EnvironmentSpec:
        if self.encoder == "flat":
            return EnvironmentSpec(ROWS, ROWS, self.shape, "float32", (0.5,) * math.prod(self.shape), action)
        dtype, low, high = ("int8", -2, 3) if self.encoder == "grid" else ("uint8", 0, 255)
        scale = (1 / high,) * math.prod(self.shape)
        return EnvironmentSpec(ROWS, ROWS, self.shape, dtype, scale, action, observation_range=(low, high))

    def observations(self, *batch: int, seed: int = 0) -> Tensor:
        if self.encoder == "flat":
            return randn(*batch, *self.shape, seed=seed)
        low, high, dtype = (-2, 4, torch.int8) if self.encoder == "grid" else (0, 256, torch.uint8)
        generator = torch.Generator().manual_seed(seed)
        return torch.randint(low, high, (*batch, *self.shape), generator=generator).to(dtype)


KINDS = [
    Kind(),
    Kind("lstm"),
    Kind(value_head="distribution"),
    Kind(encoder="grid", shape=(5, 4)),
    Kind("lstm", "grid", "distribution", (4, 5, 2)),
    Kind(encoder="image", shape=(36, 44, 3)),
    Kind("lstm", "image", "distribution", (2, 40, 37)),
    Kind(encoder="image", shape=(36, 36)),
]


def make_network(kind: Kind, action: ActionSpec) -> Policy:
    settings = PolicySettings(8, 2, kind.cell, kind.encoder, kind.value_head)
    return Policy(kind.spec(action), settings, torch.Generator().manual_seed(5))


def make_policy(action: ActionSpec) -> Policy:
    return make_network(Kind(), action)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", [SEVERAL, BOX])
def test_acting_and_learning_compute_the_same(action: ActionSpec, kind: Kind) -> None:
    policy, time = make_network(kind, action), 9
    observations, state = kind.observations(time, ROWS), randn(*policy.initial_state(ROWS).shape, seed=1)
    keep = (randn(time, ROWS, seed=2) > -0.5).float()
    together = policy(observations, state, keep)
    assert together.shape == (policy.outputs, time, ROWS)
    for t in range(time):
        state = state * keep[t].unsqueeze(-1)
        torch.testing.assert_close(policy.step(observations[t], state), together[:, t], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", [SEVERAL, BOX])
def test_nothing_is_tied_to_the_processor(action: ActionSpec, kind: Kind) -> None:
    """On torch's meta device, which has shapes but no numbers, any tensor left behind or looked into is an error."""
    policy = make_network(kind, action).to("meta")
    observations, state = kind.observations(4, ROWS).to("meta"), policy.initial_state(ROWS)
    output = policy.step(observations[0], state)
    noise = torch.zeros(action.outputs, ROWS, device="meta")
    masks = torch.ones(4, ROWS, action.outputs, dtype=torch.bool, device="meta") if action.kind == "discrete" else None
    actions = policy.sample_actions(output, noise, None if masks is None else masks[0])
    assert actions.device.type == "meta" and actions.shape == (ROWS, action.dimensions)
    together = policy(observations, state, torch.ones(4, ROWS, device="meta"))
    values = policy.values(together)
    log_prob, entropy = policy.evaluate_actions(together, actions.expand(4, -1, -1), masks)
    loss = policy.value.loss(together[action.outputs :], values.detach(), values.detach(), 0.2)
    for result in (values, log_prob, entropy, loss):
        assert result.shape == (4, ROWS) and result.device.type == "meta"
    (log_prob + entropy + loss).sum().backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad is not None and parameter.grad.shape == parameter.shape, name


@pytest.mark.parametrize("kind", KINDS)
def test_double_precision_runs_throughout(kind: Kind) -> None:
    policy = make_network(kind, DISCRETE)
    observations, keep = kind.observations(5, ROWS), torch.ones(5, ROWS)
    wanted = policy(observations, policy.initial_state(ROWS), keep)
    policy.double()
    found = policy(observations, policy.initial_state(ROWS), keep.double())
    assert found.dtype == torch.float64
    torch.testing.assert_close(found.float(), wanted, rtol=1e-4, atol=1e-5)


def test_values_are_read_behind_the_actions() -> None:
    scalar, output = make_policy(SEVERAL), randn(SEVERAL.outputs + 1, 4, 7)
    assert torch.equal(scalar.values(output), output[-1])
    policy = make_network(Kind(value_head="distribution"), SEVERAL)
    assert policy.outputs == SEVERAL.outputs + 63
    output = torch.zeros(policy.outputs, 2)
    output[: SEVERAL.outputs] = 50
    output[SEVERAL.outputs + 31 + 4, 0] = 40  # the fourth bin above 0, at 4 * 16 / 62
    torch.testing.assert_close(policy.values(output), torch.tensor([math.exp(64 / 62) - 1, 0.0]))


def test_first_values_of_a_distribution_are_zero() -> None:
    policy = make_network(Kind(value_head="distribution"), DISCRETE)
    output = policy(randn(3, ROWS, 2, 3), policy.initial_state(ROWS))
    assert policy.values(output).abs().max() < 1e-5


def test_integer_observations_are_scaled() -> None:
    spec = EnvironmentSpec(3, 3, (4,), "uint8", (1 / 255,) * 4, DISCRETE)
    policy = Policy(spec, PolicySettings(8, 1), torch.Generator().manual_seed(1))
    floats = Policy(
        EnvironmentSpec(3, 3, (4,), "float32", (1.0,) * 4, DISCRETE),
        PolicySettings(8, 1),
        torch.Generator().manual_seed(1),
    )
    bytes_ = torch.tensor([[0, 255, 51, 102]] * 3, dtype=torch.uint8)
    torch.testing.assert_close(
        policy.step(bytes_, policy.initial_state(3)), floats.step(bytes_ / 255, floats.initial_state(3))
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("action", [DISCRETE, SEVERAL])
def test_discrete_probabilities(action: ActionSpec, masked: bool) -> None:
    policy, batch = make_policy(action), (3, 7)
    output = randn(action.outputs + 1, *batch).double()
    masks = randn(*batch, action.outputs, seed=1) > -0.7 if masked else None
    actions, log_prob, entropy, start = [], 0.0, 0.0, 0
    for size in action.sizes:
        logits = output[start : start + size].movedim(0, -1)
        if masks is not None:
            masks[..., start] = True
            logits = logits.masked_fill(~masks[..., start : start + size], -math.inf)
        distribution = torch.distributions.Categorical(logits=logits)
        actions.append(distribution.sample())
        log_prob = log_prob + distribution.log_prob(actions[-1])
        entropy = entropy + distribution.entropy()
        start += size
    found = policy.evaluate_actions(output, torch.stack(actions, -1), masks)
    torch.testing.assert_close(found, (log_prob, entropy))


def test_continuous_probabilities() -> None:
    policy = make_policy(BOX)
    assert policy.log_std is not None
    output, actions = randn(3, 4, 7), randn(4, 7, 2, seed=1)
    scale = torch.tensor([3.0, 1.0])  # half the range where it is bounded
    normal = torch.distributions.Normal(output[:2].movedim(0, -1) * scale, policy.log_std.exp() * scale)
    found = policy.evaluate_actions(output, actions, None)
    torch.testing.assert_close(found, (normal.log_prob(actions).sum(-1), normal.entropy().sum(-1)))


def test_discrete_sampling_is_exact() -> None:
    policy, draws = make_policy(SEVERAL), 40_000
    logits = randn(SEVERAL.outputs + 1, 1) * 1.5
    masks = torch.ones(draws, SEVERAL.outputs, dtype=torch.bool)
    masks[:, 4] = False
    noise = policy.actions.noise(1, draws, torch.Generator().manual_seed(2))[0]
    actions = policy.sample_actions(logits.expand(-1, draws), noise, masks).numpy()
    start = 0
    for i, size in enumerate(SEVERAL.sizes):
        block = logits[start : start + size, 0].masked_fill(~masks[0, start : start + size], -math.inf)
        wanted = torch.softmax(block, 0).numpy() * draws
        counts = np.bincount(actions[:, i], minlength=size)
        assert counts[wanted == 0].sum() == 0
        seen = wanted > 0
        chi_squared = ((counts[seen] - wanted[seen]) ** 2 / wanted[seen]).sum()
        assert chi_squared < 16.3, "beyond the 99.9 % point for 3 degrees of freedom"
        start += size
    likeliest = policy.sample_actions(logits, None, masks[:1])
    assert likeliest[0, 0] == int(logits[:2, 0].argmax())


def test_continuous_sampling_is_exact() -> None:
    policy, draws = make_policy(BOX), 40_000
    assert policy.log_std is not None
    output = torch.tensor([[0.4], [-0.2], [9.0]])
    noise = policy.actions.noise(1, draws, torch.Generator().manual_seed(2))[0]
    actions = policy.sample_actions(output.expand(-1, draws), noise, None)
    spread = policy.log_std.detach().exp() * torch.tensor([3.0, 1.0])
    error = (actions.mean(0) - torch.tensor([1.2, -0.2])) / (spread / math.sqrt(draws))
    assert error.abs().max() < 4
    torch.testing.assert_close(actions.std(0), spread, rtol=0.02, atol=0)
    torch.testing.assert_close(policy.sample_actions(output, None), torch.tensor([[1.2, -0.2]]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("action", [DISCRETE, SEVERAL, BOX])
def test_exported_policy_plays_the_same_in_numpy(action: ActionSpec, kind: Kind, tmp_path: Path) -> None:
    policy, path = make_network(kind, action), tmp_path / "policy.safetensors"
    with torch.no_grad():
        policy.head += 0.3 * randn(*policy.head.shape, seed=9)  # a distribution's rows start at 0
    write_policy(path, policy, EnvironmentIdentity("somewhere", 3, {"frameskip": 4}))
    exported, again = load_policy(path), read_policy(path, policy.spec)
    assert exported.info.environment_version == 3
    assert again.settings == policy.settings
    states, ends = [policy.initial_state(ROWS), policy.initial_state(ROWS)], np.arange(ROWS) == 2
    in_units = torch.ones(policy.outputs, 1)
    if action.kind == "box":
        in_units[: action.outputs] = policy.action_scale.unsqueeze(-1)
    for t in range(5):
        observations = kind.observations(ROWS, seed=t)
        output = policy.step(observations, states[0])
        np.testing.assert_allclose(
            copy.deepcopy(exported)._forward(observations.numpy()).T, output * in_units, rtol=1e-5, atol=1e-5
        )
        wanted = policy.sample_actions(output, None, None).detach().numpy()
        if action.kind == "box":
            wanted = np.clip(wanted, action.low, action.high)
        played = exported.act(observations.numpy(), deterministic=True)
        np.testing.assert_allclose(played.reshape(wanted.shape), wanted, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(again.step(observations, states[1]), output, rtol=1e-5, atol=1e-6)
        exported.reset(ends)
        for state in states:
            state[:, 2] = 0


def test_policy_for_another_environment_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "policy.safetensors"
    write_policy(path, make_policy(DISCRETE), EnvironmentIdentity("somewhere", 0, {}))
    with pytest.raises(CheckpointError, match=r"action sizes is \[5\], here it is \[2, 4, 3\]"):
        read_policy(path, make_policy(SEVERAL).spec)


def test_damaged_policies_are_refused(tmp_path: Path) -> None:
    path, policy = tmp_path / "policy.safetensors", make_policy(DISCRETE)
    write_policy(path, policy, EnvironmentIdentity("somewhere", 0, {}))
    whole = path.read_bytes()
    for length in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(PolicyError, match=r"policy\.safetensors: not a policy file, or a damaged one"):
            read_policy(path, policy.spec)


def test_policy_with_nan_is_not_exported(tmp_path: Path) -> None:
    policy = make_policy(DISCRETE)
    with torch.no_grad():
        policy.core[1, 2, 3] = math.nan
    with pytest.raises(PolicyError, match=r"'core\.1\.weight' holds NaN"):
        write_policy(tmp_path / "policy.safetensors", policy, EnvironmentIdentity("somewhere", 0, {}))
    assert not list(tmp_path.iterdir())


def rewrite(path: Path, change: dict[str, Any]) -> None:
    """Change what a policy file says about itself."""
    metadata, tensors, body = unpack(path.read_bytes())
    about = json.dumps(json.loads(metadata["policy"]) | change)
    metadata |= {"policy": about, "sha256": hashlib.sha256(about.encode() + body).hexdigest()}
    path.write_bytes(
        pack(metadata, {n: np.frombuffer(x, "<f4").reshape(shape) for n, (_, shape, x) in tensors.items()})
    )


def test_the_safetensors_library_reads_the_same(tmp_path: Path) -> None:
    policy, path = make_network(KINDS[0], BOX), tmp_path / "policy.safetensors"
    write_policy(path, policy, EnvironmentIdentity("somewhere", 0, {}))
    ours, theirs = PolicyFile.read(path).tensors, safetensors.numpy.load_file(path)
    assert ours.keys() == theirs.keys()
    for name, tensor in ours.items():
        np.testing.assert_array_equal(tensor, theirs[name], strict=True)
    assert safetensors.numpy.save(theirs)[-body_bytes(theirs) :] == path.read_bytes()[-body_bytes(theirs) :]


def body_bytes(tensors: dict[str, np.ndarray]) -> int:
    return sum(tensor.nbytes for tensor in tensors.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": 0}, "'hidden' is 0, which is not allowed"),
        ({"hidden": 65536}, "'head.weight' is"),
        ({"layers": True}, "'layers' is True"),
        ({"layers": 10**9}, "'layers' is 1000000000"),
        ({"cell": "gru"}, "'cell' is 'gru', which is not allowed"),
        ({"cell": ["lstm"]}, r"'cell' is \['lstm'\], which is not allowed"),
        ({"encoder": "image"}, "'encoder' is 'image', which does not read such observations"),
        ({"value_head": "quantiles"}, "'value_head' is 'quantiles', which is not allowed"),
        ({"cell": "lstm"}, "'core.0.weight' is"),
        ({"value_head": "distribution", "value_bins": 51, "value_limit": 8.0}, "'head.weight' is"),
    ],
)
def test_policies_of_another_kind_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    policy, path = make_policy(DISCRETE), tmp_path / "policy.safetensors"
    write_policy(path, policy, EnvironmentIdentity("somewhere", 0, {}))
    rewrite(path, change)
    with pytest.raises(UserError, match=message) as caught:
        read_policy(path, policy.spec)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(str(path))


@pytest.mark.parametrize("kind", KINDS)
def test_identity_makes_the_same_network(kind: Kind, tmp_path: Path) -> None:
    policy = make_network(kind, DISCRETE)
    identity = json.loads(json.dumps(policy.identity()))
    again = Policy(policy.spec, settings_of(identity, tmp_path), torch.Generator())
    assert again.identity() == policy.identity() == identity
    shapes = {name: parameter.shape for name, parameter in policy.named_parameters()}
    assert shapes == {name: parameter.shape for name, parameter in again.named_parameters()}
