// foundry - keep a factory running: carry ore to generators, batteries to altars, and take the hearts that they make.
//
// Observation  uint8 (423): three planes of the 11 x 11 tiles around the worker, who is in the middle, rows
//              from the top; what is ahead; what the worker has; and the rules themselves. Those not
//              listed here are amounts.
//              what     codes: 0 floor, or rock behind walls, 1 wall, 2 to 7 a machine of kind a to f, 8 a
//                       worker of the same team, 9 one of another.
//              state    codes: 0 nothing, 1 a machine that lacks inputs or room, 2 one that runs, 3 one
//                       with output to take, 4 to 7 a worker who faces up, down, left, right, 8 a
//                       frozen one.
//              faced    code: the kind of the machine ahead, 1 to 6, or 0.
//              target   code: what the first worker within 3 tiles ahead carries most of, 2 to 7 for
//                       good 1 to 6; 1 if its hands are empty; 0 if there is none, or no rivals.
//              signs    codes: the way to the nearest machine of each kind, 1 up, 2 down, 3 left, 4 right; 0
//                       if there is none.
//              recipes  codes: the two inputs and the output of each kind, with `rules_seen`; else 0.
//              count    of a machine its output, or its inputs while it has none; of a worker its most
//                       plentiful good; at most 7.
// Action       one of 8: stay, up, down, left, right, give, attack, eat. The mask forbids what would do
//              nothing: walking into walls and into machines that cannot be used now, gifts and attacks
//              that reach nobody, all of it to the frozen and to those without the energy.
// Reward       `reward_heart` for a heart taken from a machine, `reward_ore`, `reward_battery` and
//              `reward_other` for other goods. Of each reward for a heart, `share` is divided among the
//              worker's team.
// End          truncated after `max_steps` steps.
// Score        hearts per worker; perf is all hearts / par, at most 1.
//
// Goods are 1 ore, 2 crystal, 3 battery, 4 gear, 5 laser, 6 shield and 7 heart. What machines do with them are
// settings: each of six kinds, a to f, makes `out_count` of `out` in `cooldown` steps from `in1_count` of `in1` and one
// of `in2`. By default mines (a) make ore from nothing, generators (b) a battery from an ore, altars (c) a heart from
// three batteries. Armouries (d) make three lasers from an ore and a battery, smithies (e) three shields from three
// ores, wells (f) crystals: `d_machines`, `e_machines` and `f_machines` build some.
//
// In a step workers act in turn, then machines. The workers' order is drawn for each episode, and moves on by one in
// each step.
// 1. A worker faces where it last tried to go, and holds `carry` of each good at most. Hearts are kept, not carried.
// 2. Walking into a machine uses it: the worker takes all output that it has room for; if that is none, it puts in what
//    the machine needs for its next four rounds.
// 3. Walking into a worker faces it. If that one faces back, or is frozen, the two change places.
// 4. Giving hands one of the most plentiful good to the worker ahead, if it has room. Gifts are never rewarded.
// 5. Attacking spends a laser on the first worker within 3 tiles ahead; on a mate only with `friendly_fire`.
//    If it has a shield, that is spent. Else it is frozen for the next `freeze` steps, and half of its most plentiful
//    good, rounded up, changes hands, as far as the attacker has room. Nobody is hit while frozen.
// 6. With `energy`, workers begin with so much, and have so much at most. Each step gives 1. Walking takes 1, using a
//    machine 2, giving 1, attacking 20; who has not enough cannot do it. Eating a battery gives 50.
// 7. A machine whose time has come adds to its output, `stock` at most. It starts again if it has its inputs, and room
//    for what it will make.
//
// Workers are dealt to `teams` in turn. With one team and without `friendly_fire` there is nobody to attack. A contest:
// `teams` 2, `d_machines` 2, `e_machines` 2, `freeze` 25, and `energy` 100 to make shots scarce.
//
// Par is what a tireless crew would make: the least of the hearts that the machines can make in the time (as if no two
// kinds shared an input), and of one heart per worker every `walk` steps.
//
// The hall is an asset: a batch makes `num_levels` of them once, ranked by how far their machines are apart, and an
// episode draws one from a window of ranks: by default from all but the tenth with the longest ways. What workers see
// is kept in planes with walls as thick as their sight, which each change updates; a view copies 33 rows of them.
#pragma once
#include "foundry_work.h"

// Parts of the observation behind the planes.
enum { FOUNDRY_RECIPES = (FOUNDRY_INPUTS + 1) * FOUNDRY_KINDS, FOUNDRY_NUMBERS = 3 * FOUNDRY_KINDS };
enum { FOUNDRY_SELF = FOUNDRY_CARRIED + 10, FOUNDRY_MOST = UINT8_MAX };
enum { FOUNDRY_MANY = 1000000000 }; // more than an episode counts of anything
enum { FOUNDRY_OBS = 3 * FOUNDRY_PLANE + 2 + FOUNDRY_KINDS + FOUNDRY_RECIPES + FOUNDRY_SELF + FOUNDRY_NUMBERS };

// The settings that halls are made from, and the window of ranks.
typedef struct FoundrySetup {
    Foundry state;
    FoundryPlan plan;
    double difficulty, spread;
    int32_t rules_seen;
} FoundrySetup;

// ---- Sizes, from the settings ----

static FoundryPlan foundry_plan(const FoundrySetup* given)
{
    FoundryPlan plan = given->plan;
    plan.num_levels = given->state.num_levels;
    return plan;
}

