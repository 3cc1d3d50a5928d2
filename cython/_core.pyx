# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=True
"""Where C and Python meet: the spec tables as dictionaries, and one class, Batch, that steps any environment."""
cimport cython
cimport numpy as cnp
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdlib cimport calloc, free
from libc.stdint cimport int32_t, int64_t, intptr_t, uint8_t, uint64_t

from puffer cimport (
    PUF_ABI, PUF_ANY, PUF_FROM_SETTINGS, PUF_IN_ASSETS, PUF_IN_STRUCT, PUF_ISA_BASELINE, PUF_NAMED, PUF_NUM_ISA,
    PufBatch, PufFault, PufField, PufForest, PufGroup, PufIo, PufIsa, PufLayout, PufLeaf, PufPool, PufSettings,
    PufSpec, isa_names, puf_batch_compare_settings, puf_batch_hash, puf_batch_init, puf_batch_log,
    puf_batch_make_assets, puf_batch_observe, puf_batch_receive, puf_batch_reset, puf_batch_send, puf_batch_set,
    puf_batch_step, puf_batch_take_actions, puf_batch_validate, puf_calibrate_gflops, puf_cover, puf_dtype_size,
    puf_env_spec, puf_forest_add, puf_forest_best, puf_forest_credit, puf_forest_descend, puf_forest_plant,
    puf_forest_toss, puf_forest_tossed, puf_isa_supported, puf_layout, puf_log_size, puf_mask_size, puf_num_envs,
    puf_pool_create, puf_pool_destroy, puf_scratch_size, puf_setup_size, puf_store_settings, supported_isa_names,
)

import os
import warnings
from threading import Thread
from weakref import WeakValueDictionary

import numpy as np

from puffer_envs.contract.actions import describe_shape

cnp.import_array()

DTYPES = tuple(np.dtype(t) for t in ("u1", "i1", "i2", "i4", "u4", "u8", "f4", "f8"))
LOG_NAMES = ("n", "perf", "score", "episode_return", "episode_length")

# name -> addresses of its specs, by instruction set; 0 where there is none.
cdef dict _specs = {}
cdef list _isa_names = isa_names()

if os.environ.get("PUFFER_ISA", _isa_names[0]) not in _isa_names:
    warnings.warn(f"PUFFER_ISA is {os.environ['PUFFER_ISA']!r}, which is ignored: it can be {', '.join(_isa_names)}",
                  RuntimeWarning)


def _register_builtin():
    cdef int i, isa
    for i in range(puf_num_envs()):
        addresses = []
        for isa in range(PUF_NUM_ISA):
            supported = puf_isa_supported(<PufIsa> isa)
            addresses.append(<intptr_t> puf_env_spec(i, <PufIsa> isa) if supported else 0)
        _specs[puf_env_spec(i, PUF_ISA_BASELINE).name.decode()] = addresses


_register_builtin()


def spec_name(intptr_t address):
    """The name of the environment whose `PufSpec` lies at `address`."""
    cdef const PufSpec* spec = <const PufSpec*> address
    if spec.abi != PUF_ABI:
        raise ValueError(f"the library was compiled for version {spec.abi} of puffer.h, this is version {PUF_ABI}: "
                         "compile it again against puffer_envs.get_include()")
    return spec.name.decode()


def register(intptr_t address):
    """Add the environment whose `PufSpec` lies at `address`, and return its name."""
    cdef const PufSpec* spec = <const PufSpec*> address
    cdef int32_t i
    name = spec_name(address)
    for i in range(spec.num_params):
        if spec.params[i].offset + puf_dtype_size(spec.params[i].dtype) > puf_setup_size(spec):
            raise ValueError(f"{name}: setting {_text(spec.params[i].name)!r} is stored outside the state struct: "
                             "give the struct that holds it as .setup_size in the library's PUF_DEFINE_ENV")
        choices = len(_text(spec.params[i].choices).split())
        if choices != (spec.params[i].high + 1 if spec.params[i].type == PUF_NAMED else 0):
            raise ValueError(f"{name}: setting {_text(spec.params[i].name)!r} has {choices} names for the numbers from "
                             f"0 to {spec.params[i].high:g}: they must agree. Correct its PUF_CHOICE")
    if name in _specs:
        raise ValueError(f"there is an environment named {name!r} already: give yours another name")
    _specs[name] = [address, 0, 0]
    return name


def unregister(str name):
    """Forget an environment: its tables turned out to be wrong, or another one takes its name."""
    del _specs[name]


def names():
    """The names of all environments, sorted."""
    return sorted(_specs)


def supported_isas():
    """The instruction sets that this processor and this build have, slowest first."""
    return supported_isa_names()


cdef const PufSpec* _find(str name, str isa) except NULL:
    if name not in _specs:
        raise ValueError(f"no environment is named {name!r}")
    addresses = _specs[name]
    if isa is None:
        return <const PufSpec*> <intptr_t> next(a for a in reversed(addresses) if a)
    address = addresses[_isa_names.index(isa)]
    if not address:
        raise ValueError(f"{name} has no variant for {isa} here; it has {', '.join(supported_isas())}")
    return <const PufSpec*> <intptr_t> address


cdef str _text(const char* s):
    return s.decode() if s is not NULL else ""


