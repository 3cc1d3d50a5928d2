// craftax_classic - gather, craft and survive in an open world of 64 x 64 tiles: Craftax-Classic (Matthews et al.
// 2024), which is Crafter (Hafner 2021) with other odds.
//
// Observation  uint8 (145): codes first, then amounts. Codes: what is on each of the 7 x 9 tiles around you; who is
//              there; which way you face. Amounts: the twelve things that you carry; health, food, drink and energy;
//              the light; whether you sleep.
// Action       one of 17: nothing, left, right, up, down, do, sleep, place stone, a table, a furnace or a sapling,
//              and make a pickaxe or a sword of wood, stone or iron.
// Reward       +1 for each of 22 achievements, once in an episode, and `reward_health` for each point of health,
//              which is lost again with it.
// End          terminal when health is 0, as it is in lava; truncated after `max_steps` steps.
// Score        achievements; perf is the share of all 22.
//
// A step:
//
// 1. You act, unless you sleep. With `do` you take a tree, stone, coal, iron or a diamond in front of you: stone and
//    coal with a pickaxe of wood, iron with one of stone, a diamond with one of iron. A tree leaves grass, the others
//    a path. Grass yields a sapling, one time in ten. Water quenches 1, a ripe plant feeds 4. A creature is hit for
//    1, or for 2, 3 or 5 for each sword of wood, stone or iron, whichever is most; a cow feeds 6.
// 2. A table costs 2 wood. Next to it, diagonals included, a tool costs 1 wood, one of stone 1 stone more, one of
//    iron 1 iron and 1 coal on top, and then a furnace must be next to you, too, which costs 1 stone. Stone can be
//    placed on water and on lava, a sapling on grass, where it is ripe after 600 steps. You carry 9 of each thing at
//    most.
// 3. Zombies within 9 tiles come nearer three times in four; next to you they hit for 2, or for 7 while you sleep,
//    every sixth step. Cows wander. Skeletons wander, too, sometimes away from you or towards you; from 4 or 5 tiles
//    away, or cornered, they shoot. An arrow hits for 2, and breaks tables and furnaces. 14 tiles away, creatures
//    vanish.
// 4. A cow may come on grass 4 to 13 tiles away, 1 in 10 while there are fewer than three; a zombie on grass or a
//    path 10 to 13 tiles away, 1 in 50 by day and up to 6 in 50 at night, fewer than three; a skeleton on a path as
//    far away, 1 in 20, fewer than two.
// 5. You eat 1 every 26 steps, drink 1 every 21, and lose 1 energy every 31. Asleep you eat and drink half as often,
//    and 1 energy comes back every 11 steps. With food, drink and energy you heal 1 every 26 steps, twice as fast
//    asleep; without one of them you lose 1 every 16, half as fast asleep. You wake with 9 energy, or when hit.
//
// Day and night take 300 steps.
//
// Worlds are made at each reset, from two words of the environment's generator, which are a key of JAX; two more
// words are the key of each step. From the same keys the package craftax makes the same worlds and the same episodes,
// on a processor: what it draws, rounds and forgets is repeated here, slips included, which are marked "as there". So
// no two episodes share a world, and nothing is learned by heart. A world takes as long as about eighty steps.
//
// The package's observation is 1,345 numbers, most of them 0. Here 145 bytes hold the same: a code for each
// tile and one for who is on it, which the trainer looks up instead of multiplying. `numbers_of` in
// `puffer_envs.porting.craftax` makes the 1,345 numbers of them.
#pragma once
#include "craftax_classic_creatures.h"

// ---- What you do ----

// Whether something of a kind is on one of the eight tiles around you.
static int craftax_classic_is_near(CraftaxClassic* s, int32_t kind)
{
    int found = 0;
    for (int32_t row = -1; row <= 1; row++) {
        for (int32_t column = -1; column <= 1; column++) {
            int here = row == 0 && column == 0;
            found |= !here && craftax_classic_kind(s, s->row + row, s->column + column) == kind;
        }
    }
    return found;
}

