// isa.c - see isa.h.
#include "isa.h"
#include <stdlib.h>
#include <string.h>

const char* puf_isa_name(PufIsa isa)
{
    static const char* const names[PUF_NUM_ISA] = { "baseline", "x86-64-v3", "x86-64-v4" };
    return names[isa];
}

#ifdef PUF_X86_VARIANTS
// x86-64-v3 and v4 as the psABI defines them, as far as a compiler makes use of them.
static int has_v3(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("fma");
}

static int has_v4(void)
{
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}
#endif

// The fastest one to use: PUFFER_ISA may name a slower one than the processor has.
static PufIsa fastest_allowed(void)
{
    const char* wanted = getenv("PUFFER_ISA");
    for (int isa = 0; wanted && isa < PUF_NUM_ISA; isa++) {
        if (strcmp(wanted, puf_isa_name((PufIsa)isa)) == 0) {
            return (PufIsa)isa;
        }
    }
    return PUF_NUM_ISA;
}

int puf_isa_supported(PufIsa isa)
{
    if (isa > fastest_allowed()) {
        return 0;
    }
#ifdef PUF_X86_VARIANTS
    __builtin_cpu_init();
    switch (isa) {
    case PUF_ISA_V4: return has_v4();
    case PUF_ISA_V3: return has_v3();
    default: break;
    }
#endif
    return isa == PUF_ISA_BASELINE;
}
