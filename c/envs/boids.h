// boids - a flock: the three rules of Reynolds ("Flocks, herds, and schools", 1987) are rewards, not instructions.
//
// Observation  float32 (22,), in the boid's own frame (ahead, to the right): its speed; how many
//              neighbours it sees, their mean offset, heading and pace; how crowded it is, and
//              which way out; the nearest neighbour ahead and the nearest behind, each with offset
//              and heading; the nearest predator, in the same form. What is not there is zeros.
// Action       one of 9: left, straight or right; each slower, at the same speed, or faster.
// Reward       every step: `alignment` times the cosine of its heading with its neighbours' mean
//              heading, plus `cohesion` times how many and how central they are (0 to 1), minus
//              `separation` times how crowded it is (0 to 1). In the step in which a predator
//              catches it: `reward_caught` instead.
// End          terminal when caught: the boid returns elsewhere in the same step. After `max_steps`
//              steps all boids are truncated and the world starts from scratch.
// Score        steps in which a boid flocked: with at least 3 neighbours, none of them within 0.2,
//              and within about 25 degrees of their heading (a mean cosine of 0.9). perf is the
//              share of its steps.
//
// Lengths are in sights: neighbours are the boids less than 1 away. The world is a square without
// borders: a boid that leaves on one side comes in on the other. It is large enough to give every
// boid `density` neighbours if all were spread evenly, and at least 4 wide, so that no boid is seen
// twice.
//
// A step:
// 1. All boids turn, change their speed, and fly.
// 2. Predators (`predators`, none by default) fly. They are a little faster than boids, but turn
//    more slowly. A hunting predator turns towards its prey and ignores all others: its prey is the
//    boid that had the least distance^2 * (1 + neighbours) when the hunt began, so company
//    protects. It gives up after 90 steps. Then, or after a catch, it rests for 60 steps.
// 3. All look around. Boids are sorted into the cells of a grid, each a little larger than a sight,
//    and their positions and headings are copied in that order: the neighbours of a boid are then
//    in a few runs of consecutive places. At equal density, the time of a step is proportional to
//    the number of boids.
//
// What a boid sees is computed once a step and kept in the state; the observation is a copy of it.
#pragma once
#include "puffer.h"
#include "puffer_bins.h"
#include "puffer_math.h"

#define BOIDS_MIN_SIDE 4.0f
#define BOIDS_NEAR 0.4f          // neighbours closer than this crowd a boid
#define BOIDS_TOUCH 0.2f         // a boid with a neighbour closer than this does not flock
#define BOIDS_ALIGNED 0.9f       // nor one whose cosine with its neighbours' mean heading is below this
#define BOIDS_COMPANY 6.0f       // this many neighbours are full company
#define BOIDS_FLOCK 3.0f         // this many neighbours make a flock
#define BOIDS_MIN_SPEED 0.04f    // sights per step
#define BOIDS_MAX_SPEED 0.10f    //
#define BOIDS_THRUST 0.01f       // sights per step^2
#define BOIDS_TURN_COS 0.988771f // a turn of 0.15 rad a step
#define BOIDS_TURN_SIN 0.149438f
#define BOIDS_HUNT_SPEED 0.12f
#define BOIDS_HUNT_SLOW 0.06f    // while it turns as hard as it can
#define BOIDS_HUNT_COS 0.996802f // a turn of 0.08 rad a step
#define BOIDS_HUNT_SIN 0.079915f
#define BOIDS_CATCH 0.15f // a predator catches its prey within this
#define BOIDS_WATCH 2.0f  // boids see predators within this

enum { BOIDS_MAX_BOIDS = 65536, BOIDS_MAX_PREDATORS = 8 };
enum { BOIDS_LANES = 4 };                  // places looked at side by side; the last bits of sums depend on it
enum { BOIDS_HUNT = 90, BOIDS_REST = 60 }; // steps
enum { BOIDS_SPAWN_TRIES = 8 };            // at a place where no predator is in sight
enum { BOIDS_LEFT, BOIDS_STRAIGHT, BOIDS_RIGHT, BOIDS_TURNS };
enum { BOIDS_ACTIONS = 3 * BOIDS_TURNS }; // turn + 3 * (0 slower, 1 same, 2 faster)

