// tile.h - the whole network, forward and backward, on a few sequences at a time: few enough to stay in the cache.
#pragma once
#include "actions.h"
#include "cells.h"

// Take the next part of one array, aligned to 64 bytes; with a NULL array, only count.
static float* take(float** cursor, size_t floats)
{
    float* part = *cursor;
    *cursor = part + (floats + BLOCK - 1) / BLOCK * BLOCK;
    return part;
}

typedef struct TileMemory {
    float *observations, *keep; // (samples, inputs), (samples)
    float *x, *gates, *states;  // per layer: (samples, hidden), (samples, gates), (samples, hidden); one extra x
    float* before;              // per layer, LSTM only: h before each step (samples, hidden)
    float *first, *state;       // per layer (rows, state): before the first step, and the current one
    float *carry, *dh;          // (rows, hidden)
    float *out, *columns;       // (samples, padded), (padded + 1, BLOCK)
    float* samples;             // (count) each: the arrays of Samples
    size_t size;
} TileMemory;

static TileMemory tile_memory(const PufNetwork* net, int horizon, int rows, float* base)
{
    const PufWeights l = puf_network_layout(net);
    const size_t samples = (size_t)horizon * (size_t)rows, h = (size_t)net->hidden, layers = (size_t)net->layers;
    const size_t count = (samples + BLOCK - 1) / BLOCK * BLOCK;
    float* cursor = base;
    TileMemory m;
    m.observations = take(&cursor, samples * (size_t)net->inputs);
    m.keep = take(&cursor, samples);
    m.x = take(&cursor, (layers + 1) * samples * h);
    m.gates = take(&cursor, layers * samples * (size_t)l.gates);
    m.states = take(&cursor, layers * samples * h);
    m.before = take(&cursor, net->cell == PUF_LSTM ? layers * samples * h : 0);
    m.first = take(&cursor, layers * (size_t)rows * (size_t)l.state);
    m.state = take(&cursor, layers * (size_t)rows * (size_t)l.state);
    m.carry = take(&cursor, (size_t)rows * h);
    m.dh = take(&cursor, (size_t)rows * h);
    m.out = take(&cursor, count * (size_t)l.padded);
    m.columns = take(&cursor, (size_t)(l.padded + 1) * BLOCK);
    m.samples = take(&cursor, count * (size_t)(net->actions + 7 + PUF_FIGURES));
    m.size = (size_t)(cursor - base);
    return m;
}

// Bring observations x (rows, inputs) to mean 0 and spread 1. NaN stays NaN.
static void normalize(const PufNetwork* net, int rows, float* x)
{
    for (int row = 0; row < rows; row++, x += net->inputs) {
        for (int i = 0; i < net->inputs; i++) {
            const float z = (x[i] - net->mean[i]) * net->scale[i];
            const float least = z < -PUF_INPUT_LIMIT ? -PUF_INPUT_LIMIT : z;
            x[i] = least > PUF_INPUT_LIMIT ? PUF_INPUT_LIMIT : least;
        }
    }
}

// Copy `rows` observations, from number `first_row` on, to the encoder's inputs (rows, inputs).
static void read_observations(const PufNetwork* net, const void* from, ptrdiff_t first_row, int rows, float* to)
{
    const ptrdiff_t first = first_row * net->inputs;
    const int count = rows * net->inputs;
    switch (net->number) {
    case PUF_NUMBER_F32: memcpy(to, (const float*)from + first, sizeof(float) * (size_t)count); break;
    case PUF_NUMBER_U8:
        for (int i = 0; i < count; i++) {
            to[i] = ((const uint8_t*)from)[first + i];
        }
        break;
    case PUF_NUMBER_I8:
        for (int i = 0; i < count; i++) {
            to[i] = ((const int8_t*)from)[first + i];
        }
        break;
    case PUF_NUMBER_I32:
        for (int i = 0; i < count; i++) {
            to[i] = (float)((const int32_t*)from)[first + i];
        }
        break;
    }
    if (net->mean) {
        normalize(net, rows, to);
    }
}

