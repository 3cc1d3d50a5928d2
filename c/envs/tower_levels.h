// tower_levels.h - random levels for tower.h, each joined from parts and with a solution that the rules have replayed.
//
// A level begins with a hero on a small base. One gadget after another is put where the hero has got
// to: it names the cells that must be blocks, those that must be free, and the moves that lead
// through it. Blocks that would not hold get a pillar. Then the whole solution is played from the
// start, by the rules themselves; if a move has no effect, kills the hero or leads elsewhere, the
// gadget is taken away again. So gadgets may share blocks and cross each other's ways, and whatever
// remains can be solved. The goal is where the hero ends.
//
// Clutter is added in the same way, block by block. Last, moves are left out where the rest still
// leads to the goal, and the ways between the moved blocks become the shortest; what remains is par.
#pragma once

enum {
    TOWER_PART_CELLS = 20,
    TOWER_PICKS = 120,      // gadgets tried at one place
    TOWER_LEVEL_TRIES = 16, // with less clutter each; the last one is a stair
    TOWER_CLUTTER = 160,    // blocks tried at clutter 1
    TOWER_MARGIN = 1,       // cells between what is built and the border of the world
    TOWER_MIN_RISE = 1,
};

// A part of a level. Cells are (forward, right, up) of the hero, who stands at (0, 0, 0).
//
// Moves: F, R, B, L go forward, to the right, back, to the left, and turn there first if the hero stands with free hands;
// f, r, b, l only turn there; g grabs, x lets go of an edge.
typedef struct TowerGadget {
    const char* moves;
    int8_t end[3];        // where they lead to
    int8_t blocks, rooms; // how many of the cells are blocks, and how many after them are free
    int8_t cells[TOWER_PART_CELLS][3];
} TowerGadget;

