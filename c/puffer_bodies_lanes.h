// puffer_bodies_lanes.h - steps of many worlds of puffer_bodies.h side by side, with the same bytes. All here is speed.
//
// Passes over speeds and places are nearly all of a step. So 16 worlds at a time become columns, a lane each, over which
// short loops call the functions of puffer_bodies.h. One world needs 10 passes, another 180: a lane that is done takes
// the next world at once (puf_bodies_step_lanes). What has more contacts than there are places for them takes the plain
// step.
//
// All worlds of a call have the same bodies, masses and hinges; edges, forces, motors and gravity are each one's own.
#pragma once
#include "puffer_bodies.h"

enum {
    PUF_BODIES_LANES = 16,                  // any number gives the same results
    PUF_LANES_PLACES = 4,                   // of contacts, for each body
    PUF_LANES_CHECK = 10,                   // passes after which lanes that are done are replaced; any number
    PUF_LANES_SLOTS = 3 * PUF_BODIES_LANES, // worlds under way: with speeds, with places, and between the two
    PUF_LANES_ALL_PLACES = PUF_LANES_PLACES * PUF_BODIES_MAX,
};

// The numbers of a hinge and of a contact: names of columns, and members of PufHingeNow and PufContact.
// clang-format off
#define PUF_LANES_HINGE(N)                                                                                             \
    N(ax, ax) N(ay, ay) N(bx, bx) N(by, by) N(zx, zx) N(zy, zy)                                                        \
    N(p11, p11) N(p12, p12) N(p22, p22) N(q11, q11) N(q12, q12) N(q13, q13) N(q22, q22) N(q23, q23) N(q33, q33)        \
    N(turn, turn) N(low, low) N(high, high) N(x, x) N(y, y) N(stop, stop) N(motor, motor)
#define PUF_LANES_CONTACT(N)                                                                                           \
    N(nx, nx) N(ny, ny) N(x0, x[0]) N(x1, x[1]) N(y0, y[0]) N(y1, y[1]) N(hold0, hold[0]) N(hold1, hold[1])            \
    N(brake0, brake[0]) N(brake1, brake[1])                                                                            \
    N(bounce0, bounce[0]) N(bounce1, bounce[1]) N(k11, k11) N(k12, k12) N(k22, k22) N(p11, p11) N(p12, p12)            \
    N(p22, p22) N(two, two) N(friction, friction)                                                                      \
    N(push0, push[0]) N(push1, push[1]) N(rub0, rub[0]) N(rub1, rub[1])
// clang-format on

#define PUF_LANES_COLUMN(name, member) float name[PUF_BODIES_LANES];
typedef struct PufHingeLanes {
    PUF_LANES_HINGE(PUF_LANES_COLUMN)
    float aim[PUF_BODIES_LANES], most[PUF_BODIES_LANES]; // of the motor
    float was[PUF_BODIES_LANES];                         // limit in the last step
} PufHingeLanes;
typedef struct PufContactLanes {
    PUF_LANES_CONTACT(PUF_LANES_COLUMN)
} PufContactLanes;
#undef PUF_LANES_COLUMN
typedef struct PufManifoldLanes {
    int32_t on_edge[PUF_BODIES_LANES];
    float nx[PUF_BODIES_LANES], ny[PUF_BODIES_LANES], sx[PUF_BODIES_LANES], sy[PUF_BODIES_LANES];
    float x[2][PUF_BODIES_LANES], y[2][PUF_BODIES_LANES];
    float real[2][PUF_BODIES_LANES]; // 1: this point is one
} PufManifoldLanes;
typedef struct PufSpeedLanes {
    float vx[PUF_BODIES_LANES], vy[PUF_BODIES_LANES], spin[PUF_BODIES_LANES];
} PufSpeedLanes;
typedef struct PufPoseLanes {
    float x[PUF_BODIES_LANES], y[PUF_BODIES_LANES], angle[PUF_BODIES_LANES];
} PufPoseLanes;

