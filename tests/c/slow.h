// slow - an environment whose step takes as long as its setting says: for tests of what waits for whom.
#pragma once
#include "puffer.h"

typedef struct Slow {
    PufRng rng;
    int32_t work, max_steps; // settings
    int32_t tick;
    PufLog log;
} Slow;

static void slow_reset(Slow* s) { s->tick = 0; }

static void slow_observe(const Slow* s, PufIo io) { ((float*)io.obs)[0] = (float)s->tick; }

// A draw takes about a nanosecond.
static void slow_step(Slow* s, PufIo io)
{
    uint32_t bits = (uint32_t)io.actions[0];
    for (int32_t i = 0; i < s->work; i++) {
        bits ^= puf_rand(&s->rng);
    }
    s->tick += 1;
    io.rewards[0] = (float)(bits & 0xFFFF);
    io.terminals[0] = 0;
    io.truncations[0] = (uint8_t)(s->tick >= s->max_steps);
    s->log.n += (float)io.truncations[0];
}

static const PufObs slow_obs[] = { { "tick", 1, 0, 1000000, "steps" } };
static const PufAction slow_actions[] = { { "move", 2, 0, 0, "a b" } };
static const PufParam slow_params[] = {
    PUF_SETTING(Slow, work, 0, 0, 1e9, "random numbers drawn in a step"),
    PUF_SETTING(Slow, max_steps, 1, 1, 1000000, "steps until an episode is cut off"),
};
static const PufField slow_fields[] = { PUF_SCALAR(Slow, tick, "steps") };

// clang-format off
PUF_DEFINE_ENV(slow, Slow,
    .version = 1, .doc = "Takes its time.", .reward = "noise", .ends = "truncated", .rate = 1, .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Slow), .agents = 1, .obs_ndim = 1, .obs_shape = { 1 }, PUF_ACTIONS(slow) },
    PUF_TABLES(slow));
