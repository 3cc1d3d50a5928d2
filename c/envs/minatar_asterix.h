// minatar_asterix - collect gold and avoid enemies: the Asterix of MinAtar (Young and Tian, 2019).
//
// Observation  uint8 (10, 10, 4): 1 where something is, in layers: the player, enemies, trails behind whatever moves, gold;
//              rows from the top.
// Action       one of 5: stay, left, up, right, down; or of MinAtar's 6, with the setting all_actions. With the chance
//              `sticky` the last action is repeated instead.
// Reward       +1 for gold.
// End          terminal when an enemy is where the player is; truncated after `max_steps` steps.
//
// Enemies and gold cross the eight rows in the middle, one of them in a row at a time; one in three is gold. With the
// setting `ramping` they come and move faster every 101 steps.
#pragma once
#include "minatar.h"

enum {
    MINATAR_ASTERIX_PLAYER,
    MINATAR_ASTERIX_ENEMY,
    MINATAR_ASTERIX_TRAIL,
    MINATAR_ASTERIX_GOLD,
    MINATAR_ASTERIX_LAYERS
};
enum { MINATAR_ASTERIX_ROWS = 8 }; // row i is the field's i + 1
enum { MINATAR_ASTERIX_NOTHING, MINATAR_ASTERIX_FOE, MINATAR_ASTERIX_PRIZE };
enum { MINATAR_ASTERIX_SPAWN = 10, MINATAR_ASTERIX_MOVE = 5, MINATAR_ASTERIX_RAMP = 100 }; // steps, at first
#define MINATAR_ASTERIX_GOLDEN 0.33333334f                                                 // chance of gold
#define MINATAR_ASTERIX_PAR 100.0f                                                         // gold for a perf of 1

typedef struct MinatarAsterix {
    PufRng rng;
    float sticky;        // setting
    int32_t all_actions; // setting
    int32_t ramping;     // setting
    int32_t max_steps;   // setting
    int32_t tick;
    int32_t score;
    int32_t ramps;                       // how often it became harder
    uint8_t what[MINATAR_ASTERIX_ROWS];  // is in a row
    int8_t where[MINATAR_ASTERIX_ROWS];  // its column
    uint8_t right[MINATAR_ASTERIX_ROWS]; // 1 if it goes right
    int8_t x, y;                         // of the player
    int8_t spawn_speed, spawn_timer;     // steps between two that come, and until the next
    int8_t move_speed, move_timer;       // steps between two moves, and until the next
    int8_t ramp_timer;                   // steps until it becomes harder
    uint8_t last;                        // action
    PufLog log;
} MinatarAsterix;

static void minatar_asterix_reset(MinatarAsterix* s)
{
    memset(s->what, 0, MINATAR_ASTERIX_ROWS);
    memset(s->where, 0, MINATAR_ASTERIX_ROWS);
    memset(s->right, 0, MINATAR_ASTERIX_ROWS);
    s->x = 5;
    s->y = 5;
    s->spawn_speed = MINATAR_ASTERIX_SPAWN;
    s->spawn_timer = MINATAR_ASTERIX_SPAWN;
    s->move_speed = MINATAR_ASTERIX_MOVE;
    s->move_timer = MINATAR_ASTERIX_MOVE;
    s->ramp_timer = MINATAR_ASTERIX_RAMP;
    s->ramps = 0;
    s->last = MINATAR_STAY;
    s->score = 0;
    s->tick = 0;
}

static void minatar_asterix_observe(const MinatarAsterix* s, PufIo io)
{
    const int32_t layers = MINATAR_ASTERIX_LAYERS;
    uint8_t* obs = io.obs;
    memset(obs, 0, MINATAR_CELLS * MINATAR_ASTERIX_LAYERS);
    minatar_mark(obs, layers, MINATAR_ASTERIX_PLAYER, s->x, s->y);
    for (int32_t i = 0; i < MINATAR_ASTERIX_ROWS; i++) {
        if (s->what[i]) {
            int32_t layer = s->what[i] == MINATAR_ASTERIX_PRIZE ? MINATAR_ASTERIX_GOLD : MINATAR_ASTERIX_ENEMY;
            int32_t behind = s->where[i] - (s->right[i] ? 1 : -1);
            minatar_mark(obs, layers, layer, s->where[i], i + 1);
            if (minatar_is_inside(behind)) {
                minatar_mark(obs, layers, MINATAR_ASTERIX_TRAIL, behind, i + 1);
            }
        }
    }
}

