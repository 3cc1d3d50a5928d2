// craftax_classic_state.h - what a game of craftax_classic is made of: actions, things, achievements, creatures, tiles.
#pragma once
#include "craftax_classic_world.h"

enum { CRAFTAX_CLASSIC_ARROWS = 3, CRAFTAX_CLASSIC_PLANTS = 10, CRAFTAX_CLASSIC_THINGS = 12 };
enum { CRAFTAX_CLASSIC_ROWS = 7, CRAFTAX_CLASSIC_COLUMNS = 9, CRAFTAX_CLASSIC_VIEW = 63, CRAFTAX_CLASSIC_COPIED = 16 };
enum { CRAFTAX_CLASSIC_OBS = 2 * CRAFTAX_CLASSIC_VIEW + 1 + CRAFTAX_CLASSIC_THINGS + 6 };
enum { CRAFTAX_CLASSIC_MOST = 9 }; // of a thing, and of health, food, drink and energy
enum { CRAFTAX_CLASSIC_GONE_AT = 14, CRAFTAX_CLASSIC_RIPE_AT = 600, CRAFTAX_CLASSIC_DAY = 300 };
enum { CRAFTAX_CLASSIC_ZOMBIE_HEALTH = 5, CRAFTAX_CLASSIC_COW_HEALTH = 3, CRAFTAX_CLASSIC_SKELETON_HEALTH = 3 };
enum { CRAFTAX_CLASSIC_FAR = 127, CRAFTAX_CLASSIC_FAR_BACK = -64 }; // where spent arrows stop: nobody sees so far

enum {
    CRAFTAX_CLASSIC_NOTHING,
    CRAFTAX_CLASSIC_LEFT,
    CRAFTAX_CLASSIC_RIGHT,
    CRAFTAX_CLASSIC_UP,
    CRAFTAX_CLASSIC_DOWN,
    CRAFTAX_CLASSIC_DO,
    CRAFTAX_CLASSIC_SLEEP,
    CRAFTAX_CLASSIC_PLACE_STONE,
    CRAFTAX_CLASSIC_PLACE_TABLE,
    CRAFTAX_CLASSIC_PLACE_FURNACE,
    CRAFTAX_CLASSIC_PLACE_SAPLING,
    CRAFTAX_CLASSIC_MAKE, // six of them
    CRAFTAX_CLASSIC_ACTIONS = CRAFTAX_CLASSIC_MAKE + 6,
};

// Things that you carry.
enum {
    CRAFTAX_CLASSIC_HAS_WOOD,
    CRAFTAX_CLASSIC_HAS_STONE,
    CRAFTAX_CLASSIC_HAS_COAL,
    CRAFTAX_CLASSIC_HAS_IRON,
    CRAFTAX_CLASSIC_HAS_DIAMOND,
    CRAFTAX_CLASSIC_HAS_SAPLING,
    CRAFTAX_CLASSIC_WOOD_PICKAXE,
    CRAFTAX_CLASSIC_STONE_PICKAXE,
    CRAFTAX_CLASSIC_IRON_PICKAXE,
    CRAFTAX_CLASSIC_WOOD_SWORD,
    CRAFTAX_CLASSIC_STONE_SWORD,
    CRAFTAX_CLASSIC_IRON_SWORD,
};

enum {
    CRAFTAX_CLASSIC_COLLECT_WOOD,
    CRAFTAX_CLASSIC_PLACED_TABLE,
    CRAFTAX_CLASSIC_EAT_COW,
    CRAFTAX_CLASSIC_COLLECT_SAPLING,
    CRAFTAX_CLASSIC_COLLECT_DRINK,
    CRAFTAX_CLASSIC_MADE_WOOD_PICKAXE,
    CRAFTAX_CLASSIC_MADE_WOOD_SWORD,
    CRAFTAX_CLASSIC_PLACED_PLANT,
    CRAFTAX_CLASSIC_DEFEAT_ZOMBIE,
    CRAFTAX_CLASSIC_COLLECT_STONE,
    CRAFTAX_CLASSIC_PLACED_STONE,
    CRAFTAX_CLASSIC_EAT_PLANT,
    CRAFTAX_CLASSIC_DEFEAT_SKELETON,
    CRAFTAX_CLASSIC_MADE_STONE_PICKAXE,
    CRAFTAX_CLASSIC_MADE_STONE_SWORD,
    CRAFTAX_CLASSIC_WAKE_UP,
    CRAFTAX_CLASSIC_PLACED_FURNACE,
    CRAFTAX_CLASSIC_COLLECT_COAL,
    CRAFTAX_CLASSIC_COLLECT_IRON,
    CRAFTAX_CLASSIC_COLLECT_DIAMOND,
    CRAFTAX_CLASSIC_MADE_IRON_PICKAXE,
    CRAFTAX_CLASSIC_MADE_IRON_SWORD,
    CRAFTAX_CLASSIC_ACHIEVEMENTS,
};

// A tile holds what is there, and a mark where a creature is that blocks the way.
enum { CRAFTAX_CLASSIC_MARK = CRAFTAX_CLASSIC_BLOCKS, CRAFTAX_CLASSIC_KIND = CRAFTAX_CLASSIC_MARK - 1 };
#define CRAFTAX_CLASSIC_IS(tile) (UINT32_C(1) << (tile))
// What can be walked on. Tiles with a mark are beyond the bits that are set.
#define CRAFTAX_CLASSIC_OPEN                                                                                           \
    (CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_GRASS) | CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_WOOD) |                            \
     CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_PATH) | CRAFTAX_CLASSIC_IS(CRAFTAX_CLASSIC_SAND))

