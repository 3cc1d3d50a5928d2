// backgammon - bring 15 checkers home and off the board before the other does, by dice, against a script or in self-play.
//
// Observation  uint8 (312,): 1 if it is this agent's turn; then for the agent and for the opponent, each as its owner
//              numbers the points: on which of 24 points there is just one checker, on which two or more, and how many
//              beyond two; how many are on the bar, and how many are off. Then which of 1 to 6 the higher and the lower
//              die show, while they are still to be played, and how many moves are left. In its own turn, at last, which
//              actions hit, which leave the checker that moves alone on a point, and which make a point with another that
//              was alone.
// Action       one checker by one die: 25 places for the higher die, from the own 1-point to the 24-point and the bar, and
//              25 for the lower one. With a double only the first 25 are used. The action mask marks what the rules allow;
//              any other action stands for the next one that they do, and from the start again. A waiting agent has only
//              action 0 in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss and 0 in every other step. With `gammons`, 2 if the loser has brought no checker
//              off, and 3 if it then also has one on the bar or in the winner's home.
// End          terminal when a player has brought off all checkers; truncated after BACKGAMMON_LIMIT steps.
// Score        what the game was worth: see Reward; perf is 1 for a win, 0 for a loss, 0.5 for a game that was cut off.
//
// Each player moves its checkers from its 24-point down to its 1-point; the 24-point of one is the 1-point of the other.
// A checker moves as many points as a die shows, to any point where the other has at most one checker. If it has one, that
// is hit: it goes to the bar, as far away as a 25th point, and must enter again before its owner moves another. When all
// 15 checkers are at home, on the points 1 to 6, they may be brought off: by the die that shows the point, or, from the
// highest point that has one, by a die that shows more.
//
// A turn is two dice, or four moves by a double. As many as can be played must be played, and if only one of two can, the
// higher one. A turn without a move is left out, and a turn ends when nothing more can be played. To begin, each player
// throws one die; the higher one begins, with both dice.
//
// A step is one checker moved by one die. Against the scripted opponent, its turns follow in the same step, and it is
// always the agent's turn. With `self_play` there are two agents who take turns. There is no doubling cube.
//
// Which points are taken is a set of bits for each player, as it numbers them, and so are the points that it blocks, as the
// other numbers them: all moves by a die are one shift.
#pragma once
#include "puffer.h"

enum { BACKGAMMON_POINTS = 24, BACKGAMMON_BAR = 25, BACKGAMMON_PLACES = 26, BACKGAMMON_CHECKERS = 15 };
enum { BACKGAMMON_HOME = 6, BACKGAMMON_MOVES = 4, BACKGAMMON_LIMIT = 2000, BACKGAMMON_MAX_STRENGTH = 2 };
enum { BACKGAMMON_RUNNING, BACKGAMMON_WON, BACKGAMMON_LOST, BACKGAMMON_CUT };

// One player's checkers, as it numbers the points.
typedef struct BackgammonSide {
    uint32_t taken;                     // bit of each place but 0 that has a checker
    uint32_t blocks;                    // bit of each point with two or more, as the other numbers it
    int8_t checkers[BACKGAMMON_PLACES]; // 0: off, 1 to 24: on that point, 25: on the bar
} BackgammonSide;

typedef struct Backgammon {
    PufRng rng;
    int32_t strength, gammons, self_play; // settings
    int32_t turn;                         // whose move it is: 0 or 1
    int32_t tick;                         // steps in this game
    int32_t result, worth;                // of the previous game: BACKGAMMON_..., and what it was worth
    int32_t dice[2], moves[2];            // the higher and the lower die, and how often each may still be played
    uint32_t legal[2];                    // from which places, by each of them; not both empty between two steps
    BackgammonSide sides[2];
    // For renderers: the moves of each player's last turn or of the one that it is at, and its dice.
    int32_t played[2];
    int8_t from[2][BACKGAMMON_MOVES], to[2][BACKGAMMON_MOVES], thrown[2][2];
    int8_t ended[2][BACKGAMMON_PLACES]; // the checkers at the end of the previous game
    PufLog log;
} Backgammon;

static const PufAction backgammon_actions[] = {
    { "move", 50, 0, 0,
      "high-1 high-2 high-3 high-4 high-5 high-6 high-7 high-8 high-9 high-10 high-11 high-12 high-13 high-14 high-15 "
      "high-16 high-17 high-18 high-19 high-20 high-21 high-22 high-23 high-24 high-bar low-1 low-2 low-3 low-4 low-5 "
      "low-6 low-7 low-8 low-9 low-10 low-11 low-12 low-13 low-14 low-15 low-16 low-17 low-18 low-19 low-20 low-21 "
      "low-22 low-23 low-24 low-bar" }
};

