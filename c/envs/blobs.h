// blobs - many players on one walled plane: eat dots and smaller players, grow, slow down.
//
// Observation  float32 (54): own radius and speed, four walls, and what is around, in 16 directions: how close the
//              nearest dot is, the nearest prey and the nearest threat. Directions are those of the moves and between
//              them, clockwise from the right. 0 is nothing in sight, 1 is touching.
// Action       one of 9: stay, or go in one of 8 directions; with the setting `continuous`, two numbers in [-1, 1]
//              that point where to go, at full speed where their length is 1 or more.
// Reward       `reward_mass` per unit of mass eaten, `reward_death` for being eaten.
// End          terminal on being eaten; truncated after `max_steps` steps of one life. The player starts again, small,
//              in the same step, at a random place with no threat near.
// Score        the largest mass in one life; perf is that divided by `goal`, at most 1.
//
// A player is a disc with a mass, at the start 10. A radius of 1 belongs to that mass; it grows with the square root, and
// the speed falls with the fourth root of the radius. A step is simultaneous, so that no player gains by its number:
// 1. All move. The middle of a disc stays within the walls.
// 2. All eat the dots whose middle they cover. A dot has mass 1; those who cover it together share it alike. It comes
//    back elsewhere.
// 3. All lose a part, `decay`, of the mass above that of the start.
// 4. A player is eaten if its middle is covered by one that is more than `margin` times as heavy. Its mass is shared
//    alike by those of its eaters that are not eaten themselves. What is beyond `max_mass` is lost.
// Masses are whole numbers of grains, 1000 to a dot: sums do not depend on the order, and can be accounted for.
//
// Dots lie in the cells of a grid, at most one in each, at a random place inside: what a player sees of them are 8 rows
// of 8 cells, at fixed addresses, and one that is eaten changes two cells and nothing else. The players are sorted anew
// into a coarser grid after they move; those in sight are in three rows of three cells.
#pragma once
#include "puffer.h"
#include "puffer_bins.h"
#include "puffer_math.h"

enum {
    BLOBS_MOST = 16384,              // players
    BLOBS_GRAINS = 1000,             // of mass in a dot
    BLOBS_START_MASS = 10,           // dots
    BLOBS_LARGEST_MASS = 640,        // dots: a radius of 8
    BLOBS_TRIES = 16,                // at finding a free place
    BLOBS_LEAST_CELLS = 4,           // along a side of the plane
    BLOBS_WINDOW = 8,                // cells along a side of what is searched for dots
    BLOBS_BORDER = BLOBS_WINDOW / 2, // cells without dots around the plane, so that no window leaves the table
    BLOBS_SECTORS = 16,
    BLOBS_WALLS = 4,
    BLOBS_KINDS = 3, // dots, prey, threats
    BLOBS_SECTORS_AT = 2 + BLOBS_WALLS,
    BLOBS_OBS = BLOBS_SECTORS_AT + BLOBS_KINDS * BLOBS_SECTORS,
    BLOBS_MOVES = 9,
};
#define BLOBS_CELL 5.0f   // side of a cell for dots
#define BLOBS_SIGHT 17.5f // how far a player sees: half a window less half a cell; and the side of a cell for players
#define BLOBS_SAFE 5.0f   // least distance to the edge of a threat at the start of a life
#define BLOBS_HAIR 0.01f  // more than rounding can be off when cells are chosen
#define BLOBS_FAR 1e9f    // where the dot of an empty cell is
#define BLOBS_START_GRAINS (BLOBS_START_MASS * BLOBS_GRAINS)

// Rows of the table of players, one column for each of them.
enum { BLOBS_X, BLOBS_Y, BLOBS_RADIUS, BLOBS_GO_X, BLOBS_GO_Y, BLOBS_RETURN, BLOBS_PLACE_ROWS };
// Rows of the table of lives.
enum { BLOBS_MASS, BLOBS_PEAK, BLOBS_AGE, BLOBS_DOTS, BLOBS_PREY, BLOBS_GAINED, BLOBS_LIFE_ROWS };
// Rows of the table of players in the order of their cells.
enum { BLOBS_NEAR_X, BLOBS_NEAR_Y, BLOBS_NEAR_RADIUS, BLOBS_NEAR_MASS, BLOBS_NEAR_ROWS };

