// delve - a roguelike: go down twelve levels, fight, eat, find out what things do, and take the amulet.
//
// Observation  uint8 (262): codes first, then amounts. Codes: the 11 x 11 tiles around the hero as remembered, with the
//              monsters in sight; the kinds of the four nearest monsters; the hero; the class of what lies here; the
//              kinds in the twelve slots of the pack; the last two events. Amounts: of each of the four monsters where
//              it is, its health, mood and rank; of each slot its count, bonus and whether it is worn or cursed; the
//              hero's numbers; where the stairs are, once seen; which achievements are earned.
// Action       one of 25: eight moves (into a monster: attack), search, take, descend, climb, use one of twelve slots,
//              and the hero's own power. The mask marks what can be done; anything else counts as search.
// Reward       `reward_point` for each point of an achievement, `reward_tile` for each tile seen for the first time,
//              `reward_level` for each level of experience.
// End          terminal when the hero dies or takes the amulet; truncated after `max_steps` steps.
// Score        50 for each level below the first, gold, and experience; perf is points / 150.
//
// A step is a turn:
//
// 1. The hero acts. Stairs lead to the next level, gold is taken by walking over it. The pack has twelve slots: a
//    blade; a bow, which shoots at the nearest monster in sight; helmet, mail and shield; two for potions and two for
//    scrolls; a wand; a ring; food. Using a slot puts its thing on, shoots, drinks, reads, zaps or eats. A
//    thing that finds no room takes the place of what is there.
// 2. On the level where the turn began, monsters within 12 tiles act as often as their speed allows, and for a hero
//    with speed in every second turn only. Sleepers may wake. Those who are awake hunt whom they see, then follow the
//    trail.
// 3. Time passes: the hero gets hungrier by 1, and loses health at 0; health and mana come back slowly, unless there is
//    poison. A rogue searches all the time. Every 150 turns one more monster comes.
//
// To hit, a die of 20 plus the attacker's skill must be above the armour: for the hero, skill is the level plus the
// blade's bonus, and armour is 10 plus what is worn.
//
// Heroes: the fighter has a sword and chain mail, and sweeps at all around. The rogue shoots, hits sleepers three times
// as hard, wakes few, steps around traps that were found, and throws dust that puts those around to sleep. The mage
// has a wand and casts bolts that never miss. The priest heals, and sees what is cursed. A hero rises to level L + 1
// with 20 * 2^(L - 1) experience.
//
// Things look different in each game, until they are used or lore names them:
//
//     potions  healing; life, which raises the greatest health; speed; might, for more harm; insight, a level of
//              experience; spirit, for mana; venom; dizziness
//     scrolls  lore names all in the pack; sharpness and warding make blade and armour better; flight leads elsewhere;
//              mapping shows the level; blessing lifts curses; slumber puts all in sight to sleep; alarm wakes all
//     wands    striking, fire, drowse, banishing, leeching: they hit the nearest in sight, without fail
//     rings    protection, health, light, sustenance
//
// Blades, bows and armour may be better or worse by up to 3. What is worse is cursed: once on, it stays.
// Traps: a dart, a pit, a warp to elsewhere, a trapdoor to the next level, a bell that wakes all, rust.
//
// Things and monsters of the levels that were left stay as they are, but monsters heal, by 1 in 10 turns.
//
// Achievements, once each: for 1 point the first thing taken, blade, armour, meal, potion, scroll, wand, kill and trap,
// 10 kills, 100 gold, depth 2, level 2; for 3 depths 3 to 5, level 5, 4 and 8 secrets, a kill from afar and one by
// magic, helmet, mail and shield at once, a thief, 50 kills; for 5 depths 6 to 8, level 8, 3 elite monsters, a thing at
// +3, 500 gold, 100 kills; for 8 depths 9 to 12, level 12, a dragon, 200 kills, the amulet.
//
// The dungeon is twelve levels drawn from the batch's own, each with tables of what can be seen from each tile.
// Nothing is generated while the game runs but monsters and things, when a level is entered for the first time.
#pragma once
#include "delve_view.h"

enum { DELVE_HEAL_EVERY = 13, DELVE_MANA_EVERY = 14, DELVE_COMES_EVERY = 150, DELVE_SAFE = 6 };

// The settings that the dungeon is made from.
typedef struct DelveSetup {
    Delve state;
    uint32_t level_seed;
} DelveSetup;

static void delve_resize(PufLayout* layout, const void* setup)
{
    const Delve* s = setup;
    uint64_t levels = (uint64_t)s->num_levels * DELVE_DEPTHS;
    layout->state_size = sizeof(Delve);
    layout->assets_size = delve_tiles_bytes(s->num_levels) + levels * sizeof(DelveLevel);
}

static void delve_make_assets(const PufLayout* layout, void* assets, const void* setup)
{
    const DelveSetup* given = setup;
    (void)layout;
    delve_make_levels(assets, given->state.num_levels, given->level_seed);
}

