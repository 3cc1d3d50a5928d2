"""The weights of a C file: those of a policy file, scaled and perhaps rounded to int16 or int8."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import CELL_SHAPES, PolicyInfo
from puffer_envs.contract.tensor_file import Floats
from puffer_train.errors import ConfigError
from puffer_train.storage.c_file.codes import CodeTable, columns

PANEL = 4
"""Outputs that are computed side by side: the rows of a matrix are padded to a multiple."""

LARGEST = {"float32": 0, "int16": 32767, "int8": 127}
"""What weights may be stored as, and the largest whole number of it."""


@dataclass(frozen=True)
class Matrix:
    """A matrix (R, C) as it is stored."""

    numbers: NDArray[Any]
    """(R, C) float32, or the nearest whole numbers."""
    scales: Floats | None
    """(R,): what the sums of each row are multiplied with; None if nothing was rounded."""

    @classmethod
    def of(cls, weight: Floats, kind: str) -> Matrix:
        """Store weight (R, C) as one of `LARGEST`: the largest number of each row becomes the largest there is."""
        if not LARGEST[kind]:
            return cls(weight, None)
        most = np.abs(weight).max(axis=1, initial=0)  # there are no columns where an observation is all codes
        scales = np.where(most > 0, most / np.float32(LARGEST[kind]), 1).astype(np.float32)
        return cls(np.rint(weight / scales[:, None]).astype(kind), scales)

    @property
    def values(self) -> Floats:
        """(R, C): what the numbers stand for."""
        numbers = self.numbers.astype(np.float32)
        return numbers if self.scales is None else numbers * self.scales[:, None]

    @property
    def panels(self) -> NDArray[Any]:
        """The numbers in the order of the C file: panels of rows, column by column; rows of zeros fill the last one."""
        rows, columns = self.numbers.shape
        padded = np.zeros((-(-rows // PANEL) * PANEL, columns), self.numbers.dtype)
        padded[:rows] = self.numbers
        return padded.reshape(len(padded) // PANEL, PANEL, columns).transpose(0, 2, 1).ravel()

    @property
    def padded_scales(self) -> Floats:
        """The scales, and zeros for the rows of zeros."""
        assert self.scales is not None
        return np.pad(self.scales, (0, -len(self.scales) % PANEL))

    @property
    def num_bytes(self) -> int:
        """What it takes in the C file."""
        panels = self.panels
        return panels.nbytes + (0 if self.scales is None else self.padded_scales.nbytes)


@dataclass(frozen=True)
class Weights:
    """All that a C file computes with. The rows of the value are left out."""

    info: PolicyInfo
    kind: str
    """One of `LARGEST`."""
    encoder: Matrix
    """(H, O), with the scale of the observations, unless they are normalised; of named ones, the amounts alone."""
    cores: list[Matrix]
    """One (G, F) for each layer."""
    head: Matrix
    """(K, H)."""
    mean: Floats | None
    """(O,), of normalised observations."""
    scale: Floats | None
    """(O,), of normalised observations."""
    std: Floats | None
    """(K,), of continuous actions."""
    table: CodeTable | None = None
    """What the codes of named observations add."""

    @classmethod
    def of(cls, file: PolicyFile, kind: str = "float32") -> Weights:
        """Take and store the weights of a policy file.

        Raises:
            ConfigError: C files cannot hold such a policy.
        """
        info, tensors = file.info, file.tensors
        _check(info)
        encoder, scale, mean = tensors["encoder.weight"], tensors["input_scale"], tensors.get("input_mean")
        matrix = encoder if info.normalized else encoder * scale
        table = None
        if info.observation_fields:
            table, amounts = CodeTable.of(encoder * scale, info), columns(info)[0]
            matrix = np.concatenate([matrix[:, amounts], table.rows.T], axis=1)
            mean, scale = (None if mean is None else mean[amounts]), scale[amounts]
        stored = Matrix.of(matrix, kind)
        if table is not None:
            table = table.stored(stored.numbers[:, len(amounts) :].T)
            stored = replace(stored, numbers=stored.numbers[:, : len(amounts)])
        return cls(
            info,
            kind,
            stored,
            [Matrix.of(tensors[f"core.{layer}.weight"], kind) for layer in range(info.layers)],
            Matrix.of(tensors["head.weight"][: info.head_rows], kind),
            mean,
            scale if info.normalized else None,
            np.exp(tensors["log_std"]) if info.action_kind == "box" else None,
            table,
        )

    @property
    def as_policy(self) -> PolicyFile:
        """A policy file with these weights, which scales nothing that is not normalised."""
        names = ["encoder.weight", *(f"core.{layer}.weight" for layer in range(self.info.layers))]
        tensors = {name: matrix.values for name, matrix in zip(names, self.matrices, strict=False)}
        tensors["head.weight"] = np.pad(self.head.values, ((0, self.info.value_rows), (0, 0)))
        tensors["input_scale"] = np.ones(self.info.inputs, np.float32) if self.scale is None else self.scale
        if self.mean is not None:
            tensors["input_mean"] = self.mean
        if self.table is not None:
            tensors |= self._with_codes(tensors)
        if self.std is not None:
            tensors["log_std"] = np.log(self.std)
        return PolicyFile(self.info, tensors)

    def _with_codes(self, tensors: dict[str, Floats]) -> dict[str, Floats]:
        """Return the tensors of the encoder with the columns of codes among those of amounts."""
        assert self.table is not None
        amounts, codes = columns(self.info)
        found = {}
        for name in tensors.keys() & {"input_scale", "input_mean"}:
            found[name] = np.ones(self.info.inputs, np.float32)
            found[name][amounts] = tensors[name][: len(amounts)]
        encoder = np.zeros((self.info.hidden, self.info.inputs), np.float32)
        encoder[:, amounts] = tensors["encoder.weight"]
        encoder[:, codes] = self.table.as_columns(self.encoder.scales)
        return found | {"encoder.weight": encoder}

    @property
    def matrices(self) -> list[Matrix]:
        """All of them, in the order in which they are used."""
        return [self.encoder, *self.cores, self.head]

    @property
    def unit_state(self) -> int:
        """S, what a layer remembers."""
        return CELL_SHAPES[self.info.cell].state * self.info.hidden


def _check(info: PolicyInfo) -> None:
    """Raise `ConfigError` for a policy that C files cannot hold."""
    if info.network is not None:
        what = f"a network of its own, {info.network.name}"
    elif info.plane_encoders:
        what = "convolutions"
    else:
        return
    raise ConfigError(f"the policy has {what}: C files hold those of plain arrays. Export it as .onnx.")
