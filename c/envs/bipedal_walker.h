// bipedal_walker - walk over rough ground on two legs, far and with little effort: Gymnasium's BipedalWalker-v3.
//
// Observation  float32 (24,): the hull's angle, spin and both speeds; of each leg the angle and the speed of its hip
//              and of its knee, and whether its shin touches the ground; how far ten rays from the hull reach, from
//              straight down to nearly level ahead, 1 where one meets no ground.
// Action       4 numbers from -1 to 1, for the hip and the knee of the first leg, then of the second. The sign says
//              which way the motor turns, the size how much of its torque it may use.
// Reward       what a step brings the hull forward, 130 for 30 m, less 5 for each radian that it leans more, less 0.028
//              for the full torque of a motor. The step in which it falls has -100 instead.
// End          terminal when the hull touches the ground, when it is behind the left end of the world, or when it has
//              come to the grass at the right end; truncated after `max_steps` steps.
//
// With the setting `hardcore` stumps, stairs and pits stand in the way, a stretch of grass between them:
// BipedalWalkerHardcore-v3, docs/ports/bipedal_walker_hardcore.md.
//
// puffer_bodies.h moves hull, legs and hinges as Box2D does. docs/ports/bipedal_walker.md compares the two.
#pragma once
#include "puffer.h"
#include "puffer_bodies.h"
#include "puffer_math.h"

// Lengths are given in thirtieths of a metre, pixels of the original.
#define BIPEDAL_WALKER_PX(x) ((float)(x) / 30.0f)
#define BIPEDAL_WALKER_RATE 50                      // steps per second
#define BIPEDAL_WALKER_SECONDS (1.0f / 50)          // of a step
#define BIPEDAL_WALKER_GRAVITY -10.0f               // m/s^2, upwards
#define BIPEDAL_WALKER_STRIDE (14.0 / 30.0)         // m from one post of the ground to the next
#define BIPEDAL_WALKER_LEVEL (400.0 / 30.0 / 4.0)   // m, height of the ground at the start
#define BIPEDAL_WALKER_START_FORCE 5.0f             // N, the most that pushes the hull in the first step
#define BIPEDAL_WALKER_LEG BIPEDAL_WALKER_PX(34)    // length of a thigh and of a shin
#define BIPEDAL_WALKER_HIP BIPEDAL_WALKER_PX(-8)    // of the hips above the hull's origin
#define BIPEDAL_WALKER_LEG_ANGLE 0.05f              // rad, of both legs at the start, one to each side
#define BIPEDAL_WALKER_TORQUE 80.0f                 // N m, of a motor
#define BIPEDAL_WALKER_HIP_SPEED 4.0f               // rad/s, of a motor
#define BIPEDAL_WALKER_KNEE_SPEED 6.0f              // rad/s
#define BIPEDAL_WALKER_SIGHT BIPEDAL_WALKER_PX(160) // m, of a ray
#define BIPEDAL_WALKER_GRIP 2.5f                    // friction of the ground
#define BIPEDAL_WALKER_FORWARD (130.0f / 30.0f)     // reward for a metre
#define BIPEDAL_WALKER_UPRIGHT 5.0f                 // reward for a radian that the hull leans less
#define BIPEDAL_WALKER_EFFORT (0.00035f * BIPEDAL_WALKER_TORQUE)
#define BIPEDAL_WALKER_SOLVED 300.0f // return; Gymnasium calls this solved

enum {
    BIPEDAL_WALKER_HULL,
    BIPEDAL_WALKER_THIGH1,
    BIPEDAL_WALKER_SHIN1,
    BIPEDAL_WALKER_THIGH2,
    BIPEDAL_WALKER_SHIN2,
    BIPEDAL_WALKER_BODIES,
};
// In this order they are solved.
enum {
    BIPEDAL_WALKER_KNEE2,
    BIPEDAL_WALKER_HIP2,
    BIPEDAL_WALKER_HIP1,
    BIPEDAL_WALKER_KNEE1,
    BIPEDAL_WALKER_HINGES,
};
enum {
    BIPEDAL_WALKER_POSTS = 200,
    BIPEDAL_WALKER_EDGES = BIPEDAL_WALKER_POSTS - 1, // numbered from the right, in the order of contacts in Box2D
    BIPEDAL_WALKER_GRASS = 10,                       // strides at the right end
    BIPEDAL_WALKER_START = 20,                       // strides that are level at the left end
    BIPEDAL_WALKER_NEAR = 24,                        // edges near a walker, at most
    BIPEDAL_WALKER_RAYS = 10,
    BIPEDAL_WALKER_RAY_LANES = 16, // of which the last are unused
    BIPEDAL_WALKER_SEEN = 13,      // edges that rays may meet
    BIPEDAL_WALKER_MAX_BLOCKS = 40,
    BIPEDAL_WALKER_NEAR_BLOCKS = 12, // near a walker, at most
    BIPEDAL_WALKER_STEP = 4,         // strides of a step of stairs
    BIPEDAL_WALKER_PIT = 4,          // strides, depth of a pit
    BIPEDAL_WALKER_OBS = 14 + BIPEDAL_WALKER_RAYS,
    BIPEDAL_WALKER_PASSES = 6 * 30,
    BIPEDAL_WALKER_POSITION_PASSES = 2 * 30,
};

typedef enum BipedalWalkerKind {
    BIPEDAL_WALKER_PLAIN,
    BIPEDAL_WALKER_STUMP,
    BIPEDAL_WALKER_STAIRS,
    BIPEDAL_WALKER_PITFALL,
} BipedalWalkerKind;

