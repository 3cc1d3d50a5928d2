// learn_test.c - plays and learns with networks of every kind, in memory that is exactly as large as it has to be.
//
//     learn_test [THREADS]
//
// Prints a hash of all results: no sanitizer, compiler or number of threads may change it. Memory is filled with NaN
// before it is used, so that a number read before it was written would show in the results.
#include "learn/learner.h"
#include "puffer_rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Case {
    PufCell cell;
    PufHead head;
    PufNumber number;
    int32_t inputs, hidden, layers, actions;
    int32_t choices[3];
    int32_t horizon, rows;
    int masked, deserted;
} Case;

static const Case cases[] = {
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_F32, 1, 16, 1, 1, { 1 }, 1, 1, 0, 0 },
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_F32, 118, 32, 4, 1, { 3 }, 32, 37, 0, 0 },
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_U8, 7, 48, 2, 3, { 5, 1, 19 }, 13, 67, 1, 1 },
    { PUF_MINGRU, PUF_GAUSSIAN, PUF_NUMBER_I8, 3, 112, 3, 5, { 0 }, 67, 19, 0, 1 },
    { PUF_LSTM, PUF_CATEGORICAL, PUF_NUMBER_I32, 5, 16, 1, 2, { 16, 15 }, 3, 129, 1, 0 },
    { PUF_LSTM, PUF_CATEGORICAL, PUF_NUMBER_F32, 31, 128, 2, 1, { 2 }, 70, 18, 0, 1 },
    { PUF_LSTM, PUF_GAUSSIAN, PUF_NUMBER_F32, 130, 64, 4, 1, { 0 }, 17, 33, 0, 0 },
};

// All that one case has allocated.
typedef struct Memory {
    void* parts[64];
    int count;
} Memory;

static PufRng rng;
static uint64_t hash = 0xcbf29ce484222325u; // FNV-1a

static void add_to_hash(const void* from, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        hash = (hash ^ ((const uint8_t*)from)[i]) * 0x100000001b3u;
    }
}

static void fail(const char* what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static void* allocate(Memory* memory, size_t bytes)
{
    void* part = malloc(bytes);
    if (!part || memory->count == 64) {
        fail("out of memory");
    }
    memory->parts[memory->count++] = part;
    memset(part, 0xff, bytes);
    return part;
}

static float* floats(Memory* memory, size_t count) { return allocate(memory, count * sizeof(float)); }

static float* random_floats(Memory* memory, size_t count, float size)
{
    float* x = floats(memory, count);
    for (size_t i = 0; i < count; i++) {
        x[i] = puf_rand_range(&rng, -size, size);
    }
    return x;
}

// Bytes that are 1 with this probability, else 0.
static uint8_t* random_flags(Memory* memory, size_t count, float probability)
{
    uint8_t* x = allocate(memory, count);
    for (size_t i = 0; i < count; i++) {
        x[i] = puf_rand_float(&rng) < probability;
    }
    return x;
}

static void must_be_finite(const float* x, size_t count, const char* what)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(x[i])) {
            fail(what);
        }
    }
    add_to_hash(x, count * sizeof(float));
}

static size_t number_size(PufNumber number) { return number == PUF_NUMBER_U8 || number == PUF_NUMBER_I8 ? 1 : 4; }

static void* random_observations(Memory* memory, const Case* c, size_t count)
{
    if (c->number == PUF_NUMBER_F32) {
        return random_floats(memory, count, 1.0f);
    }
    if (number_size(c->number) == 1) {
        return random_flags(memory, count, 0.3f);
    }
    int32_t* x = allocate(memory, count * sizeof(int32_t));
    for (size_t i = 0; i < count; i++) {
        x[i] = (int32_t)puf_rand_below(&rng, 9) - 4;
    }
    return x;
}

typedef struct Play {
    PufRollout rollout;
    PufTrace trace;
    void *observations, *actions;
    float *log_probs, *rewards, *state, *last_value, *final_values, *advantages;
    uint8_t *masks, *present, *ends;
    size_t samples, more; // of all steps, and with what lies behind the last
} Play;

