// calibrate.c - measure the peak of one core with the widest kernel that runs here.
#include "calibrate.h"
#include "isa.h"
#include <time.h>

double puf_multiply_adds_baseline(int rounds, float* sink);
double puf_multiply_adds_v3(int rounds, float* sink);
double puf_multiply_adds_v4(int rounds, float* sink);

static double seconds_now(void)
{
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double puf_calibrate_gflops(double seconds)
{
    double (*kernel)(int, float*) = puf_multiply_adds_baseline;
#ifdef PUF_X86_VARIANTS
    kernel = puf_isa_supported(PUF_ISA_V4)   ? puf_multiply_adds_v4
             : puf_isa_supported(PUF_ISA_V3) ? puf_multiply_adds_v3
                                             : kernel;
#endif
    float sink = 0.5f;
    double best = 0.0, begin = seconds_now(), now = begin;
    while (now - begin < seconds) {
        double operations = kernel(1000000, &sink);
        double end = seconds_now();
        double rate = operations / (end - now) * 1e-9;
        best = rate > best ? rate : best;
        now = end;
    }
    return best;
}
