// Go: the board from above, and beside it who has how much and how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/go.h"

enum { GO_SIDE = 504, GO_MARGIN = 30, GO_PANEL = 196, GO_SMALL = 156, GO_ABOVE = 16 };

#define GO_WOOD PUF_RGB(214, 170, 106)
#define GO_LINE PUF_RGB(110, 78, 40)
static const PufColor go_stones[2] = { PUF_RGB(28, 30, 44), PUF_SNOW }; // black, white

static void go_draw_stone(PufPicture* p, double x, double y, double radius, int white)
{
    const PufColor color = go_stones[white];
    puf_circle(p, x + radius * 0.07, y + radius * 0.11, radius, puf_fade(PUF_NIGHT, 0.35));
    puf_circle(p, x, y, radius, puf_blend(color, PUF_STEEL, white ? 0.3 : 0.25));
    puf_circle(p, x - radius * 0.05, y - radius * 0.07, radius * 0.9, color);
    puf_circle(p, x - radius * 0.3, y - radius * 0.36, radius * 0.26, puf_fade(PUF_SNOW, white ? 0.9 : 0.16));
}

// Whether a line has the dots by which players find their way.
static int go_is_star(int32_t line, int32_t size)
{
    const int32_t edge = size >= 13 ? 3 : size >= 7 ? 2 : -1;
    return line == edge || line == size - 1 - edge || (size % 2 && line == size / 2 && size != 7);
}

static void go_draw_grid(PufPicture* p, double left, double top, double tile, int32_t size)
{
    const double side = tile * size, far = tile * (size - 0.5), thick = puf_max(1, tile / 36);
    puf_rect(p, left, top, side, side, GO_WOOD, tile / 6);
    for (int32_t k = 0; k < size; k++) {
        const double at = (k + 0.5) * tile;
        puf_line(p, left + tile / 2, top + at, left + far, top + at, thick, GO_LINE);
        puf_line(p, left + at, top + tile / 2, left + at, top + far, thick, GO_LINE);
    }
    for (int32_t row = 0; row < size; row++) {
        for (int32_t column = 0; column < size; column++) {
            if (go_is_star(row, size) && go_is_star(column, size)) {
                puf_circle(p, left + (column + 0.5) * tile, top + (row + 0.5) * tile, tile * 0.07, GO_LINE);
            }
        }
    }
}

// Stones, and small squares on the empty points that count for one player.
static void go_draw_board(PufPicture* p, const Go* s, const uint64_t stones[2][GO_MAX_WORDS], int black, double left,
                          double top, double tile)
{
    Go shown = *s;
    uint64_t areas[2][GO_MAX_WORDS];
    memcpy(shown.stones, stones, sizeof shown.stones);
    go_find_areas(&shown, areas, s->size);
    const int both = go_first(stones[0], GO_MAX_WORDS) >= 0 && go_first(stones[1], GO_MAX_WORDS) >= 0;
    go_draw_grid(p, left, top, tile, s->size);
    for (int32_t cell = 0; cell < s->size * s->size; cell++) {
        const int32_t point = go_point(cell, s->size);
        const double x = left + (cell % s->size + 0.5) * tile, y = top + (cell / s->size + 0.5) * tile;
        for (int32_t player = 0; player < 2; player++) {
            const int white = black != player;
            if (go_has(stones[player], point)) {
                go_draw_stone(p, x, y, tile * 0.46, white);
            } else if (both && go_has(areas[player], point)) {
                const double half = tile * 0.11;
                puf_rect(p, x - half, y - half, 2 * half, 2 * half, puf_fade(go_stones[white], 0.8), half / 3);
            }
        }
    }
}

// The last stone, points where stones were just taken, groups with a single liberty, and where one may not move.
static void go_draw_marks(PufPicture* p, const Go* s, double left, double top, double tile)
{
    for (int32_t cell = 0; cell < s->size * s->size; cell++) {
        const int32_t point = go_point(cell, s->size);
        const double x = left + (cell % s->size + 0.5) * tile, y = top + (cell / s->size + 0.5) * tile;
        const int stone = go_has(s->stones[0], point) || go_has(s->stones[1], point);
        if (point == s->last) {
            puf_ring(p, x, y, tile * 0.2, tile * 0.25, PUF_AMBER);
        } else if (stone && go_has(s->danger, point)) {
            puf_ring(p, x, y, tile * 0.42, tile * 0.46, PUF_CORAL);
        }
        if (!stone && go_has(s->taken, point)) {
            puf_ring(p, x, y, tile * 0.3, tile * 0.34, puf_fade(PUF_CORAL, 0.8));
        }
        if (!stone && !go_has(s->legal, point)) {
            const double arm = tile * 0.09;
            puf_line(p, x - arm, y - arm, x + arm, y + arm, tile * 0.04, PUF_CORAL);
            puf_line(p, x - arm, y + arm, x + arm, y - arm, tile * 0.04, PUF_CORAL);
        }
    }
}

