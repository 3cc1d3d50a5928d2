// Enduro: the road from behind the car, under every sky of a long day, and the instruments below it.
#pragma once
#include "enduro_car.h"

enum { ENDURO_SWING = 16 }; // how often the mountains go round while the heading counts to 65536
enum { ENDURO_RIDGE = 90, ENDURO_PEAKS = 32, ENDURO_BANDS = 28, ENDURO_STARS = 70, ENDURO_FLAKES = 110 };
enum { ENDURO_MAX_SLICES = 160 };

static double enduro_modulo(double x, double n) { return x - n * floor(x / n); }

// ---- The sky. ----

// Units by which the farthest mountains are shifted for one turn of ENDURO_SWING.
static double enduro_heading(const Enduro* s)
{
    const double count = s->heading + (double)s->bend[0] * s->along / ENDURO_NODE;
    return count * ENDURO_RIDGE * ENDURO_PEAKS / 65536;
}

// The sun or the moon.
static void enduro_draw_disc(double x, double y, double radius, PufColor color, double amount, PufPicture* p)
{
    if (amount > 0 && -3 * radius < x && x < ENDURO_PICTURE_WIDTH + 3 * radius) {
        puf_glow(p, x, y, radius * 3, puf_fade(color, 0.35 * amount));
        puf_circle(p, x, y, radius, puf_fade(color, amount));
    }
}

static void enduro_draw_night(double swing, double dark, PufPicture* p)
{
    const double round = 2 * ENDURO_PICTURE_WIDTH;
    for (uint32_t star = 0; star < ENDURO_STARS; star++) {
        const double x = enduro_modulo(enduro_chance(star, 0) * round - swing * 0.3, round);
        const double y = ENDURO_SKY_TOP + enduro_chance(star, 1) * (ENDURO_HORIZON - ENDURO_SKY_TOP - 40);
        puf_circle(p, x, y, 0.7 + enduro_chance(star, 2),
                   puf_fade(PUF_SNOW, dark * (0.25 + 0.6 * enduro_chance(star, 3))));
    }
    static const double seas[3][3] = { { -6, -5, 5 }, { 7, 3, 4 }, { -3, 9, 3 } };
    const double moon = enduro_modulo(ENDURO_PICTURE_WIDTH * 0.74 - swing * 0.3, round), y = ENDURO_SKY_TOP + 52;
    enduro_draw_disc(moon, y, 20, PUF_SNOW, dark, p);
    for (int i = 0; i < 3; i++) {
        puf_circle(p, moon + seas[i][0], y + seas[i][1], seas[i][2], puf_fade(PUF_STEEL, 0.3 * dark));
    }
}

static void enduro_draw_sky(const Enduro* s, const EnduroView* v, PufPicture* p)
{
    const double step = (double)(ENDURO_HORIZON - ENDURO_SKY_TOP) / ENDURO_BANDS, round = 2 * ENDURO_PICTURE_WIDTH;
    for (int band = 0; band < ENDURO_BANDS; band++) {
        const PufColor color =
            puf_blend(v->look.sky, v->look.low_sky, puf_power(band / (double)(ENDURO_BANDS - 1), 1.5));
        puf_rect(p, 0, ENDURO_SKY_TOP + band * step, ENDURO_PICTURE_WIDTH, step + 12, color, 0);
    }
    const double swing = enduro_heading(s) * ENDURO_SWING, dark = enduro_amount(v, ENDURO_DARK);
    if (dark > 0) {
        enduro_draw_night(swing, dark, p);
    }
    const double sun = ENDURO_PICTURE_WIDTH * 0.28 - swing * 0.3;
    enduro_draw_disc(enduro_modulo(sun, round), ENDURO_SKY_TOP + 46, 22, PUF_RGB(255, 244, 200),
                     enduro_amount(v, ENDURO_CLEAR_SKY), p);
    enduro_draw_disc(enduro_modulo(sun + 160, round), ENDURO_HORIZON - 26, 40, PUF_RGB(255, 190, 90),
                     enduro_amount(v, ENDURO_EVENING), p);
    enduro_draw_disc(enduro_modulo(sun + 300, round), ENDURO_HORIZON - 46, 30, PUF_RGB(255, 226, 170),
                     enduro_amount(v, ENDURO_MORNING), p);
}

