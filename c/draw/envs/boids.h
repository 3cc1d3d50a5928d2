// Boids: darts coloured by heading, with a light behind them. The person's is white, in a ring.
#pragma once
#include "draw/picture.h"
#include "envs/boids.h"

enum { BOIDS_BOARD = 640, BOIDS_MARGIN = 20, BOIDS_WHEEL = 5, BOIDS_SHADES = 72 };
enum { BOIDS_MAX_TAILS = 1500 }; // with more boids than this there are no tails: they would hide everything
#define BOIDS_TAIL 5.0           // steps of flight that the light behind a boid lasts

// Colours of headings, clockwise from the right; coral is left to predators.
static const PufColor boids_wheel[BOIDS_WHEEL] = { PUF_AMBER, PUF_MINT, PUF_SKY, PUF_VIOLET, PUF_PINK };

static const float* boids_property(const Boids* s, size_t member)
{
    const float* table = (const float*)((const uint8_t*)s + s->table_offset);
    return table + member / sizeof(float*) * (size_t)s->boids;
}
#define BOIDS_PROPERTY(s, name) boids_property(s, offsetof(BoidsTable, name))

// Units to a sight.
static double boids_scale(const Boids* s) { return BOIDS_BOARD / (double)s->side; }

// Length of a boid.
static double boids_dart(const Boids* s)
{
    const double scale = boids_scale(s);
    return puf_min(puf_max(0.24 * scale, puf_min(5.0, 0.5 * scale)), 15.0);
}

static PufColor boids_color(double heading)
{
    int shade = (int)rint(heading / PUF_TURN * BOIDS_SHADES) % BOIDS_SHADES;
    shade += shade < 0 ? BOIDS_SHADES : 0;
    const double place = (double)shade * BOIDS_WHEEL / BOIDS_SHADES;
    const int at = (int)place;
    return puf_blend(boids_wheel[at], boids_wheel[(at + 1) % BOIDS_WHEEL], place - at);
}

// Where to draw what reaches so many units around a point: once more wherever it hangs over a side.
typedef struct BoidsPlaces {
    PufPoint at[4];
    int count;
} BoidsPlaces;

static int boids_copies(double at, double reach, double* copies)
{
    int count = 0;
    copies[count++] = 0.0;
    if (at < reach) {
        copies[count++] = BOIDS_BOARD;
    } else if (at > BOIDS_BOARD - reach) {
        copies[count++] = -BOIDS_BOARD;
    }
    return count;
}

static BoidsPlaces boids_places(const Boids* s, double x, double y, double reach)
{
    BoidsPlaces found = { .count = 0 };
    double across[2], down[2];
    x *= boids_scale(s), y *= boids_scale(s);
    const int columns = boids_copies(x, reach, across), rows = boids_copies(y, reach, down);
    for (int i = 0; i < columns; i++) {
        for (int j = 0; j < rows; j++) {
            found.at[found.count++] = (PufPoint){ BOIDS_MARGIN + x + across[i], PUF_HUD_HEIGHT + y + down[j] };
        }
    }
    return found;
}

// A quiet pattern, one dot to a sight or more, that shows how fast one flies.
static void boids_draw_dots(const Boids* s, PufPicture* p)
{
    const int count = s->side < 16.0f ? (int)s->side : 16;
    for (int row = 0; row < count; row++) {
        for (int column = 0; column < count; column++) {
            puf_circle(p, BOIDS_MARGIN + (column + 0.5) * BOIDS_BOARD / count,
                       PUF_HUD_HEIGHT + (row + 0.5) * BOIDS_BOARD / count, 1.2, PUF_SLATE);
        }
    }
}

// How far the person's boid sees.
static void boids_draw_ring(const Boids* s, int32_t own, PufPicture* p)
{
    const double sight = boids_scale(s);
    const BoidsPlaces places =
        boids_places(s, (double)BOIDS_PROPERTY(s, x)[own], (double)BOIDS_PROPERTY(s, y)[own], sight);
    for (int i = 0; i < places.count; i++) {
        puf_glow(p, places.at[i].x, places.at[i].y, sight, puf_fade(PUF_SNOW, 0.13));
        puf_ring(p, places.at[i].x, places.at[i].y, sight - 1.0, sight + 0.2, puf_fade(PUF_SNOW, 0.28));
    }
}

static void boids_draw_tail(PufPoint at, PufPoint heading, double size, double length, PufColor color, PufPicture* p)
{
    for (int part = 0; part < 2; part++) {
        const double share = part ? 0.55 : 1.0, half = 0.3 * size * (1.2 - 0.4 * share);
        PufPoint corners[] = { { at.x - heading.y * half, at.y + heading.x * half },
                               { at.x + heading.y * half, at.y - heading.x * half },
                               { at.x - heading.x * length * share, at.y - heading.y * length * share } };
        puf_polygon(p, corners, 3, puf_fade(color, part ? 0.16 : 0.10));
    }
}

// An arrowhead, notched at the back: two triangles, one a little darker.
static void boids_draw_dart(PufPoint at, PufPoint h, double size, PufColor color, PufPicture* p)
{
    const double back = 0.45 * size, half = 0.36 * size;
    for (int side = -1; side <= 1; side += 2) {
        PufPoint corners[] = { { at.x + 0.6 * size * h.x, at.y + 0.6 * size * h.y },
                               { at.x - back * h.x + side * half * h.y, at.y - back * h.y - side * half * h.x },
                               { at.x - 0.2 * size * h.x, at.y - 0.2 * size * h.y } };
        puf_polygon(p, corners, 3, side < 0 ? puf_blend(color, PUF_NIGHT, 0.22) : color);
    }
}

