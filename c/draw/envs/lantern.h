// Lantern: a maze in the dark, seen as far as a light reaches. Each colour has a shape, too, so that nobody has to tell
// colours apart.
#pragma once
#include "draw/picture.h"
#include "envs/lantern.h"

enum { LANTERN_BOARD = 600, LANTERN_MARGIN = 20, LANTERN_FOOTER = 40, LANTERN_MAX_TILE = 60 };
enum {
    LANTERN_EVEN = 96,
    LANTERN_MAX_DIRECTIONS = 512
}; // evenly spaced directions; with two past each corner of a wall
enum { LANTERN_VERDICT_TICKS = 60 };
#define LANTERN_DARK PUF_RGB(7, 8, 14)
#define LANTERN_WARM PUF_RGB(255, 214, 150)
#define LANTERN_FARTHEST ((double)LANTERN_SIGHT)
#define LANTERN_DISC ((double)LANTERN_LIGHT)
#define LANTERN_FAR 60.0 // metres: where shadows end, outside of any picture

static const PufColor lantern_colors[LANTERN_COLOURS] = { PUF_CORAL, PUF_SKY, PUF_AMBER, PUF_MINT };

// Where metres lie on the picture: the maze in its middle, as large as fits. And what is drawn.
typedef struct LanternView {
    const Lantern* s;
    const LanternLevel* level;
    PufPicture* p;
    double x, y, tile, left, top; // of the body in metres; of the table in units
} LanternView;

// Whether a bit of a table is set.
static int lantern_has(const uint32_t* rows, int32_t row, int32_t column)
{
    return row >= 0 && row < LANTERN_ROWS && column >= 0 && column < 32 && (rows[row] >> column & 1);
}

static LanternView lantern_view(const Lantern* s, const void* assets, PufPicture* p)
{
    LanternView v = { .s = s, .level = lantern_level(s, assets), .p = p, .x = (double)s->x, .y = (double)s->y };
    int32_t top = LANTERN_ROWS, bottom = 0, left = 32, right = 0;
    for (int32_t row = 0; row < LANTERN_ROWS; row++) {
        for (int32_t column = 0; column < 32; column++) {
            if (lantern_has(v.level->rows, row, column)) {
                top = row < top ? row : top;
                bottom = row;
                left = column < left ? column : left;
                right = column > right ? column : right;
            }
        }
    }
    const double wide = right - left + 3, high = bottom - top + 3;
    v.tile = puf_min(LANTERN_BOARD / puf_max(wide, high), LANTERN_MAX_TILE);
    v.left = LANTERN_MARGIN + (LANTERN_BOARD - wide * v.tile) / 2 - (left - 1) * v.tile;
    v.top = PUF_HUD_HEIGHT + (LANTERN_BOARD - high * v.tile) / 2 - (top - 1) * v.tile;
    return v;
}

static PufPoint lantern_point(const LanternView* v, double x, double y)
{
    return (PufPoint){ v->left + x * v->tile, v->top + y * v->tile };
}

// ---- Where light falls ----

// Metres from a place to the first wall in a direction, at most as far as light reaches.
static double lantern_reach(const uint32_t* rows, double x, double y, PufPoint d)
{
    int32_t column = (int32_t)x, row = (int32_t)y;
    const double gap_x = 1 / puf_max(fabs(d.x), 1e-12), gap_y = 1 / puf_max(fabs(d.y), 1e-12);
    double to_x = (d.x < 0 ? x - column : 1 - (x - column)) * gap_x;
    double to_y = (d.y < 0 ? y - row : 1 - (y - row)) * gap_y;
    double distance = 0;
    do {
        if (to_x < to_y) {
            distance = to_x;
            to_x += gap_x;
            column += d.x < 0 ? -1 : 1;
        } else {
            distance = to_y;
            to_y += gap_y;
            row += d.y < 0 ? -1 : 1;
        }
    } while (distance < LANTERN_FARTHEST && lantern_has(rows, row, column));
    return puf_min(distance, LANTERN_FARTHEST);
}

