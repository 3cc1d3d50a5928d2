// The valley of mountain_car and mountain_car_continuous: hills, a wall, a flag, and a small car that rocks in it.
#pragma once
#include "draw/picture.h"
#include "envs/mountain_car_hill.h"

enum {
    VALLEY_MARGIN = 40,
    VALLEY_WIDTH = 760,
    VALLEY_HEIGHT = 430,
    VALLEY_BOTTOM = VALLEY_HEIGHT - 20,
    VALLEY_UP = 118,     // units for one of height
    VALLEY_GROUND = 262, // where height 0 is
    VALLEY_STARS = 26,
    VALLEY_STRIPES = 90, // of the hills
};
#define VALLEY_LEFT (-1.2)
#define VALLEY_RIGHT 0.6
#define VALLEY_ACROSS ((VALLEY_WIDTH - 2 * VALLEY_MARGIN) / (VALLEY_RIGHT - VALLEY_LEFT)) // units for one of position
#define VALLEY_WHEEL 8.5

static double valley_x(double position) { return VALLEY_MARGIN + (position - VALLEY_LEFT) * VALLEY_ACROSS; }
static double valley_y(double position) { return VALLEY_GROUND - VALLEY_UP * puf_sine(3 * position); }

static void valley_draw_sky(PufPicture* p)
{
    for (int i = 0; i < VALLEY_STARS; i++) {
        const double x = 34 + (i * 271) % (VALLEY_WIDTH - 68), y = PUF_HUD_HEIGHT + 12 + (i * 97) % 150;
        puf_circle(p, x, y, 0.9 + (i % 3) * 0.4, puf_fade(PUF_SNOW, 0.18 + 0.12 * (i % 3)));
    }
    puf_glow(p, 140, PUF_HUD_HEIGHT + 62, 60, puf_fade(PUF_AMBER, 0.12));
    puf_circle(p, 140, PUF_HUD_HEIGHT + 62, 17, puf_fade(PUF_AMBER, 0.85));
}

// A line at the height to which the car would roll by itself.
static void valley_draw_reach(double position, double velocity, PufPicture* p)
{
    const double height = puf_sine(3 * position) + 1.5 * (velocity * velocity) / 0.0025;
    const double y = VALLEY_GROUND - VALLEY_UP * puf_min(height, 1.3);
    for (int x = 28; height > -0.98 && x < VALLEY_WIDTH - 30; x += 16) {
        puf_line(p, x, y, x + 8, y, 1.5, puf_fade(PUF_VIOLET, 0.7));
    }
}

static void valley_draw_hills(PufPicture* p)
{
    const PufColor low = PUF_RGB(38, 52, 66), high = PUF_RGB(52, 66, 104), left = PUF_RGB(46, 60, 88);
    PufPoint top[VALLEY_STRIPES + 2];
    double before = VALLEY_LEFT;
    for (int i = 0; i <= VALLEY_STRIPES; i++) {
        const double at = VALLEY_LEFT + (VALLEY_RIGHT - VALLEY_LEFT) * i / VALLEY_STRIPES;
        top[i] = (PufPoint){ valley_x(at), valley_y(at) };
        if (i > 0) {
            const double end = top[i].x + 0.6;
            puf_polygon(
                p,
                (PufPoint[]){ top[i - 1], { top[i - 1].x, VALLEY_BOTTOM }, { end, VALLEY_BOTTOM }, { end, top[i].y } },
                4, puf_blend(low, high, (puf_sine(3 * before) + 1) / 2));
        }
        before = at;
    }
    const PufPoint first = top[0], last = top[VALLEY_STRIPES];
    puf_rect(p, 20, first.y, first.x - 20, VALLEY_BOTTOM - first.y, left, 0);
    puf_rect(p, last.x, last.y, VALLEY_WIDTH - 20 - last.x, VALLEY_BOTTOM - last.y, high, 0);
    top[VALLEY_STRIPES + 1] = (PufPoint){ VALLEY_WIDTH - 20, last.y };
    puf_path(p, top, VALLEY_STRIPES + 2, 4, puf_blend(PUF_MINT, PUF_SLATE, 0.35));
}

// At the left end.
static void valley_draw_wall(PufPicture* p)
{
    const double x = valley_x(VALLEY_LEFT) - 3, y = valley_y(VALLEY_LEFT);
    puf_rect(p, 22, y - 66, x - 22, 66 + 8, PUF_STEEL, 4);
    for (int row = 0; row < 4; row++) {
        puf_line(p, 22, y - 50 + 16 * row, x, y - 50 + 16 * row, 1.5, puf_fade(PUF_NIGHT, 0.6));
    }
}

