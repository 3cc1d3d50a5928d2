// Snake: many snakes on one map, each in its own colour. The person's wears a halo.
#pragma once
#include "draw/picture.h"
#include "envs/snake.h"

enum { SNAKE_BOARD = 560, SNAKE_MARGIN = 20 };

// (x, y) of up, down, left, right; and of none, which counts as up.
static const int8_t snake_moves[SNAKE_MOVES + 1][2] = { { 0, -1 }, { 0, 1 }, { -1, 0 }, { 1, 0 }, { 0, -1 } };

// Where cells lie on the picture: the whole map, as large as fits.
typedef struct SnakeBoard {
    int32_t columns;
    double width, height, side, left, top;
} SnakeBoard;

static SnakeBoard snake_board(const Snake* s)
{
    SnakeBoard b = { .columns = s->columns };
    b.width = s->columns - 2 * SNAKE_SIGHT;
    b.height = s->rows - 2 * SNAKE_SIGHT;
    b.side = SNAKE_BOARD / (b.width > b.height ? b.width : b.height);
    b.left = SNAKE_MARGIN + (SNAKE_BOARD - b.width * b.side) / 2;
    b.top = PUF_HUD_HEIGHT + (SNAKE_BOARD - b.height * b.side) / 2;
    return b;
}

static PufPoint snake_center(const SnakeBoard* b, int32_t cell)
{
    int32_t row = cell / b->columns, column = cell % b->columns;
    return (PufPoint){ b->left + (column - SNAKE_SIGHT + 0.5) * b->side, b->top + (row - SNAKE_SIGHT + 0.5) * b->side };
}

// From the ninth snake on, paler ones.
static PufColor snake_color(int32_t number)
{
    return puf_blend(puf_creatures[number % PUF_CREATURES], PUF_SNOW, 0.3 * (number / PUF_CREATURES % 3));
}

static void snake_draw_head(const SnakeBody* body, PufColor color, int halo, const SnakeBoard* b, PufPicture* p)
{
    const double side = b->side;
    PufPoint at = snake_center(b, body->head);
    if (halo) {
        puf_glow(p, at.x, at.y, side * 2.2, puf_fade(color, 0.5));
    }
    puf_circle(p, at.x, at.y, side * 0.46, color);
    const int8_t* look = snake_moves[body->heading];
    for (int turn = -1; turn <= 1; turn += 2) {
        double x = at.x + side * (0.12 * look[0] - 0.2 * turn * look[1]);
        double y = at.y + side * (0.12 * look[1] + 0.2 * turn * look[0]);
        puf_circle(p, x, y, side * 0.15, PUF_SNOW);
        puf_circle(p, x + side * 0.05 * look[0], y + side * 0.05 * look[1], side * 0.08, PUF_NIGHT);
    }
}

// From the tail along the moves that the map holds, thicker and brighter towards the head.
static void snake_draw_body(const Snake* s, int32_t number, int halo, const SnakeBoard* b, PufPicture* p)
{
    const SnakeBody* body = &snake_bodies(s)[number];
    const int16_t* cells = snake_cells(s);
    const PufColor color = snake_color(number), dim = puf_blend(color, PUF_DUSK, 0.45);
    int32_t cell = body->tail;
    for (int32_t i = 1; i < body->length; i++) {
        const int8_t* move = snake_moves[cells[cell] >> 1 & 3];
        int32_t following = cell + move[0] + move[1] * b->columns;
        if (following < 0 || following >= s->rows * s->columns) {
            return; // no body is like that
        }
        double progress = (double)i / body->length, thick = b->side * (0.5 + 0.3 * progress);
        PufColor shade = puf_blend(dim, color, progress);
        PufPoint from = snake_center(b, cell), to = snake_center(b, following);
        puf_circle(p, from.x, from.y, thick / 2, shade);
        puf_line(p, from.x, from.y, to.x, to.y, thick, shade);
        cell = following;
    }
    snake_draw_head(body, color, halo, b, p);
}

// The field, the food, then the snakes; the person's on top.
static void snake_draw(const void* state, const void* assets, PufPicture* p)
{
    const Snake* s = state;
    const SnakeBody* bodies = snake_bodies(s);
    const int32_t own = puf_agent(p) < s->num_snakes ? puf_agent(p) : 0;
    int32_t longest = 0;
    (void)assets;
    for (int32_t i = 0; i < s->num_snakes; i++) {
        longest = bodies[i].length > longest ? bodies[i].length : longest;
    }
    puf_clear(p, PUF_NIGHT);
    PufFigure figures[] = { puf_figure("longest", longest), puf_figure("length", bodies[own].length),
                            puf_figure("eaten", bodies[own].eaten) };
    puf_hud(p, "snake", figures, 3);
    const SnakeBoard b = snake_board(s);
    puf_rect(p, b.left, b.top, b.width * b.side, b.height * b.side, PUF_DUSK, 0);
    puf_border(p, b.left, b.top, b.width * b.side, b.height * b.side, 4, PUF_SLATE, 5);
    for (int32_t cell = 0; cell < s->rows * s->columns; cell++) {
        if (snake_cells(s)[cell] == SNAKE_FOOD) {
            PufPoint at = snake_center(&b, cell);
            puf_circle(p, at.x, at.y, b.side * 0.42, puf_fade(PUF_PINK, 0.18));
            puf_circle(p, at.x, at.y, b.side * 0.22, PUF_PINK);
        }
    }
    for (int32_t number = s->num_snakes - 1; number >= 0; number--) {
        if (number != own) {
            snake_draw_body(s, number, 0, &b, p);
        }
    }
    snake_draw_body(s, own, 1, &b, p);
}

PUF_DRAWING(snake, .width = SNAKE_BOARD + 2 * SNAKE_MARGIN, .height = PUF_HUD_HEIGHT + SNAKE_BOARD + SNAKE_MARGIN,
            .draw = snake_draw);
