// driver.c - step one environment without Python: for sanitizers, debuggers, other compilers and optimisation levels.
//
//     driver NUM_ENVS STEPS SEED [WORD=VALUE ...]
//
//     settings=0.5,3,...  all of them, in the order of the table; without it, the defaults
//     actions=FILE        STEPS * A * k actions (int32 or float32); without it they are random, and those that an
//                         action mask forbids are among them: step takes them
//     outputs=FILE        receives, after the reset and after every step, observations, rewards, terminals, truncations
//                         and the state hash
//     progress=FILE       holds the number of the step that is being taken, 0 for the reset
//     stop=STEP           calls puf_stop_here before this step, for a breakpoint
//     fill=BYTE           what every output byte holds before each step [127]
//     seconds=S           of processor time, after which it ends in good order
//     limit=S             by the clock, after which the system ends it, even if its starter is gone
//     samples=FILE        instead of all this, only steps, for so many seconds, with the same 64 sets of random actions;
//                         prints nanoseconds per agent step and steps; FILE receives where it was (sampler.h)
//
// It is linked with one environment, compiled with -DPUF_EXPORT. The values are checked against the spec.
#include "sampler.h"
#include "driver_checks.h"
#include <stdlib.h>
#include <time.h>
#ifndef _WIN32
#include <unistd.h>
#endif

enum { MAX_SETTINGS = 64, ACTION_SETS = 64 };

const PufSpec* puf_export(void);
void puf_stop_here(void);

typedef struct Options {
    const char *settings, *actions, *outputs, *progress, *samples;
    int64_t stop;
    int fill;
    double seconds;
} Options;

static volatile int stops;

void puf_stop_here(void) { stops = 1; }

static void* allocate(size_t size)
{
    void* p = calloc(1, size ? size : 1); // exactly as large as needed, so that a sanitizer sees one byte too many
    if (!p) {
        fail("out of memory");
    }
    return p;
}

static FILE* open_file(const char* path, const char* mode)
{
    FILE* file = path ? fopen(path, mode) : NULL;
    if (path && !file) {
        fail("cannot open %s", path);
    }
    return file;
}

static void write_outputs(const PufBatch* b, Sizes n, FILE* out)
{
    uint64_t hash = puf_batch_hash(b, 0, b->num_envs);
    size_t wrote = fwrite(b->io.obs, n.obs_bytes, n.rows, out) + fwrite(b->io.rewards, sizeof(float), n.rows, out) +
                   fwrite(b->io.terminals, 1, n.rows, out) + fwrite(b->io.truncations, 1, n.rows, out) +
                   fwrite(&hash, sizeof(hash), 1, out);
    if (wrote != 4 * n.rows + 1) {
        fail("cannot write the outputs");
    }
}

// ---- The run. ----

static void draw_actions(const PufBatch* b, void* actions, Sizes n, PufRng* rng)
{
    for (size_t i = 0; i < n.actions; i++) {
        const PufAction* a = &b->layout.actions[i % (size_t)b->layout.num_actions];
        if (a->choices > 0) {
            ((int32_t*)actions)[i] = (int32_t)puf_rand_below(rng, (uint32_t)a->choices);
        } else {
            ((float*)actions)[i] = puf_rand_range(rng, a->low, a->high);
        }
    }
}

static void say_step(FILE* progress)
{
    if (progress) {
        rewind(progress);
        fprintf(progress, "%lld\n", (long long)step_now);
        fflush(progress);
    }
}

static void run(PufBatch* b, Sizes n, const double* params, uint64_t seed, int64_t steps, Options options)
{
    FILE* in = open_file(options.actions, "rb");
    FILE* out = open_file(options.outputs, "wb");
    FILE* progress = open_file(options.progress, "w");
    void* actions = allocate(n.actions * 4);
    b->io.actions = b->layout.actions[0].choices > 0 ? actions : NULL;
    b->io.controls = b->io.actions ? NULL : actions;
    PufRng rng = puf_rng_seed(seed, UINT64_MAX);
    clock_t end = clock() + (clock_t)(options.seconds * CLOCKS_PER_SEC);

    for (step_now = 0; step_now <= steps; step_now++) {
        if (step_now > 0 && !in) {
            draw_actions(b, actions, n, &rng);
        } else if (step_now > 0 && fread(actions, 4, n.actions, in) != n.actions) {
            fail("there are too few actions in the file");
        }
        if (step_now > 0 && puf_batch_take_actions(b, actions, 0, b->num_envs) >= 0) {
            fail("an action is out of range");
        }
        say_step(progress);
        fill_outputs(b, n, options.fill);
        if (step_now == options.stop) {
            puf_stop_here();
        }
        if (step_now == 0) {
            puf_batch_init(b, params, seed, 0);
            puf_batch_reset(b);
        } else {
            puf_batch_step(b);
        }
        for (size_t r = 0; r < n.rows; r++) {
            check_row(b, n, r);
        }
        if (out) {
            write_outputs(b, n, out);
        }
        if (options.seconds > 0 && clock() > end) {
            break;
        }
    }
    if (out && fclose(out) != 0) {
        fail("cannot write the outputs");
    }
    if (in) {
        fclose(in);
    }
    if (progress) {
        fclose(progress);
    }
    free(actions);
}

