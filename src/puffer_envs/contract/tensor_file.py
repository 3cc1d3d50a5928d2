"""The safetensors format, as far as policy files need it: arrays of floats by name, and a few texts.

Eight bytes hold the length of a JSON header (little-endian), the header says where each tensor lies, and the tensors
follow without gaps. The same content always gives the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
"""float32 in memory, all of them; NumPy's stubs cannot follow that through arithmetic."""

STORED: Mapping[str, np.dtype[np.floating[Any]]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2")}
"""How floats lie in a file."""

ALIGNMENT = 8
"""Bytes: the header is padded with spaces, so that the tensors behind it are aligned."""

ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}
"""Size of one number of each type that a header may name."""


class TensorFileError(ValueError):
    """Bytes that are not a safetensors file, or a damaged one."""


def pack(metadata: Mapping[str, str], tensors: Mapping[str, Floats]) -> bytes:
    """A file with these texts and tensors: F16 for arrays of float16, F32 for all others."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    start = 0
    for name in sorted(tensors):
        kind = _kind(tensors[name])
        end = start + ITEM_BYTES[kind] * tensors[name].size
        header[name] = {"dtype": kind, "shape": list(tensors[name].shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return len(text).to_bytes(8, "little") + text + body_of(tensors)


def body_of(tensors: Mapping[str, Floats]) -> bytes:
    """The bytes of the tensors, sorted by name, as they follow the header."""
    arrays = (tensors[name] for name in sorted(tensors))
    return b"".join(np.ascontiguousarray(array, STORED[_kind(array)]).tobytes() for array in arrays)


def _kind(array: Floats) -> str:
    return "F16" if array.dtype == np.float16 else "F32"


def unpack(data: bytes) -> tuple[dict[str, str], dict[str, tuple[str, tuple[int, ...], memoryview]], memoryview]:
    """The metadata, each tensor as (dtype, shape, its bytes), and the bytes of all tensors.

    Raises:
        TensorFileError: the header cannot be read, or does not describe the bytes behind it exactly.
    """
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise TensorFileError("it is cut short")
    try:
        header = json.loads(data[8 : 8 + length], object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError):
        raise TensorFileError("its header is not JSON") from None
    if not isinstance(header, dict):
        raise TensorFileError("its header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise TensorFileError("its metadata are not texts")
    body = memoryview(data)[8 + length :]
    tensors, covered = {}, []
    for name, entry in header.items():
        dtype, shape, start, end = _read_entry(name, entry)
        covered.append((start, end))
        tensors[name] = (dtype, shape, body[start:end])
    end_before = 0
    for start, end in sorted(covered):
        if start != end_before:
            raise TensorFileError("its tensors overlap or leave gaps")
        end_before = end
    if end_before != len(body):
        raise TensorFileError(f"its tensors take {end_before} bytes, but {len(body)} are there")
    return metadata, tensors, body


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _read_entry(name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """The dtype, shape, first and last byte of a tensor. Raises TensorFileError unless they fit each other."""

    def sizes(values: Any) -> bool:
        return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 48 for v in values)

    if isinstance(entry, dict) and entry.keys() == {"dtype", "shape", "data_offsets"}:
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        known = isinstance(dtype, str) and dtype in ITEM_BYTES
        if known and sizes(shape) and len(shape) <= 8 and sizes(offsets) and len(offsets) == 2:
            start, end = offsets
            if end - start == math.prod(shape) * ITEM_BYTES[dtype]:
                return dtype, tuple(shape), start, end
    raise TensorFileError(f"its header describes the tensor {name!r} wrongly")
