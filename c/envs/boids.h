// boids - a flock: the three rules of Reynolds ("Flocks, herds, and schools", 1987) are rewards, not instructions.
//
// Observation  float32 (22,), in the boid's own frame (ahead, to the right): its speed; how many neighbours it sees,
//              their mean offset, heading and pace; how crowded it is, and which way out; the nearest neighbour ahead
//              and the nearest behind, each with offset and heading; the nearest predator likewise. What is not there
//              is zeros.
// Action       one of 9: left, straight or right, each slower, at the same speed, or faster.
// Reward       every step: `alignment` times the cosine of its heading with its neighbours' mean heading, plus
//              `cohesion` times how many and how central they are (0 to 1), less `separation` times how crowded it is
//              (0 to 1). In the step in which a predator catches it: `reward_caught` instead.
// End          terminal when caught: the boid comes back elsewhere in the same step. All are truncated, and the world
//              begins anew, after `max_steps` steps.
// Score        steps in which a boid flocked: with at least 3 neighbours, none of them within BOIDS_TOUCH, and within
//              25 degrees (BOIDS_ALIGNED) of their heading. perf is the share of its steps.
//
// Lengths are in sights: neighbours are the boids less than 1 away. The world is a square without borders: who leaves
// on one side comes in on the other. It is as large as gives everyone `density` neighbours if all were spread evenly,
// but at least 4 wide, so that no boid is seen twice.
//
// A step:
// 1. All boids turn, speed up or slow down, and fly.
// 2. Predators (`predators`, none by default) fly: a little faster than boids, but slow in turns, and clumsier. One that
//    hunts turns towards its prey, and has eyes for no other: that with the least distance^2 * (1 + neighbours) when the
//    hunt began, so that company is a shelter. After BOIDS_HUNT steps it gives up. Then, or after a catch, it rests.
// 3. All look around. Boids are sorted into the cells of a grid, a little larger than one sees, and their positions
//    and headings are copied in that order: the neighbours are then in a few runs of consecutive places, which are
//    gone through BOIDS_LANES at a time. The time for a step is in proportion to the boids at equal density.
//
// What a boid sees is summed up once a step and kept in the state: the observation is a copy of it.
#pragma once
#include "puffer.h"
#include "puffer_bins.h"
#include "puffer_math.h"

#define BOIDS_LEAST_SIDE 4.0f
#define BOIDS_CELL_SLACK 0.999f // cells are larger than a sight by this, so that rounding hides no neighbour
#define BOIDS_NEAR 0.4f         // neighbours within this crowd a boid
#define BOIDS_TOUCH 0.2f        // with one within this, it does not flock
#define BOIDS_ALIGNED 0.9f      // nor with less than this of its neighbours' mean heading ahead
#define BOIDS_COMPANY 6.0f      // neighbours that are company enough
#define BOIDS_FLOCK 3.0f        // neighbours that make a flock
#define BOIDS_SLOWEST 0.04f     // sights per step
#define BOIDS_FASTEST 0.10f
#define BOIDS_THRUST 0.01f       // sights per step^2
#define BOIDS_TURN_COS 0.988771f // a turn of 0.15 rad a step
#define BOIDS_TURN_SIN 0.149438f
#define BOIDS_HUNT_SPEED 0.12f
#define BOIDS_HUNT_SLOW 0.06f    // while it turns as hard as it can
#define BOIDS_HUNT_COS 0.996802f // of 0.08 rad
#define BOIDS_HUNT_SIN 0.079915f
#define BOIDS_CATCH 0.15f // within which a predator catches the boid that it is after
#define BOIDS_WATCH 2.0f  // within which boids see predators

enum { BOIDS_MOST = 65536, BOIDS_MOST_PREDATORS = 8 };
enum { BOIDS_LANES = 4 };                  // candidates looked at side by side; sums depend on it in their last bits
enum { BOIDS_HUNT = 90, BOIDS_REST = 60 }; // steps
enum { BOIDS_SPAWN_TRIES = 8 };            // to come back where no predator is
enum { BOIDS_LEFT, BOIDS_STRAIGHT, BOIDS_RIGHT, BOIDS_TURNS };
enum { BOIDS_ACTIONS = 3 * BOIDS_TURNS }; // turn + 3 * (0 slower, 1 same, 2 faster)

// What a boid sees, in its own frame.
enum {
    BOIDS_SEE_SPEED,
    BOIDS_SEE_COMPANY,
    BOIDS_SEE_CENTRE,
    BOIDS_SEE_HEADING = BOIDS_SEE_CENTRE + 2,
    BOIDS_SEE_PACE = BOIDS_SEE_HEADING + 2,
    BOIDS_SEE_CROWDING,
    BOIDS_SEE_WAY_OUT,
    BOIDS_SEE_AHEAD = BOIDS_SEE_WAY_OUT + 2,
    BOIDS_SEE_BEHIND = BOIDS_SEE_AHEAD + 4,
    BOIDS_SEE_PREDATOR = BOIDS_SEE_BEHIND + 4,
    BOIDS_VIEW = BOIDS_SEE_PREDATOR + 4,
};