// The columns of a table of creatures. One that is not alive still walks, unseen, and blocks nobody, as there.
enum { CRAFTAX_CLASSIC_ROW, CRAFTAX_CLASSIC_COLUMN, CRAFTAX_CLASSIC_HEALTH, CRAFTAX_CLASSIC_ALIVE };
enum { CRAFTAX_CLASSIC_REST = CRAFTAX_CLASSIC_ALIVE + 1, CRAFTAX_CLASSIC_CREATURE }; // steps until it may attack again
typedef int8_t CraftaxClassicCreature[CRAFTAX_CLASSIC_CREATURE];

// Of arrows: row, column, 1 if it flies, and by how many rows and columns.
enum { CRAFTAX_CLASSIC_FLIES = 2, CRAFTAX_CLASSIC_BY_ROWS, CRAFTAX_CLASSIC_BY_COLUMNS, CRAFTAX_CLASSIC_ARROW };

typedef struct CraftaxClassic {
    PufRng rng;
    int32_t max_steps; // settings
    float reward_health;
    CraftaxClassicCreature zombies[CRAFTAX_CLASSIC_ZOMBIES], cows[CRAFTAX_CLASSIC_COWS];
    CraftaxClassicCreature skeletons[CRAFTAX_CLASSIC_SKELETONS];
    int8_t arrows[CRAFTAX_CLASSIC_ARROWS][CRAFTAX_CLASSIC_ARROW];
    int8_t plants[CRAFTAX_CLASSIC_PLANTS][2]; // row, column
    int16_t plant_age[CRAFTAX_CLASSIC_PLANTS];
    int8_t num_plants;
    int8_t row, column, facing, sleeping;
    int8_t things[CRAFTAX_CLASSIC_THINGS];
    int8_t health, food, drink, energy;
    int8_t hunger, thirst, fatigue, recovery; // halves of what the reference counts; of fatigue, wholes
    uint32_t achievements;                    // as bits
    int32_t tick;
    float light, episode_return;
    PufLog log;
    float log_achievements[CRAFTAX_CLASSIC_ACHIEVEMENTS];        // after the five of PufLog
    uint8_t map[CRAFTAX_CLASSIC_STRIDE][CRAFTAX_CLASSIC_STRIDE]; // with what is outside around it
} CraftaxClassic;

static const int8_t craftax_classic_ways[8][2] = { { 0, -1 }, { 0, 1 }, { -1, 0 }, { 1, 0 } }; // the last four: stay

static inline int32_t craftax_classic_abs(int32_t x) { return x < 0 ? -x : x; }
static inline int32_t craftax_classic_sign(int32_t x) { return (x > 0) - (x < 0); }
static inline int32_t craftax_classic_least(int32_t x, int32_t y) { return x < y ? x : y; }

static inline uint8_t* craftax_classic_tile(CraftaxClassic* s, int32_t row, int32_t column)
{
    return &s->map[row + CRAFTAX_CLASSIC_EDGE][column + CRAFTAX_CLASSIC_EDGE];
}

static inline int32_t craftax_classic_kind(CraftaxClassic* s, int32_t row, int32_t column)
{
    return *craftax_classic_tile(s, row, column) & CRAFTAX_CLASSIC_KIND;
}

// The tile that an array has at a place that may be one beyond its edge, as there: the row before the first is the last
// one, and so is the row after the last; with columns as well.
static uint8_t* craftax_classic_wrapped(CraftaxClassic* s, int32_t row, int32_t column)
{
    int32_t last = CRAFTAX_CLASSIC_SIDE - 1;
    row = row < 0 || row > last ? last : row;
    column = column < 0 || column > last ? last : column;
    return craftax_classic_tile(s, row, column);
}

static inline void craftax_classic_set(uint8_t* tile, int32_t kind)
{
    *tile = (uint8_t)((*tile & CRAFTAX_CLASSIC_MARK) | kind);
}

static inline void craftax_classic_earn(CraftaxClassic* s, int32_t achievement)
{
    s->achievements |= UINT32_C(1) << achievement;
}

static inline void craftax_classic_add(CraftaxClassic* s, int32_t thing, int32_t count)
{
    s->things[thing] = (int8_t)(s->things[thing] + count);
}

static inline int craftax_classic_is_at(const int8_t* one, int32_t row, int32_t column)
{
    return one[CRAFTAX_CLASSIC_ROW] == row && one[CRAFTAX_CLASSIC_COLUMN] == column;
}

// Whether a creature may step there.
static inline int craftax_classic_can_enter(CraftaxClassic* s, int32_t row, int32_t column)
{
    return (CRAFTAX_CLASSIC_OPEN >> *craftax_classic_tile(s, row, column) & 1) &&
           (row != s->row || column != s->column);
}

// 1 - |cos(pi p)|^3, where p is the share of the day that is over plus 0.3. The quotient is a product, and the last
// product and difference are rounded once, as JAX's compiler makes them; and at the start, 0.3 pi is rounded once.
static float craftax_classic_light(int32_t tick)
{
    float days = (float)tick * (1.0f / (float)CRAFTAX_CLASSIC_DAY), sine, cosine;
    float part = (days - floorf(days)) + 0.3f, angle = tick == 0 ? 0.94247779607693797154f : PUF_PI * part;
    craftax_classic_sincos(1, &angle, &sine, &cosine);
    float side = fabsf(cosine);
    return (float)(1.0 - (double)side * (double)(side * side));
}
