"""The symbols of an object file for macOS: Mach-O of 64 bits, as <mach-o/loader.h> and <mach-o/nlist.h> lay it out."""

from __future__ import annotations

import struct
from collections.abc import Iterator

MAGIC = b"\xcf\xfa\xed\xfe"
"""64 bits, little-endian."""
HEADER, COMMAND, SEGMENT, SECTION, SYMBOLS, SYMBOL = "<8I", "<II", "<8x16s32x4I", "<16s16s48x", "<8x4I", "<IBBHQ"
SEGMENT_COMMAND, SYMBOLS_COMMAND = 0x19, 0x2
DEBUGGING, KIND, UNDEFINED, IN_SECTION = 0xE0, 0x0E, 0x0, 0xE
CONSTANT = ("__const", "__mod_init_func", "__mod_term_func")
"""Sections of data that only the loader writes to."""
LOADER = ("__tlv_bootstrap",)
"""What sets up the variables of a thread."""


def read_macho(data: bytes) -> Iterator[tuple[str, str, str | None]]:
    """Yield (name, kind, section) of each symbol; the section is None where it is undefined.

    Kinds are "variable", "constant" and "other", names as they are in the source.
    """
    segments: list[tuple[str, str]] = []
    tables = []
    at = struct.calcsize(HEADER)
    for _ in range(struct.unpack_from(HEADER, data)[4]):
        command, size = struct.unpack_from(COMMAND, data, at)
        if command == SEGMENT_COMMAND:
            segments += _sections(data, at)
        elif command == SYMBOLS_COMMAND:
            tables.append(struct.unpack_from(SYMBOLS, data, at))
        at += size
    for start, count, texts, _ in tables:
        for number in range(count):
            name_at, flags, section, _, value = struct.unpack_from(
                SYMBOL, data, start + number * struct.calcsize(SYMBOL)
            )
            name = _text(data[texts + name_at : data.index(b"\0", texts + name_at)])
            if flags & DEBUGGING or not name.startswith("_") or name in LOADER or name.endswith("$tlv$init"):
                continue  # names from C begin with an underscore, those that the assembler makes up do not
            if flags & KIND == UNDEFINED:
                yield name[1:], "variable" if value else "other", "common" if value else None
            elif flags & KIND == IN_SECTION:
                segment, label = segments[section - 1]
                can_change = segment == "__DATA" and label not in CONSTANT
                yield name[1:], "variable" if can_change else "other", label


def _sections(data: bytes, at: int) -> Iterator[tuple[str, str]]:
    """The segment and the name of each section."""
    _, _, _, count, _ = struct.unpack_from(SEGMENT, data, at)
    start = at + struct.calcsize(SEGMENT)
    for number in range(count):
        label, segment = struct.unpack_from(SECTION, data, start + number * struct.calcsize(SECTION))
        yield _text(segment), _text(label)


def _text(field: bytes) -> str:
    return field.rstrip(b"\0").decode("utf-8", "replace")
