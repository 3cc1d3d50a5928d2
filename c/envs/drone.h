// drone - a swarm of quadrotors in one room, each with its own unknown dynamics: hold a place in a formation, follow, or
// race through rings.
//
// Observation  float32 (32 + 6 * neighbours,), all within [-1, 1]. All but the height is in the drone's own axes (x
//              ahead, y to the left, z up): velocity, turn rates, the direction of up, rotor speeds, height, the way to
//              the goal (near and far) and the goal's velocity. In a race also the direction of the ring, the way to
//              the next one, and its direction. Then, for each of the nearest others, the way to it and its relative
//              velocity.
// Action       four numbers in [-1, 1]: the speeds of the rotors, from standing still to full speed. All 0 keeps the
//              nominal body in the air.
// Reward       in formations `reward_close` / (1 + 4 d^2) at a distance of d metres from the goal. In all tasks
//              `reward_progress` for each metre nearer, `reward_ring` for a ring passed, `reward_contact` while
//              touching another drone, `reward_lost` for getting lost; minus a little for spinning.
// End          terminal for a drone that leaves the room or hits the ground hard; it comes back in the same step with a
//              new body. After `max_steps` steps all drones are truncated together and a new world begins.
// Score        rings passed in a race, else ten times perf. perf is the share of the ten rings passed or, in a
//              formation, of the steps within 0.3 m of the goal, from 150 steps after the start of the life to the end
//              of the world; steps missed by getting lost count as not there.
//
// SI units; z points up, the ground is z = 0. A world has one task for all its drones, drawn by weights unless the
// setting `task` names one:
//
//     hover    points at random          cube     the edges of a cube that turns slowly
//     orbit    circles above each other  sphere   evenly over a sphere that turns slowly
//     follow   a flock along a curve     flag     a flag that waves
//     congo    a line along a wavy ring  race     ten rings on a closed course, in order, from the right side
//
// Body: rotors 0 ahead left, 1 ahead right, 2 behind right, 3 behind left. A rotor at the share u of its full speed
// follows its command with a first-order lag and pulls with thrust u^2; 0 and 2 turn the body to the left, 1 and 3 to
// the right. Air takes off velocity and spin in proportion to them. Each step is two semi-implicit Euler steps of 10 ms,
// with the midpoint rule for the gyroscopic torque.
//
// Drones that touch bounce off each other: an elastic impulse along the line between their centres, as between balls.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

// Here are the rules: drone_step moves one world, one drone after the other. drone_lanes.h steps 16 drones at a time with
// the same functions, and gives the same bits (tests/engine/test_plain.py).

#define DRONE_DT 0.01f      // s, of a substep
#define DRONE_GRAVITY 9.81f // m/s^2

// The nominal body. Its rotors at half their speed carry it: a quarter of four times its weight.
#define DRONE_MASS 0.6f                           // kg
#define DRONE_THRUST (DRONE_MASS * DRONE_GRAVITY) // N, of one rotor at full speed
#define DRONE_ARM 0.12f                           // m, from the middle to each rotor
#define DRONE_RADIUS 0.15f                        // m, of the ball that touches others
#define DRONE_INERTIA_XY 0.004f                   // kg m^2, around x and around y
#define DRONE_INERTIA_Z 0.007f                    // kg m^2
#define DRONE_TWIST 0.016f                        // m: torque around z per thrust of a rotor
#define DRONE_LAG 0.05f                           // s, of the rotors
#define DRONE_DRAG 0.15f                          // N per m/s
#define DRONE_SPIN_DRAG 0.5f                      // 1/s
#define DRONE_HALF_SQRT2 0.70710678f              // the arms are at 45 degrees
#define DRONE_MAX_SPEED 20.0f                     // m/s along each axis: velocities are cut here
#define DRONE_MAX_RATE 20.0f                      // rad/s around each axis
#define DRONE_HARD 1.5f                           // m/s downwards: a hard landing
#define DRONE_UPRIGHT 0.5f                        // cosine of the tilt beyond which any landing is hard

#define DRONE_CLOSE 0.3f      // m from the goal that count as there
#define DRONE_GATE 1.2f       // m, radius of a ring
#define DRONE_SPACING 1.0f    // m, between neighbours in a formation, at least
#define DRONE_MIN_HEIGHT 2.0f // m, of a goal
#define DRONE_SCATTER 3.0f    // m from its goal along each axis at which a drone appears, at most
#define DRONE_CLEAR 0.8f      // m to others where it appears, if it finds such a place
#define DRONE_NOWHERE 1e30f   // squared distance to a neighbour that does not exist
#define DRONE_SOFT 0.5f       // m: observed ways are divided by their length plus this
#define DRONE_SOFT_NEXT 4.0f  // m: the same for the way to the ring after the next
#define DRONE_TAU 6.2831853f

enum {
    DRONE_SUBSTEPS = 2,
    DRONE_SETTLE = 150, // steps of a life that do not count for perf: 3 s to get there
    DRONE_GATES = 10,
    DRONE_TRIES = 16, // places looked at before one near another drone is taken
    DRONE_MAX_DRONES = 256,
    DRONE_MAX_NEIGHBOURS = 8,
    DRONE_OWN = 32,      // elements of an observation before the neighbours
    DRONE_NEIGHBOUR = 6, // elements for each of them
};
// The tasks: another formation is a row here and the function that the row names.
// TASK(NUMBER, name, where each drone is to be, what a life has reached, default weight)
#define DRONE_TASK_LIST(TASK)                                                                                          \
    TASK(HOVER, hover, drone_hover, drone_time_at_goal, 1)                                                             \
    TASK(ORBIT, orbit, drone_orbit, drone_time_at_goal, 1)                                                             \
    TASK(FOLLOW, follow, drone_follow, drone_time_at_goal, 1)                                                          \
    TASK(CUBE, cube, drone_cube, drone_time_at_goal, 1)                                                                \
    TASK(SPHERE, sphere, drone_sphere, drone_time_at_goal, 1)                                                          \
    TASK(FLAG, flag, drone_flag, drone_time_at_goal, 1)                                                                \
    TASK(CONGO, congo, drone_congo, drone_time_at_goal, 1)                                                             \
    TASK(RACE, race, drone_race, drone_rings_passed, 7)

