// car_racing_track.h - how tracks are made: Gymnasium's construction, told from its rules.
//
// Twelve checkpoints lie around the origin, at random distances. A pen starts at the first of them and goes around in
// strides of 3.5 m, counterclockwise, always towards the next checkpoint; in a stride it turns by at most 0.31 rad, and
// by less the less the checkpoint is aside. After more than four laps it has forgotten where it began, and the last lap
// that is complete is the track, if its end meets its beginning.
//
// All of this is in doubles, so that rounding does not lead the pen elsewhere than the original's.
#pragma once
#include "puffer.h"

#define CAR_RACING_PI 3.14159265358979323846
#define CAR_RACING_RADIUS 150.0               // m, of the farthest checkpoint
#define CAR_RACING_FIRST_RADIUS 225.0         // m, of the first and the last
#define CAR_RACING_STRIDE 3.5                 // m
#define CAR_RACING_TURN 0.31                  // rad a stride, at most
#define CAR_RACING_TURN_PER_METRE 0.006       // that a checkpoint is aside
#define CAR_RACING_TURN_FROM 0.05             // m: nearer ones are straight ahead
#define CAR_RACING_LINE (-CAR_RACING_PI / 12) // rad around the origin: where laps begin

enum {
    CAR_RACING_CHECKPOINTS = 12,
    CAR_RACING_MAX_STRIDES = 2500,
    CAR_RACING_LAPS = 5,
    CAR_RACING_MAX_TILES = 448, // 150,000 times, tracks had 209 to 411; a longer one would be drawn again
};

// Sine and cosine of x radians, |x| < 1e5, and the angle of (x, y), to 1e-15: as in puffer_math.h, with more terms
// (Cephes' polynomials for doubles, Moshier).
static void car_racing_sincos(double x, double* sine, double* cosine)
{
    const double turns = x * 0.63661977236758134308;
    const int32_t q = (int32_t)(turns + (turns < 0.0 ? -0.5 : 0.5));
    const double k = (double)q;
    const double r =
        ((x - k * 1.57079625129699707031) - k * 7.54978941586159635335e-8) - k * 5.39030285815811905290e-15;
    const double z = r * r;
    double s = 1.58962301576546568060e-10;
    s = s * z - 2.50507477628578072866e-8;
    s = s * z + 2.75573136213857245213e-6;
    s = s * z - 1.98412698295895385996e-4;
    s = s * z + 8.33333333332211858878e-3;
    s = s * z - 1.66666666666666307295e-1;
    s = r + r * z * s;
    double c = -1.13585365213876817300e-11;
    c = c * z + 2.08757008419747316778e-9;
    c = c * z - 2.75573141792967388112e-7;
    c = c * z + 2.48015872888517045348e-5;
    c = c * z - 1.38888888888730564116e-3;
    c = c * z + 4.16666666666665929218e-2;
    c = 1.0 - 0.5 * z + z * z * c;
    const double first = q & 1 ? c : s, second = q & 1 ? s : c;
    *sine = q & 2 ? -first : first;
    *cosine = (q + 1) & 2 ? -second : second;
}

static double car_racing_angle(double y, double x)
{
    const double ax = x < 0.0 ? -x : x, ay = y < 0.0 ? -y : y;
    const double low = ax < ay ? ax : ay, high = ax < ay ? ay : ax;
    double t = high > 0.0 ? low / high : 0.0, base = 0.0;
    if (t > 0.66) {
        base = CAR_RACING_PI / 4;
        t = (t - 1.0) / (t + 1.0);
    }
    const double z = t * t;
    double p = -8.750608600031904122785e-1;
    p = p * z - 1.615753718733365076637e1;
    p = p * z - 7.500855792314704667340e1;
    p = p * z - 1.228866684490136173410e2;
    p = p * z - 6.485021904942025371773e1;
    double q = z + 2.485846490142306297962e1;
    q = q * z + 1.650270098316988542046e2;
    q = q * z + 4.328810604912902668951e2;
    q = q * z + 4.853903996359136964868e2;
    q = q * z + 1.945506571482613964425e2;
    double angle = base + (t + t * z * (p / q));
    angle = ay > ax ? CAR_RACING_PI / 2 - angle : angle;
    angle = x < 0.0 ? CAR_RACING_PI - angle : angle;
    return y < 0.0 ? -angle : angle;
}

typedef struct CarRacingCheckpoint {
    double angle, x, y; // angle: around the origin
} CarRacingCheckpoint;

// Where the pen was after each stride of a lap, and the heading that the road has there: 0 is along y.
typedef struct CarRacingLap {
    int32_t count;
    double x[CAR_RACING_MAX_TILES], y[CAR_RACING_MAX_TILES], heading[CAR_RACING_MAX_TILES];
} CarRacingLap;

typedef struct CarRacingPen {
    double x, y, heading;
    double around; // the pen's angle around the origin before the last stride; just below 0 where a lap ends
    double bend;   // the mean of its headings before and after it
    int32_t next;  // checkpoint, counted on from lap to lap
    int32_t laps;
    int beyond; // whether it was on the lower half since the last lap
} CarRacingPen;

