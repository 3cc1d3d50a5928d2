#include "draw/raster.h"
#include "draw/fill.h"
#include "draw/scene.h"
#include <stdlib.h>
#include <string.h>

struct PufRaster {
    Picture picture;
    Cover cover;
    Scene scene;
    PufFont font;
};

typedef struct Pen {
    PufRaster* raster;
    float scale;
} Pen;

PufRaster* puf_raster_new(int32_t width, int32_t height, PufFont font)
{
    PufRaster* raster = calloc(1, sizeof(PufRaster));
    if (raster == NULL) {
        return NULL;
    }
    raster->font = font;
    raster->picture = (Picture){ calloc((size_t)width * height, sizeof(uint32_t)), width, height };
    if (raster->picture.pixels == NULL || !cover_init(&raster->cover, width, height)) {
        puf_raster_free(raster);
        return NULL;
    }
    return raster;
}

void puf_raster_free(PufRaster* raster)
{
    if (raster != NULL) {
        free(raster->picture.pixels);
        cover_free(&raster->cover);
        scene_free(&raster->scene);
        free(raster);
    }
}

// --- shapes: outlines into `cover`, then paint ---

static void paint(Pen* pen, uint32_t color) { cover_paint(&pen->raster->cover, &pen->raster->picture, color); }

// Straight pieces for a full turn, so that no point is off by more than a twentieth of a pixel.
static int pieces_of(float radius) { return 4 * (2 + (int)(2.5f * sqrtf(puf_clampf(radius, 0.0f, 1e6f)))); }

// Adds the points of an arc to the outline that is being drawn; degrees, clockwise if end > start.
static void arc(Cover* cover, float x, float y, float radius, float start, float end)
{
    int pieces = 1 + (int)((float)pieces_of(radius) * fabsf(end - start) / 360.0f);
    for (int i = 0; i <= pieces; i++) {
        float sine, cosine;
        puf_sincosf((start + (end - start) * (float)i / (float)pieces) * (PUF_PI / 180.0f), &sine, &cosine);
        cover_line_to(cover, x + radius * cosine, y + radius * sine);
    }
}

static void circle(Cover* cover, float x, float y, float radius, int reversed)
{
    arc(cover, x, y, radius, reversed ? 360.0f : 0.0f, reversed ? 0.0f : 360.0f);
    cover_close(cover);
}

static void rounded(Cover* cover, float x, float y, float width, float height, float radius, int reversed)
{
    radius = puf_clampf(radius, 0.0f, 0.5f * puf_minf(width, height));
    const float right = x + width - radius, bottom = y + height - radius;
    const float corners[4][3] = {
        { right, bottom, 0 }, { x + radius, bottom, 90 }, { x + radius, y + radius, 180 }, { right, y + radius, 270 }
    };
    for (int i = 0; i < 4; i++) {
        const float* corner = corners[reversed ? 3 - i : i];
        float from = corner[2] + (reversed ? 90.0f : 0.0f), to = corner[2] + (reversed ? 0.0f : 90.0f);
        arc(cover, corner[0], corner[1], radius, from, to);
    }
    cover_close(cover);
}

static void draw_rect(Pen* pen, const float* a, uint32_t color)
{
    float x = a[0], y = a[1], width = a[2], height = a[3], radius = a[4];
    if (width <= 0.0f || height <= 0.0f) {
        return;
    }
    if (radius <= 0.0f) {
        picture_rect(&pen->raster->picture, x, y, x + width, y + height, color);
        return;
    }
    rounded(&pen->raster->cover, x, y, width, height, radius, 0);
    paint(pen, color);
}

