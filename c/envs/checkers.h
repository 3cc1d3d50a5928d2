// checkers - take all of the other's pieces, or leave it without a move: English draughts, against a scripted opponent or
// in self-play.
//
// Observation  uint8 (162,): 1 if it is this agent's turn; moves since the last capture or move of a man; then the 32 dark
//              squares five times: the agent's men, its kings, the opponent's men, its kings, and the pieces that the
//              agent may move now. Each agent sees the board from its own side: squares are counted row by row from
//              there, and from its left.
// Action       one of 128: 32 * way + square of the piece, where way 0 goes ahead to the left, 1 ahead to the right, 2 back
//              to the left, 3 back to the right. The action mask marks what is legal; any other action stands for the
//              next legal one, and from the top again. A waiting agent has only action 0 in its mask, and its action is
//              ignored.
// Reward       1 for a win, -1 for a loss, `reward_draw` for a draw; and `reward_piece` for each piece that the step takes
//              from the opponent, less as much for each that it takes from the agent.
// End          terminal when a player cannot move, who loses; or in a draw, after `patience` moves without a capture or a
//              move of a man.
// Score        1 for a win, 0 for a draw, -1 for a loss; perf is 1, 0.5 or 0.
//
// Each player begins with twelve men on the three rows nearest to it. A man moves one square diagonally ahead; a king also
// back. Where the square beyond a piece of the other's is empty, a piece jumps there and takes it. A player who can jump
// must, by any way it likes; and if the same piece can then jump again, it must do so, in the next step. A man that reaches
// the last row becomes a king, which ends the move.
//
// The first player is drawn at random in each game, and so are the first `opening` moves. Against the scripted opponent, a
// step is one move or jump of the agent and, unless it must jump again, the whole answer, and it is always the agent's
// turn. With `self_play` there are two agents, a step is one move or jump, and they take turns.
//
// A board is a set of bits, kept once as each player sees it: four for each row, and after the first, third, fifth and
// seventh one that is never set. So the four ways are shifts by 4 and 5, up and down, and no piece moves around an edge.
#pragma once
#include "puffer.h"

enum { CHECKERS_SQUARES = 32, CHECKERS_WAYS = 4, CHECKERS_BITS = 36, CHECKERS_PLANES = 5 };
enum { CHECKERS_OBS = 2 + CHECKERS_PLANES * CHECKERS_SQUARES, CHECKERS_ACTIONS = CHECKERS_WAYS * CHECKERS_SQUARES };
enum { CHECKERS_MAX_STRENGTH = 8, CHECKERS_MAX_OPENING = 8, CHECKERS_MAX_PATIENCE = 200, CHECKERS_MAX_STEPS = 100000 };
enum { CHECKERS_RUNNING, CHECKERS_WON, CHECKERS_DRAWN, CHECKERS_LOST };

typedef struct Checkers {
    PufRng rng;
    int32_t strength, opening, patience, self_play; // settings
    float reward_piece, reward_draw;                // settings
    float returned;                                 // rewards of this game for the first agent, without a draw's
    int32_t turn;                                   // whose move it is: 0 or 1
    int32_t began;                                  // who made the first move after the opening
    int32_t jumps;                                  // 1: the player whose turn it is must jump
    int32_t again;                                  // bit of the piece that must jump again, -1 for any
    int32_t quiet;                                  // moves since the last capture or move of a man
    int32_t tick;                                   // steps in this game
    int32_t from, to;                               // bits of the last move in the first player's view, -1 before it
    int32_t result;                                 // of the previous game: CHECKERS_...
    uint64_t own[2], other[2], kings[2];            // pieces, and which are kings, as each player sees them
    uint64_t legal[CHECKERS_WAYS]; // pieces that may move each way, as the player whose turn it is sees them
    uint64_t taken;                // what the last moves took in the first player's view; for renderers
    uint64_t ended[3];             // the first player's sets at the end of the previous game; for renderers
    PufLog log;
    float began_n, began_perf; // after the five of PufLog: for games in which the agent moved first
} Checkers;

