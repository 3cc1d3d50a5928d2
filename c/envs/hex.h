// hex - connect your two sides of a board of hexagons before the other does, against a script or in self-play.
//
// Observation  uint8, at the default size (100,): 1 if it is this agent's turn; 1 if it may swap now; then the cells
//              twice, row by row: the agent's stones and the opponent's. Each agent sees the board so that it connects
//              the top with the bottom.
// Action       one for each cell of the own view: where to put a stone; the last one swaps. The action mask marks the
//              empty cells; any other action stands for the next empty cell, and from the top again. A waiting agent has
//              only cell 0 in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss and 0 in every other step.
// End          terminal when a player has connected both sides; there is no draw.
// Score        1 for a win, -1 for a loss; perf is 1 or 0.
//
// Cell (row, column) touches (row, column +- 1), (row +- 1, column), (row - 1, column + 1) and (row + 1, column - 1). The
// first player connects the top with the bottom, the second the left with the right; swapping rows and columns swaps the
// players, so each sees its own task as the first player's.
//
// Who moves first is drawn at random. The first stone is an advantage, so the second player may swap: the stone becomes
// its own, on the cell with row and column exchanged. The first `opening` stones are drawn at random.
//
// Against the scripted opponent, a step is one move of each side, and it is always the agent's turn. With `self_play`
// there are two agents, a step is one move, and they take turns.
//
// Stones of one player that touch are a group, whose lowest cell stands for it: every stone leads to it, through stones
// that are lower each time. It knows which sides the group touches. So a move looks at six neighbours and no more.
#pragma once
#include "puffer.h"
#include <math.h>

enum { HEX_MAX_SIZE = 13, HEX_MAX_CELLS = HEX_MAX_SIZE * HEX_MAX_SIZE };
enum { HEX_MAX_STRENGTH = 5, HEX_MAX_SAMPLES = 1000 };
enum { HEX_EMPTY, HEX_OWN, HEX_OTHER };
enum { HEX_TOP = 1, HEX_BOTTOM = 2, HEX_BOTH = 3 };
enum { HEX_RUNNING, HEX_WON, HEX_LOST };

typedef struct Hex {
    PufRng rng;
    int32_t size, strength, opening, swap, self_play; // settings
    int32_t turn;                                     // whose move it is: 0 or 1
    int32_t began;                                    // who made the first move after the opening
    int32_t stones;                                   // on the board
    int32_t swapped;                                  // 1: the first stone was swapped
    int32_t tick;                                     // steps in this game
    int32_t last;                                     // cell of the last stone in the first player's view, -1 for none
    int32_t result;                                   // of the previous game: HEX_...
    uint8_t view[2][HEX_MAX_CELLS];                   // what each player has where, in its own view
    uint8_t leader[2][HEX_MAX_CELLS];                 // from each own stone one step towards the lowest of its group
    uint8_t sides[2][HEX_MAX_CELLS];                  // of each lowest stone: the sides that its group touches
    uint8_t ended[HEX_MAX_CELLS];                     // the first view at the end of the previous game; for renderers
    PufLog log;
    float began_n, began_perf; // after the five of PufLog: for games in which the agent moved first
} Hex;

static const PufAction hex_actions[] = {
    { "cell", 50, 0, 0,
      "a1 b1 c1 d1 e1 f1 g1 a2 b2 c2 d2 e2 f2 g2 a3 b3 c3 d3 e3 f3 g3 a4 b4 c4 d4 e4 f4 g4 a5 b5 c5 d5 e5 f5 g5 a6 b6 "
      "c6 d6 e6 f6 g6 a7 b7 c7 d7 e7 f7 g7 swap" }
};

