// enduro - an endurance race: overtake a quota of cars every day, through snow, night and fog.
//
// Observation  float32 (45,): 8 numbers for the agent's car and the road ahead, the weather (6
//              flags), 4 for the race, then closeness, lateral offset and closing speed of 9 cars:
//              in each lane the next two ahead and the next behind.
// Action       one of 9: steering (straight, left, right) x pedal (none, gas, brake); held for
//              `frameskip` frames of 1/60 s.
// Reward       1/16 for each car overtaken, -1/16 for each car that overtakes, -1/8 for a crash,
//              +1 for meeting a day's quota.
// End          terminal when a day ends below its quota; truncated after `max_days` days.
// Score        cars overtaken minus cars that overtook, over all days.
//
// The road has three lanes, bends both ways and never ends. A bend pushes the car outwards, by the
// square of its speed. Off the road the car slows down. Traffic stays in its lanes, each car at
// its own pace, and brakes for the car ahead, including the agent's. Running into a car, from
// behind or from the side, is a crash: the agent crawls for a while and loses points for the cars
// that pass.
//
// A day has eight equal phases. Snow reduces grip; snow, dusk, night and fog shorten the sight. A
// car out of sight is not observed.
//
// Everything is an integer: lengths in 1/1024 m, speeds in 1/1024 m per frame, bends from -64 (left)
// to 64 (right). Positions of other cars are distances from the agent's car, along the road.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { ENDURO_LANES = 3, ENDURO_CARS = 8 };     // cars per lane, ordered from the rearmost
enum { ENDURO_SLOTS = ENDURO_CARS + 2 };        // plus two slots that are always empty
enum { ENDURO_NODES = 12, ENDURO_PHASES = 8 };  // bends known ahead; parts of a day
enum { ENDURO_PEDALS = 3, ENDURO_ACTIONS = 9 }; // action = steering x pedal
enum { ENDURO_NO_PEDAL, ENDURO_GAS, ENDURO_BRAKE };
enum { ENDURO_CLEAR, ENDURO_SNOW, ENDURO_DUSK, ENDURO_NIGHT, ENDURO_FOG, ENDURO_DAWN, ENDURO_WEATHERS };

// Lengths in 1/1024 m. x is measured from the middle of the road to the right.
enum {
    ENDURO_METRE = 1024,
    ENDURO_LANE = 4 * ENDURO_METRE,
    ENDURO_LENGTH = 4608,              // 4.5 m, of a car
    ENDURO_WIDTH = 1638,               // 1.6 m: closer than this, sideways, two cars touch
    ENDURO_KEEP = 2 * ENDURO_METRE,    // distance that traffic keeps, bumper to bumper: no car moves as far in a frame
    ENDURO_VERGE = 5376,               // 5.25 m: beyond it, wheels are off the road
    ENDURO_RAIL = 6656,                // 6.5 m: the car cannot go further
    ENDURO_BEHIND = 64 * ENDURO_METRE, // a car this far behind moves ahead
    ENDURO_SPAWN = 256 * ENDURO_METRE, // at least this far
    ENDURO_AHEAD = 560 * ENDURO_METRE, // a car this far ahead moves behind
    ENDURO_REAR = 48 * ENDURO_METRE,   // at least this far
    ENDURO_MIRROR = 64 * ENDURO_METRE, // sight to the rear, in any weather
    ENDURO_GAP = 32 * ENDURO_METRE,    // minimum gap to the next car for a new one, bumper to bumper
    ENDURO_GAP_STEP = 32,              // plus up to 1023 times this: 64 m
    ENDURO_MAX_GAP = ENDURO_LENGTH + ENDURO_GAP + 1023 * ENDURO_GAP_STEP,
    ENDURO_LOOSE = 80 * ENDURO_METRE, // a driver further behind the car ahead than this hurries
    ENDURO_NODE = 32 * ENDURO_METRE,  // from bend to bend
    ENDURO_NOWHERE = 1 << 28,
    ENDURO_MANY = 1000000000, // more than can be counted in an episode
};

