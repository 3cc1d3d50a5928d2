// racer - a car on closed random tracks: as many laps as the time allows, on tyres that slide when asked too much.
//
// Observation  float32 (17 + whiskers,), all within [-1, 1]: how the car moves (speed forwards and sideways, spin, steering,
//              slip of the front and rear tyres), how it lies on the road (offset from the middle, sine and cosine of its
//              angle to the road), 8 notes of a co-driver (how sharp the road bends, some 10 m apart), and whiskers: how
//              far it is to the edge of the road in directions from 90 degrees left to 90 degrees right. (They mean
//              nothing in the last observation of a car that left the road.)
// Action       two numbers in [-1, 1]: steering (1 is to the right) and pedals (1 is full throttle, -1 full brakes).
// Reward       5 for a lap, in proportion to the way along the road that was never reached before; -1 for leaving the road.
// End          terminal when the middle of the car leaves the road; truncated after `max_steps` steps.
// Score        laps per minute of the time limit, that is 60 / lap time for who stays on the road; perf is laps times the
//              reference lap time of the track / time limit, at most 1. The reference is the lap time of an ideal car that
//              keeps to the middle of the road at the limit of its grip. lap.time is the mean of the laps driven, in s.
//
// Lengths are in metres, x to the right and y downwards; angles in radians, clockwise. A track is a ring of RACER_GATES
// gates: lines across the road, at equal distances along its middle. Two neighbouring gates and the edges between them are
// a convex cell of the road. The car knows its cell, and moves from one to the next only in order: that is what progress
// is counted in, and why nothing ever has to look at the whole track.
//
// The car has one wheel in front and one behind ("bicycle model"), and moves in ticks of 1/60 s. Its moment of inertia is
// mass * RACER_FRONT * RACER_REAR, as that of two masses at the axles. What each tyre is asked for, along and across, is
// cut to a circle: more of one is less of the other. The rear wheel drives, so that throttle in a bend makes the car drift.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

// The car.
#define RACER_TICK (1.0f / 60.0f) // s
#define RACER_GRAVITY 9.81f       // m/s^2
#define RACER_FRONT 1.43f         // m from the middle of the car to its front axle
#define RACER_REAR 1.17f          // m to the rear one
#define RACER_FRONT_LOAD 0.45f    // share of the weight: RACER_REAR / (RACER_FRONT + RACER_REAR)
#define RACER_REAR_LOAD 0.55f     //
#define RACER_ENGINE 8.0f         // m/s^2, at rest; less the faster, down to 0 at RACER_LAST_GEAR
#define RACER_LAST_GEAR 60.0f     // m/s
#define RACER_DRAG 0.0022f        // 1/m: m/s^2 per (m/s)^2
#define RACER_STIFF_FRONT 7.0f    // share of the grip per slip; at 1 / this, a tyre slides
#define RACER_STIFF_REAR 8.5f     //
#define RACER_SLOW 3.0f           // m/s, added to the speed in a slip: tyres are soft when they hardly roll
#define RACER_LOCK 0.6f           // rad of steering at rest
#define RACER_LOCK_SPEED 20.0f    // m/s at which only half of that is to be had
#define RACER_STEER_TICK 0.05f    // rad by which the steering moves in a tick: 3 rad/s

// The road.
#define RACER_CURVE_MARGIN 7.0f // m by which every bend's radius is greater than half the width of the road
#define RACER_VERGE 2.0f        // m at least between two parts of the road that run side by side
#define RACER_SIGHT 50.0f       // m that whiskers reach
// m of road, at most, along which a ray of that length can run. It is longer than the ray, because the ray cuts bends.
// The tests compare with all the edges of a track.
#define RACER_SIGHT_ROAD (1.15f * RACER_SIGHT + 8.0f)
#define RACER_NOTE_GAP 10.0f // m between notes, about

// What counts as 1 in observations, and rewards.
#define RACER_SHOWN_SPEED 40.0f    // m/s
#define RACER_SHOWN_SIDEWAYS 20.0f // m/s
#define RACER_SHOWN_SPIN 4.0f      // rad/s
#define RACER_SHOWN_SLIP 3.0f      // times the slip at which a tyre slides
#define RACER_LAP_REWARD 5.0f
#define RACER_OFF_REWARD -1.0f

enum {
    RACER_GATES = 128,
    RACER_AROUND = 24, // gates beyond both ends of the ring, stored once more so that views need not wrap around
    RACER_NOTES = 8,
    RACER_MOST_STRIDE = 3, // gates between notes
    RACER_AHEAD = RACER_NOTES * RACER_MOST_STRIDE + 1,
    RACER_MOST_WHISKERS = 32,
    RACER_RAYS = 16, // whiskers measured side by side
    RACER_MOTION = 9,
    RACER_OWN = RACER_MOTION + RACER_NOTES, // observations before the whiskers
    RACER_MOST_CELLS = 6,                   // that a car can pass in a step of RACER_MOST_FRAMESKIP ticks, at 50 m/s
    RACER_MOST_FRAMESKIP = 6,
    RACER_LANES = 32, // cars moved side by side; any number gives the same results
};
enum { RACER_STEER, RACER_PEDALS, RACER_CONTROLS };

typedef struct RacerPoint {
    float x, y;
} RacerPoint;

// Where a gate meets the edges of the road.
typedef struct RacerPosts {
    RacerPoint left, right;
} RacerPosts;

// The middle of a gate, and the unit vector along the road.
typedef struct RacerGate {
    RacerPoint middle, along;
} RacerGate;

typedef struct RacerTrack {
    float reference;                                  // s for a lap
    RacerPosts posts[RACER_GATES + 2 * RACER_AROUND]; // from those of gate -RACER_AROUND on
    RacerGate gates[RACER_GATES + 1];                 // the last is the first
    float bends[RACER_GATES + RACER_AHEAD + 1];       // least radius allowed / radius; positive to the right
} RacerTrack;

typedef struct RacerAssets {
    float rays_x[RACER_MOST_WHISKERS], rays_y[RACER_MOST_WHISKERS]; // unit vectors: forwards, to the right
    RacerTrack tracks[];
} RacerAssets;

