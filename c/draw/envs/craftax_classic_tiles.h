// How the tiles of craftax_classic look: square pictures of flat shapes, each a little different.
#pragma once
#include "draw/picture.h"
#include "envs/craftax_classic.h"

enum { CRAFTAX_CLASSIC_TILE = 44 }; // units

#define CRAFTAX_CLASSIC_GREEN PUF_RGB(78, 132, 80)
#define CRAFTAX_CLASSIC_ROCK PUF_RGB(121, 126, 146)
#define CRAFTAX_CLASSIC_EARTH PUF_RGB(84, 72, 66)
#define CRAFTAX_CLASSIC_TIMBER PUF_RGB(150, 104, 66)
#define CRAFTAX_CLASSIC_BARK PUF_RGB(104, 72, 50)

// 0 to 255, always the same for a tile and a number.
static int32_t craftax_classic_noise_of(int32_t row, int32_t column, int32_t number)
{
    uint32_t x = (uint32_t)(row * 7349 + column * 9151 + number * 3571) * 2654435761u;
    return (int32_t)(x >> 20 & 255);
}

// Where some detail of a tile is: units from its corner, inside a border.
static PufPoint craftax_classic_spot(double x, double y, int32_t row, int32_t column, int32_t number)
{
    const double room = CRAFTAX_CLASSIC_TILE - 14;
    return (PufPoint){ x + 7 + room * craftax_classic_noise_of(row, column, 2 * number) / 255,
                       y + 7 + room * craftax_classic_noise_of(row, column, 2 * number + 1) / 255 };
}

static void craftax_classic_draw_base(double x, double y, PufColor color, int32_t noise, PufPicture* p)
{
    const double side = CRAFTAX_CLASSIC_TILE + 0.6; // hides seams
    puf_rect(p, x, y, side, side, puf_blend(color, PUF_NIGHT, 0.07 * noise / 255), 0);
}

static void craftax_classic_draw_grass(double x, double y, int32_t row, int32_t column, PufPicture* p)
{
    craftax_classic_draw_base(x, y, CRAFTAX_CLASSIC_GREEN, craftax_classic_noise_of(row, column, 9), p);
    for (int32_t i = 0; i < 3; i++) {
        const PufPoint at = craftax_classic_spot(x, y, row, column, i);
        const PufColor blade = puf_fade(PUF_RGB(140, 196, 120), 0.5);
        puf_line(p, at.x, at.y + 3, at.x - 2, at.y - 3, 1.6, blade);
        puf_line(p, at.x + 1, at.y + 3, at.x + 4, at.y - 2, 1.6, blade);
    }
}

static void craftax_classic_draw_sand(double x, double y, int32_t row, int32_t column, PufPicture* p)
{
    craftax_classic_draw_base(x, y, PUF_RGB(214, 190, 132), craftax_classic_noise_of(row, column, 9), p);
    for (int32_t i = 0; i < 4; i++) {
        const PufPoint at = craftax_classic_spot(x, y, row, column, i);
        puf_circle(p, at.x, at.y, 1.6, PUF_RGB(180, 152, 98));
    }
}

static void craftax_classic_draw_water(double x, double y, int32_t row, int32_t column, int32_t tick, PufPicture* p)
{
    craftax_classic_draw_base(x, y, PUF_RGB(46, 104, 176), craftax_classic_noise_of(row, column, 9), p);
    for (int32_t i = 0; i < 2; i++) {
        const PufPoint at = craftax_classic_spot(x, y, row, column, i);
        const double sway = 2 * puf_sine(0.4 * tick + row + 2 * i);
        puf_arc(p, at.x + sway, at.y + 4, 6, 8, puf_fade(PUF_SNOW, 0.35), 215, 325);
    }
}

