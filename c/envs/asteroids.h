// asteroids - fly a ship with inertia through drifting rocks and shoot them to pieces.
//
// Observation  float32 (66,), all within [-1, 1], relative to the ship: 10 numbers about the ship,
//              then 7 for each of the 8 nearest rocks, nearest first; zeros if there are fewer.
// Action       three at once, held for `frameskip` frames of 1/60 s: turn (none, left, right),
//              thrust, fire.
// Reward       points / 512 for each rock hit (20 large, 50 medium, 100 small), -1 for each life
//              lost.
// End          terminal when the last life is lost; truncated after `max_frames` frames.
//
// The plane is 512 x 512 units, y points down, and it wraps around: what leaves on one side comes
// in on the other. Positions are int16 in subunits, 65,536 of them across the plane, so they wrap
// by themselves and the difference of two positions is the shortest way between them. Everything
// that moves is an integer, so the frames of a step add up exactly.
//
// A large rock breaks into two medium ones when hit, a medium one into two small ones; a small one
// is destroyed. The halves get the velocity of the whole plus and minus the same kick, so momentum
// is conserved. When no rock is left the next wave starts, with one more large rock (up to 8) and
// faster rocks (up to twice the speed).
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { ASTEROIDS_STRAIGHT, ASTEROIDS_LEFT, ASTEROIDS_RIGHT, ASTEROIDS_TURNS };

// A rock of size n can become n small ones. It owns n slots of the buffers, starting with its own: 4 if large, 2 if
// medium, 1 if small. Each half takes half of those slots. The buffers cannot overflow: slots are assigned once per
// wave, 4 to each of at most 8 large rocks, and no slot has two owners.
enum {
    ASTEROIDS_SMALL = 1,
    ASTEROIDS_MIDDLE = 2,
    ASTEROIDS_LARGE = 4,
    ASTEROIDS_MAX_LARGE = 8,
    ASTEROIDS_SLOTS = ASTEROIDS_MAX_LARGE * ASTEROIDS_LARGE,
};

enum {
    ASTEROIDS_UNIT = 128, // subunits
    ASTEROIDS_HALF_TURN = 128,
    ASTEROIDS_HEADINGS = 2 * ASTEROIDS_HALF_TURN, // a full circle; 0 points right, 64 down
    ASTEROIDS_UP = 192,
    ASTEROIDS_ONE = 1 << 14, // the value that stands for a sine of 1
    // Lengths in quarters of a unit, the resolution at which distances are compared.
    ASTEROIDS_QUARTER_BITS = 5,
    ASTEROIDS_QUARTER = 1 << ASTEROIDS_QUARTER_BITS, // subunits
    ASTEROIDS_SMALL_RADIUS = 40,
    ASTEROIDS_MIDDLE_RADIUS = 72,
    ASTEROIDS_LARGE_RADIUS = 128,
    ASTEROIDS_SHIP_RADIUS = 28,
    ASTEROIDS_SHOT_RADIUS = 4,
    ASTEROIDS_FAR = 181,   // longer than any reach; the sum of two squares of it fits into 16 bits
    ASTEROIDS_SAFETY = 56, // free space around a new ship
    // Velocities in subunits per frame. Rocks reach at most 2 x 160 + 2 x 128, or 4.5 units. A shot approaches a rock
    // at 14.5 units per frame or less (7 of its own, 3 from the ship), and the smallest target is 22 units wide: a
    // shot that passes within 8 units of its centre stays inside for more than a frame, so it hits.
    ASTEROIDS_SHOT_SPEED = 7 * ASTEROIDS_UNIT,
    ASTEROIDS_MIN_ROCK_SPEED = 64,
    ASTEROIDS_MAX_ROCK_SPEED = 160,
    ASTEROIDS_FASTER_WAVES = 8, // waves after the first until large rocks reach twice their speed, the maximum
    ASTEROIDS_MIN_KICK = 64,    // of a half when a rock breaks
    ASTEROIDS_MAX_KICK = 128,
    // The ship's position and velocity have 16 more bits. Thrust adds 6 subunits per frame each frame, and drag takes
    // 1/64: that gives a top speed of 384, or 3 units.
    ASTEROIDS_SHIP_FRACTION = 1 << 16,
    ASTEROIDS_THRUST = 24, // times a sine
    ASTEROIDS_DRAG = 64,
    ASTEROIDS_TOP_SPEED = 3 * ASTEROIDS_UNIT,
    ASTEROIDS_NOSE = 8 * ASTEROIDS_UNIT, // where shots start, from the ship's centre
    // A turn starts slowly, so that a player can aim: headings per frame, and for how many frames.
    ASTEROIDS_TURN_SLOW = 1,
    ASTEROIDS_TURN_FAST = 3,
    ASTEROIDS_TURN_EASE = 4,
    // Frames.
    ASTEROIDS_SHOT_LIFE = 40,
    ASTEROIDS_COOLDOWN = 8,
    ASTEROIDS_SHIELD = 90,
};
enum {
    ASTEROIDS_FASTEST = 1 << 25, // more than ship_vx and ship_vy can be
    ASTEROIDS_MANY = 1000000000, // more than can be counted in an episode
};
enum { ASTEROIDS_SHOTS = 4 };
enum { ASTEROIDS_BLASTS = 8 };                                             // kept for renderers
enum { ASTEROIDS_GRID = 8, ASTEROIDS_GRID_STEP = 65536 / ASTEROIDS_GRID }; // points where a new ship can appear
enum { ASTEROIDS_OWN = 10, ASTEROIDS_SEEN = 8, ASTEROIDS_OF_ROCK = 7 };
enum { ASTEROIDS_OBS = ASTEROIDS_OWN + ASTEROIDS_SEEN * ASTEROIDS_OF_ROCK };
enum { ASTEROIDS_GOAL = 36400 }; // points in the first ten waves: 520 for each of 4 + 5 + 6 + 7 + 6 x 8 large rocks