// Whether a disc of light is in reach, and a part of it behind no wall.
static int lantern_is_lit(const LanternView* v, LanternPlace light, double reach)
{
    const double x = (double)light.x - v->x, y = (double)light.y - v->y;
    if (sqrt(x * x + y * y) >= reach) {
        return 0;
    }
    for (int k = 0; k <= 12; k++) { // around it, and its middle
        const double radius = k < 12 ? 0.9 * LANTERN_DISC : 0, turn = k * PUF_TURN / 12;
        const double dx = x + radius * puf_cosine(turn), dy = y + radius * puf_sine(turn);
        const double distance = sqrt(dx * dx + dy * dy);
        const PufPoint d = distance > 0 ? (PufPoint){ dx / distance, dy / distance } : (PufPoint){ 1, 0 };
        if (lantern_reach(v->level->rows, v->x, v->y, d) > distance - 1e-6) {
            return 1;
        }
    }
    return 0;
}

// A direction's place on the way around, 0 to 4.
static double lantern_around(PufPoint d)
{
    const double along = d.x / (fabs(d.x) + fabs(d.y));
    return d.y < 0 ? 1 + along : 3 - along;
}

// Heapsort needs no recursion and no library.
static void lantern_sift(PufPoint* d, int32_t from, int32_t count)
{
    for (int32_t child = 2 * from + 1; child < count; child = 2 * from + 1) {
        if (child + 1 < count && lantern_around(d[child + 1]) > lantern_around(d[child])) {
            child++;
        }
        if (lantern_around(d[from]) >= lantern_around(d[child])) {
            return;
        }
        const PufPoint other = d[from];
        d[from] = d[child];
        d[child] = other;
        from = child;
    }
}

static void lantern_sort(PufPoint* d, int32_t count)
{
    for (int32_t i = count / 2 - 1; i >= 0; i--) {
        lantern_sift(d, i, count);
    }
    for (int32_t last = count - 1; last > 0; last--) {
        const PufPoint first = d[0];
        d[0] = d[last];
        d[last] = first;
        lantern_sift(d, 0, last);
    }
}

static void lantern_spread(PufPoint d[LANTERN_EVEN])
{
    for (int32_t i = 0; i < LANTERN_EVEN; i++) {
        const double turn = (i - LANTERN_EVEN / 2) * PUF_TURN / LANTERN_EVEN;
        d[i] = (PufPoint){ puf_cosine(turn), puf_sine(turn) };
    }
}

// Evenly spaced ones, and those just beside each corner of a wall in reach, where light ends. In order. Returns how
// many.
static int32_t lantern_directions(const LanternView* v, PufPoint d[LANTERN_MAX_DIRECTIONS])
{
    const uint32_t* rows = v->level->rows;
    const int32_t reach = (int32_t)LANTERN_FARTHEST, row = (int32_t)v->y, column = (int32_t)v->x;
    int32_t count = LANTERN_EVEN;
    lantern_spread(d);
    for (int32_t y = row - reach; y <= row + reach + 1; y++) {
        for (int32_t x = column - reach; x <= column + reach + 1; x++) {
            const int32_t open = lantern_has(rows, y - 1, x - 1) + lantern_has(rows, y - 1, x) +
                                 lantern_has(rows, y, x - 1) + lantern_has(rows, y, x);
            const double dx = x - v->x, dy = y - v->y, distance = sqrt(dx * dx + dy * dy);
            if (open == 0 || open == 4 || distance == 0) {
                continue;
            }
            for (int side = -1; side <= 1; side += 2) {
                const double turn = side * 1e-4;
                d[count++] = (PufPoint){ (dx - turn * dy) / distance, (dy + turn * dx) / distance };
            }
        }
    }
    lantern_sort(d, count);
    return count;
}

// ---- Lights and what they show ----

// About `size` units wide and high.
static void lantern_draw_shape(int32_t color, double x, double y, double size, PufColor ink, PufPicture* p)
{
    const double half = size / 2, reach = half * 0.75;
    switch (color) {
    case 0: PUF_SHAPE(p, x, y, half, ink, 0, -1.1, 1.1, 0.8, -1.1, 0.8); return;
    case 1: puf_rect(p, x - half * 0.85, y - half * 0.85, size * 0.85, size * 0.85, ink, 0); return;
    case 2: puf_circle(p, x, y, half, ink); return;
    default:
        puf_line(p, x - reach, y + reach, x + reach, y - reach, size * 0.3, ink);
        puf_line(p, x - reach, y - reach, x + reach, y + reach, size * 0.3, ink);
    }
}

