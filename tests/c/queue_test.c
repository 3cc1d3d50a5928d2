// queue_test.c - tasks on pools of several sizes: sent singly and in bursts, with pauses long enough for threads to fall
// asleep, runs of all threads in between, and pools that are destroyed while tasks are under way.
#include "pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { TASKS = 24, PARTS = 5, ROUNDS = 400, POOLS = 60 };

// What the tasks write to. Plain memory: a thread sanitizer sees every access that the pool does not order.
typedef struct Counter {
    long parts[PARTS];
    long steps;
} Counter;
static Counter counters[TASKS];
static long shared[16][16]; // a cache line for each thread of a run
static long total;

static void step(void* context, int part, int parts)
{
    Counter* counter = context;
    counter->parts[part] += 1;
    for (volatile int work = 0; work < 50 * part; work++) {
    }
    (void)parts;
}

static void share(void* context, int part, int parts)
{
    (void)context;
    (void)parts;
    shared[part][0] += 1;
}

static void fail(const char* what, long at)
{
    fprintf(stderr, "queue_test: %s (at %ld)\n", what, at);
    exit(1);
}

static void nap(long nanoseconds) { nanosleep(&(struct timespec){ .tv_nsec = nanoseconds }, NULL); }

static int parts_of(int task) { return 1 + task % PARTS; }

static void send(PufPool* pool, int task)
{
    if (puf_pool_send(pool, task, step, &counters[task], parts_of(task)) != 0) {
        fail("send was refused", task);
    }
}

// Every part of it ran, once for every time that it was sent.
static int receive(PufPool* pool)
{
    int task = puf_pool_receive(pool);
    if (task < 0 || task >= TASKS) {
        fail("received no task", task);
    }
    counters[task].steps += 1;
    total += 1;
    for (int part = 0; part < PARTS; part++) {
        if (counters[task].parts[part] != (part < parts_of(task) ? counters[task].steps : 0)) {
            fail("a part was lost, or ran twice", task);
        }
    }
    return task;
}

// Each round sends the task received last, so that from 1 to TASKS of them are always under way.
static void keep_under_way(PufPool* pool, int count)
{
    for (int task = 0; task < count; task++) {
        send(pool, task);
    }
    for (int round = 1; round <= ROUNDS; round++) {
        if (round % 100 == 0) {
            nap(2000000); // all are done, and the threads asleep
        }
        send(pool, receive(pool));
    }
    for (int task = 0; task < count; task++) {
        receive(pool);
    }
}

static void run_in_between(PufPool* pool, int threads)
{
    for (int thread = 0; thread < threads; thread++) {
        shared[thread][0] = 0;
    }
    for (long round = 1; round <= ROUNDS; round++) {
        if (puf_pool_run(pool, share, NULL) != 0) {
            fail("run was refused", round);
        }
        for (int thread = 0; thread < threads; thread++) {
            if (shared[thread][0] != round) {
                fail("a thread missed a run", round);
            }
        }
        if (round % 10 == 0) {
            send(pool, (int)round % TASKS);
            receive(pool);
        }
    }
}

// Whatever has begun ends before destroy returns: afterwards nobody writes to the counters.
static void destroy_under_way(void)
{
    for (int i = 0; i < POOLS; i++) {
        PufPool* pool = puf_pool_create(1 + i % 3, TASKS);
        if (!pool) {
            fail("no threads", i);
        }
        for (int task = 0; task < TASKS; task++) {
            send(pool, task);
        }
        if (i % 4 == 0) {
            nap(20000);
        }
        puf_pool_destroy(pool);
        for (int task = 0; task < TASKS; task++) {
            counters[task] = (Counter){ .steps = 0 };
        }
    }
}

int main(void)
{
    for (int threads = 1; threads <= 8; threads += threads < 4 ? 1 : 4) {
        PufPool* pool = puf_pool_create(threads, TASKS);
        if (!pool) {
            fail("no threads", threads);
        }
        keep_under_way(pool, 1);
        keep_under_way(pool, 3);
        run_in_between(pool, threads);
        keep_under_way(pool, TASKS);
        puf_pool_destroy(pool);
    }
    destroy_under_way();
    printf("%ld\n", total);
    return 0;
}
