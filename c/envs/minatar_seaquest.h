// minatar_seaquest - rescue divers, shoot fish and submarines, breathe in time: MinAtar's Seaquest (Young and Tian, 2019).
//
// Observation  uint8 (10, 10, 10): 1 where something is, in layers: your bow, your stern, your shots, trails behind whatever
//              swims, enemy shots, fish, enemy submarines, the oxygen that is left and the divers aboard, both as bars at
//              the bottom, divers; rows from the top.
// Action       one of 6: stay, left, up, right, down, fire. With the chance `sticky` the last action is repeated instead.
// Reward       +1 for a fish or a submarine; at the surface with six divers, up to +10 for the oxygen that is left.
// End          terminal when something hits you, when the oxygen is used up, and at the surface without a diver; truncated
//              after `max_steps` steps.
//
// Oxygen lasts for 200 steps. At the surface it is filled up for one diver. Six aboard are brought home all at once, and the
// one for the air is owed: with a count below 0 one may surface, too, and owes another.
// Enemies and divers cross the eight rows in the middle, all enemies in a row in the same direction. One enemy in three is a
// submarine, which fires. With the setting `ramping` more enemies come each time that you surface, and they get faster.
#pragma once
#include "minatar.h"

enum {
    MINATAR_SEAQUEST_BOW,
    MINATAR_SEAQUEST_STERN,
    MINATAR_SEAQUEST_SHOT,
    MINATAR_SEAQUEST_TRAIL,
    MINATAR_SEAQUEST_THEIR_SHOT,
    MINATAR_SEAQUEST_FISH,
    MINATAR_SEAQUEST_SUB,
    MINATAR_SEAQUEST_OXYGEN,
    MINATAR_SEAQUEST_ABOARD,
    MINATAR_SEAQUEST_DIVER,
    MINATAR_SEAQUEST_LAYERS
};
enum { MINATAR_SEAQUEST_ROWS = 8 }; // in which things cross; below them is the row of the bars
enum { MINATAR_SEAQUEST_AIR = 200, MINATAR_SEAQUEST_SEATS = 6, MINATAR_SEAQUEST_PRIZE = 10 };
enum { MINATAR_SEAQUEST_COOLING = 5, MINATAR_SEAQUEST_RELOADING = 10, MINATAR_SEAQUEST_STROKE = 5 }; // steps
enum { MINATAR_SEAQUEST_SPAWN = 20, MINATAR_SEAQUEST_DIVERS = 30 };                                  // steps, at first
enum { MINATAR_SEAQUEST_SLOWEST = 5, MINATAR_SEAQUEST_FASTEST = 2 }; // steps between two moves of an enemy
#define MINATAR_SEAQUEST_ARMED 0.33333334f                           // chance that an enemy is a submarine
#define MINATAR_SEAQUEST_PAR 100.0f                                  // score for a perf of 1

// A thing in the water: column, row, 1 if it goes right; steps until it moves, and until it fires.
enum {
    MINATAR_SEAQUEST_X,
    MINATAR_SEAQUEST_Y,
    MINATAR_SEAQUEST_RIGHT,
    MINATAR_SEAQUEST_REST,
    MINATAR_SEAQUEST_RELOAD,
    MINATAR_SEAQUEST_NUMBERS
};
typedef int8_t MinatarSeaquestThing[MINATAR_SEAQUEST_NUMBERS];

// Lists, in the order in which things came. A row is crossed in 60 steps at first and in 30 in the end, when an enemy comes
// in each: there are never more than 31.
enum { MINATAR_SEAQUEST_MOST = 32, MINATAR_SEAQUEST_FEW = 4 };

