// cards_art.h - emblems of the cards: a few shapes for the creatures, one sign for each thing that a spell does.
#pragma once
#include "draw/picture.h"
#include "envs/cards.h"

// An ellipse with these half axes.
static void cards_oval(double x, double y, double wide, double high, PufColor color, PufPicture* p)
{
    PufPoint points[20];
    for (int k = 0; k < 20; k++) {
        points[k].x = x + wide * puf_cosine(PUF_TURN * k / 20);
        points[k].y = y + high * puf_sine(PUF_TURN * k / 20);
    }
    puf_polygon(p, points, 20, color);
}

// Most creatures.
static void cards_draw_fish(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.35);
    PUF_SHAPE(p, x, y, r, dark, 0.5, 0, 1.05, -0.5, 1.05, 0.5);
    PUF_SHAPE(p, x, y, r, dark, -0.1, -0.35, 0.4, -0.75, 0.4, -0.2);
    cards_oval(x - 0.1 * r, y, 0.85 * r, 0.45 * r, color, p);
    puf_circle(p, x - 0.55 * r, y - 0.1 * r, 0.09 * r, PUF_NIGHT);
}

// An eel.
static void cards_draw_long_fish(double x, double y, double r, PufColor color, PufPicture* p)
{
    PufPoint points[17];
    for (int k = 0; k < 17; k++) {
        points[k] = (PufPoint){ x + r * (k / 8.0 - 1) * 0.95, y + 0.3 * r * puf_sine(k * 0.75) };
    }
    puf_path(p, points, 17, 0.32 * r, color);
    cards_oval(points[0].x, points[0].y, 0.3 * r, 0.25 * r, color, p);
    puf_circle(p, points[0].x - 0.08 * r, points[0].y - 0.06 * r, 0.08 * r, PUF_NIGHT);
}

// From below, its wings spread.
static void cards_draw_bird(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufColor light = puf_blend(color, PUF_SNOW, 0.35);
    PUF_SHAPE(p, x, y, r, light, -0.1, 0.05, -1.1, -0.55, -0.5, 0.25);
    PUF_SHAPE(p, x, y, r, light, 0.1, 0.05, 1.1, -0.55, 0.5, 0.25);
    cards_oval(x, y + 0.1 * r, 0.24 * r, 0.5 * r, color, p);
    puf_circle(p, x, y - 0.4 * r, 0.2 * r, color);
    PUF_SHAPE(p, x, y, r, PUF_AMBER, -0.1, -0.55, 0.1, -0.55, 0, -0.85);
    PUF_SHAPE(p, x, y, r, light, -0.2, 0.8, 0.2, 0.8, 0, 0.4);
}

// A ray from above.
static void cards_draw_ray(double x, double y, double r, PufColor color, PufPicture* p)
{
    puf_path(p, (const PufPoint[]){ { x, y + 0.2 * r }, { x + 0.1 * r, y + 0.9 * r } }, 2, 0.08 * r,
             puf_blend(color, PUF_NIGHT, 0.3));
    PUF_SHAPE(p, x, y, r, color, 0, -0.7, 1.0, -0.05, 0, 0.5, -1.0, -0.05);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 0.17 * r, y - 0.3 * r, 0.08 * r, PUF_NIGHT);
    }
}

// A crab with its claws up.
static void cards_draw_crab(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.3);
    for (int side = -1; side <= 1; side += 2) {
        for (int k = 0; k < 3; k++) {
            const PufPoint leg[] = { { x + side * 0.3 * r, y + 0.1 * r },
                                     { x + side * (0.95 - 0.18 * k) * r, y + (0.35 + 0.22 * k) * r } };
            puf_path(p, leg, 2, 0.09 * r, dark);
        }
        const PufPoint arm[] = { { x + side * 0.5 * r, y }, { x + side * 0.8 * r, y - 0.45 * r } };
        puf_path(p, arm, 2, 0.12 * r, dark);
        puf_arc(p, x + side * 0.8 * r, y - 0.6 * r, 0.1 * r, 0.24 * r, color, 300, 600);
    }
    cards_oval(x, y + 0.1 * r, 0.65 * r, 0.42 * r, color, p);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 0.2 * r, y - 0.1 * r, 0.09 * r, PUF_NIGHT);
    }
}

