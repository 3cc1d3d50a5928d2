// raster.h - draws a list of shapes into a picture in memory. No screen, no graphics card, no library.
//
// A list is an array of doubles: a verb, then its arguments, then the next verb. Lengths are in units and angles in
// degrees; the picture has `scale` pixels per unit. A colour is r + 256 g + 65536 b + 16777216 a. Flat shapes are smoothed
// by the exact area that they cover of each pixel; in a scene (space, with depth) each pixel is the mean of 2 x 2 samples.
// The same list gives the same bytes on every machine.
#pragma once
#include <stdint.h>

enum {
    PUF_DRAW_CLEAR,     // color
    PUF_DRAW_RECT,      // x y width height radius color
    PUF_DRAW_BORDER,    // x y width height thickness radius color: along the inside of the rectangle
    PUF_DRAW_RING,      // x y inner outer start end color: clockwise from the right
    PUF_DRAW_GLOW,      // x y radius color
    PUF_DRAW_LINE,      // x0 y0 x1 y1 thickness color
    PUF_DRAW_POLYGON,   // color count, then x y of each corner
    PUF_DRAW_PATH,      // thickness color count, then x y of each point
    PUF_DRAW_TEXT,      // x y size color count, then the number of each glyph
    PUF_DRAW_SCENE,     // x y width height, then 16: world to clip space, row by row
    PUF_DRAW_TRIANGLES, // mesh color: three points each
    PUF_DRAW_CHAIN,     // mesh color: thin lines from point to point
    PUF_DRAW_SCENE_END,
    PUF_DRAW_VERBS
};

// How many numbers follow a verb; at which of them a colour stands, and a count of items of `each` numbers (-1: none).
typedef struct PufVerb {
    int8_t numbers, color, count, each;
} PufVerb;
extern const PufVerb puf_draw_verbs[PUF_DRAW_VERBS];

typedef struct PufMesh {
    const float* points; // x y z of each
    const float* shades; // brightness of each triangle; NULL: 1
    int32_t count;       // of points
} PufMesh;

// Outlines of glyphs, in lines that are 1 high: x right, y down from the top of the line.
typedef struct PufFont {
    const float* points;     // x y of all corners
    const int32_t* contours; // first corner of each contour, and the number of corners
    const int32_t* glyphs;   // first contour of each glyph, and the number of contours
    const float* advances;   // width of each glyph
    int32_t count;           // of glyphs
} PufFont;

typedef struct PufRaster PufRaster;

PufRaster* puf_raster_new(int32_t width, int32_t height, PufFont font); // NULL: out of memory
void puf_raster_free(PufRaster* raster);

// Returns 0, or 1 + the index of the number in the list that is wrong, or -1: out of memory.
int64_t puf_raster_draw(PufRaster* raster, const double* list, int64_t length, const PufMesh* meshes,
                        int32_t num_meshes, double scale);

// The picture where it lies: (height, width), r + 256 g + 65536 b + 16777216 * 255.
const uint32_t* puf_raster_pixels(const PufRaster* raster);

// The picture: (height, width, 3).
void puf_raster_rgb(const PufRaster* raster, uint8_t* rgb);

// The picture for video: BT.709, limited range. width and height without an odd last column or row.
void puf_raster_yuv420(const PufRaster* raster, uint8_t* y, int32_t y_stride, uint8_t* u, int32_t u_stride, uint8_t* v,
                       int32_t v_stride);
