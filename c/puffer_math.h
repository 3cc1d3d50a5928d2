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
// The angle of the vector (x, y) in radians, from -pi to pi, to 2e-7; 0 where both are 0. The tangent of the smaller
// angle to an axis is in [0, 1]; half of it brings that to [0, tan(pi/8)], where Cephes' polynomial for atanf (Moshier)
// holds.
static inline float puf_atan2f(float y, float x)
{
    float ax = fabsf(x), ay = fabsf(y);
    float low = puf_minf(ax, ay), high = puf_maxf(ax, ay);
    float t = high > 0.0f ? low / high : 0.0f;
    float beyond = t > 0.414213562f ? 1.0f : 0.0f; // tan(pi/8)
    t = beyond > 0.0f ? (t - 1.0f) / (t + 1.0f) : t;
    float t2 = t * t;
    float p =
        t +
        t * t2 * (-3.33329491539e-1f + t2 * (1.99777106478e-1f + t2 * (-1.38776856032e-1f + t2 * 8.05374449538e-2f)));
    float angle = beyond * (0.25f * PUF_PI) + p;
    angle = ay > ax ? 0.5f * PUF_PI - angle : angle;
    angle = x < 0.0f ? PUF_PI - angle : angle;
    return y < 0.0f ? -angle : angle;
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
