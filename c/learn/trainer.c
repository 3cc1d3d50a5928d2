// trainer.c - see trainer.h. The order of everything is that of src/puffer_train/algorithm: ppo.py, collector.py,
// minibatches.py and optimizer.py.
#include "trainer.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_LOGIT_SCALE 0.1f // the first policy is nearly uniform
#define FIRST_SPREAD 0.5       // of continuous actions, as a fraction of half their range
#define ADAM_FIRST 0.9
#define ADAM_SECOND 0.999
#define ADAM_EPSILON 1e-8

struct PufTrainer {
    PufBatch* batch;
    PufTrainSettings settings;
    PufPolicy* policy;
    PufLearner learner;
    PufTwister sampling, shuffling;
    int32_t rows, horizon, threads;
    size_t obs_bytes, chosen_bytes, mask_bytes; // of one row
    // one rollout, (horizon, rows, ...), some with the step behind it
    uint8_t *observations, *masks, *ends;
    void* actions;
    float *log_probs, *rewards, *values, *ratios, *advantages, *final_values, *last_value;
    float *state, *first_state, *spare_state; // (layers, rows, state)
    uint8_t* cut_observations;                // of rows that were cut off, side by side
    float* cut_values;
    float *gradient, *average, *square; // like policy->numbers
    PufMuon* muon;
    int32_t num_muon;
    int64_t* order;
    float* importance;
    int64_t epochs, per_minibatch, minibatches;
    int64_t taken;              // steps of Adam
    float* wide_gradient;       // like policy->widened, or NULL
    PufMoments *seen, *counted; // of observations: (inputs), of all rollouts learned from; (horizon, inputs), of one
    uint8_t* normalized;        // (inputs): which ones are
    PufMoments returned;        // of returns
    float *returns, *of_steps;  // (rows), (horizon, rows)
    PufRule rules[PUF_MAX_RULES];
    double* params; // (num_params): the environments' settings, as the rules have them now
    double* log;
    int32_t num_rules;
    uint64_t seed;
    PufTrainReport report;
};

PufTrainSettings puf_train_defaults(void)
{
    PufTrainSettings s;
#define PUF_ASSIGN(name, given) s.name = given;
    PUF_TRAIN_SETTINGS(PUF_ASSIGN)
#undef PUF_ASSIGN
    return s;
}

PufPolicy* puf_trainer_policy(PufTrainer* trainer) { return trainer->policy; }
int puf_trainer_threads(const PufTrainer* trainer) { return trainer->threads; }
const double* puf_trainer_log(const PufTrainer* trainer) { return trainer->log; }

void puf_trainer_free(PufTrainer* t)
{
    if (t) {
        if (t->num_rules) {
            memset(&t->batch->settings, 0, sizeof t->batch->settings);
        }
        puf_policy_free(t->policy);
        puf_pool_destroy(t->batch->pool);
        t->batch->pool = NULL;
        free(t);
    }
}

// ---- Making one. ----

static void draw_weights(PufPolicy* policy, PufTwister* random)
{
    const PufParameters p = puf_policy_parts(policy, policy->numbers);
    const PufNetwork* net = &policy->net;
    puf_twister_uniform(random, p.encoder, (int64_t)policy->sizes[0], 1.0 / sqrt((double)net->inputs));
    puf_twister_uniform(random, p.core, (int64_t)policy->sizes[1], 1.0 / sqrt((double)policy->fan_in));
    puf_twister_uniform(random, p.head, (int64_t)policy->sizes[2], 1.0 / sqrt((double)policy->units));
    for (int32_t i = 0; i < net->outputs * policy->units; i++) {
        p.head[i] *= FIRST_LOGIT_SCALE;
    }
    for (size_t d = 0; d < policy->sizes[3]; d++) {
        p.log_std[d] = (float)log(FIRST_SPREAD);
    }
    puf_policy_pack(policy);
}

static void add_matrix(PufTrainer* t, float* at, int32_t rows, int32_t columns)
{
    const ptrdiff_t offset = at - t->policy->numbers;
    PufMuon* m = &t->muon[t->num_muon++];
    m->rows = rows, m->columns = columns;
    m->parameter = at, m->gradient = t->gradient + offset, m->average = t->average + offset;
}