typedef struct BlobsLog {
    PufLog common;
    float dots_eaten, players_eaten; // in one life
    float final_mass;                // in dots
    float eaten;                     // 1 if the life ended so
} BlobsLog;

typedef struct Blobs {
    PufRng rng;
    int32_t num_players, max_mass, goal, max_steps, continuous; // settings
    float margin, speed, decay, reward_mass, reward_death;
    int32_t num_dots;
    int32_t cells;       // for dots, along a side of the plane
    int32_t dot_columns; // cells along a side of their table, which has a border
    int32_t bins;        // for players, along a side of their grid, which has a ring around
    float side;          // of the plane
    int32_t place_rows, life_rows;
    int32_t dots_x, dots_y;      // tables in the block: bytes from the start of the state
    int32_t covered, eaten_dots; // how many cover the dot of a cell; cells in which that is so
    int32_t places, lives, near_players;
    int32_t starts, bin_of, order; // see puf_sort_bins
    BlobsLog log;
} Blobs;

// What the state keeps as sizes.
typedef struct BlobsSetup {
    Blobs state;
    double room, fill;
} BlobsSetup;

// Settings to sizes. Tables begin on cache lines.

static int32_t blobs_take(int32_t* end, int32_t elements)
{
    int32_t begin = *end;
    *end += (elements * (int32_t)sizeof(float) + 63) / 64 * 64;
    return begin;
}

// Fills in all that is counted; returns the bytes of the state.
static int32_t blobs_plan(Blobs* s, const BlobsSetup* setup)
{
    int32_t players = setup->state.num_players;
    int32_t cells = (int32_t)(sqrtf((float)(players * setup->room)) / BLOBS_CELL);
    s->num_players = players;
    s->cells = cells < BLOBS_LEAST_CELLS ? BLOBS_LEAST_CELLS : cells;
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
    s->eaten_dots = blobs_take(&end, s->num_dots + 1); // one is written before it is known to count
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

static float* blobs_floats(const Blobs* s, int32_t offset) { return (float*)((uint8_t*)s + offset); }

static int32_t* blobs_ints(const Blobs* s, int32_t offset) { return (int32_t*)((uint8_t*)s + offset); }

static float* blobs_place(const Blobs* s, int32_t row) { return blobs_floats(s, s->places) + row * s->num_players; }

static int32_t* blobs_life(const Blobs* s, int32_t row) { return blobs_ints(s, s->lives) + row * s->num_players; }

static float* blobs_near(const Blobs* s, int32_t row)
{
    return blobs_floats(s, s->near_players) + row * s->num_players;
}

static float blobs_radius(int32_t grains) { return sqrtf((float)grains * (1.0f / BLOBS_START_GRAINS)); }

// Top speed, as a part of a new player's.
static float blobs_pace(float radius) { return sqrtf(sqrtf(1.0f / radius)); }

static int32_t blobs_add(int32_t grains, int32_t more, int32_t most)
{
    int32_t sum = grains + more; // both at most 640,000
    return sum > most ? most : sum;
}

// Dots.

// The cell of the table that is so many cells right of and below the first one of the plane.
static int32_t blobs_dot_cell(const Blobs* s, int32_t row, int32_t column)
{
    return (row + BLOBS_BORDER) * s->dot_columns + column + BLOBS_BORDER;
}

// A random empty cell gets a dot. On a crowded plane: the first empty one after a random cell.
static void blobs_add_dot(Blobs* s)
{
    float* dots_x = blobs_floats(s, s->dots_x);
    int32_t row = 0, column = 0;
    for (int32_t tries = 0; tries < BLOBS_TRIES; tries++) {
        row = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->cells);
        column = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->cells);
        if (dots_x[blobs_dot_cell(s, row, column)] == BLOBS_FAR) {
            break;
        }
    }
    while (dots_x[blobs_dot_cell(s, row, column)] != BLOBS_FAR) { // there are fewer dots than cells
        column = column + 1 < s->cells ? column + 1 : 0;
        row = column > 0 ? row : row + 1 < s->cells ? row + 1 : 0;
    }
    int32_t cell = blobs_dot_cell(s, row, column);
    dots_x[cell] = ((float)column + puf_rand_float(&s->rng)) * BLOBS_CELL;
    blobs_floats(s, s->dots_y)[cell] = ((float)row + puf_rand_float(&s->rng)) * BLOBS_CELL;
}

