// racer - a car on closed random tracks: as many laps as time allows, on tyres that slide when asked for too much.
//
// Observation  float32 (17 + whiskers,), all within [-1, 1]: how the car moves (speed forwards and
//              sideways, spin, steering, slip of the front and rear tyres); how it lies on the road
//              (offset from the middle, sine and cosine of its angle to the road); how sharply the
//              road bends at 8 gates ahead, about 10 m apart; and whiskers: the distance to the
//              edge of the road in directions from 90 degrees left to 90 degrees right. (Whiskers
//              mean nothing in the last observation of a car that left the road.)
// Action       two numbers in [-1, 1]: steering (1 is to the right) and pedals (1 is full throttle,
//              -1 full brakes).
// Reward       5 for a lap, paid in proportion as the car gets farther along the road than ever
//              before in its episode; -1 for leaving the road.
// End          terminal when the middle of the car leaves the road; truncated after `max_steps`.
// Score        laps per minute of the time limit: 60 / lap time for a car that stays on the road.
//              perf is laps times the reference lap time of the track / time limit, at most 1. The
//              reference is the lap time of an ideal car that keeps to the middle of the road at
//              the limit of its grip. lap.time is the mean lap time in s.
//
// Lengths are in metres, x to the right and y downwards; angles in radians, clockwise. A track is a
// ring of 128 gates: lines across the road, evenly spaced along its middle. Two neighbouring gates
// and the edges between them form a convex cell. The car knows its cell and moves from one to the
// next in order. Progress is counted in cells, and nothing ever searches the whole track.
//
// The car has one wheel in front and one behind (the "bicycle model") and moves in ticks of 1/60 s.
// Its axles are 1.43 m in front of its middle and 1.17 m behind; its moment of inertia is that of
// two masses on them, 1.43 m * 1.17 m * mass. The force on a tyre, along and across, stays within a
// circle: more of one is less of the other. The rear wheel drives, so throttle in a bend makes the
// car drift.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

// The car.
#define RACER_TICK (1.0f / 60.0f) // s
#define RACER_GRAVITY 9.81f       // m/s^2
#define RACER_FRONT 1.43f         // m from the middle of the car to its front axle
#define RACER_REAR 1.17f          // m to the rear one
#define RACER_FRONT_LOAD 0.45f    // share of the weight on it: RACER_REAR / (RACER_FRONT + RACER_REAR)
#define RACER_REAR_LOAD 0.55f     //
#define RACER_ENGINE 8.0f         // m/s^2 at rest, falling to 0 at RACER_LAST_GEAR
#define RACER_LAST_GEAR 60.0f     // m/s
#define RACER_DRAG 0.0022f        // 1/m: m/s^2 per (m/s)^2
#define RACER_STIFF_FRONT 7.0f    // share of the grip used per slip; from a slip of 1 / this on, a tyre slides
#define RACER_STIFF_REAR 8.5f     //
#define RACER_SLOW 3.0f        // m/s, added to the speed when a slip is computed: tyres are soft when they hardly roll
#define RACER_LOCK 0.6f        // rad of steering at rest
#define RACER_LOCK_SPEED 20.0f // m/s at which only half of that is left
#define RACER_STEER_TICK 0.05f // rad that the steering can move in a tick: 3 rad/s

// The road.
#define RACER_SIGHT 50.0f // m: how far whiskers reach
// m of road that a ray of this length can run along, at most: more than its length, because it cuts bends. The tests
// compare with a search of the whole track.
#define RACER_SIGHT_ROAD (1.15f * RACER_SIGHT + 8.0f)
#define RACER_NOTE_GAP 10.0f // m between the places ahead where bends are observed, about

// Observations are shares of these. Rewards.
#define RACER_SHOWN_SPEED 40.0f    // m/s
#define RACER_SHOWN_SIDEWAYS 20.0f // m/s
#define RACER_SHOWN_SPIN 4.0f      // rad/s
#define RACER_SHOWN_SLIP 3.0f      // times the slip at which a tyre slides
#define RACER_LAP_REWARD 5.0f
#define RACER_OFF_REWARD -1.0f
#define RACER_MOST 1e6 // more than any coordinate or slip

