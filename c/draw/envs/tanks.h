// Tanks: an arena from above, walls as blocks, two teams, shells with trails of light. The person's wears a halo.
#pragma once
#include "draw/picture.h"
#include "envs/tanks.h"

enum {
    TANKS_FIELD_WIDTH = 760, // units
    TANKS_FIELD_HEIGHT = 570,
    TANKS_MARGIN = 20,
    TANKS_BODY = 171,      // half the length of a tank, in the environment's units
    TANKS_PER_SECOND = 25, // steps
    TANKS_FLIGHT = 2,      // frames of a shell's flight in a step
    TANKS_TRAIL = 7,       // steps of flight that the light behind a shell lasts
    TANKS_BURST = 14,      // steps that an explosion lasts
    TANKS_SPARK = 4,       // steps that a spark lasts
    TANKS_TREADS = 7,      // across one track
};

static const PufColor tanks_colors[2] = { PUF_TEAL, PUF_CORAL };

// Where units lie on the picture: the whole arena, as large as fits, with the inner half of its border.
typedef struct TanksGround {
    const Tanks* state;
    int32_t columns, rows;
    double side, unit, left, top; // side: of a cell
} TanksGround;

static TanksGround tanks_arena(const Tanks* s)
{
    TanksGround a = { .state = s, .columns = s->width + 2, .rows = s->height + 2 };
    a.side = puf_min((double)TANKS_FIELD_WIDTH / (a.columns - 1), (double)TANKS_FIELD_HEIGHT / (a.rows - 1));
    a.unit = a.side / TANKS_CELL;
    a.left = TANKS_MARGIN + (TANKS_FIELD_WIDTH - a.columns * a.side) / 2;
    a.top = PUF_HUD_HEIGHT + (TANKS_FIELD_HEIGHT - a.rows * a.side) / 2;
    return a;
}

static PufPoint tanks_at(const TanksGround* a, double x, double y)
{
    return (PufPoint){ a->left + x * a->unit, a->top + y * a->unit };
}

// Everything outside counts as wall.
static int tanks_block(const TanksGround* a, int32_t column, int32_t row)
{
    return column < 0 || column >= a->columns || row < 0 || row >= a->rows || (a->state->rows[row] >> column & 1);
}

// The field; each team's side has a tint of its colour.
static void tanks_draw_ground(const TanksGround* a, PufPicture* p)
{
    PufPoint at = tanks_at(a, 0, 0);
    puf_rect(p, at.x, at.y, a->columns * a->side, a->rows * a->side, PUF_DUSK, 0);
    for (int team = 0; team < 2; team++) {
        at = tanks_at(a, (team ? a->columns - 3 : 1) * TANKS_CELL, TANKS_CELL);
        puf_rect(p, at.x, at.y, 2 * a->side, (a->rows - 2) * a->side, puf_fade(tanks_colors[team], 0.06), 0);
    }
    for (int32_t row = 2; row < a->rows - 1; row++) {
        for (int32_t column = 2; column < a->columns - 1; column++) {
            at = tanks_at(a, column * TANKS_CELL, row * TANKS_CELL);
            puf_circle(p, at.x, at.y, a->side * 0.03, puf_fade(PUF_SLATE, 0.8));
        }
    }
}

// Sides that catch the light where no other block is, and a flat top. Whole units: neighbours that each cover a part of a
// pixel would let the ground shine through between them.
static void tanks_draw_block(const TanksGround* a, int32_t column, int32_t row, PufPicture* p)
{
    const PufPoint from = tanks_at(a, column * TANKS_CELL, row * TANKS_CELL);
    const PufPoint to = tanks_at(a, (column + 1) * TANKS_CELL, (row + 1) * TANKS_CELL);
    const double left = rint(from.x), top = rint(from.y), right = rint(to.x), bottom = rint(to.y);
    const double bevel = rint(a->side * 0.13);
    const int above = tanks_block(a, column, row - 1), below = tanks_block(a, column, row + 1);
    const int before = tanks_block(a, column - 1, row), behind = tanks_block(a, column + 1, row);
    const double x0 = left + (before ? 0 : bevel), y0 = top + (above ? 0 : bevel);
    const double x1 = right - (behind ? 0 : bevel), y1 = bottom - (below ? 0 : bevel);
    if (!above) {
        PufPoint side[] = { { left, top }, { right, top }, { x1, y0 }, { x0, y0 } };
        puf_polygon(p, side, 4, puf_blend(PUF_SLATE, PUF_SNOW, 0.3));
    }
    if (!before) {
        PufPoint side[] = { { left, top }, { x0, y0 }, { x0, y1 }, { left, bottom } };
        puf_polygon(p, side, 4, puf_blend(PUF_SLATE, PUF_SNOW, 0.15));
    }
    if (!behind) {
        PufPoint side[] = { { right, top }, { right, bottom }, { x1, y1 }, { x1, y0 } };
        puf_polygon(p, side, 4, puf_blend(PUF_SLATE, PUF_NIGHT, 0.35));
    }
    if (!below) {
        PufPoint side[] = { { left, bottom }, { x0, y1 }, { x1, y1 }, { right, bottom } };
        puf_polygon(p, side, 4, puf_blend(PUF_SLATE, PUF_NIGHT, 0.55));
    }
    puf_rect(p, x0, y0, x1 - x0 + 0.5, y1 - y0 + 0.5, PUF_SLATE, 0);
}

