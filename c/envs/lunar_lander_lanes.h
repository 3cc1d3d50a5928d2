// lunar_lander_lanes.h - the steps of lunar_lander.h for many landers at once. All here is speed.
//
// 180 passes over the hinges are nearly all of a step. So landers are sorted by how many of them they will need, and 16
// at a time become columns. Those that are clear of the ground take their whole step as columns. The others find their
// contacts one by one, and puffer_bodies_lanes.h moves them.
#pragma once
#include "puffer_bodies_lanes.h"

enum {
    LUNAR_LANDER_MANY = 1024, // landers that are sorted at a time
    LUNAR_LANDER_FEW = 4,     // landers for which columns do not pay
    LUNAR_LANDER_CHECK = 5,   // passes between looks at whether all are done; any number
};
#define LUNAR_LANDER_CLEAR 0.1f    // m above the ground that count as clear of it
#define LUNAR_LANDER_CLEAR_SPIN 10 // rad/s: a corner that turns faster may dip lower within a step

typedef struct LunarLanderGroup {
    PufBodies shared; // what all landers have
    PufSpeedLanes speeds[LUNAR_LANDER_BODIES];
    PufHingeLanes hinges[2];
    PufPoseLanes from[LUNAR_LANDER_BODIES], poses[LUNAR_LANDER_BODIES], next[LUNAR_LANDER_BODIES];
    float gravity[PUF_BODIES_LANES];
    float main[PUF_BODIES_LANES], side[PUF_BODIES_LANES], jitter[PUF_BODIES_LANES], sway[PUF_BODIES_LANES];
    float force_x[PUF_BODIES_LANES], force_y[PUF_BODIES_LANES], twist[PUF_BODIES_LANES];
    float bottom[PUF_BODIES_LANES]; // height of the lowest corner
} LunarLanderGroup;

// ---- Clear of the ground. ----

// A lander's numbers, in lane `i`.
static void lunar_lander_load(LunarLanderGroup* g, int32_t i, const LunarLander* s, const LunarLanderPush* push)
{
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        puf_lanes_set_pose(&g->poses[b], i, puf_body_pose(&s->bodies[b]));
        puf_lanes_set_speed(&g->speeds[b], i, (PufSpeed){ s->bodies[b].vx, s->bodies[b].vy, s->bodies[b].spin });
    }
    for (int32_t k = 0; k < 2; k++) {
        g->hinges[k].x[i] = s->hinges[k].x;
        g->hinges[k].y[i] = s->hinges[k].y;
        g->hinges[k].stop[i] = s->hinges[k].stop;
        g->hinges[k].motor[i] = s->hinges[k].motor;
        g->hinges[k].was[i] = (float)s->hinges[k].limit;
        g->hinges[k].aim[i] = g->shared.hinges[k].speed;
        g->hinges[k].most[i] = g->shared.hinges[k].torque * LUNAR_LANDER_SECONDS;
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
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
        PufSpeed v = puf_lanes_speed(&g->speeds[0], i);
        PufBody b = { 0.0f, 0.0f, g->poses[0].angle[i], v.vx, v.vy, v.spin, 0.0f };
        lunar_lander_fire(&b, (LunarLanderThrust){ g->main[i], g->side[i] }, g->jitter[i], g->sway[i], hull,
                          parts->centre);
        PufForce force = { g->force_x[i], g->force_y[i], g->twist[i] };
        puf_lanes_set_speed(&g->speeds[0], i,
                            puf_bodies_accelerate(&b, hull, force, g->gravity[i], LUNAR_LANDER_SECONDS));
    }
    for (int32_t k = 1; k < LUNAR_LANDER_BODIES; k++) {
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            PufSpeed v = puf_lanes_speed(&g->speeds[k], i);
            PufBody b = { 0.0f, 0.0f, 0.0f, v.vx, v.vy, v.spin, 0.0f };
            PufForce none = { 0.0f, 0.0f, 0.0f };
            puf_lanes_set_speed(&g->speeds[k], i,
                                puf_bodies_accelerate(&b, leg, none, g->gravity[i], LUNAR_LANDER_SECONDS));
        }
    }
}

// As puf_bodies_solve, without contacts.
static void lunar_lander_solve(LunarLanderGroup* g)
{
    uint8_t bound[2] = { (uint8_t)puf_lanes_is_bound(&g->hinges[0]), (uint8_t)puf_lanes_is_bound(&g->hinges[1]) };
    int32_t open = 1;
    for (int32_t pass = 1; pass <= LUNAR_LANDER_PASSES && open; pass++) {
        PufLanesKept kept;
        PufLanesChanged changed;
        const int32_t check = pass % LUNAR_LANDER_CHECK == 0;
        if (check) {
            puf_lanes_keep_hinges(&g->shared, g->hinges, g->speeds, &kept);
        }
        puf_lanes_pass_hinges(&g->shared, g->hinges, g->speeds, bound);
        if (check) {
            puf_lanes_compare_hinges(&g->shared, g->hinges, g->speeds, &kept, &changed);
            open = 0;
            for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
                open |= changed.of[i];
            }
        }
    }
}