static void craftax_classic_draw_rock(double x, double y, int32_t row, int32_t column, PufPicture* p)
{
    const double side = CRAFTAX_CLASSIC_TILE;
    craftax_classic_draw_base(x, y, CRAFTAX_CLASSIC_ROCK, craftax_classic_noise_of(row, column, 9), p);
    puf_rect(p, x, y + side - 6, side + 0.6, 6.6, puf_fade(PUF_NIGHT, 0.28), 0);
    puf_rect(p, x, y, side + 0.6, 3, puf_fade(PUF_SNOW, 0.22), 0);
    for (int32_t i = 0; i < 2; i++) {
        const PufPoint at = craftax_classic_spot(x, y, row, column, i);
        puf_line(p, at.x - 5, at.y, at.x, at.y + 3, 1.8, puf_fade(PUF_NIGHT, 0.35));
        puf_line(p, at.x, at.y + 3, at.x + 4, at.y - 2, 1.8, puf_fade(PUF_NIGHT, 0.35));
    }
}

static void craftax_classic_draw_path(double x, double y, int32_t row, int32_t column, PufPicture* p)
{
    craftax_classic_draw_base(x, y, CRAFTAX_CLASSIC_EARTH, craftax_classic_noise_of(row, column, 9), p);
    for (int32_t i = 0; i < 3; i++) {
        const PufPoint at = craftax_classic_spot(x, y, row, column, i);
        puf_circle(p, at.x, at.y, 2.2, puf_fade(PUF_RGB(132, 116, 104), 0.6));
    }
}

static void craftax_classic_draw_lumps(double x, double y, PufColor color, PufColor shine, PufPicture* p)
{
    static const double lumps[4][3] = { { 14, 15, 6 }, { 30, 18, 5 }, { 19, 30, 5.5 }, { 33, 32, 4 } };
    for (int32_t i = 0; i < 4; i++) {
        puf_circle(p, x + lumps[i][0], y + lumps[i][1], lumps[i][2], color);
        puf_circle(p, x + lumps[i][0] - 1.5, y + lumps[i][1] - 1.5, lumps[i][2] * 0.4, shine);
    }
}

static void craftax_classic_draw_gem(double x, double y, double size, PufPicture* p)
{
    const double s = size;
    puf_polygon(p,
                (PufPoint[]){ { x - s, y - s * 0.3 },
                              { x - s * 0.5, y - s * 0.9 },
                              { x + s * 0.5, y - s * 0.9 },
                              { x + s, y - s * 0.3 },
                              { x, y + s } },
                5, PUF_RGB(124, 232, 240));
    puf_polygon(p, (PufPoint[]){ { x - s * 0.4, y - s * 0.3 }, { x + s * 0.4, y - s * 0.3 }, { x, y + s } }, 3,
                PUF_RGB(206, 250, 252));
}

static void craftax_classic_draw_tree(double x, double y, int32_t noise, PufPicture* p)
{
    const PufColor dark = PUF_RGB(38, 92, 58),
                   light = puf_blend(PUF_RGB(58, 128, 72), PUF_RGB(84, 148, 70), noise / 255.0);
    puf_rect(p, x + 18, y + 25, 8, 17, CRAFTAX_CLASSIC_BARK, 2);
    puf_circle(p, x + 22, y + 19, 16, dark);
    puf_circle(p, x + 14, y + 20, 9, light);
    puf_circle(p, x + 29, y + 19, 9, light);
    puf_circle(p, x + 22, y + 11, 9, puf_blend(light, PUF_SNOW, 0.12));
}

static void craftax_classic_draw_table(double x, double y, PufPicture* p)
{
    puf_rect(p, x + 7, y + 26, 6, 14, CRAFTAX_CLASSIC_BARK, 1);
    puf_rect(p, x + 31, y + 26, 6, 14, CRAFTAX_CLASSIC_BARK, 1);
    puf_rect(p, x + 3, y + 9, 38, 20, CRAFTAX_CLASSIC_TIMBER, 3);
    puf_rect(p, x + 3, y + 9, 38, 4, puf_blend(CRAFTAX_CLASSIC_TIMBER, PUF_SNOW, 0.3), 3);
    puf_line(p, x + 12, y + 25, x + 22, y + 15, 3, CRAFTAX_CLASSIC_BARK);
    puf_rect(p, x + 19, y + 13, 9, 5, PUF_STEEL, 1);
    puf_line(p, x + 30, y + 16, x + 36, y + 25, 2.5, PUF_SNOW);
}

