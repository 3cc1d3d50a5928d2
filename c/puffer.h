// puffer.h - the contract between an environment and everything that drives it.
//
// An environment is one header, c/envs/NAME.h, with a state struct without pointers and three verbs:
//
//     NAME_reset(State*)                begin an episode
//     NAME_step(State*, PufIo)          read the actions, move, write rewards, terminals, truncations
//     NAME_observe(const State*, PufIo) write the observations
//
// The struct has a member `rng`, its own generator, and a member `log`, which begins with a PufLog. Every seeded reset
// zeroes the state, stores the settings in the members that PUF_SETTING names, and seeds the generator.
//
// Large worlds take one block behind the struct, whose size `resize` computes from the settings. What all environments of
// a batch share and never change, such as levels, are its assets: made once, read through io.assets.
//
// It ends with a table, PUF_DEFINE_ENV, from which spaces, settings, documentation, tests and renderers are made. That
// macro also writes the batch loops into the environment's own translation unit, so that the verbs inline into them.
//
// Conventions: C17, or C++20 with the same names (puffer_cpp.h); no allocation, I/O, clock, global or libm call whose last
// bit may differ (sqrtf, fabsf and floorf are exact); assign fields one by one, never a whole struct with padding, because
// state bytes are hashed.
#pragma once
#include "puffer_rng.h"
#include <stddef.h>
#include <string.h>

enum {
    PUF_ABI = 7, // raised whenever a struct below changes
    PUF_MAX_DIMS = 3,
};

typedef enum PufDtype { PUF_U8, PUF_I8, PUF_I16, PUF_I32, PUF_U32, PUF_U64, PUF_F32, PUF_F64 } PufDtype;

// Rows of the shared buffers, one row per agent. Borrowed for one call: an environment never stores these pointers.
typedef struct PufIo {
    void* obs;              // what the agent sees now
    void* final_obs;        // the last observation of an episode that ended in this step; written only then
    const int32_t* actions; // discrete actions, already checked; NULL where the environment has controls
    const float* controls;  // continuous actions, finite and inside their bounds; NULL where it has actions
    float* rewards;
    uint8_t* terminals;   // 1: ended for good
    uint8_t* truncations; // 1: cut off; never together with a terminal
    uint8_t* action_mask; // 1: this choice may be taken now; NULL unless layout.masked
    uint8_t* agent_mask;  // 1: this row holds an agent now; NULL unless layout.padded
    const void* assets;   // what all environments of a batch share and none changes; NULL unless layout.assets_size
} PufIo;

// A part of the observation: `count` elements with the same bounds. A count of 0 means all that remain. Elements are
// amounts, or codes if `codes` is not 0: each of them names one of so many categories, 0 for the most common one. A policy
// learns what each code means at each place, instead of multiplying it. For bytes of an observation with one dimension.
typedef struct PufObs {
    const char* name;
    int32_t count;
    float low, high;
    const char* doc;
    int32_t codes;
} PufObs;

// Rows of tables may leave out what comes last: most observations have no codes.
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif

#define PUF_CODES(name, count, codes, doc) { name, count, 0, (codes) - 1, doc, codes }

// One action of an agent: `choices` > 0 for a discrete one, else continuous within [low, high].
typedef struct PufAction {
    const char* name;
    int32_t choices;
    float low, high;
    const char* labels; // names of the choices, separated by spaces; or the unit of a continuous action
} PufAction;

typedef enum PufParamType { PUF_INT, PUF_REAL, PUF_BOOL, PUF_NAMED } PufParamType;

// A setting, and the member that it is stored in. Made by PUF_SETTING, PUF_SETTING_AS, PUF_FLAG and PUF_CHOICE.
typedef struct PufParam {
    const char* name;
    PufParamType type;
    PufDtype dtype;          // of the member
    uint64_t offset;         // of the member: bytes from the start of the setup
    double value, low, high; // default and inclusive range
    const char* doc;
    int32_t fixed;       // 1: make_assets reads it, so it cannot be changed in a batch that exists
    const char* choices; // of PUF_CHOICE: names of the numbers from 0 to `high`, separated by spaces; else NULL
} PufParam;

