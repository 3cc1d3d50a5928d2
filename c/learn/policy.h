// policy.h - a network that plays one environment: its sizes by the environment's table, its weights, and acting.
//
// The trainer (trainer.h) improves one; a page, or any program without Python, plays with one that was loaded.
#pragma once
#include "../puffer.h"
#include "learner.h"

typedef struct PufPolicy {
    const PufKernels* kernels;
    PufNetwork net;
    PufWeights layout;
    int32_t units, gates, fan_in; // of `numbers`; the kernels have `net.hidden` units, the rest of them idle
    float* input_scale;           // (inputs), in the order of the kernels
    float* input_mean;            // (inputs), if observations are normalised: shifted by this, scaled, cut; else NULL
    float *scale, *centre;        // (actions), continuous only: half the range of each, and its middle
    size_t sizes[4], size;        // numbers in encoder, core, head and log_std; in all
    float* numbers;               // (size): these four, one after the other, as a policy file has them
    float* widened;               // the same for as many units as the kernels have; NULL: `numbers` are
    float* weights;               // the same, packed for the kernels
    float* scratch;               // of acting
    void* memory[64];             // all that puf_policy_zeros gave
    int32_t num_memory, bad;      // bad: there was not enough
} PufPolicy;

// hidden: 1 to 1024. NULL: out of memory, or the observation is more than a policy can read.
PufPolicy* puf_policy_new(const PufSpec* spec, const PufLayout* layout, PufCell cell, int32_t hidden, int32_t layers);
void puf_policy_free(PufPolicy* policy);

// Numbers in part `i` of an observation; and whether a part has no useful bounds.
int32_t puf_policy_part_count(const PufSpec* spec, const PufLayout* layout, int32_t i);
int puf_policy_unbounded(const PufObs* part);

// Have observations normalised: by input_mean and input_scale, which are yet to be written. They are numbers without
// codes, float32; returns whether they are. Then pack.
int puf_policy_normalize(PufPolicy* policy);

// The four parts of `numbers`, or of an array like it.
PufParameters puf_policy_parts(const PufPolicy* policy, float* numbers);
// The same of an array like `widened`; and from one array to the other.
PufParameters puf_policy_wide_parts(const PufPolicy* policy, float* widened);
size_t puf_policy_wide_size(const PufPolicy* policy);
void puf_policy_widen(const PufPolicy* policy, float* numbers, float* widened);
void puf_policy_narrow(const PufPolicy* policy, float* widened, float* numbers);
// After `numbers` changed.
void puf_policy_pack(PufPolicy* policy);
// `numbers` were read from a policy file, or are about to be written to one: its continuous actions are in the
// environment's units, those of the kernels in units of `scale`.
void puf_policy_from_file(PufPolicy* policy);
void puf_policy_to_file(const PufPolicy* policy, float* numbers);

// Zeroed memory that begins on a cache line, freed with the policy. NULL: there is not enough.
void* puf_policy_zeros(PufPolicy* policy, size_t bytes);

// Act for some rows: see PufAct, whose `scale` is filled in. Returns the first row with outputs that are not finite, or -1.
int64_t puf_policy_act(PufPolicy* policy, PufAct act);
// For people to read: a row of the network's outputs becomes the probability of each choice (mask: those allowed, or
// NULL), or the mean of each continuous action and then all their spreads.
void puf_policy_likelihood(const PufPolicy* policy, float* outputs, const uint8_t* mask);
// What was chosen for `rows` rows, as an environment takes it: int32, or float32 around the centre.
void puf_policy_give(const PufPolicy* policy, const void* chosen, int32_t rows, void* actions);
