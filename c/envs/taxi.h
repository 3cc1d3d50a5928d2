// taxi - fetch a passenger and bring them where they want to go: Gymnasium's Taxi-v4.
//
// Observation  uint8 (4,): codes: the taxi's row and column in a town of 5 x 5, where the passenger is (one of four stands,
//              or 4 in the taxi), and the stand that is the destination.
// Action       one of 6: down, up, right, left, pick up, drop.
// Reward       -1 for every step; instead +20 for the drop at the destination, and -`penalty`, 10, for picking up or
//              dropping where that cannot be.
// End          terminal when the passenger is at the destination; truncated after `max_steps` steps.
//
// Walls stand between some columns. A passenger may leave at any stand. With the setting `rain` a taxi that could go ahead
// drifts sideways instead, one time in five.
#pragma once
#include "puffer.h"

enum { TAXI_SIDE = 5, TAXI_STANDS = 4, TAXI_ABOARD = TAXI_STANDS };
enum { TAXI_DOWN, TAXI_UP, TAXI_RIGHT, TAXI_LEFT, TAXI_PICK, TAXI_DROP, TAXI_ACTIONS };

#define TAXI_STRAIGHT 0.8f // the chance of going ahead in the rain
#define TAXI_STEP (-1.0f)
#define TAXI_FARE 20.0f

// Red, green, yellow, blue.
static const int8_t taxi_stands[TAXI_STANDS][2] = { { 0, 0 }, { 0, 4 }, { 4, 0 }, { 4, 3 } };
// Bit c of row r: a wall on the right of column c.
static const uint8_t taxi_walls[TAXI_SIDE] = { 1 << 1, 1 << 1, 0, 1 << 0 | 1 << 2, 1 << 0 | 1 << 2 };

typedef struct Taxi {
    PufRng rng;
    float episode_return; // so far
    float aboard;         // setting
    float penalty;        // setting
    int32_t rain;         // setting
    int16_t tick;
    int16_t max_steps; // setting
    int8_t row, column;
    int8_t passenger; // their stand, or TAXI_ABOARD
    int8_t destination;
    int8_t last; // the last action, or -1
    PufLog log;
} Taxi;

static void taxi_reset(Taxi* s)
{
    s->row = (int8_t)puf_rand_below(&s->rng, TAXI_SIDE);
    s->column = (int8_t)puf_rand_below(&s->rng, TAXI_SIDE);
    s->passenger = (int8_t)puf_rand_below(&s->rng, TAXI_STANDS);
    int32_t other = (int32_t)puf_rand_below(&s->rng, TAXI_STANDS - 1);
    s->destination = (int8_t)(other + (other >= s->passenger));
    if (s->aboard > 0.0f && puf_rand_float(&s->rng) < s->aboard) {
        s->passenger = TAXI_ABOARD;
    }
    s->episode_return = 0.0f;
    s->tick = 0;
    s->last = -1;
}

static void taxi_observe(const Taxi* s, PufIo io)
{
    uint8_t* obs = io.obs;
    obs[0] = (uint8_t)s->row;
    obs[1] = (uint8_t)s->column;
    obs[2] = (uint8_t)s->passenger;
    obs[3] = (uint8_t)s->destination;
}

// Whether the way in a direction is free.
static inline int taxi_is_free(const Taxi* s, int32_t direction)
{
    switch (direction) {
    case TAXI_DOWN: return s->row < TAXI_SIDE - 1;
    case TAXI_UP: return s->row > 0;
    case TAXI_RIGHT: return s->column < TAXI_SIDE - 1 && !(taxi_walls[s->row] >> s->column & 1);
    default: return s->column > 0 && !(taxi_walls[s->row] >> (s->column - 1) & 1);
    }
}

static inline void taxi_go(Taxi* s, int32_t direction)
{
    if (taxi_is_free(s, direction)) {
        s->row = (int8_t)(s->row + (direction == TAXI_DOWN) - (direction == TAXI_UP));
        s->column = (int8_t)(s->column + (direction == TAXI_RIGHT) - (direction == TAXI_LEFT));
    }
}

static void taxi_drive(Taxi* s, int32_t direction)
{
    static const int8_t lefts[] = { TAXI_RIGHT, TAXI_LEFT, TAXI_UP, TAXI_DOWN };
    static const int8_t rights[] = { TAXI_LEFT, TAXI_RIGHT, TAXI_DOWN, TAXI_UP };
    if (s->rain) {
        float chance = puf_rand_float(&s->rng);
        if (taxi_is_free(s, direction) && chance >= TAXI_STRAIGHT) {
            direction = chance < TAXI_STRAIGHT + 0.5f * (1.0f - TAXI_STRAIGHT) ? lefts[direction] : rights[direction];
        }
    }
    taxi_go(s, direction);
}

