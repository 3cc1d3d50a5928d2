// signals.h - tells processes who has work and whose work is done: numbered words in shared memory.
//
// Every block of environments has two words: `asked`, which the parent raises to have the block stepped, and `done`,
// which its worker sets to the same number afterwards. A process that finds nothing to do for a moment (relax.h) sets a
// third word, `asleep`, looks once more, and waits for a byte on a socket. The process that finds it asleep clears that
// word and sends the byte, so a sleep costs one byte, however much is asked in the meantime. Each word has its own cache
// line.
//
// All accesses are sequentially consistent: "I raise `asked`, then read `asleep`" and "I set `asleep`, then read
// `asked`" must not both see the old value, or a wake-up would be lost.
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { PUF_SIGNAL_BYTES = 64, PUF_SIGNAL_BLOCKS_PER_LOOK = 32 };

typedef struct PufSignals {
    uint8_t* memory; // puf_signals_size bytes, shared, initially zero
    int32_t blocks;
    int32_t workers;
} PufSignals;

size_t puf_signals_size(int32_t blocks, int32_t workers);

// For the parent.
int puf_signals_ask(PufSignals s, int32_t block, int32_t worker); // 1: the worker slept and must be woken
// The first block from `from` on (wrapping around) whose `done` is not `seen[block]`, which is updated; -1 if there is
// none after `looks` looks (fewer if there are many blocks to look at).
int32_t puf_signals_next_done(PufSignals s, uint32_t* seen, int32_t from, int looks);
void puf_signals_parent_sleeps(PufSignals s, int sleeps);

// For worker `worker`, which has the blocks `first` to `last - 1`.
int32_t puf_signals_next_asked(PufSignals s, int32_t first, int32_t last, int32_t from, int looks); // -1: none
int puf_signals_finish(PufSignals s, int32_t block); // 1: the parent slept and must be woken
void puf_signals_set_worker_sleeps(PufSignals s, int32_t worker, int sleeps);