static void go_draw_players(PufPicture* p, const Go* s, double left, double top)
{
    static const char* const names[2][2] = { { "you", "other" }, { "first", "second" } };
    uint64_t areas[2][GO_MAX_WORDS];
    go_find_areas(s, areas, s->size);
    for (int32_t player = 0; player < 2; player++) {
        const double y = top + 20 + 56 * player;
        const int turn = s->turn == player, white = s->black != player;
        const char* name = names[s->self_play && p->person < 0][puf_agent(p) ? 1 - player : player];
        const double points = go_count(areas[player], go_words(s->size)) + (white ? s->komi : 0.0);
        if (turn) {
            puf_rect(p, left + 10, y - 8, GO_PANEL - 20, 48, PUF_SLATE, 10);
        }
        go_draw_stone(p, left + 36, y + 15, 15, white);
        puf_text(p, left + 62, y + 5, name, 19, turn ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
        puf_text(p, left + GO_PANEL - 24, y + 3, puf_word(points, points != (int32_t)points, 0, "").text, 22, PUF_SNOW,
                 PUF_RIGHT);
    }
    const double middle = left + GO_PANEL / 2.0;
    PufWord komi = puf_join(puf_text_word("with komi"), " ", puf_word(s->komi, s->komi != (int32_t)s->komi, 0, ""));
    puf_text(p, middle, top + 134, komi.text, 14, PUF_STEEL, PUF_CENTER);
    if (s->passes) {
        puf_text(p, middle, top + 166, "passed", 20, PUF_AMBER, PUF_CENTER);
    } else if (p->person >= 0) {
        puf_text(p, middle, top + 168, "Enter: pass", 16, PUF_STEEL, PUF_CENTER);
    }
}

static void go_draw_last_game(PufPicture* p, const Go* s, double left, double bottom)
{
    static const char* const words[] = { "", "won", "drawn", "lost" };
    static const PufColor colors[] = { PUF_NIGHT, PUF_AMBER, PUF_STEEL, PUF_CORAL };
    const int32_t result = puf_agent(p) && s->result ? 4 - s->result : s->result, own = puf_agent(p);
    const double middle = left + GO_PANEL / 2.0, top = bottom - GO_SMALL - 20;
    if (s->result == GO_RUNNING) {
        return;
    }
    PufWord areas = puf_join(puf_word(s->areas[own], 0, 0, ""), " to ", puf_word(s->areas[1 - own], 0, 0, ""));
    puf_text(p, middle, top - 80, "last game", 16, PUF_STEEL, PUF_CENTER);
    puf_text(p, middle, top - 58, words[result], 24, colors[result], PUF_CENTER);
    puf_text(p, middle, top - 28, areas.text, 16, PUF_STEEL, PUF_CENTER);
    go_draw_board(p, s, s->ended, s->ended_black, left + (GO_PANEL - GO_SMALL) / 2.0, top, (double)GO_SMALL / s->size);
}

// The current game, and the end of the last one.
static void go_draw(const void* state, const void* assets, PufPicture* p)
{
    const Go* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    PufFigure first =
        s->self_play ? (PufFigure){ "self-play", puf_text_word("") } : puf_figure("strength", s->strength);
    puf_hud(p, "go", (PufFigure[]){ first, puf_figure("move", s->moves) }, 2);
    const double left = GO_MARGIN, top = PUF_HUD_HEIGHT + GO_ABOVE, tile = (double)GO_SIDE / s->size;
    go_draw_board(p, s, s->stones, s->black, left, top, tile);
    go_draw_marks(p, s, left, top, tile);
    for (int32_t k = 0; k < s->size; k++) {
        const char letter[2] = { "abcdefghjklmnopqrst"[k], 0 };
        puf_text(p, left + (k + 0.5) * tile, top + GO_SIDE + 6, letter, 15, PUF_STEEL, PUF_CENTER);
        puf_text(p, left - 15, top + (k + 0.5) * tile - 9, puf_word(s->size - k, 0, 0, "").text, 15, PUF_STEEL,
                 PUF_CENTER);
    }
    const double panel = left + GO_SIDE + GO_MARGIN;
    puf_rect(p, panel, top, GO_PANEL, GO_SIDE, PUF_DUSK, 12);
    go_draw_players(p, s, panel, top);
    go_draw_last_game(p, s, panel, top + GO_SIDE);
}

// The point that is clicked at, where one may move.
static int32_t go_touch(const void* state, const void* assets, double x, double y)
{
    const Go* s = state;
    const int32_t column = (int32_t)floor((x - GO_MARGIN) * s->size / GO_SIDE);
    const int32_t row = (int32_t)floor((y - PUF_HUD_HEIGHT - GO_ABOVE) * s->size / GO_SIDE);
    const int32_t point = row * (s->size + 1) + column;
    (void)assets;
    const int inside = row >= 0 && row < s->size && column >= 0 && column < s->size;
    return inside && (s->legal[point / 64] >> (point % 64) & 1) ? row * s->size + column : PUF_NOTHING;
}

// The only key passes.
static int32_t go_press(const void* state, const void* assets, int32_t key)
{
    const Go* s = state;
    (void)assets;
    (void)key;
    return s->size * s->size;
}

static void go_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Go* s = state;
    puf_say_result(line, s->result, agent);
    puf_say(line, ", ");
    puf_say_number(line, s->areas[agent]);
    puf_say(line, " to ");
    puf_say_number(line, s->areas[1 - agent]);
}

PUF_DRAWING(go, .width = GO_SIDE + GO_PANEL + 3 * GO_MARGIN, .height = GO_SIDE + PUF_HUD_HEIGHT + 48, .draw = go_draw,
            .touch = go_touch, .press = go_press, .verdict = go_say_end);
