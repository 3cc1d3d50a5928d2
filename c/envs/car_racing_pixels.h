// car_racing_pixels - drive around a random track by what a camera sees: Gymnasium's CarRacing-v3.
//
// Observation  uint8 (96, 96, 3): red, green and blue of a picture from above, in which the car drives upwards; below,
//              bars for the speed, how fast each wheel rolls, where the front wheels point, and the spin.
// Action       three numbers: steer from -1, left, to 1; gas and brake from 0 to 1. With the setting `continuous` off
//              one of 5: nothing, right, left, gas, brake. It is held for `repeat` steps of the car.
// Reward       1000 / tiles for each tile of the road that a wheel touches for the first time; -0.1 for a step of the
//              car; the step in which the car leaves the world has -100 instead.
// End          terminal when all tiles were visited, or when the first tile is visited after `lap_share` of all; when
//              the car leaves the world, 333 m from the middle; truncated after `max_steps` steps of the car.
//
// All rules are those of car_racing, in car_racing_rules.h; docs/ports/car_racing.md is the proof for both. Pictures are
// those of Gymnasium but for a few levels at the edges of things; car_racing_picture.h says how they are made.
#pragma once
#include "car_racing_rules.h"
#include "car_racing_picture.h"

// What a batch shares.
typedef struct CarRacingPixelsAssets {
    int32_t repeat, unused;
} CarRacingPixelsAssets;

typedef struct CarRacingPixelsSetup {
    CarRacing car;
    int32_t repeat; // setting
} CarRacingPixelsSetup;

static void car_racing_pixels_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    ((CarRacingPixelsAssets*)assets)->repeat = ((const CarRacingPixelsSetup*)setup)->repeat;
}

static void car_racing_pixels_reset(CarRacing* s, const void* assets)
{
    (void)assets;
    car_racing_reset(s);
}

static void car_racing_pixels_step(CarRacing* s, PufIo io)
{
    const int32_t repeat = ((const CarRacingPixelsAssets*)io.assets)->repeat;
    float reward = 0.0f;
    for (int32_t i = 0; i < repeat; i++) {
        car_racing_step(s, io);
        reward += io.rewards[0];
        if (io.terminals[0] | io.truncations[0]) {
            break;
        }
    }
    io.rewards[0] = reward;
}

static void car_racing_pixels_observe(const CarRacing* s, PufIo io) { car_racing_photograph(s, io.obs); }

static const PufObs car_racing_pixels_obs[] = {
    { "picture", 0, 0, 255, "red, green and blue of 96 by 96 pixels, from the upper left corner" },
};
static const PufParam car_racing_pixels_params[] = {
    CAR_RACING_PARAMS,
    PUF_SETTING(CarRacingPixelsSetup, repeat, 1, 1, 8, "steps of the car for which an action is held", .fixed = 1),
};

// clang-format off
PUF_DEFINE_ASSETS_ENV(car_racing_pixels, CarRacing,
    .version = 1,
    .doc = "Race around a random track by what a camera sees: Gymnasium's CarRacing-v3, pictures and all.",
    .reward = "1000 / tiles for each tile of the road that is visited, less 0.1 for a step; -100 for leaving the world",
    .ends = "terminal when all tiles were visited or the car leaves the world; truncated after max_steps steps",
    .rate = CAR_RACING_RATE,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(CarRacing), .agents = 1, .obs_ndim = 3,
                .obs_shape = { CAR_RACING_SIDE, CAR_RACING_SIDE, 3 }, PUF_ACTIONS(car_racing),
                .assets_size = sizeof(CarRacingPixelsAssets) },
    .obs = car_racing_pixels_obs, .num_obs = PUF_COUNT(car_racing_pixels_obs),
    .params = car_racing_pixels_params, .num_params = PUF_COUNT(car_racing_pixels_params),
    .fields = car_racing_fields, .num_fields = PUF_COUNT(car_racing_fields), PUF_LOG_NAMES(car_racing),
    .setup_size = sizeof(CarRacingPixelsSetup), .resize = car_racing_resize,
    .make_assets = car_racing_pixels_make_assets, .contradiction = car_racing_contradiction);
