// scene.h - space: triangles and thin lines with depth, in a rectangle of a picture, at 2 x 2 samples per pixel.
#pragma once
#include "draw/fill.h"
#include "draw/raster.h"
#include <string.h>

typedef struct Scene {
    uint32_t* colors; // (2 height, 2 width)
    float* depths;
    size_t samples;                   // room for so many
    int32_t left, top, width, height; // pixels
    float view[16];                   // world to clip space
    int open;
} Scene;

typedef struct Vertex {
    float x, y, z, w;
} Vertex;

static inline void scene_free(Scene* scene)
{
    free(scene->colors);
    free(scene->depths);
}

// rect: x y width height in pixels. What is in the picture already is behind everything. Returns 0: out of memory.
static inline int scene_begin(Scene* scene, const Picture* picture, const float* rect, const double* view)
{
    int32_t left = (int32_t)puf_clampf(floorf(rect[0] + 0.5f), 0.0f, (float)picture->width);
    int32_t top = (int32_t)puf_clampf(floorf(rect[1] + 0.5f), 0.0f, (float)picture->height);
    int32_t right = (int32_t)puf_clampf(floorf(rect[0] + rect[2] + 0.5f), (float)left, (float)picture->width);
    int32_t bottom = (int32_t)puf_clampf(floorf(rect[1] + rect[3] + 0.5f), (float)top, (float)picture->height);
    scene->left = left, scene->top = top, scene->width = right - left, scene->height = bottom - top;
    size_t samples = (size_t)4 * scene->width * scene->height;
    if (samples > scene->samples) {
        scene_free(scene);
        scene->colors = malloc(samples * sizeof(uint32_t));
        scene->depths = malloc(samples * sizeof(float));
        scene->samples = samples;
        if (scene->colors == NULL || scene->depths == NULL) {
            scene->samples = 0;
            return 0;
        }
    }
    scene->open = samples > 0; // else it lies outside, and nothing of it is seen
    if (!scene->open) {
        return 1;
    }
    for (int i = 0; i < 16; i++) {
        scene->view[i] = (float)view[i];
    }
    size_t stride = (size_t)2 * scene->width;
    for (int32_t row = 0; row < scene->height; row++) {
        const uint32_t* pixels = picture->pixels + (size_t)(top + row) * picture->width + left;
        uint32_t* colors = scene->colors + 2 * row * stride;
        for (int32_t x = 0; x < scene->width; x++) {
            colors[2 * x] = colors[2 * x + 1] = pixels[x];
        }
        memcpy(colors + stride, colors, stride * sizeof(uint32_t));
    }
    for (size_t i = 0; i < samples; i++) {
        scene->depths[i] = 1.0f;
    }
    return 1;
}

// Each pixel becomes the mean of its samples.
static inline void scene_end(Scene* scene, Picture* picture)
{
    size_t stride = (size_t)2 * scene->width;
    for (int32_t row = 0; scene->open && row < scene->height; row++) {
        uint32_t* pixels = picture->pixels + (size_t)(scene->top + row) * picture->width + scene->left;
        const uint32_t *upper = scene->colors + 2 * row * stride, *lower = upper + stride;
        for (int32_t x = 0; x < scene->width; x++) {
            uint32_t a = upper[2 * x], b = upper[2 * x + 1], c = lower[2 * x], d = lower[2 * x + 1];
            uint32_t even = (a & 0xff00ff) + (b & 0xff00ff) + (c & 0xff00ff) + (d & 0xff00ff) + 0x020002;
            uint32_t odd = (a >> 8 & 0xff) + (b >> 8 & 0xff) + (c >> 8 & 0xff) + (d >> 8 & 0xff) + 2;
            pixels[x] = 0xff000000u | (even >> 2 & 0xff00ff) | (odd >> 2) << 8;
        }
    }
    scene->open = 0;
}

