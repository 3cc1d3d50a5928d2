// convolution.h - arrays as planes of numbers, and convolutions over them, forward and backward.
//
// What each place reads, its patch, is copied into a row, some rows at a time: then a convolution is a product of
// matrices that fit into the cache. Copying a number costs as much as a sixteenth of a product with it.
//
// The first layer of a grid multiplies nothing: of a one-hot cell, a row of weights is picked and added up.
//
// No sum depends on how many samples or places are taken together: each is in the order of samples, then places.
#pragma once
#include "gemm.h"
#include "numbers.h"
#include "planes.h"

enum { PATCHES = 64, CONV_GROUP = 4 }; // places and samples that are worked on at a time

typedef struct FrontMemory {
    const uint8_t** rows;        // (samples): the observations
    float* features;             // (samples, features)
    float* kept;                 // of each layer of each front but its first: what it reads (samples, planes)
    uint16_t* cells;             // (CONV_GROUP, cells): rows of weights that the cells pick
    float *planes, *by_planes;   // (CONV_GROUP, planes) of any layer, and their gradient
    float *patches, *by_patches; // (PATCHES, depth) of any layer, and their gradient (PATCHES, padded)
    float *out, *by_out;         // (PATCHES, channels), and the gradient (CONV_GROUP, places, channels)
    float* by_features;          // (BLOCK, features)
} FrontMemory;

static size_t more(size_t a, size_t b) { return a > b ? a : b; }

static size_t cells_of(const PufFront* f) { return (size_t)f->height * (size_t)f->width * (size_t)f->channels; }

static FrontMemory take_fronts(const PufNetwork* net, size_t samples, float** cursor)
{
    size_t kept = 0, cells = 0, planes = 0, by_planes = 0, patches = 0, by_patches = 0, out = 0, by_out = 0;
    for (int f = 0; f < net->num_fronts; f++) {
        const Front front = front_layout(&net->fronts[f], 0, 0);
        cells = more(cells, net->fronts[f].kind == PUF_IMAGE ? 0 : cells_of(&net->fronts[f]));
        for (int i = 0; i < front.num_layers; i++) {
            const Layer* l = &front.layers[i];
            kept += i ? padded_count(samples * plane_size(l)) : 0;
            planes = more(planes, i || l->looks_up ? 0 : plane_size(l));
            by_planes = more(by_planes, l->back ? plane_size(l) : 0);
            patches = more(patches, l->looks_up ? 0 : (size_t)l->depth);
            by_patches = more(by_patches, l->back ? (size_t)l->padded : 0);
            out = more(out, (size_t)l->channels);
            by_out = more(by_out, (size_t)l->places * (size_t)l->channels);
        }
    }
    FrontMemory m = { .rows = NULL };
    if (net->num_fronts) {
        m.rows = (const uint8_t**)take(cursor, samples * sizeof m.rows[0] / sizeof(float));
        m.features = take(cursor, samples * (size_t)net->features);
        m.kept = take(cursor, kept);
        m.cells = (uint16_t*)take(cursor, (CONV_GROUP * cells + 1) / 2);
        m.planes = take(cursor, CONV_GROUP * planes);
        m.by_planes = take(cursor, CONV_GROUP * by_planes);
        m.patches = take(cursor, PATCHES * patches);
        m.by_patches = take(cursor, PATCHES * by_patches);
        m.out = take(cursor, PATCHES * out);
        m.by_out = take(cursor, CONV_GROUP * by_out);
        m.by_features = take(cursor, BLOCK * (size_t)net->features);
    }
    return m;
}

// -- planes ------------------------------------------------------------------------------------------------

// For every cell of a grid or an embedding, the number of its value among those of all channels. The border has checked
// that cells are in their range; another one counts as the last value.
static void read_cells(const PufFront* f, const uint8_t* row, uint16_t* to)
{
    const size_t count = cells_of(f);
    const uint8_t* from = row + f->at;
    const uint32_t values = (uint32_t)f->values;
    for (size_t i = 0, channel = 0; i < count; i++, channel = channel + 1 < (size_t)f->channels ? channel + 1 : 0) {
        uint32_t cell;
        if (f->number == PUF_NUMBER_F32) {
            float x;
            memcpy(&x, from + sizeof x * i, sizeof x);
            cell = x >= -0x1p30f && x <= 0x1p30f ? (uint32_t)(int32_t)x - (uint32_t)f->low : values;
        } else {
            cell = (uint32_t)read_code(f->number, from, i) - (uint32_t)f->low;
        }
        to[i] = (uint16_t)(channel * values + (cell < values ? cell : values - 1));
    }
}

