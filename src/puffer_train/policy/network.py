"""The policy: encoder -> recurrent layers -> head.

Outputs are laid out (outputs, ...) rather than (..., outputs): sums over the few choices of an action then
run along contiguous memory. Rows 0 to K-1 are logits or Gaussian means, the V rows after them are the value,
which `Policy.values` reads.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from puffer_envs.contract.observations import FieldSpec
from puffer_train.config import Normalize, PolicySettings
from puffer_train.contract import EnvironmentSpec
from puffer_train.policy.cells import CELLS, Resets
from puffer_train.policy.distributions import action_centre, action_distribution, action_scale
from puffer_train.policy.encoders import (
    Convolutions,
    FieldConvolutions,
    Front,
    choose_encoder,
    flat_inputs,
    make_front,
)
from puffer_train.policy.observations import Observations, observation_reader
from puffer_train.policy.own import OwnFront
from puffer_train.policy.values import VALUE_HEADS

FIRST_LOGIT_SCALE = 0.1
"""The action rows of the head start this much smaller, so that the first policy is nearly uniform."""

NETWORK_ENCODER = "network"
"""What a saved policy calls its encoder where that is the user's own network."""

FIRST_SPREAD = 0.5
"""Standard deviation of continuous actions at the start, as a fraction of half the allowed range."""


