// tower - climb a tower of blocks to its goal: walk, hang from edges, push and pull blocks into steps.
//
// Observation  uint8 (310,), all 0 or 1:
//              view     294 cells around the hero, 1 for a block: 6 layers, from two below him to
//                       three above, of 7 rows from the north and 7 columns from the west. He is in
//                       the middle of the third layer.
//              facing   north, east, south, west.
//              hanging  1 if he hangs from the block that he faces.
//              holding  1 if he stands and holds the block that he faces.
//              way      whether the goal lies to the north, east, south, west, above, below.
//              height   of the hero above the base, 4 bits, the lowest first.
// Action       one of 6: north, east, south, west, grab, release. The action mask marks those that
//              do something; the others have no effect.
// Reward       +1 on reaching the goal, `reward_height` for each layer higher than ever before in
//              the episode, `reward_death` for a death.
// End          terminal on the goal and on a death: the hero falls out of the world, or a block falls
//              on him; truncated after `max_steps`, by default 4 x par + 20.
// Score        par / steps, or 0 if not solved; perf is 1 if solved, else 0. Par is the length of a
//              known solution. Where a shorter one exists, a score can exceed 1.
//
// The world is 8 x 8 cells wide and 12 layers high. Nothing leaves it sideways. The blocks of the
// lowest layer are the base, which never moves. Beside and below it is the void.
//
// A block holds if one of five cells is filled: the one below it, or the four beside that one. So
// blocks hold on edges, and a bridge needs no pillar. Blocks that do not hold fall, layer by layer,
// until they do, or out of the world. One that falls on the hero kills him.
//
// The hero stands on a block, or hangs from the edge of one. He reaches the goal by standing in its
// cell. What he can do:
// 1. Standing, he turns when he is sent to another side than the one he faces.
// 2. Sent ahead, he walks where there is floor, and steps down by one. He climbs a block if the cells
//    above it and above him are free. Where it is deeper, he lets himself down and hangs from the
//    edge that he stood on, facing it.
// 3. Hanging, he climbs onto the block that he faces if the cells above it and above him are free. He
//    moves sideways along the wall, around corners too. On release he falls onto the next block
//    below, unharmed, or out of the world.
// 4. Standing, he grabs the block ahead. Sent ahead then, he pushes it, with all blocks of its row, if
//    there is room behind them, and stays where he is. Sent back, he pulls it along as he steps back;
//    where there is no floor, he ends up hanging from the edge that he stood on. Sent sideways, he
//    turns. After each of these, and on release, his hands are free.
//
// A batch makes all its levels once, from fixed settings, and shares them. Each is joined from parts
// such as a stair, a wall to hang around, or a wall whose lowest block is the step to its top; its
// solution was played by these rules when it was made. Levels range from one part to `gadgets`, and
// are ranked by par. An episode draws its level from a window of ranks, which `difficulty` and
// `spread` can move while the environment runs. A policy learns these particular levels, partly by
// heart: use another `level_seed` to measure how well it climbs towers in general.
//
// A layer is a set of cells: bit 8 * row + column of one integer, rows from the north. A cell is a
// set of one, and what is beyond the border is the empty set. Two layers of void below the base and
// three of sky above the top are always empty, so that no rule and no view has to check.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { TOWER_SIDE = 8, TOWER_CELLS = TOWER_SIDE * TOWER_SIDE };
enum {
    TOWER_BELOW = 2, // layers of void; as many as a view shows below the hero
    TOWER_ABOVE = 3, // layers of sky; as many as a view shows above him
    TOWER_BASE = TOWER_BELOW,
    TOWER_TOP = TOWER_BASE + 11, // the highest layer for blocks and hero
    TOWER_HEIGHTS = TOWER_TOP + 1 + TOWER_ABOVE,
};
enum { TOWER_VIEW_LAYERS = TOWER_BELOW + 1 + TOWER_ABOVE, TOWER_SIGHT = 3, TOWER_VIEW = 2 * TOWER_SIGHT + 1 };
enum { TOWER_VIEW_CELLS = TOWER_VIEW_LAYERS * TOWER_VIEW * TOWER_VIEW, TOWER_WAYS = 6, TOWER_HEIGHT_BITS = 4 };
enum { TOWER_NORTH, TOWER_EAST, TOWER_SOUTH, TOWER_WEST, TOWER_SIDES };
enum { TOWER_GRAB = TOWER_SIDES, TOWER_RELEASE, TOWER_ACTIONS }; // the first four actions are the sides
enum { TOWER_OBS = TOWER_VIEW_CELLS + TOWER_SIDES + 2 + TOWER_WAYS + TOWER_HEIGHT_BITS };
enum { TOWER_ALIVE, TOWER_SOLVED, TOWER_FELL, TOWER_CRUSHED, TOWER_LATE };
enum { TOWER_MAX_PAR = 120, TOWER_MAX_LEVELS = 65536, TOWER_MAX_GADGETS = 20 };
#define TOWER_EACH UINT64_C(0x0101010101010101)   // the westernmost column; the lowest bit of each byte
#define TOWER_SPREAD UINT64_C(0x0002040810204081) // times 7 bits: bit i lowest in byte i

