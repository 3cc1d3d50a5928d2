// merge2048 - slide all tiles of a board one way; equal ones that meet become one of twice the value.
//
// Observation  uint8 (16,): the cells row by row from the top left, as codes: 0 empty, k a tile of 2^k.
// Action       one of 4: up, right, down, left. The action mask marks those that move a tile; any other stands for the
//              next one that does, in this order, and from up again.
// Reward       `reward_tile` times k for each tile of 2^k that was made, see below.
// End          terminal when no move is left.
// Score        the sum of all tiles that were made; perf is the highest tile / 2048, at most 1.
//
// After G. Cirulli's game 2048. All tiles slide as far as they can. Of two equal tiles that meet, the one behind joins the
// one in front; a tile that was just made joins no other in the same move, and tiles of 32768 join no more. Then a new tile
// appears on an empty cell, all equally likely: a 2, or with a chance of one in ten a 4. A game begins with two tiles.
//
// The board is one number of 64 bits, 4 for the k of each cell, row by row, the leftmost cell of a row lowest. What a move
// to the left does to each of the 65536 possible rows is in a table that all games share; other moves turn the board first.
#pragma once
#include "puffer.h"

enum { MERGE2048_CELLS = 16, MERGE2048_HIGHEST = 15, MERGE2048_GOAL = 11 };
enum { MERGE2048_ROWS = 1 << 16, MERGE2048_TEN = 10 };
enum { MERGE2048_MANY = 1 << 24 }; // more than the score of the longest game
enum { MERGE2048_UP, MERGE2048_RIGHT, MERGE2048_DOWN, MERGE2048_LEFT, MERGE2048_MOVES };

typedef struct Merge2048 {
    PufRng rng;
    float reward_tile; // setting
    int32_t tick;      // moves in this game
    int32_t score;     // of this game
    int32_t made;      // the sum of the k of the tiles made in this game
    int32_t last;      // the last move, -1 before the first
    int32_t born;      // the cell of the newest tile
    int32_t legal;     // a bit for each move that moves a tile; 0 at the end only
    uint64_t board;    // 4 bits for each cell
    uint64_t before;   // the board before the last move; for renderers
    uint64_t ended;    // the board at the end of the previous game; for renderers
    int32_t ended_score;
    PufLog log;
    float tile_512, tile_1024, tile_2048, tile_4096; // after the five of PufLog: games that made such a tile
} Merge2048;

// What a move to the left does to a row.
typedef struct Merge2048Row {
    uint16_t after;
    uint16_t made; // the sum of the k of the tiles that are made
    int32_t score; // the sum of their values
} Merge2048Row;

// ---- The rules, for one row ----

static Merge2048Row merge2048_slide(uint32_t row)
{
    Merge2048Row out = { 0, 0, 0 };
    int32_t place = 0, waiting = 0; // the tile in front that the next one may join
    for (int32_t cell = 0; cell < 4; cell++) {
        int32_t tile = (int32_t)(row >> (4 * cell) & 15);
        if (tile == 0) {
            continue;
        }
        if (tile == waiting && tile < MERGE2048_HIGHEST) {
            place -= 1;
            out.after = (uint16_t)(out.after & ~(15u << (4 * place)));
            tile += 1;
            out.made = (uint16_t)(out.made + tile);
            out.score += 1 << tile;
            waiting = 0;
        } else {
            waiting = tile;
        }
        out.after = (uint16_t)(out.after | (uint32_t)tile << (4 * place));
        place += 1;
    }
    return out;
}

static void merge2048_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    (void)setup;
    Merge2048Row* rows = assets;
    for (uint32_t row = 0; row < MERGE2048_ROWS; row++) {
        rows[row] = merge2048_slide(row);
    }
}

// ---- The board ----

// Rows become columns: first the four blocks of 2 x 2 cells change places, then the cells in each block.
static inline uint64_t merge2048_transpose(uint64_t b)
{
    uint64_t swap = (b ^ (b >> 24)) & 0x00000000FF00FF00u;
    b ^= swap ^ (swap << 24);
    swap = (b ^ (b >> 12)) & 0x0000F0F00000F0F0u;
    return b ^ swap ^ (swap << 12);
}

// Left becomes right in every row.
static inline uint64_t merge2048_mirror(uint64_t b)
{
    b = (b & 0x00FF00FF00FF00FFu) << 8 | (b >> 8 & 0x00FF00FF00FF00FFu);
    return (b & 0x0F0F0F0F0F0F0F0Fu) << 4 | (b >> 4 & 0x0F0F0F0F0F0F0F0Fu);
}

#define MERGE2048_ONES 0x1111111111111111u  // the lowest bit of every cell
#define MERGE2048_PAIRS 0x0111011101110111u // of those with a neighbour on their right

