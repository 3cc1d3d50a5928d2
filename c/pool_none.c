// pool_none.c - in place of pool.c where there are no threads: nobody gets a pool, and does all alone.
#include "pool.h"
#include <stddef.h>

PufPool* puf_pool_create(int threads, int tasks)
{
    (void)threads;
    (void)tasks;
    return NULL;
}

void puf_pool_destroy(PufPool* pool) { (void)pool; }

int puf_pool_run(PufPool* pool, PufJob job, void* context)
{
    (void)pool;
    job(context, 0, 1);
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
