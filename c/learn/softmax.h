// softmax.h - the softmax of some logits for LANES samples, which lie in columns: logit j of sample i at j * BLOCK + i.
#pragma once
#include "simd.h"

typedef struct Softmax {
    Vec most, sum, log_sum; // largest logit, sum of e^(logit - most), and its logarithm
} Softmax;

ALWAYS_INLINE Softmax softmax(const float* logits, int choices)
{
    Softmax s = { load(logits), { 0 }, { 0 } };
    for (int j = 1; j < choices; j++) {
        s.most = at_least(load(logits + j * BLOCK), s.most);
    }
    for (int j = 0; j < choices; j++) {
        s.sum += exponential(load(logits + j * BLOCK) - s.most);
    }
    s.log_sum = logarithm(s.sum);
    return s;
}
