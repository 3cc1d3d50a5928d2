// bipedal_walker_lanes.h - the steps of bipedal_walker.h for many walkers at once. All here is speed.
//
// Passes over speeds and places are nearly all of a step. So walkers are sorted by what touches the ground, and 16 at a
// time become columns, over which short loops call the functions of the rules. Each finds its contacts by itself, and
// by itself looks whether a body hit the ground within the step. What has more contacts than there are places takes the
// plain step.
#pragma once

enum {
    BIPEDAL_WALKER_LANES = 16,  // any number gives the same results
    BIPEDAL_WALKER_MANY = 1024, // walkers that are sorted at a time
    BIPEDAL_WALKER_FEW = 4,     // walkers for which columns do not pay
    BIPEDAL_WALKER_PLACES = 3,  // of contacts, for each body
    BIPEDAL_WALKER_ALL_PLACES = BIPEDAL_WALKER_PLACES * BIPEDAL_WALKER_BODIES,
};

// The numbers of a hinge, of a contact and of a manifold: members of the structs, and the names of their columns.
// clang-format off
#define BIPEDAL_WALKER_HINGE(N)                                                                                        \
    N(ax, ax) N(ay, ay) N(bx, bx) N(by, by) N(zx, zx) N(zy, zy)                                                        \
    N(p11, p11) N(p12, p12) N(p22, p22) N(q11, q11) N(q12, q12) N(q13, q13) N(q22, q22) N(q23, q23) N(q33, q33)        \
    N(turn, turn) N(low, low) N(high, high) N(x, x) N(y, y) N(stop, stop) N(motor, motor)
#define BIPEDAL_WALKER_CONTACT(N)                                                                                      \
    N(nx, nx) N(ny, ny) N(x0, x[0]) N(x1, x[1]) N(y0, y[0]) N(y1, y[1]) N(hold0, hold[0]) N(hold1, hold[1])            \
    N(brake0, brake[0]) N(brake1, brake[1])                                                                            \
    N(bounce0, bounce[0]) N(bounce1, bounce[1]) N(k11, k11) N(k12, k12) N(k22, k22) N(p11, p11) N(p12, p12)            \
    N(p22, p22) N(two, two) N(friction, friction)                                                                      \
    N(push0, push[0]) N(push1, push[1]) N(rub0, rub[0]) N(rub1, rub[1])
// clang-format on

#define BIPEDAL_WALKER_COLUMN(name, member) float name[BIPEDAL_WALKER_LANES];
typedef struct BipedalWalkerHinges {
    BIPEDAL_WALKER_HINGE(BIPEDAL_WALKER_COLUMN)
    float aim[BIPEDAL_WALKER_LANES], most[BIPEDAL_WALKER_LANES]; // of the motor
    float was[BIPEDAL_WALKER_LANES];                             // limit in the last step
} BipedalWalkerHinges;
typedef struct BipedalWalkerContacts {
    BIPEDAL_WALKER_CONTACT(BIPEDAL_WALKER_COLUMN)
} BipedalWalkerContacts;
#undef BIPEDAL_WALKER_COLUMN
typedef struct BipedalWalkerManifolds {
    int32_t on_edge[BIPEDAL_WALKER_LANES];
    float nx[BIPEDAL_WALKER_LANES], ny[BIPEDAL_WALKER_LANES], sx[BIPEDAL_WALKER_LANES], sy[BIPEDAL_WALKER_LANES];
    float x[2][BIPEDAL_WALKER_LANES], y[2][BIPEDAL_WALKER_LANES];
    float real[2][BIPEDAL_WALKER_LANES]; // 1: this point is one
} BipedalWalkerManifolds;
typedef struct BipedalWalkerSpeeds {
    float vx[BIPEDAL_WALKER_LANES], vy[BIPEDAL_WALKER_LANES], spin[BIPEDAL_WALKER_LANES];
} BipedalWalkerSpeeds;
typedef struct BipedalWalkerPoses {
    float x[BIPEDAL_WALKER_LANES], y[BIPEDAL_WALKER_LANES], angle[BIPEDAL_WALKER_LANES];
} BipedalWalkerPoses;

