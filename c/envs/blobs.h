// blobs - many players on one walled plane: eat dots and smaller players, grow, slow down.
//
// Observation  float32 (54): own radius and speed, four walls, and what is around in 16 directions:
//              the nearest dot, the nearest prey and the nearest threat, as closeness: 0 for
//              nothing in sight, 1 for touching. The directions are those of the moves and halfway
//              between them, clockwise from the right.
// Action       one of 9: stay, or go in one of 8 directions. With the setting `continuous`, two
//              numbers in [-1, 1]: a vector to go along, at full speed if its length is 1 or more.
// Reward       `reward_mass` per unit of mass eaten, `reward_death` for being eaten.
// End          terminal on being eaten; truncated after `max_steps` steps of one life. The player
//              restarts in the same step, small, at a random place away from threats.
// Score        the largest mass in one life; perf is that divided by `goal`, at most 1.
//
// A player is a disc with a mass, at first 10, which has a radius of 1. The radius grows with the
// square root of the mass, and speed falls with the fourth root of the radius. A step is
// simultaneous, so no player gains by its number:
// 1. All move. The middle of a disc stays within the walls.
// 2. All eat the dots whose middle they cover. A dot has mass 1, shared equally by the players that
//    cover it. A new one appears elsewhere.
// 3. All lose a fraction, `decay`, of their mass above 10.
// 4. A player is eaten if its middle is covered by a player more than `margin` times as heavy. Its
//    mass is shared equally by those of its eaters that are not eaten themselves. Mass beyond
//    `max_mass` is lost.
//
// Masses are whole grains, 1000 to a dot, so sums do not depend on the order.
//
// Dots lie in the cells of a grid, at most one per cell, at a random place inside. A player sees
// the dots in 8 by 8 cells. Players are sorted into a coarser grid after they move; a player sees
// those in 3 by 3 of its cells.
#pragma once
#include "puffer.h"
#include "puffer_bins.h"
#include "puffer_math.h"

enum {
    BLOBS_MAX_PLAYERS = 16384,
    BLOBS_GRAINS = 1000,             // of mass in a dot
    BLOBS_START_MASS = 10,           // dots
    BLOBS_MAX_MASS = 640,            // dots: a radius of 8
    BLOBS_TRIES = 16,                // to find a free place
    BLOBS_MIN_CELLS = 4,             // along a side of the plane
    BLOBS_WINDOW = 8,                // cells along a side of the square that is searched for dots
    BLOBS_BORDER = BLOBS_WINDOW / 2, // empty cells around the plane, so that no window leaves the table
    BLOBS_SECTORS = 16,
    BLOBS_MOVES = 9,
};
#define BLOBS_CELL 5.0f   // side of a cell for dots
#define BLOBS_SIGHT 17.5f // how far a player sees: half a window minus half a cell; and the side of a cell for players
#define BLOBS_SAFE 5.0f   // least distance from the edge of a threat at the start of a life
#define BLOBS_HAIR 0.01f  // more than rounding can be off when cells are chosen
#define BLOBS_FAR 1e9f    // where the dot of an empty cell is
#define BLOBS_LONG_SIDE 1e5f // longer than any plane
#define BLOBS_MAX_RADIUS 8.0f
#define BLOBS_START_GRAINS (BLOBS_START_MASS * BLOBS_GRAINS)

// What a player sees: a row of io.obs.
typedef struct BlobsObs {
    float radius, speed, walls[4];
    float dots[BLOBS_SECTORS], prey[BLOBS_SECTORS], threats[BLOBS_SECTORS];
} BlobsObs;

// Rows of the tables of players, which BlobsPlayers and BlobsSnapshot name.
enum { BLOBS_PLACE_ROWS = 6, BLOBS_LIFE_ROWS = 6, BLOBS_NEAR_ROWS = 4 };

typedef struct BlobsLog {
    PufLog common;
    float dots_eaten, players_eaten; // in one life
    float final_mass;                // in dots
    float eaten;                     // 1 if being eaten ended the life
} BlobsLog;

typedef struct Blobs {
    PufRng rng;
    int32_t num_players, max_mass, goal, max_steps, continuous; // settings
    float margin, speed, decay, reward_mass, reward_death;
    int32_t num_dots;
    int32_t cells;       // for dots, along a side of the plane
    int32_t dot_columns; // cells along a side of their table, which has a border
    int32_t bins;        // cells for players along a side of their grid, which has a ring around it
    float side;          // of the plane
    int32_t place_rows, life_rows;
    int32_t dots_x, dots_y;      // tables in the block: bytes from the start of the state
    int32_t covered, eaten_dots; // how many players cover the dot of each cell; cells with a covered dot
    int32_t places, lives, near_players;
    int32_t starts, bin_of, order; // see puf_sort_bins
    BlobsLog log;
} Blobs;

// Settings that the state keeps only as sizes.
typedef struct BlobsSetup {
    Blobs state;
    double room, fill;
} BlobsSetup;

