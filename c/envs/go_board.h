// go_board.h - the stones of go: groups, liberties, captures, legal moves and areas. go.h tells the game.
//
// A set of points is a row of bits. Each row of the board has one bit more than points, which is never set: so that
// moving all stones one point is a shift, by 1 or by a row, and nothing wraps around an edge. Up to 7 x 7 a set is one
// number of 64 bits.
//
// A group is known by its lowest point, its leader. It knows its stones and all that touches them, its reach. The empty
// points of the reach are its liberties, so no capture or move elsewhere has to be told to a group. Functions take `size`
// beside the state, so that the compiler unrolls the loops for the sizes that it knows.
#pragma once
#include "puffer.h"

enum { GO_MIN_SIZE = 5, GO_MAX_SIZE = 19, GO_MAX_POINTS = GO_MAX_SIZE * (GO_MAX_SIZE + 1), GO_MAX_WORDS = 6 };
enum { GO_MAX_GROUP_WORDS = 2 * GO_MAX_WORDS + 1, GO_SEEN_WORDS = 64 };

typedef struct Go {
    PufRng rng;
    int32_t size, strength, opening, self_play; // settings
    float komi;                                 // setting
    // Follow from the size:
    int32_t stride, points, group_words, two_sizes;
    int32_t groups_offset, group_of_offset, history_offset;
    uint64_t board[GO_MAX_WORDS]; // all points
    // The game:
    int32_t turn;                     // whose move it is: 0 or 1
    int32_t black;                    // who made the first move
    int32_t passes;                   // in a row
    int32_t moves;                    // of both players, with those of the opening
    int32_t positions;                // in `history`
    int32_t tick;                     // steps in this game
    int32_t last;                     // point of the last stone, -1 before the first and after a pass
    int32_t result;                   // of the previous game: GO_...
    uint64_t hash;                    // of the stones
    uint64_t stones[2][GO_MAX_WORDS]; // of each player; player 0 is the agent, or the first of two
    uint64_t leaders[GO_MAX_WORDS];   // of all groups
    uint64_t lost[2][GO_MAX_WORDS];   // where stones of each player were captured in this game
    uint64_t legal[GO_MAX_WORDS];     // where the player whose turn it is may move
    uint64_t danger[GO_MAX_WORDS];    // stones of groups with a single liberty
    uint64_t taken[GO_MAX_WORDS];     // stones that the last move captured; for renderers
    uint64_t ended[2][GO_MAX_WORDS];  // the stones at the end of the previous game; for renderers
    int32_t ended_black;              // who had Black in it
    int32_t areas[2];                 // points of each player at the end of the previous game, without komi
    uint64_t seen[GO_SEEN_WORDS];     // a bit for each hash in `history`, shared by some
    PufLog log;
    float black_n, black_perf; // after the five of PufLog: for games in which the agent was Black
    // Behind the struct: for each leader the words of its stones, those of its reach, and the hash of its stones; for
    // each stone the leader of its group; and the hashes of all positions of this game.
} Go;

// ---- Sets of points ----

static inline int32_t go_words(int32_t size) { return (size * (size + 1) + 63) / 64; }

// The point of a cell; cells are counted row by row without the bits between rows.
static inline int32_t go_point(int32_t cell, int32_t size) { return cell + cell / size; }

// The word of a point. Where there is one, the compiler keeps sets in registers.
static inline int32_t go_word(int32_t point, int32_t words) { return words == 1 ? 0 : point / 64; }

static inline int32_t go_has(const uint64_t* set, int32_t point)
{
    return (int32_t)(set[point / 64] >> point % 64 & 1);
}

static inline void go_add(uint64_t* set, int32_t point, int32_t words)
{
    set[go_word(point, words)] |= (uint64_t)1 << point % 64;
}

static inline void go_drop(uint64_t* set, int32_t point, int32_t words)
{
    set[go_word(point, words)] &= ~((uint64_t)1 << point % 64);
}