typedef enum PufPlace { PUF_IN_STRUCT, PUF_IN_BLOCK, PUF_IN_ASSETS } PufPlace;

// What a number of a state may be. A state that was read from a file is checked by this before it is stepped (validate.h),
// so that no file can make an environment write where it should not: what is used as an index needs a range. The checks
// cost a step nothing. Made by PUF_WITHIN and PUF_BELOW.
typedef enum PufRangeKind {
    PUF_ANY,           // any integer; any finite float
    PUF_FROM_TO,       // `low` to `high`, inclusive
    PUF_LIMITED,       // `low` to `high` + the member of the state at `limit`, inclusive
    PUF_FROM_SETTINGS, // just what the settings and `prepare` make of it
} PufRangeKind;

typedef struct PufRange {
    PufRangeKind kind;
    double low, high;
    uint64_t limit; // bytes from the start of the state
    PufDtype limit_dtype;
} PufRange;

// A field of the state. Python and the renderers may read those with a text; one without is only checked. Made by
// PUF_SCALAR, PUF_ARRAY, PUF_GRID, PUF_STRUCTS, PUF_ROWS, PUF_BLOCK and PUF_ASSET.
typedef struct PufField {
    const char* name;
    PufDtype dtype;
    int32_t ndim;
    PufPlace place;               // not in the struct: `offset` and `shape` are where it holds them, as int32
    uint64_t offset;              // bytes from the start of the state
    uint64_t shape[PUF_MAX_DIMS]; // elements
    const char* doc;
    const struct PufField* parts; // of a table of structs: the members of one row; else NULL, and its elements are of
    int32_t num_parts;            // the type `dtype`
    uint64_t row_size;            // bytes of one row
    PufRange range;               // of its elements
    const PufRange* ranges;       // of a table with two dimensions: one for each row or each column; else NULL
    int32_t num_ranges, by_column;
} PufField;

// What finished episodes add up; every environment's own log starts with these five and may append floats.
typedef struct PufLog {
    float n;    // episodes finished since the log was cleared
    float perf; // 0 to 1; 1 is solved
    float score;
    float episode_return;
    float episode_length; // steps
} PufLog;

// Sizes, which may depend on the settings.
typedef struct PufLayout {
    uint64_t state_size; // bytes; a multiple of 8
    int32_t agents;
    int32_t obs_ndim;
    int32_t obs_shape[PUF_MAX_DIMS];
    int32_t num_actions;
    const PufAction* actions;
    int32_t masked;       // 1: the environment writes action masks
    int32_t padded;       // 1: the environment writes agent masks
    uint64_t assets_size; // bytes of what the whole batch shares, such as levels
} PufLayout;

typedef struct PufSpec {
    uint32_t abi;
    const char* name;
    int32_t version;    // raised whenever a golden trajectory changes
    const char* doc;    // one sentence
    const char* reward; // what is rewarded, and by how much
    const char* ends;   // what terminates and what truncates an episode
    double rate;        // steps per second at which a person plays it
    PufDtype obs_dtype; // PUF_U8, PUF_I8 or PUF_F32
    PufLayout layout;   // at the default settings
    const PufObs* obs;
    const PufParam* params;
    const PufField* fields;
    const char* const* log_names; // after the five of PufLog
    int32_t num_obs, num_params, num_fields, num_log_names;
    uint64_t struct_size;            // bytes of the state struct, without the block behind it
    uint64_t rng_offset, log_offset; // of the generator and the log in the state; the bytes of the log are not hashed
    // The functions below take a setup: a zeroed state struct with the settings stored in it. If some settings only
    // decide sizes, assets or other members, they need no place in the state: declare a struct that begins with the
    // state struct and has members for them, and give its size here. 0: the setup is the state struct.
    uint64_t setup_size;
    // Optional: adjust the layout to the settings; and name an impossible combination of settings (or return NULL).
    void (*resize)(PufLayout* layout, const void* setup);
    const char* (*conflict)(const void* setup);
    // With layout.assets_size: fill that many zeroed bytes, once, before the first state is made.
    void (*make_assets)(const PufLayout* layout, void* assets, const void* setup);
    // Optional: set the members of the state struct that follow from the settings, and those that do not start at 0.
    void (*prepare)(void* setup);
    // Optional: the name of a field that contradicts the others in a state from a file, or NULL. Ranges hold already.
    // For what no range can say: that two members agree, that a list is in order.
    const char* (*contradiction)(const void* state, const void* assets);
    // The batch loops: `n` consecutive environments.
    void (*reset_all)(const PufLayout*, void* states, int32_t n, PufIo io);
    void (*step_all)(const PufLayout*, void* states, int32_t n, PufIo io);
    void (*observe_all)(const PufLayout*, void* states, int32_t n, PufIo io);
    // Copy actions (int32_t, or float for continuous ones) and check the copy, which is clipped where continuous.
    // Index of the first that is refused, or -1. `source` may be `target`.
    int64_t (*take_actions)(const PufLayout*, const void* source, void* target, int64_t rows);
} PufSpec;

