// Tower: cubes in space in the colours of their height, a hero, a goal that glows, and what each key would do now.
#pragma once
#include "draw/envs/tower_moves.h"

enum { TOWER_WIDTH = 1060, TOWER_HEIGHT = 720, TOWER_PANEL = 300, TOWER_FRAME = 16 };
enum { TOWER_KEYS_TOP = PUF_HUD_HEIGHT + 52, TOWER_KEY = 37 };
#define TOWER_CUBE 0.95 // of a cell; the gaps show where one block ends
#define TOWER_TILE 0.72 // the lighter square on top of a block
#define TOWER_GLASS 0.28
#define TOWER_PUSH PUF_AMBER // the outlines of what would move
#define TOWER_PULL PUF_SKY
#define TOWER_YAW (-66.0) // from the south, a little from the east: the up key leads away, and one sees three faces
#define TOWER_PITCH 30.0

// What there is to see of a state, or of a moment between two.
typedef struct TowerStage {
    Tower world; // without the blocks that move
    const TowerMove* move;
    TowerMotion motion;
    int moves; // whether it is such a moment
    TowerPose hero;
    double joy;
    uint64_t glass[TOWER_HEIGHTS]; // blocks before the hero or the goal, through which they are seen
} TowerStage;

static PufVector tower_goal(const TowerStage* g)
{
    return tower_middle((TowerSpot){ g->world.goal_cell, g->world.goal_height });
}

// ---- Blocks ----

// Of the blocks of a layer, or between two.
static PufColor tower_color(double height)
{
    static const PufColor rising[] = { PUF_VIOLET, PUF_SKY,    PUF_TEAL,  PUF_MINT,
                                       PUF_AMBER,  PUF_ORANGE, PUF_CORAL, PUF_PINK };
    if (height <= TOWER_BASE) {
        return puf_blend(PUF_STEEL, PUF_SLATE, 0.35);
    }
    const double along = puf_clamp((height - TOWER_BASE - 1) * 7 / (TOWER_TOP - TOWER_BASE - 1), 0, 7);
    const int first = along < 6 ? (int)along : 6;
    return puf_blend(puf_blend(rising[first], rising[first + 1], along - first), PUF_NIGHT, 0.12);
}

static PufVector tower_vector(double x, double y, double z) { return (PufVector){ x, y, z }; }

static int32_t tower_add_quad(PufTriangle* t, int32_t count, const PufVector q[4])
{
    t[count] = (PufTriangle){ q[0], q[1], q[2] };
    t[count + 1] = (PufTriangle){ q[0], q[2], q[3] };
    return count + 2;
}

// The sides of a block that can be seen.
static void tower_draw_faces(const uint64_t* layers, TowerSpot spot, PufColor color, PufPicture* p)
{
    const double half = TOWER_CUBE / 2;
    PufTriangle t[12];
    int32_t count = 0;
    for (int32_t side = 0; side < TOWER_SIDES; side++) {
        const int32_t beside = tower_beside(spot.cell, side);
        const double south = tower_ways[side][0] * half, east = tower_ways[side][1] * half;
        if (beside < 0 || !(layers[spot.height] >> beside & 1)) {
            const PufVector quad[4] = { tower_vector(east - south, -south - east, -half),
                                        tower_vector(east + south, -south + east, -half),
                                        tower_vector(east + south, -south + east, half),
                                        tower_vector(east - south, -south - east, half) };
            count = tower_add_quad(t, count, quad);
        }
    }
    for (int up = -1; up <= 1; up += 2) {
        if (up < 0 || !(layers[spot.height + 1] >> spot.cell & 1)) {
            const PufVector quad[4] = { tower_vector(-half, -half, up * half), tower_vector(half, -half, up * half),
                                        tower_vector(half, half, up * half), tower_vector(-half, half, up * half) };
            count = tower_add_quad(t, count, quad);
        }
    }
    puf_solid(p, t, count, puf_unturned, 1, tower_middle(spot), color, 1);
}