// From easy to hard.
// clang-format off
static const TowerGadget tower_gadgets[] = {
    // stair: a block to climb
    { "F", { 1, 0, 1 }, 1, 2,
      { { 1, 0, 0 }, { 1, 0, 1 }, { 0, 0, 1 } } },
    // walk: a block of floor
    { "F", { 1, 0, 0 }, 1, 2,
      { { 1, 0, -1 }, { 1, 0, 0 }, { 1, 0, 1 } } },
    // pull out: the lower block of a wall of two is the step
    { "fgBFF", { 1, 0, 2 }, 3, 5,
      { { 1, 0, 0 }, { 1, 0, 1 }, { -1, 0, -1 }, { -1, 0, 0 }, { -1, 0, 1 }, { 0, 0, 1 }, { 0, 0, 2 },
        { 1, 0, 2 } } },
    // push a step: a block, pushed to a wall of two
    { "fgFFFF", { 3, 0, 2 }, 4, 5,
      { { 1, 0, -1 }, { 1, 0, 0 }, { 3, 0, 0 }, { 3, 0, 1 }, { 1, 0, 1 }, { 2, 0, 0 }, { 2, 0, 1 },
        { 2, 0, 2 }, { 3, 0, 2 } } },
    // corner: hang beside a wall of two, and climb in its corner
    { "RFF", { 1, 1, 0 }, 3, 5,
      { { 1, 0, 0 }, { 1, 0, 1 }, { 1, 1, -1 }, { 0, 1, 0 }, { 0, 1, -1 }, { 0, 1, -2 }, { 1, 1, 0 },
        { 1, 1, 1 } } },
    // bridge: a block, pushed into a gap
    { "fgFFFF", { 3, 0, 1 }, 3, 5,
      { { 1, 0, -1 }, { 1, 0, 0 }, { 3, 0, 0 }, { 1, 0, 1 }, { 2, 0, -1 }, { 2, 0, 0 }, { 2, 0, 1 },
        { 3, 0, 1 } } },
    // hang around: past a wall of two, along the edge beside it
    { "RFFL", { 2, 0, 0 }, 4, 8,
      { { 1, 0, -1 }, { 2, 0, -1 }, { 1, 0, 0 }, { 1, 0, 1 }, { 0, 1, 0 }, { 0, 1, -1 }, { 0, 1, -2 },
        { 1, 1, -1 }, { 2, 1, -1 }, { 2, 1, 0 }, { 2, 0, 0 }, { 2, 0, 1 } } },
    // pull aside: a block on one side is the step to a wall on another
    { "rgLRF", { 1, 0, 2 }, 4, 5,
      { { 0, 1, 0 }, { 1, 0, 0 }, { 1, 0, 1 }, { 0, -1, -1 }, { 0, -1, 0 }, { 0, -1, 1 }, { 0, 0, 1 },
        { 0, 0, 2 }, { 1, 0, 2 } } },
    // let go: from an edge onto a block below
    { "Rx", { 0, 1, -2 }, 1, 3,
      { { 0, 1, -3 }, { 0, 1, 0 }, { 0, 1, -1 }, { 0, 1, -2 } } },
    // drop: a block on an edge, pushed off it, is the step below an overhang
    { "fgFFFF", { 3, 0, 1 }, 5, 9,
      { { 1, 0, 0 }, { 1, 0, -2 }, { 2, 0, -2 }, { 3, 0, 0 }, { 4, 0, -1 }, { 1, 0, -1 }, { 2, 0, 0 },
        { 2, 0, -1 }, { 2, 1, -1 }, { 2, -1, -1 }, { 3, 0, -1 }, { 2, 0, 1 }, { 1, 0, 1 }, { 3, 0, 1 } } },
    // pull over the edge: the hero ends up hanging behind his step, and has to go around it
    { "fgBRFLF", { 1, 0, 2 }, 3, 10,
      { { 1, 0, 0 }, { 1, 0, 1 }, { 0, 1, -1 }, { -1, 0, 0 }, { -1, 0, -1 }, { -1, 0, -2 }, { -1, 1, -1 },
        { -1, 1, 0 }, { 0, 1, 0 }, { 0, 1, 1 }, { 0, 0, 1 }, { 0, 0, 2 }, { 1, 0, 2 } } },
    // wide bridge: two blocks in a row, pushed into a gap of two
    { "fgFFFFF", { 4, 0, 1 }, 5, 6,
      { { 1, 0, -1 }, { 2, 0, -1 }, { 1, 0, 0 }, { 2, 0, 0 }, { 4, 0, 0 }, { 1, 0, 1 }, { 2, 0, 1 },
        { 3, 0, 0 }, { 3, 0, 1 }, { 3, 0, -1 }, { 4, 0, 1 } } },
    // sink: the lowest block of a wall of three, pulled out by two, lets the wall sink; pushed back it is the step
    { "fgBgBgFFFF", { 1, 0, 2 }, 5, 11,
      { { 1, 0, 0 }, { 1, 0, 1 }, { 1, 0, 2 }, { -1, 0, -1 }, { -2, 0, -1 }, { -1, 0, 0 }, { -2, 0, 0 },
        { -1, 0, 1 }, { -2, 0, 1 }, { -1, 0, 2 }, { 0, 0, 1 }, { 0, 0, 2 }, { 1, 0, 3 }, { 1, 1, 0 },
        { 1, -1, 0 }, { 2, 0, 0 } } },
};
// clang-format on
enum { TOWER_KINDS = PUF_COUNT(tower_gadgets), TOWER_EASY_KINDS = 2 };

// A level under construction.
typedef struct TowerSketch {
    Tower first; // its start
    Tower now;   // after the moves
    int32_t length;
    uint8_t moves[TOWER_MAX_PAR];
} TowerSketch;

static void tower_resize(PufLayout* layout, const void* setup)
{
    const TowerSetup* given = setup;
    layout->assets_size = (uint64_t)given->state.num_levels * sizeof(TowerLevel);
}

// ---- Moves ----

// Play an action by the rules. Returns whether it did something and the hero lives.
static int32_t tower_try(Tower* s, int32_t action)
{
    int32_t works = s->choices >> action & 1;
    tower_act(s, action);
    return works && s->fate == TOWER_ALIVE;
}

// Play an action, and write it down.
static int32_t tower_append(TowerSketch* k, int32_t action)
{
    if (k->length == TOWER_MAX_PAR) {
        return 0;
    }
    k->moves[k->length++] = (uint8_t)action;
    return tower_try(&k->now, action);
}

