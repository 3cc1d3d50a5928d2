// delve_state.h - what a game of delve consists of, how the hero sees, and the small things that all its rules use.
#pragma once
#include "delve_levels.h"
#include "delve_tables.h"
#include "puffer_math.h"

enum { DELVE_CROWD = 16, DELVE_LITTER = 24 }; // monsters and things on a level, at most
enum { DELVE_TRAIL = 32, DELVE_EVENTS = 6, DELVE_NEAR = 4 };
enum { DELVE_NOBODY = -1, DELVE_DARK_SIGHT = 2, DELVE_LAMP_SIGHT = 4 };
enum { DELVE_MAX_LEVEL = 14, DELVE_MAX_BONUS = 5, DELVE_STACK = 9, DELVE_MAX_FOOD = 2500, DELVE_MOST = 30000 };
enum { DELVE_HUNGRY_AT = 300, DELVE_RATION_FEEDS = 800 };

// Actions. North first, then clockwise; a slot of the pack is used.
enum {
    DELVE_SEARCH = 8,
    DELVE_TAKE,
    DELVE_DESCEND,
    DELVE_CLIMB,
    DELVE_USE,
    DELVE_POWER = DELVE_USE + DELVE_SLOTS,
    DELVE_ACTIONS
};

enum { DELVE_ASLEEP, DELVE_WANDERS, DELVE_HUNTS, DELVE_FLEES, DELVE_MOODS };
typedef struct DelveMonster {
    int16_t tile;
    int16_t health;
    int16_t loot; // gold that it stole
    uint8_t kind; // 0: there is none
    uint8_t mood, energy, elite;
} DelveMonster;

enum { DELVE_CURSED = 1, DELVE_KNOWN = 2, DELVE_WORN = 4, DELVE_OWN = 8, DELVE_MARKS = 15 }; // OWN: from the start
typedef struct DelveThing {
    int16_t tile; // 0 in the pack
    uint8_t kind; // 0: there is none
    int8_t bonus;
    uint8_t count; // pieces of gold, charges of a wand, things of a stack
    uint8_t marks;
} DelveThing;

typedef struct DelveEvent {
    int16_t amount;
    uint8_t what, subject;
    int32_t turn;
} DelveEvent;

typedef struct Delve {
    PufRng rng;
    int32_t hero_choice, num_levels, max_steps, start, supplies; // settings
    float density, reward_point, reward_tile, reward_level;
    int32_t levels_offset;                                 // in the assets: the structs behind the tiles
    int32_t terrain_offset, terrain_rows, terrain_columns; // of the table of the level in the assets
    int32_t plan_offset, plan_rows, plan_columns;          // of the numbers of the level in the assets
    int32_t hero, tile, depth, deepest, health, max_health, mana, level, experience, gold, food, strength;
    int32_t fast, confused, poison; // turns left
    int32_t turn, kills, elites, points, explored, cause, won;
    int32_t ended;                     // how the last episode ended: 100 times the depth, and the cause
    uint64_t earned;                   // achievements
    uint32_t known;                    // kinds of secrets
    uint32_t allowed;                  // actions
    int32_t near_monsters[DELVE_NEAR]; // in sight, nearest first; DELVE_NOBODY behind the last
    uint32_t in_sight;                 // bits of the monsters in sight
    float episode_return;
    uint8_t looks[DELVE_SECRETS]; // how each kind of secret looks, within its class
    DelveThing pack[DELVE_SLOTS];
    DelveEvent events[DELVE_EVENTS];    // newest first
    int16_t visible[DELVE_SIGHT_WORDS]; // bit 7 of word 7 is the hero's tile
    int16_t trail[DELVE_TRAIL];         // newest first; 0: none
    // all levels
    int32_t numbers[DELVE_DEPTHS];                                          // of the levels among those of their depth
    int32_t visited[DELVE_DEPTHS], left[DELVE_DEPTHS], found[DELVE_DEPTHS]; // the turn it was left; bits of traps
    uint64_t seen[DELVE_DEPTHS * DELVE_HEIGHT]; // bit c of row r: column c of row r + 8 of the table
    DelveMonster monsters[DELVE_DEPTHS * DELVE_CROWD];
    DelveThing things[DELVE_DEPTHS * DELVE_LITTER];
    // the present level
    uint8_t view[DELVE_TILES]; // what is remembered of each tile, see below
    uint8_t who[DELVE_TILES];  // the number of the monster on each tile, from 1
    PufLog log;
    float log_depth, log_level, log_kills, log_gold, log_points; // after the five of PufLog
    float log_by_monster, log_by_hunger, log_by_harm, log_won;
    float log_hero[DELVE_HEROES][3]; // episodes, perf and depth of each hero
} Delve;