static void delve_prepare(void* setup)
{
    Delve* s = setup;
    s->levels_offset = (int32_t)delve_tiles_bytes(s->num_levels);
    s->terrain_rows = DELVE_ROWS;
    s->terrain_columns = DELVE_COLUMNS;
    s->plan_rows = 1;
    s->plan_columns = DELVE_PLAN;
}

// ---- Levels ----

// Where the table and the plan of the present level are in the assets.
static void delve_find_level(Delve* s)
{
    s->terrain_offset = (int32_t)(delve_number(s) * DELVE_TILES);
    s->plan_offset =
        s->levels_offset + (int32_t)(delve_number(s) * sizeof(DelveLevel) + offsetof(DelveLevel, num_floor));
}

// Monsters and things for a level that is entered for the first time: more of them deeper down.
static void delve_populate(Delve* s, const void* assets)
{
    const DelveLevel* level = delve_level(s, assets);
    float wanted = s->density * (float)(5 + s->depth / 2 + delve_draw(s, 3));
    for (int32_t i = puf_clampi((int32_t)wanted, 0, DELVE_CROWD - 3); i > 0; i--) {
        int32_t tile = delve_free_floor(s, assets), kind = delve_draw_kind(s);
        int elite = s->depth > 1 && delve_draw(s, 20) == 0, awake = delve_draw(s, 3) == 0;
        if (delve_distance(tile, s->tile) > DELVE_SAFE) {
            (void)delve_add_monster(s, tile, kind, elite, awake ? DELVE_WANDERS : DELVE_ASLEEP);
        }
    }
    for (int32_t i = 5 + delve_draw(s, 4); i > 0; i--) {
        delve_add_thing(s, assets, delve_draw_class(s));
    }
    for (int32_t i = 2 + delve_draw(s, 3); i > 0; i--) {
        delve_add_thing(s, assets, DELVE_GOLD);
    }
    if (s->depth == DELVE_DEPTHS) {
        DelveThing* thing = delve_new_thing(s);
        delve_put_thing(thing, DELVE_THE_AMULET, 0, 1, 0);
        thing->tile = (int16_t)level->down;
    }
}

// The level again, after so many turns.
static void delve_age(Delve* s, int32_t turns)
{
    DelveMonster* monsters = delve_monsters(s);
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        DelveMonster* m = &monsters[i];
        DelveDice dice = delve_kinds[m->kind].health;
        int32_t full = dice.count * dice.sides * (1 + m->elite), healed = m->health + turns / 10;
        m->health = (int16_t)(healed < full ? healed : full > m->health ? full : m->health);
        m->mood = m->mood == DELVE_HUNTS ? DELVE_WANDERS : m->mood;
    }
}

// Write the tables of the present level; a monster on the hero's tile makes room.
static void delve_lay_out(Delve* s, const void* assets)
{
    const uint8_t* tiles = delve_tiles(s, assets);
    DelveMonster* monsters = delve_monsters(s);
    memset(s->view, 0, sizeof(s->view));
    memset(s->who, 0, sizeof(s->who));
    for (int32_t row = DELVE_EDGE; row < DELVE_EDGE + DELVE_HEIGHT; row++) {
        uint64_t bits = delve_seen(s)[row - DELVE_EDGE];
        for (int32_t column = 0; bits; column++, bits >>= 1) {
            int32_t tile = row * DELVE_COLUMNS + column;
            s->view[tile] = bits & 1 ? delve_view_of(s, tiles[tile]) : DELVE_UNSEEN;
        }
    }
    delve_show_things(s);
    for (int32_t i = 0; i < DELVE_CROWD; i++) {
        if (monsters[i].kind) {
            s->who[monsters[i].tile] = (uint8_t)(i + 1);
        }
    }
    int32_t who = s->who[s->tile];
    if (who > 0) {
        delve_banish(s, assets, &monsters[who - 1]);
    }
}

static void delve_enter(Delve* s, const void* assets, int32_t depth, int32_t by)
{
    static const uint8_t reached[DELVE_DEPTHS + 1] = {
        0,
        0,
        DELVE_REACHED_2,
        DELVE_REACHED_3,
        DELVE_REACHED_4,
        DELVE_REACHED_5,
        DELVE_REACHED_6,
        DELVE_REACHED_7,
        DELVE_REACHED_8,
        DELVE_REACHED_9,
        DELVE_REACHED_10,
        DELVE_REACHED_11,
        DELVE_REACHED_12,
    };
    int climbs = depth < s->depth;
    s->left[s->depth - 1] = s->turn;
    s->depth = depth;
    delve_find_level(s);
    const DelveLevel* level = delve_level(s, assets);
    s->tile = climbs ? level->down : level->up;
    if (by == DELVE_BY_FALLING) {
        s->tile = level->floor[delve_draw(s, level->num_floor)];
    }
    int32_t index = depth - 1, first = !s->visited[index];
    s->visited[index] = 1;
    if (!first) {
        delve_age(s, s->turn - s->left[index]);
    }
    s->left[index] = s->turn;
    memset(s->trail, 0, sizeof(s->trail));
    delve_lay_out(s, assets);
    if (first) {
        delve_populate(s, assets);
    }
    delve_tell(s, DELVE_ARRIVED, 0, depth);
    for (; s->deepest < depth; s->deepest++) {
        delve_earn(s, reached[s->deepest + 1], s->deepest >= 1);
    }
    delve_take_treasure(s, assets);
}

