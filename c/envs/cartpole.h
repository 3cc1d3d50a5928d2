// cartpole - push a cart left and right so that the pole hinged on it stays up. Gymnasium's CartPole-v1.
//
// Observation  float32 (4,): x (m), x_dot (m/s), theta (rad, 0 is upright), theta_dot (rad/s).
// Action       0 pushes to the left, 1 to the right, with `force` newtons; with `continuous`, one number in [-1, 1]
//              that scales `force`.
// Reward       +1 for every step, the last one included.
// End          terminal when |x| > 2.4 m or |theta| > 12 degrees; truncated after `max_steps` steps.
//
// The equations are those of Florian, "Correct equations for the dynamics of the cart-pole system" (2007), without
// friction, as Gymnasium steps them: explicit Euler, 0.02 s, positions before velocities. Gymnasium computes in float64
// and rounds the observation; here all is float32.
#pragma once
#include "puffer.h"
#include <math.h>

#define CARTPOLE_GRAVITY 9.8f
#define CARTPOLE_CART_MASS 1.0f // kg
#define CARTPOLE_POLE_MASS 0.1f // kg
#define CARTPOLE_TOTAL_MASS (CARTPOLE_CART_MASS + CARTPOLE_POLE_MASS)
#define CARTPOLE_HALF_LENGTH 0.5f // m, hinge to centre of the pole
#define CARTPOLE_TAU 0.02f        // s per step
#define CARTPOLE_X_LIMIT 2.4f     // m
#define CARTPOLE_THETA_LIMIT 0.20943951f // rad: 12 degrees
#define CARTPOLE_START 0.05f      // each number of the state starts within this, either side of 0

enum { CARTPOLE_LEFT, CARTPOLE_RIGHT, CARTPOLE_ACTIONS };
enum { CARTPOLE_LANES = 16 }; // environments stepped side by side

// 64 bytes, one cache line. The first four are the observation.
typedef struct Cartpole {
    float x, x_dot, theta, theta_dot;
    float force; // N, of the last step
    float force_magnitude; // setting
    int16_t tick;
    int16_t max_steps; // setting
    PufLog log;
    PufRng rng;
} Cartpole;

static void cartpole_init(Cartpole* s, const double* params, PufRng rng)
{
    s->rng = rng;
    s->max_steps = (int16_t)params[1];
    s->force_magnitude = (float)params[2];
}

static void cartpole_reset(Cartpole* s)
{
    s->x = puf_rand_range(&s->rng, -CARTPOLE_START, CARTPOLE_START);
    s->x_dot = puf_rand_range(&s->rng, -CARTPOLE_START, CARTPOLE_START);
    s->theta = puf_rand_range(&s->rng, -CARTPOLE_START, CARTPOLE_START);
    s->theta_dot = puf_rand_range(&s->rng, -CARTPOLE_START, CARTPOLE_START);
    s->force = 0.0f;
    s->tick = 0;
}

static void cartpole_observe(const Cartpole* s, PufIo io)
{
    float* obs = io.obs;
    obs[0] = s->x;
    obs[1] = s->x_dot;
    obs[2] = s->theta;
    obs[3] = s->theta_dot;
}

static inline float cartpole_push(int32_t action, float magnitude)
{
    return action == CARTPOLE_RIGHT ? magnitude : -magnitude;
}

// One Euler step. Before it, |theta| is inside the limit, where the Taylor series of sine and cosine, cut off here, err
// by less than 4e-9 and 1e-10: below half a unit in the last place of the result.
static inline void cartpole_move(float* x, float* x_dot, float* theta, float* theta_dot, float force)
{
    float square = *theta * *theta;
    float sine = *theta * (1.0f - square * (1.0f / 6.0f - square * (1.0f / 120.0f)));
    float cosine = 1.0f - square * (0.5f - square * (1.0f / 24.0f - square * (1.0f / 720.0f)));
    const float pole_moment = CARTPOLE_POLE_MASS * CARTPOLE_HALF_LENGTH;
    float thrust = (force + pole_moment * (*theta_dot * *theta_dot) * sine) * (1.0f / CARTPOLE_TOTAL_MASS);
    float inertia =
        CARTPOLE_HALF_LENGTH * (4.0f / 3.0f - CARTPOLE_POLE_MASS / CARTPOLE_TOTAL_MASS * (cosine * cosine));
    float theta_acc = (CARTPOLE_GRAVITY * sine - cosine * thrust) / inertia;
    float x_acc = thrust - pole_moment / CARTPOLE_TOTAL_MASS * theta_acc * cosine;

    *x += CARTPOLE_TAU * *x_dot;
    *x_dot += CARTPOLE_TAU * x_acc;
    *theta += CARTPOLE_TAU * *theta_dot;
    *theta_dot += CARTPOLE_TAU * theta_acc;
}