#define DRONE_TASK(NUMBER, name, place, reached, weight) DRONE_##NUMBER,
enum { DRONE_TASK_LIST(DRONE_TASK) DRONE_TASKS };
#undef DRONE_TASK
#define DRONE_TASK_NAME(NUMBER, name, place, reached, weight) " " #name
#define DRONE_TASK_NAMES DRONE_TASK_LIST(DRONE_TASK_NAME)

// A drone: 64 floats, four cache lines, of which a step changes the first two. This table makes the struct, its fields
// in Python and the columns of drone_lanes.h: NUMBER(name, least, most, meaning) or VECTOR(name, elements, least, most,
// meaning); the range is for states from files.
#define DRONE_PARTS(NUMBER, VECTOR)                                                                                    \
    VECTOR(position, 3, -1000, 1000, "m")                                                                              \
    VECTOR(velocity, 3, -1000, 1000, "m/s")                                                                            \
    VECTOR(attitude, 4, -1.01, 1.01, "unit quaternion (w, x, y, z) that turns its own axes into the world's")          \
    VECTOR(rates, 3, -DRONE_MAX_RATE, DRONE_MAX_RATE, "turn rates around its own axes, rad/s")                         \
    NUMBER(age, 0, 32767, "steps of this life")                                                                        \
    NUMBER(within, 0, 32767, "steps after the first 150 of this life in which it was within 0.3 m of its goal")        \
    NUMBER(total, -1e9, 1e9, "sum of its rewards in this life")                                                        \
    VECTOR(rotors, 4, -0.01, 1.01, "speeds, as shares of full speed")                                                  \
    NUMBER(lift, 0, 100, "acceleration along its z axis by one rotor at full speed, m/s^2")                            \
    VECTOR(agility, 3, 0, 1000, "angular acceleration around x, y and z by one rotor at full speed, rad/s^2")          \
    VECTOR(gyro, 3, -10, 10, "(inertia z - inertia y) / inertia x, and the same for y and z")                          \
    NUMBER(velocity_kept, 0, 1, "share of the velocity that a substep's drag leaves")                                  \
    NUMBER(rates_kept, 0, 1, "share of the turn rates that a substep's drag leaves")                                   \
    NUMBER(response, 0, 1, "share of the way to its commanded speed that a rotor covers in a substep")                 \
    NUMBER(distance, 0, 1e4, "to the goal, m")                                                                         \
    NUMBER(contact, 0, 1, "1: it touched another in the last step")                                                    \
    VECTOR(goal, 3, -1000, 1000,                                                                                       \
           "middle of the goal's path, m; the goal is at goal + swing * sin(pace * time + phase)")                     \
    VECTOR(swing, 3, -1000, 1000, "m")                                                                                 \
    VECTOR(pace, 3, -10, 10, "rad/s")                                                                                  \
    VECTOR(phase, 3, -1000, 1000, "rad")                                                                               \
    VECTOR(ring_direction, 3, -1.01, 1.01, "race: the way through the ring, of length 1; else 0")                      \
    NUMBER(races, 0, 1, "1: this is a race")                                                                           \
    VECTOR(next_ring, 3, -1000, 1000, "race: middle of the ring after it, m; else 0")                                  \
    VECTOR(next_direction, 3, -1.01, 1.01, "race: the way through that one; else 0")                                   \
    NUMBER(mass, 0.1, 10, "kg; this and the following four are what the body is made of")                              \
    NUMBER(radius, 0, 10, "of the ball that touches others, m")                                                        \
    NUMBER(arm, 0, 10, "from the middle to each rotor, m")                                                             \
    NUMBER(thrust, 0, 100, "of one rotor at full speed, N")                                                            \
    VECTOR(inertia, 3, 0.0001, 1, "around x, y and z, kg m^2")                                                         \
    NUMBER(contacts, 0, 32767, "steps of this life in contact")                                                        \
    NUMBER(rings, 0, 1e6, "passed in this life")                                                                       \
    NUMBER(ring, 0, DRONE_GATES - 1, "number of the one to pass now")

#define DRONE_NUMBER(name, least, most, text) float name;
#define DRONE_VECTOR(name, count, least, most, text) float name[count];
typedef struct DroneRow {
    DRONE_PARTS(DRONE_NUMBER, DRONE_VECTOR)
} DroneRow;
#undef DRONE_NUMBER
#undef DRONE_VECTOR
enum { DRONE_COLUMNS = sizeof(DroneRow) / sizeof(float) };

// A ring of the race.
typedef struct DroneGate {
    float center[3];    // m
    float direction[3]; // the way through, of length 1
} DroneGate;

// Figures of the episodes of one task.
typedef struct DroneKind {
    float n, perf, contact;
} DroneKind;

typedef struct DroneLog {
    PufLog common;
    float collision_rate; // share of steps in contact
    float rings;
    float out_of_bounds;
    float crashes;
    DroneKind kinds[DRONE_TASKS];
    float race_rings;
} DroneLog;

typedef struct DroneRewards {
    float close, progress, ring, contact, lost, spin;
} DroneRewards;

// The world; its drones are in the rows behind it. What a step reads is at the end, next to them.
typedef struct Drone {
    DroneLog log;
    PufRng rng;
    float weights[DRONE_TASKS];
    DroneGate gates[DRONE_GATES]; // race; else 0
    float center[3];              // of the formation, m
    float size;                   // of it, m: half a side, or a radius
    float turn;                   // rad/s: how fast it moves along its path
    float swing[3], pace[3], phase[3];
    float randomize, air;
    int32_t drones_offset, columns;
    int32_t task;
    int32_t num_drones, neighbours;
    int32_t max_steps;
    int32_t tick; // steps since the world began
    DroneRewards rewards;
    float half, height; // of the room, m: x and y from -half to half
} Drone;

typedef struct DroneSetup {
    Drone world;
    int32_t task; // of every world: its number + 1; 0: drawn by the weights
} DroneSetup;

static inline int32_t drone_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

static inline DroneRow* drone_row(const Drone* s, int32_t i)
{
    return (DroneRow*)((uint8_t*)s + drone_align((int32_t)sizeof(Drone))) + i;
}