static inline size_t puf_dtype_size(PufDtype t)
{
    static const uint8_t sizes[] = { 1, 1, 2, 4, 4, 8, 4, 8 };
    return sizes[t];
}

static inline size_t puf_setup_size(const PufSpec* spec)
{
    return spec->setup_size ? (size_t)spec->setup_size : (size_t)spec->struct_size;
}

// Add an episode that ended to the log.
static inline void puf_log_episode(PufLog* log, float perf, float score, float episode_return, float steps)
{
    log->n += 1.0f;
    log->perf += perf;
    log->score += score;
    log->episode_return += episode_return;
    log->episode_length += steps;
}

// Elements of one agent's observation.
static inline size_t puf_obs_size(const PufLayout* l)
{
    size_t size = 1;
    for (int32_t d = 0; d < l->obs_ndim; d++) {
        size *= (size_t)l->obs_shape[d];
    }
    return size;
}

// Elements of one agent's action mask: one for each choice of each action.
static inline size_t puf_mask_size(const PufLayout* l)
{
    size_t size = 0;
    for (int32_t a = 0; a < l->num_actions; a++) {
        size += (size_t)l->actions[a].choices;
    }
    return size;
}

// The rows of environment `env`.
static inline PufIo puf_row(const PufLayout* l, PufDtype obs_dtype, PufIo io, int64_t env)
{
    size_t row = (size_t)env * (size_t)l->agents;
    size_t obs_bytes = puf_obs_size(l) * puf_dtype_size(obs_dtype);
    int discrete = l->actions[0].choices > 0;
    PufIo out;
    out.obs = (uint8_t*)io.obs + row * obs_bytes;
    out.final_obs = (uint8_t*)io.final_obs + row * obs_bytes;
    out.actions = discrete ? io.actions + row * (size_t)l->num_actions : NULL;
    out.controls = discrete ? NULL : io.controls + row * (size_t)l->num_actions;
    out.rewards = io.rewards + row;
    out.terminals = io.terminals + row;
    out.truncations = io.truncations + row;
    out.action_mask = l->masked ? io.action_mask + row * puf_mask_size(l) : NULL;
    out.agent_mask = l->padded ? io.agent_mask + row : NULL;
    out.assets = io.assets;
    return out;
}

// The same rows, with the observation going to `final_obs`: for NAME_observe at the end of an episode.
static inline PufIo puf_final(PufIo io)
{
    io.obs = io.final_obs;
    return io;
}

static inline void puf_clear_results(PufIo io, int32_t agents)
{
    memset(io.rewards, 0, (size_t)agents * sizeof(float));
    memset(io.terminals, 0, (size_t)agents);
    memset(io.truncations, 0, (size_t)agents);
}