static void foundry_resize(PufLayout* layout, const void* setup)
{
    const FoundrySetup* given = setup;
    FoundryPlan plan = foundry_plan(given);
    Foundry s = given->state;
    layout->agents = s.workers;
    layout->state_size = (uint64_t)foundry_place_tables(&plan, &s);
    uint64_t levels = (uint64_t)foundry_level_bytes(&plan) * (uint64_t)plan.num_levels;
    layout->assets_size = (uint64_t)foundry_levels_offset(&plan) + levels;
}

// ---- Rules and par ----

// The most of each good that the machines can make in so many steps: as often as the time allows, and as the inputs do.
// After as many rounds as there are kinds, what sources make has reached the end of every chain.
static void foundry_find_capacity(const FoundryPlan* plan, const Foundry* s, int32_t steps, int64_t* made)
{
    memset(made, 0, FOUNDRY_GOODS * sizeof(int64_t));
    for (int32_t round = 0; round < FOUNDRY_KINDS; round++) {
        int64_t next[FOUNDRY_GOODS] = { 0 };
        for (int32_t k = 0; k < FOUNDRY_KINDS; k++) {
            const FoundryKind* kind = &s->kinds[k];
            int64_t times = (int64_t)plan->machines[k] * (steps / kind->cooldown);
            for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
                int64_t supplied = kind->in[i] ? made[kind->in[i]] / foundry_needs(kind, i) : times;
                times = supplied < times ? supplied : times;
            }
            next[kind->out] += kind->out ? times * kind->out_count : 0;
        }
        memcpy(made, next, sizeof(next));
    }
}

static const char* foundry_conflict(const void* setup)
{
    const FoundrySetup* given = setup;
    FoundryPlan plan = foundry_plan(given);
    double bytes = (double)foundry_level_bytes(&plan) * plan.num_levels + 8.0 * foundry_table_bytes(&plan);
    if (bytes > 1e9) {
        return "the halls take more than 1 GB: reduce num_levels, rooms_x, rooms_y or side";
    }
    if (foundry_count_machines(&plan) > foundry_count_spots(&plan)) {
        return "the hall is too small for its machines: each room takes ((side - 1) / 3) squared, rounded down";
    }
    for (int32_t k = 0; k < FOUNDRY_KINDS; k++) {
        const FoundryKind* kind = &given->state.kinds[k];
        if (kind->in[0] == FOUNDRY_HEART || kind->in[1] == FOUNDRY_HEART) {
            return "hearts cannot be an input: they are kept, not carried";
        }
        if (kind->out_count > given->state.stock) {
            return "a machine makes more at once than it can store: out_count must not exceed stock";
        }
    }
    int64_t made[FOUNDRY_GOODS];
    foundry_find_capacity(&plan, &given->state, INT32_MAX, made);
    return made[FOUNDRY_HEART] > 0 ? NULL : "no chain of machines leads to a heart";
}

static void foundry_prepare(void* setup)
{
    FoundrySetup* given = setup;
    Foundry* s = &given->state;
    FoundryPlan plan = foundry_plan(given);
    s->num_ranks = puf_clampi((int32_t)(given->spread * s->num_levels), 1, s->num_levels);
    s->first_rank = (int32_t)(given->difficulty * (s->num_levels - s->num_ranks) + 0.5);
    s->rows = foundry_rows(&plan);
    s->columns = foundry_columns(&plan);
    s->tiles = s->rows * s->columns;
    s->what_rows = s->rows * s->teams;
    s->delta[FOUNDRY_UP] = -s->columns;
    s->delta[FOUNDRY_DOWN] = s->columns;
    s->delta[FOUNDRY_LEFT] = -1;
    s->delta[FOUNDRY_RIGHT] = 1;
    s->num_machines = foundry_count_machines(&plan);
    s->levels_offset = foundry_levels_offset(&plan);
    s->level_bytes = foundry_level_bytes(&plan);
    s->signs_offset = foundry_signs_offset(&plan);
    s->tiles_offset = foundry_tiles_offset(&plan);
    (void)foundry_place_tables(&plan, s);

    int64_t made[FOUNDRY_GOODS], walked = (int64_t)s->workers * s->max_steps / s->walk;
    foundry_find_capacity(&plan, s, s->max_steps, made);
    s->capacity = (int32_t)(made[FOUNDRY_HEART] < INT32_MAX ? made[FOUNDRY_HEART] : INT32_MAX);
    s->par = puf_clampi((int32_t)walked, 1, s->capacity > 0 ? s->capacity : 1);
    for (int32_t good = FOUNDRY_ORE; good < FOUNDRY_HEART; good++) {
        int own = good == FOUNDRY_ORE || good == FOUNDRY_BATTERY;
        s->reward[good] = own ? s->reward[good] : s->reward[FOUNDRY_NONE];
    }
    for (int32_t k = 0; k < FOUNDRY_KINDS && given->rules_seen; k++) {
        const FoundryKind* kind = &s->kinds[k];
        uint8_t *recipe = s->recipes + (FOUNDRY_INPUTS + 1) * k, *number = s->numbers + 3 * k;
        for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
            recipe[i] = (uint8_t)kind->in[i];
        }
        recipe[FOUNDRY_INPUTS] = (uint8_t)kind->out;
        number[0] = (uint8_t)kind->in_count;
        number[1] = (uint8_t)kind->out_count;
        number[2] = (uint8_t)puf_clampi(kind->cooldown, 0, FOUNDRY_MOST);
    }
}

