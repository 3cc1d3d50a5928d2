// Bipedal walker: a robot on two legs under an evening sky, hills that pass more slowly than the ground, and posts that
// count metres.
#pragma once
#include "draw/picture.h"
#include "envs/bipedal_walker.h"

enum {
    BIPEDAL_WALKER_METRE = 58, // units
    BIPEDAL_WALKER_MARGIN = 20,
    BIPEDAL_WALKER_VIEW = 14, // metres from left to right
    BIPEDAL_WALKER_PLANE = BIPEDAL_WALKER_VIEW * BIPEDAL_WALKER_METRE,
    BIPEDAL_WALKER_TOP = PUF_HUD_HEIGHT,
    BIPEDAL_WALKER_FLOOR = BIPEDAL_WALKER_TOP + 440,
    BIPEDAL_WALKER_PICTURE_WIDTH = BIPEDAL_WALKER_PLANE + 2 * BIPEDAL_WALKER_MARGIN,
    BIPEDAL_WALKER_PICTURE_HEIGHT = BIPEDAL_WALKER_FLOOR + 46,
    BIPEDAL_WALKER_SHOWN = 34, // edges
    BIPEDAL_WALKER_STARS = 60,
};
#define BIPEDAL_WALKER_SOIL PUF_RGB(46, 74, 78)
#define BIPEDAL_WALKER_GRASS_LIT PUF_RGB(120, 212, 150)
#define BIPEDAL_WALKER_HILL PUF_RGB(38, 42, 70)
#define BIPEDAL_WALKER_FAR_HILL PUF_RGB(31, 34, 57)

// What is in view: the place at the left edge, and the height at the bottom.
typedef struct BipedalWalkerCamera {
    double left, bottom;
} BipedalWalkerCamera;

static BipedalWalkerCamera bipedal_walker_camera(const BipedalWalker* s)
{
    const double x = (double)s->bodies[BIPEDAL_WALKER_HULL].x;
    const int32_t at = bipedal_walker_post((float)x);
    double ground = 0.0;
    for (int32_t i = 0; i < 12; i++) { // its mean, so that the picture does not shake
        ground += (double)s->ground[puf_clampi(at - 4 + i, 0, BIPEDAL_WALKER_POSTS - 1)] / 12.0;
    }
    return (BipedalWalkerCamera){ x - 4.6, ground - 2.3 };
}

static double bipedal_walker_right(BipedalWalkerCamera c, double x)
{
    return BIPEDAL_WALKER_MARGIN + (x - c.left) * BIPEDAL_WALKER_METRE;
}
static double bipedal_walker_down(BipedalWalkerCamera c, double y)
{
    return BIPEDAL_WALKER_FLOOR - (y - c.bottom) * BIPEDAL_WALKER_METRE;
}

// ---- The sky and the ground. ----

static double bipedal_walker_clip_x(double x)
{
    return puf_clamp(x, BIPEDAL_WALKER_MARGIN, BIPEDAL_WALKER_MARGIN + BIPEDAL_WALKER_PLANE);
}

// A slope from (x0, y0) to (x1, y1), units, down to the floor, cut at the sides.
static void bipedal_walker_slope(PufPicture* p, double x0, double y0, double x1, double y1, PufColor color)
{
    const double left = bipedal_walker_clip_x(x0), right = bipedal_walker_clip_x(x1);
    if (right - left < 0.01) {
        return;
    }
    const double rise = (y1 - y0) / (x1 - x0);
    const double from = puf_min(y0 + rise * (left - x0), BIPEDAL_WALKER_FLOOR);
    const double to = puf_min(y0 + rise * (right - x0), BIPEDAL_WALKER_FLOOR);
    const PufPoint corners[] = {
        { left, from }, { left, BIPEDAL_WALKER_FLOOR }, { right, BIPEDAL_WALKER_FLOOR }, { right, to }
    };
    puf_polygon(p, corners, 4, color);
}

static double bipedal_walker_hill(int32_t i, double pace)
{
    return puf_sine(0.8 * i + 2.0 * pace) + 0.55 * puf_sine(2.1 * i + pace) + 0.3 * puf_sine(4.7 * i);
}

