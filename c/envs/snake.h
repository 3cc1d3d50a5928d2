// snake - many snakes on one walled map: eat, grow, and avoid walls and bodies.
//
// Observation  int8 (11, 11): the cells around the head, which is in the middle; rows from the top,
//              never rotated. 4 food, 0 empty; negative cells kill: -1 own body (including the
//              head), -2 wall, -3 another snake's body, -4 another snake's head.
// Action       one of 4: up, down, left, right. A snake cannot turn back on itself: that move goes
//              straight on.
// Reward       `reward_food` for eating, `reward_death` for dying.
// End          terminal on running into a wall or a body; truncated after `max_steps` steps of one
//              life. The snake restarts in the same step, on a random empty cell.
// Score        food eaten in one life; perf is that / `goal`, at most 1.
//
// All snakes move at once, so none has an advantage from its number:
// 1. Every tail moves up, unless its snake is still growing. So it is safe to follow a tail closely.
// 2. Every head moves. A head that meets a wall or a body dies; so do all heads that meet on one
//    cell. Dead snakes do not move.
// 3. Food that a head reached is eaten: the snake grows by one cell, starting in the next step.
// 4. A snake whose life is over leaves the map. Half of what it ate stays behind as food, on every
//    second cell of its body from the tail. It restarts as a head that grows to `start_length`.
// 5. While there is less than `num_food` food, eaten food reappears elsewhere. (Dead snakes can leave
//    more than that.)
//
// The map is a table of int16 behind the struct. A cell of a body holds the number of its snake and
// the move to the next cell towards the head. So a body is a list through the map: its two ends
// move without touching the cells between, and it can grow as long as there is room. The walls
// around the map are as thick as a snake sees, so a view is a copy of 11 rows without checks for
// borders.
#pragma once
#include "puffer.h"

enum { SNAKE_SIGHT = 5, SNAKE_VIEW = 2 * SNAKE_SIGHT + 1 };
enum { SNAKE_UP, SNAKE_DOWN, SNAKE_LEFT, SNAKE_RIGHT, SNAKE_MOVES, SNAKE_NO_HEADING = SNAKE_MOVES };
enum { SNAKE_MAX_SNAKES = 4000, SNAKE_MAX_SIDE = 1024, SNAKE_SPAWN_TRIES = 16 };

// Observation codes. The map holds the first three, too.
enum {
    SNAKE_FOOD = 4,
    SNAKE_EMPTY = 0,
    SNAKE_WALL = -2,
    SNAKE_OWN = -1,
    SNAKE_OTHER = -3,
    SNAKE_OTHER_HEAD = -4,
};

// A body cell on the map: SNAKE_BODY + 8 * number of the snake + 2 * move to the next cell + (1, or 0 for the head).
// All of these are less than -8, since there are at most SNAKE_MAX_SNAKES snakes.
enum { SNAKE_BODY = INT16_MIN, SNAKE_ID = ~7 };

typedef struct SnakeBody {
    int32_t head, tail; // cells, counted along the rows of the map, walls included
    int32_t heading;    // last move, or SNAKE_NO_HEADING
    int32_t length;     // cells
    int32_t growth;     // cells still to grow
    int32_t age;        // steps in this life
    int32_t eaten;      // food in this life
    int32_t met;        // what the head met in this step
} SnakeBody;

enum { SNAKE_BODY_FIELDS = sizeof(SnakeBody) / sizeof(int32_t) };

typedef struct Snake {
    PufRng rng;
    int32_t num_snakes, num_food, start_length, goal, max_steps; // settings
    float reward_food, reward_death;
    int32_t rows, columns;               // of the map, walls included
    int32_t delta[SNAKE_MOVES];          // how far each move goes, in cells
    int32_t cells_offset, bodies_offset; // tables in the block: bytes from the start of the state
    int32_t body_fields;
    int32_t food; // on the map
    PufLog log;
} Snake;

// The size in the settings; the state keeps it with walls.
typedef struct SnakeSetup {
    Snake state;
    int32_t width, height; // of the map, without walls
} SnakeSetup;

// ---- Sizes, from the settings. Tables start on cache lines. ----

static int32_t snake_align(int32_t bytes) { return (bytes + 63) / 64 * 64; }

static int32_t snake_side(int32_t inner) { return inner + 2 * SNAKE_SIGHT; }

static int32_t snake_cells_offset(void) { return snake_align((int32_t)sizeof(Snake)); }

