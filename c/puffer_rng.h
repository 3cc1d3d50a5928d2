// puffer_rng.h - one small random generator per environment: PCG32 (O'Neill 2014), seeded by hashing.
#pragma once
#include <stdint.h>

typedef struct PufRng {
    uint64_t state;
    uint64_t inc; // odd; selects the stream
} PufRng;

// SplitMix64 (Steele, Lea, Flood 2014): one round of a strong 64-bit mixer.
static inline uint64_t puf_splitmix64(uint64_t* x)
{
    uint64_t z = (*x += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

// Uniform 32 bits.
static inline uint32_t puf_rand(PufRng* rng)
{
    uint64_t old = rng->state;
    rng->state = old * 6364136223846793005u + rng->inc;
    uint32_t xorshifted = (uint32_t)(((old >> 18) ^ old) >> 27);
    uint32_t rot = (uint32_t)(old >> 59);
    return (xorshifted >> rot) | (xorshifted << ((32u - rot) & 31u));
}

// The generator of environment `index` in a run seeded `seed`. The pair is hashed, so neither batch size
// nor number of workers enters, and neighbouring seeds share no stream.
static inline PufRng puf_rng_seed(uint64_t seed, uint64_t index)
{
    uint64_t x = seed;
    uint64_t key = puf_splitmix64(&x) + index;
    PufRng rng;
    rng.state = puf_splitmix64(&key);
    rng.inc = puf_splitmix64(&key) | 1u;
    (void)puf_rand(&rng);
    return rng;
}

// Uniform in [0, n), unbiased (Lemire 2019). n must be positive.
static inline uint32_t puf_rand_below(PufRng* rng, uint32_t n)
{
    uint64_t m = (uint64_t)puf_rand(rng) * n;
    if ((uint32_t)m < n) {
        uint32_t threshold = (0u - n) % n;
        while ((uint32_t)m < threshold) {
            m = (uint64_t)puf_rand(rng) * n;
        }
    }
    return (uint32_t)(m >> 32);
}

// Uniform in [0, 1): a multiple of 2^-24, so exact in float.
static inline float puf_rand_float(PufRng* rng) { return (float)(puf_rand(rng) >> 8) * 0x1p-24f; }

// Uniform in [low, high).
static inline float puf_rand_range(PufRng* rng, float low, float high)
{
    return low + (high - low) * puf_rand_float(rng);
}
