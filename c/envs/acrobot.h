// acrobot - two links hang from a hinge; a motor between them must swing the tip up: Gymnasium's Acrobot-v1.
//
// Observation  float32 (6,): cosine and sine of theta1, of theta2, and both angular velocities (rad/s). theta1 is the
//              first link's angle from hanging down, theta2 the second one's from the line of the first.
// Action       one of 3: the torque on the joint between the links, -1, 0 or +1 N m.
// Reward       -1 for every step, 0 for the one that reaches the height.
// End          terminal when the tip is more than one link above the hinge; truncated after `max_steps` steps.
//
// The equations are those of Sutton and Barto's book, integrated over 0.2 s by one step of Runge and Kutta's fourth order,
// as in Gymnasium. Gymnasium computes in float64; here everything is float32.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

// Both links have a mass of 1 kg, a length of 1 m and a moment of 1 kg m^2, which the equations leave out as factors.
#define ACROBOT_MIDDLE 0.5f // of a link, from its joint, m
#define ACROBOT_MASS 1.0f
#define ACROBOT_LENGTH 1.0f
#define ACROBOT_MOMENT 1.0f
#define ACROBOT_GRAVITY 9.8f               // m/s^2
#define ACROBOT_TAU 0.2f                   // s per step
#define ACROBOT_MAX_SPEED1 (4.0f * PUF_PI) // rad/s
#define ACROBOT_MAX_SPEED2 (9.0f * PUF_PI) // rad/s
#define ACROBOT_START 0.1f                 // an episode starts with each of the four numbers within this of 0
#define ACROBOT_PAR 100.0f                 // steps; Gymnasium calls this solved

enum { ACROBOT_LEFT, ACROBOT_REST, ACROBOT_RIGHT, ACROBOT_ACTIONS };
enum { ACROBOT_LANES = 64 }; // environments stepped side by side; any number gives the same results

// What the equations move; also their rates of change.
typedef struct AcrobotPose {
    float theta1, theta2, dtheta1, dtheta2;
} AcrobotPose;

// One cache line.
typedef struct Acrobot {
    AcrobotPose pose;
    float torque;  // in the last step, N m
    float scatter; // setting
    int16_t tick;
    int16_t max_steps; // setting
    PufLog log;
    PufRng rng;
} Acrobot;

// Near to hanging at rest; with the chance `scatter` in any pose, at a modest speed.
static void acrobot_reset(Acrobot* s)
{
    int anywhere = s->scatter > 0.0f && puf_rand_float(&s->rng) < s->scatter;
    float angle = anywhere ? PUF_PI : ACROBOT_START, speed = anywhere ? PUF_PI : ACROBOT_START;
    s->pose.theta1 = puf_rand_range(&s->rng, -angle, angle);
    s->pose.theta2 = puf_rand_range(&s->rng, -angle, angle);
    s->pose.dtheta1 = puf_rand_range(&s->rng, -speed, speed);
    s->pose.dtheta2 = puf_rand_range(&s->rng, -speed, speed);
    s->torque = 0.0f;
    s->tick = 0;
}

// How fast everything changes, under a torque.
PUF_INLINE AcrobotPose acrobot_rates(AcrobotPose p, float torque)
{
    const float m = ACROBOT_MASS, l = ACROBOT_LENGTH, lc = ACROBOT_MIDDLE, moment = ACROBOT_MOMENT;
    float sin1, cos1, sin2, cos2;
    puf_sincosf(p.theta1, &sin1, &cos1);
    puf_sincosf(p.theta2, &sin2, &cos2);
    float sin12 = sin1 * cos2 + cos1 * sin2; // of the second link's angle from hanging down

    float d1 = m * lc * lc + m * (l * l + lc * lc) + 2.0f * moment + 2.0f * m * l * lc * cos2;
    float d2 = m * lc * lc + moment + m * l * lc * cos2;
    float coupling = m * l * lc * sin2;
    float phi2 = m * lc * ACROBOT_GRAVITY * sin12;
    float phi1 = (m * lc + m * l) * ACROBOT_GRAVITY * sin1 + phi2 -
                 coupling * (p.dtheta2 * p.dtheta2 + 2.0f * p.dtheta2 * p.dtheta1);
    float share = d2 / d1;
    float ddtheta2 =
        (torque + share * phi1 - coupling * (p.dtheta1 * p.dtheta1) - phi2) / (m * lc * lc + moment - d2 * share);
    float ddtheta1 = -(d2 * ddtheta2 + phi1) / d1;
    return (AcrobotPose){ p.dtheta1, p.dtheta2, ddtheta1, ddtheta2 };
}

PUF_INLINE AcrobotPose acrobot_after(AcrobotPose p, AcrobotPose rates, float seconds)
{
    return (AcrobotPose){ p.theta1 + rates.theta1 * seconds, p.theta2 + rates.theta2 * seconds,
                          p.dtheta1 + rates.dtheta1 * seconds, p.dtheta2 + rates.dtheta2 * seconds };
}