static int32_t snake_bodies_offset(const SnakeSetup* setup)
{
    int32_t cells = snake_side(setup->height) * snake_side(setup->width);
    int32_t beyond = 16 - SNAKE_VIEW; // snake_view_row reads this far beyond the last view
    return snake_cells_offset() + snake_align((cells + beyond) * (int32_t)sizeof(int16_t));
}

static void snake_resize(PufLayout* layout, const void* setup)
{
    const SnakeSetup* given = setup;
    layout->agents = given->state.num_snakes;
    int32_t bodies = snake_align(layout->agents * (int32_t)sizeof(SnakeBody));
    layout->state_size = (uint64_t)(snake_bodies_offset(given) + bodies);
}

static const char* snake_conflict(const void* setup)
{
    const SnakeSetup* given = setup;
    const Snake* s = &given->state;
    return s->num_snakes * s->start_length + s->num_food > given->width * given->height
               ? "the map is too small: width * height must be at least num_snakes * start_length + num_food"
               : NULL;
}

static void snake_prepare(void* setup)
{
    SnakeSetup* given = setup;
    Snake* s = &given->state;
    s->rows = snake_side(given->height);
    s->columns = snake_side(given->width);
    s->delta[SNAKE_UP] = -s->columns;
    s->delta[SNAKE_DOWN] = s->columns;
    s->delta[SNAKE_LEFT] = -1;
    s->delta[SNAKE_RIGHT] = 1;
    s->cells_offset = snake_cells_offset();
    s->bodies_offset = snake_bodies_offset(given);
    s->body_fields = SNAKE_BODY_FIELDS;
}

static int16_t* snake_cells(const Snake* s) { return (int16_t*)((uint8_t*)s + s->cells_offset); }

static SnakeBody* snake_bodies(const Snake* s) { return (SnakeBody*)((uint8_t*)s + s->bodies_offset); }

static int16_t snake_head_cell(int32_t id) { return (int16_t)(SNAKE_BODY + 8 * id); }

static int16_t snake_body_cell(int32_t id, int32_t move) { return (int16_t)(SNAKE_BODY + 8 * id + 2 * move + 1); }

static int32_t snake_move_of(int16_t cell) { return (cell >> 1) & 3; }

// The number of the snake whose head is in a cell, or -1.
static int32_t snake_head_of(int16_t cell) { return cell < -8 && !(cell & 1) ? (cell - SNAKE_BODY) / 8 : -1; }

// A random empty cell; on a crowded map, the first empty one after a random cell; -1 if there is none.
static int32_t snake_free_cell(Snake* s)
{
    const int16_t* cells = snake_cells(s);
    int32_t cell = 0;
    for (int32_t tries = 0; tries < SNAKE_SPAWN_TRIES; tries++) {
        int32_t row = SNAKE_SIGHT + (int32_t)puf_rand_below(&s->rng, (uint32_t)(s->rows - 2 * SNAKE_SIGHT));
        int32_t column = SNAKE_SIGHT + (int32_t)puf_rand_below(&s->rng, (uint32_t)(s->columns - 2 * SNAKE_SIGHT));
        cell = row * s->columns + column;
        if (cells[cell] == SNAKE_EMPTY) {
            return cell;
        }
    }
    int32_t count = s->rows * s->columns;
    for (int32_t i = 0; i < count; i++) {
        cell = cell + 1 < count ? cell + 1 : 0;
        if (cells[cell] == SNAKE_EMPTY) {
            return cell;
        }
    }
    return -1;
}

static void snake_add_food(Snake* s)
{
    int16_t* cells = snake_cells(s);
    while (s->food < s->num_food) {
        int32_t cell = snake_free_cell(s);
        if (cell < 0) {
            return; // the map is full: try again in the next step
        }
        cells[cell] = SNAKE_FOOD;
        s->food += 1;
    }
}

// There is always an empty cell: a snake that leaves the map had at least one cell that no other entered in the same
// step, and only every second cell becomes food.
static void snake_start(Snake* s, int32_t id)
{
    int16_t* cells = snake_cells(s);
    SnakeBody* b = &snake_bodies(s)[id];
    int32_t cell = snake_free_cell(s);
    cells[cell] = snake_head_cell(id);
    b->head = cell;
    b->tail = cell;
    b->heading = SNAKE_NO_HEADING;
    b->length = 1;
    b->growth = s->start_length - 1;
    b->age = 0;
    b->eaten = 0;
    b->met = SNAKE_EMPTY;
}

