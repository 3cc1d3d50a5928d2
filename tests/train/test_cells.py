"""The recurrent layers against NumPy in double precision, against autograd, and the LSTM against torch's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from puffer_train.policy.cells import CELLS, LSTM, Cell, MinGRU, Resets

Array = NDArray[np.float64]
ROWS, HIDDEN = 5, 4


def randn(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(cell: Cell, time: int, resets: bool) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs (T, B, H), matrix, first state, and where it is kept (T, B)."""
    keep = (randn(time, ROWS, seed=5) > -0.5).double() if resets else torch.ones(time, ROWS, dtype=torch.float64)
    assert (keep == 0).any() == resets
    weight = randn(*cell.weight_shape(HIDDEN), seed=2)
    return randn(time, ROWS, HIDDEN, seed=1), weight, randn(ROWS, cell.state_size(HIDDEN), seed=3), keep


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def numpy_mingru(x: Array, state: Array, weight: Array) -> tuple[Array, Array]:
    """One step as the formulas have it: the output and the next state."""
    h, g, p = np.split(x @ weight.T, 3, axis=1)
    candidate = np.where(h >= 0, h + 0.5, sigmoid(h))
    state = (1 - sigmoid(g)) * state + sigmoid(g) * candidate
    return sigmoid(p) * state + (1 - sigmoid(p)) * x, state


