// breakout - knock down two walls of bricks with a ball and a paddle, by the rules of the arcade game (Atari, 1976).
//
// Observation  float32 (118,): 10 numbers scaled to [0, 1] or [-1, 1], then a flag for each of the
//              6 x 18 bricks.
// Action       one of 3: stay, left, right; held for `frameskip` frames of 1/60 s. Balls are served
//              automatically.
// Reward       the points of the bricks knocked out: 7, 7, 4, 4, 1, 1 by row from the top, 432 for
//              a whole wall.
// End          terminal when five balls are lost or two walls are down; truncated after
//              `max_frames` frames.
//
// The world is 576 x 330 pixels, y points down, and the ball is a square. Where it hits the paddle
// decides the angle at which it leaves: the farther from the centre, the flatter, and never exactly
// vertical. Each brick it touches is knocked out and sends the ball back. The ball speeds up at its
// 4th and 12th paddle hit and on its first touch of a 4-point and of a 7-point brick; the paddle
// shrinks to half when the ball reaches the top. A new ball restores speed and paddle. The second
// wall is built at the first paddle hit or serve after the first wall is down.
//
// Positions and velocities are multiples of 1/256 pixel, so float sums of them are exact.
#pragma once
#include "puffer.h"
#include "puffer_math.h"

enum { BREAKOUT_ROWS = 6, BREAKOUT_COLUMNS = 18, BREAKOUT_BRICKS = BREAKOUT_ROWS * BREAKOUT_COLUMNS };
enum { BREAKOUT_BALLS = 5, BREAKOUT_WALLS = 2, BREAKOUT_MAX_SCORE = BREAKOUT_WALLS * BREAKOUT_COLUMNS * 24 };
enum { BREAKOUT_STAY, BREAKOUT_LEFT, BREAKOUT_RIGHT, BREAKOUT_ACTIONS };
enum { BREAKOUT_NUMBERS = 10, BREAKOUT_OBS = BREAKOUT_NUMBERS + BREAKOUT_BRICKS };

// Pixels.
enum {
    BREAKOUT_WIDTH = 576,
    BREAKOUT_HEIGHT = 330,
    BREAKOUT_BRICK_WIDTH = 32,
    BREAKOUT_BRICK_HEIGHT = 12,
    BREAKOUT_WALL_TOP = 50,
    BREAKOUT_WALL_BOTTOM = BREAKOUT_WALL_TOP + BREAKOUT_ROWS * BREAKOUT_BRICK_HEIGHT,
    BREAKOUT_PADDLE_TOP = 310,
    BREAKOUT_PADDLE_HEIGHT = 8,
    BREAKOUT_PADDLE_WIDTH = 62,
    BREAKOUT_PADDLE_SPEED = 8, // per frame: the ball does 6.5 sideways, and 4 frames fit into half a paddle plus ball
    BREAKOUT_RADIUS = 3,       // half the side of the ball
    BREAKOUT_SERVE_Y = 165,
    BREAKOUT_SERVE_SPREAD = 72, // a ball is served at most this far from the centre
};

// Pixels per frame. The fastest ball moves 7.5, less than a brick, so it cannot jump over one.
#define BREAKOUT_MIN_SPEED (256.0f / 60.0f)
#define BREAKOUT_SPEED_UP (48.0f / 60.0f) // up to four times
#define BREAKOUT_FAST 8.0f                // the unit of observed velocities

// Radians from vertical. The minimum keeps a resting paddle from returning the same ball forever.
#define BREAKOUT_MIN_ANGLE (4.0f * PUF_PI / 180.0f)
#define BREAKOUT_MAX_ANGLE (60.0f * PUF_PI / 180.0f)
#define BREAKOUT_SERVE_SLANT 0.5f // halfway between them
#define BREAKOUT_GRAIN 256.0f     // positions and velocities are multiples of 1 / this

typedef struct Breakout {
    PufRng rng;
    int32_t frameskip, max_frames; // settings
    float paddle_x, paddle_width;  // x of its left edge
    float ball_x, ball_y;          // the centre of the ball
    float ball_vx, ball_vy;
    int32_t balls; // left, including the one in play
    int32_t score;
    int32_t wall; // 1 or 2
    int32_t bricks_left;
    int32_t hits;    // paddle hits by this ball
    int32_t highest; // points of the most valuable brick this ball has touched
    int32_t frame;
    uint8_t bricks[BREAKOUT_ROWS][BREAKOUT_COLUMNS];
    PufLog log;
} Breakout;

