// my_game - take the key, unlock the door, grab the treasure, and keep away from the guard.
//
// Observation  int8 (13,): where the thief is, and how far away everything else; see my_game_obs.
// Action       one of 5: stay, up, down, left, right. Walls stop the thief, and so does the door without the key.
// Reward       0.25 for taking the key, 0.25 for unlocking the door, 1 for the treasure.
// End          terminal when the guard catches the thief or all vaults are empty; truncated after `max_steps` steps.
// Score        treasures; perf is the share of the vaults.
#pragma once
#include "puffer.h"

enum { MY_GAME_ROWS = 7, MY_GAME_COLUMNS = 11, MY_GAME_CELLS = MY_GAME_ROWS * MY_GAME_COLUMNS };
enum { MY_GAME_WALL = 5, MY_GAME_OBS = 13 }; // the column between the two rooms; numbers that the thief sees
enum { MY_GAME_STAY, MY_GAME_UP, MY_GAME_DOWN, MY_GAME_LEFT, MY_GAME_RIGHT, MY_GAME_ACTIONS };

// A place is the number of a cell: row * MY_GAME_COLUMNS + column.
typedef struct MyGame {
    PufRng rng;
    int32_t vaults, max_steps; // settings
    int32_t thief, key, door, treasure, guard;
    int32_t guard_step; // the guard walks up (-1) and down (1)
    int32_t has_key, is_open;
    int32_t taken, tick; // treasures and steps of this episode
    float gain;          // rewards of this episode
    PufLog log;
} MyGame;

// A random cell in these columns.
static int32_t my_game_place(MyGame* s, int32_t first, int32_t last)
{
    int32_t row = (int32_t)puf_rand_below(&s->rng, MY_GAME_ROWS);
    int32_t column = first + (int32_t)puf_rand_below(&s->rng, (uint32_t)(last - first + 1));
    return row * MY_GAME_COLUMNS + column;
}

// A new vault: thief and key are in the left room, the treasure and its guard in the right one.
static void my_game_build(MyGame* s)
{
    s->thief = my_game_place(s, 0, 0);
    s->key = my_game_place(s, 1, MY_GAME_WALL - 1);
    s->door = my_game_place(s, MY_GAME_WALL, MY_GAME_WALL);
    s->treasure = my_game_place(s, MY_GAME_WALL + 2, MY_GAME_COLUMNS - 1);
    s->guard = my_game_place(s, MY_GAME_WALL + 2, MY_GAME_COLUMNS - 1);
    s->guard_step = 1;
    s->has_key = 0;
    s->is_open = 0;
}

static void my_game_reset(MyGame* s)
{
    s->taken = 0;
    s->tick = 0;
    s->gain = 0.0f;
    my_game_build(s);
}

static void my_game_observe(const MyGame* s, PufIo io)
{
    int8_t* obs = io.obs;
    int32_t row = s->thief / MY_GAME_COLUMNS, column = s->thief % MY_GAME_COLUMNS;
    const int32_t things[] = { s->key, s->door, s->treasure, s->guard };
    obs[0] = (int8_t)row;
    obs[1] = (int8_t)column;
    for (int32_t i = 0; i < 4; i++) {
        obs[2 + 2 * i] = (int8_t)(things[i] / MY_GAME_COLUMNS - row);
        obs[3 + 2 * i] = (int8_t)(things[i] % MY_GAME_COLUMNS - column);
    }
    obs[10] = (int8_t)s->guard_step;
    obs[11] = (int8_t)s->has_key;
    obs[12] = (int8_t)s->is_open;
}

// Where the thief gets to with an action.
static int32_t my_game_move(const MyGame* s, int32_t action)
{
    int32_t row = s->thief / MY_GAME_COLUMNS + (action == MY_GAME_DOWN) - (action == MY_GAME_UP);
    int32_t column = s->thief % MY_GAME_COLUMNS + (action == MY_GAME_RIGHT) - (action == MY_GAME_LEFT);
    int32_t to = row * MY_GAME_COLUMNS + column;
    int32_t outside = row < 0 || row >= MY_GAME_ROWS || column < 0 || column >= MY_GAME_COLUMNS;
    int32_t blocked = column == MY_GAME_WALL && !(to == s->door && s->has_key);
    return outside || blocked ? s->thief : to;
}

