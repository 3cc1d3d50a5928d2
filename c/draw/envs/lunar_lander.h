// Lunar lander: the moon under the Earth, the lander with its flames, and the pad between two lights.
#pragma once
#include "draw/picture.h"
#include "envs/lunar_lander.h"

enum {
    LUNAR_LANDER_METRE = 40, // units
    LUNAR_LANDER_EDGE = 20,
    LUNAR_LANDER_PLANE = 20 * LUNAR_LANDER_METRE, // units from left to right
    LUNAR_LANDER_TOP = PUF_HUD_HEIGHT,
    LUNAR_LANDER_FLOOR = LUNAR_LANDER_TOP + 540,
    LUNAR_LANDER_PICTURE_WIDTH = LUNAR_LANDER_PLANE + 2 * LUNAR_LANDER_EDGE,
    LUNAR_LANDER_PICTURE_HEIGHT = LUNAR_LANDER_FLOOR + LUNAR_LANDER_EDGE,
    LUNAR_LANDER_STARS = 90,
};
#define LUNAR_LANDER_ROCK PUF_RGB(64, 69, 94)
#define LUNAR_LANDER_ROCK_LIT PUF_RGB(150, 158, 190)
#define LUNAR_LANDER_FAR PUF_RGB(33, 37, 57)

static double lunar_lander_right(double x) { return LUNAR_LANDER_EDGE + x * LUNAR_LANDER_METRE; }
static double lunar_lander_down(double y)
{
    return LUNAR_LANDER_TOP + ((double)LUNAR_LANDER_HEIGHT - y) * LUNAR_LANDER_METRE;
}

// A point of a body, given in thirtieths of a metre from a place that turns with it.
typedef struct LunarLanderFrame {
    double x, y, sine, cosine;
} LunarLanderFrame;

static PufPoint lunar_lander_point(LunarLanderFrame f, double x, double y)
{
    const double wx = f.x + (f.cosine * x - f.sine * y) / 30.0, wy = f.y + (f.sine * x + f.cosine * y) / 30.0;
    return (PufPoint){ lunar_lander_right(wx), lunar_lander_down(wy) };
}

static LunarLanderFrame lunar_lander_frame(const PufBody* b, double below)
{
    double angle = (double)b->angle;
    angle -= PUF_TURN * floor(angle / PUF_TURN);
    const double s = puf_sine(angle), c = puf_cosine(angle);
    return (LunarLanderFrame){ (double)b->x + s * below, (double)b->y - c * below, s, c };
}

static void lunar_lander_shape_of(PufPicture* p, LunarLanderFrame f, const PufPoint* points, int32_t count,
                                  PufColor color)
{
    PufPoint placed[8];
    for (int32_t i = 0; i < count; i++) {
        placed[i] = lunar_lander_point(f, points[i].x, points[i].y);
    }
    puf_polygon(p, placed, count, color);
}

// ---- The sky and the moon. ----

static void lunar_lander_draw_sky(PufPicture* p)
{
    puf_rect(p, LUNAR_LANDER_EDGE, LUNAR_LANDER_TOP, LUNAR_LANDER_PLANE, LUNAR_LANDER_FLOOR - LUNAR_LANDER_TOP,
             PUF_DUSK, 10);
    PufRng noise = puf_rng_seed(7, 0);
    for (int i = 0; i < LUNAR_LANDER_STARS; i++) {
        const double x = 20 * (double)puf_rand_float(&noise), y = 420 * (double)puf_rand_float(&noise);
        puf_circle(p, lunar_lander_right(x), LUNAR_LANDER_TOP + 4 + y, 0.6 + 0.45 * (i % 3),
                   puf_fade(PUF_SNOW, i % 4 == 0 ? 0.7 : 0.3));
    }
    const double x = lunar_lander_right(3.1), y = LUNAR_LANDER_TOP + 92;
    puf_glow(p, x, y, 96, puf_fade(PUF_SKY, 0.28));
    puf_circle(p, x, y, 34, puf_blend(PUF_SKY, PUF_NIGHT, 0.2));
    puf_circle(p, x - 9, y - 8, 13, puf_fade(PUF_MINT, 0.5));
    puf_circle(p, x + 13, y + 9, 9, puf_fade(PUF_MINT, 0.4));
    puf_circle(p, x + 2, y - 22, 6, puf_fade(PUF_SNOW, 0.6));
    puf_circle(p, x + 6, y + 25, 5, puf_fade(PUF_SNOW, 0.5));
}