// Shadows on the ground, then the blocks.
static void tanks_draw_walls(const TanksGround* a, PufPicture* p)
{
    for (int blocks = 0; blocks < 2; blocks++) {
        for (int32_t row = 0; row < a->rows; row++) {
            for (int32_t column = 0; column < a->columns; column++) {
                if (!tanks_block(a, column, row)) {
                    continue;
                }
                if (blocks) {
                    tanks_draw_block(a, column, row, p);
                } else if (!(tanks_block(a, column + 1, row) && tanks_block(a, column, row + 1))) {
                    const PufPoint at = tanks_at(a, column * TANKS_CELL, row * TANKS_CELL);
                    puf_rect(p, at.x + a->side * 0.12, at.y + a->side * 0.12, a->side, a->side,
                             puf_fade(PUF_NIGHT, 0.55), a->side * 0.08);
                }
            }
        }
    }
}

// Darken what lies outside the visible half of the border.
static void tanks_draw_edges(const TanksGround* a, PufPicture* p)
{
    const PufPoint from = tanks_at(a, TANKS_CELL / 2.0, TANKS_CELL / 2.0);
    const PufPoint to = tanks_at(a, (a->columns - 0.5) * TANKS_CELL, (a->rows - 0.5) * TANKS_CELL);
    puf_rect(p, 0, 0, p->width, from.y, PUF_NIGHT, 0);
    puf_rect(p, 0, to.y, p->width, p->height - to.y, PUF_NIGHT, 0);
    puf_rect(p, 0, 0, from.x, p->height, PUF_NIGHT, 0);
    puf_rect(p, to.x, 0, p->width - to.x, p->height, PUF_NIGHT, 0);
}

// A tank's own frame: ahead, and to its right.
typedef struct TanksBody {
    PufPoint middle, ahead, right;
    double unit;
    PufPicture* picture;
} TanksBody;

static PufPoint tanks_on(const TanksBody* b, double ahead, double aside)
{
    return (PufPoint){ b->middle.x + ahead * b->ahead.x + aside * b->right.x,
                       b->middle.y + ahead * b->ahead.y + aside * b->right.y };
}

static void tanks_box(const TanksBody* b, double back, double front, double low, double high, PufColor color)
{
    PufPoint corners[] = { tanks_on(b, back, low), tanks_on(b, front, low), tanks_on(b, front, high),
                           tanks_on(b, back, high) };
    puf_polygon(b->picture, corners, 4, color);
}

static void tanks_bar(const TanksBody* b, PufPoint from, PufPoint to, double thick, PufColor color)
{
    const PufPoint one = tanks_on(b, from.x, from.y), other = tanks_on(b, to.x, to.y);
    puf_line(b->picture, one.x, one.y, other.x, other.y, thick * b->unit, color);
}

static void tanks_disc(const TanksBody* b, double ahead, double aside, double radius, PufColor color)
{
    const PufPoint at = tanks_on(b, ahead, aside);
    puf_circle(b->picture, at.x, at.y, radius * b->unit, color);
}

// travel: how far along the treads are.
static void tanks_draw_tracks(const TanksBody* b, double travel, PufColor track)
{
    for (int side = 0; side < 2; side++) {
        const double low = side ? 88 : -160, high = side ? 160 : -88;
        tanks_box(b, -TANKS_BODY, TANKS_BODY, low, high, track);
        for (int k = 0; k < TANKS_TREADS; k++) {
            const double ahead = TANKS_BODY - (k * 2.0 * TANKS_BODY / TANKS_TREADS + travel);
            if (fabs(ahead) < TANKS_BODY - 8) {
                tanks_bar(b, (PufPoint){ -ahead, low }, (PufPoint){ -ahead, high }, 14,
                          puf_blend(track, PUF_NIGHT, 0.6));
            }
        }
    }
}