static void tower_draw_tile(PufVector center, PufColor color, PufPicture* p)
{
    const double half = TOWER_TILE / 2, up = TOWER_CUBE / 2 + 0.006;
    const PufVector quad[4] = { tower_vector(-half, -half, up), tower_vector(half, -half, up),
                                tower_vector(half, half, up), tower_vector(-half, half, up) };
    PufTriangle t[2];
    tower_add_quad(t, 0, quad);
    puf_solid(p, t, 2, puf_unturned, 1, center, color, 1);
}

static void tower_draw_box(PufVector center, PufVector sides, PufRotation rotation, PufColor color, PufPicture* p)
{
    PufTriangle t[12];
    puf_box(sides, t);
    puf_solid(p, t, 12, rotation, 1, center, color, 1);
}

static void tower_draw_cube(PufVector center, PufColor color, PufPicture* p)
{
    tower_draw_box(center, tower_vector(TOWER_CUBE, TOWER_CUBE, TOWER_CUBE), puf_unturned, color, p);
}

// The edges of a cube, drawn three times so that they are seen.
static void tower_draw_outline(PufVector center, double side, PufColor color, PufPicture* p)
{
    static const int8_t around[5][2] = { { -1, -1 }, { 1, -1 }, { 1, 1 }, { -1, 1 }, { -1, -1 } };
    for (int grown = 0; grown < 3; grown++) {
        const double half = side / 2 + 0.012 * grown;
        for (int i = 0; i < 4; i++) {
            const PufVector a = puf_add(center, tower_vector(around[i][0] * half, around[i][1] * half, 0));
            const PufVector b = puf_add(center, tower_vector(around[i + 1][0] * half, around[i + 1][1] * half, 0));
            const PufVector up = tower_vector(0, 0, half);
            puf_wire(p, puf_minus(a, up), puf_minus(b, up), color);
            puf_wire(p, puf_add(a, up), puf_add(b, up), color);
            puf_wire(p, puf_minus(a, up), puf_add(a, up), color);
        }
    }
}

// Layer by layer, but for those of glass; the block that can be grabbed stands out, and some may be moving.
static void tower_draw_blocks(const TowerStage* g, PufPicture* p)
{
    const Tower* s = &g->world;
    uint64_t solid[TOWER_HEIGHTS];
    for (int32_t h = 0; h < TOWER_HEIGHTS; h++) {
        solid[h] = s->layers[h] & ~g->glass[h];
    }
    const int32_t ahead = g->moves || s->hanging ? -1 : tower_beside(s->cell, s->facing);
    const int marked = ahead >= 0 && (solid[s->height] >> ahead & 1);
    for (int32_t h = TOWER_BASE; h <= TOWER_TOP; h++) {
        for (int pass = 0; pass < 2; pass++) {
            for (int32_t cell = 0; cell < TOWER_CELLS; cell++) {
                const TowerSpot spot = { cell, h };
                if (!(solid[h] >> cell & 1) || (marked && cell == ahead && h == s->height)) {
                    continue;
                }
                if (pass == 0) {
                    tower_draw_faces(solid, spot, tower_color(h), p);
                } else if (!(solid[h + 1] >> cell & 1)) {
                    tower_draw_tile(tower_middle(spot), puf_blend(tower_color(h), PUF_SNOW, 0.25), p);
                }
            }
        }
    }
    if (marked) {
        const TowerSpot spot = { ahead, s->height };
        const PufColor bright = s->holding ? PUF_SNOW : puf_blend(tower_color(s->height), PUF_SNOW, 0.45);
        tower_draw_faces(solid, spot, bright, p);
        tower_draw_tile(tower_middle(spot), s->holding ? PUF_AMBER : puf_blend(bright, PUF_SNOW, 0.5), p);
    }
    for (int32_t i = 0; g->moves && i < g->move->count; i++) {
        const PufVector center = tower_block_place(g->move, &g->move->blocks[i], g->motion);
        const PufColor color = tower_color(center.z - 0.5 + TOWER_BASE);
        tower_draw_cube(center, color, p);
        tower_draw_tile(center, puf_blend(color, PUF_SNOW, 0.25), p);
    }
}

