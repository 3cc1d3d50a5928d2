// delve_levels.h - the levels of delve: five styles, stairs, traps, and what can be seen from each tile.
//
// 1. Rooms with corridors and curtains; caves; halls, which are one space divided again and again; vaults, one ring of
//    wall within another; islands, which bridges connect across water. Deeper levels are of other styles.
// 2. Floor that cannot be reached from the stairs up is filled. If too little is left, the level is built again; after
//    a few attempts it has rooms, which always work.
// 3. The stairs down are the farthest of a few random tiles. On the deepest level the amulet lies there instead.
//
// A tile sees another within 7 rows and columns if a straight line from middle to middle is clear. Where the line runs
// just between two tiles, it may keep to either, but to the same side all the way. So if a sees b, b sees a.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { DELVE_ROWS = 48, DELVE_COLUMNS = 64, DELVE_TILES = DELVE_ROWS * DELVE_COLUMNS }; // with the edge
enum { DELVE_EDGE = 8, DELVE_HEIGHT = DELVE_ROWS - 2 * DELVE_EDGE, DELVE_WIDTH = DELVE_COLUMNS - 2 * DELVE_EDGE };
enum { DELVE_SIGHT = 7, DELVE_SIGHT_ROWS = 2 * DELVE_SIGHT + 1, DELVE_SIGHT_WORDS = 16 };
enum { DELVE_DEPTHS = 12, DELVE_MAX_FLOOR = 1024, DELVE_MIN_FLOOR = 220, DELVE_MAX_LEVELS = 256 };
enum { DELVE_ATTEMPTS = 8, DELVE_STAIR_TRIES = 10 };
enum { DELVE_TERRAIN_BITS = 5, DELVE_TERRAIN_MASK = (1 << DELVE_TERRAIN_BITS) - 1, DELVE_MAX_TRAPS = 6 };

// Terrain. In the table of a level, the bits above hold the number of the trap on a tile, from 1.
enum {
    DELVE_STONE, // within the walls, never seen
    DELVE_FLOOR,
    DELVE_CORRIDOR,
    DELVE_MOSS,
    DELVE_BRIDGE,
    DELVE_CURTAIN,
    DELVE_UP,
    DELVE_DOWN,
    DELVE_LAST_FLOOR = DELVE_DOWN,
    DELVE_WALL,
    DELVE_CRAG, // the wall of a cave
    DELVE_PILLAR,
    DELVE_WATER,
    DELVE_TERRAINS
};
enum { DELVE_ROOMS, DELVE_CAVE, DELVE_HALLS, DELVE_VAULT, DELVE_ISLANDS, DELVE_STYLES };
enum { DELVE_DART = 1, DELVE_PIT, DELVE_WARP, DELVE_TRAPDOOR, DELVE_BELL, DELVE_RUST, DELVE_TRAPS }; // kinds of traps

// The chance of each style in tenths, by depth.
static const uint8_t delve_styles[DELVE_DEPTHS][DELVE_STYLES] = {
    { 10, 0, 0, 0, 0 }, { 10, 0, 0, 0, 0 }, { 7, 3, 0, 0, 0 }, { 5, 3, 2, 0, 0 }, { 4, 3, 3, 0, 0 }, { 3, 3, 2, 0, 2 },
    { 2, 4, 2, 0, 2 },  { 2, 3, 2, 1, 2 },  { 2, 2, 2, 1, 3 }, { 1, 2, 3, 1, 3 }, { 1, 2, 2, 2, 3 }, { 0, 0, 0, 10, 0 },
};

// What never changes of a level. The tables of tiles of all levels come first in the assets, then these.
typedef struct DelveLevel {
    uint16_t place[DELVE_TILES];                         // of each tile that can be walked on: its number, else 0
    uint16_t floor[DELVE_MAX_FLOOR];                     // the tile of each number
    int16_t sight[DELVE_MAX_FLOOR][DELVE_SIGHT_WORDS];   // what each sees: bit 7 of word 7 is the tile itself
    int32_t num_floor, up, down, dark, style, num_traps; // up, down: tiles of the stairs; from here on, the plan
    int32_t traps[DELVE_MAX_TRAPS], trap_kinds[DELVE_MAX_TRAPS];
} DelveLevel;
enum { DELVE_PLAN = 6 + 2 * DELVE_MAX_TRAPS };

