# cython: language_level=3
"""The C of the kernels as Cython sees it: what each header in c/learn declares of what `_kernels` uses."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from puffer cimport PufIsa, PufPool

cdef extern from "learn/network.h" nogil:
    ctypedef enum PufCell:
        PUF_MINGRU
        PUF_LSTM
    ctypedef enum PufHead:
        PUF_CATEGORICAL
        PUF_GAUSSIAN
    ctypedef enum PufNumber:
        PUF_NUMBER_U8
        PUF_NUMBER_I8
        PUF_NUMBER_I32
        PUF_NUMBER_F32
    enum:
        PUF_ACT_ROWS
        PUF_MAX_CONVOLUTIONS
        PUF_MAX_FRONTS
        PUF_FIGURES
        PUF_SOME_TRUNCATED
        PUF_BAD_OBSERVATIONS
        PUF_BAD_REWARDS
    ctypedef struct PufPart:
        PufNumber number
        int32_t at, count, choices
    ctypedef enum PufPlanes:
        PUF_IMAGE
    ctypedef struct PufConvolution:
        int32_t channels, kernel, stride, padding
    ctypedef struct PufFront:
        PufPlanes kind
        PufNumber number
        int32_t at, height, width, channels, channels_first, low, values, size
        float scale
        int32_t num_convolutions
        PufConvolution convolutions[3]
    ctypedef struct PufNetwork:
        PufCell cell
        PufHead head
        PufNumber number
        int32_t inputs, hidden, layers, actions, outputs
        const PufPart* parts
        int32_t num_parts, amounts, codes, row_bytes
        const int32_t* columns
        const int32_t* choices
        const float* mean
        const float* scale
        int32_t bins, encoded
        const PufFront* fronts
        int32_t num_fronts, features
    ctypedef struct PufWeights:
        size_t gradient, size
        int32_t gates, fan_in, rows, padded, state, groups
    ctypedef struct PufParameters:
        float* encoder
        float* core
        float* head
        float* log_std
        float* fronts[16][4]
    ctypedef struct PufAct:
        int32_t rows
        const void* observations
        const uint8_t* masks
        float* state
        Py_ssize_t layer_stride
        uint64_t key
        int64_t first_row
        const int64_t* numbers
        int32_t greedy
        const float* scale
        void* chosen
        float* log_probs
        float* values
    ctypedef struct PufRollout:
        int32_t horizon, rows
        const void* observations
        const void* actions
        const uint8_t* masks
        const uint8_t* present
        const uint8_t* ends
        const float* state
        const float* log_probs
        const float* advantages
        const float* scale
        float* values
        float* ratios
        float* fresh
        float* by_observations
    ctypedef struct PufSequence:
        int32_t horizon, rows
        const void* inputs
        const float* keep
        float* state
        float* outputs
        float* memory
        float* by_outputs
        float* by_inputs
    ctypedef struct PufEvaluation:
        int32_t rows
        const float* outputs
        const int64_t* chosen
        const uint8_t* masks
        float* log_probs
        float* entropies
        const float* by_log_probs
        const float* by_entropies
        float* by_outputs
        float* columns
    ctypedef struct PufLoss:
        float clip, value_clip, value_coefficient, entropy_coefficient
        float mean, inverse_spread, weight
        int32_t refresh
    ctypedef struct PufTrace:
        int32_t horizon, rows
        const float* rewards
        const float* values
        const float* last_value
        const float* final_values
        const float* ratios
        const uint8_t* ends
        # `lambda` is a Python keyword
        float reward_scale, reward_clip, gamma, trace "lambda", rho_clip, trace_clip
        float* advantages
    ctypedef struct PufStep:
        int32_t rows, layers, state_size
        int64_t observation_size
        int32_t floats
        const PufPart* parts
        int32_t num_parts
        const PufFront* fronts
        int32_t num_fronts
        size_t observation_bytes
        const void* observations
        const float* rewards
        const uint8_t* terminals
        const uint8_t* truncations
        const uint8_t* present_before
        const uint8_t* present
        void* to_observations
        float* to_rewards
        uint8_t* to_ends
        float* state
        Py_ssize_t layer_stride
    ctypedef struct PufMuon:
        int32_t rows, columns
        float learning_rate, momentum, gradient_scale, decay
        const float* gradient
        float* parameter
        float* average
        float* scratch
    ctypedef struct PufKernels:
        void (*pack)(const PufNetwork*, const PufParameters*, const float*, float*) noexcept nogil
        size_t (*scratch)(const PufNetwork*, int32_t, int32_t) noexcept nogil
        int64_t (*act)(const PufNetwork*, const float*, const PufAct*, float*) noexcept nogil
        int (*store)(const PufStep*) noexcept nogil
        void (*reset_state)(const PufStep*) noexcept nogil
        void (*advantages)(const PufTrace*) noexcept nogil
        void (*evaluate)(const PufNetwork*, const PufEvaluation*) noexcept nogil
        void (*sample)(const PufNetwork*, const PufAct*, const float*, const float*, float*) noexcept nogil
    PufWeights puf_network_layout(const PufNetwork*)
    size_t puf_muon_scratch(int32_t, int32_t)

cdef extern from "learn/learner.h" nogil:
    ctypedef struct PufLearner:
        const PufKernels* kernels
        PufNetwork net
        PufPool* pool
        int32_t threads, tile_rows
        float* weights
        const float* input_scale
        float* scratch
        size_t scratch_size
        float* gradients
    int32_t puf_tile_rows(const PufNetwork*, int32_t)
    double puf_learner_gradient(PufLearner*, const PufRollout*, PufLoss*, int, const int64_t*, const float*, int32_t,
                                PufParameters*, double*)
    size_t puf_sequence_memory(PufLearner*, const PufSequence*)
    size_t puf_sequence_scratch(PufLearner*, int32_t)
    void puf_sequence_forward(PufLearner*, const PufSequence*)
    void puf_sequence_backward(PufLearner*, const PufSequence*, PufParameters*)
    void puf_muon_all(PufPool*, const PufKernels*, const PufMuon*, int32_t)
    const PufKernels* puf_kernels(PufIsa)
