// actions.h - sampling actions from the head's outputs, their log-probabilities, and the loss.
//
// Works on blocks of 16 samples, whose outputs are first transposed: column o holds output o of every sample.
#pragma once
#include "../puffer_math.h"
#include "../puffer_rng.h"
#include "network.h"
#include "simd.h"
#include "softmax.h"
#include "values.h"

#define MASKED_LOGIT -1e9f // gives a probability of exactly 0 without producing NaN
#define HALF_LOG_TWO_PI 0.918938533f

// Uniform in [0, 1), a multiple of 2^-24: number `index` of row `row` in the step identified by `key`.
static inline float uniform(uint64_t key, uint64_t row, uint64_t index)
{
    uint64_t x = puf_splitmix64(&key) + row;
    x = puf_splitmix64(&x) + index;
    return (float)(puf_splitmix64(&x) >> 40) * 0x1p-24f;
}

// Standard normal (Box & Muller 1958).
static inline float normal(uint64_t key, uint64_t row, uint64_t index)
{
    Vec u = all(uniform(key, row, 2 * index) + 0x1p-24f); // above 0
    Vec square = -2.0f * logarithm(u);
    const float angle = fused_number(6.28318531f, uniform(key, row, 2 * index + 1), 0.0f);
    return __builtin_sqrtf(square[0]) * puf_cosf(angle);
}

// The number of an agent among all, which its random numbers go by.
static inline uint64_t agent_number(const PufAct* act, int row)
{
    return (uint64_t)(act->numbers ? act->numbers[row] : act->first_row + row);
}

// Transpose outputs (count, padded) to columns (outputs, BLOCK). Samples past the last one are copies of it. Forbidden
// choices get MASKED_LOGIT.
static void to_columns(const float* rows, int padded, int outputs, int count, const uint8_t* const* masks, int choices,
                       float* columns)
{
    for (int i = 0; i < BLOCK; i++) {
        const int row = i < count ? i : count - 1;
        for (int o = 0; o < outputs; o++) {
            const int forbidden = masks[row] && o < choices && !masks[row][o];
            columns[o * BLOCK + i] = forbidden ? MASKED_LOGIT : rows[(ptrdiff_t)row * padded + o];
        }
    }
}

// Draw a choice for LANES samples: the first at which the running sum of probabilities exceeds u, or the most likely
// one if greedy. Returns its log-probability.
ALWAYS_INLINE Vec draw(const float* logits, int choices, const float* u, int greedy, int32_t* chosen)
{
    const Softmax s = softmax(logits, choices);
    const Vec limit = at_least(load(u) * s.sum, all(1e-30f)); // u may be 0, and masked choices add e^-87
    Vec running = { 0 }, log_prob = { 0 };
    Ints choice = (Ints){ 0 } - 1;
    for (int j = 0; j < choices && !greedy; j++) {
        Vec z = load(logits + j * BLOCK) - s.most;
        running += exponential(z);
        Ints here = (running > limit) & (choice < 0);
        choice = (here & j) | (~here & choice);
        log_prob = choose(here, z - s.log_sum, log_prob);
    }
    for (int j = 0; j < choices; j++) { // if greedy, or if rounding left none
        Vec z = load(logits + j * BLOCK) - s.most;
        Ints here = (z == 0.0f) & (choice < 0);
        choice = (here & j) | (~here & choice);
        log_prob = choose(here, z - s.log_sum, log_prob);
    }
    memcpy(chosen, &choice, sizeof choice);
    return log_prob;
}

// Sample actions of up to 16 agents from `columns` into act->chosen and act->log_probs, starting at `first`.
static void choose_categorical(const PufNetwork* net, const PufAct* act, int first, int count, const float* columns)
{
    float u[BLOCK], log_probs[BLOCK] = { 0 };
    int32_t chosen[BLOCK];
    int64_t* to = (int64_t*)act->chosen + (ptrdiff_t)first * net->actions;
    for (int d = 0; d < net->actions; d++) {
        for (int i = 0; i < BLOCK; i++) {
            u[i] = uniform(act->key, agent_number(act, first + (i < count ? i : 0)), (uint64_t)d);
        }
        for (int i = 0; i < BLOCK; i += LANES) {
            Vec log_prob = draw(columns + i, net->choices[d], u + i, act->greedy, chosen + i);
            store(log_probs + i, load(log_probs + i) + log_prob);
        }
        for (int i = 0; i < count; i++) {
            to[i * net->actions + d] = chosen[i];
        }
        columns += net->choices[d] * BLOCK;
    }
    memcpy(act->log_probs + first, log_probs, sizeof(float) * (size_t)count);
}

