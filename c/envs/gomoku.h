// gomoku - five stones in a row, along a row, a column or a diagonal, against a scripted opponent or in self-play.
//
// Observation  uint8, at the default size (197,): 1 if it is this agent's turn; then the cells four times, row by row from
//              the top left: the agent's stones; the opponent's; where a stone of the agent would make five in a row (2) or
//              four with both ends empty, which nobody can block (1); and where one of the opponent would.
// Action       one for each cell: where to put a stone. The action mask marks the empty cells; any other cell stands for
//              the next empty one, in reading order, and from the top again. A waiting agent has only cell 0 in its mask,
//              and its action is ignored.
// Reward       1 for a win, -1 for a loss, 0 for a draw and in every other step.
// End          terminal when a player has five in a row, or when the board is full.
// Score        1 for a win, 0 for a draw, -1 for a loss; perf is 1, 0.5 or 0.
//
// Six or more in a row win as five do, and no move is forbidden. Who moves first is drawn at random in each game. The first
// stone is an advantage, so the first `opening` stones are drawn at random among the 25 cells in the middle: no game is like
// the last one, and neither side chooses how it begins.
//
// Against the scripted opponent, a step is one move of each side, and it is always the agent's turn. With `self_play`
// there are two agents, a step is one move, and they take turns.
//
// A stone is a bit in four lines: its row, its column and two diagonals. Five in a row are five bits of a line that are
// next to each other, and where a stone would make four or five follows from shifts of a line. So a move looks at four numbers of each
// player and no more.
#pragma once
#include "puffer.h"

enum { GOMOKU_MIN_SIZE = 5, GOMOKU_MAX_SIZE = 15, GOMOKU_MAX_CELLS = GOMOKU_MAX_SIZE * GOMOKU_MAX_SIZE };
enum {
    GOMOKU_WAYS = 4,
    GOMOKU_LINES = 2 * GOMOKU_MAX_SIZE - 1
}; // along a row, a column and two diagonals; lines of each
enum { GOMOKU_MAX_STRENGTH = 5, GOMOKU_MAX_OPENING = 8, GOMOKU_FIVE = 5 };
enum { GOMOKU_RUNNING, GOMOKU_WON, GOMOKU_DRAWN, GOMOKU_LOST };

typedef struct Gomoku {
    PufRng rng;
    int32_t size, strength, slips, opening, self_play; // settings
    int32_t turn;                                      // whose move it is: 0 or 1
    int32_t began;                                     // who made the first move after the opening
    int32_t stones;                                    // on the board
    int32_t tick;                                      // steps in this game
    int32_t last;                                      // cell of the last stone, -1 for none
    int32_t result;                                    // of the previous game: GOMOKU_...
    int16_t lines[2][GOMOKU_WAYS * GOMOKU_LINES];      // the stones of each player, as bits
    int16_t fives[2][GOMOKU_WAYS * GOMOKU_LINES];      // where a stone of each would make five in a row
    int16_t fours[2][GOMOKU_WAYS * GOMOKU_LINES];      // where it would make four with both ends empty
    int32_t threats[2];                                // lines in which there is such a cell
    uint8_t cells[GOMOKU_MAX_CELLS];                   // 0 empty, 1 a stone of player 0, 2 of player 1
    uint8_t ended[GOMOKU_MAX_CELLS];                   // the cells at the end of the previous game; for renderers
    PufLog log;
    float began_n, began_perf; // after the five of PufLog: for games in which the agent moved first
} Gomoku;

static const PufAction gomoku_actions[] = {
    { "cell", 49, 0, 0,
      "a1 b1 c1 d1 e1 f1 g1 a2 b2 c2 d2 e2 f2 g2 a3 b3 c3 d3 e3 f3 g3 a4 b4 c4 d4 e4 f4 g4 a5 "
      "b5 c5 d5 e5 f5 g5 a6 b6 c6 d6 e6 f6 g6 a7 b7 c7 d7 e7 f7 g7" }
};

