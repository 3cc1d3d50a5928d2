"""Recurrent layers whose walk through time is one kernel: the same numbers as `policy.cells`."""

from __future__ import annotations

from torch import Tensor, nn

from puffer_train.learners.cuda import operations
from puffer_train.policy.cells import LSTM, Cell, MinGRU, Resets


class FusedMinGRU(MinGRU):
    """Gates, recursion and mixing with the input happen in registers."""

    def step(self, x: Tensor, state: Tensor, weight: Tensor) -> Tensor:
        """See `Cell.step`."""
        return operations.mingru_step(x @ weight.T, x, state)

    def sequence(self, x: Tensor, first_state: Tensor, weight: Tensor, resets: Resets) -> Tensor:
        """See `Cell.sequence`."""
        return operations.mingru_scan(nn.functional.linear(x, weight), x, first_state, resets.keep)


class FusedLSTM(LSTM):
    """The multiplication with the last output, and all that follows it, happen in one kernel for all time steps."""

    def step(self, x: Tensor, state: Tensor, weight: Tensor) -> Tensor:
        """See `Cell.step`."""
        for_x, for_h = weight.chunk(2, -1)
        return operations.lstm_step(x @ for_x.T, for_h, state)

    def sequence(self, x: Tensor, first_state: Tensor, weight: Tensor, resets: Resets) -> Tensor:
        """See `Cell.sequence`."""
        for_x, for_h = weight.chunk(2, -1)
        return operations.lstm_scan(nn.functional.linear(x, for_x), for_h, first_state, resets.keep)


FUSED: dict[str, Cell] = {"mingru": FusedMinGRU(), "lstm": FusedLSTM()}
