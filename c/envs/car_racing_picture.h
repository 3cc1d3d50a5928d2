// car_racing_picture.h - the picture that car_racing_pixels observes: 96 by 96 pixels of what Gymnasium's camera sees.
//
// Gymnasium paints polygons with corners at whole numbers on a canvas of 1000 by 800 dots, and shrinks it to 96 by 96
// pixels, each the mean of a box of 10.4 by 8.3 dots. Here nothing is painted: of each pixel the share that a polygon
// covers is computed, from the edges that cross it. A polygon is larger by half a dot on all sides, as its outline is
// painted, too. What lies behind another is cut off where both meet, so that neighbouring tiles leave no gap.
//
// The car is small and has many parts: it is painted dot by dot.
#pragma once
#include "car_racing_digits.h"
#include "car_racing_rules.h"

#define CAR_RACING_FIRST_ZOOM 0.6f            // dots for a metre, when the camera is far away
#define CAR_RACING_ZOOM 16.2f                 // after a second
#define CAR_RACING_GRASS_SIDE (2000.0f / 120) // m, of a square of grass
#define CAR_RACING_KERB_WIDTH (8.0f / 6)      // m
#define CAR_RACING_KERB_SINE 0.06196029f      // sine of the turn from post to post, four times, beyond which kerbs are
#define CAR_RACING_OUTLINE 0.5f               // dots that polygons are larger
#define CAR_RACING_OUTLINE_ASLANT 0.11f       // dots more where an edge is slanted, in the mean

enum {
    CAR_RACING_SIDE = 96,     // pixels
    CAR_RACING_VIEW = 84,     // rows of them that show the road; below are instruments
    CAR_RACING_BAND = 42,     // rows that are made at a time: some threads have small stacks
    CAR_RACING_WIDE = 1000,   // dots
    CAR_RACING_HIGH = 800,    // dots
    CAR_RACING_HORIZON = 700, // dots that show the road
    CAR_RACING_HULL_X = 500,  // dots: where the hull's origin is
    CAR_RACING_HULL_Y = 599,
    CAR_RACING_ROAD = 102,  // red, green and blue of the road; tiles that were not visited may be brighter
    CAR_RACING_GREEN = 204, // of the field, whose red and blue are those of the road
    CAR_RACING_GRASS = 26,  // more green in squares
    CAR_RACING_CORNERS = 4,
    CAR_RACING_CAR_LEFT = 45, // pixels around the car
    CAR_RACING_CAR_TOP = 66,
    CAR_RACING_CAR_COLUMNS = 6,
    CAR_RACING_CAR_ROWS = 11,
    CAR_RACING_CANVAS_LEFT = 468, // dots around them
    CAR_RACING_CANVAS_TOP = 550,
    CAR_RACING_CANVAS_WIDTH = 64,
    CAR_RACING_CANVAS_HEIGHT = 92,
};
#define CAR_RACING_PER_X (96.0f / 1000) // pixels for a dot
#define CAR_RACING_PER_Y (96.0f / 800)

// What covers a pixel: the share of the road, red and green (or blue) of what is on the road, and the share of squares of
// grass. While edges are added, each is stored as the difference to the pixel on its left.
enum { CAR_RACING_COVER, CAR_RACING_COVER_RED, CAR_RACING_COVER_OTHER, CAR_RACING_SQUARES, CAR_RACING_LANES };
typedef struct CarRacingCells {
    int32_t top; // the band of rows begins there
    float at[CAR_RACING_BAND][CAR_RACING_SIDE + 2][CAR_RACING_LANES];
} CarRacingCells;

typedef struct CarRacingDot {
    int32_t x, y; // from the upper left corner
} CarRacingDot;

// The camera turns with the hull.
typedef struct CarRacingCamera {
    float x, y, sine, cosine, zoom;
} CarRacingCamera;

static CarRacingCamera car_racing_camera(const CarRacing* s)
{
    const float seconds = puf_minf((float)(s->tick + 1) / CAR_RACING_RATE, 1.0f);
    CarRacingCamera c;
    puf_sincosf(s->angle, &c.sine, &c.cosine);
    c.x = s->x + CAR_RACING_CENTRE * c.sine;
    c.y = s->y - CAR_RACING_CENTRE * c.cosine;
    c.zoom = CAR_RACING_FIRST_ZOOM * (1.0f - seconds) + CAR_RACING_ZOOM * seconds;
    return c;
}

static CarRacingDot car_racing_dot(const CarRacingCamera* c, float x, float y)
{
    const float dx = c->zoom * (x - c->x), dy = c->zoom * (y - c->y);
    const float minus = -c->sine; // gcc 12 fuses a difference beside a sum into one instruction (its bug 107647)
    const float right = dx * c->cosine + dy * c->sine, ahead = dy * c->cosine + dx * minus;
    CarRacingDot dot;
    dot.x = (int32_t)((float)CAR_RACING_HULL_X + right);
    dot.y = CAR_RACING_HIGH - 1 - (int32_t)((float)(CAR_RACING_HIGH - 1 - CAR_RACING_HULL_Y) + ahead);
    return dot;
}