typedef struct BipedalWalkerGroup {
    BipedalWalkerSpeeds speeds[BIPEDAL_WALKER_BODIES];
    BipedalWalkerHinges hinges[BIPEDAL_WALKER_HINGES];
    BipedalWalkerPoses poses[BIPEDAL_WALKER_BODIES], next[BIPEDAL_WALKER_BODIES];
    int32_t right[BIPEDAL_WALKER_LANES]; // whether its places are
    uint8_t used[BIPEDAL_WALKER_ALL_PLACES];
    BipedalWalkerContacts contacts[BIPEDAL_WALKER_ALL_PLACES];
    BipedalWalkerManifolds manifolds[BIPEDAL_WALKER_ALL_PLACES];
} BipedalWalkerGroup;

// ---- Passes over speeds. ----

PUF_INLINE PufSpeed bipedal_walker_speed(const BipedalWalkerSpeeds* v, int32_t i)
{
    return (PufSpeed){ v->vx[i], v->vy[i], v->spin[i] };
}

PUF_INLINE void bipedal_walker_set_speed(BipedalWalkerSpeeds* v, int32_t i, PufSpeed to)
{
    v->vx[i] = to.vx;
    v->vy[i] = to.vy;
    v->spin[i] = to.spin;
}

PUF_INLINE PufHingeNow bipedal_walker_hinge_of(const BipedalWalkerHinges* h, int32_t i)
{
    PufHingeNow now;
#define BIPEDAL_WALKER_GET(name, member) now.member = h->name[i];
    BIPEDAL_WALKER_HINGE(BIPEDAL_WALKER_GET)
#undef BIPEDAL_WALKER_GET
    return now;
}

PUF_INLINE void bipedal_walker_set_hinge(BipedalWalkerHinges* h, int32_t i, const PufHingeNow* now)
{
#define BIPEDAL_WALKER_SET(name, member) h->name[i] = now->member;
    BIPEDAL_WALKER_HINGE(BIPEDAL_WALKER_SET)
#undef BIPEDAL_WALKER_SET
}

// A pass over a hinge of all lanes, none of which is at a limit if they are `free`. Returns whether it changed
// anything.
PUF_INLINE int32_t bipedal_walker_pass(BipedalWalkerGroup* g, const BipedalWalkerParts* parts, int32_t k, int free)
{
    const PufMass a = parts->mass[parts->hinges[k].a], b = parts->mass[parts->hinges[k].b];
    BipedalWalkerSpeeds *all_a = &g->speeds[parts->hinges[k].a], *all_b = &g->speeds[parts->hinges[k].b];
    BipedalWalkerHinges* all = &g->hinges[k];
    int32_t changed = 0;
    for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
        PufSpeed va = bipedal_walker_speed(all_a, i), vb = bipedal_walker_speed(all_b, i);
        PufHingeNow h = bipedal_walker_hinge_of(all, i);
        float more = free ? puf_hinge_pass_free(&h, a, b, &va, &vb, all->aim[i], all->most[i])
                          : puf_hinge_pass(&h, a, b, &va, &vb, all->aim[i], all->most[i]);
        all->x[i] = h.x;
        all->y[i] = h.y;
        all->stop[i] = h.stop;
        all->motor[i] = h.motor;
        bipedal_walker_set_speed(all_a, i, va);
        bipedal_walker_set_speed(all_b, i, vb);
        changed |= more > 0.0f;
    }
    return changed;
}

static int32_t bipedal_walker_pass_bound(BipedalWalkerGroup* g, const BipedalWalkerParts* parts, int32_t k)
{
    return bipedal_walker_pass(g, parts, k, 0);
}