// Play all moves from the start, where the hero needs room.
static int32_t tower_replay(TowerSketch* k)
{
    k->now = k->first;
    k->now.choices = tower_find_choices(&k->now);
    if (k->first.layers[k->first.height] & tower_set(k->first.cell)) {
        return 0;
    }
    for (int32_t i = 0; i < k->length; i++) {
        if (!tower_try(&k->now, k->moves[i])) {
            return 0;
        }
    }
    return 1;
}

// How a gadget lies in the world.
typedef struct TowerFrame {
    int32_t row, column, height;
    int32_t forward, right; // sides; the right is on the left where the gadget is mirrored
} TowerFrame;

// The side that a letter of a gadget's moves stands for.
static int32_t tower_letter_side(const TowerFrame* f, char letter)
{
    switch (letter) {
    case 'f':
    case 'F': return f->forward;
    case 'b':
    case 'B': return tower_opposite(f->forward);
    case 'r':
    case 'R': return f->right;
    default: return tower_opposite(f->right);
    }
}

static int32_t tower_play_gadget(TowerSketch* k, const TowerFrame* f, const char* moves)
{
    int32_t works = 1;
    for (const char* letter = moves; *letter && works; letter++) {
        if (*letter == 'g' || *letter == 'x') {
            works = tower_append(k, *letter == 'g' ? TOWER_GRAB : TOWER_RELEASE);
            continue;
        }
        int32_t side = tower_letter_side(f, *letter), only_turns = *letter >= 'a';
        int32_t turns = !k->now.hanging && !k->now.holding && k->now.facing != side;
        works = !turns || tower_append(k, side);
        works = works && (only_turns || tower_append(k, side));
    }
    return works && !k->now.hanging && !k->now.holding;
}

// ---- Building ----

// Where a cell of a gadget lies, as a set, and its height; the empty set outside of the world.
static uint64_t tower_locate(const TowerFrame* f, const int8_t* cell, int32_t margin, int32_t* height)
{
    static const int32_t south[TOWER_SIDES] = { -1, 0, 1, 0 }, east[TOWER_SIDES] = { 0, 1, 0, -1 };
    int32_t row = f->row + cell[0] * south[f->forward] + cell[1] * south[f->right];
    int32_t column = f->column + cell[0] * east[f->forward] + cell[1] * east[f->right];
    *height = f->height + cell[2];
    int32_t least = margin, most = TOWER_SIDE - 1 - margin;
    int32_t inside = row >= least && row <= most && column >= least && column <= most;
    return inside && *height >= TOWER_BASE && *height <= TOWER_TOP ? tower_set(TOWER_SIDE * row + column) : 0;
}

static int32_t tower_is_held(const Tower* s, uint64_t set, int32_t height)
{
    return height == TOWER_BASE || (set & tower_holds(s->layers[height - 1])) != 0;
}

// Put a block into the start of a level, and a pillar below it down to where it holds.
static void tower_build(Tower* first, uint64_t set, int32_t height)
{
    first->layers[height] |= set;
    while (!tower_is_held(first, set, height)) {
        height -= 1;
        first->layers[height] |= set;
    }
}

// The blocks of a gadget that are not there yet. A place from which the moves took a block cannot have it both ways.
static int32_t tower_build_gadget(TowerSketch* k, const TowerGadget* g, const TowerFrame* f)
{
    int32_t height;
    for (int32_t i = 0; i < g->blocks + g->rooms; i++) {
        int32_t is_block = i < g->blocks;
        uint64_t set = tower_locate(f, g->cells[i], is_block ? TOWER_MARGIN : 0, &height);
        if (!is_block && (height > TOWER_TOP || height < TOWER_BASE)) {
            continue; // sky and void are free
        }
        int32_t filled = (k->now.layers[height] & set) != 0, was_filled = (k->first.layers[height] & set) != 0;
        if (set == 0 || (is_block ? !filled && was_filled : filled)) {
            return 0;
        }
    }
    for (int32_t i = 0; i < g->blocks; i++) {
        uint64_t set = tower_locate(f, g->cells[i], TOWER_MARGIN, &height);
        if (!(k->now.layers[height] & set)) {
            tower_build(&k->first, set, height);
        }
    }
    return 1;
}