// ---- A turn ----

static void delve_walk(Delve* s, const void* assets, int32_t direction)
{
    const uint8_t* tiles = delve_tiles(s, assets);
    if (s->confused > 0 && delve_draw(s, 2) == 0) {
        direction = delve_draw(s, 8);
    }
    int32_t to = s->tile + delve_moves[direction], trap = tiles[to] >> DELVE_TERRAIN_BITS;
    if (s->who[to] > 0) {
        delve_strike(s, assets, &delve_monsters(s)[s->who[to] - 1], 0, DELVE_BY_HAND);
        return;
    }
    if (!delve_can_enter(tiles, to, 0)) {
        return;
    }
    memmove(s->trail + 1, s->trail, (DELVE_TRAIL - 1) * sizeof(s->trail[0]));
    s->trail[0] = (int16_t)s->tile;
    s->tile = to;
    if (s->view[to] >= DELVE_OBJECT) {
        delve_take_treasure(s, assets);
    }
    if (trap > 0 && !(s->hero == DELVE_ROGUE && (s->found[s->depth - 1] >> (trap - 1) & 1))) {
        delve_spring(s, assets, trap - 1);
    }
}

static void delve_do(Delve* s, const void* assets, int32_t action)
{
    if (action < DELVE_SEARCH) {
        delve_walk(s, assets, action);
    } else if (action == DELVE_TAKE) {
        delve_take(s, assets);
    } else if (action == DELVE_DESCEND) {
        delve_enter(s, assets, s->depth + 1, DELVE_BY_STAIRS);
    } else if (action == DELVE_CLIMB) {
        delve_enter(s, assets, s->depth - 1, DELVE_BY_STAIRS);
    } else if (action == DELVE_POWER) {
        delve_use_power(s, assets);
    } else if (action >= DELVE_USE) {
        delve_use(s, assets, action - DELVE_USE);
    } else {
        delve_search(s, assets);
    }
}

static int32_t delve_down_to_zero(int32_t x) { return x > 0 ? x - 1 : 0; }

static void delve_get_hungry(Delve* s)
{
    if (!delve_has_ring(s, DELVE_SUSTENANCE) || s->turn % 2 == 0) {
        s->food -= 1;
    }
    if (s->food == DELVE_HUNGRY_AT) {
        delve_tell(s, DELVE_HUNGRY, 0, 0);
    }
    if (s->food <= 0) {
        s->food = 0;
        delve_tell(s, DELVE_STARVES, 0, 1);
        delve_harm(s, 1, DELVE_BY_HUNGER);
    }
}

static void delve_pass_time(Delve* s, const void* assets)
{
    delve_get_hungry(s);
    int32_t every = DELVE_HEAL_EVERY - s->level / 2;
    every = delve_has_ring(s, DELVE_HEALTH) ? every / 3 : every;
    if (s->poison > 0) {
        delve_harm(s, 1, DELVE_BY_HARM);
    } else if (s->turn % every == 0 && s->health > 0 && s->food > 0) {
        delve_heal(s, 1);
    }
    if (s->turn % DELVE_MANA_EVERY == 0 && s->mana < delve_max_mana(s)) {
        s->mana += 1;
    }
    s->fast = delve_down_to_zero(s->fast);
    s->confused = delve_down_to_zero(s->confused);
    s->poison = delve_down_to_zero(s->poison);
    if (s->hero == DELVE_ROGUE) {
        delve_search(s, assets);
    }
    if (s->turn % DELVE_COMES_EVERY == 0) {
        int32_t tile = delve_free_floor(s, assets), kind = delve_draw_kind(s);
        if (delve_distance(tile, s->tile) > DELVE_SIGHT) {
            (void)delve_add_monster(s, tile, kind, 0, DELVE_WANDERS);
        }
    }
}

// ---- Episodes ----

static void delve_shuffle_looks(Delve* s)
{
    for (int32_t class = DELVE_POTION; class <= DELVE_RING; class++) {
        const DelveClass* c = &delve_classes[class];
        uint8_t* looks = &s->looks[c->first - DELVE_FIRST_SECRET];
        for (int32_t i = 0; i <= c->last - c->first; i++) { // shuffle (Durstenfeld 1964)
            int32_t other = delve_draw(s, i + 1);
            looks[i] = looks[other];
            looks[other] = (uint8_t)i;
        }
    }
}

// What the hero starts with is known, and worn where that is possible.
static void delve_equip(Delve* s, int32_t kind, int worn)
{
    if (kind) {
        DelveThing* own = &s->pack[delve_slot(delve_class_of(kind))];
        delve_put_thing(own, kind, 0, kind == DELVE_STRIKING ? 5 : 1,
                        DELVE_OWN | DELVE_KNOWN | (worn ? DELVE_WORN : 0));
        delve_learn(s, kind);
    }
}