static inline int32_t drone_obs_size(int32_t neighbours) { return DRONE_OWN + DRONE_NEIGHBOUR * neighbours; }

static void drone_resize(PufLayout* layout, const void* setup)
{
    const Drone* s = setup;
    layout->agents = s->num_drones;
    layout->obs_shape[0] = drone_obs_size(s->neighbours);
    layout->state_size =
        (uint64_t)drone_align((int32_t)sizeof(Drone)) + (uint64_t)layout->agents * DRONE_COLUMNS * sizeof(float);
}

static const char* drone_conflict(const void* setup)
{
    const DroneSetup* given = setup;
    const Drone* s = setup;
    float sum = given->task > 0 ? 1.0f : 0.0f;
    for (int32_t task = 0; task < DRONE_TASKS; task++) {
        sum += s->weights[task];
    }
    return sum > 0.0f ? NULL : "every task has weight 0: at least one must be positive. Raise one of" DRONE_TASK_NAMES;
}

static inline float drone_square(const float v[3]) { return v[0] * v[0] + v[1] * v[1] + v[2] * v[2]; }

static inline float drone_distance_squared(const float a[3], const float b[3])
{
    float way[3] = { b[0] - a[0], b[1] - a[1], b[2] - a[2] };
    return drone_square(way);
}

static float drone_around(Drone* s, float spread) { return puf_rand_range(&s->rng, -spread, spread); }

static float drone_side(Drone* s) { return puf_rand_below(&s->rng, 2) ? 1.0f : -1.0f; }

#include "drone_goals.h"

// ---- Tasks. ----

// What a life has reached, as a share of what counts as solved: the steps at the goal ...
static float drone_time_at_goal(const Drone* s, const DroneRow* d)
{
    float possible = puf_maxf(d->age + (float)(s->max_steps - s->tick) - (float)DRONE_SETTLE, 1.0f);
    return d->within / possible;
}

// ... or the rings.
static float drone_rings_passed(const Drone* s, const DroneRow* d)
{
    (void)s;
    return d->rings / (float)DRONE_GATES;
}

typedef struct DroneTask {
    DroneFormation* place;
    float (*reached)(const Drone*, const DroneRow*); // perf and score of a life
} DroneTask;

#define DRONE_TASK(NUMBER, name, place, reached, weight) { place, reached },
static const DroneTask drone_tasks[] = { DRONE_TASK_LIST(DRONE_TASK) };
#undef DRONE_TASK

static int32_t drone_draw_task(Drone* s)
{
    float sum = 0.0f;
    for (int32_t task = 0; task < DRONE_TASKS; task++) {
        sum += s->weights[task];
    }
    float left = sum * puf_rand_float(&s->rng);
    int32_t drawn = 0;
    for (int32_t task = 0; task < DRONE_TASKS; task++) {
        if (s->weights[task] > 0.0f && left >= 0.0f) {
            drawn = task;
        }
        left -= s->weights[task];
    }
    return drawn;
}

// A task, and every drone's goal in it.
static void drone_plan(Drone* s)
{
    s->task = drone_draw_task(s);
    float speed = puf_rand_range(&s->rng, 0.5f, 1.0f) * drone_side(s);
    float half_height = 0.5f * s->height;
    memset(s->gates, 0, sizeof(s->gates));
    for (int32_t k = 0; k < 3; k++) {
        s->center[k] = k < 2 ? drone_around(s, 2.0f) : half_height;
        s->swing[k] = puf_rand_range(&s->rng, 1.5f, 3.0f);
        s->pace[k] = puf_rand_range(&s->rng, 0.3f, 0.7f);
        s->phase[k] = puf_rand_range(&s->rng, 0.0f, DRONE_TAU);
    }
    for (int32_t i = 0; i < s->num_drones; i++) {
        DroneRow* d = drone_row(s, i);
        memset((uint8_t*)d + offsetof(DroneRow, goal), 0, offsetof(DroneRow, mass) - offsetof(DroneRow, goal));
        memcpy(d->goal, s->center, sizeof(d->goal));
        drone_tasks[s->task].place(s, speed, i, d);
    }
}

// ---- A life: a body, and a place to start from. ----

static inline float drone_time(int32_t tick) { return (float)tick * (DRONE_SUBSTEPS * DRONE_DT); }

// The way to the goal along one axis, and the goal's velocity.
static inline void drone_find_goal_on(const DroneRow* d, int32_t axis, float time, float* way, float* drift)
{
    float sine, cosine;
    puf_sincosf(d->pace[axis] * time + d->phase[axis], &sine, &cosine);
    *way = d->goal[axis] + d->swing[axis] * sine - d->position[axis];
    *drift = d->swing[axis] * d->pace[axis] * cosine;
}

static inline void drone_find_goal(const DroneRow* d, float time, float way[3], float drift[3])
{
    drone_find_goal_on(d, 0, time, &way[0], &drift[0]);
    drone_find_goal_on(d, 1, time, &way[1], &drift[1]);
    drone_find_goal_on(d, 2, time, &way[2], &drift[2]);
}

static void drone_measure(const Drone* s, DroneRow* d)
{
    float way[3], drift[3];
    drone_find_goal(d, drone_time(s->tick), way, drift);
    d->distance = sqrtf(drone_square(way));
}

static float drone_vary(Drone* s, float spread) { return 1.0f + s->randomize * drone_around(s, spread); }

static void drone_draw_body(Drone* s, DroneRow* d)
{
    d->mass = DRONE_MASS * drone_vary(s, 0.3f);
    float size = drone_vary(s, 0.2f);
    d->radius = DRONE_RADIUS * size;
    d->arm = DRONE_ARM * size * drone_vary(s, 0.1f);
    d->thrust = DRONE_THRUST * drone_vary(s, 0.2f);
    d->inertia[0] = DRONE_INERTIA_XY * drone_vary(s, 0.3f);
    d->inertia[1] = DRONE_INERTIA_XY * drone_vary(s, 0.3f);
    d->inertia[2] = DRONE_INERTIA_Z * drone_vary(s, 0.3f);
    float drag = DRONE_DRAG * s->air * drone_vary(s, 0.5f);
    float lag = DRONE_LAG * drone_vary(s, 0.3f);
    d->lift = d->thrust / d->mass;
    d->agility[0] = d->thrust * d->arm * DRONE_HALF_SQRT2 / d->inertia[0];
    d->agility[1] = d->thrust * d->arm * DRONE_HALF_SQRT2 / d->inertia[1];
    d->agility[2] = d->thrust * DRONE_TWIST / d->inertia[2];
    d->gyro[0] = (d->inertia[2] - d->inertia[1]) / d->inertia[0];
    d->gyro[1] = (d->inertia[0] - d->inertia[2]) / d->inertia[1];
    d->gyro[2] = (d->inertia[1] - d->inertia[0]) / d->inertia[2];
    d->velocity_kept = 1.0f / (1.0f + DRONE_DT * drag / d->mass);
    d->rates_kept = 1.0f / (1.0f + DRONE_DT * DRONE_SPIN_DRAG * s->air);
    d->response = DRONE_DT / (lag + DRONE_DT);
}