static void gomoku_resize(PufLayout* layout, const void* setup)
{
    static const PufAction sizes[GOMOKU_MAX_SIZE - GOMOKU_MIN_SIZE + 1] = {
        { "cell", 25, 0, 0, "" },  { "cell", 36, 0, 0, "" },  { "cell", 49, 0, 0, "" },  { "cell", 64, 0, 0, "" },
        { "cell", 81, 0, 0, "" },  { "cell", 100, 0, 0, "" }, { "cell", 121, 0, 0, "" }, { "cell", 144, 0, 0, "" },
        { "cell", 169, 0, 0, "" }, { "cell", 196, 0, 0, "" }, { "cell", 225, 0, 0, "" },
    };
    const Gomoku* s = setup;
    layout->agents = s->self_play ? 2 : 1;
    layout->obs_shape[0] = 1 + 4 * s->size * s->size;
    layout->actions = s->size == 7 ? gomoku_actions : &sizes[s->size - GOMOKU_MIN_SIZE];
}

// ---- The rules ----

static inline int32_t gomoku_has_five(uint32_t line)
{
    uint32_t two = line & line >> 1;
    return (two & two >> 2 & line >> 4) != 0;
}

// The empty cells of lines where one more stone of the owner makes five; and where it makes four of which both ends are
// empty, so that the other cannot block both. Eight lines at once, which the compiler makes vectors of.
static inline void gomoku_find_threats(const uint16_t* own, const uint16_t* empty, uint16_t* fives, uint16_t* fours)
{
    for (int32_t k = 0; k < 2 * GOMOKU_WAYS; k++) {
        uint16_t x = own[k], e = empty[k], up = x >> 1, down = (uint16_t)(x << 1);
        uint16_t up2 = up & x >> 2, down2 = (uint16_t)(down & x << 2);
        uint16_t up3 = up2 & x >> 3, down3 = (uint16_t)(down2 & x << 3);
        uint16_t up4 = up3 & x >> 4, down4 = (uint16_t)(down3 & x << 4);
        fives[k] = (uint16_t)((up4 | (up3 & down) | (up2 & down2) | (up & down3) | down4) & e);
        // Six cells: an empty one, four of which one is missing, and an empty one.
        uint16_t ends = e & e >> 5, two = up & x >> 2, other_two = x >> 3 & x >> 4;
        uint16_t first = ends & e >> 1 & x >> 2 & other_two, second = ends & up & e >> 2 & other_two;
        uint16_t third = ends & two & e >> 3 & x >> 4, fourth = ends & two & x >> 3 & e >> 4;
        fours[k] = (uint16_t)(first << 1 | second << 2 | third << 3 | fourth << 4);
    }
}

// Which bits of the lines that a cell is in are on the board.
static inline void gomoku_lengths_of(int32_t row, int32_t column, int32_t size, uint32_t* bits)
{
    const uint32_t all = (1u << size) - 1;
    int32_t sum = row + column, away = row - column;
    bits[0] = all;
    bits[1] = all;
    bits[2] = sum < size ? all >> (size - 1 - sum) : all & all << (sum - size + 1);
    bits[3] = away < 0 ? all >> -away : all & all << away;
}

// The numbers of the four lines that a cell is in.
static inline void gomoku_lines_of(int32_t row, int32_t column, int32_t* lines)
{
    lines[0] = row;
    lines[1] = GOMOKU_LINES + column;
    lines[2] = 2 * GOMOKU_LINES + row + column;
    lines[3] = 3 * GOMOKU_LINES + row - column + GOMOKU_MAX_SIZE - 1;
}

// Put a stone into its lines. Returns whether one of them has five in a row.
static int32_t gomoku_mark(Gomoku* s, int32_t player, int32_t row, int32_t column, int32_t size)
{
    uint16_t stones[2 * GOMOKU_WAYS], empty[2 * GOMOKU_WAYS], fives[2 * GOMOKU_WAYS], fours[2 * GOMOKU_WAYS];
    uint32_t bits[GOMOKU_WAYS];
    int32_t lines[GOMOKU_WAYS], won = 0;
    gomoku_lines_of(row, column, lines);
    gomoku_lengths_of(row, column, size, bits);
    for (int32_t way = 0; way < GOMOKU_WAYS; way++) {
        uint32_t own = (uint32_t)s->lines[player][lines[way]] | 1u << (way == 0 ? column : row);
        uint32_t other = (uint32_t)s->lines[1 - player][lines[way]];
        s->lines[player][lines[way]] = (int16_t)own;
        stones[way] = (uint16_t)own;
        stones[GOMOKU_WAYS + way] = (uint16_t)other;
        empty[way] = (uint16_t)(bits[way] & ~(own | other));
        empty[GOMOKU_WAYS + way] = empty[way];
        won |= gomoku_has_five(own);
    }
    gomoku_find_threats(stones, empty, fives, fours);
    for (int32_t k = 0; k < 2 * GOMOKU_WAYS; k++) {
        int32_t who = k < GOMOKU_WAYS ? player : 1 - player, line = lines[k % GOMOKU_WAYS];
        s->threats[who] += ((fives[k] | fours[k]) != 0) - ((s->fives[who][line] | s->fours[who][line]) != 0);
        s->fives[who][line] = (int16_t)fives[k];
        s->fours[who][line] = (int16_t)fours[k];
    }
    return won;
}