static void backgammon_resize(PufLayout* layout, const void* setup)
{
    layout->agents = ((const Backgammon*)setup)->self_play ? 2 : 1;
}

// ---- Moving a checker ----

static inline uint32_t backgammon_bit(int32_t place) { return (uint32_t)1 << place; }

// From which places a checker may move by this die. `blocked`: by the other.
static inline uint32_t backgammon_sources(uint32_t taken, uint32_t blocked, int32_t die)
{
    if (taken >> BACKGAMMON_BAR) {
        taken = backgammon_bit(BACKGAMMON_BAR);
    }
    const uint32_t points = backgammon_bit(BACKGAMMON_BAR) - 2;
    uint32_t found = taken & (points & ~blocked) << die;
    if (taken >> (BACKGAMMON_HOME + 1) == 0) {
        uint32_t below = taken | taken >> 1;
        below |= below >> 2;
        below |= below >> 4;
        uint32_t highest = below ^ below >> 1;
        found |= taken >> die ? taken & backgammon_bit(die) : highest;
    }
    return found;
}

static inline void backgammon_take(BackgammonSide* side, int32_t place)
{
    side->checkers[place] = (int8_t)(side->checkers[place] - 1);
    if (side->checkers[place] == 0) {
        side->taken &= ~backgammon_bit(place);
    } else if (side->checkers[place] == 1 && place != BACKGAMMON_BAR) {
        side->blocks &= ~backgammon_bit(BACKGAMMON_BAR - place);
    }
}

static inline void backgammon_add(BackgammonSide* side, int32_t place)
{
    side->checkers[place] = (int8_t)(side->checkers[place] + 1);
    side->taken |= place > 0 ? backgammon_bit(place) : 0;
    if (side->checkers[place] == 2 && place > 0 && place != BACKGAMMON_BAR) {
        side->blocks |= backgammon_bit(BACKGAMMON_BAR - place);
    }
}

// Move a checker by a die, from a place where that is allowed. Returns where it lands.
static inline int32_t backgammon_go(BackgammonSide* own, BackgammonSide* other, int32_t place, int32_t die)
{
    int32_t target = place > die ? place - die : 0;
    backgammon_take(own, place);
    backgammon_add(own, target);
    if (target > 0 && other->checkers[BACKGAMMON_BAR - target]) {
        backgammon_take(other, BACKGAMMON_BAR - target);
        backgammon_add(other, BACKGAMMON_BAR);
    }
    return target;
}

// ---- Which moves a turn may begin with ----

static inline int32_t backgammon_lowest(uint32_t set)
{
    uint32_t x = (set & (0 - set)) - 1;
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    return (int32_t)(((x + (x >> 4)) & 0x0F0F0F0Fu) * 0x01010101u >> 24);
}

// Whether at least so many checkers are on these places.
static inline int32_t backgammon_enough(const BackgammonSide* side, uint32_t places, int32_t least)
{
    for (; places && least > 0; places &= places - 1) {
        least -= side->checkers[backgammon_lowest(places)];
    }
    return least <= 0;
}

// The most moves, up to `left`, that are possible by one die. The other's blots hinder nobody, so only one side matters.
static int32_t backgammon_longest(BackgammonSide side, uint32_t blocked, int32_t die, int32_t left)
{
    int32_t most = 0;
    uint32_t from = left > 0 ? backgammon_sources(side.taken, blocked, die) : 0;
    for (; from && most < left; from &= from - 1) {
        BackgammonSide after = side;
        int32_t place = backgammon_lowest(from);
        backgammon_take(&after, place);
        backgammon_add(&after, place > die ? place - die : 0);
        int32_t length = 1 + backgammon_longest(after, blocked, die, left - 1);
        most = length > most ? length : most;
    }
    return most;
}

// Of the moves by `first` from these places, those after which the most moves by `then` are possible. `most` gets how many.
static uint32_t backgammon_best(const BackgammonSide* side, uint32_t blocked, uint32_t from, int32_t first,
                                int32_t then, int32_t left, int32_t* most)
{
    uint32_t found = 0;
    *most = 0;
    for (; from; from &= from - 1) {
        BackgammonSide after = *side;
        int32_t place = backgammon_lowest(from);
        backgammon_take(&after, place);
        backgammon_add(&after, place > first ? place - first : 0);
        int32_t length = 1 + backgammon_longest(after, blocked, then, left);
        if (length > *most) {
            found = 0;
            *most = length;
        }
        found |= length == *most ? backgammon_bit(place) : 0;
    }
    return found;
}

