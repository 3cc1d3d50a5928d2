// puffer_bodies.h - rigid bodies in the plane: convex polygons that fall, push and rub on fixed ground, held together
// by hinges with motors and limits. The ground is of edges and of upright blocks.
//
// It computes what Box2D 2.3 computes, in its units and with its constants (metres, kilograms, seconds), but shares no
// code with it: sequential impulses (Catto, "Iterative Dynamics with Temporal Coherence", 2005) with warm starting,
// contacts by clipping ("Fast and Simple Physics using Sequential Impulses", 2006; "Continuous Collision", 2013),
// positions corrected after speeds, and a second look at bodies that are about to fall through the ground within a
// step. Left out, as nothing here needs it: contacts between two moving bodies, circles, sliding joints, damping,
// sensors, filters.
//
// An environment keeps PufBody, PufHingeMemory and PufTouch in its state. What never changes, PufShape and PufHinge,
// are constants. A PufBodies, made for one call, points to them all.
//
// Passes over speeds (Gauss, Seidel) repeat until one changes nothing, at most as often as asked for. That they come to
// rest is by rule: a relative speed below PUF_BODIES_STILL counts as none. So leaving early gives the same bits as
// doing all the passes.
//
// Functions of numbers alone are inline and have no branches, so that an environment can run them over many copies of
// itself side by side (puffer_bodies_lanes.h).
#pragma once
#include "puffer.h"
#include "puffer_math.h"

#define PUF_BODIES_SLOP 0.005f                         // m that bodies may overlap
#define PUF_BODIES_SLOP_ANGLE (2.0f / 180.0f * PUF_PI) // rad that a hinge may be beyond its limit
#define PUF_BODIES_SKIN (4.0f * PUF_BODIES_SLOP)       // bodies touch at this distance: the skins of both, 2 slops each
#define PUF_BODIES_PULL 0.2f                           // share of an overlap that is corrected at once (Baumgarte)
#define PUF_BODIES_PULL_NOW 0.75f                      // the same at an impact within a step
#define PUF_BODIES_MAX_PULL 0.2f                       // m of overlap corrected at once
#define PUF_BODIES_MAX_TURN (8.0f / 180.0f * PUF_PI)   // rad beyond a limit corrected at once
#define PUF_BODIES_BOUNCE 1.0f                         // m/s: what hits more slowly does not bounce
#define PUF_BODIES_MAX_MOVE 2.0f                       // m in a step
#define PUF_BODIES_MAX_SPIN (0.5f * PUF_PI)            // rad in a step
#define PUF_BODIES_SLEEP_AFTER 0.5f                    // s of rest
#define PUF_BODIES_SLEEP_SPEED 0.01f                   // m/s that counts as rest
#define PUF_BODIES_SLEEP_SPIN (2.0f / 180.0f * PUF_PI) // rad/s that counts as rest
#define PUF_BODIES_STILL 2e-6f                         // m/s or rad/s between two bodies that count as none
enum {
    PUF_BODIES_CORNERS = 8,     // of a polygon, at most
    PUF_BODIES_MAX = 8,         // bodies in a world
    PUF_BODIES_MAX_HINGES = 8,  // hinges in a world
    PUF_BODIES_MAX_TOUCHES = 8, // pairs of a body and an edge that touch at a time
    PUF_BODIES_IMPACTS = 8,     // second looks at a pair in a step
};

// ---- What bodies are made of. ----

// A body that moves; all of it is about its centre of mass.
typedef struct PufBody {
    float x, y, angle;
    float vx, vy, spin; // per second
    float still;        // seconds of rest
} PufBody;

// One over mass and moment of inertia, in kg and kg m^2.
typedef struct PufMass {
    float inverse_mass, inverse_inertia;
} PufMass;

// A convex polygon: corners counterclockwise, about the centre of mass; the normal of the side from each to the next.
typedef struct PufShape {
    int32_t corners;
    float x[PUF_BODIES_CORNERS], y[PUF_BODIES_CORNERS];
    float nx[PUF_BODIES_CORNERS], ny[PUF_BODIES_CORNERS];
    float friction, bounce;
    float reach; // of the farthest corner
} PufShape;

// A fixed edge of the ground; bodies touch it from both sides.
typedef struct PufEdge {
    float x1, y1, x2, y2;
    float friction, bounce;
} PufEdge;

// A fixed block: a rectangle, upright.
typedef struct PufBlock {
    float left, right, bottom, top;
    float friction, bounce;
} PufBlock;

