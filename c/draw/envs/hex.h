// Hex: the board of hexagons, whose edges show who connects what, and beside it how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/hex.h"

enum { HEX_WIDE = 640, HEX_HIGH = 420, HEX_MARGIN = 26, HEX_PANEL = 190, HEX_UPPER = PUF_HUD_HEIGHT + HEX_MARGIN };
#define HEX_ROOT 1.7320508075688772 // of 3

static const PufColor hex_stones[2] = { PUF_AMBER, PUF_SKY }; // of who connects top and bottom, and of the opponent

// Where the cells of a board lie in a rectangle.
typedef struct HexGrid {
    int32_t size;
    double radius, step, left, top; // from the middle of a cell to a corner, and to the next one
} HexGrid;

static HexGrid hex_grid(double left, double top, double wide, double high, int32_t size)
{
    HexGrid g = { .size = size };
    g.radius = puf_min(wide / (HEX_ROOT * (1.5 * size + 0.2)), high / (1.5 * size + 1.1));
    g.step = HEX_ROOT * g.radius;
    g.left = left + (wide - g.step * (1.5 * size - 0.5)) / 2 + g.step / 2;
    g.top = top + (high - g.radius * (1.5 * size + 0.5)) / 2 + g.radius;
    return g;
}

static PufPoint hex_middle(const HexGrid* g, double row, double column)
{
    return (PufPoint){ g->left + (column + row / 2) * g->step, g->top + 1.5 * g->radius * row };
}

static void hex_draw_cell(double x, double y, double radius, PufColor color, PufPicture* p)
{
    const double side = radius * HEX_ROOT / 2;
    puf_polygon(p,
                (PufPoint[]){ { x + side, y + radius / 2 },
                              { x, y + radius },
                              { x - side, y + radius / 2 },
                              { x - side, y - radius / 2 },
                              { x, y - radius },
                              { x + side, y - radius / 2 } },
                6, color);
}

