// lunar_lander - bring a lander down on its pad, gently and with little fuel: Gymnasium's LunarLander-v3.
//
// Observation  float32 (8,): x from the pad, y above it, both speeds, angle, spin, and whether each leg touches (0 or
//              1). 1 is half the width of the world for x and half its height for y.
// Action       one of 4: nothing, left engine, main engine, right engine. With the setting `continuous` two numbers:
//              main, which fires above 0, with half its power to all of it; side, left below -0.5, right above 0.5.
// Reward       what a step brings nearer to standing still and upright on the pad, 100 for a unit of distance, of speed
//              and of angle, and 10 for a leg that touches; less 0.3 for the main engine, 0.03 for a side engine; the
//              last step has +100 for coming to rest or -100 for a crash.
// End          terminal when all is at rest, when the hull touches the ground or when x leaves the world; truncated
//              after `max_steps` steps.
//
// puffer_bodies.h moves hull, legs and hinges as Box2D does. docs/ports/lunar_lander.md is the proof: flights are the
// same step by step, landings and crashes in distribution.
#pragma once
#include "puffer.h"
#include "puffer_bodies.h"
#include "puffer_math.h"

// Lengths are given in thirtieths of a metre, pixels of the original.
#define LUNAR_LANDER_PX(x) ((float)(x) / 30.0f)
#define LUNAR_LANDER_WIDTH 20.0f                   // m, of the world
#define LUNAR_LANDER_HEIGHT LUNAR_LANDER_PX(400)   // m
#define LUNAR_LANDER_PAD (LUNAR_LANDER_HEIGHT / 4) // m, height of the pad
#define LUNAR_LANDER_RATE 50                       // steps per second
#define LUNAR_LANDER_SECONDS (1.0f / 50)           // of a step
#define LUNAR_LANDER_MAIN_POWER 13.0f              // impulse, N s for a metre from centre to nozzle
#define LUNAR_LANDER_SIDE_POWER 0.6f
#define LUNAR_LANDER_START_FORCE 1000.0f                        // N, the most in the first step
#define LUNAR_LANDER_LEG_AWAY LUNAR_LANDER_PX(20)               // from the hull's origin to a leg: sideways
#define LUNAR_LANDER_LEG_DOWN LUNAR_LANDER_PX(18)               // and down
#define LUNAR_LANDER_LEG_ANGLE 0.05f                            // rad, at the start
#define LUNAR_LANDER_LEG_NARROW (0.4f - LUNAR_LANDER_LEG_ANGLE) // rad, from the hull to a leg, outwards: the least
#define LUNAR_LANDER_LEG_WIDE (0.9f - LUNAR_LANDER_LEG_ANGLE)   // and the most
#define LUNAR_LANDER_SPRING 40.0f                               // N m, of the motor in a leg
#define LUNAR_LANDER_SPRING_SPEED 0.3f                          // rad/s
#define LUNAR_LANDER_FUEL_MAIN 0.3f
#define LUNAR_LANDER_FUEL_SIDE 0.03f
#define LUNAR_LANDER_SOLVED 200.0f // return; Gymnasium calls this solved

enum { LUNAR_LANDER_NOTHING, LUNAR_LANDER_LEFT, LUNAR_LANDER_MAIN, LUNAR_LANDER_RIGHT, LUNAR_LANDER_ACTIONS };
enum { LUNAR_LANDER_HULL, LUNAR_LANDER_LEFT_LEG, LUNAR_LANDER_RIGHT_LEG, LUNAR_LANDER_BODIES };
enum { LUNAR_LANDER_POSTS = 11, LUNAR_LANDER_EDGES = LUNAR_LANDER_POSTS }; // the last edge is the bottom of the world
enum { LUNAR_LANDER_PASSES = 6 * 30, LUNAR_LANDER_POSITION_PASSES = 2 * 30 };
enum { LUNAR_LANDER_WIND = 9999 }; // the wind begins at a moment from -9999 to 9998