// Hills, which pass at a part of the ground's pace.
static void bipedal_walker_hills(PufPicture* p, BipedalWalkerCamera c, double pace, double height, PufColor color)
{
    const double step = 70.0, shift = c.left * BIPEDAL_WALKER_METRE * pace;
    const int32_t first = (int32_t)(shift / step) - 1;
    for (int32_t i = first; i < first + 15; i++) {
        const double x = BIPEDAL_WALKER_MARGIN + i * step - shift;
        const double y0 = BIPEDAL_WALKER_FLOOR - height - 26.0 * bipedal_walker_hill(i, pace);
        const double y1 = BIPEDAL_WALKER_FLOOR - height - 26.0 * bipedal_walker_hill(i + 1, pace);
        bipedal_walker_slope(p, x, y0, x + step, y1, color);
    }
}

static void bipedal_walker_draw_sky(PufPicture* p, BipedalWalkerCamera c)
{
    const double height = BIPEDAL_WALKER_FLOOR - BIPEDAL_WALKER_TOP;
    puf_rect(p, BIPEDAL_WALKER_MARGIN, BIPEDAL_WALKER_TOP, BIPEDAL_WALKER_PLANE, height, PUF_DUSK, 10);
    for (int32_t i = 0; i < 6; i++) { // lighter towards the horizon
        const double y = BIPEDAL_WALKER_TOP + 60 + 50 * i;
        puf_rect(p, BIPEDAL_WALKER_MARGIN, y, BIPEDAL_WALKER_PLANE, BIPEDAL_WALKER_FLOOR - y,
                 puf_fade(PUF_VIOLET, 0.045), 0);
    }
    PufRng noise = puf_rng_seed(11, 0);
    for (int32_t i = 0; i < BIPEDAL_WALKER_STARS; i++) {
        const double x = (double)puf_rand_float(&noise), y = (double)puf_rand_float(&noise);
        puf_circle(p, BIPEDAL_WALKER_MARGIN + 6 + x * (BIPEDAL_WALKER_PLANE - 12), BIPEDAL_WALKER_TOP + 6 + 190 * y,
                   0.6 + 0.4 * (i % 3), puf_fade(PUF_SNOW, i % 4 == 0 ? 0.6 : 0.25));
    }
    const double x = BIPEDAL_WALKER_MARGIN + 690 - 0.02 * c.left * BIPEDAL_WALKER_METRE, y = BIPEDAL_WALKER_TOP + 92;
    puf_glow(p, x, y, 120, puf_fade(PUF_ORANGE, 0.3));
    puf_circle(p, x, y, 36, puf_blend(PUF_AMBER, PUF_ORANGE, 0.35));
    bipedal_walker_hills(p, c, 0.15, 210, BIPEDAL_WALKER_FAR_HILL);
    bipedal_walker_hills(p, c, 0.35, 160, BIPEDAL_WALKER_HILL);
}

// A post with a number each 10 metres; flags at the start and at the end.
static void bipedal_walker_draw_posts(const BipedalWalker* s, BipedalWalkerCamera c, PufPicture* p)
{
    const double start = BIPEDAL_WALKER_STRIDE * BIPEDAL_WALKER_START / 2;
    for (int32_t metres = 0; metres <= 80; metres += 10) {
        const double at = start + metres, x = bipedal_walker_right(c, at);
        if (x < BIPEDAL_WALKER_MARGIN + 16 || x > BIPEDAL_WALKER_MARGIN + BIPEDAL_WALKER_PLANE - 16) {
            continue;
        }
        const double y = bipedal_walker_down(c, (double)s->ground[bipedal_walker_post((float)at)]);
        puf_line(p, x, y + 4, x, y - 30, 3, PUF_STEEL);
        puf_rect(p, x - 17, y - 50, 34, 21, PUF_SLATE, 5);
        puf_text(p, x, y - 47, puf_word(metres, 0, 0, "").text, 14, PUF_SNOW, PUF_CENTER);
    }
    const double end = (BIPEDAL_WALKER_POSTS - BIPEDAL_WALKER_GRASS) * BIPEDAL_WALKER_STRIDE;
    const double x = bipedal_walker_right(c, end);
    if (x > BIPEDAL_WALKER_MARGIN && x < BIPEDAL_WALKER_MARGIN + BIPEDAL_WALKER_PLANE - 40) {
        const double y = bipedal_walker_down(c, (double)s->ground[BIPEDAL_WALKER_POSTS - BIPEDAL_WALKER_GRASS]);
        const PufPoint flag[] = { { x, y - 120 }, { x + 38, y - 105 }, { x, y - 90 } };
        puf_line(p, x, y + 4, x, y - 120, 4, PUF_SNOW);
        puf_polygon(p, flag, 3, PUF_MINT);
    }
}

