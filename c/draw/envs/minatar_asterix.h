// MinAtar's Asterix: eight rows that enemies and gold cross, and a collector with a hat.
#pragma once
#include "draw/envs/minatar_board.h"
#include "envs/minatar_asterix.h"

// 1 coat, 2 hat, 3 face, 4 eyes, 5 boots.
static const MinatarSprite minatar_asterix_player = { {
    "...22..22...",
    "...222222...",
    "...222222...",
    "....3333....",
    "....3434....",
    "....3333....",
    "..11111111..",
    "..11111111..",
    "..3.1111.3..",
    "....1111....",
    "....1..1....",
    "...55..55...",
} };

// 1 body, 2 eyes and teeth.
static const MinatarSprite minatar_asterix_enemy = { {
    ".1........1.",
    ".11......11.",
    "..11111111..",
    ".1111111111.",
    ".1221111221.",
    ".1122112211.",
    ".1111111111.",
    ".1111111111.",
    ".1121221211.",
    "..11111111..",
    "...1.11.1...",
    "..11....11..",
} };

// 1 gold, 2 bright gold, 3 dark gold.
static const MinatarSprite minatar_asterix_coin = { {
    "............",
    "....1111....",
    "..11122111..",
    "..12222221..",
    ".1122332211.",
    ".1122322211.",
    ".1122322211.",
    ".1122332211.",
    "..12222221..",
    "..11122111..",
    "....1111....",
    "............",
} };

static void minatar_asterix_draw_thing(const MinatarAsterix* s, int32_t row, PufPicture* p)
{
    static const PufColor enemy[] = { PUF_CORAL, PUF_SNOW };
    static const PufColor coin[] = { PUF_RGB(214, 158, 46), PUF_AMBER, PUF_RGB(150, 100, 22) };
    const int gold = s->what[row] == MINATAR_ASTERIX_PRIZE, right = s->right[row];
    const int32_t behind = s->where[row] + (right ? -1 : 1);
    const PufPoint at = minatar_middle(s->where[row], row + 1);
    if (minatar_is_inside(behind)) {
        minatar_draw_trail(p, behind, row + 1, right, gold ? PUF_AMBER : PUF_CORAL);
    }
    puf_glow(p, at.x, at.y, 46, puf_fade(gold ? PUF_AMBER : PUF_CORAL, 0.25));
    minatar_draw_sprite(p, gold ? &minatar_asterix_coin : &minatar_asterix_enemy, s->where[row], row + 1, !right,
                        gold ? coin : enemy);
}

static void minatar_asterix_draw(const void* state, const void* assets, PufPicture* p)
{
    static const PufColor player[] = { PUF_SKY, PUF_TEAL, PUF_RGB(255, 214, 178), PUF_NIGHT, PUF_STEEL };
    const MinatarAsterix* s = state;
    (void)assets;
    PufFigure figures[] = { puf_figure("level", s->ramps + 1), puf_figure("score", s->score) };
    minatar_draw_field(p, "asterix", figures, 2, PUF_DUSK);
    const PufColor hedge = puf_blend(PUF_MINT, PUF_NIGHT, 0.75);
    minatar_draw_rows(p, 0, 1, hedge);
    minatar_draw_rows(p, MINATAR_SIDE - 1, 1, hedge);
    for (int32_t line = 1; line <= MINATAR_ASTERIX_ROWS + 1; line++) {
        const PufPoint at = minatar_corner(0, line);
        puf_rect(p, at.x, at.y - 1, MINATAR_FIELD, 2, puf_fade(PUF_STEEL, 0.22), 0);
    }
    for (int32_t row = 0; row < MINATAR_ASTERIX_ROWS; row++) {
        if (s->what[row]) {
            minatar_asterix_draw_thing(s, row, p);
        }
    }
    const PufPoint at = minatar_middle(s->x, s->y);
    puf_glow(p, at.x, at.y, 56, puf_fade(PUF_TEAL, 0.4));
    minatar_draw_sprite(p, &minatar_asterix_player, s->x, s->y, 0, player);
    minatar_draw_frame(p);
}

PUF_DRAWING(minatar_asterix, .width = MINATAR_WIDTH, .height = MINATAR_HEIGHT, .draw = minatar_asterix_draw);