#define ASTEROIDS_REWARD (1.0f / 512.0f) // per point: a life is worth five small rocks, and sums are exact

typedef struct AsteroidsLog {
    PufLog all;
    float waves;    // cleared
    float accuracy; // hits / shots fired
} AsteroidsLog;

typedef struct Asteroids {
    int16_t rock_x[ASTEROIDS_SLOTS], rock_y[ASTEROIDS_SLOTS];
    int16_t rock_vx[ASTEROIDS_SLOTS], rock_vy[ASTEROIDS_SLOTS];
    int16_t rock_size[ASTEROIDS_SLOTS]; // 0 no rock
    uint8_t rock_look[ASTEROIDS_SLOTS]; // random, for renderers
    int16_t shot_x[ASTEROIDS_SHOTS], shot_y[ASTEROIDS_SHOTS];
    int16_t shot_vx[ASTEROIDS_SHOTS], shot_vy[ASTEROIDS_SHOTS];
    int16_t shot_life[ASTEROIDS_SHOTS]; // frames left; 0 no shot
    uint32_t ship_x, ship_y;            // the upper 16 bits are subunits
    int32_t ship_vx, ship_vy;
    int32_t heading;
    int32_t turning;   // frames it has been turning, up to 5; negative to the left
    int32_t thrusting; // in the last frame
    int32_t cooldown;  // frames until it can fire
    int32_t shield;    // frames until rocks can hit it
    int32_t lives;
    int32_t mass;  // sum of the rocks' sizes
    int32_t large; // rocks at the start of this wave
    int32_t wave;  // from 1
    int32_t score;
    int32_t lost; // lives
    int32_t fired, hits;
    int32_t blasts; // in this episode; the arrays below hold the last 8
    int16_t blast_x[ASTEROIDS_BLASTS], blast_y[ASTEROIDS_BLASTS];
    int32_t blast_size[ASTEROIDS_BLASTS];  // of the rock, or 0 for the ship
    int32_t blast_frame[ASTEROIDS_BLASTS]; // when; 0 never
    int32_t frame;
    int32_t frameskip, first_lives, first_rocks, max_frames; // settings
    PufRng rng;
    AsteroidsLog log;
} Asteroids;

// The first quarter of a circle.
static const int16_t asteroids_quarter_sine[ASTEROIDS_HEADINGS / 4 + 1] = {
    0,     402,   804,   1205,  1606,  2006,  2404,  2801,  3196,  3590,  3981,  4370,  4756,
    5139,  5520,  5897,  6270,  6639,  7005,  7366,  7723,  8076,  8423,  8765,  9102,  9434,
    9760,  10080, 10394, 10702, 11003, 11297, 11585, 11866, 12140, 12406, 12665, 12916, 13160,
    13395, 13623, 13842, 14053, 14256, 14449, 14635, 14811, 14978, 15137, 15286, 15426, 15557,
    15679, 15791, 15893, 15986, 16069, 16143, 16207, 16261, 16305, 16340, 16364, 16379, 16384
};

static int32_t asteroids_sine(int32_t heading)
{
    int32_t in_half = heading & (ASTEROIDS_HALF_TURN - 1);
    int32_t from_axis = in_half <= ASTEROIDS_HALF_TURN / 2 ? in_half : ASTEROIDS_HALF_TURN - in_half;
    int32_t sine = asteroids_quarter_sine[from_axis];
    return heading & ASTEROIDS_HALF_TURN ? -sine : sine;
}
static int32_t asteroids_cosine(int32_t heading) { return asteroids_sine(heading + ASTEROIDS_HEADINGS / 4); }

static int16_t asteroids_ship_x(const Asteroids* s) { return (int16_t)(s->ship_x / ASTEROIDS_SHIP_FRACTION); }
static int16_t asteroids_ship_y(const Asteroids* s) { return (int16_t)(s->ship_y / ASTEROIDS_SHIP_FRACTION); }

static int32_t asteroids_between(Asteroids* s, int32_t low, int32_t high)
{
    return low + (int32_t)puf_rand_below(&s->rng, (uint32_t)(high - low + 1));
}

// A vector with a random direction and a random length in a range.
static void asteroids_vector(Asteroids* s, int32_t shortest, int32_t longest, int32_t* x, int32_t* y)
{
    int32_t heading = asteroids_between(s, 0, ASTEROIDS_HEADINGS - 1);
    int32_t length = asteroids_between(s, shortest, longest);
    *x = length * asteroids_cosine(heading) / ASTEROIDS_ONE;
    *y = length * asteroids_sine(heading) / ASTEROIDS_ONE;
}

