// curriculum.h - settings of the environments that change while a policy learns, as
// src/puffer_train/algorithm/curriculum.py has them.
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { PUF_MAX_RULES = 8, PUF_MAX_WATCHED = 32 };

typedef enum PufSign { PUF_ABOVE, PUF_AT_LEAST, PUF_BELOW, PUF_AT_MOST } PufSign;

// One setting goes from its first to its last value: over so many steps; or, where `steps` is 0, by `step` each time
// that a statistic of the episodes, as the mean of the last iterations that had some, is beyond a bound.
typedef struct PufRule {
    int32_t param;             // its number in the environment's table
    double first, last, steps; // agent steps
    double step;
    int32_t statistic, counted_by; // numbers in the environment's log: it, and how many episodes it is of
    PufSign sign;
    double bound;
    int32_t over; // iterations, at most PUF_MAX_WATCHED
    // how far it has moved:
    double moves, watched[PUF_MAX_WATCHED];
    int32_t num_watched;
} PufRule;

static inline double puf_rule_value(const PufRule* r, double steps, int whole)
{
    const double done = r->steps > 0.0 && steps < r->steps ? steps / r->steps : 1.0;
    double value = r->first + (r->last - r->first) * done;
    if (r->steps == 0.0) {
        value = r->first + r->step * r->moves;
        value = (r->last > r->first ? value > r->last : value < r->last) ? r->last : value;
    }
    return whole ? rint(value) : value;
}

static inline int puf_is_beyond(PufSign sign, double mean, double bound)
{
    switch (sign) {
    case PUF_ABOVE: return mean > bound;
    case PUF_AT_LEAST: return mean >= bound;
    case PUF_BELOW: return mean < bound;
    default: return mean <= bound;
    }
}

// Take the sums over the episodes that ended in an iteration.
static inline void puf_rule_watch(PufRule* r, const double* log)
{
    if (r->steps > 0.0) {
        return;
    }
    if (log[r->counted_by] > 0.0) {
        if (r->num_watched == r->over) {
            r->num_watched--;
            memmove(r->watched, r->watched + 1, (size_t)r->num_watched * sizeof(double));
        }
        r->watched[r->num_watched++] = log[r->statistic] / log[r->counted_by];
    }
    double sum = 0.0;
    for (int32_t i = 0; i < r->num_watched; i++) {
        sum += r->watched[i];
    }
    if (r->num_watched == r->over && puf_is_beyond(r->sign, sum / r->over, r->bound)) {
        r->moves++;
        r->num_watched = 0; // the next move needs episodes at the new value
    }
}