// The log-density of a normal distribution `distance` standard deviations from its mean.
ALWAYS_INLINE Vec normal_log_prob(Vec distance, float log_spread)
{
    return -0.5f * distance * distance - log_spread - HALF_LOG_TWO_PI;
}

// How far a control is from the mean, in standard deviations.
ALWAYS_INLINE Vec normal_distance(Vec control, Vec mean, float log_std)
{
    return (control - mean) * exponential(all(-log_std));
}

static void choose_gaussian(const PufNetwork* net, const PufAct* act, const float* log_std, int first, int count,
                            const float* columns)
{
    float* to = (float*)act->chosen + (ptrdiff_t)first * net->actions;
    for (int i = 0; i < count; i++) {
        float log_prob = 0.0f;
        for (int d = 0; d < net->actions; d++) {
            const uint64_t row = agent_number(act, first + i);
            const float noise = act->greedy ? 0.0f : normal(act->key, row, (uint64_t)d);
            const float spread = exponential(all(log_std[d]))[0];
            const float mean = columns[d * BLOCK + i], action = (mean + spread * noise) * act->scale[d];
            const float log_spread = log_std[d] + logarithm(all(act->scale[d]))[0];
            // computed from the rounded action, as in the loss: with a narrow spread it differs from the noise
            const Vec distance = normal_distance(all(action / act->scale[d]), all(mean), log_std[d]);
            log_prob += normal_log_prob(distance, log_spread)[0];
            to[i * net->actions + d] = action;
        }
        act->log_probs[first + i] = log_prob;
    }
}

// The samples of a tile: inputs of the loss, and what it computes per sample.
typedef struct Samples {
    int count;             // a multiple of BLOCK; those past the tile's last sample are copies of it with weight 0
    const int32_t* chosen; // (actions, count)
    const float* controls; // (actions, count) of a Gaussian, in units of its scale
    const float *log_probs, *values, *advantages, *returns, *weights; // (count)
    float *new_values, *ratios;                                       // (count)
    float* figures[PUF_FIGURES];                                      // (count) each
} Samples;

// The part of the loss that is independent of the kind of action. From the log-probability and entropy of LANES
// samples to the gradient with respect to the log-probability. The loss is max(-A w, -A clip(w, 1 - e, 1 + e)), w the
// probability ratio.
ALWAYS_INLINE Vec policy_loss(const PufLoss* loss, const Samples* s, int i, Vec log_prob, Vec entropy)
{
    const Vec advantage = load(s->advantages + i), weight = load(s->weights + i);
    const Vec log_ratio = log_prob - load(s->log_probs + i), ratio = exponential(log_ratio);
    const Vec clipped = at_most(at_least(ratio, all(1.0f - loss->clip)), all(1.0f + loss->clip));
    const Vec free_loss = -advantage * ratio, clipped_loss = -advantage * clipped;
    const Ints counts = free_loss >= clipped_loss;
    const Vec distance = choose(ratio > 1.0f, ratio - 1.0f, 1.0f - ratio);
    const Vec none = { 0 };
    store(s->ratios + i, ratio);
    store(s->figures[PUF_POLICY_LOSS] + i, weight * choose(counts, free_loss, clipped_loss));
    store(s->figures[PUF_ENTROPY] + i, weight * entropy);
    store(s->figures[PUF_OLD_KL] + i, -weight * log_ratio);
    store(s->figures[PUF_KL] + i, weight * (ratio - 1.0f - log_ratio));
    store(s->figures[PUF_CLIPPED] + i, choose(distance > loss->clip, weight, none));
    store(s->figures[PUF_RATIO] + i, weight * ratio);
    return choose(counts, weight * free_loss, none);
}

// The loss of the value of LANES samples, whose rows (1 or bins, BLOCK) are replaced by their gradient.
ALWAYS_INLINE void value_loss(const PufNetwork* net, const PufLoss* loss, const Samples* s, int i, float* rows)
{
    const ValueSamples of = { load(s->values + i), load(s->returns + i), load(s->weights + i) };
    const ValueLoss found = net->bins ? distribution_loss(loss, of, rows, net->bins) : scalar_loss(loss, of, rows);
    store(s->new_values + i, found.value);
    store(s->figures[PUF_VALUE_LOSS] + i, found.loss);
}

// How likely the chosen actions of LANES samples are. The choice of number d of an action is at chosen + d * row.
typedef struct Likelihood {
    Vec log_prob, entropy;
} Likelihood;

