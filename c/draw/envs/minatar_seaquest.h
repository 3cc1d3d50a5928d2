// MinAtar's Seaquest: water that darkens with depth, fish, submarines, divers, and below it the oxygen and who is aboard.
#pragma once
#include "draw/envs/minatar_board.h"
#include "envs/minatar_seaquest.h"

// All look right. 1 hull, 2 shade, 3 glass.
static const MinatarSprite minatar_seaquest_bow = { {
    "............",
    "............",
    "............",
    "11111.......",
    "11111111....",
    "1113311111..",
    "11133111111.",
    "11111111111.",
    "2222222222..",
    "22222222....",
    "............",
    "............",
} };

static const MinatarSprite minatar_seaquest_stern = { {
    ".........11.",
    "........11..",
    "........11..",
    ".....1111111",
    "...111111111",
    "2.1111331133",
    "221111331133",
    "221111111111",
    "2..222222222",
    "....22222222",
    "............",
    "............",
} };

// 1 body, 2 fins, 3 eye.
static const MinatarSprite minatar_seaquest_a_fish = { {
    "............",
    "............",
    ".....22.....",
    "2...11111...",
    "22.11111111.",
    ".2111111311.",
    ".21121111111",
    ".2111111111.",
    "22.11111111.",
    "2...11111...",
    ".....22.....",
    "............",
} };

// 1 hull, 2 shade, 3 glass.
static const MinatarSprite minatar_seaquest_a_sub = { {
    "............",
    "......11....",
    ".....1111...",
    "..11111111..",
    "2.111111111.",
    "221331331331",
    "221331331331",
    "2.111111111.",
    "..22222222..",
    "............",
    "............",
    "............",
} };

// 1 suit, 2 skin, 3 mask, 4 flippers.
static const MinatarSprite minatar_seaquest_a_diver = { {
    "............",
    "............",
    "....33......",
    "...3333.22..",
    ".111111.223.",
    "411111112233",
    "44111111122.",
    "4..1111..2..",
    "..11..22....",
    ".44....22...",
    "............",
    "............",
} };

static void minatar_seaquest_draw_water(PufPicture* p)
{
    const PufColor light = puf_blend(PUF_SKY, PUF_NIGHT, 0.55), dark = puf_blend(PUF_SKY, PUF_NIGHT, 0.86);
    for (int32_t y = 1; y <= MINATAR_SEAQUEST_ROWS; y++) {
        minatar_draw_rows(p, y, 1, puf_blend(light, dark, (y - 1) / (double)(MINATAR_SEAQUEST_ROWS - 1)));
    }
    minatar_draw_rows(p, 0, 1, puf_blend(PUF_VIOLET, PUF_NIGHT, 0.7));
    minatar_draw_rows(p, MINATAR_SIDE - 1, 1, PUF_NIGHT);
    for (int32_t wave = 0; wave < 2 * MINATAR_SIDE; wave++) {
        const PufPoint at = minatar_corner(0.5 * wave + 0.25, 1);
        puf_circle(p, at.x, at.y + 2, 13, light);
        puf_arc(p, at.x, at.y + 4, 12, 14, puf_fade(PUF_SNOW, 0.5), 205, 335);
    }
}

static void minatar_seaquest_draw_list(const MinatarSeaquestThing* list, int32_t count, const MinatarSprite* sprite,
                                       const PufColor* palette, PufPicture* p)
{
    for (int32_t i = 0; i < count; i++) {
        const int32_t x = list[i][MINATAR_SEAQUEST_X], y = list[i][MINATAR_SEAQUEST_Y];
        const int right = list[i][MINATAR_SEAQUEST_RIGHT];
        const int32_t behind = x + (right ? -1 : 1);
        if (minatar_is_inside(behind)) {
            minatar_draw_trail(p, behind, y, right, puf_fade(palette[0], 0.6));
        }
        minatar_draw_sprite(p, sprite, x, y, !right, palette);
    }
}