PUF_INLINE PufSpeed puf_lanes_speed(const PufSpeedLanes* v, int32_t i)
{
    return (PufSpeed){ v->vx[i], v->vy[i], v->spin[i] };
}

PUF_INLINE void puf_lanes_set_speed(PufSpeedLanes* v, int32_t i, PufSpeed to)
{
    v->vx[i] = to.vx;
    v->vy[i] = to.vy;
    v->spin[i] = to.spin;
}

PUF_INLINE PufPose puf_lanes_pose(const PufPoseLanes* p, int32_t i)
{
    return (PufPose){ p->x[i], p->y[i], p->angle[i] };
}

PUF_INLINE void puf_lanes_set_pose(PufPoseLanes* p, int32_t i, PufPose to)
{
    p->x[i] = to.x;
    p->y[i] = to.y;
    p->angle[i] = to.angle;
}

#define PUF_LANES_GET(name, member) now.member = all->name[i];
PUF_INLINE PufHingeNow puf_lanes_hinge(const PufHingeLanes* all, int32_t i)
{
    PufHingeNow now;
    PUF_LANES_HINGE(PUF_LANES_GET)
    return now;
}

PUF_INLINE PufContact puf_lanes_contact(const PufContactLanes* all, int32_t i)
{
    PufContact now;
    PUF_LANES_CONTACT(PUF_LANES_GET)
    return now;
}
#undef PUF_LANES_GET

#define PUF_LANES_SET(name, member) all->name[i] = now->member;
PUF_INLINE void puf_lanes_set_hinge(PufHingeLanes* all, int32_t i,
                                    const PufHingeNow* now){ PUF_LANES_HINGE(PUF_LANES_SET) }

PUF_INLINE void puf_lanes_set_contact(PufContactLanes* all, int32_t i,
                                      const PufContact* now){ PUF_LANES_CONTACT(PUF_LANES_SET) }
#undef PUF_LANES_SET

// ---- Passes over speeds. ----

// Compilers believe __restrict, which C and C++ share, of a function that they call, but not always of one that they
// inline: there they test for overlap in every call.
#ifdef _MSC_VER
#define PUF_LANES_APART static __declspec(noinline)
#elif defined(__GNUC__)
#define PUF_LANES_APART static __attribute__((noinline))
#else
#define PUF_LANES_APART static
#endif

// A pass over a hinge of all lanes, none of which is at a limit if they are `free`.
PUF_INLINE void puf_lanes_pass_one(PufHingeLanes* __restrict all, PufSpeedLanes* __restrict all_a,
                                   PufSpeedLanes* __restrict all_b, PufMass a, PufMass b, int free)
{
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufSpeed va = puf_lanes_speed(all_a, i), vb = puf_lanes_speed(all_b, i);
        PufHingeNow h = puf_lanes_hinge(all, i);
        if (free) {
            puf_hinge_pass_free(&h, a, b, &va, &vb, all->aim[i], all->most[i]);
        } else {
            puf_hinge_pass(&h, a, b, &va, &vb, all->aim[i], all->most[i]);
            all->stop[i] = h.stop;
        }
        all->x[i] = h.x;
        all->y[i] = h.y;
        all->motor[i] = h.motor;
        puf_lanes_set_speed(all_a, i, va);
        puf_lanes_set_speed(all_b, i, vb);
    }
}

PUF_LANES_APART void puf_lanes_pass_bound(PufHingeLanes* __restrict all, PufSpeedLanes* __restrict all_a,
                                          PufSpeedLanes* __restrict all_b, PufMass a, PufMass b)
{
    puf_lanes_pass_one(all, all_a, all_b, a, b, 0);
}

PUF_LANES_APART void puf_lanes_pass_free(PufHingeLanes* __restrict all, PufSpeedLanes* __restrict all_a,
                                         PufSpeedLanes* __restrict all_b, PufMass a, PufMass b)
{
    puf_lanes_pass_one(all, all_a, all_b, a, b, 1);
}

