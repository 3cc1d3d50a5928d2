// blobs_lanes.h - faster ways to find what is near. Included by blobs.h.
//
// FUNCTION_lanes gives the same bits as FUNCTION in blobs.h. It searches the cells around instead of
// all players, and looks at the dots in a row of cells side by side.
#pragma once

// The players in the cells within `distance`. Cells are BLOBS_SIGHT wide, so players two cells apart
// never see each other; rounding makes no exception.
static inline BlobsNear blobs_near_lanes(const Blobs* s, float x, float y, float distance)
{
    BlobsReach reach = blobs_reach(x, y, distance, BLOBS_SIGHT, s->bins - 2); // without the ring around
    BlobsNear near = { .starts = blobs_ints(s, s->starts), .bins = s->bins };
    near.row = reach.top + 1;
    near.bottom = reach.bottom + 1;
    near.left = reach.left + 1;
    near.right = reach.right + 1;
    return near;
}

static void blobs_see_dots_lanes(const Blobs* s, float x, float y, float radius, float* out)
{
    const float* dots_x = blobs_floats(s, s->dots_x) + blobs_window(s, x, y);
    const float* dots_y = blobs_floats(s, s->dots_y) + blobs_window(s, x, y);
    float squares[BLOBS_WINDOW * BLOBS_WINDOW];
    int32_t sectors[BLOBS_WINDOW * BLOBS_WINDOW];
    for (int32_t r = 0; r < BLOBS_WINDOW; r++) {
        PUF_VECTORIZE(8)
        for (int32_t i = 0; i < BLOBS_WINDOW; i++) {
            float dx = dots_x[r * s->dot_columns + i] - x, dy = dots_y[r * s->dot_columns + i] - y;
            squares[r * BLOBS_WINDOW + i] = dx * dx + dy * dy;
            sectors[r * BLOBS_WINDOW + i] = blobs_sector(dx, dy);
        }
    }
    float least[BLOBS_SECTORS];
    for (int32_t i = 0; i < BLOBS_SECTORS; i++) {
        least[i] = BLOBS_FAR;
    }
    for (int32_t i = 0; i < BLOBS_WINDOW * BLOBS_WINDOW; i++) {
        least[sectors[i]] = puf_minf(least[sectors[i]], squares[i]);
    }
    for (int32_t i = 0; i < BLOBS_SECTORS; i++) {
        float closeness = blobs_closeness(sqrtf(least[i]) - radius);
        out[i] = least[i] < BLOBS_SIGHT * BLOBS_SIGHT ? closeness : 0.0f;
    }
}