enum {
    RACER_GATES = 128,
    RACER_AROUND = 24,    // gates repeated beyond each end of the ring, so that views need not wrap around
    RACER_NOTES = 8,      // places ahead where bends are observed
    RACER_MAX_STRIDE = 3, // gates from one of these to the next
    RACER_AHEAD = RACER_NOTES * RACER_MAX_STRIDE + 1,
    RACER_MAX_WHISKERS = 32,
    RACER_MAX_CELLS = 6, // that a car can pass in a step of 6 ticks, at 50 m/s
    RACER_MAX_FRAMESKIP = 6,
    RACER_MANY = 1000000000, // more than can be counted in an episode
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
    RacerPosts posts[RACER_GATES + 2 * RACER_AROUND]; // the first are those of gate -RACER_AROUND
    RacerGate gates[RACER_GATES + 1];                 // the last is the first
    float bends[RACER_GATES + RACER_AHEAD + 1];       // smallest radius allowed / radius; positive to the right
} RacerTrack;

typedef struct RacerAssets {
    float rays_x[RACER_MAX_WHISKERS], rays_y[RACER_MAX_WHISKERS]; // of unit vectors: forwards, to the right
    RacerTrack tracks[];
} RacerAssets;

// What the physics moves.
typedef struct RacerCar {
    float x, y, yaw;
    float vx, vy, spin;          // of the middle, m/s; rad/s
    float steering;              // rad
    float front_slip, rear_slip; // across a tyre; it slides from 1 on
} RacerCar;

typedef struct Racer {
    RacerCar car;
    float pedals;                // the last action
    int32_t track, cell;         // where the car is
    float within;                // share of the cell that lies behind it
    int32_t passed, best_passed; // gates passed since the start line, minus those passed backwards; and the most so far
    float best_within;           // share of the cell behind the car then
    int32_t tick, laps;          // in this episode
    float clock, last_lap, best_lap; // s: in this lap; of laps in this episode, 0 before the first
    float episode_return;
    // settings, and members that follow from them
    float grip, half_width;
    int32_t num_tracks, whiskers, frameskip, max_steps;
    int32_t view_cells; // cells that whiskers may reach
    int32_t stride;     // gates between the places where bends are observed
    // where the tables of the car's track are in the assets
    int32_t track_at, posts_at, gates_at, one, posts_rows, gates_rows, columns;
    PufRng rng;
    PufLog log;
    float off, lap_n, lap_time; // logged too: episodes that left the road; laps, and s in all of them
} Racer;

// An observation, up to its whiskers. The names are those of racer_obs.
typedef struct RacerSenses {
    float speed, sideways, spin, steering, front_slip, rear_slip;
    float offset, angle_sine, angle_cosine;
    float bends[RACER_NOTES];
} RacerSenses;

enum { RACER_SENSES = sizeof(RacerSenses) / sizeof(float) };

// The settings that the state does not keep.
typedef struct RacerSetup {
    Racer state;
    int32_t track_seed;
    float length, width; // m
} RacerSetup;

// How hard the engine can push at a speed, m/s^2.
static inline float racer_thrust(float v)
{
    return RACER_ENGINE * puf_clampf(1.0f - v * (1.0f / RACER_LAST_GEAR), 0.0f, 1.0f);
}

#include "racer_tracks.h"

static void racer_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    RacerAssets* a = assets;
    const RacerSetup* given = setup;
    int32_t whiskers = given->state.whiskers;
    for (int32_t i = 0; i < RACER_MAX_WHISKERS; i++) { // unused ones repeat the last
        float share = (float)puf_clampi(i, 0, whiskers - 1) / (float)(whiskers - 1);
        puf_sincosf(PUF_PI * (share - 0.5f), &a->rays_y[i], &a->rays_x[i]);
    }
    RacerRoad road = { given->length, given->width, given->state.grip };
    for (int32_t t = 0; t < given->state.num_tracks; t++) {
        racer_make_track(&a->tracks[t], &road, puf_rng_seed((uint64_t)given->track_seed, (uint64_t)t));
    }
}

