// puffer_cpp.h - what puffer.h needs where C++ differs from C: types of members, and the order of initializers.
//
// C++20 wants designated initializers in the order of declaration. PUF_DEFINE_ENV and its kin therefore take the parts of
// PufGiven, in this order, which is that of the examples; from it a PufSpec is made when the file is compiled.
#pragma once
#include "puffer.h"

#ifdef __GNUC__ // the tables leave out what they do not need
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#endif

template<class T> struct PufTypeOf; // of anything else: not a type that a state may show
template<> struct PufTypeOf<uint8_t&> {
    static constexpr PufDtype value = PUF_U8;
};
template<> struct PufTypeOf<int8_t&> {
    static constexpr PufDtype value = PUF_I8;
};
template<> struct PufTypeOf<int16_t&> {
    static constexpr PufDtype value = PUF_I16;
};
template<> struct PufTypeOf<int32_t&> {
    static constexpr PufDtype value = PUF_I32;
};
template<> struct PufTypeOf<uint32_t&> {
    static constexpr PufDtype value = PUF_U32;
};
template<> struct PufTypeOf<uint64_t&> {
    static constexpr PufDtype value = PUF_U64;
};
template<> struct PufTypeOf<float&> {
    static constexpr PufDtype value = PUF_F32;
};
template<> struct PufTypeOf<double&> {
    static constexpr PufDtype value = PUF_F64;
};

struct PufGiven {
    int32_t version;
    const char *doc, *reward, *ends;
    double rate;
    PufDtype obs_dtype;
    PufLayout layout;
    const PufObs* obs; // from here to num_fields: PUF_TABLES
    int32_t num_obs;
    const PufParam* params;
    int32_t num_params;
    const PufField* fields;
    int32_t num_fields;
    const char* const* log_names; // PUF_LOG_NAMES
    int32_t num_log_names;
    uint64_t setup_size;
    void (*resize)(PufLayout* layout, const void* setup);
    const char* (*conflict)(const void* setup);
    void (*make_assets)(const PufLayout* layout, void* assets, const void* setup);
    void (*prepare)(void* setup);
    const char* (*contradiction)(const void* state, const void* assets);
};

// What PUF_DEFINE_SPEC knows by itself is in `spec` already.
constexpr PufSpec puf_complete(PufSpec spec, const PufGiven& given)
{
    spec.version = given.version;
    spec.doc = given.doc;
    spec.reward = given.reward;
    spec.ends = given.ends;
    spec.rate = given.rate;
    spec.obs_dtype = given.obs_dtype;
    spec.layout = given.layout;
    spec.obs = given.obs;
    spec.params = given.params;
    spec.fields = given.fields;
    spec.log_names = given.log_names;
    spec.num_obs = given.num_obs;
    spec.num_params = given.num_params;
    spec.num_fields = given.num_fields;
    spec.num_log_names = given.num_log_names;
    spec.setup_size = given.setup_size;
    spec.resize = given.resize;
    spec.conflict = given.conflict;
    spec.make_assets = given.make_assets;
    spec.prepare = given.prepare;
    spec.contradiction = given.contradiction;
    return spec;
}
