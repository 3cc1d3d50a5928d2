// puffer_impacts.h - impacts within a step: what moved far may have to stop on its way. A part of puffer_bodies.h, which
// includes it behind what finds and solves contacts.
#pragma once

// Which points of a polygon and an edge are closest: a corner and an end, a corner and the edge, or a side and an end.
// They give the direction in which the two are apart.
typedef enum PufAxisKind { PUF_AXIS_POINTS, PUF_AXIS_EDGE, PUF_AXIS_SIDE } PufAxisKind;
typedef struct PufAxis {
    PufAxisKind kind;
    float nx, ny;        // from the edge; of a side, from it, as the polygon sees it
    float x, y;          // a point of the edge, or of the side as the polygon sees it
    int32_t corner, end; // those that are least apart along it
} PufAxis;

// The place on a segment nearest to a point, 0 to 1.
static inline float puf_bodies_nearest(float px, float py, float x1, float y1, float x2, float y2)
{
    float ex = x2 - x1, ey = y2 - y1;
    return puf_clampf(((px - x1) * ex + (py - y1) * ey) / (ex * ex + ey * ey), 0.0f, 1.0f);
}

static inline float puf_bodies_away(float px, float py, float x1, float y1, float x2, float y2, float t)
{
    float dx = px - x1 - t * (x2 - x1), dy = py - y1 - t * (y2 - y1);
    return dx * dx + dy * dy;
}

// The distance of a polygon and an edge, 0 where they overlap; and what is closest.
static float puf_bodies_gap(const PufShape* shape, PufPose pose, const PufEdge* e, PufAxis* axis)
{
    PufOutline o;
    puf_outline(shape, pose, &o);
    const float ends_x[2] = { e->x1, e->x2 }, ends_y[2] = { e->y1, e->y2 };
    float nx = e->y1 - e->y2, ny = e->x2 - e->x1, above = 1e9f, below = 1e9f, apart = -1e9f, least = 1e9f;
    float length = sqrtf(nx * nx + ny * ny);
    memset(axis, 0, sizeof *axis);
    for (int32_t i = 0; i < o.corners; i++) {
        int32_t k = i + 1 < o.corners ? i + 1 : 0;
        float side = nx * (o.x[i] - e->x1) + ny * (o.y[i] - e->y1);
        float facing = side < 0.0f ? -1.0f : 1.0f;
        above = puf_minf(above, side);
        below = puf_minf(below, -side);
        apart = puf_maxf(apart, puf_minf(o.nx[i] * (e->x1 - o.x[i]) + o.ny[i] * (e->y1 - o.y[i]),
                                         o.nx[i] * (e->x2 - o.x[i]) + o.ny[i] * (e->y2 - o.y[i])));
        float t = puf_bodies_nearest(o.x[i], o.y[i], e->x1, e->y1, e->x2, e->y2);
        float away = puf_bodies_away(o.x[i], o.y[i], e->x1, e->y1, e->x2, e->y2, t);
        if (away < least) {
            least = away;
            *axis = (PufAxis){ PUF_AXIS_EDGE,
                               facing * nx / length,
                               facing * ny / length,
                               0.5f * (e->x1 + e->x2),
                               0.5f * (e->y1 + e->y2),
                               i,
                               0 };
            if (t <= 0.0f || t >= 1.0f) {
                float over = 1.0f / sqrtf(puf_maxf(away, 1e-30f));
                int32_t end = t <= 0.0f ? 0 : 1;
                *axis = (PufAxis){
                    PUF_AXIS_POINTS, (o.x[i] - ends_x[end]) * over, (o.y[i] - ends_y[end]) * over, 0.0f, 0.0f, i, end
                };
            }
        }
        for (int32_t end = 0; end < 2; end++) {
            t = puf_bodies_nearest(ends_x[end], ends_y[end], o.x[i], o.y[i], o.x[k], o.y[k]);
            away = puf_bodies_away(ends_x[end], ends_y[end], o.x[i], o.y[i], o.x[k], o.y[k], t);
            if (away < least && t > 0.0f && t < 1.0f) {
                least = away;
                *axis = (PufAxis){ PUF_AXIS_SIDE,
                                   shape->nx[i],
                                   shape->ny[i],
                                   0.5f * (shape->x[i] + shape->x[k]),
                                   0.5f * (shape->y[i] + shape->y[k]),
                                   i,
                                   end };
            }
        }
    }
    return above <= 0.0f && below <= 0.0f && apart <= 0.0f ? 0.0f : sqrtf(least);
}

