// Racer: the road around the car, which drives up the picture's middle; the whole track on a small map.
#pragma once
#include "draw/picture.h"
#include "envs/racer.h"

enum {
    RACER_FIELD = 600,
    RACER_MARGIN = 20,
    RACER_WIDTH = RACER_FIELD + 2 * RACER_MARGIN,
    RACER_HEIGHT = PUF_HUD_HEIGHT + RACER_FIELD + RACER_MARGIN,
    RACER_MAP = 150, // side of the small map
    RACER_PAD = 14,
    RACER_SQUARES = 12, // of the start line, across the road
};
#define RACER_METRE 9.5      // units
#define RACER_LOOK 11.0      // metres by which the car is off the picture's middle, away from where it goes
#define RACER_TOP_SPEED 40.0 // metres per second at the end of the dial
#define RACER_GRASS puf_blend(PUF_DUSK, PUF_RGB(38, 70, 62), 0.45)

// Where metres lie on the picture: north stays up, and the car is near the middle.
typedef struct RacerScenery {
    double x, y;             // metres in the middle of the picture
    const RacerPosts* posts; // from the start line on, and the start line once more
} RacerScenery;

static double racer_length(double x, double y) { return sqrt(x * x + y * y); }

static RacerScenery racer_scenery(const Racer* s, const void* assets)
{
    const double vx = (double)s->car.vx, vy = (double)s->car.vy,
                 shift = RACER_LOOK / puf_max(racer_length(vx, vy), 12.0);
    const RacerPosts* posts = (const RacerPosts*)((const uint8_t*)assets + s->posts_at);
    return (RacerScenery){ (double)s->car.x + shift * vx, (double)s->car.y + shift * vy, posts + RACER_AROUND };
}

static PufPoint racer_at(const RacerScenery* v, double x, double y)
{
    return (PufPoint){ RACER_MARGIN + RACER_FIELD / 2 + (x - v->x) * RACER_METRE,
                       PUF_HUD_HEIGHT + RACER_FIELD / 2 + (y - v->y) * RACER_METRE };
}

static PufPoint racer_post(const RacerScenery* v, int32_t gate, int right)
{
    const RacerPoint at = right ? v->posts[gate].right : v->posts[gate].left;
    return racer_at(v, (double)at.x, (double)at.y);
}

static PufPoint racer_middle(const RacerPosts* posts)
{
    return (PufPoint){ ((double)posts->left.x + (double)posts->right.x) / 2,
                       ((double)posts->left.y + (double)posts->right.y) / 2 };
}

// Whether a gate is on the picture, or not far from it.
static int racer_sees(const RacerScenery* v, int32_t gate)
{
    const double reach = RACER_FIELD / 2 / RACER_METRE + 12;
    const PufPoint middle = racer_middle(&v->posts[gate]);
    return fabs(middle.x - v->x) < reach && fabs(middle.y - v->y) < reach;
}

// Stripes of mown grass, so that speed shows off the road, too.
static void racer_draw_ground(const RacerScenery* v, PufPicture* p)
{
    const double band = 8.0, reach = RACER_FIELD / 2 / RACER_METRE, first = floor((v->y - reach) / (2 * band));
    for (int i = 0; i < (int)(reach / band) + 3; i++) {
        puf_rect(p, RACER_MARGIN, racer_at(v, 0, (first + i) * 2 * band).y, RACER_FIELD, band * RACER_METRE,
                 puf_blend(RACER_GRASS, PUF_NIGHT, 0.14), 0);
    }
}

// Curvature of the road in a cell, 1/m: by how much its edges differ in length.
static double racer_bend_of(const RacerPosts* near)
{
    const RacerPosts* far = near + 1;
    const double left =
        racer_length((double)far->left.x - (double)near->left.x, (double)far->left.y - (double)near->left.y);
    const double right =
        racer_length((double)far->right.x - (double)near->right.x, (double)far->right.y - (double)near->right.y);
    const double width =
        racer_length((double)near->right.x - (double)near->left.x, (double)near->right.y - (double)near->left.y);
    return 2 * (left - right) / (left + right) / width;
}

