// driver_checks.h - what an environment wrote into its outputs, and whether it may.
#pragma once
#include "batch.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Sizes {
    size_t rows, obs, obs_bytes, mask, actions;
} Sizes;

static int64_t step_now;

static void fail(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "driver: step %lld: ", (long long)step_now);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

static void fill_outputs(const PufBatch* b, Sizes n, int byte)
{
    memset(b->io.obs, byte, n.rows * n.obs_bytes);
    memset(b->io.final_obs, byte, n.rows * n.obs_bytes);
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

// How far fractions may be beyond a bound, as rounding.
static float slack(const PufSpec* spec, float bound)
{
    float size = bound < 0.0f ? -bound : bound;
    return spec->obs_dtype == PUF_F32 && size - size == 0.0f ? 1e-6f * (size > 1.0f ? size : 1.0f) : 0.0f;
}

// Finite and inside the declared bounds, part by part. NaN fails every comparison.
static void check_obs(const PufSpec* spec, const char* what, const uint8_t* rows, size_t row, Sizes n)
{
    size_t fixed = 0, i = 0;
    for (int32_t p = 0; p < spec->num_obs; p++) {
        fixed += (size_t)spec->obs[p].count;
    }
    for (int32_t p = 0; p < spec->num_obs; p++) {
        const PufObs* part = &spec->obs[p];
        size_t count = part->count ? (size_t)part->count : n.obs - fixed;
        float low = part->low - slack(spec, part->low), high = part->high + slack(spec, part->high);
        for (size_t end = i + count; i < end; i++) {
            float x = element(spec, rows + row * n.obs_bytes, i);
            if (!(x >= low && x <= high && x - x == 0.0f)) {
                fail("%s %zu (%s) of row %zu is %g, and must be from %g to %g", what, i, part->name, row, (double)x,
                     (double)part->low, (double)part->high);
            }
        }
    }
}

static void check_row(const PufBatch* b, Sizes n, size_t r)
{
    uint8_t terminal = b->io.terminals[r], truncation = b->io.truncations[r];
    check_obs(b->spec, "observation", b->io.obs, r, n);
    if (!(b->io.rewards[r] - b->io.rewards[r] == 0.0f)) {
        static const uint8_t filled[] = { 0xFF, 0xFF, 0xFF, 0xFF };
        const char* how = memcmp(&b->io.rewards[r], filled, 4) == 0 ? "was not written" : "is not finite";
        fail("the reward of row %zu %s", r, how);
    }
    if (terminal > 1 || truncation > 1 || (terminal && truncation)) {
        fail("terminal and truncation of row %zu are %d and %d: they must be 0 or 1, and not both 1", r, terminal,
             truncation);
    }
    if (terminal || truncation) {
        check_obs(b->spec, "final observation", b->io.final_obs, r, n);
    }
    for (size_t m = 0; b->io.action_mask && m < n.mask; m++) {
        if (b->io.action_mask[r * n.mask + m] > 1) {
            fail("action mask %zu of row %zu is %d, and must be 0 or 1", m, r, b->io.action_mask[r * n.mask + m]);
        }
    }
    if (b->io.agent_mask && b->io.agent_mask[r] > 1) {
        fail("the agent mask of row %zu is %d, and must be 0 or 1", r, b->io.agent_mask[r]);
    }
}
