// planes.h - the sizes of convolutions: what each layer reads and writes, and where its weights are.
//
// Planes lie in memory as (groups, height, width, inner): the channels of a place side by side, and one group; or, in an
// image that has its channels first, a group for each channel. Zeros for the padding lie around them. Weights are packed
// in the same order, (groups, kernel, kernel, inner) rows of channels out.
#pragma once
#include "network.h"

typedef struct Layer {
    int groups, height, width, inner; // of what it reads, with its padding
    int kernel, stride, padding;
    int places_y, places_x, places, channels; // what it writes: (places, channels)
    int depth, padded;                        // numbers that one place reads; the same, padded
    int looks_up;                             // the first layer of a grid: rows of weights are picked and added up
    size_t weights_t, weights;                // of the fronts' weights: (depth, channels), (channels, padded) if `back`
    int back;                                 // whether the gradient of what it reads is wanted
} Layer;

typedef struct Front {
    Layer layers[PUF_MAX_CONVOLUTIONS];
    int num_layers, features;
    size_t embedding;                  // of the fronts' weights: (channels * values, size)
    size_t weights_t_end, weights_end; // behind the front's
} Front;

static inline size_t padded_count(size_t floats) { return (floats + 15) / 16 * 16; }

// Of a layer's input with its padding.
static inline size_t plane_size(const Layer* l)
{
    return (size_t)l->groups * (size_t)l->height * (size_t)l->width * (size_t)l->inner;
}

static inline size_t embedding_size(const PufFront* f)
{
    return f->kind == PUF_EMBEDDING ? (size_t)f->channels * (size_t)f->values * (size_t)f->size : 0;
}

// The sizes of a front whose weights begin at these places.
static inline Front front_layout(const PufFront* f, size_t weights_t, size_t weights)
{
    Front front = { .num_layers = f->num_convolutions, .embedding = weights_t };
    int height = f->height, width = f->width, groups = f->channels_first ? f->channels : 1;
    int inner = f->channels_first ? 1 : f->channels;
    weights_t += padded_count(embedding_size(f));
    inner *= f->kind == PUF_GRID ? f->values : f->kind == PUF_EMBEDDING ? f->size : 1;
    for (int i = 0; i < f->num_convolutions; i++) {
        const PufConvolution* c = &f->convolutions[i];
        Layer* l = &front.layers[i];
        l->groups = groups;
        l->inner = inner;
        l->height = height + 2 * c->padding;
        l->width = width + 2 * c->padding;
        l->kernel = c->kernel;
        l->stride = c->stride;
        l->padding = c->padding;
        l->channels = c->channels;
        height = (l->height - c->kernel) / c->stride + 1;
        width = (l->width - c->kernel) / c->stride + 1;
        l->places_y = height;
        l->places_x = width;
        l->places = height * width;
        l->depth = groups * c->kernel * c->kernel * inner;
        l->padded = (l->depth + 15) / 16 * 16;
        l->looks_up = i == 0 && f->kind == PUF_GRID;
        l->back = i > 0 || f->kind == PUF_EMBEDDING;
        l->weights_t = weights_t;
        l->weights = weights;
        weights_t += (size_t)l->depth * (size_t)l->channels;
        weights += l->back ? (size_t)l->channels * (size_t)l->padded : 0;
        groups = 1;
        inner = c->channels;
        front.features = l->places * l->channels;
    }
    front.weights_t_end = weights_t;
    front.weights_end = weights;
    return front;
}

// The last front, behind whose weights those of all end.
static inline Front fronts_layout(const PufNetwork* net)
{
    Front front = { .num_layers = 0 };
    for (int f = 0; f < net->num_fronts; f++) {
        front = front_layout(&net->fronts[f], front.weights_t_end, front.weights_end);
    }
    return front;
}