// The player whose turn it is puts a stone on an empty cell. Returns whether that wins.
static int32_t gomoku_put(Gomoku* s, int32_t cell, int32_t size)
{
    int32_t mover = s->turn;
    s->cells[cell] = (uint8_t)(1 + mover);
    s->stones += 1;
    s->last = cell;
    s->turn = 1 - mover;
    return gomoku_mark(s, mover, cell / size, cell % size, size);
}

static inline int32_t gomoku_count(uint32_t row)
{
    row -= row >> 1 & 0x5555u;
    row = (row & 0x3333u) + (row >> 2 & 0x3333u);
    row = (row + (row >> 4)) & 0x0F0Fu;
    return (int32_t)((row + (row >> 8)) & 0x1Fu);
}

// The number of the lowest bit of a set that is not empty.
static inline int32_t gomoku_lowest(uint32_t set) { return gomoku_count((set & (0 - set)) - 1); }

// The empty cells of a row, as bits.
static inline uint32_t gomoku_empty_in(const Gomoku* s, int32_t row, int32_t size)
{
    return ~(uint32_t)(s->lines[0][row] | s->lines[1][row]) & ((1u << size) - 1);
}

// The cell if it is empty, else the next one that is.
static inline int32_t gomoku_empty(const Gomoku* s, int32_t cell, int32_t size)
{
    int32_t row = cell / size, column = cell % size;
    uint32_t empty = gomoku_empty_in(s, row, size) >> column << column;
    while (empty == 0) {
        row = row + 1 < size ? row + 1 : 0;
        empty = gomoku_empty_in(s, row, size);
    }
    return row * size + gomoku_lowest(empty);
}

// The `rank`th of the empty cells, from 0.
static int32_t gomoku_any(const Gomoku* s, int32_t rank)
{
    for (int32_t row = 0; row < s->size; row++) {
        uint32_t empty = gomoku_empty_in(s, row, s->size);
        int32_t here = gomoku_count(empty);
        if (rank >= here) {
            rank -= here;
            continue;
        }
        while (rank-- > 0) {
            empty &= empty - 1;
        }
        return row * s->size + gomoku_lowest(empty);
    }
    return 0;
}

// ---- The scripted opponent: what rows of five cells may still become ----

// A window is five cells in a row: one that has stones of one player only may become its five. A cell is worth the sum of
// its windows to a player, and each is worth more the more stones it has.
static const int32_t gomoku_worths[GOMOKU_FIVE + 1] = { 1, 10, 80, 600, 100000, 0 };
enum { GOMOKU_FOUR = 100000, GOMOKU_WIN = 10000000, GOMOKU_WIDEST = 8 };

typedef struct GomokuBoard {
    int32_t size, total[2];                          // the sum over all windows
    int32_t fours[2];                                // windows with four stones and an empty cell
    int32_t worth[2][GOMOKU_MAX_CELLS];              // of each cell to each player
    uint8_t count[2][GOMOKU_WAYS][GOMOKU_MAX_CELLS]; // stones of each player in the window that begins at a cell
    uint8_t cells[GOMOKU_MAX_CELLS];
} GomokuBoard;

// What changes for a player when a window changes its worth.
static void gomoku_add(GomokuBoard* b, int32_t player, int32_t start, int32_t step, int32_t before, int32_t after)
{
    int32_t gain = after - before;
    b->total[player] += gain;
    b->fours[player] += (after == GOMOKU_FOUR) - (before == GOMOKU_FOUR);
    for (int32_t k = 0; k < GOMOKU_FIVE; k++) {
        b->worth[player][start + k * step] += gain;
    }
}

