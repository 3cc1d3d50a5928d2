// lunar_lander_lanes.h - the steps of lunar_lander.h for many landers at once. All here is speed.
//
// 180 passes over the hinges are nearly all of a step. So landers are sorted by how many of them they will need, and 16
// at a time become columns, over which short loops call the functions of the rules. Those that are clear of the ground
// take their whole step as columns. The others find their contacts and move one by one; only passes are done as
// columns, with places for two contacts of each body. What does not fit takes the plain step.
#pragma once

enum {
    LUNAR_LANDER_LANES = 16,  // any number gives the same results
    LUNAR_LANDER_MANY = 1024, // landers that are sorted at a time
    LUNAR_LANDER_FEW = 4,     // landers for which columns do not pay
    LUNAR_LANDER_PLACES = 2,  // of contacts, for each body
    LUNAR_LANDER_ALL_PLACES = LUNAR_LANDER_PLACES * LUNAR_LANDER_BODIES,
};
#define LUNAR_LANDER_CLEAR 0.1f    // m above the ground that count as clear of it
#define LUNAR_LANDER_CLEAR_SPIN 10 // rad/s: a corner that turns faster may dip lower within a step

// The numbers of a hinge and of a contact: members of PufHingeNow and PufContact, and the names of their columns.
// clang-format off
#define LUNAR_LANDER_HINGE(N)                                                                                          \
    N(ax, ax) N(ay, ay) N(bx, bx) N(by, by) N(zx, zx) N(zy, zy)                                                        \
    N(p11, p11) N(p12, p12) N(p22, p22) N(q11, q11) N(q12, q12) N(q13, q13) N(q22, q22) N(q23, q23) N(q33, q33)        \
    N(turn, turn) N(low, low) N(high, high) N(x, x) N(y, y) N(stop, stop) N(motor, motor)
#define LUNAR_LANDER_CONTACT(N)                                                                                        \
    N(nx, nx) N(ny, ny) N(x0, x[0]) N(x1, x[1]) N(y0, y[0]) N(y1, y[1]) N(hold0, hold[0]) N(hold1, hold[1])            \
    N(brake0, brake[0]) N(brake1, brake[1])                                                                            \
    N(bounce0, bounce[0]) N(bounce1, bounce[1]) N(k11, k11) N(k12, k12) N(k22, k22) N(p11, p11) N(p12, p12)            \
    N(p22, p22) N(two, two) N(friction, friction)                                                                      \
    N(push0, push[0]) N(push1, push[1]) N(rub0, rub[0]) N(rub1, rub[1])
// clang-format on

#define LUNAR_LANDER_COLUMN(name, member) float name[LUNAR_LANDER_LANES];
typedef struct LunarLanderHinges {
    LUNAR_LANDER_HINGE(LUNAR_LANDER_COLUMN)
} LunarLanderHinges;
typedef struct LunarLanderSpeeds {
    float vx[LUNAR_LANDER_LANES], vy[LUNAR_LANDER_LANES], spin[LUNAR_LANDER_LANES];
} LunarLanderSpeeds;
typedef struct LunarLanderPoses {
    float x[LUNAR_LANDER_LANES], y[LUNAR_LANDER_LANES], angle[LUNAR_LANDER_LANES];
} LunarLanderPoses;
typedef struct LunarLanderContacts {
    LUNAR_LANDER_CONTACT(LUNAR_LANDER_COLUMN)
} LunarLanderContacts;
#undef LUNAR_LANDER_COLUMN

typedef struct LunarLanderGroup {
    LunarLanderSpeeds speeds[LUNAR_LANDER_BODIES];
    LunarLanderHinges hinges[2];
    LunarLanderContacts contacts[LUNAR_LANDER_ALL_PLACES];
    LunarLanderPoses from[LUNAR_LANDER_BODIES], poses[LUNAR_LANDER_BODIES], next[LUNAR_LANDER_BODIES];
    float gravity[LUNAR_LANDER_LANES];
    float main[LUNAR_LANDER_LANES], side[LUNAR_LANDER_LANES], jitter[LUNAR_LANDER_LANES], sway[LUNAR_LANDER_LANES];
    float force_x[LUNAR_LANDER_LANES], force_y[LUNAR_LANDER_LANES], twist[LUNAR_LANDER_LANES];
    float was[2][LUNAR_LANDER_LANES];  // limits in the last step
    float still[LUNAR_LANDER_LANES];   // of the body that rested least
    float bottom[LUNAR_LANDER_LANES];  // height of the lowest corner
    int32_t right[LUNAR_LANDER_LANES]; // whether its positions are
} LunarLanderGroup;