// Find the legal moves of the player whose turn it is: those that begin a longest row of moves. A checker that may move by a
// die still may after another has moved. So a die can be played later if two checkers may move by it, and a double to its
// end if as many may move as there are moves; where there are fewer, all rows are tried.
static void backgammon_find(Backgammon* s)
{
    const BackgammonSide* own = &s->sides[s->turn];
    const int32_t high = s->dice[0], low = s->dice[1], left = s->moves[0] + s->moves[1];
    uint32_t blocked = s->sides[1 - s->turn].blocks;
    uint32_t by_high = s->moves[0] ? backgammon_sources(own->taken, blocked, high) : 0;
    uint32_t by_low = s->moves[1] ? backgammon_sources(own->taken, blocked, low) : 0;
    if (left > 1 && s->moves[1] == 0) {
        if (!backgammon_enough(own, by_high, left)) {
            int32_t most;
            by_high = backgammon_best(own, blocked, by_high, high, high, left - 1, &most);
        }
    } else if (left > 1 && !(backgammon_enough(own, by_high, 2) && backgammon_enough(own, by_low, 2))) {
        int32_t with_high, with_low;
        by_high = backgammon_best(own, blocked, by_high, high, low, 1, &with_high);
        by_low = backgammon_best(own, blocked, by_low, low, high, 1, &with_low);
        by_high = with_low > with_high ? 0 : by_high;
        by_low = with_high > with_low || (with_high == 1 && with_low == 1) ? 0 : by_low;
    }
    s->legal[0] = by_high;
    s->legal[1] = by_low;
}

// ---- Turns ----

static inline void backgammon_throw(Backgammon* s)
{
    int32_t both = (int32_t)puf_rand_below(&s->rng, 36), one = 1 + both / 6, two = 1 + both % 6;
    s->dice[0] = one > two ? one : two;
    s->dice[1] = one > two ? two : one;
    s->moves[0] = one == two ? BACKGAMMON_MOVES : 1;
    s->moves[1] = one != two;
}

static inline void backgammon_begin_turn(Backgammon* s)
{
    s->played[s->turn] = 0;
    s->thrown[s->turn][0] = (int8_t)s->dice[0];
    s->thrown[s->turn][1] = (int8_t)s->dice[1];
    backgammon_find(s);
}

// The other player's turn, or the next one in which something can be moved. There is one: who cannot move by any die faces
// six points in a row, whose owner can move within them unless it is on the bar and faces six as well. Both never are, as
// who entered last stands between the other's.
static inline void backgammon_pass(Backgammon* s)
{
    do {
        s->turn = 1 - s->turn;
        backgammon_throw(s);
        backgammon_begin_turn(s);
    } while ((s->legal[0] | s->legal[1]) == 0);
}

// Move the checker at a place by the higher die (0) or the lower one (1). Returns how the game ended for the first player.
static inline int32_t backgammon_move(Backgammon* s, int32_t which, int32_t place)
{
    int32_t mover = s->turn, k = s->played[mover];
    int32_t target = backgammon_go(&s->sides[mover], &s->sides[1 - mover], place, s->dice[which]);
    s->from[mover][k] = (int8_t)place;
    s->to[mover][k] = (int8_t)target;
    s->played[mover] = k + 1;
    s->moves[which] -= 1;
    if (s->sides[mover].taken == 0) {
        return mover == 0 ? BACKGAMMON_WON : BACKGAMMON_LOST;
    }
    s->legal[0] = 0;
    s->legal[1] = 0;
    if (s->moves[0] + s->moves[1] > 0) {
        backgammon_find(s);
    }
    if ((s->legal[0] | s->legal[1]) == 0) {
        backgammon_pass(s);
    }
    return BACKGAMMON_RUNNING;
}

// The legal moves as a set of actions.
static inline uint64_t backgammon_set(const Backgammon* s)
{
    return (uint64_t)(s->legal[0] >> 1) | (uint64_t)(s->legal[1] >> 1) << BACKGAMMON_BAR;
}

static inline int32_t backgammon_act(Backgammon* s, int32_t action)
{
    int32_t which = action >= BACKGAMMON_BAR;
    return backgammon_move(s, which, 1 + action - which * BACKGAMMON_BAR);
}