// ---- What polygons cover. ----

typedef struct CarRacingCorner {
    float x, y; // pixels
} CarRacingCorner;

static inline void car_racing_add(float* cell, float share, const float* color)
{
    for (int32_t i = 0; i < CAR_RACING_LANES; i++) {
        cell[i] += share * color[i];
    }
}

// Cover what is on the right of a piece of an edge within a row, `high` pixels of it.
static inline void car_racing_cover(float (*row)[CAR_RACING_LANES], float from, float to, float high,
                                    const float* color)
{
    const float left = puf_minf(from, to), right = puf_maxf(from, to);
    const int32_t first = (int32_t)left, last = (int32_t)right;
    if (first == last) {
        const float share = 0.5f * (left + right) - (float)first;
        car_racing_add(row[first], high * (1.0f - share), color);
        car_racing_add(row[first + 1], high * share, color);
        return;
    }
    const float each = high / (right - left), in = (float)(first + 1) - left, out = right - (float)last;
    float before = 0.5f * each * in * in;
    car_racing_add(row[first], before, color);
    for (int32_t i = first + 1; i < last; i++) {
        const float now = each * ((float)i + 0.5f - left);
        car_racing_add(row[i], now - before, color);
        before = now;
    }
    const float now = high - 0.5f * each * out * out;
    car_racing_add(row[last], now - before, color);
    car_racing_add(row[last + 1], high - now, color);
}

// A piece of an edge that goes down, inside of the picture.
static void car_racing_walk(CarRacingCells* cells, CarRacingCorner a, CarRacingCorner b, float sign, const float* color)
{
    const float slope = b.y > a.y ? (b.x - a.x) / (b.y - a.y) : 0.0f;
    float x = a.x, y = a.y;
    for (int32_t row = (int32_t)a.y; row < CAR_RACING_BAND && (float)row < b.y; row++) {
        const float bottom = puf_minf((float)(row + 1), b.y), high = bottom - y;
        const float next = puf_clampf(x + slope * high, 0.0f, (float)CAR_RACING_SIDE);
        car_racing_cover(cells->at[row], x, next, high * sign, color);
        x = next;
        y = bottom;
    }
}

static CarRacingCorner car_racing_cut(CarRacingCorner a, CarRacingCorner b, float x)
{
    const CarRacingCorner cut = { x, puf_clampf(a.y + (x - a.x) * (b.y - a.y) / (b.x - a.x), a.y, b.y) };
    return cut;
}

// Cover what is on the right of an edge, or uncover it if the edge goes up. Of what is beyond the left border of the
// picture its height counts; what is beyond the right one covers nothing.
static void car_racing_edge(CarRacingCells* cells, CarRacingCorner a, CarRacingCorner b, const float* color)
{
    const float sign = a.y <= b.y ? 1.0f : -1.0f, wide = CAR_RACING_SIDE, high = CAR_RACING_BAND;
    if (sign < 0.0f) {
        const CarRacingCorner swap = a;
        a = b;
        b = swap;
    }
    if (a.y == b.y || b.y <= 0.0f || a.y >= high || (a.x >= wide && b.x >= wide)) {
        return;
    }
    const float slope = (b.x - a.x) / (b.y - a.y);
    if (b.y > high) {
        b.x -= slope * (b.y - high);
        b.y = high;
    }
    if (a.y < 0.0f) {
        a.x -= slope * a.y;
        a.y = 0.0f;
    }
    if (puf_minf(a.x, b.x) < 0.0f) { // a part of it is beyond the left border
        const int all = puf_maxf(a.x, b.x) <= 0.0f;
        const CarRacingCorner cut = all ? b : car_racing_cut(a, b, 0.0f);
        const CarRacingCorner top = { 0.0f, all || a.x < 0.0f ? a.y : cut.y };
        const CarRacingCorner bottom = { 0.0f, all || a.x >= 0.0f ? b.y : cut.y };
        car_racing_walk(cells, top, bottom, sign, color);
        if (all) {
            return;
        }
        if (a.x < 0.0f) {
            a = cut;
        } else {
            b = cut;
        }
    }
    if (puf_maxf(a.x, b.x) > wide) {
        if (puf_minf(a.x, b.x) >= wide) {
            return;
        }
        const CarRacingCorner cut = car_racing_cut(a, b, wide);
        if (a.x > wide) {
            a = cut;
        } else {
            b = cut;
        }
    }
    car_racing_walk(cells, a, b, sign, color);
}

