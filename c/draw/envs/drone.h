// Drone: the room in space, every drone with its rotors, its goal, and in a race the rings.
#pragma once
#include "draw/space.h"
#include "envs/drone.h"

enum { DRONE_WIDTH = 1040, DRONE_HEIGHT = 680 };
enum { DRONE_ARMS = 4, DRONE_DISC = 7, DRONE_ROTORS = 4 * DRONE_DISC + 1, DRONE_LAMP = 8 };
enum { DRONE_RING_TRIANGLES = 2 * 20 * 4, DRONE_MARK_TRIANGLES = 2 * 24 * 4, DRONE_SHADOW = 6 };
#define DRONE_STEP_SECONDS 0.02
#define DRONE_IN_PLACE 0.3    // within this many metres of the goal a drone counts as in place
#define DRONE_GATE_RADIUS 1.2 // m
#define DRONE_BIGGER 2.0      // drones are drawn so many times larger than they are

static const char* const drone_names[DRONE_TASKS] = { "drone · hover",      "drone · orbit",  "drone · follow",
                                                      "drone · cube",       "drone · sphere", "drone · flag",
                                                      "drone · congo line", "drone · race" };

static PufVector drone_at(const Drone* s, int32_t i) { return puf_vector(drone_row(s, i)->position); }

// Where a drone should be now.
static PufVector drone_goal_now(const Drone* s, int32_t i)
{
    const DroneRow* d = drone_row(s, i);
    const double time = s->tick * DRONE_STEP_SECONDS;
    double goal[3];
    for (int k = 0; k < 3; k++) {
        goal[k] = (double)d->goal[k] + (double)d->swing[k] * puf_sine((double)d->pace[k] * time + (double)d->phase[k]);
    }
    return (PufVector){ goal[0], goal[1], goal[2] };
}

static double drone_away(const Drone* s, int32_t i)
{
    return puf_length(puf_minus(drone_goal_now(s, i), drone_at(s, i)));
}

// ---- The camera. ----

// Metres from the middle of the formation or course to its edge.
static double drone_reach(const Drone* s)
{
    double reach = s->task == DRONE_RACE ? 0.0 : 2.5;
    for (int gate = 0; s->task == DRONE_RACE && gate < DRONE_GATES; gate++) {
        PufVector middle = puf_vector(s->gates[gate].center);
        middle.z = 0.0;
        reach = puf_max(reach, puf_length(middle) + DRONE_GATE_RADIUS);
    }
    for (int32_t i = 0; s->task != DRONE_RACE && i < s->num_drones; i++) {
        const DroneRow* d = drone_row(s, i);
        const double swing = puf_max((double)d->swing[0], (double)d->swing[1]);
        reach = puf_max(reach, puf_length(puf_minus(puf_vector(d->goal), puf_vector(s->center))) + swing);
    }
    return reach;
}

// All of the formation or the course; a single racer is followed around the course.
static PufCamera drone_camera(const Drone* s, int32_t own)
{
    if (s->task == DRONE_RACE && s->num_drones == 1) {
        const PufVector at = drone_at(s, own), a = puf_vector(s->gates[0].center), b = puf_vector(s->gates[1].center);
        const double side = a.x * b.y - a.y * b.x > 0 ? 1.0 : -1.0; // 1: counterclockwise, seen from above
        const double behind = (double)puf_atan2f((float)at.y, (float)at.x) * 360 / PUF_TURN;
        return (PufCamera){ at, 6.0, behind - 90 * side, 16, 60 };
    }
    const double reach = drone_reach(s);
    const PufVector center = puf_vector(s->center), lower = { center.x, center.y, center.z - 0.3 };
    if (s->task == DRONE_FLAG) {
        return (PufCamera){ lower, 1.5 * reach + 2.5, -72, 10, 45 };
    }
    if (s->task == DRONE_RACE || s->task == DRONE_CONGO) {
        return (PufCamera){ { 0, 0, s->task == DRONE_RACE ? 2.5 : center.z }, 2.15 * reach + 2, -60, 34, 45 };
    }
    return (PufCamera){ lower, 2.0 * reach + 3, -57, 24, 45 };
}