typedef struct LunarLander {
    PufBody bodies[LUNAR_LANDER_BODIES]; // the hull, the left leg, the right leg
    PufHingeMemory hinges[2];
    PufTouch touches[PUF_BODIES_MAX_TOUCHES];
    float ground[LUNAR_LANDER_POSTS]; // heights, 2 m apart
    uint8_t touched[4];               // hull, left leg, right leg
    float main, side;                 // power of the engines in the last step; side: left below 0
    float shaping;                    // what the reward grows with
    float episode_return;             // so far
    int32_t wind_at, twist_at;        // moments of the wind
    int16_t tick;
    int16_t max_steps;            // setting
    float gravity;                // setting
    float wind_power, turbulence; // settings
    int32_t wind;                 // setting
    int32_t continuous;           // setting
    struct LunarLanderLog {
        PufLog log;
        float landed, crashed, lost;
    } log;
    PufRng rng;
} LunarLander;

// What all landers share.
typedef struct LunarLanderParts {
    PufShape hull, leg;
    PufMass mass[LUNAR_LANDER_BODIES];
    PufHinge hinges[2];
    float centre; // of the hull's mass, m above its origin
} LunarLanderParts;

static void lunar_lander_shape(PufShape* shape, const float* x, const float* y, int32_t corners, float friction)
{
    shape->corners = corners;
    shape->friction = friction;
    for (int32_t i = 0; i < corners; i++) {
        shape->x[i] = x[i] / 30.0f;
        shape->y[i] = y[i] / 30.0f;
    }
}

static void lunar_lander_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    static const float hull_x[] = { 17, 17, 14, -14, -17, -17 }, hull_y[] = { -10, 0, 17, 17, 0, -10 };
    static const float leg_x[] = { -2, 2, 2, -2 }, leg_y[] = { -8, -8, 8, 8 };
    LunarLanderParts* parts = assets;
    float x, y;
    (void)layout;
    (void)setup;
    lunar_lander_shape(&parts->hull, hull_x, hull_y, 6, 0.1f);
    lunar_lander_shape(&parts->leg, leg_x, leg_y, 4, 0.2f);
    puf_shape_make(&parts->hull, 5.0f, &parts->mass[LUNAR_LANDER_HULL], &x, &parts->centre);
    puf_shape_make(&parts->leg, 1.0f, &parts->mass[LUNAR_LANDER_LEFT_LEG], &x, &y);
    parts->mass[LUNAR_LANDER_RIGHT_LEG] = parts->mass[LUNAR_LANDER_LEFT_LEG];
    for (int32_t i = 0; i < 2; i++) { // both motors push the legs down, against their limit
        PufHinge* h = &parts->hinges[i];
        float in = i == 0 ? 1.0f : -1.0f; // where the hull is, seen from the leg
        h->a = LUNAR_LANDER_HULL;
        h->b = LUNAR_LANDER_LEFT_LEG + i;
        h->ay = -parts->centre;
        h->bx = in * LUNAR_LANDER_LEG_AWAY;
        h->by = LUNAR_LANDER_LEG_DOWN;
        h->low = i == 0 ? -LUNAR_LANDER_LEG_WIDE : LUNAR_LANDER_LEG_NARROW;
        h->high = i == 0 ? -LUNAR_LANDER_LEG_NARROW : LUNAR_LANDER_LEG_WIDE;
        h->speed = in * LUNAR_LANDER_SPRING_SPEED;
        h->torque = LUNAR_LANDER_SPRING;
    }
}

// ---- The world. ----

