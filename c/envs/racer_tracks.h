// racer_tracks.h - random closed tracks for racer.h: smooth, wide enough, and nowhere too close to themselves.
//
// A track starts as a few knots around a point, at random angles and distances. A spline near them
// gives 128 points at equal distances, and bends that are too sharp are rounded off. Of several such
// tries, the twistiest one that can be driven is used. Its straightest place is the start line.
#pragma once

enum {
    RACER_KNOTS = 16,   // at most; at least half of that
    RACER_SPAN = 32,    // points of the spline from one knot to the next
    RACER_ROUNDS = 32,  // of smoothing
    RACER_BESIDE = 2,   // points on each side of a sharp one that are smoothed with it
    RACER_TRIES = 16,   // each with less jitter than the one before; the last is a circle
    RACER_STRAIGHT = 6, // gates before and after the line that should be straight
};
#define RACER_CURVE_MARGIN 7.0f   // m by which the radius of every bend exceeds half the width of the road
#define RACER_VERGE 2.0f          // m, at least, between two parts of the road side by side
#define RACER_ANGLE_JITTER 0.4f   // share of the angle between two knots
#define RACER_EASE 0.97f          // bends are smoothed down to this share of the largest curvature allowed
#define RACER_RADIUS_JITTER 0.95f // share of the distance of a knot

// What a track is made for.
typedef struct RacerRoad {
    float length, width; // m
    float grip;          // of the tyres, as in Racer
} RacerRoad;

static float racer_hypot(float x, float y) { return sqrtf(x * x + y * y); }

// Knots around the origin, clockwise or counter-clockwise at random. Returns how many.
static int32_t racer_knots(RacerPoint* knots, float jitter, PufRng* rng)
{
    int32_t count = RACER_KNOTS / 2 + (int32_t)puf_rand_below(rng, RACER_KNOTS / 2 + 1);
    float side = puf_rand_below(rng, 2) ? 1.0f : -1.0f;
    float turn = puf_rand_range(rng, 0.0f, 2.0f * PUF_PI);
    for (int32_t i = 0; i < count; i++) {
        float off = RACER_ANGLE_JITTER * jitter * puf_rand_range(rng, -1.0f, 1.0f);
        float radius = 1.0f - RACER_RADIUS_JITTER * jitter * puf_rand_float(rng);
        float sine, cosine;
        puf_sincosf(turn + side * ((float)i + off) * (2.0f * PUF_PI / (float)count), &sine, &cosine);
        knots[i].x = radius * cosine;
        knots[i].y = radius * sine;
    }
    return count;
}

// The closed uniform cubic B-spline of the knots: its curvature is continuous. Fills count *
// RACER_SPAN points.
static void racer_spline(const RacerPoint* knots, int32_t count, RacerPoint* curve)
{
    for (int32_t i = 0; i < count; i++) {
        const RacerPoint *a = &knots[i], *b = &knots[(i + 1) % count], *c = &knots[(i + 2) % count];
        const RacerPoint* d = &knots[(i + 3) % count];
        for (int32_t k = 0; k < RACER_SPAN; k++) {
            float t = (float)k / RACER_SPAN, r = 1.0f - t;
            float wa = r * r * r, wb = 4.0f - 3.0f * t * t * (2.0f - t), wc = 4.0f - 3.0f * r * r * (2.0f - r);
            float wd = t * t * t;
            curve[i * RACER_SPAN + k].x = (wa * a->x + wb * b->x + wc * c->x + wd * d->x) * (1.0f / 6.0f);
            curve[i * RACER_SPAN + k].y = (wa * a->y + wb * b->y + wc * c->y + wd * d->y) * (1.0f / 6.0f);
        }
    }
}

// RACER_GATES points at equal distances along the closed curve, scaled so that it is `length` long.
static void racer_spread(const RacerPoint* curve, int32_t count, float length, RacerPoint* points)
{
    float total = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        const RacerPoint* next = &curve[(i + 1) % count];
        total += racer_hypot(next->x - curve[i].x, next->y - curve[i].y);
    }
    float scale = length / total, gap = total / RACER_GATES, gone = 0.0f;
    int32_t made = 0;
    for (int32_t i = 0; i < count; i++) {
        const RacerPoint *from = &curve[i], *to = &curve[(i + 1) % count];
        float step = racer_hypot(to->x - from->x, to->y - from->y);
        while (made < RACER_GATES && (float)made * gap <= gone + step) {
            float share = puf_clampf(((float)made * gap - gone) / step, 0.0f, 1.0f);
            points[made].x = scale * (from->x + share * (to->x - from->x));
            points[made].y = scale * (from->y + share * (to->y - from->y));
            made += 1;
        }
        gone += step;
    }
}

