// drone - a swarm of quadrotors in one room, each with a body of its own that it has to get to know: hold a place in a
// formation, follow, or race through rings.
//
// Observation  float32 (32 + 6 * neighbours,), all within [-1, 1] and, but for the height, in the drone's own axes (x
//              ahead, y to the left, z up): velocity, turn rates, which way is up, rotor speeds, height, the way to the
//              goal (near and far), the goal's velocity; in a race the ring's direction, the way to the ring after it
//              and that one's direction; then the nearest others, each with the way to it and its relative velocity.
// Action       four numbers in [-1, 1]: the speeds of the rotors, from standing still to the fastest. All 0 carries
//              the nominal body.
// Reward       in formations `reward_close` / (1 + 4 d^2) for a distance of d metres to the goal; everywhere
//              `reward_progress` for each metre nearer, `reward_ring` for a ring passed, `reward_contact` in contact
//              with another, `reward_lost` for getting lost, and a little less for spinning.
// End          terminal for a drone that leaves the room or hits the ground hard; it comes back in the same step with a
//              new body. All are truncated `max_steps` steps after the world began, and the world begins anew.
// Score        rings passed in a race, else ten times perf; perf: see drone_log.
//
// SI units; z points up, the ground is z = 0. A world draws one task for all its drones, by weights:
//
//     hover    points at random          cube     the edges of a cube that turns slowly
//     orbit    circles above each other  sphere   evenly over a sphere that turns slowly
//     follow   a flock along a curve     flag     a flag that waves
//     congo    a line along a wavy ring  race     ten rings on a closed course, in order, from the right side
//
// Body: rotors 0 ahead left, 1 ahead right, 2 behind right, 3 behind left. Rotor i runs at the share u of its greatest
// speed, follows the command with a first-order lag, and pulls with thrust u^2; 0 and 2 turn the body to the left, 1 and
// 3 to the right. Air takes off velocity and spin in proportion to them. Each step is two semi-implicit Euler steps of
// 10 ms, with the midpoint rule for the gyroscopic torque.
//
// Drones in contact bounce off each other: an elastic impulse along the line of their centres, as between balls.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

#define DRONE_DT 0.01f      // s, of a substep
#define DRONE_GRAVITY 9.81f // m/s^2

// The nominal body. Its rotors at half their speed carry it: a quarter of four times its weight.
#define DRONE_MASS 0.6f                           // kg
#define DRONE_THRUST (DRONE_MASS * DRONE_GRAVITY) // N, of one rotor at its fastest
#define DRONE_ARM 0.12f                           // m, from the middle to each rotor
#define DRONE_RADIUS 0.15f                        // m, of the ball within which it is in contact
#define DRONE_INERTIA_XY 0.004f                   // kg m^2, around x and around y
#define DRONE_INERTIA_Z 0.007f                    // kg m^2
#define DRONE_TWIST 0.016f                        // m: torque around z per thrust of a rotor
#define DRONE_LAG 0.05f                           // s, of the rotors
#define DRONE_DRAG 0.15f                          // N per m/s
#define DRONE_SPIN_DRAG 0.5f                      // 1/s
#define DRONE_HALF_SQRT2 0.70710678f              // the arms are at 45 degrees
#define DRONE_TOP_SPEED 20.0f                     // m/s along each axis: velocities are cut here
#define DRONE_TOP_RATE 20.0f                      // rad/s around each axis
#define DRONE_HARD 1.5f                           // m/s downwards: a hard landing
#define DRONE_UPRIGHT 0.5f                        // cosine of the tilt beyond which any is hard

#define DRONE_CLOSE 0.3f    // m from the goal that count as there
#define DRONE_GATE 1.2f     // m, radius of a ring
#define DRONE_SPACING 1.0f  // m, between neighbours in a formation, at least
#define DRONE_LOWEST 2.0f   // m, of a goal
#define DRONE_SCATTER 3.0f  // m from its goal along each axis at which a drone appears, at most
#define DRONE_CLEAR 0.8f    // m to others where it appears, if that can be had
#define DRONE_NOWHERE 1e30f // squared distance to a neighbour that does not exist
#define DRONE_TAU 6.2831853f

enum {
    DRONE_SUBSTEPS = 2,
    DRONE_SETTLE = 150, // steps of a life that do not count for perf: 3 s to get there
    DRONE_GATES = 10,
    DRONE_TRIES = 16, // places looked at before one near another drone is taken
    DRONE_MOST = 256,
    DRONE_MOST_NEIGHBOURS = 8,
    DRONE_LANES = 16, // drones moved side by side; any number gives the same results
    DRONE_BLOCKS = DRONE_MOST / DRONE_LANES,
    DRONE_OWN = 32,      // elements of an observation before the neighbours
    DRONE_NEIGHBOUR = 6, // elements for each of them
};
enum {
    DRONE_HOVER,
    DRONE_ORBIT,
    DRONE_FOLLOW,
    DRONE_CUBE,
    DRONE_SPHERE,
    DRONE_FLAG,
    DRONE_CONGO,
    DRONE_RACE,
    DRONE_TASKS,
};

// A drone is a row of numbers: four cache lines. The first two change in every step, the others with goal and body.
enum {
    DRONE_X, // position, m
    DRONE_Y,
    DRONE_Z,
    DRONE_VX, // velocity, m/s
    DRONE_VY,
    DRONE_VZ,
    DRONE_QW, // attitude: the unit quaternion that turns its own axes into the world's
    DRONE_QX,
    DRONE_QY,
    DRONE_QZ,
    DRONE_WX, // turn rates around its own axes, rad/s
    DRONE_WY,
    DRONE_WZ,
    DRONE_AGE,    // steps of this life
    DRONE_WITHIN, // of them after DRONE_SETTLE: those in which it was close to its goal
    DRONE_RETURN, // sum of its rewards

    DRONE_U0, // speeds of the rotors, as shares of the greatest
    DRONE_U1,
    DRONE_U2,
    DRONE_U3,
    DRONE_LIFT,  // what the body makes of u^2: acceleration along z by each rotor, m/s^2
    DRONE_ROLL,  // angular acceleration around x, y and z, rad/s^2
    DRONE_PITCH, //
    DRONE_YAW,
    DRONE_GYRO_X, // (inertia z - inertia y) / inertia x, and so on
    DRONE_GYRO_Y,
    DRONE_GYRO_Z,
    DRONE_SLOW,    // what is left of the velocity after a substep's drag
    DRONE_CALM,    // what is left of the turn rates
    DRONE_FOLLOWS, // how much of the way to the commanded speed a rotor goes in a substep
    DRONE_FAR,     // distance to the goal, m
    DRONE_TOUCHES, // 1: in contact with another after the last step

    DRONE_GOAL,                             // x, y, z of the middle of the goal's path, m
    DRONE_SWING = DRONE_GOAL + 3,           // the goal is GOAL + SWING * sin(PACE * time + PHASE): m
    DRONE_PACE = DRONE_SWING + 3,           // rad/s
    DRONE_PHASE = DRONE_PACE + 3,           // rad
    DRONE_NORMAL = DRONE_PHASE + 3,         // race: the way through the ring, of length 1; else 0
    DRONE_RACES = DRONE_NORMAL + 3,         // 1: a race
    DRONE_NEXT,                             // race: the middle of the ring after it; else 0
    DRONE_NEXT_NORMAL = DRONE_NEXT + 3,     // race: the way through that one; else 0
    DRONE_OWN_MASS = DRONE_NEXT_NORMAL + 3, // kg; this and the following are what the body is made of
    DRONE_OWN_RADIUS,                       // m
    DRONE_OWN_ARM,                          // m
    DRONE_OWN_THRUST,                       // N, of one rotor at its fastest
    DRONE_OWN_INERTIA,                      // kg m^2, around x, y and z
    DRONE_CONTACTS = DRONE_OWN_INERTIA + 3, // steps of this life in contact
    DRONE_RINGS,                            // passed in this life
    DRONE_RING,                             // number of the one to pass now
    DRONE_COLUMNS,
    DRONE_LINES = DRONE_COLUMNS / DRONE_LANES,
    DRONE_CHANGING = 2, // of the lines
};

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