// Rows of the table of boids, with one column for each.
enum {
    BOIDS_X,
    BOIDS_Y,
    BOIDS_HEADING_X, // the heading is a vector of length 1
    BOIDS_HEADING_Y,
    BOIDS_SPEED,
    BOIDS_NEIGHBOURS, // this and the next three as the boid saw them last
    BOIDS_ALIGNMENT,
    BOIDS_COHESION,
    BOIDS_CROWDING,
    BOIDS_FLOCKING, // 1: it flocks
    BOIDS_AGE,      // this and those that follow are sums over the steps of its life
    BOIDS_RETURN,
    BOIDS_SUM_NEIGHBOURS,
    BOIDS_SUM_ALIGNMENT,
    BOIDS_SUM_COHESION,
    BOIDS_SUM_CROWDING,
    BOIDS_SUM_FLOCKING,
    BOIDS_ROWS,
};

// The first five rows once more, in the order of the cells.
enum { BOIDS_SORTED_ROWS = BOIDS_SPEED + 1 };

enum {
    BOIDS_PREDATOR_X,
    BOIDS_PREDATOR_Y,
    BOIDS_PREDATOR_HX,
    BOIDS_PREDATOR_HY,
    BOIDS_PREDATOR_PREY,  // number of a boid, or BOIDS_NOBODY while it rests
    BOIDS_PREDATOR_CLOCK, // steps left of the hunt or the rest
    BOIDS_PREDATOR,
};
#define BOIDS_NOBODY (-1.0f)

typedef struct Boids {
    PufRng rng;
    int32_t boids, predators, max_steps; // settings
    float alignment, cohesion, separation, reward_caught;
    float side;     // of the world
    float per_cell; // cells to a sight
    int32_t cells;  // along a side
    int32_t tick;
    int32_t table_offset, views_offset, sorted_offset, bins_offset; // in the block: bytes from the start of the state
    int32_t table_rows, view_size;
    float predator[BOIDS_MOST_PREDATORS][BOIDS_PREDATOR];
    PufLog log;
    float log_neighbours, log_alignment, log_cohesion, log_crowding, log_caught; // behind the log, see boids_log
} Boids;

// What the state keeps as the side of the world.
typedef struct BoidsSetup {
    Boids state;
    float density;
} BoidsSetup;

// ---- Sizes and places ----

static int32_t boids_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

static float boids_side(const BoidsSetup* setup)
{
    float area = (float)setup->state.boids * PUF_PI / setup->density;
    return puf_maxf(BOIDS_LEAST_SIDE, sqrtf(area));
}

static int32_t boids_cells(float side) { return (int32_t)(side * BOIDS_CELL_SLACK); }

// The block holds the table, the views, the sorted rows, and the integers of the sorting: each boid's cell, the boids
// in the order of the cells, and where each cell starts.
static int32_t boids_table_bytes(int32_t boids) { return boids_align(boids * BOIDS_ROWS * (int32_t)sizeof(float)); }

static int32_t boids_views_bytes(int32_t boids) { return boids_align(boids * BOIDS_VIEW * (int32_t)sizeof(float)); }

static int32_t boids_sorted_stride(int32_t boids) { return boids + BOIDS_LANES; } // lanes read beyond the last boid

static int32_t boids_sorted_bytes(int32_t boids)
{
    return boids_align(boids_sorted_stride(boids) * BOIDS_SORTED_ROWS * (int32_t)sizeof(float));
}

static void boids_resize(PufLayout* layout, const void* setup)
{
    const BoidsSetup* given = setup;
    int32_t boids = given->state.boids;
    int32_t cells = boids_cells(boids_side(given));
    int32_t bins = boids_align((2 * boids + cells * cells + 1) * (int32_t)sizeof(int32_t));
    layout->agents = boids;
    layout->state_size = (uint64_t)(boids_align((int32_t)sizeof(Boids)) + boids_table_bytes(boids) +
                                    boids_views_bytes(boids) + boids_sorted_bytes(boids) + bins);
}

static float* boids_row(const Boids* s, int32_t row)
{
    return (float*)((uint8_t*)s + s->table_offset) + (size_t)row * (size_t)s->boids;
}

static float* boids_view(const Boids* s, int32_t id)
{
    return (float*)((uint8_t*)s + s->views_offset) + (size_t)id * BOIDS_VIEW;
}

static float* boids_sorted_row(const Boids* s, int32_t row)
{
    return (float*)((uint8_t*)s + s->sorted_offset) + (size_t)row * (size_t)boids_sorted_stride(s->boids);
}

static int32_t* boids_bin_of(const Boids* s) { return (int32_t*)((uint8_t*)s + s->bins_offset); }
static int32_t* boids_order(const Boids* s) { return boids_bin_of(s) + s->boids; }
static int32_t* boids_starts(const Boids* s) { return boids_order(s) + s->boids; }

