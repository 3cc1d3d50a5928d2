"""The text of a C file and its header: `policy.c.in` and `policy.h.in`, filled in.

In those files `$NAME` is replaced, and lines from `//? WORD` (or `//? !WORD`) to `//.` are kept if the word holds.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from string import Template
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.observations import STORED
from puffer_envs.contract.policy_info import CELL_SHAPES, PolicyInfo
from puffer_train.storage.c_file.arithmetic import Arithmetic, drawn, likeliest
from puffer_train.storage.c_file.cost import Cost, array_sizes, is_converted, most_planes, num_inputs
from puffer_train.storage.c_file.fronts import KINDS, Front
from puffer_train.storage.c_file.matrix import PANEL
from puffer_train.storage.c_file.weights import Weights

TESTED_STEPS = 8
"""Steps of the self-test."""

WIDTH = 118
"""Columns of a line of numbers."""

C_TYPES = {"float32": "float", "int32": "int32_t", "int16": "int16_t", "int8": "int8_t", "uint8": "uint8_t"}


@dataclass(frozen=True)
class CFile:
    """A policy as C."""

    name: str
    """What the names in it begin with."""
    file: str
    """Name of the two files, without their suffix."""
    weights: Weights
    sha256: str
    """Of the policy's tensors."""
    version: str
    """Of this package."""
    measured: Sequence[str] = ()
    """What rounding the weights costs: sentences for the header."""

    @property
    def header(self) -> str:
        """Text of the .h file."""
        return _fill("policy.h.in", self._words, self._values)

    @property
    def code(self) -> str:
        """Text of the .c file."""
        return _fill("policy.c.in", self._words, self._values | self._sizes | self._arrays)

    @property
    def _words(self) -> set[str]:
        info, weights = self.weights.info, self.weights
        words = {info.cell, info.action_kind}
        facts = {
            "layers": info.layers > 0,
            "exponentials": info.layers > 0 or info.action_kind == "discrete",
            "normalized": info.normalized,
            "converted": is_converted(weights),
            "rounded": weights.kind != "float32",
            "parts": weights.table is not None,
            "amounts": weights.num_numbers > 0,
            "multiplied": weights.encoder.numbers.size > 0,
            "plain": weights.table is None and not weights.fronts and not is_converted(weights),
            "codes": weights.table is not None and len(weights.table.choices) > 0,
        }
        return words | {word for word, holds in facts.items() if holds} | _front_words(weights)

    @property
    def _values(self) -> dict[str, Any]:
        info, discrete = self.weights.info, self.weights.info.action_kind == "discrete"
        shape, state = info.observation_shape, info.layers * self.weights.unit_state
        cells = {"mingru": "MinGRU", "lstm": "LSTM"}[info.cell]
        layers = "no memory" if not info.layers else f"{info.layers} {cells} layer{'s' * (info.layers > 1)}"
        return {
            "name": self.name,
            "upper": self.name.upper(),
            "file": self.file,
            "environment": f"{info.environment}, version {info.environment_version}",
            "version": self.version,
            "network": f"{_inputs(self.weights)}, {layers} of {info.hidden} units, {info.head_rows} outputs",
            "weights": self.weights.kind,
            "fidelity": _fidelity(self.weights.kind, self.measured),
            "table": _commented(table_lines(Cost.of(self.weights))),
            "usage": _usage(self.name, discrete),
            "number": C_TYPES[info.observation_dtype],
            "observation": math.prod(info.observation_shape),
            "inputs": num_inputs(self.weights),
            "observed": "bytes" if info.observation_fields else "numbers",
            "shape": f": {' x '.join(map(str, shape))}, in C order" if len(shape) > 1 else "",
            "actions": len(info.action_sizes) if discrete else info.head_rows,
            "outputs": info.head_rows,
            "meaning": "logits of all choices" if discrete else "means of the action's numbers",
            "state": state,
            "memory": max(state, 1),
            "choices": f": of {', '.join(map(str, info.action_sizes))} choices" if discrete else "",
        }

    @property
    def _sizes(self) -> dict[str, Any]:
        info, weights = self.weights.info, self.weights
        rows, columns = CELL_SHAPES[info.cell].weight
        x, gates, _ = array_sizes(weights)
        rounded, embeds = weights.kind != "float32", any(front.embedding is not None for front in weights.fronts)
        return {
            "sha": self.sha256[:16],
            "hidden": info.hidden,
            "layers": info.layers,
            "gates": rows * info.hidden,
            "unit_state": weights.unit_state,
            "panel": PANEL,
            "scale_parameter": " const float* scales," if rounded else "",
            "scales_argument": " scales," if rounded else "",
            "embedding_parameter": " const float* embedding," if embeds else "",
            "embedding_argument": " embedding," if embeds else "",
            "features": sum(front.encoder.features for front in weights.fronts),
            "planes": most_planes(weights),
            "cast": "(float)" if rounded else "",
            "number_cast": "" if info.observation_dtype == "float32" else "(float)",
            "start_parameter": " const float* start," if weights.table else "",
            "no_start": " (const float*)0," if weights.table else "",
            "encoder_scales": " ENCODER_SCALES," if rounded else "",
            "core_scales": " CORE_SCALES[layer]," if rounded else "",
            "head_scales": " HEAD_SCALES," if rounded else "",
            "fan_in": "HIDDEN" if columns == 1 else f"{columns} * HIDDEN",
            "x_size": x,
            "input_size": max(1, num_inputs(weights)),
            "gates_size": gates,
            "choice_list": ", ".join(map(str, info.action_sizes)),
            "std": _numbers([] if weights.std is None else weights.std),
            "centre": _numbers(info.action_centre),
            "low": _numbers(info.action_low),
            "high": _numbers(info.action_high),
            "steps": TESTED_STEPS,
        }

    @property
    def _arrays(self) -> dict[str, str]:
        weights, kind = self.weights, C_TYPES[self.weights.kind]
        parts = [f"typedef {kind} weight;\n"]
        if weights.mean is not None and weights.scale is not None:
            parts += [_array("float MEAN[]", weights.mean), _array("float INPUT_SCALE[]", weights.scale)]
        if weights.encoder.numbers.size:
            parts.append(_array("weight ENCODER[]", weights.encoder.panels))
        if weights.table is not None:
            parts.append(_array("float BASE[]", weights.table.base))
            parts.append(_part_table(weights.info))
            if weights.table.choices:
                parts.append(_array("weight CODES[]", weights.table.rows))
        if weights.fronts:
            parts.append(_front_tables(weights))
        if weights.cores:
            parts.append(_arrays("weight CORE", [core.panels for core in weights.cores]))
        parts.append(_array("weight HEAD[]", weights.head.panels))
        if weights.kind != "float32":
            parts.append(_array("float ENCODER_SCALES[]", weights.encoder.padded_scales))
            if weights.cores:
                parts.append(_arrays("float CORE_SCALES", [core.padded_scales for core in weights.cores]))
            parts.append(_array("float HEAD_SCALES[]", weights.head.padded_scales))
        return {"arrays": "".join(parts), "vectors": _vectors(weights)}


