// tanks - two teams of tanks between walls, with shells that ricochet: the last team on the field wins the round.
//
// Observation  float32 (73,), all within [-1, 1], in the frame of the tank (forward, and to its right): 12 numbers of its
//              own, 13 whiskers, the 3 nearest enemies, the 2 nearest mates, the 3 nearest shells that may destroy it.
// Action       three choices: drive (stay, forward, back), turn (straight, left, right), fire (none, fire).
// Reward       to the whole team, wrecks included: +1 for a round won, -1 for one lost, and `reward_tank` / team_size for
//              each enemy destroyed, minus as much for each own tank. And to the tank that fired, `reward_hit` for an enemy
//              destroyed, minus as much for one of its own team.
// End          terminal when a team has no tank left; truncated after `max_steps` steps. All episodes end with the round.
// Score        tanks destroyed minus tanks lost, by team; perf is 1 for a round won, 0.5 for a draw, 0 for one lost.
//
// With `scripted`, the second team is driven by the environment, and the agents are the first: perf is then the share of
// rounds won against a fixed opponent. Without it both teams are agents, and perf is 0.5 on average whoever plays.
//
// A tank that is destroyed stays as a wreck until the round ends: it does nothing, is in nobody's way, and sees nothing but
// that it is one. So everybody gets the reward of the team, and no row is ever without an agent.
//
// Positions and velocities are whole numbers, of which a cell has 512 to a side. Positions are odd and velocities even, so
// that nothing ever is on the border between two cells, and the arena's symmetry (half a turn) is exact: seen by the
// other team, the same game is the same numbers. A step goes:
// 1. Tanks turn, speed up or slow down, and move, along x, then along y. Walls stop one axis and let it slide along the
//    other. A move that would bring two tanks too close, wherever the other goes, does not take place.
// 2. Tanks fire: shells begin in the middle of their tank.
// 3. Shells fly, in two frames. They are reflected where they meet a wall, and vanish at one more than `bounces`. After
//    each frame a shell destroys every tank that it touches, and vanishes. It never harms its own team before its first
//    ricochet; after it, it does if `friendly_fire`.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum {
    TANKS_CELL_BITS = 9,
    TANKS_CELL = 1 << TANKS_CELL_BITS, // units to a side; all below are in units, per step
    TANKS_RADIUS = 171,                // of the square that walls stop, half a side; odd, so that touching keeps x odd
    TANKS_APART = 2 * TANKS_RADIUS,    // between the middles of two tanks, at least
    TANKS_TOUCH = 180,                 // a shell this near the middle of a tank hits it
    TANKS_FORWARD = 40,                // greatest speed
    TANKS_BACK = 24,
    TANKS_SPEED_UP = 8,     // change of speed
    TANKS_SHELL_SPEED = 80, // per frame
    TANKS_FRAMES = 2,       // of a shell's flight
};
enum {
    TANKS_TURN = 64, // headings in a full turn, clockwise on the screen; a step turns by one
    TANKS_QUARTER = TANKS_TURN / 4,
    TANKS_UNIT_BITS = 14,
    TANKS_UNIT = 1 << TANKS_UNIT_BITS, // of the sines
};
enum {
    TANKS_TEAM = 16, // at most
    TANKS_MOST = 2 * TANKS_TEAM,
    TANKS_SHELLS = 4, // of a tank, at most
    TANKS_SHELLS_MOST = TANKS_MOST * TANKS_SHELLS,
    TANKS_BLOCK = 8, // loops over tanks and shells run to a multiple of this, without a rest for vector instructions
    TANKS_ROWS = 32, // of cells, at most, border included; a row is a word
    TANKS_START_COLUMNS = 2,
    TANKS_LEAST_WIDTH = 6,
    TANKS_LEAST_HEIGHT = 4,
    TANKS_MOST_SIDE = TANKS_ROWS - 2,
};
enum { TANKS_STAY, TANKS_GO, TANKS_REVERSE, TANKS_DRIVES };
enum { TANKS_STRAIGHT, TANKS_LEFT, TANKS_RIGHT, TANKS_TURNS };
enum { TANKS_ACTIONS = 3 };

// What a tank sees.
enum {
    TANKS_OWN = 12,
    TANKS_WHISKERS = 13,
    TANKS_ENEMIES = 3,
    TANKS_ENEMY = 7,
    TANKS_MATES = 2,
    TANKS_MATE = 6,
    TANKS_DANGERS = 3,
    TANKS_DANGER = 5,
    TANKS_OBS = TANKS_OWN + TANKS_WHISKERS + TANKS_ENEMIES * TANKS_ENEMY + TANKS_MATES * TANKS_MATE +
        TANKS_DANGERS * TANKS_DANGER,
    TANKS_LANES = 16,     // rays cast side by side: whiskers and lines of sight
    TANKS_CROSSINGS = 10, // borders between cells that a ray crosses along one axis within TANKS_SIGHT, at most
    TANKS_WHISKER_RANGE = 8 * TANKS_CELL,
    TANKS_SIGHT = 10 * TANKS_CELL,       // beyond which no tank is in sight
    TANKS_FAR = 16 * TANKS_CELL,         // beyond which distances look the same
    TANKS_DANGER_RANGE = 6 * TANKS_CELL, // of shells
};
// Headings of the whiskers, relative to the hull.
static const int8_t tanks_whiskers[TANKS_WHISKERS] = { 0, 3, -3, 7, -7, 12, -12, 18, -18, 24, -24, 30, -30 };

// The scripted tanks.
enum {
    TANKS_PLAN_EVERY = 4, // steps; in between none crosses more than half a cell
    TANKS_BOT_FAR = 4 * TANKS_CELL,
    TANKS_BOT_NEAR = 2 * TANKS_CELL + TANKS_CELL / 2,
    TANKS_BOT_STUCK = 8, // it backs off once in this many steps while something is in its way
};