// Nothing but steps, of which the sampler sees where they are.
static void measure(PufBatch* b, Sizes n, const double* params, uint64_t seed, Options options)
{
    FILE* out = open_file(options.samples, "w");
    int discrete = b->layout.actions[0].choices > 0;
    float* sets = allocate(ACTION_SETS * n.actions * 4);
    PufRng rng = puf_rng_seed(seed, UINT64_MAX);
    for (size_t k = 0; k < ACTION_SETS; k++) {
        draw_actions(b, sets + k * n.actions, n, &rng);
    }
    puf_batch_init(b, params, seed, 0);
    b->io.actions = discrete ? (const int32_t*)sets : NULL;
    puf_batch_reset(b);
    sampler_run(1);
    int64_t steps = 0;
    clock_t begin = clock(), most = (clock_t)(options.seconds * CLOCKS_PER_SEC), took = 0;
    for (; took <= most; took = clock() - begin) {
        for (size_t k = 0; k < ACTION_SETS; k++, steps++) {
            b->io.actions = discrete ? (const int32_t*)sets + k * n.actions : NULL;
            b->io.controls = discrete ? NULL : sets + k * n.actions;
            puf_batch_step(b);
        }
    }
    sampler_run(0);
    sampler_write(out);
    fclose(out);
    printf("%.4f %lld\n", (double)took / CLOCKS_PER_SEC * 1e9 / (double)steps / (double)n.rows, (long long)steps);
    free(sets);
}

static void print_summary(PufBatch* b)
{
    double sums[64];
    uint64_t hash = puf_batch_hash(b, 0, b->num_envs);
    puf_batch_log(b, 0, b->num_envs, sums);
    printf("%s hash %016llx episodes %.0f perf %.4f score %.4f return %.4f length %.1f\n", b->spec->name,
           (unsigned long long)hash, sums[0], sums[1] / sums[0], sums[2] / sums[0], sums[3] / sums[0],
           sums[4] / sums[0]);
}

// ---- The command line. ----

static const char* value_of(const char* word, const char* name)
{
    size_t length = strlen(name);
    return strncmp(word, name, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static Options read_options(int count, char** words)
{
    Options options = { .stop = -1, .fill = 0x7F };
    for (int i = 0; i < count; i++) {
        const char* value;
        if ((value = value_of(words[i], "settings"))) {
            options.settings = value;
        } else if ((value = value_of(words[i], "actions"))) {
            options.actions = value;
        } else if ((value = value_of(words[i], "outputs"))) {
            options.outputs = value;
        } else if ((value = value_of(words[i], "progress"))) {
            options.progress = value;
        } else if ((value = value_of(words[i], "samples"))) {
            options.samples = value;
        } else if ((value = value_of(words[i], "stop"))) {
            options.stop = atoll(value);
        } else if ((value = value_of(words[i], "fill"))) {
            options.fill = atoi(value);
        } else if ((value = value_of(words[i], "seconds"))) {
            options.seconds = atof(value);
        } else if ((value = value_of(words[i], "limit"))) {
#ifndef _WIN32
            alarm((unsigned)atoi(value));
#endif
        } else {
            fail("there is no option %s", words[i]);
        }
    }
    return options;
}

static void read_settings(const PufSpec* spec, const char* text, double* params)
{
    if (spec->num_params > MAX_SETTINGS) {
        fail("there are %d settings, and may be %d", spec->num_params, MAX_SETTINGS);
    }
    for (int32_t p = 0; p < spec->num_params; p++) {
        params[p] = spec->params[p].value;
        if (text) {
            char* end;
            params[p] = strtod(text, &end);
            text = *end ? end + 1 : end;
        }
    }
}

int main(int argc, char** argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: driver NUM_ENVS STEPS SEED [WORD=VALUE ...]\n");
        return 2;
    }
    const PufSpec* spec = puf_export();
    Options options = read_options(argc - 4, argv + 4);
    double params[MAX_SETTINGS];
    read_settings(spec, options.settings, params);
    void* setup = allocate(puf_setup_size(spec));
    puf_store_settings(spec, setup, params);
    PufBatch b = { .spec = spec, .layout = puf_layout(spec, setup), .num_envs = (int32_t)atoi(argv[1]) };
    Sizes n = { .rows = (size_t)b.num_envs * (size_t)b.layout.agents, .obs = puf_obs_size(&b.layout) };
    n.obs_bytes = n.obs * puf_dtype_size(spec->obs_dtype);
    n.mask = b.layout.masked ? puf_mask_size(&b.layout) : 0;
    n.actions = n.rows * (size_t)b.layout.num_actions;
    b.states = allocate((size_t)b.num_envs * b.layout.state_size);
    b.scratch = allocate(puf_scratch_size(spec, &b.layout));
    b.io.obs = allocate(n.rows * n.obs_bytes);
    b.io.final_obs = allocate(n.rows * n.obs_bytes);
    b.io.rewards = allocate(n.rows * sizeof(float));
    b.io.terminals = allocate(n.rows);
    b.io.truncations = allocate(n.rows);
    b.io.action_mask = b.layout.masked ? allocate(n.rows * n.mask) : NULL;
    b.io.agent_mask = b.layout.padded ? allocate(n.rows) : NULL;
    void* assets = allocate(b.layout.assets_size);
    if (b.layout.assets_size) {
        puf_batch_make_assets(&b, assets, setup);
    }
    if (options.samples) {
        measure(&b, n, params, strtoull(argv[3], NULL, 10), options);
    } else {
        run(&b, n, params, strtoull(argv[3], NULL, 10), atoll(argv[2]), options);
        print_summary(&b);
    }
    free(b.io.obs), free(b.io.final_obs), free(b.io.rewards), free(b.io.terminals), free(b.io.truncations);
    free(b.io.action_mask), free(b.io.agent_mask), free(b.states), free(b.scratch), free(assets), free(setup);
    return 0;
}