// ---- Passes. ----

PUF_INLINE PufSpeed lunar_lander_speed(const LunarLanderSpeeds* v, int32_t i)
{
    return (PufSpeed){ v->vx[i], v->vy[i], v->spin[i] };
}

PUF_INLINE void lunar_lander_set_speed(LunarLanderSpeeds* v, int32_t i, PufSpeed to)
{
    v->vx[i] = to.vx;
    v->vy[i] = to.vy;
    v->spin[i] = to.spin;
}

PUF_INLINE PufHingeNow lunar_lander_hinge(const LunarLanderHinges* h, int32_t i)
{
    PufHingeNow now;
#define LUNAR_LANDER_GET(name, member) now.member = h->name[i];
    LUNAR_LANDER_HINGE(LUNAR_LANDER_GET)
#undef LUNAR_LANDER_GET
    return now;
}

PUF_INLINE void lunar_lander_set_hinge(LunarLanderHinges* h, int32_t i, const PufHingeNow* now)
{
#define LUNAR_LANDER_SET(name, member) h->name[i] = now->member;
    LUNAR_LANDER_HINGE(LUNAR_LANDER_SET)
#undef LUNAR_LANDER_SET
}

PUF_INLINE void lunar_lander_set_impulses(LunarLanderHinges* h, int32_t i, const PufHingeNow* now)
{
    h->x[i] = now->x;
    h->y[i] = now->y;
    h->stop[i] = now->stop;
    h->motor[i] = now->motor;
}

PUF_INLINE float lunar_lander_pass_one(PufHingeNow* h, PufMass a, PufMass b, PufSpeed* va, PufSpeed* vb, float aim,
                                       float most, int free)
{
    return free ? puf_hinge_pass_free(h, a, b, va, vb, aim, most) : puf_hinge_pass(h, a, b, va, vb, aim, most);
}

// A pass over the hinges of all lanes, none of which is at a limit if they are `free`. Returns whether it changed anything.
PUF_INLINE int lunar_lander_pass_all(LunarLanderGroup* g, const LunarLanderParts* parts, int free)
{
    const PufMass hull = parts->mass[LUNAR_LANDER_HULL], leg = parts->mass[LUNAR_LANDER_LEFT_LEG];
    const float left = parts->hinges[0].speed, right = parts->hinges[1].speed;
    const float most = parts->hinges[0].torque * LUNAR_LANDER_SECONDS;
    int32_t changed = 0;
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        PufSpeed v = lunar_lander_speed(&g->speeds[0], i);
        PufSpeed v1 = lunar_lander_speed(&g->speeds[1], i), v2 = lunar_lander_speed(&g->speeds[2], i);
        PufHingeNow h = lunar_lander_hinge(&g->hinges[0], i);
        float more = lunar_lander_pass_one(&h, hull, leg, &v, &v1, left, most, free);
        lunar_lander_set_impulses(&g->hinges[0], i, &h);
        h = lunar_lander_hinge(&g->hinges[1], i);
        more += lunar_lander_pass_one(&h, hull, leg, &v, &v2, right, most, free);
        lunar_lander_set_impulses(&g->hinges[1], i, &h);
        lunar_lander_set_speed(&g->speeds[0], i, v);
        lunar_lander_set_speed(&g->speeds[1], i, v1);
        lunar_lander_set_speed(&g->speeds[2], i, v2);
        changed |= more > 0.0f;
    }
    return changed;
}

static int lunar_lander_pass_hinges(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    return lunar_lander_pass_all(g, parts, 0);
}

static int lunar_lander_pass_free_hinges(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    return lunar_lander_pass_all(g, parts, 1);
}