static Play allocate_play(Memory* memory, const Case* c, const PufNetwork* net, const PufWeights* l)
{
    Play p = { .samples = (size_t)c->horizon * (size_t)c->rows, .more = (size_t)(c->horizon + 1) * (size_t)c->rows };
    const size_t samples = p.samples, more = p.more, state = (size_t)c->layers * (size_t)c->rows * (size_t)l->state;
    p.observations = random_observations(memory, c, more * (size_t)c->inputs);
    p.actions = allocate(memory, samples * (size_t)c->actions * (c->head == PUF_GAUSSIAN ? 4 : 8));
    p.masks = c->masked ? random_flags(memory, more * (size_t)net->outputs, 0.6f) : NULL;
    p.present = c->deserted ? random_flags(memory, more, 0.8f) : NULL;
    p.ends = allocate(memory, samples);
    p.log_probs = floats(memory, samples);
    p.rewards = floats(memory, samples);
    p.advantages = floats(memory, samples);
    p.last_value = floats(memory, (size_t)c->rows);
    p.final_values = random_floats(memory, samples, 1.0f);
    p.state = random_floats(memory, state, 0.5f);
    float* first_state = floats(memory, state);
    memcpy(first_state, p.state, state * sizeof(float));
    float* scale = random_floats(memory, (size_t)c->actions, 0.5f);
    for (int32_t d = 0; d < c->actions; d++) {
        scale[d] += 1.0f;
    }
    for (size_t i = 0; p.masks && i < more; i++) { // one choice at least of each action
        for (int32_t d = 0, first = 0; d < c->actions; first += c->choices[d++]) {
            p.masks[i * (size_t)net->outputs + (size_t)first + puf_rand_below(&rng, (uint32_t)c->choices[d])] = 1;
        }
    }
    p.rollout = (PufRollout){ .horizon = c->horizon,
                              .rows = c->rows,
                              .observations = p.observations,
                              .actions = p.actions,
                              .masks = p.masks,
                              .present = p.present,
                              .ends = p.ends,
                              .state = first_state,
                              .log_probs = p.log_probs,
                              .advantages = p.advantages,
                              .scale = scale,
                              .values = floats(memory, samples),
                              .ratios = floats(memory, samples),
                              .fresh = floats(memory, 2 * samples) };
    p.trace = (PufTrace){ .horizon = c->horizon,
                          .rows = c->rows,
                          .rewards = p.rewards,
                          .values = p.rollout.values,
                          .last_value = p.last_value,
                          .final_values = p.final_values,
                          .ends = p.ends,
                          .reward_scale = 0.7f,
                          .reward_clip = 1.0f,
                          .gamma = 0.98f,
                          .lambda = 0.95f,
                          .rho_clip = 0.9f,
                          .trace_clip = 0.8f,
                          .advantages = p.advantages };
    return p;
}

// Acts for rows `first` to `last` - 1 at step t; behind the last step, only values are wanted.
static void act(const PufLearner* learner, const Play* p, int32_t t, int32_t first, int32_t last, float* scratch)
{
    const PufNetwork* net = &learner->net;
    const PufRollout* r = &p->rollout;
    const size_t at = (size_t)t * (size_t)r->rows + (size_t)first, state = (size_t)puf_network_layout(net).state;
    const int playing = t < r->horizon;
    const size_t action = net->head == PUF_GAUSSIAN ? 4 : 8;
    PufAct a = { .rows = last - first,
                 .state = p->state + (size_t)first * state,
                 .layer_stride = (ptrdiff_t)((size_t)r->rows * state),
                 .key = 77 + (uint64_t)t,
                 .first_row = first,
                 .scale = r->scale,
                 .values = playing ? r->values + at : p->last_value + first };
    a.observations = (const uint8_t*)p->observations + at * (size_t)net->inputs * number_size(net->number);
    if (playing) {
        a.masks = p->masks ? p->masks + at * (size_t)net->outputs : NULL;
        a.chosen = (uint8_t*)p->actions + at * (size_t)net->actions * action;
        a.log_probs = p->log_probs + at;
    }
    if (learner->kernels->act(net, learner->weights, &a, scratch) != -1) {
        fail("act: something is not finite");
    }
}