static inline int64_t puf_take_discrete(const PufLayout* l, const int32_t* source, int32_t* target, int64_t rows)
{
    if (l->num_actions == 1) { // one pass without branches, which the compiler vectorises
        uint32_t last = (uint32_t)l->actions[0].choices - 1;
        uint32_t any = 0;
        for (int64_t i = 0; i < rows; i++) {
            uint32_t action = (uint32_t)source[i];
            target[i] = (int32_t)action;
            any |= action | (last - action); // the highest bit is set where it is negative, or beyond the last
        }
        if (any >> 31 == 0) {
            return -1;
        }
    } else {
        memmove(target, source, (size_t)(rows * l->num_actions) * sizeof(int32_t));
    }
    for (int64_t i = 0; i < rows * l->num_actions; i++) {
        if ((uint32_t)target[i] >= (uint32_t)l->actions[i % l->num_actions].choices) {
            return i;
        }
    }
    return -1;
}

// x - x is 0 for finite x, and NaN for the rest.
static inline int64_t puf_take_continuous(const float* source, float* target, int64_t count)
{
    int32_t any = 0;
    for (int64_t i = 0; i < count; i++) {
        float x = source[i];
        target[i] = x;
        any |= !(x - x == 0.0f);
    }
    for (int64_t i = 0; any && i < count; i++) {
        if (!(target[i] - target[i] == 0.0f)) {
            return i;
        }
    }
    return -1;
}

static inline void puf_clip(float* x, int64_t count, int64_t stride, float low, float high)
{
    for (int64_t i = 0; i < count; i++) {
        float at_least = x[i * stride] < low ? low : x[i * stride];
        x[i * stride] = at_least > high ? high : at_least;
    }
}

static inline void puf_clip_controls(const PufLayout* l, float* controls, int64_t rows)
{
    if (l->num_actions == 1) { // a constant stride, which the compiler vectorises
        puf_clip(controls, rows, 1, l->actions[0].low, l->actions[0].high);
        return;
    }
    for (int32_t a = 0; a < l->num_actions; a++) {
        puf_clip(controls + a, rows, l->num_actions, l->actions[a].low, l->actions[a].high);
    }
}

// Copy and check: nothing reads `source` again, as another thread may write there. In the environment's own translation
// unit, as it goes over every action of every step: for cartpole that is 5 % of its time with 4 lanes.
static inline int64_t puf_take_actions(const PufLayout* l, const void* source, void* target, int64_t rows)
{
    if (l->actions[0].choices > 0) {
        return puf_take_discrete(l, (const int32_t*)source, (int32_t*)target, rows);
    }
    int64_t bad = puf_take_continuous((const float*)source, (float*)target, rows * l->num_actions);
    if (bad < 0) {
        puf_clip_controls(l, (float*)target, rows);
    }
    return bad;
}

// Before a short loop that should become vector instructions. clang would unroll it first, and then not recognise it.
#ifdef __clang__
#define PUF_PRAGMA(text) _Pragma(#text)
#define PUF_VECTORIZE(width) PUF_PRAGMA(clang loop vectorize_width(width) unroll(disable))
#else
#define PUF_VECTORIZE(width)
#endif

// Before a long function that such a loop calls and plain code calls too: compilers inline what has one caller, but often
// not what has two, and a loop with a call in it stays scalar.
#ifdef _MSC_VER
#define PUF_INLINE static __forceinline
#elif defined(__GNUC__)
#define PUF_INLINE static inline __attribute__((always_inline))
#else
#define PUF_INLINE static inline
#endif

// The type of a member is found by _Generic; an array decays to a pointer there.
// clang-format off
#ifdef __cplusplus
#define PUF_TYPE_OF(x) PufTypeOf<decltype((x))>::value
#define PUF_KIND_OF(x) (PUF_TYPE_OF(x) == PUF_F32 || PUF_TYPE_OF(x) == PUF_F64 ? PUF_REAL : PUF_INT)
#define PUF_EXTERN_C extern "C"
#else
#define PUF_TYPE_OF(x)                                                                                                 \
    _Generic((x),                                                                                                      \
        uint8_t: PUF_U8, int8_t: PUF_I8, int16_t: PUF_I16, int32_t: PUF_I32, uint32_t: PUF_U32, uint64_t: PUF_U64,     \
        float: PUF_F32, double: PUF_F64)
