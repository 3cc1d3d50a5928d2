// Foundry: the hall from above, machines that fill their bars, workers with what they carry, and the recipes beside.
#pragma once
#include "draw/picture.h"
#include "envs/foundry.h"

enum { FOUNDRY_BOARD = 624, FOUNDRY_PANEL = 208, FOUNDRY_MARGIN = 16, FOUNDRY_TOP = PUF_HUD_HEIGHT };
enum { FOUNDRY_EDGE = FOUNDRY_SIGHT - 1 }; // the first row and column that are shown: the wall around the hall
#define FOUNDRY_ICE PUF_RGB(196, 232, 250)
#define FOUNDRY_BROWN PUF_RGB(188, 138, 102)

static const int8_t foundry_ways[FOUNDRY_DIRECTIONS][2] = { { 0, -1 }, { 0, 1 }, { -1, 0 }, { 1, 0 } }; // x, y
static const PufColor foundry_shades[FOUNDRY_KINDS] = {
    PUF_ORANGE, PUF_AMBER, PUF_PINK, PUF_TEAL, PUF_SKY, PUF_VIOLET
}; // of kinds of machines
static const PufColor foundry_teams[FOUNDRY_MAX_TEAMS] = { PUF_SKY, PUF_CORAL, PUF_MINT, PUF_VIOLET };

// ---- Goods ----

static void foundry_draw_ore(double x, double y, double r, PufColor color, PufColor shade, PufPicture* p)
{
    PUF_SHAPE(p, x, y, r, color, -1, 0.2, -0.5, -0.7, 0.3, -0.8, 1, -0.1, 0.7, 0.7, -0.6, 0.75);
    PUF_SHAPE(p, x, y, r, shade, 0.3, -0.8, 1, -0.1, 0.7, 0.7, 0.1, 0);
}

static void foundry_draw_crystal(double x, double y, double r, PufColor color, PufColor shade, PufPicture* p)
{
    PUF_SHAPE(p, x, y, r, color, 0, -1, 0.7, -0.1, 0, 1, -0.7, -0.1);
    PUF_SHAPE(p, x, y, r, shade, 0, -1, 0.7, -0.1, 0, 1);
}

static void foundry_draw_battery(double x, double y, double r, PufColor color, PufColor shade, PufPicture* p)
{
    puf_rect(p, x - r * 0.25, y - r, r * 0.5, r * 0.4, color, 0);
    puf_rect(p, x - r * 0.6, y - r * 0.75, r * 1.2, r * 1.7, color, r * 0.25);
    puf_rect(p, x - r * 0.32, y + r * 0.02, r * 0.64, r * 0.2, shade, 0);
    puf_rect(p, x - r * 0.1, y - r * 0.2, r * 0.2, r * 0.64, shade, 0);
}

static void foundry_draw_gear(double x, double y, double r, PufColor color, PufColor shade, PufPicture* p)
{
    for (int i = 0; i < 4; i++) {
        const double dx = puf_cosine(i * (PUF_TURN / 2) / 4), dy = puf_sine(i * (PUF_TURN / 2) / 4);
        puf_line(p, x - r * dx, y - r * dy, x + r * dx, y + r * dy, r * 0.36, color);
    }
    puf_circle(p, x, y, r * 0.72, color);
    puf_circle(p, x, y, r * 0.3, shade);
}

static void foundry_draw_laser(double x, double y, double r, PufColor color, PufColor shade, PufPicture* p)
{
    puf_rect(p, x - r, y - r * 0.5, r * 1.35, r * 0.6, color, r * 0.15);
    PUF_SHAPE(p, x, y, r, color, -0.75, 0, -0.2, 0, -0.4, 0.9, -0.9, 0.9);
    puf_rect(p, x - r * 0.7, y - r * 0.32, r * 0.7, r * 0.2, shade, 0);
    puf_line(p, x + r * 0.45, y - r * 0.2, x + r, y - r * 0.2, r * 0.24, color);
}