cdef dict _layout_dict(const PufLayout* l):
    return {
        "agents": l.agents,
        "obs_shape": tuple(l.obs_shape[d] for d in range(l.obs_ndim)),
        "actions": [
            (_text(l.actions[a].name), l.actions[a].choices, l.actions[a].low, l.actions[a].high,
             _text(l.actions[a].labels)) for a in range(l.num_actions)
        ],
        "masked": bool(l.masked),
        "padded": bool(l.padded),
    }


cdef list _fields(const PufField* fields, int count):
    return [(_text(fields[i].name), DTYPES[fields[i].dtype], fields[i].ndim, fields[i].place != PUF_IN_STRUCT,
             fields[i].place == PUF_IN_ASSETS, fields[i].offset, tuple(fields[i].shape[d] for d in range(3)),
             _text(fields[i].doc), _fields(fields[i].parts, fields[i].num_parts), fields[i].row_size)
            for i in range(count) if fields[i].doc is not NULL]


cdef cnp.ndarray _setup(const PufSpec* spec, params):
    """A state struct with these settings (float64 values in the spec's order), as `resize` and others read it."""
    cdef cnp.ndarray values = np.ascontiguousarray(params, dtype=np.float64)
    if (<object> values).shape != (spec.num_params,):
        raise ValueError(f"{_text(spec.name)}: expected {spec.num_params} settings, got {(<object> values).shape}")
    cdef cnp.ndarray setup = aligned_zeros(puf_setup_size(spec), np.uint8)
    puf_store_settings(spec, cnp.PyArray_DATA(setup), <const double*> cnp.PyArray_DATA(values))
    return setup


def describe(str name):
    """The spec table of an environment, as plain Python values; its layout at the default settings."""
    cdef const PufSpec* s = _find(name, None)
    cdef cnp.ndarray setup = _setup(s, [s.params[i].value for i in range(s.num_params)])
    cdef PufLayout layout = puf_layout(s, cnp.PyArray_DATA(setup))
    return {
        "name": name,
        "version": s.version,
        "doc": _text(s.doc),
        "reward": _text(s.reward),
        "ends": _text(s.ends),
        "rate": s.rate,
        "obs_dtype": DTYPES[s.obs_dtype],
        "obs": [(_text(s.obs[i].name), s.obs[i].count, s.obs[i].low, s.obs[i].high, _text(s.obs[i].doc),
                 s.obs[i].codes)
                for i in range(s.num_obs)],
        "params": [(_text(s.params[i].name), <int> s.params[i].type, s.params[i].value, s.params[i].low,
                    s.params[i].high, _text(s.params[i].doc), bool(s.params[i].fixed),
                    tuple(_text(s.params[i].choices).split()))
                   for i in range(s.num_params)],
        "fields": _fields(s.fields, s.num_fields),
        "log_names": LOG_NAMES + tuple(_text(s.log_names[i]) for i in range(s.num_log_names)),
        "layout": _layout_dict(&layout),
        "rng_offset": s.rng_offset,
    }


def conflict(str name, params):
    """What is wrong with this combination of settings (float64 values in the spec's order), or None."""
    cdef const PufSpec* s = _find(name, None)
    cdef cnp.ndarray setup = _setup(s, params)
    cdef const char* message = NULL
    if s.conflict is not NULL:
        message = s.conflict(cnp.PyArray_DATA(setup))
    return None if message is NULL else message.decode()


def layout(str name, params):
    """The layout under these settings, and the bytes of one state."""
    cdef const PufSpec* s = _find(name, None)
    cdef cnp.ndarray setup = _setup(s, params)
    cdef PufLayout l = puf_layout(s, cnp.PyArray_DATA(setup))
    return _layout_dict(&l), l.state_size


def calibrate_gflops(double seconds):
    """Peak of fused multiply-adds in float32 on one core, GFLOP/s (an addition and a multiplication count as two)."""
    with nogil:
        seconds = puf_calibrate_gflops(seconds)
    return seconds


def aligned_zeros(shape, dtype):
    """A zeroed C-contiguous array that starts on a 64-byte boundary."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    raw = np.zeros(size + 64, dtype=np.uint8)
    cdef size_t address = <size_t> cnp.PyArray_DATA(raw)
    start = (64 - address % 64) % 64
    return raw[start:start + size].view(dtype).reshape(shape)


cdef void* _address(object array, str name, tuple shape, object dtype) except NULL:
    """Where `array` begins, once it is exactly the buffer that the environment writes."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name}: expected a NumPy array, got {type(array).__name__}")
    cdef cnp.ndarray a = array
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{name}: expected {dtype} of shape {shape}, got {array.dtype} of shape {array.shape}")
    if not (cnp.PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_ISALIGNED(a) and cnp.PyArray_ISWRITEABLE(a)):
        raise ValueError(f"{name}: must be C-contiguous, aligned and writeable")
    return cnp.PyArray_DATA(a)


@cython.no_gc_clear  # threads may be writing to the buffers until __dealloc__ has ended them
cdef class _AssetMaker:
    """Makes the assets of a batch, which may take seconds, without Python's lock."""
    cdef PufBatch batch
    cdef object setup, assets

    def run(self):
        cdef void* setup = cnp.PyArray_DATA(<cnp.ndarray> self.setup)
        cdef void* assets = cnp.PyArray_DATA(<cnp.ndarray> self.assets)
        with nogil:
            puf_batch_make_assets(&self.batch, assets, setup)