static void asteroids_put_rock(Asteroids* s, int32_t slot, int32_t size, int32_t x, int32_t y, int32_t vx, int32_t vy)
{
    s->rock_size[slot] = (int16_t)size;
    s->rock_x[slot] = (int16_t)x;
    s->rock_y[slot] = (int16_t)y;
    s->rock_vx[slot] = (int16_t)vx;
    s->rock_vy[slot] = (int16_t)vy;
    s->rock_look[slot] = (uint8_t)puf_rand_below(&s->rng, 256);
}

// Large rocks start half a plane away from the ship along one axis, anywhere along the other.
static void asteroids_begin_wave(Asteroids* s)
{
    s->wave += 1;
    s->large = s->wave == 1 ? s->first_rocks : puf_clampi(s->large + 1, 1, ASTEROIDS_MAX_LARGE);
    s->mass = s->large * ASTEROIDS_LARGE;
    int32_t faster = puf_clampi(s->wave - 1, 0, ASTEROIDS_FASTER_WAVES);
    int32_t slowest = ASTEROIDS_MIN_ROCK_SPEED + ASTEROIDS_MIN_ROCK_SPEED * faster / ASTEROIDS_FASTER_WAVES;
    int32_t fastest = ASTEROIDS_MAX_ROCK_SPEED + ASTEROIDS_MAX_ROCK_SPEED * faster / ASTEROIDS_FASTER_WAVES;
    for (int32_t k = 0; k < s->large; k++) {
        int32_t opposite = asteroids_between(s, 0, 1);
        int32_t anywhere = (int32_t)(puf_rand(&s->rng) >> 16);
        int32_t vx, vy;
        asteroids_vector(s, slowest, fastest, &vx, &vy);
        asteroids_put_rock(s, k * ASTEROIDS_LARGE, ASTEROIDS_LARGE,
                           asteroids_ship_x(s) + (opposite ? INT16_MIN : anywhere),
                           asteroids_ship_y(s) + (opposite ? anywhere : INT16_MIN), vx, vy);
    }
}

static void asteroids_place_ship(Asteroids* s, int32_t x, int32_t y)
{
    s->ship_x = (uint32_t)x * ASTEROIDS_SHIP_FRACTION;
    s->ship_y = (uint32_t)y * ASTEROIDS_SHIP_FRACTION;
    s->ship_vx = 0;
    s->ship_vy = 0;
    s->heading = ASTEROIDS_UP;
    s->turning = 0;
    s->thrusting = 0;
}

static void asteroids_reset(Asteroids* s)
{
    memset(s->rock_size, 0, sizeof(s->rock_size));
    memset(s->shot_life, 0, sizeof(s->shot_life));
    asteroids_place_ship(s, 0, 0);
    s->cooldown = 0;
    s->shield = 0;
    s->lives = s->first_lives;
    s->wave = 0;
    s->score = 0;
    s->lost = 0;
    s->fired = 0;
    s->hits = 0;
    s->frame = 0;
    s->blasts = 0;
    memset(s->blast_frame, 0, sizeof(s->blast_frame));
    asteroids_begin_wave(s);
}

// ---- Collisions ----

static inline int32_t asteroids_radius(int32_t size)
{
    return size == ASTEROIDS_LARGE    ? ASTEROIDS_LARGE_RADIUS
           : size == ASTEROIDS_MIDDLE ? ASTEROIDS_MIDDLE_RADIUS
                                      : ASTEROIDS_SMALL_RADIUS;
}

// -1 if two things that are (dx, dy) apart are closer than the root of `reach`, else 0. Uses only 16 bits and no
// branches, so that compilers can vectorize it.
static inline int16_t asteroids_near(int16_t dx, int16_t dy, uint16_t reach)
{
    int16_t x = (int16_t)(dx >> ASTEROIDS_QUARTER_BITS), y = (int16_t)(dy >> ASTEROIDS_QUARTER_BITS); // rounded down
    x = (int16_t)(x < 0 ? -x : x);
    y = (int16_t)(y < 0 ? -y : y);
    x = x < ASTEROIDS_FAR ? x : ASTEROIDS_FAR;
    y = y < ASTEROIDS_FAR ? y : ASTEROIDS_FAR;
    uint16_t square = (uint16_t)(x * x + y * y);
    return (int16_t)-(square < reach);
}

// Squared distances from each rock's centre at which shots and the ship touch it; 0 if there is no rock.
typedef struct AsteroidsReach {
    uint16_t shot[ASTEROIDS_SLOTS], ship[ASTEROIDS_SLOTS];
} AsteroidsReach;

static void asteroids_reach(const Asteroids* s, AsteroidsReach* reach)
{
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        int16_t size = s->rock_size[i];
        uint16_t radius = (uint16_t)asteroids_radius(size);
        uint16_t shot = (uint16_t)(radius + ASTEROIDS_SHOT_RADIUS), ship = (uint16_t)(radius + ASTEROIDS_SHIP_RADIUS);
        reach->shot[i] = (uint16_t)(size == 0 ? 0 : shot * shot);
        reach->ship[i] = (uint16_t)(size == 0 ? 0 : ship * ship);
    }
}

enum { ASTEROIDS_SHIP_BIT = 1 << ASTEROIDS_SHOTS };