typedef struct BipedalWalker {
    PufBody bodies[BIPEDAL_WALKER_BODIES];
    PufHingeMemory hinges[BIPEDAL_WALKER_HINGES];
    PufTouch touches[PUF_BODIES_MAX_TOUCHES];
    float ground[BIPEDAL_WALKER_POSTS];            // heights, a stride apart
    float block_bottom[BIPEDAL_WALKER_MAX_BLOCKS]; // of obstacles, from left to right; m
    uint8_t block_post[BIPEDAL_WALKER_MAX_BLOCKS]; // their left ends
    uint8_t block_wide[BIPEDAL_WALKER_MAX_BLOCKS], block_high[BIPEDAL_WALKER_MAX_BLOCKS]; // strides
    uint8_t block_kind[BIPEDAL_WALKER_MAX_BLOCKS];
    int32_t num_blocks;
    int32_t hardcore; // setting
    uint8_t touched[BIPEDAL_WALKER_BODIES];
    uint8_t free[3];
    float shaping;        // what the reward grows with
    float episode_return; // so far
    float way;            // m that the hull came forward
    int16_t tick;
    int16_t max_steps; // setting
    struct BipedalWalkerLog {
        PufLog log;
        float arrived, fell, distance;
    } log;
    PufRng rng;
} BipedalWalker;

// What all walkers share.
typedef struct BipedalWalkerParts {
    PufShape hull, thigh, shin;
    PufMass mass[BIPEDAL_WALKER_BODIES];
    PufHinge hinges[BIPEDAL_WALKER_HINGES];
    float centre_x, centre_y;         // of the hull's mass, m from its origin
    float post[BIPEDAL_WALKER_POSTS]; // where they stand
    float ray_x[BIPEDAL_WALKER_RAY_LANES],
        ray_y[BIPEDAL_WALKER_RAY_LANES]; // from the hull's origin to the end of a ray
} BipedalWalkerParts;

// ---- The walker. ----

static void bipedal_walker_shape(PufShape* shape, const float* x, const float* y, int32_t corners, float friction)
{
    shape->corners = corners;
    shape->friction = friction;
    for (int32_t i = 0; i < corners; i++) {
        shape->x[i] = x[i] / 30.0f;
        shape->y[i] = y[i] / 30.0f;
    }
}

static void bipedal_walker_hinge(PufHinge* h, int32_t a, int32_t b, float ax, float ay, float low, float high)
{
    h->a = a;
    h->b = b;
    h->ax = ax;
    h->ay = ay;
    h->by = BIPEDAL_WALKER_LEG / 2;
    h->low = low;
    h->high = high;
}

static void bipedal_walker_make_parts(BipedalWalkerParts* parts)
{
    static const float hull_x[] = { 34, 34, 6, -30, -30 }, hull_y[] = { -8, 1, 9, 9, -8 };
    static const float thigh_x[] = { -4, 4, 4, -4 }, shin_x[] = { -3.2f, 3.2f, 3.2f, -3.2f };
    static const float leg_y[] = { -17, -17, 17, 17 };
    float x, y;
    bipedal_walker_shape(&parts->hull, hull_x, hull_y, 5, 0.1f);
    bipedal_walker_shape(&parts->thigh, thigh_x, leg_y, 4, 0.2f);
    bipedal_walker_shape(&parts->shin, shin_x, leg_y, 4, 0.2f);
    puf_shape_make(&parts->hull, 5.0f, &parts->mass[BIPEDAL_WALKER_HULL], &parts->centre_x, &parts->centre_y);
    for (int32_t leg = 0; leg < 2; leg++) {
        int32_t thigh = leg ? BIPEDAL_WALKER_THIGH2 : BIPEDAL_WALKER_THIGH1, shin = thigh + 1;
        PufHinge* hip = &parts->hinges[leg ? BIPEDAL_WALKER_HIP2 : BIPEDAL_WALKER_HIP1];
        PufHinge* knee = &parts->hinges[leg ? BIPEDAL_WALKER_KNEE2 : BIPEDAL_WALKER_KNEE1];
        bipedal_walker_hinge(hip, BIPEDAL_WALKER_HULL, thigh, -parts->centre_x, BIPEDAL_WALKER_HIP - parts->centre_y,
                             -0.8f, 1.1f);
        hip->zero = leg ? BIPEDAL_WALKER_LEG_ANGLE : -BIPEDAL_WALKER_LEG_ANGLE; // as it is at the start
        bipedal_walker_hinge(knee, thigh, shin, 0.0f, -BIPEDAL_WALKER_LEG / 2, -1.6f, -0.1f);
    }
    puf_shape_make(&parts->thigh, 1.0f, &parts->mass[BIPEDAL_WALKER_THIGH1], &x, &y);
    puf_shape_make(&parts->shin, 1.0f, &parts->mass[BIPEDAL_WALKER_SHIN1], &x, &y);
    parts->mass[BIPEDAL_WALKER_THIGH2] = parts->mass[BIPEDAL_WALKER_THIGH1];
    parts->mass[BIPEDAL_WALKER_SHIN2] = parts->mass[BIPEDAL_WALKER_SHIN1];
}

static void bipedal_walker_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    BipedalWalkerParts* parts = assets;
    (void)layout;
    (void)setup;
    bipedal_walker_make_parts(parts);
    for (int32_t i = 0; i < BIPEDAL_WALKER_POSTS; i++) {
        parts->post[i] = (float)(i * BIPEDAL_WALKER_STRIDE);
    }
    for (int32_t i = 0; i < BIPEDAL_WALKER_RAY_LANES; i++) {
        float sine, cosine;
        puf_sincosf(0.15f * (float)i, &sine, &cosine);
        parts->ray_x[i] = sine * BIPEDAL_WALKER_SIGHT;
        parts->ray_y[i] = -cosine * BIPEDAL_WALKER_SIGHT;
    }
}

// ---- The ground. ----

