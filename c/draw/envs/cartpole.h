// Cartpole: a cart on a rail, a pole, the limits of both.
#pragma once
#include "draw/picture.h"
#include "envs/cartpole.h"

enum {
    CARTPOLE_METRE = 150, // units
    CARTPOLE_WIDTH = 824,
    CARTPOLE_HEIGHT = 400,
    CARTPOLE_RAIL = 318,
    CARTPOLE_CART_WIDTH = 84,
    CARTPOLE_CART_HEIGHT = 36,
    CARTPOLE_HINGE = CARTPOLE_RAIL - 14 - CARTPOLE_CART_HEIGHT,
    CARTPOLE_MIDDLE = CARTPOLE_WIDTH / 2,
};
#define CARTPOLE_LIMIT 2.4 // metres from the middle
#define CARTPOLE_TILT (12.0 * 3.14159265358979323846 / 180.0)
#define CARTPOLE_POLE 1.0 // metres

// The ends redden when the cart comes near.
static void cartpole_draw_rail(double x, PufPicture* p)
{
    const double reach = CARTPOLE_LIMIT * CARTPOLE_METRE;
    puf_rect(p, CARTPOLE_MIDDLE - reach, CARTPOLE_RAIL - 2, 2 * reach, 4, PUF_SLATE, 2);
    for (int half = -4; half <= 4; half++) {
        double at = CARTPOLE_MIDDLE + half * CARTPOLE_METRE / 2.0;
        puf_line(p, at, CARTPOLE_RAIL + 8, at, CARTPOLE_RAIL + 8 + (half % 2 == 0 ? 8 : 5), 1.5, PUF_SLATE);
    }
    for (int side = -1; side <= 1; side += 2) {
        double near = side * x / CARTPOLE_LIMIT;
        near = near < 0.0 ? 0.0 : near > 1.0 ? 1.0 : near;
        puf_rect(p, CARTPOLE_MIDDLE + side * reach - 3, CARTPOLE_RAIL - 26, 6, 44,
                 puf_blend(PUF_STEEL, PUF_CORAL, near * near * near), 3);
    }
}

static void cartpole_draw_limits(double x, PufPicture* p)
{
    const double sine = (double)puf_sinf((float)CARTPOLE_TILT), cosine = (double)puf_cosf((float)CARTPOLE_TILT);
    for (int side = -1; side <= 1; side += 2) {
        for (int from = 30; from < 200; from += 18) {
            puf_line(p, x + side * sine * from, CARTPOLE_HINGE - cosine * from, x + side * sine * (from + 8),
                     CARTPOLE_HINGE - cosine * (from + 8), 1.5, puf_fade(PUF_STEEL, 0.5));
        }
    }
}

// An arrow on the side that is pushed.
static void cartpole_draw_force(double force, double x, PufPicture* p)
{
    if (force == 0.0) {
        return;
    }
    const int side = force > 0.0 ? 1 : -1;
    const double y = CARTPOLE_RAIL - 14 - CARTPOLE_CART_HEIGHT / 2.0,
                 from = x - side * (CARTPOLE_CART_WIDTH / 2.0 + 12);
    const double length = 3 * fabs(force) < 60 ? 3 * fabs(force) : 60;
    puf_line(p, from - side * length, y, from - side * 8, y, 4, puf_fade(PUF_SKY, 0.8));
    PufPoint tip[] = { { from - side * 10, y - 8 }, { from - side * 10, y + 8 }, { from, y } };
    puf_polygon(p, tip, 3, puf_fade(PUF_SKY, 0.8));
}

static void cartpole_draw_cart(double x, PufPicture* p)
{
    const double top = CARTPOLE_RAIL - 14 - CARTPOLE_CART_HEIGHT;
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * CARTPOLE_CART_WIDTH * 0.3, CARTPOLE_RAIL - 11, 10, PUF_STEEL);
        puf_circle(p, x + side * CARTPOLE_CART_WIDTH * 0.3, CARTPOLE_RAIL - 11, 4, PUF_NIGHT);
    }
    puf_rect(p, x - CARTPOLE_CART_WIDTH / 2.0, top, CARTPOLE_CART_WIDTH, CARTPOLE_CART_HEIGHT, PUF_MINT, 9);
    puf_rect(p, x - CARTPOLE_CART_WIDTH / 2.0 + 8, top + 4, CARTPOLE_CART_WIDTH - 16, 3, puf_fade(PUF_SNOW, 0.5), 1.5);
}

// The pole reddens towards its limit.
static void cartpole_draw(const void* state, const void* assets, PufPicture* p)
{
    const Cartpole* s = state;
    (void)assets;
    const double angle = (double)s->theta, x = CARTPOLE_MIDDLE + (double)s->x * CARTPOLE_METRE;
    puf_clear(p, PUF_NIGHT);
    PufWord degrees = puf_word(angle * (180.0 / 3.14159265358979323846), 1, 1, "°");
    puf_hud(p, "cartpole", (PufFigure[]){ { "angle", degrees }, puf_figure("step", s->tick) }, 2);
    puf_rect(p, 20, PUF_HUD_HEIGHT, p->width - 40, p->height - PUF_HUD_HEIGHT - 20, PUF_DUSK, 10);
    cartpole_draw_rail((double)s->x, p);
    cartpole_draw_limits(x, p);
    cartpole_draw_force((double)s->force, x, p);

    double danger = fabs(angle) / CARTPOLE_TILT;
    danger = danger < 1.0 ? danger : 1.0;
    PufColor color = puf_blend(PUF_AMBER, PUF_CORAL, danger * danger);
    PufPoint pole[] = { { x, CARTPOLE_HINGE },
                        { x + (double)puf_sinf(s->theta) * CARTPOLE_POLE * CARTPOLE_METRE,
                          CARTPOLE_HINGE - (double)puf_cosf(s->theta) * CARTPOLE_POLE * CARTPOLE_METRE } };
    puf_glow(p, pole[1].x, pole[1].y, 34, puf_fade(color, 0.3));
    puf_path(p, pole, 2, 10, color);
    cartpole_draw_cart(x, p);
    puf_circle(p, x, CARTPOLE_HINGE, 7.5, PUF_NIGHT);
    puf_circle(p, x, CARTPOLE_HINGE, 4, PUF_SNOW);
}

PUF_DRAWING(cartpole, .width = CARTPOLE_WIDTH, .height = CARTPOLE_HEIGHT, .draw = cartpole_draw);