// Move the rocks. For each one, write which shots touch it now (bit k is shot k) and whether the ship does. Returns all
// bits combined.
static inline int32_t asteroids_move_rocks(Asteroids* s, const AsteroidsReach* reach, int16_t* touching)
{
    int16_t live[ASTEROIDS_SHOTS];
    for (int32_t k = 0; k < ASTEROIDS_SHOTS; k++) {
        live[k] = (int16_t)(s->shot_life[k] > 0 ? 1 << k : 0);
    }
    int16_t shot_x[ASTEROIDS_SHOTS], shot_y[ASTEROIDS_SHOTS];
    memcpy(shot_x, s->shot_x, sizeof(shot_x));
    memcpy(shot_y, s->shot_y, sizeof(shot_y));
    int16_t ship_x = asteroids_ship_x(s), ship_y = asteroids_ship_y(s);
    int16_t open = (int16_t)(s->shield > 0 ? 0 : ASTEROIDS_SHIP_BIT);
    int16_t any = 0;
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        int16_t x = (int16_t)(s->rock_x[i] + s->rock_vx[i]);
        int16_t y = (int16_t)(s->rock_y[i] + s->rock_vy[i]);
        uint16_t near_shot = reach->shot[i];
        int16_t t = asteroids_near((int16_t)(x - shot_x[0]), (int16_t)(y - shot_y[0]), near_shot) & live[0];
        t |= asteroids_near((int16_t)(x - shot_x[1]), (int16_t)(y - shot_y[1]), near_shot) & live[1];
        t |= asteroids_near((int16_t)(x - shot_x[2]), (int16_t)(y - shot_y[2]), near_shot) & live[2];
        t |= asteroids_near((int16_t)(x - shot_x[3]), (int16_t)(y - shot_y[3]), near_shot) & live[3];
        t |= asteroids_near((int16_t)(x - ship_x), (int16_t)(y - ship_y), reach->ship[i]) & open;
        s->rock_x[i] = x;
        s->rock_y[i] = y;
        touching[i] = t;
        any |= t;
    }
    return any;
}

// ---- Hits ----

static void asteroids_add_blast(Asteroids* s, int16_t x, int16_t y, int32_t size)
{
    int32_t place = s->blasts % ASTEROIDS_BLASTS;
    s->blast_x[place] = x;
    s->blast_y[place] = y;
    s->blast_size[place] = size;
    s->blast_frame[place] = s->frame;
    s->blasts += 1;
}

// The halves drift apart from where the rock was.
static void asteroids_break_rock(Asteroids* s, int32_t slot)
{
    int32_t size = s->rock_size[slot], half = size / 2;
    s->score += size == ASTEROIDS_LARGE ? 20 : size == ASTEROIDS_MIDDLE ? 50 : 100;
    s->hits += 1;
    asteroids_add_blast(s, s->rock_x[slot], s->rock_y[slot], size);
    if (half == 0) {
        s->rock_size[slot] = 0;
        s->mass -= ASTEROIDS_SMALL;
        return;
    }
    int32_t x = s->rock_x[slot], y = s->rock_y[slot], vx = s->rock_vx[slot], vy = s->rock_vy[slot];
    int32_t kick_x, kick_y;
    asteroids_vector(s, ASTEROIDS_MIN_KICK, ASTEROIDS_MAX_KICK, &kick_x, &kick_y);
    asteroids_put_rock(s, slot, half, x, y, vx + kick_x, vy + kick_y);
    asteroids_put_rock(s, slot + half, half, x, y, vx - kick_x, vy - kick_y);
}

// In slot order, each rock is hit by the first shot touching it that has not been used up.
static void asteroids_take_shots(Asteroids* s, const int16_t* touching)
{
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        for (int32_t k = 0; touching[i] && k < ASTEROIDS_SHOTS; k++) {
            if ((touching[i] >> k & 1) && s->shot_life[k] > 0) {
                s->shot_life[k] = 0;
                asteroids_break_rock(s, i);
                break;
            }
        }
    }
}

static int asteroids_is_safe(const Asteroids* s, int16_t x, int16_t y)
{
    int16_t any = 0;
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        int32_t dx = (int16_t)(s->rock_x[i] - x) / ASTEROIDS_QUARTER,
                dy = (int16_t)(s->rock_y[i] - y) / ASTEROIDS_QUARTER;
        int32_t reach = asteroids_radius(s->rock_size[i]) + ASTEROIDS_SHIP_RADIUS + ASTEROIDS_SAFETY;
        any |= (int16_t)((dx * dx + dy * dy < reach * reach) & (s->rock_size[i] > 0));
    }
    return !any;
}

// Place a new ship at the first grid point, starting from the centre, that leaves 14 units between ship and rocks.
// One of the 64 is always free: they are 64 units apart, and a rock blocks those closer than 53, 39 or 31 units, by
// its size. A circle of 53 holds at most 4 points, one of 39 at most 2, one of 31 at most 1: as many as the rock owns
// slots. So rocks block at most 32 points.
static void asteroids_return_ship(Asteroids* s)
{
    static const int8_t order[ASTEROIDS_GRID] = { 0, 1, -1, 2, -2, 3, -3, -4 };
    for (int32_t k = 0; k < ASTEROIDS_GRID * ASTEROIDS_GRID; k++) {
        int32_t x = order[k % ASTEROIDS_GRID] * ASTEROIDS_GRID_STEP,
                y = order[k / ASTEROIDS_GRID] * ASTEROIDS_GRID_STEP;
        if (asteroids_is_safe(s, (int16_t)x, (int16_t)y)) {
            asteroids_place_ship(s, x, y);
            break;
        }
    }
    s->shield = ASTEROIDS_SHIELD;
}

