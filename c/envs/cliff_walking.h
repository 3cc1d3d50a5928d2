// cliff_walking - walk along a cliff to the goal: Gymnasium's CliffWalking-v1.
//
// Observation  uint8 (2,): codes: your row and column in a field of 4 x 12, from the top left corner.
// Action       one of 4: up, right, down, left.
// Reward       -1 for every step; instead -100 for the one over the cliff.
// End          terminal at the goal; truncated after `max_steps` steps.
//
// You start in the bottom left corner; the goal is in the bottom right one, and the cliff is between the two. Who steps over
// it is back at the start. The edge of the field stops you. With the setting `slippery` a step goes where it should one time
// in three, and else to one of the two sides.
#pragma once
#include "puffer.h"

enum { CLIFF_WALKING_ROWS = 4, CLIFF_WALKING_COLUMNS = 12, CLIFF_WALKING_SHORTEST = 13 };
enum { CLIFF_WALKING_UP, CLIFF_WALKING_RIGHT, CLIFF_WALKING_DOWN, CLIFF_WALKING_LEFT, CLIFF_WALKING_ACTIONS };

#define CLIFF_WALKING_STEP (-1.0f)
#define CLIFF_WALKING_FALL (-100.0f)

typedef struct CliffWalking {
    PufRng rng;
    float episode_return; // so far
    float scatter;        // setting
    int32_t slippery;     // setting
    int16_t tick;
    int16_t max_steps; // setting
    int16_t falls;     // in this episode, for drawings
    int8_t row, column;
    PufLog log;
} CliffWalking;

static void cliff_walking_reset(CliffWalking* s)
{
    s->row = CLIFF_WALKING_ROWS - 1;
    s->column = 0;
    if (s->scatter > 0.0f && puf_rand_float(&s->rng) < s->scatter) {
        s->row = (int8_t)puf_rand_below(&s->rng, CLIFF_WALKING_ROWS - 1);
        s->column = (int8_t)puf_rand_below(&s->rng, CLIFF_WALKING_COLUMNS);
    }
    s->episode_return = 0.0f;
    s->falls = 0;
    s->tick = 0;
}

static void cliff_walking_observe(const CliffWalking* s, PufIo io)
{
    uint8_t* obs = io.obs;
    obs[0] = (uint8_t)s->row;
    obs[1] = (uint8_t)s->column;
}

// The direction in which a step goes on slippery ground: a quarter turn to the left, none, or to the right.
static inline int32_t cliff_walking_slip(CliffWalking* s, int32_t action)
{
    return (action + 3 + (int32_t)puf_rand_below(&s->rng, 3)) & 3;
}

static inline int32_t cliff_walking_clamp(int32_t x, int32_t most) { return x < 0 ? 0 : x > most ? most : x; }

static void cliff_walking_step(CliffWalking* s, PufIo io)
{
    int32_t way = s->slippery ? cliff_walking_slip(s, io.actions[0]) : io.actions[0];
    const int32_t bottom = CLIFF_WALKING_ROWS - 1, last = CLIFF_WALKING_COLUMNS - 1;
    int32_t row = s->row + (way == CLIFF_WALKING_DOWN) - (way == CLIFF_WALKING_UP);
    int32_t column = s->column + (way == CLIFF_WALKING_RIGHT) - (way == CLIFF_WALKING_LEFT);
    row = cliff_walking_clamp(row, bottom);
    column = cliff_walking_clamp(column, last);
    int fell = (row == bottom) & (column > 0) & (column < last);
    int there = (row == bottom) & (column == last);
    float reward = fell ? CLIFF_WALKING_FALL : CLIFF_WALKING_STEP;
    s->row = (int8_t)row;
    s->column = (int8_t)(fell ? 0 : column);
    s->falls = (int16_t)(s->falls + fell);
    s->tick += 1;
    s->episode_return += reward;

    int late = !there & (s->tick >= s->max_steps);
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)there;
    io.truncations[0] = (uint8_t)late;
    if (there | late) {
        float perf = there ? (float)CLIFF_WALKING_SHORTEST / -s->episode_return : 0.0f;
        puf_log_episode(&s->log, perf > 1.0f ? 1.0f : perf, s->episode_return, s->episode_return, (float)s->tick);
    }
}

static const PufObs cliff_walking_obs[] = {
    PUF_CODES("row", 1, CLIFF_WALKING_ROWS, "from the top"),
    PUF_CODES("column", 1, CLIFF_WALKING_COLUMNS, "from the left"),
};
static const PufAction cliff_walking_actions[] = { { "move", CLIFF_WALKING_ACTIONS, 0, 0, "up right down left" } };
static const PufParam cliff_walking_params[] = {
    PUF_FLAG(CliffWalking, slippery, 0, "whether the ground is slippery; Gymnasium calls it is_slippery"),
    PUF_SETTING(CliffWalking, scatter, 0, 0, 1, "share of the episodes that start anywhere; 0 as in Gymnasium"),
    PUF_SETTING(CliffWalking, max_steps, 1000, 1, 32767, "steps after which an episode is truncated; Gymnasium: never"),
};
static const PufField cliff_walking_fields[] = {
    PUF_SCALAR(CliffWalking, row, "from the top", PUF_RANGE(0, CLIFF_WALKING_ROWS - 1)),
    PUF_SCALAR(CliffWalking, column, "from the left", PUF_RANGE(0, CLIFF_WALKING_COLUMNS - 1)),
    PUF_SCALAR(CliffWalking, falls, "over the cliff in this episode", PUF_RANGE(0, 32767)),
    PUF_SCALAR(CliffWalking, episode_return, "rewards in this episode", PUF_RANGE(-100.0 * 32767, 0)),
    PUF_SCALAR(CliffWalking, tick, "steps since the start of the episode", PUF_LESS_THAN(CliffWalking, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(cliff_walking, CliffWalking,
    .version = 1,
    .doc = "Walk along a cliff to the goal: Gymnasium's CliffWalking-v1.",
    .reward = "-1 for every step, -100 for the one over the cliff",
    .ends = "terminal at the goal; truncated after max_steps steps",
    .rate = 6,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(CliffWalking), .agents = 1, .obs_ndim = 1, .obs_shape = { 2 },
                PUF_ACTIONS(cliff_walking) },
    PUF_TABLES(cliff_walking));