static void make_muon(PufTrainer* t)
{
    PufPolicy* policy = t->policy;
    const PufNetwork* net = &policy->net;
    const int32_t units = policy->units, gates = policy->gates, fan_in = policy->fan_in;
    const int32_t shapes[3][2] = { { units, net->inputs }, { gates, fan_in }, { policy->layout.rows, units } };
    size_t most = 0;
    for (int i = 0; i < 3; i++) {
        const size_t needed = puf_muon_scratch(shapes[i][0], shapes[i][1]);
        most = needed > most ? needed : most;
    }
    float* scratch = puf_policy_zeros(policy, ((size_t)net->layers + 2) * most * sizeof(float));
    if (scratch == NULL) {
        return;
    }
    const PufParameters p = puf_policy_parts(policy, policy->numbers);
    add_matrix(t, p.encoder, shapes[0][0], shapes[0][1]);
    for (int32_t layer = 0; layer < net->layers; layer++) {
        add_matrix(t, p.core + (ptrdiff_t)layer * gates * fan_in, shapes[1][0], shapes[1][1]);
    }
    add_matrix(t, p.head, shapes[2][0], shapes[2][1]);
    for (int32_t i = 0; i < t->num_muon; i++) {
        t->muon[i].scratch = scratch + (size_t)i * most;
    }
}

static void* zeros(PufTrainer* t, size_t count, size_t each) { return puf_policy_zeros(t->policy, count * each); }

static void allocate(PufTrainer* t)
{
    const PufLayout* l = &t->batch->layout;
    const PufNetwork* net = &t->policy->net;
    const size_t rows = (size_t)t->rows, samples = rows * (size_t)t->horizon, more = samples + rows;
    const size_t state = (size_t)net->layers * rows * (size_t)t->policy->layout.state;
    t->observations = zeros(t, more, t->obs_bytes);
    t->masks = l->masked ? zeros(t, more, t->mask_bytes) : NULL;
    t->actions = zeros(t, samples, t->chosen_bytes);
    t->ends = zeros(t, samples, 1);
    float** floats[] = { &t->log_probs,  &t->rewards,      &t->values,    &t->ratios,
                         &t->advantages, &t->final_values, &t->last_value };
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++) {
        *floats[i] = zeros(t, samples, sizeof(float));
    }
    float** states[] = { &t->state, &t->first_state, &t->spare_state };
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        *states[i] = zeros(t, state, sizeof(float));
    }
    t->cut_observations = zeros(t, rows, t->obs_bytes);
    t->cut_values = zeros(t, rows, sizeof(float));
    float** like_numbers[] = { &t->gradient, &t->average, &t->square };
    for (size_t i = 0; i < sizeof like_numbers / sizeof like_numbers[0]; i++) {
        *like_numbers[i] = zeros(t, t->policy->size, sizeof(float));
    }
    t->muon = zeros(t, (size_t)net->layers + 2, sizeof(PufMuon));
    t->order = zeros(t, (size_t)t->epochs * rows, sizeof(int64_t));
    t->importance = zeros(t, rows, sizeof(float));
    t->wide_gradient = t->policy->widened ? zeros(t, puf_policy_wide_size(t->policy), sizeof(float)) : NULL;
    t->returns = zeros(t, rows, sizeof(float));
    t->of_steps = zeros(t, t->settings.normalize_rewards != 0.0 ? samples : 0, sizeof(float));
    t->params = zeros(t, (size_t)t->batch->spec->num_params, sizeof(double));
    t->log = zeros(t, (size_t)puf_log_size(t->batch->spec), sizeof(double));
}

