// maze - find the way through a maze, seeing 11 x 11 tiles: take the keys, pass the doors, reach the goal.
//
// Observation  int8 (3, 11, 11): three planes of the tiles around the agent, which is in the middle;
//              rows from the top.
//              walls   1 for a tile that cannot be entered (a wall, or a door without its key),
//                      else 0.
//              things  12 to 15 for a key, -12 to -15 for the door of the same colour. The middle
//                      tile holds the keys in hand: the sum of 1, 2, 4 and 8 for the four colours.
//              goal    2 for the goal; while it is out of sight and `compass` is on, 1 on the border
//                      tile nearest to it.
// Action       one of 4: up, down, left, right. A step into a tile that cannot be entered has no
//              effect.
// Reward       +1 on reaching the goal, `reward_key` for each key, `reward_door` for the first time
//              through each door.
// End          terminal on the goal; truncated after `max_steps` steps, by default twice the number
//              of tiles that can be entered.
// Score        length of the shortest solution / steps taken, or 0 if not solved; perf is 1 if
//              solved, else 0.
//
// A maze consists of rooms, one tile each, with a wall, a passage or a door between neighbours:
// 1. A tree of passages grows from the start to all rooms; the goal is the room farthest from the
//    start.
// 2. Doors go on the only path from the start to the goal. They divide the maze into regions 0, 1,
//    2...
// 3. Some walls between rooms of the same region are removed. That makes loops, but no way around a
//    door.
// 4. The key to the door after region i lies in one of the regions 0 to i, so every maze can be
//    solved.
//
// A batch makes all its mazes once, from fixed settings, and shares them: an environment holds the
// number of its maze, the position of its agent, and the keys held and doors passed, as bits. Mazes
// range from the smallest size without doors to the size and doors of the settings, and are ranked
// by the exact length of their shortest solution. An episode draws its maze from a window of ranks,
// which `difficulty` can move while the environment runs.
//
// A policy learns these particular mazes, partly by heart. Use another `level_seed` to measure how
// well it solves mazes in general, and more levels to teach that.
//
// The walls around each maze are as thick as an agent sees, so a view is a copy of 11 rows without
// checks for borders, followed by at most 8 corrections.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { MAZE_SIGHT = 5, MAZE_VIEW = 2 * MAZE_SIGHT + 1, MAZE_PLANE = MAZE_VIEW * MAZE_VIEW, MAZE_PLANES = 3 };
enum { MAZE_ROW = 16 }; // tiles copied for each row of a view; those beyond the view are overwritten
#define MAZE_EACH UINT64_C(0x0101010101010101) // times a number below 256: that number in each of 8 tiles
enum { MAZE_UP, MAZE_DOWN, MAZE_LEFT, MAZE_RIGHT, MAZE_MOVES };
enum { MAZE_COLOURS = 4, MAZE_POINTS = MAZE_COLOURS + 2 }; // points: the start, the keys, the goal
enum { MAZE_MIN_SIDE = 3, MAZE_MAX_SIDE = 512, MAZE_MAX_LEVELS = 65536 };

// Tiles. A key is MAZE_KEY plus its colour, 0 to 3; a door is MAZE_DOOR minus its colour.
enum { MAZE_FLOOR = 0, MAZE_WALL = INT8_MIN, MAZE_KEY = 12, MAZE_DOOR = -12 }; // multiples of MAZE_COLOURS
enum { MAZE_TOWARDS_GOAL = 1, MAZE_GOAL = 2 };                                 // in the plane of the goal

typedef struct MazePlace {
    int32_t row, column; // tiles, in the table
} MazePlace;

typedef struct MazeLevel {
    int32_t number;        // its place in the order in which levels were made and tables are stored
    int32_t rows, columns; // of rooms
    int32_t shortest;      // steps of the shortest solution
    int32_t tiles;         // tiles that can be entered
    int32_t doors;
    MazePlace start, goal;
    MazePlace key[MAZE_COLOURS], door[MAZE_COLOURS]; // by colour; (0, 0) if there is none
} MazeLevel;