#define PUF_KIND_OF(x) _Generic((x), float: PUF_REAL, double: PUF_REAL, default: PUF_INT)
#define PUF_EXTERN_C
#endif
#define PUF_MEMBER(State, m) (((State*)0)->m)
#define PUF_COUNT(array) (int32_t)(sizeof(array) / sizeof((array)[0]))

// Rows of the table of settings: a number, and a switch. A number in a member of another name, or in an array or a nested
// struct, takes PUF_SETTING_AS. The last argument, a sentence, may be followed by `.fixed = 1`.
#define PUF_SETTING_AS(State, label, m, default_value, least, most, ...)                                               \
    { .name = label, .type = PUF_KIND_OF(PUF_MEMBER(State, m)), .dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)),            \
      .offset = offsetof(State, m), .value = default_value, .low = least, .high = most, .doc = __VA_ARGS__ }
#define PUF_SETTING(State, m, ...) PUF_SETTING_AS(State, #m, m, __VA_ARGS__)
#define PUF_FLAG(State, m, default_value, ...)                                                                         \
    { .name = #m, .type = PUF_BOOL, .dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)), .offset = offsetof(State, m),          \
      .value = default_value, .low = 0, .high = 1, .doc = __VA_ARGS__ }
// One of several names, which users write; the member holds its number, from 0 to `most`. The default is the first.
#define PUF_CHOICE(State, m, most, names, ...)                                                                         \
    { .name = #m, .type = PUF_NAMED, .dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)), .offset = offsetof(State, m),         \
      .value = 0, .low = 0, .high = most, .doc = __VA_ARGS__, .choices = names }

// Rows of the table of fields. A member of a nested struct takes PUF_SCALAR_AS. The last argument, a sentence, or NULL for
// what is only checked, may be followed by what its values may be: PUF_RANGE(least, most); PUF_UP_TO(State, m), from 0 to a
// member that holds a setting; PUF_LESS_THAN(State, m), for an index; PUF_DERIVED, for what follows from the settings; or
// PUF_BY_ROW(table) and PUF_BY_COLUMN(table), for tables of which each row or column has its own.
#define PUF_WITHIN(least, most) { .kind = PUF_FROM_TO, .low = (double)(least), .high = (double)(most) }
#define PUF_BELOW(State, least, m, more)                                                                               \
    { .kind = PUF_LIMITED, .low = (double)(least), .high = (double)(more), .limit = offsetof(State, m),                \
      .limit_dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)) }
#define PUF_RANGE(least, most) .range = PUF_WITHIN(least, most)
#define PUF_UP_TO(State, m) .range = PUF_BELOW(State, 0, m, 0)
#define PUF_LESS_THAN(State, m) .range = PUF_BELOW(State, 0, m, -1)
#define PUF_DERIVED .range = { .kind = PUF_FROM_SETTINGS }
#define PUF_BY_ROW(table) .ranges = table, .num_ranges = PUF_COUNT(table)
#define PUF_BY_COLUMN(table) .ranges = table, .num_ranges = PUF_COUNT(table), .by_column = 1
#define PUF_SCALAR_AS(State, label, m, ...)                                                                            \
    { .name = label, .dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)), .ndim = 0, .offset = offsetof(State, m),              \
      .doc = __VA_ARGS__ }
#define PUF_SCALAR(State, m, ...) PUF_SCALAR_AS(State, #m, m, __VA_ARGS__)
#define PUF_ARRAY(State, m, ...)                                                                                       \
    { .name = #m, .dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)[0]), .ndim = 1, .offset = offsetof(State, m),              \
      .shape = { sizeof(PUF_MEMBER(State, m)) / sizeof(PUF_MEMBER(State, m)[0]) }, .doc = __VA_ARGS__ }
#define PUF_GRID(State, m, ...)                                                                                        \
    { .name = #m, .dtype = PUF_TYPE_OF(PUF_MEMBER(State, m)[0][0]), .ndim = 2, .offset = offsetof(State, m),           \
      .shape = { sizeof(PUF_MEMBER(State, m)) / sizeof(PUF_MEMBER(State, m)[0]),                                       \
                 sizeof(PUF_MEMBER(State, m)[0]) / sizeof(PUF_MEMBER(State, m)[0][0]) }, .doc = __VA_ARGS__ }