typedef struct Tanks {
    PufRng rng;
    int32_t team_size, width, height, bounces, max_shells, cooldown, max_steps; // settings
    int32_t friendly_fire, scripted, agents;
    float walls, bot_fire, reward_tank, reward_hit;
    int32_t tick;
    int32_t shells;         // in the air
    int32_t left[2];        // tanks of each team
    int32_t wins[2], draws; // rounds so far
    PufLog log;
    float log_draws, log_lost;
    uint32_t rows[TANKS_ROWS]; // bit c of row r: a wall in column c; the border is wall
    // Tanks: first the first team, then the second; behind them zeros. From here on, every table begins on a cache line.
    int32_t x[TANKS_MOST], y[TANKS_MOST], heading[TANKS_MOST], speed[TANKS_MOST];
    int32_t alive[TANKS_MOST], blocked[TANKS_MOST], reload[TANKS_MOST], flying[TANKS_MOST];
    int32_t hits[TANKS_MOST];                       // enemies destroyed in this round, minus tanks of its own team
    int32_t ended_at[TANKS_MOST];                   // tick at which it became a wreck
    int32_t goal_x[TANKS_MOST], goal_y[TANKS_MOST]; // where a scripted tank drives
    float gain[TANKS_MOST];                         // rewards in this round
    // Shells, in the order in which they were fired.
    int32_t shell_x[TANKS_SHELLS_MOST], shell_y[TANKS_SHELLS_MOST];
    int32_t shell_vx[TANKS_SHELLS_MOST], shell_vy[TANKS_SHELLS_MOST]; // per frame
    int32_t shell_bounces[TANKS_SHELLS_MOST];                         // so far
    int32_t shell_owner[TANKS_SHELLS_MOST];
    int32_t shell_since[TANKS_SHELLS_MOST]; // tick of the shot or of the last ricochet
} Tanks;

// ---- Settings ----

// The arena grows with the teams, unless a side is given.
static int32_t tanks_width(const Tanks* s)
{
    return s->width > 0 ? s->width : puf_clampi(10 + 2 * (s->team_size - 1), 0, TANKS_MOST_SIDE);
}

static int32_t tanks_height(const Tanks* s)
{
    return s->height > 0 ? s->height : puf_clampi(8 + 4 * (s->team_size - 1) / 3, 0, 22);
}

static int32_t tanks_agents(const Tanks* s) { return s->scripted ? s->team_size : 2 * s->team_size; }

static void tanks_resize(PufLayout* layout, const void* setup) { layout->agents = tanks_agents(setup); }

static const char* tanks_conflict(const void* setup)
{
    const Tanks* s = setup;
    int32_t width = tanks_width(s), height = tanks_height(s);
    if (width < TANKS_LEAST_WIDTH || height < TANKS_LEAST_HEIGHT) {
        return "the arena is too small: width must be 0 or at least 6, height 0 or at least 4";
    }
    return s->team_size > TANKS_START_COLUMNS * height ? "the arena is too small: height must be at least team_size / 2"
                                                       : NULL;
}

static void tanks_prepare(void* setup)
{
    Tanks* s = setup;
    s->agents = tanks_agents(s);
    s->width = tanks_width(s);
    s->height = tanks_height(s);
}

// `n` rounded up to whole blocks.
static inline int32_t tanks_blocks(int32_t n) { return (n + TANKS_BLOCK - 1) / TANKS_BLOCK * TANKS_BLOCK; }

// ---- Directions ----

// The sine of each heading, and of a quarter more for the cosine. Exactly as large in every quarter.
#define TANKS_RISE 0, 1606, 3196, 4756, 6270, 7723, 9102, 10394, 11585, 12665, 13623, 14449, 15137, 15679, 16069, 16305
#define TANKS_FALL                                                                                                     \
    16384, 16305, 16069, 15679, 15137, 14449, 13623, 12665, 11585, 10394, 9102, 7723, 6270, 4756, 3196, 1606
#define TANKS_SINK                                                                                                     \
    0, -1606, -3196, -4756, -6270, -7723, -9102, -10394, -11585, -12665, -13623, -14449, -15137, -15679, -16069, -16305
#define TANKS_LIFT                                                                                                     \
    -16384, -16305, -16069, -15679, -15137, -14449, -13623, -12665, -11585, -10394, -9102, -7723, -6270, -4756, -3196, \
        -1606
static const int16_t tanks_sines[TANKS_TURN + TANKS_QUARTER] = { TANKS_RISE, TANKS_FALL, TANKS_SINK, TANKS_LIFT,
                                                                 TANKS_RISE };

static inline int32_t tanks_sine(int32_t heading) { return tanks_sines[heading]; }
static inline int32_t tanks_cosine(int32_t heading) { return tanks_sines[heading + TANKS_QUARTER]; }

// `length` (even) times a sine, to the nearest even number; as far from 0 on either side.
static inline int32_t tanks_part(int32_t length, int32_t sine)
{
    int32_t product = length / 2 * sine;
    int32_t half = product < 0 ? -(TANKS_UNIT / 2) : TANKS_UNIT / 2;
    return (product + half) / TANKS_UNIT * 2;
}

// ---- The arena ----

static inline int32_t tanks_cell(int32_t position) { return position >> TANKS_CELL_BITS; }
static inline int32_t tanks_middle(int32_t cell) { return cell * TANKS_CELL + TANKS_CELL / 2; }

// One step of a flood: what is free and next to, or in, what is reached already. Row r is reached[r + 1]. Returns 0 when
// nothing is new.
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

// Whether every free cell can be reached from every other.
static int tanks_connected(const uint32_t rows[TANKS_ROWS])
{
    uint32_t reached[TANKS_ROWS + 2] = { 0 }, free_cells[TANKS_ROWS], missed = 0;
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        free_cells[r] = ~rows[r];
    }
    reached[2] = 2; // the first column is always free
    while (tanks_spread(reached, free_cells)) {
    }
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        missed |= free_cells[r] ^ reached[r + 1];
    }
    return missed == 0;
}