// The border of the world around the base.
static void tower_draw_ground(PufPicture* p)
{
    for (int at = 0; at <= TOWER_SIDE; at++) {
        const PufColor color = at % TOWER_SIDE ? puf_fade(PUF_SLATE, 0.45) : PUF_SLATE;
        puf_wire(p, tower_vector(at, 0, 0), tower_vector(at, TOWER_SIDE, 0), color);
        puf_wire(p, tower_vector(0, at, 0), tower_vector(TOWER_SIDE, at, 0), color);
    }
}

// ---- Glass ----

// The blocks on the straight way from a point to the eye, but for the one that the point is in.
static void tower_find_between(TowerStage* g, PufVector point, PufVector eye)
{
    const PufVector way = puf_minus(eye, point);
    const double length = puf_length(way);
    TowerSpot own = { -1, 0 };
    for (int i = 0; i < 140; i++) {
        const PufVector at = puf_add(point, puf_times(way, 0.1 * i / length));
        const int32_t x = (int32_t)floor(at.x), y = (int32_t)floor(at.y), z = (int32_t)floor(at.z);
        if (x < 0 || x >= TOWER_SIDE || y < 0 || y >= TOWER_SIDE || z < 0 || z > TOWER_TOP - TOWER_BASE) {
            continue;
        }
        const TowerSpot spot = { (TOWER_SIDE - 1 - y) * TOWER_SIDE + x, z + TOWER_BASE };
        own = i == 0 ? spot : own;
        if ((spot.cell != own.cell || spot.height != own.height) && tower_filled(&g->world, spot.cell, spot.height)) {
            g->glass[spot.height] |= tower_set(spot.cell);
        }
    }
}

// The blocks between the eye and the hero, at his feet, waist and head, or the goal.
static void tower_find_glass(TowerStage* g, PufVector eye)
{
    memset(g->glass, 0, sizeof g->glass);
    for (int i = -4; i <= 2; i += 3) {
        tower_find_between(g, puf_add(g->hero.center, tower_vector(0, 0, 0.1 * i)), eye);
    }
    tower_find_between(g, tower_goal(g), eye);
}

// ---- Hero and goal ----

// A part of the hero: forward, to his left and up from his feet.
static PufVector tower_limb(PufVector feet, PufRotation turn, double forward, double left, double up)
{
    return puf_add(feet, puf_turned(turn, tower_vector(forward, left, up)));
}

// A round body with eyes where he looks, and arms to what he holds.
static void tower_draw_hero(const TowerPose* hero, PufPicture* p)
{
    const int hangs = hero->hangs > 0.5, holds = hero->holds;
    const double tall = hero->height, ahead = 0.22 * hero->hangs + (holds ? 0.14 : 0);
    const PufVector out = { puf_cosine(hero->yaw), puf_sine(hero->yaw), 0 };
    const PufRotation turn = { out, { out.y, -out.x, 0 }, { 0, 0, 1 } };
    const PufVector feet =
        puf_add(puf_add(hero->center, puf_times(out, ahead)), tower_vector(0, 0, -(0.5 - 0.4 * hero->hangs)));
    const double reach = hangs ? 0.22 : holds ? 0.3 : 0.04, lift = hangs ? 0.5 : holds ? 0.34 : 0.24;
    const PufVector arm = hangs   ? tower_vector(0.1, 0.1, 0.5)
                          : holds ? tower_vector(0.5, 0.1, 0.1)
                                  : tower_vector(0.1, 0.1, 0.32);
    PufTriangle ball[168];
    if (hero->hangs < 0.5) { // where he looks
        const PufTriangle arrow = { { 0.62, 0, 0.02 }, { 0.4, 0.14, 0.02 }, { 0.4, -0.14, 0.02 } };
        puf_solid(p, &arrow, 1, turn, 1, puf_add(hero->center, tower_vector(0, 0, -0.5)), PUF_AMBER, 0);
    }
    for (int side = -1; side <= 1; side += 2) {
        tower_draw_box(tower_limb(feet, turn, 0.02, 0.11 * side, 0.06 * tall), tower_vector(0.2, 0.14, 0.14), turn,
                       PUF_ORANGE, p);
    }
    tower_draw_box(tower_limb(feet, turn, 0, 0, 0.27 * tall), tower_vector(0.26, 0.38, 0.34 * tall), turn, PUF_CORAL,
                   p);
    puf_ball(8, 12, ball);
    puf_solid(p, ball, 168, puf_unturned, 0.21, tower_limb(feet, turn, 0, 0, 0.6 * tall), PUF_SNOW, 1);
    for (int side = -1; side <= 1; side += 2) {
        const PufVector eye = tower_limb(feet, turn, 0.17, 0.085 * side, 0.64 * tall);
        puf_solid(p, ball, 168, puf_unturned, 0.055, eye, PUF_NIGHT, 1);
    }
    for (int side = -1; side <= 1; side += 2) {
        tower_draw_box(tower_limb(feet, turn, holds ? reach : reach * 0.5, 0.24 * side, lift * tall), arm, turn,
                       puf_blend(PUF_CORAL, PUF_SNOW, 0.35), p);
    }
}

