// othello - stones that are caught between two others change sides, against a scripted opponent or in self-play.
//
// Observation  uint8, at the default size (109,): 1 if it is this agent's turn; then the cells three times, row by row
//              from the top left: the agent's stones, the opponent's, and where the agent may move now.
// Action       one for each cell: where to put a stone. The action mask marks those that catch stones; any other stands
//              for the next one that does, in reading order, and from the top again. A waiting agent has only cell 0 in
//              its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss, 0 for a draw and in every other step.
// End          terminal when nobody can move.
// Score        1 for a win, 0 for a draw, -1 for a loss; perf is 1, 0.5 or 0.
//
// The game begins with two stones of each player, crosswise in the middle. A move puts a stone on an empty cell. In each
// of the eight directions where a row of the other's stones without a gap ends at an own stone, that row is turned over.
// A move must turn at least one. A player who cannot move is left out; when neither can, the player with more stones wins.
//
// The first player is drawn at random in each game, and so are the first `opening` moves, so that no game is like the
// last one. Against the scripted opponent, a step is one move of each side, more
// where one is left out, and it is always the agent's turn. With `self_play` there are two agents, a step is one move, and
// they take turns.
//
// A board is a set of bits, 8 for each row, so that moving all stones one cell is a shift: by 1 along a row, by 8 along a
// column, by 7 and 9 along the diagonals.
#pragma once
#include "puffer.h"

enum { OTHELLO_MAX_SIZE = 8, OTHELLO_MAX_CELLS = OTHELLO_MAX_SIZE * OTHELLO_MAX_SIZE };
enum { OTHELLO_MAX_STRENGTH = 6, OTHELLO_MAX_OPENING = 8 };
enum { OTHELLO_RUNNING, OTHELLO_WON, OTHELLO_DRAWN, OTHELLO_LOST };

typedef struct Othello {
    PufRng rng;
    int32_t size, strength, opening, self_play; // settings
    int32_t turn;                               // whose move it is: 0 or 1
    int32_t began;                              // who made the first move after the opening
    int32_t tick;                               // steps in this game
    int32_t last;                               // bit of the last stone, -1 before the first
    int32_t result;                             // of the previous game: OTHELLO_...
    uint64_t stones[2];                         // of each player; player 0 is the agent, or the first of two
    uint64_t legal;    // where the player whose turn it is may move; never empty between two steps
    uint64_t turned;   // stones that the last move turned over; for renderers
    uint64_t ended[2]; // the stones at the end of the previous game; for renderers
    PufLog log;
    float began_n, began_perf; // after the five of PufLog: for games in which the agent moved first
} Othello;

static const PufAction othello_actions[] = {
    { "cell", 36, 0, 0,
      "a1 b1 c1 d1 e1 f1 a2 b2 c2 d2 e2 f2 a3 b3 c3 d3 e3 f3 a4 b4 c4 d4 e4 f4 a5 "
      "b5 c5 d5 e5 f5 a6 b6 c6 d6 e6 f6" }
};

static void othello_resize(PufLayout* layout, const void* setup)
{
    static const PufAction eight[] = {
        { "cell", 64, 0, 0,
          "a1 b1 c1 d1 e1 f1 g1 h1 a2 b2 c2 d2 e2 f2 g2 h2 a3 b3 c3 d3 e3 f3 g3 h3 a4 b4 "
          "c4 d4 e4 f4 g4 h4 a5 b5 c5 d5 e5 f5 g5 h5 a6 b6 c6 d6 e6 f6 g6 h6 a7 b7 c7 d7 e7 "
          "f7 g7 h7 a8 b8 c8 d8 e8 f8 g8 h8" }
    };
    const Othello* s = setup;
    layout->agents = s->self_play ? 2 : 1;
    layout->obs_shape[0] = 1 + 3 * s->size * s->size;
    layout->actions = s->size == 6 ? othello_actions : eight;
}

static const char* othello_conflict(const void* setup)
{
    return ((const Othello*)setup)->size % 2 ? "size must be 6 or 8" : NULL;
}

// ---- The rules, on bits ----

// The eight directions are four shifts, each to higher and to lower bits.
static const int32_t othello_ways[4] = { 1, 7, 8, 9 };

static uint64_t othello_row(int32_t size) { return ((uint64_t)1 << size) - 1; }

// The left column of this many rows.
static uint64_t othello_column(int32_t rows) { return 0x0101010101010101u >> (8 * (OTHELLO_MAX_SIZE - rows)); }

static uint64_t othello_board(int32_t size) { return othello_column(size) * othello_row(size); }

// The columns that are not at an edge. A row of caught stones lies within them, unless it is a column: so no row that is
// followed along this mask continues at the other edge.
static uint64_t othello_inner(int32_t size) { return othello_column(size) * (othello_row(size - 2) << 1); }

