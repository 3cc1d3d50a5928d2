// game.c - an environment as a page plays it: its tables, and batches of it.
#include "web.h"
#include <stdlib.h>

static const char* failure = "";
static const PufSpec* spec;
static const PufDrawing* drawing;

void web_fail(const char* text) { failure = text; }

void* web_zeros(uint64_t bytes) { return bytes < UINT32_MAX ? calloc(1, bytes ? (size_t)bytes : 1) : NULL; }

WEB_EXPORT(web_failure) const char* web_failure(void) { return failure; }
WEB_EXPORT(web_allocate) void* web_allocate(uint32_t bytes) { return web_zeros(bytes); }
WEB_EXPORT(web_free) void web_free(void* memory) { free(memory); }

// ---- The tables. ----

// What the module of an environment gives, once it was loaded.
WEB_EXPORT(web_use) void web_use(const PufSpec* loaded, const PufDrawing* its_drawing)
{
    spec = loaded, drawing = its_drawing;
}

const PufSpec* web_spec(void) { return spec; }
const PufDrawing* web_drawing(void) { return drawing; }

static const PufParam* param(int32_t i) { return &spec->params[i]; }
static const PufObs* part(int32_t i) { return &spec->obs[i]; }

WEB_EXPORT(web_name) const char* web_name(void) { return spec->name; }
WEB_EXPORT(web_doc) const char* web_doc(void) { return spec->doc; }
WEB_EXPORT(web_reward) const char* web_reward(void) { return spec->reward; }
WEB_EXPORT(web_ends) const char* web_ends(void) { return spec->ends; }
WEB_EXPORT(web_rate) double web_rate(void) { return spec->rate; }
WEB_EXPORT(web_version) int32_t web_version(void) { return spec->version; }

WEB_EXPORT(param_count) int32_t param_count(void) { return spec->num_params; }
WEB_EXPORT(param_name) const char* param_name(int32_t i) { return param(i)->name; }
WEB_EXPORT(param_doc) const char* param_doc(int32_t i) { return param(i)->doc; }
WEB_EXPORT(param_type) int32_t param_type(int32_t i) { return (int32_t)param(i)->type; }
WEB_EXPORT(param_value) double param_value(int32_t i) { return param(i)->value; }
WEB_EXPORT(param_low) double param_low(int32_t i) { return param(i)->low; }
WEB_EXPORT(param_high) double param_high(int32_t i) { return param(i)->high; }
WEB_EXPORT(param_choices) const char* param_choices(int32_t i) { return param(i)->choices; }

WEB_EXPORT(obs_parts) int32_t obs_parts(void) { return spec->num_obs; }
WEB_EXPORT(obs_name) const char* obs_name(int32_t i) { return part(i)->name; }
WEB_EXPORT(obs_count) int32_t obs_count(int32_t i) { return part(i)->count; }
WEB_EXPORT(obs_low) double obs_low(int32_t i) { return (double)part(i)->low; }
WEB_EXPORT(obs_high) double obs_high(int32_t i) { return (double)part(i)->high; }
WEB_EXPORT(obs_codes) int32_t obs_codes(int32_t i) { return part(i)->codes; }
WEB_EXPORT(obs_dtype) int32_t obs_dtype(void) { return (int32_t)spec->obs_dtype; }

WEB_EXPORT(log_count) int32_t log_count(void) { return puf_log_size(spec); }
WEB_EXPORT(log_name) const char* log_name(int32_t i)
{
    static const char* const common[] = { "n", "perf", "score", "episode_return", "episode_length" };
    return i < 5 ? common[i] : spec->log_names[i - 5];
}

// ---- Batches. ----

WEB_EXPORT(game_free) void game_free(Game* g)
{
    if (g == NULL) {
        return;
    }
    PufIo* io = &g->batch.io;
    uintptr_t taken = io->actions ? (uintptr_t)io->actions : (uintptr_t)io->controls;
    free((void*)taken);
    free(io->obs), free(io->final_obs), free(io->rewards), free(io->terminals), free(io->truncations);
    free(io->action_mask), free(io->agent_mask), free(g->batch.states), free(g->batch.scratch), free(g->batch.actions);
    free(g->assets), free(g->setup), free(g->params), free(g);
}

static int allocate(Game* g)
{
    PufBatch* b = &g->batch;
    const PufLayout* l = &b->layout;
    uint64_t rows = (uint64_t)g->rows, numbers = rows * (uint64_t)l->num_actions;
    uint64_t obs = rows * puf_obs_size(l) * puf_dtype_size(b->spec->obs_dtype);
    b->states = web_zeros((uint64_t)b->num_envs * l->state_size);
    b->scratch = web_zeros(puf_scratch_size(b->spec, l));
    b->actions = web_zeros(numbers * 4);
    void* taken = web_zeros(numbers * 4);
    b->io.actions = l->actions[0].choices > 0 ? taken : NULL;
    b->io.controls = b->io.actions ? NULL : taken;
    b->io.obs = web_zeros(obs);
    b->io.final_obs = web_zeros(obs);
    b->io.rewards = web_zeros(rows * sizeof(float));
    b->io.terminals = web_zeros(rows);
    b->io.truncations = web_zeros(rows);
    b->io.action_mask = l->masked ? web_zeros(rows * puf_mask_size(l)) : NULL;
    b->io.agent_mask = l->padded ? web_zeros(rows) : NULL;
    g->assets = web_zeros(l->assets_size);
    return b->states && b->scratch && b->actions && taken && b->io.obs && b->io.final_obs && b->io.rewards &&
           b->io.terminals && b->io.truncations && (!l->masked || b->io.action_mask) &&
           (!l->padded || b->io.agent_mask) && g->assets;
}