// Each draws two numbers, although the first and the last have fixed places.
static void car_racing_draw_checkpoints(PufRng* rng, CarRacingCheckpoint* points)
{
    const double sector = 2.0 * CAR_RACING_PI / CAR_RACING_CHECKPOINTS;
    for (int32_t i = 0; i < CAR_RACING_CHECKPOINTS; i++) {
        const int last = i == CAR_RACING_CHECKPOINTS - 1;
        const double noise = (double)puf_rand_float(rng), share = (double)puf_rand_float(rng);
        const double angle = i == 0 || last ? sector * i : sector * (i + noise);
        const double far = i == 0 || last ? CAR_RACING_FIRST_RADIUS : CAR_RACING_RADIUS * (1.0 + 2.0 * share) / 3.0;
        double sine, cosine;
        car_racing_sincos(angle, &sine, &cosine);
        points[i].angle = angle;
        points[i].x = far * cosine;
        points[i].y = far * sine;
    }
}

static double car_racing_turn(double aside)
{
    const double size = aside < 0.0 ? -aside : aside, turn = CAR_RACING_TURN_PER_METRE * size;
    const double most = turn < CAR_RACING_TURN ? turn : CAR_RACING_TURN;
    return size <= CAR_RACING_TURN_FROM ? 0.0 : aside > 0.0 ? -most : most;
}

// One stride.
static void car_racing_stride(CarRacingPen* pen, const CarRacingCheckpoint* points)
{
    double around = car_racing_angle(pen->y, pen->x), sine, cosine;
    if (pen->beyond && around > 0.0) {
        pen->laps += 1;
        pen->beyond = 0;
    }
    if (around < 0.0) {
        pen->beyond = 1;
        around += 2.0 * CAR_RACING_PI;
    }
    while (around > points[pen->next].angle) { // it was passed; beyond the last one, the next lap begins
        pen->next += 1;
        if (pen->next == CAR_RACING_CHECKPOINTS) {
            pen->next = 0;
            around -= 2.0 * CAR_RACING_PI;
        }
    }
    while (pen->heading - around > 1.5 * CAR_RACING_PI) {
        pen->heading -= 2.0 * CAR_RACING_PI;
    }
    while (pen->heading - around < -1.5 * CAR_RACING_PI) {
        pen->heading += 2.0 * CAR_RACING_PI;
    }
    const CarRacingCheckpoint* goal = &points[pen->next];
    car_racing_sincos(pen->heading, &sine, &cosine);
    const double turn = car_racing_turn(cosine * (goal->x - pen->x) + sine * (goal->y - pen->y));
    pen->around = around;
    pen->bend = pen->heading + 0.5 * turn;
    pen->heading += turn;
    pen->x -= sine * CAR_RACING_STRIDE;
    pen->y += cosine * CAR_RACING_STRIDE;
}

// Whether the last tile, drawn on, meets the first.
static int car_racing_closes(const CarRacingLap* lap)
{
    const int32_t last = lap->count - 1;
    double sine, cosine;
    car_racing_sincos(lap->heading[0], &sine, &cosine);
    const double dx = cosine * (lap->x[0] - lap->x[last]), dy = sine * (lap->y[0] - lap->y[last]);
    return dx * dx + dy * dy <= CAR_RACING_STRIDE * CAR_RACING_STRIDE;
}

// Draw laps until the pen comes by the fifth time. Returns the last complete one, less its last stride; or NULL if it
// cannot be a track.
static const CarRacingLap* car_racing_draw_laps(PufRng* rng, CarRacingLap laps[2])
{
    CarRacingCheckpoint points[CAR_RACING_CHECKPOINTS];
    CarRacingPen pen = { CAR_RACING_FIRST_RADIUS, 0.0, 0.0, 0.0, 0.0, 0, 0, 0 };
    CarRacingLap* lap = &laps[0];
    double before = 0.0;
    int32_t begun = 0;
    car_racing_draw_checkpoints(rng, points);
    laps[0].count = 0;
    laps[1].count = 0;
    for (int32_t i = 0; i < CAR_RACING_MAX_STRIDES && pen.laps < CAR_RACING_LAPS; i++) {
        car_racing_stride(&pen, points);
        if (i > 0 && pen.around > CAR_RACING_LINE && before <= CAR_RACING_LINE) {
            begun += 1;
            lap = &laps[begun % 2];
            lap->count = 0;
        }
        before = pen.around;
        if (lap->count < CAR_RACING_MAX_TILES) {
            lap->x[lap->count] = pen.x;
            lap->y[lap->count] = pen.y;
            lap->heading[lap->count] = pen.bend;
            lap->count += 1;
        }
    }
    lap = &laps[(begun + 1) % 2];
    lap->count -= 1;
    const int fits = lap->count >= CAR_RACING_CHECKPOINTS && lap->count < CAR_RACING_MAX_TILES - 1;
    return begun >= 2 && fits && car_racing_closes(lap) ? lap : NULL;
}
