// signals_test.c - a parent and its workers, as threads, over many rounds with random pauses: no wake-up is lost, every
// block is stepped once for every time it was asked, and what one side wrote before its signal the other one sees.
#include "signals.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WORKERS = 3, MAX_BLOCKS = 12, LOST_AFTER_MS = 10000 };

static PufSignals signals;
static int32_t blocks_each;
static int worker_pipe[MAX_WORKERS][2], parent_pipe[2];
static int sent[MAX_BLOCKS], received[MAX_BLOCKS]; // plain: only the signals order them
static _Atomic int stop;

static uint32_t next_random(uint32_t* state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

// mostly about as long as the other side takes to fall asleep, which is when wake-ups are lost; seldom much longer
static void pause_a_while(uint32_t* state)
{
    if (next_random(state) % 512 == 0) {
        nanosleep(&(struct timespec){ .tv_nsec = 300000 }, NULL);
    }
    for (uint32_t left = next_random(state) % 2048; left; left--) {
        *(volatile uint32_t*)state;
    }
}

static void sleep_on(int fd, const char* who)
{
    char byte;
    struct pollfd wait = { .fd = fd, .events = POLLIN };
    if (poll(&wait, 1, LOST_AFTER_MS) != 1 || read(fd, &byte, 1) != 1) {
        fprintf(stderr, "a wake-up of %s was lost\n", who);
        exit(1);
    }
}

static void wake(int fd)
{
    if (write(fd, "", 1) != 1) {
        exit(1);
    }
}

static void* work(void* argument)
{
    int32_t worker = (int32_t)(intptr_t)argument;
    int32_t first = worker * blocks_each, last = first + blocks_each, from = first;
    uint32_t random = 17u + (uint32_t)worker;
    for (;;) {
        int32_t block = puf_signals_next_asked(signals, first, last, from, 20);
        if (block < 0) {
            puf_signals_set_worker_sleeps(signals, worker, 1);
            block = puf_signals_next_asked(signals, first, last, from, 0);
            if (block < 0) {
                sleep_on(worker_pipe[worker][0], "a worker");
            }
            puf_signals_set_worker_sleeps(signals, worker, 0);
            if (stop) {
                return NULL;
            }
            if (block < 0) {
                continue;
            }
        }
        from = block + 1 < last ? block + 1 : first;
        pause_a_while(&random);
        received[block] += sent[block];
        if (puf_signals_finish(signals, block)) {
            wake(parent_pipe[1]);
        }
    }
}

// false where something was lost or mixed up
static int play(int32_t workers, int32_t blocks, int rounds)
{
    signals = (PufSignals){ aligned_alloc(64, puf_signals_size(blocks, workers)), blocks, workers };
    memset(signals.memory, 0, puf_signals_size(blocks, workers));
    blocks_each = blocks / workers;
    stop = 0;
    pthread_t threads[MAX_WORKERS];
    for (intptr_t worker = 0; worker < workers; worker++) {
        pthread_create(&threads[worker], NULL, work, (void*)worker);
    }

    uint32_t seen[MAX_BLOCKS] = { 0 }, random = 5;
    int under_way[MAX_BLOCKS] = { 0 }, expected[MAX_BLOCKS] = { 0 };
    int32_t count = 0, from = 0;
    memset(received, 0, sizeof received);
    for (int round = 1; round <= rounds; round++) {
        // ask some of those that wait
        for (int32_t block = 0; block < blocks; block++) {
            if (!under_way[block] && (next_random(&random) % 2 || count == 0)) {
                sent[block] = round;
                expected[block] += round;
                under_way[block] = 1;
                count++;
                if (puf_signals_ask(signals, block, block / blocks_each)) {
                    wake(worker_pipe[block / blocks_each][1]);
                }
            }
        }
        pause_a_while(&random);
        // take some of those that are done; in the last round, all of them
        int32_t leave = round == rounds ? 0 : (int32_t)(next_random(&random) % (uint32_t)count);
        while (count > leave) {
            int32_t block = puf_signals_next_done(signals, seen, from, 20);
            if (block < 0) {
                puf_signals_parent_sleeps(signals, 1);
                block = puf_signals_next_done(signals, seen, from, 0);
                if (block < 0) {
                    sleep_on(parent_pipe[0], "the parent");
                    continue;
                }
                puf_signals_parent_sleeps(signals, 0);
            }
            from = (block + 1) % blocks;
            if (!under_way[block] || received[block] != expected[block]) {
                fprintf(stderr, "round %d: block %d has %d, not %d\n", round, block, received[block], expected[block]);
                return 0;
            }
            under_way[block] = 0;
            count--;
        }
    }

    stop = 1;
    for (int worker = 0; worker < workers; worker++) {
        wake(worker_pipe[worker][1]);
        pthread_join(threads[worker], NULL);
    }
    free(signals.memory);
    return memcmp(received, expected, sizeof received) == 0;
}

int main(void)
{
    if (pipe(parent_pipe) != 0) {
        return 1;
    }
    for (int worker = 0; worker < MAX_WORKERS; worker++) {
        if (pipe(worker_pipe[worker]) != 0) {
            return 1;
        }
    }
    return play(1, 1, 60000) && play(2, 2, 20000) && play(3, 12, 5000) ? 0 : 1;
}
