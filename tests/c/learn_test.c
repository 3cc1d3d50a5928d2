// learn_test.c - plays and learns with networks of every kind, in memory that is exactly as large as it has to be.
//
//     learn_test [THREADS [CASE]]
//
// Prints a hash of the results of each group of cases: no sanitizer, compiler or number of threads may change it. Memory is filled with NaN
// before it is used, so that a number read before it was written would show in the results. CASE is one of the first group, counted from 0.
#include "learn/learner.h"
#include "learn/planes.h"
#include "puffer_rng.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 8 };

typedef struct Case {
    PufCell cell;
    PufHead head;
    PufNumber number;
    int32_t inputs, hidden, layers, actions;
    int32_t choices[3];
    int32_t horizon, rows;
    int masked, deserted;
    int32_t bins, encoded;
    int32_t planes; // which of the rows of bytes below is seen, counted from 1
} Case;

static const Case cases[] = {
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_F32, 1, 16, 1, 1, { 1 }, 1, 1, 0, 0, 0, 0, 0 },
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_F32, 118, 32, 4, 1, { 3 }, 32, 37, 0, 0, 0, 0, 0 },
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_U8, 7, 48, 2, 3, { 5, 1, 19 }, 13, 67, 1, 1, 0, 0, 0 },
    { PUF_MINGRU, PUF_GAUSSIAN, PUF_NUMBER_I8, 3, 112, 3, 5, { 0 }, 67, 19, 0, 1, 0, 0, 0 },
    { PUF_LSTM, PUF_CATEGORICAL, PUF_NUMBER_I32, 5, 16, 1, 2, { 16, 15 }, 3, 129, 1, 0, 0, 0, 0 },
    { PUF_LSTM, PUF_CATEGORICAL, PUF_NUMBER_F32, 31, 128, 2, 1, { 2 }, 70, 18, 0, 1, 0, 0, 0 },
    { PUF_LSTM, PUF_GAUSSIAN, PUF_NUMBER_F32, 130, 64, 4, 1, { 0 }, 17, 33, 0, 0, 0, 0, 0 },
};

// Kinds that came later: their results have a hash of their own.
static const Case later_cases[] = {
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_U8, 7, 32, 2, 2, { 4, 3 }, 9, 37, 1, 1, 63, 0, 0 },
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_F32, 48, 48, 3, 1, { 5 }, 20, 41, 0, 1, 0, 1, 0 },
    { PUF_LSTM, PUF_GAUSSIAN, PUF_NUMBER_F32, 16, 16, 1, 3, { 0 }, 5, 67, 0, 0, 33, 1, 0 },
};

// Arrays that go through convolutions, in rows of bytes in which amounts may lie before them.
static const Case plane_cases[] = {
    { PUF_MINGRU, PUF_CATEGORICAL, PUF_NUMBER_U8, 3, 32, 2, 1, { 5 }, 9, 37, 0, 1, 0, 0, 1 },
    { PUF_LSTM, PUF_GAUSSIAN, PUF_NUMBER_U8, 0, 16, 1, 2, { 0 }, 5, 67, 0, 0, 0, 0, 2 },
};

static const PufPart amounts = { .number = PUF_NUMBER_U8, .at = 1, .count = 3 };

