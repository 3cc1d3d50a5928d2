// Acrobot: two links under a hinge, the line that the tip must pass.
#pragma once
#include "draw/picture.h"
#include "envs/acrobot.h"

enum { ACROBOT_WIDTH = 560, ACROBOT_HEIGHT = 600, ACROBOT_LINK = 118, ACROBOT_TRAIL = 10 };
#define ACROBOT_X (ACROBOT_WIDTH / 2.0)
#define ACROBOT_Y (PUF_HUD_HEIGHT + 268.0)
#define ACROBOT_LINE (ACROBOT_Y - ACROBOT_LINK) // where the tip must get to

static PufPoint acrobot_end(PufPoint from, double angle)
{
    return (PufPoint){ from.x + ACROBOT_LINK * puf_sine(angle), from.y + ACROBOT_LINK * puf_cosine(angle) };
}

static PufPoint acrobot_tip(double theta1, double theta2)
{
    return acrobot_end(acrobot_end((PufPoint){ ACROBOT_X, ACROBOT_Y }, theta1), theta1 + theta2);
}

// It turns green as the tip comes near.
static void acrobot_draw_goal(double height, PufPicture* p)
{
    const double reached = puf_clamp(height, 0.0, 1.0), near = reached * reached;
    const PufColor color = puf_blend(PUF_STEEL, PUF_MINT, near);
    puf_rect(p, 22, PUF_HUD_HEIGHT + 2, ACROBOT_WIDTH - 44, ACROBOT_LINE - PUF_HUD_HEIGHT - 2,
             puf_fade(PUF_MINT, 0.04 + 0.1 * near), 8);
    for (int x = 30; x < ACROBOT_WIDTH - 40; x += 22) {
        puf_line(p, x, ACROBOT_LINE, x + 13, ACROBOT_LINE, 3, color);
    }
}

// Where the tip was in the last moments.
static void acrobot_draw_motion(AcrobotPose pose, PufPicture* p)
{
    for (int step = ACROBOT_TRAIL; step > 0; step--) {
        const double back = 0.012 * step;
        const PufPoint at = acrobot_tip((double)pose.theta1 - (double)pose.dtheta1 * back,
                                        (double)pose.theta2 - (double)pose.dtheta2 * back);
        puf_circle(p, at.x, at.y, 11 * (1 - step / 12.0), puf_fade(PUF_VIOLET, 0.35 * (1 - step / 11.0)));
    }
}

static void acrobot_draw_link(PufPoint from, PufPoint to, double thickness, double inner, PufColor color, PufPicture* p)
{
    puf_path(p, (PufPoint[]){ from, to }, 2, thickness, color);
    puf_path(p, (PufPoint[]){ from, to }, 2, inner, puf_blend(color, PUF_SNOW, 0.45));
}

// The joint, with an arrow in the direction of its torque.
static void acrobot_draw_motor(PufPoint elbow, double torque, PufPicture* p)
{
    puf_circle(p, elbow.x, elbow.y, 15, PUF_STEEL);
    puf_circle(p, elbow.x, elbow.y, 10, PUF_NIGHT);
    if (torque != 0) {
        puf_arc(p, elbow.x, elbow.y, 24, 29, PUF_AMBER, 200, 340);
        const double angle = (torque > 0 ? 200 : 340) * (PUF_TURN / 360.0);
        const double x = elbow.x + 26.5 * puf_cosine(angle), y = elbow.y + 26.5 * puf_sine(angle);
        puf_polygon(p, (PufPoint[]){ { x - 9, y - 2 }, { x + 9, y - 2 }, { x, y + 12 } }, 3, PUF_AMBER);
    }
}

static void acrobot_draw(const void* state, const void* assets, PufPicture* p)
{
    const Acrobot* s = state;
    const PufPoint hinge = { ACROBOT_X, ACROBOT_Y };
    const double theta1 = (double)s->pose.theta1, theta2 = (double)s->pose.theta2;
    const PufPoint elbow = acrobot_end(hinge, theta1), tip = acrobot_tip(theta1, theta2);
    const double height = (ACROBOT_Y - tip.y) / ACROBOT_LINK;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "acrobot", (PufFigure[]){ { "height", puf_word(height, 2, 1, " m") }, puf_figure("step", s->tick) }, 2);
    puf_rect(p, 20, PUF_HUD_HEIGHT, ACROBOT_WIDTH - 40, ACROBOT_HEIGHT - PUF_HUD_HEIGHT - 20, PUF_DUSK, 10);
    puf_ring(p, ACROBOT_X, ACROBOT_Y, 2 * ACROBOT_LINK + 14, 2 * ACROBOT_LINK + 15.5, PUF_SLATE);
    acrobot_draw_goal(height, p);
    puf_rect(p, ACROBOT_X - 60, ACROBOT_Y - 4, 120, 8, PUF_SLATE, 4); // what the hinge hangs on
    acrobot_draw_motion(s->pose, p);
    acrobot_draw_link(hinge, elbow, 22, 6, PUF_SKY, p);
    const double near = puf_clamp((height + 2) / 3, 0.0, 1.0);
    const PufColor color = puf_blend(PUF_CORAL, puf_blend(PUF_AMBER, PUF_MINT, near * near * near), near);
    puf_glow(p, tip.x, tip.y, 38, puf_fade(color, 0.4));
    acrobot_draw_link(elbow, tip, 18, 5, color, p);
    puf_circle(p, ACROBOT_X, ACROBOT_Y, 12, PUF_STEEL);
    puf_circle(p, ACROBOT_X, ACROBOT_Y, 5, PUF_NIGHT);
    acrobot_draw_motor(elbow, (double)s->torque, p);
    puf_circle(p, tip.x, tip.y, 13, color);
    puf_circle(p, tip.x, tip.y, 5, PUF_SNOW);
}

// Part of the way of a step of 0.2 s, turning evenly in the direction of the speeds.
static float acrobot_part_way(float from, float to, float speed_from, float speed_to, double share)
{
    const double speed = ((double)speed_from + (double)speed_to) / 2;
    double turn = (double)to - (double)from;
    turn += PUF_TURN * rint((0.2 * speed - turn) / PUF_TURN);
    return (float)((double)from + share * turn);
}

static void acrobot_between(const void* from, const void* to, int32_t frame, int32_t frames, void* at)
{
    const Acrobot *before = from, *after = to;
    Acrobot* shown = at;
    *shown = *after;
    if (after->tick >= before->tick) {
        const AcrobotPose a = before->pose, b = after->pose;
        const double share = (double)frame / frames;
        shown->pose.theta1 = acrobot_part_way(a.theta1, b.theta1, a.dtheta1, b.dtheta1, share);
        shown->pose.theta2 = acrobot_part_way(a.theta2, b.theta2, a.dtheta2, b.dtheta2, share);
    }
}

PUF_DRAWING(acrobot, .width = ACROBOT_WIDTH, .height = ACROBOT_HEIGHT, .draw = acrobot_draw,
            .between = acrobot_between);
