// registry.h - the environments that were compiled in.
#pragma once
#include "isa.h"
#include "puffer.h"

int puf_num_envs(void);
const PufSpec* puf_env_spec(int index, PufIsa isa);