// Numbers are 0 or 1. clang-format off
static const PufFront fronts[2][2] = {
    { { .kind = PUF_IMAGE,
        .number = PUF_NUMBER_U8,
        .at = 4,
        .height = 17,
        .width = 14,
        .channels = 3,
        .channels_first = 1,
        .scale = 0.7f,
        .num_convolutions = 2,
        .convolutions = { { 16, 5, 3, 0 }, { 32, 3, 1, 1 } } },
      { .kind = PUF_GRID,
        .number = PUF_NUMBER_I8,
        .at = 719,
        .height = 7,
        .width = 6,
        .channels = 2,
        .low = -1,
        .values = 4,
        .scale = 2.0f,
        .num_convolutions = 3,
        .convolutions = { { 48, 3, 1, 1 }, { 16, 3, 2, 1 }, { 16, 1, 1, 0 } } } },
    { { .kind = PUF_IMAGE,
        .number = PUF_NUMBER_U8,
        .at = 0,
        .height = 9,
        .width = 12,
        .channels = 2,
        .scale = 0.5f,
        .num_convolutions = 1,
        .convolutions = { { 16, 4, 2, 0 } } },
      { .kind = PUF_EMBEDDING,
        .number = PUF_NUMBER_U8,
        .at = 217,
        .height = 5,
        .width = 7,
        .channels = 3,
        .low = -2,
        .values = 9,
        .size = 5,
        .scale = 1.0f,
        .num_convolutions = 2,
        .convolutions = { { 16, 3, 1, 1 }, { 32, 3, 2, 1 } } } },
}; // clang-format on
static const int32_t row_bytes[2] = { 804, 323 };

// All that one case has allocated.
typedef struct Memory {
    void* parts[64];
    int count;
} Memory;

static PufRng rng;
static uint64_t hash;

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

static void free_all(Memory* memory)
{
    while (memory->count) {
        free(memory->parts[--memory->count]);
    }
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

// Bytes of an observation.
static size_t observation_size(const PufNetwork* net)
{
    return net->parts ? (size_t)net->row_bytes : (size_t)net->inputs * number_size(net->number);
}

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
    p.observations = random_observations(memory, c, more * (net->parts ? (size_t)net->row_bytes : (size_t)c->inputs));
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
                              .fresh = floats(memory, 2 * samples),
                              .by_observations = net->encoded ? floats(memory, samples * (size_t)c->inputs) : NULL };
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
    a.observations = (const uint8_t*)p->observations + at * observation_size(net);
    if (playing) {
        a.masks = p->masks ? p->masks + at * (size_t)net->outputs : NULL;
        a.chosen = (uint8_t*)p->actions + at * (size_t)net->actions * action;
        a.log_probs = p->log_probs + at;
    }
    if (learner->kernels->act(net, learner->weights, &a, scratch) != -1) {
        fail("act: something is not finite");
    }
}

// What one step of an environment brings, and who plays it: each thread some of the rows.
typedef struct Move {
    const PufLearner* learner;
    const Play* play;
    int32_t t;
    const void* observations;
    const float* rewards;
    const uint8_t *terminals, *truncations;
    float* const* scratch; // of every part
} Move;

static void store(const Move* m, int32_t first, int32_t last)
{
    const PufNetwork* net = &m->learner->net;
    const Play* p = m->play;
    const size_t rows = (size_t)p->rollout.rows, at = (size_t)m->t * rows + (size_t)first;
    const size_t state = (size_t)puf_network_layout(net).state, bytes = observation_size(net);
    PufStep s = { .rows = last - first,
                  .layers = net->layers,
                  .state_size = (int32_t)state,
                  .observation_size = net->inputs,
                  .floats = net->number == PUF_NUMBER_F32,
                  .parts = net->parts,
                  .num_parts = net->num_parts,
                  .fronts = net->fronts,
                  .num_fronts = net->num_fronts,
                  .observation_bytes = bytes,
                  .observations = (const uint8_t*)m->observations + (size_t)first * bytes,
                  .rewards = m->rewards + first,
                  .terminals = m->terminals + first,
                  .truncations = m->truncations + first,
                  .to_observations = (uint8_t*)p->observations + (at + rows) * bytes,
                  .to_rewards = p->rewards + at,
                  .to_ends = p->ends + at,
                  .state = p->state + (size_t)first * state,
                  .layer_stride = (ptrdiff_t)(rows * state) };
    if (p->present) {
        s.present_before = p->present + at;
        s.present = p->present + at + rows;
    }
    if (m->learner->kernels->store(&s) & (PUF_BAD_OBSERVATIONS | PUF_BAD_REWARDS)) {
        fail("store: something is not finite");
    }
    m->learner->kernels->reset_state(&s);
}