// Random heights, evened out over three; the pad and its neighbours are level.
static void lunar_lander_make_ground(LunarLander* s)
{
    float heights[LUNAR_LANDER_POSTS + 1];
    const int32_t pad = LUNAR_LANDER_POSTS / 2;
    for (int32_t i = 0; i <= LUNAR_LANDER_POSTS; i++) {
        heights[i] = puf_rand_range(&s->rng, 0.0f, LUNAR_LANDER_HEIGHT / 2);
    }
    for (int32_t i = pad - 2; i <= pad + 2; i++) {
        heights[i] = LUNAR_LANDER_PAD;
    }
    for (int32_t i = 0; i < LUNAR_LANDER_POSTS; i++) {
        float sum = heights[i > 0 ? i - 1 : LUNAR_LANDER_POSTS] + heights[i] + heights[i + 1];
        s->ground[i] = (float)(0.33 * (double)sum); // a third or so; 3.3 at the pad
    }
}

static void lunar_lander_edges(const LunarLander* s, PufEdge* edges)
{
    for (int32_t i = 0; i + 1 < LUNAR_LANDER_POSTS; i++) {
        edges[i] = (PufEdge){ 2.0f * (float)i, s->ground[i], 2.0f * (float)(i + 1), s->ground[i + 1], 0.1f, 0.0f };
    }
    edges[LUNAR_LANDER_EDGES - 1] = (PufEdge){ 0.0f, 0.0f, LUNAR_LANDER_WIDTH, 0.0f, 0.2f, 0.0f };
}

// What puffer_bodies.h works on.
typedef struct LunarLanderWorld {
    PufEdge edges[LUNAR_LANDER_EDGES];
    const PufShape* shapes[LUNAR_LANDER_BODIES];
    PufBodies bodies;
} LunarLanderWorld;

static void lunar_lander_make_world(LunarLander* s, const LunarLanderParts* parts, LunarLanderWorld* world)
{
    lunar_lander_edges(s, world->edges);
    world->shapes[LUNAR_LANDER_HULL] = &parts->hull;
    world->shapes[LUNAR_LANDER_LEFT_LEG] = &parts->leg;
    world->shapes[LUNAR_LANDER_RIGHT_LEG] = &parts->leg;
    world->bodies = (PufBodies){ .bodies = s->bodies,
                                 .mass = parts->mass,
                                 .shapes = world->shapes,
                                 .num_bodies = LUNAR_LANDER_BODIES,
                                 .hinges = parts->hinges,
                                 .memory = s->hinges,
                                 .num_hinges = 2,
                                 .edges = world->edges,
                                 .num_edges = LUNAR_LANDER_EDGES,
                                 .touches = s->touches,
                                 .touched = s->touched,
                                 .gravity = s->gravity,
                                 .seconds = LUNAR_LANDER_SECONDS,
                                 .passes = LUNAR_LANDER_PASSES,
                                 .position_passes = LUNAR_LANDER_POSITION_PASSES };
}

// ---- The engines. ----

typedef struct LunarLanderThrust {
    float main, side; // power, 0 to 1; side: to the left below 0
} LunarLanderThrust;

PUF_INLINE LunarLanderThrust lunar_lander_choice(int32_t action)
{
    return (LunarLanderThrust){ action == LUNAR_LANDER_MAIN ? 1.0f : 0.0f, action == LUNAR_LANDER_LEFT    ? -1.0f
                                                                           : action == LUNAR_LANDER_RIGHT ? 1.0f
                                                                                                          : 0.0f };
}

PUF_INLINE LunarLanderThrust lunar_lander_throttle(float main, float side)
{
    float aside = fabsf(side) > 0.5f ? side : 0.0f;
    return (LunarLanderThrust){ main > 0.0f ? 0.5f * (main + 1.0f) : 0.0f, aside };
}

