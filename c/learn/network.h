// network.h - the networks that the kernels support, their inputs and outputs, and the table of functions.
//
//     observation -> linear encoder -> recurrent layers -> head: logits or means of the actions, then the value
//
// Arrays within an observation may first go through convolutions (PufFront); the encoder then gets their features.
// Another program may encode instead (PufNetwork.encoded) and learn from the gradient of what it handed in.
//
// No layer has a bias. A tile is a few sequences that are processed together, over all their time steps. Its samples
// are ordered by time: sample s = t * rows + row. Every matrix of a tile has one row per sample.
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef enum PufCell { PUF_MINGRU, PUF_LSTM } PufCell;
typedef enum PufHead { PUF_CATEGORICAL, PUF_GAUSSIAN } PufHead;
typedef enum PufNumber { PUF_NUMBER_U8, PUF_NUMBER_I8, PUF_NUMBER_I32, PUF_NUMBER_F32 } PufNumber;

// Numbers that follow one another in an observation's row of bytes. Codes are categories: each has as many inputs as
// choices, of which the one that it names is 1 and the others 0.
typedef struct PufPart {
    PufNumber number;
    int32_t at, count; // the first byte, and how many numbers
    int32_t choices;   // of each code; 0: amounts, an input each
} PufPart;

typedef enum PufPlanes { PUF_IMAGE, PUF_GRID, PUF_EMBEDDING } PufPlanes;

enum { PUF_MAX_CONVOLUTIONS = 3, PUF_MAX_FRONTS = 16 };

// A ReLU follows. `padding` zeros lie around what it reads.
typedef struct PufConvolution {
    int32_t channels, kernel, stride, padding; // channels out: a multiple of 16
} PufConvolution;

// An array within an observation that is read as planes of numbers, and the convolutions that these go through. A plane
// of an image is a channel. A grid has one for each value of each channel, 1 in the cells that hold it. A value of an
// embedding stands for some learned numbers, each of which has a plane.
typedef struct PufFront {
    PufPlanes kind;
    PufNumber number;
    int32_t at;                      // the first byte
    int32_t height, width, channels; // of the array
    int32_t channels_first;          // images only: whether it is (c, h, w) rather than (h, w, c)
    int32_t low, values;             // of a cell of a grid or an embedding: the least, and how many there are
    int32_t size;                    // learned numbers of a value
    float scale;                     // which planes are multiplied with
    int32_t num_convolutions;
    PufConvolution convolutions[PUF_MAX_CONVOLUTIONS];
} PufFront;

typedef struct PufNetwork {
    PufCell cell;
    PufHead head;
    PufNumber number;               // of observations
    int32_t inputs, hidden, layers; // hidden: a multiple of 16
    const PufPart* parts;           // of observations with codes; NULL: they are `inputs` numbers, all amounts
    int32_t num_parts;
    int32_t amounts, codes, row_bytes; // of an observation, if it has parts; the kernels have inputs of amounts first
    const int32_t* columns;            // (inputs): where the optimizer has each of them; NULL: in the same order
    int32_t actions;                   // numbers in one action
    int32_t outputs;                   // logits or means; the head's rows after them are for the value; 0: no head
    const int32_t* choices;            // (actions): choices of each number of an action; NULL for a Gaussian
    const float *mean, *scale;         // (amounts): these are shifted, scaled and cut; NULL: they are not
    int32_t bins;                      // logits of the value's distribution, see values.h; 0: the value is one number
    int32_t encoded;                   // no encoder: observations are the first layer's inputs (hidden), float32
    const PufFront* fronts;            // only if there are parts, which may be none
    int32_t num_fronts, features;      // features: numbers that come out of all of them
} PufNetwork;

#define PUF_INPUT_LIMIT 10.0f // normalized observations are cut to +-this

