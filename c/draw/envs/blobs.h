// Blobs: many players on one plane, each in its own colour. The person's wears a ring.
#pragma once
#include "draw/picture.h"
#include "envs/blobs.h"

enum {
    BLOBS_FIELD = 600, // units
    BLOBS_MARGIN = 20,
    BLOBS_PANEL = 112, // width of what is right of the field: the leaderboard and the small map
    BLOBS_PANEL_LEFT = BLOBS_FIELD + 2 * BLOBS_MARGIN,
    BLOBS_WIDTH = BLOBS_PANEL_LEFT + BLOBS_PANEL + BLOBS_MARGIN,
    BLOBS_HEIGHT = PUF_HUD_HEIGHT + BLOBS_FIELD + 2 * BLOBS_MARGIN,
    BLOBS_WHOLE = 130, // the longest side of a plane that is shown as a whole
    BLOBS_VIEW = 66,   // what is seen of longer ones by a new player; larger players see more
    BLOBS_BEYOND = 4,  // how far behind a wall the picture goes
    BLOBS_TOP = 5,     // lines of the leaderboard
    BLOBS_LINE = 26,
    BLOBS_EDGE = 4, // cells without dots around the plane
};

// Columns of the tables, by their rows.
typedef struct BlobsTables {
    const float *x, *y, *radius, *go_x, *go_y;
    const int32_t *mass, *dots, *prey;
    const float *dots_x, *dots_y;
} BlobsTables;

static BlobsTables blobs_shown(const Blobs* s)
{
    const uint8_t* block = (const uint8_t*)s;
    const float* places = (const float*)(block + s->places);
    const int32_t* lives = (const int32_t*)(block + s->lives);
    const int32_t n = s->num_players;
    return (BlobsTables){ .x = places,
                          .y = places + n,
                          .radius = places + 2 * n,
                          .go_x = places + 3 * n,
                          .go_y = places + 4 * n,
                          .mass = lives,
                          .dots = lives + 3 * n,
                          .prey = lives + 4 * n,
                          .dots_x = (const float*)(block + s->dots_x),
                          .dots_y = (const float*)(block + s->dots_y) };
}

// Where the plane lies on the picture.
typedef struct BlobsPlane {
    double left, top, scale; // units per length on the plane
} BlobsPlane;

static BlobsPlane blobs_plane(const Blobs* s, const BlobsTables* t, int32_t own)
{
    const double side = (double)s->side, field = BLOBS_FIELD;
    if (side <= BLOBS_WHOLE) {
        return (BlobsPlane){ BLOBS_MARGIN, PUF_HUD_HEIGHT + BLOBS_MARGIN, field / side };
    }
    const double seen = BLOBS_VIEW + 8 * (double)t->radius[own], scale = field / seen;
    const double x = puf_min(puf_max((double)t->x[own] - seen / 2, -BLOBS_BEYOND), side + BLOBS_BEYOND - seen);
    const double y = puf_min(puf_max((double)t->y[own] - seen / 2, -BLOBS_BEYOND), side + BLOBS_BEYOND - seen);
    return (BlobsPlane){ BLOBS_MARGIN - x * scale, PUF_HUD_HEIGHT + BLOBS_MARGIN - y * scale, scale };
}

// Whether a disc is, in part, on the picture.
static int blobs_is_shown(const BlobsPlane* v, double x, double y, double radius)
{
    return x + radius > (0 - v->left) / v->scale && x - radius < (BLOBS_PANEL_LEFT - v->left) / v->scale &&
           y + radius > (PUF_HUD_HEIGHT - v->top) / v->scale && y - radius < (BLOBS_HEIGHT - v->top) / v->scale;
}

// From the ninth player on, paler and darker colours.
static PufColor blobs_color(int32_t number)
{
    const PufColor color = puf_creatures[number % PUF_CREATURES];
    const int32_t shade = number / PUF_CREATURES % 3;
    return shade == 0 ? color : puf_blend(color, shade == 1 ? PUF_SNOW : PUF_SLATE, 0.3);
}

// Cover what reaches beyond the field.
static void blobs_frame_field(PufPicture* p)
{
    const double top = PUF_HUD_HEIGHT + BLOBS_MARGIN, bottom = top + BLOBS_FIELD, right = BLOBS_MARGIN + BLOBS_FIELD;
    puf_rect(p, 0, 0, p->width, top, PUF_NIGHT, 0);
    puf_rect(p, 0, bottom, p->width, p->height - bottom, PUF_NIGHT, 0);
    puf_rect(p, 0, top, BLOBS_MARGIN, BLOBS_FIELD, PUF_NIGHT, 0);
    puf_rect(p, right, top, p->width - right, BLOBS_FIELD, PUF_NIGHT, 0);
    puf_border(p, BLOBS_MARGIN, top, BLOBS_FIELD, BLOBS_FIELD, 2, PUF_SLATE, 4);
}