static void asteroids_judge(Asteroids* s, const int16_t* touching, int crashed)
{
    asteroids_take_shots(s, touching);
    if (crashed) {
        s->lives -= 1;
        s->lost += 1;
        asteroids_add_blast(s, asteroids_ship_x(s), asteroids_ship_y(s), 0);
        if (s->lives > 0) {
            asteroids_return_ship(s);
        }
    }
    if (s->mass == 0 && s->lives > 0) {
        asteroids_begin_wave(s);
    }
}

// ---- One frame ----

static void asteroids_steer(Asteroids* s, int32_t turn, int32_t thrust)
{
    int32_t direction = (turn == ASTEROIDS_RIGHT) - (turn == ASTEROIDS_LEFT);
    int32_t so_far = puf_clampi(s->turning * direction, 0, ASTEROIDS_TURN_EASE); // 0 after a turn the other way
    int32_t rate = so_far < ASTEROIDS_TURN_EASE ? ASTEROIDS_TURN_SLOW : ASTEROIDS_TURN_FAST;
    s->turning = direction * (so_far + 1);
    s->heading = (s->heading + direction * rate) & (ASTEROIDS_HEADINGS - 1);
    int32_t push = thrust * ASTEROIDS_THRUST;
    s->thrusting = thrust;
    s->ship_vx += push * asteroids_cosine(s->heading) - s->ship_vx / ASTEROIDS_DRAG;
    s->ship_vy += push * asteroids_sine(s->heading) - s->ship_vy / ASTEROIDS_DRAG;
    s->ship_x += (uint32_t)s->ship_vx;
    s->ship_y += (uint32_t)s->ship_vy;
    s->shield -= s->shield > 0;
}

static void asteroids_move_shots(Asteroids* s)
{
    for (int32_t k = 0; k < ASTEROIDS_SHOTS; k++) {
        s->shot_x[k] = (int16_t)(s->shot_x[k] + s->shot_vx[k]);
        s->shot_y[k] = (int16_t)(s->shot_y[k] + s->shot_vy[k]);
        s->shot_life[k] = (int16_t)(s->shot_life[k] - (s->shot_life[k] > 0));
    }
}

// A shot starts at the nose, with the ship's velocity added to its own.
static void asteroids_fire(Asteroids* s)
{
    for (int32_t k = 0; k < ASTEROIDS_SHOTS; k++) {
        if (s->shot_life[k] == 0) {
            int32_t x = asteroids_cosine(s->heading), y = asteroids_sine(s->heading);
            s->shot_life[k] = ASTEROIDS_SHOT_LIFE;
            s->shot_x[k] = (int16_t)(asteroids_ship_x(s) + x * ASTEROIDS_NOSE / ASTEROIDS_ONE);
            s->shot_y[k] = (int16_t)(asteroids_ship_y(s) + y * ASTEROIDS_NOSE / ASTEROIDS_ONE);
            s->shot_vx[k] = (int16_t)(s->ship_vx / ASTEROIDS_SHIP_FRACTION + x * ASTEROIDS_SHOT_SPEED / ASTEROIDS_ONE);
            s->shot_vy[k] = (int16_t)(s->ship_vy / ASTEROIDS_SHIP_FRACTION + y * ASTEROIDS_SHOT_SPEED / ASTEROIDS_ONE);
            s->cooldown = ASTEROIDS_COOLDOWN;
            s->fired += 1;
            return;
        }
    }
}

static void asteroids_frame(Asteroids* s, const int32_t* actions, AsteroidsReach* reach)
{
    asteroids_steer(s, actions[0], actions[1]);
    asteroids_move_shots(s);
    s->cooldown -= s->cooldown > 0;
    if (actions[2] && s->cooldown == 0) {
        asteroids_fire(s);
    }
    int16_t touching[ASTEROIDS_SLOTS];
    int32_t any = asteroids_move_rocks(s, reach, touching);
    s->frame += 1;
    if (any) {
        asteroids_judge(s, touching, any & ASTEROIDS_SHIP_BIT);
        asteroids_reach(s, reach);
    }
}

static void asteroids_add_log(Asteroids* s)
{
    float score = (float)s->score;
    puf_log_episode(&s->log.all, puf_minf(score * (1.0f / ASTEROIDS_GOAL), 1.0f), score,
                    score * ASTEROIDS_REWARD - (float)s->lost, (float)((s->frame + s->frameskip - 1) / s->frameskip));
    s->log.waves += (float)(s->wave - 1);
    s->log.accuracy += s->fired ? (float)s->hits / (float)s->fired : 0.0f;
}

static void asteroids_step(Asteroids* s, PufIo io)
{
    int32_t score = s->score, lives = s->lives;
    AsteroidsReach reach;
    asteroids_reach(s, &reach);
    for (int32_t f = 0; f < s->frameskip && s->lives > 0; f++) {
        asteroids_frame(s, io.actions, &reach);
    }
    int over = s->lives == 0;
    int late = !over && s->frame >= s->max_frames;
    io.rewards[0] = (float)(s->score - score) * ASTEROIDS_REWARD - (float)(lives - s->lives);
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = (uint8_t)late;
    if (over | late) {
        asteroids_add_log(s);
    }
}