// 1 / radius of the circle through three neighbouring points; positive where the road bends to the right.
static float racer_curvature(const RacerPoint* points, int32_t i)
{
    const RacerPoint* a = &points[(i + RACER_GATES - 1) % RACER_GATES];
    const RacerPoint *b = &points[i], *c = &points[(i + 1) % RACER_GATES];
    float ux = b->x - a->x, uy = b->y - a->y, vx = c->x - b->x, vy = c->y - b->y;
    return 2.0f * (ux * vy - uy * vx) / (racer_hypot(ux, uy) * racer_hypot(vx, vy) * racer_hypot(ux + vx, uy + vy));
}

static float racer_min_radius(float width) { return 0.5f * width + RACER_CURVE_MARGIN; }

// Round off the bends that are too sharp: move their points, and a few beside them, towards the
// middle of their neighbours. Returns whether there were any.
static int racer_smooth(RacerPoint* points, float radius)
{
    RacerPoint old[RACER_GATES];
    uint8_t sharp[RACER_GATES];
    int any = 0;
    for (int32_t i = 0; i < RACER_GATES; i++) {
        sharp[i] = fabsf(racer_curvature(points, i)) * radius > RACER_EASE;
        any |= sharp[i];
    }
    memcpy(old, points, sizeof(old));
    for (int32_t i = 0; any && i < RACER_GATES; i++) {
        const RacerPoint *before = &old[(i + RACER_GATES - 1) % RACER_GATES], *after = &old[(i + 1) % RACER_GATES];
        int touched = 0;
        for (int32_t k = -RACER_BESIDE; k <= RACER_BESIDE; k++) {
            touched |= sharp[(i + k + RACER_GATES) % RACER_GATES];
        }
        if (touched) {
            points[i].x = 0.5f * old[i].x + 0.25f * (before->x + after->x);
            points[i].y = 0.5f * old[i].y + 0.25f * (before->y + after->y);
        }
    }
    return any;
}

// How much a track turns, left and right added up: 2 pi for a circle. 0 if it cannot be driven,
// because a bend is too sharp or two parts of the road are too close to each other. (Only parts with
// room for a U-turn between them are compared: others cannot touch, because the radius of every bend
// exceeds half the width.)
static float racer_turning(const RacerPoint* points, const RacerRoad* road)
{
    float radius = racer_min_radius(road->width), turning = 0.0f;
    float gap = road->length / RACER_GATES;
    float apart = road->width + RACER_VERGE;
    int32_t near = (int32_t)(PUF_PI * radius / gap);
    for (int32_t i = 0; i < RACER_GATES; i++) {
        float curvature = fabsf(racer_curvature(points, i));
        turning += curvature * gap;
        if (curvature * radius > 1.0f) {
            return 0.0f;
        }
    }
    for (int32_t i = 0; i < RACER_GATES; i++) {
        for (int32_t k = i + near; k < RACER_GATES && k <= i + RACER_GATES - near; k++) {
            float dx = points[k].x - points[i].x, dy = points[k].y - points[i].y;
            if (dx * dx + dy * dy < apart * apart) {
                return 0.0f;
            }
        }
    }
    return turning;
}

// The gate with the straightest road around it.
static int32_t racer_start_line(const RacerPoint* points)
{
    int32_t best = 0;
    float least = 0.0f;
    for (int32_t i = 0; i < RACER_GATES; i++) {
        float bent = 0.0f;
        for (int32_t k = -RACER_STRAIGHT; k <= RACER_STRAIGHT; k++) {
            bent += fabsf(racer_curvature(points, (i + k + RACER_GATES) % RACER_GATES));
        }
        if (i == 0 || bent < least) {
            least = bent;
            best = i;
        }
    }
    return best;
}

// The grip, in m/s^2, that is left for accelerating or braking in a bend.
static float racer_left_over(float grip, float v, float curvature)
{
    float across = v * v * fabsf(curvature);
    return sqrtf(puf_maxf(grip * grip - across * across, 0.0f));
}

