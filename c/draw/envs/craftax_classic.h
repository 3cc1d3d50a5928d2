// Craftax-Classic: the world around you, what you see of it framed; your needs and things below; on the right all
// achievements, with what they cost and which key they take.
#pragma once
#include "draw/envs/craftax_classic_beings.h"

enum { CRAFTAX_CLASSIC_ACROSS = 15, CRAFTAX_CLASSIC_DOWNWARD = 11, CRAFTAX_CLASSIC_MARGIN = 16 };
enum {
    CRAFTAX_CLASSIC_WIDE = CRAFTAX_CLASSIC_ACROSS * CRAFTAX_CLASSIC_TILE,
    CRAFTAX_CLASSIC_HIGH = CRAFTAX_CLASSIC_DOWNWARD * CRAFTAX_CLASSIC_TILE,
    CRAFTAX_CLASSIC_PANEL = 312,
    CRAFTAX_CLASSIC_STRIP = 104,
    CRAFTAX_CLASSIC_PICTURE_WIDE = CRAFTAX_CLASSIC_WIDE + CRAFTAX_CLASSIC_PANEL + 3 * CRAFTAX_CLASSIC_MARGIN,
    CRAFTAX_CLASSIC_PICTURE_HIGH = PUF_HUD_HEIGHT + CRAFTAX_CLASSIC_HIGH + CRAFTAX_CLASSIC_STRIP +
        2 * CRAFTAX_CLASSIC_MARGIN,
};

// Where the middle of the picture is in the world, in tiles, and how the step looks halfway.
typedef struct CraftaxClassicBoard {
    const CraftaxClassic *s, *before; // `before` is NULL where nothing moves
    double row, column, share;
} CraftaxClassicBoard;

static CraftaxClassicBoard craftax_classic_board(const CraftaxClassic* s, const PufPicture* p)
{
    const CraftaxClassic* before = p->before;
    const int moves = before && before->tick + 1 == s->tick;
    CraftaxClassicBoard b = { s, moves ? before : NULL, s->row, s->column, moves ? p->share : 1 };
    if (moves) {
        b.row = before->row + (s->row - before->row) * b.share;
        b.column = before->column + (s->column - before->column) * b.share;
    }
    return b;
}

// The corner of a tile on the picture.
static PufPoint craftax_classic_corner(const CraftaxClassicBoard* b, double row, double column)
{
    return (PufPoint){ CRAFTAX_CLASSIC_MARGIN +
                           (column - b->column + CRAFTAX_CLASSIC_ACROSS / 2) * CRAFTAX_CLASSIC_TILE,
                       PUF_HUD_HEIGHT + (row - b->row + CRAFTAX_CLASSIC_DOWNWARD / 2) * CRAFTAX_CLASSIC_TILE };
}

static int craftax_classic_in_world(int32_t row, int32_t column)
{
    return row >= 0 && row < CRAFTAX_CLASSIC_SIDE && column >= 0 && column < CRAFTAX_CLASSIC_SIDE;
}

static void craftax_classic_draw_ground(const CraftaxClassicBoard* b, PufPicture* p)
{
    const int32_t reach_down = CRAFTAX_CLASSIC_DOWNWARD / 2 + 1, reach_across = CRAFTAX_CLASSIC_ACROSS / 2 + 1;
    for (int32_t row = b->s->row - reach_down; row <= b->s->row + reach_down; row++) {
        for (int32_t column = b->s->column - reach_across; column <= b->s->column + reach_across; column++) {
            if (craftax_classic_in_world(row, column)) {
                const PufPoint at = craftax_classic_corner(b, row, column);
                const int32_t tile = b->s->map[row + CRAFTAX_CLASSIC_EDGE][column + CRAFTAX_CLASSIC_EDGE];
                craftax_classic_draw_tile(tile & CRAFTAX_CLASSIC_KIND, row, column, at.x, at.y, b->s->tick, p);
            }
        }
    }
}

// The middle of where one is that was elsewhere before the step.
static PufPoint craftax_classic_place_of(const CraftaxClassicBoard* b, const int8_t* one, const int8_t* before)
{
    double row = one[CRAFTAX_CLASSIC_ROW], column = one[CRAFTAX_CLASSIC_COLUMN];
    if (before) {
        row = before[CRAFTAX_CLASSIC_ROW] + (row - before[CRAFTAX_CLASSIC_ROW]) * b->share;
        column = before[CRAFTAX_CLASSIC_COLUMN] + (column - before[CRAFTAX_CLASSIC_COLUMN]) * b->share;
    }
    return craftax_classic_corner(b, row + 0.5, column + 0.5);
}