// Of the stones in `through`, those in a row without a gap from a cell of `from`, in the directions of one shift. A row has
// at most size - 2 stones.
static inline uint64_t othello_up(uint64_t from, uint64_t through, int32_t way, int32_t size)
{
    uint64_t found = (from << way) & through;
    for (int32_t k = 3; k < size; k++) {
        found |= (found << way) & through;
    }
    return found;
}

static inline uint64_t othello_down(uint64_t from, uint64_t through, int32_t way, int32_t size)
{
    uint64_t found = (from >> way) & through;
    for (int32_t k = 3; k < size; k++) {
        found |= (found >> way) & through;
    }
    return found;
}

// The cells where the owner of the first stones may move.
static inline uint64_t othello_find_moves(uint64_t own, uint64_t other, int32_t size)
{
    uint64_t inner = other & othello_inner(size), found = 0;
    for (int32_t w = 0; w < 4; w++) {
        int32_t way = othello_ways[w];
        uint64_t through = way == 8 ? other : inner;
        found |= othello_up(own, through, way, size) << way;
        found |= othello_down(own, through, way, size) >> way;
    }
    return found & othello_board(size) & ~(own | other);
}

// The other's stones that a stone on this cell turns over.
static inline uint64_t othello_find_caught(uint64_t own, uint64_t other, uint64_t cell, int32_t size)
{
    uint64_t inner = other & othello_inner(size), caught = 0;
    for (int32_t w = 0; w < 4; w++) {
        int32_t way = othello_ways[w];
        uint64_t through = way == 8 ? other : inner;
        uint64_t up = othello_up(cell, through, way, size), down = othello_down(cell, through, way, size);
        caught |= (up << way) & own ? up : 0;
        caught |= (down >> way) & own ? down : 0;
    }
    return caught;
}