static void boids_prepare(void* setup)
{
    BoidsSetup* given = setup;
    Boids* s = &given->state;
    s->side = boids_side(given);
    s->cells = boids_cells(s->side);
    s->per_cell = (float)s->cells / s->side;
    s->table_offset = boids_align((int32_t)sizeof(Boids));
    s->views_offset = s->table_offset + boids_table_bytes(s->boids);
    s->sorted_offset = s->views_offset + boids_views_bytes(s->boids);
    s->bins_offset = s->sorted_offset + boids_sorted_bytes(s->boids);
    s->table_rows = BOIDS_ROWS;
    s->view_size = BOIDS_VIEW;
}

// ---- The world without borders ----

static inline float boids_wrap(float x, float side)
{
    x = x < 0.0f ? x + side : x;
    return x >= side ? x - side : x; // also where rounding made it the side itself
}

// The shortest way between two coordinates.
static inline float boids_shortest(float d, float side)
{
    d = d > 0.5f * side ? d - side : d;
    return d < -0.5f * side ? d + side : d;
}

static float boids_distance2(const Boids* s, float x0, float y0, float x1, float y1)
{
    float dx = boids_shortest(x1 - x0, s->side), dy = boids_shortest(y1 - y0, s->side);
    return dx * dx + dy * dy;
}

// ---- Looking around ----

// A run of places in the sorted rows, and how far to shift them to where the boids of this cell see them.
typedef struct BoidsRun {
    int32_t begin, end;
    float shift_x, shift_y;
} BoidsRun;

enum { BOIDS_RUNS = 6 }; // three rows of cells, each in up to two runs

typedef struct BoidsCell {
    int32_t begin, end; // who is in it
    int32_t count;
    BoidsRun runs[BOIDS_RUNS]; // who may be seen from it
} BoidsCell;

// Sums over the neighbours, lane by lane.
typedef struct BoidsSums {
    float count[BOIDS_LANES], x[BOIDS_LANES], y[BOIDS_LANES], heading_x[BOIDS_LANES], heading_y[BOIDS_LANES];
    float speed[BOIDS_LANES], crowding[BOIDS_LANES], out_x[BOIDS_LANES], out_y[BOIDS_LANES];
    float ahead[BOIDS_LANES], behind[BOIDS_LANES]; // squares of the least distances
    int32_t ahead_at[BOIDS_LANES], behind_at[BOIDS_LANES];
} BoidsSums;

// The rows that are sorted, and who is looking.
typedef struct BoidsEye {
    const float *x_of, *y_of, *heading_x_of, *heading_y_of, *speed_of;
    float x, y, heading_x, heading_y;
    int32_t place;
} BoidsEye;

static void boids_sort(Boids* s)
{
    int32_t n = s->boids, cells = s->cells;
    const float *x = boids_row(s, BOIDS_X), *y = boids_row(s, BOIDS_Y);
    int32_t *bin_of = boids_bin_of(s), *order = boids_order(s);
    for (int32_t i = 0; i < n; i++) {
        int32_t column = (int32_t)(x[i] * s->per_cell), row = (int32_t)(y[i] * s->per_cell);
        column = column < cells ? column : cells - 1;
        row = row < cells ? row : cells - 1;
        bin_of[i] = row * cells + column;
    }
    puf_sort_bins(n, bin_of, cells * cells, boids_starts(s), order);
    for (int32_t row = 0; row < BOIDS_SORTED_ROWS; row++) {
        const float* from = boids_row(s, row);
        float* to = boids_sorted_row(s, row);
        for (int32_t i = 0; i < n; i++) {
            to[i] = from[order[i]];
        }
    }
}

static void boids_add_run(const Boids* s, BoidsCell* cell, int32_t first, int32_t last, float shift_x, float shift_y)
{
    const int32_t* starts = boids_starts(s);
    BoidsRun* run = &cell->runs[cell->count];
    run->begin = starts[first];
    run->end = starts[last + 1];
    run->shift_x = shift_x;
    run->shift_y = shift_y;
    cell->count += run->begin < run->end;
}

static void boids_find_runs(const Boids* s, BoidsCell* cell, int32_t row, int32_t column)
{
    int32_t last = s->cells - 1;
    cell->count = 0;
    for (int32_t step = -1; step <= 1; step++) {
        int32_t other = row + step;
        float shift_y = other < 0 ? -s->side : other > last ? s->side : 0.0f;
        other = other < 0 ? last : other > last ? 0 : other;
        int32_t base = other * s->cells;
        if (column == 0) {
            boids_add_run(s, cell, base + last, base + last, -s->side, shift_y);
        }
        int32_t west = column == 0 ? 0 : column - 1, east = column == last ? last : column + 1;
        boids_add_run(s, cell, base + west, base + east, 0.0f, shift_y);
        if (column == last) {
            boids_add_run(s, cell, base, base, s->side, shift_y);
        }
    }
}