static void draw_border(Pen* pen, const float* a, uint32_t color)
{
    float x = a[0], y = a[1], width = a[2], height = a[3], thick = a[4], radius = a[5];
    if (width <= 0.0f || height <= 0.0f || thick <= 0.0f) {
        return;
    }
    radius = puf_clampf(radius, 0.0f, 0.5f * puf_minf(width, height));
    Cover* cover = &pen->raster->cover;
    rounded(cover, x, y, width, height, radius, 0);
    width -= 2 * thick, height -= 2 * thick;
    if (width > 0.0f && height > 0.0f) {
        rounded(cover, x + thick, y + thick, width, height, puf_maxf(radius - thick, 0.0f), 1);
    }
    paint(pen, color);
}

static void draw_ring(Pen* pen, float x, float y, float inner, float outer, float start, float end, uint32_t color)
{
    Cover* cover = &pen->raster->cover;
    inner = puf_maxf(inner, 0.0f);
    if (outer <= inner) {
        return;
    }
    if (end - start >= 360.0f) {
        circle(cover, x, y, outer, 0);
        if (inner > 0.0f) {
            circle(cover, x, y, inner, 1);
        }
    } else {
        arc(cover, x, y, outer, start, end);
        if (inner > 0.0f) {
            arc(cover, x, y, inner, end, start);
        } else {
            cover_line_to(cover, x, y);
        }
        cover_close(cover);
    }
    paint(pen, color);
}

// A line with flat ends, wound as `circle` is.
static void bar(Cover* cover, float x0, float y0, float x1, float y1, float thickness)
{
    float dx = x1 - x0, dy = y1 - y0, length = sqrtf(dx * dx + dy * dy);
    if (length <= 0.0f) {
        return;
    }
    float nx = -dy / length * 0.5f * thickness, ny = dx / length * 0.5f * thickness;
    cover_line_to(cover, x0 - nx, y0 - ny);
    cover_line_to(cover, x1 - nx, y1 - ny);
    cover_line_to(cover, x1 + nx, y1 + ny);
    cover_line_to(cover, x0 + nx, y0 + ny);
    cover_close(cover);
}

// Any angle of a ring is taken modulo a turn, so that puf_sincosf stays in its range.
static float whole_turns(float degrees) { return 360.0f * floorf(degrees / 360.0f); }

static float length_of(const Pen* pen, double units) { return within_reach((float)units * pen->scale); }

static void draw_outline(Pen* pen, const double* points, int64_t count, uint32_t color)
{
    for (int64_t i = 0; i < count; i++) {
        cover_line_to(&pen->raster->cover, length_of(pen, points[2 * i]), length_of(pen, points[2 * i + 1]));
    }
    cover_close(&pen->raster->cover);
    paint(pen, color);
}

// All pieces are painted at once: where they overlap, nothing is painted twice.
static void draw_path(Pen* pen, const double* points, int64_t count, float thickness, uint32_t color)
{
    Cover* cover = &pen->raster->cover;
    for (int64_t i = 0; i < count; i++) {
        float x = length_of(pen, points[2 * i]), y = length_of(pen, points[2 * i + 1]);
        circle(cover, x, y, 0.5f * thickness, 0);
        if (i > 0) {
            bar(cover, length_of(pen, points[2 * i - 2]), length_of(pen, points[2 * i - 1]), x, y, thickness);
        }
    }
    paint(pen, color);
}

// The baseline is on a whole pixel, so that letters stand on a sharp line.
static void draw_text(Pen* pen, float x, float y, float size, const double* glyphs, int64_t count, uint32_t color)
{
    const PufFont* font = &pen->raster->font;
    Cover* cover = &pen->raster->cover;
    y = floorf(y + 0.5f);
    for (int64_t i = 0; i < count; i++) {
        int32_t glyph = (int32_t)glyphs[i];
        for (int32_t c = font->glyphs[glyph]; c < font->glyphs[glyph + 1]; c++) {
            for (int32_t p = font->contours[c]; p < font->contours[c + 1]; p++) {
                cover_line_to(cover, x + size * font->points[2 * p], y + size * font->points[2 * p + 1]);
            }
            cover_close(cover);
        }
        x += size * font->advances[glyph];
    }
    paint(pen, color);
}