static int craftax_classic_on_board(PufPoint at)
{
    const double more = CRAFTAX_CLASSIC_TILE / 2;
    return at.x > CRAFTAX_CLASSIC_MARGIN - more && at.x < CRAFTAX_CLASSIC_MARGIN + CRAFTAX_CLASSIC_WIDE + more &&
           at.y > PUF_HUD_HEIGHT - more && at.y < PUF_HUD_HEIGHT + CRAFTAX_CLASSIC_HIGH + more;
}

static void craftax_classic_draw_kind(const CraftaxClassicBoard* b, const CraftaxClassicCreature* now,
                                      const CraftaxClassicCreature* before, int32_t count,
                                      void (*draw)(double x, double y, PufPicture* p), PufPicture* p)
{
    for (int32_t i = 0; i < count; i++) {
        const int same = before && before[i][CRAFTAX_CLASSIC_ALIVE];
        const PufPoint at = craftax_classic_place_of(b, now[i], same ? before[i] : NULL);
        if (now[i][CRAFTAX_CLASSIC_ALIVE] && craftax_classic_on_board(at)) {
            draw(at.x, at.y, p);
        }
    }
}

static void craftax_classic_draw_beings(const CraftaxClassicBoard* b, PufPicture* p)
{
    const CraftaxClassic *s = b->s, *old = b->before;
    craftax_classic_draw_kind(b, s->cows, old ? old->cows : NULL, CRAFTAX_CLASSIC_COWS, craftax_classic_draw_cow, p);
    craftax_classic_draw_kind(b, s->zombies, old ? old->zombies : NULL, CRAFTAX_CLASSIC_ZOMBIES,
                              craftax_classic_draw_zombie, p);
    craftax_classic_draw_kind(b, s->skeletons, old ? old->skeletons : NULL, CRAFTAX_CLASSIC_SKELETONS,
                              craftax_classic_draw_skeleton_being, p);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ARROWS; i++) {
        const int flew = old && old->arrows[i][CRAFTAX_CLASSIC_FLIES];
        const PufPoint at = craftax_classic_place_of(b, s->arrows[i], flew ? old->arrows[i] : NULL);
        if (s->arrows[i][CRAFTAX_CLASSIC_FLIES] && craftax_classic_on_board(at)) {
            craftax_classic_draw_arrow(s->arrows[i], at.x, at.y, p);
        }
    }
    const PufPoint you = craftax_classic_corner(b, b->row + 0.5, b->column + 0.5);
    craftax_classic_draw_you(s, you.x, you.y, old && s->health < old->health, p);
}

// Where your hands reach; and the frame around what an agent sees.
static void craftax_classic_draw_frames(const CraftaxClassicBoard* b, PufPicture* p)
{
    const int8_t* way = craftax_classic_ways[b->s->facing];
    const PufPoint hands = craftax_classic_corner(b, b->row + way[0], b->column + way[1]);
    const PufPoint view =
        craftax_classic_corner(b, b->row - CRAFTAX_CLASSIC_ROWS / 2, b->column - CRAFTAX_CLASSIC_COLUMNS / 2);
    puf_border(p, hands.x + 1, hands.y + 1, CRAFTAX_CLASSIC_TILE - 2, CRAFTAX_CLASSIC_TILE - 2, 2,
               puf_fade(PUF_SNOW, 0.55), 6);
    puf_border(p, view.x - 2, view.y - 2, CRAFTAX_CLASSIC_COLUMNS * CRAFTAX_CLASSIC_TILE + 4,
               CRAFTAX_CLASSIC_ROWS * CRAFTAX_CLASSIC_TILE + 4, 2, puf_fade(PUF_SNOW, 0.4), 8);
}