// The lowest bit of every cell that is not empty.
static inline uint64_t merge2048_full(uint64_t b)
{
    b |= b >> 2;
    return (b | b >> 1) & MERGE2048_ONES;
}

// The moves that move a tile: towards a gap in front of one, and both ways along two equal neighbours.
static inline int32_t merge2048_find_legal(uint64_t b)
{
    uint64_t full = merge2048_full(b), gaps = ~full;
    uint64_t joins = full & ~(b & b >> 1 & b >> 2 & b >> 3); // all tiles but the highest
    uint64_t beside = joins & ~merge2048_full(b ^ b >> 4) & MERGE2048_PAIRS;
    uint64_t below = joins & ~merge2048_full(b ^ b >> 16) & (MERGE2048_ONES >> 16);
    uint64_t left = beside | (gaps & full >> 4 & MERGE2048_PAIRS),
             right = beside | (full & gaps >> 4 & MERGE2048_PAIRS);
    uint64_t up = below | (gaps & full >> 16), down = below | (full & gaps >> 16 & (MERGE2048_ONES >> 16));
    return (up != 0) << MERGE2048_UP | (right != 0) << MERGE2048_RIGHT | (down != 0) << MERGE2048_DOWN |
           (left != 0) << MERGE2048_LEFT;
}

// The number of the empty cell before which `rank` others are empty. Every cell counts the empty ones up to itself; those
// with a count up to `rank` come before it. They are compared in bytes, the even cells and the odd ones.
static inline int32_t merge2048_find_empty(uint64_t empty, uint32_t rank)
{
    uint64_t counts = empty * MERGE2048_ONES, bytes = 0x0101010101010101u, most = bytes * (0x80 | rank);
    uint64_t even = (most - (counts & bytes * 15)) >> 7 & bytes, odd = (most - (counts >> 4 & bytes * 15)) >> 7 & bytes;
    return (int32_t)((even + odd) * bytes >> 56);
}

// Put a new tile on one of the empty cells, of which there are 1 to 15.
static inline void merge2048_add_tile(Merge2048* s)
{
    uint64_t empty = merge2048_full(s->board) ^ MERGE2048_ONES;
    uint32_t count = (uint32_t)(empty * MERGE2048_ONES >> 60);
    uint32_t drawn = puf_rand_below(&s->rng, MERGE2048_TEN * count);
    s->born = merge2048_find_empty(empty, drawn / MERGE2048_TEN);
    s->board |= (uint64_t)(drawn % MERGE2048_TEN == 0 ? 2 : 1) << (4 * s->born);
}

// ---- The game ----

static void merge2048_reset(Merge2048* s, const void* assets)
{
    (void)assets;
    uint32_t drawn = puf_rand_below(&s->rng, MERGE2048_TEN * MERGE2048_CELLS);
    s->board = (uint64_t)(drawn % MERGE2048_TEN == 0 ? 2 : 1) << (4 * (drawn / MERGE2048_TEN));
    merge2048_add_tile(s);
    s->before = s->board;
    s->legal = merge2048_find_legal(s->board);
    s->last = -1;
    s->tick = 0;
    s->score = 0;
    s->made = 0;
}

static inline void merge2048_observe(const Merge2048* s, PufIo io)
{
    uint8_t* cells = io.obs;
    for (int32_t k = 0; k < MERGE2048_CELLS; k++) {
        cells[k] = (uint8_t)(s->board >> (4 * k) & 15);
    }
    for (int32_t move = 0; move < MERGE2048_MOVES; move++) {
        io.action_mask[move] = (uint8_t)(s->legal >> move & 1);
    }
}

// The requested move if it moves a tile, else the next one that does.
static inline int32_t merge2048_wished(int32_t legal, int32_t action)
{
    static const uint8_t lowest[16] = { 0, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0 };
    return (action + lowest[(legal | legal << MERGE2048_MOVES) >> action & 15]) % MERGE2048_MOVES;
}

static int32_t merge2048_highest(uint64_t board)
{
    int32_t highest = 0;
    for (int32_t k = 0; k < MERGE2048_CELLS; k++) {
        int32_t tile = (int32_t)(board >> (4 * k) & 15);
        highest = tile > highest ? tile : highest;
    }
    return highest;
}

static void merge2048_end(Merge2048* s)
{
    int32_t highest = merge2048_highest(s->board);
    float perf = highest >= MERGE2048_GOAL ? 1.0f : (float)(1 << highest) / (float)(1 << MERGE2048_GOAL);
    puf_log_episode(&s->log, perf, (float)s->score, s->reward_tile * (float)s->made, (float)s->tick);
    s->tile_512 += (float)(highest >= 9);
    s->tile_1024 += (float)(highest >= 10);
    s->tile_2048 += (float)(highest >= 11);
    s->tile_4096 += (float)(highest >= 12);
    s->ended = s->board;
    s->ended_score = s->score;
}