// What comes in every step is at the end, next to the drones' rows.
typedef struct Drone {
    DroneLog log;
    PufRng rng;
    float weights[DRONE_TASKS];
    float gates[DRONE_GATES][6]; // race: middle, and the way through
    float center[3];             // of the formation, m
    float size;                  // of it, m: half a side, or a radius
    float turn;                  // rad/s: how fast it moves along its path
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

static inline int32_t drone_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

static inline float* drone_row(const Drone* s, int32_t i)
{
    return (float*)((uint8_t*)s + drone_align((int32_t)sizeof(Drone))) + i * DRONE_COLUMNS;
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
    const Drone* s = setup;
    float sum = 0.0f;
    for (int32_t task = 0; task < DRONE_TASKS; task++) {
        sum += s->weights[task];
    }
    return sum > 0.0f
               ? NULL
               : "no task is left: one of hover, orbit, follow, cube, sphere, flag, congo, race must be positive";
}

// ---- Formations. Every goal swings around a point, along each axis by itself: a circle is a sine beside a cosine. ----

// Radii grow with the number of drones, so that neighbours keep their distance.
static float drone_congo_radius(float n) { return puf_maxf(4.0f, n * DRONE_SPACING * 1.01f / DRONE_TAU); }
static float drone_sphere_radius(float n) { return puf_maxf(1.5f, 0.36f * DRONE_SPACING * sqrtf(n)); }
static float drone_course_radius(float n) { return puf_minf(8.0f + n * 0.0625f, 12.0f); }
static int32_t drone_circle(int32_t n) { return n <= 128 ? 16 : 32; } // drones on one circle of an orbit

// Drones between two corners of the cube, along every edge.
static int32_t drone_edge(int32_t n) { return n > 8 ? (n - 8 + 11) / 12 : 0; }
static float drone_cube_side(int32_t n) { return puf_maxf(2.0f, (float)(drone_edge(n) + 1) * DRONE_SPACING); }

// Columns of the flag: of all that make it between 1.4 and 3 times as wide as high, the one with the fullest last row.
static int32_t drone_flag_columns(int32_t n)
{
    int32_t best = n, least = n;
    for (int32_t columns = 1; columns <= n; columns++) {
        int32_t rows = (n + columns - 1) / columns;
        int32_t missing = rows * columns - n;
        if (10 * columns >= 14 * rows && columns <= 3 * rows && missing < least) {
            best = columns;
            least = missing;
        }
    }
    return best;
}

static void drone_prepare(void* setup)
{
    Drone* s = setup;
    s->columns = DRONE_COLUMNS;
    s->drones_offset = drone_align((int32_t)sizeof(Drone));
    float n = (float)s->num_drones;
    s->half = puf_maxf(drone_congo_radius(n), drone_course_radius(n)) + 8.0f;
    s->height = puf_maxf(12.0f, drone_cube_side(s->num_drones) + 8.0f);
}

static float drone_around(Drone* s, float spread) { return puf_rand_range(&s->rng, -spread, spread); }

static float drone_side(Drone* s) { return puf_rand_below(&s->rng, 2) ? 1.0f : -1.0f; }

// Rings around the room, in a direction and at heights at random; each looks from the one before it to the one after.
static void drone_lay_course(Drone* s)
{
    float radius = drone_course_radius((float)s->num_drones);
    float start = puf_rand_range(&s->rng, 0.0f, DRONE_TAU), side = drone_side(s);
    for (int32_t g = 0; g < DRONE_GATES; g++) {
        float angle = start + side * (DRONE_TAU / DRONE_GATES) * ((float)g + drone_around(s, 0.2f));
        float away = radius * puf_rand_range(&s->rng, 0.75f, 1.0f);
        s->gates[g][0] = away * puf_cosf(angle);
        s->gates[g][1] = away * puf_sinf(angle);
        s->gates[g][2] = puf_rand_range(&s->rng, DRONE_LOWEST, 6.0f);
    }
    for (int32_t g = 0; g < DRONE_GATES; g++) {
        const float* before = s->gates[(g + DRONE_GATES - 1) % DRONE_GATES];
        const float* after = s->gates[(g + 1) % DRONE_GATES];
        float x = after[0] - before[0], y = after[1] - before[1], z = after[2] - before[2];
        float length = sqrtf(x * x + y * y + z * z);
        s->gates[g][3] = x / length;
        s->gates[g][4] = y / length;
        s->gates[g][5] = z / length;
    }
}

// What the world's task needs to know of the formation as a whole.
static void drone_plan(Drone* s)
{
    int32_t n = s->num_drones;
    float count = (float)n;
    float speed = puf_rand_range(&s->rng, 0.5f, 1.0f) * drone_side(s);
    float half_height = 0.5f * s->height;
    memset(s->gates, 0, sizeof(s->gates));
    for (int32_t k = 0; k < 3; k++) {
        s->center[k] = k < 2 ? drone_around(s, 2.0f) : half_height;
        s->swing[k] = puf_rand_range(&s->rng, 1.5f, 3.0f);
        s->pace[k] = puf_rand_range(&s->rng, 0.3f, 0.7f);
        s->phase[k] = puf_rand_range(&s->rng, 0.0f, DRONE_TAU);
    }
    switch (s->task) {
    case DRONE_HOVER: s->size = puf_minf(1.0f + 1.2f * sqrtf(count), s->half - 6.0f); break;
    case DRONE_ORBIT:
        s->size = puf_maxf(2.0f, 1.2f * DRONE_SPACING * (float)drone_circle(n) / DRONE_TAU);
        s->turn = 2.0f * speed / s->size;
        break;
    case DRONE_FOLLOW: s->size = 0.66f * DRONE_SPACING; break;
    case DRONE_CUBE:
        s->size = 0.5f * drone_cube_side(n);
        s->turn = speed / s->size;
        break;
    case DRONE_SPHERE:
        s->size = drone_sphere_radius(count);
        s->turn = speed / s->size;
        break;
    case DRONE_FLAG:
        s->size = 0.5f * DRONE_SPACING * (float)(drone_flag_columns(n) - 1);
        s->turn = 1.5f * speed;
        break;
    case DRONE_CONGO:
        s->size = drone_congo_radius(count);
        s->turn = 2.0f * speed / s->size;
        break;
    default: drone_lay_course(s); break;
    }
}

// A point (x, y, z) of a solid around the center that turns around the vertical axis.
static void drone_turning(const Drone* s, float* row, float x, float y, float z)
{
    float radius = sqrtf(x * x + y * y), angle = puf_atan2f(y, x);
    for (int32_t k = 0; k < 2; k++) {
        row[DRONE_SWING + k] = radius;
        row[DRONE_PACE + k] = s->turn;
        row[DRONE_PHASE + k] = angle + (k == 0 ? 0.5f * PUF_PI : 0.0f);
    }
    row[DRONE_GOAL + 2] += z;
}

static void drone_hover_goal(Drone* s, int32_t i, float* row)
{
    float clear = 0.0f;
    for (int32_t try = 0; try < DRONE_TRIES && clear < 2.25f * DRONE_SPACING * DRONE_SPACING; try++) {
        float x = drone_around(s, s->size), y = drone_around(s, s->size);
        float z = puf_rand_range(&s->rng, DRONE_LOWEST, s->height - 3.0f);
        clear = DRONE_NOWHERE;
        for (int32_t j = 0; j < i; j++) {
            const float* other = drone_row(s, j) + DRONE_GOAL;
            float dx = other[0] - x, dy = other[1] - y, dz = other[2] - z;
            clear = puf_minf(clear, dx * dx + dy * dy + dz * dz);
        }
        row[DRONE_GOAL] = x;
        row[DRONE_GOAL + 1] = y;
        row[DRONE_GOAL + 2] = z;
    }
}

static void drone_orbit_goal(const Drone* s, int32_t i, float* row)
{
    int32_t on_circle = drone_circle(s->num_drones), circles = (s->num_drones + on_circle - 1) / on_circle;
    int32_t circle = i / on_circle;
    int32_t here = puf_clampi(s->num_drones - circle * on_circle, 1, on_circle);
    float angle = DRONE_TAU * (float)(i - circle * on_circle) / (float)here + s->phase[0];
    float z = ((float)circle - 0.5f * (float)(circles - 1)) * 1.2f * DRONE_SPACING;
    drone_turning(s, row, s->size * puf_cosf(angle), s->size * puf_sinf(angle), z);
    float side = circle % 2 ? -1.0f : 1.0f; // every other circle turns the other way
    row[DRONE_PACE] *= side;
    row[DRONE_PACE + 1] *= side;
}

// A flock as the seeds of a sunflower lie, around a point that moves along a curve of Lissajous.
static void drone_follow_goal(const Drone* s, int32_t i, float* row)
{
    float angle = 2.39996323f * (float)i, radius = s->size * sqrtf((float)i + 0.5f); // the golden angle
    row[DRONE_GOAL] += radius * puf_cosf(angle);
    row[DRONE_GOAL + 1] += radius * puf_sinf(angle);
    for (int32_t k = 0; k < 3; k++) {
        row[DRONE_SWING + k] = s->swing[k] * (k == 2 ? 0.5f : 1.0f);
        row[DRONE_PACE + k] = s->pace[k];
        row[DRONE_PHASE + k] = s->phase[k];
    }
}

// The corners first, then the edges, which share the rest evenly. Corner c is at the side of axis k that its bit k says.
static void drone_cube_goal(const Drone* s, int32_t i, float* row)
{
    float at[3];
    int32_t edge = (i - 8) % 12, place = (i - 8) / 12;
    int32_t here = puf_clampi((s->num_drones - 8 - edge + 11) / 12, 1, DRONE_MOST);
    for (int32_t k = 0; k < 3; k++) {
        at[k] = i >> k & 1 ? 1.0f : -1.0f;
    }
    if (i >= 8) {
        int32_t axis = edge / 4;
        at[axis] = 2.0f * (float)(place + 1) / (float)(here + 1) - 1.0f;
        at[(axis + 1) % 3] = edge & 1 ? 1.0f : -1.0f;
        at[(axis + 2) % 3] = edge & 2 ? 1.0f : -1.0f;
    }
    drone_turning(s, row, s->size * at[0], s->size * at[1], s->size * at[2]);
}

// Fibonacci's lattice on the sphere.
static void drone_sphere_goal(const Drone* s, int32_t i, float* row)
{
    float z = 1.0f - (2.0f * (float)i + 1.0f) / (float)s->num_drones;
    float radius = s->size * sqrtf(puf_maxf(0.0f, 1.0f - z * z)), angle = 2.39996323f * (float)i;
    drone_turning(s, row, radius * puf_cosf(angle), radius * puf_sinf(angle), s->size * z);
}

// Upright along x, from the upper left; waves run along it.
static void drone_flag_goal(const Drone* s, int32_t i, float* row)
{
    int32_t columns = drone_flag_columns(s->num_drones), rows = (s->num_drones + columns - 1) / columns;
    float along = (float)(i % columns) * DRONE_SPACING;
    row[DRONE_GOAL] += along - s->size;
    row[DRONE_GOAL + 2] += (0.5f * (float)(rows - 1) - (float)(i / columns)) * DRONE_SPACING;
    row[DRONE_SWING + 1] = 0.5f;
    row[DRONE_PACE + 1] = s->turn;
    row[DRONE_PHASE + 1] = s->phase[1] - 0.6f * along;
}

// One behind the other along a circle that goes up and down twice: each is where the one before it was a while ago.
static void drone_congo_goal(const Drone* s, int32_t i, float* row)
{
    float behind = -puf_minf(DRONE_TAU / (float)s->num_drones, 1.2f * DRONE_SPACING / s->size) * (float)i;
    behind = s->turn > 0.0f ? behind : -behind;
    row[DRONE_GOAL] = 0.0f;
    row[DRONE_GOAL + 1] = 0.0f;
    for (int32_t k = 0; k < 3; k++) {
        row[DRONE_SWING + k] = k < 2 ? s->size : 0.25f * s->size > 2.0f ? 2.0f : 0.25f * s->size;
        row[DRONE_PACE + k] = k < 2 ? s->turn : 2.0f * s->turn;
    }
    row[DRONE_PHASE] = behind + 0.5f * PUF_PI;
    row[DRONE_PHASE + 1] = behind;
    row[DRONE_PHASE + 2] = 2.0f * behind + s->phase[2];
}

static void drone_aim_at_ring(const Drone* s, float* row)
{
    int32_t ring = (int32_t)row[DRONE_RING];
    const float* gate = s->gates[ring];
    const float* next = s->gates[ring + 1 < DRONE_GATES ? ring + 1 : 0];
    for (int32_t k = 0; k < 3; k++) {
        row[DRONE_GOAL + k] = gate[k];
        row[DRONE_NORMAL + k] = gate[3 + k];
        row[DRONE_NEXT + k] = next[k];
        row[DRONE_NEXT_NORMAL + k] = next[3 + k];
    }
}

// Where drone i is to be, as a formula of time.
static void drone_set_goal(Drone* s, int32_t i)
{
    float* row = drone_row(s, i);
    memset(row + DRONE_GOAL, 0, (DRONE_OWN_MASS - DRONE_GOAL) * sizeof(float));
    for (int32_t k = 0; k < 3; k++) {
        row[DRONE_GOAL + k] = s->center[k];
    }
    switch (s->task) {
    case DRONE_HOVER: drone_hover_goal(s, i, row); break;
    case DRONE_ORBIT: drone_orbit_goal(s, i, row); break;
    case DRONE_FOLLOW: drone_follow_goal(s, i, row); break;
    case DRONE_CUBE: drone_cube_goal(s, i, row); break;
    case DRONE_SPHERE: drone_sphere_goal(s, i, row); break;
    case DRONE_FLAG: drone_flag_goal(s, i, row); break;
    case DRONE_CONGO: drone_congo_goal(s, i, row); break;
    default:
        row[DRONE_RACES] = 1.0f;
        row[DRONE_RING] = (float)(i % DRONE_GATES);
        drone_aim_at_ring(s, row);
        break;
    }
}

static inline float drone_goal_at(const float* row, int32_t axis, float time)
{
    return row[DRONE_GOAL + axis] +
           row[DRONE_SWING + axis] * puf_sinf(row[DRONE_PACE + axis] * time + row[DRONE_PHASE + axis]);
}

static inline float drone_time(int32_t tick) { return (float)tick * (DRONE_SUBSTEPS * DRONE_DT); }

static void drone_measure(const Drone* s, float* row)
{
    float sum = 0.0f;
    for (int32_t k = 0; k < 3; k++) {
        float away = drone_goal_at(row, k, drone_time(s->tick)) - row[DRONE_X + k];
        sum += away * away;
    }
    row[DRONE_FAR] = sqrtf(sum);
}

// ---- Bodies. ----

static float drone_vary(Drone* s, float spread) { return 1.0f + s->randomize * drone_around(s, spread); }

static void drone_draw_body(Drone* s, float* row)
{
    float mass = DRONE_MASS * drone_vary(s, 0.3f);
    float size = drone_vary(s, 0.2f);
    float arm = DRONE_ARM * size * drone_vary(s, 0.1f);
    float thrust = DRONE_THRUST * drone_vary(s, 0.2f);
    float inertia_x = DRONE_INERTIA_XY * drone_vary(s, 0.3f);
    float inertia_y = DRONE_INERTIA_XY * drone_vary(s, 0.3f);
    float inertia_z = DRONE_INERTIA_Z * drone_vary(s, 0.3f);
    float drag = DRONE_DRAG * s->air * drone_vary(s, 0.5f);
    float lag = DRONE_LAG * drone_vary(s, 0.3f);
    row[DRONE_OWN_MASS] = mass;
    row[DRONE_OWN_RADIUS] = DRONE_RADIUS * size;
    row[DRONE_OWN_ARM] = arm;
    row[DRONE_OWN_THRUST] = thrust;
    row[DRONE_OWN_INERTIA] = inertia_x;
    row[DRONE_OWN_INERTIA + 1] = inertia_y;
    row[DRONE_OWN_INERTIA + 2] = inertia_z;
    row[DRONE_LIFT] = thrust / mass;
    row[DRONE_ROLL] = thrust * arm * DRONE_HALF_SQRT2 / inertia_x;
    row[DRONE_PITCH] = thrust * arm * DRONE_HALF_SQRT2 / inertia_y;
    row[DRONE_YAW] = thrust * DRONE_TWIST / inertia_z;
    row[DRONE_GYRO_X] = (inertia_z - inertia_y) / inertia_x;
    row[DRONE_GYRO_Y] = (inertia_x - inertia_z) / inertia_y;
    row[DRONE_GYRO_Z] = (inertia_y - inertia_x) / inertia_z;
    row[DRONE_SLOW] = 1.0f / (1.0f + DRONE_DT * drag / mass);
    row[DRONE_CALM] = 1.0f / (1.0f + DRONE_DT * DRONE_SPIN_DRAG * s->air);
    row[DRONE_FOLLOWS] = DRONE_DT / (lag + DRONE_DT);
}

// Somewhere near its goal; in a race, behind its ring.
static void drone_draw_place(Drone* s, float* row)
{
    float back = s->task == DRONE_RACE ? puf_rand_range(&s->rng, 1.0f, 5.0f) : 0.0f;
    float spread = s->task == DRONE_RACE ? 0.6f * DRONE_SCATTER : DRONE_SCATTER;
    for (int32_t k = 0; k < 3; k++) {
        float at = drone_goal_at(row, k, drone_time(s->tick)) - back * row[DRONE_NORMAL + k] + drone_around(s, spread);
        float low = k < 2 ? 1.0f - s->half : 0.7f, high = k < 2 ? s->half - 1.0f : s->height - 1.0f;
        row[DRONE_X + k] = puf_clampf(at, low, high);
    }
}

// Squared distance to the nearest of the first `count` drones, itself not counted.
static float drone_clearance(const Drone* s, int32_t i, int32_t count)
{
    const float* row = drone_row(s, i);
    float least = DRONE_NOWHERE;
    for (int32_t j = 0; j < count; j++) {
        const float* other = drone_row(s, j);
        float dx = other[DRONE_X] - row[DRONE_X], dy = other[DRONE_Y] - row[DRONE_Y];
        float dz = other[DRONE_Z] - row[DRONE_Z], square = dx * dx + dy * dy + dz * dz;
        least = j != i && square < least ? square : least;
    }
    return least;
}

// A new life: a body, a place away from the first `count` drones, upright, in any direction, almost at rest.
static void drone_start(Drone* s, int32_t i, int32_t count)
{
    float* row = drone_row(s, i);
    memset(row, 0, DRONE_GOAL * sizeof(float));
    drone_draw_body(s, row);
    float clear = 0.0f;
    for (int32_t try = 0; try < DRONE_TRIES && clear < DRONE_CLEAR * DRONE_CLEAR; try++) {
        drone_draw_place(s, row);
        clear = drone_clearance(s, i, count);
    }
    for (int32_t k = 0; k < 3; k++) {
        row[DRONE_VX + k] = drone_around(s, 0.5f);
        row[DRONE_WX + k] = drone_around(s, 0.2f);
    }
    puf_sincosf(puf_rand_range(&s->rng, 0.0f, PUF_PI), &row[DRONE_QZ], &row[DRONE_QW]);
    for (int32_t rotor = 0; rotor < 4; rotor++) {
        row[DRONE_U0 + rotor] = 0.5f;
    }
    row[DRONE_CONTACTS] = 0.0f;
    row[DRONE_RINGS] = 0.0f;
    drone_measure(s, row);
}

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

static void drone_reset(Drone* s)
{
    s->tick = 0;
    s->task = drone_draw_task(s);
    drone_plan(s);
    for (int32_t i = 0; i < s->num_drones; i++) {
        drone_set_goal(s, i);
    }
    for (int32_t i = 0; i < s->num_drones; i++) {
        drone_start(s, i, i);
    }
}

// perf: in a race the rings passed, of ten; else the share of steps, from DRONE_SETTLE steps after the life began to
// the end of the world's time, in which the drone was within DRONE_CLOSE of its goal. What it missed by getting lost
// counts as not there.
static void drone_add_log(Drone* s, const float* row, int32_t left, int32_t crashed)
{
    DroneLog* log = &s->log;
    float steps = row[DRONE_AGE];
    float rings = row[DRONE_RINGS];
    float possible = puf_maxf(steps + (float)(s->max_steps - s->tick) - (float)DRONE_SETTLE, 1.0f);
    float share = s->task == DRONE_RACE ? rings / (float)DRONE_GATES : row[DRONE_WITHIN] / possible;
    float perf = puf_minf(share, 1.0f);
    float contact = row[DRONE_CONTACTS] / steps;
    puf_log_episode(&log->common, perf, 10.0f * share, row[DRONE_RETURN], steps);
    log->collision_rate += contact;
    log->rings += rings;
    log->out_of_bounds += (float)left;
    log->crashes += (float)crashed;
    log->kinds[s->task].n += 1.0f;
    log->kinds[s->task].perf += perf;
    log->kinds[s->task].contact += contact;
    log->race_rings += rings;
}

// ---- Side by side: 16 drones, of one world or of several, as columns of numbers in short loops. ----

typedef struct DroneBlock {
    float of[DRONE_COLUMNS][DRONE_LANES]; // the rows, turned
    int32_t tick[DRONE_LANES];            // of the world
    float from[3][DRONE_LANES];           // position before the step
    float way[3][DRONE_LANES];            // to the goal
    float drift[3][DRONE_LANES];          // velocity of the goal
    float reward[DRONE_LANES];
    float hit[DRONE_LANES];                              // 1: the ground, hard
    int32_t passed[DRONE_LANES];                         // a ring
    int32_t left[DRONE_LANES];                           // the room
    int32_t crashed[DRONE_LANES];                        // on the ground
    int32_t over[DRONE_LANES];                           // the world's time is
    float square[DRONE_MOST_NEIGHBOURS][DRONE_LANES];    // distances to the nearest, the nearest first
    int32_t nearest[DRONE_MOST_NEIGHBOURS][DRONE_LANES]; // their lanes in the group, or -1
} DroneBlock;

// The drones of one large world, or of as many small ones as fit into a block.
typedef struct DroneGroup {
    Drone* worlds[DRONE_MOST];
    float* rows[DRONE_MOST];
    int32_t world_of[DRONE_MOST];
    int32_t num_worlds, agents, lanes, num_blocks;
    DroneBlock blocks[DRONE_BLOCKS];
} DroneGroup;

enum { DRONE_TILE = DRONE_LANES * DRONE_LANES };

// Four perfect shuffles of 256 numbers turn 16 rows of 16 into columns: each turns the index's eight bits by one.
static inline void drone_shuffle(const float* restrict from, float* restrict to)
{
    for (int32_t k = 0; k < DRONE_TILE / 2; k++) {
        to[2 * k] = from[k];
        to[2 * k + 1] = from[DRONE_TILE / 2 + k];
    }
}

// The same backwards: four of them do so as well.
static inline void drone_unshuffle(const float* restrict from, float* restrict low, float* restrict high, int32_t n)
{
    for (int32_t k = 0; k < n; k++) {
        low[k] = from[2 * k];
        high[k] = from[2 * k + 1];
    }
}

// 16 numbers of each of 16 rows, from element `at` on, into columns.
static inline void drone_turn_in(float* const* rows, int32_t at, float* restrict columns)
{
    float one[DRONE_TILE];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        memcpy(one + i * DRONE_LANES, rows[i] + at, DRONE_LANES * sizeof(float));
    }
    float other[DRONE_TILE];
    drone_shuffle(one, other);
    drone_shuffle(other, one);
    drone_shuffle(one, other);
    drone_shuffle(other, columns);
}

