// learner.h - the kernels at work on several threads, with results that do not depend on their number.
#pragma once
#include "../isa.h"
#include "../pool.h"
#include "network.h"

// Sequences are trained on in tiles, tiles are added up in groups, and groups in their order: who computes which does not
// matter. More groups serve more threads and cost more adding up: large networks have half as many.
enum { PUF_GROUPS = 16 };

typedef struct PufLearner {
    const PufKernels* kernels;
    PufNetwork net;
    PufPool* pool; // NULL: one thread
    int32_t threads, tile_rows;
    float* weights; // packed
    const float* input_scale;
    float* scratch; // threads times scratch_size
    size_t scratch_size;
    float* gradients; // the layout's groups times its gradient
} PufLearner;

int32_t puf_tile_rows(const PufNetwork* net, int32_t horizon);

// Adds up the gradient over `count` sequences and returns its length; figures (PUF_FIGURES) become what is reported.
// normalize: bring their advantages to mean 0 and spread 1. loss->mean, inverse_spread and weight are set here, unless
// weight is not 0: these are then not all the samples of the minibatch, and the result is their share of the gradient.
double puf_learner_gradient(PufLearner*, const PufRollout*, PufLoss* loss, int normalize, const int64_t* sequences,
                            const float* importance, int32_t count, PufParameters* to, double* figures);

// One step for each of some matrices, side by side.
void puf_muon_all(PufPool* pool, const PufKernels* kernels, const PufMuon* matrices, int32_t count);

const PufKernels* puf_kernels(PufIsa isa);
