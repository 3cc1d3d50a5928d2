// play.c - a policy that plays a game, and one that is trained on it.
#include "learn/trainer.h"
#include "web.h"
#include <stdlib.h>

// A policy at the table: its weights, and what it remembers of every agent.
typedef struct Player {
    PufPolicy* policy;
    float *state, *log_probs, *values;
    float *thought, *one_state; // see player_think
    void *chosen, *actions;     // as the kernels and as the game have them
    int64_t rows;
    size_t state_size; // numbers
} Player;

WEB_EXPORT(player_free) void player_free(Player* p)
{
    if (p) {
        puf_policy_free(p->policy);
        free(p);
    }
}

WEB_EXPORT(player_new) Player* player_new(const Game* g, int32_t cell, int32_t hidden, int32_t layers)
{
    Player* p = web_zeros(sizeof(Player));
    if (p == NULL) {
        return NULL;
    }
    p->policy = puf_policy_new(g->batch.spec, &g->batch.layout, (PufCell)cell, hidden, layers);
    if (p->policy == NULL) {
        player_free(p);
        return NULL;
    }
    const size_t rows = (size_t)g->rows, actions = rows * (size_t)p->policy->net.actions;
    p->rows = g->rows;
    p->state_size = (size_t)layers * rows * (size_t)p->policy->layout.state;
    p->state = puf_policy_zeros(p->policy, p->state_size * sizeof(float));
    p->log_probs = puf_policy_zeros(p->policy, rows * sizeof(float));
    p->values = puf_policy_zeros(p->policy, rows * sizeof(float));
    p->thought = puf_policy_zeros(p->policy, (size_t)(2 * p->policy->layout.rows) * sizeof(float));
    p->one_state = puf_policy_zeros(p->policy, p->state_size / rows * sizeof(float));
    p->chosen = puf_policy_zeros(p->policy, actions * sizeof(int64_t));
    p->actions = puf_policy_zeros(p->policy, actions * 4);
    if (p->policy->bad) {
        player_free(p);
        return NULL;
    }
    return p;
}

WEB_EXPORT(player_inputs) int32_t player_inputs(const Player* p) { return p->policy->net.inputs; }
// Where to write the mean of each input and its scale, for a policy whose observations are normalised. NULL: they cannot be.
WEB_EXPORT(player_mean) float* player_mean(Player* p)
{
    return puf_policy_normalize(p->policy) ? p->policy->input_mean : NULL;
}
WEB_EXPORT(player_scale) float* player_scale(Player* p) { return p->policy->input_scale; }
WEB_EXPORT(player_size) int32_t player_size(const Player* p) { return (int32_t)p->policy->size; }
WEB_EXPORT(player_part) int32_t player_part(const Player* p, int32_t i) { return (int32_t)p->policy->sizes[i]; }
WEB_EXPORT(player_numbers) float* player_numbers(const Player* p) { return p->policy->numbers; }
WEB_EXPORT(player_actions) void* player_actions(const Player* p) { return p->actions; }
WEB_EXPORT(player_values) float* player_values(const Player* p) { return p->values; }
WEB_EXPORT(player_state) float* player_state(const Player* p) { return p->state; }
WEB_EXPORT(player_state_size) int32_t player_state_size(const Player* p) { return (int32_t)p->state_size; }

// After these were written: from a policy file, or by a trainer.
WEB_EXPORT(player_load) void player_load(Player* p, int32_t from_file)
{
    if (from_file) {
        puf_policy_from_file(p->policy);
    } else {
        puf_policy_pack(p->policy);
    }
}

// What it would do for one agent, before player_act: the probability of every choice; of continuous actions the means,
// then the spreads. As many as player_outputs says.
WEB_EXPORT(player_think) const float* player_think(Player* p, const Game* g, int32_t agent)
{
    PufPolicy* policy = p->policy;
    const PufNetwork* net = &policy->net;
    const size_t state = (size_t)policy->layout.state, rows = (size_t)p->rows, i = (size_t)agent;
    const size_t row_bytes = puf_obs_size(&g->batch.layout) * puf_dtype_size(g->batch.spec->obs_dtype);
    for (size_t layer = 0; layer < (size_t)net->layers; layer++) {
        memcpy(p->one_state + layer * state, p->state + (layer * rows + i) * state, state * sizeof(float));
    }
    const PufSequence one = { .horizon = 1,
                              .rows = 1,
                              .inputs = (const uint8_t*)g->batch.io.obs + i * row_bytes,
                              .state = p->one_state,
                              .outputs = p->thought };
    policy->kernels->forward(net, policy->weights, &one, 0, 1, policy->scratch);
    const uint8_t* mask = g->batch.io.action_mask ? g->batch.io.action_mask + i * (size_t)net->outputs : NULL;
    puf_policy_likelihood(policy, p->thought, mask);
    return p->thought;
}
WEB_EXPORT(player_outputs) int32_t player_outputs(const Player* p)
{
    return p->policy->net.outputs * (p->policy->net.head == PUF_GAUSSIAN ? 2 : 1);
}
// Numbers that it remembers of an agent, in each layer.
WEB_EXPORT(player_state_row) int32_t player_state_row(const Player* p) { return p->policy->layout.state; }