// The engines push the hull where their nozzles are; `jitter` and `sway`, a pixel at most, shake them.
PUF_INLINE void lunar_lander_fire(PufBody* hull, LunarLanderThrust thrust, float jitter, float sway, PufMass mass,
                                  float centre)
{
    float sine, cosine;
    puf_sincosf(hull->angle, &sine, &cosine);
    float below = LUNAR_LANDER_PX(4) + 2.0f * jitter;
    float mx = sine * below - cosine * sway, my = -cosine * below - sine * sway;
    float out = thrust.side > 0.0f ? LUNAR_LANDER_PX(12) : -LUNAR_LANDER_PX(12);
    float across = 3.0f * sway + out;
    float sx = sine * jitter - cosine * across, sy = -cosine * jitter - sine * across;

    float main = -LUNAR_LANDER_MAIN_POWER * thrust.main, side = -LUNAR_LANDER_SIDE_POWER * fabsf(thrust.side);
    float fx = mx * main, fy = my * main, gx = sx * side, gy = sy * side;
    float ox = sine * centre, oy = -cosine * centre; // the hull's origin, from its centre of mass
    float mainx = ox + mx, mainy = oy + my;
    float sidex = ox + sx - sine * LUNAR_LANDER_PX(17), sidey = oy + sy + cosine * LUNAR_LANDER_PX(14);
    hull->vx += mass.inverse_mass * (fx + gx);
    hull->vy += mass.inverse_mass * (fy + gy);
    hull->spin += mass.inverse_inertia * ((mainx * fy - mainy * fx) + (sidex * gy - sidey * gx));
}

// Of x from -2 to 2, by Lambert's continued fraction, to 1e-7.
static inline float lunar_lander_tanh(float x)
{
    float x2 = x * x;
    return x / (1.0f + x2 / (3.0f + x2 / (5.0f + x2 / (7.0f + x2 / (9.0f + x2 / 11.0f)))));
}

// A gust that never repeats, -1 to 1.
static inline float lunar_lander_gust(int32_t moment)
{
    return lunar_lander_tanh(puf_sinf(0.02f * (float)moment) + puf_sinf(PUF_PI * 0.01f * (float)moment));
}

// It blows until a leg touches.
static PufForce lunar_lander_wind(LunarLander* s)
{
    PufForce force = { 0.0f, 0.0f, 0.0f };
    if (s->wind && !s->touched[LUNAR_LANDER_LEFT_LEG] && !s->touched[LUNAR_LANDER_RIGHT_LEG]) {
        force.x = s->wind_power * lunar_lander_gust(s->wind_at++);
        force.twist = s->turbulence * lunar_lander_gust(s->twist_at++);
    }
    return force;
}

// ---- What an agent sees, and what it gets. ----

PUF_INLINE void lunar_lander_show(PufBody hull, float centre, float right, float left, float obs[8])
{
    float sine, cosine;
    puf_sincosf(hull.angle, &sine, &cosine);
    obs[0] = (hull.x + sine * centre - LUNAR_LANDER_WIDTH / 2) / (LUNAR_LANDER_WIDTH / 2);
    obs[1] = (hull.y - cosine * centre - (LUNAR_LANDER_PAD + LUNAR_LANDER_LEG_DOWN)) / (LUNAR_LANDER_HEIGHT / 2);
    obs[2] = hull.vx * (LUNAR_LANDER_WIDTH / 2 / LUNAR_LANDER_RATE);
    obs[3] = hull.vy * (LUNAR_LANDER_HEIGHT / 2 / LUNAR_LANDER_RATE);
    obs[4] = hull.angle;
    obs[5] = 20.0f * hull.spin / LUNAR_LANDER_RATE;
    obs[6] = right;
    obs[7] = left;
}

PUF_INLINE float lunar_lander_shaping(const float obs[8])
{
    return -100.0f * sqrtf(obs[0] * obs[0] + obs[1] * obs[1]) - 100.0f * sqrtf(obs[2] * obs[2] + obs[3] * obs[3]) -
           100.0f * fabsf(obs[4]) + 10.0f * obs[6] + 10.0f * obs[7];
}