typedef struct Maze {
    PufRng rng;
    int32_t max_steps, compass, num_levels; // settings
    float reward_key, reward_door;
    int32_t first_rank, num_ranks; // the window from which episodes draw
    int32_t table_rows, table_columns, table_bytes;
    int32_t levels_offset, tables_offset; // bytes from the start of the assets
    int32_t rank;                         // of the level; 0 is the easiest
    int32_t tiles_offset;                 // its tiles: bytes from the start of the assets
    int32_t rows, columns;                // its size in tiles, including the walls around it
    int32_t row, column;                  // of the agent, in the table
    int32_t goal_row, goal_column;        // of the goal, in the table
    int32_t keys, passed;                 // keys held and doors passed, as bits
    int32_t doors;                        // of this level
    int32_t tick, limit;
    int32_t shortest;
    float episode_return;
    PufLog log;
    float log_shortest, log_keys, solved_n, solved_steps, solved_shortest; // after the five of PufLog
} Maze;

// The settings that levels are made from, and the window of ranks.
typedef struct MazeSetup {
    Maze state;
    int32_t width, height; // rooms
    int32_t doors;
    float loops, branching;
    uint32_t level_seed;
    double difficulty, spread;
} MazeSetup;

// ---- Layout of the assets: the levels by rank, then working memory, then a table of tiles per level ----

#define MAZE_MAX_BYTES 1e9 // offsets must fit into int32

static int32_t maze_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

static int32_t maze_table_side(int32_t rooms) { return 2 * rooms - 1 + 2 * MAZE_SIGHT; }

static int32_t maze_table_bytes(const MazeSetup* setup)
{
    int32_t beyond = MAZE_ROW - MAZE_VIEW; // maze_observe reads this far beyond the last view
    return maze_align(maze_table_side(setup->height) * maze_table_side(setup->width) + beyond);
}

static int32_t maze_work_offset(const MazeSetup* setup)
{
    return maze_align(setup->state.num_levels * (int32_t)sizeof(MazeLevel));
}

// Two int32 per tile: the queue and the distances of a search. The rooms' arrays are smaller, and are not needed by
// then.
static int32_t maze_tables_offset(const MazeSetup* setup)
{
    return maze_work_offset(setup) + maze_align(2 * (int32_t)sizeof(int32_t) * maze_table_bytes(setup));
}

static void maze_resize(PufLayout* layout, const void* setup)
{
    const MazeSetup* given = setup;
    uint64_t tables = (uint64_t)maze_table_bytes(given) * (uint64_t)given->state.num_levels;
    layout->assets_size = (uint64_t)maze_tables_offset(given) + tables;
}

static const char* maze_conflict(const void* setup)
{
    const MazeSetup* given = setup;
    double bytes = (double)maze_table_bytes(given) * given->state.num_levels + (double)maze_tables_offset(given);
    return bytes > MAZE_MAX_BYTES ? "the levels take more than 1 GB: reduce num_levels, width or height" : NULL;
}

// ---- Making levels ----

// A level under construction. Rooms are numbered row by row; a tree holds each room's parent, or -1.
typedef struct MazeBuild {
    PufRng rng;
    MazeLevel* level;
    int8_t* tiles;
    int32_t table_columns;
    int32_t rooms, start, goal;
    int32_t *parent, *depth, *order, *region; // per room; `order` lists rooms in the order they were reached
    int32_t* queue;                           // of tiles; shares its memory with the rooms' arrays
    int32_t* distance;                        // of each tile of the table
} MazeBuild;

static MazePlace maze_room_place(const MazeBuild* b, int32_t room)
{
    MazePlace place;
    place.row = MAZE_SIGHT + 2 * (room / b->level->columns);
    place.column = MAZE_SIGHT + 2 * (room % b->level->columns);
    return place;
}

// The tile between two neighbouring rooms.
static MazePlace maze_between(const MazeBuild* b, int32_t room, int32_t other)
{
    MazePlace p = maze_room_place(b, room), q = maze_room_place(b, other);
    p.row = (p.row + q.row) / 2;
    p.column = (p.column + q.column) / 2;
    return p;
}

static int32_t maze_tile_at(const MazeBuild* b, MazePlace place) { return place.row * b->table_columns + place.column; }

static void maze_put(MazeBuild* b, MazePlace place, int32_t tile) { b->tiles[maze_tile_at(b, place)] = (int8_t)tile; }

// The neighbour of a room, or -1 beyond the border.
static int32_t maze_neighbour(const MazeBuild* b, int32_t room, int32_t move)
{
    int32_t columns = b->level->columns, column = room % columns;
    switch (move) {
    case MAZE_UP: return room >= columns ? room - columns : -1;
    case MAZE_DOWN: return room + columns < b->rooms ? room + columns : -1;
    case MAZE_LEFT: return column > 0 ? room - 1 : -1;
    default: return column + 1 < columns ? room + 1 : -1;
    }
}

