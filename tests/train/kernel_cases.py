"""Networks and rollouts of every kind that the kernels know, drawn at random, and who computes with them.

The reference is torch in double precision: what it and the kernels differ by is the kernels' own rounding.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from puffer_envs.contract.actions import ActionSpec
from puffer_envs.contract.observations import FieldSpec
from puffer_train import _kernels
from puffer_train.algorithm.buffers import Buffers
from puffer_train.config import PolicySettings, TrainSettings
from puffer_train.contract import EnvironmentSpec
from puffer_train.learners import kernels as kernel_learner
from puffer_train.learners.kernels import KernelLearner
from puffer_train.learners.torch import TorchLearner
from puffer_train.policy import Policy, cells

FUSED = _kernels.fused_isas()
"""Instruction sets with fused multiply-adds: they agree to the bit."""


FIELDS = "fields"
"""The dtype of observations that are rows of bytes, which hold amounts and codes."""

PLANES: dict[str, list[tuple[str, tuple[int, ...], str, tuple[int, int]]]] = {
    "grid": [("grid", (5, 7), "uint8", (0, 3))],
    "grid of channels": [("grid", (4, 3, 2), "int8", (-2, 2))],
    "large grid": [("grid", (17, 16, 2), "uint8", (0, 4))],
    "embedding": [("embedding", (6, 5, 3), "uint8", (0, 80))],
    "large embedding": [("embedding", (16, 18), "int32", (-100, 200))],
    "image": [("image", (36, 41, 3), "uint8", (0, 255))],
    "channels first": [("image", (2, 40, 36), "uint8", (0, 255))],
    "gray": [("image", (36, 36), "uint8", (0, 255))],
    "fields and planes": [
        ("grid", (5, 6), "uint8", (1, 4)),
        ("embedding", (5, 5, 2), "float32", (-3, 90)),
        ("image", (36, 36), "uint8", (0, 255)),
        ("grid", (6, 5, 2), "int32", (-1, 6)),
    ],
}
"""Observations with convolutions: what each array is read as, its shape, its dtype, its least and greatest number."""


@dataclass(frozen=True)
class Shape:
    """What the kernels are compiled to handle any of."""

    cell: str = "mingru"
    hidden: int = 16
    layers: int = 1
    inputs: int = 3
    horizon: int = 8
    rows: int = 12
    kind: str = "discrete"
    sizes: tuple[int, ...] = (3,)
    dtype: str = "float32"
    masked: bool = False
    deserted: bool = False
    normalized: bool = False
    value_head: str = "scalar"
    planes: str = ""
    """Of `PLANES`; there are other fields only if it has several. Instead of `dtype`."""

    @property
    def action(self) -> ActionSpec:
        if self.kind == "discrete":
            return ActionSpec("discrete", self.sizes, (len(self.sizes),))
        high = tuple(0.5 + i for i in range(self.sizes[0]))
        return ActionSpec("box", self.sizes, self.sizes, tuple(-x for x in high), high)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """All that the issue of kernels is about; sizes that are multiples of nothing are as likely as others."""
    kind = draw(st.sampled_from(["discrete", "discrete", "box"]))
    sizes = st.lists(st.integers(1, 20), min_size=1, max_size=4).map(tuple)
    layers, horizon = draw(st.integers(1, 4)), draw(st.integers(1, 70))
    return Shape(
        cell=draw(st.sampled_from(["mingru", "lstm"])),
        hidden=16 * draw(st.integers(1, 8)),
        layers=layers,
        inputs=draw(st.integers(1, 130)),
        horizon=horizon,
        rows=draw(st.integers(1, 40)),
        kind=kind,
        sizes=draw(sizes) if kind == "discrete" else (draw(st.integers(1, 5)),),
        dtype=draw(st.sampled_from([*sorted(_kernels.NUMBERS), FIELDS])),
        masked=kind == "discrete" and draw(st.booleans()),
        deserted=draw(st.booleans()),
        value_head=draw(st.sampled_from(["scalar", "scalar", "distribution"])),
    )


@st.composite
def shapes_with_planes(draw: st.DrawFn) -> Shape:
    """Small ones, as most of the work is before them."""
    return Shape(
        cell=draw(st.sampled_from(["mingru", "lstm"])),
        hidden=16 * draw(st.integers(1, 3)),
        layers=draw(st.integers(1, 2)),
        inputs=draw(st.integers(1, 9)),
        horizon=draw(st.integers(1, 9)),
        rows=draw(st.integers(1, 9)),
        planes=draw(st.sampled_from(sorted(PLANES))),
        deserted=draw(st.booleans()),
        normalized=draw(st.booleans()),
    )


def random_fields(random: np.random.Generator, most: int) -> tuple[FieldSpec, ...]:
    """Fields of all kinds, of at most so many numbers each; in random order, with gaps between them."""
    fields: list[FieldSpec] = []
    at = 0
    for number, dtype in enumerate(random.permutation(["uint8", "int8", "int32", "float32", "uint8", "int32"])):
        count, size = int(random.integers(1, most + 1)), np.dtype(dtype).itemsize
        at += int(random.integers(3))
        at += -at % size
        coded = dtype != "float32" and random.random() < 0.6
        choices = tuple(int(n) for n in random.integers(1, 40, count)) if coded else ()
        kind: Any = "discrete" if coded else "box"
        fields.append(FieldSpec(f"part{number}", kind, at, str(dtype), (count,), choices))
        at += count * size
    return tuple(fields)


def with_planes(
    fields: tuple[FieldSpec, ...], arrays: Sequence[tuple[str, tuple[int, ...], str, tuple[int, int]]]
) -> tuple[FieldSpec, ...]:
    """The fields, and after them the arrays."""
    at = fields[-1].start + fields[-1].size
    for i, (_, shape, dtype, _) in enumerate(arrays):
        at += -at % np.dtype(dtype).itemsize
        fields = (*fields, FieldSpec(f"array{i}", "box", at, dtype, shape, ()))
        at += math.prod(shape) * np.dtype(dtype).itemsize
    return fields


def random_rows(
    random: np.random.Generator,
    fields: tuple[FieldSpec, ...],
    batch: tuple[int, ...],
    arrays: Sequence[tuple[str, tuple[int, ...], str, tuple[int, int]]] = (),
) -> np.ndarray[Any, Any]:
    """Random rows of bytes (*batch, bytes) that hold these fields, the last of which are arrays of `PLANES`."""
    ranges = dict(zip((f.name for f in fields[len(fields) - len(arrays) :]), (a[-1] for a in arrays), strict=True))
    rows = random.integers(0, 256, (*batch, fields[-1].start + fields[-1].size)).astype(np.uint8)
    for field in fields:
        shape = (*batch, *field.shape)
        numbers = random.integers(0, field.choices, shape) if field.choices else random.normal(50, 30, shape)
        if field.name in ranges:
            numbers = random.integers(ranges[field.name][0], ranges[field.name][1] + 1, shape)
        elif field.dtype == "uint8":
            numbers = np.clip(numbers, 0, 255)
        data = np.ascontiguousarray(numbers.astype(field.dtype)).reshape(*batch, -1).view(np.uint8)
        rows[..., field.start : field.start + field.size] = data
    return rows


def code_scales(field: FieldSpec) -> list[float]:
    """What the inputs of a field of codes are multiplied with, see `contract._inputs`."""
    return [math.sqrt(n) for n in field.choices for _ in range(n)]


class Case:
    """A policy, a rollout that it might have played, and the arrays of an environment: all random, all possible."""

    def __init__(self, shape: Shape, seed: int = 0) -> None:
        self.shape, self.random = shape, np.random.default_rng(seed)
        action, rows = shape.action, shape.rows
        self.arrays = PLANES.get(shape.planes, [])
        in_rows = shape.dtype == FIELDS or len(self.arrays) > 1
        self.fields = random_fields(self.random, shape.inputs) if in_rows else ()
        if len(self.arrays) > 1:
            self.fields = with_planes(self.fields, self.arrays)
        spec = self._spec()
        encoder = self.arrays[0][0] if len(self.arrays) == 1 else "auto"
        settings = PolicySettings(shape.hidden, shape.layers, shape.cell, encoder, value_head=shape.value_head)  # type: ignore[arg-type]
        normalize = "true" if shape.normalized else "false"
        self.policy = Policy(spec, settings, torch.Generator().manual_seed(seed), normalize)  # type: ignore[arg-type]
        if self.policy.input_mean is not None:
            self.policy.input_mean.copy_(torch.from_numpy(self.random.normal(size=len(self.policy.input_scale))))
            scale = self.random.uniform(0.5, 20, len(self.policy.input_scale))  # so that some numbers are cut
            self.policy.input_scale.copy_(torch.from_numpy(scale))
        with torch.no_grad():
            self.policy.head[: action.outputs] *= 10  # the first policy would be indifferent
            if shape.value_head == "distribution":  # its rows are zeros
                of_value = self.policy.head[action.outputs :]
                of_value.copy_(torch.from_numpy(self.random.normal(0, 1, of_value.shape)))
            if self.policy.log_std is not None:
                self.policy.log_std += torch.from_numpy(self.random.normal(0, 0.5, action.dimensions))
        self.env = SimpleNamespace(
            num_agents=rows,
            observations=self.observations(rows),
            rewards=np.zeros(rows, np.float32),
            terminals=np.zeros(rows, np.bool_),
            truncations=np.zeros(rows, np.bool_),
            action_masks=np.ones((rows, action.outputs), np.bool_) if shape.masked else None,
            agent_mask=np.ones(rows, np.bool_) if shape.deserted else None,
        )
        self.buffers = Buffers(self.env, self.policy, shape.horizon)  # type: ignore[arg-type]
        self.state = self.policy.initial_state(rows)
        self._fill(self.buffers)

    def _spec(self) -> EnvironmentSpec:
        shape, rows, action = self.shape, self.shape.rows, self.shape.action
        if len(self.arrays) == 1:
            _, where, dtype, limits = self.arrays[0]
            scales = (1 / max(map(abs, limits)),) * math.prod(where)
            return EnvironmentSpec(rows, rows, where, dtype, scales, action, observation_range=limits)
        if self.fields:
            scale = [s for f in self.fields for s in ([0.02] * f.inputs if f.kind == "box" else code_scales(f))]
            row_bytes = self.fields[-1].start + self.fields[-1].size
            others = (None,) * (len(self.fields) - len(self.arrays))
            ranges = (*others, *(limits for *_, limits in self.arrays))
            return EnvironmentSpec(
                rows, rows, (row_bytes,), "uint8", tuple(scale), action, self.fields, field_ranges=ranges
            )
        size = {"uint8": 255.0, "int8": 128.0, "int32": 1000.0, "float32": 1.0}[shape.dtype]
        scales = (1 / size,) * (shape.inputs - 1) + (0.5 / size,)
        return EnvironmentSpec(rows, rows, (shape.inputs,), shape.dtype, scales, action)

    def observations(self, *batch: int) -> np.ndarray[Any, Any]:
        """Random observations (*batch, inputs), or (*batch, bytes) if they have fields."""
        if len(self.arrays) == 1:
            _, where, dtype, (low, high) = self.arrays[0]
            return self.random.integers(low, high + 1, (*batch, *where)).astype(dtype)
        if self.fields:
            return random_rows(self.random, self.fields, batch, self.arrays)
        shape = (*batch, self.shape.inputs)
        if self.shape.dtype == "float32":
            return self.random.normal(size=shape).astype(np.float32)
        low, high = {"uint8": (0, 256), "int8": (-128, 128), "int32": (-1000, 1001)}[self.shape.dtype]
        return self.random.integers(low, high, shape).astype(self.shape.dtype)

    def allowed(self, *batch: int) -> np.ndarray[Any, Any]:
        """Random masks (*batch, K) that leave each action at least one choice."""
        masks = self.random.random((*batch, sum(self.shape.sizes))) < 0.6
        start = 0
        for size in self.shape.sizes:
            sure = start + self.random.integers(0, size, batch)
            np.put_along_axis(masks, sure[..., None], True, -1)
            start += size
        return masks

    def _fill(self, buffers: Buffers) -> None:
        shape, random = self.shape, self.random
        times, more = (shape.horizon, shape.rows), (shape.horizon + 1, shape.rows)

        def normal(size: float, *where: int) -> Tensor:
            return torch.from_numpy(random.normal(0, size, where).astype(np.float32))

        buffers.observations.copy_(torch.from_numpy(self.observations(*more)))
        buffers.ends.copy_(torch.from_numpy(random.random(times) < 0.15))
        if buffers.masks is not None:
            buffers.masks.copy_(torch.from_numpy(self.allowed(*more)))
        if buffers.present is not None:
            buffers.present.copy_(torch.from_numpy(random.random(more) < 0.8))
            buffers.ends |= ~(buffers.present[1:] & buffers.present[:-1])
        buffers.first_state.copy_(normal(0.5, *buffers.first_state.shape))
        self._act(buffers)
        buffers.values.copy_(buffers.values + normal(0.5, *times))
        buffers.rewards.copy_(normal(2.0, *times))
        buffers.advantages.copy_(normal(1.5, *times))
        buffers.final_values.copy_(normal(1.0, *times) * buffers.ends * (torch.rand(times) < 0.5))
        buffers.last_value.copy_(normal(1.0, shape.rows))
        buffers.ratios.copy_(normal(0.3, *times).exp())

    @torch.no_grad()
    def _act(self, buffers: Buffers) -> None:
        """Fill actions, and log-probabilities and values as a somewhat different policy would have had them."""
        generator = torch.Generator().manual_seed(int(self.random.integers(1 << 30)))
        policy, horizon = self.policy, self.shape.horizon
        output = policy(buffers.observations[:horizon], buffers.first_state, buffers.keep)
        masks = None if buffers.masks is None else buffers.masks[:horizon]
        noise = policy.actions.noise(horizon, self.shape.rows, generator)
        for t in range(horizon):
            mine = None if masks is None else masks[t]
            buffers.actions[t] = policy.sample_actions(output[:, t], noise[t], mine)
        log_probs, _ = policy.evaluate_actions(output, buffers.actions, masks)
        buffers.log_probs.copy_(log_probs + 0.3 * torch.randn(log_probs.shape, generator=generator))
        buffers.values.copy_(policy.values(output))

    def kernels(
        self, train: TrainSettings, threads: int = 1, isa: str | None = None, buffers: Buffers | None = None
    ) -> KernelLearner:
        """Who computes with the kernels, over a copy of the buffers unless they are given."""

        def workers(count: int) -> Any:
            return _kernels.Workers(count, isa)

        policy, state = copy.deepcopy(self.policy), self.state.clone()
        with mock.patch.object(kernel_learner, "kernel_workers", workers):
            mine = copy.deepcopy(self.buffers) if buffers is None else buffers
            return KernelLearner(policy, mine, [self.env], state, train, threads)  # type: ignore[list-item]

    def reference(self, train: TrainSettings) -> TorchLearner:
        """Who computes with torch in double precision, over a copy of the buffers."""
        buffers = copy.deepcopy(self.buffers)
        for name, value in vars(buffers).items():
            if isinstance(value, Tensor) and value.is_floating_point() and name != "observations":
                setattr(buffers, name, value.double())
        policy = copy.deepcopy(self.policy).double()
        return TorchLearner(policy, buffers, [self.env], self.state.double(), train, 1)  # type: ignore[list-item]

    def single(self, train: TrainSettings) -> TorchLearner:
        """Who computes with torch in single precision, over a copy of the buffers."""
        buffers, policy = copy.deepcopy(self.buffers), copy.deepcopy(self.policy)
        return TorchLearner(policy, buffers, [self.env], self.state.clone(), train, 1)  # type: ignore[list-item]

    def sequences(self, count: int) -> tuple[Tensor, Tensor]:
        """That many agents, some more than once, and what weight each has."""
        chosen = torch.from_numpy(self.random.integers(0, self.shape.rows, count))
        return chosen, torch.from_numpy(self.random.uniform(0.3, 2.0, count).astype(np.float32))


def distance_to_kinks(case: Case, train: TrainSettings, sequences: Tensor, importance: Tensor) -> float:
    """How near the computation in double precision comes to where a gradient jumps.

    There, single precision may fall to the other side, and its gradient be quite another one.
    """
    learner = case.reference(replace(train, refresh_advantages=True))
    scan, distances = cells.MinGRUScan.apply, []

    def watched(z: Tensor, *others: Any) -> Any:
        distances.append(z[..., : z.shape[-1] // 3].detach())  # where the candidate's two halves meet
        return scan(z, *others)

    with mock.patch.object(cells.MinGRUScan, "apply", watched):
        learner.gradient(sequences, importance.double())
    ratios, values = learner.buffers.ratios[:, sequences], learner.buffers.values[:, sequences]
    old, advantages = (x.double()[:, sequences] for x in (case.buffers.values, case.buffers.advantages))
    distances += [ratios - 1 - train.clip, ratios - 1 + train.clip]
    if train.value_clip > 0 and case.shape.value_head == "scalar":
        moved = values - old
        clipped, wanted = old + moved.clamp(-train.value_clip, train.value_clip), old + advantages
        larger = (values - wanted).abs() - (clipped - wanted).abs()
        distances += [moved.abs() - train.value_clip, larger[moved.abs() > train.value_clip]]
    return min((float(d.abs().min()) for d in distances if d.numel()), default=math.inf)