static void bipedal_walker_add_block(BipedalWalker* s, int32_t kind, int32_t post, int32_t wide, int32_t high,
                                     double bottom)
{
    if (s->num_blocks < BIPEDAL_WALKER_MAX_BLOCKS) {
        int32_t k = s->num_blocks++;
        s->block_bottom[k] = (float)bottom;
        s->block_post[k] = (uint8_t)post;
        s->block_wide[k] = (uint8_t)wide;
        s->block_high[k] = (uint8_t)high;
        s->block_kind[k] = (uint8_t)kind;
    }
}

// What is being laid, from post to post.
typedef struct BipedalWalkerLaying {
    int32_t kind, begin, strides; // where it begins, and how many it has
    int32_t rise;                 // of stairs: 1 up, -1 down; of a pit: its width
    double base;                  // height where it began
} BipedalWalkerLaying;

// An obstacle begins at post `i`. Stumps are as high as they are wide, 1 or 2 strides; stairs have 3 or 4 steps of a
// stride each, up or down; pits are 3 or 4 strides wide, between two walls.
static BipedalWalkerLaying bipedal_walker_lay(BipedalWalker* s, int32_t kind, int32_t i, double height)
{
    BipedalWalkerLaying now = { kind, i, 0, 0, height };
    if (kind == BIPEDAL_WALKER_STUMP) {
        now.strides = 1 + (int32_t)puf_rand_below(&s->rng, 2);
        bipedal_walker_add_block(s, kind, i, now.strides, now.strides, height);
    } else if (kind == BIPEDAL_WALKER_STAIRS) {
        now.rise = puf_rand_float(&s->rng) > 0.5f ? 1 : -1;
        int32_t steps = 3 + (int32_t)puf_rand_below(&s->rng, 2);
        now.strides = steps * BIPEDAL_WALKER_STEP;
        for (int32_t k = 0; k < steps; k++) {
            bipedal_walker_add_block(s, kind, i + k * BIPEDAL_WALKER_STEP, BIPEDAL_WALKER_STEP, 1,
                                     height + (k * now.rise - 1) * BIPEDAL_WALKER_STRIDE);
        }
    } else {
        now.rise = 3 + (int32_t)puf_rand_below(&s->rng, 2);
        now.strides = now.rise + 2;
        for (int32_t k = 0; k < 2; k++) {
            bipedal_walker_add_block(s, kind, i + k * now.rise, 1, BIPEDAL_WALKER_PIT,
                                     height - BIPEDAL_WALKER_PIT * BIPEDAL_WALKER_STRIDE);
        }
    }
    return now;
}

// The ground's height at post `i` of an obstacle; its first post is as high as the one before.
static double bipedal_walker_lay_post(const BipedalWalkerLaying* now, int32_t i)
{
    int32_t along = i - now->begin;
    if (along > 0 && now->kind == BIPEDAL_WALKER_STAIRS) {
        return now->base + (along - now->rise) * now->rise * BIPEDAL_WALKER_STRIDE / BIPEDAL_WALKER_STEP;
    }
    if (along > 0 && along <= now->rise && now->kind == BIPEDAL_WALKER_PITFALL) {
        return now->base - BIPEDAL_WALKER_PIT * BIPEDAL_WALKER_STRIDE;
    }
    return now->base;
}

// A slope that changes at random and leads back to the level of the start. One stride in 5 to 9 is level; if hardcore,
// an obstacle comes there.
static void bipedal_walker_make_ground(BipedalWalker* s)
{
    double height = BIPEDAL_WALKER_LEVEL, slope = 0.0;
    int32_t left = BIPEDAL_WALKER_START; // strides until the next that is level
    int level = 0;
    BipedalWalkerLaying now = { BIPEDAL_WALKER_PLAIN, 0, 0, 0, 0.0 };
    s->num_blocks = 0;
    memset(s->block_bottom, 0, sizeof s->block_bottom);
    memset(s->block_post, 0, sizeof s->block_post);
    memset(s->block_wide, 0, sizeof s->block_wide);
    memset(s->block_high, 0, sizeof s->block_high);
    memset(s->block_kind, 0, sizeof s->block_kind);
    for (int32_t i = 0; i < BIPEDAL_WALKER_POSTS; i++) {
        if (now.kind != BIPEDAL_WALKER_PLAIN) {
            height = bipedal_walker_lay_post(&now, i);
        } else if (!level) {
            double back = (BIPEDAL_WALKER_LEVEL > height) - (BIPEDAL_WALKER_LEVEL < height);
            slope = 0.8 * slope + 0.01 * back;
            if (i > BIPEDAL_WALKER_START) {
                slope += (double)puf_rand_range(&s->rng, -1.0f, 1.0f) / 30.0;
            }
            height += slope;
        }
        s->ground[i] = (float)height;
        level = --left == 0;
        if (level) {
            left = 5 + (int32_t)puf_rand_below(&s->rng, 5);
            int32_t next = s->hardcore && now.kind == BIPEDAL_WALKER_PLAIN
                               ? BIPEDAL_WALKER_STUMP + (int32_t)puf_rand_below(&s->rng, 3)
                               : BIPEDAL_WALKER_PLAIN;
            now.kind = next;
            if (next != BIPEDAL_WALKER_PLAIN && i + 1 < BIPEDAL_WALKER_POSTS) {
                now = bipedal_walker_lay(s, next, i + 1, height);
                left = now.strides;
            }
        }
    }
}

// The post at or left of a place.
PUF_INLINE int32_t bipedal_walker_post(float x)
{
    return (int32_t)(puf_clampf(x, 0.0f, 92.0f) * (float)(1.0 / BIPEDAL_WALKER_STRIDE));
}

// What puffer_bodies.h works on.
typedef struct BipedalWalkerWorld {
    PufEdge edges[BIPEDAL_WALKER_NEAR];
    PufBlock blocks[BIPEDAL_WALKER_NEAR_BLOCKS];
    const PufShape* shapes[BIPEDAL_WALKER_BODIES];
    PufHinge hinges[BIPEDAL_WALKER_HINGES];
    PufBodies bodies;
} BipedalWalkerWorld;