// A vector as a boid sees it. (y points down, as on a screen.)
typedef struct BoidsOwn {
    float ahead, right;
} BoidsOwn;

// One boid or predator in view; zeros where there is none.
typedef struct BoidsOther {
    BoidsOwn offset, heading;
} BoidsOther;

// What a boid sees: its observation, by the names of boids_obs.
typedef struct BoidsView {
    float speed, company;
    BoidsOwn centre, heading;
    float pace, crowding;
    BoidsOwn way_out;
    BoidsOther ahead, behind, predator;
} BoidsView;

// The table of boids: a row for each property, with one column for each boid.
typedef struct BoidsTable {
    float *x, *y, *heading_x, *heading_y, *speed;                   // the heading is a vector of length 1
    float *neighbours, *alignment, *cohesion, *crowding, *flocking; // what it saw last; flocking is 1 if it flocks
    float *age, *gain;                                              // steps and rewards of its life
    float *sum_neighbours, *sum_alignment, *sum_cohesion, *sum_crowding, *sum_flocking; // over the steps of its life
} BoidsTable;

enum {
    BOIDS_VIEW = sizeof(BoidsView) / sizeof(float),
    BOIDS_ROWS = sizeof(BoidsTable) / sizeof(float*),
};

typedef struct BoidsPredator {
    float x, y, heading_x, heading_y;
    float prey;  // number of a boid, or BOIDS_NOBODY while it rests
    float clock; // steps left of the hunt or the rest
} BoidsPredator;
#define BOIDS_NOBODY (-1.0f)

typedef struct Boids {
    PufRng rng;
    int32_t boids, predators, max_steps; // settings
    float alignment, cohesion, separation, reward_caught;
    float side;     // of the world, sights
    float per_cell; // cells per sight
    int32_t cells;  // along a side
    int32_t tick;
    int32_t table_offset, views_offset, sorted_offset, bins_offset; // bytes from the start of the state
    int32_t table_rows, view_size;
    BoidsPredator predator[BOIDS_MAX_PREDATORS];
    PufLog log;
    float log_neighbours, log_alignment, log_cohesion, log_crowding, log_caught; // logged too
} Boids;

// The setting that the state does not keep: it becomes the side of the world.
typedef struct BoidsSetup {
    Boids state;
    float density;
} BoidsSetup;

// ---- The world without borders ----

static float boids_side(const BoidsSetup* setup)
{
    float area = (float)setup->state.boids * PUF_PI / setup->density;
    return puf_maxf(BOIDS_MIN_SIDE, sqrtf(area));
}

static inline float boids_wrap(float x, float side)
{
    x = x < 0.0f ? x + side : x;
    return x >= side ? x - side : x; // also if rounding made it equal to the side
}

// A difference of coordinates, the short way round.
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

#include "boids_grid.h"

// ---- Looking around ----

// The boid that looks around, and all boids in the order of the cells.
typedef struct BoidsEye {
    BoidsSorted all;
    float x, y, heading_x, heading_y, right_x, right_y, speed;
    int32_t place;
} BoidsEye;

typedef struct BoidsNearest {
    float distance2; // square of the distance; 1 if there is nobody
    int32_t place;   // -1 if there is nobody
} BoidsNearest;

// The neighbours: their number, and the sums of what is seen of each.
typedef struct BoidsSeen {
    float count, x, y, heading_x, heading_y, speed, crowding, out_x, out_y;
    BoidsNearest ahead, behind;
} BoidsSeen;

