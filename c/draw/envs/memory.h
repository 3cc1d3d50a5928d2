// Memory: a lamp on one of two sides, a row of dots to sit through, and the question.
#pragma once
#include "draw/picture.h"
#include "envs/memory.h"

enum { MEMORY_WIDTH = 560, MEMORY_HEIGHT = 300, MEMORY_LAMP = 62 };
enum { MEMORY_MAX_DOTS = 24 }; // a longer wait is drawn with this many, each for several steps

static void memory_draw_lamp(double x, double y, int side, int lit, int asked, PufPicture* p)
{
    const PufColor color = lit ? PUF_AMBER : asked ? puf_blend(PUF_SLATE, PUF_STEEL, 0.5) : PUF_SLATE;
    if (lit) {
        puf_glow(p, x, y, MEMORY_LAMP * 2.1, puf_fade(PUF_AMBER, 0.5));
    }
    puf_circle(p, x, y, MEMORY_LAMP, color);
    puf_circle(p, x, y, MEMORY_LAMP - 7, puf_blend(color, PUF_NIGHT, lit ? 0.0 : 0.35));
    const int sign = 2 * side - 1;
    PufPoint arrow[] = { { x + 26 * sign, y }, { x - 16 * sign, y - 24 }, { x - 16 * sign, y + 24 } };
    puf_polygon(p, arrow, 3, lit ? PUF_NIGHT : asked ? PUF_CORAL : PUF_STEEL);
}

// The cue is lit in the first step only; when it is asked for, both sides wait for an answer.
static void memory_draw(const void* state, const void* assets, PufPicture* p)
{
    static const char* const verdicts[] = { "wrong", "right", "—" };
    const Memory* s = state;
    const int asked = s->tick >= s->distance;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    PufWord steps = puf_join(puf_word(s->tick, 0, 0, ""), " of ", puf_word(s->distance, 0, 0, ""));
    puf_hud(p, "memory", (PufFigure[]){ { "last answer", puf_text_word(verdicts[s->verdict]) }, { "step", steps } }, 2);
    puf_rect(p, 20, PUF_HUD_HEIGHT, MEMORY_WIDTH - 40, MEMORY_HEIGHT - 20, PUF_DUSK, 14);
    const double middle = PUF_HUD_HEIGHT + 118.0;
    for (int side = 0; side < 2; side++) {
        memory_draw_lamp(150.0 + side * (MEMORY_WIDTH - 300), middle, side, s->tick == 0 && side == s->cue, asked, p);
    }
    if (asked) {
        puf_text(p, MEMORY_WIDTH / 2, middle - 44, "?", 84, PUF_SNOW, PUF_CENTER);
    }
    const int32_t dots = s->distance < MEMORY_MAX_DOTS ? s->distance : MEMORY_MAX_DOTS;
    const double done = (double)dots * s->tick / s->distance, step = puf_min(20, (MEMORY_WIDTH - 100) / (double)dots);
    for (int32_t i = 0; i < dots; i++) {
        const double x = MEMORY_WIDTH / 2 + (i - (dots - 1) / 2.0) * step;
        puf_circle(p, x, PUF_HUD_HEIGHT + MEMORY_HEIGHT - 62, 5, i < done ? PUF_MINT : PUF_SLATE);
    }
}

PUF_DRAWING(memory, .width = MEMORY_WIDTH, .height = PUF_HUD_HEIGHT + MEMORY_HEIGHT, .draw = memory_draw);