// And out again: the last of the shuffles goes right into the rows.
static inline void drone_turn_out(const float* restrict columns, float* const* rows, int32_t at)
{
    enum { HALF = DRONE_TILE / 2 };
    float one[DRONE_TILE], other[DRONE_TILE];
    drone_unshuffle(columns, one, one + HALF, HALF);
    drone_unshuffle(one, other, other + HALF, HALF);
    drone_unshuffle(other, one, one + HALF, HALF);
    for (int32_t i = 0; i < DRONE_LANES / 2; i++) {
        drone_unshuffle(one + 2 * DRONE_LANES * i, rows[i] + at, rows[i + DRONE_LANES / 2] + at, DRONE_LANES);
    }
}

static inline int32_t drone_lanes_in(const DroneGroup* g, int32_t block)
{
    int32_t left = g->lanes - block * DRONE_LANES;
    return left < DRONE_LANES ? left : DRONE_LANES;
}

static inline DroneBlock* drone_block_of(DroneGroup* g, int32_t lane) { return &g->blocks[lane / DRONE_LANES]; }

// The drones of the first worlds of the group.
static void drone_gather(DroneGroup* g, int32_t num_worlds, int32_t agents)
{
    g->num_worlds = num_worlds;
    g->agents = agents;
    g->lanes = num_worlds * agents;
    g->num_blocks = (g->lanes + DRONE_LANES - 1) / DRONE_LANES;
    for (int32_t lane = 0, w = 0, i = 0; lane < g->lanes; lane++) {
        g->rows[lane] = drone_row(g->worlds[w], i);
        g->world_of[lane] = w;
        i = i + 1 < agents ? i + 1 : 0;
        w += i == 0;
    }
    for (int32_t lane = g->lanes; lane < g->num_blocks * DRONE_LANES; lane++) {
        g->world_of[lane] = -1;
    }
}