static const uint8_t breakout_points[BREAKOUT_ROWS] = { 7, 7, 4, 4, 1, 1 };

// The nearest multiple of a grain. Uses floorf because a round trip through an integer may or may not keep the sign
// of zero.
static float breakout_grain(float x) { return floorf(x * BREAKOUT_GRAIN + 0.5f) / BREAKOUT_GRAIN; }

static float breakout_speed(const Breakout* s)
{
    int32_t ups = (s->hits >= 4) + (s->hits >= 12) + (s->highest >= 4) + (s->highest >= 7);
    return BREAKOUT_MIN_SPEED + (float)ups * BREAKOUT_SPEED_UP;
}

// Send the ball up or down. `slant` runs from -1 (flattest to the left) to 1 (flattest to the right).
static void breakout_aim(Breakout* s, float slant, int down)
{
    float sine, cosine;
    puf_sincosf(BREAKOUT_MIN_ANGLE + (BREAKOUT_MAX_ANGLE - BREAKOUT_MIN_ANGLE) * fabsf(slant), &sine, &cosine);
    float speed = breakout_speed(s);
    s->ball_vx = breakout_grain(slant < 0.0f ? -speed * sine : speed * sine);
    s->ball_vy = breakout_grain(down ? speed * cosine : -speed * cosine);
}

static void breakout_build_wall(Breakout* s)
{
    s->wall += 1;
    s->bricks_left = BREAKOUT_BRICKS;
    memset(s->bricks, 1, sizeof(s->bricks));
}

static void breakout_serve(Breakout* s)
{
    if (s->bricks_left == 0) {
        breakout_build_wall(s);
    }
    s->paddle_width = BREAKOUT_PADDLE_WIDTH;
    s->paddle_x = (BREAKOUT_WIDTH - BREAKOUT_PADDLE_WIDTH) / 2;
    s->hits = 0;
    s->highest = 0;
    s->ball_x =
        breakout_grain(BREAKOUT_WIDTH / 2 + puf_rand_range(&s->rng, -BREAKOUT_SERVE_SPREAD, BREAKOUT_SERVE_SPREAD));
    s->ball_y = BREAKOUT_SERVE_Y;
    breakout_aim(s, puf_rand_range(&s->rng, -BREAKOUT_SERVE_SLANT, BREAKOUT_SERVE_SLANT), 1);
}

static void breakout_reset(Breakout* s)
{
    s->balls = BREAKOUT_BALLS;
    s->score = 0;
    s->frame = 0;
    s->wall = 0;
    s->bricks_left = 0;
    breakout_serve(s);
}

static void breakout_observe(const Breakout* s, PufIo io)
{
    float* obs = io.obs;
    float paddle = s->paddle_x + s->paddle_width * 0.5f;
    obs[0] = paddle * (1.0f / BREAKOUT_WIDTH);
    obs[1] = s->paddle_width * (1.0f / BREAKOUT_PADDLE_WIDTH);
    obs[2] = s->ball_x * (1.0f / BREAKOUT_WIDTH);
    obs[3] = s->ball_y * (1.0f / BREAKOUT_HEIGHT);
    obs[4] = s->ball_vx * (1.0f / BREAKOUT_FAST);
    obs[5] = s->ball_vy * (1.0f / BREAKOUT_FAST);
    obs[6] = puf_clampf((s->ball_x - paddle) * (1.0f / BREAKOUT_PADDLE_WIDTH), -1.0f, 1.0f);
    obs[7] = (float)s->balls * (1.0f / BREAKOUT_BALLS);
    obs[8] = (float)s->score * (1.0f / BREAKOUT_MAX_SCORE);
    obs[9] = puf_minf((float)s->frame / (float)s->max_frames, 1.0f);
    const uint8_t* bricks = s->bricks[0];
    for (int32_t i = 0; i < BREAKOUT_BRICKS; i++) {
        obs[BREAKOUT_NUMBERS + i] = (float)bricks[i];
    }
}

