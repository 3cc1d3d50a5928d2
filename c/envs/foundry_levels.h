// foundry_levels.h - the halls of foundry: rooms of five styles, doors between them, and machines.
//
// 1. The hall is a grid of square rooms with a wall between neighbours. Each room has a style: open, pillars, rows of
//    shelves, a maze with loops, or ruins.
// 2. Neighbouring rooms share a door, one or two tiles wide. Floor that cannot be reached becomes wall.
// 3. Machines stand at random, none beside another, each with two free sides, and never in the way: all floor stays
//    connected. Wall that no floor touches, not even at a corner, is rock.
// 4. If the floor is too small or a machine finds no place, the hall is built again; after a few attempts all rooms
//    are open and the machines stand in rows, which always works.
//
// 5. Signs on the floor show the way to the nearest machine of each kind.
//
// Halls are ranked by how far their machines are apart.
#pragma once
#include "puffer.h"

enum { FOUNDRY_SIGHT = 5, FOUNDRY_VIEW = 2 * FOUNDRY_SIGHT + 1, FOUNDRY_PLANE = FOUNDRY_VIEW * FOUNDRY_VIEW };
enum { FOUNDRY_ROW = 16 }; // tiles copied for each row of a view; those beyond the view are overwritten
enum { FOUNDRY_UP, FOUNDRY_DOWN, FOUNDRY_LEFT, FOUNDRY_RIGHT, FOUNDRY_DIRECTIONS };
enum { FOUNDRY_KINDS = 6, FOUNDRY_MAX_OF_KIND = 64, FOUNDRY_MAX_WORKERS = 64 };
enum { FOUNDRY_MIN_SIDE = 11, FOUNDRY_MAX_SIDE = 25, FOUNDRY_MAX_ROOMS = 8, FOUNDRY_MAX_LEVELS = 65536 };
enum { FOUNDRY_FLOOR, FOUNDRY_WALL, FOUNDRY_MACHINE }; // tiles of a hall: a machine is FOUNDRY_MACHINE plus its kind
enum { FOUNDRY_ROCK = UINT8_MAX };
enum { FOUNDRY_OPEN, FOUNDRY_PILLARS, FOUNDRY_SHELVES, FOUNDRY_MAZE, FOUNDRY_RUINS, FOUNDRY_STYLES };
enum { FOUNDRY_SIGN_BITS = 3, FOUNDRY_SIGN_MASK = 7 };
enum { FOUNDRY_ATTEMPTS = 8, FOUNDRY_TRIES = 64 }; // at a hall, and at a place for a machine

// The settings that halls are made from.
typedef struct FoundryPlan {
    int32_t rooms_x, rooms_y, side;  // rooms, and tiles of the side of each
    int32_t machines[FOUNDRY_KINDS]; // of each kind
    int32_t num_levels;
    uint32_t level_seed;
} FoundryPlan;

typedef struct FoundryLevel {
    int32_t number; // its place in the order in which halls were made and tables are stored
    int32_t way;    // from a machine to the nearest of each other kind: tenths of a step, on average
} FoundryLevel;

// ---- Layout of the assets: levels by rank, working memory, then for each level its machines, signs and tiles ----

static int32_t foundry_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

// Rooms with a wall between them, and walls around the hall as thick as a worker sees.
static int32_t foundry_tiles_along(int32_t rooms, int32_t side) { return rooms * (side + 1) - 1 + 2 * FOUNDRY_SIGHT; }

static int32_t foundry_rows(const FoundryPlan* p) { return foundry_tiles_along(p->rooms_y, p->side); }

static int32_t foundry_columns(const FoundryPlan* p) { return foundry_tiles_along(p->rooms_x, p->side); }

static int32_t foundry_table_bytes(const FoundryPlan* p)
{
    int32_t beyond = FOUNDRY_ROW - FOUNDRY_VIEW; // copies of rows read this far beyond the last view
    return foundry_align(foundry_rows(p) * foundry_columns(p) + beyond);
}

static int32_t foundry_count_machines(const FoundryPlan* p)
{
    int32_t count = 0;
    for (int32_t kind = 0; kind < FOUNDRY_KINDS; kind++) {
        count += p->machines[kind];
    }
    return count;
}