static void foundry_draw_shield(double x, double y, double r, PufColor color, PufColor shade, PufPicture* p)
{
    PUF_SHAPE(p, x, y, r, color, 0, -0.95, 0, 1, -0.55, 0.5, -0.8, -0.05, -0.8, -0.65);
    PUF_SHAPE(p, x, y, r, color, 0, -0.95, 0.8, -0.65, 0.8, -0.05, 0.55, 0.5, 0, 1);
    PUF_SHAPE(p, x, y, r, shade, 0, -0.95, 0.8, -0.65, 0.8, -0.05, 0.55, 0.5, 0, 1);
}

// Its parts overlap: where it is pale, they are mixed with the ground instead.
static void foundry_draw_heart(double x, double y, double r, PufColor color, PufPicture* p)
{
    const double opacity = (double)(color >> 24) / 255;
    color = opacity < 1 ? puf_blend(PUF_NIGHT, color | 0xff000000u, opacity) : color;
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * r * 0.44, y - r * 0.28, r * 0.53, color);
    }
    PUF_SHAPE(p, x, y, r, color, -0.92, -0.06, 0, -0.3, 0.92, -0.06, 0, 0.95);
    puf_circle(p, x - r * 0.44, y - r * 0.36, r * 0.16, puf_fade(PUF_SNOW, opacity < 1 ? 0.3 : 0.8));
}

static PufColor foundry_color_of(int32_t good)
{
    switch (good) {
    case FOUNDRY_ORE: return FOUNDRY_BROWN;
    case FOUNDRY_CRYSTAL: return PUF_TEAL;
    case FOUNDRY_BATTERY: return PUF_MINT;
    case FOUNDRY_GEAR: return puf_blend(PUF_STEEL, PUF_SNOW, 0.45);
    case FOUNDRY_LASER: return PUF_PINK;
    case FOUNDRY_SHIELD: return PUF_VIOLET;
    case FOUNDRY_HEART: return PUF_CORAL;
    default: return PUF_SLATE;
    }
}

// The sign of a good, `size` wide; less `strength` makes it paler.
static void foundry_draw_good(int32_t good, double x, double y, double size, double strength, PufPicture* p)
{
    const PufColor color = puf_fade(foundry_color_of(good), strength), shade = puf_fade(PUF_NIGHT, 0.4 * strength);
    const double r = size / 2;
    switch (good) {
    case FOUNDRY_ORE: foundry_draw_ore(x, y, r, color, shade, p); break;
    case FOUNDRY_CRYSTAL: foundry_draw_crystal(x, y, r, color, shade, p); break;
    case FOUNDRY_BATTERY: foundry_draw_battery(x, y, r, color, shade, p); break;
    case FOUNDRY_GEAR: foundry_draw_gear(x, y, r, color, shade, p); break;
    case FOUNDRY_LASER: foundry_draw_laser(x, y, r, color, shade, p); break;
    case FOUNDRY_SHIELD: foundry_draw_shield(x, y, r, color, shade, p); break;
    case FOUNDRY_HEART: foundry_draw_heart(x, y, r, color, p); break;
    default: puf_ring(p, x, y, r * 0.5, r * 0.7, color);
    }
}

// ---- The board: the hall and the wall around it, as large as fits ----

typedef struct FoundryBoard {
    const Foundry* s;
    const FoundryWorker* own; // the one that is followed
    PufPicture* p;
    int32_t width, height; // tiles
    double side, left, top;
} FoundryBoard;

static FoundryBoard foundry_board(const Foundry* s, PufPicture* p)
{
    FoundryBoard b = { .s = s, .own = &foundry_workers(s)[puf_agent(p)], .p = p };
    b.width = s->columns - 2 * FOUNDRY_SIGHT + 2;
    b.height = s->rows - 2 * FOUNDRY_SIGHT + 2;
    b.side = (double)FOUNDRY_BOARD / (b.width > b.height ? b.width : b.height);
    b.left = FOUNDRY_MARGIN + (FOUNDRY_BOARD - b.width * b.side) / 2;
    b.top = FOUNDRY_TOP + (FOUNDRY_BOARD - b.height * b.side) / 2;
    return b;
}