typedef struct MinatarSeaquest {
    PufRng rng;
    float sticky;        // setting
    int32_t all_actions; // setting: all six do something
    int32_t ramping;     // setting
    int32_t max_steps;   // setting
    int32_t tick;
    int32_t score;
    int32_t ramps;  // how often it became harder
    int32_t aboard; // divers; below 0: those that are owed
    int32_t num_fish, num_subs, num_their_shots, num_divers, num_shots;
    MinatarSeaquestThing fish[MINATAR_SEAQUEST_MOST];
    MinatarSeaquestThing subs[MINATAR_SEAQUEST_MOST];
    MinatarSeaquestThing their_shots[MINATAR_SEAQUEST_MOST];
    MinatarSeaquestThing divers[MINATAR_SEAQUEST_FEW];
    MinatarSeaquestThing shots[MINATAR_SEAQUEST_FEW];
    int16_t oxygen;                  // steps that it lasts
    int8_t x, y;                     // of your bow
    int8_t right;                    // 1 if it points right
    int8_t surfaced;                 // 1 from the moment you surface until you dive
    int8_t hot;                      // steps until you can fire
    int8_t spawn_speed, spawn_timer; // steps between two enemies, and until the next
    int8_t diver_timer;              // steps until the next diver
    int8_t move_speed;               // steps between two moves of an enemy
    uint8_t last;                    // action
    PufLog log;
} MinatarSeaquest;

static void minatar_seaquest_reset(MinatarSeaquest* s)
{
    s->num_fish = s->num_subs = s->num_their_shots = s->num_divers = s->num_shots = 0;
    memset(s->fish, 0, sizeof s->fish);
    memset(s->subs, 0, sizeof s->subs);
    memset(s->their_shots, 0, sizeof s->their_shots);
    memset(s->divers, 0, sizeof s->divers);
    memset(s->shots, 0, sizeof s->shots);
    s->oxygen = MINATAR_SEAQUEST_AIR;
    s->x = 5;
    s->y = 0;
    s->right = 0;
    s->aboard = 0;
    s->surfaced = 1;
    s->hot = 0;
    s->spawn_speed = MINATAR_SEAQUEST_SPAWN;
    s->spawn_timer = MINATAR_SEAQUEST_SPAWN;
    s->diver_timer = MINATAR_SEAQUEST_DIVERS;
    s->move_speed = MINATAR_SEAQUEST_SLOWEST;
    s->ramps = 0;
    s->last = MINATAR_STAY;
    s->score = 0;
    s->tick = 0;
}

// -- lists -------------------------------------------------------------------------------------------------

static void minatar_seaquest_add(MinatarSeaquestThing* list, int32_t* count, int32_t most, const int8_t* thing)
{
    if (*count < most) {
        memcpy(list[*count], thing, sizeof(MinatarSeaquestThing));
        *count += 1;
    }
}

static void minatar_seaquest_remove(MinatarSeaquestThing* list, int32_t* count, int32_t index)
{
    *count -= 1;
    memmove(list[index], list[index + 1], (size_t)(*count - index) * sizeof(MinatarSeaquestThing));
    memset(list[*count], 0, sizeof(MinatarSeaquestThing));
}

// The first thing of a list in a cell, or -1.
static inline int32_t minatar_seaquest_find(MinatarSeaquestThing* list, int32_t count, int32_t x, int32_t y)
{
    for (int32_t i = 0; i < count; i++) {
        if (list[i][MINATAR_SEAQUEST_X] == x && list[i][MINATAR_SEAQUEST_Y] == y) {
            return i;
        }
    }
    return -1;
}

static inline int minatar_seaquest_is_at(const MinatarSeaquest* s, const int8_t* thing)
{
    return thing[MINATAR_SEAQUEST_X] == s->x && thing[MINATAR_SEAQUEST_Y] == s->y;
}

// A thing goes a column on. Whether it is still in the field.
static inline int minatar_seaquest_swim(int8_t* thing)
{
    thing[MINATAR_SEAQUEST_X] = (int8_t)(thing[MINATAR_SEAQUEST_X] + (thing[MINATAR_SEAQUEST_RIGHT] ? 1 : -1));
    return minatar_is_inside(thing[MINATAR_SEAQUEST_X]);
}

// -- what you see ------------------------------------------------------------------------------------------

