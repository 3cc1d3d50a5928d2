// MinAtar's Freeway: a road of eight lanes between two strips of grass, cars whose colours are their speeds, a chicken.
#pragma once
#include "draw/envs/minatar_board.h"
#include "envs/minatar_freeway.h"

// Looking right: 1 body, 2 tyres, 3 glass, 4 lights.
static const MinatarSprite minatar_freeway_car = { {
    "............",
    "..222...222.",
    ".1111111111.",
    "111331113311",
    "111331113314",
    "111331113311",
    "111331113311",
    "111331113314",
    "111331113311",
    ".1111111111.",
    "..222...222.",
    "............",
} };

// 1 feathers, 2 eye, 3 comb, 4 beak and feet.
static const MinatarSprite minatar_freeway_chicken = { {
    "......3.3...",
    "......333...",
    ".....11111..",
    ".....11211..",
    ".....111144.",
    ".1...11133..",
    ".11.111111..",
    ".111111111..",
    "..1111111...",
    "...11111....",
    "....4.4.....",
    "...44.44....",
} };

static void minatar_freeway_draw_road(PufPicture* p)
{
    const PufColor grass = puf_blend(PUF_MINT, PUF_NIGHT, 0.72);
    minatar_draw_rows(p, 0, 1, grass);
    minatar_draw_rows(p, MINATAR_SIDE - 1, 1, grass);
    for (int32_t side = 0; side < 2; side++) {
        const PufPoint at = minatar_corner(0, side ? MINATAR_SIDE - 1 : 1);
        puf_rect(p, at.x, at.y - 2, MINATAR_FIELD, 4, puf_fade(PUF_SNOW, 0.55), 0);
    }
    for (int32_t lane = 2; lane < MINATAR_SIDE - 1; lane++) {
        for (int32_t dash = 0; dash < 2 * MINATAR_SIDE; dash++) {
            const PufPoint at = minatar_corner(0.5 * dash + 0.1, lane);
            const double bold = lane == MINATAR_SIDE / 2 ? 0.5 : 0.16;
            puf_rect(p, at.x, at.y - 1.5, 14, 3, puf_fade(PUF_AMBER, bold), 0);
        }
    }
    const PufPoint way = minatar_corner(MINATAR_FREEWAY_COLUMN, 0);
    puf_rect(p, way.x, way.y, MINATAR_CELL, MINATAR_FIELD, puf_fade(PUF_SNOW, 0.05), 0);
}

static void minatar_freeway_draw(const void* state, const void* assets, PufPicture* p)
{
    static const PufColor speeds[MINATAR_FREEWAY_SPEEDS] = { PUF_CORAL, PUF_ORANGE, PUF_AMBER, PUF_MINT, PUF_SKY };
    static const PufColor chicken[] = { PUF_SNOW, PUF_NIGHT, PUF_CORAL, PUF_AMBER };
    const MinatarFreeway* s = state;
    (void)assets;
    PufFigure figures[] = { puf_figure("left", s->max_steps - s->tick), puf_figure("score", s->score) };
    minatar_draw_field(p, "freeway", figures, 2, PUF_DUSK);
    minatar_freeway_draw_road(p);
    for (int32_t i = 0; i < MINATAR_FREEWAY_LANES; i++) {
        const int right = s->pace[i] > 0, pace = right ? s->pace[i] : -s->pace[i];
        const PufColor palette[] = { speeds[pace > 0 ? pace - 1 : 0], PUF_NIGHT, PUF_NIGHT, PUF_SNOW };
        minatar_draw_trail(p, minatar_freeway_beside(s->cars[i], !right), i + 1, right, palette[0]);
        minatar_draw_sprite(p, &minatar_freeway_car, s->cars[i], i + 1, !right, palette);
    }
    const PufPoint at = minatar_middle(MINATAR_FREEWAY_COLUMN, s->row);
    puf_glow(p, at.x, at.y, 50, puf_fade(PUF_SNOW, s->tired ? 0.12 : 0.3));
    minatar_draw_sprite(p, &minatar_freeway_chicken, MINATAR_FREEWAY_COLUMN, s->row, 0, chicken);
    minatar_draw_frame(p);
}

PUF_DRAWING(minatar_freeway, .width = MINATAR_WIDTH, .height = MINATAR_HEIGHT, .draw = minatar_freeway_draw);