// What the physics moves.
typedef struct RacerCar {
    float x, y, yaw;
    float vx, vy, spin;          // of the middle, m/s; rad/s
    float steering;              // rad
    float front_slip, rear_slip; // across; 1 is where a tyre begins to slide
} RacerCar;

typedef struct Racer {
    float x, y, yaw, vx, vy, spin, steering, front_slip, rear_slip; // as in RacerCar
    float pedals;                                                   // the last action
    int32_t track, cell;                                            // where the car is
    float within;                                                   // share of the cell that lies behind it
    int32_t passed, best_passed; // gates passed since the start line, less those passed backwards; and the most ever
    float best_within;           // share of the cell behind it then
    int32_t tick, laps;          // in this episode
    float clock, last_lap, best_lap; // s in this lap; of laps in this episode, or 0
    float episode_return;
    // settings, and what follows from them
    float grip, half_width;
    int32_t num_tracks, whiskers, frameskip, max_steps;
    int32_t view_cells; // that whiskers may reach
    int32_t stride;     // gates between notes
    // where the tables of the own track are in the assets
    int32_t track_at, posts_at, gates_at, one, posts_rows, gates_rows, columns;
    PufRng rng;
    PufLog log;
    float off, lap_n, lap_time; // after the five of PufLog: episodes that left the road; laps, and s in all of them
} Racer;

// What the tracks are made from.
typedef struct RacerSetup {
    Racer state;
    int32_t track_seed;
    float length, width; // m
} RacerSetup;

// ---- Tracks. ----

enum {
    RACER_KNOTS = 16,   // at most; at least half as many
    RACER_SPAN = 32,    // points of the curve from one knot to the next
    RACER_ROUNDS = 32,  // of smoothing
    RACER_BESIDE = 2,   // points on both sides of a sharp one that are smoothed with it
    RACER_TRIES = 16,   // each with less of a jitter than the one before, down to a circle
    RACER_STRAIGHT = 6, // gates before and behind the line that are to be straight
};
#define RACER_ANGLE_JITTER 0.4f   // of the angle between two knots
#define RACER_EASE 0.97f          // bends are smoothed until their curvature is this share of the greatest
#define RACER_RADIUS_JITTER 0.95f //

static float racer_hypot(float x, float y) { return sqrtf(x * x + y * y); }

// Knots around the origin, clockwise or, for every other track, counter-clockwise. Returns how many.
static int32_t racer_knots(RacerPoint* knots, float jitter, PufRng* rng)
{
    int32_t count = RACER_KNOTS / 2 + (int32_t)puf_rand_below(rng, RACER_KNOTS / 2 + 1);
    float side = puf_rand_below(rng, 2) ? 1.0f : -1.0f;
    float turn = puf_rand_range(rng, 0.0f, 2.0f * PUF_PI);
    for (int32_t i = 0; i < count; i++) {
        float off = RACER_ANGLE_JITTER * jitter * puf_rand_range(rng, -1.0f, 1.0f);
        float radius = 1.0f - RACER_RADIUS_JITTER * jitter * puf_rand_float(rng);
        float sine, cosine;
        puf_sincosf(turn + side * ((float)i + off) * (2.0f * PUF_PI / (float)count), &sine, &cosine);
        knots[i].x = radius * cosine;
        knots[i].y = radius * sine;
    }
    return count;
}

// The closed uniform cubic B-spline of the knots: smooth up to its curvature. Fills count * RACER_SPAN points.
static void racer_spline(const RacerPoint* knots, int32_t count, RacerPoint* curve)
{
    for (int32_t i = 0; i < count; i++) {
        const RacerPoint *a = &knots[i], *b = &knots[(i + 1) % count], *c = &knots[(i + 2) % count];
        const RacerPoint* d = &knots[(i + 3) % count];
        for (int32_t k = 0; k < RACER_SPAN; k++) {
            float t = (float)k / RACER_SPAN, r = 1.0f - t;
            float wa = r * r * r, wb = 4.0f - 3.0f * t * t * (2.0f - t), wc = 4.0f - 3.0f * r * r * (2.0f - r);
            float wd = t * t * t;
            curve[i * RACER_SPAN + k].x = (wa * a->x + wb * b->x + wc * c->x + wd * d->x) * (1.0f / 6.0f);
            curve[i * RACER_SPAN + k].y = (wa * a->y + wb * b->y + wc * c->y + wd * d->y) * (1.0f / 6.0f);
        }
    }
}

// RACER_GATES points at equal distances along the closed curve, scaled so that it is `length` long.
static void racer_spread(const RacerPoint* curve, int32_t count, float length, RacerPoint* points)
{
    float total = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        const RacerPoint* next = &curve[(i + 1) % count];
        total += racer_hypot(next->x - curve[i].x, next->y - curve[i].y);
    }
    float scale = length / total, gap = total / RACER_GATES, gone = 0.0f;
    int32_t made = 0;
    for (int32_t i = 0; i < count; i++) {
        const RacerPoint *from = &curve[i], *to = &curve[(i + 1) % count];
        float step = racer_hypot(to->x - from->x, to->y - from->y);
        while (made < RACER_GATES && (float)made * gap <= gone + step) {
            float share = puf_clampf(((float)made * gap - gone) / step, 0.0f, 1.0f);
            points[made].x = scale * (from->x + share * (to->x - from->x));
            points[made].y = scale * (from->y + share * (to->y - from->y));
            made += 1;
        }
        gone += step;
    }
}

// 1 / radius of the circle through three neighbouring points; positive where the road bends to the right.
static float racer_curvature(const RacerPoint* points, int32_t i)
{
    const RacerPoint* a = &points[(i + RACER_GATES - 1) % RACER_GATES];
    const RacerPoint *b = &points[i], *c = &points[(i + 1) % RACER_GATES];
    float ux = b->x - a->x, uy = b->y - a->y, vx = c->x - b->x, vy = c->y - b->y;
    return 2.0f * (ux * vy - uy * vx) / (racer_hypot(ux, uy) * racer_hypot(vx, vy) * racer_hypot(ux + vx, uy + vy));
}