// Somewhere near its goal; in a race, behind its ring.
static void drone_draw_place(Drone* s, DroneRow* d)
{
    int32_t races = d->races > 0.0f;
    float back = races ? puf_rand_range(&s->rng, 1.0f, 5.0f) : 0.0f;
    float spread = races ? 0.6f * DRONE_SCATTER : DRONE_SCATTER;
    for (int32_t k = 0; k < 3; k++) {
        float goal = d->goal[k] + d->swing[k] * puf_sinf(d->pace[k] * drone_time(s->tick) + d->phase[k]);
        float at = goal - back * d->ring_direction[k] + drone_around(s, spread);
        float low = k < 2 ? 1.0f - s->half : 0.7f, high = k < 2 ? s->half - 1.0f : s->height - 1.0f;
        d->position[k] = puf_clampf(at, low, high);
    }
}

// Squared distance to the nearest of the first `count` drones, not counting itself.
static float drone_clearance(const Drone* s, int32_t i, int32_t count)
{
    float least = DRONE_NOWHERE;
    for (int32_t j = 0; j < count; j++) {
        float square = drone_distance_squared(drone_row(s, i)->position, drone_row(s, j)->position);
        least = j != i && square < least ? square : least;
    }
    return least;
}

// A new life: a body, a place away from the first `count` drones, upright, in any direction, almost at rest.
static void drone_start(Drone* s, int32_t i, int32_t count)
{
    DroneRow* d = drone_row(s, i);
    memset(d, 0, offsetof(DroneRow, goal));
    drone_draw_body(s, d);
    float clear = 0.0f;
    for (int32_t try = 0; try < DRONE_TRIES && clear < DRONE_CLEAR * DRONE_CLEAR; try++) {
        drone_draw_place(s, d);
        clear = drone_clearance(s, i, count);
    }
    for (int32_t k = 0; k < 3; k++) {
        d->velocity[k] = drone_around(s, 0.5f);
        d->rates[k] = drone_around(s, 0.2f);
    }
    puf_sincosf(puf_rand_range(&s->rng, 0.0f, PUF_PI), &d->attitude[3], &d->attitude[0]);
    for (int32_t rotor = 0; rotor < 4; rotor++) {
        d->rotors[rotor] = 0.5f;
    }
    d->contacts = 0.0f;
    d->rings = 0.0f;
    drone_measure(s, d);
}

static void drone_reset(Drone* s)
{
    s->tick = 0;
    drone_plan(s);
    for (int32_t i = 0; i < s->num_drones; i++) {
        drone_start(s, i, i);
    }
}

// ---- Flight. ----

// The rotors follow their commands (shares of full speed) and turn the body: the angular velocity changes by their
// torques, and the attitude by the angular velocity.
static inline void drone_spin(DroneRow* d, const float command[4])
{
    float* u = d->rotors;
    u[0] += d->response * (command[0] - u[0]);
    u[1] += d->response * (command[1] - u[1]);
    u[2] += d->response * (command[2] - u[2]);
    u[3] += d->response * (command[3] - u[3]);
    float t0 = u[0] * u[0], t1 = u[1] * u[1], t2 = u[2] * u[2], t3 = u[3] * u[3];

    float ax = d->agility[0] * ((t0 + t3) - (t1 + t2));
    float ay = d->agility[1] * ((t2 + t3) - (t0 + t1));
    float az = d->agility[2] * ((t0 + t2) - (t1 + t3));
    float gx = d->gyro[0], gy = d->gyro[1], gz = d->gyro[2];
    float x = d->rates[0], y = d->rates[1], z = d->rates[2];
    float mid_x = x + 0.5f * DRONE_DT * (ax - gx * (y * z));
    float mid_y = y + 0.5f * DRONE_DT * (ay - gy * (z * x));
    float mid_z = z + 0.5f * DRONE_DT * (az - gz * (x * y));
    x = (x + DRONE_DT * (ax - gx * (mid_y * mid_z))) * d->rates_kept;
    y = (y + DRONE_DT * (ay - gy * (mid_z * mid_x))) * d->rates_kept;
    z = (z + DRONE_DT * (az - gz * (mid_x * mid_y))) * d->rates_kept;
    x = puf_clampf(x, -DRONE_MAX_RATE, DRONE_MAX_RATE);
    y = puf_clampf(y, -DRONE_MAX_RATE, DRONE_MAX_RATE);
    z = puf_clampf(z, -DRONE_MAX_RATE, DRONE_MAX_RATE);
    d->rates[0] = x;
    d->rates[1] = y;
    d->rates[2] = z;

    float h = 0.5f * DRONE_DT;
    float qw = d->attitude[0], qx = d->attitude[1], qy = d->attitude[2], qz = d->attitude[3];
    float nw = qw - h * (qx * x + qy * y + qz * z);
    float nx = qx + h * (qw * x + qy * z - qz * y);
    float ny = qy + h * (qw * y + qz * x - qx * z);
    float nz = qz + h * (qw * z + qx * y - qy * x);
    float scale = 1.0f / sqrtf(nw * nw + nx * nx + ny * ny + nz * nz);
    d->attitude[0] = nw * scale;
    d->attitude[1] = nx * scale;
    d->attitude[2] = ny * scale;
    d->attitude[3] = nz * scale;
}