// ---- Settings ----

// Tables begin on cache lines.
static int32_t blobs_take(int32_t* end, int32_t elements)
{
    int32_t begin = *end;
    *end += (elements * (int32_t)sizeof(float) + 63) / 64 * 64;
    return begin;
}

// Fills in sizes and offsets. Returns the bytes of the state.
static int32_t blobs_plan(Blobs* s, const BlobsSetup* setup)
{
    int32_t players = setup->state.num_players;
    int32_t cells = (int32_t)(sqrtf((float)(players * setup->room)) / BLOBS_CELL);
    s->num_players = players;
    s->cells = cells < BLOBS_MIN_CELLS ? BLOBS_MIN_CELLS : cells;
    s->side = (float)s->cells * BLOBS_CELL;
    s->num_dots = (int32_t)(setup->fill * s->cells * s->cells);
    s->dot_columns = s->cells + 2 * BLOBS_BORDER;
    s->bins = (int32_t)(s->side / BLOBS_SIGHT) + 3;
    s->place_rows = BLOBS_PLACE_ROWS;
    s->life_rows = BLOBS_LIFE_ROWS;

    int32_t end = ((int32_t)sizeof(Blobs) + 63) / 64 * 64;
    int32_t all_cells = s->dot_columns * s->dot_columns;
    s->dots_x = blobs_take(&end, all_cells);
    s->dots_y = blobs_take(&end, all_cells);
    s->covered = blobs_take(&end, all_cells);
    s->eaten_dots = blobs_take(&end, s->num_dots + 1); // one is written before it counts
    s->places = blobs_take(&end, BLOBS_PLACE_ROWS * players);
    s->lives = blobs_take(&end, BLOBS_LIFE_ROWS * players);
    s->near_players = blobs_take(&end, BLOBS_NEAR_ROWS * players);
    s->starts = blobs_take(&end, s->bins * s->bins + 1);
    s->bin_of = blobs_take(&end, players);
    s->order = blobs_take(&end, players);
    return end;
}

static void blobs_resize(PufLayout* layout, const void* setup)
{
    static const PufAction discrete[] = { { "move", BLOBS_MOVES, 0, 0,
                                            "stay right down_right down down_left left up_left up up_right" } };
    static const PufAction continuous[] = { { "right", 0, -1, 1, "full speed" }, { "down", 0, -1, 1, "full speed" } };
    const BlobsSetup* given = setup;
    Blobs plan;
    layout->state_size = (uint64_t)blobs_plan(&plan, given);
    layout->agents = plan.num_players;
    layout->num_actions = given->state.continuous ? 2 : 1;
    layout->actions = given->state.continuous ? continuous : discrete;
}

static void blobs_prepare(void* setup)
{
    BlobsSetup* given = setup;
    Blobs* s = &given->state;
    (void)blobs_plan(s, given);
    s->max_mass *= BLOBS_GRAINS;
    s->goal *= BLOBS_GRAINS;
}

// ---- Tables ----

static float* blobs_floats(const Blobs* s, int32_t offset) { return (float*)((uint8_t*)s + offset); }

static int32_t* blobs_ints(const Blobs* s, int32_t offset) { return (int32_t*)((uint8_t*)s + offset); }

// The players: one element per player in each of these.
typedef struct BlobsPlayers {
    float *x, *y, *radius, *go_x, *go_y, *episode_return;
    int32_t *mass, *peak, *age, *dots, *prey, *gained; // masses in grains; gained is that of this step
} BlobsPlayers;

static inline BlobsPlayers blobs_players(const Blobs* s)
{
    float* places = blobs_floats(s, s->places);
    int32_t *lives = blobs_ints(s, s->lives), n = s->num_players;
    BlobsPlayers players = { places, places + n, places + 2 * n, places + 3 * n, places + 4 * n, places + 5 * n,
                             lives,  lives + n,  lives + 2 * n,  lives + 3 * n,  lives + 4 * n,  lives + 5 * n };
    return players;
}

// The players as they were when they were last sorted into the cells of a grid, in the order of the
// cells.
typedef struct BlobsSnapshot {
    float *x, *y, *radius, *mass; // mass in grains: exact, below 2^24
    int32_t* number;              // of the player
} BlobsSnapshot;

static inline BlobsSnapshot blobs_snapshot(const Blobs* s)
{
    float* near_players = blobs_floats(s, s->near_players);
    int32_t n = s->num_players;
    BlobsSnapshot all = { near_players, near_players + n, near_players + 2 * n, near_players + 3 * n,
                          blobs_ints(s, s->order) };
    return all;
}

// The dots: one element per cell of the grid of dots in each of these.
typedef struct BlobsDots {
    float *x, *y;     // BLOBS_FAR and 0 in an empty cell
    int32_t* covered; // how many players cover it now
} BlobsDots;

