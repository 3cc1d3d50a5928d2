// boids_lanes.h - boids_look_around of boids.h for four places at a time, with the same results to the last bit.
#pragma once

// BoidsSeen, lane by lane.
typedef struct BoidsSums {
    float count[BOIDS_LANES], x[BOIDS_LANES], y[BOIDS_LANES], heading_x[BOIDS_LANES], heading_y[BOIDS_LANES];
    float speed[BOIDS_LANES], crowding[BOIDS_LANES], out_x[BOIDS_LANES], out_y[BOIDS_LANES];
    float ahead[BOIDS_LANES], behind[BOIDS_LANES]; // squares of the least distances
    int32_t ahead_at[BOIDS_LANES], behind_at[BOIDS_LANES];
} BoidsSums;

// boids_look_at for the place `at` and the next few, as far as they belong to the run. Compilers turn
// a short loop over lanes, without branches, into vector instructions.
static inline void boids_look_at_lanes(const BoidsEye* eye, BoidsSums* restrict sums, int32_t at, const BoidsRun* run)
{
    const float* restrict x_of = eye->all.x + at;
    const float* restrict y_of = eye->all.y + at;
    const float* restrict heading_x_of = eye->all.heading_x + at;
    const float* restrict heading_y_of = eye->all.heading_y + at;
    const float* restrict speed_of = eye->all.speed + at;
    const float x = eye->x, y = eye->y, heading_x = eye->heading_x, heading_y = eye->heading_y;
    const float shift_x = run->shift_x, shift_y = run->shift_y;
    const int32_t left = run->end - at, self = eye->place - at;
    PUF_VECTORIZE(4)
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        float dx = (x_of[lane] - x) + shift_x;
        float dy = (y_of[lane] - y) + shift_y;
        float distance2 = dx * dx + dy * dy;
        int32_t other = (lane < left) & (lane != self);
        float seen = (other & (distance2 < 1.0f)) ? 1.0f : 0.0f;
        float near = puf_maxf(0.0f, seen - distance2 * (1.0f / (BOIDS_NEAR * BOIDS_NEAR)));
        sums->count[lane] += seen;
        sums->x[lane] += seen * dx;
        sums->y[lane] += seen * dy;
        sums->heading_x[lane] += seen * heading_x_of[lane];
        sums->heading_y[lane] += seen * heading_y_of[lane];
        sums->speed[lane] += seen * speed_of[lane];
        sums->crowding[lane] += near;
        sums->out_x[lane] -= near * dx;
        sums->out_y[lane] -= near * dy;
        float ahead = dx * heading_x + dy * heading_y;
        float hidden = distance2 + (1.0f - seen); // at least 1 unless it is seen
        float in_front = ahead >= 0.0f ? hidden : 1.0f, at_back = ahead >= 0.0f ? 1.0f : hidden;
        // all bits set where this one is nearer: with ?: instead, gcc makes branches that no processor can predict
        int32_t nearer = -(in_front < sums->ahead[lane]), nearer_back = -(at_back < sums->behind[lane]);
        sums->ahead_at[lane] = ((at + lane) & nearer) | (sums->ahead_at[lane] & ~nearer);
        sums->behind_at[lane] = ((at + lane) & nearer_back) | (sums->behind_at[lane] & ~nearer_back);
        sums->ahead[lane] = puf_minf(in_front, sums->ahead[lane]);
        sums->behind[lane] = puf_minf(at_back, sums->behind[lane]);
    }
}

static inline float boids_total(const float lanes[BOIDS_LANES])
{
    return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

// The nearest of all lanes; of equally near ones, that of the first lane.
static inline BoidsNearest boids_nearest(const float distance2[BOIDS_LANES], const int32_t at[BOIDS_LANES])
{
    BoidsNearest nearest = { 1.0f, -1 };
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        int32_t nearer = -(distance2[lane] < nearest.distance2);
        nearest.place = (at[lane] & nearer) | (nearest.place & ~nearer);
        nearest.distance2 = puf_minf(distance2[lane], nearest.distance2);
    }
    return nearest;
}

static inline BoidsSeen boids_look_around_lanes(const BoidsEye* eye, const BoidsCell* cell)
{
    BoidsSums sums;
    memset(&sums, 0, sizeof(sums));
    for (int32_t lane = 0; lane < BOIDS_LANES; lane++) {
        sums.ahead[lane] = 1.0f;
        sums.behind[lane] = 1.0f;
    }
    for (int32_t r = 0; r < cell->count; r++) {
        for (int32_t at = cell->runs[r].begin; at < cell->runs[r].end; at += BOIDS_LANES) {
            boids_look_at_lanes(eye, &sums, at, &cell->runs[r]);
        }
    }
    BoidsSeen seen = {
        .count = boids_total(sums.count),
        .x = boids_total(sums.x),
        .y = boids_total(sums.y),
        .heading_x = boids_total(sums.heading_x),
        .heading_y = boids_total(sums.heading_y),
        .speed = boids_total(sums.speed),
        .crowding = boids_total(sums.crowding),
        .out_x = boids_total(sums.out_x),
        .out_y = boids_total(sums.out_y),
        .ahead = boids_nearest(sums.ahead, sums.ahead_at),
        .behind = boids_nearest(sums.behind, sums.behind_at),
    };
    return seen;
}
