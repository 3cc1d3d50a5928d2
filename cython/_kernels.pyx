# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=True
"""The trainer's kernels for processors (c/learn): acting, gradients, advantages and Muon for the networks they know.

Arrays are checked once, when an object is made over them; after that they are used where they lie.
"""
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from learn cimport (
    PUF_ACT_ROWS, PUF_BAD_OBSERVATIONS, PUF_BAD_REWARDS, PUF_CATEGORICAL, PUF_FIGURES, PUF_GAUSSIAN, PUF_LSTM,
    PUF_MINGRU, PUF_NUMBER_F32, PUF_NUMBER_I32, PUF_NUMBER_I8, PUF_NUMBER_U8, PUF_SOME_TRUNCATED, PufAct, PufCell,
    PufKernels, PufLearner, PufLoss, PufMuon, PufNumber, PufParameters, PufRollout, PufStep, PufTrace, PufWeights,
    puf_kernels, puf_learner_gradient, puf_muon_all, puf_muon_scratch, puf_network_layout, puf_tile_rows,
)
from puffer cimport PufIsa, PufPool, isa_names, puf_pool_create, puf_pool_destroy, supported_isa_names

import numpy as np

cnp.import_array()

CELLS = {"mingru": PUF_MINGRU, "lstm": PUF_LSTM}

NUMBERS = {"uint8": PUF_NUMBER_U8, "int8": PUF_NUMBER_I8, "int32": PUF_NUMBER_I32, "float32": PUF_NUMBER_F32}
MAX_COUNT = 1 << 20  # of what is counted in one direction
SOME_TRUNCATED = PUF_SOME_TRUNCATED
BAD_OBSERVATIONS = PUF_BAD_OBSERVATIONS
BAD_REWARDS = PUF_BAD_REWARDS


def supported_isas():
    """Names of the instruction sets that this machine can run, the best one last."""
    return supported_isa_names()


cdef void* data(object array, str what, str dtype, tuple shape, bint written=True) except NULL:
    """Address of an array's numbers. Raises ValueError unless dtype and shape fit, and what is written can be."""
    if not isinstance(array, np.ndarray) or array.dtype != np.dtype(dtype) or array.shape != shape:
        found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise ValueError(f"{what} must be {dtype} {shape}, is {found}")
    if not array.flags.c_contiguous or not array.flags.aligned or (written and not array.flags.writeable):
        raise ValueError(f"{what} must be contiguous, aligned{' and writeable' if written else ''}")
    return cnp.PyArray_DATA(array)


cdef void* data_or_null(object array, str what, str dtype, tuple shape) except? NULL:
    """The same, and NULL for None."""
    return NULL if array is None else data(array, what, dtype, shape)


def _zeros(count):
    """Zeros (count,) float32 that begin on a cache line. Raises MemoryError."""
    if count >= 1 << 60:
        raise MemoryError(f"{4 * count} bytes do not fit into memory")
    memory = np.zeros(4 * count + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * count].view(np.float32)


def _count(array, what, fits):
    """Length of a row of numbers. Raises ValueError where it is none, is empty or too long, or one does not fit."""
    if array.ndim != 1 or not 1 <= len(array) <= MAX_COUNT or not np.all(fits):
        raise ValueError(f"{what} must be from 1 to {MAX_COUNT} positive numbers, is {array}")
    return len(array)


cdef class Workers:
    """Threads and an instruction set, which learners and optimizers share. One job at a time.

    Args:
        threads: how many work; results do not depend on it.
        isa: one of `supported_isas()`; None: the best one.

    Raises:
        ValueError: no such instruction set here, or fewer than one thread.
        MemoryError: the threads could not be started.
    """

    cdef PufPool* pool
    cdef const PufKernels* kernels
    cdef readonly int threads
    cdef readonly str isa
    cdef bint busy

    def __cinit__(self, int threads, isa=None):
        isas = supported_isas()
        self.isa = isas[len(isas) - 1] if isa is None else isa
        if self.isa not in isas:
            raise ValueError(f"isa must be one of {', '.join(isas)} on this machine, got {isa!r}")
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        self.kernels = puf_kernels(<PufIsa><int>isa_names().index(self.isa))
        self.threads = threads
        if threads > 1:
            self.pool = puf_pool_create(threads, 0)
            if self.pool == NULL:
                raise MemoryError(f"could not start {threads} threads")

    def __dealloc__(self):
        if self.pool != NULL:
            puf_pool_destroy(self.pool)

    cdef int begin(self) except -1:
        """Begin a job. Raises RuntimeError while another one is under way."""
        if self.busy:
            raise RuntimeError("these threads are busy: one job at a time")
        self.busy = True
        return 0


