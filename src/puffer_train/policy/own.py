"""A network of the user's own: made once, tried on made-up observations, and wrapped as the front of a policy.

The class is called with the environment's `EnvironmentSpec`. Its `forward(observations)` gets a batch of observations
(N, *shape), or a dictionary of named fields (N, *field shape), each in its own dtype, and returns features (N, F) in
float32. Encoder, recurrent layers and head follow. A class whose `forward(observations, state)` takes a state as well
is a whole policy: see `whole.py`.

What makes PPO fail without a word is found when the network is made: outputs that differ from call to call (dropout),
that mix the rows of a batch (batch normalisation), that change their input, or that no gradient reaches.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ConfigError, OwnCalls
from puffer_train.policy.named_network import SETTING, NamedNetwork, find_network
from puffer_train.policy.observations import Observations, named_fields

TRIED_ROWS = 3
"""Rows of the observations that a network is tried on."""

ROW_TOLERANCE = 1e-3
"""How far the outputs of a row may differ, relatively, when other rows are beside it: sums round differently."""


class OwnFront(nn.Module):
    """Maps observations (..., *shape) to the features (..., F) of a network of the user's own."""

    def __init__(self, spec: EnvironmentSpec, name: str, generator: torch.Generator) -> None:
        """Make and try the network called `name`.

        Raises:
            ConfigError: There is no such network, or what it returns is not what it must be.
            CodeFailedError: Its code raised.
        """
        super().__init__()
        self.spec, self.named = spec, find_network(name)
        self.net = make_module(self.named, spec, generator)
        (features,) = try_module(self.named.name, self.net, spec, lambda rows: [("features", (rows, None))])
        self.features = features.shape[1]
        """Numbers that come out, F."""

    def identity(self) -> dict[str, Any]:
        """Return what its weights depend on, as JSON values."""
        return {"network": network_identity(self.named, self.spec, self.features, 0)}

    def products(self) -> list[tuple[int, int]]:
        """Return the (inputs, outputs) of every matrix that rows are multiplied with."""
        return linear_products(self.net)

    def forward(self, observations: Observations) -> Tensor:
        """Return the features of observations (..., *shape): (..., F)."""
        batch, rows = as_rows(observations, self.spec)
        with OwnCalls(SETTING, self.named.name):
            features: Tensor = self.net(rows)
        wanted = (math.prod(batch), self.features)
        if features.shape != wanted:
            raise wrong_shape(self.named.name, "features", features.shape, wanted)
        return features.reshape(*batch, self.features)


def is_whole_policy(named: NamedNetwork) -> bool:
    """Whether a network is a whole policy rather than an encoder: its `forward` takes a state.

    Raises:
        ConfigError: `forward` takes something else.
    """
    names = list(inspect.signature(named.kind.forward).parameters)[1:]
    if len(names) not in (1, 2) or "kwargs" in names:
        raise ConfigError(
            f"{SETTING} {named.name!r} has forward({', '.join(['self', *names])}): it must take (self, "
            "observations), or (self, observations, state) where it replaces the whole policy."
        )
    return len(names) == 2


def make_module(named: NamedNetwork, spec: EnvironmentSpec, generator: torch.Generator) -> nn.Module:
    """Return a new module; its first weights are drawn from `generator`, and torch's own generator stays as it was."""
    seed = int(torch.randint(1 << 62, (1,), generator=generator))
    with torch.random.fork_rng(devices=[]), OwnCalls(SETTING, named.name):
        torch.default_generator.manual_seed(seed)
        module = named.kind(replace(spec, rows=1, envs=1))  # which rows there are is none of its business
    if any(isinstance(parameter, nn.UninitializedParameter) for parameter in module.parameters()):
        raise ConfigError(f"{SETTING} {named.name!r} has layers without a size: write it instead of nn.Lazy....")
    for name, tensor in module.state_dict().items():
        if tensor.dtype != torch.float32:
            raise ConfigError(
                f"{SETTING} {named.name!r} holds {name!r} in {tensor.dtype}: what is saved must be float32. "
                "Register a constant with register_buffer(..., persistent=False)."
            )
    for parameter in module.parameters():
        parameter.data = parameter.data.contiguous()
    return module


def network_identity(named: NamedNetwork, spec: EnvironmentSpec, features: int, state: int) -> dict[str, Any]:
    """Return what a policy file says about a network (`puffer_envs.contract.policy_info.NetworkInfo`)."""
    limits = None if spec.observation_range is None else list(spec.observation_range)
    about = {"name": named.name, "sha256": named.sha256, "features": features, "state": state}
    return about | {"observation_range": limits}


def linear_products(module: nn.Module) -> list[tuple[int, int]]:
    """Return the (inputs, outputs) of every linear layer."""
    return [(layer.in_features, layer.out_features) for layer in module.modules() if isinstance(layer, nn.Linear)]


def as_rows(observations: Observations, spec: EnvironmentSpec) -> tuple[torch.Size, Observations]:
    """Return the leading shape of observations (..., *shape), and what a network gets of them, with (N,) before it."""
    if isinstance(observations, dict):
        return next(iter(observations.values())).shape[:1], observations
    batch = observations.shape[: observations.ndim - len(spec.observation_shape)]
    rows = observations.reshape(-1, *spec.observation_shape)
    return batch, named_fields(rows, spec.observation_fields) if spec.observation_fields else rows