static void play_part(void* context, int part, int parts)
{
    const Move* m = context;
    const int32_t rows = m->play->rollout.rows, first = rows * part / parts, last = rows * (part + 1) / parts;
    if (first < last) {
        act(m->learner, m->play, m->t, first, last, m->scratch[part]);
        if (m->t < m->play->rollout.horizon) {
            store(m, first, last);
        }
    }
}

// One step, or behind the last one just what is seen is valued. Observations wait where they will be stored.
static void play(const PufLearner* learner, const Play* p, int32_t t, float* const* scratch)
{
    Memory memory = { .count = 0 };
    const size_t rows = (size_t)p->rollout.rows;
    const size_t bytes = rows * observation_size(&learner->net);
    Move move = { learner,
                  p,
                  t,
                  NULL,
                  random_floats(&memory, rows, 2.0f),
                  random_flags(&memory, rows, 0.1f),
                  random_flags(&memory, rows, 0.1f),
                  scratch };
    if (t < p->rollout.horizon) {
        void *seen = allocate(&memory, bytes), *to = (uint8_t*)p->observations + ((size_t)t + 1) * bytes;
        memcpy(seen, to, bytes);
        memset(to, 0xff, bytes);
        move.observations = seen;
    }
    if (learner->pool) {
        puf_pool_run(learner->pool, play_part, &move);
    } else {
        play_part(&move, 1, 2); // in any order
        play_part(&move, 0, 2);
    }
    free_all(&memory);
}

enum { WEIGHTS = 4 + 2 * (1 + PUF_MAX_CONVOLUTIONS) };

// Everything that is learned, and what an optimizer remembers of it: encoder, core, head, spreads and fronts.
typedef struct Weights {
    float *own[WEIGHTS], *gradient[WEIGHTS], *average[WEIGHTS];
    size_t sizes[WEIGHTS], layer; // numbers in each, and in one layer of the core
} Weights;

static PufParameters parameters(float* const* of)
{
    PufParameters p = { .encoder = of[0], .core = of[1], .head = of[2], .log_std = of[3] };
    for (int i = 4; i < WEIGHTS; i++) {
        p.fronts[(i - 4) / (1 + PUF_MAX_CONVOLUTIONS)][(i - 4) % (1 + PUF_MAX_CONVOLUTIONS)] = of[i];
    }
    return p;
}

static PufLearner make_learner(Memory* memory, const Case* c, PufPool* pool, int threads)
{
    PufLearner learner = { .kernels = puf_kernels(PUF_ISA_BASELINE), .pool = pool, .threads = threads };
    learner.net = (PufNetwork){ .cell = c->cell, .head = c->head, .number = c->number, .inputs = c->inputs };
    learner.net.bins = c->bins;
    learner.net.encoded = c->encoded;
    PufNetwork* net = &learner.net;
    net->hidden = c->hidden;
    net->layers = c->layers;
    net->actions = net->outputs = c->actions;
    if (c->head == PUF_CATEGORICAL) {
        int32_t* choices = allocate(memory, (size_t)c->actions * sizeof(int32_t));
        memcpy(choices, c->choices, (size_t)c->actions * sizeof(int32_t));
        net->outputs = c->choices[0] + c->choices[1] + c->choices[2];
        net->choices = choices;
    }
    if (c->planes) {
        net->parts = &amounts;
        net->num_parts = c->inputs ? 1 : 0;
        net->amounts = c->inputs;
        net->row_bytes = row_bytes[c->planes - 1];
        net->fronts = fronts[c->planes - 1];
        net->num_fronts = 2;
        for (int f = 0; f < 2; f++) {
            net->features += front_layout(&net->fronts[f], 0, 0).features;
        }
    }
    const PufWeights layout = puf_network_layout(net);
    learner.tile_rows = puf_tile_rows(net, c->horizon);
    learner.scratch_size = learner.kernels->scratch(net, c->horizon, learner.tile_rows);
    learner.weights = floats(memory, layout.size);
    learner.scratch = floats(memory, (size_t)threads * learner.scratch_size);
    learner.gradients = floats(memory, (size_t)layout.groups * layout.gradient);
    learner.input_scale = random_floats(memory, (size_t)c->inputs, 1.0f);
    return learner;
}

