// car_racing - drive around a random track, as fast as the grass allows: Gymnasium's CarRacing-v3.
//
// Observation  float32 (56,): speed forwards and to the right, spin, steering; of each wheel how fast it rolls and
//              whether it is on the road; gas; the share of tiles that were visited; and 14 places of the middle of
//              the road, from beside the car to 77 m ahead, as the car sees them: to its right and ahead; and whether
//              there are tiles left from one to the next. (Gymnasium shows a picture.)
// Action       three numbers: steer from -1, left, to 1; gas and brake from 0 to 1. With the setting `continuous` off
//              one of 5: nothing, right, left, gas, brake.
// Reward       1000 / tiles for each tile of the road that a wheel touches for the first time; -0.1 for a step; the
//              step in which the car leaves the world has -100 instead.
// End          terminal when all tiles were visited, or when the first tile is visited after `lap_share` of all; when
//              the car leaves the world, 333 m from the middle; truncated after `max_steps` steps.
//
// docs/ports/car_racing.md is the proof. Box2D keeps the wheels at the hull by 180 passes over impulses; as wheels turn
// about their centres and touch nothing solid, what these passes come to has a closed form, which is used here.
//
// Lengths are in metres, y upwards; angles in radians, counterclockwise; a car with the angle 0 faces upwards.
#pragma once
#include "car_racing_rules.h"

// Observations are shares of these.
#define CAR_RACING_SHOWN_SPEED 50.0f // m/s
#define CAR_RACING_SHOWN_SIDE 20.0f  // m/s
#define CAR_RACING_SHOWN_SPIN 5.0f   // rad/s
#define CAR_RACING_SHOWN_FAR 25.0f   // m

enum {
    CAR_RACING_PLACES = 14, // of the road that are observed
    CAR_RACING_OBS = 14 + 3 * CAR_RACING_PLACES,
};

// Tiles from the car to the places of the road that it sees, and to the end of that.
static const uint8_t car_racing_places[CAR_RACING_PLACES + 1] = { 0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 19, 22, 25 };

static void car_racing_observe(const CarRacing* s, PufIo io)
{
    float* obs = io.obs;
    float sine, cosine;
    puf_sincosf(s->angle, &sine, &cosine);
    *obs++ = (s->vy * cosine - s->vx * sine) / CAR_RACING_SHOWN_SPEED;
    *obs++ = (s->vx * cosine + s->vy * sine) / CAR_RACING_SHOWN_SIDE;
    *obs++ = s->spin / CAR_RACING_SHOWN_SPIN;
    *obs++ = (s->wheel_angle[0] - s->angle) / CAR_RACING_LOCK;
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        *obs++ = s->roll[w] * (CAR_RACING_HALF_LENGTH / CAR_RACING_SHOWN_SPEED);
    }
    for (int32_t w = 0; w < CAR_RACING_WHEELS; w++) {
        *obs++ = (float)s->on_road[w];
    }
    *obs++ = s->gas;
    *obs++ = (float)s->visited / (float)s->tiles;

    const float behind = car_racing_beyond(s, s->at), ahead = car_racing_beyond(s, car_racing_next(s, s->at));
    const float share = behind > ahead ? puf_clampf(behind / (behind - ahead), 0.0f, 1.0f) : 0.0f;
    for (int32_t i = 0; i < CAR_RACING_PLACES; i++) {
        int32_t post = s->at + car_racing_places[i];
        post -= post >= s->tiles ? s->tiles : 0;
        const int32_t next = car_racing_next(s, post);
        const float x = s->road_x[post] + share * (s->road_x[next] - s->road_x[post]) - s->x;
        const float y = s->road_y[post] + share * (s->road_y[next] - s->road_y[post]) - s->y;
        *obs++ = (x * cosine + y * sine) / CAR_RACING_SHOWN_FAR;
        *obs++ = (y * cosine - x * sine) / CAR_RACING_SHOWN_FAR;
    }
    for (int32_t i = 0, tile = s->at; i < CAR_RACING_PLACES; i++) {
        int32_t left = 0;
        for (int32_t k = car_racing_places[i]; k < car_racing_places[i + 1]; k++) {
            tile = car_racing_next(s, tile);
            left |= !s->seen[tile];
        }
        *obs++ = (float)left;
    }
}

