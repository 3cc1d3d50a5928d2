// picture.c - a game as pixels: by the drawing of its environment, else what its agent observes and the named numbers of
// its state.
#include "draw/space.h"
#include "web.h"
#include <stdlib.h>

enum { GENERIC_WIDTH = 760, GENERIC_HEIGHT = 480, MARGIN = 20, PANEL = 230, TEXT_LINE = 19, MAX_KINDS = 16 };

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

WEB_EXPORT(picture_own) int32_t picture_own(void) { return web_drawing() != NULL; }
WEB_EXPORT(picture_width) int32_t picture_width(void) { return web_drawing() ? web_drawing()->width : GENERIC_WIDTH; }
WEB_EXPORT(picture_height) int32_t picture_height(void)
{
    return web_drawing() ? web_drawing()->height : GENERIC_HEIGHT;
}
WEB_EXPORT(picture_moves) int32_t picture_moves(void)
{
    return web_drawing() && (web_drawing()->between || web_drawing()->glides);
}

// In how many frames a step is shown, given the states around it; 0: as the rate says.
WEB_EXPORT(picture_frames) int32_t picture_frames(const void* before, const void* after)
{
    return web_drawing() && web_drawing()->frames ? web_drawing()->frames(before, after) : 0;
}

WEB_EXPORT(picture_touches) int32_t picture_touches(void) { return web_drawing() && web_drawing()->touch; }
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

// ---- Without a drawing. ----

static double element(const Game* g, int32_t agent, size_t i)
{
    const void* obs = g->batch.io.obs;
    i += (size_t)agent * puf_obs_size(&g->batch.layout);
    switch (g->batch.spec->obs_dtype) {
    case PUF_U8: return ((const uint8_t*)obs)[i];
    case PUF_I8: return ((const int8_t*)obs)[i];
    default: return (double)((const float*)obs)[i];
    }
}

// Where a value lies between the bounds of its part, 0 to 1.
static double portion(const PufObs* part, double value)
{
    const double low = (double)part->low, high = (double)part->high;
    const double at = high > low && high - low < 1e6 ? (value - low) / (high - low) : 0.5 + value / 20.0;
    return at < 0.0 ? 0.0 : at > 1.0 ? 1.0 : at;
}

static PufColor tile_color(const PufObs* part, double value)
{
    const int kinds = web_spec()->obs_dtype != PUF_F32 && (double)part->high - (double)part->low < MAX_KINDS;
    if (!kinds) {
        return puf_blend(PUF_SLATE, PUF_SNOW, portion(part, value));
    }
    const int kind = (int)(value < 0.0 ? -value : value);
    return kind == 0 ? PUF_SLATE : puf_creatures[(kind - 1) % PUF_CREATURES];
}

typedef struct Area {
    double x, y, width, height;
} Area;

// Two dimensions and more: tiles. One: a bar per number, from the middle of its range up or down.
static void draw_observation(const Game* g, int32_t agent, Area a, PufPicture* p)
{
    const PufLayout* l = &g->batch.layout;
    const PufSpec* spec = g->batch.spec;
    const size_t size = puf_obs_size(l), rows = l->obs_ndim > 1 ? (size_t)l->obs_shape[0] : 1, columns = size / rows;
    const double across = a.width / (double)columns, down = a.height / (double)rows;
    const double side = across < down ? across : down, gap = side / 10.0 < 1.0 ? side / 10.0 : 1.0;
    int32_t part = 0, left = spec->obs[0].count;
    for (size_t i = 0; i < size; i++, left--) {
        if (left == 0 && part + 1 < spec->num_obs && i > 0) {
            left = spec->obs[++part].count;
        }
        const double value = element(g, agent, i);
        if (rows > 1) {
            const double x = a.x + (a.width - side * (double)columns) / 2 + (double)(i % columns) * side;
            const double y = a.y + (a.height - side * (double)rows) / 2 + (double)(i / columns) * side;
            puf_rect(p, x + gap, y + gap, side - 2 * gap, side - 2 * gap, tile_color(&spec->obs[part], value),
                     side / 8);
        } else {
            const double rise = (portion(&spec->obs[part], value) - 0.5) * a.height, up = rise > 0.0 ? rise : 0.0;
            const double high = fabs(rise) > 1.0 ? fabs(rise) : 1.0, space = across / 6 < 3 ? across / 6 : 3;
            puf_rect(p, a.x + (double)i * across + space, a.y + a.height / 2 - up, across - 2 * space, high, PUF_TEAL,
                     across / 4 < 3 ? across / 4 : 3);
        }
    }
}

static double number_at(const uint8_t* at, PufDtype dtype)
{
    switch (dtype) {
    case PUF_U8: return *at;
    case PUF_I8: return *(const int8_t*)at;
    case PUF_I16: return *(const int16_t*)at;
    case PUF_I32: return *(const int32_t*)at;
    case PUF_U32: return *(const uint32_t*)at;
    case PUF_U64: return (double)*(const uint64_t*)at;
    case PUF_F32: return (double)*(const float*)at;
    default: return *(const double*)at;
    }
}

static void draw_fields(const void* state, PufPicture* p)
{
    const PufSpec* spec = web_spec();
    const double x = GENERIC_WIDTH - PANEL - MARGIN;
    double y = PUF_HUD_HEIGHT + 4;
    for (int32_t i = 0; i < spec->num_fields; i++) {
        const PufField* f = &spec->fields[i];
        if (f->doc == NULL || f->ndim > 0 || f->place != PUF_IN_STRUCT) {
            continue;
        }
        if (y > GENERIC_HEIGHT - MARGIN - TEXT_LINE) {
            puf_text(p, x, y, "…", 15, PUF_STEEL, PUF_LEFT);
            return;
        }
        const double value = number_at((const uint8_t*)state + f->offset, f->dtype);
        const int real = f->dtype == PUF_F32 || f->dtype == PUF_F64;
        puf_text(p, x, y, f->name, 15, PUF_STEEL, PUF_LEFT);
        puf_text(p, x + PANEL, y, puf_word(value, real ? 3 : 0, 0, "").text, 15, PUF_SNOW, PUF_RIGHT);
        y += TEXT_LINE;
    }
}

static void draw_generic(const Game* g, const void* state, PufPicture* p)
{
    const double width = GENERIC_WIDTH - PANEL - 3 * MARGIN, height = GENERIC_HEIGHT - PUF_HUD_HEIGHT - MARGIN;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, web_spec()->name, NULL, 0);
    puf_rect(p, MARGIN, PUF_HUD_HEIGHT, width, height, PUF_DUSK, 8);
    const Area inside = { MARGIN + 10, PUF_HUD_HEIGHT + 10, width - 20, height - 20 };
    draw_observation(g, puf_agent(p), inside, p);
    draw_fields(state, p);
}

// ---- Pixels. ----

static void write_list(const Game* g, const void* state, PufPicture* p)
{
    if (web_drawing()) {
        web_drawing()->draw(state, g->assets, p);
    } else {
        draw_generic(g, state, p);
    }
}

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
        write_list(g, state, &p);
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
