// train_run.c - train in C with the settings given, without Python:
//
//     train_run ITERATIONS SEED NUM_ENVS [NAME=VALUE ...] [rule=PARAM,FIRST,LAST,STEPS,STEP,STATISTIC,COUNT,SIGN,BOUND,OVER ...]
//
// It is linked with one environment, compiled with -DPUF_EXPORT, at its default settings. A rule is a PufRule. Prints a hash of the weights
// after the last iteration and what that was like.
#include "learn/trainer.h"
#include "one_batch.h"

static void set(PufTrainSettings* settings, const char* word)
{
#define SET(name, given)                                                                                               \
    if (strncmp(word, #name "=", sizeof(#name)) == 0) {                                                                \
        settings->name = atof(word + sizeof(#name));                                                                   \
        return;                                                                                                        \
    }
    PUF_TRAIN_SETTINGS(SET)
    fprintf(stderr, "there is no setting %s\n", word);
    exit(1);
}

static PufRule read_rule(const char* word)
{
    double numbers[10] = { 0.0 };
    for (int i = 0; i < 10; i++) {
        word = strpbrk(word, "=,") + 1;
        numbers[i] = atof(word);
    }
    return (PufRule){ .param = (int32_t)numbers[0],
                      .first = numbers[1],
                      .last = numbers[2],
                      .steps = numbers[3],
                      .step = numbers[4],
                      .statistic = (int32_t)numbers[5],
                      .counted_by = (int32_t)numbers[6],
                      .sign = (PufSign)numbers[7],
                      .bound = numbers[8],
                      .over = (int32_t)numbers[9] };
}

int main(int argc, char** argv)
{
    double params[MAX_PARAMS];
    PufTrainSettings settings = puf_train_defaults();
    if (argc < 4) {
        return 2;
    }
    default_params(params);
    PufRule rules[PUF_MAX_RULES];
    int32_t num_rules = 0;
    for (int i = 4; i < argc; i++) {
        if (strncmp(argv[i], "rule=", 5) == 0) {
            rules[num_rules++] = read_rule(argv[i]);
        } else {
            set(&settings, argv[i]);
        }
    }
    PufBatch batch = make_batch(atoi(argv[3]), params);
    PufTrainer* trainer = puf_trainer_new(&batch, params, settings, PUF_MINGRU, strtoull(argv[2], NULL, 10), 1);
    if (!trainer || (num_rules && !puf_trainer_follow(trainer, rules, num_rules))) {
        fprintf(stderr, "these settings do not fit\n");
        return 1;
    }
    PufTrainReport report = { .steps = 0.0 };
    for (int i = 0; i < atoi(argv[1]); i++) {
        report = puf_trainer_iterate(trainer);
    }
    const PufPolicy* policy = puf_trainer_policy(trainer);
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < policy->size * sizeof(float); i++) {
        hash = (hash ^ ((const uint8_t*)policy->numbers)[i]) * 0x100000001b3u;
    }
    printf("%016llx steps %.0f updates %.0f skipped %.0f kl %.9g entropy %.9g\n", (unsigned long long)hash,
           report.steps, report.updates, report.skipped, report.kl, report.entropy);
    puf_trainer_free(trainer);
    return 0;
}