static void bipedal_walker_draw_ground(const BipedalWalker* s, BipedalWalkerCamera c, PufPicture* p)
{
    const int32_t first = puf_clampi((int32_t)(c.left / BIPEDAL_WALKER_STRIDE) - 1, 0, BIPEDAL_WALKER_EDGES - 1);
    const int32_t last = puf_clampi(first + BIPEDAL_WALKER_SHOWN, 0, BIPEDAL_WALKER_EDGES);
    for (int32_t layer = 0; layer < 4; layer++) {
        const PufColor color = puf_blend(BIPEDAL_WALKER_SOIL, PUF_NIGHT, 0.2 * layer);
        for (int32_t i = first; i < last; i++) {
            const double lower = 0.42 * layer + 0.1 * (layer > 0);
            bipedal_walker_slope(p, bipedal_walker_right(c, i * BIPEDAL_WALKER_STRIDE),
                                 bipedal_walker_down(c, (double)s->ground[i] - lower),
                                 bipedal_walker_right(c, (i + 1) * BIPEDAL_WALKER_STRIDE),
                                 bipedal_walker_down(c, (double)s->ground[i + 1] - lower), color);
        }
    }
    for (int32_t i = first; i < last; i++) { // what is lit, and tufts
        const double x0 = bipedal_walker_right(c, i * BIPEDAL_WALKER_STRIDE);
        const double x1 = bipedal_walker_right(c, (i + 1) * BIPEDAL_WALKER_STRIDE);
        const double y0 = bipedal_walker_down(c, (double)s->ground[i]),
                     y1 = bipedal_walker_down(c, (double)s->ground[i + 1]);
        if (x0 < BIPEDAL_WALKER_MARGIN || x1 > BIPEDAL_WALKER_MARGIN + BIPEDAL_WALKER_PLANE) {
            continue;
        }
        puf_line(p, x0, y0 + 1.5, x1, y1 + 1.5, 4, BIPEDAL_WALKER_GRASS_LIT);
        if (i % 3 == 0) {
            puf_line(p, x0 + 6, y0, x0 + 3, y0 - 8, 2, puf_fade(BIPEDAL_WALKER_GRASS_LIT, 0.8));
            puf_line(p, x0 + 6, y0, x0 + 10, y0 - 7, 2, puf_fade(BIPEDAL_WALKER_GRASS_LIT, 0.8));
        }
    }
}

// A block, with a lit top and a seam for each stride of height: stumps of wood, steps of stone, walls of pits of clay.
static void bipedal_walker_draw_block(PufBlock b, int32_t kind, BipedalWalkerCamera c, PufPicture* p)
{
    static const PufColor colors[] = { PUF_STEEL, PUF_RGB(150, 98, 66), PUF_RGB(112, 120, 150), PUF_RGB(124, 74, 84) };
    const double left = bipedal_walker_clip_x(bipedal_walker_right(c, (double)b.left));
    const double right = bipedal_walker_clip_x(bipedal_walker_right(c, (double)b.right));
    const double top = bipedal_walker_down(c, (double)b.top);
    const double bottom = puf_min(bipedal_walker_down(c, (double)b.bottom), BIPEDAL_WALKER_FLOOR);
    if (right - left < 0.5 || bottom - top < 0.5) {
        return;
    }
    puf_rect(p, left, top, right - left, bottom - top, colors[kind], 2);
    for (int32_t i = 1; top + i * BIPEDAL_WALKER_STRIDE * BIPEDAL_WALKER_METRE < bottom - 4; i++) {
        const double y = top + i * BIPEDAL_WALKER_STRIDE * BIPEDAL_WALKER_METRE;
        puf_line(p, left, y, right, y, 1.5, puf_fade(PUF_NIGHT, 0.35));
    }
    puf_rect(p, left, top, right - left, 5, puf_blend(colors[kind], PUF_SNOW, 0.45), 2);
}

static void bipedal_walker_draw_blocks(const BipedalWalker* s, BipedalWalkerCamera c, PufPicture* p)
{
    for (int32_t i = 0; i < s->num_blocks; i++) {
        bipedal_walker_draw_block(bipedal_walker_block(s, i), s->block_kind[i], c, p);
    }
}

// ---- The walker. ----

// A point of a body, given in thirtieths of a metre from a place that turns with it.
typedef struct BipedalWalkerFrame {
    double x, y, sine, cosine;
} BipedalWalkerFrame;

static BipedalWalkerFrame bipedal_walker_frame(const PufBody* b, double cx, double cy)
{
    double angle = (double)b->angle;
    angle -= PUF_TURN * floor(angle / PUF_TURN);
    const double s = puf_sine(angle), c = puf_cosine(angle);
    return (BipedalWalkerFrame){ (double)b->x - (c * cx - s * cy), (double)b->y - (s * cx + c * cy), s, c };
}