// Look at the boid at a place of a run, and add it up if it is in sight.
static inline void boids_look_at(const BoidsEye* eye, BoidsSeen* seen, const BoidsRun* run, int32_t place)
{
    float dx = (eye->all.x[place] - eye->x) + run->shift_x;
    float dy = (eye->all.y[place] - eye->y) + run->shift_y;
    float distance2 = dx * dx + dy * dy;
    if (place == eye->place || distance2 >= 1.0f) {
        return;
    }
    float near = puf_maxf(0.0f, 1.0f - distance2 * (1.0f / (BOIDS_NEAR * BOIDS_NEAR)));
    seen->count += 1.0f;
    seen->x += dx;
    seen->y += dy;
    seen->heading_x += eye->all.heading_x[place];
    seen->heading_y += eye->all.heading_y[place];
    seen->speed += eye->all.speed[place];
    seen->crowding += near;
    seen->out_x -= near * dx;
    seen->out_y -= near * dy;
    BoidsNearest* nearest = dx * eye->heading_x + dy * eye->heading_y >= 0.0f ? &seen->ahead : &seen->behind;
    if (distance2 < nearest->distance2) {
        nearest->distance2 = distance2;
        nearest->place = place;
    }
}

static inline void boids_add(BoidsSeen* seen, const BoidsSeen* more)
{
    seen->count += more->count;
    seen->x += more->x;
    seen->y += more->y;
    seen->heading_x += more->heading_x;
    seen->heading_y += more->heading_y;
    seen->speed += more->speed;
    seen->crowding += more->crowding;
    seen->out_x += more->out_x;
    seen->out_y += more->out_y;
}

static inline void boids_choose(BoidsNearest* nearest, BoidsNearest other)
{
    if (other.distance2 < nearest->distance2) {
        *nearest = other;
    }
}

// All in sight. Four sums take turns along each run and are added up at the end, so that
// boids_lanes.h can look at four places at a time and get the same bits: the result of adding floats
// depends on the order.
static inline BoidsSeen boids_look_around(const BoidsEye* eye, const BoidsCell* cell)
{
    BoidsSeen seen[BOIDS_LANES];
    memset(seen, 0, sizeof(seen));
    for (int32_t k = 0; k < BOIDS_LANES; k++) {
        seen[k].ahead.distance2 = seen[k].behind.distance2 = 1.0f;
        seen[k].ahead.place = seen[k].behind.place = -1;
    }
    for (int32_t r = 0; r < cell->count; r++) {
        const BoidsRun* run = &cell->runs[r];
        for (int32_t place = run->begin; place < run->end; place++) {
            boids_look_at(eye, &seen[(place - run->begin) % BOIDS_LANES], run, place);
        }
    }
    for (int32_t k = 1; k < BOIDS_LANES; k++) {
        boids_choose(&seen[0].ahead, seen[k].ahead);
        boids_choose(&seen[0].behind, seen[k].behind);
    }
    boids_add(&seen[0], &seen[2]);
    boids_add(&seen[1], &seen[3]);
    boids_add(&seen[0], &seen[1]);
    return seen[0];
}

#ifndef PUF_PLAIN
#include "boids_lanes.h"
#endif

// A vector of the world as the boid sees it.
static inline BoidsOwn boids_own(const BoidsEye* eye, float x, float y)
{
    BoidsOwn own = { x * eye->heading_x + y * eye->heading_y, x * eye->right_x + y * eye->right_y };
    return own;
}

static BoidsOther boids_see_neighbour(const Boids* s, const BoidsEye* eye, int32_t place)
{
    BoidsOther other = { { 0.0f, 0.0f }, { 0.0f, 0.0f } };
    if (place >= 0) {
        float dx = boids_shortest(eye->all.x[place] - eye->x, s->side);
        float dy = boids_shortest(eye->all.y[place] - eye->y, s->side);
        other.offset = boids_own(eye, dx, dy);
        other.heading = boids_own(eye, eye->all.heading_x[place], eye->all.heading_y[place]);
    }
    return other;
}

