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

// Where the encoder's parameter has a feature, of which the kernels have all channels of a place side by side and the
// parameter all places of a channel.
static int feature_column(const Front* front, int feature)
{
    const Layer* last = &front->layers[front->num_layers - 1];
    return feature % last->channels * last->places + feature / last->channels;
}

// Where a layer's parameter has what row `row` of the packed weights is multiplied with: it is ordered by channel first.
static int kernel_column(const Layer* l, int row)
{
    const int channel = row / (l->kernel * l->kernel * l->inner) * l->inner + row % l->inner;
    return channel * l->kernel * l->kernel + row / l->inner % (l->kernel * l->kernel);
}

static float scale_of(const PufFront* f, int layer) { return layer == 0 ? f->scale : 1.0f; }

// What planes are multiplied with is put into the first layer's weights.
static void pack_fronts(const PufNetwork* net, const PufWeights* l, const PufParameters* from, float* weights)
{
    Front front = { .num_layers = 0 };
    int feature = 0;
    for (int f = 0; f < net->num_fronts; f++) {
        front = front_layout(&net->fronts[f], front.weights_t_end, front.weights_end);
        const size_t embedding = embedding_size(&net->fronts[f]);
        if (embedding) {
            memcpy(weights + l->fronts_t + front.embedding, from->fronts[f][0], sizeof(float) * embedding);
        }
        for (int i = 0; i < front.num_layers; i++) {
            const Layer* layer = &front.layers[i];
            for (int row = 0; row < layer->depth; row++) {
                const float* column = from->fronts[f][1 + i] + kernel_column(layer, row);
                for (int c = 0; c < layer->channels; c++) {
                    const float weight = scale_of(&net->fronts[f], i) * column[(ptrdiff_t)c * layer->depth];
                    weights[l->fronts_t + layer->weights_t + (size_t)row * (size_t)layer->channels + (size_t)c] =
                        weight;
                    if (layer->back) {
                        weights[l->fronts + layer->weights + (size_t)c * (size_t)layer->padded + (size_t)row] = weight;
                    }
                }
            }
        }
        for (int j = 0; j < net->hidden; j += BLOCK) {
            for (int i = 0; i < front.features; i++) {
                const int at = feature + i, column = net->inputs + feature + feature_column(&front, i);
                for (int row = j; row < j + BLOCK; row++) {
                    const float weight = from->encoder[(ptrdiff_t)row * (net->inputs + net->features) + column];
                    weights[l->features_t + (size_t)at * (size_t)net->hidden + (size_t)row] = weight;
                    weights[l->features + (size_t)row * (size_t)net->features + (size_t)at] = weight;
                }
            }
        }
        feature += front.features;
    }
}

static void unpack_fronts(const PufNetwork* net, const PufWeights* l, const float* gradient, PufParameters* to)
{
    Front front = { .num_layers = 0 };
    int feature = 0;
    for (int f = 0; f < net->num_fronts; f++) {
        front = front_layout(&net->fronts[f], front.weights_t_end, front.weights_end);
        const size_t embedding = embedding_size(&net->fronts[f]);
        if (embedding) {
            memcpy(to->fronts[f][0], gradient + l->fronts_t + front.embedding, sizeof(float) * embedding);
        }
        for (int i = 0; i < front.num_layers; i++) {
            const Layer* layer = &front.layers[i];
            for (int row = 0; row < layer->depth; row++) {
                float* column = to->fronts[f][1 + i] + kernel_column(layer, row);
                const float* from = gradient + l->fronts_t + layer->weights_t + (ptrdiff_t)row * layer->channels;
                for (int c = 0; c < layer->channels; c++) {
                    column[(ptrdiff_t)c * layer->depth] = scale_of(&net->fronts[f], i) * from[c];
                }
            }
        }
        for (int j = 0; j < net->hidden; j += BLOCK) {
            for (int i = 0; i < front.features; i++) {
                const int column = net->inputs + feature + feature_column(&front, i);
                const float* of_feature = gradient + l->features_t + (ptrdiff_t)(feature + i) * net->hidden;
                for (int row = j; row < j + BLOCK; row++) {
                    to->encoder[(ptrdiff_t)row * (net->inputs + net->features) + column] = of_feature[row];
                }
            }
        }
        feature += front.features;
    }
}

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
                scale * column[(ptrdiff_t)j * (net->inputs + net->features)];
        }
    }
    if (net->parts) {
        split_base(net, weights + l.encoder_t);
    }
    pack_fronts(net, &l, from, weights);
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
    unpack_fronts(net, &l, gradient, to);
    for (int j = 0; j < net->hidden && !net->encoded; j++) {
        for (int i = 0; i < net->inputs; i++) {
            to->encoder[(ptrdiff_t)j * (net->inputs + net->features) + column_of(net, i)] =
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
