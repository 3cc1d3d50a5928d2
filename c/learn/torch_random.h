// torch_random.h - the random numbers that puffer-train draws, bit for bit: NumPy's seeding and torch's generator on a
// processor. With them the trainer in C is the trainer in Python: the same seed gives the same first weights, the same
// actions and the same minibatches.
#pragma once
#include <math.h>
#include <stdint.h>

enum { PUF_TWISTER_SIZE = 624, PUF_TWISTER_SHIFT = 397 };

// The Mersenne Twister (Matsumoto, Nishimura 1998), as torch.Generator has it.
typedef struct PufTwister {
    uint32_t state[PUF_TWISTER_SIZE];
    int32_t next;
} PufTwister;

static inline PufTwister puf_twister(uint32_t seed)
{
    PufTwister t;
    t.state[0] = seed;
    for (uint32_t i = 1; i < PUF_TWISTER_SIZE; i++) {
        uint32_t before = t.state[i - 1];
        t.state[i] = 1812433253u * (before ^ (before >> 30)) + i;
    }
    t.next = PUF_TWISTER_SIZE;
    return t;
}

static inline uint32_t puf_twister_32(PufTwister* t)
{
    if (t->next == PUF_TWISTER_SIZE) {
        for (int32_t i = 0; i < PUF_TWISTER_SIZE; i++) {
            uint32_t mixed = (t->state[i] & 0x80000000u) | (t->state[(i + 1) % PUF_TWISTER_SIZE] & 0x7fffffffu);
            uint32_t far = t->state[(i + PUF_TWISTER_SHIFT) % PUF_TWISTER_SIZE];
            t->state[i] = far ^ (mixed >> 1) ^ ((mixed & 1u) ? 0x9908b0dfu : 0u);
        }
        t->next = 0;
    }
    uint32_t y = t->state[t->next++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

static inline uint64_t puf_twister_64(PufTwister* t)
{
    uint64_t high = puf_twister_32(t);
    return high << 32 | puf_twister_32(t);
}

// torch.empty(n).uniform_(-bound, bound)
static inline void puf_twister_uniform(PufTwister* t, float* numbers, int64_t n, double bound)
{
    const float low = (float)-bound, high = (float)bound;
    for (int64_t i = 0; i < n; i++) {
        float x = (float)(puf_twister_32(t) & 0xffffffu) * 0x1p-24f;
        numbers[i] = fmaf(x, high - low, low); // as torch does it with AVX2 and on ARM
    }
}

// torch.randperm(n)
static inline void puf_twister_shuffle(PufTwister* t, int64_t* order, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        order[i] = i;
    }
    for (int64_t i = 0; i < n - 1; i++) {
        int64_t other = i + (int64_t)(puf_twister_32(t) % (uint64_t)(n - i)), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

// numpy.random.SeedSequence(seed).generate_state(count, uint32), of a seed below 2^64: O'Neill's seed_seq_fe.
static inline uint32_t puf_seed_mix(uint32_t value, uint32_t* constant)
{
    value ^= *constant;
    *constant *= 0x931e8875u;
    value *= *constant;
    return value ^ value >> 16;
}

static inline void puf_seed_sequence(uint64_t seed, uint32_t* words, int count)
{
    uint32_t pool[4], entropy[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) }, constant = 0x43b0d7e5u;
    const int given = entropy[1] ? 2 : 1;
    for (int i = 0; i < 4; i++) {
        pool[i] = puf_seed_mix(i < given ? entropy[i] : 0, &constant);
    }
    for (int from = 0; from < 4; from++) {
        for (int to = 0; to < 4; to++) {
            if (from != to) {
                uint32_t mixed = pool[to] * 0xca01f9ddu - puf_seed_mix(pool[from], &constant) * 0x4973f715u;
                pool[to] = mixed ^ mixed >> 16;
            }
        }
    }
    constant = 0x8b51f9ddu;
    for (int i = 0; i < count; i++) {
        uint32_t value = pool[i % 4] ^ constant;
        constant *= 0x58f38dedu;
        value *= constant;
        words[i] = value ^ value >> 16;
    }
}