static void hex_resize(PufLayout* layout, const void* setup)
{
    static const PufAction sizes[HEX_MAX_SIZE - 2] = {
        { "cell", 10, 0, 0, "" },  { "cell", 17, 0, 0, "" },  { "cell", 26, 0, 0, "" },  { "cell", 37, 0, 0, "" },
        { "cell", 50, 0, 0, "" },  { "cell", 65, 0, 0, "" },  { "cell", 82, 0, 0, "" },  { "cell", 101, 0, 0, "" },
        { "cell", 122, 0, 0, "" }, { "cell", 145, 0, 0, "" }, { "cell", 170, 0, 0, "" },
    };
    const Hex* s = setup;
    layout->agents = s->self_play ? 2 : 1;
    layout->obs_shape[0] = 2 + 2 * s->size * s->size;
    layout->actions = s->size == 7 ? hex_actions : &sizes[s->size - 3];
}

// ---- The rules ----

// The same cell in the other player's view.
static inline int32_t hex_turned(int32_t cell, int32_t size) { return cell % size * size + cell / size; }

static inline int32_t hex_lowest(uint8_t* leader, int32_t cell)
{
    while (leader[cell] != cell) {
        leader[cell] = leader[leader[cell]]; // half the way next time
        cell = leader[cell];
    }
    return cell;
}

static inline void hex_join(Hex* s, int32_t player, int32_t a, int32_t b)
{
    uint8_t* leader = s->leader[player];
    int32_t x = hex_lowest(leader, a), y = hex_lowest(leader, b);
    int32_t low = x < y ? x : y, high = x < y ? y : x;
    leader[high] = (uint8_t)low;
    s->sides[player][low] |= s->sides[player][high];
}

// Put a stone on an empty cell of the player's own view. Returns whether that connects top and bottom.
static inline int32_t hex_put(Hex* s, int32_t player, int32_t cell, int32_t size)
{
    uint8_t* view = s->view[player];
    int32_t row = cell / size, column = cell % size;
    view[cell] = HEX_OWN;
    s->view[1 - player][hex_turned(cell, size)] = HEX_OTHER;
    s->leader[player][cell] = (uint8_t)cell;
    s->sides[player][cell] = (uint8_t)((row == 0 ? HEX_TOP : 0) | (row == size - 1 ? HEX_BOTTOM : 0));
    s->stones += 1;
    s->last = player == 0 ? cell : hex_turned(cell, size);
    const int32_t near[6] = { cell - size, cell - size + 1, cell - 1, cell + 1, cell + size - 1, cell + size };
    const int32_t there[6] = { row > 0,           row > 0 && column < size - 1, column > 0,
                               column < size - 1, row < size - 1 && column > 0, row < size - 1 };
    for (int32_t k = 0; k < 6; k++) {
        if (there[k] && view[near[k]] == HEX_OWN) {
            hex_join(s, player, cell, near[k]);
        }
    }
    return s->sides[player][hex_lowest(s->leader[player], cell)] == HEX_BOTH;
}

static int32_t hex_can_swap(const Hex* s) { return s->swap && s->stones == 1 && !s->swapped; }

// The stone of the other becomes one of the player whose turn it is.
static void hex_take(Hex* s)
{
    int32_t size = s->size, player = s->turn, cell = s->last;
    cell = player == 0 ? cell : hex_turned(cell, size); // where it is in the player's view
    s->view[player][cell] = HEX_EMPTY;
    s->view[1 - player][hex_turned(cell, size)] = HEX_EMPTY;
    s->stones = 0;
    s->swapped = 1;
    (void)hex_put(s, player, hex_turned(cell, size), size); // one stone connects nothing
}

// Any of the empty cells, all equally likely.
static int32_t hex_any(Hex* s)
{
    int32_t left = (int32_t)puf_rand_below(&s->rng, (uint32_t)(s->size * s->size - s->stones));
    int32_t cell = 0;
    while (s->view[s->turn][cell] != HEX_EMPTY || left-- > 0) {
        cell += 1;
    }
    return cell;
}

// ---- The scripted opponent: a search tree whose positions are judged by filling the board at random ----