// A neighbour that the tree has not reached, all equally likely; -1 if there is none.
static int32_t maze_unreached(MazeBuild* b, int32_t room)
{
    int32_t found[MAZE_MOVES];
    uint32_t count = 0;
    for (int32_t move = 0; move < MAZE_MOVES; move++) {
        int32_t other = maze_neighbour(b, room, move);
        if (other >= 0 && b->parent[other] < 0) {
            found[count++] = other;
        }
    }
    return count > 0 ? found[puf_rand_below(&b->rng, count)] : -1;
}

static void maze_reach(MazeBuild* b, int32_t room, int32_t parent, int32_t depth)
{
    b->parent[room] = parent;
    b->depth[room] = depth;
    maze_put(b, maze_room_place(b, room), MAZE_FLOOR);
    maze_put(b, maze_between(b, room, parent), MAZE_FLOOR);
}

// Grow a tree through all rooms: from the room reached last (long corridors) or, with probability `branching`, from any
// room. The goal is the deepest room; of several, the first one reached.
static void maze_grow(MazeBuild* b, float branching)
{
    for (int32_t room = 0; room < b->rooms; room++) {
        b->parent[room] = -1;
    }
    int32_t* growing = b->region; // not used for regions until the tree is complete
    int32_t count = 1, reached = 1;
    b->start = (int32_t)puf_rand_below(&b->rng, (uint32_t)b->rooms);
    b->goal = b->start;
    maze_reach(b, b->start, b->start, 0);
    growing[0] = b->start;
    b->order[0] = b->start;
    while (count > 0) {
        int anywhere = puf_rand_float(&b->rng) < branching;
        int32_t at = anywhere ? (int32_t)puf_rand_below(&b->rng, (uint32_t)count) : count - 1;
        int32_t room = growing[at], next = maze_unreached(b, room);
        if (next < 0) {
            growing[at] = growing[--count];
            continue;
        }
        maze_reach(b, next, room, b->depth[room] + 1);
        b->goal = b->depth[next] > b->depth[b->goal] ? next : b->goal;
        b->order[reached++] = next;
        growing[count++] = next;
    }
}

// The room on the path to the goal that is `depth` away from the start.
static int32_t maze_on_way(const MazeBuild* b, int32_t depth)
{
    int32_t room = b->goal;
    while (b->depth[room] > depth) {
        room = b->parent[room];
    }
    return room;
}

// The path is split into equal parts with one door each; door i is in front of room `behind[i]`. There are at least two
// rooms before the first door, for the start and a key, and at least one more before each of the others.
static int32_t maze_place_doors(MazeBuild* b, int32_t wanted, int32_t* behind)
{
    int32_t length = b->depth[b->goal] - 1;
    int32_t doors = wanted < length ? wanted : puf_clampi(length, 0, wanted);
    for (int32_t i = 0; i < doors; i++) {
        int32_t low = i * length / doors, high = (i + 1) * length / doors;
        behind[i] = maze_on_way(b, 2 + low + (int32_t)puf_rand_below(&b->rng, (uint32_t)(high - low)));
    }
    return doors;
}

// A room's region is the number of doors on the path from the start to it.
static void maze_find_regions(MazeBuild* b, const int32_t* behind, int32_t doors)
{
    for (int32_t i = 0; i < b->rooms; i++) {
        int32_t room = b->order[i], parent = b->parent[room];
        int32_t region = room == parent ? 0 : b->region[parent];
        for (int32_t d = 0; d < doors; d++) {
            region += behind[d] == room;
        }
        b->region[room] = region;
    }
}

static void maze_make_loops(MazeBuild* b, float loops)
{
    for (int32_t room = 0; room < b->rooms; room++) {
        for (int32_t move = MAZE_DOWN; move <= MAZE_RIGHT; move += MAZE_RIGHT - MAZE_DOWN) {
            int32_t other = maze_neighbour(b, room, move);
            if (other >= 0 && b->region[other] == b->region[room] && puf_rand_float(&b->rng) < loops) {
                maze_put(b, maze_between(b, room, other), MAZE_FLOOR);
            }
        }
    }
}