// Cover a polygon of four corners. Its sides are moved outwards by the outline, those in `cut` inwards: bit i is the side
// from corner i to the next.
static void car_racing_polygon(CarRacingCells* cells, const CarRacingDot* dots, uint32_t cut, const float* color)
{
    CarRacingCorner from[CAR_RACING_CORNERS], to[CAR_RACING_CORNERS];
    int32_t low_x = dots[0].x, high_x = dots[0].x, low_y = dots[0].y, high_y = dots[0].y;
    int64_t area = 0;
    for (int32_t i = 0; i < CAR_RACING_CORNERS; i++) {
        const CarRacingDot a = dots[i], b = dots[(i + 1) % CAR_RACING_CORNERS];
        low_x = a.x < low_x ? a.x : low_x;
        high_x = a.x > high_x ? a.x : high_x;
        low_y = a.y < low_y ? a.y : low_y;
        high_y = a.y > high_y ? a.y : high_y;
        area += (int64_t)(a.x - dots[0].x) * (b.y - dots[0].y) - (int64_t)(b.x - dots[0].x) * (a.y - dots[0].y);
    }
    const float top = (float)cells->top, below = top + (float)CAR_RACING_BAND;
    if (low_x > CAR_RACING_WIDE || high_x < -1 || (float)(low_y - 1) * CAR_RACING_PER_Y > below ||
        (float)(high_y + 2) * CAR_RACING_PER_Y < top) {
        return;
    }
    const float turn = area >= 0 ? 1.0f : -1.0f; // 1: clockwise on the picture
    for (int32_t i = 0; i < CAR_RACING_CORNERS; i++) {
        const CarRacingDot a = dots[i], b = dots[(i + 1) % CAR_RACING_CORNERS];
        const int32_t dx = b.x - a.x, dy = b.y - a.y, steep = (dx < 0 ? -dx : dx) < (dy < 0 ? -dy : dy);
        const float slanted = steep && dx ? CAR_RACING_OUTLINE_ASLANT : 0.0f;
        const float out = (cut >> i & 1 ? -turn : turn) * (CAR_RACING_OUTLINE + slanted);
        const float out_x = !steep ? 0.0f : dy > 0 ? out : -out, out_y = steep ? 0.0f : dx > 0 ? -out : out;
        from[i].x = ((float)a.x + 0.5f + out_x) * CAR_RACING_PER_X;
        from[i].y = ((float)a.y + 0.5f + out_y) * CAR_RACING_PER_Y - top;
        to[i].x = ((float)b.x + 0.5f + out_x) * CAR_RACING_PER_X;
        to[i].y = ((float)b.y + 0.5f + out_y) * CAR_RACING_PER_Y - top;
    }
    float signed_color[CAR_RACING_LANES];
    for (int32_t i = 0; i < CAR_RACING_LANES; i++) {
        signed_color[i] = -turn * color[i]; // clockwise: sides on the right go down
    }
    for (int32_t i = 0; i < CAR_RACING_CORNERS; i++) {
        car_racing_edge(cells, from[i], to[i], signed_color);
        car_racing_edge(cells, to[i], from[(i + 1) % CAR_RACING_CORNERS], signed_color);
    }
}

// ---- Ground and road. ----

// How far from the hull something can be seen, m.
static float car_racing_sight(const CarRacingCamera* c) { return 790.0f / c->zoom; }

// A square whose sides are along the world's axes, from its lower left corner.
static void car_racing_plot(CarRacingCells* cells, const CarRacingCamera* c, float x, float y, float side,
                            const float* color)
{
    CarRacingDot dots[CAR_RACING_CORNERS];
    for (int32_t i = 0; i < CAR_RACING_CORNERS; i++) {
        dots[i] = car_racing_dot(c, x + (i == 1 || i == 2 ? side : 0.0f), y + (i < 2 ? side : 0.0f));
    }
    car_racing_polygon(cells, dots, 0, color);
}

// Beyond the end of the world it is black: all is covered but the field.
static void car_racing_darkness(CarRacingCells* cells, const CarRacingCamera* c)
{
    static const float uncovered[CAR_RACING_LANES] = { -1.0f, 0.0f, 0.0f, 0.0f };
    const float world = CAR_RACING_WORLD;
    if (puf_maxf(fabsf(c->x), fabsf(c->y)) + car_racing_sight(c) > world) {
        for (int32_t row = 0; row < CAR_RACING_BAND; row++) {
            cells->at[row][0][CAR_RACING_COVER] += 1.0f;
        }
        car_racing_plot(cells, c, -world, -world, 2.0f * world, uncovered);
    }
}

// Every second square of every second row, in a world of 40 by 40 of them.
static void car_racing_squares(CarRacingCells* cells, const CarRacingCamera* c)
{
    static const float color[CAR_RACING_LANES] = { 0.0f, 0.0f, 0.0f, 1.0f };
    const float sight = car_racing_sight(c), pair = 2.0f * CAR_RACING_GRASS_SIDE;
    const int32_t left = puf_clampi((int32_t)floorf((c->x - sight) / pair), -10, 9);
    const int32_t right = puf_clampi((int32_t)floorf((c->x + sight) / pair), -10, 9);
    const int32_t low = puf_clampi((int32_t)floorf((c->y - sight) / pair), -10, 9);
    const int32_t high = puf_clampi((int32_t)floorf((c->y + sight) / pair), -10, 9);
    for (int32_t i = left; i <= right; i++) {
        for (int32_t k = low; k <= high; k++) {
            car_racing_plot(cells, c, pair * (float)i, pair * (float)k, CAR_RACING_GRASS_SIDE, color);
        }
    }
}

