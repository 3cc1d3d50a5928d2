// pool.h - a fixed set of threads, which work in one of two ways at a time:
//
//     run             all of them and the caller share one job, and the caller waits until it is done;
//     send, receive   tasks wait in a queue, of which each thread takes one part after the other, while the caller does
//                     something else; it receives them in the order in which they are done.
//
// Between jobs the threads look out for the next one for a moment, longer than waking a thread would take (relax.h), and
// then sleep: an idle pool uses no processor time.
#pragma once

typedef struct PufPool PufPool;
typedef void (*PufJob)(void* context, int part, int parts);

// A pool in which `threads` share a run, counting the caller's own. With `tasks`, the number of those that may be under
// way, it has one thread more: as many work on them while the caller does not. NULL where threads cannot be had.
PufPool* puf_pool_create(int threads, int tasks);
void puf_pool_destroy(PufPool* pool); // waits for the parts that were begun, and drops the others

// All of these: -1 in a forked child, where the threads are not.
int puf_pool_run(PufPool* pool, PufJob job, void* context); // one part per thread; 0. No task may be under way
int puf_pool_send(PufPool* pool, int task, PufJob job, void* context, int parts); // 0. This task is not under way
int puf_pool_receive(PufPool* pool); // the task that has been done for longest; waits for it. One must be under way