// Speeds: lengths per frame of 1/60 s.
enum {
    ENDURO_TOP = 1536,  // 90 m/s
    ENDURO_START = 512, // 30 m/s
    ENDURO_CRAWL = 171, // 10 m/s, after a crash
    ENDURO_SLOW = 256,  // 15 m/s, off the road
    ENDURO_PACE = 341,  // 20 m/s, the slowest traffic
    ENDURO_PACES = 172, // the fastest drives 30 m/s
    ENDURO_HURRY = ENDURO_PACE + ENDURO_PACES - 1,
    ENDURO_BRAKING = 16, // lost per frame
    ENDURO_COASTING = 3,
    ENDURO_DRAG = 24,       // off the road
    ENDURO_LIFT = 512,      // gas adds (top + this - speed) / 128
    ENDURO_MAX_SLIDE = 384, // sideways: 240 from steering, 144 from a bend
};

enum { ENDURO_LOOK_BITS = 2 }; // drivers look every 1 << 2 frames
enum { ENDURO_CRASH_FRAMES = 30, ENDURO_MAX_BEND = 64, ENDURO_EASING = 12 };
enum { ENDURO_OWN = 18, ENDURO_SEEN = 3, ENDURO_OBS = ENDURO_OWN + 3 * ENDURO_SEEN * ENDURO_LANES };
enum { ENDURO_CARS_TO_REWARD = 16, ENDURO_CRASHES_TO_REWARD = 8 };

typedef struct EnduroWeather {
    int32_t sight; // cars farther away are not seen
    int32_t steer; // speed sideways by steering, in 1/32 of the speed
    int32_t grip;  // maximum change of the speed sideways per frame
} EnduroWeather;

static const EnduroWeather enduro_weathers[ENDURO_WEATHERS] = {
    { 240 * ENDURO_METRE, 5, 48 }, // clear
    { 192 * ENDURO_METRE, 4, 12 }, // snow
    { 192 * ENDURO_METRE, 5, 48 }, // dusk
    { 144 * ENDURO_METRE, 5, 48 }, // night
    { 96 * ENDURO_METRE, 5, 48 },  // fog
    { 192 * ENDURO_METRE, 5, 48 }, // dawn
};
static const uint8_t enduro_day[ENDURO_PHASES] = {
    ENDURO_CLEAR, ENDURO_SNOW, ENDURO_CLEAR, ENDURO_DUSK, ENDURO_NIGHT, ENDURO_NIGHT, ENDURO_FOG, ENDURO_DAWN,
};

typedef struct Enduro {
    int32_t place[ENDURO_LANES][ENDURO_SLOTS]; // of the other cars, ahead of the agent's; ascending
    int16_t side[ENDURO_LANES][ENDURO_SLOTS];  // their x
    int16_t pace[ENDURO_LANES][ENDURO_SLOTS];  // the speed they would like
    int16_t move[ENDURO_LANES][ENDURO_SLOTS];  // the speed they have
    int32_t behind[ENDURO_LANES];              // how many of the lane's cars are not ahead
    int32_t x, speed, slide;                   // slide: speed to the right
    int32_t steer, pedal;                      // as last chosen
    int32_t crash;                             // frames of crawling left
    uint32_t near;                             // bit per lane: a car may be met there before drivers look again
    int32_t along;                             // since the last node
    int8_t bend[ENDURO_NODES];                 // at the last node, and those ahead
    int8_t goal;                               // the bend that the road is approaching
    uint8_t goal_nodes;                        // nodes left until it gets another goal
    uint32_t heading;                          // sum of the bends passed, modulo 65536
    int32_t nodes;                             // passed
    int32_t frame, phase, phase_end, weather;  // of the day
    int32_t day, quota, passed;                // passed: today
    int32_t total, crashes, steps;             // in this episode
    int32_t frameskip, day_frames, first_quota, later_quota, max_days; // settings
    PufRng rng;
    PufLog log;
    float days, crashed; // of the log
} Enduro;

// ---- The road ----

// The bend after the last one known. Each bend moves a little towards a goal, which is kept for 3 to 10 nodes.
static int8_t enduro_next_bend(Enduro* s)
{
    if (s->goal_nodes == 0) {
        int32_t goal = (int32_t)puf_rand_below(&s->rng, 9) - 4; // more than a third of the road is nearly straight
        s->goal = (int8_t)(goal == 1 || goal == -1 ? 0 : goal * (ENDURO_MAX_BEND / 4));
        s->goal_nodes = (uint8_t)(3 + puf_rand_below(&s->rng, 8));
    }
    s->goal_nodes -= 1;
    int32_t last = s->bend[ENDURO_NODES - 1];
    return (int8_t)(last + puf_clampi(s->goal - last, -ENDURO_EASING, ENDURO_EASING));
}