// A pass over one place of contacts.
static int lunar_lander_pass_contacts(LunarLanderContacts* all, LunarLanderSpeeds* speeds, PufMass mass)
{
    int32_t changed = 0;
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        PufSpeed v = lunar_lander_speed(speeds, i);
        PufContact c;
#define LUNAR_LANDER_GET(name, member) c.member = all->name[i];
        LUNAR_LANDER_CONTACT(LUNAR_LANDER_GET)
#undef LUNAR_LANDER_GET
        changed |= puf_contact_pass(&c, mass, &v) > 0.0f;
        all->push0[i] = c.push[0];
        all->push1[i] = c.push[1];
        all->rub0[i] = c.rub[0];
        all->rub1[i] = c.rub[1];
        lunar_lander_set_speed(speeds, i, v);
    }
    return changed;
}

// All passes. Places of contacts that no lane uses are left out.
static void lunar_lander_solve(LunarLanderGroup* g, const LunarLanderParts* parts, const uint8_t* used)
{
    int32_t bound = 0, changed = 1;
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        for (int32_t k = 0; k < 2; k++) {
            bound |= (g->hinges[k].low[i] > 0.0f) | (g->hinges[k].high[i] > 0.0f);
        }
    }
    for (int32_t pass = 0; pass < LUNAR_LANDER_PASSES && changed; pass++) {
        changed = bound ? lunar_lander_pass_hinges(g, parts) : lunar_lander_pass_free_hinges(g, parts);
        for (int32_t k = 0; k < LUNAR_LANDER_ALL_PLACES; k++) {
            if (used[k]) {
                int32_t body = k / LUNAR_LANDER_PLACES;
                changed |= lunar_lander_pass_contacts(&g->contacts[k], &g->speeds[body], parts->mass[body]);
            }
        }
    }
}

// ---- Clear of the ground. ----

PUF_INLINE PufPose lunar_lander_pose(const LunarLanderPoses* p, int32_t i)
{
    return (PufPose){ p->x[i], p->y[i], p->angle[i] };
}

PUF_INLINE void lunar_lander_set_pose(LunarLanderPoses* p, int32_t i, PufPose to)
{
    p->x[i] = to.x;
    p->y[i] = to.y;
    p->angle[i] = to.angle;
}

// A lander's numbers, in lane `i`.
static void lunar_lander_load(LunarLanderGroup* g, int32_t i, const LunarLander* s, const LunarLanderPush* push)
{
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        lunar_lander_set_pose(&g->poses[b], i, puf_body_pose(&s->bodies[b]));
        lunar_lander_set_speed(&g->speeds[b], i, (PufSpeed){ s->bodies[b].vx, s->bodies[b].vy, s->bodies[b].spin });
    }
    for (int32_t k = 0; k < 2; k++) {
        g->hinges[k].x[i] = s->hinges[k].x;
        g->hinges[k].y[i] = s->hinges[k].y;
        g->hinges[k].stop[i] = s->hinges[k].stop;
        g->hinges[k].motor[i] = s->hinges[k].motor;
        g->was[k][i] = (float)s->hinges[k].limit;
    }
    g->gravity[i] = s->gravity;
    g->main[i] = push->thrust.main;
    g->side[i] = push->thrust.side;
    g->jitter[i] = push->jitter;
    g->sway[i] = push->sway;
    g->force_x[i] = push->force.x;
    g->force_y[i] = push->force.y;
    g->twist[i] = push->force.twist;
}

// Engines and forces.
static void lunar_lander_push_lanes(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    const PufMass hull = parts->mass[LUNAR_LANDER_HULL], leg = parts->mass[LUNAR_LANDER_LEFT_LEG];
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        PufSpeed v = lunar_lander_speed(&g->speeds[0], i);
        PufBody b = { 0.0f, 0.0f, g->poses[0].angle[i], v.vx, v.vy, v.spin, 0.0f };
        lunar_lander_fire(&b, (LunarLanderThrust){ g->main[i], g->side[i] }, g->jitter[i], g->sway[i], hull,
                          parts->centre);
        PufForce force = { g->force_x[i], g->force_y[i], g->twist[i] };
        lunar_lander_set_speed(&g->speeds[0], i,
                               puf_bodies_accelerate(&b, hull, force, g->gravity[i], LUNAR_LANDER_SECONDS));
    }
    for (int32_t k = 1; k < LUNAR_LANDER_BODIES; k++) {
        for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
            PufSpeed v = lunar_lander_speed(&g->speeds[k], i);
            PufBody b = { 0.0f, 0.0f, 0.0f, v.vx, v.vy, v.spin, 0.0f };
            PufForce none = { 0.0f, 0.0f, 0.0f };
            lunar_lander_set_speed(&g->speeds[k], i,
                                   puf_bodies_accelerate(&b, leg, none, g->gravity[i], LUNAR_LANDER_SECONDS));
        }
    }
}