// The cells whose dots player p may cover: from the first to the last row and column.
typedef struct BlobsReach {
    int32_t top, bottom, left, right;
} BlobsReach;

static BlobsReach blobs_reach(float x, float y, float radius, float cell, int32_t cells)
{
    float reach = radius + BLOBS_HAIR, scale = 1.0f / cell;
    BlobsReach out;
    out.left = (int32_t)(puf_maxf(x - reach, 0.0f) * scale);
    out.top = (int32_t)(puf_maxf(y - reach, 0.0f) * scale);
    out.right = puf_clampi((int32_t)((x + reach) * scale), 0, cells - 1);
    out.bottom = puf_clampi((int32_t)((y + reach) * scale), 0, cells - 1);
    return out;
}

// What player p covers: counts itself in those cells and returns 0, or returns its part of these dots.
static int32_t blobs_cover(Blobs* s, int32_t p, int32_t counting, int32_t* num_eaten)
{
    const float *dots_x = blobs_floats(s, s->dots_x), *dots_y = blobs_floats(s, s->dots_y);
    int32_t *covered = blobs_ints(s, s->covered), *eaten = blobs_ints(s, s->eaten_dots);
    float x = blobs_place(s, BLOBS_X)[p], y = blobs_place(s, BLOBS_Y)[p], radius = blobs_place(s, BLOBS_RADIUS)[p];
    int32_t *dots = &blobs_life(s, BLOBS_DOTS)[p], share = 0;
    BlobsReach reach = blobs_reach(x, y, radius, BLOBS_CELL, s->cells);
    for (int32_t row = reach.top; row <= reach.bottom; row++) {
        for (int32_t column = reach.left; column <= reach.right; column++) {
            int32_t cell = blobs_dot_cell(s, row, column);
            float dx = dots_x[cell] - x, dy = dots_y[cell] - y;
            if (!(dx * dx + dy * dy < radius * radius)) {
                continue;
            }
            if (counting) {
                eaten[*num_eaten] = cell;
                *num_eaten += covered[cell] == 0;
                covered[cell] += 1;
                *dots += 1;
            } else {
                share += BLOBS_GRAINS / covered[cell];
            }
        }
    }
    return share;
}

static void blobs_eat_dots(Blobs* s)
{
    int32_t *gained = blobs_life(s, BLOBS_GAINED), *dots = blobs_life(s, BLOBS_DOTS), num_eaten = 0;
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t before = dots[p];
        (void)blobs_cover(s, p, 1, &num_eaten);
        gained[p] = dots[p] - before; // for now: whether there is something to share
    }
    for (int32_t p = 0; num_eaten > 0 && p < s->num_players; p++) {
        gained[p] = gained[p] > 0 ? blobs_cover(s, p, 0, &num_eaten) : 0;
    }
    const int32_t* eaten = blobs_ints(s, s->eaten_dots);
    for (int32_t i = 0; i < num_eaten; i++) { // first all leave, so that where they return depends on no order
        blobs_floats(s, s->dots_x)[eaten[i]] = BLOBS_FAR;
        blobs_ints(s, s->covered)[eaten[i]] = 0;
    }
    for (int32_t i = 0; i < num_eaten; i++) {
        blobs_add_dot(s);
    }
}

// Players.

static void blobs_copy_near(Blobs* s)
{
    const float *x = blobs_place(s, BLOBS_X), *y = blobs_place(s, BLOBS_Y), *radius = blobs_place(s, BLOBS_RADIUS);
    float *near_x = blobs_near(s, BLOBS_NEAR_X), *near_y = blobs_near(s, BLOBS_NEAR_Y);
    float *near_radius = blobs_near(s, BLOBS_NEAR_RADIUS), *near_mass = blobs_near(s, BLOBS_NEAR_MASS);
    const int32_t *mass = blobs_life(s, BLOBS_MASS), *order = blobs_ints(s, s->order);
    for (int32_t i = 0; i < s->num_players; i++) {
        int32_t p = order[i];
        near_x[i] = x[p];
        near_y[i] = y[p];
        near_radius[i] = radius[p];
        near_mass[i] = (float)mass[p]; // exact: below 2^24
    }
}

