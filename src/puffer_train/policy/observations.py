"""How the policy reads observations: products with the encoder.

Most observations are arrays, and the encoder multiplies all their numbers. Structured ones are rows of bytes
(docs/contract.md, "Named observations") in which every field has its own place, type and meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from puffer_envs.contract.observations import FieldSpec
from puffer_envs.contract.policy_info import INPUT_LIMIT
from puffer_train.contract import EnvironmentSpec
from puffer_train.errors import ContractError

Observations = Tensor | dict[str, Tensor]
"""Arrays (..., *shape), or rows of bytes (..., B), or what those hold: fields by name, (N, *field shape) each."""


class ArrayObservations(nn.Module):
    """Observations that are arrays of numbers."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        super().__init__()
        self.dimensions = len(spec.observation_shape)
        self.multiplied = len(spec.observation_scale)
        """Inputs that the encoder multiplies rather than looks up."""
        self.float_inputs = list(range(self.multiplied)) if spec.observation_dtype == "float32" else []
        """The inputs that `floats` gives, in its order."""

    def encode(self, observations: Observations, weight: Tensor, scale: Tensor, mean: Tensor | None) -> Tensor:
        """Multiply observations (..., *shape), scaled, with weight (H, O): (..., H). scale, mean (O,): see `scaled`."""
        assert isinstance(observations, Tensor)
        batch = observations.shape[: observations.ndim - self.dimensions]
        flat = observations.reshape(*batch, weight.shape[1]).to(weight.dtype)
        if mean is None:
            return nn.functional.linear(flat, weight * scale)
        return nn.functional.linear(scaled(flat, scale, mean), weight)

    def floats(self, observations: Tensor) -> dict[str, Tensor]:
        """Return the tensors that could hold a number that is not finite, by the name to report."""
        return {"observations": observations} if observations.is_floating_point() else {}

    def check(self, observations: Tensor) -> None:
        """All numbers are amounts, which may be any."""


class StructuredObservations(nn.Module):
    """Observations that are rows of bytes, (..., B) uint8, with a place for every field."""

    box_columns: Tensor
    first_columns: Tensor
    choices: Tensor

    def __init__(self, fields: Sequence[FieldSpec]) -> None:
        """fields: those that are multiplied or looked up, none of which need be there."""
        super().__init__()
        self.fields = fields
        self.boxes = [field for field in self.fields if field.kind == "box"]
        self.discrete = [field for field in self.fields if field.kind == "discrete"]
        box_columns: list[int] = []
        first_columns: list[int] = []
        column = 0
        for field in self.fields:
            if field.kind == "box":
                box_columns += range(column, column + field.inputs)
                column += field.inputs
            for choices in field.choices:
                first_columns.append(column)
                column += choices
        self.multiplied = len(box_columns)
        """Inputs that the encoder multiplies rather than looks up."""
        self.float_inputs = _float_inputs(self.fields)
        """The inputs that `floats` gives, in its order."""
        choices_of_all = [choices for field in self.discrete for choices in field.choices]
        for name, numbers in (
            ("box_columns", box_columns),
            ("first_columns", first_columns),
            ("choices", choices_of_all),
        ):
            self.register_buffer(name, torch.tensor(numbers, dtype=torch.int64), persistent=False)

    def encode(self, observations: Observations, weight: Tensor, scale: Tensor, mean: Tensor | None) -> Tensor:
        """Multiply the inputs that observations (..., B) or their fields stand for with weight (H, O): (..., H).

        scale, mean (O,): see `scaled`; the mean of a one-hot is ignored.
        A one-hot times a matrix is one of its columns, which is looked up: thousands of choices cost no more than two.
        Raises `ContractError` for a number that is not a choice. On a GPU, where checking would mean
        waiting, the result is NaN instead, which the trainer notices and does not learn from.
        """
        parts = []
        if self.boxes:
            numbers = torch.cat([_flat(observations, field).to(weight.dtype) for field in self.boxes], -1)
            own = weight.index_select(1, self.box_columns)
            if mean is None:
                parts.append(nn.functional.linear(numbers, own * scale[self.box_columns]))
            else:
                numbers = scaled(numbers, scale[self.box_columns], mean[self.box_columns])
                parts.append(nn.functional.linear(numbers, own))
        if self.discrete:
            parts.append(self._look_up(self._chosen(observations), weight * scale))
        return cast(Tensor, sum(parts))

    def check(self, observations: Tensor) -> None:
        """Raise `ContractError` if a number of observations (..., B) is not a choice."""
        if self.discrete:
            chosen = self._chosen(observations)
            self._check(chosen, self._wrong(chosen))

    def _chosen(self, observations: Observations) -> Tensor:
        """Return the numbers of all discrete fields: (..., D)."""
        return torch.cat([_flat(observations, field).to(torch.int64) for field in self.discrete], -1)

    def _wrong(self, chosen: Tensor) -> Tensor:
        return (chosen < 0) | (chosen >= self.choices)

    def _look_up(self, chosen: Tensor, weight: Tensor) -> Tensor:
        """Return the sum of the columns of weight (H, O) that numbers (..., D) choose: (..., H)."""
        wrong = self._wrong(chosen)
        checked = can_look_at(chosen)
        if checked:
            self._check(chosen, wrong)
        else:
            chosen = chosen.masked_fill(wrong, 0)
        columns = (chosen + self.first_columns).reshape(-1, len(self.choices))
        table = weight.T.contiguous()
        if torch.compiler.is_compiling():  # ONNX has no bags: an exported graph would become a loop
            summed = nn.functional.embedding(columns, table).sum(1)
        else:
            summed = nn.functional.embedding_bag(columns, table, mode="sum")
        summed = summed.reshape(*chosen.shape[:-1], len(weight))
        return summed if checked else summed.masked_fill(wrong.any(-1, keepdim=True), torch.nan)

    def floats(self, observations: Tensor) -> dict[str, Tensor]:
        """Return the tensors that could hold a number that is not finite, by the name to report."""
        fields = [field for field in self.fields if field.dtype == "float32"]
        return {f"observation field {field.name!r}": view_field(observations, field) for field in fields}

    def _check(self, chosen: Tensor, wrong: Tensor) -> None:
        """Raise `ContractError` where a number (..., D) is not a choice: another field's column would be looked up."""
        if not wrong.any():
            return
        where = wrong.nonzero()[0]
        names = [field.name for field in self.discrete for _ in field.choices]
        place = int(where[-1])
        raise ContractError(
            f"the observation field {names[place]!r} holds {int(chosen[tuple(where)])}, "
            f"but its {int(self.choices[place])} choices count from 0."
        )


