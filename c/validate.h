// validate.h - whether a state that somebody else wrote may be stepped, by the ranges in the environment's table.
#pragma once
#include "batch.h"

// What is wrong with a state.
typedef struct PufFault {
    int32_t env;
    const char *field, *part; // `part`: of a row of a table of structs, or NULL; `field` may be "generator" or "log"
    PufRangeKind kind;        // PUF_FROM_TO: `value` is not from `low` to `high`; PUF_ANY: it is not finite;
                              // PUF_FROM_SETTINGS: it does not follow from the settings
    int contradicts;          // 1: not by itself, but beside the others
    double value, low, high;
} PufFault;

// Check `count` states that are not yet in the batch, with these settings: a row for each, or one for all (`each` 0).
// Returns 0, or -1 and what is wrong. If it returns 0, no sequence of steps writes outside of its buffers or hangs.
int puf_batch_validate(PufBatch* batch, const void* states, int32_t count, const double* params, int each,
                       PufFault* fault);

// For each byte of a state, the number of the field that holds it; -1 for what no field does: padding, or a member that
// the table leaves out; -2 for what has one right value, or is of the generator, the log or the settings.
void puf_cover(const PufSpec* spec, const PufLayout* layout, const void* state, int32_t* covered);
