// learner.c - see learner.h.
#include "learner.h"
#include "planes.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

extern const PufKernels puf_kernels_baseline;
#ifdef PUF_X86_VARIANTS
extern const PufKernels puf_kernels_v3, puf_kernels_v4;
#endif

const PufKernels* puf_kernels(PufIsa isa)
{
#ifdef PUF_X86_VARIANTS
    switch (isa) {
    case PUF_ISA_V4: return &puf_kernels_v4;
    case PUF_ISA_V3: return &puf_kernels_v3;
    default: break;
    }
#endif
    (void)isa;
    return &puf_kernels_baseline;
}

enum { SMALL_GRADIENT = 1 << 18 }; // floats

PufWeights puf_network_layout(const PufNetwork* net)
{
    const size_t h = (size_t)net->hidden, layers = (size_t)net->layers;
    PufWeights l;
    l.gates = (net->cell == PUF_LSTM ? 4 : 3) * net->hidden;
    l.fan_in = (net->cell == PUF_LSTM ? 2 : 1) * net->hidden;
    l.state = l.fan_in;
    l.rows = net->outputs ? net->outputs + (net->bins ? net->bins : 1) : 0;
    l.padded = (l.rows + 15) / 16 * 16;
    l.layer_size = (size_t)l.gates * (size_t)l.fan_in;
    l.encoder_t = 0;
    l.features_t = l.encoder_t +
                   (net->encoded ? 0 : padded_count((size_t)(net->inputs + (net->parts != NULL)) * h)); // and the base
    l.core_t = l.features_t + (size_t)net->features * h;
    l.head_t = l.core_t + layers * l.layer_size;
    l.log_std = l.head_t + h * (size_t)l.padded;
    l.fronts_t = l.log_std + (net->head == PUF_GAUSSIAN ? padded_count((size_t)net->actions) : 0);
    const Front fronts = fronts_layout(net);
    l.gradient = l.fronts_t + fronts.weights_t_end;
    l.core = l.gradient;
    l.head = l.core + layers * l.layer_size;
    l.features = l.head + (size_t)l.padded * h;
    l.fronts = l.features + h * (size_t)net->features;
    l.size = l.fronts + fronts.weights_end;
    l.groups = l.gradient <= SMALL_GRADIENT ? PUF_GROUPS : PUF_GROUPS / 2;
    return l;
}

size_t puf_muon_scratch(int32_t rows, int32_t columns)
{
    const size_t tall = (size_t)(rows > columns ? rows : columns);
    const size_t narrow = padded_count((size_t)(rows > columns ? columns : rows));
    return padded_count((size_t)rows * (size_t)columns) + 2 * tall * narrow + 2 * narrow * narrow;
}

// About 256 samples keep a tile of the default network within an L2 cache of 1 MB. An LSTM reads its recurrent
// weights again in every time step, so it gets more rows to share them.
int32_t puf_tile_rows(const PufNetwork* net, int32_t horizon)
{
    const int32_t least = net->cell == PUF_LSTM ? 16 : 4;
    const int32_t rows = 256 / horizon;
    return rows < least ? least : rows;
}

void puf_share(PufPool* pool, PufJob job, void* context)
{
    if (pool == NULL || puf_pool_run(pool, job, context) != 0) {
        job(context, 0, 1);
    }
}

// -- gradient ----------------------------------------------------------------------------------------------

typedef struct Work {
    PufLearner* learner;
    const PufRollout* rollout;
    const PufLoss* loss;
    const int64_t* sequences;
    const float* importance;
    int32_t count, groups;
    size_t gradient_size;
    double figures[PUF_GROUPS][PUF_FIGURES];
    atomic_int next;
} Work;

// Take one group after another until none is left.
static void train_groups(void* context, int part, int parts)
{
    (void)parts;
    Work* work = context;
    PufLearner* learner = work->learner;
    const int32_t rows = learner->tile_rows, tiles = (work->count + rows - 1) / rows;
    const size_t horizon = (size_t)work->rollout->horizon;
    for (int g = atomic_fetch_add(&work->next, 1); g < work->groups; g = atomic_fetch_add(&work->next, 1)) {
        float* gradient = learner->gradients + (size_t)g * work->gradient_size;
        memset(gradient, 0, sizeof(float) * work->gradient_size);
        memset(work->figures[g], 0, sizeof work->figures[g]);
        for (int tile = tiles * g / work->groups; tile < tiles * (g + 1) / work->groups; tile++) {
            const int32_t first = tile * rows;
            const int32_t count = work->count - first < rows ? work->count - first : rows;
            learner->kernels->tile(&learner->net, learner->weights, work->rollout, work->loss, work->sequences + first,
                                   work->importance + first, count,
                                   work->loss->refresh ? work->rollout->fresh + (size_t)first * 2 * horizon : NULL,
                                   learner->scratch + (size_t)part * learner->scratch_size, gradient, work->figures[g]);
        }
    }
}

typedef struct Sum {
    float* gradients;
    int32_t groups;
    size_t size;
} Sum;

// Each thread adds a range.
static void add_groups(void* context, int part, int parts)
{
    const Sum* sum = context;
    const size_t from = sum->size * (size_t)part / (size_t)parts, to = sum->size * (size_t)(part + 1) / (size_t)parts;
    for (int g = 1; g < sum->groups; g++) {
        const float* gradient = sum->gradients + (size_t)g * sum->size;
        for (size_t i = from; i < to; i++) {
            sum->gradients[i] += gradient[i];
        }
    }
}

