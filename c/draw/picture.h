// picture.h - what a drawing writes: a list of shapes and text (raster.h has its verbs), which the raster, a window or a
// page shows. Lengths are in units; the origin is the top left corner, x points right, y down; angles are in degrees.
//
//     c/draw/envs/NAME.h    how environment NAME looks: a function of its state, PUF_DRAWING(NAME, ...)
//
// No allocation, no I/O, no libm whose last bit may differ: the same state gives the same list everywhere.
#pragma once
#include "puffer.h"
#include "puffer_math.h"
#include "raster.h"

enum { PUF_HUD_HEIGHT = 44 }; // units at the top of a picture that puf_hud uses

// A colour: r + 256 g + 65536 b + 16777216 a.
typedef uint32_t PufColor;
#define PUF_RGB(r, g, b) (0xff000000u | (uint32_t)(b) << 16 | (uint32_t)(g) << 8 | (uint32_t)(r))

// render/puffer_render/palette.py has the same, and says what each is for.
#define PUF_NIGHT PUF_RGB(15, 17, 28)
#define PUF_DUSK PUF_RGB(24, 27, 43)
#define PUF_SLATE PUF_RGB(43, 48, 71)
#define PUF_STEEL PUF_RGB(104, 113, 148)
#define PUF_SNOW PUF_RGB(236, 239, 248)
#define PUF_CORAL PUF_RGB(255, 107, 107)
#define PUF_ORANGE PUF_RGB(255, 159, 90)
#define PUF_AMBER PUF_RGB(255, 209, 102)
#define PUF_MINT PUF_RGB(94, 224, 160)
#define PUF_TEAL PUF_RGB(62, 207, 207)
#define PUF_SKY PUF_RGB(86, 156, 255)
#define PUF_VIOLET PUF_RGB(157, 124, 255)
#define PUF_PINK PUF_RGB(255, 121, 198)

enum { PUF_RAINBOW = 6, PUF_CREATURES = 8 };
// In spectral order, for rows of things.
static const PufColor puf_rainbow[PUF_RAINBOW] = { PUF_CORAL, PUF_ORANGE, PUF_AMBER, PUF_MINT, PUF_SKY, PUF_VIOLET };
// Neighbours differ strongly; agent 0 is the first.
static const PufColor puf_creatures[PUF_CREATURES] = { PUF_MINT,   PUF_CORAL, PUF_SKY,    PUF_AMBER,
                                                       PUF_VIOLET, PUF_TEAL,  PUF_ORANGE, PUF_PINK };

PufColor puf_fade(PufColor color, double opacity);               // `opacity` (0 to 1) as visible
PufColor puf_blend(PufColor start, PufColor end, double amount); // from `start` (0) to `end` (1)

typedef struct PufSpace PufSpace; // space.h

typedef struct PufPicture {
    double* list;
    int64_t length, room;  // numbers: written, which may be more than there is room for, and the room
    double width, height;  // units
    int32_t person;        // number of the agent that a person plays or watches; -1: this is a film
    const float* advances; // widths of the font's characters, in lines that are 1 high
    PufSpace* space;       // what is in space; NULL: that is not drawn
    const void* before;    // a drawing that glides shows part of a step: the state before it; NULL: all of it
    double share;          // of the step, 0 to 1
} PufPicture;

// Number of the agent to mark and to follow: the person's, or the first.
static inline int32_t puf_agent(const PufPicture* p) { return p->person > 0 ? p->person : 0; }

typedef struct PufPoint {
    double x, y;
} PufPoint;

static inline double puf_min(double a, double b) { return a < b ? a : b; }
static inline double puf_max(double a, double b) { return a > b ? a : b; }
static inline double puf_clamp(double x, double low, double high) { return puf_min(puf_max(x, low), high); }
double puf_sine(double radians); // of any angle that a picture may have; the same bits everywhere
double puf_cosine(double radians);
double puf_power(double x, double exponent); // of x from 0 to 1, exponent above 0
#define PUF_TURN 6.28318530717958647692

typedef enum PufAlign { PUF_LEFT, PUF_CENTER, PUF_RIGHT } PufAlign;

void puf_list(PufPicture* p, const double* numbers, size_t count); // as they are

void puf_clear(PufPicture* p, PufColor color);
void puf_rect(PufPicture* p, double x, double y, double width, double height, PufColor color, double radius);
void puf_border(PufPicture* p, double x, double y, double width, double height, double thickness, PufColor color,
                double radius); // along the inside of the rectangle
