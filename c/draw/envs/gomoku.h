// Gomoku: the board from above, where a fifth stone fits, and beside it whose turn it is and how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/gomoku.h"

enum { GOMOKU_SIDE = 504, GOMOKU_MARGIN = 30, GOMOKU_PANEL = 196, GOMOKU_SMALL = 160, GOMOKU_ABOVE = 16 };

#define GOMOKU_WOOD PUF_RGB(196, 148, 92)
#define GOMOKU_LINE PUF_RGB(112, 76, 42)
static const PufColor gomoku_stones[2] = { PUF_SNOW, PUF_RGB(28, 30, 44) }; // of the first agent, and of its opponent

// Where the cells of a board lie.
typedef struct GomokuGrid {
    double left, top, tile;
    int32_t size;
} GomokuGrid;

static PufPoint gomoku_middle(const GomokuGrid* g, int32_t cell)
{
    return (PufPoint){ g->left + (cell % g->size + 0.5) * g->tile, g->top + (cell / g->size + 0.5) * g->tile };
}

static void gomoku_draw_stone(PufPicture* p, double x, double y, double radius, int player)
{
    const PufColor color = gomoku_stones[player];
    puf_circle(p, x + radius * 0.07, y + radius * 0.11, radius, puf_fade(PUF_NIGHT, 0.35));
    puf_circle(p, x, y, radius, puf_blend(color, PUF_STEEL, 0.3));
    puf_circle(p, x - radius * 0.05, y - radius * 0.07, radius * 0.9, color);
    puf_circle(p, x - radius * 0.3, y - radius * 0.36, radius * 0.26, puf_fade(PUF_SNOW, player ? 0.16 : 0.9));
}

// A line through the first five in a row that is found.
static void gomoku_draw_five(PufPicture* p, const GomokuGrid* g, const uint8_t* cells)
{
    static const int8_t ways[GOMOKU_WAYS][2] = { { 0, 1 }, { 1, 0 }, { 1, -1 }, { 1, 1 } };
    for (int32_t cell = 0; cell < g->size * g->size; cell++) {
        for (int32_t way = 0; way < GOMOKU_WAYS; way++) {
            int32_t count = 0, row = cell / g->size, column = cell % g->size, end = cell;
            while (row < g->size && column >= 0 && column < g->size && cells[row * g->size + column] == cells[cell]) {
                end = row * g->size + column;
                count++;
                row += ways[way][0];
                column += ways[way][1];
            }
            if (cells[cell] && count >= GOMOKU_FIVE) {
                const PufPoint a = gomoku_middle(g, cell), b = gomoku_middle(g, end);
                puf_line(p, a.x, a.y, b.x, b.y, g->tile * 0.14, PUF_AMBER);
                return;
            }
        }
    }
}

static void gomoku_draw_board(PufPicture* p, const GomokuGrid* g, const uint8_t* cells)
{
    const double side = g->tile * g->size, far = side - g->tile / 2, thick = puf_max(1, g->tile / 32);
    puf_rect(p, g->left, g->top, side, side, GOMOKU_WOOD, g->tile / 6);
    for (int32_t k = 0; k < g->size; k++) {
        const double at = (k + 0.5) * g->tile;
        puf_line(p, g->left + g->tile / 2, g->top + at, g->left + far, g->top + at, thick, GOMOKU_LINE);
        puf_line(p, g->left + at, g->top + g->tile / 2, g->left + at, g->top + far, thick, GOMOKU_LINE);
    }
    for (int32_t cell = 0; cell < g->size * g->size; cell++) {
        const PufPoint at = gomoku_middle(g, cell);
        if (cells[cell]) {
            gomoku_draw_stone(p, at.x, at.y, g->tile * 0.44, cells[cell] - 1);
        }
    }
    gomoku_draw_five(p, g, cells);
}

// Where each player would make five, and the last stone.
static void gomoku_draw_marks(PufPicture* p, const Gomoku* s, const GomokuGrid* g)
{
    uint8_t fits[2][GOMOKU_MAX_CELLS];
    const int32_t own = puf_agent(p) ? 1 : 0;
    gomoku_see_threats(s, own, s->size, fits[0]);
    gomoku_see_threats(s, 1 - own, s->size, fits[1]);
    for (int32_t cell = 0; cell < s->size * s->size; cell++) {
        const PufPoint at = gomoku_middle(g, cell);
        for (int32_t k = 0; k < 2; k++) {
            if (fits[k][cell] == 2) {
                const double radius = g->tile * (k ? 0.34 : 0.22);
                puf_ring(p, at.x, at.y, radius, radius + g->tile * 0.07, k ? PUF_CORAL : PUF_MINT);
            }
        }
        if (cell == s->last) {
            puf_ring(p, at.x, at.y, g->tile * 0.16, g->tile * 0.23, PUF_AMBER);
        }
    }
}