// As puf_bodies_begin_hinges.
static void lunar_lander_begin_hinges(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    const PufMass hull = parts->mass[LUNAR_LANDER_HULL], leg = parts->mass[LUNAR_LANDER_LEFT_LEG];
    for (int32_t k = 0; k < 2; k++) {
        const PufHinge hinge = parts->hinges[k];
        LunarLanderHinges* all = &g->hinges[k];
        for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
            PufHingeNow h;
            float angle = g->poses[0].angle[i], other = g->poses[1 + k].angle[i];
            PufSpeed va = lunar_lander_speed(&g->speeds[0], i), vb = lunar_lander_speed(&g->speeds[1 + k], i);
            puf_bodies_turn(angle, hinge.ax, hinge.ay, &h.ax, &h.ay);
            puf_bodies_turn(other, hinge.bx, hinge.by, &h.bx, &h.by);
            h.x = all->x[i];
            h.y = all->y[i];
            h.stop = all->stop[i];
            h.motor = all->motor[i];
            puf_hinge_begin(&h, hull, leg, hinge.low, hinge.high, g->was[k][i], other - angle - hinge.zero);
            puf_hinge_push(&h, hull, leg, &va, &vb, h.x, h.y, h.stop + h.motor);
            lunar_lander_set_hinge(all, i, &h);
            lunar_lander_set_speed(&g->speeds[0], i, va);
            lunar_lander_set_speed(&g->speeds[1 + k], i, vb);
        }
    }
}

// One position pass of all lanes, into `next`.
static void lunar_lander_position_pass(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    const PufMass hull = parts->mass[LUNAR_LANDER_HULL], leg = parts->mass[LUNAR_LANDER_LEFT_LEG];
    const PufHinge left = parts->hinges[0], right = parts->hinges[1];
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        PufPose p0 = lunar_lander_pose(&g->poses[0], i), p1 = lunar_lander_pose(&g->poses[1], i);
        PufPose p2 = lunar_lander_pose(&g->poses[2], i);
        int32_t ok = puf_hinge_position_pass(hull, leg, &p0, &p1, &left, g->hinges[0].low[i], g->hinges[0].high[i]);
        ok &= puf_hinge_position_pass(hull, leg, &p0, &p2, &right, g->hinges[1].low[i], g->hinges[1].high[i]);
        lunar_lander_set_pose(&g->next[0], i, p0);
        lunar_lander_set_pose(&g->next[1], i, p1);
        lunar_lander_set_pose(&g->next[2], i, p2);
        g->right[i] = ok;
    }
}

// As puf_bodies_correct; a lane that is done stays as it is.
static void lunar_lander_correct(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    int32_t done[LUNAR_LANDER_LANES] = { 0 };
    int32_t open = 1;
    for (int32_t pass = 0; pass < LUNAR_LANDER_POSITION_PASSES && open; pass++) {
        open = 0;
        lunar_lander_position_pass(g, parts);
        for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
            for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
                PufPose was = lunar_lander_pose(&g->poses[b], i), now = lunar_lander_pose(&g->next[b], i);
                g->poses[b].x[i] = done[i] ? was.x : now.x;
                g->poses[b].y[i] = done[i] ? was.y : now.y;
                g->poses[b].angle[i] = done[i] ? was.angle : now.angle;
            }
        }
        for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
            done[i] |= g->right[i];
            open |= !done[i];
        }
    }
}

// The lowest corner of a body.
static void lunar_lander_lower(LunarLanderGroup* g, const LunarLanderPoses* poses, const PufShape* shape,
                               int32_t corners)
{
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        float s, c, low = g->bottom[i];
        puf_sincosf(poses->angle[i], &s, &c);
        for (int32_t k = 0; k < corners; k++) {
            low = puf_minf(low, poses->y[i] + (s * shape->x[k] + c * shape->y[k]));
        }
        g->bottom[i] = low;
    }
}