static void enduro_pass_node(Enduro* s)
{
    s->along -= ENDURO_NODE;
    s->nodes += 1;
    s->heading = (s->heading + (uint32_t)s->bend[0]) & 65535u;
    int8_t next = enduro_next_bend(s);
    memmove(s->bend, s->bend + 1, ENDURO_NODES - 1);
    s->bend[ENDURO_NODES - 1] = next;
}

// The bend `ahead` node lengths ahead of the car, from -256 to 256.
static inline int32_t enduro_bend(const Enduro* s, int32_t ahead)
{
    int32_t before = s->bend[ahead], after = s->bend[ahead + 1];
    return (before * ENDURO_NODE + (after - before) * s->along) / (ENDURO_NODE / 4);
}

// How fast the bend pushes the car to the right: at most 144.
static inline int32_t enduro_pull(const Enduro* s)
{
    int32_t v = s->speed >> 3;
    return -enduro_bend(s, 0) * (v * v / 64) / 1024;
}

// ---- Traffic ----

// Give a car a new driver, with its own pace and line. Returns the gap to leave to the next car.
static int32_t enduro_new_driver(Enduro* s, int32_t lane, int32_t car)
{
    uint32_t r = puf_rand(&s->rng);
    s->pace[lane][car] = (int16_t)(ENDURO_PACE + (int32_t)(((r & 1023) * ENDURO_PACES) >> 10));
    s->side[lane][car] = (int16_t)((lane - 1) * ENDURO_LANE + (int32_t)((r >> 10) & 1023) - 512);
    return ENDURO_GAP + (int32_t)((r >> 20) & 1023) * ENDURO_GAP_STEP;
}

// Move a car that is far behind to the front of its lane, out of sight.
static void enduro_put_ahead(Enduro* s, int32_t lane)
{
    const int32_t moved = ENDURO_CARS - 1;
    int32_t* place = s->place[lane];
    memmove(place, place + 1, moved * sizeof(place[0]));
    memmove(s->side[lane], s->side[lane] + 1, moved * sizeof(s->side[lane][0]));
    memmove(s->pace[lane], s->pace[lane] + 1, moved * sizeof(s->pace[lane][0]));
    int32_t gap = enduro_new_driver(s, lane, moved);
    int32_t next = place[moved - 1] + ENDURO_LENGTH + gap;
    place[moved] = next > ENDURO_SPAWN ? next : ENDURO_SPAWN;
    s->behind[lane] -= 1;
}

// Move a car that is far ahead to the rear of its lane, out of the mirror.
static void enduro_put_behind(Enduro* s, int32_t lane)
{
    const int32_t moved = ENDURO_CARS - 1;
    int32_t* place = s->place[lane];
    memmove(place + 1, place, moved * sizeof(place[0]));
    memmove(s->side[lane] + 1, s->side[lane], moved * sizeof(s->side[lane][0]));
    memmove(s->pace[lane] + 1, s->pace[lane], moved * sizeof(s->pace[lane][0]));
    int32_t gap = enduro_new_driver(s, lane, 0);
    int32_t next = place[1] - ENDURO_LENGTH - gap;
    place[0] = next < -ENDURO_REAR ? next : -ENDURO_REAR;
    s->behind[lane] += 1;
}

// Choose the speeds of a lane's cars until drivers look again: none gets closer than ENDURO_KEEP to where the car
// ahead is now. The room is never negative.
static void enduro_plan(Enduro* s, int32_t lane)
{
    const int32_t* place = s->place[lane];
    for (int32_t i = 0; i < ENDURO_CARS; i++) {
        int32_t room = place[i + 1] - place[i] - (ENDURO_LENGTH + ENDURO_KEEP);
        int32_t lost = -((room > ENDURO_LOOSE) & (room < ENDURO_NOWHERE / 2)); // a mask rather than a branch
        int32_t pace = s->pace[lane][i];
        int32_t wish = pace + ((ENDURO_HURRY - pace) & lost);
        int32_t most = room >> ENDURO_LOOK_BITS;
        s->move[lane][i] = (int16_t)(wish < most ? wish : most);
    }
}

