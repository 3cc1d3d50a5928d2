// tanks - two teams of tanks fight between walls with shells that bounce: the last team left wins.
//
// Observation  float32 (73,), within [-1, 1], in the tank's own frame (forward, right): 12 numbers
//              about itself, 13 whiskers, the 3 nearest enemies, the 2 nearest mates, and the 3
//              nearest shells that could destroy it.
// Action       three choices: drive (stay, forward, back), turn (straight, left, right), fire
//              (none, fire).
// Reward       for the whole team, wrecks included: +1 for winning the round, -1 for losing it, and
//              `reward_tank` / team_size for each enemy destroyed, minus the same for each tank
//              lost. For the tank that fired: `reward_hit` for each enemy destroyed, minus the same
//              for each mate.
// End          terminal when a team has no tank left; truncated after `max_steps` steps. All agents
//              of a round end together.
// Score        tanks the team destroyed minus tanks it lost; perf is 1 for a win, 0.5 for a draw, 0
//              for a loss.
//
// With `scripted`, the default, the environment drives the second team and the agents are the
// first: perf is the fraction of rounds won against a fixed opponent. Without it, both teams are
// agents and perf averages 0.5.
//
// A destroyed tank stays as a wreck until the round ends. It does nothing, blocks nobody and
// observes only zeros, but it still gets the team's rewards, so every row always has an agent.
//
// Positions and velocities are integers; a cell is 512 units wide. Positions are odd and velocities
// even, so nothing is ever on the border between two cells, and the arena is exactly symmetric
// under half a turn: both teams see the same numbers in the same game. A step:
// 1. Tanks turn, change speed, and move along x, then along y. A wall stops a tank along one axis;
//    it slides along the other. A move that could bring two tanks too close, wherever the other one
//    goes, is cancelled.
// 2. Tanks fire. A shell starts in the middle of its tank.
// 3. Shells fly for two frames. They bounce off walls, and vanish when they have bounced more than
//    `bounces` times. After each frame a shell destroys every tank it touches, and vanishes. It
//    passes through its own team until its first bounce; after that it destroys them too if
//    `friendly_fire` is on.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum {
    TANKS_CELL_BITS = 9,
    TANKS_CELL = 1 << TANKS_CELL_BITS, // width in units; the rest is in units, and units per step
    TANKS_RADIUS = 171,                // half the side of the square that walls stop; odd, to keep positions odd
    TANKS_APART = 2 * TANKS_RADIUS,    // least distance between the middles of two tanks
    TANKS_TOUCH = 180,                 // a shell this close to the middle of a tank hits it
    TANKS_FORWARD = 40,                // top speed
    TANKS_BACK = 24,
    TANKS_SPEED_UP = 8,     // per step
    TANKS_SHELL_SPEED = 80, // per frame
    TANKS_FRAMES = 2,       // of flight per step
};
enum {
    TANKS_TURN = 64, // headings in a full turn, clockwise on the screen; a tank turns by one per step
    TANKS_QUARTER = TANKS_TURN / 4,
    TANKS_UNIT_BITS = 14,
    TANKS_UNIT = 1 << TANKS_UNIT_BITS, // scale of the sines
};
enum {
    TANKS_MAX_TEAM = 16,
    TANKS_MAX_TANKS = 2 * TANKS_MAX_TEAM,
    TANKS_MAX_OWN_SHELLS = 4, // in the air, per tank
    TANKS_MAX_SHELLS = TANKS_MAX_TANKS * TANKS_MAX_OWN_SHELLS,
    TANKS_ROWS = 32, // rows of cells, border included; a row is a word, with a bit per cell
    TANKS_START_COLUMNS = 2,
    TANKS_MIN_WIDTH = 6,
    TANKS_MIN_HEIGHT = 4,
    TANKS_MAX_SIDE = TANKS_ROWS - 2,
    TANKS_MANY = 1000000000, // rounds: more than can be played
};
enum { TANKS_STAY, TANKS_GO, TANKS_REVERSE, TANKS_DRIVES };
enum { TANKS_STRAIGHT, TANKS_LEFT, TANKS_RIGHT, TANKS_TURNS };