// A random room for the key to door i: before that door, not the start, and without a key. There always is one, see
// maze_place_doors.
static int32_t maze_key_room(MazeBuild* b, const int32_t* taken, int32_t i)
{
    int32_t room = -1, count = 0;
    for (int32_t other = 0; other < b->rooms; other++) {
        int free = b->region[other] <= i && other != b->start;
        for (int32_t k = 0; k < i; k++) {
            free &= other != taken[k];
        }
        count += free;
        if (free && puf_rand_below(&b->rng, (uint32_t)count) == 0) { // all so far are equally likely
            room = other;
        }
    }
    return room;
}

// Steps from one tile to all others, as if all doors were open. Every path between two tiles passes the same doors,
// so this is also right when keys are needed.
static void maze_measure(MazeBuild* b, MazePlace from)
{
    const int32_t delta[MAZE_MOVES] = { -b->table_columns, b->table_columns, -1, 1 };
    int32_t table = (2 * b->level->rows - 1 + 2 * MAZE_SIGHT) * b->table_columns;
    for (int32_t tile = 0; tile < table; tile++) {
        b->distance[tile] = -1;
    }
    int32_t head = 0, tail = 1;
    b->queue[0] = maze_tile_at(b, from);
    b->distance[b->queue[0]] = 0;
    while (head < tail) {
        int32_t tile = b->queue[head++];
        for (int32_t move = 0; move < MAZE_MOVES; move++) {
            int32_t next = tile + delta[move];
            if (b->tiles[next] != MAZE_WALL && b->distance[next] < 0) {
                b->distance[next] = b->distance[tile] + 1;
                b->queue[tail++] = next;
            }
        }
    }
    b->level->tiles = tail;
}

// The points that a solution visits, and the region of each. Point 0 is the start, 1 + i the key to door i, the last
// one the goal.
typedef struct MazeTour {
    int32_t doors;
    MazePlace place[MAZE_POINTS];
    int32_t region[MAZE_POINTS];
    int32_t steps[MAZE_POINTS][MAZE_POINTS];
} MazeTour;

// Whether these keys open the way from point p to q: door i is between regions i and i + 1.
static int maze_can_go(const MazeTour* t, int32_t p, int32_t q, int32_t keys)
{
    int32_t low = t->region[p] < t->region[q] ? t->region[p] : t->region[q];
    int32_t high = t->region[p] < t->region[q] ? t->region[q] : t->region[p];
    int32_t needed = (1 << high) - (1 << low);
    return (keys & needed) == needed;
}

// The shortest solution over all orders of taking keys: best[keys][p] is the least number of steps to hold `keys`,
// having taken key p last.
static int32_t maze_solve(const MazeTour* t)
{
    int32_t best[1 << MAZE_COLOURS][1 + MAZE_COLOURS];
    int32_t goal = 1 + t->doors, shortest = INT32_MAX;
    memset(best, -1, sizeof(best));
    best[0][0] = 0;
    for (int32_t keys = 0; keys < 1 << t->doors; keys++) {
        for (int32_t p = 0; p <= t->doors; p++) {
            int32_t steps = best[keys][p];
            if (steps < 0) {
                continue;
            }
            for (int32_t q = 1; q <= t->doors; q++) {
                int32_t* to = &best[keys | 1 << (q - 1)][q];
                int32_t sum = steps + t->steps[p][q];
                if (!(keys >> (q - 1) & 1) && maze_can_go(t, p, q, keys) && (*to < 0 || sum < *to)) {
                    *to = sum;
                }
            }
            if (maze_can_go(t, p, goal, keys) && steps + t->steps[p][goal] < shortest) {
                shortest = steps + t->steps[p][goal];
            }
        }
    }
    return shortest;
}

// Add doors, loops and keys, then find the length of the shortest solution.
static void maze_furnish(MazeBuild* b, int32_t wanted, float loops)
{
    MazeLevel* level = b->level;
    int32_t behind[MAZE_COLOURS], rooms[MAZE_COLOURS], colour[MAZE_COLOURS] = { 0, 1, 2, 3 };
    int32_t doors = maze_place_doors(b, wanted, behind);
    maze_find_regions(b, behind, doors);
    maze_make_loops(b, loops);
    level->doors = doors;
    level->start = maze_room_place(b, b->start);
    level->goal = maze_room_place(b, b->goal);

    MazeTour tour;
    tour.doors = doors;
    tour.place[0] = level->start;
    tour.region[0] = 0;
    for (int32_t i = 0; i < doors; i++) {
        int32_t other = i + (int32_t)puf_rand_below(&b->rng, (uint32_t)(MAZE_COLOURS - i));
        int32_t c = colour[other];
        colour[other] = colour[i];
        colour[i] = c;
        rooms[i] = maze_key_room(b, rooms, i);
        level->door[c] = maze_between(b, behind[i], b->parent[behind[i]]);
        level->key[c] = maze_room_place(b, rooms[i]);
        maze_put(b, level->door[c], MAZE_DOOR - c);
        maze_put(b, level->key[c], MAZE_KEY + c);
        tour.place[1 + i] = level->key[c];
        tour.region[1 + i] = b->region[rooms[i]];
    }
    tour.place[1 + doors] = level->goal;
    tour.region[1 + doors] = doors;
    for (int32_t p = 0; p < doors + 2; p++) { // from here on the queue uses the rooms' memory
        maze_measure(b, tour.place[p]);
        for (int32_t q = 0; q < doors + 2; q++) {
            tour.steps[p][q] = b->distance[maze_tile_at(b, tour.place[q])];
        }
    }
    level->shortest = maze_solve(&tour);
}

