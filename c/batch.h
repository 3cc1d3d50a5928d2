// batch.h - a batch of environments of one kind: what Python and the C test driver step.
#pragma once
#include "pool.h"
#include "puffer.h"

// The settings of single environments, for a batch in which some were changed. All NULL: every one has the batch's.
typedef struct PufSettings {
    double* current;     // (num_envs, num_params): of the current episode
    double* next;        // the same, of the next episode
    uint8_t* differs;    // (num_envs): 1 where `current` is not that of the environment before
    uint8_t* pending;    // (num_envs): 1 where `next` is not `current`
    int32_t num_pending; // of these
} PufSettings;

// Consecutive environments that are stepped separately, while the caller does something else.
typedef struct PufGroup {
    struct PufBatch* batch;
    int32_t first, count;
    const uint8_t* differs; // settings.differs of the batch when the step began
} PufGroup;

typedef struct PufBatch {
    const PufSpec* spec;
    PufLayout layout; // resolved for the settings
    void* states;     // num_envs * layout.state_size bytes, 64-byte aligned
    PufIo io;         // io.assets: made by puf_batch_make_assets, or NULL
    void* actions;    // where the caller sees the actions last taken; NULL: nowhere. Environments read only io.actions
                      // or io.controls, which only puf_batch_take_actions writes
    int32_t num_envs;
    void* scratch; // puf_scratch_size bytes, 8-byte aligned
    PufPool* pool; // NULL: the caller's thread alone
    PufSettings settings;
    PufGroup* groups;     // NULL: all are stepped together
    int32_t under_way;    // groups sent and not yet received
    int32_t most_threads; // that a group may be split over
} PufBatch;

// Make a setup: zero puf_setup_size bytes and store the settings in them, num_params values in the table's order.
void puf_store_settings(const PufSpec* spec, void* setup, const double* params);

// The layout of an environment under these settings.
PufLayout puf_layout(const PufSpec* spec, const void* setup);

// Fill the assets, layout.assets_size zeroed bytes that the caller keeps for as long as the batch.
void puf_batch_make_assets(PufBatch* batch, void* assets, const void* setup);

// Copy the actions of `count` environments from `source` to io.actions or io.controls, check the copy, and clip
// continuous ones to their bounds: what is stepped is what was checked, even if another thread writes to `source`.
// Index, in the batch, of the first that is out of range, NaN or infinite, or -1: then they are in batch->actions too.
int64_t puf_batch_take_actions(PufBatch* batch, const void* source, int32_t first, int32_t count);

// Seed: settings and generators of all environments, the first of which is number `first` of the run.
void puf_batch_init(PufBatch* batch, const double* params, uint64_t seed, uint64_t first);
// These run on the pool. 0, or -1 if the pool belongs to the parent of a fork.
int puf_batch_reset(PufBatch* batch);
int puf_batch_step(PufBatch* batch);
int puf_batch_observe(PufBatch* batch);

// Step one group on the pool and return immediately; and wait for the group that finished first. 0, or the
// group's number; -1 as above.
int puf_batch_send(PufBatch* batch, int32_t group);
int puf_batch_receive(PufBatch* batch);

// Change the settings of one environment, whose layout must stay: from its next episode on, if that begins with a reset
// or because all its agents ended theirs in the same step.
void puf_batch_set(PufBatch* batch, int32_t env, const double* params);
// After `current` and `next` were written from outside: update `differs` and `pending`.
void puf_batch_compare_settings(PufBatch* batch);
size_t puf_scratch_size(const PufSpec* spec, const PufLayout* layout);

// A 64-bit hash of the states of `count` environments, logs left out.
uint64_t puf_batch_hash(const PufBatch* batch, int32_t first, int32_t count);
// Add up, in order, and clear the logs of `count` environments into `sums` (as many as the spec's log has floats).
void puf_batch_log(PufBatch* batch, int32_t first, int32_t count, double* sums);
int32_t puf_log_size(const PufSpec* spec);