// The night, with lights in it.
static void craftax_classic_draw_night(const CraftaxClassicBoard* b, PufPicture* p)
{
    const double dark = 1 - (double)b->s->light, asleep = b->s->sleeping ? 0.25 : 0;
    const PufPoint you = craftax_classic_corner(b, b->row + 0.5, b->column + 0.5);
    puf_rect(p, CRAFTAX_CLASSIC_MARGIN, PUF_HUD_HEIGHT, CRAFTAX_CLASSIC_WIDE, CRAFTAX_CLASSIC_HIGH,
             puf_fade(PUF_RGB(8, 14, 48), puf_min(0.85, 0.62 * dark * dark + asleep)), 0);
    puf_glow(p, you.x, you.y, 150, puf_fade(PUF_AMBER, 0.2 * dark * dark));
    for (int32_t row = b->s->row - 5; row <= b->s->row + 5; row++) {
        for (int32_t column = b->s->column - 7; column <= b->s->column + 7; column++) {
            const int inside = craftax_classic_in_world(row, column);
            const int32_t kind =
                inside ? b->s->map[row + CRAFTAX_CLASSIC_EDGE][column + CRAFTAX_CLASSIC_EDGE] & CRAFTAX_CLASSIC_KIND
                       : 0;
            if (kind == CRAFTAX_CLASSIC_LAVA || kind == CRAFTAX_CLASSIC_FURNACE) {
                const PufPoint at = craftax_classic_corner(b, row + 0.5, column + 0.5);
                puf_glow(p, at.x, at.y, 60, puf_fade(PUF_ORANGE, 0.15 + 0.35 * dark));
            }
        }
    }
}

// Hide what is drawn beyond the board.
static void craftax_classic_draw_mat(PufPicture* p)
{
    const double right = CRAFTAX_CLASSIC_MARGIN + CRAFTAX_CLASSIC_WIDE, bottom = PUF_HUD_HEIGHT + CRAFTAX_CLASSIC_HIGH;
    puf_rect(p, 0, 0, CRAFTAX_CLASSIC_PICTURE_WIDE, PUF_HUD_HEIGHT, PUF_NIGHT, 0);
    puf_rect(p, 0, 0, CRAFTAX_CLASSIC_MARGIN, CRAFTAX_CLASSIC_PICTURE_HIGH, PUF_NIGHT, 0);
    puf_rect(p, right, 0, CRAFTAX_CLASSIC_PICTURE_WIDE - right, CRAFTAX_CLASSIC_PICTURE_HIGH, PUF_NIGHT, 0);
    puf_rect(p, 0, bottom, CRAFTAX_CLASSIC_PICTURE_WIDE, CRAFTAX_CLASSIC_PICTURE_HIGH - bottom, PUF_NIGHT, 0);
}

// ---- Your needs and things ----

static void craftax_classic_draw_need(double y, const char* name, int32_t amount, PufColor color, PufPicture* p)
{
    const double x = CRAFTAX_CLASSIC_MARGIN;
    puf_text(p, x, y, name, 17, amount > 2 ? PUF_SNOW : PUF_CORAL, PUF_LEFT);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_MOST; i++) {
        puf_rect(p, x + 62 + 17 * i, y + 2, 14, 14, i < amount ? color : PUF_SLATE, 4);
    }
}

static void craftax_classic_draw_tool(int sword, PufColor head, double x, double y, PufPicture* p)
{
    if (sword) {
        puf_line(p, x - 9, y + 9, x + 10, y - 10, 5, head);
        puf_line(p, x - 8, y + 1, x - 1, y + 8, 3.5, CRAFTAX_CLASSIC_TIMBER);
        puf_line(p, x - 11, y + 11, x - 7, y + 7, 4, CRAFTAX_CLASSIC_BARK);
    } else {
        puf_line(p, x - 9, y + 11, x + 5, y - 5, 4, CRAFTAX_CLASSIC_TIMBER);
        puf_arc(p, x - 5, y + 5, 15, 20, head, -85, -5);
    }
}