_shared_assets = WeakValueDictionary()  # (address of the spec, settings) -> the assets that batches hold
_kept_assets = {}  # the same, of batches that are gone, the last used last: for an evaluation after the training, say
KEPT_ASSETS_SIZE = 1 << 25  # bytes of them all


cdef _find_or_make_assets(const PufSpec* spec, cnp.ndarray setup, size):
    """The assets for these settings: bytes that nobody may write, shared by all batches of this process."""
    key = (<intptr_t> spec, (<object> setup).tobytes())
    assets = _shared_assets.get(key)
    if assets is None:
        assets = aligned_zeros(size, np.uint8)
        _make_assets(spec, setup, assets)
        assets.flags.writeable = False
        _shared_assets[key] = assets
    _kept_assets.pop(key, None)
    _kept_assets[key] = assets
    while sum(map(len, _kept_assets.values())) > KEPT_ASSETS_SIZE:
        del _kept_assets[next(iter(_kept_assets))]
    return assets


cdef _make_assets(const PufSpec* spec, setup, assets):
    """Fill the assets in a thread of their own: signals reach this one meanwhile. One that raises leaves the thread to
    finish by itself, in memory that it keeps."""
    cdef _AssetMaker maker = _AssetMaker()
    maker.batch.spec = spec
    maker.batch.layout = puf_layout(spec, cnp.PyArray_DATA(<cnp.ndarray> setup))
    maker.setup, maker.assets = setup, assets
    thread = Thread(target=maker.run, name="puffer-assets", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)


def cover(str name, params):
    """Which field holds each byte of a state with these settings: (state_size,) int32; the names of all fields;
    and the bytes of the struct, behind which the block is.

    -1 is for what no field holds, -2 for the generator, the log, and what has one right value.
    """
    cdef const PufSpec* s = _find(name, None)
    cdef cnp.ndarray setup = _setup(s, params)
    cdef PufLayout l = puf_layout(s, cnp.PyArray_DATA(setup))
    cdef cnp.ndarray state = aligned_zeros(max(l.state_size, puf_setup_size(s)), np.uint8)
    (<object> state)[:puf_setup_size(s)] = setup
    if s.prepare is not NULL:
        s.prepare(cnp.PyArray_DATA(state))
    cdef cnp.ndarray covered = np.empty(l.state_size, dtype=np.int32)
    puf_cover(s, &l, cnp.PyArray_DATA(state), <int32_t*> cnp.PyArray_DATA(covered))
    return covered, [_text(s.fields[i].name) for i in range(s.num_fields)], s.struct_size