static void minatar_seaquest_show(uint8_t* obs, const MinatarSeaquestThing* list, int32_t count, int32_t layer,
                                  int trail)
{
    const int32_t layers = MINATAR_SEAQUEST_LAYERS;
    for (int32_t i = 0; i < count; i++) {
        int32_t x = list[i][MINATAR_SEAQUEST_X], y = list[i][MINATAR_SEAQUEST_Y];
        int32_t behind = x - (list[i][MINATAR_SEAQUEST_RIGHT] ? 1 : -1);
        minatar_mark(obs, layers, layer, x, y);
        if (trail && minatar_is_inside(behind)) {
            minatar_mark(obs, layers, MINATAR_SEAQUEST_TRAIL, behind, y);
        }
    }
}

static void minatar_seaquest_observe(const MinatarSeaquest* s, PufIo io)
{
    const int32_t layers = MINATAR_SEAQUEST_LAYERS, bars = MINATAR_SIDE - 1;
    uint8_t* obs = io.obs;
    memset(obs, 0, MINATAR_CELLS * MINATAR_SEAQUEST_LAYERS);
    int32_t stern = s->x + (s->right ? -1 : 1);
    minatar_mark(obs, layers, MINATAR_SEAQUEST_BOW, s->x, s->y);
    if (minatar_is_inside(stern)) {
        minatar_mark(obs, layers, MINATAR_SEAQUEST_STERN, stern, s->y);
    }
    for (int32_t x = 0; x < s->oxygen * MINATAR_SIDE / MINATAR_SEAQUEST_AIR; x++) {
        minatar_mark(obs, layers, MINATAR_SEAQUEST_OXYGEN, x, bars);
    }
    for (int32_t i = 0; i < s->aboard; i++) {
        minatar_mark(obs, layers, MINATAR_SEAQUEST_ABOARD, bars - 1 - i, bars);
    }
    minatar_seaquest_show(obs, s->shots, s->num_shots, MINATAR_SEAQUEST_SHOT, 0);
    minatar_seaquest_show(obs, s->their_shots, s->num_their_shots, MINATAR_SEAQUEST_THEIR_SHOT, 0);
    minatar_seaquest_show(obs, s->fish, s->num_fish, MINATAR_SEAQUEST_FISH, 1);
    minatar_seaquest_show(obs, s->subs, s->num_subs, MINATAR_SEAQUEST_SUB, 1);
    minatar_seaquest_show(obs, s->divers, s->num_divers, MINATAR_SEAQUEST_DIVER, 1);
}

// -- who comes ---------------------------------------------------------------------------------------------

static int minatar_seaquest_is_opposed(MinatarSeaquestThing* list, int32_t count, int32_t row, int32_t right)
{
    for (int32_t i = 0; i < count; i++) {
        if (list[i][MINATAR_SEAQUEST_Y] == row && list[i][MINATAR_SEAQUEST_RIGHT] != right) {
            return 1;
        }
    }
    return 0;
}

// An enemy comes, unless one in its row goes the other way.
static void minatar_seaquest_send_enemy(MinatarSeaquest* s)
{
    int8_t right = puf_rand_float(&s->rng) < 0.5f;
    int armed = puf_rand_float(&s->rng) < MINATAR_SEAQUEST_ARMED;
    int8_t row = (int8_t)(1 + puf_rand_below(&s->rng, MINATAR_SEAQUEST_ROWS));
    if (minatar_seaquest_is_opposed(s->fish, s->num_fish, row, right) ||
        minatar_seaquest_is_opposed(s->subs, s->num_subs, row, right)) {
        return;
    }
    int8_t x = right ? 0 : MINATAR_SIDE - 1;
    if (armed) {
        const MinatarSeaquestThing sub = { x, row, right, s->move_speed, MINATAR_SEAQUEST_RELOADING };
        minatar_seaquest_add(s->subs, &s->num_subs, MINATAR_SEAQUEST_MOST, sub);
    } else {
        const MinatarSeaquestThing fish = { x, row, right, s->move_speed, 0 };
        minatar_seaquest_add(s->fish, &s->num_fish, MINATAR_SEAQUEST_MOST, fish);
    }
}

