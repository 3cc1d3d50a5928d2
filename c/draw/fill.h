// fill.h - flat shapes: the area that an outline covers of each pixel, and paint in that amount.
#pragma once
#include "puffer_math.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct Picture {
    uint32_t* pixels; // r + 256 g + 65536 b (+ 16777216 * 255)
    int32_t width, height;
} Picture;

// `cells` holds, for each pixel, by how much its coverage differs from that of its left neighbour; all zero in between.
typedef struct Cover {
    float* cells;  // (height, width + 2)
    int32_t* ends; // (height, 2): the cells of a row that were touched, from and to
    int32_t width, height, top, bottom;
    float first_x, first_y, x, y;
    int drawing;
} Cover;

// Pixels: what is further away is moved here, so that numbers stay in range. NaN lands far outside.
static inline float within_reach(float pixels)
{
    const float reach = 65536.0f;
    return pixels > -reach ? (pixels < reach ? pixels : reach) : -reach;
}

static inline int cover_init(Cover* cover, int32_t width, int32_t height)
{
    *cover = (Cover){ .width = width, .height = height, .top = height };
    cover->cells = calloc((size_t)(width + 2) * height, sizeof(float));
    cover->ends = malloc((size_t)height * 2 * sizeof(int32_t));
    if (cover->cells == NULL || cover->ends == NULL) {
        return 0;
    }
    for (int32_t row = 0; row < height; row++) {
        cover->ends[2 * row] = width + 2;
        cover->ends[2 * row + 1] = 0;
    }
    return 1;
}

static inline void cover_free(Cover* cover)
{
    free(cover->cells);
    free(cover->ends);
}

// --- outlines ---

// Within one row of pixels the edge runs from x0 to x1, and down by `drop` (up if negative).
static inline void cover_row(Cover* cover, int32_t row, float x0, float x1, float drop)
{
    const float width = (float)cover->width;
    float left = puf_clampf(puf_minf(x0, x1), 0.0f, width), right = puf_clampf(puf_maxf(x0, x1), 0.0f, width);
    int32_t from = (int32_t)left, to = (int32_t)ceilf(right);
    float* cells = cover->cells + (size_t)row * (cover->width + 2);
    int32_t* ends = cover->ends + 2 * row;
    if (to <= from + 1) {
        float share = 0.5f * (left + right) - (float)from;
        cells[from] += drop - drop * share;
        cells[from + 1] += drop * share;
    } else {
        // a trapezoid over several pixels: what lies right of the edge in each, from the differences of its integral
        float slope = drop / (right - left), before = 0.0f;
        for (int32_t i = from; i < to; i++) {
            float start = puf_maxf(left, (float)i) - left, end = puf_minf(right, (float)(i + 1)) - left;
            float mean = slope * (end - start) * ((float)(i + 1) - left - 0.5f * (start + end));
            float full = slope * (end - start);
            cells[i] += mean + before;
            before = full - mean;
        }
        cells[to] += before;
    }
    ends[0] = from < ends[0] ? from : ends[0];
    to = (to > from ? to : from + 1) + 1;
    ends[1] = to > ends[1] ? to : ends[1];
}

static inline void cover_edge(Cover* cover, float x0, float y0, float x1, float y1)
{
    float sign = 1.0f;
    if (y0 > y1) {
        float x = x0, y = y0;
        x0 = x1, y0 = y1, x1 = x, y1 = y, sign = -1.0f;
    }
    float top = puf_maxf(y0, 0.0f), bottom = puf_minf(y1, (float)cover->height);
    if (!(bottom > top)) {
        return;
    }
    float slope = (x1 - x0) / (y1 - y0);
    int32_t first = (int32_t)top, end = (int32_t)ceilf(bottom);
    for (int32_t row = first; row < end; row++) {
        float from = puf_maxf(top, (float)row), to = puf_minf(bottom, (float)(row + 1));
        cover_row(cover, row, x0 + (from - y0) * slope, x0 + (to - y0) * slope, sign * (to - from));
    }
    cover->top = first < cover->top ? first : cover->top;
    cover->bottom = end > cover->bottom ? end : cover->bottom;
}

// The outline continues here, or begins.
static inline void cover_line_to(Cover* cover, float x, float y)
{
    if (cover->drawing) {
        cover_edge(cover, cover->x, cover->y, x, y);
    } else {
        cover->first_x = x, cover->first_y = y, cover->drawing = 1;
    }
    cover->x = x, cover->y = y;
}

// The outline returns to its beginning.
static inline void cover_close(Cover* cover)
{
    if (cover->drawing) {
        cover_edge(cover, cover->x, cover->y, cover->first_x, cover->first_y);
        cover->drawing = 0;
    }
}

