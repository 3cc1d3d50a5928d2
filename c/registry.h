// registry.h - the environments that were compiled in.
#pragma once
#include "puffer.h"

// Instruction sets, in order of preference. Only the baseline exists off x86-64.
typedef enum PufIsa { PUF_ISA_BASELINE, PUF_ISA_V3, PUF_ISA_V4, PUF_NUM_ISA } PufIsa;

int puf_num_envs(void);
int puf_isa_supported(PufIsa isa); // on this processor, in this build
const PufSpec* puf_env_spec(int index, PufIsa isa);
