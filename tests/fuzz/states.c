// states.c - steps states that somebody forged. libFuzzer's target, and without libFuzzer a program that makes its inputs.
//
//     clang -fsanitize=fuzzer,address,undefined ...     states [libFuzzer's options]
//     cc -fsanitize=address,undefined -DOWN_MAIN ...    states INPUTS SEED
//
// An input picks one of several worlds (settings, and a valid state after some steps), then changes numbers in it: fields by
// the table, and any bytes. What puf_batch_validate lets pass is stepped, with random actions. Nothing may be read or written
// outside of its place, nothing undefined may happen, and a step must end. It is linked with one environment.
#include "validate.h"
#include <stdio.h>
#include <stdlib.h>

enum { WORLDS = 12, MAX_ENVS = 65, MAX_AGENTS = 33, MAX_BYTES = 1 << 20, STEPS = 24, SMALL = 8 };

const PufSpec* puf_export(void);

typedef struct World {
    PufBatch batch;
    double params[64];
    uint8_t* valid; // the states that inputs change
    void* actions;
    int32_t* covered;
    size_t bytes; // of all states
} World;

static World worlds[WORLDS];

static void* allocate(size_t size) { return calloc(1, size ? size : 1); }

// ---- Worlds. ----

// A default, a bound, or a number between them that keeps the world small.
static double draw_setting(const PufParam* p, PufRng* rng, int plain)
{
    int whole = p->type != PUF_REAL;
    double most = p->fixed && whole && p->high > SMALL ? (p->low > SMALL ? p->low : SMALL) : p->high;
    double usual = p->value < most ? p->value : most;
    if (plain || puf_rand_below(rng, 2)) {
        return usual;
    }
    double high = most < 4 * usual + 4 ? most : 4 * usual + 4;
    double drawn = p->low + (high - p->low) * (double)puf_rand_float(rng);
    uint32_t which = puf_rand_below(rng, 4);
    drawn = which == 0 ? p->low : which == 1 ? high : drawn;
    return whole ? (double)(int64_t)drawn : drawn;
}

static void draw_actions(World* w, PufRng* rng)
{
    PufBatch* b = &w->batch;
    int32_t count = b->num_envs * b->layout.agents * b->layout.num_actions;
    for (int32_t i = 0; i < count; i++) {
        const PufAction* a = &b->layout.actions[i % b->layout.num_actions];
        if (a->choices > 0) {
            ((int32_t*)w->actions)[i] = (int32_t)puf_rand_below(rng, (uint32_t)a->choices);
        } else {
            ((float*)w->actions)[i] = puf_rand_range(rng, a->low, a->high);
        }
    }
}

static void run_steps(World* w, uint64_t seed, int32_t steps)
{
    PufRng rng = puf_rng_seed(seed, 1);
    for (int32_t t = 0; t < steps; t++) {
        draw_actions(w, &rng);
        puf_batch_take_actions(&w->batch, w->actions, 0, w->batch.num_envs);
        puf_batch_step(&w->batch);
    }
}