// Something comes, in one of the rows that are free, if there is one.
static void minatar_asterix_spawn(MinatarAsterix* s)
{
    int right = puf_rand_float(&s->rng) < 0.5f;
    int gold = puf_rand_float(&s->rng) < MINATAR_ASTERIX_GOLDEN;
    uint8_t rows[MINATAR_ASTERIX_ROWS];
    uint32_t count = 0;
    for (int32_t i = 0; i < MINATAR_ASTERIX_ROWS; i++) {
        rows[count] = (uint8_t)i;
        count += s->what[i] == MINATAR_ASTERIX_NOTHING;
    }
    if (count > 0) {
        int32_t row = rows[puf_rand_below(&s->rng, count)];
        s->what[row] = gold ? MINATAR_ASTERIX_PRIZE : MINATAR_ASTERIX_FOE;
        s->where[row] = right ? 0 : MINATAR_SIDE - 1;
        s->right[row] = (uint8_t)right;
    }
}

static inline void minatar_asterix_remove(MinatarAsterix* s, int32_t row)
{
    s->what[row] = MINATAR_ASTERIX_NOTHING;
    s->where[row] = 0;
    s->right[row] = 0;
}

// The player meets what is in their row, if it is where they are: +1 for gold, -1 for an enemy.
static int32_t minatar_asterix_meet(MinatarAsterix* s)
{
    int32_t row = s->y - 1, what = s->what[row];
    if (what == MINATAR_ASTERIX_NOTHING || s->where[row] != s->x) {
        return 0;
    }
    if (what == MINATAR_ASTERIX_PRIZE) {
        minatar_asterix_remove(s, row);
        return 1;
    }
    return -1;
}

static void minatar_asterix_move(MinatarAsterix* s)
{
    for (int32_t i = 0; i < MINATAR_ASTERIX_ROWS; i++) {
        if (s->what[i]) {
            s->where[i] = (int8_t)(s->where[i] + (s->right[i] ? 1 : -1));
            if (!minatar_is_inside(s->where[i])) {
                minatar_asterix_remove(s, i);
            }
        }
    }
}

// Every other time what moves becomes faster, and every time what comes does.
static void minatar_asterix_ramp(MinatarAsterix* s)
{
    if (!s->ramping || (s->spawn_speed <= 1 && s->move_speed <= 1)) {
        return;
    }
    if (s->ramp_timer >= 0) {
        s->ramp_timer -= 1;
        return;
    }
    s->move_speed = (int8_t)(s->move_speed - (s->move_speed > 1 && s->ramps % 2));
    s->spawn_speed = (int8_t)(s->spawn_speed - (s->spawn_speed > 1));
    s->ramps += 1;
    s->ramp_timer = MINATAR_ASTERIX_RAMP;
}

