// car_racing_rules.h - the car, its track and its episodes: what car_racing and car_racing_pixels share. They differ in
// what they observe.
//
// docs/ports/car_racing.md is the proof. Box2D keeps the wheels at the hull by 180 passes over impulses; as wheels turn
// about their centres and touch nothing solid, what these passes come to has a closed form, which is used here.
//
// Lengths are in metres, y upwards; angles in radians, counterclockwise; a car with the angle 0 faces upwards.
#pragma once
#include "puffer.h"
#include "puffer_math.h"
#include "car_racing_track.h"

#define CAR_RACING_RATE 50               // steps per second
#define CAR_RACING_SECONDS (1.0f / 50)   // of a step
#define CAR_RACING_WORLD (2000.0f / 6)   // m from the middle to where the world ends
#define CAR_RACING_HALF_ROAD (40.0f / 6) // m
#define CAR_RACING_SOLVED 900.0f         // return; Gymnasium calls this solved

// The car: a hull of four plates, 1 kg for a square metre, and four wheels of 0.1 kg for it.
#define CAR_RACING_MASS 7.06f
#define CAR_RACING_INERTIA 18.212276f // kg m^2, about its centre of mass
#define CAR_RACING_CENTRE -0.0825309f // m that the centre of mass is ahead of the hull's origin
#define CAR_RACING_WHEEL_MASS (0.1f * 0.56f * 1.08f)
#define CAR_RACING_WHEEL_INERTIA (CAR_RACING_WHEEL_MASS * (0.56f * 0.56f + 1.08f * 1.08f) / 12)
#define CAR_RACING_HALF_WIDTH 0.28f  // m, of a wheel
#define CAR_RACING_HALF_LENGTH 0.54f // m; its radius, too
#define CAR_RACING_AXLE 1.1f         // m from the middle to a wheel
#define CAR_RACING_FRONT (1.6f - CAR_RACING_CENTRE)
#define CAR_RACING_REAR (-1.64f - CAR_RACING_CENTRE)
#define CAR_RACING_LOCK 0.4f         // rad of steering, at most
#define CAR_RACING_STEER_SPEED 3.0f  // rad/s, at most
#define CAR_RACING_STEER_GAIN 50.0f  // rad/s for a rad of difference
#define CAR_RACING_POWER 40000.0f    // W
#define CAR_RACING_ROLL_INERTIA 1.6f // kg m^2, of a wheel on its axle
#define CAR_RACING_BRAKE_SPEED 15.0f // rad/s that full brakes take off in a step
#define CAR_RACING_BLOCKED 0.9f      // brakes beyond which wheels are blocked
#define CAR_RACING_GAS_RISE 0.1f     // of the gas in a step; it falls at once
#define CAR_RACING_FRICTION 82.0f    // N for a m/s between tyre and ground
#define CAR_RACING_GRIP 400.0f       // N on the road, at most
#define CAR_RACING_GRIP_GRASS 240.0f // N

// As Box2D has it.
#define CAR_RACING_SLOP 0.005f                         // m that a wheel may be away from where it belongs
#define CAR_RACING_SLOP_ANGLE (2.0f / 180.0f * PUF_PI) // rad that it may be beyond its lock
#define CAR_RACING_MAX_UNBEND (8.0f / 180.0f * PUF_PI) // rad of that corrected at once
#define CAR_RACING_SKIN 0.020001f                      // m between a wheel and a tile that touch: both have a skin
#define CAR_RACING_MAX_MOVE 2.0f                       // m in a step
#define CAR_RACING_MAX_SPIN (0.5f * PUF_PI)            // rad in a step
#define CAR_RACING_SLEEP_AFTER 0.5f                    // s of rest after which a car stands still
#define CAR_RACING_SLEEP_SPEED 0.01f                   // m/s that counts as rest
#define CAR_RACING_SLEEP_SPIN (2.0f / 180.0f * PUF_PI) // rad/s

// Distances by which the search for tiles leaves out what cannot touch.
#define CAR_RACING_NEAR 10.7f       // m from the car to the front of a tile that a wheel may touch
#define CAR_RACING_NEAR_FIRST 24.0f // m; the first tile fills the gap between end and beginning, up to 17 m
#define CAR_RACING_NEAR_BLOCK 53.0f // m from the car to the middle of a block with such a tile: 8 strides more
#define CAR_RACING_BEYOND 0.64f     // m from the middle of a wheel to a line that it does not touch
#define CAR_RACING_ASIDE 6.0f       // m from the middle of a tile: surely on it
#define CAR_RACING_LOST 30.0f       // m from its place on the road, where a car looks for a new one

enum { CAR_RACING_NOTHING, CAR_RACING_RIGHT, CAR_RACING_LEFT, CAR_RACING_GAS, CAR_RACING_BRAKE, CAR_RACING_ACTIONS };
enum { CAR_RACING_WHEELS = 4 }; // front left, front right, rear left, rear right
enum {
    CAR_RACING_PASSES = 60, // over positions, at most
    CAR_RACING_BLOCK = 16,  // tiles of which one is looked at first
    CAR_RACING_BLOCKS = CAR_RACING_MAX_TILES / CAR_RACING_BLOCK,
    CAR_RACING_HOPS = 8,   // tiles that a car can pass in a step, more than enough
    CAR_RACING_TRAIL = 64, // steps that its tracks stay visible
};

