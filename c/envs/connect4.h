// connect4 - four in a row, against a scripted opponent of adjustable strength or in self-play.
//
// Observation  uint8 (85,): the agent's stones (42, column by column from the left, each from the
//              bottom), the opponent's stones (42), 1 if it is this agent's turn.
// Action       one of 7: the column to drop a stone into. The action mask marks those with room. A
//              stone for a full column falls into the nearest one with room (of two, the left one).
//              A waiting agent has only column 0 in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss, 0 for a draw and in every other step.
// End          terminal when a player has four in a row or the board is full.
// Score        1 for a win, 0 for a draw, -1 for a loss; perf is 1, 0.5 or 0.
//
// The first player is drawn at random in each game. Against the scripted opponent, a step is one
// move of each side, and it is always the agent's turn. With `self_play` there are two agents, a
// step is one move, and they take turns.
//
// The board is two bit sets, as in John Tromp's programs: 7 bits per column, of which the highest is
// always empty, so that shifting a whole set by 1 (up), 7 (right), 6 or 8 (diagonally) never joins
// stones that are not neighbours.
#pragma once
#include "puffer.h"

enum { CONNECT4_COLUMNS = 7, CONNECT4_ROWS = 6, CONNECT4_CELLS = CONNECT4_COLUMNS * CONNECT4_ROWS };
enum { CONNECT4_COLUMN_BITS = CONNECT4_ROWS + 1 };
enum { CONNECT4_OBS = 2 * CONNECT4_CELLS + 1 };
enum { CONNECT4_MAX_STRENGTH = 8 };
enum { CONNECT4_RUNNING, CONNECT4_WON, CONNECT4_DRAWN, CONNECT4_LOST };

typedef struct Connect4 {
    PufRng rng;
    int32_t strength, self_play; // settings
    int32_t turn;                // whose move it is: 0 or 1
    int32_t moves;               // stones on the board
    int32_t began;               // who made the first move
    int32_t last;                // the column of the last stone, -1 before the first
    int32_t result;              // of the previous game: CONNECT4_...
    uint64_t stones[2];          // of each player; player 0 is the agent, or the first of two
    uint64_t ended[2];           // the stones at the end of the previous game; for renderers
    PufLog log;
    float began_n, began_perf; // after the five of PufLog: for games in which the agent moved first
} Connect4;

static void connect4_resize(PufLayout* layout, const void* setup)
{
    const Connect4* s = setup;
    layout->agents = s->self_play ? 2 : 1;
}

// ---- The rules, on bits ----

// The lowest cell of every column, and all 42 cells.
#define CONNECT4_BOTTOMS 0x40810204081u
#define CONNECT4_BOARD (CONNECT4_BOTTOMS * ((1u << CONNECT4_ROWS) - 1))
static const int32_t connect4_middle_first[CONNECT4_COLUMNS] = { 3, 2, 4, 1, 5, 0, 6 };

static uint64_t connect4_bottom(int32_t column) { return (uint64_t)1 << (CONNECT4_COLUMN_BITS * column); }

static uint64_t connect4_column(int32_t column) { return connect4_bottom(column) * ((1u << CONNECT4_ROWS) - 1); }

static uint64_t connect4_top(int32_t column) { return connect4_bottom(column) << (CONNECT4_ROWS - 1); }

static int32_t connect4_has_room(uint64_t all, int32_t column) { return (all & connect4_top(column)) == 0; }

// The cell where a stone dropped into a column with room comes to rest: the addition carries through the stones below.
static uint64_t connect4_cell(uint64_t all, int32_t column)
{
    return ((all & connect4_column(column)) + connect4_bottom(column)) & connect4_column(column);
}

// Whether these stones contain four in a row: first pairs, then pairs of pairs, in each of the four directions.
static int32_t connect4_four(uint64_t stones)
{
    static const int32_t ways[] = { 1, CONNECT4_COLUMN_BITS - 1, CONNECT4_COLUMN_BITS, CONNECT4_COLUMN_BITS + 1 };
    uint64_t found = 0;
    for (int32_t w = 0; w < 4; w++) {
        uint64_t pairs = stones & (stones >> ways[w]);
        found |= pairs & (pairs >> (2 * ways[w]));
    }
    return found != 0;
}

// The requested column, or the nearest one with room. While the game is running there is one.
static int32_t connect4_legal(uint64_t all, int32_t wished)
{
    for (int32_t away = 0; away < CONNECT4_COLUMNS; away++) {
        if (wished - away >= 0 && connect4_has_room(all, wished - away)) {
            return wished - away;
        }
        if (wished + away < CONNECT4_COLUMNS && connect4_has_room(all, wished + away)) {
            return wished + away;
        }
    }
    return 0;
}

// ---- The scripted opponent ----