// Put a stone (change 1), or take it back (-1).
static void gomoku_change(GomokuBoard* b, int32_t player, int32_t cell, int32_t change)
{
    const int32_t size = b->size, row = cell / size, column = cell % size;
    b->cells[cell] = (uint8_t)(change > 0 ? 1 + player : 0);
    for (int32_t way = 0; way < GOMOKU_WAYS; way++) {
        const int32_t down = way > 0, right = way == 0 || way == 2 ? 1 : way == 3 ? -1 : 0, step = down * size + right;
        for (int32_t k = 0; k < GOMOKU_FIVE; k++) {
            int32_t top = row - k * down, left = column - k * right;
            int32_t end = left + (GOMOKU_FIVE - 1) * right;
            if (top < 0 || top + (GOMOKU_FIVE - 1) * down >= size || left < 0 || left >= size || end < 0 ||
                end >= size) {
                continue;
            }
            int32_t start = top * size + left;
            int32_t before = b->count[player][way][start], after = before + change;
            int32_t other = b->count[1 - player][way][start];
            b->count[player][way][start] = (uint8_t)after;
            if (other == 0) {
                gomoku_add(b, player, start, step, gomoku_worths[before], gomoku_worths[after]);
            }
            if (before == 0) {
                gomoku_add(b, 1 - player, start, step, gomoku_worths[other], 0);
            } else if (after == 0) {
                gomoku_add(b, 1 - player, start, step, 0, gomoku_worths[other]);
            }
        }
    }
}

// The windows of an empty board, each worth the same to both.
static void gomoku_clear(GomokuBoard* b, int32_t size)
{
    b->size = size;
    memset(b->total, 0, sizeof b->total);
    memset(b->fours, 0, sizeof b->fours);
    memset(b->worth, 0, sizeof b->worth);
    memset(b->count, 0, sizeof b->count);
    memset(b->cells, 0, sizeof b->cells);
    for (int32_t cell = 0; cell < size * size; cell++) {
        const int32_t right = cell % size <= size - GOMOKU_FIVE, down = cell / size <= size - GOMOKU_FIVE;
        const int32_t left = cell % size >= GOMOKU_FIVE - 1;
        const int32_t fits[GOMOKU_WAYS] = { right, down, down && right, down && left };
        const int32_t steps[GOMOKU_WAYS] = { 1, size, size + 1, size - 1 };
        for (int32_t way = 0; way < GOMOKU_WAYS; way++) {
            for (int32_t player = 0; player < 2 && fits[way]; player++) {
                gomoku_add(b, player, cell, steps[way], 0, gomoku_worths[0]);
            }
        }
    }
}

// What a cell is worth to the player who moves: what it makes, and what it takes from the other. A five of one's own is
// worth more than that of the other, which is worth more than all else.
static inline int32_t gomoku_value(const GomokuBoard* b, int32_t mover, int32_t cell)
{
    return 3 * b->worth[mover][cell] + 2 * b->worth[1 - mover][cell];
}

// The empty cells with the highest values, best first, at most `most`. Returns how many there are.
static int32_t gomoku_sort(const GomokuBoard* b, int32_t mover, int32_t most, int32_t* found)
{
    int32_t values[GOMOKU_WIDEST + 1], count = 0;
    for (int32_t cell = 0; cell < b->size * b->size; cell++) {
        if (b->cells[cell]) {
            continue;
        }
        int32_t value = gomoku_value(b, mover, cell), at = count;
        while (at > 0 && values[at - 1] < value) {
            values[at] = values[at - 1];
            found[at] = found[at - 1];
            at -= 1;
        }
        values[at] = value;
        found[at] = cell;
        count += count < most;
    }
    return count;
}

// The value for the player to move: negamax with a window. A four of the other leaves one sensible answer, which costs no
// depth, so that rows of threats are followed to their end.
static int32_t gomoku_search(GomokuBoard* b, int32_t mover, int32_t left, int32_t depth, int32_t low, int32_t high)
{
    if (b->fours[mover]) {
        return GOMOKU_WIN + left;
    }
    int32_t forced = b->fours[1 - mover] > 0;
    if (left == 0 || (depth <= 0 && !forced)) {
        return left == 0 ? 0 : 2 * b->total[mover] - b->total[1 - mover];
    }
    int32_t cells[GOMOKU_WIDEST + 1];
    int32_t count = gomoku_sort(b, mover, forced ? 1 : GOMOKU_WIDEST, cells), best = -2 * GOMOKU_WIN;
    for (int32_t k = 0; k < count && best < high; k++) {
        gomoku_change(b, mover, cells[k], 1);
        int32_t least = best > low ? best : low;
        int32_t value = -gomoku_search(b, 1 - mover, left - 1, depth - !forced, -high, -least);
        gomoku_change(b, mover, cells[k], -1);
        best = value > best ? value : best;
    }
    return best;
}

