// go_script.h - scripted players of go: one that looks at a single move, and a search tree whose positions are judged by
// playing on at random. Neither fills its own eyes.
#pragma once
#include "go_board.h"
#include <math.h>

enum { GO_MAX_STRENGTH = 4, GO_MAX_PLAYOUTS = 1000 };

// A board of the script's own, without the history: the script knows old positions only for its own next move.
typedef struct GoCopy {
    Go state;
    uint64_t groups[GO_MAX_POINTS * GO_MAX_GROUP_WORDS];
    int16_t group_of[GO_MAX_POINTS];
} GoCopy;

static inline void go_copy(GoCopy* copy, const Go* from)
{
    memcpy(&copy->state, from, sizeof copy->state);
    memcpy(copy->groups, go_group(from, 0, from->size), (size_t)(from->points * from->group_words) * sizeof(uint64_t));
    memcpy(copy->group_of, go_group_of(from), (size_t)from->points * sizeof(int16_t));
    copy->state.groups_offset = (int32_t)offsetof(GoCopy, groups);
    copy->state.group_of_offset = (int32_t)offsetof(GoCopy, group_of);
    copy->state.positions = 0;
}

// Whether an empty point is an eye: all around it are own stones, and so are most of the four across the corners.
static inline int32_t go_is_eye(const uint64_t* own, const uint64_t* other, const uint64_t* board, int32_t point,
                                const uint64_t* near, int32_t size)
{
    const int32_t row = point / (size + 1), column = point % (size + 1);
    int32_t foes = row == 0 || row == size - 1 || column == 0 || column == size - 1;
    for (int32_t w = 0; w < go_words(size); w++) {
        if (near[w] & board[w] & ~own[w]) {
            return 0;
        }
    }
    for (int32_t k = 0; k < 4; k++) {
        int32_t across = point + (k & 1 ? size + 1 : -size - 1) + (k & 2 ? 1 : -1);
        int32_t there = across >= 0 && across < size * (size + 1);
        foes += there && go_has(other, across); // no stone is between two rows
    }
    return foes < 2;
}

// The legal moves that fill no own eye.
static inline void go_find_sensible(const Go* s, uint64_t* out, int32_t size)
{
    const uint64_t *own = s->stones[s->turn], *other = s->stones[1 - s->turn];
    for (int32_t w = 0; w < go_words(size); w++) {
        out[w] = s->legal[w];
        for (uint64_t rest = s->legal[w]; rest; rest &= rest - 1) {
            uint64_t bit = rest & (0 - rest), near[GO_MAX_WORDS];
            int32_t point = 64 * w + go_ones(bit - 1);
            go_find_near(point, near, size);
            out[w] &= go_is_eye(own, other, s->board, point, near, size) ? ~bit : ~(uint64_t)0;
        }
    }
}

// ---- One move ahead ----

// What a move is worth: stones that it takes and threatens, less the own stones that can be taken next.
static inline int32_t go_judge(const Go* s, int32_t point, int32_t size)
{
    GoCopy copy;
    uint64_t taken[GO_MAX_WORDS];
    const int32_t player = s->turn;
    int32_t value = 0;
    go_copy(&copy, s);
    int32_t count = go_put(&copy.state, player, point, taken, size);
    copy.state.turn = 1 - player;
    go_find_legal(&copy.state, size);
    for (int32_t w = 0; w < go_words(size); w++) {
        value += go_ones(copy.state.danger[w] & copy.state.stones[1 - player][w]);
        value -= 4 * go_ones(copy.state.danger[w] & copy.state.stones[player][w]);
    }
    return value + 4 * count;
}

// One of the best sensible moves, all equally likely; -1 where there is none.
static int32_t go_choose_greedy(Go* s, int32_t size)
{
    uint64_t left[GO_MAX_WORDS];
    int32_t best = INT32_MIN, found = -1;
    uint32_t count = 0;
    go_find_sensible(s, left, size);
    for (int32_t p = go_first(left, go_words(size)); p >= 0; p = go_first(left, go_words(size))) {
        go_drop(left, p, go_words(size));
        int32_t value = go_judge(s, p, size);
        count = value > best ? 0 : count;
        if (value >= best && puf_rand_below(&s->rng, ++count) == 0) {
            found = p;
        }
        best = value > best ? value : best;
    }
    return found;
}

// ---- Playing on at random ----

// The stones alone: groups are found where they matter, which for a game of this kind is faster than keeping them.
typedef struct GoSketch {
    PufRng rng;
    uint64_t stones[2][GO_MAX_WORDS], empty[GO_MAX_WORDS];
} GoSketch;