// A step of all lanes as if there were no ground, and the lowest that a corner is before it or after it.
static void lunar_lander_fly(LunarLanderGroup* g, const LunarLanderParts* parts)
{
    const uint8_t none[LUNAR_LANDER_ALL_PLACES] = { 0 };
    memcpy(g->from, g->poses, sizeof g->from);
    lunar_lander_push_lanes(g, parts);
    lunar_lander_begin_hinges(g, parts);
    lunar_lander_solve(g, parts, none);
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
            PufPose p = lunar_lander_pose(&g->poses[b], i);
            PufSpeed v = lunar_lander_speed(&g->speeds[b], i);
            puf_bodies_move(&p, &v, LUNAR_LANDER_SECONDS);
            lunar_lander_set_pose(&g->poses[b], i, p);
            lunar_lander_set_speed(&g->speeds[b], i, v);
        }
    }
    lunar_lander_correct(g, parts);
    for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
        g->bottom[i] = 1e9f;
    }
    lunar_lander_lower(g, &g->from[0], &parts->hull, 6);
    lunar_lander_lower(g, &g->poses[0], &parts->hull, 6);
    for (int32_t k = 1; k < LUNAR_LANDER_BODIES; k++) {
        lunar_lander_lower(g, &g->from[k], &parts->leg, 4);
        lunar_lander_lower(g, &g->poses[k], &parts->leg, 4);
    }
}

// Whether lane `i` was clear of the ground all the time, and did not come to rest there.
static int lunar_lander_clear(const LunarLanderGroup* g, int32_t i, const LunarLander* s)
{
    float left = puf_minf(g->from[0].x[i], g->poses[0].x[i]) - 1.7f,
          right = puf_maxf(g->from[0].x[i], g->poses[0].x[i]) + 1.7f;
    int32_t first = puf_clampi((int32_t)(0.5f * left), 0, LUNAR_LANDER_POSTS - 1);
    int32_t last = puf_clampi((int32_t)(0.5f * right) + 1, 0, LUNAR_LANDER_POSTS - 1);
    float top = 0.0f, fast = 0.0f, still = 1e9f;
    for (int32_t k = first; k <= last; k++) {
        top = puf_maxf(top, s->ground[k]);
    }
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        PufSpeed v = lunar_lander_speed(&g->speeds[b], i);
        fast = puf_maxf(fast, fabsf(v.spin));
        still = puf_minf(still, puf_bodies_rest(s->bodies[b].still, v, LUNAR_LANDER_SECONDS));
    }
    return (g->bottom[i] > top + LUNAR_LANDER_CLEAR) & (fast < LUNAR_LANDER_CLEAR_SPIN) &
           (still < PUF_BODIES_SLEEP_AFTER);
}

// The lane's numbers into its lander.
static void lunar_lander_store(const LunarLanderGroup* g, int32_t i, LunarLander* s)
{
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        PufSpeed v = lunar_lander_speed(&g->speeds[b], i);
        puf_body_put(&s->bodies[b], lunar_lander_pose(&g->poses[b], i));
        s->bodies[b].vx = v.vx;
        s->bodies[b].vy = v.vy;
        s->bodies[b].spin = v.spin;
        s->bodies[b].still = puf_bodies_rest(s->bodies[b].still, v, LUNAR_LANDER_SECONDS);
    }
    for (int32_t k = 0; k < 2; k++) {
        const LunarLanderHinges* h = &g->hinges[k];
        s->hinges[k].x = h->x[i];
        s->hinges[k].y = h->y[i];
        s->hinges[k].stop = h->stop[i];
        s->hinges[k].motor = h->motor[i];
        s->hinges[k].limit = h->low[i] > 0.0f ? PUF_HINGE_LOW : h->high[i] > 0.0f ? PUF_HINGE_HIGH : PUF_HINGE_FREE;
    }
}

// ---- Near the ground. ----

// What one lander near the ground has in hand.
typedef struct LunarLanderNear {
    LunarLanderWorld world;
    PufStep step;
    uint8_t place[PUF_BODIES_MAX_TOUCHES]; // of each contact
    int32_t fits;                          // whether there is one for each
} LunarLanderNear;

