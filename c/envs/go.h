// go - surround more of the board than the other does, against a scripted opponent or in self-play.
//
// Observation  uint8, at the default size (248,): 1 if it is this agent's turn; 1 if it has the black stones; 1 if the
//              last move was a pass; then the points five times, row by row from the top left: the agent's stones, the
//              opponent's, both again where their group has a single liberty, and where the agent may move now.
// Action       one for each point: where to put a stone; the last one passes. The action mask marks what is legal; any
//              other point stands for the next legal one, in reading order, and from the top again, or for a pass where
//              there is none. A waiting agent has only point 0 in its mask, and its action is ignored.
// Reward       1 for a win, -1 for a loss, 0 for a draw and in every other step.
// End          terminal after two passes in a row, or after 2 * size * size moves.
// Score        1 for a win, 0 for a draw, -1 for a loss; perf is 1, 0.5 or 0.
//
// Black begins, and the players put one stone each in turn on an empty point, or pass. Stones of one player that touch
// along a line are a group; the empty points that they touch are its liberties. A move takes the other's groups that it
// leaves without a liberty off the board. After that the own group must have one. No move may lead to a position that was
// on the board before in the same game (positional superko); passing is always allowed.
//
// At the end the area counts: the own stones on the board, and the empty points from which a walk over empty points meets
// only own stones. Nobody takes dead stones away, so capture them first. White gets `komi` points for moving second.
//
// Who has Black is drawn at random in each game, and so are the first `opening` stones. Against the scripted opponent, a
// step is one move of each side, and it is always the agent's turn. With `self_play` there are two agents, a step is one
// move, and they take turns.
//
// Positions are compared by hashes of 64 bits. go_board.h keeps the stones, go_script.h is the opponent.
#pragma once
#include "go_board.h"
#include "go_script.h"

enum { GO_PLANES = 5, GO_FLAGS = 3, GO_MAX_OPENING = 4 };
enum { GO_RUNNING, GO_WON, GO_DRAWN, GO_LOST };

static const PufAction go_actions[] = {
    { "point", 50, 0, 0,
      "a7 b7 c7 d7 e7 f7 g7 a6 b6 c6 d6 e6 f6 g6 a5 b5 c5 d5 e5 f5 g5 a4 b4 c4 d4 e4 f4 g4 a3 b3 c3 d3 e3 f3 g3 a2 b2 "
      "c2 d2 e2 f2 g2 a1 b1 c1 d1 e1 f1 g1 pass" }
};

static void go_resize(PufLayout* layout, const void* setup)
{
    static const PufAction sizes[GO_MAX_SIZE - GO_MIN_SIZE + 1] = {
        { "point", 26, 0, 0, "" },  { "point", 37, 0, 0, "" },  { "point", 50, 0, 0, "" },  { "point", 65, 0, 0, "" },
        { "point", 82, 0, 0, "" },  { "point", 101, 0, 0, "" }, { "point", 122, 0, 0, "" }, { "point", 145, 0, 0, "" },
        { "point", 170, 0, 0, "" }, { "point", 197, 0, 0, "" }, { "point", 226, 0, 0, "" }, { "point", 257, 0, 0, "" },
        { "point", 290, 0, 0, "" }, { "point", 325, 0, 0, "" }, { "point", 362, 0, 0, "" },
    };
    const Go* s = setup;
    const int32_t cells = s->size * s->size, points = s->size * (s->size + 1);
    const int32_t words = points * (2 * go_words(s->size) + 1) + 2 * cells + (points + 3) / 4;
    layout->state_size = sizeof(Go) + (uint64_t)words * sizeof(uint64_t);
    layout->agents = s->self_play ? 2 : 1;
    layout->obs_shape[0] = GO_FLAGS + GO_PLANES * cells;
    layout->actions = s->size == 7 ? go_actions : &sizes[s->size - GO_MIN_SIZE];
}

static void go_prepare(void* setup)
{
    Go* s = setup;
    const int32_t word = (int32_t)sizeof(uint64_t);
    s->stride = s->size + 1;
    s->points = s->size * s->stride;
    s->two_sizes = 2 * s->size;
    s->group_words = 2 * go_words(s->size) + 1;
    s->groups_offset = (int32_t)sizeof(Go);
    s->history_offset = s->groups_offset + s->points * s->group_words * word;
    s->group_of_offset = s->history_offset + 2 * s->size * s->size * word;
    for (int32_t cell = 0; cell < s->size * s->size; cell++) {
        go_add(s->board, go_point(cell, s->size), go_words(s->size));
    }
}