static void foundry_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    (void)layout;
    FoundryPlan plan = foundry_plan(setup);
    foundry_make_levels(&plan, assets);
}

// ---- Episodes ----

// The tiles of the machines of this hall, and behind them its signs and its tiles.
static const int32_t* foundry_level(const Foundry* s, const void* assets)
{
    const FoundryLevel* level = (const FoundryLevel*)assets + s->rank;
    return (const int32_t*)((const uint8_t*)assets + s->levels_offset + (size_t)level->number * (size_t)s->level_bytes);
}

static const uint8_t* foundry_tiles(const Foundry* s, const void* assets)
{
    return (const uint8_t*)foundry_level(s, assets) + s->tiles_offset;
}

// Rock looks like floor, which leaves more of a view 0; no worker can reach it.
static uint8_t foundry_code(uint8_t tile) { return tile == FOUNDRY_ROCK ? FOUNDRY_FLOOR : tile; }

static void foundry_furnish(Foundry* s, const void* assets)
{
    const int32_t* tile = foundry_level(s, assets);
    const uint8_t* tiles = foundry_tiles(s, assets);
    memset(foundry_what(s), 0, (size_t)(s->machines_offset - s->what_offset)); // all planes, and who is where
    for (int32_t i = 0; i < s->tiles; i++) {
        foundry_what(s)[i] = foundry_code(tiles[i]);
        foundry_who(s)[i] = tiles[i] == FOUNDRY_ROCK ? FOUNDRY_NOBODY : 0;
    }
    for (int32_t team = 1; team < s->teams; team++) {
        memcpy(foundry_what_of(s, team), foundry_what(s), (size_t)s->tiles);
    }
    for (int32_t i = 0; i < s->num_machines; i++) {
        FoundryMachine* m = &foundry_machines(s)[i];
        m->tile = tile[i];
        m->kind = foundry_what(s)[tile[i]] - FOUNDRY_MACHINE;
        m->due = m->out = m->in[0] = m->in[1] = 0;
        foundry_start(s, m);
        foundry_show_machine(s, m);
        foundry_who(s)[m->tile] = (int16_t)i;
    }
}

// Workers start on random tiles: of the floor, or the first free ones behind them. Levels have floor for all.
static void foundry_arrive(Foundry* s)
{
    for (int32_t i = 0; i < s->workers; i++) {
        FoundryWorker* w = &foundry_workers(s)[i];
        int32_t tile = (int32_t)puf_rand_below(&s->rng, (uint32_t)s->tiles);
        while (foundry_what(s)[tile] != FOUNDRY_FLOOR || foundry_who(s)[tile] == FOUNDRY_NOBODY) {
            tile = (tile + 1) % s->tiles;
        }
        memset(w->goods, 0, sizeof(w->goods));
        w->most = FOUNDRY_NONE;
        w->facing = FOUNDRY_DOWN;
        w->team = i % s->teams;
        w->energy = s->energy;
        w->thaws = 0;
        w->beam = 0;
        foundry_move(s, w, i, tile);
        int32_t other = (int32_t)puf_rand_below(&s->rng, (uint32_t)i + 1); // shuffle (Durstenfeld 1964)
        s->order[i] = s->order[other];
        s->order[other] = i;
    }
    for (int32_t i = s->workers; i < FOUNDRY_MAX_WORKERS; i++) {
        s->order[i] = -1;
    }
}

static void foundry_reset(Foundry* s, const void* assets)
{
    s->rank = s->first_rank + (int32_t)puf_rand_below(&s->rng, (uint32_t)s->num_ranks);
    s->tick = 0;
    s->hearts = 0;
    s->episode_return = 0.0f;
    memset(s->team_hearts, 0, sizeof(s->team_hearts));
    s->gifts = s->stolen = s->attacks = s->blocked = s->frozen = s->eaten = 0;
    memset(s->made, 0, sizeof(s->made));
    foundry_furnish(s, assets);
    foundry_arrive(s);
}

// ---- What a worker sees ----

static uint8_t* foundry_view(uint8_t* obs, const uint8_t* plane, int32_t columns)
{
    for (int32_t row = 0; row < FOUNDRY_VIEW; row++) { // what is copied beyond the view is overwritten
        memcpy(obs + row * FOUNDRY_VIEW, plane + row * columns, FOUNDRY_ROW);
    }
    return obs + FOUNDRY_PLANE;
}

static uint8_t foundry_byte(int32_t amount) { return (uint8_t)(amount < FOUNDRY_MOST ? amount : FOUNDRY_MOST); }

// What the first worker ahead carries most of, from 2; 1 for empty hands, 0 for nobody.
static uint8_t foundry_target_code(const FoundryWorker* target) { return (uint8_t)(target ? 1 + target->most : 0); }

// The hearts of the best of the other teams.
static int32_t foundry_rivals_hearts(const Foundry* s, int32_t own)
{
    int32_t best = 0;
    for (int32_t team = 0; team < s->teams; team++) {
        best = team != own && s->team_hearts[team] > best ? s->team_hearts[team] : best;
    }
    return best;
}

