// minatar_freeway - lead a chicken over eight lanes of traffic: the Freeway of MinAtar (Young and Tian, 2019).
//
// Observation  uint8 (10, 10, 7): 1 where something is, in layers: the chicken, cars, and behind each car a trail in one of
//              five layers, from the fastest to the slowest; rows from the top.
// Action       one of 3: stay, up, down; or of MinAtar's 6, with the setting all_actions. With the chance `sticky` the last
//              action is repeated instead.
// Reward       +1 at the top, from where the chicken starts again.
// End          terminal after `max_steps` steps.
//
// The chicken walks in the fifth column, once in three steps. A car that is where it is sends it back to the start. Each
// lane has one car, which moves once in 2 to 6 steps and comes back on the other side. At the top, all cars get new speeds
// and directions.
#pragma once
#include "minatar.h"

enum { MINATAR_FREEWAY_CHICKEN, MINATAR_FREEWAY_CAR, MINATAR_FREEWAY_TRAILS, MINATAR_FREEWAY_LAYERS = 7 };
enum { MINATAR_FREEWAY_LANES = 8, MINATAR_FREEWAY_SPEEDS = 5 }; // lane i is row i + 1
enum { MINATAR_FREEWAY_COLUMN = 4, MINATAR_FREEWAY_START = 9, MINATAR_FREEWAY_REST = 3 };
#define MINATAR_FREEWAY_PAR 60.0f // crossings for a perf of 1

typedef struct MinatarFreeway {
    PufRng rng;
    float sticky;        // setting
    int32_t all_actions; // setting
    int32_t max_steps;   // setting
    int32_t tick;
    int32_t score;
    int8_t cars[MINATAR_FREEWAY_LANES];  // columns
    int8_t pace[MINATAR_FREEWAY_LANES];  // steps that a car rests after each move; negative for those going left
    int8_t rests[MINATAR_FREEWAY_LANES]; // steps until it moves
    int8_t row;                          // of the chicken
    int8_t tired;                        // steps until the chicken can walk
    uint8_t last;                        // action
    PufLog log;
} MinatarFreeway;

static void minatar_freeway_draw_traffic(MinatarFreeway* s)
{
    for (int32_t i = 0; i < MINATAR_FREEWAY_LANES; i++) {
        s->rests[i] = (int8_t)(1 + puf_rand_below(&s->rng, MINATAR_FREEWAY_SPEEDS));
    }
    for (int32_t i = 0; i < MINATAR_FREEWAY_LANES; i++) {
        int left = puf_rand_below(&s->rng, 2) == 0;
        s->pace[i] = (int8_t)(left ? -s->rests[i] : s->rests[i]);
    }
}

static void minatar_freeway_reset(MinatarFreeway* s)
{
    minatar_freeway_draw_traffic(s);
    memset(s->cars, 0, MINATAR_FREEWAY_LANES);
    s->row = MINATAR_FREEWAY_START;
    s->tired = MINATAR_FREEWAY_REST;
    s->last = MINATAR_STAY;
    s->score = 0;
    s->tick = 0;
}

// The column beside one, where the field is a ring.
static inline int32_t minatar_freeway_beside(int32_t x, int right)
{
    x += right ? 1 : -1;
    return x < 0 ? MINATAR_SIDE - 1 : x >= MINATAR_SIDE ? 0 : x;
}

static void minatar_freeway_observe(const MinatarFreeway* s, PufIo io)
{
    const int32_t layers = MINATAR_FREEWAY_LAYERS;
    uint8_t* obs = io.obs;
    memset(obs, 0, MINATAR_CELLS * MINATAR_FREEWAY_LAYERS);
    minatar_mark(obs, layers, MINATAR_FREEWAY_CHICKEN, MINATAR_FREEWAY_COLUMN, s->row);
    for (int32_t i = 0; i < MINATAR_FREEWAY_LANES; i++) {
        int right = s->pace[i] > 0;
        int32_t trail = MINATAR_FREEWAY_TRAILS - 1 + (right ? s->pace[i] : -s->pace[i]);
        minatar_mark(obs, layers, MINATAR_FREEWAY_CAR, s->cars[i], i + 1);
        minatar_mark(obs, layers, trail, minatar_freeway_beside(s->cars[i], !right), i + 1);
    }
}

// Whether it reached the top.
static int minatar_freeway_walk(MinatarFreeway* s, int32_t action)
{
    if ((action == MINATAR_UP || action == MINATAR_DOWN) && s->tired == 0) {
        s->tired = MINATAR_FREEWAY_REST;
        s->row = (int8_t)minatar_clamp(s->row + (action == MINATAR_UP ? -1 : 1), 0, MINATAR_SIDE - 1);
    }
    if (s->row > 0) {
        return 0;
    }
    minatar_freeway_draw_traffic(s);
    s->row = MINATAR_FREEWAY_START;
    return 1;
}