static void snake_reset(Snake* s)
{
    int16_t* cells = snake_cells(s);
    for (int32_t i = 0; i < s->rows * s->columns; i++) {
        cells[i] = SNAKE_WALL;
    }
    for (int32_t row = SNAKE_SIGHT; row < s->rows - SNAKE_SIGHT; row++) {
        memset(&cells[row * s->columns + SNAKE_SIGHT], SNAKE_EMPTY,
               (size_t)(s->columns - 2 * SNAKE_SIGHT) * sizeof(int16_t));
    }
    s->food = 0;
    for (int32_t id = 0; id < s->num_snakes; id++) {
        snake_start(s, id);
    }
    snake_add_food(s);
}

// 16 cells as the snake with this head sees them. Other snakes' cells are less than all codes: raise them to -3, or
// to -4 for a head (bit 0 is clear). Straight-line code that compilers turn into a few vector instructions.
static void snake_view_row(int8_t seen[16], const int16_t* cells, int16_t own_head)
{
    PUF_VECTORIZE(16)
    for (int32_t i = 0; i < 16; i++) {
        int16_t cell = cells[i];
        int16_t least = (int16_t)(SNAKE_OTHER_HEAD + (cell & 1));
        int16_t code = cell > least ? cell : least;
        code = (cell & SNAKE_ID) == own_head ? SNAKE_OWN : code;
        seen[i] = (int8_t)code;
    }
}

// Rows are stored 16 cells at a time: the next row overwrites the extra cells, and the last row is cut.
static void snake_view(const Snake* s, int32_t id, int8_t* view)
{
    const int16_t* cells = snake_cells(s) + snake_bodies(s)[id].head - SNAKE_SIGHT * (s->columns + 1);
    int16_t own_head = snake_head_cell(id);
    int8_t seen[16];
    for (int32_t row = 0; row < SNAKE_VIEW - 1; row++) {
        snake_view_row(seen, cells, own_head);
        memcpy(view, seen, sizeof(seen));
        view += SNAKE_VIEW;
        cells += s->columns;
    }
    snake_view_row(seen, cells, own_head);
    memcpy(view, seen, SNAKE_VIEW);
}

static void snake_observe(const Snake* s, PufIo io)
{
    for (int32_t id = 0; id < s->num_snakes; id++) {
        snake_view(s, id, (int8_t*)io.obs + (size_t)id * SNAKE_VIEW * SNAKE_VIEW);
    }
}

static void snake_move_tails(Snake* s)
{
    int16_t* cells = snake_cells(s);
    SnakeBody* bodies = snake_bodies(s);
    for (int32_t id = 0; id < s->num_snakes; id++) {
        SnakeBody* b = &bodies[id];
        if (b->growth > 0) {
            b->growth -= 1;
            b->length += 1;
        } else {
            int32_t next = b->tail + s->delta[snake_move_of(cells[b->tail])];
            cells[b->tail] = SNAKE_EMPTY;
            b->tail = next;
        }
    }
}

// `terminals` marks who dies. `met` records what each head found; it entered the cell unless that was solid.
static void snake_move_heads(Snake* s, PufIo io)
{
    int16_t* cells = snake_cells(s);
    SnakeBody* bodies = snake_bodies(s);
    for (int32_t id = 0; id < s->num_snakes; id++) {
        SnakeBody* b = &bodies[id];
        int32_t back = b->heading ^ 1; // up and down, left and right are neighbours
        int32_t move = io.actions[id] == back ? b->heading : io.actions[id];
        int32_t cell = b->head + s->delta[move];
        b->met = cells[cell];
        if (b->met >= SNAKE_EMPTY) {
            cells[b->head] = snake_body_cell(id, move);
            cells[cell] = snake_head_cell(id);
            b->head = cell;
            b->heading = move;
            io.terminals[id] = 0;
        } else {
            int32_t other = snake_head_of(cells[cell]);
            io.terminals[id] = 1;
            if (other >= 0 && other < id) { // it came here in this step, or is already dead
                io.terminals[other] = 1;
            }
        }
    }
}

// A snake that died head to head on a cell it had entered goes back to its old cell.
static void snake_move_back(Snake* s, int32_t id)
{
    int16_t* cells = snake_cells(s);
    SnakeBody* b = &snake_bodies(s)[id];
    if (b->met >= SNAKE_EMPTY) {
        cells[b->head] = (int16_t)b->met;
        b->head -= s->delta[b->heading];
        cells[b->head] = snake_head_cell(id);
    }
}