ObservationReader = ArrayObservations | StructuredObservations


def observation_reader(spec: EnvironmentSpec, fields: Sequence[FieldSpec]) -> ObservationReader:
    """Return what reads the observations of this environment, of structured ones only some fields."""
    return StructuredObservations(fields) if spec.observation_fields else ArrayObservations(spec)


def scaled(numbers: Tensor, scale: Tensor, mean: Tensor) -> Tensor:
    """Return (numbers - mean) * scale, cut to +-`INPUT_LIMIT`: what normalised observations enter the network as.

    What is not finite becomes NaN: cut, it would not be noticed.
    """
    return ((numbers - mean) * scale).clamp(-INPUT_LIMIT, INPUT_LIMIT) + 0 * numbers


def _float_inputs(fields: Iterable[FieldSpec]) -> list[int]:
    """Return the numbers of the inputs that float32 fields give."""
    found: list[int] = []
    first = 0
    for field in fields:
        if field.dtype == "float32":
            found += range(first, first + field.inputs)
        first += field.inputs
    return found


def can_look_at(tensor: Tensor) -> bool:
    """Whether the numbers can be looked at: a GPU would have to be waited for, and an exported graph has none yet."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def named_fields(observations: Tensor, fields: Iterable[FieldSpec]) -> dict[str, Tensor]:
    """Return the fields of rows of bytes (..., B) by name: (..., *shape) each, as they are stored."""
    return {field.name: view_field(observations, field) for field in fields}


def view_field(observations: Observations, field: FieldSpec) -> Tensor:
    """Return a field's values (..., *shape) out of rows of bytes (..., B), or as it is named."""
    if isinstance(observations, dict):
        return observations[field.name]
    return _flat(observations, field).reshape((*observations.shape[:-1], *field.shape))


def _flat(observations: Observations, field: FieldSpec) -> Tensor:
    """Return a field's numbers in a row: (..., N)."""
    if isinstance(observations, dict):
        return observations[field.name].flatten(1) if field.shape else observations[field.name].unsqueeze(-1)
    dtype = cast(torch.dtype, getattr(torch, field.dtype))
    part = observations[..., field.start : field.start + field.size]
    places = (part.storage_offset(), *part.stride()[:-1])
    # torch reads a type only from addresses that are multiples of its size.
    if part.stride(-1) != 1 or any(place % dtype.itemsize for place in places):
        part = part.clone(memory_format=torch.contiguous_format)
    return part.view(dtype)