static void foundry_see_self(const Foundry* s, const FoundryWorker* w, const FoundryMachine* faced, uint8_t* obs)
{
    for (int32_t i = 0; i < FOUNDRY_CARRIED; i++) {
        obs[i] = (uint8_t)w->goods[FOUNDRY_ORE + i];
    }
    obs += FOUNDRY_CARRIED;
    obs[0] = (uint8_t)(faced ? faced->out : 0);
    obs[1] = (uint8_t)(faced ? faced->in[0] : 0);
    obs[2] = (uint8_t)(faced ? faced->in[1] : 0);
    obs[3] = (uint8_t)(faced && faced->due > 0 ? foundry_byte(faced->due - s->tick) : 0);
    obs[4] = foundry_byte(w->goods[FOUNDRY_HEART]);
    obs[5] = foundry_byte(s->team_hearts[w->team]);
    obs[6] = foundry_byte(foundry_rivals_hearts(s, w->team));
    obs[7] = (uint8_t)w->energy;
    obs[8] = (uint8_t)(w->thaws ? foundry_byte(w->thaws - s->tick) : 0);
    obs[9] = (uint8_t)((int64_t)FOUNDRY_MOST * (s->max_steps - s->tick) / s->max_steps);
}

// The signs on a tile, one after the other.
static uint8_t* foundry_read_signs(uint32_t signs, uint8_t* obs)
{
    for (int32_t kind = 0; kind < FOUNDRY_KINDS; kind++) {
        *obs++ = (uint8_t)(signs >> FOUNDRY_SIGN_BITS * kind & FOUNDRY_SIGN_MASK);
    }
    return obs;
}

static void foundry_see(const Foundry* s, const FoundryWorker* w, const FoundryWorker* target, uint32_t signs,
                        uint8_t* obs)
{
    int32_t corner = w->tile - FOUNDRY_SIGHT * (s->columns + 1);
    const FoundryMachine* faced = foundry_machine_at(s, w->tile + s->delta[w->facing]);
    obs = foundry_view(obs, foundry_what_of(s, w->team) + corner, s->columns);
    obs = foundry_view(obs, foundry_state(s) + corner, s->columns);
    *obs++ = (uint8_t)(faced ? 1 + faced->kind : 0);
    *obs++ = foundry_target_code(target);
    obs = foundry_read_signs(signs, obs);
    memcpy(obs, s->recipes, FOUNDRY_RECIPES);
    obs = foundry_view(obs + FOUNDRY_RECIPES, foundry_count(s) + corner, s->columns);
    foundry_see_self(s, w, faced, obs);
    memcpy(obs + FOUNDRY_SELF, s->numbers, FOUNDRY_NUMBERS);
}

static void foundry_mask(const Foundry* s, const FoundryWorker* w, const FoundryWorker* target, uint8_t* mask)
{
    mask[FOUNDRY_STAY] = 1;
    for (int32_t d = 0; d < FOUNDRY_DIRECTIONS; d++) {
        mask[FOUNDRY_WALK + d] = (uint8_t)foundry_can_walk(s, w, d);
    }
    mask[FOUNDRY_GIVE] = foundry_receiver(s, w) != NULL;
    mask[FOUNDRY_ATTACK] = (uint8_t)foundry_can_attack(s, w, target);
    mask[FOUNDRY_EAT] = (uint8_t)foundry_can_eat(s, w);
}

static void foundry_observe(const Foundry* s, PufIo io)
{
    const uint32_t* signs = (const uint32_t*)((const uint8_t*)foundry_level(s, io.assets) + s->signs_offset);
    for (int32_t i = 0; i < s->workers; i++) {
        const FoundryWorker *w = &foundry_workers(s)[i], *target = foundry_target(s, w);
        foundry_see(s, w, target, signs[w->tile], (uint8_t*)io.obs + (size_t)i * FOUNDRY_OBS);
        foundry_mask(s, w, target, io.action_mask + (size_t)i * FOUNDRY_ACTIONS);
    }
}

static void foundry_add_log(Foundry* s)
{
    float workers = (float)s->workers, perf = puf_minf((float)s->hearts / (float)s->par, 1.0f);
    puf_log_episode(&s->log, perf, (float)s->hearts / workers, s->episode_return / workers, (float)s->tick);
    for (int32_t good = FOUNDRY_ORE; good < FOUNDRY_GOODS; good++) {
        s->log_made[good - 1] += (float)s->made[good];
    }
    s->log_gifts += (float)s->gifts;
    s->log_stolen += (float)s->stolen;
    s->log_attacks += (float)s->attacks;
    s->log_blocked += (float)s->blocked;
    s->log_frozen += (float)s->frozen;
    s->log_eaten += (float)s->eaten;
    s->log_par += (float)s->par;
}

static void foundry_step(Foundry* s, PufIo io)
{
    s->tick += 1;
    puf_clear_results(io, s->workers);
    int32_t turn = s->tick % s->workers;
    for (int32_t i = 0; i < s->workers; i++) {
        int32_t number = s->order[turn], action = io.actions[number];
        FoundryWorker* w = &foundry_workers(s)[number];
        w->beam = 0;
        if (action == FOUNDRY_GIVE) {
            foundry_give(s, w);
        } else if (action == FOUNDRY_ATTACK) {
            foundry_attack(s, w);
        } else if (action == FOUNDRY_EAT) {
            foundry_eat(s, w);
        } else if (action != FOUNDRY_STAY) {
            foundry_walk(s, w, number, action - FOUNDRY_WALK, io.rewards);
        }
        turn = turn + 1 < s->workers ? turn + 1 : 0;
    }
    foundry_run_machines(s);
    foundry_refresh(s);
    if (s->tick >= s->max_steps) {
        memset(io.truncations, 1, (size_t)s->workers);
        foundry_add_log(s);
    }
}