// From rows to columns. Lanes that are left over do what the first does.
static void drone_load(DroneGroup* g)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        DroneBlock* block = &g->blocks[b];
        int32_t lanes = drone_lanes_in(g, b);
        float* rows[DRONE_LANES];
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            int32_t lane = b * DRONE_LANES + (i < lanes ? i : 0);
            rows[i] = g->rows[lane];
            block->tick[i] = g->worlds[g->world_of[lane]]->tick;
        }
        for (int32_t line = 0; line < DRONE_LINES; line++) {
            drone_turn_in(rows, line * DRONE_LANES, block->of[line * DRONE_LANES]);
        }
    }
}

// And back: what the step changed.
static void drone_store(DroneGroup* g)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        int32_t lanes = drone_lanes_in(g, b);
        float nowhere[DRONE_CHANGING * DRONE_LANES];
        float* rows[DRONE_LANES];
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            rows[i] = i < lanes ? g->rows[b * DRONE_LANES + i] : nowhere;
        }
        for (int32_t line = 0; line < DRONE_CHANGING; line++) {
            drone_turn_out(g->blocks[b].of[line * DRONE_LANES], rows, line * DRONE_LANES);
        }
    }
}

// One drone anew, after its row was changed.
static void drone_reload(DroneGroup* g, int32_t lane)
{
    DroneBlock* b = drone_block_of(g, lane);
    int32_t i = lane % DRONE_LANES;
    for (int32_t column = 0; column < DRONE_COLUMNS; column++) {
        b->of[column][i] = g->rows[lane][column];
    }
    b->tick[i] = g->worlds[g->world_of[lane]]->tick;
}

// The rotors follow their commands and turn the body: angular velocity by the torques, attitude by the angular velocity.
static inline void drone_spin(float (*restrict d)[DRONE_LANES], float (*restrict command)[DRONE_LANES])
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float follows = d[DRONE_FOLLOWS][i];
        float u0 = d[DRONE_U0][i], u1 = d[DRONE_U1][i], u2 = d[DRONE_U2][i], u3 = d[DRONE_U3][i];
        u0 += follows * (command[0][i] - u0);
        u1 += follows * (command[1][i] - u1);
        u2 += follows * (command[2][i] - u2);
        u3 += follows * (command[3][i] - u3);
        d[DRONE_U0][i] = u0;
        d[DRONE_U1][i] = u1;
        d[DRONE_U2][i] = u2;
        d[DRONE_U3][i] = u3;
        float t0 = u0 * u0, t1 = u1 * u1, t2 = u2 * u2, t3 = u3 * u3;

        float ax = d[DRONE_ROLL][i] * ((t0 + t3) - (t1 + t2));
        float ay = d[DRONE_PITCH][i] * ((t2 + t3) - (t0 + t1));
        float az = d[DRONE_YAW][i] * ((t0 + t2) - (t1 + t3));
        float gx = d[DRONE_GYRO_X][i], gy = d[DRONE_GYRO_Y][i], gz = d[DRONE_GYRO_Z][i];
        float x = d[DRONE_WX][i], y = d[DRONE_WY][i], z = d[DRONE_WZ][i];
        float mid_x = x + 0.5f * DRONE_DT * (ax - gx * (y * z));
        float mid_y = y + 0.5f * DRONE_DT * (ay - gy * (z * x));
        float mid_z = z + 0.5f * DRONE_DT * (az - gz * (x * y));
        float calm = d[DRONE_CALM][i];
        x = (x + DRONE_DT * (ax - gx * (mid_y * mid_z))) * calm;
        y = (y + DRONE_DT * (ay - gy * (mid_z * mid_x))) * calm;
        z = (z + DRONE_DT * (az - gz * (mid_x * mid_y))) * calm;
        x = puf_clampf(x, -DRONE_TOP_RATE, DRONE_TOP_RATE);
        y = puf_clampf(y, -DRONE_TOP_RATE, DRONE_TOP_RATE);
        z = puf_clampf(z, -DRONE_TOP_RATE, DRONE_TOP_RATE);
        d[DRONE_WX][i] = x;
        d[DRONE_WY][i] = y;
        d[DRONE_WZ][i] = z;

        float h = 0.5f * DRONE_DT;
        float qw = d[DRONE_QW][i], qx = d[DRONE_QX][i], qy = d[DRONE_QY][i], qz = d[DRONE_QZ][i];
        float nw = qw - h * (qx * x + qy * y + qz * z);
        float nx = qx + h * (qw * x + qy * z - qz * y);
        float ny = qy + h * (qw * y + qz * x - qx * z);
        float nz = qz + h * (qw * z + qx * y - qy * x);
        float scale = 1.0f / sqrtf(nw * nw + nx * nx + ny * ny + nz * nz);
        d[DRONE_QW][i] = nw * scale;
        d[DRONE_QX][i] = nx * scale;
        d[DRONE_QY][i] = ny * scale;
        d[DRONE_QZ][i] = nz * scale;
    }
}

