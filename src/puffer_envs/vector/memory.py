"""Anonymous memory shared with worker processes. It has no name, and is freed with its last user."""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile

import numpy as np
from numpy.typing import NDArray

Handle = int | str
"""How a worker finds the memory: an inherited file descriptor; on Windows the name of a mapping, which disappears when
nobody has it open."""


class SharedMemory:
    """Memory whose size can be set after its handle was passed on. Both sides call `map` with the same size."""

    def __init__(self, handle: Handle | None = None) -> None:
        """Create shared memory, or open that of a handle."""
        self.handle: Handle = _create() if handle is None else handle
        self._owner = handle is None

    def map(self, size: int, *, writeable: bool = True) -> NDArray[np.uint8]:
        """Return the memory as a uint8 array (size,), initially zero."""
        access = mmap.ACCESS_WRITE if writeable else mmap.ACCESS_READ
        if isinstance(self.handle, str):
            mapping = mmap.mmap(-1, size, tagname=self.handle, access=access)  # type: ignore[call-arg]
        else:
            if self._owner:
                os.ftruncate(self.handle, size)
            mapping = mmap.mmap(self.handle, size, access=access)
        return np.frombuffer(mapping, np.uint8)  # keeps the mapping alive as long as any view of it

    def close(self) -> None:
        """Close the handle; arrays stay valid. Can be called twice."""
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