typedef struct CarRacing {
    float x, y, angle;  // of the hull's centre of mass
    float vx, vy, spin; // per second
    float wheel_x[CAR_RACING_WHEELS], wheel_y[CAR_RACING_WHEELS], wheel_angle[CAR_RACING_WHEELS];
    float wheel_vx[CAR_RACING_WHEELS], wheel_vy[CAR_RACING_WHEELS], wheel_spin[CAR_RACING_WHEELS];
    float roll[CAR_RACING_WHEELS];      // rad/s about its axle
    float phase[CAR_RACING_WHEELS];     // rad that it has rolled; whole turns left out
    uint8_t on_road[CAR_RACING_WHEELS]; // 1: it touched a tile when last looked at
    uint8_t skids[CAR_RACING_WHEELS];   // 1: it was asked for twice its grip in the last step
    float gas, brake, steer;
    float still; // s of rest
    float due;   // reward for what was touched before the first step
    float episode_return;
    int32_t tiles;           // of the track
    int32_t visited;         // of them
    int32_t at;              // the car is between this post and the next one, or was last seen there
    int16_t tick, max_steps; // setting
    int32_t continuous;      // setting
    float lap_share;         // setting
    // The middle of the road: posts, across which the direction to the right is (cosine, sine). Tile i is between posts
    // i - 1 and i; tile 0 closes the ring.
    float road_x[CAR_RACING_MAX_TILES], road_y[CAR_RACING_MAX_TILES];
    float road_cosine[CAR_RACING_MAX_TILES], road_sine[CAR_RACING_MAX_TILES];
    float middle_x[CAR_RACING_BLOCKS], middle_y[CAR_RACING_BLOCKS]; // of each block of 16 posts, one in its middle
    uint8_t seen[CAR_RACING_MAX_TILES];                             // 1: visited
    float trail_x[CAR_RACING_TRAIL], trail_y[CAR_RACING_TRAIL], trail_angle[CAR_RACING_TRAIL]; // where the car was
    uint8_t trail_skids[CAR_RACING_TRAIL]; // bits: which wheels skidded there; the place is that of tick % 64
    struct CarRacingLog {
        PufLog log;
        float tiles, finished, lost;
    } log;
    PufRng rng;
} CarRacing;

static const float car_racing_side[] = { -CAR_RACING_AXLE, CAR_RACING_AXLE, -CAR_RACING_AXLE, CAR_RACING_AXLE };
static const float car_racing_ahead[] = { CAR_RACING_FRONT, CAR_RACING_FRONT, CAR_RACING_REAR, CAR_RACING_REAR };

// ---- The tiles. ----

typedef struct CarRacingCorners {
    float x[4], y[4];
} CarRacingCorners;

// Square of the distance from a point to the line from a to b.
static float car_racing_away(float x, float y, float ax, float ay, float bx, float by)
{
    const float ux = bx - ax, uy = by - ay, length2 = ux * ux + uy * uy;
    const float share = length2 > 0.0f ? puf_clampf(((x - ax) * ux + (y - ay) * uy) / length2, 0.0f, 1.0f) : 0.0f;
    const float dx = x - ax - share * ux, dy = y - ay - share * uy;
    return dx * dx + dy * dy;
}

// How far b is outside of one side of the hull of a's four corners, at most; negative: of none. *near becomes the
// square of the distance from a corner of b to a side.
static float car_racing_outside(const CarRacingCorners* a, const CarRacingCorners* b, float* near)
{
    static const uint8_t pairs[6][4] = { { 0, 1, 2, 3 }, { 1, 2, 3, 0 }, { 2, 3, 0, 1 },
                                         { 3, 0, 1, 2 }, { 0, 2, 1, 3 }, { 1, 3, 2, 0 } };
    float most = -1e9f;
    for (int32_t i = 0; i < 6; i++) { // from corner p to corner q; a side, if both others are on the same side of it
        const int32_t p = pairs[i][0], q = pairs[i][1], r = pairs[i][2], t = pairs[i][3];
        float nx = a->y[q] - a->y[p], ny = a->x[p] - a->x[q];
        const float one = (a->x[r] - a->x[p]) * nx + (a->y[r] - a->y[p]) * ny;
        const float other = (a->x[t] - a->x[p]) * nx + (a->y[t] - a->y[p]) * ny;
        const float length = sqrtf(nx * nx + ny * ny);
        if (one * other < 0.0f || length == 0.0f) {
            continue;
        }
        const float out = (one + other > 0.0f ? -1.0f : 1.0f) / length;
        float least = 1e9f;
        for (int32_t k = 0; k < 4; k++) {
            least = puf_minf(least, out * ((b->x[k] - a->x[p]) * nx + (b->y[k] - a->y[p]) * ny));
            *near = puf_minf(*near, car_racing_away(b->x[k], b->y[k], a->x[p], a->y[p], a->x[q], a->y[q]));
        }
        most = puf_maxf(most, least);
    }
    return most;
}