// Seams between tiles, darker with the distance.
static void lantern_draw_tiles(const LanternView* v)
{
    for (int32_t row = (int32_t)(v->y - 5); row < (int32_t)(v->y + 7); row++) {
        for (int32_t column = (int32_t)(v->x - 5); column < (int32_t)(v->x + 7); column++) {
            const double dx = column - v->x, dy = row - v->y, distance = sqrt(dx * dx + dy * dy);
            if (row >= 0 && row < 32 && column >= 0 && column < 32 && distance < LANTERN_FARTHEST - 1) {
                const PufColor ink = puf_fade(LANTERN_DARK, 0.5 * (1 - distance / (LANTERN_FARTHEST - 1)));
                const PufPoint at = lantern_point(v, column, row);
                puf_rect(v->p, at.x - 0.6, at.y - v->tile * 0.12, 1.2, v->tile * 0.24, ink, 0);
                puf_rect(v->p, at.x - v->tile * 0.12, at.y - 0.6, v->tile * 0.24, 1.2, ink, 0);
            }
        }
    }
}

// Around the body, and farther ahead of where it goes.
static void lantern_draw_light(const LanternView* v)
{
    static const double shares[][2] = { { 1.0, 0.30 }, { 0.8, 0.36 }, { 0.6, 0.42 }, { 0.4, 0.5 } };
    const Lantern* s = v->s;
    const PufPoint at = lantern_point(v, v->x, v->y);
    const double reach = LANTERN_FARTHEST * v->tile, left = 1 - (double)s->tick / (s->limit > 1 ? s->limit : 1);
    const PufColor color = puf_blend(PUF_CORAL, LANTERN_WARM, puf_min(1, 0.15 + 4 * left));
    const double vx = (double)s->vx, vy = (double)s->vy, speed = sqrt(vx * vx + vy * vy);
    const double strength = puf_min(1, speed / (double)LANTERN_TOP_SPEED);
    puf_glow(v->p, at.x, at.y, reach * 1.15, puf_fade(color, 0.34));
    puf_glow(v->p, at.x, at.y, reach * 0.6, puf_fade(color, 0.26));
    for (int i = 0; i < 4 && strength > 0.05; i++) {
        PufPoint rim[10] = { at };
        for (int k = 0; k < 9; k++) {
            const double turn = shares[i][1] * (k - 4) / 4, c = puf_cosine(turn), sine = puf_sine(turn);
            rim[k + 1].x = at.x + reach * shares[i][0] * (vx * c - vy * sine) / speed;
            rim[k + 1].y = at.y + reach * shares[i][0] * (vy * c + vx * sine) / speed;
        }
        puf_polygon(v->p, rim, 10, puf_fade(color, 0.09 * strength));
    }
    lantern_draw_tiles(v);
}

// A ring of light on the floor.
static void lantern_draw_gate(const LanternView* v, LanternPlace place, int32_t number)
{
    const PufPoint at = lantern_point(v, (double)place.x, (double)place.y);
    const PufColor color = lantern_colors[number];
    const double radius = LANTERN_DISC * v->tile;
    puf_glow(v->p, at.x, at.y, v->tile * 1.5, puf_fade(color, 0.45));
    puf_circle(v->p, at.x, at.y, radius, puf_blend(LANTERN_DARK, color, 0.22));
    puf_ring(v->p, at.x, at.y, radius * 0.82, radius, color);
    lantern_draw_shape(number, at.x, at.y, v->tile * 0.4, color, v->p);
}

// A flame behind glass; white where its colour is hidden.
static void lantern_draw_lantern(const LanternView* v)
{
    const Lantern* s = v->s;
    const LanternPlace place = v->level->lantern;
    const PufPoint at = lantern_point(v, (double)place.x, (double)place.y);
    const PufColor color = s->beacon ? lantern_colors[s->colour] : PUF_SNOW;
    const double tile = v->tile, half = tile * 0.34, top = at.y - tile * 0.4, bottom = at.y + tile * 0.46;
    const double flicker = 1 + 0.06 * puf_sine(s->tick * 0.9) + 0.04 * puf_sine(s->tick * 0.37);
    puf_glow(v->p, at.x, at.y, tile * 3.2 * flicker, puf_fade(color, 0.6));
    puf_glow(v->p, at.x, at.y, tile * 1.2 * flicker, puf_fade(PUF_SNOW, 0.5));
    puf_ring(v->p, at.x, top - tile * 0.06, tile * 0.1, tile * 0.16, PUF_SNOW);
    puf_rect(v->p, at.x - half, top, 2 * half, bottom - top, color, tile * 0.12);
    puf_rect(v->p, at.x - half * 1.2, top, 2.4 * half, tile * 0.12, PUF_SNOW, tile * 0.05);
    puf_rect(v->p, at.x - half * 1.2, bottom - tile * 0.12, 2.4 * half, tile * 0.12, PUF_SNOW, tile * 0.05);
    if (s->beacon) {
        lantern_draw_shape(s->colour, at.x, at.y + tile * 0.03, tile * 0.38, LANTERN_DARK, v->p);
    }
}