def _inputs(weights: Weights) -> str:
    """Return what the network reads, for people."""
    found = [f"{weights.info.inputs} inputs"] * (weights.info.inputs > 0)
    for front in weights.fronts:
        layers = len(front.layers)
        found.append(
            f"{' x '.join(map(str, front.encoder.shape))} cells through {layers} convolution{'s' * (layers > 1)}"
        )
    return ", ".join(found)


def _front_words(weights: Weights) -> set[str]:
    """Return which parts of the C code convolutions and named observations need."""
    words = {front.encoder.kind for front in weights.fronts}
    facts = {
        "fronts": bool(words),
        "whole": bool(words) and weights.table is None,
        "bytes": bool(words) or weights.table is not None,
        "wholes": weights.table is not None or bool(words - {"image"}),
        "cells": bool(words - {"image"}),
        "planes": bool(words - {"grid"}),
        "convolves": any(not layer.looks_up for front in weights.fronts for layer in front.layers),
    }
    return words | {word for word, holds in facts.items() if holds}


def _front_tables(weights: Weights) -> str:
    """Return the arrays that describe convolutions, and their weights."""
    fronts, layers = [], []
    for front in weights.fronts:
        encoder, (height, width, channels) = front.encoder, front.height_width_channels
        about = (KINDS.index(encoder.kind), STORED.index(front.dtype), front.at, height * width * channels, channels)
        fronts.append((*about, encoder.values[0], encoder.num_values, encoder.size, len(front.layers)))
        for layer in front.layers:
            reads = (layer.groups, layer.height, layer.width, layer.inner)
            how = (layer.convolution.kernel, layer.convolution.stride, layer.convolution.padding)
            layers.append((*reads, *how, *layer.places, layer.convolution.channels))
    parts = [_rows("front FRONTS", fronts), _rows("convolution CONVOLUTION_LAYERS", layers)]
    parts.append(_array("weight CONVOLUTIONS[]", np.concatenate([m.panels for m in weights.convolutions])))
    if weights.kind != "float32":
        scales = np.concatenate([matrix.padded_scales for matrix in weights.convolutions])
        parts.append(_array("float CONVOLUTION_SCALES[]", scales))
    tables = [front.embedding.ravel() for front in weights.fronts if front.embedding is not None]
    if tables:
        parts.append(_array("float EMBEDDINGS[]", np.concatenate(tables)))
    return "".join(parts)