static int32_t bipedal_walker_pass_free(BipedalWalkerGroup* g, const BipedalWalkerParts* parts, int32_t k)
{
    return bipedal_walker_pass(g, parts, k, 1);
}

// A pass over one place of contacts.
static int32_t bipedal_walker_pass_contacts(BipedalWalkerContacts* all, BipedalWalkerSpeeds* speeds, PufMass mass)
{
    int32_t changed = 0;
    for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
        PufSpeed v = bipedal_walker_speed(speeds, i);
        PufContact c;
#define BIPEDAL_WALKER_GET(name, member) c.member = all->name[i];
        BIPEDAL_WALKER_CONTACT(BIPEDAL_WALKER_GET)
#undef BIPEDAL_WALKER_GET
        changed |= puf_contact_pass(&c, mass, &v) > 0.0f;
        all->push0[i] = c.push[0];
        all->push1[i] = c.push[1];
        all->rub0[i] = c.rub[0];
        all->rub1[i] = c.rub[1];
        bipedal_walker_set_speed(speeds, i, v);
    }
    return changed;
}

// All passes. Places of contacts that no lane uses are left out.
static void bipedal_walker_solve(BipedalWalkerGroup* g, const BipedalWalkerParts* parts)
{
    int32_t bound[BIPEDAL_WALKER_HINGES] = { 0 }, changed = 1;
    for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
        for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
            bound[k] |= (g->hinges[k].low[i] > 0.0f) | (g->hinges[k].high[i] > 0.0f);
        }
    }
    for (int32_t pass = 0; pass < BIPEDAL_WALKER_PASSES && changed; pass++) {
        changed = 0;
        for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
            changed |= bound[k] ? bipedal_walker_pass_bound(g, parts, k) : bipedal_walker_pass_free(g, parts, k);
        }
        for (int32_t p = 0; p < BIPEDAL_WALKER_ALL_PLACES; p++) {
            if (g->used[p]) {
                int32_t body = p / BIPEDAL_WALKER_PLACES;
                changed |= bipedal_walker_pass_contacts(&g->contacts[p], &g->speeds[body], parts->mass[body]);
            }
        }
    }
}

// ---- Passes over places. ----

PUF_INLINE PufPose bipedal_walker_pose(const BipedalWalkerPoses* p, int32_t i)
{
    return (PufPose){ p->x[i], p->y[i], p->angle[i] };
}

PUF_INLINE void bipedal_walker_set_pose(BipedalWalkerPoses* p, int32_t i, PufPose to)
{
    p->x[i] = to.x;
    p->y[i] = to.y;
    p->angle[i] = to.angle;
}

// Push bodies out of the ground, at one place of contacts.
static void bipedal_walker_part(BipedalWalkerGroup* g, const BipedalWalkerManifolds* m, BipedalWalkerPoses* poses,
                                PufMass mass)
{
    for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
        PufPose pose = bipedal_walker_pose(poses, i);
        float least = 0.0f;
        for (int32_t k = 0; k < 2; k++) {
            PufTouchPoint p =
                puf_manifold_place(m->on_edge[i], m->nx[i], m->ny[i], m->sx[i], m->sy[i], m->x[k][i], m->y[k][i], pose);
            least = puf_minf(least, puf_touch_part(p, mass, &pose, PUF_BODIES_PULL, m->real[k][i]));
        }
        bipedal_walker_set_pose(poses, i, pose);
        g->right[i] &= least >= -3.0f * PUF_BODIES_SLOP;
    }
}

// Bring together what a hinge holds.
static void bipedal_walker_join(BipedalWalkerGroup* g, const BipedalWalkerParts* parts, int32_t k)
{
    const PufHinge hinge = parts->hinges[k];
    const PufMass a = parts->mass[hinge.a], b = parts->mass[hinge.b];
    const BipedalWalkerHinges* h = &g->hinges[k];
    BipedalWalkerPoses *all_a = &g->next[hinge.a], *all_b = &g->next[hinge.b];
    for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
        PufPose pa = bipedal_walker_pose(all_a, i), pb = bipedal_walker_pose(all_b, i);
        g->right[i] &= puf_hinge_position_pass(a, b, &pa, &pb, &hinge, h->low[i], h->high[i]);
        bipedal_walker_set_pose(all_a, i, pa);
        bipedal_walker_set_pose(all_b, i, pb);
    }
}

