// train_run.c - train in C with the settings given, without Python:
//
//     train_run ITERATIONS SEED NUM_ENVS [NAME=VALUE ...]
//
// It is linked with one environment, compiled with -DPUF_EXPORT, at its default settings. Prints a hash of the weights
// after the last iteration and what that was like.
#include "learn/trainer.h"
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

static void set(PufTrainSettings* settings, const char* word)
{
#define SET(name, given)                                                                                               \
    if (strncmp(word, #name "=", sizeof(#name)) == 0) {                                                                \
        settings->name = atof(word + sizeof(#name));                                                                   \
        return;                                                                                                        \
    }
    PUF_TRAIN_SETTINGS(SET)
    fprintf(stderr, "there is no setting %s\n", word);
    exit(1);
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

int main(int argc, char** argv)
{
    double params[MAX_PARAMS];
    PufTrainSettings settings = puf_train_defaults();
    if (argc < 4) {
        return 2;
    }
    for (int32_t i = 0; i < puf_export()->num_params && i < MAX_PARAMS; i++) {
        params[i] = puf_export()->params[i].value;
    }
    for (int i = 4; i < argc; i++) {
        set(&settings, argv[i]);
    }
    PufBatch batch = make_batch(atoi(argv[3]), params);
    PufTrainer* trainer = puf_trainer_new(&batch, params, settings, PUF_MINGRU, strtoull(argv[2], NULL, 10));
    if (!trainer) {
        fprintf(stderr, "these settings do not fit\n");
        return 1;
    }
    PufTrainReport report = { .steps = 0.0 };
    for (int i = 0; i < atoi(argv[1]); i++) {
        report = puf_trainer_iterate(trainer);
    }
    const PufPolicy* policy = puf_trainer_policy(trainer);
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < policy->size * sizeof(float); i++) {
        hash = (hash ^ ((const uint8_t*)policy->numbers)[i]) * 0x100000001b3u;
    }
    printf("%016llx steps %.0f updates %.0f skipped %.0f kl %.9g entropy %.9g\n", (unsigned long long)hash,
           report.steps, report.updates, report.skipped, report.kl, report.entropy);
    puf_trainer_free(trainer);
    return 0;
}