// A wall of 1 to 3 cells by 1 or 2, and the same one half a turn around the middle. Returns how many cells were walled.
static int32_t tanks_add_wall(Tanks* s)
{
    int32_t inner = s->width - 2 * TANKS_START_COLUMNS;
    int32_t column = (int32_t)puf_rand_below(&s->rng, (uint32_t)inner) + TANKS_START_COLUMNS;
    int32_t row = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->height);
    int32_t shape = (int32_t)puf_rand_below(&s->rng, 6);
    int32_t upright = (int32_t)puf_rand_below(&s->rng, 2);
    int32_t wide = upright ? 1 + shape / 3 : 1 + shape % 3, high = upright ? 1 + shape % 3 : 1 + shape / 3;
    uint32_t rows[TANKS_ROWS];
    memcpy(rows, s->rows, sizeof(rows));
    int32_t added = 0;
    for (int32_t r = row; r < row + high && r < s->height; r++) {
        for (int32_t c = column; c < column + wide && c < s->width - TANKS_START_COLUMNS; c++) {
            added += !(rows[r + 1] >> (c + 1) & 1);
            rows[r + 1] |= 1u << (c + 1);
            added += !(rows[s->height - r] >> (s->width - c) & 1);
            rows[s->height - r] |= 1u << (s->width - c);
        }
    }
    if (added == 0 || !tanks_connected(rows)) {
        return 0;
    }
    memcpy(s->rows, rows, sizeof(rows));
    return added;
}

static void tanks_build(Tanks* s)
{
    uint32_t inside = (0xFFFFFFFFu >> (32 - s->width)) << 1;
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        s->rows[r] = r >= 1 && r <= s->height ? ~inside : 0xFFFFFFFFu;
    }
    int32_t wanted = (int32_t)(s->walls * (float)(s->width * s->height));
    for (int32_t tries = wanted; tries > 0 && wanted > 0; tries--) {
        wanted -= tanks_add_wall(s);
    }
}

// In a cell of its own of the first columns, facing the other side; and its counterpart of the other team.
static void tanks_place(Tanks* s, int32_t tank, int32_t spot)
{
    int32_t other = tank + s->team_size;
    int32_t column = spot % TANKS_START_COLUMNS, row = spot / TANKS_START_COLUMNS;
    s->x[tank] = tanks_middle(column + 1) + 1;
    s->y[tank] = tanks_middle(row + 1) + 1;
    s->heading[tank] = ((int32_t)puf_rand_below(&s->rng, TANKS_QUARTER + 1) - TANKS_QUARTER / 2) & (TANKS_TURN - 1);
    s->x[other] = (s->width + 2) * TANKS_CELL - s->x[tank];
    s->y[other] = (s->height + 2) * TANKS_CELL - s->y[tank];
    s->heading[other] = (s->heading[tank] + TANKS_TURN / 2) & (TANKS_TURN - 1);
}

static void tanks_reset(Tanks* s)
{
    tanks_build(s);
    int32_t spots[TANKS_START_COLUMNS * TANKS_MOST_SIDE], count = TANKS_START_COLUMNS * s->height;
    for (int32_t i = 0; i < count; i++) {
        spots[i] = i;
    }
    for (int32_t i = 0; i < s->team_size; i++) {
        int32_t k = i + (int32_t)puf_rand_below(&s->rng, (uint32_t)(count - i));
        tanks_place(s, i, spots[k]);
        spots[k] = spots[i];
    }
    for (int32_t i = 0; i < TANKS_MOST; i++) {
        s->alive[i] = i < 2 * s->team_size;
        s->speed[i] = 0;
        s->blocked[i] = 0;
        s->reload[i] = 0;
        s->flying[i] = 0;
        s->hits[i] = 0;
        s->ended_at[i] = 0;
        s->goal_x[i] = s->x[i];
        s->goal_y[i] = s->y[i];
        s->gain[i] = 0.0f;
    }
    s->left[0] = s->team_size;
    s->left[1] = s->team_size;
    s->shells = 0;
    s->tick = 0;
}

// ---- Rays ----

// Before the inner of two short loops, the outer of which should become vector instructions. gcc does this by itself.
#ifdef __clang__
#define TANKS_UNROLL PUF_PRAGMA(clang loop unroll(full))
#else
#define TANKS_UNROLL
#endif

// Rays side by side, as unit vectors from one point; and, once cast, how far each is from the first wall, or 0x1p60f
// where it meets none within TANKS_SIGHT.
typedef struct TanksFan {
    float dx[TANKS_LANES], dy[TANKS_LANES], distance[TANKS_LANES];
} TanksFan;

// The borders that a ray crosses along one axis: at which distance; and how many along the other axis before.
typedef struct TanksBorders {
    float at[TANKS_CROSSINGS][TANKS_LANES];
    int32_t passed[TANKS_CROSSINGS][TANKS_LANES];
} TanksBorders;

// Walls by columns: bit r of column c. Columns that a ray could only reach through the border are there, but empty.
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

// In which order they are crossed: along x first where both are met at once.
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

// How far the first wall behind these borders is; 0x1p60f where there is none. `lines` are the columns (or rows) from that
// of the point on, both ways.
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

// All rays side by side. The borders that a ray crosses are two sequences; where a border comes in the other one says
// which cell is behind it. (Amanatides, Woo 1987, but without walking: that would look up another row for every ray.)
static void tanks_cast(const TanksArena* arena, float x, float y, TanksFan* fan)
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

// Whether a ray from (x, y) along a unit vector meets no wall within a distance: from border to border.
static int32_t tanks_sees(const Tanks* s, int32_t x, int32_t y, float dx, float dy, float distance)
{
    const float cell = TANKS_CELL, least = 1e-6f;
    int32_t column = tanks_cell(x), row = tanks_cell(y), side_x = dx > 0.0f ? 1 : -1, side_y = dy > 0.0f ? 1 : -1;
    float in_x = (float)(x - column * TANKS_CELL), in_y = (float)(y - row * TANKS_CELL);
    float gap_x = 1.0f / puf_maxf(fabsf(dx), least), gap_y = 1.0f / puf_maxf(fabsf(dy), least);
    float next_x = (dx > 0.0f ? cell - in_x : in_x) * gap_x, next_y = (dy > 0.0f ? cell - in_y : in_y) * gap_y;
    gap_x *= cell;
    gap_y *= cell;
    while (puf_minf(next_x, next_y) < distance) {
        int32_t along_x = -(next_x <= next_y);
        column += side_x & along_x;
        row += side_y & ~along_x;
        next_x += along_x ? gap_x : 0.0f;
        next_y += along_x ? 0.0f : gap_y;
        if (s->rows[row] >> column & 1) {
            return 0;
        }
    }
    return 1;
}

// ---- Tanks ----