// Each lane in turn: who stands where its car is or comes is sent back.
static void minatar_freeway_drive(MinatarFreeway* s)
{
    for (int32_t i = 0; i < MINATAR_FREEWAY_LANES; i++) {
        int hit = s->cars[i] == MINATAR_FREEWAY_COLUMN;
        if (s->rests[i] == 0) {
            s->rests[i] = (int8_t)(s->pace[i] > 0 ? s->pace[i] : -s->pace[i]);
            s->cars[i] = (int8_t)minatar_freeway_beside(s->cars[i], s->pace[i] > 0);
            hit |= s->cars[i] == MINATAR_FREEWAY_COLUMN;
        } else {
            s->rests[i] -= 1;
        }
        s->row = (int8_t)(hit && s->row == i + 1 ? MINATAR_FREEWAY_START : s->row);
    }
}

static void minatar_freeway_step(MinatarFreeway* s, PufIo io)
{
    static const uint8_t moves[] = { MINATAR_STAY, MINATAR_UP, MINATAR_DOWN };
    int32_t chosen = s->all_actions ? io.actions[0] : moves[io.actions[0]];
    int32_t action = minatar_act(&s->rng, s->sticky, &s->last, chosen);
    int there = minatar_freeway_walk(s, action);
    minatar_freeway_drive(s);
    s->tired = (int8_t)(s->tired - (s->tired > 0));
    s->score += there;
    s->tick += 1;

    int over = s->tick >= s->max_steps;
    io.rewards[0] = (float)there;
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = 0;
    if (over) {
        minatar_log(&s->log, MINATAR_FREEWAY_PAR, s->score, s->tick);
    }
}

static const PufObs minatar_freeway_obs[] = {
    { "cells", 0, 0, 1, "the chicken, cars, trails of five speeds: 1 where they are; rows from the top" },
};
static const PufAction minatar_freeway_actions[] = { { "move", 3, 0, 0, "stay up down" } };
static const PufParam minatar_freeway_params[] = {
    MINATAR_PARAMS(MinatarFreeway),
    PUF_SETTING(MinatarFreeway, max_steps, 2501, 1, 1000000, "steps of an episode; MinAtar's has 2,501"),
};
static const PufField minatar_freeway_fields[] = {
    PUF_ARRAY(MinatarFreeway, cars, "their columns, from the top lane on", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_ARRAY(MinatarFreeway, pace, "steps that a car rests after each move; negative for those going left",
              PUF_RANGE(-MINATAR_FREEWAY_SPEEDS, MINATAR_FREEWAY_SPEEDS)),
    PUF_ARRAY(MinatarFreeway, rests, "steps until a car moves", PUF_RANGE(0, MINATAR_FREEWAY_SPEEDS)),
    PUF_SCALAR(MinatarFreeway, row, "of the chicken", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarFreeway, tired, "steps until the chicken can walk", PUF_RANGE(0, MINATAR_FREEWAY_REST)),
    MINATAR_FIELDS(MinatarFreeway),
};

// A car has a direction.
static const char* minatar_freeway_contradiction(const void* state, const void* assets)
{
    const MinatarFreeway* s = state;
    (void)assets;
    int32_t stopped = 0;
    for (int32_t i = 0; i < MINATAR_FREEWAY_LANES; i++) {
        stopped += s->pace[i] == 0;
    }
    return stopped ? "pace" : NULL;
}

static void minatar_freeway_resize(PufLayout* layout, const void* setup)
{
    const MinatarFreeway* s = setup;
    layout->actions = s->all_actions ? minatar_all_actions : minatar_freeway_actions;
}

// clang-format off
PUF_DEFINE_ENV(minatar_freeway, MinatarFreeway,
    .version = 1,
    .doc = "Lead a chicken over eight lanes of traffic: the Freeway of MinAtar.",
    .reward = "+1 at the top",
    .ends = "terminal after max_steps steps",
    .rate = 20,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(MinatarFreeway) + 7) / 8 * 8, .agents = 1, .obs_ndim = 3,
                .obs_shape = { MINATAR_SIDE, MINATAR_SIDE, MINATAR_FREEWAY_LAYERS }, PUF_ACTIONS(minatar_freeway) },
    PUF_TABLES(minatar_freeway), .resize = minatar_freeway_resize, .contradiction = minatar_freeway_contradiction);