static inline PufBlock bipedal_walker_block(const BipedalWalker* s, int32_t i)
{
    const float stride = (float)BIPEDAL_WALKER_STRIDE, bottom = s->block_bottom[i];
    const int32_t post = s->block_post[i], end = post + s->block_wide[i], high = s->block_high[i];
    return (PufBlock){ (float)post * stride,          (float)end * stride, bottom,
                       bottom + (float)high * stride, BIPEDAL_WALKER_GRIP, 0.0f };
}

// The blocks between two places. They stand from left to right, and are numbered from the right, behind the edges.
static void bipedal_walker_find_blocks(const BipedalWalker* s, float left, float right, BipedalWalkerWorld* world)
{
    int32_t count = 0;
    for (int32_t i = s->num_blocks - 1; i >= 0; i--) {
        PufBlock block = bipedal_walker_block(s, i);
        if ((block.right >= left) & (block.left <= right) & (count < BIPEDAL_WALKER_NEAR_BLOCKS)) {
            world->bodies.first_block =
                count ? world->bodies.first_block : BIPEDAL_WALKER_EDGES + BIPEDAL_WALKER_MAX_BLOCKS - 1 - i;
            world->blocks[count++] = block;
        }
    }
    world->bodies.blocks = count ? world->blocks : NULL;
    world->bodies.num_blocks = count;
}

// The edges near all bodies.
static void bipedal_walker_find_edges(const BipedalWalker* s, const BipedalWalkerParts* parts,
                                      BipedalWalkerWorld* world)
{
    float left = 1e9f, right = 0.0f;
    for (int32_t b = 0; b < BIPEDAL_WALKER_BODIES; b++) {
        float reach = world->shapes[b]->reach + 0.5f;
        left = puf_minf(left, s->bodies[b].x - reach);
        right = puf_maxf(right, s->bodies[b].x + reach);
    }
    int32_t first = bipedal_walker_post(left),
            last = puf_clampi(bipedal_walker_post(right), 0, BIPEDAL_WALKER_EDGES - 1);
    int32_t count = puf_clampi(last - first + 1, 1, BIPEDAL_WALKER_NEAR);
    for (int32_t e = 0; e < count; e++) {
        int32_t i = last - e;
        world->edges[e] =
            (PufEdge){ parts->post[i], s->ground[i], parts->post[i + 1], s->ground[i + 1], BIPEDAL_WALKER_GRIP, 0.0f };
    }
    world->bodies.num_edges = count;
    world->bodies.first_edge = BIPEDAL_WALKER_EDGES - 1 - last;
    if (s->num_blocks > 0) {
        bipedal_walker_find_blocks(s, left, right, world);
    }
}

// ---- A step. ----

// A motor of the hinge `h`: which way, and how strong.
PUF_INLINE void bipedal_walker_drive(PufHinge* h, float speed, float control)
{
    h->speed = control > 0.0f ? speed : control < 0.0f ? -speed : 0.0f;
    h->torque = BIPEDAL_WALKER_TORQUE * puf_minf(fabsf(control), 1.0f);
}

static void bipedal_walker_make_world(BipedalWalker* s, const BipedalWalkerParts* parts, const float controls[4],
                                      float push, BipedalWalkerWorld* world, PufForce* forces)
{
    memset(forces, 0, BIPEDAL_WALKER_BODIES * sizeof forces[0]);
    forces[BIPEDAL_WALKER_HULL].x = push;
    memcpy(world->hinges, parts->hinges, sizeof world->hinges);
    bipedal_walker_drive(&world->hinges[BIPEDAL_WALKER_HIP1], BIPEDAL_WALKER_HIP_SPEED, controls[0]);
    bipedal_walker_drive(&world->hinges[BIPEDAL_WALKER_KNEE1], BIPEDAL_WALKER_KNEE_SPEED, controls[1]);
    bipedal_walker_drive(&world->hinges[BIPEDAL_WALKER_HIP2], BIPEDAL_WALKER_HIP_SPEED, controls[2]);
    bipedal_walker_drive(&world->hinges[BIPEDAL_WALKER_KNEE2], BIPEDAL_WALKER_KNEE_SPEED, controls[3]);
    world->shapes[BIPEDAL_WALKER_HULL] = &parts->hull;
    world->shapes[BIPEDAL_WALKER_THIGH1] = &parts->thigh;
    world->shapes[BIPEDAL_WALKER_SHIN1] = &parts->shin;
    world->shapes[BIPEDAL_WALKER_THIGH2] = &parts->thigh;
    world->shapes[BIPEDAL_WALKER_SHIN2] = &parts->shin;
    world->bodies = (PufBodies){ .bodies = s->bodies,
                                 .mass = parts->mass,
                                 .shapes = world->shapes,
                                 .num_bodies = BIPEDAL_WALKER_BODIES,
                                 .hinges = world->hinges,
                                 .memory = s->hinges,
                                 .num_hinges = BIPEDAL_WALKER_HINGES,
                                 .edges = world->edges,
                                 .touches = s->touches,
                                 .touched = s->touched,
                                 .gravity = BIPEDAL_WALKER_GRAVITY,
                                 .seconds = BIPEDAL_WALKER_SECONDS,
                                 .passes = BIPEDAL_WALKER_PASSES,
                                 .position_passes = BIPEDAL_WALKER_POSITION_PASSES };
    bipedal_walker_find_edges(s, parts, world);
}

