// enduro_car.h - cars seen from behind, by day and by night, and what the road does to the own one.
#pragma once
#include "enduro_view.h"

// Shadow, tyres, body, rear window.
static void enduro_draw_body(double x, double y, double scale, PufColor paint, PufColor dark, PufPicture* p)
{
    const double wide = ENDURO_CAR_WIDTH * scale, high = ENDURO_CAR_HEIGHT * scale;
    puf_rect(p, x - 0.54 * wide, y - 0.08 * high, 1.08 * wide, 0.14 * high, puf_fade(PUF_NIGHT, 0.35), 0.07 * high);
    for (int right = 0; right < 2; right++) {
        puf_rect(p, x + (right ? 0.26 : -0.5) * wide, y - 0.34 * high, 0.24 * wide, 0.36 * high,
                 puf_blend(dark, PUF_NIGHT, 0.6), 0.06 * high);
    }
    PufPoint roof[] = { { x - 0.27 * wide, y - high },
                        { x + 0.27 * wide, y - high },
                        { x + 0.42 * wide, y - 0.58 * high },
                        { x - 0.42 * wide, y - 0.58 * high } };
    puf_polygon(p, roof, 4, puf_blend(paint, PUF_NIGHT, 0.18));
    PufPoint glass[] = { { x - 0.23 * wide, y - 0.94 * high },
                         { x + 0.23 * wide, y - 0.94 * high },
                         { x + 0.34 * wide, y - 0.62 * high },
                         { x - 0.34 * wide, y - 0.62 * high } };
    puf_polygon(p, glass, 4, puf_blend(dark, PUF_SNOW, 0.1));
    puf_rect(p, x - 0.5 * wide, y - 0.62 * high, wide, 0.46 * high, paint, 0.1 * high);
    puf_rect(p, x - 0.46 * wide, y - 0.6 * high, 0.92 * wide, 0.07 * high, puf_blend(paint, PUF_SNOW, 0.25),
             0.03 * high);
    puf_rect(p, x - 0.46 * wide, y - 0.28 * high, 0.92 * wide, 0.13 * high, puf_blend(paint, PUF_NIGHT, 0.5),
             0.04 * high);
}

static void enduro_draw_tail_lights(PufPoint at, double scale, double braking, const EnduroView* v, double ahead,
                                    PufPicture* p)
{
    const double wide = ENDURO_CAR_WIDTH * scale, high = ENDURO_CAR_HEIGHT * scale;
    const double night = enduro_amount(v, ENDURO_DARK);
    const double dim = puf_max(puf_max(night, 0.6 * enduro_amount(v, ENDURO_EVENING)),
                               puf_max(0.6 * enduro_amount(v, ENDURO_FOGGY), braking));
    const double share = puf_clamp(ahead / v->sight, 0.0, 1.0), cube = share * share * share;
    const PufColor red = puf_blend(PUF_RGB(190, 40, 50), PUF_RGB(255, 70, 60), dim);
    for (int right = 0; right < 2; right++) {
        const double left = right ? 0.28 : -0.46, middle = at.x + (left + 0.09) * wide;
        if (dim > 0) {
            puf_glow(p, middle, at.y - 0.46 * high, puf_max(2.4, (0.3 + 0.14 * braking) * wide),
                     puf_fade(red, 0.75 * dim * (1 - cube)));
        }
        const PufColor lit = puf_blend(enduro_through(v, red, ahead), red, dim * (1 - cube * share));
        puf_rect(p, at.x + left * wide, at.y - 0.52 * high, 0.18 * wide, 0.13 * high, lit, 0.04 * high);
        if (night > 0.5) {
            puf_circle(p, middle, at.y - 0.46 * high, puf_max(1.1, 0.05 * wide), puf_blend(lit, PUF_SNOW, 0.3));
        }
    }
}

// A car of the traffic.
typedef struct EnduroCar {
    double ahead, side; // metres
    PufColor color;
} EnduroCar;

static void enduro_draw_car(const EnduroCar* car, const EnduroView* v, PufPicture* p)
{
    const EnduroSpot at = enduro_spot(v, car->ahead, car->side);
    const PufColor paint = puf_blend(PUF_NIGHT, car->color, v->look.light);
    enduro_draw_body(at.x, at.y, at.scale, enduro_through(v, paint, car->ahead),
                     enduro_through(v, puf_blend(PUF_NIGHT, PUF_SLATE, v->look.light), car->ahead), p);
    enduro_draw_tail_lights((PufPoint){ at.x, at.y }, at.scale, 0.0, v, car->ahead, p);
}

static int enduro_is_nearer(const EnduroCar* a, const EnduroCar* b)
{
    return a->ahead < b->ahead || (a->ahead == b->ahead && a->side < b->side);
}