// c (rows, columns) = a (rows, depth) b (depth, columns), or += if `add`.
static void multiply(int rows, int columns, int depth, const float* a, int a_row, const float* b, int b_row, float* c,
                     int c_row, int add)
{
    gemm((Product){ rows, columns, depth, a, a_row, 1, b, b_row, c, c_row, add });
}

// c (a_columns, b_columns) += transposed a (samples, a_columns) times b (samples, b_columns).
static void multiply_transposed(int a_columns, int b_columns, int samples, const float* a, int a_row, const float* b,
                                int b_row, float* c, int c_row)
{
    gemm((Product){ a_columns, b_columns, samples, a, 1, a_row, b, b_row, c, c_row, 1 });
}

static void reset_state(float* state, int rows, int size, const float* keep)
{
    for (int row = 0; row < rows; row++) {
        for (int i = 0; i < size; i += LANES) {
            store(state + row * size + i, keep[row] * load(state + row * size + i));
        }
    }
}

// Run one layer over all steps of the tile, from x[layer] to x[layer + 1].
static void layer_forward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                          const TileMemory* m, int layer, float* state)
{
    const int h = net->hidden, rows = tile->rows, samples = tile->horizon * rows;
    const float* core_t = weights + l->core_t + (size_t)layer * l->layer_size;
    const size_t at = (size_t)layer * (size_t)samples;
    float *x = m->x + at * (size_t)h, *y = x + (size_t)samples * (size_t)h;
    float *gates = m->gates + at * (size_t)l->gates, *states = m->states + at * (size_t)h;
    multiply(samples, l->gates, h, x, h, core_t, l->gates, gates, l->gates, 0);
    if (net->cell == PUF_MINGRU) {
        mingru_forward(tile, gates, x, state, states, y);
        return;
    }
    float* before = m->before + at * (size_t)h;
    for (int t = 0; t < tile->horizon; t++) {
        const size_t s = (size_t)t * (size_t)rows;
        if (tile->keep) {
            reset_state(state, rows, 2 * h, tile->keep + s);
        }
        for (int row = 0; row < rows; row++) {
            memcpy(before + (s + (size_t)row) * (size_t)h, state + row * 2 * h, sizeof(float) * (size_t)h);
        }
        float* now = gates + s * (size_t)l->gates;
        multiply(rows, l->gates, h, state, 2 * h, core_t + (size_t)h * (size_t)l->gates, l->gates, now, l->gates, 1);
        lstm_cells(rows, h, now, state, states + s * (size_t)h, y + s * (size_t)h);
    }
}

// Turn the gradient of x[layer + 1], in dx, into that of x[layer], and add the gradient of the layer's weights.
static void layer_backward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                           const TileMemory* m, int layer, float* dx, float* gradient)
{
    const int h = net->hidden, rows = tile->rows, samples = tile->horizon * rows;
    const float* core = weights + l->core + (size_t)layer * l->layer_size;
    float* dcore_t = gradient + l->core_t + (size_t)layer * l->layer_size;
    const size_t at = (size_t)layer * (size_t)samples;
    const float *x = m->x + at * (size_t)h, *states = m->states + at * (size_t)h;
    const float* first = m->first + (size_t)layer * (size_t)rows * (size_t)l->state;
    float* gates = m->gates + at * (size_t)l->gates;
    if (net->cell == PUF_MINGRU) {
        mingru_backward(tile, gates, x, first, states, dx, m->carry);
        multiply(samples, h, l->gates, gates, l->gates, core, l->fan_in, dx, h, 1);
    } else {
        memset(m->carry, 0, sizeof(float) * (size_t)rows * (size_t)h);
        memset(m->dh, 0, sizeof(float) * (size_t)rows * (size_t)h);
        for (int t = tile->horizon - 1; t >= 0; t--) {
            const size_t s = (size_t)t * (size_t)rows;
            const float* cells_before = t ? states + (s - (size_t)rows) * (size_t)h : first + h;
            const float* keep = tile->keep ? tile->keep + s : NULL;
            float* now = gates + s * (size_t)l->gates;
            lstm_cells_backward(rows, h, now, cells_before, t ? h : 2 * h, keep, states + s * (size_t)h,
                                dx + s * (size_t)h, m->dh, m->carry);
            multiply(rows, h, l->gates, now, l->gates, core + h, l->fan_in, m->dh, h, 0);
            if (keep) {
                reset_state(m->dh, rows, h, keep);
            }
        }
        multiply(samples, h, l->gates, gates, l->gates, core, l->fan_in, dx, h, 0);
        multiply_transposed(h, l->gates, samples, m->before + at * (size_t)h, h, gates, l->gates,
                            dcore_t + (size_t)h * (size_t)l->gates, l->gates);
    }
    multiply_transposed(h, l->gates, samples, x, h, gates, l->gates, dcore_t, l->gates);
}

