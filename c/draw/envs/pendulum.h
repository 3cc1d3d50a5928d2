// Pendulum: a rod on a motor, the torque as an arrow around it.
#pragma once
#include "draw/picture.h"
#include "envs/pendulum.h"

enum { PENDULUM_WIDTH = 520, PENDULUM_HEIGHT = 560, PENDULUM_ROD = 178, PENDULUM_TICKS = 24, PENDULUM_TRAIL = 12 };
#define PENDULUM_X (PENDULUM_WIDTH / 2.0)
#define PENDULUM_Y (PUF_HUD_HEIGHT + 240.0)

// An angle between half a turn to the right and half a turn to the left.
static double pendulum_within_turn(double angle) { return angle - PUF_TURN * rint(angle / PUF_TURN); }

// 0 is up, positive to the left.
static PufPoint pendulum_point(double theta, double radius)
{
    return (PufPoint){ PENDULUM_X - radius * puf_sine(theta), PENDULUM_Y - radius * puf_cosine(theta) };
}

static void pendulum_draw_dial(PufPicture* p)
{
    puf_ring(p, PENDULUM_X, PENDULUM_Y, PENDULUM_ROD + 26, PENDULUM_ROD + 28, PUF_SLATE);
    for (int tick = 0; tick < PENDULUM_TICKS; tick++) {
        const double theta = tick * PUF_TURN / PENDULUM_TICKS;
        const PufPoint in = pendulum_point(theta, PENDULUM_ROD + (tick % 6 == 0 ? 12 : 20));
        const PufPoint out = pendulum_point(theta, PENDULUM_ROD + 26);
        puf_line(p, in.x, in.y, out.x, out.y, 2, PUF_SLATE);
    }
    const PufPoint top = pendulum_point(0.0, PENDULUM_ROD + 27);
    puf_glow(p, top.x, top.y, 30, puf_fade(PUF_MINT, 0.35));
    puf_circle(p, top.x, top.y, 5, PUF_MINT);
}

// An arc around the hinge, as long as the torque is large, with a head where it pushes.
static void pendulum_draw_torque(double torque, PufPicture* p)
{
    if (fabs(torque) < 0.02) {
        return;
    }
    const double radius = 54, span = 150 * fabs(torque) / 2.0;
    const int left = torque > 0;
    const double start = left ? -90 - span : -90, end = left ? -90 : -90 + span;
    puf_arc(p, PENDULUM_X, PENDULUM_Y, radius - 4, radius + 4, puf_fade(PUF_SKY, 0.85), start, end);
    const double tip = (left ? start : end) * (PUF_TURN / 360.0);
    const PufPoint out = { puf_cosine(tip), puf_sine(tip) };
    const double x = PENDULUM_X + radius * out.x, y = PENDULUM_Y + radius * out.y;
    const int side = left ? -1 : 1;
    const PufPoint ahead = { -side * out.y, side * out.x };
    puf_polygon(p,
                (PufPoint[]){ { x + 11 * out.x, y + 11 * out.y },
                              { x - 11 * out.x, y - 11 * out.y },
                              { x + 15 * ahead.x, y + 15 * ahead.y } },
                3, PUF_SKY);
}

// With a trail that shows how fast the tip moves, and where to. Green at the top and red at the bottom.
static void pendulum_draw_rod(double theta, double speed, PufPicture* p)
{
    const double height = (1.0 + puf_cosine(theta)) / 2.0;
    const double upper = height * height * height * height;
    const PufColor color = puf_blend(PUF_CORAL, puf_blend(PUF_AMBER, PUF_MINT, upper), height);
    for (int step = PENDULUM_TRAIL; step > 0; step--) {
        const PufPoint at = pendulum_point(theta - speed * 0.018 * step, PENDULUM_ROD);
        puf_circle(p, at.x, at.y, 11 * (1 - step / 14.0), puf_fade(PUF_VIOLET, 0.35 * (1 - step / 13.0)));
    }
    const PufPoint tip = pendulum_point(theta, PENDULUM_ROD);
    puf_glow(p, tip.x, tip.y, 46, puf_fade(color, 0.35));
    puf_path(p, (PufPoint[]){ { PENDULUM_X, PENDULUM_Y }, tip }, 2, 20, color);
    puf_circle(p, tip.x, tip.y, 14, color);
    puf_circle(p, tip.x, tip.y, 6, puf_fade(PUF_SNOW, 0.8));
    puf_circle(p, PENDULUM_X, PENDULUM_Y, 19, PUF_STEEL);
    puf_circle(p, PENDULUM_X, PENDULUM_Y, 9, PUF_NIGHT);
}

static void pendulum_draw(const void* state, const void* assets, PufPicture* p)
{
    const Pendulum* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    const double angle = fabs(pendulum_within_turn((double)s->theta)) * (360.0 / PUF_TURN);
    const PufFigure cost = puf_figure("cost", -(double)s->episode_return);
    puf_hud(p, "pendulum", (PufFigure[]){ { "angle", puf_word(angle, 0, 0, "°") }, cost }, 2);
    puf_rect(p, 20, PUF_HUD_HEIGHT, PENDULUM_WIDTH - 40, PENDULUM_HEIGHT - PUF_HUD_HEIGHT - 20, PUF_DUSK, 10);
    pendulum_draw_dial(p);
    pendulum_draw_torque((double)s->torque, p);
    pendulum_draw_rod((double)s->theta, (double)s->theta_dot, p);
}

// Part of the way, the short way round.
static void pendulum_between(const void* from, const void* to, int32_t frame, int32_t frames, void* at)
{
    const Pendulum *before = from, *after = to;
    Pendulum* shown = at;
    *shown = *after;
    if (after->tick >= before->tick) {
        const double turn = pendulum_within_turn((double)after->theta - (double)before->theta);
        shown->theta = (float)((double)before->theta + (double)frame / frames * turn);
    }
}

PUF_DRAWING(pendulum, .width = PENDULUM_WIDTH, .height = PENDULUM_HEIGHT, .draw = pendulum_draw,
            .between = pendulum_between);
