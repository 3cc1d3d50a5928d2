"""JSON objects that contain their own checksum, so that every change is noticed."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def seal(content: dict[str, Any], key: str) -> bytes:
    """Return JSON text of `content` with its SHA-256 added under `key`."""
    return _text({**content, key: _checksum(content)})


def unseal(data: bytes, key: str) -> dict[str, Any]:
    """Return the content of a sealed object. `data` may be anything: lists, bare numbers, thousands of levels.

    Raises:
        ValueError: It is not exactly what `seal` wrote.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise ValueError("it is not readable JSON") from None
    if not isinstance(found, dict):
        raise ValueError("it is not a JSON object")
    content = {name: value for name, value in found.items() if name != key}
    try:
        whole = found.get(key) == _checksum(content) and _text(found) == data
    except RecursionError:  # writing needs more levels than reading
        whole = False
    if not whole:
        raise ValueError("its checksum is wrong")
    return content


def _text(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256((json.dumps(content, indent=2, sort_keys=True) + "\n").encode()).hexdigest()
