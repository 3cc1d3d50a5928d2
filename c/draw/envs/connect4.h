// Connect four: the board from the front, and beside it how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/connect4.h"

enum { CONNECT4_TILE = 68, CONNECT4_SMALL = 22, CONNECT4_MARGIN = 20, CONNECT4_PANEL = 176 };

static const PufColor connect4_stones[2] = { PUF_AMBER, PUF_CORAL }; // of the first agent, and of its opponent

static int connect4_has(uint64_t stones, int32_t column, int32_t row)
{
    return column >= 0 && column < CONNECT4_COLUMNS && row >= 0 && row < CONNECT4_ROWS &&
           (stones >> (CONNECT4_COLUMN_BITS * column + row) & 1);
}

// Whether a cell is in a row of four.
static int connect4_in_four(uint64_t stones, int32_t column, int32_t row)
{
    static const int8_t ways[4][2] = { { 1, 0 }, { 0, 1 }, { 1, 1 }, { 1, -1 } };
    for (int w = 0; w < 4; w++) {
        int in_a_row = 0;
        for (int k = -3; k <= 3; k++) {
            in_a_row = connect4_has(stones, column + k * ways[w][0], row + k * ways[w][1]) ? in_a_row + 1 : 0;
            if (in_a_row == 4) {
                return connect4_has(stones, column, row);
            }
        }
    }
    return 0;
}

static void connect4_draw_stone(double x, double y, double tile, PufColor color, PufPicture* p)
{
    puf_circle(p, x, y, tile * 0.38, color);
    puf_circle(p, x, y, tile * 0.26, puf_blend(color, PUF_SLATE, 0.18));
    puf_circle(p, x, y, tile * 0.22, color);
}

// Stones as seen through the holes; those of four in a row glow, the last one has a ring.
static void connect4_draw_board(double left, double top, double tile, const uint64_t stones[2], int32_t last,
                                PufPicture* p)
{
    puf_rect(p, left, top, CONNECT4_COLUMNS * tile, CONNECT4_ROWS * tile, puf_blend(PUF_SKY, PUF_NIGHT, 0.62),
             tile / 5);
    for (int32_t column = 0; column < CONNECT4_COLUMNS; column++) {
        int32_t height = 0;
        for (int32_t row = 0; row < CONNECT4_ROWS; row++) {
            height += connect4_has(stones[0] | stones[1], column, row);
        }
        for (int32_t row = 0; row < CONNECT4_ROWS; row++) {
            const double x = left + (column + 0.5) * tile, y = top + (CONNECT4_ROWS - row - 0.5) * tile;
            const int owner = connect4_has(stones[0], column, row) ? 0 : 1;
            if (!connect4_has(stones[owner], column, row)) {
                puf_circle(p, x, y, tile * 0.38, PUF_DUSK);
                continue;
            }
            connect4_draw_stone(x, y, tile, connect4_stones[owner], p);
            if (connect4_in_four(stones[0], column, row) || connect4_in_four(stones[1], column, row)) {
                puf_ring(p, x, y, tile * 0.3, tile * 0.38, PUF_SNOW);
            } else if (column == last && row == height - 1) {
                puf_ring(p, x, y, tile * 0.33, tile * 0.38, puf_fade(PUF_SNOW, 0.8));
            }
        }
    }
}

static void connect4_draw_last_game(const Connect4* s, double left, double top, PufPicture* p)
{
    static const char* const words[] = { "", "won", "drawn", "lost" };
    static const PufColor colors[] = { PUF_NIGHT, PUF_AMBER, PUF_STEEL, PUF_CORAL };
    const double middle = left + CONNECT4_PANEL / 2.0;
    puf_rect(p, left, top, CONNECT4_PANEL, CONNECT4_ROWS * CONNECT4_TILE, PUF_DUSK, 12);
    puf_text(p, middle, top + 16, "last game", 16, PUF_STEEL, PUF_CENTER);
    if (s->result == CONNECT4_RUNNING) {
        return;
    }
    const char* word = words[puf_agent(p) ? 4 - s->result : s->result];
    puf_text(p, middle, top + 40, word, 24, colors[s->result], PUF_CENTER);
    connect4_draw_board(left + (CONNECT4_PANEL - CONNECT4_COLUMNS * CONNECT4_SMALL) / 2.0, top + 80, CONNECT4_SMALL,
                        s->ended, -1, p);
}

// The current game, and the end of the last one.
static void connect4_draw(const void* state, const void* assets, PufPicture* p)
{
    const Connect4* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    PufFigure first =
        s->self_play ? (PufFigure){ "self-play", puf_text_word("") } : puf_figure("strength", s->strength);
    puf_hud(p, "connect4", (PufFigure[]){ first, puf_figure("stones", s->moves) }, 2);
    const double top = PUF_HUD_HEIGHT + CONNECT4_MARGIN, bottom = top + CONNECT4_ROWS * CONNECT4_TILE;
    connect4_draw_board(CONNECT4_MARGIN, top, CONNECT4_TILE, s->stones, s->last, p);
    for (int32_t column = 0; column < CONNECT4_COLUMNS; column++) {
        const double x = CONNECT4_MARGIN + (column + 0.5) * CONNECT4_TILE;
        puf_text(p, x, bottom + 10, puf_word(column + 1, 0, 0, "").text, 17, PUF_STEEL, PUF_CENTER);
    }
    const double left = 2 * CONNECT4_MARGIN + CONNECT4_COLUMNS * CONNECT4_TILE;
    connect4_draw_last_game(s, left, top, p);
    static const char* const names[2][2] = { { "you", "other" }, { "first", "second" } };
    for (int player = 0; player < 2; player++) {
        const double y = bottom - 66 + 28 * player;
        const char* name = names[s->self_play && p->person < 0][puf_agent(p) ? 1 - player : player];
        puf_circle(p, left + 34, y + 10, 9, connect4_stones[player]);
        puf_text(p, left + 54, y, name, 18, s->turn == player ? PUF_SNOW : PUF_STEEL, PUF_LEFT);
    }
}

// The column that is clicked at, if it has room.
static int32_t connect4_touch(const void* state, const void* assets, double x, double y)
{
    const Connect4* s = state;
    const int32_t column = (int32_t)floor((x - CONNECT4_MARGIN) / CONNECT4_TILE);
    const double down = y - PUF_HUD_HEIGHT - CONNECT4_MARGIN;
    (void)assets;
    if (column < 0 || column >= CONNECT4_COLUMNS || down < 0 || down >= CONNECT4_ROWS * CONNECT4_TILE) {
        return PUF_NOTHING;
    }
    return connect4_has(s->stones[0] | s->stones[1], column, CONNECT4_ROWS - 1) ? PUF_NOTHING : column;
}

static void connect4_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Connect4* s = state;
    puf_say_result(line, s->result, agent);
}

PUF_DRAWING(connect4, .width = CONNECT4_COLUMNS * CONNECT4_TILE + CONNECT4_PANEL + 3 * CONNECT4_MARGIN,
            .height = CONNECT4_ROWS * CONNECT4_TILE + PUF_HUD_HEIGHT + 2 * CONNECT4_MARGIN + 26, .draw = connect4_draw,
            .touch = connect4_touch, .verdict = connect4_say_end);