static void lunar_lander_log(LunarLander* s, int landed, int crashed, int lost)
{
    float perf = puf_clampf(s->episode_return / LUNAR_LANDER_SOLVED, 0.0f, 1.0f);
    puf_log_episode(&s->log.log, perf, s->episode_return, s->episode_return, (float)s->tick);
    s->log.landed += (float)landed;
    s->log.crashed += (float)crashed;
    s->log.lost += (float)lost;
}

// All that acts on the hull in a step: engines, how they shake, and wind.
typedef struct LunarLanderPush {
    LunarLanderThrust thrust;
    float jitter, sway;
    PufForce force;
} LunarLanderPush;

static LunarLanderPush lunar_lander_decide(LunarLander* s, LunarLanderThrust thrust)
{
    LunarLanderPush push;
    push.thrust = thrust;
    push.force = lunar_lander_wind(s);
    push.jitter = puf_rand_range(&s->rng, -1.0f, 1.0f) / 30.0f;
    push.sway = puf_rand_range(&s->rng, -1.0f, 1.0f) / 30.0f;
    s->main = thrust.main;
    s->side = thrust.side;
    return push;
}

// Engines, then bodies. Returns whether all came to rest.
static int lunar_lander_move(LunarLander* s, const LunarLanderParts* parts, LunarLanderPush push)
{
    PufForce forces[LUNAR_LANDER_BODIES] = { push.force, { 0, 0, 0 }, { 0, 0, 0 } };
    LunarLanderWorld world;
    lunar_lander_make_world(s, parts, &world);
    lunar_lander_fire(&s->bodies[LUNAR_LANDER_HULL], push.thrust, push.jitter, push.sway,
                      parts->mass[LUNAR_LANDER_HULL], parts->centre);
    return puf_bodies_step(&world.bodies, forces);
}

// In the air in the middle. Returns a random push, which acts in a first step that is nobody's.
static LunarLanderPush lunar_lander_start(LunarLander* s, const LunarLanderParts* parts)
{
    lunar_lander_make_ground(s);
    memset(s->bodies, 0, sizeof s->bodies);
    memset(s->hinges, 0, sizeof s->hinges);
    memset(s->touches, 0, sizeof s->touches);
    memset(s->touched, 0, sizeof s->touched);
    for (int32_t i = 0; i < LUNAR_LANDER_BODIES; i++) {
        float out = i == LUNAR_LANDER_HULL ? 0.0f : i == LUNAR_LANDER_LEFT_LEG ? -1.0f : 1.0f;
        s->bodies[i].x = LUNAR_LANDER_WIDTH / 2 + out * LUNAR_LANDER_LEG_AWAY;
        s->bodies[i].y = LUNAR_LANDER_HEIGHT;
        s->bodies[i].angle = -out * LUNAR_LANDER_LEG_ANGLE;
    }
    s->bodies[LUNAR_LANDER_HULL].y += parts->centre;
    float x = puf_rand_range(&s->rng, -LUNAR_LANDER_START_FORCE, LUNAR_LANDER_START_FORCE);
    float y = puf_rand_range(&s->rng, -LUNAR_LANDER_START_FORCE, LUNAR_LANDER_START_FORCE);
    s->wind_at = (int32_t)puf_rand_below(&s->rng, 2 * LUNAR_LANDER_WIND) - LUNAR_LANDER_WIND;
    s->twist_at = (int32_t)puf_rand_below(&s->rng, 2 * LUNAR_LANDER_WIND) - LUNAR_LANDER_WIND;
    s->tick = 0;
    s->episode_return = 0.0f;
    LunarLanderPush push = lunar_lander_decide(s, lunar_lander_choice(LUNAR_LANDER_NOTHING));
    push.force.x += x;
    push.force.y += y;
    return push;
}

static void lunar_lander_see(const LunarLander* s, const LunarLanderParts* parts, float obs[8])
{
    lunar_lander_show(s->bodies[LUNAR_LANDER_HULL], parts->centre, s->touched[LUNAR_LANDER_RIGHT_LEG],
                      s->touched[LUNAR_LANDER_LEFT_LEG], obs);
}