typedef struct TowerLevel {
    uint64_t layers[TOWER_HEIGHTS];
    int32_t number; // its place in the order in which levels were made
    int32_t cell, height, facing;
    int32_t goal_cell, goal_height;
    int32_t par;
    int32_t puzzle;                  // 1: the solution moves a block
    uint8_t solution[TOWER_MAX_PAR]; // `par` actions
} TowerLevel;

typedef struct Tower {
    PufRng rng;
    int32_t max_steps, num_levels; // settings
    float reward_height, reward_death;
    int32_t first_rank, num_ranks;  // the window from which episodes draw
    uint64_t layers[TOWER_HEIGHTS]; // the blocks
    int32_t cell, height, facing;   // of the hero
    int32_t hanging, holding;       // what his hands do; never both
    int32_t fate;                   // TOWER_ALIVE, or how he died
    int32_t choices;                // bit a: action a does something
    int32_t goal_cell, goal_height; // of this level
    int32_t best;                   // his greatest height in this episode
    int32_t rank, par, puzzle;      // of the level; rank 0 is the easiest
    int32_t solution_offset;        // its solution: bytes from the start of the assets
    int32_t solution_rows, solution_columns;
    int32_t tick, limit;
    int32_t result; // of the previous episode: TOWER_..., 0 for none
    float episode_return;
    PufLog log;
    float log_par, log_fell, log_crushed, log_climbed; // after the five of PufLog
    float puzzle_n, puzzle_perf, solved_n, solved_steps, solved_par;
} Tower;

// The settings that levels are made from, and the window of ranks.
typedef struct TowerSetup {
    Tower state;
    int32_t gadgets;
    float clutter;
    uint32_t level_seed;
    double difficulty, spread;
} TowerSetup;

// ---- Sets of cells ----

static uint64_t tower_set(int32_t cell) { return UINT64_C(1) << cell; }

static uint64_t tower_turned(uint64_t set, int32_t by) { return set << (by & 63) | set >> (-by & 63); }

// What a step to a side adds to the number of a cell, and the cells that such a step can lead to.
static const int32_t tower_delta[TOWER_SIDES] = { -TOWER_SIDE, 1, TOWER_SIDE, -1 };
static const uint64_t tower_reached[TOWER_SIDES] = { ~UINT64_C(0) >> TOWER_SIDE, ~TOWER_EACH,
                                                     ~UINT64_C(0) << TOWER_SIDE, ~(TOWER_EACH << 7) };

// All cells of a set moved by one to a side; those that would leave the world are gone.
static uint64_t tower_next(uint64_t set, int32_t side)
{
    return tower_turned(set, tower_delta[side]) & tower_reached[side];
}

// The cells in which blocks hold, given the layer below.
static uint64_t tower_holds(uint64_t below)
{
    return below | tower_next(below, TOWER_NORTH) | tower_next(below, TOWER_EAST) | tower_next(below, TOWER_SOUTH) |
           tower_next(below, TOWER_WEST);
}

static int32_t tower_opposite(int32_t side) { return (side + 2) % TOWER_SIDES; }

// ---- Rules ----