// The stand on which the taxi is, or -1.
static inline int32_t taxi_stand(const Taxi* s)
{
    for (int32_t i = 0; i < TAXI_STANDS; i++) {
        if (s->row == taxi_stands[i][0] && s->column == taxi_stands[i][1]) {
            return i;
        }
    }
    return -1;
}

// Pick up or drop; returns the reward.
static float taxi_serve(Taxi* s, int32_t action)
{
    int32_t stand = taxi_stand(s);
    if (action == TAXI_PICK && stand >= 0 && s->passenger == stand) {
        s->passenger = TAXI_ABOARD;
        return TAXI_STEP;
    }
    if (action == TAXI_DROP && stand >= 0 && s->passenger == TAXI_ABOARD) {
        s->passenger = (int8_t)stand;
        return stand == s->destination ? TAXI_FARE : TAXI_STEP;
    }
    return -s->penalty;
}

static void taxi_step(Taxi* s, PufIo io)
{
    int32_t action = io.actions[0];
    float reward = TAXI_STEP;
    if (action < TAXI_PICK) {
        taxi_drive(s, action);
    } else {
        reward = taxi_serve(s, action);
    }
    s->last = (int8_t)action;
    s->tick += 1;
    s->episode_return += reward;

    int there = reward == TAXI_FARE;
    int late = !there & (s->tick >= s->max_steps);
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)there;
    io.truncations[0] = (uint8_t)late;
    if (there | late) {
        puf_log_episode(&s->log, (float)there, s->episode_return, s->episode_return, (float)s->tick);
    }
}

static const PufObs taxi_obs[] = {
    PUF_CODES("row", 1, TAXI_SIDE, "of the taxi, from the top"),
    PUF_CODES("column", 1, TAXI_SIDE, "of the taxi, from the left"),
    PUF_CODES("passenger", 1, TAXI_STANDS + 1, "the stand: red, green, yellow, blue; or in the taxi"),
    PUF_CODES("destination", 1, TAXI_STANDS, "the stand: red, green, yellow, blue"),
};
static const PufAction taxi_actions[] = { { "do", TAXI_ACTIONS, 0, 0, "down up right left pick drop" } };
static const PufParam taxi_params[] = {
    PUF_FLAG(Taxi, rain, 0, "whether the taxi may drift sideways; Gymnasium calls it is_rainy"),
    PUF_SETTING(Taxi, max_steps, 200, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING(Taxi, penalty, 10, 0, 10, "cost of picking up or dropping where that cannot be"),
    PUF_SETTING(Taxi, aboard, 0, 0, 1,
                "share of the episodes that start with the passenger in the taxi; 0 as in Gymnasium"),
};
static const PufField taxi_fields[] = {
    PUF_SCALAR(Taxi, row, "of the taxi, from the top", PUF_RANGE(0, TAXI_SIDE - 1)),
    PUF_SCALAR(Taxi, column, "of the taxi, from the left", PUF_RANGE(0, TAXI_SIDE - 1)),
    PUF_SCALAR(Taxi, passenger, "their stand, or 4 in the taxi", PUF_RANGE(0, TAXI_ABOARD)),
    PUF_SCALAR(Taxi, destination, "the stand where they want to go", PUF_RANGE(0, TAXI_STANDS - 1)),
    PUF_SCALAR(Taxi, last, "the last action; -1 after a reset", PUF_RANGE(-1, TAXI_ACTIONS - 1)),
    PUF_SCALAR(Taxi, episode_return, "rewards in this episode", PUF_RANGE(-10.0 * 32767, 0)),
    PUF_SCALAR(Taxi, tick, "steps since the start of the episode", PUF_LESS_THAN(Taxi, max_steps)),
};

// clang-format off
PUF_DEFINE_ENV(taxi, Taxi,
    .version = 1,
    .doc = "Fetch a passenger and bring them where they want to go: Gymnasium's Taxi-v4.",
    .reward = "-1 for every step, +20 for the drop at the destination, -10 for one or a pickup that cannot be",
    .ends = "terminal when the passenger is at the destination; truncated after max_steps steps",
    .rate = 5,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Taxi), .agents = 1, .obs_ndim = 1, .obs_shape = { 4 }, PUF_ACTIONS(taxi) },
    PUF_TABLES(taxi));
