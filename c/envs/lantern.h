// lantern - in a dark maze, find the lantern, keep its colour in mind, find the gate of that colour, and stop in it.
//
// Observation  float32 (40,). 16 rays, evenly spaced, the first to the right and then clockwise, reach
//              6 m or up to a wall: the closeness of the wall on each (1 at the body, 0 for none in
//              reach). A light is in sight while a ray meets it, the lantern only within `glow`
//              (2.5 m). The lantern: where it is, and one of four for its colour. The gate of each
//              colour: where it is, and 1. All of these are 0 out of sight. The velocity; how fast the
//              body hit a wall lately, and on which side; the share of the rest that enters a gate;
//              the time left.
// Action       two numbers in [-1, 1]: thrust to the right and downwards.
// Reward       +1 for entering the gate of the lantern's colour, -`penalty` for another one (a third,
//              so that guessing is worth nothing), and `reward_tile` (0) for the first visit to each
//              tile but the first.
// End          terminal on entering a gate, the right one or a wrong one; truncated when the time is
//              over: `patience` times that of a walk to all rooms and back at half the top speed.
// Score        ticks of the shortest way at top speed / ticks taken, or 0 without the right gate; at
//              most 1. perf is 1 for the right gate, else 0.
//
// A body slides over a floor of tiles, 1 m each, and sees nothing but what its rays meet: no map, no
// position. Somewhere in the maze burns a lantern. Somewhere else are four gates, one of each colour.
// Gates and lantern are discs of light on the floor, through which the body passes. It enters a gate
// by resting in it: being slower than 0.3 m/s for `rest` ticks. Colours are drawn for each episode.
// But for mazes of one room, no gate sees the lantern: an agent that forgets its colour is right
// one time in four.
//
// Mazes have 1 to `rooms` rooms. They are ranked by these, then by the way past the lantern to the
// gates. An episode draws one from a window of ranks, which `difficulty` can move while the environment
// runs. In the easiest, lantern and gates share one room, and gates are entered at once, so that chance
// often finds the reward. Up to seven rooms, the lantern is where the episode begins, and the gates are
// together. In larger ones they are far apart, and the lantern has to be found first. `rest` grows to
// its full length over the first three tenths of the ranks, and from there on noise of any kind
// practically never wins.
//
// Lengths are in metres, x to the right and y downwards; a tick is 1/30 s.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

#define LANTERN_TICK (1.0f / 30.0f) // s
#define LANTERN_THRUST 4.0f         // m/s^2 along each axis
#define LANTERN_DRAG 1.25f          // 1/s
#define LANTERN_TOP_SPEED 3.2f      // m/s along each axis: thrust / drag
#define LANTERN_BOUNCE 0.3f         // share of the speed that is left after hitting a wall
#define LANTERN_RADIUS 0.2f         // of the body
#define LANTERN_FADE 0.8f           // share of the memory of a bump that is left after a tick
#define LANTERN_SKIN 0x1p-10f       // between the body and the wall that stopped it
#define LANTERN_LIGHT 0.5f          // radius of the lantern and of the gates
#define LANTERN_STILL 0.3f          // m/s below which the body rests
#define LANTERN_SIGHT 6.0f          // m that rays reach
#define LANTERN_CORNER 1.15f        // m from the middle of a room, along each axis, to where episodes begin: in no gate
#define LANTERN_JITTER 0.1f         // m around there
#define LANTERN_GROWS 0.3f          // share of the ranks over which `rest` grows

enum { LANTERN_COLOURS = 4, LANTERN_RAYS = 16, LANTERN_MAX_LEVELS = 65536 };
enum { LANTERN_THRUST_X, LANTERN_THRUST_Y, LANTERN_CONTROLS };
enum { LANTERN_LATE, LANTERN_WRONG, LANTERN_FOUND, LANTERN_NO_VERDICT };
enum { LANTERN_TRAIL = 16, LANTERN_TRAIL_TICKS = 4 };
enum { LANTERN_MANY = 1000000000 }; // more ticks than any episode has

#include "lantern_levels.h"