static void my_game_step(MyGame* s, PufIo io)
{
    s->thief = my_game_move(s, io.actions[0]);
    int32_t caught = s->thief == s->guard;    // ran into the guard
    int32_t row = s->guard / MY_GAME_COLUMNS; // the guard turns at the walls
    s->guard_step = row == 0 ? 1 : row == MY_GAME_ROWS - 1 ? -1 : s->guard_step;
    s->guard += s->guard_step * MY_GAME_COLUMNS;
    caught |= s->thief == s->guard; // or was run into
    int32_t found = !s->has_key && s->thief == s->key;
    int32_t took = !caught && s->thief == s->treasure;
    int32_t opened = !s->is_open && s->thief == s->door;
    s->has_key |= found;
    s->is_open |= opened;
    s->taken += took;
    s->tick += 1;

    int32_t over = caught || s->taken == s->vaults;
    int32_t late = !over && s->tick >= s->max_steps;
    io.rewards[0] = 0.25f * (float)(found + opened) + (float)took;
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = (uint8_t)late;
    s->gain += io.rewards[0];
    if (over || late) {
        puf_log_episode(&s->log, (float)s->taken / (float)s->vaults, (float)s->taken, s->gain, (float)s->tick);
    } else if (took) {
        my_game_build(s);
    }
}

static const PufObs my_game_obs[] = {
    { "thief", 2, 0, 10, "row from the top, column from the left" },
    { "things", 8, -10, 10, "rows and columns from there to where the key was, the door, the treasure, the guard" },
    { "patrol", 1, -1, 1, "the guard walks -1 up, 1 down" },
    { "progress", 2, 0, 1, "1: the thief has the key; 1: the door is open" },
};
static const PufAction my_game_actions[] = { { "move", MY_GAME_ACTIONS, 0, 0, "stay up down left right" } };
static const PufParam my_game_params[] = {
    PUF_SETTING(MyGame, vaults, 5, 1, 1000, "vaults to empty in an episode"),
    PUF_SETTING(MyGame, max_steps, 200, 1, 100000, "steps after which an episode is truncated"),
};
static const PufField my_game_fields[] = {
    PUF_SCALAR(MyGame, thief, "its cell: row * 11 + column", PUF_RANGE(0, MY_GAME_CELLS - 1)),
    PUF_SCALAR(MyGame, key, "its cell", PUF_RANGE(0, MY_GAME_CELLS - 1)),
    PUF_SCALAR(MyGame, has_key, "1: the thief has the key", PUF_RANGE(0, 1)),
    PUF_SCALAR(MyGame, door, "its cell", PUF_RANGE(0, MY_GAME_CELLS - 1)),
    PUF_SCALAR(MyGame, is_open, "1: the door is open", PUF_RANGE(0, 1)),
    PUF_SCALAR(MyGame, treasure, "its cell", PUF_RANGE(0, MY_GAME_CELLS - 1)),
    PUF_SCALAR(MyGame, guard, "its cell", PUF_RANGE(0, MY_GAME_CELLS - 1)),
    PUF_SCALAR(MyGame, guard_step, "-1: the guard walks up; 1: down", PUF_RANGE(-1, 1)),
    PUF_SCALAR(MyGame, taken, "treasures of this episode", PUF_LESS_THAN(MyGame, vaults)),
    PUF_SCALAR(MyGame, vaults, "vaults to empty"),
    PUF_SCALAR(MyGame, tick, "steps of this episode", PUF_UP_TO(MyGame, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(my_game, MyGame,
    .version = 1,
    .doc = "Take the key, unlock the door, grab the treasure, and keep away from the guard.",
    .reward = "0.25 for taking the key, 0.25 for unlocking the door, 1 for the treasure",
    .ends = "terminal when the guard catches the thief or all vaults are empty; truncated after max_steps steps",
    .rate = 8,
    .obs_dtype = PUF_I8,
    .layout = { .state_size = sizeof(MyGame), .agents = 1, .obs_ndim = 1, .obs_shape = { MY_GAME_OBS },
                PUF_ACTIONS(my_game) },
    PUF_TABLES(my_game));