static inline BlobsDots blobs_dots(const Blobs* s)
{
    BlobsDots dots = { blobs_floats(s, s->dots_x), blobs_floats(s, s->dots_y), blobs_ints(s, s->covered) };
    return dots;
}

// ---- Masses ----

static float blobs_radius(int32_t grains) { return sqrtf((float)grains * (1.0f / BLOBS_START_GRAINS)); }

// Top speed, as a fraction of a new player's.
static float blobs_pace(float radius) { return sqrtf(sqrtf(1.0f / radius)); }

static int32_t blobs_add(int32_t grains, int32_t more, int32_t most)
{
    int32_t sum = grains + more; // both at most 640,000
    return sum > most ? most : sum;
}

// ---- Who is near ----

// Iterates over players of the snapshot: those from `at` to `end`, then those in the following rows
// of cells.
typedef struct BlobsNear {
    const int32_t* starts; // of cells in the snapshot
    int32_t at, end, row, bottom, left, right, bins;
} BlobsNear;

// Index of the next player in the snapshot, or -1.
static inline int32_t blobs_next(BlobsNear* near)
{
    while (near->at == near->end) {
        if (near->row > near->bottom) {
            return -1;
        }
        near->at = near->starts[near->row * near->bins + near->left];
        near->end = near->starts[near->row * near->bins + near->right + 1];
        near->row += 1;
    }
    return near->at++;
}

// All players: among them are those within `distance` of (x, y).
static inline BlobsNear blobs_near(const Blobs* s, float x, float y, float distance)
{
    (void)x, (void)y, (void)distance;
    BlobsNear all = { .starts = blobs_ints(s, s->starts), .end = s->num_players, .row = 1 }; // no rows follow
    return all;
}

// Whether a player of this mass can eat one of that.
static inline int32_t blobs_outweighs(const Blobs* s, float mass, float prey) { return prey * s->margin < mass; }

static inline int32_t blobs_is_within(float dx, float dy, float distance)
{
    return dx * dx + dy * dy < distance * distance;
}

static void blobs_take_snapshot(Blobs* s)
{
    BlobsPlayers players = blobs_players(s);
    BlobsSnapshot all = blobs_snapshot(s);
    for (int32_t i = 0; i < s->num_players; i++) {
        int32_t p = all.number[i];
        all.x[i] = players.x[p];
        all.y[i] = players.y[p];
        all.radius[i] = players.radius[p];
        all.mass[i] = (float)players.mass[p];
    }
}

static void blobs_sort(Blobs* s)
{
    BlobsPlayers players = blobs_players(s);
    int32_t* bin_of = blobs_ints(s, s->bin_of);
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t row = (int32_t)(players.y[p] * (1.0f / BLOBS_SIGHT)) + 1;
        int32_t column = (int32_t)(players.x[p] * (1.0f / BLOBS_SIGHT)) + 1;
        bin_of[p] = row * s->bins + column;
    }
    puf_sort_bins(s->num_players, bin_of, s->bins * s->bins, blobs_ints(s, s->starts), blobs_ints(s, s->order));
    blobs_take_snapshot(s);
}

// ---- Dots ----

// Index, in the table, of a cell of the plane.
static int32_t blobs_dot_cell(const Blobs* s, int32_t row, int32_t column)
{
    return (row + BLOBS_BORDER) * s->dot_columns + column + BLOBS_BORDER;
}

// Puts a dot in a random empty cell. On a crowded plane: in the first empty one after a random
// cell.
static void blobs_add_dot(Blobs* s)
{
    BlobsDots dots = blobs_dots(s);
    int32_t row = 0, column = 0;
    for (int32_t tries = 0; tries < BLOBS_TRIES; tries++) {
        row = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->cells);
        column = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->cells);
        if (dots.x[blobs_dot_cell(s, row, column)] == BLOBS_FAR) {
            break;
        }
    }
    while (dots.x[blobs_dot_cell(s, row, column)] != BLOBS_FAR) { // there are fewer dots than cells
        column = column + 1 < s->cells ? column + 1 : 0;
        row = column > 0 ? row : row + 1 < s->cells ? row + 1 : 0;
    }
    int32_t cell = blobs_dot_cell(s, row, column);
    dots.x[cell] = ((float)column + puf_rand_float(&s->rng)) * BLOBS_CELL;
    dots.y[cell] = ((float)row + puf_rand_float(&s->rng)) * BLOBS_CELL;
}

// Cells, from the first to the last row and column.
typedef struct BlobsReach {
    int32_t top, bottom, left, right;
} BlobsReach;

// The cells within `distance` of (x, y), and a hair more, in a grid of `cells` by `cells` that are
// `cell` wide.
static inline BlobsReach blobs_reach(float x, float y, float distance, float cell, int32_t cells)
{
    float reach = distance + BLOBS_HAIR, scale = 1.0f / cell;
    BlobsReach out;
    out.left = (int32_t)(puf_maxf(x - reach, 0.0f) * scale);
    out.top = (int32_t)(puf_maxf(y - reach, 0.0f) * scale);
    out.right = (int32_t)puf_minf((x + reach) * scale, (float)(cells - 1));
    out.bottom = (int32_t)puf_minf((y + reach) * scale, (float)(cells - 1));
    return out;
}