typedef struct Lantern {
    PufRng rng;
    float x, y, vx, vy;   // of the body
    float bump_x, bump_y; // its speed when it hit a wall in this step: positive on its right, below it
    int32_t resting;      // ticks of rest in a gate so far
    int32_t tick, limit;  // of this episode
    int32_t needed;       // ticks of rest that enter a gate in this level
    int32_t rank;         // of the level; 0 is the easiest
    int32_t colour;       // of the lantern
    int32_t gate_colour[LANTERN_COLOURS];
    int32_t verdict;                                      // LANTERN_...: how the previous episode ended; for renderers
    uint32_t footprints[LANTERN_ROWS];                    // tiles where the body has been, as bits; for renderers
    float trail_x[LANTERN_TRAIL], trail_y[LANTERN_TRAIL]; // where it was lately: a ring; for renderers
    float episode_return;
    // settings, and members that follow from them
    int32_t frameskip, rest, beacon, num_levels;
    float patience, penalty, reward_tile, glow;
    int32_t first_rank, num_ranks; // the window from which episodes draw
    // where the tables of the level are in the assets
    int32_t rows_at, gates_at, lantern_at, one, pair, four, table;
    PufLog log;
    float log_rooms, entered_n, entered_right; // after the five of PufLog
} Lantern;

// The settings that levels are made from, and the window of ranks.
typedef struct LanternSetup {
    Lantern state;
    int32_t rooms;
    float loops;
    uint32_t level_seed;
    double difficulty, spread;
} LanternSetup;

// ---- Levels ----

static void lantern_resize(PufLayout* layout, const void* setup)
{
    const LanternSetup* given = setup;
    layout->assets_size = (uint64_t)given->state.num_levels * sizeof(LanternLevel);
}

// The first level has one room, the last has all.
static void lantern_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    const LanternSetup* given = setup;
    LanternLevel* levels = assets;
    int32_t count = given->state.num_levels;
    for (int32_t i = 0; i < count; i++) {
        int64_t more = given->rooms - 1, of = count > 1 ? count - 1 : 1, number = count > 1 ? i : 1;
        int32_t rooms = 1 + (int32_t)((2 * number * more + of) / (2 * of));
        levels[i].number = i;
        lantern_make_level(&levels[i], rooms, given->loops, puf_rng_seed(given->level_seed, (uint64_t)i));
    }
    lantern_rank(levels, count);
}

static void lantern_prepare(void* setup)
{
    LanternSetup* given = setup;
    Lantern* s = &given->state;
    s->num_ranks = puf_clampi((int32_t)(given->spread * s->num_levels), 1, s->num_levels);
    s->first_rank = (int32_t)(given->difficulty * (s->num_levels - s->num_ranks) + 0.5);
    s->verdict = LANTERN_NO_VERDICT;
    s->one = 1;
    s->pair = 2;
    s->four = LANTERN_COLOURS;
    s->table = LANTERN_ROWS;
}

static const LanternLevel* lantern_level(const Lantern* s, const void* assets)
{
    return (const LanternLevel*)assets + s->rank;
}

// ---- Episodes ----

// Where the tables of the level are, and what it asks for.
static void lantern_enter_level(Lantern* s, const LanternLevel* level)
{
    int32_t at = s->rank * (int32_t)sizeof(LanternLevel);
    s->rows_at = at + (int32_t)offsetof(LanternLevel, rows);
    s->gates_at = at + (int32_t)offsetof(LanternLevel, gates);
    s->lantern_at = at + (int32_t)offsetof(LanternLevel, lantern);
    float walk = (float)(2 * LANTERN_PITCH * level->rooms); // m to all rooms and back
    s->limit = (int32_t)(s->patience * walk * (2.0f / LANTERN_TOP_SPEED / LANTERN_TICK)) + 1;
    float grown = s->num_levels > 1 ? (float)s->rank / (LANTERN_GROWS * (float)(s->num_levels - 1)) : 1.0f;
    s->needed = 1 + (int32_t)((float)(s->rest - 1) * puf_minf(grown, 1.0f) + 0.5f);
}