static PufPoint racer_mean(PufPoint a, PufPoint b) { return (PufPoint){ (a.x + b.x) / 2, (a.y + b.y) / 2 }; }

static void racer_draw_asphalt(const RacerScenery* v, int32_t gate, PufPicture* p)
{
    const PufColor asphalt = puf_blend(PUF_SLATE, PUF_NIGHT, 0.12);
    PufPoint cell[] = { racer_post(v, gate, 0), racer_post(v, gate, 1), racer_post(v, gate + 1, 1),
                        racer_post(v, gate + 1, 0) };
    puf_polygon(p, cell, 4, asphalt);
    puf_line(p, cell[0].x, cell[0].y, cell[1].x, cell[1].y, 1.5,
             asphalt); // the seam, where cells cover part of a pixel
}

// White edges, and red and white curbs where the road bends.
static void racer_draw_edges(const RacerScenery* v, int32_t gate, PufPicture* p)
{
    const double bend = racer_bend_of(&v->posts[gate]);
    const PufColor edge = puf_blend(PUF_STEEL, PUF_SNOW, 0.5);
    for (int side = 0; side < 2; side++) {
        const PufPoint a = racer_post(v, gate, side), b = racer_post(v, gate + 1, side), half = racer_mean(a, b);
        puf_circle(p, a.x, a.y, 1.5, edge);
        if (fabs(bend) > 0.016) {
            puf_path(p, (PufPoint[]){ a, half }, 2, 7, PUF_CORAL);
            puf_path(p, (PufPoint[]){ half, b }, 2, 7, PUF_SNOW);
        } else {
            puf_line(p, a.x, a.y, b.x, b.y, 3, edge);
        }
    }
    if (gate % 2 == 0) {
        const PufPoint from = racer_mean(racer_post(v, gate, 0), racer_post(v, gate, 1));
        const PufPoint to = racer_mean(racer_post(v, gate + 1, 0), racer_post(v, gate + 1, 1));
        puf_line(p, from.x, from.y, to.x, to.y, 1.5, puf_fade(PUF_SNOW, 0.13));
    }
}

// The start line: two rows of a chessboard across the road.
static void racer_draw_line(const RacerScenery* v, PufPicture* p)
{
    const PufPoint left = racer_post(v, 0, 0), right = racer_post(v, 0, 1), ahead = racer_post(v, 1, 0);
    const double across_x = (right.x - left.x) / RACER_SQUARES, across_y = (right.y - left.y) / RACER_SQUARES;
    const double size = racer_length(ahead.x - left.x, ahead.y - left.y), side = racer_length(across_x, across_y);
    const double dx = (ahead.x - left.x) / size * side, dy = (ahead.y - left.y) / size * side;
    for (int row = 0; row < 2; row++) {
        for (int k = 0; k < RACER_SQUARES; k++) {
            const double ax = left.x + across_x * k + row * dx, ay = left.y + across_y * k + row * dy;
            const double bx = ax + across_x, by = ay + across_y;
            PufPoint square[] = { { ax, ay }, { bx, by }, { bx + dx, by + dy }, { ax + dx, ay + dy } };
            puf_polygon(p, square, 4, (k + row) % 2 == 0 ? PUF_SNOW : PUF_NIGHT);
        }
    }
}

static void racer_draw_road(const RacerScenery* v, PufPicture* p)
{
    for (int edges = 0; edges < 2; edges++) {
        for (int32_t gate = 0; gate < RACER_GATES; gate++) {
            if (racer_sees(v, gate)) {
                if (edges) {
                    racer_draw_edges(v, gate, p);
                } else {
                    racer_draw_asphalt(v, gate, p);
                }
            }
        }
    }
    if (racer_sees(v, 0)) {
        racer_draw_line(v, p);
    }
}