// 1 where the road turns left from the post before to this one, sharply enough for a kerb; -1: right; else 0.
static int32_t car_racing_bends(const CarRacing* s, int32_t post)
{
    const int32_t before = post > 0 ? post - 1 : s->tiles - 1;
    const float bend = s->road_cosine[before] * s->road_sine[post] - s->road_sine[before] * s->road_cosine[post];
    return (bend > CAR_RACING_KERB_SINE) - (bend < -CAR_RACING_KERB_SINE);
}

// Which side of each tile has a kerb: 1 for the left, -1 for the right. It is where four posts on end bend sharply.
static void car_racing_find_kerbs(const CarRacing* s, int8_t* kerbs)
{
    int32_t run = 0; // posts on end that bend to the left, or less than 0: to the right
    memset(kerbs, 0, (size_t)s->tiles);
    for (int32_t i = -3; i < s->tiles; i++) {
        const int32_t bend = car_racing_bends(s, i < 0 ? i + s->tiles : i);
        run = bend == 0 ? 0 : run * bend > 0 ? run + bend : bend;
        if (i >= 0 && (run >= 4 || run <= -4)) {
            for (int32_t k = 0; k < 4; k++) {
                kerbs[i >= k ? i - k : i - k + s->tiles] = (int8_t)bend;
            }
        }
    }
}

// From left to right: the outer sides of kerbs, and the sides of the road, at a post.
typedef struct CarRacingRow {
    CarRacingDot at[4];
} CarRacingRow;

static CarRacingRow car_racing_row(const CarRacing* s, const CarRacingCamera* c, int32_t post)
{
    static const float across[] = { -CAR_RACING_HALF_ROAD - CAR_RACING_KERB_WIDTH, -CAR_RACING_HALF_ROAD,
                                    CAR_RACING_HALF_ROAD, CAR_RACING_HALF_ROAD + CAR_RACING_KERB_WIDTH };
    CarRacingRow row;
    for (int32_t i = 0; i < 4; i++) {
        row.at[i] = car_racing_dot(c, s->road_x[post] + across[i] * s->road_cosine[post],
                                   s->road_y[post] + across[i] * s->road_sine[post]);
    }
    return row;
}

// Whether one of the hull's corners was on a tile when tiles were looked at, before the last step.
static int car_racing_is_under_hull(const CarRacing* s, int32_t tile)
{
    static const float corners[4][2] = { { -1.2f, 2.6f }, { 1.2f, 2.6f }, { -1.0f, -2.4f }, { 1.0f, -2.4f } };
    const int32_t at = (s->tick + CAR_RACING_TRAIL - 1) % CAR_RACING_TRAIL, before = tile > 0 ? tile - 1 : s->tiles - 1;
    const float x = s->trail_x[at], y = s->trail_y[at];
    float sine, cosine;
    if (fabsf(s->road_x[tile] - x) + fabsf(s->road_y[tile] - y) > 16.0f) {
        return 0;
    }
    puf_sincosf(s->trail_angle[at], &sine, &cosine);
    for (int32_t i = 0; i < 4; i++) {
        const float right = corners[i][0], ahead = corners[i][1] - CAR_RACING_CENTRE;
        const float px = x + right * cosine - ahead * sine, py = y + right * sine + ahead * cosine;
        const float dx = px - s->road_x[tile], dy = py - s->road_y[tile];
        const float ex = px - s->road_x[before], ey = py - s->road_y[before];
        const int within = s->road_cosine[tile] * dy - s->road_sine[tile] * dx <= CAR_RACING_SKIN &&
                           s->road_cosine[before] * ey - s->road_sine[before] * ex >= -CAR_RACING_SKIN;
        if (within && fabsf(s->road_cosine[tile] * dx + s->road_sine[tile] * dy) <= CAR_RACING_HALF_ROAD) {
            return 1;
        }
    }
    return 0;
}

// A tile and its kerb. What comes later is in front, so their far side is cut off if the next one is painted.
static void car_racing_pave(CarRacingCells* cells, const CarRacing* s, int32_t tile, const CarRacingRow* near,
                            const CarRacingRow* far, int32_t kerb, int32_t next_kerb)
{
    static const uint8_t shades[] = { 0, 2, 5 };
    enum { FAR = 1, RIGHT = 2, LEFT = 8 };                               // sides, in the order of the corners below
    const int dark = s->seen[tile] || car_racing_is_under_hull(s, tile); // touched by any part of the car
    const float shade = (float)(CAR_RACING_ROAD + (dark ? 0 : shades[tile % 3]));
    const float color[CAR_RACING_LANES] = { 1.0f, shade, shade, 0.0f };
    const CarRacingDot road[] = { far->at[1], far->at[2], near->at[2], near->at[1] };
    const uint32_t last = tile == s->tiles - 1;
    car_racing_polygon(cells, road, (last ? 0 : FAR) | (kerb > 0 ? LEFT : kerb < 0 ? RIGHT : 0), color);
    if (kerb) {
        const float red[CAR_RACING_LANES] = { 1.0f, 255.0f, tile % 2 ? 0.0f : 255.0f, 0.0f };
        const int32_t left = kerb > 0 ? 0 : 2;
        const CarRacingDot dots[] = { far->at[left], far->at[left + 1], near->at[left + 1], near->at[left] };
        car_racing_polygon(cells, dots, last || next_kerb != kerb ? 0 : FAR, red);
    }
}

