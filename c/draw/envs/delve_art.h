// delve_art.h - the shapes of delve: monsters, heroes and things, each drawn around the middle of a tile of side `s`.
#pragma once
#include "draw/picture.h"
#include "envs/delve.h"

#define DELVE_BROWN PUF_RGB(150, 108, 80)
#define DELVE_BONE PUF_RGB(224, 214, 190)
#define DELVE_SKIN PUF_RGB(238, 188, 150)
#define DELVE_GREY PUF_RGB(150, 156, 172)
#define DELVE_LEAF PUF_RGB(112, 176, 92)
#define DELVE_BLOOD PUF_RGB(190, 52, 66)
#define DELVE_IRON PUF_RGB(176, 186, 204)
#define DELVE_INK PUF_RGB(26, 24, 38)

typedef void DelveShape(double x, double y, double s, PufColor color, PufPicture* p);

// ---- Creatures ----

// Two eyes that look at the person.
static void delve_draw_eyes(double x, double y, double s, double apart, PufColor color, PufPicture* p)
{
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * s * apart, y, s * 0.06, color);
        puf_circle(p, x + side * s * apart, y + s * 0.012, s * 0.028, DELVE_INK);
    }
}

// Four legs, a tail, pointed ears.
static void delve_draw_beast(double x, double y, double s, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.35);
    puf_path(p,
             (const PufPoint[]){
                 { x + s * 0.24, y + s * 0.1 }, { x + s * 0.4, y - s * 0.02 }, { x + s * 0.38, y - s * 0.2 } },
             3, s * 0.07, dark);
    for (int i = 0; i < 4; i++) {
        static const double places[] = { -0.18, -0.05, 0.14, 0.26 };
        const double at = places[i];
        puf_line(p, x + s * at, y + s * 0.1, x + s * at, y + s * 0.36, s * 0.075, dark);
    }
    puf_rect(p, x - s * 0.24, y - s * 0.06, s * 0.56, s * 0.28, color, s * 0.14);
    puf_circle(p, x - s * 0.22, y - s * 0.1, s * 0.18, color);
    for (int i = 0; i < 2; i++) {
        static const double places[] = { -0.34, -0.14 };
        const double side = places[i];
        PUF_SHAPE(p, x, y, s, color, side - 0.06, -0.2, side, -0.4, side + 0.08, -0.22);
    }
    puf_circle(p, x - s * 0.38, y - s * 0.06, s * 0.05, DELVE_INK);
    delve_draw_eyes(x - s * 0.23, y - s * 0.13, s, 0.08, PUF_SNOW, p);
}

// A round body, round ears, a long tail.
static void delve_draw_rat(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_path(p,
             (const PufPoint[]){
                 { x + s * 0.2, y + s * 0.2 }, { x + s * 0.38, y + s * 0.18 }, { x + s * 0.42, y - s * 0.08 } },
             3, s * 0.045, PUF_PINK);
    puf_circle(p, x + s * 0.06, y + s * 0.1, s * 0.23, color);
    for (int i = 0; i < 2; i++) {
        static const double places[] = { -0.26, -0.06 };
        const double side = places[i];
        puf_circle(p, x + s * side, y - s * 0.14, s * 0.1, puf_blend(color, PUF_PINK, 0.4));
    }
    puf_circle(p, x - s * 0.16, y + s * 0.04, s * 0.17, color);
    puf_circle(p, x - s * 0.32, y + s * 0.1, s * 0.04, PUF_PINK);
    delve_draw_eyes(x - s * 0.17, y, s, 0.08, PUF_SNOW, p);
}

// Spread wings, as of bats and harpies.
static void delve_draw_winged(double x, double y, double s, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.25);
    for (int side = -1; side <= 1; side += 2) {
        PUF_SHAPE(p, x, y, s, dark, 0, 0.06, side * 0.44, -0.28, side * 0.46, 0.12);
        PUF_SHAPE(p, x, y, s, dark, 0, 0.06, side * 0.46, 0.12, side * 0.24, 0.2);
        PUF_SHAPE(p, x, y, s, color, side * 0.04, -0.14, side * 0.14, -0.32, side * 0.17, -0.08);
    }
    puf_circle(p, x, y, s * 0.19, color);
    delve_draw_eyes(x, y - s * 0.03, s, 0.08, PUF_SNOW, p);
    for (int side = -1; side <= 1; side += 2) {
        PUF_SHAPE(p, x, y, s, PUF_SNOW, side * 0.09, 0.08, side * 0.03, 0.08, side * 0.06, 0.17);
    }
}

