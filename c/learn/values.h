// values.h - what the last rows of the head say of the value, and the loss of that.
//
// Without bins, one row is the value. With them, the rows are the logits of a distribution over returns, whose bins lie
// evenly on a symmetric-log scale (Hafner et al. 2023); puffer_train/policy/values.py explains it:
//
//     symlog(x) = sign(x) ln(1 + |x|)      symexp(y) = sign(y) (e^|y| - 1)      value = symexp(mean bin)
#pragma once
#include "network.h"
#include "softmax.h"

#define VALUE_LIMIT 8.0f // the outermost bins; larger returns are cut to this

ALWAYS_INLINE Vec size_of(Vec x) { return choose(x < 0.0f, -x, x); }
ALWAYS_INLINE Vec with_sign(Vec size, Vec of) { return choose(of < 0.0f, -size, size); }

// The value that the rows (bins, BLOCK) stand for, for LANES samples.
ALWAYS_INLINE Vec mean_value(const float* rows, int bins, Softmax soft)
{
    const float step = 2.0f * VALUE_LIMIT / (float)(bins - 1);
    Vec mean = { 0 };
    for (int b = 0; b < bins; b++) {
        mean += exponential(load(rows + b * BLOCK) - soft.most) * ((float)b * step - VALUE_LIMIT);
    }
    mean = mean / soft.sum;
    return with_sign(exponential(size_of(mean)) - 1.0f, mean);
}

// Read the values of up to 16 samples from the head's outputs (count, padded), which begin with the value's rows.
static void read_values(const float* rows, int padded, int bins, int count, float* columns, float* values)
{
    for (int i = 0; i < BLOCK; i++) {
        const float* row = rows + (ptrdiff_t)(i < count ? i : count - 1) * padded;
        for (int b = 0; b < bins; b++) {
            columns[b * BLOCK + i] = row[b];
        }
    }
    float found[BLOCK];
    for (int i = 0; i < BLOCK; i += LANES) {
        store(found + i, mean_value(columns + i, bins, softmax(columns + i, bins)));
    }
    memcpy(values, found, sizeof(float) * (size_t)count);
}

// What the loss of the value needs to know of LANES samples.
typedef struct ValueSamples {
    Vec old, wanted, weight; // the value estimated when it was played, the return, and what the sample weighs
} ValueSamples;

// What comes out, with `value` as the policy has it now.
typedef struct ValueLoss {
    Vec value, loss; // loss: without the coefficient
} ValueLoss;

// Half the larger squared error, of the value or of its clipped version. Replaces the row by its gradient.
ALWAYS_INLINE ValueLoss scalar_loss(const PufLoss* loss, ValueSamples s, float* row)
{
    const Vec none = { 0 }, value = load(row), error = value - s.wanted;
    Vec gradient = error, square = error * error;
    if (loss->value_clip > 0.0f) {
        const Vec moved = value - s.old;
        const Vec shift = at_most(at_least(moved, all(-loss->value_clip)), all(loss->value_clip));
        const Vec clipped = (s.old + shift) - s.wanted, clipped_square = clipped * clipped;
        const Ints larger = clipped_square > square;
        square = choose(larger, clipped_square, square);
        gradient = choose(larger, choose(shift == moved, clipped, none), gradient);
    }
    store(row, loss->value_coefficient * s.weight * gradient);
    return (ValueLoss){ value, 0.5f * s.weight * square };
}

// Cross-entropy to the return, which two neighbouring bins share so that their mean is the return. Replaces the rows
// (bins, BLOCK) by their gradient.
ALWAYS_INLINE ValueLoss distribution_loss(const PufLoss* loss, ValueSamples s, float* rows, int bins)
{
    const Softmax soft = softmax(rows, bins);
    const Vec none = { 0 }, scale = loss->value_coefficient * s.weight;
    const Vec squashed = with_sign(logarithm(1.0f + size_of(s.wanted)), s.wanted);
    const Vec cut = at_most(at_least(squashed, all(-VALUE_LIMIT)), all(VALUE_LIMIT));
    const Vec place = (cut + VALUE_LIMIT) * ((float)(bins - 1) / (2.0f * VALUE_LIMIT));
    ValueLoss result = { mean_value(rows, bins, soft), none };
    for (int b = 0; b < bins; b++) {
        const Vec z = load(rows + b * BLOCK) - soft.most;
        const Vec share = at_least(1.0f - size_of(place - (float)b), none);
        result.loss -= share * (z - soft.log_sum);
        store(rows + b * BLOCK, scale * (exponential(z) / soft.sum - share));
    }
    result.loss = result.loss * s.weight;
    return result;
}
