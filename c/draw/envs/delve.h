// Delve: the level around the hero, lit where the hero sees; what happened in words; the hero, pack, map and keys.
#pragma once
#include "draw/envs/delve_words.h"

enum { DELVE_TILE = 32, DELVE_WIDE = 25, DELVE_HIGH = 20 }; // units, and tiles of the board
enum { DELVE_BOARD_WIDTH = DELVE_TILE * DELVE_WIDE, DELVE_BOARD_HEIGHT = DELVE_TILE * DELVE_HIGH };
enum { DELVE_PANEL = 300, DELVE_MARGIN = 14, DELVE_MESSAGES = 76, DELVE_TOP = PUF_HUD_HEIGHT };
enum { DELVE_HEIGHT_OF_ALL = DELVE_TOP + DELVE_BOARD_HEIGHT + DELVE_MESSAGES + DELVE_MARGIN };
enum { DELVE_PANEL_LEFT = DELVE_BOARD_WIDTH + 2 * DELVE_MARGIN + 14, DELVE_INNER = DELVE_PANEL - 28 };
#define DELVE_PACK_TOP (DELVE_TOP + 12 + 154 + DELVE_HEIGHT * (double)DELVE_INNER / DELVE_WIDTH + 8)

// What each terrain looks like in full light.
static const PufColor delve_grounds[DELVE_TERRAINS] = {
    [DELVE_STONE] = PUF_NIGHT,
    [DELVE_FLOOR] = PUF_RGB(88, 92, 120),
    [DELVE_CORRIDOR] = PUF_RGB(98, 84, 78),
    [DELVE_MOSS] = PUF_RGB(72, 104, 86),
    [DELVE_BRIDGE] = PUF_RGB(124, 88, 62),
    [DELVE_CURTAIN] = PUF_RGB(70, 64, 72),
    [DELVE_UP] = PUF_RGB(88, 92, 120),
    [DELVE_DOWN] = PUF_RGB(88, 92, 120),
    [DELVE_WALL] = PUF_RGB(150, 154, 184),
    [DELVE_CRAG] = PUF_RGB(142, 130, 122),
    [DELVE_PILLAR] = PUF_RGB(88, 92, 120),
    [DELVE_WATER] = PUF_RGB(36, 82, 132),
};

// The part of the level around the hero that is shown.
typedef struct DelveBoard {
    const Delve* s;
    const uint8_t* tiles;
    PufPicture* p;
    int32_t row, column, top, left; // of the hero, and of the first tile that is shown
} DelveBoard;

static DelveBoard delve_board(const Delve* s, const void* assets, PufPicture* p)
{
    DelveBoard b = { .s = s, .tiles = delve_tiles(s, assets), .p = p };
    b.row = delve_row(s->tile);
    b.column = delve_column(s->tile);
    b.top = puf_clampi(b.row - DELVE_HIGH / 2, DELVE_EDGE - 1, DELVE_EDGE + DELVE_HEIGHT + 1 - DELVE_HIGH);
    b.left = puf_clampi(b.column - DELVE_WIDE / 2, DELVE_EDGE - 1, DELVE_EDGE + DELVE_WIDTH + 1 - DELVE_WIDE);
    return b;
}

static PufPoint delve_corner(const DelveBoard* b, int32_t tile)
{
    return (PufPoint){ DELVE_MARGIN + (delve_column(tile) - b->left) * DELVE_TILE,
                       DELVE_TOP + (delve_row(tile) - b->top) * DELVE_TILE };
}

static PufPoint delve_center(const DelveBoard* b, int32_t tile)
{
    const PufPoint corner = delve_corner(b, tile);
    return (PufPoint){ corner.x + DELVE_TILE / 2, corner.y + DELVE_TILE / 2 };
}

static int delve_is_shown(const DelveBoard* b, int32_t tile)
{
    const int32_t row = delve_row(tile) - b->top, column = delve_column(tile) - b->left;
    return row >= 0 && row < DELVE_HIGH && column >= 0 && column < DELVE_WIDE;
}

static int delve_is_seen(const DelveBoard* b, int32_t tile)
{
    const int32_t row = delve_row(tile) - DELVE_EDGE;
    const uint64_t* seen = b->s->seen + (b->s->depth - 1) * DELVE_HEIGHT;
    return row >= 0 && row < DELVE_HEIGHT && (seen[row] >> delve_column(tile) & 1);
}

static int32_t delve_terrain(const DelveBoard* b, int32_t tile) { return b->tiles[tile] & DELVE_TERRAIN_MASK; }

