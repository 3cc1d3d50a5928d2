// layers.h - the network on a few sequences at a time, forward and backward: few enough to stay in the cache.
#pragma once
#include "cells.h"
#include "encoder.h"

typedef struct TileMemory {
    Inputs inputs;             // of the samples; its amounts are the first x if `encoded`
    float* keep;               // (samples)
    float *x, *gates, *states; // per layer: (samples, hidden), (samples, gates), (samples, hidden); one extra x
    float* before;             // per layer, LSTM only: h before each step (samples, hidden)
    float *first, *state;      // per layer (rows, state): before the first step, and the current one
    float *carry, *dh;         // (rows, hidden)
    float *out, *columns;      // (samples, padded), (padded + 1, BLOCK)
    float* samples;            // (count) each: the arrays of Samples
    size_t size;
} TileMemory;

static TileMemory tile_memory(const PufNetwork* net, int horizon, int rows, float* base)
{
    const PufWeights l = puf_network_layout(net);
    const size_t samples = (size_t)horizon * (size_t)rows, h = (size_t)net->hidden, layers = (size_t)net->layers;
    const size_t count = (samples + BLOCK - 1) / BLOCK * BLOCK;
    float* cursor = base;
    TileMemory m;
    m.inputs = take_inputs(net, samples, &cursor);
    m.keep = take(&cursor, samples);
    m.x = take(&cursor, (layers + 1) * samples * h);
    m.inputs.amounts = net->encoded ? m.x : m.inputs.amounts;
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

// Encoder, layers and head on m->inputs. Advances the tile's rows of state (layers, ..., state).
static void network_forward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                            const TileMemory* m, float* state, ptrdiff_t layer_stride)
{
    const int h = net->hidden, samples = tile->horizon * tile->rows;
    if (!net->encoded) {
        encode(net, l, samples, &m->inputs, weights, m->x);
    }
    for (int layer = 0; layer < net->layers; layer++) {
        layer_forward(net, l, weights, tile, m, layer, state + layer * layer_stride);
    }
    const float* x = m->x + (size_t)net->layers * (size_t)samples * (size_t)h;
    multiply(samples, l->padded, h, x, h, weights + l->head_t, l->padded, m->out, l->padded, 0);
}

// From the gradient of the outputs, in m->out, back to that of the last layer (samples, hidden), which is returned.
static float* head_backward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                            const TileMemory* m, float* gradient)
{
    const int h = net->hidden, samples = tile->horizon * tile->rows;
    float* x = m->x + (size_t)net->layers * (size_t)samples * (size_t)h;
    multiply_transposed(h, l->padded, samples, x, h, m->out, l->padded, gradient + l->head_t, l->padded);
    multiply(samples, h, l->rows, m->out, l->padded, weights + l->head, h, x, h, 0); // x is no longer needed
    return x;
}

// From there back to the encoder: dx becomes the gradient of its outputs (samples, hidden).
static void body_backward(const PufNetwork* net, const PufWeights* l, const float* weights, const Tile* tile,
                          const TileMemory* m, float* dx, float* gradient)
{
    const int samples = tile->horizon * tile->rows;
    for (int layer = net->layers - 1; layer >= 0; layer--) {
        layer_backward(net, l, weights, tile, m, layer, dx, gradient);
    }
    if (!net->encoded) {
        encode_backward(net, l, samples, &m->inputs, weights, dx, gradient);
    }
}