static float racer_least_radius(float width) { return 0.5f * width + RACER_CURVE_MARGIN; }

// Round off the bends that are too sharp: move their points, and a few beside them, towards the middle of their
// neighbours. Returns whether there were any.
static int racer_smooth(RacerPoint* points, float radius)
{
    RacerPoint old[RACER_GATES];
    uint8_t sharp[RACER_GATES];
    int any = 0;
    for (int32_t i = 0; i < RACER_GATES; i++) {
        sharp[i] = fabsf(racer_curvature(points, i)) * radius > RACER_EASE;
        any |= sharp[i];
    }
    memcpy(old, points, sizeof(old));
    for (int32_t i = 0; any && i < RACER_GATES; i++) {
        const RacerPoint *before = &old[(i + RACER_GATES - 1) % RACER_GATES], *after = &old[(i + 1) % RACER_GATES];
        int touched = 0;
        for (int32_t k = -RACER_BESIDE; k <= RACER_BESIDE; k++) {
            touched |= sharp[(i + k + RACER_GATES) % RACER_GATES];
        }
        if (touched) {
            points[i].x = 0.5f * old[i].x + 0.25f * (before->x + after->x);
            points[i].y = 0.5f * old[i].y + 0.25f * (before->y + after->y);
        }
    }
    return any;
}

// How much a track turns, in both directions together: a circle 2 pi. 0 if it cannot be driven: if a bend is too sharp, or
// two parts of the road are too close that are so far apart along it that it may turn back between them. (Nearer ones
// cannot touch, because every bend's radius is greater than half the width.)
static float racer_turning(const RacerPoint* points, const RacerSetup* setup)
{
    float radius = racer_least_radius(setup->width), turning = 0.0f;
    float gap = setup->length / RACER_GATES;
    float apart = setup->width + RACER_VERGE;
    int32_t near = (int32_t)(PUF_PI * radius / gap);
    for (int32_t i = 0; i < RACER_GATES; i++) {
        float curvature = fabsf(racer_curvature(points, i));
        turning += curvature * gap;
        if (curvature * radius > 1.0f) {
            return 0.0f;
        }
    }
    for (int32_t i = 0; i < RACER_GATES; i++) {
        for (int32_t k = i + near; k < RACER_GATES && k <= i + RACER_GATES - near; k++) {
            float dx = points[k].x - points[i].x, dy = points[k].y - points[i].y;
            if (dx * dx + dy * dy < apart * apart) {
                return 0.0f;
            }
        }
    }
    return turning;
}

// The gate with the straightest road around it.
static int32_t racer_start_line(const RacerPoint* points)
{
    int32_t best = 0;
    float least = 0.0f;
    for (int32_t i = 0; i < RACER_GATES; i++) {
        float bent = 0.0f;
        for (int32_t k = -RACER_STRAIGHT; k <= RACER_STRAIGHT; k++) {
            bent += fabsf(racer_curvature(points, (i + k + RACER_GATES) % RACER_GATES));
        }
        if (i == 0 || bent < least) {
            least = bent;
            best = i;
        }
    }
    return best;
}

// What is left, along the road, of a grip in m/s^2 of which a bend takes its part.
static float racer_left_over(float grip, float v, float curvature)
{
    float across = v * v * fabsf(curvature);
    return sqrtf(puf_maxf(grip * grip - across * across, 0.0f));
}

static float racer_thrust(float v)
{
    return RACER_ENGINE * puf_clampf(1.0f - v * (1.0f / RACER_LAST_GEAR), 0.0f, 1.0f);
}

// The lap time of an ideal car in the middle of the road: as fast in each bend as its grip allows, and between bends as
// its engine and its brakes allow. Twice around, because the speed at the line is what the first lap finds it to be.
static float racer_reference(const RacerPoint* points, float gap, float mu)
{
    float grip = mu * RACER_GRAVITY, v[RACER_GATES], bend[RACER_GATES], time = 0.0f;
    for (int32_t i = 0; i < RACER_GATES; i++) {
        bend[i] = racer_curvature(points, i);
        v[i] = sqrtf(puf_minf(grip / puf_maxf(fabsf(bend[i]), 1e-6f), RACER_LAST_GEAR * RACER_LAST_GEAR));
    }
    for (int32_t k = 0; k < 2 * RACER_GATES; k++) {
        int32_t i = k % RACER_GATES, next = (k + 1) % RACER_GATES;
        float drive = puf_minf(racer_thrust(v[i]), RACER_REAR_LOAD * racer_left_over(grip, v[i], bend[i]));
        float square = v[i] * v[i] + 2.0f * gap * (drive - RACER_DRAG * v[i] * v[i]);
        v[next] = puf_minf(v[next], sqrtf(puf_maxf(square, 1.0f)));
    }
    for (int32_t k = 2 * RACER_GATES; k > 0; k--) {
        int32_t i = k % RACER_GATES, before = (k - 1) % RACER_GATES;
        float brakes = racer_left_over(grip, v[i], bend[i]) + RACER_DRAG * v[i] * v[i];
        v[before] = puf_minf(v[before], sqrtf(v[i] * v[i] + 2.0f * gap * brakes));
    }
    for (int32_t i = 0; i < RACER_GATES; i++) {
        time += 2.0f * gap / (v[i] + v[(i + 1) % RACER_GATES]);
    }
    return time;
}

