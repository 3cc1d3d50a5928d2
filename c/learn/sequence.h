// sequence.h - the recurrent layers alone, forward and backward, for programs that have their own encoder, head or loss.
#pragma once
#include "layers.h"

// Run the layers over all steps of some rows. What the backward pass needs is left in `memory`.
static void sequence_forward(const PufNetwork* net, const float* weights, const PufSequence* s, int32_t first,
                             int32_t rows, float* memory)
{
    const PufWeights l = puf_network_layout(net);
    const TileMemory m = tile_memory(net, s->horizon, rows, memory);
    const Tile tile = { s->horizon, rows, net->hidden, s->keep ? m.keep : NULL };
    const size_t hidden = (size_t)net->hidden, samples = (size_t)s->horizon * (size_t)rows;
    const size_t layer_state = (size_t)rows * (size_t)l.state;
    for (int t = 0; t < s->horizon; t++) {
        const size_t from = (size_t)t * (size_t)s->rows + (size_t)first, to = (size_t)t * (size_t)rows;
        memcpy(m.x + to * hidden, s->inputs + from * hidden, sizeof(float) * (size_t)rows * hidden);
        if (s->keep) {
            memcpy(m.keep + to, s->keep + from, sizeof(float) * (size_t)rows);
        }
    }
    for (int layer = 0; layer < net->layers; layer++) {
        float* state = s->state + ((size_t)layer * (size_t)s->rows + (size_t)first) * (size_t)l.state;
        memcpy(m.first + (size_t)layer * layer_state, state, sizeof(float) * layer_state);
        layer_forward(net, &l, weights, &tile, &m, layer, state);
    }
    const float* y = m.x + (size_t)net->layers * samples * hidden;
    for (int t = 0; t < s->horizon; t++) {
        const size_t to = (size_t)t * (size_t)s->rows + (size_t)first, from = (size_t)t * (size_t)rows;
        memcpy(s->outputs + to * hidden, y + from * hidden, sizeof(float) * (size_t)rows * hidden);
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
    for (int t = 0; t < s->horizon; t++) {
        const size_t from = (size_t)t * (size_t)s->rows + (size_t)first, to = (size_t)t * (size_t)rows;
        memcpy(dx + to * hidden, s->by_outputs + from * hidden, sizeof(float) * (size_t)rows * hidden);
    }
    for (int layer = net->layers - 1; layer >= 0; layer--) {
        layer_backward(net, &l, weights, &tile, &m, layer, dx, gradient);
    }
    for (int t = 0; t < s->horizon; t++) {
        const size_t to = (size_t)t * (size_t)s->rows + (size_t)first, from = (size_t)t * (size_t)rows;
        memcpy(s->by_inputs + to * hidden, dx + from * hidden, sizeof(float) * (size_t)rows * hidden);
    }
}