// Which observations to normalise; none if there are no moments.
static void choose_normalized(PufTrainer* t)
{
    PufPolicy* policy = t->policy;
    const PufSpec* spec = t->batch->spec;
    const size_t inputs = (size_t)policy->net.inputs;
    const int all = t->settings.normalize_observations == 1.0;
    int32_t input = 0, chosen = 0;
    t->normalized = zeros(t, inputs, 1);
    if (policy->bad || t->settings.normalize_observations == 0.0 || spec->obs_dtype != PUF_F32) {
        return;
    }
    for (int32_t p = 0; p < spec->num_obs; p++) {
        for (int32_t i = puf_policy_part_count(spec, &t->batch->layout, p); i > 0; i--) {
            t->normalized[input] = (uint8_t)(all || puf_policy_unbounded(&spec->obs[p]));
            chosen += t->normalized[input++];
        }
    }
    if (chosen && puf_policy_normalize(policy)) {
        t->seen = zeros(t, inputs, sizeof(PufMoments));
        t->counted = zeros(t, inputs * (size_t)t->horizon, sizeof(PufMoments));
    }
}

static void make_learner(PufTrainer* t)
{
    PufPolicy* policy = t->policy;
    PufLearner* learner = &t->learner;
    learner->kernels = policy->kernels;
    learner->net = policy->net;
    learner->pool = t->batch->pool, learner->threads = t->threads;
    learner->tile_rows = puf_tile_rows(&policy->net, t->horizon);
    learner->weights = policy->weights;
    learner->input_scale = policy->input_mean ? NULL : policy->input_scale;
    const size_t of_acting = policy->kernels->scratch(&policy->net, 1, PUF_ACT_ROWS);
    learner->scratch_size = policy->kernels->scratch(&policy->net, t->horizon, learner->tile_rows);
    learner->scratch_size = learner->scratch_size > of_acting ? learner->scratch_size : of_acting;
    learner->scratch = zeros(t, (size_t)t->threads * learner->scratch_size, sizeof(float));
    learner->gradients = zeros(t, (size_t)policy->layout.groups * policy->layout.gradient, sizeof(float));
}

static void plan_minibatches(PufTrainer* t)
{
    const PufTrainSettings* s = &t->settings;
    const double batch = (double)t->horizon * t->rows;
    t->per_minibatch = (int64_t)s->minibatch / t->horizon;
    t->minibatches = (int64_t)rint(s->replay_ratio * batch / s->minibatch);
    t->minibatches = t->minibatches > 1 ? t->minibatches : 1;
    t->epochs = (t->minibatches * t->per_minibatch + t->rows - 1) / t->rows + 1;
}

// ---- Observations, rewards and settings that move. ----

// Let the policy have the newest mean and spread.
static void hand_over(PufTrainer* t)
{
    PufPolicy* policy = t->policy;
    if (t->seen == NULL) {
        return;
    }
    for (int32_t i = 0; i < policy->net.inputs; i++) {
        if (t->normalized[i]) {
            puf_normal(t->seen[i], &policy->input_mean[i], &policy->input_scale[i]);
        }
    }
    puf_policy_pack(policy);
}

// Count the observations of steps of a rollout, (rows, inputs) each.
static void count_observations(PufTrainer* t, const uint8_t* observations, int32_t steps)
{
    const int32_t inputs = t->policy->net.inputs;
    if (t->seen == NULL) {
        return;
    }
    for (int32_t step = 0; step < steps; step++) {
        const void* row = observations + (size_t)step * (size_t)t->rows * t->obs_bytes;
        puf_column_moments(row, t->rows, inputs, t->counted + (ptrdiff_t)step * inputs);
    }
    for (int32_t i = 0; i < inputs; i++) {
        puf_add_moments(&t->seen[i], puf_pooled(t->counted + i, steps, inputs));
    }
}

static double reward_factor(PufTrainer* t)
{
    if (t->settings.normalize_rewards == 0.0) {
        return 1.0;
    }
    puf_add_moments(&t->returned, puf_return_moments(t->rewards, t->ends, t->horizon, t->rows, (float)t->settings.gamma,
                                                     t->returns, t->of_steps));
    return puf_reward_factor(t->returned);
}