void puf_sum_gradients(PufPool* pool, float* gradients, int32_t groups, size_t size)
{
    Sum sum = { gradients, groups, size };
    puf_share(pool, add_groups, &sum);
}

// Write new values and ratios to the rollout. A sequence that was chosen twice has the same ones both times.
static void refresh(const PufRollout* r, const int64_t* sequences, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        const float* fresh = r->fresh + (ptrdiff_t)i * 2 * r->horizon;
        for (int32_t t = 0; t < r->horizon; t++) {
            const ptrdiff_t at = (ptrdiff_t)t * r->rows + sequences[i];
            r->values[at] = fresh[t];
            r->ratios[at] = fresh[r->horizon + t];
        }
    }
}

// Count the samples that have an agent, and compute the mean and spread of their advantages.
static void weigh(const PufRollout* r, const int64_t* sequences, int32_t count, int normalize, PufLoss* loss)
{
    double n = 0.0, sum = 0.0, squares = 0.0;
    for (int pass = 0; pass < (normalize ? 2 : 1); pass++) {
        for (int32_t t = 0; t < r->horizon; t++) {
            for (int32_t i = 0; i < count; i++) {
                const ptrdiff_t at = (ptrdiff_t)t * r->rows + sequences[i];
                if (r->present && !r->present[at]) {
                    continue;
                }
                if (pass == 0) {
                    n += 1.0;
                    sum += (double)r->advantages[at];
                } else {
                    const double apart = (double)r->advantages[at] - sum / n;
                    squares += apart * apart;
                }
            }
        }
    }
    n = n > 0.0 ? n : 1.0;
    loss->weight = (float)(1.0 / n);
    loss->mean = normalize ? (float)(sum / n) : 0.0f;
    loss->inverse_spread = normalize ? (float)(1.0 / (sqrt(squares / n) + 1e-8)) : 1.0f;
}

static double add_squares(double sum, const float* x, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sum;
}

static double length(const PufNetwork* net, const PufWeights* l, const PufParameters* p)
{
    const struct {
        const float* at;
        size_t size;
    } parts[] = {
        { p->encoder, net->encoded ? 0 : (size_t)net->hidden * (size_t)(net->inputs + net->features) },
        { p->core, (size_t)net->layers * l->layer_size },
        { p->head, (size_t)l->rows * (size_t)net->hidden },
        { p->log_std, net->head == PUF_GAUSSIAN ? (size_t)net->actions : 0 },
    };
    double sum = 0.0;
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        sum = add_squares(sum, parts[part].at, parts[part].size);
    }
    for (int f = 0; f < net->num_fronts; f++) {
        const PufFront* front = &net->fronts[f];
        const Front layout = front_layout(front, 0, 0);
        sum = add_squares(sum, p->fronts[f][0], embedding_size(front));
        for (int i = 0; i < layout.num_layers; i++) {
            const Layer* layer = &layout.layers[i];
            sum = add_squares(sum, p->fronts[f][1 + i], (size_t)layer->depth * (size_t)layer->channels);
        }
    }
    return sqrt(sum);
}

double puf_learner_gradient(PufLearner* learner, const PufRollout* rollout, PufLoss* loss, int normalize,
                            const int64_t* sequences, const float* importance, int32_t count, PufParameters* to,
                            double* figures)
{
    const PufWeights l = puf_network_layout(&learner->net);
    const int32_t tiles = (count + learner->tile_rows - 1) / learner->tile_rows;
    Work work = { .learner = learner,
                  .rollout = rollout,
                  .loss = loss,
                  .sequences = sequences,
                  .importance = importance,
                  .count = count,
                  .groups = tiles < l.groups ? tiles : l.groups,
                  .gradient_size = l.gradient };
    if (loss->weight == 0.0f) {
        weigh(rollout, sequences, count, normalize, loss);
    }
    puf_share(learner->pool, train_groups, &work);
    puf_sum_gradients(learner->pool, learner->gradients, work.groups, work.gradient_size);
    if (loss->refresh) {
        refresh(rollout, sequences, count);
    }
    for (int f = 0; f < PUF_FIGURES; f++) {
        figures[f] = 0.0;
        for (int g = 0; g < work.groups; g++) {
            figures[f] += work.figures[g][f];
        }
    }
    learner->kernels->unpack_gradient(&learner->net, learner->gradients, learner->input_scale, to);
    return length(&learner->net, &l, to);
}

// -- optimizer ---------------------------------------------------------------------------------------------

typedef struct Matrices {
    const PufKernels* kernels;
    const PufMuon* matrices;
    int32_t count;
    atomic_int next;
} Matrices;

static void step_matrices(void* context, int part, int parts)
{
    (void)part;
    (void)parts;
    Matrices* work = context;
    for (int i = atomic_fetch_add(&work->next, 1); i < work->count; i = atomic_fetch_add(&work->next, 1)) {
        work->kernels->muon(&work->matrices[i]);
    }
}

void puf_muon_all(PufPool* pool, const PufKernels* kernels, const PufMuon* matrices, int32_t count)
{
    Matrices work = { .kernels = kernels, .matrices = matrices, .count = count };
    puf_share(pool, step_matrices, &work);
}
