// Othello: the board from above, where one may move and with which key, and beside it how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/othello.h"

enum { OTHELLO_BOARD = 480, OTHELLO_MARGIN = 30, OTHELLO_PANEL = 190, OTHELLO_TOP = PUF_HUD_HEIGHT + OTHELLO_MARGIN };

// The keys of render/puffer_render/draw/othello.py, in their order.
static const char othello_caps[] = "1234567890EWASDFGXCVBMYUIOJKL";
static const PufColor othello_stones[2] = { PUF_SNOW, PUF_RGB(28, 30, 44) }; // of the first agent, and of its opponent

static int othello_in(uint64_t stones, int32_t row, int32_t column) { return (int)(stones >> (8 * row + column) & 1); }

static void othello_draw_stone(double x, double y, double radius, PufColor color, PufPicture* p)
{
    puf_circle(p, x + radius * 0.06, y + radius * 0.1, radius, puf_fade(PUF_NIGHT, 0.6));
    puf_circle(p, x, y, radius, puf_blend(color, PUF_STEEL, 0.35));
    puf_circle(p, x - radius * 0.04, y - radius * 0.06, radius * 0.9, color);
}

static void othello_draw_board(double left, double top, double side, int32_t size, const uint64_t stones[2],
                               PufPicture* p)
{
    const double tile = side / size;
    const PufColor grid = puf_blend(PUF_MINT, PUF_NIGHT, 0.82);
    puf_rect(p, left, top, side, side, puf_blend(PUF_MINT, PUF_NIGHT, 0.72), 8);
    for (int32_t k = 1; k < size; k++) {
        puf_line(p, left + k * tile, top, left + k * tile, top + side, tile / 30, grid);
        puf_line(p, left, top + k * tile, left + side, top + k * tile, tile / 30, grid);
    }
    for (int32_t row = 0; row < size; row++) {
        for (int32_t column = 0; column < size; column++) {
            const double x = left + (column + 0.5) * tile, y = top + (row + 0.5) * tile;
            for (int player = 0; player < 2; player++) {
                if (othello_in(stones[player], row, column)) {
                    othello_draw_stone(x, y, tile * 0.4, othello_stones[player], p);
                }
            }
        }
    }
}

// A dot on the last stone, and rings on those it turned over.
static void othello_draw_last(const Othello* s, double tile, PufPicture* p)
{
    for (int32_t row = 0; row < s->size; row++) {
        for (int32_t column = 0; column < s->size; column++) {
            const double x = OTHELLO_MARGIN + (column + 0.5) * tile, y = OTHELLO_TOP + (row + 0.5) * tile;
            if (othello_in(s->turned, row, column)) {
                puf_ring(p, x, y, tile * 0.29, tile * 0.32, puf_fade(PUF_AMBER, 0.55));
            }
            if (8 * row + column == s->last) {
                puf_circle(p, x, y, tile * 0.09, PUF_AMBER);
            }
        }
    }
}

// Where the player whose turn it is may move; for a person, with the keys.
static void othello_draw_moves(const Othello* s, double tile, PufPicture* p)
{
    size_t number = 0;
    for (int32_t row = 0; row < s->size; row++) {
        for (int32_t column = 0; column < s->size; column++) {
            const double x = OTHELLO_MARGIN + (column + 0.5) * tile, y = OTHELLO_TOP + (row + 0.5) * tile;
            if (!othello_in(s->legal, row, column)) {
                continue;
            }
            if (p->person >= 0 && number < sizeof othello_caps - 1) {
                const char cap[] = { othello_caps[number], 0 };
                puf_circle(p, x, y, tile * 0.24, puf_fade(PUF_NIGHT, 0.35));
                puf_text(p, x, y - tile * 0.17, cap, tile * 0.3, puf_fade(PUF_SNOW, 0.85), PUF_CENTER);
            } else {
                puf_circle(p, x, y, tile * 0.1, puf_fade(PUF_NIGHT, 0.4));
            }
            number++;
        }
    }
}

static void othello_draw_names(int32_t size, double tile, PufPicture* p)
{
    for (int32_t k = 0; k < size; k++) {
        const char letter[] = { (char)('a' + k), 0 }, digit[] = { (char)('1' + k), 0 };
        puf_text(p, OTHELLO_MARGIN + (k + 0.5) * tile, OTHELLO_TOP + OTHELLO_BOARD + 6, letter, 15, PUF_STEEL,
                 PUF_CENTER);
        puf_text(p, OTHELLO_MARGIN - 16, OTHELLO_TOP + (k + 0.5) * tile - 9, digit, 15, PUF_STEEL, PUF_CENTER);
    }
}