static inline Vertex scene_clip_space(const Scene* scene, const float* point)
{
    const float* m = scene->view;
    float out[4];
    for (int i = 0; i < 4; i++) {
        out[i] = m[4 * i] * point[0] + m[4 * i + 1] * point[1] + m[4 * i + 2] * point[2] + m[4 * i + 3];
    }
    return (Vertex){ out[0], out[1], out[2], out[3] };
}

// How far a vertex is beyond the nearest plane that is seen.
static inline float scene_ahead(Vertex v) { return v.z + v.w; }

static inline Vertex scene_between(Vertex a, Vertex b)
{
    float t = scene_ahead(a) / (scene_ahead(a) - scene_ahead(b));
    return (Vertex){ a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t, a.z + (b.z - a.z) * t, a.w + (b.w - a.w) * t };
}

// From clip space to samples, y down, depth -1 to 1.
static inline Vertex scene_place(const Scene* scene, Vertex v)
{
    float x = v.x / v.w, y = v.y / v.w;
    return (Vertex){ within_reach((1.0f + x) * (float)scene->width), within_reach((1.0f - y) * (float)scene->height),
                     puf_clampf(v.z / v.w, -1.0f, 2.0f), 1.0f };
}

static inline void scene_sample(Scene* scene, int32_t x, int32_t y, float depth, uint32_t color)
{
    size_t at = (size_t)y * 2 * scene->width + x;
    if (depth <= scene->depths[at]) {
        scene->depths[at] = depth;
        scene->colors[at] = mix(scene->colors[at], color, color >> 24);
    }
}

// A convex polygon on the screen: a sample is in it if its middle is.
static inline void scene_fill(Scene* scene, const Vertex* v, int count, uint32_t color)
{
    // the plane that gives depth: z = z0 + gx (x - x0) + gy (y - y0)
    float gx = 0.0f, gy = 0.0f, area = 0.0f;
    for (int i = 2; i < count; i++) {
        float ax = v[i - 1].x - v[0].x, ay = v[i - 1].y - v[0].y, bx = v[i].x - v[0].x, by = v[i].y - v[0].y;
        float twice = ax * by - ay * bx;
        if (fabsf(twice) > area) {
            float az = v[i - 1].z - v[0].z, bz = v[i].z - v[0].z;
            area = fabsf(twice);
            gx = (az * by - bz * ay) / twice;
            gy = (bz * ax - az * bx) / twice;
        }
    }
    if (!(area > 0.0f)) {
        return;
    }
    float top = v[0].y, bottom = v[0].y;
    for (int i = 1; i < count; i++) {
        top = puf_minf(top, v[i].y);
        bottom = puf_maxf(bottom, v[i].y);
    }
    int32_t rows = 2 * scene->height, columns = 2 * scene->width;
    int32_t first = (int32_t)puf_clampf(ceilf(top - 0.5f), 0.0f, (float)rows);
    int32_t end = (int32_t)puf_clampf(ceilf(bottom - 0.5f), 0.0f, (float)rows);
    for (int32_t row = first; row < end; row++) {
        float y = (float)row + 0.5f, left = 131072.0f, right = -131072.0f;
        for (int i = 0; i < count; i++) {
            Vertex a = v[i], b = v[(i + 1) % count];
            if (a.y > b.y) { // both triangles of an edge find the same x
                Vertex swapped = a;
                a = b, b = swapped;
            }
            if (a.y <= y && y < b.y) {
                float x = a.x + (b.x - a.x) * ((y - a.y) / (b.y - a.y));
                left = puf_minf(left, x);
                right = puf_maxf(right, x);
            }
        }
        int32_t from = (int32_t)puf_clampf(ceilf(left - 0.5f), 0.0f, (float)columns);
        int32_t to = (int32_t)puf_clampf(ceilf(right - 0.5f), 0.0f, (float)columns);
        float depth = v[0].z + gy * (y - v[0].y) + gx * (0.5f - v[0].x);
        if (color >> 24 < 255) {
            for (int32_t x = from; x < to; x++) {
                scene_sample(scene, x, row, depth + gx * (float)x, color);
            }
            continue;
        }
        uint32_t* colors = scene->colors + (size_t)row * columns;
        float* depths = scene->depths + (size_t)row * columns;
        for (int32_t x = from; x < to; x++) { // the same without branches, which compilers turn into vectors
            float here = depth + gx * (float)x;
            int seen = here <= depths[x];
            depths[x] = seen ? here : depths[x];
            colors[x] = seen ? color : colors[x];
        }
    }
}