// Colours for the lantern and the gates: all orders are equally likely.
static void lantern_draw_colours(Lantern* s)
{
    s->colour = (int32_t)puf_rand_below(&s->rng, LANTERN_COLOURS);
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        int32_t other = (int32_t)puf_rand_below(&s->rng, (uint32_t)(g + 1));
        s->gate_colour[g] = s->gate_colour[other];
        s->gate_colour[other] = g;
    }
}

// At rest, in one of the corners of a room.
static void lantern_place_body(Lantern* s, LanternPlace middle)
{
    uint32_t corner = puf_rand_below(&s->rng, 4);
    s->x = middle.x + (corner % 2 ? LANTERN_CORNER : -LANTERN_CORNER);
    s->y = middle.y + (corner / 2 ? LANTERN_CORNER : -LANTERN_CORNER);
    s->x += puf_rand_range(&s->rng, -LANTERN_JITTER, LANTERN_JITTER);
    s->y += puf_rand_range(&s->rng, -LANTERN_JITTER, LANTERN_JITTER);
    s->vx = 0.0f;
    s->vy = 0.0f;
    s->bump_x = 0.0f;
    s->bump_y = 0.0f;
    s->resting = 0;
}

static void lantern_reset(Lantern* s, const void* assets)
{
    s->rank = s->first_rank + (int32_t)puf_rand_below(&s->rng, (uint32_t)s->num_ranks);
    const LanternLevel* level = lantern_level(s, assets);
    lantern_enter_level(s, level);
    lantern_draw_colours(s);
    lantern_place_body(s, level->start);
    memset(s->footprints, 0, sizeof(s->footprints));
    s->footprints[(int32_t)s->y] = UINT32_C(1) << (int32_t)s->x;
    for (int32_t i = 0; i < LANTERN_TRAIL; i++) {
        s->trail_x[i] = s->x;
        s->trail_y[i] = s->y;
    }
    s->tick = 0;
    s->episode_return = 0.0f;
}

// ---- The body ----

static inline int lantern_is_floor(const LanternLevel* level, float x, float y)
{
    return level->rows[(int32_t)y] >> (int32_t)x & 1;
}

// A move along one axis, x or y.
typedef struct LanternMove {
    float place, speed, bump;
} LanternMove;

static inline float lantern_front(float place, float speed)
{
    return speed > 0.0f ? place + LANTERN_RADIUS : place - LANTERN_RADIUS;
}

// What hitting a wall makes of a move, whose front is within the tile of that wall.
static inline LanternMove lantern_hit(LanternMove move)
{
    float tile = (float)(int32_t)lantern_front(move.place, move.speed), gap = LANTERN_RADIUS + LANTERN_SKIN;
    LanternMove after;
    after.place = move.speed > 0.0f ? tile - gap : tile + 1.0f + gap;
    after.speed = -LANTERN_BOUNCE * move.speed;
    after.bump = move.speed;
    return after;
}

// One tick: speed first, then place, along x and then along y. For walls the body is a square; one that it hits stops it
// and throws it back a little.
static inline void lantern_move(Lantern* s, const LanternLevel* level, float thrust_x, float thrust_y)
{
    const float keep = 1.0f - LANTERN_DRAG * LANTERN_TICK, gain = LANTERN_THRUST * LANTERN_TICK;
    float vx = s->vx * keep + gain * thrust_x, vy = s->vy * keep + gain * thrust_y;

    LanternMove x = { s->x + vx * LANTERN_TICK, vx, s->bump_x * LANTERN_FADE };
    float front = lantern_front(x.place, x.speed);
    if (!(lantern_is_floor(level, front, s->y - LANTERN_RADIUS) &
          lantern_is_floor(level, front, s->y + LANTERN_RADIUS))) {
        x = lantern_hit(x);
    }
    LanternMove y = { s->y + vy * LANTERN_TICK, vy, s->bump_y * LANTERN_FADE };
    front = lantern_front(y.place, y.speed);
    if (!(lantern_is_floor(level, x.place - LANTERN_RADIUS, front) &
          lantern_is_floor(level, x.place + LANTERN_RADIUS, front))) {
        y = lantern_hit(y);
    }
    s->x = x.place;
    s->vx = x.speed;
    s->bump_x = x.bump;
    s->y = y.place;
    s->vy = y.speed;
    s->bump_y = y.bump;
}

