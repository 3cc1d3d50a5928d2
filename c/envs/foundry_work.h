// foundry_work.h - what foundry is made of, and what its machines and workers do to each other: rules 1 to 7.
//
// What workers see is kept in planes as large as the hall, which each change updates. Of `what` there is one for each
// team, as each takes other workers for its mates.
#pragma once
#include "foundry_levels.h"
#include "puffer_math.h"

enum { FOUNDRY_ORE = 1, FOUNDRY_CRYSTAL, FOUNDRY_BATTERY, FOUNDRY_GEAR, FOUNDRY_LASER, FOUNDRY_SHIELD, FOUNDRY_HEART };
enum { FOUNDRY_NONE = 0, FOUNDRY_GOODS = FOUNDRY_HEART + 1, FOUNDRY_CARRIED = FOUNDRY_HEART - 1 };
enum { FOUNDRY_STAY, FOUNDRY_WALK, FOUNDRY_GIVE = FOUNDRY_WALK + FOUNDRY_DIRECTIONS };
enum { FOUNDRY_ATTACK = FOUNDRY_GIVE + 1, FOUNDRY_EAT, FOUNDRY_ACTIONS };
enum { FOUNDRY_INPUTS = 2, FOUNDRY_ROUNDS = 4, FOUNDRY_MAX_COUNT = 7 }; // ROUNDS: for which a machine takes inputs
enum { FOUNDRY_MAX_TEAMS = 4, FOUNDRY_REACH = 3, FOUNDRY_MAX_ENERGY = 250, FOUNDRY_MAX_FREEZE = 1000 };

// Energy that things take, and that a battery gives.
enum { FOUNDRY_WALK_COST = 1, FOUNDRY_USE_COST = 2, FOUNDRY_GIVE_COST = 1, FOUNDRY_ATTACK_COST = 20 };
enum { FOUNDRY_MEAL = 50 };

enum { FOUNDRY_NOBODY = -1 }; // stands on rock

// Codes of the planes.
enum { FOUNDRY_MATE = FOUNDRY_MACHINE + FOUNDRY_KINDS, FOUNDRY_RIVAL, FOUNDRY_WHATS };
enum { FOUNDRY_NOTHING, FOUNDRY_LACKING, FOUNDRY_RUNNING, FOUNDRY_READY, FOUNDRY_FACING };
enum { FOUNDRY_FROZEN = FOUNDRY_FACING + FOUNDRY_DIRECTIONS, FOUNDRY_STATES };

// What the machines of a kind do: settings.
typedef struct FoundryKind {
    int32_t in[FOUNDRY_INPUTS], in_count; // goods; how much of the first, of the second it is one
    int32_t out, out_count;
    int32_t cooldown;
} FoundryKind;

typedef struct FoundryMachine {
    int32_t tile, kind;
    int32_t due; // the tick at which it is done; 0: it does not run
    int32_t out, in[FOUNDRY_INPUTS];
} FoundryMachine;

typedef struct FoundryWorker {
    int32_t tile, facing, team;
    int32_t goods[FOUNDRY_GOODS]; // of each; the last are its hearts
    int32_t most;                 // the good it carries most of, or FOUNDRY_NONE
    int32_t energy;
    int32_t thaws; // the tick at whose end it can act again; 0: it is not frozen
    int32_t beam;  // the tile that its laser hit in the last step, or 0
} FoundryWorker;

