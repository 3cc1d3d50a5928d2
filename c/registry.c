// registry.c - every environment in every instruction set that it was compiled for.
#include "registry.h"

#define PUF_ENV(env) extern const PufSpec env##_spec_baseline;
#include "envs.def"
#undef PUF_ENV
static const PufSpec* const baseline_specs[] = {
#define PUF_ENV(env) &env##_spec_baseline,
#include "envs.def"
#undef PUF_ENV
};
enum { NUM_ENVS = sizeof(baseline_specs) / sizeof(baseline_specs[0]) };

#ifdef PUF_X86_VARIANTS
#define PUF_ENV(env) extern const PufSpec env##_spec_v3, env##_spec_v4;
#include "envs.def"
#undef PUF_ENV
static const PufSpec* const v3_specs[] = {
#define PUF_ENV(env) &env##_spec_v3,
#include "envs.def"
#undef PUF_ENV
};
static const PufSpec* const v4_specs[] = {
#define PUF_ENV(env) &env##_spec_v4,
#include "envs.def"
#undef PUF_ENV
};

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

int puf_num_envs(void) { return NUM_ENVS; }

int puf_isa_supported(PufIsa isa)
{
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

const PufSpec* puf_env_spec(int index, PufIsa isa)
{
#ifdef PUF_X86_VARIANTS
    switch (isa) {
    case PUF_ISA_V4: return v4_specs[index];
    case PUF_ISA_V3: return v3_specs[index];
    default: break;
    }
#endif
    (void)isa;
    return baseline_specs[index];
}