// What is remembered of a tile: codes of `view`, and of the observation, which adds the monsters.
enum {
    DELVE_UNSEEN,
    DELVE_OPEN,
    DELVE_VEIL, // a curtain
    DELVE_BLOCKED,
    DELVE_STAIRS_UP,
    DELVE_STAIRS_DOWN,
    DELVE_DANGER, // a trap that was found
    DELVE_OBJECT,
    DELVE_RICHES,
    DELVE_VIEWS,
    DELVE_SLEEPER = DELVE_VIEWS,
    DELVE_FOE,
    DELVE_SIGHTS
};

// ---- Where things are ----

static size_t delve_number(const Delve* s)
{
    return (size_t)((s->depth - 1) * s->num_levels + s->numbers[s->depth - 1]);
}

static const uint8_t* delve_tiles(const Delve* s, const void* assets)
{
    return (const uint8_t*)assets + delve_number(s) * DELVE_TILES;
}

static const DelveLevel* delve_level(const Delve* s, const void* assets)
{
    return (const DelveLevel*)((const uint8_t*)assets + s->levels_offset) + delve_number(s);
}

static DelveMonster* delve_monsters(Delve* s) { return s->monsters + (s->depth - 1) * DELVE_CROWD; }

static DelveThing* delve_things(Delve* s) { return s->things + (s->depth - 1) * DELVE_LITTER; }

static uint64_t* delve_seen(Delve* s) { return s->seen + (s->depth - 1) * DELVE_HEIGHT; }

static int delve_was_seen(Delve* s, int32_t tile)
{
    return (int)(delve_seen(s)[delve_row(tile) - DELVE_EDGE] >> delve_column(tile) & 1);
}

// Whether a tile is within what a table of sight around the hero shows.
static int delve_shows(const Delve* s, const int16_t* sight, int32_t tile)
{
    uint32_t down = (uint32_t)(delve_row(tile) - delve_row(s->tile) + DELVE_SIGHT);
    uint32_t right = (uint32_t)(delve_column(tile) - delve_column(s->tile) + DELVE_SIGHT);
    return down < DELVE_SIGHT_ROWS && right < DELVE_SIGHT_ROWS && (sight[down] >> right & 1);
}

static int delve_sees(const Delve* s, int32_t tile) { return delve_shows(s, s->visible, tile); }

// What the hero could see in the light, which is also who can see the hero.
static const int16_t* delve_sight(const Delve* s, const void* assets)
{
    const DelveLevel* level = delve_level(s, assets);
    return level->sight[level->place[s->tile]];
}

static int delve_can_enter(const uint8_t* tiles, int32_t tile, int flies)
{
    int32_t terrain = tiles[tile] & DELVE_TERRAIN_MASK;
    return delve_is_floor(terrain) || (flies && terrain == DELVE_WATER);
}

static DelveThing* delve_thing_on(Delve* s, int32_t tile)
{
    DelveThing* things = delve_things(s);
    for (int32_t i = 0; i < DELVE_LITTER; i++) {
        if (things[i].kind && things[i].tile == tile) {
            return &things[i];
        }
    }
    return NULL;
}

// ---- Chance, events, achievements ----

static int32_t delve_draw(Delve* s, int32_t n) { return (int32_t)puf_rand_below(&s->rng, (uint32_t)n); }

static int32_t delve_roll(Delve* s, int32_t count, int32_t sides)
{
    int32_t sum = count;
    for (int32_t i = 0; i < count; i++) {
        sum += delve_draw(s, sides);
    }
    return sum;
}