// A person: legs, tunic, arms, head.
static void delve_draw_body(double x, double y, double s, PufColor color, PufColor skin, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.4);
    for (int side = -1; side <= 1; side += 2) {
        puf_rect(p, x + side * s * 0.1 - s * 0.06, y + s * 0.18, s * 0.12, s * 0.22, dark, s * 0.03);
        puf_line(p, x + side * s * 0.16, y - s * 0.04, x + side * s * 0.27, y + s * 0.14, s * 0.09, color);
        puf_circle(p, x + side * s * 0.28, y + s * 0.15, s * 0.055, skin);
    }
    PUF_SHAPE(p, x, y, s, color, -0.17, -0.1, 0.17, -0.1, 0.2, 0.24, -0.2, 0.24);
    puf_rect(p, x - s * 0.19, y + s * 0.09, s * 0.38, s * 0.05, dark, 0);
    puf_circle(p, x, y - s * 0.21, s * 0.155, skin);
    delve_draw_eyes(x, y - s * 0.21, s, 0.065, PUF_SNOW, p);
}

// Orcs, ogres and their kin: wide, with tusks and a club.
static void delve_draw_brute(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x + s * 0.3, y + s * 0.2, x + s * 0.42, y - s * 0.26, s * 0.1, DELVE_BROWN);
    delve_draw_body(x, y, s, puf_blend(DELVE_BROWN, PUF_NIGHT, 0.2), color, p);
    puf_circle(p, x, y - s * 0.2, s * 0.19, color);
    delve_draw_eyes(x, y - s * 0.23, s, 0.075, PUF_AMBER, p);
    for (int side = -1; side <= 1; side += 2) {
        PUF_SHAPE(p, x, y, s, PUF_SNOW, side * 0.05, -0.08, side * 0.13, -0.08, side * 0.11, -0.18);
    }
}

// Small, with long ears and a knife.
static void delve_draw_goblin(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x - s * 0.3, y + s * 0.18, x - s * 0.36, y - s * 0.1, s * 0.05, DELVE_IRON);
    for (int side = -1; side <= 1; side += 2) {
        PUF_SHAPE(p, x, y, s, puf_blend(color, PUF_NIGHT, 0.15), side * 0.1, -0.28, side * 0.4, -0.3, side * 0.12,
                  -0.1);
    }
    delve_draw_body(x, y, s, DELVE_BROWN, color, p);
}

// A hood and a bow.
static void delve_draw_archer(double x, double y, double s, PufColor color, PufPicture* p)
{
    delve_draw_body(x, y, s, color, DELVE_SKIN, p);
    puf_arc(p, x, y - s * 0.21, s * 0.12, s * 0.2, color, 170, 370);
    puf_arc(p, x - s * 0.22, y, s * 0.28, s * 0.33, DELVE_BROWN, 110, 250);
    puf_line(p, x - s * 0.33, y - s * 0.28, x - s * 0.33, y + s * 0.28, s * 0.02, PUF_SNOW);
}

// Coils and a forked tongue.
static void delve_draw_snake(double x, double y, double s, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.3);
    puf_ring(p, x + s * 0.06, y + s * 0.2, s * 0.14, s * 0.28, dark);
    puf_ring(p, x + s * 0.06, y + s * 0.12, s * 0.08, s * 0.2, color);
    puf_path(p,
             (const PufPoint[]){
                 { x + s * 0.02, y + s * 0.06 }, { x - s * 0.2, y + s * 0.02 }, { x - s * 0.16, y - s * 0.2 } },
             3, s * 0.13, color);
    puf_circle(p, x - s * 0.16, y - s * 0.24, s * 0.13, color);
    puf_line(p, x - s * 0.16, y - s * 0.14, x - s * 0.18, y + s * 0.0, s * 0.03, PUF_CORAL);
    delve_draw_eyes(x - s * 0.16, y - s * 0.26, s, 0.06, PUF_AMBER, p);
}