static int32_t go_move_limit(const Go* s) { return 2 * s->size * s->size; }

// ---- The game ----

// Put a stone for the player whose turn it is, or pass at -1. Returns whether the game is over.
static inline int32_t go_move(Go* s, int32_t point, int32_t size)
{
    uint64_t taken[GO_MAX_WORDS] = { 0 };
    s->moves += 1;
    s->last = point;
    s->passes = point < 0 ? s->passes + 1 : 0;
    if (point >= 0) {
        (void)go_put(s, s->turn, point, taken, size);
        go_remember(s);
    }
    for (int32_t w = 0; w < go_words(size); w++) {
        s->taken[w] = taken[w];
    }
    s->turn = 1 - s->turn;
    go_find_legal(s, size);
    return s->passes == 2 || s->moves == go_move_limit(s);
}

// The requested point if it is legal, else the next one that is; -1 for a pass.
static inline int32_t go_wished(const Go* s, int32_t action, int32_t size)
{
    const int32_t words = go_words(size);
    if (action == size * size || go_first(s->legal, words) < 0) {
        return -1;
    }
    return go_from(s->legal, go_point(action, size), words);
}

static void go_clear(Go* s)
{
    memset(s->stones, 0, sizeof s->stones);
    memset(s->leaders, 0, sizeof s->leaders);
    memset(s->lost, 0, sizeof s->lost);
    memset(s->taken, 0, sizeof s->taken);
    memset(s->seen, 0, sizeof s->seen);
    s->hash = 0;
    s->positions = 0;
    s->passes = 0;
    s->moves = 0;
    s->last = -1;
}

static inline void go_reset_sized(Go* s, int32_t size)
{
    go_clear(s);
    s->tick = 0;
    s->turn = (int32_t)(puf_rand(&s->rng) >> 31);
    s->black = s->turn;
    go_find_legal(s, size);
    for (int32_t k = 0; k < s->opening; k++) {
        int32_t count = go_count(s->legal, go_words(size));
        int32_t rank = (int32_t)puf_rand_below(&s->rng, (uint32_t)count);
        (void)go_move(s, go_ranked(s->legal, rank, go_words(size)), size);
    }
    if (!s->self_play && s->turn == 1) {
        (void)go_move(s, go_choose(s, size), size);
    }
}

static void go_end(Go* s, PufIo io, int32_t size)
{
    uint64_t areas[2][GO_MAX_WORDS];
    go_find_areas(s, areas, size);
    float lead = go_find_lead(s, size), first = (float)((lead > 0.0f) - (lead < 0.0f));
    s->ended_black = s->black;
    s->result = lead > 0.0f ? GO_WON : lead < 0.0f ? GO_LOST : GO_DRAWN;
    for (int32_t player = 0; player < 2; player++) {
        s->areas[player] = go_count(areas[player], go_words(size));
        for (int32_t w = 0; w < go_words(size); w++) {
            s->ended[player][w] = s->stones[player][w];
        }
    }
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        float reward = player == 0 ? first : 0.0f - first, black = (float)(s->black == player);
        io.rewards[player] = reward;
        puf_log_episode(&s->log, 0.5f * (reward + 1.0f), reward, reward, (float)s->tick);
        s->black_n += black;
        s->black_perf += black * 0.5f * (reward + 1.0f);
    }
}

static inline void go_step_sized(Go* s, PufIo io, int32_t size)
{
    s->tick += 1;
    int32_t over = go_move(s, go_wished(s, io.actions[s->turn], size), size);
    if (!over && !s->self_play) {
        over = go_move(s, go_choose(s, size), size);
    }
    for (int32_t player = 0; player < 1 + s->self_play; player++) {
        io.rewards[player] = 0.0f;
        io.terminals[player] = (uint8_t)over;
        io.truncations[player] = 0;
    }
    if (over) {
        go_end(s, io, size);
    }
}

// ---- Observations ----

// The lowest eight bits as bytes, 0 or 1. The multiplication copies the bits so that each ends up lowest in its own byte:
// the lower seven, as the copies of eight would meet.
static inline uint64_t go_bytes(uint64_t bits)
{
    return ((bits & 0x7F) * 0x0002040810204081u & 0x0101010101010101u) | (bits >> 7 & 1) << 56;
}