// Thrust along the body's z axis, weight and drag; then the position. The ground holds what comes down on it.
static inline void drone_fly(float (*restrict d)[DRONE_LANES], float* restrict hit)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float qw = d[DRONE_QW][i], qx = d[DRONE_QX][i], qy = d[DRONE_QY][i], qz = d[DRONE_QZ][i];
        float u0 = d[DRONE_U0][i], u1 = d[DRONE_U1][i], u2 = d[DRONE_U2][i], u3 = d[DRONE_U3][i];
        float lift = d[DRONE_LIFT][i] * ((u0 * u0 + u1 * u1) + (u2 * u2 + u3 * u3));
        float up_x = 2.0f * (qx * qz + qw * qy);
        float up_y = 2.0f * (qy * qz - qw * qx);
        float up_z = 1.0f - 2.0f * (qx * qx + qy * qy);
        float slow = d[DRONE_SLOW][i];
        float vx = (d[DRONE_VX][i] + DRONE_DT * (lift * up_x)) * slow;
        float vy = (d[DRONE_VY][i] + DRONE_DT * (lift * up_y)) * slow;
        float vz = (d[DRONE_VZ][i] + DRONE_DT * (lift * up_z - DRONE_GRAVITY)) * slow;
        vx = puf_clampf(vx, -DRONE_TOP_SPEED, DRONE_TOP_SPEED);
        vy = puf_clampf(vy, -DRONE_TOP_SPEED, DRONE_TOP_SPEED);
        vz = puf_clampf(vz, -DRONE_TOP_SPEED, DRONE_TOP_SPEED);
        float z = d[DRONE_Z][i] + DRONE_DT * vz;
        float fast = vz < -DRONE_HARD ? 1.0f : 0.0f;
        float tilted = up_z < DRONE_UPRIGHT ? 1.0f : 0.0f;
        float held = z < 0.0f ? 0.0f : 1.0f;
        hit[i] = puf_maxf(hit[i], puf_maxf(fast, tilted) * (1.0f - held));
        d[DRONE_X][i] += DRONE_DT * vx;
        d[DRONE_Y][i] += DRONE_DT * vy;
        d[DRONE_Z][i] = puf_maxf(z, 0.0f);
        d[DRONE_VX][i] = vx * held;
        d[DRONE_VY][i] = vy * held;
        d[DRONE_VZ][i] = vz * held;
    }
}

static void drone_move(DroneBlock* b, const float* controls, int32_t lanes)
{
    float command[4][DRONE_LANES];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        const float* action = controls + 4 * (i < lanes ? i : 0);
        for (int32_t rotor = 0; rotor < 4; rotor++) {
            command[rotor][i] = 0.5f + 0.5f * action[rotor];
        }
        b->hit[i] = 0.0f;
    }
    memcpy(b->from, b->of[DRONE_X], sizeof(b->from));
    for (int32_t substep = 0; substep < DRONE_SUBSTEPS; substep++) {
        drone_spin(b->of, command);
        drone_fly(b->of, b->hit);
    }
}

// Those with whom the drones of a block are compared at a time: what is held meanwhile stays in registers.
enum { DRONE_CHUNK = 4 };
typedef struct DroneFound {
    float square[DRONE_CHUNK][DRONE_LANES];
    int32_t lane[DRONE_CHUNK][DRONE_LANES];
} DroneFound;

// Squared distances from a block to the drones in the lanes from `first` on; nowhere is who is in another world.
static inline void drone_compare(const DroneGroup* g, int32_t block, int32_t first, DroneFound* restrict found)
{
    const float (*d)[DRONE_LANES] = g->blocks[block].of;
    const int32_t* own = g->world_of + block * DRONE_LANES;
    for (int32_t c = 0; c < DRONE_CHUNK; c++) {
        int32_t j = first + c;
        const DroneBlock* other = &g->blocks[j / DRONE_LANES];
        float x = other->of[DRONE_X][j % DRONE_LANES], y = other->of[DRONE_Y][j % DRONE_LANES];
        float z = other->of[DRONE_Z][j % DRONE_LANES];
        int32_t world = j < g->lanes ? g->world_of[j] : -1, self = j - block * DRONE_LANES;
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            float dx = x - d[DRONE_X][i], dy = y - d[DRONE_Y][i], dz = z - d[DRONE_Z][i];
            float square = dx * dx + dy * dy + dz * dz;
            int32_t strange = (own[i] != world) | (i == self);
            found->square[c][i] = strange ? DRONE_NOWHERE : square;
            found->lane[c][i] = j;
        }
    }
}

// Keep the nearer of two, and hand on the other. (Whom it hands on is had by arithmetic: gcc would make a branch of it.)
static inline void drone_keep(float* held, int32_t* holder, float* found, int32_t* finder)
{
    float square = *held, candidate = *found;
    int32_t lane = *holder, comer = *finder;
    int32_t kept = candidate < square ? comer : lane;
    *held = puf_minf(candidate, square);
    *found = puf_maxf(square, candidate);
    *holder = kept;
    *finder = lane + comer - kept;
}

// The nearest of each drone's world, by comparing all with all. Of two equally near, the first.
static void drone_search(DroneGroup* g, int32_t wanted)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        float square[DRONE_MOST_NEIGHBOURS][DRONE_LANES];
        int32_t nearest[DRONE_MOST_NEIGHBOURS][DRONE_LANES];
        for (int32_t k = 0; k < wanted; k++) {
            for (int32_t i = 0; i < DRONE_LANES; i++) {
                square[k][i] = DRONE_NOWHERE;
                nearest[k][i] = -1;
            }
        }
        for (int32_t first = 0; first < g->lanes; first += DRONE_CHUNK) {
            DroneFound found;
            drone_compare(g, b, first, &found);
            for (int32_t k = 0; k < wanted; k++) {
                PUF_VECTORIZE(16)
                for (int32_t i = 0; i < DRONE_LANES; i++) {
                    float held = square[k][i];
                    int32_t holder = nearest[k][i];
                    drone_keep(&held, &holder, &found.square[0][i], &found.lane[0][i]);
                    drone_keep(&held, &holder, &found.square[1][i], &found.lane[1][i]);
                    drone_keep(&held, &holder, &found.square[2][i], &found.lane[2][i]);
                    drone_keep(&held, &holder, &found.square[3][i], &found.lane[3][i]);
                    square[k][i] = held;
                    nearest[k][i] = holder;
                }
            }
        }
        memcpy(g->blocks[b].square, square, (size_t)wanted * sizeof(square[0]));
        memcpy(g->blocks[b].nearest, nearest, (size_t)wanted * sizeof(nearest[0]));
    }
}

// Two drones that touch: as balls do, they exchange the momentum along the line of their centres.
static void drone_bounce(DroneGroup* g, int32_t one, int32_t other)
{
    float (*a)[DRONE_LANES] = drone_block_of(g, one)->of;
    float (*b)[DRONE_LANES] = drone_block_of(g, other)->of;
    int32_t i = one % DRONE_LANES, j = other % DRONE_LANES;
    float n[3], square = 0.0f, closing = 0.0f;
    for (int32_t k = 0; k < 3; k++) {
        n[k] = b[DRONE_X + k][j] - a[DRONE_X + k][i];
        square += n[k] * n[k];
    }
    float reach = a[DRONE_OWN_RADIUS][i] + b[DRONE_OWN_RADIUS][j];
    if (square >= reach * reach) {
        return;
    }
    a[DRONE_TOUCHES][i] = 1.0f;
    b[DRONE_TOUCHES][j] = 1.0f;
    float length = sqrtf(square);
    if (length <= 0.0f) {
        return; // in one place: there is no line between them
    }
    for (int32_t k = 0; k < 3; k++) {
        n[k] /= length;
        closing += n[k] * (a[DRONE_VX + k][i] - b[DRONE_VX + k][j]);
    }
    if (closing > 0.0f) {
        float mass_a = a[DRONE_OWN_MASS][i], mass_b = b[DRONE_OWN_MASS][j];
        float share = 2.0f * closing / (mass_a + mass_b);
        for (int32_t k = 0; k < 3; k++) {
            a[DRONE_VX + k][i] -= share * mass_b * n[k];
            b[DRONE_VX + k][j] += share * mass_a * n[k];
        }
    }
}

static void drone_contacts(DroneGroup* g)
{
    const float widest = 2.0f * DRONE_RADIUS * 1.2f; // two of the largest bodies
    for (int32_t one = 0; one < g->lanes; one++) {
        drone_block_of(g, one)->of[DRONE_TOUCHES][one % DRONE_LANES] = 0.0f;
    }
    for (int32_t one = 0; one < g->lanes; one++) {
        if (drone_block_of(g, one)->square[0][one % DRONE_LANES] < widest * widest) {
            for (int32_t other = one + 1; other < g->lanes && g->world_of[other] == g->world_of[one]; other++) {
                drone_bounce(g, one, other);
            }
        }
    }
}

// Where the goals are at the block's time, and how they move.
static void drone_find_goals(DroneBlock* b)
{
    for (int32_t axis = 0; axis < 3; axis++) {
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            float swing = b->of[DRONE_SWING + axis][i], pace = b->of[DRONE_PACE + axis][i];
            float sine, cosine;
            puf_sincosf(pace * drone_time(b->tick[i]) + b->of[DRONE_PHASE + axis][i], &sine, &cosine);
            b->way[axis][i] = b->of[DRONE_GOAL + axis][i] + swing * sine - b->of[DRONE_X + axis][i];
            b->drift[axis][i] = swing * pace * cosine;
        }
    }
}