// A drop that sags.
static void delve_draw_slime(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_circle(p, x, y + s * 0.02, s * 0.3, color);
    puf_rect(p, x - s * 0.38, y + s * 0.1, s * 0.76, s * 0.26, color, s * 0.13);
    puf_circle(p, x - s * 0.14, y - s * 0.12, s * 0.07, puf_blend(color, PUF_SNOW, 0.6));
    puf_circle(p, x + s * 0.2, y + s * 0.22, s * 0.05, puf_blend(color, PUF_SNOW, 0.35));
    delve_draw_eyes(x, y + s * 0.04, s, 0.12, PUF_SNOW, p);
}

// Eight legs.
static void delve_draw_spider(double x, double y, double s, PufColor color, PufPicture* p)
{
    for (int side = -1; side <= 1; side += 2) {
        for (int i = 0; i < 4; i++) {
            static const double places[][2] = { { -0.26, -0.02 }, { -0.14, 0.1 }, { 0.0, 0.24 }, { 0.12, 0.38 } };
            const double up = places[i][0], out = places[i][1];
            puf_path(p,
                     (const PufPoint[]){ { x, y + s * 0.05 },
                                         { x + side * s * 0.28, y + s * up },
                                         { x + side * s * 0.43, y + s * out } },
                     3, s * 0.045, puf_blend(color, PUF_NIGHT, 0.2));
        }
    }
    puf_circle(p, x, y + s * 0.12, s * 0.21, color);
    PUF_SHAPE(p, x, y, s, PUF_CORAL, -0.05, 0.04, 0.05, 0.04, 0, 0.24);
    puf_circle(p, x, y - s * 0.12, s * 0.14, color);
    delve_draw_eyes(x, y - s * 0.15, s, 0.06, PUF_CORAL, p);
}

// A sheet that floats.
static void delve_draw_ghost(double x, double y, double s, PufColor color, PufPicture* p)
{
    const PufColor pale = puf_blend(color, PUF_SNOW, 0.25);
    puf_glow(p, x, y, s * 0.6, puf_fade(color, 0.4));
    puf_circle(p, x, y - s * 0.1, s * 0.25, pale);
    puf_rect(p, x - s * 0.25, y - s * 0.1, s * 0.5, s * 0.36, pale, 0);
    for (int i = 0; i < 3; i++) {
        static const double places[] = { -0.17, 0.0, 0.17 };
        const double at = places[i];
        puf_circle(p, x + s * at, y + s * 0.26, s * 0.085, pale);
    }
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * s * 0.09, y - s * 0.1, s * 0.055, DELVE_INK);
    }
    puf_circle(p, x, y + s * 0.06, s * 0.05, DELVE_INK);
}

// Arms stretched forward, rags.
static void delve_draw_undead(double x, double y, double s, PufColor color, PufPicture* p)
{
    delve_draw_body(x, y, s, puf_blend(DELVE_BROWN, PUF_SLATE, 0.5), color, p);
    for (int i = 0; i < 2; i++) {
        static const double places[] = { -0.04, 0.06 };
        const double at = places[i];
        puf_line(p, x - s * 0.1, y + s * at, x - s * 0.4, y + s * (at - 0.06), s * 0.09, color);
    }
    puf_rect(p, x - s * 0.06, y - s * 0.13, s * 0.12, s * 0.04, DELVE_INK, 0);
}

// A robe, a hood, a staff that glows.
static void delve_draw_robed(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x + s * 0.3, y - s * 0.2, x + s * 0.3, y + s * 0.4, s * 0.05, DELVE_BROWN);
    puf_glow(p, x + s * 0.3, y - s * 0.26, s * 0.26, puf_fade(color, 0.9));
    puf_circle(p, x + s * 0.3, y - s * 0.26, s * 0.075, puf_blend(color, PUF_SNOW, 0.6));
    PUF_SHAPE(p, x, y, s, color, 0, -0.42, 0.26, 0.4, -0.26, 0.4);
    puf_circle(p, x, y - s * 0.18, s * 0.17, color);
    puf_circle(p, x, y - s * 0.14, s * 0.12, DELVE_INK);
    for (int side = -1; side <= 1; side += 2) {
        puf_circle(p, x + side * s * 0.05, y - s * 0.14, s * 0.03, PUF_AMBER);
    }
}

