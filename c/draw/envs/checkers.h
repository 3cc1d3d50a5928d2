// Checkers: the board from above, the first player at the bottom, and beside it how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/checkers.h"

enum { CHECKERS_TOP = PUF_HUD_HEIGHT + 18 };
enum { CHECKERS_SIDE = 504, CHECKERS_MARGIN = 30, CHECKERS_PANEL = 190, CHECKERS_SMALL = 160, CHECKERS_CAPS = 29 };

static const PufColor checkers_colors[2] = { PUF_RGB(226, 84, 84), PUF_RGB(240, 232, 214) }; // of the players' pieces

// The middle of a square in tiles from the top left corner, as the first player sees it.
static PufPoint checkers_middle(int32_t bit)
{
    const int32_t square = checkers_square_of(bit), row = square / 4, column = 2 * (square % 4) + row % 2;
    return (PufPoint){ column + 0.5, 7.5 - row };
}

static void checkers_draw_crown(PufPicture* p, double x, double y, double size, PufColor color)
{
    const PufPoint left[3] = { { x - size, y - size * 0.6 },
                               { x, y + size * 0.7 },
                               { x - size * 0.85, y + size * 0.7 } };
    const PufPoint middle[3] = { { x, y - size },
                                 { x + size * 0.7, y + size * 0.7 },
                                 { x - size * 0.7, y + size * 0.7 } };
    const PufPoint right[3] = { { x + size, y - size * 0.6 },
                                { x + size * 0.85, y + size * 0.7 },
                                { x, y + size * 0.7 } };
    puf_polygon(p, left, 3, color);
    puf_polygon(p, middle, 3, color);
    puf_polygon(p, right, 3, color);
}

static void checkers_draw_piece(PufPicture* p, double x, double y, double radius, int32_t player, int king)
{
    const PufColor color = checkers_colors[player], dark = puf_blend(color, PUF_NIGHT, 0.45);
    puf_circle(p, x + radius * 0.06, y + radius * 0.14, radius, puf_fade(PUF_NIGHT, 0.5));
    puf_circle(p, x, y + radius * 0.07, radius, dark);
    puf_circle(p, x, y - radius * 0.03, radius * 0.97, color);
    puf_ring(p, x, y - radius * 0.03, radius * 0.68, radius * 0.76, puf_blend(color, PUF_NIGHT, 0.22));
    if (king) {
        checkers_draw_crown(p, x, y - radius * 0.03, radius * 0.42, puf_blend(PUF_AMBER, PUF_NIGHT, player ? 0.25 : 0));
    }
}

static void checkers_draw_board(PufPicture* p, double left, double top, double tile, const uint64_t sets[3])
{
    const PufColor light = puf_blend(PUF_SNOW, PUF_STEEL, 0.62), dark = puf_blend(PUF_SLATE, PUF_NIGHT, 0.35);
    puf_rect(p, left - tile * 0.1, top - tile * 0.1, 8.2 * tile, 8.2 * tile, PUF_SLATE, tile * 0.1);
    puf_rect(p, left, top, 8 * tile, 8 * tile, light, 0);
    for (int32_t square = 0; square < CHECKERS_SQUARES; square++) {
        const int32_t bit = checkers_bit_of(square);
        const PufPoint at = checkers_middle(bit);
        const double x = left + at.x * tile, y = top + at.y * tile;
        puf_rect(p, x - tile / 2, y - tile / 2, tile, tile, dark, 0);
        for (int32_t player = 0; player < 2; player++) {
            if (sets[player] >> bit & 1) {
                checkers_draw_piece(p, x, y, tile * 0.38, player, (int)(sets[2] >> bit & 1));
            }
        }
    }
}

