// puffer_contacts.h - where bodies and ground touch: a part of puffer_bodies.h, which includes it behind its types.
#pragma once

// A contact in a step: the ground pushes a body along a normal at one or two points.
typedef struct PufContact {
    float nx, ny;            // from the ground
    float x[2], y[2];        // levers
    float hold[2], brake[2]; // impulse per speed, along the normal and across; 0 for a second point that is none
    float bounce[2];         // speed that it aims at
    float k11, k12, k22;     // of both points together: speed per impulse
    float p11, p12, p22;     // and the inverse
    float two;               // 1: the two are solved together
    float friction;
    float push[2], rub[2]; // impulses
} PufContact;

// Levers are set; a second point that is none has `second` 0.
PUF_INLINE void puf_contact_begin(PufContact* c, PufMass m, float second)
{
    float across[2], along[2];
    for (int32_t i = 0; i < 2; i++) {
        across[i] = c->x[i] * c->ny - c->y[i] * c->nx;
        along[i] = -(c->x[i] * c->nx + c->y[i] * c->ny);
        float real = i == 0 ? 1.0f : second;
        c->hold[i] = real / (m.inverse_mass + m.inverse_inertia * across[i] * across[i]);
        c->brake[i] = real / (m.inverse_mass + m.inverse_inertia * along[i] * along[i]);
    }
    c->k11 = m.inverse_mass + m.inverse_inertia * across[0] * across[0];
    c->k12 = m.inverse_mass + m.inverse_inertia * across[0] * across[1];
    c->k22 = m.inverse_mass + m.inverse_inertia * across[1] * across[1];
    float det = c->k11 * c->k22 - c->k12 * c->k12;
    c->two = ((second > 0.0f) & (c->k11 * c->k11 < 1000.0f * det)) ? 1.0f : 0.0f; // else the points are as good as one
    c->hold[1] = c->two > 0.0f ? c->hold[1] : 0.0f;
    c->brake[1] = c->two > 0.0f ? c->brake[1] : 0.0f;
    float over = c->two > 0.0f ? 1.0f / det : 0.0f;
    c->p11 = c->k22 * over;
    c->p12 = -c->k12 * over;
    c->p22 = c->k11 * over;
}

PUF_INLINE void puf_contact_push(const PufContact* c, PufMass m, PufSpeed* v, float x0, float y0, float x1, float y1)
{
    v->vx += m.inverse_mass * (x0 + x1);
    v->vy += m.inverse_mass * (y0 + y1);
    v->spin += m.inverse_inertia * ((c->x[0] * y0 - c->y[0] * x0) + (c->x[1] * y1 - c->y[1] * x1));
}

// The impulses along the normal at both points, each at least 0, after which neither point sinks, and none that pushes
// leaves: of the four combinations, the first that is consistent; without any, nothing changes.
PUF_INLINE void puf_contact_balance(const PufContact* c, float v0, float v1, float* push0, float* push1)
{
    float a0 = *push0, a1 = *push1;
    float both0 = a0 - (c->p11 * v0 + c->p12 * v1), both1 = a1 - (c->p12 * v0 + c->p22 * v1);
    float only0 = a0 - c->hold[0] * (v0 - c->k12 * a1), after1 = v1 + c->k12 * (only0 - a0) - c->k22 * a1;
    float only1 = a1 - c->hold[1] * (v1 - c->k12 * a0), after0 = v0 + c->k12 * (only1 - a1) - c->k11 * a0;
    float free0 = v0 - c->k11 * a0 - c->k12 * a1, free1 = v1 - c->k12 * a0 - c->k22 * a1;
    int is_both = puf_minf(both0, both1) >= 0.0f;
    int is_only0 = puf_minf(only0, after1) >= 0.0f;
    int is_only1 = puf_minf(only1, after0) >= 0.0f;
    int is_free = puf_minf(free0, free1) >= 0.0f;
    float x0 = is_free ? 0.0f : a0, x1 = is_free ? 0.0f : a1;
    x0 = is_only1 ? 0.0f : x0;
    x1 = is_only1 ? only1 : x1;
    x0 = is_only0 ? only0 : x0;
    x1 = is_only0 ? 0.0f : x1;
    *push0 = is_both ? both0 : x0;
    *push1 = is_both ? both1 : x1;
}

