// frozen_lake - cross a frozen lake without falling through a hole: Gymnasium's FrozenLake-v1.
//
// Observation  uint8 (64,): codes of an 8 x 8 board, in rows from the top: 0 ice, 1 a hole, 2 the goal, 3 you, 4 outside
//              of a smaller lake.
// Action       one of 4: left, down, right, up. On slippery ice it is taken with the chance `grip`; else, with the same
//              chance, one of the two directions at right angles to it.
// Reward       +1 at the goal.
// End          terminal at the goal and in a hole; truncated after `max_steps` steps.
//
// The lake's edge stops you. With the setting `map` the lake is Gymnasium's of 4 x 4 or of 8 x 8 tiles, or a random one in
// each episode: each tile is ice with the chance `ice`, and there is a way.
#pragma once
#include "puffer.h"

enum { FROZEN_LAKE_SIDE = 8, FROZEN_LAKE_TILES = FROZEN_LAKE_SIDE * FROZEN_LAKE_SIDE, FROZEN_LAKE_SMALL = 4 };
enum { FROZEN_LAKE_LEFT, FROZEN_LAKE_DOWN, FROZEN_LAKE_RIGHT, FROZEN_LAKE_UP, FROZEN_LAKE_ACTIONS };
enum { FROZEN_LAKE_ICE, FROZEN_LAKE_HOLE, FROZEN_LAKE_GOAL, FROZEN_LAKE_YOU, FROZEN_LAKE_OUTSIDE, FROZEN_LAKE_CODES };
enum { FROZEN_LAKE_MAP_SMALL, FROZEN_LAKE_MAP_LARGE, FROZEN_LAKE_MAP_RANDOM };

// Gymnasium's lakes; the digits are the codes.
static const char frozen_lake_small[] = "00004444"
                                        "01014444"
                                        "00014444"
                                        "10024444"
                                        "44444444"
                                        "44444444"
                                        "44444444"
                                        "44444444";
static const char frozen_lake_large[] = "00000000"
                                        "00000000"
                                        "00010000"
                                        "00000100"
                                        "00010000"
                                        "01100010"
                                        "01001010"
                                        "00010002";

typedef struct FrozenLake {
    uint8_t tiles[FROZEN_LAKE_TILES];
    PufRng rng;
    float grip;       // setting
    float ice;        // setting
    int32_t map;      // setting: one of the maps above
    int32_t slippery; // setting
    int16_t tick;
    int16_t max_steps; // setting
    int8_t row, column;
    int8_t side; // of the lake
    PufLog log;
} FrozenLake;

static void frozen_lake_copy(FrozenLake* s, const char* map)
{
    for (int32_t i = 0; i < FROZEN_LAKE_TILES; i++) {
        s->tiles[i] = (uint8_t)(map[i] - '0');
    }
}

// Whether the goal can be reached: what is next to a reached tile and no hole is reached, until nothing changes.
static int frozen_lake_has_way(const uint8_t* tiles)
{
    const int32_t side = FROZEN_LAKE_SIDE;
    uint8_t reached[FROZEN_LAKE_TILES] = { 1 };
    for (int changed = 1; changed;) {
        changed = 0;
        for (int32_t i = 0; i < FROZEN_LAKE_TILES; i++) {
            int near = (i % side > 0 && reached[i - 1]) || (i % side < side - 1 && reached[i + 1]) ||
                       (i >= side && reached[i - side]) || (i < FROZEN_LAKE_TILES - side && reached[i + side]);
            if (near && !reached[i] && tiles[i] != FROZEN_LAKE_HOLE) {
                reached[i] = 1;
                changed = 1;
            }
        }
    }
    return reached[FROZEN_LAKE_TILES - 1];
}

// A random lake of 8 x 8 tiles. It ends, since ice is at least half as likely as not, and one in some hundreds has a way.
static void frozen_lake_draw(FrozenLake* s)
{
    do {
        for (int32_t i = 0; i < FROZEN_LAKE_TILES; i++) {
            s->tiles[i] = puf_rand_float(&s->rng) < s->ice ? FROZEN_LAKE_ICE : FROZEN_LAKE_HOLE;
        }
        s->tiles[0] = FROZEN_LAKE_ICE;
        s->tiles[FROZEN_LAKE_TILES - 1] = FROZEN_LAKE_GOAL;
    } while (!frozen_lake_has_way(s->tiles));
}

static void frozen_lake_reset(FrozenLake* s)
{
    if (s->map == FROZEN_LAKE_MAP_RANDOM) {
        frozen_lake_draw(s);
    } else {
        frozen_lake_copy(s, s->map == FROZEN_LAKE_MAP_SMALL ? frozen_lake_small : frozen_lake_large);
    }
    s->side = s->map == FROZEN_LAKE_MAP_SMALL ? FROZEN_LAKE_SMALL : FROZEN_LAKE_SIDE;
    s->row = 0;
    s->column = 0;
    s->tick = 0;
}

