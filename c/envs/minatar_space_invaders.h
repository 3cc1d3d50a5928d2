// minatar_space_invaders - shoot aliens that come down: the Space Invaders of MinAtar (Young and Tian, 2019).
//
// Observation  uint8 (10, 10, 6): 1 where something is, in layers: the cannon, aliens, aliens that go left, aliens that go
//              right, the cannon's shots, the aliens' shots; rows from the top.
// Action       one of 4: stay, left, right, fire; or of MinAtar's 6, with the setting all_actions. With the chance `sticky`
//              the last action is repeated instead.
// Reward       +1 for an alien.
// End          terminal when an alien or a shot of theirs hits the cannon, or an alien at the bottom reaches an edge;
//              truncated after `max_steps` steps.
//
// Aliens move in step, sideways, and down at an edge; the fewer there are, the faster. The one nearest to the cannon's
// column, the left one of two, fires every tenth step. The cannon fires once in five. After each wave comes the next, which
// with the setting `ramping` moves faster.
#pragma once
#include "minatar.h"

enum {
    MINATAR_SPACE_INVADERS_CANNON,
    MINATAR_SPACE_INVADERS_ALIEN,
    MINATAR_SPACE_INVADERS_TO_LEFT,
    MINATAR_SPACE_INVADERS_TO_RIGHT,
    MINATAR_SPACE_INVADERS_SHOT,
    MINATAR_SPACE_INVADERS_THEIR_SHOT,
    MINATAR_SPACE_INVADERS_LAYERS
};
enum { MINATAR_SPACE_INVADERS_RANKS = 4, MINATAR_SPACE_INVADERS_RANK = 0xFC }; // columns 2 to 7 of the first four rows
enum { MINATAR_SPACE_INVADERS_FLOOR = MINATAR_SIDE - 1 };
enum { MINATAR_SPACE_INVADERS_COOLING = 5, MINATAR_SPACE_INVADERS_RELOADING = 10 }; // steps
enum { MINATAR_SPACE_INVADERS_SLOWEST = 12, MINATAR_SPACE_INVADERS_FASTEST = 6 };   // steps between two moves of a wave
enum { MINATAR_SPACE_INVADERS_LEFTMOST = 1, MINATAR_SPACE_INVADERS_RIGHTMOST = 512, MINATAR_SPACE_INVADERS_ROW = 1023 };
#define MINATAR_SPACE_INVADERS_PAR 200.0f // aliens for a perf of 1

typedef struct MinatarSpaceInvaders {
    PufRng rng;
    float sticky;        // setting
    int32_t all_actions; // setting
    int32_t ramping;     // setting
    int32_t max_steps;   // setting
    int32_t tick;
    int32_t score;
    int32_t ramps;                     // waves shot down while it became harder
    int16_t aliens[MINATAR_SIDE];      // rows from the top; bit x: one is in column x
    int16_t shots[MINATAR_SIDE];       // the same of the cannon's
    int16_t their_shots[MINATAR_SIDE]; // and the aliens'
    int8_t x;                          // of the cannon
    int8_t right;                      // where aliens go: 1, or -1
    int8_t interval;                   // most steps between two moves of theirs
    int8_t move_timer, shot_timer;     // steps until they move and fire
    int8_t hot;                        // steps until the cannon can fire
    uint8_t last;                      // action
    PufLog log;
} MinatarSpaceInvaders;

static void minatar_space_invaders_line_up(MinatarSpaceInvaders* s)
{
    for (int32_t y = 0; y < MINATAR_SIDE; y++) {
        s->aliens[y] = y < MINATAR_SPACE_INVADERS_RANKS ? MINATAR_SPACE_INVADERS_RANK : 0;
    }
}

static void minatar_space_invaders_reset(MinatarSpaceInvaders* s)
{
    minatar_space_invaders_line_up(s);
    memset(s->shots, 0, sizeof s->shots);
    memset(s->their_shots, 0, sizeof s->their_shots);
    s->x = 5;
    s->right = -1;
    s->interval = MINATAR_SPACE_INVADERS_SLOWEST;
    s->move_timer = MINATAR_SPACE_INVADERS_SLOWEST;
    s->shot_timer = MINATAR_SPACE_INVADERS_RELOADING;
    s->hot = 0;
    s->ramps = 0;
    s->last = MINATAR_STAY;
    s->score = 0;
    s->tick = 0;
}