static int32_t foundry_signs_offset(const FoundryPlan* p)
{
    return foundry_align(foundry_count_machines(p) * (int32_t)sizeof(int32_t));
}

static int32_t foundry_tiles_offset(const FoundryPlan* p)
{
    int32_t signs = foundry_rows(p) * foundry_columns(p) * (int32_t)sizeof(uint32_t);
    return foundry_signs_offset(p) + foundry_align(signs);
}

static int32_t foundry_level_bytes(const FoundryPlan* p) { return foundry_tiles_offset(p) + foundry_table_bytes(p); }

static int32_t foundry_work_offset(const FoundryPlan* p)
{
    return foundry_align(p->num_levels * (int32_t)sizeof(FoundryLevel));
}

static int32_t foundry_levels_offset(const FoundryPlan* p)
{
    return foundry_work_offset(p) + 2 * (int32_t)sizeof(int32_t) * foundry_table_bytes(p);
}

// ---- Making halls ----

typedef struct FoundryBuild {
    PufRng rng;
    const FoundryPlan* plan;
    uint8_t* tiles;
    int32_t* machines; // the tile of each, those of the first kind first
    uint32_t* signs;   // of each tile: FOUNDRY_SIGN_BITS for each kind, a direction from 1, or 0
    int32_t rows, columns, floor;
    int32_t delta[FOUNDRY_DIRECTIONS];
    int32_t *queue, *distance; // of a search: tiles, and the steps to each tile
} FoundryBuild;

static int foundry_chance(FoundryBuild* b, float probability) { return puf_rand_float(&b->rng) < probability; }

static int32_t foundry_below(FoundryBuild* b, int32_t n) { return (int32_t)puf_rand_below(&b->rng, (uint32_t)n); }

// The top left tile of a room.
static int32_t foundry_corner(const FoundryBuild* b, int32_t room)
{
    int32_t y = room / b->plan->rooms_x, x = room % b->plan->rooms_x, pitch = b->plan->side + 1;
    return (FOUNDRY_SIGHT + y * pitch) * b->columns + FOUNDRY_SIGHT + x * pitch;
}

// Steps to all tiles from those that the queue begins with, -1 where there is no way. Machines can be reached, but end
// the way. Returns how many tiles were walked on.
static int32_t foundry_measure_from(FoundryBuild* b, int32_t starts)
{
    int32_t head = 0, tail = starts;
    memset(b->distance, -1, (size_t)(b->rows * b->columns) * sizeof(int32_t));
    for (int32_t i = 0; i < starts; i++) {
        b->distance[b->queue[i]] = 0;
    }
    while (head < tail) {
        int32_t tile = b->queue[head++];
        for (int32_t d = 0; d < FOUNDRY_DIRECTIONS; d++) {
            int32_t next = tile + b->delta[d];
            if (b->tiles[next] == FOUNDRY_WALL || b->distance[next] >= 0) {
                continue;
            }
            b->distance[next] = b->distance[tile] + 1;
            if (b->tiles[next] == FOUNDRY_FLOOR) {
                b->queue[tail++] = next;
            }
        }
    }
    return tail;
}

static int32_t foundry_measure(FoundryBuild* b, int32_t from)
{
    b->queue[0] = from;
    return foundry_measure_from(b, 1);
}

// Whether there is a wall at a place of a room in a style without chance.
static int foundry_is_pillar(int32_t y, int32_t x) { return y % 3 == 2 && x % 3 == 2; }

// A maze has its places at even tiles, each open to the one above, or to the left, or to both, which makes loops.
static void foundry_make_maze(FoundryBuild* b, int32_t corner)
{
    int32_t side = b->plan->side;
    for (int32_t y = 0; y < side; y++) {
        for (int32_t x = 0; x < side; x++) {
            int even = y % 2 == 0 && x % 2 == 0, last = y % 2 + x % 2 > 0 && (y == side - 1) + (x == side - 1) > 0;
            int open = even || (side % 2 == 0 && last); // with an even side, the last row and column are open
            b->tiles[corner + y * b->columns + x] = open ? FOUNDRY_FLOOR : FOUNDRY_WALL;
        }
    }
    for (int32_t y = 0; y < side; y += 2) {
        for (int32_t x = 0; x < side; x += 2) {
            int32_t tile = corner + y * b->columns + x;
            int up = foundry_chance(b, 0.5f), both = foundry_chance(b, 0.5f);
            if (y > 0 && (up || both || x == 0)) {
                b->tiles[tile - b->columns] = FOUNDRY_FLOOR;
            }
            if (x > 0 && (!up || both || y == 0)) {
                b->tiles[tile - 1] = FOUNDRY_FLOOR;
            }
        }
    }
}