// A colour in the light of a tile: darker farther away, blue and dim where it is only remembered.
static PufColor delve_shade(const DelveBoard* b, int32_t tile, PufColor color)
{
    if (!delve_sees(b->s, tile)) {
        return puf_blend(puf_blend(color, PUF_SLATE, 0.4), PUF_NIGHT, 0.52);
    }
    const double down = delve_row(tile) - b->row, right = delve_column(tile) - b->column;
    const double away = sqrt(down * down + right * right);
    const PufColor warm = puf_blend(color, PUF_AMBER, puf_max(0, 0.14 - 0.02 * away));
    return puf_blend(warm, PUF_NIGHT, puf_min(0.35, 0.035 * away));
}

// ---- Ground ----

// 0 to 255, always the same for a tile.
static int32_t delve_noise(int32_t tile)
{
    const int32_t row = delve_row(tile), column = delve_column(tile);
    return (row * 7349 ^ column * 9151 ^ (row * column) * 31) >> 2 & 255;
}

static int delve_is_rock(int32_t terrain) { return terrain == DELVE_WALL || terrain == DELVE_CRAG; }

// A block with a lit upper edge; where floor is below, its front with bricks.
static void delve_draw_wall(const DelveBoard* b, int32_t tile, PufColor color)
{
    const PufPoint at = delve_corner(b, tile);
    const double x = at.x, y = at.y;
    const int32_t terrain = delve_terrain(b, tile), below = delve_terrain(b, tile + DELVE_COLUMNS);
    const PufColor front = puf_blend(color, PUF_NIGHT, 0.42), seam = puf_blend(front, PUF_NIGHT, 0.4);
    PufPicture* p = b->p;
    if (!delve_is_rock(below) && below != DELVE_STONE && delve_is_seen(b, tile + DELVE_COLUMNS)) {
        puf_rect(p, x, y + 14, DELVE_TILE, DELVE_TILE - 14, front, 0);
        for (int i = 0; i < 3 && terrain == DELVE_WALL; i++) {
            puf_rect(p, x, y + 14 + 6 * i, DELVE_TILE, 1, seam, 0);
            puf_rect(p, x + (i % 2 ? 8 : 20), y + 14 + 6 * i, 1, 6, seam, 0);
        }
        if (terrain == DELVE_CRAG) {
            puf_circle(p, x + 9, y + 19, 4, puf_blend(front, color, 0.3));
            puf_circle(p, x + 23, y + 25, 5, puf_blend(front, color, 0.2));
        }
    } else if (terrain == DELVE_CRAG) {
        puf_circle(p, x + 8 + delve_noise(tile) % 12, y + 12, 6, puf_blend(color, PUF_SNOW, 0.06));
    }
    if (!delve_is_rock(delve_terrain(b, tile - DELVE_COLUMNS))) {
        puf_rect(p, x, y, DELVE_TILE, 2, puf_blend(color, PUF_SNOW, 0.25), 0);
    }
}

static void delve_draw_stairs(const DelveBoard* b, int32_t tile, int down)
{
    const PufPoint at = delve_corner(b, tile);
    PufPicture* p = b->p;
    if (delve_sees(b->s, tile)) {
        puf_glow(p, at.x + 16, at.y + 16, 26, puf_fade(down ? PUF_TEAL : PUF_AMBER, 0.4));
    }
    for (int i = 0; i < 5; i++) {
        const PufColor tint = puf_blend(PUF_SNOW, PUF_NIGHT, 0.12 + 0.15 * (down ? i : 4 - i));
        puf_rect(p, at.x + 4 + 2.4 * i, at.y + 4 + 5 * i, down ? 24 - 4.8 * i : 24 - 2.4 * i, 5,
                 delve_shade(b, tile, tint), 0);
    }
    if (down) {
        PUF_SHAPE(p, at.x, at.y, 1, PUF_TEAL, 16, 27, 9, 19, 23, 19);
    } else {
        PUF_SHAPE(p, at.x, at.y, 1, PUF_AMBER, 16, 5, 9, 13, 23, 13);
    }
}