// As puf_bodies_correct; a lane that is done stays as it is.
static void bipedal_walker_correct(BipedalWalkerGroup* g, const BipedalWalkerParts* parts)
{
    int32_t done[BIPEDAL_WALKER_LANES] = { 0 };
    int32_t open = 1;
    for (int32_t pass = 0; pass < BIPEDAL_WALKER_POSITION_PASSES && open; pass++) {
        open = 0;
        memcpy(g->next, g->poses, sizeof g->next);
        for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
            g->right[i] = 1;
        }
        for (int32_t p = 0; p < BIPEDAL_WALKER_ALL_PLACES; p++) {
            if (g->used[p]) {
                int32_t body = p / BIPEDAL_WALKER_PLACES;
                bipedal_walker_part(g, &g->manifolds[p], &g->next[body], parts->mass[body]);
            }
        }
        for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
            bipedal_walker_join(g, parts, k);
        }
        for (int32_t b = 0; b < BIPEDAL_WALKER_BODIES; b++) {
            for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
                PufPose was = bipedal_walker_pose(&g->poses[b], i), now = bipedal_walker_pose(&g->next[b], i);
                g->poses[b].x[i] = done[i] ? was.x : now.x;
                g->poses[b].y[i] = done[i] ? was.y : now.y;
                g->poses[b].angle[i] = done[i] ? was.angle : now.angle;
            }
        }
        for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
            done[i] |= g->right[i];
            open |= !done[i];
        }
    }
    memcpy(g->right, done, sizeof g->right);
}

// ---- Walkers into columns, and back. ----

// What one walker has in hand.
typedef struct BipedalWalkerOne {
    BipedalWalkerWorld world;
    PufStep step;
    uint8_t place[PUF_BODIES_MAX_TOUCHES]; // of each contact
    int32_t fits;                          // whether there is one for each
} BipedalWalkerOne;

static void bipedal_walker_take(BipedalWalkerOne* one, BipedalWalker* s, const BipedalWalkerParts* parts,
                                const float controls[4], float push)
{
    PufForce forces[BIPEDAL_WALKER_BODIES];
    bipedal_walker_make_world(s, parts, controls, push, &one->world, forces);
    puf_bodies_begin_touches(&one->world.bodies, forces, &one->step);
    int32_t taken[BIPEDAL_WALKER_BODIES] = { 0 };
    one->fits = 1;
    for (int32_t k = 0; k < one->step.num_contacts; k++) { // they are in the order of bodies
        int32_t body = s->touches[k].body, nth = taken[body]++;
        one->fits &= nth < BIPEDAL_WALKER_PLACES;
        one->place[k] = (uint8_t)(body * BIPEDAL_WALKER_PLACES + puf_clampi(nth, 0, BIPEDAL_WALKER_PLACES - 1));
    }
}

