// bfloat16.c - what the products of networks would gain from processors that multiply bfloat16.
//
//     cc -O3 -march=native -ffp-contract=fast -Ic benchmarks/bfloat16.c -o bfloat16 && ./bfloat16
//
// Needs AVX512-BF16. For layers of MinGRU with 64 to 512 units and a tile of 256 samples: the products forward, of the
// gradient of the inputs and of that of the weights, in float32 by c/learn/gemm.h and in bfloat16 by the kernel below,
// which sums in float32 (vdpbf16ps). Activations are float32 on both sides of a product, so the kernel has to convert
// them; weights are converted once an update, which is not counted. Processor time, the fastest of many repeats, as
// GFLOP/s and as a share of what multiply-adds of float32 reach in registers.
#define _POSIX_C_SOURCE 199309L
#include "learn/gemm.h"

#include <immintrin.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef __AVX512BF16__
#error "this processor cannot multiply bfloat16"
#endif

enum { SAMPLES = 256, REPEATS = 400, UNITS = 512 };

typedef uint32_t Pair; // two bfloat16 that are multiplied and added up by one instruction

static float left[SAMPLES * 3 * UNITS], right[UNITS * 3 * UNITS], wide[SAMPLES * 3 * UNITS];
static float found[SAMPLES * 3 * UNITS + UNITS * 3 * UNITS], wanted[SAMPLES * 3 * UNITS + UNITS * 3 * UNITS];
static Pair left_pairs[SAMPLES * 3 * UNITS], right_pairs[UNITS * 3 * UNITS];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static __m512i pairs_of(__m512 low, __m512 high) { return (__m512i)_mm512_cvtne2ps_pbh(high, low); }

// Numbers that follow one another become pairs: (rows, depth) to (rows, depth / 2).
static void pair_columns(const float* from, size_t count, Pair* to)
{
    for (size_t i = 0; i < count; i += 32) {
        _mm512_storeu_si512(to + i / 2, pairs_of(_mm512_loadu_ps(from + i), _mm512_loadu_ps(from + i + 16)));
    }
}

// Numbers below one another become pairs: (depth, columns) to (depth / 2, columns).
static void pair_rows(const float* from, int depth, int columns, Pair* to)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int k = 0; k < depth; k += 2, from += 2 * columns, to += columns) {
        for (int i = 0; i < columns; i += 16) {
            const __m512i both = pairs_of(_mm512_loadu_ps(from + i), _mm512_loadu_ps(from + columns + i));
            _mm512_storeu_si512(to + i, _mm512_permutexvar_epi16(order, both));
        }
    }
}

ALWAYS_INLINE void pair_tile(int pairs, const Pair* a, ptrdiff_t a_row, ptrdiff_t a_step, const Pair* b, int b_row,
                             float* c, int c_row, const int vectors)
{
    __m512 sum[8][3];
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            sum[i][j] = _mm512_loadu_ps(c + i * c_row + j * 16);
        }
    }
    for (int k = 0; k < pairs; k++, a += a_step, b += b_row) {
        __m512i row[3];
#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            row[j] = _mm512_loadu_si512(b + j * 16);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++) {
            const __m512bh number = (__m512bh)_mm512_set1_epi32((int)a[i * a_row]);
#pragma GCC unroll 3
            for (int j = 0; j < vectors; j++) {
                sum[i][j] = _mm512_dpbf16_ps(sum[i][j], number, (__m512bh)row[j]);
            }
        }
    }
#pragma GCC unroll 8
    for (int i = 0; i < 8; i++) {
#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            _mm512_storeu_ps(c + i * c_row + j * 16, sum[i][j]);
        }
    }
}

// c (rows, columns) += a b, of which pairs of numbers are given. Rows are a multiple of 8, columns of 16.
static void multiply_pairs(int rows, int columns, int pairs, const Pair* a, ptrdiff_t a_row, ptrdiff_t a_step,
                           const Pair* b, float* c)
{
    int column = 0;
    for (; column + 48 <= columns && columns - column != 64; column += 48) {
        for (int row = 0; row < rows; row += 8) {
            pair_tile(pairs, a + row * a_row, a_row, a_step, b + column, columns, c + row * columns + column, columns,
                      3);
        }
    }
    for (; column + 32 <= columns; column += 32) {
        for (int row = 0; row < rows; row += 8) {
            pair_tile(pairs, a + row * a_row, a_row, a_step, b + column, columns, c + row * columns + column, columns,
                      2);
        }
    }
    for (; column < columns; column += 16) {
        for (int row = 0; row < rows; row += 8) {
            pair_tile(pairs, a + row * a_row, a_row, a_step, b + column, columns, c + row * columns + column, columns,
                      1);
        }
    }
}

