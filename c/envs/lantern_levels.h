// lantern_levels.h - the mazes of lantern.h. Included by it.
//
// 1. A tree grows over the squares of a grid: from any room that it has reached to any free
//    neighbour. Rooms are 3 x 3 tiles, with one tile of wall between them and doors of one tile in
//    the middle.
// 2. One room is the start. Another one, a dead end, has the gates, in a ring. From
//    LANTERN_SEPARATE rooms on, each gate has a dead end of its own, and is in its middle.
// 3. The lantern burns in the middle of the first room; from LANTERN_SEPARATE rooms on, of another
//    one that has no gate.
// 4. Some walls between rooms that hold no gate get a door: loops.
// Trees are drawn until they have enough dead ends, at most LANTERN_TRIES times.
#pragma once

enum { LANTERN_UP, LANTERN_DOWN, LANTERN_LEFT, LANTERN_RIGHT, LANTERN_MOVES };
enum {
    LANTERN_GRID = 7, // rooms along a side, at most
    LANTERN_SQUARES = LANTERN_GRID * LANTERN_GRID,
    LANTERN_PITCH = 4,                               // tiles from a room to the next
    LANTERN_SIDE = LANTERN_PITCH * LANTERN_GRID + 1, // tiles of the largest maze
    LANTERN_ROWS = 32,                               // tiles of the table; a row is a number with a bit for each tile
    LANTERN_TRIES = 64,
    LANTERN_SEPARATE = 8, // from so many rooms on, each gate and the lantern have a room of their own
};

// m from the middle of a room to each of four gates in it. They do not touch each other, and a body that slides along a
// wall passes by.
#define LANTERN_RING 0.8f

typedef struct LanternPlace {
    float x, y; // m from the top left corner of the table
} LanternPlace;

typedef struct LanternLevel {
    uint32_t rows[LANTERN_ROWS]; // bit c of row r: the tile is floor
    LanternPlace gates[LANTERN_COLOURS], lantern, start;
    int32_t number; // its place in the order in which levels were made
    int32_t rooms;
    int32_t way[LANTERN_COLOURS]; // tiles from the start past the lantern to each gate, straight or diagonally
    int32_t difficulty;           // the sum of these
} LanternLevel;

// A level under construction. Rooms are numbered in the order in which the tree reached them.
typedef struct LanternBuild {
    PufRng rng;
    LanternLevel* level;
    int32_t side;                     // squares along a side of the grid
    int32_t room_at[LANTERN_SQUARES]; // number of the room on a square; -1: none
    int32_t square[LANTERN_SQUARES];  // of a room
    int32_t parent[LANTERN_SQUARES];  // of a room; its own for the first
    int32_t doors[LANTERN_SQUARES];   // of a room in the tree
    int32_t gate_room[LANTERN_COLOURS];
    int32_t start_room, lantern_room;
} LanternBuild;

// The square next to one, or -1 beyond the grid.
static int32_t lantern_next_square(const LanternBuild* b, int32_t square, int32_t move)
{
    int32_t row = square / b->side, column = square % b->side;
    row += (move == LANTERN_DOWN) - (move == LANTERN_UP);
    column += (move == LANTERN_RIGHT) - (move == LANTERN_LEFT);
    int inside = row >= 0 && row < b->side && column >= 0 && column < b->side;
    return inside ? row * b->side + column : -1;
}

static void lantern_add_room(LanternBuild* b, int32_t room, int32_t square, int32_t parent)
{
    b->room_at[square] = room;
    b->square[room] = square;
    b->parent[room] = parent;
    b->doors[room] = room != parent;
    b->doors[parent] += room != parent;
}

// 1. The tree.
static void lantern_grow(LanternBuild* b)
{
    for (int32_t square = 0; square < LANTERN_SQUARES; square++) {
        b->room_at[square] = -1;
    }
    lantern_add_room(b, 0, (int32_t)puf_rand_below(&b->rng, (uint32_t)(b->side * b->side)), 0);
    for (int32_t room = 1; room < b->level->rooms;) {
        int32_t from = (int32_t)puf_rand_below(&b->rng, (uint32_t)room);
        int32_t square = lantern_next_square(b, b->square[from], (int32_t)puf_rand_below(&b->rng, LANTERN_MOVES));
        if (square >= 0 && b->room_at[square] < 0) {
            lantern_add_room(b, room++, square, from);
        }
    }
}

