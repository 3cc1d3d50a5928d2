// Car racing, by numbers or by pixels: the road around the car, which always drives up the picture; the whole track on a
// small map.
#pragma once
#include "draw/picture.h"
#include "envs/car_racing_rules.h"

enum {
    CAR_RACING_VIEW_WIDTH = 660,
    CAR_RACING_VIEW_HEIGHT = PUF_HUD_HEIGHT + 640,
    CAR_RACING_CAR_Y = PUF_HUD_HEIGHT + 455,
    CAR_RACING_MAP = 170,  // side of the small map
    CAR_RACING_PUFFS = 14, // steps that smoke and dust stay
};
#define CAR_RACING_METRE 9.6       // units
#define CAR_RACING_SIGHT 64.0      // m from the car to what may be on the picture
#define CAR_RACING_PATCH 11.0      // m, of the squares of grass
#define CAR_RACING_KERB 1.3        // m
#define CAR_RACING_KERB_TURN 0.062 // rad from post to post, four times
#define CAR_RACING_TOP_SPEED 100.0 // m/s at the end of the dial
#define CAR_RACING_MEADOW PUF_RGB(52, 98, 72)
#define CAR_RACING_EARTH PUF_RGB(150, 120, 84)
#define CAR_RACING_ASPHALT PUF_RGB(70, 74, 92)
#define CAR_RACING_RED PUF_RGB(226, 64, 72)

// Where metres lie on the picture: the car faces up.
typedef struct CarRacingView {
    double x, y, sine, cosine; // the middle of the hull, and its direction
    PufPicture* p;
} CarRacingView;

static PufPoint car_racing_at(const CarRacingView* v, double x, double y)
{
    const double dx = x - v->x, dy = y - v->y;
    return (PufPoint){ CAR_RACING_VIEW_WIDTH / 2.0 + (dx * v->cosine + dy * v->sine) * CAR_RACING_METRE,
                       CAR_RACING_CAR_Y - (dy * v->cosine - dx * v->sine) * CAR_RACING_METRE };
}

// A point across the road from a post, and along it, m.
static PufPoint car_racing_by(const CarRacingView* v, const CarRacing* s, int32_t post, double across, double along)
{
    const double cosine = (double)s->road_cosine[post], sine = (double)s->road_sine[post];
    return car_racing_at(v, (double)s->road_x[post] + across * cosine - along * sine,
                         (double)s->road_y[post] + across * sine + along * cosine);
}

static int car_racing_sees(const CarRacingView* v, double x, double y)
{
    return fabs(x - v->x) < CAR_RACING_SIGHT && fabs(y - v->y) < CAR_RACING_SIGHT;
}

// A rectangle in the frame of a body that is turned: its middle, m to the right and ahead, and its size.
typedef struct CarRacingFrame {
    double x, y, sine, cosine;
} CarRacingFrame;

static PufPoint car_racing_in(const CarRacingView* v, const CarRacingFrame* f, double right, double ahead)
{
    return car_racing_at(v, f->x + right * f->cosine - ahead * f->sine, f->y + right * f->sine + ahead * f->cosine);
}

static void car_racing_plate(const CarRacingView* v, const CarRacingFrame* f, double right, double ahead, double width,
                             double length, PufColor color)
{
    PufPoint corners[4];
    for (int i = 0; i < 4; i++) {
        const double x = (i == 0 || i == 3 ? -0.5 : 0.5) * width, y = (i < 2 ? 0.5 : -0.5) * length;
        corners[i] = car_racing_in(v, f, right + x, ahead + y);
    }
    puf_polygon(v->p, corners, 4, color);
}