// The empty cells that would complete four in a row of these stones, whether or not a stone can be dropped there yet:
// the fourth cell next to three, at either end or in a gap, in each direction.
static uint64_t connect4_threats(uint64_t stones, uint64_t all)
{
    uint64_t found = (stones << 1) & (stones << 2) & (stones << 3); // a column has one open end and no gaps
    for (int32_t way = CONNECT4_COLUMN_BITS - 1; way <= CONNECT4_COLUMN_BITS + 1; way++) {
        uint64_t two_before = (stones << way) & (stones << (2 * way));
        uint64_t two_behind = (stones >> way) & (stones >> (2 * way));
        found |= two_before & ((stones << (3 * way)) | (stones >> way));
        found |= two_behind & ((stones >> (3 * way)) | (stones << way));
    }
    return found & CONNECT4_BOARD & ~all;
}

// The value of a position for the player to move: 1 if that player can force four in a row within `depth` moves
// (counting both players'), -1 if the other can, else 0. Negamax with a window from `low` to `high`: outside it, a
// bound is enough.
static int32_t connect4_search(uint64_t own, uint64_t other, int32_t depth, int32_t low, int32_t high)
{
    uint64_t all = own | other;
    uint64_t moves = (all + CONNECT4_BOTTOMS) & CONNECT4_BOARD; // where stones come to rest
    if (depth <= 0) {
        return 0;
    }
    if (connect4_threats(own, all) & moves) {
        return 1;
    }
    if (depth == 1 || moves == 0) {
        return 0;
    }
    uint64_t threats = connect4_threats(other, all);
    uint64_t forced = threats & moves;
    moves = forced ? forced : moves;
    moves &= ~(threats >> 1); // not below a cell where the other would win
    if (moves == 0 || (forced & (forced - 1))) {
        return -1; // wherever the stone goes, the other wins with its next one
    }
    int32_t best = -1;
    for (int32_t k = 0; k < CONNECT4_COLUMNS && best < high; k++) {
        uint64_t move = moves & connect4_column(connect4_middle_first[k]);
        if (move) {
            int32_t least = best > low ? best : low;
            int32_t value = depth == 2 ? 0 : -connect4_search(other, own | move, depth - 1, -high, -least);
            best = value > best ? value : best;
        }
    }
    return best;
}

// The value of dropping a stone into a column, looking `depth` moves ahead, including this one.
static int32_t connect4_value(uint64_t own, uint64_t other, int32_t column, int32_t depth)
{
    uint64_t all = own | other;
    uint64_t after = own | connect4_cell(all, column);
    return connect4_four(after) ? 1 : -connect4_search(other, after, depth - 1, -1, 1);
}

// One of the best columns within the search depth, all equally likely; at strength 0, any column with room.
static int32_t connect4_choose(Connect4* s, int32_t player)
{
    uint64_t own = s->stones[player], other = s->stones[1 - player];
    uint64_t all = own | other;
    int32_t best = -2, count = 0;
    int32_t columns[CONNECT4_COLUMNS] = { 0 };
    for (int32_t c = 0; c < CONNECT4_COLUMNS; c++) {
        if (!connect4_has_room(all, c)) {
            continue;
        }
        int32_t value = s->strength > 0 ? connect4_value(own, other, c, s->strength) : 0;
        if (value > best) {
            best = value;
            count = 0;
        }
        if (value == best) {
            columns[count++] = c;
        }
    }
    return columns[puf_rand_below(&s->rng, (uint32_t)count)];
}

// ---- The game ----

// Drop a stone for the player whose turn it is. Returns the state of the game: CONNECT4_RUNNING, _WON or _DRAWN.
static int32_t connect4_drop(Connect4* s, int32_t column)
{
    s->stones[s->turn] |= connect4_cell(s->stones[0] | s->stones[1], column);
    s->last = column;
    s->moves += 1;
    if (connect4_four(s->stones[s->turn])) {
        return CONNECT4_WON;
    }
    s->turn = 1 - s->turn;
    return s->moves == CONNECT4_CELLS ? CONNECT4_DRAWN : CONNECT4_RUNNING;
}

static void connect4_reset(Connect4* s)
{
    s->stones[0] = 0;
    s->stones[1] = 0;
    s->moves = 0;
    s->last = -1;
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    s->began = s->turn;
    if (!s->self_play && s->turn == 1) {
        (void)connect4_drop(s, connect4_choose(s, 1));
    }
}

// Write each cell as a byte, 0 or 1. The multiplication copies a column's bits so that each ends up lowest in its own
// byte, the first row in the first byte; the next column overwrites the two extra bytes.
static void connect4_write_stones(uint64_t stones, uint8_t* cells)
{
    for (int32_t c = 0; c < CONNECT4_COLUMNS; c++) {
        uint64_t column = stones >> (CONNECT4_COLUMN_BITS * c) & ((1u << CONNECT4_ROWS) - 1);
        uint64_t spread = column * 0x0002040810204081u & 0x0101010101010101u;
        uint8_t bytes[8];
        for (int32_t row = 0; row < 8; row++) {
            bytes[row] = (uint8_t)(spread >> (8 * row)); // one store on little-endian machines
        }
        memcpy(cells + c * CONNECT4_ROWS, bytes, c < CONNECT4_COLUMNS - 1 ? 8 : CONNECT4_ROWS);
    }
}