// ---- Its tables ----

#define FOUNDRY_GOOD_NAMES "none ore crystal battery gear laser shield heart"
static const PufObs foundry_obs[] = {
    PUF_CODES("what", FOUNDRY_PLANE, FOUNDRY_WHATS,
              "0 floor or rock, 1 wall, 2 to 7 a machine of kind a to f, 8 a mate, 9 a rival"),
    PUF_CODES("state", FOUNDRY_PLANE, FOUNDRY_STATES,
              "of a machine: 1 lacks something, 2 runs, 3 has output; of a worker: 4 to 7 faces up, down, left, right, "
              "8 is frozen"),
    PUF_CODES("faced", 1, 1 + FOUNDRY_KINDS, "the kind of the machine ahead, from 1; 0 none"),
    PUF_CODES("target", 1, 1 + FOUNDRY_HEART,
              "what the first worker within 3 tiles ahead carries most of, from 2; 1 nothing; 0 nobody"),
    PUF_CODES("signs", FOUNDRY_KINDS, 1 + FOUNDRY_DIRECTIONS,
              "the way to the nearest machine of each kind: 1 up, 2 down, 3 left, 4 right; 0 none"),
    PUF_CODES("recipes", FOUNDRY_RECIPES, FOUNDRY_GOODS, "for each kind: its inputs and its output; 0 none"),
    { "count", FOUNDRY_PLANE, 0, FOUNDRY_MAX_COUNT,
      "of a machine: output, or inputs if there is none; of a worker: what it carries most" },
    { "carried", FOUNDRY_CARRIED, 0, 20, "of each good but hearts" },
    { "machine", 3, 0, FOUNDRY_ROUNDS * FOUNDRY_MAX_COUNT,
      "of the machine ahead: its output, and what it has of its inputs" },
    { "running", 1, 0, FOUNDRY_MOST, "steps until the machine ahead is done; 0 if it does not run" },
    { "hearts", 3, 0, FOUNDRY_MOST, "of this worker, of its team, and of the best other team" },
    { "energy", 1, 0, FOUNDRY_MAX_ENERGY, "that it has" },
    { "frozen", 1, 0, FOUNDRY_MOST, "steps until it can act again" },
    { "time", 1, 0, FOUNDRY_MOST, "what is left of it" },
    { "numbers", FOUNDRY_NUMBERS, 0, FOUNDRY_MOST,
      "for each kind: how much of its first input makes how much output, in how many steps" },
};
static const PufAction foundry_actions[] = { { "act", FOUNDRY_ACTIONS, 0, 0,
                                               "stay up down left right give attack eat" } };

// clang-format off
#define FOUNDRY_BUILT(letter, k, count, what)                                                                          \
    PUF_SETTING_AS(FoundrySetup, letter "_machines", plan.machines[k], count, 0, FOUNDRY_MAX_OF_KIND, what, .fixed = 1)
#define FOUNDRY_NAMED(letter, part, m, good, what)                                                                     \
    { .name = letter part, .type = PUF_NAMED, .dtype = PUF_I32, .offset = offsetof(Foundry, m), .value = good,         \
      .low = 0, .high = FOUNDRY_HEART, .doc = what, .choices = FOUNDRY_GOOD_NAMES }
#define FOUNDRY_NUMBER(letter, part, m, value, most, what) PUF_SETTING_AS(Foundry, letter part, m, value, 1, most, what)
#define FOUNDRY_RULE(letter, k, in1, count1, in2, made, count, steps)                                                  \
    FOUNDRY_NAMED(letter, "_in1", kinds[k].in[0], in1, "what machines of kind " letter " need"),                       \
    FOUNDRY_NUMBER(letter, "_in1_count", kinds[k].in_count, count1, FOUNDRY_MAX_COUNT, "how much of it"),              \
    FOUNDRY_NAMED(letter, "_in2", kinds[k].in[1], in2, "what they need one of besides"),                               \
    FOUNDRY_NAMED(letter, "_out", kinds[k].out, made, "what they make"),                                               \
    FOUNDRY_NUMBER(letter, "_out_count", kinds[k].out_count, count, FOUNDRY_MAX_COUNT, "how much of it at once"),      \
    FOUNDRY_NUMBER(letter, "_cooldown", kinds[k].cooldown, steps, 10000, "in how many steps")
// clang-format on