// The last move, what it took, and what must move on.
static void checkers_draw_last(PufPicture* p, const Checkers* s, double left, double top, double tile)
{
    for (int32_t square = 0; square < CHECKERS_SQUARES; square++) {
        const int32_t bit = checkers_bit_of(square);
        const PufPoint at = checkers_middle(bit);
        const double x = left + at.x * tile, y = top + at.y * tile;
        if (bit == s->from || bit == s->to) {
            puf_border(p, x - tile / 2, y - tile / 2, tile, tile, tile * 0.05,
                       puf_fade(PUF_AMBER, bit == s->to ? 0.9 : 0.5), 0);
        }
        if (s->taken >> bit & 1) {
            puf_ring(p, x, y, tile * 0.34, tile * 0.38, puf_fade(PUF_CORAL, 0.7));
        }
    }
}

typedef struct CheckersMove {
    int32_t action;
    PufPoint begin, end; // in tiles
} CheckersMove;

// All legal moves in the order of their actions. Returns how many.
static int32_t checkers_list_moves(const Checkers* s, CheckersMove moves[CHECKERS_ACTIONS])
{
    int32_t count = 0;
    for (int32_t way = 0; way < CHECKERS_WAYS; way++) {
        for (uint64_t rest = s->legal[way]; rest; rest &= rest - 1) {
            const int32_t begin = checkers_lowest(rest), end = begin + checkers_shifts[way] * (1 + s->jumps);
            moves[count++] = (CheckersMove){
                CHECKERS_SQUARES * way + checkers_square_of(begin),
                checkers_middle(s->turn ? checkers_turned(begin) : begin),
                checkers_middle(s->turn ? checkers_turned(end) : end),
            };
        }
    }
    return count;
}

// Where each legal move leads: a dot on the square, on the side that it comes from; for a person, with its key.
static void checkers_draw_moves(PufPicture* p, const Checkers* s, double left, double top, double tile)
{
    static const char* const caps = "1234567890EWASDFGXCVBMYUIOJKL";
    const double side = 0.26 / (1 + s->jumps); // of the way back
    CheckersMove moves[CHECKERS_ACTIONS];
    const int32_t count = checkers_list_moves(s, moves);
    for (int32_t i = 0; i < count; i++) {
        const PufPoint from = moves[i].begin, end = moves[i].end;
        const double x = left + tile * (end.x + side * (from.x - end.x)),
                     y = top + tile * (end.y + side * (from.y - end.y));
        puf_ring(p, left + from.x * tile, top + from.y * tile, tile * 0.39, tile * 0.43, PUF_MINT);
        if (p->person < 0 || i >= CHECKERS_CAPS) {
            puf_circle(p, x, y, tile * 0.07, puf_fade(PUF_MINT, 0.8));
            continue;
        }
        const char cap[2] = { caps[i], 0 };
        puf_circle(p, x, y, tile * 0.19, puf_fade(PUF_MINT, 0.25));
        puf_text(p, x, y - tile * 0.15, cap, tile * 0.28, PUF_SNOW, PUF_CENTER);
    }
}