static inline int32_t othello_count(uint64_t set)
{
    set -= set >> 1 & 0x5555555555555555u;
    set = (set & 0x3333333333333333u) + (set >> 2 & 0x3333333333333333u);
    set = (set + (set >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (int32_t)(set * 0x0101010101010101u >> 56);
}

// The number of the lowest bit of a set that is not empty.
static inline int32_t othello_lowest(uint64_t set) { return othello_count((set & (0 - set)) - 1); }

// The bit of a cell.
static int32_t othello_bit(const Othello* s, int32_t cell) { return cell / s->size * 8 + cell % s->size; }

// ---- The scripted opponent ----

enum { OTHELLO_CORNER = 12, OTHELLO_WIN = 1000, OTHELLO_HIGHEST = 10000 };

// What a position is worth to the owner of the first stones before the end: corners, which nobody can take back, and the
// choice of moves.
static int32_t othello_judge(uint64_t own, uint64_t other, uint64_t moves, int32_t size)
{
    uint64_t sides = othello_column(size) & ~(othello_column(size) << 8);
    sides |= (uint64_t)1 << (8 * (size - 1));
    uint64_t corners = sides | sides << (size - 1);
    int32_t choice = othello_count(moves) - othello_count(othello_find_moves(other, own, size));
    return choice + OTHELLO_CORNER * (othello_count(own & corners) - othello_count(other & corners));
}

// The value for the player to move, looking `depth` moves ahead: negamax with a window. `out`: the other could not move.
static int32_t othello_search(uint64_t own, uint64_t other, int32_t size, int32_t depth, int32_t low, int32_t high,
                              int32_t out)
{
    uint64_t moves = othello_find_moves(own, other, size);
    if (moves == 0) {
        if (out) {
            int32_t lead = othello_count(own) - othello_count(other);
            return lead > 0 ? OTHELLO_WIN + lead : lead < 0 ? lead - OTHELLO_WIN : 0;
        }
        return -othello_search(other, own, size, depth, -high, -low, 1);
    }
    if (depth <= 0) {
        return othello_judge(own, other, moves, size);
    }
    int32_t best = -OTHELLO_HIGHEST;
    for (; moves && best < high; moves &= moves - 1) {
        uint64_t cell = moves & (0 - moves);
        uint64_t caught = othello_find_caught(own, other, cell, size);
        int32_t least = best > low ? best : low;
        int32_t value = -othello_search(other & ~caught, own | cell | caught, size, depth - 1, -high, -least, 0);
        best = value > best ? value : best;
    }
    return best;
}

// One of the best cells within the search depth, all equally likely; at strength 0, any.
static int32_t othello_choose(Othello* s)
{
    uint64_t own = s->stones[s->turn], other = s->stones[1 - s->turn];
    int32_t best = -OTHELLO_HIGHEST, count = 0;
    int32_t bits[OTHELLO_MAX_CELLS];
    for (uint64_t left = s->legal; left; left &= left - 1) {
        uint64_t cell = left & (0 - left);
        int32_t value = 0;
        if (s->strength > 0) {
            uint64_t caught = othello_find_caught(own, other, cell, s->size);
            value = -othello_search(other & ~caught, own | cell | caught, s->size, s->strength - 1, -OTHELLO_HIGHEST,
                                    1 - best, 0);
        }
        if (value > best) {
            best = value;
            count = 0;
        }
        if (value == best) {
            bits[count++] = othello_lowest(cell);
        }
    }
    return bits[puf_rand_below(&s->rng, (uint32_t)count)];
}

// ---- The game ----

// Put a stone for the player whose turn it is. Returns whether the game is over.
static inline int32_t othello_move(Othello* s, int32_t bit)
{
    uint64_t cell = (uint64_t)1 << bit;
    int32_t mover = s->turn;
    s->turned = othello_find_caught(s->stones[mover], s->stones[1 - mover], cell, s->size);
    s->stones[mover] |= cell | s->turned;
    s->stones[1 - mover] &= ~s->turned;
    s->last = bit;
    s->turn = 1 - mover;
    s->legal = othello_find_moves(s->stones[s->turn], s->stones[1 - s->turn], s->size);
    if (s->legal == 0) {
        s->turn = mover;
        s->legal = othello_find_moves(s->stones[mover], s->stones[1 - mover], s->size);
    }
    return s->legal == 0;
}

// Any of the cells where the player whose turn it is may move, all equally likely.
static int32_t othello_any(Othello* s)
{
    uint64_t left = s->legal;
    for (uint32_t k = puf_rand_below(&s->rng, (uint32_t)othello_count(left)); k > 0; k--) {
        left &= left - 1;
    }
    return othello_lowest(left);
}

// Set up the board, draw the first moves, and let the scripted opponent move if it is its turn. Returns whether the game
// is over by then.
static int32_t othello_open(Othello* s, int32_t opening)
{
    int32_t low = s->size / 2 - 1, top = 8 * low + low, over = 0;
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    s->last = -1;
    s->turned = 0;
    s->stones[s->turn] = (uint64_t)1 << (top + 1) | (uint64_t)1 << (top + 8);
    s->stones[1 - s->turn] = (uint64_t)1 << top | (uint64_t)1 << (top + 9);
    s->legal = othello_find_moves(s->stones[s->turn], s->stones[1 - s->turn], s->size);
    for (int32_t k = 0; k < opening && !over; k++) {
        over = othello_move(s, othello_any(s));
    }
    s->began = s->turn;
    while (!over && !s->self_play && s->turn == 1) {
        over = othello_move(s, othello_choose(s));
    }
    return over;
}

static void othello_reset(Othello* s)
{
    s->tick = 0;
    if (othello_open(s, s->opening)) {
        (void)othello_open(s, 0); // a first move ends nothing
    }
}

// Write each cell of a set as a byte, 0 or 1. The multiplication copies the bits of a row so that each ends up lowest in
// its own byte: the lower seven, as the copies of eight would meet. The next row overwrites the bytes behind it.
static inline uint8_t* othello_write(uint64_t set, int32_t size, uint8_t* out)
{
    for (int32_t row = 0; row < size; row++) {
        uint64_t bits = set >> (8 * row) & 0xFF;
        uint64_t spread = (bits & 0x7F) * 0x0002040810204081u & 0x0101010101010101u;
        spread |= bits >> 7 << 56;
        uint8_t bytes[8];
        for (int32_t k = 0; k < 8; k++) {
            bytes[k] = (uint8_t)(spread >> (8 * k)); // one store on little-endian machines
        }
        memcpy(out + row * size, bytes, row < size - 2 ? 8 : (size_t)size);
    }
    return out + size * size;
}

static inline void othello_observe_sized(const Othello* s, PufIo io, int32_t size)
{
    int32_t cells = size * size;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* obs = (uint8_t*)io.obs + (size_t)player * (size_t)(1 + 3 * cells);
        uint8_t* mask = io.action_mask + (size_t)player * (size_t)cells;
        *obs++ = (uint8_t)(s->turn == player);
        obs = othello_write(s->stones[player], size, obs);
        obs = othello_write(s->stones[1 - player], size, obs);
        (void)othello_write(s->turn == player ? s->legal : 0, size, obs);
        (void)othello_write(s->turn == player ? s->legal : 1, size, mask);
    }
}

static void othello_observe(const Othello* s, PufIo io)
{
    if (s->size == 6) {
        othello_observe_sized(s, io, 6); // the compiler unrolls what it knows
    } else {
        othello_observe_sized(s, io, s->size);
    }
}

static void othello_add_log(Othello* s, float reward, int32_t player)
{
    float perf = 0.5f * (reward + 1.0f), began = (float)(s->began == player);
    puf_log_episode(&s->log, perf, reward, reward, (float)s->tick);
    s->began_n += began;
    s->began_perf += began * perf;
}

// The requested cell if it may be taken, else the next one that may, as a bit.
static int32_t othello_wished(const Othello* s, int32_t action)
{
    int32_t bit = othello_bit(s, action);
    uint64_t from = s->legal >> bit << bit;
    return othello_lowest(from ? from : s->legal);
}

static void othello_step(Othello* s, PufIo io)
{
    s->tick += 1;
    int32_t over = othello_move(s, othello_wished(s, io.actions[s->turn]));
    while (!over && !s->self_play && s->turn == 1) {
        over = othello_move(s, othello_choose(s));
    }
    int32_t lead = othello_count(s->stones[0]) - othello_count(s->stones[1]);
    float first = over ? (float)((lead > 0) - (lead < 0)) : 0.0f;
    if (over) {
        s->result = lead > 0 ? OTHELLO_WON : lead < 0 ? OTHELLO_LOST : OTHELLO_DRAWN;
        s->ended[0] = s->stones[0];
        s->ended[1] = s->stones[1];
    }
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = player == 0 ? first : 0.0f - first;
        io.terminals[player] = (uint8_t)over;
        io.truncations[player] = 0;
        if (over) {
            othello_add_log(s, io.rewards[player], player);
        }
    }
}