// Every fourth row is a shelf with two gaps; columns instead of rows half of the time.
static void foundry_make_shelves(FoundryBuild* b, int32_t corner)
{
    int32_t side = b->plan->side, turned = foundry_below(b, 2);
    int32_t along = turned ? b->columns : 1, across = turned ? 1 : b->columns;
    for (int32_t row = 3; row < side - 1; row += 4) {
        int32_t first = foundry_below(b, side), second = foundry_below(b, side);
        for (int32_t i = 0; i < side; i++) {
            int wall = i != first && i != second;
            b->tiles[corner + row * across + i * along] = wall ? FOUNDRY_WALL : FOUNDRY_FLOOR;
        }
    }
}

static void foundry_make_room(FoundryBuild* b, int32_t corner, int32_t style)
{
    int32_t side = b->plan->side;
    for (int32_t y = 0; y < side; y++) {
        for (int32_t x = 0; x < side; x++) {
            int wall = (style == FOUNDRY_PILLARS && foundry_is_pillar(y, x)) ||
                       (style == FOUNDRY_RUINS && foundry_chance(b, 0.2f));
            b->tiles[corner + y * b->columns + x] = wall ? FOUNDRY_WALL : FOUNDRY_FLOOR;
        }
    }
    if (style == FOUNDRY_MAZE) {
        foundry_make_maze(b, corner);
    } else if (style == FOUNDRY_SHELVES) {
        foundry_make_shelves(b, corner);
    }
}

// A door in the wall behind a room, to its right or below it, and a free tile on either side of it.
static void foundry_make_door(FoundryBuild* b, int32_t room, int32_t direction)
{
    int32_t right = direction == FOUNDRY_RIGHT, across = right ? 1 : b->columns, along = right ? b->columns : 1;
    int32_t wide = 1 + foundry_below(b, 2), at = 2 * foundry_below(b, b->plan->side / 2); // even: mazes are open there
    int32_t tile = foundry_corner(b, room) + b->plan->side * across + at * along;
    for (int32_t i = 0; i < wide; i++, tile += along) {
        b->tiles[tile - across] = b->tiles[tile] = b->tiles[tile + across] = FOUNDRY_FLOOR;
    }
}

static void foundry_make_rooms(FoundryBuild* b, int plain)
{
    const FoundryPlan* p = b->plan;
    memset(b->tiles, FOUNDRY_WALL, (size_t)foundry_table_bytes(p));
    for (int32_t room = 0; room < p->rooms_x * p->rooms_y; room++) {
        int32_t style = foundry_below(b, FOUNDRY_STYLES);
        foundry_make_room(b, foundry_corner(b, room), plain ? FOUNDRY_OPEN : style);
    }
    for (int32_t room = 0; room < p->rooms_x * p->rooms_y; room++) {
        if (room % p->rooms_x + 1 < p->rooms_x) {
            foundry_make_door(b, room, FOUNDRY_RIGHT);
        }
        if (room / p->rooms_x + 1 < p->rooms_y) {
            foundry_make_door(b, room, FOUNDRY_DOWN);
        }
    }
}

// Turn into wall what cannot be reached from the corner of the first room; true if enough is left.
static int foundry_close(FoundryBuild* b)
{
    const FoundryPlan* p = b->plan;
    int32_t from = foundry_corner(b, 0);
    if (b->tiles[from] != FOUNDRY_FLOOR) {
        return 0;
    }
    b->floor = foundry_measure(b, from);
    for (int32_t tile = 0; tile < b->rows * b->columns; tile++) {
        if (b->distance[tile] < 0) {
            b->tiles[tile] = FOUNDRY_WALL;
        }
    }
    int32_t area = p->rooms_x * p->rooms_y * p->side * p->side;
    return b->floor >= area / 2 && b->floor >= foundry_count_machines(p) + FOUNDRY_MAX_WORKERS;
}