// Counts player p as covering each dot that it covers. Returns how many dots it covers.
static int32_t blobs_cover_dots(Blobs* s, int32_t p, int32_t* num_eaten)
{
    BlobsPlayers players = blobs_players(s);
    BlobsDots dots = blobs_dots(s);
    float x = players.x[p], y = players.y[p], radius = players.radius[p];
    int32_t *eaten = blobs_ints(s, s->eaten_dots), count = 0;
    BlobsReach reach = blobs_reach(x, y, radius, BLOBS_CELL, s->cells);
    for (int32_t row = reach.top; row <= reach.bottom; row++) {
        for (int32_t column = reach.left; column <= reach.right; column++) {
            int32_t cell = blobs_dot_cell(s, row, column);
            if (blobs_is_within(dots.x[cell] - x, dots.y[cell] - y, radius)) {
                eaten[*num_eaten] = cell;
                *num_eaten += dots.covered[cell] == 0;
                dots.covered[cell] += 1;
                count += 1;
            }
        }
    }
    return count;
}

// The mass that player p gets: an equal share of each dot that it covers.
static int32_t blobs_share_dots(const Blobs* s, int32_t p)
{
    BlobsPlayers players = blobs_players(s);
    BlobsDots dots = blobs_dots(s);
    float x = players.x[p], y = players.y[p], radius = players.radius[p];
    int32_t grains = 0;
    BlobsReach reach = blobs_reach(x, y, radius, BLOBS_CELL, s->cells);
    for (int32_t row = reach.top; row <= reach.bottom; row++) {
        for (int32_t column = reach.left; column <= reach.right; column++) {
            int32_t cell = blobs_dot_cell(s, row, column);
            if (blobs_is_within(dots.x[cell] - x, dots.y[cell] - y, radius)) {
                grains += BLOBS_GRAINS / dots.covered[cell];
            }
        }
    }
    return grains;
}

static void blobs_eat_dots(Blobs* s)
{
    BlobsPlayers players = blobs_players(s);
    BlobsDots dots = blobs_dots(s);
    int32_t *eaten = blobs_ints(s, s->eaten_dots), num_eaten = 0;
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t count = blobs_cover_dots(s, p, &num_eaten);
        players.dots[p] += count;
        players.gained[p] = count; // for now: whether there is something to share
    }
    for (int32_t p = 0; num_eaten > 0 && p < s->num_players; p++) {
        players.gained[p] = players.gained[p] > 0 ? blobs_share_dots(s, p) : 0;
    }
    for (int32_t i = 0; i < num_eaten; i++) { // remove all before adding any, so that the order makes no difference
        dots.x[eaten[i]] = BLOBS_FAR;
        dots.covered[eaten[i]] = 0;
    }
    for (int32_t i = 0; i < num_eaten; i++) {
        blobs_add_dot(s);
    }
}

// ---- What a player sees ----

// The sector of a direction: which quarter, which half of it, and which half of that, each mirrored
// at the one before. (u, v) is the direction seen from the border of the first sector.
static inline int32_t blobs_sector(float dx, float dy)
{
    const float c = 0.980785280f, s = 0.195090322f; // half a sector: pi / 16
    float u = c * dx - s * dy, v = s * dx + c * dy;
    float au = fabsf(u), av = fabsf(v);
    float low = puf_minf(au, av), high = puf_maxf(au, av);
    int32_t sector = low > 0.414213562f * high ? 1 : 0; // tan(pi / 8)
    sector ^= av > au ? 3 : 0;
    sector ^= u < 0.0f ? 7 : 0;
    sector ^= v < 0.0f ? 15 : 0;
    return sector;
}

// Closeness at this distance: 1 touching, 0 at the limit of sight.
static inline float blobs_closeness(float distance)
{
    return puf_clampf(1.0f - distance * (1.0f / BLOBS_SIGHT), 0.0f, 1.0f);
}

// The first of the 8 by 8 cells around (x, y), which hold all dots in sight.
static inline int32_t blobs_window(const Blobs* s, float x, float y)
{
    int32_t row = (int32_t)(y * (1.0f / BLOBS_CELL) + 0.5f), column = (int32_t)(x * (1.0f / BLOBS_CELL) + 0.5f);
    return row * s->dot_columns + column;
}