static PufPoint foundry_at(const FoundryBoard* b, double row, double column)
{
    return (PufPoint){ b->left + (column - FOUNDRY_EDGE) * b->side, b->top + (row - FOUNDRY_EDGE) * b->side };
}

static PufPoint foundry_middle(const FoundryBoard* b, int32_t tile)
{
    return foundry_at(b, tile / b->s->columns + 0.5, tile % b->s->columns + 0.5);
}

// The colour of a worker: its own, or that of its team.
static PufColor foundry_skin(const Foundry* s, int32_t number)
{
    const int32_t own = number % (PUF_CREATURES - 1); // the last one is pink, as hearts are
    return s->teams > 1 ? foundry_teams[foundry_workers(s)[number].team] : puf_creatures[own];
}

static int foundry_is_wall(const Foundry* s, int32_t tile) { return foundry_what(s)[tile] == FOUNDRY_WALL; }

static int foundry_is_rock(const Foundry* s, int32_t tile) { return foundry_who(s)[tile] == FOUNDRY_NOBODY; }

// Walls are blocks with a lit upper edge and a dark front.
static void foundry_draw_tile(const FoundryBoard* b, int32_t row, int32_t column)
{
    const Foundry* s = b->s;
    const int32_t tile = row * s->columns + column, below = tile + s->columns, above = tile - s->columns;
    const PufPoint at = foundry_at(b, row, column);
    const double side = b->side;
    PufPicture* p = b->p;
    if (foundry_is_wall(s, tile)) {
        puf_rect(p, at.x, at.y, side + 0.5, side + 0.5, puf_blend(PUF_SLATE, PUF_STEEL, 0.12), 0);
        if (!foundry_is_wall(s, below) && !foundry_is_rock(s, below)) {
            puf_rect(p, at.x, at.y + side * 0.72, side + 0.5, side * 0.28 + 0.5, puf_blend(PUF_NIGHT, PUF_SLATE, 0.5),
                     0);
        }
        if (!foundry_is_wall(s, above) && !foundry_is_rock(s, above)) {
            puf_rect(p, at.x, at.y, side + 0.5, puf_max(1.5, side * 0.08), puf_blend(PUF_SLATE, PUF_STEEL, 0.55), 0);
        }
    } else if (foundry_is_rock(s, tile)) {
        puf_rect(p, at.x, at.y, side + 0.5, side + 0.5, PUF_NIGHT, 0);
    } else if ((row + column) % 2) {
        puf_rect(p, at.x, at.y, side, side, puf_blend(PUF_DUSK, PUF_SLATE, 0.45), 0);
    }
}

static int32_t foundry_between(int32_t x, int32_t low, int32_t high) { return x < low ? low : x > high ? high : x; }

// The floor is brighter where a person sees.
static void foundry_draw_hall(const FoundryBoard* b)
{
    const int32_t bottom = FOUNDRY_EDGE + b->height, right = FOUNDRY_EDGE + b->width;
    const PufPoint corner = foundry_at(b, FOUNDRY_EDGE, FOUNDRY_EDGE);
    PufPicture* p = b->p;
    puf_rect(p, corner.x, corner.y, b->width * b->side, b->height * b->side, puf_blend(PUF_DUSK, PUF_SLATE, 0.3), 0);
    for (int32_t row = FOUNDRY_EDGE; row < bottom; row++) {
        for (int32_t column = FOUNDRY_EDGE; column < right; column++) {
            foundry_draw_tile(b, row, column);
        }
    }
    if (p->person >= 0) {
        const int32_t row = b->own->tile / b->s->columns, column = b->own->tile % b->s->columns;
        const int32_t y0 = foundry_between(row - FOUNDRY_SIGHT, FOUNDRY_EDGE, bottom);
        const int32_t x0 = foundry_between(column - FOUNDRY_SIGHT, FOUNDRY_EDGE, right);
        const int32_t y1 = foundry_between(row + FOUNDRY_SIGHT + 1, FOUNDRY_EDGE, bottom);
        const int32_t x1 = foundry_between(column + FOUNDRY_SIGHT + 1, FOUNDRY_EDGE, right);
        const double wide = (x1 - x0) * b->side, high = (y1 - y0) * b->side;
        const PufPoint at = foundry_at(b, y0, x0);
        puf_rect(p, at.x, at.y, wide, high, puf_fade(PUF_SNOW, 0.05), 0);
        puf_border(p, at.x, at.y, wide, high, 1, puf_fade(PUF_SNOW, 0.18), 0);
    }
}