// Set what the rules give after as many steps as were taken. Returns whether something changed.
static int apply_rules(PufTrainer* t)
{
    int changed = 0;
    for (int32_t i = 0; i < t->num_rules; i++) {
        const PufRule* r = &t->rules[i];
        const PufParamType type = t->batch->spec->params[r->param].type;
        const double value = puf_rule_value(r, t->report.steps, type == PUF_INT || type == PUF_BOOL);
        changed |= t->params[r->param] != value;
        t->params[r->param] = value;
    }
    for (int32_t env = 0; changed && env < t->batch->num_envs; env++) {
        puf_batch_set(t->batch, env, t->params);
    }
    return changed;
}

static void restart(PufTrainer* t)
{
    const PufBatch* b = t->batch;
    puf_batch_init(t->batch, t->params, t->seed, 0);
    puf_batch_reset(t->batch);
    memcpy(t->observations + (size_t)t->horizon * (size_t)t->rows * t->obs_bytes, b->io.obs,
           (size_t)t->rows * t->obs_bytes);
    if (t->masks) {
        memcpy(t->masks + (size_t)t->horizon * (size_t)t->rows * t->mask_bytes, b->io.action_mask,
               (size_t)t->rows * t->mask_bytes);
    }
    if (t->seen) {
        memset(t->seen, 0, (size_t)t->policy->net.inputs * sizeof(PufMoments));
        count_observations(t, b->io.obs, 1);
        hand_over(t);
    }
}

static int rule_fits(const PufBatch* b, const PufRule* r)
{
    const int32_t statistics = puf_log_size(b->spec);
    if (r->param < 0 || r->param >= b->spec->num_params || b->spec->params[r->param].fixed) {
        return 0;
    }
    const PufParam* param = &b->spec->params[r->param];
    const double least = r->first < r->last ? r->first : r->last, most = r->first < r->last ? r->last : r->first;
    return least >= param->low && most <= param->high && r->steps >= 0.0 && r->over >= 1 &&
           r->over <= PUF_MAX_WATCHED && r->statistic >= 0 && r->statistic < statistics && r->counted_by >= 0 &&
           r->counted_by < statistics;
}

// Room for the settings of single environments.
static int make_settings(PufTrainer* t)
{
    const size_t envs = (size_t)t->batch->num_envs, params = (size_t)t->batch->spec->num_params;
    PufSettings s = { .current = zeros(t, envs * params, sizeof(double)),
                      .next = zeros(t, envs * params, sizeof(double)) };
    s.differs = zeros(t, envs, 1), s.pending = zeros(t, envs, 1);
    if (t->policy->bad) {
        return 0;
    }
    for (size_t env = 0; env < envs; env++) {
        memcpy(s.current + env * params, t->params, params * sizeof(double));
        memcpy(s.next + env * params, t->params, params * sizeof(double));
    }
    t->batch->settings = s;
    return 1;
}

int puf_trainer_follow(PufTrainer* t, const PufRule* rules, int32_t count)
{
    if (count < 1 || count > PUF_MAX_RULES || t->batch->settings.next || !make_settings(t)) {
        return 0;
    }
    t->num_rules = count;
    for (int32_t i = 0; i < count; i++) {
        if (!rule_fits(t->batch, &rules[i])) {
            return 0;
        }
        t->rules[i] = rules[i];
        t->rules[i].num_watched = 0, t->rules[i].moves = 0.0;
    }
    apply_rules(t);
    restart(t);
    return 1;
}

static int fits(const PufBatch* b, const PufTrainSettings* s)
{
    const double rows = (double)b->num_envs * b->layout.agents;
    return s->horizon >= 1 && s->horizon <= 4096 && s->minibatch >= s->horizon && s->minibatch <= rows * s->horizon &&
           fmod(s->minibatch, s->horizon) == 0.0 && s->replay_ratio > 0.0 && s->replay_ratio <= 100.0 &&
           s->steps >= 1.0 && !b->layout.padded;
}

// Where the threads cannot be had, one does it.
static void make_threads(PufTrainer* t, int threads)
{
    t->batch->pool = threads > 1 ? puf_pool_create(threads, 0) : NULL;
    t->threads = t->batch->pool ? threads : 1;
}