static void minatar_asterix_step(MinatarAsterix* s, PufIo io)
{
    int32_t action = minatar_act(&s->rng, s->sticky, &s->last, io.actions[0]);
    if (s->spawn_timer == 0) {
        minatar_asterix_spawn(s);
        s->spawn_timer = s->spawn_speed;
    }
    s->x = (int8_t)minatar_clamp(s->x + (action == MINATAR_RIGHT) - (action == MINATAR_LEFT), 0, MINATAR_SIDE - 1);
    s->y = (int8_t)minatar_clamp(s->y + (action == MINATAR_DOWN) - (action == MINATAR_UP), 1, MINATAR_ASTERIX_ROWS);

    int32_t met = minatar_asterix_meet(s), points = met > 0;
    int caught = met < 0;
    if (s->move_timer == 0) {
        s->move_timer = s->move_speed;
        minatar_asterix_move(s);
        met = minatar_asterix_meet(s);
        points += met > 0;
        caught |= met < 0;
    }
    s->spawn_timer -= 1;
    s->move_timer -= 1;
    minatar_asterix_ramp(s);
    s->score += points;
    s->tick += 1;

    int late = !caught & (s->tick >= s->max_steps);
    io.rewards[0] = (float)points;
    io.terminals[0] = (uint8_t)caught;
    io.truncations[0] = (uint8_t)late;
    if (caught | late) {
        minatar_log(&s->log, MINATAR_ASTERIX_PAR, s->score, s->tick);
    }
}

static const PufObs minatar_asterix_obs[] = {
    { "cells", 0, 0, 1, "the player, enemies, trails, gold: 1 where they are; rows from the top" },
};
static const PufAction minatar_asterix_actions[] = { { "move", 5, 0, 0, "stay left up right down" } };
static const PufParam minatar_asterix_params[] = {
    MINATAR_PARAMS(MinatarAsterix),
    MINATAR_RAMPING(MinatarAsterix),
    MINATAR_LIMIT(MinatarAsterix),
};
static const PufField minatar_asterix_fields[] = {
    PUF_ARRAY(MinatarAsterix, what, "is in each of the eight rows: 0 nothing, 1 an enemy, 2 gold",
              PUF_RANGE(0, MINATAR_ASTERIX_PRIZE)),
    PUF_ARRAY(MinatarAsterix, where, "its column", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_ARRAY(MinatarAsterix, right, "1 if it goes right, 0 left", PUF_RANGE(0, 1)),
    PUF_SCALAR(MinatarAsterix, x, "column of the player", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarAsterix, y, "row of the player", PUF_RANGE(1, MINATAR_ASTERIX_ROWS)),
    PUF_SCALAR(MinatarAsterix, spawn_speed, "steps between two that come", PUF_RANGE(1, MINATAR_ASTERIX_SPAWN)),
    PUF_SCALAR(MinatarAsterix, spawn_timer, "steps until the next comes", PUF_RANGE(0, MINATAR_ASTERIX_SPAWN)),
    PUF_SCALAR(MinatarAsterix, move_speed, "steps between two moves of all", PUF_RANGE(1, MINATAR_ASTERIX_MOVE)),
    PUF_SCALAR(MinatarAsterix, move_timer, "steps until the next move", PUF_RANGE(0, MINATAR_ASTERIX_MOVE)),
    PUF_SCALAR(MinatarAsterix, ramp_timer, "steps until it becomes harder", PUF_RANGE(-1, MINATAR_ASTERIX_RAMP)),
    PUF_SCALAR(MinatarAsterix, ramps, "how often it became harder", PUF_RANGE(0, MINATAR_ASTERIX_SPAWN)),
    MINATAR_FIELDS(MinatarAsterix),
};

static void minatar_asterix_resize(PufLayout* layout, const void* setup)
{
    const MinatarAsterix* s = setup;
    layout->actions = s->all_actions ? minatar_all_actions : minatar_asterix_actions;
}

// clang-format off
PUF_DEFINE_ENV(minatar_asterix, MinatarAsterix,
    .version = 1,
    .doc = "Collect gold and avoid enemies: the Asterix of MinAtar.",
    .reward = "+1 for gold",
    .ends = "terminal when an enemy is where the player is; truncated after max_steps steps",
    .rate = 10,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(MinatarAsterix) + 7) / 8 * 8, .agents = 1, .obs_ndim = 3,
                .obs_shape = { MINATAR_SIDE, MINATAR_SIDE, MINATAR_ASTERIX_LAYERS }, PUF_ACTIONS(minatar_asterix) },
    PUF_TABLES(minatar_asterix), .resize = minatar_asterix_resize);