static void enduro_draw_peak(double x, double high, double wide, PufColor shade, PufColor snow, int cap, PufPicture* p)
{
    const double base = ENDURO_HORIZON + 14, top = base - 14 - high;
    PufPoint mountain[] = { { x - wide, base }, { x, top }, { x + wide, base } };
    puf_polygon(p, mountain, 3, shade);
    if (cap) {
        const double down = high * 0.28, slope = wide / (high + 14);
        PufPoint corners[] = {
            { x, top }, { x - down * slope, top + down }, { x, top + down * 0.7 }, { x + down * slope, top + down }
        };
        puf_polygon(p, corners, 4, snow);
    }
}

static void enduro_draw_mountains(const Enduro* s, const EnduroView* v, PufPicture* p)
{
    const double hidden = 0.9 * enduro_amount(v, ENDURO_FOGGY);
    for (int layer = 0; layer < 2; layer++) {
        const double tall = layer ? 34 : 58, speed = layer ? ENDURO_SWING : ENDURO_SWING / 2.0;
        const PufColor shade = puf_blend(v->look.mountains[layer], v->look.low_sky, hidden);
        const PufColor snow = puf_blend(puf_blend(shade, PUF_SNOW, 0.55 * v->look.light), v->look.low_sky, hidden);
        const double offset = enduro_modulo(enduro_heading(s) * speed, ENDURO_RIDGE * ENDURO_PEAKS);
        const int first = (int)floor(offset / ENDURO_RIDGE) - 1;
        for (int peak = first; peak < first + ENDURO_PICTURE_WIDTH / ENDURO_RIDGE + 4; peak++) {
            const uint32_t number = (uint32_t)(peak + ENDURO_PEAKS) % ENDURO_PEAKS, salt = (uint32_t)layer;
            const double high = tall * (0.45 + 0.55 * enduro_chance(number, 7 + salt));
            const double wide = ENDURO_RIDGE * (0.75 + 0.5 * enduro_chance(number, 17 + salt));
            enduro_draw_peak(peak * ENDURO_RIDGE - offset, high, wide, shade, snow, layer == 0 && high > 0.7 * tall, p);
        }
    }
}

// ---- The road. ----

// A piece of the road: odd and even numbers alternate.
typedef struct EnduroSlice {
    int number;
    double start, end;
} EnduroSlice;

// From near to far. Returns how many.
static int enduro_slices(const EnduroView* v, EnduroSlice* slices)
{
    int count = 0;
    for (double ahead = ENDURO_NEAREST - ENDURO_BACK; ahead < ENDURO_FARTHEST && count < ENDURO_MAX_SLICES;) {
        const double size = ahead < 90 ? 3.0 : ahead < 150 ? 6.0 : 12.0;
        const double end = (floor((ahead + v->travelled) / size + 1e-6) + 1) * size - v->travelled;
        slices[count++] = (EnduroSlice){ (int)floor((ahead + v->travelled) / 6.0 + 1e-6), ahead, end };
        ahead = end;
    }
    return count;
}

// Where a slice begins and ends in the picture. Whole units: half-covered ones would let what is below shine through.
typedef struct EnduroSpan {
    EnduroSpot near, far;
    double ahead;
} EnduroSpan;

static void enduro_strip(const EnduroView* v, const EnduroSpan* a, double left, double right, PufColor color,
                         PufPicture* p)
{
    PufPoint corners[] = { { a->far.x + left * a->far.scale, a->far.y },
                           { a->far.x + right * a->far.scale, a->far.y },
                           { a->near.x + right * a->near.scale, a->near.y + 0.6 },
                           { a->near.x + left * a->near.scale, a->near.y + 0.6 } };
    puf_polygon(p, corners, 4, enduro_through(v, color, a->ahead));
}

static void enduro_draw_slice(const EnduroSlice* slice, const EnduroView* v, PufPicture* p)
{
    const EnduroLook* look = &v->look;
    const double edge = ENDURO_ROAD_EDGE;
    const int odd = slice->number / 2 % 2, stripe = slice->number % 2;
    EnduroSpan a = { enduro_spot(v, slice->start, 0), enduro_spot(v, slice->end, 0), slice->start };
    a.near.y = rint(a.near.y), a.far.y = rint(a.far.y);
    if (a.far.y > a.near.y) {
        return;
    }
    puf_rect(p, 0, a.far.y, ENDURO_PICTURE_WIDTH, a.near.y - a.far.y + 0.6,
             enduro_through(v, look->ground[odd], slice->start), 0);
    enduro_strip(v, &a, -edge - 0.9, edge + 0.9, look->kerb[stripe], p);
    enduro_strip(v, &a, -edge, edge, look->road[odd], p);
    enduro_strip(v, &a, -edge + 0.12, -edge + 0.3, look->line, p);
    enduro_strip(v, &a, edge - 0.3, edge - 0.12, look->line, p);
    for (int side = -1; stripe && side <= 1; side += 2) {
        enduro_strip(v, &a, side * 2.0 - 0.09, side * 2.0 + 0.09, look->line, p);
    }
}