// Whether the agent's car could meet one of the lane's cars before drivers look again.
static inline uint32_t enduro_is_near(const Enduro* s, int32_t lane)
{
    int32_t next = s->behind[lane], last = next > 0 ? next - 1 : 0;
    return (s->place[lane][next] < ENDURO_LENGTH + (ENDURO_TOP << ENDURO_LOOK_BITS)) |
           ((next > 0) & (s->place[lane][last] > -(ENDURO_LENGTH + ENDURO_KEEP + (ENDURO_HURRY << ENDURO_LOOK_BITS))));
}

// Drivers look: in the first frame of a day, and in every fourth after it.
static void enduro_look(Enduro* s)
{
    s->near = 0;
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        const int32_t* place = s->place[lane];
        if (place[ENDURO_CARS - 1] > ENDURO_AHEAD) {
            enduro_put_behind(s, lane);
        } else if (s->behind[lane] > 0 && place[0] < -ENDURO_BEHIND &&
                   place[ENDURO_CARS - 1] < ENDURO_AHEAD - ENDURO_MAX_GAP) {
            enduro_put_ahead(s, lane);
        }
        enduro_plan(s, lane);
        s->near |= enduro_is_near(s, lane) << lane;
    }
}

static inline int enduro_beside(const Enduro* s, int32_t lane, int32_t car, int32_t x)
{
    int32_t off = s->side[lane][car] - x;
    return (off < ENDURO_WIDTH) & (off > -ENDURO_WIDTH);
}

// ---- The agent's car ----

static void enduro_crash(Enduro* s)
{
    s->crash = ENDURO_CRASH_FRAMES;
    s->crashes += 1;
    s->speed = s->speed < ENDURO_CRAWL ? s->speed : ENDURO_CRAWL;
    s->slide = 0;
}

static void enduro_drive(Enduro* s)
{
    if (s->crash > 0) {
        s->crash -= 1;
        return;
    }
    int32_t v = s->speed;
    v += s->pedal == ENDURO_GAS     ? (ENDURO_TOP + ENDURO_LIFT - v) >> 7
         : s->pedal == ENDURO_BRAKE ? -ENDURO_BRAKING
                                    : -ENDURO_COASTING;
    int off_road = (s->x > ENDURO_VERGE) | (s->x < -ENDURO_VERGE);
    if (off_road && v > ENDURO_SLOW) {
        v = v - ENDURO_DRAG > ENDURO_SLOW ? v - ENDURO_DRAG : ENDURO_SLOW;
    }
    s->speed = puf_clampi(v, 0, ENDURO_TOP);
    EnduroWeather weather = enduro_weathers[s->weather];
    int32_t goal = s->steer * ((s->speed * weather.steer) >> 5) + enduro_pull(s);
    s->slide += puf_clampi(goal - s->slide, -weather.grip, weather.grip);
}

// How far the agent's car moves: at most to the bumper of the car ahead, and reaching it is a crash.
static int32_t enduro_advance(Enduro* s)
{
    int32_t advance = s->speed;
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        int32_t next = s->behind[lane];
        if ((s->near >> lane & 1) && enduro_beside(s, lane, next, s->x)) {
            int32_t room = s->place[lane][next] - ENDURO_LENGTH + s->move[lane][next];
            advance = advance < room ? advance : room;
        }
    }
    if (advance < s->speed && s->crash == 0) {
        enduro_crash(s);
    }
    return advance;
}

// In a lane near the agent's car: the next car behind brakes for it, and cars that pass it or are passed are counted.
// Cars are far enough apart that this happens at most once per lane and frame.
static void enduro_meet(Enduro* s, int32_t lane)
{
    int32_t* place = s->place[lane];
    int32_t behind = s->behind[lane], last = behind > 0 ? behind - 1 : 0;
    if (behind > 0 && enduro_beside(s, lane, last, s->x)) {
        place[last] -= puf_clampi(place[last] + (ENDURO_LENGTH + ENDURO_KEEP), 0, s->move[lane][last]);
    }
    int32_t gained = (place[behind] <= 0) - ((behind > 0) & (place[last] > 0));
    s->behind[lane] = behind + gained;
    s->passed += gained;
    s->total += gained;
}

