// Pong: two paddles, a net of dots, large quiet numbers. The agent's side is on the right.
#pragma once
#include "draw/picture.h"
#include "envs/pong.h"

enum { PONG_COURT_WIDTH = 640, PONG_COURT_HEIGHT = 480, PONG_MARGIN = 20 }; // pixels, which are units here
enum { PONG_PADDLE_WIDTH = 10, PONG_PADDLE_FACE = 32 }; // from a side of the court to a paddle's face
enum { PONG_TRAIL = 8 };                                // frames of flight that the light behind the ball lasts
enum { PONG_TOUCH = (320 - 32 - 6) * PONG_PIXEL };      // x of a ball that touches a paddle

// The place on the picture of a point this many subpixels from the court's middle.
static double pong_x(double subpixels) { return PONG_MARGIN + PONG_COURT_WIDTH / 2 + subpixels / PONG_PIXEL; }
static double pong_y(double subpixels) { return PUF_HUD_HEIGHT + PONG_COURT_HEIGHT / 2 + subpixels / PONG_PIXEL; }

static void pong_draw_paddle(double x, double middle, PufColor color, PufPicture* p)
{
    const double height = 2.0 * PONG_PADDLE / PONG_PIXEL;
    puf_rect(p, x, middle - height / 2, PONG_PADDLE_WIDTH, height, color, PONG_PADDLE_WIDTH / 2.0);
    puf_rect(p, x + 2.5, middle - height / 2 + 6, 2, height - 12, puf_fade(PUF_SNOW, 0.4), 1);
}

static void pong_draw_ball(const Pong* s, PufPicture* p)
{
    const double size = 2.0 * PONG_BALL / PONG_PIXEL, x = pong_x(s->ball_x), y = pong_y(s->ball_y);
    const double vx = (double)s->ball_vx / PONG_PIXEL, vy = (double)s->ball_vy / PONG_PIXEL;
    for (int age = PONG_TRAIL; age > 0; age--) {
        double back_x = x - vx * age * 0.5, back_y = y - vy * age * 0.5;
        if (PONG_MARGIN < back_x && back_x < PONG_MARGIN + PONG_COURT_WIDTH && PUF_HUD_HEIGHT < back_y &&
            back_y < PUF_HUD_HEIGHT + PONG_COURT_HEIGHT) {
            PufColor light = puf_fade(PUF_SNOW, 0.2 * (1 - age / (PONG_TRAIL + 1.0)));
            puf_circle(p, back_x, back_y, size / 2 * (1 - 0.5 * age / PONG_TRAIL), light);
        }
    }
    puf_glow(p, x, y, 30, puf_fade(PUF_SNOW, 0.2));
    puf_rect(p, x - size / 2, y - size / 2, size, size, PUF_SNOW, 3);
}

static void pong_draw(const void* state, const void* assets, PufPicture* p)
{
    const Pong* s = state;
    const double left = PONG_MARGIN, top = PUF_HUD_HEIGHT, middle = left + PONG_COURT_WIDTH / 2.0;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "pong", NULL, 0);
    puf_rect(p, left, top, PONG_COURT_WIDTH, PONG_COURT_HEIGHT, PUF_DUSK, 10);
    for (int y = 12; y < PONG_COURT_HEIGHT; y += 24) {
        puf_circle(p, middle, top + y, 2.5, PUF_SLATE);
    }
    puf_text(p, middle - 40, top + 18, puf_word(s->opponent_score, 0, 0, "").text, 72, puf_fade(PUF_CORAL, 0.55),
             PUF_RIGHT);
    puf_text(p, middle + 40, top + 18, puf_word(s->score, 0, 0, "").text, 72, puf_fade(PUF_TEAL, 0.55), PUF_LEFT);
    pong_draw_paddle(left + PONG_PADDLE_FACE - PONG_PADDLE_WIDTH, pong_y(s->opponent_y), PUF_CORAL, p);
    pong_draw_paddle(left + PONG_COURT_WIDTH - PONG_PADDLE_FACE, pong_y(s->paddle_y), PUF_TEAL, p);
    pong_draw_ball(s, p);
}

// ---- Between steps. ----

// Where the ball is some frames later, or earlier if negative: straight on, and off the upper and lower walls.
static void pong_fly(const Pong* s, int32_t frames, Pong* shown)
{
    int32_t y = s->ball_y + s->ball_vy * frames;
    if (y > PONG_WALL || y < -PONG_WALL) {
        y = (y > 0 ? 2 : -2) * PONG_WALL - y;
    }
    shown->ball_x = (int16_t)(s->ball_x + s->ball_vx * frames);
    shown->ball_y = (int16_t)y;
}

static int16_t pong_mix(int16_t start, int16_t end, int32_t frame, int32_t frames)
{
    return (int16_t)rint(start + (double)(end - start) * frame / frames);
}

// A free ball continues as before the step; one that hit a paddle is traced back from where it is after. A ball that got
// past a paddle flies on to the edge; the next one is served at the step's end.
static void pong_between(const void* from, const void* to, int32_t frame, int32_t frames, void* at)
{
    const Pong *before = from, *after = to;
    Pong* shown = at;
    *shown = *before;
    pong_fly(before, frame, shown);
    if (after->score != before->score || after->opponent_score != before->opponent_score) {
        after = before;
        shown->ball_x = pong_clamp(shown->ball_x, PONG_EDGE);
    } else if (shown->ball_x > PONG_TOUCH || shown->ball_x < -PONG_TOUCH) {
        pong_fly(after, frame - frames, shown);
    }
    shown->paddle_y = pong_mix(before->paddle_y, after->paddle_y, frame, frames);
    shown->opponent_y = pong_mix(before->opponent_y, after->opponent_y, frame, frames);
}

PUF_DRAWING(pong, .width = PONG_COURT_WIDTH + 2 * PONG_MARGIN,
            .height = PUF_HUD_HEIGHT + PONG_COURT_HEIGHT + PONG_MARGIN, .draw = pong_draw, .between = pong_between);
