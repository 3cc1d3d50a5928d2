// cartpole - push a cart left and right to balance the pole hinged on it: Gymnasium's CartPole-v1.
//
// Observation  float32 (4,): x (m), x_dot (m/s), theta (rad, 0 is upright, positive to the right),
//              theta_dot (rad/s).
// Action       0 pushes left and 1 right with `force` newtons. With the setting `continuous`: one
//              number in [-1, 1] that scales `force`.
// Reward       +1 for every step, including the last one.
// End          terminal when |x| > 2.4 m or |theta| > 12 degrees; truncated after `max_steps` steps.
//
// The equations are those of Florian, "Correct equations for the dynamics of the cart-pole system"
// (2007), without friction, integrated as in Gymnasium: explicit Euler, positions before
// velocities. Gymnasium computes in float64 and rounds the observation; here everything is float32.
#pragma once
#include "puffer.h"
#include <math.h>

#define CARTPOLE_GRAVITY 9.8f            // m/s^2
#define CARTPOLE_CART_MASS 1.0f          // kg
#define CARTPOLE_POLE_MASS 0.1f          // kg
#define CARTPOLE_HALF_LENGTH 0.5f        // m, from the hinge to the middle of the pole
#define CARTPOLE_TAU 0.02f               // s per step
#define CARTPOLE_X_LIMIT 2.4f            // m
#define CARTPOLE_THETA_LIMIT 0.20943951f // rad: 12 degrees
#define CARTPOLE_START 0.05f             // an episode starts with each of the four numbers within this of 0

enum { CARTPOLE_LEFT, CARTPOLE_RIGHT, CARTPOLE_ACTIONS };
enum { CARTPOLE_LANES = 64 }; // environments stepped side by side; any number gives the same results

// One cache line.
typedef struct Cartpole {
    union {
        struct {
            float x, x_dot, theta, theta_dot;
        };
        float row[4]; // the same four: the observation
    };
    float force;    // on the cart in the last step, N
    float strength; // setting: force of a push, N
    int16_t tick;
    int16_t max_steps; // setting
    PufLog log;
    PufRng rng;
} Cartpole;

// `continuous` is not part of the state, since the layout holds it.
typedef struct CartpoleSetup {
    Cartpole state;
    int32_t continuous;
} CartpoleSetup;

static void cartpole_reset(Cartpole* s)
{
    for (int i = 0; i < 4; i++) {
        s->row[i] = puf_rand_range(&s->rng, -CARTPOLE_START, CARTPOLE_START);
    }
    s->force = 0.0f;
    s->tick = 0;
}

static void cartpole_observe(const Cartpole* s, PufIo io) { memcpy(io.obs, s->row, sizeof(s->row)); }

static inline float cartpole_push(int32_t action, float strength) { return (float)(2 * action - 1) * strength; }

// Advance x, x_dot, theta, theta_dot by one Euler step under a force. On entry |theta| is within its limit, where the
// truncated Taylor series of sine and cosine are off by less than 4e-9 and 1e-10: below the rounding of the results.
static inline void cartpole_move(float row[4], float force)
{
    const float total_mass = CARTPOLE_CART_MASS + CARTPOLE_POLE_MASS;
    const float moment = CARTPOLE_POLE_MASS * CARTPOLE_HALF_LENGTH;
    float x = row[0], x_dot = row[1], theta = row[2], theta_dot = row[3];
    float square = theta * theta;
    float sine = theta * (1.0f - square * (1.0f / 6.0f - square * (1.0f / 120.0f)));
    float cosine = 1.0f - square * (0.5f - square * (1.0f / 24.0f - square * (1.0f / 720.0f)));

    float thrust = (force + moment * (theta_dot * theta_dot) * sine) * (1.0f / total_mass);
    float inertia = CARTPOLE_HALF_LENGTH * (4.0f / 3.0f - CARTPOLE_POLE_MASS / total_mass * (cosine * cosine));
    float theta_acc = (CARTPOLE_GRAVITY * sine - cosine * thrust) / inertia;
    float x_acc = thrust - moment / total_mass * (theta_acc * cosine);

    row[0] = x + CARTPOLE_TAU * x_dot;
    row[1] = x_dot + CARTPOLE_TAU * x_acc;
    row[2] = theta + CARTPOLE_TAU * theta_dot;
    row[3] = theta_dot + CARTPOLE_TAU * theta_acc;
}