static int make_world(World* w, uint64_t number)
{
    const PufSpec* spec = puf_export();
    PufRng rng = puf_rng_seed(number, 0);
    for (int32_t i = 0; i < spec->num_params; i++) {
        w->params[i] = draw_setting(&spec->params[i], &rng, number == 0);
    }
    void* setup = allocate(puf_setup_size(spec));
    puf_store_settings(spec, setup, w->params);
    int possible = !spec->conflict || !spec->conflict(setup);
    possible &= puf_layout(spec, setup).agents <= MAX_AGENTS; // more are slow, and the same code
    PufBatch* b = &w->batch;
    *b = (PufBatch){ .spec = spec, .layout = puf_layout(spec, setup) };
    uint64_t state = b->layout.state_size;
    int lanes = number % 4 == 3 && b->layout.agents <= 2 && state * MAX_ENVS < MAX_BYTES / 8;
    b->num_envs = lanes ? MAX_ENVS : 2; // 65: lanes, and one more
    w->bytes = (size_t)state * (size_t)b->num_envs;
    if (!possible || w->bytes > MAX_BYTES || b->layout.assets_size > 32 * MAX_BYTES) {
        free(setup);
        return 0;
    }
    size_t rows = (size_t)b->num_envs * (size_t)b->layout.agents;
    size_t obs = rows * puf_obs_size(&b->layout) * puf_dtype_size(spec->obs_dtype);
    void* actions = allocate(rows * (size_t)b->layout.num_actions * 4);
    b->states = allocate(w->bytes);
    b->scratch = allocate(puf_scratch_size(spec, &b->layout));
    b->io = (PufIo){ .obs = allocate(obs),
                     .final_obs = allocate(obs),
                     .rewards = allocate(rows * sizeof(float)),
                     .terminals = allocate(rows),
                     .truncations = allocate(rows) };
    b->io.action_mask = b->layout.masked ? allocate(rows * puf_mask_size(&b->layout)) : NULL;
    b->io.agent_mask = b->layout.padded ? allocate(rows) : NULL;
    b->io.actions = b->layout.actions[0].choices > 0 ? actions : NULL;
    b->io.controls = b->io.actions ? NULL : actions;
    w->actions = allocate(rows * (size_t)b->layout.num_actions * 4);
    if (b->layout.assets_size) {
        puf_batch_make_assets(b, allocate(b->layout.assets_size), setup);
    }
    free(setup);
    puf_batch_init(b, w->params, number, 0);
    puf_batch_reset(b);
    run_steps(w, number, (int32_t)puf_rand_below(&rng, 200));
    w->valid = allocate(w->bytes);
    memcpy(w->valid, b->states, w->bytes);
    w->covered = allocate((size_t)state * sizeof(int32_t));
    puf_cover(spec, &b->layout, b->states, w->covered);
    return 1;
}

static void make_worlds(void)
{
    for (uint64_t made = 0, number = 0; made < WORLDS; number++) {
        made += (uint64_t)make_world(&worlds[made], number);
    }
}

// ---- An input. ----

typedef struct Reader {
    const uint8_t* at;
    size_t left;
} Reader;

static uint32_t take(Reader* r, size_t size)
{
    uint32_t value = 0;
    for (; size > 0 && r->left > 0; size--, r->at++, r->left--) {
        value = value << 8 | *r->at;
    }
    return value;
}

static const double extremes[] = { 0,   -1,    1,      2,     127,          128,           -128,
                                   255, 32767, -32768, 65535, 2147483647.0, -2147483648.0, 4294967295.0,
                                   1e9, -1e9,  0.5,    -0.5,  1e30,         -1e30 };

static double draw_value(Reader* r, const PufRange* range, double limit)
{
    uint32_t how = take(r, 1);
    double low = range->low, high = range->kind == PUF_LIMITED ? range->high + limit : range->high;
    if (how < 140 && (range->kind == PUF_FROM_TO || range->kind == PUF_LIMITED)) { // inside: what passes is what steps
        static const double shares[] = { 0, 1, 0.5 };
        uint32_t which = how % 8;
        double share = which < 3 ? shares[which] : (double)take(r, 2) / 65535.0;
        return which == 3 ? high - 1 : which == 4 ? low + 1 : low + (high - low) * share;
    }
    return how < 200 ? extremes[take(r, 1) % (sizeof(extremes) / sizeof(extremes[0]))] : (double)(int32_t)take(r, 4);
}

static void put(uint8_t* at, PufDtype dtype, double value)
{
    float single = (float)value;
    int64_t whole = value >= -9e18 && value <= 9e18 ? (int64_t)value : 0; // the low bytes of it
    if (dtype == PUF_F32) {
        memcpy(at, &single, sizeof(single));
    } else if (dtype == PUF_F64) {
        memcpy(at, &value, sizeof(value));
    } else {
        memcpy(at, &whole, puf_dtype_size(dtype));
    }
}

static int32_t int_at(const uint8_t* state, uint64_t offset)
{
    int32_t value;
    memcpy(&value, state + offset, sizeof(value));
    return value;
}