// Blocks of stone.
static void delve_draw_golem(double x, double y, double s, PufColor color, PufPicture* p)
{
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.3);
    static const double stones[][4] = { { -0.22, 0.16, 0.17, 0.24 },  { 0.05, 0.16, 0.17, 0.24 },
                                        { -0.42, -0.12, 0.16, 0.36 }, { 0.26, -0.12, 0.16, 0.36 },
                                        { -0.27, -0.16, 0.54, 0.36 }, { -0.14, -0.4, 0.28, 0.25 } };
    for (int i = 0; i < 6; i++) { // legs and arms are darker
        puf_rect(p, x + s * stones[i][0], y + s * stones[i][1], s * stones[i][2], s * stones[i][3],
                 i < 4 ? dark : color, s * 0.04);
    }
    puf_line(p, x - s * 0.12, y - s * 0.1, x + s * 0.04, y + s * 0.1, s * 0.03, dark);
    for (int side = -1; side <= 1; side += 2) {
        puf_rect(p, x + side * s * 0.065 - s * 0.03, y - s * 0.31, s * 0.06, s * 0.05, PUF_ORANGE, 0);
    }
}

// A cape with a high collar.
static void delve_draw_vampire(double x, double y, double s, PufColor color, PufPicture* p)
{
    PUF_SHAPE(p, x, y, s, color, -0.3, -0.3, 0.3, -0.3, 0.36, 0.4, -0.36, 0.4);
    PUF_SHAPE(p, x, y, s, DELVE_INK, -0.1, -0.1, 0.1, -0.1, 0.14, 0.4, -0.14, 0.4);
    puf_circle(p, x, y - s * 0.2, s * 0.16, DELVE_BONE);
    PUF_SHAPE(p, x, y, s, DELVE_INK, -0.16, -0.24, 0.16, -0.24, 0, -0.4);
    delve_draw_eyes(x, y - s * 0.2, s, 0.065, PUF_CORAL, p);
}

// Horns, wings, fire.
static void delve_draw_demon(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_glow(p, x, y, s * 0.65, puf_fade(PUF_ORANGE, 0.45));
    for (int side = -1; side <= 1; side += 2) {
        PUF_SHAPE(p, x, y, s, puf_blend(color, PUF_NIGHT, 0.5), 0, 0, side * 0.46, -0.3, side * 0.4, 0.2);
        PUF_SHAPE(p, x, y, s, DELVE_BONE, side * 0.06, -0.3, side * 0.2, -0.5, side * 0.19, -0.22);
    }
    delve_draw_body(x, y, s, puf_blend(color, PUF_NIGHT, 0.3), color, p);
    delve_draw_eyes(x, y - s * 0.21, s, 0.07, PUF_AMBER, p);
}

// Wings, a long neck, and fire.
static void delve_draw_dragon(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_glow(p, x - s * 0.3, y - s * 0.1, s * 0.5, puf_fade(PUF_ORANGE, 0.6));
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.35);
    PUF_SHAPE(p, x, y, s, dark, 0, 0, 0.14, -0.48, 0.48, -0.06);
    PUF_SHAPE(p, x, y, s, dark, 0, 0.04, 0.48, -0.06, 0.3, 0.14);
    puf_path(p,
             (const PufPoint[]){
                 { x + s * 0.2, y + s * 0.24 }, { x + s * 0.4, y + s * 0.3 }, { x + s * 0.46, y + s * 0.16 } },
             3, s * 0.09, color);
    puf_rect(p, x - s * 0.14, y + s * 0.02, s * 0.4, s * 0.3, color, s * 0.15);
    puf_path(p,
             (const PufPoint[]){
                 { x - s * 0.04, y + s * 0.12 }, { x - s * 0.14, y - s * 0.12 }, { x - s * 0.22, y - s * 0.2 } },
             3, s * 0.16, color);
    puf_rect(p, x - s * 0.42, y - s * 0.32, s * 0.32, s * 0.2, color, s * 0.08);
    PUF_SHAPE(p, x, y, s, DELVE_BONE, -0.12, -0.3, 0.02, -0.42, -0.06, -0.2);
    puf_circle(p, x - s * 0.24, y - s * 0.25, s * 0.045, PUF_AMBER);
    PUF_SHAPE(p, x, y, s, PUF_ORANGE, -0.42, -0.2, -0.5, 0.02, -0.34, -0.13);
    for (int i = 0; i < 2; i++) {
        static const double places[] = { -0.06, 0.14 };
        const double at = places[i];
        puf_rect(p, x + s * at, y + s * 0.28, s * 0.1, s * 0.12, dark, s * 0.03);
    }
}