// Candidates at `at` and the next few places, those of the run that are in sight. A short loop over lanes, without
// branches, becomes vector instructions; a lane adds up in the order of places.
static inline void boids_look_at(const BoidsEye* eye, BoidsSums* restrict sums, int32_t at, const BoidsRun* run)
{
    const float* restrict x_of = eye->x_of + at;
    const float* restrict y_of = eye->y_of + at;
    const float* restrict heading_x_of = eye->heading_x_of + at;
    const float* restrict heading_y_of = eye->heading_y_of + at;
    const float* restrict speed_of = eye->speed_of + at;
    const float x = eye->x, y = eye->y, heading_x = eye->heading_x, heading_y = eye->heading_y;
    const float shift_x = run->shift_x, shift_y = run->shift_y;
    const int32_t left = run->end - at, self = eye->place - at;
    PUF_VECTORIZE(4)
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        float dx = (x_of[lane] - x) + shift_x;
        float dy = (y_of[lane] - y) + shift_y;
        float distance2 = dx * dx + dy * dy;
        int32_t other = (lane < left) & (lane != self);
        float seen = (other & (distance2 < 1.0f)) ? 1.0f : 0.0f;
        float near = puf_maxf(0.0f, seen - distance2 * (1.0f / (BOIDS_NEAR * BOIDS_NEAR)));
        sums->count[lane] += seen;
        sums->x[lane] += seen * dx;
        sums->y[lane] += seen * dy;
        sums->heading_x[lane] += seen * heading_x_of[lane];
        sums->heading_y[lane] += seen * heading_y_of[lane];
        sums->speed[lane] += seen * speed_of[lane];
        sums->crowding[lane] += near;
        sums->out_x[lane] -= near * dx;
        sums->out_y[lane] -= near * dy;
        float ahead = dx * heading_x + dy * heading_y;
        float hidden = distance2 + (1.0f - seen); // 1 or more unless it is seen
        float in_front = ahead >= 0.0f ? hidden : 1.0f, at_back = ahead >= 0.0f ? 1.0f : hidden;
        // all bits set where this one is nearer: with ?: instead, gcc makes branches of it that none can predict
        int32_t nearer = -(in_front < sums->ahead[lane]), nearer_back = -(at_back < sums->behind[lane]);
        sums->ahead_at[lane] = ((at + lane) & nearer) | (sums->ahead_at[lane] & ~nearer);
        sums->behind_at[lane] = ((at + lane) & nearer_back) | (sums->behind_at[lane] & ~nearer_back);
        sums->ahead[lane] = puf_minf(in_front, sums->ahead[lane]);
        sums->behind[lane] = puf_minf(at_back, sums->behind[lane]);
    }
}

static inline float boids_total(const float lanes[BOIDS_LANES])
{
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

// The place of the nearest of all lanes, or -1; of equally near ones, that of the first lane.
static inline int32_t boids_nearest(const float distance2[BOIDS_LANES], const int32_t at[BOIDS_LANES])
{
    float least = 1.0f;
    int32_t place = -1;
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        int32_t nearer = -(distance2[lane] < least);
        place = (at[lane] & nearer) | (place & ~nearer);
        least = puf_minf(distance2[lane], least);
    }
    return place;
}

static void boids_sum_up(const BoidsEye* eye, const BoidsCell* cell, BoidsSums* sums)
{
    memset(sums, 0, sizeof(*sums));
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        sums->ahead[lane] = 1.0f;
        sums->behind[lane] = 1.0f;
    }
    for (int32_t r = 0; r < cell->count; r++) {
        for (int32_t at = cell->runs[r].begin; at < cell->runs[r].end; at += BOIDS_LANES) {
            boids_look_at(eye, sums, at, &cell->runs[r]);
        }
    }
}

// A vector as this eye sees it: how far ahead, and how far to the right. (y points down, as on a screen.)
static inline void boids_see_vector(const BoidsEye* eye, float x, float y, float* view)
{
    view[0] = x * eye->heading_x + y * eye->heading_y;
    view[1] = y * eye->heading_x - x * eye->heading_y;
}

static void boids_see_one(const Boids* s, const BoidsEye* eye, int32_t place, float* view)
{
    memset(view, 0, 4 * sizeof(float));
    if (place >= 0) {
        float dx = boids_shortest(eye->x_of[place] - eye->x, s->side);
        float dy = boids_shortest(eye->y_of[place] - eye->y, s->side);
        boids_see_vector(eye, dx, dy, view);
        boids_see_vector(eye, eye->heading_x_of[place], eye->heading_y_of[place], view + 2);
    }
}

static void boids_see_predator(const Boids* s, const BoidsEye* eye, float* view)
{
    float least = BOIDS_WATCH * BOIDS_WATCH;
    memset(view, 0, 4 * sizeof(float));
    for (int32_t k = 0; k < s->predators; k++) {
        const float* p = s->predator[k];
        float distance2 = boids_distance2(s, eye->x, eye->y, p[BOIDS_PREDATOR_X], p[BOIDS_PREDATOR_Y]);
        if (distance2 < least) {
            least = distance2;
            float dx = boids_shortest(p[BOIDS_PREDATOR_X] - eye->x, s->side);
            float dy = boids_shortest(p[BOIDS_PREDATOR_Y] - eye->y, s->side);
            boids_see_vector(eye, dx * (1.0f / BOIDS_WATCH), dy * (1.0f / BOIDS_WATCH), view);
            boids_see_vector(eye, p[BOIDS_PREDATOR_HX], p[BOIDS_PREDATOR_HY], view + 2);
        }
    }
}