// Set rewards and truncations. Returns whether any life ended.
static int32_t snake_score(Snake* s, PufIo io)
{
    SnakeBody* bodies = snake_bodies(s);
    int32_t ended = 0;
    for (int32_t id = 0; id < s->num_snakes; id++) {
        SnakeBody* b = &bodies[id];
        int32_t died = io.terminals[id];
        int32_t ate = !died && b->met == SNAKE_FOOD;
        b->age += 1;
        b->eaten += ate;
        b->growth += ate;
        s->food -= ate;
        int32_t late = !died && b->age >= s->max_steps;
        io.rewards[id] = died ? s->reward_death : ate ? s->reward_food : 0.0f;
        io.truncations[id] = (uint8_t)late;
        ended |= died | late;
    }
    return ended;
}

// Take a snake off the map, from the tail to the head.
static void snake_remove(Snake* s, int32_t id)
{
    int16_t* cells = snake_cells(s);
    SnakeBody* b = &snake_bodies(s)[id];
    int32_t leave = b->eaten / 2;
    int32_t cell = b->tail;
    for (int32_t i = 0;; i++) {
        int32_t next = cell + s->delta[snake_move_of(cells[cell])];
        int32_t food = i % 2 == 0 && leave > 0;
        cells[cell] = food ? SNAKE_FOOD : SNAKE_EMPTY;
        leave -= food;
        s->food += food;
        if (cell == b->head) {
            return;
        }
        cell = next;
    }
}

static void snake_add_log(Snake* s, const SnakeBody* b, int32_t died)
{
    float reached = (float)b->eaten / (float)s->goal;
    puf_log_episode(&s->log, reached < 1.0f ? reached : 1.0f, (float)b->eaten,
                    (float)b->eaten * s->reward_food + (float)died * s->reward_death, (float)b->age);
}

// End the lives marked in `ended`, all by death or all by truncation: first write all final observations, then remove
// all.
static void snake_end_lives(Snake* s, PufIo io, const uint8_t* ended, int32_t died)
{
    for (int32_t id = 0; id < s->num_snakes; id++) {
        if (ended[id]) {
            snake_view(s, id, (int8_t*)io.final_obs + (size_t)id * SNAKE_VIEW * SNAKE_VIEW);
        }
    }
    for (int32_t id = 0; id < s->num_snakes; id++) {
        if (ended[id]) {
            snake_add_log(s, &snake_bodies(s)[id], died);
            snake_remove(s, id);
        }
    }
}

static void snake_step(Snake* s, PufIo io)
{
    snake_move_tails(s);
    snake_move_heads(s, io);
    if (snake_score(s, io)) {
        for (int32_t id = 0; id < s->num_snakes; id++) {
            if (io.terminals[id]) {
                snake_move_back(s, id);
            }
        }
        snake_end_lives(s, io, io.terminals, 1);
        snake_end_lives(s, io, io.truncations, 0); // these see the map without the dead
        for (int32_t id = 0; id < s->num_snakes; id++) {
            if (io.terminals[id] | io.truncations[id]) {
                snake_start(s, id);
            }
        }
    }
    snake_add_food(s);
}

static const PufObs snake_obs[] = {
    { "view", 0, SNAKE_OTHER_HEAD, SNAKE_FOOD,
      "cells around the head, rows from the top: 4 food, 0 empty, -1 own body, -2 wall, -3 another snake's body, -4 "
      "another snake's head" },
};
static const PufAction snake_actions[] = { { "move", SNAKE_MOVES, 0, 0, "up down left right" } };
static const PufParam snake_params[] = {
    PUF_SETTING(Snake, num_snakes, 16, 1, SNAKE_MAX_SNAKES, "snakes on one map: the agents"),
    PUF_SETTING(SnakeSetup, width, 48, 4, SNAKE_MAX_SIDE, "width of the map, cells"),
    PUF_SETTING(SnakeSetup, height, 48, 4, SNAKE_MAX_SIDE, "height of the map, cells"),
    PUF_SETTING(Snake, num_food, 64, 0, 1000000, "food on the map; eaten food reappears while there is less"),
    PUF_SETTING(Snake, start_length, 3, 2, 1000, "length that a new snake grows to, cells"),
    PUF_SETTING(Snake, goal, 50, 1, 1000000, "food in one life that counts as solved (perf 1)"),
    PUF_SETTING(Snake, max_steps, 1000, 1, 1000000, "steps after which a life is truncated"),
    PUF_SETTING(Snake, reward_food, 1, -1000, 1000, "for eating"),
    PUF_SETTING(Snake, reward_death, -1, -1000, 1000, "for dying"),
};
// Of the columns of bodies, in the order of SnakeBody.
static const PufRange snake_ranges[] = {
    PUF_WITHIN(0, INT32_MAX),          PUF_WITHIN(0, INT32_MAX),          PUF_WITHIN(0, SNAKE_NO_HEADING),
    PUF_WITHIN(1, INT32_MAX),          PUF_WITHIN(0, INT32_MAX),          PUF_BELOW(Snake, 0, max_steps, 0),
    PUF_BELOW(Snake, 0, max_steps, 0), PUF_WITHIN(INT16_MIN, SNAKE_FOOD),
};
static const PufField snake_fields[] = {
    PUF_BLOCK(Snake, "cells", PUF_I16, cells_offset, rows, columns,
              "the map with 5 cells of wall around it: 4 food, 0 empty, -2 wall, else a body cell c: c & 1 is 0 for "
              "the head, (c >> 1) & 3 the move to the next cell, (c + 32768) >> 3 the number of the snake"),
    PUF_BLOCK(
        Snake, "bodies", PUF_I32, bodies_offset, num_snakes, body_fields,
        "one row per snake: head and tail (row * columns + column in cells), heading (a move, or 4 at the start), "
        "length, cells still to grow, age in steps, food eaten, what the head met",
        PUF_BY_COLUMN(snake_ranges)),
    PUF_SCALAR(Snake, food, "food on the map", PUF_RANGE(0, SNAKE_MAX_SIDE* SNAKE_MAX_SIDE)),
    PUF_SCALAR(Snake, num_snakes, "snakes on the map"),
    PUF_SCALAR(Snake, rows, "rows of the map, including walls"),
    PUF_SCALAR(Snake, columns, "columns of the map, including walls"),
    PUF_ARRAY(Snake, delta, NULL, PUF_DERIVED),
};

