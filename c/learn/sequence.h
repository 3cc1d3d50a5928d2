// sequence.h - the network without its loss, forward and backward, for programs that have their own. Encoder and head
// may be missing: then the recurrent layers' inputs and outputs are the program's.
#pragma once
#include "layers.h"

// Copy the rows of a tile (samples, size), `row` numbers apart, to or from those of a sequence (horizon, rows, size).
static void copy_rows(const PufSequence* s, int32_t first, int32_t rows, size_t size, float* tile, size_t row,
                      float* sequence, int into_tile)
{
    for (int t = 0; t < s->horizon; t++) {
        for (int32_t i = 0; i < rows; i++) {
            float* here = tile + ((size_t)t * (size_t)rows + (size_t)i) * row;
            float* there = sequence + ((size_t)t * (size_t)s->rows + (size_t)(first + i)) * size;
            memcpy(into_tile ? here : there, into_tile ? there : here, sizeof(float) * size);
        }
    }
}

// Run some rows. What the backward pass needs is left in `memory`.
static void sequence_forward(const PufNetwork* net, const float* weights, const PufSequence* s, int32_t first,
                             int32_t rows, float* memory)
{
    const PufWeights l = puf_network_layout(net);
    const TileMemory m = tile_memory(net, s->horizon, rows, memory);
    const Tile tile = { s->horizon, rows, net->hidden, s->keep ? m.keep : NULL };
    const size_t hidden = (size_t)net->hidden, samples = (size_t)s->horizon * (size_t)rows;
    const size_t layer_state = (size_t)rows * (size_t)l.state, whole_state = (size_t)s->rows * (size_t)l.state;
    for (int t = 0; t < s->horizon; t++) {
        const ptrdiff_t from = (ptrdiff_t)t * s->rows + first, to = (ptrdiff_t)t * rows;
        read_observations(net, s->inputs, from, rows, &m.inputs, to);
        if (s->keep) {
            memcpy(m.keep + to, s->keep + from, sizeof(float) * (size_t)rows);
        }
    }
    float* state = s->state + (size_t)first * (size_t)l.state;
    for (int layer = 0; layer < net->layers && s->memory; layer++) {
        memcpy(m.first + (size_t)layer * layer_state, state + (size_t)layer * whole_state, sizeof(float) * layer_state);
    }
    network_forward(net, &l, weights, &tile, &m, state, (ptrdiff_t)whole_state);
    if (l.rows) {
        copy_rows(s, first, rows, (size_t)l.rows, m.out, (size_t)l.padded, s->outputs, 0);
    } else {
        copy_rows(s, first, rows, hidden, m.x + (size_t)net->layers * samples * hidden, hidden, s->outputs, 0);
    }
}

// The way back. Adds the gradient of the weights to `gradient`, and uses up the memory.
static void sequence_backward(const PufNetwork* net, const float* weights, const PufSequence* s, int32_t first,
                              int32_t rows, float* memory, float* gradient)
{
    const PufWeights l = puf_network_layout(net);
    const TileMemory m = tile_memory(net, s->horizon, rows, memory);
    const Tile tile = { s->horizon, rows, net->hidden, s->keep ? m.keep : NULL };
    const size_t hidden = (size_t)net->hidden, samples = (size_t)s->horizon * (size_t)rows;
    float* dx = m.x + (size_t)net->layers * samples * hidden; // the last x is no longer needed
    if (l.rows) {
        memset(m.out, 0, sizeof(float) * samples * (size_t)l.padded);
        copy_rows(s, first, rows, (size_t)l.rows, m.out, (size_t)l.padded, s->by_outputs, 1);
        dx = head_backward(net, &l, weights, &tile, &m, gradient);
    } else {
        copy_rows(s, first, rows, hidden, dx, hidden, s->by_outputs, 1);
    }
    body_backward(net, &l, weights, &tile, &m, dx, gradient);
    if (net->encoded) {
        copy_rows(s, first, rows, hidden, dx, hidden, s->by_inputs, 0);
    }
}