// ---- Shadows ----

// A piece of a wall; a little longer than it is, so that pieces join.
static void lantern_draw_face(const LanternView* v, PufPoint a, PufPoint b, double light)
{
    const double size = sqrt((b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y));
    if (size > 0.01) {
        const double dx = (b.x - a.x) / size * 0.7, dy = (b.y - a.y) / size * 0.7;
        const PufColor color = puf_blend(LANTERN_DARK, puf_blend(PUF_STEEL, LANTERN_WARM, 0.55), light);
        puf_line(v->p, a.x - dx, a.y - dy, b.x + dx, b.y + dy, puf_max(2, v->tile * 0.1), color);
    }
}

static PufPoint lantern_along(const LanternView* v, PufPoint d, double distance)
{
    return lantern_point(v, v->x + distance * d.x, v->y + distance * d.y);
}

// Between two directions: light that meets no wall fades in steps; what is behind a wall is dark.
static void lantern_draw_shadow(const LanternView* v, const PufPoint d[2], const double reach[2])
{
    static const double fades[][2] = { { 4.8, 0.3 }, { 5.2, 0.35 }, { 5.6, 0.45 } };
    const PufPoint a = lantern_along(v, d[0], reach[0]), b = lantern_along(v, d[1], reach[1]);
    const PufPoint a_end = lantern_along(v, d[0], LANTERN_FAR), b_end = lantern_along(v, d[1], LANTERN_FAR);
    for (int i = 0; i < 3; i++) {
        if (puf_min(reach[0], reach[1]) > fades[i][0]) {
            const PufPoint rim[] = { lantern_along(v, d[0], fades[i][0]), lantern_along(v, d[1], fades[i][0]), b, a };
            puf_polygon(v->p, rim, 4, puf_fade(LANTERN_DARK, fades[i][1]));
        }
    }
    puf_polygon(v->p, (const PufPoint[]){ a, b, b_end, a_end }, 4, LANTERN_DARK);
    puf_line(v->p, a.x, a.y, a_end.x, a_end.y, 1.5, LANTERN_DARK); // the seam to the next
}

// Behind every wall that the light meets; and the faces of these walls.
static void lantern_draw_shadows(const LanternView* v)
{
    PufPoint d[LANTERN_MAX_DIRECTIONS + 1];
    double reach[LANTERN_MAX_DIRECTIONS + 1];
    const int32_t count = lantern_directions(v, d);
    for (int32_t i = 0; i < count; i++) {
        reach[i] = lantern_reach(v->level->rows, v->x, v->y, d[i]);
    }
    d[count] = d[0];
    reach[count] = reach[0];
    for (int32_t i = 0; i < count; i++) {
        lantern_draw_shadow(v, d + i, reach + i);
    }
    for (int32_t i = 0; i < count; i++) {
        const double near = reach[i], next = reach[i + 1], light = 1 - (near + next) / 2 / LANTERN_FARTHEST;
        if (near < LANTERN_FARTHEST && next < LANTERN_FARTHEST && fabs(near - next) < 0.6) {
            lantern_draw_face(v, lantern_along(v, d[i], near), lantern_along(v, d[i + 1], next), puf_power(light, 1.3));
        }
    }
}

// ---- What the player remembers ----

// The tiles of floor that light fell on from the middles of those where the body has been.
static void lantern_recall(const LanternView* v, uint32_t seen[LANTERN_ROWS])
{
    PufPoint d[LANTERN_EVEN];
    lantern_spread(d);
    memset(seen, 0, LANTERN_ROWS * sizeof *seen);
    for (int32_t tile = 0; tile < LANTERN_ROWS * 32; tile++) {
        const double x = tile % 32 + 0.5, y = tile / 32 + 0.5;
        if (!(v->s->footprints[tile / 32] >> (tile % 32) & 1)) {
            continue;
        }
        seen[tile / 32] |= UINT32_C(1) << (tile % 32);
        for (int32_t i = 0; i < LANTERN_EVEN; i++) {
            const double end = lantern_reach(v->level->rows, x, y, d[i]) - 0.05;
            for (double along = 0.25; along < end && along < LANTERN_FARTHEST; along += 0.25) {
                seen[(int32_t)(y + along * d[i].y)] |= UINT32_C(1) << (int32_t)(x + along * d[i].x);
            }
        }
    }
}