cdef class Learner:
    """One network. Its methods may be called by one thread at a time, and `pack` by none while an `Actor` acts.

    Args:
        workers: who computes gradients.
        cell: `mingru` or `lstm`.
        inputs, hidden, layers: sizes; hidden must be a multiple of 16.
        choices: of each number of an action; None for continuous actions, which are then as many as `scale` has.
        scale: (k,) float32: what continuous actions are in units of.
        input_scale: (inputs,) float32: what observations are multiplied with.
        input_mean: (inputs,) float32: what is subtracted from them before, and they are cut afterwards; None: neither.
        number: dtype of observations: uint8, int8, int32 or float32.
        horizon: time steps of the sequences that are learned from.

    Raises:
        ValueError: there is no kernel for that.
        MemoryError: there is not enough.
    """

    cdef PufLearner c
    cdef PufWeights layout
    cdef object choices, scale, input_scale, input_mean, memory
    cdef readonly Workers workers
    cdef readonly int horizon
    cdef readonly str number

    def __cinit__(self, Workers workers not None, str cell, int inputs, int hidden, int layers, choices, scale,
                  input_scale, str number, int horizon, input_mean=None):
        if cell not in CELLS or number not in NUMBERS:
            raise ValueError(f"there is no kernel for cell {cell!r} over {number!r}")
        for what, size in (("inputs", inputs), ("hidden", hidden), ("layers", layers), ("horizon", horizon)):
            if not 1 <= size <= MAX_COUNT:
                raise ValueError(f"{what} must be from 1 to {MAX_COUNT}, is {size}")
        if hidden % 16:
            raise ValueError(f"hidden must be a multiple of 16, is {hidden}")
        self.workers = workers
        self.c.kernels, self.c.pool, self.c.threads = workers.kernels, workers.pool, workers.threads
        net = &self.c.net
        net.cell = <PufCell><int>CELLS[cell]
        net.number = <PufNumber><int>NUMBERS[number]
        net.inputs, net.hidden, net.layers = inputs, hidden, layers
        self.number, self.horizon = number, horizon
        self.input_scale = np.array(input_scale, np.float32)
        self.c.input_scale = <float*>data(self.input_scale, "input_scale", "float32", (inputs,))
        if input_mean is not None:
            self.input_mean = np.array(input_mean, np.float32)
            net.mean, net.scale = <float*>data(self.input_mean, "input_mean", "float32", (inputs,)), self.c.input_scale
            self.c.input_scale = NULL
        if choices is None:
            self.scale = np.array(scale, np.float32)
            net.head = PUF_GAUSSIAN
            net.actions = net.outputs = _count(self.scale, "scale", np.isfinite(self.scale) & (self.scale > 0))
        else:
            self.choices = np.array(choices, np.int32)
            net.head = PUF_CATEGORICAL
            net.actions = _count(self.choices, "choices", self.choices > 0)
            if self.choices.sum() > MAX_COUNT:
                raise ValueError(f"choices must be {MAX_COUNT} together at most, are {self.choices.sum()}")
            net.outputs = self.choices.sum()
            net.choices = <int32_t*>cnp.PyArray_DATA(self.choices)
        cdef object units = hidden, fan_in = hidden * (2 if net.cell == PUF_LSTM else 1)  # Python's own do not overflow
        if units * (inputs + 2 * (net.outputs + 16)) + 2 * layers * 4 * units * fan_in >= 1 << 31:
            raise ValueError(f"{layers} layers of {hidden} units over {inputs} inputs are more than kernels can count")
        self.layout = puf_network_layout(net)
        self.c.tile_rows = puf_tile_rows(net, horizon)
        self.c.scratch_size = self.c.kernels.scratch(net, horizon, self.c.tile_rows)
        if self.c.scratch_size >= 1 << 31:
            raise ValueError(f"sequences of {horizon} steps are more than the kernels can count")
        cdef object weights = self.layout.size, scratch = self.c.scratch_size
        cdef object gradients = self.layout.groups * <object>self.layout.gradient
        self.memory = _zeros(weights + gradients + workers.threads * scratch)
        self.c.weights = <float*>cnp.PyArray_DATA(self.memory)
        self.c.gradients = self.c.weights + self.layout.size
        self.c.scratch = self.c.gradients + self.layout.groups * self.layout.gradient

    cdef PufParameters parameters(self, tuple arrays, bint written) except *:
        """Addresses of encoder (H, I), core (L, G, F), head (K + 1, H) and log_std (k,) or None."""
        net = &self.c.net
        encoder, core, head, log_std = arrays
        cdef PufParameters p
        p.encoder = <float*>data(encoder, "encoder", "float32", (net.hidden, net.inputs), written)
        p.core = <float*>data(core, "core", "float32", (net.layers, self.layout.gates, self.layout.fan_in), written)
        p.head = <float*>data(head, "head", "float32", (net.outputs + 1, net.hidden), written)
        p.log_std = NULL
        if net.head == PUF_GAUSSIAN:
            p.log_std = <float*>data(log_std, "log_std", "float32", (net.actions,), written)
        return p

    def pack(self, tuple parameters not None):
        """Take over new weights: (encoder, core, head, log_std or None)."""
        cdef PufParameters p = self.parameters(parameters, False)
        with nogil:
            self.c.kernels.pack(&self.c.net, &p, self.c.input_scale, self.c.weights)

    def normalize(self, mean, scale):
        """Take over a new `input_mean` and `input_scale`. Raises ValueError where observations are not normalised."""
        if self.input_mean is None:
            raise ValueError("this network does not normalise observations")
        for name, own, new in (("mean", self.input_mean, mean), ("scale", self.input_scale, scale)):
            data(new, name, "float32", own.shape, False)
            own[...] = new

    def gradient(self, Rollout rollout not None, cnp.ndarray sequences not None, cnp.ndarray importance not None,
                 tuple gradients not None, bint normalize, bint refresh, float clip, float value_clip,
                 float value_coefficient, float entropy_coefficient, tuple scale=None):
        """Write the gradient of the loss over some sequences into `gradients`, laid out like the parameters.

        Args:
            rollout: what was played.
            sequences: (B,) int64, numbers of agents; no more than the rollout has, of which some may be chosen twice.
            importance: (B,) float32.
            normalize: bring advantages to mean 0 and spread 1 first.
            refresh: write new values and ratios back into the rollout.
            scale: where these are not all the samples of a minibatch: the weight of one sample, which is above 0, what
                is subtracted from advantages, and what they are multiplied with after that; instead of `normalize`.

        Returns:
            (the length of the gradient, its figures: 7 floats in the order of `algorithm.loss.FIGURES`).

        Raises:
            ValueError: an array does not fit, or the rollout is another learner's.
            RuntimeError: the threads have other work.
        """
        cdef int32_t count = len(sequences)
        if rollout.learner is not self:
            raise ValueError("the rollout was made for another learner")
        if not 1 <= count <= rollout.c.rows:
            raise ValueError(f"there must be from 1 to {rollout.c.rows} sequences, there are {count}")
        picked = <int64_t*>data(sequences, "sequences", "int64", (count,), False)
        weights = <float*>data(importance, "importance", "float32", (count,), False)
        if sequences.min() < 0 or sequences.max() >= rollout.c.rows:
            raise ValueError(f"sequences must be from 0 to {rollout.c.rows - 1}")
        cdef PufParameters to = self.parameters(gradients, True)
        cdef PufLoss loss
        memset(&loss, 0, sizeof(loss))
        loss.clip, loss.value_clip, loss.refresh = clip, value_clip, refresh
        loss.value_coefficient, loss.entropy_coefficient = value_coefficient, entropy_coefficient
        if scale is not None:
            loss.weight, loss.mean, loss.inverse_spread = scale
            if not loss.weight > 0.0:
                raise ValueError(f"a sample must weigh more than 0, weighs {loss.weight}")
        cdef double figures[PUF_FIGURES]
        cdef double length
        cdef int normalized = normalize
        self.workers.begin()
        with nogil:
            length = puf_learner_gradient(&self.c, &rollout.c, &loss, normalized, picked, weights, count, &to, figures)
        self.workers.busy = False
        return length, [figures[i] for i in range(PUF_FIGURES)]

    def state_size(self):
        """Numbers of recurrent state of one layer and agent."""
        return self.layout.state