static void craftax_classic_draw_furnace(double x, double y, PufPicture* p)
{
    puf_rect(p, x + 4, y + 4, 36, 37, PUF_RGB(88, 90, 106), 4);
    puf_rect(p, x + 4, y + 4, 36, 8, PUF_RGB(122, 126, 144), 4);
    puf_rect(p, x + 11, y + 18, 22, 18, PUF_NIGHT, 6);
    puf_circle(p, x + 22, y + 31, 7, PUF_ORANGE);
    puf_circle(p, x + 22, y + 32, 4, PUF_AMBER);
}

static void craftax_classic_draw_lava(double x, double y, int32_t row, int32_t column, int32_t tick, PufPicture* p)
{
    craftax_classic_draw_base(x, y, PUF_RGB(214, 74, 40), craftax_classic_noise_of(row, column, 9), p);
    for (int32_t i = 0; i < 3; i++) {
        const PufPoint at = craftax_classic_spot(x, y, row, column, i);
        puf_circle(p, at.x, at.y, 4 + puf_sine(0.3 * tick + row + i), puf_fade(PUF_AMBER, 0.9));
    }
}

static void craftax_classic_draw_plant(double x, double y, int ripe, PufPicture* p)
{
    const PufColor leaf = PUF_RGB(150, 222, 110);
    puf_line(p, x + 22, y + 38, x + 22, y + 18, 3, PUF_RGB(96, 170, 84));
    puf_circle(p, x + 15, y + 22, 6, leaf);
    puf_circle(p, x + 29, y + 18, 6, leaf);
    if (ripe) {
        puf_circle(p, x + 22, y + 13, 7, PUF_CORAL);
        puf_circle(p, x + 14, y + 29, 5, PUF_CORAL);
        puf_circle(p, x + 30, y + 27, 5, PUF_CORAL);
        puf_circle(p, x + 20, y + 11, 2, PUF_SNOW);
    }
}

static void craftax_classic_draw_tile(int32_t kind, int32_t row, int32_t column, double x, double y, int32_t tick,
                                      PufPicture* p)
{
    const int rock = kind == CRAFTAX_CLASSIC_STONE || kind == CRAFTAX_CLASSIC_COAL || kind == CRAFTAX_CLASSIC_IRON ||
                     kind == CRAFTAX_CLASSIC_DIAMOND;
    if (rock) {
        craftax_classic_draw_rock(x, y, row, column, p);
    } else if (kind == CRAFTAX_CLASSIC_WATER) {
        craftax_classic_draw_water(x, y, row, column, tick, p);
    } else if (kind == CRAFTAX_CLASSIC_SAND) {
        craftax_classic_draw_sand(x, y, row, column, p);
    } else if (kind == CRAFTAX_CLASSIC_PATH || kind == CRAFTAX_CLASSIC_TABLE || kind == CRAFTAX_CLASSIC_FURNACE) {
        craftax_classic_draw_path(x, y, row, column, p);
    } else if (kind == CRAFTAX_CLASSIC_LAVA) {
        craftax_classic_draw_lava(x, y, row, column, tick, p);
    } else if (kind != CRAFTAX_CLASSIC_OUTSIDE) {
        craftax_classic_draw_grass(x, y, row, column, p);
    }
    switch (kind) {
    case CRAFTAX_CLASSIC_COAL: craftax_classic_draw_lumps(x, y, PUF_RGB(30, 31, 40), PUF_STEEL, p); break;
    case CRAFTAX_CLASSIC_IRON: craftax_classic_draw_lumps(x, y, PUF_RGB(222, 160, 118), PUF_SNOW, p); break;
    case CRAFTAX_CLASSIC_DIAMOND: craftax_classic_draw_gem(x + 22, y + 22, 13, p); break;
    case CRAFTAX_CLASSIC_TREE: craftax_classic_draw_tree(x, y, craftax_classic_noise_of(row, column, 5), p); break;
    case CRAFTAX_CLASSIC_TABLE: craftax_classic_draw_table(x, y, p); break;
    case CRAFTAX_CLASSIC_FURNACE: craftax_classic_draw_furnace(x, y, p); break;
    case CRAFTAX_CLASSIC_SAPLING_PLANT: craftax_classic_draw_plant(x, y, 0, p); break;
    case CRAFTAX_CLASSIC_RIPE_PLANT: craftax_classic_draw_plant(x, y, 1, p); break;
    default: break;
    }
}
