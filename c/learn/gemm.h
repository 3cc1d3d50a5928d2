// gemm.h - the matrix product behind every layer: c = a b or c += a b.
//
// a is read one number at a time and multiplied by a row of b, so a may be stored row by row or transposed: a_row and
// a_step are the distances between its rows and between the numbers that are summed over. Rows of b and c are
// contiguous. Every number of c is a chain of multiply-adds in the order of the sum, whichever tile it falls into.
#pragma once
#include "simd.h"

#include <stddef.h>

// The accumulators must stay in registers: AVX2 and SSE have 16 vector registers, AVX-512 and NEON have 32. They must
// also be many, because a sum waits four cycles or more for its last product: tiles of fewer vectors have more rows.
#if defined(__AVX512F__) || defined(__aarch64__)
enum { TILE_ROWS = 8, NARROW_ROWS = 8 };
#else
enum { TILE_ROWS = 4, NARROW_ROWS = 6 };
#endif

typedef struct Product {
    int rows, columns, depth; // rows and columns (a multiple of LANES) of c; products summed for each number
    const float* a;
    ptrdiff_t a_row, a_step;
    const float* b;
    ptrdiff_t b_row;
    float* c;
    ptrdiff_t c_row;
    int add; // whether to add to c or to overwrite it
} Product;

ALWAYS_INLINE void gemm_tile(const Product* p, int row, int column, const int rows, const int vectors)
{
    Vec sum[8][3];
    const float* a = p->a + row * p->a_row;
    const float* b = p->b + column;
    float* c = p->c + row * p->c_row + column;
    const ptrdiff_t a_row = p->a_row, a_step = p->a_step, b_row = p->b_row, c_row = p->c_row;
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            sum[i][j] = p->add ? load(c + i * c_row + j * LANES) : (Vec){ 0 };
        }
    }
    for (int k = 0; k < p->depth; k++) {
        Vec right[3];
#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            right[j] = load(b + j * LANES);
        }
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
#pragma GCC unroll 3
            for (int j = 0; j < vectors; j++) {
                sum[i][j] += a[i * a_row] * right[j];
            }
        }
        a += a_step;
        b += b_row;
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
#pragma GCC unroll 3
        for (int j = 0; j < vectors; j++) {
            store(c + i * c_row + j * LANES, sum[i][j]);
        }
    }
}

// A panel of b stays in the L1 cache while it is multiplied by all rows of a.
ALWAYS_INLINE void gemm_panel(const Product* p, int column, const int vectors)
{
    const int rows = vectors == 3 ? TILE_ROWS : NARROW_ROWS;
    int row = 0;
    for (; row + rows <= p->rows; row += rows) {
        gemm_tile(p, row, column, rows, vectors);
    }
    if (rows > 4 && row + 4 <= p->rows) {
        gemm_tile(p, row, column, 4, vectors);
        row += 4;
    }
    if (row + 2 <= p->rows) {
        gemm_tile(p, row, column, 2, vectors);
        row += 2;
    }
    if (row < p->rows) {
        gemm_tile(p, row, column, 1, vectors);
    }
}

// The same where rows of b are far apart, so that they would push each other out of the cache: the panel is copied
// first, if many rows of a share it, and long sums are taken in parts. Each part adds to the one before in the same
// order: the bits are the same.
enum { FAR_ROWS = 512, MIN_SHARED = 16 * TILE_ROWS, MAX_DEPTH = 256 };

ALWAYS_INLINE void gemm_far_panel(Product p, int column, const int vectors)
{
    float panel[MAX_DEPTH * 3 * LANES];
    const int width = vectors * LANES, depth = p.depth;
    const float* b = p.b + column;
    p.b = panel;
    p.c += column;
    for (int done = 0; done < depth; done += p.depth) {
        p.depth = depth - done < MAX_DEPTH ? depth - done : MAX_DEPTH;
        for (int k = 0; k < p.depth; k++) {
            for (int j = 0; j < width; j += LANES) {
                store(panel + k * width + j, load(b + k * p.b_row + j));
            }
        }
        Product part = p;
        part.b_row = width;
        gemm_panel(&part, 0, vectors);
        b += p.depth * p.b_row;
        p.a += p.depth * p.a_step;
        p.add = 1;
    }
}

ALWAYS_INLINE void gemm_columns(const Product* p, int column, const int vectors)
{
    if (p->b_row >= FAR_ROWS && p->rows >= MIN_SHARED) {
        gemm_far_panel(*p, column, vectors);
    } else {
        gemm_panel(p, column, vectors);
    }
}

static void gemm(Product p)
{
    int column = 0;
    for (; column + 3 * LANES <= p.columns; column += 3 * LANES) {
        if (p.columns - column == 4 * LANES) { // two halves are faster than three quarters and one
            break;
        }
        gemm_columns(&p, column, 3);
    }
    for (; column + 2 * LANES <= p.columns; column += 2 * LANES) {
        gemm_columns(&p, column, 2);
    }
    if (column < p.columns) {
        gemm_columns(&p, column, 1);
    }
}

// c (rows, columns) = a (rows, depth) b (depth, columns), or += if `add`.
static void multiply(int rows, int columns, int depth, const float* a, int a_row, const float* b, int b_row, float* c,
                     int c_row, int add)
{
    gemm((Product){ rows, columns, depth, a, a_row, 1, b, b_row, c, c_row, add });
}

// c (a_columns, b_columns) += transposed a (samples, a_columns) times b (samples, b_columns).
static void multiply_transposed(int a_columns, int b_columns, int samples, const float* a, int a_row, const float* b,
                                int b_row, float* c, int c_row)
{
    gemm((Product){ a_columns, b_columns, samples, a, 1, a_row, b, b_row, c, c_row, 1 });
}
