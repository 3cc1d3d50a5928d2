// muon.h - one Muon step (Jordan et al. 2024) for one matrix: Nesterov momentum, then the nearest orthogonal matrix.
//
// Five Newton-Schulz steps X <- a X + (b X X' + c (X X')^2) X find that matrix, in the tall form Y = X',
// Y <- a Y + Y (b Y'Y + c (Y'Y)^2), so that every product sums over rows.
#pragma once
#include "gemm.h"
#include "network.h"

enum { NEWTON_SCHULZ_STEPS = 5, VERY_TALL = 32 };

// y (tall, padded): the matrix, transposed if needed so that it has at least as many rows as columns, padded with
// zeros.
static void load_tall(const float* from, int rows, int columns, int padded, float* y)
{
    const int tall = rows > columns ? rows : columns, narrow = rows > columns ? columns : rows;
    memset(y, 0, sizeof(float) * (size_t)tall * (size_t)padded);
    for (int i = 0; i < tall; i++) {
        for (int j = 0; j < narrow; j++) {
            y[(ptrdiff_t)i * padded + j] =
                rows > columns ? from[(ptrdiff_t)i * columns + j] : from[(ptrdiff_t)j * columns + i];
        }
    }
}

// c (rows, columns) = a (rows, columns) b (columns, columns), of which nothing may overlap.
static void times(int rows, int columns, const float* a, const float* b, float* c)
{
    gemm((Product){ rows, columns, columns, a, columns, 1, b, columns, c, columns, 0 });
}

// gram (padded, padded) = Y'Y.
static void gram_of(int tall, int padded, const float* y, float* gram)
{
    gemm((Product){ padded, padded, tall, y, 1, padded, y, padded, gram, padded, 0 });
}

// mixed = a + b gram + c gram^2, which a Newton-Schulz step multiplies Y with.
static void mix(int padded, const float* gram, float* mixed)
{
    const float a = 3.4445f, b = -4.7750f, c = 2.0315f; // steepest at 0 (Jordan et al.)
    times(padded, padded, gram, gram, mixed);
    for (int i = 0; i < padded * padded; i += LANES) {
        store(mixed + i, fused(all(b), load(gram + i), c * load(mixed + i)));
    }
    for (int i = 0; i < padded; i++) {
        mixed[i * padded + i] += a;
    }
}

// The steps of a Y so tall that products with it are most of the work: they are done with its gram matrix, to which a
// step does M G M, and Y is multiplied once with the product of all M. next: at least 3 padded^2 floats besides.
static void orthogonalize_very_tall(int tall, int padded, float* y, float* gram, float* mixed, float* next)
{
    float *product = next, *other = product + padded * padded, *half = other + padded * padded;
    gram_of(tall, padded, y, gram);
    mix(padded, gram, product);
    memcpy(mixed, product, sizeof(float) * (size_t)padded * (size_t)padded);
    for (int step = 1; step < NEWTON_SCHULZ_STEPS; step++) {
        times(padded, padded, gram, mixed, half);
        times(padded, padded, mixed, half, gram);
        mix(padded, gram, mixed);
        times(padded, padded, product, mixed, other);
        memcpy(product, other, sizeof(float) * (size_t)padded * (size_t)padded);
    }
    memcpy(mixed, product, sizeof(float) * (size_t)padded * (size_t)padded);
    times(tall, padded, y, mixed, next);
    memcpy(y, next, sizeof(float) * (size_t)tall * (size_t)padded);
}

static void orthogonalize(int tall, int padded, float* y, float* gram, float* mixed, float* next)
{
    double square = 0.0;
    for (int i = 0; i < tall * padded; i++) {
        square += (double)y[i] * (double)y[i];
    }
    const float inverse = (float)(1.0 / __builtin_fmax(__builtin_sqrt(square), 1e-30));
    for (int i = 0; i < tall * padded; i += LANES) {
        store(y + i, load(y + i) * inverse);
    }
    if (tall >= VERY_TALL * padded) {
        orthogonalize_very_tall(tall, padded, y, gram, mixed, next);
        return;
    }
    for (int step = 0; step < NEWTON_SCHULZ_STEPS; step++) {
        gram_of(tall, padded, y, gram);
        mix(padded, gram, mixed);
        times(tall, padded, y, mixed, next);
        memcpy(y, next, sizeof(float) * (size_t)tall * (size_t)padded);
    }
}

static void muon(const PufMuon* p)
{
    const int rows = p->rows, columns = p->columns, size = rows * columns;
    const int tall = rows > columns ? rows : columns, narrow = rows > columns ? columns : rows;
    const int padded = (narrow + BLOCK - 1) / BLOCK * BLOCK;
    float* nesterov = p->scratch;
    float* y = nesterov + (size + BLOCK - 1) / BLOCK * BLOCK;
    float *next = y + tall * padded, *gram = next + tall * padded, *mixed = gram + padded * padded;
    for (int i = 0; i < size; i++) {
        const float gradient = fused_number(p->gradient[i], p->gradient_scale, 0.0f);
        const float average = fused_number(1.0f - p->momentum, gradient - p->average[i], p->average[i]);
        p->average[i] = average;
        nesterov[i] = fused_number(p->momentum, average - gradient, gradient);
    }
    load_tall(nesterov, rows, columns, padded, y);
    orthogonalize(tall, padded, y, gram, mixed, next);
    const float ratio = (float)rows / (float)columns, keep = 1.0f - p->decay;
    const float step = p->learning_rate * (ratio > 1.0f ? __builtin_sqrtf(ratio) : 1.0f);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            const float direction = rows > columns ? y[(ptrdiff_t)i * padded + j] : y[(ptrdiff_t)j * padded + i];
            float* weight = &p->parameter[(ptrdiff_t)i * columns + j];
            *weight = fused_number(-step, direction, *weight * keep);
        }
    }
}