static const int32_t delve_moves[8] = {
    // north first, then clockwise
    -DELVE_COLUMNS, -DELVE_COLUMNS + 1, 1, DELVE_COLUMNS + 1, DELVE_COLUMNS, DELVE_COLUMNS - 1, -1, -DELVE_COLUMNS - 1,
};

static int delve_is_floor(int32_t terrain) { return terrain >= DELVE_FLOOR && terrain <= DELVE_LAST_FLOOR; }

static int delve_is_opaque(int32_t terrain)
{
    return !(delve_is_floor(terrain) && terrain != DELVE_CURTAIN) && terrain != DELVE_WATER;
}

static int32_t delve_row(int32_t tile) { return (int32_t)((uint32_t)tile / DELVE_COLUMNS); }

static int32_t delve_column(int32_t tile) { return (int32_t)((uint32_t)tile % DELVE_COLUMNS); }

// Steps between two tiles on open floor.
static int32_t delve_distance(int32_t a, int32_t b)
{
    int32_t down = delve_row(a) - delve_row(b), right = delve_column(a) - delve_column(b);
    down = down < 0 ? -down : down;
    right = right < 0 ? -right : right;
    return down > right ? down : right;
}

// ---- Building ----

typedef struct DelveBuild {
    PufRng rng;
    uint8_t* tiles;
    DelveLevel* level;
    int32_t top, left, bottom, right; // of the space for floor, inclusive
    int16_t queue[DELVE_TILES], steps[DELVE_TILES];
} DelveBuild;

static int32_t delve_below(DelveBuild* b, int32_t n) { return (int32_t)puf_rand_below(&b->rng, (uint32_t)n); }

static int32_t delve_between(DelveBuild* b, int32_t least, int32_t most)
{
    return least + delve_below(b, most - least + 1);
}

static void delve_fill(DelveBuild* b, int32_t top, int32_t left, int32_t bottom, int32_t right, int32_t terrain)
{
    for (int32_t row = top; row <= bottom; row++) {
        memset(b->tiles + row * DELVE_COLUMNS + left, terrain, (size_t)(right - left + 1));
    }
}

// A corridor from a tile to another, first along one axis, then across at a bend, then on. Floor stays floor.
static void delve_dig(DelveBuild* b, int32_t from, int32_t to, int sideways, int32_t terrain)
{
    int32_t y0 = delve_row(from), x0 = delve_column(from), y1 = delve_row(to), x1 = delve_column(to);
    int32_t least = sideways ? (x0 < x1 ? x0 : x1) : (y0 < y1 ? y0 : y1);
    int32_t most = sideways ? (x0 < x1 ? x1 : x0) : (y0 < y1 ? y1 : y0);
    int32_t bend = most - least > 1 ? delve_between(b, least + 1, most - 1) : least; // not along a room's wall
    int32_t y = y0, x = x0;
    for (;;) {
        uint8_t* tile = &b->tiles[y * DELVE_COLUMNS + x];
        *tile = delve_is_floor(*tile) ? *tile : (uint8_t)terrain;
        int turned = sideways ? x == bend && y != y1 : y == bend && x != x1;
        if (y == y1 && x == x1) {
            return;
        }
        if (sideways ? turned : !turned && y != y1) {
            y += y < y1 ? 1 : -1;
        } else {
            x += x < x1 ? 1 : -1;
        }
    }
}

enum { DELVE_ACROSS = 4, DELVE_DOWNWARD = 3, DELVE_CELLS = DELVE_ACROSS * DELVE_DOWNWARD };

// Where a room's corridor leaves it: its first tile, outside of the room, at a random place of that side.
static int32_t delve_gate(DelveBuild* b, const int32_t* room, int32_t side)
{
    int32_t row = delve_between(b, room[0], room[2]), column = delve_between(b, room[1], room[3]);
    row = side == 0 ? room[0] - 1 : side == 2 ? room[2] + 1 : row;
    column = side == 3 ? room[1] - 1 : side == 1 ? room[3] + 1 : column;
    return row * DELVE_COLUMNS + column;
}

