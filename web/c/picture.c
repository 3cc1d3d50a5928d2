// picture.c - a game as pixels, by the drawing of its environment; and what it makes of clicks and keys.
#include "draw/space.h"
#include "web.h"
#include <stdlib.h>

static PufFont font;
static PufRaster* raster;
static int32_t raster_width, raster_height;
static double* list;
static PufSpace space = { .zoom = 1.0 };
static PufMesh* meshes;
static int64_t room, written;
static const void* glide_from; // of the next picture
static double glide_share;
static void* shown;
static uint64_t shown_size;

// Arrays of raster.h's PufFont, which stay where they are.
WEB_EXPORT(picture_font)
void picture_font(const float* points, const int32_t* contours, const int32_t* glyphs, const float* advances,
                  int32_t count)
{
    font = (PufFont){ points, contours, glyphs, advances, count };
}

WEB_EXPORT(picture_width) int32_t picture_width(void) { return web_drawing()->width; }
WEB_EXPORT(picture_height) int32_t picture_height(void) { return web_drawing()->height; }
WEB_EXPORT(picture_moves) int32_t picture_moves(void) { return web_drawing()->between || web_drawing()->glides; }

// In how many frames a step is shown, given the states around it; 0: as the rate says.
WEB_EXPORT(picture_frames) int32_t picture_frames(const void* before, const void* after)
{
    return web_drawing()->frames ? web_drawing()->frames(before, after) : 0;
}

// How the agent's last episode ended, given the state that the next one starts in; empty: it does not say.
WEB_EXPORT(picture_verdict) const char* picture_verdict(const void* state, int32_t agent)
{
    static PufLine line;
    line = puf_line_of("");
    if (web_drawing()->verdict) {
        web_drawing()->verdict(state, agent, &line);
    }
    return line.text;
}

WEB_EXPORT(picture_touches) int32_t picture_touches(void) { return web_drawing()->touch != NULL; }
// The action for a click at a point of the picture, in its units; PUF_NOTHING: none.
WEB_EXPORT(picture_touch) int32_t picture_touch(const Game* g, double x, double y)
{
    return web_drawing()->touch(g->batch.states, g->assets, x, y);
}

// The action of a key that means something else in every state, by its number.
WEB_EXPORT(picture_press) int32_t picture_press(const Game* g, int32_t key)
{
    return web_drawing()->press(g->batch.states, g->assets, key);
}

// The state to draw at a frame of a step of so many, given those around it.
WEB_EXPORT(picture_between)
void* picture_between(const Game* g, const void* before, const void* after, int32_t frame, int32_t frames)
{
    if (web_drawing()->glides) {
        glide_from = before, glide_share = (double)frame / frames;
        return (void*)after;
    }
    if (shown == NULL || shown_size != g->batch.layout.state_size) {
        free(shown);
        shown_size = g->batch.layout.state_size;
        shown = web_zeros(shown_size);
    }
    if (shown == NULL) {
        return g->batch.states;
    }
    web_drawing()->between(before, after, frame, frames, shown);
    return shown;
}

// ---- Pixels. ----

// Twice as much room as was wanted, where that was more than there is.
static int grow(void** memory, int64_t* have, int64_t wanted, size_t each)
{
    if (wanted > *have) {
        free(*memory);
        *have = wanted * 2;
        *memory = web_zeros((uint64_t)*have * each);
        return 1;
    }
    return 0;
}

static int grow_all(const PufPicture* p)
{
    PufSpace* s = &space;
    int grown = grow((void**)&list, &room, p->length, sizeof(double));
    grown |= grow((void**)&s->points, &s->room_points, s->num_points, 3 * sizeof(float));
    grown |= grow((void**)&s->shades, &s->room_shades, s->num_shades, sizeof(float));
    if (grow((void**)&s->pieces, &s->room_pieces, s->num_pieces, sizeof(PufPiece))) {
        free(meshes);
        meshes = web_zeros((uint64_t)s->room_pieces * sizeof(PufMesh));
        grown = 1;
    }
    return grown;
}

static int has_memory(void)
{
    const PufSpace* s = &space;
    return raster && list && (!s->room_points || s->points) && (!s->room_shades || s->shades) &&
           (!s->room_pieces || (s->pieces && meshes));
}

// Draw a state of a game for this person (-1: nobody), `width` pixels wide. Returns the pixels, 4 bytes each, of rows of
// that many; picture_rows() of them. NULL: out of memory.
WEB_EXPORT(picture_draw) const uint32_t* picture_draw(const Game* g, const void* state, int32_t person, int32_t width)
{
    const double scale = (double)width / picture_width();
    const int32_t height = (int32_t)(picture_height() * scale + 0.5);
    if (raster == NULL || width != raster_width || height != raster_height) {
        puf_raster_free(raster);
        raster = puf_raster_new(width, height, font);
        raster_width = width, raster_height = height;
    }
    PufPicture p = { .width = picture_width(), .height = picture_height(), .person = person };
    p.advances = font.advances, p.space = &space;
    p.before = glide_from, p.share = glide_share;
    glide_from = NULL;
    do {
        p.list = list, p.room = room, p.length = 0;
        space.num_points = space.num_shades = space.num_pieces = 0;
        web_drawing()->draw(state, g->assets, &p);
    } while (grow_all(&p) && has_memory());
    if (!has_memory()) {
        return NULL;
    }
    for (int64_t i = 0; i < space.num_pieces; i++) {
        const PufPiece* piece = &space.pieces[i];
        meshes[i] = (PufMesh){ space.points + 3 * piece->first_point,
                               piece->first_shade < 0 ? NULL : space.shades + piece->first_shade, piece->points };
    }
    written = p.length;
    return puf_raster_draw(raster, list, p.length, meshes, (int32_t)space.num_pieces, scale) == 0
               ? puf_raster_pixels(raster)
               : NULL;
}

// How a person has moved the camera of a scene: degrees, and how many times nearer.
WEB_EXPORT(picture_look) void picture_look(double yaw, double pitch, double zoom)
{
    space.yaw = yaw, space.pitch = pitch, space.zoom = zoom;
}
// Whether the last picture shows space.
WEB_EXPORT(picture_has_space) int32_t picture_has_space(void) { return space.num_pieces > 0; }

WEB_EXPORT(picture_rows) int32_t picture_rows(void) { return raster_height; }
// The display list of the last picture: doubles, and how many.
WEB_EXPORT(picture_list) const double* picture_list(void) { return list; }
WEB_EXPORT(picture_length) int32_t picture_length(void) { return (int32_t)written; }
