// Cliff walking: a meadow above a chasm with fire at its bottom, a flag at the goal, a walker.
#pragma once
#include "draw/picture.h"
#include "envs/cliff_walking.h"

enum { CLIFF_WALKING_TILE = 58, CLIFF_WALKING_EDGE = 20 };
enum { CLIFF_WALKING_WIDTH = CLIFF_WALKING_COLUMNS * CLIFF_WALKING_TILE };
enum { CLIFF_WALKING_HEIGHT = CLIFF_WALKING_ROWS * CLIFF_WALKING_TILE };

static PufPoint cliff_walking_corner(double row, double column)
{
    return (PufPoint){ CLIFF_WALKING_EDGE + column * CLIFF_WALKING_TILE, PUF_HUD_HEIGHT + row * CLIFF_WALKING_TILE };
}

// Grass, a little brighter on every other tile, with some blades on it.
static void cliff_walking_draw_grass(int32_t row, int32_t column, PufPicture* p)
{
    const PufPoint at = cliff_walking_corner(row, column);
    const PufColor grass = puf_blend(PUF_MINT, PUF_NIGHT, (row + column) % 2 ? 0.62 : 0.67);
    const double t = CLIFF_WALKING_TILE;
    puf_rect(p, at.x, at.y, t, t, grass, 0);
    PufRng rng = puf_rng_seed(4, (uint64_t)(row * CLIFF_WALKING_COLUMNS + column));
    for (int32_t i = 0; i < 3; i++) {
        const double x = at.x + 8 + puf_rand_below(&rng, 42), y = at.y + 14 + puf_rand_below(&rng, 36);
        puf_line(p, x, y, x - 2, y - 6, 1.6, puf_fade(PUF_MINT, 0.4));
        puf_line(p, x + 3, y, x + 5, y - 7, 1.6, puf_fade(PUF_MINT, 0.4));
    }
}

// The chasm: a dark drop under the meadow's broken edge, and fire.
static void cliff_walking_draw_chasm(PufPicture* p)
{
    const PufPoint at = cliff_walking_corner(CLIFF_WALKING_ROWS - 1, 1);
    const double t = CLIFF_WALKING_TILE, width = (CLIFF_WALKING_COLUMNS - 2) * t;
    puf_rect(p, at.x, at.y, width, t, PUF_RGB(30, 16, 24), 0);
    for (int32_t i = 0; i < 5; i++) {
        puf_rect(p, at.x, at.y + t - 5 * (i + 1), width, 5, puf_fade(PUF_CORAL, 0.5 - 0.1 * i), 0);
    }
    const PufColor soil = puf_blend(PUF_ORANGE, PUF_NIGHT, 0.65);
    for (int32_t i = 0; i < 4 * (CLIFF_WALKING_COLUMNS - 2); i++) {
        const double x = at.x + i * t / 4, deep = 10 + 5 * (i * 7 % 4);
        const PufPoint tooth[] = { { x, at.y }, { x + t / 4, at.y }, { x + t / 8, at.y + deep } };
        puf_polygon(p, tooth, 3, soil);
        if (i % 2) {
            const double top = at.y + t - 14 - 4 * (i * 5 % 3), middle = x + t / 8;
            const PufPoint flame[] = { { middle - 6, at.y + t }, { middle, top }, { middle + 6, at.y + t } };
            puf_polygon(p, flame, 3, i % 4 == 1 ? PUF_AMBER : PUF_ORANGE);
        }
    }
    puf_rect(p, at.x, at.y - 3, width, 6, puf_blend(PUF_MINT, PUF_NIGHT, 0.3), 3);
}

static void cliff_walking_draw_goal(PufPicture* p)
{
    const PufPoint at = cliff_walking_corner(CLIFF_WALKING_ROWS - 1, CLIFF_WALKING_COLUMNS - 1);
    const PufPoint cloth[] = { { at.x + 23, at.y + 8 }, { at.x + 48, at.y + 17 }, { at.x + 23, at.y + 27 } };
    puf_glow(p, at.x + 29, at.y + 29, 50, puf_fade(PUF_AMBER, 0.35));
    puf_line(p, at.x + 21, at.y + 8, at.x + 21, at.y + 50, 4, PUF_SNOW);
    puf_polygon(p, cloth, 3, PUF_AMBER);
}

static void cliff_walking_draw_walker(const CliffWalking* s, PufPicture* p)
{
    const PufPoint at = cliff_walking_corner(s->row, s->column);
    const double x = at.x + CLIFF_WALKING_TILE / 2.0, y = at.y + CLIFF_WALKING_TILE / 2.0;
    puf_glow(p, x, y, 46, puf_fade(PUF_SKY, 0.5));
    puf_rect(p, x - 9, y + 8, 7, 15, PUF_NIGHT, 3);
    puf_rect(p, x + 2, y + 8, 7, 15, PUF_NIGHT, 3);
    puf_rect(p, x - 12, y - 7, 24, 21, PUF_SKY, 7);
    puf_circle(p, x, y - 14, 10, PUF_RGB(255, 214, 178));
    puf_rect(p, x - 12, y - 24, 24, 6, PUF_CORAL, 3);
    puf_rect(p, x - 7, y - 29, 14, 8, PUF_CORAL, 4);
    puf_circle(p, x - 4, y - 13, 1.7, PUF_NIGHT);
    puf_circle(p, x + 4, y - 13, 1.7, PUF_NIGHT);
}

static void cliff_walking_draw(const void* state, const void* assets, PufPicture* p)
{
    const CliffWalking* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    PufFigure figures[] = { puf_figure("falls", s->falls), puf_figure("steps", s->tick),
                            puf_figure("return", (double)s->episode_return) };
    puf_hud(p, "cliff walking", figures, 3);
    for (int32_t row = 0; row < CLIFF_WALKING_ROWS; row++) {
        for (int32_t column = 0; column < CLIFF_WALKING_COLUMNS; column++) {
            cliff_walking_draw_grass(row, column, p);
        }
    }
    cliff_walking_draw_chasm(p);
    cliff_walking_draw_goal(p);
    cliff_walking_draw_walker(s, p);
    puf_border(p, CLIFF_WALKING_EDGE - 4, PUF_HUD_HEIGHT - 4, CLIFF_WALKING_WIDTH + 8, CLIFF_WALKING_HEIGHT + 8, 4,
               PUF_SLATE, 5);
}

PUF_DRAWING(cliff_walking, .width = CLIFF_WALKING_WIDTH + 2 * CLIFF_WALKING_EDGE,
            .height = PUF_HUD_HEIGHT + CLIFF_WALKING_HEIGHT + CLIFF_WALKING_EDGE, .draw = cliff_walking_draw);