static void boids_draw_boid(const Boids* s, int32_t i, int own, int tail, PufPicture* p)
{
    const PufPoint h = { (double)BOIDS_PROPERTY(s, heading_x)[i], (double)BOIDS_PROPERTY(s, heading_y)[i] };
    const double size = boids_dart(s), speed = (double)BOIDS_PROPERTY(s, speed)[i];
    const double length = puf_max(BOIDS_TAIL * speed * boids_scale(s), 1.8 * size);
    const PufColor color = own ? PUF_SNOW : boids_color((double)puf_atan2f((float)h.y, (float)h.x));
    const BoidsPlaces places =
        boids_places(s, (double)BOIDS_PROPERTY(s, x)[i], (double)BOIDS_PROPERTY(s, y)[i], tail ? length + size : size);
    for (int k = 0; k < places.count; k++) {
        if (tail) {
            boids_draw_tail(places.at[k], h, size, length, color, p);
        } else {
            boids_draw_dart(places.at[k], h, own ? 1.3 * size : size, color, p);
        }
    }
}

// All tails, then all darts; the person's last.
static void boids_draw_boids(const Boids* s, int32_t own, PufPicture* p)
{
    for (int tail = s->boids <= BOIDS_MAX_TAILS; tail >= 0; tail--) {
        for (int32_t i = s->boids - 1; i >= 0; i--) {
            if (i != own) {
                boids_draw_boid(s, i, 0, tail, p);
            }
        }
        boids_draw_boid(s, own, 1, tail, p);
    }
}

// Larger than boids, and glowing while it hunts.
static void boids_draw_predator(const Boids* s, const BoidsPredator* predator, PufPicture* p)
{
    const PufPoint h = { (double)predator->heading_x, (double)predator->heading_y };
    const double size = puf_max(2.1 * boids_dart(s), 14.0);
    const int resting = predator->prey < 0.0f;
    const PufColor color = resting ? puf_blend(PUF_CORAL, PUF_SLATE, 0.45) : PUF_CORAL;
    const BoidsPlaces places = boids_places(s, (double)predator->x, (double)predator->y, 3.2 * size);
    for (int k = 0; k < places.count; k++) {
        puf_glow(p, places.at[k].x, places.at[k].y, 3.0 * size, puf_fade(color, resting ? 0.15 : 0.4));
        boids_draw_tail(places.at[k], h, size, 2.4 * size, color, p);
        boids_draw_dart(places.at[k], h, size, color, p);
    }
}

static void boids_draw_margins(PufPicture* p)
{
    puf_rect(p, 0, 0, p->width, PUF_HUD_HEIGHT, PUF_NIGHT, 0);
    puf_rect(p, 0, PUF_HUD_HEIGHT + BOIDS_BOARD, p->width, p->height - PUF_HUD_HEIGHT - BOIDS_BOARD, PUF_NIGHT, 0);
    puf_rect(p, 0, 0, BOIDS_MARGIN, p->height, PUF_NIGHT, 0);
    puf_rect(p, BOIDS_MARGIN + BOIDS_BOARD, 0, p->width - BOIDS_MARGIN - BOIDS_BOARD, p->height, PUF_NIGHT, 0);
    puf_border(p, BOIDS_MARGIN, PUF_HUD_HEIGHT, BOIDS_BOARD, BOIDS_BOARD, 3, PUF_SLATE, 4);
}

static double boids_mean(const Boids* s, const float* property)
{
    double sum = 0.0;
    for (int32_t i = 0; i < s->boids; i++) {
        sum += (double)property[i];
    }
    return sum / s->boids;
}

// The field, the ring, predators' glow, tails, darts; then the margins, over what hangs out.
static void boids_draw(const void* state, const void* assets, PufPicture* p)
{
    const Boids* s = state;
    const int32_t own = puf_agent(p) < s->boids ? puf_agent(p) : 0;
    (void)assets;
    puf_clear(p, PUF_DUSK);
    boids_draw_dots(s, p);
    boids_draw_ring(s, own, p);
    boids_draw_boids(s, own, p);
    for (int32_t i = 0; i < s->predators; i++) {
        boids_draw_predator(s, &s->predator[i], p);
    }
    boids_draw_margins(p);
    const double x = boids_mean(s, BOIDS_PROPERTY(s, heading_x)), y = boids_mean(s, BOIDS_PROPERTY(s, heading_y));
    PufFigure figures[] = { { "flocking", puf_word(100 * boids_mean(s, BOIDS_PROPERTY(s, flocking)), 0, 0, " %") },
                            { "polarisation", puf_word(sqrt(x * x + y * y), 2, 0, "") },
                            puf_figure("boids", s->boids) };
    puf_hud(p, "boids", figures, 3);
}

PUF_DRAWING(boids, .width = BOIDS_BOARD + 2 * BOIDS_MARGIN, .height = PUF_HUD_HEIGHT + BOIDS_BOARD + BOIDS_MARGIN,
            .draw = boids_draw);
