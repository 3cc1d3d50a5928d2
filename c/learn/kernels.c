// kernels.c - everything that learns on a processor, compiled once per instruction set.
#include "advantage.h"
#include "evaluate.h"
#include "muon.h"
#include "rollout.h"
#include "sequence.h"
#include "tile.h"

#ifndef PUF_VARIANT
#define PUF_VARIANT baseline
#endif
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)

static void transpose(const float* from, int rows, int columns, float* to, int to_row)
{
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            to[(ptrdiff_t)j * to_row + i] = from[(ptrdiff_t)i * columns + j];
        }
    }
}

static int column_of(const PufNetwork* net, int input) { return net->columns ? net->columns[input] : input; }

// Lays the weights out as the kernels want them. Where observations are not normalized, the encoder takes them as they
// are: their scale is put into it.
static void pack(const PufNetwork* net, const PufParameters* from, const float* input_scale, float* weights)
{
    const PufWeights l = puf_network_layout(net);
    memset(weights, 0, sizeof(float) * l.size);
    for (int i = 0; i < net->inputs && !net->encoded; i++) {
        const float scale = input_scale ? input_scale[i] : 1.0f, *column = from->encoder + column_of(net, i);
        for (int j = 0; j < net->hidden; j++) {
            weights[l.encoder_t + (size_t)i * (size_t)net->hidden + (size_t)j] =
                scale * column[(ptrdiff_t)j * net->inputs];
        }
    }
    if (net->parts) {
        split_base(net, weights + l.encoder_t);
    }
    for (int layer = 0; layer < net->layers; layer++) {
        const size_t size = (size_t)l.gates * (size_t)l.fan_in;
        const float* core = from->core + (size_t)layer * size;
        transpose(core, l.gates, l.fan_in, weights + l.core_t + (size_t)layer * l.layer_size, l.gates);
        memcpy(weights + l.core + (size_t)layer * l.layer_size, core, sizeof(float) * size);
    }
    transpose(from->head, l.rows, net->hidden, weights + l.head_t, l.padded);
    if (l.rows) {
        memcpy(weights + l.head, from->head, sizeof(float) * (size_t)l.rows * (size_t)net->hidden);
    }
    if (net->head == PUF_GAUSSIAN) {
        memcpy(weights + l.log_std, from->log_std, sizeof(float) * (size_t)net->actions);
    }
}

static void unpack_gradient(const PufNetwork* net, float* gradient, const float* input_scale, PufParameters* to)
{
    const PufWeights l = puf_network_layout(net);
    if (net->parts) {
        join_base(net, gradient + l.encoder_t);
    }
    for (int j = 0; j < net->hidden && !net->encoded; j++) {
        for (int i = 0; i < net->inputs; i++) {
            to->encoder[(ptrdiff_t)j * net->inputs + column_of(net, i)] =
                gradient[l.encoder_t + (size_t)i * (size_t)net->hidden + (size_t)j] *
                (input_scale ? input_scale[i] : 1.0f);
        }
    }
    for (int layer = 0; layer < net->layers; layer++) {
        transpose(gradient + l.core_t + (size_t)layer * l.layer_size, l.fan_in, l.gates,
                  to->core + (size_t)layer * (size_t)l.gates * (size_t)l.fan_in, l.fan_in);
    }
    for (int o = 0; o < l.rows; o++) {
        for (int j = 0; j < net->hidden; j++) {
            to->head[(ptrdiff_t)o * net->hidden + j] = gradient[l.head_t + (size_t)j * (size_t)l.padded + (size_t)o];
        }
    }
    if (net->head == PUF_GAUSSIAN) {
        memcpy(to->log_std, gradient + l.log_std, sizeof(float) * (size_t)net->actions);
    }
}

static size_t tile_scratch(const PufNetwork* net, int32_t horizon, int32_t rows)
{
    return tile_memory(net, horizon, rows, NULL).size;
}

extern const PufKernels JOIN(puf_kernels_, PUF_VARIANT);
const PufKernels JOIN(puf_kernels_, PUF_VARIANT) = {
    .pack = pack,
    .unpack_gradient = unpack_gradient,
    .scratch = tile_scratch,
    .act = act,
    .tile = train_tile,
    .store = store_step,
    .reset_state = reset_ended_states,
    .advantages = advantages,
    .sample = sample_rows,
    .evaluate = evaluate,
    .forward = sequence_forward,
    .backward = sequence_backward,
    .muon = muon,
};