static void lantern_draw_remembered_walls(const LanternView* v, int32_t row, int32_t column)
{
    static const int8_t ways[4][2] = { { -1, 0 }, { 0, 1 }, { 1, 0 }, { 0, -1 } };
    for (int i = 0; i < 4; i++) {
        const int32_t down = ways[i][0], right = ways[i][1];
        if (!lantern_has(v->level->rows, row + down, column + right)) {
            const double x = column + 0.5 + right / 2.0, y = row + 0.5 + down / 2.0;
            const double across = down ? 0.5 : 0, upright = right ? 0.5 : 0;
            const PufPoint a = lantern_point(v, x - across, y - upright), b = lantern_point(v, x + across, y + upright);
            puf_line(v->p, a.x, a.y, b.x, b.y, 1.5, puf_fade(PUF_STEEL, 0.4));
        }
    }
}

static void lantern_draw_remembered_light(const LanternView* v, LanternPlace place, const uint32_t* seen)
{
    if (lantern_has(seen, (int32_t)place.y, (int32_t)place.x) && !lantern_is_lit(v, place, LANTERN_FARTHEST)) {
        const PufPoint at = lantern_point(v, (double)place.x, (double)place.y);
        const double radius = LANTERN_DISC * v->tile;
        puf_ring(v->p, at.x, at.y, radius * 0.86, radius, puf_fade(PUF_STEEL, 0.5));
    }
}

// What was seen so far, faintly: floor, walls, and without their colours the gates and the lantern.
static void lantern_draw_memory(const LanternView* v)
{
    uint32_t seen[LANTERN_ROWS];
    lantern_recall(v, seen);
    for (int32_t row = 0; row < LANTERN_ROWS; row++) {
        for (int32_t first = 0, column = 0; column < 32; column++) {
            if (!lantern_has(seen, row, column)) {
                first = column + 1;
            } else if (!lantern_has(seen, row, column + 1)) {
                const PufPoint at = lantern_point(v, first, row);
                puf_rect(v->p, at.x, at.y, (column + 1 - first) * v->tile, v->tile, puf_fade(PUF_STEEL, 0.1), 0);
            }
        }
    }
    for (int32_t tile = 0; tile < LANTERN_ROWS * 32; tile++) {
        if (lantern_has(seen, tile / 32, tile % 32)) {
            lantern_draw_remembered_walls(v, tile / 32, tile % 32);
        }
    }
    for (int32_t gate = 0; gate < LANTERN_COLOURS; gate++) {
        lantern_draw_remembered_light(v, v->level->gates[gate], seen);
    }
    lantern_draw_remembered_light(v, v->level->lantern, seen);
    for (int32_t tile = 0; tile < LANTERN_ROWS * 32; tile++) {
        if (lantern_has(v->s->footprints, tile / 32, tile % 32)) {
            const PufPoint at = lantern_point(v, tile % 32 + 0.5, tile / 32 + 0.5);
            puf_circle(v->p, at.x, at.y, puf_max(1.5, v->tile * 0.06), puf_fade(PUF_STEEL, 0.55));
        }
    }
}

// ---- The body, and the words ----

static void lantern_draw_body(const LanternView* v)
{
    const Lantern* s = v->s;
    const PufPoint at = lantern_point(v, v->x, v->y);
    const double radius = (double)LANTERN_RADIUS * v->tile;
    for (int32_t age = LANTERN_TRAIL - 1; age > 0; age--) {
        const int32_t i = (s->tick / LANTERN_TRAIL_TICKS - age + 4 * LANTERN_TRAIL) % LANTERN_TRAIL;
        const PufPoint tail = lantern_point(v, (double)s->trail_x[i], (double)s->trail_y[i]);
        const double share = 1 - (double)age / LANTERN_TRAIL;
        puf_circle(v->p, tail.x, tail.y, radius * (0.25 + 0.6 * share), puf_fade(LANTERN_WARM, 0.22 * share));
    }
    puf_glow(v->p, at.x, at.y, radius * 4, puf_fade(LANTERN_WARM, 0.5));
    puf_circle(v->p, at.x, at.y, radius, PUF_SNOW);
    puf_circle(v->p, at.x, at.y, radius * 0.55, LANTERN_WARM);
    if (s->resting > 0) {
        const double share = puf_min(1, (double)s->resting / (s->needed > 1 ? s->needed : 1));
        puf_arc(v->p, at.x, at.y, radius * 1.7, radius * 2.2, PUF_SNOW, -90, -90 + 360 * share);
    }
}

