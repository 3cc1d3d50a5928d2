"""What a vector and its worker processes share below Python: signals and a lifeline. See cython/_signals.pyx."""

import numpy as np
from numpy.typing import NDArray

def follow_parent(lifeline: int, parent: int) -> None:
    """Wait until the parent has ended, then end this process and what it started. Does not return.

    Works even while C code holds the interpreter's lock: call it from a separate thread.

    Args:
        lifeline: file descriptor that nobody writes to and whose other end the parent holds.
        parent: process id of the parent.
    """

def signals_size(blocks: int, workers: int) -> int:
    """Return the bytes of shared memory that the signals of so many blocks and workers take."""

class Signals:
    """Who has work and who has done it: words in shared memory, through which a parent and its workers talk.

    A block is some environments that are stepped together. One object per process, all over the same memory.
    """

    def __init__(self, memory: NDArray[np.uint8], blocks: int, workers: int) -> None:
        """Read and write signals in `memory`.

        Args:
            memory: (`signals_size(blocks, workers)` or more,) uint8, contiguous, aligned to 64 bytes, zeroed before
                the first process uses it.
            blocks: how many there are, of all workers together.
            workers: how many processes step them.

        Raises:
            ValueError: the memory is too small.
        """

    def ask(self, block: int, worker: int) -> bool:
        """For the parent: have `worker` step a block. Return whether the worker sleeps and must be woken."""

    def next_done(self, spin: bool) -> int:
        """For the parent: return a block that was finished and not returned yet, or -1.

        Args:
            spin: look for a moment before giving up.
        """

    def parent_sleeps(self, sleeps: bool) -> None:
        """For the parent: announce that it is about to sleep (call `next_done` once more then), or is awake."""

    def next_asked(self, first: int, last: int, spin: bool) -> int:
        """For a worker: return one of its blocks `first` to `last - 1` that waits to be stepped, in turn, or -1.

        Args:
            first: its first block.
            last: the one after its last block.
            spin: look for a moment before giving up.
        """

    def finish(self, block: int) -> bool:
        """For a worker: report a block as stepped. Return whether the parent sleeps and must be woken."""

    def worker_sleeps(self, worker: int, sleeps: bool) -> None:
        """For a worker: announce that it is about to sleep (call `next_asked` once more then), or is awake."""
