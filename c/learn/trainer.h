// trainer.h - the whole of training in C: proximal policy optimisation as puffer-train does it with the C kernels, for one
// environment compiled into the same program. For pages in a browser, and programs without Python.
//
// The same seed and settings give the same weights, bit for bit, on any number of threads, and as `puffer-train --learner
// kernels` with PUFFER_ISA=baseline gives (tests/web/test_trainer.py). It leaves out what no shipped
// setting asks for (priorities, refresh_advantages, Adam for matrices), and agent masks. The kernels train multiples of 16
// units; other numbers are made up with idle ones, where puffer-train takes torch.
#pragma once
#include "../batch.h"
#include "curriculum.h"
#include "moments.h"
#include "policy.h"
#include "torch_random.h"

// Settings of [train] and [policy] (src/puffer_train/config.py says what each means), by name, with their defaults.
#define PUF_TRAIN_SETTINGS(X)                                                                                          \
    X(steps, 20e6)                                                                                                     \
    X(horizon, 32)                                                                                                     \
    X(minibatch, 8192)                                                                                                 \
    X(replay_ratio, 1.5)                                                                                               \
    X(learning_rate, 0.015)                                                                                            \
    X(vector_learning_rate, 0.003)                                                                                     \
    X(final_learning_rate, 0.0)                                                                                        \
    X(momentum, 0.87)                                                                                                  \
    X(weight_decay, 0.0)                                                                                               \
    X(max_gradient_norm, 1.11)                                                                                         \
    X(gamma, 0.98)                                                                                                     \
    X(gae_lambda, 0.983)                                                                                               \
    X(reward_scale, 1.0)                                                                                               \
    X(reward_clip, 1.0)                                                                                                \
    X(clip, 0.81)                                                                                                      \
    X(value_clip, 4.98)                                                                                                \
    X(value_coefficient, 3.47)                                                                                         \
    X(entropy_coefficient, 0.0049)                                                                                     \
    X(max_kl, 0.04)                                                                                                    \
    X(normalize_advantages, 1)                                                                                         \
    X(normalize_observations, 2) /* 0: none, 1: all numbers, 2: those without useful bounds */                         \
    X(normalize_rewards, 0)                                                                                            \
    X(hidden, 32)                                                                                                      \
    X(layers, 4)

typedef struct PufTrainSettings {
#define PUF_DECLARE(name, value) double name;
    PUF_TRAIN_SETTINGS(PUF_DECLARE)
#undef PUF_DECLARE
} PufTrainSettings;

// What an iteration was like.
typedef struct PufTrainReport {
    double steps;   // agent steps so far
    double updates; // gradient steps so far
    double skipped; // of these and of rollouts, because a number was not finite
    double learning_rate, gradient_norm;
    double policy_loss, value_loss, entropy, kl, clip_fraction;
} PufTrainReport;

typedef struct PufTrainer PufTrainer;

PufTrainSettings puf_train_defaults(void);
// Trains on the environments of a batch with these settings, which it seeds and steps, and which must outlive it. NULL:
// settings that do not fit (a minibatch is whole sequences, and at most a rollout), or out of memory. The threads, which
// step the batch too, are as many as could be had.
PufTrainer* puf_trainer_new(PufBatch* batch, const double* params, PufTrainSettings settings, PufCell cell,
                            uint64_t seed, int threads);
int puf_trainer_threads(const PufTrainer* trainer);
// Have settings of the environments change, and begin again. Returns whether the rules fit, and the batch has no settings
// of single environments yet: until the trainer is freed, it has.
int puf_trainer_follow(PufTrainer* trainer, const PufRule* rules, int32_t count);
void puf_trainer_free(PufTrainer* trainer);
// Play one rollout and learn from it.
PufTrainReport puf_trainer_iterate(PufTrainer* trainer);
PufPolicy* puf_trainer_policy(PufTrainer* trainer);
// Sums over the episodes that ended in the last iteration, as puf_batch_log has them.
const double* puf_trainer_log(const PufTrainer* trainer);