// ---- Machines and workers ----

// A light for each input of a round: lit if it is there.
static void foundry_draw_needs(const FoundryBoard* b, const FoundryMachine* m, double x, double y)
{
    const FoundryKind* kind = &b->s->kinds[m->kind];
    int32_t lights = 0, drawn = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t slot = 0; slot < FOUNDRY_INPUTS; slot++) {
            const int32_t needed = kind->in[slot] == FOUNDRY_NONE ? 0 : slot ? 1 : kind->in_count;
            for (int32_t i = 0; i < needed && pass; i++, drawn++) {
                const double at = x + (drawn - (lights - 1) / 2.0) * b->side * 0.2;
                const int lit = m->in[slot] > i;
                puf_circle(b->p, at, y, b->side * 0.085, lit ? foundry_color_of(kind->in[slot]) : PUF_SLATE);
            }
            lights += pass ? 0 : needed;
        }
    }
}

// A coloured box with the good it makes, a bar while it runs, and lights for what it holds.
static void foundry_draw_machine(const FoundryBoard* b, const FoundryMachine* m)
{
    const FoundryKind* kind = &b->s->kinds[m->kind];
    const PufPoint c = foundry_middle(b, m->tile);
    const double side = b->side, left = c.x - side * 0.47, top = c.y - side * 0.47, bar = side * 0.62;
    const PufColor color = foundry_shades[m->kind];
    PufPicture* p = b->p;
    if (m->out) {
        puf_glow(p, c.x, c.y, side * 1.25, puf_fade(color, 0.45));
    }
    puf_rect(p, left, top, side * 0.94, side * 0.94,
             m->out > 0 || m->due > 0 ? color : puf_blend(color, PUF_DUSK, 0.45), side * 0.2);
    puf_rect(p, left + side * 0.08, top + side * 0.08, side * 0.78, side * 0.78,
             puf_blend(PUF_NIGHT, color, m->out ? 0.4 : 0.18), side * 0.15);
    foundry_draw_good(kind->out, c.x, c.y - side * (m->out ? 0 : 0.08), side * (m->out ? 0.66 : 0.46), m->out ? 1 : 0.4,
                      p);
    if (m->due && !m->out) {
        const double full = 1.0 - (double)(m->due - b->s->tick) / (kind->cooldown > 1 ? kind->cooldown : 1);
        puf_rect(p, c.x - bar / 2, c.y + side * 0.23, bar, side * 0.11, PUF_NIGHT, side * 0.05);
        puf_rect(p, c.x - bar / 2, c.y + side * 0.23, puf_max(side * 0.08, bar * full), side * 0.11, color,
                 side * 0.05);
    } else if (!m->out) {
        foundry_draw_needs(b, m, c.x, c.y + side * 0.285);
    }
    if (m->out > 1) {
        puf_circle(p, left + side * 0.84, top + side * 0.12, side * 0.2, color);
        puf_text(p, left + side * 0.84, top - side * 0.05, puf_word(m->out, 0, 0, "").text, side * 0.34, PUF_NIGHT,
                 PUF_CENTER);
    }
}

// A bar, which turns red where it is too little for an attack.
static void foundry_draw_energy(const FoundryBoard* b, const FoundryWorker* w, double x, double y, double width,
                                double height)
{
    const double part = (double)w->energy / b->s->energy;
    const PufColor color = w->energy >= FOUNDRY_ATTACK_COST ? PUF_MINT : PUF_CORAL;
    puf_rect(b->p, x, y, width, height, PUF_NIGHT, height / 2);
    if (part > 0) {
        puf_rect(b->p, x, y, puf_max(height, width * part), height, color, height / 2);
    }
}