// One pass: friction first, as far as the push allows; then the push. Returns how much it changed.
PUF_INLINE float puf_contact_pass(PufContact* c, PufMass m, PufSpeed* v)
{
    float tx = c->ny, ty = -c->nx;
    float changed = 0.0f;
    for (int32_t i = 0; i < 2; i++) {
        float slip = (v->vx - v->spin * c->y[i]) * tx + (v->vy + v->spin * c->x[i]) * ty;
        float most = c->friction * c->push[i];
        float rub = puf_clampf(c->rub[i] - c->brake[i] * puf_bodies_still(slip), -most, most);
        float more = rub - c->rub[i];
        c->rub[i] = rub;
        v->vx += m.inverse_mass * more * tx;
        v->vy += m.inverse_mass * more * ty;
        v->spin += m.inverse_inertia * more * (c->x[i] * ty - c->y[i] * tx);
        changed += fabsf(more);
    }
    float v0 = (v->vx - v->spin * c->y[0]) * c->nx + (v->vy + v->spin * c->x[0]) * c->ny - c->bounce[0];
    float v1 = (v->vx - v->spin * c->y[1]) * c->nx + (v->vy + v->spin * c->x[1]) * c->ny - c->bounce[1];
    v0 = puf_bodies_still(v0);
    v1 = puf_bodies_still(v1);
    float push0 = c->push[0], push1 = c->push[1], alone = puf_maxf(c->push[0] - c->hold[0] * v0, 0.0f);
    puf_contact_balance(c, v0, v1, &push0, &push1);
    push0 = c->two > 0.0f ? push0 : alone;
    push1 = c->two > 0.0f ? push1 : 0.0f;
    float d0 = push0 - c->push[0], d1 = push1 - c->push[1];
    c->push[0] = push0;
    c->push[1] = push1;
    puf_contact_push(c, m, v, d0 * c->nx, d0 * c->ny, d1 * c->nx, d1 * c->ny);
    return changed + fabsf(d0) + fabsf(d1);
}

// The same of a contact with one point, which is shorter.
PUF_INLINE float puf_contact_pass_point(PufContact* c, PufMass m, PufSpeed* v)
{
    float tx = c->ny, ty = -c->nx;
    float slip = (v->vx - v->spin * c->y[0]) * tx + (v->vy + v->spin * c->x[0]) * ty;
    float most = c->friction * c->push[0];
    float rub = puf_clampf(c->rub[0] - c->brake[0] * puf_bodies_still(slip), -most, most);
    float more = rub - c->rub[0];
    c->rub[0] = rub;
    v->vx += m.inverse_mass * more * tx;
    v->vy += m.inverse_mass * more * ty;
    v->spin += m.inverse_inertia * more * (c->x[0] * ty - c->y[0] * tx);
    float speed =
        puf_bodies_still((v->vx - v->spin * c->y[0]) * c->nx + (v->vy + v->spin * c->x[0]) * c->ny - c->bounce[0]);
    float push = puf_maxf(c->push[0] - c->hold[0] * speed, 0.0f), pushed = push - c->push[0];
    c->push[0] = push;
    float x = pushed * c->nx, y = pushed * c->ny;
    v->vx += m.inverse_mass * x;
    v->vy += m.inverse_mass * y;
    v->spin += m.inverse_inertia * (c->x[0] * y - c->y[0] * x);
    return fabsf(more) + fabsf(pushed);
}

static inline float puf_contact_pass_any(PufContact* c, PufMass m, PufSpeed* v)
{
    return c->two > 0.0f ? puf_contact_pass(c, m, v) : puf_contact_pass_point(c, m, v);
}

// Where a polygon and an edge touch: the points of one that are near a side of the other.
typedef struct PufManifold {
    int32_t points;
    int32_t on_edge;   // 1: the side is the edge, and the points are the polygon's; 0: the other way round
    float nx, ny;      // of the side; a polygon's turns with it
    float sx, sy;      // a point of the side
    float x[2], y[2];  // the points; a polygon's are about its centre
    uint8_t corner[2]; // which they are, to be known again in the next step
} PufManifold;

// A segment whose ends have names.
typedef struct PufSegment {
    float x[2], y[2];
    uint8_t corner[2];
} PufSegment;

// Cut off what is beyond a line: x nx + y ny > limit. What is left comes first, and the new end, called `name`, behind
// it. Returns whether anything is left.
static int puf_segment_cut(PufSegment* s, float nx, float ny, float limit, uint8_t name)
{
    float d0 = nx * s->x[0] + ny * s->y[0] - limit, d1 = nx * s->x[1] + ny * s->y[1] - limit;
    if (d0 > 0.0f && d1 > 0.0f) {
        return 0;
    }
    if (d0 > 0.0f || d1 > 0.0f) {
        int32_t kept = d0 > 0.0f ? 1 : 0;
        float t = d0 / (d0 - d1);
        float x = s->x[0] + t * (s->x[1] - s->x[0]), y = s->y[0] + t * (s->y[1] - s->y[0]);
        s->x[0] = s->x[kept];
        s->y[0] = s->y[kept];
        s->corner[0] = s->corner[kept];
        s->x[1] = x;
        s->y[1] = y;
        s->corner[1] = name;
    }
    return 1;
}

