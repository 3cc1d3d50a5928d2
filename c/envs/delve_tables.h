// delve_tables.h - the monsters, things, heroes and achievements of delve. What each does is in the rules.
#pragma once
#include <stdint.h>

// ---- Monsters ----

enum {
    DELVE_RANGED = 1, // shoots at who is in sight
    DELVE_POISON = 2, // its hits poison
    DELVE_THIEF = 4,  // takes gold instead of blood, and runs away
    DELVE_BREEDS = 8,
    DELVE_FLIES = 16,       // over water too
    DELVE_DRAINS = 32,      // its hits lower the greatest health
    DELVE_REGENERATES = 64, // one health in each of its turns
    DELVE_CASTS = 128,      // bolts that no armour stops
    DELVE_SHY = 256,        // runs away when badly hurt
};
enum { DELVE_MONSTERS = 24, DELVE_DRAGON = 24 };

typedef struct DelveDice {
    uint8_t count, sides;
} DelveDice;

// Tier is the depth where it is at home. It acts once for every 12 of speed.
typedef struct DelveKind {
    uint8_t tier, hit, armour, speed;
    DelveDice health, damage;
    uint16_t flags, experience;
} DelveKind;

static const DelveKind delve_kinds[DELVE_MONSTERS + 1] = {
    { 0 },
    { 1, 0, 8, 12, { 1, 4 }, { 1, 3 }, 0, 2 },                                // rat
    { 1, 1, 10, 18, { 1, 4 }, { 1, 2 }, DELVE_FLIES, 3 },                     // bat
    { 1, 1, 9, 15, { 1, 6 }, { 1, 3 }, 0, 3 },                                // jackal
    { 2, 2, 10, 12, { 2, 4 }, { 1, 5 }, 0, 5 },                               // goblin
    { 2, 1, 9, 10, { 1, 6 }, { 1, 4 }, DELVE_RANGED, 6 },                     // archer
    { 2, 2, 10, 14, { 1, 8 }, { 1, 3 }, DELVE_POISON, 6 },                    // snake
    { 3, 1, 7, 6, { 3, 4 }, { 1, 4 }, DELVE_BREEDS, 6 },                      // slime
    { 3, 3, 11, 12, { 2, 8 }, { 1, 8 }, 0, 10 },                              // orc
    { 3, 3, 12, 16, { 2, 6 }, { 1, 3 }, DELVE_THIEF | DELVE_SHY, 12 },        // thief
    { 4, 4, 12, 18, { 2, 8 }, { 2, 4 }, 0, 15 },                              // wolf
    { 4, 3, 10, 6, { 4, 6 }, { 1, 8 }, 0, 14 },                               // zombie
    { 5, 5, 13, 15, { 3, 6 }, { 1, 6 }, DELVE_POISON, 22 },                   // spider
    { 5, 3, 11, 12, { 3, 6 }, { 1, 8 }, DELVE_CASTS | DELVE_SHY, 26 },        // shaman
    { 6, 5, 12, 10, { 5, 8 }, { 2, 6 }, 0, 35 },                              // ogre
    { 6, 5, 13, 18, { 4, 6 }, { 2, 4 }, DELVE_FLIES, 32 },                    // harpy
    { 7, 6, 14, 12, { 4, 8 }, { 1, 8 }, DELVE_DRAINS | DELVE_FLIES, 55 },     // wraith
    { 7, 7, 13, 12, { 6, 8 }, { 2, 6 }, DELVE_REGENERATES, 65 },              // troll
    { 8, 7, 14, 14, { 5, 8 }, { 2, 5 }, DELVE_RANGED, 85 },                   // hunter
    { 8, 8, 15, 6, { 10, 8 }, { 3, 6 }, 0, 90 },                              // golem
    { 9, 6, 14, 12, { 5, 8 }, { 3, 5 }, DELVE_CASTS | DELVE_SHY, 130 },       // warlock
    { 10, 9, 16, 14, { 7, 8 }, { 2, 8 }, DELVE_DRAINS | DELVE_FLIES, 200 },   // vampire
    { 10, 9, 15, 10, { 9, 8 }, { 3, 8 }, DELVE_RANGED, 220 },                 // giant
    { 11, 11, 17, 14, { 9, 8 }, { 3, 7 }, DELVE_CASTS | DELVE_FLIES, 350 },   // demon
    { 12, 12, 18, 12, { 14, 8 }, { 4, 7 }, DELVE_RANGED | DELVE_FLIES, 600 }, // dragon
};

