// tanks_sight.h - a faster form of what a tank sees. Included by tanks.h, which has the plain form.
//
// tanks_show_lanes gives the same bits as tanks_show. It looks at all tanks side by side, and casts
// the 13 whiskers and 3 lines of sight of a tank as 16 rays side by side.
#pragma once

// Goes before an inner short loop when the outer one should become vector instructions. gcc needs no
// such hint.
#ifdef __clang__
#define TANKS_UNROLL PUF_PRAGMA(clang loop unroll(full))
#else
#define TANKS_UNROLL
#endif

enum {
    TANKS_LANES = TANKS_WHISKERS + TANKS_ENEMIES, // rays cast side by side: whiskers, then lines of sight
    TANKS_CROSSINGS = 10, // borders between cells that a ray crosses along one axis within TANKS_SIGHT, at most
};

// ---- Rays ----

// Rays side by side: unit vectors from one point, and the distance to the first wall once they are
// cast, 0x1p60f if there is none within TANKS_SIGHT.
typedef struct TanksFan {
    float dx[TANKS_LANES], dy[TANKS_LANES], distance[TANKS_LANES];
} TanksFan;

// The borders between cells that each ray crosses along one axis: their distance, and how many it
// crosses along the other axis before.
typedef struct TanksBorders {
    float at[TANKS_CROSSINGS][TANKS_LANES];
    int32_t passed[TANKS_CROSSINGS][TANKS_LANES];
} TanksBorders;

// Walls by column, bit r of column c, and by row. Padded with empty columns and rows outside the
// arena, where a ray may look for walls beyond the border.
typedef struct TanksArena {
    uint32_t columns[TANKS_ROWS + 2 * TANKS_CROSSINGS], rows[TANKS_ROWS + 2 * TANKS_CROSSINGS];
} TanksArena;

static void tanks_map_arena(const Tanks* s, TanksArena* arena)
{
    memset(arena, 0, sizeof(*arena));
    memcpy(arena->rows + TANKS_CROSSINGS, s->rows, sizeof(s->rows));
    uint32_t columns[TANKS_ROWS] = { 0 };
    for (int32_t r = 0; r < s->height + 2; r++) {
        uint32_t row = s->rows[r];
        for (int32_t c = 0; c < TANKS_ROWS; c++) {
            columns[c] |= (row >> c & 1) << r;
        }
    }
    memcpy(arena->columns + TANKS_CROSSINGS, columns, sizeof(columns));
}

static void tanks_find_borders(const float* direction, float in_cell, TanksBorders* borders)
{
    const float cell = TANKS_CELL, least = 1e-6f;
    float at[TANKS_LANES], gap[TANKS_LANES];
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < TANKS_LANES; i++) {
        float stretch = 1.0f / puf_maxf(fabsf(direction[i]), least);
        at[i] = (direction[i] > 0.0f ? cell - in_cell : in_cell) * stretch;
        gap[i] = cell * stretch;
    }
    for (int32_t k = 0; k < TANKS_CROSSINGS; k++) {
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < TANKS_LANES; i++) {
            borders->at[k][i] = at[i];
            borders->passed[k][i] = TANKS_CROSSINGS;
            at[i] += gap[i];
        }
    }
}

// Counts, for each border, those of the other axis that come before it; of two at once, x comes first.
static void tanks_order_borders(TanksBorders* x, TanksBorders* y)
{
    for (int32_t k = 0; k < TANKS_CROSSINGS; k++) {
        PUF_VECTORIZE(16)
        for (int32_t i = 0; i < TANKS_LANES; i++) {
            float at = x->at[k][i];
            int32_t passed = 0;
            TANKS_UNROLL
            for (int32_t m = 0; m < TANKS_CROSSINGS; m++) {
                int32_t y_first = y->at[m][i] < at;
                passed += y_first;
                y->passed[m][i] -= y_first;
            }
            x->passed[k][i] = passed;
        }
    }
}

// Distance to the first wall behind these borders, 0x1p60f if there is none. `lines` points at the
// column (or row) of the point; its neighbours are on both sides.
static void tanks_meet_walls(const TanksBorders* borders, const float* along, const float* across,
                             const uint32_t* lines, int32_t place, float* distance)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < TANKS_LANES; i++) {
        float nearest = 0x1p60f;
        int32_t side = across[i] > 0.0f ? 1 : -1;
        TANKS_UNROLL
        for (int32_t k = 0; k < TANKS_CROSSINGS; k++) {
            uint32_t at = (uint32_t)(place + side * borders->passed[k][i]) & (TANKS_ROWS - 1);
            uint32_t ahead = lines[k + 1], behind = lines[-k - 1], line = along[i] > 0.0f ? ahead : behind;
            float reached = borders->at[k][i];
            nearest = puf_minf(nearest, line >> at & 1 ? reached : 0x1p60f);
        }
        distance[i] = nearest;
    }
}

// Casts all rays side by side. A ray crosses two sequences of borders, one per axis; the place of a
// border in the other sequence tells which cell is behind it. (Amanatides, Woo 1987, without the
// walk from cell to cell, which would look up a different row for every ray.)
static void tanks_cast_fan(const TanksArena* arena, float x, float y, TanksFan* fan)
{
    TanksBorders borders_x, borders_y;
    float nearest_x[TANKS_LANES], nearest_y[TANKS_LANES];
    int32_t column = tanks_cell((int32_t)x), row = tanks_cell((int32_t)y);
    tanks_find_borders(fan->dx, x - (float)(column * TANKS_CELL), &borders_x);
    tanks_find_borders(fan->dy, y - (float)(row * TANKS_CELL), &borders_y);
    tanks_order_borders(&borders_x, &borders_y);
    tanks_meet_walls(&borders_x, fan->dx, fan->dy, arena->columns + TANKS_CROSSINGS + column, row, nearest_x);
    tanks_meet_walls(&borders_y, fan->dy, fan->dx, arena->rows + TANKS_CROSSINGS + row, column, nearest_y);
    for (int32_t i = 0; i < TANKS_LANES; i++) {
        fan->distance[i] = puf_minf(nearest_x[i], nearest_y[i]);
    }
}

