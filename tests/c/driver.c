// driver.c - step an environment without Python: for sanitizers, other compilers and other optimisation levels.
//
//     driver NAME NUM_ENVS STEPS SEED [ACTIONS [OUTPUTS]]
//
// ACTIONS holds STEPS * A * k actions (int32 or float32); without it they are random. OUTPUTS receives, after the reset
// and after every step, observations, rewards, terminals, truncations and the state hash. Every output byte is
// poisoned before each step, and the values are checked against the spec.
#include "batch.h"
#include "registry.h"
#include <stdio.h>
#include <stdlib.h>

static void fail(const char* what, const char* name, int64_t at)
{
    fprintf(stderr, "driver: %s: %s (at %lld)\n", name, what, (long long)at);
    exit(1);
}

static void* allocate(size_t size)
{
    void* p = calloc(1, size ? size : 1); // exactly as large as needed, so that a sanitizer sees one byte too many
    if (!p) {
        fail("out of memory", "calloc", (int64_t)size);
    }
    return p;
}

static const PufSpec* find(const char* name)
{
    for (int i = 0; i < puf_num_envs(); i++) {
        const PufSpec* spec = puf_env_spec(i, PUF_ISA_BASELINE);
        if (strcmp(spec->name, name) == 0) {
            return spec;
        }
    }
    fail("no such environment", name, 0);
    return NULL;
}

typedef struct Sizes {
    size_t rows, obs, obs_bytes, mask;
} Sizes;

static void poison(const PufBatch* b, Sizes n)
{
    memset(b->io.obs, 0x7F, n.rows * n.obs_bytes);
    memset(b->io.final_obs, 0x7F, n.rows * n.obs_bytes);
    memset(b->io.rewards, 0xFF, n.rows * sizeof(float)); // NaN
    memset(b->io.terminals, 0x7F, n.rows);
    memset(b->io.truncations, 0x7F, n.rows);
    if (b->io.action_mask) {
        memset(b->io.action_mask, 0x7F, n.rows * n.mask);
    }
    if (b->io.agent_mask) {
        memset(b->io.agent_mask, 0x7F, n.rows);
    }
}

static float element(const PufSpec* spec, const void* obs, size_t i)
{
    switch (spec->obs_dtype) {
    case PUF_U8: return (float)((const uint8_t*)obs)[i];
    case PUF_I8: return (float)((const int8_t*)obs)[i];
    default: return ((const float*)obs)[i];
    }
}

// Inside the declared bounds, part by part. NaN fails every comparison.
static void check_obs(const PufSpec* spec, const void* row, size_t size, int64_t at)
{
    size_t fixed = 0, i = 0;
    for (int32_t p = 0; p < spec->num_obs; p++) {
        fixed += (size_t)spec->obs[p].count;
    }
    for (int32_t p = 0; p < spec->num_obs; p++) {
        size_t count = spec->obs[p].count ? (size_t)spec->obs[p].count : size - fixed;
        for (size_t end = i + count; i < end; i++) {
            float x = element(spec, row, i);
            if (!(x >= spec->obs[p].low && x <= spec->obs[p].high)) {
                fprintf(stderr, "driver: %s: observation %zu (%s) is %g\n", spec->name, i, spec->obs[p].name,
                        (double)x);
                fail("observation outside its declared bounds", spec->name, at);
            }
        }
    }
}

static void check_outputs(const PufBatch* b, Sizes n, int64_t step)
{
    for (size_t r = 0; r < n.rows; r++) {
        check_obs(b->spec, (const uint8_t*)b->io.obs + r * n.obs_bytes, n.obs, step);
        if (!(b->io.rewards[r] - b->io.rewards[r] == 0.0f)) {
            fail("reward is not finite, or was not written", b->spec->name, step);
        }
        if (b->io.terminals[r] > 1 || b->io.truncations[r] > 1 || (b->io.terminals[r] && b->io.truncations[r])) {
            fail("terminal and truncation must be 0 or 1, and not both 1", b->spec->name, step);
        }
        if (b->io.terminals[r] || b->io.truncations[r]) {
            check_obs(b->spec, (const uint8_t*)b->io.final_obs + r * n.obs_bytes, n.obs, step);
        }
        for (size_t m = 0; b->io.action_mask && m < n.mask; m++) {
            if (b->io.action_mask[r * n.mask + m] > 1) {
                fail("action mask must be 0 or 1", b->spec->name, step);
            }
        }
        if (b->io.agent_mask && b->io.agent_mask[r] > 1) {
            fail("agent mask must be 0 or 1", b->spec->name, step);
        }
    }
}

static void random_actions(const PufBatch* b, void* actions, Sizes n, PufRng* rng)
{
    for (size_t i = 0; i < n.rows * (size_t)b->layout.num_actions; i++) {
        const PufAction* a = &b->layout.actions[i % (size_t)b->layout.num_actions];
        if (a->choices > 0) {
            ((int32_t*)actions)[i] = (int32_t)puf_rand_below(rng, (uint32_t)a->choices);
        } else {
            ((float*)actions)[i] = puf_rand_range(rng, a->low, a->high);
        }
    }
}

