// pendulum - swing a rod up and hold it there with a motor too weak to lift it: Gymnasium's Pendulum-v1.
//
// Observation  float32 (3,): cosine and sine of theta (0 is upright, positive to the left), theta_dot (rad/s).
// Action       one number: the torque in [-2, 2] N m, positive to the left.
// Reward       -(theta^2 + 0.1 theta_dot^2 + 0.001 torque^2) of the state before the step, theta in [-pi, pi].
// End          truncated after `max_steps` steps; never terminal.
//
// A rod of 1 kg and 1 m, hinged at one end: its moment is m l^2 / 3. Semi-implicit Euler, as in Gymnasium, which computes
// in float64 and lets theta grow without end; here everything is float32, and theta stays within a turn.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

#define PENDULUM_TAU 0.05f       // s per step
#define PENDULUM_MAX_SPEED 8.0f  // rad/s
#define PENDULUM_MAX_TORQUE 2.0f // N m
#define PENDULUM_START_SPEED 1.0f
#define PENDULUM_BEST -0.75f  // mean reward of a step: swung up at once and held, from most places
#define PENDULUM_WORST -6.25f // the same of doing nothing

enum { PENDULUM_LANES = 64 }; // environments stepped side by side; any number gives the same results

// One cache line.
typedef struct Pendulum {
    float theta, theta_dot;
    float torque;         // in the last step, N m
    float gravity;        // setting, m/s^2
    float episode_return; // so far
    int16_t tick;
    int16_t max_steps; // setting
    PufLog log;
    PufRng rng;
} Pendulum;

static void pendulum_reset(Pendulum* s)
{
    s->theta = puf_rand_range(&s->rng, -PUF_PI, PUF_PI);
    s->theta_dot = puf_rand_range(&s->rng, -PENDULUM_START_SPEED, PENDULUM_START_SPEED);
    s->torque = 0.0f;
    s->episode_return = 0.0f;
    s->tick = 0;
}

static inline float pendulum_reward(float theta, float theta_dot, float torque)
{
    return -(theta * theta + 0.1f * (theta_dot * theta_dot) + 0.001f * (torque * torque));
}

// Advance by one step: the speed first, then the angle with the new speed.
static inline void pendulum_move(float* theta, float* theta_dot, float torque, float gravity)
{
    float sine, cosine;
    puf_sincosf(*theta, &sine, &cosine);
    float speed = *theta_dot + (1.5f * gravity * sine + 3.0f * torque) * PENDULUM_TAU;
    speed = puf_clampf(speed, -PENDULUM_MAX_SPEED, PENDULUM_MAX_SPEED);
    float angle = *theta + speed * PENDULUM_TAU;
    angle = angle > PUF_PI ? angle - 2.0f * PUF_PI : angle;
    angle = angle < -PUF_PI ? angle + 2.0f * PUF_PI : angle;
    *theta = angle;
    *theta_dot = speed;
}

static inline void pendulum_show(float theta, float theta_dot, float obs[3])
{
    puf_sincosf(theta, &obs[1], &obs[0]);
    obs[2] = theta_dot;
}

static void pendulum_observe(const Pendulum* s, PufIo io) { pendulum_show(s->theta, s->theta_dot, io.obs); }

static void pendulum_log(Pendulum* s)
{
    float steps = (float)s->tick;
    float perf = (s->episode_return / steps - PENDULUM_WORST) / (PENDULUM_BEST - PENDULUM_WORST);
    puf_log_episode(&s->log, puf_clampf(perf, 0.0f, 1.0f), s->episode_return, s->episode_return, steps);
}

static void pendulum_step(Pendulum* s, PufIo io)
{
    s->torque = io.controls[0];
    io.rewards[0] = pendulum_reward(s->theta, s->theta_dot, s->torque);
    pendulum_move(&s->theta, &s->theta_dot, s->torque, s->gravity);
    s->episode_return += io.rewards[0];
    s->tick += 1;

    int late = s->tick >= s->max_steps;
    io.terminals[0] = 0;
    io.truncations[0] = (uint8_t)late;
    if (late) {
        pendulum_log(s);
    }
}

// ---- The rest is for speed. ----

#ifndef PUF_PLAIN