static void car_racing_tile(const CarRacing* s, int32_t tile, CarRacingCorners* corners)
{
    const int32_t before = tile > 0 ? tile - 1 : s->tiles - 1;
    for (int32_t i = 0; i < 4; i++) { // left and right in front, right and left behind
        const int32_t post = i < 2 ? tile : before;
        const float across = i == 1 || i == 2 ? CAR_RACING_HALF_ROAD : -CAR_RACING_HALF_ROAD;
        corners->x[i] = s->road_x[post] + across * s->road_cosine[post];
        corners->y[i] = s->road_y[post] + across * s->road_sine[post];
    }
}

// Whether a wheel touches a tile.
static int car_racing_touches(const CarRacing* s, int32_t wheel, int32_t tile)
{
    CarRacingCorners road, tyre;
    float sine, cosine, near = 1e9f;
    puf_sincosf(s->wheel_angle[wheel], &sine, &cosine);
    car_racing_tile(s, tile, &road);
    for (int32_t i = 0; i < 4; i++) {
        const float right = i == 1 || i == 2 ? CAR_RACING_HALF_WIDTH : -CAR_RACING_HALF_WIDTH;
        const float ahead = i < 2 ? CAR_RACING_HALF_LENGTH : -CAR_RACING_HALF_LENGTH;
        tyre.x[i] = s->wheel_x[wheel] + right * cosine - ahead * sine;
        tyre.y[i] = s->wheel_y[wheel] + right * sine + ahead * cosine;
    }
    const float outside = puf_maxf(car_racing_outside(&road, &tyre, &near), car_racing_outside(&tyre, &road, &near));
    return outside <= 0.0f || (outside <= CAR_RACING_SKIN && near <= CAR_RACING_SKIN * CAR_RACING_SKIN);
}

// That a wheel touches a tile: it has the grip of the road, and the tile is visited.
static void car_racing_visit(CarRacing* s, int32_t wheel, int32_t tile)
{
    s->on_road[wheel] = 1;
    s->visited += !s->seen[tile];
    s->seen[tile] = 1;
}

// Find the wheels that are well within a tile. Returns bits: those that are neither that nor well off it.
static uint32_t car_racing_glance(CarRacing* s, int32_t tile)
{
    const int32_t before = tile > 0 ? tile - 1 : s->tiles - 1;
    const float c1 = s->road_cosine[tile], s1 = s->road_sine[tile];
    const float c2 = s->road_cosine[before], s2 = s->road_sine[before];
    uint32_t within = 0, unclear = 0;
    for (uint32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        const float dx = s->wheel_x[w] - s->road_x[tile], dy = s->wheel_y[w] - s->road_y[tile];
        const float ex = s->wheel_x[w] - s->road_x[before], ey = s->wheel_y[w] - s->road_y[before];
        const float out = puf_maxf(c1 * dy - s1 * dx, s2 * ex - c2 * ey); // beyond its front, or behind its rear
        const uint32_t in = (out <= 0.0f) & (fabsf(c1 * dx + s1 * dy) <= CAR_RACING_ASIDE);
        within |= in << w;
        unclear |= ((out <= CAR_RACING_BEYOND) & !in) << w;
    }
    if (tile == 0) { // it may have any shape
        return 15;
    }
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        if (within >> w & 1) {
            car_racing_visit(s, w, tile);
        }
    }
    return unclear;
}

static float car_racing_distance2(const CarRacing* s, int32_t post)
{
    const float dx = s->road_x[post] - s->x, dy = s->road_y[post] - s->y;
    return dx * dx + dy * dy;
}

// Look at all tiles near the car: in those blocks whose middle is near. A closer look is needed where a glance does not
// tell, but for a wheel on the road and a tile that was visited. Returns how many are visited that were not before.
static int32_t car_racing_look(CarRacing* s)
{
    const int32_t visited = s->visited, blocks = (s->tiles + CAR_RACING_BLOCK - 1) / CAR_RACING_BLOCK;
    int32_t count = 0;
    int16_t tiles[CAR_RACING_MAX_TILES];
    uint8_t unclear[CAR_RACING_MAX_TILES], near[CAR_RACING_BLOCKS];
    memset(s->on_road, 0, sizeof s->on_road);
    for (int32_t i = 0; i < CAR_RACING_BLOCKS; i++) {
        const float dx = s->middle_x[i] - s->x, dy = s->middle_y[i] - s->y;
        near[i] = dx * dx + dy * dy < CAR_RACING_NEAR_BLOCK * CAR_RACING_NEAR_BLOCK;
    }
    for (int32_t block = 0; block < blocks; block++) {
        const int32_t end = puf_clampi((block + 1) * CAR_RACING_BLOCK, 0, s->tiles);
        for (int32_t i = near[block] ? block * CAR_RACING_BLOCK : end; i < end; i++) {
            const float within = i > 0 ? CAR_RACING_NEAR : CAR_RACING_NEAR_FIRST;
            if (car_racing_distance2(s, i) < within * within) {
                tiles[count] = (int16_t)i;
                unclear[count] = (uint8_t)car_racing_glance(s, i);
                count += unclear[count] != 0;
            }
        }
    }
    for (int32_t i = 0; i < CAR_RACING_WHEELS * count; i++) {
        const int32_t wheel = i % CAR_RACING_WHEELS, tile = tiles[i / CAR_RACING_WHEELS];
        const int needed = unclear[i / CAR_RACING_WHEELS] >> wheel & 1 && !(s->on_road[wheel] && s->seen[tile]);
        if (needed && car_racing_touches(s, wheel, tile)) {
            car_racing_visit(s, wheel, tile);
        }
    }
    return s->visited - visited;
}