static void bipedal_walker_load_contact(BipedalWalkerGroup* g, int32_t i, const BipedalWalkerOne* one, int32_t k)
{
    int32_t place = one->place[k];
    const PufManifold* m = &one->step.manifolds.of[k];
    BipedalWalkerManifolds* to = &g->manifolds[place];
    BipedalWalkerContacts* c = &g->contacts[place];
    if (!g->used[place]) {
        memset(to, 0, sizeof *to);
        memset(c, 0, sizeof *c);
    }
    g->used[place] = 1;
#define BIPEDAL_WALKER_SET(name, member) c->name[i] = one->step.contacts[k].member;
    BIPEDAL_WALKER_CONTACT(BIPEDAL_WALKER_SET)
#undef BIPEDAL_WALKER_SET
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

static void bipedal_walker_load(BipedalWalkerGroup* g, int32_t i, const BipedalWalker* s, const BipedalWalkerOne* one)
{
    for (int32_t b = 0; b < BIPEDAL_WALKER_BODIES; b++) {
        bipedal_walker_set_speed(&g->speeds[b], i, one->step.speeds[b]);
        bipedal_walker_set_pose(&g->poses[b], i, puf_body_pose(&s->bodies[b]));
    }
    for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
        BipedalWalkerHinges* h = &g->hinges[k];
        h->x[i] = s->hinges[k].x;
        h->y[i] = s->hinges[k].y;
        h->stop[i] = s->hinges[k].stop;
        h->motor[i] = s->hinges[k].motor;
        h->was[i] = (float)s->hinges[k].limit;
        h->aim[i] = one->world.hinges[k].speed;
        h->most[i] = one->world.hinges[k].torque * BIPEDAL_WALKER_SECONDS;
    }
    for (int32_t k = 0; k < one->step.num_contacts && one->fits; k++) {
        bipedal_walker_load_contact(g, i, one, k);
    }
}

// As puf_bodies_begin_hinges.
static void bipedal_walker_begin_hinges(BipedalWalkerGroup* g, const BipedalWalkerParts* parts)
{
    for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
        const PufHinge hinge = parts->hinges[k];
        const PufMass a = parts->mass[hinge.a], b = parts->mass[hinge.b];
        BipedalWalkerHinges* all = &g->hinges[k];
        BipedalWalkerSpeeds *all_a = &g->speeds[hinge.a], *all_b = &g->speeds[hinge.b];
        for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
            PufHingeNow h;
            float angle = g->poses[hinge.a].angle[i], other = g->poses[hinge.b].angle[i];
            PufSpeed va = bipedal_walker_speed(all_a, i), vb = bipedal_walker_speed(all_b, i);
            puf_bodies_turn(angle, hinge.ax, hinge.ay, &h.ax, &h.ay);
            puf_bodies_turn(other, hinge.bx, hinge.by, &h.bx, &h.by);
            h.x = all->x[i];
            h.y = all->y[i];
            h.stop = all->stop[i];
            h.motor = all->motor[i];
            puf_hinge_begin(&h, a, b, hinge.low, hinge.high, all->was[i], other - angle - hinge.zero);
            puf_hinge_push(&h, a, b, &va, &vb, h.x, h.y, h.stop + h.motor);
            bipedal_walker_set_hinge(all, i, &h);
            bipedal_walker_set_speed(all_a, i, va);
            bipedal_walker_set_speed(all_b, i, vb);
        }
    }
}

static void bipedal_walker_advance(BipedalWalkerGroup* g)
{
    for (int32_t b = 0; b < BIPEDAL_WALKER_BODIES; b++) {
        for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) {
            PufPose p = bipedal_walker_pose(&g->poses[b], i);
            PufSpeed v = bipedal_walker_speed(&g->speeds[b], i);
            puf_bodies_move(&p, &v, BIPEDAL_WALKER_SECONDS);
            bipedal_walker_set_pose(&g->poses[b], i, p);
            bipedal_walker_set_speed(&g->speeds[b], i, v);
        }
    }
}