static void checkers_draw_panel(PufPicture* p, const Checkers* s, double left, double top)
{
    static const char* const names[2][2] = { { "you", "other" }, { "first", "second" } };
    static const char* const words[] = { "", "won", "drawn", "lost" };
    static const PufColor colors[] = { PUF_NIGHT, PUF_AMBER, PUF_STEEL, PUF_CORAL };
    const double middle = left + CHECKERS_PANEL / 2.0;
    puf_rect(p, left, top, CHECKERS_PANEL, CHECKERS_SIDE, PUF_DUSK, 12);
    for (int32_t player = 0; player < 2; player++) {
        const double y = top + 20 + 56 * player;
        const int turn = s->turn == player;
        const uint64_t pieces = player == 0 ? s->own[0] : s->other[0];
        const char* name = names[s->self_play && p->person < 0][puf_agent(p) ? 1 - player : player];
        if (turn) {
            puf_rect(p, left + 10, y - 8, CHECKERS_PANEL - 20, 48, PUF_SLATE, 10);
        }
        checkers_draw_piece(p, left + 36, y + 15, 15, player, 0);
        puf_text(p, left + 62, y + 5, name, 19, turn ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
        puf_text(p, left + CHECKERS_PANEL - 26, y + 3, puf_word(checkers_count(pieces), 0, 0, "").text, 22, PUF_SNOW,
                 PUF_RIGHT);
    }
    if (s->jumps) {
        puf_text(p, middle, top + 146, s->again < 0 ? "must jump" : "must jump again", 17, PUF_AMBER, PUF_CENTER);
    } else if (s->quiet * 2 >= s->patience) {
        PufWord left_over = puf_join(puf_text_word("draw in"), " ", puf_word(s->patience - s->quiet, 0, 0, ""));
        puf_text(p, middle, top + 146, left_over.text, 17, PUF_STEEL, PUF_CENTER);
    }
    if (s->result == CHECKERS_RUNNING) {
        return;
    }
    const double small = top + CHECKERS_SIDE - CHECKERS_SMALL - 22;
    puf_text(p, middle, small - 66, "last game", 16, PUF_STEEL, PUF_CENTER);
    const int32_t result = puf_agent(p) ? 4 - s->result : s->result;
    puf_text(p, middle, small - 44, words[result], 24, colors[result], PUF_CENTER);
    checkers_draw_board(p, left + (CHECKERS_PANEL - CHECKERS_SMALL) / 2.0, small, CHECKERS_SMALL / 8.0, s->ended);
}

// The current game, and the end of the last one.
static void checkers_draw(const void* state, const void* assets, PufPicture* p)
{
    const Checkers* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    PufFigure first =
        s->self_play ? (PufFigure){ "self-play", puf_text_word("") } : puf_figure("strength", s->strength);
    puf_hud(p, "checkers", (PufFigure[]){ first, puf_figure("step", s->tick) }, 2);
    const double left = CHECKERS_MARGIN, top = CHECKERS_TOP, tile = CHECKERS_SIDE / 8.0;
    const uint64_t sets[3] = { s->own[0], s->other[0], s->kings[0] };
    checkers_draw_board(p, left, top, tile, sets);
    checkers_draw_last(p, s, left, top, tile);
    checkers_draw_moves(p, s, left, top, tile);
    checkers_draw_panel(p, s, left + CHECKERS_SIDE + CHECKERS_MARGIN, top);
}

// The move to the square that is clicked at, or of the piece there; of several, the one from this side.
static int32_t checkers_touch(const void* state, const void* assets, double x, double y)
{
    const double tile = CHECKERS_SIDE / 8.0;
    const double column = (x - CHECKERS_MARGIN) / tile, row = (y - CHECKERS_TOP) / tile;
    CheckersMove moves[CHECKERS_ACTIONS];
    const int32_t count = checkers_list_moves(state, moves);
    double nearest = 1e9;
    int32_t found = PUF_NOTHING;
    (void)assets;
    for (int32_t i = 0; i < 2 * count; i++) {
        const CheckersMove* m = &moves[i / 2];
        const PufPoint here = i % 2 ? m->begin : m->end, there = i % 2 ? m->end : m->begin;
        const double dx = here.x + 0.25 * (there.x - here.x) - column, dy = here.y + 0.25 * (there.y - here.y) - row;
        if (fabs(here.x - column) < 0.5 && fabs(here.y - row) < 0.5 && dx * dx + dy * dy < nearest) {
            nearest = dx * dx + dy * dy;
            found = m->action;
        }
    }
    return found;
}

// The move of a key; beyond the last one, that.
static int32_t checkers_press(const void* state, const void* assets, int32_t key)
{
    CheckersMove moves[CHECKERS_ACTIONS];
    const int32_t count = checkers_list_moves(state, moves);
    (void)assets;
    return count ? moves[key < count ? key : count - 1].action : PUF_NOTHING;
}

static void checkers_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Checkers* s = state;
    puf_say_result(line, s->result, agent);
}

PUF_DRAWING(checkers, .width = CHECKERS_SIDE + CHECKERS_PANEL + 3 * CHECKERS_MARGIN,
            .height = CHECKERS_SIDE + PUF_HUD_HEIGHT + 36, .draw = checkers_draw, .touch = checkers_touch,
            .press = checkers_press, .verdict = checkers_say_end);