static PufPoint bipedal_walker_point(BipedalWalkerCamera c, BipedalWalkerFrame f, double x, double y)
{
    const double wx = f.x + (f.cosine * x - f.sine * y) / 30.0, wy = f.y + (f.sine * x + f.cosine * y) / 30.0;
    return (PufPoint){ bipedal_walker_right(c, wx), bipedal_walker_down(c, wy) };
}

static void bipedal_walker_shape_of(PufPicture* p, BipedalWalkerCamera c, BipedalWalkerFrame f, const PufPoint* points,
                                    int32_t count, PufColor color)
{
    PufPoint placed[8];
    for (int32_t i = 0; i < count; i++) {
        placed[i] = bipedal_walker_point(c, f, points[i].x, points[i].y);
    }
    puf_polygon(p, placed, count, color);
}

static void bipedal_walker_draw_rays(const BipedalWalker* s, const BipedalWalkerParts* parts, BipedalWalkerCamera c,
                                     PufPicture* p)
{
    const BipedalWalkerPlace from = bipedal_walker_origin(s, parts);
    const double x = bipedal_walker_right(c, (double)from.x), y = bipedal_walker_down(c, (double)from.y);
    float rays[BIPEDAL_WALKER_RAYS];
    bipedal_walker_look(s, parts, rays);
    bipedal_walker_look_at_blocks(s, parts, rays);
    for (int32_t i = 0; i < BIPEDAL_WALKER_RAYS; i++) {
        const double far = (double)rays[i] * BIPEDAL_WALKER_METRE;
        const double tx = x + far * (double)parts->ray_x[i], ty = y - far * (double)parts->ray_y[i];
        if (tx < BIPEDAL_WALKER_MARGIN + BIPEDAL_WALKER_PLANE && ty < BIPEDAL_WALKER_FLOOR) {
            puf_line(p, x, y, tx, ty, 1.2, puf_fade(PUF_CORAL, 0.22));
            puf_circle(p, tx, ty, 2.6, puf_fade(PUF_CORAL, rays[i] < 1.0f ? 0.85 : 0.2));
        }
    }
}

// Thigh, shin, knee and foot of a leg; the farther one is darker. The foot glows where it stands.
static void bipedal_walker_draw_leg(const BipedalWalker* s, int32_t leg, BipedalWalkerCamera c, PufPicture* p)
{
    static const PufPoint thigh[] = { { -4.6, 17 }, { 4.6, 17 }, { 3.4, -17 }, { -3.4, -17 } };
    static const PufPoint shin[] = { { -3.4, 17 }, { 3.4, 17 }, { 2.4, -15 }, { -2.4, -15 } };
    static const PufPoint foot[] = { { -3.4, -12 }, { 3.4, -12 }, { 4.4, -17 }, { -3.6, -17 } };
    const int32_t upper = leg ? BIPEDAL_WALKER_THIGH2 : BIPEDAL_WALKER_THIGH1, lower = upper + 1;
    const double dark = leg ? 0.0 : 0.42;
    const BipedalWalkerFrame t = bipedal_walker_frame(&s->bodies[upper], 0, 0),
                             l = bipedal_walker_frame(&s->bodies[lower], 0, 0);
    const PufColor color = puf_blend(leg ? PUF_TEAL : PUF_SKY, PUF_NIGHT, dark);
    const PufColor shoe = s->touched[lower] ? PUF_MINT : puf_blend(PUF_AMBER, PUF_NIGHT, dark);
    const PufPoint hip = bipedal_walker_point(c, t, 0, 16), knee = bipedal_walker_point(c, t, 0, -17);
    const PufPoint sole = bipedal_walker_point(c, l, 0, -17);
    if (s->touched[lower]) {
        puf_glow(p, sole.x, sole.y, 30, puf_fade(PUF_MINT, 0.5));
    }
    bipedal_walker_shape_of(p, c, l, shin, 4, puf_blend(color, PUF_SNOW, 0.12));
    bipedal_walker_shape_of(p, c, l, foot, 4, shoe);
    bipedal_walker_shape_of(p, c, t, thigh, 4, color);
    puf_circle(p, knee.x, knee.y, 8.5, puf_blend(PUF_STEEL, PUF_NIGHT, dark));
    puf_circle(p, knee.x, knee.y, 4, puf_blend(PUF_SNOW, PUF_NIGHT, dark));
    puf_circle(p, hip.x, hip.y, 8.5, puf_blend(PUF_STEEL, PUF_NIGHT, dark));
}