static void lunar_lander_begin_near(LunarLanderNear* near, LunarLander* s, const LunarLanderParts* parts,
                                    const LunarLanderPush* push)
{
    PufForce forces[LUNAR_LANDER_BODIES] = { push->force, { 0, 0, 0 }, { 0, 0, 0 } };
    lunar_lander_make_world(s, parts, &near->world);
    lunar_lander_fire(&s->bodies[LUNAR_LANDER_HULL], push->thrust, push->jitter, push->sway,
                      parts->mass[LUNAR_LANDER_HULL], parts->centre);
    puf_bodies_begin(&near->world.bodies, forces, &near->step);
    int32_t taken[LUNAR_LANDER_BODIES] = { 0 };
    near->fits = 1;
    for (int32_t k = 0; k < near->step.num_contacts; k++) { // they are in the order of bodies
        int32_t body = s->touches[k].body, nth = taken[body]++;
        near->fits &= nth < LUNAR_LANDER_PLACES;
        near->place[k] = (uint8_t)(body * LUNAR_LANDER_PLACES + puf_clampi(nth, 0, LUNAR_LANDER_PLACES - 1));
    }
}

static void lunar_lander_load_near(LunarLanderGroup* g, int32_t i, const LunarLanderNear* near)
{
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        lunar_lander_set_speed(&g->speeds[b], i, near->step.speeds[b]);
    }
    for (int32_t k = 0; k < 2; k++) {
        lunar_lander_set_hinge(&g->hinges[k], i, &near->step.hinges[k]);
    }
    for (int32_t k = 0; k < near->step.num_contacts; k++) {
        LunarLanderContacts* c = &g->contacts[near->place[k]];
#define LUNAR_LANDER_SET(name, member) c->name[i] = near->step.contacts[k].member;
        LUNAR_LANDER_CONTACT(LUNAR_LANDER_SET)
#undef LUNAR_LANDER_SET
    }
}

static void lunar_lander_store_near(LunarLanderGroup* g, int32_t i, LunarLanderNear* near)
{
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        near->step.speeds[b] = lunar_lander_speed(&g->speeds[b], i);
    }
    for (int32_t k = 0; k < 2; k++) {
        near->step.hinges[k] = lunar_lander_hinge(&g->hinges[k], i);
    }
    for (int32_t k = 0; k < near->step.num_contacts; k++) {
        const LunarLanderContacts* c = &g->contacts[near->place[k]];
        near->step.contacts[k].push[0] = c->push0[i];
        near->step.contacts[k].push[1] = c->push1[i];
        near->step.contacts[k].rub[0] = c->rub0[i];
        near->step.contacts[k].rub[1] = c->rub1[i];
    }
}

// ---- All landers. ----

typedef struct LunarLanderBatch {
    LunarLanderPush pushes[LUNAR_LANDER_MANY];
    int16_t order[LUNAR_LANDER_MANY]; // landers by kind
    int16_t near[LUNAR_LANDER_MANY];  // those near the ground
    uint8_t rest[LUNAR_LANDER_MANY];  // those that came to rest
    int32_t num_near;
} LunarLanderBatch;

// How many passes a lander in the air needs: its motors press the legs to their limits with all they have, or will
// soon, or still move the legs.
static int32_t lunar_lander_kind(const LunarLander* s, const LunarLanderParts* parts)
{
    int32_t quick = 1, bound = 0;
    for (int32_t k = 0; k < 2; k++) {
        const PufHinge* h = &parts->hinges[k];
        float angle = s->bodies[h->b].angle - s->bodies[h->a].angle;
        quick &=
            (s->hinges[k].limit != PUF_HINGE_FREE) & (fabsf(s->hinges[k].motor) >= h->torque * LUNAR_LANDER_SECONDS);
        bound |= (angle <= h->low) | (angle >= h->high);
    }
    return quick & bound ? 0 : bound ? 1 : 2;
}