// Where the last block of the row ahead would be pushed to; beyond the border the empty set.
static uint64_t tower_row_end(uint64_t layer, uint64_t ahead, int32_t side)
{
    uint64_t end = ahead;
    while (end & layer) {
        end = tower_next(end, side);
    }
    return end;
}

// The actions that do something now, as bits. What is free and what is filled lies inside the world.
static int32_t tower_find_choices(const Tower* s)
{
    const uint64_t* layer = s->layers + s->height; // layer[1] is the one above, layer[-1] the floor
    int32_t facing = s->facing, back = tower_opposite(facing);
    uint64_t here = tower_set(s->cell), ahead = tower_next(here, facing), behind = tower_next(here, back);
    int32_t can_climb = (here & ~layer[1]) && (ahead & ~layer[1]) && s->height < TOWER_TOP;
    if (s->hanging) {
        int32_t left = (facing + 3) % TOWER_SIDES, right = (facing + 1) % TOWER_SIDES;
        return can_climb << facing | (tower_next(here, left) != 0) << left | (tower_next(here, right) != 0) << right |
               1 << TOWER_RELEASE;
    }
    int32_t turns = ((1 << TOWER_SIDES) - 1) & ~(1 << facing);
    if (s->holding) {
        int32_t can_push = tower_row_end(layer[0], ahead, facing) != 0, can_pull = (behind & ~layer[0]) != 0;
        return (turns & ~(1 << back)) | can_push << facing | can_pull << back | 1 << TOWER_RELEASE;
    }
    int32_t meets_block = (ahead & layer[0]) != 0, can_go = meets_block ? can_climb : ahead != 0;
    return turns | can_go << facing | meets_block << TOWER_GRAB;
}

// Let the blocks fall that do not hold, of the layers from `lowest` upwards, until all do: round by round, from the
// bottom up, each of them one layer deeper.
static void tower_settle(Tower* s, int32_t lowest)
{
    uint64_t falling = 1, here = tower_set(s->cell);
    while (falling) {
        falling = 0;
        for (int32_t h = lowest; h <= TOWER_TOP; h++) {
            uint64_t loose = s->layers[h] & ~tower_holds(s->layers[h - 1]);
            s->layers[h] &= ~loose;
            s->layers[h - 1] |= h - 1 > TOWER_BASE ? loose : 0; // the base stays as it is: they fall past it
            falling |= loose;
        }
        s->fate = s->layers[s->height] & here ? TOWER_CRUSHED : s->fate;
        lowest -= lowest > TOWER_BASE + 1;
    }
}

static void tower_push(Tower* s, uint64_t ahead)
{
    s->layers[s->height] ^= ahead | tower_row_end(s->layers[s->height], ahead, s->facing);
    s->holding = 0;
    tower_settle(s, s->height);
}

static void tower_pull(Tower* s, uint64_t ahead)
{
    int32_t height = s->height;
    s->layers[height] ^= ahead | tower_set(s->cell);
    s->cell -= tower_delta[s->facing];
    s->holding = 0;
    if (!(s->layers[height - 1] & tower_set(s->cell))) {
        s->height -= 1;
        s->hanging = 1;
    }
    tower_settle(s, height);
}

// Standing, towards the side that he faces.
static void tower_walk(Tower* s, uint64_t ahead)
{
    const uint64_t* layer = s->layers + s->height;
    int32_t climbs = (ahead & layer[0]) != 0, floor = (ahead & layer[-1]) != 0, low_floor = (ahead & layer[-2]) != 0;
    s->cell += tower_delta[s->facing];
    s->height += climbs ? 1 : floor ? 0 : -1;
    if (!climbs && !floor && !low_floor) {
        s->hanging = 1;
        s->facing = tower_opposite(s->facing);
    }
}

// Hanging, along the wall: around a corner that is in the way, along, or around the corner where the wall ends.
static void tower_shimmy(Tower* s, int32_t side)
{
    uint64_t beside = tower_next(tower_set(s->cell), side), wall = tower_next(beside, s->facing);
    uint64_t layer = s->layers[s->height];
    if (beside & layer) {
        s->facing = side;
    } else if (wall & layer) {
        s->cell += tower_delta[side];
    } else {
        s->cell += tower_delta[side] + tower_delta[s->facing];
        s->facing = tower_opposite(side);
    }
}