// Stairs, curtains, pillars, and traps that were found.
static void delve_draw_feature(const DelveBoard* b, int32_t tile)
{
    const PufPoint at = delve_corner(b, tile);
    const double x = at.x, y = at.y;
    const int32_t terrain = delve_terrain(b, tile);
    const PufColor danger = delve_shade(b, tile, PUF_CORAL);
    PufPicture* p = b->p;
    if (terrain == DELVE_UP || terrain == DELVE_DOWN) {
        delve_draw_stairs(b, tile, terrain == DELVE_DOWN);
    } else if (terrain == DELVE_CURTAIN) {
        for (int i = 0; i < 4; i++) {
            const PufColor tint = puf_blend(DELVE_BLOOD, PUF_NIGHT, 0.1 + 0.22 * (i % 2));
            puf_rect(p, x + 2 + 7 * i, y + 3, 7, 27, delve_shade(b, tile, tint), 2);
        }
        puf_rect(p, x, y + 1, DELVE_TILE, 4, delve_shade(b, tile, PUF_AMBER), 0);
    } else if (terrain == DELVE_PILLAR) {
        puf_circle(p, x + 16, y + 19, 12, delve_shade(b, tile, puf_blend(PUF_SLATE, PUF_NIGHT, 0.5)));
        puf_circle(p, x + 16, y + 15, 11, delve_shade(b, tile, DELVE_GREY));
        puf_circle(p, x + 14, y + 13, 6, delve_shade(b, tile, puf_blend(DELVE_GREY, PUF_SNOW, 0.3)));
    }
    if (b->s->view[tile] == DELVE_DANGER) {
        puf_ring(p, x + 16, y + 16, 8, 11, danger);
        puf_line(p, x + 10, y + 10, x + 22, y + 22, 3, danger);
        puf_line(p, x + 22, y + 10, x + 10, y + 22, 3, danger);
    }
}

static void delve_draw_tile(const DelveBoard* b, int32_t tile)
{
    const PufPoint at = delve_corner(b, tile);
    const double x = at.x, y = at.y;
    const int32_t terrain = delve_terrain(b, tile), noise = delve_noise(tile);
    const PufColor ground = terrain < DELVE_TERRAINS ? delve_grounds[terrain] : PUF_NIGHT;
    const PufColor color = delve_shade(b, tile, puf_blend(ground, PUF_NIGHT, noise / 255.0 * 0.1));
    const PufColor dark = puf_blend(color, PUF_NIGHT, 0.35);
    PufPicture* p = b->p;
    puf_rect(p, x, y, DELVE_TILE, DELVE_TILE, color, 0);
    if (delve_is_rock(terrain)) {
        delve_draw_wall(b, tile, color);
    } else if (terrain == DELVE_WATER) {
        for (int i = 0; i < 2; i++) {
            puf_rect(p, x + (noise * 3 + i * 13 + b->s->turn * 3) % 20, y + 7 + 15 * i, 11, 2,
                     puf_blend(color, PUF_SKY, 0.35), 1);
        }
    } else if (terrain == DELVE_BRIDGE) {
        for (int i = 0; i < 4; i++) {
            puf_rect(p, x + 8 * i, y, 1.5, DELVE_TILE, dark, 0);
        }
    } else if (terrain == DELVE_MOSS) {
        for (int i = 0; i < noise % 3; i++) {
            puf_circle(p, x + noise * (i + 3) % 26 + 3, y + noise * (i + 5) % 26 + 3, 2,
                       puf_blend(color, PUF_MINT, 0.16));
        }
    } else {
        puf_rect(p, x, y, DELVE_TILE, 1, dark, 0);
        puf_rect(p, x, y, 1, DELVE_TILE, dark, 0);
        if (terrain == DELVE_FLOOR && noise < 26) {
            puf_line(p, x + 8, y + 20, x + 19, y + 12, 1.5, dark);
        }
    }
    delve_draw_feature(b, tile);
}

// ---- What stands and lies there ----

static void delve_draw_shadow(double x, double y, double size, PufPicture* p)
{
    puf_rect(p, x - 10 * size, y, 20 * size, 7, puf_fade(PUF_NIGHT, 0.4), 3.5);
}

static void delve_draw_things(const DelveBoard* b)
{
    const DelveThing* things = b->s->things + (b->s->depth - 1) * DELVE_LITTER;
    for (int32_t i = 0; i < DELVE_LITTER; i++) {
        const int32_t tile = things[i].tile;
        if (things[i].kind && delve_is_shown(b, tile) && delve_is_seen(b, tile)) {
            const PufPoint at = delve_center(b, tile);
            delve_draw_shadow(at.x, at.y + 6, 0.8, b->p);
            delve_draw_thing(things[i].kind, delve_look_of(b->s, things[i].kind), at.x, at.y, DELVE_TILE * 0.82, b->p);
            if (!delve_sees(b->s, tile)) {
                puf_rect(b->p, at.x - 16, at.y - 16, DELVE_TILE, DELVE_TILE, puf_fade(PUF_NIGHT, 0.25), 0);
            }
        }
    }
}