// Pickaxes and swords: 0 to 2 a pickaxe of wood, stone, iron; 3 to 5 a sword.
static void craftax_classic_make(CraftaxClassic* s, int32_t tool)
{
    static const int8_t achievements[6] = {
        CRAFTAX_CLASSIC_MADE_WOOD_PICKAXE, CRAFTAX_CLASSIC_MADE_STONE_PICKAXE, CRAFTAX_CLASSIC_MADE_IRON_PICKAXE,
        CRAFTAX_CLASSIC_MADE_WOOD_SWORD,   CRAFTAX_CLASSIC_MADE_STONE_SWORD,   CRAFTAX_CLASSIC_MADE_IRON_SWORD,
    };
    int32_t material = tool % 3, stone = material > 0, iron = material > 1;
    int can = s->things[CRAFTAX_CLASSIC_HAS_WOOD] >= 1 && s->things[CRAFTAX_CLASSIC_HAS_STONE] >= stone &&
              s->things[CRAFTAX_CLASSIC_HAS_IRON] >= iron && s->things[CRAFTAX_CLASSIC_HAS_COAL] >= iron;
    if (can && craftax_classic_is_near(s, CRAFTAX_CLASSIC_TABLE) &&
        (!iron || craftax_classic_is_near(s, CRAFTAX_CLASSIC_FURNACE))) {
        craftax_classic_add(s, CRAFTAX_CLASSIC_HAS_WOOD, -1);
        craftax_classic_add(s, CRAFTAX_CLASSIC_HAS_STONE, -stone);
        craftax_classic_add(s, CRAFTAX_CLASSIC_HAS_IRON, -iron);
        craftax_classic_add(s, CRAFTAX_CLASSIC_HAS_COAL, -iron);
        craftax_classic_add(s, CRAFTAX_CLASSIC_WOOD_PICKAXE + tool, 1);
        craftax_classic_earn(s, achievements[tool]);
    }
}

// Hit those of a kind that stand in front of you: 1 if there is one, 2 if it dies. Doing anything at all wakes those of
// the kind that went out of reach alive, as there.
static int32_t craftax_classic_hit(CraftaxClassicCreature* creatures, int32_t count, int32_t row, int32_t column,
                                   int32_t damage)
{
    int32_t hit = -1;
    for (int32_t i = count - 1; i >= 0; i--) {
        int there = creatures[i][CRAFTAX_CLASSIC_ALIVE] && craftax_classic_is_at(creatures[i], row, column);
        hit = there ? i : hit;
    }
    if (hit >= 0) {
        creatures[hit][CRAFTAX_CLASSIC_HEALTH] = (int8_t)(creatures[hit][CRAFTAX_CLASSIC_HEALTH] - damage);
    }
    for (int32_t i = 0; i < count; i++) {
        creatures[i][CRAFTAX_CLASSIC_ALIVE] = creatures[i][CRAFTAX_CLASSIC_HEALTH] > 0;
    }
    return (hit >= 0) + (hit >= 0 && !creatures[hit][CRAFTAX_CLASSIC_ALIVE]);
}

static void craftax_classic_eat(CraftaxClassic* s, int32_t food)
{
    s->food = (int8_t)craftax_classic_least(CRAFTAX_CLASSIC_MOST, s->food + food);
    s->hunger = 0;
}

// Whether there was a creature in front of you.
static int craftax_classic_attack(CraftaxClassic* s, int32_t row, int32_t column)
{
    int32_t damage = 1;
    for (int32_t i = 0; i < 3; i++) {
        static const int8_t sharpness[3] = { 2, 3, 5 };
        int32_t more = sharpness[i] * s->things[CRAFTAX_CLASSIC_WOOD_SWORD + i];
        damage = more > damage ? more : damage;
    }
    int32_t zombie = craftax_classic_hit(s->zombies, CRAFTAX_CLASSIC_ZOMBIES, row, column, damage);
    int32_t cow = craftax_classic_hit(s->cows, CRAFTAX_CLASSIC_COWS, row, column, damage);
    int32_t skeleton = craftax_classic_hit(s->skeletons, CRAFTAX_CLASSIC_SKELETONS, row, column, damage);
    if (zombie == 2) {
        craftax_classic_earn(s, CRAFTAX_CLASSIC_DEFEAT_ZOMBIE);
    }
    if (cow == 2) {
        craftax_classic_earn(s, CRAFTAX_CLASSIC_EAT_COW);
        craftax_classic_eat(s, 6);
    }
    if (skeleton == 2) {
        craftax_classic_earn(s, CRAFTAX_CLASSIC_DEFEAT_SKELETON);
    }
    if (zombie == 2 || cow == 2 || skeleton == 2) {
        *craftax_classic_tile(s, row, column) &= CRAFTAX_CLASSIC_KIND;
    }
    return zombie || cow || skeleton;
}

static void craftax_classic_collect(CraftaxClassic* s, int32_t thing, int32_t achievement)
{
    craftax_classic_add(s, thing, 1);
    craftax_classic_earn(s, achievement);
}

// Take what a tile holds, with a pickaxe, and leave a path.
static void craftax_classic_mine(CraftaxClassic* s, uint8_t* tile, int32_t pickaxe, int32_t thing, int32_t achievement)
{
    if (s->things[pickaxe] > 0) {
        craftax_classic_set(tile, CRAFTAX_CLASSIC_PATH);
        craftax_classic_collect(s, thing, achievement);
    }
}