static inline int cartpole_fallen(const float row[4])
{
    return (fabsf(row[0]) > CARTPOLE_X_LIMIT) | (fabsf(row[2]) > CARTPOLE_THETA_LIMIT);
}

static void cartpole_log(Cartpole* s)
{
    float steps = (float)s->tick;
    puf_log_episode(&s->log, steps / (float)s->max_steps, steps, steps, steps);
}

static void cartpole_step(Cartpole* s, PufIo io)
{
    s->force = io.actions ? cartpole_push(io.actions[0], s->strength) : io.controls[0] * s->strength;
    cartpole_move(s->row, s->force);
    s->tick += 1;

    int fallen = cartpole_fallen(s->row);
    int late = !fallen & (s->tick >= s->max_steps);
    io.rewards[0] = 1.0f;
    io.terminals[0] = (uint8_t)fallen;
    io.truncations[0] = (uint8_t)late;
    if (fallen | late) {
        cartpole_log(s);
    }
}

// ---- The rest is for speed. ----

#ifndef PUF_PLAIN

// Save the final observation, reset, and observe.
static void cartpole_restart(Cartpole* s, float* obs, float* final_obs)
{
    memcpy(final_obs, s->row, sizeof(s->row));
    cartpole_reset(s);
    memcpy(obs, s->row, sizeof(s->row));
}

// Does what cartpole_step does for CARTPOLE_LANES environments with the same settings, in short loops over arrays that
// compilers vectorize. Episode ends are rare and are handled last, one by one.
static void cartpole_step_lanes(Cartpole* s, PufIo io)
{
    enum { N = CARTPOLE_LANES };
    float rows[N][4], force[N];
    uint8_t late[N], fallen[N], over[N];
    float strength = s[0].strength;
    int16_t max_steps = s[0].max_steps;

    for (int i = 0; i < N; i++) {
        memcpy(rows[i], s[i].row, sizeof(rows[i]));
        s[i].tick += 1;
        late[i] = s[i].tick >= max_steps;
    }
    if (io.actions) {
        for (int i = 0; i < N; i++) {
            force[i] = cartpole_push(io.actions[i], strength);
        }
    } else {
        for (int i = 0; i < N; i++) {
            force[i] = io.controls[i] * strength;
        }
    }
    for (int i = 0; i < N; i++) {
        cartpole_move(rows[i], force[i]);
    }
    for (int i = 0; i < N; i++) {
        fallen[i] = (uint8_t)cartpole_fallen(rows[i]);
    }
    memcpy(io.obs, rows, sizeof(rows));
    for (int i = 0; i < N; i++) {
        memcpy(s[i].row, rows[i], sizeof(rows[i]));
        s[i].force = force[i];
    }

    uint8_t any = 0;
    for (int i = 0; i < N; i++) {
        over[i] = fallen[i] | late[i];
        any |= over[i];
    }
    for (int i = 0; i < N; i++) {
        io.rewards[i] = 1.0f;
    }
    memcpy(io.terminals, fallen, N);
    for (int i = 0; i < N; i++) {
        io.truncations[i] = over[i] ^ fallen[i]; // late, and not fallen
    }
    // Collected without branches, because the processor cannot predict which ones end.
    int32_t ended[N], count = 0;
    for (int i = 0; any && i < N; i++) {
        ended[count] = i;
        count += over[i];
    }
    for (int k = 0; k < count; k++) {
        int32_t i = ended[k];
        cartpole_log(&s[i]);
        cartpole_restart(&s[i], (float*)io.obs + 4 * i, (float*)io.final_obs + 4 * i);
    }
}