// What a cell is worth to the script. At strength 1 only fives count: its own, then those that it blocks. At 2 it also puts
// its stone where its own rows grow most, and at 3 it sees the other's rows as well. Above it searches.
static int32_t gomoku_judge(GomokuBoard* b, int32_t mover, int32_t cell, int32_t left, int32_t strength, int32_t best)
{
    int32_t own = 3 * b->worth[mover][cell], other = 2 * b->worth[1 - mover][cell];
    if (strength > 3 && b->fours[0] + b->fours[1] == 0) {
        gomoku_change(b, mover, cell, 1);
        int32_t value = -gomoku_search(b, 1 - mover, left - 1, 2 * strength - 5, -2 * GOMOKU_WIN, 1 - best);
        gomoku_change(b, mover, cell, -1);
        return value;
    }
    own = strength < 2 && own < GOMOKU_FOUR ? 0 : own;
    return own + (strength < 3 && other < GOMOKU_FOUR ? 0 : other);
}

// One of the best cells, all equally likely; at strength 0, or by a slip, any.
static int32_t gomoku_choose(Gomoku* s)
{
    int32_t cells = s->size * s->size, left = cells - s->stones;
    if (s->strength == 0 || (s->slips > 0 && (int32_t)puf_rand_below(&s->rng, 100) < s->slips)) {
        return gomoku_any(s, (int32_t)puf_rand_below(&s->rng, (uint32_t)left));
    }
    GomokuBoard b;
    gomoku_clear(&b, s->size);
    for (int32_t cell = 0; cell < cells; cell++) {
        if (s->cells[cell]) {
            gomoku_change(&b, s->cells[cell] - 1, cell, 1);
        }
    }
    int32_t found[GOMOKU_MAX_CELLS], best = -3 * GOMOKU_WIN, equal = 0, count = 0;
    if (s->strength > 3) {
        count = gomoku_sort(&b, s->turn, GOMOKU_WIDEST, found);
    } else {
        for (int32_t cell = 0; cell < cells; cell++) {
            found[count] = cell;
            count += s->cells[cell] == 0;
        }
    }
    for (int32_t k = 0; k < count; k++) {
        int32_t value = gomoku_judge(&b, s->turn, found[k], left, s->strength, best);
        equal = value > best ? 0 : equal;
        best = value > best ? value : best;
        found[equal] = value == best ? found[k] : found[equal];
        equal += value == best;
    }
    return found[puf_rand_below(&s->rng, (uint32_t)equal)];
}

// ---- The game ----

// One of the empty cells among the 25 in the middle, all equally likely.
static int32_t gomoku_draw_cell(Gomoku* s)
{
    int32_t size = s->size, first = (size - GOMOKU_FIVE) / 2, cell;
    do {
        int32_t k = (int32_t)puf_rand_below(&s->rng, GOMOKU_FIVE * GOMOKU_FIVE);
        cell = (first + k / GOMOKU_FIVE) * size + first + k % GOMOKU_FIVE;
    } while (s->cells[cell]);
    return cell;
}

static void gomoku_reset(Gomoku* s)
{
    memset(s->lines, 0, sizeof s->lines);
    memset(s->fives, 0, sizeof s->fives);
    memset(s->fours, 0, sizeof s->fours);
    s->threats[0] = 0;
    s->threats[1] = 0;
    memset(s->cells, 0, sizeof s->cells);
    s->stones = 0;
    s->tick = 0;
    s->last = -1;
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    for (int32_t k = 0; k < s->opening; k++) { // at most four of each player: nobody wins by them
        (void)gomoku_put(s, gomoku_draw_cell(s), s->size);
    }
    s->began = s->turn;
    if (!s->self_play && s->turn == 1) {
        (void)gomoku_put(s, gomoku_choose(s), s->size);
    }
}