static void craftax_classic_draw_icon(int32_t thing, double x, double y, PufPicture* p)
{
    static const PufColor heads[3] = { PUF_RGB(176, 124, 80), PUF_RGB(150, 156, 178), PUF_RGB(244, 214, 190) };
    switch (thing) {
    case CRAFTAX_CLASSIC_HAS_WOOD:
        puf_rect(p, x - 13, y - 7, 26, 14, CRAFTAX_CLASSIC_BARK, 6);
        puf_circle(p, x + 8, y, 6, PUF_RGB(206, 164, 116));
        puf_circle(p, x + 8, y, 2.5, CRAFTAX_CLASSIC_BARK);
        break;
    case CRAFTAX_CLASSIC_HAS_STONE:
        puf_circle(p, x, y + 1, 11, CRAFTAX_CLASSIC_ROCK);
        puf_circle(p, x - 3, y - 3, 5, puf_blend(CRAFTAX_CLASSIC_ROCK, PUF_SNOW, 0.35));
        break;
    case CRAFTAX_CLASSIC_HAS_COAL:
        puf_circle(p, x, y, 11, PUF_RGB(70, 72, 88));
        puf_circle(p, x, y, 9, PUF_RGB(30, 31, 40));
        puf_circle(p, x - 3, y - 4, 2.5, PUF_STEEL);
        break;
    case CRAFTAX_CLASSIC_HAS_IRON:
        puf_circle(p, x, y, 11, PUF_RGB(222, 160, 118));
        puf_circle(p, x - 3, y - 4, 3, PUF_SNOW);
        break;
    case CRAFTAX_CLASSIC_HAS_DIAMOND: craftax_classic_draw_gem(x, y, 12, p); break;
    case CRAFTAX_CLASSIC_HAS_SAPLING: craftax_classic_draw_plant(x - 22, y - 27, 0, p); break;
    default: {
        const int32_t tool = thing - CRAFTAX_CLASSIC_WOOD_PICKAXE;
        craftax_classic_draw_tool(tool >= 3, heads[tool % 3], x, y, p);
    }
    }
}

static void craftax_classic_draw_things(const CraftaxClassic* s, double top, PufPicture* p)
{
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_THINGS; i++) {
        const double x = CRAFTAX_CLASSIC_MARGIN + 238 + 71 * (i % 6), y = top + 53 * (i / 6);
        puf_rect(p, x, y, 67, 48, PUF_DUSK, 8);
        if (s->things[i]) {
            craftax_classic_draw_icon(i, x + 24, y + 24, p);
            puf_text(p, x + 60, y + 25, puf_word(s->things[i], 0, 0, "").text, 19, PUF_SNOW, PUF_RIGHT);
        }
    }
}

// ---- Achievements ----

typedef struct CraftaxClassicGoal {
    int32_t number;
    const char *name, *key, *cost;
} CraftaxClassicGoal;

static const CraftaxClassicGoal craftax_classic_goals[CRAFTAX_CLASSIC_ACHIEVEMENTS] = {
    { CRAFTAX_CLASSIC_COLLECT_WOOD, "wood", "space", "tree" },
    { CRAFTAX_CLASSIC_PLACED_TABLE, "table", "T", "2 wood" },
    { CRAFTAX_CLASSIC_MADE_WOOD_PICKAXE, "wood pickaxe", "1", "wood, table" },
    { CRAFTAX_CLASSIC_MADE_WOOD_SWORD, "wood sword", "4", "wood, table" },
    { CRAFTAX_CLASSIC_COLLECT_STONE, "stone", "space", "wood pickaxe" },
    { CRAFTAX_CLASSIC_PLACED_STONE, "stone placed", "R", "stone" },
    { CRAFTAX_CLASSIC_MADE_STONE_PICKAXE, "stone pickaxe", "2", "+ stone" },
    { CRAFTAX_CLASSIC_MADE_STONE_SWORD, "stone sword", "5", "+ stone" },
    { CRAFTAX_CLASSIC_COLLECT_COAL, "coal", "space", "wood pickaxe" },
    { CRAFTAX_CLASSIC_PLACED_FURNACE, "furnace", "F", "stone" },
    { CRAFTAX_CLASSIC_COLLECT_IRON, "iron", "space", "stone pickaxe" },
    { CRAFTAX_CLASSIC_MADE_IRON_PICKAXE, "iron pickaxe", "3", "+ iron, coal, furnace" },
    { CRAFTAX_CLASSIC_MADE_IRON_SWORD, "iron sword", "6", "+ iron, coal, furnace" },
    { CRAFTAX_CLASSIC_COLLECT_DIAMOND, "diamond", "space", "iron pickaxe" },
    { CRAFTAX_CLASSIC_COLLECT_DRINK, "drink", "space", "water" },
    { CRAFTAX_CLASSIC_EAT_COW, "beef", "space", "cow" },
    { CRAFTAX_CLASSIC_COLLECT_SAPLING, "sapling", "space", "grass, 1 in 10" },
    { CRAFTAX_CLASSIC_PLACED_PLANT, "planted", "P", "sapling" },
    { CRAFTAX_CLASSIC_EAT_PLANT, "fruit", "space", "ripe plant" },
    { CRAFTAX_CLASSIC_WAKE_UP, "slept", "Z", "when tired" },
    { CRAFTAX_CLASSIC_DEFEAT_ZOMBIE, "zombie", "space", "" },
    { CRAFTAX_CLASSIC_DEFEAT_SKELETON, "skeleton", "space", "in caves" },
};