static int lantern_has_gate(const LanternBuild* b, int32_t room)
{
    int found = 0;
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        found |= b->gate_room[g] == room;
    }
    return found;
}

// A random choice of rooms from a list goes to its front; in random order.
static void lantern_shuffle(LanternBuild* b, int32_t* rooms, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        int32_t other = i + (int32_t)puf_rand_below(&b->rng, (uint32_t)(count - i));
        int32_t room = rooms[other];
        rooms[other] = rooms[i];
        rooms[i] = room;
    }
}

// 2. The start and the gates. Returns whether there were enough dead ends.
static int lantern_place_gates(LanternBuild* b)
{
    int32_t ends[LANTERN_SQUARES], count = 0, rooms = b->level->rooms;
    int32_t halls = rooms < LANTERN_SEPARATE ? 1 : LANTERN_COLOURS;
    b->start_room = (int32_t)puf_rand_below(&b->rng, (uint32_t)rooms);
    for (int32_t room = 0; room < rooms; room++) {
        ends[count] = room;
        count += room != b->start_room && b->doors[room] == 1;
    }
    if (count == 0) { // the only room
        ends[count++] = b->start_room;
    }
    lantern_shuffle(b, ends, count);
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        b->gate_room[g] = ends[g % (halls < count ? halls : count)];
    }
    return count >= halls;
}

// 3. The lantern.
static void lantern_place_lantern(LanternBuild* b)
{
    int32_t count = 0;
    b->lantern_room = b->start_room;
    for (int32_t room = 0; room < b->level->rooms && b->level->rooms >= LANTERN_SEPARATE; room++) {
        int fits = room != b->start_room && !lantern_has_gate(b, room);
        count += fits;
        if (fits && puf_rand_below(&b->rng, (uint32_t)count) == 0) { // all of them are equally likely
            b->lantern_room = room;
        }
    }
}

// A place that far from the middle of a room.
static LanternPlace lantern_in_room(const LanternBuild* b, int32_t room, float right, float down)
{
    int32_t square = b->square[room];
    LanternPlace place;
    place.x = (float)(LANTERN_PITCH * (square % b->side)) + 2.5f + right;
    place.y = (float)(LANTERN_PITCH * (square / b->side)) + 2.5f + down;
    return place;
}

static void lantern_dig(LanternBuild* b, LanternPlace place)
{
    b->level->rows[(int32_t)place.y] |= UINT32_C(1) << (int32_t)place.x;
}

// The door between neighbouring rooms.
static void lantern_dig_door(LanternBuild* b, int32_t room, int32_t other)
{
    LanternPlace here = lantern_in_room(b, room, 0.0f, 0.0f), there = lantern_in_room(b, other, 0.0f, 0.0f);
    here.x = 0.5f * (here.x + there.x);
    here.y = 0.5f * (here.y + there.y);
    lantern_dig(b, here);
}

static void lantern_dig_rooms(LanternBuild* b)
{
    for (int32_t room = 0; room < b->level->rooms; room++) {
        for (int32_t tile = 0; tile < 9; tile++) {
            lantern_dig(b, lantern_in_room(b, room, (float)(tile % 3 - 1), (float)(tile / 3 - 1)));
        }
        if (room > 0) {
            lantern_dig_door(b, room, b->parent[room]);
        }
    }
}

// 4. Loops.
static void lantern_dig_loops(LanternBuild* b, float loops)
{
    for (int32_t room = 0; room < b->level->rooms; room++) {
        for (int32_t move = LANTERN_DOWN; move <= LANTERN_RIGHT; move += LANTERN_RIGHT - LANTERN_DOWN) {
            int32_t square = lantern_next_square(b, b->square[room], move);
            int32_t other = square < 0 ? -1 : b->room_at[square];
            if (other >= 0 && !lantern_has_gate(b, room) && !lantern_has_gate(b, other) &&
                puf_rand_float(&b->rng) < loops) {
                lantern_dig_door(b, room, other);
            }
        }
    }
}

