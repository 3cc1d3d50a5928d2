// my_game - a bat flies through a cave that grows narrower: dodge the rock, catch the crystals.
//
// Observation  uint8 (12, 18), the picture: 0 air, 1 rock, 2 a crystal, 3 the bat; rows from the top.
// Action       one of 3: fly level, up, down. The cave moves one column to the left in every step.
// Reward       0.02 for every step, 1 for a crystal, -1 for hitting the rock.
// End          terminal when the bat hits the rock; truncated after `max_steps` steps.
// Score        crystals; perf is the share of `max_steps` that the bat survives.
#pragma once
#include "puffer.h"

enum { MY_GAME_ROWS = 12, MY_GAME_COLUMNS = 18, MY_GAME_BAT_COLUMN = 3 };
enum { MY_GAME_AIR, MY_GAME_ROCK, MY_GAME_CRYSTAL, MY_GAME_BAT };
enum { MY_GAME_LEVEL, MY_GAME_UP, MY_GAME_DOWN, MY_GAME_ACTIONS };
enum { MY_GAME_WIDEST = 8, MY_GAME_NARROWEST = 4, MY_GAME_NARROWING = 150 }; // rows, rows, steps until it loses a row
enum { MY_GAME_GAP = 4 };                                                    // columns from one thing to the next

typedef struct MyGame {
    PufRng rng;
    int32_t max_steps; // setting
    int32_t row;       // of the bat
    int32_t ceiling;   // rows of rock at the top of the newest column
    int32_t caught, tick;
    float gain; // rewards of this episode
    uint8_t cave[MY_GAME_ROWS][MY_GAME_COLUMNS];
    PufLog log;
} MyGame;

static int32_t my_game_clamp(int32_t x, int32_t high) { return x < 0 ? 0 : x > high ? high : x; }

// Move the cave to the left and dig its next column.
static void my_game_scroll(MyGame* s)
{
    int32_t width = MY_GAME_WIDEST - s->tick / MY_GAME_NARROWING;
    width = width < MY_GAME_NARROWEST ? MY_GAME_NARROWEST : width;
    s->ceiling = my_game_clamp(s->ceiling + (int32_t)puf_rand_below(&s->rng, 3) - 1, MY_GAME_ROWS - width);
    for (int32_t row = 0; row < MY_GAME_ROWS; row++) {
        uint8_t* cells = s->cave[row];
        memmove(cells, cells + 1, MY_GAME_COLUMNS - 1);
        int32_t inside = row >= s->ceiling && row < s->ceiling + width;
        cells[MY_GAME_COLUMNS - 1] = inside ? MY_GAME_AIR : MY_GAME_ROCK;
    }
    if (s->tick % MY_GAME_GAP == 0) { // a thing that hangs in the air
        int32_t row = s->ceiling + (int32_t)puf_rand_below(&s->rng, (uint32_t)width);
        s->cave[row][MY_GAME_COLUMNS - 1] = puf_rand_below(&s->rng, 2) ? MY_GAME_CRYSTAL : MY_GAME_ROCK;
    }
}

static void my_game_reset(MyGame* s)
{
    memset(s->cave, MY_GAME_AIR, sizeof(s->cave));
    s->row = MY_GAME_ROWS / 2;
    s->ceiling = 2;
    s->caught = 0;
    s->tick = 0;
    s->gain = 0.0f;
}

static void my_game_observe(const MyGame* s, PufIo io)
{
    uint8_t* picture = io.obs;
    memcpy(picture, s->cave, sizeof(s->cave));
    picture[s->row * MY_GAME_COLUMNS + MY_GAME_BAT_COLUMN] = MY_GAME_BAT;
}

static void my_game_step(MyGame* s, PufIo io)
{
    int32_t action = io.actions[0];
    s->row = my_game_clamp(s->row + (action == MY_GAME_DOWN) - (action == MY_GAME_UP), MY_GAME_ROWS - 1);
    my_game_scroll(s);
    s->tick += 1;

    uint8_t* here = &s->cave[s->row][MY_GAME_BAT_COLUMN];
    int32_t hit = *here == MY_GAME_ROCK, caught = *here == MY_GAME_CRYSTAL;
    int32_t late = !hit && s->tick >= s->max_steps;
    *here = hit ? MY_GAME_ROCK : MY_GAME_AIR;
    s->caught += caught;
    io.rewards[0] = 0.02f + (float)caught - (float)hit;
    io.terminals[0] = (uint8_t)hit;
    io.truncations[0] = (uint8_t)late;
    s->gain += io.rewards[0];
    if (hit || late) {
        float share = (float)s->tick / (float)s->max_steps;
        puf_log_episode(&s->log, share, (float)s->caught, s->gain, (float)s->tick);
    }
}

static const PufObs my_game_obs[] = { { "picture", 0, 0, 3, "0 air, 1 rock, 2 a crystal, 3 the bat" } };
static const PufAction my_game_actions[] = { { "fly", MY_GAME_ACTIONS, 0, 0, "level up down" } };
static const PufParam my_game_params[] = {
    PUF_SETTING(MyGame, max_steps, 600, 1, 100000, "steps after which an episode is truncated"),
};
static const PufField my_game_fields[] = {
    PUF_GRID(MyGame, cave, "0 air, 1 rock, 2 a crystal; rows from the top", PUF_RANGE(0, MY_GAME_CRYSTAL)),
    PUF_SCALAR(MyGame, row, "of the bat, from the top", PUF_RANGE(0, MY_GAME_ROWS - 1)),
    PUF_SCALAR(MyGame, ceiling, "rows of rock at the top of the newest column", PUF_RANGE(0, MY_GAME_ROWS)),
    PUF_SCALAR(MyGame, caught, "crystals in this episode", PUF_UP_TO(MyGame, max_steps)),
    PUF_SCALAR(MyGame, tick, "steps of this episode", PUF_UP_TO(MyGame, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(my_game, MyGame,
    .version = 1,
    .doc = "A bat flies through a cave that grows narrower: dodge the rock, catch the crystals.",
    .reward = "0.02 for every step, 1 for a crystal, -1 for hitting the rock",
    .ends = "terminal when the bat hits the rock; truncated after max_steps steps",
    .rate = 10,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(MyGame), .agents = 1, .obs_ndim = 2,
                .obs_shape = { MY_GAME_ROWS, MY_GAME_COLUMNS }, PUF_ACTIONS(my_game) },
    PUF_TABLES(my_game));