enum {
    TANKS_WHISKERS = 13,
    TANKS_ENEMIES = 3,
    TANKS_MATES = 2,
    TANKS_DANGERS = 3,
    TANKS_WHISKER_RANGE = 8 * TANKS_CELL,
    TANKS_SIGHT = 10 * TANKS_CELL,       // no tank is in sight beyond this
    TANKS_FAR = 16 * TANKS_CELL,         // distances look the same beyond this
    TANKS_DANGER_RANGE = 6 * TANKS_CELL, // shells are seen within this
};
// Headings of the whiskers, relative to the tank's.
static const int8_t tanks_whiskers[TANKS_WHISKERS] = { 0, 3, -3, 7, -7, 12, -12, 18, -18, 24, -24, 30, -30 };

// The scripted tanks.
enum {
    TANKS_PLAN_EVERY = 4, // steps; a tank crosses less than half a cell in them
    TANKS_BOT_FAR = 4 * TANKS_CELL,
    TANKS_BOT_NEAR = 2 * TANKS_CELL + TANKS_CELL / 2,
    TANKS_BOT_STUCK = 8, // while blocked, it backs off once in this many steps on average
};

// What a tank does: a row of io.actions.
typedef struct TanksAction {
    int32_t drive, turn, fire;
} TanksAction;

// What a tank sees: a row of io.obs. Vectors are split into a forward part and a part to the right.
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
    TanksDanger dangers[TANKS_DANGERS];
} TanksObs;

typedef struct Tanks {
    PufRng rng;
    int32_t team_size, width, height, bounces, max_shells, cooldown, max_steps; // settings
    int32_t friendly_fire, scripted, agents;
    float walls, bot_fire, reward_tank, reward_hit;
    int32_t tick;
    int32_t shells;         // in the air
    int32_t left[2];        // tanks of each team
    int32_t wins[2], draws; // rounds since the start
    PufLog log;
    float log_draws, log_lost;
    uint32_t rows[TANKS_ROWS]; // bit c of row r: a wall in column c; the border is wall
    // Tanks: the first team, then the second, then zeros. From here on, every table begins on a cache line.
    int32_t x[TANKS_MAX_TANKS], y[TANKS_MAX_TANKS], heading[TANKS_MAX_TANKS], speed[TANKS_MAX_TANKS];
    int32_t alive[TANKS_MAX_TANKS], blocked[TANKS_MAX_TANKS], reload[TANKS_MAX_TANKS], flying[TANKS_MAX_TANKS];
    int32_t hits[TANKS_MAX_TANKS];                            // enemies destroyed in this round, minus mates
    int32_t ended_at[TANKS_MAX_TANKS];                        // tick at which it was destroyed
    int32_t goal_x[TANKS_MAX_TANKS], goal_y[TANKS_MAX_TANKS]; // where a scripted tank is driving
    float gain[TANKS_MAX_TANKS];                              // rewards in this round
    // Shells, in the order they were fired.
    int32_t shell_x[TANKS_MAX_SHELLS], shell_y[TANKS_MAX_SHELLS];
    int32_t shell_vx[TANKS_MAX_SHELLS], shell_vy[TANKS_MAX_SHELLS]; // per frame
    int32_t shell_bounces[TANKS_MAX_SHELLS];                        // so far
    int32_t shell_owner[TANKS_MAX_SHELLS];
    int32_t shell_since[TANKS_MAX_SHELLS]; // tick of the shot or the last bounce
} Tanks;

// ---- Settings ----