PufTrainer* puf_trainer_new(PufBatch* batch, const double* params, PufTrainSettings settings, PufCell cell,
                            uint64_t seed, int threads)
{
    PufTrainer* t = fits(batch, &settings) ? calloc(1, sizeof(PufTrainer)) : NULL;
    if (t == NULL) {
        return NULL;
    }
    t->batch = batch, t->settings = settings;
    make_threads(t, threads);
    t->policy = puf_policy_new(batch->spec, &batch->layout, cell, (int32_t)settings.hidden, (int32_t)settings.layers);
    if (t->policy == NULL) {
        puf_trainer_free(t);
        return NULL;
    }
    const PufNetwork* net = &t->policy->net;
    t->rows = batch->num_envs * batch->layout.agents, t->horizon = (int32_t)settings.horizon;
    t->obs_bytes = puf_obs_size(&batch->layout) * puf_dtype_size(batch->spec->obs_dtype);
    t->mask_bytes = batch->layout.masked ? puf_mask_size(&batch->layout) : 0;
    t->chosen_bytes = (size_t)net->actions * (net->head == PUF_GAUSSIAN ? sizeof(float) : sizeof(int64_t));
    plan_minibatches(t);
    allocate(t);
    choose_normalized(t);
    make_learner(t);
    if (!t->policy->bad) {
        make_muon(t);
    }
    if (t->policy->bad) {
        puf_trainer_free(t);
        return NULL;
    }
    for (int32_t i = 0; i < t->rows; i++) {
        t->importance[i] = 1.0f;
    }
    uint32_t seeds[3];
    puf_seed_sequence(seed, seeds, 3);
    PufTwister initial = puf_twister(seeds[0]);
    t->sampling = puf_twister(seeds[1]), t->shuffling = puf_twister(seeds[2]);
    draw_weights(t->policy, &initial);
    memcpy(t->params, params, (size_t)batch->spec->num_params * sizeof(double));
    t->seed = seed;
    restart(t);
    return t;
}

// ---- Playing. ----

static PufAct make_act(const PufTrainer* t)
{
    PufAct act = { .rows = t->rows, .state = t->state };
    act.layer_stride = (ptrdiff_t)t->rows * t->policy->layout.state;
    return act;
}

typedef struct Acting {
    PufTrainer* trainer;
    PufAct act;
    atomic_int bad;
} Acting;

static const void* ahead(const void* array, size_t bytes) { return array ? (const uint8_t*)array + bytes : NULL; }

// One thread's rows: whole blocks of those that the kernels act for at a time.
static void act_part(void* context, int part, int parts)
{
    Acting* work = context;
    const PufTrainer* t = work->trainer;
    PufAct act = work->act;
    const int64_t blocks = (act.rows + PUF_ACT_ROWS - 1) / PUF_ACT_ROWS;
    const int32_t first = (int32_t)(blocks * part / parts) * PUF_ACT_ROWS;
    const int32_t end = (int32_t)(blocks * (part + 1) / parts) * PUF_ACT_ROWS;
    act.rows = (end < act.rows ? end : act.rows) - first;
    act.first_row += first;
    const size_t row = (size_t)first;
    act.observations = ahead(act.observations, row * t->obs_bytes);
    act.masks = ahead(act.masks, row * t->mask_bytes);
    act.chosen = (void*)ahead(act.chosen, row * t->chosen_bytes);
    act.log_probs = (float*)ahead(act.log_probs, row * sizeof(float));
    act.values += row;
    act.state += row * (size_t)t->policy->layout.state;
    act.scale = t->policy->scale;
    float* scratch = t->learner.scratch + (size_t)part * t->learner.scratch_size;
    if (t->policy->kernels->act(&t->policy->net, t->policy->weights, &act, scratch) >= 0) {
        atomic_store(&work->bad, 1);
    }
}

// Returns whether an output was not finite.
static int act_for_all(PufTrainer* t, PufAct act)
{
    Acting work = { .trainer = t, .act = act };
    puf_share(t->batch->pool, act_part, &work);
    return work.bad;
}