// From the points of the middle, the first of which is the start line.
static void racer_build(RacerTrack* track, const RacerPoint* points, const RacerSetup* setup)
{
    float half = 0.5f * setup->width;
    for (int32_t i = 0; i <= RACER_GATES; i++) {
        const RacerPoint* before = &points[(i + RACER_GATES - 1) % RACER_GATES];
        const RacerPoint* after = &points[(i + 1) % RACER_GATES];
        float x = after->x - before->x, y = after->y - before->y, size = racer_hypot(x, y);
        track->gates[i].middle.x = points[i % RACER_GATES].x;
        track->gates[i].middle.y = points[i % RACER_GATES].y;
        track->gates[i].along.x = x / size;
        track->gates[i].along.y = y / size;
    }
    for (int32_t i = 0; i < RACER_GATES + 2 * RACER_AROUND; i++) {
        const RacerGate* gate = &track->gates[(i + RACER_GATES - RACER_AROUND) % RACER_GATES];
        float right_x = -half * gate->along.y, right_y = half * gate->along.x;
        track->posts[i].left.x = gate->middle.x - right_x;
        track->posts[i].left.y = gate->middle.y - right_y;
        track->posts[i].right.x = gate->middle.x + right_x;
        track->posts[i].right.y = gate->middle.y + right_y;
    }
    for (int32_t i = 0; i <= RACER_GATES + RACER_AHEAD; i++) {
        track->bends[i] = racer_curvature(points, i % RACER_GATES) * racer_least_radius(setup->width);
    }
    track->reference = racer_reference(points, setup->length / RACER_GATES, setup->state.grip);
}

// The twistiest of several random curves.
static void racer_make_track(RacerTrack* track, const RacerSetup* setup, PufRng rng)
{
    RacerPoint knots[RACER_KNOTS], curve[RACER_KNOTS * RACER_SPAN], points[RACER_GATES], best[RACER_GATES];
    float length = setup->length, radius = racer_least_radius(setup->width), most = -1.0f;
    for (int32_t attempt = 0; attempt <= RACER_TRIES; attempt++) {
        int32_t count = racer_knots(knots, 1.0f - (float)attempt / RACER_TRIES, &rng);
        racer_spline(knots, count, curve);
        racer_spread(curve, count * RACER_SPAN, length, points);
        for (int32_t round = 0; round < RACER_ROUNDS && racer_smooth(points, radius); round++) {
            memcpy(curve, points, sizeof(points));
            racer_spread(curve, RACER_GATES, length, points);
        }
        float turning = racer_turning(points, setup);
        if (turning > most) {
            most = turning;
            memcpy(best, points, sizeof(points));
        }
    }
    int32_t line = racer_start_line(best);
    for (int32_t i = 0; i < RACER_GATES; i++) {
        points[i].x = best[(line + i) % RACER_GATES].x;
        points[i].y = best[(line + i) % RACER_GATES].y;
    }
    racer_build(track, points, setup);
}

static void racer_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    RacerAssets* a = assets;
    const RacerSetup* given = setup;
    int32_t whiskers = given->state.whiskers;
    for (int32_t i = 0; i < RACER_MOST_WHISKERS; i++) { // those beyond the last look where the last does
        float share = (float)puf_clampi(i, 0, whiskers - 1) / (float)(whiskers - 1);
        puf_sincosf(PUF_PI * (share - 0.5f), &a->rays_y[i], &a->rays_x[i]);
    }
    for (int32_t t = 0; t < given->state.num_tracks; t++) {
        racer_make_track(&a->tracks[t], given, puf_rng_seed((uint64_t)given->track_seed, (uint64_t)t));
    }
}

static void racer_resize(PufLayout* layout, const void* setup)
{
    const RacerSetup* given = setup;
    layout->obs_shape[0] = RACER_OWN + given->state.whiskers;
    layout->assets_size = sizeof(RacerAssets) + (uint64_t)given->state.num_tracks * sizeof(RacerTrack);
}

// ---- Episodes. ----

static void racer_prepare(void* setup)
{
    RacerSetup* given = setup;
    Racer* s = &given->state;
    float gap = given->length / RACER_GATES;
    s->half_width = 0.5f * given->width;
    s->view_cells = (int32_t)(RACER_SIGHT_ROAD / gap) + 2;
    s->stride = (int32_t)(RACER_NOTE_GAP / gap + 0.5f);
    s->one = 1;
    s->columns = 4;
    s->posts_rows = RACER_GATES + 2 * RACER_AROUND;
    s->gates_rows = RACER_GATES + 1;
}

static const RacerTrack* racer_track(const Racer* s, const void* assets)
{
    return &((const RacerAssets*)assets)->tracks[s->track];
}

// On a random track: at rest behind the start line, somewhere across the road.
static void racer_reset(Racer* s, const void* assets)
{
    s->track = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->num_tracks);
    const RacerTrack* track = racer_track(s, assets);
    s->track_at = (int32_t)((const uint8_t*)track - (const uint8_t*)assets);
    s->posts_at = s->track_at + (int32_t)offsetof(RacerTrack, posts);
    s->gates_at = s->track_at + (int32_t)offsetof(RacerTrack, gates);

    const RacerGate *behind = &track->gates[RACER_GATES - 1], *line = &track->gates[0];
    float across = puf_rand_range(&s->rng, -0.5f, 0.5f) * s->half_width;
    s->x = 0.5f * (behind->middle.x + line->middle.x) - across * line->along.y;
    s->y = 0.5f * (behind->middle.y + line->middle.y) + across * line->along.x;
    s->yaw = puf_atan2f(line->along.y, line->along.x);
    s->vx = 0.0f;
    s->vy = 0.0f;
    s->spin = 0.0f;
    s->steering = 0.0f;
    s->front_slip = 0.0f;
    s->rear_slip = 0.0f;
    s->pedals = 0.0f;
    s->cell = RACER_GATES - 1;
    s->within = 0.5f;
    s->passed = -1;
    s->best_passed = -1;
    s->best_within = 0.5f;
    s->tick = 0;
    s->laps = 0;
    s->clock = 0.0f;
    s->last_lap = 0.0f;
    s->best_lap = 0.0f;
    s->episode_return = 0.0f;
}

// ---- The car. ----