// ---- Things ----

// Classes, each with its slots in the pack.
enum {
    DELVE_BLADE = 1,
    DELVE_BOW,
    DELVE_HELMET,
    DELVE_MAIL,
    DELVE_SHIELD,
    DELVE_POTION,
    DELVE_SCROLL,
    DELVE_WAND,
    DELVE_RING,
    DELVE_FOOD,
    DELVE_GOLD,
    DELVE_AMULET,
    DELVE_CLASSES
};
enum { DELVE_SLOTS = 12 };

typedef struct DelveClass {
    uint8_t first, last; // of its kinds
    uint8_t slot, slots; // its first slot, and how many it has; 0 slots: it is not put into the pack
    uint8_t weight;      // how often it lies around
} DelveClass;

static const DelveClass delve_classes[DELVE_CLASSES] = {
    { 0 },
    { 1, 5, 0, 1, 8 },
    { 6, 6, 1, 1, 3 },
    { 7, 9, 2, 1, 6 },
    { 10, 12, 3, 1, 6 },
    { 13, 15, 4, 1, 6 },
    { 16, 23, 5, 2, 22 },
    { 24, 31, 7, 2, 22 },
    { 32, 36, 9, 1, 7 },
    { 37, 40, 10, 1, 4 },
    { 41, 41, 11, 1, 16 },
    { 42, 42, 0, 0, 0 },
    { 43, 43, 0, 0, 0 },
};
enum { DELVE_WEIGHTS = 100 }; // their sum

enum { DELVE_DAGGER = 1, DELVE_MACE, DELVE_SWORD, DELVE_AXE, DELVE_GLAIVE, DELVE_ONE_BOW };
enum { DELVE_CAP = 7, DELVE_LEATHER = 10, DELVE_CHAIN, DELVE_BUCKLER = 13 };
enum {
    DELVE_HEALING = 16,
    DELVE_LIFE,
    DELVE_SPEED,
    DELVE_MIGHT,
    DELVE_INSIGHT,
    DELVE_SPIRIT,
    DELVE_VENOM,
    DELVE_DIZZINESS,
    DELVE_LORE, // scrolls
    DELVE_SHARPNESS,
    DELVE_WARDING,
    DELVE_FLIGHT,
    DELVE_MAPPING,
    DELVE_BLESSING,
    DELVE_SLUMBER,
    DELVE_ALARM,
    DELVE_STRIKING, // wands
    DELVE_FIRE,
    DELVE_DROWSE,
    DELVE_BANISHING,
    DELVE_LEECHING,
    DELVE_PROTECTION, // rings
    DELVE_HEALTH,
    DELVE_LIGHT,
    DELVE_SUSTENANCE,
    DELVE_RATION,
    DELVE_COINS,
    DELVE_THE_AMULET,
    DELVE_THINGS
};
enum { DELVE_FIRST_SECRET = DELVE_HEALING, DELVE_SECRETS = DELVE_SUSTENANCE + 1 - DELVE_FIRST_SECRET }; // unknown looks

static const DelveDice delve_blades[DELVE_ONE_BOW + 1] = {
    { 1, 2 }, { 1, 4 }, { 1, 6 }, { 1, 8 }, { 2, 5 }, { 2, 7 }, { 1, 7 }
}; // 0: bare hands; the last is the bow
static const uint8_t delve_armours[DELVE_HEALING] = { [DELVE_CAP] = 1, 2, 3, 2, 4, 6, 1, 2, 3 };

static int32_t delve_class_of(int32_t kind)
{
    static const uint8_t classes[DELVE_THINGS] = {
        0,
        DELVE_BLADE,
        DELVE_BLADE,
        DELVE_BLADE,
        DELVE_BLADE,
        DELVE_BLADE,
        DELVE_BOW,
        DELVE_HELMET,
        DELVE_HELMET,
        DELVE_HELMET,
        DELVE_MAIL,
        DELVE_MAIL,
        DELVE_MAIL,
        DELVE_SHIELD,
        DELVE_SHIELD,
        DELVE_SHIELD,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_POTION,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_SCROLL,
        DELVE_WAND,
        DELVE_WAND,
        DELVE_WAND,
        DELVE_WAND,
        DELVE_WAND,
        DELVE_RING,
        DELVE_RING,
        DELVE_RING,
        DELVE_RING,
        DELVE_FOOD,
        DELVE_GOLD,
        DELVE_AMULET,
    };
    return classes[kind];
}