// Body `b` turns about a point of body `a`; the angle between them stays within limits, and a motor turns it.
typedef struct PufHinge {
    int32_t a, b;
    float ax, ay, bx, by; // where it is on either, from the centre of mass
    float zero;           // rad, of b's angle less a's that counts as 0
    float low, high;      // rad from there
    float speed, torque;  // of the motor: what it aims at, rad/s, and the most it has for it, N m
} PufHinge;

typedef enum PufHingeLimit { PUF_HINGE_FREE, PUF_HINGE_LOW, PUF_HINGE_HIGH } PufHingeLimit;

// What a hinge remembers from step to step: its impulses, N s and N m s, and the limit that it is at.
typedef struct PufHingeMemory {
    float x, y, stop, motor;
    int32_t limit;
} PufHingeMemory;

// What a body remembers of an edge or a block that it touches: the one or two points, which corners they are of, and
// their impulses, N s.
typedef struct PufTouch {
    uint8_t body, edge, points;
    uint8_t corner[2];
    uint8_t free[3];
    float push[2], rub[2];
} PufTouch;

// A world, for one call.
typedef struct PufBodies {
    PufBody* bodies;
    const PufMass* mass;
    const PufShape* const* shapes;
    int32_t num_bodies;
    const PufHinge* hinges;
    PufHingeMemory* memory;
    int32_t num_hinges;
    const PufEdge* edges; // those that a body may come near in this step
    int32_t num_edges;
    int32_t first_edge;     // the number of the first of them
    const PufBlock* blocks; // the same of blocks; NULL: there are none
    int32_t num_blocks;
    int32_t first_block; // above the number of every edge
    PufTouch* touches;   // PUF_BODIES_MAX_TOUCHES of them; those with 0 points are unused
    uint8_t* touched;    // of each body: whether it began to touch the ground since it last left it
    float gravity;       // m/s^2, upwards
    float seconds;       // of a step
    int32_t passes;      // over speeds, at most
    int32_t position_passes;
} PufBodies;

// Area, centre of mass and moment of inertia about it of a polygon with the density 1, by triangles from the origin;
// then the corners are moved to the centre of mass.
static void puf_shape_make(PufShape* shape, float density, PufMass* mass, float* centre_x, float* centre_y)
{
    float area = 0.0f, cx = 0.0f, cy = 0.0f, moment = 0.0f, reach = 0.0f;
    for (int32_t i = 0; i < shape->corners; i++) {
        int32_t k = i + 1 < shape->corners ? i + 1 : 0;
        float ax = shape->x[i], ay = shape->y[i], bx = shape->x[k], by = shape->y[k];
        float cross = ax * by - ay * bx;
        area += 0.5f * cross;
        cx += cross * (ax + bx) / 6.0f;
        cy += cross * (ay + by) / 6.0f;
        moment += cross * (ax * ax + ax * bx + bx * bx + ay * ay + ay * by + by * by) / 12.0f;
    }
    cx /= area;
    cy /= area;
    for (int32_t i = 0; i < shape->corners; i++) {
        int32_t k = i + 1 < shape->corners ? i + 1 : 0;
        float ex = shape->x[k] - shape->x[i], ey = shape->y[k] - shape->y[i];
        float length = sqrtf(ex * ex + ey * ey);
        shape->nx[i] = ey / length;
        shape->ny[i] = -ex / length;
    }
    for (int32_t i = 0; i < shape->corners; i++) {
        shape->x[i] -= cx;
        shape->y[i] -= cy;
        reach = puf_maxf(reach, sqrtf(shape->x[i] * shape->x[i] + shape->y[i] * shape->y[i]));
    }
    shape->reach = reach;
    mass->inverse_mass = 1.0f / (density * area);
    mass->inverse_inertia = 1.0f / (density * (moment - area * (cx * cx + cy * cy)));
    *centre_x = cx;
    *centre_y = cy;
}

// ---- Hinges. ----

typedef struct PufSpeed {
    float vx, vy, spin;
} PufSpeed;

// A hinge in a step: levers from both centres, what its impulses change, and its impulses.
typedef struct PufHingeNow {
    float ax, ay, bx, by;               // levers
    float zx, zy;                       // how a twist moves the point
    float p11, p12, p22;                // of the point: impulse per speed
    float q11, q12, q13, q22, q23, q33; // of the point and the twist together
    float turn;                         // of the motor: impulse per speed
    float low, high;                    // 1: at this limit, else 0
    float x, y, stop, motor;            // impulses
} PufHingeNow;