// What the boid at a place sees, and how well it keeps the rules.
static void boids_see(Boids* s, const BoidsEye* eye, const BoidsCell* cell, float speed)
{
    BoidsSums sums;
    boids_sum_up(eye, cell, &sums);
    int32_t id = boids_order(s)[eye->place];
    float* view = boids_view(s, id);
    float count = boids_total(sums.count);
    float share = count > 0.0f ? 1.0f / count : 0.0f;
    float crowding = puf_minf(boids_total(sums.crowding), 1.0f);
    float pace = boids_total(sums.speed) * share - (count > 0.0f ? speed : 0.0f);

    float share_of_speed = (speed - BOIDS_SLOWEST) * (2.0f / (BOIDS_FASTEST - BOIDS_SLOWEST));
    view[BOIDS_SEE_SPEED] = share_of_speed - 1.0f;
    view[BOIDS_SEE_COMPANY] = puf_minf(count * (1.0f / BOIDS_COMPANY), 1.0f);
    boids_see_vector(eye, boids_total(sums.x) * share, boids_total(sums.y) * share, view + BOIDS_SEE_CENTRE);
    boids_see_vector(eye, boids_total(sums.heading_x) * share, boids_total(sums.heading_y) * share,
                     view + BOIDS_SEE_HEADING);
    view[BOIDS_SEE_PACE] = pace * (1.0f / (BOIDS_FASTEST - BOIDS_SLOWEST));
    view[BOIDS_SEE_CROWDING] = crowding;
    boids_see_vector(eye, boids_total(sums.out_x) * (1.0f / BOIDS_NEAR), boids_total(sums.out_y) * (1.0f / BOIDS_NEAR),
                     view + BOIDS_SEE_WAY_OUT);
    int32_t ahead = boids_nearest(sums.ahead, sums.ahead_at), behind = boids_nearest(sums.behind, sums.behind_at);
    boids_see_one(s, eye, ahead, view + BOIDS_SEE_AHEAD);
    boids_see_one(s, eye, behind, view + BOIDS_SEE_BEHIND);
    boids_see_predator(s, eye, view + BOIDS_SEE_PREDATOR);
    for (int32_t i = 0; i < BOIDS_VIEW; i++) {
        view[i] = puf_clampf(view[i], -1.0f, 1.0f); // most are by nature, but for rounding
    }

    float off_x = view[BOIDS_SEE_CENTRE], off_y = view[BOIDS_SEE_CENTRE + 1];
    float off = puf_minf(sqrtf(off_x * off_x + off_y * off_y), 1.0f);
    float alignment = view[BOIDS_SEE_HEADING];
    float nearest = 1.0f;
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        nearest = puf_minf(nearest, puf_minf(sums.ahead[lane], sums.behind[lane]));
    }
    int32_t free = nearest >= BOIDS_TOUCH * BOIDS_TOUCH;
    int32_t flocks = (count >= BOIDS_FLOCK) & free & (alignment >= BOIDS_ALIGNED);
    boids_row(s, BOIDS_NEIGHBOURS)[id] = count;
    boids_row(s, BOIDS_ALIGNMENT)[id] = alignment;
    boids_row(s, BOIDS_COHESION)[id] = view[BOIDS_SEE_COMPANY] * (1.0f - off);
    boids_row(s, BOIDS_CROWDING)[id] = crowding;
    boids_row(s, BOIDS_FLOCKING)[id] = flocks ? 1.0f : 0.0f;
}

// Everyone, cell by cell.
static void boids_look(Boids* s)
{
    boids_sort(s);
    const int32_t* starts = boids_starts(s);
    BoidsEye eye;
    eye.x_of = boids_sorted_row(s, BOIDS_X);
    eye.y_of = boids_sorted_row(s, BOIDS_Y);
    eye.heading_x_of = boids_sorted_row(s, BOIDS_HEADING_X);
    eye.heading_y_of = boids_sorted_row(s, BOIDS_HEADING_Y);
    eye.speed_of = boids_sorted_row(s, BOIDS_SPEED);
    for (int32_t row = 0; row < s->cells; row++) {
        for (int32_t column = 0; column < s->cells; column++) {
            int32_t bin = row * s->cells + column;
            if (starts[bin] == starts[bin + 1]) {
                continue;
            }
            BoidsCell cell;
            boids_find_runs(s, &cell, row, column);
            for (int32_t place = starts[bin]; place < starts[bin + 1]; place++) {
                eye.x = eye.x_of[place];
                eye.y = eye.y_of[place];
                eye.heading_x = eye.heading_x_of[place];
                eye.heading_y = eye.heading_y_of[place];
                eye.place = place;
                boids_see(s, &eye, &cell, eye.speed_of[place]);
            }
        }
    }
}

static void boids_observe(const Boids* s, PufIo io)
{
    memcpy(io.obs, boids_view(s, 0), (size_t)s->boids * BOIDS_VIEW * sizeof(float));
}

// ---- Lives ----

static void boids_random_heading(Boids* s, float* x, float* y)
{
    puf_sincosf(2.0f * PUF_PI * puf_rand_float(&s->rng), y, x);
}

