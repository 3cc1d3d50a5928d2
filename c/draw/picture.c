// picture.c - see picture.h.
#include "draw/picture.h"
#include <string.h>

// To the nearest integer, halves to the even one.
static double nearest(double x) { return rint(x); }

PufColor puf_fade(PufColor color, double opacity)
{
    return (color & 0xffffffu) | (uint32_t)nearest((double)(color >> 24) * opacity) << 24;
}

PufColor puf_blend(PufColor start, PufColor end, double amount)
{
    PufColor mixed = 0;
    for (int shift = 0; shift < 32; shift += 8) {
        double a = (double)(start >> shift & 255), b = (double)(end >> shift & 255);
        mixed |= (uint32_t)nearest(a + (b - a) * amount) << shift;
    }
    return mixed;
}

// ---- Functions. ----

static float within_a_turn(double radians) { return (float)(radians - PUF_TURN * floor(radians / PUF_TURN)); }

double puf_sine(double radians) { return (double)puf_sinf(within_a_turn(radians)); }
double puf_cosine(double radians) { return (double)puf_cosf(within_a_turn(radians)); }

// exp(exponent * log(x)), both by their series: to about 1e-9.
double puf_power(double x, double exponent)
{
    if (!(x > 1e-9)) {
        return 0.0;
    }
    double halvings = 0.0;
    for (; x < 0.70710678118654752; x *= 2.0) {
        halvings += 1.0;
    }
    const double t = (x - 1.0) / (x + 1.0);
    double term = 2.0 * t, logarithm = -halvings * 0.69314718055994531;
    for (int k = 1; k < 20; k += 2, term *= t * t) {
        logarithm += term / k;
    }
    double y = exponent * logarithm, scale = 1.0;
    for (; y < -0.5; y += 0.69314718055994531) {
        scale *= 0.5;
    }
    double sum = 1.0;
    for (int k = 14; k > 0; k--) {
        sum = 1.0 + y / k * sum;
    }
    return scale * sum;
}

// ---- The list. ----

static void add(PufPicture* p, double number)
{
    if (p->length < p->room) {
        p->list[p->length] = number;
    }
    p->length++;
}

void puf_list(PufPicture* p, const double* numbers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add(p, numbers[i]);
    }
}

#define ADD(p, ...)                                                                                                    \
    puf_list(p, (const double[]){ __VA_ARGS__ }, sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))

void puf_clear(PufPicture* p, PufColor color) { ADD(p, PUF_DRAW_CLEAR, color); }

void puf_rect(PufPicture* p, double x, double y, double width, double height, PufColor color, double radius)
{
    ADD(p, PUF_DRAW_RECT, x, y, width, height, radius, color);
}

void puf_border(PufPicture* p, double x, double y, double width, double height, double thickness, PufColor color,
                double radius)
{
    ADD(p, PUF_DRAW_BORDER, x, y, width, height, thickness, radius, color);
}

void puf_circle(PufPicture* p, double x, double y, double radius, PufColor color)
{
    puf_ring(p, x, y, 0, radius, color);
}

void puf_ring(PufPicture* p, double x, double y, double inner, double outer, PufColor color)
{
    puf_arc(p, x, y, inner, outer, color, 0, 360);
}

void puf_arc(PufPicture* p, double x, double y, double inner, double outer, PufColor color, double start, double end)
{
    ADD(p, PUF_DRAW_RING, x, y, inner, outer, start, end, color);
}

void puf_glow(PufPicture* p, double x, double y, double radius, PufColor color)
{
    ADD(p, PUF_DRAW_GLOW, x, y, radius, color);
}

void puf_line(PufPicture* p, double x0, double y0, double x1, double y1, double thickness, PufColor color)
{
    ADD(p, PUF_DRAW_LINE, x0, y0, x1, y1, thickness, color);
}

static void add_points(PufPicture* p, const PufPoint* points, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        ADD(p, points[i].x, points[i].y);
    }
}

void puf_polygon(PufPicture* p, const PufPoint* points, int32_t count, PufColor color)
{
    ADD(p, PUF_DRAW_POLYGON, color, count);
    add_points(p, points, count);
}

void puf_shape(PufPicture* p, double x, double y, double size, PufColor color, const double* corners, size_t numbers)
{
    ADD(p, PUF_DRAW_POLYGON, color, (double)(numbers / 2));
    for (size_t i = 0; i + 1 < numbers; i += 2) {
        ADD(p, x + size * corners[i], y + size * corners[i + 1]);
    }
}

void puf_path(PufPicture* p, const PufPoint* points, int32_t count, double thickness, PufColor color)
{
    ADD(p, PUF_DRAW_PATH, thickness, color, count);
    add_points(p, points, count);
}

// ---- Text. The font's characters: font.py has them in the same order. ----

enum { FIRST = 32, ASCII = 127 - FIRST, MAX_TEXT = 256 };
static const uint32_t others[] = { 0xb0, 0xb7, 0xd7, 0x2013, 0x2014, 0x2026, 0x2212, 0x2022 };