static void cartpole_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    Cartpole* s = states;
    int32_t i = 0;
    for (; n - i >= CARTPOLE_LANES; i += CARTPOLE_LANES) {
        cartpole_step_lanes(s + i, puf_row(layout, PUF_F32, io, i));
    }
    for (; i < n; i++) {
        PufIo row = puf_row(layout, PUF_F32, io, i);
        cartpole_step(s + i, row);
        cartpole_observe(s + i, row);
        if (row.terminals[0] | row.truncations[0]) {
            cartpole_restart(s + i, row.obs, row.final_obs);
        }
    }
}

#endif

// The bounds hold for every setting (`force` up to 20 N) and every sequence of actions. During an episode |theta| <=
// 0.2095; the equations then give |theta_acc| < 34 rad/s^2. A run of steps in which theta_dot keeps its sign covers
// at most 0.419 rad, so theta_dot stays below sqrt(2 * 34 * 0.419) rad/s plus two steps: 6.8. The equations also give
// x_acc = 9.8 sin(theta) - 2/3 theta_acc + (1 - cos(theta)) x_acc, so the velocity of x + 2/3 theta changes by less
// than 2.5 m/s^2. Over the 5.1 m that this point can cover it reaches 5.2 m/s, and x_dot at most 5.2 + 2/3 * 6.8 =
// 9.8. The one step outside the limits adds 0.2 m and 0.14 rad.
static const PufObs cartpole_obs[] = {
    { "x", 1, -4.8f, 4.8f, "position of the cart, m" },
    { "x_dot", 1, -10, 10, "velocity of the cart, m/s" },
    { "theta", 1, -2 * CARTPOLE_THETA_LIMIT, 2 * CARTPOLE_THETA_LIMIT, "angle of the pole from upright, rad" },
    { "theta_dot", 1, -8, 8, "angular velocity of the pole, rad/s" },
};
static const PufAction cartpole_actions[] = { { "push", CARTPOLE_ACTIONS, 0, 0, "left right" } };
static const PufAction cartpole_controls[] = { { "push", 0, -1, 1, "force" } };
static const PufParam cartpole_params[] = {
    PUF_FLAG(CartpoleSetup, continuous, 0,
             "the action is a number in [-1, 1] that scales the force, instead of left or right"),
    PUF_SETTING(Cartpole, max_steps, 500, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING_AS(Cartpole, "force", strength, 10, 1, 20, "force of a push, N"),
};
static const PufField cartpole_fields[] = {
    PUF_SCALAR(Cartpole, x, "position of the cart, m", PUF_RANGE(-CARTPOLE_X_LIMIT, CARTPOLE_X_LIMIT)),
    PUF_SCALAR(Cartpole, x_dot, "velocity of the cart, m/s", PUF_RANGE(-10, 10)),
    PUF_SCALAR(Cartpole, theta, "angle of the pole from upright, rad, positive to the right",
               PUF_RANGE(-CARTPOLE_THETA_LIMIT, CARTPOLE_THETA_LIMIT)),
    PUF_SCALAR(Cartpole, theta_dot, "angular velocity of the pole, rad/s", PUF_RANGE(-8, 8)),
    PUF_SCALAR(Cartpole, force, "force on the cart in the last step, N; 0 after a reset", PUF_RANGE(-20, 20)),
    PUF_SCALAR(Cartpole, tick, "steps since the start of the episode", PUF_UP_TO(Cartpole, max_steps)),
};

static void cartpole_resize(PufLayout* layout, const void* setup)
{
    const CartpoleSetup* given = setup;
    if (given->continuous) {
        layout->actions = cartpole_controls;
    }
}

// clang-format off
PUF_DEFINE_BATCH_ENV(cartpole, Cartpole,
    .version = 1,
    .doc = "Balance a pole on a cart: Gymnasium's CartPole-v1.",
    .reward = "+1 for every step",
    .ends = "terminal when the cart is more than 2.4 m from the centre or the pole tilts more than 12 degrees; "
            "truncated after max_steps steps",
    .rate = 50,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Cartpole), .agents = 1, .obs_ndim = 1, .obs_shape = { 4 },
                PUF_ACTIONS(cartpole) },
    PUF_TABLES(cartpole),
    .setup_size = sizeof(CartpoleSetup), .resize = cartpole_resize);