// ---- The car. ----

typedef struct CarRacingControls {
    float steer, gas, brake; // steer: the angle of the front wheels, to the left, that is asked for
} CarRacingControls;

static CarRacingControls car_racing_choice(int32_t action)
{
    return (CarRacingControls){ action == CAR_RACING_RIGHT  ? -0.6f
                                : action == CAR_RACING_LEFT ? 0.6f
                                                            : 0.0f,
                                action == CAR_RACING_GAS ? 0.2f : 0.0f, action == CAR_RACING_BRAKE ? 0.8f : 0.0f };
}

// What a step works on.
typedef struct CarRacingStep {
    float turn[CAR_RACING_WHEELS];                                // rad/s of a wheel against the hull that is asked for
    float push_x[CAR_RACING_WHEELS], push_y[CAR_RACING_WHEELS];   // m/s that its force would add to a wheel on its own
    float lever_x[CAR_RACING_WHEELS], lever_y[CAR_RACING_WHEELS]; // from the hull's centre to where it belongs
    float bent[CAR_RACING_WHEELS]; // at the start: 1 at its lock to the left, -1 to the right
} CarRacingStep;

// Engine, brakes and friction of the wheels. A tyre pushes against how it moves over the ground, up to its grip.
static void car_racing_drive(CarRacing* s, CarRacingControls c, CarRacingStep* step)
{
    const float taken = c.brake > CAR_RACING_BLOCKED ? 1e9f : CAR_RACING_BRAKE_SPEED * c.brake;
    s->gas = puf_minf(c.gas, s->gas + CAR_RACING_GAS_RISE);
    s->brake = c.brake;
    s->steer = c.steer;
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        float sine, cosine;
        puf_sincosf(s->wheel_angle[w], &sine, &cosine);
        const float bent = s->wheel_angle[w] - s->angle, goal = w < 2 ? c.steer : 0.0f;
        step->turn[w] =
            puf_clampf(CAR_RACING_STEER_GAIN * (goal - bent), -CAR_RACING_STEER_SPEED, CAR_RACING_STEER_SPEED);
        step->bent[w] = bent <= -CAR_RACING_LOCK ? -1.0f : bent >= CAR_RACING_LOCK ? 1.0f : 0.0f;

        const float gas = w < 2 ? 0.0f : s->gas;
        float roll = s->roll[w];
        roll += CAR_RACING_SECONDS * CAR_RACING_POWER / CAR_RACING_ROLL_INERTIA * gas / (fabsf(roll) + 5.0f);
        const float left = puf_maxf(fabsf(roll) - taken, 0.0f);
        roll = roll < 0.0f ? -left : left;
        const float phase = s->phase[w] + roll * CAR_RACING_SECONDS;
        s->phase[w] = phase - 2.0f * PUF_PI * floorf(phase * (0.5f / PUF_PI) + 0.5f);

        const float forwards = s->wheel_vy[w] * cosine - s->wheel_vx[w] * sine;
        const float aside = s->wheel_vx[w] * cosine + s->wheel_vy[w] * sine;
        float along = CAR_RACING_FRICTION * (roll * CAR_RACING_HALF_LENGTH - forwards);
        float across = -CAR_RACING_FRICTION * aside;
        const float grip = s->on_road[w] ? CAR_RACING_GRIP : CAR_RACING_GRIP_GRASS;
        const float force = sqrtf(along * along + across * across);
        const float share = force > grip ? grip / force : 1.0f;
        along *= share;
        across *= share;
        s->skids[w] = force > 2.0f * grip;
        s->roll[w] = roll - CAR_RACING_SECONDS / CAR_RACING_ROLL_INERTIA * CAR_RACING_HALF_LENGTH * along;
        const float push = CAR_RACING_SECONDS / CAR_RACING_WHEEL_MASS;
        step->push_x[w] = push * (across * cosine - along * sine);
        step->push_y[w] = push * (across * sine + along * cosine);
    }
}

#define CAR_RACING_TOTAL (CAR_RACING_MASS + 4.0f * CAR_RACING_WHEEL_MASS)
#define CAR_RACING_LEVERS_AHEAD (2.0f * (CAR_RACING_FRONT + CAR_RACING_REAR)) // the sum of all levers points ahead
#define CAR_RACING_LEVERS2                                                                                             \
    (4.0f * CAR_RACING_AXLE * CAR_RACING_AXLE +                                                                        \
     2.0f * (CAR_RACING_FRONT * CAR_RACING_FRONT + CAR_RACING_REAR * CAR_RACING_REAR))
// Moment of inertia of hull and wheels together, about their common centre.
#define CAR_RACING_TOTAL_INERTIA                                                                                       \
    (CAR_RACING_INERTIA + 4.0f * CAR_RACING_WHEEL_INERTIA + CAR_RACING_WHEEL_MASS * CAR_RACING_LEVERS2 -               \
     CAR_RACING_WHEEL_MASS * CAR_RACING_WHEEL_MASS * CAR_RACING_LEVERS_AHEAD * CAR_RACING_LEVERS_AHEAD /               \
         CAR_RACING_TOTAL)

