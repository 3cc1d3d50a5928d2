// policy.c - see policy.h.
#include "policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SCALED_BOUND 1e6 // a declared bound beyond this means that there is none

enum { LINE = 64, LANES = 16 };

void* puf_policy_zeros(PufPolicy* policy, size_t bytes)
{
    size_t whole = (bytes + LINE) / LINE * LINE;
    const int32_t most = (int32_t)(sizeof policy->memory / sizeof policy->memory[0]);
    uint8_t* memory = policy->num_memory < most ? malloc(whole + LINE) : NULL;
    if (memory == NULL) {
        policy->bad = 1;
        return NULL;
    }
    policy->memory[policy->num_memory++] = memory;
    uint8_t* start = memory + (LINE - (uintptr_t)memory % LINE) % LINE;
    memset(start, 0, whole);
    return start;
}

void puf_policy_free(PufPolicy* policy)
{
    while (policy && policy->num_memory) {
        free(policy->memory[--policy->num_memory]);
    }
    free(policy);
}

// ---- What it observes. ----

int32_t puf_policy_part_count(const PufSpec* spec, const PufLayout* layout, int32_t i)
{
    int32_t rest = (int32_t)puf_obs_size(layout);
    for (int32_t p = 0; p < spec->num_obs; p++) {
        rest -= spec->obs[p].count;
    }
    return spec->obs[i].count ? spec->obs[i].count : rest;
}

static int has_codes(const PufSpec* spec)
{
    for (int32_t p = 0; p < spec->num_obs; p++) {
        if (spec->obs[p].codes) {
            return 1;
        }
    }
    return 0;
}

static double bound(const PufObs* part)
{
    const double low = fabs((double)part->low), high = fabs((double)part->high);
    return low > high ? low : high;
}

int puf_policy_unbounded(const PufObs* part) { return bound(part) > MAX_SCALED_BOUND; }

// One over the largest magnitude that a number of this part may have, or 1 where that is less than 1 or no useful bound;
// of a code, what scales the mean square of its inputs to 1.
static float scale_of(const PufObs* part)
{
    if (part->codes) {
        return (float)sqrt((double)part->codes);
    }
    const double most = bound(part);
    return (float)(1.0 / (most < 1.0 || most > MAX_SCALED_BOUND ? 1.0 : most));
}

// The kernels have the inputs of amounts first, then those of codes.
static void describe_inputs(PufPolicy* policy, const PufSpec* spec, const PufLayout* layout)
{
    PufNetwork* net = &policy->net;
    const int structured = has_codes(spec);
    PufPart* parts = puf_policy_zeros(policy, (size_t)spec->num_obs * sizeof(PufPart));
    net->number = spec->obs_dtype == PUF_U8   ? PUF_NUMBER_U8
                  : spec->obs_dtype == PUF_I8 ? PUF_NUMBER_I8
                                              : PUF_NUMBER_F32;
    net->row_bytes = (int32_t)puf_obs_size(layout);
    for (int32_t p = 0; p < spec->num_obs; p++) {
        const int32_t count = puf_policy_part_count(spec, layout, p), codes = spec->obs[p].codes;
        net->inputs += count * (codes ? codes : 1);
        net->amounts += codes ? 0 : count;
        net->codes += codes ? count : 0;
    }
    int32_t* columns = puf_policy_zeros(policy, (size_t)net->inputs * sizeof(int32_t));
    policy->input_scale = puf_policy_zeros(policy, (size_t)net->inputs * sizeof(float));
    if (policy->bad) {
        return;
    }
    int32_t column = 0, byte = 0, amount = 0, code = net->amounts;
    for (int32_t p = 0; p < spec->num_obs; p++) {
        const PufObs* part = &spec->obs[p];
        const int32_t count = puf_policy_part_count(spec, layout, p);
        if (count > 0) {
            parts[net->num_parts++] = (PufPart){ net->number, byte, count, part->codes };
        }
        byte += count;
        for (int32_t i = 0; i < count * (part->codes ? part->codes : 1); i++) {
            const int32_t to = part->codes ? code++ : amount++;
            columns[to] = column++;
            policy->input_scale[to] = scale_of(part);
        }
    }
    net->parts = structured ? parts : NULL;
    net->columns = structured ? columns : NULL;
}

// ---- What it chooses. ----

static void describe_actions(PufPolicy* policy, const PufLayout* layout)
{
    PufNetwork* net = &policy->net;
    const size_t count = (size_t)layout->num_actions;
    net->actions = layout->num_actions;
    if (layout->actions[0].choices > 0) {
        int32_t* choices = puf_policy_zeros(policy, count * sizeof(int32_t));
        for (size_t d = 0; choices && d < count; d++) {
            choices[d] = layout->actions[d].choices;
            net->outputs += choices[d];
        }
        net->head = PUF_CATEGORICAL;
        net->choices = choices;
        return;
    }
    net->head = PUF_GAUSSIAN;
    net->outputs = layout->num_actions;
    policy->scale = puf_policy_zeros(policy, count * sizeof(float));
    policy->centre = puf_policy_zeros(policy, count * sizeof(float));
    for (size_t d = 0; !policy->bad && d < count; d++) {
        const double low = (double)layout->actions[d].low, half = ((double)layout->actions[d].high - low) / 2.0;
        policy->scale[d] = (float)half;
        policy->centre[d] = (float)(low + half);
    }
}