static int32_t blobs_bin(const Blobs* s, float x, float y)
{
    return ((int32_t)(y * (1.0f / BLOBS_SIGHT)) + 1) * s->bins + (int32_t)(x * (1.0f / BLOBS_SIGHT)) + 1;
}

static void blobs_sort(Blobs* s)
{
    const float *x = blobs_place(s, BLOBS_X), *y = blobs_place(s, BLOBS_Y);
    int32_t* bin_of = blobs_ints(s, s->bin_of);
    for (int32_t p = 0; p < s->num_players; p++) {
        bin_of[p] = blobs_bin(s, x[p], y[p]);
    }
    puf_sort_bins(s->num_players, bin_of, s->bins * s->bins, blobs_ints(s, s->starts), blobs_ints(s, s->order));
    blobs_copy_near(s);
}

// Whether a new player at (x, y) would be far enough from all that could eat it, those that leave in this step included.
static int32_t blobs_is_safe(const Blobs* s, float x, float y)
{
    const float *near_x = blobs_near(s, BLOBS_NEAR_X), *near_y = blobs_near(s, BLOBS_NEAR_Y);
    const float *near_radius = blobs_near(s, BLOBS_NEAR_RADIUS), *near_mass = blobs_near(s, BLOBS_NEAR_MASS);
    const int32_t* starts = blobs_ints(s, s->starts);
    float weight = (float)BLOBS_START_GRAINS * s->margin;
    int32_t middle = blobs_bin(s, x, y), safe = 1;
    for (int32_t row = middle - s->bins; row <= middle + s->bins; row += s->bins) {
        for (int32_t i = starts[row - 1]; i < starts[row + 2]; i++) {
            float dx = near_x[i] - x, dy = near_y[i] - y, distance = near_radius[i] + BLOBS_SAFE;
            safe &= !(near_mass[i] > weight && dx * dx + dy * dy < distance * distance);
        }
    }
    return safe;
}

static void blobs_start(Blobs* s, int32_t p, int32_t alone)
{
    float x = 0.0f, y = 0.0f;
    for (int32_t tries = 0; tries < BLOBS_TRIES; tries++) {
        x = puf_rand_float(&s->rng) * s->side;
        y = puf_rand_float(&s->rng) * s->side;
        if (alone || blobs_is_safe(s, x, y)) {
            break;
        }
    }
    blobs_place(s, BLOBS_X)[p] = x;
    blobs_place(s, BLOBS_Y)[p] = y;
    blobs_place(s, BLOBS_RADIUS)[p] = 1.0f;
    blobs_place(s, BLOBS_GO_X)[p] = 0.0f;
    blobs_place(s, BLOBS_GO_Y)[p] = 0.0f;
    blobs_place(s, BLOBS_RETURN)[p] = 0.0f;
    blobs_life(s, BLOBS_MASS)[p] = BLOBS_START_GRAINS;
    blobs_life(s, BLOBS_PEAK)[p] = BLOBS_START_GRAINS;
    blobs_life(s, BLOBS_AGE)[p] = 0;
    blobs_life(s, BLOBS_DOTS)[p] = 0;
    blobs_life(s, BLOBS_PREY)[p] = 0;
    blobs_life(s, BLOBS_GAINED)[p] = 0;
}

static void blobs_reset(Blobs* s)
{
    for (int32_t cell = 0; cell < s->dot_columns * s->dot_columns; cell++) {
        blobs_floats(s, s->dots_x)[cell] = BLOBS_FAR;
        blobs_floats(s, s->dots_y)[cell] = 0.0f;
        blobs_ints(s, s->covered)[cell] = 0;
    }
    for (int32_t i = 0; i < s->num_dots; i++) {
        blobs_add_dot(s);
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        blobs_start(s, p, 1);
    }
    blobs_sort(s);
}

// What is seen.

// The sector of a direction. Seen from the middle of the first sector's border, (u, v): which quarter, which half of
// it, and which half of that, each mirrored at the one before.
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