static void enduro_go(Enduro* s, int32_t advance)
{
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        for (int32_t i = 0; i < ENDURO_CARS; i++) {
            s->place[lane][i] += s->move[lane][i] - advance;
        }
    }
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        if (s->near >> lane & 1) {
            enduro_meet(s, lane);
        }
    }
    s->along += advance;
    if (s->along >= ENDURO_NODE) {
        enduro_pass_node(s);
    }
}

static int enduro_touches(const Enduro* s, int32_t x)
{
    int touches = 0;
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        int32_t next = s->behind[lane], last = next > 0 ? next - 1 : 0;
        if (!(s->near >> lane & 1)) {
            continue;
        }
        touches |= (s->place[lane][next] < ENDURO_LENGTH) & enduro_beside(s, lane, next, x);
        touches |= (next > 0) & (s->place[lane][last] > -ENDURO_LENGTH) & enduro_beside(s, lane, last, x);
    }
    return touches;
}

// Move sideways, at most to the rail. Touching the side of a car is a crash.
static void enduro_shift(Enduro* s)
{
    int32_t x = puf_clampi(s->x + s->slide, -ENDURO_RAIL, ENDURO_RAIL);
    if (x != s->x && enduro_touches(s, x)) {
        enduro_crash(s);
        return;
    }
    s->slide = x - s->x;
    s->x = x;
}

// ---- The day ----

static void enduro_set_phase(Enduro* s, int32_t phase)
{
    s->phase = phase;
    s->phase_end = phase + 1 == ENDURO_PHASES ? s->day_frames : (phase + 1) * (s->day_frames / ENDURO_PHASES);
    s->weather = enduro_day[phase];
}

static void enduro_begin_day(Enduro* s, int32_t quota)
{
    s->frame = 0;
    s->passed = 0;
    s->quota = quota;
    enduro_set_phase(s, 0);
}

static void enduro_frame(Enduro* s)
{
    if (s->frame % (1 << ENDURO_LOOK_BITS) == 0) {
        enduro_look(s);
    }
    enduro_drive(s);
    enduro_go(s, enduro_advance(s));
    enduro_shift(s);
    s->frame += 1;
    if (s->frame == s->phase_end && s->frame < s->day_frames) {
        enduro_set_phase(s, s->phase + 1);
    }
}

static void enduro_reset(Enduro* s)
{
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        int32_t place = 0;
        for (int32_t car = 0; car < ENDURO_CARS; car++) {
            place += enduro_new_driver(s, lane, car);
            s->place[lane][car] = place;
            place += ENDURO_LENGTH;
        }
        for (int32_t slot = ENDURO_CARS; slot < ENDURO_SLOTS; slot++) {
            s->place[lane][slot] = ENDURO_NOWHERE;
        }
        s->behind[lane] = 0;
    }
    s->x = 0;
    s->speed = ENDURO_START;
    s->slide = 0;
    s->steer = 0;
    s->pedal = ENDURO_NO_PEDAL;
    s->crash = 0;
    s->along = 0;
    s->goal = 0;
    s->goal_nodes = 6;
    s->heading = 0;
    s->nodes = 0;
    memset(s->bend, 0, sizeof(s->bend));
    for (int32_t node = 0; node < ENDURO_NODES; node++) {
        enduro_pass_node(s);
    }
    s->along = 0;
    s->heading = 0;
    s->nodes = 0;
    s->day = 1;
    s->total = 0;
    s->crashes = 0;
    s->steps = 0;
    enduro_begin_day(s, s->first_quota);
    enduro_look(s);
}

// ---- Observation and reward ----

// A car within sight, or three zeros: closeness, from 0 (out of sight) to 1 (here); offset to the right; closing speed.
static inline void enduro_see(const Enduro* s, int32_t lane, int32_t car, int32_t distance, int32_t sight, float* obs)
{
    float seen = distance <= sight ? 1.0f : 0.0f;
    float offset = (float)(s->side[lane][car] - s->x) * (1.0f / ENDURO_LANE);
    float close = 1.0f - (float)puf_clampi(distance, 0, sight) * (1.0f / (240 * ENDURO_METRE));
    close *= close;
    obs[0] = seen * (close * close); // to the fourth power, for more resolution nearby
    obs[1] = seen * puf_clampf(offset, -1.0f, 1.0f) + 0.0f;
    obs[2] = seen * (float)(s->speed - s->move[lane][car]) * (1.0f / ENDURO_TOP) + 0.0f;
}