// The gate that the body is in, or -1. Gates are too far apart for two.
static inline int32_t lantern_gate_here(const Lantern* s, const LanternLevel* level)
{
    int32_t here = -1;
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        float dx = level->gates[g].x - s->x, dy = level->gates[g].y - s->y;
        here = dx * dx + dy * dy < LANTERN_LIGHT * LANTERN_LIGHT ? g : here;
    }
    return here;
}

// Rest on, or not. Returns the gate that is entered now, or -1.
static inline int32_t lantern_rest(Lantern* s, const LanternLevel* level)
{
    int32_t gate = -1;
    if (s->vx * s->vx + s->vy * s->vy < LANTERN_STILL * LANTERN_STILL) {
        gate = lantern_gate_here(s, level);
    }
    s->resting = gate >= 0 ? s->resting + 1 : 0;
    return s->resting >= s->needed ? gate : -1;
}

// Returns whether the body is on this tile for the first time.
static inline int32_t lantern_leave_traces(Lantern* s)
{
    uint32_t at = (uint32_t)s->tick / LANTERN_TRAIL_TICKS % LANTERN_TRAIL;
    s->trail_x[at] = s->x;
    s->trail_y[at] = s->y;
    uint32_t *row = &s->footprints[(int32_t)s->y], tile = UINT32_C(1) << (int32_t)s->x;
    int32_t first = !(*row & tile);
    *row |= tile;
    return first;
}

static void lantern_add_log(Lantern* s, const LanternLevel* level, int32_t gate, int32_t right)
{
    float score = 0.0f;
    if (right) {
        float par = (float)level->way[gate] * (1.0f / LANTERN_TOP_SPEED / LANTERN_TICK) + (float)s->needed;
        score = puf_minf(par / (float)s->tick, 1.0f);
    }
    float steps = (float)((s->tick + s->frameskip - 1) / s->frameskip);
    puf_log_episode(&s->log, (float)right, score, s->episode_return, steps);
    s->log_rooms += (float)level->rooms;
    s->entered_n += gate >= 0 ? 1.0f : 0.0f;
    s->entered_right += (float)right;
}

static void lantern_step(Lantern* s, PufIo io)
{
    const LanternLevel* level = lantern_level(s, io.assets);
    float thrust_x = io.controls[LANTERN_THRUST_X], thrust_y = io.controls[LANTERN_THRUST_Y];
    int32_t gate = -1, late = 0, tiles = 0;
    for (int32_t i = 0; i < s->frameskip && gate < 0 && !late; i++) {
        lantern_move(s, level, thrust_x, thrust_y);
        s->tick += 1;
        tiles += lantern_leave_traces(s);
        gate = lantern_rest(s, level);
        late = gate < 0 && s->tick >= s->limit;
    }
    int32_t right = gate >= 0 && s->gate_colour[gate] == s->colour;
    float reward = (right ? 1.0f : gate >= 0 ? -s->penalty : 0.0f) + (float)tiles * s->reward_tile;
    s->episode_return += reward;
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)(gate >= 0);
    io.truncations[0] = (uint8_t)late;
    if (gate >= 0 || late) {
        s->verdict = late ? LANTERN_LATE : right ? LANTERN_FOUND : LANTERN_WRONG;
        lantern_add_log(s, level, gate, right);
    }
}

// ---- What it sees ----

// Cosines of the multiples of 22.5 degrees.
static const float lantern_ray_x[LANTERN_RAYS] = { 1.0f,  0.923879533f,  0.707106781f,  0.382683432f,
                                                   0.0f,  -0.382683432f, -0.707106781f, -0.923879533f,
                                                   -1.0f, -0.923879533f, -0.707106781f, -0.382683432f,
                                                   0.0f,  0.382683432f,  0.707106781f,  0.923879533f };
static const float lantern_ray_y[LANTERN_RAYS] = { 0.0f,  0.382683432f,  0.707106781f,  0.923879533f,
                                                   1.0f,  0.923879533f,  0.707106781f,  0.382683432f,
                                                   0.0f,  -0.382683432f, -0.707106781f, -0.923879533f,
                                                   -1.0f, -0.923879533f, -0.707106781f, -0.382683432f };