static double lunar_lander_far_hill(int32_t i) { return 4.6 + 1.1 * puf_sine(0.9 * i + 0.7) + 0.6 * puf_sine(2.3 * i); }

static void lunar_lander_draw_slope(PufPicture* p, double x0, double y0, double x1, double y1, PufColor color)
{
    PufPoint slope[] = { { lunar_lander_right(x0), lunar_lander_down(y0) },
                         { lunar_lander_right(x0), LUNAR_LANDER_FLOOR },
                         { lunar_lander_right(x1), LUNAR_LANDER_FLOOR },
                         { lunar_lander_right(x1), lunar_lander_down(y1) } };
    puf_polygon(p, slope, 4, color);
}

// Layers of rock, the lower the darker, and a lit edge.
static void lunar_lander_draw_ground(const LunarLander* s, PufPicture* p)
{
    for (int32_t i = 0; i < 20; i++) {
        lunar_lander_draw_slope(p, i, lunar_lander_far_hill(i), i + 1, lunar_lander_far_hill(i + 1), LUNAR_LANDER_FAR);
    }
    for (int32_t layer = 0; layer < 4; layer++) {
        const PufColor color = puf_blend(LUNAR_LANDER_ROCK, PUF_NIGHT, 0.24 * layer);
        for (int32_t i = 0; i + 1 < LUNAR_LANDER_POSTS; i++) {
            const double y0 = (double)s->ground[i] * (1 - 0.22 * layer),
                         y1 = (double)s->ground[i + 1] * (1 - 0.22 * layer);
            lunar_lander_draw_slope(p, 2.0 * i, y0, 2.0 * (i + 1), y1, color);
        }
    }
    PufPoint edge[LUNAR_LANDER_POSTS];
    for (int32_t i = 0; i < LUNAR_LANDER_POSTS; i++) {
        edge[i] = (PufPoint){ lunar_lander_right(2.0 * i), lunar_lander_down((double)s->ground[i]) };
    }
    puf_path(p, edge, LUNAR_LANDER_POSTS, 3.5, LUNAR_LANDER_ROCK_LIT);
}

// A lit strip between two lamps, which turn green when the lander stands.
static void lunar_lander_draw_pad(const LunarLander* s, PufPicture* p)
{
    const double y = lunar_lander_down(3.3), x0 = lunar_lander_right(8), x1 = lunar_lander_right(12);
    const int standing = s->touched[LUNAR_LANDER_LEFT_LEG] & s->touched[LUNAR_LANDER_RIGHT_LEG];
    const PufColor color = standing ? PUF_MINT : PUF_AMBER;
    puf_rect(p, x0, y - 2, x1 - x0, 9, PUF_SLATE, 3);
    for (int32_t i = 0; i < 8; i++) {
        puf_rect(p, x0 + 6 + i * (x1 - x0) / 8, y, (x1 - x0) / 8 - 12, 3.5, puf_fade(color, 0.85), 1.5);
    }
    for (int32_t side = 0; side < 2; side++) {
        const double x = side ? x1 : x0;
        const int lit = (s->tick / 12 + side) % 2 == 0;
        puf_line(p, x, y, x, y - 26, 3, PUF_STEEL);
        puf_glow(p, x, y - 29, lit ? 30 : 16, puf_fade(color, lit ? 0.6 : 0.25));
        puf_circle(p, x, y - 29, 5, lit ? color : puf_blend(color, PUF_NIGHT, 0.5));
    }
}

// ---- The lander. ----