static void blobs_draw_plane(const Blobs* s, const BlobsPlane* v, PufPicture* p)
{
    const double side = (double)s->side * v->scale, step = 2 * (double)BLOBS_CELL * v->scale;
    const double left = puf_max(v->left, -8), top = puf_max(v->top, PUF_HUD_HEIGHT - 8);
    const double right = puf_min(v->left + side, BLOBS_PANEL_LEFT + 8),
                 bottom = puf_min(v->top + side, BLOBS_HEIGHT + 8);
    puf_rect(p, left, top, right - left, bottom - top, PUF_DUSK, 4);
    for (int i = 1; i <= (int)((double)s->side / (2 * (double)BLOBS_CELL)); i++) {
        const double x = v->left + i * step, y = v->top + i * step;
        if (left < x && x < right) {
            puf_line(p, x, top, x, bottom, 1, puf_fade(PUF_SLATE, 0.45));
        }
        if (top < y && y < bottom) {
            puf_line(p, left, y, right, y, 1, puf_fade(PUF_SLATE, 0.45));
        }
    }
    puf_border(p, left, top, right - left, bottom - top, 3, PUF_SLATE, 4);
}

static void blobs_draw_dots(const Blobs* s, const BlobsTables* t, const BlobsPlane* v, PufPicture* p)
{
    const double radius = puf_max(1.6, 0.3 * v->scale);
    const int32_t inner = s->dot_columns - 2 * BLOBS_EDGE;
    for (int32_t row = 0; row < inner; row++) {
        for (int32_t column = 0; column < inner; column++) {
            const int32_t at = (row + BLOBS_EDGE) * s->dot_columns + column + BLOBS_EDGE;
            const double x = (double)t->dots_x[at], y = (double)t->dots_y[at];
            if (blobs_is_shown(v, x, y, 1.0)) {
                const PufColor color = puf_rainbow[(7 * row + 5 * column) % PUF_RAINBOW];
                puf_circle(p, v->left + x * v->scale, v->top + y * v->scale, radius * 1.9, puf_fade(color, 0.16));
                puf_circle(p, v->left + x * v->scale, v->top + y * v->scale, radius, color);
            }
        }
    }
}

// They look where the player goes.
static void blobs_draw_eyes(double x, double y, double radius, double go_x, double go_y, PufPicture* p)
{
    const double length = sqrt(go_x * go_x + go_y * go_y);
    if (radius < 6) {
        return;
    }
    go_x = length > 0 ? go_x / length : 0.0, go_y = length > 0 ? go_y / length : 0.0;
    for (int side = -1; side <= 1; side += 2) {
        const double eye_x = x + radius * (0.3 * side + 0.22 * go_x), eye_y = y + radius * (0.22 * go_y - 0.05);
        puf_circle(p, eye_x, eye_y, radius * 0.2, PUF_SNOW);
        puf_circle(p, eye_x + radius * 0.08 * go_x, eye_y + radius * 0.08 * go_y, radius * 0.11, PUF_NIGHT);
    }
}

static void blobs_draw_player(const BlobsTables* t, int32_t i, int own, const BlobsPlane* v, PufPicture* p)
{
    const double x = v->left + (double)t->x[i] * v->scale, y = v->top + (double)t->y[i] * v->scale;
    const double radius = puf_max(2.5, (double)t->radius[i] * v->scale);
    const PufColor color = blobs_color(i);
    puf_glow(p, x, y, radius * 1.45, puf_fade(color, 0.45));
    puf_circle(p, x, y, radius, puf_blend(color, PUF_DUSK, 0.3));
    puf_circle(p, x, y, radius * 0.88, color);
    puf_glow(p, x - radius * 0.25, y - radius * 0.3, radius * 0.6, puf_fade(PUF_SNOW, 0.35));
    if (own) {
        puf_ring(p, x, y, radius + 2, radius + 4.5, PUF_SNOW);
    }
    blobs_draw_eyes(x, y, radius, (double)t->go_x[i], (double)t->go_y[i], p);
}

// From the smallest to the largest; of equals, in the order of their numbers.
static void blobs_draw_players(const Blobs* s, const BlobsTables* t, const BlobsPlane* v, int32_t own, PufPicture* p)
{
    for (int32_t last = -1, drawn = 0; drawn < s->num_players; drawn++) {
        int32_t next = -1;
        for (int32_t i = 0; i < s->num_players; i++) {
            const float radius = t->radius[i];
            const int after = last < 0 || radius > t->radius[last] || (radius == t->radius[last] && i > last);
            if (after && (next < 0 || radius < t->radius[next])) {
                next = i;
            }
        }
        if (next < 0) {
            return;
        }
        last = next;
        if (blobs_is_shown(v, (double)t->x[next], (double)t->y[next], (double)t->radius[next] * 1.5)) {
            blobs_draw_player(t, next, next == own, v, p);
        }
    }
}

static PufWord blobs_mass(int32_t grains) { return puf_word((double)grains / BLOBS_GRAINS, 0, 0, ""); }