// The arena grows with the teams unless its size is given.
static int32_t tanks_width(const Tanks* s)
{
    return s->width > 0 ? s->width : puf_clampi(10 + 2 * (s->team_size - 1), 0, TANKS_MAX_SIDE);
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
    if (width < TANKS_MIN_WIDTH || height < TANKS_MIN_HEIGHT) {
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

// The sine of each heading, and a quarter turn more for the cosine. The four quarters match
// exactly.
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

// An even `length` times a sine, rounded to the nearest even number, symmetrically around 0.
static inline int32_t tanks_part(int32_t length, int32_t sine)
{
    int32_t product = length / 2 * sine;
    int32_t half = product < 0 ? -(TANKS_UNIT / 2) : TANKS_UNIT / 2;
    return (product + half) / TANKS_UNIT * 2;
}

// ---- Cells and teams ----

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

// From each tank of the second team to its nearest living enemy: unit vector and distance.
typedef struct TanksAim {
    float dx[TANKS_MAX_TEAM], dy[TANKS_MAX_TEAM], distance[TANKS_MAX_TEAM];
} TanksAim;

#ifndef PUF_PLAIN
#include "tanks_lanes.h"
#endif

// ---- Paths ----

// Lengths of the shortest paths, from cell to cell, from a set of cells to all others.
typedef struct TanksPaths {
    int32_t steps[TANKS_ROWS * TANKS_ROWS]; // to row r, column c at r * TANKS_ROWS + c; -1: no path
    int32_t cells[TANKS_ROWS * TANKS_ROWS]; // those with a path, nearest first
    int32_t count;
} TanksPaths;

static inline void tanks_clear_paths(TanksPaths* paths)
{
    paths->count = 0;
    for (int32_t cell = 0; cell < TANKS_ROWS * TANKS_ROWS; cell++) {
        paths->steps[cell] = -1;
    }
}

static inline void tanks_add_cell(TanksPaths* paths, int32_t cell, int32_t steps)
{
    if (paths->steps[cell] < 0) {
        paths->steps[cell] = steps;
        paths->cells[paths->count++] = cell;
    }
}

// Breadth-first search from the cells that were added with 0 steps.
static inline void tanks_find_paths(TanksPaths* paths, const uint32_t rows[TANKS_ROWS])
{
    static const int32_t sides[4] = { -1, 1, -TANKS_ROWS, TANKS_ROWS };
    for (int32_t i = 0; i < paths->count; i++) {
        for (int32_t side = 0; side < 4; side++) {
            int32_t cell = paths->cells[i] + sides[side];
            if (!tanks_is_wall(rows, cell / TANKS_ROWS, cell % TANKS_ROWS)) {
                tanks_add_cell(paths, cell, paths->steps[paths->cells[i]] + 1);
            }
        }
    }
}

// ---- The arena ----

// Whether there is a path from every free cell to every other.
static inline int tanks_is_connected(const uint32_t rows[TANKS_ROWS])
{
    TanksPaths paths;
    int32_t free_cells = 0;
    for (int32_t cell = 0; cell < TANKS_ROWS * TANKS_ROWS; cell++) {
        free_cells += !tanks_is_wall(rows, cell / TANKS_ROWS, cell % TANKS_ROWS);
    }
    tanks_clear_paths(&paths);
    tanks_add_cell(&paths, TANKS_ROWS + 1, 0); // the first column is always free
    tanks_find_paths(&paths, rows);
    return paths.count == free_cells;
}

// Adds a wall of 1 to 3 by 1 or 2 cells, and its mirror image under half a turn, unless that would
// cut the arena in two. Returns how many cells became wall.
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

// Puts a tank in a cell of its own in the first columns, facing the other side, and its counterpart
// on the other side.
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
    int32_t spots[TANKS_START_COLUMNS * TANKS_MAX_SIDE], count = TANKS_START_COLUMNS * s->height;
    for (int32_t i = 0; i < count; i++) {
        spots[i] = i;
    }
    for (int32_t i = 0; i < s->team_size; i++) {
        int32_t k = i + (int32_t)puf_rand_below(&s->rng, (uint32_t)(count - i));
        tanks_place(s, i, spots[k]);
        spots[k] = spots[i];
    }
    for (int32_t i = 0; i < TANKS_MAX_TANKS; i++) {
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

// Where a move along x ends: at the wall that a front corner meets, or where it is meant to.
static int32_t tanks_slide_x(const Tanks* s, int32_t x, int32_t y, int32_t dx)
{
    int32_t column = tanks_cell(dx > 0 ? x + dx + TANKS_RADIUS - 1 : x + dx - TANKS_RADIUS);
    int32_t wall = tanks_is_wall(s->rows, tanks_cell(y - TANKS_RADIUS), column) |
                   tanks_is_wall(s->rows, tanks_cell(y + TANKS_RADIUS - 1), column);
    int32_t stop = dx > 0 ? column * TANKS_CELL - TANKS_RADIUS : (column + 1) * TANKS_CELL + TANKS_RADIUS;
    return wall ? stop : x + dx;
}

static int32_t tanks_slide_y(const Tanks* s, int32_t x, int32_t y, int32_t dy)
{
    int32_t row = tanks_cell(dy > 0 ? y + dy + TANKS_RADIUS - 1 : y + dy - TANKS_RADIUS);
    int32_t wall = tanks_is_wall(s->rows, row, tanks_cell(x - TANKS_RADIUS)) |
                   tanks_is_wall(s->rows, row, tanks_cell(x + TANKS_RADIUS - 1));
    int32_t stop = dy > 0 ? row * TANKS_CELL - TANKS_RADIUS : (row + 1) * TANKS_CELL + TANKS_RADIUS;
    return wall ? stop : y + dy;
}

static inline int32_t tanks_are_near(int32_t dx, int32_t dy) { return dx * dx + dy * dy < TANKS_APART * TANKS_APART; }

// Whether tank i, moving along one axis to to[i], could come too close to another: where that is,
// or where it is going.
static inline int32_t tanks_could_collide(const Tanks* s, const int32_t* at, const int32_t* to, const int32_t* across,
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

// Moves all tanks along one axis, from `at` to `to`, except those that could collide; `across` is
// the other coordinate.
static inline void tanks_move(Tanks* s, int32_t* at, const int32_t* to, const int32_t* across)
{
    int32_t stays[TANKS_MAX_TANKS];
    for (int32_t i = 0; i < 2 * s->team_size; i++) {
        stays[i] = to[i] != at[i] && tanks_could_collide(s, at, to, across, i);
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
    int32_t tanks = 2 * s->team_size, to[TANKS_MAX_TANKS] = { 0 }, dy[TANKS_MAX_TANKS];
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

// Shell k flies for one frame, in which it crosses at most one border between cells along each
// axis.
static inline void tanks_fly_shell(Tanks* s, int32_t k)
{
    int32_t x = s->shell_x[k], y = s->shell_y[k], vx = s->shell_vx[k], vy = s->shell_vy[k];
    int32_t to_x = x + vx, to_y = y + vy;
    int32_t column = tanks_cell(x), row = tanks_cell(y), to_column = tanks_cell(to_x), to_row = tanks_cell(to_y);
    int32_t border_x = (column > to_column ? column : to_column) * TANKS_CELL;
    int32_t border_y = (row > to_row ? row : to_row) * TANKS_CELL;
    int32_t wall_x = tanks_is_wall(s->rows, row, to_column), wall_y = tanks_is_wall(s->rows, to_row, column);
    int32_t wall_beyond = tanks_is_wall(s->rows, to_row, to_column);
    // When it reaches each border, times both speeds. If it crosses only one, the order makes no difference.
    int32_t when_x = tanks_abs((border_x - x) * vy), when_y = tanks_abs((border_y - y) * vx);
    int32_t hit_x, hit_y;
    if (when_x < when_y) { // if it bounces off the first border, it stays in its column
        hit_x = wall_x;
        hit_y = hit_x ? wall_y : wall_beyond;
    } else if (when_y < when_x) {
        hit_y = wall_y;
        hit_x = hit_y ? wall_x : wall_beyond;
    } else { // a corner: the cell behind it counts if both sides are free
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

// Whether shell k destroys tank t where they are now.
static inline int32_t tanks_is_hit(const Tanks* s, int32_t t, int32_t k)
{
    int32_t dx = s->shell_x[k] - s->x[t], dy = s->shell_y[k] - s->y[t];
    int32_t touches = dx * dx + dy * dy <= TANKS_TOUCH * TANKS_TOUCH;
    int32_t harms = tanks_are_hostile(s, s->shell_owner[k], t) || (s->friendly_fire && s->shell_bounces[k] > 0);
    return s->alive[t] && touches && harms && !tanks_is_spent(s, k);
}

// Marks the shells that hit a tank or are spent. Returns whether there are any: in most frames
// there are none.
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

// Removes the marked shells from the list and keeps the others in order. A marked one is copied
// too, and overwritten.
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

// Every marked shell hits all tanks it touches, including those that another shell hits in the same
// frame.
static void tanks_end_shells(Tanks* s, const int32_t* ends)
{
    int32_t hit[TANKS_MAX_TANKS] = { 0 };
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

// Distance from a point, along a unit vector, to the first wall, but at most `limit`. The ray steps
// from one border between cells to the next (Amanatides, Woo 1987).
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

// Whether tank i has a clear line of sight along a unit vector for this distance.
static inline int32_t tanks_sees(const Tanks* s, int32_t i, float dx, float dy, float distance)
{
    return distance <= TANKS_SIGHT && tanks_cast(s, s->x[i], s->y[i], dx, dy, distance) >= distance;
}

// ---- The scripted team ----

// Every few steps each scripted tank gets a cell to drive to: the next one on a shortest path to an
// enemy.
static inline void tanks_plan(Tanks* s)
{
    TanksPaths paths;
    tanks_clear_paths(&paths);
    for (int32_t i = 0; i < s->team_size; i++) {
        if (s->alive[i]) {
            tanks_add_cell(&paths, tanks_cell(s->y[i]) * TANKS_ROWS + tanks_cell(s->x[i]), 0);
        }
    }
    tanks_find_paths(&paths, s->rows);
    for (int32_t i = s->team_size; i < 2 * s->team_size; i++) {
        int32_t column = tanks_cell(s->x[i]), row = tanks_cell(s->y[i]), cell = row * TANKS_ROWS + column;
        int32_t nearer = paths.steps[cell] > 0 ? paths.steps[cell] - 1 : 0;
        if (s->alive[i]) {
            int32_t left = paths.steps[cell - 1] == nearer, right = paths.steps[cell + 1] == nearer;
            int32_t above = paths.steps[cell - TANKS_ROWS] == nearer, below = paths.steps[cell + TANKS_ROWS] == nearer;
            s->goal_x[i] = tanks_middle(column + (left ? -1 : right ? 1 : 0));
            s->goal_y[i] = tanks_middle(row + (left || right ? 0 : above ? -1 : below ? 1 : 0));
        }
    }
}

static inline void tanks_aim(const Tanks* s, TanksAim* aim)
{
    for (int32_t k = 0; k < s->team_size; k++) {
        float best = 0x1p60f;
        aim->dx[k] = 1.0f;
        aim->dy[k] = 0.0f;
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

// With an enemy in sight, a scripted tank turns to it, keeps its distance and fires when aimed.
// Otherwise it drives to its goal.
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

#include "tanks_view.h"
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

// Rewards and ends. `lead` and `hits` are from before the step.
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
    TanksAction actions[TANKS_MAX_TANKS];
    int32_t lead = s->left[0] - s->left[1], hits[TANKS_MAX_TANKS], ends[TANKS_MAX_SHELLS];
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

#define TANKS_FLOATS(Part) (int32_t)(sizeof(Part) / sizeof(float))
static const PufObs tanks_obs[] = {
    { "alive", 1, 0, 1, "1; a wreck observes only zeros" },
    { "speed", 1, -1, 1, "forward, as a fraction of top speed" },
    { "reload", 1, 0, 1, "time until it can fire, as a fraction of cooldown" },
    { "flying", 1, 0, 1, "its shells in the air, as a fraction of max_shells" },
    { "blocked", 1, 0, 1, "1 if a wall or a tank was in the way" },
    { "place", 2, -1, 1,
      "position relative to the middle of the arena: toward the enemy's side, and to the right of that" },
    { "heading", 2, -1, 1, "a unit vector, in the same directions" },
    { "teams", 2, 0, 1, "tanks left in its own team and in the other, as fractions" },
    { "time", 1, 0, 1, "steps of this round, as a fraction of max_steps" },
    { "whiskers", TANKS_WHISKERS, 0, 1,
      "distance to the wall, 1 at 8 cells or more; at 0, 17, -17, 39, -39, 68, -68, 101, -101, 135, -135, 169, -169 "
      "degrees to the right of its heading" },
    { "enemies", TANKS_ENEMIES * TANKS_FLOATS(TanksEnemy), -1, 1,
      "nearest first, padded with zeros: 1, distance (1 at 16 cells or more), direction (forward, right; a unit "
      "vector), heading (the same), 1 if no wall is in between" },
    { "mates", TANKS_MATES * TANKS_FLOATS(TanksSeen), -1, 1, "the same without the last number" },
    { "shells", 0, -1, 1,
      "that could destroy it, within 6 cells, nearest first, padded with zeros: 1, position (forward, right; 1 at 6 "
      "cells), velocity (the same, as a fraction of shell speed)" },
};
static const PufAction tanks_actions[] = {
    { "drive", TANKS_DRIVES, 0, 0, "stay forward back" },
    { "turn", TANKS_TURNS, 0, 0, "straight left right" },
    { "fire", 2, 0, 0, "none fire" },
};
static const PufParam tanks_params[] = {
    PUF_SETTING(Tanks, team_size, 4, 1, TANKS_MAX_TEAM, "tanks per team"),
    PUF_FLAG(Tanks, scripted, 1, "the environment drives the second team; only the first team are agents"),
    PUF_SETTING(Tanks, width, 0, 0, TANKS_MAX_SIDE, "of the arena, in cells; 0: to fit the teams"),
    PUF_SETTING(Tanks, height, 0, 0, TANKS_MAX_SIDE, "of the arena, in cells; 0: to fit the teams"),
    PUF_SETTING(Tanks, walls, 0.2, 0, 0.5, "fraction of the cells to fill with walls"),
    PUF_SETTING(Tanks, bounces, 2, 0, 8, "of a shell before it vanishes"),
    PUF_SETTING(Tanks, max_shells, 3, 1, TANKS_MAX_OWN_SHELLS, "in the air, per tank"),
    PUF_SETTING(Tanks, cooldown, 12, 1, 1000, "steps between two shots of a tank"),
    PUF_FLAG(Tanks, friendly_fire, 1, "after their first bounce, shells also destroy their own team"),
    PUF_SETTING(Tanks, max_steps, 600, 1, 100000, "steps until a round is cut off as a draw"),
    PUF_SETTING(Tanks, bot_fire, 0.1, 0, 1, "chance per step that a scripted tank fires when aimed"),
    PUF_SETTING(Tanks, reward_tank, 1, 0, 100,
                "for the team, divided by team_size, per enemy destroyed; minus the same per tank lost"),
    PUF_SETTING(Tanks, reward_hit, 0.5, 0, 100,
                "for the tank that fired, per enemy destroyed; minus the same per mate destroyed"),
};
static const PufField tanks_fields[] = {
    PUF_SCALAR(Tanks, team_size, "tanks per team; the first half of the tanks is the first team"),
    PUF_SCALAR(Tanks, width, "of the arena, in cells, without its border"),
    PUF_SCALAR(Tanks, height, "of the arena, in cells, without its border"),
    PUF_SCALAR(Tanks, max_steps, "steps until a round is cut off"),
    PUF_SCALAR(Tanks, scripted, "1: the second team is scripted"),
    PUF_SCALAR(Tanks, tick, "steps of this round", PUF_UP_TO(Tanks, max_steps)),
    PUF_ARRAY(Tanks, left, "tanks left in each team", PUF_UP_TO(Tanks, team_size)),
    PUF_ARRAY(Tanks, wins, "rounds won by each team since the start", PUF_RANGE(0, TANKS_MANY)),
    PUF_SCALAR(Tanks, draws, "rounds that nobody won since the start", PUF_RANGE(0, TANKS_MANY)),
    PUF_ARRAY(Tanks, rows, "bit c of row r: a wall in column c; the border is row and column 0, and the last"),
    PUF_ARRAY(Tanks, x, "of tanks, to the right, in units, 512 per cell, from the outer corner of the border",
              PUF_RANGE(0, TANKS_ROWS* TANKS_CELL - 1)),
    PUF_ARRAY(Tanks, y, "of tanks, downwards", PUF_RANGE(0, TANKS_ROWS* TANKS_CELL - 1)),
    PUF_ARRAY(Tanks, heading, "of tanks, in 64ths of a turn, clockwise from the right", PUF_RANGE(0, TANKS_TURN - 1)),
    PUF_ARRAY(Tanks, speed, "of tanks, units per step", PUF_RANGE(-TANKS_BACK, TANKS_FORWARD)),
    PUF_ARRAY(Tanks, alive, "0: a wreck, or no tank", PUF_RANGE(0, 1)),
    PUF_ARRAY(Tanks, blocked, "1: a wall or a tank was in the way", PUF_RANGE(0, 1)),
    PUF_ARRAY(Tanks, reload, "steps until a tank can fire", PUF_UP_TO(Tanks, cooldown)),
    PUF_ARRAY(Tanks, flying, "shells of a tank in the air", PUF_UP_TO(Tanks, max_shells)),
    PUF_ARRAY(Tanks, hits, "enemies a tank destroyed in this round, minus mates", PUF_RANGE(-1000, 1000)),
    PUF_ARRAY(Tanks, ended_at, "tick at which a tank was destroyed", PUF_UP_TO(Tanks, max_steps)),
    PUF_ARRAY(Tanks, goal_x, NULL, PUF_RANGE(0, TANKS_ROWS* TANKS_CELL - 1)),
    PUF_ARRAY(Tanks, goal_y, NULL, PUF_RANGE(0, TANKS_ROWS* TANKS_CELL - 1)),
    PUF_ARRAY(Tanks, gain, NULL),
    PUF_SCALAR(Tanks, shells, "in the air: how many of the following are in use", PUF_RANGE(0, TANKS_MAX_SHELLS)),
    PUF_ARRAY(Tanks, shell_x, "of shells, in units", PUF_RANGE(0, TANKS_ROWS* TANKS_CELL - 1)),
    PUF_ARRAY(Tanks, shell_y, "of shells", PUF_RANGE(0, TANKS_ROWS* TANKS_CELL - 1)),
    PUF_ARRAY(Tanks, shell_vx, "of shells, units per frame; a step has two frames",
              PUF_RANGE(-TANKS_SHELL_SPEED, TANKS_SHELL_SPEED)),
    PUF_ARRAY(Tanks, shell_vy, "of shells", PUF_RANGE(-TANKS_SHELL_SPEED, TANKS_SHELL_SPEED)),
    PUF_ARRAY(Tanks, shell_bounces, "bounces so far", PUF_RANGE(0, 100)),
    PUF_ARRAY(Tanks, shell_owner, "the tank that fired it", PUF_RANGE(0, TANKS_MAX_TANKS - 1)),
    PUF_ARRAY(Tanks, shell_since, "tick of the shot or the last bounce", PUF_UP_TO(Tanks, max_steps)),
    PUF_SCALAR(Tanks, agents, NULL, PUF_DERIVED),
};

// ---- States from files ----

// Nothing but the arena is open.
static int tanks_is_walled(const Tanks* s)
{
    uint32_t inside = (0xFFFFFFFFu >> (32 - s->width)) << 1;
    for (int32_t r = 0; r < TANKS_ROWS; r++) {
        uint32_t border = r >= 1 && r <= s->height ? ~inside : 0xFFFFFFFFu;
        if ((s->rows[r] & border) != border) {
            return 0;
        }
    }
    return 1;
}

// Whether the corners of a square around a point are in free cells.
static int tanks_is_free(const Tanks* s, int32_t x, int32_t y, int32_t radius)
{
    if (x < TANKS_CELL || y < TANKS_CELL || x > (s->width + 1) * TANKS_CELL || y > (s->height + 1) * TANKS_CELL) {
        return 0;
    }
    int32_t left = tanks_cell(x - radius), right = tanks_cell(x + radius - 1);
    int32_t top = tanks_cell(y - radius), bottom = tanks_cell(y + radius - 1);
    return !(tanks_is_wall(s->rows, top, left) | tanks_is_wall(s->rows, top, right) |
             tanks_is_wall(s->rows, bottom, left) | tanks_is_wall(s->rows, bottom, right));
}

static const char* tanks_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Tanks* s = state;
    int32_t left[2] = { 0, 0 }, flying[TANKS_MAX_TANKS] = { 0 };
    if (!tanks_is_walled(s)) {
        return "rows";
    }
    for (int32_t t = 0; t < TANKS_MAX_TANKS; t++) {
        if (t < 2 * s->team_size ? !(s->x[t] & s->y[t] & 1) || !tanks_is_free(s, s->x[t], s->y[t], TANKS_RADIUS)
                                 : s->alive[t]) {
            return t < 2 * s->team_size ? "x" : "alive";
        }
        left[tanks_team(s, t)] += s->alive[t];
    }
    for (int32_t k = 0; k < s->shells; k++) {
        if (s->shell_owner[k] >= 2 * s->team_size) {
            return "shell_owner";
        }
        if (!(s->shell_x[k] & s->shell_y[k] & 1) || !tanks_is_free(s, s->shell_x[k], s->shell_y[k], 1)) {
            return "shell_x";
        }
        if ((s->shell_vx[k] | s->shell_vy[k]) & 1) {
            return "shell_vx";
        }
        flying[s->shell_owner[k]] += 1;
    }
    for (int32_t t = 0; t < TANKS_MAX_TANKS; t++) {
        if (flying[t] != s->flying[t]) {
            return "flying";
        }
    }
    return left[0] != s->left[0] || left[1] != s->left[1] ? "left" : NULL;
}
static const char* const tanks_log_names[] = { "draws", "lost" };

// clang-format off
PUF_DEFINE_ENV(tanks, Tanks,
    .version = 1,
    .doc = "Two teams of tanks fight between walls with shells that bounce: the last team left wins the round.",
    .reward = "for the whole team: 1 for winning the round, -1 for losing it; reward_tank / team_size per enemy "
              "destroyed, minus the same per tank lost; reward_hit for the tank that fired",
    .ends = "terminal when a team has no tank left; truncated after max_steps steps",
    .rate = 25,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = (sizeof(Tanks) + 7) / 8 * 8, .agents = 4, .obs_ndim = 1,
                .obs_shape = { TANKS_FLOATS(TanksObs) }, PUF_ACTIONS(tanks) },
    PUF_TABLES(tanks),
    PUF_LOG_NAMES(tanks),
    .resize = tanks_resize, .conflict = tanks_conflict, .prepare = tanks_prepare,
    .contradiction = tanks_contradiction);