// Its shape, with a crown if it is elite, a bar if it is wounded, and what it is up to.
static void delve_draw_monster(const DelveBoard* b, const DelveMonster* m)
{
    const DelveLook* look = &delve_monster_looks[m->kind];
    const PufPoint at = delve_center(b, m->tile);
    const double x = at.x, y = at.y, full = look->health * (m->elite ? 2 : 1);
    PufPicture* p = b->p;
    delve_draw_shadow(x, y + 8, look->size, p);
    if (m->elite) {
        puf_glow(p, x, y, DELVE_TILE * 0.8, puf_fade(PUF_AMBER, 0.5));
    }
    look->shape(x, y - 1, DELVE_TILE * look->size * (m->elite ? 1.1 : 1), look->color, p);
    if (m->elite) {
        PUF_SHAPE(p, x, y, 1, PUF_AMBER, -7, -13, -7, -20, -3, -16);
        PUF_SHAPE(p, x, y, 1, PUF_AMBER, -3, -16, 0, -21, 3, -16);
        PUF_SHAPE(p, x, y, 1, PUF_AMBER, 3, -16, 7, -20, 7, -13);
        puf_rect(p, x - 7, y - 15, 14, 3, PUF_AMBER, 0);
    }
    if (m->mood == DELVE_ASLEEP) {
        puf_text(p, x + 7, y - 19, "z", 15, PUF_SNOW, PUF_LEFT);
        puf_text(p, x + 13, y - 25, "z", 12, puf_fade(PUF_SNOW, 0.7), PUF_LEFT);
    } else if (m->health < full * 0.5) {
        puf_rect(p, x - 13, y + 14, 26, 4, PUF_NIGHT, 2);
        puf_rect(p, x - 12, y + 15, 24 * puf_max(0.08, m->health / full), 2, PUF_CORAL, 1);
    }
    if (m->mood == DELVE_FLEES) {
        puf_text(p, x + 9, y - 19, "!", 16, PUF_AMBER, PUF_LEFT);
    }
}

static int32_t delve_apart(int32_t a, int32_t b) { return a > b ? a - b : b - a; }

// A number over the nearest monster of the kind that was hit in this turn.
static void delve_draw_wound(const DelveBoard* b, const DelveMonster* monsters, const DelveEvent* e)
{
    const DelveMonster* target = NULL;
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        const DelveMonster* m = &monsters[i];
        if (m->kind && m->kind == e->subject && delve_is_shown(b, m->tile) &&
            (!target || delve_apart(m->tile, b->s->tile) < delve_apart(target->tile, b->s->tile))) {
            target = m;
        }
    }
    if (target) {
        const PufPoint at = delve_center(b, target->tile);
        PufLine line = puf_line_of(e->what == DELVE_HIT ? "-" : "miss");
        if (e->what == DELVE_HIT) {
            puf_say_number(&line, e->amount);
        }
        puf_text(b->p, at.x + 1, at.y - 29, line.text, 16, PUF_NIGHT, PUF_CENTER);
        puf_text(b->p, at.x, at.y - 30, line.text, 16, e->what == DELVE_HIT ? PUF_SNOW : PUF_STEEL, PUF_CENTER);
    }
}

// From the top, so that those below stand before them.
static void delve_draw_monsters(const DelveBoard* b)
{
    const DelveMonster* monsters = b->s->monsters + (b->s->depth - 1) * DELVE_CROWD;
    for (int32_t last = -1;;) {
        const DelveMonster* next = NULL;
        for (int32_t i = 0; i < DELVE_CROWD; i++) {
            if (monsters[i].kind && monsters[i].tile > last && (!next || monsters[i].tile < next->tile)) {
                next = &monsters[i];
            }
        }
        if (!next) {
            break;
        }
        last = next->tile;
        if (delve_is_shown(b, last) && delve_sees(b->s, last)) {
            delve_draw_monster(b, next);
        }
    }
    for (int32_t i = 0; i < DELVE_EVENTS; i++) {
        const DelveEvent* e = &b->s->events[i];
        if (e->turn == b->s->turn && (e->what == DELVE_HIT || e->what == DELVE_MISSED)) {
            delve_draw_wound(b, monsters, e);
        }
    }
}

