// Breakout: a rainbow of bricks, a ball that leaves light behind it, a paddle.
#pragma once
#include "draw/picture.h"
#include "envs/breakout.h"

enum { BREAKOUT_EDGE = 20, BREAKOUT_TRAIL = 9 }; // frames of flight that the light behind the ball lasts
#define BREAKOUT_ZOOM 1.25
#define BREAKOUT_BALL (2.0 * BREAKOUT_RADIUS)

// The place on the picture of a point in the world.
static PufPoint breakout_place(double x, double y)
{
    return (PufPoint){ BREAKOUT_EDGE + x * BREAKOUT_ZOOM, PUF_HUD_HEIGHT + 8 + y * BREAKOUT_ZOOM };
}

static void breakout_rect(PufPicture* p, double x, double y, double width, double height, PufColor color, double radius)
{
    PufPoint at = breakout_place(x, y);
    puf_rect(p, at.x, at.y, width * BREAKOUT_ZOOM, height * BREAKOUT_ZOOM, color, radius * BREAKOUT_ZOOM);
}

// Walls on three sides; below is nothing.
static void breakout_draw_border(PufPicture* p)
{
    const double top = PUF_HUD_HEIGHT, left = BREAKOUT_EDGE - 8, right = p->width - BREAKOUT_EDGE;
    puf_rect(p, left, top, right - left + 8, 8, PUF_SLATE, 4);
    puf_rect(p, left, top, 8, p->height, PUF_SLATE, 4);
    puf_rect(p, right, top, 8, p->height, PUF_SLATE, 4);
}

static void breakout_draw_bricks(const Breakout* s, PufPicture* p)
{
    for (int row = 0; row < BREAKOUT_ROWS; row++) {
        for (int column = 0; column < BREAKOUT_COLUMNS; column++) {
            if (s->bricks[row][column]) {
                double x = column * BREAKOUT_BRICK_WIDTH, y = BREAKOUT_WALL_TOP + row * BREAKOUT_BRICK_HEIGHT;
                breakout_rect(p, x + 0.8, y + 0.8, BREAKOUT_BRICK_WIDTH - 1.6, BREAKOUT_BRICK_HEIGHT - 1.6,
                              puf_rainbow[row], 2);
                breakout_rect(p, x + 2.4, y + 1.8, BREAKOUT_BRICK_WIDTH - 4.8, 1.2, puf_fade(PUF_SNOW, 0.3), 0);
            }
        }
    }
}

static void breakout_draw_ball(const Breakout* s, PufPicture* p)
{
    const double x = (double)s->ball_x, y = (double)s->ball_y, size = BREAKOUT_BALL;
    for (int age = BREAKOUT_TRAIL; age > 0; age--) {
        double back_x = x - (double)s->ball_vx * age * 0.6, back_y = y - (double)s->ball_vy * age * 0.6;
        if (0 < back_x && back_x < BREAKOUT_WIDTH && back_y > 0) {
            PufPoint at = breakout_place(back_x, back_y);
            PufColor light = puf_fade(PUF_SNOW, 0.22 * (1 - age / (BREAKOUT_TRAIL + 1.0)));
            puf_circle(p, at.x, at.y, size * (1 - 0.6 * age / BREAKOUT_TRAIL) / 2 * BREAKOUT_ZOOM, light);
        }
    }
    PufPoint at = breakout_place(x, y);
    puf_glow(p, at.x, at.y, 22, puf_fade(PUF_SNOW, 0.22));
    breakout_rect(p, x - size / 2, y - size / 2, size, size, PUF_SNOW, 2);
}

static void breakout_draw(const void* state, const void* assets, PufPicture* p)
{
    const Breakout* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    PufWord wall = puf_word(s->wall, 0, 0, " / 2");
    double left = puf_hud(p, "breakout", (PufFigure[]){ { "wall", wall }, puf_figure("score", s->score) }, 2);
    for (int i = 0; i < BREAKOUT_BALLS; i++) {
        puf_circle(p, left - 14 - 15 * (BREAKOUT_BALLS - 1 - i), 23, 4.5, i < s->balls ? PUF_SNOW : PUF_SLATE);
    }
    breakout_draw_border(p);
    breakout_draw_bricks(s, p);
    breakout_draw_ball(s, p);
    const double x = (double)s->paddle_x, width = (double)s->paddle_width;
    breakout_rect(p, x, BREAKOUT_PADDLE_TOP, width, BREAKOUT_PADDLE_HEIGHT, PUF_TEAL, 4);
    breakout_rect(p, x + 4, BREAKOUT_PADDLE_TOP + 1.4, width - 8, 1.4, puf_fade(PUF_SNOW, 0.55), 0.7);
}

PUF_DRAWING(breakout, .width = (int32_t)(BREAKOUT_WIDTH * BREAKOUT_ZOOM) + 2 * BREAKOUT_EDGE,
            .height = PUF_HUD_HEIGHT + 8 + (int32_t)(BREAKOUT_HEIGHT * BREAKOUT_ZOOM) + BREAKOUT_EDGE,
            .draw = breakout_draw);