// The nearest predator in sight.
static BoidsOther boids_see_predator(const Boids* s, const BoidsEye* eye)
{
    BoidsOther other = { { 0.0f, 0.0f }, { 0.0f, 0.0f } };
    float least = BOIDS_WATCH * BOIDS_WATCH;
    for (int32_t k = 0; k < s->predators; k++) {
        const BoidsPredator* p = &s->predator[k];
        float distance2 = boids_distance2(s, eye->x, eye->y, p->x, p->y);
        if (distance2 < least) {
            least = distance2;
            float dx = boids_shortest(p->x - eye->x, s->side), dy = boids_shortest(p->y - eye->y, s->side);
            other.offset = boids_own(eye, dx * (1.0f / BOIDS_WATCH), dy * (1.0f / BOIDS_WATCH));
            other.heading = boids_own(eye, p->heading_x, p->heading_y);
        }
    }
    return other;
}

// What a boid sees, and how well it keeps the rules.
static void boids_see(Boids* s, const BoidsEye* eye, const BoidsCell* cell)
{
    BoidsSeen seen = PUF_LANES(boids_look_around)(eye, cell);
    int32_t id = boids_order(s)[eye->place];
    BoidsView* view = boids_view(s, id);
    const float speeds = BOIDS_MAX_SPEED - BOIDS_MIN_SPEED;
    float count = seen.count, share = count > 0.0f ? 1.0f / count : 0.0f;
    float pace = seen.speed * share - (count > 0.0f ? eye->speed : 0.0f);

    view->speed = (eye->speed - BOIDS_MIN_SPEED) * (2.0f / speeds) - 1.0f;
    view->company = puf_minf(count * (1.0f / BOIDS_COMPANY), 1.0f);
    view->centre = boids_own(eye, seen.x * share, seen.y * share);
    view->heading = boids_own(eye, seen.heading_x * share, seen.heading_y * share);
    view->pace = pace * (1.0f / speeds);
    view->crowding = puf_minf(seen.crowding, 1.0f);
    view->way_out = boids_own(eye, seen.out_x * (1.0f / BOIDS_NEAR), seen.out_y * (1.0f / BOIDS_NEAR));
    view->ahead = boids_see_neighbour(s, eye, seen.ahead.place);
    view->behind = boids_see_neighbour(s, eye, seen.behind.place);
    view->predator = boids_see_predator(s, eye);
    float* values = (float*)view;
    for (int32_t i = 0; i < BOIDS_VIEW; i++) {
        values[i] = puf_clampf(values[i], -1.0f, 1.0f); // most need it only after rounding
    }

    float x = view->centre.ahead, y = view->centre.right, off = puf_minf(sqrtf(x * x + y * y), 1.0f);
    int32_t apart = puf_minf(seen.ahead.distance2, seen.behind.distance2) >= BOIDS_TOUCH * BOIDS_TOUCH;
    int32_t flocks = (count >= BOIDS_FLOCK) & apart & (view->heading.ahead >= BOIDS_ALIGNED);
    BoidsTable table = boids_table(s);
    table.neighbours[id] = count;
    table.alignment[id] = view->heading.ahead;
    table.cohesion[id] = view->company * (1.0f - off);
    table.crowding[id] = view->crowding;
    table.flocking[id] = flocks ? 1.0f : 0.0f;
}

// All boids look around, cell by cell.
static void boids_look(Boids* s)
{
    boids_sort(s);
    const int32_t* starts = boids_starts(s);
    BoidsEye eye;
    eye.all = boids_sorted(s);
    for (int32_t row = 0; row < s->cells; row++) {
        for (int32_t column = 0; column < s->cells; column++) {
            int32_t bin = row * s->cells + column;
            if (starts[bin] == starts[bin + 1]) {
                continue;
            }
            BoidsCell cell;
            boids_find_runs(s, &cell, row, column);
            for (int32_t place = starts[bin]; place < starts[bin + 1]; place++) {
                eye.x = eye.all.x[place];
                eye.y = eye.all.y[place];
                eye.heading_x = eye.all.heading_x[place];
                eye.heading_y = eye.all.heading_y[place];
                eye.right_x = -eye.heading_y;
                eye.right_y = eye.heading_x;
                eye.speed = eye.all.speed[place];
                eye.place = place;
                boids_see(s, &eye, &cell);
            }
        }
    }
}