static void delve_connect(DelveBuild* b, const int32_t* one, const int32_t* other, int sideways)
{
    int32_t from = delve_gate(b, one, sideways ? 1 : 2), to = delve_gate(b, other, sideways ? 3 : 0);
    delve_dig(b, from, to, sideways, DELVE_CORRIDOR);
    if (from != to && delve_below(b, 2)) {
        b->tiles[from] = DELVE_CURTAIN;
    }
    if (from != to && delve_below(b, 2)) {
        b->tiles[to] = DELVE_CURTAIN;
    }
}

// A room in each cell of a grid; all are connected to the ones left of them and above, or to one of these.
static void delve_make_rooms(DelveBuild* b)
{
    int32_t rooms[DELVE_CELLS][4]; // top, left, bottom, right
    for (int32_t i = 0; i < DELVE_CELLS; i++) {
        int32_t top = b->top + 1 + i / DELVE_ACROSS * 10, left = b->left + 1 + i % DELVE_ACROSS * 11;
        int small = delve_below(b, 6) == 0;
        int32_t height = small ? 2 : delve_between(b, 3, 6), width = small ? 2 : delve_between(b, 3, 8);
        rooms[i][0] = top + delve_below(b, 8 - height);
        rooms[i][1] = left + delve_below(b, 9 - width);
        rooms[i][2] = rooms[i][0] + height - 1;
        rooms[i][3] = rooms[i][1] + width - 1;
        delve_fill(b, rooms[i][0], rooms[i][1], rooms[i][2], rooms[i][3], DELVE_FLOOR);
        for (int32_t pillars = height > 4 && width > 5 && delve_below(b, 3) == 0, k = 0; pillars && k < 4; k++) {
            int32_t row = k / 2 ? rooms[i][2] - 1 : rooms[i][0] + 1, column = k % 2 ? rooms[i][3] - 1 : rooms[i][1] + 1;
            b->tiles[row * DELVE_COLUMNS + column] = DELVE_PILLAR;
        }
    }
    for (int32_t i = 0; i < DELVE_CELLS; i++) {
        int has_left = i % DELVE_ACROSS > 0, has_above = i >= DELVE_ACROSS, choice = delve_below(b, 5);
        if (has_left && (!has_above || choice < 4)) {
            delve_connect(b, rooms[i - 1], rooms[i], 1);
        }
        if (has_above && (!has_left || choice > 1)) {
            delve_connect(b, rooms[i - DELVE_ACROSS], rooms[i], 0);
        }
    }
}

// Tiles like `terrain` among the eight around a tile.
static int32_t delve_count_around(const uint8_t* tiles, int32_t tile, int32_t terrain)
{
    int32_t count = 0;
    for (int32_t d = 0; d < 8; d++) {
        count += tiles[tile + delve_moves[d]] == terrain;
    }
    return count;
}

// Random ground, in which every tile then becomes what most tiles around it are, a few times over.
static void delve_grow(DelveBuild* b, int32_t ground, int32_t gap, int32_t percent, int32_t least)
{
    uint8_t before[DELVE_TILES];
    for (int32_t row = b->top; row <= b->bottom; row++) {
        for (int32_t column = b->left; column <= b->right; column++) {
            b->tiles[row * DELVE_COLUMNS + column] = (uint8_t)(delve_below(b, 100) < percent ? ground : gap);
        }
    }
    for (int32_t round = 0; round < 4; round++) {
        memcpy(before, b->tiles, DELVE_TILES);
        for (int32_t row = b->top; row <= b->bottom; row++) {
            for (int32_t column = b->left; column <= b->right; column++) {
                int32_t tile = row * DELVE_COLUMNS + column, count = delve_count_around(before, tile, ground);
                int stays = before[tile] == ground ? count >= least - 1 : count >= least;
                b->tiles[tile] = (uint8_t)(stays ? ground : gap);
            }
        }
    }
}