static void delve_draw_hero(const DelveBoard* b)
{
    const Delve* s = b->s;
    const PufPoint at = delve_center(b, s->tile);
    const double x = at.x, y = at.y;
    PufPicture* p = b->p;
    int32_t hurt = 0;
    for (int32_t i = 0; i < DELVE_EVENTS; i++) {
        const int32_t what = s->events[i].what;
        const int counts = what == DELVE_HURT || what == DELVE_SHOT || what == DELVE_SPELL;
        hurt += counts && s->events[i].turn == s->turn ? s->events[i].amount : 0;
    }
    puf_glow(p, x, y, DELVE_TILE * 1.5, puf_fade(PUF_AMBER, 0.16));
    delve_draw_shadow(x, y + 9, 1, p);
    puf_ring(p, x, y + 3, DELVE_TILE * 0.44, DELVE_TILE * 0.5, hurt ? PUF_CORAL : puf_fade(PUF_SNOW, 0.75));
    delve_draw_hero_shape(s->hero, x, y - 1, DELVE_TILE * 1.02, p);
    if (s->poison) {
        puf_circle(p, x + 12, y - 12, 4, PUF_MINT);
    }
    if (s->confused) {
        puf_ring(p, x, y - 20, 4, 6, PUF_VIOLET);
    }
    if (hurt) {
        const PufWord word = puf_word(-hurt, 0, 0, "");
        puf_text(p, x + 1, y - 33, word.text, 19, PUF_NIGHT, PUF_CENTER);
        puf_text(p, x, y - 34, word.text, 19, PUF_CORAL, PUF_CENTER);
        puf_border(p, DELVE_MARGIN, DELVE_TOP, DELVE_BOARD_WIDTH, DELVE_BOARD_HEIGHT, 5, puf_fade(PUF_CORAL, 0.5), 0);
    }
}

// What happened, a line for each turn, the last turn in white. Events are stored newest first.
static void delve_draw_messages(const DelveBoard* b)
{
    const Delve* s = b->s;
    for (int32_t i = 0, line = 0; i < DELVE_EVENTS && s->events[i].what && line < 3; line++) {
        const int32_t turn = s->events[i].turn;
        PufLine words = puf_line_of("");
        int32_t end = i;
        while (end < DELVE_EVENTS && s->events[end].what && s->events[end].turn == turn) {
            end++;
        }
        for (int32_t k = end - 1; k >= i; k--) {
            delve_say_event(s, &s->events[k], &words);
            puf_say(&words, k > i ? " " : "");
        }
        puf_text(b->p, DELVE_MARGIN + 4, DELVE_TOP + DELVE_BOARD_HEIGHT + 10 + 22 * line, words.text, 17,
                 turn == s->turn ? PUF_SNOW : puf_fade(PUF_STEEL, 1 - 0.25 * line), PUF_LEFT);
        i = end;
    }
}

// ---- The panel ----

static void delve_draw_bar(double x, double y, double part, PufColor color, const PufLine* label, PufPicture* p)
{
    puf_rect(p, x, y, DELVE_INNER, 17, PUF_NIGHT, 5);
    if (part > 0) {
        puf_rect(p, x, y, puf_max(10, DELVE_INNER * puf_min(1, part)), 17, puf_blend(color, PUF_NIGHT, 0.25), 5);
    }
    puf_text(p, x + 8, y + 1, label->text, 14, PUF_SNOW, PUF_LEFT);
}

// "health 3 of 7", or "mana 3" where there is no most.
static PufLine delve_amount(const char* name, int32_t amount, int32_t most)
{
    PufLine line = puf_line_of(name);
    puf_say(&line, " ");
    puf_say_number(&line, amount);
    if (most) {
        puf_say(&line, " of ");
        puf_say_number(&line, most);
    }
    return line;
}

// What else matters now: turns of poison and the like.
static void delve_draw_states(const Delve* s, double x, double y, PufPicture* p)
{
    static const char* const names[] = { "poison", "dizzy", "speed", "might" };
    static const PufColor colors[] = { PUF_MINT, PUF_PINK, PUF_TEAL, PUF_ORANGE };
    const int32_t values[] = { s->poison, s->confused, s->fast, s->strength };
    for (int i = 0; i < 4; i++) {
        if (values[i]) {
            const PufLine line = delve_amount(names[i], values[i], 0);
            const double width = puf_measure(p, line.text, 13) + 14;
            puf_rect(p, x, y, width, 18, puf_blend(colors[i], PUF_NIGHT, 0.55), 8);
            puf_text(p, x + 7, y + 2, line.text, 13, PUF_SNOW, PUF_LEFT);
            x += width + 6;
        }
    }
}