// Its matrices, and which limit it is at. The impulse of a limit that was left is forgotten.
PUF_INLINE void puf_hinge_begin(PufHingeNow* h, PufMass a, PufMass b, float low, float high, float was, float angle)
{
    float m = a.inverse_mass + b.inverse_mass, ia = a.inverse_inertia, ib = b.inverse_inertia;
    float k11 = m + h->ay * h->ay * ia + h->by * h->by * ib;
    float k12 = -h->ay * h->ax * ia - h->by * h->bx * ib;
    float k22 = m + h->ax * h->ax * ia + h->bx * h->bx * ib;
    float k13 = -h->ay * ia - h->by * ib;
    float k23 = h->ax * ia + h->bx * ib;
    float k33 = ia + ib;
    float det2 = 1.0f / (k11 * k22 - k12 * k12);
    h->p11 = k22 * det2;
    h->p12 = -k12 * det2;
    h->p22 = k11 * det2;
    float c11 = k22 * k33 - k23 * k23, c12 = k13 * k23 - k12 * k33, c13 = k12 * k23 - k13 * k22;
    float det3 = 1.0f / (k11 * c11 + k12 * c12 + k13 * c13);
    h->q11 = c11 * det3;
    h->q12 = c12 * det3;
    h->q13 = c13 * det3;
    h->q22 = (k11 * k33 - k13 * k13) * det3;
    h->q23 = (k12 * k13 - k11 * k23) * det3;
    h->q33 = (k11 * k22 - k12 * k12) * det3;
    h->zx = k13;
    h->zy = k23;
    h->turn = 1.0f / k33;
    h->low = angle <= low ? 1.0f : 0.0f;
    h->high = ((angle > low) & (angle >= high)) ? 1.0f : 0.0f;
    float now = h->low > 0.0f ? (float)PUF_HINGE_LOW : h->high > 0.0f ? (float)PUF_HINGE_HIGH : (float)PUF_HINGE_FREE;
    h->stop = ((now == was) & (h->low + h->high > 0.0f)) ? h->stop : 0.0f;
}

PUF_INLINE void puf_hinge_push(const PufHingeNow* h, PufMass a, PufMass b, PufSpeed* va, PufSpeed* vb, float x, float y,
                               float twist)
{
    va->vx -= a.inverse_mass * x;
    va->vy -= a.inverse_mass * y;
    va->spin -= a.inverse_inertia * (h->ax * y - h->ay * x + twist);
    vb->vx += b.inverse_mass * x;
    vb->vy += b.inverse_mass * y;
    vb->spin += b.inverse_inertia * (h->bx * y - h->by * x + twist);
}

// What is so slow that it is a rounding is none.
PUF_INLINE float puf_bodies_still(float speed) { return fabsf(speed) < PUF_BODIES_STILL ? 0.0f : speed; }

// One pass: the motor first, then point and limit together. A limit only pushes back; where it would pull, the point is
// held without it. Returns how much it changed.
PUF_INLINE float puf_hinge_pass(PufHingeNow* h, PufMass a, PufMass b, PufSpeed* va, PufSpeed* vb, float aim, float most)
{
    float slip = puf_bodies_still(vb->spin - va->spin - aim);
    float motor = puf_clampf(h->motor - h->turn * slip, -most, most);
    float turned = motor - h->motor;
    h->motor = motor;
    va->spin -= a.inverse_inertia * turned;
    vb->spin += b.inverse_inertia * turned;

    float cx = puf_bodies_still(vb->vx - vb->spin * h->by - va->vx + va->spin * h->ay);
    float cy = puf_bodies_still(vb->vy + vb->spin * h->bx - va->vy - va->spin * h->ax);
    float cz = puf_bodies_still(vb->spin - va->spin);
    float x = -(h->q11 * cx + h->q12 * cy + h->q13 * cz);
    float y = -(h->q12 * cx + h->q22 * cy + h->q23 * cz);
    float z = -(h->q13 * cx + h->q23 * cy + h->q33 * cz);
    float stop = h->stop + z;
    const float never = 1e30f * (1.0f - h->low - h->high); // more than any impulse, where it is at no limit
    int holds = (h->low - h->high) * stop >= never;
    float rx = h->stop * h->zx - cx, ry = h->stop * h->zy - cy;
    x = holds ? x : h->p11 * rx + h->p12 * ry;
    y = holds ? y : h->p12 * rx + h->p22 * ry;
    z = holds ? z : -h->stop;
    h->x += x;
    h->y += y;
    h->stop = holds ? stop : 0.0f;
    puf_hinge_push(h, a, b, va, vb, x, y, z);
    return fabsf(turned) + fabsf(x) + fabsf(y) + fabsf(z);
}