static void enduro_draw_tree(EnduroSpot at, double ahead, const EnduroView* v, PufPicture* p)
{
    static const double tiers[3][3] = { { 0.7, 3.0, 1.5 }, { 1.9, 4.1, 1.15 }, { 3.0, 5.2, 0.8 } };
    const double x = at.x, y = at.y, scale = at.scale;
    const PufColor color = enduro_through(v, v->look.trees, ahead);
    const PufColor light =
        enduro_through(v, puf_blend(v->look.trees, PUF_SNOW, v->weather == ENDURO_SNOWY ? 0.75 : 0.12), ahead);
    puf_rect(p, x - 0.15 * scale, y - 0.9 * scale, 0.3 * scale, 0.9 * scale, puf_blend(color, PUF_NIGHT, 0.3), 0);
    for (int i = 0; i < 3; i++) {
        const double low = y - tiers[i][0] * scale, high = y - tiers[i][1] * scale, wide = tiers[i][2] * scale;
        PufPoint whole[] = { { x - wide, low }, { x, high }, { x + wide, low } };
        PufPoint lit[] = { { x, high }, { x + wide, low }, { x + wide * 0.2, low } };
        puf_polygon(p, whole, 3, color);
        puf_polygon(p, lit, 3, light);
    }
}

// On either side, every 24 m.
static void enduro_draw_posts(double ahead, const EnduroView* v, PufPicture* p)
{
    const PufColor red = puf_blend(enduro_through(v, PUF_CORAL, ahead), PUF_CORAL, enduro_amount(v, ENDURO_DARK) * 0.7);
    for (int side = -1; side <= 1; side += 2) {
        const EnduroSpot at = enduro_spot(v, ahead, side * (ENDURO_ROAD_EDGE + 1.6));
        const double left = at.x - 0.07 * at.scale, width = 0.14 * at.scale;
        puf_rect(p, left, at.y - 0.9 * at.scale, width, 0.9 * at.scale, enduro_through(v, v->look.line, ahead), 0);
        puf_rect(p, left, at.y - 0.85 * at.scale, width, 0.2 * at.scale, red, 0);
    }
}

// Here and there, on either side.
static void enduro_draw_trees(int mark, double ahead, const EnduroView* v, PufPicture* p)
{
    for (uint32_t salt = 1; salt <= 2; salt++) {
        const uint32_t number = (uint32_t)mark;
        if (enduro_chance(number, salt) < 0.5) {
            const double far = 10 + 26 * enduro_chance(number, salt + 4);
            EnduroSpot at = enduro_spot(v, ahead, salt == 1 ? -far : far);
            at.scale *= 0.7 + 0.6 * enduro_chance(number, salt + 8);
            enduro_draw_tree(at, ahead, v, p);
        }
    }
}

static void enduro_draw_roadside(const EnduroSlice* slice, const EnduroView* v, PufPicture* p)
{
    for (int posts = 1; posts >= 0; posts--) {
        const double item = posts ? 24.0 : 8.0, mark = ceil((slice->start + v->travelled) / item);
        const double ahead = mark * item - v->travelled;
        if (ahead < slice->end && ahead >= 0.5) {
            if (posts) {
                enduro_draw_posts(ahead, v, p);
            } else {
                enduro_draw_trees((int)mark, ahead, v, p);
            }
        }
    }
}