// ---- Tanks ----

// Poses of all tanks, by column.
typedef struct TanksMap {
    float x[TANKS_MAX_TANKS], y[TANKS_MAX_TANKS], cosine[TANKS_MAX_TANKS], sine[TANKS_MAX_TANKS];
} TanksMap;

static inline TanksPose tanks_map_pose(const TanksMap* map, int32_t i)
{
    TanksPose pose = { map->x[i], map->y[i], map->cosine[i], map->sine[i] };
    return pose;
}

// All tanks as one of them sees them.
typedef struct TanksView {
    float distance[TANKS_MAX_TANKS], forward[TANKS_MAX_TANKS], right[TANKS_MAX_TANKS]; // a unit vector to it
    float ahead[TANKS_MAX_TANKS], askew[TANKS_MAX_TANKS];                              // its heading
} TanksView;

static void tanks_look_around(const TanksMap* map, int32_t tanks, TanksPose own, TanksView* view)
{
    for (int32_t j = 0; j < tanks_blocks(tanks); j++) {
        float dx = map->x[j] - own.x, dy = map->y[j] - own.y, distance = sqrtf(dx * dx + dy * dy);
        float shrink = 1.0f / puf_maxf(distance, 1.0f);
        view->distance[j] = distance;
        view->forward[j] = tanks_forward(own, dx, dy) * shrink;
        view->right[j] = tanks_right(own, dx, dy) * shrink;
        view->ahead[j] = tanks_forward(own, map->cosine[j], map->sine[j]);
        view->askew[j] = tanks_right(own, map->cosine[j], map->sine[j]);
    }
}

static inline void tanks_show_tank(const TanksView* view, int32_t j, TanksSeen* out)
{
    out->present = 1.0f;
    out->distance = puf_minf(view->distance[j] * (1.0f / TANKS_FAR), 1.0f);
    out->direction[0] = tanks_unit(view->forward[j]);
    out->direction[1] = tanks_unit(view->right[j]);
    out->heading[0] = tanks_unit(view->ahead[j]);
    out->heading[1] = tanks_unit(view->askew[j]);
}

// Whiskers, and lines of sight to the enemies found.
static void tanks_see_walls(const Tanks* s, const TanksArena* arena, const TanksMap* map, int32_t i,
                            const int32_t* found, int32_t count, const TanksView* view, TanksObs* out)
{
    TanksFan fan;
    for (int32_t k = 0; k < TANKS_WHISKERS; k++) {
        int32_t heading = tanks_whisker(s, i, k);
        fan.dx[k] = tanks_unit_x(heading);
        fan.dy[k] = tanks_unit_y(heading);
    }
    for (int32_t k = 0; k < TANKS_ENEMIES; k++) {
        int32_t j = k < count ? found[k] : i;
        float shrink = 1.0f / puf_maxf(view->distance[j], 1.0f);
        fan.dx[TANKS_WHISKERS + k] = (map->x[j] - map->x[i]) * shrink;
        fan.dy[TANKS_WHISKERS + k] = (map->y[j] - map->y[i]) * shrink;
    }
    tanks_cast_fan(arena, map->x[i], map->y[i], &fan);
    for (int32_t k = 0; k < TANKS_WHISKERS; k++) {
        out->whiskers[k] = puf_minf(fan.distance[k] * (1.0f / TANKS_WHISKER_RANGE), 1.0f);
    }
    for (int32_t k = 0; k < count; k++) {
        float distance = view->distance[found[k]];
        out->enemies[k].in_sight = (distance <= TANKS_SIGHT) & (fan.distance[TANKS_WHISKERS + k] >= distance);
    }
}

static void tanks_see_lanes(const Tanks* s, const TanksArena* arena, const TanksMap* map, int32_t i, TanksObs* out)
{
    TanksView view;
    TanksPose own = tanks_map_pose(map, i);
    int32_t enemies[TANKS_ENEMIES], mates[TANKS_MATES];
    tanks_look_around(map, 2 * s->team_size, own, &view);
    int32_t team = tanks_team(s, i);
    int32_t num_enemies = tanks_find(s, !team, i, view.distance, enemies, TANKS_ENEMIES);
    int32_t num_mates = tanks_find(s, team, i, view.distance, mates, TANKS_MATES);
    tanks_see_own(s, own, i, out);
    for (int32_t k = 0; k < num_enemies; k++) {
        tanks_show_tank(&view, enemies[k], &out->enemies[k].tank);
    }
    tanks_see_walls(s, arena, map, i, enemies, num_enemies, &view, out);
    for (int32_t k = 0; k < num_mates; k++) {
        tanks_show_tank(&view, mates[k], &out->mates[k]);
    }
    tanks_see_shells(s, own, i, out);
}

static void tanks_show_lanes(const Tanks* s, TanksObs* out)
{
    TanksMap map;
    TanksArena arena;
    tanks_map_arena(s, &arena);
    for (int32_t i = 0; i < tanks_blocks(2 * s->team_size); i++) {
        map.x[i] = (float)s->x[i];
        map.y[i] = (float)s->y[i];
        map.cosine[i] = tanks_unit_x(s->heading[i]);
        map.sine[i] = tanks_unit_y(s->heading[i]);
    }
    for (int32_t i = 0; i < s->agents; i++) {
        if (s->alive[i]) {
            tanks_see_lanes(s, &arena, &map, i, &out[i]);
        }
    }
}