// A kind of monster: its name, shape and colour, how large it is, and its greatest health for the bar above it.
typedef struct DelveLook {
    const char* name;
    DelveShape* shape;
    PufColor color;
    double size;
    int32_t health;
} DelveLook;

static const DelveLook delve_monster_looks[DELVE_MONSTERS + 1] = {
    { "", delve_draw_rat, DELVE_GREY, 1, 1 },
    { "rat", delve_draw_rat, DELVE_GREY, 0.85, 4 },
    { "bat", delve_draw_winged, PUF_VIOLET, 0.8, 4 },
    { "jackal", delve_draw_beast, PUF_RGB(206, 160, 106), 0.88, 6 },
    { "goblin", delve_draw_goblin, DELVE_LEAF, 0.9, 8 },
    { "archer", delve_draw_archer, PUF_TEAL, 0.95, 6 },
    { "snake", delve_draw_snake, PUF_MINT, 0.9, 8 },
    { "slime", delve_draw_slime, PUF_RGB(132, 220, 96), 0.95, 12 },
    { "orc", delve_draw_brute, PUF_RGB(98, 150, 84), 0.98, 16 },
    { "thief", delve_draw_archer, PUF_RGB(92, 84, 118), 0.95, 12 },
    { "wolf", delve_draw_beast, PUF_RGB(140, 150, 172), 1.05, 16 },
    { "zombie", delve_draw_undead, PUF_RGB(142, 176, 128), 1, 24 },
    { "spider", delve_draw_spider, PUF_RGB(88, 70, 110), 1, 18 },
    { "shaman", delve_draw_robed, PUF_ORANGE, 1, 18 },
    { "ogre", delve_draw_brute, PUF_RGB(196, 146, 98), 1.15, 40 },
    { "harpy", delve_draw_winged, PUF_PINK, 1.1, 24 },
    { "wraith", delve_draw_ghost, PUF_SKY, 1, 32 },
    { "troll", delve_draw_brute, PUF_RGB(88, 140, 130), 1.2, 48 },
    { "hunter", delve_draw_archer, PUF_ORANGE, 1.08, 40 },
    { "golem", delve_draw_golem, DELVE_GREY, 1.12, 80 },
    { "warlock", delve_draw_robed, PUF_VIOLET, 1.08, 40 },
    { "vampire", delve_draw_vampire, DELVE_BLOOD, 1.08, 56 },
    { "giant", delve_draw_brute, DELVE_SKIN, 1.3, 72 },
    { "demon", delve_draw_demon, DELVE_BLOOD, 1.2, 72 },
    { "dragon", delve_draw_dragon, PUF_RGB(216, 74, 60), 1.4, 112 },
};

// ---- Heroes ----

// A helmet with a plume, a sword.
static void delve_draw_fighter(double x, double y, double s, PufPicture* p)
{
    puf_line(p, x + s * 0.3, y + s * 0.18, x + s * 0.36, y - s * 0.36, s * 0.07, PUF_SNOW);
    puf_line(p, x + s * 0.22, y + s * 0.06, x + s * 0.42, y + s * 0.09, s * 0.06, PUF_AMBER);
    delve_draw_body(x, y, s, PUF_RGB(86, 122, 196), DELVE_SKIN, p);
    puf_arc(p, x, y - s * 0.21, s * 0.1, s * 0.18, DELVE_IRON, 180, 360);
    PUF_SHAPE(p, x, y, s, PUF_CORAL, -0.03, -0.36, 0.16, -0.5, 0.06, -0.34);
}

// A green hood, a bow.
static void delve_draw_rogue(double x, double y, double s, PufPicture* p)
{
    delve_draw_archer(x, y, s, PUF_RGB(70, 168, 108), p);
}

// A pointed hat with a star, a staff.
static void delve_draw_mage(double x, double y, double s, PufPicture* p)
{
    puf_line(p, x + s * 0.31, y - s * 0.24, x + s * 0.31, y + s * 0.38, s * 0.05, DELVE_BROWN);
    puf_glow(p, x + s * 0.31, y - s * 0.3, s * 0.24, puf_fade(PUF_SKY, 0.9));
    puf_circle(p, x + s * 0.31, y - s * 0.3, s * 0.07, PUF_SNOW);
    delve_draw_body(x, y, s, PUF_RGB(120, 96, 214), DELVE_SKIN, p);
    PUF_SHAPE(p, x, y, s, PUF_VIOLET, -0.25, -0.27, 0.25, -0.27, 0.05, -0.62);
    puf_circle(p, x + s * 0.02, y - s * 0.38, s * 0.035, PUF_AMBER);
}