cdef class Batch:
    """A batch of one environment over borrowed buffers; see docs/contract.md.

    `params` are float64 settings in the spec's order, already validated. `first` is the number, in the run, of the
    batch's first environment: environment `first + i` of a run behaves the same in whichever batch it is. `group`
    environments each can be stepped on their own, by `_send` and `_receive`; 0: all are stepped together.
    Attributes `observations`, `final_observations`, `actions`, `rewards`, `terminals`, `truncations`, `action_masks`
    and `agent_mask` (the last two may be None) never change identity.
    """
    cdef PufBatch batch
    cdef str name
    cdef object params
    cdef uint64_t first
    cdef bint started, busy, closed
    cdef bint moved_together  # since _moved_together was called
    cdef uint8_t[::1] sent  # of each group: whether it is under way
    cdef list group_actions  # of each group: its rows of `_taken`
    cdef unsigned long holder  # the thread that has the batch for several calls; 0: none
    cdef int holds  # how often it has taken it
    cdef object scratch, differs, pending  # keep these alive for C
    cdef readonly object _current, _next  # settings of single environments (num_envs, num_params); None: none changed
    cdef readonly int num_envs, num_agents
    cdef readonly object observations, final_observations, actions, rewards, terminals, truncations
    cdef readonly object action_masks, agent_mask
    cdef readonly object _taken  # the actions that C steps: a checked copy, which no one else writes
    cdef readonly object _states  # keeps the states alive for as long as a view of them
    cdef readonly object _assets  # keeps the assets alive in the same way
    cdef readonly tuple _result
    cdef public object _on_step  # called with the checked actions before each step, for recording

    def __cinit__(self, str name, int num_envs, params, *, int threads=1, uint64_t first=0, int group=0, isa=None,
                  buffers=None, seed=None, settings=None):  # the last two are for `Environment.__init__`
        cdef PufBatch* b = &self.batch
        b.spec = _find(name, isa)
        b.num_envs = num_envs
        self.name = name
        self.num_envs = num_envs
        self.first = first
        self.params = np.array(params, dtype=np.float64)
        self._check_arguments(num_envs, threads, group)
        cdef cnp.ndarray setup = _setup(b.spec, self.params)
        b.layout = puf_layout(b.spec, cnp.PyArray_DATA(setup))
        self.num_agents = num_envs * b.layout.agents
        self.scratch = aligned_zeros(puf_scratch_size(b.spec, &b.layout), np.uint8)
        b.scratch = cnp.PyArray_DATA(<cnp.ndarray> self.scratch)
        self._take_buffers(dict(buffers or {}))
        self._assets = aligned_zeros(0, np.uint8)
        if b.layout.assets_size > 0:
            self._assets = _find_or_make_assets(b.spec, setup, b.layout.assets_size)
            b.io.assets = cnp.PyArray_DATA(<cnp.ndarray> self._assets)
        if group > 0:
            self._make_groups(group)
        if threads > 1 or group > 0:
            b.most_threads = threads
            b.pool = puf_pool_create(threads, num_envs // group if group > 0 else 0)
            if b.pool is NULL:
                raise MemoryError(f"could not start {threads} threads")

    cdef _make_groups(self, int group):
        cdef PufBatch* b = &self.batch
        cdef int i, count = self.num_envs // group, rows = group * b.layout.agents
        b.groups = <PufGroup*> calloc(count, sizeof(PufGroup))
        if b.groups is NULL:
            raise MemoryError(f"{count} groups do not fit into memory")
        for i in range(count):
            b.groups[i].batch = b
            b.groups[i].first = i * group
            b.groups[i].count = group
        self.group_actions = [self._taken[i * rows:(i + 1) * rows] for i in range(count)]
        self.sent = np.zeros(count, dtype=np.uint8)

    cdef _check_arguments(self, int num_envs, int threads, int group):
        """The last line of defence before C: `make` has checked all this already, with better words."""
        cdef const PufSpec* spec = self.batch.spec
        cdef int i
        if num_envs < 1 or threads < 1:
            raise ValueError(f"{self.name}: num_envs and threads must be at least 1, got {num_envs} and {threads}")
        if group < 0 or group > 0 and num_envs % group != 0:
            raise ValueError(f"{self.name}: num_envs must be a multiple of group, got {num_envs} and {group}")
        if self.params.shape != (spec.num_params,):
            raise ValueError(f"{self.name}: expected {spec.num_params} settings, got {self.params.shape}")
        for i in range(spec.num_params):
            if not spec.params[i].low <= self.params[i] <= spec.params[i].high:
                raise ValueError(f"{self.name}: setting {_text(spec.params[i].name)!r} must be from "
                                 f"{spec.params[i].low:g} to {spec.params[i].high:g}, got {self.params[i]}")
        problem = conflict(self.name, self.params)
        if problem:
            raise ValueError(f"{self.name}: {problem}")

    cdef const double* _params(self):
        return <const double*> cnp.PyArray_DATA(<cnp.ndarray> self.params)

    cdef _take_buffers(self, dict given):
        """Use the buffers that were given, make the others, and point `io` at them."""
        cdef PufBatch* b = &self.batch
        cdef PufLayout* l = &b.layout
        rows = (self.num_agents,)
        obs_shape = rows + tuple(l.obs_shape[d] for d in range(l.obs_ndim))
        obs_dtype = DTYPES[b.spec.obs_dtype]
        discrete = l.actions[0].choices > 0
        action_shape = rows if discrete and l.num_actions == 1 else rows + (l.num_actions,)

        def take(name, shape, dtype, used=True):
            array = given.pop(name, None)
            if array is None and used:
                array = aligned_zeros(shape, dtype)
            address = <size_t> _address(array, name, shape, np.dtype(dtype)) if used else 0
            return array if used else None, address

        self.observations, obs = take("observations", obs_shape, obs_dtype)
        self.final_observations, final_obs = take("final_observations", obs_shape, obs_dtype)
        self.actions, actions = take("actions", action_shape, np.int32 if discrete else np.float32)
        self._taken = aligned_zeros(action_shape, self.actions.dtype)
        taken = <size_t> cnp.PyArray_DATA(<cnp.ndarray> self._taken)
        self.rewards, rewards = take("rewards", rows, np.float32)
        self.terminals, terminals = take("terminals", rows, np.bool_)
        self.truncations, truncations = take("truncations", rows, np.bool_)
        masks_shape = rows + (puf_mask_size(l) if discrete else 0,)
        self.action_masks, masks = take("action_masks", masks_shape, np.bool_, bool(l.masked))
        self.agent_mask, mask = take("agent_mask", rows, np.bool_, bool(l.padded))
        self._states, states = take("states", (self.num_envs * l.state_size,), np.uint8)
        if states % 64 != 0:
            raise ValueError("states: must begin on a 64-byte boundary")
        b.states = <void*> <size_t> states
        if given:
            raise ValueError(f"unknown buffers: {', '.join(sorted(map(str, given)))}")
        b.io.obs = <void*> <size_t> obs
        b.io.final_obs = <void*> <size_t> final_obs
        b.io.actions = <const int32_t*> <size_t> (taken if discrete else 0)
        b.io.controls = <const float*> <size_t> (0 if discrete else taken)
        b.actions = <void*> <size_t> actions
        b.io.rewards = <float*> <size_t> rewards
        b.io.terminals = <uint8_t*> <size_t> terminals
        b.io.truncations = <uint8_t*> <size_t> truncations
        b.io.action_mask = <uint8_t*> <size_t> masks
        b.io.agent_mask = <uint8_t*> <size_t> mask
        self._result = (self.observations, self.rewards, self.terminals, self.truncations)
        self._check_overlap()

    cdef _check_overlap(self):
        others = (self.final_observations, self.actions, self.action_masks, self.agent_mask, self._states)
        arrays = [a for a in self._result + others if a is not None]
        for i, a in enumerate(arrays):
            for other in arrays[:i]:
                if np.may_share_memory(a, other):
                    raise ValueError("buffers must not overlap: give each its own memory")

    def __dealloc__(self):
        puf_pool_destroy(self.batch.pool)
        free(self.batch.groups)

    cdef int _enter(self, bint started, bint idle=True) except -1:
        """Take the batch for one call, so that no second thread moves it meanwhile."""
        if self.closed:
            raise RuntimeError(f"{self.name}: the environment is closed; make a new one")
        if self._held_elsewhere():
            raise RuntimeError(f"{self.name}: another thread is inside this environment; give each thread its own")
        if started and not self.started:
            raise RuntimeError(f"{self.name}: call reset() before the first step()")
        if idle and self.batch.under_way > 0:
            raise RuntimeError(f"{self.name}: this needs every environment, and some are under way: recv() them first")
        self.busy = True
        return 0

    cdef bint _held_elsewhere(self):
        return self.busy or self.holder != 0 and self.holder != PyThread_get_thread_ident()

    def _hold(self, bint started=False, bint idle=True):
        """Keep the batch for several calls of this thread, until `_release`; may be nested. Raises as a call does."""
        self._enter(started, idle)
        self.busy = False
        self.holder = PyThread_get_thread_ident()
        self.holds += 1

    def _release(self):
        self.holds -= 1
        if self.holds == 0:
            self.holder = 0

    cdef int _leave(self, int result) except -1:
        self.busy = False
        if result != 0:
            raise RuntimeError(f"{self.name}: its threads did not survive a fork; make the environment in the child, "
                               "or use the spawn start method")
        return 0

    def _reset(self, seed):
        """Seed (unless None) and start every environment; return the observations."""
        cdef uint64_t value = 0 if seed is None else seed
        cdef bint seeded = seed is not None
        cdef const double* params = self._params()
        cdef int result
        self._enter(False)
        with nogil:
            if seeded:
                puf_batch_init(&self.batch, params, value, self.first)
            result = puf_batch_reset(&self.batch)
        self._leave(result)
        self.started = True
        self.moved_together = True
        return self.observations

    def step(self, actions):
        """Step every environment once.

        Args:
            actions: what `actions` holds (see the contract): integers of shape (A,) or (A, k), or floats (A, k).
                Pass the `actions` array itself, filled in place, to save the copy.

        Returns:
            (observations, rewards, terminals, truncations): always the same arrays.

        Raises:
            ValueError: wrong shape or kind of numbers, or an action out of range, NaN or infinite; nothing has moved.
            RuntimeError: before reset, after close, or while another thread is inside.
        """
        cdef const void* source
        cdef int result = 0
        cdef int64_t bad
        cdef bint recorded = self._on_step is not None
        self._enter(True)
        try:
            source = self._source(actions, self._taken, 0)
            with nogil:
                bad = puf_batch_take_actions(&self.batch, source, 0, self.num_envs)
                if bad < 0 and not recorded:
                    result = puf_batch_step(&self.batch)
            if bad >= 0:
                self._refuse_action(bad)
            if recorded:
                self._on_step()
                with nogil:
                    result = puf_batch_step(&self.batch)
        except:
            self.busy = False
            raise
        self._leave(result)
        self.moved_together = True
        return self._result

    def _send(self, list groups, actions):
        """Have groups take a step, with actions for their rows one behind the other, and return at once.

        Raises as `step` does, and then none of them has moved.
        """
        cdef int group, first, result = 0
        self._enter(True, False)
        try:
            if self._on_step is not None:
                raise RuntimeError(f"{self.name}: a replay is being recorded, and holds whole steps: step() instead")
            self._check_groups(groups)
            for group, part in zip(groups, self._split_actions(groups, actions), strict=True):
                first = self.batch.groups[group].first
                self._take_actions(self._source(part, self.group_actions[group], first), first,
                                   self.batch.groups[group].count)
        except:
            self.busy = False
            raise
        for group in groups:
            if result == 0:
                result = puf_batch_send(&self.batch, group)
                self.sent[group] = result == 0
        self._leave(result)

    cdef int _check_groups(self, list groups) except -1:
        """The last line of defence before C: the ledger has checked this already, with better words."""
        cdef int group, count = 0 if self.group_actions is None else len(self.group_actions)
        for group in groups:
            if not 0 <= group < count:
                raise ValueError(f"{self.name}: there are {count} groups, got {group}")
            if self.sent[group]:
                raise RuntimeError(f"{self.name}: group {group} is under way: recv() it first")
        if len(groups) > 1 and len(set(groups)) < len(groups):
            raise ValueError(f"{self.name}: a group takes one step at a time, got {groups}")
        return 0

    cdef _split_actions(self, list groups, actions):
        """The actions of each of the groups."""
        if len(groups) == 1:
            return (actions,)
        source = np.asarray(actions)
        rows = self.num_agents // len(self.group_actions)
        shape = (rows * len(groups), *self.actions.shape[1:])
        if source.shape != shape:
            raise ValueError(f"{self.name}: expected actions of shape {shape}, got {describe_shape(actions, source)}")
        return [source[i * rows:(i + 1) * rows] for i in range(len(groups))]

    def _receive(self):
        """Wait for the group that has been done for longest, and return its number."""
        cdef int group
        self._enter(True, False)
        if self.batch.under_way == 0:
            self.busy = False
            raise RuntimeError(f"{self.name}: no environments are under way: send() some first")
        with nogil:
            group = puf_batch_receive(&self.batch)
        self._leave(0 if group >= 0 else -1)
        self.sent[group] = False
        return group

    def _moved_together(self):
        """Whether a reset, a step or a restore of all environments happened since this was last asked."""
        self._enter(True, False)
        self.busy = False
        moved, self.moved_together = self.moved_together, False
        return moved

    cdef int _take_actions(self, const void* source, int first, int count) except -1:
        cdef int64_t bad = puf_batch_take_actions(&self.batch, source, first, count)
        if bad >= 0:
            self._refuse_action(bad)
        return 0

    cdef const void* _source(self, actions, cnp.ndarray target, int first) except NULL:
        """Where actions of just the kind of `target` lie: where they are, or in `target`, converted.

        `target` is the rows of `_taken` of environment `first` and those that follow.
        """
        cdef int d
        cdef bint fits = cnp.PyArray_CheckExact(actions)
        cdef cnp.ndarray source
        if fits:
            source = <cnp.ndarray> actions
            fits = (cnp.PyArray_TYPE(source) == cnp.PyArray_TYPE(target) and cnp.PyArray_ISCARRAY_RO(source)
                    and cnp.PyArray_NDIM(source) == cnp.PyArray_NDIM(target))
        if fits:
            for d in range(cnp.PyArray_NDIM(target)):
                fits = fits and cnp.PyArray_DIM(source, d) == cnp.PyArray_DIM(target, d)
        if fits:
            return cnp.PyArray_DATA(source)
        self._copy_actions(actions, target, first)
        return cnp.PyArray_DATA(target)

    cdef _copy_actions(self, actions, target, int first):
        """Bring foreign actions into the buffer; the range check comes after, so nothing may wrap on the way."""
        source = np.asarray(actions)  # of a masked array all, since all of it is stepped with
        if source.shape != target.shape:
            found = describe_shape(actions, source)
            raise ValueError(f"{self.name}: expected actions of shape {target.shape}, got {found}")
        if source.dtype == target.dtype:
            np.copyto(target, source)
            return
        if self.batch.io.controls is not NULL:
            if source.dtype.kind not in "iuf":
                raise ValueError(f"{self.name}: expected float32 actions, got {source.dtype}")
            with np.errstate(over="ignore", invalid="ignore"):
                narrowed = source.astype(np.float32)
            # A float64 beyond float32's range is finite, so it is clipped like any other.
            overflowed = np.isinf(narrowed) & np.isfinite(source)
            narrowed[overflowed] = np.copysign(np.finfo(np.float32).max, source[overflowed])
            np.copyto(target, narrowed)
            return
        if source.dtype.kind not in "iu":
            raise ValueError(f"{self.name}: expected integer actions (int32 is fastest), got {source.dtype}"
                             + self._first_nonfinite(source, first))
        outside = (source < 0) | (source > 2**31 - 1)
        if outside.any():
            bad = int(np.flatnonzero(outside)[0])
            before = first * self.batch.layout.agents * self.batch.layout.num_actions
            self._refuse_action(before + bad, source.reshape(-1)[bad])
        np.copyto(target, source, casting="unsafe")

    cdef _first_nonfinite(self, source, int first):
        if source.dtype.kind != "f" or np.isfinite(source).all():
            return ""
        flat = source.reshape(-1)
        bad = int(np.flatnonzero(~np.isfinite(flat))[0])
        row = first * self.batch.layout.agents + bad // self.batch.layout.num_actions
        return f"; row {row} has {flat[bad]}"

    cdef _refuse_action(self, int64_t bad, value=None):
        cdef PufLayout* l = &self.batch.layout
        agent, k = divmod(bad, l.num_actions)
        value = self._taken.reshape(-1)[bad] if value is None else value
        action = &l.actions[k]
        allowed = (f"an integer from 0 to {action.choices - 1}" if action.choices > 0
                   else f"a finite number (from {action.low:g} to {action.high:g}, beyond which it is clipped)")
        raise ValueError(f"{self.name}: action {value} ({_text(action.name)!r}) of agent {agent % l.agents} in "
                         f"environment {agent // l.agents} (row {agent}) is refused; allowed is {allowed}. "
                         "Nothing has moved")

    def close(self):
        """Stop the threads and refuse all further steps. May be called twice."""
        if self._held_elsewhere():
            raise RuntimeError(f"{self.name}: another thread is inside this environment; close it when that is done")
        cdef PufPool* pool = self.batch.pool
        self.closed = True
        self.batch.pool = NULL
        with nogil:
            puf_pool_destroy(pool)

    def _observe(self):
        """Write the observations again, and clear the rest: after the states were replaced."""
        self._enter(False)
        self._leave(puf_batch_observe(&self.batch))
        self.started = True
        self.moved_together = True

    cdef _own_settings(self):
        """Make `_current` and `_next`: from now on, environments may have settings of their own."""
        if self._current is not None:
            return
        cdef PufSettings* s = &self.batch.settings
        self._current = np.tile(self.params, (self.num_envs, 1))
        self._next = self._current.copy()
        self.differs = np.zeros(self.num_envs, dtype=np.uint8)
        self.pending = np.zeros(self.num_envs, dtype=np.uint8)
        s.current = <double*> cnp.PyArray_DATA(<cnp.ndarray> self._current)
        s.next = <double*> cnp.PyArray_DATA(<cnp.ndarray> self._next)
        s.differs = <uint8_t*> cnp.PyArray_DATA(<cnp.ndarray> self.differs)
        s.pending = <uint8_t*> cnp.PyArray_DATA(<cnp.ndarray> self.pending)

    def _set_next(self, envs, params):
        """Settings (k, num_params), validated and of the same layout, for the next episodes of k environments."""
        cdef int64_t[:] numbers = np.asarray(envs, dtype=np.int64)
        cdef double[:, ::1] rows = np.ascontiguousarray(params, dtype=np.float64)
        cdef Py_ssize_t i
        if rows.shape[0] != numbers.shape[0] or rows.shape[1] != self.batch.spec.num_params:
            raise ValueError(f"{self.name}: expected settings for {numbers.shape[0]} environments")
        for i in range(numbers.shape[0]):
            if not 0 <= numbers[i] < self.num_envs:
                raise IndexError(f"{self.name}: environment must be from 0 to {self.num_envs - 1}, got {numbers[i]}")
        self._enter(False, False)
        try:
            self._own_settings()
            for i in range(numbers.shape[0]):
                puf_batch_set(&self.batch, <int32_t> numbers[i], &rows[i, 0])
        finally:
            self.busy = False

    def _replace_settings(self, current, following):
        """Put back settings (num_envs, num_params) of this and of the next episodes, as a snapshot holds them."""
        self._own_settings()
        self._current[:] = current
        self._next[:] = following
        puf_batch_compare_settings(&self.batch)

    def _check_states(self, states, params):
        """What is wrong with states from elsewhere, (num_envs * state_size,) uint8 that begin on an 8-byte boundary, or
        None. `params` are settings, float64: one row for all, or (num_envs, num_params). Nothing is stepped yet."""
        cdef PufFault fault
        cdef cnp.ndarray rows = np.ascontiguousarray(params, dtype=np.float64)
        cdef const void* address = _address(states, "states", (<object> self._states).shape, np.dtype(np.uint8))
        cdef const double* settings = <const double*> cnp.PyArray_DATA(rows)
        cdef int each = (<object> rows).ndim > 1
        cdef int result
        with nogil:
            result = puf_batch_validate(&self.batch, address, self.num_envs, settings, each, &fault)
        if result == 0:
            return None
        where = f"{_text(fault.field)}.{_text(fault.part)}" if fault.part is not NULL else _text(fault.field)
        what = f"{where!r} of environment {fault.env}"
        if fault.contradicts:
            return f"{what} contradicts the rest of its state"
        if fault.kind == PUF_FROM_SETTINGS:
            return f"{what} is not what the settings make it"
        allowed = "a finite number" if fault.kind == PUF_ANY else f"{fault.low:.10g} to {fault.high:.10g}"
        return f"{what} is {fault.value:.10g}, allowed is {allowed}"

    def _hash(self, int first, int count):
        self._enter(True)
        hash = puf_batch_hash(&self.batch, first, count)
        self._leave(0)
        return hash

    def _hash_held(self):
        """The hash of all, for a caller that holds the batch, and for `_on_step`, which is called inside a step."""
        return puf_batch_hash(&self.batch, 0, self.num_envs)

    def _log(self, int first, int count):
        """Sums over finished episodes, cleared: one float64 per name in the spec's log."""
        cdef cnp.ndarray sums = np.zeros(puf_log_size(self.batch.spec), dtype=np.float64)
        self._enter(False)
        puf_batch_log(&self.batch, first, count, <double*> cnp.PyArray_DATA(sums))
        self._leave(0)
        return sums

    def _log_each(self, envs):
        """The same for each of these environments (int64 numbers): a row each."""
        cdef int32_t size = puf_log_size(self.batch.spec)
        cdef cnp.ndarray numbers = np.ascontiguousarray(envs, dtype=np.int64)
        cdef cnp.ndarray sums = np.zeros((len(envs), size), dtype=np.float64)
        cdef const int64_t* env = <const int64_t*> cnp.PyArray_DATA(numbers)
        cdef double* row = <double*> cnp.PyArray_DATA(sums)
        cdef int64_t i, count = len(envs)
        self._enter(False)
        for i in range(count):
            puf_batch_log(&self.batch, <int32_t> env[i], 1, row + i * size)
        self._leave(0)
        return sums

    def _check_open(self):
        self._enter(False)
        self._leave(0)

    def _run(self, actions, int steps):
        """Step `steps` times without returning to Python, through the rows of `actions` (k, A, ...) in turn.

        The bare C loop that `puffer-envs bench` compares `step` with: no checks, no copies.
        """
        cdef cnp.ndarray a = np.ascontiguousarray(actions, dtype=self.actions.dtype)
        cdef PufIo saved = self.batch.io
        cdef int t, k = a.shape[0]
        cdef size_t stride = <size_t> self.actions.nbytes
        cdef uint8_t* base = <uint8_t*> cnp.PyArray_DATA(a)
        if (<object> a).shape[1:] != self.actions.shape:
            raise ValueError(f"expected actions of shape (k, {self.actions.shape}), got {(<object> a).shape}")
        self._enter(True)
        with nogil:
            for t in range(steps):
                if saved.actions is not NULL:
                    self.batch.io.actions = <const int32_t*> (base + (t % k) * stride)
                else:
                    self.batch.io.controls = <const float*> (base + (t % k) * stride)
                puf_batch_step(&self.batch)
        self.batch.io = saved
        self._leave(0)


cdef class Forest:
    """The trees of a search: see c/search.h."""
    cdef PufForest f
    cdef object kept  # the arrays that C uses
    cdef int32_t[:, ::1] found  # of each game: the leaf of its walk
    cdef readonly object visits, value
    cdef readonly tuple shape

    def __cinit__(self, int games, int moves, int simulations, int draws):
        cdef PufForest* f = &self.f
        nodes = simulations + 1
        if min(games, moves, simulations, draws) < 1:
            raise ValueError("a forest needs games, moves, simulations and draws")
        f.games, f.moves, f.nodes, f.draws = games, moves, nodes, draws
        self.kept = []
        f.used, f.depth = self.ints((games,)), self.ints((games,))
        f.path_nodes, f.path_moves = self.ints((games, nodes)), self.ints((games, nodes))
        f.path_ends, f.turns = self.ints((games, nodes)), self.ints((games, nodes))
        f.left = self.ints((games, moves))
        f.mover, f.over = self.ints((games, nodes)), self.ints((games, nodes))
        f.sibling, f.draw = self.ints((games, nodes)), self.ints((games, nodes))
        f.seemed, f.value = self.doubles((games, nodes)), self.doubles((games, nodes))
        self.value = self.kept[len(self.kept) - 1]
        f.child, f.chance = self.ints((games, nodes, moves)), self.ints((games, nodes, moves))
        f.visits = self.ints((games, nodes, moves))
        self.visits = self.kept[len(self.kept) - 1]
        f.prior, f.total = self.doubles((games, nodes, moves)), self.doubles((games, nodes, moves))
        f.log_prior, f.mean = self.doubles((games, nodes, moves)), self.doubles((games, nodes, moves))
        f.scores = self.doubles((moves,))
        self.found = np.zeros((games, 4), np.int32)
        self.shape = (games, moves, simulations, draws)

    cdef int32_t* ints(self, tuple shape) except NULL:
        cdef cnp.ndarray array = np.zeros(shape, np.int32)
        self.kept.append(array)
        return <int32_t*> cnp.PyArray_DATA(array)

    cdef double* doubles(self, tuple shape) except NULL:
        cdef cnp.ndarray array = np.zeros(shape, np.float64)
        self.kept.append(array)
        return <double*> cnp.PyArray_DATA(array)

    cdef PufLeaf leaf(self, int game) noexcept:
        return PufLeaf(self.found[game, 0], self.found[game, 1], self.found[game, 2], self.found[game, 3])

    def plant(self, const int64_t[:] mover, const float[:, ::1] prior, const double[:] value):
        """Start the trees of all games over."""
        cdef int game
        for game in range(self.f.games):
            puf_forest_plant(&self.f, game, <int32_t> mover[game], &prior[game, 0], value[game])

    def descend(self, int simulation):
        """Walk to an edge of each tree: (games, 4) of node, move, throw, and the node behind it or 0."""
        cdef int game
        cdef PufLeaf leaf
        for game in range(self.f.games):
            leaf = puf_forest_descend(&self.f, game, simulation)
            self.found[game, 0], self.found[game, 1] = leaf.node, leaf.move
            self.found[game, 2], self.found[game, 3] = leaf.draw, leaf.reached
        return np.asarray(self.found)

    def add(self, const int64_t[:] games, const int64_t[:] mover, const float[:, ::1] prior, const double[:] value,
            const uint8_t[:] over):
        """Put positions behind the last moves of the walks of some games; returns their numbers."""
        cdef Py_ssize_t i
        cdef int game
        cdef int64_t[::1] numbers = np.zeros(len(games), np.int64)
        for i in range(games.shape[0]):
            game = <int> games[i]
            numbers[i] = puf_forest_add(&self.f, game, self.leaf(game), <int32_t> mover[i], &prior[i, 0], value[i],
                                        over[i])
        return np.asarray(numbers)

    def toss(self, const int64_t[:] games, const double[:] mean):
        """Dice decide what the last moves of the walks of some games lead to."""
        cdef Py_ssize_t i
        for i in range(games.shape[0]):
            puf_forest_toss(&self.f, <int> games[i], self.leaf(<int> games[i]), mean[i])

    def tossed(self, const int64_t[:] games):
        """Whether it is known of the last moves of the walks of some games that dice decide what they lead to."""
        cdef Py_ssize_t i
        cdef PufLeaf leaf
        cdef uint8_t[::1] known = np.zeros(len(games), np.uint8)
        for i in range(games.shape[0]):
            leaf = self.leaf(<int> games[i])
            known[i] = puf_forest_tossed(&self.f, <int> games[i], leaf)
        return np.asarray(known).view(np.bool_)

    def credit(self, const double[:] value):
        """Credit the moves of all walks, each with the value of its end."""
        cdef int game
        for game in range(self.f.games):
            puf_forest_credit(&self.f, game, value[game])

    def best(self):
        """The move to play in each game, and the better policy."""
        cdef int game
        cdef int64_t[::1] chosen = np.zeros(self.f.games, np.int64)
        cdef double[:, ::1] policy = np.zeros((self.f.games, self.f.moves))
        for game in range(self.f.games):
            chosen[game] = puf_forest_best(&self.f, game, &policy[game, 0])
        return np.asarray(chosen), np.asarray(policy)