// Whether a lane's hinge is at a limit.
static int puf_lanes_is_bound(const PufHingeLanes* all)
{
    int32_t bound = 0;
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        bound |= (all->low[i] > 0.0f) | (all->high[i] > 0.0f);
    }
    return bound;
}

// A pass over all hinges.
static void puf_lanes_pass_hinges(const PufBodies* w, PufHingeLanes* hinges, PufSpeedLanes* speeds,
                                  const uint8_t* bound)
{
    for (int32_t k = 0; k < w->num_hinges; k++) {
        int32_t a = w->hinges[k].a, b = w->hinges[k].b;
        if (bound[k]) {
            puf_lanes_pass_bound(&hinges[k], &speeds[a], &speeds[b], w->mass[a], w->mass[b]);
        } else {
            puf_lanes_pass_free(&hinges[k], &speeds[a], &speeds[b], w->mass[a], w->mass[b]);
        }
    }
}

// A pass over one place of contacts.
PUF_LANES_APART void puf_lanes_pass_contacts(PufContactLanes* __restrict all, PufSpeedLanes* __restrict speeds,
                                             PufMass mass)
{
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufSpeed v = puf_lanes_speed(speeds, i);
        PufContact c = puf_lanes_contact(all, i);
        puf_contact_pass(&c, mass, &v);
        all->push0[i] = c.push[0];
        all->push1[i] = c.push[1];
        all->rub0[i] = c.rub[0];
        all->rub1[i] = c.rub[1];
        puf_lanes_set_speed(speeds, i, v);
    }
}

// The same where no lane has two points, which is shorter.
PUF_LANES_APART void puf_lanes_pass_points(PufContactLanes* __restrict all, PufSpeedLanes* __restrict speeds,
                                           PufMass mass)
{
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufSpeed v = puf_lanes_speed(speeds, i);
        PufContact c = puf_lanes_contact(all, i);
        puf_contact_pass_point(&c, mass, &v);
        all->push0[i] = c.push[0];
        all->rub0[i] = c.rub[0];
        puf_lanes_set_speed(speeds, i, v);
    }
}

// Columns as they were before a pass. A lane in which a pass changes no number is done: further passes would not either.
typedef struct PufLanesKept {
    PufSpeedLanes speeds[PUF_BODIES_MAX];
    float hinges[PUF_BODIES_MAX_HINGES][4][PUF_BODIES_LANES];
    float contacts[PUF_LANES_ALL_PLACES][4][PUF_BODIES_LANES];
} PufLanesKept;

// Which of the lanes a pass changed.
typedef struct PufLanesChanged {
    int32_t of[PUF_BODIES_LANES];
} PufLanesChanged;

// Find the lanes in which some of `count` columns are not as they were.
static inline void puf_lanes_compare(const float* __restrict now, const float* __restrict was, int32_t count,
                                     PufLanesChanged* __restrict changed)
{
    for (int32_t k = 0; k < count; k++) {
        PUF_VECTORIZE(8)
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            changed->of[i] |= now[k * PUF_BODIES_LANES + i] != was[k * PUF_BODIES_LANES + i];
        }
    }
}

static void puf_lanes_keep_hinges(const PufBodies* w, const PufHingeLanes* hinges, const PufSpeedLanes* speeds,
                                  PufLanesKept* kept)
{
    memcpy(kept->speeds, speeds, (size_t)w->num_bodies * sizeof speeds[0]);
    for (int32_t k = 0; k < w->num_hinges; k++) {
        memcpy(kept->hinges[k], hinges[k].x, sizeof kept->hinges[k]);
    }
}

static void puf_lanes_compare_hinges(const PufBodies* w, const PufHingeLanes* hinges, const PufSpeedLanes* speeds,
                                     const PufLanesKept* kept, PufLanesChanged* changed)
{
    memset(changed, 0, sizeof *changed);
    puf_lanes_compare(speeds[0].vx, kept->speeds[0].vx, 3 * w->num_bodies, changed);
    for (int32_t k = 0; k < w->num_hinges; k++) {
        puf_lanes_compare(hinges[k].x, kept->hinges[k][0], 4, changed);
    }
}

