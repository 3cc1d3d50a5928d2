// puffer_math.h - functions whose last bit is the same on every machine. libm's are not; sqrtf, fabsf, floorf are.
#pragma once
#include <math.h>
#include <stdint.h>

#define PUF_PI 3.14159265358979323846f

static inline float puf_minf(float a, float b) { return a < b ? a : b; }
static inline float puf_maxf(float a, float b) { return a > b ? a : b; }
static inline float puf_clampf(float x, float low, float high) { return puf_minf(puf_maxf(x, low), high); }
static inline int32_t puf_clampi(int32_t x, int32_t low, int32_t high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

// Sine and cosine of x radians, |x| <= 8192, to 2 ulp near the unit circle: x is reduced to [-pi/4, pi/4] with pi/2 in
// three parts (Cody, Waite 1980), then the minimax polynomials of Cephes' sinf and cosf (Moshier). No branches, so
// that the compiler can vectorise a loop over them.
static inline void puf_sincosf(float x, float* sine, float* cosine)
{
    float quarter = x * 0.636619772f; // 2 / pi
    int32_t q = (int32_t)(quarter + (quarter < 0.0f ? -0.5f : 0.5f));
    float k = (float)q + 0.0f; // gcc may truncate instead of converting twice, which keeps the sign of a zero
    float r = ((x - k * 1.5703125f) - k * 4.837512969970703125e-4f) - k * 7.54978995489188216e-8f;
    float r2 = r * r;
    float s = r + r * r2 * (-1.6666654611e-1f + r2 * (8.3321608736e-3f + r2 * -1.9515295891e-4f));
    float c = 1.0f - 0.5f * r2 +
              r2 * r2 * (4.166664568298827e-2f + r2 * (-1.388731625493765e-3f + r2 * 2.443315711809948e-5f));
    float swapped_s = (q & 1) ? c : s;
    float swapped_c = (q & 1) ? s : c;
    *sine = (q & 2) ? -swapped_s : swapped_s;
    *cosine = ((q + 1) & 2) ? -swapped_c : swapped_c;
}
static inline float puf_sinf(float x)
{
    float s, c;
    puf_sincosf(x, &s, &c);
    return s;
}
static inline float puf_cosf(float x)
{
    float s, c;
    puf_sincosf(x, &s, &c);
    return c;
}
