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

// The actions of a tank, as in io.actions.
typedef struct TanksAction {
    int32_t drive, turn, fire;
} TanksAction;

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

// A direction as a unit vector.
static inline float tanks_unit_x(int32_t heading) { return (float)tanks_cosine(heading) * (1.0f / TANKS_UNIT); }
static inline float tanks_unit_y(int32_t heading) { return (float)tanks_sine(heading) * (1.0f / TANKS_UNIT); }

// `length` (even) times a sine, to the nearest even number; as far from 0 on either side.
static inline int32_t tanks_part(int32_t length, int32_t sine)
{
    int32_t product = length / 2 * sine;
    int32_t half = product < 0 ? -(TANKS_UNIT / 2) : TANKS_UNIT / 2;
    return (product + half) / TANKS_UNIT * 2;
}

// ---- Cells, teams ----

static inline int32_t tanks_cell(int32_t position) { return position >> TANKS_CELL_BITS; }
static inline int32_t tanks_middle(int32_t cell) { return cell * TANKS_CELL + TANKS_CELL / 2; }
static inline int32_t tanks_is_wall(const uint32_t rows[TANKS_ROWS], int32_t row, int32_t column)
{
    return (int32_t)(rows[row] >> column & 1);
}
static inline int32_t tanks_team(const Tanks* s, int32_t tank) { return tank >= s->team_size; }
static inline int32_t tanks_are_hostile(const Tanks* s, int32_t a, int32_t b)
{
    return tanks_team(s, a) != tanks_team(s, b);
}

// From each tank of the second team to the nearest living enemy: a unit vector, and how far.
typedef struct TanksAim {
    float dx[TANKS_TEAM], dy[TANKS_TEAM], distance[TANKS_TEAM];
} TanksAim;

#ifndef PUF_PLAIN
#include "tanks_lanes.h"
#endif

// ---- Ways ----

// How many steps from cell to cell it takes to get from the nearest of `count` cells to each of the others.
typedef struct TanksWays {
    int32_t steps[TANKS_ROWS * TANKS_ROWS]; // of row r, column c at r * TANKS_ROWS + c; -1: no way
    int32_t cells[TANKS_ROWS * TANKS_ROWS]; // those that have a way, the nearest first
    int32_t count;
} TanksWays;

static inline void tanks_begin_ways(TanksWays* ways)
{
    ways->count = 0;
    for (int32_t cell = 0; cell < TANKS_ROWS * TANKS_ROWS; cell++) {
        ways->steps[cell] = -1;
    }
}

static inline void tanks_add_cell(TanksWays* ways, int32_t cell, int32_t steps)
{
    if (ways->steps[cell] < 0) {
        ways->steps[cell] = steps;
        ways->cells[ways->count++] = cell;
    }
}

// Breadth first, from the cells that were added with 0 steps.
static inline void tanks_find_ways(TanksWays* ways, const uint32_t rows[TANKS_ROWS])
{
    static const int32_t sides[4] = { -1, 1, -TANKS_ROWS, TANKS_ROWS };
    for (int32_t i = 0; i < ways->count; i++) {
        for (int32_t side = 0; side < 4; side++) {
            int32_t cell = ways->cells[i] + sides[side];
            if (!tanks_is_wall(rows, cell / TANKS_ROWS, cell % TANKS_ROWS)) {
                tanks_add_cell(ways, cell, ways->steps[ways->cells[i]] + 1);
            }
        }
    }
}

// ---- The arena ----

