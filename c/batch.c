// batch.c - checking, splitting over threads, hashing, logging: everything that all environments share.
#include "batch.h"

static void store(void* member, PufDtype dtype, double value)
{
    switch (dtype) {
    case PUF_U8: *(uint8_t*)member = (uint8_t)value; break;
    case PUF_I8: *(int8_t*)member = (int8_t)value; break;
    case PUF_I16: *(int16_t*)member = (int16_t)value; break;
    case PUF_I32: *(int32_t*)member = (int32_t)value; break;
    case PUF_U32: *(uint32_t*)member = (uint32_t)value; break;
    case PUF_U64: *(uint64_t*)member = (uint64_t)value; break;
    case PUF_F32: *(float*)member = (float)value; break;
    case PUF_F64: *(double*)member = value; break;
    }
}

void puf_store_settings(const PufSpec* spec, void* setup, const double* params)
{
    memset(setup, 0, puf_setup_size(spec));
    for (int32_t i = 0; i < spec->num_params; i++) {
        const PufParam* p = &spec->params[i];
        store((uint8_t*)setup + p->offset, p->dtype, p->type == PUF_BOOL ? (double)(params[i] != 0.0) : params[i]);
    }
}

PufLayout puf_layout(const PufSpec* spec, const void* setup)
{
    PufLayout layout = spec->layout;
    if (spec->resize) {
        spec->resize(&layout, setup);
    }
    return layout;
}

void puf_batch_make_assets(PufBatch* b, void* assets, const void* setup)
{
    b->spec->make_assets(&b->layout, assets, setup);
    b->io.assets = assets;
}

int32_t puf_log_size(const PufSpec* spec) { return (int32_t)(sizeof(PufLog) / sizeof(float)) + spec->num_log_names; }

int64_t puf_batch_take_actions(PufBatch* b, const void* source, int32_t first, int32_t count)
{
    const PufLayout* l = &b->layout;
    int64_t before = (int64_t)first * l->agents * l->num_actions;
    int64_t rows = (int64_t)count * l->agents;
    // To environments they are const; the batch's creator lets us write. Either kind takes four bytes.
    uintptr_t all = b->io.actions ? (uintptr_t)b->io.actions : (uintptr_t)b->io.controls;
    uint8_t* target = (uint8_t*)all + before * 4;
    int64_t bad = b->spec->take_actions(l, source, target, rows);
    if (bad >= 0) {
        return before + bad;
    }
    uint8_t* shown = b->actions ? (uint8_t*)b->actions + before * 4 : NULL;
    if (shown && (shown != source || b->io.controls)) { // continuous ones may have been clipped
        memcpy(shown, target, (size_t)(rows * l->num_actions) * 4);
    }
    return -1;
}

static uint8_t* state_of(const PufBatch* b, int32_t env)
{
    return (uint8_t*)b->states + (size_t)env * b->layout.state_size;
}

// One past the last consecutive environment from `env` on, before `end`, with the same settings. A loop may use the
// settings of its first environment for all of them.
static int32_t same_settings(const uint8_t* differs, int32_t env, int32_t end)
{
    const uint8_t* other = differs ? memchr(differs + env + 1, 1, (size_t)(end - env - 1)) : NULL;
    return other ? (int32_t)(other - differs) : end;
}

typedef void (*BatchLoop)(const PufLayout*, void*, int32_t, PufIo);

static void run_range(const PufBatch* b, BatchLoop loop, const uint8_t* differs, int32_t begin, int32_t end)
{
    for (int32_t next; begin < end; begin = next) {
        next = same_settings(differs, begin, end);
        loop(&b->layout, state_of(b, begin), next - begin, puf_row(&b->layout, b->spec->obs_dtype, b->io, begin));
    }
}

typedef struct Work {
    const PufBatch* batch;
    BatchLoop loop;
} Work;