def numpy_lstm(x: Array, state: Array, weight: Array) -> tuple[Array, Array]:
    """One step as the formulas have it: the output and the next state."""
    h, c = np.split(state, 2, axis=1)
    i, f, g, o = np.split(np.concatenate([x, h], axis=1) @ weight.T, 4, axis=1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, np.concatenate([h, c], axis=1)


REFERENCES: dict[str, Callable[[Array, Array, Array], tuple[Array, Array]]] = {
    "mingru": numpy_mingru,
    "lstm": numpy_lstm,
}


def numpy_sequence(name: str, x: Array, weight: Array, state: Array, keep: Array) -> Array:
    outputs = []
    for t in range(len(x)):
        output, state = REFERENCES[name](x[t], state * keep[t, :, None], weight)
        outputs.append(output)
    return np.stack(outputs)


def torch_sequence(name: str, x: Tensor, weight: Tensor, state: Tensor, keep: Tensor) -> Tensor:
    """The definition, step by step, in operations that autograd follows."""
    outputs = []
    for t in range(len(x)):
        state = state * keep[t].unsqueeze(-1)
        if name == "mingru":
            h, g, p = (x[t] @ weight.T).chunk(3, -1)
            candidate = torch.where(h >= 0, h + 0.5, h.sigmoid())
            state = (1 - g.sigmoid()) * state + g.sigmoid() * candidate
            outputs.append(p.sigmoid() * state + (1 - p.sigmoid()) * x[t])
        else:
            h, c = state.chunk(2, -1)
            i, f, g, o = (torch.cat([x[t], h], -1) @ weight.T).chunk(4, -1)
            c = (f + 1).sigmoid() * c + i.sigmoid() * g.tanh()
            outputs.append(o.sigmoid() * c.tanh())
            state = torch.cat([outputs[-1], c], -1)
    return torch.stack(outputs)


def masked_everywhere(keep: Tensor) -> Resets:
    """What a GPU gets: every step is masked, none is looked at."""
    resets = Resets(keep)
    resets.steps = range(len(keep))
    return resets


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("time", [1, 2, 17])
@pytest.mark.parametrize("name", CELLS)
def test_sequences_equal_the_formulas_in_numpy(name: str, time: int, resets: bool) -> None:
    x, weight, state, keep = drawn(CELLS[name], time, resets)
    wanted = numpy_sequence(name, x.numpy(), weight.numpy(), state.numpy(), keep.numpy())
    for way in (Resets(keep), masked_everywhere(keep), *([] if resets else [Resets(None)])):
        found = CELLS[name].sequence(x, state.clone(), weight, way)
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("time", [1, 2, 17])
@pytest.mark.parametrize("name", CELLS)
def test_gradients_equal_those_of_the_plain_loop(name: str, time: int, resets: bool) -> None:
    x, weight, state, keep = drawn(CELLS[name], time, resets)
    weights = randn(time, ROWS, HIDDEN, seed=4)
    gradients = []
    for run in (
        lambda x, weight: torch_sequence(name, x, weight, state, keep),
        lambda x, weight: CELLS[name].sequence(x, state, weight, Resets(keep)),
        lambda x, weight: CELLS[name].sequence(x, state, weight, masked_everywhere(keep)),
    ):
        inputs = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
        (run(*inputs) * weights).sum().backward()
        gradients.append([i.grad for i in inputs])
    plain, *mine = gradients
    for found in mine:
        torch.testing.assert_close(found, plain, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_gradients_equal_differences_of_the_numpy_formulas(name: str) -> None:
    time, small = 6, 1e-6
    x, weight, state, keep = drawn(CELLS[name], time, True)
    weights = randn(time, ROWS, HIDDEN, seed=4)
    inputs = [x.clone().requires_grad_(), weight.clone().requires_grad_()]
    (CELLS[name].sequence(inputs[0], state, inputs[1], Resets(keep)) * weights).sum().backward()

    def loss(x: Array, weight: Array) -> float:
        return float((numpy_sequence(name, x, weight, state.numpy(), keep.numpy()) * weights.numpy()).sum())

    values = [x.numpy().copy(), weight.numpy().copy()]
    for value, given in zip(values, inputs, strict=True):
        assert given.grad is not None
        for index in np.ndindex(*value.shape):
            before = value[index]
            value[index] = before + small
            above = loss(*values)
            value[index] = before - small
            below = loss(*values)
            value[index] = before
            assert given.grad[index].item() == pytest.approx((above - below) / (2 * small), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", CELLS)
def test_steps_are_the_sequence_and_update_the_state(name: str) -> None:
    cell, time = CELLS[name], 9
    x, weight, state, keep = drawn(cell, time, True)
    wanted = cell.sequence(x, state.clone(), weight, Resets(keep))
    for t in range(time):
        state.mul_(keep[t].unsqueeze(-1))
        reference = REFERENCES[name](x[t].numpy(), state.numpy().copy(), weight.numpy())
        found = cell.step(x[t], state, weight)
        torch.testing.assert_close(found, wanted[t], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(state.numpy(), reference[1], rtol=1e-12, atol=1e-12)
    first = found.clone()
    cell.step(x[0], state, weight)
    assert torch.equal(found, first), "an output does not change with the next step"


def test_lstm_equals_torch() -> None:
    """torch.nn.LSTMCell with a bias of 1 at the forget gate, and gates in the same order."""
    x, weight, state, _ = drawn(LSTM(), 7, False)
    theirs = torch.nn.LSTMCell(HIDDEN, HIDDEN, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight_ih.copy_(weight[:, :HIDDEN])
        theirs.weight_hh.copy_(weight[:, HIDDEN:])
        theirs.bias_ih.zero_()
        theirs.bias_hh.zero_()
        theirs.bias_ih[HIDDEN : 2 * HIDDEN] = 1
        wanted, (h, c) = [], (state[:, :HIDDEN], state[:, HIDDEN:])
        for t in range(len(x)):
            h, c = theirs(x[t], (h, c))
            wanted.append(h)
        torch.testing.assert_close(LSTM().sequence(x, state, weight, Resets(None)), torch.stack(wanted))


@pytest.mark.parametrize("cell", [MinGRU(), LSTM()])
def test_large_gates_stay_finite(cell: Cell) -> None:
    x = torch.tensor([[1e4], [-1e4]]).expand(3, 2, HIDDEN).clone().requires_grad_()
    weight = torch.ones(cell.weight_shape(HIDDEN), requires_grad=True)
    output = cell.sequence(x, torch.zeros(2, cell.state_size(HIDDEN)), weight, Resets(None))
    output.sum().backward()
    for tensor in (output, x.grad, weight.grad):
        assert tensor is not None and torch.isfinite(tensor).all()


def test_only_the_steps_with_a_new_episode_are_masked() -> None:
    keep = torch.ones(5, 3)
    keep[3, 1] = 0
    resets = Resets(keep)
    assert list(resets.steps) == [3]
    state = torch.ones(3, 2)
    assert resets.apply(state, 2) is state
    assert resets.apply(state, 3).tolist() == [[1, 1], [0, 0], [1, 1]]
    for way in (resets, masked_everywhere(keep)):
        states = torch.ones(5, 3, 2)
        way.apply_to_all(states)
        assert states.sum().item() == 28 and states[3, 1].sum().item() == 0