// A block of ice around a frozen worker, with the steps that it will last.
static void foundry_draw_ice(const FoundryBoard* b, int32_t steps, double x, double y)
{
    const double side = b->side, left = x - side * 0.48, top = y - side * 0.48, wide = side * 0.96;
    PufPicture* p = b->p;
    puf_glow(p, x, y, side * 1.1, puf_fade(FOUNDRY_ICE, 0.5));
    puf_rect(p, left, top, wide, wide, puf_fade(FOUNDRY_ICE, 0.55), side * 0.14);
    puf_border(p, left, top, wide, wide, puf_max(1.5, side * 0.07), FOUNDRY_ICE, side * 0.14);
    for (int k = 0; k < 3; k++) {
        const double dx = side * 0.36 * puf_sine(k * PUF_TURN / 6), dy = side * 0.36 * puf_cosine(k * PUF_TURN / 6);
        puf_line(p, x - dx, y - dy, x + dx, y + dy, side * 0.06, PUF_SNOW);
    }
    puf_circle(p, x, y, side * 0.22, PUF_NIGHT);
    puf_text(p, x, y - side * 0.19, puf_word(steps, 0, 0, "").text, side * 0.32, FOUNDRY_ICE, PUF_CENTER);
}

// What a worker carries most of, as a stack on its back.
static void foundry_draw_load(const FoundryBoard* b, const FoundryWorker* w, PufPoint c)
{
    const double side = b->side, dx = foundry_ways[w->facing][0], dy = foundry_ways[w->facing][1];
    const double x = c.x - side * 0.28 * dx - side * 0.3 * fabs(dy),
                 y = c.y - side * 0.28 * dy - side * 0.26 * fabs(dx);
    puf_circle(b->p, x, y, side * 0.27, PUF_NIGHT);
    foundry_draw_good(w->most, x, y, side * 0.42, 1, b->p);
    if (w->goods[w->most] > 1) {
        puf_text(b->p, x + side * 0.12, y - side * 0.02, puf_word(w->goods[w->most], 0, 0, "").text, side * 0.36,
                 PUF_SNOW, PUF_LEFT);
    }
}

// A round body that looks where it goes, with its arms.
static void foundry_draw_worker(const FoundryBoard* b, int32_t number)
{
    const FoundryWorker* w = &foundry_workers(b->s)[number];
    const PufColor color = foundry_skin(b->s, number);
    const PufPoint c = foundry_middle(b, w->tile);
    const double side = b->side, dx = foundry_ways[w->facing][0], dy = foundry_ways[w->facing][1];
    PufPicture* p = b->p;
    if (w == b->own) {
        puf_glow(p, c.x, c.y, side * 1.5, puf_fade(color, 0.6));
        puf_ring(p, c.x, c.y, side * 0.46, side * 0.53, PUF_SNOW);
    }
    if (w->goods[FOUNDRY_LASER]) {
        puf_line(p, c.x + side * 0.2 * dx, c.y + side * 0.2 * dy, c.x + side * 0.6 * dx, c.y + side * 0.6 * dy,
                 side * 0.2, PUF_STEEL);
        puf_circle(p, c.x + side * 0.58 * dx, c.y + side * 0.58 * dy, side * 0.1, PUF_PINK);
    }
    puf_circle(p, c.x, c.y + side * 0.06, side * 0.4, puf_fade(PUF_NIGHT, 0.5));
    puf_circle(p, c.x, c.y, side * 0.39, color);
    if (w->goods[FOUNDRY_SHIELD]) {
        puf_ring(p, c.x, c.y, side * 0.37, side * 0.43, PUF_VIOLET);
    }
    for (int turn = -1; turn <= 1; turn += 2) {
        const double x = c.x + side * (0.17 * dx - 0.14 * turn * dy), y = c.y + side * (0.17 * dy + 0.14 * turn * dx);
        puf_circle(p, x, y, side * 0.12, PUF_SNOW);
        puf_circle(p, x + side * 0.04 * dx, y + side * 0.04 * dy, side * 0.065, PUF_NIGHT);
    }
    if (w->most) {
        foundry_draw_load(b, w, c);
    }
    if (b->s->energy) {
        foundry_draw_energy(b, w, c.x - side * 0.36, c.y + side * 0.4, side * 0.72, side * 0.1);
    }
    if (w->thaws) {
        foundry_draw_ice(b, w->thaws - b->s->tick, c.x, c.y);
    }
}