class Policy(nn.Module):
    """Maps observations and a recurrent state to action outputs and a value, for a fixed environment spec."""

    input_scale: Tensor
    input_mean: Tensor | None
    action_scale: Tensor
    action_centre: Tensor

    def __init__(
        self,
        spec: EnvironmentSpec,
        settings: PolicySettings,
        generator: torch.Generator,
        normalize: Normalize = "false",
    ) -> None:
        """Draw the first weights.

        Args:
            spec: Of the environment that it is for.
            settings: The kind of network, and its size.
            generator: What the weights are drawn from.
            normalize: Which observations `input_mean` and `input_scale` normalise: `train.normalize_observations`.

        Raises:
            ConfigError: The encoder cannot read such observations.
        """
        super().__init__()
        self.spec = spec
        encoder = "auto" if settings.network else choose_encoder(spec, settings.encoder)
        self.settings = replace(settings, encoder=encoder)
        """What it was made with; an encoder of `auto` is replaced by the one that was chosen, unless the network is
        the user's own."""
        self.hidden, self.layers = settings.hidden, settings.layers
        fields, scale, unbounded = _inputs(spec, self.settings)
        self.observations = observation_reader(spec, fields)
        chosen = {"auto": unbounded, "true": (True,) * len(scale), "false": (False,) * len(scale)}[normalize]
        self.normalized = [i for i in self.observations.float_inputs if scale and chosen[i]]
        """The inputs that are normalised. All numbers are then shifted by `input_mean` before `input_scale`
        multiplies them, and cut: `observations.scaled`."""
        mean = torch.zeros(len(scale)) if self.normalized else None
        self.register_buffer("input_mean", mean, persistent=bool(self.normalized))
        self.register_buffer("input_scale", torch.tensor(scale), persistent=bool(self.normalized))
        self.cell = CELLS[settings.cell]
        self.actions = action_distribution(spec.action)
        self.value = VALUE_HEADS[settings.value_head]
        self.outputs = spec.action.outputs + self.value.outputs
        """K + V, rows of the output."""
        self.register_buffer("action_scale", action_scale(spec.action), persistent=False)
        self.register_buffer("action_centre", action_centre(spec.action), persistent=False)
        self._build(spec, generator)
        self.log_std = (
            nn.Parameter(torch.full((spec.action.dimensions,), math.log(FIRST_SPREAD)))
            if spec.action.kind == "box"
            else None
        )

    def _build(self, spec: EnvironmentSpec, generator: torch.Generator) -> None:
        """Make what lies between observations and outputs, and draw its first weights."""

        def matrix(*shape: int) -> nn.Parameter:
            bound = 1 / math.sqrt(shape[-1])
            return nn.Parameter(torch.empty(shape).uniform_(-bound, bound, generator=generator))

        self.front = self._make_front(spec, generator)
        """Maps observations (..., *shape) to features (..., F); None where there are none."""
        features = 0 if self.front is None else self.front.features
        self.encoder = matrix(self.hidden, len(self.input_scale) + features)
        """What is multiplied: the observation's own numbers, scaled, and then the features."""
        self.core = matrix(self.layers, *self.cell.weight_shape(self.hidden))
        self.head = matrix(self.outputs, self.hidden)
        with torch.no_grad():
            self.head[: spec.action.outputs] *= FIRST_LOGIT_SCALE
            self.head[spec.action.outputs :] *= self.value.first_scale

    def _make_front(self, spec: EnvironmentSpec, generator: torch.Generator) -> Front | OwnFront | None:
        """Return what computes features."""
        if self.settings.network:
            return OwnFront(spec, self.settings.network, generator)
        return make_front(spec, self.settings.encoder, generator, self.settings.image)

    def identity(self) -> dict[str, Any]:
        """Return what its weights depend on besides the environment's spec, as JSON values."""
        return {
            "hidden": self.hidden,
            "layers": self.layers,
            "cell": self.settings.cell,
            "encoder": NETWORK_ENCODER if self.settings.network else self.settings.encoder,
            "value_head": self.settings.value_head,
            **({"action_centre": self.action_centre.tolist()} if self.action_centre.any() else {}),
            **({"normalized": True} if self.normalized else {}),
            **({} if self.front is None else self.front.identity()),
            **self.value.identity(),
        }

    def products(self) -> list[tuple[int, int]]:
        """Return the (inputs, outputs) of every matrix that rows are multiplied with."""
        first = self.observations.multiplied if self.front is None else self.encoder.shape[1]
        rows, columns = self.core.shape[1:]
        products = [(max(1, first), self.hidden), (columns, rows), (self.hidden, self.outputs)]
        return products if self.front is None else self.front.products() + products

    def initial_state(self, rows: int) -> Tensor:
        """Return the state at the start of an episode: zeros (layers, rows, S), S = `cell.state_size(hidden)`."""
        return self.head.new_zeros(self.layers, rows, self.cell.state_size(self.hidden))

    def step(self, observations: Tensor, state: Tensor) -> Tensor:
        """One time step for acting. observations (B, *shape); state (L, B, S) is updated in place.

        Returns (K + V, B). No gradient is recorded.
        """
        with torch.no_grad():
            output, after = self.next(observations, state)
            state.copy_(after)
            return output

    def next(self, observations: Observations, state: Tensor) -> tuple[Tensor, Tensor]:
        """One time step of observations (B, *shape), or their fields, from state (L, B, S): (K + V, B), next state."""
        x, after = self.encode(observations), []
        for weight, before in zip(self.core, state, strict=True):
            x, layer_state = self.cell.next(x, before, weight)
            after.append(layer_state)
        return self.head @ x.T, torch.stack(after) if after else state

    def saved_tensors(self) -> dict[str, Tensor]:
        """Return every weight, and every buffer that is part of the policy, by name."""
        kept = self.state_dict().keys()
        buffers = {name: buffer for name, buffer in self.named_buffers() if name in kept}
        return {name: parameter.detach() for name, parameter in self.named_parameters()} | buffers

    def forward(self, observations: Tensor, state: Tensor, keep: Tensor | None = None) -> Tensor:
        """Whole sequences for learning. observations (T, B, *shape), state (L, B, S) before the first step.

        keep (T, B) is 0 where the state is reset before that step because a new episode starts there, else 1;
        None keeps it throughout. Returns (K + V, T, B).
        """
        x = self.encode(observations)
        resets = Resets(keep)
        for weight, layer_state in zip(self.core, state, strict=True):
            x = self.cell.sequence(x, layer_state, weight, resets)
        time, rows, hidden = x.shape
        return (self.head @ x.reshape(time * rows, hidden).T).view(-1, time, rows)

    def values(self, output: Tensor) -> Tensor:
        """Return the values (...) that output (K + V, ...) stands for."""
        return self.value.decode(output[self.spec.action.outputs :])

    def sample_actions(self, output: Tensor, noise: Tensor | None, masks: Tensor | None = None) -> Tensor:
        """Draw actions (B, k) from output (K + V, B) and `actions.noise`; without noise the likeliest ones."""
        return self.actions.sample(output, noise, masks, self.log_std, self.action_scale)

    def evaluate_actions(self, output: Tensor, actions: Tensor, masks: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return log-probability and entropy, each (...), of actions (..., k) under output (K + V, ...)."""
        return self.actions.evaluate(output, actions, masks, self.log_std, self.action_scale)

    def check(self, observations: Tensor) -> None:
        """Raise `ContractError` if observations (..., *shape) hold a code or a cell that their space does not allow."""
        self.observations.check(observations)
        if isinstance(self.front, Convolutions | FieldConvolutions):
            self.front.check(observations)

    def encode(self, observations: Observations) -> Tensor:
        """Return what the first layer gets of observations (..., *shape): (..., H)."""
        own = len(self.input_scale)
        if self.front is None:
            return self.observations.encode(observations, self.encoder, self.input_scale, self.input_mean)
        x = nn.functional.linear(self.front(observations), self.encoder[:, own:])
        if own == 0:
            return x
        return x + self.observations.encode(observations, self.encoder[:, :own], self.input_scale, self.input_mean)


def _inputs(
    spec: EnvironmentSpec, settings: PolicySettings
) -> tuple[list[FieldSpec], tuple[float, ...], tuple[bool, ...]]:
    """Return `flat_inputs`, or, for a network of the user's own, all fields and no inputs."""
    if settings.network:
        return list(spec.observation_fields), (), ()
    return flat_inputs(spec, settings.encoder)