// As puf_bodies_begin_hinges, for one hinge of all lanes.
static inline void puf_lanes_begin_hinge(const PufBodies* w, int32_t k, PufHingeLanes* all, const PufPoseLanes* poses,
                                         PufSpeedLanes* speeds)
{
    const PufHinge hinge = w->hinges[k];
    const PufMass a = w->mass[hinge.a], b = w->mass[hinge.b];
    PufSpeedLanes *all_a = &speeds[hinge.a], *all_b = &speeds[hinge.b];
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufHingeNow h;
        float angle = poses[hinge.a].angle[i], other = poses[hinge.b].angle[i];
        PufSpeed va = puf_lanes_speed(all_a, i), vb = puf_lanes_speed(all_b, i);
        puf_bodies_turn(angle, hinge.ax, hinge.ay, &h.ax, &h.ay);
        puf_bodies_turn(other, hinge.bx, hinge.by, &h.bx, &h.by);
        h.x = all->x[i];
        h.y = all->y[i];
        h.stop = all->stop[i];
        h.motor = all->motor[i];
        puf_hinge_begin(&h, a, b, hinge.low, hinge.high, all->was[i], other - angle - hinge.zero);
        puf_hinge_push(&h, a, b, &va, &vb, h.x, h.y, h.stop + h.motor);
        puf_lanes_set_hinge(all, i, &h);
        puf_lanes_set_speed(all_a, i, va);
        puf_lanes_set_speed(all_b, i, vb);
    }
}

// ---- Passes over places. ----

// Push bodies out of the ground, at one place of contacts. `right` becomes 0 in lanes that are not within their slop.
PUF_LANES_APART void puf_lanes_part(const PufManifoldLanes* __restrict m, PufPoseLanes* __restrict poses, PufMass mass,
                                    int32_t* __restrict right)
{
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufPose pose = puf_lanes_pose(poses, i);
        float least = 0.0f;
        for (int32_t k = 0; k < 2; k++) {
            PufTouchPoint p =
                puf_manifold_place(m->on_edge[i], m->nx[i], m->ny[i], m->sx[i], m->sy[i], m->x[k][i], m->y[k][i], pose);
            least = puf_minf(least, puf_touch_part(p, mass, &pose, PUF_BODIES_PULL, m->real[k][i]));
        }
        puf_lanes_set_pose(poses, i, pose);
        right[i] &= least >= -3.0f * PUF_BODIES_SLOP;
    }
}

// Bring together what a hinge holds.
PUF_LANES_APART void puf_lanes_join(const PufBodies* w, int32_t k, const float* low, const float* high,
                                    PufPoseLanes* poses, int32_t* right)
{
    const PufHinge hinge = w->hinges[k];
    const PufMass a = w->mass[hinge.a], b = w->mass[hinge.b];
    PufPoseLanes *all_a = &poses[hinge.a], *all_b = &poses[hinge.b];
    PUF_VECTORIZE(8)
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufPose pa = puf_lanes_pose(all_a, i), pb = puf_lanes_pose(all_b, i);
        right[i] &= puf_hinge_position_pass(a, b, &pa, &pb, &hinge, low[i], high[i]);
        puf_lanes_set_pose(all_a, i, pa);
        puf_lanes_set_pose(all_b, i, pb);
    }
}

// ---- Places of contacts. ----

// Which places the lanes use, as bits; and those that any lane uses, in the order of bodies.
typedef struct PufLanesUse {
    uint32_t of[PUF_BODIES_LANES];
    uint32_t any;
    uint8_t places[PUF_LANES_ALL_PLACES];
    int32_t count;
} PufLanesUse;