// ---- The board, on bits ----

static const uint64_t checkers_board = 0xF7FBFDFEFu, checkers_first_rows = 0x1FEFu, checkers_last_row = 0xF00000000u;
static const int32_t checkers_shifts[CHECKERS_WAYS] = { 4, 5, -5, -4 };

static inline int32_t checkers_count(uint64_t set)
{
    set -= set >> 1 & 0x5555555555555555u;
    set = (set & 0x3333333333333333u) + (set >> 2 & 0x3333333333333333u);
    set = (set + (set >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (int32_t)(set * 0x0101010101010101u >> 56);
}

// The number of the lowest bit of a set that is not empty.
static inline int32_t checkers_lowest(uint64_t set) { return checkers_count((set & (0 - set)) - 1); }

static inline uint64_t checkers_bit(int32_t bit) { return (uint64_t)1 << bit; }

// The same square as the other player sees it.
static inline int32_t checkers_turned(int32_t bit) { return CHECKERS_BITS - 1 - bit; }

// The bit of a square, and back.
static inline int32_t checkers_bit_of(int32_t square) { return square + (square + 4) / 8; }
static inline int32_t checkers_square_of(int32_t bit) { return bit - (bit + 4) / 9; }

// From where one comes into these squares this way.
static inline uint64_t checkers_before(uint64_t squares, int32_t way)
{
    int32_t shift = checkers_shifts[way];
    return shift > 0 ? squares >> shift : squares << -shift;
}

// ---- The rules ----

// Find what the player whose turn it is may move. Returns whether that is anything.
static inline int32_t checkers_find_legal(Checkers* s)
{
    const uint64_t own = s->own[s->turn], other = s->other[s->turn], kings = own & s->kings[s->turn];
    const uint64_t empty = checkers_board & ~(own | other);
    uint64_t steps[CHECKERS_WAYS], jumps[CHECKERS_WAYS], can_jump = 0, can_step = 0;
    for (int32_t way = 0; way < CHECKERS_WAYS; way++) {
        uint64_t movers = way < 2 ? own : kings, beside = checkers_before(empty, way);
        steps[way] = movers & beside;
        jumps[way] = movers & checkers_before(other & beside, way);
        jumps[way] &= s->again < 0 ? ~(uint64_t)0 : checkers_bit(s->again);
        can_step |= steps[way];
        can_jump |= jumps[way];
    }
    s->jumps = can_jump != 0;
    for (int32_t way = 0; way < CHECKERS_WAYS; way++) {
        s->legal[way] = s->jumps ? jumps[way] : steps[way];
    }
    return (can_jump | can_step) != 0;
}

// Take a piece of the other's off the square that the mover sees.
static inline void checkers_take(Checkers* s, int32_t bit)
{
    const int32_t mover = s->turn, there = checkers_turned(bit);
    s->other[mover] &= ~checkers_bit(bit);
    s->kings[mover] &= ~checkers_bit(bit);
    s->own[1 - mover] &= ~checkers_bit(there);
    s->kings[1 - mover] &= ~checkers_bit(there);
    s->taken |= checkers_bit(mover == 0 ? bit : there);
}

// Move or jump with a piece of the player whose turn it is. Returns whether the game is over.
static inline int32_t checkers_move(Checkers* s, int32_t bit, int32_t way)
{
    const int32_t mover = s->turn, jumped = s->jumps, to = bit + checkers_shifts[way] * (1 + jumped);
    const uint64_t both = checkers_bit(bit) | checkers_bit(to);
    const uint64_t turned = checkers_bit(checkers_turned(bit)) | checkers_bit(checkers_turned(to));
    const int32_t king = (s->kings[mover] >> bit & 1) != 0;
    s->taken = s->again < 0 ? 0 : s->taken;
    s->own[mover] ^= both;
    s->other[1 - mover] ^= turned;
    s->kings[mover] ^= king ? both : 0;
    s->kings[1 - mover] ^= king ? turned : 0;
    if (jumped) {
        checkers_take(s, bit + checkers_shifts[way]);
    }
    const int32_t crowned = !king && (checkers_last_row >> to & 1);
    s->kings[mover] |= crowned ? checkers_bit(to) : 0;
    s->kings[1 - mover] |= crowned ? checkers_bit(checkers_turned(to)) : 0;
    s->quiet = jumped || !king ? 0 : s->quiet + 1;
    s->from = mover == 0 ? bit : checkers_turned(bit);
    s->to = mover == 0 ? to : checkers_turned(to);
    if (jumped && !crowned) {
        s->again = to;
        (void)checkers_find_legal(s);
        if (s->jumps) {
            return 0;
        }
    }
    s->again = -1;
    s->turn = 1 - mover;
    return !checkers_find_legal(s) || s->quiet >= s->patience;
}

// 1 if the game that is over was won by the first player, -1 if it was lost, 0 for a draw.
static int32_t checkers_outcome(const Checkers* s)
{
    uint64_t any = s->legal[0] | s->legal[1] | s->legal[2] | s->legal[3];
    return any ? 0 : s->turn == 1 ? 1 : -1;
}

// ---- The scripted opponent ----

enum { CHECKERS_WIN = 10000, CHECKERS_HIGHEST = 100000 };

// What a position is worth to the player whose turn it is, in hundredths of a man: pieces, kings half more, exchanges when
// ahead, men that are far and that guard the first row.
static int32_t checkers_judge(const Checkers* s)
{
    const uint64_t own = s->own[s->turn], other = s->other[s->turn], kings = s->kings[s->turn];
    const uint64_t upper = checkers_board >> 18 << 18, lower = checkers_board & ~upper;
    const int32_t a = checkers_count(own), b = checkers_count(other);
    int32_t value = 100 * (a - b) + 50 * (checkers_count(own & kings) - checkers_count(other & kings));
    value += 200 * (a - b) / (a + b);
    value += 5 * (checkers_count(own & ~kings & upper) - checkers_count(other & ~kings & lower));
    return value + 8 * (checkers_count(own & ~kings & 0xF) - checkers_count(other & ~kings & checkers_last_row));
}

// The value for the player whose turn it is, looking `depth` moves ahead and to the end of all jumps: negamax with a window.
static int32_t checkers_search(const Checkers* s, int32_t depth, int32_t low, int32_t high)
{
    if (!(s->legal[0] | s->legal[1] | s->legal[2] | s->legal[3])) {
        return -CHECKERS_WIN - depth;
    }
    if (s->quiet >= s->patience) {
        return 0;
    }
    if (depth <= 0 && !s->jumps) {
        return checkers_judge(s);
    }
    int32_t best = -CHECKERS_HIGHEST;
    for (int32_t way = 0; way < CHECKERS_WAYS; way++) {
        for (uint64_t left = s->legal[way]; left && best < high; left &= left - 1) {
            Checkers next;
            memcpy(&next, s, sizeof next);
            (void)checkers_move(&next, checkers_lowest(left), way);
            int32_t least = best > low ? best : low;
            int32_t value = next.turn == s->turn ? checkers_search(&next, depth, least, high)
                                                 : -checkers_search(&next, depth - 1, -high, -least);
            best = value > best ? value : best;
        }
    }
    return best;
}

// Any legal move, all equally likely: 64 * way + bit.
static int32_t checkers_any(Checkers* s)
{
    int32_t count = 0, way = 0;
    for (int32_t w = 0; w < CHECKERS_WAYS; w++) {
        count += checkers_count(s->legal[w]);
    }
    int32_t rank = (int32_t)puf_rand_below(&s->rng, (uint32_t)count);
    for (; rank >= checkers_count(s->legal[way]); way++) {
        rank -= checkers_count(s->legal[way]);
    }
    uint64_t left = s->legal[way];
    for (; rank > 0; rank--) {
        left &= left - 1;
    }
    return 64 * way + checkers_lowest(left);
}

// One of the best moves within the search depth, all equally likely; at strength 0, any.
static int32_t checkers_choose(Checkers* s)
{
    if (s->strength == 0) {
        return checkers_any(s);
    }
    int32_t best = -CHECKERS_HIGHEST, found = 0;
    uint32_t count = 0;
    for (int32_t way = 0; way < CHECKERS_WAYS; way++) {
        for (uint64_t left = s->legal[way]; left; left &= left - 1) {
            Checkers next;
            memcpy(&next, s, sizeof next);
            (void)checkers_move(&next, checkers_lowest(left), way);
            int32_t value = next.turn == s->turn
                                ? checkers_search(&next, s->strength, best - 1, CHECKERS_HIGHEST)
                                : -checkers_search(&next, s->strength - 1, -CHECKERS_HIGHEST, 1 - best);
            count = value > best ? 0 : count;
            best = value > best ? value : best;
            if (value == best && puf_rand_below(&s->rng, ++count) == 0) {
                found = 64 * way + checkers_lowest(left);
            }
        }
    }
    return found;
}

// ---- The game ----

// Set up the board, draw the first moves, and let the scripted opponent move if it is its turn. Returns whether the game
// is over by then.
static int32_t checkers_open(Checkers* s, int32_t opening)
{
    int32_t over = 0;
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    s->again = -1;
    s->quiet = 0;
    s->from = -1;
    s->to = -1;
    s->taken = 0;
    for (int32_t player = 0; player < 2; player++) {
        s->own[player] = checkers_first_rows;
        s->other[player] = checkers_board >> 23 << 23;
        s->kings[player] = 0;
    }
    (void)checkers_find_legal(s);
    for (int32_t k = 0; (k < opening || s->again >= 0) && !over; k += s->again < 0) {
        int32_t move = checkers_any(s);
        over = checkers_move(s, move % 64, move / 64);
    }
    s->began = s->turn;
    while (!over && !s->self_play && s->turn == 1) {
        int32_t move = checkers_choose(s);
        over = checkers_move(s, move % 64, move / 64);
    }
    return over;
}

static void checkers_reset(Checkers* s)
{
    s->tick = 0;
    s->returned = 0.0f;
    if (checkers_open(s, s->opening)) {
        (void)checkers_open(s, 0); // a first move ends nothing
    }
}

// The requested move if it is legal, else the next one that is: 64 * way + bit.
static inline int32_t checkers_wished(const Checkers* s, int32_t action)
{
    const int32_t first = action / CHECKERS_SQUARES, bit = checkers_bit_of(action % CHECKERS_SQUARES);
    uint64_t left = s->legal[first] >> bit << bit;
    int32_t way = first;
    for (int32_t k = 1; !left && k <= CHECKERS_WAYS; k++) {
        way = (first + k) % CHECKERS_WAYS;
        left = s->legal[way];
    }
    return 64 * way + checkers_lowest(left);
}

static void checkers_end(Checkers* s)
{
    const int32_t outcome = checkers_outcome(s);
    s->result = outcome > 0 ? CHECKERS_WON : outcome < 0 ? CHECKERS_LOST : CHECKERS_DRAWN;
    s->ended[0] = s->own[0];
    s->ended[1] = s->other[0];
    s->ended[2] = s->kings[0];
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float score = (float)(player == 0 ? outcome : -outcome), began = (float)(s->began == player);
        float total = (player == 0 ? s->returned : 0.0f - s->returned) + (outcome ? 0.0f : s->reward_draw);
        puf_log_episode(&s->log, 0.5f * (score + 1.0f), score, total, (float)s->tick);
        s->began_n += began;
        s->began_perf += began * 0.5f * (score + 1.0f);
    }
}

static inline int32_t checkers_lead(const Checkers* s)
{
    return checkers_count(s->own[0]) - checkers_count(s->other[0]);
}

static void checkers_step(Checkers* s, PufIo io)
{
    const int32_t lead = checkers_lead(s);
    s->tick += s->tick < CHECKERS_MAX_STEPS;
    int32_t move = checkers_wished(s, io.actions[s->turn]);
    int32_t over = checkers_move(s, move % 64, move / 64);
    while (!over && !s->self_play && s->turn == 1) {
        move = checkers_choose(s);
        over = checkers_move(s, move % 64, move / 64);
    }
    const int32_t outcome = over ? checkers_outcome(s) : 0;
    float reward = s->reward_piece * (float)(checkers_lead(s) - lead) + (float)outcome;
    float draw = over && outcome == 0 ? s->reward_draw : 0.0f;
    s->returned += reward;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = (player == 0 ? reward : 0.0f - reward) + draw;
        io.terminals[player] = (uint8_t)over;
        io.truncations[player] = 0;
    }
    if (over) {
        checkers_end(s);
    }
}