// Write a row, as bits, into a layer.
static inline void minatar_space_invaders_show(uint8_t* cell, int32_t row)
{
    for (; row; row >>= 1, cell += MINATAR_SPACE_INVADERS_LAYERS) {
        *cell = (uint8_t)(row & 1);
    }
}

static void minatar_space_invaders_observe(const MinatarSpaceInvaders* s, PufIo io)
{
    const int32_t layers = MINATAR_SPACE_INVADERS_LAYERS;
    const int32_t way = s->right > 0 ? MINATAR_SPACE_INVADERS_TO_RIGHT : MINATAR_SPACE_INVADERS_TO_LEFT;
    uint8_t* row = io.obs;
    memset(row, 0, MINATAR_CELLS * MINATAR_SPACE_INVADERS_LAYERS);
    minatar_mark(row, layers, MINATAR_SPACE_INVADERS_CANNON, s->x, MINATAR_SPACE_INVADERS_FLOOR);
    for (int32_t y = 0; y < MINATAR_SIDE; y++, row += MINATAR_SIDE * layers) {
        minatar_space_invaders_show(row + MINATAR_SPACE_INVADERS_ALIEN, s->aliens[y]);
        minatar_space_invaders_show(row + way, s->aliens[y]);
        minatar_space_invaders_show(row + MINATAR_SPACE_INVADERS_SHOT, s->shots[y]);
        minatar_space_invaders_show(row + MINATAR_SPACE_INVADERS_THEIR_SHOT, s->their_shots[y]);
    }
}

// The columns that have aliens.
static inline int32_t minatar_space_invaders_columns(const MinatarSpaceInvaders* s)
{
    int32_t any = 0;
    for (int32_t y = 0; y < MINATAR_SIDE; y++) {
        any |= s->aliens[y];
    }
    return any;
}

static inline int32_t minatar_space_invaders_count(const MinatarSpaceInvaders* s)
{
    int32_t count = 0;
    for (int32_t y = 0; y < MINATAR_SIDE; y++) {
        for (int32_t row = s->aliens[y]; row; row &= row - 1) {
            count += 1;
        }
    }
    return count;
}

static void minatar_space_invaders_act(MinatarSpaceInvaders* s, int32_t action)
{
    if (action == MINATAR_FIRE && s->hot == 0) {
        s->shots[MINATAR_SPACE_INVADERS_FLOOR] |= (int16_t)(1 << s->x);
        s->hot = MINATAR_SPACE_INVADERS_COOLING;
    }
    s->x = (int8_t)minatar_clamp(s->x + (action == MINATAR_RIGHT) - (action == MINATAR_LEFT), 0, MINATAR_SIDE - 1);
}

// All shots fly a row.
static void minatar_space_invaders_fly(MinatarSpaceInvaders* s)
{
    memmove(s->shots, s->shots + 1, (MINATAR_SIDE - 1) * sizeof s->shots[0]);
    s->shots[MINATAR_SIDE - 1] = 0;
    memmove(s->their_shots + 1, s->their_shots, (MINATAR_SIDE - 1) * sizeof s->shots[0]);
    s->their_shots[0] = 0;
}

// All aliens go a column on, or a row down at an edge. Returns 1 if one is at the bottom and should go down.
static int minatar_space_invaders_march(MinatarSpaceInvaders* s)
{
    const int32_t edge = s->right > 0 ? MINATAR_SPACE_INVADERS_RIGHTMOST : MINATAR_SPACE_INVADERS_LEFTMOST;
    if ((minatar_space_invaders_columns(s) & edge) == 0) {
        for (int32_t y = 0; y < MINATAR_SIDE; y++) {
            int32_t row = s->aliens[y];
            s->aliens[y] = (int16_t)(s->right > 0 ? row << 1 : row >> 1);
        }
        return 0;
    }
    int16_t bottom = s->aliens[MINATAR_SPACE_INVADERS_FLOOR]; // comes in at the top, where it is seen once
    memmove(s->aliens + 1, s->aliens, (MINATAR_SIDE - 1) * sizeof bottom);
    s->aliens[0] = bottom;
    s->right = (int8_t)-s->right;
    return bottom != 0;
}