// A lane uses other places now. Returns those that no lane used before.
static uint32_t puf_lanes_use(PufLanesUse* use, int32_t lane, uint32_t places)
{
    uint32_t before = use->any;
    use->of[lane] = places;
    use->any = 0;
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        use->any |= use->of[i];
    }
    use->count = 0;
    for (int32_t p = 0; p < PUF_LANES_ALL_PLACES; p++) {
        use->places[use->count] = (uint8_t)p;
        use->count += (use->any >> p) & 1;
    }
    return use->any & ~before;
}

// ---- Worlds under way. ----

// One world's numbers in a step.
typedef struct PufLanesWorld {
    const PufBodies* bodies;
    PufStep step;
    PufPose poses[PUF_BODIES_MAX];
    int32_t which;
    uint8_t place[PUF_BODIES_MAX_TOUCHES]; // of each contact
    uint32_t places;                       // all of them, as bits
} PufLanesWorld;

// Passes over speeds under way.
typedef struct PufLanesSpeeds {
    PufSpeedLanes speeds[PUF_BODIES_MAX];
    PufHingeLanes hinges[PUF_BODIES_MAX_HINGES];
    PufContactLanes contacts[PUF_LANES_ALL_PLACES];
    PufLanesUse use;
    uint8_t bound[PUF_BODIES_MAX_HINGES];                  // 1: a lane is at a limit
    uint8_t two[PUF_LANES_ALL_PLACES];                     // 1: a lane has two points
    int16_t slot[PUF_BODIES_LANES], age[PUF_BODIES_LANES]; // the lane's world, or -1; passes that it has had
} PufLanesSpeeds;

// Passes over places under way.
typedef struct PufLanesPoses {
    PufPoseLanes poses[PUF_BODIES_MAX];
    float low[PUF_BODIES_MAX_HINGES][PUF_BODIES_LANES], high[PUF_BODIES_MAX_HINGES][PUF_BODIES_LANES];
    PufManifoldLanes manifolds[PUF_LANES_ALL_PLACES];
    PufLanesUse use;
    int16_t slot[PUF_BODIES_LANES], age[PUF_BODIES_LANES];
} PufLanesPoses;

// What steps many worlds: `begin` sets up world number `which`, in the slot that it is given, as puf_bodies_begin does;
// `end` hears that it has moved, and whether everything came to rest.
typedef struct PufLanesWork {
    int32_t count;
    void* context;
    const PufBodies* (*begin)(void* context, int32_t which, int32_t slot, PufStep* step);
    void (*end)(void* context, int32_t which, int rest);
} PufLanesWork;

typedef struct PufLanesRun {
    const PufLanesWork* work;
    int32_t next; // world that is to begin
    int32_t num_open, num_waiting;
    int16_t open[PUF_LANES_SLOTS];    // slots that are free
    int16_t waiting[PUF_LANES_SLOTS]; // whose speeds are found
    PufLanesSpeeds speeds;
    PufLanesPoses poses;
    PufLanesWorld worlds[PUF_LANES_SLOTS];
} PufLanesRun;

// A place for each contact. Returns whether there is one.
static int puf_lanes_fit(PufLanesWorld* world)
{
    int32_t taken[PUF_BODIES_MAX] = { 0 };
    int fits = 1;
    world->places = 0;
    for (int32_t k = 0; k < world->step.num_contacts; k++) { // they are in the order of bodies
        int32_t body = world->bodies->touches[k].body, nth = taken[body]++;
        fits &= nth < PUF_LANES_PLACES;
        world->place[k] = (uint8_t)(body * PUF_LANES_PLACES + puf_clampi(nth, 0, PUF_LANES_PLACES - 1));
        world->places |= 1u << world->place[k];
    }
    return fits;
}