// The same of a hinge that is not at a limit, which is shorter.
PUF_INLINE float puf_hinge_pass_free(PufHingeNow* h, PufMass a, PufMass b, PufSpeed* va, PufSpeed* vb, float aim,
                                     float most)
{
    float slip = puf_bodies_still(vb->spin - va->spin - aim);
    float motor = puf_clampf(h->motor - h->turn * slip, -most, most);
    float turned = motor - h->motor;
    h->motor = motor;
    va->spin -= a.inverse_inertia * turned;
    vb->spin += b.inverse_inertia * turned;
    float rx = -puf_bodies_still(vb->vx - vb->spin * h->by - va->vx + va->spin * h->ay);
    float ry = -puf_bodies_still(vb->vy + vb->spin * h->bx - va->vy - va->spin * h->ax);
    float x = h->p11 * rx + h->p12 * ry, y = h->p12 * rx + h->p22 * ry;
    h->x += x;
    h->y += y;
    puf_hinge_push(h, a, b, va, vb, x, y, 0.0f);
    return fabsf(turned) + fabsf(x) + fabsf(y);
}

typedef struct PufPose {
    float x, y, angle;
} PufPose;

// Turn what is beyond a limit back. Returns how far it was, rad; at a limit that it is not at, 0.
PUF_INLINE float puf_hinge_unbend(PufMass a, PufMass b, PufPose* pa, PufPose* pb, const PufHinge* h, float at_low,
                                  float at_high)
{
    float angle = pb->angle - pa->angle - h->zero;
    float over = angle - h->low, under = angle - h->high; // at_low and at_high are 0 or 1, at most one is 1
    float less = puf_clampf(over + PUF_BODIES_SLOP_ANGLE, -PUF_BODIES_MAX_TURN, 0.0f);
    float more = puf_clampf(under - PUF_BODIES_SLOP_ANGLE, 0.0f, PUF_BODIES_MAX_TURN);
    float impulse = -(1.0f / (a.inverse_inertia + b.inverse_inertia)) * (at_low * less + at_high * more);
    pa->angle -= a.inverse_inertia * impulse;
    pb->angle += b.inverse_inertia * impulse;
    return at_high * under - at_low * over;
}

// Bring the two points together; levers as they are now. Returns how far they were apart, squared.
PUF_INLINE float puf_hinge_join(PufMass a, PufMass b, PufPose* pa, PufPose* pb, float ax, float ay, float bx, float by)
{
    float dx = pb->x + bx - pa->x - ax, dy = pb->y + by - pa->y - ay;
    float m = a.inverse_mass + b.inverse_mass, ia = a.inverse_inertia, ib = b.inverse_inertia;
    float k11 = m + ia * ay * ay + ib * by * by;
    float k12 = -ia * ax * ay - ib * bx * by;
    float k22 = m + ia * ax * ax + ib * bx * bx;
    float det = 1.0f / (k11 * k22 - k12 * k12);
    float x = -det * (k22 * dx - k12 * dy), y = -det * (k11 * dy - k12 * dx);
    pa->x -= a.inverse_mass * x;
    pa->y -= a.inverse_mass * y;
    pa->angle -= ia * (ax * y - ay * x);
    pb->x += b.inverse_mass * x;
    pb->y += b.inverse_mass * y;
    pb->angle += ib * (bx * y - by * x);
    return dx * dx + dy * dy;
}

// The lever (x, y) of a body that is turned.
PUF_INLINE void puf_bodies_turn(float angle, float x, float y, float* tx, float* ty)
{
    float s, c;
    puf_sincosf(angle, &s, &c);
    *tx = c * x - s * y;
    *ty = s * x + c * y;
}

// A position pass over a hinge. Returns whether it was within its slop.
PUF_INLINE int puf_hinge_position_pass(PufMass a, PufMass b, PufPose* pa, PufPose* pb, const PufHinge* h, float at_low,
                                       float at_high)
{
    float ax, ay, bx, by;
    float beyond = puf_hinge_unbend(a, b, pa, pb, h, at_low, at_high);
    puf_bodies_turn(pa->angle, h->ax, h->ay, &ax, &ay);
    puf_bodies_turn(pb->angle, h->bx, h->by, &bx, &by);
    float apart = puf_hinge_join(a, b, pa, pb, ax, ay, bx, by);
    return (beyond <= PUF_BODIES_SLOP_ANGLE) & (apart <= PUF_BODIES_SLOP * PUF_BODIES_SLOP);
}

// A force on a body, N and N m, for a step.
typedef struct PufForce {
    float x, y, twist;
} PufForce;