// ---- The room. ----

static void drone_draw_floor(const Drone* s, PufPicture* p)
{
    const double half = (double)s->half, ends = 2.0 * floor(half / 2);
    const PufVector a = { -half, -half, -0.06 }, b = { half, -half, -0.06 }, c = { half, half, -0.06 };
    const PufVector d = { -half, half, -0.06 }, origin = { 0, 0, 0 };
    puf_solid(p, (PufTriangle[]){ { a, b, c }, { a, c, d } }, 2, puf_unturned, 1.0, origin, PUF_DUSK, 0);
    for (double at = -ends; at <= ends; at += 2.0) {
        puf_wire(p, (PufVector){ at, -ends, -0.03 }, (PufVector){ at, ends, -0.03 }, PUF_SLATE);
        puf_wire(p, (PufVector){ -ends, at, -0.03 }, (PufVector){ ends, at, -0.03 }, PUF_SLATE);
    }
    PufTriangle shadow[DRONE_SHADOW];
    puf_disc(DRONE_SHADOW, shadow);
    for (int32_t i = 0; i < s->num_drones; i++) {
        PufVector place = drone_at(s, i);
        place.z = 0.0;
        puf_solid(p, shadow, DRONE_SHADOW, puf_unturned, 0.13 * DRONE_BIGGER, place, PUF_NIGHT, 0);
    }
}

// Each with an arrow through it, a flat cross of two heads; the one that the person's drone is to pass stands out.
static void drone_draw_rings(const Drone* s, int32_t aimed, PufPicture* p)
{
    const PufTriangle arrow[] = { { { -0.16, 0, -0.1 }, { 0.16, 0, -0.1 }, { 0, 0, 0.45 } },
                                  { { 0, -0.16, -0.1 }, { 0, 0.16, -0.1 }, { 0, 0, 0.45 } } };
    PufTriangle ring[DRONE_RING_TRIANGLES];
    puf_torus(0.12, 20, 4, ring);
    for (int32_t i = 0; i < DRONE_GATES; i++) {
        const PufColor color = i == aimed ? PUF_AMBER : PUF_TEAL;
        const PufVector center = puf_vector(s->gates[i].center);
        const PufRotation way = puf_turn_to(puf_vector(s->gates[i].direction));
        puf_solid(p, ring, DRONE_RING_TRIANGLES, way, DRONE_GATE_RADIUS, center, color, 1);
        puf_solid(p, arrow, 2, way, 1.0, center, puf_fade(color, 0.75), 1);
        puf_wire(p, (PufVector){ center.x, center.y, center.z - DRONE_GATE_RADIUS },
                 (PufVector){ center.x, center.y, 0 }, PUF_SLATE);
    }
}

// A small cross, and a line to the drone that is not there yet.
static void drone_draw_goals(const Drone* s, PufPicture* p)
{
    const PufVector axes[3] = { { 0.15, 0, 0 }, { 0, 0.15, 0 }, { 0, 0, 0.15 } };
    for (int32_t i = 0; i < s->num_drones; i++) {
        if (drone_away(s, i) > DRONE_IN_PLACE) {
            const PufVector goal = drone_goal_now(s, i);
            puf_wire(p, drone_at(s, i), goal, PUF_SLATE);
            for (int k = 0; k < 3; k++) {
                puf_wire(p, puf_minus(goal, axes[k]), puf_add(goal, axes[k]), PUF_STEEL);
            }
        }
    }
}

// ---- The drones. ----

static PufRotation drone_attitude(const DroneRow* d)
{
    const double w = (double)d->attitude[0], x = (double)d->attitude[1], y = (double)d->attitude[2];
    const double z = (double)d->attitude[3];
    return (PufRotation){ { 1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y) },
                          { 2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x) },
                          { 2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y) } };
}