// Squares of grass, and the night beyond the end of the world.
static void car_racing_draw_grass(const CarRacingView* v)
{
    const CarRacingFrame world = { 0.0, 0.0, 0.0, 1.0 };
    const PufColor dark = puf_blend(CAR_RACING_MEADOW, PUF_NIGHT, 0.13);
    const int around = (int)(CAR_RACING_SIGHT / CAR_RACING_PATCH) + 1;
    const double x = floor(v->x / CAR_RACING_PATCH), y = floor(v->y / CAR_RACING_PATCH);
    puf_clear(v->p, CAR_RACING_MEADOW);
    for (int i = -around; i <= around; i++) {
        for (int k = -around; k <= around; k++) {
            const double column = x + i, row = y + k;
            const double middle_x = (column + 0.5) * CAR_RACING_PATCH, middle_y = (row + 0.5) * CAR_RACING_PATCH;
            if ((column + row) / 2 == floor((column + row) / 2)) {
                car_racing_plate(v, &world, middle_x, middle_y, CAR_RACING_PATCH, CAR_RACING_PATCH, dark);
            }
        }
    }
    for (int side = 0; side < 4; side++) {
        const double out = (side % 2 ? -1 : 1) * ((double)CAR_RACING_WORLD + CAR_RACING_SIGHT);
        if (fabs(out - (side < 2 ? v->x : v->y)) < 2.1 * CAR_RACING_SIGHT) {
            const double across = 2 * CAR_RACING_SIGHT, along = 3000.0;
            car_racing_plate(v, &world, side < 2 ? out : 0.0, side < 2 ? 0.0 : out, side < 2 ? across : along,
                             side < 2 ? along : across, puf_fade(PUF_NIGHT, 0.85));
        }
    }
}

// The road's turn from the post before to this one, rad, to the left.
static double car_racing_bend(const CarRacing* s, int32_t post)
{
    const int32_t before = (post + s->tiles - 1) % s->tiles;
    return (double)(s->road_cosine[before] * s->road_sine[post] - s->road_sine[before] * s->road_cosine[post]);
}

// Whether a kerb is beside a tile: 1 on its left, -1 on its right. It is where four tiles on end bend sharply.
static int car_racing_kerb(const CarRacing* s, int32_t tile)
{
    for (int32_t first = 0; first < 4; first++) {
        int sum = 0;
        for (int32_t i = 0; i < 4; i++) {
            const double bend = car_racing_bend(s, (tile + first - i + s->tiles) % s->tiles);
            sum += (bend > CAR_RACING_KERB_TURN) - (bend < -CAR_RACING_KERB_TURN);
        }
        if (sum == 4 || sum == -4) {
            return sum / 4;
        }
    }
    return 0;
}

static PufPoint car_racing_mean(PufPoint a, PufPoint b) { return (PufPoint){ (a.x + b.x) / 2, (a.y + b.y) / 2 }; }

static void car_racing_draw_asphalt(const CarRacingView* v, const CarRacing* s, int32_t tile, int32_t before)
{
    const double half = (double)CAR_RACING_HALF_ROAD;
    const PufColor color = puf_blend(CAR_RACING_ASPHALT, PUF_SNOW, 0.018 * (tile % 3));
    PufPoint corners[] = { car_racing_by(v, s, tile, -half, 0.08), car_racing_by(v, s, tile, half, 0.08),
                           car_racing_by(v, s, before, half, -0.08), car_racing_by(v, s, before, -half, -0.08) };
    puf_polygon(v->p, corners, 4, color);
}

// White lines at both edges, kerbs, and a dash in the middle of every second tile: bright until the tile was visited.
static void car_racing_draw_paint(const CarRacingView* v, const CarRacing* s, int32_t tile, int32_t before)
{
    const double half = (double)CAR_RACING_HALF_ROAD;
    const int kerb = car_racing_kerb(s, tile);
    for (int side = -1; side <= 1; side += 2) {
        const PufPoint a = car_racing_by(v, s, before, side * (half - 0.35), 0.0);
        const PufPoint b = car_racing_by(v, s, tile, side * (half - 0.35), 0.0);
        puf_path(v->p, (PufPoint[]){ a, b }, 2, 2.6, puf_fade(PUF_SNOW, 0.8));
        if (kerb == -side) {
            const double out = side * (half + CAR_RACING_KERB);
            PufPoint from[2] = { car_racing_by(v, s, before, side * half, 0.0), car_racing_by(v, s, before, out, 0.0) };
            PufPoint to[2] = { car_racing_by(v, s, tile, side * half, 0.0), car_racing_by(v, s, tile, out, 0.0) };
            PufPoint half_way[2] = { car_racing_mean(from[0], to[0]), car_racing_mean(from[1], to[1]) };
            puf_polygon(v->p, (PufPoint[]){ from[0], from[1], half_way[1], half_way[0] }, 4, CAR_RACING_RED);
            puf_polygon(v->p, (PufPoint[]){ half_way[0], half_way[1], to[1], to[0] }, 4, PUF_SNOW);
        }
    }
    if (tile % 2 == 0) {
        const PufPoint a = car_racing_by(v, s, before, 0.0, 0.5), b = car_racing_by(v, s, tile, 0.0, -0.5);
        puf_line(v->p, a.x, a.y, b.x, b.y, s->seen[tile] ? 1.6 : 2.6,
                 s->seen[tile] ? puf_fade(PUF_SNOW, 0.16) : PUF_AMBER);
    }
}

