"""What an object file defines and needs, read from its symbol table: ELF (System V ABI, chapter 4) or Mach-O."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from puffer_envs import macho

MAGIC = b"\x7fELF\x02\x01"
"""64 bits, little-endian."""
WRITABLE = 1
SYMBOL_TABLE, OBJECT, COMMON_TYPE, THREAD_LOCAL = 2, 1, 5, 6
UNDEFINED, COMMON = 0, 0xFFF2
CONSTANT = (".data.rel.ro", ".init_array", ".fini_array", ".ctors")
"""Beginnings of the names of sections that only the loader writes to."""
HEADER, SECTION, SYMBOL = "<16xHHIQQQIHHHHHH", "<IIQQQQIIQQ", "<IBBHQQ"


@dataclass(frozen=True)
class Symbols:
    """Names in an object file, as they are in the source."""

    needed: tuple[str, ...]
    """Functions and variables that it uses and does not define."""
    variables: tuple[str, ...]
    """Variables that can change, of the whole program or of a thread."""


def read_symbols(path: Path) -> Symbols | None:
    """Return the symbols of an object file; None where it is none that we read: on Windows."""
    data = path.read_bytes()
    if data.startswith(MAGIC):
        found = list(_symbols(data))
    elif data.startswith(macho.MAGIC):
        found = list(macho.read_macho(data))
    else:
        return None
    needed = sorted({name for name, kind, section in found if name and section is None and kind != "section"})
    variables = sorted({name for name, kind, section in found if kind == "variable" and section is not None})
    return Symbols(tuple(map(demangle, needed)), tuple(dict.fromkeys(map(demangle, variables))))


def _symbols(data: bytes) -> Iterator[tuple[str, str, str | None]]:
    """(name, kind, section) of each; the section is None where it is undefined."""
    _, _, _, _, _, start, _, _, _, _, size, count, names = struct.unpack_from(HEADER, data)
    sections = [struct.unpack_from(SECTION, data, start + i * size) for i in range(count)]
    labels = [_text(data, sections[names][4] + section[0]) for section in sections]
    for section in sections:
        if section[1] != SYMBOL_TABLE:
            continue
        texts = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], section[9]):
            name_at, info, _, index, _, _ = struct.unpack_from(SYMBOL, data, at)
            name, kind = _text(data, texts + name_at), info & 15
            if index == UNDEFINED:
                yield name, "other", None
            elif index == COMMON:
                yield name, "variable", "COMMON"
            elif index < count and kind in (OBJECT, COMMON_TYPE, THREAD_LOCAL):
                can_change = sections[index][2] & WRITABLE and not labels[index].startswith(CONSTANT)
                yield name, "variable" if can_change else "constant", labels[index]


def _text(data: bytes, at: int) -> str:
    return data[at : data.index(b"\0", at)].decode("utf-8", "replace")


def demangle(name: str) -> str:
    """Return the name in the source: without what C++ and static variables of functions add to it."""
    if name.startswith("_Z") and shutil.which("c++filt"):
        name = (
            subprocess.run(
                ["c++filt", name], capture_output=True, text=True, errors="replace", check=False
            ).stdout.strip()
            or name
        )
    name = re.sub(r"\.\d+$|(?<=\w)\.llvm\.\d+$", "", name)
    return re.sub(r"^\w+\.(?=[A-Za-z_])", "", name)  # Clang puts the function before its static variables
