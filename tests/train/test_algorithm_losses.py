"""Losses, what is reported about them, and their gradients, against NumPy; and NumPy's own gradients by differences."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import references
import torch
from numpy.typing import NDArray

from puffer_envs.contract.actions import ActionSpec
from puffer_train.algorithm.loss import Played, ppo_loss
from puffer_train.config import PolicySettings, TrainSettings
from puffer_train.contract import EnvironmentSpec
from puffer_train.policy import MinGRUScan, Policy, Resets

TIME, ROWS = 5, 7

DISCRETE = ActionSpec("discrete", (4,), ())
SEVERAL = ActionSpec("discrete", (2, 4, 3), (3,))
BOX = ActionSpec("box", (2,), (2,), (-3.0, -2.0), (3.0, 2.0))
HALF_RANGE = np.array([3.0, 2.0])

CLIPPED = TrainSettings(clip=0.2, value_clip=0.3, value_coefficient=0.7, entropy_coefficient=0.05)
"""Tight enough that many ratios and values of random batches leave the limits."""

SETTINGS = {
    "clipped": CLIPPED,
    "wide": TrainSettings(),
    "values free": replace(CLIPPED, value_clip=0.0),
    "advantages as they are": replace(CLIPPED, normalize_advantages=False),
}


class Case:
    """A random minibatch and what the policy now says about it."""

    def __init__(self, action: ActionSpec, *, masked: bool = False, absent: bool = False) -> None:
        spec = EnvironmentSpec(ROWS, ROWS, (3,), "float32", (1.0,) * 3, action)
        self.policy = Policy(spec, PolicySettings(hidden=8, layers=2), torch.Generator().manual_seed(5))
        self.action, generator = action, np.random.default_rng(11)
        self.output = generator.normal(size=(action.outputs + 1, TIME, ROWS)).astype(np.float32)
        self.log_std = np.array([-0.4, 0.3], np.float32)
        self.masks = None
        if masked:
            self.masks = generator.random((TIME, ROWS, action.outputs)) < 0.6
            self.masks[..., np.cumsum(action.sizes) - 1] = True
        self.actions = self.allowed_actions(generator)
        self.batch = references.Batch(
            log_probs=np.zeros((TIME, ROWS)),
            values=generator.normal(size=(TIME, ROWS)),
            advantages=generator.normal(size=(TIME, ROWS)) + 0.5,
            importance=generator.uniform(0.5, 2, ROWS),
            present=(generator.random((TIME, ROWS)) < 0.7).astype(np.float64) if absent else np.ones((TIME, ROWS)),
        )
        now = self.distribution(self.output, self.log_std).log_prob
        self.batch.log_probs = now + 0.3 * generator.normal(size=now.shape)
        self.absent = absent

    def allowed_actions(self, generator: np.random.Generator) -> NDArray[Any]:
        if self.action.kind == "box":
            return generator.normal(size=(TIME, ROWS, 2)).astype(np.float32)
        columns, start = [], 0
        for size in self.action.sizes:
            weight = generator.random((TIME, ROWS, size))
            if self.masks is not None:
                weight *= self.masks[..., start : start + size]
            columns.append(weight.argmax(-1))
            start += size
        return np.stack(columns, -1)

    def distribution(self, output: NDArray[Any], log_std: NDArray[Any]) -> references.Actions:
        logits = output[:-1].astype(np.float64)
        if self.action.kind == "box":
            return references.gaussian(logits, log_std.astype(np.float64), self.actions, HALF_RANGE)
        return references.categorical(logits, self.actions, self.action.sizes, self.masks)

    def wanted(self, train: TrainSettings) -> tuple[dict[str, float], references.Array, references.Array]:
        now = self.distribution(self.output, self.log_std)
        return references.ppo(now, self.output[-1].astype(np.float64), self.batch, train)

    def found(self, train: TrainSettings) -> tuple[dict[str, float], torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Return figures, the gradients by the output and by log_std, and the ratios, as the trainer computes them."""

        def tensor(array: NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(array.astype(np.float32))

        minibatch = Played(
            actions=torch.from_numpy(self.actions),
            masks=None if self.masks is None else torch.from_numpy(self.masks),
            present=tensor(self.batch.present) if self.absent else None,
            log_probs=tensor(self.batch.log_probs),
            values=tensor(self.batch.values),
            advantages=tensor(self.batch.advantages),
            importance=tensor(self.batch.importance),
        )
        if self.policy.log_std is not None:
            self.policy.log_std.data.copy_(torch.from_numpy(self.log_std))
        output = torch.from_numpy(self.output.copy()).requires_grad_()
        loss, figures, ratio = ppo_loss(output, minibatch, self.policy, train)
        loss.backward()
        assert output.grad is not None
        return figures, output.grad, None if self.policy.log_std is None else self.policy.log_std.grad, ratio


CASES = {
    "discrete": (DISCRETE, {}),
    "several": (SEVERAL, {}),
    "masked": (SEVERAL, {"masked": True}),
    "absent": (DISCRETE, {"absent": True, "masked": True}),
    "box": (BOX, {}),
}


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("case", CASES)
def test_losses_and_gradients_equal_their_formulas(case: str, settings: str) -> None:
    action, how = CASES[case]
    made, train = Case(action, **how), SETTINGS[settings]
    figures, d_output, d_value = made.wanted(train)
    found, found_gradient, found_log_std, ratio = made.found(train)
    if settings == "clipped":
        assert 0.1 < figures["clip_fraction"] < 0.9, "both sides of the limit are tried"
    for name, value in figures.items():
        assert found[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    means = action.outputs
    np.testing.assert_allclose(found_gradient[:-1], d_output[:means], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found_gradient[-1], d_value, rtol=1e-4, atol=1e-6)
    if found_log_std is not None:
        np.testing.assert_allclose(found_log_std, d_output[means:].sum((1, 2)), rtol=1e-4, atol=1e-6)
    now = made.distribution(made.output, made.log_std).log_prob
    np.testing.assert_allclose(ratio, np.exp(now - made.batch.log_probs), rtol=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_reference_gradients_are_those_of_the_reference_loss(case: str) -> None:
    action, how = CASES[case]
    made = Case(action, **how)
    output, log_std = made.output.astype(np.float64), made.log_std.astype(np.float64)

    def loss(output: references.Array, log_std: references.Array) -> float:
        return references.ppo(made.distribution(output, log_std), output[-1], made.batch, CLIPPED)[0]["loss"]

    _, d_output, d_value = made.wanted(CLIPPED)
    by_output = references.numeric_gradient(lambda x: loss(x, log_std), output)
    np.testing.assert_allclose(np.concatenate([d_output[: action.outputs], d_value[None]]), by_output, atol=1e-8)
    if action.kind == "box":
        by_log_std = references.numeric_gradient(lambda x: loss(output, x), log_std)
        np.testing.assert_allclose(d_output[action.outputs :].sum((1, 2)), by_log_std, atol=1e-8)


# -- the scan ----------------------------------------------------------------------------------------------


class Scan:
    """A random MinGRU layer after its multiplication."""

    def __init__(self, time: int, *, resets: bool, large: float = 1.0) -> None:
        generator, rows, hidden = np.random.default_rng(time), 3, 4
        self.z = generator.normal(size=(time, rows, 3 * hidden)) * large
        self.x, self.weight = generator.normal(size=(2, time, rows, hidden))
        self.state = generator.normal(size=(rows, hidden))
        self.keep = (generator.random((time, rows)) < 0.7).astype(np.float64) if resets else np.ones((time, rows))


@pytest.mark.parametrize("resets", [False, True])
def test_reference_scan_gradients_are_those_of_the_reference_scan(resets: bool) -> None:
    scan = Scan(6, resets=resets)
    d_z, d_x = references.mingru_gradient(scan.z, scan.x, scan.state, scan.keep, scan.weight)

    def total(z: references.Array, x: references.Array) -> float:
        return float((references.mingru(z, x, scan.state, scan.keep)[0] * scan.weight).sum())

    np.testing.assert_allclose(d_z, references.numeric_gradient(lambda z: total(z, scan.x), scan.z), atol=1e-8)
    np.testing.assert_allclose(d_x, references.numeric_gradient(lambda x: total(scan.z, x), scan.x), atol=1e-8)


@pytest.mark.parametrize("cell", references.CELLS)
@pytest.mark.parametrize("resets", [False, True])
def test_reference_layer_gradients_are_those_of_the_reference_layers(cell: str, resets: bool) -> None:
    forward, gradient = references.CELLS[cell]
    scan, generator = Scan(5, resets=resets), np.random.default_rng(2)
    lstm = cell == "lstm"
    weight = generator.normal(size=(16, 8) if lstm else (12, 4)) / 2
    state = generator.normal(size=(3, 8 if lstm else 4))
    d_x, d_weight = gradient(scan.x, weight, state, scan.keep, scan.weight)

    def total(x: references.Array, weight: references.Array) -> float:
        return float((forward(x, weight, state, scan.keep)[0] * scan.weight).sum())

    np.testing.assert_allclose(d_x, references.numeric_gradient(lambda x: total(x, weight), scan.x), atol=1e-7)
    np.testing.assert_allclose(d_weight, references.numeric_gradient(lambda w: total(scan.x, w), weight), atol=1e-7)


@pytest.mark.parametrize("large", [1.0, 30.0])
@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("time", [1, 2, 64])
def test_scan_and_its_gradient_equal_their_formulas(time: int, resets: bool, large: float) -> None:
    """Also where gates are all open or shut."""
    scan = Scan(time, resets=resets, large=large)
    z, x = (torch.from_numpy(array.astype(np.float32)).requires_grad_() for array in (scan.z, scan.x))
    resetting = Resets(torch.from_numpy(scan.keep.astype(np.float32)))
    output = MinGRUScan.apply(z, x, torch.from_numpy(scan.state.astype(np.float32)), resetting)  # type: ignore[no-untyped-call]
    output.backward(torch.from_numpy(scan.weight.astype(np.float32)))
    wanted, _ = references.mingru(scan.z, scan.x, scan.state, scan.keep)
    d_z, d_x = references.mingru_gradient(scan.z, scan.x, scan.state, scan.keep, scan.weight)
    for found, right in ((output.detach(), wanted), (z.grad, d_z), (x.grad, d_x)):
        np.testing.assert_allclose(found, right, rtol=1e-4, atol=2e-5)