static void craftax_classic_pick(CraftaxClassic* s, uint8_t* tile, int32_t row, int32_t column)
{
    craftax_classic_set(tile, CRAFTAX_CLASSIC_SAPLING_PLANT);
    craftax_classic_eat(s, 4);
    craftax_classic_earn(s, CRAFTAX_CLASSIC_EAT_PLANT);
    for (int32_t i = s->num_plants - 1; i >= 0; i--) {
        s->plant_age[i] = craftax_classic_is_at(s->plants[i], row, column) ? 0 : s->plant_age[i];
    }
}

static void craftax_classic_do(CraftaxClassic* s, int32_t row, int32_t column, const uint32_t* key)
{
    if (craftax_classic_attack(s, row, column)) {
        return;
    }
    uint8_t* tile = craftax_classic_tile(s, row, column);
    switch (*tile & CRAFTAX_CLASSIC_KIND) {
    case CRAFTAX_CLASSIC_TREE:
        craftax_classic_collect(s, CRAFTAX_CLASSIC_HAS_WOOD, CRAFTAX_CLASSIC_COLLECT_WOOD);
        craftax_classic_set(tile, CRAFTAX_CLASSIC_GRASS);
        break;
    case CRAFTAX_CLASSIC_STONE:
        craftax_classic_mine(s, tile, CRAFTAX_CLASSIC_WOOD_PICKAXE, CRAFTAX_CLASSIC_HAS_STONE,
                             CRAFTAX_CLASSIC_COLLECT_STONE);
        break;
    case CRAFTAX_CLASSIC_COAL:
        craftax_classic_mine(s, tile, CRAFTAX_CLASSIC_WOOD_PICKAXE, CRAFTAX_CLASSIC_HAS_COAL,
                             CRAFTAX_CLASSIC_COLLECT_COAL);
        break;
    case CRAFTAX_CLASSIC_IRON:
        craftax_classic_mine(s, tile, CRAFTAX_CLASSIC_STONE_PICKAXE, CRAFTAX_CLASSIC_HAS_IRON,
                             CRAFTAX_CLASSIC_COLLECT_IRON);
        break;
    case CRAFTAX_CLASSIC_DIAMOND:
        craftax_classic_mine(s, tile, CRAFTAX_CLASSIC_IRON_PICKAXE, CRAFTAX_CLASSIC_HAS_DIAMOND,
                             CRAFTAX_CLASSIC_COLLECT_DIAMOND);
        break;
    case CRAFTAX_CLASSIC_GRASS:
        if (craftax_classic_uniform(craftax_classic_seldom(key)) < 0.1f) {
            craftax_classic_collect(s, CRAFTAX_CLASSIC_HAS_SAPLING, CRAFTAX_CLASSIC_COLLECT_SAPLING);
        }
        break;
    case CRAFTAX_CLASSIC_WATER:
        s->drink = (int8_t)craftax_classic_least(CRAFTAX_CLASSIC_MOST, s->drink + 1);
        s->thirst = 0;
        craftax_classic_earn(s, CRAFTAX_CLASSIC_COLLECT_DRINK);
        break;
    case CRAFTAX_CLASSIC_RIPE_PLANT: craftax_classic_pick(s, tile, row, column); break;
    default: break;
    }
}

static void craftax_classic_put(CraftaxClassic* s, uint8_t* tile, int32_t kind, int32_t thing, int32_t cost,
                                int32_t achievement)
{
    craftax_classic_set(tile, kind);
    craftax_classic_add(s, thing, -cost);
    craftax_classic_earn(s, achievement);
}

// Only ten saplings grow; any more stay as they are, as there.
static void craftax_classic_plant(CraftaxClassic* s, int32_t row, int32_t column)
{
    if (s->num_plants < CRAFTAX_CLASSIC_PLANTS) {
        s->plants[s->num_plants][CRAFTAX_CLASSIC_ROW] = (int8_t)row;
        s->plants[s->num_plants][CRAFTAX_CLASSIC_COLUMN] = (int8_t)column;
        s->plant_age[s->num_plants] = 0;
        s->num_plants = (int8_t)(s->num_plants + 1);
    }
}