// From a worker to the one that its laser hit: into ice, or against a shield.
static void foundry_draw_beam(const FoundryBoard* b, const FoundryWorker* w)
{
    const double side = b->side, dx = foundry_ways[w->facing][0], dy = foundry_ways[w->facing][1];
    const PufPoint from = foundry_middle(b, w->tile), to = foundry_middle(b, w->beam);
    const double x0 = from.x + side * 0.6 * dx, y0 = from.y + side * 0.6 * dy;
    const double x1 = to.x - side * 0.45 * dx, y1 = to.y - side * 0.45 * dy;
    const FoundryWorker* hit = foundry_worker_at(b->s, w->beam);
    PufPicture* p = b->p;
    puf_line(p, x0, y0, x1, y1, side * 0.42, puf_fade(PUF_PINK, 0.3));
    puf_line(p, x0, y0, x1, y1, side * 0.2, PUF_PINK);
    puf_line(p, x0, y0, x1, y1, side * 0.08, PUF_SNOW);
    puf_glow(p, x1, y1, side * 0.9, puf_fade(PUF_PINK, 0.8));
    puf_circle(p, x1, y1, side * 0.14, PUF_SNOW);
    if (hit && !hit->thaws) {
        puf_ring(p, to.x, to.y, side * 0.55, side * 0.66, PUF_VIOLET);
        puf_ring(p, to.x, to.y, side * 0.7, side * 0.74, puf_fade(PUF_VIOLET, 0.6));
    }
}

// ---- The panel ----

// A good and how much of it; where the next one begins.
static double foundry_draw_amount(int32_t good, int32_t count, double x, double y, PufPicture* p)
{
    foundry_draw_good(good, x, y, 22, 1, p);
    if (count == 1) {
        return x + 24;
    }
    return x + 22 + puf_text(p, x + 13, y - 9, puf_word(count, 0, 0, "").text, 17, PUF_SNOW, PUF_LEFT);
}

static int foundry_has_kind(const Foundry* s, int32_t kind)
{
    for (int32_t i = 0; i < s->num_machines; i++) {
        if (foundry_machines(s)[i].kind == kind) {
            return 1;
        }
    }
    return 0;
}

// A line for each kind of machine in the hall: its colour, inputs, output and time.
static double foundry_draw_recipes(const Foundry* s, double x, double y, PufPicture* p)
{
    puf_text(p, x, y, "machines", 15, PUF_STEEL, PUF_LEFT);
    puf_text(p, x + FOUNDRY_PANEL - 28, y, "steps", 15, PUF_STEEL, PUF_RIGHT);
    y += 40;
    for (int32_t number = 0; number < FOUNDRY_KINDS; number++) {
        const FoundryKind* kind = &s->kinds[number];
        double at = x + 50;
        int32_t inputs = 0;
        if (!foundry_has_kind(s, number)) {
            continue;
        }
        puf_rect(p, x, y - 16, 32, 32, foundry_shades[number], 7);
        puf_rect(p, x + 3, y - 13, 26, 26, puf_blend(PUF_NIGHT, foundry_shades[number], 0.4), 5);
        foundry_draw_good(kind->out, x + 16, y, 22, 1, p);
        for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
            if (kind->in[i]) {
                at = foundry_draw_amount(kind->in[i], i ? 1 : kind->in_count, at, y, p);
                inputs++;
            }
        }
        at = inputs ? at + 5 : x + 46;
        puf_line(p, at - 8, y, at + 6, y, 2.5, PUF_STEEL);
        puf_polygon(p, (PufPoint[]){ { at + 12, y }, { at + 5, y - 6 }, { at + 5, y + 6 } }, 3, PUF_STEEL);
        foundry_draw_amount(kind->out, kind->out_count, at + 24, y, p);
        puf_text(p, x + FOUNDRY_PANEL - 28, y - 9, puf_word(kind->cooldown, 0, 0, "").text, 17, PUF_SNOW, PUF_RIGHT);
        y += 44;
    }
    return y - 20;
}