// The lap time of an ideal car in the middle of the road: as fast in each bend as its grip allows, and
// between bends as its engine and its brakes allow. Two laps each way: the first finds the speed at
// the line.
static float racer_reference(const RacerPoint* points, float gap, float mu)
{
    float grip = mu * RACER_GRAVITY, v[RACER_GATES], bend[RACER_GATES], time = 0.0f;
    for (int32_t i = 0; i < RACER_GATES; i++) {
        bend[i] = racer_curvature(points, i);
        v[i] = sqrtf(puf_minf(grip / puf_maxf(fabsf(bend[i]), 1e-6f), RACER_LAST_GEAR * RACER_LAST_GEAR));
    }
    for (int32_t k = 0; k < 2 * RACER_GATES; k++) {
        int32_t i = k % RACER_GATES, next = (k + 1) % RACER_GATES;
        float drive = puf_minf(racer_thrust(v[i]), RACER_REAR_LOAD * racer_left_over(grip, v[i], bend[i]));
        float square = v[i] * v[i] + 2.0f * gap * (drive - RACER_DRAG * v[i] * v[i]);
        v[next] = puf_minf(v[next], sqrtf(puf_maxf(square, 1.0f)));
    }
    for (int32_t k = 2 * RACER_GATES; k > 0; k--) {
        int32_t i = k % RACER_GATES, before = (k - 1) % RACER_GATES;
        float brakes = racer_left_over(grip, v[i], bend[i]) + RACER_DRAG * v[i] * v[i];
        v[before] = puf_minf(v[before], sqrtf(v[i] * v[i] + 2.0f * gap * brakes));
    }
    for (int32_t i = 0; i < RACER_GATES; i++) {
        time += 2.0f * gap / (v[i] + v[(i + 1) % RACER_GATES]);
    }
    return time;
}

// Fill the tables of a track from the points along its middle, the first of which is the start line.
static void racer_build(RacerTrack* track, const RacerPoint* points, const RacerRoad* road)
{
    float half = 0.5f * road->width;
    for (int32_t i = 0; i <= RACER_GATES; i++) {
        const RacerPoint* before = &points[(i + RACER_GATES - 1) % RACER_GATES];
        const RacerPoint* after = &points[(i + 1) % RACER_GATES];
        float x = after->x - before->x, y = after->y - before->y, size = racer_hypot(x, y);
        track->gates[i].middle.x = points[i % RACER_GATES].x;
        track->gates[i].middle.y = points[i % RACER_GATES].y;
        track->gates[i].along.x = x / size;
        track->gates[i].along.y = y / size;
    }
    for (int32_t i = 0; i < RACER_GATES + 2 * RACER_AROUND; i++) {
        const RacerGate* gate = &track->gates[(i + RACER_GATES - RACER_AROUND) % RACER_GATES];
        float right_x = -half * gate->along.y, right_y = half * gate->along.x;
        track->posts[i].left.x = gate->middle.x - right_x;
        track->posts[i].left.y = gate->middle.y - right_y;
        track->posts[i].right.x = gate->middle.x + right_x;
        track->posts[i].right.y = gate->middle.y + right_y;
    }
    for (int32_t i = 0; i <= RACER_GATES + RACER_AHEAD; i++) {
        track->bends[i] = racer_curvature(points, i % RACER_GATES) * racer_min_radius(road->width);
    }
    track->reference = racer_reference(points, road->length / RACER_GATES, road->grip);
}

// The twistiest of several random curves.
static void racer_make_track(RacerTrack* track, const RacerRoad* road, PufRng rng)
{
    RacerPoint knots[RACER_KNOTS], curve[RACER_KNOTS * RACER_SPAN], points[RACER_GATES], best[RACER_GATES];
    float length = road->length, radius = racer_min_radius(road->width), most = -1.0f;
    for (int32_t attempt = 0; attempt <= RACER_TRIES; attempt++) {
        int32_t count = racer_knots(knots, 1.0f - (float)attempt / RACER_TRIES, &rng);
        racer_spline(knots, count, curve);
        racer_spread(curve, count * RACER_SPAN, length, points);
        for (int32_t round = 0; round < RACER_ROUNDS && racer_smooth(points, radius); round++) {
            memcpy(curve, points, sizeof(points));
            racer_spread(curve, RACER_GATES, length, points);
        }
        float turning = racer_turning(points, road);
        if (turning > most) {
            most = turning;
            memcpy(best, points, sizeof(points));
        }
    }
    int32_t line = racer_start_line(best);
    for (int32_t i = 0; i < RACER_GATES; i++) {
        points[i].x = best[(line + i) % RACER_GATES].x;
        points[i].y = best[(line + i) % RACER_GATES].y;
    }
    racer_build(track, points, road);
}