// Interpolate from `low` for the first of `count` levels to `high` for the last, rounded.
static int32_t maze_between_levels(int32_t low, int32_t high, int32_t number, int32_t count)
{
    return count > 1 ? low + (2 * number * (high - low) + count - 1) / (2 * (count - 1)) : high;
}

static int32_t maze_side(int32_t side, int32_t number, int32_t count)
{
    return maze_between_levels(side < MAZE_MIN_SIDE ? side : MAZE_MIN_SIDE, side, number, count);
}

// Sort by the length of the shortest solution; ties by number (Shell 1959).
static void maze_rank(MazeLevel* levels, int32_t count)
{
    for (int32_t gap = count / 2; gap > 0; gap = gap > 2 ? gap * 5 / 11 : gap - 1) {
        for (int32_t i = gap; i < count; i++) {
            MazeLevel level = levels[i];
            int32_t at = i;
            for (; at >= gap; at -= gap) {
                const MazeLevel* before = &levels[at - gap];
                if (before->shortest < level.shortest ||
                    (before->shortest == level.shortest && before->number < level.number)) {
                    break;
                }
                levels[at] = *before;
            }
            levels[at] = level;
        }
    }
}

static void maze_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    const MazeSetup* given = setup;
    MazeLevel* levels = assets;
    int32_t* work = (int32_t*)((uint8_t*)assets + maze_work_offset(given));
    int8_t* tables = (int8_t*)assets + maze_tables_offset(given);
    int32_t count = given->state.num_levels, bytes = maze_table_bytes(given);
    for (int32_t i = 0; i < count; i++) {
        MazeBuild b;
        b.rng = puf_rng_seed(given->level_seed, (uint64_t)i);
        b.level = &levels[i];
        b.tiles = tables + (size_t)i * (size_t)bytes;
        b.table_columns = maze_table_side(given->width);
        b.level->number = i;
        b.level->columns = maze_side(given->width, i, count);
        b.level->rows = maze_side(given->height, i, count);
        b.rooms = b.level->rows * b.level->columns;
        b.queue = work;
        b.distance = work + bytes;
        b.parent = work;
        b.depth = work + b.rooms;
        b.order = work + 2 * b.rooms;
        b.region = work + 3 * b.rooms;
        memset(b.tiles, MAZE_WALL, (size_t)bytes);
        maze_grow(&b, given->branching);
        maze_furnish(&b, maze_between_levels(0, given->doors, i, count), given->loops);
    }
    maze_rank(levels, count);
}

// ---- Playing levels ----

static void maze_prepare(void* setup)
{
    MazeSetup* given = setup;
    Maze* s = &given->state;
    s->num_ranks = puf_clampi((int32_t)(given->spread * s->num_levels), 1, s->num_levels);
    s->first_rank = (int32_t)(given->difficulty * (s->num_levels - s->num_ranks) + 0.5);
    s->table_rows = maze_table_side(given->height);
    s->table_columns = maze_table_side(given->width);
    s->table_bytes = maze_table_bytes(given);
    s->tables_offset = maze_tables_offset(given);
}

static const MazeLevel* maze_level(const Maze* s, const void* assets) { return (const MazeLevel*)assets + s->rank; }

static const int8_t* maze_tiles(const Maze* s, const void* assets)
{
    return (const int8_t*)assets + s->tiles_offset + s->row * s->table_columns + s->column;
}