// The number of the lowest bit of a set that is not empty.
static inline int32_t backgammon_first(uint64_t set)
{
    uint32_t low = (uint32_t)set;
    return low ? backgammon_lowest(low) : 32 + backgammon_lowest((uint32_t)(set >> 32));
}

// ---- The scripted opponent: what a position is worth, checker by checker ----

// In tenths of a point that a checker has to move. One that is alone on a point risks what it has gone and the time to
// enter, as often as it is hit; two block the point, which is worth most where the other must enter or get away, or where
// one's own may land safely far behind; more than three of them are idle, and one on the bar loses time.
static const int16_t backgammon_risks[BACKGAMMON_PLACES] = {
    // by the chance to be hit: a third near the other's checkers
    0, 98, 95, 91, 88, 84, 80, 60, 57, 55, 47, 45, 43, 45, 45, 42, 42, 40, 40, 36, 32, 28, 24, 20, 16, 0
};
static const int16_t backgammon_walls[BACKGAMMON_PLACES] = { 0,  5, 20, 40, 55, 60, 55, 50, 30, 20, 15, 10, 8,
                                                             10, 5, 5,  8,  10, 30, 30, 45, 40, 30, 20, 15, 0 };
enum { BACKGAMMON_PIP = 10, BACKGAMMON_IDLE = 8, BACKGAMMON_ENTRY = 70, BACKGAMMON_LEFT = 60 };
enum { BACKGAMMON_LONGER = 1000000 };

// How the script looks at a turn.
typedef struct BackgammonThought {
    int32_t dice[2];
    int32_t race; // 1: the two have passed each other, and only points count
    int32_t best; // so far
} BackgammonThought;

// What so many checkers on a place are worth to their owner.
static inline int32_t backgammon_worth(const BackgammonThought* t, int32_t place, int32_t count)
{
    if (place == 0) {
        return 0;
    }
    int32_t worth = -count * (BACKGAMMON_PIP * place + (t->race ? BACKGAMMON_LEFT : 0));
    if (t->race) {
        return worth;
    }
    if (place == BACKGAMMON_BAR) {
        return worth - count * BACKGAMMON_ENTRY;
    }
    worth -= count == 1 ? backgammon_risks[place] : 0;
    worth += count > 1 ? backgammon_walls[place] : 0;
    return worth - (count > 3 ? (count - 3) * BACKGAMMON_IDLE : 0);
}

// What changes when one more or one less checker is there.
static inline int32_t backgammon_change(const BackgammonThought* t, const BackgammonSide* side, int32_t place,
                                        int32_t more)
{
    int32_t count = side->checkers[place];
    return backgammon_worth(t, place, count + more) - backgammon_worth(t, place, count);
}

// Move a checker as the rules do; returns by how much its owner's position is worth more after that.
static inline int32_t backgammon_try(const BackgammonThought* t, BackgammonSide* own, BackgammonSide* other,
                                     int32_t place, int32_t die)
{
    int32_t target = place > die ? place - die : 0, across = BACKGAMMON_BAR - target;
    int32_t gain = backgammon_change(t, own, place, -1) + backgammon_change(t, own, target, 1);
    if (target > 0 && other->checkers[across]) {
        gain -= backgammon_change(t, other, across, -1) + backgammon_change(t, other, BACKGAMMON_BAR, 1);
    }
    (void)backgammon_go(own, other, place, die);
    return gain;
}

// Try all ways to end a turn. Longer ones are better, as they are the legal ones. By a double, checkers are moved from the
// highest place down: in another order they end on the same points.
static void backgammon_think(BackgammonThought* t, const BackgammonSide* sides, const int32_t* moves, int32_t value,
                             int32_t last)
{
    int32_t ends = 1;
    for (int32_t which = 0; which < 2; which++) {
        uint32_t from = moves[which] ? backgammon_sources(sides[0].taken, sides[1].blocks, t->dice[which]) : 0;
        from &= backgammon_bit(last + 1) - 1;
        for (; from; from &= from - 1) {
            BackgammonSide after[2] = { sides[0], sides[1] };
            int32_t left[2] = { moves[0] - (which == 0), moves[1] - (which == 1) };
            int32_t place = backgammon_lowest(from);
            int32_t gain = backgammon_try(t, &after[0], &after[1], place, t->dice[which]);
            int32_t highest = left[0] > 0 ? place : BACKGAMMON_BAR; // two moves are left after one of a double only
            backgammon_think(t, after, left, value + gain + BACKGAMMON_LONGER, highest);
            ends = 0;
        }
    }
    if (ends) {
        t->best = value > t->best ? value : t->best;
    }
}