static void minatar_seaquest_send_diver(MinatarSeaquest* s)
{
    int8_t right = puf_rand_float(&s->rng) < 0.5f;
    int8_t row = (int8_t)(1 + puf_rand_below(&s->rng, MINATAR_SEAQUEST_ROWS));
    const MinatarSeaquestThing diver = { right ? 0 : MINATAR_SIDE - 1, row, right, MINATAR_SEAQUEST_STROKE, 0 };
    minatar_seaquest_add(s->divers, &s->num_divers, MINATAR_SEAQUEST_FEW, diver);
}

static void minatar_seaquest_send(MinatarSeaquest* s)
{
    if (s->spawn_timer == 0) {
        minatar_seaquest_send_enemy(s);
        s->spawn_timer = s->spawn_speed;
    }
    if (s->diver_timer == 0) {
        minatar_seaquest_send_diver(s);
        s->diver_timer = MINATAR_SEAQUEST_DIVERS;
    }
}

// -- who moves: lists from the last to the first, so that removing is safe ---------------------------------

static void minatar_seaquest_act(MinatarSeaquest* s, int32_t action)
{
    if (action == MINATAR_FIRE && s->hot == 0) {
        const MinatarSeaquestThing shot = { s->x, s->y, s->right, 0, 0 };
        minatar_seaquest_add(s->shots, &s->num_shots, MINATAR_SEAQUEST_FEW, shot);
        s->hot = MINATAR_SEAQUEST_COOLING;
    }
    if (action == MINATAR_LEFT || action == MINATAR_RIGHT) {
        s->right = action == MINATAR_RIGHT;
        s->x = (int8_t)minatar_clamp(s->x + (s->right ? 1 : -1), 0, MINATAR_SIDE - 1);
    }
    int32_t y = s->y + (action == MINATAR_DOWN) - (action == MINATAR_UP);
    s->y = (int8_t)minatar_clamp(y, 0, MINATAR_SEAQUEST_ROWS);
}

// Your shots. Returns what they hit.
static int32_t minatar_seaquest_move_shots(MinatarSeaquest* s)
{
    int32_t hits = 0;
    for (int32_t i = s->num_shots - 1; i >= 0; i--) {
        int8_t* shot = s->shots[i];
        if (!minatar_seaquest_swim(shot)) {
            minatar_seaquest_remove(s->shots, &s->num_shots, i);
            continue;
        }
        int32_t x = shot[MINATAR_SEAQUEST_X], y = shot[MINATAR_SEAQUEST_Y];
        int32_t fish = minatar_seaquest_find(s->fish, s->num_fish, x, y);
        int32_t sub = fish < 0 ? minatar_seaquest_find(s->subs, s->num_subs, x, y) : -1;
        if (fish >= 0) {
            minatar_seaquest_remove(s->fish, &s->num_fish, fish);
        } else if (sub >= 0) {
            minatar_seaquest_remove(s->subs, &s->num_subs, sub);
        } else {
            continue;
        }
        minatar_seaquest_remove(s->shots, &s->num_shots, i);
        hits += 1;
    }
    return hits;
}

// Divers come aboard where you are, before or after they swim, if there is a seat.
static void minatar_seaquest_move_divers(MinatarSeaquest* s)
{
    for (int32_t i = s->num_divers - 1; i >= 0; i--) {
        int8_t* diver = s->divers[i];
        int welcome = s->aboard < MINATAR_SEAQUEST_SEATS && minatar_seaquest_is_at(s, diver), gone = 0;
        if (!welcome && diver[MINATAR_SEAQUEST_REST] == 0) {
            diver[MINATAR_SEAQUEST_REST] = MINATAR_SEAQUEST_STROKE;
            gone = !minatar_seaquest_swim(diver);
            welcome = !gone && s->aboard < MINATAR_SEAQUEST_SEATS && minatar_seaquest_is_at(s, diver);
        } else if (!welcome) {
            diver[MINATAR_SEAQUEST_REST] -= 1;
        }
        s->aboard += welcome;
        if (welcome || gone) {
            minatar_seaquest_remove(s->divers, &s->num_divers, i);
        }
    }
}

// What became of an enemy.
enum { MINATAR_SEAQUEST_STAYS, MINATAR_SEAQUEST_RAMS, MINATAR_SEAQUEST_LEAVES, MINATAR_SEAQUEST_IS_HIT };

