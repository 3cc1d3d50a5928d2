"""JSON objects that carry a checksum of themselves, so that a change is noticed wherever it is."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def seal(content: dict[str, Any], key: str) -> bytes:
    """Return JSON text of `content` with its SHA-256 added under `key`."""
    return _text({**content, key: _checksum(content)})


def unseal(data: bytes, key: str) -> dict[str, Any]:
    """Return the content of a sealed object. Raises `ValueError`, in a few words, unless it is what was written.

    `data` may be anything: lists, bare numbers, thousands of levels.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not readable JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is no JSON object")
    content = {name: value for name, value in found.items() if name != key}
    try:
        whole = found.get(key) == _checksum(content) and _text(found) == data
    except RecursionError:  # writing needs more levels than reading
        whole = False
    if not whole:
        raise ValueError("it is not what was written")
    return content


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256((json.dumps(content, indent=2, sort_keys=True) + "\n").encode()).hexdigest()