// What multiply-adds in registers reach, in FLOP/s: float32, or bfloat16.
static double peak(int bfloat16)
{
    double best = 0.0;
    for (int repeat = 0; repeat < 20; repeat++) {
        __m512 sum[24];
        for (int i = 0; i < 24; i++) {
            sum[i] = _mm512_setzero_ps();
        }
        const __m512 x = _mm512_set1_ps(1e-3f);
        __m512 y = x;
        const double begin = now();
        for (int k = 0; k < 200000; k++) {
            __asm__ volatile("" : "+v"(y));
#pragma GCC unroll 24
            for (int i = 0; i < 24; i++) {
                sum[i] = bfloat16 ? _mm512_dpbf16_ps(sum[i], (__m512bh)x, (__m512bh)y) : _mm512_fmadd_ps(x, y, sum[i]);
            }
        }
        const double seconds = now() - begin;
        for (int i = 0; i < 24; i++) {
            __asm__ volatile("" : : "v"(sum[i]));
        }
        const double speed = 200000.0 * 24 * (bfloat16 ? 64 : 32) / seconds;
        best = speed > best ? speed : best;
    }
    return best;
}

// One product of a layer in both ways. kind 0: forward; 1: the gradient of its inputs; 2: that of its weights.
static void measure(const char* name, int kind, int units, double top)
{
    const int rows = kind == 2 ? units : SAMPLES, columns = kind == 1 ? units : 3 * units;
    const int depth = kind == 0 ? units : kind == 1 ? 3 * units : SAMPLES;
    const size_t size = sizeof(float) * (size_t)rows * (size_t)columns;
    double single = 1e9, paired = 1e9, products = 1e9;
    pair_rows(right, depth, columns, right_pairs);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        memset(wanted, 0, size);
        memset(found, 0, size);
        const double begin = now();
        if (kind == 2) {
            multiply_transposed(rows, columns, depth, left, rows, wide, columns, wanted, columns);
        } else {
            multiply(rows, columns, depth, left, depth, right, columns, wanted, columns, 1);
        }
        const double between = now();
        if (kind == 2) { // both sides are activations
            pair_rows(left, depth, rows, left_pairs);
            pair_rows(wide, depth, columns, right_pairs);
        } else {
            pair_columns(left, (size_t)rows * (size_t)depth, left_pairs);
        }
        const double converted = now();
        if (kind == 2) {
            multiply_pairs(rows, columns, depth / 2, left_pairs, 1, rows, right_pairs, found);
        } else {
            multiply_pairs(rows, columns, depth / 2, left_pairs, depth / 2, 1, right_pairs, found);
        }
        const double end = now();
        single = fmin(single, between - begin);
        paired = fmin(paired, end - between);
        products = fmin(products, end - converted);
    }
    double off = 0.0, most = 0.0;
    for (size_t i = 0; i < (size_t)rows * (size_t)columns; i++) {
        off = fmax(off, fabs((double)found[i] - (double)wanted[i]));
        most = fmax(most, fabs((double)wanted[i]));
    }
    const double flop = 2.0 * rows * columns * depth;
    printf("%4d %-9s%6.0f%5.0f%% %8.0f%5.0f%%%8.2f x%8.2f x %10.4f\n", units, name, flop / single * 1e-9,
           100 * flop / single / top, flop / paired * 1e-9, 100 * flop / paired / top, single / paired,
           single / products, off / most);
}

int main(void)
{
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        left[i] = (float)rand() / (float)RAND_MAX - 0.5f;
        wide[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    }
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        right[i] = (float)rand() / (float)RAND_MAX - 0.5f;
    }
    const double top = peak(0);
    printf("in registers: %.0f GFLOP/s float32, %.0f GFLOP/s bfloat16\n", top * 1e-9, peak(1) * 1e-9);
    printf("%4s %-8s %12s %14s %10s %10s %11s\n", "", "", "float32", "bfloat16", "gain", "unpaid", "off");
    for (int units = 64; units <= 512; units *= 2) {
        measure("forward", 0, units, top);
        measure("inputs", 1, units, top);
        measure("weights", 2, units, top);
    }
    return 0;
}
