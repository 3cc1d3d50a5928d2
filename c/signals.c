// signals.c - see signals.h.
#include "signals.h"
#include "relax.h"
#include <stdatomic.h>

typedef _Atomic uint32_t Word;

static Word* word(PufSignals s, int32_t index) { return (Word*)(void*)(s.memory + (size_t)index * PUF_SIGNAL_BYTES); }
static Word* asked(PufSignals s, int32_t block) { return word(s, block); }
static Word* done(PufSignals s, int32_t block) { return word(s, s.blocks + block); }
static Word* asleep(PufSignals s, int32_t worker) { return word(s, 2 * s.blocks + worker); }
static Word* parent_asleep(PufSignals s) { return word(s, 2 * s.blocks + s.workers); }

size_t puf_signals_size(int32_t blocks, int32_t workers)
{
    return (size_t)(2 * blocks + workers + 1) * PUF_SIGNAL_BYTES;
}

// Whether the caller must wake the sleeper: true for the first to take its word back.
static int claim(Word* sleeper) { return atomic_load(sleeper) != 0 && atomic_exchange(sleeper, 0) != 0; }

int puf_signals_ask(PufSignals s, int32_t block, int32_t worker)
{
    atomic_fetch_add(asked(s, block), 1);
    return claim(asleep(s, worker));
}

void puf_signals_parent_sleeps(PufSignals s, int sleeps) { atomic_store(parent_asleep(s), (uint32_t)sleeps); }

int32_t puf_signals_next_done(PufSignals s, uint32_t* seen, int32_t from, int looks)
{
    for (int look = 0;; look += 1 + s.blocks / PUF_SIGNAL_BLOCKS_PER_LOOK) {
        for (int32_t i = 0; i < s.blocks; i++) {
            int32_t block = from + i < s.blocks ? from + i : from + i - s.blocks;
            uint32_t now = atomic_load(done(s, block));
            if (now != seen[block]) {
                seen[block] = now;
                return block;
            }
        }
        if (look >= looks) {
            return -1;
        }
        relax(look);
    }
}

int32_t puf_signals_next_asked(PufSignals s, int32_t first, int32_t last, int32_t from, int looks)
{
    for (int look = 0;; look += 1 + (last - first) / PUF_SIGNAL_BLOCKS_PER_LOOK) {
        for (int32_t i = 0; i < last - first; i++) {
            int32_t block = from + i < last ? from + i : from + i - (last - first);
            // Only a block's worker writes its `done`, so these two differ exactly when there is something to do.
            if (atomic_load(asked(s, block)) != atomic_load(done(s, block))) {
                return block;
            }
        }
        if (look >= looks) {
            return -1;
        }
        relax(look);
    }
}

int puf_signals_finish(PufSignals s, int32_t block)
{
    atomic_store(done(s, block), atomic_load(asked(s, block)));
    return claim(parent_asleep(s));
}

void puf_signals_set_worker_sleeps(PufSignals s, int32_t worker, int sleeps)
{
    atomic_store(asleep(s, worker), (uint32_t)sleeps);
}
