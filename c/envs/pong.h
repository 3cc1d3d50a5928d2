// pong - table tennis on a screen, against an opponent that follows the ball as fast as it can.
//
// Observation  float32 (8,), all within [-1, 1]: y of the agent's paddle and of the opponent's, x
//              and y of the ball, its velocity along x and along y, the agent's points and the
//              opponent's as fractions of `max_score`.
// Action       0 stay, 1 up, 2 down; held for `frameskip` frames. The agent has the right paddle.
// Reward       +1 for a point, -1 for a point by the opponent.
// End          terminal when one side has `max_score` points; truncated after `max_steps` steps.
//
// The court is 640 x 480 pixels, with the origin at its centre, x to the right and y down. There
// are 60 frames per second. As on the old machines, positions and velocities are integers, in
// subpixels and subpixels per frame. The farther from its centre a paddle hits the ball, the
// steeper it returns it, and every hit makes the ball faster.
#pragma once
#include "puffer.h"

enum {
    PONG_PIXEL = 32,                              // in subpixels, like everything below
    PONG_EDGE = 320 * PONG_PIXEL,                 // x of the right edge of the court
    PONG_HEIGHT = 240 * PONG_PIXEL,               // y of its lower edge
    PONG_PADDLE = 42 * PONG_PIXEL,                // half the height of a paddle
    PONG_BALL = 6 * PONG_PIXEL,                   // half the side of the ball
    PONG_FACE = 282 * PONG_PIXEL,                 // x of the ball when it touches the right paddle
    PONG_WALL = PONG_HEIGHT - PONG_BALL,          // y of the ball when it touches the lower wall
    PONG_PADDLE_WALL = PONG_HEIGHT - PONG_PADDLE, // y of a paddle when it touches the lower wall
    PONG_REACH = PONG_PADDLE + PONG_BALL,         // a paddle hits a ball at most this far away along y
    PONG_PADDLE_SPEED = 8 * PONG_PIXEL,           // of the agent
    PONG_SERVE_SPEED = 6 * PONG_PIXEL,            // along x; along y it is random, up to half of that
    PONG_SPEED_UP = PONG_PIXEL / 2,               // added along x by each hit
    PONG_MAX_SPEED = 12 * PONG_PIXEL, // along x: the ball crosses in 47 frames, in which a paddle moves 376 pixels
    PONG_SPIN = 8,                    // velocity along y after a hit: distance from the paddle's centre / this
    PONG_MAX_SPIN = PONG_REACH / PONG_SPIN,
    PONG_AIM = 36 * PONG_PIXEL, // the opponent hits the ball up to this far from its paddle's centre, at random, so
                                // that no rally repeats itself forever
};
enum { PONG_STAY, PONG_UP, PONG_DOWN, PONG_ACTIONS };
enum { PONG_LANES = 64 }; // environments stepped side by side; any number gives the same results

// One cache line.
typedef struct Pong {
    union {
        struct {
            int16_t paddle_y, opponent_y, ball_x, ball_y, ball_vx, ball_vy, score, opponent_score;
        };
        int16_t row[8]; // the same eight: the observation, unscaled
    };
    int16_t aim; // where the opponent wants the centre of its paddle, below the ball
    int16_t tick;
    int16_t max_steps;      // setting
    int16_t opponent_speed; // subpixels per frame
    int16_t max_score;      // setting
    int16_t frameskip;      // setting
    PufLog log;
    PufRng rng;
} Pong;

// The setting in pixels; the state keeps it in subpixels.
typedef struct PongSetup {
    Pong state;
    double opponent_speed; // pixels per frame
} PongSetup;

static void pong_prepare(void* setup)
{
    PongSetup* given = setup;
    given->state.opponent_speed = (int16_t)(given->opponent_speed * PONG_PIXEL + 0.5);
}

// Uniform from -limit to limit.
static int16_t pong_random(Pong* s, int32_t limit)
{
    return (int16_t)((int32_t)puf_rand_below(&s->rng, (uint32_t)(2 * limit + 1)) - limit);
}

// Serve from the centre line, to either side.
static void pong_serve(Pong* s)
{
    s->ball_x = 0;
    s->ball_y = pong_random(s, PONG_HEIGHT / 2);
    s->ball_vx = puf_rand_below(&s->rng, 2) ? PONG_SERVE_SPEED : -PONG_SERVE_SPEED;
    s->ball_vy = pong_random(s, PONG_SERVE_SPEED / 2);
    s->aim = pong_random(s, PONG_AIM);
}

static void pong_reset(Pong* s)
{
    s->paddle_y = 0;
    s->opponent_y = 0;
    s->score = 0;
    s->opponent_score = 0;
    s->tick = 0;
    pong_serve(s);
}

// The observation is the state's row times these factors.
typedef struct PongScale {
    float of[8];
} PongScale;