WEB_EXPORT(player_reset) void player_reset(Player* p) { memset(p->state, 0, p->state_size * sizeof(float)); }

// Choose an action for every agent, into player_actions. Returns the first agent whose outputs are not finite, or -1.
WEB_EXPORT(player_act) int32_t player_act(Player* p, const Game* g, uint64_t key, int32_t greedy)
{
    PufAct act = { .rows = (int32_t)p->rows, .observations = g->batch.io.obs, .masks = g->batch.io.action_mask };
    act.state = p->state, act.layer_stride = (ptrdiff_t)(p->state_size / (size_t)p->policy->net.layers);
    act.key = key, act.greedy = greedy;
    act.chosen = p->chosen, act.log_probs = p->log_probs, act.values = p->values;
    const int64_t bad = puf_policy_act(p->policy, act);
    puf_policy_give(p->policy, p->chosen, (int32_t)p->rows, p->actions);
    return (int32_t)bad;
}

// After a step: agents whose episode ended remember nothing.
WEB_EXPORT(player_forget) void player_forget(Player* p, const Game* g)
{
    const size_t size = (size_t)p->policy->layout.state, rows = (size_t)p->rows;
    for (size_t i = 0; i < rows; i++) {
        if (g->batch.io.terminals[i] | g->batch.io.truncations[i]) {
            for (size_t layer = 0; layer < (size_t)p->policy->net.layers; layer++) {
                memset(p->state + (layer * rows + i) * size, 0, size * sizeof(float));
            }
        }
    }
}

// ---- Training. ----

#define TRAIN_NAME(name, value) #name,
static const char* const names[] = { PUF_TRAIN_SETTINGS(TRAIN_NAME) };
static PufTrainSettings settings;
static PufTrainReport report;
static PufRule rules[PUF_MAX_RULES];
static int32_t num_rules;

WEB_EXPORT(train_setting_count) int32_t train_setting_count(void) { return (int32_t)(sizeof names / sizeof names[0]); }
WEB_EXPORT(train_setting_name) const char* train_setting_name(int32_t i) { return names[i]; }
// Where to write them, one number each; the defaults are there.
WEB_EXPORT(train_settings) PufTrainSettings* train_settings(void)
{
    settings = puf_train_defaults();
    num_rules = 0;
    return &settings;
}

// A setting that moves while it learns: the members of a PufRule.
WEB_EXPORT(train_rule)
void train_rule(int32_t setting, double first, double last, double steps, double step, int32_t statistic,
                int32_t counted_by, int32_t sign, double bound, int32_t over)
{
    if (num_rules < PUF_MAX_RULES) {
        rules[num_rules++] = (PufRule){ .param = setting,
                                        .first = first,
                                        .last = last,
                                        .steps = steps,
                                        .step = step,
                                        .statistic = statistic,
                                        .counted_by = counted_by,
                                        .sign = (PufSign)sign,
                                        .bound = bound,
                                        .over = over };
    }
}

// threads: the caller's own and the Workers that it lends, which help.
WEB_EXPORT(train_new) PufTrainer* train_new(Game* g, int32_t cell, uint64_t seed, int32_t threads)
{
    PufTrainer* t = puf_trainer_new(&g->batch, g->params, settings, (PufCell)cell, seed, threads);
    if (t && num_rules && !puf_trainer_follow(t, rules, num_rules)) {
        puf_trainer_free(t);
        return NULL;
    }
    return t;
}

WEB_EXPORT(train_threads) int32_t train_threads(const PufTrainer* t) { return puf_trainer_threads(t); }

// What a Worker calls that was lent, with its number, from 1 on: it does not return.
WEB_EXPORT(train_help) void train_help(int32_t part) { puf_pool_help(part); }
// It trapped.
WEB_EXPORT(train_stumble) void train_stumble(void) { puf_pool_stumble(); }

// Returns the PufTrainReport: ten numbers.
WEB_EXPORT(train_iterate) const PufTrainReport* train_iterate(PufTrainer* t)
{
    report = puf_trainer_iterate(t);
    return &report;
}

// Sums over the episodes that ended in it, as game_log has them.
WEB_EXPORT(train_log) const double* train_log(const PufTrainer* t) { return puf_trainer_log(t); }

WEB_EXPORT(train_inputs) int32_t train_inputs(PufTrainer* t) { return puf_trainer_policy(t)->net.inputs; }
// The mean of each input; NULL: observations are not normalised.
WEB_EXPORT(train_mean) const float* train_mean(PufTrainer* t) { return puf_trainer_policy(t)->input_mean; }
WEB_EXPORT(train_scale) const float* train_scale(PufTrainer* t) { return puf_trainer_policy(t)->input_scale; }
WEB_EXPORT(train_size) int32_t train_size(PufTrainer* t) { return (int32_t)puf_trainer_policy(t)->size; }
WEB_EXPORT(train_numbers) float* train_numbers(PufTrainer* t) { return puf_trainer_policy(t)->numbers; }
// After train_numbers were written: continue from there.
WEB_EXPORT(train_load) void train_load(PufTrainer* t) { puf_policy_pack(puf_trainer_policy(t)); }
// The same as a policy file has them.
WEB_EXPORT(train_to_file) void train_to_file(PufTrainer* t, float* numbers)
{
    puf_policy_to_file(puf_trainer_policy(t), numbers);
}