// Encoder, layers and head on m->observations. Advances the tile's rows of state (layers, ..., state).
static void network_forward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                            const TileMemory* m, float* state, ptrdiff_t layer_stride)
{
    const int h = net->hidden, samples = tile->horizon * tile->rows;
    multiply(samples, h, net->inputs, m->observations, net->inputs, weights + l->encoder_t, h, m->x, h, 0);
    for (int layer = 0; layer < net->layers; layer++) {
        layer_forward(net, l, weights, tile, m, layer, state + layer * layer_stride);
    }
    const float* x = m->x + (size_t)net->layers * (size_t)samples * (size_t)h;
    multiply(samples, l->padded, h, x, h, weights + l->head_t, l->padded, m->out, l->padded, 0);
}

static void network_backward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                             const TileMemory* m, float* gradient)
{
    const int h = net->hidden, samples = tile->horizon * tile->rows;
    float* x = m->x + (size_t)net->layers * (size_t)samples * (size_t)h;
    multiply_transposed(h, l->padded, samples, x, h, m->out, l->padded, gradient + l->head_t, l->padded);
    float* dx = x; // x is no longer needed
    multiply(samples, h, net->outputs + 1, m->out, l->padded, weights + l->head, h, dx, h, 0);
    for (int layer = net->layers - 1; layer >= 0; layer--) {
        layer_backward(net, l, weights, tile, m, layer, dx, gradient);
    }
    multiply_transposed(net->inputs, h, samples, m->observations, net->inputs, dx, h, gradient + l->encoder_t, h);
}

// -- acting ------------------------------------------------------------------------------------------------

// Returns the first row with an output that is not finite, or -1. Such rows get neutral outputs and a reset state, so
// the environment still receives valid actions and the next rollout starts clean.
static int neutralise(const PufNetwork* net, const PufWeights* l, float* out, int rows, float* state,
                      ptrdiff_t layer_stride)
{
    int first = -1;
    for (int row = rows - 1; row >= 0; row--) {
        Vec check = { 0 };
        float* outputs = out + (ptrdiff_t)row * l->padded;
        for (int o = 0; o < l->padded; o += LANES) {
            check += load(outputs + o) * 0.0f;
        }
        float sum = 0.0f;
        for (int lane = 0; lane < LANES; lane++) {
            sum += check[lane];
        }
        if (sum == 0.0f) {
            continue;
        }
        first = row;
        memset(outputs, 0, sizeof(float) * (size_t)l->padded);
        for (int layer = 0; layer < net->layers; layer++) {
            memset(state + layer * layer_stride + row * l->state, 0, sizeof(float) * (size_t)l->state);
        }
    }
    return first;
}