static const PufParam foundry_params[] = {
    PUF_SETTING_AS(FoundrySetup, "rooms_x", plan.rooms_x, 2, 1, FOUNDRY_MAX_ROOMS, "rooms from left to right",
                   .fixed = 1),
    PUF_SETTING_AS(FoundrySetup, "rooms_y", plan.rooms_y, 2, 1, FOUNDRY_MAX_ROOMS, "rooms from top to bottom",
                   .fixed = 1),
    PUF_SETTING_AS(FoundrySetup, "side", plan.side, 11, FOUNDRY_MIN_SIDE, FOUNDRY_MAX_SIDE, "tiles of a room's side",
                   .fixed = 1),
    FOUNDRY_BUILT("a", 0, 10, "machines of kind a: mines"),
    FOUNDRY_BUILT("b", 1, 5, "machines of kind b: generators"),
    FOUNDRY_BUILT("c", 2, 5, "machines of kind c: altars"),
    FOUNDRY_BUILT("d", 3, 0, "machines of kind d: armouries"),
    FOUNDRY_BUILT("e", 4, 0, "machines of kind e: smithies"),
    FOUNDRY_BUILT("f", 5, 0, "machines of kind f: wells"),
    PUF_SETTING(Foundry, num_levels, 1024, 1, FOUNDRY_MAX_LEVELS, "halls that a batch shares", .fixed = 1),
    PUF_SETTING_AS(FoundrySetup, "level_seed", plan.level_seed, 0, 0, 1e9, "seed of the halls", .fixed = 1),
    PUF_SETTING(Foundry, workers, 6, 1, FOUNDRY_MAX_WORKERS, "workers in one hall: the agents"),
    PUF_SETTING(FoundrySetup, difficulty, 0, 0, 1,
                "window of halls that episodes draw from, ranked by the ways between machines: 0 the shortest"),
    PUF_SETTING(FoundrySetup, spread, 0.9, 0, 1, "width of that window as a fraction of all halls"),
    PUF_SETTING(Foundry, max_steps, 1000, 1, 100000, "steps of an episode"),
    PUF_SETTING(Foundry, stock, 5, 1, FOUNDRY_MAX_COUNT, "of its output that a machine stores"),
    PUF_SETTING(Foundry, carry, 10, 1, 20, "of each good that a worker carries at most"),
    PUF_SETTING(Foundry, walk, 60, 1, 10000, "steps of a worker for one heart, at par"),
    PUF_SETTING(Foundry, teams, 1, 1, FOUNDRY_MAX_TEAMS, "to which workers are dealt in turn"),
    PUF_FLAG(Foundry, friendly_fire, 0, "let workers attack their own team too"),
    PUF_SETTING(Foundry, freeze, 10, 1, FOUNDRY_MAX_FREEZE, "steps that a worker loses when it is hit"),
    PUF_SETTING(Foundry, energy, 0, 0, FOUNDRY_MAX_ENERGY,
                "that a worker has at most, and begins with; 0: none is needed"),
    PUF_FLAG(FoundrySetup, rules_seen, 0, "show the rules to the workers, so that one policy can learn many factories"),
    FOUNDRY_RULE("a", 0, FOUNDRY_NONE, 1, FOUNDRY_NONE, FOUNDRY_ORE, 1, 50),
    FOUNDRY_RULE("b", 1, FOUNDRY_ORE, 1, FOUNDRY_NONE, FOUNDRY_BATTERY, 1, 25),
    FOUNDRY_RULE("c", 2, FOUNDRY_BATTERY, 3, FOUNDRY_NONE, FOUNDRY_HEART, 1, 10),
    FOUNDRY_RULE("d", 3, FOUNDRY_ORE, 1, FOUNDRY_BATTERY, FOUNDRY_LASER, 3, 10),
    FOUNDRY_RULE("e", 4, FOUNDRY_ORE, 3, FOUNDRY_NONE, FOUNDRY_SHIELD, 3, 10),
    FOUNDRY_RULE("f", 5, FOUNDRY_NONE, 1, FOUNDRY_NONE, FOUNDRY_CRYSTAL, 1, 50),
    PUF_SETTING_AS(Foundry, "reward_ore", reward[FOUNDRY_ORE], 0, -1000, 1000, "for each ore taken"),
    PUF_SETTING_AS(Foundry, "reward_battery", reward[FOUNDRY_BATTERY], 0, -1000, 1000, "for each battery taken"),
    PUF_SETTING_AS(Foundry, "reward_other", reward[FOUNDRY_NONE], 0, -1000, 1000,
                   "for each crystal, gear, laser or shield taken"),
    PUF_SETTING_AS(Foundry, "reward_heart", reward[FOUNDRY_HEART], 1, -1000, 1000, "for each heart taken"),
    PUF_SETTING(Foundry, share, 0, 0, 1, "part of the reward for a heart that is divided among its team"),
};