typedef struct Foundry {
    PufRng rng;
    int32_t workers, max_steps, stock, carry, walk, num_levels; // settings
    int32_t teams, friendly_fire, freeze, energy;               // settings
    FoundryKind kinds[FOUNDRY_KINDS];
    float reward[FOUNDRY_GOODS], share; // by good: the first is for those that have none of their own
    int32_t first_rank, num_ranks;      // the window from which episodes draw
    int32_t rows, columns;              // of the hall, with the walls around it
    int32_t tiles, what_rows;           // rows times columns, and the rows of `what`: those of the hall, for each team
    int32_t delta[FOUNDRY_DIRECTIONS];
    int32_t num_machines, capacity, par;                 // of hearts in an episode
    int32_t levels_offset, level_bytes;                  // in the assets
    int32_t signs_offset, tiles_offset;                  // in a level
    int32_t what_offset, state_offset, count_offset;     // planes in the block: bytes from the start of the state
    int32_t who_offset, machines_offset, workers_offset; // tables in the block
    uint8_t recipes[(FOUNDRY_INPUTS + 1) * FOUNDRY_KINDS], numbers[3 * FOUNDRY_KINDS]; // the rules as workers see them
    int32_t rank;                       // of the level; 0 has the shortest ways
    int32_t order[FOUNDRY_MAX_WORKERS]; // in which workers act; -1 beyond the last
    int32_t tick, hearts, team_hearts[FOUNDRY_MAX_TEAMS];
    int32_t made[FOUNDRY_GOODS]; // goods taken from machines in this episode
    int32_t gifts, stolen;       // goods given and taken by force
    int32_t attacks, blocked;    // lasers used, and how many of them a shield took
    int32_t frozen, eaten;       // steps that workers lost, and batteries eaten
    float episode_return;        // of all workers
    PufLog log;
    float log_made[FOUNDRY_GOODS - 1], log_gifts, log_stolen, log_attacks, log_blocked, log_frozen, log_eaten, log_par;
} Foundry;

// ---- The tables. They start on cache lines. ----

// Where the tables of the block begin; returns its end.
static int32_t foundry_place_tables(const FoundryPlan* plan, Foundry* s)
{
    int32_t plane = foundry_table_bytes(plan), tiles = foundry_rows(plan) * foundry_columns(plan);
    s->what_offset = foundry_align((int32_t)sizeof(Foundry));
    s->state_offset = s->what_offset + foundry_align((s->teams - 1) * tiles + plane);
    s->count_offset = s->state_offset + plane;
    s->who_offset = s->count_offset + plane;
    s->machines_offset = s->who_offset + plane * (int32_t)sizeof(int16_t);
    int32_t machines = foundry_count_machines(plan) * (int32_t)sizeof(FoundryMachine);
    s->workers_offset = s->machines_offset + foundry_align(machines);
    return s->workers_offset + foundry_align(s->workers * (int32_t)sizeof(FoundryWorker));
}

// As the first team sees it. The planes of the others follow.
static uint8_t* foundry_what(const Foundry* s) { return (uint8_t*)s + s->what_offset; }

static uint8_t* foundry_what_of(const Foundry* s, int32_t team) { return foundry_what(s) + team * s->tiles; }

static uint8_t* foundry_state(const Foundry* s) { return (uint8_t*)s + s->state_offset; }

static uint8_t* foundry_count(const Foundry* s) { return (uint8_t*)s + s->count_offset; }

// The number of the machine or the worker on each tile.
static int16_t* foundry_who(const Foundry* s) { return (int16_t*)((uint8_t*)s + s->who_offset); }

static FoundryMachine* foundry_machines(const Foundry* s)
{
    return (FoundryMachine*)((uint8_t*)s + s->machines_offset);
}

static FoundryWorker* foundry_workers(const Foundry* s) { return (FoundryWorker*)((uint8_t*)s + s->workers_offset); }

// The machine or the worker on a tile, or NULL.
static FoundryMachine* foundry_machine_at(const Foundry* s, int32_t tile)
{
    int32_t what = foundry_what(s)[tile];
    return what >= FOUNDRY_MACHINE && what < FOUNDRY_MATE ? &foundry_machines(s)[foundry_who(s)[tile]] : NULL;
}

static FoundryWorker* foundry_worker_at(const Foundry* s, int32_t tile)
{
    return foundry_what(s)[tile] >= FOUNDRY_MATE ? &foundry_workers(s)[foundry_who(s)[tile]] : NULL;
}

static uint8_t foundry_shown(int32_t count) { return (uint8_t)(count < FOUNDRY_MAX_COUNT ? count : FOUNDRY_MAX_COUNT); }

static void foundry_show_machine(const Foundry* s, const FoundryMachine* m)
{
    int32_t idle = m->due > 0 ? FOUNDRY_RUNNING : FOUNDRY_LACKING;
    foundry_state(s)[m->tile] = (uint8_t)(m->out > 0 ? FOUNDRY_READY : idle);
    foundry_count(s)[m->tile] = foundry_shown(m->out > 0 ? m->out : m->in[0] + m->in[1]);
}