// Between two steps the sets fit each other.
static const char* othello_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Othello* s = state;
    uint64_t board = othello_board(s->size);
    if ((s->stones[0] & s->stones[1]) || ((s->stones[0] | s->stones[1] | s->turned) & ~board)) {
        return "stones";
    }
    if ((s->ended[0] | s->ended[1]) & ~board) {
        return "ended";
    }
    if (s->legal == 0 || s->legal != othello_find_moves(s->stones[s->turn], s->stones[1 - s->turn], s->size)) {
        return "legal";
    }
    return s->last >= 0 && !(board >> s->last & 1) ? "last" : NULL;
}

static const PufObs othello_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    { "planes", 0, 0, 1,
      "row by row from the top left: the agent's stones, then the opponent's, then where the agent may move now" },
};
static const PufParam othello_params[] = {
    PUF_SETTING(Othello, size, 6, 6, OTHELLO_MAX_SIZE, "cells along a side of the board: 6 or 8"),
    PUF_SETTING(
        Othello, strength, 3, 0, OTHELLO_MAX_STRENGTH,
        "moves that the scripted opponent looks ahead, including its own: 0 plays at random, 1 likes corners and "
        "having more moves than the other"),
    PUF_SETTING(Othello, opening, 4, 0, OTHELLO_MAX_OPENING, "moves at the start of a game that are drawn at random"),
    PUF_FLAG(Othello, self_play, 0, "two agents play each other"),
};
static const PufField othello_fields[] = {
    PUF_ARRAY(Othello, stones, "of the first agent and of its opponent: bit 8 * row + column, from the top left"),
    PUF_SCALAR(Othello, legal, "where the player whose turn it is may move"),
    PUF_SCALAR(Othello, turned, "the stones that the last move turned over"),
    PUF_ARRAY(Othello, ended, "the stones at the end of the previous game"),
    PUF_SCALAR(Othello, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(OTHELLO_RUNNING, OTHELLO_LOST)),
    PUF_SCALAR(Othello, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Othello, self_play)),
    PUF_SCALAR(Othello, began, "who made the first move after the opening", PUF_RANGE(0, 1)),
    PUF_SCALAR(Othello, tick, "steps in this game", PUF_RANGE(0, OTHELLO_MAX_CELLS)),
    PUF_SCALAR(Othello, last, "bit of the last stone, -1 before the first", PUF_RANGE(-1, OTHELLO_MAX_CELLS - 1)),
    PUF_SCALAR(Othello, size, "cells along a side"),
    PUF_SCALAR(Othello, strength, "moves that the scripted opponent looks ahead"),
    PUF_SCALAR(Othello, opening, "moves at the start that are drawn at random"),
    PUF_SCALAR(Othello, self_play, "1: two agents"),
};
static const char* const othello_log_names[] = { "began.n", "began.perf" };

// clang-format off
PUF_DEFINE_ENV(othello, Othello,
    .version = 1,
    .doc = "Stones that are caught between two others change sides, against a scripted opponent or in self-play.",
    .reward = "1 for a win, -1 for a loss, 0 for a draw",
    .ends = "terminal when nobody can move",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Othello), .agents = 1, .obs_ndim = 1, .obs_shape = { 109 },
                PUF_ACTIONS(othello), .masked = 1 },
    PUF_TABLES(othello),
    PUF_LOG_NAMES(othello),
    .resize = othello_resize, .conflict = othello_conflict, .contradiction = othello_contradiction);