// The bits of a set from this one on, eight at least. On no board is it one of the last seven.
static inline uint64_t go_bits(const uint64_t* set, int32_t at)
{
    const int32_t w = at / 64, shift = at % 64;
    return set[w] >> shift | (shift > 56 ? set[w + 1] << (64 - shift) : 0);
}

// Eight bytes, the lowest first, at two places.
static inline void go_store(uint64_t word, uint8_t* one, uint8_t* two)
{
    uint8_t bytes[8];
    for (int32_t k = 0; k < 8; k++) {
        bytes[k] = (uint8_t)(word >> (8 * k)); // one store on little-endian machines
    }
    memcpy(one, bytes, 8);
    memcpy(two, bytes, 8);
}

// Write each point of a set as a byte at two places, which may be the same, eight at a time. Within long rows the last
// eight overlap those before. Short rows write into the next one, which follows; the last row begins with what ends the
// row before.
static inline void go_write(const uint64_t* set, uint8_t* one, uint8_t* two, int32_t size)
{
    if (size >= 8) {
        for (int32_t row = 0; row < size; row++) {
            for (int32_t column = 0; column < size; column += 8) {
                const int32_t from = column < size - 8 ? column : size - 8, at = row * size + from;
                go_store(go_bytes(go_bits(set, row * (size + 1) + from)), one + at, two + at);
            }
        }
        return;
    }
    for (int32_t row = 0; row < size - 1; row++) {
        go_store(go_bytes(go_bits(set, row * (size + 1))), one + row * size, two + row * size);
    }
    const int32_t before = 8 - size, last = size * size - 8;
    uint64_t low = set[0] >> ((size - 2) * (size + 1) + size - before) & (((uint64_t)1 << before) - 1);
    uint64_t high = set[0] >> (size - 1) * (size + 1) << before;
    go_store(go_bytes(low | high), one + last, two + last);
}

static inline void go_observe_sized(const Go* s, PufIo io, int32_t size)
{
    const int32_t cells = size * size, length = GO_FLAGS + GO_PLANES * cells, agents = 1 + s->self_play;
    uint8_t* planes[2] = { (uint8_t*)io.obs + GO_FLAGS, (uint8_t*)io.obs + GO_FLAGS + (s->self_play ? length : 0) };
    for (int32_t player = 0; player < 2; player++) {
        uint64_t weak[GO_MAX_WORDS];
        for (int32_t w = 0; w < go_words(size); w++) {
            weak[w] = s->stones[player][w] & s->danger[w];
        }
        uint8_t *one = planes[0] + player * cells, *two = planes[1] + (player ^ s->self_play) * cells;
        go_write(s->stones[player], one, two, size);
        go_write(weak, one + 2 * cells, two + 2 * cells, size);
    }
    for (int32_t player = 0; player < agents; player++) {
        uint8_t* obs = planes[player];
        uint8_t* mask = io.action_mask + player * (cells + 1);
        obs[-3] = (uint8_t)(s->turn == player);
        obs[-2] = (uint8_t)(s->black == player);
        obs[-1] = (uint8_t)(s->passes > 0);
        if (s->turn == player) {
            go_write(s->legal, mask, obs + 4 * cells, size);
        } else {
            memset(obs + 4 * cells, 0, (size_t)cells);
            memset(mask, 0, (size_t)cells);
            mask[0] = 1;
        }
        mask[cells] = (uint8_t)(s->turn == player);
    }
}

// The compiler unrolls the loops for the sizes that it knows.
static void go_reset(Go* s)
{
    if (s->size == 7) {
        go_reset_sized(s, 7);
    } else {
        go_reset_sized(s, s->size);
    }
}

static void go_step(Go* s, PufIo io)
{
    if (s->size == 7) {
        go_step_sized(s, io, 7);
    } else if (s->size == 9) {
        go_step_sized(s, io, 9);
    } else {
        go_step_sized(s, io, s->size);
    }
}

static void go_observe(const Go* s, PufIo io)
{
    if (s->size == 7) {
        go_observe_sized(s, io, 7);
    } else if (s->size == 9) {
        go_observe_sized(s, io, 9);
    } else {
        go_observe_sized(s, io, s->size);
    }
}

// ---- States from files ----

// Whether this is a set of points of the board.
static int32_t go_fits(const Go* s, const uint64_t* set)
{
    uint64_t beyond = 0;
    for (int32_t w = 0; w < GO_MAX_WORDS; w++) {
        beyond |= set[w] & ~s->board[w];
    }
    return beyond == 0;
}