// How far the two are apart along an axis: of the corner and the end that are named, or, with `search`, of those that
// are least apart.
static float puf_bodies_along(PufAxis* axis, const PufShape* shape, PufPose pose, const PufEdge* e, int search)
{
    float s, c;
    puf_sincosf(pose.angle, &s, &c);
    if (axis->kind == PUF_AXIS_SIDE) {
        float nx = c * axis->nx - s * axis->ny, ny = s * axis->nx + c * axis->ny;
        float x = pose.x + (c * axis->x - s * axis->y), y = pose.y + (s * axis->x + c * axis->y);
        float first = nx * (e->x1 - x) + ny * (e->y1 - y), second = nx * (e->x2 - x) + ny * (e->y2 - y);
        axis->end = search ? second < first : axis->end;
        return axis->end ? second : first;
    }
    float nx = c * axis->nx + s * axis->ny, ny = c * axis->ny - s * axis->nx; // as the polygon sees it
    for (int32_t i = 0; search && i < shape->corners; i++) {
        int32_t best = axis->corner;
        axis->corner = nx * shape->x[i] + ny * shape->y[i] < nx * shape->x[best] + ny * shape->y[best] ? i : best;
    }
    float corner = axis->nx * pose.x + axis->ny * pose.y + nx * shape->x[axis->corner] + ny * shape->y[axis->corner];
    if (axis->kind == PUF_AXIS_EDGE) {
        return corner - (axis->nx * axis->x + axis->ny * axis->y);
    }
    float first = axis->nx * e->x1 + axis->ny * e->y1, second = axis->nx * e->x2 + axis->ny * e->y2;
    axis->end = search ? second > first : axis->end;
    return corner - (axis->end ? second : first);
}

// How far a polygon is, before and after it moves, from the line through an edge; negative where the line cuts it or it
// changes sides.
static float puf_bodies_over(const PufOutline* begin, const PufOutline* end, const PufEdge* e)
{
    float above = 1e9f, below = 1e9f;
    float nx = e->y1 - e->y2, ny = e->x2 - e->x1, length = sqrtf(nx * nx + ny * ny);
    for (int32_t i = 0; i < begin->corners; i++) {
        float before = nx * (begin->x[i] - e->x1) + ny * (begin->y[i] - e->y1);
        float after = nx * (end->x[i] - e->x1) + ny * (end->y[i] - e->y1);
        above = puf_minf(above, puf_minf(before, after));
        below = puf_minf(below, puf_minf(-before, -after));
    }
    return puf_maxf(above, below) / length;
}

static inline PufPose puf_pose_between(PufPose from, PufPose to, float t)
{
    return (PufPose){ from.x + (to.x - from.x) * t, from.y + (to.y - from.y) * t,
                      from.angle + (to.angle - from.angle) * t };
}

// When a body, moving from `t` until `until`, is a slop from an edge along an axis, as near as `close`. Halves the time
// that is in question, and draws a line between its ends, in turn.
static float puf_bodies_cross(PufAxis* axis, const PufShape* shape, PufPose from, PufPose to, const PufEdge* e, float t,
                              float until, float before, float after)
{
    const float aim = PUF_BODIES_SLOP, close = 0.25f * PUF_BODIES_SLOP;
    float at = until;
    for (int32_t guess = 0; guess < 50; guess++) {
        at = guess % 2 ? t + (aim - before) * (until - t) / (after - before) : 0.5f * (t + until);
        float apart = puf_bodies_along(axis, shape, puf_pose_between(from, to, at), e, 0);
        if (fabsf(apart - aim) < close) {
            return at;
        }
        if (apart > aim) {
            t = at;
            before = apart;
        } else {
            until = at;
            after = apart;
        }
    }
    return at;
}