static const PufField foundry_kind_fields[] = {
    PUF_ARRAY(FoundryKind, in, "goods that it needs, 0 for none"),
    PUF_SCALAR(FoundryKind, in_count, "how much of the first; of the second it is one"),
    PUF_SCALAR(FoundryKind, out, "the good that it makes"),
    PUF_SCALAR(FoundryKind, out_count, "how much at once"),
    PUF_SCALAR(FoundryKind, cooldown, "in how many steps"),
};
static const PufField foundry_machine_fields[] = {
    PUF_SCALAR(FoundryMachine, tile, "row * columns + column", PUF_RANGE(0, INT32_MAX)),
    PUF_SCALAR(FoundryMachine, kind, "0 to 5 for a to f", PUF_RANGE(0, FOUNDRY_KINDS - 1)),
    PUF_SCALAR(FoundryMachine, due, "the tick at which it is done; 0 if it does not run", PUF_RANGE(0, 110000)),
    PUF_SCALAR(FoundryMachine, out, "its output", PUF_RANGE(0, FOUNDRY_MAX_COUNT)),
    PUF_ARRAY(FoundryMachine, in, "its inputs", PUF_RANGE(0, FOUNDRY_ROUNDS* FOUNDRY_MAX_COUNT)),
};
static const PufField foundry_worker_fields[] = {
    PUF_SCALAR(FoundryWorker, tile, "row * columns + column", PUF_RANGE(0, INT32_MAX)),
    PUF_SCALAR(FoundryWorker, facing, "0 up, 1 down, 2 left, 3 right", PUF_RANGE(0, FOUNDRY_DIRECTIONS - 1)),
    PUF_SCALAR(FoundryWorker, team, "from 0", PUF_RANGE(0, FOUNDRY_MAX_TEAMS - 1)),
    PUF_ARRAY(FoundryWorker, goods, "how many it has of each good, by its number; its hearts are the last",
              PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(FoundryWorker, most, "the good that it carries most of; 0 none", PUF_RANGE(0, FOUNDRY_CARRIED)),
    PUF_SCALAR(FoundryWorker, energy, "that it has", PUF_RANGE(0, FOUNDRY_MAX_ENERGY)),
    PUF_SCALAR(FoundryWorker, thaws, "the tick at whose end it can act again; 0 if it is not frozen",
               PUF_RANGE(0, 100000 + FOUNDRY_MAX_FREEZE)),
    PUF_SCALAR(FoundryWorker, beam, "the tile that its laser hit in the last step; 0 none", PUF_RANGE(0, INT32_MAX)),
};
static const PufField foundry_fields[] = {
    PUF_BLOCK(Foundry, "what", PUF_U8, what_offset, what_rows, columns,
              "the hall, with five rows around it, as each team sees it, one below the other: 0 floor, or rock where "
              "`who` is -1, 1 wall, 2 to 7 a machine of kind a to f, 8 a mate, 9 a rival",
              PUF_RANGE(0, FOUNDRY_WHATS - 1)),
    PUF_BLOCK(Foundry, "state", PUF_U8, state_offset, rows, columns,
              "1 a machine that lacks something, 2 one that runs, 3 one with output, 4 to 7 a worker who faces up, "
              "down, left, right, 8 a frozen one",
              PUF_RANGE(0, FOUNDRY_STATES - 1)),
    PUF_BLOCK(Foundry, "count", PUF_U8, count_offset, rows, columns,
              "of a machine: output, or inputs if there is none; of a worker: what it carries most; at most 7",
              PUF_RANGE(0, FOUNDRY_MAX_COUNT)),
    PUF_BLOCK(Foundry, "who", PUF_I16, who_offset, rows, columns,
              "the number of the machine or the worker; on other tiles, of who was there last; -1 on rock",
              PUF_RANGE(FOUNDRY_NOBODY, INT16_MAX)),
    PUF_STRUCTS(Foundry, kinds, foundry_kind_fields, "what the machines of each kind do"),
    PUF_ROWS(Foundry, "machines", FoundryMachine, foundry_machine_fields, machines_offset, num_machines,
             "those of kind a first"),
    PUF_ROWS(Foundry, "workers", FoundryWorker, foundry_worker_fields, workers_offset, workers, "one row per agent"),
    PUF_ARRAY(Foundry, order, "of workers in a step, which begins one further in each; -1 beyond the last",
              PUF_RANGE(-1, FOUNDRY_MAX_WORKERS - 1)),
    PUF_SCALAR(Foundry, rank, "of the hall among all, by the ways between machines, from 0",
               PUF_LESS_THAN(Foundry, num_levels)),
    PUF_SCALAR(Foundry, num_levels, "number of halls"),
    PUF_SCALAR(Foundry, rows, "of the hall, with the walls around it"),
    PUF_SCALAR(Foundry, columns, "of the hall, with the walls around it"),
    PUF_SCALAR(Foundry, tick, "steps since the start of the episode", PUF_LESS_THAN(Foundry, max_steps)),
    PUF_SCALAR(Foundry, max_steps, "steps of an episode"),
    PUF_SCALAR(Foundry, hearts, "taken by all workers in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_ARRAY(Foundry, team_hearts, "taken by each team in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, par, "hearts that count as perf 1", PUF_DERIVED),
    PUF_SCALAR(Foundry, capacity, "hearts that the machines could make at most", PUF_DERIVED),
    PUF_ARRAY(Foundry, made, "of each good, taken from machines in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, gifts, "goods given in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, stolen, "goods taken from other workers in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, attacks, "lasers used in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, blocked, "lasers that a shield took in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, frozen, "steps that workers lost in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, eaten, "batteries eaten in this episode", PUF_RANGE(0, FOUNDRY_MANY)),
    PUF_SCALAR(Foundry, what_rows, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, tiles, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, teams, "to which workers are dealt"),
    PUF_SCALAR(Foundry, friendly_fire, "1 if workers can attack their own team"),
    PUF_SCALAR(Foundry, energy, "that a worker has at most; 0: none is needed"),
    PUF_SCALAR(Foundry, freeze, "steps that a worker loses when it is hit"),
    PUF_SCALAR(Foundry, stock, "of its output that a machine stores"),
    PUF_SCALAR(Foundry, carry, "of each good that a worker carries at most"),
    PUF_SCALAR(Foundry, episode_return, NULL),
    PUF_SCALAR(Foundry, first_rank, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, num_ranks, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, levels_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, level_bytes, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, signs_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Foundry, tiles_offset, NULL, PUF_DERIVED),
    PUF_ARRAY(Foundry, delta, NULL, PUF_DERIVED),
    PUF_ARRAY(Foundry, recipes, NULL, PUF_DERIVED),
    PUF_ARRAY(Foundry, numbers, NULL, PUF_DERIVED),
};

// ---- States from files ----

static int foundry_shows(const Foundry* s, int32_t tile, int32_t what, int32_t state, int32_t count)
{
    return foundry_what(s)[tile] == what && foundry_state(s)[tile] == state && foundry_count(s)[tile] == count;
}

// A machine stands where the hall has it, does what its kind does, and is shown so.
static int foundry_machine_fits(const Foundry* s, int32_t number, int32_t tile, int32_t what)
{
    const FoundryMachine* m = &foundry_machines(s)[number];
    const FoundryKind* kind = &s->kinds[m->kind];
    int fits = m->tile == tile && FOUNDRY_MACHINE + m->kind == what && foundry_who(s)[tile] == number;
    fits &= m->due == 0 || (m->due > s->tick && m->due <= s->tick + kind->cooldown);
    fits &= m->out + (m->due > 0 ? kind->out_count : 0) <= s->stock && (kind->out || m->due + m->out == 0);
    for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
        fits &= m->in[i] <= FOUNDRY_ROUNDS * foundry_needs(kind, i);
    }
    int32_t idle = m->due > 0 ? FOUNDRY_RUNNING : FOUNDRY_LACKING, count = m->out > 0 ? m->out : m->in[0] + m->in[1];
    return fits && foundry_shows(s, tile, what, m->out > 0 ? FOUNDRY_READY : idle, foundry_shown(count));
}

