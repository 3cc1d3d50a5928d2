// bipedal_walker_lanes.h - the steps of bipedal_walker.h for many walkers at once. All here is speed.
//
// Walkers are sorted by what touches the ground, and puffer_bodies_lanes.h moves them, 16 at a time. Each finds its
// contacts by itself, and by itself looks whether a body hit the ground within the step.
#pragma once
#include "puffer_bodies_lanes.h"

enum {
    BIPEDAL_WALKER_MANY = 1024, // walkers that are sorted at a time
    BIPEDAL_WALKER_FEW = 4,     // walkers for which columns do not pay
};

// ---- All walkers. ----

typedef struct BipedalWalkerBatch {
    float controls[BIPEDAL_WALKER_MANY][4];
    float pushes[BIPEDAL_WALKER_MANY];
    int16_t order[BIPEDAL_WALKER_MANY];
} BipedalWalkerBatch;

enum {
    BIPEDAL_WALKER_FEET = 4,                           // ways in which a shin touches
    BIPEDAL_WALKER_BOUND = 1 << BIPEDAL_WALKER_HINGES, // hinges that are at their limits
    BIPEDAL_WALKER_KINDS = 2 * BIPEDAL_WALKER_FEET * BIPEDAL_WALKER_FEET * BIPEDAL_WALKER_BOUND,
};

// How a shin touches the ground: not at all, at a point, at two of an edge, or two edges.
static int32_t bipedal_walker_foot(const BipedalWalker* s, int32_t shin)
{
    int32_t edges = 0, points = 0;
    for (int32_t k = 0; k < PUF_BODIES_MAX_TOUCHES && s->touches[k].points; k++) {
        edges += s->touches[k].body == shin;
        points += s->touches[k].body == shin ? s->touches[k].points : 0;
    }
    return edges > 1 ? 3 : points;
}

// Walkers that touch the ground in the same way, and have the same hinges at their limits, stand together.
static int32_t bipedal_walker_kind(const BipedalWalker* s, const BipedalWalkerParts* parts)
{
    int32_t knees = 0, bound = 0;
    for (int32_t k = 0; k < PUF_BODIES_MAX_TOUCHES && s->touches[k].points; k++) {
        knees |= (s->touches[k].body == BIPEDAL_WALKER_THIGH1) | (s->touches[k].body == BIPEDAL_WALKER_THIGH2);
    }
    for (int32_t k = 0; k < BIPEDAL_WALKER_HINGES; k++) {
        const PufHinge* h = &parts->hinges[k];
        float angle = s->bodies[h->b].angle - s->bodies[h->a].angle - h->zero;
        bound |= ((angle <= h->low) | (angle >= h->high)) << k;
    }
    int32_t first = bipedal_walker_foot(s, BIPEDAL_WALKER_SHIN1), second = bipedal_walker_foot(s, BIPEDAL_WALKER_SHIN2);
    return ((knees * BIPEDAL_WALKER_FEET + first) * BIPEDAL_WALKER_FEET + second) * BIPEDAL_WALKER_BOUND + bound;
}

static void bipedal_walker_sort(BipedalWalkerBatch* batch, const BipedalWalker* s, const BipedalWalkerParts* parts,
                                const int16_t* which, int32_t n)
{
    int32_t starts[BIPEDAL_WALKER_KINDS + 1] = { 0 };
    int16_t kinds[BIPEDAL_WALKER_MANY];
    for (int32_t i = 0; i < n; i++) {
        kinds[i] = (int16_t)bipedal_walker_kind(&s[which ? which[i] : i], parts);
        starts[kinds[i] + 1]++;
    }
    for (int32_t k = 1; k <= BIPEDAL_WALKER_KINDS; k++) {
        starts[k] += starts[k - 1];
    }
    for (int32_t i = 0; i < n; i++) {
        batch->order[starts[kinds[i]]++] = which ? which[i] : (int16_t)i;
    }
}

// What walkers that move have in hand.
typedef struct BipedalWalkerMoving {
    const BipedalWalkerBatch* batch;
    BipedalWalker* states;
    const BipedalWalkerParts* parts;
    BipedalWalkerWorld worlds[PUF_LANES_SLOTS];
} BipedalWalkerMoving;

static const PufBodies* bipedal_walker_set_out(void* context, int32_t which, int32_t slot, PufStep* step)
{
    BipedalWalkerMoving* moving = context;
    BipedalWalkerWorld* world = &moving->worlds[slot];
    int32_t index = moving->batch->order[which];
    PufForce forces[BIPEDAL_WALKER_BODIES];
    bipedal_walker_make_world(&moving->states[index], moving->parts, moving->batch->controls[index],
                              moving->batch->pushes[index], world, forces);
    puf_bodies_begin(&world->bodies, forces, step);
    return &world->bodies;
}

static void bipedal_walker_arrive(void* context, int32_t which, int rest)
{
    (void)context; // motors wake what rests
    (void)which;
    (void)rest;
}

// Move the walkers that are listed in `which`, or all.
static void bipedal_walker_move_lanes(BipedalWalkerBatch* batch, BipedalWalker* s, const BipedalWalkerParts* parts,
                                      const int16_t* which, int32_t n)
{
    BipedalWalkerMoving moving;
    moving.batch = batch;
    moving.states = s;
    moving.parts = parts;
    bipedal_walker_sort(batch, s, parts, which, n);
    puf_bodies_step_lanes(&(PufLanesWork){ n, &moving, bipedal_walker_set_out, bipedal_walker_arrive });
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