// As puf_bodies_correct; a lane that is done stays as it is.
static void lunar_lander_correct(LunarLanderGroup* g)
{
    int32_t done[PUF_BODIES_LANES] = { 0 };
    int32_t open = 1;
    for (int32_t pass = 0; pass < LUNAR_LANDER_POSITION_PASSES && open; pass++) {
        int32_t right[PUF_BODIES_LANES];
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            right[i] = 1;
        }
        memcpy(g->next, g->poses, sizeof g->next);
        for (int32_t k = 0; k < 2; k++) {
            puf_lanes_join(&g->shared, k, g->hinges[k].low, g->hinges[k].high, g->next, right);
        }
        for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
            for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
                PufPose was = puf_lanes_pose(&g->poses[b], i), now = puf_lanes_pose(&g->next[b], i);
                g->poses[b].x[i] = done[i] ? was.x : now.x;
                g->poses[b].y[i] = done[i] ? was.y : now.y;
                g->poses[b].angle[i] = done[i] ? was.angle : now.angle;
            }
        }
        open = 0;
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            done[i] |= right[i];
            open |= !done[i];
        }
    }
}

// The lowest corner of a body.
static void lunar_lander_lower(LunarLanderGroup* g, const PufPoseLanes* poses, const PufShape* shape, int32_t corners)
{
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
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
    memcpy(g->from, g->poses, sizeof g->from);
    lunar_lander_push_lanes(g, parts);
    for (int32_t k = 0; k < 2; k++) {
        puf_lanes_begin_hinge(&g->shared, k, &g->hinges[k], g->poses, g->speeds);
    }
    lunar_lander_solve(g);
    for (int32_t b = 0; b < LUNAR_LANDER_BODIES; b++) {
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
            PufPose p = puf_lanes_pose(&g->poses[b], i);
            PufSpeed v = puf_lanes_speed(&g->speeds[b], i);
            puf_bodies_move(&p, &v, LUNAR_LANDER_SECONDS);
            puf_lanes_set_pose(&g->poses[b], i, p);
            puf_lanes_set_speed(&g->speeds[b], i, v);
        }
    }
    lunar_lander_correct(g);
    for (int32_t i = 0; i < PUF_BODIES_LANES; i++) {
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
        PufSpeed v = puf_lanes_speed(&g->speeds[b], i);
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
        PufSpeed v = puf_lanes_speed(&g->speeds[b], i);
        puf_body_put(&s->bodies[b], puf_lanes_pose(&g->poses[b], i));
        s->bodies[b].vx = v.vx;
        s->bodies[b].vy = v.vy;
        s->bodies[b].spin = v.spin;
        s->bodies[b].still = puf_bodies_rest(s->bodies[b].still, v, LUNAR_LANDER_SECONDS);
    }
    for (int32_t k = 0; k < 2; k++) {
        const PufHingeLanes* h = &g->hinges[k];
        s->hinges[k].x = h->x[i];
        s->hinges[k].y = h->y[i];
        s->hinges[k].stop = h->stop[i];
        s->hinges[k].motor = h->motor[i];
        s->hinges[k].limit = h->low[i] > 0.0f ? PUF_HINGE_LOW : h->high[i] > 0.0f ? PUF_HINGE_HIGH : PUF_HINGE_FREE;
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
    g.shared =
        (PufBodies){ .mass = parts->mass, .num_bodies = LUNAR_LANDER_BODIES, .hinges = parts->hinges, .num_hinges = 2 };
    for (int32_t at = 0; at < flying; at += PUF_BODIES_LANES) {
        int32_t count = flying - at < PUF_BODIES_LANES ? flying - at : PUF_BODIES_LANES;
        for (int32_t i = 0; i < PUF_BODIES_LANES; i++) { // what is left over repeats the last
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

// What landers near the ground have in hand.
typedef struct LunarLanderNear {
    LunarLanderBatch* batch;
    LunarLander* states;
    const LunarLanderParts* parts;
    LunarLanderWorld worlds[PUF_LANES_SLOTS];
} LunarLanderNear;

static const PufBodies* lunar_lander_set_out(void* context, int32_t which, int32_t slot, PufStep* step)
{
    LunarLanderNear* near = context;
    LunarLander* s = &near->states[near->batch->near[which]];
    const LunarLanderParts* parts = near->parts;
    const LunarLanderPush* push = &near->batch->pushes[near->batch->near[which]];
    PufForce forces[LUNAR_LANDER_BODIES] = { push->force, { 0, 0, 0 }, { 0, 0, 0 } };
    lunar_lander_make_world(s, parts, &near->worlds[slot]);
    lunar_lander_fire(&s->bodies[LUNAR_LANDER_HULL], push->thrust, push->jitter, push->sway,
                      parts->mass[LUNAR_LANDER_HULL], parts->centre);
    puf_bodies_begin(&near->worlds[slot].bodies, forces, step);
    return &near->worlds[slot].bodies;
}

static void lunar_lander_arrive(void* context, int32_t which, int rest)
{
    LunarLanderNear* near = context;
    near->batch->rest[near->batch->near[which]] = (uint8_t)rest;
}

static void lunar_lander_touch_all(LunarLanderBatch* batch, LunarLander* s, const LunarLanderParts* parts)
{
    LunarLanderNear near;
    near.batch = batch;
    near.states = s;
    near.parts = parts;
    puf_bodies_step_lanes(&(PufLanesWork){ batch->num_near, &near, lunar_lander_set_out, lunar_lander_arrive });
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