static void bipedal_walker_draw_hull(const BipedalWalker* s, BipedalWalkerFrame f, BipedalWalkerCamera c, PufPicture* p)
{
    static const PufPoint body[] = { { -30, 9 }, { 6, 9 }, { 34, 1 }, { 34, -8 }, { -30, -8 } };
    static const PufPoint belly[] = { { -30, -2 }, { 34, -2 }, { 34, -8 }, { -30, -8 } };
    static const PufPoint glass[] = { { 5, 7 }, { 27, 0.8 }, { 27, -1 }, { 5, -1 } };
    static const PufPoint shine[] = { { -27, 7 }, { 1, 7 }, { 1, 5 }, { -27, 5 } };
    const PufColor color = s->touched[BIPEDAL_WALKER_HULL] ? PUF_CORAL : PUF_VIOLET;
    bipedal_walker_shape_of(p, c, f, body, 5, color);
    bipedal_walker_shape_of(p, c, f, belly, 4, puf_blend(color, PUF_NIGHT, 0.35));
    bipedal_walker_shape_of(p, c, f, shine, 4, puf_fade(PUF_SNOW, 0.25));
    bipedal_walker_shape_of(p, c, f, glass, 4, puf_blend(PUF_SKY, PUF_NIGHT, 0.25));
    const PufPoint eye = bipedal_walker_point(c, f, 19, 1), tip = bipedal_walker_point(c, f, -24, 19),
                   root = bipedal_walker_point(c, f, -22, 9);
    puf_circle(p, eye.x, eye.y, 5, PUF_SNOW);
    puf_circle(p, eye.x + 1.5, eye.y, 2.4, PUF_NIGHT);
    puf_line(p, root.x, root.y, tip.x, tip.y, 2.5, PUF_STEEL);
    puf_circle(p, tip.x, tip.y, 4, s->tick / 15 % 2 ? PUF_CORAL : PUF_AMBER);
}

// How far it came, as a line below the picture.
static void bipedal_walker_draw_way(const BipedalWalker* s, PufPicture* p)
{
    const double start = BIPEDAL_WALKER_STRIDE * BIPEDAL_WALKER_START / 2;
    const double end = (BIPEDAL_WALKER_POSTS - BIPEDAL_WALKER_GRASS) * BIPEDAL_WALKER_STRIDE;
    const double share = puf_clamp((double)s->way / (end - start), 0, 1), x = BIPEDAL_WALKER_MARGIN + 10;
    const double y = BIPEDAL_WALKER_FLOOR + 20, width = BIPEDAL_WALKER_PLANE - 20;
    puf_rect(p, x, y, width, 6, PUF_SLATE, 3);
    puf_rect(p, x, y, puf_max(width * share, 6), 6, PUF_MINT, 3);
    puf_circle(p, x + width * share, y + 3, 7, PUF_SNOW);
}

static void bipedal_walker_draw(const void* state, const void* assets, PufPicture* p)
{
    const BipedalWalker* s = state;
    const BipedalWalkerParts* parts = assets;
    const PufBody* hull = &s->bodies[BIPEDAL_WALKER_HULL];
    const BipedalWalkerCamera c = bipedal_walker_camera(s);
    const BipedalWalkerFrame f = bipedal_walker_frame(hull, (double)parts->centre_x, (double)parts->centre_y);
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "bipedal walker",
            (PufFigure[]){ { "way", puf_word(puf_max((double)s->way, 0), 1, 0, " m") },
                           { "speed", puf_word((double)hull->vx, 1, 0, " m/s") },
                           puf_figure("score", (double)s->episode_return) },
            3);
    bipedal_walker_draw_sky(p, c);
    bipedal_walker_draw_blocks(s, c, p);
    bipedal_walker_draw_ground(s, c, p);
    bipedal_walker_draw_posts(s, c, p);
    bipedal_walker_draw_rays(s, parts, c, p);
    bipedal_walker_draw_leg(s, 0, c, p);
    bipedal_walker_draw_hull(s, f, c, p);
    bipedal_walker_draw_leg(s, 1, c, p);
    bipedal_walker_draw_way(s, p);
}

PUF_DRAWING(bipedal_walker, .width = BIPEDAL_WALKER_PICTURE_WIDTH, .height = BIPEDAL_WALKER_PICTURE_HEIGHT,
            .draw = bipedal_walker_draw);