// The same angle within half a turn.
static inline float acrobot_wrap(float angle)
{
    float turns = angle * (0.5f / PUF_PI);
    return angle - 2.0f * PUF_PI * (float)(int32_t)(turns + (turns < 0.0f ? -0.5f : 0.5f));
}

// One step of Runge and Kutta; then the angles are wrapped and the speeds limited.
PUF_INLINE AcrobotPose acrobot_move(AcrobotPose p, float torque)
{
    const float tau = ACROBOT_TAU;
    AcrobotPose k1 = acrobot_rates(p, torque);
    AcrobotPose k2 = acrobot_rates(acrobot_after(p, k1, tau / 2.0f), torque);
    AcrobotPose k3 = acrobot_rates(acrobot_after(p, k2, tau / 2.0f), torque);
    AcrobotPose k4 = acrobot_rates(acrobot_after(p, k3, tau), torque);
    p = acrobot_after(p, k1, tau / 6.0f);
    p = acrobot_after(p, k2, tau / 3.0f);
    p = acrobot_after(p, k3, tau / 3.0f);
    p = acrobot_after(p, k4, tau / 6.0f);
    return (AcrobotPose){ acrobot_wrap(p.theta1), acrobot_wrap(p.theta2),
                          puf_clampf(p.dtheta1, -ACROBOT_MAX_SPEED1, ACROBOT_MAX_SPEED1),
                          puf_clampf(p.dtheta2, -ACROBOT_MAX_SPEED2, ACROBOT_MAX_SPEED2) };
}

// The observation, from which the height of the tip follows too.
static inline void acrobot_show(AcrobotPose p, float obs[6])
{
    puf_sincosf(p.theta1, &obs[1], &obs[0]);
    puf_sincosf(p.theta2, &obs[3], &obs[2]);
    obs[4] = p.dtheta1;
    obs[5] = p.dtheta2;
}

// Of the tip above the hinge, m: -cos(theta1) - cos(theta1 + theta2).
static inline float acrobot_height(const float obs[6]) { return -obs[0] - (obs[0] * obs[2] - obs[1] * obs[3]); }

static void acrobot_observe(const Acrobot* s, PufIo io) { acrobot_show(s->pose, io.obs); }

static void acrobot_log(Acrobot* s, int up)
{
    float steps = (float)s->tick, score = (float)up - steps, span = (float)s->max_steps - ACROBOT_PAR;
    float perf = !up ? 0.0f : span <= 0.0f ? 1.0f : puf_clampf(((float)s->max_steps - steps) / span, 0.0f, 1.0f);
    puf_log_episode(&s->log, perf, score, score, steps);
}

static void acrobot_step(Acrobot* s, PufIo io)
{
    float obs[6];
    s->torque = (float)(io.actions[0] - ACROBOT_REST);
    s->pose = acrobot_move(s->pose, s->torque);
    s->tick += 1;
    acrobot_show(s->pose, obs);

    int up = acrobot_height(obs) > 1.0f;
    int late = !up & (s->tick >= s->max_steps);
    io.rewards[0] = (float)(up - 1);
    io.terminals[0] = (uint8_t)up;
    io.truncations[0] = (uint8_t)late;
    if (up | late) {
        acrobot_log(s, up);
    }
}

// ---- The rest is for speed. ----

#ifndef PUF_PLAIN

// Does what acrobot_step does for ACROBOT_LANES environments, in short loops over arrays that compilers vectorize.
static void acrobot_step_lanes(Acrobot* s, PufIo io)
{
    enum { N = ACROBOT_LANES };
    float theta1[N], theta2[N], dtheta1[N], dtheta2[N], torque[N], columns[6][N];
    float* obs = io.obs;
    uint8_t any = 0;

    for (int i = 0; i < N; i++) {
        theta1[i] = s[i].pose.theta1;
        theta2[i] = s[i].pose.theta2;
        dtheta1[i] = s[i].pose.dtheta1;
        dtheta2[i] = s[i].pose.dtheta2;
        torque[i] = (float)(io.actions[i] - ACROBOT_REST);
    }
    for (int i = 0; i < N; i++) {
        AcrobotPose p = acrobot_move((AcrobotPose){ theta1[i], theta2[i], dtheta1[i], dtheta2[i] }, torque[i]);
        theta1[i] = p.theta1;
        theta2[i] = p.theta2;
        dtheta1[i] = p.dtheta1;
        dtheta2[i] = p.dtheta2;
    }
    for (int i = 0; i < N; i++) {
        puf_sincosf(theta1[i], &columns[1][i], &columns[0][i]);
        puf_sincosf(theta2[i], &columns[3][i], &columns[2][i]);
    }
    for (int i = 0; i < N; i++) {
        s[i].pose.theta1 = theta1[i];
        s[i].pose.theta2 = theta2[i];
        s[i].pose.dtheta1 = dtheta1[i];
        s[i].pose.dtheta2 = dtheta2[i];
        s[i].torque = torque[i];
        s[i].tick += 1;
        for (int k = 0; k < 4; k++) {
            obs[6 * i + k] = columns[k][i];
        }
        obs[6 * i + 4] = dtheta1[i];
        obs[6 * i + 5] = dtheta2[i];
        int up = acrobot_height(obs + 6 * i) > 1.0f;
        int late = !up & (s[i].tick >= s[i].max_steps);
        io.rewards[i] = (float)(up - 1);
        io.terminals[i] = (uint8_t)up;
        io.truncations[i] = (uint8_t)late;
        any |= (uint8_t)(up | late);
    }
    for (int i = 0; any && i < N; i++) {
        if (io.terminals[i] | io.truncations[i]) {
            memcpy((float*)io.final_obs + 6 * i, obs + 6 * i, 6 * sizeof(float));
            acrobot_log(&s[i], io.terminals[i]);
            acrobot_reset(&s[i]);
            acrobot_show(s[i].pose, obs + 6 * i);
        }
    }
}

