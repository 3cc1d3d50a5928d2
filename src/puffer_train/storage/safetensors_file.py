"""Safetensors of which the same content gives the same bytes, with a checksum inside.

The library writes metadata in a random order and knows no checksums: the header is written here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

import safetensors.torch
from torch import Tensor

SEAL = "sha256"
"""Metadata key: SHA-256, in hexadecimal, of `policy` (the text) followed by the bytes behind the header."""


def pack(tensors: Mapping[str, Tensor], file_format: str, policy: str) -> bytes:
    """Return a file with the metadata `format`, `policy` and the checksum of the rest."""
    header, body = _split(safetensors.torch.save(dict(tensors)))
    metadata = {"format": file_format, "policy": policy, SEAL: _checksum(policy, body)}
    text = json.dumps({"__metadata__": metadata, **json.loads(header)}, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # tensors are aligned
    return len(text).to_bytes(8, "little") + text + body


def is_whole(data: bytes, metadata: Mapping[str, str]) -> bool:
    """Whether a file holds what its checksum says; older files have none, and nothing that could have been one."""
    if SEAL not in metadata:
        return metadata.keys() <= {"format", "policy"}
    return metadata[SEAL] == _checksum(metadata.get("policy", ""), _split(data)[1])


def _split(data: bytes) -> tuple[bytes, bytes]:
    """Return the header of a safetensors file, which is JSON, and the bytes of its tensors."""
    end = 8 + int.from_bytes(data[:8], "little")
    return data[8:end], data[end:]


def _checksum(policy: str, body: bytes) -> str:
    return hashlib.sha256(policy.encode() + body).hexdigest()