// Offsets of the parts of the weights in one array, in floats. Transposed matrices (suffix _t) have one row per input.
typedef struct PufWeights {
    size_t encoder_t, core_t, head_t, log_std; // core*: of the first layer; add layer_size for each further one
    size_t
        gradient; // size of a gradient, which has the parts above; the weights continue with the untransposed matrices
    size_t core, head, size;
    size_t features_t, features; // the encoder's rows for features: a part of encoder_t, and untransposed
    size_t fronts_t, fronts;     // the fronts' weights, see planes.h
    size_t layer_size;
    int32_t gates;  // rows of one layer's matrix: 3 or 4 times hidden
    int32_t fan_in; // columns of one layer's matrix: hidden, or twice that for an LSTM
    int32_t rows;   // of the head: outputs, and 1 or bins for the value
    int32_t padded; // the same, padded
    int32_t state;  // numbers of recurrent state per layer
    int32_t groups; // into which gradients are summed
} PufWeights;

// The weights as the optimizer stores them, one row per output.
typedef struct PufParameters {
    float *encoder, *core, *head,
        *log_std; // (hidden, inputs + features), (layers, gates, fan_in), (rows, hidden), (actions)
    // of each front: the embedding (channels * values, size), if it is one, and (channels out, in * kernel * kernel)
    float* fronts[PUF_MAX_FRONTS][1 + PUF_MAX_CONVOLUTIONS];
} PufParameters;

// One time step of `rows` agents.
typedef struct PufAct {
    int32_t rows;
    const void* observations;  // (rows, inputs), contiguous
    const uint8_t* masks;      // (rows, outputs), or NULL
    float* state;              // (layers, ..., state), of which `rows` rows are used
    ptrdiff_t layer_stride;    // of state, in floats
    uint64_t key;              // of this step's random numbers
    int64_t first_row;         // number of the first agent; an agent's number and the key give its random numbers
    const int64_t* numbers;    // (rows) of the agents where they do not follow each other, or NULL
    int32_t greedy;            // take the most likely action
    const float* scale;        // (actions), Gaussian only: the unit of each number of an action
    void* chosen;              // (rows, actions): int64, or float32 for a Gaussian; NULL: compute only values
    float *log_probs, *values; // (rows)
} PufAct;

// The training data of a rollout: time-major arrays of all agents, from which sequences are picked.
typedef struct PufRollout {
    int32_t horizon, rows;
    const void* observations;            // (horizon, rows, inputs)
    const void* actions;                 // (horizon, rows, actions)
    const uint8_t* masks;                // (horizon, rows, outputs) or NULL
    const uint8_t* present;              // (horizon, rows) or NULL
    const uint8_t* ends;                 // (horizon, rows)
    const float* state;                  // (layers, rows, state) before step 0
    const float *log_probs, *advantages; // (horizon, rows)
    const float* scale;                  // (actions), Gaussian only
    float *values, *ratios; // (horizon, rows); with `refresh` set, updated at the end for the sequences trained on
    float* fresh;           // (rows, 2, horizon): new values and ratios until then, sequence by sequence
    float* by_observations; // (horizon, rows, inputs): receives the loss's gradient, only if `encoded`
} PufRollout;

// Sequences for the network without its loss. It may have no encoder (`encoded`) and no head (no outputs).
typedef struct PufSequence {
    int32_t horizon, rows;
    const void* inputs; // (horizon, rows, inputs)
    const float* keep;  // (horizon, rows): 0 where the state is reset before that step, else 1; NULL: never
    float* state;       // (layers, rows, state): before the first step; forward leaves that after the last
    float* outputs;     // (horizon, rows, outputs and value), without a head (horizon, rows, hidden)
    float* memory;      // puf_sequence_memory floats, from forward for backward; NULL: no backward will follow
    float* by_outputs;  // gradients of the outputs, only for backward
    float* by_inputs;   // (horizon, rows, hidden): gradients of the inputs, only for backward without an encoder
} PufSequence;

// Discrete actions whose likelihood is asked for, see evaluate.h.
typedef struct PufEvaluation {
    int32_t rows;
    const float* outputs;                     // (rows, outputs): logits
    const int64_t* chosen;                    // (rows, actions)
    const uint8_t* masks;                     // (rows, outputs), or NULL
    float *log_probs, *entropies;             // (rows)
    const float *by_log_probs, *by_entropies; // (rows): gradients
    float* by_outputs;                        // (rows, outputs), or NULL
    float* columns;                           // (outputs + actions, 16): scratch
} PufEvaluation;