static int32_t boids_sees_predator(const Boids* s, float x, float y)
{
    for (int32_t k = 0; k < s->predators; k++) {
        const float* p = s->predator[k];
        if (boids_distance2(s, x, y, p[BOIDS_PREDATOR_X], p[BOIDS_PREDATOR_Y]) < BOIDS_WATCH * BOIDS_WATCH) {
            return 1;
        }
    }
    return 0;
}

// Anywhere, if it can be where no predator is in sight.
static void boids_start(Boids* s, int32_t id)
{
    float x = 0.0f, y = 0.0f;
    for (int32_t tries = 0; tries < BOIDS_SPAWN_TRIES; tries++) {
        x = boids_wrap(puf_rand_float(&s->rng) * s->side, s->side);
        y = boids_wrap(puf_rand_float(&s->rng) * s->side, s->side);
        if (!boids_sees_predator(s, x, y)) {
            break;
        }
    }
    boids_row(s, BOIDS_X)[id] = x;
    boids_row(s, BOIDS_Y)[id] = y;
    boids_random_heading(s, &boids_row(s, BOIDS_HEADING_X)[id], &boids_row(s, BOIDS_HEADING_Y)[id]);
    boids_row(s, BOIDS_SPEED)[id] = puf_rand_range(&s->rng, BOIDS_SLOWEST, BOIDS_FASTEST);
    for (int32_t row = BOIDS_AGE; row < BOIDS_ROWS; row++) {
        boids_row(s, row)[id] = 0.0f;
    }
}

static void boids_rest(float* predator)
{
    predator[BOIDS_PREDATOR_PREY] = BOIDS_NOBODY;
    predator[BOIDS_PREDATOR_CLOCK] = (float)BOIDS_REST;
}

static void boids_reset(Boids* s)
{
    s->tick = 0;
    for (int32_t k = 0; k < s->predators; k++) {
        float* p = s->predator[k];
        p[BOIDS_PREDATOR_X] = boids_wrap(puf_rand_float(&s->rng) * s->side, s->side);
        p[BOIDS_PREDATOR_Y] = boids_wrap(puf_rand_float(&s->rng) * s->side, s->side);
        boids_random_heading(s, &p[BOIDS_PREDATOR_HX], &p[BOIDS_PREDATOR_HY]);
        boids_rest(p);
    }
    for (int32_t id = 0; id < s->boids; id++) {
        boids_start(s, id);
    }
    boids_look(s);
}

static void boids_log(Boids* s, int32_t id, int32_t caught)
{
    float age = boids_row(s, BOIDS_AGE)[id];
    float flocking = boids_row(s, BOIDS_SUM_FLOCKING)[id];
    puf_log_episode(&s->log, flocking / age, flocking, boids_row(s, BOIDS_RETURN)[id], age);
    s->log_neighbours += boids_row(s, BOIDS_SUM_NEIGHBOURS)[id] / age;
    s->log_alignment += boids_row(s, BOIDS_SUM_ALIGNMENT)[id] / age;
    s->log_cohesion += boids_row(s, BOIDS_SUM_COHESION)[id] / age;
    s->log_crowding += boids_row(s, BOIDS_SUM_CROWDING)[id] / age;
    s->log_caught += (float)caught;
}

// ---- A step ----

// Turning multiplies the heading with that of the turn. What rounding does to its length is taken back each time by
// one step of Newton's method for 1 / sqrt.
static inline void boids_turn(float* hx, float* hy, float cosine, float sine)
{
    float x = *hx * cosine - *hy * sine, y = *hy * cosine + *hx * sine;
    float mend = 1.5f - 0.5f * (x * x + y * y);
    *hx = x * mend;
    *hy = y * mend;
}

static void boids_fly(Boids* s, const int32_t* restrict actions)
{
    float* restrict xs = boids_row(s, BOIDS_X);
    float* restrict ys = boids_row(s, BOIDS_Y);
    float* restrict hxs = boids_row(s, BOIDS_HEADING_X);
    float* restrict hys = boids_row(s, BOIDS_HEADING_Y);
    float* restrict speeds = boids_row(s, BOIDS_SPEED);
    float side = s->side;
    int32_t n = s->boids;
    for (int32_t i = 0; i < n; i++) {
        int32_t thrust = (actions[i] >= BOIDS_TURNS) + (actions[i] >= 2 * BOIDS_TURNS); // 0, 1, 2
        int32_t turn = actions[i] - BOIDS_TURNS * thrust;
        float cosine = turn == BOIDS_STRAIGHT ? 1.0f : BOIDS_TURN_COS;
        float sine = turn == BOIDS_LEFT ? -BOIDS_TURN_SIN : turn == BOIDS_RIGHT ? BOIDS_TURN_SIN : 0.0f;
        float hx = hxs[i], hy = hys[i];
        boids_turn(&hx, &hy, cosine, sine);
        float speed = puf_clampf(speeds[i] + (float)(thrust - 1) * BOIDS_THRUST, BOIDS_SLOWEST, BOIDS_FASTEST);
        hxs[i] = hx;
        hys[i] = hy;
        speeds[i] = speed;
        xs[i] = boids_wrap(xs[i] + speed * hx, side);
        ys[i] = boids_wrap(ys[i] + speed * hy, side);
    }
}