static void enduro_observe(const Enduro* s, PufIo io)
{
    float* obs = io.obs;
    obs[0] = (float)s->speed * (1.0f / ENDURO_TOP);
    obs[1] = (float)s->x * (1.0f / ENDURO_RAIL);
    obs[2] = (float)s->slide * (1.0f / ENDURO_MAX_SLIDE);
    obs[3] = (float)enduro_pull(s) * (1.0f / ENDURO_MAX_SLIDE);
    for (int32_t i = 0; i < 4; i++) {
        obs[4 + i] = (float)enduro_bend(s, i) * (1.0f / (4 * ENDURO_MAX_BEND));
    }
    for (int32_t i = 0; i < ENDURO_WEATHERS; i++) {
        obs[8 + i] = (float)(i == s->weather);
    }
    obs[14] = (float)s->frame / (float)s->day_frames;
    obs[15] = puf_clampf((float)(s->quota - s->passed) / (float)s->quota, -1.0f, 1.0f);
    obs[16] = puf_minf((float)s->day / (float)s->max_days, 1.0f);
    obs[17] = (float)s->crash * (1.0f / ENDURO_CRASH_FRAMES);

    int32_t sight = enduro_weathers[s->weather].sight;
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        float* cars = obs + ENDURO_OWN + 3 * ENDURO_SEEN * lane;
        const int32_t* place = s->place[lane];
        int32_t next = s->behind[lane], last = next > 0 ? next - 1 : 0;
        enduro_see(s, lane, next, place[next], sight, cars);
        enduro_see(s, lane, next + 1, place[next + 1], sight, cars + 3);
        enduro_see(s, lane, last, next > 0 ? -place[last] : ENDURO_NOWHERE, ENDURO_MIRROR, cars + 6);
    }
}

static void enduro_log(Enduro* s)
{
    int32_t days = s->day - 1;
    float today = puf_clampf((float)s->passed / (float)s->quota, 0.0f, 1.0f); // 0 on the morning after the last day
    puf_log_episode(&s->log, puf_minf(((float)days + today) / (float)s->max_days, 1.0f), (float)s->total,
                    (float)s->total * (1.0f / ENDURO_CARS_TO_REWARD) -
                        (float)s->crashes * (1.0f / ENDURO_CRASHES_TO_REWARD) + (float)days,
                    (float)s->steps);
    s->days += (float)days;
    s->crashed += (float)s->crashes;
}

static void enduro_step(Enduro* s, PufIo io)
{
    static const int8_t steers[ENDURO_ACTIONS / ENDURO_PEDALS] = { 0, -1, 1 };
    int32_t total = s->total, crashes = s->crashes, day = s->day;
    int over = 0, late = 0;
    s->steer = steers[io.actions[0] / ENDURO_PEDALS];
    s->pedal = io.actions[0] % ENDURO_PEDALS;
    s->steps += 1;
    for (int32_t f = 0; f < s->frameskip && !(over | late); f++) {
        enduro_frame(s);
        if (s->frame == s->day_frames) {
            over = s->passed < s->quota;
            if (!over) {
                s->day += 1;
                late = s->day > s->max_days;
                enduro_begin_day(s, s->later_quota);
            }
        }
    }
    io.rewards[0] = (float)(s->total - total) * (1.0f / ENDURO_CARS_TO_REWARD) -
                    (float)(s->crashes - crashes) * (1.0f / ENDURO_CRASHES_TO_REWARD) + (float)(s->day - day);
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = (uint8_t)late;
    if (over | late) {
        enduro_log(s);
    }
}