typedef struct PufLoss {
    float clip, value_clip, value_coefficient, entropy_coefficient;
    float mean, inverse_spread; // advantages are normalized with these
    float weight;               // of one sample: 1 / number of samples
    int32_t refresh;            // write new values and ratios back once all tiles have used the old ones
} PufLoss;

enum { PUF_POLICY_LOSS, PUF_VALUE_LOSS, PUF_ENTROPY, PUF_OLD_KL, PUF_KL, PUF_CLIPPED, PUF_RATIO, PUF_FIGURES };

typedef struct PufTrace { // advantages, see advantage.h
    int32_t horizon, rows;
    const float *rewards, *values, *last_value, *final_values, *ratios; // (horizon, rows), last_value (rows)
    const uint8_t* ends;
    float reward_scale, reward_clip, gamma, lambda, rho_clip, trace_clip;
    float* advantages;
} PufTrace;

// The results of one environment step for some consecutive agents, and where to store them.
typedef struct PufStep {
    int32_t rows, layers, state_size;
    int64_t observation_size; // numbers in one observation
    int32_t floats;           // whether they are float32
    const PufPart* parts;     // as in PufNetwork
    int32_t num_parts;
    const PufFront* fronts;
    int32_t num_fronts;
    size_t observation_bytes; // of one
    const void* observations;
    const float* rewards;
    const uint8_t *terminals, *truncations;
    const uint8_t *present_before, *present; // NULL, or the agent masks before and after the step
    void* to_observations;
    float* to_rewards;
    uint8_t* to_ends;
    float* state; // (layers, ..., state_size)
    ptrdiff_t layer_stride;
} PufStep;

enum { PUF_SOME_TRUNCATED = 1, PUF_BAD_OBSERVATIONS = 2, PUF_BAD_REWARDS = 4 };

typedef struct PufMuon {
    int32_t rows, columns;
    float learning_rate, momentum, gradient_scale, decay; // decay: fraction of every weight to subtract
    const float* gradient;                                // (rows, columns)
    float *parameter, *average;                           // (rows, columns)
    float* scratch;                                       // puf_muon_scratch floats
} PufMuon;

PufWeights puf_network_layout(const PufNetwork* net);
size_t puf_muon_scratch(int32_t rows, int32_t columns); // floats

enum { PUF_ACT_ROWS = 64 }; // rows that `act` processes at a time

typedef struct PufKernels {
    // input_scale (inputs): put into the encoder's weights; NULL: nothing is
    void (*pack)(const PufNetwork*, const PufParameters*, const float* input_scale, float* weights);
    void (*unpack_gradient)(const PufNetwork*, float* gradient, const float* input_scale, PufParameters* to);
    size_t (*scratch)(const PufNetwork*, int32_t horizon,
                      int32_t rows); // floats that act (1, PUF_ACT_ROWS) and tile need
    // returns the first row with outputs that are not finite, or -1
    int64_t (*act)(const PufNetwork*, const float* weights, const PufAct*, float* scratch);
    // adds the gradient of `count` sequences to `gradient`, laid out like the weights, and their statistics to
    // `figures`; fresh (count, 2, horizon): receives their values and ratios unless it is NULL
    void (*tile)(const PufNetwork*, const float* weights, const PufRollout*, const PufLoss*, const int64_t* sequences,
                 const float* importance, int32_t count, float* fresh, float* scratch, float* gradient,
                 double* figures);
    // copies a step into the rollout and returns flags; `reset_state` then zeroes the state of agents whose episode ended
    int (*store)(const PufStep*);
    void (*reset_state)(const PufStep*);
    void (*advantages)(const PufTrace*);
    // samples actions from outputs (rows, outputs) as `act` does; columns: (outputs, 16) floats of scratch
    void (*sample)(const PufNetwork*, const PufAct*, const float* log_std, const float* outputs, float* columns);
    void (*evaluate)(const PufNetwork*, const PufEvaluation*);
    // some rows of a sequence, with the memory of a tile (see `scratch`); backward adds to `gradient`
    void (*forward)(const PufNetwork*, const float* weights, const PufSequence*, int32_t first, int32_t rows,
                    float* memory);
    void (*backward)(const PufNetwork*, const float* weights, const PufSequence*, int32_t first, int32_t rows,
                     float* memory, float* gradient);
    void (*muon)(const PufMuon*);
} PufKernels;