// Speeds with which wheels stay where they belong and turn as asked for. Hinges pass momentum from wheels to the hull,
// and neither it nor angular momentum is lost. Steering is strong enough for all that it is asked for, but a wheel at
// its lock does not turn farther.
static void car_racing_hold(CarRacing* s, CarRacingStep* step)
{
    const float m = CAR_RACING_WHEEL_MASS;
    float sine, cosine, px = 0.0f, py = 0.0f, twist = 0.0f, turns = 0.0f;
    puf_sincosf(s->angle, &sine, &cosine);
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        const float lx = car_racing_side[w] * cosine - car_racing_ahead[w] * sine;
        const float ly = car_racing_side[w] * sine + car_racing_ahead[w] * cosine;
        const float dx = s->wheel_vx[w] - s->vx + step->push_x[w], dy = s->wheel_vy[w] - s->vy + step->push_y[w];
        const float least = step->bent[w] < 0.0f ? 0.0f : -CAR_RACING_STEER_SPEED;
        const float most = step->bent[w] > 0.0f ? 0.0f : CAR_RACING_STEER_SPEED;
        step->turn[w] = puf_clampf(step->turn[w], least, most);
        step->lever_x[w] = lx;
        step->lever_y[w] = ly;
        px += dx;
        py += dy;
        twist += lx * dy - ly * dx;
        turns += s->wheel_spin[w] - step->turn[w];
    }
    const float sx = -CAR_RACING_LEVERS_AHEAD * sine, sy = CAR_RACING_LEVERS_AHEAD * cosine;
    const float angular = CAR_RACING_INERTIA * s->spin + CAR_RACING_WHEEL_INERTIA * turns + m * twist -
                          m * m / CAR_RACING_TOTAL * (sx * py - sy * px);
    s->spin = angular * (1.0f / CAR_RACING_TOTAL_INERTIA);
    s->vx += m / CAR_RACING_TOTAL * (px + sy * s->spin);
    s->vy += m / CAR_RACING_TOTAL * (py - sx * s->spin);
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        s->wheel_vx[w] = s->vx - step->lever_y[w] * s->spin;
        s->wheel_vy[w] = s->vy + step->lever_x[w] * s->spin;
        s->wheel_spin[w] = s->spin + step->turn[w];
    }
}

// Move a body. Absurd speeds are lowered.
static inline void car_racing_go(float* x, float* y, float* angle, float* vx, float* vy, float* spin)
{
    const float dx = *vx * CAR_RACING_SECONDS, dy = *vy * CAR_RACING_SECONDS, turn = *spin * CAR_RACING_SECONDS;
    const float far2 = dx * dx + dy * dy;
    const float slow = far2 > CAR_RACING_MAX_MOVE * CAR_RACING_MAX_MOVE ? CAR_RACING_MAX_MOVE / sqrtf(far2) : 1.0f;
    const float calm =
        turn * turn > CAR_RACING_MAX_SPIN * CAR_RACING_MAX_SPIN ? CAR_RACING_MAX_SPIN / fabsf(turn) : 1.0f;
    *vx *= slow;
    *vy *= slow;
    *spin *= calm;
    *x += *vx * CAR_RACING_SECONDS;
    *y += *vy * CAR_RACING_SECONDS;
    *angle += *spin * CAR_RACING_SECONDS;
}

// Bring wheels back to where they belong, one after the other, from the last to the first. Returns whether all were
// within their slop before. `turned` is how far the hull was turned by this: little.
static int car_racing_join(CarRacing* s, const CarRacingStep* step, const float* levers_x, const float* levers_y,
                           float* turned)
{
    const float hull = 1.0f / CAR_RACING_MASS, about = 1.0f / CAR_RACING_INERTIA, wheel = 1.0f / CAR_RACING_WHEEL_MASS;
    const float about_wheel = 1.0f / CAR_RACING_WHEEL_INERTIA;
    int right = 1;
    for (int32_t w = CAR_RACING_WHEELS - 1; w >= 0; w--) {
        const float bent = s->wheel_angle[w] - s->angle, over = step->bent[w] * bent - CAR_RACING_LOCK;
        if (step->bent[w] != 0.0f) {
            const float back = step->bent[w] * puf_clampf(over - CAR_RACING_SLOP_ANGLE, 0.0f, CAR_RACING_MAX_UNBEND);
            const float twist = back / (about + about_wheel);
            s->angle += about * twist;
            *turned += about * twist;
            s->wheel_angle[w] -= about_wheel * twist;
            right &= over <= CAR_RACING_SLOP_ANGLE;
        }
        const float sine = *turned * (1.0f - *turned * *turned / 6.0f), cosine = 1.0f - 0.5f * *turned * *turned;
        const float lx = cosine * levers_x[w] - sine * levers_y[w], ly = cosine * levers_y[w] + sine * levers_x[w];
        const float dx = s->wheel_x[w] - s->x - lx, dy = s->wheel_y[w] - s->y - ly;
        const float k11 = hull + wheel + about * ly * ly, k22 = hull + wheel + about * lx * lx, k12 = -about * lx * ly;
        const float det = 1.0f / (k11 * k22 - k12 * k12);
        const float ix = -det * (k22 * dx - k12 * dy), iy = -det * (k11 * dy - k12 * dx);
        const float turn = about * (lx * iy - ly * ix);
        s->x -= hull * ix;
        s->y -= hull * iy;
        s->angle -= turn;
        *turned -= turn;
        s->wheel_x[w] += wheel * ix;
        s->wheel_y[w] += wheel * iy;
        right &= dx * dx + dy * dy <= CAR_RACING_SLOP * CAR_RACING_SLOP;
    }
    return right;
}