static void craftax_classic_draw_goals(const CraftaxClassic* s, PufPicture* p)
{
    const double left = 2 * CRAFTAX_CLASSIC_MARGIN + CRAFTAX_CLASSIC_WIDE, step = 26.5;
    puf_rect(p, left, PUF_HUD_HEIGHT, CRAFTAX_CLASSIC_PANEL,
             CRAFTAX_CLASSIC_HIGH + CRAFTAX_CLASSIC_STRIP + CRAFTAX_CLASSIC_MARGIN, PUF_DUSK, 10);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ACHIEVEMENTS; i++) {
        const CraftaxClassicGoal* goal = &craftax_classic_goals[i];
        const int done = s->achievements >> goal->number & 1;
        const double y = PUF_HUD_HEIGHT + 11 + step * i, cap = goal->key[1] ? 46 : 20;
        puf_circle(p, left + 18, y + 9, 6, done ? PUF_MINT : PUF_SLATE);
        puf_text(p, left + 34, y, goal->name, 17, done ? PUF_MINT : PUF_SNOW, PUF_LEFT);
        puf_text(p, left + 252, y + 2, goal->cost, 14, PUF_STEEL, PUF_RIGHT);
        puf_rect(p, left + 302 - cap, y - 1, cap, 20, PUF_SLATE, 5);
        puf_text(p, left + 302 - cap / 2, y + 2, goal->key, 14, PUF_SNOW, PUF_CENTER);
    }
}

static void craftax_classic_draw_all(const void* state, const void* assets, PufPicture* p)
{
    const CraftaxClassicBoard b = craftax_classic_board(state, p);
    const CraftaxClassic* s = b.s;
    const double top = PUF_HUD_HEIGHT + CRAFTAX_CLASSIC_HIGH + CRAFTAX_CLASSIC_MARGIN - 4;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    craftax_classic_draw_ground(&b, p);
    craftax_classic_draw_frames(&b, p);
    craftax_classic_draw_beings(&b, p);
    craftax_classic_draw_night(&b, p);
    craftax_classic_draw_mat(p);
    puf_hud(p, "craftax classic",
            (PufFigure[]){ { "achievements", puf_join(puf_word(craftax_classic_popcount(s->achievements), 0, 0, ""),
                                                      " of ", puf_word(CRAFTAX_CLASSIC_ACHIEVEMENTS, 0, 0, "")) },
                           puf_figure("day", 1 + s->tick / CRAFTAX_CLASSIC_DAY),
                           { "light", puf_word(100.0 * (double)s->light, 0, 0, " %") },
                           puf_figure("step", s->tick) },
            4);
    craftax_classic_draw_need(top, "health", s->health, PUF_CORAL, p);
    craftax_classic_draw_need(top + 26, "food", s->food, PUF_ORANGE, p);
    craftax_classic_draw_need(top + 52, "drink", s->drink, PUF_SKY, p);
    craftax_classic_draw_need(top + 78, "energy", s->energy, PUF_AMBER, p);
    craftax_classic_draw_things(s, top, p);
    craftax_classic_draw_goals(s, p);
}

// As many for a step on the spot as for one to another tile: who stands still loses food and drink by the clock.
static int32_t craftax_classic_frames(const void* before, const void* after)
{
    const CraftaxClassic *was = before, *s = after;
    return s->tick > was->tick ? 5 : 1;
}

PUF_DRAWING(craftax_classic, .width = CRAFTAX_CLASSIC_PICTURE_WIDE, .height = CRAFTAX_CLASSIC_PICTURE_HIGH,
            .draw = craftax_classic_draw_all, .glides = 1, .frames = craftax_classic_frames);