cdef class Rollout:
    """The arrays that a rollout of T steps and A agents is kept in, checked once.

    Args, all time-major:
        observations: (T + 1, A, inputs) of the learner's number.
        actions: (T, A, k) int64, or float32 when continuous.
        masks, present: (T + 1, A, K) and (T + 1, A) bool, or None.
        ends: (T, A) bool.
        first_state: (L, A, S) float32.
        log_probs, advantages, values, ratios, rewards, final_values: (T, A) float32; last_value: (A,).

    Raises:
        ValueError: one of them is missing or not as it must be.
    """

    cdef PufRollout c
    cdef PufTrace trace
    cdef object keep, fresh
    cdef Learner learner
    cdef float* rewards

    def __cinit__(self, Learner learner not None, dict arrays not None):
        net = &learner.c.net
        self.learner, self.keep = learner, dict(arrays)
        at = self.keep.get
        shape = getattr(at("ends"), "shape", ())
        if len(shape) != 2 or shape[0] != learner.horizon or not 1 <= shape[1] < 1 << 31:
            raise ValueError(f"ends must be bool ({learner.horizon}, agents), is {shape}")
        steps, rows = shape
        times, more = (steps, rows), (steps + 1, rows)
        acting = "float32" if net.head == PUF_GAUSSIAN else "int64"
        c = &self.c
        c.horizon, c.rows = steps, rows
        c.observations = data(at("observations"), "observations", learner.number, (*more, net.inputs))
        c.actions = data(at("actions"), "actions", acting, (*times, net.actions))
        c.masks = <uint8_t*>data_or_null(at("masks"), "masks", "bool", (*more, net.outputs))
        c.present = <uint8_t*>data_or_null(at("present"), "present", "bool", more)
        c.ends = <uint8_t*>data(at("ends"), "ends", "bool", times)
        state = (net.layers, rows, learner.layout.state)
        c.state = <float*>data(at("first_state"), "first_state", "float32", state)
        c.log_probs = <float*>data(at("log_probs"), "log_probs", "float32", times)
        c.advantages = <float*>data(at("advantages"), "advantages", "float32", times)
        c.values = <float*>data(at("values"), "values", "float32", times)
        c.ratios = <float*>data(at("ratios"), "ratios", "float32", times)
        if net.head == PUF_GAUSSIAN:
            c.scale = <float*>cnp.PyArray_DATA(learner.scale)
        self.fresh = _zeros(2 * steps * rows)
        c.fresh = <float*>cnp.PyArray_DATA(self.fresh)
        self.rewards = <float*>data(at("rewards"), "rewards", "float32", times)
        p = &self.trace
        p.horizon, p.rows = steps, rows
        p.rewards, p.values, p.ends = self.rewards, c.values, c.ends
        p.last_value = <float*>data(at("last_value"), "last_value", "float32", (rows,))
        p.final_values = <float*>data(at("final_values"), "final_values", "float32", times)
        p.advantages = <float*>c.advantages

    def estimate_advantages(self, float reward_scale, float reward_clip, float gamma, float lam, bint clipped,
                            float rho_clip, float trace_clip):
        """Fill `advantages`; with `clipped`, ratios count, cut at rho_clip and trace_clip (V-trace)."""
        cdef PufTrace p = self.trace
        p.reward_scale, p.reward_clip, p.gamma, p.trace = reward_scale, reward_clip, gamma, lam
        p.rho_clip, p.trace_clip = rho_clip, trace_clip
        p.ratios = self.c.ratios if clipped else NULL
        with nogil:
            self.learner.c.kernels.advantages(&p)