// Whether hull and wheels are slow enough to fall asleep; then all stands still.
static void car_racing_rest(CarRacing* s)
{
    float speed2 = s->vx * s->vx + s->vy * s->vy, spin = fabsf(s->spin);
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        speed2 = puf_maxf(speed2, s->wheel_vx[w] * s->wheel_vx[w] + s->wheel_vy[w] * s->wheel_vy[w]);
        spin = puf_maxf(spin, fabsf(s->wheel_spin[w]));
    }
    const int rests = speed2 <= CAR_RACING_SLEEP_SPEED * CAR_RACING_SLEEP_SPEED && spin <= CAR_RACING_SLEEP_SPIN;
    s->still = rests ? s->still + CAR_RACING_SECONDS : 0.0f;
    if (s->still >= CAR_RACING_SLEEP_AFTER) {
        s->still = 0.0f;
        s->vx = 0.0f;
        s->vy = 0.0f;
        s->spin = 0.0f;
        memset(s->wheel_vx, 0, sizeof s->wheel_vx);
        memset(s->wheel_vy, 0, sizeof s->wheel_vy);
        memset(s->wheel_spin, 0, sizeof s->wheel_spin);
    }
}

static void car_racing_move(CarRacing* s, CarRacingStep* step)
{
    float sine, cosine, turned = 0.0f, levers_x[CAR_RACING_WHEELS], levers_y[CAR_RACING_WHEELS];
    car_racing_go(&s->x, &s->y, &s->angle, &s->vx, &s->vy, &s->spin);
    puf_sincosf(s->angle, &sine, &cosine);
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        car_racing_go(&s->wheel_x[w], &s->wheel_y[w], &s->wheel_angle[w], &s->wheel_vx[w], &s->wheel_vy[w],
                      &s->wheel_spin[w]);
        levers_x[w] = car_racing_side[w] * cosine - car_racing_ahead[w] * sine;
        levers_y[w] = car_racing_side[w] * sine + car_racing_ahead[w] * cosine;
    }
    for (int32_t pass = 0; pass < CAR_RACING_PASSES; pass++) {
        if (car_racing_join(s, step, levers_x, levers_y, &turned)) {
            break;
        }
    }
    car_racing_rest(s);
}

// ---- Where the car is on the road. ----

static int32_t car_racing_next(const CarRacing* s, int32_t post) { return post + 1 < s->tiles ? post + 1 : 0; }

// How far the car is beyond a post, along the road, m.
static float car_racing_beyond(const CarRacing* s, int32_t post)
{
    return s->road_cosine[post] * (s->y - s->road_y[post]) - s->road_sine[post] * (s->x - s->road_x[post]);
}

// Follow the car from post to post. One that is far from its place on the road gets the nearest.
static void car_racing_follow(CarRacing* s)
{
    if (car_racing_distance2(s, s->at) > CAR_RACING_LOST * CAR_RACING_LOST) {
        float nearest = 1e9f;
        for (int32_t i = 0; i < s->tiles; i++) {
            const float away = car_racing_distance2(s, i);
            s->at = away < nearest ? i : s->at;
            nearest = puf_minf(nearest, away);
        }
    }
    for (int32_t hop = 0; hop < CAR_RACING_HOPS && car_racing_beyond(s, car_racing_next(s, s->at)) >= 0.0f; hop++) {
        s->at = car_racing_next(s, s->at);
    }
    for (int32_t hop = 0; hop < CAR_RACING_HOPS && car_racing_beyond(s, s->at) < 0.0f; hop++) {
        s->at = s->at > 0 ? s->at - 1 : s->tiles - 1;
    }
}

// ---- Episodes. ----

static void car_racing_make_road(CarRacing* s, double* heading)
{
    CarRacingLap laps[2];
    const CarRacingLap* lap = NULL;
    while (!lap) {
        lap = car_racing_draw_laps(&s->rng, laps);
    }
    memset(s->road_x, 0, sizeof s->road_x);
    memset(s->road_y, 0, sizeof s->road_y);
    memset(s->road_cosine, 0, sizeof s->road_cosine);
    memset(s->road_sine, 0, sizeof s->road_sine);
    for (int32_t i = 0; i < lap->count; i++) {
        double sine, cosine;
        car_racing_sincos(lap->heading[i], &sine, &cosine);
        s->road_x[i] = (float)lap->x[i];
        s->road_y[i] = (float)lap->y[i];
        s->road_cosine[i] = (float)cosine;
        s->road_sine[i] = (float)sine;
    }
    s->tiles = lap->count;
    for (int32_t i = 0; i < CAR_RACING_BLOCKS; i++) {
        const int32_t post = puf_clampi(i * CAR_RACING_BLOCK + CAR_RACING_BLOCK / 2, 0, s->tiles - 1);
        s->middle_x[i] = s->road_x[post];
        s->middle_y[i] = s->road_y[post];
    }
    *heading = lap->heading[0];
}