// Value the episodes cut off at step `step`, with the state from before the reset.
static int value_cut_off(PufTrainer* t, int32_t step)
{
    const PufBatch* b = t->batch;
    const size_t state = (size_t)t->policy->layout.state, layers = (size_t)t->policy->net.layers;
    int32_t cut = 0, all = 0;
    for (int32_t i = 0; i < t->rows; i++) {
        all += b->io.truncations[i];
    }
    for (int32_t i = 0; i < t->rows; i++) {
        if (b->io.truncations[i]) {
            memcpy(t->cut_observations + (size_t)cut * t->obs_bytes,
                   (const uint8_t*)b->io.final_obs + (size_t)i * t->obs_bytes, t->obs_bytes);
            for (size_t layer = 0; layer < layers; layer++) {
                memcpy(t->spare_state + (layer * (size_t)all + (size_t)cut) * state,
                       t->state + (layer * (size_t)t->rows + (size_t)i) * state, state * sizeof(float));
            }
            cut++;
        }
    }
    PufAct act = { .rows = cut, .observations = t->cut_observations, .state = t->spare_state, .values = t->cut_values };
    act.layer_stride = (ptrdiff_t)cut * (ptrdiff_t)state;
    const int bad = act_for_all(t, act);
    cut = 0;
    for (int32_t i = 0; i < t->rows; i++) {
        if (b->io.truncations[i]) {
            t->final_values[(size_t)step * (size_t)t->rows + (size_t)i] = t->cut_values[cut++];
        }
    }
    return bad;
}

static PufStep make_step(const PufTrainer* t, int32_t step)
{
    const PufBatch* b = t->batch;
    const PufNetwork* net = &t->policy->net;
    const size_t at = (size_t)step * (size_t)t->rows;
    return (PufStep){ .rows = t->rows,
                      .layers = net->layers,
                      .state_size = t->policy->layout.state,
                      .observation_size = (int64_t)puf_obs_size(&b->layout),
                      .floats = net->number == PUF_NUMBER_F32,
                      .parts = net->parts,
                      .num_parts = net->parts ? net->num_parts : 0,
                      .observation_bytes = t->obs_bytes,
                      .observations = b->io.obs,
                      .rewards = b->io.rewards,
                      .terminals = b->io.terminals,
                      .truncations = b->io.truncations,
                      .to_observations = t->observations + (at + (size_t)t->rows) * t->obs_bytes,
                      .to_rewards = t->rewards + at,
                      .to_ends = t->ends + at,
                      .state = t->state,
                      .layer_stride = (ptrdiff_t)t->rows * t->policy->layout.state };
}

// Returns whether something was not finite.
static int play_step(PufTrainer* t, int32_t step, uint64_t key)
{
    PufBatch* b = t->batch;
    const size_t at = (size_t)step * (size_t)t->rows, after = at + (size_t)t->rows;
    uint8_t* chosen = (uint8_t*)t->actions + at * t->chosen_bytes;
    PufAct act = make_act(t);
    act.observations = t->observations + at * t->obs_bytes;
    act.masks = t->masks ? t->masks + at * t->mask_bytes : NULL;
    act.key = key + (uint64_t)step;
    act.chosen = chosen;
    act.log_probs = t->log_probs + at, act.values = t->values + at;
    int bad = act_for_all(t, act);
    puf_policy_give(t->policy, chosen, t->rows, b->actions);
    if (puf_batch_take_actions(b, b->actions, 0, b->num_envs) >= 0) {
        return 1; // a control that is not finite: nothing was stepped
    }
    puf_batch_step(b);
    if (t->masks) {
        memcpy(t->masks + after * t->mask_bytes, b->io.action_mask, (size_t)t->rows * t->mask_bytes);
    }
    const PufStep move = make_step(t, step);
    const int noticed = t->policy->kernels->store(&move);
    if (noticed & PUF_SOME_TRUNCATED) {
        bad |= value_cut_off(t, step);
    }
    t->policy->kernels->reset_state(&move);
    return bad || (noticed & (PUF_BAD_OBSERVATIONS | PUF_BAD_REWARDS));
}

