// learner.h - run the kernels on several threads, with results that do not depend on the number of threads.
#pragma once
#include "../isa.h"
#include "../pool.h"
#include "network.h"

// Sequences are processed in tiles. Gradients of tiles are summed per group, then groups are summed in order, so it
// does not matter which thread computes which. More groups serve more threads but cost more additions: large networks
// have half as many.
enum { PUF_GROUPS = 16 };

typedef struct PufLearner {
    const PufKernels* kernels;
    PufNetwork net;
    PufPool* pool; // NULL: one thread
    int32_t threads, tile_rows;
    float* weights;           // packed
    const float* input_scale; // NULL where observations are normalized
    float* scratch;           // (threads, scratch_size)
    size_t scratch_size;
    float* gradients; // (groups, gradient), both from the layout
} PufLearner;

int32_t puf_tile_rows(const PufNetwork* net, int32_t horizon);

// Sum the gradient over `count` sequences into `to` and return its norm. figures (PUF_FIGURES) receives the
// statistics to report. normalize: shift and scale the advantages to mean 0 and standard deviation 1. This sets
// loss->mean, inverse_spread and weight if weight is 0 on entry. Otherwise the sequences are only part of a
// minibatch, and the result is their share of the gradient.
double puf_learner_gradient(PufLearner*, const PufRollout*, PufLoss* loss, int normalize, const int64_t* sequences,
                            const float* importance, int32_t count, PufParameters* to, double* figures);

// The network without its loss. Backward writes the gradient of its weights to `to`.
// `scratch` of the learner: (threads, puf_sequence_scratch), only needed by forward without memory.
size_t puf_sequence_memory(PufLearner*, const PufSequence*);
size_t puf_sequence_scratch(PufLearner*, int32_t horizon);
void puf_sequence_forward(PufLearner*, const PufSequence*);
void puf_sequence_backward(PufLearner*, const PufSequence*, PufParameters* to);

// Run a job on all threads of the pool; NULL: here.
void puf_share(PufPool* pool, PufJob job, void* context);

// Add the gradients (groups, size) to the first one, in order.
void puf_sum_gradients(PufPool* pool, float* gradients, int32_t groups, size_t size);

// One Muon step for each of `count` matrices, in parallel.
void puf_muon_all(PufPool* pool, const PufKernels* kernels, const PufMuon* matrices, int32_t count);

const PufKernels* puf_kernels(PufIsa isa);