// Divide a hall by a wall with a gap or two, then its halves.
static void delve_divide(DelveBuild* b, int32_t top, int32_t left, int32_t bottom, int32_t right)
{
    int32_t stack[32][4] = { { top, left, bottom, right } }, size = 1;
    while (size > 0) {
        size -= 1;
        top = stack[size][0], left = stack[size][1], bottom = stack[size][2], right = stack[size][3];
        int32_t height = bottom - top + 1, width = right - left + 1;
        int upright = width > height || (width == height && delve_below(b, 2));
        int32_t length = upright ? width : height;
        if (length < 9 || size + 2 > 32 || (height * width < 90 && delve_below(b, 2))) {
            continue;
        }
        int32_t at = delve_between(b, 3, length - 4), across = upright ? height : width;
        for (int32_t i = 0; i < across; i++) {
            int32_t tile = upright ? (top + i) * DELVE_COLUMNS + left + at : (top + at) * DELVE_COLUMNS + left + i;
            int32_t along = upright ? DELVE_COLUMNS : 1;
            int door = (i == 0 && delve_is_floor(b->tiles[tile - along])) ||
                       (i == across - 1 && delve_is_floor(b->tiles[tile + along]));
            b->tiles[tile] = (uint8_t)(door ? DELVE_FLOOR : DELVE_WALL); // never close a gap of an older wall
        }
        for (int32_t gaps = 1 + delve_below(b, 2); gaps > 0; gaps--) {
            int32_t i = delve_below(b, across);
            int32_t tile = upright ? (top + i) * DELVE_COLUMNS + left + at : (top + at) * DELVE_COLUMNS + left + i;
            b->tiles[tile] = delve_below(b, 2) ? DELVE_CURTAIN : DELVE_FLOOR;
        }
        for (int32_t half = 0; half < 2; half++) {
            int32_t* part = stack[size++];
            part[0] = half && !upright ? top + at + 1 : top;
            part[1] = half && upright ? left + at + 1 : left;
            part[2] = half || upright ? bottom : top + at - 1;
            part[3] = half || !upright ? right : left + at - 1;
        }
    }
}

static void delve_make_halls(DelveBuild* b)
{
    int32_t top = b->top + delve_below(b, 5), left = b->left + delve_below(b, 6);
    delve_fill(b, top, left, top + 25, left + 38, DELVE_FLOOR);
    delve_divide(b, top, left, top + 25, left + 38);
}

// Rings of wall, one within another, with curtains between them; pillars in the innermost.
static void delve_make_vault(DelveBuild* b)
{
    int32_t top = b->top + 2, left = b->left + 4, bottom = b->bottom - 2, right = b->right - 4;
    delve_fill(b, top, left, bottom, right, DELVE_FLOOR);
    for (int32_t ring = 0; ring < 3; ring++) {
        int32_t wide = 3 + delve_below(b, 2);
        if (bottom - top - 2 * wide < 6) {
            break;
        }
        top += wide, left += wide + ring, bottom -= wide, right -= wide + ring;
        delve_fill(b, top, left, bottom, right, DELVE_WALL);
        delve_fill(b, top + 1, left + 1, bottom - 1, right - 1, DELVE_FLOOR);
        for (int32_t side = 0; side < 4; side++) {
            int32_t row = delve_between(b, top + 1, bottom - 1), column = delve_between(b, left + 1, right - 1);
            row = side == 0 ? top : side == 2 ? bottom : row;
            column = side == 1 ? right : side == 3 ? left : column;
            if (side == ring || delve_below(b, 3) > 0) {
                b->tiles[row * DELVE_COLUMNS + column] = DELVE_CURTAIN;
            }
        }
        top += 1, left += 1, bottom -= 1, right -= 1;
    }
    for (int32_t row = top + 1; row < bottom; row += 3) {
        for (int32_t column = left + 2; column < right - 1; column += 3) {
            b->tiles[row * DELVE_COLUMNS + column] = DELVE_PILLAR;
        }
    }
}

