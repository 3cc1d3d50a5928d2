"""The extension modules as files: what makes a mistake in them harder to exploit is on."""

from __future__ import annotations

import importlib.util
import struct
import sys
from pathlib import Path

import pytest

MODULES = ("puffer_envs._core", "puffer_envs._signals", "puffer_train._kernels", "puffer_render._raster")
PT_DYNAMIC, PT_STACK, PT_RELRO = 2, 0x6474E551, 0x6474E552
DT_FLAGS, BIND_NOW, EXECUTABLE = 30, 8, 1

Segment = tuple[int, int, int, int]
"""Type, flags, offset and size in the file."""


def segments(data: bytes) -> list[Segment]:
    """The program headers of a 64-bit little-endian ELF file."""
    (start,), (size, count) = struct.unpack_from("<Q", data, 32), struct.unpack_from("<HH", data, 54)
    found = []
    for i in range(count):
        kind, flags, offset, _, _, in_file = struct.unpack_from("<IIQQQQ", data, start + i * size)
        found.append((kind, flags, offset, in_file))
    return found


def dynamic(data: bytes) -> dict[int, int]:
    """The entries of the dynamic section by tag."""
    (_, _, offset, size) = next(segment for segment in segments(data) if segment[0] == PT_DYNAMIC)
    return dict(struct.iter_unpack("<qQ", data[offset : offset + size]))


@pytest.mark.skipif(sys.platform != "linux", reason="these are properties of ELF files")
@pytest.mark.parametrize("name", MODULES)
def test_extension_modules_are_hardened(name: str) -> None:
    found = importlib.util.find_spec(name)
    assert found is not None and found.origin is not None
    data = Path(found.origin).read_bytes()
    flags = {kind: flags for kind, flags, _, _ in segments(data)}
    assert PT_RELRO in flags and dynamic(data).get(DT_FLAGS, 0) & BIND_NOW, "full RELRO is off"
    assert not flags[PT_STACK] & EXECUTABLE, "the stack is executable"
    assert b"__stack_chk_fail" in data, "stack protectors are off"


@pytest.mark.skipif(sys.platform != "linux", reason="of the GNU C library")
def test_copies_are_checked_against_the_size_of_their_target() -> None:
    found = importlib.util.find_spec("puffer_envs._core")
    assert found is not None and found.origin is not None
    data = Path(found.origin).read_bytes()
    assert b"libc.musl" in data or b"_chk@" in data or b"_chk\0" in data.replace(b"__stack_chk_fail", b"")