static void boids_observe(const Boids* s, PufIo io)
{
    memcpy(io.obs, boids_view(s, 0), (size_t)s->boids * sizeof(BoidsView));
}

// ---- Lives ----

static void boids_random_heading(Boids* s, float* x, float* y)
{
    puf_sincosf(2.0f * PUF_PI * puf_rand_float(&s->rng), y, x);
}

static int32_t boids_sees_predator(const Boids* s, float x, float y)
{
    for (int32_t k = 0; k < s->predators; k++) {
        if (boids_distance2(s, x, y, s->predator[k].x, s->predator[k].y) < BOIDS_WATCH * BOIDS_WATCH) {
            return 1;
        }
    }
    return 0;
}

// A new life at a random place, out of sight of predators if one is found in a few tries.
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
    BoidsTable table = boids_table(s);
    table.x[id] = x;
    table.y[id] = y;
    boids_random_heading(s, &table.heading_x[id], &table.heading_y[id]);
    table.speed[id] = puf_rand_range(&s->rng, BOIDS_MIN_SPEED, BOIDS_MAX_SPEED);
    table.age[id] = 0.0f;
    table.gain[id] = 0.0f;
    table.sum_neighbours[id] = 0.0f;
    table.sum_alignment[id] = 0.0f;
    table.sum_cohesion[id] = 0.0f;
    table.sum_crowding[id] = 0.0f;
    table.sum_flocking[id] = 0.0f;
}

static void boids_rest(BoidsPredator* p)
{
    p->prey = BOIDS_NOBODY;
    p->clock = (float)BOIDS_REST;
}

static void boids_reset(Boids* s)
{
    s->tick = 0;
    for (int32_t k = 0; k < s->predators; k++) {
        BoidsPredator* p = &s->predator[k];
        p->x = boids_wrap(puf_rand_float(&s->rng) * s->side, s->side);
        p->y = boids_wrap(puf_rand_float(&s->rng) * s->side, s->side);
        boids_random_heading(s, &p->heading_x, &p->heading_y);
        boids_rest(p);
    }
    for (int32_t id = 0; id < s->boids; id++) {
        boids_start(s, id);
    }
    boids_look(s);
}

static void boids_log(Boids* s, int32_t id, int32_t caught)
{
    BoidsTable table = boids_table(s);
    float age = table.age[id], flocking = table.sum_flocking[id];
    puf_log_episode(&s->log, flocking / age, flocking, table.gain[id], age);
    s->log_neighbours += table.sum_neighbours[id] / age;
    s->log_alignment += table.sum_alignment[id] / age;
    s->log_cohesion += table.sum_cohesion[id] / age;
    s->log_crowding += table.sum_crowding[id] / age;
    s->log_caught += (float)caught;
}

// ---- A step ----

// Turn a heading. One step of Newton's method for 1 / sqrt keeps its length at 1 in spite of rounding.
static inline void boids_turn(float* hx, float* hy, float cosine, float sine)
{
    float x = *hx * cosine - *hy * sine, y = *hy * cosine + *hx * sine;
    float scale = 1.5f - 0.5f * (x * x + y * y);
    *hx = x * scale;
    *hy = y * scale;
}