// Copy `count` numbers.
ALWAYS_INLINE void copy_run(float* to, const float* from, int count)
{
    int i = 0;
    for (; i + 8 <= count; i += 8) {
        memcpy(to + i, from + i, 8 * sizeof(float));
    }
    for (; i < count; i++) {
        to[i] = from[i];
    }
}

ALWAYS_INLINE void add_run(float* to, const float* from, int count)
{
    int i = 0;
    for (; i + LANES <= count; i += LANES) {
        store(to + i, load(to + i) + load(from + i));
    }
    for (; i < count; i++) {
        to[i] += from[i];
    }
}

// Read an array as the planes of the first layer, unless that looks up what cells pick.
static void read_planes(const PufFront* f, const Layer* l, const uint8_t* row, const uint16_t* cells,
                        const float* embedding, float* to)
{
    const int run = f->width * l->inner; // numbers in a row of a group
    if (l->padding) {
        memset(to, 0, sizeof(float) * plane_size(l));
    }
    for (int g = 0; g < l->groups; g++) {
        for (int y = 0; y < f->height; y++) {
            float* at = to + ((ptrdiff_t)(g * l->height + y + l->padding) * l->width + l->padding) * l->inner;
            if (f->kind == PUF_IMAGE) {
                const ptrdiff_t first = (ptrdiff_t)(g * f->height + y) * run;
                read_numbers(f->number, row + f->at + first * (ptrdiff_t)number_bytes(f->number), (size_t)run, at);
                continue;
            }
            const uint16_t* of_row = cells + (ptrdiff_t)y * f->width * f->channels;
            for (int i = 0; i < f->width * f->channels; i++) {
                copy_run(at + (ptrdiff_t)i * f->size, embedding + (ptrdiff_t)of_row[i] * f->size, f->size);
            }
        }
    }
}

// Add the gradient of an embedding, from that of its planes.
static void embedding_backward(const PufFront* f, const Layer* l, const uint16_t* cells, const float* by_planes,
                               float* by_embedding)
{
    for (int y = 0; y < f->height; y++) {
        const float* at = by_planes + ((ptrdiff_t)(y + l->padding) * l->width + l->padding) * l->inner;
        const uint16_t* of_row = cells + (ptrdiff_t)y * f->width * f->channels;
        for (int i = 0; i < f->width * f->channels; i++) {
            add_run(by_embedding + (ptrdiff_t)of_row[i] * f->size, at + (ptrdiff_t)i * f->size, f->size);
        }
    }
}

// -- layers ------------------------------------------------------------------------------------------------

// Planes of samples, `stride` numbers apart, within which places are a layer's outputs: (height, width, channels) in the
// middle of (height + 2 padding, row, channels).
typedef struct Places {
    float* at;
    size_t stride;
    int row, padding;
} Places;

// One of the places of a layer, counted through all samples.
typedef struct Place {
    int sample, y, x;
} Place;

ALWAYS_INLINE void next_place(const Layer* l, Place* p)
{
    p->x++;
    if (p->x == l->places_x) {
        p->x = 0;
        p->y++;
        if (p->y == l->places_y) {
            p->y = 0;
            p->sample++;
        }
    }
}

ALWAYS_INLINE float* output_of(const Layer* l, const Places* to, Place p)
{
    return to->at + (size_t)p.sample * to->stride +
           ((ptrdiff_t)(p.y + to->padding) * to->row + p.x + to->padding) * l->channels;
}

// Copy the patches of `count` places, or add patches to the planes.
ALWAYS_INLINE void move_patches(const Layer* l, float* planes, size_t stride, Place p, int count, float* patches,
                                int patch_row, const int back)
{
    const int run = l->kernel * l->inner, row = l->width * l->inner;
    for (int i = 0; i < count; i++, next_place(l, &p)) {
        float* at = planes + (size_t)p.sample * stride + (ptrdiff_t)p.y * l->stride * row + p.x * l->stride * l->inner;
        float* patch = patches + (ptrdiff_t)i * patch_row;
        for (int g = 0; g < l->groups; g++, at += (ptrdiff_t)(l->height - l->kernel) * row) {
            for (int k = 0; k < l->kernel; k++, at += row, patch += run) {
                if (back) {
                    add_run(at, patch, run);
                } else {
                    copy_run(patch, at, run);
                }
            }
        }
    }
}