static void gomoku_draw_players(PufPicture* p, const Gomoku* s, double left, double top)
{
    static const char* const names[2][2] = { { "you", "other" }, { "first", "second" } };
    for (int32_t player = 0; player < 2; player++) {
        const double y = top + 20 + 56 * player;
        const int turn = s->turn == player;
        const char* name = names[s->self_play && p->person < 0][puf_agent(p) ? 1 - player : player];
        if (turn) {
            puf_rect(p, left + 10, y - 8, GOMOKU_PANEL - 20, 48, PUF_SLATE, 10);
        }
        gomoku_draw_stone(p, left + 36, y + 15, 15, player);
        puf_text(p, left + 62, y + 5, name, 19, turn ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
    }
    const double middle = left + GOMOKU_PANEL / 2.0;
    puf_text(p, middle, top + 138, "five in a row win", 16, PUF_STEEL, PUF_CENTER);
    if (p->person >= 0) {
        puf_text(p, middle, top + 160, "Enter: a good cell", 16, PUF_STEEL, PUF_CENTER);
    }
}

static void gomoku_draw_last_game(PufPicture* p, const Gomoku* s, double left, double bottom)
{
    static const char* const words[] = { "", "won", "drawn", "lost" };
    static const PufColor colors[] = { PUF_NIGHT, PUF_AMBER, PUF_STEEL, PUF_CORAL };
    const int32_t result = puf_agent(p) ? 4 - s->result : s->result;
    const double middle = left + GOMOKU_PANEL / 2.0, top = bottom - GOMOKU_SMALL - 18;
    if (s->result == GOMOKU_RUNNING) {
        return;
    }
    const GomokuGrid small = { left + (GOMOKU_PANEL - GOMOKU_SMALL) / 2.0, top, (double)GOMOKU_SMALL / s->size,
                               s->size };
    puf_text(p, middle, top - 60, "last game", 16, PUF_STEEL, PUF_CENTER);
    puf_text(p, middle, top - 38, words[result], 24, colors[result], PUF_CENTER);
    gomoku_draw_board(p, &small, s->ended);
}

static GomokuGrid gomoku_grid(const Gomoku* s)
{
    return (GomokuGrid){ GOMOKU_MARGIN, PUF_HUD_HEIGHT + GOMOKU_ABOVE, (double)GOMOKU_SIDE / s->size, s->size };
}

static void gomoku_draw(const void* state, const void* assets, PufPicture* p)
{
    const Gomoku* s = state;
    const GomokuGrid g = gomoku_grid(s);
    const double panel = g.left + GOMOKU_SIDE + GOMOKU_MARGIN;
    const PufFigure self_play = { "self-play", puf_text_word("") }, strength = puf_figure("strength", s->strength);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "gomoku", (PufFigure[]){ s->self_play ? self_play : strength, puf_figure("stones", s->stones) }, 2);
    gomoku_draw_board(p, &g, s->cells);
    gomoku_draw_marks(p, s, &g);
    for (int32_t k = 0; k < s->size; k++) {
        const char letter[2] = { (char)('a' + k), 0 };
        puf_text(p, g.left + (k + 0.5) * g.tile, g.top + GOMOKU_SIDE + 6, letter, 15, PUF_STEEL, PUF_CENTER);
        puf_text(p, g.left - 15, g.top + (k + 0.5) * g.tile - 9, puf_word(k + 1, 0, 0, "").text, 15, PUF_STEEL,
                 PUF_CENTER);
    }
    puf_rect(p, panel, g.top, GOMOKU_PANEL, GOMOKU_SIDE, PUF_DUSK, 12);
    gomoku_draw_players(p, s, panel, g.top);
    gomoku_draw_last_game(p, s, panel, g.top + GOMOKU_SIDE);
}

// The empty cell that is clicked at.
static int32_t gomoku_touch(const void* state, const void* assets, double x, double y)
{
    const Gomoku* s = state;
    const GomokuGrid g = gomoku_grid(s);
    const int32_t column = (int32_t)floor((x - g.left) / g.tile), row = (int32_t)floor((y - g.top) / g.tile);
    (void)assets;
    const int inside = row >= 0 && row < s->size && column >= 0 && column < s->size;
    return inside && !s->cells[row * s->size + column] ? row * s->size + column : PUF_NOTHING;
}

// The only key plays as the script would that sees the rows of both.
static int32_t gomoku_press(const void* state, const void* assets, int32_t key)
{
    Gomoku copy;
    memcpy(&copy, state, sizeof copy);
    copy.strength = 3;
    (void)assets;
    (void)key;
    return gomoku_choose(&copy);
}

PUF_DRAWING(gomoku, .width = GOMOKU_SIDE + GOMOKU_PANEL + 3 * GOMOKU_MARGIN,
            .height = GOMOKU_SIDE + PUF_HUD_HEIGHT + 48, .draw = gomoku_draw, .touch = gomoku_touch,
            .press = gomoku_press);