// Their reciprocals, without signs: how far a ray gets for each metre along one axis.
#define LANTERN_NEVER 0x1p60f
static const float lantern_gap_x[LANTERN_RAYS] = { 1.0f,          1.0823922f,  1.41421356f, 2.61312593f,
                                                   LANTERN_NEVER, 2.61312593f, 1.41421356f, 1.0823922f,
                                                   1.0f,          1.0823922f,  1.41421356f, 2.61312593f,
                                                   LANTERN_NEVER, 2.61312593f, 1.41421356f, 1.0823922f };
static const float lantern_gap_y[LANTERN_RAYS] = { LANTERN_NEVER, 2.61312593f, 1.41421356f, 1.0823922f,
                                                   1.0f,          1.0823922f,  1.41421356f, 2.61312593f,
                                                   LANTERN_NEVER, 2.61312593f, 1.41421356f, 1.0823922f,
                                                   1.0f,          1.0823922f,  1.41421356f, 2.61312593f };

// A tile's place among the tiles from one wall to the next: 0 is the wall. (A pitch of 4 makes this one instruction.)
static inline int32_t lantern_in_pitch(int32_t tile) { return (int32_t)((uint32_t)tile % LANTERN_PITCH); }

// Rays go from box to box: rooms, and doors of one tile. The first tile of the box that a tile is in, along one axis.
static inline int32_t lantern_box_start(int32_t tile, int32_t in_door)
{
    return in_door ? tile : tile - lantern_in_pitch(tile) + 1;
}

static inline int32_t lantern_box_size(int32_t in_door) { return in_door ? 1 : LANTERN_PITCH - 1; }

static inline int32_t lantern_in_door(int32_t column, int32_t row)
{
    int32_t across = lantern_in_pitch(column) == 0, down = lantern_in_pitch(row) == 0;
    return across | down;
}

// How far a ray gets along one axis, from its beginning at `place` to where it leaves a box.
static inline float lantern_to_border(float place, int32_t start, int32_t size, float direction, float gap)
{
    return (direction < 0.0f ? place - (float)start : (float)(start + size) - place) * gap;
}

// The distance to the first wall along ray i.
static inline float lantern_cast(const Lantern* s, const LanternLevel* level, int32_t i)
{
    int32_t column = (int32_t)s->x, row = (int32_t)s->y;
    float dx = lantern_ray_x[i], dy = lantern_ray_y[i], distance = 0.0f;
    while (distance < LANTERN_SIGHT && (level->rows[row] >> column & 1)) {
        int32_t door = lantern_in_door(column, row), size = lantern_box_size(door);
        int32_t left = lantern_box_start(column, door), top = lantern_box_start(row, door);
        float to_x = lantern_to_border(s->x, left, size, dx, lantern_gap_x[i]);
        float to_y = lantern_to_border(s->y, top, size, dy, lantern_gap_y[i]);
        distance = puf_minf(to_x, to_y);
        if (to_x < to_y) { // into the tile behind the border
            column = dx < 0.0f ? left - 1 : left + size;
            row = puf_clampi((int32_t)(s->y + distance * dy), top, top + size - 1);
        } else {
            column = puf_clampi((int32_t)(s->x + distance * dx), left, left + size - 1);
            row = dy < 0.0f ? top - 1 : top + size;
        }
    }
    return puf_minf(distance, LANTERN_SIGHT);
}

static inline void lantern_see_walls(const Lantern* s, const LanternLevel* level, float* wall)
{
    for (int32_t i = 0; i < LANTERN_RAYS; i++) {
        wall[i] = lantern_cast(s, level, i);
    }
}

#include "lantern_lanes.h"