// An enemy moves when its rest is over.
static int32_t minatar_seaquest_move_enemy(MinatarSeaquest* s, int8_t* enemy)
{
    if (enemy[MINATAR_SEAQUEST_REST] > 0) {
        enemy[MINATAR_SEAQUEST_REST] -= 1;
        return MINATAR_SEAQUEST_STAYS;
    }
    enemy[MINATAR_SEAQUEST_REST] = s->move_speed;
    if (!minatar_seaquest_swim(enemy)) {
        return MINATAR_SEAQUEST_LEAVES;
    }
    if (minatar_seaquest_is_at(s, enemy)) {
        return MINATAR_SEAQUEST_RAMS;
    }
    int32_t shot = minatar_seaquest_find(s->shots, s->num_shots, enemy[MINATAR_SEAQUEST_X], enemy[MINATAR_SEAQUEST_Y]);
    if (shot >= 0) {
        minatar_seaquest_remove(s->shots, &s->num_shots, shot);
        return MINATAR_SEAQUEST_IS_HIT;
    }
    return MINATAR_SEAQUEST_STAYS;
}

// Enemy submarines, which fire: even one that has just been hit. Returns hits; *rammed: one touched you.
static int32_t minatar_seaquest_move_subs(MinatarSeaquest* s, int* rammed)
{
    int32_t hits = 0;
    for (int32_t i = s->num_subs - 1; i >= 0; i--) {
        int8_t* sub = s->subs[i];
        *rammed |= minatar_seaquest_is_at(s, sub);
        int32_t became = minatar_seaquest_move_enemy(s, sub);
        *rammed |= became == MINATAR_SEAQUEST_RAMS;
        hits += became == MINATAR_SEAQUEST_IS_HIT;
        if (sub[MINATAR_SEAQUEST_RELOAD] == 0) {
            sub[MINATAR_SEAQUEST_RELOAD] = MINATAR_SEAQUEST_RELOADING;
            const MinatarSeaquestThing shot = { sub[0], sub[1], sub[2], 0, 0 };
            minatar_seaquest_add(s->their_shots, &s->num_their_shots, MINATAR_SEAQUEST_MOST, shot);
        } else {
            sub[MINATAR_SEAQUEST_RELOAD] -= 1;
        }
        if (became >= MINATAR_SEAQUEST_LEAVES) {
            minatar_seaquest_remove(s->subs, &s->num_subs, i);
        }
    }
    return hits;
}

static void minatar_seaquest_move_their_shots(MinatarSeaquest* s, int* rammed)
{
    for (int32_t i = s->num_their_shots - 1; i >= 0; i--) {
        int8_t* shot = s->their_shots[i];
        *rammed |= minatar_seaquest_is_at(s, shot);
        if (!minatar_seaquest_swim(shot)) {
            minatar_seaquest_remove(s->their_shots, &s->num_their_shots, i);
        } else {
            *rammed |= minatar_seaquest_is_at(s, shot);
        }
    }
}

static int32_t minatar_seaquest_move_fish(MinatarSeaquest* s, int* rammed)
{
    int32_t hits = 0;
    for (int32_t i = s->num_fish - 1; i >= 0; i--) {
        int8_t* fish = s->fish[i];
        *rammed |= minatar_seaquest_is_at(s, fish);
        int32_t became = minatar_seaquest_move_enemy(s, fish);
        *rammed |= became == MINATAR_SEAQUEST_RAMS;
        hits += became == MINATAR_SEAQUEST_IS_HIT;
        if (became >= MINATAR_SEAQUEST_LEAVES) {
            minatar_seaquest_remove(s->fish, &s->num_fish, i);
        }
    }
    return hits;
}

// -- the surface -------------------------------------------------------------------------------------------