def _rows(declaration: str, rows: Sequence[tuple[int, ...]]) -> str:
    """Return the definition of a constant array of structs of whole numbers."""
    text = ", ".join(f"{{ {', '.join(map(str, row))} }}" for row in rows)
    block = textwrap.indent(textwrap.fill(text, WIDTH), "    ")
    return f"static const {declaration}[{len(rows)}] = {{\n{block}\n}};\n"


def _part_table(info: PolicyInfo) -> str:
    """Return what the bytes of an observation hold, as a C array."""
    parts = [part for field in info.flat_fields for part in field.parts]
    rows = [(STORED.index(dtype), at, count, choices) for dtype, at, count, choices in parts]
    return _rows("run PARTS", rows)


def table_lines(cost: Cost) -> list[tuple[str, str]]:
    """Return what a policy costs, for people: what, and how much."""
    return [
        ("flash, weights and constants", f"{cost.flash:,} bytes"),
        ("RAM, state of an agent", f"{cost.ram:,} bytes"),
        ("stack, arrays of a step", f"{cost.stack:,} bytes"),
        ("multiply-adds per step", f"{cost.multiply_adds:,}"),
        ("exponentials per step", f"{cost.exponentials:,}"),
    ]


def made_up(weights: Weights, rows: int, seed: int = 0) -> NDArray[Any]:
    """Return observations (A, O) of about the size that the policy was trained on."""
    info, random = weights.info, np.random.default_rng(seed)
    if info.observation_fields:
        return _made_up_rows(weights, rows, random)
    if weights.fronts:
        return _made_up_planes(weights.fronts[0], rows, random).reshape(rows, *info.observation_shape)
    scale = np.ones(info.inputs) if weights.scale is None else weights.scale
    found = random.normal(0, 1, (rows, info.inputs)) / scale + (0 if weights.mean is None else weights.mean)
    if info.observation_dtype == "float32":
        return np.asarray(found, np.float32)
    limits = np.iinfo(info.observation_dtype)
    return random.integers(max(limits.min, -8), 8, found.shape, endpoint=True).astype(info.observation_dtype)


def _made_up_rows(weights: Weights, rows: int, random: np.random.Generator) -> NDArray[Any]:
    """The same for named observations: rows of bytes (A, B). Half of their codes are 0."""
    found = np.zeros((rows, *weights.info.observation_shape), np.uint8)
    for field in weights.info.observation_fields:
        shape = (rows, math.prod(field.shape))
        numbers: NDArray[Any] = random.normal(0, 1, shape) if field.dtype == "float32" else random.integers(0, 9, shape)
        if field.choices:
            numbers = random.integers(0, field.choices, shape) * random.integers(0, 2, shape)
        data = np.ascontiguousarray(numbers.astype(field.dtype)).view(np.uint8)
        found[:, field.start : field.start + field.size] = data
    for front in weights.fronts:
        data = np.ascontiguousarray(_made_up_planes(front, rows, random)).view(np.uint8)
        found[:, front.at : front.at + data.shape[1]] = data
    return found


def _made_up_planes(front: Front, rows: int, random: np.random.Generator) -> NDArray[Any]:
    """An array (A, N) that is read as planes: numbers that it may hold."""
    low, high = (0, 255) if front.encoder.kind == "image" else front.encoder.values
    return random.integers(low, high, (rows, math.prod(front.encoder.shape)), endpoint=True).astype(front.dtype)