// The boid that is near and has few around it.
static int32_t boids_choose_prey(const Boids* s, const float* predator)
{
    const float *x = boids_row(s, BOIDS_X), *y = boids_row(s, BOIDS_Y), *company = boids_row(s, BOIDS_NEIGHBOURS);
    float px = predator[BOIDS_PREDATOR_X], py = predator[BOIDS_PREDATOR_Y];
    float least = boids_distance2(s, px, py, x[0], y[0]) * (1.0f + company[0]);
    int32_t prey = 0;
    for (int32_t i = 1; i < s->boids; i++) {
        float cost = boids_distance2(s, px, py, x[i], y[i]) * (1.0f + company[i]);
        prey = cost < least ? i : prey;
        least = puf_minf(cost, least);
    }
    return prey;
}

// Turn towards a point, as far as a predator can in one step. Returns its speed.
static float boids_turn_to(const Boids* s, float* predator, float x, float y)
{
    float dx = boids_shortest(x - predator[BOIDS_PREDATOR_X], s->side);
    float dy = boids_shortest(y - predator[BOIDS_PREDATOR_Y], s->side);
    float distance = sqrtf(dx * dx + dy * dy);
    float hx = predator[BOIDS_PREDATOR_HX], hy = predator[BOIDS_PREDATOR_HY];
    if (hx * dx + hy * dy < BOIDS_HUNT_COS * distance) {
        float sine = hx * dy - hy * dx < 0.0f ? -BOIDS_HUNT_SIN : BOIDS_HUNT_SIN;
        boids_turn(&predator[BOIDS_PREDATOR_HX], &predator[BOIDS_PREDATOR_HY], BOIDS_HUNT_COS, sine);
        return BOIDS_HUNT_SLOW;
    }
    if (distance > 0.0f) {
        predator[BOIDS_PREDATOR_HX] = dx / distance;
        predator[BOIDS_PREDATOR_HY] = dy / distance;
    }
    return BOIDS_HUNT_SPEED;
}

static void boids_next_task(const Boids* s, float* predator)
{
    if (predator[BOIDS_PREDATOR_PREY] == BOIDS_NOBODY) {
        predator[BOIDS_PREDATOR_PREY] = (float)boids_choose_prey(s, predator);
        predator[BOIDS_PREDATOR_CLOCK] = (float)BOIDS_HUNT;
    } else {
        boids_rest(predator);
    }
}

static void boids_hunt(Boids* s, uint8_t* caught)
{
    const float *xs = boids_row(s, BOIDS_X), *ys = boids_row(s, BOIDS_Y);
    memset(caught, 0, (size_t)s->boids);
    for (int32_t k = 0; k < s->predators; k++) {
        float* p = s->predator[k];
        if (p[BOIDS_PREDATOR_CLOCK] <= 0.0f) {
            boids_next_task(s, p);
        }
        p[BOIDS_PREDATOR_CLOCK] -= 1.0f;
        int32_t prey = (int32_t)p[BOIDS_PREDATOR_PREY];
        float speed = prey >= 0 ? boids_turn_to(s, p, xs[prey], ys[prey]) : BOIDS_HUNT_SLOW;
        p[BOIDS_PREDATOR_X] = boids_wrap(p[BOIDS_PREDATOR_X] + speed * p[BOIDS_PREDATOR_HX], s->side);
        p[BOIDS_PREDATOR_Y] = boids_wrap(p[BOIDS_PREDATOR_Y] + speed * p[BOIDS_PREDATOR_HY], s->side);
        if (prey >= 0 && boids_distance2(s, p[BOIDS_PREDATOR_X], p[BOIDS_PREDATOR_Y], xs[prey], ys[prey]) <
                             BOIDS_CATCH * BOIDS_CATCH) {
            caught[prey] = 1;
            boids_rest(p);
        }
    }
}

// Rewards, and what the logs add up. One pass over consecutive numbers each.
static void boids_score(Boids* s, PufIo io)
{
    const float *aligned = boids_row(s, BOIDS_ALIGNMENT), *cohesion = boids_row(s, BOIDS_COHESION);
    const float* crowding = boids_row(s, BOIDS_CROWDING);
    float *gain = boids_row(s, BOIDS_RETURN), *age = boids_row(s, BOIDS_AGE);
    int32_t n = s->boids;
    for (int32_t i = 0; i < n; i++) {
        float kept = s->alignment * aligned[i] + s->cohesion * cohesion[i] - s->separation * crowding[i];
        float reward = io.terminals[i] ? s->reward_caught : kept;
        io.rewards[i] = reward;
        gain[i] += reward;
        age[i] += 1.0f;
    }
    for (int32_t row = 0; row <= BOIDS_FLOCKING - BOIDS_NEIGHBOURS; row++) {
        const float* now = boids_row(s, BOIDS_NEIGHBOURS + row);
        float* sum = boids_row(s, BOIDS_SUM_NEIGHBOURS + row);
        for (int32_t i = 0; i < n; i++) {
            sum[i] += now[i];
        }
    }
}