// Who the hero is, and four bars.
static void delve_draw_numbers(const Delve* s, double x, double y, PufPicture* p)
{
    static const char* const heroes[] = { "fighter", "fighter", "rogue", "mage", "priest" };
    static const char* const powers[] = { "", "sweep all around", "dust: put to sleep", "bolt at the nearest", "heal" };
    const int32_t need = 20 << (s->level - 1);
    const char* hunger = s->food == 0 ? "starving" : s->food < 100 ? "weak" : s->food < 300 ? "hungry" : "food";
    PufLine name = puf_line_of(heroes[s->hero]), power = puf_line_of("Space: ");
    puf_say(&name, ", level ");
    puf_say_number(&name, s->level);
    puf_say(&power, powers[s->hero]);
    delve_draw_hero_shape(s->hero, x + 16, y + 16, 34, p);
    puf_text(p, x + 40, y, name.text, 19, PUF_SNOW, PUF_LEFT);
    puf_text(p, x + 40, y + 20, power.text, 13, PUF_STEEL, PUF_LEFT);
    puf_text(p, x + DELVE_INNER, y + 2, delve_amount("armour", delve_armour(s), 0).text, 14, PUF_STEEL, PUF_RIGHT);
    const PufLine health = delve_amount("health", s->health, s->max_health), mana = delve_amount("mana", s->mana, 0);
    const PufLine food = delve_amount(hunger, s->food, 0), experience = delve_amount("experience", s->experience, need);
    delve_draw_bar(x, y + 42, (double)s->health / s->max_health, PUF_CORAL, &health, p);
    delve_draw_bar(x, y + 63, (double)s->mana / (8 + s->level), PUF_SKY, &mana, p);
    delve_draw_bar(x, y + 84, s->food / 1500.0, PUF_ORANGE, &food, p);
    delve_draw_bar(x, y + 105, (double)s->experience / need, PUF_VIOLET, &experience, p);
    delve_draw_states(s, x, y + 128, p);
}

static PufColor delve_map_color(int32_t terrain)
{
    switch (terrain) {
    case DELVE_WALL:
    case DELVE_CRAG:
    case DELVE_PILLAR: return PUF_STEEL;
    case DELVE_WATER: return puf_blend(PUF_SKY, PUF_NIGHT, 0.5);
    case DELVE_CURTAIN: return DELVE_BLOOD;
    default: return PUF_SLATE;
    }
}

// A dot on the map.
static void delve_mark(const DelveBoard* b, double x, double y, double scale, int32_t tile, double size, PufColor color)
{
    puf_circle(b->p, x + (delve_column(tile) - DELVE_EDGE + 0.5) * scale,
               y + (delve_row(tile) - DELVE_EDGE + 0.5) * scale, scale * size, color);
}

// Stairs, things and monsters, and the hero.
static void delve_draw_marks(const DelveBoard* b, double x, double y, double scale)
{
    const DelveMonster* monsters = b->s->monsters + (b->s->depth - 1) * DELVE_CROWD;
    for (int32_t tile = DELVE_EDGE * DELVE_COLUMNS; tile < (DELVE_EDGE + DELVE_HEIGHT) * DELVE_COLUMNS; tile++) {
        const int32_t terrain = delve_terrain(b, tile), view = b->s->view[tile];
        if (!delve_is_seen(b, tile)) {
            continue;
        }
        if (terrain == DELVE_UP || terrain == DELVE_DOWN) {
            delve_mark(b, x, y, scale, tile, 0.6, terrain == DELVE_UP ? PUF_AMBER : PUF_TEAL);
        } else if (view == DELVE_OBJECT || view == DELVE_RICHES) {
            delve_mark(b, x, y, scale, tile, 0.6, view == DELVE_OBJECT ? PUF_SNOW : PUF_AMBER);
        }
    }
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        if (monsters[i].kind && delve_sees(b->s, monsters[i].tile)) {
            delve_mark(b, x, y, scale, monsters[i].tile, 0.65, PUF_CORAL);
        }
    }
    delve_mark(b, x, y, scale, b->s->tile, 0.9, PUF_MINT);
}

// The whole level, as far as it is known. Returns how high it is.
static double delve_draw_map(const DelveBoard* b, double x, double y)
{
    const double scale = (double)DELVE_INNER / DELVE_WIDTH;
    puf_rect(b->p, x, y, DELVE_WIDTH * scale, DELVE_HEIGHT * scale, PUF_NIGHT, 4);
    for (int32_t row = 0; row < DELVE_HEIGHT; row++) {
        int32_t before = DELVE_STONE, start = 0;
        for (int32_t column = 0; column <= DELVE_WIDTH; column++) { // and one more, which ends what came before
            const int32_t tile = (row + DELVE_EDGE) * DELVE_COLUMNS + column + DELVE_EDGE;
            const int seen = column < DELVE_WIDTH && delve_is_seen(b, tile);
            const int32_t terrain = seen ? delve_terrain(b, tile) : DELVE_STONE;
            if (terrain == before) {
                continue;
            }
            if (before != DELVE_STONE) {
                puf_rect(b->p, x + start * scale, y + row * scale, (column - start) * scale + 0.3, scale + 0.3,
                         puf_blend(delve_map_color(before), PUF_NIGHT, 0.25), 0);
            }
            before = terrain;
            start = column;
        }
    }
    delve_draw_marks(b, x, y, scale);
    return DELVE_HEIGHT * scale;
}

