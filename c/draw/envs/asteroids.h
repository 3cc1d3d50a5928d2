// Asteroids: glowing lines on a dark plane that wraps around.
#pragma once
#include "draw/picture.h"
#include "envs/asteroids.h"

enum {
    ASTEROIDS_PLANE = 512, // units of the plane
    ASTEROIDS_SIDE = 640,  // of the picture
    ASTEROIDS_EDGE = 20,
    ASTEROIDS_CORNERS = 12, // of a rock's outline
    ASTEROIDS_STARS = 70,
    ASTEROIDS_LASTS = 26, // frames that sparks last
};
#define ASTEROIDS_ZOOM 1.25
#define ASTEROIDS_GRAIN (1.0 / 128.0)          // of the state, in units of the plane
#define ASTEROIDS_FINE (1.0 / 128.0 / 65536.0) // of the ship's place

static const PufPoint asteroids_ship[4] = { { 10.0, 0.0 }, { -7.5, 6.5 }, { -4.5, 0.0 }, { -7.5, -6.5 } };

// The position on the picture of a point, given in units from the plane's middle.
static PufPoint asteroids_place(PufPoint at)
{
    return (PufPoint){ ASTEROIDS_EDGE + ASTEROIDS_SIDE / 2 + at.x * ASTEROIDS_ZOOM,
                       PUF_HUD_HEIGHT + ASTEROIDS_SIDE / 2 + at.y * ASTEROIDS_ZOOM };
}

static double asteroids_size(int32_t size) { return size == 4 ? 32.0 : size == 2 ? 18.0 : 10.0; }

static PufColor asteroids_color(int32_t size)
{
    return size == 4   ? puf_blend(PUF_SKY, PUF_SNOW, 0.35)
           : size == 2 ? puf_blend(PUF_VIOLET, PUF_SNOW, 0.25)
           : size == 1 ? PUF_PINK
                       : PUF_CORAL;
}

// Where something is to be drawn, so that all of it is seen within the plane: at most 4 of these.
typedef struct AsteroidsCopies {
    PufPoint at[4];
    int count;
} AsteroidsCopies;

static AsteroidsCopies asteroids_copies(double x, double y, double reach)
{
    AsteroidsCopies found = { .count = 0 };
    const double most = ASTEROIDS_PLANE / 2 + reach;
    for (int i = -1; i <= 1; i++) {
        for (int j = -1; j <= 1; j++) {
            const PufPoint at = { x + i * ASTEROIDS_PLANE, y + j * ASTEROIDS_PLANE };
            if (fabs(at.x) < most && fabs(at.y) < most && found.count < 4) {
                found.at[found.count++] = at;
            }
        }
    }
    return found;
}

// The points, rotated and scaled about the origin, then moved to a place.
static void asteroids_turn(const PufPoint* points, int count, double angle, PufPoint to, double zoom, PufPoint* turned)
{
    const double cosine = puf_cosine(angle) * zoom, sine = puf_sine(angle) * zoom;
    for (int i = 0; i < count; i++) {
        turned[i].x = to.x + points[i].x * cosine - points[i].y * sine;
        turned[i].y = to.y + points[i].x * sine + points[i].y * cosine;
    }
}

// A closed line that may glow.
static void asteroids_outline(PufPicture* p, const PufPoint* corners, int count, PufColor color, int glow)
{
    for (int i = 0; i < count; i++) {
        const PufPoint a = corners[i], b = corners[(i + 1) % count];
        if (glow) {
            puf_line(p, a.x, a.y, b.x, b.y, 6, puf_fade(color, 0.13));
            puf_line(p, a.x, a.y, b.x, b.y, 3.4, puf_fade(color, 0.2));
        }
        puf_line(p, a.x, a.y, b.x, b.y, 1.6, color);
    }
    for (int i = 0; i < count; i++) {
        puf_circle(p, corners[i].x, corners[i].y, 0.8, color);
    }
}

static void asteroids_draw_stars(PufPicture* p)
{
    for (int i = 0; i < ASTEROIDS_STARS; i++) {
        const double x = i * 197.3, y = i * i * 61.7 + 31.0 * i, plane = ASTEROIDS_PLANE;
        const PufPoint at = asteroids_place(
            (PufPoint){ x - plane * floor(x / plane) - plane / 2, y - plane * floor(y / plane) - plane / 2 });
        puf_circle(p, at.x, at.y, 0.5 + 0.5 * (i % 3), puf_fade(PUF_SLATE, 0.9));
    }
}

// The outline of a rock of radius 1: unevenly far out, with two dents, always the same for the same number.
static void asteroids_shape(int32_t look, PufPoint* corners)
{
    PufRng noise = puf_rng_seed((uint64_t)look, 0);
    double far[ASTEROIDS_CORNERS];
    for (int i = 0; i < ASTEROIDS_CORNERS; i++) {
        far[i] = (double)puf_rand_range(&noise, 0.86f, 1.12f);
    }
    const uint32_t dent = puf_rand_below(&noise, ASTEROIDS_CORNERS);
    const uint32_t other =
        (dent + 3 + puf_rand_below(&noise, ASTEROIDS_CORNERS - 5)) % ASTEROIDS_CORNERS; // no spike between
    far[dent] = (double)puf_rand_range(&noise, 0.58f, 0.72f);
    far[other] = (double)puf_rand_range(&noise, 0.58f, 0.72f);
    for (int i = 0; i < ASTEROIDS_CORNERS; i++) {
        const double angle = PUF_TURN * (i + (double)puf_rand_range(&noise, -0.2f, 0.2f)) / ASTEROIDS_CORNERS;
        corners[i] = (PufPoint){ far[i] * puf_cosine(angle), far[i] * puf_sine(angle) };
    }
}

