// tower_moves.h - a move of tower as it takes its time: which blocks it moves, and where they and the hero are at a
// moment. Where a move ends is what the rules say; this finds only how it gets there.
#pragma once
#include "draw/space.h"
#include "envs/tower.h"

enum { TOWER_STEP = 5, TOWER_ROUND = 3 };              // frames of what the hero does; of a layer that blocks fall
enum { TOWER_DEEP = 6 };                               // layers that what leaves the world is seen to fall
enum { TOWER_LOST = TOWER_BASE - 3, TOWER_NONE = -1 }; // height of blocks that fell out of the world; no action

static const int32_t tower_ends[] = { 0, 26, 6, 20,
                                      6 }; // frames that the end of an episode is looked at, by its result
static const int8_t tower_ways[TOWER_SIDES][2] = { { -1, 0 }, { 0, 1 }, { 1, 0 }, { 0, -1 } }; // south, east

typedef struct TowerSpot {
    int32_t cell, height;
} TowerSpot;

typedef struct TowerBlock {
    TowerSpot start, pushed, end; // where the hero moves it to; where it lands
    uint32_t falls;               // bit r: it falls in round r
} TowerBlock;

typedef struct TowerMove {
    int32_t action; // TOWER_NONE: nobody moves
    Tower before, after;
    int32_t count, rounds;
    TowerBlock blocks[TOWER_CELLS * 2];
} TowerMove;

// A move at one of its frames.
typedef struct TowerMotion {
    int32_t result; // of the episode that ended with it, or 0
    double frame;
} TowerMotion;

static int tower_filled(const Tower* s, int32_t cell, int32_t height)
{
    return cell >= 0 && height >= 0 && height < TOWER_HEIGHTS && (s->layers[height] >> cell & 1);
}

// The cell beside another one; -1: it is outside.
static int32_t tower_beside(int32_t cell, int32_t side)
{
    const int32_t row = cell / TOWER_SIDE + tower_ways[side][0], column = cell % TOWER_SIDE + tower_ways[side][1];
    const int inside = row >= 0 && row < TOWER_SIDE && column >= 0 && column < TOWER_SIDE;
    return cell >= 0 && inside ? row * TOWER_SIDE + column : -1;
}

// ---- Which blocks move ----

static void tower_note_push(TowerMove* m, int32_t from, int32_t to)
{
    const int32_t height = m->before.height;
    const TowerSpot start = { from, height }, end = { to, height };
    m->blocks[m->count++] = (TowerBlock){ start, end, end, 0 };
}

// The row that the hero pushes, or the block that he pulls.
static void tower_find_pushed(TowerMove* m)
{
    const Tower* s = &m->before;
    int32_t cell = tower_beside(s->cell, s->facing);
    if (!s->holding || m->action >= TOWER_SIDES) {
        return;
    }
    if (m->action == tower_opposite(s->facing)) {
        tower_note_push(m, cell, s->cell);
    }
    while (m->action == s->facing && tower_filled(s, cell, s->height)) {
        tower_note_push(m, cell, tower_beside(cell, s->facing));
        cell = tower_beside(cell, s->facing);
    }
}

static void tower_note_fall(TowerMove* m, int32_t cell, int32_t height)
{
    int32_t i = 0;
    while (i < m->count && !(m->blocks[i].end.cell == cell && m->blocks[i].end.height == height)) {
        i++;
    }
    if (i == (int32_t)(sizeof m->blocks / sizeof *m->blocks)) {
        return; // more than can fall at once
    }
    if (i == m->count) {
        const TowerSpot spot = { cell, height };
        m->blocks[m->count++] = (TowerBlock){ spot, spot, spot, 0 };
    }
    m->blocks[i].end.height = height - 1 > TOWER_BASE ? height - 1 : TOWER_LOST;
    m->blocks[i].falls |= UINT32_C(1) << m->rounds;
}

// The rounds of tower_settle, block by block.
static void tower_find_falls(TowerMove* m)
{
    Tower s = m->before;
    for (int32_t i = 0; i < m->count; i++) {
        s.layers[s.height] &= ~tower_set(m->blocks[i].start.cell);
    }
    for (int32_t i = 0; i < m->count; i++) {
        s.layers[s.height] |= tower_set(m->blocks[i].end.cell);
    }
    for (int32_t lowest = s.height, falling = m->count; falling; lowest -= lowest > TOWER_BASE + 1) {
        falling = 0;
        for (int32_t h = lowest; h <= TOWER_TOP; h++) {
            const uint64_t loose = s.layers[h] & ~tower_holds(s.layers[h - 1]);
            s.layers[h] &= ~loose;
            s.layers[h - 1] |= h - 1 > TOWER_BASE ? loose : 0;
            for (int32_t cell = 0; cell < TOWER_CELLS && loose; cell++) {
                if (loose >> cell & 1) {
                    tower_note_fall(m, cell, h);
                    falling = 1;
                }
            }
        }
        m->rounds += falling && m->rounds < 31;
    }
}

