// counted_states.c - tests/fuzz/states.c with the environment that the first argument names: all are linked, so that
// .ci/coverage.py compiles it once.
#define OWN_MAIN
#define main states_main
#include "../fuzz/states.c"
#undef main
#include "registry.h"

static const PufSpec* chosen;

const PufSpec* puf_export(void) { return chosen; }

int main(int argc, char** argv)
{
    for (int i = 0; i < puf_num_envs(); i++) {
        const PufSpec* spec = puf_env_spec(i, PUF_ISA_BASELINE);
        if (argc > 1 && strcmp(spec->name, argv[1]) == 0) {
            chosen = spec;
        }
    }
    return chosen ? states_main(argc - 1, argv + 1) : 2;
}
