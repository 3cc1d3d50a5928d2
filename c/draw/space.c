// space.c - see space.h.
#include "draw/space.h"

#define STEEPEST 89.0  // degrees: looking straight down, a camera has no up direction
#define NEAREST 0.02   // clipping planes, as multiples of the camera's distance to its target
#define FARTHEST 200.0 //
#define AMBIENT 0.55   // brightness of what is turned away from the light
static const PufVector light = { 0.36, -0.48, 0.8 }; // where it comes from; of length 1

static double radians(double degrees) { return degrees * (PUF_TURN / 360.0); }

PufVector puf_turned(PufRotation r, PufVector v)
{
    return puf_add(puf_add(puf_times(r.x, v.x), puf_times(r.y, v.y)), puf_times(r.z, v.z));
}

PufRotation puf_turn_to(PufVector axis)
{
    const PufVector z = puf_times(axis, 1.0 / puf_length(axis));
    const double x = fabs(z.x), y = fabs(z.y), up = fabs(z.z);
    PufVector helper = { x <= y && x <= up, y < x && y <= up, 0 };
    helper.z = helper.x == 0.0 && helper.y == 0.0;
    PufVector side = puf_cross(helper, z);
    side = puf_times(side, 1.0 / puf_length(side));
    return (PufRotation){ side, puf_cross(z, side), z };
}

PufVector puf_camera_place(const PufCamera* c)
{
    const double yaw = radians(c->yaw), pitch = radians(c->pitch), level = puf_cosine(pitch);
    const PufVector out = { level * puf_cosine(yaw), level * puf_sine(yaw), puf_sine(pitch) };
    return puf_add(c->target, puf_times(out, c->distance));
}

// From the world to clip space, row by row: each row of the lens times where the camera looks.
static void write_view(const PufCamera* c, double aspect, double* rows)
{
    const PufVector eye = puf_camera_place(c), way = puf_minus(c->target, eye), up = { 0, 0, 1 };
    const PufVector forward = puf_times(way, 1.0 / puf_length(way));
    PufVector right = puf_cross(forward, up);
    right = puf_times(right, 1.0 / puf_length(right));
    const PufVector axes[3] = { right, puf_cross(right, forward), puf_times(forward, -1.0) };
    const double near = NEAREST * c->distance, far = FARTHEST * c->distance;
    const double half = radians(c->fov) / 2, zoom = puf_cosine(half) / puf_sine(half);
    const double scales[4] = { zoom / aspect, zoom, -(far + near) / (far - near), -1.0 };
    for (int row = 0; row < 4; row++) {
        const PufVector axis = axes[row < 3 ? row : 2];
        const double along[4] = { axis.x, axis.y, axis.z, -puf_dot(axis, eye) };
        for (int column = 0; column < 4; column++) {
            rows[4 * row + column] = scales[row] * along[column];
        }
    }
    rows[11] += -2 * far * near / (far - near);
}

PufCamera puf_scene(PufPicture* p, PufCamera camera, double x, double y, double width, double height)
{
    PufSpace* s = p->space;
    PufCamera shown = camera;
    if (s == NULL) {
        return camera;
    }
    shown.yaw += s->yaw;
    shown.pitch = puf_clamp(camera.pitch + s->pitch, -STEEPEST, STEEPEST);
    shown.distance /= s->zoom;
    s->camera = camera, s->shown = shown;
    double rows[16];
    write_view(&shown, width / height, rows);
    puf_list(p, (const double[]){ PUF_DRAW_SCENE, x, y, width, height }, 5);
    puf_list(p, rows, 16);
    return shown;
}

void puf_scene_end(PufPicture* p)
{
    if (p->space) {
        puf_list(p, (const double[]){ PUF_DRAW_SCENE_END }, 1);
    }
}

int puf_project(const PufCamera* camera, double aspect, PufVector point, PufPoint* seen)
{
    double rows[16], out[4];
    write_view(camera, aspect, rows);
    for (int i = 0; i < 4; i++) {
        out[i] = rows[4 * i] * point.x + rows[4 * i + 1] * point.y + rows[4 * i + 2] * point.z + rows[4 * i + 3];
    }
    *seen = (PufPoint){ out[0] / out[3], out[1] / out[3] };
    return out[3] > NEAREST * camera->distance;
}

static void add_point(PufSpace* s, PufVector v)
{
    if (s->num_points < s->room_points) {
        float* at = s->points + 3 * s->num_points;
        at[0] = (float)v.x, at[1] = (float)v.y, at[2] = (float)v.z;
    }
    s->num_points++;
}

static void add_shade(PufSpace* s, const PufTriangle* t)
{
    const PufVector normal = puf_cross(puf_minus(t->b, t->a), puf_minus(t->c, t->a));
    const double shade = AMBIENT + (1 - AMBIENT) * fabs(puf_dot(normal, light)) / puf_max(puf_length(normal), 1e-12);
    if (s->num_shades < s->room_shades) {
        s->shades[s->num_shades] = (float)puf_min(shade, 1.0);
    }
    s->num_shades++;
}