// --- the list ---

const PufVerb puf_draw_verbs[PUF_DRAW_VERBS] = {
    [PUF_DRAW_CLEAR] = { 1, 0, -1, 0 },      [PUF_DRAW_RECT] = { 6, 5, -1, 0 },
    [PUF_DRAW_BORDER] = { 7, 6, -1, 0 },     [PUF_DRAW_RING] = { 7, 6, -1, 0 },
    [PUF_DRAW_GLOW] = { 4, 3, -1, 0 },       [PUF_DRAW_LINE] = { 6, 5, -1, 0 },
    [PUF_DRAW_POLYGON] = { 2, 0, 1, 2 },     [PUF_DRAW_PATH] = { 3, 1, 2, 2 },
    [PUF_DRAW_TEXT] = { 5, 3, 4, 1 },        [PUF_DRAW_SCENE] = { 20, -1, -1, 0 },
    [PUF_DRAW_TRIANGLES] = { 2, 1, -1, 0 },  [PUF_DRAW_CHAIN] = { 2, 1, -1, 0 },
    [PUF_DRAW_SCENE_END] = { 0, -1, -1, 0 },
};

static int is_count(double value, double limit) { return value >= 0 && value < limit && value == floor(value); }

// Draws what stands at `list`. Returns how many numbers that is; 0: they make no sense; -1: out of memory.
static int64_t draw_one(Pen* pen, const double* list, int64_t left, const PufMesh* meshes, int32_t num_meshes)
{
    PufRaster* raster = pen->raster;
    if (!is_count(list[0], PUF_DRAW_VERBS)) {
        return 0;
    }
    int verb = (int)list[0];
    const PufVerb form = puf_draw_verbs[verb];
    int64_t length = 1 + form.numbers, count = 0;
    const double* a = list + 1;
    if (length > left || (form.color >= 0 && !is_count(a[form.color], 4294967296.0))) {
        return 0;
    }
    if (form.count >= 0) {
        if (!is_count(a[form.count], 1e9)) {
            return 0;
        }
        count = (int64_t)a[form.count];
        length += count * form.each;
        if (length > left) {
            return 0;
        }
    }
    uint32_t color = form.color >= 0 ? (uint32_t)a[form.color] : 0;
    const double* items = a + form.numbers;
    float f[6];
    for (int i = 0; i < 6; i++) {
        f[i] = i < form.numbers ? length_of(pen, a[i]) : 0.0f;
    }
    switch (verb) {
    case PUF_DRAW_CLEAR:
        picture_rect(&raster->picture, 0, 0, (float)raster->picture.width, (float)raster->picture.height, color);
        break;
    case PUF_DRAW_RECT: draw_rect(pen, f, color); break;
    case PUF_DRAW_BORDER: draw_border(pen, f, color); break;
    case PUF_DRAW_RING: {
        float turns = whole_turns(within_reach((float)a[4]));
        draw_ring(pen, f[0], f[1], f[2], f[3], within_reach((float)a[4]) - turns,
                  puf_minf(within_reach((float)a[5]) - turns, 720.0f), color);
        break;
    }
    case PUF_DRAW_GLOW: picture_glow(&raster->picture, f[0], f[1], f[2], color); break;
    case PUF_DRAW_LINE:
        bar(&raster->cover, f[0], f[1], f[2], f[3], f[4]);
        paint(pen, color);
        break;
    case PUF_DRAW_POLYGON: draw_outline(pen, items, count, color); break;
    case PUF_DRAW_PATH: draw_path(pen, items, count, f[0], color); break;
    case PUF_DRAW_TEXT:
        for (int64_t i = 0; i < count; i++) {
            if (!is_count(items[i], raster->font.count)) {
                return 0;
            }
        }
        draw_text(pen, f[0], f[1], f[2], items, count, color);
        break;
    case PUF_DRAW_SCENE:
        if (!scene_begin(&raster->scene, &raster->picture, f, a + 4)) {
            return -1;
        }
        break;
    case PUF_DRAW_TRIANGLES:
    case PUF_DRAW_CHAIN:
        if (!is_count(a[0], num_meshes)) {
            return 0;
        }
        if (!raster->scene.open) {
            break;
        }
        if (verb == PUF_DRAW_TRIANGLES) {
            scene_triangles(&raster->scene, &meshes[(int)a[0]], color);
        } else {
            scene_chain(&raster->scene, &meshes[(int)a[0]], color);
        }
        break;
    default: scene_end(&raster->scene, &raster->picture); break;
    }
    return length;
}