// A white robe with a sun, a halo.
static void delve_draw_priest(double x, double y, double s, PufPicture* p)
{
    puf_ring(p, x, y - s * 0.42, s * 0.1, s * 0.14, PUF_AMBER);
    delve_draw_body(x, y, s, PUF_RGB(226, 222, 210), DELVE_SKIN, p);
    puf_circle(p, x, y + s * 0.02, s * 0.07, PUF_AMBER);
    puf_rect(p, x - s * 0.36, y - s * 0.1, s * 0.07, s * 0.36, DELVE_BROWN, s * 0.02);
    puf_circle(p, x - s * 0.325, y - s * 0.12, s * 0.09, DELVE_IRON);
}

static void delve_draw_hero_shape(int32_t hero, double x, double y, double s, PufPicture* p)
{
    switch (hero) {
    case DELVE_ROGUE: delve_draw_rogue(x, y, s, p); break;
    case DELVE_MAGE: delve_draw_mage(x, y, s, p); break;
    case DELVE_PRIEST: delve_draw_priest(x, y, s, p); break;
    default: delve_draw_fighter(x, y, s, p);
    }
}

// ---- Things ----

// A blade with its guard.
static void delve_draw_blade(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x - s * 0.12, y + s * 0.14, x + s * 0.3, y - s * 0.32, s * 0.1, color);
    puf_line(p, x - s * 0.22, y + s * 0.04, x - s * 0.02, y + s * 0.24, s * 0.07, PUF_AMBER);
    puf_line(p, x - s * 0.12, y + s * 0.14, x - s * 0.27, y + s * 0.3, s * 0.08, DELVE_BROWN);
}

// A stick with an iron head.
static void delve_draw_mace(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x - s * 0.26, y + s * 0.3, x + s * 0.14, y - s * 0.12, s * 0.08, DELVE_BROWN);
    for (int turn = 0; turn < 4; turn++) {
        const double dx = puf_cosine(turn * (PUF_TURN / 2) / 4) * s * 0.2,
                     dy = puf_sine(turn * (PUF_TURN / 2) / 4) * s * 0.2;
        puf_line(p, x + s * 0.18 - dx, y - s * 0.18 - dy, x + s * 0.18 + dx, y - s * 0.18 + dy, s * 0.07, color);
    }
    puf_circle(p, x + s * 0.18, y - s * 0.18, s * 0.14, color);
}

// A wide edge on a haft.
static void delve_draw_axe(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x - s * 0.26, y + s * 0.32, x + s * 0.2, y - s * 0.28, s * 0.08, DELVE_BROWN);
    PUF_SHAPE(p, x, y, s, color, 0.02, -0.14, 0.24, -0.36, 0.38, -0.08, 0.3, 0.12);
}

// A blade on a long pole.
static void delve_draw_glaive(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x - s * 0.34, y + s * 0.36, x + s * 0.16, y - s * 0.16, s * 0.06, DELVE_BROWN);
    PUF_SHAPE(p, x, y, s, color, 0.08, -0.18, 0.36, -0.38, 0.22, -0.06);
}

// A short blade.
static void delve_draw_dagger(double x, double y, double s, PufColor color, PufPicture* p)
{
    delve_draw_blade(x, y, s * 0.7, color, p);
}

// A bow and its string.
static void delve_draw_bow(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_arc(p, x - s * 0.2, y, s * 0.34, s * 0.42, color, -65, 65);
    puf_line(p, x - s * 0.03, y - s * 0.34, x - s * 0.03, y + s * 0.34, s * 0.025, PUF_SNOW);
    puf_line(p, x - s * 0.3, y, x + s * 0.24, y, s * 0.035, DELVE_BONE);
}

// A dome with a rim.
static void delve_draw_helmet(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_arc(p, x, y + s * 0.1, 0, s * 0.28, color, 180, 360);
    puf_rect(p, x - s * 0.34, y + s * 0.08, s * 0.68, s * 0.09, puf_blend(color, PUF_NIGHT, 0.3), s * 0.03);
}