// A crystal in a column of light; when it is reached, both rise.
static void tower_draw_goal(const TowerStage* g, PufPicture* p)
{
    static const int8_t around[5][2] = { { -1, -1 }, { 1, -1 }, { 1, 1 }, { -1, 1 }, { -1, -1 } };
    const double angle = 1.5 * PUF_TURN * g->joy, c = puf_cosine(angle), s = puf_sine(angle), wide = 0.42;
    const PufRotation spin = { { c, s, 0 }, { -s, c, 0 }, { 0, 0, 1 } };
    const PufVector center = tower_goal(g), up = tower_vector(0, 0, 1.4 * sqrt(g->joy));
    PufTriangle crystal[8];
    for (int i = 0; i < 8; i++) {
        crystal[i] = (PufTriangle){ { i & 4 ? -0.26 : 0.26, 0, 0 },
                                    { 0, i & 2 ? -0.26 : 0.26, 0 },
                                    { 0, 0, i & 1 ? -0.4 : 0.4 } };
    }
    puf_solid(p, crystal, 8, spin, 1, puf_add(center, up), PUF_MINT, 1);
    for (int i = 0; i < 4; i++) {
        const double x0 = around[i][0] * wide, y0 = around[i][1] * wide;
        const double x1 = around[i + 1][0] * wide, y1 = around[i + 1][1] * wide;
        const PufVector quad[4] = { tower_vector(x0, y0, -0.5), tower_vector(x1, y1, -0.5), tower_vector(x1, y1, 2.5),
                                    tower_vector(x0, y0, 2.5) };
        PufTriangle t[2];
        tower_add_quad(t, 0, quad);
        puf_solid(p, t, 2, puf_unturned, 1, center, puf_fade(PUF_MINT, 0.16 + 0.3 * g->joy), 0);
    }
}

// ---- A view of it all ----

// The moves that holding hands could make now: push, pull.
typedef struct TowerPreviews {
    int32_t count;
    TowerMove moves[2];
} TowerPreviews;

static void tower_preview(const Tower* s, TowerPreviews* able)
{
    const int32_t ways[2] = { s->facing, tower_opposite(s->facing) };
    able->count = 0;
    for (int i = 0; i < 2 && s->holding; i++) {
        if (s->choices >> ways[i] & 1) {
            tower_make_move(s, ways[i], &able->moves[able->count++]);
        }
    }
}