static inline uint32_t shaded(uint32_t color, float shade)
{
    uint32_t out = color & 0xff000000u;
    for (int shift = 0; shift < 24; shift += 8) {
        out |= (uint32_t)((float)(color >> shift & 255) * puf_clampf(shade, 0.0f, 1.0f)) << shift;
    }
    return out;
}

static inline void scene_triangles(Scene* scene, const PufMesh* mesh, uint32_t color)
{
    for (int32_t t = 0; t < mesh->count / 3; t++) {
        Vertex corners[3], seen[4];
        int count = 0;
        for (int i = 0; i < 3; i++) {
            corners[i] = scene_clip_space(scene, mesh->points + 9 * (size_t)t + 3 * i);
        }
        for (int i = 0; i < 3; i++) { // leave out what is behind the nearest plane
            Vertex a = corners[i], b = corners[(i + 1) % 3];
            int inside = scene_ahead(a) > 0.0f;
            if (inside) {
                seen[count++] = scene_place(scene, a);
            }
            if (inside != (scene_ahead(b) > 0.0f)) {
                seen[count++] = scene_place(scene, inside ? scene_between(a, b) : scene_between(b, a));
            }
        }
        if (count >= 3) {
            scene_fill(scene, seen, count, mesh->shades == NULL ? color : shaded(color, mesh->shades[t]));
        }
    }
}

static inline void scene_line(Scene* scene, Vertex a, Vertex b, uint32_t color)
{
    float dx = b.x - a.x, dy = b.y - a.y;
    int steep = fabsf(dy) > fabsf(dx);
    float from = steep ? a.y : a.x, to = steep ? b.y : b.x;
    if (from > to) {
        Vertex swapped = a;
        float value = from;
        a = b, b = swapped, from = to, to = value;
    }
    int32_t rows = 2 * scene->height, columns = 2 * scene->width;
    float limit = (float)(steep ? rows : columns);
    int32_t first = (int32_t)puf_clampf(ceilf(from - 0.5f), 0.0f, limit);
    int32_t end = (int32_t)puf_clampf(ceilf(to - 0.5f), 0.0f, limit);
    for (int32_t i = first; i < end; i++) {
        float t = ((float)i + 0.5f - from) / (to - from);
        float across = floorf(steep ? a.x + (b.x - a.x) * t : a.y + (b.y - a.y) * t);
        if (across >= 0.0f && across < (float)(steep ? columns : rows)) {
            int32_t x = steep ? (int32_t)across : i, y = steep ? i : (int32_t)across;
            scene_sample(scene, x, y, a.z + (b.z - a.z) * t, color);
        }
    }
}

static inline void scene_chain(Scene* scene, const PufMesh* mesh, uint32_t color)
{
    for (int32_t i = 1; i < mesh->count; i++) {
        Vertex a = scene_clip_space(scene, mesh->points + 3 * (size_t)(i - 1));
        Vertex b = scene_clip_space(scene, mesh->points + 3 * (size_t)i);
        int a_seen = scene_ahead(a) > 0.0f, b_seen = scene_ahead(b) > 0.0f;
        if (a_seen || b_seen) {
            Vertex start = a_seen ? a : scene_between(b, a), end = b_seen ? b : scene_between(a, b);
            scene_line(scene, scene_place(scene, start), scene_place(scene, end), color);
        }
    }
}