// Lives that a predator ended, and where the time is up, all others.
static void boids_end_lives(Boids* s, PufIo io, int32_t late)
{
    int32_t ended = 0;
    for (int32_t id = 0; id < s->boids; id++) {
        int32_t caught = io.terminals[id];
        io.truncations[id] = (uint8_t)(late & !caught);
        if (caught | late) {
            memcpy((float*)io.final_obs + (size_t)id * BOIDS_VIEW, boids_view(s, id), BOIDS_VIEW * sizeof(float));
            boids_log(s, id, caught);
            ended += 1;
        }
    }
    if (late) {
        boids_reset(s);
    } else if (ended) {
        for (int32_t id = 0; id < s->boids; id++) {
            if (io.terminals[id]) {
                boids_start(s, id);
            }
        }
        boids_look(s);
    }
}

static void boids_step(Boids* s, PufIo io)
{
    boids_fly(s, io.actions);
    boids_hunt(s, io.terminals);
    boids_look(s);
    boids_score(s, io);
    s->tick += 1;
    boids_end_lives(s, io, s->tick >= s->max_steps);
}

static const PufObs boids_obs[] = {
    { "speed", 1, -1, 1, "-1 slowest, 1 fastest" },
    { "company", 1, 0, 1, "neighbours / 6, at most 1" },
    { "centre", 2, -1, 1, "mean offset of the neighbours, sights: ahead, to the right" },
    { "heading", 2, -1, 1, "mean of their headings, as unit vectors" },
    { "pace", 1, -1, 1, "their mean speed less its own, of the range of speeds" },
    { "crowding", 1, 0, 1, "sum over neighbours within 0.4 sights of 1 - (distance / 0.4)^2, at most 1" },
    { "way_out", 2, -1, 1, "minus the sum of their offsets / 0.4, weighted likewise" },
    { "ahead", 4, -1, 1, "nearest neighbour ahead: offset, sights; heading" },
    { "behind", 4, -1, 1, "nearest neighbour behind, likewise" },
    { "predator", 4, -1, 1, "nearest predator within 2 sights: offset / 2; heading" },
};
static const PufAction boids_actions[] = {
    { "fly", BOIDS_ACTIONS, 0, 0,
      "left-slower slower right-slower left straight right left-faster faster right-faster" },
};
static const PufParam boids_params[] = {
    PUF_SETTING(Boids, boids, 64, 1, BOIDS_MOST, "boids in one world: its agents"),
    PUF_SETTING(BoidsSetup, density, 3, 1, 50,
                "neighbours in sight if all were spread evenly: it gives the size of the world"),
    PUF_SETTING(Boids, predators, 0, 0, BOIDS_MOST_PREDATORS, "in one world"),
    PUF_SETTING(Boids, max_steps, 1000, 1, 1000000, "steps until all episodes are cut off"),
    PUF_SETTING(Boids, alignment, 0.4, 0, 10, "reward for the neighbours' heading"),
    PUF_SETTING(Boids, cohesion, 0.4, 0, 10, "reward for being in their midst"),
    PUF_SETTING(Boids, separation, 0.6, 0, 10, "penalty for being crowded"),
    PUF_SETTING(Boids, reward_caught, -1, -10, 10, "for being caught"),
};
static const PufField boids_fields[] = {
    PUF_BLOCK(Boids, "table", PUF_F32, table_offset, table_rows, boids,
              "one column per boid: x, y, heading x, heading y, speed; neighbours, alignment, cohesion, crowding, "
              "whether it flocks; and sums over its life: steps, reward, and the five before"),
    PUF_GRID(Boids, predator, "x, y, heading x, heading y; the boid that it hunts, or -1 while it rests; for how long"),
    PUF_SCALAR(Boids, boids, "in this world"),
    PUF_SCALAR(Boids, predators, "in this world"),
    PUF_SCALAR(Boids, side, "of the world, sights"),
    PUF_SCALAR(Boids, tick, "steps since the world began"),
    PUF_SCALAR(Boids, max_steps, "steps until it begins anew"),
};
static const char* const boids_log_names[] = { "neighbours", "alignment", "cohesion", "crowding", "caught" };

// clang-format off
PUF_DEFINE_AGENTS_ENV(boids, Boids,
    .version = 1,
    .doc = "A flock: separation, alignment and cohesion are rewards; predators, if any, take stragglers.",
    .reward = "alignment * cosine to the neighbours' heading + cohesion * being in their midst - separation * crowding; "
              "reward_caught when caught",
    .ends = "terminal when a predator catches the boid, which starts again at once; all truncated after max_steps steps",
    .rate = 30,
    .obs_dtype = PUF_F32,
    .layout = { .agents = 64, .obs_ndim = 1, .obs_shape = { BOIDS_VIEW },
                PUF_ACTIONS(boids) },
    PUF_TABLES(boids),
    PUF_LOG_NAMES(boids),
    .setup_size = sizeof(BoidsSetup), .resize = boids_resize, .prepare = boids_prepare);
