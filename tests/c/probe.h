// probe - exercises what none of the games uses: several actions per agent, action masks, an agent mask, int8
// observations, a block behind the struct, assets, extra log fields and those of a kind of episodes. Compiled by the tests as a user's own library.
#pragma once
#include "puffer.h"

#ifndef PROBE_SHAPES // names of the numbers 0 to 2
#define PROBE_SHAPES "round square flat"
#endif
enum { PROBE_MAX_AGENTS = 8, PROBE_OBS = 3 };

typedef struct Probe {
    PufRng rng;
    int32_t agents, max_steps; // settings, as are the next two lines: one of each type
    int8_t tiny;
    uint8_t letter, flag, shape;
    int16_t small;
    uint32_t large;
    uint64_t huge;
    float pair[2];
    int32_t thirds; // of ProbeSetup.third
    int32_t tick;
    int32_t squares, squares_offset, squares_rows;   // the assets
    int32_t square;                                  // one of them, drawn for the episode
    int32_t trail_offset, trail_rows, trail_columns; // where, behind the struct, each agent's last moves are
    PufLog log;
    float switches, first_n, first_switches; // after the five of PufLog
} Probe;

// A setting that the state does not keep, and the number that follows from it.
typedef struct ProbeSetup {
    Probe state;
    double third;
} ProbeSetup;

static int8_t* probe_trail(const Probe* s) { return (int8_t*)(uintptr_t)((const uint8_t*)s + s->trail_offset); }

static void probe_resize(PufLayout* layout, const void* setup)
{
    const Probe* s = setup;
    layout->agents = s->agents;
    layout->state_size = (sizeof(Probe) + (uint64_t)s->agents * 2 + 7) / 8 * 8;
    layout->assets_size = (uint64_t)s->squares;
}

// A table of small squares, of which the environments read their first observation.
static void probe_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    const Probe* s = setup;
    for (uint64_t i = 0; i < layout->assets_size; i++) {
        ((uint8_t*)assets)[i] = (uint8_t)(i * i % (uint64_t)s->squares);
    }
}

static const char* probe_conflict(const void* setup)
{
    const Probe* s = setup;
    return s->agents * s->max_steps > 400 ? "agents times max_steps must be at most 400" : NULL;
}

static void probe_prepare(void* setup)
{
    ProbeSetup* given = setup;
    Probe* s = &given->state;
    s->thirds = (int32_t)(given->third * 3.0 + 0.5);
    s->trail_offset = (int32_t)sizeof(Probe);
    s->trail_rows = s->agents;
    s->trail_columns = 2;
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
    PUF_SETTING(Probe, agents, 3, 1, PROBE_MAX_AGENTS, "agents"),
    PUF_SETTING(Probe, max_steps, 10, 1, 120, "steps until an episode is cut off"),
    PUF_SETTING(Probe, squares, 5, 1, 100, "numbers that all environments share", .fixed = 1),
    PUF_SETTING(Probe, tiny, -1, -128, 127, "int8"),
    PUF_SETTING(Probe, letter, 1, 0, 255, "uint8"),
    PUF_FLAG(Probe, flag, 0, "bool"),
    PUF_CHOICE(Probe, shape, 2, PROBE_SHAPES, "one of three names"),
    PUF_SETTING(Probe, small, -1, -32768, 32767, "int16"),
    PUF_SETTING(Probe, large, 1, 0, 4294967295, "uint32"),
    PUF_SETTING(Probe, huge, 1, 0, 9007199254740992, "uint64"),
    PUF_SETTING_AS(Probe, "left", pair[0], 0.5, -1, 1, "float in an array"),
    PUF_SETTING_AS(Probe, "right", pair[1], 0.25, -1, 1, "float in an array"),
    PUF_SETTING(ProbeSetup, third, 1, 0, 1000, "double behind the state"),
};
static const PufField probe_fields[] = {
    PUF_SCALAR(Probe, tick, "steps", PUF_UP_TO(Probe, max_steps)),
    PUF_SCALAR(Probe, tiny, "setting"),
    PUF_SCALAR(Probe, letter, "setting"),
    PUF_SCALAR(Probe, flag, "setting"),
    PUF_SCALAR(Probe, shape, "setting"),
    PUF_SCALAR(Probe, small, "setting"),
    PUF_SCALAR(Probe, large, "setting"),
    PUF_SCALAR(Probe, huge, "setting"),
    PUF_ARRAY(Probe, pair, "settings"),
    PUF_SCALAR(Probe, thirds, "from a setting"),
    PUF_BLOCK(Probe, "trail", PUF_I8, trail_offset, trail_rows, trail_columns, "last actions of each agent"),
    PUF_ASSET(Probe, "squares", PUF_U8, squares_offset, squares_rows, squares, "squares modulo their number"),
    PUF_SCALAR(Probe, square, "the one drawn for this episode"),
};
static const char* const probe_log_names[] = { "switches", "first.n", "first.switches" };

#ifndef PROBE_SETUP_SIZE
#define PROBE_SETUP_SIZE sizeof(ProbeSetup)
#endif

// clang-format off
PUF_DEFINE_ASSETS_ENV(probe, Probe,
    .version = 1, .doc = "Exercises the contract.", .reward = "the left action, and noise", .ends = "truncated", .rate = 1,
    .obs_dtype = PUF_I8,
    .layout = { .state_size = sizeof(Probe), .agents = 3, .obs_ndim = 1, .obs_shape = { PROBE_OBS }, PUF_ACTIONS(probe), .masked = 1, .padded = 1,
                .assets_size = 5 },
    PUF_TABLES(probe), PUF_LOG_NAMES(probe),
    .setup_size = PROBE_SETUP_SIZE, .resize = probe_resize, .conflict = probe_conflict, .make_assets = probe_make_assets, .prepare = probe_prepare);