int64_t puf_raster_draw(PufRaster* raster, const double* list, int64_t length, const PufMesh* meshes,
                        int32_t num_meshes, double scale)
{
    Pen pen = { raster, (float)scale };
    raster->scene.open = 0;
    for (int64_t at = 0; at < length;) {
        int64_t taken = draw_one(&pen, list + at, length - at, meshes, num_meshes);
        if (taken <= 0) {
            return taken < 0 ? -1 : 1 + at;
        }
        at += taken;
    }
    return 0;
}

// --- the picture ---

const uint32_t* puf_raster_pixels(const PufRaster* raster) { return raster->picture.pixels; }

void puf_raster_rgb(const PufRaster* raster, uint8_t* rgb)
{
    const uint8_t* pixel = (const uint8_t*)raster->picture.pixels;
    int64_t count = (int64_t)raster->picture.width * raster->picture.height;
    for (int64_t i = 0; i < count; i++) {
        rgb[3 * i] = pixel[4 * i];
        rgb[3 * i + 1] = pixel[4 * i + 1];
        rgb[3 * i + 2] = pixel[4 * i + 2];
    }
}

// BT.709 in 16 bits after the point: luma 16 to 235, chroma 16 to 240 around 128, of the mean of four pixels.
void puf_raster_yuv420(const PufRaster* raster, uint8_t* y, int32_t y_stride, uint8_t* u, int32_t u_stride, uint8_t* v,
                       int32_t v_stride)
{
    int32_t width = raster->picture.width / 2 * 2, height = raster->picture.height / 2 * 2;
    const uint8_t* pixels = (const uint8_t*)raster->picture.pixels;
    for (int32_t row = 0; row < height; row++) {
        const uint8_t* p = pixels + (size_t)row * raster->picture.width * 4;
        uint8_t* luma = y + (size_t)row * y_stride;
        for (int32_t x = 0; x < width; x++) {
            int32_t sum = 11966 * p[4 * x] + 40254 * p[4 * x + 1] + 4064 * p[4 * x + 2];
            luma[x] = (uint8_t)(16 + ((sum + 32768) >> 16));
        }
    }
    for (int32_t row = 0; row < height / 2; row++) {
        const uint8_t* p = pixels + (size_t)row * 2 * raster->picture.width * 4;
        const uint8_t* q = p + (size_t)raster->picture.width * 4;
        uint8_t *blue = u + (size_t)row * u_stride, *red = v + (size_t)row * v_stride;
        for (int32_t x = 0; x < width / 2; x++) {
            int32_t r = p[8 * x] + p[8 * x + 4] + q[8 * x] + q[8 * x + 4];
            int32_t g = p[8 * x + 1] + p[8 * x + 5] + q[8 * x + 1] + q[8 * x + 5];
            int32_t b = p[8 * x + 2] + p[8 * x + 6] + q[8 * x + 2] + q[8 * x + 6];
            blue[x] = (uint8_t)((128 * 262144 + 131072 - 6596 * r - 22189 * g + 28785 * b) >> 18);
            red[x] = (uint8_t)((128 * 262144 + 131072 + 28784 * r - 26145 * g - 2639 * b) >> 18);
        }
    }
}