static void car_racing_road(CarRacingCells* cells, const CarRacing* s, const CarRacingCamera* c)
{
    const float sight = car_racing_sight(c) + 10.0f;
    int8_t kerbs[CAR_RACING_MAX_TILES];
    CarRacingRow rows[2];
    int32_t ready = -1; // the post whose row is rows[ready % 2]
    car_racing_find_kerbs(s, kerbs);
    for (int32_t i = 0; i < s->tiles; i++) {
        const float dx = s->road_x[i] - c->x, dy = s->road_y[i] - c->y;
        if (dx * dx + dy * dy > sight * sight) {
            continue;
        }
        const int32_t before = i > 0 ? i - 1 : s->tiles - 1, next = i + 1 < s->tiles ? i + 1 : 0;
        if (ready != before) {
            rows[(i + 1) % 2] = car_racing_row(s, c, before);
        }
        rows[i % 2] = car_racing_row(s, c, i);
        ready = i;
        car_racing_pave(cells, s, i, &rows[(i + 1) % 2], &rows[i % 2], kerbs[i], kerbs[next]);
    }
}

// ---- The car, dot by dot. ----

enum { CAR_RACING_BARE, CAR_RACING_TYRE, CAR_RACING_STRIPE, CAR_RACING_HULL };
typedef struct CarRacingCanvas {
    uint8_t at[CAR_RACING_CANVAS_HEIGHT][CAR_RACING_CANVAS_WIDTH];
} CarRacingCanvas;

static int32_t car_racing_floor_div(int32_t a, int32_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// Of each row of dots what is between the sides, both included.
static void car_racing_paint(CarRacingCanvas* canvas, const CarRacingDot* dots, int32_t count, uint8_t color)
{
    int32_t low = dots[0].y, high = dots[0].y;
    for (int32_t i = 1; i < count; i++) {
        low = dots[i].y < low ? dots[i].y : low;
        high = dots[i].y > high ? dots[i].y : high;
    }
    const int32_t top = puf_clampi(low, 0, CAR_RACING_CANVAS_HEIGHT),
                  bottom = puf_clampi(high, -1, CAR_RACING_CANVAS_HEIGHT - 1);
    for (int32_t y = top; y <= bottom; y++) {
        int32_t left = CAR_RACING_CANVAS_WIDTH, right = -1;
        for (int32_t i = 0; i < count; i++) {
            const CarRacingDot p = dots[i], q = dots[i + 1 < count ? i + 1 : 0];
            const CarRacingDot a = p.y <= q.y ? p : q, b = p.y <= q.y ? q : p;
            if (y < a.y || y > b.y) {
                continue;
            }
            const int32_t x = a.y < b.y ? car_racing_floor_div((y - a.y) * (b.x - a.x), b.y - a.y) + a.x : a.x;
            const int32_t end = a.y < b.y ? x : b.x;
            left = puf_clampi(x < end ? x : end, 0, left);
            right = puf_clampi(x < end ? end : x, right, CAR_RACING_CANVAS_WIDTH - 1);
        }
        if (left <= right) {
            memset(&canvas->at[y][left], color, (size_t)(right - left + 1));
        }
    }
}

// A polygon of the car: corners are metres to the right and ahead in the frame of one of its bodies. Rows of the canvas go
// upwards.
static void car_racing_part(CarRacingCanvas* canvas, const CarRacingCamera* c, float x, float y, float sine,
                            float cosine, const float (*corners)[2], int32_t count, uint8_t color)
{
    CarRacingDot dots[8];
    for (int32_t i = 0; i < count; i++) {
        const CarRacingDot dot = car_racing_dot(c, x + corners[i][0] * cosine - corners[i][1] * sine,
                                                y + corners[i][0] * sine + corners[i][1] * cosine);
        dots[i].x = dot.x - CAR_RACING_CANVAS_LEFT;
        dots[i].y = CAR_RACING_CANVAS_TOP + CAR_RACING_CANVAS_HEIGHT - 1 - dot.y;
    }
    car_racing_paint(canvas, dots, count, color);
}

// A wheel, and the stripe on it that turns with it: it is seen where it is above.
static void car_racing_wheel(CarRacingCanvas* canvas, const CarRacingCamera* c, const CarRacing* s, int32_t w)
{
    const float wide = CAR_RACING_HALF_WIDTH, high = CAR_RACING_HALF_LENGTH, x = s->wheel_x[w], y = s->wheel_y[w];
    const float tyre[][2] = { { -wide, high }, { wide, high }, { wide, -high }, { -wide, -high } };
    float sine, cosine, above[2], at[2];
    puf_sincosf(s->wheel_angle[w], &sine, &cosine);
    car_racing_part(canvas, c, x, y, sine, cosine, tyre, 4, CAR_RACING_TYRE);
    for (int32_t i = 0; i < 2; i++) {
        puf_sincosf(s->phase[w] + 1.2f * (float)i, &above[i], &at[i]);
        at[i] = above[i] > 0.0f ? at[i] > 0.0f ? 1.0f : -1.0f : at[i];
    }
    if (above[0] <= 0.0f || above[1] <= 0.0f) {
        const float stripe[][2] = {
            { -wide, high * at[0] }, { wide, high * at[0] }, { wide, high * at[1] }, { -wide, high * at[1] }
        };
        car_racing_part(canvas, c, x, y, sine, cosine, stripe, 4, CAR_RACING_STRIPE);
    }
}

static void car_racing_paint_car(CarRacingCanvas* canvas, const CarRacingCamera* c, const CarRacing* s)
{
    static const float hull[][8][2] = {
        { { 1.2f, 2.2f }, { 1.2f, 2.6f }, { -1.2f, 2.6f }, { -1.2f, 2.2f } },
        { { 0.4f, 0.4f }, { 0.3f, 2.4f }, { -0.3f, 2.4f }, { -0.4f, 0.4f } },
        { { 1.0f, -0.8f },
          { 1.0f, -0.2f },
          { 0.5f, 0.4f },
          { -0.5f, 0.4f },
          { -1.0f, -0.2f },
          { -1.0f, -0.8f },
          { -0.4f, -1.8f },
          { 0.4f, -1.8f } },
        { { 1.0f, -2.4f }, { 1.0f, -1.8f }, { -1.0f, -1.8f }, { -1.0f, -2.4f } },
    };
    memset(canvas, CAR_RACING_BARE, sizeof *canvas);
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        car_racing_wheel(canvas, c, s, w);
    }
    for (int32_t i = 0; i < 4; i++) {
        car_racing_part(canvas, c, c->x, c->y, c->sine, c->cosine, hull[i], i == 2 ? 8 : 4, CAR_RACING_HULL);
    }
}