// What an action that does something leads to.
static void tower_make_move(const Tower* s, int32_t action, TowerMove* m)
{
    m->action = action;
    m->before = m->after = *s;
    m->count = m->rounds = 0;
    tower_act(&m->after, action);
    tower_find_pushed(m);
    if (m->count) {
        tower_find_falls(m);
    }
}

static int tower_is_same(const Tower* a, const Tower* b)
{
    return memcmp(a->layers, b->layers, sizeof a->layers) == 0 && a->cell == b->cell && a->height == b->height &&
           a->facing == b->facing && a->hanging == b->hanging && a->holding == b->holding;
}

// The move that led from one state to the next, or, where the episode ended, to its result.
static void tower_find_move(const Tower* before, const Tower* after, TowerMove* m, int32_t* result)
{
    *result = after->tick == 0 ? after->result : 0;
    for (int32_t action = 0; action < TOWER_ACTIONS; action++) {
        Tower s = *before;
        if (!(before->choices >> action & 1)) {
            continue;
        }
        tower_act(&s, action);
        const int reached = s.cell == s.goal_cell && s.height == s.goal_height && !s.hanging;
        const int found = *result == 0              ? tower_is_same(&s, after)
                          : *result == TOWER_SOLVED ? reached
                          : *result == TOWER_LATE   ? 0
                                                    : s.fate == *result;
        if (found) {
            tower_make_move(before, action, m);
            return;
        }
    }
    m->action = TOWER_NONE;
    m->before = m->after = *before;
    m->count = m->rounds = 0;
}

// ---- How long it takes ----

// How deep the hero falls; far, where it is out of the world.
static double tower_depth(const TowerMove* m)
{
    return m->action == TOWER_RELEASE
               ? m->before.height - m->after.height + (m->after.fate == TOWER_FELL ? TOWER_DEEP : 0)
               : 0;
}

static double tower_main_frames(const TowerMove* m) { return puf_max(TOWER_STEP, ceil(4 * sqrt(tower_depth(m)))); }

static double tower_all_frames(const TowerMove* m, int32_t result)
{
    return tower_main_frames(m) + TOWER_ROUND * m->rounds + tower_ends[result];
}

static int32_t tower_frames(const void* before, const void* after)
{
    TowerMove m;
    int32_t result;
    tower_find_move(before, after, &m, &result);
    return (int32_t)tower_all_frames(&m, result);
}

// Frames since the end of the episode began to be looked at.
static double tower_ending(const TowerMove* m, TowerMotion motion)
{
    return motion.frame - (tower_all_frames(m, motion.result) - tower_ends[motion.result]);
}

// ---- Where hero and blocks are ----

// Of a cell, in space: x is the column, y the row from the south, z the height above the base.
static PufVector tower_middle(TowerSpot spot)
{
    return (PufVector){ spot.cell % TOWER_SIDE + 0.5, TOWER_SIDE - spot.cell / TOWER_SIDE - 0.5,
                        spot.height - TOWER_BASE + 0.5 };
}

static TowerSpot tower_hero_spot(const Tower* s) { return (TowerSpot){ s->cell, s->height }; }

static double tower_angle(int32_t side) { return PUF_TURN / 4 * (side == TOWER_WEST ? 2 : 1 - side); }

typedef struct TowerPose {
    PufVector center; // of the cell that the hero is in, or of the place between two
    double yaw;       // where he looks: radians counterclockwise from east
    double hangs;     // 1: he hangs, 0: he stands
    int holds;
    double height; // of his own: less under a block
} TowerPose;

static TowerPose tower_rest(const Tower* s)
{
    return (TowerPose){ tower_middle(tower_hero_spot(s)), tower_angle(s->facing), s->hanging != 0, s->holding != 0, 1 };
}

static PufVector tower_mix(PufVector a, PufVector b, double share)
{
    return puf_add(a, puf_times(puf_minus(b, a), share));
}

// Up before ahead, ahead before down, and around corners.
static PufVector tower_along(const TowerMove* m, PufVector start, PufVector end, double share)
{
    PufVector turn = end;
    if (end.z > start.z) {
        turn = (PufVector){ start.x, start.y, end.z };
    } else if (end.z < start.z) {
        turn = (PufVector){ end.x, end.y, start.z };
    } else if (fabs(end.x - start.x) + fabs(end.y - start.y) > 1.5) {
        turn = (PufVector){ start.x + tower_ways[m->action][1], start.y - tower_ways[m->action][0], start.z };
    } else {
        return tower_mix(start, end, share);
    }
    return share < 0.5 ? tower_mix(start, turn, 2 * share) : tower_mix(turn, end, 2 * share - 1);
}

static double tower_smooth(double share) { return share * share * (3 - 2 * share); }

static double tower_share(const TowerMove* m, TowerMotion motion)
{
    return puf_min(1, motion.frame / tower_main_frames(m));
}