// Does what pendulum_step does for PENDULUM_LANES environments, in short loops over arrays that compilers vectorize.
static void pendulum_step_lanes(Pendulum* s, PufIo io)
{
    enum { N = PENDULUM_LANES };
    float theta[N], theta_dot[N], gravity[N], sine[N], cosine[N];
    float* obs = io.obs;
    uint8_t any = 0;

    for (int i = 0; i < N; i++) {
        theta[i] = s[i].theta;
        theta_dot[i] = s[i].theta_dot;
        gravity[i] = s[i].gravity;
    }
    for (int i = 0; i < N; i++) {
        io.rewards[i] = pendulum_reward(theta[i], theta_dot[i], io.controls[i]);
    }
    for (int i = 0; i < N; i++) {
        pendulum_move(&theta[i], &theta_dot[i], io.controls[i], gravity[i]);
    }
    for (int i = 0; i < N; i++) {
        puf_sincosf(theta[i], &sine[i], &cosine[i]);
    }
    for (int i = 0; i < N; i++) {
        s[i].theta = theta[i];
        s[i].theta_dot = theta_dot[i];
        s[i].torque = io.controls[i];
        s[i].episode_return += io.rewards[i];
        s[i].tick += 1;
        io.truncations[i] = s[i].tick >= s[i].max_steps;
        any |= io.truncations[i];
        obs[3 * i] = cosine[i];
        obs[3 * i + 1] = sine[i];
        obs[3 * i + 2] = theta_dot[i];
    }
    memset(io.terminals, 0, N);
    for (int i = 0; any && i < N; i++) {
        if (io.truncations[i]) {
            memcpy((float*)io.final_obs + 3 * i, obs + 3 * i, 3 * sizeof(float));
            pendulum_log(&s[i]);
            pendulum_reset(&s[i]);
            pendulum_show(s[i].theta, s[i].theta_dot, obs + 3 * i);
        }
    }
}

static void pendulum_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    Pendulum* s = states;
    int32_t i = 0;
    for (; n - i >= PENDULUM_LANES; i += PENDULUM_LANES) {
        pendulum_step_lanes(s + i, puf_row(layout, PUF_F32, io, i));
    }
    for (; i < n; i++) {
        PufIo row = puf_row(layout, PUF_F32, io, i);
        pendulum_step(s + i, row);
        if (row.truncations[0]) {
            pendulum_observe(s + i, puf_final(row));
            pendulum_reset(s + i);
        }
        pendulum_observe(s + i, row);
    }
}

#endif

static const PufObs pendulum_obs[] = {
    { "cos_theta", 1, -1, 1, "cosine of the angle from upright: the height of the tip, m" },
    { "sin_theta", 1, -1, 1, "sine of the angle: how far the tip is to the left, m" },
    { "theta_dot", 1, -PENDULUM_MAX_SPEED, PENDULUM_MAX_SPEED, "angular velocity, rad/s" },
};
static const PufAction pendulum_actions[] = { { "torque", 0, -PENDULUM_MAX_TORQUE, PENDULUM_MAX_TORQUE, "Nm" } };
static const PufParam pendulum_params[] = {
    PUF_SETTING(Pendulum, max_steps, 200, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING(Pendulum, gravity, 10, 0, 20, "m/s^2; Gymnasium calls it g"),
};
static const PufField pendulum_fields[] = {
    PUF_SCALAR(Pendulum, theta, "angle from upright, rad, positive to the left", PUF_RANGE(-3.1416, 3.1416)),
    PUF_SCALAR(Pendulum, theta_dot, "angular velocity, rad/s", PUF_RANGE(-PENDULUM_MAX_SPEED, PENDULUM_MAX_SPEED)),
    PUF_SCALAR(Pendulum, torque, "of the motor in the last step, N m; 0 after a reset",
               PUF_RANGE(-PENDULUM_MAX_TORQUE, PENDULUM_MAX_TORQUE)),
    PUF_SCALAR(Pendulum, episode_return, "rewards in this episode", PUF_RANGE(-17.0 * 32767, 0)),
    PUF_SCALAR(Pendulum, tick, "steps since the start of the episode", PUF_LESS_THAN(Pendulum, max_steps)),
};

// clang-format off
PUF_DEFINE_BATCH_ENV(pendulum, Pendulum,
    .version = 1,
    .doc = "Swing a rod up and hold it there with a weak motor: Gymnasium's Pendulum-v1.",
    .reward = "-(theta^2 + 0.1 theta_dot^2 + 0.001 torque^2) in every step; theta is 0 upright",
    .ends = "truncated after max_steps steps",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Pendulum), .agents = 1, .obs_ndim = 1, .obs_shape = { 3 },
                PUF_ACTIONS(pendulum) },
    PUF_TABLES(pendulum));