static void delve_begin_hero(Delve* s)
{
    const DelveHero* hero = &delve_heroes[s->hero];
    s->level = 1;
    s->health = s->max_health = hero->health;
    s->mana = delve_max_mana(s);
    s->food = s->supplies;
    s->gold = s->experience = s->strength = s->fast = s->confused = s->poison = 0;
    s->turn = s->kills = s->elites = s->points = s->explored = s->cause = s->won = 0;
    s->earned = 0;
    s->known = 0;
    s->episode_return = 0.0f;
    memset(s->pack, 0, sizeof(s->pack));
    memset(s->events, 0, sizeof(s->events));
    for (int32_t i = 0; i < 4; i++) {
        delve_equip(s, hero->wears[i], hero->wears[i] != DELVE_ONE_BOW);
    }
    delve_equip(s, hero->carries, 0);
    delve_equip(s, DELVE_RATION, 0);
}

static void delve_reset(Delve* s, const void* assets)
{
    for (int32_t i = 0; i < DELVE_DEPTHS; i++) {
        s->numbers[i] = delve_draw(s, s->num_levels);
        s->visited[i] = s->left[i] = s->found[i] = 0;
    }
    memset(s->seen, 0, sizeof(s->seen));
    memset(s->monsters, 0, sizeof(s->monsters));
    memset(s->things, 0, sizeof(s->things));
    s->hero = s->hero_choice ? s->hero_choice : 1 + delve_draw(s, DELVE_HEROES);
    delve_shuffle_looks(s);
    delve_begin_hero(s);
    s->depth = s->start;
    s->deepest = s->start - 1;
    delve_enter(s, assets, s->start, DELVE_BY_STAIRS);
    s->explored = 0;
    s->earned = 0; // for where and with what the hero starts there are no points
    s->points = 0;
    memset(s->events, 0, sizeof(s->events));
    delve_look(s, assets);
    delve_settle(s, assets);
}

static int32_t delve_score(const Delve* s) { return 50 * (s->deepest - 1) + s->gold + s->experience; }

static void delve_add_log(Delve* s)
{
    float perf = (float)s->points / (float)DELVE_MAX_POINTS, *hero = s->log_hero[s->hero - 1];
    puf_log_episode(&s->log, perf, (float)delve_score(s), s->episode_return, (float)s->turn);
    s->log_depth += (float)s->deepest;
    s->log_level += (float)s->level;
    s->log_kills += (float)s->kills;
    s->log_gold += (float)s->gold;
    s->log_points += (float)s->points;
    s->log_by_monster += s->cause > 0 && s->cause <= DELVE_MONSTERS ? 1.0f : 0.0f;
    s->log_by_hunger += s->cause == DELVE_BY_HUNGER ? 1.0f : 0.0f;
    s->log_by_harm += s->cause == DELVE_BY_HARM ? 1.0f : 0.0f;
    s->log_won += (float)s->won;
    s->ended = 100 * s->depth + (s->won ? DELVE_BY_AMULET : s->cause);
    hero[0] += 1.0f;
    hero[1] += perf;
    hero[2] += (float)s->deepest;
}

// Levels of experience, with the part of the next one.
static float delve_progress(const Delve* s)
{
    int32_t from = s->level > 1 ? 20 << (s->level - 2) : 0, to = 20 << (s->level - 1);
    return s->level < DELVE_MAX_LEVEL ? (float)s->level + (float)(s->experience - from) / (float)(to - from)
                                      : (float)DELVE_MAX_LEVEL;
}

static void delve_step(Delve* s, PufIo io)
{
    int32_t points = s->points, explored = s->explored, depth = s->depth, action = io.actions[0];
    int32_t tile = s->tile, reach = delve_reach(s, io.assets);
    float progress = delve_progress(s);
    s->turn += 1;
    delve_do(s, io.assets, s->allowed >> action & 1 ? action : DELVE_SEARCH);
    if (s->health > 0 && !s->won) {
        if (s->depth == depth && !(s->fast > 0 && s->turn % 2)) {
            delve_act_all(s, io.assets);
        }
        delve_pass_time(s, io.assets);
    }
    if (s->tile != tile || s->depth != depth || delve_reach(s, io.assets) != reach) {
        delve_look(s, io.assets);
    }
    delve_settle(s, io.assets);
    int dead = s->health <= 0;
    s->health = dead ? 0 : s->health;
    float reward = s->reward_point * (float)(s->points - points) + s->reward_tile * (float)(s->explored - explored) +
                   s->reward_level * (delve_progress(s) - progress);
    s->episode_return += reward;
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)(dead || s->won);
    io.truncations[0] = (uint8_t)(!io.terminals[0] && s->turn >= s->max_steps);
    if (io.terminals[0] | io.truncations[0]) {
        delve_add_log(s);
    }
}

// ---- Its tables ----