// A position of the tree: reached by a move from its parent.
typedef struct HexNode {
    int16_t child, sibling, tried; // -1 for no child or sibling; moves that have a child
    uint8_t row, column;           // of the move
    int32_t visits, wins;          // wins for the player who made the move
} HexNode;

// Both players' stones in the searching player's view, a set of bits for each row.
typedef struct HexRows {
    uint32_t own[HEX_MAX_SIZE], other[HEX_MAX_SIZE];
} HexRows;

// Whether these stones connect top and bottom: what is reached from the top spreads until it stops. Up to 7 columns, the
// whole board fits into one number with 8 bits for each row.
static int32_t hex_connects_small(const uint32_t* rows, int32_t size)
{
    uint64_t stones = 0;
    for (int32_t row = 0; row < size; row++) {
        stones |= (uint64_t)rows[row] << (8 * row);
    }
    uint64_t found = stones & 0xFF, before = 0;
    while (found != before) {
        before = found;
        found |= (found << 8 | found >> 8 | found << 1 | found >> 1 | found << 7 | found >> 7) & stones;
    }
    return found >> (8 * (size - 1)) != 0;
}

static int32_t hex_connects(const uint32_t* rows, int32_t size)
{
    if (size < 8) {
        return hex_connects_small(rows, size);
    }
    uint32_t reached[HEX_MAX_SIZE] = { 0 };
    for (int32_t grows = 1, sweep = 0; grows; sweep++) { // down, and up again
        grows = 0;
        for (int32_t k = 0; k < size; k++) {
            int32_t row = sweep & 1 ? size - 1 - k : k;
            uint32_t found = row == 0 ? rows[0] : reached[row];
            found |= row > 0 ? reached[row - 1] | reached[row - 1] >> 1 : 0;
            found |= row < size - 1 ? reached[row + 1] | reached[row + 1] << 1 : 0;
            found &= rows[row];
            for (uint32_t before = 0; before != found;) {
                before = found;
                found |= (found << 1 | found >> 1) & rows[row];
            }
            grows |= found != reached[row];
            reached[row] = found;
        }
    }
    return reached[size - 1] != 0;
}

// Fill all empty cells by the toss of a coin; returns whether the searching player is connected.
static int32_t hex_sample(PufRng* rng, const HexRows* b, int32_t size)
{
    uint32_t filled[HEX_MAX_SIZE], board = (1u << size) - 1, coins = 0;
    for (int32_t row = 0; row < size; row++) {
        coins = row & 1 ? coins >> 16 : puf_rand(rng);
        filled[row] = b->own[row] | (coins & board & ~b->other[row]);
    }
    return hex_connects(filled, size);
}

// The child with the best share of wins, plus what has been tried too little.
static int32_t hex_best_child(const HexNode* nodes, const HexNode* node)
{
    float widen = 0.7f * sqrtf((float)node->visits), most = -1.0f;
    int32_t best = -1;
    for (int32_t c = node->child; c >= 0; c = nodes[c].sibling) {
        float visits = (float)nodes[c].visits;
        float value = (float)nodes[c].wins / visits + widen / (1.0f + visits);
        if (value > most) {
            most = value;
            best = c;
        }
    }
    return best;
}

static int32_t hex_count(uint32_t row)
{
    row -= row >> 1 & 0x55555555u;
    row = (row & 0x33333333u) + (row >> 2 & 0x33333333u);
    return (int32_t)(((row + (row >> 4)) & 0x0F0F0F0Fu) * 0x01010101u >> 24);
}

// The `rank`th empty cell that is no child of this node yet.
static int32_t hex_untried(const HexNode* nodes, const HexNode* node, const HexRows* b, int32_t size, int32_t rank)
{
    uint32_t tried[HEX_MAX_SIZE];
    for (int32_t row = 0; row < size; row++) {
        tried[row] = b->own[row] | b->other[row];
    }
    for (int32_t c = node->child; c >= 0; c = nodes[c].sibling) {
        tried[nodes[c].row] |= 1u << nodes[c].column;
    }
    for (int32_t row = 0; row < size; row++) {
        uint32_t left = ~tried[row] & ((1u << size) - 1);
        int32_t here = hex_count(left);
        if (rank >= here) {
            rank -= here;
            continue;
        }
        while (rank-- > 0) {
            left &= left - 1;
        }
        return row * size + hex_count((left & (0 - left)) - 1);
    }
    return 0;
}