// A curled shrimp.
static void cards_draw_shrimp(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.35);
    puf_path(p, (const PufPoint[]){ { x - 0.45 * r, y - 0.35 * r }, { x - 1.0 * r, y - 0.75 * r } }, 2, 0.06 * r, dark);
    puf_path(p, (const PufPoint[]){ { x - 0.45 * r, y - 0.3 * r }, { x - 1.05 * r, y - 0.35 * r } }, 2, 0.06 * r, dark);
    for (int k = 0; k < 6; k++) {
        const double a = (PUF_TURN / 2) * (1.05 + 0.2 * k);
        puf_circle(p, x + 0.5 * r * puf_cosine(a), y + 0.2 * r + 0.6 * r * puf_sine(a), (0.32 - 0.03 * k) * r, color);
    }
    PUF_SHAPE(p, x, y, r, dark, 0.45, 0.2, 0.75, 0.75, 0.15, 0.7);
    puf_circle(p, x - 0.52 * r, y - 0.02 * r, 0.08 * r, PUF_NIGHT);
}

// A jellyfish.
static void cards_draw_bell(double x, double y, double r, PufColor color, PufPicture* p)
{
    for (int k = 0; k < 4; k++) {
        PufPoint points[5];
        for (int j = 0; j < 5; j++) {
            points[j].x = x + (k - 1.5) * 0.35 * r + 0.08 * r * puf_sine(2.2 * j);
            points[j].y = y + (0.05 + 0.2 * j) * r;
        }
        puf_path(p, points, 5, 0.08 * r, puf_blend(color, PUF_NIGHT, 0.35));
    }
    puf_arc(p, x, y + 0.05 * r, 0, 0.75 * r, color, 180, 360);
    puf_arc(p, x, y, 0.3 * r, 0.4 * r, puf_blend(color, PUF_SNOW, 0.5), 200, 280);
}

// An urchin, or an anemone.
static void cards_draw_urchin(double x, double y, double r, PufColor color, PufPicture* p)
{
    for (int k = 0; k < 12; k++) {
        const double a = (PUF_TURN / 2) * k / 6;
        puf_path(p, (const PufPoint[]){ { x, y }, { x + 0.98 * r * puf_cosine(a), y + 0.98 * r * puf_sine(a) } }, 2,
                 0.08 * r, color);
    }
    puf_circle(p, x, y, 0.5 * r, puf_blend(color, PUF_NIGHT, 0.25));
    puf_circle(p, x, y, 0.28 * r, color);
}

// A turtle, or a snail.
static void cards_draw_shell(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.4);
    cards_oval(x - 0.75 * r, y + 0.3 * r, 0.28 * r, 0.22 * r, puf_blend(color, PUF_SNOW, 0.3), p);
    puf_circle(p, x - 0.84 * r, y + 0.24 * r, 0.06 * r, PUF_NIGHT);
    for (int i = 0; i < 2; i++) {
        static const double places[] = { -0.4, 0.45 };
        const double side = places[i];
        cards_oval(x + side * r, y + 0.55 * r, 0.2 * r, 0.14 * r, puf_blend(color, PUF_SNOW, 0.3), p);
    }
    puf_arc(p, x, y + 0.5 * r, 0, 0.85 * r, color, 180, 360);
    for (int i = 0; i < 3; i++) {
        static const double places[] = { -1, 0, 1 };
        const double k = places[i];
        puf_ring(p, x + 0.42 * k * r, y + 0.3 * r, 0.12 * r, 0.2 * r, dark);
    }
}

// Anything with arms.
static void cards_draw_squid(double x, double y, double r, PufColor color, PufPicture* p)
{
    for (int k = 0; k < 5; k++) {
        PufPoint points[5];
        for (int j = 0; j < 5; j++) {
            points[j] = (PufPoint){ x + 0.3 * r * puf_sine((k - 2) * 0.45) * j, y + 0.2 * r * j + 0.1 * r };
        }
        points[4].x += 0.15 * r;
        points[4].y -= 0.05 * r;
        puf_path(p, points, 5, 0.12 * r, puf_blend(color, PUF_NIGHT, 0.3));
    }
    cards_oval(x, y - 0.25 * r, 0.48 * r, 0.62 * r, color, p);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 0.2 * r, y - 0.05 * r, 0.1 * r, PUF_SNOW);
        puf_circle(p, x + side * 0.2 * r, y - 0.03 * r, 0.055 * r, PUF_NIGHT);
    }
}

// A whale with its tail up.
static void cards_draw_whale(double x, double y, double r, PufColor color, PufPicture* p)
{
    PUF_SHAPE(p, x, y, r, color, 0.6, 0.1, 1.1, -0.65, 0.75, -0.35);
    PUF_SHAPE(p, x, y, r, color, 0.7, 0, 1.2, -0.3, 0.75, -0.35);
    cards_oval(x - 0.1 * r, y + 0.15 * r, 0.95 * r, 0.55 * r, color, p);
    cards_oval(x - 0.2 * r, y + 0.42 * r, 0.7 * r, 0.24 * r, puf_blend(color, PUF_SNOW, 0.4), p);
    puf_circle(p, x - 0.65 * r, y + 0.05 * r, 0.08 * r, PUF_NIGHT);
}