static const PufObs delve_obs[] = {
    PUF_CODES("tiles", DELVE_PLANE, DELVE_SIGHTS,
              "around the hero: 0 not seen, 1 floor, 2 curtain, 3 wall or water, 4 stairs up, 5 stairs down, 6 a trap, "
              "7 a thing, 8 gold, 9 a monster asleep, 10 one awake"),
    PUF_CODES("monsters", DELVE_NEAR, DELVE_MONSTERS + 1, "kinds of the four nearest in sight; 0 none"),
    PUF_CODES("hero", 1, DELVE_HEROES + 1, "1 fighter, 2 rogue, 3 mage, 4 priest"),
    PUF_CODES(
        "here", 1, DELVE_CLASSES,
        "what lies here: 1 blade, 2 bow, 3 helmet, 4 mail, 5 shield, 6 potion, 7 scroll, 8 wand, 9 ring, 10 food"),
    PUF_CODES("blade", 1, 6, "1 dagger, 2 mace, 3 sword, 4 axe, 5 glaive; 0 none"),
    PUF_CODES("bow", 1, 2, "1 bow; 0 none"),
    PUF_CODES("armour", 3, 4, "helmet, mail, shield: 1 light to 3 heavy; 0 none"),
    PUF_CODES("potions", 2, DELVE_SECRET_CODES,
              "1 healing, 2 life, 3 speed, 4 might, 5 insight, 6 spirit, 7 venom, 8 dizziness, 9 unknown; 0 none"),
    PUF_CODES("scrolls", 2, DELVE_SECRET_CODES,
              "1 lore, 2 sharpness, 3 warding, 4 flight, 5 mapping, 6 blessing, 7 slumber, 8 alarm, 9 unknown; 0 none"),
    PUF_CODES("wand", 1, 7, "1 striking, 2 fire, 3 drowse, 4 banishing, 5 leeching, 6 unknown; 0 none"),
    PUF_CODES("ring", 1, 6, "1 protection, 2 health, 3 light, 4 sustenance, 5 unknown; 0 none"),
    PUF_CODES("food", 1, 2, "1 rations; 0 none"),
    PUF_CODES("events", 2, DELVE_EVENT_KINDS, "the last two of this turn; 0 none"),
    { "near_places", 2 * DELVE_NEAR, 0, 2 * DELVE_SIGHT + 2,
      "of the near monsters: rows, then columns, from 8; 0 none" },
    { "near_moods", DELVE_NEAR, 0, DELVE_MOODS, "1 asleep, 2 wanders, 3 hunts, 4 flees; 0 none" },
    { "near_ranks", DELVE_NEAR, 0, 2, "1 common, 2 elite; 0 none" },
    { "near_health", DELVE_NEAR, 0, DELVE_MOST_SEEN, "points" },
    { "counts", DELVE_SLOTS, 0, DELVE_STACK, "things in each slot; of a wand its charges" },
    { "bonuses", DELVE_SLOTS, 0, 4 + DELVE_MAX_BONUS, "of the thing in each slot: 4 plus its bonus, if known; 0 none" },
    { "marks", DELVE_SLOTS, 0, 3, "of the thing in each slot: 1 if worn, 2 more if known to be cursed" },
    { "self", DELVE_SELF, 0, DELVE_MOST_SEEN,
      "health of the maximum, health, maximum, mana, level, experience of the next level's, food, hungry, gold, "
      "armour, "
      "depth, speed, dizziness, poison, might, kills, dark, turn mod 16, turns on this level; then of the stairs down "
      "and up whether they were seen, and 128 + 4 times the rows and columns to them" },
    { "achievements", DELVE_ACHIEVEMENTS, 0, 1, "1 if earned" },
};
static const PufAction delve_actions[] = {
    { "act", DELVE_ACTIONS, 0, 0,
      "north northeast east southeast south southwest west northwest search take descend climb blade bow helmet mail "
      "shield potion1 potion2 scroll1 scroll2 wand ring food power" },
};
static const PufParam delve_params[] = {
    PUF_SETTING(Delve, num_levels, 40, 1, DELVE_MAX_LEVELS, "levels of each depth that a batch shares", .fixed = 1),
    PUF_SETTING(DelveSetup, level_seed, 0, 0, 1e9, "seed of the levels", .fixed = 1),
    { .name = "hero",
      .type = PUF_NAMED,
      .dtype = PUF_I32,
      .offset = offsetof(Delve, hero_choice),
      .value = 0,
      .low = 0,
      .high = DELVE_HEROES,
      .doc = "who goes down; any: drawn for each episode",
      .choices = "any fighter rogue mage priest" },
    PUF_SETTING(Delve, start, 1, 1, DELVE_DEPTHS, "depth at which an episode begins"),
    PUF_SETTING(Delve, density, 1, 0, 2, "of the monsters that a level begins with"),
    PUF_SETTING(Delve, supplies, 1500, 1, DELVE_MAX_FOOD, "turns until a hero who never eats starves"),
    PUF_SETTING(Delve, max_steps, 10000, 1, DELVE_MOST, "turns of an episode"),
    PUF_SETTING(Delve, reward_point, 0.1, 0, 100, "for each point of an achievement"),
    PUF_SETTING(Delve, reward_tile, 0, 0, 1, "for each tile that is seen for the first time"),
    PUF_SETTING(Delve, reward_level, 0, 0, 100, "for each level of experience, in parts as experience comes"),
};