// What an environment might have brought is stored, and those whose episode ended forget.
static void step(const PufLearner* learner, const Play* p, int32_t t)
{
    Memory memory = { .count = 0 };
    const PufNetwork* net = &learner->net;
    const PufRollout* r = &p->rollout;
    const size_t rows = (size_t)r->rows, at = (size_t)t * rows, state = (size_t)puf_network_layout(net).state;
    const size_t bytes = (size_t)net->inputs * number_size(net->number);
    PufStep s = { .rows = r->rows,
                  .layers = net->layers,
                  .state_size = (int32_t)state,
                  .observation_size = net->inputs,
                  .floats = net->number == PUF_NUMBER_F32,
                  .observation_bytes = bytes,
                  .rewards = random_floats(&memory, rows, 2.0f),
                  .terminals = random_flags(&memory, rows, 0.1f),
                  .truncations = random_flags(&memory, rows, 0.1f),
                  .to_rewards = p->rewards + at,
                  .to_ends = p->ends + at,
                  .state = p->state,
                  .layer_stride = (ptrdiff_t)(rows * state) };
    uint8_t *observations = allocate(&memory, rows * bytes), *to = (uint8_t*)p->observations + (at + rows) * bytes;
    memcpy(observations, to, rows * bytes);
    memset(to, 0xff, rows * bytes);
    s.observations = observations;
    s.to_observations = to;
    if (p->present) {
        s.present_before = p->present + at;
        s.present = p->present + at + rows;
    }
    if (learner->kernels->store(&s) & (PUF_BAD_OBSERVATIONS | PUF_BAD_REWARDS)) {
        fail("store: something is not finite");
    }
    learner->kernels->wipe(&s);
    while (memory.count) {
        free(memory.parts[--memory.count]);
    }
}

static void gradient(PufLearner* learner, const Play* p, const int64_t* sequences, const float* importance,
                     PufParameters* to, int32_t refresh)
{
    PufLoss loss = {
        .clip = 0.2f, .value_clip = 0.3f, .value_coefficient = 2.0f, .entropy_coefficient = 0.01f, .refresh = refresh
    };
    double figures[PUF_FIGURES];
    const double length =
        puf_learner_gradient(learner, &p->rollout, &loss, 1, sequences, importance, p->rollout.rows, to, figures);
    if (!isfinite(length)) {
        fail("gradient: something is not finite");
    }
    add_to_hash(&length, sizeof length);
    add_to_hash(figures, sizeof figures);
}