static void puf_lanes_load_speeds(PufLanesSpeeds* g, int32_t i, const PufLanesWorld* world)
{
    const PufBodies* w = world->bodies;
    const PufContact none = { 0 };
    uint32_t fresh = puf_lanes_use(&g->use, i, world->places);
    for (int32_t b = 0; b < w->num_bodies; b++) {
        puf_lanes_set_speed(&g->speeds[b], i, world->step.speeds[b]);
    }
    for (int32_t k = 0; k < w->num_hinges; k++) {
        puf_lanes_set_hinge(&g->hinges[k], i, &world->step.hinges[k]);
        g->hinges[k].aim[i] = w->hinges[k].speed;
        g->hinges[k].most[i] = w->hinges[k].torque * w->seconds;
    }
    for (int32_t p = 0; p < g->use.count; p++) {
        int32_t place = g->use.places[p];
        if ((fresh >> place) & 1) {
            memset(&g->contacts[place], 0, sizeof g->contacts[0]);
        } else if (!((world->places >> place) & 1)) {
            puf_lanes_set_contact(&g->contacts[place], i, &none);
        }
    }
    for (int32_t k = 0; k < world->step.num_contacts; k++) {
        puf_lanes_set_contact(&g->contacts[world->place[k]], i, &world->step.contacts[k]);
    }
}

static void puf_lanes_store_speeds(const PufLanesSpeeds* g, int32_t i, PufLanesWorld* world)
{
    for (int32_t b = 0; b < world->bodies->num_bodies; b++) {
        world->step.speeds[b] = puf_lanes_speed(&g->speeds[b], i);
    }
    for (int32_t k = 0; k < world->bodies->num_hinges; k++) {
        const PufHingeLanes* h = &g->hinges[k];
        world->step.hinges[k].x = h->x[i];
        world->step.hinges[k].y = h->y[i];
        world->step.hinges[k].stop = h->stop[i];
        world->step.hinges[k].motor = h->motor[i];
    }
    for (int32_t k = 0; k < world->step.num_contacts; k++) {
        const PufContactLanes* c = &g->contacts[world->place[k]];
        world->step.contacts[k].push[0] = c->push0[i];
        world->step.contacts[k].push[1] = c->push1[i];
        world->step.contacts[k].rub[0] = c->rub0[i];
        world->step.contacts[k].rub[1] = c->rub1[i];
    }
}

static void puf_lanes_load_manifold(PufManifoldLanes* to, int32_t i, const PufManifold* m)
{
    to->on_edge[i] = m->on_edge;
    to->nx[i] = m->nx;
    to->ny[i] = m->ny;
    to->sx[i] = m->sx;
    to->sy[i] = m->sy;
    for (int32_t n = 0; n < 2; n++) {
        to->x[n][i] = m->x[n];
        to->y[n][i] = m->y[n];
        to->real[n][i] = n < m->points ? 1.0f : 0.0f;
    }
}

static void puf_lanes_load_poses(PufLanesPoses* g, int32_t i, const PufLanesWorld* world)
{
    const PufManifold none = { 0 };
    uint32_t fresh = puf_lanes_use(&g->use, i, world->places);
    for (int32_t b = 0; b < world->bodies->num_bodies; b++) {
        puf_lanes_set_pose(&g->poses[b], i, world->poses[b]);
    }
    for (int32_t k = 0; k < world->bodies->num_hinges; k++) {
        g->low[k][i] = world->step.hinges[k].low;
        g->high[k][i] = world->step.hinges[k].high;
    }
    for (int32_t p = 0; p < g->use.count; p++) {
        int32_t place = g->use.places[p];
        if ((fresh >> place) & 1) {
            memset(&g->manifolds[place], 0, sizeof g->manifolds[0]);
        } else if (!((world->places >> place) & 1)) {
            puf_lanes_load_manifold(&g->manifolds[place], i, &none);
        }
    }
    for (int32_t k = 0; k < world->step.num_contacts; k++) {
        puf_lanes_load_manifold(&g->manifolds[world->place[k]], i, &world->step.manifolds.of[k]);
    }
}