// Knock out a brick, if there is one. That can speed the ball up, but does not change its direction.
static int breakout_hit_brick(Breakout* s, int32_t row, int32_t column)
{
    if (row < 0 || row >= BREAKOUT_ROWS || column >= BREAKOUT_COLUMNS || !s->bricks[row][column]) {
        return 0;
    }
    s->bricks[row][column] = 0;
    s->bricks_left -= 1;
    s->score += breakout_points[row];
    if (breakout_points[row] > s->highest) {
        float before = breakout_speed(s);
        s->highest = breakout_points[row];
        float faster = breakout_speed(s) / before;
        s->ball_vx = breakout_grain(s->ball_vx * faster);
        s->ball_vy = breakout_grain(s->ball_vy * faster);
    }
    return 1;
}

// The row of bricks at height y, counted from one row above them so that the quotient is rounded down.
static int32_t breakout_row(float y)
{
    return (int32_t)((y - (BREAKOUT_WALL_TOP - BREAKOUT_BRICK_HEIGHT)) * (1.0f / BREAKOUT_BRICK_HEIGHT)) - 1;
}
static int32_t breakout_column(float x) { return (int32_t)(x * (1.0f / BREAKOUT_BRICK_WIDTH)); }

// The ball's first and last grain on either side of its centre. Its far edge lies one grain beyond the last, so a
// ball that rests against a brick does not overlap it.
static float breakout_first(float middle) { return middle - BREAKOUT_RADIUS; }
static float breakout_last(float middle) { return middle + (BREAKOUT_RADIUS - 1.0f / BREAKOUT_GRAIN); }

static int breakout_level_with_bricks(float y)
{
    return y - BREAKOUT_RADIUS < BREAKOUT_WALL_BOTTOM && y + BREAKOUT_RADIUS > BREAKOUT_WALL_TOP;
}

// Move sideways. At an edge of the world or at a brick, the ball stops for this frame and reverses; it never passes
// through a brick. If it meets two bricks at once, the one level with its centre is knocked out.
static void breakout_move_x(Breakout* s)
{
    float x = s->ball_x + s->ball_vx, y = s->ball_y;
    s->ball_x = puf_clampf(x, BREAKOUT_RADIUS, BREAKOUT_WIDTH - BREAKOUT_RADIUS);
    if (s->ball_x != x) {
        s->ball_vx = -s->ball_vx;
    } else if (breakout_level_with_bricks(y)) {
        int right = s->ball_vx > 0.0f;
        int32_t column = breakout_column(right ? breakout_last(x) : breakout_first(x));
        if (breakout_hit_brick(s, breakout_row(y), column) ||
            breakout_hit_brick(s, breakout_row(breakout_first(y)), column) ||
            breakout_hit_brick(s, breakout_row(breakout_last(y)), column)) {
            int32_t left_edge = column * BREAKOUT_BRICK_WIDTH;
            s->ball_x =
                (float)(right ? left_edge - BREAKOUT_RADIUS : left_edge + BREAKOUT_BRICK_WIDTH + BREAKOUT_RADIUS);
            s->ball_vx = -s->ball_vx;
        }
    }
}

// The ball has reached the top.
static void breakout_reach_top(Breakout* s)
{
    s->ball_y = BREAKOUT_RADIUS;
    s->ball_vy = -s->ball_vy;
    if (s->paddle_width == BREAKOUT_PADDLE_WIDTH) {
        s->paddle_width = BREAKOUT_PADDLE_WIDTH * 0.5f;
        s->paddle_x += BREAKOUT_PADDLE_WIDTH * 0.25f;
    }
}

static void breakout_hit_paddle(Breakout* s)
{
    if (s->bricks_left == 0) {
        breakout_build_wall(s);
    }
    s->hits += 1;
    float middle = s->paddle_x + s->paddle_width * 0.5f;
    float reach = s->paddle_width * 0.5f + BREAKOUT_RADIUS;
    breakout_aim(s, (s->ball_x - middle) / reach, 0);
}

static void breakout_lose_ball(Breakout* s)
{
    s->ball_y = BREAKOUT_HEIGHT - BREAKOUT_RADIUS;
    s->balls -= 1;
    if (s->balls > 0) {
        breakout_serve(s);
    }
}