static void car_racing_leave_trail(CarRacing* s)
{
    const int32_t at = s->tick % CAR_RACING_TRAIL;
    s->trail_x[at] = s->x;
    s->trail_y[at] = s->y;
    s->trail_angle[at] = s->angle;
    s->trail_skids[at] = (uint8_t)(s->skids[0] | s->skids[1] << 1 | s->skids[2] << 2 | s->skids[3] << 3);
}

// At rest on the first post, in a step that is nobody's. Gymnasium forgets to turn the places of the wheels with the
// hull. So the tiles that are visited first are those where the wheels would be on a car that faces upwards; then hinges
// pull them to where they belong, which turns the hull by some degrees.
static void car_racing_reset(CarRacing* s)
{
    CarRacingStep step;
    double heading;
    float sine, cosine;
    car_racing_make_road(s, &heading);
    memset(&step, 0, sizeof step);
    s->angle = (float)heading;
    puf_sincosf(s->angle, &sine, &cosine);
    s->x = s->road_x[0] - CAR_RACING_CENTRE * sine;
    s->y = s->road_y[0] + CAR_RACING_CENTRE * cosine;
    s->vx = 0.0f;
    s->vy = 0.0f;
    s->spin = 0.0f;
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        s->wheel_x[w] = s->road_x[0] + car_racing_side[w];
        s->wheel_y[w] = s->road_y[0] + car_racing_ahead[w] + CAR_RACING_CENTRE;
        s->wheel_angle[w] = s->angle;
        s->wheel_vx[w] = 0.0f;
        s->wheel_vy[w] = 0.0f;
        s->wheel_spin[w] = 0.0f;
        s->roll[w] = 0.0f;
        s->phase[w] = 0.0f;
        s->skids[w] = 0;
    }
    s->gas = 0.0f;
    s->brake = 0.0f;
    s->steer = 0.0f;
    s->still = 0.0f;
    s->episode_return = 0.0f;
    s->visited = 0;
    s->at = 0;
    s->tick = 0;
    memset(s->seen, 0, sizeof s->seen);
    memset(s->trail_skids, 0, sizeof s->trail_skids);
    s->due = 1000.0f * (float)car_racing_look(s) / (float)s->tiles;
    car_racing_move(s, &step);
    for (int32_t i = 0; i < CAR_RACING_TRAIL; i++) {
        s->trail_x[i] = s->x;
        s->trail_y[i] = s->y;
        s->trail_angle[i] = s->angle;
    }
    car_racing_follow(s);
}

static void car_racing_log(CarRacing* s, int finished, int lost)
{
    const float perf = puf_clampf(s->episode_return / CAR_RACING_SOLVED, 0.0f, 1.0f);
    puf_log_episode(&s->log.log, perf, s->episode_return, s->episode_return, (float)s->tick);
    s->log.tiles += (float)s->visited / (float)s->tiles;
    s->log.finished += (float)finished;
    s->log.lost += (float)lost;
}

// Whether the hull's origin left the world.
static int car_racing_is_lost(const CarRacing* s)
{
    float sine, cosine;
    puf_sincosf(s->angle, &sine, &cosine);
    const float x = s->x + CAR_RACING_CENTRE * sine, y = s->y - CAR_RACING_CENTRE * cosine;
    return puf_maxf(fabsf(x), fabsf(y)) > CAR_RACING_WORLD;
}

// Tiles are looked for where the car is before it moves, and their grip counts from the next step on.
static void car_racing_step(CarRacing* s, PufIo io)
{
    const CarRacingControls controls = io.controls
                                           ? (CarRacingControls){ -io.controls[0], io.controls[1], io.controls[2] }
                                           : car_racing_choice(io.actions[0]);
    CarRacingStep step;
    const int first = s->seen[0];
    car_racing_drive(s, controls, &step);
    const int32_t found = car_racing_look(s);
    car_racing_hold(s, &step);
    car_racing_move(s, &step);
    car_racing_follow(s);

    const int round = s->seen[0] && !first && (float)s->visited > s->lap_share * (float)s->tiles;
    const int finished = s->visited == s->tiles || round, lost = car_racing_is_lost(s);
    s->tick += 1;
    car_racing_leave_trail(s);
    io.rewards[0] = lost ? -100.0f : s->due + 1000.0f * (float)found / (float)s->tiles - 0.1f;
    io.terminals[0] = (uint8_t)(finished | lost);
    io.truncations[0] = (uint8_t)(!io.terminals[0] & (s->tick >= s->max_steps));
    s->due = 0.0f;
    s->episode_return += io.rewards[0];
    if (io.terminals[0] | io.truncations[0]) {
        car_racing_log(s, finished && !lost, lost);
    }
}

static const PufAction car_racing_actions[] = {
    { "steer", 0, -1, 1, "share" },
    { "gas", 0, 0, 1, "share" },
    { "brake", 0, 0, 1, "share" },
};
#define CAR_RACING_PARAMS                                                                                              \
    PUF_FLAG(CarRacing, continuous, 1, "three numbers control the car, instead of a choice"),                          \
        PUF_SETTING(CarRacing, max_steps, 1000, 1, 2000, "steps after which an episode is truncated"),                 \
        PUF_SETTING(CarRacing, lap_share, 0.95, 0, 1,                                                                  \
                    "of the tiles that are visited when the first is, which then ends the episode")
static const char* const car_racing_log_names[] = { "tiles", "finished", "lost" };