// A head with whiskers: frogs, otters, walruses.
static void cards_draw_beast(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufColor light = puf_blend(color, PUF_SNOW, 0.35);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 0.5 * r, y - 0.5 * r, 0.22 * r, color);
    }
    puf_circle(p, x, y, 0.72 * r, color);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 0.28 * r, y - 0.18 * r, 0.11 * r, PUF_NIGHT);
        puf_circle(p, x + side * 0.2 * r, y + 0.28 * r, 0.24 * r, light);
    }
    puf_circle(p, x, y + 0.12 * r, 0.12 * r, PUF_NIGHT);
}

// Upwards, or downwards where r is negative.
static void cards_arrow(double x, double y, double r, PufColor color, PufPicture* p)
{
    const PufPoint head[] = { { x - 0.75 * fabs(r), y - 0.05 * r },
                              { x + 0.75 * fabs(r), y - 0.05 * r },
                              { x, y - 0.9 * r } };
    const PufPoint shaft[] = { { x, y }, { x, y + 0.75 * r } };
    puf_polygon(p, head, 3, color);
    puf_path(p, shaft, 2, 0.42 * fabs(r), color);
}

// Damage.
static void cards_draw_bolt(double x, double y, double r, PufColor color, PufPicture* p)
{
    PUF_SHAPE(p, x, y, r, color, 0.2, -0.95, -0.5, 0.15, 0.1, 0.1);
    PUF_SHAPE(p, x, y, r, color, -0.2, 0.95, 0.5, -0.15, -0.1, -0.1);
}

// Cards to draw.
static void cards_draw_cards(double x, double y, double r, PufColor color, PufPicture* p)
{
    for (int k = 0; k < 3; k++) {
        puf_rect(p, x + (0.3 * k - 0.75) * r, y - (0.45 + 0.15 * k) * r, 0.85 * r, 1.2 * r,
                 puf_blend(color, PUF_NIGHT, 0.5 - 0.25 * k), 0.12 * r);
    }
}

// More attack and health.
static void cards_draw_grow(double x, double y, double r, PufColor color, PufPicture* p)
{
    cards_arrow(x, y, r, color, p);
}

// Less of both.
static void cards_draw_weaken(double x, double y, double r, PufColor color, PufPicture* p)
{
    cards_arrow(x, y, -r, color, p);
}

// A cross.
static void cards_draw_destroy(double x, double y, double r, PufColor color, PufPicture* p)
{
    puf_path(p, (const PufPoint[]){ { x - 0.6 * r, y - 0.6 * r }, { x + 0.6 * r, y + 0.6 * r } }, 2, 0.3 * r, color);
    puf_path(p, (const PufPoint[]){ { x + 0.6 * r, y - 0.6 * r }, { x - 0.6 * r, y + 0.6 * r } }, 2, 0.3 * r, color);
}

// An arrow back.
static void cards_draw_return(double x, double y, double r, PufColor color, PufPicture* p)
{
    puf_arc(p, x, y, 0.45 * r, 0.7 * r, color, 180, 450);
    PUF_SHAPE(p, x, y, r, color, -0.95, 0, -0.2, 0, -0.57, 0.6);
}

// A whirl.
static void cards_draw_sweep(double x, double y, double r, PufColor color, PufPicture* p)
{
    for (int k = 0; k < 3; k++) {
        puf_arc(p, x, y, (0.25 + 0.28 * k) * r, (0.37 + 0.28 * k) * r, color, 120 * k, 120 * k + 270);
    }
}

// A barred circle.
static void cards_draw_counter(double x, double y, double r, PufColor color, PufPicture* p)
{
    puf_ring(p, x, y, 0.62 * r, 0.85 * r, color);
    puf_path(p, (const PufPoint[]){ { x - 0.52 * r, y + 0.52 * r }, { x + 0.52 * r, y - 0.52 * r } }, 2, 0.22 * r,
             color);
}

// A spring, or mana.
static void cards_draw_drop(double x, double y, double r, PufColor color, PufPicture* p)
{
    PUF_SHAPE(p, x, y, r, color, -0.56, 0.12, 0, -0.95, 0.56, 0.12);
    puf_circle(p, x, y + 0.3 * r, 0.6 * r, color);
}