// The lane's numbers into its walker.
static void bipedal_walker_finish(const BipedalWalkerGroup* g, int32_t i, BipedalWalkerOne* one)
{
    PufPose poses[BIPEDAL_WALKER_BODIES];
    for (int32_t b = 0; b < BIPEDAL_WALKER_BODIES; b++) {
        one->step.speeds[b] = bipedal_walker_speed(&g->speeds[b], i);
        poses[b] = bipedal_walker_pose(&g->poses[b], i);
    }
    for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
        const BipedalWalkerHinges* h = &g->hinges[k];
        one->step.hinges[k].x = h->x[i];
        one->step.hinges[k].y = h->y[i];
        one->step.hinges[k].stop = h->stop[i];
        one->step.hinges[k].motor = h->motor[i];
        one->step.hinges[k].low = h->low[i];
        one->step.hinges[k].high = h->high[i];
    }
    for (int32_t k = 0; k < one->step.num_contacts; k++) {
        const BipedalWalkerContacts* c = &g->contacts[one->place[k]];
        one->step.contacts[k].push[0] = c->push0[i];
        one->step.contacts[k].push[1] = c->push1[i];
        one->step.contacts[k].rub[0] = c->rub0[i];
        one->step.contacts[k].rub[1] = c->rub1[i];
    }
    (void)puf_bodies_settle(&one->world.bodies, &one->step, poses, g->right[i]);
}

// ---- All walkers. ----

typedef struct BipedalWalkerBatch {
    float controls[BIPEDAL_WALKER_MANY][4];
    float pushes[BIPEDAL_WALKER_MANY];
    int16_t order[BIPEDAL_WALKER_MANY];
} BipedalWalkerBatch;

// Walkers that touch the ground in the same way, and have hinges at their limits, stand together.
static int32_t bipedal_walker_kind(const BipedalWalker* s, const BipedalWalkerParts* parts)
{
    int32_t count[BIPEDAL_WALKER_BODIES] = { 0 }, bound = 0;
    for (int32_t k = 0; k < PUF_BODIES_MAX_TOUCHES && s->touches[k].points; k++) {
        count[s->touches[k].body]++;
    }
    for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
        const PufHinge* h = &parts->hinges[k];
        float angle = s->bodies[h->b].angle - s->bodies[h->a].angle - h->zero;
        bound |= (angle <= h->low) | (angle >= h->high);
    }
    int32_t first = puf_clampi(count[BIPEDAL_WALKER_SHIN1], 0, 2),
            second = puf_clampi(count[BIPEDAL_WALKER_SHIN2], 0, 2);
    int32_t knees = (count[BIPEDAL_WALKER_THIGH1] > 0) | (count[BIPEDAL_WALKER_THIGH2] > 0);
    return (bound * 2 + knees) * 9 + 3 * first + second;
}

static void bipedal_walker_sort(BipedalWalkerBatch* batch, const BipedalWalker* s, const BipedalWalkerParts* parts,
                                const int16_t* which, int32_t n)
{
    enum { KINDS = 36 };
    int32_t starts[KINDS + 1] = { 0 };
    uint8_t kinds[BIPEDAL_WALKER_MANY];
    for (int32_t i = 0; i < n; i++) {
        kinds[i] = (uint8_t)bipedal_walker_kind(&s[which ? which[i] : i], parts);
        starts[kinds[i] + 1]++;
    }
    for (int32_t k = 1; k <= KINDS; k++) {
        starts[k] += starts[k - 1];
    }
    for (int32_t i = 0; i < n; i++) {
        batch->order[starts[kinds[i]]++] = which ? which[i] : (int16_t)i;
    }
}

