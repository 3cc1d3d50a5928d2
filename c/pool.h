// pool.h - a fixed set of threads that share one job at a time. Between jobs they look out for the next one for some
// microseconds, as long as waking a thread would take, and then sleep: an idle pool uses no processor time.
#pragma once

typedef struct PufPool PufPool;
typedef void (*PufJob)(void* context, int part, int parts);

PufPool* puf_pool_create(int threads); // counting the caller's own; NULL where threads cannot be had
int puf_pool_run(PufPool* pool, PufJob job, void* context); // one part per thread; 0, or -1 in a forked child
void puf_pool_destroy(PufPool* pool);