static void bipedal_walker_move(BipedalWalker* s, const BipedalWalkerParts* parts, const float controls[4], float push)
{
    PufForce forces[BIPEDAL_WALKER_BODIES];
    BipedalWalkerWorld world;
    bipedal_walker_make_world(s, parts, controls, push, &world, forces);
    (void)puf_bodies_step(&world.bodies, forces); // motors wake what rests
}

// ---- What an agent sees, and what it gets. ----

typedef struct BipedalWalkerPlace {
    float x, y;
} BipedalWalkerPlace;

// The hull's origin.
static inline BipedalWalkerPlace bipedal_walker_origin(const BipedalWalker* s, const BipedalWalkerParts* parts)
{
    const PufBody* hull = &s->bodies[BIPEDAL_WALKER_HULL];
    float x, y;
    puf_bodies_turn(hull->angle, parts->centre_x, parts->centre_y, &x, &y);
    return (BipedalWalkerPlace){ hull->x - x, hull->y - y };
}

// How much of a ray lies before an edge of the ground; 1 if they do not meet.
PUF_INLINE float bipedal_walker_meet(BipedalWalkerPlace from, float dx, float dy, float x1, float y1, float x2,
                                     float y2)
{
    float ex = x2 - x1, ey = y2 - y1, length = sqrtf(ex * ex + ey * ey), nx = ey / length, ny = -ex / length;
    float along = nx * dx + ny * dy, t = (nx * (x1 - from.x) + ny * (y1 - from.y)) / along;
    float share = ((from.x + t * dx - x1) * ex + (from.y + t * dy - y1) * ey) / (ex * ex + ey * ey);
    int meets = (along != 0.0f) & (t >= 0.0f) & (t <= 1.0f) & (share >= 0.0f) & (share <= 1.0f);
    return meets ? t : 1.0f;
}

// Posts lie on one side of a ray or the other; it meets the ground before the first that lies on another side than the
// ground below the hull.
static void bipedal_walker_look(const BipedalWalker* s, const BipedalWalkerParts* parts, float* rays)
{
    BipedalWalkerPlace from = bipedal_walker_origin(s, parts);
    int32_t first = puf_clampi(bipedal_walker_post(from.x), 0, BIPEDAL_WALKER_EDGES - 1);
    int32_t count = puf_clampi(BIPEDAL_WALKER_EDGES - first, 1, BIPEDAL_WALKER_SEEN);
    const float *x = &parts->post[first], *y = &s->ground[first];
    float below = y[0] + (y[1] - y[0]) * ((from.x - x[0]) / (x[1] - x[0])) - from.y;
    int32_t edge[BIPEDAL_WALKER_RAY_LANES], above[BIPEDAL_WALKER_RAY_LANES];
    for (int32_t i = 0; i < BIPEDAL_WALKER_RAY_LANES; i++) {
        above[i] = parts->ray_x[i] * below > 0.0f;
        edge[i] = -1;
    }
    for (int32_t k = count; k > 0; k--) { // the nearest is the last
        float dx = x[k] - from.x, dy = y[k] - from.y;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 1 // GCC takes rays one by one, and posts side by side, once this loop is unrolled
#endif
        for (int32_t i = 0; i < BIPEDAL_WALKER_RAY_LANES; i++) {
            float now = parts->ray_x[i] * dy - parts->ray_y[i] * dx;
            edge[i] = (now > 0.0f) != above[i] ? k - 1 : edge[i];
        }
    }
    float x1[BIPEDAL_WALKER_RAY_LANES], y1[BIPEDAL_WALKER_RAY_LANES];
    float x2[BIPEDAL_WALKER_RAY_LANES], y2[BIPEDAL_WALKER_RAY_LANES], reach[BIPEDAL_WALKER_RAY_LANES];
    for (int32_t i = 0; i < BIPEDAL_WALKER_RAY_LANES; i++) {
        int32_t k = edge[i] < 0 ? 0 : edge[i];
        x1[i] = x[k];
        y1[i] = y[k];
        x2[i] = x[k + 1];
        y2[i] = y[k + 1];
    }
    for (int32_t i = 0; i < BIPEDAL_WALKER_RAY_LANES; i++) {
        float meets = bipedal_walker_meet(from, parts->ray_x[i], parts->ray_y[i], x1[i], y1[i], x2[i], y2[i]);
        reach[i] = edge[i] < 0 ? 1.0f : meets;
    }
    memcpy(rays, reach, BIPEDAL_WALKER_RAYS * sizeof rays[0]);
}

// A ray ends at the first block that it enters from outside.
static void bipedal_walker_look_at_blocks(const BipedalWalker* s, const BipedalWalkerParts* parts, float* rays)
{
    BipedalWalkerPlace from = bipedal_walker_origin(s, parts);
    for (int32_t k = 0; k < s->num_blocks; k++) {
        PufBlock b = bipedal_walker_block(s, k);
        if (b.right < from.x || b.left > from.x + BIPEDAL_WALKER_SIGHT) {
            continue;
        }
        for (int32_t i = 0; i < BIPEDAL_WALKER_RAYS; i++) {
            float dx = parts->ray_x[i], dy = parts->ray_y[i]; // to the right and down
            int over = (from.x > b.left) & (from.x < b.right);
            float in_x = dx > 0.0f ? (b.left - from.x) / dx : over ? -1.0f : 2.0f;
            float out_x = dx > 0.0f ? (b.right - from.x) / dx : 2.0f;
            float in = puf_maxf(in_x, (b.top - from.y) / dy), out = puf_minf(out_x, (b.bottom - from.y) / dy);
            int meets = (in >= 0.0f) & (in <= out) & (in < rays[i]);
            rays[i] = meets ? in : rays[i];
        }
    }
}