// The share of a pixel that the car covers, and its red and green (or blue).
typedef struct CarRacingPixel {
    float cover, red, other;
} CarRacingPixel;

// Dots of a row of pixels, column by column: how many are of each colour, in thirds, of which a pixel has 25.
typedef struct CarRacingTally {
    uint16_t of[4][CAR_RACING_CANVAS_WIDTH];
} CarRacingTally;

// row: one of those around the car, all of whose dots the canvas has.
static void car_racing_count(CarRacingTally* tally, const CarRacingCanvas* canvas, int32_t row)
{
    memset(tally, 0, sizeof *tally);
    for (int32_t third = 25 * row; third < 25 * (row + 1);) {
        const int32_t y = third / 3, thirds = puf_clampi(25 * (row + 1), 0, 3 * (y + 1)) - third;
        const int32_t from_below = CAR_RACING_CANVAS_TOP + CAR_RACING_CANVAS_HEIGHT - 1 - y;
        uint8_t dots[CAR_RACING_CANVAS_WIDTH];
        memcpy(dots, canvas->at[from_below], sizeof dots);
        for (int32_t x = 0; x < CAR_RACING_CANVAS_WIDTH; x++) {
            for (int32_t color = CAR_RACING_TYRE; color <= CAR_RACING_HULL; color++) {
                tally->of[color][x] = (uint16_t)(tally->of[color][x] + (dots[x] == color ? thirds : 0));
            }
        }
        third += thirds;
    }
}

// A pixel has 125 twelfths of a dot from left to right.
static CarRacingPixel car_racing_car_pixel(const CarRacingTally* tally, int32_t column)
{
    int32_t sums[4] = { 0, 0, 0, 0 };
    for (int32_t twelfth = 125 * column; twelfth < 125 * (column + 1);) {
        const int32_t x = twelfth / 12, twelfths = puf_clampi(125 * (column + 1), 0, 12 * (x + 1)) - twelfth;
        const int32_t at = puf_clampi(x - CAR_RACING_CANVAS_LEFT, 0, CAR_RACING_CANVAS_WIDTH - 1);
        for (int32_t color = CAR_RACING_TYRE; color <= CAR_RACING_HULL; color++) {
            sums[color] += twelfths * tally->of[color][at];
        }
        twelfth += twelfths;
    }
    CarRacingPixel pixel;
    pixel.cover = (float)(sums[CAR_RACING_TYRE] + sums[CAR_RACING_STRIPE] + sums[CAR_RACING_HULL]) / 3125.0f;
    pixel.red = (float)(77 * sums[CAR_RACING_STRIPE] + 204 * sums[CAR_RACING_HULL]) / 3125.0f;
    pixel.other = (float)(77 * sums[CAR_RACING_STRIPE]) / 3125.0f;
    return pixel;
}

// ---- Instruments: bars on black. ----

typedef struct CarRacingPanel {
    float at[CAR_RACING_SIDE - CAR_RACING_VIEW][CAR_RACING_SIDE][3];
} CarRacingPanel;

