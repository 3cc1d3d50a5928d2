# cython: language_level=3
"""The C of the environments as Cython sees it: what each header declares of what the extension modules use."""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cdef extern from "puffer.h" nogil:
    enum:
        PUF_ABI
    ctypedef enum PufDtype:
        PUF_U8
        PUF_I8
        PUF_F32
    ctypedef struct PufIo:
        void* obs
        void* final_obs
        const int32_t* actions
        const float* controls
        float* rewards
        uint8_t* terminals
        uint8_t* truncations
        uint8_t* action_mask
        uint8_t* agent_mask
        const void* assets
    ctypedef struct PufObs:
        const char* name
        int32_t count
        float low
        float high
        const char* doc
        int32_t codes
    ctypedef struct PufAction:
        const char* name
        int32_t choices
        float low
        float high
        const char* labels
    ctypedef enum PufParamType:
        PUF_INT
        PUF_REAL
        PUF_BOOL
        PUF_NAMED
    ctypedef struct PufParam:
        const char* name
        PufParamType type
        double value
        double low
        double high
        const char* doc
        PufDtype dtype
        uint64_t offset
        int32_t fixed
        const char* choices
    ctypedef enum PufPlace:
        PUF_IN_STRUCT
        PUF_IN_ASSETS
    ctypedef struct PufField:
        const char* name
        PufDtype dtype
        int32_t ndim
        PufPlace place
        uint64_t offset
        uint64_t shape[3]
        const char* doc
        const PufField* parts
        int32_t num_parts
        uint64_t row_size
    ctypedef struct PufLayout:
        uint64_t state_size
        int32_t agents
        int32_t obs_ndim
        int32_t obs_shape[3]
        int32_t num_actions
        const PufAction* actions
        int32_t masked
        int32_t padded
        uint64_t assets_size
    ctypedef struct PufSpec:
        uint32_t abi
        const char* name
        int32_t version
        const char* doc
        const char* reward
        const char* ends
        double rate
        PufDtype obs_dtype
        const PufObs* obs
        const PufParam* params
        const PufField* fields
        const char* const* log_names
        int32_t num_obs, num_params, num_fields, num_log_names
        uint64_t struct_size, rng_offset
        const char* (*conflict)(const void*) noexcept
        void (*prepare)(void*) noexcept
    size_t puf_mask_size(const PufLayout*)
    size_t puf_setup_size(const PufSpec*)
    size_t puf_dtype_size(PufDtype)

cdef extern from "isa.h" nogil:
    ctypedef enum PufIsa:
        PUF_ISA_BASELINE
        PUF_ISA_V3
        PUF_ISA_V4
        PUF_NUM_ISA
    const char* puf_isa_name(PufIsa)
    int puf_isa_supported(PufIsa)
    int puf_isa_fuses(PufIsa)


cdef inline list isa_names():
    """All instruction sets, by the number that C gives them."""
    return [puf_isa_name(<PufIsa> isa).decode() for isa in range(PUF_NUM_ISA)]


cdef inline list supported_isa_names():
    """Those that this processor and this build have, slowest first."""
    return [puf_isa_name(<PufIsa> isa).decode() for isa in range(PUF_NUM_ISA) if puf_isa_supported(<PufIsa> isa)]

cdef extern from "registry.h" nogil:
    int puf_num_envs()
    const PufSpec* puf_env_spec(int, PufIsa)

cdef extern from "pool.h" nogil:
    ctypedef struct PufPool:
        pass
    PufPool* puf_pool_create(int, int)
    void puf_pool_destroy(PufPool*)

cdef extern from "batch.h" nogil:
    ctypedef struct PufSettings:
        double* current
        double* next
        uint8_t* differs
        uint8_t* pending
    ctypedef struct PufGroup:
        PufBatch* batch
        int32_t first, count
    ctypedef struct PufBatch:
        const PufSpec* spec
        PufLayout layout
        void* states
        PufIo io
        void* actions
        int32_t num_envs
        void* scratch
        PufPool* pool
        PufSettings settings
        PufGroup* groups
        int32_t under_way, most_threads
    void puf_store_settings(const PufSpec*, void*, const double*)
    PufLayout puf_layout(const PufSpec*, const void*)
    void puf_batch_make_assets(PufBatch*, void*, const void*)
    int64_t puf_batch_take_actions(PufBatch*, const void*, int32_t, int32_t)
    void puf_batch_init(PufBatch*, const double*, uint64_t, uint64_t)
    int puf_batch_reset(PufBatch*)
    int puf_batch_step(PufBatch*)
    int puf_batch_observe(PufBatch*)
    int puf_batch_send(PufBatch*, int32_t)
    int puf_batch_receive(PufBatch*)
    void puf_batch_set(PufBatch*, int32_t, const double*)
    void puf_batch_compare_settings(PufBatch*)
    size_t puf_scratch_size(const PufSpec*, const PufLayout*)
    uint64_t puf_batch_hash(const PufBatch*, int32_t, int32_t)
    void puf_batch_log(PufBatch*, int32_t, int32_t, double*)
    int32_t puf_log_size(const PufSpec*)

cdef extern from "validate.h" nogil:
    ctypedef enum PufRangeKind:
        PUF_ANY
        PUF_FROM_TO
        PUF_FROM_SETTINGS
    ctypedef struct PufFault:
        int32_t env
        const char* field
        const char* part
        PufRangeKind kind
        int contradicts
        double value, low, high
    int puf_batch_validate(PufBatch*, const void*, int32_t, const double*, int, PufFault*)
    void puf_cover(const PufSpec*, const PufLayout*, const void*, int32_t*)

cdef extern from "calibrate.h" nogil:
    double puf_calibrate_gflops(double)

cdef extern from "search.h" nogil:
    ctypedef struct PufForest:
        int32_t games, moves, nodes, draws
        int32_t* used
        int32_t* depth
        int32_t* path_nodes
        int32_t* path_moves
        int32_t* path_ends
        int32_t* left
        int32_t* turns
        int32_t* mover
        int32_t* over
        int32_t* sibling
        int32_t* draw
        double* value
        double* seemed
        int32_t* child
        int32_t* visits
        int32_t* chance
        double* prior
        double* log_prior
        double* total
        double* mean
        double* scores
    ctypedef struct PufLeaf:
        int32_t node, move, draw, reached
    void puf_halving(int32_t, int32_t, int32_t*)
    void puf_forest_plant(PufForest*, int32_t, int32_t, const float*, double)
    PufLeaf puf_forest_descend(PufForest*, int32_t, int32_t)
    int32_t puf_forest_add(PufForest*, int32_t, PufLeaf, int32_t, const float*, double, int32_t)
    int puf_forest_tossed(const PufForest*, int32_t, PufLeaf)
    void puf_forest_toss(PufForest*, int32_t, PufLeaf, double)
    void puf_forest_credit(PufForest*, int32_t, double)
    int32_t puf_forest_best(const PufForest*, int32_t, double*)