// The outlines of blocks where a move would bring them, and of the hero where he would be.
static void tower_draw_preview(const TowerMove* m, PufColor color, PufPicture* p)
{
    for (int32_t i = 0; i < m->count; i++) {
        const TowerBlock* b = &m->blocks[i];
        const int lost = b->end.height == TOWER_LOST;
        const TowerSpot end = { b->end.cell, lost ? TOWER_BASE - 1 : b->end.height };
        const PufColor ink = lost || m->after.fate == TOWER_CRUSHED ? PUF_CORAL : color;
        tower_draw_outline(tower_middle(end), 0.9, ink, p);
        puf_wire(p, tower_middle(b->start), tower_middle(b->pushed), ink);
        puf_wire(p, tower_middle(b->pushed), tower_middle(end), ink);
    }
    if (m->after.cell != m->before.cell || m->after.height != m->before.height) {
        const PufVector place = puf_add(tower_middle(tower_hero_spot(&m->after)), tower_vector(0, 0, -0.15));
        tower_draw_outline(place, 0.5, color, p);
    }
}

static void tower_draw_previews(const TowerStage* g, const TowerPreviews* able, PufPicture* p)
{
    for (int32_t i = 0; i < able->count; i++) {
        tower_draw_preview(&able->moves[i], able->moves[i].action == g->world.facing ? TOWER_PUSH : TOWER_PULL, p);
    }
}

// A glow where a point is seen, inside the rectangle.
static void tower_draw_glow(const PufCamera* camera, PufVector point, const double area[4], double radius,
                            PufColor color, PufPicture* p)
{
    PufPoint seen;
    if (puf_project(camera, area[2] / area[3], point, &seen) && fabs(seen.x) < 1 && fabs(seen.y) < 1) {
        const double right = (seen.x + 1) / 2 * area[2], down = (1 - seen.y) / 2 * area[3];
        const double room = puf_min(puf_min(right, area[2] - right), puf_min(down, area[3] - down));
        puf_glow(p, area[0] + right, area[1] + down, puf_min(radius * 1.6 * area[2] / 760, room), color);
    }
}

// The tower from a camera, in a rectangle of the picture, with what may move.
static void tower_draw_view(TowerStage* g, const TowerPreviews* able, PufCamera camera, const double area[4],
                            PufPicture* p)
{
    const PufColor glow = puf_fade(PUF_MINT, 0.4 + 0.3 * g->joy);
    camera = puf_scene(p, camera, area[0], area[1], area[2], area[3]);
    tower_find_glass(g, puf_camera_place(&camera));
    tower_draw_ground(p);
    tower_draw_blocks(g, p);
    tower_draw_hero(&g->hero, p);
    tower_draw_goal(g, p);
    for (int32_t cell = 0; cell < TOWER_CELLS; cell++) {
        for (int32_t h = 0; h < TOWER_HEIGHTS; h++) {
            if (g->glass[h] >> cell & 1) {
                const PufVector center = tower_middle((TowerSpot){ cell, h });
                tower_draw_cube(center, puf_fade(tower_color(h), TOWER_GLASS), p);
                tower_draw_outline(center, TOWER_CUBE, puf_fade(tower_color(h), 0.9), p);
            }
        }
    }
    puf_scene_end(p);
    if (able->count) { // seen through everything
        PufSpace* space = p->space;
        const PufCamera first = space ? space->camera : camera;
        puf_scene(p, first, area[0], area[1], area[2], area[3]);
        tower_draw_previews(g, able, p);
        puf_scene_end(p);
    }
    tower_draw_glow(&camera, tower_goal(g), area, 46 * (1 + 2.5 * g->joy), glow, p);
    tower_draw_glow(&camera, g->hero.center, area, 20, puf_fade(PUF_SNOW, 0.4 + 0.3 * g->joy), p);
}

// Of the hero, of what is below him, and of the goal.
static PufCamera tower_camera(const TowerStage* g)
{
    const double hero = puf_max(g->hero.center.z, 0), goal = tower_goal(g).z, span = puf_max(fabs(hero - goal), 4);
    return (PufCamera){ .target = { 4, 4, puf_max((hero + goal) / 2 - 0.5, 1.5) },
                        .distance = 11.5 + 1.05 * span,
                        .yaw = TOWER_YAW,
                        .pitch = TOWER_PITCH,
                        .fov = 38 };
}

// ---- The panel ----