PUF_INLINE PufSpeed puf_bodies_accelerate(const PufBody* b, PufMass mass, PufForce force, float gravity, float seconds)
{
    return (PufSpeed){ b->vx + seconds * (mass.inverse_mass * force.x),
                       b->vy + seconds * (gravity + mass.inverse_mass * force.y),
                       b->spin + seconds * (mass.inverse_inertia * force.twist) };
}

// Where the speeds lead in a step; they are lowered where they are absurd.
PUF_INLINE void puf_bodies_move(PufPose* p, PufSpeed* v, float seconds)
{
    float dx = v->vx * seconds, dy = v->vy * seconds, turn = v->spin * seconds;
    float far2 = dx * dx + dy * dy;
    float slow = far2 > PUF_BODIES_MAX_MOVE * PUF_BODIES_MAX_MOVE ? PUF_BODIES_MAX_MOVE / sqrtf(far2) : 1.0f;
    float calm = turn * turn > PUF_BODIES_MAX_SPIN * PUF_BODIES_MAX_SPIN ? PUF_BODIES_MAX_SPIN / fabsf(turn) : 1.0f;
    v->vx *= slow;
    v->vy *= slow;
    v->spin *= calm;
    p->x += v->vx * seconds;
    p->y += v->vy * seconds;
    p->angle += v->spin * seconds;
}

#include "puffer_contacts.h"

// ---- A step. ----

typedef struct PufManifolds {
    PufManifold of[PUF_BODIES_MAX_TOUCHES]; // of the touches of the world
} PufManifolds;

static inline PufPose puf_body_pose(const PufBody* b) { return (PufPose){ b->x, b->y, b->angle }; }

static inline void puf_body_put(PufBody* b, PufPose p)
{
    b->x = p.x;
    b->y = p.y;
    b->angle = p.angle;
}

// What a body may reach, upright.
typedef struct PufBox {
    float left, right, bottom, top;
} PufBox;

static PufBox puf_outline_box(const PufOutline* o)
{
    PufBox box = { o->x[0], o->x[0], o->y[0], o->y[0] };
    for (int32_t i = 1; i < o->corners; i++) {
        box.left = puf_minf(box.left, o->x[i]);
        box.right = puf_maxf(box.right, o->x[i]);
        box.bottom = puf_minf(box.bottom, o->y[i]);
        box.top = puf_maxf(box.top, o->y[i]);
    }
    return box;
}

static inline PufBox puf_box_wider(PufBox b, float more)
{
    return (PufBox){ b.left - more, b.right + more, b.bottom - more, b.top + more };
}

static inline int puf_box_meets_block(PufBox b, const PufBlock* of)
{
    return (b.left <= of->right) & (b.right >= of->left) & (b.bottom <= of->top) & (b.top >= of->bottom);
}

static inline int puf_box_meets(PufBox b, const PufEdge* e)
{
    const int left = b.left <= puf_maxf(e->x1, e->x2), right = b.right >= puf_minf(e->x1, e->x2);
    const int below = b.bottom <= puf_maxf(e->y1, e->y2), above = b.top >= puf_minf(e->y1, e->y2);
    return left & right & below & above;
}

// A pair that touches keeps the impulses of the points that it had before.
static void puf_touch_make(PufTouch* t, int32_t body, int32_t edge, const PufManifold* m, const PufTouch* before)
{
    memset(t, 0, sizeof *t);
    t->body = (uint8_t)body;
    t->edge = (uint8_t)edge;
    t->points = (uint8_t)m->points;
    for (int32_t i = 0; i < m->points; i++) {
        t->corner[i] = m->corner[i];
        for (int32_t k = 0; before && k < before->points; k++) {
            if (before->corner[k] == m->corner[i]) {
                t->push[i] = before->push[k];
                t->rub[i] = before->rub[k];
                break;
            }
        }
    }
}

static const PufTouch* puf_bodies_find(const PufTouch* touches, int32_t body, int32_t edge)
{
    for (int32_t i = 0; i < PUF_BODIES_MAX_TOUCHES && touches[i].points; i++) {
        if (touches[i].body == body && touches[i].edge == edge) {
            return &touches[i];
        }
    }
    return NULL;
}

// The height of the highest edge or block: what is above it needs no look.
static float puf_bodies_top(const PufBodies* w)
{
    float top = -1e9f;
    for (int32_t e = 0; e < w->num_edges; e++) {
        top = puf_maxf(top, puf_maxf(w->edges[e].y1, w->edges[e].y2));
    }
    for (int32_t e = 0; e < w->num_blocks; e++) {
        top = puf_maxf(top, w->blocks[e].top);
    }
    return top;
}

