// craftax_classic_random.h - random numbers as JAX draws them: keys that split, and Threefry-2x32 (Salmon et al.
// 2011).
//
// A key is two words. JAX's default generator turns a key and a counter into two new words: split(key) gives the
// children that counters 0 and 1 lead to, and element i of an array of random words is the exclusive or of the two
// words that counter i leads to. Nothing else is drawn from. That is jax_threefry_partitionable, the default since
// JAX 0.5.
//
// All functions do `lanes` keys side by side: 1, or as many as fill vectors. With a constant the compiler unrolls
// them.
#pragma once
#include "puffer.h"

enum { CRAFTAX_CLASSIC_LANES = 16 };

// Some keys, one in each lane.
typedef struct CraftaxClassicKeys {
    uint32_t a[CRAFTAX_CLASSIC_LANES], b[CRAFTAX_CLASSIC_LANES];
} CraftaxClassicKeys;

// clang-format off
#define CRAFTAX_CLASSIC_MIX(turn) x += y; y = (y << (turn)) | (y >> (32 - (turn))); y ^= x
#define CRAFTAX_CLASSIC_MIX_FOUR(a, b, c, d)                                                                           \
    CRAFTAX_CLASSIC_MIX(a); CRAFTAX_CLASSIC_MIX(b); CRAFTAX_CLASSIC_MIX(c); CRAFTAX_CLASSIC_MIX(d)
#define CRAFTAX_CLASSIC_FOUR_A CRAFTAX_CLASSIC_MIX_FOUR(13, 15, 26, 6)
#define CRAFTAX_CLASSIC_FOUR_B CRAFTAX_CLASSIC_MIX_FOUR(17, 29, 16, 24)
// clang-format on

// Five times four rounds; after each four, two of the three key words are added, and the number of the four.
PUF_INLINE void craftax_classic_threefry(uint32_t a, uint32_t b, uint32_t counter, uint32_t* first, uint32_t* second)
{
    uint32_t c = a ^ b ^ 0x1BD11BDAu, x = a, y = counter + b;
    CRAFTAX_CLASSIC_FOUR_A;
    x += b;
    y += c + 1u;
    CRAFTAX_CLASSIC_FOUR_B;
    x += c;
    y += a + 2u;
    CRAFTAX_CLASSIC_FOUR_A;
    x += a;
    y += b + 3u;
    CRAFTAX_CLASSIC_FOUR_B;
    x += b;
    y += c + 4u;
    CRAFTAX_CLASSIC_FOUR_A;
    *first = x + c;
    *second = y + a + 5u;
}

// A child of each key: number 0 or 1 of split(key).
PUF_INLINE void craftax_classic_child(int32_t lanes, const CraftaxClassicKeys* keys, uint32_t number,
                                      CraftaxClassicKeys* child)
{
    for (int32_t i = 0; i < lanes; i++) {
        uint32_t a, b;
        craftax_classic_threefry(keys->a[i], keys->b[i], number, &a, &b);
        child->a[i] = a;
        child->b[i] = b;
    }
}

// keys, child = split(keys)
PUF_INLINE void craftax_classic_split(int32_t lanes, CraftaxClassicKeys* keys, CraftaxClassicKeys* child)
{
    craftax_classic_child(lanes, keys, 1, child);
    craftax_classic_child(lanes, keys, 0, keys);
}

// The random word of each key.
PUF_INLINE void craftax_classic_bits(int32_t lanes, const CraftaxClassicKeys* keys, uint32_t* bits)
{
    for (int32_t i = 0; i < lanes; i++) {
        uint32_t a, b;
        craftax_classic_threefry(keys->a[i], keys->b[i], 0, &a, &b);
        bits[i] = a ^ b;
    }
}

// keys, child = split(keys); a random word of the child
PUF_INLINE void craftax_classic_next_bits(int32_t lanes, CraftaxClassicKeys* keys, uint32_t* bits)
{
    CraftaxClassicKeys child;
    craftax_classic_split(lanes, keys, &child);
    craftax_classic_bits(lanes, &child, bits);
}

// The same for a whole number below a power of two, at most 2^16: JAX draws two words, from the two children of a key,
// and the remainder of the second is all that counts.
PUF_INLINE void craftax_classic_next_below(int32_t lanes, CraftaxClassicKeys* keys, uint32_t n, uint32_t* number)
{
    CraftaxClassicKeys child;
    craftax_classic_split(lanes, keys, &child);
    craftax_classic_child(lanes, &child, 1, &child);
    craftax_classic_bits(lanes, &child, number);
    for (int32_t i = 0; i < lanes; i++) {
        number[i] &= n - 1;
    }
}

// A word as a number in [0, 1), a multiple of 2^-23.
static inline float craftax_classic_uniform(uint32_t bits) { return (float)(bits >> 9) * 0x1p-23f; }

// ---- What a step draws ----

enum { CRAFTAX_CLASSIC_ZOMBIES = 3, CRAFTAX_CLASSIC_COWS = 3, CRAFTAX_CLASSIC_SKELETONS = 2 };

