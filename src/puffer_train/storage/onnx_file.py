"""Policies as ONNX files, which engines without Python can run: one time step, the state going in and coming out.

Inputs: `observation` (rows, *shape), or `observation.NAME` (rows, *field shape) for each named field; and `state`
(L, rows, S), zeros at the start of an episode, unless the policy remembers nothing.

Outputs: `action`, the likeliest one, as the environment takes it; `logits` (rows, K), or `mean` (rows, k) and `std`
(k,) in the environment's units; `value` (rows,); `next_state`. Action masks and drawing at random are left to the
program that runs it. The metadata hold what a policy file says about itself.

The graph is torch's own export of `Policy.next`, so every policy can be exported. Before a file is written,
onnxruntime runs it on made-up and on real observations and must agree with torch.
"""

from __future__ import annotations

import json
import logging
import math
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from puffer_envs.contract.files import write_atomically
from puffer_train.errors import CodeFailedError, ConfigError
from puffer_train.policy import Policy
from puffer_train.policy.observations import Observations, named_fields
from puffer_train.policy.own import made_up
from puffer_train.storage.files import storing
from puffer_train.storage.policy_file import EnvironmentIdentity, describe_policy

FORMAT = "puffer-onnx-1"
"""Changes with the names, shapes or meaning of inputs and outputs; in the metadata."""

OPSET = 18
"""Version of ONNX's operators: understood by onnxruntime since 1.14."""

TOLERANCE = 1e-3
"""Largest difference to torch, relative to outputs larger than 1. Rounding alone makes 1e-7, of pictures up to 1e-4."""

TRIED_ROWS = 64
"""Rows of the made-up observations that a file is tried on."""

TRACED_ROWS = 2
"""Rows of the observations that the graph is traced with; it takes any number."""

Pair = tuple[Tensor, Tensor]
"""Observations (rows, *shape) and the state (L, rows, S) in which they were seen."""


@dataclass(frozen=True)
class Parity:
    """How well an exported policy agrees with torch."""

    rows: int
    """Observations compared."""
    difference: float
    """Largest difference of an output, relative to outputs larger than 1."""


def write_onnx(path: Path, policy: Policy, environment: EnvironmentIdentity, seen: Iterable[Pair] = ()) -> Parity:
    """Write a policy as an ONNX file, whole or not at all, after comparing it with torch.

    Args:
        path: The file.
        policy: The policy, on the processor.
        environment: Which environment it was trained in.
        seen: Real observations to compare on, besides made-up ones.

    Raises:
        ConfigError: The network cannot be exported, or the outputs differ by more than `TOLERANCE`.
        StorageError: The file cannot be written.
    """
    import onnx  # noqa: PLC0415 - an extra

    graph = OneStep(policy)
    model = _export(graph, policy)
    for key, text in (("format", FORMAT), ("policy", json.dumps(describe_policy(policy, environment).as_json()))):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, text
    onnx.checker.check_model(model)
    data = model.SerializeToString(deterministic=True)
    parity = _compare(data, graph, [*_made_up(policy), *seen])
    if not parity.difference <= TOLERANCE:
        raise ConfigError(
            f"{path} was not written: onnxruntime and torch differ by {parity.difference:.2g}, more than "
            f"{TOLERANCE:g}. Does the network do something that depends on the rows beside, or on chance?"
        )
    with storing(path):
        write_atomically(path, data)
    return parity


class OneStep(nn.Module):
    """A time step of a policy, from the inputs of the ONNX file to its outputs."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.policy, spec = policy, policy.spec
        self.fields = [field.name for field in spec.observation_fields]
        self.remembers = policy.initial_state(1).numel() > 0
        """Whether there is a state."""
        names = [f"observation.{name}" for name in self.fields] or ["observation"]
        self.inputs = [*names, *(["state"] if self.remembers else [])]
        """Names of the inputs."""
        kind = ["logits"] if spec.action.kind == "discrete" else ["mean", "std"]
        self.outputs = ["action", *kind, "value", *(["next_state"] if self.remembers else [])]
        """Names of the outputs."""

    def arguments(self, observations: Tensor, state: Tensor) -> tuple[Tensor, ...]:
        """Return the inputs for observations (rows, *shape) and a state (L, rows, S)."""
        named = named_fields(observations, self.policy.spec.observation_fields)
        return (*(named.values() if named else [observations]), *([state] if self.remembers else []))

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs."""
        policy, action = self.policy, self.policy.spec.action
        observations: Observations = dict(zip(self.fields, inputs, strict=False)) if self.fields else inputs[0]
        state = inputs[-1] if self.remembers else policy.initial_state(inputs[0].shape[0])
        output, after = policy.next(observations, state)
        values = policy.values(output)
        if action.kind == "discrete":
            chosen = policy.sample_actions(output, None).to(torch.int32)
            results: tuple[Tensor, ...] = (chosen if action.row_shape else chosen[:, 0], output[: action.outputs].T)
        else:
            assert policy.log_std is not None
            mean = policy.sample_actions(output, None) + policy.action_centre
            low, high = torch.tensor(action.low), torch.tensor(action.high)
            results = (mean.clamp(low, high), mean, policy.log_std.exp() * policy.action_scale)
        return (*results, values, *([after] if self.remembers else []))