// Whether a ray meets a disc of light, whose middle is within `reach`, before it meets a wall.
static int32_t lantern_sees(const Lantern* s, LanternPlace light, float reach, const float* wall)
{
    float dx = light.x - s->x, dy = light.y - s->y, squared = dx * dx + dy * dy;
    const float radius = LANTERN_LIGHT * LANTERN_LIGHT;
    if (squared >= reach * reach) {
        return 0;
    }
    int32_t any = squared < radius;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < LANTERN_RAYS; i++) {
        float along = dx * lantern_ray_x[i] + dy * lantern_ray_y[i], deep = radius - (squared - along * along);
        float distance = along - sqrtf(puf_maxf(deep, 0.0f));
        any |= (along > 0.0f) & (deep > 0.0f) & (distance < wall[i]);
    }
    return any;
}

// Where a light is, seen from the body.
typedef struct LanternSight {
    float x, y;
} LanternSight;

// An observation. The names are those of lantern_obs.
typedef struct LanternSenses {
    float wall[LANTERN_RAYS];
    LanternSight lantern;
    float lantern_colour[LANTERN_COLOURS];
    LanternSight gate[LANTERN_COLOURS]; // by colour
    float gate_seen[LANTERN_COLOURS];
    float velocity_x, velocity_y, bump_x, bump_y, rest, time_left;
} LanternSenses;

enum { LANTERN_SENSES = sizeof(LanternSenses) / sizeof(float) };

// Divided by 1 m + its distance: nearly metres when it is near, nearly a direction when it is far.
static inline LanternSight lantern_sight(const Lantern* s, LanternPlace light)
{
    float dx = light.x - s->x, dy = light.y - s->y, scale = 1.0f / (1.0f + sqrtf(dx * dx + dy * dy));
    LanternSight sight;
    sight.x = dx * scale;
    sight.y = dy * scale;
    return sight;
}

static void lantern_observe(const Lantern* s, PufIo io)
{
    const LanternLevel* level = lantern_level(s, io.assets);
    LanternSenses* o = io.obs;
    float wall[LANTERN_RAYS];
    memset(o, 0, sizeof(*o));
    PUF_LANES(lantern_see_walls)(s, level, wall);
    for (int32_t i = 0; i < LANTERN_RAYS; i++) {
        o->wall[i] = 1.0f - wall[i] * (1.0f / LANTERN_SIGHT);
    }
    if (lantern_sees(s, level->lantern, s->glow, wall)) {
        o->lantern = lantern_sight(s, level->lantern);
        o->lantern_colour[s->colour] = (float)s->beacon;
    }
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        if (lantern_sees(s, level->gates[g], LANTERN_SIGHT + LANTERN_LIGHT, wall)) {
            o->gate[s->gate_colour[g]] = lantern_sight(s, level->gates[g]);
            o->gate_seen[s->gate_colour[g]] = 1.0f;
        }
    }
    o->velocity_x = puf_clampf(s->vx * (1.0f / LANTERN_TOP_SPEED), -1.0f, 1.0f);
    o->velocity_y = puf_clampf(s->vy * (1.0f / LANTERN_TOP_SPEED), -1.0f, 1.0f);
    o->bump_x = puf_clampf(s->bump_x * (1.0f / LANTERN_TOP_SPEED), -1.0f, 1.0f);
    o->bump_y = puf_clampf(s->bump_y * (1.0f / LANTERN_TOP_SPEED), -1.0f, 1.0f);
    o->rest = puf_minf((float)s->resting / (float)s->needed, 1.0f);
    o->time_left = puf_maxf(1.0f - (float)s->tick / (float)s->limit, 0.0f);
}

static const PufObs lantern_obs[] = {
    { "wall", LANTERN_RAYS, 0, 1, "closeness along each ray: 1 at the body, 0 for none within 6 m" },
    { "lantern", 2, -1, 1, "where it is, to the right and downwards: m / (1 m + distance); 0 out of sight" },
    { "colour", LANTERN_COLOURS, 0, 1, "1 for the colour of the lantern, while it is in sight" },
    { "gate", 2 * LANTERN_COLOURS, -1, 1, "where the gate of each colour is, as for the lantern" },
    { "gate_seen", LANTERN_COLOURS, 0, 1, "1 for the colours of gates in sight" },
    { "velocity", 2, -1, 1, "to the right and downwards, in 3.2 m/s" },
    { "bump", 2, -1, 1,
      "speed at which a wall was hit, on the right and below, in 3.2 m/s; a fifth of it fades in each tick" },
    { "rest", 1, 0, 1, "share of the rest that enters a gate" },
    { "time_left", 0, 0, 1, "as a share of the limit" },
};
static const PufAction lantern_actions[] = { { "thrust_x", 0, -1, 1, "share of full thrust, to the right" },
                                             { "thrust_y", 0, -1, 1, "share of full thrust, downwards" } };
