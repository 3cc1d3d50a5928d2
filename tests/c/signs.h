// signs - do what the sign says, whose writing means nothing until it is learned. For the tests of codes.
//
// Observation  uint8 (10): a sign, one of 40 codes; 8 codes that mean nothing; the time, an amount.
// Action       one of 4.
// Reward       1 for the action that the sign stands for, else 0.
// End          truncated after `steps` steps. Perf is the share of right actions.
#pragma once
#include "puffer.h"

enum { SIGNS_CODES = 40, SIGNS_OTHERS = 8, SIGNS_ACTIONS = 4, SIGNS_MOST = 64 };

typedef struct Signs {
    PufRng rng;
    int32_t steps; // setting
    uint8_t sign, others[SIGNS_OTHERS];
    int32_t tick, right;
    PufLog log;
} Signs;

// What a sign stands for has nothing to do with its number.
static int32_t signs_meaning(int32_t sign) { return (int32_t)(((uint32_t)sign * 2654435761u) >> 13) % SIGNS_ACTIONS; }

static void signs_draw(Signs* s)
{
    s->sign = (uint8_t)puf_rand_below(&s->rng, SIGNS_CODES);
    for (int32_t i = 0; i < SIGNS_OTHERS; i++) {
        s->others[i] = (uint8_t)puf_rand_below(&s->rng, SIGNS_CODES);
    }
}

static void signs_reset(Signs* s)
{
    s->tick = 0;
    s->right = 0;
    signs_draw(s);
}

static void signs_observe(const Signs* s, PufIo io)
{
    uint8_t* seen = io.obs;
    seen[0] = s->sign;
    memcpy(seen + 1, s->others, SIGNS_OTHERS);
    seen[1 + SIGNS_OTHERS] = (uint8_t)s->tick;
}

static void signs_step(Signs* s, PufIo io)
{
    int32_t right = io.actions[0] == signs_meaning(s->sign);
    s->right += right;
    s->tick += 1;
    io.rewards[0] = (float)right;
    io.terminals[0] = 0;
    io.truncations[0] = s->tick == s->steps;
    if (s->tick == s->steps) {
        float sum = (float)s->right, steps = (float)s->steps;
        puf_log_episode(&s->log, sum / steps, sum, sum, steps);
    } else {
        signs_draw(s);
    }
}

static const PufObs signs_obs[] = {
    PUF_CODES("sign", 1, SIGNS_CODES, "what to do"),
    PUF_CODES("others", SIGNS_OTHERS, SIGNS_CODES, "mean nothing"),
    { "time", 1, 0, SIGNS_MOST, "steps in this episode" },
};
static const PufAction signs_actions[] = { { "do", SIGNS_ACTIONS, 0, 0, "first second third fourth" } };
static const PufParam signs_params[] = { PUF_SETTING(Signs, steps, 8, 1, SIGNS_MOST, "of an episode") };
static const PufField signs_fields[] = {
    PUF_SCALAR(Signs, sign, "what is to be read", PUF_RANGE(0, SIGNS_CODES - 1)),
    PUF_ARRAY(Signs, others, "what means nothing", PUF_RANGE(0, SIGNS_CODES - 1)),
    PUF_SCALAR(Signs, tick, "steps in this episode", PUF_LESS_THAN(Signs, steps)),
    PUF_SCALAR(Signs, right, "right actions in this episode", PUF_UP_TO(Signs, tick)),
};

// clang-format off
PUF_DEFINE_ENV(signs, Signs,
    .version = 1,
    .doc = "Do what the sign says, whose writing means nothing until it is learned.",
    .reward = "1 for the action that the sign stands for",
    .ends = "truncated after so many steps",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Signs), .agents = 1, .obs_ndim = 1, .obs_shape = { 2 + SIGNS_OTHERS },
                PUF_ACTIONS(signs) },
    PUF_TABLES(signs));
