// Taxi: a small town with walls, four coloured stands, a passenger and a house to bring them to.
#pragma once
#include "draw/picture.h"
#include "envs/taxi.h"

enum { TAXI_TILE = 92, TAXI_TOWN = TAXI_SIDE * TAXI_TILE };
#define TAXI_SKIN PUF_RGB(255, 214, 178)

static const PufColor taxi_colors[TAXI_STANDS] = { PUF_CORAL, PUF_MINT, PUF_RGB(240, 226, 92), PUF_SKY };

static double taxi_x(double column) { return 20 + column * TAXI_TILE; }
static double taxi_y(double row) { return PUF_HUD_HEIGHT + row * TAXI_TILE; }

static void taxi_draw_streets(PufPicture* p)
{
    const PufColor dash = puf_fade(PUF_AMBER, 0.22);
    for (int row = 0; row < TAXI_SIDE; row++) {
        for (int column = 0; column < TAXI_SIDE; column++) {
            puf_rect(p, taxi_x(column) + 1.5, taxi_y(row) + 1.5, TAXI_TILE - 3, TAXI_TILE - 3,
                     puf_blend(PUF_DUSK, PUF_SLATE, 0.55), 6);
        }
    }
    for (int line = 1; line < TAXI_SIDE; line++) {
        for (int i = 0; i < TAXI_SIDE * 4; i++) {
            const double along = i * TAXI_TILE / 4.0 + 6;
            puf_line(p, 20 + along, taxi_y(line), 32 + along, taxi_y(line), 2, dash);
            puf_line(p, taxi_x(line), PUF_HUD_HEIGHT + along, taxi_x(line), PUF_HUD_HEIGHT + along + 12, 2, dash);
        }
    }
}

static void taxi_draw_stand(int stand, int wanted, PufPicture* p)
{
    const double x = taxi_x(taxi_stands[stand][1]), y = taxi_y(taxi_stands[stand][0]), side = TAXI_TILE - 12;
    const PufColor color = taxi_colors[stand];
    puf_rect(p, x + 6, y + 6, side, side, puf_fade(color, wanted ? 0.55 : 0.25), 12);
    puf_border(p, x + 6, y + 6, side, side, wanted ? 5 : 2.5, color, 12);
    if (wanted) { // a house in the corner
        const double left = x + TAXI_TILE - 40, top = y + 14;
        puf_polygon(p, (PufPoint[]){ { left - 3, top + 12 }, { left + 27, top + 12 }, { left + 12, top } }, 3,
                    PUF_SNOW);
        puf_rect(p, left, top + 12, 24, 16, PUF_SNOW, 0);
        puf_rect(p, left + 9, top + 18, 7, 10, color, 0);
    }
}

static void taxi_draw_walls(PufPicture* p)
{
    for (int i = 0; i < TAXI_SIDE * TAXI_SIDE; i++) {
        const double x = taxi_x(i % TAXI_SIDE + 1), y = taxi_y(i / TAXI_SIDE);
        if (taxi_walls[i / TAXI_SIDE] >> (i % TAXI_SIDE) & 1) {
            puf_rect(p, x - 5, y - 1, 10, TAXI_TILE + 2, PUF_STEEL, 4);
            puf_rect(p, x - 5, y - 1, 4, TAXI_TILE + 2, puf_blend(PUF_STEEL, PUF_SNOW, 0.35), 2);
        }
    }
}

static void taxi_draw_passenger(double x, double y, PufPicture* p)
{
    puf_circle(p, x, y - 20, 9, TAXI_SKIN);
    puf_rect(p, x - 9, y - 11, 18, 26, PUF_SNOW, 7);
    puf_rect(p, x - 7, y + 13, 5, 11, PUF_NIGHT, 2);
    puf_rect(p, x + 2, y + 13, 5, 11, PUF_NIGHT, 2);
}

// Seen from the side; its lamp is lit while it is free.
static void taxi_draw_car(double x, double y, int full, int busy, PufPicture* p)
{
    puf_glow(p, x, y, 52, puf_fade(PUF_AMBER, 0.35));
    puf_rect(p, x - 33, y - 6, 66, 22, PUF_AMBER, 8);
    puf_polygon(p, (PufPoint[]){ { x - 22, y - 5 }, { x - 13, y - 24 }, { x + 13, y - 24 }, { x + 22, y - 5 } }, 4,
                PUF_AMBER);
    puf_polygon(p, (PufPoint[]){ { x - 16, y - 6 }, { x - 10, y - 20 }, { x - 2, y - 20 }, { x - 2, y - 6 } }, 4,
                PUF_NIGHT);
    puf_polygon(p, (PufPoint[]){ { x + 2, y - 6 }, { x + 2, y - 20 }, { x + 10, y - 20 }, { x + 16, y - 6 } }, 4,
                PUF_NIGHT);
    if (full) {
        puf_circle(p, x - 7, y - 11, 5, TAXI_SKIN);
    }
    puf_rect(p, x - 8, y - 31, 16, 7, full ? PUF_STEEL : PUF_SNOW, 3);
    for (int k = 0; k < 8; k++) {
        puf_rect(p, x - 32 + k * 8, y + 4, 4, 4, PUF_NIGHT, 0);
        puf_rect(p, x - 28 + k * 8, y + 8, 4, 4, PUF_NIGHT, 0);
    }
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 19, y + 16, 9, PUF_NIGHT);
        puf_circle(p, x + side * 19, y + 16, 4, PUF_STEEL);
    }
    if (busy) {
        puf_ring(p, x, y, 40, 43, puf_fade(PUF_SNOW, 0.4));
    }
}

// The town, and above it where the passenger wants to go.
static void taxi_draw(const void* state, const void* assets, PufPicture* p)
{
    static const char* const names[] = { "red", "green", "yellow", "blue" };
    const Taxi *s = state, *before = p->before;
    double row = s->row, column = s->column;
    (void)assets;
    if (before && before->tick < s->tick) {
        row = (1 - p->share) * before->row + p->share * row;
        column = (1 - p->share) * before->column + p->share * column;
    }
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "taxi",
            (PufFigure[]){ { "to", puf_text_word(names[s->destination]) },
                           puf_figure("return", (double)s->episode_return) },
            2);
    puf_rect(p, 20, PUF_HUD_HEIGHT, TAXI_TOWN, TAXI_TOWN, PUF_DUSK, 10);
    taxi_draw_streets(p);
    for (int stand = 0; stand < TAXI_STANDS; stand++) {
        taxi_draw_stand(stand, stand == s->destination, p);
    }
    taxi_draw_walls(p);
    if (s->passenger != TAXI_ABOARD) {
        const int8_t* place = taxi_stands[s->passenger];
        taxi_draw_passenger(taxi_x(place[1] + 0.5), taxi_y(place[0] + 0.56), p);
    }
    taxi_draw_car(taxi_x(column + 0.5), taxi_y(row + 0.5), s->passenger == TAXI_ABOARD,
                  s->last == TAXI_PICK || s->last == TAXI_DROP, p);
}

// Five for a step to another tile, and one where an episode ended.
static int32_t taxi_frames(const void* before, const void* after)
{
    const Taxi *was = before, *s = after;
    return s->tick > was->tick && (s->row != was->row || s->column != was->column) ? 5 : 1;
}

PUF_DRAWING(taxi, .width = TAXI_TOWN + 40, .height = TAXI_TOWN + PUF_HUD_HEIGHT + 20, .draw = taxi_draw, .glides = 1,
            .frames = taxi_frames);
