// mountain_car_continuous - swing a weak car up the hill with little fuel: Gymnasium's MountainCarContinuous-v0.
//
// Observation  float32 (2,): position (-1.2 to 0.6), velocity per step.
// Action       one number: how hard to push, -1 (left) to 1 (right).
// Reward       -0.1 push^2 for every step; +100 at the flag.
// End          terminal at the flag, position 0.45; truncated after `max_steps` steps.
//
// Gymnasium computes in float32 too.
#pragma once
#include "mountain_car_hill.h"

#define MOUNTAIN_CAR_CONTINUOUS_GOAL 0.45f
#define MOUNTAIN_CAR_CONTINUOUS_POWER 0.0015f // of a full push
#define MOUNTAIN_CAR_CONTINUOUS_PRIZE 100.0f
#define MOUNTAIN_CAR_CONTINUOUS_FUEL 0.1f    // cost of a full push
#define MOUNTAIN_CAR_CONTINUOUS_SOLVED 90.0f // return; Gymnasium calls this solved

typedef struct MountainCarContinuous {
    float position, velocity;
    float push;           // in the last step
    float episode_return; // so far
    float scatter;        // setting
    int16_t tick;
    int16_t max_steps; // setting
    PufLog log;
    PufRng rng;
} MountainCarContinuous;

static void mountain_car_continuous_reset(MountainCarContinuous* s)
{
    hill_start(&s->position, &s->velocity, s->scatter, MOUNTAIN_CAR_CONTINUOUS_GOAL, &s->rng);
    s->push = 0.0f;
    s->episode_return = 0.0f;
    s->tick = 0;
}

static void mountain_car_continuous_observe(const MountainCarContinuous* s, PufIo io)
{
    float* obs = io.obs;
    obs[0] = s->position;
    obs[1] = s->velocity;
}

static void mountain_car_continuous_step(MountainCarContinuous* s, PufIo io)
{
    s->push = io.controls[0];
    hill_move(&s->position, &s->velocity, s->push * MOUNTAIN_CAR_CONTINUOUS_POWER);
    s->tick += 1;

    int there = (s->position >= MOUNTAIN_CAR_CONTINUOUS_GOAL) & (s->velocity >= 0.0f);
    int late = !there & (s->tick >= s->max_steps);
    float prize = there ? MOUNTAIN_CAR_CONTINUOUS_PRIZE : 0.0f;
    io.rewards[0] = prize - MOUNTAIN_CAR_CONTINUOUS_FUEL * (s->push * s->push);
    io.terminals[0] = (uint8_t)there;
    io.truncations[0] = (uint8_t)late;
    s->episode_return += io.rewards[0];
    if (there | late) {
        float perf = puf_clampf(s->episode_return / MOUNTAIN_CAR_CONTINUOUS_SOLVED, 0.0f, 1.0f);
        puf_log_episode(&s->log, perf, s->episode_return, s->episode_return, (float)s->tick);
    }
}

static const PufObs mountain_car_continuous_obs[] = {
    { "position", 1, HILL_LEFT, HILL_RIGHT, "along the valley; the bottom is at -0.52, the flag at 0.45" },
    { "velocity", 1, -HILL_MAX_SPEED, HILL_MAX_SPEED, "change of position in a step" },
};
static const PufAction mountain_car_continuous_actions[] = { { "push", 0, -1, 1, "power" } };
static const PufParam mountain_car_continuous_params[] = {
    PUF_SETTING(MountainCarContinuous, max_steps, 999, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING(MountainCarContinuous, scatter, 0, 0, 1,
                "share of the episodes that start anywhere, at any speed; 0 as in Gymnasium"),
};
static const PufField mountain_car_continuous_fields[] = {
    PUF_SCALAR(MountainCarContinuous, position, "along the valley; the bottom is at -0.52, the flag at 0.45",
               PUF_RANGE(HILL_LEFT, HILL_RIGHT)),
    PUF_SCALAR(MountainCarContinuous, velocity, "change of position in the last step",
               PUF_RANGE(-HILL_MAX_SPEED, HILL_MAX_SPEED)),
    PUF_SCALAR(MountainCarContinuous, push, "in the last step: -1 left, 1 right", PUF_RANGE(-1, 1)),
    PUF_SCALAR(MountainCarContinuous, episode_return, "rewards in this episode", PUF_RANGE(-0.11 * 32767, 0)),
    PUF_SCALAR(MountainCarContinuous, tick, "steps since the start of the episode",
               PUF_LESS_THAN(MountainCarContinuous, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(mountain_car_continuous, MountainCarContinuous,
    .version = 1,
    .doc = "Swing a weak car up a hill with little fuel: Gymnasium's MountainCarContinuous-v0.",
    .reward = "-0.1 push^2 for every step; +100 at the flag",
    .ends = "terminal at the flag; truncated after max_steps steps",
    .rate = 30,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(MountainCarContinuous), .agents = 1, .obs_ndim = 1, .obs_shape = { 2 },
                PUF_ACTIONS(mountain_car_continuous) },
    PUF_TABLES(mountain_car_continuous));