// Write the squares of a set as bytes, 0 or 1: eight, two rows, at a time. The multiplication copies the bits so that each
// ends up lowest in its own byte: the lower seven, as the copies of eight would meet.
static inline void checkers_write(uint64_t set, uint8_t* out)
{
    for (int32_t k = 0; k < 4; k++) {
        uint64_t rows = set >> (9 * k), bits = (rows & 0xF) | (rows >> 1 & 0xF0);
        uint64_t spread = ((bits & 0x7F) * 0x0002040810204081u & 0x0101010101010101u) | bits >> 7 << 56;
        uint8_t bytes[8];
        for (int32_t b = 0; b < 8; b++) {
            bytes[b] = (uint8_t)(spread >> (8 * b)); // one store on little-endian machines
        }
        memcpy(out + 8 * k, bytes, 8);
    }
}

static void checkers_observe(const Checkers* s, PufIo io)
{
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        uint8_t* obs = (uint8_t*)io.obs + player * CHECKERS_OBS;
        uint8_t* mask = io.action_mask + player * CHECKERS_ACTIONS;
        const uint64_t own = s->own[player], other = s->other[player], kings = s->kings[player];
        const uint64_t movable = s->legal[0] | s->legal[1] | s->legal[2] | s->legal[3];
        const int32_t turn = s->turn == player;
        obs[0] = (uint8_t)turn;
        obs[1] = (uint8_t)s->quiet;
        checkers_write(own & ~kings, obs + 2);
        checkers_write(own & kings, obs + 34);
        checkers_write(other & ~kings, obs + 66);
        checkers_write(other & kings, obs + 98);
        checkers_write(turn ? movable : 0, obs + 130);
        for (int32_t way = 0; way < CHECKERS_WAYS && turn; way++) {
            checkers_write(s->legal[way], mask + way * CHECKERS_SQUARES);
        }
        if (!turn) {
            memset(mask, 0, CHECKERS_ACTIONS);
            mask[0] = 1;
        }
    }
}

