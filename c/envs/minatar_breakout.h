// minatar_breakout - break bricks with a ball and a paddle: the Breakout of MinAtar (Young and Tian, 2019).
//
// Observation  uint8 (10, 10, 4): 1 where something is, in layers: the paddle, the ball, where the ball was a step ago,
//              bricks; rows from the top.
// Action       one of 3: stay, left, right; or of MinAtar's 6, with the setting all_actions. With the chance `sticky` the
//              last action is repeated instead.
// Reward       +1 for a brick.
// End          terminal when the ball passes the paddle; truncated after `max_steps` steps.
//
// The ball flies diagonally, a cell each step; walls and bricks send it back. So does the paddle, the way it came if it
// moves under the ball just then, and onwards if the ball lands on it. A new wall of three rows stands once none is left.
#pragma once
#include "minatar.h"

enum {
    MINATAR_BREAKOUT_PADDLE,
    MINATAR_BREAKOUT_BALL,
    MINATAR_BREAKOUT_TRAIL,
    MINATAR_BREAKOUT_BRICK,
    MINATAR_BREAKOUT_LAYERS
};
enum { MINATAR_BREAKOUT_ROWS = 3, MINATAR_BREAKOUT_BRICKS = MINATAR_BREAKOUT_ROWS * MINATAR_SIDE };
enum { MINATAR_BREAKOUT_FLOOR = MINATAR_SIDE - 1 };
#define MINATAR_BREAKOUT_PAR 100.0f // bricks for a perf of 1

typedef struct MinatarBreakout {
    PufRng rng;
    float sticky;        // setting
    float worn;          // setting
    int32_t all_actions; // setting
    int32_t max_steps;   // setting
    int32_t tick;
    int32_t score;
    uint8_t bricks[MINATAR_BREAKOUT_BRICKS]; // 1 where one is; rows from the top, the first below an empty row
    int8_t x, y;                             // of the ball
    int8_t old_x, old_y;                     // a step ago
    int8_t right, down;                      // where it flies: 1, or -1
    int8_t paddle;                           // its column
    uint8_t struck;                          // a brick, and nothing else since
    uint8_t last;                            // action
    PufLog log;
} MinatarBreakout;

// With the setting `worn` some of the bricks are gone: a share between none and that one.
static void minatar_breakout_build(MinatarBreakout* s)
{
    const float gone = s->worn > 0.0f ? puf_rand_range(&s->rng, 0.0f, s->worn) : 0.0f;
    for (int32_t i = 0; i < MINATAR_BREAKOUT_BRICKS; i++) {
        s->bricks[i] = gone == 0.0f || puf_rand_float(&s->rng) >= gone;
    }
}

static void minatar_breakout_reset(MinatarBreakout* s)
{
    int32_t side = (int32_t)puf_rand_below(&s->rng, 2); // from which the ball comes
    s->x = side ? MINATAR_SIDE - 1 : 0;
    s->y = 3;
    s->right = side ? -1 : 1;
    s->down = 1;
    s->old_x = s->x;
    s->old_y = s->y;
    s->paddle = 4;
    minatar_breakout_build(s);
    s->struck = 0;
    s->last = MINATAR_STAY;
    s->score = 0;
    s->tick = 0;
}

static void minatar_breakout_observe(const MinatarBreakout* s, PufIo io)
{
    const int32_t layers = MINATAR_BREAKOUT_LAYERS;
    uint8_t* obs = io.obs;
    memset(obs, 0, MINATAR_CELLS * MINATAR_BREAKOUT_LAYERS);
    uint8_t* wall = obs + MINATAR_SIDE * layers + MINATAR_BREAKOUT_BRICK;
    for (int32_t i = 0; i < MINATAR_BREAKOUT_BRICKS; i++) {
        wall[i * layers] = s->bricks[i];
    }
    minatar_mark(obs, layers, MINATAR_BREAKOUT_PADDLE, s->paddle, MINATAR_BREAKOUT_FLOOR);
    minatar_mark(obs, layers, MINATAR_BREAKOUT_BALL, s->x, s->y);
    minatar_mark(obs, layers, MINATAR_BREAKOUT_TRAIL, s->old_x, s->old_y);
}

// The brick in a cell, or NULL where none can be.
static inline uint8_t* minatar_breakout_brick(MinatarBreakout* s, int32_t x, int32_t y)
{
    return y >= 1 && y <= MINATAR_BREAKOUT_ROWS ? &s->bricks[(y - 1) * MINATAR_SIDE + x] : NULL;
}

// A new wall, if nothing is left of the last one.
static void minatar_breakout_rebuild(MinatarBreakout* s)
{
    int32_t left = 0;
    for (int32_t i = 0; i < MINATAR_BREAKOUT_BRICKS; i++) {
        left += s->bricks[i];
    }
    if (left == 0) {
        memset(s->bricks, 1, MINATAR_BREAKOUT_BRICKS);
    }
}