// How much of the box from `low` to `low` + 1 is between two numbers.
static float car_racing_overlap(int32_t low, float from, float to)
{
    return puf_maxf(puf_minf(to, (float)(low + 1)) - puf_maxf(from, (float)low), 0.0f);
}

// Add colour to dots from the left to the right and from the top to the bottom, all included.
static void car_racing_bar(CarRacingPanel* panel, int32_t left, int32_t right, int32_t top, int32_t bottom,
                           const float* color)
{
    const float x1 = (float)puf_clampi(left, 0, CAR_RACING_WIDE) * CAR_RACING_PER_X;
    const float x2 = (float)puf_clampi(right + 1, 0, CAR_RACING_WIDE) * CAR_RACING_PER_X;
    const float y1 = (float)puf_clampi(top, CAR_RACING_HORIZON, CAR_RACING_HIGH) * CAR_RACING_PER_Y;
    const float y2 = (float)puf_clampi(bottom + 1, CAR_RACING_HORIZON, CAR_RACING_HIGH) * CAR_RACING_PER_Y;
    for (int32_t row = (int32_t)y1; (float)row < y2; row++) {
        const float high = car_racing_overlap(row, y1, y2);
        for (int32_t column = (int32_t)x1; (float)column < x2; column++) {
            const float share = high * car_racing_overlap(column, x1, x2);
            for (int32_t i = 0; i < 3; i++) {
                panel->at[row - CAR_RACING_VIEW][column][i] += share * color[i];
            }
        }
    }
}

// Numbers too small to be shown have no bar.
static int car_racing_is_shown(float value) { return fabsf(value) > 1e-4f; }

static int32_t car_racing_whole(float x) { return (int32_t)floorf(puf_clampf(x, -2000.0f, 2000.0f)); }

// From the left: speed, how fast each wheel rolls, where the front wheels point, spin.
static void car_racing_instruments(CarRacingPanel* panel, const CarRacing* s)
{
    enum { BARS = 5, STEP = 25, BASE = 780 };
    static const float colors[BARS][3] = { { 255.0f, 255.0f, 255.0f },
                                           { 0.0f, 0.0f, 255.0f },
                                           { 0.0f, 0.0f, 255.0f },
                                           { 51.0f, 0.0f, 255.0f },
                                           { 51.0f, 0.0f, 255.0f } };
    static const float green[] = { 0.0f, 255.0f, 0.0f }, red[] = { 255.0f, 0.0f, 0.0f };
    int32_t top[BARS + 1], bottom[BARS + 1];
    for (int32_t i = 0; i < BARS; i++) {
        const float value = i ? s->roll[i - 1] : sqrtf(s->vx * s->vx + s->vy * s->vy);
        const int32_t end = car_racing_whole((float)BASE - (i ? 0.2f : 0.4f) * value);
        top[i] = !car_racing_is_shown(value) ? BASE + 1 : end < BASE ? end : BASE;
        bottom[i] = !car_racing_is_shown(value) ? BASE : end > BASE ? end : BASE;
    }
    top[BARS] = BASE + 1;
    bottom[BARS] = BASE;
    for (int32_t i = 0; i < BARS; i++) {
        const int32_t left = i ? 150 + STEP * i : 125, right = left + STEP;
        car_racing_bar(panel, left, right - 1, top[i], bottom[i], colors[i]);
        if (i == 0 || top[i] > bottom[i]) { // both begin at BASE, and the next bar covers the last column
            car_racing_bar(panel, right, right, top[i], bottom[i], colors[i]);
        } else {
            car_racing_bar(panel, right, right, top[i], top[i + 1] - 1, colors[i]);
            car_racing_bar(panel, right, right, bottom[i + 1] + 1, bottom[i], colors[i]);
        }
    }
    const float steering = s->wheel_angle[0] - s->angle;
    for (int32_t i = 0; i < 2; i++) {
        const float value = i ? s->spin : steering;
        const int32_t base = i ? 750 : 500, end = car_racing_whole((float)base - (i ? 20.0f : 250.0f) * value);
        if (car_racing_is_shown(value)) {
            car_racing_bar(panel, base < end ? base : end, base < end ? end : base, 720, 760, i ? red : green);
        }
    }
}