// Whether the step led through the ring: its plane crossed the right way, near enough to the middle.
static void drone_find_rings(DroneBlock* b)
{
    float (*d)[DRONE_LANES] = b->of;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float nx = d[DRONE_NORMAL][i], ny = d[DRONE_NORMAL + 1][i], nz = d[DRONE_NORMAL + 2][i];
        float x0 = b->from[0][i] - d[DRONE_GOAL][i], y0 = b->from[1][i] - d[DRONE_GOAL + 1][i];
        float z0 = b->from[2][i] - d[DRONE_GOAL + 2][i];
        float x1 = d[DRONE_X][i] - d[DRONE_GOAL][i], y1 = d[DRONE_Y][i] - d[DRONE_GOAL + 1][i];
        float z1 = d[DRONE_Z][i] - d[DRONE_GOAL + 2][i];
        float before = nx * x0 + ny * y0 + nz * z0, after = nx * x1 + ny * y1 + nz * z1;
        int32_t crosses = (before < 0.0f) & (after >= 0.0f);
        float step = after - before;
        float part = -before / (crosses ? step : 1.0f);
        float x = x0 + part * (x1 - x0), y = y0 + part * (y1 - y0), z = z0 + part * (z1 - z0);
        int32_t inside = x * x + y * y + z * z <= DRONE_GATE * DRONE_GATE;
        b->passed[i] = crosses & inside;
    }
}

static void drone_judge(DroneBlock* b, const Drone* s)
{
    float (*d)[DRONE_LANES] = b->of;
    DroneRewards r = s->rewards;
    float half = s->half, height = s->height;
    int32_t max_steps = s->max_steps;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float x = b->way[0][i], y = b->way[1][i], z = b->way[2][i];
        float square = x * x + y * y + z * z;
        float away = sqrtf(square);
        float nearer = puf_clampf(d[DRONE_FAR][i] - away, -1.0f, 1.0f);
        float races = d[DRONE_RACES][i];
        float wx = d[DRONE_WX][i], wy = d[DRONE_WY][i], wz = d[DRONE_WZ][i];
        int32_t crashed = b->hit[i] > 0.0f;
        int32_t left = (fabsf(d[DRONE_X][i]) > half) | (fabsf(d[DRONE_Y][i]) > half) | (d[DRONE_Z][i] > height);
        left &= !crashed;
        float age = d[DRONE_AGE][i] + 1.0f;
        float there = ((away < DRONE_CLOSE) & (age > (float)DRONE_SETTLE)) ? 1.0f : 0.0f;
        float close = (1.0f - races) * r.close / (1.0f + 4.0f * square);
        float reward = close + r.progress * nearer + r.contact * d[DRONE_TOUCHES][i];
        reward -= r.spin * (wx * wx + wy * wy + wz * wz) * (1.0f / (3.0f * DRONE_TOP_RATE * DRONE_TOP_RATE));
        reward += (crashed | left) ? r.lost : b->passed[i] ? r.ring : 0.0f;
        b->reward[i] = reward;
        b->left[i] = left;
        b->crashed[i] = crashed;
        b->over[i] = b->tick[i] >= max_steps;
        d[DRONE_FAR][i] = away;
        d[DRONE_AGE][i] = age;
        d[DRONE_WITHIN][i] += there;
        d[DRONE_RETURN][i] += reward;
    }
}

// Rows of the rotation that turns the world's axes into the drone's.
typedef struct DroneAxes {
    float x[3][DRONE_LANES], y[3][DRONE_LANES], z[3][DRONE_LANES];
} DroneAxes;

static void drone_find_axes(float (*restrict d)[DRONE_LANES], DroneAxes* restrict axes)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float w = d[DRONE_QW][i], x = d[DRONE_QX][i], y = d[DRONE_QY][i], z = d[DRONE_QZ][i];
        axes->x[0][i] = 1.0f - 2.0f * (y * y + z * z);
        axes->x[1][i] = 2.0f * (x * y + w * z);
        axes->x[2][i] = 2.0f * (x * z - w * y);
        axes->y[0][i] = 2.0f * (x * y - w * z);
        axes->y[1][i] = 1.0f - 2.0f * (x * x + z * z);
        axes->y[2][i] = 2.0f * (y * z + w * x);
        axes->z[0][i] = 2.0f * (x * z + w * y);
        axes->z[1][i] = 2.0f * (y * z - w * x);
        axes->z[2][i] = 1.0f - 2.0f * (x * x + y * y);
    }
}

static inline float drone_unit(float x) { return puf_clampf(x, -1.0f, 1.0f); }

// A vector (x, y, z) times `scale`, in the drones' axes.
static inline void drone_see(const DroneAxes* restrict axes, const float* restrict x, const float* restrict y,
                             const float* restrict z, const float* restrict scale, float (*restrict seen)[DRONE_LANES])
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float vx = x[i] * scale[i], vy = y[i] * scale[i], vz = z[i] * scale[i];
        seen[0][i] = drone_unit(axes->x[0][i] * vx + axes->x[1][i] * vy + axes->x[2][i] * vz);
        seen[1][i] = drone_unit(axes->y[0][i] * vx + axes->y[1][i] * vy + axes->y[2][i] * vz);
        seen[2][i] = drone_unit(axes->z[0][i] * vx + axes->z[1][i] * vy + axes->z[2][i] * vz);
    }
}

// 1 / (distance + softness): what brings a way of any length to less than 1, and tells short ones apart.
static inline void drone_compress(const float* restrict x, const float* restrict y, const float* restrict z,
                                  float softness, float* restrict scale)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        scale[i] = 1.0f / (sqrtf(x[i] * x[i] + y[i] * y[i] + z[i] * z[i]) + softness);
    }
}

static inline void drone_fill(float* scale, float value)
{
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        scale[i] = value;
    }
}

enum {
    DRONE_SEES_VELOCITY = 0,
    DRONE_SEES_RATES = 3,
    DRONE_SEES_UP = 6,
    DRONE_SEES_ROTORS = 9,
    DRONE_SEES_HEIGHT = 13,
    DRONE_SEES_DISTANCE = 14,
    DRONE_SEES_NEAR = 15,
    DRONE_SEES_FAR = 18,
    DRONE_SEES_DRIFT = 21,
    DRONE_SEES_NORMAL = 24,
    DRONE_SEES_NEXT = 27,
    DRONE_SEES_TURN = 30, // how far the next ring is turned from this one
};
#define DRONE_SOFT 0.5f      // m
#define DRONE_SOFT_NEXT 4.0f // m

static void drone_see_own(const DroneBlock* restrict b, const DroneAxes* restrict axes,
                          float (*restrict seen)[DRONE_LANES])
{
    const float (*d)[DRONE_LANES] = (const float (*)[DRONE_LANES])b->of;
    float scale[DRONE_LANES], next[3][DRONE_LANES];
    drone_fill(scale, 1.0f / 8.0f);
    drone_see(axes, d[DRONE_VX], d[DRONE_VY], d[DRONE_VZ], scale, seen + DRONE_SEES_VELOCITY);
    drone_see(axes, b->drift[0], b->drift[1], b->drift[2], scale, seen + DRONE_SEES_DRIFT);
    drone_fill(scale, 1.0f / 16.0f);
    drone_see(axes, b->way[0], b->way[1], b->way[2], scale, seen + DRONE_SEES_FAR);
    drone_compress(b->way[0], b->way[1], b->way[2], DRONE_SOFT, scale);
    drone_see(axes, b->way[0], b->way[1], b->way[2], scale, seen + DRONE_SEES_NEAR);
    drone_fill(scale, 1.0f);
    drone_see(axes, d[DRONE_NORMAL], d[DRONE_NORMAL + 1], d[DRONE_NORMAL + 2], scale, seen + DRONE_SEES_NORMAL);
    for (int32_t k = 0; k < 3; k++) {
        for (int32_t i = 0; i < DRONE_LANES; i++) {
            next[k][i] = (d[DRONE_NEXT + k][i] - d[DRONE_X + k][i]) * d[DRONE_RACES][i];
        }
    }
    drone_compress(next[0], next[1], next[2], DRONE_SOFT_NEXT, scale);
    drone_see(axes, next[0], next[1], next[2], scale, seen + DRONE_SEES_NEXT);
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        float across =
            d[DRONE_NORMAL][i] * d[DRONE_NEXT_NORMAL][i] + d[DRONE_NORMAL + 1][i] * d[DRONE_NEXT_NORMAL + 1][i];
        float turn =
            d[DRONE_NORMAL][i] * d[DRONE_NEXT_NORMAL + 1][i] - d[DRONE_NORMAL + 1][i] * d[DRONE_NEXT_NORMAL][i];
        float x = b->way[0][i], y = b->way[1][i], z = b->way[2][i];
        seen[DRONE_SEES_TURN][i] = drone_unit(across);
        seen[DRONE_SEES_TURN + 1][i] = drone_unit(turn);
        seen[DRONE_SEES_HEIGHT][i] = drone_unit(d[DRONE_Z][i] * 0.25f - 1.0f);
        seen[DRONE_SEES_DISTANCE][i] = drone_unit(sqrtf(x * x + y * y + z * z) * 0.5f - 1.0f);
        seen[DRONE_SEES_RATES][i] = drone_unit(d[DRONE_WX][i] * 0.125f);
        seen[DRONE_SEES_RATES + 1][i] = drone_unit(d[DRONE_WY][i] * 0.125f);
        seen[DRONE_SEES_RATES + 2][i] = drone_unit(d[DRONE_WZ][i] * 0.125f);
        seen[DRONE_SEES_UP][i] = drone_unit(axes->x[2][i]);
        seen[DRONE_SEES_UP + 1][i] = drone_unit(axes->y[2][i]);
        seen[DRONE_SEES_UP + 2][i] = drone_unit(axes->z[2][i]);
        seen[DRONE_SEES_ROTORS][i] = drone_unit(2.0f * d[DRONE_U0][i] - 1.0f);
        seen[DRONE_SEES_ROTORS + 1][i] = drone_unit(2.0f * d[DRONE_U1][i] - 1.0f);
        seen[DRONE_SEES_ROTORS + 2][i] = drone_unit(2.0f * d[DRONE_U2][i] - 1.0f);
        seen[DRONE_SEES_ROTORS + 3][i] = drone_unit(2.0f * d[DRONE_U3][i] - 1.0f);
    }
}