static int foundry_worker_fits(const Foundry* s, int32_t number, const uint8_t* tiles)
{
    const FoundryWorker* w = &foundry_workers(s)[number];
    FoundryWorker other = *w;
    foundry_find_most(&other);
    if (w->tile >= s->tiles || tiles[w->tile] != FOUNDRY_FLOOR || other.most != w->most) {
        return 0;
    }
    int fits = w->goods[FOUNDRY_NONE] == 0 && w->team < s->teams && w->energy <= s->energy;
    fits &= w->beam < s->tiles;
    fits &= w->thaws == 0 || (w->thaws > s->tick && w->thaws <= s->tick + s->freeze);
    for (int32_t good = FOUNDRY_ORE; good < FOUNDRY_HEART; good++) {
        fits &= w->goods[good] <= s->carry;
    }
    for (int32_t team = 0; team < s->teams; team++) {
        fits &= foundry_what_of(s, team)[w->tile] == (team == w->team ? FOUNDRY_MATE : FOUNDRY_RIVAL);
    }
    return fits && foundry_who(s)[w->tile] == number &&
           foundry_shows(s, w->tile, foundry_what(s)[w->tile], foundry_pose(w), foundry_shown(w->goods[w->most]));
}

static int foundry_order_fits(const Foundry* s)
{
    uint64_t acting = 0;
    for (int32_t i = 0; i < FOUNDRY_MAX_WORKERS; i++) {
        int32_t number = s->order[i];
        if ((i < s->workers) != (number >= 0) || number >= s->workers || (number >= 0 && acting >> number & 1)) {
            return 0;
        }
        acting |= number >= 0 ? UINT64_C(1) << number : 0;
    }
    return 1;
}

// Where no worker stands, all planes show the hall.
static int foundry_tile_fits(const Foundry* s, int32_t tile, int32_t code)
{
    int fits = code >= FOUNDRY_MACHINE || foundry_shows(s, tile, code, 0, 0);
    for (int32_t team = 0; team < s->teams; team++) {
        fits &= foundry_what_of(s, team)[tile] == code;
    }
    return fits;
}

// The planes show the hall of the rank, its machines and the workers, and nothing else.
static const char* foundry_contradiction(const void* state, const void* assets)
{
    const Foundry* s = state;
    const uint8_t* tiles = foundry_tiles(s, assets);
    const int32_t* machines = foundry_level(s, assets);
    int32_t workers = 0;
    for (int32_t i = 0; i < s->num_machines; i++) {
        if (!foundry_machine_fits(s, i, machines[i], tiles[machines[i]])) {
            return "machines";
        }
    }
    for (int32_t i = 0; i < s->workers; i++) {
        if (!foundry_worker_fits(s, i, tiles)) {
            return "workers";
        }
    }
    for (int32_t tile = 0; tile < s->tiles; tile++) {
        int works = foundry_what(s)[tile] >= FOUNDRY_MATE;
        workers += works;
        if (!works && !foundry_tile_fits(s, tile, foundry_code(tiles[tile]))) {
            return "what";
        }
    }
    return workers != s->workers ? "what" : foundry_order_fits(s) ? NULL : "order";
}

static const char* const foundry_log_names[] = { "ore",   "crystal", "battery", "gear",    "laser",  "shield", "heart",
                                                 "gifts", "stolen",  "attacks", "blocked", "frozen", "eaten",  "par" };

// clang-format off
PUF_DEFINE_ASSETS_ENV(foundry, Foundry,
    .version = 2,
    .doc = "Keep a factory running together: from ore to batteries to hearts, with machines whose rules are settings.",
    .reward = "reward_heart for each heart taken from a machine; less, if set, for other goods",
    .ends = "truncated after max_steps steps",
    .rate = 8,
    .obs_dtype = PUF_U8,
    .layout = { .agents = 6, .obs_ndim = 1, .obs_shape = { FOUNDRY_OBS }, PUF_ACTIONS(foundry), .masked = 1 },
    PUF_TABLES(foundry),
    PUF_LOG_NAMES(foundry),
    .setup_size = sizeof(FoundrySetup), .resize = foundry_resize, .conflict = foundry_conflict,
    .make_assets = foundry_make_assets, .prepare = foundry_prepare, .contradiction = foundry_contradiction);