// The return up to the step before, without what leaving the world costs: four digits, or a minus and three.
static void car_racing_write(CarRacingPanel* panel, const CarRacing* s)
{
    enum { MIDDLE = 60, TOP = 3, DIGITS = 4 };
    const int32_t steps = s->tick > 0 ? s->tick - 1 : 0;
    const int32_t tenths = 10 * s->tiles, sum = 10000 * s->visited - s->tiles * steps;
    const int32_t size = sum < 0 ? -sum : sum;
    int32_t symbols[DIGITS], at[DIGITS], quarters = 0, rest = (2 * size + tenths) / (2 * tenths);
    for (int32_t i = DIGITS - 1; i >= 0; i--) {
        symbols[i] = i == 0 && sum < 0 ? CAR_RACING_MINUS : rest % 10;
        rest /= 10;
    }
    for (int32_t i = 0; i < DIGITS; i++) {
        at[i] = (quarters + 2) / 4;
        if (i + 1 < DIGITS) {
            quarters += symbols[i] == CAR_RACING_MINUS ? 4 * CAR_RACING_MINUS_WIDTH
                                                       : car_racing_pitch[symbols[i]][symbols[i + 1]];
        }
    }
    const int32_t left = MIDDLE - (at[DIGITS - 1] + CAR_RACING_DIGIT_WIDTH) / 2;
    for (int32_t i = 0; i < DIGITS; i++) {
        for (int32_t x = 0; x < CAR_RACING_DIGIT_WIDTH; x++) {
            const float from = (float)(left + at[i] + x) * CAR_RACING_PER_X, to = from + CAR_RACING_PER_X;
            const int32_t column = (int32_t)from;
            const float first = car_racing_overlap(column, from, to), second = CAR_RACING_PER_X - first;
            for (int32_t row = 0; row < CAR_RACING_DIGIT_ROWS; row++) {
                const float light = (float)car_racing_digits[symbols[i]][row][x];
                for (int32_t k = 0; k < 3; k++) {
                    panel->at[TOP + row][column][k] += first * light;
                    panel->at[TOP + row][column + 1][k] += second * light;
                }
            }
        }
    }
}

// ---- The picture. ----

// Shrinking rounds down twice, and a whole number loses 2.
static inline uint8_t car_racing_byte(float value)
{
    const int32_t whole = (int32_t)(value - 1.02f);
    return (uint8_t)(whole < 0 ? 0 : whole > 255 ? 255 : whole);
}

static void car_racing_develop(const CarRacingCells* cells, const CarRacingCanvas* canvas, uint8_t* picture)
{
    for (int32_t row = cells->top; row < cells->top + CAR_RACING_BAND; row++) {
        float sums[CAR_RACING_SIDE][CAR_RACING_LANES], line[CAR_RACING_SIDE][3];
        const float (*cell)[CAR_RACING_LANES] = cells->at[row - cells->top];
        float last[CAR_RACING_LANES] = { 0.0f, 0.0f, 0.0f, 0.0f };
        for (int32_t column = 0; column < CAR_RACING_SIDE; column++) {
            for (int32_t i = 0; i < CAR_RACING_LANES; i++) {
                last[i] += cell[column][i];
                sums[column][i] = last[i];
            }
        }
        for (int32_t column = 0; column < CAR_RACING_SIDE; column++) {
            const float* sum = sums[column];
            const float cover = puf_maxf(sum[CAR_RACING_COVER], 0.0f), scale = 1.0f / puf_maxf(cover, 1.0f);
            const float bare = puf_maxf(1.0f - cover, 0.0f), ground = bare * (float)CAR_RACING_ROAD;
            line[column][0] = ground + scale * sum[CAR_RACING_COVER_RED];
            line[column][1] = bare * ((float)CAR_RACING_GREEN + (float)CAR_RACING_GRASS * sum[CAR_RACING_SQUARES]) +
                              scale * sum[CAR_RACING_COVER_OTHER];
            line[column][2] = ground + scale * sum[CAR_RACING_COVER_OTHER];
        }
        if (row >= CAR_RACING_CAR_TOP && row < CAR_RACING_CAR_TOP + CAR_RACING_CAR_ROWS) {
            CarRacingTally tally;
            car_racing_count(&tally, canvas, row);
            for (int32_t i = CAR_RACING_CAR_LEFT; i < CAR_RACING_CAR_LEFT + CAR_RACING_CAR_COLUMNS; i++) {
                const CarRacingPixel car = car_racing_car_pixel(&tally, i);
                for (int32_t k = 0; k < 3; k++) {
                    line[i][k] = line[i][k] * (1.0f - car.cover) + (k ? car.other : car.red);
                }
            }
        }
        for (int32_t i = 0; i < 3 * CAR_RACING_SIDE; i++) {
            *picture++ = car_racing_byte(((const float*)line)[i]);
        }
    }
}

// 96 by 96 pixels of red, green and blue.
static void car_racing_photograph(const CarRacing* s, uint8_t* picture)
{
    CarRacingCells cells;
    CarRacingCanvas canvas;
    CarRacingPanel panel;
    const CarRacingCamera camera = car_racing_camera(s);
    car_racing_paint_car(&canvas, &camera, s);
    for (int32_t top = 0; top < CAR_RACING_VIEW; top += CAR_RACING_BAND) {
        memset(&cells, 0, sizeof cells);
        cells.top = top;
        car_racing_darkness(&cells, &camera);
        car_racing_squares(&cells, &camera);
        car_racing_road(&cells, s, &camera);
        car_racing_develop(&cells, &canvas, picture + 3 * CAR_RACING_SIDE * top);
    }
    memset(&panel, 0, sizeof panel);
    car_racing_instruments(&panel, s);
    car_racing_write(&panel, s);
    for (int32_t i = 0; i < (int32_t)(sizeof panel / sizeof(float)); i++) {
        picture[3 * CAR_RACING_SIDE * CAR_RACING_VIEW + i] = car_racing_byte(((const float*)&panel)[i]);
    }
}