static int32_t go_is_same(const uint64_t* one, const uint64_t* two, int32_t count)
{
    uint64_t differs = 0;
    for (int32_t k = 0; k < count; k++) {
        differs |= one[k] ^ two[k];
    }
    return differs == 0;
}

// Whether groups and hash are what these stones make when they are put on an empty board one by one. No group is without
// a liberty.
static const char* go_find_false_group(const Go* s)
{
    GoCopy copy;
    const int32_t size = s->size;
    uint64_t empty[GO_MAX_WORDS], near[GO_MAX_WORDS];
    go_copy(&copy, s);
    go_clear(&copy.state);
    for (int32_t point = 0; point < s->points; point++) {
        if (go_has(s->stones[0], point) || go_has(s->stones[1], point)) {
            int32_t player = go_has(s->stones[1], point);
            go_find_near(point, near, size);
            go_join(&copy.state, player, point, near, size);
            go_add(copy.state.stones[player], point, go_words(size));
            copy.state.hash ^= go_key(player, point);
        }
    }
    if (!go_is_same(copy.state.leaders, s->leaders, GO_MAX_WORDS)) {
        return "leaders";
    }
    if (copy.state.hash != s->hash) {
        return "hash";
    }
    go_find_empty(s, empty, size);
    for (int32_t point = 0; point < s->points; point++) {
        if (go_has(s->leaders, point)) {
            const uint64_t *told = go_group(s, point, size), *found = go_group(&copy.state, point, size);
            if (!go_is_same(told, found, s->group_words) || !go_liberties(told, empty, size)) {
                return "groups";
            }
        }
        int32_t stone = go_has(s->stones[0], point) || go_has(s->stones[1], point);
        if (stone && go_group_of(s)[point] != go_group_of(&copy.state)[point]) {
            return "group_of";
        }
    }
    return NULL;
}

// Between two steps groups, hashes and legal moves are what the stones and the history make them.
static const char* go_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Go* s = state;
    uint64_t legal[GO_MAX_WORDS], danger[GO_MAX_WORDS];
    for (int32_t player = 0; player < 2; player++) {
        if (!go_fits(s, s->stones[player])) {
            return "stones";
        }
        if (!go_fits(s, s->ended[player])) {
            return "ended";
        }
        if (!go_fits(s, s->lost[player])) {
            return "lost";
        }
    }
    for (int32_t w = 0; w < GO_MAX_WORDS; w++) {
        if (s->stones[0][w] & s->stones[1][w]) {
            return "stones";
        }
    }
    if (!go_fits(s, s->taken)) {
        return "taken";
    }
    if (s->last >= 0 && !(s->last < s->points && go_has(s->board, s->last))) {
        return "last";
    }
    if (s->moves >= go_move_limit(s)) {
        return "moves";
    }
    if (s->positions > s->moves) {
        return "positions";
    }
    const char* wrong = go_find_false_group(s);
    if (wrong) {
        return wrong;
    }
    uint64_t seen[GO_SEEN_WORDS] = { 0 };
    for (int32_t k = 0; k < s->positions; k++) {
        seen[go_history(s)[k] / 64 % GO_SEEN_WORDS] |= (uint64_t)1 << go_history(s)[k] % 64;
    }
    if (!go_is_same(seen, s->seen, GO_SEEN_WORDS)) {
        return "seen";
    }
    go_find_moves(s, legal, danger, s->size);
    for (int32_t w = 0; w < GO_MAX_WORDS; w++) {
        int32_t used = w < go_words(s->size);
        if (s->legal[w] != (used ? legal[w] : 0)) {
            return "legal";
        }
        if (s->danger[w] != (used ? danger[w] : 0)) {
            return "danger";
        }
    }
    return NULL;
}