static const PufObs enduro_obs[] = {
    { "speed", 1, 0, 1, "of the agent's car / 90 m/s" },
    { "x", 1, -1, 1, "distance from the middle of the road to the right / 6.5 m; off the road beyond 0.81" },
    { "slide", 1, -1, 1, "speed to the right / 22.5 m/s" },
    { "pull", 1, -1, 1, "speed to the right that the bend alone would cause / 22.5 m/s" },
    { "bends", 4, -1, 1, "of the road, -1 left to 1 right: here, and 32, 64 and 96 m ahead" },
    { "weather", ENDURO_WEATHERS, 0, 1, "1 for the current one: clear, snow, dusk, night, fog, dawn" },
    { "time", 1, 0, 1, "frame of the day / day_frames" },
    { "to_go", 1, -1, 1, "cars still to overtake today / the quota, clipped" },
    { "day", 1, 0, 1, "day / max_days" },
    { "crash", 1, 0, 1, "frames of crawling left / 30" },
    { "cars", 0, -1, 1,
      "in each lane from the left the next two ahead and the next behind: (1 - distance / 240 m) to the fourth power, "
      "offset to the right / 4 m (clipped), closing speed / 90 m/s; zeros if there is none within sight" },
};
static const PufAction enduro_actions[] = {
    { "drive", ENDURO_ACTIONS, 0, 0, "coast gas brake left left_gas left_brake right right_gas right_brake" },
};
static const PufParam enduro_params[] = {
    PUF_SETTING(Enduro, frameskip, 4, 1, 16, "frames for which an action is held, at 60 frames per second"),
    PUF_SETTING(Enduro, day_frames, 5400, 8, 1000000, "frames in a day"),
    PUF_SETTING(Enduro, first_quota, 100, 1, 1000000, "cars to overtake on the first day"),
    PUF_SETTING(Enduro, later_quota, 150, 1, 1000000, "cars to overtake on every other day"),
    PUF_SETTING(Enduro, max_days, 5, 1, 1000, "days after which an episode is truncated"),
};
#define ENDURO_ROAD PUF_WITHIN(-ENDURO_NOWHERE / 2, ENDURO_NOWHERE / 2)
#define ENDURO_NO_CAR PUF_WITHIN(ENDURO_NOWHERE, ENDURO_NOWHERE)
static const PufRange enduro_places[ENDURO_SLOTS] = {
    ENDURO_ROAD, ENDURO_ROAD, ENDURO_ROAD, ENDURO_ROAD,   ENDURO_ROAD,
    ENDURO_ROAD, ENDURO_ROAD, ENDURO_ROAD, ENDURO_NO_CAR, ENDURO_NO_CAR,
};
static const PufField enduro_fields[] = {
    PUF_GRID(Enduro, place,
             "cars in each lane from the left: distance ahead of the agent's car, 1/1024 m; the last two slots are "
             "always empty",
             PUF_BY_COLUMN(enduro_places)),
    PUF_GRID(Enduro, side, "their distance from the middle of the road to the right, 1/1024 m",
             PUF_RANGE(-ENDURO_RAIL, ENDURO_RAIL)),
    PUF_GRID(Enduro, pace, "the speed they prefer, 1/1024 m per frame", PUF_RANGE(0, ENDURO_HURRY)),
    PUF_GRID(Enduro, move, "the speed they have, 1/1024 m per frame", PUF_RANGE(0, ENDURO_HURRY)),
    PUF_ARRAY(Enduro, behind, "cars in each lane that are not ahead", PUF_RANGE(0, ENDURO_CARS)),
    PUF_SCALAR(Enduro, x, "of the agent's car from the middle of the road to the right, 1/1024 m",
               PUF_RANGE(-ENDURO_RAIL, ENDURO_RAIL)),
    PUF_SCALAR(Enduro, speed, "of the agent's car, 1/1024 m per frame", PUF_RANGE(0, ENDURO_TOP)),
    PUF_SCALAR(Enduro, slide, "its speed to the right, 1/1024 m per frame",
               PUF_RANGE(-ENDURO_MAX_SLIDE, ENDURO_MAX_SLIDE)),
    PUF_SCALAR(Enduro, steer, "-1 left, 0 straight, 1 right", PUF_RANGE(-1, 1)),
    PUF_SCALAR(Enduro, pedal, "0 none, 1 gas, 2 brake", PUF_RANGE(0, ENDURO_BRAKE)),
    PUF_SCALAR(Enduro, crash, "frames of crawling left", PUF_RANGE(0, ENDURO_CRASH_FRAMES)),
    PUF_SCALAR(Enduro, along, "distance since the last node of the road, 1/1024 m; nodes are 32 m apart",
               PUF_RANGE(0, ENDURO_NODE - 1)),
    PUF_ARRAY(Enduro, bend, "at the last node and those ahead, -64 left to 64 right",
              PUF_RANGE(-ENDURO_MAX_BEND, ENDURO_MAX_BEND)),
    PUF_SCALAR(Enduro, goal, "the bend that the road is approaching", PUF_RANGE(-ENDURO_MAX_BEND, ENDURO_MAX_BEND)),
    PUF_SCALAR(Enduro, goal_nodes, "nodes left until the road gets another goal"),
    PUF_SCALAR(Enduro, heading, "sum of the bends passed, modulo 65536"),
    PUF_SCALAR(Enduro, nodes, "nodes passed in this episode", PUF_RANGE(0, ENDURO_MANY)),
    PUF_SCALAR(Enduro, frame, "of the day", PUF_LESS_THAN(Enduro, day_frames)),
    PUF_SCALAR(Enduro, phase, "eighth of the day, from 0", PUF_RANGE(0, ENDURO_PHASES - 1)),
    PUF_SCALAR(Enduro, weather, "0 clear, 1 snow, 2 dusk, 3 night, 4 fog, 5 dawn", PUF_RANGE(0, ENDURO_DAWN)),
    PUF_SCALAR(Enduro, day, "from 1", .range = PUF_BELOW(Enduro, 1, max_days, 0)),
    PUF_SCALAR(Enduro, quota, "cars to overtake today", PUF_RANGE(1, ENDURO_MANY)),
    PUF_SCALAR(Enduro, passed, "cars overtaken today minus those that overtook", PUF_RANGE(-ENDURO_MANY, ENDURO_MANY)),
    PUF_SCALAR(Enduro, total, "the same since the episode began", PUF_RANGE(-ENDURO_MANY, ENDURO_MANY)),
    PUF_SCALAR(Enduro, crashes, "in this episode", PUF_RANGE(0, ENDURO_MANY)),
    PUF_SCALAR(Enduro, day_frames, "setting: frames in a day"),
    PUF_SCALAR(Enduro, near, NULL, PUF_RANGE(0, (1 << ENDURO_LANES) - 1)),
    PUF_SCALAR(Enduro, phase_end, NULL),
    PUF_SCALAR(Enduro, steps, NULL, PUF_RANGE(0, ENDURO_MANY)),
};