static const PufField delve_monster_fields[] = {
    PUF_SCALAR(DelveMonster, tile, "row * 64 + column", PUF_RANGE(0, DELVE_TILES - 1)),
    PUF_SCALAR(DelveMonster, health, "points", PUF_RANGE(-1000, 1000)),
    PUF_SCALAR(DelveMonster, loot, "gold that it stole", PUF_RANGE(0, DELVE_MAX_LOOT)),
    PUF_SCALAR(DelveMonster, kind, "1 to 24; 0: there is none", PUF_RANGE(0, DELVE_MONSTERS)),
    PUF_SCALAR(DelveMonster, mood, "0 asleep, 1 wanders, 2 hunts, 3 flees", PUF_RANGE(0, DELVE_MOODS - 1)),
    PUF_SCALAR(DelveMonster, energy, "it acts at 12", PUF_RANGE(0, DELVE_ENERGY - 1)),
    PUF_SCALAR(DelveMonster, elite, "1 if it is stronger than its kind", PUF_RANGE(0, 1)),
};
static const PufField delve_thing_fields[] = {
    PUF_SCALAR(DelveThing, tile, "row * 64 + column", PUF_RANGE(0, DELVE_TILES - 1)),
    PUF_SCALAR(DelveThing, kind, "1 to 43; 0: there is none", PUF_RANGE(0, DELVE_THINGS - 1)),
    PUF_SCALAR(DelveThing, bonus, "better than usual by this", PUF_RANGE(-3, DELVE_MAX_BONUS)),
    PUF_SCALAR(DelveThing, count, "pieces of gold, charges of a wand, things of a stack"),
    PUF_SCALAR(DelveThing, marks, "1 cursed, 2 known, 4 worn, 8 from the start", PUF_RANGE(0, DELVE_MARKS)),
};
static const PufField delve_event_fields[] = {
    PUF_SCALAR(DelveEvent, what, "see delve_tables.h", PUF_RANGE(0, DELVE_EVENT_KINDS - 1)),
    PUF_SCALAR(DelveEvent, subject, "a kind of monster, thing or trap, a hero or an achievement"),
    PUF_SCALAR(DelveEvent, amount, "how much"),
    PUF_SCALAR(DelveEvent, turn, "when"),
};
static const PufField delve_fields[] = {
    PUF_ASSET(Delve, "terrain", PUF_U8, terrain_offset, terrain_rows, terrain_columns,
              "of the level: 0 stone, 1 floor, 2 corridor, 3 moss, 4 bridge, 5 curtain, 6 stairs up, 7 stairs down, 8 "
              "wall, 9 crag, 10 pillar, 11 water; plus 32 times the number of the trap there, from 1"),
    PUF_ASSET(Delve, "plan", PUF_I32, plan_offset, plan_rows, plan_columns,
              "of the level: tiles of its floor, tile of the stairs up, down (or of the amulet), 1 if dark, style (0 "
              "rooms, 1 cave, 2 halls, 3 vault, 4 islands), traps; then tiles of up to 6 traps, and their kinds"),
    PUF_SCALAR_AS(Delve, "rng_state", rng.state, "of the generator PCG32"),
    PUF_SCALAR_AS(Delve, "rng_inc", rng.inc, "of the generator PCG32"),
    PUF_SCALAR(Delve, hero, "1 fighter, 2 rogue, 3 mage, 4 priest", PUF_RANGE(1, DELVE_HEROES)),
    PUF_SCALAR(Delve, tile, "of the hero: row * 64 + column", PUF_RANGE(0, DELVE_TILES - 1)),
    PUF_SCALAR(Delve, depth, "from 1", PUF_RANGE(1, DELVE_DEPTHS)),
    PUF_SCALAR(Delve, deepest, "depth so far", PUF_RANGE(1, DELVE_DEPTHS)),
    PUF_SCALAR(Delve, health, "points", PUF_RANGE(1, 500)),
    PUF_SCALAR(Delve, max_health, "points", PUF_RANGE(1, 500)),
    PUF_SCALAR(Delve, mana, "for the hero's power", PUF_RANGE(0, 100)),
    PUF_SCALAR(Delve, level, "of experience", PUF_RANGE(1, DELVE_MAX_LEVEL)),
    PUF_SCALAR(Delve, experience, "points", PUF_RANGE(0, 1000000)),
    PUF_SCALAR(Delve, gold, "pieces", PUF_RANGE(0, DELVE_MOST)),
    PUF_SCALAR(Delve, food, "turns until starvation", PUF_RANGE(0, DELVE_MAX_FOOD)),
    PUF_SCALAR(Delve, strength, "added to harm", PUF_RANGE(0, 9)),
    PUF_SCALAR(Delve, fast, "turns left", PUF_RANGE(0, 40)),
    PUF_SCALAR(Delve, confused, "turns left", PUF_RANGE(0, 12)),
    PUF_SCALAR(Delve, poison, "turns left", PUF_RANGE(0, 20)),
    PUF_SCALAR(Delve, turn, "steps in this episode", PUF_LESS_THAN(Delve, max_steps)),
    PUF_SCALAR(Delve, kills, "monsters", PUF_RANGE(0, 1000000)),
    PUF_SCALAR(Delve, elites, "elite monsters killed", PUF_RANGE(0, 1000000)),
    PUF_SCALAR(Delve, points, "of achievements", PUF_RANGE(0, DELVE_MAX_POINTS)),
    PUF_SCALAR(Delve, explored, "tiles seen", PUF_RANGE(0, DELVE_DEPTHS* DELVE_TILES)),
    PUF_SCALAR(Delve, cause, NULL, PUF_RANGE(0, 0)),
    PUF_SCALAR(Delve, won, NULL, PUF_RANGE(0, 0)),
    PUF_SCALAR(Delve, ended,
               "how the last episode ended: 100 times the depth, plus the kind of monster that killed the hero, 25 for "
               "hunger, 26 for traps and poison, 27 for the amulet, or 0; 0 if there was none",
               PUF_RANGE(0, 100 * DELVE_DEPTHS + DELVE_CAUSES)),
    PUF_SCALAR(Delve, earned, "bit i: achievement i"),
    PUF_SCALAR(Delve, known, "bit i: thing 16 + i is known", PUF_RANGE(0, (1 << DELVE_SECRETS) - 1)),
    PUF_SCALAR(Delve, allowed, "bits of the actions that can be taken", PUF_RANGE(0, (1 << DELVE_ACTIONS) - 1)),
    PUF_SCALAR(Delve, in_sight, NULL, PUF_RANGE(0, (1 << DELVE_CROWD) - 1)),
    PUF_ARRAY(Delve, near_monsters, "rows of the nearest monsters in sight; -1 behind the last",
              PUF_RANGE(DELVE_NOBODY, DELVE_CROWD - 1)),
    PUF_ARRAY(Delve, looks, "of things 16 to 40: its number among the looks of its class", PUF_RANGE(0, 7)),
    PUF_STRUCTS(Delve, pack, delve_thing_fields, "twelve slots, as named by the actions"),
    PUF_STRUCTS(Delve, events, delve_event_fields, "what happened, newest first"),
    PUF_ARRAY(Delve, visible, "15 rows and one of zeros: bit c is column c - 7 from the hero", PUF_RANGE(0, 0x7FFF)),
    PUF_ARRAY(Delve, trail, "tiles where the hero was, newest first; 0 none", PUF_RANGE(0, DELVE_TILES - 1)),
    PUF_ARRAY(Delve, numbers, NULL, PUF_LESS_THAN(Delve, num_levels)),
    PUF_ARRAY(Delve, visited, NULL, PUF_RANGE(0, 1)),
    PUF_ARRAY(Delve, left, "the turn in which each level was last entered or left", PUF_RANGE(0, DELVE_MOST)),
    PUF_ARRAY(Delve, found, "of each level: bits of the traps that were found", PUF_RANGE(0, 63)),
    PUF_ARRAY(Delve, seen, "32 rows for each level: bit c of row r is column c of row r + 8"),
    PUF_STRUCTS(Delve, monsters, delve_monster_fields, "16 for each level"),
    PUF_STRUCTS(Delve, things, delve_thing_fields, "24 for each level"),
    PUF_ARRAY(Delve, view, "what is remembered of each tile of the level: codes as in the observation",
              PUF_RANGE(0, DELVE_VIEWS - 1)),
    PUF_ARRAY(Delve, who, NULL, PUF_RANGE(0, DELVE_CROWD)),
    PUF_SCALAR(Delve, max_steps, NULL),
    PUF_SCALAR(Delve, num_levels, NULL),
    PUF_SCALAR(Delve, episode_return, NULL),
    PUF_SCALAR(Delve, terrain_offset, NULL),
    PUF_SCALAR(Delve, plan_offset, NULL),
    PUF_SCALAR(Delve, plan_rows, NULL, PUF_DERIVED),
    PUF_SCALAR(Delve, plan_columns, NULL, PUF_DERIVED),
    PUF_SCALAR(Delve, levels_offset, NULL, PUF_DERIVED),
    PUF_SCALAR(Delve, terrain_rows, NULL, PUF_DERIVED),
    PUF_SCALAR(Delve, terrain_columns, NULL, PUF_DERIVED),
};