// Thrust along the body's z axis, weight and drag; then the position. The ground holds what comes down on it. Returns 1
// for a hard landing, else 0.
static inline float drone_fly(DroneRow* d)
{
    float qw = d->attitude[0], qx = d->attitude[1], qy = d->attitude[2], qz = d->attitude[3];
    float u0 = d->rotors[0], u1 = d->rotors[1], u2 = d->rotors[2], u3 = d->rotors[3];
    float lift = d->lift * ((u0 * u0 + u1 * u1) + (u2 * u2 + u3 * u3));
    float up_x = 2.0f * (qx * qz + qw * qy);
    float up_y = 2.0f * (qy * qz - qw * qx);
    float up_z = 1.0f - 2.0f * (qx * qx + qy * qy);
    float vx = (d->velocity[0] + DRONE_DT * (lift * up_x)) * d->velocity_kept;
    float vy = (d->velocity[1] + DRONE_DT * (lift * up_y)) * d->velocity_kept;
    float vz = (d->velocity[2] + DRONE_DT * (lift * up_z - DRONE_GRAVITY)) * d->velocity_kept;
    vx = puf_clampf(vx, -DRONE_MAX_SPEED, DRONE_MAX_SPEED);
    vy = puf_clampf(vy, -DRONE_MAX_SPEED, DRONE_MAX_SPEED);
    vz = puf_clampf(vz, -DRONE_MAX_SPEED, DRONE_MAX_SPEED);
    float z = d->position[2] + DRONE_DT * vz;
    float fast = vz < -DRONE_HARD ? 1.0f : 0.0f;
    float tilted = up_z < DRONE_UPRIGHT ? 1.0f : 0.0f;
    float held = z < 0.0f ? 0.0f : 1.0f;
    d->position[0] += DRONE_DT * vx;
    d->position[1] += DRONE_DT * vy;
    d->position[2] = puf_maxf(z, 0.0f);
    d->velocity[0] = vx * held;
    d->velocity[1] = vy * held;
    d->velocity[2] = vz * held;
    return puf_maxf(fast, tilted) * (1.0f - held);
}

static inline float drone_command(float action) { return 0.5f + 0.5f * action; }

// Returns whether it hit the ground hard.
static int32_t drone_move(DroneRow* d, const float action[4])
{
    float command[4], hit = 0.0f;
    for (int32_t rotor = 0; rotor < 4; rotor++) {
        command[rotor] = drone_command(action[rotor]);
    }
    for (int32_t substep = 0; substep < DRONE_SUBSTEPS; substep++) {
        drone_spin(d, command);
        hit = puf_maxf(hit, drone_fly(d));
    }
    return hit > 0.0f;
}

// Two drones that touch exchange the momentum along the line between their centres, as balls do.
static inline void drone_bounce(DroneRow* a, DroneRow* b)
{
    float square = drone_distance_squared(a->position, b->position), reach = a->radius + b->radius;
    if (square >= reach * reach) {
        return;
    }
    a->contact = 1.0f;
    b->contact = 1.0f;
    float length = sqrtf(square), line[3], closing = 0.0f;
    if (length <= 0.0f) {
        return; // in one place: there is no line between them
    }
    for (int32_t k = 0; k < 3; k++) {
        line[k] = (b->position[k] - a->position[k]) / length;
        closing += line[k] * (a->velocity[k] - b->velocity[k]);
    }
    if (closing > 0.0f) {
        float share = 2.0f * closing / (a->mass + b->mass);
        for (int32_t k = 0; k < 3; k++) {
            a->velocity[k] -= share * b->mass * line[k];
            b->velocity[k] += share * a->mass * line[k];
        }
    }
}

// ---- Rewards and ends. ----

// Whether the step from `from` led through the ring: across its plane the right way, near enough to the middle.
static inline int32_t drone_passes(const DroneRow* d, const float from[3])
{
    float nx = d->ring_direction[0], ny = d->ring_direction[1], nz = d->ring_direction[2];
    float x0 = from[0] - d->goal[0], y0 = from[1] - d->goal[1], z0 = from[2] - d->goal[2];
    float x1 = d->position[0] - d->goal[0], y1 = d->position[1] - d->goal[1], z1 = d->position[2] - d->goal[2];
    float before = nx * x0 + ny * y0 + nz * z0, after = nx * x1 + ny * y1 + nz * z1;
    int32_t crosses = (before < 0.0f) & (after >= 0.0f);
    float step = after - before;
    float part = -before / (crosses ? step : 1.0f);
    float x = x0 + part * (x1 - x0), y = y0 + part * (y1 - y0), z = z0 + part * (z1 - z0);
    int32_t inside = x * x + y * y + z * z <= DRONE_GATE * DRONE_GATE;
    return crosses & inside;
}

static inline int32_t drone_outside(const DroneRow* d, float half, float height)
{
    return (fabsf(d->position[0]) > half) | (fabsf(d->position[1]) > half) | (d->position[2] > height);
}

// The reward of a step, and what the drone keeps of it. `way` leads to the goal.
static inline float drone_judge(DroneRow* d, const DroneRewards* r, const float way[3], int32_t passed, int32_t lost)
{
    float square = drone_square(way);
    float away = sqrtf(square);
    float nearer = puf_clampf(d->distance - away, -1.0f, 1.0f);
    float age = d->age + 1.0f;
    float there = ((away < DRONE_CLOSE) & (age > (float)DRONE_SETTLE)) ? 1.0f : 0.0f;
    float close = (1.0f - d->races) * r->close / (1.0f + 4.0f * square);
    float reward = close + r->progress * nearer + r->contact * d->contact;
    reward -= r->spin * drone_square(d->rates) * (1.0f / (3.0f * DRONE_MAX_RATE * DRONE_MAX_RATE));
    reward += lost ? r->lost : passed ? r->ring : 0.0f;
    d->distance = away;
    d->age = age;
    d->within += there;
    d->total += reward;
    return reward;
}

static void drone_pass_ring(const Drone* s, DroneRow* d)
{
    d->rings += 1.0f;
    d->ring = d->ring + 1.0f < (float)DRONE_GATES ? d->ring + 1.0f : 0.0f;
    drone_aim_at_ring(s, d);
    drone_measure(s, d);
}

