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
#endif

int puf_num_envs(void) { return NUM_ENVS; }

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