static void convolve(const Layer* l, int samples, float* planes, size_t stride, const float* weights_t,
                     const FrontMemory* m, const Places* to)
{
    const int channels = l->channels;
    Place place = { 0, 0, 0 };
    for (int left = samples * l->places; left > 0; left -= PATCHES) {
        const int count = left < PATCHES ? left : PATCHES;
        move_patches(l, planes, stride, place, count, m->patches, l->depth, 0);
        multiply(count, channels, l->depth, m->patches, l->depth, weights_t, channels, m->out, channels, 0);
        const float* out = m->out;
        for (int i = 0; i < count; i++, out += channels, next_place(l, &place)) {
            float* output = output_of(l, to, place);
            for (int c = 0; c < channels; c += LANES) {
                store(output + c, at_least(load(out + c), all(0.0f)));
            }
        }
    }
}

// by_out (samples, places, channels): the gradient of the outputs. by_planes: receives that of the inputs.
static void convolve_backward(const Layer* l, int samples, float* planes, size_t stride, const float* weights,
                              const FrontMemory* m, float* by_weights_t)
{
    const int channels = l->channels;
    const float* by_out = m->by_out;
    Place place = { 0, 0, 0 };
    if (l->back) {
        memset(m->by_planes, 0, sizeof(float) * (size_t)samples * plane_size(l));
    }
    for (int left = samples * l->places; left > 0; left -= PATCHES, by_out += PATCHES * channels) {
        const int count = left < PATCHES ? left : PATCHES;
        move_patches(l, planes, stride, place, count, m->patches, l->depth, 0);
        multiply_transposed(l->depth, channels, count, m->patches, l->depth, by_out, channels, by_weights_t, channels);
        if (l->back) {
            multiply(count, l->padded, channels, by_out, channels, weights, l->padded, m->by_patches, l->padded, 0);
            move_patches(l, m->by_planes, plane_size(l), place, count, m->by_patches, l->padded, 1);
        }
        for (int i = 0; i < count; i++) {
            next_place(l, &place);
        }
    }
}

typedef struct Around {
    int y, x, first_y, last_y, first_x, last_x; // of a patch, and its rows and columns that are not padding
} Around;

static Around around(const Layer* l, Place p)
{
    Around a = { .y = p.y * l->stride - l->padding, .x = p.x * l->stride - l->padding };
    const int height = l->height - 2 * l->padding, width = l->width - 2 * l->padding;
    a.first_y = a.y < 0 ? -a.y : 0;
    a.first_x = a.x < 0 ? -a.x : 0;
    a.last_y = a.y + l->kernel > height ? height - a.y : l->kernel;
    a.last_x = a.x + l->kernel > width ? width - a.x : l->kernel;
    return a;
}

// One place of a grid's first layer, 16 channels of it; `back` adds their gradient to the rows.
ALWAYS_INLINE void look_up(const Layer* l, const uint16_t* cells, int cell_channels, const Around* a, float* table,
                           const float* by_out, float* out, const int back)
{
    const int channels = l->channels, width = l->width - 2 * l->padding;
    Vec sums[BLOCK / LANES];
    for (int i = 0; i < BLOCK / LANES; i++) {
        sums[i] = back ? load(by_out + i * LANES) : (Vec){ 0 };
    }
    for (int ky = a->first_y; ky < a->last_y; ky++) {
        for (int kx = a->first_x; kx < a->last_x; kx++) {
            float* tap = table + (ptrdiff_t)(ky * l->kernel + kx) * l->inner * channels;
            const uint16_t* cell = cells + ((ptrdiff_t)(a->y + ky) * width + a->x + kx) * cell_channels;
            for (int c = 0; c < cell_channels; c++) {
                float* row = tap + (ptrdiff_t)cell[c] * channels;
                for (int i = 0; i < BLOCK / LANES; i++) {
                    if (back) {
                        store(row + i * LANES, load(row + i * LANES) + sums[i]);
                    } else {
                        sums[i] += load(row + i * LANES);
                    }
                }
            }
        }
    }
    for (int i = 0; i < BLOCK / LANES && !back; i++) {
        store(out + i * LANES, at_least(sums[i], all(0.0f)));
    }
}