// A cone on the road, where it is dark.
static void enduro_draw_headlights(const Enduro* s, const EnduroView* v, PufPicture* p)
{
    const double dark = puf_max(enduro_amount(v, ENDURO_DARK), 0.3 * enduro_amount(v, ENDURO_FOGGY));
    for (int part = 0; dark > 0 && part < 13; part++) {
        PufPoint corners[4];
        for (int end = 0; end < 2; end++) {
            const double ahead = 2.4 + (52.0 - 2.4) * puf_power((part + end) / 13.0, 1.7);
            const EnduroSpot at = enduro_spot(v, ahead, (double)s->x / ENDURO_METRE);
            const double half = (0.9 + 0.075 * ahead) * at.scale;
            corners[end ? 0 : 3] = (PufPoint){ at.x - half, at.y };
            corners[end ? 1 : 2] = (PufPoint){ at.x + half, at.y };
        }
        const double share = part ? puf_power(part / 13.0, 0.9) : 0.0;
        puf_polygon(p, corners, 4, puf_fade(PUF_RGB(255, 244, 205), 0.2 * dark * (1 - share)));
    }
}

// From afar to near, with all that is on it.
static void enduro_draw_road(const Enduro* s, const EnduroView* v, PufPicture* p)
{
    EnduroCar cars[ENDURO_LANES * ENDURO_CARS];
    EnduroSlice slices[ENDURO_MAX_SLICES];
    int left = enduro_find_cars(s, v, cars);
    puf_rect(p, 0, ENDURO_HORIZON, ENDURO_PICTURE_WIDTH, ENDURO_BOTTOM - ENDURO_HORIZON, v->look.haze, 0);
    for (int i = enduro_slices(v, slices) - 1; i >= 0; i--) {
        enduro_draw_slice(&slices[i], v, p);
        enduro_draw_roadside(&slices[i], v, p);
        while (left > 0 && cars[left - 1].ahead >= slices[i].start) {
            enduro_draw_car(&cars[--left], v, p);
        }
    }
    enduro_draw_headlights(s, v, p);
    while (left > 0) {
        enduro_draw_car(&cars[--left], v, p);
    }
}

static void enduro_draw_snowfall(const Enduro* s, const EnduroView* v, PufPicture* p)
{
    const double amount = enduro_amount(v, ENDURO_SNOWY), rush = (double)s->speed / ENDURO_TOP;
    for (uint32_t flake = 0; amount > 0 && flake < ENDURO_FLAKES; flake++) {
        const double far = 0.25 + 0.75 * enduro_chance(flake, 5);
        const double age = enduro_modulo(s->frame * 0.012 * (0.5 + rush) / far * 0.6 + enduro_chance(flake, 0), 1.0);
        const double spread = 0.15 + 1.15 * age;
        const double x =
            ENDURO_PICTURE_WIDTH / 2 + (enduro_chance(flake, 1) - 0.5) * 1.6 * ENDURO_PICTURE_WIDTH * spread;
        const double y = ENDURO_HORIZON - 90 + (enduro_chance(flake, 2) - 0.35) * 1.7 * ENDURO_VIEW * spread;
        if (ENDURO_SKY_TOP < y && y < ENDURO_BOTTOM) {
            puf_circle(p, x, y, 0.8 + 2.4 * age * (1.2 - far),
                       puf_fade(PUF_SNOW, 0.85 * amount * puf_min(1.0, 3 * age)));
        }
    }
}

// ---- The instruments. ----

// Wheels of an odometer, with their name below. Returns where they end.
static double enduro_draw_digits(double x, double y, const char* name, const char* digits, PufColor color,
                                 PufPicture* p)
{
    double left = x;
    for (; *digits; digits++, left += 27) {
        puf_rect(p, left, y, 25, 38, PUF_DUSK, 4);
        puf_rect(p, left, y + 18.5, 25, 1, PUF_NIGHT, 0);
        puf_text(p, left + 12.5, y + 5, (char[]){ *digits, '\0' }, 28, color, PUF_CENTER);
    }
    puf_text(p, x, y + 44, name, 14, PUF_STEEL, PUF_LEFT);
    return left;
}