// A member that is an array of structs; `row_fields` describes the members of one by PUF_SCALAR and PUF_ARRAY.
#define PUF_STRUCTS(State, m, row_fields, text)                                                                        \
    { .name = #m, .ndim = 1, .offset = offsetof(State, m),                                                             \
      .shape = { sizeof(PUF_MEMBER(State, m)) / sizeof(PUF_MEMBER(State, m)[0]) }, .doc = text,                        \
      .parts = row_fields, .num_parts = PUF_COUNT(row_fields), .row_size = sizeof(PUF_MEMBER(State, m)[0]) }
// An array of structs of type Row behind the state: int32 members hold its offset and its length.
#define PUF_ROWS(State, label, Row, row_fields, offset_member, rows_member, text)                                      \
    { .name = label, .ndim = 1, .place = PUF_IN_BLOCK, .offset = offsetof(State, offset_member),                       \
      .shape = { offsetof(State, rows_member) }, .doc = text,                                                          \
      .parts = row_fields, .num_parts = PUF_COUNT(row_fields), .row_size = sizeof(Row) }
// A table behind the struct, in the block that `resize` asked for: int32 members hold its offset, rows and columns.
#define PUF_BLOCK(State, label, type, offset_member, rows_member, cols_member, ...)                                    \
    PUF_TABLE(State, label, type, PUF_IN_BLOCK, offset_member, rows_member, cols_member, __VA_ARGS__)
// The same for a table in the assets, counted from their start.
#define PUF_ASSET(State, label, type, offset_member, rows_member, cols_member, ...)                                    \
    PUF_TABLE(State, label, type, PUF_IN_ASSETS, offset_member, rows_member, cols_member, __VA_ARGS__)
#define PUF_TABLE(State, label, type, where, offset_member, rows_member, cols_member, ...)                             \
    { .name = label, .dtype = type, .ndim = 2, .place = where, .offset = offsetof(State, offset_member),               \
      .shape = { offsetof(State, rows_member), offsetof(State, cols_member) }, .doc = __VA_ARGS__ }
// clang-format on

// For PUF_DEFINE_ENV: the tables NAME_obs, NAME_params and NAME_fields; and NAME_log_names, where there is one.
#define PUF_TABLES(env)                                                                                                \
    .obs = env##_obs, .num_obs = PUF_COUNT(env##_obs), .params = env##_params, .num_params = PUF_COUNT(env##_params),  \
    .fields = env##_fields, .num_fields = PUF_COUNT(env##_fields)
#define PUF_LOG_NAMES(env) .log_names = env##_log_names, .num_log_names = PUF_COUNT(env##_log_names)
// For its layout: the table NAME_actions.
#define PUF_ACTIONS(env) .num_actions = PUF_COUNT(env##_actions), .actions = env##_actions

// Rules first, speed second. An environment's header holds the rules as plain code. Where that is too slow, a second
// header, NAME_lanes.h, holds a faster form of some functions that gives the same bits: FUNCTION_lanes does what FUNCTION
// does, and callers write PUF_LANES(FUNCTION)(...). Compiled with -DPUF_PLAIN an environment uses its plain rules alone,
// and calls itself NAME_plain; tests/engine/test_plain.py compares the two.
#ifdef PUF_PLAIN
#define PUF_LANES(function) function
#define PUF_NAME(env) #env "_plain"
#else
#define PUF_LANES(function) function##_lanes
#define PUF_NAME(env) #env
#endif

// Each environment is compiled once per instruction set, under its own symbol.
#ifndef PUF_VARIANT
#define PUF_VARIANT standalone
#endif
#define PUF_JOIN3(a, b, c) a##b##c
#define PUF_JOIN(a, b, c) PUF_JOIN3(a, b, c)
#define PUF_SPEC(env) PUF_JOIN(env, _spec_, PUF_VARIANT)