static const PufParam lantern_params[] = {
    PUF_SETTING(LanternSetup, rooms, 12, 1, LANTERN_SQUARES, "rooms of the largest mazes; the smallest have one",
                .fixed = 1),
    PUF_SETTING(LanternSetup, loops, 0.1, 0, 1, "probability of a second way between neighbouring rooms", .fixed = 1),
    PUF_SETTING(Lantern, num_levels, 1024, 1, LANTERN_MAX_LEVELS, "mazes that a batch shares", .fixed = 1),
    PUF_SETTING(LanternSetup, level_seed, 0, 0, 1e9, "seed of the mazes", .fixed = 1),
    PUF_SETTING(
        LanternSetup, difficulty, 0.07, 0, 1,
        "window of mazes that episodes draw from, ranked by their rooms, then by the way past the lantern to the "
        "gates: 0 the easiest, 1 the hardest"),
    PUF_SETTING(LanternSetup, spread, 0.2, 0, 1, "width of that window as a fraction of all mazes"),
    PUF_SETTING(Lantern, rest, 20, 1, 1000, "ticks of rest that enter a gate, from three tenths of the ranks on"),
    PUF_FLAG(Lantern, beacon, 1, "the lantern shows its colour; without it, nobody can do better than one in four"),
    PUF_SETTING(Lantern, patience, 3, 0.1, 100,
                "time limit: multiple of the time of a walk to all rooms and back at half the top speed"),
    PUF_SETTING(Lantern, glow, 2.5, 0.5, 6, "m from which the lantern is seen; from 2.7 on, gates see it"),
    PUF_SETTING(Lantern, penalty, 0.333333, 0, 1, "taken from the reward for entering a wrong gate"),
    PUF_SETTING(Lantern, reward_tile, 0, 0, 1, "for the first visit to each tile other than the first"),
    PUF_SETTING(Lantern, frameskip, 4, 1, 12, "ticks of 1/30 s for which an action is held"),
};
static const PufField lantern_fields[] = {
    PUF_SCALAR(Lantern, x, "middle of the body, m to the right", PUF_RANGE(0, LANTERN_SIDE)),
    PUF_SCALAR(Lantern, y, "middle of the body, m downwards", PUF_RANGE(0, LANTERN_SIDE)),
    PUF_SCALAR(Lantern, vx, "m/s to the right", PUF_RANGE(-4, 4)),
    PUF_SCALAR(Lantern, vy, "m/s downwards", PUF_RANGE(-4, 4)),
    PUF_SCALAR(Lantern, bump_x, "speed to the right at which a wall was hit; a fifth fades in each tick",
               PUF_RANGE(-4, 4)),
    PUF_SCALAR(Lantern, bump_y, "speed downwards at which a wall was hit; a fifth fades in each tick",
               PUF_RANGE(-4, 4)),
    PUF_SCALAR(Lantern, resting, "ticks of rest in a gate so far", PUF_RANGE(0, 1000)),
    PUF_SCALAR(Lantern, needed, "ticks of rest that enter a gate in this maze", PUF_RANGE(1, 1000)),
    PUF_SCALAR(Lantern, tick, "ticks since the episode began", PUF_RANGE(0, LANTERN_MANY)),
    PUF_SCALAR(Lantern, limit, "ticks after which it is truncated", PUF_RANGE(1, LANTERN_MANY)),
    PUF_SCALAR(Lantern, rank, "of the maze, by rooms and then by the way past the lantern to the gates, from 0",
               PUF_LESS_THAN(Lantern, num_levels)),
    PUF_SCALAR(Lantern, num_levels, "number of mazes"),
    PUF_SCALAR(Lantern, colour, "of the lantern", PUF_RANGE(0, LANTERN_COLOURS - 1)),
    PUF_ARRAY(Lantern, gate_colour, "of each gate", PUF_RANGE(0, LANTERN_COLOURS - 1)),
    PUF_SCALAR(Lantern, beacon, "1: the lantern shows its colour"),
    PUF_SCALAR(Lantern, glow, "m from which the lantern is seen"),
    PUF_SCALAR(Lantern, verdict, "on the previous episode: 0 late, 1 a wrong gate, 2 the right one, 3 there was none",
               PUF_RANGE(LANTERN_LATE, LANTERN_NO_VERDICT)),
    PUF_ARRAY(Lantern, footprints, "tiles where the body has been: bit c of row r"),
    PUF_ARRAY(Lantern, trail_x, "where the body was lately: a ring, written every 4 ticks", PUF_RANGE(0, LANTERN_SIDE)),
    PUF_ARRAY(Lantern, trail_y, "the same, m downwards", PUF_RANGE(0, LANTERN_SIDE)),
    PUF_ASSET(Lantern, "rows", PUF_U32, rows_at, one, table, "tiles of the maze: bit c of row r is floor"),
    PUF_ASSET(Lantern, "gates", PUF_F32, gates_at, four, pair, "x and y of the middle of each gate, m"),
    PUF_ASSET(Lantern, "lantern", PUF_F32, lantern_at, one, pair, "x and y of the lantern, m"),
    PUF_SCALAR(Lantern, rows_at, NULL),
    PUF_SCALAR(Lantern, gates_at, NULL),
    PUF_SCALAR(Lantern, lantern_at, NULL),
    PUF_SCALAR(Lantern, first_rank, NULL, PUF_DERIVED),
    PUF_SCALAR(Lantern, num_ranks, NULL, PUF_DERIVED),
    PUF_SCALAR(Lantern, episode_return, NULL, PUF_RANGE(-1, LANTERN_ROWS* LANTERN_ROWS)),
};