// Places in the table of what a step draws: words, numbers of directions; and what is seldom needed, as the key whose
// second child draws it, in two places.
enum {
    CRAFTAX_CLASSIC_ZOMBIE_WAY,                                                         // of each: one of 4
    CRAFTAX_CLASSIC_ZOMBIE_KEEN = CRAFTAX_CLASSIC_ZOMBIE_WAY + CRAFTAX_CLASSIC_ZOMBIES, // whether it comes nearer
    CRAFTAX_CLASSIC_COW_WAY = CRAFTAX_CLASSIC_ZOMBIE_KEEN + CRAFTAX_CLASSIC_ZOMBIES,    // one of 8, half of them none
    CRAFTAX_CLASSIC_SKELETON_WAY = CRAFTAX_CLASSIC_COW_WAY + CRAFTAX_CLASSIC_COWS,
    CRAFTAX_CLASSIC_SKELETON_KEEN = CRAFTAX_CLASSIC_SKELETON_WAY + CRAFTAX_CLASSIC_SKELETONS,
    CRAFTAX_CLASSIC_COMES = CRAFTAX_CLASSIC_SKELETON_KEEN + CRAFTAX_CLASSIC_SKELETONS, // a cow, a zombie, a skeleton
    CRAFTAX_CLASSIC_SAPLING_KEY = CRAFTAX_CLASSIC_COMES + 3,                           // whether grass yields one
    CRAFTAX_CLASSIC_ZOMBIE_TIE_KEY = CRAFTAX_CLASSIC_SAPLING_KEY + 2,                  // of each: rows or columns first
    CRAFTAX_CLASSIC_SKELETON_TIE_KEY = CRAFTAX_CLASSIC_ZOMBIE_TIE_KEY + 2 * CRAFTAX_CLASSIC_ZOMBIES,
    CRAFTAX_CLASSIC_PLACE_KEY = CRAFTAX_CLASSIC_SKELETON_TIE_KEY + 2 * CRAFTAX_CLASSIC_SKELETONS, // where it comes
    CRAFTAX_CLASSIC_DRAWS = CRAFTAX_CLASSIC_PLACE_KEY + 2 * 3,
};

typedef uint32_t CraftaxClassicDraws[CRAFTAX_CLASSIC_DRAWS][CRAFTAX_CLASSIC_LANES];

// The word that the second child of a key draws.
static uint32_t craftax_classic_seldom(const uint32_t* key)
{
    uint32_t a, b;
    craftax_classic_threefry(key[0], key[1], 1, &a, &b);
    craftax_classic_threefry(a, b, 0, &a, &b);
    return a ^ b;
}

// Keep the keys, and continue with their first children, as split does.
PUF_INLINE void craftax_classic_keep(int32_t lanes, CraftaxClassicKeys* keys, uint32_t (*kept)[CRAFTAX_CLASSIC_LANES])
{
    for (int32_t i = 0; i < lanes; i++) {
        kept[0][i] = keys->a[i];
        kept[1][i] = keys->b[i];
    }
    craftax_classic_child(lanes, keys, 0, keys);
}

// What a creature that may follow you draws.
PUF_INLINE void craftax_classic_draw_hunter(int32_t lanes, CraftaxClassicKeys* keys, CraftaxClassicDraws draws,
                                            int32_t way, int32_t tie, int32_t keen)
{
    craftax_classic_next_below(lanes, keys, 4, draws[way]);
    craftax_classic_keep(lanes, keys, &draws[tie]);
    craftax_classic_next_bits(lanes, keys, draws[keen]);
}

// All that a step draws from its key, in the order of the reference, which draws it whether it is needed or not.
PUF_INLINE void craftax_classic_draw(int32_t lanes, CraftaxClassicKeys* keys, CraftaxClassicDraws draws)
{
    CraftaxClassicKeys part;
    craftax_classic_split(lanes, keys, &part); // your action
    craftax_classic_keep(lanes, &part, &draws[CRAFTAX_CLASSIC_SAPLING_KEY]);
    craftax_classic_split(lanes, keys, &part); // creatures
    craftax_classic_child(lanes, &part, 0, &part);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_ZOMBIES; i++) {
        craftax_classic_draw_hunter(lanes, &part, draws, CRAFTAX_CLASSIC_ZOMBIE_WAY + i,
                                    CRAFTAX_CLASSIC_ZOMBIE_TIE_KEY + 2 * i, CRAFTAX_CLASSIC_ZOMBIE_KEEN + i);
        craftax_classic_child(lanes, &part, 1, &part);
    }
    craftax_classic_child(lanes, &part, 0, &part);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_COWS; i++) {
        craftax_classic_next_below(lanes, &part, 8, draws[CRAFTAX_CLASSIC_COW_WAY + i]);
    }
    craftax_classic_child(lanes, &part, 0, &part);
    for (int32_t i = 0; i < CRAFTAX_CLASSIC_SKELETONS; i++) {
        craftax_classic_draw_hunter(lanes, &part, draws, CRAFTAX_CLASSIC_SKELETON_WAY + i,
                                    CRAFTAX_CLASSIC_SKELETON_TIE_KEY + 2 * i, CRAFTAX_CLASSIC_SKELETON_KEEN + i);
    }
    craftax_classic_child(lanes, keys, 1, &part); // newcomers
    for (int32_t i = 0; i < 3; i++) {
        craftax_classic_next_bits(lanes, &part, draws[CRAFTAX_CLASSIC_COMES + i]);
        craftax_classic_keep(lanes, &part, &draws[CRAFTAX_CLASSIC_PLACE_KEY + 2 * i]);
    }
}