// Discs of land in a lake, each with a bridge to the next.
static void delve_make_islands(DelveBuild* b)
{
    int32_t before = 0, count = delve_between(b, 9, 12);
    delve_fill(b, b->top, b->left, b->bottom, b->right, DELVE_WATER);
    for (int32_t i = 0; i < count; i++) {
        int32_t radius = delve_between(b, 2, 4);
        int32_t row = delve_between(b, b->top + radius, b->bottom - radius);
        int32_t column = delve_between(b, b->left + radius, b->right - radius);
        for (int32_t y = -radius; y <= radius; y++) {
            for (int32_t x = -radius; x <= radius; x++) {
                if (y * y + x * x <= radius * radius + 1) {
                    b->tiles[(row + y) * DELVE_COLUMNS + column + x] = DELVE_MOSS;
                }
            }
        }
        int32_t tile = row * DELVE_COLUMNS + column;
        if (i > 0) {
            delve_dig(b, before, tile, delve_below(b, 2), DELVE_BRIDGE);
        }
        before = tile;
    }
}

static void delve_make_style(DelveBuild* b, int32_t style)
{
    memset(b->tiles, DELVE_STONE, DELVE_TILES);
    switch (style) {
    case DELVE_CAVE: delve_grow(b, DELVE_MOSS, DELVE_STONE, 56, 5); break;
    case DELVE_HALLS: delve_make_halls(b); break;
    case DELVE_VAULT: delve_make_vault(b); break;
    case DELVE_ISLANDS: delve_make_islands(b); break;
    default: delve_make_rooms(b);
    }
}

// ---- Checking, stairs and traps ----

// Steps from a tile to all others, -1 where there is no way. Returns how many can be reached.
static int32_t delve_flood(DelveBuild* b, int32_t from)
{
    int32_t head = 0, tail = 1;
    memset(b->steps, -1, sizeof(b->steps));
    b->queue[0] = (int16_t)from;
    b->steps[from] = 0;
    while (head < tail) {
        int32_t tile = b->queue[head++];
        for (int32_t d = 0; d < 8; d++) {
            int32_t next = tile + delve_moves[d];
            if (delve_is_floor(b->tiles[next] & DELVE_TERRAIN_MASK) && b->steps[next] < 0) {
                b->steps[next] = (int16_t)(b->steps[tile] + 1);
                b->queue[tail++] = (int16_t)next;
            }
        }
    }
    return tail;
}

// Keep the floor around a random tile of it; false if it is too little, or too much.
static int delve_keep_connected(DelveBuild* b, int32_t filling)
{
    int32_t from = 0;
    for (int32_t tries = 0; tries < 200 && !delve_is_floor(b->tiles[from]); tries++) {
        from = delve_between(b, b->top, b->bottom) * DELVE_COLUMNS + delve_between(b, b->left, b->right);
    }
    if (!delve_is_floor(b->tiles[from])) {
        return 0;
    }
    int32_t count = delve_flood(b, from);
    for (int32_t tile = 0; tile < DELVE_TILES; tile++) {
        if (delve_is_floor(b->tiles[tile]) && b->steps[tile] < 0) {
            b->tiles[tile] = (uint8_t)filling;
        }
    }
    return count >= DELVE_MIN_FLOOR && count <= DELVE_MAX_FLOOR;
}

// Stone that touches what can be seen through becomes wall.
static void delve_make_walls(DelveBuild* b, int32_t wall)
{
    for (int32_t tile = DELVE_COLUMNS + 1; tile < DELVE_TILES - DELVE_COLUMNS - 1; tile++) {
        int touches = 0;
        for (int32_t d = 0; d < 8; d++) {
            int32_t terrain = b->tiles[tile + delve_moves[d]];
            touches |= delve_is_floor(terrain) || terrain == DELVE_WATER;
        }
        if (b->tiles[tile] == DELVE_STONE && touches) {
            b->tiles[tile] = (uint8_t)wall;
        }
    }
}

static void delve_list_floor(DelveBuild* b)
{
    DelveLevel* level = b->level;
    level->num_floor = 0;
    for (int32_t tile = 0; tile < DELVE_TILES; tile++) {
        level->place[tile] = 0;
        if (delve_is_floor(b->tiles[tile])) {
            level->place[tile] = (uint16_t)level->num_floor;
            level->floor[level->num_floor++] = (uint16_t)tile;
        }
    }
}

