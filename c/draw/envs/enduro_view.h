// enduro_view.h - where things on the road lie in the picture, and in what light.
#pragma once
#include "draw/picture.h"
#include "envs/enduro.h"

enum { ENDURO_CLEAR_SKY, ENDURO_SNOWY, ENDURO_EVENING, ENDURO_DARK, ENDURO_FOGGY, ENDURO_MORNING, ENDURO_LOOKS };
enum {
    ENDURO_PICTURE_WIDTH = 820, // units
    ENDURO_VIEW = 430,
    ENDURO_PANEL = 84,
    ENDURO_SKY_TOP = PUF_HUD_HEIGHT,
    ENDURO_BOTTOM = PUF_HUD_HEIGHT + ENDURO_VIEW,
    ENDURO_HORIZON = PUF_HUD_HEIGHT + 168,
    ENDURO_STEPS = 162, // of 2 m: how far the road's bends are added up
};
#define ENDURO_LENS 370.0 // units of a metre at one metre
#define ENDURO_EYE 3.3    // metres of the camera above the road
#define ENDURO_BACK 5.6   // and behind the car
#define ENDURO_NEAREST 4.2
#define ENDURO_FARTHEST 260.0
#define ENDURO_ROAD_EDGE 6.0
#define ENDURO_SHARPEST 260.0 // radius of the bend 64, as it is drawn
#define ENDURO_CAR_WIDTH 1.8
#define ENDURO_CAR_HEIGHT 1.15

static const uint8_t enduro_skies[ENDURO_PHASES] = { ENDURO_CLEAR_SKY, ENDURO_SNOWY, ENDURO_CLEAR_SKY, ENDURO_EVENING,
                                                     ENDURO_DARK,      ENDURO_DARK,  ENDURO_FOGGY,     ENDURO_MORNING };
static const double enduro_sight[ENDURO_LOOKS] = { 240.0, 192.0, 192.0, 144.0, 96.0, 192.0 };

// The colours of a weather; light: how much of their colour cars show.
typedef struct EnduroLook {
    PufColor sky, low_sky, haze, ground[2], road[2], kerb[2], line, mountains[2], trees;
    double light;
} EnduroLook;

#define ENDURO_HEX(h) PUF_RGB((h) >> 16 & 255, (h) >> 8 & 255, (h) & 255)
#define ENDURO_LOOK(shown, a, b, c, d, e, f, g, h, i, j, k, l, m)                                                      \
    { .sky = ENDURO_HEX(a),                                                                                            \
      .low_sky = ENDURO_HEX(b),                                                                                        \
      .haze = ENDURO_HEX(c),                                                                                           \
      .ground = { ENDURO_HEX(d), ENDURO_HEX(e) },                                                                      \
      .road = { ENDURO_HEX(f), ENDURO_HEX(g) },                                                                        \
      .kerb = { ENDURO_HEX(h), ENDURO_HEX(i) },                                                                        \
      .line = ENDURO_HEX(j),                                                                                           \
      .mountains = { ENDURO_HEX(k), ENDURO_HEX(l) },                                                                   \
      .trees = ENDURO_HEX(m),                                                                                          \
      .light = shown }
// clang-format off
static const EnduroLook enduro_looks[ENDURO_LOOKS] = {
    ENDURO_LOOK(1.0, 0x3474d0, 0xa9d5f5, 0xc3dff0, 0x57a05c, 0x4f9655, 0x5b6070, 0x565b6a, 0xd9534f, 0xf0f0f0, 0xf4f4f4, 0x8fb0d8, 0x5f87a8, 0x2f6f46),
    ENDURO_LOOK(1.0, 0x9fb0c8, 0xdde5ee, 0xe6ecf3, 0xeef3f9, 0xe2e9f2, 0x8d96a6, 0x8790a0, 0xc86a66, 0xf4f6fa, 0xfbfcff, 0xb9c6d8, 0xa2b2c8, 0x5f7f80),
    ENDURO_LOOK(0.75, 0x35286e, 0xff9a5c, 0xe8906a, 0x6a6242, 0x625a3c, 0x514a5c, 0x4c4556, 0xb04a4a, 0xe0c8b8, 0xf0d8c0, 0x7a4a86, 0x52356c, 0x3a3a34),
    ENDURO_LOOK(0.16, 0x05071a, 0x151b3c, 0x0c1024, 0x0b1416, 0x091113, 0x15161f, 0x13141c, 0x3a1c24, 0x3a3c48, 0x54586a, 0x0e1230, 0x0a0d22, 0x060c0d),
    ENDURO_LOOK(0.8, 0xa3a9b0, 0xb9bdc2, 0xbcc0c5, 0x8a9a8c, 0x849486, 0x868a91, 0x81858c, 0xb08a8a, 0xd8d8d8, 0xe0e0e0, 0xb0b5bb, 0xacb1b7, 0x7a8a80),
    ENDURO_LOOK(0.9, 0x5873c4, 0xffc7a0, 0xf3cdb4, 0x6f9a62, 0x688f5b, 0x656473, 0x605f6d, 0xcc5f5a, 0xf0e4dc, 0xf6ece4, 0xa58fbe, 0x7a76a4, 0x3d6a4c),
};
// clang-format on