// What the person carries.
static double foundry_draw_hands(const FoundryBoard* b, double x, double y)
{
    PufPicture* p = b->p;
    PufLine title = puf_line_of("carried, up to ");
    int32_t held = 0;
    puf_say_number(&title, b->s->carry);
    puf_say(&title, " of each");
    puf_text(p, x, y, title.text, 15, PUF_STEEL, PUF_LEFT);
    y += 34;
    for (int32_t good = FOUNDRY_ORE; good < FOUNDRY_HEART; good++) {
        if (b->own->goods[good]) {
            const double at = x + 12 + 60 * (held % 3), down = y + 30 * (held / 3);
            foundry_draw_good(good, at, down, 24, 1, p);
            puf_text(p, at + 16, down - 10, puf_word(b->own->goods[good], 0, 0, "").text, 18, PUF_SNOW, PUF_LEFT);
            held++;
        }
    }
    if (held == 0) {
        puf_text(p, x, y - 9, "nothing", 15, PUF_SLATE, PUF_LEFT);
    }
    y += 30 * (held > 3 ? (held + 2) / 3 : 1);
    if (b->s->energy) {
        puf_text(p, x, y - 8, "energy", 15, PUF_STEEL, PUF_LEFT);
        foundry_draw_energy(b, b->own, x + 64, y - 4, FOUNDRY_PANEL - 136, 12);
        puf_text(p, x + FOUNDRY_PANEL - 28, y - 8, puf_word(b->own->energy, 0, 0, "").text, 15, PUF_SNOW, PUF_RIGHT);
        y += 22;
    }
    return y;
}

// The workers of a team with the hearts of each, white while frozen, and the sum.
static void foundry_draw_team(const FoundryBoard* b, int32_t team, double x, double y)
{
    int32_t place = 0;
    for (int32_t number = 0; number < b->s->workers && place < 5; number++) {
        const FoundryWorker* w = &foundry_workers(b->s)[number];
        const double at = x + 11 + 27 * place;
        if (w->team != team) {
            continue;
        }
        puf_circle(b->p, at, y + 9, 11, w->thaws ? FOUNDRY_ICE : foundry_skin(b->s, number));
        puf_text(b->p, at, y + 1, puf_word(w->goods[FOUNDRY_HEART], 0, 0, "").text, 15, PUF_NIGHT, PUF_CENTER);
        if (w == b->own) {
            puf_ring(b->p, at, y + 9, 11.5, 13.5, PUF_SNOW);
        }
        place++;
    }
    puf_text(b->p, x + FOUNDRY_PANEL - 28, y, puf_word(b->s->team_hearts[team], 0, 0, "").text, 18, PUF_SNOW,
             PUF_RIGHT);
}

// Who has how many hearts: a line for each worker, or for each team. The first ones, if they are many.
static void foundry_draw_crew(const FoundryBoard* b, double x, double y, int32_t lines)
{
    const Foundry* s = b->s;
    int32_t most = 12;
    for (int32_t team = 0; team < s->teams && s->teams > 1 && team < lines; team++) {
        foundry_draw_team(b, team, x, y + 28 * team);
    }
    for (int32_t number = 0; number < s->workers; number++) {
        const int32_t hearts = foundry_workers(s)[number].goods[FOUNDRY_HEART];
        most = hearts > most ? hearts : most;
    }
    for (int32_t number = 0; number < s->workers && s->teams == 1 && number < lines; number++, y += 24) {
        const FoundryWorker* w = &foundry_workers(s)[number];
        const int32_t hearts = w->goods[FOUNDRY_HEART];
        puf_circle(b->p, x + 9, y + 9, 8, w->thaws ? FOUNDRY_ICE : foundry_skin(s, number));
        if (w == b->own) {
            puf_ring(b->p, x + 9, y + 9, 9, 11, PUF_SNOW);
        }
        puf_rect(b->p, x + 26, y + 5, 120, 8, PUF_SLATE, 4);
        if (hearts) {
            puf_rect(b->p, x + 26, y + 5, puf_max(8, 120.0 * hearts / most), 8, PUF_PINK, 4);
        }
        puf_text(b->p, x + FOUNDRY_PANEL - 28, y + 1, puf_word(hearts, 0, 0, "").text, 15, PUF_SNOW, PUF_RIGHT);
    }
}