PufPolicy* puf_policy_new(const PufSpec* spec, const PufLayout* layout, PufCell cell, int32_t hidden, int32_t layers)
{
    PufPolicy* policy = calloc(1, sizeof(PufPolicy));
    if (policy == NULL || hidden < 1 || hidden > 1024 || layers < 1 || layers > 64) {
        free(policy);
        return NULL;
    }
    policy->kernels = puf_kernels(PUF_ISA_BASELINE);
    PufNetwork* net = &policy->net;
    net->cell = cell, net->hidden = (hidden + LANES - 1) / LANES * LANES, net->layers = layers;
    describe_inputs(policy, spec, layout);
    describe_actions(policy, layout);
    policy->layout = puf_network_layout(net);
    policy->units = hidden;
    policy->gates = policy->layout.gates / net->hidden * hidden;
    policy->fan_in = policy->layout.fan_in / net->hidden * hidden;
    policy->sizes[0] = (size_t)hidden * (size_t)net->inputs;
    policy->sizes[1] = (size_t)layers * (size_t)policy->gates * (size_t)policy->fan_in;
    policy->sizes[2] = (size_t)policy->layout.rows * (size_t)hidden;
    policy->sizes[3] = net->head == PUF_GAUSSIAN ? (size_t)net->actions : 0;
    policy->size = policy->sizes[0] + policy->sizes[1] + policy->sizes[2] + policy->sizes[3];
    policy->numbers = puf_policy_zeros(policy, policy->size * sizeof(float));
    if (hidden != net->hidden) {
        policy->widened = puf_policy_zeros(policy, puf_policy_wide_size(policy) * sizeof(float));
    }
    policy->weights = puf_policy_zeros(policy, policy->layout.size * sizeof(float));
    policy->scratch = puf_policy_zeros(policy, policy->kernels->scratch(net, 1, PUF_ACT_ROWS) * sizeof(float));
    if (policy->bad) {
        puf_policy_free(policy);
        return NULL;
    }
    return policy;
}

// ---- Weights. ----

PufParameters puf_policy_parts(const PufPolicy* policy, float* numbers)
{
    PufParameters parts = { .encoder = numbers };
    parts.core = parts.encoder + policy->sizes[0];
    parts.head = parts.core + policy->sizes[1];
    parts.log_std = parts.head + policy->sizes[2];
    return parts;
}

size_t puf_policy_wide_size(const PufPolicy* policy)
{
    const PufNetwork* net = &policy->net;
    return (size_t)net->hidden * (size_t)(net->inputs + policy->layout.rows) +
           (size_t)net->layers * policy->layout.layer_size + policy->sizes[3];
}

PufParameters puf_policy_wide_parts(const PufPolicy* policy, float* widened)
{
    const PufNetwork* net = &policy->net;
    PufParameters parts = { .encoder = widened };
    parts.core = parts.encoder + (ptrdiff_t)net->hidden * net->inputs;
    parts.head = parts.core + (size_t)net->layers * policy->layout.layer_size;
    parts.log_std = parts.head + (ptrdiff_t)policy->layout.rows * net->hidden;
    return parts;
}

// A matrix of blocks, of rows and columns of units: copy it from or to one whose blocks are wider.
typedef struct Blocks {
    int32_t rows, columns;           // how many
    int32_t height, width;           // of one
    int32_t wide_height, wide_width; // of a wider one
} Blocks;

static void copy_blocks(Blocks b, float* narrow, float* wide, int widen)
{
    for (int32_t i = 0; i < b.rows * b.height; i++) {
        for (int32_t j = 0; j < b.columns * b.width; j++) {
            const ptrdiff_t row = i / b.height * b.wide_height + i % b.height;
            const ptrdiff_t column = j / b.width * b.wide_width + j % b.width;
            float* here = narrow + (ptrdiff_t)i * b.columns * b.width + j;
            float* there = wide + row * b.columns * b.wide_width + column;
            *(widen ? there : here) = *(widen ? here : there);
        }
    }
}

