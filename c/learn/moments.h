// moments.h - means and spreads of observations and rewards, as src/puffer_train/moments.py and the normalizers of
// src/puffer_train/algorithm have them: the same numbers are added in the same order.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>

// How many numbers there were, their mean, and the sum of their squared distances from it.
typedef struct PufMoments {
    double count, mean, squares;
} PufMoments;

static inline int puf_is_finite(float x) { return x - x == 0.0f; }

// Those of several sets of numbers together (Chan, Golub & LeVeque 1979), which are `stride` apart.
static inline PufMoments puf_pooled(const PufMoments* sets, int32_t count, int32_t stride)
{
    PufMoments all = sets[0];
    double sum = sets[0].count * sets[0].mean;
    for (int32_t i = 1; i < count; i++) {
        all.count += sets[(ptrdiff_t)i * stride].count;
        sum += sets[(ptrdiff_t)i * stride].count * sets[(ptrdiff_t)i * stride].mean;
    }
    all.mean = sum / (all.count > 1.0 ? all.count : 1.0);
    for (int32_t i = 0; i < count; i++) {
        const PufMoments* set = &sets[(ptrdiff_t)i * stride];
        const double apart = set->mean - all.mean, squares = set->squares + set->count * (apart * apart);
        all.squares = i == 0 ? squares : all.squares + squares;
    }
    return all;
}

// Add another set.
static inline void puf_add_moments(PufMoments* all, PufMoments more)
{
    const PufMoments both[] = { *all, more };
    *all = puf_pooled(both, 2, 1);
}

// Moments of each column of numbers (rows, columns), of the rows in which all are finite.
static inline void puf_column_moments(const float* numbers, int32_t rows, int32_t columns, PufMoments* to)
{
    for (int32_t j = 0; j < columns; j++) {
        to[j] = (PufMoments){ 0.0, 0.0, 0.0 };
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < rows; i++) {
            const float* row = numbers + (ptrdiff_t)i * columns;
            int finite = 1;
            for (int32_t j = 0; j < columns; j++) {
                finite &= puf_is_finite(row[j]);
            }
            for (int32_t j = 0; finite && j < columns; j++) {
                if (pass == 0) {
                    to[j].count += 1.0;
                    to[j].mean += (double)row[j];
                } else {
                    const double apart = (double)row[j] - to[j].mean;
                    to[j].squares += apart * apart;
                }
            }
        }
        for (int32_t j = 0; pass == 0 && j < columns; j++) {
            to[j].mean = to[j].count > 0.0 ? to[j].mean / to[j].count : 0.0;
        }
    }
}

// What a number is shifted by, and multiplied with after that. A spread that is rounding does not count.
static inline void puf_normal(PufMoments m, float* shift, float* scale)
{
    const double spread = sqrt(m.squares / (m.count > 1.0 ? m.count : 1.0));
    *shift = (float)m.mean;
    *scale = spread > 1e-6 * fabs(m.mean) ? (float)(1.0 / spread) : 1.0f;
}

// The returns so far of a rollout (horizon, rows): r + gamma R, where R starts at 0 in every episode. `returns` (rows)
// continue from one rollout to the next; `seen` (horizon, rows) receives those of every step, of which the finite ones
// count.
static inline PufMoments puf_return_moments(const float* rewards, const uint8_t* ends, int32_t horizon, int32_t rows,
                                            float gamma, float* returns, float* seen)
{
    PufMoments found = { 0.0, 0.0, 0.0 };
    const ptrdiff_t all = (ptrdiff_t)horizon * rows;
    for (ptrdiff_t i = 0; i < all; i++) {
        seen[i] = (float)((double)returns[i % rows] * (double)gamma + (double)rewards[i]);
        returns[i % rows] = ends[i] ? 0.0f : seen[i];
    }
    for (int32_t row = 0; row < rows; row++) {
        returns[row] = puf_is_finite(returns[row]) ? returns[row] : 0.0f;
    }
    for (ptrdiff_t i = 0; i < all; i++) {
        found.count += puf_is_finite(seen[i]) ? 1.0 : 0.0;
        found.mean += puf_is_finite(seen[i]) ? (double)seen[i] : 0.0;
    }
    found.mean = found.count > 0.0 ? found.mean / found.count : 0.0;
    for (ptrdiff_t i = 0; i < all; i++) {
        const double apart = puf_is_finite(seen[i]) ? (double)seen[i] - found.mean : 0.0;
        found.squares += apart * apart;
    }
    return found;
}

// What rewards are multiplied with, given the moments of the returns.
static inline double puf_reward_factor(PufMoments m)
{
    const double spread = m.count > 0.0 ? sqrt(m.squares / m.count) : 0.0;
    return spread > 1e-8 ? 1.0 / spread : 1.0;
}