// Change one element of a field. `valid` is the state before any change: it says where tables lie.
static void change_field(const PufSpec* spec, const uint8_t* valid, uint8_t* state, Reader* r)
{
    if (spec->num_fields == 0) {
        return;
    }
    const PufField* field = &spec->fields[take(r, 1) % (uint32_t)spec->num_fields];
    if (field->place == PUF_IN_ASSETS) {
        return;
    }
    int in_block = field->place == PUF_IN_BLOCK;
    uint8_t* at = in_block ? state + int_at(valid, field->offset) : state + field->offset;
    uint32_t shape[2] = { 1, 1 };
    for (int32_t d = 0; d < field->ndim && d < 2; d++) {
        shape[d] = (uint32_t)(in_block ? int_at(valid, field->shape[d]) : (int32_t)field->shape[d]);
    }
    if (shape[0] == 0 || shape[1] == 0) {
        return;
    }
    uint32_t row = take(r, 2) % shape[0], column = take(r, 2) % shape[1];
    const PufRange* range = &field->range;
    PufDtype dtype = field->dtype;
    if (field->parts) {
        const PufField* part = &field->parts[column % (uint32_t)field->num_parts];
        uint32_t count = part->ndim ? (uint32_t)part->shape[0] : 1;
        dtype = part->dtype;
        range = &part->range;
        at += row * field->row_size + part->offset + take(r, 1) % count * puf_dtype_size(dtype);
    } else {
        uint32_t number = field->by_column ? column : row;
        range = field->ranges && number < (uint32_t)field->num_ranges ? &field->ranges[number] : range;
        at += (row * shape[1] + column) * puf_dtype_size(dtype);
    }
    put(at, dtype, draw_value(r, range, range->kind == PUF_LIMITED ? (double)int_at(valid, range->limit) : 0.0));
}

// Any bytes.
static void change_bytes(uint8_t* state, size_t size, Reader* r)
{
    size_t at = take(r, 3) % size, count = take(r, 1) % 8 + 1;
    for (size_t i = at; i < at + count && i < size; i++) {
        state[i] = (uint8_t)take(r, 1);
    }
}

// 1 if the state was let pass.
static int try_input(const uint8_t* data, size_t size)
{
    Reader r = { data, size };
    World* w = &worlds[take(&r, 1) % WORLDS];
    PufBatch* b = &w->batch;
    PufFault fault;
    memcpy(b->states, w->valid, w->bytes);
    uint64_t seed = take(&r, 2);
    while (r.left > 0) {
        uint32_t how = take(&r, 1), env = take(&r, 1) % (uint32_t)b->num_envs;
        uint8_t* state = (uint8_t*)b->states + (size_t)env * b->layout.state_size;
        if (how < 230) {
            change_field(b->spec, w->valid + (size_t)env * b->layout.state_size, state, &r);
        } else {
            change_bytes(state, (size_t)b->layout.state_size, &r);
        }
    }
    if (puf_batch_validate(b, b->states, b->num_envs, w->params, 0, &fault) != 0) {
        return 0;
    }
    puf_batch_observe(b);
    run_steps(w, seed, STEPS);
    return 1;
}

// Not with the first input, whose time is limited: the worlds may take half a minute on a busy machine.
int LLVMFuzzerInitialize(int* argc, char*** argv);
int LLVMFuzzerInitialize(int* argc, char*** argv)
{
    (void)argc, (void)argv;
    make_worlds();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size)
{
    (void)try_input(data, size);
    return 0;
}

#ifdef OWN_MAIN
int main(int argc, char** argv)
{
    int64_t inputs = argc > 1 ? atoll(argv[1]) : 1000, passed = 0;
    PufRng rng = puf_rng_seed(argc > 2 ? (uint64_t)atoll(argv[2]) : 0, 7);
    make_worlds();
    for (int64_t i = 0; i < inputs; i++) {
        uint8_t data[96];
        size_t size = 3 + puf_rand_below(&rng, 60);
        for (size_t k = 0; k < size; k++) {
            data[k] = (uint8_t)puf_rand_below(&rng, 256);
        }
        passed += try_input(data, size);
    }
    printf("%s: %lld inputs, %lld passed\n", puf_export()->name, (long long)inputs, (long long)passed);
    return 0;
}
#endif