cdef class Actor:
    """Acts for rows `first` to `last - 1` of a rollout, in one thread of its own.

    `env` has the arrays of the buffer contract for just these rows; `state` (L, A, S) is that of all rows. `before`
    says how many rows other processes have before these: random numbers go by a row's number among all. Steps are
    counted from 0; one that the rollout does not have raises IndexError.

    Raises:
        ValueError: an array is not as it must be, or there are no such rows.
    """

    cdef Rollout rollout
    cdef PufAct c
    cdef PufStep move
    cdef object memory, keep
    cdef readonly int first, last
    cdef size_t observation_bytes

    def __cinit__(self, Rollout rollout not None, env, state, int first, int last, int64_t before=0):
        cdef Learner learner = rollout.learner
        net = &learner.c.net
        cdef Py_ssize_t rows = last - first, everyone = rollout.c.rows
        if not 0 <= first < last <= everyone:
            raise ValueError(f"rows {first} to {last - 1} are not among {everyone}")
        self.rollout, self.first, self.last = rollout, first, last
        cdef Py_ssize_t size = learner.layout.state
        self.memory = _zeros(learner.c.kernels.scratch(net, 1, PUF_ACT_ROWS))
        cdef float* whole = <float*>data(state, "state", "float32", (net.layers, everyone, size))
        itemsize = np.dtype(learner.number).itemsize
        self.observation_bytes = itemsize * net.inputs
        c = &self.c
        c.rows, c.first_row, c.scale = rows, before + first, rollout.c.scale
        c.state, c.layer_stride = whole + first * size, everyone * size
        m = &self.move
        m.rows, m.layers, m.state_size = rows, net.layers, size
        m.observation_size, m.observation_bytes = net.inputs, self.observation_bytes
        m.floats = net.number == PUF_NUMBER_F32
        observed = env.observations
        if isinstance(observed, np.ndarray) and observed.flags.c_contiguous and len(observed):
            observed = observed.reshape(len(observed), -1)
        m.observations = data(observed, "observations", learner.number, (rows, net.inputs), False)
        m.rewards = <float*>data(env.rewards, "rewards", "float32", (rows,), False)
        m.terminals = <uint8_t*>data(env.terminals, "terminals", "bool", (rows,), False)
        m.truncations = <uint8_t*>data(env.truncations, "truncations", "bool", (rows,), False)
        m.state, m.layer_stride = c.state, c.layer_stride
        self.keep = (observed, env.rewards, env.terminals, env.truncations, state)

    cdef int check(self, int t, int steps) except -1:
        """Raise IndexError unless t is one of that many steps."""
        if not 0 <= t < steps:
            raise IndexError(f"step {t} is not among {steps}")
        return 0

    def act(self, int t, uint64_t key, bint greedy=False):
        """Choose the actions of step t, greedily the likeliest. Returns the first row with outputs not finite, or -1.

        `key` stands for the randomness of this step: the same key, rows and outputs give the same actions.
        """
        self.check(t, self.rollout.c.horizon)
        cdef PufAct c = self.c
        cdef Py_ssize_t at = <Py_ssize_t>t * self.rollout.c.rows + self.first
        net = &self.rollout.learner.c.net
        c.key, c.greedy = key, greedy
        c.observations = <const uint8_t*>self.rollout.c.observations + at * self.observation_bytes
        if self.rollout.c.masks != NULL:
            c.masks = self.rollout.c.masks + at * net.outputs
        c.chosen = <uint8_t*>self.rollout.c.actions + at * net.actions * (4 if net.head == PUF_GAUSSIAN else 8)
        c.log_probs = <float*>self.rollout.c.log_probs + at
        c.values = self.rollout.c.values + at
        return self.run(&c)

    def look_ahead(self, int t, state):
        """Value the observations of slot t into `last_value`. `state` (L, rows, S), a copy of theirs, is used up."""
        self.check(t, self.rollout.c.horizon + 1)
        cdef PufAct c = self.c
        net = &self.rollout.learner.c.net
        cdef Py_ssize_t size = self.rollout.learner.layout.state
        c.state = <float*>data(state, "state", "float32", (net.layers, c.rows, size))
        c.layer_stride = c.rows * size
        cdef Py_ssize_t at = <Py_ssize_t>t * self.rollout.c.rows + self.first
        c.observations = <const uint8_t*>self.rollout.c.observations + at * self.observation_bytes
        c.values = <float*>self.rollout.trace.last_value + self.first
        return self.run(&c)

    def value(self, observations, state, values not None):
        """Value observations (n, inputs) with states (L, n, S), which are used up, into values (n,)."""
        cdef PufAct c = self.c
        net = &self.rollout.learner.c.net
        cdef Py_ssize_t size = self.rollout.learner.layout.state
        c.rows = len(values)
        c.observations = data(observations, "observations", self.rollout.learner.number, (c.rows, net.inputs), False)
        c.state = <float*>data(state, "state", "float32", (net.layers, c.rows, size))
        c.layer_stride = c.rows * size
        c.values = <float*>data(values, "values", "float32", (c.rows,))
        return self.run(&c)

    cdef int64_t run(self, const PufAct* c) noexcept:
        learner = &self.rollout.learner.c
        scratch = <float*>cnp.PyArray_DATA(self.memory)
        cdef int64_t bad
        with nogil:
            bad = learner.kernels.act(&learner.net, learner.weights, c, scratch)
        return bad

    def store(self, int t):
        """Copy the results of step t into the rollout, where masks and who is present are already.

        Returns flags: SOME_TRUNCATED, BAD_OBSERVATIONS, BAD_REWARDS.
        """
        self.check(t, self.rollout.c.horizon)
        cdef PufStep m = self.move
        cdef int flags
        self.place(&m, t)
        kernels = self.rollout.learner.c.kernels
        with nogil:
            flags = kernels.store(&m)
        return flags

    def reset_state(self, int t):
        """Set back the recurrent state of those whose episode ended with step t."""
        self.check(t, self.rollout.c.horizon)
        cdef PufStep m = self.move
        self.place(&m, t)
        self.rollout.learner.c.kernels.reset_state(&m)

    cdef void place(self, PufStep* m, int t) noexcept:
        cdef Py_ssize_t at = <Py_ssize_t>t * self.rollout.c.rows + self.first
        cdef Py_ssize_t following = at + self.rollout.c.rows
        m.to_observations = <uint8_t*>self.rollout.c.observations + following * self.observation_bytes
        m.to_rewards = self.rollout.rewards + at
        m.to_ends = <uint8_t*>self.rollout.c.ends + at
        if self.rollout.c.present != NULL:
            m.present_before = self.rollout.c.present + at
            m.present = self.rollout.c.present + following