static int foundry_is_machine(const FoundryBuild* b, int32_t tile) { return b->tiles[tile] >= FOUNDRY_MACHINE; }

// Put a machine on a tile; false if it cannot stand there.
static int foundry_put_machine(FoundryBuild* b, int32_t tile, int32_t kind)
{
    int32_t sides = 0, side = 0, near = 0;
    for (int32_t d = 0; d < FOUNDRY_DIRECTIONS; d++) {
        int32_t next = tile + b->delta[d];
        int free = b->tiles[next] == FOUNDRY_FLOOR;
        side = free ? next : side;
        sides += free;
    }
    for (int32_t row = -b->columns; row <= b->columns; row += b->columns) {
        near += foundry_is_machine(b, tile + row - 1) + foundry_is_machine(b, tile + row) +
                foundry_is_machine(b, tile + row + 1);
    }
    if (b->tiles[tile] != FOUNDRY_FLOOR || sides < 2 || near > 0) {
        return 0;
    }
    b->tiles[tile] = (uint8_t)(FOUNDRY_MACHINE + kind);
    if (foundry_measure(b, side) != b->floor - 1) { // it stands in the way
        b->tiles[tile] = FOUNDRY_FLOOR;
        return 0;
    }
    b->floor -= 1;
    return 1;
}

// Places in the rows of open rooms: every third tile, which leaves room around each machine and before the doors.
static int32_t foundry_spots_along(const FoundryPlan* p) { return (p->side - 1) / 3; }

static int32_t foundry_count_spots(const FoundryPlan* p)
{
    return p->rooms_x * p->rooms_y * foundry_spots_along(p) * foundry_spots_along(p);
}

static int32_t foundry_spot(const FoundryBuild* b, int32_t number)
{
    int32_t along = foundry_spots_along(b->plan), in_room = number % (along * along);
    int32_t y = 1 + 3 * (in_room / along), x = 1 + 3 * (in_room % along);
    return foundry_corner(b, number / (along * along)) + y * b->columns + x;
}

static int foundry_put_machines(FoundryBuild* b, int plain)
{
    const FoundryPlan* p = b->plan;
    int32_t count = 0, spots = foundry_count_spots(p), first = foundry_below(b, spots);
    for (int32_t kind = 0; kind < FOUNDRY_KINDS; kind++) {
        for (int32_t i = 0; i < p->machines[kind]; i++, count++) {
            int stands = 0;
            for (int32_t t = 0; t < FOUNDRY_TRIES && !stands; t++) {
                int32_t row = FOUNDRY_SIGHT + foundry_below(b, b->rows - 2 * FOUNDRY_SIGHT);
                int32_t column = FOUNDRY_SIGHT + foundry_below(b, b->columns - 2 * FOUNDRY_SIGHT);
                int32_t tile = plain ? foundry_spot(b, (first + count) % spots) : row * b->columns + column;
                stands = foundry_put_machine(b, tile, kind);
                b->machines[count] = tile;
            }
            if (!stands) {
                return 0;
            }
        }
    }
    return 1;
}

// The mean way from a machine to the nearest one of each other kind, in tenths of a step.
static int32_t foundry_measure_way(FoundryBuild* b)
{
    int32_t count = foundry_count_machines(b->plan), sum = 0, ways = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t nearest[FOUNDRY_KINDS], own = b->tiles[b->machines[i]] - FOUNDRY_MACHINE;
        memset(nearest, -1, sizeof(nearest));
        foundry_measure(b, b->machines[i]);
        for (int32_t j = 0; j < count; j++) {
            int32_t steps = b->distance[b->machines[j]], *to = &nearest[b->tiles[b->machines[j]] - FOUNDRY_MACHINE];
            *to = *to < 0 || steps < *to ? steps : *to;
        }
        for (int32_t kind = 0; kind < FOUNDRY_KINDS; kind++) {
            int counts = kind != own && nearest[kind] >= 0;
            sum += counts ? nearest[kind] : 0;
            ways += counts;
        }
    }
    return ways > 0 ? 10 * sum / ways : 0;
}