// A move along x up to a wall; and the same along y.
static int32_t tanks_slide_x(const Tanks* s, int32_t x, int32_t y, int32_t dx)
{
    int32_t column = tanks_cell(dx > 0 ? x + dx + TANKS_RADIUS - 1 : x + dx - TANKS_RADIUS);
    uint32_t walls = s->rows[tanks_cell(y - TANKS_RADIUS)] | s->rows[tanks_cell(y + TANKS_RADIUS - 1)];
    int32_t stop = dx > 0 ? column * TANKS_CELL - TANKS_RADIUS : (column + 1) * TANKS_CELL + TANKS_RADIUS;
    return walls >> column & 1 ? stop : x + dx;
}

static int32_t tanks_slide_y(const Tanks* s, int32_t x, int32_t y, int32_t dy)
{
    int32_t row = tanks_cell(dy > 0 ? y + dy + TANKS_RADIUS - 1 : y + dy - TANKS_RADIUS);
    uint32_t walls = s->rows[row];
    int32_t stop = dy > 0 ? row * TANKS_CELL - TANKS_RADIUS : (row + 1) * TANKS_CELL + TANKS_RADIUS;
    return (walls >> tanks_cell(x - TANKS_RADIUS) | walls >> tanks_cell(x + TANKS_RADIUS - 1)) & 1 ? stop : y + dy;
}

// Moves along one axis, from `at` to `to`, with the other coordinate in `across`. One that would come too near to
// where another tank is, or to where it wants to be, is not taken: whoever moves in the end, no two are too near.
static void tanks_move(Tanks* s, int32_t* at, const int32_t* to, const int32_t* across)
{
    enum { TOO_NEAR = TANKS_APART * TANKS_APART };
    int32_t tanks = 2 * s->team_size, blocks = tanks_blocks(tanks), stays[TANKS_MOST] = { 0 };
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

static void tanks_drive(Tanks* s, const int32_t* actions)
{
    int32_t tanks = 2 * s->team_size, to[TANKS_MOST] = { 0 }, dx[TANKS_MOST], dy[TANKS_MOST];
    for (int32_t i = 0; i < tanks; i++) {
        int32_t drive = actions[i * TANKS_ACTIONS], turn = actions[i * TANKS_ACTIONS + 1];
        int32_t aim = drive == TANKS_GO ? TANKS_FORWARD : drive == TANKS_REVERSE ? -TANKS_BACK : 0;
        int32_t change = puf_clampi(aim - s->speed[i], -TANKS_SPEED_UP, TANKS_SPEED_UP);
        int32_t side = (turn == TANKS_RIGHT) - (turn == TANKS_LEFT);
        s->speed[i] = s->alive[i] ? s->speed[i] + change : 0;
        s->heading[i] = (s->heading[i] + (s->alive[i] ? side : 0)) & (TANKS_TURN - 1);
        dx[i] = tanks_part(s->speed[i], tanks_cosine(s->heading[i]));
        dy[i] = tanks_part(s->speed[i], tanks_sine(s->heading[i]));
        to[i] = tanks_slide_x(s, s->x[i], s->y[i], dx[i]);
        s->blocked[i] = to[i] != s->x[i] + dx[i];
    }
    tanks_move(s, s->x, to, s->y);
    for (int32_t i = 0; i < tanks; i++) {
        to[i] = tanks_slide_y(s, s->x[i], s->y[i], dy[i]);
        s->blocked[i] |= to[i] != s->y[i] + dy[i];
    }
    tanks_move(s, s->y, to, s->x);
}

static void tanks_fire(Tanks* s, const int32_t* actions)
{
    for (int32_t i = 0; i < 2 * s->team_size; i++) {
        s->reload[i] -= s->reload[i] > 0;
        int32_t fires = actions[i * TANKS_ACTIONS + 2] & s->alive[i];
        if (fires && s->reload[i] == 0 && s->flying[i] < s->max_shells) {
            int32_t k = s->shells++;
            s->shell_x[k] = s->x[i];
            s->shell_y[k] = s->y[i];
            s->shell_vx[k] = tanks_part(TANKS_SHELL_SPEED, tanks_cosine(s->heading[i]));
            s->shell_vy[k] = tanks_part(TANKS_SHELL_SPEED, tanks_sine(s->heading[i]));
            s->shell_bounces[k] = 0;
            s->shell_owner[k] = i;
            s->shell_since[k] = s->tick;
            s->flying[i] += 1;
            s->reload[i] = s->cooldown;
        }
    }
}

// ---- Shells ----

// One frame of a block of shells. A shell crosses at most one border along each axis. Of two, the nearer in time comes
// first, and its wall decides in which cell the other is met. Both at once is a corner: what is behind it counts where
// both sides are free.
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
        // When each border is met, times both speeds. Where only one is crossed, the order does not matter.
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

static void tanks_fly(Tanks* s)
{
    uint32_t arena[TANKS_ROWS];
    memcpy(arena, s->rows, sizeof(arena));
    for (int32_t first = 0; first < s->shells; first += TANKS_BLOCK) {
        tanks_fly_block(s, arena, first);
    }
}

// Take those off the list that are marked by -1, and keep the others in order.
static void tanks_remove_shells(Tanks* s, const int32_t* gone)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < s->shells; i++) {
        s->flying[s->shell_owner[i]] += gone[i];
        s->shell_x[kept] = s->shell_x[i];
        s->shell_y[kept] = s->shell_y[i];
        s->shell_vx[kept] = s->shell_vx[i];
        s->shell_vy[kept] = s->shell_vy[i];
        s->shell_bounces[kept] = s->shell_bounces[i];
        s->shell_owner[kept] = s->shell_owner[i];
        s->shell_since[kept] = s->shell_since[i];
        kept += gone[i] + 1;
    }
    s->shells = kept;
}

// Tank `t` was touched by the shells marked in `touching`.
static void tanks_destroy(Tanks* s, int32_t t, const int32_t* touching)
{
    int32_t team = t >= s->team_size;
    s->alive[t] = 0;
    s->speed[t] = 0;
    s->ended_at[t] = s->tick;
    s->left[team] -= 1;
    for (int32_t i = 0; i < s->shells; i++) {
        int32_t hostile = (s->shell_owner[i] >= s->team_size) != team;
        s->hits[s->shell_owner[i]] += touching[i] ? 2 * hostile - 1 : 0;
    }
}