// A tunic.
static void delve_draw_mail(double x, double y, double s, PufColor color, PufPicture* p)
{
    PUF_SHAPE(p, x, y, s, color, -0.36, -0.14, -0.16, -0.3, -0.16, 0);
    PUF_SHAPE(p, x, y, s, color, 0.36, -0.14, 0.16, -0.3, 0.16, 0);
    puf_rect(p, x - s * 0.2, y - s * 0.3, s * 0.4, s * 0.6, color, s * 0.04);
    puf_circle(p, x, y - s * 0.31, s * 0.09, DELVE_INK);
    puf_rect(p, x - s * 0.2, y + s * 0.06, s * 0.4, s * 0.06, puf_blend(color, PUF_NIGHT, 0.45), 0);
}

// A pointed shield with a boss.
static void delve_draw_shield(double x, double y, double s, PufColor color, PufPicture* p)
{
    PUF_SHAPE(p, x, y, s, color, -0.28, -0.28, 0.28, -0.28, 0.26, 0.06, 0.0, 0.36, -0.26, 0.06);
    PUF_SHAPE(p, x, y, s, puf_blend(color, PUF_NIGHT, 0.25), 0, -0.28, 0.28, -0.28, 0.26, 0.06, 0, 0.36);
    puf_circle(p, x, y - s * 0.04, s * 0.08, PUF_AMBER);
}

// A flask.
static void delve_draw_potion(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_rect(p, x - s * 0.07, y - s * 0.32, s * 0.14, s * 0.24, puf_blend(PUF_SNOW, PUF_STEEL, 0.4), 0);
    puf_rect(p, x - s * 0.1, y - s * 0.36, s * 0.2, s * 0.08, DELVE_BROWN, s * 0.02);
    puf_circle(p, x, y + s * 0.1, s * 0.25, puf_blend(PUF_SNOW, color, 0.5));
    puf_circle(p, x, y + s * 0.12, s * 0.2, color);
    puf_circle(p, x - s * 0.08, y + s * 0.03, s * 0.05, puf_fade(PUF_SNOW, 0.8));
}

// A sheet with two rolls and a seal.
static void delve_draw_scroll(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_rect(p, x - s * 0.22, y - s * 0.26, s * 0.44, s * 0.52, DELVE_BONE, 0);
    for (int i = 0; i < 3; i++) {
        static const double places[] = { -0.12, 0.0, 0.12 };
        const double at = places[i];
        puf_line(p, x - s * 0.14, y + s * at, x + s * 0.14, y + s * at, s * 0.035,
                 puf_blend(DELVE_BONE, DELVE_BROWN, 0.7));
    }
    for (int i = 0; i < 2; i++) {
        static const double places[] = { -0.3, 0.2 };
        const double at = places[i];
        puf_rect(p, x - s * 0.29, y + s * at, s * 0.58, s * 0.11, puf_blend(DELVE_BONE, DELVE_BROWN, 0.25), s * 0.05);
    }
    puf_circle(p, x + s * 0.12, y + s * 0.16, s * 0.085, color);
}

// A stick with a star.
static void delve_draw_wand(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x - s * 0.28, y + s * 0.3, x + s * 0.16, y - s * 0.16, s * 0.08, DELVE_BROWN);
    puf_glow(p, x + s * 0.2, y - s * 0.2, s * 0.28, puf_fade(color, 0.8));
    for (int turn = 0; turn < 4; turn++) {
        const double dx = puf_cosine(turn * (PUF_TURN / 2) / 4) * s * 0.17,
                     dy = puf_sine(turn * (PUF_TURN / 2) / 4) * s * 0.17;
        puf_line(p, x + s * 0.2 - dx, y - s * 0.2 - dy, x + s * 0.2 + dx, y - s * 0.2 + dy, s * 0.045, color);
    }
}

// A ring with a stone.
static void delve_draw_ring(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_ring(p, x, y + s * 0.08, s * 0.15, s * 0.23, PUF_AMBER);
    PUF_SHAPE(p, x, y, s, color, 0, -0.34, 0.13, -0.2, 0, -0.06, -0.13, -0.2);
}

