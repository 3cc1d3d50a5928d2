// batch.h - a batch of environments of one kind: what Python and the C test driver step.
#pragma once
#include "pool.h"
#include "puffer.h"

typedef struct PufBatch {
    const PufSpec* spec;
    PufLayout layout; // resolved for the settings
    void* states;     // num_envs * layout.state_size bytes, 64-byte aligned
    PufIo io;
    int32_t num_envs;
    PufPool* pool; // NULL: the caller's thread alone
} PufBatch;

// The layout of an environment under these settings.
PufLayout puf_layout(const PufSpec* spec, const double* params);

// Index of the first action that is out of range, or -1. Continuous ones must be finite.
int64_t puf_bad_action(const PufBatch* batch);
// Pull continuous actions into their bounds, in place.
void puf_clip_controls(const PufLayout* layout, float* controls, int64_t rows);

// Seed: settings and generators of all environments, the first of which is number `first` of the run.
void puf_batch_init(PufBatch* batch, const double* params, uint64_t seed, uint64_t first);
// These run on the pool. 0, or -1 if the pool belongs to the parent of a fork.
int puf_batch_reset(PufBatch* batch);
int puf_batch_step(PufBatch* batch);
int puf_batch_observe(PufBatch* batch);

// A 64-bit hash of the states of `count` environments, logs left out.
uint64_t puf_batch_hash(const PufBatch* batch, int32_t first, int32_t count);
// Add up, in order, and clear the logs of `count` environments into `sums` (as many as the spec's log has floats).
void puf_batch_log(PufBatch* batch, int32_t first, int32_t count, double* sums);
int32_t puf_log_size(const PufSpec* spec);