static void lunar_lander_reset(LunarLander* s, const void* assets)
{
    const LunarLanderParts* parts = assets;
    float obs[8];
    lunar_lander_move(s, parts, lunar_lander_start(s, parts));
    lunar_lander_see(s, parts, obs);
    s->shaping = lunar_lander_shaping(obs);
}

static LunarLanderThrust lunar_lander_thrust(PufIo io)
{
    return io.controls ? lunar_lander_throttle(io.controls[0], io.controls[1]) : lunar_lander_choice(io.actions[0]);
}

// The reward, and whether the episode has ended, once the bodies have moved.
static void lunar_lander_judge(LunarLander* s, PufIo io, const float obs[8], int rest)
{
    float shaping = lunar_lander_shaping(obs);
    int hit = s->touched[LUNAR_LANDER_HULL], gone = fabsf(obs[0]) >= 1.0f, end = rest | hit | gone;
    float fuel = LUNAR_LANDER_FUEL_MAIN * s->main + LUNAR_LANDER_FUEL_SIDE * fabsf(s->side);
    s->tick += 1;
    io.rewards[0] = rest ? 100.0f : end ? -100.0f : shaping - s->shaping - fuel;
    io.terminals[0] = (uint8_t)end;
    io.truncations[0] = (uint8_t)(!end & (s->tick >= s->max_steps));
    s->shaping = shaping;
    s->episode_return += io.rewards[0];
    if (io.terminals[0] | io.truncations[0]) {
        lunar_lander_log(s, rest, !rest && hit, !rest && !hit && gone);
    }
}

static void lunar_lander_step(LunarLander* s, PufIo io)
{
    const LunarLanderParts* parts = io.assets;
    float obs[8];
    int rest = lunar_lander_move(s, parts, lunar_lander_decide(s, lunar_lander_thrust(io)));
    lunar_lander_see(s, parts, obs);
    lunar_lander_judge(s, io, obs, rest);
}

static void lunar_lander_observe(const LunarLander* s, PufIo io) { lunar_lander_see(s, io.assets, io.obs); }

#ifndef PUF_PLAIN
#include "lunar_lander_lanes.h"
#endif

#define LUNAR_LANDER_ANY 1e9f // no useful limit
static const PufObs lunar_lander_obs[] = {
    { "x", 1, -1.5f, 1.5f, "of the hull from the pad; 1 at the right end of the world" },
    { "y", 1, -LUNAR_LANDER_ANY, LUNAR_LANDER_ANY,
      "of the hull above the pad, standing on its legs; 1 is half the height of the world" },
    { "vx", 1, -LUNAR_LANDER_ANY, LUNAR_LANDER_ANY, "speed to the right; 1 is 5 m/s" },
    { "vy", 1, -LUNAR_LANDER_ANY, LUNAR_LANDER_ANY, "speed upwards; 1 is 7.5 m/s" },
    { "angle", 1, -LUNAR_LANDER_ANY, LUNAR_LANDER_ANY, "rad, positive to the left" },
    { "spin", 1, -LUNAR_LANDER_ANY, LUNAR_LANDER_ANY, "angular velocity; 1 is 2.5 rad/s" },
    { "right_leg", 1, 0, 1, "1 while it touches the ground" },
    { "left_leg", 1, 0, 1, "1 while it touches the ground" },
};
static const PufAction lunar_lander_actions[] = {
    { "engine", LUNAR_LANDER_ACTIONS, 0, 0, "none left main right" },
};
static const PufParam lunar_lander_params[] = {
    PUF_FLAG(LunarLander, continuous, 0,
             "two numbers control the engines, instead of a choice: main, from above 0, and side, beyond -0.5 and 0.5"),
    PUF_SETTING(LunarLander, max_steps, 1000, 1, 2000, "steps after which an episode is truncated"),
    PUF_SETTING(LunarLander, gravity, -10, -12, 0, "m/s^2, upwards"),
    PUF_FLAG(LunarLander, wind, 0, "wind pushes and turns the lander until a leg touches"),
    PUF_SETTING(LunarLander, wind_power, 15, 0, 20, "of the wind, N"),
    PUF_SETTING(LunarLander, turbulence, 1.5, 0, 2, "of the wind, N m"),
};
static const char* const lunar_lander_log_names[] = { "landed", "crashed", "lost" };