static void frozen_lake_observe(const FrozenLake* s, PufIo io)
{
    uint8_t* obs = io.obs;
    memcpy(obs, s->tiles, FROZEN_LAKE_TILES);
    obs[s->row * FROZEN_LAKE_SIDE + s->column] = FROZEN_LAKE_YOU;
}

// The direction in which it goes: that of the action, or a quarter turn from it.
static inline int32_t frozen_lake_slip(FrozenLake* s, int32_t action)
{
    float slip = 0.5f * (1.0f - s->grip), chance = puf_rand_float(&s->rng);
    int32_t turn = (chance >= slip) + (chance >= slip + s->grip) - 1;
    return (action + turn) & 3;
}

static void frozen_lake_step(FrozenLake* s, PufIo io)
{
    int32_t direction = s->slippery ? frozen_lake_slip(s, io.actions[0]) : io.actions[0];
    int32_t row = s->row + (direction == FROZEN_LAKE_DOWN) - (direction == FROZEN_LAKE_UP);
    int32_t column = s->column + (direction == FROZEN_LAKE_RIGHT) - (direction == FROZEN_LAKE_LEFT);
    int inside = (row >= 0) & (row < s->side) & (column >= 0) & (column < s->side);
    s->row = (int8_t)(inside ? row : s->row);
    s->column = (int8_t)(inside ? column : s->column);
    s->tick += 1;

    uint8_t tile = s->tiles[s->row * FROZEN_LAKE_SIDE + s->column];
    int there = tile == FROZEN_LAKE_GOAL;
    int over = there | (tile == FROZEN_LAKE_HOLE);
    int late = !over & (s->tick >= s->max_steps);
    io.rewards[0] = (float)there;
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = (uint8_t)late;
    if (over | late) {
        puf_log_episode(&s->log, (float)there, (float)there, (float)there, (float)s->tick);
    }
}

static const PufObs frozen_lake_obs[] = {
    PUF_CODES("tiles", FROZEN_LAKE_TILES, FROZEN_LAKE_CODES, "ice, hole, goal, you, outside; rows from the top"),
};
static const PufAction frozen_lake_actions[] = { { "move", FROZEN_LAKE_ACTIONS, 0, 0, "left down right up" } };
static const PufParam frozen_lake_params[] = {
    PUF_CHOICE(FrozenLake, map, FROZEN_LAKE_MAP_RANDOM, "4x4 8x8 random", "the lake"),
    PUF_FLAG(FrozenLake, slippery, 1, "whether the ice is slippery; Gymnasium calls it is_slippery"),
    PUF_SETTING(FrozenLake, grip, 1.0 / 3.0, 0, 1,
                "chance to go where one wants on slippery ice; Gymnasium calls it success_rate"),
    PUF_SETTING(FrozenLake, ice, 0.8, 0.5, 1, "of a random lake, the chance of a tile to be ice"),
    PUF_SETTING(FrozenLake, max_steps, 100, 1, 32767,
                "steps after which an episode is truncated; Gymnasium gives 200 for 8x8"),
};
static const PufField frozen_lake_fields[] = {
    PUF_ARRAY(FrozenLake, tiles, "0 ice, 1 a hole, 2 the goal, 4 outside; 8 x 8, rows from the top",
              PUF_RANGE(0, FROZEN_LAKE_CODES - 1)),
    PUF_SCALAR(FrozenLake, row, "from the top", PUF_RANGE(0, FROZEN_LAKE_SIDE - 1)),
    PUF_SCALAR(FrozenLake, column, "from the left", PUF_RANGE(0, FROZEN_LAKE_SIDE - 1)),
    PUF_SCALAR(FrozenLake, side, "tiles along a side of the lake", PUF_RANGE(FROZEN_LAKE_SMALL, FROZEN_LAKE_SIDE)),
    PUF_SCALAR(FrozenLake, tick, "steps since the start of the episode", PUF_LESS_THAN(FrozenLake, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(frozen_lake, FrozenLake,
    .version = 1,
    .doc = "Cross a frozen lake without falling through a hole: Gymnasium's FrozenLake-v1.",
    .reward = "+1 at the goal",
    .ends = "terminal at the goal and in a hole; truncated after max_steps steps",
    .rate = 5,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(FrozenLake), .agents = 1, .obs_ndim = 1, .obs_shape = { FROZEN_LAKE_TILES },
                PUF_ACTIONS(frozen_lake) },
    PUF_TABLES(frozen_lake));