static void tower_release(Tower* s)
{
    s->holding = 0;
    if (!s->hanging) {
        return;
    }
    s->hanging = 0;
    while (s->height > TOWER_BASE && !(s->layers[s->height - 1] & tower_set(s->cell))) {
        s->height -= 1;
    }
    s->fate = s->height == TOWER_BASE ? TOWER_FELL : s->fate;
}

// One action of the hero, and what follows from it.
static void tower_act(Tower* s, int32_t action)
{
    if (!(s->choices >> action & 1)) {
        return;
    }
    uint64_t ahead = tower_next(tower_set(s->cell), s->facing);
    if (action == TOWER_RELEASE) {
        tower_release(s);
    } else if (action == TOWER_GRAB) {
        s->holding = 1;
    } else if (s->hanging && action != s->facing) {
        tower_shimmy(s, action);
    } else if (s->hanging) {
        s->cell += tower_delta[s->facing];
        s->height += 1;
        s->hanging = 0;
    } else if (s->holding && action == s->facing) {
        tower_push(s, ahead);
    } else if (s->holding && action == tower_opposite(s->facing)) {
        tower_pull(s, ahead);
    } else if (action == s->facing) {
        tower_walk(s, ahead);
    } else {
        s->facing = action;
        s->holding = 0;
    }
    s->choices = tower_find_choices(s);
}

static int32_t tower_at_goal(const Tower* s)
{
    return s->cell == s->goal_cell && s->height == s->goal_height && !s->hanging && s->fate == TOWER_ALIVE;
}

#include "tower_levels.h"

// ---- Episodes ----

static void tower_prepare(void* setup)
{
    TowerSetup* given = setup;
    Tower* s = &given->state;
    s->num_ranks = puf_clampi((int32_t)(given->spread * s->num_levels), 1, s->num_levels);
    s->first_rank = (int32_t)(given->difficulty * (s->num_levels - s->num_ranks) + 0.5);
    s->solution_rows = 1;
    s->solution_columns = TOWER_MAX_PAR;
}

// The start of the level of the state's rank.
static void tower_enter(Tower* s, const void* assets)
{
    const TowerLevel* level = (const TowerLevel*)assets + s->rank;
    memcpy(s->layers, level->layers, sizeof(s->layers));
    s->cell = level->cell;
    s->height = level->height;
    s->facing = level->facing;
    s->hanging = 0;
    s->holding = 0;
    s->fate = TOWER_ALIVE;
    s->goal_cell = level->goal_cell;
    s->goal_height = level->goal_height;
    s->best = level->height;
    s->par = level->par;
    s->puzzle = level->puzzle;
    s->solution_offset = s->rank * (int32_t)sizeof(TowerLevel) + (int32_t)offsetof(TowerLevel, solution);
    s->tick = 0;
    s->limit = s->max_steps > 0 ? s->max_steps : 4 * level->par + 20;
}

static void tower_reset(Tower* s, const void* assets)
{
    s->rank = s->first_rank + (int32_t)puf_rand_below(&s->rng, (uint32_t)s->num_ranks);
    tower_enter(s, assets);
    s->choices = tower_find_choices(s);
    s->episode_return = 0.0f;
}

static void tower_add_log(Tower* s)
{
    int32_t solved = s->result == TOWER_SOLVED;
    float perf = (float)solved, steps = (float)s->tick;
    puf_log_episode(&s->log, perf, solved ? (float)s->par / steps : 0.0f, s->episode_return, steps);
    s->log_par += (float)s->par;
    s->log_fell += (float)(s->result == TOWER_FELL);
    s->log_crushed += (float)(s->result == TOWER_CRUSHED);
    s->log_climbed += (float)(s->best - TOWER_BASE - 1);
    s->puzzle_n += (float)s->puzzle;
    s->puzzle_perf += s->puzzle ? perf : 0.0f;
    s->solved_n += perf;
    s->solved_steps += solved ? steps : 0.0f;
    s->solved_par += solved ? (float)s->par : 0.0f;
}