// The eight phases in the colours of their skies, and where the day stands.
static void enduro_draw_day(const Enduro* s, double x, double y, PufPicture* p)
{
    static const char* const names[ENDURO_LOOKS] = { "clear", "snow", "dusk", "night", "fog", "dawn" };
    const double width = ENDURO_PICTURE_WIDTH - 230 - x, each = width / ENDURO_PHASES;
    for (int phase = 0; phase < ENDURO_PHASES; phase++) {
        const EnduroLook* look = &enduro_looks[enduro_skies[phase]];
        const PufColor middle = look->light > 0.5 ? puf_blend(look->sky, look->low_sky, 0.45) : PUF_RGB(58, 64, 122);
        puf_rect(p, x + phase * each, y + 12, each - 2, 14, phase <= s->phase ? middle : puf_fade(middle, 0.35), 3);
    }
    const double at = x + width * puf_min(1.0, (double)s->frame / s->day_frames);
    puf_polygon(p, (PufPoint[]){ { at - 6, y + 2 }, { at + 6, y + 2 }, { at, y + 11 } }, 3, PUF_SNOW);
    puf_rect(p, at - 1, y + 10, 2, 18, PUF_SNOW, 0);
    puf_text(p, x, y + 44, puf_join(puf_text_word("time of day: "), names[s->weather], puf_text_word("")).text, 14,
             PUF_STEEL, PUF_LEFT);
    const double share = puf_clamp((double)s->passed / s->quota, 0.0, 1.0);
    puf_rect(p, x, y + 32, width - 2, 5, PUF_SLATE, 2.5);
    if (share > 0.01) {
        puf_rect(p, x, y + 32, (width - 2) * share, 5, share >= 1 ? PUF_MINT : PUF_AMBER, 2.5);
    }
}

// A dial from 0 to 324 km/h.
static void enduro_draw_speed(const Enduro* s, PufPicture* p)
{
    const double x = ENDURO_PICTURE_WIDTH - 150, y = ENDURO_BOTTOM + 46, share = (double)s->speed / ENDURO_TOP;
    const double right = ENDURO_PICTURE_WIDTH - 24, angle = (150 + 240 * share) * PUF_TURN / 360;
    puf_arc(p, x, y, 26, 34, PUF_SLATE, 150, 390);
    if (share > 0) {
        puf_arc(p, x, y, 26, 34, puf_blend(PUF_MINT, PUF_CORAL, share * share), 150, 150 + 240 * share);
    }
    puf_line(p, x + 6 * puf_cosine(angle), y + 6 * puf_sine(angle), x + 24 * puf_cosine(angle),
             y + 24 * puf_sine(angle), 2.5, PUF_SNOW);
    puf_circle(p, x, y, 4, PUF_SNOW);
    puf_text(p, right, y - 26, puf_word(share * 324, 0, 0, "").text, 34, PUF_SNOW, PUF_RIGHT);
    puf_text(p, right, y + 10, "km/h", 14, PUF_STEEL, PUF_RIGHT);
}

// At least three digits, at most four.
static PufWord enduro_digits(int32_t number)
{
    const PufWord shown = puf_word(number < 9999 ? number : 9999, 0, 0, "");
    return puf_join(puf_text_word(number < 10 ? "00" : number < 100 ? "0" : ""), "", shown);
}

static void enduro_draw_panel(const Enduro* s, PufPicture* p)
{
    const double y = ENDURO_BOTTOM + 12;
    const int met = s->passed >= s->quota;
    const int32_t number = met ? s->passed - s->quota : s->quota - s->passed;
    enduro_draw_digits(24, y, "day", puf_word(s->day, 0, 0, "").text, PUF_SNOW, p);
    const double x = enduro_draw_digits(78, y, met ? "quota met, cars beyond" : "cars to go",
                                        enduro_digits(number).text, met ? PUF_MINT : PUF_AMBER, p);
    enduro_draw_day(s, puf_max(x, 186) + 44, y, p);
    enduro_draw_speed(s, p);
}

// Sky, mountains, then the road from afar to near with all that is on it.
static void enduro_draw(const void* state, const void* assets, PufPicture* p)
{
    const Enduro* s = state;
    const EnduroView v = enduro_view(s);
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    enduro_draw_sky(s, &v, p);
    enduro_draw_mountains(s, &v, p);
    enduro_draw_road(s, &v, p);
    enduro_draw_own_car(s, &v, p);
    enduro_draw_snowfall(s, &v, p);
    puf_rect(p, 0, 0, ENDURO_PICTURE_WIDTH, ENDURO_SKY_TOP, PUF_NIGHT, 0);
    puf_rect(p, 0, ENDURO_BOTTOM, ENDURO_PICTURE_WIDTH, ENDURO_PANEL, PUF_NIGHT, 0);
    puf_hud(p, "enduro", (PufFigure[]){ puf_figure("crashes", s->crashes), puf_figure("overtaken", s->total) }, 2);
    enduro_draw_panel(s, p);
}

PUF_DRAWING(enduro, .width = ENDURO_PICTURE_WIDTH, .height = PUF_HUD_HEIGHT + ENDURO_VIEW + ENDURO_PANEL,
            .draw = enduro_draw);
