// cards_table.h - the sixty cards of `cards`: creatures of two tide pools, and the weather and currents that their
// keepers call up. Sorted by cost; a deck is drawn from these rows.
#pragma once
#include <stdint.h>

enum { CARDS_NUMBERS = 61, CARDS_SPRING = 1 }; // number 0 is no card
enum { CARDS_MAX_COST = 7 };

// What a card is.
enum { CARDS_NOTHING, CARDS_SOURCE, CARDS_CREATURE, CARDS_SPELL, CARDS_INSTANT };

// What a spell does. `amount` is its n.
enum {
    CARDS_NO_EFFECT,
    CARDS_BOLT,    // n damage to one of the other's creatures, or to the other player
    CARDS_HEAL,    // n life for its player
    CARDS_DRAW,    // its player draws n cards
    CARDS_GROW,    // one of one's own creatures has n more attack and n more health, for good
    CARDS_WEAKEN,  // one of the other's creatures has n less of both, for good
    CARDS_DESTROY, // one of the other's creatures with an attack of at most n
    CARDS_RETURN,  // one of the other's creatures goes back to its player's hand
    CARDS_SWEEP,   // n damage to every creature
    CARDS_COUNTER, // the other's spell or creature on top of the stack never comes to be
    CARDS_EFFECTS = CARDS_COUNTER
};

// Keywords of creatures, as bits.
enum {
    CARDS_SWIFT = 1 << 0,  // may attack in the turn in which it came
    CARDS_SOAR = 1 << 1,   // is blocked only by creatures that soar or have a net
    CARDS_NET = 1 << 2,    // may block creatures that soar
    CARDS_QUICK = 1 << 3,  // deals its damage before creatures that are not quick
    CARDS_PIERCE = 1 << 4, // what its blockers do not need to die goes to the other player
    CARDS_DRAIN = 1 << 5,  // the damage it deals heals its player
    CARDS_VENOM = 1 << 6,  // kills any creature that it damages
    CARDS_AWAKE = 1 << 7,  // does not tire from attacking, so that it can block in the other's turn
    CARDS_KEYWORDS = 8
};

typedef struct CardsCard {
    uint8_t kind, cost;
    uint8_t attack; // of a spell: its amount
    uint8_t health; // 0 for spells
    uint8_t keywords;
    uint8_t effect;
} CardsCard;
enum { CARDS_COLUMNS = sizeof(CardsCard) };

// The first row of each cost, and the end.
static const uint8_t cards_first[CARDS_MAX_COST + 2] = { 2, 4, 11, 24, 37, 46, 54, 58, CARDS_NUMBERS };