// The share of its way at which a body comes within a slop of an edge; 1 if it does not, or if it is in it already.
// Along the axis of what is closest, the time is put back until nothing is nearer than a slop; from there, again.
static float puf_bodies_impact(const PufShape* shape, PufPose from, PufPose to, const PufEdge* e)
{
    const float aim = PUF_BODIES_SLOP, close = 0.25f * PUF_BODIES_SLOP;
    float t = 0.0f;
    for (int32_t guess = 0; guess < 20; guess++) {
        PufAxis axis;
        float gap = puf_bodies_gap(shape, puf_pose_between(from, to, t), e, &axis), until = 1.0f;
        if (gap <= 0.0f) {
            return 1.0f;
        }
        if (gap < aim + close) {
            return t;
        }
        for (int32_t back = 0; back < PUF_BODIES_CORNERS; back++) {
            float after = puf_bodies_along(&axis, shape, puf_pose_between(from, to, until), e, 1);
            if (after > aim + close) {
                return 1.0f;
            }
            if (after > aim - close) {
                t = until;
                break;
            }
            float before = puf_bodies_along(&axis, shape, puf_pose_between(from, to, t), e, 0);
            if (before < aim - close) {
                return 1.0f;
            }
            if (before <= aim + close) {
                return t;
            }
            until = puf_bodies_cross(&axis, shape, from, to, e, t, until, before, after);
        }
    }
    return 1.0f;
}

// A body that moved from `from` since the moment `since`, a share of the step.
typedef struct PufWay {
    PufPose from;
    float since;
    uint8_t looks[64]; // at each edge and block
} PufWay;

// The touches of a body, that of one edge first.
static int32_t puf_bodies_touches_of(const PufBodies* w, int32_t body, int32_t edge, int32_t* which)
{
    int32_t count = 1;
    which[0] = 0;
    for (int32_t i = 0; i < PUF_BODIES_MAX_TOUCHES && w->touches[i].points; i++) {
        if (w->touches[i].body == body && w->touches[i].edge == edge) {
            which[0] = i;
        } else if (w->touches[i].body == body) {
            which[count++] = i;
        }
    }
    return count;
}

// Stop a body where it touches: push it out there, and let the contacts, but no hinges, change its speed; then it moves
// on for what is left of the step.
static void puf_bodies_stop(const PufBodies* w, PufStep* step, PufWay* way, int32_t body, float when, int32_t edge)
{
    PufBody* b = &w->bodies[body];
    PufPose end = puf_body_pose(b), begin = way->from;
    float share = (when - way->since) / (1.0f - way->since);
    puf_body_put(b, puf_pose_between(way->from, end, share));
    way->looks[edge]++;
    puf_bodies_look(w, &step->manifolds, body);
    const int32_t number = puf_bodies_number(w, edge);
    if (!puf_bodies_find(w->touches, body, number)) {
        way->looks[edge] = PUF_BODIES_IMPACTS + 1;
        way->from = begin;
        puf_body_put(b, end);
        return;
    }
    int32_t which[PUF_BODIES_MAX_TOUCHES]; // its touches, this one first
    int32_t count = puf_bodies_touches_of(w, body, number, which);
    PufPose pose = puf_body_pose(b);
    int done = 0;
    for (int32_t pass = 0; pass < 20 && !done; pass++) {
        done = 1;
        for (int32_t i = 0; i < count; i++) {
            float least = puf_manifold_part(&step->manifolds.of[which[i]], w->mass[body], &pose, PUF_BODIES_PULL_NOW);
            done &= least >= -1.5f * PUF_BODIES_SLOP;
        }
    }
    puf_body_put(b, pose);

    PufSpeed v = { b->vx, b->vy, b->spin };
    for (int32_t i = 0; i < count; i++) {
        PufContact* c = &step->contacts[i];
        puf_bodies_contact(w, &w->touches[which[i]], &step->manifolds.of[which[i]], &v, c);
        for (int32_t k = 0; k < 2; k++) {
            c->push[k] = 0.0f;
            c->rub[k] = 0.0f;
        }
    }
    float changed = 1.0f;
    for (int32_t pass = 0; pass < w->passes && changed > 0.0f; pass++) {
        changed = 0.0f;
        for (int32_t i = 0; i < count; i++) {
            changed += puf_contact_pass_any(&step->contacts[i], w->mass[body], &v);
        }
    }
    way->from = pose;
    way->since = when;
    puf_bodies_move(&pose, &v, (1.0f - when) * w->seconds);
    puf_body_put(b, pose);
    b->vx = v.vx;
    b->vy = v.vy;
    b->spin = v.spin;
}