// A leg of meat.
static void delve_draw_ration(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_line(p, x, y, x + s * 0.3, y + s * 0.3, s * 0.08, DELVE_BONE);
    for (int i = 0; i < 2; i++) {
        static const double places[][2] = { { 0.33, 0.26 }, { 0.26, 0.33 } };
        const double dx = places[i][0], dy = places[i][1];
        puf_circle(p, x + s * dx, y + s * dy, s * 0.065, DELVE_BONE);
    }
    puf_circle(p, x - s * 0.06, y - s * 0.06, s * 0.25, color);
    puf_circle(p, x - s * 0.14, y - s * 0.14, s * 0.08, puf_blend(color, PUF_SNOW, 0.35));
}

// A heap of gold.
static void delve_draw_coins(double x, double y, double s, PufColor color, PufPicture* p)
{
    for (int i = 0; i < 6; i++) {
        static const double places[][2] = { { -0.2, 0.18 },  { 0.02, 0.22 }, { 0.22, 0.16 },
                                            { -0.08, 0.06 }, { 0.14, 0.04 }, { 0.02, -0.08 } };
        const double dx = places[i][0], dy = places[i][1];
        puf_circle(p, x + s * dx, y + s * dy, s * 0.12, puf_blend(color, DELVE_BROWN, 0.5));
        puf_circle(p, x + s * dx, y + s * (dy - 0.025), s * 0.105, color);
    }
}

// A stone that glows on a chain.
static void delve_draw_amulet(double x, double y, double s, PufColor color, PufPicture* p)
{
    puf_glow(p, x, y, s * 0.9, puf_fade(color, 0.7));
    puf_arc(p, x, y - s * 0.16, s * 0.2, s * 0.25, PUF_AMBER, 140, 400);
    PUF_SHAPE(p, x, y, s, color, 0, -0.12, 0.17, 0.1, 0, 0.36, -0.17, 0.1);
    PUF_SHAPE(p, x, y, s, puf_blend(color, PUF_SNOW, 0.5), 0, -0.12, 0.17, 0.1, 0, 0.36);
}

static const PufColor delve_paints[8] = { PUF_CORAL, PUF_ORANGE, PUF_AMBER,  PUF_MINT,
                                          PUF_TEAL,  PUF_SKY,    PUF_VIOLET, PUF_PINK };
static const PufColor delve_stones[4] = { PUF_CORAL, PUF_AMBER, PUF_MINT, PUF_SKY };

// The colour of a thing, given its look if it is one whose use may be unknown.
static PufColor delve_thing_color(int32_t kind, int32_t look)
{
    static const PufColor plain[3] = { DELVE_BROWN, DELVE_IRON, PUF_AMBER }; // light, medium and heavy armour
    switch (delve_class_of(kind)) {
    case DELVE_HELMET:
    case DELVE_MAIL:
    case DELVE_SHIELD: return plain[(kind - DELVE_CAP) % 3];
    case DELVE_RING: return delve_stones[look % 4];
    case DELVE_BLADE: return DELVE_IRON;
    case DELVE_BOW: return DELVE_BROWN;
    case DELVE_FOOD: return PUF_RGB(206, 112, 84);
    case DELVE_GOLD: return PUF_AMBER;
    case DELVE_AMULET: return PUF_VIOLET;
    default: return delve_paints[look % 8];
    }
}

static void delve_draw_thing(int32_t kind, int32_t look, double x, double y, double s, PufPicture* p)
{
    static DelveShape* const blades[] = { delve_draw_dagger, delve_draw_mace, delve_draw_blade, delve_draw_axe,
                                          delve_draw_glaive };
    static DelveShape* const shapes[DELVE_CLASSES] = {
        [0] = delve_draw_coins,
        [DELVE_BOW] = delve_draw_bow,
        [DELVE_HELMET] = delve_draw_helmet,
        [DELVE_MAIL] = delve_draw_mail,
        [DELVE_SHIELD] = delve_draw_shield,
        [DELVE_POTION] = delve_draw_potion,
        [DELVE_SCROLL] = delve_draw_scroll,
        [DELVE_WAND] = delve_draw_wand,
        [DELVE_RING] = delve_draw_ring,
        [DELVE_FOOD] = delve_draw_ration,
        [DELVE_GOLD] = delve_draw_coins,
        [DELVE_AMULET] = delve_draw_amulet,
    };
    const int32_t class = delve_class_of(kind);
    DelveShape* const shape = class == DELVE_BLADE ? blades[kind - DELVE_DAGGER] : shapes[class];
    shape(x, y, s, delve_thing_color(kind, look), p);
}
