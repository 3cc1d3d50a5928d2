# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=True
"""What a vector and its worker processes share below Python: signals (c/signals.h) and a lifeline (c/lifeline.h)."""
from libc.stdint cimport int32_t, uint8_t, uint32_t

import numpy as np

cdef extern from "relax.h" nogil:
    enum:
        LOOKS

cdef extern from "signals.h" nogil:
    ctypedef struct PufSignals:
        uint8_t* memory
        int32_t blocks
        int32_t workers
    size_t puf_signals_size(int32_t, int32_t)
    int puf_signals_ask(PufSignals, int32_t, int32_t)
    int32_t puf_signals_next_done(PufSignals, uint32_t*, int32_t, int)
    void puf_signals_parent_sleeps(PufSignals, int)
    int32_t puf_signals_next_asked(PufSignals, int32_t, int32_t, int32_t, int)
    int puf_signals_finish(PufSignals, int32_t)
    void puf_signals_set_worker_sleeps(PufSignals, int32_t, int)

cdef extern from "lifeline.h" nogil:
    void puf_follow_parent(int, long)


def follow_parent(int lifeline, long parent):
    """Wait until the parent has ended; then end this process and what it started, even if some C code holds the
    interpreter's lock. `lifeline`: a descriptor that becomes readable, or reports its end, when the parent has.
    Does not return."""
    with nogil:
        puf_follow_parent(lifeline, parent)


def signals_size(int blocks, int workers):
    """Bytes of shared memory that the signals of so many blocks and workers take."""
    return puf_signals_size(blocks, workers)


cdef class Signals:
    """Numbered words in shared memory: `memory` is uint8, C-contiguous, 64-byte aligned, zeroed in the beginning."""
    cdef PufSignals signals
    cdef uint8_t[::1] memory
    cdef uint32_t[::1] seen
    cdef int32_t next_done_from, next_asked_from

    def __init__(self, memory, int blocks, int workers):
        if memory.nbytes < signals_size(blocks, workers):
            raise ValueError(f"the signals need {signals_size(blocks, workers)} bytes, got {memory.nbytes}")
        self.memory = memory
        self.signals.memory = &self.memory[0]
        self.signals.blocks = blocks
        self.signals.workers = workers
        self.seen = np.zeros(blocks, np.uint32)

    # -- for the parent --

    def ask(self, int block, int worker):
        """Have a block stepped. True: its worker slept, and must be woken."""
        return bool(puf_signals_ask(self.signals, block, worker))

    def next_done(self, bint spin):
        """A block that is done since it was last reported, or -1; looks for a moment if it may."""
        cdef int32_t block
        cdef int looks = LOOKS if spin else 0
        with nogil:
            block = puf_signals_next_done(self.signals, &self.seen[0], self.next_done_from, looks)
        if block >= 0:
            self.next_done_from = (block + 1) % self.signals.blocks
        return block

    def parent_sleeps(self, bint sleeps):
        """Say that the parent goes to sleep (look at `next_done` once more then), or is awake."""
        puf_signals_parent_sleeps(self.signals, sleeps)

    # -- for a worker --

    def next_asked(self, int first, int last, bint spin):
        """One of the blocks `first` to `last - 1` that waits to be stepped, in turn; or -1."""
        cdef int32_t block, start = self.next_asked_from
        cdef int looks = LOOKS if spin else 0
        if start < first or start >= last:
            start = first
        with nogil:
            block = puf_signals_next_asked(self.signals, first, last, start, looks)
        if block >= 0:
            self.next_asked_from = block + 1
        return block

    def finish(self, int block):
        """The block is stepped. True: the parent slept, and must be woken."""
        return bool(puf_signals_finish(self.signals, block))

    def worker_sleeps(self, int worker, bint sleeps):
        """Say that the worker goes to sleep (look at `next_asked` once more then), or is awake."""
        puf_signals_set_worker_sleeps(self.signals, worker, sleeps)
