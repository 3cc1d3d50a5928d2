// tile.h - acting, and learning from a few sequences at a time.
#pragma once
#include "actions.h"
#include "layers.h"

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

// Sample the actions of `rows` agents from `first` on, whose outputs are the rows of `out`.
static void choose_actions(const PufNetwork* net, const PufAct* act, const float* log_std, const float* out,
                           int out_row, int first, int rows, float* columns)
{
    for (int row = 0; row < rows; row += BLOCK) {
        const int count = rows - row < BLOCK ? rows - row : BLOCK;
        const uint8_t* masks[BLOCK] = { NULL };
        for (int i = 0; i < count && act->masks; i++) {
            masks[i] = act->masks + (ptrdiff_t)(first + row + i) * net->outputs;
        }
        to_columns(out + (ptrdiff_t)row * out_row, out_row, net->outputs, count, masks, net->outputs, columns);
        if (net->head == PUF_CATEGORICAL) {
            choose_categorical(net, act, first + row, count, columns);
        } else {
            choose_gaussian(net, act, log_std, first + row, count, columns);
        }
    }
}

static void sample_rows(const PufNetwork* net, const PufAct* act, const float* log_std, const float* outputs,
                        float* columns)
{
    choose_actions(net, act, log_std, outputs, net->outputs, 0, act->rows, columns);
}

static void act_on_outputs(const PufNetwork* net, const PufWeights* l, const float* weights, const PufAct* act,
                           const TileMemory* m, int first, int rows)
{
    for (int row = 0; row < rows && !net->bins; row++) {
        act->values[first + row] = m->out[(ptrdiff_t)row * l->padded + net->outputs];
    }
    for (int row = 0; row < rows && net->bins; row += BLOCK) {
        read_values(m->out + (ptrdiff_t)row * l->padded + net->outputs, l->padded, net->bins,
                    rows - row < BLOCK ? rows - row : BLOCK, m->columns, act->values + first + row);
    }
    if (act->chosen) {
        choose_actions(net, act, weights + l->log_std, m->out, l->padded, first, rows, m->columns);
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
        read_observations(net, act->observations, first, rows, &m.inputs, 0);
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
            read_observations(net, r->observations, at, 1, &m->inputs, s);
            if (net->parts && !net->num_fronts) {
                prefetch_row(net, r->observations, (ptrdiff_t)t * r->rows + sequences[(row + 2) % rows]);
            }
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
        to_columns(out, l->padded, l->rows, count, masks, net->outputs, m->columns);
        if (net->head == PUF_CATEGORICAL) {
            categorical_loss(net, loss, s, first, m->columns);
        } else {
            gaussian_loss(net, loss, s, weights + l->log_std, r->scale, first, m->columns, gradient + l->log_std);
        }
        for (int i = 0; i < count; i++) {
            for (int o = 0; o < l->rows; o++) {
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
    float* dx = head_backward(net, &l, weights, &tile, &m, gradient);
    body_backward(net, &l, weights, &tile, &m, dx, gradient);
    for (int i = 0; i < samples && net->encoded; i++) {
        memcpy(r->by_observations + ((ptrdiff_t)(i / rows) * r->rows + sequences[i % rows]) * net->hidden,
               dx + (ptrdiff_t)i * net->hidden, sizeof(float) * (size_t)net->hidden);
    }
}