// In a state from a file, the level is the one of its rank, all gates have different colours, and the body is not in a
// wall.
static const char* lantern_contradiction(const void* state, const void* assets)
{
    const Lantern* s = state;
    const LanternLevel* level = lantern_level(s, assets);
    Lantern other = *s;
    lantern_enter_level(&other, level);
    if (other.rows_at != s->rows_at || other.gates_at != s->gates_at || other.lantern_at != s->lantern_at) {
        return "rank";
    }
    int32_t colours = 0;
    for (int32_t g = 0; g < LANTERN_COLOURS; g++) {
        colours |= 1 << s->gate_colour[g];
    }
    if (colours != (1 << LANTERN_COLOURS) - 1) {
        return "gate_colour";
    }
    int on_floor = 1;
    for (int32_t corner = 0; corner < 4; corner++) {
        float x = s->x + (corner % 2 ? LANTERN_RADIUS : -LANTERN_RADIUS);
        float y = s->y + (corner / 2 ? LANTERN_RADIUS : -LANTERN_RADIUS);
        on_floor = on_floor && x >= 0.0f && y >= 0.0f && lantern_is_floor(level, x, y);
    }
    return on_floor ? NULL : "x";
}
static const char* const lantern_log_names[] = { "rooms", "entered.n", "entered.right" };

// clang-format off
PUF_DEFINE_ASSETS_ENV(lantern, Lantern,
    .version = 1,
    .doc = "In a dark maze, find the lantern, keep its colour in mind, find the gate of that colour, and stop in it.",
    .reward = "1 for entering the gate of the lantern's colour, -penalty for another one",
    .ends = "terminal on entering any gate; truncated when the time is over",
    .rate = 7.5,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Lantern), .agents = 1, .obs_ndim = 1, .obs_shape = { LANTERN_SENSES },
                PUF_ACTIONS(lantern), .assets_size = 1024 * sizeof(LanternLevel) },
    PUF_TABLES(lantern),
    PUF_LOG_NAMES(lantern),
    .setup_size = sizeof(LanternSetup), .resize = lantern_resize, .make_assets = lantern_make_assets,
    .prepare = lantern_prepare, .contradiction = lantern_contradiction);