// Lowest and highest of what colours go by: x of goals in a flag, their height otherwise.
typedef struct DroneSpan {
    double low, high;
} DroneSpan;

static double drone_shade_by(const Drone* s, int32_t i)
{
    return s->task == DRONE_FLAG ? (double)drone_row(s, i)->goal[0] : drone_goal_now(s, i).z;
}

static DroneSpan drone_span(const Drone* s)
{
    DroneSpan span = { drone_shade_by(s, 0), drone_shade_by(s, 0) };
    for (int32_t i = 1; i < s->num_drones; i++) {
        span.low = puf_min(span.low, drone_shade_by(s, i));
        span.high = puf_max(span.high, drone_shade_by(s, i));
    }
    return span;
}

// Stripes for the flag, the rainbow along the congo line, one each in a race, else by height.
static PufColor drone_color(const Drone* s, int32_t i, DroneSpan span)
{
    static const PufColor stripes[3] = { PUF_SKY, PUF_SNOW, PUF_CORAL }, heights[3] = { PUF_MINT, PUF_TEAL, PUF_SKY };
    if (drone_row(s, i)->contact > 0.0f) {
        return PUF_PINK;
    }
    if (s->task == DRONE_CONGO) {
        return puf_rainbow[i * PUF_RAINBOW / s->num_drones];
    }
    if (s->task == DRONE_RACE) {
        return puf_creatures[i % PUF_CREATURES];
    }
    const int third = (int)(3.0 * (drone_shade_by(s, i) - span.low) / puf_max(span.high - span.low, 1e-9));
    return (s->task == DRONE_FLAG ? stripes : heights)[third < 2 ? third : 2];
}

// A drone's arms, its rotors with what shows where it looks to, and the lamp in its middle.
typedef struct DroneSolids {
    PufTriangle arms[DRONE_ARMS], rotors[DRONE_ROTORS], lamp[DRONE_LAMP];
} DroneSolids;

static void drone_make_solids(DroneSolids* made)
{
    const double arm = 0.085, width = 0.014, tip = 0.08;
    PufTriangle disc[DRONE_DISC];
    puf_disc(DRONE_DISC, disc);
    for (int k = 0; k < 2; k++) {
        const double side = k ? -1 : 1;
        const PufVector a = { arm, side * arm, 0.01 }, b = { -arm, -side * arm, 0.01 },
                        off = { width, -side * width, 0 };
        made->arms[2 * k] = (PufTriangle){ puf_minus(a, off), puf_add(a, off), puf_add(b, off) };
        made->arms[2 * k + 1] = (PufTriangle){ puf_minus(a, off), puf_add(b, off), puf_minus(b, off) };
    }
    for (int i = 0; i < 4 * DRONE_DISC; i++) {
        const int rotor = i / DRONE_DISC;
        const PufVector middle = { rotor & 2 ? -arm : arm, rotor & 1 ? -arm : arm, 0.02 };
        const PufTriangle t = disc[i % DRONE_DISC];
        made->rotors[i] = (PufTriangle){ puf_add(puf_times(t.a, 0.068), middle), puf_add(puf_times(t.b, 0.068), middle),
                                         puf_add(puf_times(t.c, 0.068), middle) };
    }
    made->rotors[4 * DRONE_DISC] = (PufTriangle){ { 0.05, 0.035, 0.02 }, { 0.05, -0.035, 0.02 }, { 0.13, 0, 0.02 } };
    for (int i = 0; i < DRONE_LAMP; i++) {
        made->lamp[i] =
            (PufTriangle){ { i & 4 ? -tip : tip, 0, 0 }, { 0, i & 2 ? -tip : tip, 0 }, { 0, 0, i & 1 ? -tip : tip } };
    }
}