// One tick. Without branches, so that compilers turn a loop over cars into vector instructions.
static inline RacerCar racer_move(RacerCar car, float steer, float pedals, float mu)
{
    const float grip = mu * RACER_GRAVITY;
    float sine, cosine, wheel_sine, wheel_cosine;
    puf_sincosf(car.yaw, &sine, &cosine);
    float ahead = car.vx * cosine + car.vy * sine; // m/s forwards
    float aside = car.vy * cosine - car.vx * sine; // m/s to the right

    float goal = steer * (RACER_LOCK * RACER_LOCK_SPEED) / (RACER_LOCK_SPEED + fabsf(ahead));
    car.steering += puf_clampf(goal - car.steering, -RACER_STEER_TICK, RACER_STEER_TICK);
    puf_sincosf(car.steering, &wheel_sine, &wheel_cosine);

    // How the ground moves under the wheels, and what is asked of them as shares of their grip.
    float front_aside = aside + RACER_FRONT * car.spin, rear_aside = aside - RACER_REAR * car.spin;
    float rolling = ahead * wheel_cosine + front_aside * wheel_sine;
    float slipping = front_aside * wheel_cosine - ahead * wheel_sine;
    float front_across = -RACER_STIFF_FRONT * slipping / (fabsf(rolling) + RACER_SLOW);
    float rear_across = -RACER_STIFF_REAR * rear_aside / (fabsf(ahead) + RACER_SLOW);
    float brakes = puf_maxf(-pedals, 0.0f), stop = 1.0f / (grip * RACER_TICK); // no more than it takes to stop
    float front_along = -puf_clampf(rolling * stop, -brakes, brakes);
    float rear_along = -puf_clampf(ahead * stop, -brakes, brakes);
    float thrust = RACER_ENGINE * puf_clampf(1.0f - ahead * (1.0f / RACER_LAST_GEAR), 0.0f, 1.0f);
    rear_along += puf_maxf(pedals, 0.0f) * thrust / (grip * RACER_REAR_LOAD);
    car.front_slip = front_across;
    car.rear_slip = rear_across;

    // The friction circle.
    float front =
        grip * RACER_FRONT_LOAD / puf_maxf(1.0f, sqrtf(front_along * front_along + front_across * front_across));
    float rear = grip * RACER_REAR_LOAD / puf_maxf(1.0f, sqrtf(rear_along * rear_along + rear_across * rear_across));
    front_along *= front;
    front_across *= front;
    rear_along *= rear;
    rear_across *= rear;

    // Accelerations of the middle, then of the spin.
    float push = front_along * wheel_cosine - front_across * wheel_sine;
    float pull = front_along * wheel_sine + front_across * wheel_cosine;
    float forwards = push + rear_along - RACER_DRAG * fabsf(ahead) * ahead;
    float sideways = pull + rear_across;
    car.vx += RACER_TICK * (forwards * cosine - sideways * sine);
    car.vy += RACER_TICK * (forwards * sine + sideways * cosine);
    car.spin += RACER_TICK * (pull * (1.0f / RACER_REAR) - rear_across * (1.0f / RACER_FRONT));

    car.x += RACER_TICK * car.vx;
    car.y += RACER_TICK * car.vy;
    car.yaw += RACER_TICK * car.spin;
    car.yaw -= car.yaw > PUF_PI ? 2.0f * PUF_PI : 0.0f;
    car.yaw += car.yaw < -PUF_PI ? 2.0f * PUF_PI : 0.0f;
    return car;
}

// How far the car is beyond a gate, in m.
static inline float racer_beyond(const Racer* s, const RacerGate* gate)
{
    return (s->x - gate->middle.x) * gate->along.x + (s->y - gate->middle.y) * gate->along.y;
}

// Find the car's cell, not far from where it was, and where it is in there.
static void racer_locate(Racer* s, const RacerTrack* track)
{
    float behind = racer_beyond(s, &track->gates[s->cell]), ahead = racer_beyond(s, &track->gates[s->cell + 1]);
    for (int moves = 0; ahead >= 0.0f && moves < RACER_MOST_CELLS; moves++) {
        s->cell = s->cell == RACER_GATES - 1 ? 0 : s->cell + 1;
        s->passed += 1;
        behind = ahead;
        ahead = racer_beyond(s, &track->gates[s->cell + 1]);
    }
    for (int moves = 0; behind < 0.0f && moves < RACER_MOST_CELLS; moves++) {
        s->cell = s->cell == 0 ? RACER_GATES - 1 : s->cell - 1;
        s->passed -= 1;
        ahead = behind;
        behind = racer_beyond(s, &track->gates[s->cell]);
    }
    s->within = puf_clampf(behind / (behind - ahead), 0.0f, 1.0f);
}

// Whether the car's middle has left its cell over an edge of the road.
static int racer_is_off(const Racer* s, const RacerTrack* track)
{
    const RacerPosts *near = &track->posts[RACER_AROUND + s->cell], *far = near + 1;
    float left =
        (far->left.x - near->left.x) * (s->y - near->left.y) - (far->left.y - near->left.y) * (s->x - near->left.x);
    float right = (far->right.x - near->right.x) * (s->y - near->right.y) -
                  (far->right.y - near->right.y) * (s->x - near->right.x);
    return (left < 0.0f) | (right > 0.0f);
}

static float racer_step_seconds(const Racer* s) { return (float)s->frameskip * RACER_TICK; }

static void racer_log(Racer* s, const RacerTrack* track, int off)
{
    float laps = ((float)(s->best_passed + 1) + s->best_within - 0.5f) * (1.0f / RACER_GATES);
    float limit = (float)s->max_steps * racer_step_seconds(s);
    puf_log_episode(&s->log, puf_clampf(laps * track->reference / limit, 0.0f, 1.0f), 60.0f * laps / limit,
                    s->episode_return, (float)s->tick);
    s->off += (float)off;
}

// A lap is over: when in this step the car crossed the line follows from how far it is beyond.
static void racer_lap(Racer* s, float progress)
{
    float beyond = (float)(s->best_passed - (s->laps + 1) * RACER_GATES) + s->best_within;
    float since = racer_step_seconds(s) * puf_minf(beyond / progress, 1.0f);
    s->laps += 1;
    s->last_lap = s->clock - since;
    s->best_lap = s->laps == 1 ? s->last_lap : puf_minf(s->best_lap, s->last_lap);
    s->clock = since;
    s->lap_n += 1.0f;
    s->lap_time += s->last_lap;
}