void puf_circle(PufPicture* p, double x, double y, double radius, PufColor color);
void puf_ring(PufPicture* p, double x, double y, double inner, double outer, PufColor color);
void puf_arc(PufPicture* p, double x, double y, double inner, double outer, PufColor color, double start,
             double end); // the part of a ring between two angles, clockwise from the right
void puf_glow(PufPicture* p, double x, double y, double radius, PufColor color); // fades to nothing at `radius`
void puf_line(PufPicture* p, double x0, double y0, double x1, double y1, double thickness, PufColor color);
void puf_polygon(PufPicture* p, const PufPoint* points, int32_t count, PufColor color); // convex
// The same, of corners given as x y, x y ... in multiples of `size` from (x, y), by PUF_SHAPE.
void puf_shape(PufPicture* p, double x, double y, double size, PufColor color, const double* corners, size_t numbers);
#define PUF_SHAPE(p, x, y, size, color, ...)                                                                           \
    puf_shape(p, x, y, size, color, (const double[]){ __VA_ARGS__ },                                                   \
              sizeof((const double[]){ __VA_ARGS__ }) / sizeof(double))
void puf_path(PufPicture* p, const PufPoint* points, int32_t count, double thickness, PufColor color);

// One line of text, `size` units high, whose top is at `y`. Returns its width. `text` is UTF-8.
double puf_text(PufPicture* p, double x, double y, const char* text, double size, PufColor color, PufAlign align);
double puf_measure(const PufPicture* p, const char* text, double size); // the width that puf_text would return
// A line in the middle of `x`, made smaller where it is wider than `width`.
void puf_fit(PufPicture* p, double x, double y, const char* text, double size, double width, PufColor color);

// A number as text, at most 15 characters; `decimals` of them after the point, at most 6. `sign`: write a plus too.
typedef struct PufWord {
    char text[32];
} PufWord;
PufWord puf_word(double number, int decimals, int sign, const char* unit);

PufWord puf_text_word(const char* text);                           // no number
PufWord puf_join(PufWord one, const char* between, PufWord other); // as much as there is room for

// A line of words and numbers that is put together: puf_say(&line, "level "), puf_say_number(&line, 3). What is too
// long is left out.
enum { PUF_LINE = 512 };
typedef struct PufLine {
    char text[PUF_LINE];
    size_t length;
} PufLine;
void puf_say(PufLine* line, const char* words);
void puf_say_number(PufLine* line, int64_t number);
PufLine puf_line_of(const char* words); // begins with these

// How a game of two agents ended: 1 won, 2 drawn, 3 lost by the first agent.
void puf_say_result(PufLine* line, int32_t result, int32_t agent);

// A named value in the line at the top.
typedef struct PufFigure {
    const char* name;
    PufWord value;
} PufFigure;
static inline PufFigure puf_figure(const char* name, double value)
{
    return (PufFigure){ name, puf_word(value, 0, 0, "") };
}

// The line at the top: the picture's name on the left, named values on the right. Returns where the values begin.
double puf_hud(PufPicture* p, const char* title, const PufFigure* figures, int32_t count);

enum { PUF_NOTHING = -1 };

// How one environment is drawn.
typedef struct PufDrawing {
    const char* name;
    int32_t width, height; // units
    void (*draw)(const void* state, const void* assets, PufPicture* p);
    // Optional: the state at frame 1 to frames - 1 of a step of that many, given the states around the step.
    void (*between)(const void* before, const void* after, int32_t frame, int32_t frames, void* shown);
    int32_t glides; // instead: whether `draw` reads the picture's `before` and `share`
    // Optional, where it glides: in how many frames a step is shown, at least 1, given the states around it. `after` is
    // the state of the next episode where one ended. Without it, all steps take as long as the rate says.
    int32_t (*frames)(const void* before, const void* after);
    // Optional: the action for a click at this point of the picture; PUF_NOTHING: none.
    int32_t (*touch)(const void* state, const void* assets, double x, double y);
    // Optional: the action of a key that means something else in every state, by its number in KEYS of
    // render/puffer_render/draw/NAME.py.
    int32_t (*press)(const void* state, const void* assets, int32_t key);
    // Optional: say how the agent's last episode ended, given the state that the next one starts in.
    void (*verdict)(const void* state, int32_t agent, PufLine* line);
} PufDrawing;

// Ends c/draw/envs/NAME.h.
#define PUF_DRAWING(env, ...)                                                                                          \
    extern const PufDrawing env##_drawing;                                                                             \
    const PufDrawing env##_drawing = { .name = #env, __VA_ARGS__ }

// By name; NULL: there is none. (drawings.c)
const PufDrawing* puf_drawing(const char* name);