// ---- Heroes ----

enum { DELVE_FIGHTER = 1, DELVE_ROGUE, DELVE_MAGE, DELVE_PRIEST, DELVE_HEROES = DELVE_PRIEST };

typedef struct DelveHero {
    uint8_t health, mana, growth; // growth: the sides of the die of health for a level
    uint8_t wears[4];             // kinds of things, worn from the start
    uint8_t carries;              // a kind
    uint8_t cost;                 // of the power, in mana
} DelveHero;

static const DelveHero delve_heroes[DELVE_HEROES + 1] = {
    { 0 },
    { 16, 6, 9, { DELVE_SWORD, DELVE_CHAIN, 0, 0 }, 0, 3 },                          // sweep: hits all around
    { 12, 6, 7, { DELVE_DAGGER, DELVE_LEATHER, DELVE_ONE_BOW, 0 }, 0, 3 },           // dust: all around fall asleep
    { 10, 8, 5, { DELVE_DAGGER, 0, 0, 0 }, DELVE_STRIKING, 2 },                      // bolt: hits the nearest, always
    { 14, 8, 7, { DELVE_MACE, DELVE_LEATHER, DELVE_BUCKLER, 0 }, DELVE_HEALING, 3 }, // heal
};

// ---- Achievements: 13 of 1 point, 11 of 3, 8 of 5 and 8 of 8, which makes 150 ----

enum {
    DELVE_DID_TAKE,
    DELVE_DID_WIELD,
    DELVE_DID_WEAR,
    DELVE_DID_EAT,
    DELVE_DID_QUAFF,
    DELVE_DID_READ,
    DELVE_DID_ZAP,
    DELVE_KILLED_1,
    DELVE_KILLED_10,
    DELVE_GOLD_100,
    DELVE_REACHED_2,
    DELVE_LEVEL_2,
    DELVE_FOUND_TRAP,
    DELVE_REACHED_3, // of 3 points
    DELVE_REACHED_4,
    DELVE_REACHED_5,
    DELVE_LEVEL_5,
    DELVE_KNOWS_4,
    DELVE_KNOWS_8,
    DELVE_KILLED_AFAR,
    DELVE_KILLED_BY_MAGIC,
    DELVE_FULL_ARMOUR,
    DELVE_CAUGHT_THIEF,
    DELVE_KILLED_50,
    DELVE_REACHED_6, // of 5 points
    DELVE_REACHED_7,
    DELVE_REACHED_8,
    DELVE_LEVEL_8,
    DELVE_KILLED_ELITES,
    DELVE_ENCHANTED,
    DELVE_GOLD_500,
    DELVE_KILLED_100,
    DELVE_REACHED_9, // of 8 points
    DELVE_REACHED_10,
    DELVE_REACHED_11,
    DELVE_REACHED_12,
    DELVE_LEVEL_12,
    DELVE_KILLED_DRAGON,
    DELVE_KILLED_200,
    DELVE_HAS_AMULET,
    DELVE_ACHIEVEMENTS
};
enum { DELVE_MAX_POINTS = 150 };

static int32_t delve_points_of(int32_t achievement)
{
    return achievement < DELVE_REACHED_3   ? 1
           : achievement < DELVE_REACHED_6 ? 3
           : achievement < DELVE_REACHED_9 ? 5
                                           : 8;
}

// ---- What happened: an event names what, a monster or a thing that it is about, and an amount ----

enum {
    DELVE_NOTHING,
    DELVE_HIT, // a monster was hit
    DELVE_MISSED,
    DELVE_KILLED,
    DELVE_HURT, // by a monster
    DELVE_DODGED,
    DELVE_SHOT, // a monster shot and hit
    DELVE_SPELL,
    DELVE_ROBBED,
    DELVE_DRAINED,
    DELVE_POISONED,
    DELVE_TOOK,
    DELVE_PUT_ON,
    DELVE_LEFT,  // for what was taken
    DELVE_STUCK, // put on, and cursed
    DELVE_USED,  // drunk, read, zapped or eaten
    DELVE_FOUND, // a trap
    DELVE_SPRUNG,
    DELVE_ARRIVED, // on a level
    DELVE_ROSE,    // a level of experience
    DELVE_ACHIEVED,
    DELVE_HUNGRY,
    DELVE_STARVES,
    DELVE_CAST, // the own power
    DELVE_BRED,
    DELVE_WOKE,
    DELVE_EVENT_KINDS
};