// Health, or life.
static void cards_draw_heart(double x, double y, double r, PufColor color, PufPicture* p)
{
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * 0.4 * r, y - 0.25 * r, 0.46 * r, color);
    }
    PUF_SHAPE(p, x, y, r, color, -0.82, -0.05, 0.82, -0.05, 0, 0.9);
}

// Attack.
static void cards_draw_sword(double x, double y, double r, PufColor color, PufPicture* p)
{
    puf_path(p, (const PufPoint[]){ { x - 0.6 * r, y + 0.6 * r }, { x + 0.65 * r, y - 0.65 * r } }, 2, 0.26 * r, color);
    puf_path(p, (const PufPoint[]){ { x - 0.7 * r, y }, { x, y + 0.7 * r } }, 2, 0.22 * r, color);
}

typedef struct CardsEmblem {
    const char* word; // the last one of a creature's name
    void (*shape)(double x, double y, double r, PufColor color, PufPicture* p);
    PufColor color;
} CardsEmblem;

// All other creatures are fish.
static const CardsEmblem cards_shapes[] = {
    { "Larva", cards_draw_bell, PUF_SNOW },      { "Shrimp", cards_draw_shrimp, PUF_CORAL },
    { "Crab", cards_draw_crab, PUF_CORAL },      { "Gnat", cards_draw_bird, PUF_AMBER },
    { "Bell", cards_draw_bell, PUF_VIOLET },     { "Snail", cards_draw_shell, PUF_AMBER },
    { "Eel", cards_draw_long_fish, PUF_MINT },   { "Moray", cards_draw_long_fish, PUF_VIOLET },
    { "Hopper", cards_draw_beast, PUF_AMBER },   { "Frog", cards_draw_beast, PUF_MINT },
    { "Otter", cards_draw_beast, PUF_CORAL },    { "Walrus", cards_draw_beast, PUF_SKY },
    { "Lurker", cards_draw_beast, PUF_TEAL },    { "Tern", cards_draw_bird, PUF_SNOW },
    { "Petrel", cards_draw_bird, PUF_SKY },      { "Gannet", cards_draw_bird, PUF_AMBER },
    { "Albatross", cards_draw_bird, PUF_SNOW },  { "Heron", cards_draw_bird, PUF_MINT },
    { "Urchin", cards_draw_urchin, PUF_VIOLET }, { "Anemone", cards_draw_urchin, PUF_CORAL },
    { "Turtle", cards_draw_shell, PUF_MINT },    { "Warden", cards_draw_shell, PUF_SKY },
    { "Sentry", cards_draw_crab, PUF_SKY },      { "Ray", cards_draw_ray, PUF_AMBER },
    { "Mantle", cards_draw_squid, PUF_SKY },     { "Manta", cards_draw_ray, PUF_SKY },
    { "Squid", cards_draw_squid, PUF_CORAL },    { "Octopus", cards_draw_squid, PUF_VIOLET },
    { "Mother", cards_draw_squid, PUF_TEAL },    { "Whale", cards_draw_whale, PUF_SKY },
    { "Baleen", cards_draw_whale, PUF_TEAL },
};

static const char* cards_last_word(const char* name)
{
    const char* space = strrchr(name, ' ');
    return space ? space + 1 : name;
}

// The picture of a card.
static void cards_draw_emblem(const char* name, const CardsCard* card, double x, double y, double r, PufPicture* p)
{
    static const CardsEmblem signs[CARDS_EFFECTS + 1] = {
        // by effect; the first is the spring's
        { "", cards_draw_drop, PUF_TEAL },     { "", cards_draw_bolt, PUF_CORAL },
        { "", cards_draw_heart, PUF_MINT },    { "", cards_draw_cards, PUF_SKY },
        { "", cards_draw_grow, PUF_MINT },     { "", cards_draw_weaken, PUF_VIOLET },
        { "", cards_draw_destroy, PUF_CORAL }, { "", cards_draw_return, PUF_SKY },
        { "", cards_draw_sweep, PUF_AMBER },   { "", cards_draw_counter, PUF_VIOLET },
    };
    static const PufColor fish[4] = { PUF_SKY, PUF_MINT, PUF_AMBER, PUF_CORAL };
    if (card->kind != CARDS_CREATURE) {
        signs[card->effect].shape(x, y, r, signs[card->effect].color, p);
        return;
    }
    for (size_t i = 0; i < sizeof cards_shapes / sizeof *cards_shapes; i++) {
        if (strcmp(cards_shapes[i].word, cards_last_word(name)) == 0) {
            cards_shapes[i].shape(x, y, r, cards_shapes[i].color, p);
            return;
        }
    }
    cards_draw_fish(x, y, r, fish[strlen(name) % 4], p);
}