// Dots: their distance from the player's edge.
static inline void blobs_see_dots(const Blobs* s, float x, float y, float radius, float* out)
{
    BlobsDots dots = blobs_dots(s);
    int32_t first = blobs_window(s, x, y);
    for (int32_t i = 0; i < BLOBS_SECTORS; i++) {
        out[i] = 0.0f;
    }
    for (int32_t row = 0; row < BLOBS_WINDOW; row++) {
        for (int32_t column = 0; column < BLOBS_WINDOW; column++) {
            int32_t cell = first + row * s->dot_columns + column;
            float dx = dots.x[cell] - x, dy = dots.y[cell] - y;
            if (blobs_is_within(dx, dy, BLOBS_SIGHT)) {
                float* seen = &out[blobs_sector(dx, dy)];
                *seen = puf_maxf(*seen, blobs_closeness(sqrtf(dx * dx + dy * dy) - radius));
            }
        }
    }
}

#ifndef PUF_PLAIN
#include "blobs_lanes.h"
#endif

// Prey and threats: the distance from the middle of the smaller player to the edge of the larger.
static void blobs_see_players(const Blobs* s, float x, float y, float radius, float mass, float* prey, float* threats)
{
    BlobsSnapshot all = blobs_snapshot(s);
    for (int32_t i = 0; i < BLOBS_SECTORS; i++) {
        prey[i] = 0.0f;
        threats[i] = 0.0f;
    }
    BlobsNear near = PUF_LANES(blobs_near)(s, x, y, BLOBS_SIGHT);
    for (int32_t i = blobs_next(&near); i >= 0; i = blobs_next(&near)) {
        float dx = all.x[i] - x, dy = all.y[i] - y;
        int32_t is_prey = blobs_outweighs(s, mass, all.mass[i]), is_threat = blobs_outweighs(s, all.mass[i], mass);
        if ((is_prey | is_threat) && blobs_is_within(dx, dy, BLOBS_SIGHT)) {
            float* seen = (is_threat ? threats : prey) + blobs_sector(dx, dy);
            *seen = puf_maxf(*seen, blobs_closeness(sqrtf(dx * dx + dy * dy) - puf_maxf(radius, all.radius[i])));
        }
    }
}

static void blobs_view(const Blobs* s, int32_t p, BlobsObs* out)
{
    BlobsPlayers players = blobs_players(s);
    float x = players.x[p], y = players.y[p], radius = players.radius[p];
    out->radius = radius * (1.0f / BLOBS_MAX_RADIUS);
    out->speed = blobs_pace(radius);
    out->walls[0] = puf_maxf(1.0f - x * (1.0f / BLOBS_SIGHT), 0.0f);
    out->walls[1] = puf_maxf(1.0f - (s->side - x) * (1.0f / BLOBS_SIGHT), 0.0f);
    out->walls[2] = puf_maxf(1.0f - y * (1.0f / BLOBS_SIGHT), 0.0f);
    out->walls[3] = puf_maxf(1.0f - (s->side - y) * (1.0f / BLOBS_SIGHT), 0.0f);
    PUF_LANES(blobs_see_dots)(s, x, y, radius, out->dots);
    blobs_see_players(s, x, y, radius, (float)players.mass[p], out->prey, out->threats);
}

static void blobs_observe(const Blobs* s, PufIo io)
{
    for (int32_t p = 0; p < s->num_players; p++) {
        blobs_view(s, p, (BlobsObs*)io.obs + p);
    }
}

// ---- The start of a life ----

// Whether a new player at (x, y) would be far enough from all that could eat it, including those
// whose life just ended.
static int32_t blobs_is_safe(const Blobs* s, float x, float y)
{
    BlobsSnapshot all = blobs_snapshot(s);
    BlobsNear near = PUF_LANES(blobs_near)(s, x, y, BLOBS_MAX_RADIUS + BLOBS_SAFE);
    for (int32_t i = blobs_next(&near); i >= 0; i = blobs_next(&near)) {
        if (blobs_outweighs(s, all.mass[i], BLOBS_START_GRAINS) &&
            blobs_is_within(all.x[i] - x, all.y[i] - y, all.radius[i] + BLOBS_SAFE)) {
            return 0;
        }
    }
    return 1;
}

static void blobs_start(Blobs* s, int32_t p, int32_t alone)
{
    BlobsPlayers players = blobs_players(s);
    float x = 0.0f, y = 0.0f;
    for (int32_t tries = 0; tries < BLOBS_TRIES; tries++) {
        x = puf_rand_float(&s->rng) * s->side;
        y = puf_rand_float(&s->rng) * s->side;
        if (alone || blobs_is_safe(s, x, y)) {
            break;
        }
    }
    players.x[p] = x;
    players.y[p] = y;
    players.radius[p] = 1.0f;
    players.go_x[p] = 0.0f;
    players.go_y[p] = 0.0f;
    players.episode_return[p] = 0.0f;
    players.mass[p] = BLOBS_START_GRAINS;
    players.peak[p] = BLOBS_START_GRAINS;
    players.age[p] = 0;
    players.dots[p] = 0;
    players.prey[p] = 0;
    players.gained[p] = 0;
}