// A flame from (x, y), `length` long in the direction (dx, dy), all in thirtieths of a metre; it flickers.
static void lunar_lander_draw_flame(PufPicture* p, LunarLanderFrame f, double x, double y, double dx, double dy,
                                    double length, double width, int32_t tick)
{
    const double flicker = 0.85 + 0.15 * ((tick * 7) % 5) / 4.0;
    const PufPoint glow = lunar_lander_point(f, x + dx * length * 0.4, y + dy * length * 0.4);
    puf_glow(p, glow.x, glow.y, 2.2 * length, puf_fade(PUF_ORANGE, 0.45));
    for (int32_t i = 0; i < 3; i++) {
        const double w = width * (1 - 0.28 * i), l = length * flicker * (1 - 0.3 * i);
        const PufPoint flame[] = { { x - dy * w, y + dx * w },
                                   { x + dx * l * 0.5 - dy * w * 0.7, y + dy * l * 0.5 + dx * w * 0.7 },
                                   { x + dx * l, y + dy * l },
                                   { x + dx * l * 0.5 + dy * w * 0.7, y + dy * l * 0.5 - dx * w * 0.7 },
                                   { x + dy * w, y - dx * w } };
        lunar_lander_shape_of(p, f, flame, 5, i == 0 ? puf_fade(PUF_CORAL, 0.85) : i == 1 ? PUF_AMBER : PUF_SNOW);
    }
}

// A strut from the hull to the foot, whose lamp shows that it touches.
static void lunar_lander_draw_leg(const LunarLander* s, LunarLanderFrame hull, int32_t leg, PufPicture* p)
{
    const LunarLanderFrame f = lunar_lander_frame(&s->bodies[leg], 0.0);
    const double out = leg == LUNAR_LANDER_LEFT_LEG ? -1.0 : 1.0;
    const PufPoint knee = lunar_lander_point(f, 0, 8), foot = lunar_lander_point(f, 0, -7);
    const PufPoint hip = lunar_lander_point(hull, out * 13, -7), shoulder = lunar_lander_point(hull, out * 15, 2);
    const PufPoint pad0 = lunar_lander_point(f, -5, -7.5), pad1 = lunar_lander_point(f, 5, -7.5);
    const PufColor color = s->touched[leg] ? PUF_MINT : PUF_STEEL;
    puf_line(p, hip.x, hip.y, foot.x, foot.y, 3, PUF_STEEL);
    puf_line(p, shoulder.x, shoulder.y, knee.x, knee.y, 3, PUF_STEEL);
    puf_line(p, knee.x, knee.y, foot.x, foot.y, 5.5, puf_blend(PUF_STEEL, PUF_SNOW, 0.5));
    puf_line(p, pad0.x, pad0.y, pad1.x, pad1.y, 5, color);
    if (s->touched[leg]) {
        puf_glow(p, foot.x, foot.y, 22, puf_fade(PUF_MINT, 0.5));
    }
}

static void lunar_lander_draw_hull(LunarLanderFrame f, int32_t crashed, PufPicture* p)
{
    static const PufPoint bell[] = { { -5, -9 }, { 5, -9 }, { 8, -15 }, { -8, -15 } };
    static const PufPoint body[] = { { -17, -10 }, { 17, -10 }, { 17, 0 }, { 14, 17 }, { -14, 17 }, { -17, 0 } };
    static const PufPoint base[] = { { -17, -10 }, { 17, -10 }, { 17, 0 }, { -17, 0 } };
    static const PufPoint shine[] = { { -14.6, 1.5 }, { -9, 1.5 }, { -8, 15 }, { -12.2, 15 } };
    const PufColor color = crashed ? PUF_CORAL : PUF_VIOLET;
    lunar_lander_shape_of(p, f, bell, 4, PUF_STEEL);
    lunar_lander_shape_of(p, f, body, 6, color);
    lunar_lander_shape_of(p, f, base, 4, puf_blend(PUF_AMBER, PUF_NIGHT, 0.15));
    lunar_lander_shape_of(p, f, shine, 4, puf_fade(PUF_SNOW, 0.25));
    for (int32_t i = -1; i <= 1; i++) {
        const PufPoint rivet = lunar_lander_point(f, 10 * i, -5);
        puf_circle(p, rivet.x, rivet.y, 2, puf_fade(PUF_NIGHT, 0.5));
    }
    const PufPoint window = lunar_lander_point(f, 0, 8.5);
    puf_circle(p, window.x, window.y, 8.5, PUF_SNOW);
    puf_circle(p, window.x, window.y, 6.5, puf_blend(PUF_SKY, PUF_NIGHT, 0.35));
    const PufPoint glint = lunar_lander_point(f, -1.8, 10.2);
    puf_circle(p, glint.x, glint.y, 2, puf_fade(PUF_SNOW, 0.8));
}