static void tower_draw_arrow(double x, double y, int32_t side, PufColor color, PufPicture* p)
{
    const double south = tower_ways[side][0], east = tower_ways[side][1];
    PUF_SHAPE(p, x, y, 1, color, 8 * east, 8 * south, -5 * east - 7 * south, -5 * south + 7 * east,
              -5 * east + 7 * south, -5 * south - 7 * east);
}

// A key's cap, and beside it what it does now, in a colour, and what follows.
static void tower_draw_key(const Tower* s, int32_t action, int ends, const TowerPreviews* able, double x, double y,
                           PufPicture* p)
{
    const PufLine verb = ends ? puf_line_of("") : tower_say(s, action);
    const int wide = action >= TOWER_GRAB, nothing = verb.text[0] == '\0';
    PufLine note = puf_line_of("");
    PufColor ink = PUF_SNOW;
    for (int32_t i = 0; i < able->count; i++) {
        if (able->moves[i].action == action) {
            note = tower_warn(&able->moves[i]);
            ink = action == s->facing ? TOWER_PUSH : TOWER_PULL;
        }
    }
    ink = nothing ? PUF_SLATE : strcmp(verb.text, tower_fall_out) == 0 ? PUF_CORAL : ink;
    puf_rect(p, x, y, wide ? 58 : 30, 30, puf_blend(PUF_SLATE, PUF_DUSK, nothing ? 0.6 : 0), 7);
    if (wide) {
        puf_text(p, x + 29, y + 7, action == TOWER_GRAB ? "space" : "X", 15, ink, PUF_CENTER);
    } else {
        tower_draw_arrow(x + 15, y + 15, action, ink, p);
    }
    x += wide ? 72 : 44;
    x += puf_text(p, x, y + 6, nothing ? "-" : verb.text, 18, ink, PUF_LEFT);
    if (note.text[0]) {
        PufLine dash = puf_line_of("- ");
        puf_say(&dash, note.text);
        puf_text(p, x + 8, y + 8, dash.text, 15, PUF_CORAL, PUF_LEFT);
    }
}

static const char* const tower_results[] = { "", "solved!", "you fell out of the world", "a block fell on your head",
                                             "out of time" };

// What the last game led to, or the keys that change it.
static void tower_draw_note(const TowerStage* g, double x, double y, PufPicture* p)
{
    static const PufColor colors[] = { PUF_SNOW, PUF_MINT, PUF_CORAL, PUF_CORAL, PUF_STEEL };
    const Tower* s = &g->world;
    if (s->result > 0 && s->tick == 0) {
        PufLine line = puf_line_of("last game: ");
        puf_say(&line, tower_results[s->result]);
        puf_text(p, x, y, line.text, 16, colors[s->result], PUF_LEFT);
    } else if (p->person >= 0) {
        puf_text(p, x, y, "Z takes a move back, R starts again.", 14, PUF_MINT, PUF_LEFT);
    }
}

// `now`: the state whose keys are shown, which is the next one while a move is shown.
static void tower_draw_panel(TowerStage* g, const Tower* now, TowerPreviews* able, PufPicture* p)
{
    static const char* const hints[] = { "Stand where the crystal is.",
                                         "Grab a block, then push or pull it.",
                                         "A block holds on the block below it,",
                                         "or on the edge of one beside that.",
                                         "Where it is deep you hang from the edge:",
                                         "you can climb back, or move along it." };
    const double left = TOWER_WIDTH - TOWER_PANEL, width = TOWER_PANEL - TOWER_FRAME;
    const int32_t lines = (int32_t)(sizeof hints / sizeof *hints);
    double top = PUF_HUD_HEIGHT + 8;
    puf_rect(p, left, top, width, 272, PUF_DUSK, 12);
    puf_text(p, left + 18, top + 14, "what the keys do now", 16, PUF_STEEL, PUF_LEFT);
    tower_preview(now, able);
    for (int32_t action = 0; action < TOWER_ACTIONS; action++) {
        tower_draw_key(now, action, g->moves && g->motion.result > 0, able, left + 18,
                       TOWER_KEYS_TOP + TOWER_KEY * action, p);
    }
    top += 284;
    for (int32_t i = 0; i < lines; i++) {
        puf_text(p, left + 6, top + 19 * i, hints[i], 14, PUF_STEEL, PUF_LEFT);
    }
    top += 19 * lines + 4;
    tower_draw_note(g, left + 6, top, p);
    top += 24;
    const double height = TOWER_HEIGHT - top - TOWER_FRAME;
    PufCamera behind = tower_camera(g);
    behind.distance *= 1.02;
    behind.yaw += 180;
    puf_rect(p, left, top, width, height, PUF_DUSK, 12);
    tower_draw_view(g, able, behind, (const double[]){ left + 4, top + 4, width - 8, height - 8 }, p);
    puf_text(p, left + 14, top + 10, "from behind", 14, PUF_STEEL, PUF_LEFT);
}