static void tower_step(Tower* s, PufIo io)
{
    tower_act(s, io.actions[0]);
    s->tick += 1;
    int32_t solved = tower_at_goal(s), dead = s->fate != TOWER_ALIVE, late = s->tick >= s->limit && !solved && !dead;
    float reward = 0.0f;
    if (s->height > s->best) {
        reward = s->reward_height * (float)(s->height - s->best);
        s->best = s->height;
    }
    reward += solved ? 1.0f : dead ? s->reward_death : 0.0f;
    s->episode_return += reward;
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)(solved | dead);
    io.truncations[0] = (uint8_t)late;
    if (solved | dead | late) {
        s->result = solved ? TOWER_SOLVED : dead ? s->fate : TOWER_LATE;
        tower_add_log(s);
    }
}

// ---- Observation ----

// Store 8 bytes, the lowest of the number first.
static void tower_store(uint8_t* target, uint64_t bytes)
{
    const uint16_t one = 1;
    uint8_t lowest_first;
    memcpy(&lowest_first, &one, 1);
    if (lowest_first) {
        memcpy(target, &bytes, 8); // a loop that means the same becomes ten instructions instead of one
        return;
    }
    for (int32_t i = 0; i < 8; i++) {
        target[i] = (uint8_t)(bytes >> (8 * i));
    }
}

// 7 rows of 7 bits as bytes, 0 or 1: a multiplication copies a row so that each bit ends up lowest in its own byte. The
// next row overwrites the eighth byte.
static void tower_write_layer(uint64_t seen, uint8_t* cells)
{
    for (int32_t row = 0; row < TOWER_VIEW; row++) {
        uint64_t line = seen >> (TOWER_SIDE * row) & ((1 << TOWER_VIEW) - 1);
        tower_store(cells + row * TOWER_VIEW, line * TOWER_SPREAD & TOWER_EACH);
    }
}

// By the hero's column and row: which columns and rows of a view are inside the world.
static const uint8_t tower_seen_columns[TOWER_SIDE] = { 0x78, 0x7C, 0x7E, 0x7F, 0x7F, 0x3F, 0x1F, 0x0F };
static const uint64_t tower_seen_rows[TOWER_SIDE] = {
    UINT64_C(0x00FFFFFFFF000000), UINT64_C(0x00FFFFFFFFFF0000), UINT64_C(0x00FFFFFFFFFFFF00),
    UINT64_C(0x00FFFFFFFFFFFFFF), UINT64_C(0x00FFFFFFFFFFFFFF), UINT64_C(0x0000FFFFFFFFFFFF),
    UINT64_C(0x000000FFFFFFFFFF), UINT64_C(0x00000000FFFFFFFF),
};

static void tower_observe(const Tower* s, PufIo io)
{
    uint8_t* view = io.obs;
    int32_t row = s->cell / TOWER_SIDE, column = s->cell % TOWER_SIDE;
    int32_t to_corner = TOWER_SIGHT * (TOWER_SIDE + 1) - s->cell; // turns the hero's cell to the middle of the view
    uint64_t inside = tower_seen_rows[row] & tower_seen_columns[column] * TOWER_EACH;
    for (int32_t h = 0; h < TOWER_VIEW_LAYERS; h++) {
        uint64_t layer = s->layers[s->height - TOWER_BELOW + h];
        tower_write_layer(tower_turned(layer, to_corner) & inside, view + h * TOWER_VIEW * TOWER_VIEW);
    }
    uint8_t* facing = view + TOWER_VIEW_CELLS;
    for (int32_t side = 0; side < TOWER_SIDES; side++) {
        facing[side] = (uint8_t)(s->facing == side);
    }
    uint8_t* hands = facing + TOWER_SIDES;
    hands[0] = (uint8_t)s->hanging;
    hands[1] = (uint8_t)s->holding;
    uint8_t* way = hands + 2;
    int32_t goal_row = s->goal_cell / TOWER_SIDE, goal_column = s->goal_cell % TOWER_SIDE;
    way[TOWER_NORTH] = (uint8_t)(goal_row < row);
    way[TOWER_EAST] = (uint8_t)(goal_column > column);
    way[TOWER_SOUTH] = (uint8_t)(goal_row > row);
    way[TOWER_WEST] = (uint8_t)(goal_column < column);
    way[TOWER_SIDES] = (uint8_t)(s->goal_height > s->height);
    way[TOWER_SIDES + 1] = (uint8_t)(s->goal_height < s->height);
    for (int32_t bit = 0; bit < TOWER_HEIGHT_BITS; bit++) {
        way[TOWER_WAYS + bit] = (uint8_t)((s->height - TOWER_BASE) >> bit & 1);
    }
    for (int32_t action = 0; action < TOWER_ACTIONS; action++) {
        io.action_mask[action] = (uint8_t)(s->choices >> action & 1);
    }
}