static void craftax_classic_place(CraftaxClassic* s, int32_t action, int32_t row, int32_t column)
{
    uint8_t* tile = craftax_classic_tile(s, row, column);
    int32_t kind = *tile; // where a creature is, nothing can be placed
    int free = (CRAFTAX_CLASSIC_OPEN | CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_LAVA)) >> kind & 1;
    if (action == CRAFTAX_CLASSIC_PLACE_TABLE && free && s->things[CRAFTAX_CLASSIC_HAS_WOOD] >= 2) {
        craftax_classic_put(s, tile, CRAFTAX_CLASSIC_TABLE, CRAFTAX_CLASSIC_HAS_WOOD, 2, CRAFTAX_CLASSIC_PLACED_TABLE);
    } else if (action == CRAFTAX_CLASSIC_PLACE_FURNACE && free && s->things[CRAFTAX_CLASSIC_HAS_STONE] > 0) {
        craftax_classic_put(s, tile, CRAFTAX_CLASSIC_FURNACE, CRAFTAX_CLASSIC_HAS_STONE, 1,
                            CRAFTAX_CLASSIC_PLACED_FURNACE);
    } else if (action == CRAFTAX_CLASSIC_PLACE_STONE && (free || kind == CRAFTAX_CLASSIC_WATER) &&
               s->things[CRAFTAX_CLASSIC_HAS_STONE] > 0) {
        craftax_classic_put(s, tile, CRAFTAX_CLASSIC_STONE, CRAFTAX_CLASSIC_HAS_STONE, 1, CRAFTAX_CLASSIC_PLACED_STONE);
    } else if (action == CRAFTAX_CLASSIC_PLACE_SAPLING && kind == CRAFTAX_CLASSIC_GRASS &&
               s->things[CRAFTAX_CLASSIC_HAS_SAPLING] > 0) {
        craftax_classic_put(s, tile, CRAFTAX_CLASSIC_SAPLING_PLANT, CRAFTAX_CLASSIC_HAS_SAPLING, 1,
                            CRAFTAX_CLASSIC_PLACED_PLANT);
        craftax_classic_plant(s, row, column);
    }
}

// You may step into lava, even where it is at the far edge of the world, as there.
static void craftax_classic_walk(CraftaxClassic* s, int32_t way)
{
    int32_t row = s->row + craftax_classic_ways[way][0], column = s->column + craftax_classic_ways[way][1];
    int lava = (*craftax_classic_wrapped(s, row, column) & CRAFTAX_CLASSIC_KIND) == CRAFTAX_CLASSIC_LAVA;
    s->facing = (int8_t)way;
    if (craftax_classic_can_enter(s, row, column) || lava) {
        s->row = (int8_t)row;
        s->column = (int8_t)column;
    }
}

static void craftax_classic_act(CraftaxClassic* s, int32_t action, const uint32_t* key)
{
    const int8_t* way = craftax_classic_ways[s->facing];
    int32_t row = s->row + way[0], column = s->column + way[1];
    if (action >= CRAFTAX_CLASSIC_MAKE) {
        craftax_classic_make(s, action - CRAFTAX_CLASSIC_MAKE);
    } else if (action == CRAFTAX_CLASSIC_DO) {
        craftax_classic_do(s, row, column, key);
    } else if (action >= CRAFTAX_CLASSIC_PLACE_STONE) {
        craftax_classic_place(s, action, row, column);
    } else if (action >= CRAFTAX_CLASSIC_LEFT && action <= CRAFTAX_CLASSIC_DOWN) {
        craftax_classic_walk(s, action - CRAFTAX_CLASSIC_LEFT);
    }
}

// ---- Plants and you ----

static void craftax_classic_grow(CraftaxClassic* s)
{
    for (int32_t i = 0; i < s->num_plants; i++) {
        s->plant_age[i] = (int16_t)craftax_classic_least(s->plant_age[i] + 1, CRAFTAX_CLASSIC_RIPE_AT);
        if (s->plant_age[i] == CRAFTAX_CLASSIC_RIPE_AT) {
            craftax_classic_set(craftax_classic_tile(s, s->plants[i][0], s->plants[i][1]), CRAFTAX_CLASSIC_RIPE_PLANT);
        }
    }
}

// Count up; beyond the limit, take one.
static void craftax_classic_use_up(int8_t* count, int32_t by, int32_t limit, int8_t* amount)
{
    *count = (int8_t)(*count + by);
    if (*count > limit) {
        *count = 0;
        *amount = (int8_t)(*amount - (*amount > 0));
    }
}

static void craftax_classic_live(CraftaxClassic* s, int32_t action)
{
    s->sleeping |= action == CRAFTAX_CLASSIC_SLEEP && s->energy < CRAFTAX_CLASSIC_MOST;
    if (s->sleeping && s->energy >= CRAFTAX_CLASSIC_MOST) {
        s->sleeping = 0;
        craftax_classic_earn(s, CRAFTAX_CLASSIC_WAKE_UP);
    }
    craftax_classic_use_up(&s->hunger, s->sleeping ? 1 : 2, 50, &s->food);
    craftax_classic_use_up(&s->thirst, s->sleeping ? 1 : 2, 40, &s->drink);
    if (s->sleeping) {
        s->fatigue = (int8_t)craftax_classic_least(s->fatigue - 1, 0);
        if (s->fatigue < -10) {
            s->fatigue = 0;
            s->energy = (int8_t)craftax_classic_least(s->energy + 1, CRAFTAX_CLASSIC_MOST);
        }
    } else {
        craftax_classic_use_up(&s->fatigue, 1, 30, &s->energy);
    }
    int well = s->food > 0 && s->drink > 0 && (s->energy > 0 || s->sleeping);
    s->recovery = (int8_t)(s->recovery + (well ? (s->sleeping ? 4 : 2) : (s->sleeping ? -1 : -2)));
    if (s->recovery > 50) {
        s->recovery = 0;
        s->health = (int8_t)craftax_classic_least(s->health + 1, CRAFTAX_CLASSIC_MOST);
    } else if (s->recovery < -30) {
        s->recovery = 0;
        s->health = (int8_t)(s->health - 1);
    }
}