static int32_t foundry_pose(const FoundryWorker* w) { return w->thaws ? FOUNDRY_FROZEN : FOUNDRY_FACING + w->facing; }

static void foundry_show_worker(const Foundry* s, const FoundryWorker* w)
{
    for (int32_t team = 0; team < s->teams; team++) {
        foundry_what_of(s, team)[w->tile] = (uint8_t)(team == w->team ? FOUNDRY_MATE : FOUNDRY_RIVAL);
    }
    foundry_state(s)[w->tile] = (uint8_t)foundry_pose(w);
    foundry_count(s)[w->tile] = foundry_shown(w->goods[w->most]);
}

static void foundry_clear_tile(const Foundry* s, int32_t tile)
{
    for (int32_t team = 0; team < s->teams; team++) {
        foundry_what_of(s, team)[tile] = FOUNDRY_FLOOR;
    }
    foundry_state(s)[tile] = FOUNDRY_NOTHING;
    foundry_count(s)[tile] = 0;
}

// ---- Machines ----

// How much of an input a machine needs for one round.
static int32_t foundry_needs(const FoundryKind* kind, int32_t input)
{
    int32_t amount = input == 0 ? kind->in_count : 1;
    return kind->in[input] ? amount : 0;
}

// Start a machine that has its inputs, and room for what it will make.
static void foundry_start(const Foundry* s, FoundryMachine* m)
{
    const FoundryKind* kind = &s->kinds[m->kind];
    int complete = kind->out && m->out + kind->out_count <= s->stock;
    for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
        complete &= m->in[i] >= foundry_needs(kind, i);
    }
    if (m->due == 0 && complete) {
        m->due = s->tick + kind->cooldown;
        for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
            m->in[i] -= foundry_needs(kind, i);
        }
    }
}

static void foundry_run_machines(const Foundry* s)
{
    FoundryMachine* machines = foundry_machines(s);
    for (int32_t i = 0; i < s->num_machines; i++) {
        FoundryMachine* m = &machines[i];
        if (m->due == s->tick) {
            m->due = 0;
            m->out += s->kinds[m->kind].out_count;
            foundry_start(s, m);
            foundry_show_machine(s, m);
        }
    }
}

// ---- Goods ----

// Of equals, the later in the list of goods. Hearts are not carried.
static void foundry_find_most(FoundryWorker* w)
{
    w->most = FOUNDRY_NONE;
    for (int32_t good = FOUNDRY_ORE; good < FOUNDRY_HEART; good++) {
        if (w->goods[good] > 0 && w->goods[good] >= w->goods[w->most]) {
            w->most = good;
        }
    }
}

// After its goods, or anything else about it, changed.
static void foundry_update(const Foundry* s, FoundryWorker* w)
{
    foundry_find_most(w);
    foundry_show_worker(s, w);
}

static int32_t foundry_room(const Foundry* s, const FoundryWorker* w, int32_t good)
{
    return good == FOUNDRY_HEART ? INT32_MAX : s->carry - w->goods[good];
}

// Hand over as much of a good as the other has room for; how much that is.
static int32_t foundry_hand_over(const Foundry* s, FoundryWorker* from, FoundryWorker* to, int32_t good, int32_t amount)
{
    int32_t room = foundry_room(s, to, good), handed = amount < room ? amount : room;
    from->goods[good] -= handed;
    to->goods[good] += handed;
    foundry_update(s, from);
    foundry_update(s, to);
    return handed;
}

// ---- Energy ----

static int foundry_affords(const Foundry* s, const FoundryWorker* w, int32_t cost)
{
    return s->energy == 0 || w->energy >= cost;
}

static void foundry_spend(const Foundry* s, FoundryWorker* w, int32_t cost) { w->energy -= s->energy > 0 ? cost : 0; }

static int foundry_can_eat(const Foundry* s, const FoundryWorker* w)
{
    return w->energy < s->energy && w->goods[FOUNDRY_BATTERY] > 0;
}