// Those that may be in the air, by kind. The others are near.
static int32_t lunar_lander_sort(LunarLanderBatch* batch, const LunarLander* s, const LunarLanderParts* parts,
                                 const int16_t* which, int32_t n)
{
    int32_t starts[4] = { 0, 0, 0, 0 };
    uint8_t kinds[LUNAR_LANDER_MANY];
    for (int32_t i = 0; i < n; i++) {
        const LunarLander* one = &s[which ? which[i] : i];
        kinds[i] = (uint8_t)(one->touches[0].points ? 3 : lunar_lander_kind(one, parts));
        if (kinds[i] < 3) {
            starts[kinds[i] + 1]++;
        }
    }
    int32_t flying = starts[1] + starts[2] + starts[3];
    starts[2] += starts[1];
    for (int32_t i = 0; i < n; i++) {
        int16_t index = which ? which[i] : (int16_t)i;
        if (kinds[i] < 3) {
            batch->order[starts[kinds[i]]++] = index;
        } else {
            batch->near[batch->num_near++] = index;
        }
    }
    return flying;
}

static void lunar_lander_fly_all(LunarLanderBatch* batch, LunarLander* s, const LunarLanderParts* parts, int32_t flying)
{
    LunarLanderGroup g;
    for (int32_t at = 0; at < flying; at += LUNAR_LANDER_LANES) {
        int32_t count = flying - at < LUNAR_LANDER_LANES ? flying - at : LUNAR_LANDER_LANES;
        for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) { // what is left over repeats the last
            int32_t index = batch->order[at + (i < count ? i : count - 1)];
            lunar_lander_load(&g, i, &s[index], &batch->pushes[index]);
        }
        lunar_lander_fly(&g, parts);
        for (int32_t i = 0; i < count; i++) {
            int16_t index = batch->order[at + i];
            if (lunar_lander_clear(&g, i, &s[index])) {
                lunar_lander_store(&g, i, &s[index]);
            } else {
                batch->near[batch->num_near++] = index;
            }
        }
    }
}

// Those that touch in the same way stand together.
static void lunar_lander_sort_near(LunarLanderBatch* batch, const LunarLander* s)
{
    enum { WAYS = 10 }; // how many contacts each leg has, or that the hull has some
    int32_t starts[WAYS + 1] = { 0 };
    int16_t sorted[LUNAR_LANDER_MANY];
    uint8_t ways[LUNAR_LANDER_MANY];
    for (int32_t i = 0; i < batch->num_near; i++) {
        const PufTouch* touches = s[batch->near[i]].touches;
        int32_t count[LUNAR_LANDER_BODIES] = { 0 };
        for (int32_t k = 0; k < PUF_BODIES_MAX_TOUCHES && touches[k].points; k++) {
            count[touches[k].body]++;
        }
        int32_t left = puf_clampi(count[LUNAR_LANDER_LEFT_LEG], 0, 2),
                right = puf_clampi(count[LUNAR_LANDER_RIGHT_LEG], 0, 2);
        ways[i] = (uint8_t)(count[LUNAR_LANDER_HULL] ? WAYS - 1 : 3 * left + right);
        starts[ways[i] + 1]++;
    }
    for (int32_t k = 1; k <= WAYS; k++) {
        starts[k] += starts[k - 1];
    }
    for (int32_t i = 0; i < batch->num_near; i++) {
        sorted[starts[ways[i]]++] = batch->near[i];
    }
    memcpy(batch->near, sorted, (size_t)batch->num_near * sizeof sorted[0]);
}

static void lunar_lander_touch_all(LunarLanderBatch* batch, LunarLander* s, const LunarLanderParts* parts)
{
    LunarLanderGroup g;
    LunarLanderNear near[LUNAR_LANDER_LANES];
    for (int32_t at = 0; at < batch->num_near; at += LUNAR_LANDER_LANES) {
        int32_t count = batch->num_near - at < LUNAR_LANDER_LANES ? batch->num_near - at : LUNAR_LANDER_LANES;
        uint8_t used[LUNAR_LANDER_ALL_PLACES] = { 0 };
        memset(g.contacts, 0, sizeof g.contacts);
        for (int32_t i = 0; i < count; i++) {
            int32_t index = batch->near[at + i];
            lunar_lander_begin_near(&near[i], &s[index], parts, &batch->pushes[index]);
        }
        for (int32_t i = 0; i < LUNAR_LANDER_LANES; i++) {
            const LunarLanderNear* one = &near[i < count ? i : count - 1];
            if (one->fits) {
                lunar_lander_load_near(&g, i, one);
                for (int32_t k = 0; k < one->step.num_contacts; k++) {
                    used[one->place[k]] = 1;
                }
            } else { // at rest, in an empty place
                for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
                    lunar_lander_set_speed(&g.speeds[b], i, (PufSpeed){ 0.0f, 0.0f, 0.0f });
                }
                for (int32_t k = 0; k < 2; k++) {
                    PufHingeNow none;
                    memset(&none, 0, sizeof none);
                    lunar_lander_set_hinge(&g.hinges[k], i, &none);
                }
            }
        }
        lunar_lander_solve(&g, parts, used);
        for (int32_t i = 0; i < count; i++) {
            if (near[i].fits) {
                lunar_lander_store_near(&g, i, &near[i]);
            } else {
                puf_bodies_solve(&near[i].world.bodies, &near[i].step);
            }
            batch->rest[batch->near[at + i]] = (uint8_t)puf_bodies_end(&near[i].world.bodies, &near[i].step);
        }
    }
}