// Walk down the tree to a new position, judge it, and count the result in all positions on the way.
static void hex_grow(PufRng* rng, HexNode* nodes, int32_t* count, HexRows b, int32_t empty, int32_t size)
{
    int32_t path[HEX_MAX_CELLS + 1], depth = 0, at = 0, own_turn = 1;
    path[depth++] = 0;
    for (int32_t fresh = 0; !fresh && empty > 0; empty--, own_turn = !own_turn) {
        HexNode* node = &nodes[at];
        fresh = node->tried < empty;
        if (fresh) {
            int32_t rank = (int32_t)puf_rand_below(rng, (uint32_t)(empty - node->tried));
            HexNode* child = &nodes[*count];
            int32_t cell = hex_untried(nodes, node, &b, size, rank);
            child->row = (uint8_t)(cell / size);
            child->column = (uint8_t)(cell % size);
            child->child = -1;
            child->sibling = node->child;
            child->tried = 0;
            child->visits = 0;
            child->wins = 0;
            node->child = (int16_t)*count;
            node->tried = (int16_t)(node->tried + 1);
            at = (*count)++;
        } else {
            at = hex_best_child(nodes, node);
        }
        uint32_t* rows = own_turn ? b.own : b.other;
        rows[nodes[at].row] |= 1u << nodes[at].column;
        path[depth++] = at;
    }
    int32_t won = hex_sample(rng, &b, size);
    for (int32_t k = 0; k < depth; k++) {
        nodes[path[k]].visits += 1;
        nodes[path[k]].wins += k & 1 ? won : !won; // the searching player made the moves to odd depths
    }
}

// The cell that a search of so many samples likes best.
static int32_t hex_search(Hex* s, int32_t samples)
{
    HexNode nodes[HEX_MAX_SAMPLES + 1];
    HexRows b = { { 0 }, { 0 } };
    int32_t size = s->size, count = 1, best = -1;
    for (int32_t cell = 0; cell < size * size; cell++) {
        int32_t stone = s->view[s->turn][cell];
        b.own[cell / size] |= (uint32_t)(stone == HEX_OWN) << (cell % size);
        b.other[cell / size] |= (uint32_t)(stone == HEX_OTHER) << (cell % size);
    }
    nodes[0].child = -1;
    nodes[0].tried = 0;
    nodes[0].visits = 0;
    nodes[0].wins = 0;
    for (int32_t k = 0; k < samples; k++) {
        hex_grow(&s->rng, nodes, &count, b, size * size - s->stones, size);
    }
    for (int32_t c = nodes[0].child; c >= 0; c = nodes[c].sibling) {
        int32_t better = best < 0 || nodes[c].visits > nodes[best].visits;
        int32_t equal = best >= 0 && nodes[c].visits == nodes[best].visits;
        best = better || (equal && nodes[c].wins > nodes[best].wins) ? c : best;
    }
    return nodes[best].row * size + nodes[best].column;
}

// The scripted opponent's action: a cell of its view, or size * size to swap a stone near the middle.
static int32_t hex_choose(Hex* s)
{
    static const int32_t samples[HEX_MAX_STRENGTH + 1] = { 0, 10, 30, 100, 300, HEX_MAX_SAMPLES };
    int32_t size = s->size, row = s->last < 0 ? 0 : s->last / size, column = s->last < 0 ? 0 : s->last % size;
    if (s->strength > 0 && hex_can_swap(s) && row > 0 && row < size - 1 && column > 0 && column < size - 1) {
        return size * size;
    }
    return s->strength > 0 ? hex_search(s, samples[s->strength]) : hex_any(s);
}

// ---- The game ----