// The polygon's corners and normals where it is now.
typedef struct PufOutline {
    int32_t corners;
    float x[PUF_BODIES_CORNERS], y[PUF_BODIES_CORNERS];
    float nx[PUF_BODIES_CORNERS], ny[PUF_BODIES_CORNERS];
} PufOutline;

static void puf_outline(const PufShape* shape, PufPose p, PufOutline* __restrict out)
{
    float s, c;
    puf_sincosf(p.angle, &s, &c);
    out->corners = shape->corners;
    for (int32_t i = 0; i < PUF_BODIES_CORNERS; i++) { // all of them: that is a vector or two
        out->x[i] = p.x + (c * shape->x[i] - s * shape->y[i]);
        out->y[i] = p.y + (s * shape->x[i] + c * shape->y[i]);
        out->nx[i] = c * shape->nx[i] - s * shape->ny[i];
        out->ny[i] = s * shape->nx[i] + c * shape->ny[i];
    }
}

// The side of the polygon that faces along (nx, ny) least.
static int32_t puf_outline_against(const PufOutline* o, float nx, float ny)
{
    int32_t best = 0;
    for (int32_t i = 1; i < o->corners; i++) {
        best = o->nx[i] * nx + o->ny[i] * ny < o->nx[best] * nx + o->ny[best] * ny ? i : best;
    }
    return best;
}

// Points that stay are those within the skin of the side.
static void puf_manifold_keep(PufManifold* m, const PufSegment* s, float nx, float ny, float sx, float sy)
{
    m->points = 0;
    for (int32_t i = 0; i < 2; i++) {
        if (nx * (s->x[i] - sx) + ny * (s->y[i] - sy) <= PUF_BODIES_SKIN) {
            m->x[m->points] = s->x[i];
            m->y[m->points] = s->y[i];
            m->corner[m->points++] = s->corner[i];
        }
    }
}

// Points as the polygon sees them.
static void puf_manifold_turn(PufManifold* m, PufPose pose)
{
    for (int32_t p = 0; p < m->points; p++) {
        float sine, cosine, x = m->x[p] - pose.x, y = m->y[p] - pose.y;
        puf_sincosf(pose.angle, &sine, &cosine);
        m->x[p] = cosine * x + sine * y;
        m->y[p] = cosine * y - sine * x;
    }
}

// The name of an end that the edge's end `end` cuts: with that of the corner at the segment's first end.
static inline uint8_t puf_segment_name(const PufSegment* s, int32_t end)
{
    return (uint8_t)(32 + 8 * end + (s->corner[0] & 7));
}