static void puf_lanes_end(PufLanesRun* run, int32_t slot, int rest)
{
    run->open[run->num_open++] = (int16_t)slot;
    run->work->end(run->work->context, run->worlds[slot].which, rest);
}

// Give a lane the next world that fits. Returns whether there was one.
static int puf_lanes_begin(PufLanesRun* run, int32_t lane)
{
    run->speeds.slot[lane] = -1;
    while (run->next < run->work->count) {
        int16_t slot = run->open[--run->num_open];
        PufLanesWorld* world = &run->worlds[slot];
        world->which = run->next++;
        world->bodies = run->work->begin(run->work->context, world->which, slot, &world->step);
        if (puf_lanes_fit(world)) {
            puf_lanes_load_speeds(&run->speeds, lane, world);
            run->speeds.slot[lane] = slot;
            run->speeds.age[lane] = 0;
            return 1;
        }
        puf_bodies_solve(world->bodies, &world->step);
        puf_lanes_end(run, slot, puf_bodies_end(world->bodies, &world->step));
    }
    return 0;
}

// Which shorter passes will do.
static void puf_lanes_classify(PufLanesSpeeds* g, const PufBodies* w)
{
    for (int32_t k = 0; k < w->num_hinges; k++) {
        g->bound[k] = (uint8_t)puf_lanes_is_bound(&g->hinges[k]);
    }
    for (int32_t p = 0; p < g->use.count; p++) {
        const PufContactLanes* c = &g->contacts[g->use.places[p]];
        int32_t two = 0;
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            two |= c->two[i] > 0.0f;
        }
        g->two[g->use.places[p]] = (uint8_t)two;
    }
}

static void puf_lanes_pass_speeds(PufLanesSpeeds* g, const PufBodies* w)
{
    puf_lanes_pass_hinges(w, g->hinges, g->speeds, g->bound);
    for (int32_t p = 0; p < g->use.count; p++) {
        int32_t place = g->use.places[p], body = place / PUF_LANES_PLACES;
        if (g->two[place]) {
            puf_lanes_pass_contacts(&g->contacts[place], &g->speeds[body], w->mass[body]);
        } else {
            puf_lanes_pass_points(&g->contacts[place], &g->speeds[body], w->mass[body]);
        }
    }
}

// A few passes, and which lanes the last of them changed.
static void puf_lanes_pass_often(PufLanesSpeeds* g, const PufBodies* w, int32_t passes, PufLanesChanged* changed)
{
    PufLanesKept kept;
    for (int32_t pass = 1; pass < passes; pass++) {
        puf_lanes_pass_speeds(g, w);
    }
    puf_lanes_keep_hinges(w, g->hinges, g->speeds, &kept);
    for (int32_t p = 0; p < g->use.count; p++) {
        memcpy(kept.contacts[p], g->contacts[g->use.places[p]].push0, sizeof kept.contacts[p]);
    }
    puf_lanes_pass_speeds(g, w);
    puf_lanes_compare_hinges(w, g->hinges, g->speeds, &kept, changed);
    for (int32_t p = 0; p < g->use.count; p++) {
        puf_lanes_compare(g->contacts[g->use.places[p]].push0, kept.contacts[p][0], 4, changed);
    }
}

// Move with the speeds that were found; places come next.
static void puf_lanes_advance(PufLanesWorld* world)
{
    const PufBodies* w = world->bodies;
    for (int32_t b = 0; b < w->num_bodies; b++) {
        world->poses[b] = puf_body_pose(&w->bodies[b]);
        puf_bodies_move(&world->poses[b], &world->step.speeds[b], w->seconds);
    }
}