// After the car moved: progress, laps, the end.
static void racer_judge(Racer* s, PufIo io)
{
    const RacerTrack* track = racer_track(s, io.assets);
    racer_locate(s, track);
    s->tick += 1;
    s->clock += racer_step_seconds(s);

    int off = racer_is_off(s, track);
    int late = !off & (s->tick >= s->max_steps);
    float progress = (float)(s->passed - s->best_passed) + (s->within - s->best_within);
    if (progress > 0.0f && !off) {
        s->best_passed = s->passed;
        s->best_within = s->within;
        if (s->best_passed >= (s->laps + 1) * RACER_GATES) {
            racer_lap(s, progress);
        }
    } else {
        progress = 0.0f;
    }
    float reward = off ? RACER_OFF_REWARD : progress * (RACER_LAP_REWARD / RACER_GATES);
    s->episode_return += reward;
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)off;
    io.truncations[0] = (uint8_t)late;
    if (off | late) {
        racer_log(s, track, off);
    }
}

// ---- What the agent sees. ----

// Rays from the car, and where they leave the road: the distance to there is top / bottom.
typedef struct RacerRays {
    float x[RACER_RAYS], y[RACER_RAYS]; // unit vectors
    float top[RACER_RAYS], bottom[RACER_RAYS];
    int32_t on[RACER_RAYS]; // -1: has met no edge yet; 0: has, or went the other way
} RacerRays;

// A gate as the car sees it, and on which side of each ray its posts are: positive is clockwise of it.
typedef struct RacerView {
    RacerPoint left, right;
    float of_left[RACER_RAYS], of_right[RACER_RAYS];
} RacerView;

static inline void racer_view(RacerView* view, const RacerRays* rays, const Racer* s, RacerPoint left, RacerPoint right)
{
    float lx = left.x - s->x, ly = left.y - s->y, rx = right.x - s->x, ry = right.y - s->y;
    view->left.x = lx;
    view->left.y = ly;
    view->right.x = rx;
    view->right.y = ry;
    for (int i = 0; i < RACER_RAYS; i++) {
        view->of_left[i] = rays->x[i] * ly - rays->y[i] * lx;
        view->of_right[i] = rays->x[i] * ry - rays->y[i] * rx;
    }
}

// Twice the area between the car and a straight edge. Divided by how far the ends of the edge are apart across a ray, it
// is the distance along that ray to the edge.
static inline float racer_area(RacerPoint from, RacerPoint to) { return from.x * to.y - from.y * to.x; }

// The car's own cell: each ray leaves it between two of its four corners. Puts the rays on that leave by the gate ahead,
// and those that leave by the one behind into `back`; returns whether there are any of the latter.
static inline int32_t racer_leave_cell(RacerRays* rays, const RacerView* near, const RacerView* far, int32_t* back)
{
    float left_area = racer_area(near->left, far->left), right_area = racer_area(far->right, near->right);
    int32_t any = 0;
    for (int i = 0; i < RACER_RAYS; i++) {
        int left = (near->of_left[i] < 0.0f) & (far->of_left[i] >= 0.0f);
        int right = (far->of_right[i] <= 0.0f) & (near->of_right[i] > 0.0f);
        float left_across = far->of_left[i] - near->of_left[i], right_across = near->of_right[i] - far->of_right[i];
        float area = left ? left_area : right_area, across = left ? left_across : right_across;
        rays->top[i] = (left | right) ? area : RACER_SIGHT;
        rays->bottom[i] = (left | right) ? across : 1.0f;
        rays->on[i] = -((far->of_left[i] < 0.0f) & (far->of_right[i] > 0.0f));
        back[i] = -((near->of_right[i] <= 0.0f) & (near->of_left[i] >= 0.0f));
        any |= back[i];
    }
    return any;
}

// Rays that entered a cell by the gate `near` leave it by the gate `far`, or meet an edge. Returns whether any are still on.
static inline int32_t racer_cross_cell(RacerRays* rays, const RacerView* near, const RacerView* far)
{
    float left_area = racer_area(near->left, far->left), right_area = racer_area(far->right, near->right);
    int32_t any = 0;
    for (int i = 0; i < RACER_RAYS; i++) {
        int left = far->of_left[i] >= 0.0f, right = far->of_right[i] <= 0.0f;
        float left_across = far->of_left[i] - near->of_left[i], right_across = near->of_right[i] - far->of_right[i];
        float area = left ? left_area : right_area, across = left ? left_across : right_across;
        int32_t met = rays->on[i] & -(left | right);
        rays->top[i] = met ? area : rays->top[i];
        rays->bottom[i] = met ? across : rays->bottom[i];
        rays->on[i] &= ~met;
        any |= rays->on[i];
    }
    return any;
}

// From the car's cell on, cell by cell, as far as RACER_SIGHT may reach. Two cells at a time: views take turns.
static inline void racer_look_ahead(RacerRays* rays, const Racer* s, const RacerPosts* posts, RacerView* far)
{
    RacerView next;
    for (int32_t k = 2; k < s->view_cells; k += 2) {
        racer_view(&next, rays, s, posts[k].left, posts[k].right);
        racer_cross_cell(rays, far, &next);
        racer_view(far, rays, s, posts[k + 1].left, posts[k + 1].right);
        if (!racer_cross_cell(rays, &next, far)) {
            return;
        }
    }
}

// The same backwards, where the left edge is on the right.
static inline void racer_look_back(RacerRays* rays, const Racer* s, const RacerPosts* posts)
{
    RacerView near, far;
    racer_view(&near, rays, s, posts[0].right, posts[0].left);
    for (int32_t k = 1; k < s->view_cells; k++) {
        racer_view(&far, rays, s, posts[-k].right, posts[-k].left);
        if (!racer_cross_cell(rays, &near, &far)) {
            return;
        }
        near = far;
    }
}