static Game* refuse(Game* g, const char* why)
{
    web_fail(why);
    game_free(g);
    return NULL;
}

// Make `num_envs` environments with these settings, num_params numbers in the table's order. NULL: web_failure() says why.
WEB_EXPORT(game_new) Game* game_new(int32_t num_envs, const double* params)
{
    Game* g = web_zeros(sizeof(Game));
    if (g == NULL) {
        return refuse(g, "out of memory");
    }
    g->params = web_zeros((uint64_t)spec->num_params * sizeof(double));
    g->setup = web_zeros(puf_setup_size(spec));
    if (g->params == NULL || g->setup == NULL || num_envs < 1) {
        return refuse(g, "out of memory");
    }
    for (int32_t i = 0; i < spec->num_params; i++) {
        if (!(params[i] >= param(i)->low && params[i] <= param(i)->high)) {
            return refuse(g, param(i)->name);
        }
        g->params[i] = params[i];
    }
    puf_store_settings(spec, g->setup, g->params);
    const char* conflict = spec->conflict ? spec->conflict(g->setup) : NULL;
    if (conflict) {
        return refuse(g, conflict);
    }
    g->batch.spec = spec;
    g->batch.layout = puf_layout(spec, g->setup);
    g->batch.num_envs = num_envs;
    g->rows = (int64_t)num_envs * g->batch.layout.agents;
    if (!allocate(g)) {
        return refuse(g, "out of memory");
    }
    if (g->batch.layout.assets_size) {
        puf_batch_make_assets(&g->batch, g->assets, g->setup);
    }
    return g;
}

// Begin again: the same seed gives the same game. first: number in its run of the first environment.
WEB_EXPORT(game_seed) void game_seed(Game* g, uint64_t seed, uint64_t first)
{
    puf_batch_init(&g->batch, g->params, seed, first);
    puf_batch_reset(&g->batch);
}

// Take the actions in game_actions() and step. Returns -1, or which action is out of range; then nothing moves.
WEB_EXPORT(game_step) int32_t game_step(Game* g)
{
    int64_t bad = puf_batch_take_actions(&g->batch, g->batch.actions, 0, g->batch.num_envs);
    if (bad < 0) {
        puf_batch_step(&g->batch);
    }
    return (int32_t)bad;
}

// After a state was written from outside.
WEB_EXPORT(game_observe) void game_observe(Game* g) { puf_batch_observe(&g->batch); }

WEB_EXPORT(game_agents) int32_t game_agents(const Game* g) { return g->batch.layout.agents; }
WEB_EXPORT(game_obs_size) int32_t game_obs_size(const Game* g) { return (int32_t)puf_obs_size(&g->batch.layout); }
WEB_EXPORT(game_obs_columns) int32_t game_obs_columns(const Game* g)
{
    const PufLayout* l = &g->batch.layout;
    return l->obs_ndim > 1 ? (int32_t)puf_obs_size(l) / l->obs_shape[0] : 0;
}
WEB_EXPORT(game_obs) void* game_obs(const Game* g) { return g->batch.io.obs; }
WEB_EXPORT(game_actions) void* game_actions(const Game* g) { return g->batch.actions; }
WEB_EXPORT(game_rewards) float* game_rewards(const Game* g) { return g->batch.io.rewards; }
WEB_EXPORT(game_terminals) uint8_t* game_terminals(const Game* g) { return g->batch.io.terminals; }
WEB_EXPORT(game_truncations) uint8_t* game_truncations(const Game* g) { return g->batch.io.truncations; }
WEB_EXPORT(game_action_mask) uint8_t* game_action_mask(const Game* g) { return g->batch.io.action_mask; }
WEB_EXPORT(game_agent_mask) uint8_t* game_agent_mask(const Game* g) { return g->batch.io.agent_mask; }
WEB_EXPORT(game_state) void* game_state(const Game* g) { return g->batch.states; }
WEB_EXPORT(game_state_size) int32_t game_state_size(const Game* g) { return (int32_t)g->batch.layout.state_size; }
WEB_EXPORT(game_hash) uint64_t game_hash(const Game* g) { return puf_batch_hash(&g->batch, 0, g->batch.num_envs); }
// Sums over the episodes that ended since the last call; log_count() numbers, of which the first counts them.
WEB_EXPORT(game_log) void game_log(Game* g, double* sums) { puf_batch_log(&g->batch, 0, g->batch.num_envs, sums); }

WEB_EXPORT(action_count) int32_t action_count(const Game* g) { return g->batch.layout.num_actions; }
WEB_EXPORT(action_name) const char* action_name(const Game* g, int32_t i) { return g->batch.layout.actions[i].name; }
WEB_EXPORT(action_choices) int32_t action_choices(const Game* g, int32_t i)
{
    return g->batch.layout.actions[i].choices;
}
WEB_EXPORT(action_labels) const char* action_labels(const Game* g, int32_t i)
{
    return g->batch.layout.actions[i].labels;
}
WEB_EXPORT(action_low) double action_low(const Game* g, int32_t i) { return (double)g->batch.layout.actions[i].low; }
WEB_EXPORT(action_high) double action_high(const Game* g, int32_t i) { return (double)g->batch.layout.actions[i].high; }