static void blobs_reset(Blobs* s)
{
    BlobsDots dots = blobs_dots(s);
    for (int32_t cell = 0; cell < s->dot_columns * s->dot_columns; cell++) {
        dots.x[cell] = BLOBS_FAR;
        dots.y[cell] = 0.0f;
        dots.covered[cell] = 0;
    }
    for (int32_t i = 0; i < s->num_dots; i++) {
        blobs_add_dot(s);
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        blobs_start(s, p, 1);
    }
    blobs_sort(s);
}

// ---- A step ----

// The direction and share of top speed that each player chooses.
static void blobs_point(const Blobs* s, PufIo io)
{
    static const float ways_x[BLOBS_MOVES] = { 0.0f,  1.0f,         0.70710678f, 0.0f,       -0.70710678f,
                                               -1.0f, -0.70710678f, 0.0f,        0.70710678f };
    static const float ways_y[BLOBS_MOVES] = { 0.0f, 0.0f,         0.70710678f, 1.0f,        0.70710678f,
                                               0.0f, -0.70710678f, -1.0f,       -0.70710678f };
    BlobsPlayers players = blobs_players(s);
    for (int32_t p = 0; p < s->num_players; p++) {
        if (s->continuous) {
            float right = io.controls[2 * p], down = io.controls[2 * p + 1];
            float scale = 1.0f / puf_maxf(sqrtf(right * right + down * down), 1.0f);
            players.go_x[p] = right * scale;
            players.go_y[p] = down * scale;
        } else {
            players.go_x[p] = ways_x[io.actions[p]];
            players.go_y[p] = ways_y[io.actions[p]];
        }
    }
}

static void blobs_move(Blobs* s)
{
    BlobsPlayers players = blobs_players(s);
    for (int32_t p = 0; p < s->num_players; p++) {
        float speed = s->speed * blobs_pace(players.radius[p]);
        players.x[p] = puf_clampf(players.x[p] + players.go_x[p] * speed, 0.0f, s->side);
        players.y[p] = puf_clampf(players.y[p] + players.go_y[p] * speed, 0.0f, s->side);
    }
}

// Adds the dots eaten to the masses, then lets them decay.
static void blobs_grow(Blobs* s)
{
    BlobsPlayers players = blobs_players(s);
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t grains = blobs_add(players.mass[p], players.gained[p], s->max_mass);
        players.peak[p] = grains > players.peak[p] ? grains : players.peak[p];
        grains -= (int32_t)((float)(grains - BLOBS_START_GRAINS) * s->decay);
        players.mass[p] = grains;
        players.radius[p] = blobs_radius(grains);
    }
}

// Marks the players that are covered by one heavy enough to eat them. Returns whether there are
// any.
static int32_t blobs_mark_eaten(const Blobs* s, uint8_t* eaten)
{
    BlobsSnapshot all = blobs_snapshot(s);
    int32_t any = 0;
    memset(eaten, 0, (size_t)s->num_players);
    for (int32_t e = 0; e < s->num_players; e++) {
        if (!blobs_outweighs(s, all.mass[e], BLOBS_START_GRAINS)) {
            continue; // it eats nobody
        }
        BlobsNear near = PUF_LANES(blobs_near)(s, all.x[e], all.y[e], all.radius[e]);
        for (int32_t i = blobs_next(&near); i >= 0; i = blobs_next(&near)) {
            if (blobs_outweighs(s, all.mass[e], all.mass[i]) &&
                blobs_is_within(all.x[i] - all.x[e], all.y[i] - all.y[e], all.radius[e])) {
                eaten[all.number[i]] = 1;
                any = 1;
            }
        }
    }
    return any;
}

// Gives each eater of player p its `share`, except those that are eaten themselves. Returns how
// many eaters there are.
static int32_t blobs_feed(Blobs* s, int32_t p, const uint8_t* eaten, int32_t share)
{
    BlobsPlayers players = blobs_players(s);
    BlobsSnapshot all = blobs_snapshot(s);
    float x = players.x[p], y = players.y[p], mass = (float)players.mass[p];
    int32_t eaters = 0;
    BlobsNear near = PUF_LANES(blobs_near)(s, x, y, BLOBS_MAX_RADIUS);
    for (int32_t i = blobs_next(&near); i >= 0; i = blobs_next(&near)) {
        int32_t eater = all.number[i];
        if (blobs_outweighs(s, all.mass[i], mass) && blobs_is_within(all.x[i] - x, all.y[i] - y, all.radius[i]) &&
            !eaten[eater]) {
            eaters += 1;
            players.mass[eater] = blobs_add(players.mass[eater], share, s->max_mass);
            players.gained[eater] = blobs_add(players.gained[eater], share, BLOBS_MAX_MASS * BLOBS_GRAINS);
            players.prey[eater] += share > 0;
        }
    }
    return eaters;
}

