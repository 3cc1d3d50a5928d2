// Maze: seen from above, bright where the agent sees. Keys and doors in four colours, and a goal that glows.
#pragma once
#include "draw/picture.h"
#include "envs/maze.h"

enum { MAZE_BOARD = 600, MAZE_MARGIN = 20 };
enum { MAZE_MAX_TILES = 151 };                   // of a larger maze, the part around the agent is shown
enum { MAZE_MAX_TILE = 72, MAZE_MIN_THING = 7 }; // units
enum { MAZE_WHOLE_FROM = 12 };                   // tiles of this size and more are whole units, for sharp edges
#define MAZE_OVERLAP 0.6                         // units by which walls overlap the next tile, which hides seams

static const PufColor maze_colors[MAZE_COLOURS] = { PUF_CORAL, PUF_SKY, PUF_AMBER, PUF_VIOLET };

// Where tiles lie on the picture: the maze in its middle, as large as fits.
typedef struct MazeBoard {
    int32_t first_row, rows, first_column, columns; // of the table
    double side, left, top;
    const int8_t* tiles;
    int32_t stride;
} MazeBoard;

// Of that many tiles, with the agent at a place in the table: the first that is shown.
static int32_t maze_first(int32_t tiles, int32_t shown, int32_t agent)
{
    const int32_t first = agent - shown / 2, least = MAZE_SIGHT - 1, most = least + tiles - shown;
    return first < least ? least : first > most ? most : first;
}

static MazeBoard maze_board(const Maze* s, const void* assets)
{
    MazeBoard b = { .tiles = (const int8_t*)assets + s->tiles_offset, .stride = s->table_columns };
    b.rows = s->rows < MAZE_MAX_TILES ? s->rows : MAZE_MAX_TILES;
    b.columns = s->columns < MAZE_MAX_TILES ? s->columns : MAZE_MAX_TILES;
    b.first_row = maze_first(s->rows, b.rows, s->row);
    b.first_column = maze_first(s->columns, b.columns, s->column);
    b.side = puf_min((double)MAZE_BOARD / (b.rows > b.columns ? b.rows : b.columns), MAZE_MAX_TILE);
    b.side = b.side >= MAZE_WHOLE_FROM ? floor(b.side) : b.side;
    b.left = MAZE_MARGIN + (MAZE_BOARD - b.columns * b.side) / 2;
    b.top = PUF_HUD_HEIGHT + (MAZE_BOARD - b.rows * b.side) / 2;
    return b;
}

static PufPoint maze_place(const MazeBoard* b, double row, double column)
{
    return (PufPoint){ b->left + (column - b->first_column) * b->side, b->top + (row - b->first_row) * b->side };
}

static PufPoint maze_middle(const MazeBoard* b, int32_t row, int32_t column)
{
    return maze_place(b, row + 0.5, column + 0.5);
}

static int32_t maze_shown_tile(const MazeBoard* b, int32_t row, int32_t column)
{
    return b->tiles[row * b->stride + column];
}

// What the agent sees, cut off at the picture: first row and column, one past the last.
typedef struct MazeSeen {
    int32_t top, left, bottom, right;
} MazeSeen;

static int32_t maze_more(int32_t a, int32_t b) { return a > b ? a : b; }
static int32_t maze_less(int32_t a, int32_t b) { return a < b ? a : b; }

static MazeSeen maze_seen(const Maze* s, const MazeBoard* b)
{
    return (MazeSeen){ maze_more(s->row - MAZE_SIGHT, b->first_row), maze_more(s->column - MAZE_SIGHT, b->first_column),
                       maze_less(s->row + MAZE_SIGHT + 1, b->first_row + b->rows),
                       maze_less(s->column + MAZE_SIGHT + 1, b->first_column + b->columns) };
}

// A ring, a shaft and two teeth.
static void maze_draw_key(double x, double y, double side, PufColor color, PufPicture* p)
{
    const double thick = side * 0.11;
    puf_ring(p, x - side * 0.2, y, side * 0.1, side * 0.22, color);
    puf_line(p, x, y, x + side * 0.4, y, thick, color);
    puf_line(p, x + side * 0.2, y, x + side * 0.2, y + side * 0.2, thick, color);
    puf_line(p, x + side * 0.34, y, x + side * 0.34, y + side * 0.2, thick, color);
}

static void maze_draw_hud(const Maze* s, PufPicture* p)
{
    const double levels = s->num_levels > 1 ? s->num_levels - 1 : 1;
    PufFigure figures[] = { puf_figure("level", s->rank + 1),
                            { "difficulty", puf_word(s->rank / levels, 2, 0, "") },
                            puf_figure("shortest", s->shortest),
                            puf_figure("steps", s->tick) };
    double x = puf_hud(p, "maze", figures, 4) - 12;
    for (int color = MAZE_COLOURS - 1; color >= 0; color--) {
        if (s->keys >> color & 1) {
            maze_draw_key(x, 23, 24, maze_colors[color], p);
            x -= 24;
        }
    }
}

static void maze_draw_ground(const Maze* s, const MazeBoard* b, PufPicture* p)
{
    const MazeSeen seen = maze_seen(s, b);
    const PufPoint corner = maze_place(b, seen.top, seen.left);
    puf_rect(p, b->left, b->top, b->columns * b->side, b->rows * b->side, puf_blend(PUF_NIGHT, PUF_DUSK, 0.5), 0);
    puf_rect(p, corner.x, corner.y, (seen.right - seen.left) * b->side, (seen.bottom - seen.top) * b->side,
             puf_blend(PUF_DUSK, PUF_SLATE, 0.6), 0);
}