// The k-th nearest; zeros where there is none.
static void drone_see_neighbour(DroneGroup* g, int32_t block, int32_t k, const DroneAxes* axes,
                                float (*seen)[DRONE_LANES])
{
    const DroneBlock* b = &g->blocks[block];
    float away[6][DRONE_LANES], scale[DRONE_LANES];
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        int32_t lane = b->nearest[k][i] < 0 ? block * DRONE_LANES + i : b->nearest[k][i];
        float (*other)[DRONE_LANES] = drone_block_of(g, lane)->of;
        for (int32_t c = 0; c < 6; c++) {
            away[c][i] = other[DRONE_X + c][lane % DRONE_LANES] - b->of[DRONE_X + c][i];
        }
    }
    drone_compress(away[0], away[1], away[2], DRONE_SOFT, scale);
    drone_see(axes, away[0], away[1], away[2], scale, seen);
    drone_fill(scale, 1.0f / 8.0f);
    drone_see(axes, away[3], away[4], away[5], scale, seen + 3);
}

// The observations of one block into rows. Columns are turned 16 at a time, from the end on; the last ones turned may
// overlap those before.
static void drone_observe_block(DroneGroup* g, int32_t block, int32_t neighbours, float* const* rows)
{
    enum { MOST = DRONE_OWN + DRONE_NEIGHBOUR * DRONE_MOST_NEIGHBOURS };
    float seen[MOST][DRONE_LANES], nowhere[MOST];
    float* to[DRONE_LANES];
    int32_t lanes = drone_lanes_in(g, block), size = drone_obs_size(neighbours), end = size;
    for (int32_t i = 0; i < DRONE_LANES; i++) {
        to[i] = i < lanes ? rows[i] : nowhere;
    }
    DroneAxes axes;
    drone_find_axes(g->blocks[block].of, &axes);
    drone_see_own(&g->blocks[block], &axes, seen);
    for (int32_t k = 0; k < neighbours && g->agents > 1; k++) {
        drone_see_neighbour(g, block, k, &axes, seen + DRONE_OWN + k * DRONE_NEIGHBOUR);
    }
    for (; end > DRONE_OWN && g->agents == 1; end -= DRONE_LANES) { // nobody there
        for (int32_t i = 0; i < lanes; i++) {
            memset(to[i] + end - DRONE_LANES, 0, DRONE_LANES * sizeof(float));
        }
    }
    end = g->agents == 1 ? DRONE_OWN : size;
    while (end > 0) {
        end = puf_clampi(end - DRONE_LANES, 0, MOST);
        drone_turn_out(seen[end], to, end);
    }
}

static void drone_observe_group(DroneGroup* g, float* const* rows)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_observe_block(g, b, g->worlds[0]->neighbours, rows + b * DRONE_LANES);
    }
}

// ---- A step. ----

static int32_t drone_wanted(const DroneGroup* g)
{
    int32_t neighbours = g->worlds[0]->neighbours;
    return neighbours > 1 ? neighbours : 1; // one at least, to know who is in contact
}

static void drone_look_around(DroneGroup* g)
{
    if (g->agents > 1) {
        drone_search(g, drone_wanted(g));
    }
}

// What all see of the world as it is.
static void drone_look(DroneGroup* g, float* const* rows)
{
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_find_goals(&g->blocks[b]);
    }
    drone_look_around(g);
    drone_observe_group(g, rows);
}

// What those ended see last. Their neighbours are still where they were.
static void drone_see_last(DroneGroup* g, PufIo io, float* const* rows)
{
    int32_t neighbours = g->worlds[0]->neighbours;
    size_t size = (size_t)drone_obs_size(neighbours);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        int32_t first = b * DRONE_LANES, end = first + drone_lanes_in(g, b), any = 0;
        for (int32_t lane = first; lane < end; lane++) {
            any |= io.terminals[lane] | io.truncations[lane];
        }
        if (any) {
            drone_observe_block(g, b, neighbours, rows + first);
        }
        for (int32_t lane = first; any && lane < end; lane++) {
            if (io.terminals[lane] | io.truncations[lane]) {
                memcpy((float*)io.final_obs + (size_t)lane * size, rows[lane], size * sizeof(float));
            }
        }
    }
}

// Log, then new lives, or a new world.
static void drone_end_lives(DroneGroup* g, PufIo io)
{
    for (int32_t lane = 0; lane < g->lanes; lane++) {
        if (io.terminals[lane] | io.truncations[lane]) {
            DroneBlock* b = drone_block_of(g, lane);
            int32_t i = lane % DRONE_LANES;
            drone_add_log(g->worlds[g->world_of[lane]], g->rows[lane], b->left[i], b->crashed[i]);
        }
    }
    for (int32_t w = 0; w < g->num_worlds; w++) {
        Drone* s = g->worlds[w];
        int32_t first = w * g->agents, over = drone_block_of(g, first)->over[first % DRONE_LANES];
        if (over) {
            drone_reset(s);
        }
        for (int32_t i = 0; i < g->agents; i++) {
            if (!over && io.terminals[first + i]) {
                drone_start(s, i, g->agents);
            }
            if (g->agents > 1 && (over | io.terminals[first + i])) { // one alone is loaded anew later
                drone_reload(g, first + i);
            }
        }
    }
}

// The next ring for those who passed one.
static void drone_next_ring(DroneGroup* g, int32_t lane)
{
    const Drone* s = g->worlds[g->world_of[lane]];
    float* row = g->rows[lane];
    row[DRONE_RINGS] += 1.0f;
    row[DRONE_RING] = row[DRONE_RING] + 1.0f < (float)DRONE_GATES ? row[DRONE_RING] + 1.0f : 0.0f;
    drone_aim_at_ring(s, row);
    drone_measure(s, row);
    drone_reload(g, lane);
}

// After the rows were stored: the results of a block, then what is rare. Returns whether a life ended.
static int32_t drone_report_block(DroneGroup* g, int32_t block, PufIo io)
{
    DroneBlock* b = &g->blocks[block];
    int32_t first = block * DRONE_LANES, lanes = drone_lanes_in(g, block), ended = 0, rare = 0, moved = 0;
    memcpy(io.rewards + first, b->reward, (size_t)lanes * sizeof(float));
    for (int32_t i = 0; i < lanes; i++) {
        int32_t lost = b->left[i] | b->crashed[i], over = b->over[i] & !lost;
        io.terminals[first + i] = (uint8_t)lost;
        io.truncations[first + i] = (uint8_t)over;
        ended |= lost | over;
        rare |= b->passed[i] | (b->of[DRONE_TOUCHES][i] > 0.0f);
    }
    for (int32_t i = 0; rare && i < lanes; i++) {
        if (b->of[DRONE_TOUCHES][i] > 0.0f) {
            g->rows[first + i][DRONE_CONTACTS] += 1.0f;
        }
        if (b->passed[i] && !io.terminals[first + i]) {
            drone_next_ring(g, first + i);
            moved = 1;
        }
    }
    if (moved) {
        drone_find_goals(b);
    }
    return ended;
}

// Worlds of one drone that begin a new life in this step. What they see of it is found out later, for many at a time.
typedef struct DroneNewborn {
    Drone* worlds[DRONE_MOST];
    float* rows[DRONE_MOST]; // of the observations
    int32_t count;
} DroneNewborn;

static void drone_observe_newborn(DroneGroup* g, DroneNewborn* newborn)
{
    memcpy(g->worlds, newborn->worlds, (size_t)newborn->count * sizeof(newborn->worlds[0]));
    drone_gather(g, newborn->count, 1);
    drone_load(g);
    drone_look(g, newborn->rows);
    newborn->count = 0;
}

// After lives ended: now, as all see who is new, or later, if nobody else does.
static void drone_look_again(DroneGroup* g, PufIo io, float* const* rows, DroneNewborn* newborn)
{
    if (g->agents > 1) {
        drone_look(g, rows);
        return;
    }
    for (int32_t w = 0; w < g->num_worlds; w++) {
        if (io.terminals[w] | io.truncations[w]) {
            newborn->worlds[newborn->count] = g->worlds[w];
            newborn->rows[newborn->count] = rows[w];
            newborn->count += 1;
        }
    }
}

static void drone_step_group(DroneGroup* g, PufIo io, DroneNewborn* newborn)
{
    float* rows[DRONE_MOST];
    int32_t size = drone_obs_size(g->worlds[0]->neighbours), ended = 0;
    for (int32_t lane = 0; lane < g->lanes; lane++) {
        rows[lane] = (float*)io.obs + lane * size;
    }
    drone_load(g);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_move(&g->blocks[b], io.controls + (size_t)b * DRONE_LANES * 4, drone_lanes_in(g, b));
    }
    drone_look_around(g);
    if (g->agents > 1) {
        drone_contacts(g);
    }
    for (int32_t b = 0; b < g->num_blocks; b++) {
        drone_find_goals(&g->blocks[b]);
        drone_find_rings(&g->blocks[b]);
        drone_judge(&g->blocks[b], g->worlds[0]);
    }
    drone_store(g);
    for (int32_t b = 0; b < g->num_blocks; b++) {
        ended |= drone_report_block(g, b, io);
    }
    if (ended) {
        drone_see_last(g, io, rows);
        drone_end_lives(g, io);
        drone_look_again(g, io, rows, newborn);
    } else {
        drone_observe_group(g, rows);
    }
}

// Into the cache, before it is needed.
static inline void drone_prefetch(const void* start, size_t size)
{
#ifdef __GNUC__
    for (size_t at = 0; at < size; at += 64) {
        __builtin_prefetch((const uint8_t*)start + at);
    }
#else
    (void)start, (void)size;
#endif
}