// A slot: its key, and the shape and name of what is in it, how many or how good; a bar at the left of what is worn.
static void delve_draw_slot(const Delve* s, int32_t slot, double x, double y, PufPicture* p)
{
    static const char* const names[DELVE_SLOTS] = { "blade",  "bow",    "helmet", "mail", "shield", "potion",
                                                    "potion", "scroll", "scroll", "wand", "ring",   "food" };
    const DelveThing* thing = &s->pack[slot];
    const int usable = (s->allowed >> (DELVE_USE + slot) & 1) || (thing->marks & DELVE_WORN);
    const int cursed = (thing->marks & DELVE_CURSED) && (thing->marks & DELVE_KNOWN);
    const PufColor ink = cursed ? PUF_CORAL : usable ? PUF_SNOW : PUF_STEEL;
    puf_rect(p, x, y + 1, 18, 17, thing->kind ? PUF_SLATE : puf_blend(PUF_DUSK, PUF_SLATE, 0.4), 4);
    puf_text(p, x + 9, y + 2, (const char[]){ "1234567890WE"[slot], 0 }, 13, usable ? PUF_SNOW : PUF_STEEL, PUF_CENTER);
    if (!thing->kind) {
        puf_text(p, x + 46, y + 2, names[slot], 14, PUF_SLATE, PUF_LEFT);
        return;
    }
    if (thing->marks & DELVE_WORN) {
        puf_rect(p, x + 20, y + 2, 3, 15, PUF_MINT, 1);
    }
    PufLine name = puf_line_of("");
    delve_say_thing(s, thing->kind, &name);
    if ((thing->marks & DELVE_KNOWN) && thing->bonus) {
        puf_say(&name, " ");
        puf_say(&name, puf_word(thing->bonus, 0, 1, "").text);
    }
    delve_draw_thing(thing->kind, delve_look_of(s, thing->kind), x + 34, y + 9.5, 20, p);
    puf_text(p, x + 46, y + 1, name.text, 15, ink, PUF_LEFT);
    if (thing->count > 1 || slot == delve_slot(DELVE_WAND)) {
        puf_text(p, x + DELVE_INNER, y + 1, puf_word(thing->count, 0, 0, "").text, 15, PUF_AMBER, PUF_RIGHT);
    }
}

// A light for each achievement, in the colour of its points: 1, 3, 5 or 8.
static void delve_draw_achievements(const Delve* s, double x, double y, PufPicture* p)
{
    int32_t count = 0;
    for (int32_t i = 0; i < DELVE_ACHIEVEMENTS; i++) {
        const PufColor color = i < 13 ? PUF_STEEL : i < 24 ? PUF_SKY : i < 32 ? PUF_VIOLET : PUF_AMBER;
        const int earned = (int)(s->earned >> i & 1);
        puf_rect(p, x + 13.7 * (i % 20), y + 18 + 14 * (i / 20), 11, 11,
                 earned ? color : puf_blend(PUF_DUSK, color, 0.16), 3);
        count += earned;
    }
    PufLine line = puf_line_of("");
    puf_say_number(&line, count);
    puf_say(&line, " of 40");
    puf_text(p, x, y, "achievements", 13, PUF_STEEL, PUF_LEFT);
    puf_text(p, x + DELVE_INNER, y, line.text, 13, PUF_STEEL, PUF_RIGHT);
}

static void delve_draw_panel(const DelveBoard* b)
{
    static const char* const hints[][2] = { { "arrows", "walk, hit" },    { "U O M .", "diagonally" },
                                            { "S", "search, wait" },      { "G", "take" },
                                            { "D C", "stairs down, up" }, { "1 to 0, W, E", "use a slot" } };
    const double x = DELVE_PANEL_LEFT;
    PufPicture* p = b->p;
    double y = DELVE_TOP + 12;
    puf_rect(p, x - 14, DELVE_TOP, DELVE_PANEL, DELVE_HEIGHT_OF_ALL - DELVE_TOP - DELVE_MARGIN, PUF_DUSK, 10);
    delve_draw_numbers(b->s, x, y, p);
    y += 154;
    y += delve_draw_map(b, x, y) + 8;
    for (int32_t slot = 0; slot < DELVE_SLOTS; slot++) {
        delve_draw_slot(b->s, slot, x, y + 20 * slot, p);
    }
    y += 246;
    delve_draw_achievements(b->s, x, y, p);
    for (int i = 0; i < 6; i++) {
        const double left = x + 140 * (i % 2), top = y + 52 + 19 * (i / 2);
        const double width = puf_text(p, left, top, hints[i][0], 13, PUF_SNOW, PUF_LEFT);
        puf_text(p, left + width + 6, top, hints[i][1], 13, PUF_STEEL, PUF_LEFT);
    }
}

