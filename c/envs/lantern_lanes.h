// lantern_lanes.h - a faster form of what a body in lantern.h sees. Included by it.
//
// lantern_see_walls_lanes gives the same bits as lantern_see_walls: all rays go from box to box side by
// side, until each has met a wall or the end of its reach.
#pragma once

static inline void lantern_see_walls_lanes(const Lantern* s, const LanternLevel* level, float* wall)
{
    enum { N = LANTERN_RAYS };
    int32_t column[N], row[N], on[N], any = -1; // on: -1, or 0 once a ray has ended
    float distance[N], x = s->x, y = s->y;
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < N; i++) {
        column[i] = (int32_t)x;
        row[i] = (int32_t)y;
        distance[i] = 0.0f;
        on[i] = -1;
    }
    while (any) { // in every round each ray that is still on leaves a box
        any = 0;
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < N; i++) {
            float dx = lantern_ray_x[i], dy = lantern_ray_y[i];
            int32_t door = lantern_in_door(column[i], row[i]), size = lantern_box_size(door);
            int32_t left = lantern_box_start(column[i], door), top = lantern_box_start(row[i], door);
            float to_x = lantern_to_border(x, left, size, dx, lantern_gap_x[i]);
            float to_y = lantern_to_border(y, top, size, dy, lantern_gap_y[i]);
            float at = puf_minf(to_x, to_y);
            int32_t across = to_x < to_y;
            int32_t beyond_x = dx < 0.0f ? left - 1 : left + size, beyond_y = dy < 0.0f ? top - 1 : top + size;
            int32_t within_x = puf_clampi((int32_t)(x + at * dx), left, left + size - 1);
            int32_t within_y = puf_clampi((int32_t)(y + at * dy), top, top + size - 1);
            distance[i] = on[i] ? at : distance[i];
            column[i] = on[i] ? (across ? beyond_x : within_x) : column[i];
            row[i] = on[i] ? (across ? within_y : beyond_y) : row[i];
            int32_t open = (int32_t)(level->rows[row[i]] >> column[i] & 1);
            on[i] &= -(open & (at < LANTERN_SIGHT));
            any |= on[i];
        }
    }
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < N; i++) {
        wall[i] = puf_minf(distance[i], LANTERN_SIGHT);
    }
}