// Move the landers that are listed in `which`, or all.
static void lunar_lander_move_lanes(LunarLanderBatch* batch, LunarLander* s, const LunarLanderParts* parts,
                                    const int16_t* which, int32_t n)
{
    batch->num_near = 0;
    lunar_lander_fly_all(batch, s, parts, lunar_lander_sort(batch, s, parts, which, n));
    lunar_lander_sort_near(batch, s);
    lunar_lander_touch_all(batch, s, parts);
}

// New episodes for those that ended.
static void lunar_lander_restart_lanes(LunarLanderBatch* batch, LunarLander* s, const LunarLanderParts* parts,
                                       const int16_t* ended, int32_t n)
{
    for (int32_t i = 0; i < n; i++) {
        batch->pushes[ended[i]] = lunar_lander_start(&s[ended[i]], parts);
    }
    lunar_lander_move_lanes(batch, s, parts, ended, n);
    for (int32_t i = 0; i < n; i++) {
        float obs[8];
        lunar_lander_see(&s[ended[i]], parts, obs);
        s[ended[i]].shaping = lunar_lander_shaping(obs);
    }
}

static void lunar_lander_step_many(const PufLayout* layout, LunarLander* s, int32_t n, PufIo io)
{
    const LunarLanderParts* parts = io.assets;
    LunarLanderBatch batch;
    int16_t ended[LUNAR_LANDER_MANY];
    int32_t num_ended = 0;
    for (int32_t i = 0; i < n; i++) {
        batch.pushes[i] = lunar_lander_decide(&s[i], lunar_lander_thrust(puf_row(layout, PUF_F32, io, i)));
        batch.rest[i] = 0;
    }
    lunar_lander_move_lanes(&batch, s, parts, NULL, n);
    for (int32_t i = 0; i < n; i++) {
        PufIo row = puf_row(layout, PUF_F32, io, i);
        lunar_lander_see(&s[i], parts, row.obs);
        lunar_lander_judge(&s[i], row, row.obs, batch.rest[i]);
        if (row.terminals[0] | row.truncations[0]) {
            memcpy(row.final_obs, row.obs, 8 * sizeof(float));
            ended[num_ended++] = (int16_t)i;
        }
    }
    lunar_lander_restart_lanes(&batch, s, parts, ended, num_ended);
    for (int32_t i = 0; i < num_ended; i++) {
        lunar_lander_see(&s[ended[i]], parts, puf_row(layout, PUF_F32, io, ended[i]).obs);
    }
}

static void lunar_lander_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    for (int32_t i = 0; n < LUNAR_LANDER_FEW && i < n; i++) {
        LunarLander* s = (LunarLander*)states + i;
        PufIo row = puf_row(layout, PUF_F32, io, i);
        lunar_lander_step(s, row);
        if (row.terminals[0] | row.truncations[0]) {
            lunar_lander_see(s, io.assets, row.final_obs);
            lunar_lander_reset(s, io.assets);
        }
        lunar_lander_see(s, io.assets, row.obs);
    }
    if (n < LUNAR_LANDER_FEW) {
        return;
    }
    for (int32_t i = 0; i < n; i += LUNAR_LANDER_MANY) {
        int32_t count = n - i < LUNAR_LANDER_MANY ? n - i : LUNAR_LANDER_MANY;
        lunar_lander_step_many(layout, (LunarLander*)states + i, count, puf_row(layout, PUF_F32, io, i));
    }
}