// ---- States from files ----

static int snake_is_inside(const Snake* s, int32_t cell)
{
    int32_t row = cell / s->columns, column = cell % s->columns;
    return row >= SNAKE_SIGHT && row < s->rows - SNAKE_SIGHT && column >= SNAKE_SIGHT &&
           column < s->columns - SNAKE_SIGHT;
}

// Whether a body is what its snake says: a list of `length` of its cells from the tail to the head.
static int snake_is_whole(const Snake* s, int32_t id)
{
    const int16_t* cells = snake_cells(s);
    const SnakeBody* b = &snake_bodies(s)[id];
    int32_t cell = b->tail, left = b->length;
    for (; left > 1 && snake_is_inside(s, cell) && cells[cell] == snake_body_cell(id, snake_move_of(cells[cell]));
         left--) {
        cell += s->delta[snake_move_of(cells[cell])];
    }
    return left == 1 && cell == b->head && snake_is_inside(s, cell) && cells[cell] == snake_head_cell(id);
}

// The map has just food and whole snakes inside its walls. A snake is as long as it grew: so the cells that it leaves
// are never all food, and a new snake finds a place.
static const char* snake_contradiction(const void* state, const void* assets)
{
    (void)assets;
    const Snake* s = state;
    const int16_t* cells = snake_cells(s);
    int32_t food = 0, bodies = 0, lengths = 0;
    for (int32_t cell = 0; cell < s->rows * s->columns; cell++) {
        if (!snake_is_inside(s, cell)) {
            if (cells[cell] != SNAKE_WALL) {
                return "cells";
            }
        } else if (cells[cell] != SNAKE_EMPTY) {
            food += cells[cell] == SNAKE_FOOD;
            bodies += cells[cell] != SNAKE_FOOD;
        }
    }
    for (int32_t id = 0; id < s->num_snakes; id++) {
        const SnakeBody* b = &snake_bodies(s)[id];
        int64_t grown = (int64_t)b->length + b->growth;
        if (b->length > bodies || grown != (int64_t)s->start_length + b->eaten || b->eaten > b->age ||
            (b->length == 1 && b->age > 0) || !snake_is_whole(s, id)) {
            return "bodies";
        }
        lengths += b->length;
    }
    return bodies != lengths ? "cells" : food != s->food ? "food" : NULL;
}

// clang-format off
PUF_DEFINE_AGENTS_ENV(snake, Snake,
    .version = 1,
    .doc = "Many snakes on one map: eat, grow, and avoid walls and bodies.",
    .reward = "reward_food for eating, reward_death for running into a wall or a body",
    .ends = "terminal on death; truncated after max_steps steps of one life; a new life starts in the same step",
    .rate = 10,
    .obs_dtype = PUF_I8,
    .layout = { .agents = 16, .obs_ndim = 2, .obs_shape = { SNAKE_VIEW, SNAKE_VIEW },
                PUF_ACTIONS(snake) },
    PUF_TABLES(snake),
    .setup_size = sizeof(SnakeSetup), .resize = snake_resize, .conflict = snake_conflict, .prepare = snake_prepare,
    .contradiction = snake_contradiction);
