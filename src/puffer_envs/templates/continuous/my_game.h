// my_game - land a rocket on a ship that sways in the waves, gently and upright, before the fuel is gone.
//
// Observation  float32 (9,), each from -1 to 1: place and speed as seen from the ship, tilt, spin, fuel; see my_game_obs.
// Action       two numbers: the thrust, 0 to 1, and the turn, -1 (to the left) to 1.
// Reward       how much nearer, slower and more upright it has become; 1 for a landing.
// End          terminal when it lands, crashes or leaves the picture; truncated after `max_steps` steps.
// Score        the fuel left after a landing, per cent, else 0; perf is 1 for a landing.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { MY_GAME_OBS = 9 };
#define MY_GAME_STEP 0.05f    // s
#define MY_GAME_GRAVITY 3.0f  // m/s^2
#define MY_GAME_THRUST 8.0f   // m/s^2 at full thrust
#define MY_GAME_TURN 4.0f     // rad/s^2 at full turn
#define MY_GAME_BURN 0.006f   // fuel in a step at full thrust; the tank holds 1
#define MY_GAME_SIDE 12.0f    // m from the middle to the left and right end of the picture
#define MY_GAME_TOP 18.0f     // m
#define MY_GAME_DECK 2.0f     // m from the middle of the ship to its ends
#define MY_GAME_GENTLE 1.5f   // m/s: a landing at most this fast
#define MY_GAME_UPRIGHT 0.25f // rad: and tilted at most this far

typedef struct MyGame {
    PufRng rng;
    float sway;              // setting
    int32_t max_steps, tick; // a setting; the steps of this episode
    float x, y, vx, vy, tilt, spin;
    float ship, ship_speed, wave; // the ship is at sway * sin(wave)
    float thrust, fuel, gain;     // of the last step; what is left; rewards of this episode
    PufLog log;
} MyGame;

static void my_game_move_ship(MyGame* s, float seconds)
{
    s->wave += 0.5f * seconds;
    float before = s->ship;
    s->ship = s->sway * puf_sinf(s->wave);
    s->ship_speed = seconds > 0.0f ? (s->ship - before) / seconds : 0.0f;
}

static void my_game_reset(MyGame* s)
{
    s->x = puf_rand_range(&s->rng, -8.0f, 8.0f);
    s->y = puf_rand_range(&s->rng, 12.0f, 16.0f);
    s->vx = puf_rand_range(&s->rng, -2.0f, 2.0f);
    s->vy = puf_rand_range(&s->rng, -2.0f, 0.0f);
    s->tilt = puf_rand_range(&s->rng, -0.5f, 0.5f);
    s->spin = 0.0f;
    s->wave = puf_rand_range(&s->rng, 0.0f, 2.0f * PUF_PI);
    my_game_move_ship(s, 0.0f);
    s->thrust = 0.0f;
    s->fuel = 1.0f;
    s->gain = 0.0f;
    s->tick = 0;
}

static void my_game_observe(const MyGame* s, PufIo io)
{
    const float seen[MY_GAME_OBS] = {
        (s->x - s->ship) / MY_GAME_SIDE,
        s->y / MY_GAME_TOP,
        0.2f * (s->vx - s->ship_speed),
        0.2f * s->vy,
        puf_sinf(s->tilt),
        puf_cosf(s->tilt),
        0.3f * s->spin,
        s->fuel,
        0.3f * s->ship_speed,
    };
    for (int32_t i = 0; i < MY_GAME_OBS; i++) {
        ((float*)io.obs)[i] = puf_clampf(seen[i], -1.0f, 1.0f);
    }
}

// How far it is from having landed; the reward is what this falls by.
static float my_game_to_go(const MyGame* s)
{
    float dx = s->x - s->ship, speed_x = s->vx - s->ship_speed;
    return 0.05f * sqrtf(dx * dx + s->y * s->y) + 0.1f * sqrtf(speed_x * speed_x + s->vy * s->vy) +
           0.2f * fabsf(s->tilt);
}