// The heaviest, in order.
static void blobs_draw_leaders(const Blobs* s, const BlobsTables* t, int32_t own, PufPicture* p)
{
    const int32_t lines = s->num_players < BLOBS_TOP ? s->num_players : BLOBS_TOP;
    const double top = PUF_HUD_HEIGHT + BLOBS_MARGIN;
    puf_rect(p, BLOBS_PANEL_LEFT, top, BLOBS_PANEL, BLOBS_LINE * lines + 14, PUF_DUSK, 8);
    for (int32_t line = 0, last = -1; line < lines; line++) {
        int32_t next = -1;
        for (int32_t i = 0; i < s->num_players; i++) {
            const int32_t mass = t->mass[i];
            const int after = last < 0 || mass < t->mass[last] || (mass == t->mass[last] && i > last);
            if (after && (next < 0 || mass > t->mass[next])) {
                next = i;
            }
        }
        const double y = top + 7 + BLOBS_LINE * line;
        puf_circle(p, BLOBS_PANEL_LEFT + 22, y + BLOBS_LINE / 2.0, 7, blobs_color(next));
        if (next == own) {
            puf_ring(p, BLOBS_PANEL_LEFT + 22, y + BLOBS_LINE / 2.0, 8.5, 10.5, PUF_SNOW);
        }
        puf_text(p, BLOBS_PANEL_LEFT + BLOBS_PANEL - 16, y + 3, blobs_mass(t->mass[next]).text, 19, PUF_SNOW,
                 PUF_RIGHT);
        last = next;
    }
}

// Where all players are, and which part the picture shows.
static void blobs_draw_map(const Blobs* s, const BlobsTables* t, const BlobsPlane* v, int32_t own, PufPicture* p)
{
    const double left = BLOBS_PANEL_LEFT, top = p->height - BLOBS_MARGIN - BLOBS_PANEL;
    const double scale = BLOBS_PANEL / (double)s->side;
    puf_rect(p, left, top, BLOBS_PANEL, BLOBS_PANEL, PUF_DUSK, 0);
    for (int32_t i = s->num_players - 1; i >= 0; i--) {
        const double size = puf_max(1.5, 2 * (double)t->radius[i] * scale);
        puf_rect(p, left + (double)t->x[i] * scale - size / 2, top + (double)t->y[i] * scale - size / 2, size, size,
                 puf_fade(blobs_color(i), 0.75), 0);
    }
    const double seen = BLOBS_FIELD / v->scale * scale;
    const double x = left + (BLOBS_MARGIN - v->left) / v->scale * scale;
    const double y = top + (PUF_HUD_HEIGHT + BLOBS_MARGIN - v->top) / v->scale * scale;
    puf_border(p, puf_max(x, left), puf_max(y, top), puf_min(x + seen, left + BLOBS_PANEL) - puf_max(x, left),
               puf_min(y + seen, top + BLOBS_PANEL) - puf_max(y, top), 1.2, PUF_SNOW, 2);
    puf_circle(p, left + (double)t->x[own] * scale, top + (double)t->y[own] * scale, 2.6, PUF_SNOW);
    puf_border(p, left - 2, top - 2, BLOBS_PANEL + 4, BLOBS_PANEL + 4, 1.5, PUF_STEEL, 5);
}

static void blobs_draw_hud(const Blobs* s, const BlobsTables* t, int32_t own, PufPicture* p)
{
    int32_t rank = 1;
    for (int32_t i = 0; i < s->num_players; i++) {
        rank += t->mass[i] > t->mass[own];
    }
    PufWord place = puf_join(puf_word(rank, 0, 0, ""), " of ", puf_word(s->num_players, 0, 0, ""));
    PufFigure figures[] = { { "mass", blobs_mass(t->mass[own]) },
                            puf_figure("dots", t->dots[own]),
                            puf_figure("eaten", t->prey[own]),
                            { "rank", place } };
    puf_hud(p, "blobs", figures, 4);
}

// The plane, the dots, then the players from the smallest to the largest; text comes last.
static void blobs_draw(const void* state, const void* assets, PufPicture* p)
{
    const Blobs* s = state;
    const int32_t own = puf_agent(p) < s->num_players ? puf_agent(p) : 0;
    const BlobsTables t = blobs_shown(s);
    const BlobsPlane v = blobs_plane(s, &t, own);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    blobs_draw_plane(s, &v, p);
    blobs_draw_dots(s, &t, &v, p);
    blobs_draw_players(s, &t, &v, own, p);
    if ((double)s->side > BLOBS_WHOLE) {
        blobs_frame_field(p);
        blobs_draw_map(s, &t, &v, own, p);
    }
    blobs_draw_hud(s, &t, own, p);
    blobs_draw_leaders(s, &t, own, p);
}

PUF_DRAWING(blobs, .width = BLOBS_WIDTH, .height = BLOBS_HEIGHT, .draw = blobs_draw);