// 0: no wall. 1: a wall. 2: one that the agent sees.
static int maze_wall_kind(const MazeBoard* b, MazeSeen seen, int32_t row, int32_t column)
{
    if (maze_shown_tile(b, row, column) != MAZE_WALL) {
        return 0;
    }
    return row >= seen.top && row < seen.bottom && column >= seen.left && column < seen.right ? 2 : 1;
}

// Row by row, in runs of one colour.
static void maze_draw_walls(const Maze* s, const MazeBoard* b, PufPicture* p)
{
    const MazeSeen seen = maze_seen(s, b);
    const PufColor colors[] = { 0, puf_blend(PUF_SLATE, PUF_STEEL, 0.12), puf_blend(PUF_STEEL, PUF_SLATE, 0.2) };
    const int32_t last = b->first_column + b->columns;
    for (int32_t row = b->first_row; row < b->first_row + b->rows; row++) {
        for (int32_t start = b->first_column, end; start < last; start = end) {
            const int kind = maze_wall_kind(b, seen, row, start);
            for (end = start + 1; end < last && maze_wall_kind(b, seen, row, end) == kind; end++) {
            }
            if (kind) {
                const PufPoint at = maze_place(b, row, start);
                puf_rect(p, at.x, at.y, (end - start) * b->side + MAZE_OVERLAP, b->side + MAZE_OVERLAP, colors[kind],
                         0);
            }
        }
    }
}

// Shut: a plate with a keyhole. Open: its frame.
static void maze_draw_door(double x, double y, double side, PufColor color, int open, PufPicture* p)
{
    const double left = x - side / 2, top = y - side / 2, inset = side * 0.04;
    if (open) {
        puf_rect(p, left, top, side, side, puf_fade(color, 0.15), side * 0.2);
        puf_border(p, left + 2 * inset, top + 2 * inset, side * 0.84, side * 0.84, side * 0.1, color, side * 0.2);
        return;
    }
    puf_rect(p, left + inset, top + inset, side * 0.92, side * 0.92, color, side * 0.2);
    puf_circle(p, x, y - side * 0.08, side * 0.13, PUF_NIGHT);
    puf_rect(p, x - side * 0.06, y, side * 0.12, side * 0.24, PUF_NIGHT, 0);
}

static void maze_draw_thing(const Maze* s, int32_t row, int32_t column, const MazeBoard* b, PufPicture* p)
{
    const int32_t tile = maze_shown_tile(b, row, column), number = (tile < 0 ? -tile : tile) - MAZE_KEY;
    const int held = s->keys >> number & 1;
    const double side = puf_max(b->side, MAZE_MIN_THING);
    const PufPoint at = maze_middle(b, row, column);
    if (tile < 0) {
        maze_draw_door(at.x, at.y, side, maze_colors[number], held, p);
    } else if (!held) {
        puf_glow(p, at.x, at.y, side * 0.9, puf_fade(maze_colors[number], 0.3));
        maze_draw_key(at.x, at.y, side, maze_colors[number], p);
    }
}

static void maze_draw_goal(const Maze* s, const MazeBoard* b, PufPicture* p)
{
    const int32_t row = s->goal_row - b->first_row, column = s->goal_column - b->first_column;
    if (row < 0 || row >= b->rows || column < 0 || column >= b->columns) {
        return;
    }
    const PufPoint at = maze_middle(b, s->goal_row, s->goal_column);
    const double radius = puf_max(b->side, MAZE_MIN_THING);
    puf_glow(p, at.x, at.y, radius * 1.6, puf_fade(PUF_MINT, 0.5));
    puf_ring(p, at.x, at.y, radius * 0.3, radius * 0.4, PUF_MINT);
    puf_circle(p, at.x, at.y, radius * 0.18, PUF_MINT);
}

static void maze_draw_agent(const Maze* s, const MazeBoard* b, PufPicture* p)
{
    const PufPoint at = maze_middle(b, s->row, s->column);
    const double radius = puf_max(b->side, MAZE_MIN_THING) * 0.38;
    puf_glow(p, at.x, at.y, radius * 3, puf_fade(PUF_SNOW, 0.3));
    puf_circle(p, at.x, at.y, radius, PUF_SNOW);
    for (int turn = -1; turn <= 1; turn += 2) {
        puf_circle(p, at.x + turn * radius * 0.36, at.y - radius * 0.12, radius * 0.17, PUF_NIGHT);
    }
}

// The maze, what lies in it, then the agent.
static void maze_draw(const void* state, const void* assets, PufPicture* p)
{
    const Maze* s = state;
    const MazeBoard b = maze_board(s, assets);
    puf_clear(p, PUF_NIGHT);
    maze_draw_hud(s, p);
    maze_draw_ground(s, &b, p);
    maze_draw_walls(s, &b, p);
    maze_draw_goal(s, &b, p);
    for (int32_t row = b.first_row; row < b.first_row + b.rows; row++) {
        for (int32_t column = b.first_column; column < b.first_column + b.columns; column++) {
            const int32_t tile = maze_shown_tile(&b, row, column);
            if (tile != 0 && tile != MAZE_WALL) {
                maze_draw_thing(s, row, column, &b, p);
            }
        }
    }
    maze_draw_agent(s, &b, p);
}

PUF_DRAWING(maze, .width = MAZE_BOARD + 2 * MAZE_MARGIN, .height = PUF_HUD_HEIGHT + MAZE_BOARD + MAZE_MARGIN,
            .draw = maze_draw);
