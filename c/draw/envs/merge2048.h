// Merge2048: tiles that slide, join and appear; beside them the score, the highest tile and how the last game ended.
#pragma once
#include "draw/picture.h"
#include "envs/merge2048.h"

enum { MERGE2048_TILE = 112, MERGE2048_GAP = 12, MERGE2048_MARGIN = 28, MERGE2048_PANEL = 190 };
enum { MERGE2048_BOARD = 4 * MERGE2048_TILE + 5 * MERGE2048_GAP, MERGE2048_TOP = PUF_HUD_HEIGHT + MERGE2048_MARGIN };
enum { MERGE2048_STEPS = 6, MERGE2048_STAYS = 2 }; // frames of a move; of them, those in which the new tile appears

// Of tiles by their k; that of 2048 is gold.
static PufColor merge2048_paint(int32_t tile)
{
    switch (tile) {
    case 1: return puf_blend(PUF_SKY, PUF_NIGHT, 0.72);
    case 2: return puf_blend(PUF_SKY, PUF_NIGHT, 0.52);
    case 3: return puf_blend(PUF_SKY, PUF_NIGHT, 0.2);
    case 4: return puf_blend(PUF_TEAL, PUF_NIGHT, 0.25);
    case 5: return puf_blend(PUF_MINT, PUF_NIGHT, 0.25);
    case 6: return puf_blend(PUF_AMBER, PUF_ORANGE, 0.4);
    case 7: return PUF_ORANGE;
    case 8: return PUF_CORAL;
    case 9: return PUF_PINK;
    case 10: return PUF_VIOLET;
    case 11: return PUF_AMBER;
    case 12: return PUF_SNOW;
    case 13: return PUF_MINT;
    case 14: return PUF_SKY;
    case 15: return PUF_CORAL;
    default: return PUF_SLATE;
    }
}

static int32_t merge2048_cell(uint64_t board, int32_t cell) { return (int32_t)(board >> (4 * cell) & 15); }

typedef struct Merge2048Path {
    int32_t tile, start, end; // its k, the cell that it leaves, and the one that it slides to
} Merge2048Path;

// Of every tile before a move, those in front first. Returns how many.
static int32_t merge2048_find_paths(uint64_t board, int32_t move, Merge2048Path paths[MERGE2048_CELLS])
{
    const int upright = move == MERGE2048_UP || move == MERGE2048_DOWN;
    const int reversed = move == MERGE2048_RIGHT || move == MERGE2048_DOWN;
    int32_t count = 0;
    for (int32_t line = 0; line < 4; line++) {
        int32_t place = -1, waiting = 0;
        for (int32_t k = 0; k < 4; k++) {
            const int32_t at = reversed ? 3 - k : k, cell = upright ? line + 4 * at : 4 * line + at;
            const int32_t tile = merge2048_cell(board, cell);
            if (tile == 0) {
                continue;
            }
            if (tile == waiting && tile < MERGE2048_HIGHEST) {
                waiting = 0;
            } else {
                place++;
                waiting = tile;
            }
            const int32_t to = reversed ? 3 - place : place;
            paths[count++] = (Merge2048Path){ tile, cell, upright ? line + 4 * to : 4 * line + to };
        }
    }
    return count;
}

static PufPoint merge2048_corner(int32_t cell)
{
    return (PufPoint){ MERGE2048_MARGIN + MERGE2048_GAP + (MERGE2048_TILE + MERGE2048_GAP) * (cell % 4),
                       MERGE2048_TOP + MERGE2048_GAP + (MERGE2048_TILE + MERGE2048_GAP) * (cell / 4) };
}

static void merge2048_draw_tile(double x, double y, double grown, int32_t tile, double side, PufPicture* p)
{
    static const double sizes[] = { 0.46, 0.46, 0.38, 0.31, 0.26 };
    const double edge = side * (1 - grown) / 2;
    puf_rect(p, x + edge, y + edge, side * grown, side * grown, merge2048_paint(tile), side * 0.1);
    if (grown < 1) {
        return;
    }
    const PufWord word = puf_word((double)(1 << tile), 0, 0, "");
    const double size = side * sizes[strlen(word.text) - 1];
    const int dark = tile == 6 || tile == 7 || (tile >= 11 && tile <= 14);
    puf_text(p, x + side / 2, y + side / 2 - size * 0.54, word.text, size, dark ? PUF_NIGHT : PUF_SNOW, PUF_CENTER);
}

// The tiles on their way, and once they are there, the new one as it appears.
static void merge2048_draw_tiles(const Merge2048* s, double share, PufPicture* p)
{
    const double moved = 1 - (double)MERGE2048_STAYS / MERGE2048_STEPS;
    if (share < moved) {
        Merge2048Path paths[MERGE2048_CELLS];
        const int32_t count = merge2048_find_paths(s->before, s->last, paths);
        for (int32_t i = 0; i < count; i++) {
            const PufPoint start = merge2048_corner(paths[i].start), end = merge2048_corner(paths[i].end);
            const double part = share / moved;
            merge2048_draw_tile(start.x + (end.x - start.x) * part, start.y + (end.y - start.y) * part, 1,
                                paths[i].tile, MERGE2048_TILE, p);
        }
        return;
    }
    for (int32_t cell = 0; cell < MERGE2048_CELLS; cell++) {
        const double part = cell == s->born ? puf_min(1, (share - moved) / (1 - moved)) : 1;
        const PufPoint at = merge2048_corner(cell);
        if (merge2048_cell(s->board, cell)) {
            merge2048_draw_tile(at.x, at.y, 0.5 + 0.5 * part, merge2048_cell(s->board, cell), MERGE2048_TILE, p);
        }
    }
}

