// my_game - a flock: birds that fly where their neighbours fly, stay together and keep their distance.
//
// Observation  float32 (6,) for each bird, each from -1 to 1, as seen along its own heading: see my_game_obs.
// Action       a number from -1 to 1 for each bird: turn to the left or to the right.
// Reward       for each bird and step: 0.05 * (agreement with its neighbours' heading + company - crowding).
// End          truncated after `max_steps` steps, for all birds at once.
// Score        agreement + company - crowding, on average, as a share of the best; perf is the same, but not below 0.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { MY_GAME_BIRDS = 24, MY_GAME_OBS = 6, MY_GAME_COMPANY = 5 }; // neighbours that are enough
#define MY_GAME_SIDE 16.0f // m: a bird that leaves at one side comes back at the other
#define MY_GAME_SIGHT 4.0f // m: those within this are neighbours
#define MY_GAME_SPACE 1.2f // m: those within this crowd a bird
#define MY_GAME_TURN 0.25f // rad in a step, at most
#define MY_GAME_SPEED 0.2f // m in a step

typedef struct MyGameView { // what a bird sees
    float ahead, right;     // the middle of its neighbours
    float along, across;    // their mean heading: ahead, to the right
    float company, crowding;
} MyGameView;

typedef struct MyGameBird {
    float x, y, heading;        // m, m, rad clockwise from the right
    float heading_x, heading_y; // its cosine and sine
    float gain;                 // rewards of this episode
    MyGameView view;
} MyGameBird;

typedef struct MyGame {
    PufRng rng;
    int32_t max_steps, tick; // a setting; the steps of this episode
    MyGameBird birds[MY_GAME_BIRDS];
    PufLog log;
} MyGame;

// From one place to another, the shorter way: it may lead over the edge.
static float my_game_way(float from, float to)
{
    float way = to - from;
    return way - MY_GAME_SIDE * floorf(way / MY_GAME_SIDE + 0.5f);
}

static void my_game_look(const MyGame* s, MyGameBird* bird)
{
    float count = 0.0f, crowding = 0.0f, x = 0.0f, y = 0.0f, heading_x = 0.0f, heading_y = 0.0f;
    for (const MyGameBird* other = s->birds; other < s->birds + MY_GAME_BIRDS; other++) {
        float dx = my_game_way(bird->x, other->x), dy = my_game_way(bird->y, other->y);
        float distance = sqrtf(dx * dx + dy * dy);
        if (other == bird || distance >= MY_GAME_SIGHT) {
            continue;
        }
        count += 1.0f;
        crowding += puf_maxf(1.0f - distance / MY_GAME_SPACE, 0.0f);
        x += dx / MY_GAME_SIGHT;
        y += dy / MY_GAME_SIGHT;
        heading_x += other->heading_x;
        heading_y += other->heading_y;
    }
    float share = count > 0.0f ? 1.0f / count : 0.0f;
    float cosine = share * bird->heading_x, sine = share * bird->heading_y;
    bird->view.ahead = puf_clampf(x * cosine + y * sine, -1.0f, 1.0f);
    bird->view.right = puf_clampf(y * cosine - x * sine, -1.0f, 1.0f);
    bird->view.along = puf_clampf(heading_x * cosine + heading_y * sine, -1.0f, 1.0f);
    bird->view.across = puf_clampf(heading_y * cosine - heading_x * sine, -1.0f, 1.0f);
    bird->view.company = puf_minf(count / (float)MY_GAME_COMPANY, 1.0f);
    bird->view.crowding = puf_minf(crowding, 1.0f);
}