// Returns whether something was not finite.
static int play(PufTrainer* t)
{
    const size_t rows = (size_t)t->rows, last = (size_t)t->horizon * rows;
    const size_t state = (size_t)t->policy->net.layers * rows * (size_t)t->policy->layout.state * sizeof(float);
    memcpy(t->observations, t->observations + last * t->obs_bytes, rows * t->obs_bytes);
    if (t->masks) {
        memcpy(t->masks, t->masks + last * t->mask_bytes, rows * t->mask_bytes);
    }
    memcpy(t->first_state, t->state, state);
    memset(t->final_values, 0, last * sizeof(float));
    const uint64_t key = puf_twister_64(&t->sampling) & ((1ull << 62) - 1);
    int bad = 0;
    for (int32_t step = 0; step < t->horizon; step++) {
        bad |= play_step(t, step, key);
    }
    memcpy(t->spare_state, t->state, state);
    PufAct look_ahead = make_act(t);
    look_ahead.state = t->spare_state;
    look_ahead.observations = t->observations + last * t->obs_bytes;
    look_ahead.values = t->last_value;
    return bad | act_for_all(t, look_ahead);
}

static int estimate_advantages(PufTrainer* t)
{
    const PufTrainSettings* s = &t->settings;
    const PufTrace trace = { .horizon = t->horizon,
                             .rows = t->rows,
                             .rewards = t->rewards,
                             .values = t->values,
                             .last_value = t->last_value,
                             .final_values = t->final_values,
                             .ends = t->ends,
                             .reward_scale = (float)(s->reward_scale * reward_factor(t)),
                             .reward_clip = (float)s->reward_clip,
                             .gamma = (float)s->gamma,
                             .lambda = (float)s->gae_lambda,
                             .rho_clip = 1.0f,
                             .trace_clip = 1.0f,
                             .advantages = t->advantages };
    t->policy->kernels->advantages(&trace);
    double sum = 0.0;
    for (size_t i = 0; i < (size_t)t->horizon * (size_t)t->rows; i++) {
        sum += (double)t->advantages[i];
    }
    return !(sum - sum == 0.0);
}

// ---- Learning. ----

static PufRollout make_rollout(const PufTrainer* t)
{
    return (PufRollout){ .horizon = t->horizon,
                         .rows = t->rows,
                         .observations = t->observations,
                         .actions = t->actions,
                         .masks = t->masks,
                         .ends = t->ends,
                         .state = t->first_state,
                         .log_probs = t->log_probs,
                         .advantages = t->advantages,
                         .scale = t->policy->scale,
                         .values = t->values,
                         .ratios = t->ratios };
}

// Kingma & Ba 2015, algorithm 1, for the spread of continuous actions.
static void step_log_std(PufTrainer* t, float learning_rate, float shrink)
{
    const size_t first = t->policy->size - t->policy->sizes[3];
    t->taken++;
    const double of_first = 1.0 - pow(ADAM_FIRST, (double)t->taken),
                 of_second = 1.0 - pow(ADAM_SECOND, (double)t->taken);
    for (size_t i = first; i < t->policy->size; i++) {
        const float gradient = t->gradient[i] * shrink;
        t->average[i] += (float)(1.0 - ADAM_FIRST) * (gradient - t->average[i]);
        t->square[i] += (float)(1.0 - ADAM_SECOND) * (gradient * gradient - t->square[i]);
        const float unbiased = t->average[i] / (float)of_first;
        const float spread = sqrtf(t->square[i] / (float)of_second) + (float)ADAM_EPSILON;
        t->policy->numbers[i] -= learning_rate * (unbiased / spread);
    }
}

static int all_finite(const double* figures, double norm)
{
    double sum = norm;
    for (int i = 0; i < PUF_FIGURES; i++) {
        sum += figures[i];
    }
    return sum - sum == 0.0;
}

static double smaller(double a, double b) { return a < b ? a : b; }