// For each shell whether it touches the tank at (x, y) and harms it: adds those to `touching`.
static inline void tanks_touching(const Tanks* s, int32_t blocks, int32_t x, int32_t y, const int32_t* harms,
                                  int32_t* touching)
{
    enum { NEAR = TANKS_TOUCH * TANKS_TOUCH };
    for (int32_t i = 0; i < blocks; i++) {
        int32_t dx = s->shell_x[i] - x, dy = s->shell_y[i] - y;
        touching[i] |= -(dx * dx + dy * dy <= NEAR) & harms[i];
    }
}

// Shells that touch a tank, or have met a wall too often, vanish. All tanks are judged by the same shells, so that their
// order does not matter.
static void tanks_judge_shells(Tanks* s)
{
    int32_t gone[TANKS_SHELLS_MOST], harms[2][TANKS_SHELLS_MOST], any = 0;
    int32_t tanks = 2 * s->team_size, blocks = tanks_blocks(s->shells), friendly_fire = s->friendly_fire;
    for (int32_t i = 0; i < blocks; i++) {
        int32_t flies = -(i < s->shells), spent = -(s->shell_bounces[i] > s->bounces) & flies;
        int32_t own = -((s->shell_bounces[i] > 0) & friendly_fire), second = -(s->shell_owner[i] >= s->team_size);
        harms[0][i] = (second | own) & ~spent & flies;
        harms[1][i] = (~second | own) & ~spent & flies;
        gone[i] = spent;
    }
    for (int32_t t = 0; t < tanks; t++) {
        if (s->alive[t]) {
            tanks_touching(s, blocks, s->x[t], s->y[t], harms[t >= s->team_size], gone);
        }
    }
    for (int32_t i = 0; i < blocks; i++) {
        any |= gone[i];
    }
    if (any) { // in few frames: find out which tanks were touched, and by what
        for (int32_t t = 0; t < tanks; t++) {
            int32_t touching[TANKS_SHELLS_MOST] = { 0 }, touched = 0;
            tanks_touching(s, blocks, s->x[t], s->y[t], harms[t >= s->team_size], touching);
            for (int32_t i = 0; i < blocks; i++) {
                touched |= touching[i];
            }
            if (s->alive[t] && touched) {
                tanks_destroy(s, t, touching);
            }
        }
        tanks_remove_shells(s, gone);
    }
}

// ---- The scripted team ----

