// faulty - an environment that is right, until it is compiled with one of the macros below. Compiled by the tests as a
// user's own library, to see what the checks say.
#pragma once
#include "puffer.h"

enum { FAULTY_CELLS = 50, FAULTY_LENGTH = 8 };

#ifndef FAULTY_STEP // statements in step
#define FAULTY_STEP
#endif
#ifndef FAULTY_SHAPE // what the layout declares
#define FAULTY_SHAPE FAULTY_CELLS
#endif
#ifndef FAULTY_COUNT // what the table of observations declares
#define FAULTY_COUNT 0
#endif
#ifndef FAULTY_PERF
#define FAULTY_PERF 1.0f
#endif

#ifndef FAULTY_START // what `start` can be
#define FAULTY_START PUF_RANGE(0, FAULTY_CELLS - 1)
#endif

typedef struct Faulty {
    PufRng rng;
    int32_t tick, start;
    PufLog log;
} Faulty;

static void faulty_reset(Faulty* s)
{
    s->tick = 0;
    s->start = (int32_t)puf_rand_below(&s->rng, FAULTY_CELLS);
}

static void faulty_observe(const Faulty* s, PufIo io)
{
    uint8_t* cells = io.obs;
    memset(cells, 0, FAULTY_CELLS);
    cells[(s->start + s->tick) % FAULTY_CELLS] = 1;
}

static void faulty_step(Faulty* s, PufIo io)
{
    s->tick += 1;
    io.rewards[0] = 0.0f;
    io.terminals[0] = s->tick == FAULTY_LENGTH;
    io.truncations[0] = 0;
    if (io.terminals[0]) {
        puf_log_episode(&s->log, FAULTY_PERF, 0.0f, 0.0f, FAULTY_LENGTH);
    }
    FAULTY_STEP
}

static const PufObs faulty_obs[] = { { "cells", FAULTY_COUNT, 0, 1, "1: here" } };
static const PufAction faulty_actions[] = { { "act", 2, 0, 0, "no yes" } };
static const PufParam faulty_params[] = { PUF_SETTING(Faulty, tick, 0, 0, 1, "of no use") };
static const PufField faulty_fields[] = {
    PUF_SCALAR(Faulty, tick, "steps", PUF_RANGE(0, FAULTY_LENGTH)),
    PUF_SCALAR(Faulty, start, NULL, FAULTY_START),
};

// clang-format off
PUF_DEFINE_ENV(faulty, Faulty,
    .version = 1, .doc = "Exercises the checks.", .reward = "none", .ends = "terminal", .rate = 1, .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Faulty), .agents = 1, .obs_ndim = 1, .obs_shape = { FAULTY_SHAPE },
                PUF_ACTIONS(faulty) },
    PUF_TABLES(faulty));
