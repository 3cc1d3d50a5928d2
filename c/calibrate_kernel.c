// calibrate_kernel.c - ten independent chains of multiply-adds in registers: enough to keep both units of a core busy.
// Compiled once per instruction set, with contraction allowed: the only file whose last bits do not matter.
#ifndef PUF_VARIANT
#define PUF_VARIANT standalone
#endif
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)

double JOIN(puf_multiply_adds_, PUF_VARIANT)(int rounds, float* sink);

#if defined(__AVX512F__)
enum { WIDTH = 16 };
#elif defined(__AVX__)
enum { WIDTH = 8 };
#else
enum { WIDTH = 4 };
#endif
typedef float Vector __attribute__((vector_size(WIDTH * sizeof(float))));

// Returns the floating-point operations done.
double JOIN(puf_multiply_adds_, PUF_VARIANT)(int rounds, float* sink)
{
    // every chain starts elsewhere: a compiler computes equal ones only once
    Vector scale = { 0 }, a = { 0 }, b = a, c = a, d = a, e = a, f = a, g = a, h = a, i = a, j = a;
    scale += *sink, a += 1.0f, b += 2.0f, c += 3.0f, d += 4.0f, e += 5.0f;
    f += 6.0f, g += 7.0f, h += 8.0f, i += 9.0f, j += 10.0f;
    for (int r = 0; r < rounds; r++) {
        a = a * scale + scale;
        b = b * scale + scale;
        c = c * scale + scale;
        d = d * scale + scale;
        e = e * scale + scale;
        f = f * scale + scale;
        g = g * scale + scale;
        h = h * scale + scale;
        i = i * scale + scale;
        j = j * scale + scale;
    }
    a += b + c + d + e + f + g + h + i + j;
    *sink = a[0] * 0.0f + 0.5f;
    return 2.0 * 10.0 * WIDTH * rounds;
}