static void drone_add_log(Drone* s, const DroneRow* d, int32_t left, int32_t crashed)
{
    DroneLog* log = &s->log;
    float share = drone_tasks[s->task].reached(s, d);
    float perf = puf_minf(share, 1.0f);
    float contact = d->contacts / d->age;
    puf_log_episode(&log->common, perf, 10.0f * share, d->total, d->age);
    log->collision_rate += contact;
    log->rings += d->rings;
    log->out_of_bounds += (float)left;
    log->crashes += (float)crashed;
    log->kinds[s->task].n += 1.0f;
    log->kinds[s->task].perf += perf;
    log->kinds[s->task].contact += contact;
    log->race_rings += d->rings;
}

// ---- Observations. ----

// The rotation that turns the world's axes into the drone's: its rows.
typedef struct DroneAxes {
    float x[3], y[3], z[3];
} DroneAxes;

static inline DroneAxes drone_axes(const float attitude[4])
{
    float w = attitude[0], x = attitude[1], y = attitude[2], z = attitude[3];
    return (DroneAxes){
        { 1.0f - 2.0f * (y * y + z * z), 2.0f * (x * y + w * z), 2.0f * (x * z - w * y) },
        { 2.0f * (x * y - w * z), 1.0f - 2.0f * (x * x + z * z), 2.0f * (y * z + w * x) },
        { 2.0f * (x * z + w * y), 2.0f * (y * z - w * x), 1.0f - 2.0f * (x * x + y * y) },
    };
}

static inline float drone_unit(float x) { return puf_clampf(x, -1.0f, 1.0f); }

// A vector times `scale`, in the drone's axes.
static inline void drone_see(const DroneAxes* axes, const float v[3], float scale, float seen[3])
{
    float x = v[0] * scale, y = v[1] * scale, z = v[2] * scale;
    seen[0] = drone_unit(axes->x[0] * x + axes->x[1] * y + axes->x[2] * z);
    seen[1] = drone_unit(axes->y[0] * x + axes->y[1] * y + axes->y[2] * z);
    seen[2] = drone_unit(axes->z[0] * x + axes->z[1] * y + axes->z[2] * z);
}

// Divided by its length plus `softness`, a way of any length becomes shorter than 1, and short ones stay apart.
static inline float drone_compress(const float way[3], float softness)
{
    return 1.0f / (sqrtf(drone_square(way)) + softness);
}

// An observation before the neighbours: as in drone_obs below.
typedef struct DroneView {
    float velocity[3], rates[3], up[3], rotors[4], height, distance, near[3], far[3], drift[3], ring[3], next[3];
    float turn[2]; // how far the next ring is turned from this one
} DroneView;

typedef struct DroneOtherView {
    float near[3], velocity[3];
} DroneOtherView;
_Static_assert(sizeof(DroneView) == DRONE_OWN * sizeof(float), "DRONE_OWN is wrong");
_Static_assert(sizeof(DroneOtherView) == DRONE_NEIGHBOUR * sizeof(float), "DRONE_NEIGHBOUR is wrong");

// It is filled in four parts without loops, so that compilers inline them into the loops of drone_lanes.h.
static inline void drone_see_body(const DroneRow* d, const DroneAxes* axes, DroneView* v)
{
    v->rates[0] = drone_unit(d->rates[0] * 0.125f);
    v->rates[1] = drone_unit(d->rates[1] * 0.125f);
    v->rates[2] = drone_unit(d->rates[2] * 0.125f);
    v->up[0] = drone_unit(axes->x[2]);
    v->up[1] = drone_unit(axes->y[2]);
    v->up[2] = drone_unit(axes->z[2]);
    v->rotors[0] = drone_unit(2.0f * d->rotors[0] - 1.0f);
    v->rotors[1] = drone_unit(2.0f * d->rotors[1] - 1.0f);
    v->rotors[2] = drone_unit(2.0f * d->rotors[2] - 1.0f);
    v->rotors[3] = drone_unit(2.0f * d->rotors[3] - 1.0f);
    v->height = drone_unit(d->position[2] * 0.25f - 1.0f);
}

static inline void drone_see_velocities(const DroneRow* d, const DroneAxes* axes, const float drift[3], DroneView* v)
{
    drone_see(axes, d->velocity, 1.0f / 8.0f, v->velocity);
    drone_see(axes, drift, 1.0f / 8.0f, v->drift);
}

static inline void drone_see_goal(const DroneAxes* axes, const float way[3], DroneView* v)
{
    v->distance = drone_unit(sqrtf(drone_square(way)) * 0.5f - 1.0f);
    drone_see(axes, way, drone_compress(way, DRONE_SOFT), v->near);
    drone_see(axes, way, 1.0f / 16.0f, v->far);
}

static inline void drone_see_rings(const DroneRow* d, const DroneAxes* axes, DroneView* v)
{
    float next[3] = { (d->next_ring[0] - d->position[0]) * d->races, (d->next_ring[1] - d->position[1]) * d->races,
                      (d->next_ring[2] - d->position[2]) * d->races };
    drone_see(axes, d->ring_direction, 1.0f, v->ring);
    drone_see(axes, next, drone_compress(next, DRONE_SOFT_NEXT), v->next);
    const float* one = d->ring_direction;
    const float* two = d->next_direction;
    v->turn[0] = drone_unit(one[0] * two[0] + one[1] * two[1]);
    v->turn[1] = drone_unit(one[0] * two[1] - one[1] * two[0]);
}

// `way` to another drone, and its velocity relative to the own.
static inline void drone_see_other(const DroneAxes* axes, const float way[3], const float velocity[3],
                                   DroneOtherView* v)
{
    drone_see(axes, way, drone_compress(way, DRONE_SOFT), v->near);
    drone_see(axes, velocity, 1.0f / 8.0f, v->velocity);
}

// The numbers of the nearest others, the nearest first; of two equally near, the first. Where there is none, its own.
static void drone_find_nearest(const Drone* s, int32_t i, int32_t nearest[DRONE_MAX_NEIGHBOURS])
{
    float squares[DRONE_MAX_NEIGHBOURS];
    for (int32_t k = 0; k < s->neighbours; k++) {
        nearest[k] = i;
        squares[k] = DRONE_NOWHERE;
    }
    for (int32_t j = 0; j < s->num_drones; j++) {
        float square = drone_distance_squared(drone_row(s, i)->position, drone_row(s, j)->position);
        for (int32_t k = s->neighbours - 1; k >= 0 && j != i && square < squares[k]; k--) {
            if (k + 1 < s->neighbours) {
                squares[k + 1] = squares[k];
                nearest[k + 1] = nearest[k];
            }
            squares[k] = square;
            nearest[k] = j;
        }
    }
}