static const char* const lantern_verdicts[] = { "Your light went out.", "The wrong gate. The dark keeps you.",
                                                "The right gate!" };

// How the last game ended, for a while.
static void lantern_draw_verdict(const LanternView* v)
{
    static const PufColor colors[] = { PUF_STEEL, PUF_CORAL, PUF_MINT };
    const Lantern* s = v->s;
    if (s->verdict >= 0 && s->verdict < 3 && s->tick < LANTERN_VERDICT_TICKS) {
        const double opacity = puf_min(1, 2 * (1 - (double)s->tick / LANTERN_VERDICT_TICKS));
        puf_text(v->p, v->p->width / 2, PUF_HUD_HEIGHT + 24, lantern_verdicts[s->verdict], 30,
                 puf_fade(colors[s->verdict], opacity), PUF_CENTER);
    }
}

// Above, numbers and the time that is left; below, the keys, or what is sought.
static void lantern_draw_words(const LanternView* v)
{
    const Lantern* s = v->s;
    PufPicture* p = v->p;
    const int32_t left = s->limit > s->tick ? s->limit - s->tick : 0;
    const double share = (double)left / (s->limit > 1 ? s->limit : 1), y = p->height - LANTERN_FOOTER + 12;
    puf_rect(p, 0, 0, p->width, PUF_HUD_HEIGHT, PUF_NIGHT, 0);
    puf_rect(p, 0, p->height - LANTERN_FOOTER, p->width, LANTERN_FOOTER, PUF_NIGHT, 0);
    puf_hud(p, "lantern",
            (PufFigure[]){ puf_figure("maze", s->rank + 1), puf_figure("of", s->num_levels),
                           puf_figure("seconds", left / 30.0) },
            3);
    puf_rect(p, 0, PUF_HUD_HEIGHT - 3, p->width, 3, PUF_SLATE, 0);
    puf_rect(p, 0, PUF_HUD_HEIGHT - 3, p->width * share, 3, share > 0.2 ? LANTERN_WARM : PUF_CORAL, 0);
    if (p->person < 0) {
        const double width = puf_text(p, LANTERN_MARGIN, y, "sought:", 16, PUF_STEEL, PUF_LEFT);
        lantern_draw_shape(s->colour, LANTERN_MARGIN + width + 18, y + 8, 18, lantern_colors[s->colour], p);
    } else {
        puf_text(p, p->width / 2, y,
                 "arrows or WASD thrust   ·   space brakes   ·   rest in the gate of the lantern's colour", 16,
                 PUF_STEEL, PUF_CENTER);
    }
    lantern_draw_verdict(v);
}

// What the light falls on; then the shadows over it; then what the player remembers, and the player.
static void lantern_draw(const void* state, const void* assets, PufPicture* p)
{
    const LanternView v = lantern_view(state, assets, p);
    puf_clear(p, LANTERN_DARK);
    lantern_draw_light(&v);
    for (int32_t gate = 0; gate < LANTERN_COLOURS; gate++) {
        if (lantern_is_lit(&v, v.level->gates[gate], LANTERN_FARTHEST + LANTERN_DISC)) {
            lantern_draw_gate(&v, v.level->gates[gate], v.s->gate_colour[gate]);
        }
    }
    if (lantern_is_lit(&v, v.level->lantern, (double)v.s->glow)) {
        lantern_draw_lantern(&v);
    }
    lantern_draw_shadows(&v);
    lantern_draw_memory(&v);
    lantern_draw_body(&v);
    lantern_draw_words(&v);
}

static void lantern_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Lantern* s = state;
    (void)agent;
    puf_say(line, s->verdict == LANTERN_NO_VERDICT ? "" : lantern_verdicts[s->verdict]);
}

PUF_DRAWING(lantern, .width = LANTERN_BOARD + 2 * LANTERN_MARGIN,
            .height = PUF_HUD_HEIGHT + LANTERN_BOARD + LANTERN_FOOTER, .draw = lantern_draw,
            .verdict = lantern_say_end);