def made_up(spec: EnvironmentSpec, rows: int, seed: int = 0) -> Tensor:
    """Return observations (rows, *shape) of random numbers that the environment's spaces allow."""
    generator = np.random.default_rng(seed)
    shape = (rows, *spec.observation_shape)
    if spec.observation_fields:
        drawn = np.zeros(shape, np.uint8)
        for field in spec.observation_fields:
            place = field.read(drawn)
            if field.kind == "discrete":
                place[:] = generator.integers(0, field.choices, place.shape)
            elif field.dtype == "float32":
                place[:] = generator.uniform(-1, 1, place.shape)
            else:
                limits = np.iinfo(field.dtype)
                place[:] = generator.integers(max(limits.min, -1000), min(limits.max, 1000) + 1, place.shape)
        return torch.from_numpy(drawn)
    if spec.observation_range is not None:
        low, high = spec.observation_range
        return torch.from_numpy(generator.integers(low, high + 1, shape).astype(spec.observation_dtype))
    scale = np.array(spec.observation_scale, np.float32).reshape(spec.observation_shape)
    numbers = (generator.uniform(-1, 1, shape) / scale).astype(spec.observation_dtype)
    return torch.from_numpy(numbers)


# -- trying it ---------------------------------------------------------------------------------------------

Shapes = Callable[[int], list[tuple[str, tuple[int | None, ...]]]]
"""From a number of rows to the name and shape of each output; None stands for any size."""


def try_module(
    name: str, module: nn.Module, spec: EnvironmentSpec, shapes: Shapes, *, state: int | None = None
) -> tuple[Tensor, ...]:
    """Return the outputs for a few made-up observations, after checking all that can be checked of them.

    Args:
        name: Of the network, for errors.
        module: The network.
        spec: Of the environment.
        shapes: What the outputs must be.
        state: S, if it takes a state (N, S); None if it does not.

    Raises:
        ConfigError: An output is not a float32 tensor of its shape, not finite, not the same when asked again, or
            depends on the rows beside it; or the observations were changed, or no gradient would reach a parameter.
        CodeFailedError: The code raised.
    """
    seen = made_up(spec, TRIED_ROWS)
    before = seen.clone()
    kept = {key: tensor.clone() for key, tensor in module.state_dict().items()}

    def outputs(rows: Tensor) -> tuple[Tensor, ...]:
        more = () if state is None else (torch.full((len(rows), state), 0.5),)
        with OwnCalls(SETTING, name):
            found = module(as_rows(rows, spec)[1], *more)
        return _checked(name, found, shapes(len(rows)))

    with _own_random_numbers():
        first, again, others = outputs(seen), outputs(seen), outputs(seen[1:])
    if not torch.equal(seen, before):
        raise ConfigError(f"{SETTING} {name!r} changes the observations that it gets: it must copy them first.")
    if any(not torch.equal(kept[key], tensor) for key, tensor in module.state_dict().items()):
        raise ConfigError(
            f"{SETTING} {name!r} changes its own state when it is called (batch normalisation?): a policy must "
            "answer the same when it acts and when it learns. Use LayerNorm or GroupNorm."
        )
    what = [output for output, _ in shapes(TRIED_ROWS)]
    for output, one, other, fewer in zip(what, first, again, others, strict=True):
        if not torch.equal(one, other):
            raise ConfigError(
                f"{SETTING} {name!r} gives other {output} when it is asked again (dropout?): a policy must answer "
                "the same when it acts and when it learns."
            )
        slack = ROW_TOLERANCE * (1e-3 + float(one.detach().square().mean().sqrt())) if one.numel() else 0.0
        if not torch.allclose(one[1:], fewer, rtol=ROW_TOLERANCE, atol=slack):
            raise ConfigError(
                f"{SETTING} {name!r} gives a row other {output} when other rows are beside it: rows are different "
                "agents and must not be mixed. Use LayerNorm for BatchNorm, and keep the first dimension."
            )
    learns = any(parameter.requires_grad for parameter in module.parameters())
    if learns and not any(output.requires_grad for output in first):
        raise ConfigError(f"{SETTING} {name!r} cannot learn: no gradient reaches its parameters (no_grad, detach?).")
    return first


def _checked(name: str, found: Any, shapes: list[tuple[str, tuple[int | None, ...]]]) -> tuple[Tensor, ...]:
    """Return the outputs of a network as a tuple, each of the right kind."""
    outputs = found if isinstance(found, tuple) else (found,)
    if len(outputs) != len(shapes):
        wanted = ", ".join(what for what, _ in shapes)
        raise ConfigError(f"{SETTING} {name!r} returns {len(outputs)} things: it must return {wanted}.")
    for output, (what, shape) in zip(outputs, shapes, strict=True):
        if not isinstance(output, Tensor) or output.dtype != torch.float32:
            kind = output.dtype if isinstance(output, Tensor) else f"of type {type(output).__name__}"
            raise ConfigError(f"{SETTING} {name!r} returns {what} {kind}: they must be a tensor of float32.")
        same = output.ndim == len(shape) and all(
            size == wanted or (wanted is None and size > 0) for size, wanted in zip(output.shape, shape, strict=True)
        )
        if not same:
            raise wrong_shape(name, what, output.shape, shape)
        if not torch.isfinite(output).all():
            raise ConfigError(
                f"{SETTING} {name!r} returns {what} that are not finite for observations that its space allows."
            )
    return outputs


def wrong_shape(name: str, what: str, found: tuple[int, ...], wanted: tuple[int | None, ...]) -> ConfigError:
    """Return the error for an output of another shape than `wanted`, in which None stands for any size."""
    written = ", ".join("F" if size is None else str(size) for size in wanted)
    written += "," if len(wanted) == 1 else ""
    return ConfigError(
        f"{SETTING} {name!r} returns {what} of shape {tuple(found)} for {wanted[0]} observations: it must be "
        f"({written})."
    )


@contextmanager
def _own_random_numbers() -> Iterator[None]:
    """A context after which torch's own generator is where it was."""
    with torch.random.fork_rng(devices=[]):
        yield