// What a step changes of worlds and observations.
static void drone_prefetch_worlds(const PufLayout* layout, const void* states, int32_t n, PufIo io)
{
    const size_t first = offsetof(Drone, tick), size = (size_t)layout->state_size;
    for (int32_t w = 0; w < n; w++) {
        drone_prefetch((const uint8_t*)states + (size_t)w * size + first, size - first);
    }
    drone_prefetch(io.obs, (size_t)(n * layout->agents * layout->obs_shape[0]) * sizeof(float));
}

static int32_t drone_worlds_to_a_group(int32_t agents) { return agents < DRONE_LANES ? DRONE_LANES / agents : 1; }

static void drone_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    DroneGroup g;
    DroneNewborn newborn;
    newborn.count = 0;
    int32_t most = drone_worlds_to_a_group(layout->agents);
    for (int32_t first = 0; first < n; first += most) {
        int32_t here = puf_clampi(n - first, 0, most), next = puf_clampi(n - first - here, 0, most);
        uint8_t* world = (uint8_t*)states + (size_t)first * layout->state_size;
        for (int32_t w = 0; w < here; w++) {
            g.worlds[w] = (Drone*)world;
            g.worlds[w]->tick += 1;
            world += layout->state_size;
        }
        drone_prefetch_worlds(layout, world, next, puf_row(layout, PUF_F32, io, first + here));
        drone_gather(&g, here, layout->agents);
        drone_step_group(&g, puf_row(layout, PUF_F32, io, first), &newborn);
        if (newborn.count > DRONE_MOST - DRONE_LANES) {
            drone_observe_newborn(&g, &newborn);
        }
    }
    if (newborn.count > 0) {
        drone_observe_newborn(&g, &newborn);
    }
}

static void drone_observe(const Drone* s, PufIo io)
{
    DroneGroup g;
    float* rows[DRONE_MOST];
    g.worlds[0] = (Drone*)(uintptr_t)s;
    drone_gather(&g, 1, s->num_drones);
    for (int32_t lane = 0; lane < g.lanes; lane++) {
        rows[lane] = (float*)io.obs + lane * drone_obs_size(s->neighbours);
    }
    drone_load(&g);
    drone_look(&g, rows);
}

static const PufObs drone_obs[] = {
    { "velocity", 3, -1, 1, "own, 8 m/s; these and all that follow are in the drone's own axes" },
    { "rates", 3, -1, 1, "turn rates, 8 rad/s" },
    { "up", 3, -1, 1, "the world's vertical" },
    { "rotors", 4, -1, 1, "speeds of the rotors: -1 still, 1 the greatest" },
    { "height", 1, -1, 1, "-1 at the ground, 1 at 8 m and above" },
    { "distance", 1, -1, 1, "to the goal: -1 there, 1 at 4 m and beyond" },
    { "near", 3, -1, 1, "the way to the goal, divided by its length and 0.5 m" },
    { "far", 3, -1, 1, "the way to the goal, 16 m" },
    { "drift", 3, -1, 1, "velocity of the goal, 8 m/s" },
    { "ring", 3, -1, 1, "race: the way through the ring; else 0" },
    { "next", 3, -1, 1, "race: the way to the ring after it, divided by its length and 4 m; else 0" },
    { "turn", 2, -1, 1, "race: cosine and sine of the turn from this ring to that one, seen from above; else 0" },
    { "neighbours", 0, -1, 1,
      "the nearest first: the way to it, divided by its length and 0.5 m, and its velocity relative to the own, 8 m/s; "
      "0 where there is none" },
};
static const PufAction drone_actions[] = {
    { "rotor0", 0, -1, 1, "share" },
    { "rotor1", 0, -1, 1, "share" },
    { "rotor2", 0, -1, 1, "share" },
    { "rotor3", 0, -1, 1, "share" },
};
static const PufParam drone_params[] = {
    PUF_SETTING(Drone, num_drones, 64, 1, DRONE_MOST, "drones in one world: its agents"),
    PUF_SETTING(Drone, max_steps, 1024, 1, 32767, "steps until a world begins anew, 50 to a second"),
    PUF_SETTING(Drone, neighbours, 2, 0, DRONE_MOST_NEIGHBOURS, "nearest others that a drone sees"),
    PUF_SETTING_AS(Drone, "hover", weights[DRONE_HOVER], 1, 0, 1000, "weight of this task when one is drawn"),
    PUF_SETTING_AS(Drone, "orbit", weights[DRONE_ORBIT], 1, 0, 1000, "weight"),
    PUF_SETTING_AS(Drone, "follow", weights[DRONE_FOLLOW], 1, 0, 1000, "weight"),
    PUF_SETTING_AS(Drone, "cube", weights[DRONE_CUBE], 1, 0, 1000, "weight"),
    PUF_SETTING_AS(Drone, "sphere", weights[DRONE_SPHERE], 1, 0, 1000, "weight"),
    PUF_SETTING_AS(Drone, "flag", weights[DRONE_FLAG], 1, 0, 1000, "weight"),
    PUF_SETTING_AS(Drone, "congo", weights[DRONE_CONGO], 1, 0, 1000, "weight"),
    PUF_SETTING_AS(Drone, "race", weights[DRONE_RACE], 7, 0, 1000, "weight: by default half of all"),
    PUF_SETTING(Drone, randomize, 1, 0, 1,
                "how much bodies differ: at 1 mass 30 %, size 20 %, arm 10 % more, thrust 20 %, inertia 30 %, drag 50 "
                "%, lag 30 % either way"),
    PUF_SETTING(Drone, air, 1, 0, 10, "drag, as a multiple of the usual; 0 is a vacuum in which rotors work"),
    PUF_SETTING_AS(Drone, "reward_close", rewards.close, 0.05, -10, 10, "for being at the goal, in formations"),
    PUF_SETTING_AS(Drone, "reward_progress", rewards.progress, 0.1, -10, 10, "for every metre nearer to the goal"),
    PUF_SETTING_AS(Drone, "reward_ring", rewards.ring, 0.5, -10, 10, "for passing a ring"),
    PUF_SETTING_AS(Drone, "reward_contact", rewards.contact, -0.05, -10, 10, "for a step in contact with another"),
    PUF_SETTING_AS(Drone, "reward_lost", rewards.lost, -1, -10, 10, "for leaving the room or hitting the ground"),
    PUF_SETTING_AS(Drone, "reward_spin", rewards.spin, 0.05, -10, 10,
                   "taken off, times the mean square of the turn rates as shares of 20 rad/s"),
};
static const PufField drone_fields[] = {
    PUF_BLOCK(Drone, "drones", PUF_F32, drones_offset, num_drones, columns,
              "one row per drone: 0 position, 3 velocity, 6 attitude (w, x, y, z), 10 turn rates, 13 age in steps, 14 "
              "steps at the goal, 15 return, 16 rotors, 20 acceleration by one rotor, 21 angular accelerations, 24 "
              "gyroscopic ratios, 27 what drag leaves, 28 what spin drag leaves, 29 share that rotors follow, 30 "
              "distance to the goal, 31 in contact, 32 goal, 35 its swings, 38 paces, 41 phases, 44 way through the "
              "ring, 47 in a race, 48 next ring, 51 way through it, 54 mass, 55 radius, 56 arm, 57 thrust of a rotor, "
              "58 inertia, 61 steps in contact, 62 rings passed, 63 number of the ring"),
    PUF_GRID(Drone, gates, "rings of the race: middle, and the way through; 0 in other tasks"),
    PUF_SCALAR(Drone, task, "0 hover, 1 orbit, 2 follow, 3 cube, 4 sphere, 5 flag, 6 congo, 7 race"),
    PUF_ARRAY(Drone, center, "of the formation, m"),
    PUF_SCALAR(Drone, size, "of the formation, m"),
    PUF_SCALAR(Drone, half, "of the room: x and y are from -half to half, m"),
    PUF_SCALAR(Drone, height, "of the room, m"),
    PUF_SCALAR(Drone, tick, "steps since the world began"),
    PUF_SCALAR(Drone, max_steps, "until it begins anew"),
    PUF_SCALAR(Drone, num_drones, "in the world"),
    PUF_SCALAR(Drone, columns, "of drones"),
};
// clang-format off
static const char* const drone_log_names[] = {
    "collision_rate", "rings", "out_of_bounds", "crashes",
    "hover.n", "hover.perf", "hover.collisions", "orbit.n", "orbit.perf", "orbit.collisions",
    "follow.n", "follow.perf", "follow.collisions", "cube.n", "cube.perf", "cube.collisions",
    "sphere.n", "sphere.perf", "sphere.collisions", "flag.n", "flag.perf", "flag.collisions",
    "congo.n", "congo.perf", "congo.collisions", "race.n", "race.perf", "race.collisions", "race.rings",
};

PUF_DEFINE_BATCH_ENV(drone, Drone,
    .version = 1,
    .doc = "A swarm of quadrotors, each with a body of its own to get to know: formations, and races through rings.",
    .reward = "for closeness to the goal, progress towards it and rings passed; less for contact, spinning and getting lost",
    .ends = "terminal for a drone that leaves the room or hits the ground hard, which begins a new life at once; all are "
            "truncated together after max_steps",
    .rate = 50,
    .obs_dtype = PUF_F32,
    .layout = { .agents = 64, .obs_ndim = 1, .obs_shape = { DRONE_OWN + 2 * DRONE_NEIGHBOUR },
                PUF_ACTIONS(drone) },
    PUF_TABLES(drone),
    PUF_LOG_NAMES(drone),
    .resize = drone_resize, .conflict = drone_conflict, .prepare = drone_prepare);