// How a polygon touches an edge. The side is the one along which they are farthest apart: the edge's, unless one of the
// polygon's is clearly better. The other's most opposite side is clipped to it.
static void puf_manifold(const PufShape* shape, const PufOutline* o, PufPose pose, const PufEdge* edge, PufManifold* m)
{
    memset(m, 0, sizeof *m);
    float ex = edge->x2 - edge->x1, ey = edge->y2 - edge->y1, length = sqrtf(ex * ex + ey * ey);
    ex /= length;
    ey /= length;
    float nx = -ey, ny = ex; // to the left of the edge; towards the polygon:
    float facing = nx * (pose.x - edge->x1) + ny * (pose.y - edge->y1) > 0.0f ? 1.0f : -1.0f;
    nx *= facing;
    ny *= facing;

    float apart = nx * (o->x[0] - edge->x1) + ny * (o->y[0] - edge->y1);
    for (int32_t i = 1; i < o->corners; i++) {
        apart = puf_minf(apart, nx * (o->x[i] - edge->x1) + ny * (o->y[i] - edge->y1));
    }
    int32_t side = 0;
    float best = -1e9f;
    for (int32_t i = 0; i < o->corners; i++) {
        float d1 = o->nx[i] * (edge->x1 - o->x[i]) + o->ny[i] * (edge->y1 - o->y[i]);
        float d2 = o->nx[i] * (edge->x2 - o->x[i]) + o->ny[i] * (edge->y2 - o->y[i]);
        side = puf_minf(d1, d2) > best ? i : side;
        best = puf_maxf(best, puf_minf(d1, d2));
    }
    if (apart > PUF_BODIES_SKIN || best > PUF_BODIES_SKIN) {
        return;
    }
    PufSegment s;
    if (best <= 0.98f * apart + 0.001f) {
        int32_t i = puf_outline_against(o, nx, ny), k = i + 1 < o->corners ? i + 1 : 0;
        int32_t left = facing > 0.0f; // the end that cuts first is to the right of who looks from the edge
        float along = left ? 1.0f : -1.0f,
              first = along * (left ? ex * edge->x2 + ey * edge->y2 : ex * edge->x1 + ey * edge->y1);
        float second = -along * (left ? ex * edge->x1 + ey * edge->y1 : ex * edge->x2 + ey * edge->y2);
        s.x[0] = o->x[i];
        s.y[0] = o->y[i];
        s.x[1] = o->x[k];
        s.y[1] = o->y[k];
        s.corner[0] = (uint8_t)i;
        s.corner[1] = (uint8_t)k;
        if (!puf_segment_cut(&s, along * ex, along * ey, first, puf_segment_name(&s, left)) ||
            !puf_segment_cut(&s, -along * ex, -along * ey, second, puf_segment_name(&s, !left))) {
            return;
        }
        m->on_edge = 1;
        m->nx = nx;
        m->ny = ny;
        m->sx = edge->x1;
        m->sy = edge->y1;
        puf_manifold_keep(m, &s, nx, ny, edge->x1, edge->y1);
        puf_manifold_turn(m, pose);
    } else {
        int32_t k = side + 1 < o->corners ? side + 1 : 0;
        float tx = -o->ny[side], ty = o->nx[side]; // along the side
        s.x[0] = edge->x1;
        s.y[0] = edge->y1;
        s.x[1] = edge->x2;
        s.y[1] = edge->y2;
        s.corner[0] = (uint8_t)(64 + 8 * side); // both ends have one name, as in Box2D
        s.corner[1] = (uint8_t)(64 + 8 * side);
        if (!puf_segment_cut(&s, -tx, -ty, -tx * o->x[side] - ty * o->y[side], (uint8_t)(64 + 8 * side + side)) ||
            !puf_segment_cut(&s, tx, ty, tx * o->x[k] + ty * o->y[k], (uint8_t)(64 + 8 * side + k))) {
            return;
        }
        m->nx = shape->nx[side];
        m->ny = shape->ny[side];
        m->sx = shape->x[side];
        m->sy = shape->y[side];
        puf_manifold_keep(m, &s, o->nx[side], o->ny[side], o->x[side], o->y[side]);
    }
}

// The corners of a block, counterclockwise, and the normals of the sides that begin there.
static void puf_block_outline(const PufBlock* b, PufOutline* o)
{
    const float x[4] = { b->left, b->right, b->right, b->left }, y[4] = { b->bottom, b->bottom, b->top, b->top };
    const float nx[4] = { 0.0f, 1.0f, 0.0f, -1.0f }, ny[4] = { -1.0f, 0.0f, 1.0f, 0.0f };
    o->corners = 4;
    for (int32_t i = 0; i < 4; i++) {
        o->x[i] = x[i];
        o->y[i] = y[i];
        o->nx[i] = nx[i];
        o->ny[i] = ny[i];
    }
}

// The side of one polygon along which another is farthest, and how far it is there.
static float puf_outline_apart(const PufOutline* of, const PufOutline* other, int32_t* side)
{
    float best = -1e9f;
    for (int32_t i = 0; i < of->corners; i++) {
        float least = 1e9f;
        for (int32_t k = 0; k < other->corners; k++) {
            least = puf_minf(least, of->nx[i] * (other->x[k] - of->x[i]) + of->ny[i] * (other->y[k] - of->y[i]));
        }
        *side = least > best ? i : *side;
        best = puf_maxf(best, least);
    }
    return best;
}