static void asteroids_draw_rock(const Asteroids* s, int slot, PufPicture* p)
{
    const int32_t size = s->rock_size[slot], look = s->rock_look[slot];
    const double radius = asteroids_size(size), spin = ((look & 15) - 7.5) / 7.5 * (size == 1 ? 0.035 : 0.02);
    // whole turns do not matter, and puf_sincosf has a range
    double angle = look + s->frame * spin;
    angle -= PUF_TURN * floor(angle / PUF_TURN);
    const PufColor color = asteroids_color(size);
    PufPoint shape[ASTEROIDS_CORNERS], corners[ASTEROIDS_CORNERS];
    asteroids_shape(look, shape);
    const AsteroidsCopies copies =
        asteroids_copies(s->rock_x[slot] * ASTEROIDS_GRAIN, s->rock_y[slot] * ASTEROIDS_GRAIN, radius * 1.3);
    for (int k = 0; k < copies.count; k++) {
        const PufPoint at = asteroids_place(copies.at[k]);
        asteroids_turn(shape, ASTEROIDS_CORNERS, angle, at, radius * ASTEROIDS_ZOOM, corners);
        for (int i = 0; i < ASTEROIDS_CORNERS; i++) {
            PufPoint piece[] = { at, corners[i], corners[(i + 1) % ASTEROIDS_CORNERS] };
            puf_polygon(p, piece, 3, puf_blend(PUF_NIGHT, color, 0.1));
        }
        asteroids_outline(p, corners, ASTEROIDS_CORNERS, color, 1);
    }
}

// Sparks that fly apart and go out; more and longer ones for the ship.
static void asteroids_draw_blast(const Asteroids* s, int place, PufPicture* p)
{
    const int32_t size = s->blast_size[place], begun = s->blast_frame[place], age = s->frame - begun;
    const int32_t lasts = size ? ASTEROIDS_LASTS : 2 * ASTEROIDS_LASTS, sparks = size ? 10 : 18;
    if (!begun || age >= lasts) {
        return;
    }
    const PufColor color = asteroids_color(size);
    const double left = 1 - (double)age / lasts, radius = size ? asteroids_size(size) : 26.0;
    const double reach = (radius + 10) * ASTEROIDS_ZOOM * (1 - left * left * left);
    const AsteroidsCopies copies =
        asteroids_copies(s->blast_x[place] * ASTEROIDS_GRAIN, s->blast_y[place] * ASTEROIDS_GRAIN, 50);
    for (int k = 0; k < copies.count; k++) {
        const PufPoint at = asteroids_place(copies.at[k]);
        puf_glow(p, at.x, at.y, reach + 16, puf_fade(color, 0.35 * left));
        for (int i = 0; i < sparks; i++) {
            double angle = 2.399963 * i + begun;
            angle -= PUF_TURN * floor(angle / PUF_TURN);
            const double far = reach * (0.5 + 0.5 * (i * 37 % 11) / 10), end = far + 9 * left;
            const double dx = puf_cosine(angle), dy = puf_sine(angle);
            puf_line(p, at.x + dx * far, at.y + dy * far, at.x + dx * end, at.y + dy * end, 2.2,
                     puf_fade(puf_blend(color, PUF_SNOW, 0.3), puf_min(1.0, 1.4 * left)));
        }
    }
}

static void asteroids_draw_shot(const Asteroids* s, int k, PufPicture* p)
{
    const double light = puf_min(1.0, s->shot_life[k] / 8.0), new = s->shot_life[k] == ASTEROIDS_SHOT_LIFE;
    const double back = new ? 0.0 : -1.2 * ASTEROIDS_GRAIN * ASTEROIDS_ZOOM;
    const AsteroidsCopies copies = asteroids_copies(s->shot_x[k] * ASTEROIDS_GRAIN, s->shot_y[k] * ASTEROIDS_GRAIN, 12);
    for (int i = 0; i < copies.count; i++) {
        const PufPoint at = asteroids_place(copies.at[i]);
        puf_glow(p, at.x, at.y, 15, puf_fade(PUF_AMBER, 0.45 * light));
        puf_line(p, at.x, at.y, at.x + back * s->shot_vx[k], at.y + back * s->shot_vy[k], 2,
                 puf_fade(PUF_AMBER, 0.5 * light));
        puf_circle(p, at.x, at.y, 2.6, puf_blend(PUF_AMBER, PUF_SNOW, 0.5));
    }
}