// Whether every free cell can be reached from every other.
static inline int tanks_is_connected(const uint32_t rows[TANKS_ROWS])
{
    TanksWays ways;
    int32_t free_cells = 0;
    for (int32_t cell = 0; cell < TANKS_ROWS * TANKS_ROWS; cell++) {
        free_cells += !tanks_is_wall(rows, cell / TANKS_ROWS, cell % TANKS_ROWS);
    }
    tanks_begin_ways(&ways);
    tanks_add_cell(&ways, TANKS_ROWS + 1, 0); // the first column is always free
    tanks_find_ways(&ways, rows);
    return ways.count == free_cells;
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
            added += !tanks_is_wall(rows, r + 1, c + 1);
            rows[r + 1] |= 1u << (c + 1);
            added += !tanks_is_wall(rows, s->height - r, s->width - c);
            rows[s->height - r] |= 1u << (s->width - c);
        }
    }
    if (added == 0 || !PUF_LANES(tanks_is_connected)(rows)) {
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

static inline int32_t tanks_are_near(int32_t dx, int32_t dy) { return dx * dx + dy * dy < TANKS_APART * TANKS_APART; }

// Whether tank i, on its way along one axis to to[i], would come too near to where another tank is, or wants to be.
static inline int32_t tanks_is_in_the_way(const Tanks* s, const int32_t* at, const int32_t* to, const int32_t* across,
                                          int32_t i)
{
    for (int32_t j = 0; j < 2 * s->team_size; j++) {
        int32_t aside = across[i] - across[j];
        if (j != i && s->alive[j] && (tanks_are_near(to[i] - at[j], aside) || tanks_are_near(to[i] - to[j], aside))) {
            return 1;
        }
    }
    return 0;
}

// All tanks move along one axis, from `at` to `to`; `across` is the other coordinate. Those with another in their way
// stay. So, whichever of them move, no two come too near.
static inline void tanks_move(Tanks* s, int32_t* at, const int32_t* to, const int32_t* across)
{
    int32_t stays[TANKS_MOST];
    for (int32_t i = 0; i < 2 * s->team_size; i++) {
        stays[i] = to[i] != at[i] && tanks_is_in_the_way(s, at, to, across, i);
    }
    for (int32_t i = 0; i < 2 * s->team_size; i++) {
        at[i] = stays[i] ? at[i] : to[i];
        s->blocked[i] |= stays[i];
    }
}

static void tanks_turn(Tanks* s, int32_t i, TanksAction action)
{
    int32_t aim = action.drive == TANKS_GO ? TANKS_FORWARD : action.drive == TANKS_REVERSE ? -TANKS_BACK : 0;
    int32_t change = puf_clampi(aim - s->speed[i], -TANKS_SPEED_UP, TANKS_SPEED_UP);
    int32_t side = (action.turn == TANKS_RIGHT) - (action.turn == TANKS_LEFT);
    s->speed[i] = s->alive[i] ? s->speed[i] + change : 0;
    s->heading[i] = (s->heading[i] + (s->alive[i] ? side : 0)) & (TANKS_TURN - 1);
}

static void tanks_drive(Tanks* s, const TanksAction* actions)
{
    int32_t tanks = 2 * s->team_size, to[TANKS_MOST] = { 0 }, dy[TANKS_MOST];
    for (int32_t i = 0; i < tanks; i++) {
        tanks_turn(s, i, actions[i]);
        int32_t dx = tanks_part(s->speed[i], tanks_cosine(s->heading[i]));
        dy[i] = tanks_part(s->speed[i], tanks_sine(s->heading[i]));
        to[i] = tanks_slide_x(s, s->x[i], s->y[i], dx);
        s->blocked[i] = to[i] != s->x[i] + dx;
    }
    PUF_LANES(tanks_move)(s, s->x, to, s->y);
    for (int32_t i = 0; i < tanks; i++) {
        to[i] = tanks_slide_y(s, s->x[i], s->y[i], dy[i]);
        s->blocked[i] |= to[i] != s->y[i] + dy[i];
    }
    PUF_LANES(tanks_move)(s, s->y, to, s->x);
}

// ---- Shells ----

static void tanks_fire(Tanks* s, const TanksAction* actions)
{
    for (int32_t i = 0; i < 2 * s->team_size; i++) {
        s->reload[i] -= s->reload[i] > 0;
        int32_t fires = actions[i].fire & s->alive[i];
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

static inline int32_t tanks_abs(int32_t x) { return x < 0 ? -x : x; }

// Shell k flies for a frame, in which it crosses at most one border between cells along each axis.
static inline void tanks_fly_shell(Tanks* s, int32_t k)
{
    int32_t x = s->shell_x[k], y = s->shell_y[k], vx = s->shell_vx[k], vy = s->shell_vy[k];
    int32_t to_x = x + vx, to_y = y + vy;
    int32_t column = tanks_cell(x), row = tanks_cell(y), to_column = tanks_cell(to_x), to_row = tanks_cell(to_y);
    int32_t border_x = (column > to_column ? column : to_column) * TANKS_CELL;
    int32_t border_y = (row > to_row ? row : to_row) * TANKS_CELL;
    int32_t wall_x = tanks_is_wall(s->rows, row, to_column), wall_y = tanks_is_wall(s->rows, to_row, column);
    int32_t wall_beyond = tanks_is_wall(s->rows, to_row, to_column);
    // When it meets the two borders, times both speeds. Where it crosses only one, the order makes no difference.
    int32_t when_x = tanks_abs((border_x - x) * vy), when_y = tanks_abs((border_y - y) * vx);
    int32_t hit_x, hit_y;
    if (when_x < when_y) { // reflected by the first wall, it meets the second border in the same column as before
        hit_x = wall_x;
        hit_y = hit_x ? wall_y : wall_beyond;
    } else if (when_y < when_x) {
        hit_y = wall_y;
        hit_x = hit_y ? wall_x : wall_beyond;
    } else { // a corner: what is behind it counts where both sides are free
        hit_x = wall_x || (wall_beyond && !wall_y);
        hit_y = wall_y || (wall_beyond && !wall_x);
    }
    s->shell_x[k] = hit_x ? 2 * border_x - to_x : to_x;
    s->shell_y[k] = hit_y ? 2 * border_y - to_y : to_y;
    s->shell_vx[k] = hit_x ? -vx : vx;
    s->shell_vy[k] = hit_y ? -vy : vy;
    s->shell_bounces[k] += hit_x + hit_y;
    s->shell_since[k] = hit_x || hit_y ? s->tick : s->shell_since[k];
}

static inline void tanks_fly(Tanks* s)
{
    for (int32_t k = 0; k < s->shells; k++) {
        tanks_fly_shell(s, k);
    }
}

static inline int32_t tanks_is_spent(const Tanks* s, int32_t k) { return s->shell_bounces[k] > s->bounces; }

// Whether shell k destroys tank t, where both are now.
static inline int32_t tanks_is_hit(const Tanks* s, int32_t t, int32_t k)
{
    int32_t dx = s->shell_x[k] - s->x[t], dy = s->shell_y[k] - s->y[t];
    int32_t touches = dx * dx + dy * dy <= TANKS_TOUCH * TANKS_TOUCH;
    int32_t harms = tanks_are_hostile(s, s->shell_owner[k], t) || (s->friendly_fire && s->shell_bounces[k] > 0);
    return s->alive[t] && touches && harms && !tanks_is_spent(s, k);
}

// Marks the shells that touch a tank, or are spent; returns whether there are any. In most frames there are none.
static inline int32_t tanks_mark_ends(const Tanks* s, int32_t* ends)
{
    int32_t any = 0;
    for (int32_t k = 0; k < s->shells; k++) {
        ends[k] = tanks_is_spent(s, k);
        for (int32_t t = 0; t < 2 * s->team_size; t++) {
            ends[k] |= tanks_is_hit(s, t, k);
        }
        any |= ends[k];
    }
    return any;
}

static void tanks_destroy(Tanks* s, int32_t t)
{
    s->alive[t] = 0;
    s->speed[t] = 0;
    s->ended_at[t] = s->tick;
    s->left[tanks_team(s, t)] -= 1;
}

// Takes the marked shells off the list, and keeps the others in order. Each is moved to where the next one to keep belongs;
// what follows overwrites a marked one.
static void tanks_remove_shells(Tanks* s, const int32_t* ends)
{
    int32_t kept = 0;
    for (int32_t k = 0; k < s->shells; k++) {
        s->flying[s->shell_owner[k]] -= ends[k] != 0;
        s->shell_x[kept] = s->shell_x[k];
        s->shell_y[kept] = s->shell_y[k];
        s->shell_vx[kept] = s->shell_vx[k];
        s->shell_vy[kept] = s->shell_vy[k];
        s->shell_bounces[kept] = s->shell_bounces[k];
        s->shell_owner[kept] = s->shell_owner[k];
        s->shell_since[kept] = s->shell_since[k];
        kept += ends[k] == 0;
    }
    s->shells = kept;
}

// Every marked shell hits all tanks that it touches, those that another one hits in the same frame included.
static void tanks_end_shells(Tanks* s, const int32_t* ends)
{
    int32_t hit[TANKS_MOST] = { 0 };
    for (int32_t k = 0; k < s->shells; k++) {
        for (int32_t t = 0; ends[k] && t < 2 * s->team_size; t++) {
            if (tanks_is_hit(s, t, k)) {
                s->hits[s->shell_owner[k]] += tanks_are_hostile(s, s->shell_owner[k], t) ? 1 : -1;
                hit[t] = 1;
            }
        }
    }
    for (int32_t t = 0; t < 2 * s->team_size; t++) {
        if (hit[t]) {
            tanks_destroy(s, t);
        }
    }
    tanks_remove_shells(s, ends);
}

// ---- Rays ----

// How far it is from a point, along a unit vector, to the first wall; or `limit` if that is nearer. The ray goes from one
// border between cells to the next (Amanatides, Woo 1987).
static inline float tanks_cast(const Tanks* s, int32_t x, int32_t y, float dx, float dy, float limit)
{
    const float cell = TANKS_CELL, least = 1e-6f;
    int32_t column = tanks_cell(x), row = tanks_cell(y), side_x = dx > 0.0f ? 1 : -1, side_y = dy > 0.0f ? 1 : -1;
    float in_x = (float)(x - column * TANKS_CELL), in_y = (float)(y - row * TANKS_CELL);
    float stretch_x = 1.0f / puf_maxf(fabsf(dx), least), stretch_y = 1.0f / puf_maxf(fabsf(dy), least);
    float next_x = (dx > 0.0f ? cell - in_x : in_x) * stretch_x, next_y = (dy > 0.0f ? cell - in_y : in_y) * stretch_y;
    while (puf_minf(next_x, next_y) < limit) {
        float reached = puf_minf(next_x, next_y);
        if (next_x <= next_y) {
            column += side_x;
            next_x += cell * stretch_x;
        } else {
            row += side_y;
            next_y += cell * stretch_y;
        }
        if (tanks_is_wall(s->rows, row, column)) {
            return reached;
        }
    }
    return limit;
}

// Whether nothing is in between.
static inline int32_t tanks_sees(const Tanks* s, int32_t i, float dx, float dy, float distance)
{
    return distance <= TANKS_SIGHT && tanks_cast(s, s->x[i], s->y[i], dx, dy, distance) >= distance;
}

// ---- The scripted team ----

// Every few steps each scripted tank gets a cell to drive to: the next one on a shortest way to an enemy.
static inline void tanks_plan(Tanks* s)
{
    TanksWays ways;
    tanks_begin_ways(&ways);
    for (int32_t i = 0; i < s->team_size; i++) {
        if (s->alive[i]) {
            tanks_add_cell(&ways, tanks_cell(s->y[i]) * TANKS_ROWS + tanks_cell(s->x[i]), 0);
        }
    }
    tanks_find_ways(&ways, s->rows);
    for (int32_t i = s->team_size; i < 2 * s->team_size; i++) {
        int32_t column = tanks_cell(s->x[i]), row = tanks_cell(s->y[i]), cell = row * TANKS_ROWS + column;
        int32_t nearer = ways.steps[cell] > 0 ? ways.steps[cell] - 1 : 0;
        if (s->alive[i]) {
            int32_t left = ways.steps[cell - 1] == nearer, right = ways.steps[cell + 1] == nearer;
            int32_t above = ways.steps[cell - TANKS_ROWS] == nearer, below = ways.steps[cell + TANKS_ROWS] == nearer;
            s->goal_x[i] = tanks_middle(column + (left ? -1 : right ? 1 : 0));
            s->goal_y[i] = tanks_middle(row + (left || right ? 0 : above ? -1 : below ? 1 : 0));
        }
    }
}

static inline void tanks_aim(const Tanks* s, TanksAim* aim)
{
    for (int32_t k = 0; k < s->team_size; k++) {
        float best = 0x1p60f;
        for (int32_t j = 0; j < s->team_size; j++) {
            float dx = (float)s->x[j] - (float)s->x[s->team_size + k];
            float dy = (float)s->y[j] - (float)s->y[s->team_size + k];
            if (s->alive[j] && dx * dx + dy * dy < best) {
                best = dx * dx + dy * dy;
                aim->dx[k] = dx;
                aim->dy[k] = dy;
            }
        }
        aim->distance[k] = puf_maxf(sqrtf(best), 1.0f);
        aim->dx[k] /= aim->distance[k];
        aim->dy[k] /= aim->distance[k];
    }
}

// It turns to the enemy where nothing is in between, fires when aligned, and keeps a distance; else it drives on.
static TanksAction tanks_decide(Tanks* s, int32_t i, float enemy_x, float enemy_y, float distance)
{
    float cosine = tanks_unit_x(s->heading[i]), sine = tanks_unit_y(s->heading[i]);
    int32_t in_sight = tanks_sees(s, i, enemy_x, enemy_y, distance);
    float dx = in_sight ? enemy_x * distance : (float)(s->goal_x[i] - s->x[i]);
    float dy = in_sight ? enemy_y * distance : (float)(s->goal_y[i] - s->y[i]);
    float forward = dx * cosine + dy * sine, aside = dy * cosine - dx * sine;
    int32_t aligned = forward > fabsf(aside);
    TanksAction action = { TANKS_STAY, TANKS_STRAIGHT, 0 };
    if (aligned && (!in_sight || distance > TANKS_BOT_FAR)) {
        action.drive = TANKS_GO;
    } else if (aligned && distance < TANKS_BOT_NEAR) {
        action.drive = TANKS_REVERSE;
    }
    if (fabsf(aside) > forward * (1.0f / 16.0f)) {
        action.turn = aside < 0.0f ? TANKS_LEFT : TANKS_RIGHT;
    }
    if (in_sight && forward > 0.0f && fabsf(aside) < TANKS_RADIUS) {
        action.fire = puf_rand_float(&s->rng) < s->bot_fire;
    }
    if (s->blocked[i] && puf_rand_below(&s->rng, TANKS_BOT_STUCK) == 0) {
        action.drive = TANKS_REVERSE;
    }
    return action;
}

static void tanks_script(Tanks* s, TanksAction* actions)
{
    TanksAim aim;
    if (s->tick % TANKS_PLAN_EVERY == 0) {
        PUF_LANES(tanks_plan)(s);
    }
    PUF_LANES(tanks_aim)(s, &aim);
    for (int32_t k = 0; k < s->team_size; k++) {
        int32_t i = s->team_size + k;
        TanksAction nothing = { TANKS_STAY, TANKS_STRAIGHT, 0 };
        actions[i] = s->alive[i] ? tanks_decide(s, i, aim.dx[k], aim.dy[k], aim.distance[k]) : nothing;
    }
}

// ---- What a tank sees ----

// Another tank. Directions are forward, then to the right.
typedef struct TanksSeen {
    float present, distance, direction[2], heading[2];
} TanksSeen;

typedef struct TanksEnemy {
    TanksSeen tank;
    float in_sight;
} TanksEnemy;

typedef struct TanksDanger {
    float present, position[2], velocity[2];
} TanksDanger;

typedef struct TanksObs {
    float alive, speed, reload, flying, blocked, place[2], heading[2], left, enemies_left, time;
    float whiskers[TANKS_WHISKERS];
    TanksEnemy enemies[TANKS_ENEMIES];
    TanksSeen mates[TANKS_MATES];
    TanksDanger shells[TANKS_DANGERS];
} TanksObs;
_Static_assert(sizeof(TanksObs) == TANKS_OBS * sizeof(float), "the parts of an observation");

// Where a tank is, and its heading as a unit vector.
typedef struct TanksPose {
    float x, y, cosine, sine;
} TanksPose;

static inline TanksPose tanks_pose(const Tanks* s, int32_t i)
{
    TanksPose pose = { (float)s->x[i], (float)s->y[i], tanks_unit_x(s->heading[i]), tanks_unit_y(s->heading[i]) };
    return pose;
}

// A vector as a tank sees it: how much of it is forward, and how much to the right.
static inline float tanks_forward(TanksPose own, float x, float y) { return x * own.cosine + y * own.sine; }
static inline float tanks_right(TanksPose own, float x, float y) { return y * own.cosine - x * own.sine; }
static inline float tanks_unit(float x) { return puf_clampf(x, -1.0f, 1.0f); }

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

// The nearest living tanks of a team, except tank i.
static int32_t tanks_find(const Tanks* s, int32_t team, int32_t i, const float* distance, int32_t* found, int32_t most)
{
    int32_t counts[TANKS_TEAM], first = team * s->team_size;
    for (int32_t k = 0; k < s->team_size; k++) {
        counts[k] = s->alive[first + k] & (first + k != i);
    }
    int32_t count = tanks_nearest(distance + first, counts, s->team_size, found, most);
    for (int32_t k = 0; k < count; k++) {
        found[k] += first;
    }
    return count;
}

static void tanks_see_own(const Tanks* s, TanksPose own, int32_t i, TanksObs* out)
{
    int32_t team = tanks_team(s, i);
    float facing = team ? -1.0f : 1.0f, each = 1.0f / (float)s->team_size;
    float half_width = (float)((s->width + 2) * (TANKS_CELL / 2));
    float half_height = (float)((s->height + 2) * (TANKS_CELL / 2));
    out->alive = 1.0f;
    out->speed = (float)s->speed[i] * (1.0f / TANKS_FORWARD);
    out->reload = (float)s->reload[i] / (float)s->cooldown;
    out->flying = (float)s->flying[i] / (float)s->max_shells;
    out->blocked = (float)s->blocked[i];
    out->place[0] = (own.x - half_width) * facing / half_width;
    out->place[1] = (own.y - half_height) * facing / half_height;
    out->heading[0] = own.cosine * facing;
    out->heading[1] = own.sine * facing;
    out->left = (float)s->left[team] * each;
    out->enemies_left = (float)s->left[!team] * each;
    out->time = (float)s->tick / (float)s->max_steps;
}

// The heading of whisker k of tank i.
static inline int32_t tanks_whisker(const Tanks* s, int32_t i, int32_t k)
{
    return (s->heading[i] + tanks_whiskers[k]) & (TANKS_TURN - 1);
}

static inline void tanks_see_whiskers(const Tanks* s, int32_t i, float* whiskers)
{
    for (int32_t k = 0; k < TANKS_WHISKERS; k++) {
        int32_t heading = tanks_whisker(s, i, k);
        float dx = tanks_unit_x(heading), dy = tanks_unit_y(heading);
        whiskers[k] = tanks_cast(s, s->x[i], s->y[i], dx, dy, TANKS_WHISKER_RANGE) * (1.0f / TANKS_WHISKER_RANGE);
    }
}

static inline TanksSeen tanks_see_tank(const Tanks* s, TanksPose own, int32_t j)
{
    TanksPose other = tanks_pose(s, j);
    float dx = other.x - own.x, dy = other.y - own.y, distance = sqrtf(dx * dx + dy * dy);
    float shrink = 1.0f / puf_maxf(distance, 1.0f);
    TanksSeen seen;
    seen.present = 1.0f;
    seen.distance = puf_minf(distance * (1.0f / TANKS_FAR), 1.0f);
    seen.direction[0] = tanks_unit(tanks_forward(own, dx, dy) * shrink);
    seen.direction[1] = tanks_unit(tanks_right(own, dx, dy) * shrink);
    seen.heading[0] = tanks_unit(tanks_forward(own, other.cosine, other.sine));
    seen.heading[1] = tanks_unit(tanks_right(own, other.cosine, other.sine));
    return seen;
}

static inline void tanks_see_tanks(const Tanks* s, TanksPose own, int32_t i, TanksObs* out)
{
    float distance[TANKS_MOST];
    int32_t team = tanks_team(s, i), enemies[TANKS_ENEMIES], mates[TANKS_MATES];
    for (int32_t j = 0; j < 2 * s->team_size; j++) {
        float dx = (float)s->x[j] - own.x, dy = (float)s->y[j] - own.y;
        distance[j] = sqrtf(dx * dx + dy * dy);
    }
    int32_t num_enemies = tanks_find(s, !team, i, distance, enemies, TANKS_ENEMIES);
    int32_t num_mates = tanks_find(s, team, i, distance, mates, TANKS_MATES);
    for (int32_t k = 0; k < num_enemies; k++) {
        int32_t j = enemies[k];
        float shrink = 1.0f / puf_maxf(distance[j], 1.0f);
        float dx = ((float)s->x[j] - own.x) * shrink, dy = ((float)s->y[j] - own.y) * shrink;
        out->enemies[k].tank = tanks_see_tank(s, own, j);
        out->enemies[k].in_sight = (float)tanks_sees(s, i, dx, dy, distance[j]);
    }
    for (int32_t k = 0; k < num_mates; k++) {
        out->mates[k] = tanks_see_tank(s, own, mates[k]);
    }
}

// The nearest shells that may destroy tank i.
static void tanks_see_shells(const Tanks* s, TanksPose own, int32_t i, TanksObs* out)
{
    float distance[TANKS_SHELLS_MOST];
    int32_t counts[TANKS_SHELLS_MOST], found[TANKS_DANGERS];
    for (int32_t k = 0; k < s->shells; k++) {
        float dx = (float)s->shell_x[k] - own.x, dy = (float)s->shell_y[k] - own.y;
        distance[k] = dx * dx + dy * dy;
        counts[k] = (tanks_are_hostile(s, s->shell_owner[k], i) | (s->friendly_fire & (s->shell_bounces[k] > 0))) &
                    (distance[k] < (float)TANKS_DANGER_RANGE * (float)TANKS_DANGER_RANGE);
    }
    int32_t count = tanks_nearest(distance, counts, s->shells, found, TANKS_DANGERS);
    for (int32_t n = 0; n < count; n++) {
        int32_t k = found[n];
        TanksDanger* seen = &out->shells[n];
        float dx = (float)s->shell_x[k] - own.x, dy = (float)s->shell_y[k] - own.y;
        float vx = (float)s->shell_vx[k], vy = (float)s->shell_vy[k];
        seen->present = 1.0f;
        seen->position[0] = tanks_unit(tanks_forward(own, dx, dy) * (1.0f / TANKS_DANGER_RANGE));
        seen->position[1] = tanks_unit(tanks_right(own, dx, dy) * (1.0f / TANKS_DANGER_RANGE));
        seen->velocity[0] = tanks_unit(tanks_forward(own, vx, vy) * (1.0f / TANKS_SHELL_SPEED));
        seen->velocity[1] = tanks_unit(tanks_right(own, vx, vy) * (1.0f / TANKS_SHELL_SPEED));
    }
}

// Observations of all agents that are no wrecks, into zeros.
static inline void tanks_show(const Tanks* s, TanksObs* out)
{
    for (int32_t i = 0; i < s->agents; i++) {
        if (s->alive[i]) {
            TanksPose own = tanks_pose(s, i);
            tanks_see_own(s, own, i, &out[i]);
            tanks_see_whiskers(s, i, out[i].whiskers);
            tanks_see_tanks(s, own, i, &out[i]);
            tanks_see_shells(s, own, i, &out[i]);
        }
    }
}

#ifndef PUF_PLAIN
#include "tanks_sight.h"
#endif

static void tanks_observe(const Tanks* s, PufIo io)
{
    memset(io.obs, 0, (size_t)s->agents * sizeof(TanksObs));
    PUF_LANES(tanks_show)(s, io.obs);
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

// Rewards and ends, from what the step has changed: `lead` and `hits` are those before it.
static void tanks_score(Tanks* s, int32_t lead, const int32_t* hits, PufIo io)
{
    int32_t won = s->left[1] == 0, lost = s->left[0] == 0, over = won | lost, late = !over & (s->tick >= s->max_steps);
    float gained = (float)(s->left[0] - s->left[1] - lead) * s->reward_tank / (float)s->team_size + (float)(won - lost);
    for (int32_t i = 0; i < s->agents; i++) {
        float to_team = tanks_team(s, i) ? 0.0f - gained : gained;
        float reward = to_team + (float)(s->hits[i] - hits[i]) * s->reward_hit;
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

static void tanks_step(Tanks* s, PufIo io)
{
    TanksAction actions[TANKS_MOST];
    int32_t lead = s->left[0] - s->left[1], hits[TANKS_MOST], ends[TANKS_SHELLS_MOST];
    memcpy(hits, s->hits, sizeof(hits));
    memcpy(actions, io.actions, (size_t)s->agents * sizeof(TanksAction));
    if (s->scripted) {
        tanks_script(s, actions);
    }
    s->tick += 1;
    tanks_drive(s, actions);
    tanks_fire(s, actions);
    for (int32_t frame = 0; frame < TANKS_FRAMES; frame++) {
        PUF_LANES(tanks_fly)(s);
        if (PUF_LANES(tanks_mark_ends)(s, ends)) {
            tanks_end_shells(s, ends);
        }
    }
    tanks_score(s, lead, hits, io);
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