static void blobs_eat_players(Blobs* s, uint8_t* eaten)
{
    BlobsPlayers players = blobs_players(s);
    if (!blobs_mark_eaten(s, eaten)) {
        return;
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t eaters = eaten[p] ? blobs_feed(s, p, eaten, 0) : 0;
        if (eaters > 0) {
            (void)blobs_feed(s, p, eaten, players.mass[p] / eaters);
        }
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        players.peak[p] = players.mass[p] > players.peak[p] ? players.mass[p] : players.peak[p];
        players.radius[p] = blobs_radius(players.mass[p]);
    }
    blobs_take_snapshot(s);
}

// Rewards and truncations. Returns whether a life ended.
static int32_t blobs_score(Blobs* s, PufIo io)
{
    BlobsPlayers players = blobs_players(s);
    int32_t ended = 0;
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t died = io.terminals[p];
        players.age[p] += 1;
        int32_t late = !died && players.age[p] >= s->max_steps;
        float eaten = (float)players.gained[p] * (1.0f / BLOBS_GRAINS);
        float reward = eaten * s->reward_mass + (died ? s->reward_death : 0.0f);
        players.episode_return[p] += reward;
        io.rewards[p] = reward;
        io.truncations[p] = (uint8_t)late;
        ended |= died | late;
    }
    return ended;
}

static void blobs_add_log(Blobs* s, int32_t p, int32_t died)
{
    BlobsPlayers players = blobs_players(s);
    float peak = (float)players.peak[p];
    puf_log_episode(&s->log.common, puf_minf(peak / (float)s->goal, 1.0f), peak * (1.0f / BLOBS_GRAINS),
                    players.episode_return[p], (float)players.age[p]);
    s->log.dots_eaten += (float)players.dots[p];
    s->log.players_eaten += (float)players.prey[p];
    s->log.final_mass += (float)players.mass[p] * (1.0f / BLOBS_GRAINS);
    s->log.eaten += (float)died;
}

static void blobs_end_lives(Blobs* s, PufIo io)
{
    for (int32_t p = 0; p < s->num_players; p++) { // all make their last observation before any restarts
        if (io.terminals[p] | io.truncations[p]) {
            blobs_view(s, p, (BlobsObs*)io.final_obs + p);
            blobs_add_log(s, p, io.terminals[p]);
        }
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        if (io.terminals[p] | io.truncations[p]) {
            blobs_start(s, p, 0);
        }
    }
    blobs_sort(s);
}

static void blobs_step(Blobs* s, PufIo io)
{
    blobs_point(s, io);
    blobs_move(s);
    blobs_eat_dots(s);
    blobs_grow(s);
    blobs_sort(s);
    blobs_eat_players(s, io.terminals);
    if (blobs_score(s, io)) {
        blobs_end_lives(s, io);
    }
}