static int32_t delve_roll_dice(Delve* s, DelveDice dice) { return delve_roll(s, dice.count, dice.sides); }

static void delve_tell(Delve* s, int32_t what, int32_t subject, int32_t amount)
{
    memmove(s->events + 1, s->events, (DELVE_EVENTS - 1) * sizeof(DelveEvent));
    s->events[0].what = (uint8_t)what;
    s->events[0].subject = (uint8_t)subject;
    s->events[0].amount = (int16_t)amount;
    s->events[0].turn = s->turn;
}

static void delve_earn(Delve* s, int32_t achievement, int condition)
{
    if (condition && !(s->earned >> achievement & 1)) {
        s->earned |= UINT64_C(1) << achievement;
        s->points += delve_points_of(achievement);
        delve_tell(s, DELVE_ACHIEVED, achievement, delve_points_of(achievement));
    }
}

static int delve_knows(const Delve* s, int32_t kind)
{
    return kind < DELVE_FIRST_SECRET || kind >= DELVE_FIRST_SECRET + DELVE_SECRETS ||
           (s->known >> (kind - DELVE_FIRST_SECRET) & 1);
}

static void delve_learn(Delve* s, int32_t kind)
{
    if (!delve_knows(s, kind)) {
        s->known |= UINT32_C(1) << (kind - DELVE_FIRST_SECRET);
        int32_t count = 0;
        for (int32_t i = 0; i < DELVE_SECRETS; i++) {
            count += (int32_t)(s->known >> i & 1);
        }
        delve_earn(s, DELVE_KNOWS_4, count >= 4);
        delve_earn(s, DELVE_KNOWS_8, count >= 8);
    }
}

// ---- The hero ----

static int delve_wears(const Delve* s, int32_t slot) { return (s->pack[slot].marks & DELVE_WORN) != 0; }

static int32_t delve_slot(int32_t class) { return delve_classes[class].slot; }

static int delve_has_ring(const Delve* s, int32_t kind)
{
    int32_t slot = delve_slot(DELVE_RING);
    return s->pack[slot].kind == kind && delve_wears(s, slot);
}

static int32_t delve_armour(const Delve* s)
{
    int32_t armour = 10 + 2 * delve_has_ring(s, DELVE_PROTECTION);
    for (int32_t slot = delve_slot(DELVE_HELMET); slot <= delve_slot(DELVE_SHIELD); slot++) {
        armour += delve_wears(s, slot) ? delve_armours[s->pack[slot].kind] + s->pack[slot].bonus : 0;
    }
    return armour;
}

static int32_t delve_max_mana(const Delve* s) { return delve_heroes[s->hero].mana + s->level; }

static void delve_gain(Delve* s, int32_t experience)
{
    s->experience = puf_clampi(s->experience + experience, 0, 1000000);
    while (s->level < DELVE_MAX_LEVEL && s->experience >= 20 << (s->level - 1)) {
        int32_t more = delve_roll(s, 1, delve_heroes[s->hero].growth);
        s->level += 1;
        s->max_health = puf_clampi(s->max_health + more, 1, 500);
        s->health = puf_clampi(s->health + more, s->health, s->max_health);
        delve_tell(s, DELVE_ROSE, 0, s->level);
        delve_earn(s, DELVE_LEVEL_2, s->level >= 2);
        delve_earn(s, DELVE_LEVEL_5, s->level >= 5);
        delve_earn(s, DELVE_LEVEL_8, s->level >= 8);
        delve_earn(s, DELVE_LEVEL_12, s->level >= 12);
    }
}

static void delve_heal(Delve* s, int32_t amount)
{
    s->health = puf_clampi(s->health + amount, s->health, s->max_health);
}

// Why a hero died: a kind of monster, or one of these.
enum { DELVE_ALIVE, DELVE_BY_HUNGER = DELVE_MONSTERS + 1, DELVE_BY_HARM, DELVE_BY_AMULET, DELVE_CAUSES };

static void delve_harm(Delve* s, int32_t amount, int32_t cause)
{
    s->health -= amount;
    s->cause = s->health <= 0 && !s->cause ? cause : s->cause;
}