static int32_t backgammon_highest(const BackgammonSide* side)
{
    int32_t place = BACKGAMMON_BAR;
    while (!(side->taken >> place & 1)) { // a game is over before a player has no checkers
        place -= 1;
    }
    return place;
}

// One of the legal moves, all equally likely.
static inline int32_t backgammon_any(Backgammon* s)
{
    uint64_t left = backgammon_set(s);
    int32_t count = 0;
    for (uint64_t set = left; set; set &= set - 1) {
        count += 1;
    }
    for (uint32_t k = puf_rand_below(&s->rng, (uint32_t)count); k > 0; k--) {
        left &= left - 1;
    }
    return backgammon_first(left);
}

// At strength 0 any action; at 1 the one after which the position is best; at 2 the first one of the best turn.
static int32_t backgammon_choose(Backgammon* s)
{
    if (s->strength == 0) {
        return backgammon_any(s);
    }
    const BackgammonSide *own = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    BackgammonThought t = { { s->dice[0], s->dice[1] }, 0, 0 };
    t.race = backgammon_highest(own) + backgammon_highest(other) < BACKGAMMON_BAR;
    int32_t best = -2 * BACKGAMMON_LONGER, found = 0;
    for (uint64_t left = backgammon_set(s); left; left &= left - 1) {
        int32_t action = backgammon_first(left), which = action >= BACKGAMMON_BAR;
        int32_t place = 1 + action - which * BACKGAMMON_BAR;
        const int32_t moves[2] = { s->moves[0] - (which == 0), s->moves[1] - (which == 1) };
        BackgammonSide after[2] = { *own, *other };
        int32_t value = backgammon_try(&t, &after[0], &after[1], place, t.dice[which]);
        if (s->strength > 1) {
            t.best = -2 * BACKGAMMON_LONGER;
            backgammon_think(&t, after, moves, value, moves[1] || s->moves[1] ? BACKGAMMON_BAR : place);
            value = t.best;
        }
        if (value > best) {
            best = value;
            found = action;
        }
    }
    return found;
}

// ---- The game ----

static int32_t backgammon_answer(Backgammon* s)
{
    int32_t result = BACKGAMMON_RUNNING;
    while (result == BACKGAMMON_RUNNING && !s->self_play && s->turn == 1) {
        result = backgammon_act(s, backgammon_choose(s));
    }
    return result;
}

static void backgammon_set_up(BackgammonSide* side)
{
    static const int8_t places[4] = { 24, 13, 8, 6 }, counts[4] = { 2, 5, 3, 5 };
    memset(side->checkers, 0, sizeof side->checkers);
    side->taken = 0;
    side->blocks = 0;
    for (int32_t k = 0; k < 4; k++) {
        side->checkers[places[k]] = counts[k];
        side->taken |= backgammon_bit(places[k]);
        side->blocks |= backgammon_bit(BACKGAMMON_BAR - places[k]);
    }
}

static void backgammon_reset(Backgammon* s)
{
    s->tick = 0;
    for (int32_t player = 0; player < 2; player++) {
        backgammon_set_up(&s->sides[player]);
        s->played[player] = 0;
        s->thrown[player][0] = 0;
        s->thrown[player][1] = 0;
    }
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    do {
        backgammon_throw(s);
    } while (s->dice[0] == s->dice[1]);
    backgammon_begin_turn(s);
    (void)backgammon_answer(s); // a first turn ends nothing
}

static inline uint8_t* backgammon_see_side(const BackgammonSide* side, uint8_t* obs)
{
    const int8_t* points = &side->checkers[1];
    for (int32_t k = 0; k < BACKGAMMON_POINTS; k++) {
        obs[k] = (uint8_t)(points[k] == 1);
    }
    for (int32_t k = 0; k < BACKGAMMON_POINTS; k++) {
        obs[BACKGAMMON_POINTS + k] = (uint8_t)(points[k] >= 2);
    }
    for (int32_t k = 0; k < BACKGAMMON_POINTS; k++) {
        obs[2 * BACKGAMMON_POINTS + k] = (uint8_t)(points[k] > 2 ? points[k] - 2 : 0);
    }
    obs[3 * BACKGAMMON_POINTS] = (uint8_t)side->checkers[BACKGAMMON_BAR];
    obs[3 * BACKGAMMON_POINTS + 1] = (uint8_t)side->checkers[0];
    return obs + 3 * BACKGAMMON_POINTS + 2;
}

