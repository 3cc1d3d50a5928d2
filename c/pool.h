// pool.h - a fixed set of threads, which work in one of two ways at a time:
//
//     run             all of them and the caller share one job, and the caller waits until it is done;
//     send, receive   tasks wait in a queue, from which each thread takes one part after another while the caller does
//                     something else; the caller receives tasks in the order in which they finish.
//
// Between jobs the threads poll for the next one for a moment, longer than waking a thread would take (relax.h), and
// then sleep: an idle pool uses no processor time.
#pragma once

typedef struct PufPool PufPool;
typedef void (*PufJob)(void* context, int part, int parts);

// A pool in which `threads` share a run, including the caller's. With `tasks`, the maximum number of tasks sent and not
// yet received, it has one more thread, so that as many work on tasks without the caller. NULL if threads cannot be
// created.
PufPool* puf_pool_create(int threads, int tasks);
void puf_pool_destroy(PufPool* pool); // waits for the parts that have started, and drops the others

// All of these: -1 in a forked child, which has no threads.
int puf_pool_run(PufPool* pool, PufJob job, void* context); // one part per thread; 0. No task may be under way
int puf_pool_send(PufPool* pool, int task, PufJob job, void* context, int parts); // 0. This task is not under way
int puf_pool_receive(PufPool* pool); // the task that finished first; waits for it. One must be under way

// In WebAssembly alone (pool_wasm.c): the life of a thread that is lent to the pool, with its number, from 1 on; and what
// to call when it trapped.
void puf_pool_help(int part);
void puf_pool_stumble(void);