// ---- States from files ----

static uint64_t checkers_turn_set(uint64_t set)
{
    uint64_t out = 0;
    for (int32_t bit = 0; bit < CHECKERS_BITS; bit++) {
        out |= (set >> bit & 1) << checkers_turned(bit);
    }
    return out;
}

// Between two steps both players see the same board, and what is legal follows from it.
static const char* checkers_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Checkers* s = state;
    Checkers copy;
    if ((s->own[0] & s->other[0]) || ((s->own[0] | s->other[0]) & ~checkers_board) ||
        s->own[1] != checkers_turn_set(s->other[0])) {
        return "own";
    }
    if (s->other[1] != checkers_turn_set(s->own[0])) {
        return "other";
    }
    if ((s->kings[0] & ~(s->own[0] | s->other[0])) || s->kings[1] != checkers_turn_set(s->kings[0])) {
        return "kings";
    }
    if ((s->ended[0] | s->ended[1] | s->ended[2]) & ~checkers_board) {
        return "ended";
    }
    if (s->taken & ~checkers_board) {
        return "taken";
    }
    if (s->from >= 0 && !(checkers_board >> s->from & 1)) {
        return "from";
    }
    if (s->to >= 0 && !(checkers_board >> s->to & 1)) {
        return "to";
    }
    memcpy(&copy, s, sizeof copy);
    int32_t any = checkers_find_legal(&copy);
    for (int32_t way = 0; way < CHECKERS_WAYS; way++) {
        if (!any || copy.legal[way] != s->legal[way]) {
            return "legal";
        }
    }
    if (copy.jumps != s->jumps) {
        return "jumps";
    }
    return s->again >= 0 && !s->jumps ? "again" : s->quiet >= s->patience ? "quiet" : NULL;
}