// The distances from the car to the edges of the road along its whiskers, as shares of RACER_SIGHT.
static inline void racer_measure(const Racer* s, const RacerAssets* assets, float sine, float cosine, float* obs)
{
    enum { N = RACER_RAYS };
    const RacerPosts* posts = &assets->tracks[s->track].posts[RACER_AROUND + s->cell];
    for (int32_t first = 0; first < s->whiskers; first += N) {
        const float *forwards = assets->rays_x + first, *sideways = assets->rays_y + first;
        RacerRays rays;
        RacerView near, far;
        int32_t back[N];
        for (int i = 0; i < N; i++) {
            rays.x[i] = forwards[i] * cosine - sideways[i] * sine;
            rays.y[i] = forwards[i] * sine + sideways[i] * cosine;
        }
        racer_view(&near, &rays, s, posts[0].left, posts[0].right);
        racer_view(&far, &rays, s, posts[1].left, posts[1].right);
        int32_t any_back = racer_leave_cell(&rays, &near, &far, back);
        racer_look_ahead(&rays, s, posts, &far);
        if (any_back) {
            memcpy(rays.on, back, sizeof(back));
            racer_look_back(&rays, s, posts);
        }
        float distance[N];
        for (int i = 0; i < N; i++) {
            distance[i] = puf_clampf(rays.top[i] / rays.bottom[i] * (1.0f / RACER_SIGHT), 0.0f, 1.0f);
        }
        memcpy(obs + first, distance, (size_t)puf_clampi(s->whiskers - first, 0, N) * sizeof(float));
    }
}

static inline float racer_shown(float value, float one) { return puf_clampf(value * (1.0f / one), -1.0f, 1.0f); }

static void racer_observe(const Racer* s, PufIo io)
{
    const RacerAssets* assets = io.assets;
    const RacerTrack* track = &assets->tracks[s->track];
    const RacerGate *gate = &track->gates[s->cell], *next = gate + 1;
    float* obs = io.obs;
    float sine, cosine, within = s->within;
    puf_sincosf(s->yaw, &sine, &cosine);

    // The direction and the middle of the road here: between those of the two gates.
    float along_x = gate->along.x + within * (next->along.x - gate->along.x);
    float along_y = gate->along.y + within * (next->along.y - gate->along.y);
    float dx = s->x - gate->middle.x - within * (next->middle.x - gate->middle.x);
    float dy = s->y - gate->middle.y - within * (next->middle.y - gate->middle.y);
    float facing = along_x * cosine + along_y * sine;

    obs[0] = racer_shown(s->vx * cosine + s->vy * sine, RACER_SHOWN_SPEED);
    obs[1] = racer_shown(s->vy * cosine - s->vx * sine, RACER_SHOWN_SIDEWAYS);
    obs[2] = racer_shown(s->spin, RACER_SHOWN_SPIN);
    obs[3] = racer_shown(s->steering, RACER_LOCK);
    obs[4] = racer_shown(s->front_slip, RACER_SHOWN_SLIP);
    obs[5] = racer_shown(s->rear_slip, RACER_SHOWN_SLIP);
    obs[6] = puf_clampf((along_x * dy - along_y * dx) / s->half_width, -1.0f, 1.0f);
    obs[7] = puf_clampf(along_x * sine - along_y * cosine, -1.0f, 1.0f);
    obs[8] = puf_clampf(facing, -1.0f, 1.0f);
    const float* bends = &track->bends[s->cell];
    for (int i = 0; i < RACER_NOTES; i++) {
        const float* bend = bends + (i + 1) * s->stride;
        obs[RACER_MOTION + i] = puf_clampf(bend[0] + within * (bend[1] - bend[0]), -1.0f, 1.0f);
    }
    racer_measure(s, assets, sine, cosine, obs + RACER_OWN);
}

// ---- The batch: cars move side by side, then each one is judged. ----

static void racer_move_lanes(Racer* s, int32_t n, const float* controls)
{
    enum { N = RACER_LANES };
    float steer[N], pedals[N], mu = s[0].grip;
    float x[N], y[N], yaw[N], vx[N], vy[N], spin[N], steering[N], front_slip[N], rear_slip[N];
    for (int i = 0; i < N; i++) { // lanes without a car move the last one once more
        const Racer* car = &s[i < n ? i : n - 1];
        const float* control = &controls[RACER_CONTROLS * (i < n ? i : n - 1)];
        x[i] = car->x;
        y[i] = car->y;
        yaw[i] = car->yaw;
        vx[i] = car->vx;
        vy[i] = car->vy;
        spin[i] = car->spin;
        steering[i] = car->steering;
        steer[i] = control[RACER_STEER];
        pedals[i] = control[RACER_PEDALS];
    }
    for (int32_t tick = 0; tick < s[0].frameskip; tick++) {
        for (int i = 0; i < N; i++) {
            RacerCar car = { x[i], y[i], yaw[i], vx[i], vy[i], spin[i], steering[i], 0.0f, 0.0f };
            car = racer_move(car, steer[i], pedals[i], mu);
            x[i] = car.x;
            y[i] = car.y;
            yaw[i] = car.yaw;
            vx[i] = car.vx;
            vy[i] = car.vy;
            spin[i] = car.spin;
            steering[i] = car.steering;
            front_slip[i] = car.front_slip;
            rear_slip[i] = car.rear_slip;
        }
    }
    for (int32_t i = 0; i < n; i++) {
        s[i].x = x[i];
        s[i].y = y[i];
        s[i].yaw = yaw[i];
        s[i].vx = vx[i];
        s[i].vy = vy[i];
        s[i].spin = spin[i];
        s[i].steering = steering[i];
        s[i].front_slip = front_slip[i];
        s[i].rear_slip = rear_slip[i];
        s[i].pedals = pedals[i];
    }
}

static void racer_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    Racer* s = states;
    for (int32_t first = 0; first < n; first += RACER_LANES) {
        racer_move_lanes(s + first, n - first < RACER_LANES ? n - first : RACER_LANES,
                         io.controls + RACER_CONTROLS * first);
        for (int32_t i = first; i < n && i < first + RACER_LANES; i++) {
            PufIo row = puf_row(layout, PUF_F32, io, i);
            racer_judge(&s[i], row);
            if (row.terminals[0] | row.truncations[0]) {
                racer_observe(&s[i], puf_final(row));
                racer_reset(&s[i], io.assets);
            }
            racer_observe(&s[i], row);
        }
    }
}

