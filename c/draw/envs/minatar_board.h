// How the five games of MinAtar look: a field of 10 x 10 cells, and sprites of 12 x 12 points.
#pragma once
#include "draw/picture.h"
#include "envs/minatar.h"

enum { MINATAR_POINT = 4, MINATAR_POINTS = 12, MINATAR_CELL = MINATAR_POINT * MINATAR_POINTS };
enum { MINATAR_EDGE = 20, MINATAR_FIELD = MINATAR_SIDE * MINATAR_CELL };
enum { MINATAR_WIDTH = MINATAR_FIELD + 2 * MINATAR_EDGE };
enum { MINATAR_HEIGHT = PUF_HUD_HEIGHT + MINATAR_FIELD + MINATAR_EDGE };

// Rows from the top: '.' is nothing, digits are colours of the palette that it is drawn with.
typedef struct MinatarSprite {
    const char* rows[MINATAR_POINTS];
} MinatarSprite;

// The top left corner of a cell.
static PufPoint minatar_corner(double x, double y)
{
    return (PufPoint){ MINATAR_EDGE + x * MINATAR_CELL, PUF_HUD_HEIGHT + y * MINATAR_CELL };
}

static PufPoint minatar_middle(double x, double y) { return minatar_corner(x + 0.5, y + 0.5); }

// Rows of cells in one colour.
static void minatar_draw_rows(PufPicture* p, int32_t first, int32_t count, PufColor color)
{
    const PufPoint at = minatar_corner(0, first);
    puf_rect(p, at.x, at.y, MINATAR_FIELD, (double)count * MINATAR_CELL, color, 0);
}

// The line at the top, the field, and every other cell a little brighter.
static void minatar_draw_field(PufPicture* p, const char* title, const PufFigure* figures, int32_t count,
                               PufColor color)
{
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, title, figures, count);
    minatar_draw_rows(p, 0, MINATAR_SIDE, color);
    for (int32_t y = 0; y < MINATAR_SIDE; y++) {
        for (int32_t x = y % 2; x < MINATAR_SIDE; x += 2) {
            const PufPoint at = minatar_corner(x, y);
            puf_rect(p, at.x, at.y, MINATAR_CELL, MINATAR_CELL, puf_fade(PUF_SNOW, 0.02), 0);
        }
    }
}

// Around the field, at last.
static void minatar_draw_frame(PufPicture* p)
{
    puf_border(p, MINATAR_EDGE - 4, PUF_HUD_HEIGHT - 4, MINATAR_FIELD + 8, MINATAR_FIELD + 8, 4, PUF_SLATE, 5);
}

// A sprite in a cell, as it is or `mirrored`. Points of one colour side by side are one rectangle.
static void minatar_draw_sprite(PufPicture* p, const MinatarSprite* sprite, double x, double y, int mirrored,
                                const PufColor* palette)
{
    const PufPoint at = minatar_corner(x, y);
    for (int32_t row = 0; row < MINATAR_POINTS; row++) {
        const char* points = sprite->rows[row];
        for (int32_t from = 0, to = 0; from < MINATAR_POINTS; from = to) {
            for (to = from + 1; to < MINATAR_POINTS && points[to] == points[from]; to++) {
            }
            if (points[from] != '.') {
                const int32_t left = mirrored ? MINATAR_POINTS - to : from;
                puf_rect(p, at.x + left * MINATAR_POINT, at.y + row * MINATAR_POINT, (to - from) * MINATAR_POINT,
                         MINATAR_POINT, palette[points[from] - '1'], 0);
            }
        }
    }
}

// What something that moves leaves behind it: three lines in the cell before, which fade.
static void minatar_draw_trail(PufPicture* p, double x, double y, int right, PufColor color)
{
    const PufPoint at = minatar_corner(x, y);
    for (int32_t line = 0; line < 3; line++) {
        for (int32_t part = 0; part < 5; part++) {
            const double along = 4 + 8 * part + 3 * (line == 1);
            const double left = right ? at.x + along : at.x + MINATAR_CELL - along - 8;
            const double seen = (part + 1) * 0.09;
            puf_rect(p, left, at.y + 13 + line * 9, 8, 3, puf_fade(color, seen), 0);
        }
    }
}