static void drone_observe_one(const Drone* s, int32_t i, float* seen)
{
    const DroneRow* d = drone_row(s, i);
    DroneAxes axes = drone_axes(d->attitude);
    DroneView own;
    float way[3], drift[3];
    drone_find_goal(d, drone_time(s->tick), way, drift);
    drone_see_body(d, &axes, &own);
    drone_see_velocities(d, &axes, drift, &own);
    drone_see_goal(&axes, way, &own);
    drone_see_rings(d, &axes, &own);
    memcpy(seen, &own, sizeof(own));

    int32_t nearest[DRONE_MAX_NEIGHBOURS];
    drone_find_nearest(s, i, nearest);
    memset(seen + DRONE_OWN, 0, (size_t)s->neighbours * sizeof(DroneOtherView));
    for (int32_t n = 0; n < s->neighbours && s->num_drones > 1; n++) {
        const DroneRow* other = drone_row(s, nearest[n]);
        DroneOtherView view;
        float away[3], velocity[3];
        for (int32_t k = 0; k < 3; k++) {
            away[k] = other->position[k] - d->position[k];
            velocity[k] = other->velocity[k] - d->velocity[k];
        }
        drone_see_other(&axes, away, velocity, &view);
        memcpy(seen + DRONE_OWN + n * DRONE_NEIGHBOUR, &view, sizeof(view));
    }
}

static void drone_observe(const Drone* s, PufIo io)
{
    for (int32_t i = 0; i < s->num_drones; i++) {
        drone_observe_one(s, i, (float*)io.obs + i * drone_obs_size(s->neighbours));
    }
}

// ---- A step. ----

// What happened to a drone in it.
typedef struct DroneEvents {
    float from[3]; // its position before
    int32_t crashed, left, passed;
} DroneEvents;

static inline void drone_move_all(Drone* s, const float* actions, DroneEvents* events)
{
    for (int32_t i = 0; i < s->num_drones; i++) {
        DroneRow* d = drone_row(s, i);
        memcpy(events[i].from, d->position, sizeof(d->position));
        events[i].crashed = drone_move(d, actions + 4 * i);
        d->contact = 0.0f;
    }
    for (int32_t i = 0; i < s->num_drones; i++) {
        for (int32_t j = i + 1; j < s->num_drones; j++) {
            drone_bounce(drone_row(s, i), drone_row(s, j));
        }
    }
}

// Log, then new lives, or a new world.
static inline void drone_end_lives(Drone* s, PufIo io, const DroneEvents* events)
{
    int32_t size = drone_obs_size(s->neighbours);
    for (int32_t i = 0; i < s->num_drones; i++) {
        if (io.terminals[i] | io.truncations[i]) {
            drone_observe_one(s, i, (float*)io.final_obs + i * size);
            drone_add_log(s, drone_row(s, i), events[i].left, events[i].crashed);
        }
    }
    if (s->tick >= s->max_steps) {
        drone_reset(s);
        return;
    }
    for (int32_t i = 0; i < s->num_drones; i++) {
        if (io.terminals[i]) {
            drone_start(s, i, s->num_drones);
        }
    }
}

// One world. drone_lanes.h does the same for many at a time.
static inline void drone_step(Drone* s, PufIo io)
{
    DroneEvents events[DRONE_MAX_DRONES];
    s->tick += 1;
    int32_t over = s->tick >= s->max_steps;
    drone_move_all(s, io.controls, events);
    for (int32_t i = 0; i < s->num_drones; i++) {
        DroneRow* d = drone_row(s, i);
        DroneEvents* e = &events[i];
        float way[3], drift[3];
        drone_find_goal(d, drone_time(s->tick), way, drift);
        e->passed = drone_passes(d, e->from);
        e->left = drone_outside(d, s->half, s->height) & !e->crashed;
        int32_t lost = e->crashed | e->left;
        io.rewards[i] = drone_judge(d, &s->rewards, way, e->passed, lost);
        io.terminals[i] = (uint8_t)lost;
        io.truncations[i] = (uint8_t)(over & !lost);
        d->contacts += d->contact;
        if (e->passed & !lost) {
            drone_pass_ring(s, d);
        }
    }
    drone_end_lives(s, io, events);
}

// ---- The rest is speed. ----

#ifndef PUF_PLAIN
#include "drone_lanes.h"
#endif

// ---- What Python knows of it. ----