// Add a gadget where the hero is. Returns whether that worked; if not, the sketch is of no use any more.
static int32_t tower_add_gadget(TowerSketch* k, const TowerGadget* g, const TowerFrame* f)
{
    int32_t height, length = k->length;
    uint64_t end = tower_locate(f, g->end, TOWER_MARGIN, &height);
    if (end == 0 || !tower_build_gadget(k, g, f)) {
        return 0;
    }
    Tower before = k->now;
    int32_t same = tower_replay(k) && k->now.cell == before.cell && k->now.height == before.height;
    int32_t works = same && k->length == length && tower_play_gadget(k, f, g->moves);
    return works && tower_set(k->now.cell) == end && k->now.height == height;
}

// One of the first `kinds` gadgets, turned and mirrored at random; whichever fits first. Easy ones are rarer.
static int32_t tower_extend(TowerSketch* k, PufRng* rng, int32_t kinds)
{
    TowerSketch trial;
    for (int32_t pick = 0; pick < TOWER_PICKS; pick++) {
        int32_t easy = kinds <= TOWER_EASY_KINDS || puf_rand_below(rng, 3) == 0;
        int32_t from = easy ? 0 : TOWER_EASY_KINDS, to = easy ? TOWER_EASY_KINDS : kinds;
        const TowerGadget* g = &tower_gadgets[from + (int32_t)puf_rand_below(rng, (uint32_t)(to - from))];
        TowerFrame f;
        f.row = k->now.cell / TOWER_SIDE;
        f.column = k->now.cell % TOWER_SIDE;
        f.height = k->now.height;
        f.forward = (int32_t)puf_rand_below(rng, TOWER_SIDES);
        f.right = (f.forward + (puf_rand_below(rng, 2) ? 1 : 3)) % TOWER_SIDES;
        trial = *k;
        if (tower_add_gadget(&trial, g, &f)) {
            *k = trial;
            return 1;
        }
    }
    return 0;
}

// The hero on a base of up to 4 x 4 blocks.
static void tower_begin_sketch(TowerSketch* k, PufRng* rng)
{
    memset(k, 0, sizeof(*k));
    int32_t row[2], column[2]; // the first and the last of the base
    for (int32_t end = 0; end < 2; end++) {
        row[end] = 2 * end + 2 + (int32_t)puf_rand_below(rng, 2);
        column[end] = 2 * end + 2 + (int32_t)puf_rand_below(rng, 2);
    }
    for (int32_t r = row[0]; r <= row[1]; r++) {
        for (int32_t c = column[0]; c <= column[1]; c++) {
            k->first.layers[TOWER_BASE] |= tower_set(TOWER_SIDE * r + c);
        }
    }
    int32_t r = row[puf_rand_below(rng, 2)], c = column[puf_rand_below(rng, 2)];
    k->first.cell = TOWER_SIDE * r + c;
    k->first.height = TOWER_BASE + 1;
    k->first.facing = (int32_t)puf_rand_below(rng, TOWER_SIDES);
    (void)tower_replay(k);
}

// Add blocks that nothing needs, where the solution still works.
static void tower_add_clutter(TowerSketch* k, PufRng* rng, int32_t tries)
{
    int32_t cell = k->now.cell, height = k->now.height;
    TowerSketch trial;
    for (int32_t i = 0; i < tries; i++) {
        int32_t span = TOWER_SIDE - 2 * TOWER_MARGIN;
        int32_t row = TOWER_MARGIN + (int32_t)puf_rand_below(rng, (uint32_t)span);
        int32_t column = TOWER_MARGIN + (int32_t)puf_rand_below(rng, (uint32_t)span);
        int32_t h = TOWER_BASE + (int32_t)puf_rand_below(rng, (uint32_t)(height - TOWER_BASE));
        uint64_t set = tower_set(TOWER_SIDE * row + column);
        if ((k->first.layers[h] & set) || !tower_is_held(&k->first, set, h)) {
            continue;
        }
        trial = *k;
        trial.first.layers[h] |= set;
        if (tower_replay(&trial) && trial.now.cell == cell && trial.now.height == height && !trial.now.hanging) {
            *k = trial;
        }
    }
}

// ---- The solution ----