// ---- What the ship sees ----

// The nearest rocks, one array per quantity, so that compilers can vectorize loops over them.
typedef struct AsteroidsView {
    float dx[ASTEROIDS_SEEN], dy[ASTEROIDS_SEEN], vx[ASTEROIDS_SEEN], vy[ASTEROIDS_SEEN]; // units
    float radius[ASTEROIDS_SEEN];
    float there[ASTEROIDS_SEEN]; // 1 a rock, 0 none
} AsteroidsView;

// Slots by distance, accurate to about 1 unit at a distance of 50; those beyond the nearest 8 overwrite one another. A
// rock's place is the number of rocks closer than it: 32 x 32 comparisons without a branch, 16 or 32 at a time.
static inline void asteroids_nearest(const Asteroids* s, const int16_t* dx, const int16_t* dy, int32_t* nearest)
{
    int16_t key[ASTEROIDS_SLOTS], place[ASTEROIDS_SLOTS] = { 0 };
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        int16_t x = dx[i] > -INT16_MAX ? dx[i] : -INT16_MAX, y = dy[i] > -INT16_MAX ? dy[i] : -INT16_MAX;
        int16_t square = (int16_t)((int16_t)((x * x) >> 16) + (int16_t)((y * y) >> 16));
        int16_t unique = (int16_t)((square & ~(ASTEROIDS_SLOTS - 1)) | i);
        key[i] = s->rock_size[i] ? unique : INT16_MAX;
    }
    for (int32_t j = 0; j < ASTEROIDS_SLOTS; j++) {
        for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
            place[i] = (int16_t)(place[i] + (key[j] < key[i]));
        }
    }
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        nearest[place[i] < ASTEROIDS_SEEN ? place[i] : ASTEROIDS_SEEN] = i;
    }
}

static inline void asteroids_look(const Asteroids* s, AsteroidsView* view)
{
    int16_t dx[ASTEROIDS_SLOTS], dy[ASTEROIDS_SLOTS];
    int16_t ship_x = asteroids_ship_x(s), ship_y = asteroids_ship_y(s);
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        dx[i] = (int16_t)(s->rock_x[i] - ship_x);
        dy[i] = (int16_t)(s->rock_y[i] - ship_y);
    }
    int32_t nearest[ASTEROIDS_SEEN + 1] = { 0 };
    asteroids_nearest(s, dx, dy, nearest);
    int32_t count = 0;
    for (int32_t i = 0; i < ASTEROIDS_SLOTS; i++) {
        count += s->rock_size[i] > 0;
    }
    float own_vx = (float)s->ship_vx * (1.0f / ASTEROIDS_SHIP_FRACTION);
    float own_vy = (float)s->ship_vy * (1.0f / ASTEROIDS_SHIP_FRACTION);
    for (int32_t k = 0; k < ASTEROIDS_SEEN; k++) {
        int32_t i = nearest[k];
        view->dx[k] = (float)dx[i] * (1.0f / ASTEROIDS_UNIT);
        view->dy[k] = (float)dy[i] * (1.0f / ASTEROIDS_UNIT);
        view->vx[k] = ((float)s->rock_vx[i] - own_vx) * (1.0f / ASTEROIDS_UNIT);
        view->vy[k] = ((float)s->rock_vy[i] - own_vy) * (1.0f / ASTEROIDS_UNIT);
        view->radius[k] = (float)asteroids_radius(s->rock_size[i]) * 0.25f;
        view->there[k] = k < count ? 1.0f : 0.0f;
    }
}

#define ASTEROIDS_NEAR 64.0f // units at which rock_near is 0.5
#define ASTEROIDS_SWIFT 4.0f // units per frame; most rocks approach more slowly

