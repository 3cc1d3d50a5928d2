// How you, zombies, cows, skeletons and arrows of craftax_classic look. x and y are the middle of a tile.
#pragma once
#include "draw/envs/craftax_classic_tiles.h"

#define CRAFTAX_CLASSIC_SKIN PUF_RGB(255, 214, 178)

// A shadow, legs, a body, arms and a head that looks to one side, down or, from behind, up.
static void craftax_classic_draw_figure(double x, double y, PufColor shirt, PufColor skin, PufColor hair, int facing,
                                        PufPicture* p)
{
    const double look = facing == 0 ? -3 : facing == 1 ? 3 : 0;
    puf_circle(p, x, y + 16, 11, puf_fade(PUF_NIGHT, 0.25));
    puf_rect(p, x - 7, y + 8, 6, 11, PUF_RGB(58, 62, 92), 2);
    puf_rect(p, x + 1, y + 8, 6, 11, PUF_RGB(58, 62, 92), 2);
    puf_rect(p, x - 9, y - 4, 18, 15, shirt, 4);
    puf_rect(p, x - 13, y - 2, 5, 11, skin, 2.5);
    puf_rect(p, x + 8, y - 2, 5, 11, skin, 2.5);
    puf_circle(p, x, y - 11, 9, skin);
    puf_rect(p, x - 9, y - 20, 18, 8, hair, 5);
    if (facing == 2) {
        puf_circle(p, x, y - 12, 8.5, hair);
        return;
    }
    puf_circle(p, x - 3 + look, y - 10, 1.7, PUF_NIGHT);
    puf_circle(p, x + 3 + look, y - 10, 1.7, PUF_NIGHT);
}

static void craftax_classic_draw_you(const CraftaxClassic* s, double x, double y, int hurt, PufPicture* p)
{
    if (s->sleeping) {
        puf_rect(p, x - 18, y - 9, 36, 20, PUF_SKY, 7);
        puf_circle(p, x - 11, y + 1, 8, CRAFTAX_CLASSIC_SKIN);
        puf_rect(p, x - 15, y, 3, 1.6, PUF_NIGHT, 0);
        puf_rect(p, x - 10, y, 3, 1.6, PUF_NIGHT, 0);
        puf_text(p, x + 6, y - 26, "z", 14, PUF_SNOW, PUF_CENTER);
        puf_text(p, x + 15, y - 33, "z", 18, PUF_SNOW, PUF_CENTER);
        return;
    }
    puf_glow(p, x, y, 34, puf_fade(hurt ? PUF_CORAL : PUF_SNOW, hurt ? 0.7 : 0.28));
    craftax_classic_draw_figure(x, y, PUF_SKY, CRAFTAX_CLASSIC_SKIN, PUF_RGB(96, 62, 40), s->facing, p);
}

static void craftax_classic_draw_zombie(double x, double y, PufPicture* p)
{
    const PufColor skin = PUF_RGB(122, 190, 96);
    craftax_classic_draw_figure(x, y, PUF_RGB(66, 98, 130), skin, PUF_RGB(60, 104, 60), 3, p);
    puf_rect(p, x - 13, y - 1, 5, 13, skin, 2);
    puf_rect(p, x + 8, y - 1, 5, 13, skin, 2);
    puf_circle(p, x - 3, y - 10, 2.2, PUF_CORAL);
    puf_circle(p, x + 3, y - 10, 2.2, PUF_CORAL);
}

static void craftax_classic_draw_skeleton_being(double x, double y, PufPicture* p)
{
    const PufColor bone = PUF_RGB(222, 220, 206);
    puf_circle(p, x, y + 16, 10, puf_fade(PUF_NIGHT, 0.25));
    puf_line(p, x - 4, y + 8, x - 5, y + 18, 3, bone);
    puf_line(p, x + 4, y + 8, x + 5, y + 18, 3, bone);
    puf_line(p, x, y - 4, x, y + 9, 3, bone);
    for (int i = 0; i < 3; i++) {
        puf_line(p, x - 7, y - 2 + 4 * i, x + 7, y - 2 + 4 * i, 2, bone);
    }
    puf_circle(p, x, y - 11, 9, bone);
    puf_circle(p, x - 3.5, y - 11, 2.6, PUF_NIGHT);
    puf_circle(p, x + 3.5, y - 11, 2.6, PUF_NIGHT);
    puf_rect(p, x - 3, y - 6, 6, 2, PUF_NIGHT, 0);
    puf_arc(p, x + 6, y + 3, 11, 13, CRAFTAX_CLASSIC_TIMBER, -70, 70);
    puf_line(p, x + 10, y - 8, x + 10, y + 14, 1, PUF_SNOW);
}

static void craftax_classic_draw_cow(double x, double y, PufPicture* p)
{
    const PufColor coat = PUF_RGB(236, 228, 216), patch = PUF_RGB(112, 76, 58);
    puf_rect(p, x - 14, y + 5, 5, 13, coat, 2);
    puf_rect(p, x + 7, y + 5, 5, 13, coat, 2);
    puf_rect(p, x - 17, y - 9, 32, 19, coat, 7);
    puf_circle(p, x - 4, y - 2, 6, patch);
    puf_circle(p, x + 9, y + 3, 4.5, patch);
    puf_rect(p, x - 21, y - 15, 15, 17, patch, 5);
    puf_rect(p, x - 21, y - 4, 15, 7, PUF_RGB(244, 176, 170), 3);
    puf_circle(p, x - 17, y - 8, 1.8, PUF_SNOW);
    puf_circle(p, x - 10, y - 8, 1.8, PUF_SNOW);
    puf_line(p, x - 20, y - 14, x - 23, y - 19, 2.5, PUF_SNOW);
    puf_line(p, x - 8, y - 14, x - 5, y - 19, 2.5, PUF_SNOW);
}

static void craftax_classic_draw_arrow(const int8_t* arrow, double x, double y, PufPicture* p)
{
    const double right = arrow[CRAFTAX_CLASSIC_BY_COLUMNS], down = arrow[CRAFTAX_CLASSIC_BY_ROWS];
    puf_line(p, x - 13 * right, y - 13 * down, x + 9 * right, y + 9 * down, 2.5, CRAFTAX_CLASSIC_TIMBER);
    puf_polygon(p,
                (PufPoint[]){ { x + 16 * right, y + 16 * down },
                              { x + 8 * right - 5 * down, y + 8 * down + 5 * right },
                              { x + 8 * right + 5 * down, y + 8 * down - 5 * right } },
                3, PUF_SNOW);
    puf_line(p, x - 13 * right - 4 * down, y - 13 * down - 4 * right, x - 9 * right, y - 9 * down, 2, PUF_CORAL);
    puf_line(p, x - 13 * right + 4 * down, y - 13 * down + 4 * right, x - 9 * right, y - 9 * down, 2, PUF_CORAL);
}