static const PufObs drone_obs[] = {
    { "velocity", 3, -1, 1, "own, in units of 8 m/s; these and all that follow are in the drone's own axes" },
    { "rates", 3, -1, 1, "turn rates, in units of 8 rad/s" },
    { "up", 3, -1, 1, "the world's vertical" },
    { "rotors", 4, -1, 1, "speeds of the rotors: -1 still, 1 full speed" },
    { "height", 1, -1, 1, "-1 at the ground, 1 at 8 m and above" },
    { "distance", 1, -1, 1, "to the goal: -1 there, 1 at 4 m and beyond" },
    { "near", 3, -1, 1, "the way to the goal, divided by its length plus 0.5 m" },
    { "far", 3, -1, 1, "the way to the goal, in units of 16 m" },
    { "drift", 3, -1, 1, "velocity of the goal, in units of 8 m/s" },
    { "ring", 3, -1, 1, "race: the way through the ring; else 0" },
    { "next", 3, -1, 1, "race: the way to the ring after it, divided by its length plus 4 m; else 0" },
    { "turn", 2, -1, 1, "race: cosine and sine of the turn from this ring to that one, seen from above; else 0" },
    { "neighbours", 0, -1, 1,
      "the nearest first: the way to it, divided by its length plus 0.5 m, and its relative velocity, in units of "
      "8 m/s; 0 where there is none" },
};
static const PufAction drone_actions[] = {
    { "rotor0", 0, -1, 1, "share" },
    { "rotor1", 0, -1, 1, "share" },
    { "rotor2", 0, -1, 1, "share" },
    { "rotor3", 0, -1, 1, "share" },
};
#define DRONE_TASK(NUMBER, name, place, reached, weight)                                                               \
    PUF_SETTING_AS(Drone, #name, weights[DRONE_##NUMBER], weight, 0, 1000, "weight of this task when one is drawn"),
static const PufParam drone_params[] = {
    PUF_SETTING(Drone, num_drones, 64, 1, DRONE_MAX_DRONES, "drones in one world: its agents"),
    PUF_SETTING(Drone, max_steps, 1024, 1, 32767, "steps until a new world begins, 50 to a second"),
    PUF_SETTING(Drone, neighbours, 2, 0, DRONE_MAX_NEIGHBOURS, "nearest others that a drone sees"),
    PUF_CHOICE(DroneSetup, task, DRONE_TASKS, "mixed" DRONE_TASK_NAMES,
               "of every world; mixed: each world draws one by the weights that follow"),
    DRONE_TASK_LIST(DRONE_TASK) PUF_SETTING(
        Drone, randomize, 1, 0, 1,
        "how much bodies differ: at 1 mass 30 %, size 20 %, arm 10 % more, thrust 20 %, inertia 30 %, drag 50 "
        "%, lag 30 % either way"),
    PUF_SETTING(Drone, air, 1, 0, 10, "drag, as a multiple of the usual; 0 is a vacuum in which rotors work"),
    PUF_SETTING_AS(Drone, "reward_close", rewards.close, 0.05, -10, 10, "for being at the goal, in formations"),
    PUF_SETTING_AS(Drone, "reward_progress", rewards.progress, 0.1, -10, 10, "for every metre nearer to the goal"),
    PUF_SETTING_AS(Drone, "reward_ring", rewards.ring, 0.5, -10, 10, "for passing a ring"),
    PUF_SETTING_AS(Drone, "reward_contact", rewards.contact, -0.05, -10, 10, "for a step in contact with another"),
    PUF_SETTING_AS(Drone, "reward_lost", rewards.lost, -1, -10, 10, "for leaving the room or hitting the ground"),
    PUF_SETTING_AS(Drone, "reward_spin", rewards.spin, 0.05, -10, 10,
                   "subtracted, times the mean square of the turn rates as shares of 20 rad/s"),
};
#undef DRONE_TASK
#define DRONE_NUMBER(name, least, most, text) PUF_SCALAR(DroneRow, name, text, PUF_RANGE(least, most)),
#define DRONE_VECTOR(name, count, least, most, text) PUF_ARRAY(DroneRow, name, text, PUF_RANGE(least, most)),
static const PufField drone_row_fields[] = { DRONE_PARTS(DRONE_NUMBER, DRONE_VECTOR) };
#undef DRONE_NUMBER
#undef DRONE_VECTOR
static const PufField drone_gate_fields[] = {
    PUF_ARRAY(DroneGate, center, "its middle, m"),
    PUF_ARRAY(DroneGate, direction, "the way through, of length 1"),
};
static const PufField drone_fields[] = {
    PUF_ROWS(Drone, "drones", DroneRow, drone_row_fields, drones_offset, num_drones, "one row for each drone"),
    PUF_STRUCTS(Drone, gates, drone_gate_fields, "rings of the race; 0 in other tasks"),
    PUF_SCALAR(Drone, task, "its number, from 0:" DRONE_TASK_NAMES, PUF_RANGE(0, DRONE_TASKS - 1)),
    PUF_ARRAY(Drone, center, "of the formation, m"),
    PUF_SCALAR(Drone, size, "of the formation, m"),
    PUF_SCALAR(Drone, half, "of the room: x and y are from -half to half, m", PUF_DERIVED),
    PUF_SCALAR(Drone, height, "of the room, m", PUF_DERIVED),
    PUF_SCALAR(Drone, tick, "steps since the world began", PUF_UP_TO(Drone, max_steps)),
    PUF_SCALAR(Drone, max_steps, "until a new world begins"),
    PUF_SCALAR(Drone, num_drones, "in the world"),
    PUF_SCALAR(Drone, columns, "floats in a row of drones", PUF_DERIVED),
    PUF_SCALAR(Drone, turn, NULL, PUF_RANGE(-100, 100)),
    PUF_ARRAY(Drone, swing, NULL, PUF_RANGE(-100, 100)),
    PUF_ARRAY(Drone, pace, NULL, PUF_RANGE(-100, 100)),
    PUF_ARRAY(Drone, phase, NULL, PUF_RANGE(-100, 100)),
};

// In a state from a file, attitudes are of length 1.
static const char* drone_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Drone* s = state;
    for (int32_t i = 0; i < s->num_drones; i++) {
        const float* a = drone_row(s, i)->attitude;
        if (fabsf(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + a[3] * a[3] - 1.0f) > 0.01f) {
            return "drones";
        }
    }
    return NULL;
}
// clang-format off
#define DRONE_TASK(NUMBER, name, place, reached, weight) #name ".n", #name ".perf", #name ".collisions",
static const char* const drone_log_names[] = {
    "collision_rate", "rings", "out_of_bounds", "crashes", DRONE_TASK_LIST(DRONE_TASK) "race.rings",
};
#undef DRONE_TASK

PUF_DEFINE_BATCH_AGENTS_ENV(drone, Drone,
    .version = 1,
    .doc = "Fly a swarm of quadrotors, each with its own unknown dynamics, in formations and in races through rings.",
    .reward = "for closeness to the goal, progress towards it and rings passed; less for contact, spinning and getting lost",
    .ends = "terminal for a drone that leaves the room or hits the ground hard: it starts a new life in the same step; all "
            "are truncated together after max_steps",
    .rate = 50,
    .obs_dtype = PUF_F32,
    .layout = { .agents = 64, .obs_ndim = 1, .obs_shape = { DRONE_OWN + 2 * DRONE_NEIGHBOUR },
                PUF_ACTIONS(drone) },
    PUF_TABLES(drone),
    PUF_LOG_NAMES(drone),
    .setup_size = sizeof(DroneSetup), .resize = drone_resize, .conflict = drone_conflict, .prepare = drone_prepare,
    .contradiction = drone_contradiction);