static void foundry_eat(Foundry* s, FoundryWorker* w)
{
    if (foundry_can_eat(s, w)) {
        w->goods[FOUNDRY_BATTERY] -= 1;
        w->energy = puf_clampi(w->energy + FOUNDRY_MEAL, 0, s->energy);
        s->eaten += 1;
        foundry_update(s, w);
    }
}

// ---- Using machines ----

// Take all output that there is room for; how much that is.
static int32_t foundry_take(Foundry* s, FoundryWorker* w, FoundryMachine* m, int32_t good)
{
    int32_t room = foundry_room(s, w, good), taken = m->out < room ? m->out : room;
    m->out -= taken;
    w->goods[good] += taken;
    s->made[good] += taken;
    return taken;
}

// Put in what the machine needs for its next rounds.
static void foundry_put(const Foundry* s, FoundryWorker* w, FoundryMachine* m)
{
    const FoundryKind* kind = &s->kinds[m->kind];
    for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
        int32_t wanted = FOUNDRY_ROUNDS * foundry_needs(kind, i) - m->in[i], *held = &w->goods[kind->in[i]];
        int32_t put = *held < wanted ? *held : wanted;
        *held -= put;
        m->in[i] += put;
    }
}

static int foundry_can_use(const Foundry* s, const FoundryWorker* w, const FoundryMachine* m)
{
    const FoundryKind* kind = &s->kinds[m->kind];
    int can = m->out > 0 && foundry_room(s, w, kind->out) > 0;
    for (int32_t i = 0; i < FOUNDRY_INPUTS; i++) {
        can |= w->goods[kind->in[i]] > 0 && m->in[i] < FOUNDRY_ROUNDS * foundry_needs(kind, i);
    }
    return can && foundry_affords(s, w, FOUNDRY_USE_COST);
}

// Count hearts, and pay a part of the reward for them to all of the worker's team. Returns what remains for the worker.
static float foundry_share_hearts(Foundry* s, const FoundryWorker* w, int32_t taken, float* rewards)
{
    const FoundryWorker* workers = foundry_workers(s);
    float reward = (float)taken * s->reward[FOUNDRY_HEART];
    int32_t mates = 0;
    s->hearts += taken;
    s->team_hearts[w->team] += taken;
    for (int32_t i = 0; i < s->workers; i++) {
        mates += workers[i].team == w->team;
    }
    for (int32_t i = 0; i < s->workers; i++) {
        rewards[i] += workers[i].team == w->team ? reward * s->share / (float)mates : 0.0f;
    }
    s->episode_return += reward * s->share;
    return reward * (1.0f - s->share);
}

static void foundry_use(Foundry* s, FoundryWorker* w, FoundryMachine* m, float* rewards, int32_t number)
{
    int32_t good = s->kinds[m->kind].out, taken = foundry_take(s, w, m, good);
    float reward = (float)taken * s->reward[good];
    if (taken == 0) {
        foundry_put(s, w, m);
    } else if (good == FOUNDRY_HEART) {
        reward = foundry_share_hearts(s, w, taken, rewards);
    }
    rewards[number] += reward;
    s->episode_return += reward;
    foundry_spend(s, w, FOUNDRY_USE_COST);
    foundry_start(s, m);
    foundry_show_machine(s, m);
    foundry_update(s, w);
}

// ---- Walking ----

// Whether there is anything but a wall or a useless machine in a direction.
static int foundry_can_walk(const Foundry* s, const FoundryWorker* w, int32_t direction)
{
    int32_t to = w->tile + s->delta[direction];
    const FoundryMachine* m = foundry_machine_at(s, to);
    int can = m ? foundry_can_use(s, w, m) : foundry_affords(s, w, FOUNDRY_WALK_COST);
    return can && foundry_what(s)[to] != FOUNDRY_WALL && w->thaws == 0;
}

static void foundry_move(const Foundry* s, FoundryWorker* w, int32_t number, int32_t tile)
{
    w->tile = tile;
    foundry_who(s)[tile] = (int16_t)number;
    foundry_show_worker(s, w);
}