// Metres from a place along a unit vector to the nearest edge of the road, at most RACER_SIGHT.
static double racer_reach_of(const RacerScenery* v, PufPoint from, PufPoint ray)
{
    double nearest = (double)RACER_SIGHT;
    for (int32_t gate = 0; gate < RACER_GATES; gate++) {
        for (int side = 0; side < 2; side++) {
            const RacerPoint a = side ? v->posts[gate].right : v->posts[gate].left;
            const RacerPoint b = side ? v->posts[gate + 1].right : v->posts[gate + 1].left;
            const double start_x = (double)a.x - from.x, start_y = (double)a.y - from.y;
            const double step_x = (double)b.x - (double)a.x, step_y = (double)b.y - (double)a.y;
            double cross = ray.x * step_y - ray.y * step_x;
            cross = cross == 0.0 ? 1e-12 : cross;
            const double along = (start_x * step_y - start_y * step_x) / cross;
            const double share = (start_x * ray.y - start_y * ray.x) / cross;
            if (share >= 0 && share <= 1 && along >= 0 && along < nearest) {
                nearest = along;
            }
        }
    }
    return nearest;
}

// Their distances are computed from the edges again, since the state does not hold them.
static void racer_draw_whiskers(const Racer* s, const RacerScenery* v, PufPicture* p)
{
    const PufPoint car = { (double)s->car.x, (double)s->car.y }, from = racer_at(v, car.x, car.y);
    for (int32_t i = 0; i < s->whiskers; i++) {
        const double angle = (double)s->car.yaw + PUF_TURN / 2 * ((double)i / (s->whiskers - 1) - 0.5);
        const PufPoint ray = { puf_cosine(angle), puf_sine(angle) };
        const double length = racer_reach_of(v, car, ray);
        const PufPoint end = racer_at(v, car.x + ray.x * length, car.y + ray.y * length);
        puf_line(p, from.x, from.y, end.x, end.y, 1.2, puf_fade(PUF_SKY, 0.22));
        if (length < (double)RACER_SIGHT) {
            puf_circle(p, end.x, end.y, 3, puf_fade(PUF_SKY, 0.75));
        }
    }
}

// The car's own frame, in metres: along it, and to its right.
typedef struct RacerBody {
    const RacerScenery* view;
    double x, y, cosine, sine;
    PufPicture* picture;
} RacerBody;

static PufPoint racer_on(const RacerBody* b, double along, double across)
{
    return racer_at(b->view, b->x + along * b->cosine - across * b->sine, b->y + along * b->sine + across * b->cosine);
}

static void racer_box(const RacerBody* b, PufPoint at, double length, double width, PufColor color, double turn)
{
    const double c = puf_cosine(turn), s = puf_sine(turn);
    const int signs[4][2] = { { 1, 1 }, { 1, -1 }, { -1, -1 }, { -1, 1 } };
    PufPoint corners[4];
    for (int i = 0; i < 4; i++) {
        const double along = signs[i][0] * length / 2, across = signs[i][1] * width / 2;
        corners[i] = racer_on(b, at.x + along * c - across * s, at.y + along * s + across * c);
    }
    puf_polygon(b->picture, corners, 4, color);
}

static void racer_draw_wheels(const Racer* s, const RacerBody* b)
{
    for (int front = 1; front >= 0; front--) {
        const double axle = front ? 1.43 : -1.17, angle = front ? (double)s->car.steering : 0.0;
        const float slip = front ? s->car.front_slip : s->car.rear_slip;
        for (int side = -1; side <= 1; side += 2) {
            if (fabsf(slip) > 1.0f) {
                const PufPoint at = racer_on(b, axle - 0.3, side * 0.82);
                puf_glow(b->picture, at.x, at.y, 13, puf_fade(PUF_SNOW, 0.35));
            }
            racer_box(b, (PufPoint){ axle, side * 0.82 }, 0.95, 0.42, PUF_NIGHT, angle);
        }
    }
}

