// validate.c - states from elsewhere: every number against its range, then the rules that go beyond one number.
#include "validate.h"

// One state under test, and one that was made from the same settings.
typedef struct Subject {
    const PufSpec* spec;
    const PufLayout* layout;
    const uint8_t *state, *fresh;
    PufFault* fault;
} Subject;

static double load(const void* member, PufDtype dtype)
{
    switch (dtype) {
    case PUF_U8: return (double)*(const uint8_t*)member;
    case PUF_I8: return (double)*(const int8_t*)member;
    case PUF_I16: return (double)*(const int16_t*)member;
    case PUF_I32: return (double)*(const int32_t*)member;
    case PUF_U32: return (double)*(const uint32_t*)member;
    case PUF_U64: return (double)*(const uint64_t*)member;
    case PUF_F32: return (double)*(const float*)member;
    default: return *(const double*)member;
    }
}

static int32_t int_at(const uint8_t* state, uint64_t offset)
{
    int32_t value;
    memcpy(&value, state + offset, sizeof(value));
    return value;
}

static int is_float(PufDtype dtype) { return dtype == PUF_F32 || dtype == PUF_F64; }

static int blame(const Subject* t, const char* field, const char* part, PufRangeKind kind, double value)
{
    t->fault->field = field;
    t->fault->part = part;
    t->fault->kind = kind;
    t->fault->value = value;
    return -1;
}

// A member that has just one right value.
static int check_same(const Subject* t, const char* name, uint64_t offset, size_t size)
{
    return memcmp(t->state + offset, t->fresh + offset, size) == 0 ? 0 : blame(t, name, NULL, PUF_FROM_SETTINGS, 0.0);
}

// `count` numbers, one behind the other. NaN fails every comparison.
static int check_numbers(const Subject* t, const char* field, const char* part, const uint8_t* numbers, size_t count,
                         PufDtype dtype, const PufRange* range)
{
    double low = range->low, high = range->high;
    int any = range->kind == PUF_ANY;
    if (any && !is_float(dtype)) {
        return 0;
    }
    if (range->kind == PUF_LIMITED) {
        high += load(t->state + range->limit, range->limit_dtype);
    }
    for (size_t i = 0; i < count; i++) {
        double value = load(numbers + i * puf_dtype_size(dtype), dtype);
        if (!(any ? value - value == 0.0 : value >= low && value <= high)) {
            t->fault->low = low;
            t->fault->high = high;
            return blame(t, field, part, any ? PUF_ANY : PUF_FROM_TO, value);
        }
    }
    return 0;
}

static size_t size_of(const PufField* field) // of the elements of a field in the struct
{
    size_t count = 1;
    for (int32_t d = 0; d < field->ndim; d++) {
        count *= (size_t)field->shape[d];
    }
    return count * (field->parts ? (size_t)field->row_size : puf_dtype_size(field->dtype));
}

// Where a field lies, and its shape: [0] rows, [1] columns.
typedef struct Place {
    const uint8_t* at;
    size_t shape[2];
} Place;

static Place place_of(const PufField* field, const uint8_t* state)
{
    Place place = { state + field->offset, { 1, 1 } };
    int32_t in_block = field->place == PUF_IN_BLOCK;
    for (int32_t d = 0; d < field->ndim && d < 2; d++) {
        place.shape[d] = in_block ? (size_t)int_at(state, field->shape[d]) : (size_t)field->shape[d];
    }
    if (field->ndim == 3) {
        place.shape[1] *= (size_t)field->shape[2];
    }
    if (in_block) {
        place.at = state + int_at(state, field->offset);
    }
    return place;
}