static void write_outputs(const PufBatch* b, Sizes n, FILE* out)
{
    uint64_t hash = puf_batch_hash(b, 0, b->num_envs);
    size_t wrote = fwrite(b->io.obs, n.obs_bytes, n.rows, out) + fwrite(b->io.rewards, sizeof(float), n.rows, out) +
                   fwrite(b->io.terminals, 1, n.rows, out) + fwrite(b->io.truncations, 1, n.rows, out) +
                   fwrite(&hash, sizeof(hash), 1, out);
    if (wrote != 4 * n.rows + 1) {
        fail("cannot write the outputs", b->spec->name, 0);
    }
}

int main(int argc, char** argv)
{
    if (argc < 5) {
        fprintf(stderr, "usage: driver NAME NUM_ENVS STEPS SEED [ACTIONS [OUTPUTS]]\n");
        return 2;
    }
    const PufSpec* spec = find(argv[1]);
    int32_t num_envs = (int32_t)atoi(argv[2]);
    int64_t steps = atoll(argv[3]);
    uint64_t seed = strtoull(argv[4], NULL, 10);

    double params[64];
    for (int32_t p = 0; p < spec->num_params; p++) {
        params[p] = spec->params[p].value;
    }
    void* setup = allocate(puf_setup_size(spec));
    puf_store_settings(spec, setup, params);
    PufBatch b = { .spec = spec, .layout = puf_layout(spec, setup), .num_envs = num_envs };
    Sizes n = { .rows = (size_t)num_envs * (size_t)b.layout.agents, .obs = puf_obs_size(&b.layout) };
    n.obs_bytes = n.obs * puf_dtype_size(spec->obs_dtype);
    n.mask = b.layout.masked ? puf_mask_size(&b.layout) : 0;
    int discrete = b.layout.actions[0].choices > 0;
    size_t action_count = n.rows * (size_t)b.layout.num_actions;
    void* actions = allocate(action_count * 4);
    b.states = allocate((size_t)num_envs * b.layout.state_size);
    b.scratch = allocate(puf_scratch_size(spec, &b.layout));
    b.io.obs = allocate(n.rows * n.obs_bytes);
    b.io.final_obs = allocate(n.rows * n.obs_bytes);
    b.io.actions = discrete ? actions : NULL;
    b.io.controls = discrete ? NULL : actions;
    b.io.rewards = allocate(n.rows * sizeof(float));
    b.io.terminals = allocate(n.rows);
    b.io.truncations = allocate(n.rows);
    b.io.action_mask = b.layout.masked ? allocate(n.rows * n.mask) : NULL;
    b.io.agent_mask = b.layout.padded ? allocate(n.rows) : NULL;
    void* assets = allocate(b.layout.assets_size);
    if (b.layout.assets_size) {
        puf_batch_make_assets(&b, assets, setup);
    }
    FILE* in = argc > 5 ? fopen(argv[5], "rb") : NULL;
    FILE* out = argc > 6 ? fopen(argv[6], "wb") : NULL;
    if ((argc > 5 && !in) || (argc > 6 && !out)) {
        fail("cannot open the files", spec->name, 0);
    }

    PufRng rng = puf_rng_seed(seed, UINT64_MAX);
    poison(&b, n);
    puf_batch_init(&b, params, seed, 0);
    puf_batch_reset(&b);
    check_outputs(&b, n, 0);
    if (out) {
        write_outputs(&b, n, out);
    }
    for (int64_t step = 1; step <= steps; step++) {
        if (!in) {
            random_actions(&b, actions, n, &rng);
        } else if (fread(actions, 4, action_count, in) != action_count) {
            fail("too few actions in the file", spec->name, step);
        }
        if (puf_batch_take_actions(&b, actions, 0, num_envs) >= 0) {
            fail("action out of range", spec->name, step);
        }
        poison(&b, n);
        puf_batch_step(&b);
        check_outputs(&b, n, step);
        if (out) {
            write_outputs(&b, n, out);
        }
    }
    double sums[64];
    uint64_t hash = puf_batch_hash(&b, 0, num_envs);
    puf_batch_log(&b, 0, num_envs, sums);
    printf("%s hash %016llx episodes %.0f perf %.4f score %.4f return %.4f length %.1f\n", spec->name,
           (unsigned long long)hash, sums[0], sums[1] / sums[0], sums[2] / sums[0], sums[3] / sums[0],
           sums[4] / sums[0]);
    if (out && fclose(out) != 0) {
        fail("cannot write the outputs", spec->name, steps);
    }
    if (in) {
        fclose(in);
    }
    free(b.io.obs), free(b.io.final_obs), free(b.io.rewards), free(b.io.terminals), free(b.io.truncations);
    free(b.io.action_mask), free(b.io.agent_mask), free(actions), free(b.states), free(assets);
    free(b.scratch), free(setup);
    return 0;
}