// Two rows of a chessboard across the road.
static void car_racing_draw_line(const CarRacingView* v, const CarRacing* s)
{
    const CarRacingFrame post = { (double)s->road_x[0], (double)s->road_y[0], (double)s->road_sine[0],
                                  (double)s->road_cosine[0] };
    const double half = (double)CAR_RACING_HALF_ROAD - 0.5, size = half / 7;
    for (int i = 0; i < 28; i++) {
        const int column = i % 14, row = i / 14;
        car_racing_plate(v, &post, (column + 0.5) * size - half, (row + 3.5) * size, size, size,
                         (column + row) % 2 ? PUF_SNOW : PUF_NIGHT);
    }
}

static void car_racing_draw_road(const CarRacingView* v, const CarRacing* s)
{
    for (int paint = 0; paint < 2; paint++) {
        for (int32_t tile = 0; tile < s->tiles; tile++) {
            if (car_racing_sees(v, (double)s->road_x[tile], (double)s->road_y[tile])) {
                const int32_t before = tile > 0 ? tile - 1 : s->tiles - 1;
                if (paint) {
                    car_racing_draw_paint(v, s, tile, before);
                } else {
                    car_racing_draw_asphalt(v, s, tile, before);
                }
            }
        }
    }
    if (car_racing_sees(v, (double)s->road_x[0], (double)s->road_y[0])) {
        car_racing_draw_line(v, s);
    }
}

// Where a wheel was so many steps ago, by the trail.
static PufPoint car_racing_was(const CarRacingView* v, const CarRacing* s, int32_t ago, int wheel)
{
    const int32_t at = (s->tick - ago) % CAR_RACING_TRAIL;
    const double angle = (double)s->trail_angle[at], right = (double)car_racing_side[wheel];
    const CarRacingFrame f = { (double)s->trail_x[at], (double)s->trail_y[at], puf_sine(angle), puf_cosine(angle) };
    return car_racing_in(v, &f, right, (double)car_racing_ahead[wheel]);
}

static int car_racing_skidded(const CarRacing* s, int32_t ago, int wheel)
{
    return s->tick - ago >= 1 && s->trail_skids[(s->tick - ago) % CAR_RACING_TRAIL] >> wheel & 1;
}

// Black marks where wheels slid, and smoke, or dust from the grass, that spreads.
static void car_racing_draw_marks(const CarRacingView* v, const CarRacing* s)
{
    for (int32_t ago = CAR_RACING_TRAIL - 2; ago >= 0; ago--) {
        const double fresh = 1.0 - (double)ago / CAR_RACING_TRAIL;
        for (int wheel = 0; wheel < CAR_RACING_WHEELS; wheel++) {
            if (!car_racing_skidded(s, ago, wheel)) {
                continue;
            }
            const PufPoint a = car_racing_was(v, s, ago, wheel);
            if (s->tick - ago > 1) {
                const PufPoint b = car_racing_was(v, s, ago + 1, wheel);
                puf_line(v->p, a.x, a.y, b.x, b.y, 4.4, puf_fade(PUF_NIGHT, 0.55 * fresh));
            }
            if (ago < CAR_RACING_PUFFS && ago % 2 == s->tick % 2) {
                const double age = (double)ago / CAR_RACING_PUFFS;
                puf_glow(v->p, a.x, a.y, 9 + 20 * age,
                         puf_fade(s->on_road[wheel] ? PUF_SNOW : CAR_RACING_EARTH, 0.3 * (1 - age)));
            }
        }
    }
}

// A tyre, whose treads move as it rolls.
static void car_racing_draw_wheel(const CarRacingView* v, const CarRacing* s, int wheel)
{
    const double angle = (double)s->wheel_angle[wheel], phase = (double)s->phase[wheel];
    const CarRacingFrame f = { (double)s->wheel_x[wheel], (double)s->wheel_y[wheel], puf_sine(angle),
                               puf_cosine(angle) };
    car_racing_plate(v, &f, 0, 0, 0.68, 1.2, PUF_NIGHT);
    for (int i = 0; i < 5; i++) {
        const double turn = phase + i * PUF_TURN / 5;
        if (puf_cosine(turn) > 0.15) {
            car_racing_plate(v, &f, 0, 0.5 * puf_sine(turn), 0.56, 0.13, puf_blend(PUF_NIGHT, PUF_STEEL, 0.75));
        }
    }
}