// ---- Episodes ----

static void craftax_classic_clear_creatures(CraftaxClassicCreature* creatures, int32_t count, int32_t health)
{
    for (int32_t i = 0; i < count; i++) {
        memset(creatures[i], 0, sizeof(creatures[i]));
        creatures[i][CRAFTAX_CLASSIC_HEALTH] = (int8_t)health;
    }
}

// Nobody is there yet, but as there, all but skeletons would live in the first corner if you were near.
static void craftax_classic_start(CraftaxClassic* s)
{
    craftax_classic_clear_creatures(s->zombies, CRAFTAX_CLASSIC_ZOMBIES, 1);
    craftax_classic_clear_creatures(s->cows, CRAFTAX_CLASSIC_COWS, CRAFTAX_CLASSIC_COW_HEALTH);
    craftax_classic_clear_creatures(s->skeletons, CRAFTAX_CLASSIC_SKELETONS, 0);
    memset(s->arrows, 0, sizeof(s->arrows));
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ARROWS; i++) {
        s->arrows[i][CRAFTAX_CLASSIC_BY_ROWS] = s->arrows[i][CRAFTAX_CLASSIC_BY_COLUMNS] = 1;
    }
    memset(s->plants, 0, sizeof(s->plants));
    memset(s->plant_age, 0, sizeof(s->plant_age));
    memset(s->things, 0, sizeof(s->things));
    s->num_plants = s->sleeping = 0;
    s->row = s->column = CRAFTAX_CLASSIC_SIDE / 2;
    s->facing = CRAFTAX_CLASSIC_UP - CRAFTAX_CLASSIC_LEFT;
    s->health = s->food = s->drink = s->energy = CRAFTAX_CLASSIC_MOST;
    s->hunger = s->thirst = s->fatigue = s->recovery = 0;
    s->achievements = 0;
    s->tick = 0;
    s->light = craftax_classic_light(0);
    s->episode_return = 0.0f;
}

static void craftax_classic_reset(CraftaxClassic* s)
{
    CraftaxClassicWorld world;
    uint32_t a = puf_rand(&s->rng), b = puf_rand(&s->rng);
    craftax_classic_make_world(&world, a, b);
    memset(s->map, CRAFTAX_CLASSIC_OUTSIDE, sizeof(s->map));
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_SIDE; row++) {
        memcpy(craftax_classic_tile(s, row, 0), world.tiles + row * CRAFTAX_CLASSIC_SIDE, CRAFTAX_CLASSIC_SIDE);
    }
    craftax_classic_start(s);
}

static void craftax_classic_log(CraftaxClassic* s, int32_t earned)
{
    float perf = (float)earned / (float)CRAFTAX_CLASSIC_ACHIEVEMENTS;
    puf_log_episode(&s->log, perf, (float)earned, s->episode_return, (float)s->tick);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ACHIEVEMENTS; i++) {
        s->log_achievements[i] += (float)(s->achievements >> i & 1);
    }
}

// A step with the random words that belong to its key.
static void craftax_classic_step_with(CraftaxClassic* s, const uint32_t* draws, PufIo io)
{
    int32_t action = s->sleeping ? CRAFTAX_CLASSIC_NOTHING : io.actions[0], health = s->health;
    int32_t earned = craftax_classic_popcount(s->achievements);
    craftax_classic_act(s, action, draws + CRAFTAX_CLASSIC_SAPLING_KEY);
    craftax_classic_move_all(s, draws);
    craftax_classic_spawn_all(s, draws);
    craftax_classic_grow(s);
    craftax_classic_live(s, action);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_THINGS; i++) {
        s->things[i] = (int8_t)craftax_classic_least(s->things[i], CRAFTAX_CLASSIC_MOST);
    }
    int burns = (*craftax_classic_wrapped(s, s->row, s->column) & CRAFTAX_CLASSIC_KIND) == CRAFTAX_CLASSIC_LAVA;
    s->health = (int8_t)(burns || s->health < 0 ? 0 : s->health);
    s->tick += 1;
    s->light = craftax_classic_light(s->tick);

    int32_t now = craftax_classic_popcount(s->achievements);
    float reward = (float)((now - earned) + (double)(s->health - health) * (double)s->reward_health); // rounded once
    int dead = s->health == 0, late = !dead && s->tick >= s->max_steps;
    s->episode_return += reward;
    io.rewards[0] = reward;
    io.terminals[0] = (uint8_t)dead;
    io.truncations[0] = (uint8_t)late;
    if (dead || late) {
        craftax_classic_log(s, now);
    }
}

