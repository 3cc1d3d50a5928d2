"""The network against plain PyTorch and plain NumPy, and its action distributions against torch.distributions."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from puffer_envs.policy import load_policy
from puffer_train.config import PolicySettings
from puffer_train.contract import ActionSpec, EnvironmentSpec
from puffer_train.errors import CheckpointError
from puffer_train.export import EnvironmentIdentity, read_policy, write_policy
from puffer_train.policy import MinGRUScan, Policy, Resets

DISCRETE = ActionSpec("discrete", (5,), ())
SEVERAL = ActionSpec("discrete", (2, 4, 3), (3,))
BOX = ActionSpec("box", (2,), (2,), (-3.0, -math.inf), (3.0, math.inf))


def make_policy(action: ActionSpec, rows: int = 6, layers: int = 2) -> Policy:
    spec = EnvironmentSpec(rows, rows, (2, 3), "float32", (0.5,) * 6, action)
    return Policy(spec, PolicySettings(hidden=8, layers=layers), torch.Generator().manual_seed(5))


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def plain_scan(z: Tensor, x: Tensor, state: Tensor, keep: Tensor) -> Tensor:
    """The layer as its formulas say, one step after the other."""
    outputs = []
    for t in range(len(z)):
        h, g, p = z[t].chunk(3, dim=-1)
        candidate = torch.where(h >= 0, h + 0.5, torch.sigmoid(h))
        state = state * keep[t].unsqueeze(-1)
        state = (1 - torch.sigmoid(g)) * state + torch.sigmoid(g) * candidate
        outputs.append(torch.sigmoid(p) * state + (1 - torch.sigmoid(p)) * x[t])
    return torch.stack(outputs)


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("time", [1, 2, 17])
def test_scan_and_its_gradient_equal_the_plain_loop(time: int, resets: bool) -> None:
    rows, hidden = 5, 4
    z, x = randn(time, rows, 3 * hidden, seed=1).double(), randn(time, rows, hidden, seed=2).double()
    state, weights = randn(rows, hidden, seed=3).double(), randn(time, rows, hidden, seed=4).double()
    keep = torch.ones(time, rows, dtype=torch.float64)
    if resets:
        keep = (randn(time, rows, seed=5) > -0.5).double()
        assert (keep == 0).any()
    results = []
    for scan in (MinGRUScan.apply, plain_scan):
        inputs = [z.clone().requires_grad_(), x.clone().requires_grad_()]
        output = scan(*inputs, state, Resets(keep) if scan is not plain_scan else keep)
        (output * weights).sum().backward()
        results.append([output.detach(), *(i.grad for i in inputs)])
    for mine, plain in zip(*results, strict=True):
        torch.testing.assert_close(mine, plain, rtol=1e-12, atol=1e-12)


def test_acting_and_learning_compute_the_same() -> None:
    policy, time = make_policy(SEVERAL), 9
    observations, state = randn(time, 6, 2, 3), randn(2, 6, 8, seed=1)
    keep = (randn(time, 6, seed=2) > -0.5).float()
    together = policy(observations, state, keep)
    for t in range(time):
        state = state * keep[t].unsqueeze(-1)
        torch.testing.assert_close(policy.step(observations[t], state), together[:, t], rtol=1e-5, atol=1e-6)


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
    found = policy.actions.evaluate(output, torch.stack(actions, -1), masks, policy)
    torch.testing.assert_close(found, (log_prob, entropy))


def test_continuous_probabilities() -> None:
    policy = make_policy(BOX)
    assert policy.log_std is not None
    output, actions = randn(3, 4, 7), randn(4, 7, 2, seed=1)
    scale = torch.tensor([3.0, 1.0])  # half the range where it is bounded
    normal = torch.distributions.Normal(output[:2].movedim(0, -1) * scale, policy.log_std.exp() * scale)
    found = policy.actions.evaluate(output, actions, None, policy)
    torch.testing.assert_close(found, (normal.log_prob(actions).sum(-1), normal.entropy().sum(-1)))


def test_discrete_sampling_is_exact() -> None:
    policy, draws = make_policy(SEVERAL), 40_000
    logits = randn(SEVERAL.outputs + 1, 1) * 1.5
    masks = torch.ones(draws, SEVERAL.outputs, dtype=torch.bool)
    masks[:, 4] = False
    noise = policy.actions.noise(1, draws, torch.Generator().manual_seed(2))[0]
    actions = policy.actions.sample(logits.expand(-1, draws), noise, masks, policy).numpy()
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
    likeliest = policy.actions.sample(logits, None, masks[:1], policy)
    assert likeliest[0, 0] == int(logits[:2, 0].argmax())


def test_continuous_sampling_is_exact() -> None:
    policy, draws = make_policy(BOX), 40_000
    assert policy.log_std is not None
    output = torch.tensor([[0.4], [-0.2], [9.0]])
    noise = policy.actions.noise(1, draws, torch.Generator().manual_seed(2))[0]
    actions = policy.actions.sample(output.expand(-1, draws), noise, None, policy)
    spread = policy.log_std.detach().exp() * torch.tensor([3.0, 1.0])
    error = (actions.mean(0) - torch.tensor([1.2, -0.2])) / (spread / math.sqrt(draws))
    assert error.abs().max() < 4
    torch.testing.assert_close(actions.std(0), spread, rtol=0.02, atol=0)
    torch.testing.assert_close(policy.actions.sample(output, None, None, policy), torch.tensor([[1.2, -0.2]]))


@pytest.mark.parametrize("action", [DISCRETE, SEVERAL, BOX])
def test_exported_policy_plays_the_same_in_numpy(action: ActionSpec, tmp_path: Path) -> None:
    policy, path = make_policy(action), tmp_path / "policy.safetensors"
    with torch.no_grad():
        policy.head *= 5
    write_policy(path, policy, EnvironmentIdentity("somewhere", 3, {"frameskip": 4}))
    exported, again = load_policy(path), read_policy(path, policy.spec)
    assert exported.info.environment_version == 3
    states = policy.initial_state(6), policy.initial_state(6)
    for t in range(5):
        observations = randn(6, 2, 3, seed=t)
        output = policy.step(observations, states[0])
        wanted = policy.actions.sample(output, None, None, policy).numpy()
        if action.kind == "box":
            wanted = np.clip(wanted, action.low, action.high)
        played = exported.act(observations.numpy(), deterministic=True)
        np.testing.assert_allclose(played.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(again.step(observations, states[1]), output, rtol=1e-4, atol=1e-5)


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
        with pytest.raises(CheckpointError, match=r"policy\.safetensors"):
            read_policy(path, policy.spec)


def test_policy_with_nan_is_not_exported(tmp_path: Path) -> None:
    policy = make_policy(DISCRETE)
    with torch.no_grad():
        policy.core[1, 2, 3] = math.nan
    with pytest.raises(CheckpointError, match="'core'"):
        write_policy(tmp_path / "policy.safetensors", policy, EnvironmentIdentity("somewhere", 0, {}))
    assert not list(tmp_path.iterdir())