static void car_racing_draw_car(const CarRacingView* v, const CarRacing* s)
{
    // half an outline, from the nose to the tail: m to the right and ahead of the hull's origin
    static const double side[9][2] = { { 0.0, 2.5 },    { 0.28, 2.3 },  { 0.42, 0.5 },  { 0.95, 0.1 }, { 1.02, -0.8 },
                                       { 0.62, -1.75 }, { 0.5, -2.25 }, { 0.3, -2.35 }, { 0.0, -2.35 } };
    const PufColor red = CAR_RACING_RED, dark = puf_blend(red, PUF_NIGHT, 0.35);
    const double angle = (double)s->angle, sine = puf_sine(angle), cosine = puf_cosine(angle);
    const double centre = (double)CAR_RACING_CENTRE;
    const CarRacingFrame f = { (double)s->x + centre * sine, (double)s->y - centre * cosine, sine, cosine };
    const CarRacingFrame shadow = { f.x + 0.35, f.y - 0.35, sine, cosine };
    car_racing_plate(v, &shadow, 0, 0.1, 2.2, 4.9, puf_fade(PUF_NIGHT, 0.3));
    car_racing_plate(v, &f, 0, 1.6, 2.1, 0.14, PUF_SLATE); // axles
    car_racing_plate(v, &f, 0, -1.64, 2.1, 0.14, PUF_SLATE);
    for (int wheel = 0; wheel < CAR_RACING_WHEELS; wheel++) {
        car_racing_draw_wheel(v, s, wheel);
    }
    for (int i = 0; i + 1 < 9; i++) { // body, in slices that are convex
        PufPoint slice[] = { car_racing_in(v, &f, -side[i][0], side[i][1]),
                             car_racing_in(v, &f, side[i][0], side[i][1]),
                             car_racing_in(v, &f, side[i + 1][0], side[i + 1][1] - 0.03),
                             car_racing_in(v, &f, -side[i + 1][0], side[i + 1][1] - 0.03) };
        puf_polygon(v->p, slice, 4, red);
    }
    car_racing_plate(v, &f, 0, 2.42, 2.4, 0.34, dark); // wings
    car_racing_plate(v, &f, 0, -2.3, 2.0, 0.5, dark);
    car_racing_plate(v, &f, 0, 1.35, 0.2, 1.5, PUF_SNOW);
    car_racing_plate(v, &f, 0, -1.55, 0.2, 0.9, PUF_SNOW);
    car_racing_plate(v, &f, 0, 0.0, 0.74, 1.1, PUF_NIGHT);
    const PufPoint helmet = car_racing_in(v, &f, 0, -0.12);
    puf_circle(v->p, helmet.x, helmet.y, 3.4, PUF_AMBER);
    for (int lamp = -1; lamp <= 1; lamp += 2) {
        const PufPoint at = car_racing_in(v, &f, 0.75 * lamp, -2.5);
        if (s->brake > 0.05f) {
            puf_glow(v->p, at.x, at.y, 13, puf_fade(PUF_CORAL, 0.4 + 0.5 * (double)s->brake));
        }
        puf_circle(v->p, at.x, at.y, 1.9, s->brake > 0.05f ? PUF_CORAL : puf_blend(PUF_CORAL, PUF_NIGHT, 0.5));
    }
}