static inline PongScale pong_scale(int16_t max_score)
{
    PongScale scale;
    scale.of[0] = scale.of[1] = scale.of[3] = 1.0f / PONG_HEIGHT;
    scale.of[2] = 1.0f / PONG_EDGE;
    scale.of[4] = 1.0f / PONG_MAX_SPEED;
    scale.of[5] = 1.0f / PONG_MAX_SPIN;
    scale.of[6] = scale.of[7] = 1.0f / (float)max_score;
    return scale;
}

// Write the observations of `n` rows. Compilers vectorize these two loops more readily than one.
static inline void pong_show(const int16_t* rows, int n, PongScale scale, float* obs)
{
    for (int k = 0; k < 8 * n; k++) {
        obs[k] = rows[k];
    }
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 8; k++) {
            obs[8 * i + k] *= scale.of[k];
        }
    }
}

static void pong_observe(const Pong* s, PufIo io) { pong_show(s->row, 1, pong_scale(s->max_score), io.obs); }

static inline int16_t pong_move(int32_t action)
{
    return (int16_t)(((action == PONG_DOWN) - (action == PONG_UP)) * PONG_PADDLE_SPEED);
}

// These functions and pong_frame use only int16_t and no branches, so that compilers can vectorize them. A condition
// is a mask: 0 or -1.
static inline int16_t pong_min(int16_t a, int16_t b) { return a < b ? a : b; }
static inline int16_t pong_max(int16_t a, int16_t b) { return a > b ? a : b; }
static inline int16_t pong_clamp(int16_t a, int16_t limit) { return pong_max(pong_min(a, limit), (int16_t)-limit); }
static inline int16_t pong_abs(int16_t a) { return pong_max(a, (int16_t)-a); }
static inline int16_t pong_greater(int16_t a, int16_t b) { return (int16_t)-(a > b); }
static inline int16_t pong_select(int16_t mask, int16_t a, int16_t b) { return (int16_t)((a & mask) | (b & ~mask)); }

// One frame. A ball that gets past a paddle flies to the edge and stays there. Returns -1 if the agent hits it, else 0.
static inline int16_t pong_frame(int16_t* paddle_y, int16_t* opponent_y, int16_t* ball_x, int16_t* ball_y,
                                 int16_t* ball_vx, int16_t* ball_vy, int16_t move, int16_t aim, int16_t opponent_speed)
{
    int16_t x = *ball_x, y = *ball_y, vx = *ball_vx, vy = *ball_vy, opponent = *opponent_y;

    int16_t paddle = pong_clamp((int16_t)(*paddle_y + move), PONG_PADDLE_WALL);
    int16_t goal = pong_greater(0, vx) & (int16_t)(y + aim); // back to the centre while the ball is moving away
    int16_t chase = pong_clamp((int16_t)(goal - opponent), opponent_speed);
    opponent = pong_clamp((int16_t)(opponent + chase), PONG_PADDLE_WALL);

    // Bounce off the walls: mirror what is beyond one.
    int16_t next_y = (int16_t)(y + vy);
    int16_t inside_y = pong_clamp(next_y, PONG_WALL);
    int16_t bounced_vy = (int16_t)-vy;
    vy = pong_select(pong_greater(pong_abs(next_y), PONG_WALL), bounced_vy, vy);
    next_y = (int16_t)(2 * inside_y - next_y);

    // Bounce off a paddle if the ball passes its face in this frame, however fast, and close enough to its centre.
    int16_t next_x = (int16_t)(x + vx);
    int16_t right = pong_greater(next_x, 0);
    int16_t offset = (int16_t)(next_y - pong_select(right, paddle, opponent));
    int16_t was_between = pong_greater(PONG_FACE + 1, pong_abs(x));
    int16_t is_beyond = pong_greater(pong_abs(next_x), PONG_FACE);
    int16_t is_near = pong_greater(PONG_REACH + 1, pong_abs(offset));
    int16_t hit = was_between & is_beyond & is_near;
    int16_t returned_x = (int16_t)(2 * pong_clamp(next_x, PONG_FACE) - next_x);
    int16_t speed = pong_min((int16_t)(pong_abs(vx) + PONG_SPEED_UP), PONG_MAX_SPEED);
    int16_t returned_vx = pong_select(right, (int16_t)-speed, speed);
    int16_t returned_vy = (int16_t)(offset / PONG_SPIN);

    *paddle_y = paddle;
    *opponent_y = opponent;
    *ball_x = pong_clamp(pong_select(hit, returned_x, next_x), PONG_EDGE);
    *ball_y = next_y;
    *ball_vx = pong_select(hit, returned_vx, vx);
    *ball_vy = pong_select(hit, returned_vy, vy);
    return hit & right;
}