// Move the walkers that are listed in `which`, or all.
static void bipedal_walker_move_lanes(BipedalWalkerBatch* batch, BipedalWalker* s, const BipedalWalkerParts* parts,
                                      const int16_t* which, int32_t n)
{
    BipedalWalkerGroup g;
    BipedalWalkerOne ones[BIPEDAL_WALKER_LANES];
    bipedal_walker_sort(batch, s, parts, which, n);
    for (int32_t at = 0; at < n; at += BIPEDAL_WALKER_LANES) {
        int32_t count = n - at < BIPEDAL_WALKER_LANES ? n - at : BIPEDAL_WALKER_LANES;
        memset(g.used, 0, sizeof g.used);
        for (int32_t i = 0; i < BIPEDAL_WALKER_LANES; i++) { // what is left over repeats the last
            int32_t index = batch->order[at + (i < count ? i : count - 1)];
            if (i < count) {
                bipedal_walker_take(&ones[i], &s[index], parts, batch->controls[index], batch->pushes[index]);
            }
            bipedal_walker_load(&g, i, &s[index], &ones[i < count ? i : count - 1]);
        }
        bipedal_walker_begin_hinges(&g, parts);
        bipedal_walker_solve(&g, parts);
        bipedal_walker_advance(&g);
        bipedal_walker_correct(&g, parts);
        for (int32_t i = 0; i < count; i++) {
            if (ones[i].fits) {
                bipedal_walker_finish(&g, i, &ones[i]);
            } else {
                puf_bodies_begin_hinges(&ones[i].world.bodies, &ones[i].step);
                puf_bodies_solve(&ones[i].world.bodies, &ones[i].step);
                (void)puf_bodies_end(&ones[i].world.bodies, &ones[i].step);
            }
        }
    }
}

// New episodes for those that ended.
static void bipedal_walker_restart(BipedalWalkerBatch* batch, BipedalWalker* s, const BipedalWalkerParts* parts,
                                   const int16_t* ended, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        batch->pushes[ended[i]] = bipedal_walker_start(&s[ended[i]], parts);
        memset(batch->controls[ended[i]], 0, sizeof batch->controls[0]);
    }
    bipedal_walker_move_lanes(batch, s, parts, ended, n);
    for (int32_t i = 0; i < n; i++) {
        bipedal_walker_stand(&s[ended[i]], parts);
    }
}

static void bipedal_walker_step_many(const PufLayout* layout, BipedalWalker* s, int32_t n, PufIo io)
{
    const BipedalWalkerParts* parts = io.assets;
    BipedalWalkerBatch batch;
    int16_t ended[BIPEDAL_WALKER_MANY];
    int32_t num_ended = 0;
    for (int32_t i = 0; i < n; i++) {
        memcpy(batch.controls[i], puf_row(layout, PUF_F32, io, i).controls, sizeof batch.controls[i]);
        batch.pushes[i] = 0.0f;
    }
    bipedal_walker_move_lanes(&batch, s, parts, NULL, n);
    for (int32_t i = 0; i < n; i++) {
        PufIo row = puf_row(layout, PUF_F32, io, i);
        bipedal_walker_judge(&s[i], parts, row);
        bipedal_walker_see(&s[i], parts, row.obs);
        if (row.terminals[0] | row.truncations[0]) {
            memcpy(row.final_obs, row.obs, BIPEDAL_WALKER_OBS * sizeof(float));
            ended[num_ended++] = (int16_t)i;
        }
    }
    bipedal_walker_restart(&batch, s, parts, ended, num_ended);
    for (int32_t i = 0; i < num_ended; i++) {
        bipedal_walker_see(&s[ended[i]], parts, puf_row(layout, PUF_F32, io, ended[i]).obs);
    }
}

static void bipedal_walker_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    for (int32_t i = 0; n < BIPEDAL_WALKER_FEW && i < n; i++) {
        BipedalWalker* s = (BipedalWalker*)states + i;
        PufIo row = puf_row(layout, PUF_F32, io, i);
        bipedal_walker_step(s, row);
        if (row.terminals[0] | row.truncations[0]) {
            bipedal_walker_see(s, io.assets, row.final_obs);
            bipedal_walker_reset(s, io.assets);
        }
        bipedal_walker_see(s, io.assets, row.obs);
    }
    if (n < BIPEDAL_WALKER_FEW) {
        return;
    }
    for (int32_t i = 0; i < n; i += BIPEDAL_WALKER_MANY) {
        int32_t count = n - i < BIPEDAL_WALKER_MANY ? n - i : BIPEDAL_WALKER_MANY;
        bipedal_walker_step_many(layout, (BipedalWalker*)states + i, count, puf_row(layout, PUF_F32, io, i));
    }
}