// Two sets of points, 32 bits of each, as the other player numbers them; the bar becomes bit 0.
static inline uint64_t backgammon_turned(uint64_t sets)
{
    sets = (sets >> 16 & 0x0000FFFF0000FFFFu) | (sets & 0x0000FFFF0000FFFFu) << 16;
    sets = (sets >> 8 & 0x00FF00FF00FF00FFu) | (sets & 0x00FF00FF00FF00FFu) << 8;
    sets = (sets >> 4 & 0x0F0F0F0F0F0F0F0Fu) | (sets & 0x0F0F0F0F0F0F0F0Fu) << 4;
    sets = (sets >> 2 & 0x3333333333333333u) | (sets & 0x3333333333333333u) << 2;
    sets = (sets >> 1 & 0x5555555555555555u) | (sets & 0x5555555555555555u) << 1;
    return sets >> (31 - BACKGAMMON_BAR);
}

// The bits of each byte, as a byte each.
// clang-format off
#define BACKGAMMON_BITS(n) { (n) & 1, (n) >> 1 & 1, (n) >> 2 & 1, (n) >> 3 & 1, (n) >> 4 & 1, (n) >> 5 & 1,            \
                             (n) >> 6 & 1, (n) >> 7 & 1 }
#define BACKGAMMON_BITS_4(n) BACKGAMMON_BITS(n), BACKGAMMON_BITS(n + 1), BACKGAMMON_BITS(n + 2), BACKGAMMON_BITS(n + 3)
#define BACKGAMMON_BITS_16(n) BACKGAMMON_BITS_4(n), BACKGAMMON_BITS_4(n + 4), BACKGAMMON_BITS_4(n + 8),                \
                              BACKGAMMON_BITS_4(n + 12)
#define BACKGAMMON_BITS_64(n) BACKGAMMON_BITS_16(n), BACKGAMMON_BITS_16(n + 16), BACKGAMMON_BITS_16(n + 32),           \
                              BACKGAMMON_BITS_16(n + 48)
static const uint8_t backgammon_bits[256][8] = {
    BACKGAMMON_BITS_64(0), BACKGAMMON_BITS_64(64), BACKGAMMON_BITS_64(128), BACKGAMMON_BITS_64(192)
};
// clang-format on

// Write the lower 25 bits of a set as a byte each.
static inline void backgammon_write(uint32_t set, uint8_t* out)
{
    memcpy(out, backgammon_bits[set & 0xFF], 8);
    memcpy(out + 8, backgammon_bits[set >> 8 & 0xFF], 8);
    memcpy(out + 16, backgammon_bits[set >> 16 & 0xFF], 8);
    out[24] = (uint8_t)(set >> 24 & 1);
}

// What comes of each action.
static inline void backgammon_see_moves(const Backgammon* s, uint8_t* obs)
{
    const BackgammonSide *own = &s->sides[s->turn], *other = &s->sides[1 - s->turn];
    const uint32_t points = backgammon_bit(BACKGAMMON_BAR) - 2, taken = own->taken & points;
    const uint64_t turned = backgammon_turned((uint64_t)own->blocks << 32 | other->taken);
    const uint32_t blots = (uint32_t)turned & points & ~other->blocks, alone = taken & ~(uint32_t)(turned >> 32);
    for (int32_t which = 0; which < 2; which++) {
        const int32_t die = s->dice[which];
        const uint32_t legal = s->legal[which];
        backgammon_write((legal & blots << die) >> 1, obs + which * BACKGAMMON_BAR);
        backgammon_write((legal & (points & ~taken) << die) >> 1, obs + (2 + which) * BACKGAMMON_BAR);
        backgammon_write((legal & alone << die) >> 1, obs + (4 + which) * BACKGAMMON_BAR);
    }
}

static void backgammon_observe(const Backgammon* s, PufIo io)
{
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        const int32_t moves = s->turn == player;
        uint8_t* obs = (uint8_t*)io.obs + (size_t)player * 312;
        uint8_t* mask = io.action_mask + (size_t)player * 2 * BACKGAMMON_BAR;
        *obs++ = (uint8_t)moves;
        obs = backgammon_see_side(&s->sides[player], obs);
        obs = backgammon_see_side(&s->sides[1 - player], obs);
        for (int32_t which = 0; which < 2; which++) {
            for (int32_t die = 1; die <= 6; die++) {
                *obs++ = (uint8_t)(s->moves[which] > 0 && s->dice[which] == die);
            }
        }
        *obs++ = (uint8_t)(s->moves[0] + s->moves[1]);
        if (moves) {
            backgammon_see_moves(s, obs);
        } else {
            memset(obs, 0, 6 * BACKGAMMON_BAR);
        }
        backgammon_write(moves ? s->legal[0] >> 1 : 1, mask);
        backgammon_write(moves ? s->legal[1] >> 1 : 0, mask + BACKGAMMON_BAR);
    }
}

