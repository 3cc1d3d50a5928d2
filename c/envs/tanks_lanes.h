// tanks_lanes.h - faster forms of paths, moves and shells. Included by tanks.h.
//
// FUNCTION_lanes gives the same bits as FUNCTION in tanks.h. Two ideas: a row of cells is a word, so
// a flood fill spreads through a whole row at once; and loops over tanks or shells have no branches
// and run over whole blocks, so compilers turn them into vector instructions.
#pragma once

enum { TANKS_BLOCK = 8 }; // loops over tanks and shells run to a multiple of this: no remainder after the vectors

// `n` rounded up to whole blocks.
static inline int32_t tanks_blocks(int32_t n) { return (n + TANKS_BLOCK - 1) / TANKS_BLOCK * TANKS_BLOCK; }

// ---- Flood fill ----

// One step of a flood fill: adds every free cell next to a reached one. Row r is reached[r + 1].
// Returns 0 if nothing is new.
static uint32_t tanks_spread(uint32_t reached[TANKS_ROWS + 2], const uint32_t free_cells[TANKS_ROWS])
{
    uint32_t next[TANKS_ROWS], fresh = 0;
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        uint32_t row = reached[r + 1];
        next[r] = (row | row << 1 | row >> 1 | reached[r] | reached[r + 2]) & free_cells[r];
        fresh |= next[r] ^ row;
    }
    memcpy(reached + 1, next, sizeof(next));
    return fresh;
}

static int tanks_is_connected_lanes(const uint32_t rows[TANKS_ROWS])
{
    uint32_t reached[TANKS_ROWS + 2] = { 0 }, free_cells[TANKS_ROWS], missed = 0;
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        free_cells[r] = ~rows[r];
    }
    reached[2] = 2; // the cell in row 1, column 1
    while (tanks_spread(reached, free_cells)) {
    }
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        missed |= free_cells[r] ^ reached[r + 1];
    }
    return missed == 0;
}

// The fill starts from all enemies at once. When it reaches a tank, it came from the cell to drive to.
static void tanks_plan_lanes(Tanks* s)
{
    uint32_t reached[TANKS_ROWS + 2] = { 0 }, before[TANKS_ROWS + 2], free_cells[TANKS_ROWS];
    int32_t waiting[TANKS_MAX_TEAM], count = 0;
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        free_cells[r] = ~s->rows[r];
    }
    for (int32_t i = 0; i < s->team_size; i++) {
        reached[tanks_cell(s->y[i]) + 1] |= (uint32_t)s->alive[i] << tanks_cell(s->x[i]);
        waiting[count] = s->team_size + i;
        count += s->alive[s->team_size + i];
    }
    for (int32_t spread = 0; count > 0 && spread < TANKS_ROWS * TANKS_ROWS; spread++) {
        memcpy(before, reached, sizeof(before));
        tanks_spread(reached, free_cells);
        int32_t still = 0;
        for (int32_t k = 0; k < count; k++) {
            int32_t i = waiting[k], column = tanks_cell(s->x[i]), row = tanks_cell(s->y[i]);
            waiting[still] = i;
            if (!(reached[row + 1] >> column & 1)) {
                still += 1;
                continue;
            }
            int32_t left = (int32_t)(before[row + 1] >> (column - 1) & 1);
            int32_t right = (int32_t)(before[row + 1] >> (column + 1) & 1);
            int32_t above = (int32_t)(before[row] >> column & 1), below = (int32_t)(before[row + 2] >> column & 1);
            s->goal_x[i] = tanks_middle(column + (left ? -1 : right ? 1 : 0));
            s->goal_y[i] = tanks_middle(row + (left | right ? 0 : above ? -1 : below ? 1 : 0));
        }
        count = still;
    }
}

// ---- Tanks side by side ----

static void tanks_aim_lanes(const Tanks* s, TanksAim* aim)
{
    float best[TANKS_MAX_TEAM], x[TANKS_MAX_TEAM], y[TANKS_MAX_TEAM];
    int32_t count = tanks_blocks(s->team_size); // what is behind the last tank is zeros
    for (int32_t k = 0; k < count; k++) {
        x[k] = (float)s->x[s->team_size + k];
        y[k] = (float)s->y[s->team_size + k];
        best[k] = 0x1p60f;
        aim->dx[k] = 1.0f;
        aim->dy[k] = 0.0f;
    }
    for (int32_t j = 0; j < s->team_size; j++) {
        float enemy_x = (float)s->x[j], enemy_y = (float)s->y[j], lost = s->alive[j] ? 0.0f : 0x1p60f;
        for (int32_t k = 0; k < count; k++) {
            float dx = enemy_x - x[k], dy = enemy_y - y[k], square = dx * dx + dy * dy + lost;
            aim->dx[k] = square < best[k] ? dx : aim->dx[k];
            aim->dy[k] = square < best[k] ? dy : aim->dy[k];
            best[k] = square < best[k] ? square : best[k];
        }
    }
    for (int32_t k = 0; k < count; k++) {
        float distance = puf_maxf(sqrtf(best[k]), 1.0f);
        aim->distance[k] = distance;
        aim->dx[k] /= distance;
        aim->dy[k] /= distance;
    }
}