static void look_up_places(const Layer* l, int samples, const uint16_t* cells, int cell_channels, float* table,
                           const Places* to, const float* by_out)
{
    const size_t of_sample =
        (size_t)(l->height - 2 * l->padding) * (size_t)(l->width - 2 * l->padding) * (size_t)cell_channels;
    Place place = { 0, 0, 0 };
    for (int i = 0; i < samples * l->places; i++, next_place(l, &place)) {
        const Around a = around(l, place);
        const uint16_t* of_place = cells + (size_t)place.sample * of_sample;
        for (int c = 0; c < l->channels; c += BLOCK) {
            if (by_out) {
                look_up(l, of_place, cell_channels, &a, table + c, by_out + (ptrdiff_t)i * l->channels + c, NULL, 1);
            } else {
                look_up(l, of_place, cell_channels, &a, table + c, NULL, output_of(l, to, place) + c, 0);
            }
        }
    }
}

// -- fronts ------------------------------------------------------------------------------------------------

// Where the outputs of a layer of samples `first` and on are: in what the next layer reads, or among the features.
static Places outputs_of(const PufNetwork* net, const FrontMemory* m, const Front* front, int layer, float* kept,
                         int feature, size_t first)
{
    if (layer + 1 == front->num_layers) {
        const size_t features = (size_t)net->features;
        return (Places){ m->features + first * features + feature, features, front->layers[layer].places_x, 0 };
    }
    const Layer* next = &front->layers[layer + 1];
    return (Places){ kept + first * plane_size(next), plane_size(next), next->width, next->padding };
}

static void read_group(const PufFront* f, const Layer* l, int samples, const FrontMemory* m, const uint8_t* const* rows,
                       const float* embedding)
{
    for (int s = 0; s < samples; s++) {
        uint16_t* cells = m->cells + (size_t)s * cells_of(f);
        if (f->kind != PUF_IMAGE) {
            read_cells(f, rows[s], cells);
        }
        if (!l->looks_up) {
            read_planes(f, l, rows[s], cells, embedding, m->planes + (size_t)s * plane_size(l));
        }
    }
}

// One front on some samples, forward. kept: what its second layer reads of all samples; then come those after it.
static void front_forward(const PufNetwork* net, const PufFront* f, const Front* front, size_t all_samples,
                          size_t first, int samples, const FrontMemory* m, float* kept, int feature,
                          const float* fronts_t)
{
    read_group(f, &front->layers[0], samples, m, m->rows + first, fronts_t + front->embedding);
    float* planes = m->planes;
    for (int i = 0; i < front->num_layers; i++) {
        const Layer* l = &front->layers[i];
        const Places to = outputs_of(net, m, front, i, kept, feature, first);
        if (to.padding) {
            memset(to.at, 0, sizeof(float) * to.stride * (size_t)samples);
        }
        if (l->looks_up) {
            look_up_places(l, samples, m->cells, f->channels, (float*)fronts_t + l->weights_t, &to, NULL);
        } else {
            convolve(l, samples, planes, plane_size(l), fronts_t + l->weights_t, m, &to);
        }
        planes = to.at;
        kept += i + 1 < front->num_layers ? padded_count(all_samples * to.stride) : 0;
    }
}

// Fill by_out from the gradient of what the layer wrote, where that was more than 0. by: laid out as the outputs.
static void relu_backward(const Layer* l, int samples, const Places* outputs, const Places* by, float* by_out)
{
    Place place = { 0, 0, 0 };
    for (int i = 0; i < samples * l->places; i++, by_out += l->channels, next_place(l, &place)) {
        const float *out = output_of(l, outputs, place), *from = output_of(l, by, place);
        for (int c = 0; c < l->channels; c += LANES) {
            store(by_out + c, choose(load(out + c) > 0.0f, load(from + c), (Vec){ 0 }));
        }
    }
}