static inline int32_t go_ones(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555u;
    word = (word & 0x3333333333333333u) + (word >> 2 & 0x3333333333333333u);
    word = (word + (word >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
    return (int32_t)(word * 0x0101010101010101u >> 56);
}

static inline int32_t go_count(const uint64_t* set, int32_t words)
{
    int32_t count = 0;
    for (int32_t w = 0; w < words; w++) {
        count += go_ones(set[w]);
    }
    return count;
}

// The lowest point of a set, -1 where it is empty.
static inline int32_t go_first(const uint64_t* set, int32_t words)
{
    for (int32_t w = 0; w < words; w++) {
        if (set[w]) {
            return 64 * w + go_ones((set[w] & (0 - set[w])) - 1);
        }
    }
    return -1;
}

// The lowest point of a set from this bit on, or else from the top again; the set is not empty.
static inline int32_t go_from(const uint64_t* set, int32_t start, int32_t words)
{
    const int32_t first = go_word(start, words);
    uint64_t here = set[first] >> start % 64 << start % 64;
    for (int32_t k = 0; k < words && !here; k++) {
        int32_t w = (first + 1 + k) % words;
        if (set[w]) {
            return 64 * w + go_ones((set[w] & (0 - set[w])) - 1);
        }
    }
    return 64 * first + go_ones((here & (0 - here)) - 1);
}

// The point of this rank, from 0, in a set that has more.
static inline int32_t go_ranked(const uint64_t* set, int32_t rank, int32_t words)
{
    int32_t w = 0;
    for (int32_t here = go_ones(set[0]); w < words - 1 && rank >= here; here = go_ones(set[w])) {
        rank -= here;
        w += 1;
    }
    uint64_t left = set[w];
    int32_t at = 0;
    for (int32_t half = 32; half > 0; half /= 2) { // is it in the lower half of what is left?
        int32_t low = go_ones(left & (((uint64_t)1 << half) - 1)), beyond = rank >= low;
        left >>= beyond ? half : 0;
        rank -= beyond ? low : 0;
        at += beyond ? half : 0;
    }
    return 64 * w + at;
}

// What touches the points of a set, and some bits between rows and beyond the board: callers keep what they look for.
static inline void go_spread(const uint64_t* set, uint64_t* out, int32_t size)
{
    const int32_t words = go_words(size), row = size + 1;
    for (int32_t w = 0; w < words; w++) {
        uint64_t here = set[w], low = w > 0 ? set[w - 1] : 0, high = w < words - 1 ? set[w + 1] : 0;
        out[w] = here << 1 | here >> 1 | here << row | here >> row;
        out[w] |= low >> 63 | low >> (64 - row) | high << 63 | high << (64 - row);
    }
}

static inline void go_find_near(int32_t point, uint64_t* out, int32_t size)
{
    uint64_t set[GO_MAX_WORDS] = { 0 };
    go_add(set, point, go_words(size));
    go_spread(set, out, size);
}

static inline void go_find_empty(const Go* s, uint64_t* out, int32_t size)
{
    for (int32_t w = 0; w < go_words(size); w++) {
        out[w] = s->board[w] & ~(s->stones[0][w] | s->stones[1][w]);
    }
}

// ---- Groups ----

// A row of words: stones, reach, hash.
static inline uint64_t* go_group(const Go* s, int32_t leader, int32_t size)
{
    return (uint64_t*)((uint8_t*)s + s->groups_offset) + (size_t)leader * (size_t)(2 * go_words(size) + 1);
}

static inline int16_t* go_group_of(const Go* s) { return (int16_t*)((uint8_t*)s + s->group_of_offset); }

// A random number for each stone on each point.
static inline uint64_t go_key(int32_t player, int32_t point)
{
    uint64_t x = (uint64_t)(2 * point + player);
    return puf_splitmix64(&x);
}

// How many liberties a group has: 0, 1, or 2 for more.
static inline int32_t go_liberties(const uint64_t* group, const uint64_t* empty, int32_t size)
{
    const int32_t words = go_words(size);
    int32_t found = 0;
    for (int32_t w = 0; w < words; w++) {
        uint64_t here = group[words + w] & empty[w];
        found += (here != 0) + ((here & (here - 1)) != 0);
    }
    return found < 2 ? found : 2;
}

// A new stone and the groups of its player that it touches become one.
static inline void go_join(Go* s, int32_t player, int32_t point, const uint64_t* near, int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t stones[GO_MAX_WORDS] = { 0 }, reach[GO_MAX_WORDS], left[GO_MAX_WORDS];
    uint64_t hash = go_key(player, point);
    int32_t leader = point;
    go_add(stones, point, words);
    for (int32_t w = 0; w < words; w++) {
        reach[w] = near[w];
        left[w] = near[w] & s->stones[player][w];
    }
    for (int32_t p = go_first(left, words); p >= 0; p = go_first(left, words)) {
        int32_t other = go_group_of(s)[p];
        const uint64_t* group = go_group(s, other, size);
        for (int32_t w = 0; w < words; w++) {
            stones[w] |= group[w];
            reach[w] |= group[words + w];
            left[w] &= ~group[w];
        }
        hash ^= group[2 * words];
        go_drop(s->leaders, other, words);
        leader = other < leader ? other : leader;
    }
    uint64_t* group = go_group(s, leader, size);
    for (int32_t w = 0; w < words; w++) {
        group[w] = stones[w];
        group[words + w] = reach[w];
        for (uint64_t rest = stones[w]; rest; rest &= rest - 1) {
            go_group_of(s)[64 * w + go_ones((rest & (0 - rest)) - 1)] = (int16_t)leader;
        }
    }
    group[2 * words] = hash;
    go_add(s->leaders, leader, words);
}

// Put a stone on an empty point: it joins its groups, then the other's groups without a liberty are taken off the board.
// Writes what is taken; returns how many stones.
static inline int32_t go_put(Go* s, int32_t player, int32_t point, uint64_t* taken, int32_t size)
{
    const int32_t words = go_words(size), other = 1 - player;
    uint64_t near[GO_MAX_WORDS], empty[GO_MAX_WORDS], left[GO_MAX_WORDS];
    go_find_near(point, near, size);
    go_join(s, player, point, near, size);
    go_add(s->stones[player], point, words);
    s->hash ^= go_key(player, point);
    go_find_empty(s, empty, size);
    for (int32_t w = 0; w < words; w++) {
        left[w] = near[w] & s->stones[other][w];
        taken[w] = 0;
    }
    int32_t count = 0;
    for (int32_t p = go_first(left, words); p >= 0; p = go_first(left, words)) {
        int32_t leader = go_group_of(s)[p];
        const uint64_t* group = go_group(s, leader, size);
        int32_t caught = go_liberties(group, empty, size) == 0;
        for (int32_t w = 0; w < words; w++) {
            left[w] &= ~group[w];
            taken[w] |= caught ? group[w] : 0;
        }
        if (caught) {
            s->hash ^= group[2 * words];
            go_drop(s->leaders, leader, words);
            count += go_count(group, words);
        }
    }
    for (int32_t w = 0; w < words && count > 0; w++) {
        s->stones[other][w] &= ~taken[w];
        s->lost[other][w] |= taken[w];
    }
    return count;
}

// ---- Legal moves ----

static inline uint64_t* go_history(const Go* s) { return (uint64_t*)((uint8_t*)s + s->history_offset); }

static inline int32_t go_was_seen(const Go* s, uint64_t hash)
{
    if (!(s->seen[hash / 64 % GO_SEEN_WORDS] >> hash % 64 & 1)) {
        return 0;
    }
    const uint64_t* history = go_history(s);
    int32_t found = 0;
    for (int32_t k = 0; k < s->positions; k++) {
        found |= history[k] == hash;
    }
    return found;
}

static inline void go_remember(Go* s)
{
    go_history(s)[s->positions++] = s->hash;
    s->seen[s->hash / 64 % GO_SEEN_WORDS] |= (uint64_t)1 << s->hash % 64;
}

// Whether a stone here leads to a position that was on the board before.
static inline int32_t go_repeats(const Go* s, int32_t player, int32_t point, const uint64_t* danger, int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t left[GO_MAX_WORDS], hash = s->hash ^ go_key(player, point);
    go_find_near(point, left, size);
    for (int32_t w = 0; w < words; w++) {
        left[w] &= s->stones[1 - player][w] & danger[w]; // their only liberty is this point
    }
    for (int32_t p = go_first(left, words); p >= 0; p = go_first(left, words)) {
        const uint64_t* group = go_group(s, go_group_of(s)[p], size);
        for (int32_t w = 0; w < words; w++) {
            left[w] &= ~group[w];
        }
        hash ^= group[2 * words];
    }
    return go_was_seen(s, hash);
}

// Find the groups in danger, and where the player whose turn it is may move: on an empty point that touches another, or
// an own group which keeps a liberty, or a group of the other's which loses its last; but not back to an old position.
// Only a stone on a point where the player has lost one can lead there.
static inline void go_find_moves(const Go* s, uint64_t* legal, uint64_t* danger, int32_t size)
{
    const int32_t words = go_words(size), player = s->turn;
    uint64_t empty[GO_MAX_WORDS] = { 0 };
    go_find_empty(s, empty, size);
    go_spread(empty, legal, size);
    for (int32_t w = 0; w < words; w++) {
        danger[w] = 0;
    }
    for (int32_t v = 0; v < words; v++) {
        for (uint64_t rest = s->leaders[v]; rest; rest &= rest - 1) {
            int32_t leader = 64 * v + go_ones((rest & (0 - rest)) - 1);
            const uint64_t* group = go_group(s, leader, size);
            int32_t own = go_has(s->stones[player], leader), last = go_liberties(group, empty, size) == 1;
            uint64_t open = own != last ? ~(uint64_t)0 : 0, weak = last ? ~(uint64_t)0 : 0;
            for (int32_t w = 0; w < words; w++) {
                legal[w] |= group[words + w] & open;
                danger[w] |= group[w] & weak;
            }
        }
    }
    for (int32_t w = 0; w < words; w++) {
        legal[w] &= empty[w];
    }
    for (int32_t w = 0; w < words; w++) {
        for (uint64_t rest = legal[w] & s->lost[player][w]; rest; rest &= rest - 1) {
            uint64_t bit = rest & (0 - rest);
            int32_t back = go_repeats(s, player, 64 * w + go_ones(bit - 1), danger, size);
            legal[w] &= back ? ~bit : ~(uint64_t)0;
        }
    }
}

static inline void go_find_legal(Go* s, int32_t size)
{
    uint64_t legal[GO_MAX_WORDS], danger[GO_MAX_WORDS];
    go_find_moves(s, legal, danger, size);
    for (int32_t w = 0; w < go_words(size); w++) {
        s->legal[w] = legal[w];
        s->danger[w] = danger[w];
    }
}

// ---- Areas ----

// The empty points that stones of this player reach over empty ones.
static inline void go_flow(const Go* s, int32_t player, uint64_t* found, int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t empty[GO_MAX_WORDS], from[GO_MAX_WORDS], next[GO_MAX_WORDS], grows = 1;
    go_find_empty(s, empty, size);
    for (int32_t w = 0; w < words; w++) {
        from[w] = s->stones[player][w];
        found[w] = 0;
    }
    while (grows) {
        grows = 0;
        go_spread(from, next, size);
        for (int32_t w = 0; w < words; w++) {
            from[w] = next[w] & empty[w] & ~found[w];
            found[w] |= from[w];
            grows |= from[w];
        }
    }
}

// The points of both players: their stones, and what is empty and reached by only one of them.
static inline void go_find_areas(const Go* s, uint64_t areas[2][GO_MAX_WORDS], int32_t size)
{
    uint64_t reached[2][GO_MAX_WORDS];
    go_flow(s, 0, reached[0], size);
    go_flow(s, 1, reached[1], size);
    for (int32_t player = 0; player < 2; player++) {
        for (int32_t w = 0; w < go_words(size); w++) {
            areas[player][w] = s->stones[player][w] | (reached[player][w] & ~reached[1 - player][w]);
        }
    }
}

// By how much player 0 leads.
static inline float go_find_lead(const Go* s, int32_t size)
{
    uint64_t areas[2][GO_MAX_WORDS];
    go_find_areas(s, areas, size);
    float lead = (float)(go_count(areas[0], go_words(size)) - go_count(areas[1], go_words(size)));
    return s->black == 0 ? lead - s->komi : lead + s->komi;
}