// --- paint ---

static inline uint32_t mix(uint32_t below, uint32_t color, uint32_t alpha)
{
    uint32_t mixed = 0xff000000u;
    for (int shift = 0; shift < 24; shift += 8) {
        uint32_t sum = ((color >> shift) & 255) * alpha + ((below >> shift) & 255) * (255 - alpha) + 128;
        mixed |= ((sum + (sum >> 8)) >> 8) << shift;
    }
    return mixed;
}

static inline void paint_span(uint32_t* pixels, int32_t count, uint32_t color, uint32_t alpha)
{
    if (alpha == 255) {
        color |= 0xff000000u;
        for (int32_t i = 0; i < count; i++) {
            pixels[i] = color;
        }
    } else if (alpha > 0) {
        for (int32_t i = 0; i < count; i++) {
            pixels[i] = mix(pixels[i], color, alpha);
        }
    }
}

static inline uint32_t opacity(uint32_t color, float covered)
{
    return (uint32_t)((float)(color >> 24) * covered + 0.5f);
}

// Paint what the outlines enclose, however they overlap, and forget them. A hole is wound the other way round.
static inline void cover_paint(Cover* cover, Picture* picture, uint32_t color)
{
    for (int32_t row = cover->top; row < cover->bottom; row++) {
        float* cells = cover->cells + (size_t)row * (cover->width + 2);
        int32_t *ends = cover->ends + 2 * row, last = ends[1];
        uint32_t* pixels = picture->pixels + (size_t)row * picture->width;
        float sum = 0.0f;
        for (int32_t at = ends[0], next; at < last; at = next) {
            sum += cells[at];
            cells[at] = 0.0f;
            for (next = at + 1; next < last && cells[next] == 0.0f; next++) {
            }
            int32_t stop = next < picture->width ? next : picture->width;
            paint_span(pixels + at, stop - at, color, opacity(color, puf_minf(fabsf(sum), 1.0f)));
        }
        ends[0] = cover->width + 2;
        ends[1] = 0;
    }
    cover->top = cover->height;
    cover->bottom = 0;
}

// A rectangle with straight sides needs no outline.
static inline void picture_rect(Picture* picture, float x0, float y0, float x1, float y1, uint32_t color)
{
    x0 = puf_maxf(x0, 0.0f), x1 = puf_minf(x1, (float)picture->width);
    y0 = puf_maxf(y0, 0.0f), y1 = puf_minf(y1, (float)picture->height);
    if (!(x1 > x0 && y1 > y0)) {
        return;
    }
    int32_t left = (int32_t)x0, right = (int32_t)ceilf(x1);
    for (int32_t row = (int32_t)y0; row < (int32_t)ceilf(y1); row++) {
        uint32_t* pixels = picture->pixels + (size_t)row * picture->width;
        float high = puf_minf(y1, (float)(row + 1)) - puf_maxf(y0, (float)row);
        int32_t from = left, to = right;
        if (x0 > (float)left || right == left + 1) {
            paint_span(pixels + from, 1, color, opacity(color, high * (puf_minf(x1, (float)(left + 1)) - x0)));
            from++;
        }
        if (to > from && x1 < (float)right) {
            to--;
            paint_span(pixels + to, 1, color, opacity(color, high * (x1 - (float)to)));
        }
        paint_span(pixels + from, to - from, color, opacity(color, high));
    }
}

// Light that fades evenly from the middle to nothing at `radius`.
static inline void picture_glow(Picture* picture, float x, float y, float radius, uint32_t color)
{
    if (radius <= 0.0f) {
        return;
    }
    int32_t left = (int32_t)puf_clampf(x - radius, 0.0f, (float)picture->width);
    int32_t right = (int32_t)puf_clampf(ceilf(x + radius), 0.0f, (float)picture->width);
    int32_t top = (int32_t)puf_clampf(y - radius, 0.0f, (float)picture->height);
    int32_t bottom = (int32_t)puf_clampf(ceilf(y + radius), 0.0f, (float)picture->height);
    for (int32_t row = top; row < bottom; row++) {
        uint32_t* pixels = picture->pixels + (size_t)row * picture->width;
        float dy = (float)row + 0.5f - y;
        for (int32_t column = left; column < right; column++) {
            float dx = (float)column + 0.5f - x;
            float light = 1.0f - sqrtf(dx * dx + dy * dy) / radius;
            if (light > 0.0f) {
                pixels[column] = mix(pixels[column], color, opacity(color, light));
            }
        }
    }
}