// ---- States from files ----

static int delve_pack_fits(const Delve* s)
{
    int fits = 1;
    for (int32_t class = DELVE_BLADE; class <= DELVE_FOOD; class++) {
        const DelveClass* c = &delve_classes[class];
        for (int32_t slot = c->slot; slot < c->slot + c->slots; slot++) {
            const DelveThing* thing = &s->pack[slot];
            fits &= thing->kind == 0 || (thing->kind >= c->first && thing->kind <= c->last);
            fits &= thing->kind == 0 || class == DELVE_WAND || (thing->count > 0 && thing->count <= DELVE_STACK);
            fits &= thing->kind != 0 || thing->marks == 0;
        }
    }
    return fits;
}

// On each level that was visited, and on no other, monsters and things are on floor, or above water; on the present one
// `who` and `view` agree with them.
static const char* delve_places_fit(Delve* s, const void* assets)
{
    int32_t depth = s->depth;
    const char* wrong = NULL;
    for (s->depth = 1; s->depth <= DELVE_DEPTHS && !wrong; s->depth++) {
        const uint8_t* tiles = delve_tiles(s, assets);
        const DelveLevel* level = delve_level(s, assets);
        for (int32_t i = 0; i < DELVE_CROWD; i++) {
            const DelveMonster* m = &delve_monsters(s)[i];
            int stands =
                m->kind == 0 || (delve_can_enter(tiles, m->tile, 1) && s->visited[s->depth - 1] && m->health > 0);
            wrong = stands ? wrong : "monsters";
        }
        for (int32_t i = 0; i < DELVE_LITTER; i++) {
            const DelveThing* thing = &delve_things(s)[i];
            int lies = thing->kind == 0 || (delve_can_enter(tiles, thing->tile, 0) && s->visited[s->depth - 1]);
            wrong = lies ? wrong : "things";
        }
        wrong = s->found[s->depth - 1] >> level->num_traps == 0 ? wrong : "found";
        for (int32_t row = 0; row < DELVE_HEIGHT; row++) {
            for (int32_t column = 0; column < DELVE_COLUMNS; column++) {
                int32_t tile = (row + DELVE_EDGE) * DELVE_COLUMNS + column;
                int stone = (tiles[tile] & DELVE_TERRAIN_MASK) == DELVE_STONE;
                wrong = stone && (delve_seen(s)[row] >> column & 1) ? "seen" : wrong;
            }
        }
    }
    s->depth = depth;
    return wrong;
}