// The number of the character at `text`, which moves past it.
static int32_t next_glyph(const char** text)
{
    const uint8_t* at = (const uint8_t*)*text;
    int more = *at >= 0xf0 ? 3 : *at >= 0xe0 ? 2 : *at >= 0xc0 ? 1 : 0;
    uint32_t code = more ? *at & (0x3fu >> more) : *at;
    for (at++; more > 0 && (*at & 0xc0) == 0x80; more--, at++) {
        code = code << 6 | (*at & 0x3fu);
    }
    *text = (const char*)at;
    if (code >= FIRST && code < 127) {
        return (int32_t)code - FIRST;
    }
    for (int32_t i = 0; i < (int32_t)(sizeof others / sizeof others[0]); i++) {
        if (others[i] == code) {
            return ASCII + i;
        }
    }
    return '?' - FIRST;
}

double puf_text(PufPicture* p, double x, double y, const char* text, double size, PufColor color, PufAlign align)
{
    int32_t glyphs[MAX_TEXT], count = 0;
    float sum = 0.0f;
    while (*text && count < MAX_TEXT) {
        glyphs[count] = next_glyph(&text);
        sum += p->advances[glyphs[count++]];
    }
    double width = (double)sum * size;
    x -= align == PUF_LEFT ? 0.0 : align == PUF_CENTER ? width / 2 : width;
    ADD(p, PUF_DRAW_TEXT, x, y, size, color, count);
    for (int32_t i = 0; i < count; i++) {
        add(p, glyphs[i]);
    }
    return width;
}

double puf_measure(const PufPicture* p, const char* text, double size)
{
    float sum = 0.0f;
    for (int32_t count = 0; *text && count < MAX_TEXT; count++) {
        sum += p->advances[next_glyph(&text)];
    }
    return (double)sum * size;
}

void puf_fit(PufPicture* p, double x, double y, const char* text, double size, double width, PufColor color)
{
    const double wide = puf_measure(p, text, size), small = wide <= width ? size : size * width / wide;
    puf_text(p, x, y + (size - small) / 2, text, small, color, PUF_CENTER);
}

void puf_say(PufLine* line, const char* words)
{
    while (*words && line->length < PUF_LINE - 1) {
        line->text[line->length++] = *words++;
    }
    line->text[line->length] = '\0';
}

void puf_say_number(PufLine* line, int64_t number) { puf_say(line, puf_word((double)number, 0, 0, "").text); }

PufLine puf_line_of(const char* words)
{
    PufLine line;
    line.length = 0;
    puf_say(&line, words);
    return line;
}

void puf_say_result(PufLine* line, int32_t result, int32_t agent)
{
    static const char* const words[] = { "", "won", "drawn", "lost" };
    puf_say(line, words[result && agent ? 4 - result : result]);
}

PufWord puf_word(double number, int decimals, int sign, const char* unit)
{
    PufWord word;
    double power = 1.0;
    for (int i = 0; i < decimals; i++) {
        power *= 10.0;
    }
    double all = nearest(fabs(number) * power);
    uint64_t digits = all < 1e15 ? (uint64_t)all : 999999999999999u;
    char reversed[24];
    int n = 0;
    for (int place = 0; digits > 0 || place <= decimals; place++, digits /= 10) {
        if (place == decimals && decimals > 0) {
            reversed[n++] = '.';
        }
        reversed[n++] = (char)('0' + digits % 10);
    }
    if (number < 0.0 || (sign && number >= 0.0)) {
        reversed[n++] = number < 0.0 ? '-' : '+';
    }
    int at = 0;
    while (n > 0) {
        word.text[at++] = reversed[--n];
    }
    while (*unit && at < (int)sizeof word.text - 1) {
        word.text[at++] = *unit++;
    }
    word.text[at] = '\0';
    return word;
}

PufWord puf_text_word(const char* text)
{
    PufWord word = { "" };
    return puf_join(word, text, word);
}

PufWord puf_join(PufWord one, const char* between, PufWord other)
{
    const char* parts[] = { between, other.text };
    size_t at = strlen(one.text);
    for (int i = 0; i < 2; i++) {
        for (const char* c = parts[i]; *c && at < sizeof one.text - 1; c++) {
            one.text[at++] = *c;
        }
    }
    one.text[at] = '\0';
    return one;
}

double puf_hud(PufPicture* p, const char* title, const PufFigure* figures, int32_t count)
{
    puf_text(p, 20, 14, title, 18, PUF_STEEL, PUF_LEFT);
    double x = p->width - 20;
    for (int32_t i = count - 1; i >= 0; i--) {
        x -= puf_text(p, x, 11, figures[i].value.text, 23, PUF_SNOW, PUF_RIGHT) + 7;
        x -= puf_text(p, x, 15, figures[i].name, 16, PUF_STEEL, PUF_RIGHT) + 22;
    }
    return x;
}