// A flame that flickers.
static void asteroids_draw_flame(int32_t now, double angle, PufPoint at, PufPicture* p)
{
    const double length = 15.0 + 5 * (now * 7 % 5) / 4.0;
    const PufPoint flame[3] = { { -6.0, 3.4 }, { -length, 0.0 }, { -6.0, -3.4 } };
    PufPoint shown[3];
    asteroids_turn(flame, 3, angle, at, ASTEROIDS_ZOOM, shown);
    puf_glow(p, shown[1].x, shown[1].y, 16, puf_fade(PUF_ORANGE, 0.4));
    for (int i = 0; i < 2; i++) {
        puf_line(p, shown[i].x, shown[i].y, shown[i + 1].x, shown[i + 1].y, 2, PUF_ORANGE);
    }
}

// With a flame while the engine burns, and in a bubble while nothing can harm it.
static void asteroids_draw_ship(const Asteroids* s, PufPicture* p)
{
    const double angle = s->heading * PUF_TURN / ASTEROIDS_HEADINGS, plane = ASTEROIDS_PLANE;
    double x = s->ship_x * ASTEROIDS_FINE, y = s->ship_y * ASTEROIDS_FINE;
    x -= x >= plane / 2 ? plane : 0, y -= y >= plane / 2 ? plane : 0;
    const AsteroidsCopies copies = asteroids_copies(x, y, 30);
    for (int k = 0; k < copies.count; k++) {
        const PufPoint at = asteroids_place(copies.at[k]);
        PufPoint c[4];
        puf_glow(p, at.x, at.y, 34, puf_fade(PUF_MINT, 0.16));
        if (s->thrusting) {
            asteroids_draw_flame(s->frame, angle, at, p);
        }
        asteroids_turn(asteroids_ship, 4, angle, at, ASTEROIDS_ZOOM, c);
        puf_polygon(p, c, 3, puf_blend(PUF_NIGHT, PUF_MINT, 0.2));
        puf_polygon(p, (PufPoint[]){ c[0], c[2], c[3] }, 3, puf_blend(PUF_NIGHT, PUF_MINT, 0.2));
        asteroids_outline(p, c, 4, PUF_MINT, 1);
        if (s->shield) {
            const double share = (double)s->shield / ASTEROIDS_SHIELD;
            puf_arc(p, at.x, at.y, 19, 20.5, puf_fade(PUF_SNOW, 0.25 + 0.5 * share), -90, -90 + 360 * share);
        }
    }
}

static void asteroids_draw_border(PufPicture* p)
{
    const double bottom = PUF_HUD_HEIGHT + ASTEROIDS_SIDE, right = ASTEROIDS_EDGE + ASTEROIDS_SIDE;
    puf_rect(p, 0, 0, p->width, PUF_HUD_HEIGHT, PUF_NIGHT, 0);
    puf_rect(p, 0, bottom, p->width, p->height - bottom, PUF_NIGHT, 0);
    puf_rect(p, 0, 0, ASTEROIDS_EDGE, p->height, PUF_NIGHT, 0);
    puf_rect(p, right, 0, p->width - right, p->height, PUF_NIGHT, 0);
    puf_border(p, ASTEROIDS_EDGE, PUF_HUD_HEIGHT, ASTEROIDS_SIDE, ASTEROIDS_SIDE, 1.5, PUF_SLATE, 3);
}

// What crosses the plane's edge is drawn on both sides; the margins, drawn last, cut it off.
static void asteroids_draw(const void* state, const void* assets, PufPicture* p)
{
    const Asteroids* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_rect(p, ASTEROIDS_EDGE, PUF_HUD_HEIGHT, ASTEROIDS_SIDE, ASTEROIDS_SIDE, puf_blend(PUF_NIGHT, PUF_DUSK, 0.35),
             0);
    asteroids_draw_stars(p);
    for (int slot = 0; slot < ASTEROIDS_SLOTS; slot++) {
        if (s->rock_size[slot]) {
            asteroids_draw_rock(s, slot, p);
        }
    }
    for (int place = 0; place < ASTEROIDS_BLASTS; place++) {
        asteroids_draw_blast(s, place, p);
    }
    for (int k = 0; k < ASTEROIDS_SHOTS; k++) {
        if (s->shot_life[k]) {
            asteroids_draw_shot(s, k, p);
        }
    }
    if (s->lives > 0) {
        asteroids_draw_ship(s, p);
    }
    asteroids_draw_border(p);
    const double left =
        puf_hud(p, "asteroids", (PufFigure[]){ puf_figure("wave", s->wave), puf_figure("score", s->score) }, 2);
    for (int i = 0; i < s->lives; i++) {
        PufPoint corners[4];
        asteroids_turn(asteroids_ship, 4, -PUF_TURN / 4, (PufPoint){ left - 8 - 19 * i, 24 }, 0.95, corners);
        asteroids_outline(p, corners, 4, PUF_MINT, 0);
    }
}

PUF_DRAWING(asteroids, .width = ASTEROIDS_SIDE + 2 * ASTEROIDS_EDGE,
            .height = PUF_HUD_HEIGHT + ASTEROIDS_SIDE + ASTEROIDS_EDGE, .draw = asteroids_draw);