static void tanks_draw_hull(const TanksBody* b, PufColor color)
{
    tanks_box(b, -150, 146, -104, 104, puf_blend(color, PUF_NIGHT, 0.35));
    tanks_box(b, -138, 134, -92, 92, color);
    tanks_box(b, -128, -86, -70, 70, puf_blend(color, PUF_NIGHT, 0.3)); // the engine's grille
    for (int aside = -42; aside <= 42; aside += 42) {
        tanks_bar(b, (PufPoint){ -122, aside }, (PufPoint){ -92, aside }, 12, puf_blend(color, PUF_NIGHT, 0.65));
    }
}

static void tanks_draw_gun(const TanksBody* b, PufColor color, int alive, int32_t reload)
{
    const PufColor gun = puf_blend(color, PUF_SNOW, 0.35), dark = puf_blend(color, PUF_NIGHT, 0.5);
    if (alive) {
        const double recoil = 34 * puf_max(0.0, reload - 8) / 4;
        tanks_bar(b, (PufPoint){ 40, 0 }, (PufPoint){ 212 - recoil, 0 }, 46, dark);
        tanks_bar(b, (PufPoint){ 40, 0 }, (PufPoint){ 206 - recoil, 0 }, 28, gun);
        tanks_bar(b, (PufPoint){ 186 - recoil, 0 }, (PufPoint){ 214 - recoil, 0 }, 46, gun);
    } else {
        tanks_bar(b, (PufPoint){ 20, 30 }, (PufPoint){ 130, 110 }, 34, puf_blend(color, PUF_NIGHT, 0.3));
    }
    tanks_disc(b, 6, 0, 80, dark);
    tanks_disc(b, 6, 0, 68, alive ? puf_blend(color, PUF_SNOW, 0.18) : puf_blend(color, PUF_NIGHT, 0.4));
    tanks_disc(b, -10, 18, 26, puf_blend(color, PUF_NIGHT, 0.25));
}

static void tanks_draw_tank(const Tanks* s, int32_t i, const TanksGround* a, PufPicture* p)
{
    const int alive = s->alive[i] != 0, own = i == puf_agent(p);
    const double angle = s->heading[i] * PUF_TURN / TANKS_TURN, cosine = puf_cosine(angle), sine = puf_sine(angle);
    TanksBody b = { .middle = tanks_at(a, s->x[i], s->y[i]), .unit = a->unit, .picture = p };
    b.ahead = (PufPoint){ cosine * a->unit, sine * a->unit };
    b.right = (PufPoint){ -b.ahead.y, b.ahead.x };
    PufColor color = tanks_colors[i >= s->team_size];
    if (own && !alive) {
        puf_ring(p, b.middle.x, b.middle.y, a->side * 0.62, a->side * 0.68, puf_fade(PUF_SNOW, 0.4));
    }
    if (!alive) {
        color = puf_blend(puf_blend(color, PUF_STEEL, 0.5), PUF_NIGHT, 0.6);
    } else if (own) {
        puf_glow(p, b.middle.x, b.middle.y, a->side * 0.75, puf_fade(PUF_SNOW, 0.45));
    }
    // half of the way along both axes: the treads run as the tank goes
    const double way = s->x[i] * cosine + s->y[i] * sine, tread = 2.0 * TANKS_BODY / TANKS_TREADS;
    tanks_draw_tracks(&b, way - tread * floor(way / tread), puf_blend(PUF_NIGHT, PUF_STEEL, alive ? 0.35 : 0.2));
    tanks_draw_hull(&b, color);
    tanks_draw_gun(&b, color, alive, s->reload[i]);
}

static void tanks_draw_spark(PufPoint at, double age, double side, PufPicture* p)
{
    for (int k = 0; k < 7; k++) {
        const double angle = k * PUF_TURN / 7 + 0.4, dx = puf_cosine(angle), dy = puf_sine(angle);
        const double near = side * (0.05 + 0.2 * age), far = side * (0.12 + 0.32 * age);
        puf_line(p, at.x + near * dx, at.y + near * dy, at.x + far * dx, at.y + far * dy, side * 0.04,
                 puf_fade(PUF_AMBER, 1 - age));
    }
}

