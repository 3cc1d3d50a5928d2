// minatar.h - what the five games of MinAtar (Young and Tian, 2019) share: a field of 10 x 10 cells, seen as one layer for
// each kind of thing; six actions; and the last action that is sometimes repeated.
#pragma once
#include "puffer.h"

enum { MINATAR_SIDE = 10, MINATAR_CELLS = MINATAR_SIDE * MINATAR_SIDE };
enum { MINATAR_STAY, MINATAR_LEFT, MINATAR_UP, MINATAR_RIGHT, MINATAR_DOWN, MINATAR_FIRE, MINATAR_ACTIONS };

// What may be done with the setting all_actions; some of it does nothing in some games.
static const PufAction minatar_all_actions[] = { { "do", MINATAR_ACTIONS, 0, 0, "stay left up right down fire" } };

// What is done: what was chosen, or with the chance `sticky` what was done before.
static inline int32_t minatar_act(PufRng* rng, float sticky, uint8_t* last, int32_t chosen)
{
    float chance = puf_rand_float(rng);
    *last = chance < sticky ? *last : (uint8_t)chosen;
    return *last;
}

// Mark a cell in one of `layers` layers.
static inline void minatar_mark(uint8_t* obs, int32_t layers, int32_t layer, int32_t x, int32_t y)
{
    obs[(y * MINATAR_SIDE + x) * layers + layer] = 1;
}

static inline int minatar_is_inside(int32_t x) { return (x >= 0) & (x < MINATAR_SIDE); }

static inline int32_t minatar_clamp(int32_t x, int32_t least, int32_t most)
{
    return x < least ? least : x > most ? most : x;
}

// An episode ended. perf is 1 from a score of `par` on.
static inline void minatar_log(PufLog* log, float par, int32_t score, int32_t steps)
{
    float points = (float)score, perf = points / par;
    puf_log_episode(log, perf > 1.0f ? 1.0f : perf, points, points, (float)steps);
}

// The settings that all have, that of those which become harder, and that of those which may never end.
// clang-format off
#define MINATAR_PARAMS(State)                                                                                          \
    PUF_SETTING(State, sticky, 0.1, 0, 1, "chance that the last action is repeated; MinAtar: sticky_action_prob"),     \
    PUF_FLAG(State, all_actions, 0, "whether all six actions may be chosen, or only those that do something")
#define MINATAR_RAMPING(State) PUF_FLAG(State, ramping, 1, "whether it becomes harder; MinAtar: difficulty_ramping")
#define MINATAR_LIMIT(State)                                                                                           \
    PUF_SETTING(State, max_steps, 10000, 1, 1000000, "steps after which an episode is truncated; MinAtar: never")
// The fields that all have.
#define MINATAR_FIELDS(State)                                                                                          \
    PUF_SCALAR(State, last, "the last action of all six: stay left up right down fire",                                \
               PUF_RANGE(0, MINATAR_ACTIONS - 1)),                                                                     \
    PUF_SCALAR(State, score, "in this episode", PUF_RANGE(0, 1 << 24)),                                                 \
    PUF_SCALAR(State, tick, "steps since the start of the episode", PUF_LESS_THAN(State, max_steps))
// clang-format on