static void optimize(PufTrainer* t, double norm, double rate, double vector_rate)
{
    const PufTrainSettings* s = &t->settings;
    const float shrink = (float)smaller(1.0, s->max_gradient_norm / (norm > 1e-12 ? norm : 1e-12));
    for (int32_t i = 0; i < t->num_muon; i++) {
        PufMuon* m = &t->muon[i];
        m->learning_rate = (float)rate, m->momentum = (float)s->momentum;
        m->gradient_scale = shrink, m->decay = (float)(rate * s->weight_decay);
    }
    puf_muon_all(t->batch->pool, t->policy->kernels, t->muon, t->num_muon);
    if (t->policy->sizes[3]) {
        step_log_std(t, (float)vector_rate, shrink);
    }
    puf_policy_pack(t->policy);
}

static double length(const float* x, size_t size)
{
    double sum = 0.0;
    for (size_t i = 0; i < size; i++) {
        sum += (double)x[i] * (double)x[i];
    }
    return sqrt(sum);
}

// One minibatch. Returns whether to learn on from this rollout.
static int take_step(PufTrainer* t, const int64_t* sequences, double rate, double vector_rate)
{
    const PufTrainSettings* s = &t->settings;
    const PufRollout rollout = make_rollout(t);
    PufLoss loss = { .clip = (float)s->clip,
                     .value_clip = (float)s->value_clip,
                     .value_coefficient = (float)s->value_coefficient,
                     .entropy_coefficient = (float)s->entropy_coefficient };
    PufParameters to = t->wide_gradient ? puf_policy_wide_parts(t->policy, t->wide_gradient)
                                        : puf_policy_parts(t->policy, t->gradient);
    double figures[PUF_FIGURES];
    double norm = puf_learner_gradient(&t->learner, &rollout, &loss, s->normalize_advantages != 0.0, sequences,
                                       t->importance, (int32_t)t->per_minibatch, &to, figures);
    if (t->wide_gradient) { // idle units have no weights that could be learned
        puf_policy_narrow(t->policy, t->wide_gradient, t->gradient);
        norm = length(t->gradient, t->policy->size);
    }
    if (!all_finite(figures, norm)) {
        t->report.skipped++;
        return 1;
    }
    optimize(t, norm, rate, vector_rate);
    t->report.updates++;
    t->report.gradient_norm = norm;
    t->report.policy_loss = figures[PUF_POLICY_LOSS], t->report.value_loss = figures[PUF_VALUE_LOSS];
    t->report.entropy = figures[PUF_ENTROPY], t->report.kl = figures[PUF_KL];
    t->report.clip_fraction = figures[PUF_CLIPPED];
    return !(s->max_kl > 0.0 && s->max_kl < figures[PUF_KL]);
}

static void learn(PufTrainer* t)
{
    const PufTrainSettings* s = &t->settings;
    const double progress = smaller(1.0, t->report.steps / s->steps);
    const double cosine = 0.5 * (1.0 + cos(3.14159265358979323846 * progress));
    const double decay = s->final_learning_rate + (1.0 - s->final_learning_rate) * cosine;
    const double rate = s->learning_rate * decay, vector_rate = s->vector_learning_rate * decay;
    t->report.learning_rate = rate;
    for (int64_t epoch = 0; epoch < t->epochs; epoch++) {
        puf_twister_shuffle(&t->shuffling, t->order + epoch * t->rows, t->rows);
    }
    for (int64_t i = 0; i < t->minibatches; i++) {
        if (!take_step(t, t->order + i * t->per_minibatch, rate, vector_rate)) {
            break;
        }
    }
}

PufTrainReport puf_trainer_iterate(PufTrainer* t)
{
    const double updates = t->report.updates;
    int bad = play(t);
    bad |= estimate_advantages(t);
    if (bad) {
        t->report.skipped++;
    } else {
        learn(t);
    }
    if (t->report.updates > updates) { // a rollout that was not learned from leaves nothing behind
        count_observations(t, t->observations, t->horizon);
        hand_over(t);
    }
    t->report.steps += (double)t->horizon * t->rows;
    puf_batch_log(t->batch, 0, t->batch->num_envs, t->log);
    for (int32_t i = 0; i < t->num_rules; i++) {
        puf_rule_watch(&t->rules[i], t->log);
    }
    apply_rules(t);
    return t->report;
}