// The way back. by_features: of these samples (samples, features).
static void front_backward(const PufNetwork* net, const PufFront* f, const Front* front, size_t all_samples,
                           size_t first, int samples, const FrontMemory* m, float* kept, int feature,
                           const float* fronts_t, const float* fronts, float* by_features, float* by_fronts_t)
{
    read_group(f, &front->layers[0], samples, m, m->rows + first, fronts_t + front->embedding);
    float* reads[PUF_MAX_CONVOLUTIONS + 1]; // of all samples
    reads[1] = kept;
    for (int i = 1; i < front->num_layers; i++) {
        reads[i + 1] = reads[i] + padded_count(all_samples * plane_size(&front->layers[i]));
    }
    Places by = { by_features + feature, (size_t)net->features, front->layers[front->num_layers - 1].places_x, 0 };
    for (int i = front->num_layers - 1; i >= 0; i--) {
        const Layer* l = &front->layers[i];
        const Places outputs = outputs_of(net, m, front, i, reads[i + 1], feature, first);
        relu_backward(l, samples, &outputs, &by, m->by_out);
        if (l->looks_up) {
            look_up_places(l, samples, m->cells, f->channels, by_fronts_t + l->weights_t, NULL, m->by_out);
            continue;
        }
        float* planes = i ? reads[i] + first * plane_size(l) : m->planes;
        convolve_backward(l, samples, planes, plane_size(l), fronts + l->weights, m, by_fronts_t + l->weights_t);
        by = (Places){ m->by_planes, plane_size(l), l->width, l->padding };
    }
    for (int s = 0; s < samples && f->kind == PUF_EMBEDDING; s++) {
        embedding_backward(f, &front->layers[0], m->cells + (size_t)s * cells_of(f),
                           m->by_planes + (size_t)s * plane_size(&front->layers[0]), by_fronts_t + front->embedding);
    }
}

static size_t kept_size(const Front* front, size_t samples)
{
    size_t size = 0;
    for (int i = 1; i < front->num_layers; i++) {
        size += padded_count(samples * plane_size(&front->layers[i]));
    }
    return size;
}

// The features of all samples. weights: all of the network's.
static void fronts_forward(const PufNetwork* net, const PufWeights* l, size_t samples, const FrontMemory* m,
                           const float* weights)
{
    float* kept = m->kept;
    int feature = 0;
    size_t weights_t = 0;
    for (int f = 0; f < net->num_fronts; f++) {
        const Front front = front_layout(&net->fronts[f], weights_t, 0);
        for (size_t first = 0; first < samples; first += CONV_GROUP) {
            const int count = samples - first < CONV_GROUP ? (int)(samples - first) : CONV_GROUP;
            front_forward(net, &net->fronts[f], &front, samples, first, count, m, kept, feature, weights + l->fronts_t);
        }
        kept += kept_size(&front, samples);
        feature += front.features;
        weights_t = front.weights_t_end;
    }
}

// From the gradient of the encoder's outputs, dx (samples, hidden), to that of the fronts' weights.
static void fronts_backward(const PufNetwork* net, const PufWeights* l, size_t samples, const FrontMemory* m,
                            const float* weights, const float* dx, float* gradient)
{
    const int h = net->hidden, features = net->features;
    for (size_t block = 0; block < samples; block += BLOCK) {
        const int rows = samples - block < BLOCK ? (int)(samples - block) : BLOCK;
        multiply(rows, features, h, dx + block * (size_t)h, h, weights + l->features, features, m->by_features,
                 features, 0);
        float* kept = m->kept;
        int feature = 0;
        size_t weights_t = 0, own = 0;
        for (int f = 0; f < net->num_fronts; f++) {
            const Front front = front_layout(&net->fronts[f], weights_t, own);
            for (int first = 0; first < rows; first += CONV_GROUP) {
                front_backward(net, &net->fronts[f], &front, samples, block + (size_t)first,
                               rows - first < CONV_GROUP ? rows - first : CONV_GROUP, m, kept, feature,
                               weights + l->fronts_t, weights + l->fronts,
                               m->by_features + (size_t)first * (size_t)features, gradient + l->fronts_t);
            }
            kept += kept_size(&front, samples);
            feature += front.features;
            weights_t = front.weights_t_end;
            own = front.weights_end;
        }
    }
}
