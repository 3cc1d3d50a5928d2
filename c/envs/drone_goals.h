// drone_goals.h - where the drones of drone.h are to be: the places of each formation, and the rings of a race.
//
// A formation or the race is one function, called for each drone when a world begins: it places the drone's goal and says
// how the goal moves. To add one: a function here, and a row in DRONE_TASK_LIST.
#pragma once

// ---- Formations: where each drone is to be. ----

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
    int32_t only = ((const DroneSetup*)setup)->task;
    for (int32_t task = 0; only > 0 && task < DRONE_TASKS; task++) {
        s->weights[task] = task == only - 1 ? 1.0f : 0.0f;
    }
    s->columns = DRONE_COLUMNS;
    s->drones_offset = drone_align((int32_t)sizeof(Drone));
    float n = (float)s->num_drones;
    s->half = puf_maxf(drone_congo_radius(n), drone_course_radius(n)) + 8.0f;
    s->height = puf_maxf(12.0f, drone_cube_side(s->num_drones) + 8.0f);
}

// A formation: sets its size and its turn rate (`speed` is 0.5 to 1 m/s, negative for clockwise), and the goal of drone
// i. A goal swings around a point, along each axis by itself: a circle is a sine beside a cosine. It starts out
// standing still at the center of the formation, with all that belongs to a race 0.
typedef void DroneFormation(Drone* s, float speed, int32_t i, DroneRow* d);

// A point (x, y, z) of a solid around the center that turns around the vertical axis.
static void drone_turning(const Drone* s, DroneRow* d, float x, float y, float z)
{
    float radius = sqrtf(x * x + y * y), angle = puf_atan2f(y, x);
    for (int32_t k = 0; k < 2; k++) {
        d->swing[k] = radius;
        d->pace[k] = s->turn;
        d->phase[k] = angle + (k == 0 ? 0.5f * PUF_PI : 0.0f);
    }
    d->goal[2] += z;
}

// Points at random, away from those of the drones before.
static void drone_hover(Drone* s, float speed, int32_t i, DroneRow* d)
{
    (void)speed;
    s->size = puf_minf(1.0f + 1.2f * sqrtf((float)s->num_drones), s->half - 6.0f);
    float clear = 0.0f;
    for (int32_t try = 0; try < DRONE_TRIES && clear < 2.25f * DRONE_SPACING * DRONE_SPACING; try++) {
        d->goal[0] = drone_around(s, s->size);
        d->goal[1] = drone_around(s, s->size);
        d->goal[2] = puf_rand_range(&s->rng, DRONE_MIN_HEIGHT, s->height - 3.0f);
        clear = DRONE_NOWHERE;
        for (int32_t j = 0; j < i; j++) {
            clear = puf_minf(clear, drone_distance_squared(d->goal, drone_row(s, j)->goal));
        }
    }
}

// Circles above each other; every other one turns the other way.
static void drone_orbit(Drone* s, float speed, int32_t i, DroneRow* d)
{
    int32_t on_circle = drone_circle(s->num_drones), circles = (s->num_drones + on_circle - 1) / on_circle;
    s->size = puf_maxf(2.0f, 1.2f * DRONE_SPACING * (float)on_circle / DRONE_TAU);
    s->turn = 2.0f * speed / s->size;
    int32_t circle = i / on_circle;
    int32_t here = puf_clampi(s->num_drones - circle * on_circle, 1, on_circle);
    float angle = DRONE_TAU * (float)(i - circle * on_circle) / (float)here + s->phase[0];
    float z = ((float)circle - 0.5f * (float)(circles - 1)) * 1.2f * DRONE_SPACING;
    drone_turning(s, d, s->size * puf_cosf(angle), s->size * puf_sinf(angle), z);
    float side = circle % 2 ? -1.0f : 1.0f;
    d->pace[0] *= side;
    d->pace[1] *= side;
}

// A flock that lies like the seeds of a sunflower, around a point that moves along a Lissajous curve.
static void drone_follow(Drone* s, float speed, int32_t i, DroneRow* d)
{
    (void)speed;
    s->size = 0.66f * DRONE_SPACING;
    float angle = 2.39996323f * (float)i, radius = s->size * sqrtf((float)i + 0.5f); // the golden angle
    d->goal[0] += radius * puf_cosf(angle);
    d->goal[1] += radius * puf_sinf(angle);
    for (int32_t k = 0; k < 3; k++) {
        d->swing[k] = s->swing[k] * (k == 2 ? 0.5f : 1.0f);
        d->pace[k] = s->pace[k];
        d->phase[k] = s->phase[k];
    }
}

