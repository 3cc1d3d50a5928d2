// MinAtar's Breakout: three rows of bricks, a ball with a trail, a paddle of one cell.
#pragma once
#include "draw/envs/minatar_board.h"
#include "envs/minatar_breakout.h"

static void minatar_breakout_draw_bricks(const MinatarBreakout* s, PufPicture* p)
{
    static const PufColor colors[MINATAR_BREAKOUT_ROWS] = { PUF_CORAL, PUF_AMBER, PUF_MINT };
    for (int32_t i = 0; i < MINATAR_BREAKOUT_BRICKS; i++) {
        if (s->bricks[i]) {
            const int32_t row = i / MINATAR_SIDE;
            const PufPoint at = minatar_corner(i % MINATAR_SIDE, row + 1);
            const double size = MINATAR_CELL - 4;
            puf_rect(p, at.x + 2, at.y + 2, size, size, puf_blend(colors[row], PUF_NIGHT, 0.35), 5);
            puf_rect(p, at.x + 2, at.y + 2, size, size - 8, colors[row], 5);
            puf_rect(p, at.x + 8, at.y + 7, size - 12, 4, puf_fade(PUF_SNOW, 0.4), 2);
        }
    }
}

static void minatar_breakout_draw_ball(const MinatarBreakout* s, PufPicture* p)
{
    const PufPoint from = minatar_middle(s->old_x, s->old_y), to = minatar_middle(s->x, s->y);
    for (int32_t i = 0; i < 6; i++) {
        const double share = i / 6.0;
        puf_circle(p, from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share, 4 + 8 * share,
                   puf_fade(PUF_SNOW, 0.08 + 0.2 * share));
    }
    puf_glow(p, to.x, to.y, 44, puf_fade(PUF_SNOW, 0.3));
    puf_circle(p, to.x, to.y, 13, PUF_SNOW);
}

static void minatar_breakout_draw(const void* state, const void* assets, PufPicture* p)
{
    const MinatarBreakout* s = state;
    (void)assets;
    minatar_draw_field(p, "breakout", (PufFigure[]){ puf_figure("score", s->score) }, 1, PUF_DUSK);
    minatar_breakout_draw_bricks(s, p);
    minatar_breakout_draw_ball(s, p);
    const PufPoint at = minatar_corner(s->paddle, MINATAR_BREAKOUT_FLOOR);
    puf_glow(p, at.x + 24, at.y + 14, 60, puf_fade(PUF_TEAL, 0.3));
    puf_rect(p, at.x + 1, at.y + 6, MINATAR_CELL - 2, 16, PUF_TEAL, 8);
    puf_rect(p, at.x + 8, at.y + 9, MINATAR_CELL - 16, 4, puf_fade(PUF_SNOW, 0.5), 2);
    minatar_draw_frame(p);
}

PUF_DRAWING(minatar_breakout, .width = MINATAR_WIDTH, .height = MINATAR_HEIGHT, .draw = minatar_breakout_draw);