static void pong_log(Pong* s)
{
    float lead = (float)(s->score - s->opponent_score);
    puf_log_episode(&s->log, 0.5f + 0.5f * lead / (float)s->max_score, lead, lead, (float)s->tick);
}

// After the frames of a step: handle a return, a ball at the edge, and the time limit.
static void pong_judge(Pong* s, int returned, PufIo io)
{
    if (returned) {
        s->aim = pong_random(s, PONG_AIM);
    }
    int won = s->ball_x == -PONG_EDGE;
    int lost = s->ball_x == PONG_EDGE;
    s->score += (int16_t)won;
    s->opponent_score += (int16_t)lost;
    int over = (s->score >= s->max_score) | (s->opponent_score >= s->max_score);
    int late = !over & (s->tick >= s->max_steps);
    io.rewards[0] = (float)(won - lost);
    io.terminals[0] = (uint8_t)over;
    io.truncations[0] = (uint8_t)late;
    if ((won | lost) & !over) {
        pong_serve(s);
    }
    if (over | late) {
        pong_log(s);
    }
}

static void pong_step(Pong* s, PufIo io)
{
    int16_t move = pong_move(io.actions[0]);
    int returned = 0;
    for (int frame = 0; frame < s->frameskip; frame++) {
        returned |= pong_frame(&s->paddle_y, &s->opponent_y, &s->ball_x, &s->ball_y, &s->ball_vx, &s->ball_vy, move,
                               s->aim, s->opponent_speed);
    }
    s->tick += 1;
    pong_judge(s, returned, io);
}

// ---- The rest is for speed. ----

#ifndef PUF_PLAIN

// Observe. At the end of an episode, first write the final observation and reset.
static void pong_conclude(Pong* s, PongScale scale, PufIo io)
{
    if (io.terminals[0] | io.truncations[0]) {
        pong_show(s->row, 1, scale, io.final_obs);
        pong_reset(s);
    }
    pong_show(s->row, 1, scale, io.obs);
}

// Does what pong_step and pong_conclude do for PONG_LANES environments with the same settings, in short loops over
// arrays that compilers vectorize. Those in which something happened are judged last, one by one.
static void pong_step_lanes(const PufLayout* layout, Pong* s, PongScale scale, PufIo io)
{
    enum { N = PONG_LANES };
    int16_t rows[8 * N], paddle[N], opponent[N], x[N], y[N], vx[N], vy[N], score[N], opponent_score[N];
    int16_t aim[N], move[N], returned[N], late[N], event[N];
    int16_t opponent_speed = s[0].opponent_speed, max_steps = s[0].max_steps, frameskip = s[0].frameskip;

    for (int i = 0; i < N; i++) {
        memcpy(rows + 8 * i, s[i].row, sizeof(s[i].row));
        aim[i] = s[i].aim;
        s[i].tick += 1;
        late[i] = s[i].tick >= max_steps;
    }
    for (int i = 0; i < N; i++) {
        paddle[i] = rows[8 * i];
        opponent[i] = rows[8 * i + 1];
        x[i] = rows[8 * i + 2];
        y[i] = rows[8 * i + 3];
        vx[i] = rows[8 * i + 4];
        vy[i] = rows[8 * i + 5];
        score[i] = rows[8 * i + 6];
        opponent_score[i] = rows[8 * i + 7];
    }
    for (int i = 0; i < N; i++) {
        move[i] = pong_move(io.actions[i]);
        returned[i] = 0;
    }
    for (int frame = 0; frame < frameskip; frame++) {
        for (int i = 0; i < N; i++) {
            returned[i] |=
                pong_frame(&paddle[i], &opponent[i], &x[i], &y[i], &vx[i], &vy[i], move[i], aim[i], opponent_speed);
        }
    }
    for (int i = 0; i < N; i++) {
        rows[8 * i] = paddle[i];
        rows[8 * i + 1] = opponent[i];
        rows[8 * i + 2] = x[i];
        rows[8 * i + 3] = y[i];
        rows[8 * i + 4] = vx[i];
        rows[8 * i + 5] = vy[i];
        rows[8 * i + 6] = score[i];
        rows[8 * i + 7] = opponent_score[i];
    }
    for (int i = 0; i < N; i++) {
        memcpy(s[i].row, rows + 8 * i, sizeof(s[i].row));
    }
    pong_show(rows, N, scale, io.obs);
    memset(io.rewards, 0, N * sizeof(float));
    memset(io.terminals, 0, N);
    memset(io.truncations, 0, N);

    int16_t any = 0;
    for (int i = 0; i < N; i++) {
        event[i] = (int16_t)((returned[i] & 1) | late[i] | (pong_abs(x[i]) == PONG_EDGE));
        any |= event[i];
    }
    // Collected without branches, because the processor cannot predict which ones they are.
    int32_t happened[N], count = 0;
    for (int i = 0; any && i < N; i++) {
        happened[count] = i;
        count += event[i];
    }
    for (int k = 0; k < count; k++) {
        int32_t i = happened[k];
        PufIo row = puf_row(layout, PUF_F32, io, i);
        pong_judge(&s[i], returned[i], row);
        pong_conclude(&s[i], scale, row);
    }
}