static void blobs_see_dots(const Blobs* s, float x, float y, float radius, float* out)
{
    int32_t row = (int32_t)(y * (1.0f / BLOBS_CELL) + 0.5f), column = (int32_t)(x * (1.0f / BLOBS_CELL) + 0.5f);
    const float* dots_x = blobs_floats(s, s->dots_x) + row * s->dot_columns + column;
    const float* dots_y = blobs_floats(s, s->dots_y) + row * s->dot_columns + column;
    float squares[BLOBS_WINDOW * BLOBS_WINDOW];
    int32_t sectors[BLOBS_WINDOW * BLOBS_WINDOW];
    for (int32_t r = 0; r < BLOBS_WINDOW; r++) {
        PUF_VECTORIZE(8)
        for (int32_t i = 0; i < BLOBS_WINDOW; i++) {
            float dx = dots_x[r * s->dot_columns + i] - x, dy = dots_y[r * s->dot_columns + i] - y;
            squares[r * BLOBS_WINDOW + i] = dx * dx + dy * dy;
            sectors[r * BLOBS_WINDOW + i] = blobs_sector(dx, dy);
        }
    }
    float least[BLOBS_SECTORS];
    for (int32_t i = 0; i < BLOBS_SECTORS; i++) {
        least[i] = BLOBS_FAR;
    }
    for (int32_t i = 0; i < BLOBS_WINDOW * BLOBS_WINDOW; i++) {
        least[sectors[i]] = puf_minf(least[sectors[i]], squares[i]);
    }
    for (int32_t i = 0; i < BLOBS_SECTORS; i++) {
        float closeness = 1.0f - (sqrtf(least[i]) - radius) * (1.0f / BLOBS_SIGHT);
        closeness = puf_clampf(closeness, 0.0f, 1.0f);
        out[i] = least[i] < BLOBS_SIGHT * BLOBS_SIGHT ? closeness : 0.0f;
    }
}

// Prey and threats: how far the middle of the smaller is from the edge of the larger.
static void blobs_see_players(const Blobs* s, int32_t p, float x, float y, float radius, float* out)
{
    const float *near_x = blobs_near(s, BLOBS_NEAR_X), *near_y = blobs_near(s, BLOBS_NEAR_Y);
    const float *near_radius = blobs_near(s, BLOBS_NEAR_RADIUS), *near_mass = blobs_near(s, BLOBS_NEAR_MASS);
    const int32_t* starts = blobs_ints(s, s->starts);
    float mass = (float)blobs_life(s, BLOBS_MASS)[p];
    int32_t middle = blobs_bin(s, x, y);
    for (int32_t i = 0; i < 2 * BLOBS_SECTORS; i++) {
        out[i] = 0.0f;
    }
    for (int32_t row = middle - s->bins; row <= middle + s->bins; row += s->bins) {
        for (int32_t i = starts[row - 1]; i < starts[row + 2]; i++) {
            float dx = near_x[i] - x, dy = near_y[i] - y, square = dx * dx + dy * dy;
            int32_t prey = near_mass[i] * s->margin<mass, threat = near_mass[i]> mass * s->margin;
            if ((prey | threat) && square < BLOBS_SIGHT * BLOBS_SIGHT) {
                float gap = sqrtf(square) - puf_maxf(radius, near_radius[i]);
                float closeness = puf_clampf(1.0f - gap * (1.0f / BLOBS_SIGHT), 0.0f, 1.0f);
                float* seen = &out[threat * BLOBS_SECTORS + blobs_sector(dx, dy)];
                *seen = puf_maxf(*seen, closeness);
            }
        }
    }
}

static void blobs_view(const Blobs* s, int32_t p, float* obs)
{
    float x = blobs_place(s, BLOBS_X)[p], y = blobs_place(s, BLOBS_Y)[p], radius = blobs_place(s, BLOBS_RADIUS)[p];
    obs[0] = radius * 0.125f; // the largest is 8
    obs[1] = blobs_pace(radius);
    obs[2] = puf_maxf(1.0f - x * (1.0f / BLOBS_SIGHT), 0.0f);
    obs[3] = puf_maxf(1.0f - (s->side - x) * (1.0f / BLOBS_SIGHT), 0.0f);
    obs[4] = puf_maxf(1.0f - y * (1.0f / BLOBS_SIGHT), 0.0f);
    obs[5] = puf_maxf(1.0f - (s->side - y) * (1.0f / BLOBS_SIGHT), 0.0f);
    blobs_see_dots(s, x, y, radius, obs + BLOBS_SECTORS_AT);
    blobs_see_players(s, p, x, y, radius, obs + BLOBS_SECTORS_AT + BLOBS_SECTORS);
}