static void tanks_move_lanes(Tanks* s, int32_t* at, const int32_t* to, const int32_t* across)
{
    enum { TOO_NEAR = TANKS_APART * TANKS_APART };
    int32_t tanks = 2 * s->team_size, blocks = tanks_blocks(tanks), stays[TANKS_MAX_TANKS] = { 0 };
    for (int32_t j = 0; j < tanks; j++) {
        int32_t at_j = at[j], to_j = to[j], across_j = across[j], alive_j = s->alive[j];
        for (int32_t i = 0; i < blocks; i++) {
            int32_t aside = across[i] - across_j, before = to[i] - at_j, after = to[i] - to_j;
            int32_t near = (before * before + aside * aside < TOO_NEAR) | (after * after + aside * aside < TOO_NEAR);
            stays[i] |= near & (i != j) & alive_j;
        }
    }
    for (int32_t i = 0; i < tanks; i++) {
        int32_t stay = stays[i] & (to[i] != at[i]);
        at[i] = stay ? at[i] : to[i];
        s->blocked[i] |= stay;
    }
}

// ---- Shells side by side ----

// tanks_fly_shell for a block of shells. A condition is a mask: 0 or -1.
static inline void tanks_fly_block(Tanks* s, const uint32_t* arena, int32_t first)
{
    int32_t count = s->shells - first, tick = s->tick;
    for (int32_t l = 0; l < TANKS_BLOCK; l++) {
        int32_t i = first + l, flies = -(l < count); // those behind the last stay where they are
        int32_t x = s->shell_x[i], y = s->shell_y[i], vx = s->shell_vx[i] & flies, vy = s->shell_vy[i] & flies;
        int32_t to_x = x + vx, to_y = y + vy;
        int32_t column = tanks_cell(x), row = tanks_cell(y), to_column = tanks_cell(to_x), to_row = tanks_cell(to_y);
        int32_t border_x = (column > to_column ? column : to_column) * TANKS_CELL;
        int32_t border_y = (row > to_row ? row : to_row) * TANKS_CELL;
        uint32_t walls = arena[row], to_walls = arena[to_row];
        int32_t wall_x = -(int32_t)(walls >> to_column & 1) & flies;
        int32_t wall_y = -(int32_t)(to_walls >> column & 1) & flies;
        int32_t wall_both = -(int32_t)(to_walls >> to_column & 1) & flies;
        int32_t when_x = (border_x - x) * vy, when_y = (border_y - y) * vx;
        when_x = when_x < 0 ? -when_x : when_x;
        when_y = when_y < 0 ? -when_y : when_y;
        int32_t x_first = -(when_x < when_y), y_first = -(when_y < when_x), corner = ~(x_first | y_first);
        int32_t hit_x = ((x_first | corner) & wall_x) | (y_first & wall_y & wall_x) | (~x_first & wall_both & ~wall_y);
        int32_t hit_y = ((y_first | corner) & wall_y) | (x_first & wall_x & wall_y) | (~y_first & wall_both & ~wall_x);
        s->shell_x[i] = hit_x ? 2 * border_x - to_x : to_x;
        s->shell_y[i] = hit_y ? 2 * border_y - to_y : to_y;
        s->shell_vx[i] = hit_x ? -s->shell_vx[i] : s->shell_vx[i];
        s->shell_vy[i] = hit_y ? -s->shell_vy[i] : s->shell_vy[i];
        s->shell_bounces[i] -= hit_x + hit_y;
        s->shell_since[i] = hit_x | hit_y ? tick : s->shell_since[i];
    }
}

static void tanks_fly_lanes(Tanks* s)
{
    uint32_t arena[TANKS_ROWS];
    memcpy(arena, s->rows, sizeof(arena));
    for (int32_t first = 0; first < s->shells; first += TANKS_BLOCK) {
        tanks_fly_block(s, arena, first);
    }
}

static int32_t tanks_mark_ends_lanes(const Tanks* s, int32_t* ends)
{
    enum { NEAR = TANKS_TOUCH * TANKS_TOUCH };
    int32_t harms[2][TANKS_MAX_SHELLS], any = 0; // whether a shell harms each team
    int32_t blocks = tanks_blocks(s->shells), friendly_fire = s->friendly_fire;
    for (int32_t i = 0; i < blocks; i++) {
        int32_t flies = -(i < s->shells), spent = -(s->shell_bounces[i] > s->bounces) & flies;
        int32_t own = -((s->shell_bounces[i] > 0) & friendly_fire), second = -(s->shell_owner[i] >= s->team_size);
        harms[0][i] = (second | own) & ~spent & flies;
        harms[1][i] = (~second | own) & ~spent & flies;
        ends[i] = spent;
    }
    for (int32_t t = 0; t < 2 * s->team_size; t++) {
        if (s->alive[t]) {
            int32_t x = s->x[t], y = s->y[t];
            const int32_t* harmed = harms[t >= s->team_size];
            for (int32_t i = 0; i < blocks; i++) {
                int32_t dx = s->shell_x[i] - x, dy = s->shell_y[i] - y;
                ends[i] |= -(dx * dx + dy * dy <= NEAR) & harmed[i];
            }
        }
    }
    for (int32_t i = 0; i < blocks; i++) {
        any |= ends[i];
    }
    return any;
}