// Whether the group of this point among `own` stones touches one of `open`. Otherwise writes the group.
static inline int32_t go_breathes(const uint64_t* own, const uint64_t* open, int32_t point, uint64_t* group,
                                  int32_t size)
{
    const int32_t words = go_words(size);
    for (int32_t w = 0; w < words; w++) {
        group[w] = 0;
    }
    go_add(group, point, words);
    for (uint64_t grows = 1; grows;) {
        uint64_t next[GO_MAX_WORDS], found = 0;
        grows = 0;
        go_spread(group, next, size);
        for (int32_t w = 0; w < words; w++) {
            uint64_t fresh = next[w] & own[w] & ~group[w];
            found |= next[w] & open[w];
            grows |= fresh;
            group[w] |= fresh;
        }
        if (found) {
            return 1;
        }
    }
    return 0;
}

// Put a stone and take what has no liberty. Returns a single stone that was taken, which is a ko; else -1.
static inline int32_t go_sketch_put(GoSketch* s, int32_t player, int32_t point, const uint64_t* near, int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t left[GO_MAX_WORDS], group[GO_MAX_WORDS];
    int32_t count = 0, ko = -1;
    go_add(s->stones[player], point, words);
    go_drop(s->empty, point, words);
    for (int32_t w = 0; w < words; w++) {
        left[w] = near[w] & s->stones[1 - player][w];
    }
    for (int32_t p = go_first(left, words); p >= 0; p = go_first(left, words)) {
        go_drop(left, p, words);
        if (!go_breathes(s->stones[1 - player], s->empty, p, group, size)) {
            for (int32_t w = 0; w < words; w++) {
                s->stones[1 - player][w] &= ~group[w];
                s->empty[w] |= group[w];
                left[w] &= ~group[w];
            }
            count += go_count(group, words);
            ko = p;
        }
    }
    return count == 1 ? ko : -1;
}

// Whether a stone here has a liberty after its captures, where no empty point touches it.
static inline int32_t go_can_live(const GoSketch* s, int32_t player, int32_t point, const uint64_t* near, int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t open[GO_MAX_WORDS], own[GO_MAX_WORDS], left[GO_MAX_WORDS], group[GO_MAX_WORDS];
    for (int32_t w = 0; w < words; w++) {
        open[w] = s->empty[w];
        own[w] = s->stones[player][w];
        left[w] = near[w] & s->stones[1 - player][w];
    }
    go_drop(open, point, words);
    go_add(own, point, words);
    if (go_breathes(own, open, point, group, size)) {
        return 1;
    }
    for (int32_t p = go_first(left, words); p >= 0; p = go_first(left, words)) {
        go_drop(left, p, words);
        if (!go_breathes(s->stones[1 - player], open, p, group, size)) {
            return 1;
        }
    }
    return 0;
}

// A random move that fills no own eye and does not take back a ko; -1 where there is none. Writes what touches it.
static inline int32_t go_sample(GoSketch* s, int32_t player, int32_t ko, const uint64_t* board, uint64_t* near,
                                int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t left[GO_MAX_WORDS];
    for (int32_t w = 0; w < words; w++) {
        left[w] = s->empty[w];
    }
    for (int32_t count = go_count(left, words); count > 0; count--) {
        uint64_t open = 0;
        int32_t point = go_from(left, (int32_t)((uint64_t)puf_rand(&s->rng) * (uint64_t)(64 * words) >> 32), words);
        go_drop(left, point, words);
        go_find_near(point, near, size);
        for (int32_t w = 0; w < words; w++) {
            open |= near[w] & s->empty[w];
        }
        if (open || (point != ko && !go_is_eye(s->stones[player], s->stones[1 - player], board, point, near, size) &&
                     go_can_live(s, player, point, near, size))) {
            return point;
        }
    }
    return -1;
}

// Play to the end. Returns the lead of player 0.
static inline float go_play_out(Go* s, int32_t size)
{
    GoSketch game;
    game.rng = s->rng;
    memcpy(game.stones, s->stones, sizeof game.stones);
    go_find_empty(s, game.empty, size);
    int32_t turn = s->turn;
    for (int32_t left = 2 * size * size, passes = 0, ko = -1; left > 0 && passes < 2; left--) {
        uint64_t near[GO_MAX_WORDS];
        int32_t point = go_sample(&game, turn, ko, s->board, near, size);
        ko = point < 0 ? -1 : go_sketch_put(&game, turn, point, near, size);
        passes = point < 0 ? passes + 1 : 0;
        turn = 1 - turn;
    }
    memcpy(s->stones, game.stones, sizeof game.stones);
    return go_find_lead(s, size);
}

// ---- The search tree ----

// A position of the tree: reached by a move from its parent.
typedef struct GoNode {
    int16_t child, sibling; // -1 for none
    int16_t point;          // of the move
    int32_t visits, wins;   // twice the wins of the player who made the move: a draw counts 1
} GoNode;