static EnduroLook enduro_mix(const EnduroLook* one, const EnduroLook* other, double amount)
{
    EnduroLook mixed;
    mixed.sky = puf_blend(one->sky, other->sky, amount);
    mixed.low_sky = puf_blend(one->low_sky, other->low_sky, amount);
    mixed.haze = puf_blend(one->haze, other->haze, amount);
    mixed.line = puf_blend(one->line, other->line, amount);
    mixed.trees = puf_blend(one->trees, other->trees, amount);
    for (int i = 0; i < 2; i++) {
        mixed.ground[i] = puf_blend(one->ground[i], other->ground[i], amount);
        mixed.road[i] = puf_blend(one->road[i], other->road[i], amount);
        mixed.kerb[i] = puf_blend(one->kerb[i], other->kerb[i], amount);
        mixed.mountains[i] = puf_blend(one->mountains[i], other->mountains[i], amount);
    }
    mixed.light = one->light + (other->light - one->light) * amount;
    return mixed;
}

typedef struct EnduroView {
    double along, travelled, camera, sight, here; // metres
    double settled;                               // 0 when a phase of the day begins, 1 once it has taken over
    int weather, before;
    EnduroLook look;
    double shift[ENDURO_STEPS]; // how far the road is to the right of straight ahead, every 2 m
} EnduroView;

// Always the same for the same numbers, 0 to 1.
static double enduro_chance(uint32_t number, uint32_t salt)
{
    uint32_t mixed = number * 2654435761u + salt * 40503u + 12345u;
    mixed = (mixed ^ mixed >> 15) * 2246822519u;
    return ((mixed ^ mixed >> 13) & 0xffffu) / 65536.0;
}

static double enduro_height(const EnduroView* v, double ahead)
{
    const double way = ahead + v->travelled;
    return 0.9 * puf_sine(way / 61.0) + 0.6 * puf_sine(way / 37.0 + 1.0);
}

// Bends between nodes, added up to slopes, and these to shifts.
static void enduro_add_up(EnduroView* v, const Enduro* s)
{
    double bends = 0.0, shift = 0.0;
    for (int i = 0; i < ENDURO_STEPS; i++) {
        const double at = (i * 2.0 + v->along) / (ENDURO_NODE / ENDURO_METRE);
        const int node = (int)at < ENDURO_NODES - 1 ? (int)at : ENDURO_NODES - 2;
        const double share = puf_min(at - node, 1.0);
        v->shift[i] = shift;
        shift += bends / (64 * ENDURO_SHARPEST) * 2.0;
        bends += (s->bend[node] + (s->bend[node + 1] - s->bend[node]) * share) * 2.0;
    }
}

static EnduroView enduro_view(const Enduro* s)
{
    EnduroView v;
    v.along = (double)s->along / ENDURO_METRE;
    v.travelled = s->nodes * (double)(ENDURO_NODE / ENDURO_METRE) + v.along;
    v.camera = (double)s->x / ENDURO_METRE * 0.86;
    v.weather = s->weather;
    v.before = s->phase > 0 ? enduro_skies[s->phase - 1] : s->day > 1 ? enduro_skies[ENDURO_PHASES - 1] : s->weather;
    v.settled = puf_clamp(((double)s->frame / s->day_frames * ENDURO_PHASES - s->phase) / 0.15, 0.0, 1.0);
    v.look = enduro_mix(&enduro_looks[v.before], &enduro_looks[v.weather], v.settled);
    v.sight = enduro_sight[v.weather];
    v.here = enduro_height(&v, 0.0);
    enduro_add_up(&v, s);
    return v;
}

// The share of this weather, 0 to 1.
static double enduro_amount(const EnduroView* v, int weather)
{
    return (v->weather == weather) * v->settled + (v->before == weather) * (1 - v->settled);
}

// Where a point is, and units per metre there.
typedef struct EnduroSpot {
    double x, y, scale;
} EnduroSpot;

// So far ahead of the own car, and to the right of the middle of the road.
static EnduroSpot enduro_spot(const EnduroView* v, double ahead, double side)
{
    const double scale = ENDURO_LENS / (ahead + ENDURO_BACK);
    double bent = 0.0, drop = ENDURO_EYE;
    if (ahead > 0) {
        const int at = (int)(ahead / 2.0);
        const double share = ahead / 2.0 - at;
        bent = v->shift[at] * (1 - share) + v->shift[at + 1] * share;
        drop -= enduro_height(v, ahead) - v->here;
    }
    return (EnduroSpot){ ENDURO_PICTURE_WIDTH / 2 + (side + bent - v->camera) * scale, ENDURO_HORIZON + drop * scale,
                         scale };
}

// A colour as seen through the haze at that distance.
static PufColor enduro_through(const EnduroView* v, PufColor color, double ahead)
{
    const double share = puf_clamp((ahead + ENDURO_BACK) / (v->sight * 1.03), 0.0, 1.0);
    const double thick = enduro_amount(v, ENDURO_FOGGY);
    return puf_blend(color, v->look.haze, (1 - thick) * puf_power(share, 2.2) + thick * puf_power(share, 0.8));
}