static void act_on_outputs(const PufNetwork* net, const PufWeights* l, const float* weights, const PufAct* act,
                           const TileMemory* m, int first, int rows)
{
    for (int row = 0; row < rows; row++) {
        act->values[first + row] = m->out[(ptrdiff_t)row * l->padded + net->outputs];
    }
    for (int row = 0; row < rows && act->chosen; row += BLOCK) {
        const int count = rows - row < BLOCK ? rows - row : BLOCK;
        const uint8_t* masks[BLOCK] = { NULL };
        for (int i = 0; i < count && act->masks; i++) {
            masks[i] = act->masks + (ptrdiff_t)(first + row + i) * net->outputs;
        }
        to_columns(m->out + (ptrdiff_t)row * l->padded, l->padded, net->outputs, count, masks, net->outputs,
                   m->columns);
        if (net->head == PUF_CATEGORICAL) {
            choose_categorical(net, act, first + row, count, m->columns);
        } else {
            choose_gaussian(net, act, weights + l->log_std, first + row, count, m->columns);
        }
    }
}

static int64_t act(const PufNetwork* net, const float* weights, const PufAct* act, float* scratch)
{
    const PufWeights l = puf_network_layout(net);
    const TileMemory m = tile_memory(net, 1, PUF_ACT_ROWS, scratch);
    int64_t bad = -1;
    for (int first = 0; first < act->rows; first += PUF_ACT_ROWS) {
        const int rows = act->rows - first < PUF_ACT_ROWS ? act->rows - first : PUF_ACT_ROWS;
        const Tile tile = { 1, rows, net->hidden, NULL };
        float* state = act->state + (ptrdiff_t)first * l.state;
        read_observations(net, act->observations, first, rows, m.observations);
        network_forward(net, &l, weights, &tile, &m, state, act->layer_stride);
        const int broken = neutralise(net, &l, m.out, rows, state, act->layer_stride);
        if (broken >= 0 && bad < 0) {
            bad = first + broken;
        }
        act_on_outputs(net, &l, weights, act, &m, first, rows);
    }
    return bad;
}

// -- learning ----------------------------------------------------------------------------------------------

// Copy the tile's sequences from the rollout.
static void gather(const PufNetwork* net, const PufWeights* l, const PufRollout* r, const int64_t* sequences, int rows,
                   const TileMemory* m)
{
    for (int t = 0; t < r->horizon; t++) {
        for (int row = 0; row < rows; row++) {
            const ptrdiff_t at = (ptrdiff_t)t * r->rows + sequences[row], s = (ptrdiff_t)t * rows + row;
            read_observations(net, r->observations, at, 1, m->observations + s * net->inputs);
            m->keep[s] = t && r->ends[at - r->rows] ? 0.0f : 1.0f;
        }
    }
    for (int layer = 0; layer < net->layers; layer++) {
        for (int row = 0; row < rows; row++) {
            memcpy(m->first + ((ptrdiff_t)layer * rows + row) * l->state,
                   r->state + ((ptrdiff_t)layer * r->rows + sequences[row]) * l->state,
                   sizeof(float) * (size_t)l->state);
        }
    }
}

// Collect the loss's inputs: advantages, normalized and weighted by importance, actions, old values and so on.
static Samples gather_samples(const PufNetwork* net, const PufRollout* r, const PufLoss* loss, const int64_t* sequences,
                              const float* importance, int rows, const TileMemory* m)
{
    const int samples = r->horizon * rows, count = (samples + BLOCK - 1) / BLOCK * BLOCK;
    float* cursor = m->samples;
    float* chosen = take(&cursor, (size_t)count * (size_t)net->actions);
    float *log_probs = take(&cursor, (size_t)count), *values = take(&cursor, (size_t)count);
    float *advantages = take(&cursor, (size_t)count), *returns = take(&cursor, (size_t)count);
    float* weights = take(&cursor, (size_t)count);
    for (int s = 0; s < count; s++) {
        const int of = s < samples ? s : samples - 1, row = of % rows;
        const ptrdiff_t at = (ptrdiff_t)(of / rows) * r->rows + sequences[row];
        log_probs[s] = r->log_probs[at];
        values[s] = r->values[at];
        returns[s] = r->advantages[at] + r->values[at];
        advantages[s] = (r->advantages[at] - loss->mean) * loss->inverse_spread * importance[row];
        weights[s] = s >= samples || (r->present && !r->present[at]) ? 0.0f : loss->weight;
        for (int d = 0; d < net->actions; d++) {
            if (net->head == PUF_CATEGORICAL) {
                ((int32_t*)chosen)[d * count + s] = (int32_t)((const int64_t*)r->actions)[at * net->actions + d];
            } else {
                chosen[d * count + s] = ((const float*)r->actions)[at * net->actions + d] / r->scale[d];
            }
        }
    }
    Samples result = { count,
                       (const int32_t*)chosen,
                       chosen,
                       log_probs,
                       values,
                       advantages,
                       returns,
                       weights,
                       take(&cursor, (size_t)count),
                       take(&cursor, (size_t)count),
                       { NULL } };
    for (int f = 0; f < PUF_FIGURES; f++) {
        result.figures[f] = take(&cursor, (size_t)count);
    }
    return result;
}