static void blobs_observe(const Blobs* s, PufIo io)
{
    for (int32_t p = 0; p < s->num_players; p++) {
        blobs_view(s, p, (float*)io.obs + (size_t)p * BLOBS_OBS);
    }
}

// What happens in a step.

static void blobs_point(const Blobs* s, PufIo io)
{
    static const float ways_x[BLOBS_MOVES] = { 0.0f,  1.0f,         0.70710678f, 0.0f,       -0.70710678f,
                                               -1.0f, -0.70710678f, 0.0f,        0.70710678f };
    static const float ways_y[BLOBS_MOVES] = { 0.0f, 0.0f,         0.70710678f, 1.0f,        0.70710678f,
                                               0.0f, -0.70710678f, -1.0f,       -0.70710678f };
    float *go_x = blobs_place(s, BLOBS_GO_X), *go_y = blobs_place(s, BLOBS_GO_Y);
    for (int32_t p = 0; p < s->num_players; p++) {
        if (s->continuous) {
            float right = io.controls[2 * p], down = io.controls[2 * p + 1];
            float scale = 1.0f / puf_maxf(sqrtf(right * right + down * down), 1.0f);
            go_x[p] = right * scale;
            go_y[p] = down * scale;
        } else {
            go_x[p] = ways_x[io.actions[p]];
            go_y[p] = ways_y[io.actions[p]];
        }
    }
}

static void blobs_move(Blobs* s)
{
    float *x = blobs_place(s, BLOBS_X), *y = blobs_place(s, BLOBS_Y);
    const float *go_x = blobs_place(s, BLOBS_GO_X), *go_y = blobs_place(s, BLOBS_GO_Y);
    const float* radius = blobs_place(s, BLOBS_RADIUS);
    for (int32_t p = 0; p < s->num_players; p++) {
        float speed = s->speed * blobs_pace(radius[p]);
        x[p] = puf_clampf(x[p] + go_x[p] * speed, 0.0f, s->side);
        y[p] = puf_clampf(y[p] + go_y[p] * speed, 0.0f, s->side);
    }
}

// From dots to mass, and from mass to thin air.
static void blobs_grow(Blobs* s)
{
    int32_t *mass = blobs_life(s, BLOBS_MASS), *peak = blobs_life(s, BLOBS_PEAK);
    const int32_t* gained = blobs_life(s, BLOBS_GAINED);
    float* radius = blobs_place(s, BLOBS_RADIUS);
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t grains = blobs_add(mass[p], gained[p], s->max_mass);
        peak[p] = grains > peak[p] ? grains : peak[p];
        grains -= (int32_t)((float)(grains - BLOBS_START_GRAINS) * s->decay);
        mass[p] = grains;
        radius[p] = blobs_radius(grains);
    }
}

// Marks all that are covered by one who is heavy enough. Returns whether there are any.
static int32_t blobs_mark_eaten(Blobs* s, uint8_t* eaten)
{
    const float *near_x = blobs_near(s, BLOBS_NEAR_X), *near_y = blobs_near(s, BLOBS_NEAR_Y);
    const float *near_radius = blobs_near(s, BLOBS_NEAR_RADIUS), *near_mass = blobs_near(s, BLOBS_NEAR_MASS);
    const int32_t *starts = blobs_ints(s, s->starts), *order = blobs_ints(s, s->order);
    float least = (float)BLOBS_START_GRAINS * s->margin;
    int32_t any = 0;
    memset(eaten, 0, (size_t)s->num_players);
    for (int32_t p = 0; p < s->num_players; p++) {
        float x = near_x[p], y = near_y[p], radius = near_radius[p], mass = near_mass[p];
        if (!(mass > least)) {
            continue; // eats nobody
        }
        BlobsReach reach = blobs_reach(x, y, radius, BLOBS_SIGHT, s->bins - 2);
        for (int32_t row = reach.top + 1; row <= reach.bottom + 1; row++) {
            int32_t end = starts[row * s->bins + reach.right + 2];
            for (int32_t i = starts[row * s->bins + reach.left + 1]; i < end; i++) {
                float dx = near_x[i] - x, dy = near_y[i] - y;
                if (near_mass[i] * s->margin < mass && dx * dx + dy * dy < radius * radius) {
                    eaten[order[i]] = 1;
                    any = 1;
                }
            }
        }
    }
    return any;
}

