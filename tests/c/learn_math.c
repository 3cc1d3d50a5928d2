// learn_math.c - how exact the functions of c/learn/simd.h are, measured against the C library's in double precision.
//
//     learn_math STRIDE      looks at every STRIDE-th of all floats
//
// Prints one line per function: the largest error, a hash of all that it returned, and its name.
#include "learn/simd.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef Vec (*Function)(Vec);
typedef double (*Reference)(double);

static Vec exponential_of(Vec x) { return exponential(x); }
static Vec logarithm_of(Vec x) { return logarithm(x); }
static Vec sigmoid_of(Vec x) { return sigmoid(x); }
static Vec tangent_of(Vec x) { return hyperbolic_tangent(x); }
static double exact_sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }

// Where exp would leave the range of floats, the bound's value is right.
static double bounded_exp(double x) { return exp(fmin(fmax(x, -87.0), 88.0)); }

typedef struct Row {
    const char* name;
    Function function;
    Reference reference;
    float least, most; // of arguments
    int relative;      // whether errors are parts of the result, or else of 1
} Row;

static const Row table[] = {
    { "exponential", exponential_of, bounded_exp, -INFINITY, INFINITY, 1 },
    { "logarithm", logarithm_of, log, 0x1p-126f, 0x1.fffffep127f, 1 },
    { "sigmoid", sigmoid_of, exact_sigmoid, -INFINITY, INFINITY, 0 },
    { "hyperbolic tangent", tangent_of, tanh, -INFINITY, INFINITY, 0 },
};

static void fail(const Row* row, float x, float y)
{
    fprintf(stderr, "%s(%a) is %a\n", row->name, (double)x, (double)y);
    exit(1);
}

// LANES floats whose bits are stride apart, from `bits` on.
static Vec floats_from(uint32_t bits, uint32_t stride)
{
    Ints x;
    for (int i = 0; i < LANES; i++) {
        x[i] = (int32_t)(bits + (uint32_t)i * stride);
    }
    return (Vec)x;
}

static void measure(const Row* row, uint32_t stride)
{
    double worst = 0.0;
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    const uint32_t together = stride * LANES;
    for (uint64_t bits = 0; bits < (1ull << 32); bits += together) {
        const Vec x = floats_from((uint32_t)bits, stride), y = row->function(x);
        for (int i = 0; i < LANES; i++) {
            if (bits + (uint64_t)i * stride >= 1ull << 32) {
                break;
            }
            if (isnan(x[i]) && row->least == -INFINITY) {
                if (!isnan(y[i])) {
                    fail(row, x[i], y[i]);
                }
            } else if (x[i] >= row->least && x[i] <= row->most) {
                const double exact = row->reference((double)x[i]);
                const double error = fabs((double)y[i] - exact) / (row->relative ? fmax(fabs(exact), 1e-300) : 1.0);
                if (!(error < 1.0)) {
                    fail(row, x[i], y[i]);
                }
                worst = error > worst ? error : worst;
                const float result = y[i];
                uint32_t word;
                memcpy(&word, &result, sizeof word);
                hash = (hash ^ word) * 0x100000001b3u;
            }
        }
    }
    printf("%.3g %016llx %s\n", worst, (unsigned long long)hash, row->name);
}

int main(int argc, char** argv)
{
    const uint32_t stride = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        measure(&table[i], stride);
    }
    return 0;
}