// The ball reached the floor, in column x. Whether the paddle returns it.
static int minatar_breakout_return(MinatarBreakout* s, int32_t x)
{
    minatar_breakout_rebuild(s);
    if (s->x == s->paddle) { // it was above the paddle: it bounces onwards
        s->down = -1;
        return 1;
    }
    if (x == s->paddle) { // it comes in at an angle: it flies back
        s->down = -1;
        s->right = (int8_t)-s->right;
        return 1;
    }
    return 0;
}

// Move the ball. Returns 1 for a brick, -1 if the ball is lost, else 0.
static int32_t minatar_breakout_fly(MinatarBreakout* s)
{
    int32_t x = s->x + s->right, y = s->y + s->down, result = 0;
    if (!minatar_is_inside(x)) {
        x = s->x;
        s->right = (int8_t)-s->right;
    }
    uint8_t* brick = minatar_breakout_brick(s, x, y);
    int touches = 0;
    if (y < 0) {
        y = 0;
        s->down = 1;
    } else if (brick != NULL && *brick) {
        touches = 1;
        if (!s->struck) { // else it flies through: it breaks one brick on its way
            *brick = 0;
            result = 1;
            y = s->y;
            s->down = (int8_t)-s->down;
        }
    } else if (y == MINATAR_BREAKOUT_FLOOR) {
        if (minatar_breakout_return(s, x)) {
            y = s->y;
        } else {
            result = -1;
        }
    }
    s->struck = (uint8_t)touches;
    s->old_x = s->x;
    s->old_y = s->y;
    s->x = (int8_t)x;
    s->y = (int8_t)y;
    return result;
}

static void minatar_breakout_step(MinatarBreakout* s, PufIo io)
{
    static const uint8_t moves[] = { MINATAR_STAY, MINATAR_LEFT, MINATAR_RIGHT };
    int32_t chosen = s->all_actions ? io.actions[0] : moves[io.actions[0]];
    int32_t action = minatar_act(&s->rng, s->sticky, &s->last, chosen);
    int32_t paddle = s->paddle + (action == MINATAR_RIGHT) - (action == MINATAR_LEFT);
    s->paddle = (int8_t)minatar_clamp(paddle, 0, MINATAR_SIDE - 1);
    int32_t result = minatar_breakout_fly(s);
    s->score += result > 0;
    s->tick += 1;

    int lost = result < 0;
    int late = !lost & (s->tick >= s->max_steps);
    io.rewards[0] = (float)(result > 0);
    io.terminals[0] = (uint8_t)lost;
    io.truncations[0] = (uint8_t)late;
    if (lost | late) {
        minatar_log(&s->log, MINATAR_BREAKOUT_PAR, s->score, s->tick);
    }
}

static const PufObs minatar_breakout_obs[] = {
    { "cells", 0, 0, 1, "paddle, ball, where the ball was, bricks: 1 where they are; rows from the top" },
};
static const PufAction minatar_breakout_actions[] = { { "move", 3, 0, 0, "stay left right" } };
static const PufParam minatar_breakout_params[] = {
    MINATAR_PARAMS(MinatarBreakout),
    MINATAR_LIMIT(MinatarBreakout),
    PUF_SETTING(MinatarBreakout, worn, 0, 0, 1, "most of the bricks that may be missing at the start; 0 as in MinAtar"),
};
static const PufField minatar_breakout_fields[] = {
    PUF_ARRAY(MinatarBreakout, bricks, "1 where one is; three rows from the second on", PUF_RANGE(0, 1)),
    PUF_SCALAR(MinatarBreakout, x, "column of the ball", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarBreakout, y, "row of the ball", PUF_RANGE(0, MINATAR_SIDE - 2)),
    PUF_SCALAR(MinatarBreakout, old_x, "column of the ball a step ago", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarBreakout, old_y, "row of the ball a step ago", PUF_RANGE(0, MINATAR_SIDE - 2)),
    PUF_SCALAR(MinatarBreakout, right, "1 if the ball flies right, -1 left", PUF_RANGE(-1, 1)),
    PUF_SCALAR(MinatarBreakout, down, "1 if the ball flies down, -1 up", PUF_RANGE(-1, 1)),
    PUF_SCALAR(MinatarBreakout, paddle, "its column", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarBreakout, struck, "whether the ball is on its way through bricks", PUF_RANGE(0, 1)),
    MINATAR_FIELDS(MinatarBreakout),
};

static void minatar_breakout_resize(PufLayout* layout, const void* setup)
{
    const MinatarBreakout* s = setup;
    layout->actions = s->all_actions ? minatar_all_actions : minatar_breakout_actions;
}

// clang-format off
PUF_DEFINE_ENV(minatar_breakout, MinatarBreakout,
    .version = 1,
    .doc = "Break bricks with a ball and a paddle: the Breakout of MinAtar.",
    .reward = "+1 for a brick",
    .ends = "terminal when the ball passes the paddle; truncated after max_steps steps",
    .rate = 12,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(MinatarBreakout) + 7) / 8 * 8, .agents = 1, .obs_ndim = 3,
                .obs_shape = { MINATAR_SIDE, MINATAR_SIDE, MINATAR_BREAKOUT_LAYERS }, PUF_ACTIONS(minatar_breakout) },
    PUF_TABLES(minatar_breakout), .resize = minatar_breakout_resize);