static void bipedal_walker_see(const BipedalWalker* s, const BipedalWalkerParts* parts, float obs[BIPEDAL_WALKER_OBS])
{
    const PufBody *b = s->bodies, *hull = &b[BIPEDAL_WALKER_HULL];
    obs[0] = hull->angle;
    obs[1] = 2.0f * hull->spin / BIPEDAL_WALKER_RATE;
    obs[2] = 0.3f * hull->vx * 20.0f / BIPEDAL_WALKER_RATE;
    obs[3] = 0.3f * hull->vy * (400.0f / 30.0f) / BIPEDAL_WALKER_RATE;
    for (int32_t leg = 0; leg < 2; leg++) {
        int32_t thigh = leg ? BIPEDAL_WALKER_THIGH2 : BIPEDAL_WALKER_THIGH1, shin = thigh + 1;
        float* of = &obs[4 + 5 * leg];
        of[0] = b[thigh].angle - hull->angle - (leg ? BIPEDAL_WALKER_LEG_ANGLE : -BIPEDAL_WALKER_LEG_ANGLE);
        of[1] = (b[thigh].spin - hull->spin) / BIPEDAL_WALKER_HIP_SPEED;
        of[2] = b[shin].angle - b[thigh].angle + 1.0f;
        of[3] = (b[shin].spin - b[thigh].spin) / BIPEDAL_WALKER_KNEE_SPEED;
        of[4] = s->touched[shin];
    }
    bipedal_walker_look(s, parts, &obs[14]);
    if (s->num_blocks > 0) {
        bipedal_walker_look_at_blocks(s, parts, &obs[14]);
    }
}

static inline float bipedal_walker_shaping(float x, float angle)
{
    return BIPEDAL_WALKER_FORWARD * x - BIPEDAL_WALKER_UPRIGHT * fabsf(angle);
}

static void bipedal_walker_log(BipedalWalker* s, int arrived, int fell)
{
    float perf = puf_clampf(s->episode_return / BIPEDAL_WALKER_SOLVED, 0.0f, 1.0f);
    puf_log_episode(&s->log.log, perf, s->episode_return, s->episode_return, (float)s->tick);
    s->log.arrived += (float)arrived;
    s->log.fell += (float)fell;
    s->log.distance += s->way;
}

// Standing, legs a little apart. Returns the push that the hull gets in a first step that is nobody's.
static float bipedal_walker_start(BipedalWalker* s, const BipedalWalkerParts* parts)
{
    float x = (float)(BIPEDAL_WALKER_STRIDE * BIPEDAL_WALKER_START / 2);
    double y = BIPEDAL_WALKER_LEVEL + 2 * (34.0 / 30.0);
    bipedal_walker_make_ground(s);
    memset(s->bodies, 0, sizeof s->bodies);
    memset(s->hinges, 0, sizeof s->hinges);
    memset(s->touches, 0, sizeof s->touches);
    memset(s->touched, 0, sizeof s->touched);
    s->bodies[BIPEDAL_WALKER_HULL].x = x + parts->centre_x;
    s->bodies[BIPEDAL_WALKER_HULL].y = (float)y + parts->centre_y;
    for (int32_t leg = 0; leg < 2; leg++) {
        PufBody* thigh = &s->bodies[leg ? BIPEDAL_WALKER_THIGH2 : BIPEDAL_WALKER_THIGH1];
        PufBody* shin = thigh + 1;
        thigh->x = x;
        thigh->y = (float)(y - 17.0 / 30.0 + 8.0 / 30.0);
        shin->x = x;
        shin->y = (float)(y - 51.0 / 30.0 + 8.0 / 30.0);
        thigh->angle = leg ? BIPEDAL_WALKER_LEG_ANGLE : -BIPEDAL_WALKER_LEG_ANGLE;
        shin->angle = thigh->angle;
    }
    s->tick = 0;
    s->way = 0.0f;
    s->episode_return = 0.0f;
    return puf_rand_range(&s->rng, -BIPEDAL_WALKER_START_FORCE, BIPEDAL_WALKER_START_FORCE);
}

static inline void bipedal_walker_stand(BipedalWalker* s, const BipedalWalkerParts* parts)
{
    s->shaping = bipedal_walker_shaping(bipedal_walker_origin(s, parts).x, s->bodies[BIPEDAL_WALKER_HULL].angle);
}

static void bipedal_walker_reset(BipedalWalker* s, const void* assets)
{
    const BipedalWalkerParts* parts = assets;
    static const float none[4] = { 0.0f, 0.0f, 0.0f, 0.0f };
    float push = bipedal_walker_start(s, parts);
    bipedal_walker_move(s, parts, none, push);
    bipedal_walker_stand(s, parts);
}

// The reward, and whether the episode has ended, once the bodies have moved.
static void bipedal_walker_judge(BipedalWalker* s, const BipedalWalkerParts* parts, PufIo io)
{
    const float end = (float)((BIPEDAL_WALKER_POSTS - BIPEDAL_WALKER_GRASS) * BIPEDAL_WALKER_STRIDE);
    const float begin = (float)(BIPEDAL_WALKER_STRIDE * BIPEDAL_WALKER_START / 2);
    float x = bipedal_walker_origin(s, parts).x, effort = 0.0f;
    float shaping = bipedal_walker_shaping(x, s->bodies[BIPEDAL_WALKER_HULL].angle);
    int fell = s->touched[BIPEDAL_WALKER_HULL] | (x < 0.0f), arrived = x > end;
    for (int32_t i = 0; i < 4; i++) {
        effort += BIPEDAL_WALKER_EFFORT * puf_minf(fabsf(io.controls[i]), 1.0f);
    }
    s->tick += 1;
    io.rewards[0] = fell ? -100.0f : shaping - s->shaping - effort;
    io.terminals[0] = (uint8_t)(fell | arrived);
    io.truncations[0] = (uint8_t)(!io.terminals[0] & (s->tick >= s->max_steps));
    s->shaping = shaping;
    s->way = x - begin;
    s->episode_return += io.rewards[0];
    if (io.terminals[0] | io.truncations[0]) {
        bipedal_walker_log(s, arrived & !fell, fell);
    }
}