static void foundry_walk(Foundry* s, FoundryWorker* w, int32_t number, int32_t direction, float* rewards)
{
    int32_t from = w->tile, to = from + s->delta[direction], who = foundry_who(s)[to];
    if (!foundry_can_walk(s, w, direction)) {
        return;
    }
    FoundryMachine* m = foundry_machine_at(s, to);
    FoundryWorker* other = foundry_worker_at(s, to);
    w->facing = direction;
    if (m) {
        foundry_use(s, w, m, rewards, number);
        return;
    }
    foundry_spend(s, w, FOUNDRY_WALK_COST);
    if (!other) {
        foundry_clear_tile(s, from);
        foundry_move(s, w, number, to);
    } else if (other->thaws || other->facing == (direction ^ 1)) { // frozen, or it faces back
        foundry_move(s, other, who, from);
        foundry_move(s, w, number, to);
    } else {
        foundry_show_worker(s, w);
    }
}

// ---- Gifts and attacks ----

// The worker to whom this one can give, or NULL.
static FoundryWorker* foundry_receiver(const Foundry* s, const FoundryWorker* w)
{
    FoundryWorker* other = foundry_worker_at(s, w->tile + s->delta[w->facing]);
    int can = other && w->most && w->thaws == 0 && foundry_affords(s, w, FOUNDRY_GIVE_COST);
    return can && foundry_room(s, other, w->most) > 0 ? other : NULL;
}

static void foundry_give(Foundry* s, FoundryWorker* w)
{
    FoundryWorker* other = foundry_receiver(s, w);
    if (other) {
        foundry_spend(s, w, FOUNDRY_GIVE_COST);
        s->gifts += foundry_hand_over(s, w, other, w->most, 1);
    }
}

// The first worker ahead whom a beam reaches, or NULL; nobody where there are no rivals.
static FoundryWorker* foundry_target(const Foundry* s, const FoundryWorker* w)
{
    int32_t tile = w->tile, reach = s->teams > 1 || s->friendly_fire ? FOUNDRY_REACH : 0;
    for (int32_t i = 0; i < reach; i++) {
        tile += s->delta[w->facing];
        if (foundry_what(s)[tile] != FOUNDRY_FLOOR) {
            return foundry_worker_at(s, tile);
        }
    }
    return NULL;
}

// Mates, unless they may be hit, and frozen workers are spared.
static int foundry_can_attack(const Foundry* s, const FoundryWorker* w, const FoundryWorker* target)
{
    int may = target && target->thaws == 0 && (s->friendly_fire || target->team != w->team);
    return may && w->goods[FOUNDRY_LASER] > 0 && w->thaws == 0 && foundry_affords(s, w, FOUNDRY_ATTACK_COST);
}

static void foundry_attack(Foundry* s, FoundryWorker* w)
{
    FoundryWorker* target = foundry_target(s, w);
    if (!foundry_can_attack(s, w, target)) {
        return;
    }
    foundry_spend(s, w, FOUNDRY_ATTACK_COST);
    w->goods[FOUNDRY_LASER] -= 1;
    w->beam = target->tile;
    s->attacks += 1;
    if (target->goods[FOUNDRY_SHIELD] > 0) {
        target->goods[FOUNDRY_SHIELD] -= 1;
        s->blocked += 1;
    } else {
        int32_t good = target->most, half = (target->goods[good] + 1) / 2;
        target->thaws = s->tick + s->freeze;
        s->stolen += foundry_hand_over(s, target, w, good, half);
    }
    foundry_update(s, w);
    foundry_update(s, target);
}

// ---- Time ----

// Workers regain energy, and thaw. Where there is no energy and nobody was hit there is nothing to do.
static void foundry_refresh(Foundry* s)
{
    int32_t workers = s->energy + s->attacks > 0 ? s->workers : 0;
    for (int32_t i = 0; i < workers; i++) {
        FoundryWorker* w = &foundry_workers(s)[i];
        w->energy = puf_clampi(w->energy + 1, 0, s->energy);
        if (w->thaws > s->tick) {
            s->frozen += 1;
        } else if (w->thaws) {
            w->thaws = 0;
            foundry_show_worker(s, w);
        }
    }
}
