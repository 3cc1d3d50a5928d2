// evaluate.h - how likely given discrete actions are, and the way back, for programs with a loss of their own.
#pragma once
#include "actions.h"

// Without by_outputs: fills in log_probs and entropies. With it: turns their gradients into that of the outputs.
static void evaluate(const PufNetwork* net, const PufEvaluation* e)
{
    int32_t* chosen = (int32_t*)(e->columns + (ptrdiff_t)net->outputs * BLOCK); // (actions, BLOCK)
    for (int row = 0; row < e->rows; row += BLOCK) {
        const int count = e->rows - row < BLOCK ? e->rows - row : BLOCK;
        const uint8_t* masks[BLOCK] = { NULL };
        float log_probs[BLOCK] = { 0 }, entropies[BLOCK] = { 0 };
        for (int i = 0; i < BLOCK; i++) {
            const ptrdiff_t of = row + (i < count ? i : count - 1);
            masks[i] = e->masks ? e->masks + of * net->outputs : NULL;
            for (int d = 0; d < net->actions; d++) {
                chosen[d * BLOCK + i] = (int32_t)e->chosen[of * net->actions + d];
            }
        }
        to_columns(e->outputs + (ptrdiff_t)row * net->outputs, net->outputs, net->outputs, count, masks, net->outputs,
                   e->columns);
        if (e->by_outputs) {
            memcpy(log_probs, e->by_log_probs + row, sizeof(float) * (size_t)count);
            memcpy(entropies, e->by_entropies + row, sizeof(float) * (size_t)count);
        }
        for (int i = 0; i < BLOCK; i += LANES) {
            if (e->by_outputs) {
                categorical_gradient(net, e->columns + i, chosen + i, BLOCK, load(log_probs + i), -load(entropies + i));
            } else {
                const Likelihood found = categorical_likelihood(net, e->columns + i, chosen + i, BLOCK);
                store(log_probs + i, found.log_prob);
                store(entropies + i, found.entropy);
            }
        }
        if (!e->by_outputs) {
            memcpy(e->log_probs + row, log_probs, sizeof(float) * (size_t)count);
            memcpy(e->entropies + row, entropies, sizeof(float) * (size_t)count);
        }
        for (int i = 0; i < count && e->by_outputs; i++) {
            for (int o = 0; o < net->outputs; o++) {
                e->by_outputs[(ptrdiff_t)(row + i) * net->outputs + o] = e->columns[o * BLOCK + i];
            }
        }
    }
}