// Gates, lantern and start, in the middle of their rooms; gates that share one, in a ring that is turned at random.
static void lantern_furnish(LanternBuild* b)
{
    LanternLevel* level = b->level;
    float radius = level->rooms < LANTERN_SEPARATE ? LANTERN_RING : 0.0f, right, down;
    puf_sincosf(2.0f * PUF_PI * puf_rand_float(&b->rng), &down, &right);
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        level->gates[g] = lantern_in_room(b, b->gate_room[g], radius * right, radius * down);
        float before = right;
        right = -down; // a quarter of a turn
        down = before;
    }
    level->lantern = lantern_in_room(b, b->lantern_room, 0.0f, 0.0f);
    level->start = lantern_in_room(b, b->start_room, 0.0f, 0.0f);
}

// Steps from a place to each tile, straight or diagonally, not across corners of walls; -1 where there is no way.
static void lantern_measure(const LanternLevel* level, LanternPlace from, int32_t distance[LANTERN_ROWS][LANTERN_ROWS])
{
    int32_t queue[LANTERN_ROWS * LANTERN_ROWS], head = 0, tail = 1;
    memset(distance, -1, sizeof(int32_t) * LANTERN_ROWS * LANTERN_ROWS);
    queue[0] = (int32_t)from.y * LANTERN_ROWS + (int32_t)from.x;
    distance[(int32_t)from.y][(int32_t)from.x] = 0;
    while (head < tail) {
        int32_t row = queue[head] / LANTERN_ROWS, column = queue[head] % LANTERN_ROWS;
        head += 1;
        for (int32_t step = 0; step < 9; step++) { // the walls around the maze keep it inside of the table
            int32_t r = row + step / 3 - 1, c = column + step % 3 - 1;
            uint32_t open = level->rows[r] >> c & level->rows[row] >> c & level->rows[r] >> column & 1;
            if (open && distance[r][c] < 0) {
                distance[r][c] = distance[row][column] + 1;
                queue[tail++] = r * LANTERN_ROWS + c;
            }
        }
    }
}

static void lantern_find_ways(LanternLevel* level)
{
    int32_t distance[LANTERN_ROWS][LANTERN_ROWS];
    lantern_measure(level, level->lantern, distance);
    int32_t start = distance[(int32_t)level->start.y][(int32_t)level->start.x];
    level->difficulty = 0;
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        level->way[g] = start + distance[(int32_t)level->gates[g].y][(int32_t)level->gates[g].x];
        level->difficulty += level->way[g];
    }
}

static void lantern_make_level(LanternLevel* level, int32_t rooms, float loops, PufRng rng)
{
    LanternBuild b;
    b.rng = rng;
    b.level = level;
    level->rooms = rooms;
    b.side = 1;
    while (b.side * b.side < rooms) {
        b.side += 1;
    }
    b.side += rooms > 1 && b.side < LANTERN_GRID; // room for a tree of any shape
    for (int32_t tries = 0, good = 0; tries < LANTERN_TRIES && !good; tries++) {
        lantern_grow(&b);
        good = lantern_place_gates(&b);
    }
    lantern_place_lantern(&b);
    lantern_dig_rooms(&b);
    lantern_dig_loops(&b, loops);
    lantern_furnish(&b);
    lantern_find_ways(level);
}

// Whether a level is ranked before another: by rooms, then by the way; ties by number.
static int lantern_is_easier(const LanternLevel* a, const LanternLevel* b)
{
    if (a->rooms != b->rooms) {
        return a->rooms < b->rooms;
    }
    return a->difficulty < b->difficulty || (a->difficulty == b->difficulty && a->number < b->number);
}

// Shell 1959.
static void lantern_rank(LanternLevel* levels, int32_t count)
{
    for (int32_t gap = count / 2; gap > 0; gap = gap > 2 ? gap * 5 / 11 : gap - 1) {
        for (int32_t i = gap; i < count; i++) {
            LanternLevel level = levels[i];
            int32_t at = i;
            for (; at >= gap && lantern_is_easier(&level, &levels[at - gap]); at -= gap) {
                levels[at] = levels[at - gap];
            }
            levels[at] = level;
        }
    }
}
