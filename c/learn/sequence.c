// sequence.c - see learner.h: the network without its loss, on several threads.
#include "learner.h"

#include <stdatomic.h>
#include <string.h>

typedef struct Work {
    PufLearner* learner;
    const PufSequence* sequence;
    int32_t tile_rows, tiles, groups;
    size_t gradient_size, tile_size; // floats; tile_size 0: tiles leave nothing for a backward pass
    atomic_int next;
} Work;

static int32_t rows_of(const Work* work, int32_t tile)
{
    const int32_t left = work->sequence->rows - tile * work->tile_rows;
    return left < work->tile_rows ? left : work->tile_rows;
}

static void forward_tiles(void* context, int part, int parts)
{
    (void)parts;
    Work* work = context;
    PufLearner* learner = work->learner;
    for (int tile = atomic_fetch_add(&work->next, 1); tile < work->tiles; tile = atomic_fetch_add(&work->next, 1)) {
        float* memory = work->sequence->memory ? work->sequence->memory + (size_t)tile * work->tile_size
                                               : learner->scratch + (size_t)part * work->tile_size;
        learner->kernels->forward(&learner->net, learner->weights, work->sequence, tile * work->tile_rows,
                                  rows_of(work, tile), memory);
    }
}

// As in learner.c: gradients are summed per group, whichever thread computes which.
static void backward_groups(void* context, int part, int parts)
{
    (void)part;
    (void)parts;
    Work* work = context;
    PufLearner* learner = work->learner;
    for (int g = atomic_fetch_add(&work->next, 1); g < work->groups; g = atomic_fetch_add(&work->next, 1)) {
        float* gradient = learner->gradients + (size_t)g * work->gradient_size;
        memset(gradient, 0, sizeof(float) * work->gradient_size);
        for (int tile = work->tiles * g / work->groups; tile < work->tiles * (g + 1) / work->groups; tile++) {
            learner->kernels->backward(&learner->net, learner->weights, work->sequence, tile * work->tile_rows,
                                       rows_of(work, tile), work->sequence->memory + (size_t)tile * work->tile_size,
                                       gradient);
        }
    }
}

// A single step is taken as when acting.
static int32_t tile_rows(const PufNetwork* net, int32_t horizon)
{
    return horizon == 1 ? PUF_ACT_ROWS : puf_tile_rows(net, horizon);
}

static Work work_of(PufLearner* learner, const PufSequence* sequence)
{
    const PufWeights l = puf_network_layout(&learner->net);
    Work work = { .learner = learner, .sequence = sequence, .gradient_size = l.gradient };
    work.tile_rows = tile_rows(&learner->net, sequence->horizon);
    work.tiles = (sequence->rows + work.tile_rows - 1) / work.tile_rows;
    work.groups = work.tiles < l.groups ? work.tiles : l.groups;
    work.tile_size = learner->kernels->scratch(&learner->net, sequence->horizon, work.tile_rows);
    return work;
}

size_t puf_sequence_memory(PufLearner* learner, const PufSequence* sequence)
{
    const Work work = work_of(learner, sequence);
    return (size_t)work.tiles * work.tile_size;
}

size_t puf_sequence_scratch(PufLearner* learner, int32_t horizon)
{
    return learner->kernels->scratch(&learner->net, horizon, tile_rows(&learner->net, horizon));
}

void puf_sequence_forward(PufLearner* learner, const PufSequence* sequence)
{
    Work work = work_of(learner, sequence);
    puf_share(learner->pool, forward_tiles, &work);
}

void puf_sequence_backward(PufLearner* learner, const PufSequence* sequence, PufParameters* to)
{
    Work work = work_of(learner, sequence);
    puf_share(learner->pool, backward_groups, &work);
    puf_sum_gradients(learner->pool, learner->gradients, work.groups, work.gradient_size);
    learner->kernels->unpack_gradient(&learner->net, learner->gradients, learner->input_scale, to);
}
