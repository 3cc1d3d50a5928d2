// registry.c - every environment in every instruction set that it was compiled for.
#include "registry.h"

#ifdef PUF_X86_VARIANTS
#define PUF_ENV(env) extern const PufSpec env##_spec_baseline, env##_spec_v3, env##_spec_v4;
#define PUF_ENV_V3(env) extern const PufSpec env##_spec_baseline, env##_spec_v3;
#else
#define PUF_ENV(env) extern const PufSpec env##_spec_baseline;
#define PUF_ENV_V3(env) PUF_ENV(env)
#endif
#define PUF_ENV_BASELINE(env) extern const PufSpec env##_spec_baseline;
#include "envs.def"
#undef PUF_ENV
#undef PUF_ENV_V3
#undef PUF_ENV_BASELINE

// What to run where the processor has this instruction set: the widest one up to it.
static const PufSpec* const specs[][PUF_NUM_ISA] = {
#ifdef PUF_X86_VARIANTS
#define PUF_ENV(env) { &env##_spec_baseline, &env##_spec_v3, &env##_spec_v4 },
#define PUF_ENV_V3(env) { &env##_spec_baseline, &env##_spec_v3, &env##_spec_v3 },
#else
#define PUF_ENV(env) PUF_ENV_BASELINE(env)
#define PUF_ENV_V3(env) PUF_ENV_BASELINE(env)
#endif
#define PUF_ENV_BASELINE(env) { &env##_spec_baseline, &env##_spec_baseline, &env##_spec_baseline },
#include "envs.def"
};

int puf_num_envs(void) { return (int)(sizeof(specs) / sizeof(specs[0])); }

const PufSpec* puf_env_spec(int index, PufIsa isa) { return specs[index][isa]; }