// The cells of a shortest path of one player's stones that connects both sides into `on`. Returns whether there is one.
static int hex_find_way(const uint8_t* view, int32_t size, uint8_t stone, uint8_t* on)
{
    static const int8_t ways[6][2] = { { 0, 1 }, { 0, -1 }, { 1, 0 }, { -1, 0 }, { -1, 1 }, { 1, -1 } };
    int16_t came[HEX_MAX_CELLS], waiting[HEX_MAX_CELLS];
    int32_t count = 0;
    for (int32_t cell = 0; cell < size * size; cell++) {
        came[cell] = -2;
    }
    for (int32_t k = 0; k < size; k++) {
        const int32_t cell = stone == 1 ? k : k * size;
        if (view[cell] == stone) {
            came[cell] = -1;
            waiting[count++] = (int16_t)cell;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        const int32_t row = waiting[i] / size, column = waiting[i] % size;
        if ((stone == 1 ? row : column) == size - 1) {
            for (int32_t cell = waiting[i]; cell >= 0; cell = came[cell]) {
                on[cell] = 1;
            }
            return 1;
        }
        for (int w = 0; w < 6; w++) {
            const int32_t y = row + ways[w][0], x = column + ways[w][1], cell = y * size + x;
            if (y >= 0 && y < size && x >= 0 && x < size && view[cell] == stone && came[cell] == -2) {
                came[cell] = waiting[i];
                waiting[count++] = (int16_t)cell;
            }
        }
    }
    return 0;
}

// What each player connects, behind the cells.
static void hex_draw_edges(const HexGrid* g, PufPicture* p)
{
    const int32_t last = g->size - 1;
    const double out = g->radius * 0.38;
    for (int32_t k = 0; k < g->size; k++) {
        const PufPoint top = hex_middle(g, 0, k), bottom = hex_middle(g, last, k);
        const PufPoint left = hex_middle(g, k, 0), right = hex_middle(g, k, last);
        hex_draw_cell(top.x, top.y - out, g->radius, puf_fade(hex_stones[0], 0.85), p);
        hex_draw_cell(bottom.x, bottom.y + out, g->radius, puf_fade(hex_stones[0], 0.85), p);
        hex_draw_cell(left.x - out, left.y, g->radius, puf_fade(hex_stones[1], 0.85), p);
        hex_draw_cell(right.x + out, right.y, g->radius, puf_fade(hex_stones[1], 0.85), p);
    }
}

static void hex_draw_board(const HexGrid* g, const uint8_t* view, int32_t last, PufPicture* p)
{
    const PufColor empty = puf_blend(PUF_SLATE, PUF_DUSK, 0.35);
    uint8_t winning[HEX_MAX_CELLS] = { 0 };
    if (!hex_find_way(view, g->size, 1, winning)) {
        hex_find_way(view, g->size, 2, winning);
    }
    hex_draw_edges(g, p);
    for (int32_t cell = 0; cell < g->size * g->size; cell++) {
        const PufPoint at = hex_middle(g, cell / g->size, cell % g->size);
        const PufColor color = view[cell] ? hex_stones[view[cell] - 1] : empty;
        hex_draw_cell(at.x, at.y, g->radius, PUF_NIGHT, p);
        hex_draw_cell(at.x, at.y, g->radius * 0.93, view[cell] ? puf_blend(color, PUF_NIGHT, 0.25) : empty, p);
        if (view[cell]) {
            hex_draw_cell(at.x, at.y, g->radius * 0.76, color, p);
        }
        if (winning[cell]) {
            puf_circle(p, at.x, at.y, g->radius * 0.3, PUF_SNOW);
        } else if (cell == last) {
            puf_circle(p, at.x, at.y, g->radius * 0.2, PUF_SNOW);
        }
    }
}

static void hex_draw_names(const HexGrid* g, PufPicture* p)
{
    for (int32_t k = 0; k < g->size; k++) {
        const char letter[] = { (char)('a' + k), 0 };
        const PufPoint above = hex_middle(g, -0.95, k + 0.05), beside = hex_middle(g, k, -0.95);
        puf_text(p, above.x, above.y - 8, letter, 14, PUF_STEEL, PUF_CENTER);
        puf_text(p, beside.x, beside.y - 8, puf_word(k + 1, 0, 0, "").text, 14, PUF_STEEL, PUF_CENTER);
    }
}

static void hex_draw_panel(const Hex* s, PufPicture* p)
{
    static const char* const tasks[] = { "top to bottom", "left to right" };
    const double left = HEX_WIDE + 2 * HEX_MARGIN, middle = left + HEX_PANEL / 2;
    const int both = s->self_play && p->person < 0;
    puf_rect(p, left, HEX_UPPER, HEX_PANEL, HEX_HIGH, PUF_DUSK, 12);
    for (int player = 0; player < 2; player++) {
        const double y = HEX_UPPER + 18 + 58 * player;
        const int first = player == (puf_agent(p) ? 1 : 0);
        const char* name = both ? (first ? "first" : "second") : (first ? "you" : "other");
        if (s->turn == player) {
            puf_rect(p, left + 10, y - 6, HEX_PANEL - 20, 50, PUF_SLATE, 10);
        }
        hex_draw_cell(left + 36, y + 19, 15, hex_stones[player], p);
        puf_text(p, left + 62, y, name, 19, s->turn == player ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
        puf_text(p, left + 62, y + 22, tasks[player], 13, PUF_STEEL, PUF_LEFT);
    }
    if (s->swap && s->stones == 1 && !s->swapped) {
        puf_text(p, middle, HEX_UPPER + 150, "Enter: swap", 17, PUF_AMBER, PUF_CENTER);
    }
    if (s->result == 1 || s->result == 2) {
        const int32_t seen = puf_agent(p) ? 3 - s->result : s->result;
        const HexGrid small = hex_grid(left + 8, HEX_UPPER + HEX_HIGH - 140, HEX_PANEL - 16, 130, s->size);
        puf_text(p, middle, HEX_UPPER + HEX_HIGH - 196, "last game", 16, PUF_STEEL, PUF_CENTER);
        puf_text(p, middle, HEX_UPPER + HEX_HIGH - 174, seen == 1 ? "won" : "lost", 24,
                 s->result == 1 ? PUF_AMBER : PUF_CORAL, PUF_CENTER);
        hex_draw_board(&small, s->ended, -1, p);
    }
}

static void hex_draw(const void* state, const void* assets, PufPicture* p)
{
    const Hex* s = state;
    const PufFigure self_play = { "self-play", puf_text_word("") }, strength = puf_figure("strength", s->strength);
    const HexGrid grid = hex_grid(HEX_MARGIN, HEX_UPPER, HEX_WIDE, HEX_HIGH, s->size);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "hex", (PufFigure[]){ s->self_play ? self_play : strength, puf_figure("stones", s->stones) }, 2);
    hex_draw_board(&grid, s->view[0], s->last, p);
    hex_draw_names(&grid, p);
    hex_draw_panel(s, p);
}

// The empty cell that is clicked at, as the player whose turn it is sees the board.
static int32_t hex_touch(const void* state, const void* assets, double x, double y)
{
    const Hex* s = state;
    const HexGrid g = hex_grid(HEX_MARGIN, HEX_UPPER, HEX_WIDE, HEX_HIGH, s->size);
    double nearest = g.step * g.step / 4; // half a step
    int32_t found = PUF_NOTHING;
    (void)assets;
    for (int32_t cell = 0; cell < s->size * s->size; cell++) {
        const int32_t row = cell / s->size, column = cell % s->size;
        const PufPoint at = hex_middle(&g, row, column);
        const double away = (at.x - x) * (at.x - x) + (at.y - y) * (at.y - y);
        if (away < nearest) {
            nearest = away;
            found = s->view[0][cell] ? PUF_NOTHING : s->turn == 0 ? cell : column * s->size + row;
        }
    }
    return found;
}

// The only key swaps, or where one may not, takes the first empty cell.
static int32_t hex_press(const void* state, const void* assets, int32_t key)
{
    const Hex* s = state;
    int32_t cell = 0;
    (void)assets;
    (void)key;
    if (s->swap && s->stones == 1 && !s->swapped) {
        return s->size * s->size;
    }
    while (s->view[s->turn][cell]) {
        cell++;
    }
    return cell;
}

static void hex_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Hex* s = state;
    puf_say(line, (s->result == HEX_WON) == (agent == 0) ? "won" : "lost");
}

PUF_DRAWING(hex, .width = HEX_WIDE + HEX_PANEL + 3 * HEX_MARGIN, .height = HEX_UPPER + HEX_HIGH + HEX_MARGIN,
            .draw = hex_draw, .touch = hex_touch, .press = hex_press, .verdict = hex_say_end);