// The column nearest to the cannon's that has aliens, the left one of two; -1: there are none.
static int32_t minatar_space_invaders_nearest(const MinatarSpaceInvaders* s)
{
    int32_t any = minatar_space_invaders_columns(s);
    for (int32_t away = 0; away < MINATAR_SIDE; away++) {
        int32_t left = s->x - away, right = s->x + away;
        if (left >= 0 && any >> left & 1) {
            return left;
        }
        if (any >> right & 1) {
            return right;
        }
    }
    return -1;
}

// The lowest alien in the nearest column fires.
static void minatar_space_invaders_fire_back(MinatarSpaceInvaders* s)
{
    int32_t x = minatar_space_invaders_nearest(s);
    for (int32_t y = MINATAR_SIDE - 1; x >= 0 && y >= 0; y--) {
        if (s->aliens[y] >> x & 1) {
            s->their_shots[y] |= (int16_t)(1 << x);
            return;
        }
    }
}

// Aliens where a shot is, are gone. Returns how many.
static int32_t minatar_space_invaders_hit(MinatarSpaceInvaders* s)
{
    int32_t hits = 0;
    for (int32_t y = 0; y < MINATAR_SIDE; y++) {
        int16_t hit = s->aliens[y] & s->shots[y];
        s->aliens[y] ^= hit;
        s->shots[y] ^= hit;
        for (int32_t rest = hit; rest; rest &= rest - 1) {
            hits += 1;
        }
    }
    return hits;
}

static inline int minatar_space_invaders_is_struck(const MinatarSpaceInvaders* s, const int16_t* rows)
{
    return rows[MINATAR_SPACE_INVADERS_FLOOR] >> s->x & 1;
}

// The aliens' turn. Whether the cannon is lost.
static int minatar_space_invaders_attack(MinatarSpaceInvaders* s)
{
    int lost = minatar_space_invaders_is_struck(s, s->their_shots) | minatar_space_invaders_is_struck(s, s->aliens);
    if (s->move_timer == 0) {
        int32_t count = minatar_space_invaders_count(s);
        s->move_timer = (int8_t)(count < s->interval ? count : s->interval);
        lost |= minatar_space_invaders_march(s);
        lost |= minatar_space_invaders_is_struck(s, s->aliens);
    }
    if (s->shot_timer == 0) {
        s->shot_timer = MINATAR_SPACE_INVADERS_RELOADING;
        minatar_space_invaders_fire_back(s);
    }
    return lost;
}

// Once all are gone the next wave comes.
static void minatar_space_invaders_next_wave(MinatarSpaceInvaders* s)
{
    if (minatar_space_invaders_columns(s) == 0) {
        int harder = s->ramping && s->interval > MINATAR_SPACE_INVADERS_FASTEST;
        s->interval = (int8_t)(s->interval - harder);
        s->ramps += harder;
        minatar_space_invaders_line_up(s);
    }
}

static void minatar_space_invaders_step(MinatarSpaceInvaders* s, PufIo io)
{
    static const uint8_t moves[] = { MINATAR_STAY, MINATAR_LEFT, MINATAR_RIGHT, MINATAR_FIRE };
    int32_t chosen = s->all_actions ? io.actions[0] : moves[io.actions[0]];
    minatar_space_invaders_act(s, minatar_act(&s->rng, s->sticky, &s->last, chosen));
    minatar_space_invaders_fly(s);
    int lost = minatar_space_invaders_attack(s);
    int32_t hits = minatar_space_invaders_hit(s);
    s->hot = (int8_t)(s->hot - (s->hot > 0));
    s->move_timer -= 1;
    s->shot_timer -= 1;
    minatar_space_invaders_next_wave(s);
    s->score += hits;
    s->tick += 1;

    int late = !lost & (s->tick >= s->max_steps);
    io.rewards[0] = (float)hits;
    io.terminals[0] = (uint8_t)lost;
    io.truncations[0] = (uint8_t)late;
    if (lost | late) {
        minatar_log(&s->log, MINATAR_SPACE_INVADERS_PAR, s->score, s->tick);
    }
}

