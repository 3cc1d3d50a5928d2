// pool_test.c - many rounds on pools of several sizes, with pauses long enough for threads to fall asleep.
#include "pool.h"
#include <stdio.h>
#include <time.h>

enum { MAX_PARTS = 8, ROUNDS = 3000 };
static long counts[MAX_PARTS][16]; // a cache line each
static long total;

static void job(void* context, int part, int parts) { counts[part][0] += *(const int*)context * parts; }

int main(void)
{
    for (int threads = 1; threads <= MAX_PARTS; threads += threads < 4 ? 1 : 4) {
        PufPool* pool = puf_pool_create(threads, 0);
        if (!pool) {
            return 1;
        }
        long expected = 0;
        for (int part = 0; part < MAX_PARTS; part++) {
            counts[part][0] = 0;
        }
        for (int round = 1; round <= ROUNDS; round++) {
            if (puf_pool_run(pool, job, &round) != 0) {
                return 1;
            }
            expected += (long)round * threads;
            for (int part = 0; part < threads; part++) {
                if (counts[part][0] != expected) {
                    fprintf(stderr, "round %d, %d threads: part %d ran %ld, not %ld\n", round, threads, part,
                            counts[part][0], expected);
                    return 1;
                }
            }
            if (round % 500 == 0) {
                nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
            }
        }
        total += expected;
        puf_pool_destroy(pool);
    }
    printf("%ld\n", total);
    return 0;
}