// A library of one environment, compiled by a user against these headers, is found by this symbol (see load_library).
#ifdef PUF_EXPORT
#ifdef _WIN32
#define PUF_EXPORTED __declspec(dllexport)
#else
#define PUF_EXPORTED __attribute__((visibility("default")))
#endif
#define PUF_EXPORT_SPEC(env)                                                                                           \
    PUF_EXTERN_C PUF_EXPORTED const PufSpec* puf_export(void);                                                         \
    const PufSpec* puf_export(void) { return &PUF_SPEC(env); }                                                         \
    extern const PufSpec PUF_SPEC(env)
#else
#define PUF_EXPORT_SPEC(env) extern const PufSpec PUF_SPEC(env)
#endif

// Where the sizes cannot change, the loops use the constant layout and the compiler folds every stride.
#define PUF_LAYOUT(env, layout) (PUF_SPEC(env).resize ? (layout) : &PUF_SPEC(env).layout)
#define PUF_STATE(env, State, states, i)                                                                               \
    (PUF_SPEC(env).resize ? (State*)((uint8_t*)(states) + (size_t)(i) * layout->state_size) : (State*)(states) + (i))

// How an episode begins: env##_reset gets the assets, or does not.
#define PUF_DEFINE_BEGIN(env, State)                                                                                   \
    static inline void env##_begin(State* s, PufIo io)                                                                 \
    {                                                                                                                  \
        (void)io;                                                                                                      \
        env##_reset(s);                                                                                                \
    }
#define PUF_DEFINE_BEGIN_WITH_ASSETS(env, State)                                                                       \
    static inline void env##_begin(State* s, PufIo io) { env##_reset(s, io.assets); }

// Step every environment. Where the agents end their episodes `together` (1), save the final observations and reset.
#define PUF_DEFINE_STEP_LOOP(env, State, together)                                                                     \
    extern const PufSpec PUF_SPEC(env);                                                                                \
    static void env##_step_all(const PufLayout* layout, void* states, int32_t n, PufIo io)                             \
    {                                                                                                                  \
        const PufLayout* l = PUF_LAYOUT(env, layout);                                                                  \
        for (int32_t i = 0; i < n; i++) {                                                                              \
            State* s = PUF_STATE(env, State, states, i);                                                               \
            PufIo row = puf_row(l, PUF_SPEC(env).obs_dtype, io, i);                                                    \
            env##_step(s, row);                                                                                        \
            if (together && (row.terminals[0] | row.truncations[0])) {                                                 \
                env##_observe(s, puf_final(row));                                                                      \
                env##_begin(s, row);                                                                                   \
            }                                                                                                          \
            env##_observe(s, row);                                                                                     \
        }                                                                                                              \
    }