static void copy_units(const PufPolicy* policy, float* numbers, float* widened, int widen)
{
    const PufNetwork* net = &policy->net;
    const int32_t units = policy->units, all = net->hidden, rows = policy->layout.rows;
    const PufParameters narrow = puf_policy_parts(policy, numbers), wide = puf_policy_wide_parts(policy, widened);
    copy_blocks((Blocks){ 1, 1, units, net->inputs, all, net->inputs }, narrow.encoder, wide.encoder, widen);
    const Blocks core = { policy->gates / units, policy->fan_in / units, units, units, all, all };
    for (ptrdiff_t layer = 0; layer < net->layers; layer++) {
        copy_blocks(core, narrow.core + layer * policy->gates * policy->fan_in,
                    wide.core + layer * (ptrdiff_t)policy->layout.layer_size, widen);
    }
    copy_blocks((Blocks){ 1, 1, rows, units, rows, all }, narrow.head, wide.head, widen);
    const int32_t actions = (int32_t)policy->sizes[3];
    copy_blocks((Blocks){ 1, 1, 1, actions, 1, actions }, narrow.log_std, wide.log_std, widen);
}

void puf_policy_widen(const PufPolicy* policy, float* numbers, float* widened)
{
    copy_units(policy, numbers, widened, 1);
}

void puf_policy_narrow(const PufPolicy* policy, float* widened, float* numbers)
{
    copy_units(policy, numbers, widened, 0);
}

int puf_policy_normalize(PufPolicy* policy)
{
    PufNetwork* net = &policy->net;
    if (net->parts || net->number != PUF_NUMBER_F32) {
        return 0;
    }
    if (policy->input_mean == NULL) {
        policy->input_mean = puf_policy_zeros(policy, (size_t)net->inputs * sizeof(float));
    }
    net->mean = policy->input_mean, net->scale = policy->input_scale;
    return policy->input_mean != NULL;
}

void puf_policy_pack(PufPolicy* policy)
{
    PufParameters parts = puf_policy_parts(policy, policy->numbers);
    if (policy->widened) {
        puf_policy_widen(policy, policy->numbers, policy->widened);
        parts = puf_policy_wide_parts(policy, policy->widened);
    }
    const float* scale = policy->input_mean ? NULL : policy->input_scale; // then it is not the weights that are scaled
    policy->kernels->pack(&policy->net, &parts, scale, policy->weights);
}

static void change_units(const PufPolicy* policy, float* numbers, int to_file)
{
    const PufParameters parts = puf_policy_parts(policy, numbers);
    for (int32_t d = 0; d < (int32_t)policy->sizes[3]; d++) {
        const float unit = to_file ? policy->scale[d] : 1.0f / policy->scale[d];
        parts.log_std[d] += logf(unit);
        for (int32_t i = 0; i < policy->units; i++) {
            parts.head[d * policy->units + i] *= unit;
        }
    }
}

void puf_policy_from_file(PufPolicy* policy)
{
    change_units(policy, policy->numbers, 0);
    puf_policy_pack(policy);
}

void puf_policy_to_file(const PufPolicy* policy, float* numbers)
{
    memcpy(numbers, policy->numbers, policy->size * sizeof(float));
    change_units(policy, numbers, 1);
}

// ---- Acting. ----

int64_t puf_policy_act(PufPolicy* policy, PufAct act)
{
    act.scale = policy->scale;
    return policy->kernels->act(&policy->net, policy->weights, &act, policy->scratch);
}

void puf_policy_give(const PufPolicy* policy, const void* chosen, int32_t rows, void* actions)
{
    const int32_t count = policy->net.actions;
    for (int32_t i = 0; i < rows * count; i++) {
        if (policy->net.head == PUF_GAUSSIAN) {
            ((float*)actions)[i] = ((const float*)chosen)[i] + policy->centre[i % count];
        } else {
            ((int32_t*)actions)[i] = (int32_t)((const int64_t*)chosen)[i];
        }
    }
}

static void softmax(float* x, const uint8_t* mask, int32_t count)
{
    float most = -INFINITY, sum = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        most = (!mask || mask[i]) && x[i] > most ? x[i] : most;
    }
    for (int32_t i = 0; i < count; i++) {
        x[i] = !mask || mask[i] ? expf(x[i] - most) : 0.0f;
        sum += x[i];
    }
    for (int32_t i = 0; i < count; i++) {
        x[i] /= sum > 0.0f ? sum : 1.0f;
    }
}

void puf_policy_likelihood(const PufPolicy* policy, float* outputs, const uint8_t* mask)
{
    const PufNetwork* net = &policy->net;
    int32_t at = 0;
    if (net->head == PUF_GAUSSIAN) {
        const float* log_std = puf_policy_parts(policy, policy->numbers).log_std;
        for (int32_t d = 0; d < net->actions; d++) {
            outputs[net->actions + d] = expf(log_std[d]) * policy->scale[d];
            outputs[d] = outputs[d] * policy->scale[d] + policy->centre[d];
        }
        return;
    }
    for (int32_t d = 0; d < net->actions; at += net->choices[d++]) {
        softmax(outputs + at, mask ? mask + at : NULL, net->choices[d]);
    }
}