// Of several shortest ways, signs show the first in the order of the directions.
static void foundry_put_signs(FoundryBuild* b, int32_t kind)
{
    int32_t starts = 0;
    for (int32_t i = 0; i < foundry_count_machines(b->plan); i++) {
        if (b->tiles[b->machines[i]] == FOUNDRY_MACHINE + kind) {
            b->queue[starts++] = b->machines[i];
        }
    }
    (void)foundry_measure_from(b, starts);
    for (int32_t tile = 0; tile < b->rows * b->columns; tile++) {
        for (int32_t d = FOUNDRY_DIRECTIONS - 1; d >= 0 && b->tiles[tile] == FOUNDRY_FLOOR; d--) {
            int32_t next = tile + b->delta[d];
            int open = b->tiles[next] == FOUNDRY_FLOOR || b->distance[next] == 0;
            if (open && b->distance[next] >= 0 && b->distance[next] < b->distance[tile]) {
                uint32_t mask = (uint32_t)FOUNDRY_SIGN_MASK << FOUNDRY_SIGN_BITS * kind;
                b->signs[tile] = (b->signs[tile] & ~mask) | (uint32_t)(1 + d) << FOUNDRY_SIGN_BITS * kind;
            }
        }
    }
}

static void foundry_make_rock(FoundryBuild* b)
{
    memset(b->distance, 0, (size_t)(b->rows * b->columns) * sizeof(int32_t)); // here: whether a tile is near the floor
    for (int32_t tile = 0; tile < b->rows * b->columns; tile++) {
        for (int32_t row = -b->columns; b->tiles[tile] != FOUNDRY_WALL && row <= b->columns; row += b->columns) {
            b->distance[tile + row - 1] = b->distance[tile + row] = b->distance[tile + row + 1] = 1;
        }
    }
    for (int32_t tile = 0; tile < foundry_table_bytes(b->plan); tile++) {
        int inside = tile < b->rows * b->columns && b->distance[tile];
        b->tiles[tile] = inside ? b->tiles[tile] : FOUNDRY_ROCK;
    }
}

// Sort by the way; ties by number (Shell 1959).
static void foundry_rank(FoundryLevel* levels, int32_t count)
{
    for (int32_t gap = count / 2; gap > 0; gap = gap > 2 ? gap * 5 / 11 : gap - 1) {
        for (int32_t i = gap; i < count; i++) {
            FoundryLevel level = levels[i];
            int32_t at = i;
            for (; at >= gap; at -= gap) {
                const FoundryLevel* before = &levels[at - gap];
                if (before->way < level.way || (before->way == level.way && before->number < level.number)) {
                    break;
                }
                levels[at] = *before;
            }
            levels[at] = level;
        }
    }
}

static void foundry_make_levels(const FoundryPlan* p, void* assets)
{
    FoundryLevel* levels = assets;
    FoundryBuild b;
    b.plan = p;
    b.rows = foundry_rows(p);
    b.columns = foundry_columns(p);
    b.delta[FOUNDRY_UP] = -b.columns;
    b.delta[FOUNDRY_DOWN] = b.columns;
    b.delta[FOUNDRY_LEFT] = -1;
    b.delta[FOUNDRY_RIGHT] = 1;
    b.queue = (int32_t*)((uint8_t*)assets + foundry_work_offset(p));
    b.distance = b.queue + foundry_table_bytes(p);
    for (int32_t i = 0; i < p->num_levels; i++) {
        uint8_t* level = (uint8_t*)assets + foundry_levels_offset(p) + (size_t)i * (size_t)foundry_level_bytes(p);
        b.rng = puf_rng_seed(p->level_seed, (uint64_t)i);
        b.machines = (int32_t*)level;
        b.signs = (uint32_t*)(level + foundry_signs_offset(p));
        b.tiles = level + foundry_tiles_offset(p);
        for (int32_t attempt = 1; attempt <= FOUNDRY_ATTEMPTS; attempt++) {
            int plain = attempt == FOUNDRY_ATTEMPTS;
            foundry_make_rooms(&b, plain);
            if (foundry_close(&b) && foundry_put_machines(&b, plain)) {
                break;
            }
        }
        levels[i].number = i;
        levels[i].way = foundry_measure_way(&b);
        for (int32_t kind = 0; kind < FOUNDRY_KINDS; kind++) {
            foundry_put_signs(&b, kind);
        }
        foundry_make_rock(&b);
    }
    foundry_rank(levels, p->num_levels);
}