// clang-format off
// Every card but the spring: BEAST(cost, attack, health, keywords) and CHARM(kind, cost, effect, amount).
#define CARDS_LIST(BEAST, CHARM)                                                   \
    BEAST(0, 0, 3, 0)                                       /* Drift Larva */       \
    BEAST(0, 1, 2, 0)                                       /* Glass Shrimp */      \
    BEAST(1, 2, 2, 0)                                       /* Needle Fry */        \
    BEAST(1, 1, 3, 0)                                       /* Pebble Crab */       \
    BEAST(1, 2, 1, CARDS_SWIFT)                             /* Rill Goby */         \
    BEAST(1, 1, 1, CARDS_SOAR)                              /* Lamp Gnat */         \
    BEAST(1, 1, 1, CARDS_VENOM)                             /* Stinging Bell */     \
    CHARM(INSTANT, 1, BOLT, 2)                              /* Spark of Salt */     \
    CHARM(INSTANT, 1, GROW, 1)                              /* Barnacle Coat */     \
    BEAST(2, 3, 3, 0)                                       /* Mud Hopper */        \
    BEAST(2, 1, 4, CARDS_NET)                               /* Kelp Snail */        \
    BEAST(2, 2, 2, CARDS_SOAR)                              /* Spray Tern */        \
    BEAST(2, 3, 2, CARDS_SWIFT)                             /* Razor Minnow */      \
    BEAST(2, 2, 2, CARDS_DRAIN)                             /* Leech Eel */         \
    BEAST(2, 2, 3, CARDS_AWAKE)                             /* Tide Sentry */       \
    BEAST(2, 2, 2, CARDS_QUICK)                             /* Coral Pike */        \
    CHARM(INSTANT, 2, BOLT, 3)                              /* Boiling Jet */       \
    CHARM(SPELL, 2, HEAL, 6)                                /* Clear Water */       \
    CHARM(INSTANT, 2, GROW, 2)                              /* Sudden Bloom */      \
    CHARM(SPELL, 2, WEAKEN, 2)                              /* Numbing Cold */      \
    CHARM(INSTANT, 2, RETURN, 0)                            /* Backwash Pull */     \
    CHARM(INSTANT, 2, COUNTER, 0)                           /* Still Water */       \
    BEAST(3, 3, 3, CARDS_NET)                               /* Reed Frog */         \
    BEAST(3, 2, 3, CARDS_SOAR)                              /* Squall Petrel */     \
    BEAST(3, 1, 4, CARDS_VENOM)                             /* Bristle Urchin */    \
    BEAST(3, 2, 5, 0)                                       /* Ridge Turtle */      \
    BEAST(3, 4, 2, CARDS_SWIFT)                             /* Slate Barracuda */   \
    BEAST(3, 2, 2, CARDS_SOAR | CARDS_DRAIN)                /* Lantern Ray */       \
    BEAST(3, 3, 2, CARDS_QUICK)                             /* Spear Shrimp */      \
    BEAST(3, 3, 3, CARDS_PIERCE)                            /* Hook Squid */        \
    CHARM(SPELL, 3, DRAW, 2)                                /* Ebb Reading */       \
    CHARM(SPELL, 3, HEAL, 9)                                /* Long Rain */         \
    CHARM(SPELL, 3, DESTROY, 3)                             /* Shadow Below */      \
    CHARM(SPELL, 3, SWEEP, 2)                               /* Turning Basin */     \
    CHARM(INSTANT, 3, GROW, 3)                              /* Rising Swell */      \
    BEAST(4, 4, 4, 0)                                       /* Brine Otter */       \
    BEAST(4, 3, 3, CARDS_SOAR)                              /* Cliff Gannet */      \
    BEAST(4, 1, 6, CARDS_NET | CARDS_VENOM)                 /* Thorn Anemone */     \
    BEAST(4, 4, 3, CARDS_QUICK)                             /* Dusk Moray */        \
    BEAST(4, 3, 5, CARDS_AWAKE)                             /* Silt Walrus */       \
    BEAST(4, 3, 4, CARDS_DRAIN)                             /* Ink Mantle */        \
    BEAST(4, 5, 2, CARDS_SWIFT | CARDS_PIERCE)              /* Foam Charger */      \
    CHARM(SPELL, 4, BOLT, 5)                                /* Hot Vent */          \
    CHARM(SPELL, 4, WEAKEN, 4)                              /* Crushing Deep */     \
    BEAST(5, 4, 6, CARDS_AWAKE)                             /* Reef Warden */       \
    BEAST(5, 4, 4, CARDS_SOAR)                              /* Gale Albatross */    \
    BEAST(5, 4, 6, CARDS_PIERCE)                            /* Anvil Crab */        \
    BEAST(5, 5, 3, CARDS_SWIFT | CARDS_QUICK)               /* Harpoon Eel */       \
    BEAST(5, 3, 6, CARDS_VENOM)                             /* Marsh Lurker */      \
    CHARM(SPELL, 5, DRAW, 3)                                /* Wrack Line */        \
    CHARM(SPELL, 5, DESTROY, 9)                             /* Crimson Drift */     \
    CHARM(SPELL, 5, SWEEP, 4)                               /* Breaking Front */    \
    BEAST(6, 6, 6, CARDS_PIERCE)                            /* Tusk Whale */        \
    BEAST(6, 4, 5, CARDS_SOAR | CARDS_AWAKE)                /* Dawn Heron */        \
    BEAST(6, 5, 5, CARDS_DRAIN)                             /* Hollow Octopus */    \
    BEAST(6, 6, 4, CARDS_SWIFT)                             /* Trench Stalker */    \
    BEAST(7, 8, 8, 0)                                       /* Old Baleen */        \
    BEAST(7, 6, 6, CARDS_SOAR)                              /* Thunder Manta */     \
    BEAST(7, 5, 8, CARDS_NET | CARDS_DRAIN)                 /* Deep Mother */

#define CARDS_BEAST_ROW(cost, attack, health, keywords) \
    { CARDS_CREATURE, cost, attack, health, keywords, CARDS_NO_EFFECT },
#define CARDS_CHARM_ROW(kind, cost, effect, amount) { CARDS_##kind, cost, amount, 0, 0, CARDS_##effect },
static const CardsCard cards_table[CARDS_NUMBERS] = {
    { 0, 0, 0, 0, 0, 0 },
    { CARDS_SOURCE, 0, 0, 0, 0, 0 }, // Spring
    CARDS_LIST(CARDS_BEAST_ROW, CARDS_CHARM_ROW)
};

// The same as flags, for observations: spring, creature, instant; the keywords; the effects.
enum { CARDS_FLAGS = 3 + CARDS_KEYWORDS + CARDS_EFFECTS };
#define CARDS_BIT(bits, k) ((bits) >> (k) & 1)
#define CARDS_BEAST_FLAGS(cost, attack, health, keywords)                                                              \
    { 0, 1, 0, CARDS_BIT(keywords, 0), CARDS_BIT(keywords, 1), CARDS_BIT(keywords, 2), CARDS_BIT(keywords, 3),         \
      CARDS_BIT(keywords, 4), CARDS_BIT(keywords, 5), CARDS_BIT(keywords, 6), CARDS_BIT(keywords, 7) },
#define CARDS_IS(effect, k) (CARDS_##effect == (k))
#define CARDS_CHARM_FLAGS(kind, cost, effect, amount)                                                                  \
    { 0, 0, CARDS_##kind == CARDS_INSTANT, 0, 0, 0, 0, 0, 0, 0, 0, CARDS_IS(effect, 1), CARDS_IS(effect, 2),           \
      CARDS_IS(effect, 3), CARDS_IS(effect, 4), CARDS_IS(effect, 5), CARDS_IS(effect, 6), CARDS_IS(effect, 7),         \
      CARDS_IS(effect, 8), CARDS_IS(effect, 9) },
static const uint8_t cards_flags[CARDS_NUMBERS][CARDS_FLAGS] = {
    { 0 },
    { 1 },
    CARDS_LIST(CARDS_BEAST_FLAGS, CARDS_CHARM_FLAGS)
};
// clang-format on