// The corners first, then the edges, which share the rest evenly. Bit k of a corner's number is its side on axis k.
static void drone_cube(Drone* s, float speed, int32_t i, DroneRow* d)
{
    s->size = 0.5f * drone_cube_side(s->num_drones);
    s->turn = speed / s->size;
    float at[3];
    int32_t edge = (i - 8) % 12, place = (i - 8) / 12;
    int32_t here = puf_clampi((s->num_drones - 8 - edge + 11) / 12, 1, DRONE_MAX_DRONES);
    for (int32_t k = 0; k < 3; k++) {
        at[k] = i >> k & 1 ? 1.0f : -1.0f;
    }
    if (i >= 8) {
        int32_t axis = edge / 4;
        at[axis] = 2.0f * (float)(place + 1) / (float)(here + 1) - 1.0f;
        at[(axis + 1) % 3] = edge & 1 ? 1.0f : -1.0f;
        at[(axis + 2) % 3] = edge & 2 ? 1.0f : -1.0f;
    }
    drone_turning(s, d, s->size * at[0], s->size * at[1], s->size * at[2]);
}

// Evenly over a sphere: a Fibonacci lattice.
static void drone_sphere(Drone* s, float speed, int32_t i, DroneRow* d)
{
    s->size = drone_sphere_radius((float)s->num_drones);
    s->turn = speed / s->size;
    float z = 1.0f - (2.0f * (float)i + 1.0f) / (float)s->num_drones;
    float radius = s->size * sqrtf(puf_maxf(0.0f, 1.0f - z * z)), angle = 2.39996323f * (float)i;
    drone_turning(s, d, radius * puf_cosf(angle), radius * puf_sinf(angle), s->size * z);
}

// Upright along x, from the upper left; waves run along it.
static void drone_flag(Drone* s, float speed, int32_t i, DroneRow* d)
{
    int32_t columns = drone_flag_columns(s->num_drones), rows = (s->num_drones + columns - 1) / columns;
    s->size = 0.5f * DRONE_SPACING * (float)(columns - 1);
    s->turn = 1.5f * speed;
    float along = (float)(i % columns) * DRONE_SPACING;
    d->goal[0] += along - s->size;
    d->goal[2] += (0.5f * (float)(rows - 1) - (float)(i / columns)) * DRONE_SPACING;
    d->swing[1] = 0.5f;
    d->pace[1] = s->turn;
    d->phase[1] = s->phase[1] - 0.6f * along;
}

// One behind the other along a circle that goes up and down twice: each is where the one before it was a while ago.
static void drone_congo(Drone* s, float speed, int32_t i, DroneRow* d)
{
    s->size = drone_congo_radius((float)s->num_drones);
    s->turn = 2.0f * speed / s->size;
    float behind = -puf_minf(DRONE_TAU / (float)s->num_drones, 1.2f * DRONE_SPACING / s->size) * (float)i;
    behind = s->turn > 0.0f ? behind : -behind;
    d->goal[0] = 0.0f;
    d->goal[1] = 0.0f;
    for (int32_t k = 0; k < 3; k++) {
        d->swing[k] = k < 2 ? s->size : 0.25f * s->size > 2.0f ? 2.0f : 0.25f * s->size;
        d->pace[k] = k < 2 ? s->turn : 2.0f * s->turn;
    }
    d->phase[0] = behind + 0.5f * PUF_PI;
    d->phase[1] = behind;
    d->phase[2] = 2.0f * behind + s->phase[2];
}

// ---- The race. ----

// Rings around the room, in a random direction and at random heights; each faces from the one before to the one after.
static void drone_lay_course(Drone* s)
{
    float radius = drone_course_radius((float)s->num_drones);
    float start = puf_rand_range(&s->rng, 0.0f, DRONE_TAU), side = drone_side(s);
    for (int32_t g = 0; g < DRONE_GATES; g++) {
        float angle = start + side * (DRONE_TAU / DRONE_GATES) * ((float)g + drone_around(s, 0.2f));
        float away = radius * puf_rand_range(&s->rng, 0.75f, 1.0f);
        s->gates[g].center[0] = away * puf_cosf(angle);
        s->gates[g].center[1] = away * puf_sinf(angle);
        s->gates[g].center[2] = puf_rand_range(&s->rng, DRONE_MIN_HEIGHT, 6.0f);
    }
    for (int32_t g = 0; g < DRONE_GATES; g++) {
        const float* before = s->gates[(g + DRONE_GATES - 1) % DRONE_GATES].center;
        const float* after = s->gates[(g + 1) % DRONE_GATES].center;
        float length = sqrtf(drone_distance_squared(before, after));
        for (int32_t k = 0; k < 3; k++) {
            s->gates[g].direction[k] = (after[k] - before[k]) / length;
        }
    }
}

static void drone_aim_at_ring(const Drone* s, DroneRow* d)
{
    int32_t ring = (int32_t)d->ring;
    const DroneGate* gate = &s->gates[ring];
    const DroneGate* next = &s->gates[ring + 1 < DRONE_GATES ? ring + 1 : 0];
    for (int32_t k = 0; k < 3; k++) {
        d->goal[k] = gate->center[k];
        d->ring_direction[k] = gate->direction[k];
        d->next_ring[k] = next->center[k];
        d->next_direction[k] = next->direction[k];
    }
}

// The goal is the next ring. The drones start spread over the course.
static void drone_race(Drone* s, float speed, int32_t i, DroneRow* d)
{
    (void)speed;
    if (i == 0) {
        drone_lay_course(s);
    }
    d->races = 1.0f;
    d->ring = (float)(i % DRONE_GATES);
    drone_aim_at_ring(s, d);
}
