// one_batch.h - a batch of the one environment that a test program is linked with, compiled with -DPUF_EXPORT.
#pragma once
#include "batch.h"
#include <stdio.h>
#include <stdlib.h>

const PufSpec* puf_export(void);

enum { MAX_PARAMS = 64 };

static void* zeros(size_t bytes)
{
    void* memory = calloc(1, bytes ? bytes : 1);
    if (!memory) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    return memory;
}

static PufBatch make_batch(int32_t num_envs, const double* params)
{
    const PufSpec* spec = puf_export();
    void* setup = zeros(puf_setup_size(spec));
    puf_store_settings(spec, setup, params);
    PufBatch b = { .spec = spec, .layout = puf_layout(spec, setup), .num_envs = num_envs };
    const size_t rows = (size_t)num_envs * (size_t)b.layout.agents, numbers = rows * (size_t)b.layout.num_actions;
    const size_t obs = rows * puf_obs_size(&b.layout) * puf_dtype_size(spec->obs_dtype);
    b.states = zeros((size_t)num_envs * b.layout.state_size + 64);
    b.states = (void*)(((uintptr_t)b.states + 63) / 64 * 64);
    b.scratch = zeros(puf_scratch_size(spec, &b.layout));
    b.actions = zeros(numbers * 4);
    b.io = (PufIo){ .obs = zeros(obs), .final_obs = zeros(obs), .rewards = zeros(rows * sizeof(float)) };
    b.io.terminals = zeros(rows), b.io.truncations = zeros(rows);
    b.io.actions = b.layout.actions[0].choices > 0 ? zeros(numbers * 4) : NULL;
    b.io.controls = b.io.actions ? NULL : zeros(numbers * 4);
    b.io.action_mask = b.layout.masked ? zeros(rows * puf_mask_size(&b.layout)) : NULL;
    if (b.layout.assets_size) {
        puf_batch_make_assets(&b, zeros(b.layout.assets_size), setup);
    }
    free(setup);
    return b; // which lives as long as the program
}

// The settings at their defaults.
static void default_params(double* params)
{
    for (int32_t i = 0; i < puf_export()->num_params && i < MAX_PARAMS; i++) {
        params[i] = puf_export()->params[i].value;
    }
}
