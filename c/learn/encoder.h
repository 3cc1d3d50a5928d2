// encoder.h - what the network sees of an observation, and the encoder: one matrix that multiplies amounts, and of which
// codes pick rows.
//
// A code of 40 choices stands for 40 inputs of which one is 1. So nothing has to be multiplied: rows of the matrix are
// added up, and on the way back the gradient is added to them.
//
// Most codes are 0, for nothing is there, and cost nothing. What they all would add is the base; the row of any other
// code holds how much more it adds than 0 does. `pack` computes both from the matrix; the gradient of the matrix follows
// from theirs: that of the base, less what reached the other codes, is what reached 0.
#pragma once
#include "convolution.h"

// -- reading -----------------------------------------------------------------------------------------------

typedef struct Inputs {
    float* amounts;  // (samples, amounts)
    uint16_t* codes; // (samples, 1 + codes): how many are not 0, and the rows of these, counted from the first code's
    FrontMemory fronts;
} Inputs;

static int num_amounts(const PufNetwork* net) { return net->parts ? net->amounts : net->inputs; }

static Inputs take_inputs(const PufNetwork* net, size_t samples, float** cursor)
{
    Inputs inputs;
    inputs.amounts = take(cursor, net->encoded ? 0 : samples * (size_t)num_amounts(net));
    inputs.codes = (uint16_t*)take(cursor, net->parts ? (samples * (size_t)(1 + net->codes) + 1) / 2 : 0);
    inputs.fronts = take_fronts(net, samples, cursor);
    return inputs;
}

// Bring amounts x (rows, amounts) to mean 0 and spread 1. What is not finite becomes NaN, which will be noticed.
static void normalize(const PufNetwork* net, int rows, float* x)
{
    const int amounts = num_amounts(net);
    for (int row = 0; row < rows; row++, x += amounts) {
        for (int i = 0; i < amounts; i++) {
            const float z = (x[i] - net->mean[i]) * net->scale[i];
            const float least = z < -PUF_INPUT_LIMIT ? -PUF_INPUT_LIMIT : z;
            x[i] = (least > PUF_INPUT_LIMIT ? PUF_INPUT_LIMIT : least) + 0.0f * x[i];
        }
    }
}

// Append the rows of the codes that are not 0 to a list, the first code's first row being `row`; return its end. First
// those of all codes, which lanes can do. The border has checked that these are choices: were one none, another row would
// be picked, but none beyond the table.
static uint16_t* read_codes(const PufPart* part, uint16_t row, const uint8_t* from, uint16_t* to)
{
    const uint16_t choices = (uint16_t)part->choices, last = (uint16_t)(part->choices - 1);
    const int count = part->count;
    const uint16_t* rows = to;
    if (part->number == PUF_NUMBER_U8) {
        for (int i = 0; i < count; i++) {
            const uint16_t code = from[i] < last ? from[i] : last;
            to[i] = (uint16_t)(row + (uint16_t)i * choices + code);
        }
        for (int i = 0; i < count; i++) {
            *to = rows[i];
            to += from[i] != 0;
        }
        return to;
    }
    for (int i = 0; i < count; i++, row += choices) {
        const int32_t code = read_code(part->number, from, (size_t)i);
        *to = (uint16_t)(row + ((uint32_t)code < last ? (uint16_t)code : last));
        to += code != 0;
    }
    return to;
}

// Read an observation that has parts.
static void read_parts(const PufNetwork* net, const uint8_t* row, float* amounts, uint16_t* codes)
{
    uint16_t* to = codes + 1;
    uint32_t first = 0;
    for (int p = 0; p < net->num_parts; p++) {
        const PufPart* part = &net->parts[p];
        if (part->choices == 0) {
            read_numbers(part->number, row + part->at, (size_t)part->count, amounts);
            amounts += part->count;
        } else {
            to = read_codes(part, (uint16_t)first, row + part->at, to);
            first += (uint32_t)(part->count * part->choices);
        }
    }
    codes[0] = (uint16_t)(to - codes - 1);
}

// Read `rows` observations, from number `first` on, as the samples from number `sample` on.
static void read_observations(const PufNetwork* net, const void* from, ptrdiff_t first, int rows, const Inputs* inputs,
                              ptrdiff_t sample)
{
    const int amounts = num_amounts(net);
    float* to = inputs->amounts + sample * amounts;
    if (net->parts == NULL) {
        const uint8_t* start = (const uint8_t*)from + first * amounts * (ptrdiff_t)number_bytes(net->number);
        read_numbers(net->number, start, (size_t)rows * (size_t)amounts, to);
    }
    for (int row = 0; row < rows && net->parts; row++) {
        const uint8_t* bytes = (const uint8_t*)from + (first + row) * net->row_bytes;
        read_parts(net, bytes, to + (ptrdiff_t)row * amounts, inputs->codes + (sample + row) * (1 + net->codes));
        if (net->num_fronts) {
            inputs->fronts.rows[sample + row] = bytes;
        }
    }
    if (net->mean) {
        normalize(net, rows, to);
    }
}

// Begin to load an observation with parts that will be read soon: picked at random, it is in no cache.
static void prefetch_row(const PufNetwork* net, const void* from, ptrdiff_t number)
{
    const char* row = (const char*)from + number * net->row_bytes;
    for (ptrdiff_t line = 0; line < net->row_bytes; line += 64) {
        __builtin_prefetch(row + line);
    }
}

// -- encoding ----------------------------------------------------------------------------------------------

// The lanes of a row that are kept in registers at a time.
enum { WIDE = 64 };