// The keys that do something under the rules of this hall.
static void foundry_draw_panel(const FoundryBoard* b)
{
    static const char* const hints[][2] = {
        { "arrows", "walk" },      { "into it", "take, or put in" }, { "g", "give to who is ahead" },
        { "x", "laser, 3 tiles" }, { "b", "eat a battery" },
    };
    const Foundry* s = b->s;
    const int shown[] = { 1, 1, 1, s->teams > 1 || s->friendly_fire, s->energy > 0 };
    const int32_t count = 3 + shown[3] + shown[4];
    const double x = FOUNDRY_BOARD + 2.0 * FOUNDRY_MARGIN, bottom = FOUNDRY_TOP + FOUNDRY_BOARD;
    PufPicture* p = b->p;
    puf_rect(p, x, FOUNDRY_TOP, FOUNDRY_PANEL, FOUNDRY_BOARD, PUF_DUSK, 10);
    double y = foundry_draw_recipes(s, x + 14, FOUNDRY_TOP + 12, p);
    y = foundry_draw_hands(b, x + 14, y + 10) + 10;
    puf_text(p, x + 14, y, "hearts", 15, PUF_STEEL, PUF_LEFT);
    foundry_draw_crew(b, x + 14, y + 24, (int32_t)floor((bottom - 22 - 26 * count - y - 24) / 26));
    for (int32_t i = 0, line = 0; i < 5; i++) {
        if (shown[i]) {
            const double at = bottom - 10 - 26 * (count - line++);
            puf_text(p, x + 14, at, hints[i][0], 16, PUF_SNOW, PUF_LEFT);
            puf_text(p, x + 66, at + 1, hints[i][1], 15, PUF_STEEL, PUF_LEFT);
        }
    }
}

static void foundry_draw_hud(const FoundryBoard* b)
{
    const Foundry* s = b->s;
    const int32_t own = s->teams > 1 ? s->team_hearts[b->own->team] : s->hearts;
    int32_t other = s->teams > 1 ? 0 : s->par;
    for (int32_t team = 0; team < s->teams && s->teams > 1; team++) {
        other = team != b->own->team && s->team_hearts[team] > other ? s->team_hearts[team] : other;
    }
    const PufWord hearts = puf_join(puf_word(own, 0, 0, ""), s->teams > 1 ? " : " : " of ", puf_word(other, 0, 0, ""));
    puf_hud(b->p, "foundry",
            (PufFigure[]){ { "hearts", hearts },
                           puf_figure("own", b->own->goods[FOUNDRY_HEART]),
                           puf_figure("steps left", s->max_steps - s->tick) },
            3);
}

static void foundry_draw(const void* state, const void* assets, PufPicture* p)
{
    const Foundry* s = state;
    const FoundryBoard b = foundry_board(s, p);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    foundry_draw_hud(&b);
    foundry_draw_hall(&b);
    for (int32_t i = 0; i < s->num_machines; i++) {
        foundry_draw_machine(&b, &foundry_machines(s)[i]);
    }
    for (int32_t i = 0; i < s->workers; i++) {
        if (i != puf_agent(p)) {
            foundry_draw_worker(&b, i);
        }
    }
    foundry_draw_worker(&b, puf_agent(p));
    for (int32_t i = 0; i < s->workers; i++) {
        if (foundry_workers(s)[i].beam > 0) {
            foundry_draw_beam(&b, &foundry_workers(s)[i]);
        }
    }
    foundry_draw_panel(&b);
}

PUF_DRAWING(foundry, .width = FOUNDRY_BOARD + FOUNDRY_PANEL + 3 * FOUNDRY_MARGIN,
            .height = FOUNDRY_TOP + FOUNDRY_BOARD + FOUNDRY_MARGIN, .draw = foundry_draw);