// Write where a stone of the player would make five in a row, as 2, or an open four, as 1. Most lines have no such cell, so
// four are looked at at once.
static void gomoku_see_threats(const Gomoku* s, int32_t player, int32_t size, uint8_t* obs)
{
    memset(obs, 0, (size_t)(size * size));
    int32_t left = s->threats[player];
    for (int32_t first = 0; left > 0; first += 4) {
        uint64_t fives, fours;
        memcpy(&fives, &s->fives[player][first], sizeof fives);
        memcpy(&fours, &s->fours[player][first], sizeof fours);
        for (int32_t line = first; (fives | fours) && line < first + 4; line++) {
            uint32_t five = (uint32_t)s->fives[player][line], found = five | (uint32_t)s->fours[player][line];
            left -= found != 0;
            for (; found; found &= found - 1) {
                int32_t way = line / GOMOKU_LINES, k = line % GOMOKU_LINES, at = gomoku_lowest(found);
                int32_t row = way == 0 ? k : at;
                int32_t column = way == 0 ? at : way == 1 ? k : way == 2 ? k - at : at - k + GOMOKU_MAX_SIZE - 1;
                uint8_t* seen = &obs[row * size + column];
                *seen = five >> at & 1 ? 2 : *seen > 1 ? *seen : 1;
            }
        }
    }
}

static inline void gomoku_observe_sized(const Gomoku* s, PufIo io, int32_t size)
{
    int32_t cells = size * size;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* obs = (uint8_t*)io.obs + (size_t)player * (size_t)(1 + 4 * cells);
        uint8_t* mask = io.action_mask + (size_t)player * (size_t)cells;
        int32_t moves = s->turn == player;
        obs[0] = (uint8_t)moves;
        for (int32_t k = 0; k < cells; k++) {
            obs[1 + k] = (uint8_t)(s->cells[k] == 1 + player);
        }
        for (int32_t k = 0; k < cells; k++) {
            obs[1 + cells + k] = (uint8_t)(s->cells[k] == 2 - player);
        }
        gomoku_see_threats(s, player, size, obs + 1 + 2 * cells);
        gomoku_see_threats(s, 1 - player, size, obs + 1 + 3 * cells);
        for (int32_t k = 0; k < cells; k++) {
            mask[k] = (uint8_t)(moves & (s->cells[k] == 0));
        }
        mask[0] = (uint8_t)(mask[0] | !moves);
    }
}

static void gomoku_observe(const Gomoku* s, PufIo io)
{
    if (s->size == 7) {
        gomoku_observe_sized(s, io, 7); // the compiler unrolls what it knows
    } else {
        gomoku_observe_sized(s, io, s->size);
    }
}

// `first`: 1 if the first agent won, -1 if it lost, 0 for a draw.
static void gomoku_end(Gomoku* s, PufIo io, int32_t first)
{
    s->result = first > 0 ? GOMOKU_WON : first < 0 ? GOMOKU_LOST : GOMOKU_DRAWN;
    memcpy(s->ended, s->cells, sizeof s->ended);
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float reward = (float)(player == 0 ? first : -first), perf = 0.5f * (reward + 1.0f);
        float began = (float)(s->began == player);
        io.rewards[player] = reward;
        puf_log_episode(&s->log, perf, reward, reward, (float)s->tick);
        s->began_n += began;
        s->began_perf += began * perf;
    }
}

static void gomoku_step(Gomoku* s, PufIo io)
{
    int32_t mover = s->turn, size = s->size, cells = size * size;
    s->tick += 1;
    int32_t won = gomoku_put(s, gomoku_empty(s, io.actions[mover], size), size);
    if (!won && s->stones < cells && !s->self_play) {
        mover = s->turn;
        won = gomoku_put(s, gomoku_choose(s), size);
    }
    int32_t over = won || s->stones == cells;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = 0.0f;
        io.terminals[player] = (uint8_t)over;
        io.truncations[player] = 0;
    }
    if (over) {
        gomoku_end(s, io, !won ? 0 : mover == 0 ? 1 : -1);
    }
}

