// space.h - the part of a drawing that shows space: a camera, solids with light on them, lines. z points up; angles are in
// degrees, lengths in what the environment counts in. What is in space goes between puf_scene and puf_scene_end.
#pragma once
#include "picture.h"

typedef struct PufVector {
    double x, y, z;
} PufVector;

typedef struct PufTriangle {
    PufVector a, b, c;
} PufTriangle;

// Columns are the own axes of what it turns.
typedef struct PufRotation {
    PufVector x, y, z;
} PufRotation;

// Looks at a target from a distance. yaw: around the z axis, counterclockwise; 0 looks from where x is positive. pitch:
// above the horizon. fov: degrees of height that it sees.
typedef struct PufCamera {
    PufVector target;
    double distance, yaw, pitch, fov;
} PufCamera;

// Triangles (three points each) or a chain of lines; with shades, a brightness for each triangle.
typedef struct PufPiece {
    int64_t first_point, first_shade; // first_shade: -1 without
    int32_t points, triangles;
} PufPiece;

// Where a drawing writes what its list refers to. Counts may be more than there is room for: then it is drawn again.
struct PufSpace {
    double yaw, pitch, zoom; // how a person has moved the camera
    PufCamera camera, shown; // as the drawing put it, and as it is seen from
    float *points, *shades;  // x y z of each point
    PufPiece* pieces;
    int64_t num_points, room_points, num_shades, room_shades, num_pieces, room_pieces;
};

static inline PufVector puf_vector(const float* v) { return (PufVector){ (double)v[0], (double)v[1], (double)v[2] }; }
static inline PufVector puf_add(PufVector a, PufVector b) { return (PufVector){ a.x + b.x, a.y + b.y, a.z + b.z }; }
static inline PufVector puf_minus(PufVector a, PufVector b) { return (PufVector){ a.x - b.x, a.y - b.y, a.z - b.z }; }
static inline PufVector puf_times(PufVector a, double k) { return (PufVector){ a.x * k, a.y * k, a.z * k }; }
static inline double puf_dot(PufVector a, PufVector b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
static inline double puf_length(PufVector a) { return sqrt(puf_dot(a, a)); }
static inline PufVector puf_cross(PufVector a, PufVector b)
{
    return (PufVector){ a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x };
}

PufVector puf_turned(PufRotation rotation, PufVector v);
PufRotation puf_turn_to(PufVector axis); // turns the z axis to `axis`
PufVector puf_camera_place(const PufCamera* camera);

// A view into space in a rectangle of the picture. Returns the camera as a person has moved it.
PufCamera puf_scene(PufPicture* p, PufCamera camera, double x, double y, double width, double height);
void puf_scene_end(PufPicture* p);
// Where a camera sees a point in a rectangle of that width by height: -1 to 1, right and up. Returns 0: behind it.
int puf_project(const PufCamera* camera, double aspect, PufVector point, PufPoint* seen);

// Filled triangles, seen from both sides, turned, scaled and moved; `lit`: darker where they turn from the light.
void puf_solid(PufPicture* p, const PufTriangle* triangles, int32_t count, PufRotation rotation, double scale,
               PufVector place, PufColor color, int lit);
void puf_wire(PufPicture* p, PufVector from, PufVector to, PufColor color); // a thin line

static const PufRotation puf_unturned = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };

// A box with these sides around the origin: 12 triangles. And a ball of radius 1: 2 * pieces * (rings - 1).
void puf_box(PufVector sides, PufTriangle triangles[12]);
void puf_ball(int32_t rings, int32_t pieces, PufTriangle* triangles);

// Solids around the z axis, of radius 1. A disc has `pieces` triangles, a torus 2 * rings * pieces.
void puf_disc(int32_t pieces, PufTriangle* triangles);
void puf_torus(double thickness, int32_t rings, int32_t pieces, PufTriangle* triangles);