static void racer_draw_body(const RacerBody* b)
{
    static const double sides[6][2] = { { 2.15, 0.45 }, { 1.75, 0.72 }, { 0.6, 0.66 },
                                        { -0.5, 0.86 }, { -1.9, 0.84 }, { -2.05, 0.6 } };
    PufPoint outline[12];
    for (int i = 0; i < 6; i++) {
        outline[i] = racer_on(b, sides[i][0], sides[i][1]);
        outline[11 - i] = racer_on(b, sides[i][0], -sides[i][1]);
    }
    puf_polygon(b->picture, outline, 12, PUF_AMBER);
    racer_box(b, (PufPoint){ 2.12, 0 }, 0.28, 1.75, puf_blend(PUF_AMBER, PUF_NIGHT, 0.25), 0);
    racer_box(b, (PufPoint){ -2.05, 0 }, 0.34, 1.8, puf_blend(PUF_AMBER, PUF_NIGHT, 0.25), 0);
    racer_box(b, (PufPoint){ -0.1, 0 }, 3.6, 0.28, PUF_SNOW, 0);
    racer_box(b, (PufPoint){ 0.1, 0 }, 0.95, 0.95, puf_blend(PUF_NIGHT, PUF_SKY, 0.25), 0);
    const PufPoint helmet = racer_on(b, -0.1, 0);
    puf_circle(b->picture, helmet.x, helmet.y, 0.32 * RACER_METRE, PUF_SNOW);
}

static void racer_draw_car(const Racer* s, const RacerScenery* v, PufPicture* p)
{
    const double yaw = (double)s->car.yaw;
    const RacerBody b = { v, (double)s->car.x, (double)s->car.y, puf_cosine(yaw), puf_sine(yaw), p };
    const int braking = s->pedals < -0.1f;
    racer_draw_wheels(s, &b);
    racer_draw_body(&b);
    for (int side = -1; side <= 1; side += 2) {
        const PufPoint lamp = racer_on(&b, -2.2, side * 0.62);
        if (braking) {
            puf_glow(p, lamp.x, lamp.y, 12, puf_fade(PUF_CORAL, 0.7));
        }
        puf_circle(p, lamp.x, lamp.y, 1.8, braking ? PUF_CORAL : puf_blend(PUF_CORAL, PUF_NIGHT, 0.5));
    }
}

// The whole track in a corner, and the car on it.
static void racer_draw_map(const Racer* s, const RacerScenery* v, PufPicture* p)
{
    PufPoint path[RACER_GATES + 1], low = { 1e9, 1e9 }, high = { -1e9, -1e9 };
    for (int32_t gate = 0; gate <= RACER_GATES; gate++) {
        path[gate] = racer_middle(&v->posts[gate]);
        low = (PufPoint){ puf_min(low.x, path[gate].x), puf_min(low.y, path[gate].y) };
        high = (PufPoint){ puf_max(high.x, path[gate].x), puf_max(high.y, path[gate].y) };
    }
    const double scale = (RACER_MAP - 2 * RACER_PAD) / puf_max(high.x - low.x, high.y - low.y);
    const double left = p->width - RACER_MARGIN - RACER_MAP - 10, top = PUF_HUD_HEIGHT + 10;
    const double x = left + RACER_MAP / 2 - scale * (low.x + high.x) / 2;
    const double y = top + RACER_MAP / 2 - scale * (low.y + high.y) / 2;
    puf_rect(p, left, top, RACER_MAP, RACER_MAP, puf_fade(PUF_NIGHT, 0.75), 10);
    for (int32_t gate = 0; gate <= RACER_GATES; gate++) {
        path[gate] = (PufPoint){ x + scale * path[gate].x, y + scale * path[gate].y };
    }
    puf_path(p, path, RACER_GATES + 1, 5, PUF_STEEL);
    puf_circle(p, path[0].x, path[0].y, 3.5, PUF_SNOW);
    puf_circle(p, x + scale * (double)s->car.x, y + scale * (double)s->car.y, 6.5, PUF_NIGHT);
    puf_circle(p, x + scale * (double)s->car.x, y + scale * (double)s->car.y, 5, PUF_AMBER);
}