static int32_t delve_random_floor(DelveBuild* b) { return b->level->floor[delve_below(b, b->level->num_floor)]; }

static void delve_put_stairs(DelveBuild* b, int32_t depth)
{
    DelveLevel* level = b->level;
    int32_t best = -1;
    level->up = delve_random_floor(b);
    while (b->tiles[level->up] == DELVE_CURTAIN) {
        level->up = delve_random_floor(b);
    }
    (void)delve_flood(b, level->up);
    for (int32_t i = 0; i < DELVE_STAIR_TRIES || best < 0; i++) {
        int32_t tile = delve_random_floor(b);
        if (b->steps[tile] > best && tile != level->up && b->tiles[tile] != DELVE_CURTAIN) {
            best = b->steps[tile];
            level->down = tile;
        }
    }
    b->tiles[level->up] = DELVE_UP;
    if (depth < DELVE_DEPTHS) {
        b->tiles[level->down] = DELVE_DOWN;
    }
}

static void delve_put_traps(DelveBuild* b, int32_t depth)
{
    DelveLevel* level = b->level;
    level->num_traps = puf_clampi(delve_below(b, 3) + depth / 3, 0, DELVE_MAX_TRAPS);
    for (int32_t i = 0; i < level->num_traps; i++) {
        int32_t tile = delve_random_floor(b), kind = delve_between(b, DELVE_DART, DELVE_RUST);
        while (tile == level->up || tile == level->down || b->tiles[tile] >> DELVE_TERRAIN_BITS) {
            tile = delve_random_floor(b);
        }
        level->traps[i] = tile;
        level->trap_kinds[i] = kind == DELVE_TRAPDOOR && depth == DELVE_DEPTHS ? DELVE_PIT : kind;
        b->tiles[tile] = (uint8_t)(b->tiles[tile] | (i + 1) << DELVE_TERRAIN_BITS);
    }
}

// ---- Sight ----

enum { DELVE_SIGHT_LANES = 4 }; // 15 rows of 16 bits, in words of 64

// The tiles between the middle and each other one: along the longer axis, the nearest of each row or column. Where two
// are as near, the one towards positive numbers, or with `other` the one towards negative numbers.
static void delve_trace(uint64_t (*between)[DELVE_SIGHT_LANES], int32_t down, int32_t right, int other)
{
    int32_t steep = down * down > right * right, length = steep ? down : right, rise = steep ? right : down;
    int32_t sign = length < 0 ? -1 : 1;
    for (int32_t i = 1; i < sign * length; i++) {
        // the middle of the range of rise * i / |length|, rounded: floor((2 r i + n) / (2 n)), or its mirror image
        int32_t n = 2 * sign * length, twice = 2 * rise * i + n / 2;
        int32_t across = other ? -((-2 * rise * i + n / 2 + 16 * n) / n - 16) : (twice + 16 * n) / n - 16;
        int32_t y = DELVE_SIGHT + (steep ? sign * i : across), x = DELVE_SIGHT + (steep ? across : sign * i);
        (*between)[y / 4] |= UINT64_C(1) << (y % 4 * 16 + x);
    }
}

typedef struct DelveRays {
    uint64_t between[DELVE_SIGHT_ROWS][DELVE_SIGHT_ROWS][2][DELVE_SIGHT_LANES];
} DelveRays;

static void delve_make_rays(DelveRays* rays)
{
    memset(rays, 0, sizeof(*rays));
    for (int32_t y = 0; y < DELVE_SIGHT_ROWS; y++) {
        for (int32_t x = 0; x < DELVE_SIGHT_ROWS; x++) {
            for (int32_t other = 0; other < 2; other++) {
                delve_trace(&rays->between[y][x][other], y - DELVE_SIGHT, x - DELVE_SIGHT, other);
            }
        }
    }
}

static int delve_clear(const uint64_t* opaque, const uint64_t* between)
{
    return ((opaque[0] & between[0]) | (opaque[1] & between[1]) | (opaque[2] & between[2]) |
            (opaque[3] & between[3])) == 0;
}