static const PufObs checkers_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    { "quiet", 1, 0, CHECKERS_MAX_PATIENCE, "moves since the last capture or move of a man" },
    { "planes", 0, 0, 1,
      "row by row from the agent's side: its men, its kings, the opponent's men, its kings, the pieces that the agent "
      "may "
      "move now" },
};
// The square as the agent sees it, and up or down with left or right.
static const PufAction checkers_actions[] = {
    { "move", CHECKERS_ACTIONS, 0, 0,
      "a1-ul c1-ul e1-ul g1-ul b2-ul d2-ul f2-ul h2-ul a3-ul c3-ul e3-ul g3-ul b4-ul d4-ul f4-ul h4-ul a5-ul "
      "c5-ul e5-ul g5-ul b6-ul d6-ul f6-ul h6-ul a7-ul c7-ul e7-ul g7-ul b8-ul d8-ul f8-ul h8-ul a1-ur c1-ur "
      "e1-ur g1-ur b2-ur d2-ur f2-ur h2-ur a3-ur c3-ur e3-ur g3-ur b4-ur d4-ur f4-ur h4-ur a5-ur c5-ur e5-ur "
      "g5-ur b6-ur d6-ur f6-ur h6-ur a7-ur c7-ur e7-ur g7-ur b8-ur d8-ur f8-ur h8-ur a1-dl c1-dl e1-dl g1-dl "
      "b2-dl d2-dl f2-dl h2-dl a3-dl c3-dl e3-dl g3-dl b4-dl d4-dl f4-dl h4-dl a5-dl c5-dl e5-dl g5-dl b6-dl "
      "d6-dl f6-dl h6-dl a7-dl c7-dl e7-dl g7-dl b8-dl d8-dl f8-dl h8-dl a1-dr c1-dr e1-dr g1-dr b2-dr d2-dr "
      "f2-dr h2-dr a3-dr c3-dr e3-dr g3-dr b4-dr d4-dr f4-dr h4-dr a5-dr c5-dr e5-dr g5-dr b6-dr d6-dr f6-dr "
      "h6-dr a7-dr c7-dr e7-dr g7-dr b8-dr d8-dr f8-dr h8-dr" }
};
static const PufParam checkers_params[] = {
    PUF_SETTING(
        Checkers, strength, 2, 0, CHECKERS_MAX_STRENGTH,
        "moves that the scripted opponent looks ahead, including its own, and to the end of all jumps: 0 plays at "
        "random"),
    PUF_SETTING(Checkers, opening, 4, 0, CHECKERS_MAX_OPENING, "moves at the start of a game that are drawn at random"),
    PUF_SETTING(Checkers, patience, 40, 10, CHECKERS_MAX_PATIENCE,
                "moves of both players without a capture or a move of a man, after which a game is drawn"),
    PUF_SETTING(Checkers, reward_piece, 0.05, 0, 1, "reward for a piece taken, and its loss for one lost"),
    PUF_SETTING(Checkers, reward_draw, 0, -1, 0, "reward of both players for a draw"),
    PUF_FLAG(Checkers, self_play, 0, "two agents play each other"),
};
static const PufField checkers_fields[] = {
    PUF_ARRAY(Checkers, own,
              "each player's pieces as it sees them: bit row * 9 / 2 + place, from its side and its left"),
    PUF_ARRAY(Checkers, other, "the other's pieces as each player sees them"),
    PUF_ARRAY(Checkers, kings, "the kings of both as each player sees them"),
    PUF_ARRAY(
        Checkers, legal,
        "pieces that may move ahead to the left and right, back to the left and right, as the player whose turn it "
        "is sees them"),
    PUF_SCALAR(Checkers, taken, "what the last moves took, as the first player sees it"),
    PUF_ARRAY(Checkers, ended,
              "own pieces, other's and kings at the end of the previous game, as the first player sees it"),
    PUF_SCALAR(Checkers, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(CHECKERS_RUNNING, CHECKERS_LOST)),
    PUF_SCALAR(Checkers, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Checkers, self_play)),
    PUF_SCALAR(Checkers, began, "who made the first move after the opening", PUF_RANGE(0, 1)),
    PUF_SCALAR(Checkers, jumps, "1: the player whose turn it is must jump", PUF_RANGE(0, 1)),
    PUF_SCALAR(Checkers, again, "bit of the piece that must jump again, -1 for any", PUF_RANGE(-1, CHECKERS_BITS - 1)),
    PUF_SCALAR(Checkers, quiet, "moves since the last capture or move of a man", PUF_LESS_THAN(Checkers, patience)),
    PUF_SCALAR(Checkers, tick, "steps in this game", PUF_RANGE(0, CHECKERS_MAX_STEPS)),
    PUF_SCALAR(Checkers, from, "bit where the last move began, as the first player sees it, -1 before it",
               PUF_RANGE(-1, CHECKERS_BITS - 1)),
    PUF_SCALAR(Checkers, to, "bit where the last move ended, as the first player sees it, -1 before it",
               PUF_RANGE(-1, CHECKERS_BITS - 1)),
    PUF_SCALAR(Checkers, returned, "rewards of this game for the first agent, without that for a draw"),
    PUF_SCALAR(Checkers, reward_draw, "reward for a draw"),
    PUF_SCALAR(Checkers, reward_piece, "reward for a piece taken"),
    PUF_SCALAR(Checkers, strength, "moves that the scripted opponent looks ahead"),
    PUF_SCALAR(Checkers, opening, "moves at the start that are drawn at random"),
    PUF_SCALAR(Checkers, patience, "moves without a capture or a move of a man before a draw"),
    PUF_SCALAR(Checkers, self_play, "1: two agents"),
};
static const char* const checkers_log_names[] = { "began.n", "began.perf" };

static void checkers_resize(PufLayout* layout, const void* setup)
{
    layout->agents = ((const Checkers*)setup)->self_play ? 2 : 1;
}

// clang-format off
PUF_DEFINE_ENV(checkers, Checkers,
    .version = 1,
    .doc = "Take all of the other's pieces, or leave it without a move: English draughts, against a script or in self-play.",
    .reward = "1 for a win, -1 for a loss, reward_draw for a draw; reward_piece for a piece taken, less as much for one lost",
    .ends = "terminal when a player cannot move, or after `patience` moves without a capture or a move of a man",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Checkers), .agents = 1, .obs_ndim = 1, .obs_shape = { CHECKERS_OBS },
                PUF_ACTIONS(checkers), .masked = 1 },
    PUF_TABLES(checkers),
    PUF_LOG_NAMES(checkers),
    .resize = checkers_resize, .contradiction = checkers_contradiction);