cdef class Muon:
    """Muon over some matrices.

    Args:
        workers: who computes.
        matrices: (parameter, gradient, average) each, (m, n) float32.

    Raises:
        ValueError: an array is not as it must be.
        MemoryError: there is not enough.
    """

    cdef Workers workers
    cdef PufMuon* matrices
    cdef int count
    cdef object memory, keep

    def __cinit__(self, Workers workers not None, list matrices not None):
        self.workers, self.keep = workers, tuple(matrices)
        shapes = [getattr(parameter, "shape", ()) for parameter, _, _ in self.keep]
        for shape in shapes:
            if len(shape) != 2 or min(shape) < 1 or max(shape) * (min(shape) + 16) >= 1 << 31:
                raise ValueError(f"parameter must be a matrix of fewer than 2^31 numbers, is {shape}")
        self.matrices = <PufMuon*>calloc(len(shapes) + 1, sizeof(PufMuon))
        if self.matrices == NULL:
            raise MemoryError
        self.count = len(shapes)
        self.memory = _zeros(sum([int(puf_muon_scratch(rows, columns)) for rows, columns in shapes]))
        cdef float* at = <float*>cnp.PyArray_DATA(self.memory)
        cdef PufMuon* m
        for i, (parameter, gradient, average) in enumerate(self.keep):
            m = &self.matrices[i]
            shape = shapes[i]
            m.rows, m.columns = shape
            m.parameter = <float*>data(parameter, "parameter", "float32", shape)
            m.gradient = <float*>data(gradient, "gradient", "float32", shape, False)
            m.average = <float*>data(average, "average", "float32", shape)
            m.scratch = at
            at += puf_muon_scratch(m.rows, m.columns)

    def __dealloc__(self):
        free(self.matrices)

    def step(self, float learning_rate, float momentum, float gradient_scale, float decay=0.0):
        """Move every matrix; gradients are first multiplied by `gradient_scale`, weights by 1 - `decay`."""
        for i in range(self.count):
            m = &self.matrices[i]
            m.learning_rate, m.momentum, m.gradient_scale = learning_rate, momentum, gradient_scale
            m.decay = decay
        self.workers.begin()
        with nogil:
            puf_muon_all(self.workers.pool, self.workers.kernels, self.matrices, self.count)
        self.workers.busy = False
