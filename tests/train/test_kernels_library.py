"""`puffer_train.kernels`, the kernels as a library, compared with what the trainer itself does in torch."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from puffer_train import kernels
from puffer_train.algorithm import advantage, optimizer
from puffer_train.policy.cells import CELLS, Resets


def reference(module: kernels.Recurrent, inputs: Tensor, state: Tensor, keep: Tensor | None) -> Tensor:
    """The layers in torch, in double precision."""
    x, resets = inputs, Resets(keep)
    for weight, layer_state in zip(module.core, state.double(), strict=True):
        x = CELLS[module.options["cell"]].sequence(x, layer_state, weight.double(), resets)
    return x


def last_state(module: kernels.Recurrent, inputs: Tensor, state: Tensor, keep: Tensor | None) -> Tensor:
    """The state after the last step, in torch, one step after the other."""
    state = state.clone().double()
    for t, seen in enumerate(inputs.detach().double()):
        x = seen
        if keep is not None:
            state *= keep[t, :, None]
        for weight, layer_state in zip(module.core.detach().double(), state, strict=True):
            x = CELLS[module.options["cell"]].step(x, layer_state, weight)
    return state


def near(found: Tensor | None, wanted: Tensor | None) -> None:
    assert found is not None and wanted is not None
    found, wanted = found.detach().double(), wanted.detach().double()
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=2e-5 * float(wanted.abs().max()) + 1e-7)


@given(
    st.sampled_from(["mingru", "lstm"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 3),
    st.sampled_from([16, 48]),
    st.booleans(),
    st.sampled_from([1, 3]),
    st.integers(0, 99),
)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_recurrent(
    cell: str, steps: int, rows: int, layers: int, hidden: int, reset: bool, threads: int, seed: int
) -> None:
    """Outputs, state, and the gradients of inputs and weights."""
    random = torch.Generator().manual_seed(seed)
    module = kernels.Recurrent(hidden, layers, cell, threads=threads, generator=random)
    inputs = torch.randn(steps, rows, hidden, generator=random).requires_grad_()
    state = torch.randn(layers, rows, module.initial_state(1).shape[-1], generator=random)
    keep = (torch.rand(steps, rows, generator=random) < 0.8).float() if reset else None
    outputs, after = module(inputs, state, keep)
    exact = inputs.detach().double().requires_grad_()
    wanted = reference(module, exact, state, None if keep is None else keep.double())
    near(outputs, wanted)
    near(after, last_state(module, inputs, state, keep))
    pull = torch.randn(outputs.shape, generator=random)
    by_inputs, by_weight = torch.autograd.grad(outputs, [inputs, module.core], pull)
    for found, right in zip(
        (by_inputs, by_weight), torch.autograd.grad(wanted, [exact, module.core], pull.double()), strict=True
    ):
        near(found, right)


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
def test_a_step_is_a_sequence_of_one(cell: str) -> None:
    """To the bit, whatever the threads."""
    module = kernels.Recurrent(32, 2, cell, generator=torch.Generator().manual_seed(1))
    inputs = torch.randn(7, 300, 32, generator=torch.Generator().manual_seed(2))
    state, found = module.initial_state(300), []
    for x in inputs:
        found.append(module.step(x, state))
    many = copy.deepcopy(module)
    many._stack = kernels.Recurrent(32, 2, cell, threads=3)._stack
    for other in (module, many):
        outputs, after = other(inputs, module.initial_state(300))
        assert torch.equal(outputs, torch.stack(found)) and torch.equal(after, state)


def test_graphs_do_not_disturb_each_other() -> None:
    """Two passes forward, with other weights, before the first goes backward; memory is used again after that."""
    module = kernels.Recurrent(16)
    inputs, state = torch.randn(5, 4, 16), module.initial_state(4)
    twin = copy.deepcopy(module)
    first, _ = module(inputs, state)
    second, _ = module(2 * inputs, state)
    for outputs, seen in ((first, inputs), (second, 2 * inputs)):
        (found,) = torch.autograd.grad(outputs.sum(), module.core)
        (wanted,) = torch.autograd.grad(twin(seen, state)[0].sum(), twin.core)
        assert torch.equal(found, wanted)
    with pytest.raises(RuntimeError, match="run it forward again"):
        module(inputs.requires_grad_(), state)[0].sum().backward(retain_graph=True)
        outputs, _ = module(inputs, state)
        outputs.sum().backward(retain_graph=True)
        outputs.sum().backward()


def test_weights_that_changed_are_noticed() -> None:
    module = kernels.Recurrent(16)
    outputs, _ = module(torch.randn(5, 4, 16), module.initial_state(4))
    muon = kernels.Muon([module.core])
    module.core.grad = torch.randn_like(module.core)
    before = module.core.detach().clone()
    muon.step()
    assert not torch.equal(before, module.core)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.sum().backward()


def small() -> kernels.Recurrent:
    return kernels.Recurrent(16, 2, inputs=7, outputs=3)


def ppo(agents: Tensor | None = None, **changes: Tensor) -> Tensor:
    """The loss of small numbers, of which some are changed."""
    network = small()
    played = {name: torch.zeros(5, 4) for name in ("log_probs", "values", "advantages")}
    played |= {"observations": torch.zeros(5, 4, 7), "actions": torch.zeros(5, 4, 1, dtype=torch.int64)}
    played |= {"ends": torch.zeros(5, 4, dtype=torch.bool), "first_state": network.initial_state(4)}
    chosen = torch.arange(4) if agents is None else agents
    loss, _ = kernels.PPOLoss(network, (2,))(chosen, **(played | changes))
    return loss


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: kernels.Recurrent(24), "multiple of 16"),
        (lambda: kernels.Recurrent(16, cell="gru"), "no kernel for cell"),
        (lambda: kernels.Recurrent(16)(torch.zeros(3, 2, 32), torch.zeros(1, 2, 16)), "inputs must be"),
        (lambda: kernels.Recurrent(16)(torch.zeros(3, 2, 16), torch.zeros(1, 3, 16)), "state must be"),
        (lambda: kernels.Recurrent(16)(torch.zeros(3, 2, 16).double(), torch.zeros(1, 2, 16)), "inputs must be"),
        (lambda: kernels.Recurrent(16)(torch.zeros(3, 2, 16), torch.zeros(1, 2, 16), torch.ones(2, 3)), "keep must be"),
        (lambda: kernels.sample_categorical(torch.zeros(3, 4), (2, 3)), "sum to the 4 outputs"),
        (lambda: kernels.sample_categorical(torch.zeros(3, 4), masks=torch.ones(3, 3, dtype=torch.bool)), "masks"),
        (lambda: kernels.Recurrent(16, outputs=1), "outputs must be at least 2"),
        (lambda: kernels.evaluate_categorical(torch.zeros(1, 4), torch.tensor([[4]])), "actions must be from 0"),
        (lambda: kernels.sample_gaussian(torch.zeros(3, 4), torch.zeros(3)), "log_std"),
        (lambda: kernels.Muon([torch.zeros(3)]), r"float32 of shape \(3,\)"),
        (lambda: kernels.PPOLoss(kernels.Recurrent(16, outputs=3), (2,)), "encoder and a head"),
        (lambda: kernels.PPOLoss(small(), (3,)), "outputs must be 4, for actions and value, are 3"),
        (lambda: kernels.PPOLoss(small()), "either sizes"),
        (lambda: kernels.PPOLoss(small(), (2,), log_std=torch.zeros(2)), "either sizes"),
        (lambda: ppo(actions=torch.full((5, 4, 1), 2)), r"actions must be from 0 to \[1\]"),
        (lambda: ppo(actions=torch.zeros(5, 4, 1)), "actions must be int64"),
        (lambda: ppo(actions=torch.zeros(5, 4, 2, dtype=torch.int64)), "actions must be int64"),
        (lambda: ppo(observations=torch.zeros(5, 4, 8)), "observations must be"),
        (lambda: ppo(observations=torch.zeros(4, 4, 7)), "observations must be"),
        (lambda: ppo(ends=torch.zeros(5, 4)), "ends must be bool"),
        (lambda: ppo(ends=torch.zeros(5, dtype=torch.bool)), "ends must be bool"),
        (lambda: ppo(masks=torch.ones(5, 4, 3, dtype=torch.bool)), "masks must be"),
        (lambda: ppo(torch.tensor([4])), "sequences must be from 0 to 3"),
        (lambda: ppo(torch.zeros(9, dtype=torch.int64)), "from 1 to 4 sequences"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_categorical_actions() -> None:
    """Log-probabilities are those of the masked softmax, frequencies too; one seed gives one draw."""
    logits = torch.randn(1, 7, generator=torch.Generator().manual_seed(3)).expand(20_000, 7)
    masks = torch.tensor([1, 0, 1, 1, 1, 1, 0], dtype=torch.bool).expand(20_000, 7)

    def draw() -> tuple[Tensor, Tensor]:
        seeded = torch.Generator().manual_seed(9)
        return kernels.sample_categorical(logits, (3, 4), masks=masks, generator=seeded)

    actions, log_probs = draw()
    again, _ = draw()
    assert torch.equal(actions, again)
    blocks = torch.where(masks, logits, -torch.inf)[0].split((3, 4))
    exact = [torch.log_softmax(block, 0) for block in blocks]
    near(log_probs, sum(block[actions[:, i]] for i, block in enumerate(exact)))  # type: ignore[arg-type]
    for i, block in enumerate(exact):
        frequencies = actions[:, i].bincount(minlength=len(block)) / len(actions)
        torch.testing.assert_close(frequencies, block.exp(), rtol=0, atol=0.015)
    greedy, _ = kernels.sample_categorical(logits[:1], greedy=True)
    assert greedy.item() == logits[0].argmax()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 40), st.booleans(), st.integers(0, 99))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_likelihood_of_categorical_actions(sizes: list[int], rows: int, masked: bool, seed: int) -> None:
    """And its gradient, and that of the entropy; to the bit what was found when the actions were drawn."""
    random = torch.Generator().manual_seed(seed)
    logits = (3 * torch.randn(2, rows, sum(sizes), generator=random)).requires_grad_()
    masks = torch.rand(logits.shape, generator=random) < 0.5 if masked else None
    if masks is not None:
        masks[..., [sum(sizes[:i]) for i in range(len(sizes))]] = True
    drawn = [
        kernels.sample_categorical(logits[i], sizes, masks=None if masks is None else masks[i], generator=random)
        for i in range(2)
    ]
    actions, wanted = (torch.stack(x) for x in zip(*drawn, strict=True))
    log_probs, entropies = kernels.evaluate_categorical(logits, actions, sizes, masks=masks)
    assert torch.equal(log_probs, wanted)
    exact = logits.detach().double().requires_grad_()
    allowed = exact if masks is None else torch.where(masks, exact, -1e9)
    blocks = [torch.log_softmax(block, -1) for block in allowed.split(sizes, -1)]
    likely = sum(block.gather(-1, actions[..., i : i + 1]).squeeze(-1) for i, block in enumerate(blocks))
    spread = sum(-(block.exp() * block).sum(-1) for block in blocks)
    near(log_probs, likely)  # type: ignore[arg-type]
    near(entropies, spread)  # type: ignore[arg-type]
    pull = torch.randn(2, 2, rows, generator=random)
    (found,) = torch.autograd.grad([log_probs, entropies], logits, list(pull))
    (right,) = torch.autograd.grad([likely, spread], exact, list(pull.double()))  # type: ignore[list-item]
    near(found, right if masks is None else torch.where(masks, right, found.double()))


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
@pytest.mark.parametrize("cell", ["mingru", "lstm"])
def test_with_encoder_and_head(cell: str, dtype: torch.dtype) -> None:
    """Both in the same function; observations as they are."""
    random = torch.Generator().manual_seed(4)
    scale = torch.rand(7, generator=random)
    module = kernels.Recurrent(16, 2, cell, inputs=7, outputs=5, input_scale=scale.tolist(), generator=random)
    plain = kernels.Recurrent(16, 2, cell)
    plain.core.data.copy_(module.core)
    seen = (torch.rand(9, 21, 7, generator=random) * 5).to(dtype)
    state, keep = torch.randn(2, 21, module.initial_state(1).shape[-1], generator=random), torch.ones(9, 21)
    keep[3, 4] = 0.0
    outputs, after = module(seen, state, keep)
    assert module.encoder is not None and module.head is not None
    encoded = torch.nn.functional.linear(seen.float(), module.encoder * scale)
    features, right_after = plain(encoded, state, keep)
    wanted = torch.nn.functional.linear(features, module.head)
    near(outputs, wanted)
    near(after, right_after)
    pull = torch.randn(outputs.shape, generator=random)
    found = torch.autograd.grad(outputs, [module.encoder, module.core, module.head], pull)
    right = torch.autograd.grad(wanted, [module.encoder, plain.core, module.head], pull)
    for one, other in zip(found, right, strict=True):
        near(one, other)
    stepped = module.step(seen[0], state)
    assert torch.equal(stepped, outputs[0])


@pytest.mark.parametrize("cell", ["mingru", "lstm"])
@pytest.mark.parametrize("kind", ["discrete", "masked", "continuous"])
def test_ppo_loss(cell: str, kind: str) -> None:
    """Loss, figures and gradients are those of `Recurrent.forward` and the formulas in torch, on any threads."""
    random = torch.Generator().manual_seed(6)
    sizes, clips = (2, 3), {"clip": 0.2, "value_clip": 0.3, "value_coefficient": 0.7, "entropy_coefficient": 0.1}
    network = kernels.Recurrent(16, 2, cell, inputs=7, outputs=6, input_scale=[0.5] * 7, generator=random)
    log_std = torch.full((5,), -0.5, requires_grad=True) if kind == "continuous" else None

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    masks = torch.rand(9, 40, 5, generator=random) < 0.7 if kind == "masked" else None
    if masks is not None:
        masks[..., [0, 2]] = True
    played = {"observations": draw(9, 40, 7), "values": draw(9, 40), "advantages": draw(9, 40), "masks": masks}
    played["ends"] = torch.rand(9, 40, generator=random) < 0.2
    played["first_state"] = draw(2, 40, network.initial_state(1).shape[-1])
    agents = torch.randperm(40, generator=random)[:30]
    chosen = {name: None if x is None else x[:, agents] for name, x in played.items()}
    keep = torch.ones(9, 30)
    keep[1:] = (~chosen["ends"][:-1]).float()  # type: ignore[index]
    outputs, _ = network(chosen["observations"], chosen["first_state"], keep)
    if log_std is None:
        actions = torch.stack([last_allowed(masks, at, size) for at, size in ((0, 2), (2, 3))], -1)
        likely, spread = kernels.evaluate_categorical(
            outputs[..., :-1], actions[:, agents], sizes, masks=chosen["masks"]
        )
    else:
        actions = draw(9, 40, 5)
        normal = torch.distributions.Normal(outputs[..., :-1], log_std.exp())
        likely, spread = normal.log_prob(actions[:, agents]).sum(-1), normal.entropy().sum(-1)
    log_probs = torch.zeros(9, 40)
    log_probs[:, agents] = likely.detach() + 0.3 * draw(9, 30)
    old, advantages = chosen["values"], chosen["advantages"]
    assert old is not None and advantages is not None
    policy_loss, value_loss = clipped_losses(likely - log_probs[:, agents], outputs[..., -1], old, advantages, clips)
    wanted = policy_loss + 0.7 * value_loss - 0.1 * spread.mean()
    weights = [network.encoder, network.core, network.head, *([] if log_std is None else [log_std])]
    right = torch.autograd.grad(wanted, weights)  # type: ignore[arg-type]
    twin = copy.deepcopy(network)
    twin._stack = kernels.Recurrent(16, 2, cell, inputs=7, outputs=6, input_scale=[0.5] * 7, threads=3)._stack
    first: list[Tensor] = []
    for module in (network, twin):
        loss_of = kernels.PPOLoss(module, None if log_std is not None else sizes, log_std=log_std, **clips)
        loss, figures = loss_of(agents, **played, actions=actions, log_probs=log_probs)
        near(loss, wanted)
        near(torch.tensor(figures["policy_loss"]), policy_loss)
        near(torch.tensor(figures["value_loss"]), value_loss)
        near(torch.tensor(figures["entropy"]), spread.mean())
        mine = [module.encoder, module.core, module.head, *([] if log_std is None else [log_std])]
        found = torch.autograd.grad(2 * loss, mine)  # type: ignore[arg-type]
        for one, other in zip(found, right, strict=True):
            near(one, 2 * other)
        first = first or list(found)
        assert all(map(torch.equal, found, first))


def last_allowed(masks: Tensor | None, at: int, size: int) -> Tensor:
    """The last choice that is allowed, of one number of an action (9, 40)."""
    if masks is None:
        return torch.full((9, 40), size - 1)
    return size - 1 - masks[..., at : at + size].flip(-1).int().argmax(-1)


def clipped_losses(
    log_ratio: Tensor, new: Tensor, old: Tensor, advantages: Tensor, clips: dict[str, float]
) -> tuple[Tensor, Tensor]:
    """The policy's and the value's, as in the article but for the clipped value."""
    returns, ratio = advantages + old, log_ratio.exp()
    normal = (advantages - advantages.mean()) / advantages.std(correction=0)
    clipped = ratio.clamp(1 - clips["clip"], 1 + clips["clip"])
    near_old = old + (new - old).clamp(-clips["value_clip"], clips["value_clip"])
    worse = torch.maximum((new - returns).square(), (near_old - returns).square())
    return torch.maximum(-normal * ratio, -normal * clipped).mean(), 0.5 * worse.mean()


def test_ppo_loss_of_other_sequences() -> None:
    """Another length and dtype than before, and observations that are pictures."""
    network = kernels.Recurrent(16, inputs=6, outputs=3, generator=torch.Generator().manual_seed(7))
    loss_of, seen = kernels.PPOLoss(network, (2,)), torch.randint(9, (8, 4, 2, 3), dtype=torch.uint8)
    for steps, observations in ((8, seen), (5, seen[:5]), (5, seen[:5].float())):
        played = {name: torch.zeros(steps, 4) for name in ("log_probs", "values")}
        played |= {"advantages": torch.arange(4.0).expand(steps, 4), "first_state": network.initial_state(4)}
        played |= {"ends": torch.zeros(steps, 4, dtype=torch.bool)}
        played |= {"actions": torch.zeros(steps, 4, 1, dtype=torch.int64)}
        loss, figures = loss_of(torch.arange(4), observations=observations, **played)
        outputs, _ = network(observations.flatten(2), network.initial_state(4))
        _, entropies = kernels.evaluate_categorical(outputs[..., :-1], played["actions"])
        near(torch.tensor(figures["entropy"]), entropies.mean())
        assert loss.requires_grad and torch.autograd.grad(loss, network.core)[0].any()


def test_gaussian_actions() -> None:
    means, log_std, scale = (
        torch.tensor([[0.5, -1.0]]).expand(20_000, 2),
        torch.tensor([-1.0, 0.3]),
        torch.tensor([2.0, 1.0]),
    )
    actions, log_probs = kernels.sample_gaussian(means, log_std, scale, generator=torch.Generator().manual_seed(1))
    exact = torch.distributions.Normal(means * scale, log_std.exp() * scale)
    near(log_probs, exact.log_prob(actions).sum(-1))
    torch.testing.assert_close(actions.mean(0), (means * scale)[0], rtol=0, atol=0.05)
    torch.testing.assert_close(actions.std(0), exact.stddev[0], rtol=0.03, atol=0)
    greedy, _ = kernels.sample_gaussian(means[:3], log_std, scale, greedy=True)
    assert torch.equal(greedy, (means * scale)[:3])


@pytest.mark.parametrize("clipped", [False, True])
def test_advantages(clipped: bool) -> None:
    random = torch.Generator().manual_seed(5)
    rewards, values, beyond, noise = (torch.randn(9, 6, generator=random) for _ in range(4))
    ends, last = torch.rand(9, 6, generator=random) < 0.2, torch.randn(6, generator=random)
    ratios = noise.exp() if clipped else None
    following = torch.where(ends, beyond, torch.cat([values[1:], last[None]]))
    clips = {"gamma": 0.9, "lam": 0.8, "ratios": ratios, "rho_clip": 0.9, "trace_clip": 1.1}
    wanted = advantage.advantages(rewards, values, following, ends.float(), **clips)  # type: ignore[arg-type]
    found = kernels.estimate_advantages(rewards, values, last, ends, final_values=beyond, **clips)  # type: ignore[arg-type]
    near(found, wanted)


def test_muon() -> None:
    """As the trainer's own, with gradients that torch makes from scratch each time; resumed from its saved state."""
    shapes = [(5, 3), (2, 8, 4)]
    mine = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes]
    right = [torch.nn.Parameter(torch.ones(shape)) for shape in shapes]
    muon = kernels.Muon([{"params": mine[:1]}, {"params": mine[1:], "lr": 0.2}], lr=0.1, weight_decay=0.5)
    exact = [optimizer.Muon([("it", p)], 0.87, weight_decay=0.5) for p in right]
    random = torch.Generator().manual_seed(0)
    for step in range(4):
        muon.zero_grad()
        for p, q in zip(mine, right, strict=True):
            p.grad = torch.randn(p.shape, generator=random)
            q.grad = p.grad.clone()
        muon.step()
        for one, rate in zip(exact, (0.1, 0.2), strict=True):
            one.step(rate, 0.0)
        for p, q in zip(mine, right, strict=True):
            near(p.detach(), q.detach())
        if step == 1:
            saved = copy.deepcopy(muon.state_dict())
            muon = kernels.Muon([{"params": mine[:1]}, {"params": mine[1:]}])
            muon.load_state_dict(saved)