// Do an action of the player whose turn it is. Returns whether that wins.
static inline int32_t hex_move(Hex* s, int32_t action)
{
    int32_t won = 0, cells = s->size * s->size;
    if (action == cells && hex_can_swap(s)) {
        hex_take(s);
    } else {
        int32_t cell = action >= cells ? 0 : action;
        while (s->view[s->turn][cell] != HEX_EMPTY) {
            cell = cell == cells - 1 ? 0 : cell + 1;
        }
        won = hex_put(s, s->turn, cell, s->size);
    }
    s->turn = 1 - s->turn;
    return won;
}

static void hex_reset(Hex* s)
{
    memset(s->view, HEX_EMPTY, sizeof s->view);
    s->stones = 0;
    s->swapped = 0;
    s->tick = 0;
    s->last = -1;
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    for (int32_t k = 0; k < s->opening; k++) { // fewer than a row: nobody wins by them
        (void)hex_move(s, hex_any(s));
    }
    s->began = s->turn;
    if (!s->self_play && s->turn == 1) {
        (void)hex_move(s, hex_choose(s));
    }
}

static inline void hex_observe_sized(const Hex* s, PufIo io, int32_t size)
{
    int32_t cells = size * size;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* obs = (uint8_t*)io.obs + (size_t)player * (size_t)(2 + 2 * cells);
        uint8_t* mask = io.action_mask + (size_t)player * (size_t)(cells + 1);
        const uint8_t* view = s->view[player];
        int32_t moves = s->turn == player;
        obs[0] = (uint8_t)moves;
        obs[1] = (uint8_t)(moves && hex_can_swap(s));
        for (int32_t k = 0; k < cells; k++) {
            obs[2 + k] = (uint8_t)(view[k] == HEX_OWN);
            obs[2 + cells + k] = (uint8_t)(view[k] == HEX_OTHER);
        }
        for (int32_t k = 0; k < cells; k++) {
            mask[k] = (uint8_t)(moves & (view[k] == HEX_EMPTY));
        }
        mask[0] = (uint8_t)(mask[0] | !moves);
        mask[cells] = obs[1];
    }
}

static void hex_observe(const Hex* s, PufIo io)
{
    if (s->size == 7) {
        hex_observe_sized(s, io, 7); // the compiler unrolls what it knows
    } else {
        hex_observe_sized(s, io, s->size);
    }
}

static void hex_end(Hex* s, PufIo io, int32_t winner)
{
    s->result = winner == 0 ? HEX_WON : HEX_LOST;
    memcpy(s->ended, s->view[0], sizeof s->ended);
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float reward = winner == player ? 1.0f : -1.0f, began = (float)(s->began == player);
        io.rewards[player] = reward;
        puf_log_episode(&s->log, winner == player ? 1.0f : 0.0f, reward, reward, (float)s->tick);
        s->began_n += began;
        s->began_perf += began * (float)(winner == player);
    }
}

static void hex_step(Hex* s, PufIo io)
{
    int32_t mover = s->turn;
    s->tick += 1;
    int32_t over = hex_move(s, io.actions[mover]);
    if (!over && !s->self_play) {
        mover = s->turn;
        over = hex_move(s, hex_choose(s));
    }
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = 0.0f;
        io.terminals[player] = (uint8_t)over;
        io.truncations[player] = 0;
    }
    if (over) {
        hex_end(s, io, mover);
    }
}

// Between two steps both views show the same stones, every stone leads to a lower one of its player or to itself, and
// nobody has won, so that there is an empty cell.
static const char* hex_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Hex* s = state;
    int32_t size = s->size, stones = 0;
    for (int32_t cell = 0; cell < size * size; cell++) {
        int32_t own = s->view[0][cell], other = s->view[1][hex_turned(cell, size)];
        if ((own == HEX_OWN) != (other == HEX_OTHER) || (own == HEX_OTHER) != (other == HEX_OWN)) {
            return "view";
        }
        stones += own != HEX_EMPTY;
        for (int32_t player = 0; player < 2; player++) {
            int32_t leader = s->leader[player][cell];
            if (s->view[player][cell] == HEX_OWN && (leader > cell || s->view[player][leader] != HEX_OWN)) {
                return "leader";
            }
        }
    }
    if (s->stones != stones || stones == size * size) {
        return "stones";
    }
    return s->last >= size * size || (stones == 1 && (s->last < 0 || s->view[0][s->last] == HEX_EMPTY)) ? "last" : NULL;
}