static const PufObs blobs_obs[] = {
    { "radius", 1, 0, 1, "own, divided by 8" },
    { "speed", 1, 0, 1, "own top speed, as a fraction of a new player's" },
    { "walls", 4, 0, 1, "closeness of the left, right, upper and lower wall: 1 touching, 0 out of sight" },
    { "dots", BLOBS_SECTORS, 0, 1, "closeness of the nearest dot in 16 directions, clockwise from the right" },
    { "prey", BLOBS_SECTORS, 0, 1, "the same for players it could eat" },
    { "threats", BLOBS_SECTORS, 0, 1, "the same for players that could eat it, from their edge" },
};
static const PufParam blobs_params[] = {
    PUF_SETTING(Blobs, num_players, 32, 1, BLOBS_MAX_PLAYERS, "players on one plane: its agents"),
    PUF_SETTING(BlobsSetup, room, 400, 25, 4000, "area of the plane per player; a new player covers 3.14"),
    PUF_SETTING(BlobsSetup, fill, 0.5, 0, 0.9, "dots per 5 x 5 of the plane"),
    PUF_SETTING(Blobs, margin, 1.1, 1, 10, "how many times as heavy an eater must be"),
    PUF_SETTING(Blobs, speed, 1, 0.01, 5, "of a new player, per step"),
    PUF_SETTING(Blobs, decay, 0.0005, 0, 1, "fraction of the mass above 10 lost per step"),
    PUF_SETTING(Blobs, max_mass, BLOBS_MAX_MASS, BLOBS_START_MASS, BLOBS_MAX_MASS, "most mass a player can have"),
    PUF_SETTING(Blobs, goal, 400, 1, BLOBS_MAX_MASS, "mass that counts as solved (perf 1)"),
    PUF_SETTING(Blobs, max_steps, 2000, 1, 1000000, "steps until a life is cut off"),
    PUF_FLAG(Blobs, continuous, 0, "two numbers, a vector to go along, instead of 9 moves"),
    PUF_SETTING(Blobs, reward_mass, 0.1, 0, 1000, "per unit of mass eaten"),
    PUF_SETTING(Blobs, reward_death, -1, -1000, 1000, "for being eaten"),
};
static const char* const blobs_log_names[] = { "dots_eaten", "players_eaten", "final_mass", "eaten" };
// Of the rows of places and of lives, in the order of BlobsPlayers.
static const PufRange blobs_place_ranges[] = {
    PUF_WITHIN(0, BLOBS_LONG_SIDE),
    PUF_WITHIN(0, BLOBS_LONG_SIDE),
    PUF_WITHIN(1, BLOBS_MAX_RADIUS),
    PUF_WITHIN(-2, 2),
    PUF_WITHIN(-2, 2),
    { .kind = PUF_ANY },
};
static const PufRange blobs_life_ranges[] = {
    PUF_BELOW(Blobs, BLOBS_START_GRAINS, max_mass, 0),
    PUF_BELOW(Blobs, BLOBS_START_GRAINS, max_mass, 0),
    PUF_BELOW(Blobs, 0, max_steps, 0),
    PUF_WITHIN(0, 1000000000),
    PUF_WITHIN(0, 1000000000),
    PUF_WITHIN(0, BLOBS_MAX_MASS* BLOBS_GRAINS),
};
static const PufField blobs_fields[] = {
    PUF_BLOCK(Blobs, "places", PUF_F32, places, place_rows, num_players,
              "one column per player: x, y, radius, the direction it goes (x, y), return of this life",
              PUF_BY_ROW(blobs_place_ranges)),
    PUF_BLOCK(Blobs, "lives", PUF_I32, lives, life_rows, num_players,
              "one column per player: mass in thousandths, the largest so far, age in steps, dots and players eaten, "
              "mass eaten in this step",
              PUF_BY_ROW(blobs_life_ranges)),
    PUF_BLOCK(Blobs, "dots_x", PUF_F32, dots_x, dot_columns, dot_columns,
              "x of the dot in each 5 x 5 of the plane, with 4 more all around; 1e9 where there is none",
              PUF_RANGE(0, BLOBS_FAR)),
    PUF_BLOCK(Blobs, "dots_y", PUF_F32, dots_y, dot_columns, dot_columns, "y of the same dots",
              PUF_RANGE(0, BLOBS_LONG_SIDE)),
    PUF_BLOCK(Blobs, "covered", PUF_I32, covered, dot_columns, dot_columns, NULL, PUF_RANGE(0, 0)),
    PUF_SCALAR(Blobs, side, "of the plane", PUF_DERIVED),
    PUF_SCALAR(Blobs, num_players, "on the plane"),
    PUF_SCALAR(Blobs, num_dots, "on the plane", PUF_DERIVED),
    PUF_SCALAR(Blobs, margin, "how many times as heavy an eater must be"),
    PUF_SCALAR(Blobs, continuous, "whether actions are directions"),
    PUF_SCALAR(Blobs, cells, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, bins, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, goal, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, eaten_dots, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, near_players, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, starts, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, bin_of, NULL, PUF_DERIVED),
    PUF_SCALAR(Blobs, order, NULL, PUF_DERIVED),
};

// ---- States from files ----

// Whether the players and their order in the grid are such that they can be looked up. A step sorts them before it
// looks at anything else of the grid.
static int blobs_is_sorted(const Blobs* s)
{
    const int32_t* starts = blobs_ints(s, s->starts);
    int32_t bins = s->bins * s->bins, ordered = starts[0] == 0 && starts[bins] == s->num_players;
    for (int32_t b = 0; b < bins; b++) {
        ordered &= starts[b] <= starts[b + 1];
    }
    return ordered;
}

static const char* blobs_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Blobs* s = state;
    BlobsPlayers players = blobs_players(s);
    BlobsDots dots = blobs_dots(s);
    int32_t num_dots = 0;
    for (int32_t row = -BLOBS_BORDER; row < s->cells + BLOBS_BORDER; row++) {
        for (int32_t column = -BLOBS_BORDER; column < s->cells + BLOBS_BORDER; column++) {
            int32_t inside = row >= 0 && row < s->cells && column >= 0 && column < s->cells;
            int32_t there = dots.x[blobs_dot_cell(s, row, column)] != BLOBS_FAR;
            if (there && !inside) {
                return "dots_x";
            }
            num_dots += there;
        }
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        if (!(players.x[p] <= s->side && players.y[p] <= s->side)) {
            return "places";
        }
    }
    return num_dots != s->num_dots ? "num_dots" : !blobs_is_sorted(s) ? "starts" : NULL;
}

// clang-format off
PUF_DEFINE_AGENTS_ENV(blobs, Blobs,
    .version = 1,
    .doc = "Many players on one plane: eat dots and smaller players, grow, slow down.",
    .reward = "reward_mass per unit of mass eaten, reward_death for being eaten",
    .ends = "terminal on being eaten; truncated after max_steps steps of one life; a new life starts at once",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .agents = 32, .obs_ndim = 1, .obs_shape = { (int32_t)(sizeof(BlobsObs) / sizeof(float)) } },
    PUF_TABLES(blobs),
    PUF_LOG_NAMES(blobs),
    .setup_size = sizeof(BlobsSetup), .resize = blobs_resize, .prepare = blobs_prepare, .contradiction = blobs_contradiction);