// One of two boards, without a branch, which a processor could not foresee.
static inline uint64_t merge2048_pick(int first, uint64_t a, uint64_t b)
{
    return b ^ ((a ^ b) & (0 - (uint64_t)first));
}

static inline void merge2048_step(Merge2048* s, PufIo io)
{
    const Merge2048Row* rows = io.assets;
    int32_t move = merge2048_wished(s->legal, io.actions[0]);
    int upright = move == MERGE2048_UP || move == MERGE2048_DOWN,
        far = move == MERGE2048_RIGHT || move == MERGE2048_DOWN;
    uint64_t turned = merge2048_pick(upright, merge2048_transpose(s->board), s->board);
    turned = merge2048_pick(far, merge2048_mirror(turned), turned);
    uint64_t after = 0;
    int32_t made = 0;
    for (int32_t row = 0; row < 4; row++) {
        Merge2048Row slid = rows[turned >> (16 * row) & 0xFFFF];
        after |= (uint64_t)slid.after << (16 * row);
        made += slid.made;
        s->score += slid.score;
    }
    after = merge2048_pick(far, merge2048_mirror(after), after);
    after = merge2048_pick(upright, merge2048_transpose(after), after);
    s->before = s->board;
    s->board = after;
    s->last = move;
    s->made += made;
    s->tick += 1;
    merge2048_add_tile(s);
    s->legal = merge2048_find_legal(s->board);
    io.rewards[0] = s->reward_tile * (float)made;
    io.terminals[0] = (uint8_t)(s->legal == 0);
    io.truncations[0] = 0;
    if (s->legal == 0) {
        merge2048_end(s);
    }
}

static const char* merge2048_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Merge2048* s = state;
    return s->legal == 0 || s->legal != merge2048_find_legal(s->board) ? "legal" : NULL;
}

static const PufObs merge2048_obs[] = { PUF_CODES("cells", MERGE2048_CELLS, 16,
                                                  "row by row from the top left: 0 empty, k a tile of 2^k") };
static const PufAction merge2048_actions[] = { { "move", MERGE2048_MOVES, 0, 0, "up right down left" } };
static const PufParam merge2048_params[] = {
    PUF_SETTING(Merge2048, reward_tile, 0.02, 0, 100, "times k, for each tile of 2^k that is made"),
};
static const PufField merge2048_fields[] = {
    PUF_SCALAR(Merge2048, board, "4 bits for the k of each cell, row by row from the top left"),
    PUF_SCALAR(Merge2048, before, "the board before the last move"),
    PUF_SCALAR(Merge2048, last, "the last move: 0 up, 1 right, 2 down, 3 left; -1 before the first",
               PUF_RANGE(-1, MERGE2048_MOVES - 1)),
    PUF_SCALAR(Merge2048, born, "the cell of the newest tile", PUF_RANGE(0, MERGE2048_CELLS - 1)),
    PUF_SCALAR(Merge2048, legal, "a bit for each move that moves a tile", PUF_RANGE(0, 15)),
    PUF_SCALAR(Merge2048, score, "the sum of the tiles made in this game", PUF_RANGE(0, MERGE2048_MANY)),
    PUF_SCALAR(Merge2048, made, "the sum of their k", PUF_RANGE(0, MERGE2048_MANY)),
    PUF_SCALAR(Merge2048, tick, "moves in this game", PUF_RANGE(0, MERGE2048_MANY)),
    PUF_SCALAR(Merge2048, ended, "the board at the end of the previous game"),
    PUF_SCALAR(Merge2048, ended_score, "the score of the previous game", PUF_RANGE(0, MERGE2048_MANY)),
};
static const char* const merge2048_log_names[] = { "tile_512", "tile_1024", "tile_2048", "tile_4096" };

// clang-format off
PUF_DEFINE_ASSETS_ENV(merge2048, Merge2048,
    .version = 1,
    .doc = "Slide all tiles of a board one way; equal ones that meet become one of twice the value.",
    .reward = "`reward_tile` times k for each tile of 2^k that was made",
    .ends = "terminal when no move is left",
    .rate = 4,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Merge2048), .agents = 1, .obs_ndim = 1, .obs_shape = { MERGE2048_CELLS },
                PUF_ACTIONS(merge2048), .masked = 1, .assets_size = MERGE2048_ROWS * sizeof(Merge2048Row) },
    PUF_TABLES(merge2048),
    PUF_LOG_NAMES(merge2048),
    .make_assets = merge2048_make_assets, .contradiction = merge2048_contradiction);
