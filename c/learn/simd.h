// simd.h - vectors of floats, as wide as the instruction set provides, and the functions that networks consist of.
//
// Every sum has the same order at any width: lanes run over outputs, rows or samples, never over the terms of a sum.
// Every instruction set but the x86 baseline has fused multiply-adds, and all that do give the same bits for the same
// inputs. Needs the vector extensions of GCC and Clang.
#pragma once
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
#if defined(__AVX512F__)
enum { LANES = 16 };
#elif defined(__AVX2__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

// Matrix rows that lanes run along are padded to a multiple of this, which is a multiple of every width.
enum { BLOCK = 16 };

typedef float Vec __attribute__((vector_size(4 * LANES)));
typedef int32_t Ints __attribute__((vector_size(4 * LANES)));

#define ALWAYS_INLINE static inline __attribute__((always_inline))

ALWAYS_INLINE Vec load(const float* from)
{
    Vec v;
    memcpy(&v, from, sizeof v);
    return v;
}

ALWAYS_INLINE void store(float* to, Vec v) { memcpy(to, &v, sizeof v); }

ALWAYS_INLINE Vec all(float x) { return x - (Vec){ 0 }; }

// a b + c, rounded once if the instruction set can. Compilers fuse products and sums by themselves; where a sum has two
// products, or a product is used twice, this says which to fuse, so that all compilers agree.
ALWAYS_INLINE Vec fused(Vec a, Vec b, Vec c)
{
#if defined(__AVX512F__)
    return (Vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(__AVX2__)
    return (Vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(__aarch64__)
    return (Vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

ALWAYS_INLINE float fused_number(float a, float b, float c)
{
#if defined(__AVX2__) || defined(__aarch64__)
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

// mask: all bits of a lane set or none, as comparisons return it.
ALWAYS_INLINE Vec choose(Ints mask, Vec yes, Vec no) { return (Vec)((mask & (Ints)yes) | (~mask & (Ints)no)); }

// Both keep NaN: the instructions return their second operand if either is NaN, those of ARM the one that is. (As
// comparisons they would take three instructions each, and a sigmoid 25 % longer.)
#if defined(__AVX512F__)
ALWAYS_INLINE Vec at_most(Vec x, Vec most) { return (Vec)_mm512_min_ps((__m512)most, (__m512)x); }
ALWAYS_INLINE Vec at_least(Vec x, Vec least) { return (Vec)_mm512_max_ps((__m512)least, (__m512)x); }
#elif defined(__AVX2__)
ALWAYS_INLINE Vec at_most(Vec x, Vec most) { return (Vec)_mm256_min_ps((__m256)most, (__m256)x); }
ALWAYS_INLINE Vec at_least(Vec x, Vec least) { return (Vec)_mm256_max_ps((__m256)least, (__m256)x); }
#elif defined(__SSE2__)
ALWAYS_INLINE Vec at_most(Vec x, Vec most) { return (Vec)_mm_min_ps((__m128)most, (__m128)x); }
ALWAYS_INLINE Vec at_least(Vec x, Vec least) { return (Vec)_mm_max_ps((__m128)least, (__m128)x); }
#elif defined(__aarch64__)
ALWAYS_INLINE Vec at_most(Vec x, Vec most) { return (Vec)vminq_f32((float32x4_t)most, (float32x4_t)x); }
ALWAYS_INLINE Vec at_least(Vec x, Vec least) { return (Vec)vmaxq_f32((float32x4_t)least, (float32x4_t)x); }
#else
ALWAYS_INLINE Vec at_most(Vec x, Vec most) { return choose(x > most, most, x); }
ALWAYS_INLINE Vec at_least(Vec x, Vec least) { return choose(x < least, least, x); }
#endif

// e^x with a relative error below 1.1e-7; x is clamped to [-87, 88].
// x = n ln 2 + r with |r| <= ln 2 / 2; the Taylor series of e^r ends at r^7, since r^8 / 8! < 6e-9.
ALWAYS_INLINE Vec exponential(Vec x)
{
    x = at_least(at_most(x, all(88.0f)), all(-87.0f));
    const float magic = 12582912.0f; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
    Vec shifted = x * 1.44269504f + magic;
    Vec n = shifted - magic;
    Vec r = x - n * 0.693359375f; // the first bits of ln 2 (exact when multiplied by n), then the rest
    r = r + n * 2.12194440e-4f;
    Vec e = r * (1.0f / 5040) + 1.0f / 720;
    e = e * r + 1.0f / 120;
    e = e * r + 1.0f / 24;
    e = e * r + 1.0f / 6;
    e = e * r + 0.5f;
    e = e * r + 1.0f;
    e = e * r + 1.0f;
    return e * (Vec)(((Ints)shifted << 23) + 0x3f800000); // times 2^n; adding n to the exponent could undo a NaN
}

ALWAYS_INLINE Vec sigmoid(Vec x) { return 1.0f / (1.0f + exponential(-x)); }

// With an absolute error below 2e-7.
ALWAYS_INLINE Vec hyperbolic_tangent(Vec x) { return 2.0f / (1.0f + exponential(-2.0f * x)) - 1.0f; }

// ln x for positive normal x, with a relative error below 2.4e-7.
// x = 2^n m with m around 1; ln m = 2 artanh(s) with s = (m - 1) / (m + 1), |s| < 0.172.
ALWAYS_INLINE Vec logarithm(Vec x)
{
    Ints bits = (Ints)x;
    Ints n = (bits - 0x3f3504f3) >> 23; // 0x3f3504f3 is sqrt(1/2)
    Vec m = (Vec)(bits - (n << 23));
    Vec s = (m - 1.0f) / (m + 1.0f);
    Vec s2 = s * s;
    Vec series = s2 * (1.0f / 11) + 1.0f / 9;
    series = series * s2 + 1.0f / 7;
    series = series * s2 + 1.0f / 5;
    series = series * s2 + 1.0f / 3;
    series = series * s2 + 1.0f;
    return fused(__builtin_convertvector(n, Vec), all(0.69314718f), 2.0f * s * series);
}