// The start of a level.
static void maze_enter(Maze* s, const MazeLevel* level)
{
    s->tiles_offset = s->tables_offset + level->number * s->table_bytes;
    s->rows = 2 * level->rows + 1;
    s->columns = 2 * level->columns + 1;
    s->row = level->start.row;
    s->column = level->start.column;
    s->goal_row = level->goal.row;
    s->goal_column = level->goal.column;
    s->doors = level->doors;
    s->keys = 0;
    s->passed = 0;
    s->tick = 0;
    s->limit = s->max_steps > 0 ? s->max_steps : 2 * level->tiles;
    s->shortest = level->shortest;
}

static void maze_reset(Maze* s, const void* assets)
{
    s->rank = s->first_rank + (int32_t)puf_rand_below(&s->rng, (uint32_t)s->num_ranks);
    maze_enter(s, maze_level(s, assets));
    s->episode_return = 0.0f;
}

// 16 tiles as the first two planes show them while no key is held, 8 at a time in one integer. Negative tiles cannot be
// entered; of those, only walls have bit 6 clear.
static void maze_view_row(int8_t* walls, int8_t* things, const int8_t* tiles)
{
    uint64_t eights[MAZE_ROW / 8], solid[MAZE_ROW / 8];
    memcpy(eights, tiles, sizeof(eights));
    for (int32_t i = 0; i < MAZE_ROW / 8; i++) {
        solid[i] = eights[i] >> 7 & MAZE_EACH;
        eights[i] ^= eights[i] & ~(eights[i] << 1) & MAZE_EACH << 7;
    }
    memcpy(walls, solid, sizeof(solid));
    memcpy(things, eights, sizeof(eights));
}

// Write a value into a plane if the place is in sight.
static void maze_correct(const Maze* s, int8_t* plane, MazePlace place, int8_t value)
{
    uint32_t row = (uint32_t)(place.row - s->row + MAZE_SIGHT);
    uint32_t column = (uint32_t)(place.column - s->column + MAZE_SIGHT);
    if (row < MAZE_VIEW && column < MAZE_VIEW) {
        plane[row * MAZE_VIEW + column] = value;
    }
}

// Hide the keys that were taken, and show their doors as open.
static void maze_use_keys(const Maze* s, const MazeLevel* level, int8_t* walls, int8_t* things)
{
    for (int32_t c = 0; c < MAZE_COLOURS; c++) {
        if (s->keys >> c & 1) {
            maze_correct(s, things, level->key[c], 0);
            maze_correct(s, walls, level->door[c], 0);
        }
    }
}

static void maze_show_goal(const Maze* s, int8_t* plane)
{
    int32_t row = s->goal_row - s->row + MAZE_SIGHT, column = s->goal_column - s->column + MAZE_SIGHT;
    int32_t near_row = puf_clampi(row, 0, MAZE_VIEW - 1), near_column = puf_clampi(column, 0, MAZE_VIEW - 1);
    int32_t seen = (row == near_row) & (column == near_column), towards = s->compass * MAZE_TOWARDS_GOAL;
    memset(plane, 0, MAZE_PLANE);
    plane[near_row * MAZE_VIEW + near_column] = (int8_t)(towards + seen * (MAZE_GOAL - towards));
}

static void maze_observe(const Maze* s, PufIo io)
{
    int8_t *walls = io.obs, *things = walls + MAZE_PLANE, *goal = things + MAZE_PLANE;
    int32_t stride = s->table_columns;
    const int8_t* tiles = maze_tiles(s, io.assets) - MAZE_SIGHT * (stride + 1);
    int8_t first_things[MAZE_ROW];
    for (int32_t row = 0; row < MAZE_VIEW; row++) { // the next row or plane overwrites what is beyond the view
        int8_t* to_things = row == 0 ? first_things : things + row * MAZE_VIEW;
        maze_view_row(walls + row * MAZE_VIEW, to_things, tiles + row * stride);
    }
    memcpy(things, first_things, MAZE_VIEW);
    maze_show_goal(s, goal);
    if (s->keys) {
        maze_use_keys(s, maze_level(s, io.assets), walls, things);
    }
    things[MAZE_PLANE / 2] = (int8_t)s->keys;
}

static void maze_add_log(Maze* s, int solved)
{
    float efficiency = (float)s->shortest / (float)s->tick;
    int32_t keys = 0;
    for (int32_t c = 0; c < MAZE_COLOURS; c++) {
        keys += s->keys >> c & 1;
    }
    puf_log_episode(&s->log, (float)solved, solved ? efficiency : 0.0f, s->episode_return, (float)s->tick);
    s->log_shortest += (float)s->shortest;
    s->log_keys += (float)keys;
    s->solved_n += (float)solved;
    s->solved_steps += solved ? (float)s->tick : 0.0f;
    s->solved_shortest += solved ? (float)s->shortest : 0.0f;
}