def _export(graph: OneStep, policy: Policy) -> Any:
    """Return the ONNX model."""
    inputs = graph.arguments(made_up(policy.spec, TRACED_ROWS), policy.initial_state(TRACED_ROWS))
    rows = torch.export.Dim("rows", min=1)
    axes = tuple({1 if name == "state" else 0: rows} for name in graph.inputs)
    with _quiet(), torch.no_grad(), _frozen(policy):
        try:
            program = torch.export.export(graph, inputs, dynamic_shapes=(axes,), strict=False)
            exported = torch.onnx.export(
                program,
                inputs,
                dynamo=True,
                opset_version=OPSET,
                input_names=graph.inputs,
                output_names=graph.outputs,
                verbose=False,
            )
        except ModuleNotFoundError:
            raise
        except Exception as error:  # torch's exporter raises whatever it meets
            raise _refusal(error) from error
    assert exported is not None
    model = exported.model_proto
    for node in model.graph.node:
        node.ClearField("metadata_props")  # where in torch's sources it came from
        node.ClearField("doc_string")
    for value in [*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer]:
        value.ClearField("metadata_props")
    model.graph.ClearField("metadata_props")
    return model


def _refusal(error: Exception) -> ConfigError:
    """Return in a sentence why torch cannot export a policy."""
    cause = error.__cause__ if isinstance(error, CodeFailedError) else error
    text = str(cause)
    if "Constraints violated (rows)" in text:
        why = "it takes the number of rows for a constant: write x.shape[0] for len(x)"
    elif "data-dependent" in text:
        why = "it branches on the value of a tensor, which a graph cannot: use torch.where"
    else:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        why = f"torch.export says: {(lines or [type(cause).__name__])[0].rstrip('.')}"
    return ConfigError(f"the policy cannot be exported to ONNX: {why}.")


@contextmanager
def _frozen(policy: Policy) -> Iterator[None]:
    """A context in which no weight needs a gradient."""
    before = {parameter: parameter.requires_grad for parameter in policy.parameters()}
    policy.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, needed in before.items():
            parameter.requires_grad_(needed)


@contextmanager
def _quiet() -> Iterator[None]:
    """A context without the exporter's remarks about packages that it would also know."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


# -- comparing ---------------------------------------------------------------------------------------------


def _made_up(policy: Policy) -> Iterator[Pair]:
    """Yield made-up observations, with the state at the start and with that after a few steps."""
    state = policy.initial_state(TRIED_ROWS)
    for seed in range(4):
        observations = made_up(policy.spec, TRIED_ROWS, seed)
        yield observations, state.clone()
        policy.step(observations, state)


@torch.no_grad()
def _compare(model: bytes, graph: OneStep, pairs: Iterable[Pair]) -> Parity:
    """Run the model and the policy on the same observations and states."""
    import onnxruntime  # noqa: PLC0415 - an extra

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    rows, difference = 0, 0.0
    for observations, state in pairs:
        inputs = graph.arguments(observations, state)
        given = {name: tensor.numpy() for name, tensor in zip(graph.inputs, inputs, strict=True)}
        found = dict(zip(graph.outputs, session.run(graph.outputs, given), strict=True))
        wanted = dict(zip(graph.outputs, graph(*inputs), strict=True))
        numbers = [name for name in graph.outputs if name != "action"]  # the larger of two equal logits is chance
        difference = max(difference, *(_difference(found[name], wanted[name].numpy()) for name in numbers))
        rows += len(observations)
    return Parity(rows, difference)


def _difference(found: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Return the largest difference, relative to numbers larger than 1; infinity for another shape or a NaN."""
    if found.shape != wanted.shape or found.dtype != wanted.dtype:
        return math.inf
    apart = np.abs(found - wanted) / np.maximum(1, np.abs(wanted))
    return float(np.nan_to_num(apart, nan=math.inf).max(initial=0.0))