static const PufObs hex_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    { "swap", 1, 0, 1, "1 if it may swap now" },
    { "planes", 0, 0, 1,
      "the agent's stones row by row, then the opponent's; the agent connects the top with the bottom" },
};
static const PufParam hex_params[] = {
    PUF_SETTING(Hex, size, 7, 3, HEX_MAX_SIZE, "cells along a side of the board"),
    PUF_SETTING(Hex, strength, 3, 0, HEX_MAX_STRENGTH,
                "of the scripted opponent: 0 plays at random; 1 to 5 search with 10, 30, 100, 300 and 1000 samples"),
    PUF_SETTING(Hex, opening, 1, 0, 2, "stones at the start that are drawn at random"),
    PUF_FLAG(Hex, swap, 1, "the player who faces a single stone may swap"),
    PUF_FLAG(Hex, self_play, 0, "two agents play each other"),
};
static const PufField hex_fields[] = {
    PUF_GRID(Hex, view, "what each player has where, in its own view: 0 nothing, 1 an own stone, 2 one of the other's",
             PUF_RANGE(HEX_EMPTY, HEX_OTHER)),
    PUF_GRID(Hex, leader, NULL, PUF_RANGE(0, HEX_MAX_CELLS - 1)),
    PUF_GRID(Hex, sides, NULL, PUF_RANGE(0, HEX_BOTH)),
    PUF_ARRAY(Hex, ended, "the first view at the end of the previous game", PUF_RANGE(HEX_EMPTY, HEX_OTHER)),
    PUF_SCALAR(Hex, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 lost",
               PUF_RANGE(HEX_RUNNING, HEX_LOST)),
    PUF_SCALAR(Hex, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Hex, self_play)),
    PUF_SCALAR(Hex, began, "who made the first move after the opening", PUF_RANGE(0, 1)),
    PUF_SCALAR(Hex, stones, "on the board", PUF_RANGE(0, HEX_MAX_CELLS - 1)),
    PUF_SCALAR(Hex, swapped, "1: the first stone was swapped", PUF_RANGE(0, 1)),
    PUF_SCALAR(Hex, tick, "steps in this game", PUF_RANGE(0, HEX_MAX_CELLS)),
    PUF_SCALAR(Hex, last, "the cell of the last stone in the first view, -1 for none",
               PUF_RANGE(-1, HEX_MAX_CELLS - 1)),
    PUF_SCALAR(Hex, size, "cells along a side"),
    PUF_SCALAR(Hex, strength, "of the scripted opponent"),
    PUF_SCALAR(Hex, opening, "stones at the start that are drawn at random"),
    PUF_SCALAR(Hex, swap, "1: the second player may swap"),
    PUF_SCALAR(Hex, self_play, "1: two agents"),
};
static const char* const hex_log_names[] = { "began.n", "began.perf" };

// clang-format off
PUF_DEFINE_ENV(hex, Hex,
    .version = 1,
    .doc = "Connect your two sides of a board of hexagons before the other does, against a script or in self-play.",
    .reward = "1 for a win, -1 for a loss",
    .ends = "terminal when a player has connected both sides",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(Hex) + 7) / 8 * 8, .agents = 1, .obs_ndim = 1, .obs_shape = { 100 },
                PUF_ACTIONS(hex), .masked = 1 },
    PUF_TABLES(hex),
    PUF_LOG_NAMES(hex),
    .resize = hex_resize, .contradiction = hex_contradiction);