static void othello_draw_ended(const Othello* s, double left, PufPicture* p)
{
    static const struct {
        const char* word;
        PufColor color;
    } results[] = { [OTHELLO_WON] = { "won", PUF_AMBER },
                    [OTHELLO_DRAWN] = { "drawn", PUF_STEEL },
                    [OTHELLO_LOST] = { "lost", PUF_CORAL } };
    const double y = OTHELLO_TOP + OTHELLO_BOARD - OTHELLO_PANEL - 40;
    const int32_t seen = puf_agent(p) ? 4 - s->result : s->result;
    if (s->result >= OTHELLO_WON && s->result <= OTHELLO_LOST) {
        puf_text(p, left + OTHELLO_PANEL / 2, y - 12, "last game", 16, PUF_STEEL, PUF_CENTER);
        puf_text(p, left + OTHELLO_PANEL / 2, y + 10, results[seen].word, 24, results[s->result].color, PUF_CENTER);
        othello_draw_board(left + 20, y + 50, OTHELLO_PANEL - 40, s->size, s->ended, p);
    }
}

static void othello_draw_panel(const Othello* s, PufPicture* p)
{
    const double left = OTHELLO_MARGIN + OTHELLO_BOARD + OTHELLO_MARGIN;
    const int both = s->self_play && p->person < 0;
    puf_rect(p, left, OTHELLO_TOP, OTHELLO_PANEL, OTHELLO_BOARD, PUF_DUSK, 12);
    for (int player = 0; player < 2; player++) {
        const double y = OTHELLO_TOP + 24 + 52 * player;
        const int first = player == (puf_agent(p) ? 1 : 0);
        const char* name = both ? (first ? "first" : "second") : (first ? "you" : "other");
        if (s->turn == player) {
            puf_rect(p, left + 10, y - 10, OTHELLO_PANEL - 20, 44, PUF_SLATE, 10);
        }
        othello_draw_stone(left + 36, y + 12, 15, othello_stones[player], p);
        puf_text(p, left + 62, y + 2, name, 19, s->turn == player ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
        const PufWord count = puf_word(othello_count(s->stones[player]), 0, 0, "");
        puf_text(p, left + OTHELLO_PANEL - 26, y, count.text, 23, PUF_SNOW, PUF_RIGHT);
    }
    othello_draw_ended(s, left, p);
}

static void othello_draw(const void* state, const void* assets, PufPicture* p)
{
    const Othello* s = state;
    const double tile = (double)OTHELLO_BOARD / s->size;
    const PufFigure self_play = { "self-play", puf_text_word("") }, strength = puf_figure("strength", s->strength);
    const PufFigure stones = puf_figure("stones", othello_count(s->stones[0]) + othello_count(s->stones[1]));
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "othello", (PufFigure[]){ s->self_play ? self_play : strength, stones }, 2);
    othello_draw_board(OTHELLO_MARGIN, OTHELLO_TOP, OTHELLO_BOARD, s->size, s->stones, p);
    othello_draw_last(s, tile, p);
    othello_draw_moves(s, tile, p);
    othello_draw_names(s->size, tile, p);
    othello_draw_panel(s, p);
}

// The cell that is clicked at, where one may move.
static int32_t othello_touch(const void* state, const void* assets, double x, double y)
{
    const Othello* s = state;
    const int32_t column = (int32_t)floor((x - OTHELLO_MARGIN) * s->size / OTHELLO_BOARD);
    const int32_t row = (int32_t)floor((y - OTHELLO_TOP) * s->size / OTHELLO_BOARD);
    (void)assets;
    const int inside = row >= 0 && row < s->size && column >= 0 && column < s->size;
    return inside && othello_in(s->legal, row, column) ? row * s->size + column : PUF_NOTHING;
}

// The cell of a key; beyond the last cell, the last one.
static int32_t othello_press(const void* state, const void* assets, int32_t key)
{
    const Othello* s = state;
    int32_t found = PUF_NOTHING;
    (void)assets;
    for (int32_t cell = 0; cell < s->size * s->size && key >= 0; cell++) {
        if (othello_in(s->legal, cell / s->size, cell % s->size)) {
            found = cell;
            key--;
        }
    }
    return found;
}

static void othello_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Othello* s = state;
    puf_say_result(line, s->result, agent);
    puf_say(line, ", ");
    puf_say_number(line, othello_count(s->ended[agent]));
    puf_say(line, " to ");
    puf_say_number(line, othello_count(s->ended[1 - agent]));
}

PUF_DRAWING(othello, .width = OTHELLO_BOARD + OTHELLO_PANEL + 3 * OTHELLO_MARGIN,
            .height = OTHELLO_TOP + OTHELLO_BOARD + OTHELLO_MARGIN, .draw = othello_draw, .touch = othello_touch,
            .press = othello_press, .verdict = othello_say_end);