static int delve_same(const void* one, const void* other, size_t bytes)
{
    const uint8_t *a = one, *b = other;
    size_t same = 0;
    while (same < bytes && a[same] == b[same]) {
        same += 1;
    }
    return same == bytes;
}

// What is derived of the rest of a state is what the rules would derive.
static const char* delve_contradiction(const void* state, const void* assets)
{
    const Delve* given = state;
    Delve s;
    memcpy(&s, given, sizeof(s));
    const uint8_t* tiles = delve_tiles(given, assets);
    if (!delve_pack_fits(given)) {
        return "pack";
    }
    if (!delve_can_enter(tiles, given->tile, 0) || given->health > given->max_health) {
        return given->health > given->max_health ? "health" : "tile";
    }
    for (int32_t i = 0; i < DELVE_TRAIL; i++) {
        if (given->trail[i] && !delve_can_enter(tiles, given->trail[i], 0)) {
            return "trail";
        }
    }
    const char* wrong = delve_places_fit(&s, assets);
    if (wrong) {
        return wrong;
    }
    delve_find_level(&s);
    if (given->terrain_offset != s.terrain_offset || given->plan_offset != s.plan_offset ||
        !given->visited[given->depth - 1]) {
        return "depth";
    }
    s.explored = 0;
    if (s.who[s.tile] > 0) {
        return "who";
    }
    for (int32_t i = 0; i < DELVE_CROWD; i++) { // no two on one tile, none on the hero's
        const DelveMonster* m = &delve_monsters(&s)[i];
        if (m->kind && (m->tile == s.tile || s.who[m->tile] != i + 1)) {
            return "who";
        }
    }
    delve_lay_out(&s, assets);
    if (!delve_same(s.who, given->who, sizeof(s.who))) {
        return "who";
    }
    if (!delve_same(s.view, given->view, sizeof(s.view))) {
        return "view";
    }
    delve_look(&s, assets);
    delve_settle(&s, assets);
    if (s.explored > 0 || !delve_same(s.visible, given->visible, sizeof(s.visible))) {
        return "visible";
    }
    if (s.in_sight != given->in_sight || !delve_same(s.near_monsters, given->near_monsters, sizeof(s.near_monsters))) {
        return "near_monsters";
    }
    return s.allowed != given->allowed ? "allowed" : NULL;
}

static const char* const delve_log_names[] = {
    "depth",       "level",  "kills",     "gold",         "points",        "by_monster",  "by_hunger",
    "by_harm",     "won",    "fighter.n", "fighter.perf", "fighter.depth", "rogue.n",     "rogue.perf",
    "rogue.depth", "mage.n", "mage.perf", "mage.depth",   "priest.n",      "priest.perf", "priest.depth",
};

// clang-format off
PUF_DEFINE_ASSETS_ENV(delve, Delve,
    .version = 2,
    .doc = "A roguelike: twelve levels of rooms, caves and islands, monsters, hunger, and things of unknown use.",
    .reward = "reward_point for each point of an achievement, reward_tile for each tile seen for the first time, "
              "reward_level for each level of experience",
    .ends = "terminal when the hero dies or takes the amulet; truncated after max_steps turns",
    .rate = 8,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = sizeof(Delve), .agents = 1, .obs_ndim = 1, .obs_shape = { DELVE_OBS },
                PUF_ACTIONS(delve), .masked = 1 },
    PUF_TABLES(delve),
    PUF_LOG_NAMES(delve),
    .setup_size = sizeof(DelveSetup), .resize = delve_resize,
    .make_assets = delve_make_assets, .prepare = delve_prepare, .contradiction = delve_contradiction);