#ifndef PUF_PLAIN
// Many cars are more than a cache holds: load what a step reads while the cars before are stepped.
static inline void car_racing_fetch(const void* start, size_t bytes)
{
#ifdef __GNUC__
    for (size_t at = 0; at < bytes; at += 64) {
        __builtin_prefetch((const uint8_t*)start + at);
    }
#else
    (void)start, (void)bytes;
#endif
}

static void car_racing_fetch_road(const CarRacing* s)
{
    const size_t places = (CAR_RACING_BLOCK + car_racing_places[CAR_RACING_PLACES]) * sizeof(float);
    const int32_t at = s->at & ~(CAR_RACING_BLOCK - 1);
    car_racing_fetch(&s->road_x[at], places);
    car_racing_fetch(&s->road_y[at], places);
    car_racing_fetch(&s->road_cosine[at], places);
    car_racing_fetch(&s->road_sine[at], places);
    car_racing_fetch(&s->seen[at], places / sizeof(float));
}

static void car_racing_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    CarRacing* cars = states;
    for (int32_t i = 0; i < n; i++) {
        const PufIo row = puf_row(layout, PUF_F32, io, i);
        if (i + 2 < n) {
            car_racing_fetch(&cars[i + 2], offsetof(CarRacing, road_x));
            car_racing_fetch(cars[i + 2].middle_x, sizeof cars->middle_x + sizeof cars->middle_y);
            car_racing_fetch_road(&cars[i + 1]);
        }
        car_racing_step(&cars[i], row);
        if (row.terminals[0] | row.truncations[0]) {
            car_racing_observe(&cars[i], puf_final(row));
            car_racing_reset(&cars[i]);
        }
        car_racing_observe(&cars[i], row);
    }
}
#endif

#define CAR_RACING_ANY 1e9f // no useful limit
static const PufObs car_racing_obs[] = {
    { "forwards", 1, -CAR_RACING_ANY, CAR_RACING_ANY, "speed of the car; 1 is 50 m/s" },
    { "sideways", 1, -CAR_RACING_ANY, CAR_RACING_ANY, "speed to the right; 1 is 20 m/s" },
    { "spin", 1, -CAR_RACING_ANY, CAR_RACING_ANY, "angular velocity, to the left; 1 is 5 rad/s" },
    { "steering", 1, -CAR_RACING_ANY, CAR_RACING_ANY, "of the front wheels, to the left; 1 is as far as they go" },
    { "roll", CAR_RACING_WHEELS, -CAR_RACING_ANY, CAR_RACING_ANY,
      "how fast the wheels roll: front left and right, rear left and right; 1 is 50 m/s" },
    { "on_road", CAR_RACING_WHEELS, 0, 1, "1 where a wheel is on the road" },
    { "gas", 1, 0, 1, "of the engine: it rises by 0.1 a step" },
    { "visited", 1, 0, 1, "share of the tiles" },
    { "road", 2 * CAR_RACING_PLACES, -CAR_RACING_ANY, CAR_RACING_ANY,
      "places of the middle of the road, to the right and ahead of the car; 1 is 25 m" },
    { "left", CAR_RACING_PLACES, 0, 1, "1 where a tile between such a place and the next one was not visited" },
};

static const PufParam car_racing_params[] = { CAR_RACING_PARAMS };

// clang-format off
PUF_DEFINE_BATCH_ENV(car_racing, CarRacing,
    .version = 1,
    .doc = "Race around a random track from above: Gymnasium's CarRacing-v3.",
    .reward = "1000 / tiles for each tile of the road that is visited, less 0.1 for a step; -100 for leaving the world",
    .ends = "terminal when all tiles were visited or the car leaves the world; truncated after max_steps steps",
    .rate = CAR_RACING_RATE,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(CarRacing), .agents = 1, .obs_ndim = 1, .obs_shape = { CAR_RACING_OBS },
                PUF_ACTIONS(car_racing) },
    PUF_TABLES(car_racing), PUF_LOG_NAMES(car_racing),
    .resize = car_racing_resize, .contradiction = car_racing_contradiction);
