// groups_test.c - groups of real environments under way while settings of single ones are changed and the caller writes
// to the actions that it has handed over: every state must end as in a batch that one thread steps all together.
#include "batch.h"
#include "envs/cartpole.h"
#include <stdio.h>
#include <stdlib.h>

enum { GROUPS = 5, GROUP = 150, ENVS = GROUPS * GROUP, STEPS = 300, PARAMS = 3, SET_EVERY = 20 };

// One batch with all its memory.
typedef struct World {
    PufBatch batch;
    Cartpole states[ENVS];
    float obs[ENVS][4], final_obs[ENVS][4], rewards[ENVS];
    int32_t actions[ENVS], taken[ENVS];
    uint8_t terminals[ENVS], truncations[ENVS];
    double current[ENVS * PARAMS], next[ENVS * PARAMS];
    uint8_t differs[ENVS], pending[ENVS];
    double scratch[64]; // a setup, and a log
    PufGroup groups[GROUPS];
} World;

static World together, apart;
static const double defaults[PARAMS] = { 0, 30, 10 };

static void fail(const char* what, int at)
{
    fprintf(stderr, "groups_test: %s (at %d)\n", what, at);
    exit(1);
}

static void open_world(World* w, PufPool* pool)
{
    PufBatch* b = &w->batch;
    puf_store_settings(&PUF_SPEC(cartpole), w->scratch, defaults);
    *b = (PufBatch){ .spec = &PUF_SPEC(cartpole), .layout = puf_layout(&PUF_SPEC(cartpole), w->scratch) };
    b->scratch = w->scratch;
    b->states = w->states;
    b->io = (PufIo){ .obs = w->obs,
                     .final_obs = w->final_obs,
                     .actions = w->taken,
                     .rewards = w->rewards,
                     .terminals = w->terminals,
                     .truncations = w->truncations };
    b->actions = w->actions;
    b->num_envs = ENVS;
    b->pool = pool;
    b->most_threads = 3;
    b->groups = w->groups;
    for (int g = 0; g < GROUPS; g++) {
        w->groups[g] = (PufGroup){ .batch = b, .first = g * GROUP, .count = GROUP };
    }
    puf_batch_init(b, defaults, 1, 0);
    puf_batch_reset(b);
}

// As the wrapper does at the first change, which may come while groups are under way.
static void allow_settings(World* w)
{
    if (w->batch.settings.current) {
        return;
    }
    for (int i = 0; i < ENVS; i++) {
        memcpy(w->current + PARAMS * i, defaults, sizeof(defaults));
    }
    memcpy(w->next, w->current, sizeof(w->next));
    PufSettings settings = { w->current, w->next, w->differs, w->pending, 0 };
    w->batch.settings = settings;
}

static void change(World* w, int group, PufRng* rng)
{
    for (int k = 0; k < 3; k++) {
        double params[PARAMS] = { 0, 5 + puf_rand_below(rng, 50), 1 + puf_rand_below(rng, 19) };
        allow_settings(w);
        puf_batch_set(&w->batch, group * GROUP + (int32_t)puf_rand_below(rng, GROUP), params);
    }
}

// What group `g` does in its step `t`: the same in both worlds.
static PufRng plan(World* w, int g, int t)
{
    PufRng rng = puf_rng_seed((uint64_t)t, (uint64_t)g);
    for (int i = 0; i < GROUP; i++) {
        w->actions[g * GROUP + i] = (int32_t)puf_rand_below(&rng, 2);
    }
    if (t % SET_EVERY == 0) {
        change(w, g, &rng);
    }
    return rng;
}

static void take(World* w, int g)
{
    if (puf_batch_take_actions(&w->batch, w->actions + g * GROUP, g * GROUP, GROUP) >= 0) {
        fail("action refused", g);
    }
}

// What a caller may do once the actions are taken. Environments would read memory far away if they saw these.
static void scribble(World* w, int g)
{
    for (int i = g * GROUP; i < (g + 1) * GROUP; i++) {
        w->actions[i] = 1 << 30;
    }
}

static void step_together(void)
{
    open_world(&together, NULL);
    for (int t = 0; t < STEPS; t++) {
        for (int g = 0; g < GROUPS; g++) {
            plan(&together, g, t);
            take(&together, g);
        }
        puf_batch_step(&together.batch);
    }
}

static void send(World* w, int g, int t)
{
    plan(w, g, t);
    take(w, g);
    puf_batch_send(&w->batch, g);
    scribble(w, g);
}

// Each group is sent again as soon as it is received, so that the others are somewhere else in time.
static void step_apart(PufPool* pool)
{
    int steps[GROUPS] = { 0 };
    open_world(&apart, pool);
    for (int g = 0; g < GROUPS; g++) {
        send(&apart, g, 0);
    }
    while (apart.batch.under_way > 0) {
        int g = puf_batch_receive(&apart.batch);
        if (g < 0 || g >= GROUPS) {
            fail("received no group", g);
        }
        steps[g] += 1;
        if (steps[g] < STEPS) {
            send(&apart, g, steps[g]);
        }
    }
}

int main(void)
{
    PufPool* pool = puf_pool_create(3, GROUPS);
    if (!pool) {
        fail("no threads", 0);
    }
    step_together();
    step_apart(pool);
    for (int i = 0; i < ENVS; i++) {
        if (puf_batch_hash(&together.batch, i, 1) != puf_batch_hash(&apart.batch, i, 1)) {
            fail("states differ", i);
        }
    }
    if (memcmp(together.obs, apart.obs, sizeof(apart.obs)) != 0 ||
        memcmp(together.current, apart.current, sizeof(apart.current)) != 0) {
        fail("observations or settings differ", 0);
    }
    int changed = 0;
    for (int i = 0; i < ENVS; i++) {
        changed += memcmp(apart.current + PARAMS * i, defaults, sizeof(defaults)) != 0;
    }
    puf_pool_destroy(pool);
    printf("%d\n", changed);
    return 0;
}