static void connect4_observe(const Connect4* s, PufIo io)
{
    uint64_t all = s->stones[0] | s->stones[1];
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* obs = (uint8_t*)io.obs + (size_t)player * CONNECT4_OBS;
        uint8_t* mask = io.action_mask + (size_t)player * CONNECT4_COLUMNS;
        connect4_write_stones(s->stones[player], obs);
        connect4_write_stones(s->stones[1 - player], obs + CONNECT4_CELLS);
        int32_t moves = s->turn == player;
        obs[2 * CONNECT4_CELLS] = (uint8_t)moves;
        for (int32_t c = 0; c < CONNECT4_COLUMNS; c++) {
            mask[c] = (uint8_t)(moves ? connect4_has_room(all, c) : c == 0);
        }
    }
}

static void connect4_add_log(Connect4* s, float reward, int32_t player)
{
    float perf = 0.5f * (reward + 1.0f);
    float began = (float)(s->began == player);
    puf_log_episode(&s->log, perf, reward, reward, (float)(s->self_play ? s->moves : (s->moves + (s->began == 0)) / 2));
    s->began_n += began;
    s->began_perf += began * perf;
}

static void connect4_step(Connect4* s, PufIo io)
{
    int32_t mover = s->turn;
    int32_t result = connect4_drop(s, connect4_legal(s->stones[0] | s->stones[1], io.actions[mover]));
    if (result == CONNECT4_RUNNING && !s->self_play) {
        mover = s->turn;
        result = connect4_drop(s, connect4_choose(s, mover));
    }
    float first = result != CONNECT4_WON ? 0.0f : mover == 0 ? 1.0f : -1.0f;
    if (result != CONNECT4_RUNNING) {
        s->result = result == CONNECT4_DRAWN ? CONNECT4_DRAWN : mover == 0 ? CONNECT4_WON : CONNECT4_LOST;
        s->ended[0] = s->stones[0];
        s->ended[1] = s->stones[1];
    }
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = player == 0 ? first : 0.0f - first;
        io.terminals[player] = (uint8_t)(result != CONNECT4_RUNNING);
        io.truncations[player] = 0;
        if (result != CONNECT4_RUNNING) {
            connect4_add_log(s, io.rewards[player], player);
        }
    }
}

static const PufObs connect4_obs[] = {
    { "own", CONNECT4_CELLS, 0, 1, "the agent's stones, column by column from the left, each from the bottom" },
    { "other", CONNECT4_CELLS, 0, 1, "the opponent's stones" },
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
};
static const PufAction connect4_actions[] = { { "column", CONNECT4_COLUMNS, 0, 0, "1 2 3 4 5 6 7" } };
static const PufParam connect4_params[] = {
    PUF_SETTING(Connect4, strength, 4, 0, CONNECT4_MAX_STRENGTH,
                "moves that the scripted opponent looks ahead, including its own: 0 plays at random, 1 takes a winning "
                "move, 2 also blocks one"),
    PUF_FLAG(Connect4, self_play, 0, "two agents play each other"),
};
static const PufField connect4_fields[] = {
    PUF_ARRAY(Connect4, stones, "of the first agent and of its opponent: bit 7 * column + row, from the bottom left",
              PUF_RANGE(0, CONNECT4_BOARD)),
    PUF_ARRAY(Connect4, ended, "the stones at the end of the previous game", PUF_RANGE(0, CONNECT4_BOARD)),
    PUF_SCALAR(Connect4, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(CONNECT4_RUNNING, CONNECT4_LOST)),
    PUF_SCALAR(Connect4, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Connect4, self_play)),
    PUF_SCALAR(Connect4, began, "who made the first move", PUF_RANGE(0, 1)),
    PUF_SCALAR(Connect4, moves, "stones on the board", PUF_RANGE(0, CONNECT4_CELLS - 1)),
    PUF_SCALAR(Connect4, last, "the column of the last stone, -1 before the first",
               PUF_RANGE(-1, CONNECT4_COLUMNS - 1)),
    PUF_SCALAR(Connect4, strength, "moves that the scripted opponent looks ahead"),
    PUF_SCALAR(Connect4, self_play, "1: two agents"),
};
static const char* const connect4_log_names[] = { "began.n", "began.perf" };

// clang-format off
PUF_DEFINE_ENV(connect4, Connect4,
    .version = 1,
    .doc = "Four in a row, against a scripted opponent of adjustable strength or in self-play.",
    .reward = "1 for a win, -1 for a loss, 0 for a draw",
    .ends = "terminal when a player has four in a row or the board is full",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Connect4), .agents = 1, .obs_ndim = 1, .obs_shape = { CONNECT4_OBS },
                PUF_ACTIONS(connect4), .masked = 1 },
    PUF_TABLES(connect4),
    PUF_LOG_NAMES(connect4),
    .resize = connect4_resize);
