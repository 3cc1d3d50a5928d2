"""The encoder of named observations: it multiplies amounts, and adds rows of a table for codes (c/learn/encoder.h).

Code 0 adds nothing: what all codes would add if they were 0 is the base, and the other rows hold what they add to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.contract.policy_info import PolicyInfo
from puffer_envs.contract.tensor_file import Floats


@dataclass(frozen=True)
class CodeTable:
    """What codes add to the outputs of the encoder."""

    rows: NDArray[Any]
    """(R, H): a row for each choice of each code, in order; that of choice 0 is zeros."""
    base: Floats
    """(H,): what they add if all are 0."""
    choices: tuple[int, ...]
    """Of each code."""

    @classmethod
    def of(cls, encoder: Floats, info: PolicyInfo) -> CodeTable:
        """Take the table out of the scaled weights (H, O) of a policy, with the roundings of the kernels."""
        choices = tuple(n for field in info.flat_fields for n in field.choices)
        rows = np.ascontiguousarray(encoder[:, columns(info)[1]].T)
        base = np.zeros(len(encoder), np.float32)
        first = 0
        for n in choices:
            base += rows[first]
            rows[first : first + n] -= rows[first].copy()
            first += n
        return cls(rows, base, choices)

    def stored(self, rows: NDArray[Any]) -> CodeTable:
        """The same with other, rounded rows."""
        return replace(self, rows=rows)

    def picks(self, info: PolicyInfo, observations: NDArray[np.uint8]) -> NDArray[np.int64]:
        """The rows (A, D) that the codes of observations (A, B) pick."""
        fields = [field for field in info.flat_fields if field.kind == "discrete"]
        if not fields:
            return np.zeros((len(observations), 0), np.int64)
        codes = np.concatenate([field.read(observations).astype(np.int64) for field in fields], axis=1)
        return np.asarray(codes + np.cumsum((0, *self.choices[:-1])))

    def as_columns(self, scales: Floats | None) -> Floats:
        """Columns (H, R) of an encoder that does the same; the base is in those of the first code."""
        found = np.array(self.rows.T, np.float32) * (1 if scales is None else scales[:, None])
        if self.choices:
            found[:, : self.choices[0]] += self.base[:, None]
        return np.asarray(found, np.float32)


def columns(info: PolicyInfo) -> tuple[list[int], list[int]]:
    """Return which inputs of the encoder are amounts, and which are the choices of codes."""
    amounts: list[int] = []
    codes: list[int] = []
    first = 0
    for field in info.flat_fields:
        (codes if field.kind == "discrete" else amounts).extend(range(first, first + field.inputs))
        first += field.inputs
    return amounts, codes


def read_amounts(info: PolicyInfo, observations: NDArray[np.uint8]) -> Floats:
    """The amounts (A, N) in observations (A, B)."""
    fields = [field for field in info.flat_fields if field.kind == "box"]
    if not fields:
        return np.zeros((len(observations), 0), np.float32)
    return np.concatenate([field.read(observations).astype(np.float32) for field in fields], axis=1)
