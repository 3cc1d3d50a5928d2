// pool_wasm.c - in place of pool.c in WebAssembly: the threads are Workers, which a page starts in the same memory and lends
// (web/page/trainer.js). Where it lends none, nobody gets a pool, and does all alone. There is no queue of tasks.
#include "pool.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct PufPool {
    PufJob job;
    void* context;
    int threads;         // counting the caller's own
    atomic_int round;    // each call to the threads is one
    atomic_int pending;  // threads still busy with it
    atomic_int stumbled; // whether one of them was ended by a trap
};

static PufPool lent;

// Sleep unless a number has changed; FOREVER: until woken.
enum { FOREVER = -1 };
static void sleep_while(atomic_int* number, int is) { __builtin_wasm_memory_atomic_wait32((int*)number, is, FOREVER); }

static void wake_all(atomic_int* number) { __builtin_wasm_memory_atomic_notify((int*)number, UINT32_MAX); }

static void finish_part(void)
{
    if (atomic_fetch_sub(&lent.pending, 1) == 1) {
        wake_all(&lent.pending);
    }
}

void puf_pool_help(int part)
{
    for (int seen = 0;; seen++) {
        while (atomic_load(&lent.round) == seen) {
            sleep_while(&lent.round, seen);
        }
        lent.job(lent.context, part, lent.threads);
        finish_part();
    }
}

// The caller traps, too, instead of waiting for it.
void puf_pool_stumble(void)
{
    atomic_store(&lent.stumbled, 1);
    finish_part();
}

PufPool* puf_pool_create(int threads, int tasks)
{
    if (threads < 2 || tasks > 0 || lent.threads) {
        return NULL;
    }
    lent.threads = threads;
    return &lent;
}

void puf_pool_destroy(PufPool* pool) { (void)pool; } // the page ends its Workers

int puf_pool_run(PufPool* pool, PufJob job, void* context)
{
    pool->job = job, pool->context = context;
    atomic_store(&pool->pending, pool->threads - 1);
    atomic_fetch_add(&pool->round, 1);
    wake_all(&pool->round);
    job(context, 0, pool->threads);
    for (int left; (left = atomic_load(&pool->pending)) > 0;) {
        sleep_while(&pool->pending, left);
    }
    if (atomic_load(&pool->stumbled)) {
        __builtin_trap();
    }
    return 0;
}

int puf_pool_send(PufPool* pool, int task, PufJob job, void* context, int parts)
{
    (void)pool;
    (void)task;
    (void)job;
    (void)context;
    (void)parts;
    return -1;
}

int puf_pool_receive(PufPool* pool)
{
    (void)pool;
    return -1;
}