static void my_game_fly(MyGame* s, float thrust, float turn)
{
    s->thrust = s->fuel > 0.0f ? thrust : 0.0f;
    s->fuel = puf_maxf(s->fuel - MY_GAME_BURN * s->thrust, 0.0f);
    s->spin = 0.95f * (s->spin + MY_GAME_TURN * turn * MY_GAME_STEP);
    s->tilt += s->spin * MY_GAME_STEP;
    s->vx += MY_GAME_THRUST * s->thrust * puf_sinf(s->tilt) * MY_GAME_STEP;
    s->vy += (MY_GAME_THRUST * s->thrust * puf_cosf(s->tilt) - MY_GAME_GRAVITY) * MY_GAME_STEP;
    s->x += s->vx * MY_GAME_STEP;
    s->y += s->vy * MY_GAME_STEP;
}

static void my_game_step(MyGame* s, PufIo io)
{
    float before = my_game_to_go(s);
    my_game_fly(s, io.controls[0], io.controls[1]);
    my_game_move_ship(s, MY_GAME_STEP);
    s->tick += 1;

    int32_t down = s->y <= 0.0f;
    int32_t lost = fabsf(s->x) > MY_GAME_SIDE || s->y > MY_GAME_TOP || fabsf(s->tilt) > PUF_PI;
    int32_t gentle = fabsf(s->vx - s->ship_speed) < MY_GAME_GENTLE && s->vy > -MY_GAME_GENTLE;
    int32_t landed = down && gentle && fabsf(s->x - s->ship) < MY_GAME_DECK && fabsf(s->tilt) < MY_GAME_UPRIGHT;
    int32_t late = !down && !lost && s->tick >= s->max_steps;
    io.rewards[0] = before - my_game_to_go(s) + (float)landed;
    io.terminals[0] = (uint8_t)(down || lost);
    io.truncations[0] = (uint8_t)late;
    s->gain += io.rewards[0];
    if (down || lost || late) {
        puf_log_episode(&s->log, (float)landed, (float)landed * 100.0f * s->fuel, s->gain, (float)s->tick);
    }
}

static const PufObs my_game_obs[] = {
    { "place", 2, -1, 1, "to the right of the ship / 12 m, above it / 18 m" },
    { "speed", 2, -1, 1, "as seen from the ship: to the right, up; / 5 m/s" },
    { "tilt", 3, -1, 1, "sine and cosine of the tilt to the right, spin / 3.3 rad/s" },
    { "fuel", 1, 0, 1, "what is left" },
    { "ship_speed", 1, -1, 1, "to the right, / 3.3 m/s" },
};
static const PufAction my_game_actions[] = { { "thrust", 0, 0, 1, "full" }, { "turn", 0, -1, 1, "full" } };
static const PufParam my_game_params[] = {
    PUF_SETTING(MyGame, sway, 3, 0, 8, "how far the ship drifts to each side, m"),
    PUF_SETTING(MyGame, max_steps, 400, 1, 100000, "steps after which an episode is truncated"),
};
static const PufField my_game_fields[] = {
    PUF_SCALAR(MyGame, x, "m to the right of the middle", PUF_RANGE(-MY_GAME_SIDE, MY_GAME_SIDE)),
    PUF_SCALAR(MyGame, y, "m above the deck", PUF_RANGE(0, MY_GAME_TOP)),
    PUF_SCALAR(MyGame, vy, "m/s up"),
    PUF_SCALAR(MyGame, tilt, "to the right, rad", PUF_RANGE(-PUF_PI, PUF_PI)),
    PUF_SCALAR(MyGame, ship, "its middle, m to the right"),
    PUF_SCALAR(MyGame, wave, "where the ship is in its sway, rad", PUF_RANGE(0, 8000)),
    PUF_SCALAR(MyGame, thrust, "of the last step"),
    PUF_SCALAR(MyGame, fuel, "what is left of 1", PUF_RANGE(0, 1)),
};

// clang-format off
PUF_DEFINE_ENV(my_game, MyGame,
    .version = 1,
    .doc = "Land a rocket on a ship that sways in the waves, gently and upright.",
    .reward = "how much nearer, slower and more upright it has become; 1 for a landing",
    .ends = "terminal when it lands, crashes or leaves the picture; truncated after max_steps steps",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(MyGame), .agents = 1, .obs_ndim = 1, .obs_shape = { MY_GAME_OBS },
                PUF_ACTIONS(my_game) },
    PUF_TABLES(my_game));
