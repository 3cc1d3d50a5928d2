// batch.c - checking, splitting over threads, hashing, logging: everything that is the same for all environments.
#include "batch.h"

PufLayout puf_layout(const PufSpec* spec, const double* params)
{
    PufLayout layout = spec->layout;
    if (spec->resize) {
        spec->resize(&layout, params);
    }
    return layout;
}

static int64_t bad_discrete(const PufLayout* l, const int32_t* actions, int64_t rows)
{
    if (l->num_actions == 1) { // one pass without branches, which the compiler vectorises
        uint32_t choices = (uint32_t)l->actions[0].choices;
        int32_t any = 0;
        for (int64_t i = 0; i < rows; i++) {
            any |= (uint32_t)actions[i] >= choices;
        }
        if (!any) {
            return -1;
        }
    }
    for (int64_t i = 0; i < rows * l->num_actions; i++) {
        if ((uint32_t)actions[i] >= (uint32_t)l->actions[i % l->num_actions].choices) {
            return i;
        }
    }
    return -1;
}

// x - x is 0 for finite x, and NaN for the rest.
static int64_t bad_continuous(const float* controls, int64_t count)
{
    int32_t any = 0;
    for (int64_t i = 0; i < count; i++) {
        any |= !(controls[i] - controls[i] == 0.0f);
    }
    for (int64_t i = 0; any && i < count; i++) {
        if (!(controls[i] - controls[i] == 0.0f)) {
            return i;
        }
    }
    return -1;
}

int64_t puf_bad_action(const PufBatch* b)
{
    int64_t rows = (int64_t)b->num_envs * b->layout.agents;
    return b->io.actions ? bad_discrete(&b->layout, b->io.actions, rows)
                         : bad_continuous(b->io.controls, rows * b->layout.num_actions);
}

static void clip(float* x, int64_t count, int64_t stride, float low, float high)
{
    for (int64_t i = 0; i < count; i++) {
        float at_least = x[i * stride] < low ? low : x[i * stride];
        x[i * stride] = at_least > high ? high : at_least;
    }
}

void puf_clip_controls(const PufLayout* l, float* controls, int64_t rows)
{
    if (l->num_actions == 1) { // a constant stride, which the compiler vectorises
        clip(controls, rows, 1, l->actions[0].low, l->actions[0].high);
        return;
    }
    for (int32_t a = 0; a < l->num_actions; a++) {
        clip(controls + a, rows, l->num_actions, l->actions[a].low, l->actions[a].high);
    }
}

void puf_batch_init(PufBatch* b, const double* params, uint64_t seed, uint64_t first)
{
    b->spec->init_all(&b->layout, b->states, b->num_envs, params, seed, first);
}

typedef void (*BatchLoop)(const PufLayout*, void*, int32_t, PufIo);

typedef struct Work {
    PufBatch* batch;
    BatchLoop loop;
} Work;

// One thread's share: a contiguous range of environments, so that which thread steps one changes nothing.
static void run_part(void* context, int part, int parts)
{
    Work* work = context;
    PufBatch* b = work->batch;
    int32_t begin = (int32_t)((int64_t)b->num_envs * part / parts);
    int32_t end = (int32_t)((int64_t)b->num_envs * (part + 1) / parts);
    if (begin < end) {
        uint8_t* states = (uint8_t*)b->states + (size_t)begin * b->layout.state_size;
        work->loop(&b->layout, states, end - begin, puf_row(&b->layout, b->spec->obs_dtype, b->io, begin));
    }
}

static int run(PufBatch* b, BatchLoop loop)
{
    Work work = { .batch = b, .loop = loop };
    if (b->pool) {
        return puf_pool_run(b->pool, run_part, &work);
    }
    run_part(&work, 0, 1);
    return 0;
}

int puf_batch_reset(PufBatch* b) { return run(b, b->spec->reset_all); }
int puf_batch_step(PufBatch* b) { return run(b, b->spec->step_all); }
int puf_batch_observe(PufBatch* b) { return run(b, b->spec->observe_all); }

// Multiply and fold eight bytes at a time. Not for adversaries: it is there to notice differences.
static uint64_t hash_bytes(uint64_t hash, const uint8_t* bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, size - i < 8 ? size - i : 8);
        hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 32;
    }
    return hash;
}

int32_t puf_log_size(const PufSpec* spec) { return (int32_t)(sizeof(PufLog) / sizeof(float)) + spec->num_log_names; }

uint64_t puf_batch_hash(const PufBatch* b, int32_t first, int32_t count)
{
    uint64_t hash = 0x243F6A8885A308D3u;
    size_t log_end = b->spec->log_offset + (size_t)puf_log_size(b->spec) * sizeof(float);
    for (int32_t i = first; i < first + count; i++) {
        const uint8_t* state = (const uint8_t*)b->states + (size_t)i * b->layout.state_size;
        hash = hash_bytes(hash, state, b->spec->log_offset);
        hash = hash_bytes(hash, state + log_end, b->layout.state_size - log_end);
    }
    return hash;
}

void puf_batch_log(PufBatch* b, int32_t first, int32_t count, double* sums)
{
    int32_t size = puf_log_size(b->spec);
    for (int32_t k = 0; k < size; k++) {
        sums[k] = 0.0;
    }
    for (int32_t i = first; i < first + count; i++) {
        float* log = (float*)((uint8_t*)b->states + (size_t)i * b->layout.state_size + b->spec->log_offset);
        if (log[0] == 0.0f) {
            continue; // nothing finished: the usual case, and no store
        }
        for (int32_t k = 0; k < size; k++) {
            sums[k] += (double)log[k];
            log[k] = 0.0f;
        }
    }
}