ALWAYS_INLINE Likelihood categorical_likelihood(const PufNetwork* net, const float* logits, const int32_t* choices,
                                                ptrdiff_t row)
{
    Likelihood found = { { 0 }, { 0 } };
    for (int d = 0; d < net->actions; d++) {
        const Softmax soft = softmax(logits, net->choices[d]);
        Ints chosen;
        memcpy(&chosen, choices + d * row, sizeof chosen);
        const Vec none = { 0 };
        for (int j = 0; j < net->choices[d]; j++) {
            Vec z = load(logits + j * BLOCK) - soft.most, log_p = z - soft.log_sum;
            found.entropy -= exponential(z) / soft.sum * log_p;
            found.log_prob += choose(chosen == j, log_p, none);
        }
        logits += net->choices[d] * BLOCK;
    }
    return found;
}

// Replace the logits by the gradient of a loss that falls with the entropy by `bonus` and has this gradient with
// respect to the log-probability. Returns where the logits end.
ALWAYS_INLINE float* categorical_gradient(const PufNetwork* net, float* logits, const int32_t* choices, ptrdiff_t row,
                                          Vec by_log_prob, Vec bonus)
{
    for (int d = 0; d < net->actions; d++) {
        const Softmax soft = softmax(logits, net->choices[d]);
        Ints chosen;
        memcpy(&chosen, choices + d * row, sizeof chosen);
        Vec own = { 0 };
        for (int j = 0; j < net->choices[d]; j++) {
            Vec z = load(logits + j * BLOCK) - soft.most;
            own -= exponential(z) / soft.sum * (z - soft.log_sum);
        }
        // d log p_a / d z_j = [j = a] - p_j;  d H / d z_j = -p_j (log p_j + H)
        for (int j = 0; j < net->choices[d]; j++) {
            Vec z = load(logits + j * BLOCK) - soft.most, log_p = z - soft.log_sum;
            Vec p = exponential(z) / soft.sum;
            Vec hit = choose(chosen == j, all(1.0f), (Vec){ 0 });
            store(logits + j * BLOCK, fused(bonus * p, log_p + own, by_log_prob * (hit - p)));
        }
        logits += net->choices[d] * BLOCK;
    }
    return logits;
}

// columns (outputs + values, BLOCK): on entry the outputs of the samples from `first` on, on return the loss's gradient
// with respect to them.
static void categorical_loss(const PufNetwork* net, const PufLoss* loss, const Samples* s, int first, float* columns)
{
    for (int i = 0; i < BLOCK; i += LANES) {
        const int32_t* chosen = s->chosen + first + i;
        const Likelihood now = categorical_likelihood(net, columns + i, chosen, s->count);
        const Vec by_log_prob = policy_loss(loss, s, first + i, now.log_prob, now.entropy);
        const Vec bonus = loss->entropy_coefficient * load(s->weights + first + i);
        float* value = categorical_gradient(net, columns + i, chosen, s->count, by_log_prob, bonus);
        value_loss(net, loss, s, first + i, value);
    }
}

// The same for normal distributions. Adds the gradient with respect to log_std to by_log_std (actions).
static void gaussian_loss(const PufNetwork* net, const PufLoss* loss, const Samples* s, const float* log_std,
                          const float* scale, int first, float* columns, float* by_log_std)
{
    for (int i = 0; i < BLOCK; i += LANES) {
        Vec log_prob = { 0 };
        float entropy = 0.0f;
        for (int d = 0; d < net->actions; d++) {
            const float log_spread = log_std[d] + logarithm(all(scale[d]))[0];
            const Vec control = load(s->controls + (ptrdiff_t)d * s->count + first + i);
            log_prob +=
                normal_log_prob(normal_distance(control, load(columns + d * BLOCK + i), log_std[d]), log_spread);
            entropy += log_spread + HALF_LOG_TWO_PI + 0.5f;
        }
        const Vec by_log_prob = policy_loss(loss, s, first + i, log_prob, all(entropy));
        const Vec bonus = loss->entropy_coefficient * load(s->weights + first + i);
        for (int d = 0; d < net->actions; d++) {
            const Vec narrow = exponential(all(-log_std[d]));
            const Vec control = load(s->controls + (ptrdiff_t)d * s->count + first + i);
            Vec distance = normal_distance(control, load(columns + d * BLOCK + i), log_std[d]);
            const Vec gradient = fused(by_log_prob, distance * distance - 1.0f, -bonus);
            for (int lane = 0; lane < LANES; lane++) {
                by_log_std[d] += gradient[lane];
            }
            store(columns + d * BLOCK + i, by_log_prob * distance * narrow);
        }
        value_loss(net, loss, s, first + i, columns + net->actions * BLOCK + i);
    }
}