// ---- Seeing ----

static uint8_t delve_view_of(const Delve* s, int32_t tile_byte)
{
    static const uint8_t views[DELVE_TERRAINS] = { DELVE_UNSEEN,  DELVE_OPEN,    DELVE_OPEN,      DELVE_OPEN,
                                                   DELVE_OPEN,    DELVE_VEIL,    DELVE_STAIRS_UP, DELVE_STAIRS_DOWN,
                                                   DELVE_BLOCKED, DELVE_BLOCKED, DELVE_BLOCKED,   DELVE_BLOCKED };
    int32_t trap = tile_byte >> DELVE_TERRAIN_BITS;
    int found = trap && (s->found[s->depth - 1] >> (trap - 1) & 1);
    return found ? DELVE_DANGER : views[tile_byte & DELVE_TERRAIN_MASK];
}

static uint8_t delve_view_of_thing(const DelveThing* thing)
{
    return thing->kind == DELVE_COINS ? DELVE_RICHES : DELVE_OBJECT;
}

// What is remembered of a tile that was seen: the thing on it, or what it is.
static void delve_show(Delve* s, const void* assets, int32_t tile)
{
    const DelveThing* thing = delve_thing_on(s, tile);
    if (delve_was_seen(s, tile)) {
        s->view[tile] = thing ? delve_view_of_thing(thing) : delve_view_of(s, delve_tiles(s, assets)[tile]);
    }
}

static void delve_show_things(Delve* s)
{
    DelveThing* things = delve_things(s);
    for (int32_t i = 0; i < DELVE_LITTER; i++) {
        if (things[i].kind && delve_was_seen(s, things[i].tile)) {
            s->view[things[i].tile] = delve_view_of_thing(&things[i]);
        }
    }
}

// Remember tiles of a row, given as bits.
static void delve_remember(Delve* s, const uint8_t* tiles, int32_t row, uint64_t bits)
{
    uint64_t* seen = &delve_seen(s)[row - DELVE_EDGE];
    bits &= ~*seen;
    *seen |= bits;
    for (int32_t column = 0; bits; column++, bits >>= 1) {
        if (bits & 1) {
            s->view[row * DELVE_COLUMNS + column] = delve_view_of(s, tiles[row * DELVE_COLUMNS + column]);
            s->explored += 1;
        }
    }
}

static int32_t delve_reach(const Delve* s, const void* assets)
{
    int32_t lamp = delve_has_ring(s, DELVE_LIGHT) ? DELVE_LAMP_SIGHT : DELVE_DARK_SIGHT;
    return delve_level(s, assets)->dark ? lamp : DELVE_SIGHT;
}

// Look around: on dark levels only as far as the light reaches, which is a disc.
static void delve_look(Delve* s, const void* assets)
{
    const int16_t* sight = delve_sight(s, assets);
    const uint8_t* tiles = delve_tiles(s, assets);
    int32_t reach = delve_reach(s, assets), explored = s->explored;
    int32_t top = delve_row(s->tile) - DELVE_SIGHT, left = delve_column(s->tile) - DELVE_SIGHT;
    for (int32_t y = 0; y < DELVE_SIGHT_ROWS; y++) {
        uint32_t row = (uint32_t)sight[y], down = (uint32_t)((y - DELVE_SIGHT) * (y - DELVE_SIGHT));
        for (int32_t x = 0; reach < DELVE_SIGHT && x < DELVE_SIGHT_ROWS; x++) {
            uint32_t right = (uint32_t)((x - DELVE_SIGHT) * (x - DELVE_SIGHT));
            row &= ~((uint32_t)(down + right > (uint32_t)(reach * reach + 1)) << x);
        }
        s->visible[y] = (int16_t)row;
        uint64_t bits = (uint64_t)row << left;
        if (row && (bits & ~delve_seen(s)[top + y - DELVE_EDGE])) {
            delve_remember(s, tiles, top + y, bits);
        }
    }
    s->visible[DELVE_SIGHT_ROWS] = 0;
    if (s->explored > explored) {
        delve_show_things(s);
    }
}