// Replace the outputs of the tile by the loss's gradient with respect to them.
static void tile_loss(const PufNetwork* net, const PufWeights* l, const float* weights, const PufRollout* r,
                      const PufLoss* loss, const int64_t* sequences, int rows, const TileMemory* m, const Samples* s,
                      float* gradient)
{
    const int samples = r->horizon * rows;
    for (int first = 0; first < samples; first += BLOCK) {
        const int count = samples - first < BLOCK ? samples - first : BLOCK;
        const uint8_t* masks[BLOCK] = { NULL };
        for (int i = 0; i < count && r->masks; i++) {
            const ptrdiff_t at = (ptrdiff_t)((first + i) / rows) * r->rows + sequences[(first + i) % rows];
            masks[i] = r->masks + at * net->outputs;
        }
        float* out = m->out + (ptrdiff_t)first * l->padded;
        to_columns(out, l->padded, net->outputs + 1, count, masks, net->outputs, m->columns);
        if (net->head == PUF_CATEGORICAL) {
            categorical_loss(net, loss, s, first, m->columns);
        } else {
            gaussian_loss(net, loss, s, weights + l->log_std, r->scale, first, m->columns, gradient + l->log_std);
        }
        for (int i = 0; i < count; i++) {
            for (int o = 0; o <= net->outputs; o++) {
                out[i * l->padded + o] = m->columns[o * BLOCK + i];
            }
        }
    }
}

static void add_figures(const Samples* s, int samples, double* figures)
{
    for (int f = 0; f < PUF_FIGURES; f++) {
        double sum = 0.0;
        for (int i = 0; i < samples; i++) {
            sum += (double)s->figures[f][i];
        }
        figures[f] += sum;
    }
}

static void train_tile(const PufNetwork* net, const float* weights, const PufRollout* r, const PufLoss* loss,
                       const int64_t* sequences, const float* importance, int32_t rows, float* fresh, float* scratch,
                       float* gradient, double* figures)
{
    const PufWeights l = puf_network_layout(net);
    const TileMemory m = tile_memory(net, r->horizon, rows, scratch);
    const Tile tile = { r->horizon, rows, net->hidden, m.keep };
    const int samples = r->horizon * rows;
    gather(net, &l, r, sequences, rows, &m);
    memcpy(m.state, m.first, sizeof(float) * (size_t)net->layers * (size_t)rows * (size_t)l.state);
    network_forward(net, &l, weights, &tile, &m, m.state, (ptrdiff_t)rows * l.state);

    const Samples s = gather_samples(net, r, loss, sequences, importance, rows, &m);
    tile_loss(net, &l, weights, r, loss, sequences, rows, &m, &s, gradient);
    add_figures(&s, samples, figures);
    for (int i = 0; i < samples && fresh; i++) {
        float* row = fresh + (ptrdiff_t)(i % rows) * 2 * r->horizon;
        row[i / rows] = s.new_values[i];
        row[r->horizon + i / rows] = s.ratios[i];
    }
    network_backward(net, &l, weights, &tile, &m, gradient);
}