// Speeds and places are far beyond what can happen in an episode; numbers stay finite there.
#define LUNAR_LANDER_BODY_FIELDS(name, at)                                                                             \
    PUF_SCALAR_AS(LunarLander, name "_x", at.x, "its centre of mass, m", PUF_RANGE(-100, 100)),                        \
        PUF_SCALAR_AS(LunarLander, name "_y", at.y, "its centre of mass, m", PUF_RANGE(-100, 5000)),                   \
        PUF_SCALAR_AS(LunarLander, name "_angle", at.angle, "rad, counterclockwise", PUF_RANGE(-4000, 4000)),          \
        PUF_SCALAR_AS(LunarLander, name "_vx", at.vx, "m/s", PUF_RANGE(-200, 200)),                                    \
        PUF_SCALAR_AS(LunarLander, name "_vy", at.vy, "m/s", PUF_RANGE(-200, 200)),                                    \
        PUF_SCALAR_AS(LunarLander, name "_spin", at.spin, "rad/s", PUF_RANGE(-200, 200)),                              \
        PUF_SCALAR_AS(LunarLander, name "_still", at.still, "seconds of rest", PUF_RANGE(0, 100))
#define LUNAR_LANDER_HINGE_FIELDS(name, at)                                                                            \
    PUF_SCALAR_AS(LunarLander, name "_pull_x", at.x, "impulse in its hinge in the last step, N s",                     \
                  PUF_RANGE(-1000, 1000)),                                                                             \
        PUF_SCALAR_AS(LunarLander, name "_pull_y", at.y, "the same, upwards", PUF_RANGE(-1000, 1000)),                 \
        PUF_SCALAR_AS(LunarLander, name "_stop", at.stop, "impulse of its limit, N m s", PUF_RANGE(-1000, 1000)),      \
        PUF_SCALAR_AS(LunarLander, name "_motor", at.motor, "impulse of its motor, N m s", PUF_RANGE(-1, 1)),          \
        PUF_SCALAR_AS(LunarLander, name "_limit", at.limit, "that it is at: 0 none, 1 the least angle, 2 the most",    \
                      PUF_RANGE(PUF_HINGE_FREE, PUF_HINGE_HIGH))