static void craftax_classic_step(CraftaxClassic* s, PufIo io)
{
    CraftaxClassicKeys keys;
    CraftaxClassicDraws table;
    uint32_t draws[CRAFTAX_CLASSIC_DRAWS];
    keys.a[0] = puf_rand(&s->rng);
    keys.b[0] = puf_rand(&s->rng);
    craftax_classic_draw(1, &keys, table);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_DRAWS; i++) {
        draws[i] = table[i][0];
    }
    craftax_classic_step_with(s, draws, io);
}

// ---- What you see ----

// Mark one in the view. One that is not alive, or out of sight above or to the left of the view, takes another one's
// mark away that came before it, as there: places before the first row or column count from the end.
static inline void craftax_classic_show(const CraftaxClassic* s, const int8_t* one, int alive, int32_t bit,
                                        uint8_t* who)
{
    int32_t row = one[CRAFTAX_CLASSIC_ROW] - s->row + CRAFTAX_CLASSIC_ROWS / 2;
    int32_t column = one[CRAFTAX_CLASSIC_COLUMN] - s->column + CRAFTAX_CLASSIC_COLUMNS / 2;
    int seen = alive && row >= 0 && column >= 0;
    row += row < 0 ? CRAFTAX_CLASSIC_ROWS : 0;
    column += column < 0 ? CRAFTAX_CLASSIC_COLUMNS : 0;
    if ((uint32_t)row < CRAFTAX_CLASSIC_ROWS && (uint32_t)column < CRAFTAX_CLASSIC_COLUMNS) {
        uint8_t* at = &who[row * CRAFTAX_CLASSIC_COLUMNS + column];
        *at = (uint8_t)(seen ? *at | bit : *at & ~bit);
    }
}

static void craftax_classic_observe(const CraftaxClassic* s, PufIo io)
{
    uint8_t *tiles = io.obs, *who = tiles + CRAFTAX_CLASSIC_VIEW, *rest = who + CRAFTAX_CLASSIC_VIEW;
    int32_t row0 = s->row + CRAFTAX_CLASSIC_EDGE - CRAFTAX_CLASSIC_ROWS / 2;
    int32_t column0 = s->column + CRAFTAX_CLASSIC_EDGE - CRAFTAX_CLASSIC_COLUMNS / 2;
    const uint8_t* corner = (const uint8_t*)s->map + row0 * CRAFTAX_CLASSIC_STRIDE + column0;
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_ROWS; row++) { // what is copied beyond the view is overwritten
        memcpy(tiles + row * CRAFTAX_CLASSIC_COLUMNS, corner + row * CRAFTAX_CLASSIC_STRIDE, CRAFTAX_CLASSIC_COPIED);
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_VIEW; i++) {
        tiles[i] &= CRAFTAX_CLASSIC_KIND;
    }
    memset(who, 0, CRAFTAX_CLASSIC_VIEW);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ZOMBIES; i++) {
        craftax_classic_show(s, s->zombies[i], s->zombies[i][CRAFTAX_CLASSIC_ALIVE], 1, who);
        craftax_classic_show(s, s->cows[i], s->cows[i][CRAFTAX_CLASSIC_ALIVE], 2, who);
        craftax_classic_show(s, s->arrows[i], s->arrows[i][CRAFTAX_CLASSIC_FLIES], 8, who);
    }
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_SKELETONS; i++) {
        craftax_classic_show(s, s->skeletons[i], s->skeletons[i][CRAFTAX_CLASSIC_ALIVE], 4, who);
    }
    rest[0] = (uint8_t)s->facing;
    memcpy(rest + 1, s->things, CRAFTAX_CLASSIC_THINGS);
    rest += 1 + CRAFTAX_CLASSIC_THINGS;
    rest[0] = (uint8_t)s->health;
    rest[1] = (uint8_t)s->food;
    rest[2] = (uint8_t)s->drink;
    rest[3] = (uint8_t)s->energy;
    rest[4] = (uint8_t)(s->light * 255.0f + 0.5f);
    rest[5] = (uint8_t)s->sleeping;
}

#ifndef PUF_PLAIN
#include "craftax_classic_lanes.h"
#endif