// A table of which each row or each column has a range of its own.
static int check_table(const Subject* t, const PufField* field, Place place)
{
    for (size_t row = 0; row < place.shape[0]; row++) {
        for (size_t column = 0; column < place.shape[1]; column++) {
            size_t number = field->by_column ? column : row;
            const uint8_t* at = place.at + (row * place.shape[1] + column) * puf_dtype_size(field->dtype);
            if (number < (size_t)field->num_ranges &&
                check_numbers(t, field->name, NULL, at, 1, field->dtype, &field->ranges[number]) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

static int check_rows(const Subject* t, const PufField* field, Place place)
{
    for (size_t row = 0; row < place.shape[0]; row++) {
        for (int32_t p = 0; p < field->num_parts; p++) {
            const PufField* part = &field->parts[p];
            const uint8_t* at = place.at + row * (size_t)field->row_size + part->offset;
            size_t count = size_of(part) / puf_dtype_size(part->dtype);
            if (check_numbers(t, field->name, part->name, at, count, part->dtype, &part->range) != 0) {
                return -1;
            }
        }
    }
    return 0;
}

// The members that say where a table lies and how large it is: as the settings make them. Where a table of the assets
// begins may change with the episode: that is for `contradiction`.
static int check_place(const Subject* t, const PufField* field)
{
    if (field->place == PUF_IN_BLOCK && check_same(t, field->name, field->offset, sizeof(int32_t)) != 0) {
        return -1;
    }
    for (int32_t d = 0; d < field->ndim && field->place != PUF_IN_STRUCT; d++) {
        if (check_same(t, field->name, field->shape[d], sizeof(int32_t)) != 0) {
            return -1;
        }
    }
    return 0;
}

static int check_field(const Subject* t, const PufField* field)
{
    if (check_place(t, field) != 0) {
        return -1;
    }
    if (field->place == PUF_IN_ASSETS) {
        return 0;
    }
    if (field->range.kind == PUF_FROM_SETTINGS) {
        return check_same(t, field->name, field->offset, size_of(field));
    }
    Place place = place_of(field, t->state);
    if (field->parts) {
        return check_rows(t, field, place);
    }
    if (field->ranges) {
        return check_table(t, field, place);
    }
    return check_numbers(t, field->name, NULL, place.at, place.shape[0] * place.shape[1], field->dtype, &field->range);
}

// Whether a member has a range of its own: then an episode may change it, even if a setting is stored there.
static int has_range(const PufSpec* spec, uint64_t offset)
{
    for (int32_t i = 0; i < spec->num_fields; i++) {
        const PufField* field = &spec->fields[i];
        if (field->place == PUF_IN_STRUCT && field->offset == offset && field->range.kind != PUF_ANY) {
            return field->range.kind != PUF_FROM_SETTINGS;
        }
    }
    return 0;
}

// The settings in the state, the generator (an even stream would repeat itself) and the log.
static int check_common(const Subject* t)
{
    const PufSpec* spec = t->spec;
    for (int32_t i = 0; i < spec->num_params; i++) {
        const PufParam* p = &spec->params[i];
        size_t size = puf_dtype_size(p->dtype);
        if (p->offset + size <= spec->struct_size && !has_range(spec, p->offset) &&
            check_same(t, p->name, p->offset, size) != 0) {
            return -1;
        }
    }
    PufRng rng;
    memcpy(&rng, t->state + spec->rng_offset, sizeof(rng));
    if (rng.inc % 2 == 0) {
        return blame(t, "generator", NULL, PUF_FROM_SETTINGS, 0.0);
    }
    const PufRange finite = { .kind = PUF_ANY };
    return check_numbers(t, "log", NULL, t->state + spec->log_offset, (size_t)puf_log_size(spec), PUF_F32, &finite);
}

static int check_state(const Subject* t, const void* assets)
{
    if (check_common(t) != 0) {
        return -1;
    }
    for (int32_t i = 0; i < t->spec->num_fields; i++) {
        if (check_field(t, &t->spec->fields[i]) != 0) {
            return -1;
        }
    }
    const char* field = t->spec->contradiction ? t->spec->contradiction(t->state, assets) : NULL;
    t->fault->contradicts = field != NULL;
    return field ? blame(t, field, NULL, PUF_FROM_SETTINGS, 0.0) : 0;
}

int puf_batch_validate(PufBatch* b, const void* states, int32_t count, const double* params, int each, PufFault* fault)
{
    const PufSpec* spec = b->spec;
    size_t row = (size_t)spec->num_params * sizeof(double);
    memset(fault, 0, sizeof(*fault));
    for (int32_t i = 0; i < count; i++) {
        const double* own = each ? params + (size_t)i * (size_t)spec->num_params : params;
        if (i == 0 || (each && memcmp(own, own - spec->num_params, row) != 0)) {
            puf_store_settings(spec, b->scratch, own);
            if (spec->prepare) {
                spec->prepare(b->scratch);
            }
        }
        Subject t = { .spec = spec, .layout = &b->layout, .fresh = b->scratch, .fault = fault };
        t.state = (const uint8_t*)states + (size_t)i * (size_t)b->layout.state_size;
        fault->env = i;
        if (check_state(&t, b->io.assets) != 0) {
            return -1;
        }
    }
    return 0;
}

// ---- What the table covers. ----

static void cover(int32_t* covered, uint64_t offset, size_t size, int32_t mark)
{
    for (size_t i = 0; i < size; i++) {
        covered[offset + i] = mark;
    }
}

static void cover_field(const PufField* field, int32_t number, const uint8_t* state, int32_t* covered)
{
    for (int32_t d = 0; d < field->ndim && field->place != PUF_IN_STRUCT; d++) {
        cover(covered, field->shape[d], sizeof(int32_t), -2);
    }
    if (field->place != PUF_IN_STRUCT) {
        cover(covered, field->offset, sizeof(int32_t), -2);
    }
    if (field->place == PUF_IN_ASSETS) {
        return;
    }
    Place place = place_of(field, state);
    size_t element = field->parts ? (size_t)field->row_size : puf_dtype_size(field->dtype);
    int32_t mark = field->range.kind == PUF_FROM_SETTINGS ? -2 : number;
    cover(covered, (uint64_t)(place.at - state), place.shape[0] * place.shape[1] * element, mark);
}

void puf_cover(const PufSpec* spec, const PufLayout* layout, const void* state, int32_t* covered)
{
    cover(covered, 0, (size_t)layout->state_size, -1);
    for (int32_t i = 0; i < spec->num_fields; i++) {
        cover_field(&spec->fields[i], i, state, covered);
    }
    for (int32_t i = 0; i < spec->num_params; i++) {
        size_t size = puf_dtype_size(spec->params[i].dtype);
        if (spec->params[i].offset + size <= spec->struct_size) {
            cover(covered, spec->params[i].offset, size, -2);
        }
    }
    cover(covered, spec->rng_offset, sizeof(PufRng), -2);
    cover(covered, spec->log_offset, (size_t)puf_log_size(spec) * sizeof(float), -2);
}