// A number of up to nine digits with a comma before each three.
static PufLine merge2048_grouped(int32_t number)
{
    PufLine line = puf_line_of("");
    const PufWord digits = puf_word(number, 0, 0, "");
    const size_t count = strlen(digits.text);
    for (size_t i = 0; i < count; i++) {
        puf_say(&line, i && (count - i) % 3 == 0 ? "," : "");
        puf_say(&line, (const char[]){ digits.text[i], 0 });
    }
    return line;
}

static void merge2048_draw_panel(const Merge2048* s, PufPicture* p)
{
    const double left = MERGE2048_MARGIN + MERGE2048_BOARD + MERGE2048_MARGIN, top = MERGE2048_TOP;
    const double middle = left + MERGE2048_PANEL / 2.0, y = top + MERGE2048_BOARD - 168;
    puf_rect(p, left, top, MERGE2048_PANEL, MERGE2048_BOARD, PUF_DUSK, 12);
    puf_text(p, middle, top + 18, "score", 16, PUF_STEEL, PUF_CENTER);
    puf_text(p, middle, top + 38, merge2048_grouped(s->score).text, 30, PUF_SNOW, PUF_CENTER);
    puf_text(p, middle, top + 96, "highest", 16, PUF_STEEL, PUF_CENTER);
    merge2048_draw_tile(middle - 36, top + 120, 1, merge2048_highest(s->board), 72, p);
    if (s->ended == 0) {
        return;
    }
    puf_text(p, middle, y, "last game", 16, PUF_STEEL, PUF_CENTER);
    puf_text(p, middle, y + 20, merge2048_grouped(s->ended_score).text, 22, PUF_STEEL, PUF_CENTER);
    for (int32_t cell = 0; cell < MERGE2048_CELLS; cell++) {
        const int32_t tile = merge2048_cell(s->ended, cell);
        if (tile) {
            puf_rect(p, left + 43 + 27 * (cell % 4), y + 54 + 27 * (cell / 4), 24, 24, merge2048_paint(tile), 4);
        }
    }
}

static void merge2048_draw(const void* state, const void* assets, PufPicture* p)
{
    const Merge2048* s = state;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "merge2048", (PufFigure[]){ puf_figure("score", s->score), puf_figure("moves", s->tick) }, 2);
    puf_rect(p, MERGE2048_MARGIN, MERGE2048_TOP, MERGE2048_BOARD, MERGE2048_BOARD, PUF_DUSK, 16);
    for (int32_t cell = 0; cell < MERGE2048_CELLS; cell++) {
        const PufPoint at = merge2048_corner(cell);
        puf_rect(p, at.x, at.y, MERGE2048_TILE, MERGE2048_TILE, puf_blend(PUF_SLATE, PUF_DUSK, 0.55), 12);
    }
    merge2048_draw_tiles(s, p->before ? p->share : 1, p);
    merge2048_draw_panel(s, p);
}

static int32_t merge2048_frames(const void* before, const void* after)
{
    const Merge2048 *was = before, *s = after;
    return s->last >= 0 && s->before == was->board ? MERGE2048_STEPS : 1;
}

// Towards the edge of the board that is nearest to the click.
static int32_t merge2048_touch(const void* state, const void* assets, double x, double y)
{
    const Merge2048* s = state;
    const double side = MERGE2048_BOARD / 2.0, right = x - MERGE2048_MARGIN - side, down = y - MERGE2048_TOP - side;
    (void)assets;
    if (fabs(right) > side || fabs(down) > side) {
        return PUF_NOTHING;
    }
    const int32_t move = fabs(right) > fabs(down) ? (right > 0 ? MERGE2048_RIGHT : MERGE2048_LEFT)
                                                  : (down > 0 ? MERGE2048_DOWN : MERGE2048_UP);
    return s->legal >> move & 1 ? move : PUF_NOTHING;
}

static void merge2048_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Merge2048* s = state;
    int32_t highest = 0;
    (void)agent;
    for (int32_t cell = 0; cell < 16; cell++) {
        const int32_t tile = (int32_t)(s->ended >> 4 * cell & 15);
        highest = tile > highest ? tile : highest;
    }
    puf_say(line, "the highest tile was ");
    puf_say_number(line, (int64_t)1 << highest);
}

PUF_DRAWING(merge2048, .width = MERGE2048_BOARD + MERGE2048_PANEL + 3 * MERGE2048_MARGIN,
            .height = MERGE2048_BOARD + PUF_HUD_HEIGHT + 2 * MERGE2048_MARGIN, .draw = merge2048_draw, .glides = 1,
            .frames = merge2048_frames, .touch = merge2048_touch, .verdict = merge2048_say_end);