static void racer_resize(PufLayout* layout, const void* setup)
{
    const RacerSetup* given = setup;
    layout->obs_shape[0] = RACER_SENSES + given->state.whiskers;
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

static void racer_find_tables(Racer* s, const void* assets)
{
    s->track_at = (int32_t)((const uint8_t*)racer_track(s, assets) - (const uint8_t*)assets);
    s->posts_at = s->track_at + (int32_t)offsetof(RacerTrack, posts);
    s->gates_at = s->track_at + (int32_t)offsetof(RacerTrack, gates);
}

// On a random track: at rest behind the start line, somewhere across the road.
static void racer_reset(Racer* s, const void* assets)
{
    s->track = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->num_tracks);
    const RacerTrack* track = racer_track(s, assets);
    racer_find_tables(s, assets);

    const RacerGate *behind = &track->gates[RACER_GATES - 1], *line = &track->gates[0];
    float across = puf_rand_range(&s->rng, -0.5f, 0.5f) * s->half_width;
    s->car = (RacerCar){
        // the rest is 0
        .x = 0.5f * (behind->middle.x + line->middle.x) - across * line->along.y,
        .y = 0.5f * (behind->middle.y + line->middle.y) + across * line->along.x,
        .yaw = puf_atan2f(line->along.y, line->along.x),
    };
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
PUF_INLINE RacerCar racer_move(RacerCar car, float steer, float pedals, float mu)
{
    const float grip = mu * RACER_GRAVITY;
    float sine, cosine, wheel_sine, wheel_cosine;
    puf_sincosf(car.yaw, &sine, &cosine);
    float ahead = car.vx * cosine + car.vy * sine; // m/s forwards
    float aside = car.vy * cosine - car.vx * sine; // m/s to the right

    float goal = steer * (RACER_LOCK * RACER_LOCK_SPEED) / (RACER_LOCK_SPEED + fabsf(ahead));
    car.steering += puf_clampf(goal - car.steering, -RACER_STEER_TICK, RACER_STEER_TICK);
    puf_sincosf(car.steering, &wheel_sine, &wheel_cosine);

    // How the ground moves under the wheels, and the forces they are asked for as shares of their grip.
    float front_aside = aside + RACER_FRONT * car.spin, rear_aside = aside - RACER_REAR * car.spin;
    float rolling = ahead * wheel_cosine + front_aside * wheel_sine;
    float slipping = front_aside * wheel_cosine - ahead * wheel_sine;
    float front_across = -RACER_STIFF_FRONT * slipping / (fabsf(rolling) + RACER_SLOW);
    float rear_across = -RACER_STIFF_REAR * rear_aside / (fabsf(ahead) + RACER_SLOW);
    float brakes = puf_maxf(-pedals, 0.0f), stop = 1.0f / (grip * RACER_TICK); // at most what it takes to stop
    float front_along = -puf_clampf(rolling * stop, -brakes, brakes);
    float rear_along = -puf_clampf(ahead * stop, -brakes, brakes);
    rear_along += puf_maxf(pedals, 0.0f) * racer_thrust(ahead) / (grip * RACER_REAR_LOAD);
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

    // Accelerate.
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
    return (s->car.x - gate->middle.x) * gate->along.x + (s->car.y - gate->middle.y) * gate->along.y;
}

// Find the car's cell, starting from where it was, and how far it is through that cell.
static void racer_locate(Racer* s, const RacerTrack* track)
{
    float behind = racer_beyond(s, &track->gates[s->cell]), ahead = racer_beyond(s, &track->gates[s->cell + 1]);
    for (int moves = 0; ahead >= 0.0f && moves < RACER_MAX_CELLS; moves++) {
        s->cell = s->cell == RACER_GATES - 1 ? 0 : s->cell + 1;
        s->passed += 1;
        behind = ahead;
        ahead = racer_beyond(s, &track->gates[s->cell + 1]);
    }
    for (int moves = 0; behind < 0.0f && moves < RACER_MAX_CELLS; moves++) {
        s->cell = s->cell == 0 ? RACER_GATES - 1 : s->cell - 1;
        s->passed -= 1;
        ahead = behind;
        behind = racer_beyond(s, &track->gates[s->cell]);
    }
    s->within = puf_clampf(behind / (behind - ahead), 0.0f, 1.0f);
}

// On which side of an edge of the road the car's middle is: positive is to the right.
static inline float racer_beside(const Racer* s, RacerPoint near, RacerPoint far)
{
    return (far.x - near.x) * (s->car.y - near.y) - (far.y - near.y) * (s->car.x - near.x);
}

// Whether the car's middle has left its cell over an edge of the road.
static int racer_is_off(const Racer* s, const RacerTrack* track)
{
    const RacerPosts *near = &track->posts[RACER_AROUND + s->cell], *far = near + 1;
    float left = racer_beside(s, near->left, far->left), right = racer_beside(s, near->right, far->right);
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

// A lap is over. How far the car is beyond the line tells when in this step it crossed it.
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

// After the car moved: progress, laps, reward, the end of the episode.
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

// Move the car for one step.
static inline void racer_drive(Racer* s, const float* controls)
{
    for (int32_t tick = 0; tick < s->frameskip; tick++) {
        s->car = racer_move(s->car, controls[RACER_STEER], controls[RACER_PEDALS], s->grip);
    }
    s->pedals = controls[RACER_PEDALS];
}

static inline void racer_step(Racer* s, PufIo io)
{
    racer_drive(s, io.controls);
    racer_judge(s, io);
}

// ---- What the agent sees. ----

static inline float racer_shown(float value, float one) { return puf_clampf(value * (1.0f / one), -1.0f, 1.0f); }

// How the car moves, how it lies on the road, and how the road bends ahead. `nose` is the unit vector it faces.
static inline void racer_sense(const Racer* s, const RacerTrack* track, RacerPoint nose, RacerSenses* restrict out)
{
    const RacerCar* car = &s->car;
    const RacerGate *gate = &track->gates[s->cell], *next = gate + 1;
    float within = s->within;

    // The direction and the middle of the road here: between those of the two gates.
    float along_x = gate->along.x + within * (next->along.x - gate->along.x);
    float along_y = gate->along.y + within * (next->along.y - gate->along.y);
    float dx = car->x - gate->middle.x - within * (next->middle.x - gate->middle.x);
    float dy = car->y - gate->middle.y - within * (next->middle.y - gate->middle.y);

    out->speed = racer_shown(car->vx * nose.x + car->vy * nose.y, RACER_SHOWN_SPEED);
    out->sideways = racer_shown(car->vy * nose.x - car->vx * nose.y, RACER_SHOWN_SIDEWAYS);
    out->spin = racer_shown(car->spin, RACER_SHOWN_SPIN);
    out->steering = racer_shown(car->steering, RACER_LOCK);
    out->front_slip = racer_shown(car->front_slip, RACER_SHOWN_SLIP);
    out->rear_slip = racer_shown(car->rear_slip, RACER_SHOWN_SLIP);
    out->offset = puf_clampf((along_x * dy - along_y * dx) / s->half_width, -1.0f, 1.0f);
    out->angle_sine = puf_clampf(along_x * nose.y - along_y * nose.x, -1.0f, 1.0f);
    out->angle_cosine = puf_clampf(along_x * nose.x + along_y * nose.y, -1.0f, 1.0f);
    const float* bends = &track->bends[s->cell];
    for (int i = 0; i < RACER_NOTES; i++) {
        const float* bend = bends + (i + 1) * s->stride;
        out->bends[i] = puf_clampf(bend[0] + within * (bend[1] - bend[0]), -1.0f, 1.0f);
    }
}

// A gate seen from the car along a ray. Backwards, the left post is the right one.
typedef struct RacerView {
    RacerPoint left, right;  // the posts, m from the car
    float of_left, of_right; // how far each is to the right of the ray, m
} RacerView;

static inline RacerView racer_view(const Racer* s, RacerPoint ray, const RacerPosts* gate, int32_t way)
{
    const RacerPoint *left = way > 0 ? &gate->left : &gate->right, *right = way > 0 ? &gate->right : &gate->left;
    RacerView view;
    view.left.x = left->x - s->car.x;
    view.left.y = left->y - s->car.y;
    view.right.x = right->x - s->car.x;
    view.right.y = right->y - s->car.y;
    view.of_left = ray.x * view.left.y - ray.y * view.left.x;
    view.of_right = ray.x * view.right.y - ray.y * view.right.x;
    return view;
}

// Twice the area between the car and a straight edge. Divided by how far apart the ends of the edge
// are across a ray, it is the distance along that ray to the edge.
static inline float racer_area(RacerPoint from, RacerPoint to) { return from.x * to.y - from.y * to.x; }

static inline float racer_to_left(const RacerView* near, const RacerView* far)
{
    return racer_area(near->left, far->left) / (far->of_left - near->of_left);
}

static inline float racer_to_right(const RacerView* near, const RacerView* far)
{
    return racer_area(far->right, near->right) / (near->of_right - far->of_right);
}

// Follow a ray from gate to gate, forwards (way 1) or backwards (way -1), through at most `cells` cells. Returns the
// distance at which it meets an edge of the road, or `otherwise` if it meets none.
static inline float racer_follow(const Racer* s, RacerPoint ray, const RacerPosts* gate, int32_t way, int32_t cells,
                                 float otherwise)
{
    RacerView near = racer_view(s, ray, gate, way);
    for (int32_t k = 1; k <= cells; k++) {
        RacerView far = racer_view(s, ray, gate + k * way, way);
        if (far.of_left >= 0.0f) {
            return racer_to_left(&near, &far);
        }
        if (far.of_right <= 0.0f) {
            return racer_to_right(&near, &far);
        }
        near = far;
    }
    return otherwise;
}

// The distance from the car to the edge of the road along a ray; RACER_SIGHT if nothing is in sight.
static inline float racer_whisker(const Racer* s, RacerPoint ray, const RacerPosts* gate)
{
    RacerView near = racer_view(s, ray, gate, 1), far = racer_view(s, ray, gate + 1, 1);
    if (near.of_left < 0.0f && far.of_left >= 0.0f) {
        return racer_to_left(&near, &far);
    }
    if (near.of_right > 0.0f && far.of_right <= 0.0f) {
        return racer_to_right(&near, &far);
    }
    float distance = RACER_SIGHT;
    if (far.of_left < 0.0f && far.of_right > 0.0f) { // it leaves the car's cell by the gate ahead
        int32_t cells = (s->view_cells - 1) / 2 * 2; // an even number, because racer_lanes.h takes two at a time
        distance = racer_follow(s, ray, gate + 1, 1, cells, distance);
    }
    if (near.of_left >= 0.0f && near.of_right <= 0.0f) { // by the gate behind
        distance = racer_follow(s, ray, gate, -1, s->view_cells - 1, distance);
    }
    return distance;
}

// What all whiskers measure, as shares of RACER_SIGHT.
static inline void racer_feel(const Racer* s, const RacerAssets* assets, RacerPoint nose, float* whiskers)
{
    const RacerPosts* gate = &assets->tracks[s->track].posts[RACER_AROUND + s->cell];
    for (int32_t i = 0; i < s->whiskers; i++) {
        float forwards = assets->rays_x[i], sideways = assets->rays_y[i];
        RacerPoint ray = { forwards * nose.x - sideways * nose.y, forwards * nose.y + sideways * nose.x };
        whiskers[i] = puf_clampf(racer_whisker(s, ray, gate) * (1.0f / RACER_SIGHT), 0.0f, 1.0f);
    }
}

#ifndef PUF_PLAIN
#include "racer_lanes.h"
#endif

static void racer_observe(const Racer* s, PufIo io)
{
    RacerPoint nose;
    puf_sincosf(s->car.yaw, &nose.y, &nose.x);
    racer_sense(s, racer_track(s, io.assets), nose, io.obs);
    PUF_LANES(racer_feel)(s, io.assets, nose, (float*)io.obs + RACER_SENSES);
}

static const PufObs racer_obs[] = {
    { "speed", 1, -1, 1, "forwards, in 40 m/s" },
    { "sideways", 1, -1, 1, "speed to the right, in 20 m/s" },
    { "spin", 1, -1, 1, "clockwise, in 4 rad/s" },
    { "steering", 1, -1, 1, "angle of the front wheel to the right, as a share of the largest one" },
    { "front_slip", 1, -1, 1, "of the front tyre; it slides from 1/3 on" },
    { "rear_slip", 1, -1, 1, "of the rear tyre; it slides from 1/3 on" },
    { "offset", 1, -1, 1, "from the middle of the road; -1 is its left edge, 1 its right one" },
    { "angle_sine", 1, -1, 1, "of the angle from the road's direction to the car's; positive is to the right" },
    { "angle_cosine", 1, -1, 1, "of the same angle; -1 faces backwards" },
    { "bends", RACER_NOTES, -1, 1,
      "smallest radius allowed / radius of the road at 8 gates ahead, about 10 m apart; positive is to the right" },
    { "whiskers", 0, 0, 1, "distance to the edge of the road, in 50 m, from 90 degrees left to 90 degrees right" },
};
static const PufAction racer_actions[] = {
    { "steer", 0, -1, 1, "share of the lock, to the right" },
    { "pedals", 0, -1, 1, "throttle; negative: brakes" },
};
static const PufParam racer_params[] = {
    PUF_SETTING(Racer, num_tracks, 128, 1, 4096, "number of random tracks; each episode draws one of them", .fixed = 1),
    PUF_SETTING(RacerSetup, track_seed, 1, 0, 2147483647, "seed of the tracks", .fixed = 1),
    PUF_SETTING(RacerSetup, length, 600, 400, 800, "of a lap, m", .fixed = 1),
    PUF_SETTING(RacerSetup, width, 10, 6, 14, "of the road, m", .fixed = 1),
    PUF_SETTING(Racer, grip, 1.2, 0.3, 2, "of the tyres: largest force / weight", .fixed = 1),
    PUF_SETTING(Racer, whiskers, 11, 2, RACER_MAX_WHISKERS,
                "number of rays that measure the distance to the edges of the road", .fixed = 1),
    PUF_SETTING(Racer, frameskip, 3, 1, RACER_MAX_FRAMESKIP, "ticks of 1/60 s for which an action is held"),
    PUF_SETTING(Racer, max_steps, 1200, 1, 32767, "steps until an episode is cut off"),
};
static const PufField racer_fields[] = {
    PUF_SCALAR_AS(Racer, "x", car.x, "middle of the car, m to the right", PUF_RANGE(-RACER_MOST, RACER_MOST)),
    PUF_SCALAR_AS(Racer, "y", car.y, "middle of the car, m downwards", PUF_RANGE(-RACER_MOST, RACER_MOST)),
    PUF_SCALAR_AS(Racer, "yaw", car.yaw, "where it faces: rad clockwise from the right", PUF_RANGE(-4, 4)),
    PUF_SCALAR_AS(Racer, "vx", car.vx, "velocity to the right, m/s", PUF_RANGE(-100, 100)),
    PUF_SCALAR_AS(Racer, "vy", car.vy, "velocity downwards, m/s", PUF_RANGE(-100, 100)),
    PUF_SCALAR_AS(Racer, "spin", car.spin, "rad/s, clockwise", PUF_RANGE(-100, 100)),
    PUF_SCALAR_AS(Racer, "steering", car.steering, "angle of the front wheel, rad to the right",
                  PUF_RANGE(-RACER_LOCK, RACER_LOCK)),
    PUF_SCALAR_AS(Racer, "front_slip", car.front_slip, "across the front tyre; 1 is where it begins to slide",
                  PUF_RANGE(-RACER_MOST, RACER_MOST)),
    PUF_SCALAR_AS(Racer, "rear_slip", car.rear_slip, "across the rear tyre, in the same unit",
                  PUF_RANGE(-RACER_MOST, RACER_MOST)),
    PUF_SCALAR(Racer, pedals, "last action: throttle, or brakes if negative", PUF_RANGE(-1, 1)),
    PUF_SCALAR(Racer, track, "number of the track", PUF_LESS_THAN(Racer, num_tracks)),
    PUF_SCALAR(Racer, cell, "number of the last gate behind the car", PUF_RANGE(0, RACER_GATES - 1)),
    PUF_SCALAR(Racer, within, "share of the way from that gate to the next", PUF_RANGE(0, 1)),
    PUF_SCALAR(Racer, best_passed, "most gates passed beyond the start line in this episode",
               PUF_RANGE(-1, RACER_MANY)),
    PUF_SCALAR(Racer, passed, NULL, PUF_RANGE(-RACER_MANY, RACER_MANY)),
    PUF_SCALAR(Racer, best_within, "share of the way from that one to the next", PUF_RANGE(0, 1)),
    PUF_SCALAR(Racer, tick, "steps since the episode began", PUF_UP_TO(Racer, max_steps)),
    PUF_SCALAR(Racer, laps, "laps driven in this episode", PUF_RANGE(0, RACER_MANY / RACER_GATES - 1)),
    PUF_SCALAR(Racer, clock, "s since this lap began"),
    PUF_SCALAR(Racer, last_lap, "s of the last lap; 0 before the first"),
    PUF_SCALAR(Racer, best_lap, "s of the best lap in this episode; 0 before the first"),
    PUF_SCALAR(Racer, half_width, "of the road, m", PUF_DERIVED),
    PUF_SCALAR(Racer, whiskers, "number of whiskers"),
    PUF_ASSET(Racer, "reference", PUF_F32, track_at, one, one, "lap time of an ideal car in the middle of the road, s"),
    PUF_ASSET(Racer, "posts", PUF_F32, posts_at, posts_rows, columns,
              "x and y of the left and of the right end of each gate; 24 gates are repeated at both ends of the ring"),
    PUF_ASSET(Racer, "gates", PUF_F32, gates_at, gates_rows, columns,
              "x and y of the middle of each gate, and the unit vector along the road; the last is the first"),
    PUF_SCALAR(Racer, track_at, NULL),
    PUF_SCALAR(Racer, posts_at, NULL),
    PUF_SCALAR(Racer, gates_at, NULL),
    PUF_SCALAR(Racer, view_cells, NULL, PUF_DERIVED),
    PUF_SCALAR(Racer, stride, NULL, PUF_DERIVED),
    PUF_SCALAR(Racer, episode_return, NULL),
};

// In a state from a file, the tables are those of the track.
static const char* racer_contradiction(const void* state, const void* assets)
{
    const Racer* s = state;
    Racer other = *s;
    racer_find_tables(&other, assets);
    return other.track_at != s->track_at || other.posts_at != s->posts_at || other.gates_at != s->gates_at ? "track"
                                                                                                           : NULL;
}
static const char* const racer_log_names[] = { "off", "lap.n", "lap.time" };

// clang-format off
PUF_DEFINE_BATCH_ASSETS_ENV(racer, Racer,
    .version = 1,
    .doc = "A car on closed random tracks, with whiskers to feel the edges of the road and tyres that drift.",
    .reward = "5 for a lap, in proportion to new progress along the road; -1 for leaving the road",
    .ends = "terminal when the middle of the car leaves the road; truncated after max_steps",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Racer), .agents = 1, .obs_ndim = 1, .obs_shape = { RACER_SENSES + 11 },
                PUF_ACTIONS(racer),
                .assets_size = sizeof(RacerAssets) + 128 * sizeof(RacerTrack) },
    PUF_TABLES(racer),
    PUF_LOG_NAMES(racer),
    .setup_size = sizeof(RacerSetup), .resize = racer_resize, .prepare = racer_prepare,
    .make_assets = racer_make_assets, .contradiction = racer_contradiction);