// Between two steps the lines show the stones of the cells, nobody has won, and there is an empty cell.
static const char* gomoku_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Gomoku* s = state;
    Gomoku copy = { .size = s->size };
    int32_t stones = 0, cells = s->size * s->size;
    for (int32_t cell = 0; cell < cells; cell++) {
        stones += s->cells[cell] != 0;
        if (s->cells[cell] && gomoku_mark(&copy, s->cells[cell] - 1, cell / s->size, cell % s->size, s->size)) {
            return "cells";
        }
    }
    for (int32_t line = 0; line < GOMOKU_WAYS * GOMOKU_LINES; line++) {
        for (int32_t player = 0; player < 2; player++) {
            if (copy.lines[player][line] != s->lines[player][line]) {
                return "lines";
            }
            if (copy.fives[player][line] != s->fives[player][line] ||
                copy.fours[player][line] != s->fours[player][line] || copy.threats[player] != s->threats[player]) {
                return "threats";
            }
        }
    }
    if (s->stones != stones || stones == cells) {
        return "stones";
    }
    return s->last >= cells || (s->last >= 0 && s->cells[s->last] == 0) ? "last" : NULL;
}

static const PufObs gomoku_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    { "planes", 0, 0, 2,
      "row by row from the top left: the agent's stones and the opponent's; then where the agent would make five (2) "
      "or "
      "an open four (1), and where the opponent would" },
};
static const PufParam gomoku_params[] = {
    PUF_SETTING(Gomoku, size, 7, GOMOKU_MIN_SIZE, GOMOKU_MAX_SIZE, "cells along a side of the board"),
    PUF_SETTING(
        Gomoku, strength, 2, 0, GOMOKU_MAX_STRENGTH,
        "of the scripted opponent: 0 plays at random, 1 wins and blocks fives, 2 also extends its own rows, 3 sees the "
        "other's as well, 4 and 5 look 4 and 6 moves ahead and follow every four"),
    PUF_SETTING(Gomoku, slips, 0, 0, 100, "percent of the scripted opponent's moves that are drawn at random"),
    PUF_SETTING(Gomoku, opening, 2, 0, GOMOKU_MAX_OPENING,
                "stones at the start that are drawn at random, in the middle"),
    PUF_FLAG(Gomoku, self_play, 0, "two agents play each other"),
};
static const PufField gomoku_fields[] = {
    PUF_ARRAY(Gomoku, cells, "row by row from the top left: 0 empty, 1 a stone of the first agent, 2 of its opponent",
              PUF_RANGE(0, 2)),
    PUF_GRID(Gomoku, lines, NULL),
    PUF_GRID(Gomoku, fives, NULL),
    PUF_GRID(Gomoku, fours, NULL),
    PUF_ARRAY(Gomoku, threats, NULL),
    PUF_ARRAY(Gomoku, ended, "the cells at the end of the previous game", PUF_RANGE(0, 2)),
    PUF_SCALAR(Gomoku, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(GOMOKU_RUNNING, GOMOKU_LOST)),
    PUF_SCALAR(Gomoku, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Gomoku, self_play)),
    PUF_SCALAR(Gomoku, began, "who made the first move after the opening", PUF_RANGE(0, 1)),
    PUF_SCALAR(Gomoku, stones, "on the board", PUF_RANGE(0, GOMOKU_MAX_CELLS - 1)),
    PUF_SCALAR(Gomoku, tick, "steps in this game", PUF_RANGE(0, GOMOKU_MAX_CELLS)),
    PUF_SCALAR(Gomoku, last, "the cell of the last stone, -1 for none", PUF_RANGE(-1, GOMOKU_MAX_CELLS - 1)),
    PUF_SCALAR(Gomoku, size, "cells along a side"),
    PUF_SCALAR(Gomoku, strength, "of the scripted opponent"),
    PUF_SCALAR(Gomoku, slips, "percent of its moves that are drawn at random"),
    PUF_SCALAR(Gomoku, opening, "stones at the start that are drawn at random"),
    PUF_SCALAR(Gomoku, self_play, "1: two agents"),
};
static const char* const gomoku_log_names[] = { "began.n", "began.perf" };

// clang-format off
PUF_DEFINE_ENV(gomoku, Gomoku,
    .version = 1,
    .doc = "Five stones in a row, along a row, a column or a diagonal, against a scripted opponent or in self-play.",
    .reward = "1 for a win, -1 for a loss, 0 for a draw",
    .ends = "terminal when a player has five in a row or the board is full",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(Gomoku) + 7) / 8 * 8, .agents = 1, .obs_ndim = 1, .obs_shape = { 197 },
                PUF_ACTIONS(gomoku), .masked = 1 },
    PUF_TABLES(gomoku),
    PUF_LOG_NAMES(gomoku),
    .resize = gomoku_resize, .contradiction = gomoku_contradiction);
