// MinAtar's Space Invaders: ranks of aliens in the colours of the rainbow, a cannon, shots, stars.
#pragma once
#include "draw/envs/minatar_board.h"
#include "envs/minatar_space_invaders.h"

// 1 body, 2 eye.
static const MinatarSprite minatar_space_invaders_alien = { {
    "............",
    "..1......1..",
    "...1.11.1...",
    "...111111...",
    "..11122111..",
    ".1112222111.",
    ".1112222111.",
    ".1111221111.",
    "..11111111..",
    "...1.11.1...",
    "..11....11..",
    "............",
} };

// 1 body, 2 barrel.
static const MinatarSprite minatar_space_invaders_cannon = { {
    "............",
    ".....22.....",
    ".....22.....",
    "....2222....",
    "....1111....",
    "..11111111..",
    ".1111111111.",
    ".1111111111.",
    "111111111111",
    "111111111111",
    "111.1111.111",
    "............",
} };

static void minatar_space_invaders_draw_stars(PufPicture* p)
{
    PufRng rng = puf_rng_seed(9, 0);
    for (int32_t i = 0; i < 70; i++) {
        const double x = puf_rand_below(&rng, MINATAR_FIELD), y = puf_rand_below(&rng, MINATAR_FIELD);
        const double bright = 0.12 + 0.04 * puf_rand_below(&rng, 8);
        puf_circle(p, MINATAR_EDGE + x, PUF_HUD_HEIGHT + y, 1.2, puf_fade(PUF_SNOW, bright));
    }
}

static void minatar_space_invaders_draw_shot(double x, double y, int up, PufPicture* p)
{
    const PufPoint at = minatar_middle(x, y);
    const PufColor color = up ? PUF_TEAL : PUF_CORAL;
    puf_glow(p, at.x, at.y, 30, puf_fade(color, 0.45));
    puf_rect(p, at.x - 3, at.y - 14, 6, 28, color, 3);
    puf_rect(p, at.x - 1.5, up ? at.y - 12 : at.y + 2, 3, 10, PUF_SNOW, 1.5);
}

static void minatar_space_invaders_draw(const void* state, const void* assets, PufPicture* p)
{
    static const PufColor cannon[] = { PUF_TEAL, PUF_SNOW };
    const MinatarSpaceInvaders* s = state;
    (void)assets;
    PufFigure figures[] = { puf_figure("wave", s->score / (4 * 6) + 1), puf_figure("score", s->score) };
    minatar_draw_field(p, "space invaders", figures, 2, PUF_NIGHT);
    minatar_space_invaders_draw_stars(p);
    for (int32_t y = 0; y < MINATAR_SIDE; y++) {
        const PufColor palette[] = { puf_rainbow[(y + 3) % PUF_RAINBOW], PUF_SNOW };
        for (int32_t x = 0; x < MINATAR_SIDE; x++) {
            if (s->aliens[y] >> x & 1) {
                minatar_draw_sprite(p, &minatar_space_invaders_alien, x, y, 0, palette);
            }
            if (s->shots[y] >> x & 1) {
                minatar_space_invaders_draw_shot(x, y, 1, p);
            }
            if (s->their_shots[y] >> x & 1) {
                minatar_space_invaders_draw_shot(x, y, 0, p);
            }
        }
    }
    const PufPoint at = minatar_middle(s->x, MINATAR_SPACE_INVADERS_FLOOR);
    puf_glow(p, at.x, at.y, 52, puf_fade(PUF_TEAL, s->hot ? 0.15 : 0.4));
    minatar_draw_sprite(p, &minatar_space_invaders_cannon, s->x, MINATAR_SPACE_INVADERS_FLOOR, 0, cannon);
    minatar_draw_frame(p);
}

PUF_DRAWING(minatar_space_invaders, .width = MINATAR_WIDTH, .height = MINATAR_HEIGHT,
            .draw = minatar_space_invaders_draw);