static void my_game_reset(MyGame* s)
{
    s->tick = 0;
    for (int32_t i = 0; i < MY_GAME_BIRDS; i++) {
        MyGameBird* bird = &s->birds[i];
        bird->x = MY_GAME_SIDE * (puf_rand_float(&s->rng) - 0.5f);
        bird->y = MY_GAME_SIDE * (puf_rand_float(&s->rng) - 0.5f);
        bird->heading = puf_rand_range(&s->rng, -PUF_PI, PUF_PI);
        bird->gain = 0.0f;
        puf_sincosf(bird->heading, &bird->heading_y, &bird->heading_x);
    }
    for (int32_t i = 0; i < MY_GAME_BIRDS; i++) {
        my_game_look(s, &s->birds[i]);
    }
}

static void my_game_observe(const MyGame* s, PufIo io)
{
    for (int32_t i = 0; i < MY_GAME_BIRDS; i++) {
        memcpy((MyGameView*)io.obs + i, &s->birds[i].view, sizeof(MyGameView));
    }
}

static void my_game_step(MyGame* s, PufIo io)
{
    for (int32_t i = 0; i < MY_GAME_BIRDS; i++) {
        MyGameBird* bird = &s->birds[i];
        bird->heading += MY_GAME_TURN * io.controls[i];
        puf_sincosf(bird->heading, &bird->heading_y, &bird->heading_x);
        bird->x = my_game_way(0.0f, bird->x + MY_GAME_SPEED * bird->heading_x);
        bird->y = my_game_way(0.0f, bird->y + MY_GAME_SPEED * bird->heading_y);
    }
    s->tick += 1;
    int32_t late = s->tick >= s->max_steps;
    for (int32_t i = 0; i < MY_GAME_BIRDS; i++) {
        MyGameBird* bird = &s->birds[i];
        my_game_look(s, bird);
        io.rewards[i] = 0.05f * (bird->view.along + bird->view.company - bird->view.crowding);
        io.terminals[i] = 0;
        io.truncations[i] = (uint8_t)late;
        bird->gain += io.rewards[i];
        if (late) {
            float score = 10.0f * bird->gain / (float)s->tick; // the best is 2 * 0.05 in every step
            puf_log_episode(&s->log, puf_clampf(score, 0.0f, 1.0f), score, bird->gain, (float)s->tick);
        }
    }
}

static const PufObs my_game_obs[] = {
    { "middle", 2, -1, 1, "of the neighbours: ahead, to the right; / 4 m" },
    { "heading", 2, -1, 1, "mean of the neighbours': ahead, to the right" },
    { "company", 1, 0, 1, "neighbours / 5, at most 1" },
    { "crowding", 1, 0, 1, "sum of 1 - distance / 1.2 m over those nearer than that, at most 1" },
};
static const PufAction my_game_actions[] = { { "turn", 0, -1, 1, "full" } };
static const PufParam my_game_params[] = {
    PUF_SETTING(MyGame, max_steps, 400, 1, 30000, "steps after which an episode is truncated"),
};
static const PufField my_game_bird_fields[] = {
    PUF_SCALAR(MyGameBird, x, "m to the right of the middle", PUF_RANGE(-MY_GAME_SIDE, MY_GAME_SIDE)),
    PUF_SCALAR(MyGameBird, y, "m below the middle", PUF_RANGE(-MY_GAME_SIDE, MY_GAME_SIDE)),
    PUF_SCALAR(MyGameBird, heading, "rad clockwise from the right", PUF_RANGE(-8000, 8000)),
};
static const PufField my_game_fields[] = {
    PUF_STRUCTS(MyGame, birds, my_game_bird_fields, "one row for each bird"),
    PUF_SCALAR(MyGame, tick, "steps of this episode", PUF_UP_TO(MyGame, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(my_game, MyGame,
    .version = 1,
    .doc = "A flock: fly where the neighbours fly, stay together and keep a distance.",
    .reward = "in each step, 0.05 * (agreement with the neighbours' heading + company - crowding)",
    .ends = "truncated after max_steps steps, for all birds at once",
    .rate = 20,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(MyGame), .agents = MY_GAME_BIRDS, .obs_ndim = 1, .obs_shape = { MY_GAME_OBS },
                PUF_ACTIONS(my_game) },
    PUF_TABLES(my_game));