// Where the lander goes: a second ahead, in dots, red where it is too fast to land.
static void lunar_lander_draw_way(const PufBody* hull, PufPicture* p)
{
    const double vx = (double)hull->vx, vy = (double)hull->vy;
    const PufColor color = puf_blend(PUF_MINT, PUF_CORAL, puf_clamp(fabs(vy) / 3 - 0.35, 0, 1));
    for (int32_t i = 2; i <= 7; i++) {
        const double t = 0.14 * i;
        const double y = lunar_lander_down((double)hull->y + vy * t);
        if (y > LUNAR_LANDER_TOP && y < LUNAR_LANDER_FLOOR) {
            puf_circle(p, lunar_lander_right((double)hull->x + vx * t), y, 2.4, puf_fade(color, 0.8 - 0.1 * i));
        }
    }
}

static void lunar_lander_draw_lander(const LunarLander* s, double centre, PufPicture* p)
{
    const LunarLanderFrame f = lunar_lander_frame(&s->bodies[LUNAR_LANDER_HULL], centre);
    lunar_lander_draw_way(&s->bodies[LUNAR_LANDER_HULL], p);
    if (s->main > 0.0f) {
        lunar_lander_draw_flame(p, f, 0, -15, 0, -1, 22 + 18 * (double)s->main, 7.5, s->tick);
    }
    if (s->side != 0.0f) { // the nozzle is on the other side than where it pushes
        const double out = s->side > 0.0f ? -1.0 : 1.0;
        lunar_lander_draw_flame(p, f, out * 15.5, 12, out, 0, 20 * fabs((double)s->side), 3.5, s->tick);
    }
    lunar_lander_draw_leg(s, f, LUNAR_LANDER_LEFT_LEG, p);
    lunar_lander_draw_leg(s, f, LUNAR_LANDER_RIGHT_LEG, p);
    lunar_lander_draw_hull(f, s->touched[LUNAR_LANDER_HULL], p);
}

// Above the picture, an arrow shows where.
static void lunar_lander_draw_arrow(const PufBody* hull, PufPicture* p)
{
    const double x = lunar_lander_right(puf_clamp((double)hull->x, 0.4, 19.6)), y = LUNAR_LANDER_TOP + 14;
    const PufPoint arrow[] = { { x, y }, { x - 11, y + 18 }, { x + 11, y + 18 } };
    puf_polygon(p, arrow, 3, PUF_VIOLET);
    puf_text(p, x, y + 24, puf_word((double)hull->y - 3.3, 0, 0, " m").text, 15, PUF_SNOW, PUF_CENTER);
}

static void lunar_lander_draw(const void* state, const void* assets, PufPicture* p)
{
    const LunarLander* s = state;
    const LunarLanderParts* parts = assets;
    const PufBody* hull = &s->bodies[LUNAR_LANDER_HULL];
    const double height = (double)hull->y - (double)parts->centre - (double)(LUNAR_LANDER_PAD + LUNAR_LANDER_LEG_DOWN);
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "lunar lander",
            (PufFigure[]){ { "height", puf_word(puf_max(height, 0), 1, 0, " m") },
                           { "falls", puf_word(puf_max(-(double)hull->vy, 0), 1, 0, " m/s") },
                           puf_figure("score", (double)s->episode_return) },
            3);
    lunar_lander_draw_sky(p);
    lunar_lander_draw_ground(s, p);
    lunar_lander_draw_pad(s, p);
    if ((double)hull->y < (double)LUNAR_LANDER_HEIGHT + 0.2) {
        lunar_lander_draw_lander(s, (double)parts->centre, p);
    } else {
        lunar_lander_draw_arrow(hull, p);
    }
}

PUF_DRAWING(lunar_lander, .width = LUNAR_LANDER_PICTURE_WIDTH, .height = LUNAR_LANDER_PICTURE_HEIGHT,
            .draw = lunar_lander_draw);
