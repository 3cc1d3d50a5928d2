// probe - exercises what none of the games uses: several actions per agent, action masks, an agent mask, int8
// observations, a block behind the struct, assets, extra log fields and those of a kind of episodes. Compiled by the tests as a user's own library.
#pragma once
#include "puffer.h"

enum { PROBE_MAX_AGENTS = 8, PROBE_OBS = 3 };

typedef struct Probe {
    PufRng rng;
    int32_t agents, max_steps; // settings
    int32_t tick;
    int32_t squares, squares_offset, squares_rows;   // the assets
    int32_t square;                                  // one of them, drawn for the episode
    int32_t trail_offset, trail_rows, trail_columns; // where, behind the struct, each agent's last moves are
    PufLog log;
    float switches, first_n, first_switches; // after the five of PufLog
} Probe;

static int8_t* probe_trail(const Probe* s) { return (int8_t*)(uintptr_t)((const uint8_t*)s + s->trail_offset); }

static void probe_resize(PufLayout* layout, const double* params)
{
    layout->agents = (int32_t)params[0];
    layout->state_size = (sizeof(Probe) + (uint64_t)params[0] * 2 + 7) / 8 * 8;
    layout->assets_size = (uint64_t)params[2];
}

// A table of small squares, of which the environments read their first observation.
static void probe_make_assets(const PufLayout* layout, void* assets, const double* params)
{
    for (uint64_t i = 0; i < layout->assets_size; i++) {
        ((uint8_t*)assets)[i] = (uint8_t)(i * i % (uint64_t)params[2]);
    }
}

static const char* probe_conflict(const double* params)
{
    return params[0] * params[1] > 400 ? "agents times max_steps must be at most 400" : NULL;
}

static void probe_init(Probe* s, const double* params, PufRng rng)
{
    s->rng = rng;
    s->agents = (int32_t)params[0];
    s->max_steps = (int32_t)params[1];
    s->trail_offset = (int32_t)sizeof(Probe);
    s->trail_rows = s->agents;
    s->trail_columns = 2;
    s->squares = (int32_t)params[2];
    s->squares_rows = 1;
}

static void probe_reset(Probe* s, const void* assets)
{
    s->tick = 0;
    s->square = ((const uint8_t*)assets)[puf_rand_below(&s->rng, (uint32_t)s->squares)];
    memset(probe_trail(s), 0, (size_t)s->agents * 2);
}

// Agent `a` is there in the steps whose number has bit a set, or always if it is agent 0.
static int probe_present(const Probe* s, int32_t a) { return a == 0 || ((s->tick >> (a - 1)) & 1); }

static void probe_observe(const Probe* s, PufIo io)
{
    int8_t* obs = io.obs;
    for (int32_t a = 0; a < s->agents; a++) {
        obs[a * PROBE_OBS + 0] = (int8_t)-s->tick;
        obs[a * PROBE_OBS + 1] = probe_trail(s)[a * 2];
        obs[a * PROBE_OBS + 2] = probe_trail(s)[a * 2 + 1];
        uint8_t* mask = io.action_mask + a * 5;
        memset(mask, 1, 5);
        mask[s->tick % 3] = (uint8_t)(s->tick == 0);
        io.agent_mask[a] = (uint8_t)probe_present(s, a);
    }
}

static void probe_step(Probe* s, PufIo io)
{
    s->tick += 1;
    int over = s->tick >= s->max_steps;
    for (int32_t a = 0; a < s->agents; a++) {
        int8_t* trail = probe_trail(s) + a * 2;
        s->log.n += (float)over;
        s->log.perf += (float)over;
        s->log.episode_length += (float)(over * s->tick);
        s->switches += (float)(over && trail[0] != io.actions[a * 2]);
        s->first_n += (float)(over && a == 0);
        s->first_switches += (float)(over && a == 0 && trail[0] != io.actions[a * 2]);
        trail[0] = (int8_t)io.actions[a * 2];
        trail[1] = (int8_t)io.actions[a * 2 + 1];
        io.rewards[a] = (float)trail[0] + puf_rand_float(&s->rng);
        io.terminals[a] = 0;
        io.truncations[a] = (uint8_t)over;
    }
}

static const PufObs probe_obs[] = { { "tick", 1, -128, 0, "minus the step" }, { "trail", 0, 0, 2, "last actions" } };
static const PufAction probe_actions[] = { { "left", 3, 0, 0, "a b c" }, { "right", 2, 0, 0, "off on" } };
static const PufParam probe_params[] = {
    { "agents", PUF_INT, 3, 1, PROBE_MAX_AGENTS, "agents" },
    { "max_steps", PUF_INT, 10, 1, 120, "steps until an episode is cut off" },
    { "squares", PUF_INT, 5, 1, 100, "numbers that all environments share" },
};
static const PufField probe_fields[] = {
    PUF_SCALAR(Probe, tick, "steps"),
    PUF_BLOCK(Probe, "trail", PUF_I8, trail_offset, trail_rows, trail_columns, "last actions of each agent"),
    PUF_ASSET(Probe, "squares", PUF_U8, squares_offset, squares_rows, squares, "squares modulo their number"),
    PUF_SCALAR(Probe, square, "the one drawn for this episode"),
};
static const char* const probe_log[] = { "switches", "first.n", "first.switches" };

// clang-format off
PUF_DEFINE_ASSETS_ENV(probe, Probe,
    .version = 1, .doc = "Exercises the contract.", .reward = "the left action, and noise", .ends = "truncated", .rate = 1,
    .obs_dtype = PUF_I8,
    .layout = { .state_size = sizeof(Probe), .agents = 3, .obs_ndim = 1, .obs_shape = { PROBE_OBS }, .num_actions = 2,
                .actions = probe_actions, .masked = 1, .padded = 1,
                .assets_size = 5 },
    .obs = probe_obs, .num_obs = PUF_COUNT(probe_obs), .params = probe_params, .num_params = PUF_COUNT(probe_params),
    .fields = probe_fields, .num_fields = PUF_COUNT(probe_fields), .log_names = probe_log, .num_log_names = PUF_COUNT(probe_log),
    .resize = probe_resize, .conflict = probe_conflict, .make_assets = probe_make_assets, .fixed_params = 1u << 2);