// Speed on an arc; throttle and brakes as bars beside it.
static void racer_draw_dial(const Racer* s, PufPicture* p)
{
    const double speed = racer_length((double)s->car.vx, (double)s->car.vy),
                 share = puf_min(speed / RACER_TOP_SPEED, 1.0);
    const double x = RACER_MARGIN + 70, y = p->height - RACER_MARGIN - 66, radius = 46, start = 135.0, span = 270.0;
    puf_rect(p, RACER_MARGIN + 10, y - 60, 148, 116, puf_fade(PUF_NIGHT, 0.75), 10);
    puf_arc(p, x, y, radius - 8, radius, PUF_SLATE, start, start + span);
    if (share > 0.01) {
        puf_arc(p, x, y, radius - 8, radius, puf_blend(PUF_MINT, PUF_AMBER, share), start, start + span * share);
    }
    puf_text(p, x, y - 17, puf_word(3.6 * speed, 0, 0, "").text, 30, PUF_SNOW, PUF_CENTER);
    puf_text(p, x, y + 13, "km/h", 13, PUF_STEEL, PUF_CENTER);
    for (int column = 0; column < 2; column++) {
        const double height = 80 * puf_clamp(column ? -(double)s->pedals : (double)s->pedals, 0.0, 1.0);
        const double bar = x + 58 + 14 * column;
        puf_rect(p, bar, y - 42, 8, 80, PUF_SLATE, 4);
        if (height > 1) {
            puf_rect(p, bar, y + 38 - height, 8, height, column ? PUF_CORAL : PUF_MINT, 4);
        }
    }
}

static PufWord racer_seconds(float time) { return time > 0.0f ? puf_word((double)time, 2, 0, "") : puf_text_word("–"); }

// The ground, the road, the whiskers, the car; then the frame with map and dials.
static void racer_draw(const void* state, const void* assets, PufPicture* p)
{
    const Racer* s = state;
    const RacerScenery v = racer_scenery(s, assets);
    puf_clear(p, RACER_GRASS);
    racer_draw_ground(&v, p);
    racer_draw_road(&v, p);
    racer_draw_whiskers(s, &v, p);
    racer_draw_car(s, &v, p);
    puf_rect(p, 0, 0, p->width, PUF_HUD_HEIGHT, PUF_NIGHT, 0);
    puf_rect(p, 0, 0, RACER_MARGIN, p->height, PUF_NIGHT, 0);
    puf_rect(p, p->width - RACER_MARGIN, 0, RACER_MARGIN, p->height, PUF_NIGHT, 0);
    puf_rect(p, 0, p->height - RACER_MARGIN, p->width, RACER_MARGIN, PUF_NIGHT, 0);
    racer_draw_map(s, &v, p);
    racer_draw_dial(s, p);
    PufFigure figures[] = { puf_figure("lap", s->laps + 1),
                            { "time", puf_word((double)s->clock, 1, 0, "") },
                            { "last", racer_seconds(s->last_lap) },
                            { "best", racer_seconds(s->best_lap) } };
    puf_hud(p, "racer", figures, 4);
}

static float racer_mix(float start, float end, double share)
{
    return (float)((double)start + (double)(end - start) * share);
}

// On the straight way from one step to the next; a new episode begins at the step's end.
static void racer_between(const void* from, const void* to, int32_t frame, int32_t frames, void* at)
{
    const Racer *before = from, *after = to;
    const double share = (double)frame / frames;
    Racer* shown = at;
    *shown = *before;
    if (after->tick < before->tick) {
        return;
    }
    const RacerCar *a = &before->car, *b = &after->car;
    shown->car.x = racer_mix(a->x, b->x, share), shown->car.y = racer_mix(a->y, b->y, share);
    shown->car.vx = racer_mix(a->vx, b->vx, share), shown->car.vy = racer_mix(a->vy, b->vy, share);
    shown->car.steering = racer_mix(a->steering, b->steering, share);
    shown->clock = racer_mix(before->clock, after->clock, share);
    double turn = (double)b->yaw - (double)a->yaw;
    turn -= PUF_TURN * floor(turn / PUF_TURN + 0.5);
    shown->car.yaw = (float)((double)a->yaw + turn * share);
}

PUF_DRAWING(racer, .width = RACER_WIDTH, .height = RACER_HEIGHT, .draw = racer_draw, .between = racer_between);