// The whole track in a corner: what was visited, and the car on it.
static void car_racing_draw_map(const CarRacingView* v, const CarRacing* s)
{
    double low_x = 1e9, low_y = 1e9, high_x = -1e9, high_y = -1e9;
    for (int32_t i = 0; i < s->tiles; i++) {
        low_x = puf_min(low_x, (double)s->road_x[i]), high_x = puf_max(high_x, (double)s->road_x[i]);
        low_y = puf_min(low_y, (double)s->road_y[i]), high_y = puf_max(high_y, (double)s->road_y[i]);
    }
    const double scale = (CAR_RACING_MAP - 26) / puf_max(high_x - low_x, high_y - low_y);
    const double left = v->p->width - CAR_RACING_MAP - 12, top = PUF_HUD_HEIGHT + 12;
    const double x = left + CAR_RACING_MAP / 2 - scale * (low_x + high_x) / 2;
    const double y = top + CAR_RACING_MAP / 2 + scale * (low_y + high_y) / 2;
    puf_rect(v->p, left, top, CAR_RACING_MAP, CAR_RACING_MAP, puf_fade(PUF_NIGHT, 0.72), 10);
    for (int32_t i = 0; i < s->tiles; i++) {
        const int32_t before = i > 0 ? i - 1 : s->tiles - 1;
        const PufPoint way[] = { { x + scale * (double)s->road_x[before], y - scale * (double)s->road_y[before] },
                                 { x + scale * (double)s->road_x[i], y - scale * (double)s->road_y[i] } };
        puf_path(v->p, way, 2, 4, s->seen[i] ? PUF_MINT : PUF_STEEL);
    }
    const double edge = 9, last = CAR_RACING_MAP - edge; // a car that is far away is shown at the edge
    const double car_x = puf_clamp(x + scale * (double)s->x, left + edge, left + last);
    const double car_y = puf_clamp(y - scale * (double)s->y, top + edge, top + last);
    puf_circle(v->p, x + scale * (double)s->road_x[0], y - scale * (double)s->road_y[0], 3.5, PUF_SNOW);
    puf_circle(v->p, car_x, car_y, 6.5, PUF_NIGHT);
    puf_circle(v->p, car_x, car_y, 5, CAR_RACING_RED);
}

// Speed on an arc; gas and brakes as bars beside it; where the front wheels point below.
static void car_racing_draw_dial(const CarRacingView* v, const CarRacing* s)
{
    const double speed = sqrt((double)(s->vx * s->vx + s->vy * s->vy));
    const double share = puf_min(speed / CAR_RACING_TOP_SPEED, 1.0), start = 135.0, span = 270.0;
    const double x = 82, y = v->p->height - 92, radius = 48;
    const double bent = puf_clamp(((double)s->wheel_angle[0] - (double)s->angle) / (double)CAR_RACING_LOCK, -1.0, 1.0);
    puf_rect(v->p, x - 66, y - 62, 160, 142, puf_fade(PUF_NIGHT, 0.72), 10);
    puf_arc(v->p, x, y, radius - 8, radius, PUF_SLATE, start, start + span);
    if (share > 0.01) {
        puf_arc(v->p, x, y, radius - 8, radius, puf_blend(PUF_MINT, PUF_CORAL, share), start, start + span * share);
    }
    puf_text(v->p, x, y - 18, puf_word(3.6 * speed, 0, 0, "").text, 30, PUF_SNOW, PUF_CENTER);
    puf_text(v->p, x, y + 12, "km/h", 13, PUF_STEEL, PUF_CENTER);
    for (int column = 0; column < 2; column++) {
        const double height = 92 * puf_clamp((double)(column ? s->brake : s->gas), 0.0, 1.0),
                     bar = x + 60 + 15 * column;
        puf_rect(v->p, bar, y - 46, 9, 92, PUF_SLATE, 4);
        if (height > 1) {
            puf_rect(v->p, bar, y + 46 - height, 9, height, column ? PUF_CORAL : PUF_MINT, 4);
        }
    }
    puf_rect(v->p, x - 54, y + 60, 136, 7, PUF_SLATE, 3);
    puf_circle(v->p, x + 14 - 62 * bent, y + 63.5, 6, PUF_SNOW);
}

static void car_racing_draw(const void* state, const void* assets, PufPicture* p)
{
    const CarRacing* s = state;
    const double angle = (double)s->angle;
    const CarRacingView v = { (double)s->x, (double)s->y, puf_sine(angle), puf_cosine(angle), p };
    (void)assets;
    car_racing_draw_grass(&v);
    car_racing_draw_road(&v, s);
    car_racing_draw_marks(&v, s);
    car_racing_draw_car(&v, s);
    puf_rect(p, 0, 0, p->width, PUF_HUD_HEIGHT, PUF_NIGHT, 0);
    car_racing_draw_map(&v, s);
    car_racing_draw_dial(&v, s);
    PufFigure figures[] = {
        { "tiles", puf_join(puf_word(s->visited, 0, 0, ""), " of ", puf_word(s->tiles, 0, 0, "")) },
        { "time", puf_word((double)s->tick / CAR_RACING_RATE, 1, 0, " s") },
        puf_figure("return", (double)s->episode_return),
    };
    puf_hud(p, "car racing", figures, 3);
}