// x (width) += the rows of the table that the codes of one sample pick.
ALWAYS_INLINE void add_rows(const uint16_t* codes, const float* table, int h, const int width, float* x)
{
    Vec sums[WIDE / LANES];
    for (int i = 0; i < width / LANES; i++) {
        sums[i] = load(x + i * LANES);
    }
    for (int c = 1; c <= codes[0]; c++) {
        const float* row = table + (ptrdiff_t)codes[c] * h;
        for (int i = 0; i < width / LANES; i++) {
            sums[i] += load(row + i * LANES);
        }
    }
    for (int i = 0; i < width / LANES; i++) {
        store(x + i * LANES, sums[i]);
    }
}

// Those rows of a gradient += dx (width).
ALWAYS_INLINE void add_to_rows(const uint16_t* codes, const float* dx, int h, const int width, float* table)
{
    Vec d[WIDE / LANES];
    for (int i = 0; i < width / LANES; i++) {
        d[i] = load(dx + i * LANES);
    }
    for (int c = 1; c <= codes[0]; c++) {
        float* row = table + (ptrdiff_t)codes[c] * h;
        for (int i = 0; i < width / LANES; i++) {
            store(row + i * LANES, load(row + i * LANES) + d[i]);
        }
    }
}

// x (samples, hidden) = the encoder's outputs. encoder_t: rows of amounts, of codes, the base, and of features.
static void encode(const PufNetwork* net, const PufWeights* l, int samples, const Inputs* inputs, const float* weights,
                   float* x)
{
    const int h = net->hidden, amounts = num_amounts(net), features = net->features;
    const float* encoder_t = weights + l->encoder_t;
    if (net->parts == NULL) {
        multiply(samples, h, amounts, inputs->amounts, amounts, encoder_t, h, x, h, 0);
        return;
    }
    const float *table = encoder_t + (ptrdiff_t)amounts * h, *base = encoder_t + (ptrdiff_t)net->inputs * h;
    for (int s = 0; s < samples; s++) {
        const uint16_t* codes = inputs->codes + (ptrdiff_t)s * (1 + net->codes);
        float* to = x + (ptrdiff_t)s * h;
        int i = 0;
        memcpy(to, base, sizeof(float) * (size_t)h);
        for (; i + WIDE <= h; i += WIDE) {
            add_rows(codes, table + i, h, WIDE, to + i);
        }
        for (; i < h; i += BLOCK) {
            add_rows(codes, table + i, h, BLOCK, to + i);
        }
    }
    if (amounts) {
        multiply(samples, h, amounts, inputs->amounts, amounts, encoder_t, h, x, h, 1);
    }
    if (features) {
        fronts_forward(net, l, (size_t)samples, &inputs->fronts, weights);
        multiply(samples, h, features, inputs->fronts.features, features, weights + l->features_t, h, x, h, 1);
    }
}

// From the gradient of its outputs, dx (samples, hidden), add that of the encoder, and of the fronts.
static void encode_backward(const PufNetwork* net, const PufWeights* l, int samples, const Inputs* inputs,
                            const float* weights, const float* dx, float* gradient)
{
    const int h = net->hidden, amounts = num_amounts(net), features = net->features;
    float* encoder = gradient + l->encoder_t;
    if (features) {
        multiply_transposed(features, h, samples, inputs->fronts.features, features, dx, h, gradient + l->features_t,
                            h);
        fronts_backward(net, l, (size_t)samples, &inputs->fronts, weights, dx, gradient);
    }
    if (amounts) {
        multiply_transposed(amounts, h, samples, inputs->amounts, amounts, dx, h, encoder, h);
    }
    float *table = encoder + (ptrdiff_t)amounts * h, *base = encoder + (ptrdiff_t)net->inputs * h;
    for (int s = 0; s < samples && net->parts; s++, dx += h) {
        const uint16_t* codes = inputs->codes + (ptrdiff_t)s * (1 + net->codes);
        int i = 0;
        for (; i + WIDE <= h; i += WIDE) {
            add_to_rows(codes, dx + i, h, WIDE, table + i);
        }
        for (; i < h; i += BLOCK) {
            add_to_rows(codes, dx + i, h, BLOCK, table + i);
        }
        for (i = 0; i < h; i += LANES) {
            store(base + i, load(base + i) + load(dx + i));
        }
    }
}

// Turn the packed rows of codes into what they add more than code 0 does, and sum up the base.
static void split_base(const PufNetwork* net, float* encoder_t)
{
    const int h = net->hidden;
    float *row = encoder_t + (ptrdiff_t)num_amounts(net) * h, *base = encoder_t + (ptrdiff_t)net->inputs * h;
    for (int p = 0; p < net->num_parts; p++) {
        const int choices = net->parts[p].choices;
        for (int c = 0; c < net->parts[p].count && choices; c++, row += choices * h) {
            for (int i = 0; i < h; i++) {
                base[i] += row[i];
            }
            for (int i = h; i < choices * h; i++) {
                row[i] -= row[i % h];
            }
        }
    }
}

// The gradient of the rows of code 0, from that of the base and of the others.
static void join_base(const PufNetwork* net, float* gradient)
{
    const int h = net->hidden;
    float *row = gradient + (ptrdiff_t)num_amounts(net) * h, *base = gradient + (ptrdiff_t)net->inputs * h;
    for (int p = 0; p < net->num_parts; p++) {
        const int choices = net->parts[p].choices;
        for (int c = 0; c < net->parts[p].count && choices; c++, row += choices * h) {
            memcpy(row, base, sizeof(float) * (size_t)h);
            for (int choice = 1; choice < choices; choice++) {
                for (int i = 0; i < h; i++) {
                    row[i] -= row[choice * h + i];
                }
            }
        }
    }
}