static inline int cartpole_fallen(float x, float theta)
{
    return (fabsf(x) > CARTPOLE_X_LIMIT) | (fabsf(theta) > CARTPOLE_THETA_LIMIT);
}

static void cartpole_log(Cartpole* s)
{
    float steps = (float)s->tick;
    s->log.n += 1.0f;
    s->log.perf += steps / (float)s->max_steps;
    s->log.score += steps;
    s->log.episode_return += steps;
    s->log.episode_length += steps;
}

static void cartpole_step(Cartpole* s, PufIo io)
{
    s->force = io.actions ? cartpole_push(io.actions[0], s->force_magnitude) : io.controls[0] * s->force_magnitude;
    cartpole_move(&s->x, &s->x_dot, &s->theta, &s->theta_dot, s->force);
    s->tick += 1;

    int fallen = cartpole_fallen(s->x, s->theta);
    int late = !fallen & (s->tick >= s->max_steps);
    io.rewards[0] = 1.0f;
    io.terminals[0] = (uint8_t)fallen;
    io.truncations[0] = (uint8_t)late;
    if (fallen | late) {
        cartpole_log(s);
    }
}

static const PufObs cartpole_obs[] = {
    { "x", 1, -4.8f, 4.8f, "position of the cart, m" },
    { "x_dot", 1, -10, 10, "its velocity, m/s" },
    { "theta", 1, -2 * CARTPOLE_THETA_LIMIT, 2 * CARTPOLE_THETA_LIMIT, "angle of the pole from upright, rad" },
    { "theta_dot", 1, -8, 8, "its angular velocity, rad/s" },
};
static const PufAction cartpole_actions[] = { { "push", CARTPOLE_ACTIONS, 0, 0, "left right" } };
static const PufAction cartpole_controls[] = { { "push", 0, -1, 1, "force" } };
static const PufParam cartpole_params[] = {
    { "continuous", PUF_BOOL, 0, 0, 1, "one number in [-1, 1] that scales the force, instead of left or right" },
    { "max_steps", PUF_INT, 500, 1, 32767, "steps until an episode is cut off" },
    { "force", PUF_REAL, 10, 1, 20, "of a push, N" },
};
static const PufField cartpole_fields[] = {
    PUF_SCALAR(Cartpole, x, "position of the cart, m"),
    PUF_SCALAR(Cartpole, x_dot, "its velocity, m/s"),
    PUF_SCALAR(Cartpole, theta, "angle of the pole from upright, rad, positive to the right"),
    PUF_SCALAR(Cartpole, theta_dot, "its angular velocity, rad/s"),
    PUF_SCALAR(Cartpole, force, "on the cart in the last step, N; 0 after a reset"),
    PUF_SCALAR(Cartpole, tick, "steps since the episode began"),
};

static void cartpole_resize(PufLayout* layout, const double* params)
{
    if (params[0] != 0.0) {
        layout->actions = cartpole_controls;
    }
}

// clang-format off
PUF_DEFINE_ENV(cartpole, Cartpole,
    .version = 1,
    .doc = "Balance a pole on a cart: Gymnasium's CartPole-v1.",
    .reward = "+1 for every step",
    .ends = "terminal when the cart is more than 2.4 m off or the pole tilts more than 12 degrees; truncated after max_steps",
    .rate = 50,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Cartpole), .agents = 1, .obs_ndim = 1, .obs_shape = { 4 },
                .num_actions = 1, .actions = cartpole_actions },
    .obs = cartpole_obs, .num_obs = PUF_COUNT(cartpole_obs),
    .params = cartpole_params, .num_params = PUF_COUNT(cartpole_params),
    .fields = cartpole_fields, .num_fields = PUF_COUNT(cartpole_fields),
    .resize = cartpole_resize);