def _vectors(weights: Weights) -> str:
    """Return the arrays of the self-test."""
    info, arithmetic, random = weights.info, Arithmetic(weights), np.random.default_rng(1)
    observations = made_up(weights, TESTED_STEPS)
    state = arithmetic.initial_state(1)
    outputs = np.concatenate([arithmetic.step(row[None], state) for row in observations])
    actions = likeliest(weights, outputs)
    parts = [
        _table(f"{C_TYPES[info.observation_dtype]} OBSERVATIONS", observations.reshape(TESTED_STEPS, -1)),
        _table("uint32_t WANTED", outputs.view(np.uint32)),
    ]
    if info.action_kind == "box":
        return "".join([*parts, _table("uint32_t ACTIONS", actions.view(np.uint32))])
    masks = random.integers(0, 2, outputs.shape).astype(bool)
    masks[:, np.cumsum((0, *info.action_sizes[:-1]))] = True
    uniform = random.random(actions.shape, np.float32)
    actions = np.where(np.arange(TESTED_STEPS)[:, None] % 2, drawn(weights, outputs, masks, uniform), actions)
    parts += [_table("uint8_t MASKS", masks.astype(np.uint8)), _table("float UNIFORM", uniform)]
    return "".join([*parts, _table("int32_t ACTIONS", actions)])


def _fidelity(kind: str, measured: Sequence[str]) -> str:
    lines: Sequence[str] = [
        f"Each row of a matrix is rounded to {kind} with a scale of its own; the rest is float.",
        *measured,
    ]
    if kind == "float32":
        lines = [
            "Outputs are those of the trainer's kernels with AVX2, AVX-512 or on aarch64, to the bit: the same sums of",
            "fused multiply-adds in the same order. Where a processor has no such instruction, double does the same.",
        ]
    return "\n".join(f"// {line}" for line in lines)


def _usage(name: str, discrete: bool) -> str:
    mask, kind = ("(const uint8_t*)0, ", "int32_t") if discrete else ("", "float")
    return _commented(
        [
            (f"    {name}_state memory;", "of each agent, wherever you like"),
            (f"    {kind} action[{name.upper()}_ACTION];", ""),
            (f"    {name}_reset(&memory);", "when an episode begins"),
            (f"    {name}_act(&memory, observation, {mask}action);", "at every step"),
        ],
        "// ",
    )


def _commented(pairs: Sequence[tuple[str, str]], mark: str = "") -> str:
    """Return lines of a comment: what is left in a column, and what is right of it."""
    width = max(len(left) for left, _ in pairs)
    return "\n".join(f"// {left:<{width}}  {mark if right else ''}{right}".rstrip() for left, right in pairs)


def _array(declaration: str, numbers: Any) -> str:
    """Return the definition of a constant array."""
    return f"static const {declaration} = {{\n{_block(numbers)}\n}};\n"


def _arrays(declaration: str, rows: Sequence[NDArray[Any]]) -> str:
    """Return the definition of a constant array of arrays of one length."""
    blocks = ",\n".join(f"    {{\n{_block(row)}\n    }}" for row in rows)
    return f"static const {declaration}[{len(rows)}][{len(rows[0])}] = {{\n{blocks},\n}};\n"


def _table(declaration: str, rows: NDArray[Any]) -> str:
    return _arrays(declaration, list(rows))


def _block(numbers: Any) -> str:
    return textwrap.fill(_numbers(numbers), WIDTH, initial_indent="        ", subsequent_indent="        ")


def _numbers(numbers: Any) -> str:
    """Return numbers as C: floats with as many digits as it takes to read the same ones back."""
    array = np.asarray(numbers)
    if array.dtype == np.uint32:
        return ", ".join(f"0x{number:08x}u" for number in array.ravel())
    if array.dtype != np.float32:
        return ", ".join(str(int(number)) for number in array.ravel())
    return ", ".join(_float(number) for number in np.clip(array.ravel(), *_finite_limits()))


def _finite_limits() -> tuple[np.float32, np.float32]:
    return np.finfo(np.float32).min, np.finfo(np.float32).max


def _float(number: np.float32) -> str:
    text = str(number)
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _fill(file: str, words: set[str], values: dict[str, Any]) -> str:
    """Fill in one of the two files."""
    text = (resources.files(__package__) / file).read_text("utf-8")
    kept, holds = [], [True]
    for line in text.splitlines():
        if line.startswith("//? "):
            word = line[4:]
            holds.append(holds[-1] and ((word[1:] not in words) if word[0] == "!" else word in words))
        elif line == "//.":
            holds.pop()
        elif holds[-1]:
            kept.append(line)
    return Template("\n".join(kept) + "\n").substitute(values)