static void bipedal_walker_step(BipedalWalker* s, PufIo io)
{
    bipedal_walker_move(s, io.assets, io.controls, 0.0f);
    bipedal_walker_judge(s, io.assets, io);
}

static void bipedal_walker_observe(const BipedalWalker* s, PufIo io) { bipedal_walker_see(s, io.assets, io.obs); }

#ifndef PUF_PLAIN
#include "bipedal_walker_lanes.h"
#endif

#define BIPEDAL_WALKER_ANY 1e9f // no useful limit
static const PufObs bipedal_walker_obs[] = {
    { "angle", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "of the hull, rad, positive when it leans back" },
    { "spin", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "of the hull; 1 is 25 rad/s" },
    { "vx", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "speed of the hull forward; 1 is 8.3 m/s" },
    { "vy", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "speed of the hull upwards; 1 is 12.5 m/s" },
    { "hip1", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "rad, positive with the thigh ahead" },
    { "hip1_speed", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "1 is 4 rad/s" },
    { "knee1", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "rad; 0.9 is stretched, -0.6 bent" },
    { "knee1_speed", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "1 is 6 rad/s" },
    { "shin1", 1, 0, 1, "1 while it touches the ground" },
    { "hip2", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "of the second leg, as of the first" },
    { "hip2_speed", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "the same" },
    { "knee2", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "the same" },
    { "knee2_speed", 1, -BIPEDAL_WALKER_ANY, BIPEDAL_WALKER_ANY, "the same" },
    { "shin2", 1, 0, 1, "the same" },
    { "rays", BIPEDAL_WALKER_RAYS, 0, 1,
      "how far each reaches, of 5.3 m; the first straight down, each 0.15 rad further" },
};
static const PufAction bipedal_walker_actions[] = {
    { "hip1", 0, -1, 1, "of 80 N m" },
    { "knee1", 0, -1, 1, "of 80 N m" },
    { "hip2", 0, -1, 1, "of 80 N m" },
    { "knee2", 0, -1, 1, "of 80 N m" },
};
static const PufParam bipedal_walker_params[] = {
    PUF_FLAG(BipedalWalker, hardcore, 0, "stumps, stairs and pits; Gymnasium gives 2000 steps for them"),
    PUF_SETTING(BipedalWalker, max_steps, 1600, 1, 4000, "steps after which an episode is truncated"),
};
static const char* const bipedal_walker_log_names[] = { "arrived", "fell", "distance" };

// Speeds and places are far beyond what can happen in an episode; numbers stay finite there.
#define BIPEDAL_WALKER_BODY_FIELDS(name, at)                                                                           \
    PUF_SCALAR_AS(BipedalWalker, name "_x", at.x, "its centre of mass, m", PUF_RANGE(-100, 200)),                      \
        PUF_SCALAR_AS(BipedalWalker, name "_y", at.y, "its centre of mass, m", PUF_RANGE(-1000, 1000)),                \
        PUF_SCALAR_AS(BipedalWalker, name "_angle", at.angle, "rad, counterclockwise", PUF_RANGE(-4000, 4000)),        \
        PUF_SCALAR_AS(BipedalWalker, name "_vx", at.vx, "m/s", PUF_RANGE(-200, 200)),                                  \
        PUF_SCALAR_AS(BipedalWalker, name "_vy", at.vy, "m/s", PUF_RANGE(-200, 200)),                                  \
        PUF_SCALAR_AS(BipedalWalker, name "_spin", at.spin, "rad/s", PUF_RANGE(-200, 200)),                            \
        PUF_SCALAR_AS(BipedalWalker, name "_still", at.still, "seconds of rest", PUF_RANGE(0, 100))
#define BIPEDAL_WALKER_HINGE_FIELDS(name, at)                                                                          \
    PUF_SCALAR_AS(BipedalWalker, name "_pull_x", at.x, "impulse in it in the last step, N s", PUF_RANGE(-1000, 1000)), \
        PUF_SCALAR_AS(BipedalWalker, name "_pull_y", at.y, "the same, upwards", PUF_RANGE(-1000, 1000)),               \
        PUF_SCALAR_AS(BipedalWalker, name "_stop", at.stop, "impulse of its limit, N m s", PUF_RANGE(-1000, 1000)),    \
        PUF_SCALAR_AS(BipedalWalker, name "_motor", at.motor, "impulse of its motor, N m s", PUF_RANGE(-2, 2)),        \
        PUF_SCALAR_AS(BipedalWalker, name "_limit", at.limit, "that it is at: 0 none, 1 the least angle, 2 the most",  \
                      PUF_RANGE(PUF_HINGE_FREE, PUF_HINGE_HIGH))