// The mass of an eaten player goes to its eaters, unless they are eaten too: counts these, or gives each its `share`.
static int32_t blobs_feed(Blobs* s, int32_t p, const uint8_t* eaten, int32_t share)
{
    const float *near_x = blobs_near(s, BLOBS_NEAR_X), *near_y = blobs_near(s, BLOBS_NEAR_Y);
    const float *near_radius = blobs_near(s, BLOBS_NEAR_RADIUS), *near_mass = blobs_near(s, BLOBS_NEAR_MASS);
    const int32_t *starts = blobs_ints(s, s->starts), *order = blobs_ints(s, s->order);
    int32_t *mass = blobs_life(s, BLOBS_MASS), *gained = blobs_life(s, BLOBS_GAINED), *prey = blobs_life(s, BLOBS_PREY);
    float x = blobs_place(s, BLOBS_X)[p], y = blobs_place(s, BLOBS_Y)[p];
    float weight = (float)mass[p] * s->margin;
    int32_t middle = blobs_bin(s, x, y), eaters = 0;
    for (int32_t row = middle - s->bins; row <= middle + s->bins; row += s->bins) {
        for (int32_t i = starts[row - 1]; i < starts[row + 2]; i++) {
            float dx = near_x[i] - x, dy = near_y[i] - y;
            int32_t eater = order[i];
            if (near_mass[i] > weight && dx * dx + dy * dy < near_radius[i] * near_radius[i] && !eaten[eater]) {
                eaters += 1;
                mass[eater] = blobs_add(mass[eater], share, s->max_mass);
                gained[eater] = blobs_add(gained[eater], share, BLOBS_LARGEST_MASS * BLOBS_GRAINS);
                prey[eater] += share > 0;
            }
        }
    }
    return eaters;
}

static void blobs_eat_players(Blobs* s, uint8_t* eaten)
{
    if (!blobs_mark_eaten(s, eaten)) {
        return;
    }
    int32_t *mass = blobs_life(s, BLOBS_MASS), *peak = blobs_life(s, BLOBS_PEAK);
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t eaters = eaten[p] ? blobs_feed(s, p, eaten, 0) : 0;
        if (eaters > 0) {
            (void)blobs_feed(s, p, eaten, mass[p] / eaters);
        }
    }
    for (int32_t p = 0; p < s->num_players; p++) {
        peak[p] = mass[p] > peak[p] ? mass[p] : peak[p];
        blobs_place(s, BLOBS_RADIUS)[p] = blobs_radius(mass[p]);
    }
    blobs_copy_near(s);
}

// Rewards and truncations. Returns whether a life ended.
static int32_t blobs_score(Blobs* s, PufIo io)
{
    int32_t* age = blobs_life(s, BLOBS_AGE);
    const int32_t* gained = blobs_life(s, BLOBS_GAINED);
    float* returns = blobs_place(s, BLOBS_RETURN);
    int32_t ended = 0;
    for (int32_t p = 0; p < s->num_players; p++) {
        int32_t died = io.terminals[p];
        age[p] += 1;
        int32_t late = !died && age[p] >= s->max_steps;
        float reward = (float)gained[p] * (1.0f / BLOBS_GRAINS) * s->reward_mass + (died ? s->reward_death : 0.0f);
        returns[p] += reward;
        io.rewards[p] = reward;
        io.truncations[p] = (uint8_t)late;
        ended |= died | late;
    }
    return ended;
}

static void blobs_add_log(Blobs* s, int32_t p, int32_t died)
{
    int32_t peak = blobs_life(s, BLOBS_PEAK)[p];
    puf_log_episode(&s->log.common, puf_minf((float)peak / (float)s->goal, 1.0f), (float)peak * (1.0f / BLOBS_GRAINS),
                    blobs_place(s, BLOBS_RETURN)[p], (float)blobs_life(s, BLOBS_AGE)[p]);
    s->log.dots_eaten += (float)blobs_life(s, BLOBS_DOTS)[p];
    s->log.players_eaten += (float)blobs_life(s, BLOBS_PREY)[p];
    s->log.final_mass += (float)blobs_life(s, BLOBS_MASS)[p] * (1.0f / BLOBS_GRAINS);
    s->log.eaten += (float)died;
}