// Branches only on rare events, because the processor cannot predict whether a step meets a wall.
static void maze_step(Maze* s, PufIo io)
{
    int32_t move = io.actions[0], keys = s->keys, row = s->row, column = s->column;
    int32_t down = (move == MAZE_DOWN) - (move == MAZE_UP), right = (move == MAZE_RIGHT) - (move == MAZE_LEFT);
    int32_t tile = maze_tiles(s, io.assets)[down * s->table_columns + right];
    int32_t colour = (tile < 0 ? -tile : tile) % MAZE_COLOURS;
    int32_t key = (tile > 0) << colour, door = ((tile < 0) & (tile != MAZE_WALL)) << colour;
    int32_t enters = (tile != MAZE_WALL) & ((door & ~keys) == 0);
    int32_t takes = key & ~keys, passes = (door & -enters) & ~s->passed;
    row += down & -enters;
    column += right & -enters;
    s->row = row;
    s->column = column;
    s->tick += 1;

    int solved = (row == s->goal_row) & (column == s->goal_column);
    int late = !solved & (s->tick >= s->limit);
    float reward = 0.0f;
    if (solved | takes | passes) {
        reward = (float)solved + (takes ? s->reward_key : 0.0f) + (passes ? s->reward_door : 0.0f);
        s->keys |= takes;
        s->passed |= passes;
        s->episode_return += reward;
    }
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)solved;
    io.truncations[0] = (uint8_t)late;
    if (solved | late) {
        maze_add_log(s, solved);
    }
}

static const PufObs maze_obs[] = {
    { "walls", MAZE_PLANE, 0, 1,
      "1 for a tile that cannot be entered: a wall, or a door without its key; rows from the top" },
    { "things", MAZE_PLANE, MAZE_DOOR - MAZE_COLOURS + 1, MAZE_KEY + MAZE_COLOURS - 1,
      "12 to 15 a key, -12 to -15 its door; the middle tile: the sum of the keys held, 1, 2, 4 and 8" },
    { "goal", 0, 0, MAZE_GOAL, "2 the goal, or 1 on the border tile nearest to it while it is out of sight" },
};
static const PufAction maze_actions[] = { { "move", MAZE_MOVES, 0, 0, "up down left right" } };
static const PufParam maze_params[] = {
    PUF_SETTING(MazeSetup, width, 10, 2, MAZE_MAX_SIDE, "rooms per row of the largest mazes", .fixed = 1),
    PUF_SETTING(MazeSetup, height, 10, 2, MAZE_MAX_SIDE, "rooms per column of the largest mazes", .fixed = 1),
    PUF_SETTING(MazeSetup, doors, 3, 0, MAZE_COLOURS, "doors (and keys) in the largest mazes", .fixed = 1),
    PUF_SETTING(MazeSetup, loops, 0.1, 0, 1, "probability that a wall between rooms is removed", .fixed = 1),
    PUF_SETTING(MazeSetup, branching, 0.2, 0, 1, "0 long winding paths, 1 many short dead ends", .fixed = 1),
    PUF_SETTING(Maze, num_levels, 2048, 1, MAZE_MAX_LEVELS,
                "mazes that a batch shares, from 3 x 3 rooms without doors to the largest; a policy learns a small "
                "number by heart",
                .fixed = 1),
    PUF_SETTING(MazeSetup, level_seed, 0, 0, 1e9, "seed of the mazes", .fixed = 1),
    PUF_SETTING(MazeSetup, difficulty, 0.5, 0, 1,
                "window of mazes that episodes draw from, ranked by their shortest solution: 0 the easiest, 1 the "
                "hardest"),
    PUF_SETTING(MazeSetup, spread, 0.5, 0, 1, "width of that window as a fraction of all mazes"),
    PUF_FLAG(Maze, compass, 1, "show the direction of the goal while it is out of sight"),
    PUF_SETTING(Maze, max_steps, 0, 0, 10000000,
                "steps after which an episode is truncated; 0 is twice the number of tiles that can be entered"),
    PUF_SETTING(Maze, reward_key, 0.1, -1, 1, "for taking a key"),
    PUF_SETTING(Maze, reward_door, 0.1, -1, 1, "for passing a door for the first time"),
};
static const PufField maze_fields[] = {
    PUF_ASSET(
        Maze, "tiles", PUF_I8, tiles_offset, table_rows, table_columns,
        "the maze at the start, at row 4 and column 4 of a table of walls: 0 floor, -128 wall, 12 to 15 a key, -12 to "
        "-15 the door of the same colour"),
    PUF_SCALAR(Maze, rows, "of the maze, in tiles, including the walls around it"),
    PUF_SCALAR(Maze, columns, "of the maze, in tiles, including the walls around it"),
    PUF_SCALAR(Maze, row, "of the agent, in the table", PUF_LESS_THAN(Maze, table_rows)),
    PUF_SCALAR(Maze, column, "of the agent, in the table", PUF_LESS_THAN(Maze, table_columns)),
    PUF_SCALAR(Maze, goal_row, "in the table"),
    PUF_SCALAR(Maze, goal_column, "in the table"),
    PUF_SCALAR(Maze, keys, "keys held: bit c is the key of colour c", PUF_RANGE(0, (1 << MAZE_COLOURS) - 1)),
    PUF_SCALAR(Maze, passed, "doors passed: bit c is the door of colour c", PUF_RANGE(0, (1 << MAZE_COLOURS) - 1)),
    PUF_SCALAR(Maze, doors, "in this maze"),
    PUF_SCALAR(Maze, rank, "of the maze among all, by the length of the shortest solution, from 0",
               PUF_LESS_THAN(Maze, num_levels)),
    PUF_SCALAR(Maze, num_levels, "number of mazes"),
    PUF_SCALAR(Maze, shortest, "steps of the shortest solution from the start"),
    PUF_SCALAR(Maze, tick, "steps since the start of the episode", PUF_UP_TO(Maze, limit)),
    PUF_SCALAR(Maze, limit, "steps after which the episode is truncated"),
    PUF_SCALAR(Maze, tiles_offset, NULL),
    PUF_SCALAR(Maze, episode_return, NULL),
    PUF_SCALAR(Maze, first_rank, NULL, PUF_DERIVED),
    PUF_SCALAR(Maze, num_ranks, NULL, PUF_DERIVED),
    PUF_SCALAR(Maze, table_bytes, NULL, PUF_DERIVED),
    PUF_SCALAR(Maze, levels_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Maze, tables_offset, NULL, PUF_DERIVED),
};