static void tower_set_stage(TowerStage* g, const Tower* s, TowerMove* move, const PufPicture* p)
{
    g->world = *s;
    g->move = move;
    g->motion = (TowerMotion){ 0, 0 };
    g->moves = p->before != NULL;
    g->joy = 0;
    move->action = TOWER_NONE;
    move->count = 0;
    if (g->moves) {
        const Tower* before = p->before;
        tower_find_move(before, s, move, &g->motion.result);
        g->world = *before;
        g->world.tick++;
        g->motion.frame = p->share * tower_all_frames(move, g->motion.result);
        g->joy = tower_joy(move, g->motion);
    }
    g->hero = move->action == TOWER_NONE ? tower_rest(&g->world) : tower_pose_at(move, g->motion);
    for (int32_t i = 0; i < move->count; i++) {
        g->world.layers[move->blocks[i].start.height] &= ~tower_set(move->blocks[i].start.cell);
    }
}

// The tower from the front; beside it the keys, and the tower from behind.
static void tower_draw(const void* state, const void* assets, PufPicture* p)
{
    const Tower* s = state;
    TowerStage g;
    TowerMove move;
    TowerPreviews able = { 0 };
    const double left = TOWER_WIDTH - TOWER_PANEL;
    (void)assets;
    tower_set_stage(&g, s, &move, p);
    if (!g.moves) {
        tower_preview(&g.world, &able);
    }
    const PufWord level =
        puf_join(puf_word(g.world.rank + 1, 0, 0, ""), " of ", puf_word(g.world.num_levels, 0, 0, ""));
    const PufWord height = puf_join(puf_word(g.world.height - TOWER_BASE, 0, 0, ""), " of ",
                                    puf_word(g.world.goal_height - TOWER_BASE, 0, 0, ""));
    puf_clear(p, PUF_NIGHT);
    puf_hud(p, "tower",
            (PufFigure[]){ { "level", level },
                           { "height", height },
                           puf_figure("par", g.world.par),
                           puf_figure("steps", g.world.tick) },
            4);
    tower_draw_view(&g, &able, tower_camera(&g),
                    (const double[]){ 0, PUF_HUD_HEIGHT, left, TOWER_HEIGHT - PUF_HUD_HEIGHT }, p);
    tower_draw_panel(&g, s, &able, p);
}

// A key in the panel.
static int32_t tower_touch(const void* state, const void* assets, double x, double y)
{
    const Tower* s = state;
    const int32_t action = (int32_t)floor((y - TOWER_KEYS_TOP) / TOWER_KEY);
    (void)assets;
    const int inside = x >= TOWER_WIDTH - TOWER_PANEL && x < TOWER_WIDTH - TOWER_FRAME && action >= 0;
    return inside && action < TOWER_ACTIONS && (s->choices >> action & 1) ? action : PUF_NOTHING;
}

static void tower_say_end(const void* state, int32_t agent, PufLine* line)
{
    const Tower* s = state;
    (void)agent;
    puf_say(line, tower_results[s->result]);
}

PUF_DRAWING(tower, .width = TOWER_WIDTH, .height = TOWER_HEIGHT, .draw = tower_draw, .glides = 1,
            .frames = tower_frames, .touch = tower_touch, .verdict = tower_say_end);
