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

enum {
    DRONE_NUM_DRONES,
    DRONE_MAX_STEPS,
    DRONE_NEIGHBOURS,
    DRONE_WEIGHTS, // of the tasks
    DRONE_RANDOMIZE = DRONE_WEIGHTS + DRONE_TASKS,
    DRONE_AIR,
    DRONE_REWARD_CLOSE,
    DRONE_REWARD_PROGRESS,
    DRONE_REWARD_RING,
    DRONE_REWARD_CONTACT,
    DRONE_REWARD_LOST,
    DRONE_REWARD_SPIN,
    DRONE_PARAMS,
};

// Figures of the episodes of one task.
typedef struct DroneKind {
    float n, perf, contact;
} DroneKind;

typedef struct DroneLog {
    float n, perf, score, episode_return, episode_length; // as in PufLog
    float collision_rate;                                 // share of steps in contact
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

static void drone_resize(PufLayout* layout, const double* params)
{
    layout->agents = (int32_t)params[DRONE_NUM_DRONES];
    layout->obs_shape[0] = drone_obs_size((int32_t)params[DRONE_NEIGHBOURS]);
    layout->state_size =
        (uint64_t)drone_align((int32_t)sizeof(Drone)) + (uint64_t)layout->agents * DRONE_COLUMNS * sizeof(float);
}

static const char* drone_conflict(const double* params)
{
    double sum = 0;
    for (int32_t task = 0; task < DRONE_TASKS; task++) {
        sum += params[DRONE_WEIGHTS + task];
    }
    return sum > 0 ? NULL
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

static void drone_init(Drone* s, const double* params, PufRng rng)
{
    s->rng = rng;
    s->num_drones = (int32_t)params[DRONE_NUM_DRONES];
    s->max_steps = (int32_t)params[DRONE_MAX_STEPS];
    s->neighbours = (int32_t)params[DRONE_NEIGHBOURS];
    for (int32_t task = 0; task < DRONE_TASKS; task++) {
        s->weights[task] = (float)params[DRONE_WEIGHTS + task];
    }
    s->randomize = (float)params[DRONE_RANDOMIZE];
    s->air = (float)params[DRONE_AIR];
    s->rewards.close = (float)params[DRONE_REWARD_CLOSE];
    s->rewards.progress = (float)params[DRONE_REWARD_PROGRESS];
    s->rewards.ring = (float)params[DRONE_REWARD_RING];
    s->rewards.contact = (float)params[DRONE_REWARD_CONTACT];
    s->rewards.lost = (float)params[DRONE_REWARD_LOST];
    s->rewards.spin = (float)params[DRONE_REWARD_SPIN];
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
    log->n += 1.0f;
    log->perf += perf;
    log->score += 10.0f * share;
    log->episode_return += row[DRONE_RETURN];
    log->episode_length += steps;
    log->collision_rate += contact;
    log->rings += rings;
    log->out_of_bounds += (float)left;
    log->crashes += (float)crashed;
    log->kinds[s->task].n += 1.0f;
    log->kinds[s->task].perf += perf;
    log->kinds[s->task].contact += contact;
    log->race_rings += rings;
}

#include "drone_lanes.h"

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
    [DRONE_NUM_DRONES] = { "num_drones", PUF_INT, 64, 1, DRONE_MOST, "drones in one world: its agents" },
    [DRONE_MAX_STEPS] = { "max_steps", PUF_INT, 1024, 1, 32767, "steps until a world begins anew, 50 to a second" },
    [DRONE_NEIGHBOURS] = { "neighbours", PUF_INT, 2, 0, DRONE_MOST_NEIGHBOURS, "nearest others that a drone sees" },
    [DRONE_WEIGHTS + DRONE_HOVER] = { "hover", PUF_REAL, 1, 0, 1000, "weight of this task when one is drawn" },
    [DRONE_WEIGHTS + DRONE_ORBIT] = { "orbit", PUF_REAL, 1, 0, 1000, "weight" },
    [DRONE_WEIGHTS + DRONE_FOLLOW] = { "follow", PUF_REAL, 1, 0, 1000, "weight" },
    [DRONE_WEIGHTS + DRONE_CUBE] = { "cube", PUF_REAL, 1, 0, 1000, "weight" },
    [DRONE_WEIGHTS + DRONE_SPHERE] = { "sphere", PUF_REAL, 1, 0, 1000, "weight" },
    [DRONE_WEIGHTS + DRONE_FLAG] = { "flag", PUF_REAL, 1, 0, 1000, "weight" },
    [DRONE_WEIGHTS + DRONE_CONGO] = { "congo", PUF_REAL, 1, 0, 1000, "weight" },
    [DRONE_WEIGHTS + DRONE_RACE] = { "race", PUF_REAL, 7, 0, 1000, "weight: by default half of all" },
    [DRONE_RANDOMIZE] = { "randomize", PUF_REAL, 1, 0, 1,
                          "how much bodies differ: at 1 mass 30 %, size 20 %, arm 10 % more, thrust 20 %, inertia 30 "
                          "%, "
                          "drag 50 %, lag 30 % either way" },
    [DRONE_AIR] = { "air", PUF_REAL, 1, 0, 10, "drag, as a multiple of the usual; 0 is a vacuum in which rotors work" },
    [DRONE_REWARD_CLOSE] = { "reward_close", PUF_REAL, 0.05, -10, 10, "for being at the goal, in formations" },
    [DRONE_REWARD_PROGRESS] = { "reward_progress", PUF_REAL, 0.1, -10, 10, "for every metre nearer to the goal" },
    [DRONE_REWARD_RING] = { "reward_ring", PUF_REAL, 0.5, -10, 10, "for passing a ring" },
    [DRONE_REWARD_CONTACT] = { "reward_contact", PUF_REAL, -0.05, -10, 10, "for a step in contact with another" },
    [DRONE_REWARD_LOST] = { "reward_lost", PUF_REAL, -1, -10, 10, "for leaving the room or hitting the ground" },
    [DRONE_REWARD_SPIN] = { "reward_spin", PUF_REAL, 0.05, -10, 10,
                            "taken off, times the mean square of the turn rates as shares of 20 rad/s" },
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
                .num_actions = 4, .actions = drone_actions },
    .obs = drone_obs, .num_obs = PUF_COUNT(drone_obs),
    .params = drone_params, .num_params = PUF_COUNT(drone_params),
    .fields = drone_fields, .num_fields = PUF_COUNT(drone_fields),
    .log_names = drone_log_names, .num_log_names = PUF_COUNT(drone_log_names),
    .resize = drone_resize, .conflict = drone_conflict);