// What a game is worth that the other player of this one won.
static int32_t backgammon_count_loss(const BackgammonSide* loser)
{
    if (loser->checkers[0] > 0) {
        return 1;
    }
    return loser->taken >> (BACKGAMMON_POINTS - BACKGAMMON_HOME + 1) ? 3 : 2;
}

static void backgammon_end(Backgammon* s, PufIo io, int32_t result)
{
    int32_t first = (result == BACKGAMMON_WON) - (result == BACKGAMMON_LOST);
    s->result = result;
    s->worth = first == 0 ? 0 : backgammon_count_loss(&s->sides[first > 0]);
    memcpy(s->ended[0], s->sides[0].checkers, sizeof s->ended[0]);
    memcpy(s->ended[1], s->sides[1].checkers, sizeof s->ended[1]);
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float won = (float)(player == 0 ? first : -first), reward = s->gammons ? won * (float)s->worth : won;
        io.rewards[player] = reward;
        puf_log_episode(&s->log, 0.5f * (won + 1.0f), reward, reward, (float)s->tick);
    }
}

static void backgammon_step(Backgammon* s, PufIo io)
{
    s->tick += 1;
    uint64_t legal = backgammon_set(s);
    int32_t action = io.actions[s->turn];
    uint64_t from = legal >> action << action;
    int32_t result = backgammon_act(s, backgammon_first(from ? from : legal));
    result = result == BACKGAMMON_RUNNING ? backgammon_answer(s) : result;
    result = result == BACKGAMMON_RUNNING && s->tick == BACKGAMMON_LIMIT ? BACKGAMMON_CUT : result;
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = 0.0f;
        io.terminals[player] = (uint8_t)(result == BACKGAMMON_WON || result == BACKGAMMON_LOST);
        io.truncations[player] = (uint8_t)(result == BACKGAMMON_CUT);
    }
    if (result != BACKGAMMON_RUNNING) {
        backgammon_end(s, io, result);
    }
}

// ---- What a state may be ----

static const char* backgammon_contradiction_of(const BackgammonSide* side, const BackgammonSide* other)
{
    uint32_t taken = 0, blocks = 0, checkers = 0;
    for (int32_t place = 0; place < BACKGAMMON_PLACES; place++) {
        int32_t count = side->checkers[place], point = place > 0 && place != BACKGAMMON_BAR;
        checkers += (uint32_t)count;
        taken |= place > 0 && count > 0 ? backgammon_bit(place) : 0;
        blocks |= point && count > 1 ? backgammon_bit(BACKGAMMON_BAR - place) : 0;
        if (point && count > 0 && other->checkers[BACKGAMMON_BAR - place] > 0) {
            return "sides";
        }
    }
    return checkers != BACKGAMMON_CHECKERS || taken == 0 || taken != side->taken || blocks != side->blocks ? "sides"
                                                                                                           : NULL;
}

// Between two steps no point has checkers of both, each player has 15, the dice are in order, and something may be moved.
static const char* backgammon_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Backgammon* s = state;
    if (backgammon_contradiction_of(&s->sides[0], &s->sides[1]) ||
        backgammon_contradiction_of(&s->sides[1], &s->sides[0])) {
        return "sides";
    }
    if (s->dice[0] < s->dice[1]) {
        return "dice";
    }
    int32_t left = s->moves[0] + s->moves[1], most = s->dice[0] == s->dice[1] ? BACKGAMMON_MOVES : 2;
    if (left < 1 || s->moves[1] > (most == 2) || (most == 2 && s->moves[0] > 1) || s->played[s->turn] + left > most) {
        return "moves";
    }
    Backgammon copy = *s;
    backgammon_find(&copy);
    return copy.legal[0] != s->legal[0] || copy.legal[1] != s->legal[1] || backgammon_set(s) == 0 ? "legal" : NULL;
}