static void boids_fly(Boids* s, const int32_t* restrict actions)
{
    BoidsTable table = boids_table(s);
    float* restrict xs = table.x, * restrict ys = table.y, * restrict speeds = table.speed;
    float* restrict hxs = table.heading_x, * restrict hys = table.heading_y;
    float side = s->side;
    int32_t n = s->boids;
    for (int32_t i = 0; i < n; i++) {
        int32_t thrust = (actions[i] >= BOIDS_TURNS) + (actions[i] >= 2 * BOIDS_TURNS); // 0, 1, 2
        int32_t turn = actions[i] - BOIDS_TURNS * thrust;
        float cosine = turn == BOIDS_STRAIGHT ? 1.0f : BOIDS_TURN_COS;
        float sine = turn == BOIDS_LEFT ? -BOIDS_TURN_SIN : turn == BOIDS_RIGHT ? BOIDS_TURN_SIN : 0.0f;
        float hx = hxs[i], hy = hys[i];
        boids_turn(&hx, &hy, cosine, sine);
        float speed = puf_clampf(speeds[i] + (float)(thrust - 1) * BOIDS_THRUST, BOIDS_MIN_SPEED, BOIDS_MAX_SPEED);
        hxs[i] = hx;
        hys[i] = hy;
        speeds[i] = speed;
        xs[i] = boids_wrap(xs[i] + speed * hx, side);
        ys[i] = boids_wrap(ys[i] + speed * hy, side);
    }
}

// The boid that is near and has few neighbours.
static int32_t boids_choose_prey(const Boids* s, const BoidsPredator* p)
{
    BoidsTable table = boids_table(s);
    const float *x = table.x, *y = table.y, *company = table.neighbours;
    float least = boids_distance2(s, p->x, p->y, x[0], y[0]) * (1.0f + company[0]);
    int32_t prey = 0;
    for (int32_t i = 1; i < s->boids; i++) {
        float cost = boids_distance2(s, p->x, p->y, x[i], y[i]) * (1.0f + company[i]);
        prey = cost < least ? i : prey;
        least = puf_minf(cost, least);
    }
    return prey;
}

// Turn towards a point, as far as a predator can in one step. Returns its speed.
static float boids_turn_to(const Boids* s, BoidsPredator* p, float x, float y)
{
    float dx = boids_shortest(x - p->x, s->side), dy = boids_shortest(y - p->y, s->side);
    float distance = sqrtf(dx * dx + dy * dy);
    if (p->heading_x * dx + p->heading_y * dy < BOIDS_HUNT_COS * distance) {
        float sine = p->heading_x * dy - p->heading_y * dx < 0.0f ? -BOIDS_HUNT_SIN : BOIDS_HUNT_SIN;
        boids_turn(&p->heading_x, &p->heading_y, BOIDS_HUNT_COS, sine);
        return BOIDS_HUNT_SLOW;
    }
    if (distance > 0.0f) {
        p->heading_x = dx / distance;
        p->heading_y = dy / distance;
    }
    return BOIDS_HUNT_SPEED;
}

static void boids_next_task(const Boids* s, BoidsPredator* p)
{
    if (p->prey == BOIDS_NOBODY) {
        p->prey = (float)boids_choose_prey(s, p);
        p->clock = (float)BOIDS_HUNT;
    } else {
        boids_rest(p);
    }
}

static void boids_hunt(Boids* s, uint8_t* caught)
{
    BoidsTable table = boids_table(s);
    memset(caught, 0, (size_t)s->boids);
    for (int32_t k = 0; k < s->predators; k++) {
        BoidsPredator* p = &s->predator[k];
        if (p->clock <= 0.0f) {
            boids_next_task(s, p);
        }
        p->clock -= 1.0f;
        int32_t prey = (int32_t)p->prey;
        float speed = prey >= 0 ? boids_turn_to(s, p, table.x[prey], table.y[prey]) : BOIDS_HUNT_SLOW;
        p->x = boids_wrap(p->x + speed * p->heading_x, s->side);
        p->y = boids_wrap(p->y + speed * p->heading_y, s->side);
        if (prey >= 0 && boids_distance2(s, p->x, p->y, table.x[prey], table.y[prey]) < BOIDS_CATCH * BOIDS_CATCH) {
            caught[prey] = 1;
            boids_rest(p);
        }
    }
}

static void boids_add_row(int32_t n, const float* restrict now, float* restrict sum)
{
    for (int32_t i = 0; i < n; i++) {
        sum[i] += now[i];
    }
}