// In a state from a file, the level is the one of its rank, and the agent is somewhere in it.
static const char* maze_contradiction(const void* state, const void* assets)
{
    const Maze* s = state;
    Maze other = *s;
    maze_enter(&other, maze_level(s, assets));
    if (other.tiles_offset != s->tiles_offset || other.rows != s->rows || other.columns != s->columns) {
        return "tiles";
    }
    if (other.goal_row != s->goal_row || other.goal_column != s->goal_column || other.doors != s->doors) {
        return "goal_row";
    }
    if (other.limit != s->limit || other.shortest != s->shortest) {
        return "limit";
    }
    int32_t row = s->row - MAZE_SIGHT, column = s->column - MAZE_SIGHT; // inside the walls around the maze
    int inside = row >= 0 && row < s->rows - 2 && column >= 0 && column < s->columns - 2;
    return inside ? NULL : "row";
}
static const char* const maze_log_names[] = { "shortest", "keys", "solved.n", "solved.steps", "solved.shortest" };

// clang-format off
PUF_DEFINE_ASSETS_ENV(maze, Maze,
    .version = 1,
    .doc = "Find the way through a maze of any size, with keys and coloured doors, seeing 11 x 11 tiles of it.",
    .reward = "1 on reaching the goal, reward_key for each key, reward_door for each door",
    .ends = "terminal on the goal; truncated after max_steps, by default twice the number of tiles that can be entered",
    .rate = 10,
    .obs_dtype = PUF_I8,
    .layout = { .state_size = sizeof(Maze), .agents = 1, .obs_ndim = 3,
                .obs_shape = { MAZE_PLANES, MAZE_VIEW, MAZE_VIEW }, PUF_ACTIONS(maze) },
    PUF_TABLES(maze),
    PUF_LOG_NAMES(maze),
    .setup_size = sizeof(MazeSetup), .resize = maze_resize, .conflict = maze_conflict,
    .make_assets = maze_make_assets, .prepare = maze_prepare, .contradiction = maze_contradiction);