static void run_case(const Case* c, PufPool* pool, int threads)
{
    Memory memory = { .count = 0 };
    int32_t* choices = allocate(&memory, 3 * sizeof(int32_t));
    memcpy(choices, c->choices, 3 * sizeof(int32_t));
    PufLearner learner = { .kernels = puf_kernels(0), .pool = pool, .threads = threads };
    PufNetwork* net = &learner.net;
    *net = (PufNetwork){ .cell = c->cell,
                         .head = c->head,
                         .number = c->number,
                         .inputs = c->inputs,
                         .hidden = c->hidden,
                         .layers = c->layers,
                         .actions = c->actions,
                         .outputs = c->actions };
    if (c->head == PUF_CATEGORICAL) {
        net->outputs = choices[0] + choices[1] + choices[2];
        net->choices = choices;
    }
    const PufWeights l = puf_network_layout(net);
    learner.tile_rows = puf_tile_rows(net, c->horizon);
    learner.scratch_size = learner.kernels->scratch(net, c->horizon, learner.tile_rows);
    learner.weights = floats(&memory, l.size);
    learner.scratch = floats(&memory, (size_t)threads * learner.scratch_size);
    learner.gradients = floats(&memory, PUF_GROUPS * l.size);
    learner.input_scale = random_floats(&memory, (size_t)c->inputs, 1.0f);

    const size_t core = (size_t)l.gates * (size_t)l.fan_in;
    const size_t sizes[] = { (size_t)c->hidden * (size_t)c->inputs, (size_t)c->layers * core,
                             (size_t)(net->outputs + 1) * (size_t)c->hidden, (size_t)c->actions };
    float *own[4], *found[4], *average[4];
    for (int i = 0; i < 4; i++) {
        own[i] = random_floats(&memory, sizes[i], i == 1 ? 0.2f : 0.5f);
        found[i] = floats(&memory, sizes[i]);
        average[i] = random_floats(&memory, sizes[i], 0.1f);
    }
    PufParameters parameters = { own[0], own[1], own[2], own[3] },
                  gradients = { found[0], found[1], found[2], found[3] };
    learner.kernels->pack(net, &parameters, learner.input_scale, learner.weights);

    // a rollout, in two parts with a border in an odd place
    const Play p = allocate_play(&memory, c, net, &l);
    float* scratch = floats(&memory, learner.kernels->scratch(net, 1, PUF_ACT_ROWS));
    const int32_t border = c->rows * 2 / 3;
    for (int32_t t = 0; t <= c->horizon; t++) {
        act(&learner, &p, t, border, c->rows, scratch);
        if (border) {
            act(&learner, &p, t, 0, border, scratch);
        }
        if (t < c->horizon) {
            step(&learner, &p, t);
        }
    }
    must_be_finite(p.log_probs, p.samples, "a log-probability is not finite");
    must_be_finite(p.rollout.values, p.samples, "a value is not finite");
    add_to_hash(p.actions, p.samples * (size_t)c->actions * (c->head == PUF_GAUSSIAN ? 4 : 8));
    PufTrace trace = p.trace;
    learner.kernels->advantages(&trace);
    must_be_finite(p.advantages, p.samples, "an advantage is not finite");

    // a gradient of every sequence once, and one where some are chosen several times
    int64_t* sequences = allocate(&memory, (size_t)c->rows * sizeof(int64_t));
    float* importance = random_floats(&memory, (size_t)c->rows, 0.5f);
    for (int32_t i = 0; i < c->rows; i++) {
        sequences[i] = c->rows - 1 - i;
        importance[i] += 1.0f;
    }
    gradient(&learner, &p, sequences, importance, &gradients, 1);
    for (size_t i = 0; i < p.samples; i++) {
        if (p.rollout.ratios[i] != 1.0f) {
            fail("the same weights give other probabilities");
        }
    }
    for (int32_t i = 0; i < c->rows; i++) {
        sequences[i] = (int64_t)puf_rand_below(&rng, (uint32_t)(c->rows + 2) / 3);
    }
    for (size_t i = 0; i < p.samples; i++) {
        p.log_probs[i] += puf_rand_range(&rng, -0.4f, 0.4f);
    }
    trace.ratios = p.rollout.ratios;
    learner.kernels->advantages(&trace);
    must_be_finite(p.advantages, p.samples, "a clipped advantage is not finite");
    gradient(&learner, &p, sequences, importance, &gradients, 1);
    must_be_finite(p.rollout.ratios, p.samples, "a ratio is not finite");
    must_be_finite(p.rollout.values, p.samples, "a new value is not finite");

    // a step of the optimizer
    const int32_t rows[] = { c->hidden, l.gates, net->outputs + 1 }, columns[] = { c->inputs, l.fan_in, c->hidden };
    PufMuon muon[16];
    int32_t count = 0;
    for (int i = 0; i < 3; i++) {
        must_be_finite(found[i], sizes[i], "a gradient is not finite");
        for (int32_t layer = 0; layer < (i == 1 ? c->layers : 1); layer++) {
            const size_t at = (size_t)layer * core;
            muon[count++] = (PufMuon){ .rows = rows[i],
                                       .columns = columns[i],
                                       .learning_rate = 0.01f,
                                       .momentum = 0.9f,
                                       .gradient_scale = 0.5f,
                                       .gradient = found[i] + at,
                                       .parameter = own[i] + at,
                                       .average = average[i] + at,
                                       .scratch = floats(&memory, puf_muon_scratch(rows[i], columns[i])) };
        }
    }
    puf_muon_all(pool, learner.kernels, muon, count);
    for (int i = 0; i < 3; i++) {
        must_be_finite(own[i], sizes[i], "a parameter is not finite");
    }
    while (memory.count) {
        free(memory.parts[--memory.count]);
    }
}

int main(int argc, char** argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    PufPool* pool = threads > 1 ? puf_pool_create(threads, 0) : NULL;
    if (threads > 1 && !pool) {
        fail("no threads");
    }
    rng = puf_rng_seed(2026, 4);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run_case(&cases[i], pool, threads);
        fprintf(stderr, "%zu: %016llx\n", i, (unsigned long long)hash);
    }
    if (pool) {
        puf_pool_destroy(pool);
    }
    printf("%016llx\n", (unsigned long long)hash);
    return 0;
}