// Rewards, and the sums that are logged.
static void boids_score(Boids* s, PufIo io)
{
    BoidsTable table = boids_table(s);
    const float *aligned = table.alignment, *cohesion = table.cohesion, *crowding = table.crowding;
    float *gain = table.gain, *age = table.age;
    int32_t n = s->boids;
    for (int32_t i = 0; i < n; i++) {
        float kept = s->alignment * aligned[i] + s->cohesion * cohesion[i] - s->separation * crowding[i];
        float reward = io.terminals[i] ? s->reward_caught : kept;
        io.rewards[i] = reward;
        gain[i] += reward;
        age[i] += 1.0f;
    }
    boids_add_row(n, table.neighbours, table.sum_neighbours);
    boids_add_row(n, table.alignment, table.sum_alignment);
    boids_add_row(n, table.cohesion, table.sum_cohesion);
    boids_add_row(n, table.crowding, table.sum_crowding);
    boids_add_row(n, table.flocking, table.sum_flocking);
}

// End the lives of those who were caught, or of all when time is up (`late`).
static void boids_end_lives(Boids* s, PufIo io, int32_t late)
{
    int32_t ended = 0;
    for (int32_t id = 0; id < s->boids; id++) {
        int32_t caught = io.terminals[id];
        io.truncations[id] = (uint8_t)(late & !caught);
        if (caught | late) {
            memcpy((BoidsView*)io.final_obs + id, boids_view(s, id), sizeof(BoidsView));
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
    { "speed", 1, -1, 1, "-1 is the slowest, 1 the fastest" },
    { "company", 1, 0, 1, "neighbours / 6, at most 1" },
    { "centre", 2, -1, 1, "mean offset of the neighbours, sights: ahead, to the right" },
    { "heading", 2, -1, 1, "mean of their headings, as unit vectors" },
    { "pace", 1, -1, 1, "their mean speed minus its own, as a share of the range of speeds" },
    { "crowding", 1, 0, 1, "sum over neighbours within 0.4 sights of 1 - (distance / 0.4)^2, at most 1" },
    { "way_out", 2, -1, 1, "minus the sum of their offsets / 0.4, with the same weights" },
    { "ahead", 4, -1, 1, "nearest neighbour ahead: offset, sights; heading" },
    { "behind", 4, -1, 1, "nearest neighbour behind, in the same form" },
    { "predator", 4, -1, 1, "nearest predator within 2 sights: offset / 2; heading" },
};
static const PufAction boids_actions[] = {
    { "fly", BOIDS_ACTIONS, 0, 0,
      "left-slower slower right-slower left straight right left-faster faster right-faster" },
};
static const PufParam boids_params[] = {
    PUF_SETTING(Boids, boids, 64, 1, BOIDS_MAX_BOIDS, "boids in one world: these are its agents"),
    PUF_SETTING(BoidsSetup, density, 3, 1, 50,
                "neighbours in sight if all were spread evenly: sets the size of the world"),
    PUF_SETTING(Boids, predators, 0, 0, BOIDS_MAX_PREDATORS, "predators in one world"),
    PUF_SETTING(Boids, max_steps, 1000, 1, 1000000, "steps until all episodes are cut off"),
    PUF_SETTING(Boids, alignment, 0.4, 0, 10, "reward for the neighbours' heading"),
    PUF_SETTING(Boids, cohesion, 0.4, 0, 10, "reward for being in the middle of many"),
    PUF_SETTING(Boids, separation, 0.6, 0, 10, "penalty for being crowded"),
    PUF_SETTING(Boids, reward_caught, -1, -10, 10, "reward for being caught"),
};
// Of the rows of the table, in the order of BoidsTable, and of the columns of predators.
#define BOIDS_HEADING PUF_WITHIN(-1.01, 1.01)
#define BOIDS_SUM PUF_WITHIN(-1e12, 1e12)
static const PufRange boids_ranges[] = {
    PUF_WITHIN(0, 1e5),
    PUF_WITHIN(0, 1e5),
    BOIDS_HEADING,
    BOIDS_HEADING,
    PUF_WITHIN(BOIDS_MIN_SPEED, BOIDS_MAX_SPEED),
    PUF_BELOW(Boids, 0, boids, -1),
    PUF_WITHIN(-1, 1),
    PUF_WITHIN(0, 1),
    PUF_WITHIN(0, 1),
    PUF_WITHIN(0, 1),
    PUF_BELOW(Boids, 0, max_steps, 0),
    BOIDS_SUM,
    BOIDS_SUM,
    BOIDS_SUM,
    BOIDS_SUM,
    BOIDS_SUM,
    BOIDS_SUM,
};
static const PufRange boids_predator_ranges[] = {
    PUF_WITHIN(0, 1e5),
    PUF_WITHIN(0, 1e5),
    BOIDS_HEADING,
    BOIDS_HEADING,
    PUF_BELOW(Boids, BOIDS_NOBODY, boids, -1),
    PUF_WITHIN(-1, BOIDS_HUNT),
};
static const PufField boids_fields[] = {
    PUF_BLOCK(Boids, "table", PUF_F32, table_offset, table_rows, boids,
              "one column per boid: x, y, heading x, heading y, speed; neighbours, alignment, cohesion, crowding, "
              "whether it flocks; and over its life: steps, rewards, and sums of the five before",
              PUF_BY_ROW(boids_ranges)),
    { .name = "predator",
      .dtype = PUF_F32,
      .ndim = 2,
      .offset = offsetof(Boids, predator),
      .shape = { BOIDS_MAX_PREDATORS, sizeof(BoidsPredator) / sizeof(float) },
      .doc = "x, y, heading x, heading y; the boid it hunts, or -1 while it rests; steps left of that",
      PUF_BY_COLUMN(boids_predator_ranges) },
    PUF_SCALAR(Boids, boids, "boids in this world"),
    PUF_SCALAR(Boids, predators, "predators in this world"),
    PUF_SCALAR(Boids, side, "side of the world, sights", PUF_DERIVED),
    PUF_SCALAR(Boids, tick, "steps since the world began", PUF_UP_TO(Boids, max_steps)),
    PUF_SCALAR(Boids, max_steps, "steps until it starts again"),
    PUF_BLOCK(Boids, "views", PUF_F32, views_offset, boids, view_size, NULL),
    PUF_SCALAR(Boids, per_cell, NULL, PUF_DERIVED),
    PUF_SCALAR(Boids, cells, NULL, PUF_DERIVED),
    PUF_SCALAR(Boids, sorted_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Boids, bins_offset, NULL, PUF_DERIVED),
};

// In a state from a file, all are in the world. (What else is in the block, each step makes again before it is read.)
static const char* boids_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Boids* s = state;
    BoidsTable table = boids_table(s);
    for (int32_t i = 0; i < s->boids; i++) {
        if (!(table.x[i] <= s->side && table.y[i] <= s->side)) {
            return "table";
        }
    }
    for (int32_t k = 0; k < s->predators; k++) {
        if (!(s->predator[k].x <= s->side && s->predator[k].y <= s->side)) {
            return "predator";
        }
    }
    return NULL;
}
static const char* const boids_log_names[] = { "neighbours", "alignment", "cohesion", "crowding", "caught" };

// clang-format off
PUF_DEFINE_AGENTS_ENV(boids, Boids,
    .version = 1,
    .doc = "A flock: separation, alignment and cohesion are rewards; predators, if any, take stragglers.",
    .reward = "alignment * cosine to the neighbours' heading + cohesion * being in the middle of many - "
              "separation * crowding; reward_caught when caught",
    .ends = "terminal when a predator catches the boid, which starts again at once; all truncated after max_steps steps",
    .rate = 30,
    .obs_dtype = PUF_F32,
    .layout = { .agents = 64, .obs_ndim = 1, .obs_shape = { BOIDS_VIEW },
                PUF_ACTIONS(boids) },
    PUF_TABLES(boids),
    PUF_LOG_NAMES(boids),
    .setup_size = sizeof(BoidsSetup), .resize = boids_resize, .prepare = boids_prepare, .contradiction = boids_contradiction);