static void pong_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)
{
    Pong* s = states;
    PongScale scale = pong_scale(s[0].max_score);
    int32_t i = 0;
    for (; n - i >= PONG_LANES; i += PONG_LANES) {
        pong_step_lanes(layout, s + i, scale, puf_row(layout, PUF_F32, io, i));
    }
    for (; i < n; i++) {
        PufIo row = puf_row(layout, PUF_F32, io, i);
        pong_step(s + i, row);
        pong_conclude(s + i, scale, row);
    }
}

#endif

static const PufObs pong_obs[] = {
    { "paddle_y", 1, -1, 1, "centre of the agent's paddle; -1 is the upper edge of the court, 1 the lower" },
    { "opponent_y", 1, -1, 1, "centre of the opponent's paddle" },
    { "ball_x", 1, -1, 1, "centre of the ball; -1 is the opponent's edge of the court, 1 the agent's" },
    { "ball_y", 1, -1, 1, "centre of the ball" },
    { "ball_vx", 1, -1, 1, "velocity of the ball to the right / its maximum" },
    { "ball_vy", 1, -1, 1, "velocity of the ball downwards / its maximum" },
    { "score", 1, 0, 1, "the agent's points / max_score" },
    { "opponent_score", 1, 0, 1, "the opponent's points / max_score" },
};
static const PufAction pong_actions[] = { { "move", PONG_ACTIONS, 0, 0, "stay up down" } };
static const PufParam pong_params[] = {
    PUF_SETTING(Pong, frameskip, 4, 1, 16, "frames for which an action is held, at 60 frames per second"),
    PUF_SETTING(Pong, max_score, 21, 1, 1000, "points needed to win"),
    PUF_SETTING(Pong, max_steps, 10000, 1, 32767, "steps after which an episode is truncated"),
    PUF_SETTING(PongSetup, opponent_speed, 3, 0, 8,
                "pixels per frame of its paddle; the agent's moves at 8, the ball at up to 6 up or down"),
};
static const PufField pong_fields[] = {
    PUF_SCALAR(Pong, paddle_y, "centre of the agent's paddle, on the right; subpixels below the court's centre",
               PUF_RANGE(-PONG_PADDLE_WALL, PONG_PADDLE_WALL)),
    PUF_SCALAR(Pong, opponent_y, "centre of the opponent's paddle, on the left",
               PUF_RANGE(-PONG_PADDLE_WALL, PONG_PADDLE_WALL)),
    PUF_SCALAR(Pong, ball_x, "centre of the ball; subpixels to the right of the court's centre",
               PUF_RANGE(-PONG_EDGE, PONG_EDGE)),
    PUF_SCALAR(Pong, ball_y, "centre of the ball; subpixels below the court's centre",
               PUF_RANGE(-PONG_WALL, PONG_WALL)),
    PUF_SCALAR(Pong, ball_vx, "velocity of the ball to the right, subpixels per frame",
               PUF_RANGE(-PONG_MAX_SPEED, PONG_MAX_SPEED)),
    PUF_SCALAR(Pong, ball_vy, "velocity of the ball downwards, subpixels per frame",
               PUF_RANGE(-PONG_MAX_SPIN, PONG_MAX_SPIN)),
    PUF_SCALAR(Pong, aim, "where the opponent wants the centre of its paddle, subpixels below the ball",
               PUF_RANGE(-PONG_AIM, PONG_AIM)),
    PUF_SCALAR(Pong, score, "points of the agent", PUF_LESS_THAN(Pong, max_score)),
    PUF_SCALAR(Pong, opponent_score, "points of the opponent", PUF_LESS_THAN(Pong, max_score)),
    PUF_SCALAR(Pong, tick, "steps since the start of the episode", PUF_UP_TO(Pong, max_steps)),
    PUF_SCALAR(Pong, opponent_speed, NULL, PUF_DERIVED),
};

// clang-format off
PUF_DEFINE_BATCH_ENV(pong, Pong,
    .version = 1,
    .doc = "Table tennis on a screen, to 21 points, against an opponent that follows the ball.",
    .reward = "+1 for a point, -1 for a point by the opponent",
    .ends = "terminal when one side has max_score points; truncated after max_steps steps",
    .rate = 15,
    .obs_dtype = PUF_F32,
    .layout = { .state_size = sizeof(Pong), .agents = 1, .obs_ndim = 1, .obs_shape = { 8 },
                PUF_ACTIONS(pong) },
    PUF_TABLES(pong),
    .setup_size = sizeof(PongSetup), .prepare = pong_prepare);