static const PufObs craftax_classic_obs[] = {
    PUF_CODES(
        "tiles", CRAFTAX_CLASSIC_VIEW, CRAFTAX_CLASSIC_BLOCKS,
        "0 grass, 1 water, 2 stone, 3 tree, 5 path, 6 coal, 7 iron, 8 diamond, 9 table, 10 furnace, 11 sand, 12 lava, "
        "13 sapling, 14 ripe plant, 15 outside; rows from the top, you in the middle"),
    PUF_CODES("creatures", CRAFTAX_CLASSIC_VIEW, 16, "the sum of 1 zombie, 2 cow, 4 skeleton, 8 arrow"),
    PUF_CODES("facing", 1, 4, "0 left, 1 right, 2 up, 3 down"),
    { "things", CRAFTAX_CLASSIC_THINGS, 0, CRAFTAX_CLASSIC_MOST,
      "wood, stone, coal, iron, diamonds, saplings, pickaxes of wood, stone and iron, swords of wood, stone and iron",
      0 },
    { "health", 1, 0, CRAFTAX_CLASSIC_MOST, "yours", 0 },
    { "food", 1, 0, CRAFTAX_CLASSIC_MOST, "0 starving", 0 },
    { "drink", 1, 0, CRAFTAX_CLASSIC_MOST, "0 dying of thirst", 0 },
    { "energy", 1, 0, CRAFTAX_CLASSIC_MOST, "0 dead tired", 0 },
    { "light", 1, 0, 255, "255 the brightest", 0 },
    { "sleeping", 1, 0, 1, "1 while you sleep", 0 },
};
static const PufAction craftax_classic_actions[] = {
    { "action", CRAFTAX_CLASSIC_ACTIONS, 0, 0,
      "nothing left right up down do sleep place_stone place_table place_furnace place_sapling make_wood_pickaxe "
      "make_stone_pickaxe make_iron_pickaxe make_wood_sword make_stone_sword make_iron_sword" },
};
static const PufParam craftax_classic_params[] = {
    PUF_SETTING(CraftaxClassic, max_steps, 10000, 1, 10000, "steps after which an episode is truncated"),
    PUF_SETTING(CraftaxClassic, reward_health, 0.1, 0, 1, "for a point of health; as much is lost with one"),
};
static const PufRange craftax_classic_creature_ranges[] = {
    PUF_WITHIN(0, CRAFTAX_CLASSIC_SIDE - 1),
    PUF_WITHIN(0, CRAFTAX_CLASSIC_SIDE - 1),
    PUF_WITHIN(-64, 5),
    PUF_WITHIN(0, 1),
    PUF_WITHIN(0, 5),
};
static const PufRange craftax_classic_arrow_ranges[] = {
    PUF_WITHIN(CRAFTAX_CLASSIC_FAR_BACK, CRAFTAX_CLASSIC_FAR),
    PUF_WITHIN(CRAFTAX_CLASSIC_FAR_BACK, CRAFTAX_CLASSIC_FAR),
    PUF_WITHIN(0, 1),
    PUF_WITHIN(-1, 1),
    PUF_WITHIN(-1, 1),
};
#define CRAFTAX_CLASSIC_CREATURES "row, column, health, 1 if alive, steps until it may attack again"
static const PufField craftax_classic_fields[] = {
    PUF_GRID(CraftaxClassic, map,
             "what is on each tile, as in the observation, plus 16 where a creature is; with 4 tiles around the world",
             PUF_RANGE(0, CRAFTAX_CLASSIC_MARK + CRAFTAX_CLASSIC_KIND)),
    PUF_GRID(CraftaxClassic, zombies, CRAFTAX_CLASSIC_CREATURES, PUF_BY_COLUMN(craftax_classic_creature_ranges)),
    PUF_GRID(CraftaxClassic, cows, CRAFTAX_CLASSIC_CREATURES, PUF_BY_COLUMN(craftax_classic_creature_ranges)),
    PUF_GRID(CraftaxClassic, skeletons, CRAFTAX_CLASSIC_CREATURES, PUF_BY_COLUMN(craftax_classic_creature_ranges)),
    PUF_GRID(CraftaxClassic, arrows, "row, column, 1 if it flies, rows and columns of a step",
             PUF_BY_COLUMN(craftax_classic_arrow_ranges)),
    PUF_GRID(CraftaxClassic, plants, "row, column", PUF_RANGE(0, CRAFTAX_CLASSIC_SIDE - 1)),
    PUF_ARRAY(CraftaxClassic, plant_age, "steps; ripe at 600", PUF_RANGE(0, CRAFTAX_CLASSIC_RIPE_AT)),
    PUF_SCALAR(CraftaxClassic, num_plants, "that grow", PUF_RANGE(0, CRAFTAX_CLASSIC_PLANTS)),
    PUF_SCALAR(CraftaxClassic, row, "yours, from the top", PUF_RANGE(0, CRAFTAX_CLASSIC_SIDE - 1)),
    PUF_SCALAR(CraftaxClassic, column, "yours, from the left", PUF_RANGE(0, CRAFTAX_CLASSIC_SIDE - 1)),
    PUF_SCALAR(CraftaxClassic, facing, "0 left, 1 right, 2 up, 3 down", PUF_RANGE(0, 3)),
    PUF_SCALAR(CraftaxClassic, sleeping, "1 while you sleep", PUF_RANGE(0, 1)),
    PUF_ARRAY(CraftaxClassic, things, "that you carry, as in the observation", PUF_RANGE(0, CRAFTAX_CLASSIC_MOST)),
    PUF_SCALAR(CraftaxClassic, health, "yours", PUF_RANGE(1, CRAFTAX_CLASSIC_MOST)),
    PUF_SCALAR(CraftaxClassic, food, "0 starving", PUF_RANGE(0, CRAFTAX_CLASSIC_MOST)),
    PUF_SCALAR(CraftaxClassic, drink, "0 dying of thirst", PUF_RANGE(0, CRAFTAX_CLASSIC_MOST)),
    PUF_SCALAR(CraftaxClassic, energy, "0 dead tired", PUF_RANGE(0, CRAFTAX_CLASSIC_MOST)),
    PUF_SCALAR(CraftaxClassic, hunger, "half steps since food was lost", PUF_RANGE(0, 50)),
    PUF_SCALAR(CraftaxClassic, thirst, "half steps since drink was lost", PUF_RANGE(0, 40)),
    PUF_SCALAR(CraftaxClassic, fatigue, "steps awake since energy was lost; below 0: asleep", PUF_RANGE(-10, 30)),
    PUF_SCALAR(CraftaxClassic, recovery, "half steps towards a point of health; below 0: of losing one",
               PUF_RANGE(-30, 50)),
    PUF_SCALAR(CraftaxClassic, achievements, "a bit for each that is earned",
               PUF_RANGE(0, (1 << CRAFTAX_CLASSIC_ACHIEVEMENTS) - 1)),
    PUF_SCALAR(CraftaxClassic, tick, "steps in this episode", PUF_LESS_THAN(CraftaxClassic, max_steps)),
    PUF_SCALAR(CraftaxClassic, light, "of the day: 0 to 1", PUF_RANGE(0, 1)),
    PUF_SCALAR(CraftaxClassic, episode_return, "rewards in this episode"),
};