static const PufObs go_obs[] = {
    { "turn", 1, 0, 1, "1 if it is this agent's turn" },
    { "black", 1, 0, 1, "1 if the agent has the black stones" },
    { "passed", 1, 0, 1, "1 if the last move was a pass" },
    { "planes", 0, 0, 1,
      "row by row from the top left: the agent's stones; the opponent's; the agent's of groups with a single liberty; "
      "the opponent's of such; where the agent may move now" },
};
static const PufParam go_params[] = {
    PUF_SETTING(Go, size, 7, GO_MIN_SIZE, GO_MAX_SIZE, "lines along a side of the board"),
    PUF_SETTING(Go, komi, 7.5, -50, 50, "points that White gets for moving second"),
    PUF_SETTING(
        Go, strength, 1, 0, GO_MAX_STRENGTH,
        "of the scripted opponent: 0 plays at random, 1 looks at what a move takes and leaves in danger, 2 to 4 search "
        "with 100, 300 and 1000 playouts, fewer on boards above 7x7; none fills its own eyes"),
    PUF_SETTING(Go, opening, 2, 0, GO_MAX_OPENING, "stones at the start that are drawn at random"),
    PUF_FLAG(Go, self_play, 0, "two agents play each other"),
};
static const PufField go_fields[] = {
    PUF_GRID(Go, stones,
             "of the first agent and of its opponent: bit row * (size + 1) + column, counted from the top left over "
             "words of 64"),
    PUF_ARRAY(Go, legal, "where the player whose turn it is may move, in such bits"),
    PUF_ARRAY(Go, danger, "the stones of groups with a single liberty"),
    PUF_ARRAY(Go, taken, "the stones that the last move captured"),
    PUF_GRID(Go, ended, "the stones at the end of the previous game"),
    PUF_ARRAY(Go, areas, "points of each player at the end of the previous game, without komi",
              PUF_RANGE(0, GO_MAX_SIZE* GO_MAX_SIZE)),
    PUF_SCALAR(Go, result, "of the previous game, for the first agent: 0 none yet, 1 won, 2 drawn, 3 lost",
               PUF_RANGE(GO_RUNNING, GO_LOST)),
    PUF_SCALAR(Go, turn, "whose move it is: 0 the first agent", PUF_UP_TO(Go, self_play)),
    PUF_SCALAR(Go, black, "who made the first move", PUF_RANGE(0, 1)),
    PUF_SCALAR(Go, ended_black, "who made the first move of the previous game", PUF_RANGE(0, 1)),
    PUF_SCALAR(Go, passes, "in a row", PUF_RANGE(0, 1)),
    PUF_SCALAR(Go, moves, "of both players in this game", PUF_RANGE(0, 2 * GO_MAX_SIZE * GO_MAX_SIZE - 1)),
    PUF_SCALAR(Go, positions, "in the history", PUF_RANGE(0, 2 * GO_MAX_SIZE * GO_MAX_SIZE - 1)),
    PUF_SCALAR(Go, tick, "steps in this game", PUF_RANGE(0, 2 * GO_MAX_SIZE * GO_MAX_SIZE)),
    PUF_SCALAR(Go, last, "bit of the last stone, -1 before the first and after a pass",
               PUF_RANGE(-1, GO_MAX_POINTS - 1)),
    PUF_SCALAR(Go, hash, NULL),
    PUF_ARRAY(Go, leaders, NULL),
    PUF_GRID(Go, lost, NULL),
    PUF_ARRAY(Go, seen, NULL),
    PUF_ARRAY(Go, board, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, stride, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, points, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, group_words, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, two_sizes, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, groups_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, group_of_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Go, history_offset, NULL, PUF_DERIVED),
    PUF_BLOCK(Go, "groups", PUF_U64, groups_offset, points, group_words, NULL),
    PUF_BLOCK(Go, "group_of", PUF_I16, group_of_offset, size, stride, NULL, PUF_LESS_THAN(Go, points)),
    PUF_BLOCK(Go, "history", PUF_U64, history_offset, size, two_sizes, NULL),
    PUF_SCALAR(Go, size, "lines along a side"),
    PUF_SCALAR(Go, komi, "points that White gets for moving second"),
    PUF_SCALAR(Go, strength, "of the scripted opponent"),
    PUF_SCALAR(Go, opening, "stones at the start that are drawn at random"),
    PUF_SCALAR(Go, self_play, "1: two agents"),
};
static const char* const go_log_names[] = { "black.n", "black.perf" };

// clang-format off
PUF_DEFINE_ENV(go, Go,
    .version = 1,
    .doc = "Surround more of the board than the other does, against a scripted opponent or in self-play.",
    .reward = "1 for a win, -1 for a loss, 0 for a draw",
    .ends = "terminal after two passes in a row, or after 2 * size * size moves",
    .rate = 2,
    .obs_dtype = PUF_U8,
    .layout = { .agents = 1, .obs_ndim = 1, .obs_shape = { 248 }, PUF_ACTIONS(go), .masked = 1 },
    PUF_TABLES(go),
    PUF_LOG_NAMES(go),
    .resize = go_resize, .prepare = go_prepare, .contradiction = go_contradiction);