// The same of a block: the first of its sides.
static float puf_bodies_impact_block(const PufShape* shape, PufPose from, PufPose to, const PufBlock* block)
{
    PufOutline o;
    float first = 1.0f;
    puf_block_outline(block, &o);
    for (int32_t i = 0; i < 4; i++) {
        const int32_t k = (i + 1) & 3;
        const PufEdge side = { o.x[i], o.y[i], o.x[k], o.y[k], 0.0f, 0.0f };
        first = puf_minf(first, puf_bodies_impact(shape, from, to, &side));
    }
    return first;
}

// The first impact of a body.
typedef struct PufImpact {
    float when; // 1: none
    int32_t edge;
} PufImpact;

static PufImpact puf_bodies_first(const PufBodies* w, const PufWay* way, int32_t body, float top)
{
    const PufShape* shape = w->shapes[body];
    PufPose to = puf_body_pose(&w->bodies[body]);
    PufImpact first = { 1.0f, -1 };
    if (puf_minf(way->from.y, to.y) - shape->reach - PUF_BODIES_SKIN > top) {
        return first;
    }
    PufOutline begin, end;
    puf_outline(shape, way->from, &begin);
    puf_outline(shape, to, &end);
    PufBox box = puf_outline_box(&begin), other = puf_outline_box(&end);
    box = (PufBox){ puf_minf(box.left, other.left), puf_maxf(box.right, other.right),
                    puf_minf(box.bottom, other.bottom), puf_maxf(box.top, other.top) };
    float turn = to.angle - way->from.angle, bulge = 0.125f * turn * turn * shape->reach; // corners move on arcs
    box = puf_box_wider(box, 2.0f * PUF_BODIES_SKIN + bulge);
    if (box.bottom > top) {
        return first;
    }
    for (int32_t e = 0; e < w->num_edges; e++) {
        if (way->looks[e] > PUF_BODIES_IMPACTS || !puf_box_meets(box, &w->edges[e]) ||
            puf_bodies_over(&begin, &end, &w->edges[e]) > 2.0f * PUF_BODIES_SLOP + bulge) {
            continue; // it stays farther from the edge's line than an impact is, and with it from the edge
        }
        float t = puf_bodies_impact(shape, way->from, to, &w->edges[e]);
        float when = t < 1.0f ? way->since + (1.0f - way->since) * t : 1.0f;
        if (when < first.when) {
            first = (PufImpact){ when, e };
        }
    }
    for (int32_t e = 0; e < w->num_blocks; e++) {
        if (way->looks[w->num_edges + e] > PUF_BODIES_IMPACTS || !puf_box_meets_block(box, &w->blocks[e])) {
            continue;
        }
        float t = puf_bodies_impact_block(shape, way->from, to, &w->blocks[e]);
        float when = t < 1.0f ? way->since + (1.0f - way->since) * t : 1.0f;
        if (when < first.when) {
            first = (PufImpact){ when, w->num_edges + e };
        }
    }
    return first;
}

// The earliest impact first, until there is none left.
static void puf_bodies_stop_all(const PufBodies* w, PufStep* step, PufWay* ways)
{
    PufImpact firsts[PUF_BODIES_MAX];
    const float top = puf_bodies_top(w);
    for (int32_t b = 0; b < w->num_bodies; b++) {
        firsts[b] = puf_bodies_first(w, &ways[b], b, top);
    }
    for (int32_t impact = 0; impact < PUF_BODIES_MAX * PUF_BODIES_IMPACTS; impact++) {
        int32_t body = 0;
        for (int32_t b = 1; b < w->num_bodies; b++) {
            body = firsts[b].when < firsts[body].when ? b : body;
        }
        if (firsts[body].when > 1.0f - 1e-6f) {
            return;
        }
        puf_bodies_stop(w, step, &ways[body], body, firsts[body].when, firsts[body].edge);
        firsts[body] = puf_bodies_first(w, &ways[body], body, top);
    }
}
