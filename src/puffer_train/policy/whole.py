"""A whole policy of the user's own: encoder, memory and heads are replaced; sampling, loss and optimizer stay.

The class is called with the environment's spec, has an attribute `state_size` (S, numbers remembered of a row, 0 for
none), and one method:

    forward(observations, state (N, S)) -> actions (N, K), value (N,), state (N, S)

for one time step. K is `spec.action.outputs`: logits of all choices, or the means of a Box in units of half its range.
With the distributional value head, the value is (N, V), the logits of its bins. Training calls it once for each time
step of a sequence, and once for all of them where nothing is remembered.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ConfigError, OwnCalls
from puffer_train.policy import own
from puffer_train.policy.cells import Resets
from puffer_train.policy.named_network import SETTING, find_network
from puffer_train.policy.network import Policy
from puffer_train.policy.observations import Observations


class WholePolicy(Policy):
    """A policy without encoder, core and head of ours."""

    def _build(self, spec: EnvironmentSpec, generator: torch.Generator) -> None:
        """Make and try the network."""
        self.front = None
        self.named = find_network(self.settings.network)
        self.net = own.make_module(self.named, spec, generator)
        size = getattr(self.net, "state_size", None)
        if type(size) is not int or size < 0:
            raise ConfigError(
                f"{SETTING} {self.named.name!r} takes a state: its attribute state_size, the numbers that it "
                f"remembers of a row, must be a whole number of at least 0; it is {size!r}."
            )
        self.state_size = size
        """S, the numbers that the network remembers of a row."""
        own.try_module(self.named.name, self.net, spec, self._shapes, state=size)

    def _shapes(self, rows: int) -> list[tuple[str, tuple[int | None, ...]]]:
        """Return the names and shapes of what the network returns."""
        value = (rows,) if self.value.outputs == 1 else (rows, self.value.outputs)
        return [("actions", (rows, self.spec.action.outputs)), ("value", value), ("state", (rows, self.state_size))]

    def identity(self) -> dict[str, Any]:
        """See `Policy.identity`."""
        about = super().identity()
        return about | {"network": own.network_identity(self.named, self.spec, 0, self.state_size)}

    def products(self) -> list[tuple[int, int]]:
        """See `Policy.products`."""
        return own.linear_products(self.net) or [(1, 1)]

    def initial_state(self, rows: int) -> Tensor:
        """See `Policy.initial_state`: zeros (1, rows, S)."""
        return self.action_scale.new_zeros(1, rows, self.state_size)

    def next(self, observations: Observations, state: Tensor) -> tuple[Tensor, Tensor]:
        """See `Policy.next`."""
        output, after = self._one_step(observations, state[0])
        return output.T.contiguous(), after.unsqueeze(0)

    def forward(self, observations: Tensor, state: Tensor, keep: Tensor | None = None) -> Tensor:
        """See `Policy.forward`."""
        time, rows = observations.shape[:2]
        if self.state_size == 0:
            output, _ = self._one_step(observations, state.new_zeros(time * rows, 0))
            return output.T.reshape(-1, time, rows)
        resets, now, outputs = Resets(keep), state[0], []
        for t in range(time):
            output, now = self._one_step(observations[t], resets.apply(now, t))
            outputs.append(output)
        return torch.stack(outputs).permute(2, 0, 1).contiguous()

    def _one_step(self, observations: Observations, state: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs (N, K + V) and the next state (N, S) for observations (..., *shape) and a state (N, S)."""
        _, rows = own.as_rows(observations, self.spec)
        with OwnCalls(SETTING, self.named.name):
            actions, value, after = self.net(rows, state)
        for found, (what, shape) in zip((actions, value, after), self._shapes(state.shape[0]), strict=True):
            if found.shape != shape:
                raise own.wrong_shape(self.named.name, what, found.shape, shape)
        return torch.cat([actions, value.reshape(actions.shape[0], -1)], 1), after