// Whether the moves without those at `a` and `b` lead to the goal. If so, they are left out, and what comes after the goal
// too.
static int32_t tower_leave_out(TowerSketch* k, int32_t a, int32_t b)
{
    TowerSketch trial = *k;
    trial.now = k->first;
    trial.now.choices = tower_find_choices(&trial.now);
    trial.length = 0;
    for (int32_t i = 0; i < k->length; i++) {
        if (i != a && i != b && !tower_append(&trial, k->moves[i])) {
            return 0;
        }
        if (tower_at_goal(&trial.now)) {
            *k = trial;
            return 1;
        }
    }
    return 0;
}

// Leave out single moves and pairs of them while the rest leads to the goal.
static void tower_shorten(TowerSketch* k)
{
    for (int32_t a = 0; a < k->length; a++) {
        for (int32_t b = a; b < k->length; b++) {
            if (tower_leave_out(k, a, b)) {
                a = -1;
                break;
            }
        }
    }
}

// ---- Ways of the hero between blocks that stay ----

enum { TOWER_POSES = TOWER_HEIGHTS * TOWER_CELLS * TOWER_SIDES * 2, TOWER_TO_GOAL = -1 };

// The number of what a hero with free or hanging hands does where.
static int32_t tower_pose(const Tower* s)
{
    return ((s->height * TOWER_CELLS + s->cell) * TOWER_SIDES + s->facing) * 2 + s->hanging;
}

static void tower_take_pose(Tower* s, int32_t pose)
{
    s->hanging = pose % 2;
    s->facing = pose / 2 % TOWER_SIDES;
    s->cell = pose / (2 * TOWER_SIDES) % TOWER_CELLS;
    s->height = pose / (2 * TOWER_SIDES * TOWER_CELLS);
    s->holding = 0;
    s->fate = TOWER_ALIVE;
    s->choices = tower_find_choices(s);
}

// A breadth-first search: for each pose, the one that it was reached from plus 1, and by which action.
typedef struct TowerSearch {
    int16_t from[TOWER_POSES], queue[TOWER_POSES];
    uint8_t action[TOWER_POSES];
} TowerSearch;

// Write the actions that lead to a pose. Returns how many, or 0 if they are not fewer than `limit`.
static int32_t tower_trace(const TowerSearch* search, int32_t start, int32_t pose, int32_t limit, uint8_t* actions)
{
    int32_t count = 0;
    for (int32_t p = pose; p != start; p = search->from[p] - 1) {
        count += 1;
    }
    if (count >= limit) {
        return 0;
    }
    int32_t at = count;
    for (int32_t p = pose; p != start; p = search->from[p] - 1) {
        actions[--at] = search->action[p];
    }
    return count;
}

// The shortest way of the hero to a pose, or to the goal, without moving a block. Returns its length, or 0 if there is none
// of fewer than `limit` actions.
static int32_t tower_find_way(const Tower* start, int32_t target, int32_t limit, uint8_t* actions)
{
    TowerSearch search;
    Tower s = *start;
    int32_t first = tower_pose(&s), head = 0, tail = 1;
    memset(search.from, 0, sizeof(search.from));
    search.from[first] = (int16_t)(first + 1);
    search.queue[0] = (int16_t)first;
    while (head < tail) {
        int32_t pose = search.queue[head++];
        for (int32_t action = 0; action < TOWER_ACTIONS; action++) {
            tower_take_pose(&s, pose);
            if (action == TOWER_GRAB || !tower_try(&s, action)) {
                continue;
            }
            int32_t next = tower_pose(&s);
            if (search.from[next]) {
                continue;
            }
            search.from[next] = (int16_t)(pose + 1);
            search.action[next] = (uint8_t)action;
            search.queue[tail++] = (int16_t)next;
            if (target == TOWER_TO_GOAL ? tower_at_goal(&s) : next == target) {
                return tower_trace(&search, first, next, limit, actions);
            }
        }
    }
    return 0;
}

// Append actions that all do something.
static void tower_append_all(TowerSketch* k, const uint8_t* actions, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        (void)tower_append(k, actions[i]);
    }
}