static TowerPose tower_pose_at(const TowerMove* m, TowerMotion motion)
{
    const double share = tower_share(m, motion), smooth = tower_smooth(share), ending = tower_ending(m, motion);
    const PufVector start = tower_middle(tower_hero_spot(&m->before)), end = tower_middle(tower_hero_spot(&m->after));
    const TowerPose one = tower_rest(&m->before), other = tower_rest(&m->after);
    TowerPose pose = one;
    if (tower_depth(m) > 0) {
        pose.center.z -= share * share * tower_depth(m);
    } else {
        pose.center = tower_along(m, start, end, smooth);
        if (start.z == end.z && m->count == 0 && (start.x != end.x || start.y != end.y)) {
            pose.center.z += 0.07 * fabs(puf_sine(PUF_TURN * share)); // two steps
        }
    }
    if (motion.result == TOWER_SOLVED && ending > 0) {
        pose.center.z += 0.3 * fabs(puf_sine(ending * PUF_TURN / 16)); // joy
    }
    double turn = other.yaw - one.yaw + PUF_TURN / 2;
    turn -= PUF_TURN * floor(turn / PUF_TURN) + PUF_TURN / 2;
    pose.yaw = one.yaw + turn * smooth;
    pose.hangs = one.hangs + (other.hangs - one.hangs) * smooth;
    pose.holds = share < 0.6 || (m->count && share < 1) ? one.holds : other.holds;
    pose.height = m->after.fate == TOWER_CRUSHED && ending >= 0 ? 0.3 : 1;
    return pose;
}

// Where a moving block is.
static PufVector tower_block_place(const TowerMove* m, const TowerBlock* b, TowerMotion motion)
{
    const double share = tower_share(m, motion);
    const double rounds = puf_max(0, (motion.frame - tower_main_frames(m)) / TOWER_ROUND);
    PufVector place = tower_mix(tower_middle(b->start), tower_middle(b->pushed), tower_smooth(share));
    int32_t height = b->pushed.height;
    for (int32_t round = 0; round < m->rounds && rounds > round; round++) {
        if (b->falls >> round & 1) {
            place.z -= (height - 1 <= TOWER_BASE ? TOWER_DEEP : 1) * puf_min(1, rounds - round);
            height--;
        }
    }
    return place;
}

// How far the goal has gone up in light, 0 to 1.
static double tower_joy(const TowerMove* m, TowerMotion motion)
{
    return motion.result == TOWER_SOLVED ? puf_clamp(tower_ending(m, motion) / tower_ends[TOWER_SOLVED], 0, 1) : 0;
}

// ---- In words ----

static const char tower_fall_out[] = "let go and fall out!";

// What a step ahead would be.
static const char* tower_say_step(const Tower* s)
{
    const int32_t ahead = tower_beside(s->cell, s->facing);
    if (tower_filled(s, ahead, s->height)) {
        return "climb";
    }
    if (tower_filled(s, ahead, s->height - 1)) {
        return "walk";
    }
    return tower_filled(s, ahead, s->height - 2) ? "step down" : "hang from the edge";
}

// What an action would do; empty: nothing.
static PufLine tower_say(const Tower* s, int32_t action)
{
    const int ahead = action == s->facing, back = action == tower_opposite(s->facing);
    if (!(s->choices >> action & 1)) {
        return puf_line_of("");
    }
    if (action == TOWER_GRAB) {
        return puf_line_of("grab the block");
    }
    if (action == TOWER_RELEASE && !s->holding) {
        int32_t height = s->height - 1;
        while (height >= TOWER_BASE && !tower_filled(s, s->cell, height)) {
            height--;
        }
        PufLine line = puf_line_of(height < TOWER_BASE ? tower_fall_out : "let go, drop ");
        if (height >= TOWER_BASE) {
            puf_say_number(&line, s->height - 1 - height);
        }
        return line;
    }
    if (action == TOWER_RELEASE) {
        return puf_line_of("let go");
    }
    if (s->hanging) {
        return puf_line_of(ahead ? "pull yourself up" : "move along the edge");
    }
    if (s->holding && ahead) {
        return puf_line_of("push");
    }
    if (s->holding && back) {
        const int floor = tower_filled(s, tower_beside(s->cell, action), s->height - 1);
        return puf_line_of(floor ? "pull" : "pull, and hang");
    }
    return puf_line_of(ahead ? tower_say_step(s) : "turn");
}

// What a person should know before this move.
static PufLine tower_warn(const TowerMove* m)
{
    uint64_t columns = 0;
    int32_t gone = 0, fallen = 0;
    for (int32_t i = 0; i < m->count; i++) {
        gone += m->blocks[i].end.height == TOWER_LOST;
        if (m->blocks[i].falls && !(columns >> m->blocks[i].pushed.cell & 1)) {
            columns |= tower_set(m->blocks[i].pushed.cell);
            fallen++;
        }
    }
    PufLine line = puf_line_of("");
    if (m->after.fate == TOWER_CRUSHED) {
        puf_say(&line, "it falls on you!");
    } else if (gone == 1 || (!gone && fallen == 1)) {
        puf_say(&line, gone ? "a block is lost" : "it falls");
    } else if (gone || fallen) {
        puf_say_number(&line, gone ? gone : fallen);
        puf_say(&line, gone ? " blocks are lost" : " blocks fall");
    }
    return line;
}