// A bright point; behind it the light of the last steps, back to the gun or to the wall that sent it back.
static void tanks_draw_shell(const Tanks* s, int32_t i, const TanksGround* a, PufPicture* p)
{
    const double x = s->shell_x[i], y = s->shell_y[i];
    const double vx = s->shell_vx[i] * TANKS_FLIGHT, vy = s->shell_vy[i] * TANKS_FLIGHT;
    const int32_t age = s->tick - s->shell_since[i], steps = age < TANKS_TRAIL ? age : TANKS_TRAIL;
    const PufColor color = puf_blend(tanks_colors[s->shell_owner[i] >= s->team_size], PUF_SNOW, 0.25);
    for (int32_t k = 4 * steps; k > 0; k--) {
        const double near = (k - 1) / 4.0, far = k / 4.0, rest = 1 - (k - 1) / (4.0 * TANKS_TRAIL);
        const PufPoint from = tanks_at(a, x - vx * near, y - vy * near), to = tanks_at(a, x - vx * far, y - vy * far);
        puf_line(p, from.x, from.y, to.x, to.y, a->unit * 60 * (1 - 0.6 * k / (4.0 * TANKS_TRAIL)),
                 puf_fade(color, 0.6 * (rest * rest)));
    }
    if (s->shell_bounces[i] && age < TANKS_SPARK) {
        tanks_draw_spark(tanks_at(a, x - vx * age, y - vy * age), (double)age / TANKS_SPARK, a->side, p);
    }
    const PufPoint at = tanks_at(a, x, y);
    puf_glow(p, at.x, at.y, a->side * 0.3, puf_fade(color, 0.7));
    puf_circle(p, at.x, at.y, 36 * a->unit, color);
    puf_circle(p, at.x, at.y, 24 * a->unit, PUF_SNOW);
}

// A flash, a ring that widens, and embers.
static void tanks_draw_burst(PufPoint at, double age, double side, PufPicture* p)
{
    const double rest = 1 - age;
    puf_glow(p, at.x, at.y, side * (0.6 + 0.9 * age), puf_fade(PUF_ORANGE, 0.85 * rest));
    puf_circle(p, at.x, at.y, side * 0.38 * rest, puf_fade(puf_blend(PUF_SNOW, PUF_AMBER, age), rest));
    puf_ring(p, at.x, at.y, side * (0.2 + 0.75 * age), side * (0.28 + 0.8 * age), puf_fade(PUF_AMBER, 0.8 * rest));
    for (int k = 0; k < 9; k++) {
        const double angle = k * PUF_TURN / 9 + 0.2 * (k % 3), far = side * (0.25 + (0.5 + 0.13 * (k % 4)) * sqrt(age));
        puf_circle(p, at.x + far * puf_cosine(angle), at.y + far * puf_sine(angle), side * 0.07 * rest,
                   puf_fade(PUF_ORANGE, rest));
    }
}

// Time left, rounds won, and a mark for each tank: bright while it lasts.
static void tanks_draw_hud(const Tanks* s, PufPicture* p)
{
    const int32_t left = s->max_steps - s->tick, size = s->team_size, step = size <= 8 ? 14 : 11;
    PufWord rounds = puf_join(puf_word(s->wins[0], 0, 0, ""), " : ", puf_word(s->wins[1], 0, 0, ""));
    PufWord seconds = puf_word((left > 0 ? left : 0) / (double)TANKS_PER_SECOND, 0, 0, " s");
    double x = puf_hud(p, "tanks", (PufFigure[]){ { "rounds won", rounds }, { "time", seconds } }, 2);
    for (int team = 1; team >= 0; team--) {
        for (int32_t k = 0; k < size; k++) {
            const PufColor color = tanks_colors[team];
            puf_rect(p, x - (size - k) * step, 15, step - 4, 14,
                     s->alive[team * size + k] ? color : puf_fade(color, 0.2), 2);
        }
        x -= size * step + 14;
    }
}

// Ground, wrecks, tanks, walls, shells, explosions; then the line at the top.
static void tanks_draw(const void* state, const void* assets, PufPicture* p)
{
    const Tanks* s = state;
    const TanksGround a = tanks_arena(s);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    tanks_draw_ground(&a, p);
    for (int alive = 0; alive < 2; alive++) {
        for (int32_t i = 0; i < 2 * s->team_size; i++) {
            if ((s->alive[i] != 0) == alive) {
                tanks_draw_tank(s, i, &a, p);
            }
        }
    }
    tanks_draw_walls(&a, p);
    for (int32_t i = 0; i < s->shells; i++) {
        tanks_draw_shell(s, i, &a, p);
    }
    for (int32_t i = 0; i < 2 * s->team_size; i++) {
        const int32_t age = s->tick - s->ended_at[i];
        if (!s->alive[i] && age < TANKS_BURST) {
            tanks_draw_burst(tanks_at(&a, s->x[i], s->y[i]), (double)age / TANKS_BURST, a.side, p);
        }
    }
    tanks_draw_edges(&a, p);
    tanks_draw_hud(s, p);
}

PUF_DRAWING(tanks, .width = TANKS_FIELD_WIDTH + 2 * TANKS_MARGIN,
            .height = PUF_HUD_HEIGHT + TANKS_FIELD_HEIGHT + TANKS_MARGIN, .draw = tanks_draw);