static void asteroids_observe(const Asteroids* s, PufIo io)
{
    float* obs = io.obs;
    float cosine = (float)asteroids_cosine(s->heading) * (1.0f / ASTEROIDS_ONE);
    float sine = (float)asteroids_sine(s->heading) * (1.0f / ASTEROIDS_ONE);
    float vx = (float)s->ship_vx * (1.0f / (ASTEROIDS_SHIP_FRACTION * (float)ASTEROIDS_TOP_SPEED));
    float vy = (float)s->ship_vy * (1.0f / (ASTEROIDS_SHIP_FRACTION * (float)ASTEROIDS_TOP_SPEED));
    int32_t ready = 0;
    for (int32_t k = 0; k < ASTEROIDS_SHOTS; k++) {
        ready += s->shot_life[k] == 0;
    }
    obs[0] = puf_clampf(vx * cosine + vy * sine, -1.0f, 1.0f);
    obs[1] = puf_clampf(vy * cosine - vx * sine, -1.0f, 1.0f);
    obs[2] = (float)s->turning * (1.0f / (ASTEROIDS_TURN_EASE + 1));
    obs[3] = (float)s->cooldown * (1.0f / ASTEROIDS_COOLDOWN);
    obs[4] = (float)ready * (1.0f / ASTEROIDS_SHOTS);
    obs[5] = (float)s->lives / (float)s->first_lives;
    obs[6] = (float)s->shield * (1.0f / ASTEROIDS_SHIELD);
    obs[7] = (float)s->mass * (1.0f / ASTEROIDS_SLOTS);
    obs[8] = (float)s->large * (1.0f / ASTEROIDS_MAX_LARGE);
    obs[9] = puf_minf((float)s->frame / (float)s->max_frames, 1.0f);

    AsteroidsView view;
    asteroids_look(s, &view);
    float* rocks = obs + ASTEROIDS_OWN;
    for (int32_t k = 0; k < ASTEROIDS_SEEN; k++) {
        float dx = view.dx[k], dy = view.dy[k], there = view.there[k];
        float distance = sqrtf(dx * dx + dy * dy);
        float inverse = there / puf_maxf(distance, 1.0f);
        float east = dx * inverse, south = dy * inverse;
        float ahead = east * cosine + south * sine, right = south * cosine - east * sine;
        float approach = -(view.vx[k] * east + view.vy[k] * south);
        float drift = view.vy[k] * east - view.vx[k] * south;
        float gap = puf_maxf(distance - view.radius[k], 0.0f);
        rocks[k] = puf_clampf(ahead, -1.0f, 1.0f);
        rocks[ASTEROIDS_SEEN + k] = puf_clampf(right, -1.0f, 1.0f);
        rocks[2 * ASTEROIDS_SEEN + k] = there * ASTEROIDS_NEAR / (ASTEROIDS_NEAR + gap);
        rocks[3 * ASTEROIDS_SEEN + k] = puf_clampf(approach * (1.0f / ASTEROIDS_SWIFT), -1.0f, 1.0f);
        rocks[4 * ASTEROIDS_SEEN + k] = puf_clampf(drift * (1.0f / ASTEROIDS_SWIFT), -1.0f, 1.0f);
        rocks[5 * ASTEROIDS_SEEN + k] = puf_minf(view.radius[k] * inverse, 1.0f);
        rocks[6 * ASTEROIDS_SEEN + k] = there * view.radius[k] * (4.0f / ASTEROIDS_LARGE_RADIUS);
    }
}