// Between the blocks that it moves, let the solution take the shortest ways; and leave the rest out where the goal can be
// reached at once.
static void tower_straighten(TowerSketch* k)
{
    uint8_t way[TOWER_MAX_PAR];
    TowerSketch old = *k, best = *k;
    k->length = 0;
    (void)tower_replay(k);
    for (int32_t i = 0; i < old.length;) {
        int32_t grab = i; // where the next one is, or the end
        Tower there = k->now;
        while (grab < old.length && old.moves[grab] != TOWER_GRAB) {
            tower_act(&there, old.moves[grab++]);
        }
        int32_t direct = tower_find_way(&k->now, TOWER_TO_GOAL, best.length - k->length, way);
        if (direct) {
            best = *k;
            tower_append_all(&best, way, direct);
        }
        int32_t shorter = tower_find_way(&k->now, tower_pose(&there), grab - i, way);
        tower_append_all(k, shorter ? way : old.moves + i, shorter ? shorter : grab - i);
        int32_t moves = grab < old.length ? 2 : 0; // grab, and push or pull
        tower_append_all(k, old.moves + grab, moves);
        i = grab + moves;
    }
    if (best.length < k->length) {
        *k = best;
    }
}

static int32_t tower_moves_blocks(const TowerSketch* k)
{
    int32_t grabs = 0;
    for (int32_t i = 0; i < k->length; i++) {
        grabs |= k->moves[i] == TOWER_GRAB;
    }
    return grabs;
}

// ---- All levels ----

static void tower_finish(const TowerSketch* k, TowerLevel* level)
{
    memcpy(level->layers, k->first.layers, sizeof(level->layers));
    memcpy(level->solution, k->moves, (size_t)k->length);
    level->cell = k->first.cell;
    level->height = k->first.height;
    level->facing = k->first.facing;
    level->goal_cell = k->first.goal_cell;
    level->goal_height = k->first.goal_height;
    level->par = k->length;
    level->puzzle = tower_moves_blocks(k);
}

// A level of some gadgets of the first kinds. Returns whether its goal is above its start.
static int32_t tower_make_level(TowerLevel* level, PufRng* rng, int32_t gadgets, int32_t kinds, float clutter)
{
    TowerSketch k;
    tower_begin_sketch(&k, rng);
    for (int32_t i = 0; i < gadgets && tower_extend(&k, rng, kinds); i++) {
    }
    if (k.now.height < k.first.height + TOWER_MIN_RISE) {
        return 0;
    }
    tower_add_clutter(&k, rng, (int32_t)(clutter * TOWER_CLUTTER));
    k.first.goal_cell = k.now.cell;
    k.first.goal_height = k.now.height;
    (void)tower_leave_out(&k, -1, -1); // as the way may have led over the goal before
    tower_shorten(&k);
    tower_straighten(&k);
    tower_finish(&k, level);
    return 1;
}

// From `low` for the first of `count` levels to `high` for the last, rounded.
static int32_t tower_between(int32_t low, int32_t high, int32_t number, int32_t count)
{
    return count > 1 ? low + (2 * number * (high - low) + count - 1) / (2 * (count - 1)) : high;
}

// Sort by par; ties by number (Shell 1959).
static void tower_rank(TowerLevel* levels, int32_t count)
{
    for (int32_t gap = count / 2; gap > 0; gap = gap > 2 ? gap * 5 / 11 : gap - 1) {
        for (int32_t i = gap; i < count; i++) {
            TowerLevel level = levels[i];
            int32_t at = i;
            for (; at >= gap; at -= gap) {
                const TowerLevel* before = &levels[at - gap];
                if (before->par < level.par || (before->par == level.par && before->number < level.number)) {
                    break;
                }
                levels[at] = *before;
            }
            levels[at] = level;
        }
    }
}

static void tower_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    const TowerSetup* given = setup;
    TowerLevel* levels = assets;
    int32_t count = given->state.num_levels;
    for (int32_t i = 0; i < count; i++) {
        PufRng rng = puf_rng_seed(given->level_seed, (uint64_t)i);
        int32_t gadgets = tower_between(1, given->gadgets, i, count);
        int32_t kinds = tower_between(1, TOWER_KINDS, i, count);
        levels[i].number = i;
        for (int32_t tries = 0; !tower_make_level(&levels[i], &rng, gadgets, kinds, given->clutter); tries++) {
            kinds = tries < TOWER_LEVEL_TRIES ? kinds : 1; // a stair always fits beside the hero
        }
    }
    tower_rank(levels, count);
}
