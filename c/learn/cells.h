// cells.h - the recurrent layers, forward and backward over the time steps of a tile.
//
// MinGRU (Feng et al. 2024, "Were RNNs all we needed?", with a highway gate), LSTM (Hochreiter & Schmidhuber 1997):
//
//     h, g, p = split(W x)                                    i, f, g, o = split(W [x, h])
//     c = h + 0.5 if h >= 0 else sigmoid(h)                   c = sigmoid(f + 1) c + sigmoid(i) tanh(g)
//     s = (1 - sigmoid(g)) s + sigmoid(g) c                   h = sigmoid(o) tanh(c)
//     y = sigmoid(p) s + (1 - sigmoid(p)) x                   y = h
//
// `keep` (samples) is 0 if the state is reset before that step, else 1.
#pragma once
#include "gemm.h"

typedef struct Tile {
    int horizon, rows, hidden;
    const float* keep; // NULL: no state is reset
} Tile;

// gates (samples, 3 hidden): W x on entry; on return the candidate and both activated gates, for the backward pass.
// states (samples, hidden): the state after each step. state (rows, hidden): before the first step on entry, after the
// last on return.
static void mingru_forward(const Tile* tile, float* gates, const float* x, float* state, float* states, float* y)
{
    const int hidden = tile->hidden;
    for (int sample = 0; sample < tile->horizon * tile->rows; sample++) {
        float* gate = gates + (ptrdiff_t)sample * 3 * hidden;
        float* s = state + (ptrdiff_t)(sample % tile->rows) * hidden;
        const float keep = tile->keep ? tile->keep[sample] : 1.0f;
        const ptrdiff_t at = (ptrdiff_t)sample * hidden;
        for (int i = 0; i < hidden; i += LANES) {
            Vec h = load(gate + i);
            Vec candidate = choose(h < 0.0f, sigmoid(h), h + 0.5f);
            Vec update = sigmoid(load(gate + hidden + i));
            Vec mix = sigmoid(load(gate + 2 * hidden + i));
            Vec before = keep * load(s + i);
            Vec after = fused(update, candidate - before, before);
            Vec in = load(x + at + i);
            store(gate + i, candidate);
            store(gate + hidden + i, update);
            store(gate + 2 * hidden + i, mix);
            store(s + i, after);
            store(states + at + i, after);
            store(y + at + i, in + mix * (after - in));
        }
    }
}

// gates: the output of mingru_forward on entry, the gradient of W x on return. dy (samples, hidden): the gradient of
// y on entry; on return the part of x's gradient that does not pass through W. first_state (rows, hidden): before the
// first step. carry (rows, hidden): scratch.
static void mingru_backward(const Tile* tile, float* gates, const float* x, const float* first_state,
                            const float* states, float* dy, float* carry)
{
    const int hidden = tile->hidden, rows = tile->rows;
    memset(carry, 0, sizeof(float) * (size_t)rows * (size_t)hidden);
    for (int sample = tile->horizon * rows - 1; sample >= 0; sample--) {
        float* gate = gates + (ptrdiff_t)sample * 3 * hidden;
        const ptrdiff_t at = (ptrdiff_t)sample * hidden, row = (ptrdiff_t)(sample % rows) * hidden;
        const float* previous = sample < rows ? first_state + row : states + at - (ptrdiff_t)rows * hidden;
        const float keep = tile->keep ? tile->keep[sample] : 1.0f;
        for (int i = 0; i < hidden; i += LANES) {
            Vec candidate = load(gate + i), update = load(gate + hidden + i), mix = load(gate + 2 * hidden + i);
            Vec out = load(dy + at + i), state = load(states + at + i), in = load(x + at + i);
            Vec dstate = out * mix + load(carry + row + i);
            // the slope is 1 for h above zero, which is where the candidate is at least 0.5
            Vec slope = choose(candidate < 0.5f, candidate * (1.0f - candidate), all(1.0f));
            Vec before = keep * load(previous + i);
            store(gate + i, dstate * update * slope);
            store(gate + hidden + i, dstate * (candidate - before) * (update * (1.0f - update)));
            store(gate + 2 * hidden + i, out * (state - in) * (mix * (1.0f - mix)));
            store(dy + at + i, out * (1.0f - mix));
            store(carry + row + i, dstate * (1.0f - update) * keep);
        }
    }
}

// One step of the LSTM's cells. gates (rows, 4 hidden): W [x, h] on entry, activated on return. state (rows, 2
// hidden): h and c, with resets already applied on entry; after the step on return. cells (rows, hidden): c after the
// step.
static void lstm_cells(int rows, int hidden, float* gates, float* state, float* cells, float* y)
{
    for (int row = 0; row < rows; row++) {
        float *gate = gates + (ptrdiff_t)row * 4 * hidden, *h = state + (ptrdiff_t)row * 2 * hidden, *c = h + hidden;
        for (int i = 0; i < hidden; i += LANES) {
            Vec in = sigmoid(load(gate + i)), forget = sigmoid(load(gate + hidden + i) + 1.0f);
            Vec new = hyperbolic_tangent(load(gate + 2 * hidden + i)), out = sigmoid(load(gate + 3 * hidden + i));
            Vec cell = fused(in, new, forget * load(c + i));
            Vec hidden_state = out * hyperbolic_tangent(cell);
            store(gate + i, in);
            store(gate + hidden + i, forget);
            store(gate + 2 * hidden + i, new);
            store(gate + 3 * hidden + i, out);
            store(c + i, cell);
            store(h + i, hidden_state);
            store(cells + (ptrdiff_t)row * hidden + i, cell);
            store(y + (ptrdiff_t)row * hidden + i, hidden_state);
        }
    }
}

// The backward pass of one step. gates: the output of lstm_cells on entry, the gradient of W [x, h] on return. dy:
// the gradient of y from the layer above. dh: the gradient of h from the next step. dc: the gradient of c, from the
// next step on entry, for the previous step on return.
static void lstm_cells_backward(int rows, int hidden, float* gates, const float* cells_before, ptrdiff_t before_row,
                                const float* keep, const float* cells, const float* dy, const float* dh, float* dc)
{
    for (int row = 0; row < rows; row++) {
        float* gate = gates + (ptrdiff_t)row * 4 * hidden;
        const ptrdiff_t at = (ptrdiff_t)row * hidden;
        const float kept = keep ? keep[row] : 1.0f;
        for (int i = 0; i < hidden; i += LANES) {
            Vec in = load(gate + i), forget = load(gate + hidden + i);
            Vec new = load(gate + 2 * hidden + i), out = load(gate + 3 * hidden + i);
            Vec squashed = hyperbolic_tangent(load(cells + at + i));
            Vec before = kept * load(cells_before + row * before_row + i);
            Vec dhidden = load(dy + at + i) + load(dh + at + i);
            Vec dcell = dhidden * out * (1.0f - squashed * squashed) + load(dc + at + i);
            store(gate + i, dcell * new * (in * (1.0f - in)));
            store(gate + hidden + i, dcell * before * (forget * (1.0f - forget)));
            store(gate + 2 * hidden + i, dcell * in * (1.0f - new * new));
            store(gate + 3 * hidden + i, dhidden * squashed * (out * (1.0f - out)));
            store(dc + at + i, dcell * forget * kept);
        }
    }
}