// Whether one of these touches is a body's.
static int puf_bodies_touching(const PufTouch* touches, int32_t body)
{
    int any = 0;
    for (int32_t i = 0; i < PUF_BODIES_MAX_TOUCHES && touches[i].points; i++) {
        any |= touches[i].body == body;
    }
    return any;
}

// The number of what is there, edges first, and then blocks.
static inline int32_t puf_bodies_number(const PufBodies* w, int32_t i)
{
    return i < w->num_edges ? w->first_edge + i : w->first_block + i - w->num_edges;
}

// Find what touches; of one body, or of all (-1).
static void puf_bodies_look(const PufBodies* w, PufManifolds* manifolds, int32_t only)
{
    PufTouch before[PUF_BODIES_MAX_TOUCHES];
    PufManifold old[PUF_BODIES_MAX_TOUCHES];
    int32_t count = 0, num_old = 0;
    memcpy(before, w->touches, sizeof before);
    for (; only >= 0 && num_old < PUF_BODIES_MAX_TOUCHES && before[num_old].points; num_old++) {
        old[num_old] = manifolds->of[num_old];
    }
    memset(w->touches, 0, sizeof before);
    const float top = puf_bodies_top(w);
    for (int32_t b = 0; b < w->num_bodies; b++) {
        int touching = puf_bodies_touching(before, b);
        if (!touching && ((only >= 0 && b != only) || w->bodies[b].y - w->shapes[b]->reach - PUF_BODIES_SKIN > top)) {
            continue;
        }
        PufPose pose = puf_body_pose(&w->bodies[b]);
        PufOutline outline;
        puf_outline(w->shapes[b], pose, &outline);
        PufBox box = puf_box_wider(puf_outline_box(&outline), 2.0f * PUF_BODIES_SKIN);
        for (int32_t e = 0; e < w->num_edges + w->num_blocks; e++) {
            const PufBlock* block = e < w->num_edges ? NULL : &w->blocks[e - w->num_edges];
            const int meets = block ? puf_box_meets_block(box, block) : puf_box_meets(box, &w->edges[e]);
            if (!meets && !touching) {
                continue;
            }
            const int32_t number = puf_bodies_number(w, e);
            const PufTouch* had = touching ? puf_bodies_find(before, b, number) : NULL;
            PufManifold m;
            m.points = 0;
            if (only >= 0 && b != only) {
                m = had ? old[had - before] : m;
            } else if (meets && block) {
                puf_manifold_block(w->shapes[b], &outline, pose, block, &m);
            } else if (meets) {
                puf_manifold(w->shapes[b], &outline, pose, &w->edges[e], &m);
            }
            if (m.points && count < PUF_BODIES_MAX_TOUCHES) {
                puf_touch_make(&w->touches[count], b, number, &m, had);
                manifolds->of[count++] = m;
            }
            if ((m.points > 0) != (had != NULL)) {
                w->touched[b] = m.points > 0;
            }
        }
    }
}

// A contact at the start of a step, or at an impact.
static void puf_bodies_contact(const PufBodies* w, const PufTouch* t, const PufManifold* m, const PufSpeed* v,
                               PufContact* c)
{
    const PufBody* b = &w->bodies[t->body];
    const PufShape* shape = w->shapes[t->body];
    const PufBlock* block = w->blocks && t->edge >= w->first_block ? &w->blocks[t->edge - w->first_block] : NULL;
    const PufEdge* edge = block ? NULL : &w->edges[t->edge - w->first_edge];
    float bounce = puf_maxf(shape->bounce, block ? block->bounce : edge->bounce);
    memset(c, 0, sizeof *c);
    c->friction = sqrtf(shape->friction * (block ? block->friction : edge->friction));
    for (int32_t i = 0; i < m->points; i++) {
        PufTouchPoint p = puf_manifold_point(m, puf_body_pose(b), i);
        c->nx = p.nx;
        c->ny = p.ny;
        float half = m->on_edge ? -0.5f * p.apart : 0.5f * p.apart; // to the middle between the two
        c->x[i] = p.x + half * p.nx - b->x;
        c->y[i] = p.y + half * p.ny - b->y;
        c->push[i] = t->push[i];
        c->rub[i] = t->rub[i];
        float toward = (v->vx - v->spin * c->y[i]) * c->nx + (v->vy + v->spin * c->x[i]) * c->ny;
        c->bounce[i] = toward < -PUF_BODIES_BOUNCE ? -bounce * toward : 0.0f;
    }
    puf_contact_begin(c, w->mass[t->body], m->points > 1 ? 1.0f : 0.0f);
    if (c->two == 0.0f) {
        c->push[1] = 0.0f;
        c->rub[1] = 0.0f;
    }
}