static void valley_draw_flag(double goal, int reached, PufPicture* p)
{
    const double x = valley_x(goal), y = valley_y(goal);
    const PufColor color = reached ? PUF_MINT : PUF_CORAL;
    puf_glow(p, x + 14, y - 62, 44, puf_fade(color, 0.25));
    puf_line(p, x, y, x, y - 76, 4, PUF_SNOW);
    puf_polygon(p, (PufPoint[]){ { x + 2, y - 76 }, { x + 2, y - 50 }, { x + 34, y - 63 } }, 3, color);
    puf_circle(p, x, y - 77, 4, PUF_SNOW);
}

// Where the car stands, and its own axes: along the slope, and up from it.
typedef struct ValleyCar {
    PufPoint place, along, up;
} ValleyCar;

static PufPoint valley_at(const ValleyCar* car, double forward, double above)
{
    return (PufPoint){ car->place.x + forward * car->along.x + above * car->up.x,
                       car->place.y + forward * car->along.y + above * car->up.y };
}

// A convex part of the car, whose corners are pairs of forward and above.
static void valley_part(const ValleyCar* car, const double (*corners)[2], int32_t count, PufColor color, PufPicture* p)
{
    PufPoint points[4];
    for (int32_t i = 0; i < count; i++) {
        points[i] = valley_at(car, corners[i][0], corners[i][1]);
    }
    puf_polygon(p, points, count, color);
}

static void valley_draw_flame(const ValleyCar* car, double push, PufPicture* p)
{
    const double back = push > 0 ? -1 : 1, length = 10 + 20 * fabs(push);
    const PufPoint tip = valley_at(car, back * (23 + length), 17);
    puf_glow(p, tip.x, tip.y, 26, puf_fade(PUF_ORANGE, 0.5));
    const double outer[][2] = { { back * 23, 11 }, { back * 23, 23 }, { back * (23 + length), 17 } };
    const double inner[][2] = { { back * 23, 14 }, { back * 23, 20 }, { back * (23 + 0.55 * length), 17 } };
    valley_part(car, outer, 3, PUF_ORANGE, p);
    valley_part(car, inner, 3, PUF_AMBER, p);
}

// On its wheels, along the slope; a flame behind it while it pushes.
static void valley_draw_car(double position, double velocity, double push, PufPicture* p)
{
    static const double body[][2] = { { -25, 8 }, { -25, 22 }, { 25, 22 }, { 25, 8 } };
    static const double roof[][2] = { { -16, 21 }, { -10, 35 }, { 9, 35 }, { 16, 21 } };
    static const double rear[][2] = { { -11, 22 }, { -7, 31 }, { -1.5, 31 }, { -1.5, 22 } };
    static const double front[][2] = { { 1.5, 22 }, { 1.5, 31 }, { 6.5, 31 }, { 11, 22 } };
    const double rise = -3 * VALLEY_UP * puf_cosine(3 * position), run = VALLEY_ACROSS;
    const double length = sqrt(rise * rise + run * run), cosine = run / length, sine = rise / length;
    const ValleyCar car = { { valley_x(position), valley_y(position) }, { cosine, sine }, { sine, -cosine } };
    if (push != 0) {
        valley_draw_flame(&car, push, p);
    }
    const PufColor color = puf_blend(PUF_SKY, PUF_MINT, puf_min(1.0, fabs(velocity) / 0.07));
    valley_part(&car, body, 4, color, p);
    valley_part(&car, roof, 4, color, p);
    valley_part(&car, rear, 4, PUF_NIGHT, p);
    valley_part(&car, front, 4, PUF_NIGHT, p);
    for (int side = -1; side <= 1; side += 2) {
        const PufPoint hub = valley_at(&car, side * 15, VALLEY_WHEEL);
        const double turn = position * VALLEY_ACROSS / VALLEY_WHEEL;
        puf_circle(p, hub.x, hub.y, VALLEY_WHEEL, PUF_NIGHT);
        puf_ring(p, hub.x, hub.y, VALLEY_WHEEL - 3, VALLEY_WHEEL, PUF_STEEL);
        puf_line(p, hub.x, hub.y, hub.x + 6 * puf_cosine(turn), hub.y + 6 * puf_sine(turn), 2, PUF_SNOW);
    }
}

// The whole picture. goal: where the flag is.
static void valley_draw(const char* title, double goal, int step, double position, double velocity, double push,
                        PufPicture* p)
{
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, title, (PufFigure[]){ { "speed", puf_word(1000 * velocity, 0, 1, "") }, puf_figure("step", step) }, 2);
    puf_rect(p, 20, PUF_HUD_HEIGHT, VALLEY_WIDTH - 40, VALLEY_BOTTOM - PUF_HUD_HEIGHT, PUF_DUSK, 10);
    valley_draw_sky(p);
    valley_draw_reach(position, velocity, p);
    valley_draw_hills(p);
    valley_draw_wall(p);
    valley_draw_flag(goal, position >= goal, p);
    valley_draw_car(position, velocity, push, p);
}

static float valley_part_way(float from, float to, double share)
{
    return (float)((1 - share) * (double)from + share * (double)to);
}