static void minatar_seaquest_draw_shots(const MinatarSeaquestThing* list, int32_t count, PufColor color, PufPicture* p)
{
    for (int32_t i = 0; i < count; i++) {
        const PufPoint at = minatar_middle(list[i][MINATAR_SEAQUEST_X], list[i][MINATAR_SEAQUEST_Y]);
        const double back = list[i][MINATAR_SEAQUEST_RIGHT] ? -1 : 1;
        puf_glow(p, at.x, at.y, 26, puf_fade(color, 0.45));
        puf_rect(p, at.x - 14, at.y - 3, 28, 6, color, 3);
        puf_circle(p, at.x - 10 * back, at.y, 3, PUF_SNOW);
        puf_circle(p, at.x + 20 * back, at.y - 5, 2.5, puf_fade(PUF_SNOW, 0.4));
    }
}

static const PufColor minatar_seaquest_diver_colors[] = { PUF_PINK, PUF_RGB(255, 214, 178), PUF_NIGHT, PUF_MINT };

// Oxygen on the left, and on top of its right end who is aboard.
static void minatar_seaquest_draw_bars(const MinatarSeaquest* s, PufPicture* p)
{
    const double share = puf_clamp(s->oxygen / (double)MINATAR_SEAQUEST_AIR, 0, 1);
    const PufPoint at = minatar_corner(0, MINATAR_SIDE - 1);
    const double whole = 4 * MINATAR_CELL - 16;
    puf_text(p, at.x + 8, at.y + 4, "oxygen", 14, PUF_STEEL, PUF_LEFT);
    puf_rect(p, at.x + 8, at.y + 23, whole, 16, PUF_SLATE, 6);
    puf_rect(p, at.x + 8, at.y + 23, whole * share, 16, share > 0.3 ? PUF_TEAL : PUF_CORAL, 6);
    for (int32_t i = 0; i < MINATAR_SEAQUEST_SEATS; i++) {
        const PufPoint seat = minatar_corner(MINATAR_SIDE - 1 - i, MINATAR_SIDE - 1);
        puf_rect(p, seat.x + 3, seat.y + 4, MINATAR_CELL - 6, MINATAR_CELL - 8, PUF_DUSK, 6);
        if (i < s->aboard) {
            puf_rect(p, seat.x + 3, seat.y + 4, MINATAR_CELL - 6, MINATAR_CELL - 8, puf_fade(PUF_SKY, 0.35), 6);
            minatar_draw_sprite(p, &minatar_seaquest_a_diver, MINATAR_SIDE - 1 - i, MINATAR_SIDE - 1, 0,
                                minatar_seaquest_diver_colors);
        }
    }
}

static void minatar_seaquest_draw(const void* state, const void* assets, PufPicture* p)
{
    static const PufColor own[] = { PUF_AMBER, PUF_RGB(196, 148, 52), PUF_NIGHT };
    static const PufColor fish[] = { PUF_ORANGE, PUF_CORAL, PUF_NIGHT };
    static const PufColor sub[] = { PUF_STEEL, PUF_RGB(70, 78, 110), PUF_CORAL };
    const MinatarSeaquest* s = state;
    const int32_t stern = s->x + (s->right ? -1 : 1);
    (void)assets;
    PufFigure figures[] = { puf_figure("level", s->ramps + 1), puf_figure("score", s->score) };
    minatar_draw_field(p, "seaquest", figures, 2, PUF_DUSK);
    minatar_seaquest_draw_water(p);
    minatar_seaquest_draw_list(s->divers, s->num_divers, &minatar_seaquest_a_diver, minatar_seaquest_diver_colors, p);
    minatar_seaquest_draw_list(s->fish, s->num_fish, &minatar_seaquest_a_fish, fish, p);
    minatar_seaquest_draw_list(s->subs, s->num_subs, &minatar_seaquest_a_sub, sub, p);
    minatar_seaquest_draw_shots(s->their_shots, s->num_their_shots, PUF_CORAL, p);
    minatar_seaquest_draw_shots(s->shots, s->num_shots, PUF_AMBER, p);
    const PufPoint at = minatar_middle(s->x, s->y);
    puf_glow(p, at.x, at.y, 60, puf_fade(PUF_AMBER, 0.3));
    if (minatar_is_inside(stern)) {
        minatar_draw_sprite(p, &minatar_seaquest_stern, stern, s->y, !s->right, own);
    }
    minatar_draw_sprite(p, &minatar_seaquest_bow, s->x, s->y, !s->right, own);
    minatar_seaquest_draw_bars(s, p);
    minatar_draw_frame(p);
}

PUF_DRAWING(minatar_seaquest, .width = MINATAR_WIDTH, .height = MINATAR_HEIGHT, .draw = minatar_seaquest_draw);
