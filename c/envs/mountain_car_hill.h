// mountain_car_hill.h - the valley, and how a car moves in it: what mountain_car and mountain_car_continuous share.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

#define HILL_LEFT (-1.2f) // a wall that stops the car
#define HILL_RIGHT 0.6f
#define HILL_MAX_SPEED 0.07f
#define HILL_GRAVITY 0.0025f
#define HILL_START_LEAST (-0.6f) // an episode starts at rest, near the bottom, which is at -pi/6
#define HILL_START_MOST (-0.4f)

// Advance by one step: the speed first, then the place with the new speed. The ground is at sin(3 x), so that the slope
// is that of cos(3 x).
static inline void hill_move(float* position, float* velocity, float push)
{
    float speed = *velocity + (push - HILL_GRAVITY * puf_cosf(3.0f * *position));
    speed = puf_clampf(speed, -HILL_MAX_SPEED, HILL_MAX_SPEED);
    float place = puf_clampf(*position + speed, HILL_LEFT, HILL_RIGHT);
    *velocity = place <= HILL_LEFT && speed < 0.0f ? 0.0f : speed;
    *position = place;
}

// Where an episode starts: near the bottom, at rest; with the chance `scatter` anywhere, at any speed.
static inline void hill_start(float* position, float* velocity, float scatter, float goal, PufRng* rng)
{
    if (scatter > 0.0f && puf_rand_float(rng) < scatter) {
        *position = puf_rand_range(rng, HILL_LEFT, goal);
        *velocity = puf_rand_range(rng, -HILL_MAX_SPEED, HILL_MAX_SPEED);
    } else {
        *position = puf_rand_range(rng, HILL_START_LEAST, HILL_START_MOST);
        *velocity = 0.0f;
    }
}