static Weights random_weights(Memory* memory, const PufNetwork* net)
{
    const PufWeights l = puf_network_layout(net);
    const size_t hidden = (size_t)net->hidden, core = (size_t)l.gates * (size_t)l.fan_in;
    const size_t inputs = (size_t)(net->inputs + net->features);
    Weights w = { .sizes = { net->encoded ? 0 : hidden * inputs, (size_t)net->layers * core, (size_t)l.rows * hidden,
                             (size_t)net->actions },
                  .layer = core };
    for (int f = 0; f < net->num_fronts; f++) {
        const Front front = front_layout(&net->fronts[f], 0, 0);
        size_t* sizes = &w.sizes[4 + f * (1 + PUF_MAX_CONVOLUTIONS)];
        sizes[0] = embedding_size(&net->fronts[f]);
        for (int i = 0; i < front.num_layers; i++) {
            sizes[1 + i] = (size_t)front.layers[i].depth * (size_t)front.layers[i].channels;
        }
    }
    for (int i = 0; i < WEIGHTS; i++) {
        if (i >= 4 && !w.sizes[i]) {
            continue;
        }
        w.own[i] = random_floats(memory, w.sizes[i], i == 1 ? 0.2f : 0.5f);
        w.gradient[i] = floats(memory, w.sizes[i]);
        w.average[i] = random_floats(memory, w.sizes[i], 0.1f);
    }
    return w;
}

static void collect(Memory* memory, const PufLearner* learner, const Play* p)
{
    const PufNetwork* net = &learner->net;
    float* scratch[MAX_THREADS];
    for (int part = 0; part < MAX_THREADS; part++) {
        scratch[part] = floats(memory, learner->kernels->scratch(net, 1, PUF_ACT_ROWS));
    }
    for (int32_t t = 0; t <= p->rollout.horizon; t++) {
        play(learner, p, t, scratch);
    }
    must_be_finite(p->log_probs, p->samples, "a log-probability is not finite");
    must_be_finite(p->rollout.values, p->samples, "a value is not finite");
    add_to_hash(p->actions, p->samples * (size_t)net->actions * (net->head == PUF_GAUSSIAN ? 4 : 8));
}

static void estimate_advantages(const PufLearner* learner, const Play* p, const float* ratios)
{
    PufTrace trace = p->trace;
    trace.ratios = ratios;
    learner->kernels->advantages(&trace);
    must_be_finite(p->advantages, p->samples, "an advantage is not finite");
}

static void find_gradient(PufLearner* learner, const Play* p, const int64_t* sequences, const float* importance,
                          const Weights* w)
{
    PufLoss loss = { .clip = 0.2f, .value_clip = 0.3f, .value_coefficient = 2.0f, .entropy_coefficient = 0.01f };
    loss.refresh = 1;
    PufParameters to = parameters(w->gradient);
    double figures[PUF_FIGURES];
    const double length =
        puf_learner_gradient(learner, &p->rollout, &loss, 1, sequences, importance, p->rollout.rows, &to, figures);
    if (!isfinite(length)) {
        fail("gradient: something is not finite");
    }
    add_to_hash(&length, sizeof length);
    add_to_hash(figures, sizeof figures);
    must_be_finite(p->rollout.ratios, p->samples, "a ratio is not finite");
    must_be_finite(p->rollout.values, p->samples, "a new value is not finite");
    for (int i = 0; i < (learner->net.head == PUF_GAUSSIAN ? 4 : 3); i++) {
        must_be_finite(w->gradient[i], w->sizes[i], "a gradient is not finite");
    }
    for (int i = 4; i < WEIGHTS; i++) {
        must_be_finite(w->gradient[i], w->sizes[i], "a gradient of a front is not finite");
    }
    if (learner->net.encoded) {
        must_be_finite(p->rollout.by_observations, p->samples * (size_t)learner->net.inputs,
                       "a gradient is not finite");
    }
}