static const PufObs backgammon_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    { "own", 48, 0, 1, "24 points, from its 1-point: one checker; then two or more" },
    { "own_more", 24, 0, 13, "how many beyond two on each" },
    { "own_out", 2, 0, 15, "checkers on the bar, and off" },
    { "other", 48, 0, 1, "the same of the opponent, from the opponent's 1-point" },
    { "other_more", 24, 0, 13, "how many beyond two on each" },
    { "other_out", 2, 0, 15, "checkers on the bar, and off" },
    { "dice", 12, 0, 1, "1 to 6 on the higher die, then on the lower one, while still to be played" },
    { "moves", 1, 0, 4, "how many are left in this turn" },
    { "hits", 50, 0, 1, "which actions hit" },
    { "alone", 50, 0, 1, "which leave the checker that is moved alone on a point" },
    { "point", 50, 0, 1, "which put it on a point where one was alone" },
};
static const PufParam backgammon_params[] = {
    PUF_SETTING(Backgammon, strength, 1, 0, BACKGAMMON_MAX_STRENGTH,
                "of the scripted opponent: 0 plays at random, 1 weighs where each checker may go, one at a time, 2 "
                "weighs every "
                "way to play its turn"),
    PUF_FLAG(Backgammon, gammons, 0, "rewards of 2 and 3 for a gammon and a backgammon"),
    PUF_FLAG(Backgammon, self_play, 0, "two agents play each other"),
};
static const PufField backgammon_side_fields[] = {
    PUF_ARRAY(BackgammonSide, checkers, "0 off, 1 to 24 on this point as its owner numbers them, 25 on the bar",
              PUF_RANGE(0, BACKGAMMON_CHECKERS)),
    PUF_SCALAR(BackgammonSide, taken, NULL),
    PUF_SCALAR(BackgammonSide, blocks, NULL),
};
static const PufField backgammon_fields[] = {
    PUF_STRUCTS(Backgammon, sides, backgammon_side_fields, "the checkers of the first agent and of its opponent"),
    PUF_ARRAY(Backgammon, dice, "the higher and the lower one", PUF_RANGE(1, 6)),
    PUF_ARRAY(Backgammon, moves, "how often each may still be played", PUF_RANGE(0, BACKGAMMON_MOVES)),
    PUF_ARRAY(Backgammon, legal, "from which places by each of them: bit 1 is the 1-point, bit 25 the bar"),
    PUF_SCALAR(Backgammon, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Backgammon, self_play)),
    PUF_SCALAR(Backgammon, tick, "steps in this game", PUF_RANGE(0, BACKGAMMON_LIMIT - 1)),
    PUF_SCALAR(Backgammon, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 lost, 3 cut off",
               PUF_RANGE(BACKGAMMON_RUNNING, BACKGAMMON_CUT)),
    PUF_SCALAR(Backgammon, worth, "of the previous game: 2 a gammon, 3 a backgammon", PUF_RANGE(0, 3)),
    PUF_ARRAY(Backgammon, played, "moves in each player's last turn, or in the one that it is at",
              PUF_RANGE(0, BACKGAMMON_MOVES)),
    PUF_GRID(Backgammon, from, "where these moves began", PUF_RANGE(0, BACKGAMMON_BAR)),
    PUF_GRID(Backgammon, to, "where they ended", PUF_RANGE(0, BACKGAMMON_POINTS)),
    PUF_GRID(Backgammon, thrown, "the dice of that turn, 0 before the first", PUF_RANGE(0, 6)),
    PUF_GRID(Backgammon, ended, "the checkers at the end of the previous game", PUF_RANGE(0, BACKGAMMON_CHECKERS)),
    PUF_SCALAR(Backgammon, strength, "of the scripted opponent"),
    PUF_SCALAR(Backgammon, gammons, "1: they are rewarded"),
    PUF_SCALAR(Backgammon, self_play, "1: two agents"),
};

// clang-format off
PUF_DEFINE_ENV(backgammon, Backgammon,
    .version = 2,
    .doc = "Bring 15 checkers home and off the board before the other does, by dice, against a script or in self-play.",
    .reward = "1 for a win, -1 for a loss; 2 and 3 for gammons and backgammons if that is set",
    .ends = "terminal when a player has brought off all checkers; truncated after 2,000 steps",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(Backgammon) + 7) / 8 * 8, .agents = 1, .obs_ndim = 1, .obs_shape = { 312 },
                PUF_ACTIONS(backgammon), .masked = 1 },
    PUF_TABLES(backgammon),
    .resize = backgammon_resize, .contradiction = backgammon_contradiction);
