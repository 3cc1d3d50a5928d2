// my_game - three in a row with three stones each: your fourth stone takes your oldest one off the board.
//
// Observation  int8 (10,): the cells, row by row: 0 empty, 3 the agent's newest stone, 2 the one before, 1 its oldest,
//              which vanishes with its next move; negative for the opponent's. Then 1 if it is the agent's turn.
// Action       one of 9: the cell for a stone. The action mask marks the empty ones; instead of a full one, the next
//              empty one is used. A waiting agent has only cell 0 in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss; the score is the same, and perf is 1, 0.5 for a draw, or 0.
// End          terminal when a player has three in a row; truncated after `max_moves` moves: a draw.
// With `self_play` there are two agents, and a step is a move of one of them. Else a step is a move and the answer of a
// scripted opponent: it sees what wins and what blocks in `skill` % of its moves, and the others are random.
#pragma once
#include "puffer.h"

enum { MY_GAME_CELLS = 9, MY_GAME_STONES = 3, MY_GAME_OBS = MY_GAME_CELLS + 1 };

typedef struct MyGame {
    PufRng rng;
    int32_t skill, self_play, max_moves; // settings
    int32_t turn, moves;                 // whose move it is, 0 or 1; moves of this game
    int8_t cells[MY_GAME_CELLS];         // as player 0 sees them
    int8_t last[MY_GAME_CELLS];          // the end of the last game, for the drawing
    PufLog log;
} MyGame;

static void my_game_resize(PufLayout* layout, const void* setup)
{
    layout->agents = 1 + ((const MyGame*)setup)->self_play;
}

// Whether a player who puts a stone there has three in a row: with it, the oldest stone is gone.
static int32_t my_game_wins(const MyGame* s, int32_t player, int32_t cell)
{
    static const int32_t lines[8] = { 0007, 0070, 0700, 0111, 0222, 0444, 0421, 0124 }; // cells as bits, a digit a row
    int32_t found = 0, stones = 1 << cell;
    for (int32_t i = 0; i < MY_GAME_CELLS; i++) {
        stones |= ((1 - 2 * player) * s->cells[i] >= 2) << i;
    }
    for (int32_t line = 0; line < 8; line++) {
        found |= (stones & lines[line]) == lines[line];
    }
    return found;
}

// This cell, or the next empty one.
static int32_t my_game_empty(const MyGame* s, int32_t cell)
{
    for (int32_t tries = 1; tries < MY_GAME_CELLS && s->cells[cell] != 0; tries++) {
        cell = (cell + 1) % MY_GAME_CELLS;
    }
    return cell;
}

// The opponent's move: one that wins, else one that blocks, else a random one.
static int32_t my_game_choose(MyGame* s)
{
    int32_t choice = my_game_empty(s, (int32_t)puf_rand_below(&s->rng, MY_GAME_CELLS));
    int32_t looks = (int32_t)puf_rand_below(&s->rng, 100) < s->skill;
    for (int32_t player = 0; player < 2 && looks; player++) {
        for (int32_t cell = 0; cell < MY_GAME_CELLS; cell++) {
            choice = s->cells[cell] == 0 && my_game_wins(s, player, cell) ? cell : choice;
        }
    }
    return choice;
}

// Put a stone for the player whose turn it is. Returns whether that wins.
static int32_t my_game_put(MyGame* s, int32_t cell)
{
    int32_t sign = 1 - 2 * s->turn, wins = my_game_wins(s, s->turn, cell);
    for (int32_t i = 0; i < MY_GAME_CELLS; i++) {
        s->cells[i] = (int8_t)(sign * s->cells[i] > 0 ? s->cells[i] - sign : s->cells[i]);
    }
    s->cells[cell] = (int8_t)(MY_GAME_STONES * sign);
    s->turn = 1 - s->turn;
    s->moves += 1;
    return wins;
}

static void my_game_reset(MyGame* s)
{
    memcpy(s->last, s->cells, sizeof(s->last));
    memset(s->cells, 0, sizeof(s->cells));
    s->moves = 0;
    s->turn = (int32_t)puf_rand_below(&s->rng, 2);
    if (s->turn == 1 && !s->self_play) {
        (void)my_game_put(s, my_game_choose(s));
    }
}

static void my_game_observe(const MyGame* s, PufIo io)
{
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        int8_t* obs = (int8_t*)io.obs + player * MY_GAME_OBS;
        uint8_t* mask = io.action_mask + player * MY_GAME_CELLS;
        int32_t moves = s->turn == player;
        for (int32_t cell = 0; cell < MY_GAME_CELLS; cell++) {
            obs[cell] = (int8_t)((1 - 2 * player) * s->cells[cell]);
            mask[cell] = (uint8_t)(moves ? s->cells[cell] == 0 : cell == 0);
        }
        obs[MY_GAME_CELLS] = (int8_t)moves;
    }
}

static void my_game_step(MyGame* s, PufIo io)
{
    int32_t mover = s->turn, over = my_game_put(s, my_game_empty(s, io.actions[mover]));
    if (!over && !s->self_play) {
        mover = 1;
        over = my_game_put(s, my_game_choose(s));
    }
    int32_t late = !over && s->moves >= s->max_moves;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float reward = !over ? 0.0f : player == mover ? 1.0f : -1.0f;
        io.rewards[player] = reward;
        io.terminals[player] = (uint8_t)over;
        io.truncations[player] = (uint8_t)late;
        if (over || late) {
            puf_log_episode(&s->log, 0.5f + 0.5f * reward, reward, reward, (float)s->moves);
        }
    }
}

static const PufObs my_game_obs[] = {
    { "cells", MY_GAME_CELLS, -3, 3, "own stones 3 newest to 1 oldest, the opponent's negative, 0 empty" },
    { "turn", 1, 0, 1, "1: it is the agent's turn" },
};
static const PufAction my_game_actions[] = { { "cell", MY_GAME_CELLS, 0, 0, "1 2 3 4 5 6 7 8 9" } };
static const PufParam my_game_params[] = {
    PUF_SETTING(MyGame, skill, 80, 0, 100, "moves of the opponent in which it sees what wins and what blocks, %"),
    PUF_SETTING(MyGame, max_moves, 60, 2, 1000, "moves of both after which a game is drawn"),
    PUF_FLAG(MyGame, self_play, 0, "two agents play each other"),
};
static const PufField my_game_fields[] = {
    PUF_ARRAY(MyGame, cells, "3 to 1: newest to oldest stone of player 0; negative: of player 1", PUF_RANGE(-3, 3)),
    PUF_ARRAY(MyGame, last, "the same at the end of the last game", PUF_RANGE(-3, 3)),
    PUF_SCALAR(MyGame, turn, "whose move it is", PUF_UP_TO(MyGame, self_play)),
};

// clang-format off
PUF_DEFINE_ENV(my_game, MyGame,
    .version = 1,
    .doc = "Three in a row with three stones each: your fourth stone takes your oldest one off the board.",
    .reward = "1 for a win, -1 for a loss",
    .ends = "terminal when a player has three in a row; truncated after max_moves moves",
    .rate = 2,
    .obs_dtype = PUF_I8,
    .layout = { .state_size = sizeof(MyGame), .agents = 1, .obs_ndim = 1, .obs_shape = { MY_GAME_OBS },
                PUF_ACTIONS(my_game), .masked = 1 },
    PUF_TABLES(my_game),
    .resize = my_game_resize);