// A gradient of every sequence once, and then one where some are chosen several times and the policy has moved.
static void learn(Memory* memory, PufLearner* learner, const Play* p, const Weights* w)
{
    const int32_t rows = p->rollout.rows;
    int64_t* sequences = allocate(memory, (size_t)rows * sizeof(int64_t));
    float* importance = random_floats(memory, (size_t)rows, 0.5f);
    for (int32_t i = 0; i < rows; i++) {
        sequences[i] = rows - 1 - i;
        importance[i] += 1.0f;
    }
    find_gradient(learner, p, sequences, importance, w);
    for (size_t i = 0; i < p->samples; i++) {
        if (p->rollout.ratios[i] != 1.0f) {
            fail("the same weights give other probabilities");
        }
        p->log_probs[i] += puf_rand_range(&rng, -0.4f, 0.4f);
    }
    for (int32_t i = 0; i < rows; i++) {
        sequences[i] = learner->net.encoded ? i : (int64_t)puf_rand_below(&rng, (uint32_t)(rows + 2) / 3);
    }
    estimate_advantages(learner, p, p->rollout.ratios);
    find_gradient(learner, p, sequences, importance, w);
}

static void optimize(Memory* memory, const PufLearner* learner, const Weights* w)
{
    const PufNetwork* net = &learner->net;
    const PufWeights l = puf_network_layout(net);
    const int32_t rows[] = { net->hidden, l.gates, l.rows };
    const int32_t columns[] = { net->inputs + net->features, l.fan_in, net->hidden };
    PufMuon muon[16];
    int32_t count = 0;
    for (int i = net->encoded ? 1 : 0; i < 3; i++) {
        for (size_t layer = 0; layer < (i == 1 ? (size_t)net->layers : 1); layer++) {
            PufMuon* m = &muon[count++];
            *m = (PufMuon){ .rows = rows[i], .columns = columns[i], .learning_rate = 0.01f, .momentum = 0.9f };
            m->gradient_scale = 0.5f;
            m->gradient = w->gradient[i] + layer * w->layer;
            m->parameter = w->own[i] + layer * w->layer;
            m->average = w->average[i] + layer * w->layer;
            m->scratch = floats(memory, puf_muon_scratch(rows[i], columns[i]));
        }
    }
    puf_muon_all(learner->pool, learner->kernels, muon, count);
    for (int i = 0; i < 3; i++) {
        must_be_finite(w->own[i], w->sizes[i], "a parameter is not finite");
    }
}

static void run_case(const Case* c, PufPool* pool, int threads)
{
    Memory memory = { .count = 0 };
    PufLearner learner = make_learner(&memory, c, pool, threads);
    const PufWeights l = puf_network_layout(&learner.net);
    const Weights w = random_weights(&memory, &learner.net);
    const Play p = allocate_play(&memory, c, &learner.net, &l);
    PufParameters own = parameters(w.own);
    learner.kernels->pack(&learner.net, &own, learner.input_scale, learner.weights);
    collect(&memory, &learner, &p);
    estimate_advantages(&learner, &p, NULL);
    learn(&memory, &learner, &p, &w);
    optimize(&memory, &learner, &w);
    free_all(&memory);
}