// The paddle returns the ball with its top, where the ball stops for this frame, and with its sides.
static void breakout_meet_paddle(Breakout* s, float y_before)
{
    float x = s->ball_x, y = s->ball_y;
    int meets = x + BREAKOUT_RADIUS > s->paddle_x && x - BREAKOUT_RADIUS < s->paddle_x + s->paddle_width;
    if (meets && y - BREAKOUT_RADIUS < BREAKOUT_PADDLE_TOP + BREAKOUT_PADDLE_HEIGHT) {
        if (y_before <= BREAKOUT_PADDLE_TOP - BREAKOUT_RADIUS) {
            s->ball_y = BREAKOUT_PADDLE_TOP - BREAKOUT_RADIUS;
        }
        breakout_hit_paddle(s);
    } else if (y >= BREAKOUT_HEIGHT - BREAKOUT_RADIUS) {
        breakout_lose_ball(s);
    }
}

// Move up or down, by the same rules.
static void breakout_move_y(Breakout* s)
{
    float x = s->ball_x, y_before = s->ball_y, y = y_before + s->ball_vy;
    int down = s->ball_vy > 0.0f;
    s->ball_y = y;
    if (y < BREAKOUT_RADIUS) {
        breakout_reach_top(s);
    } else if (breakout_level_with_bricks(y)) {
        int32_t row = breakout_row(down ? breakout_last(y) : breakout_first(y));
        if (breakout_hit_brick(s, row, breakout_column(x)) ||
            breakout_hit_brick(s, row, breakout_column(breakout_first(x))) ||
            breakout_hit_brick(s, row, breakout_column(breakout_last(x)))) {
            int32_t top_edge = BREAKOUT_WALL_TOP + row * BREAKOUT_BRICK_HEIGHT;
            s->ball_y = (float)(down ? top_edge - BREAKOUT_RADIUS : top_edge + BREAKOUT_BRICK_HEIGHT + BREAKOUT_RADIUS);
            s->ball_vy = -s->ball_vy;
        }
    } else if (down && y >= BREAKOUT_PADDLE_TOP - BREAKOUT_RADIUS) {
        breakout_meet_paddle(s, y_before);
    }
}

static void breakout_move_paddle(Breakout* s, float dx)
{
    s->paddle_x = puf_clampf(s->paddle_x + dx, 0.0f, BREAKOUT_WIDTH - s->paddle_width);
}

static int breakout_over(const Breakout* s)
{
    return s->balls == 0 || (s->bricks_left == 0 && s->wall == BREAKOUT_WALLS);
}

// The common case, for speed: if the ball stays clear of edges, bricks and paddle, do all frames at once. Every sum is
// exact, so the result equals that of single frames.
static int breakout_fly(Breakout* s, float dx)
{
    float n = (float)s->frameskip;
    float x = s->ball_x + n * s->ball_vx;
    float y = s->ball_y + n * s->ball_vy;
    float high = puf_minf(s->ball_y, y), low = puf_maxf(s->ball_y, y);
    int clear = (high >= BREAKOUT_WALL_BOTTOM + BREAKOUT_RADIUS) & (low < BREAKOUT_PADDLE_TOP - BREAKOUT_RADIUS) &
                (x >= BREAKOUT_RADIUS) & (x <= BREAKOUT_WIDTH - BREAKOUT_RADIUS);
    if (clear) {
        s->ball_x = x;
        s->ball_y = y;
        breakout_move_paddle(s, n * dx);
        s->frame += s->frameskip;
    }
    return clear;
}

static void breakout_step(Breakout* s, PufIo io)
{
    int32_t action = io.actions[0];
    float dx = (float)(BREAKOUT_PADDLE_SPEED * ((action == BREAKOUT_RIGHT) - (action == BREAKOUT_LEFT)));
    int32_t score = s->score;
    int over = 0;
    if (!breakout_fly(s, dx)) {
        for (int32_t f = 0; f < s->frameskip && !over; f++) {
            breakout_move_paddle(s, dx);
            breakout_move_x(s);
            breakout_move_y(s);
            s->frame += 1;
            over = breakout_over(s);
        }
    }
    int late = !over && s->frame >= s->max_frames;
    io.rewards[0] = (float)(s->score - score);
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = (uint8_t)late;
    if (over | late) {
        puf_log_episode(&s->log, (float)s->score / BREAKOUT_MAX_SCORE, (float)s->score, (float)s->score,
                        (float)((s->frame + s->frameskip - 1) / s->frameskip));
    }
}

