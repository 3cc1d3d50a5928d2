"""Anonymous memory shared with worker processes: it leaves no name behind, and goes with its last user."""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile

import numpy as np
from numpy.typing import NDArray

Handle = int | str
"""What a worker finds the memory by: an inherited file descriptor; on Windows the name of a mapping, which is forgotten
when nobody has it open any more."""


class SharedMemory:
    """Memory whose size may be set after its handle has been passed on. Both sides call `map` with the same size."""

    def __init__(self, handle: Handle | None = None) -> None:
        """Make some, or open what a handle stands for."""
        self.handle: Handle = _create() if handle is None else handle
        self._owner = handle is None

    def map(self, size: int, *, writeable: bool = True) -> NDArray[np.uint8]:
        """The memory as an array of `size` bytes, zeroed in the beginning."""
        access = mmap.ACCESS_WRITE if writeable else mmap.ACCESS_READ
        if isinstance(self.handle, str):
            mapping = mmap.mmap(-1, size, tagname=self.handle, access=access)  # type: ignore[call-arg]
        else:
            if self._owner:
                os.ftruncate(self.handle, size)
            mapping = mmap.mmap(self.handle, size, access=access)
        return np.frombuffer(mapping, np.uint8)  # keeps the mapping for as long as anything looks at it

    def close(self) -> None:
        """Give the handle up; arrays stay valid. May be called twice."""
        if isinstance(self.handle, int) and self.handle >= 0:
            os.close(self.handle)
        self.handle = -1


def _create() -> Handle:
    if sys.platform == "win32":
        return f"puffer-envs-{os.getpid()}-{secrets.token_hex(8)}"
    if hasattr(os, "memfd_create"):
        return os.memfd_create("puffer-envs")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
