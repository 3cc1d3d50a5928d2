// Blackjack: a table seen from above, the dealer's two cards, one of them face down, and yours.
#pragma once
#include "draw/picture.h"
#include "envs/blackjack.h"

enum { BLACKJACK_WIDTH = 600, BLACKJACK_TABLE = 400, BLACKJACK_EDGE = 20 };
enum { BLACKJACK_CARD_WIDTH = 78, BLACKJACK_CARD_HEIGHT = 108, BLACKJACK_GAP = 88 };

static void blackjack_draw_back(double x, double y, PufPicture* p)
{
    puf_rect(p, x, y, BLACKJACK_CARD_WIDTH, BLACKJACK_CARD_HEIGHT, PUF_SNOW, 9);
    puf_rect(p, x + 5, y + 5, BLACKJACK_CARD_WIDTH - 10, BLACKJACK_CARD_HEIGHT - 10, PUF_VIOLET, 6);
    for (int32_t i = 0; i < 24; i++) {
        const double left = x + 16 + 15 * (i % 4), top = y + 17 + 15 * (i / 4);
        puf_circle(p, left, top, 3.5, puf_fade(PUF_SNOW, 0.35));
    }
}

static void blackjack_draw_spade(double x, double y, PufColor color, PufPicture* p)
{
    const PufPoint leaf[] = { { x, y - 25 }, { x + 19, y + 5 }, { x - 19, y + 5 } };
    const PufPoint stem[] = { { x, y }, { x + 8, y + 25 }, { x - 8, y + 25 } };
    puf_polygon(p, leaf, 3, color);
    puf_circle(p, x - 9.5, y + 7, 9.5, color);
    puf_circle(p, x + 9.5, y + 7, 9.5, color);
    puf_polygon(p, stem, 3, color);
}

// A card of 1 to 10: diamonds are odd, spades even.
static void blackjack_draw_card(double x, double y, int32_t card, PufPicture* p)
{
    const PufColor color = card % 2 ? PUF_CORAL : PUF_NIGHT;
    const PufWord number = card == 1 ? puf_text_word("A") : puf_word(card, 0, 0, "");
    puf_rect(p, x + 3, y + 4, BLACKJACK_CARD_WIDTH, BLACKJACK_CARD_HEIGHT, puf_fade(PUF_NIGHT, 0.35), 9);
    puf_rect(p, x, y, BLACKJACK_CARD_WIDTH, BLACKJACK_CARD_HEIGHT, PUF_SNOW, 9);
    puf_text(p, x + 9, y + 7, number.text, 24, color, PUF_LEFT);
    const double cx = x + BLACKJACK_CARD_WIDTH / 2.0, cy = y + 66;
    const PufPoint diamond[] = { { cx, cy - 25 }, { cx + 18, cy }, { cx, cy + 25 }, { cx - 18, cy } };
    if (card % 2) {
        puf_polygon(p, diamond, 4, color);
    } else {
        blackjack_draw_spade(cx, cy, color, p);
    }
}

static void blackjack_draw_points(double y, const char* who, int32_t points, int soft, PufPicture* p)
{
    const double x = BLACKJACK_EDGE + 26;
    puf_text(p, x, y, who, 18, puf_fade(PUF_SNOW, 0.6), PUF_LEFT);
    if (points > 0) {
        puf_text(p, x, y + 22, puf_word(points, 0, 0, "").text, 44, PUF_SNOW, PUF_LEFT);
        puf_text(p, x, y + 70, soft ? "soft" : "", 16, PUF_AMBER, PUF_LEFT);
    }
}

// How the game before ended.
static void blackjack_draw_last(const Blackjack* s, PufPicture* p)
{
    if (s->last_mine == 0 && s->last_theirs == 0 && s->last_won == 0) {
        return;
    }
    const char* what = s->last_won > 0 ? "won" : s->last_won < 0 ? "lost" : "a draw";
    const PufColor color = s->last_won > 0 ? PUF_MINT : s->last_won < 0 ? PUF_CORAL : PUF_AMBER;
    const double y = PUF_HUD_HEIGHT + BLACKJACK_TABLE - 46.0;
    double x = BLACKJACK_EDGE + 26;
    x += puf_text(p, x, y, "the game before: ", 20, puf_fade(PUF_SNOW, 0.6), PUF_LEFT);
    x += puf_text(p, x, y, what, 20, color, PUF_LEFT);
    if (s->last_mine == 0) {
        puf_text(p, x, y, ", too many", 20, puf_fade(PUF_SNOW, 0.6), PUF_LEFT);
        return;
    }
    x += puf_text(p, x, y, ", ", 20, puf_fade(PUF_SNOW, 0.6), PUF_LEFT);
    x += puf_text(p, x, y, puf_word(s->last_mine, 0, 0, "").text, 20, PUF_SNOW, PUF_LEFT);
    x += puf_text(p, x, y, s->last_theirs ? " to " : " to too many", 20, puf_fade(PUF_SNOW, 0.6), PUF_LEFT);
    if (s->last_theirs) {
        puf_text(p, x, y, puf_word(s->last_theirs, 0, 0, "").text, 20, PUF_SNOW, PUF_LEFT);
    }
}

static void blackjack_draw(const void* state, const void* assets, PufPicture* p)
{
    const Blackjack* s = state;
    const double left = BLACKJACK_EDGE + 130, top = PUF_HUD_HEIGHT + 30, low = top + 160;
    const int32_t points = blackjack_points(s->sum, s->ace),
                  shown = s->cards < BLACKJACK_SHOWN ? s->cards : BLACKJACK_SHOWN;
    const double gap = shown > 4 ? 4.0 * BLACKJACK_GAP / shown : BLACKJACK_GAP;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "blackjack", (PufFigure[]){ puf_figure("sum", points), puf_figure("dealer", s->open) }, 2);
    const double width = BLACKJACK_WIDTH - 2 * BLACKJACK_EDGE;
    puf_rect(p, BLACKJACK_EDGE, PUF_HUD_HEIGHT, width, BLACKJACK_TABLE, puf_blend(PUF_MINT, PUF_NIGHT, 0.74), 24);
    puf_border(p, BLACKJACK_EDGE, PUF_HUD_HEIGHT, width, BLACKJACK_TABLE, 6, puf_blend(PUF_AMBER, PUF_NIGHT, 0.6), 24);
    blackjack_draw_points(top, "dealer", 0, 0, p);
    blackjack_draw_card(left, top, s->open, p);
    blackjack_draw_back(left + BLACKJACK_GAP, top, p);
    blackjack_draw_points(low, "you", points, points != s->sum, p);
    for (int32_t i = 0; i < shown; i++) {
        blackjack_draw_card(left + i * gap, low, s->hand[i], p);
    }
    blackjack_draw_last(s, p);
}

PUF_DRAWING(blackjack, .width = BLACKJACK_WIDTH, .height = PUF_HUD_HEIGHT + BLACKJACK_TABLE + BLACKJACK_EDGE,
            .draw = blackjack_draw);