// How a polygon touches a block, as it touches an edge; but both have corners, which may reach a skin beyond a side.
static void puf_manifold_block(const PufShape* shape, const PufOutline* o, PufPose pose, const PufBlock* block,
                               PufManifold* m)
{
    PufOutline b = { 0 }; // or compilers warn of its unused corners
    int32_t theirs = 0, ours = 0;
    memset(m, 0, sizeof *m);
    puf_block_outline(block, &b);
    float apart = puf_outline_apart(&b, o, &theirs), best = puf_outline_apart(o, &b, &ours);
    if (apart > PUF_BODIES_SKIN || best > PUF_BODIES_SKIN) {
        return;
    }
    const int on_edge = best <= 0.98f * apart + 0.001f;
    const PufOutline *flat = on_edge ? &b : o, *other = on_edge ? o : &b;
    const int32_t side = on_edge ? theirs : ours, next = side + 1 < flat->corners ? side + 1 : 0;
    const float nx = flat->nx[side], ny = flat->ny[side], tx = -ny, ty = nx;
    const int32_t i = puf_outline_against(other, nx, ny), k = i + 1 < other->corners ? i + 1 : 0;
    const int32_t name = (on_edge ? 0 : 128) + 16 * side; // corners 0 to 7, cut ends 8 and 9
    PufSegment s = { { other->x[i], other->x[k] }, { other->y[i], other->y[k] }, { 0, 0 } };
    s.corner[0] = (uint8_t)(name + i);
    s.corner[1] = (uint8_t)(name + k);
    if (!puf_segment_cut(&s, -tx, -ty, PUF_BODIES_SKIN - tx * flat->x[side] - ty * flat->y[side],
                         (uint8_t)(name + 8)) ||
        !puf_segment_cut(&s, tx, ty, PUF_BODIES_SKIN + tx * flat->x[next] + ty * flat->y[next], (uint8_t)(name + 9))) {
        return;
    }
    m->on_edge = on_edge;
    m->nx = on_edge ? nx : shape->nx[side];
    m->ny = on_edge ? ny : shape->ny[side];
    m->sx = on_edge ? b.x[side] : shape->x[side];
    m->sy = on_edge ? b.y[side] : shape->y[side];
    puf_manifold_keep(m, &s, nx, ny, flat->x[side], flat->y[side]);
    if (on_edge) {
        puf_manifold_turn(m, pose);
    }
}

// A point of a manifold, as the body is now: where it is, the normal from the ground, and the distance to the side.
typedef struct PufTouchPoint {
    float x, y, nx, ny, apart;
} PufTouchPoint;

// Of a point (x, y) of a manifold whose side goes through (sx, sy), along with its normal.
PUF_INLINE PufTouchPoint puf_manifold_place(int on_edge, float nx, float ny, float sx, float sy, float x, float y,
                                            PufPose pose)
{
    PufTouchPoint p;
    float s, c;
    puf_sincosf(pose.angle, &s, &c);
    float px = pose.x + (c * x - s * y), py = pose.y + (s * x + c * y);     // of a polygon's point
    float qx = pose.x + (c * sx - s * sy), qy = pose.y + (s * sx + c * sy); // of a polygon's side
    float mx = c * nx - s * ny, my = s * nx + c * ny;
    p.x = on_edge ? px : x;
    p.y = on_edge ? py : y;
    p.nx = on_edge ? nx : -mx;
    p.ny = on_edge ? ny : -my;
    float over = nx * (px - sx) + ny * (py - sy), under = mx * (x - qx) + my * (y - qy);
    p.apart = on_edge ? over : under;
    return p;
}

static inline PufTouchPoint puf_manifold_point(const PufManifold* m, PufPose pose, int32_t i)
{
    return puf_manifold_place(m->on_edge, m->nx, m->ny, m->sx, m->sy, m->x[i], m->y[i], pose);
}

// Push a body out of the ground at one point. Returns the distance, less the skin.
PUF_INLINE float puf_touch_part(PufTouchPoint p, PufMass mass, PufPose* pose, float pull, float real)
{
    float apart = p.apart - PUF_BODIES_SKIN;
    float x = p.x - pose->x, y = p.y - pose->y, across = x * p.ny - y * p.nx;
    float error = real * puf_clampf(pull * (apart + PUF_BODIES_SLOP), -PUF_BODIES_MAX_PULL, 0.0f);
    float impulse = -error / (mass.inverse_mass + mass.inverse_inertia * across * across);
    pose->x += mass.inverse_mass * impulse * p.nx;
    pose->y += mass.inverse_mass * impulse * p.ny;
    pose->angle += mass.inverse_inertia * impulse * across;
    return real * apart;
}

// Push a body out of the ground: from all points of a contact, one after the other. Returns the smallest distance, less
// the skin.
static float puf_manifold_part(const PufManifold* m, PufMass mass, PufPose* pose, float pull)
{
    float least = 0.0f;
    for (int32_t i = 0; i < m->points; i++) {
        least = puf_minf(least, puf_touch_part(puf_manifold_point(m, *pose, i), mass, pose, pull, 1.0f));
    }
    return least;
}