static void delve_draw_all(const void* state, const void* assets, PufPicture* p)
{
    const Delve* s = state;
    const DelveBoard b = delve_board(s, assets, p);
    const PufWord points = puf_join(puf_word(s->points, 0, 0, ""), " of ", puf_word(DELVE_MAX_POINTS, 0, 0, ""));
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "delve",
            (PufFigure[]){ puf_figure("depth", s->depth),
                           { "points", points },
                           puf_figure("gold", s->gold),
                           puf_figure("turn", s->turn) },
            4);
    for (int32_t row = b.top; row < b.top + DELVE_HIGH; row++) {
        for (int32_t column = b.left; column < b.left + DELVE_WIDE; column++) {
            if (delve_is_seen(&b, row * DELVE_COLUMNS + column)) {
                delve_draw_tile(&b, row * DELVE_COLUMNS + column);
            }
        }
    }
    delve_draw_things(&b);
    delve_draw_monsters(&b);
    delve_draw_hero(&b);
    puf_border(p, DELVE_MARGIN - 1, DELVE_TOP - 1, DELVE_BOARD_WIDTH + 2, DELVE_BOARD_HEIGHT + 2, 1.5, PUF_SLATE, 0);
    delve_draw_messages(&b);
    delve_draw_panel(&b);
}

// ---- Clicks ----

// What can be done on the hero's own tile: take, descend, climb, else search.
static int32_t delve_do_here(const Delve* s)
{
    for (int32_t action = DELVE_TAKE; action <= DELVE_CLIMB; action++) {
        if (s->allowed >> action & 1) {
            return action;
        }
    }
    return DELVE_SEARCH;
}

// One of eight ways towards a tile, if the hero can go there or hit what is there.
static int32_t delve_towards(const DelveBoard* b, int32_t row, int32_t column)
{
    const int32_t down = row - b->row, right = column - b->column;
    const int32_t rows = down < 0 ? -down : down, columns = right < 0 ? -right : right;
    const int32_t y = 2 * rows < columns ? 0 : down < 0 ? -1 : 1, x = 2 * columns < rows ? 0 : right < 0 ? -1 : 1;
    for (int32_t way = 0; way < 8; way++) {
        if (delve_moves[way] == y * DELVE_COLUMNS + x) {
            return b->s->allowed >> way & 1 ? way : PUF_NOTHING;
        }
    }
    return PUF_NOTHING;
}

// On the board: a step that way, or what can be done where the hero stands. In the panel: the power, or a slot of the
// pack.
static int32_t delve_touch(const void* state, const void* assets, double x, double y)
{
    const Delve* s = state;
    const DelveBoard b = delve_board(s, assets, NULL);
    const int32_t column = b.left + (int32_t)floor((x - DELVE_MARGIN) / DELVE_TILE);
    const int32_t row = b.top + (int32_t)floor((y - DELVE_TOP) / DELVE_TILE);
    const int32_t slot = (int32_t)floor((y - DELVE_PACK_TOP) / 20);
    int32_t action = PUF_NOTHING;
    if (x >= DELVE_MARGIN && x < DELVE_MARGIN + DELVE_BOARD_WIDTH && y >= DELVE_TOP &&
        y < DELVE_TOP + DELVE_BOARD_HEIGHT) {
        return row == b.row && column == b.column ? delve_do_here(s) : delve_towards(&b, row, column);
    }
    if (x > DELVE_PANEL_LEFT - 14 && y >= DELVE_TOP && y < DELVE_TOP + 54) {
        action = DELVE_POWER;
    } else if (x > DELVE_PANEL_LEFT - 14 && slot >= 0 && slot < DELVE_SLOTS) {
        action = DELVE_USE + slot;
    }
    return action >= 0 && (s->allowed >> action & 1) ? action : PUF_NOTHING;
}

PUF_DRAWING(delve, .width = DELVE_BOARD_WIDTH + DELVE_PANEL + 3 * DELVE_MARGIN, .height = DELVE_HEIGHT_OF_ALL,
            .draw = delve_draw_all, .touch = delve_touch, .verdict = delve_say_end);