// The child with the best share of wins, plus what has been tried too little.
static int32_t go_best_child(const GoNode* nodes, const GoNode* node)
{
    float widen = 0.7f * sqrtf((float)node->visits), most = -1.0f;
    int32_t best = -1;
    for (int32_t c = node->child; c >= 0; c = nodes[c].sibling) {
        float visits = (float)nodes[c].visits;
        float value = 0.5f * (float)nodes[c].wins / visits + widen / (1.0f + visits);
        if (value > most) {
            most = value;
            best = c;
        }
    }
    return best;
}

static void go_clear_node(GoNode* node, int32_t point, int32_t sibling)
{
    node->child = -1;
    node->sibling = (int16_t)sibling;
    node->point = (int16_t)point;
    node->visits = 0;
    node->wins = 0;
}

// Step down to a child: a new one, as long as a sensible move has none. Returns it, or -1 where there is no move. The new
// one is counted.
static int32_t go_descend(Go* s, PufRng* rng, GoNode* nodes, int32_t* count, int32_t at, int32_t size)
{
    const int32_t words = go_words(size);
    uint64_t left[GO_MAX_WORDS];
    go_find_sensible(s, left, size);
    for (int32_t c = nodes[at].child; c >= 0; c = nodes[c].sibling) {
        go_drop(left, nodes[c].point, words);
    }
    int32_t untried = go_count(left, words);
    if (untried == 0) {
        return go_best_child(nodes, &nodes[at]);
    }
    int32_t fresh = (*count)++;
    int32_t point = go_ranked(left, (int32_t)puf_rand_below(rng, (uint32_t)untried), words);
    go_clear_node(&nodes[fresh], point, nodes[at].child);
    nodes[at].child = (int16_t)fresh;
    return fresh;
}

// Walk down the tree to a new position, play on from there, and count the result in all positions on the way.
static void go_grow(Go* s, GoNode* nodes, int32_t* count, int32_t size)
{
    GoCopy copy;
    int16_t path[GO_MAX_PLAYOUTS + 2];
    uint64_t taken[GO_MAX_WORDS];
    int32_t depth = 1, before = *count;
    go_copy(&copy, s);
    path[0] = 0;
    for (int32_t at = 0; at >= 0 && *count == before;) {
        at = go_descend(&copy.state, &s->rng, nodes, count, at, size);
        if (at >= 0) {
            path[depth++] = (int16_t)at;
            (void)go_put(&copy.state, copy.state.turn, nodes[at].point, taken, size);
            copy.state.turn = 1 - copy.state.turn;
            go_find_legal(&copy.state, size);
        }
    }
    copy.state.rng.state = (uint64_t)puf_rand(&s->rng) << 32 | puf_rand(&s->rng);
    float lead = 0.0f - go_play_out(&copy.state, size); // of the script, which is the second player
    for (int32_t k = 0; k < depth; k++) {               // the searching player made the moves to odd depths
        float own = k & 1 ? lead : 0.0f - lead;
        nodes[path[k]].visits += 1;
        nodes[path[k]].wins += own > 0.0f ? 2 : own < 0.0f ? 0 : 1;
    }
}

// The move that a search of so many playouts likes best; -1 where no move is sensible.
static int32_t go_search(Go* s, int32_t playouts, int32_t size)
{
    GoNode nodes[GO_MAX_PLAYOUTS + 1];
    int32_t count = 1, best = -1;
    go_clear_node(&nodes[0], -1, -1);
    for (int32_t k = 0; k < playouts; k++) {
        go_grow(s, nodes, &count, size);
    }
    for (int32_t c = nodes[0].child; c >= 0; c = nodes[c].sibling) {
        int32_t better = best < 0 || nodes[c].visits > nodes[best].visits;
        int32_t equal = best >= 0 && nodes[c].visits == nodes[best].visits;
        best = better || (equal && nodes[c].wins > nodes[best].wins) ? c : best;
    }
    return best < 0 ? -1 : nodes[best].point;
}

// The scripted opponent's move: a point, or -1 to pass. It passes after a pass of the other where that wins.
static int32_t go_choose(Go* s, int32_t size)
{
    static const int32_t playouts[8] = { 0, 0, 100, 300, GO_MAX_PLAYOUTS };
    if (s->strength > 0 && s->passes > 0) {
        if (go_find_lead(s, size) < 0.0f) { // the script is the second player
            return -1;
        }
    }
    if (s->strength == 0) {
        uint64_t left[GO_MAX_WORDS];
        go_find_sensible(s, left, size);
        int32_t count = go_count(left, go_words(size));
        return count == 0 ? -1 : go_ranked(left, (int32_t)puf_rand_below(&s->rng, (uint32_t)count), go_words(size));
    }
    if (s->strength == 1) {
        return go_choose_greedy(s, size);
    }
    // A game played on takes time by the square of the board's points: larger boards are searched less.
    const int32_t usual = playouts[s->strength & 7]; // so that compilers see that it is inside
    const int32_t scaled = usual * 49 * 49 / (size * size * size * size);
    return go_search(s, size > 7 ? scaled + 8 : usual, size);
}