static const PufField bipedal_walker_touch_fields[] = {
    PUF_SCALAR(PufTouch, body, "0 hull, 1 first thigh, 2 first shin, 3 second thigh, 4 second shin",
               PUF_RANGE(0, BIPEDAL_WALKER_BODIES - 1)),
    PUF_SCALAR(PufTouch, edge, "of the ground, from the right; from 199 on, blocks from the right",
               PUF_RANGE(0, BIPEDAL_WALKER_EDGES + BIPEDAL_WALKER_MAX_BLOCKS - 1)),
    PUF_SCALAR(PufTouch, points, "that touch; 0: this row is unused", PUF_RANGE(0, 2)),
    PUF_ARRAY(PufTouch, corner, "which they are"),
    PUF_ARRAY(PufTouch, free, NULL, PUF_RANGE(0, 0)),
    PUF_ARRAY(PufTouch, push, "impulses along the normal, N s", PUF_RANGE(0, 1000)),
    PUF_ARRAY(PufTouch, rub, "impulses of friction, N s", PUF_RANGE(-1000, 1000)),
};
static const PufField bipedal_walker_fields[] = {
    BIPEDAL_WALKER_BODY_FIELDS("hull", bodies[BIPEDAL_WALKER_HULL]),
    BIPEDAL_WALKER_BODY_FIELDS("thigh1", bodies[BIPEDAL_WALKER_THIGH1]),
    BIPEDAL_WALKER_BODY_FIELDS("shin1", bodies[BIPEDAL_WALKER_SHIN1]),
    BIPEDAL_WALKER_BODY_FIELDS("thigh2", bodies[BIPEDAL_WALKER_THIGH2]),
    BIPEDAL_WALKER_BODY_FIELDS("shin2", bodies[BIPEDAL_WALKER_SHIN2]),
    BIPEDAL_WALKER_HINGE_FIELDS("hip1", hinges[BIPEDAL_WALKER_HIP1]),
    BIPEDAL_WALKER_HINGE_FIELDS("knee1", hinges[BIPEDAL_WALKER_KNEE1]),
    BIPEDAL_WALKER_HINGE_FIELDS("hip2", hinges[BIPEDAL_WALKER_HIP2]),
    BIPEDAL_WALKER_HINGE_FIELDS("knee2", hinges[BIPEDAL_WALKER_KNEE2]),
    PUF_STRUCTS(BipedalWalker, touches, bipedal_walker_touch_fields, "what touches the ground"),
    PUF_ARRAY(BipedalWalker, ground, "heights, 0.47 m apart, m", PUF_RANGE(-100, 100)),
    PUF_ARRAY(BipedalWalker, block_bottom, "of obstacles, from left to right, m", PUF_RANGE(-100, 100)),
    PUF_ARRAY(BipedalWalker, block_post, "their left ends, strides", PUF_RANGE(0, BIPEDAL_WALKER_POSTS + 20)),
    PUF_ARRAY(BipedalWalker, block_wide, "strides; 0: unused", PUF_RANGE(0, BIPEDAL_WALKER_STEP)),
    PUF_ARRAY(BipedalWalker, block_high, "strides", PUF_RANGE(0, BIPEDAL_WALKER_PIT)),
    PUF_ARRAY(BipedalWalker, block_kind, "1 a stump, 2 a step of stairs, 3 a wall of a pit",
              PUF_RANGE(BIPEDAL_WALKER_PLAIN, BIPEDAL_WALKER_PITFALL)),
    PUF_SCALAR(BipedalWalker, num_blocks, "how many there are", PUF_RANGE(0, BIPEDAL_WALKER_MAX_BLOCKS)),
    PUF_SCALAR_AS(BipedalWalker, "hull_touches", touched[BIPEDAL_WALKER_HULL], "1: the ground", PUF_RANGE(0, 1)),
    PUF_SCALAR_AS(BipedalWalker, "thigh1_touches", touched[BIPEDAL_WALKER_THIGH1], "1: the ground", PUF_RANGE(0, 1)),
    PUF_SCALAR_AS(BipedalWalker, "shin1_touches", touched[BIPEDAL_WALKER_SHIN1], "1: the ground", PUF_RANGE(0, 1)),
    PUF_SCALAR_AS(BipedalWalker, "thigh2_touches", touched[BIPEDAL_WALKER_THIGH2], "1: the ground", PUF_RANGE(0, 1)),
    PUF_SCALAR_AS(BipedalWalker, "shin2_touches", touched[BIPEDAL_WALKER_SHIN2], "1: the ground", PUF_RANGE(0, 1)),
    PUF_ARRAY(BipedalWalker, free, NULL, PUF_RANGE(0, 0)),
    PUF_SCALAR(BipedalWalker, shaping, "what the reward grows with"),
    PUF_SCALAR(BipedalWalker, episode_return, "rewards in this episode"),
    PUF_SCALAR(BipedalWalker, way, "m that the hull came forward"),
    PUF_SCALAR(BipedalWalker, tick, "steps since the start of the episode", PUF_LESS_THAN(BipedalWalker, max_steps)),
};

// The legs are at the hull, and what touches comes first.
static const char* bipedal_walker_contradiction(const void* state, const void* assets)
{
    const BipedalWalker* s = state;
    const PufBody* hull = &s->bodies[BIPEDAL_WALKER_HULL];
    static const char* const names[] = { "hull_x", "thigh1_x", "shin1_x", "thigh2_x", "shin2_x" };
    (void)assets;
    for (int32_t i = BIPEDAL_WALKER_THIGH1; i < BIPEDAL_WALKER_BODIES; i++) {
        if (fabsf(s->bodies[i].x - hull->x) > 3.0f || fabsf(s->bodies[i].y - hull->y) > 3.0f ||
            fabsf(s->bodies[i].angle - hull->angle) > 4.0f * PUF_PI) {
            return names[i];
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
PUF_DEFINE_BATCH_ASSETS_ENV(bipedal_walker, BipedalWalker,
    .version = 2,
    .doc = "Walk on two legs over rough ground: Gymnasium's BipedalWalker-v3.",
    .reward = "130 for 30 m forward, less leaning and less effort; -100 for a fall",
    .ends = "terminal when the hull touches the ground, at the far end, or behind the start of the world; "
            "truncated after max_steps steps",
    .rate = BIPEDAL_WALKER_RATE,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(BipedalWalker), .agents = 1, .obs_ndim = 1, .obs_shape = { BIPEDAL_WALKER_OBS },
                PUF_ACTIONS(bipedal_walker), .assets_size = sizeof(BipedalWalkerParts) },
    PUF_TABLES(bipedal_walker), PUF_LOG_NAMES(bipedal_walker),
    .make_assets = bipedal_walker_make_assets,
    .contradiction = bipedal_walker_contradiction);