// The other loops, and the spec.
#define PUF_DEFINE_SPEC(env, State, ...)                                                                               \
    extern const PufSpec PUF_SPEC(env);                                                                                \
    static void env##_reset_all(const PufLayout* layout, void* states, int32_t n, PufIo io)                            \
    {                                                                                                                  \
        const PufLayout* l = PUF_LAYOUT(env, layout);                                                                  \
        for (int32_t i = 0; i < n; i++) {                                                                              \
            State* s = PUF_STATE(env, State, states, i);                                                               \
            PufIo row = puf_row(l, PUF_SPEC(env).obs_dtype, io, i);                                                    \
            env##_begin(s, row);                                                                                       \
            puf_clear_results(row, l->agents);                                                                         \
            env##_observe(s, row);                                                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    static void env##_observe_all(const PufLayout* layout, void* states, int32_t n, PufIo io)                          \
    {                                                                                                                  \
        const PufLayout* l = PUF_LAYOUT(env, layout);                                                                  \
        for (int32_t i = 0; i < n; i++) {                                                                              \
            PufIo row = puf_row(l, PUF_SPEC(env).obs_dtype, io, i);                                                    \
            puf_clear_results(row, l->agents);                                                                         \
            env##_observe(PUF_STATE(env, State, states, i), row);                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static int64_t env##_take_actions(const PufLayout* layout, const void* source, void* target, int64_t rows)         \
    {                                                                                                                  \
        return puf_take_actions(PUF_LAYOUT(env, layout), source, target, rows);                                        \
    }                                                                                                                  \
    PUF_SPEC_VALUE(env, State, __VA_ARGS__);                                                                           \
    PUF_EXPORT_SPEC(env)

// clang-format off
#define PUF_SPEC_PARTS(env, State)                                                                                     \
    .struct_size = sizeof(State), .rng_offset = offsetof(State, rng), .log_offset = offsetof(State, log)
#define PUF_SPEC_LOOPS(env)                                                                                            \
    .reset_all = env##_reset_all, .step_all = env##_step_all, .observe_all = env##_observe_all,                        \
    .take_actions = env##_take_actions
#ifdef __cplusplus
#define PUF_SPEC_VALUE(env, State, ...)                                                                                \
    static_assert(__is_trivially_copyable(State), "the state is stored and copied as bytes");                          \
    constinit const PufSpec PUF_SPEC(env) = puf_complete(                                                              \
        PufSpec{ .abi = PUF_ABI, .name = PUF_NAME(env), PUF_SPEC_PARTS(env, State), PUF_SPEC_LOOPS(env) },             \
        PufGiven{ __VA_ARGS__ })
#else
#define PUF_SPEC_VALUE(env, State, ...)                                                                                \
    const PufSpec PUF_SPEC(env) =                                                                                      \
        { .abi = PUF_ABI, .name = PUF_NAME(env), PUF_SPEC_PARTS(env, State), PUF_SPEC_LOOPS(env), __VA_ARGS__ }
#endif
// clang-format on

// An environment whose agents all end their episodes together: the loop resets it.
#define PUF_DEFINE_ENV(env, State, ...)                                                                                \
    PUF_DEFINE_BEGIN(env, State)                                                                                       \
    PUF_DEFINE_STEP_LOOP(env, State, 1)                                                                                \
    PUF_DEFINE_SPEC(env, State, __VA_ARGS__)

// The same for an environment with assets: its reset gets them, as reset(State*, const void* assets).
#define PUF_DEFINE_ASSETS_ENV(env, State, ...)                                                                         \
    PUF_DEFINE_BEGIN_WITH_ASSETS(env, State)                                                                           \
    PUF_DEFINE_STEP_LOOP(env, State, 1)                                                                                \
    PUF_DEFINE_SPEC(env, State, __VA_ARGS__)

// An environment whose agents end their episodes one by one: its step writes their final observations and restarts them
// itself.
#define PUF_DEFINE_AGENTS_ENV(env, State, ...)                                                                         \
    PUF_DEFINE_BEGIN(env, State)                                                                                       \
    PUF_DEFINE_STEP_LOOP(env, State, 0)                                                                                \
    PUF_DEFINE_SPEC(env, State, __VA_ARGS__)

// The same three for an environment that steps many copies side by side, in vector instructions: it writes its own
// NAME_step_all, which does, bit for bit, what the plain loop does. With PUF_PLAIN the plain loop is used instead.
#ifdef PUF_PLAIN
#define PUF_DEFINE_BATCH_ENV PUF_DEFINE_ENV
#define PUF_DEFINE_BATCH_ASSETS_ENV PUF_DEFINE_ASSETS_ENV
#define PUF_DEFINE_BATCH_AGENTS_ENV PUF_DEFINE_AGENTS_ENV
#else
#define PUF_DEFINE_BATCH_ENV(env, State, ...)                                                                          \
    PUF_DEFINE_BEGIN(env, State)                                                                                       \
    PUF_DEFINE_SPEC(env, State, __VA_ARGS__)
#define PUF_DEFINE_BATCH_ASSETS_ENV(env, State, ...)                                                                   \
    PUF_DEFINE_BEGIN_WITH_ASSETS(env, State)                                                                           \
    PUF_DEFINE_SPEC(env, State, __VA_ARGS__)
#define PUF_DEFINE_BATCH_AGENTS_ENV PUF_DEFINE_BATCH_ENV
#endif

#ifdef __cplusplus
#include "puffer_cpp.h"
#endif