// In a state from a file, cars keep their distance, those behind are counted, and the phase is that of the frame.
static const char* enduro_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Enduro* s = state;
    for (int32_t lane = 0; lane < ENDURO_LANES; lane++) {
        const int32_t* place = s->place[lane];
        int32_t behind = place[ENDURO_CARS - 1] <= 0;
        for (int32_t i = 0; i + 1 < ENDURO_CARS; i++) {
            behind += place[i] <= 0;
            if (place[i + 1] - place[i] < ENDURO_LENGTH + ENDURO_KEEP) {
                return "place";
            }
        }
        if (behind != s->behind[lane]) {
            return "behind";
        }
    }
    Enduro other = { .day_frames = s->day_frames };
    enduro_set_phase(&other, s->phase);
    if (other.weather != s->weather) {
        return "weather";
    }
    return other.phase_end != s->phase_end || s->frame >= s->phase_end ? "phase" : NULL;
}
static const char* const enduro_log_names[] = { "days", "crashes" };

// clang-format off
PUF_DEFINE_ENV(enduro, Enduro,
    .version = 1,
    .doc = "Overtake a quota of cars every day, on an endless road through snow, night and fog.",
    .reward = "1/16 for each car overtaken, -1/16 for each that overtakes, -1/8 for a crash, 1 for meeting a quota",
    .ends = "terminal when a day ends below its quota; truncated after max_days days",
    .rate = 15,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Enduro), .agents = 1, .obs_ndim = 1, .obs_shape = { ENDURO_OBS },
                PUF_ACTIONS(enduro) },
    PUF_TABLES(enduro),
    PUF_LOG_NAMES(enduro), .contradiction = enduro_contradiction);