static const PufObs minatar_space_invaders_obs[] = {
    { "cells", 0, 0, 1,
      "cannon, aliens, those going left, right, shots, their shots: 1 where they are; rows from the top" },
};
static const PufAction minatar_space_invaders_actions[] = { { "do", 4, 0, 0, "stay left right fire" } };
static const PufParam minatar_space_invaders_params[] = {
    MINATAR_PARAMS(MinatarSpaceInvaders),
    MINATAR_RAMPING(MinatarSpaceInvaders),
    MINATAR_LIMIT(MinatarSpaceInvaders),
};
static const PufField minatar_space_invaders_fields[] = {
    PUF_ARRAY(MinatarSpaceInvaders, aliens, "rows from the top; bit x: one is in column x",
              PUF_RANGE(0, MINATAR_SPACE_INVADERS_ROW)),
    PUF_ARRAY(MinatarSpaceInvaders, shots, "the same of the cannon's shots", PUF_RANGE(0, MINATAR_SPACE_INVADERS_ROW)),
    PUF_ARRAY(MinatarSpaceInvaders, their_shots, "the same of the aliens' shots",
              PUF_RANGE(0, MINATAR_SPACE_INVADERS_ROW)),
    PUF_SCALAR(MinatarSpaceInvaders, x, "column of the cannon", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarSpaceInvaders, right, "1 if aliens go right, -1 left", PUF_RANGE(-1, 1)),
    PUF_SCALAR(MinatarSpaceInvaders, interval, "most steps between two moves of theirs",
               PUF_RANGE(MINATAR_SPACE_INVADERS_FASTEST, MINATAR_SPACE_INVADERS_SLOWEST)),
    PUF_SCALAR(MinatarSpaceInvaders, move_timer, "steps until they move", PUF_RANGE(0, MINATAR_SPACE_INVADERS_SLOWEST)),
    PUF_SCALAR(MinatarSpaceInvaders, shot_timer, "steps until they fire",
               PUF_RANGE(0, MINATAR_SPACE_INVADERS_RELOADING)),
    PUF_SCALAR(MinatarSpaceInvaders, hot, "steps until the cannon can fire",
               PUF_RANGE(0, MINATAR_SPACE_INVADERS_COOLING)),
    PUF_SCALAR(MinatarSpaceInvaders, ramps, "waves after which they came faster",
               PUF_RANGE(0, MINATAR_SPACE_INVADERS_SLOWEST)),
    MINATAR_FIELDS(MinatarSpaceInvaders),
};

// There are aliens, and they have a direction.
static const char* minatar_space_invaders_contradiction(const void* state, const void* assets)
{
    const MinatarSpaceInvaders* s = state;
    (void)assets;
    if (minatar_space_invaders_columns(s) == 0) {
        return "aliens";
    }
    return s->right == 0 ? "right" : NULL;
}

static void minatar_space_invaders_resize(PufLayout* layout, const void* setup)
{
    const MinatarSpaceInvaders* s = setup;
    layout->actions = s->all_actions ? minatar_all_actions : minatar_space_invaders_actions;
}

// clang-format off
PUF_DEFINE_ENV(minatar_space_invaders, MinatarSpaceInvaders,
    .version = 1,
    .doc = "Shoot aliens that come down: the Space Invaders of MinAtar.",
    .reward = "+1 for an alien",
    .ends = "terminal when an alien or a shot of theirs hits the cannon, or an alien at the bottom reaches an edge; "
            "truncated after max_steps steps",
    .rate = 12,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(MinatarSpaceInvaders) + 7) / 8 * 8, .agents = 1, .obs_ndim = 3,
                .obs_shape = { MINATAR_SIDE, MINATAR_SIDE, MINATAR_SPACE_INVADERS_LAYERS },
                PUF_ACTIONS(minatar_space_invaders) },
    PUF_TABLES(minatar_space_invaders), .resize = minatar_space_invaders_resize,
    .contradiction = minatar_space_invaders_contradiction);