static const PufObs breakout_obs[] = {
    { "paddle_x", 1, 0, 1, "centre of the paddle / 576 pixels" },
    { "paddle_width", 1, 0, 1, "1 full width, 0.5 half" },
    { "ball_x", 1, 0, 1, "centre of the ball / 576 pixels, from the left" },
    { "ball_y", 1, 0, 1, "centre of the ball / 330 pixels, from the top" },
    { "ball_vx", 1, -1, 1, "velocity to the right / 8 pixels per frame" },
    { "ball_vy", 1, -1, 1, "velocity downwards / 8 pixels per frame" },
    { "offset", 1, -1, 1, "ball to the right of the paddle, between centres, / 62 pixels, clipped" },
    { "balls", 1, 0, 1, "balls left, including the one in play, / 5" },
    { "score", 1, 0, 1, "points / 864" },
    { "time", 1, 0, 1, "frames / max_frames" },
    { "bricks", BREAKOUT_BRICKS, 0, 1, "1 standing, 0 knocked out; rows from the top, 18 bricks each from the left" },
};
static const PufAction breakout_actions[] = { { "move", BREAKOUT_ACTIONS, 0, 0, "stay left right" } };
static const PufParam breakout_params[] = {
    PUF_SETTING(Breakout, frameskip, 4, 1, 16, "frames for which an action is held, at 60 frames per second"),
    PUF_SETTING(Breakout, max_frames, 36000, 1, 10000000, "frames after which an episode is truncated"),
};
static const PufField breakout_fields[] = {
    PUF_SCALAR(Breakout, paddle_x, "left edge of the paddle, pixels", PUF_RANGE(0, BREAKOUT_WIDTH)),
    PUF_SCALAR(Breakout, paddle_width, "pixels: 62, or 31 once the ball has reached the top",
               PUF_RANGE(0.5 * BREAKOUT_PADDLE_WIDTH, BREAKOUT_PADDLE_WIDTH)),
    PUF_SCALAR(Breakout, ball_x, "centre of the ball, pixels",
               PUF_RANGE(BREAKOUT_RADIUS, BREAKOUT_WIDTH - BREAKOUT_RADIUS)),
    PUF_SCALAR(Breakout, ball_y, "centre of the ball, pixels, downwards",
               PUF_RANGE(0, BREAKOUT_HEIGHT - BREAKOUT_RADIUS)),
    PUF_SCALAR(Breakout, ball_vx, "pixels per frame", PUF_RANGE(-BREAKOUT_FAST, BREAKOUT_FAST)),
    PUF_SCALAR(Breakout, ball_vy, "pixels per frame, downwards", PUF_RANGE(-BREAKOUT_FAST, BREAKOUT_FAST)),
    PUF_SCALAR(Breakout, balls, "balls left, including the one in play", PUF_RANGE(1, BREAKOUT_BALLS)),
    PUF_SCALAR(Breakout, score, "points, of 864", PUF_RANGE(0, BREAKOUT_MAX_SCORE)),
    PUF_SCALAR(Breakout, wall, "1 or 2", PUF_RANGE(1, BREAKOUT_WALLS)),
    PUF_SCALAR(Breakout, bricks_left, "bricks standing in this wall", PUF_RANGE(0, BREAKOUT_BRICKS)),
    PUF_SCALAR(Breakout, hits, "paddle hits by this ball", PUF_UP_TO(Breakout, max_frames)),
    PUF_SCALAR(Breakout, highest, "points of the most valuable brick this ball has touched", PUF_RANGE(0, 7)),
    PUF_SCALAR(Breakout, frame, "frames since the start of the episode", PUF_UP_TO(Breakout, max_frames)),
    PUF_GRID(Breakout, bricks, "1 standing, 0 knocked out; 32 x 12 pixels each, the first at (0, 50)", PUF_RANGE(0, 1)),
};

// clang-format off
PUF_DEFINE_ENV(breakout, Breakout,
    .version = 1,
    .doc = "Knock down two walls of bricks with a ball and a paddle, by the rules of the arcade game.",
    .reward = "the points of the bricks knocked out: 7, 7, 4, 4, 1, 1 by row from the top; 864 in all",
    .ends = "terminal when five balls are lost or two walls are down; truncated after max_frames frames",
    .rate = 15,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Breakout), .agents = 1, .obs_ndim = 1, .obs_shape = { BREAKOUT_OBS },
                PUF_ACTIONS(breakout) },
    PUF_TABLES(breakout));