static const PufObs tower_obs[] = {
    { "view", TOWER_VIEW_CELLS, 0, 1,
      "1 a block: 6 layers, from two below the hero, of 7 rows from the north and 7 columns from the west" },
    { "facing", TOWER_SIDES, 0, 1, "1 for the side that the hero faces: north, east, south, west" },
    { "hanging", 1, 0, 1, "1 if he hangs from the block that he faces" },
    { "holding", 1, 0, 1, "1 if he stands and holds the block that he faces" },
    { "way", TOWER_WAYS, 0, 1, "whether the goal lies to the north, east, south, west, above, below" },
    { "height", TOWER_HEIGHT_BITS, 0, 1, "of the hero above the base, as a binary number, the lowest bit first" },
};
static const PufAction tower_actions[] = { { "move", TOWER_ACTIONS, 0, 0, "north east south west grab release" } };
static const PufParam tower_params[] = {
    PUF_SETTING(TowerSetup, gadgets, 12, 1, TOWER_MAX_GADGETS,
                "parts that the highest levels are joined from: stairs, walls to hang around, blocks to push or pull",
                .fixed = 1),
    PUF_SETTING(TowerSetup, clutter, 0.3, 0, 1, "how many blocks are added that no part needs", .fixed = 1),
    PUF_SETTING(Tower, num_levels, 512, 1, TOWER_MAX_LEVELS,
                "levels that a batch shares, from one part to `gadgets`; a policy learns a small number by heart",
                .fixed = 1),
    PUF_SETTING(TowerSetup, level_seed, 0, 0, 1e9, "seed of the levels", .fixed = 1),
    PUF_SETTING(TowerSetup, difficulty, 0.5, 0, 1,
                "window of levels that episodes draw from, ranked by par: 0 the easiest, 1 the hardest"),
    PUF_SETTING(TowerSetup, spread, 1, 0, 1, "width of that window as a fraction of all levels"),
    PUF_SETTING(Tower, max_steps, 0, 0, 10000000, "steps after which an episode is truncated; 0 is 4 x par + 20"),
    PUF_SETTING(Tower, reward_height, 0.1, -1, 1, "for each layer higher than ever before in the episode"),
    PUF_SETTING(Tower, reward_death, -1, -1, 1, "for falling out of the world, and for a block on the head"),
};
static const PufField tower_fields[] = {
    PUF_ARRAY(Tower, layers,
              "the blocks: bit 8 * row + column, from the north west; layer 2 is the base, 13 the highest"),
    PUF_SCALAR(Tower, cell, "of the hero: 8 * row + column", PUF_RANGE(0, TOWER_CELLS - 1)),
    PUF_SCALAR(Tower, height, "of the hero: the number of his layer", PUF_RANGE(TOWER_BASE, TOWER_TOP)),
    PUF_SCALAR(Tower, facing, "of the hero: 0 north, 1 east, 2 south, 3 west", PUF_RANGE(0, TOWER_SIDES - 1)),
    PUF_SCALAR(Tower, hanging, "1: he hangs from the block that he faces", PUF_RANGE(0, 1)),
    PUF_SCALAR(Tower, holding, "1: he stands and holds the block that he faces", PUF_RANGE(0, 1)),
    PUF_SCALAR(Tower, choices, "bit a: action a does something now", PUF_RANGE(1, (1 << TOWER_ACTIONS) - 1)),
    PUF_SCALAR(Tower, goal_cell, "8 * row + column", PUF_RANGE(0, TOWER_CELLS - 1)),
    PUF_SCALAR(Tower, goal_height, "the number of its layer", PUF_RANGE(TOWER_BASE, TOWER_TOP)),
    PUF_SCALAR(Tower, best, "the hero's greatest height in this episode", PUF_RANGE(TOWER_BASE + 1, TOWER_TOP)),
    PUF_SCALAR(Tower, rank, "of the level among all, by par, from 0", PUF_LESS_THAN(Tower, num_levels)),
    PUF_SCALAR(Tower, num_levels, "number of levels"),
    PUF_SCALAR(Tower, par, "actions of the known solution"),
    PUF_SCALAR(Tower, puzzle, "1: the known solution moves a block"),
    PUF_SCALAR(Tower, tick, "steps since the start of the episode", PUF_LESS_THAN(Tower, limit)),
    PUF_SCALAR(Tower, limit, "steps after which the episode is truncated"),
    PUF_SCALAR(Tower, result, "of the previous episode: 0 none yet, 1 solved, 2 fell, 3 crushed, 4 out of time",
               PUF_RANGE(TOWER_ALIVE, TOWER_LATE)),
    PUF_ASSET(Tower, "solution", PUF_U8, solution_offset, solution_rows, solution_columns,
              "one row, which begins with the `par` actions of the known solution"),
    PUF_SCALAR(Tower, fate, NULL, PUF_RANGE(TOWER_ALIVE, TOWER_ALIVE)),
    PUF_SCALAR(Tower, episode_return, NULL),
    PUF_SCALAR(Tower, solution_offset, NULL),
    PUF_SCALAR(Tower, first_rank, NULL, PUF_DERIVED),
    PUF_SCALAR(Tower, num_ranks, NULL, PUF_DERIVED),
};