static const PufField lunar_lander_touch_fields[] = {
    PUF_SCALAR(PufTouch, body, "0 hull, 1 left leg, 2 right leg", PUF_RANGE(0, LUNAR_LANDER_BODIES - 1)),
    PUF_SCALAR(PufTouch, edge, "of the ground, from the left", PUF_RANGE(0, LUNAR_LANDER_EDGES - 1)),
    PUF_SCALAR(PufTouch, points, "that touch; 0: this row is unused", PUF_RANGE(0, 2)),
    PUF_ARRAY(PufTouch, corner, "which they are"),
    PUF_ARRAY(PufTouch, free, NULL, PUF_RANGE(0, 0)),
    PUF_ARRAY(PufTouch, push, "impulses along the normal, N s", PUF_RANGE(0, 1000)),
    PUF_ARRAY(PufTouch, rub, "impulses of friction, N s", PUF_RANGE(-1000, 1000)),
};
static const PufField lunar_lander_fields[] = {
    LUNAR_LANDER_BODY_FIELDS("hull", bodies[LUNAR_LANDER_HULL]),
    LUNAR_LANDER_BODY_FIELDS("left", bodies[LUNAR_LANDER_LEFT_LEG]),
    LUNAR_LANDER_BODY_FIELDS("right", bodies[LUNAR_LANDER_RIGHT_LEG]),
    LUNAR_LANDER_HINGE_FIELDS("left", hinges[0]),
    LUNAR_LANDER_HINGE_FIELDS("right", hinges[1]),
    PUF_STRUCTS(LunarLander, touches, lunar_lander_touch_fields, "what touches the ground"),
    PUF_ARRAY(LunarLander, ground, "heights, 2 m apart, m", PUF_RANGE(0, LUNAR_LANDER_HEIGHT / 2)),
    PUF_ARRAY(LunarLander, touched, "1: hull, left leg, right leg touch; the last is unused", PUF_RANGE(0, 1)),
    PUF_SCALAR(LunarLander, main, "power of the main engine in the last step", PUF_RANGE(0, 1)),
    PUF_SCALAR(LunarLander, side, "power of a side engine in the last step: left below 0", PUF_RANGE(-1, 1)),
    PUF_SCALAR(LunarLander, shaping, "what the reward grows with"),
    PUF_SCALAR(LunarLander, episode_return, "rewards in this episode"),
    PUF_SCALAR(LunarLander, wind_at, "moment of the wind", PUF_RANGE(-LUNAR_LANDER_WIND, 2 * LUNAR_LANDER_WIND)),
    PUF_SCALAR(LunarLander, twist_at, "moment of the turbulence", PUF_RANGE(-LUNAR_LANDER_WIND, 2 * LUNAR_LANDER_WIND)),
    PUF_SCALAR(LunarLander, tick, "steps since the start of the episode", PUF_LESS_THAN(LunarLander, max_steps)),
};

static void lunar_lander_resize(PufLayout* layout, const void* setup)
{
    static const PufAction controls[] = { { "main", 0, -1, 1, "power" }, { "side", 0, -1, 1, "power" } };
    if (((const LunarLander*)setup)->continuous) {
        layout->num_actions = 2;
        layout->actions = controls;
    }
}

// The legs are at the hull, and what touches comes first.
static const char* lunar_lander_contradiction(const void* state, const void* assets)
{
    const LunarLander* s = state;
    const PufBody* hull = &s->bodies[LUNAR_LANDER_HULL];
    (void)assets;
    for (int32_t i = LUNAR_LANDER_LEFT_LEG; i < LUNAR_LANDER_BODIES; i++) {
        if (fabsf(s->bodies[i].x - hull->x) > 2.0f || fabsf(s->bodies[i].y - hull->y) > 2.0f ||
            fabsf(s->bodies[i].angle - hull->angle) > 2.0f * PUF_PI) {
            return i == LUNAR_LANDER_LEFT_LEG ? "left_x" : "right_x";
        }
    }
    for (int32_t i = 0; i + 1 < PUF_BODIES_MAX_TOUCHES; i++) {
        if (s->touches[i + 1].points && !s->touches[i].points) {
            return "touches";
        }
    }
    return NULL;
}

// clang-format off
PUF_DEFINE_BATCH_ASSETS_ENV(lunar_lander, LunarLander,
    .version = 4,
    .doc = "Land on a pad with three engines: Gymnasium's LunarLander-v3.",
    .reward = "what brings the lander nearer to standing on the pad, less fuel; +100 at rest, -100 for a crash",
    .ends = "terminal at rest, when the hull touches the ground or when x leaves the world; "
            "truncated after max_steps steps",
    .rate = LUNAR_LANDER_RATE,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(LunarLander), .agents = 1, .obs_ndim = 1, .obs_shape = { 8 },
                PUF_ACTIONS(lunar_lander), .assets_size = sizeof(LunarLanderParts) },
    PUF_TABLES(lunar_lander), PUF_LOG_NAMES(lunar_lander),
    .resize = lunar_lander_resize, .make_assets = lunar_lander_make_assets,
    .contradiction = lunar_lander_contradiction);