static void blobs_end_lives(Blobs* s, PufIo io)
{
    for (int32_t p = 0; p < s->num_players; p++) { // all look for the last time, then all start again
        if (io.terminals[p] | io.truncations[p]) {
            blobs_view(s, p, (float*)io.final_obs + (size_t)p * BLOBS_OBS);
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
    { "speed", 1, 0, 1, "own top speed, as a part of a new player's" },
    { "walls", BLOBS_WALLS, 0, 1, "closeness of the left, right, upper and lower wall: 1 touching, 0 out of sight" },
    { "dots", BLOBS_SECTORS, 0, 1, "closeness of the nearest dot in 16 directions, clockwise from the right" },
    { "prey", BLOBS_SECTORS, 0, 1, "the same for players that could be eaten" },
    { "threats", BLOBS_SECTORS, 0, 1, "the same for players that could eat this one, from their edge" },
};
static const PufParam blobs_params[] = {
    PUF_SETTING(Blobs, num_players, 32, 1, BLOBS_MOST, "players on one plane: its agents"),
    PUF_SETTING(BlobsSetup, room, 400, 25, 4000, "area of the plane for each player; a new one covers 3.14"),
    PUF_SETTING(BlobsSetup, fill, 0.5, 0, 0.9, "dots on each 5 x 5 of the plane"),
    PUF_SETTING(Blobs, margin, 1.1, 1, 10, "how many times as heavy an eater must be"),
    PUF_SETTING(Blobs, speed, 1, 0.01, 5, "of a new player, per step"),
    PUF_SETTING(Blobs, decay, 0.0005, 0, 1, "part of the mass above that of a new player lost in a step"),
    PUF_SETTING(Blobs, max_mass, BLOBS_LARGEST_MASS, BLOBS_START_MASS, BLOBS_LARGEST_MASS, "mass that nobody exceeds"),
    PUF_SETTING(Blobs, goal, 400, 1, BLOBS_LARGEST_MASS, "mass that counts as solved (perf 1)"),
    PUF_SETTING(Blobs, max_steps, 2000, 1, 1000000, "steps until a life is cut off"),
    PUF_FLAG(Blobs, continuous, 0, "two numbers that point where to go, instead of 9 moves"),
    PUF_SETTING(Blobs, reward_mass, 0.1, 0, 1000, "for each unit of mass eaten"),
    PUF_SETTING(Blobs, reward_death, -1, -1000, 1000, "for being eaten"),
};
static const char* const blobs_log_names[] = { "dots_eaten", "players_eaten", "final_mass", "eaten" };
static const PufField blobs_fields[] = {
    PUF_BLOCK(Blobs, "places", PUF_F32, places, place_rows, num_players,
              "one column per player: x, y, radius, the direction it goes (x, y), return of this life"),
    PUF_BLOCK(Blobs, "lives", PUF_I32, lives, life_rows, num_players,
              "one column per player: mass in thousandths, the largest so far, age in steps, dots and players eaten, "
              "mass eaten in this step"),
    PUF_BLOCK(Blobs, "dots_x", PUF_F32, dots_x, dot_columns, dot_columns,
              "x of the dot in each 5 x 5 of the plane, with 4 more all around; 1e9 where there is none"),
    PUF_BLOCK(Blobs, "dots_y", PUF_F32, dots_y, dot_columns, dot_columns, "y of the same dots"),
    PUF_SCALAR(Blobs, side, "of the plane"),
    PUF_SCALAR(Blobs, num_players, "on the plane"),
    PUF_SCALAR(Blobs, num_dots, "on the plane"),
    PUF_SCALAR(Blobs, margin, "how many times as heavy an eater must be"),
    PUF_SCALAR(Blobs, continuous, "whether actions are directions"),
};

// clang-format off
PUF_DEFINE_AGENTS_ENV(blobs, Blobs,
    .version = 1,
    .doc = "Many players on one plane: eat dots and smaller players, grow, slow down.",
    .reward = "reward_mass per unit of mass eaten, reward_death for being eaten",
    .ends = "terminal on being eaten; truncated after max_steps steps of one life; both start a new life at once",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .agents = 32, .obs_ndim = 1, .obs_shape = { BLOBS_OBS } },
    PUF_TABLES(blobs),
    PUF_LOG_NAMES(blobs),
    .setup_size = sizeof(BlobsSetup), .resize = blobs_resize, .prepare = blobs_prepare);