// From near to far. Returns how many.
static int enduro_find_cars(const Enduro* s, const EnduroView* v, EnduroCar* cars)
{
    static const PufColor paints[7] = { PUF_CORAL, PUF_SKY, PUF_AMBER, PUF_VIOLET, PUF_ORANGE, PUF_PINK, PUF_SNOW };
    int count = 0;
    for (int lane = 0; lane < ENDURO_LANES; lane++) {
        for (int slot = 0; slot < ENDURO_CARS; slot++) {
            const double place = (double)s->place[lane][slot] / ENDURO_METRE;
            if (!(place > ENDURO_NEAREST - ENDURO_BACK + 0.2 && place <= v->sight)) {
                continue;
            }
            const int32_t number = (s->side[lane][slot] * 7 + s->pace[lane][slot]) % 7;
            const EnduroCar car = { place, (double)s->side[lane][slot] / ENDURO_METRE,
                                    paints[number < 0 ? number + 7 : number] };
            int at = count++;
            for (; at > 0 && enduro_is_nearer(&car, &cars[at - 1]); at--) {
                cars[at] = cars[at - 1];
            }
            cars[at] = car;
        }
    }
    return count;
}

static void enduro_draw_dust(PufPoint at, double scale, int32_t frames, PufColor color, PufPicture* p)
{
    for (uint32_t puff = 0; puff < 10; puff++) {
        const double time = frames * 0.06 + enduro_chance(puff, 0), age = time - floor(time);
        const double away = (enduro_chance(puff, 1) - 0.5) * 2.6 * scale * (0.6 + age);
        puf_circle(p, at.x + away, at.y - age * 0.5 * scale, (0.1 + 0.3 * age) * scale,
                   puf_fade(color, 0.5 * (1 - age)));
    }
}

static void enduro_draw_smoke(PufPoint at, double scale, int32_t crash, PufPicture* p)
{
    const double age = 1 - (double)crash / ENDURO_CRASH_FRAMES;
    for (uint32_t spark = 0; spark < 14; spark++) {
        const double angle = PUF_TURN * enduro_chance(spark, 0),
                     far = (0.4 + 1.5 * age * enduro_chance(spark, 1)) * scale;
        puf_circle(p, at.x + far * puf_cosine(angle), at.y - 0.6 * scale - fabs(far * puf_sine(angle)),
                   3.2 * (1 - age) + 0.5, puf_fade(spark % 2 ? PUF_AMBER : PUF_CORAL, 1 - age));
    }
    for (uint32_t puff = 0; puff < 8; puff++) {
        const double away = (enduro_chance(puff, 2) - 0.5) * 2.4 * scale;
        const double high = (0.5 + age * (0.5 + enduro_chance(puff, 3))) * scale;
        puf_circle(p, at.x + away, at.y - high, (0.15 + 0.4 * age) * scale, puf_fade(PUF_STEEL, 0.5 * (1 - age)));
    }
}

// A stripe, a spoiler and a number plate.
static void enduro_draw_trim(PufPoint at, double scale, double light, PufPicture* p)
{
    const double wide = ENDURO_CAR_WIDTH * scale, high = ENDURO_CAR_HEIGHT * scale;
    puf_rect(p, at.x - 0.06 * wide, at.y - high, 0.12 * wide, 0.42 * high, puf_blend(PUF_NIGHT, PUF_SNOW, light * 0.9),
             0);
    puf_rect(p, at.x - 0.5 * wide, at.y - 0.76 * high, wide, 0.07 * high, puf_blend(PUF_NIGHT, PUF_TEAL, light * 0.8),
             0.03 * high);
    puf_rect(p, at.x - 0.13 * wide, at.y - 0.5 * high, 0.26 * wide, 0.17 * high, puf_blend(PUF_NIGHT, PUF_SNOW, light),
             0.03 * high);
    puf_text(p, at.x, at.y - 0.5 * high + 1, "07", 0.15 * high, PUF_NIGHT, PUF_CENTER);
}

static void enduro_draw_own_car(const Enduro* s, const EnduroView* v, PufPicture* p)
{
    const double side = (double)s->x / ENDURO_METRE, speed = (double)s->speed / ENDURO_TOP;
    const EnduroSpot spot = enduro_spot(v, 0.0, side);
    const double shake = s->crash == 0 ? 0.0 : 5 * puf_sine(s->frame * 1.9) * s->crash / ENDURO_CRASH_FRAMES;
    const PufPoint at = { spot.x + 0.4 * spot.scale * s->slide / 384.0 * 0.4 + shake,
                          spot.y + 0.8 * puf_sine(s->frame * 0.9) * speed + fabs(shake) * 0.4 };
    if (fabs(side) > 5.25 && speed > 0.02) {
        enduro_draw_dust(at, spot.scale, s->frame, enduro_through(v, puf_blend(v->look.ground[0], PUF_SNOW, 0.25), 0),
                         p);
    }
    const double light = puf_max(0.45, v->look.light);
    enduro_draw_body(at.x, at.y, spot.scale, puf_blend(PUF_NIGHT, PUF_TEAL, light),
                     puf_blend(PUF_NIGHT, PUF_SLATE, light), p);
    enduro_draw_trim(at, spot.scale, light, p);
    enduro_draw_tail_lights(at, spot.scale, s->pedal == 2 || s->crash > 0, v, 0.0, p);
    if (s->crash > 0) {
        enduro_draw_smoke(at, spot.scale, s->crash, p);
    }
}
