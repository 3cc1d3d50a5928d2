// Frozen lake: ice, holes, a goal on the far shore, and a penguin that slips.
#pragma once
#include "draw/picture.h"
#include "envs/frozen_lake.h"

enum { FROZEN_LAKE_BOARD = 448, FROZEN_LAKE_MARGIN = 20 }; // units

static void frozen_lake_draw_hole(double x, double y, double size, PufPicture* p)
{
    puf_circle(p, x, y, size * 0.37, PUF_SNOW);
    puf_circle(p, x, y, size * 0.33, puf_blend(PUF_SKY, PUF_NIGHT, 0.62));
    puf_circle(p, x, y + size * 0.04, size * 0.27, puf_blend(PUF_SKY, PUF_NIGHT, 0.8));
    puf_arc(p, x, y, size * 0.19, size * 0.21, puf_fade(PUF_TEAL, 0.5), 200, 300);
}

static void frozen_lake_draw_goal(double x, double y, double size, PufPicture* p)
{
    const double pole = x + size * 0.36;
    puf_glow(p, x + size / 2, y + size / 2, size * 0.5, puf_fade(PUF_MINT, 0.7));
    puf_line(p, pole, y + size * 0.16, pole, y + size * 0.86, puf_max(3.0, size * 0.05), PUF_NIGHT);
    puf_polygon(
        p, (PufPoint[]){ { pole, y + size * 0.16 }, { pole, y + size * 0.48 }, { x + size * 0.8, y + size * 0.32 } }, 3,
        PUF_CORAL);
}

static void frozen_lake_draw_tile(int tile, double x, double y, double size, PufPicture* p)
{
    const PufColor ice = PUF_RGB(150, 190, 226);
    const double gap = puf_max(1.5, size * 0.02);
    if (tile == FROZEN_LAKE_OUTSIDE) {
        return;
    }
    puf_rect(p, x + gap, y + gap, size - 2 * gap, size - 2 * gap, puf_blend(ice, PUF_SLATE, 0.25), size * 0.1);
    puf_rect(p, x + gap, y + gap, size - 2 * gap, size * 0.46, puf_blend(ice, PUF_SNOW, 0.06), size * 0.1);
    for (int i = 0; i < 2; i++) {
        const double k = i == 0 ? 0.25 : 0.4;
        puf_line(p, x + size * k, y + size * 0.2, x + size * (k - 0.12), y + size * 0.42, 2, puf_fade(PUF_SNOW, 0.55));
    }
    if (tile == FROZEN_LAKE_HOLE) {
        frozen_lake_draw_hole(x + size / 2, y + size / 2, size, p);
    }
    if (tile == FROZEN_LAKE_GOAL) {
        frozen_lake_draw_goal(x, y, size, p);
    }
}

// As wide as half a tile.
static void frozen_lake_draw_penguin(double x, double y, double scale, PufPicture* p)
{
    const PufColor black = PUF_RGB(32, 38, 58);
    puf_circle(p, x, y + 19 * scale, 15 * scale, puf_fade(PUF_NIGHT, 0.25));
    for (int side = -1; side <= 1; side += 2) {
        puf_rect(p, x + side * 8 * scale - 6 * scale, y + 16 * scale, 12 * scale, 7 * scale, PUF_ORANGE, 3 * scale);
        puf_polygon(p,
                    (PufPoint[]){ { x + side * 13 * scale, y - 4 * scale },
                                  { x + side * 20 * scale, y + 10 * scale },
                                  { x + side * 12 * scale, y + 8 * scale } },
                    3, black);
    }
    puf_circle(p, x, y + 5 * scale, 16 * scale, black);
    puf_circle(p, x, y - 9 * scale, 12 * scale, black);
    puf_circle(p, x, y + 8 * scale, 11 * scale, PUF_SNOW);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 4.5 * scale, y - 10 * scale, 4 * scale, PUF_SNOW);
        puf_circle(p, x + side * 4 * scale, y - 9.5 * scale, 2 * scale, PUF_NIGHT);
    }
    puf_polygon(p, (PufPoint[]){ { x - 4 * scale, y - 6 * scale }, { x + 4 * scale, y - 6 * scale }, { x, y } }, 3,
                PUF_AMBER);
}

// The lake as large as the picture.
static void frozen_lake_show(const void* state, const void* assets, PufPicture* p)
{
    const FrozenLake *s = state, *before = p->before;
    const double size = (double)FROZEN_LAKE_BOARD / s->side, left = FROZEN_LAKE_MARGIN, top = PUF_HUD_HEIGHT;
    double row = s->row, column = s->column;
    (void)assets;
    if (before && before->tick < s->tick) {
        row = (1 - p->share) * before->row + p->share * row;
        column = (1 - p->share) * before->column + p->share * column;
    }
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "frozen lake", (PufFigure[]){ puf_figure("step", s->tick) }, 1);
    puf_rect(p, left, top, FROZEN_LAKE_BOARD, FROZEN_LAKE_BOARD, PUF_DUSK, 10);
    for (int32_t y = 0; y < s->side; y++) {
        for (int32_t x = 0; x < s->side; x++) {
            frozen_lake_draw_tile(s->tiles[y * FROZEN_LAKE_SIDE + x], left + x * size, top + y * size, size, p);
        }
    }
    puf_ring(p, left + size / 2, top + size / 2, size * 0.38, size * 0.41, puf_fade(PUF_NIGHT, 0.35));
    frozen_lake_draw_penguin(left + (column + 0.5) * size, top + (row + 0.5) * size, size / 64, p);
}

// Five for a step to another tile, and one where an episode ended.
static int32_t frozen_lake_frames(const void* before, const void* after)
{
    const FrozenLake *was = before, *s = after;
    return s->tick > was->tick && (s->row != was->row || s->column != was->column) ? 5 : 1;
}

PUF_DRAWING(frozen_lake, .width = FROZEN_LAKE_BOARD + 2 * FROZEN_LAKE_MARGIN,
            .height = FROZEN_LAKE_BOARD + PUF_HUD_HEIGHT + FROZEN_LAKE_MARGIN, .draw = frozen_lake_show, .glides = 1,
            .frames = frozen_lake_frames);
