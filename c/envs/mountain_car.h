// mountain_car - a car too weak for the hill must swing up to the flag: Gymnasium's MountainCar-v0.
//
// Observation  float32 (2,): position (-1.2 to 0.6), velocity per step.
// Action       one of 3: push left, do not push, push right.
// Reward       -1 for every step.
// End          terminal at the flag, position 0.5; truncated after `max_steps` steps.
//
// Gymnasium computes in float64; here everything is float32.
#pragma once
#include "mountain_car_hill.h"

#define MOUNTAIN_CAR_GOAL 0.5f
#define MOUNTAIN_CAR_PUSH 0.001f
#define MOUNTAIN_CAR_PAR 110.0f // steps; Gymnasium calls this solved

enum { MOUNTAIN_CAR_LEFT, MOUNTAIN_CAR_COAST, MOUNTAIN_CAR_RIGHT, MOUNTAIN_CAR_ACTIONS };

typedef struct MountainCar {
    float position, velocity;
    float push;    // in the last step: -1, 0 or 1
    float scatter; // setting
    int16_t tick;
    int16_t max_steps; // setting
    PufLog log;
    PufRng rng;
} MountainCar;

static void mountain_car_reset(MountainCar* s)
{
    hill_start(&s->position, &s->velocity, s->scatter, MOUNTAIN_CAR_GOAL, &s->rng);
    s->push = 0.0f;
    s->tick = 0;
}

static void mountain_car_observe(const MountainCar* s, PufIo io)
{
    float* obs = io.obs;
    obs[0] = s->position;
    obs[1] = s->velocity;
}

static void mountain_car_log(MountainCar* s, int there)
{
    float steps = (float)s->tick, span = (float)s->max_steps - MOUNTAIN_CAR_PAR;
    float perf = !there ? 0.0f : span <= 0.0f ? 1.0f : puf_clampf(((float)s->max_steps - steps) / span, 0.0f, 1.0f);
    puf_log_episode(&s->log, perf, -steps, -steps, steps);
}

static void mountain_car_step(MountainCar* s, PufIo io)
{
    s->push = (float)(io.actions[0] - MOUNTAIN_CAR_COAST);
    hill_move(&s->position, &s->velocity, s->push * MOUNTAIN_CAR_PUSH);
    s->tick += 1;

    int there = (s->position >= MOUNTAIN_CAR_GOAL) & (s->velocity >= 0.0f);
    int late = !there & (s->tick >= s->max_steps);
    io.rewards[0] = -1.0f;
    io.terminals[0] = (uint8_t)there;
    io.truncations[0] = (uint8_t)late;
    if (there | late) {
        mountain_car_log(s, there);
    }
}

static const PufObs mountain_car_obs[] = {
    { "position", 1, HILL_LEFT, HILL_RIGHT, "along the valley; the bottom is at -0.52, the flag at 0.5" },
    { "velocity", 1, -HILL_MAX_SPEED, HILL_MAX_SPEED, "change of position in a step" },
};
static const PufAction mountain_car_actions[] = { { "push", MOUNTAIN_CAR_ACTIONS, 0, 0, "left coast right" } };
static const PufParam mountain_car_params[] = {
    PUF_SETTING(MountainCar, max_steps, 200, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING(MountainCar, scatter, 0, 0, 1,
                "share of the episodes that start anywhere, at any speed; 0 as in Gymnasium"),
};
static const PufField mountain_car_fields[] = {
    PUF_SCALAR(MountainCar, position, "along the valley; the bottom is at -0.52, the flag at 0.5",
               PUF_RANGE(HILL_LEFT, HILL_RIGHT)),
    PUF_SCALAR(MountainCar, velocity, "change of position in the last step",
               PUF_RANGE(-HILL_MAX_SPEED, HILL_MAX_SPEED)),
    PUF_SCALAR(MountainCar, push, "in the last step: -1 left, 1 right", PUF_RANGE(-1, 1)),
    PUF_SCALAR(MountainCar, tick, "steps since the start of the episode", PUF_LESS_THAN(MountainCar, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(mountain_car, MountainCar,
    .version = 1,
    .doc = "Swing a weak car up a hill: Gymnasium's MountainCar-v0.",
    .reward = "-1 for every step",
    .ends = "terminal at the flag; truncated after max_steps steps",
    .rate = 30,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(MountainCar), .agents = 1, .obs_ndim = 1, .obs_shape = { 2 },
                PUF_ACTIONS(mountain_car) },
    PUF_TABLES(mountain_car));