// In a state from a file: the level is the one of its rank, all blocks hold, and the hero is where he can be.
static const char* tower_contradiction(const void* state, const void* assets)
{
    const Tower* s = state;
    Tower other = *s;
    tower_enter(&other, assets);
    if (other.par != s->par || other.puzzle != s->puzzle || other.solution_offset != s->solution_offset) {
        return "par";
    }
    if (other.limit != s->limit) {
        return "limit";
    }
    for (int32_t h = 0; h < TOWER_HEIGHTS; h++) {
        int32_t is_empty = h < TOWER_BASE || h > TOWER_TOP;
        uint64_t allowed = is_empty ? 0 : h == TOWER_BASE ? ~UINT64_C(0) : tower_holds(s->layers[h - 1]);
        if (s->layers[h] & ~allowed) {
            return "layers";
        }
    }
    uint64_t here = tower_set(s->cell), ahead = tower_next(here, s->facing) & s->layers[s->height];
    int32_t stands = (s->layers[s->height - 1] & here) != 0;
    int32_t fits = s->hanging ? !s->holding && ahead && s->height < TOWER_TOP : stands && (!s->holding || ahead);
    if ((s->layers[s->height] & here) || !fits || s->best < s->height) {
        return "height";
    }
    return s->choices == tower_find_choices(s) ? NULL : "choices";
}
static const char* const tower_log_names[] = { "par",         "fell",     "crushed",      "climbed",   "puzzle.n",
                                               "puzzle.perf", "solved.n", "solved.steps", "solved.par" };

// clang-format off
PUF_DEFINE_ASSETS_ENV(tower, Tower,
    .version = 1,
    .doc = "Climb a tower of blocks: walk, hang from edges, and push and pull blocks into steps.",
    .reward = "1 on reaching the goal, reward_height for each new layer, reward_death for a death",
    .ends = "terminal on the goal, on falling out of the world and under a falling block; truncated after max_steps, by "
            "default 4 x par + 20",
    .rate = 6,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Tower), .agents = 1, .obs_ndim = 1, .obs_shape = { TOWER_OBS },
                PUF_ACTIONS(tower), .masked = 1 },
    PUF_TABLES(tower),
    PUF_LOG_NAMES(tower),
    .setup_size = sizeof(TowerSetup), .resize = tower_resize, .make_assets = tower_make_assets,
    .prepare = tower_prepare, .contradiction = tower_contradiction);