static void delve_make_sight(DelveBuild* b, const DelveRays* rays)
{
    uint64_t rows[DELVE_ROWS];
    for (int32_t row = 0; row < DELVE_ROWS; row++) {
        rows[row] = 0;
        for (int32_t column = 0; column < DELVE_COLUMNS; column++) {
            int opaque = delve_is_opaque(b->tiles[row * DELVE_COLUMNS + column] & DELVE_TERRAIN_MASK);
            rows[row] |= (uint64_t)opaque << column;
        }
    }
    for (int32_t i = 0; i < b->level->num_floor; i++) {
        int32_t row = delve_row(b->level->floor[i]) - DELVE_SIGHT,
                column = delve_column(b->level->floor[i]) - DELVE_SIGHT;
        uint64_t opaque[DELVE_SIGHT_LANES] = { 0 };
        for (int32_t y = 0; y < DELVE_SIGHT_ROWS; y++) {
            opaque[y / 4] |= (rows[row + y] >> column & 0x7FFF) << (y % 4 * 16);
        }
        for (int32_t y = 0; y < DELVE_SIGHT_ROWS; y++) {
            uint32_t seen = 0;
            for (int32_t x = 0; x < DELVE_SIGHT_ROWS; x++) {
                const uint64_t (*between)[DELVE_SIGHT_LANES] = rays->between[y][x];
                seen |= (uint32_t)(delve_clear(opaque, between[0]) || delve_clear(opaque, between[1])) << x;
            }
            b->level->sight[i][y] = (int16_t)seen;
        }
        b->level->sight[i][DELVE_SIGHT_ROWS] = 0;
    }
}

// ---- All of it ----

static int32_t delve_draw_style(DelveBuild* b, int32_t depth)
{
    int32_t drawn = delve_below(b, 10), style = 0;
    while (drawn >= delve_styles[depth - 1][style]) {
        drawn -= delve_styles[depth - 1][style++];
    }
    return style;
}

static void delve_make_level(DelveBuild* b, int32_t depth)
{
    b->top = DELVE_EDGE + 1;
    b->left = DELVE_EDGE + 1;
    b->bottom = DELVE_EDGE + DELVE_HEIGHT - 2;
    b->right = DELVE_EDGE + DELVE_WIDTH - 2;
    int32_t style = delve_draw_style(b, depth);
    for (int32_t attempt = 1; attempt <= DELVE_ATTEMPTS; attempt++) {
        style = attempt < DELVE_ATTEMPTS ? style : DELVE_ROOMS;
        delve_make_style(b, style);
        if (delve_keep_connected(b, style == DELVE_ISLANDS ? DELVE_WATER : DELVE_STONE)) {
            break;
        }
    }
    b->level->style = style;
    b->level->dark = depth >= 4 && style != DELVE_VAULT && delve_below(b, 100) < 6 * (depth - 2);
    delve_make_walls(b, style == DELVE_CAVE || style == DELVE_ISLANDS ? DELVE_CRAG : DELVE_WALL);
    delve_list_floor(b);
    delve_put_stairs(b, depth);
    delve_put_traps(b, depth);
}

static uint64_t delve_tiles_bytes(int32_t per_depth) { return (uint64_t)per_depth * DELVE_DEPTHS * DELVE_TILES; }

// `per_depth` levels for each depth, those of the first depth first.
static void delve_make_levels(void* assets, int32_t per_depth, uint32_t level_seed)
{
    DelveBuild b;
    DelveRays rays;
    delve_make_rays(&rays);
    for (int32_t i = 0; i < per_depth * DELVE_DEPTHS; i++) {
        b.rng = puf_rng_seed(level_seed, (uint64_t)i);
        b.tiles = (uint8_t*)assets + (size_t)i * DELVE_TILES;
        b.level = (DelveLevel*)((uint8_t*)assets + delve_tiles_bytes(per_depth)) + i;
        delve_make_level(&b, 1 + i / per_depth);
        delve_make_sight(&b, &rays);
    }
}