// Runs some cases and prints a hash of their results.
static void run_cases(const Case* c, size_t count, PufPool* pool, int threads)
{
    hash = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < count; i++) {
        run_case(&c[i], pool, threads);
        fprintf(stderr, "%zu: %016llx\n", i, (unsigned long long)hash);
    }
    printf("%016llx\n", (unsigned long long)hash);
}

// Runs the recurrent layers alone over some sequences, forward and backward, and prints a hash of the results.
static void run_sequences(const Case* c, PufPool* pool, int threads)
{
    Memory memory = { .count = 0 };
    hash = 0xcbf29ce484222325u;
    PufLearner learner = make_learner(&memory, c, pool, threads);
    learner.net.outputs = learner.net.actions = 0;
    learner.net.head = PUF_CATEGORICAL;
    const PufWeights l = puf_network_layout(&learner.net);
    const size_t hidden = (size_t)c->hidden, samples = (size_t)c->horizon * (size_t)c->rows;
    const size_t state = (size_t)c->layers * (size_t)c->rows * (size_t)l.state, core = (size_t)c->layers * l.layer_size;
    learner.weights = floats(&memory, l.size);
    learner.gradients = floats(&memory, (size_t)l.groups * l.gradient);
    learner.scratch = floats(&memory, (size_t)threads * puf_sequence_scratch(&learner, c->horizon));
    PufParameters own = { .core = random_floats(&memory, core, 0.2f) };
    PufParameters gradient = { .core = floats(&memory, core) };
    learner.kernels->pack(&learner.net, &own, NULL, learner.weights);
    float* keep = floats(&memory, samples);
    for (size_t i = 0; i < samples; i++) {
        keep[i] = puf_rand_float(&rng) < 0.9f;
    }
    PufSequence s = { .horizon = c->horizon, .rows = c->rows, .keep = keep };
    s.inputs = random_floats(&memory, samples * hidden, 1.0f);
    s.outputs = floats(&memory, samples * hidden);
    s.by_outputs = random_floats(&memory, samples * hidden, 1.0f);
    s.by_inputs = floats(&memory, samples * hidden);
    s.state = random_floats(&memory, state, 0.5f);
    puf_sequence_forward(&learner, &s); // without a memory, to the state after the last step
    must_be_finite(s.outputs, samples * hidden, "an output is not finite");
    s.memory = floats(&memory, puf_sequence_memory(&learner, &s));
    puf_sequence_forward(&learner, &s);
    puf_sequence_backward(&learner, &s, &gradient);
    must_be_finite(s.outputs, samples * hidden, "an output is not finite");
    must_be_finite(s.state, state, "a state is not finite");
    must_be_finite(s.by_inputs, samples * hidden, "a gradient of inputs is not finite");
    must_be_finite(gradient.core, core, "a gradient of weights is not finite");
    free_all(&memory);
    printf("%016llx\n", (unsigned long long)hash);
}

int main(int argc, char** argv)
{
    const int threads = argc > 1 ? atoi(argv[1]) : 1;
    if (threads < 1 || threads > MAX_THREADS) {
        fail("from 1 to 8 threads");
    }
    PufPool* pool = threads > 1 ? puf_pool_create(threads, 0) : NULL;
    if (threads > 1 && !pool) {
        fail("no threads");
    }
    rng = puf_rng_seed(2026, 4);
    const size_t only = argc > 2 ? (size_t)atoi(argv[2]) : 0;
    if (argc > 2 && only < sizeof cases / sizeof cases[0]) {
        run_cases(&cases[only], 1, pool, threads);
        return 0;
    }
    run_cases(cases, sizeof cases / sizeof cases[0], pool, threads);
    run_cases(later_cases, sizeof later_cases / sizeof later_cases[0], pool, threads);
    run_sequences(&later_cases[1], pool, threads);
    run_sequences(&later_cases[2], pool, threads);
    run_cases(plane_cases, sizeof plane_cases / sizeof plane_cases[0], pool, threads);
    if (pool) {
        puf_pool_destroy(pool);
    }
    return 0;
}