// Up for air, which costs a diver; with six aboard all are brought home, and this one is owed. Returns the reward.
static int32_t minatar_seaquest_surface(MinatarSeaquest* s)
{
    int32_t prize = 0;
    s->surfaced = 1;
    if (s->aboard == MINATAR_SEAQUEST_SEATS) {
        s->aboard = 0;
        prize = s->oxygen * MINATAR_SEAQUEST_PRIZE / MINATAR_SEAQUEST_AIR;
    }
    s->aboard -= 1;
    s->oxygen = MINATAR_SEAQUEST_AIR;
    if (s->ramping && (s->spawn_speed > 1 || s->move_speed > MINATAR_SEAQUEST_FASTEST)) {
        s->move_speed = (int8_t)(s->move_speed - (s->move_speed > MINATAR_SEAQUEST_FASTEST && s->ramps % 2));
        s->spawn_speed = (int8_t)(s->spawn_speed - (s->spawn_speed > 1));
        s->ramps += 1;
    }
    return prize;
}

// Whether the oxygen is used up, or you surface without a diver.
static int minatar_seaquest_breathe(MinatarSeaquest* s, int32_t* prize)
{
    int out = s->oxygen <= 0;
    if (s->y > 0) {
        s->oxygen -= 1;
        s->surfaced = 0;
    } else if (!s->surfaced) {
        if (s->aboard == 0) {
            return 1;
        }
        *prize = minatar_seaquest_surface(s);
    }
    return out;
}

static void minatar_seaquest_step(MinatarSeaquest* s, PufIo io)
{
    int32_t action = minatar_act(&s->rng, s->sticky, &s->last, io.actions[0]), prize = 0;
    int lost = 0;
    minatar_seaquest_send(s);
    minatar_seaquest_act(s, action);
    int32_t hits = minatar_seaquest_move_shots(s);
    minatar_seaquest_move_divers(s);
    hits += minatar_seaquest_move_subs(s, &lost);
    minatar_seaquest_move_their_shots(s, &lost);
    hits += minatar_seaquest_move_fish(s, &lost);
    s->spawn_timer = (int8_t)(s->spawn_timer - (s->spawn_timer > 0));
    s->diver_timer = (int8_t)(s->diver_timer - (s->diver_timer > 0));
    s->hot = (int8_t)(s->hot - (s->hot > 0));
    lost |= minatar_seaquest_breathe(s, &prize);
    s->score += hits + prize;
    s->tick += 1;

    int late = !lost & (s->tick >= s->max_steps);
    io.rewards[0] = (float)(hits + prize);
    io.terminals[0] = (uint8_t)lost;
    io.truncations[0] = (uint8_t)late;
    if (lost | late) {
        minatar_log(&s->log, MINATAR_SEAQUEST_PAR, s->score, s->tick);
    }
}