// One thread's share: a contiguous range of environments. Which thread steps one does not affect results.
static void run_part(void* context, int part, int parts)
{
    const Work* work = context;
    const PufBatch* b = work->batch;
    int32_t begin = (int32_t)((int64_t)b->num_envs * part / parts);
    int32_t end = (int32_t)((int64_t)b->num_envs * (part + 1) / parts);
    run_range(b, work->loop, b->settings.differs, begin, end);
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

// ---- Settings of single environments. ----

static double* row_of(const PufBatch* b, double* params, int32_t env)
{
    return params + (size_t)env * (size_t)b->spec->num_params;
}

static uint8_t unequal(const PufBatch* b, const double* x, const double* y)
{
    return memcmp(x, y, (size_t)b->spec->num_params * sizeof(double)) != 0;
}

// Whether the settings of an environment, if it exists, differ from those of the one before.
static void compare_current(PufBatch* b, int32_t env)
{
    PufSettings* s = &b->settings;
    if (env > 0 && env < b->num_envs) {
        s->differs[env] = unequal(b, row_of(b, s->current, env), row_of(b, s->current, env - 1));
    }
}

static void compare_next(PufBatch* b, int32_t env)
{
    PufSettings* s = &b->settings;
    uint8_t pending = unequal(b, row_of(b, s->next, env), row_of(b, s->current, env));
    s->num_pending += pending - s->pending[env];
    s->pending[env] = pending;
}

void puf_batch_set(PufBatch* b, int32_t env, const double* params)
{
    memcpy(row_of(b, b->settings.next, env), params, (size_t)b->spec->num_params * sizeof(double));
    compare_next(b, env);
}

void puf_batch_compare_settings(PufBatch* b)
{
    for (int32_t env = 0; env < b->num_envs; env++) {
        compare_current(b, env);
        compare_next(b, env);
    }
}

// Zeroed states with these settings; environment i of them gets the generator of number `first` + i of the run.
static void init(PufBatch* b, int32_t env, int32_t n, const double* params, uint64_t seed, uint64_t first)
{
    const PufSpec* spec = b->spec;
    puf_store_settings(spec, b->scratch, params);
    if (spec->prepare) {
        spec->prepare(b->scratch);
    }
    for (int32_t i = 0; i < n; i++) {
        uint8_t* state = state_of(b, env + i);
        PufRng rng = puf_rng_seed(seed, first + (uint64_t)i);
        memset(state, 0, (size_t)b->layout.state_size);
        memcpy(state, b->scratch, (size_t)spec->struct_size);
        memcpy(state + spec->rng_offset, &rng, sizeof(rng));
    }
}

static size_t log_bytes(const PufSpec* spec) { return (size_t)puf_log_size(spec) * sizeof(float); }

// The scratch holds a setup; and behind it a log, or the rewards, terminals and truncations of one environment.
static size_t setup_room(const PufSpec* spec) { return (puf_setup_size(spec) + 7) / 8 * 8; }

static void* behind_setup(const PufBatch* b) { return (uint8_t*)b->scratch + setup_room(b->spec); }

size_t puf_scratch_size(const PufSpec* spec, const PufLayout* layout)
{
    size_t results = (size_t)layout->agents * (sizeof(float) + 2);
    return setup_room(spec) + (log_bytes(spec) > results ? log_bytes(spec) : results);
}

// Give an environment its next settings, and a generator seeded by the state that it leaves: so that what follows is a
// function of that state, whichever batch it is in. Its log stays.
static void renew(PufBatch* b, int32_t env)
{
    PufSettings* s = &b->settings;
    uint8_t* state = state_of(b, env);
    uint64_t seed = puf_batch_hash(b, env, 1);
    double* current = row_of(b, s->current, env);
    memcpy(current, row_of(b, s->next, env), (size_t)b->spec->num_params * sizeof(double));
    compare_current(b, env);
    compare_current(b, env + 1);
    compare_next(b, env);
    memcpy(behind_setup(b), state + b->spec->log_offset, log_bytes(b->spec));
    init(b, env, 1, current, seed, 0);
    memcpy(state + b->spec->log_offset, behind_setup(b), log_bytes(b->spec));
}

// Renew it and begin an episode; what its last step reported about the previous episode is kept.
static void restart(PufBatch* b, int32_t env)
{
    renew(b, env);
    PufIo row = puf_row(&b->layout, b->spec->obs_dtype, b->io, env);
    row.rewards = behind_setup(b);
    row.terminals = (uint8_t*)(row.rewards + b->layout.agents);
    row.truncations = row.terminals + b->layout.agents;
    b->spec->reset_all(&b->layout, state_of(b, env), 1, row);
}

static int all_ended(const PufBatch* b, int32_t env)
{
    PufIo row = puf_row(&b->layout, b->spec->obs_dtype, b->io, env);
    int all = 1;
    for (int32_t agent = 0; agent < b->layout.agents; agent++) {
        all &= row.terminals[agent] | row.truncations[agent];
    }
    return all;
}

// After a step: environments whose episodes ended and whose settings were changed start with the new settings.
static void restart_ended(PufBatch* b, int32_t first, int32_t count)
{
    if (b->settings.num_pending == 0) {
        return;
    }
    for (int32_t env = first; env < first + count; env++) {
        if (b->settings.pending[env] && all_ended(b, env)) {
            restart(b, env);
        }
    }
}

// ---- All together. ----

void puf_batch_init(PufBatch* b, const double* params, uint64_t seed, uint64_t first)
{
    PufSettings* s = &b->settings;
    if (s->current) {
        memcpy(s->current, s->next, (size_t)b->num_envs * (size_t)b->spec->num_params * sizeof(double));
        puf_batch_compare_settings(b);
    }
    for (int32_t env = 0, next; env < b->num_envs; env = next) {
        next = same_settings(s->differs, env, b->num_envs);
        const double* own = s->current ? row_of(b, s->current, env) : params;
        init(b, env, next - env, own, seed, first + (uint64_t)env);
    }
}

int puf_batch_reset(PufBatch* b)
{
    for (int32_t env = 0; b->settings.num_pending > 0; env++) {
        if (b->settings.pending[env]) {
            renew(b, env);
        }
    }
    return run(b, b->spec->reset_all);
}

int puf_batch_step(PufBatch* b)
{
    int result = run(b, b->spec->step_all);
    if (result == 0) {
        restart_ended(b, 0, b->num_envs);
    }
    return result;
}

int puf_batch_observe(PufBatch* b) { return run(b, b->spec->observe_all); }

// ---- In groups. ----

// Minimum rows of a part: splitting costs about a microsecond, and some environments step 64 rows side by side.
enum { MIN_ROWS = 64 };

static void step_part(void* context, int part, int parts)
{
    const PufGroup* group = context;
    int32_t begin = group->first + (int32_t)((int64_t)group->count * part / parts);
    int32_t end = group->first + (int32_t)((int64_t)group->count * (part + 1) / parts);
    run_range(group->batch, group->batch->spec->step_all, group->differs, begin, end);
}

// Enough parts to keep every thread busy, if the other groups being stepped have as many.
static int32_t parts_of(const PufBatch* b, const PufGroup* group)
{
    int32_t groups = b->under_way + 1;
    int32_t wanted = (b->most_threads + groups - 1) / groups;
    int64_t possible = (int64_t)group->count * b->layout.agents / MIN_ROWS;
    int64_t parts = possible < wanted ? possible : wanted;
    parts = parts < group->count ? parts : group->count;
    return parts > 1 ? (int32_t)parts : 1;
}

int puf_batch_send(PufBatch* b, int32_t number)
{
    PufGroup* group = &b->groups[number];
    group->differs = b->settings.differs;
    if (puf_pool_send(b->pool, number, step_part, group, parts_of(b, group)) != 0) {
        return -1;
    }
    b->under_way += 1;
    return 0;
}

int puf_batch_receive(PufBatch* b)
{
    int number = puf_pool_receive(b->pool);
    if (number >= 0) {
        b->under_way -= 1;
        restart_ended(b, b->groups[number].first, b->groups[number].count);
    }
    return number;
}

// Multiply and fold eight bytes at a time. Not for adversaries: it only detects differences.
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