// A few passes over speeds. Lanes that are done wait for their places, and others take their lanes. Returns how many
// lanes have a world.
static int32_t puf_lanes_find_speeds(PufLanesRun* run, const PufBodies* w)
{
    PufLanesSpeeds* g = &run->speeds;
    PufLanesChanged changed;
    int32_t busy = 0, loaded = 0;
    const int32_t check = w->passes % PUF_LANES_CHECK ? 1 : PUF_LANES_CHECK;
    puf_lanes_pass_often(g, w, check, &changed);
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        g->age[i] = (int16_t)(g->age[i] + check);
        if (g->slot[i] >= 0 && (!changed.of[i] || g->age[i] >= w->passes)) {
            puf_lanes_store_speeds(g, i, &run->worlds[g->slot[i]]);
            puf_lanes_advance(&run->worlds[g->slot[i]]);
            run->waiting[run->num_waiting++] = g->slot[i];
            loaded |= puf_lanes_begin(run, i);
        }
        busy += g->slot[i] >= 0;
    }
    if (loaded) {
        puf_lanes_classify(g, w);
    }
    return busy;
}

// Passes over places, as long as all lanes have a world; or, with `all`, until none has one.
static void puf_lanes_find_poses(PufLanesRun* run, const PufBodies* w, int all)
{
    PufLanesPoses* g = &run->poses;
    for (;;) {
        int32_t busy = 0, right[PUF_BODIES_LANES];
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            if (g->slot[i] < 0 && run->num_waiting > 0) {
                g->slot[i] = run->waiting[--run->num_waiting];
                g->age[i] = 0;
                puf_lanes_load_poses(g, i, &run->worlds[g->slot[i]]);
            }
            busy += g->slot[i] >= 0;
            right[i] = 1;
        }
        if (busy < PUF_BODIES_LANES && !(all && busy > 0)) {
            return;
        }
        for (int32_t p = 0; p < g->use.count; p++) {
            int32_t place = g->use.places[p], body = place / PUF_LANES_PLACES;
            puf_lanes_part(&g->manifolds[place], &g->poses[body], w->mass[body], right);
        }
        for (int32_t k = 0; k < w->num_hinges; k++) {
            puf_lanes_join(w, k, g->low[k], g->high[k], g->poses, right);
        }
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            g->age[i]++;
            if (g->slot[i] >= 0 && (right[i] || g->age[i] >= w->position_passes)) {
                PufLanesWorld* world = &run->worlds[g->slot[i]];
                for (int32_t b = 0; b < w->num_bodies; b++) {
                    world->poses[b] = puf_lanes_pose(&g->poses[b], i);
                }
                puf_lanes_end(run, g->slot[i], puf_bodies_settle(world->bodies, &world->step, world->poses, right[i]));
                g->slot[i] = -1;
            }
        }
    }
}

// One step of every world.
static void puf_bodies_step_lanes(const PufLanesWork* work)
{
    PufLanesRun run;
    int32_t busy = 0;
    run.work = work;
    run.next = 0;
    run.num_open = PUF_LANES_SLOTS;
    run.num_waiting = 0;
    for (int32_t i = 0; i < PUF_LANES_SLOTS; i++) {
        run.open[i] = (int16_t)(PUF_LANES_SLOTS - 1 - i);
    }
    memset(&run.speeds.use, 0, sizeof run.speeds.use);
    memset(&run.poses.use, 0, sizeof run.poses.use);
    memset(run.speeds.speeds, 0, sizeof run.speeds.speeds); // lanes without a world rest
    memset(run.speeds.hinges, 0, sizeof run.speeds.hinges);
    memset(run.poses.poses, 0, sizeof run.poses.poses);
    memset(run.poses.low, 0, sizeof run.poses.low);
    memset(run.poses.high, 0, sizeof run.poses.high);
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        run.poses.slot[i] = -1;
        run.poses.age[i] = 0;
        run.speeds.age[i] = 0;
        busy += puf_lanes_begin(&run, i);
    }
    if (busy == 0) {
        return;
    }
    const PufBodies* w = run.worlds[run.speeds.slot[0]].bodies; // what all worlds share
    puf_lanes_classify(&run.speeds, w);
    while (busy > 0) {
        busy = puf_lanes_find_speeds(&run, w);
        puf_lanes_find_poses(&run, w, busy == 0);
    }
}