// Every few steps each scripted tank is told a cell to drive to: the next one on a shortest way to an enemy. A flood
// starts from all enemies at once; where it first comes to a tank, it came from there.
static void tanks_plan(Tanks* s)
{
    uint32_t reached[TANKS_ROWS + 2] = { 0 }, before[TANKS_ROWS + 2], free_cells[TANKS_ROWS];
    int32_t waiting[TANKS_TEAM], count = 0;
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

// From each tank of the second team to the nearest living enemy: a unit vector, and how far.
typedef struct TanksAim {
    float dx[TANKS_TEAM], dy[TANKS_TEAM], distance[TANKS_TEAM];
} TanksAim;

static void tanks_aim(const Tanks* s, TanksAim* aim)
{
    float best[TANKS_TEAM], x[TANKS_TEAM], y[TANKS_TEAM];
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

// It turns to the enemy where nothing is in between, fires when aligned, and keeps a distance; else it drives on.
static void tanks_decide(Tanks* s, int32_t i, float enemy_x, float enemy_y, float distance, int32_t* action)
{
    float cosine = (float)tanks_cosine(s->heading[i]) * (1.0f / TANKS_UNIT);
    float sine = (float)tanks_sine(s->heading[i]) * (1.0f / TANKS_UNIT);
    int in_sight = distance <= TANKS_SIGHT && tanks_sees(s, s->x[i], s->y[i], enemy_x, enemy_y, distance);
    float dx = in_sight ? enemy_x * distance : (float)(s->goal_x[i] - s->x[i]);
    float dy = in_sight ? enemy_y * distance : (float)(s->goal_y[i] - s->y[i]);
    float forward = dx * cosine + dy * sine, aside = dy * cosine - dx * sine;
    int aligned = forward > fabsf(aside);
    action[0] = aligned && (!in_sight || distance > TANKS_BOT_FAR) ? TANKS_GO
                : aligned && in_sight && distance < TANKS_BOT_NEAR ? TANKS_REVERSE
                                                                   : TANKS_STAY;
    action[1] = fabsf(aside) <= forward * (1.0f / 16.0f) ? TANKS_STRAIGHT : aside < 0.0f ? TANKS_LEFT : TANKS_RIGHT;
    action[2] = 0;
    if (in_sight && forward > 0.0f && fabsf(aside) < TANKS_RADIUS) {
        action[2] = puf_rand_float(&s->rng) < s->bot_fire;
    }
    if (s->blocked[i] && puf_rand_below(&s->rng, TANKS_BOT_STUCK) == 0) {
        action[0] = TANKS_REVERSE;
    }
}

static void tanks_script(Tanks* s, int32_t* actions)
{
    TanksAim aim;
    if (s->tick % TANKS_PLAN_EVERY == 0) {
        tanks_plan(s);
    }
    tanks_aim(s, &aim);
    for (int32_t k = 0; k < s->team_size; k++) {
        int32_t i = s->team_size + k;
        memset(actions + i * TANKS_ACTIONS, 0, TANKS_ACTIONS * sizeof(int32_t));
        if (s->alive[i]) {
            tanks_decide(s, i, aim.dx[k], aim.dy[k], aim.distance[k], actions + i * TANKS_ACTIONS);
        }
    }
}

// ---- A step ----

static void tanks_log(Tanks* s)
{
    for (int32_t i = 0; i < s->agents; i++) {
        int32_t team = i >= s->team_size;
        int32_t own = s->left[team], others = s->left[!team];
        int won = own > 0 && others == 0, lost = own == 0 && others > 0;
        puf_log_episode(&s->log, won ? 1.0f : lost ? 0.0f : 0.5f, (float)(own - others), s->gain[i], (float)s->tick);
        s->log_draws += won || lost ? 0.0f : 1.0f;
        s->log_lost += (float)(s->team_size - own);
    }
}

static void tanks_step(Tanks* s, PufIo io)
{
    int32_t actions[TANKS_MOST * TANKS_ACTIONS], hits[TANKS_MOST];
    memcpy(actions, io.actions, (size_t)(s->agents * TANKS_ACTIONS) * sizeof(int32_t));
    if (s->scripted) {
        tanks_script(s, actions);
    }
    memcpy(hits, s->hits, sizeof(hits));
    int32_t lead = s->left[0] - s->left[1];
    s->tick += 1;
    tanks_drive(s, actions);
    tanks_fire(s, actions);
    for (int32_t frame = 0; frame < TANKS_FRAMES; frame++) {
        tanks_fly(s);
        tanks_judge_shells(s);
    }

    int32_t won = s->left[1] == 0, lost = s->left[0] == 0, over = won | lost, late = !over & (s->tick >= s->max_steps);
    float gained = (float)(s->left[0] - s->left[1] - lead) * s->reward_tank / (float)s->team_size + (float)(won - lost);
    for (int32_t i = 0; i < s->agents; i++) {
        float reward = (i < s->team_size ? gained : 0.0f - gained) + (float)(s->hits[i] - hits[i]) * s->reward_hit;
        s->gain[i] += reward;
        io.rewards[i] = reward;
        io.terminals[i] = (uint8_t)over;
        io.truncations[i] = (uint8_t)late;
    }
    if (over | late) {
        s->wins[0] += won & !lost;
        s->wins[1] += lost & !won;
        s->draws += won == lost;
        tanks_log(s);
    }
}

// ---- What a tank sees ----

// All tanks as one of them sees them; a table by columns.
typedef struct TanksView {
    float distance[TANKS_MOST], forward[TANKS_MOST], right[TANKS_MOST]; // a unit vector to it
    float ahead[TANKS_MOST], askew[TANKS_MOST];                         // its heading
} TanksView;

// Numbers of the tanks, and their headings as unit vectors.
typedef struct TanksMap {
    float x[TANKS_MOST], y[TANKS_MOST], cosine[TANKS_MOST], sine[TANKS_MOST];
} TanksMap;

static void tanks_look(const TanksMap* map, int32_t tanks, int32_t i, TanksView* view)
{
    float x = map->x[i], y = map->y[i], c = map->cosine[i], s = map->sine[i];
    for (int32_t j = 0; j < tanks_blocks(tanks); j++) {
        float dx = map->x[j] - x, dy = map->y[j] - y, distance = sqrtf(dx * dx + dy * dy);
        float shrink = 1.0f / puf_maxf(distance, 1.0f);
        view->distance[j] = distance;
        view->forward[j] = (dx * c + dy * s) * shrink;
        view->right[j] = (dy * c - dx * s) * shrink;
        view->ahead[j] = map->cosine[j] * c + map->sine[j] * s;
        view->askew[j] = map->sine[j] * c - map->cosine[j] * s;
    }
}

// The `most` nearest of those that count, nearest first; returns how many there are.
static int32_t tanks_nearest(const float* distance, const int32_t* counts, int32_t n, int32_t* found, int32_t most)
{
    int32_t number = 0, listed = 0, which[TANKS_SHELLS_MOST + 1];
    for (int32_t j = 0; j < n; j++) {
        which[number] = j;
        number += counts[j];
    }
    for (int32_t k = 0; k < number; k++) {
        int32_t j = which[k];
        if (listed == most && distance[j] >= distance[found[most - 1]]) {
            continue;
        }
        listed += listed < most;
        int32_t at = listed - 1;
        for (; at > 0 && distance[j] < distance[found[at - 1]]; at--) {
            found[at] = found[at - 1];
        }
        found[at] = j;
    }
    return listed;
}

static inline float tanks_unit(float x) { return puf_clampf(x, -1.0f, 1.0f); }

static void tanks_see_own(const Tanks* s, const TanksMap* map, int32_t i, float* own)
{
    int32_t team = i >= s->team_size;
    float facing = team ? -1.0f : 1.0f, each = 1.0f / (float)s->team_size;
    float half_width = (float)((s->width + 2) * (TANKS_CELL / 2)),
          half_height = (float)((s->height + 2) * (TANKS_CELL / 2));
    own[0] = 1.0f;
    own[1] = (float)s->speed[i] * (1.0f / TANKS_FORWARD);
    own[2] = (float)s->reload[i] / (float)s->cooldown;
    own[3] = (float)s->flying[i] / (float)s->max_shells;
    own[4] = (float)s->blocked[i];
    own[5] = (map->x[i] - half_width) * facing / half_width;
    own[6] = (map->y[i] - half_height) * facing / half_height;
    own[7] = map->cosine[i] * facing;
    own[8] = map->sine[i] * facing;
    own[9] = (float)s->left[team] * each;
    own[10] = (float)s->left[!team] * each;
    own[11] = (float)s->tick / (float)s->max_steps;
}

static float* tanks_see_tank(const TanksView* view, int32_t j, float* out)
{
    out[0] = 1.0f;
    out[1] = puf_minf(view->distance[j] * (1.0f / TANKS_FAR), 1.0f);
    out[2] = tanks_unit(view->forward[j]);
    out[3] = tanks_unit(view->right[j]);
    out[4] = tanks_unit(view->ahead[j]);
    out[5] = tanks_unit(view->askew[j]);
    return out + TANKS_MATE;
}

// Whiskers, and lines of sight to the enemies found.
static void tanks_see_walls(const Tanks* s, const TanksArena* arena, const TanksMap* map, int32_t i,
                            const int32_t* found, int32_t number, const TanksView* view, float* whiskers,
                            float* in_sight)
{
    TanksFan fan;
    for (int32_t k = 0; k < TANKS_WHISKERS; k++) {
        int32_t heading = (s->heading[i] + tanks_whiskers[k]) & (TANKS_TURN - 1);
        fan.dx[k] = (float)tanks_cosine(heading) * (1.0f / TANKS_UNIT);
        fan.dy[k] = (float)tanks_sine(heading) * (1.0f / TANKS_UNIT);
    }
    for (int32_t k = 0; k < TANKS_ENEMIES; k++) {
        int32_t j = k < number ? found[k] : i;
        float shrink = 1.0f / puf_maxf(view->distance[j], 1.0f);
        fan.dx[TANKS_WHISKERS + k] = (map->x[j] - map->x[i]) * shrink;
        fan.dy[TANKS_WHISKERS + k] = (map->y[j] - map->y[i]) * shrink;
    }
    tanks_cast(arena, map->x[i], map->y[i], &fan);
    for (int32_t k = 0; k < TANKS_WHISKERS; k++) {
        whiskers[k] = puf_minf(fan.distance[k] * (1.0f / TANKS_WHISKER_RANGE), 1.0f);
    }
    for (int32_t k = 0; k < number; k++) {
        float distance = view->distance[found[k]];
        in_sight[k * TANKS_ENEMY] = (distance <= TANKS_SIGHT) & (fan.distance[TANKS_WHISKERS + k] >= distance);
    }
}

// The nearest shells that may destroy tank i.
static void tanks_see_shells(const Tanks* s, const TanksMap* map, int32_t i, float* out)
{
    float distance[TANKS_SHELLS_MOST], x = map->x[i], y = map->y[i], c = map->cosine[i], sine = map->sine[i];
    int32_t counts[TANKS_SHELLS_MOST], found[TANKS_DANGERS], team = i >= s->team_size;
    for (int32_t k = 0; k < s->shells; k++) {
        float dx = (float)s->shell_x[k] - x, dy = (float)s->shell_y[k] - y;
        int32_t hostile = (s->shell_owner[k] >= s->team_size) != team;
        distance[k] = dx * dx + dy * dy;
        counts[k] = (hostile | (s->friendly_fire & (s->shell_bounces[k] > 0))) &
                    (distance[k] < (float)TANKS_DANGER_RANGE * (float)TANKS_DANGER_RANGE);
    }
    int32_t number = tanks_nearest(distance, counts, s->shells, found, TANKS_DANGERS);
    for (int32_t k = 0; k < number; k++, out += TANKS_DANGER) {
        int32_t j = found[k];
        float dx = (float)s->shell_x[j] - x, dy = (float)s->shell_y[j] - y;
        float vx = (float)s->shell_vx[j], vy = (float)s->shell_vy[j];
        out[0] = 1.0f;
        out[1] = tanks_unit((dx * c + dy * sine) * (1.0f / TANKS_DANGER_RANGE));
        out[2] = tanks_unit((dy * c - dx * sine) * (1.0f / TANKS_DANGER_RANGE));
        out[3] = tanks_unit((vx * c + vy * sine) * (1.0f / TANKS_SHELL_SPEED));
        out[4] = tanks_unit((vy * c - vx * sine) * (1.0f / TANKS_SHELL_SPEED));
    }
}

static void tanks_see(const Tanks* s, const TanksArena* arena, const TanksMap* map, int32_t i, float* out)
{
    TanksView view;
    int32_t team_size = s->team_size, team = i >= team_size, counts[TANKS_MOST];
    int32_t enemies[TANKS_ENEMIES], mates[TANKS_MATES];
    tanks_look(map, 2 * team_size, i, &view);
    int32_t first_enemy = team ? 0 : team_size, first_mate = team ? team_size : 0;
    int32_t number =
        tanks_nearest(view.distance + first_enemy, s->alive + first_enemy, team_size, enemies, TANKS_ENEMIES);
    memcpy(counts, s->alive + first_mate, (size_t)team_size * sizeof(int32_t));
    counts[i - first_mate] = 0;
    int32_t number_mates = tanks_nearest(view.distance + first_mate, counts, team_size, mates, TANKS_MATES);

    tanks_see_own(s, map, i, out);
    float* whiskers = out + TANKS_OWN;
    float* enemy = whiskers + TANKS_WHISKERS;
    float* mate = enemy + TANKS_ENEMIES * TANKS_ENEMY;
    for (int32_t k = 0; k < number; k++) {
        enemies[k] += first_enemy;
        tanks_see_tank(&view, enemies[k], enemy + k * TANKS_ENEMY);
    }
    tanks_see_walls(s, arena, map, i, enemies, number, &view, whiskers, enemy + TANKS_MATE);
    for (int32_t k = 0; k < number_mates; k++) {
        tanks_see_tank(&view, mates[k] + first_mate, mate + k * TANKS_MATE);
    }
    tanks_see_shells(s, map, i, mate + TANKS_MATES * TANKS_MATE);
}

static void tanks_observe(const Tanks* s, PufIo io)
{
    TanksMap map;
    TanksArena arena;
    tanks_map_arena(s, &arena);
    for (int32_t i = 0; i < tanks_blocks(2 * s->team_size); i++) {
        map.x[i] = (float)s->x[i];
        map.y[i] = (float)s->y[i];
        map.cosine[i] = (float)tanks_cosine(s->heading[i]) * (1.0f / TANKS_UNIT);
        map.sine[i] = (float)tanks_sine(s->heading[i]) * (1.0f / TANKS_UNIT);
    }
    memset(io.obs, 0, (size_t)s->agents * TANKS_OBS * sizeof(float));
    for (int32_t i = 0; i < s->agents; i++) {
        if (s->alive[i]) {
            tanks_see(s, &arena, &map, i, (float*)io.obs + (size_t)i * TANKS_OBS);
        }
    }
}

// ---- Tables ----

static const PufObs tanks_obs[] = {
    { "alive", 1, 0, 1, "1; 0 for a wreck, which sees only zeros" },
    { "speed", 1, -1, 1, "forward, as a share of the greatest" },
    { "reload", 1, 0, 1, "time until it can fire, as a share of the whole" },
    { "flying", 1, 0, 1, "own shells in the air, as a share of max_shells" },
    { "blocked", 1, 0, 1, "1 where a wall or a tank was in the way" },
    { "place", 2, -1, 1, "from the middle of the arena: towards the enemy's side, and to the right of that" },
    { "heading", 2, -1, 1, "a unit vector, in the same directions" },
    { "teams", 2, 0, 1, "tanks left in the own team and in the other, as shares" },
    { "time", 1, 0, 1, "steps of this round, as a share of max_steps" },
    { "whiskers", TANKS_WHISKERS, 0, 1,
      "distance of a wall, 1 at 8 cells and beyond; at 0, 17, -17, 39, -39, 68, -68, 101, -101, 135, -135, 169, -169 "
      "degrees to the right of the hull" },
    { "enemies", TANKS_ENEMIES * TANKS_ENEMY, -1, 1,
      "the nearest first, zeros where there are no more: 1, distance (1 at 16 cells and beyond), direction (forward, "
      "right; a unit vector), its heading (likewise), 1 if no wall is in between" },
    { "mates", TANKS_MATES * TANKS_MATE, -1, 1, "likewise, but for the last number" },
    { "shells", 0, -1, 1,
      "that may destroy it and are within 6 cells, the nearest first, zeros where there are no more: 1, position "
      "(forward, right; 1 at 6 cells), velocity (likewise, as a share of their speed)" },
};
static const PufAction tanks_actions[] = {
    { "drive", TANKS_DRIVES, 0, 0, "stay forward back" },
    { "turn", TANKS_TURNS, 0, 0, "straight left right" },
    { "fire", 2, 0, 0, "none fire" },
};
static const PufParam tanks_params[] = {
    PUF_SETTING(Tanks, team_size, 4, 1, TANKS_TEAM, "tanks in each of the two teams"),
    PUF_FLAG(Tanks, scripted, 1, "the environment drives the second team, and only the first are agents"),
    PUF_SETTING(Tanks, width, 0, 0, TANKS_MOST_SIDE, "of the arena, in cells; 0: fitting for the teams"),
    PUF_SETTING(Tanks, height, 0, 0, TANKS_MOST_SIDE, "of the arena, in cells; 0: fitting for the teams"),
    PUF_SETTING(Tanks, walls, 0.2, 0, 0.5, "share of the cells that should be wall"),
    PUF_SETTING(Tanks, bounces, 2, 0, 8, "ricochets of a shell"),
    PUF_SETTING(Tanks, max_shells, 3, 1, TANKS_SHELLS, "in the air, of one tank"),
    PUF_SETTING(Tanks, cooldown, 12, 1, 1000, "steps from a shot to the next"),
    PUF_FLAG(Tanks, friendly_fire, 1, "shells harm their own team, and who fired them, after their first ricochet"),
    PUF_SETTING(Tanks, max_steps, 600, 1, 100000, "steps until a round is cut off: a draw"),
    PUF_SETTING(Tanks, bot_fire, 0.1, 0, 1, "chance in a step that a scripted tank fires when aligned"),
    PUF_SETTING(Tanks, reward_tank, 1, 0, 100,
                "to the team, divided by team_size, for an enemy destroyed; minus that for an own tank"),
    PUF_SETTING(Tanks, reward_hit, 0.5, 0, 100,
                "to the tank that fired, for an enemy destroyed; minus that for one of its own team"),
};
static const PufField tanks_fields[] = {
    PUF_SCALAR(Tanks, team_size, "tanks in each team; the first half of the tanks is the first team"),
    PUF_SCALAR(Tanks, width, "of the arena, in cells, without its border"),
    PUF_SCALAR(Tanks, height, "of the arena, in cells, without its border"),
    PUF_SCALAR(Tanks, max_steps, "of a round"),
    PUF_SCALAR(Tanks, scripted, "1: the second team is scripted"),
    PUF_SCALAR(Tanks, tick, "steps of this round"),
    PUF_ARRAY(Tanks, left, "tanks left in each team"),
    PUF_ARRAY(Tanks, wins, "rounds won by each team since the start"),
    PUF_SCALAR(Tanks, draws, "rounds that nobody won"),
    PUF_ARRAY(Tanks, rows, "bit c of row r: a wall in column c; the border is row and column 0, and the last"),
    PUF_ARRAY(Tanks, x, "of tanks, to the right, in units: 512 to a cell, from the border's outer corner"),
    PUF_ARRAY(Tanks, y, "of tanks, downwards"),
    PUF_ARRAY(Tanks, heading, "of tanks, in 64ths of a turn, clockwise from the right"),
    PUF_ARRAY(Tanks, speed, "of tanks, units per step"),
    PUF_ARRAY(Tanks, alive, "0: a wreck, or no tank"),
    PUF_ARRAY(Tanks, blocked, "1: a wall or a tank was in the way"),
    PUF_ARRAY(Tanks, reload, "steps until a tank can fire"),
    PUF_ARRAY(Tanks, flying, "shells of a tank in the air"),
    PUF_ARRAY(Tanks, hits, "enemies that a tank has destroyed in this round, minus tanks of its own team"),
    PUF_ARRAY(Tanks, ended_at, "tick at which a tank became a wreck"),
    PUF_SCALAR(Tanks, shells, "in the air: the first so many of the following"),
    PUF_ARRAY(Tanks, shell_x, "of shells, in units"),
    PUF_ARRAY(Tanks, shell_y, "of shells"),
    PUF_ARRAY(Tanks, shell_vx, "of shells, units per frame, of which a step has two"),
    PUF_ARRAY(Tanks, shell_vy, "of shells"),
    PUF_ARRAY(Tanks, shell_bounces, "ricochets so far"),
    PUF_ARRAY(Tanks, shell_owner, "the tank that fired it"),
    PUF_ARRAY(Tanks, shell_since, "tick of the shot, or of the last ricochet"),
};
static const char* const tanks_log_names[] = { "draws", "lost" };

// clang-format off
PUF_DEFINE_ENV(tanks, Tanks,
    .version = 1,
    .doc = "Two teams of tanks between walls, with shells that ricochet: the last team on the field wins the round.",
    .reward = "to the whole team: 1 for a round won, -1 for one lost; reward_tank / team_size for an enemy destroyed, minus "
              "that for an own tank; reward_hit to the tank that fired",
    .ends = "terminal when a team has no tank left; truncated after max_steps steps",
    .rate = 25,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = (sizeof(Tanks) + 7) / 8 * 8, .agents = 4, .obs_ndim = 1, .obs_shape = { TANKS_OBS },
                PUF_ACTIONS(tanks) },
    PUF_TABLES(tanks),
    PUF_LOG_NAMES(tanks),
    .resize = tanks_resize, .conflict = tanks_conflict, .prepare = tanks_prepare);
