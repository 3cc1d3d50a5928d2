// advantage.h - generalized advantage estimation with V-trace clipping (Schulman et al. 2016, Espeholt et al. 2018).
//
//     delta_t = min(w_t, rho) (r_t + gamma V_{t+1} - V_t)
//     A_t     = delta_t + gamma lambda min(w_t, c) (1 - end_t) A_{t+1}
//
// V_{t+1} is the value of the state that this transition led to: 0 at a terminal, and the value of the final
// observation if the episode was truncated. Rewards are scaled and clipped here.
#pragma once
#include "network.h"
#include "simd.h"

static void advantages(const PufTrace* p)
{
    for (int t = p->horizon - 1; t >= 0; t--) {
        const ptrdiff_t at = (ptrdiff_t)t * p->rows;
        const float* following = t == p->horizon - 1 ? p->last_value : p->values + at + p->rows;
        for (int i = 0; i < p->rows; i++) {
            float reward = p->rewards[at + i] * p->reward_scale;
            if (p->reward_clip > 0.0f) {
                reward = reward > p->reward_clip ? p->reward_clip : reward < -p->reward_clip ? -p->reward_clip : reward;
            }
            const int end = p->ends[at + i] != 0;
            const float next = end ? p->final_values[at + i] : following[i];
            float delta = fused_number(p->gamma, next, reward) - p->values[at + i];
            float trace = p->gamma * p->lambda;
            if (p->ratios) {
                const float w = p->ratios[at + i];
                delta *= w > p->rho_clip ? p->rho_clip : w;
                trace *= w > p->trace_clip ? p->trace_clip : w;
            }
            const float later = t == p->horizon - 1 ? 0.0f : p->advantages[at + p->rows + i];
            p->advantages[at + i] = end ? delta : fused_number(trace, later, delta);
        }
    }
}