// What a step needs beside the world.
typedef struct PufStep {
    PufSpeed speeds[PUF_BODIES_MAX];
    PufHingeNow hinges[PUF_BODIES_MAX_HINGES];
    PufContact contacts[PUF_BODIES_MAX_TOUCHES];
    int32_t num_contacts;
    PufManifolds manifolds;
} PufStep;

// Every hinge, with the impulses of the last step applied at once: few passes are then left to do.
static void puf_bodies_begin_hinges(const PufBodies* w, PufStep* step)
{
    float angles[PUF_BODIES_MAX] = { 0.0f }, sines[PUF_BODIES_MAX], cosines[PUF_BODIES_MAX];
    for (int32_t i = 0; i < w->num_bodies; i++) {
        angles[i] = w->bodies[i].angle;
    }
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_MAX; i++) {
        puf_sincosf(angles[i], &sines[i], &cosines[i]);
    }
    for (int32_t i = 0; i < w->num_hinges; i++) {
        const PufHinge* h = &w->hinges[i];
        const PufHingeMemory* was = &w->memory[i];
        const PufBody *a = &w->bodies[h->a], *b = &w->bodies[h->b];
        PufHingeNow* now = &step->hinges[i];
        now->ax = cosines[h->a] * h->ax - sines[h->a] * h->ay;
        now->ay = sines[h->a] * h->ax + cosines[h->a] * h->ay;
        now->bx = cosines[h->b] * h->bx - sines[h->b] * h->by;
        now->by = sines[h->b] * h->bx + cosines[h->b] * h->by;
        now->x = was->x;
        now->y = was->y;
        now->stop = was->stop;
        now->motor = was->motor;
        puf_hinge_begin(now, w->mass[h->a], w->mass[h->b], h->low, h->high, (float)was->limit,
                        b->angle - a->angle - h->zero);
        puf_hinge_push(now, w->mass[h->a], w->mass[h->b], &step->speeds[h->a], &step->speeds[h->b], now->x, now->y,
                       now->stop + now->motor);
    }
}

static void puf_bodies_begin_contacts(const PufBodies* w, PufStep* step)
{
    step->num_contacts = 0;
    for (int32_t i = 0; i < PUF_BODIES_MAX_TOUCHES && w->touches[i].points; i++) {
        const PufTouch* t = &w->touches[i];
        puf_bodies_contact(w, t, &step->manifolds.of[i], &step->speeds[t->body], &step->contacts[step->num_contacts++]);
    }
    for (int32_t i = 0; i < step->num_contacts; i++) {
        const PufContact* c = &step->contacts[i];
        int32_t b = w->touches[i].body;
        puf_contact_push(c, w->mass[b], &step->speeds[b], c->push[0] * c->nx + c->rub[0] * c->ny,
                         c->push[0] * c->ny - c->rub[0] * c->nx, c->push[1] * c->nx + c->rub[1] * c->ny,
                         c->push[1] * c->ny - c->rub[1] * c->nx);
    }
}

// Passes over all hinges and contacts, until one changes nothing.
static void puf_bodies_solve(const PufBodies* w, PufStep* step)
{
    float changed = 1.0f;
    for (int32_t pass = 0; pass < w->passes && changed > 0.0f; pass++) {
        changed = 0.0f;
        for (int32_t i = 0; i < w->num_hinges; i++) {
            const PufHinge* h = &w->hinges[i];
            changed += puf_hinge_pass(&step->hinges[i], w->mass[h->a], w->mass[h->b], &step->speeds[h->a],
                                      &step->speeds[h->b], h->speed, h->torque * w->seconds);
        }
        for (int32_t i = 0; i < step->num_contacts; i++) {
            int32_t b = w->touches[i].body;
            changed += puf_contact_pass_any(&step->contacts[i], w->mass[b], &step->speeds[b]);
        }
    }
}

static void puf_bodies_remember(const PufBodies* w, const PufStep* step)
{
    for (int32_t i = 0; i < w->num_hinges; i++) {
        const PufHingeNow* now = &step->hinges[i];
        PufHingeMemory* memory = &w->memory[i];
        memory->x = now->x;
        memory->y = now->y;
        memory->stop = now->stop;
        memory->motor = now->motor;
        memory->limit = now->low > 0.0f ? PUF_HINGE_LOW : now->high > 0.0f ? PUF_HINGE_HIGH : PUF_HINGE_FREE;
    }
    for (int32_t i = 0; i < step->num_contacts; i++) {
        for (int32_t k = 0; k < 2; k++) {
            w->touches[i].push[k] = step->contacts[i].push[k];
            w->touches[i].rub[k] = step->contacts[i].rub[k];
        }
    }
}