static const PufObs racer_obs[] = {
    { "speed", 1, -1, 1, "forwards, in 40 m/s" },
    { "sideways", 1, -1, 1, "speed to the right, in 20 m/s" },
    { "spin", 1, -1, 1, "clockwise, in 4 rad/s" },
    { "steering", 1, -1, 1, "angle of the front wheel to the right, as a share of the greatest" },
    { "front_slip", 1, -1, 1, "of the front tyre; it slides from 1/3 on" },
    { "rear_slip", 1, -1, 1, "of the rear tyre; it slides from 1/3 on" },
    { "offset", 1, -1, 1, "from the middle of the road; -1 is its left edge, 1 its right one" },
    { "angle_sine", 1, -1, 1, "of the car's direction to that of the road; positive is to the right" },
    { "angle_cosine", 1, -1, 1, "likewise; -1 faces backwards" },
    { "bends", RACER_NOTES, -1, 1,
      "least radius / radius of the road at 8 gates ahead, about 10 m apart; positive is to the right" },
    { "whiskers", 0, 0, 1, "distance to the edge of the road, in 50 m, from 90 degrees left to 90 degrees right" },
};
static const PufAction racer_actions[] = {
    { "steer", 0, -1, 1, "share of the lock, to the right" },
    { "pedals", 0, -1, 1, "throttle; negative: brakes" },
};
static const PufParam racer_params[] = {
    PUF_SETTING(Racer, num_tracks, 128, 1, 4096, "random tracks, one of which is drawn for each episode", .fixed = 1),
    PUF_SETTING(RacerSetup, track_seed, 1, 0, 2147483647, "which tracks these are", .fixed = 1),
    PUF_SETTING(RacerSetup, length, 600, 400, 800, "of a lap, m", .fixed = 1),
    PUF_SETTING(RacerSetup, width, 10, 6, 14, "of the road, m", .fixed = 1),
    PUF_SETTING(Racer, grip, 1.2, 0.3, 2, "of the tyres: the greatest force over the weight", .fixed = 1),
    PUF_SETTING(Racer, whiskers, 11, 2, RACER_MOST_WHISKERS, "rays that measure the distance to the edges of the road",
                .fixed = 1),
    PUF_SETTING(Racer, frameskip, 3, 1, RACER_MOST_FRAMESKIP, "ticks of 1/60 s for which an action is held"),
    PUF_SETTING(Racer, max_steps, 1200, 1, 32767, "steps until an episode is cut off"),
};
static const PufField racer_fields[] = {
    PUF_SCALAR(Racer, x, "middle of the car, m to the right"),
    PUF_SCALAR(Racer, y, "middle of the car, m downwards"),
    PUF_SCALAR(Racer, yaw, "where it faces: rad clockwise from the right"),
    PUF_SCALAR(Racer, vx, "velocity to the right, m/s"),
    PUF_SCALAR(Racer, vy, "velocity downwards, m/s"),
    PUF_SCALAR(Racer, spin, "rad/s, clockwise"),
    PUF_SCALAR(Racer, steering, "angle of the front wheel, rad to the right"),
    PUF_SCALAR(Racer, front_slip, "across the front tyre; 1 is where it begins to slide"),
    PUF_SCALAR(Racer, rear_slip, "across the rear tyre"),
    PUF_SCALAR(Racer, pedals, "last action: throttle, or brakes if negative"),
    PUF_SCALAR(Racer, track, "number of the track"),
    PUF_SCALAR(Racer, cell, "number of the last gate behind the car"),
    PUF_SCALAR(Racer, within, "share of the way from that gate to the next"),
    PUF_SCALAR(Racer, best_passed, "most gates passed beyond the start line in this episode"),
    PUF_SCALAR(Racer, best_within, "share of the way from that one to the next"),
    PUF_SCALAR(Racer, tick, "steps since the episode began"),
    PUF_SCALAR(Racer, laps, "driven in this episode"),
    PUF_SCALAR(Racer, clock, "s since this lap began"),
    PUF_SCALAR(Racer, last_lap, "s that it took; 0 before the first"),
    PUF_SCALAR(Racer, best_lap, "s, of this episode; 0 before the first"),
    PUF_SCALAR(Racer, half_width, "of the road, m"),
    PUF_SCALAR(Racer, whiskers, "how many"),
    PUF_ASSET(Racer, "reference", PUF_F32, track_at, one, one, "s for a lap in the middle of the road by an ideal car"),
    PUF_ASSET(
        Racer, "posts", PUF_F32, posts_at, posts_rows, columns,
        "x and y of the left, x and y of the right end of each gate, with 24 gates more at both ends of the ring"),
    PUF_ASSET(Racer, "gates", PUF_F32, gates_at, gates_rows, columns,
              "x and y of the middle of each gate, and the unit vector along the road; the last is the first"),
};
static const char* const racer_log_names[] = { "off", "lap.n", "lap.time" };

// clang-format off
PUF_DEFINE_BATCH_ASSETS_ENV(racer, Racer,
    .version = 1,
    .doc = "A car on closed random tracks, with whiskers to feel the edges of the road and tyres that drift.",
    .reward = "5 for a lap, in proportion to the new way made along the road; -1 for leaving the road",
    .ends = "terminal when the middle of the car leaves the road; truncated after max_steps",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Racer), .agents = 1, .obs_ndim = 1, .obs_shape = { RACER_OWN + 11 },
                PUF_ACTIONS(racer),
                .assets_size = sizeof(RacerAssets) + 128 * sizeof(RacerTrack) },
    PUF_TABLES(racer),
    PUF_LOG_NAMES(racer),
    .setup_size = sizeof(RacerSetup), .resize = racer_resize, .make_assets = racer_make_assets, .prepare = racer_prepare);