static void drone_draw_drones(const Drone* s, PufPicture* p)
{
    DroneSolids solids;
    drone_make_solids(&solids);
    const DroneSpan span = drone_span(s);
    for (int32_t i = 0; i < s->num_drones; i++) {
        const PufRotation turn = drone_attitude(drone_row(s, i));
        const PufVector at = drone_at(s, i);
        const PufColor color = drone_color(s, i, span);
        puf_solid(p, solids.arms, DRONE_ARMS, turn, DRONE_BIGGER, at, PUF_STEEL, 1);
        puf_solid(p, solids.lamp, DRONE_LAMP, turn, DRONE_BIGGER, at, color, 1);
        puf_solid(p, solids.rotors, DRONE_ROTORS, turn, DRONE_BIGGER, at, puf_blend(color, PUF_NIGHT, 0.25), 0);
    }
}

// A line from the person's drone to where it should go, and a white ring around one of many.
static void drone_draw_mark(const Drone* s, int32_t own, const PufCamera* camera, PufPicture* p)
{
    const PufVector at = drone_at(s, own);
    if (s->task == DRONE_RACE) {
        puf_wire(p, at, puf_vector(s->gates[(int32_t)drone_row(s, own)->ring].center), puf_fade(PUF_AMBER, 0.6));
    } else {
        puf_wire(p, at, drone_goal_now(s, own), PUF_SNOW);
    }
    if (s->num_drones > 1) {
        PufTriangle ring[DRONE_MARK_TRIANGLES];
        puf_torus(0.05, 24, 4, ring);
        const PufRotation facing = puf_turn_to(puf_minus(puf_camera_place(camera), at));
        puf_solid(p, ring, DRONE_MARK_TRIANGLES, facing, 0.5, at, PUF_SNOW, 0);
    }
}

// ---- The picture. ----

static void drone_draw_hud(const Drone* s, int32_t own, PufPicture* p)
{
    double contacts = 0.0, rings = 0.0;
    int32_t there = 0;
    for (int32_t i = 0; i < s->num_drones; i++) {
        contacts += (double)drone_row(s, i)->contacts;
        rings += (double)drone_row(s, i)->rings;
        there += drone_away(s, i) < DRONE_IN_PLACE;
    }
    PufFigure reached = { "in place", puf_join(puf_word(there, 0, 0, ""), " of ", puf_word(s->num_drones, 0, 0, "")) };
    if (s->task == DRONE_RACE) {
        const int alone = s->num_drones == 1 || p->person >= 0;
        reached.name = "rings";
        reached.value = alone ? puf_word((double)drone_row(s, own)->rings, 0, 0, "")
                              : puf_word(rings / s->num_drones, 1, 0, " each");
    }
    PufFigure figures[] = { { "time", puf_word(s->tick * DRONE_STEP_SECONDS, 1, 0, " s") },
                            puf_figure("steps in contact", contacts),
                            reached };
    puf_hud(p, drone_names[s->task], figures, 3);
}

// The floor, shadows, rings, goals, drones, and in the top line their progress.
static void drone_draw(const void* state, const void* assets, PufPicture* p)
{
    const Drone* s = state;
    const int32_t own = puf_agent(p) < s->num_drones ? puf_agent(p) : 0;
    (void)assets;
    puf_clear(p, PUF_NIGHT);
    drone_draw_hud(s, own, p);
    const PufCamera shown =
        puf_scene(p, drone_camera(s, own), 0, PUF_HUD_HEIGHT, DRONE_WIDTH, DRONE_HEIGHT - PUF_HUD_HEIGHT);
    drone_draw_floor(s, p);
    if (s->task == DRONE_RACE) {
        drone_draw_rings(s, (int32_t)drone_row(s, own)->ring, p);
    } else {
        drone_draw_goals(s, p);
    }
    drone_draw_drones(s, p);
    if (p->person >= 0) {
        drone_draw_mark(s, own, &shown, p);
    }
    puf_scene_end(p);
}

PUF_DRAWING(drone, .width = DRONE_WIDTH, .height = DRONE_HEIGHT, .draw = drone_draw);