// Bring apart what overlaps and together what a hinge holds. Returns whether all came within their slop.
static int puf_bodies_correct(const PufBodies* w, const PufStep* step, PufPose* poses)
{
    for (int32_t pass = 0; pass < w->position_passes; pass++) {
        int right = 1;
        for (int32_t i = 0; i < step->num_contacts; i++) {
            int32_t b = w->touches[i].body;
            float least = puf_manifold_part(&step->manifolds.of[i], w->mass[b], &poses[b], PUF_BODIES_PULL);
            right &= least >= -3.0f * PUF_BODIES_SLOP;
        }
        for (int32_t i = 0; i < w->num_hinges; i++) {
            const PufHinge* h = &w->hinges[i];
            right &= puf_hinge_position_pass(w->mass[h->a], w->mass[h->b], &poses[h->a], &poses[h->b], h,
                                             step->hinges[i].low, step->hinges[i].high);
        }
        if (right) {
            return 1;
        }
    }
    return 0;
}

// Whether a body is slow enough to fall asleep.
PUF_INLINE float puf_bodies_rest(float still, PufSpeed v, float seconds)
{
    const float fast = PUF_BODIES_SLEEP_SPEED * PUF_BODIES_SLEEP_SPEED;
    const float fast_spin = PUF_BODIES_SLEEP_SPIN * PUF_BODIES_SLEEP_SPIN;
    return v.spin * v.spin > fast_spin || v.vx * v.vx + v.vy * v.vy > fast ? 0.0f : still + seconds;
}

#include "puffer_impacts.h"

// Find what touches, let the forces act, and set up what has to be solved: contacts, then hinges.
static void puf_bodies_begin_touches(const PufBodies* w, const PufForce* forces, PufStep* step)
{
    puf_bodies_look(w, &step->manifolds, -1);
    for (int32_t i = 0; i < w->num_bodies; i++) {
        step->speeds[i] = puf_bodies_accelerate(&w->bodies[i], w->mass[i], forces[i], w->gravity, w->seconds);
    }
    puf_bodies_begin_contacts(w, step);
}

static inline void puf_bodies_begin(const PufBodies* w, const PufForce* forces, PufStep* step)
{
    puf_bodies_begin_touches(w, forces, step);
    puf_bodies_begin_hinges(w, step);
}

// Put the bodies where they came to in a step, and stop those that hit the ground on their way. Returns whether
// everything came to rest: then all speeds are 0.
static int puf_bodies_settle(const PufBodies* w, PufStep* step, const PufPose* poses, int right)
{
    PufWay ways[PUF_BODIES_MAX];
    float still = PUF_BODIES_SLEEP_AFTER;
    puf_bodies_remember(w, step);
    for (int32_t i = 0; i < w->num_bodies; i++) {
        PufBody* b = &w->bodies[i];
        memset(&ways[i], 0, sizeof ways[i]);
        ways[i].from = puf_body_pose(b);
        puf_body_put(b, poses[i]);
        b->vx = step->speeds[i].vx;
        b->vy = step->speeds[i].vy;
        b->spin = step->speeds[i].spin;
        b->still = puf_bodies_rest(b->still, step->speeds[i], w->seconds);
        still = puf_minf(still, b->still);
    }
    if (right && still >= PUF_BODIES_SLEEP_AFTER) {
        for (int32_t i = 0; i < w->num_bodies; i++) {
            w->bodies[i].vx = 0.0f;
            w->bodies[i].vy = 0.0f;
            w->bodies[i].spin = 0.0f;
            w->bodies[i].still = 0.0f;
        }
        return 1;
    }
    puf_bodies_stop_all(w, step, ways);
    return 0;
}

// Move with the speeds that were solved. Returns whether everything came to rest.
static int puf_bodies_end(const PufBodies* w, PufStep* step)
{
    PufPose poses[PUF_BODIES_MAX];
    for (int32_t i = 0; i < w->num_bodies; i++) {
        poses[i] = puf_body_pose(&w->bodies[i]);
        puf_bodies_move(&poses[i], &step->speeds[i], w->seconds);
    }
    int right = puf_bodies_correct(w, step, poses);
    return puf_bodies_settle(w, step, poses, right);
}

// One step. Returns whether everything came to rest.
static inline int puf_bodies_step(const PufBodies* w, const PufForce* forces)
{
    PufStep step;
    puf_bodies_begin(w, forces, &step);
    puf_bodies_solve(w, &step);
    return puf_bodies_end(w, &step);
}