static const PufObs minatar_seaquest_obs[] = {
    { "cells", 0, 0, 1,
      "bow, stern, shots, trails, enemy shots, fish, submarines, oxygen, divers aboard, divers: 1 where they are; "
      "rows from the top" },
};
static const PufParam minatar_seaquest_params[] = {
    MINATAR_PARAMS(MinatarSeaquest),
    MINATAR_RAMPING(MinatarSeaquest),
    MINATAR_LIMIT(MinatarSeaquest),
};
static const PufRange minatar_seaquest_ranges[] = {
    PUF_WITHIN(0, MINATAR_SIDE - 1),         PUF_WITHIN(0, MINATAR_SEAQUEST_ROWS),      PUF_WITHIN(0, 1),
    PUF_WITHIN(0, MINATAR_SEAQUEST_SLOWEST), PUF_WITHIN(0, MINATAR_SEAQUEST_RELOADING),
};
static const PufField minatar_seaquest_fields[] = {
    PUF_SCALAR(MinatarSeaquest, num_fish, "of them", PUF_RANGE(0, MINATAR_SEAQUEST_MOST)),
    PUF_SCALAR(MinatarSeaquest, num_subs, "of them", PUF_RANGE(0, MINATAR_SEAQUEST_MOST)),
    PUF_SCALAR(MinatarSeaquest, num_their_shots, "of them", PUF_RANGE(0, MINATAR_SEAQUEST_MOST)),
    PUF_SCALAR(MinatarSeaquest, num_divers, "of them", PUF_RANGE(0, MINATAR_SEAQUEST_FEW)),
    PUF_SCALAR(MinatarSeaquest, num_shots, "of them", PUF_RANGE(0, MINATAR_SEAQUEST_FEW)),
    PUF_GRID(MinatarSeaquest, fish, "column, row, 1 if it goes right, steps until it moves, 0",
             PUF_BY_COLUMN(minatar_seaquest_ranges)),
    PUF_GRID(MinatarSeaquest, subs, "column, row, 1 if it goes right, steps until it moves and until it fires",
             PUF_BY_COLUMN(minatar_seaquest_ranges)),
    PUF_GRID(MinatarSeaquest, their_shots, "column, row, 1 if it goes right, 0, 0",
             PUF_BY_COLUMN(minatar_seaquest_ranges)),
    PUF_GRID(MinatarSeaquest, divers, "column, row, 1 if it goes right, steps until it moves, 0",
             PUF_BY_COLUMN(minatar_seaquest_ranges)),
    PUF_GRID(MinatarSeaquest, shots, "column, row, 1 if it goes right, 0, 0", PUF_BY_COLUMN(minatar_seaquest_ranges)),
    PUF_SCALAR(MinatarSeaquest, oxygen, "steps that it lasts", PUF_RANGE(-1, MINATAR_SEAQUEST_AIR)),
    PUF_SCALAR(MinatarSeaquest, x, "column of your bow", PUF_RANGE(0, MINATAR_SIDE - 1)),
    PUF_SCALAR(MinatarSeaquest, y, "row of your bow", PUF_RANGE(0, MINATAR_SEAQUEST_ROWS)),
    PUF_SCALAR(MinatarSeaquest, right, "1 if it points right, 0 left", PUF_RANGE(0, 1)),
    PUF_SCALAR(MinatarSeaquest, aboard, "divers; below 0: those that are owed",
               PUF_RANGE(-1000000, MINATAR_SEAQUEST_SEATS)),
    PUF_SCALAR(MinatarSeaquest, surfaced, "1 from when you surface until you dive", PUF_RANGE(0, 1)),
    PUF_SCALAR(MinatarSeaquest, hot, "steps until you can fire", PUF_RANGE(0, MINATAR_SEAQUEST_COOLING)),
    PUF_SCALAR(MinatarSeaquest, spawn_speed, "steps between two enemies", PUF_RANGE(1, MINATAR_SEAQUEST_SPAWN)),
    PUF_SCALAR(MinatarSeaquest, spawn_timer, "steps until the next enemy", PUF_RANGE(0, MINATAR_SEAQUEST_SPAWN)),
    PUF_SCALAR(MinatarSeaquest, diver_timer, "steps until the next diver", PUF_RANGE(0, MINATAR_SEAQUEST_DIVERS)),
    PUF_SCALAR(MinatarSeaquest, move_speed, "steps between two moves of an enemy",
               PUF_RANGE(MINATAR_SEAQUEST_FASTEST, MINATAR_SEAQUEST_SLOWEST)),
    PUF_SCALAR(MinatarSeaquest, ramps, "how often it became harder", PUF_RANGE(0, MINATAR_SEAQUEST_SPAWN)),
    MINATAR_FIELDS(MinatarSeaquest),
};

// clang-format off
PUF_DEFINE_ENV(minatar_seaquest, MinatarSeaquest,
    .version = 1,
    .doc = "Rescue divers, shoot fish and submarines, and breathe in time: the Seaquest of MinAtar.",
    .reward = "+1 for a fish or a submarine; at the surface with six divers, up to +10 for the oxygen that is left",
    .ends = "terminal when something hits you, when the oxygen is used up, and at the surface without a diver; truncated "
            "after max_steps steps",
    .rate = 10,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(MinatarSeaquest) + 7) / 8 * 8, .agents = 1, .obs_ndim = 3,
                .obs_shape = { MINATAR_SIDE, MINATAR_SIDE, MINATAR_SEAQUEST_LAYERS },
                .num_actions = 1, .actions = minatar_all_actions },
    PUF_TABLES(minatar_seaquest));