static void acrobot_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    Acrobot* s = states;
    int32_t i = 0;
    for (; n - i >= ACROBOT_LANES; i += ACROBOT_LANES) {
        acrobot_step_lanes(s + i, puf_row(layout, PUF_F32, io, i));
    }
    for (; i < n; i++) {
        PufIo row = puf_row(layout, PUF_F32, io, i);
        acrobot_step(s + i, row);
        if (row.terminals[0] | row.truncations[0]) {
            acrobot_observe(s + i, puf_final(row));
            acrobot_reset(s + i);
        }
        acrobot_observe(s + i, row);
    }
}

#endif

// Speeds are just within their limits; angles may be a rounding beyond half a turn.
static const PufObs acrobot_obs[] = {
    { "cos_theta1", 1, -1, 1, "of the first link's angle from hanging down" },
    { "sin_theta1", 1, -1, 1, "of the same, positive to the right" },
    { "cos_theta2", 1, -1, 1, "of the second link's angle from the line of the first" },
    { "sin_theta2", 1, -1, 1, "of the same" },
    { "dtheta1", 1, -ACROBOT_MAX_SPEED1, ACROBOT_MAX_SPEED1, "angular velocity of the first link, rad/s" },
    { "dtheta2", 1, -ACROBOT_MAX_SPEED2, ACROBOT_MAX_SPEED2,
      "angular velocity of the second against the first, rad/s" },
};
static const PufAction acrobot_actions[] = { { "torque", ACROBOT_ACTIONS, 0, 0, "left rest right" } };
static const PufParam acrobot_params[] = {
    PUF_SETTING(Acrobot, max_steps, 500, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING(Acrobot, scatter, 0, 0, 1, "share of the episodes that start in any pose; 0 as in Gymnasium"),
};
static const PufField acrobot_fields[] = {
    PUF_SCALAR_AS(Acrobot, "theta1", pose.theta1,
                  "angle of the first link from hanging down, rad, positive to the right", PUF_RANGE(-3.1416, 3.1416)),
    PUF_SCALAR_AS(Acrobot, "theta2", pose.theta2, "angle of the second link from the line of the first, rad",
                  PUF_RANGE(-3.1416, 3.1416)),
    PUF_SCALAR_AS(Acrobot, "dtheta1", pose.dtheta1, "angular velocity of the first link, rad/s",
                  PUF_RANGE(-ACROBOT_MAX_SPEED1, ACROBOT_MAX_SPEED1)),
    PUF_SCALAR_AS(Acrobot, "dtheta2", pose.dtheta2, "angular velocity of the second against the first, rad/s",
                  PUF_RANGE(-ACROBOT_MAX_SPEED2, ACROBOT_MAX_SPEED2)),
    PUF_SCALAR(Acrobot, torque, "on the joint in the last step, N m; 0 after a reset", PUF_RANGE(-1, 1)),
    PUF_SCALAR(Acrobot, tick, "steps since the start of the episode", PUF_LESS_THAN(Acrobot, max_steps)),
};

// clang-format off
PUF_DEFINE_BATCH_ENV(acrobot, Acrobot,
    .version = 1,
    .doc = "Swing the tip of two links up with a motor in their joint: Gymnasium's Acrobot-v1.",
    .reward = "-1 for every step, 0 for the one that reaches the height",
    .ends = "terminal when the tip is more than 1 m above the hinge; truncated after max_steps steps",
    .rate = 15,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Acrobot), .agents = 1, .obs_ndim = 1, .obs_shape = { 6 },
                PUF_ACTIONS(acrobot) },
    PUF_TABLES(acrobot));
