// memory - see a cue, wait, and say which one it was. The smallest test that a policy remembers.
//
// Observation  int8 (2,): the cue (-1 or 1 in the first observation, then 0), and whether to answer
//              now (0 or 1).
// Action       one of 2: the answer, left (cue -1) or right (cue 1). It is ignored until asked for.
// Reward       1 for the right answer, -1 for the wrong one, else 0.
// End          terminal with the answer, `distance` + 1 steps after the start of the episode.
// Score        1 for the right answer, 0 for the wrong one; perf is the same. A policy without
//              memory is right half the time.
//
// Between the cue and the question, `distance` steps later, all observations are the same: only
// memory helps.
#pragma once
#include "puffer.h"

enum { MEMORY_OBS = 2 };
enum { MEMORY_LEFT, MEMORY_RIGHT, MEMORY_ACTIONS };
enum { MEMORY_WRONG, MEMORY_CORRECT, MEMORY_NO_VERDICT };

typedef struct Memory {
    PufRng rng;
    int32_t distance; // setting
    int32_t cue;      // the right answer
    int32_t tick;
    int32_t verdict; // on the last answer: MEMORY_...; for renderers
    PufLog log;
} Memory;

static void memory_prepare(void* setup)
{
    Memory* s = setup;
    s->verdict = MEMORY_NO_VERDICT;
}

static void memory_reset(Memory* s)
{
    s->cue = (int32_t)(puf_rand(&s->rng) >> 31);
    s->tick = 0;
}

static void memory_observe(const Memory* s, PufIo io)
{
    int8_t* obs = io.obs;
    obs[0] = (int8_t)(s->tick == 0 ? 2 * s->cue - 1 : 0);
    obs[1] = (int8_t)(s->tick >= s->distance);
}

static void memory_step(Memory* s, PufIo io)
{
    int32_t asked = s->tick >= s->distance;
    int32_t right = io.actions[0] == s->cue;
    s->tick += 1;
    io.rewards[0] = asked ? (float)(2 * right - 1) : 0.0f;
    io.terminals[0] = (uint8_t)asked;
    io.truncations[0] = 0;
    if (asked) {
        s->verdict = right;
        puf_log_episode(&s->log, (float)right, (float)right, (float)(2 * right - 1), (float)s->tick);
    }
}

static const PufObs memory_obs[] = {
    { "cue", 1, -1, 1, "-1 left or 1 right in the first observation of an episode, else 0" },
    { "asked", 1, 0, 1, "1: the next action is the answer" },
};
static const PufAction memory_actions[] = { { "answer", MEMORY_ACTIONS, 0, 0, "left right" } };
static const PufParam memory_params[] = {
    PUF_SETTING(Memory, distance, 16, 1, 1000000, "steps from the cue to the question"),
};
static const PufField memory_fields[] = {
    PUF_SCALAR(Memory, cue, "the right answer: 0 left, 1 right", PUF_RANGE(0, 1)),
    PUF_SCALAR(Memory, tick, "steps since the cue was shown", PUF_UP_TO(Memory, distance)),
    PUF_SCALAR(Memory, distance, "steps from the cue to the question"),
    PUF_SCALAR(Memory, verdict, "on the answer in the previous episode: 0 wrong, 1 right, 2 no answer yet",
               PUF_RANGE(MEMORY_WRONG, MEMORY_NO_VERDICT)),
};

// clang-format off
PUF_DEFINE_ENV(memory, Memory,
    .version = 1,
    .doc = "See a cue, wait, and say which one it was: the smallest test that a policy remembers.",
    .reward = "1 for the right answer, -1 for the wrong one, else 0",
    .ends = "terminal with the answer, distance + 1 steps after the start of the episode",
    .rate = 4,
    .obs_dtype = PUF_I8,
    .layout = { .state_size = sizeof(Memory), .agents = 1, .obs_ndim = 1, .obs_shape = { MEMORY_OBS },
                PUF_ACTIONS(memory) },
    PUF_TABLES(memory),
    .prepare = memory_prepare);