static void add_piece(PufPicture* p, int32_t points, int triangles, int lit, PufColor color)
{
    PufSpace* s = p->space;
    if (s->num_pieces < s->room_pieces) {
        s->pieces[s->num_pieces] = (PufPiece){ s->num_points, lit ? s->num_shades : -1, points, triangles };
    }
    const double verb = triangles ? PUF_DRAW_TRIANGLES : PUF_DRAW_CHAIN;
    puf_list(p, (const double[]){ verb, (double)s->num_pieces++, color }, 3);
}

void puf_solid(PufPicture* p, const PufTriangle* triangles, int32_t count, PufRotation rotation, double scale,
               PufVector place, PufColor color, int lit)
{
    if (p->space == NULL) {
        return;
    }
    add_piece(p, 3 * count, 1, lit, color);
    for (int32_t i = 0; i < count; i++) {
        const PufTriangle t = { puf_add(puf_times(puf_turned(rotation, triangles[i].a), scale), place),
                                puf_add(puf_times(puf_turned(rotation, triangles[i].b), scale), place),
                                puf_add(puf_times(puf_turned(rotation, triangles[i].c), scale), place) };
        add_point(p->space, t.a), add_point(p->space, t.b), add_point(p->space, t.c);
        if (lit) {
            add_shade(p->space, &t);
        }
    }
}

void puf_wire(PufPicture* p, PufVector from, PufVector to, PufColor color)
{
    if (p->space) {
        add_piece(p, 2, 0, 0, color);
        add_point(p->space, from), add_point(p->space, to);
    }
}

static PufVector on_circle(int32_t i, int32_t pieces)
{
    const double angle = PUF_TURN * (i % pieces) / pieces;
    return (PufVector){ puf_cosine(angle), puf_sine(angle), 0 };
}

static PufVector corner_of_box(PufVector sides, int number)
{
    return (PufVector){ (number & 1 ? 0.5 : -0.5) * sides.x, (number & 2 ? 0.5 : -0.5) * sides.y,
                        (number & 4 ? 0.5 : -0.5) * sides.z };
}

void puf_box(PufVector sides, PufTriangle triangles[12])
{
    static const int8_t faces[6][4] = { { 0, 2, 6, 4 }, { 1, 3, 7, 5 }, { 0, 1, 5, 4 },
                                        { 2, 3, 7, 6 }, { 0, 1, 3, 2 }, { 4, 5, 7, 6 } };
    for (int i = 0; i < 6; i++) {
        PufVector at[4];
        for (int k = 0; k < 4; k++) {
            at[k] = corner_of_box(sides, faces[i][k]);
        }
        triangles[2 * i] = (PufTriangle){ at[0], at[1], at[2] };
        triangles[2 * i + 1] = (PufTriangle){ at[0], at[2], at[3] };
    }
}

static PufVector on_ball(int32_t ring, int32_t rings, int32_t piece, int32_t pieces)
{
    const double polar = PUF_TURN / 2 * ring / rings;
    PufVector at = puf_times(on_circle(piece, pieces), puf_sine(polar));
    at.z = puf_cosine(polar);
    return at;
}

void puf_ball(int32_t rings, int32_t pieces, PufTriangle* triangles)
{
    for (int32_t ring = 0; ring < rings; ring++) {
        for (int32_t piece = 0; piece < pieces; piece++) {
            const PufVector a = on_ball(ring, rings, piece, pieces), b = on_ball(ring, rings, piece + 1, pieces);
            const PufVector c = on_ball(ring + 1, rings, piece + 1, pieces),
                            d = on_ball(ring + 1, rings, piece, pieces);
            if (ring > 0) { // at the poles, one side of each piece is a point
                *triangles++ = (PufTriangle){ a, b, c };
            }
            if (ring < rings - 1) {
                *triangles++ = (PufTriangle){ a, c, d };
            }
        }
    }
}

void puf_disc(int32_t pieces, PufTriangle* triangles)
{
    for (int32_t i = 0; i < pieces; i++) {
        triangles[i] = (PufTriangle){ { 0, 0, 0 }, on_circle(i, pieces), on_circle(i + 1, pieces) };
    }
}

static PufVector on_torus(double thickness, int32_t ring, int32_t rings, int32_t piece, int32_t pieces)
{
    const PufVector section = puf_times(on_circle(piece, pieces), thickness / 2);
    PufVector at = puf_times(on_circle(ring, rings), 1 + section.x);
    at.z = section.y;
    return at;
}

void puf_torus(double thickness, int32_t rings, int32_t pieces, PufTriangle* triangles)
{
    for (int32_t ring = 0; ring < rings; ring++) {
        for (int32_t piece = 0; piece < pieces; piece++) {
            const PufVector a = on_torus(thickness, ring, rings, piece, pieces);
            const PufVector b = on_torus(thickness, ring, rings, piece + 1, pieces);
            const PufVector c = on_torus(thickness, ring + 1, rings, piece + 1, pieces);
            const PufVector d = on_torus(thickness, ring + 1, rings, piece, pieces);
            *triangles++ = (PufTriangle){ a, b, c };
            *triangles++ = (PufTriangle){ a, c, d };
        }
    }
}