// Around the world there is what nobody can enter, and nowhere else.
static const char* craftax_classic_contradiction(const void* state, const void* assets)
{
    const CraftaxClassic* s = state;
    int32_t first = CRAFTAX_CLASSIC_EDGE, last = CRAFTAX_CLASSIC_EDGE + CRAFTAX_CLASSIC_SIDE - 1;
    (void)assets;
    for (int32_t row = 0; row < CRAFTAX_CLASSIC_STRIDE; row++) {
        for (int32_t column = 0; column < CRAFTAX_CLASSIC_STRIDE; column++) {
            int outside = row < first || row > last || column < first || column > last, tile = s->map[row][column];
            if (outside ? tile != CRAFTAX_CLASSIC_OUTSIDE : (tile & CRAFTAX_CLASSIC_KIND) == CRAFTAX_CLASSIC_OUTSIDE) {
                return "map";
            }
        }
    }
    return s->light == craftax_classic_light(s->tick) ? NULL : "light";
}

static const char* const craftax_classic_log_names[] = {
    "collect_wood",      "place_table",     "eat_cow",         "collect_sapling",    "collect_drink",
    "make_wood_pickaxe", "make_wood_sword", "place_plant",     "defeat_zombie",      "collect_stone",
    "place_stone",       "eat_plant",       "defeat_skeleton", "make_stone_pickaxe", "make_stone_sword",
    "wake_up",           "place_furnace",   "collect_coal",    "collect_iron",       "collect_diamond",
    "make_iron_pickaxe", "make_iron_sword",
};

// clang-format off
PUF_DEFINE_BATCH_ENV(craftax_classic, CraftaxClassic,
    .version = 1,
    .doc = "Gather, craft, fight and survive in an open world with 22 achievements: Craftax-Classic.",
    .reward = "+1 for each achievement, once in an episode; reward_health for each point of health, lost or won",
    .ends = "terminal when health is 0; truncated after max_steps steps",
    .rate = 6,
    .obs_dtype = PUF_U8,
    .layout = { .state_size = (sizeof(CraftaxClassic) + 7) / 8 * 8, .agents = 1, .obs_ndim = 1,
                .obs_shape = { CRAFTAX_CLASSIC_OBS }, PUF_ACTIONS(craftax_classic) },
    PUF_TABLES(craftax_classic),
    PUF_LOG_NAMES(craftax_classic),
    .contradiction = craftax_classic_contradiction);
