// Squared: a field of tiles, a walker, a target.
#pragma once
#include "draw/picture.h"
#include "envs/squared.h"

enum { SQUARED_TILE = 40, SQUARED_MARGIN = 20 };

static PufPoint squared_corner(int32_t column, int32_t row)
{
    return (PufPoint){ SQUARED_MARGIN + column * SQUARED_TILE, PUF_HUD_HEIGHT + row * SQUARED_TILE };
}

static PufPoint squared_middle(int32_t column, int32_t row)
{
    PufPoint corner = squared_corner(column, row);
    return (PufPoint){ corner.x + SQUARED_TILE / 2, corner.y + SQUARED_TILE / 2 };
}

// Tiles brighten towards the target.
static void squared_draw_tile(const Squared* s, int32_t column, int32_t row, PufPicture* p)
{
    PufPoint corner = squared_corner(column, row);
    int32_t dx = column - s->target_column, dy = row - s->target_row;
    dx = dx < 0 ? -dx : dx, dy = dy < 0 ? -dy : dy;
    double distance = (double)(dx > dy ? dx : dy) / 5.0;
    PufColor color = puf_blend(PUF_SLATE, PUF_DUSK, distance < 1.0 ? distance : 1.0);
    puf_rect(p, corner.x + 1.5, corner.y + 1.5, SQUARED_TILE - 3, SQUARED_TILE - 3, color, 6);
}

// The walker is round, the target a ringed star of light.
static void squared_draw(const void* state, const void* assets, PufPicture* p)
{
    const Squared* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "squared", (PufFigure[]){ puf_figure("step", s->tick) }, 1);
    for (int32_t row = 0; row < SQUARED_SIZE; row++) {
        for (int32_t column = 0; column < SQUARED_SIZE; column++) {
            squared_draw_tile(s, column, row, p);
        }
    }
    PufPoint at = squared_middle(s->target_column, s->target_row);
    puf_glow(p, at.x, at.y, SQUARED_TILE * 1.1, puf_fade(PUF_AMBER, 0.35));
    puf_ring(p, at.x, at.y, 10.5, 13.5, PUF_AMBER);
    puf_circle(p, at.x, at.y, 5, PUF_AMBER);

    at = squared_middle(s->column, s->row);
    puf_glow(p, at.x, at.y, SQUARED_TILE * 0.9, puf_fade(PUF_MINT, 0.3));
    puf_circle(p, at.x, at.y, 14, PUF_MINT);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, at.x + side * 4.5, at.y - 3, 3, PUF_SNOW);
    }
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, at.x + side * 4.5, at.y - 3, 1.4, PUF_NIGHT);
    }
}

PUF_DRAWING(squared, .width = SQUARED_SIZE * SQUARED_TILE + 2 * SQUARED_MARGIN,
            .height = SQUARED_SIZE * SQUARED_TILE + PUF_HUD_HEIGHT + SQUARED_MARGIN, .draw = squared_draw);