// Places and speeds are beyond what can happen in an episode; numbers stay finite there.
#define CAR_RACING_PLACE PUF_RANGE(-2000, 2000)
#define CAR_RACING_SPEED PUF_RANGE(-100000, 100000)
#define CAR_RACING_ANGLES PUF_RANGE(-4000, 4000)
static const PufField car_racing_fields[] = {
    PUF_SCALAR(CarRacing, x, "of the hull's centre of mass, m", CAR_RACING_PLACE),
    PUF_SCALAR(CarRacing, y, "of the hull's centre of mass, m, upwards", CAR_RACING_PLACE),
    PUF_SCALAR(CarRacing, angle, "of the hull, rad, counterclockwise; 0 is upwards", CAR_RACING_ANGLES),
    PUF_SCALAR(CarRacing, vx, "m/s", CAR_RACING_SPEED),
    PUF_SCALAR(CarRacing, vy, "m/s", CAR_RACING_SPEED),
    PUF_SCALAR(CarRacing, spin, "rad/s", CAR_RACING_SPEED),
    PUF_ARRAY(CarRacing, wheel_x, "front left and right, rear left and right, m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, wheel_y, "m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, wheel_angle, "rad", CAR_RACING_ANGLES),
    PUF_ARRAY(CarRacing, wheel_vx, "m/s", CAR_RACING_SPEED),
    PUF_ARRAY(CarRacing, wheel_vy, "m/s", CAR_RACING_SPEED),
    PUF_ARRAY(CarRacing, wheel_spin, "rad/s", CAR_RACING_SPEED),
    PUF_ARRAY(CarRacing, roll, "rad/s about its axle", CAR_RACING_SPEED),
    PUF_ARRAY(CarRacing, phase, "rad about its axle", PUF_RANGE(-4, 4)),
    PUF_ARRAY(CarRacing, on_road, "1: the wheel touches a tile", PUF_RANGE(0, 1)),
    PUF_ARRAY(CarRacing, skids, "1: it was asked for twice its grip", PUF_RANGE(0, 1)),
    PUF_SCALAR(CarRacing, gas, "of the engine", PUF_RANGE(0, 1)),
    PUF_SCALAR(CarRacing, brake, "in the last step", PUF_RANGE(0, 1)),
    PUF_SCALAR(CarRacing, steer, "angle of the front wheels asked for in the last step, rad", PUF_RANGE(-1, 1)),
    PUF_SCALAR(CarRacing, still, "seconds of rest", PUF_RANGE(0, 1)),
    PUF_SCALAR(CarRacing, due, "reward for tiles touched before the first step", PUF_RANGE(0, 1000)),
    PUF_SCALAR(CarRacing, episode_return, "rewards in this episode"),
    PUF_SCALAR(CarRacing, tiles, "of the track", PUF_RANGE(CAR_RACING_CHECKPOINTS, CAR_RACING_MAX_TILES)),
    PUF_SCALAR(CarRacing, visited, "tiles that were", PUF_UP_TO(CarRacing, tiles)),
    PUF_SCALAR(CarRacing, at, "the post behind the car", PUF_LESS_THAN(CarRacing, tiles)),
    PUF_SCALAR(CarRacing, tick, "steps since the start of the episode", PUF_LESS_THAN(CarRacing, max_steps)),
    PUF_ARRAY(CarRacing, road_x, "posts in the middle of the road, m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, road_y, "m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, road_cosine, "of the direction across the road, to the right", PUF_RANGE(-1, 1)),
    PUF_ARRAY(CarRacing, road_sine, "of the same", PUF_RANGE(-1, 1)),
    PUF_ARRAY(CarRacing, middle_x, "of each block of 16 posts, one in its middle, m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, middle_y, "m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, seen, "1: the tile that ends at this post was visited", PUF_RANGE(0, 1)),
    PUF_ARRAY(CarRacing, trail_x, "where the car was, m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, trail_y, "m", CAR_RACING_PLACE),
    PUF_ARRAY(CarRacing, trail_angle, "rad", CAR_RACING_ANGLES),
    PUF_ARRAY(CarRacing, trail_skids, "bits: which wheels skidded there", PUF_RANGE(0, 15)),
};

static void car_racing_resize(PufLayout* layout, const void* setup)
{
    static const PufAction choice[] = { { "pedal", CAR_RACING_ACTIONS, 0, 0, "none right left gas brake" } };
    if (!((const CarRacing*)setup)->continuous) {
        layout->num_actions = 1;
        layout->actions = choice;
    }
}

// The wheels are at the hull, and as many tiles were visited as are marked.
static const char* car_racing_contradiction(const void* state, const void* assets)
{
    const CarRacing* s = state;
    int32_t seen = 0;
    (void)assets;
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        if (fabsf(s->wheel_x[w] - s->x) > 3.0f || fabsf(s->wheel_y[w] - s->y) > 3.0f) {
            return "wheel_x";
        }
        if (fabsf(s->wheel_angle[w] - s->angle) > PUF_PI) {
            return "wheel_angle";
        }
    }
    for (int32_t i = 0; i < CAR_RACING_MAX_TILES; i++) {
        seen += s->seen[i];
        if (s->seen[i] && i >= s->tiles) {
            return "seen";
        }
    }
    return seen != s->visited ? "visited" : NULL;
}