static const PufObs asteroids_obs[] = {
    { "forward", 1, -1, 1, "velocity along the heading / 3 units per frame" },
    { "sideways", 1, -1, 1, "velocity to the right of the heading / 3 units per frame" },
    { "turning", 1, -1, 1, "frames of turning to the right / 5; negative to the left" },
    { "cooldown", 1, 0, 1, "frames until the ship can fire / 8" },
    { "ready", 1, 0, 1, "shots not in flight / 4" },
    { "lives", 1, 0, 1, "lives left / lives at the start" },
    { "shield", 1, 0, 1, "frames until rocks can hit the ship / 90" },
    { "mass", 1, 0, 1, "rocks left, counted in small ones / 32" },
    { "large", 1, 0, 1, "large rocks at the start of the wave / 8" },
    { "time", 1, 0, 1, "frames / max_frames" },
    { "rock_ahead", ASTEROIDS_SEEN, -1, 1, "cosine of the angle from the heading to the rock, nearest rock first" },
    { "rock_right", ASTEROIDS_SEEN, -1, 1, "sine of that angle" },
    { "rock_near", ASTEROIDS_SEEN, 0, 1, "64 / (64 + units from the ship's centre to the rock's edge)" },
    { "rock_approach", ASTEROIDS_SEEN, -1, 1, "relative velocity towards the ship / 4 units per frame, clipped" },
    { "rock_drift", ASTEROIDS_SEEN, -1, 1, "relative velocity clockwise around the ship / 4 units per frame, clipped" },
    { "rock_width", ASTEROIDS_SEEN, 0, 1, "radius / distance: half the angle that the rock fills" },
    { "rock_radius", ASTEROIDS_SEEN, 0, 1, "radius / 32 units" },
};
static const PufAction asteroids_actions[] = {
    { "turn", ASTEROIDS_TURNS, 0, 0, "none left right" },
    { "engine", 2, 0, 0, "none thrust" },
    { "gun", 2, 0, 0, "none fire" },
};
static const PufParam asteroids_params[] = {
    PUF_SETTING(Asteroids, frameskip, 4, 1, 16, "frames for which an action is held, at 60 frames per second"),
    PUF_SETTING_AS(Asteroids, "lives", first_lives, 3, 1, 9, "lives at the start of an episode"),
    PUF_SETTING_AS(Asteroids, "rocks", first_rocks, 4, 1, ASTEROIDS_MAX_LARGE,
                   "large rocks in the first wave; each later wave has one more, up to 8"),
    PUF_SETTING(Asteroids, max_frames, 9000, 1, 10000000, "frames after which an episode is truncated"),
};
static const PufField asteroids_fields[] = {
    PUF_ARRAY(Asteroids, rock_x, "centre of each rock, 1/128 unit to the right of the plane's centre"),
    PUF_ARRAY(Asteroids, rock_y, "centre of each rock, 1/128 unit below the plane's centre"),
    PUF_ARRAY(Asteroids, rock_vx, "1/128 unit per frame"),
    PUF_ARRAY(Asteroids, rock_vy, "1/128 unit per frame, downwards"),
    PUF_ARRAY(Asteroids, rock_size, "4 large, 2 medium, 1 small, 0 no rock", PUF_RANGE(0, ASTEROIDS_LARGE)),
    PUF_ARRAY(Asteroids, rock_look, "a random number for each, which renderers take its shape from"),
    PUF_ARRAY(Asteroids, shot_x, "1/128 unit"),
    PUF_ARRAY(Asteroids, shot_y, "1/128 unit"),
    PUF_ARRAY(Asteroids, shot_vx, "1/128 unit per frame"),
    PUF_ARRAY(Asteroids, shot_vy, "1/128 unit per frame"),
    PUF_ARRAY(Asteroids, shot_life, "frames left; 0 no shot", PUF_RANGE(0, ASTEROIDS_SHOT_LIFE)),
    PUF_SCALAR(Asteroids, ship_x, "1/8388608 unit to the right of the plane's centre, modulo 2^32"),
    PUF_SCALAR(Asteroids, ship_y, "1/8388608 unit below the plane's centre, modulo 2^32"),
    PUF_SCALAR(Asteroids, ship_vx, "1/8388608 unit per frame", PUF_RANGE(-ASTEROIDS_FASTEST, ASTEROIDS_FASTEST)),
    PUF_SCALAR(Asteroids, ship_vy, "1/8388608 unit per frame, downwards",
               PUF_RANGE(-ASTEROIDS_FASTEST, ASTEROIDS_FASTEST)),
    PUF_SCALAR(Asteroids, heading, "1/256 turn, clockwise from the right", PUF_RANGE(0, ASTEROIDS_HEADINGS - 1)),
    PUF_SCALAR(Asteroids, turning, "frames it has been turning to the right, up to 5; negative to the left",
               PUF_RANGE(-ASTEROIDS_TURN_EASE - 1, ASTEROIDS_TURN_EASE + 1)),
    PUF_SCALAR(Asteroids, thrusting, "1 if the engine was on in the last frame", PUF_RANGE(0, 1)),
    PUF_SCALAR(Asteroids, cooldown, "frames until the ship can fire", PUF_RANGE(0, ASTEROIDS_COOLDOWN)),
    PUF_SCALAR(Asteroids, shield, "frames until rocks can hit the ship", PUF_RANGE(0, ASTEROIDS_SHIELD)),
    PUF_SCALAR(Asteroids, lives, "lives left, including the current one",
               .range = PUF_BELOW(Asteroids, 1, first_lives, 0)),
    PUF_SCALAR(Asteroids, mass, "rocks left, counted in small ones", PUF_RANGE(0, ASTEROIDS_SLOTS)),
    PUF_SCALAR(Asteroids, large, "large rocks at the start of this wave", PUF_RANGE(1, ASTEROIDS_MAX_LARGE)),
    PUF_SCALAR(Asteroids, wave, "from 1", PUF_RANGE(1, ASTEROIDS_MANY)),
    PUF_SCALAR(Asteroids, score, "points", PUF_RANGE(0, ASTEROIDS_MANY)),
    PUF_SCALAR(Asteroids, lost, NULL, PUF_UP_TO(Asteroids, first_lives)),
    PUF_SCALAR(Asteroids, fired, "shots fired in this episode", PUF_RANGE(0, ASTEROIDS_MANY)),
    PUF_SCALAR(Asteroids, hits, "rocks hit in this episode", PUF_RANGE(0, ASTEROIDS_MANY)),
    PUF_SCALAR(Asteroids, blasts,
               "rocks and ships destroyed in this episode; number k is at index k modulo 8 of the arrays below",
               PUF_RANGE(0, ASTEROIDS_MANY)),
    PUF_ARRAY(Asteroids, blast_x, "1/128 unit"),
    PUF_ARRAY(Asteroids, blast_y, "1/128 unit"),
    PUF_ARRAY(Asteroids, blast_size, "size of the rock, or 0 for the ship"),
    PUF_ARRAY(Asteroids, blast_frame, "frame in which it happened; 0 if none"),
    PUF_SCALAR(Asteroids, frame, "frames since the start of the episode", PUF_UP_TO(Asteroids, max_frames)),
};

// A rock owns as many slots as its size, for its parts: from one that is a multiple of it.
static const char* asteroids_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Asteroids* s = state;
    int32_t mass = 0;
    for (int32_t i = 0, end = 0; i < ASTEROIDS_SLOTS; i++) {
        int32_t size = s->rock_size[i];
        if (size > 0 && (size == ASTEROIDS_LARGE - 1 || i % size != 0 || i < end)) {
            return "rock_size";
        }
        end = size > 0 ? i + size : end;
        mass += size;
    }
    return mass != s->mass ? "mass" : NULL;
}

static const char* const asteroids_log_names[] = { "waves", "accuracy" };

// clang-format off
PUF_DEFINE_ENV(asteroids, Asteroids,
    .version = 1,
    .doc = "Fly a ship with inertia through drifting rocks and shoot them to pieces.",
    .reward = "points / 512 for each rock hit (20 large, 50 medium, 100 small), -1 for each life lost",
    .ends = "terminal when the last life is lost; truncated after max_frames frames",
    .rate = 15,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Asteroids), .agents = 1, .obs_ndim = 1, .obs_shape = { ASTEROIDS_OBS },
                PUF_ACTIONS(asteroids) },
    PUF_TABLES(asteroids),
    PUF_LOG_NAMES(asteroids), .contradiction = asteroids_contradiction);
