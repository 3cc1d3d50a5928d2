// squared - walk across a square field to the target. The smallest environment: copy it to start your own.
//
// Observation  uint8 (11, 11): 0 empty, 1 the agent, 2 the target.
// Action       one of 5: stay, up, down, left, right. A step into the border has no effect.
// Reward       1 on reaching the target, else 0.
// End          terminal on the target; truncated after `max_steps` steps.
#pragma once
#include "puffer.h"

enum { SQUARED_SIZE = 11, SQUARED_CELLS = SQUARED_SIZE * SQUARED_SIZE };
enum { SQUARED_EMPTY, SQUARED_AGENT, SQUARED_TARGET };
enum { SQUARED_STAY, SQUARED_UP, SQUARED_DOWN, SQUARED_LEFT, SQUARED_RIGHT, SQUARED_ACTIONS };

typedef struct Squared {
    PufRng rng;
    int32_t max_steps; // setting
    int32_t row, column;
    int32_t target_row, target_column;
    int32_t tick;
    PufLog log;
} Squared;

// The agent starts in the middle cell, the target in any other.
static void squared_reset(Squared* s)
{
    s->row = SQUARED_SIZE / 2;
    s->column = SQUARED_SIZE / 2;
    uint32_t cell = puf_rand_below(&s->rng, SQUARED_CELLS - 1);
    cell += cell >= SQUARED_CELLS / 2; // skip the middle cell
    s->target_row = (int32_t)cell / SQUARED_SIZE;
    s->target_column = (int32_t)cell % SQUARED_SIZE;
    s->tick = 0;
}

static void squared_observe(const Squared* s, PufIo io)
{
    uint8_t* cells = io.obs;
    int32_t agent = s->row * SQUARED_SIZE + s->column;
    int32_t target = s->target_row * SQUARED_SIZE + s->target_column;
    memset(cells, SQUARED_EMPTY, SQUARED_CELLS);
    cells[target] = SQUARED_TARGET;
    cells[agent] = SQUARED_AGENT;
}

static int32_t squared_clamp(int32_t x)
{
    x = x < 0 ? 0 : x;
    return x >= SQUARED_SIZE ? SQUARED_SIZE - 1 : x;
}

static void squared_step(Squared* s, PufIo io)
{
    int32_t action = io.actions[0];
    s->row = squared_clamp(s->row + (action == SQUARED_DOWN) - (action == SQUARED_UP));
    s->column = squared_clamp(s->column + (action == SQUARED_RIGHT) - (action == SQUARED_LEFT));
    s->tick += 1;

    int reached = s->row == s->target_row && s->column == s->target_column;
    int late = !reached && s->tick >= s->max_steps;
    io.rewards[0] = (float)reached;
    io.terminals[0] = (uint8_t)reached;
    io.truncations[0] = (uint8_t)late;
    if (reached | late) {
        puf_log_episode(&s->log, (float)reached, (float)reached, (float)reached, (float)s->tick);
    }
}

static const PufObs squared_obs[] = {
    { "cells", 0, 0, 2, "0 empty, 1 the agent, 2 the target; rows from the top" },
};
static const PufAction squared_actions[] = { { "move", SQUARED_ACTIONS, 0, 0, "stay up down left right" } };
static const PufParam squared_params[] = {
    PUF_SETTING(Squared, max_steps, 32, 1, 100000, "steps after which an episode is truncated"),
};
static const PufField squared_fields[] = {
    PUF_SCALAR(Squared, row, "row of the agent, from the top", PUF_RANGE(0, SQUARED_SIZE - 1)),
    PUF_SCALAR(Squared, column, "column of the agent, from the left", PUF_RANGE(0, SQUARED_SIZE - 1)),
    PUF_SCALAR(Squared, target_row, "row of the target", PUF_RANGE(0, SQUARED_SIZE - 1)),
    PUF_SCALAR(Squared, target_column, "column of the target", PUF_RANGE(0, SQUARED_SIZE - 1)),
    PUF_SCALAR(Squared, tick, "steps since the start of the episode", PUF_UP_TO(Squared, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(squared, Squared,
    .version = 1,
    .doc = "Walk across a square field to the target: the smallest environment, and a template for your own.",
    .reward = "1 on reaching the target, else 0",
    .ends = "terminal on the target; truncated after max_steps steps",
    .rate = 8,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Squared), .agents = 1, .obs_ndim = 2, .obs_shape = { SQUARED_SIZE, SQUARED_SIZE },
                PUF_ACTIONS(squared) },
    PUF_TABLES(squared));
