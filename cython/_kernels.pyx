# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=True
"""The trainer's kernels for processors (c/learn): acting, gradients, advantages and Muon for the networks they know.

Arrays are checked once, when an object is made over them; after that they are used where they lie.
"""
cimport numpy as cnp
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from learn cimport (
    PUF_ACT_ROWS, PUF_BAD_OBSERVATIONS, PUF_BAD_REWARDS, PUF_CATEGORICAL, PUF_FIGURES, PUF_GAUSSIAN, PUF_LSTM,
    PUF_MAX_CONVOLUTIONS, PUF_MAX_FRONTS, PUF_MINGRU, PUF_NUMBER_F32, PUF_NUMBER_I32, PUF_NUMBER_I8,
    PUF_NUMBER_U8, PUF_SOME_TRUNCATED, PufAct, PufCell, PufConvolution, PufEvaluation, PufFront, PufKernels,
    PufLearner, PufLoss, PufMuon, PufNetwork, PufNumber, PufParameters, PufPart, PufPlanes, PufRollout,
    PufSequence, PufStep, PufTrace, PufWeights, puf_kernels, puf_learner_gradient, puf_muon_all,
    puf_muon_scratch, puf_network_layout, puf_sequence_backward, puf_sequence_forward, puf_sequence_memory,
    puf_sequence_scratch, puf_tile_rows,
)
from puffer cimport PufIsa, PufPool, isa_names, puf_isa_fuses, puf_pool_create, puf_pool_destroy, supported_isa_names

import numpy as np

cnp.import_array()

CELLS = {"mingru": PUF_MINGRU, "lstm": PUF_LSTM}

NUMBERS = {"uint8": PUF_NUMBER_U8, "int8": PUF_NUMBER_I8, "int32": PUF_NUMBER_I32, "float32": PUF_NUMBER_F32}
MAX_COUNT = 1 << 20  # of what is counted in one direction
MAX_CHOICES = 1 << 16  # of all codes of an observation
SOME_TRUNCATED = PUF_SOME_TRUNCATED
BAD_OBSERVATIONS = PUF_BAD_OBSERVATIONS
BAD_REWARDS = PUF_BAD_REWARDS


def supported_isas():
    """Names of the instruction sets that this machine can run, the best one last."""
    return supported_isa_names()


def fused_isas():
    """Those of them that round a product and a sum once: their results agree to the bit."""
    names = isa_names()
    return [name for name in supported_isa_names() if puf_isa_fuses(<PufIsa> names.index(name))]


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


# --- what observations consist of ---

PLANES = ("image", "grid", "embedding")
MAX_FRONTS = PUF_MAX_FRONTS


cdef class Parts:
    """What the rows of bytes hold that observations are.

    Args:
        parts: (number, first byte, count, choices) of each, in the order of the inputs, which are as many as amounts
            (choices 0) and choices together.
        row_bytes: of an observation.
        inputs: how many there must be.

    Raises:
        ValueError: there is no kernel for that.
    """

    cdef PufPart* parts
    cdef int count, amounts, codes
    cdef readonly int row_bytes
    cdef readonly object columns

    def __cinit__(self, list parts not None, int row_bytes, int inputs):
        self.parts = <PufPart*>calloc(len(parts) + 1, sizeof(PufPart))
        if self.parts == NULL:
            raise MemoryError
        self.count, self.row_bytes = len(parts), row_bytes
        cdef PufPart* part
        amounts, codes, column = [], [], 0
        for i, (number, at, count, choices) in enumerate(parts):
            if number not in NUMBERS or not 0 <= choices <= MAX_CHOICES or not 0 <= at <= row_bytes:
                raise ValueError(f"there is no kernel for {number} of {choices} choices at byte {at} of {row_bytes}")
            if not 1 <= count <= (row_bytes - at) // np.dtype(number).itemsize or (choices and number == "float32"):
                raise ValueError(f"{count} {number} at byte {at} do not fit into {row_bytes} bytes, or cannot be codes")
            if column + count * max(1, choices) > inputs:
                raise ValueError(f"parts have more inputs than there must be, which is {inputs}")
            part = &self.parts[i]
            part.number, part.at, part.count, part.choices = <PufNumber><int>NUMBERS[number], at, count, choices
            self.amounts += 0 if choices else count
            self.codes += count if choices else 0
            of_part = range(column, column + count * max(1, choices))
            (codes if choices else amounts).extend(of_part)
            column += len(of_part)
        if column != inputs or len(codes) > MAX_CHOICES:
            raise ValueError(f"parts have {column} inputs, {len(codes)} of them choices: there must be {inputs}")
        self.columns = np.array(amounts + codes, np.int32)

    def __dealloc__(self):
        free(self.parts)

    cdef void describe(self, PufNetwork* net) noexcept:
        """Tell a network, which this must outlive."""
        net.parts, net.num_parts, net.row_bytes = self.parts, self.count, self.row_bytes
        net.amounts, net.codes, net.columns = self.amounts, self.codes, <int32_t*>cnp.PyArray_DATA(self.columns)


cdef cnp.ndarray in_order(numbers, str what, Parts parts, int inputs):
    """A copy of a number for each input, in the kernels' order."""
    copy = np.array(numbers, np.float32)
    data(copy, what, "float32", (inputs,))
    return copy if parts is None else copy[parts.columns].copy()


cdef class Fronts:
    """Arrays within observations that go through convolutions.

    Args:
        fronts: of each (kind, number, first byte, (height, width, channels), channels first, least value, values, size,
            scale, ((channels, kernel, stride, padding), ...)); kind is `image`, `grid` or `embedding`, of which only
            the last two have values and only the last one a size.
        row_bytes: of an observation.

    Raises:
        ValueError: there is no kernel for that.
    """

    cdef PufFront fronts[PUF_MAX_FRONTS]
    cdef int count
    cdef readonly int features
    cdef readonly list shapes

    def __cinit__(self, list fronts not None, int row_bytes):
        if len(fronts) > PUF_MAX_FRONTS:
            raise ValueError(f"at most {PUF_MAX_FRONTS} arrays can go through convolutions, {len(fronts)} are to")
        self.count, self.shapes = len(fronts), []
        cdef PufFront* front
        cdef PufConvolution* convolution
        features = 0
        for i, (kind, number, at, shape, first, low, values, size, scale, layers) in enumerate(fronts):
            front = &self.fronts[i]
            cells, planes = shape[0] * shape[1] * shape[2], (1, values, size)[PLANES.index(kind)] * shape[2]
            if number not in NUMBERS or min(shape) < 1 or (first and kind != "image") or not 1 <= cells <= MAX_COUNT:
                raise ValueError(f"there is no kernel for {kind} of {number} {shape}")
            if not 0 <= at <= row_bytes - cells * np.dtype(number).itemsize:
                raise ValueError(f"{number} {shape} at byte {at} do not fit into {row_bytes} bytes")
            low_fits = -(1 << 31) <= low <= (1 << 31) - values
            if kind != "image" and not (1 <= values * shape[2] <= MAX_CHOICES and low_fits):
                raise ValueError(f"there is no kernel for {kind} of {values} values from {low}")
            if not 1 <= len(layers) <= PUF_MAX_CONVOLUTIONS or not 1 <= planes <= MAX_COUNT or not 0 <= size <= 1024:
                raise ValueError(f"there is no kernel for {len(layers)} layers of convolutions over {planes} planes")
            front.kind, front.number, front.at = <PufPlanes><int>PLANES.index(kind), <PufNumber><int>NUMBERS[number], at
            front.height, front.width, front.channels = shape
            front.channels_first, front.low, front.values, front.size = first, low, values, size
            front.scale, front.num_convolutions = scale, len(layers)
            height, width = shape[:2]
            of_front = [(shape[2] * values, size)] if kind == "embedding" else [None]
            for k, layer in enumerate(layers):
                channels, kernel, stride, padding = layer
                channels_fit = 16 <= channels <= 4096 and channels % 16 == 0
                if not channels_fit or not 1 <= kernel <= 1024 or stride < 1 or not 0 <= padding < kernel:
                    raise ValueError(f"there is no kernel for a convolution of {layer}: channels must be 16, 32, ...")
                if planes * (height + 2 * padding) * (width + 2 * padding) >= 1 << 26 or planes * kernel**2 >= 1 << 20:
                    raise ValueError(f"{planes} planes of {height} x {width} are more than the kernels can count")
                convolution = &front.convolutions[k]
                convolution.channels, convolution.kernel = channels, kernel
                convolution.stride, convolution.padding = stride, padding
                of_front.append((channels, planes * kernel**2))
                height = (height + 2 * padding - kernel) // stride + 1
                width = (width + 2 * padding - kernel) // stride + 1
                planes = channels
                if min(height, width) < 1:
                    raise ValueError(f"convolutions leave nothing of {shape}")
            features += height * width * planes
            self.shapes.append(of_front)
        if features > MAX_COUNT:
            raise ValueError(f"convolutions give at most {MAX_COUNT} features, these give {features}")
        self.features = features

    cdef void describe(self, PufNetwork* net) noexcept:
        """Tell a network, which this must outlive."""
        net.fronts, net.num_fronts, net.features = self.fronts, self.count, self.features

    cdef int place(self, PufParameters* p, arrays, bint written) except -1:
        """Fill in the addresses of the parameters: of each front its embedding or None, and its kernels."""
        shapes = [shape for of_front in self.shapes for shape in of_front]
        if len(arrays) != len(shapes):
            raise ValueError(f"fronts must be {len(shapes)} arrays, are {len(arrays)}")
        arrays = iter(arrays)
        for i, of_front in enumerate(self.shapes):
            for k, shape in enumerate(of_front):
                array = next(arrays)
                if shape is not None:
                    p.fronts[i][k] = <float*>data(array, "fronts", "float32", shape, written)
        return 0


cdef class Learner:
    """One network. Its methods may be called by one thread at a time, and `pack` by none while an `Actor` acts.

    Args:
        workers: who computes gradients.
        cell: `mingru` or `lstm`.
        inputs, hidden, layers: sizes; hidden must be a multiple of 16. inputs None: there is no encoder, and what the
            first layer gets (hidden, float32) is handed in.
        choices: of each number of an action; None for continuous actions, which are then as many as `scale` has.
        scale: (k,) float32: what continuous actions are in units of.
        input_scale: (inputs,) float32: what observations are multiplied with; ignored where there is no encoder.
        input_mean: (inputs,) float32: what is subtracted from them before, and they are cut afterwards; None: neither.
        number: dtype of observations: uint8, int8, int32 or float32.
        horizon: time steps of the sequences that are learned from.
        bins: of the distribution that the value is, at least 2; 0: the value is one number.
        parts, row_bytes: of observations that are rows of bytes, see `Parts`; None: all their numbers are amounts.
        fronts: arrays in these rows that go through convolutions first, see `Fronts`; `inputs` are without them.

    Raises:
        ValueError: there is no kernel for that.
        MemoryError: there is not enough.
    """

    cdef PufLearner c
    cdef PufWeights layout
    cdef object choices, scale, input_scale, code_scale, input_mean, memory
    cdef Parts parts
    cdef Fronts fronts
    cdef readonly Workers workers
    cdef readonly int horizon, observation_size
    cdef readonly str number

    def __cinit__(self, Workers workers not None, str cell, inputs, int hidden, int layers, choices, scale,
                  input_scale, str number, int horizon, int bins=0, input_mean=None, parts=None, int row_bytes=0,
                  fronts=None):
        if cell not in CELLS or number not in NUMBERS or (inputs is None and number != "float32"):
            raise ValueError(f"there is no kernel for cell {cell!r} over {number!r}")
        self.c.net.encoded = inputs is None
        cdef int width = hidden if inputs is None else inputs
        least = 0 if fronts else 1
        for what, size in (("inputs", width + 1 - least), ("hidden", hidden), ("layers", layers), ("horizon", horizon)):
            if not 1 <= size <= MAX_COUNT:
                raise ValueError(f"{what} must be from 1 to {MAX_COUNT}, is {size}")
        if bins and not 2 <= bins <= MAX_COUNT:
            raise ValueError(f"bins must be 0 or from 2 to {MAX_COUNT}, is {bins}")
        self.c.net.bins = bins
        if hidden % 16:
            raise ValueError(f"hidden must be a multiple of 16, is {hidden}")
        self.workers = workers
        self.c.kernels, self.c.pool, self.c.threads = workers.kernels, workers.pool, workers.threads
        net = &self.c.net
        net.cell = <PufCell><int>CELLS[cell]
        net.number = <PufNumber><int>NUMBERS[number]
        net.inputs, net.hidden, net.layers = width, hidden, layers
        self.number, self.horizon, self.observation_size = number, horizon, width
        if parts is not None:
            if (number != "uint8" and parts) or net.encoded:
                raise ValueError("observations with parts are uint8, and there must be an encoder")
            self.parts, self.observation_size = Parts(parts, row_bytes, width), row_bytes // np.dtype(number).itemsize
            self.parts.describe(net)
        elif fronts:
            raise ValueError("convolutions need rows of bytes: give `parts`, which may be empty")
        self.fronts = Fronts(fronts or [], row_bytes)
        self.fronts.describe(net)
        if not net.encoded:
            self.input_scale = in_order(input_scale, "input_scale", self.parts, width)
            self.c.input_scale = <float*>cnp.PyArray_DATA(self.input_scale)
        if input_mean is not None:
            self.input_mean = in_order(input_mean, "input_mean", self.parts, width)
            net.mean = <float*>cnp.PyArray_DATA(self.input_mean)
            net.scale, self.c.input_scale = self.c.input_scale, NULL
            if self.parts is not None:  # of codes, the scale is in the weights as ever
                self.code_scale = self.input_scale.copy()
                self.code_scale[: net.amounts] = 1.0
                self.c.input_scale = <float*>cnp.PyArray_DATA(self.code_scale)
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
        if units * (width + 2 * (net.features + net.outputs + bins + 16)) + 2 * layers * 4 * units * fan_in >= 1 << 31:
            raise ValueError(f"{layers} layers of {hidden} units over {width} inputs are more than kernels can count")
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
        """Addresses of encoder (H, I + features), core (L, G, F), head (K + V, H), log_std (k,) and fronts, if any."""
        net = &self.c.net
        encoder, core, head, log_std, *fronts = arrays
        cdef PufParameters p
        memset(&p, 0, sizeof(p))
        if not net.encoded:
            p.encoder = <float*>data(encoder, "encoder", "float32", (net.hidden, net.inputs + net.features), written)
        self.fronts.place(&p, fronts, written)
        p.core = <float*>data(core, "core", "float32", (net.layers, self.layout.gates, self.layout.fan_in), written)
        p.head = <float*>data(head, "head", "float32", (self.layout.rows, net.hidden), written)
        if net.head == PUF_GAUSSIAN:
            p.log_std = <float*>data(log_std, "log_std", "float32", (net.actions,), written)
        return p

    def pack(self, tuple parameters not None):
        """Take over new weights: (encoder or None, core, head, log_std or None, *fronts as in `Fronts.place`)."""
        cdef PufParameters p = self.parameters(parameters, False)
        with nogil:
            self.c.kernels.pack(&self.c.net, &p, self.c.input_scale, self.c.weights)

    def normalize(self, mean, scale):
        """Take over a new `input_mean` and `input_scale`. Raises ValueError where observations are not normalised."""
        if self.input_mean is None:
            raise ValueError("this network does not normalise observations")
        for name, own, new in (("mean", self.input_mean, mean), ("scale", self.input_scale, scale)):
            data(new, name, "float32", own.shape, False)
            own[...] = in_order(new, name, self.parts, self.c.net.inputs)

    def gradient(self, Rollout rollout not None, cnp.ndarray sequences not None, cnp.ndarray importance not None,
                 tuple gradients not None, bint normalize, bint refresh, float clip, float value_clip,
                 float value_coefficient, float entropy_coefficient, tuple scale=None):
        """Write the gradient of the loss over some sequences into `gradients`, laid out like the parameters.

        Args:
            rollout: what was played.
            sequences: (B,) int64, numbers of agents; no more than the rollout has, of which some may be chosen twice,
                unless there is no encoder.
            importance: (B,) float32.
            normalize: bring advantages to mean 0 and spread 1 first.
            refresh: write new values and ratios back into the rollout.
            scale: where these are not all the samples of a minibatch: the weight of one sample, which is above 0, what
                is subtracted from advantages, and what they are multiplied with after that; instead of `normalize`.

        Returns:
            (the length of the gradient, its figures: 7 floats in the order of `kernels.FIGURES`).

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
        if self.c.net.encoded and (rollout.c.observations == NULL or rollout.c.by_observations == NULL):
            raise ValueError("without an encoder, inputs and by_inputs are needed to learn from")
        if self.c.net.encoded and len(np.unique(sequences)) < count:
            raise ValueError("without an encoder, sequences must differ")
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
        observations: (T + 1, A, inputs) of the learner's number, or (T + 1, A, bytes) where they have parts. Where
            there is no encoder: (T + 1, A, n) of any dtype, which actors store but nobody computes with; or None.
            Where nobody acts, (T, ...) is enough, and so it is of masks.
        inputs, by_inputs: (T, A, hidden) float32, only where there is no encoder and only to learn from: what the first
            layer gets, and receives the gradient of the loss with respect to that.
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
    cdef uint8_t* observations
    cdef size_t observation_bytes
    cdef readonly int observation_size
    cdef readonly str number

    def __cinit__(self, Learner learner not None, dict arrays not None):
        net = &learner.c.net
        self.learner, self.keep = learner, dict(arrays)
        at = self.keep.get
        shape = getattr(at("ends"), "shape", ())
        if len(shape) != 2 or shape[0] != learner.horizon or not 1 <= shape[1] < 1 << 31:
            raise ValueError(f"ends must be bool ({learner.horizon}, agents), is {shape}")
        steps, rows = shape
        times, more = (steps, rows), (steps + 1, rows)
        slots = more
        acting = "float32" if net.head == PUF_GAUSSIAN else "int64"
        cdef void* first
        c = &self.c
        c.horizon, c.rows = steps, rows
        observed = at("observations")
        self.number, self.observation_size = learner.number, learner.observation_size
        if net.encoded:
            if at("inputs") is not None:
                c.observations = data(at("inputs"), "inputs", "float32", (*times, net.inputs), False)
                c.by_observations = <float*>data(at("by_inputs"), "by_inputs", "float32", (*times, net.inputs))
            if isinstance(observed, np.ndarray) and observed.ndim:
                self.number, self.observation_size = str(observed.dtype), observed.shape[-1]
        if observed is not None or not net.encoded:
            nobody_acts = isinstance(observed, np.ndarray) and observed.shape[:1] == (steps,)
            slots = times if nobody_acts else more
            first = data(observed, "observations", self.number, (*slots, self.observation_size), not nobody_acts)
            self.observations = <uint8_t*>(NULL if nobody_acts else first)
            self.observation_bytes = self.observation_size * np.dtype(self.number).itemsize
            if not net.encoded:
                c.observations = first
        c.actions = data(at("actions"), "actions", acting, (*times, net.actions))
        c.masks = <uint8_t*>data_or_null(at("masks"), "masks", "bool", (*slots, net.outputs))
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

    def __cinit__(self, Rollout rollout not None, env, state, int first, int last, int64_t before=0):
        cdef Learner learner = rollout.learner
        net = &learner.c.net
        cdef Py_ssize_t rows = last - first, everyone = rollout.c.rows
        if not 0 <= first < last <= everyone:
            raise ValueError(f"rows {first} to {last - 1} are not among {everyone}")
        if rollout.observations == NULL:
            raise ValueError("nobody can act without observations in the rollout")
        self.rollout, self.first, self.last = rollout, first, last
        cdef Py_ssize_t size = learner.layout.state
        self.memory = _zeros(learner.c.kernels.scratch(net, 1, PUF_ACT_ROWS))
        cdef float* whole = <float*>data(state, "state", "float32", (net.layers, everyone, size))
        c = &self.c
        c.rows, c.first_row, c.scale = rows, before + first, rollout.c.scale
        c.state, c.layer_stride = whole + first * size, everyone * size
        m = &self.move
        m.rows, m.layers, m.state_size = rows, net.layers, size
        m.observation_size, m.observation_bytes = rollout.observation_size, rollout.observation_bytes
        m.floats = rollout.number == "float32"
        m.parts, m.num_parts, m.fronts, m.num_fronts = net.parts, net.num_parts, net.fronts, net.num_fronts
        observed = env.observations
        if isinstance(observed, np.ndarray) and observed.flags.c_contiguous and len(observed):
            observed = observed.reshape(len(observed), -1)
        m.observations = data(observed, "observations", rollout.number, (rows, rollout.observation_size), False)
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

    def act(self, int t, uint64_t key, bint greedy=False, inputs=None):
        """Choose the actions of step t, greedily the likeliest. Returns the first row with outputs not finite, or -1.

        `key` stands for the randomness of this step: the same key, rows and outputs give the same actions. `inputs`
        (rows, hidden) float32 are needed where there is no encoder.
        """
        self.check(t, self.rollout.c.horizon)
        cdef PufAct c = self.c
        cdef Py_ssize_t at = <Py_ssize_t>t * self.rollout.c.rows + self.first
        net = &self.rollout.learner.c.net
        c.key, c.greedy = key, greedy
        c.observations = self.seen(at, inputs)
        if self.rollout.c.masks != NULL:
            c.masks = self.rollout.c.masks + at * net.outputs
        c.chosen = <uint8_t*>self.rollout.c.actions + at * net.actions * (4 if net.head == PUF_GAUSSIAN else 8)
        c.log_probs = <float*>self.rollout.c.log_probs + at
        c.values = self.rollout.c.values + at
        return self.run(&c)

    def look_ahead(self, int t, state, inputs=None):
        """Value the observations of slot t into `last_value`. `state` (L, rows, S), a copy of theirs, is used up.

        `inputs` as in `act`.
        """
        self.check(t, self.rollout.c.horizon + 1)
        cdef PufAct c = self.c
        net = &self.rollout.learner.c.net
        cdef Py_ssize_t size = self.rollout.learner.layout.state
        c.state = <float*>data(state, "state", "float32", (net.layers, c.rows, size))
        c.layer_stride = c.rows * size
        c.observations = self.seen(<Py_ssize_t>t * self.rollout.c.rows + self.first, inputs)
        c.values = <float*>self.rollout.trace.last_value + self.first
        return self.run(&c)

    def value(self, observations, state, values not None):
        """Value observations (n, inputs), without an encoder (n, hidden) float32, into values (n,).

        `state` (L, n, S) is used up.
        """
        cdef PufAct c = self.c
        net = &self.rollout.learner.c.net
        cdef Py_ssize_t size = self.rollout.learner.layout.state
        c.rows = len(values)
        shape = (c.rows, self.rollout.learner.observation_size)
        c.observations = data(observations, "observations", self.rollout.learner.number, shape, False)
        c.state = <float*>data(state, "state", "float32", (net.layers, c.rows, size))
        c.layer_stride = c.rows * size
        c.values = <float*>data(values, "values", "float32", (c.rows,))
        return self.run(&c)

    cdef const void* seen(self, Py_ssize_t at, inputs) except NULL:
        """What the network sees of all rows from number `at` of the rollout on."""
        net = &self.rollout.learner.c.net
        if net.encoded:
            return data(inputs, "inputs", "float32", (self.c.rows, net.inputs), False)
        return self.rollout.observations + at * self.rollout.observation_bytes

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
        m.to_observations = self.rollout.observations + following * self.rollout.observation_bytes
        m.to_rewards = self.rollout.rewards + at
        m.to_ends = <uint8_t*>self.rollout.c.ends + at
        if self.rollout.c.present != NULL:
            m.present_before = self.rollout.c.present + at
            m.present = self.rollout.c.present + following


cdef class Crowd:
    """Networks that share some rows of an environment: which of them acts for a row may change with every step.

    The rows of a network are gathered, so that it is called once, however they lie and whatever other networks act.

    Args:
        rows: (n,) int64: which rows of the arrays of `act` are these, each from 0.
        numbers: (n,) int64: numbers of these rows among all; a row's number and the key give its random numbers.
        networks: learners of the same observations and actions, or None in a place that nobody has.
        states: (L, n, S) float32 of each network, None where that is; networks of the same sizes may share one.

    Raises:
        ValueError: an array does not fit, or a network differs in what it sees or does.
    """

    cdef object rows, numbers, networks, states, memory, scratch
    cdef Py_ssize_t count, observation_bytes
    cdef int most_rows
    cdef int64_t* index
    cdef int64_t* called
    cdef uint8_t *observations, *masks, *chosen
    cdef float *state, *log_probs

    def __cinit__(self, rows, numbers, list networks not None, list states not None):
        cdef Learner one, first = next((network for network in networks if network is not None), None)
        self.count = len(rows)
        if first is None or len(networks) != len(states) or self.count == 0:
            raise ValueError("a crowd needs rows, and a network with its state")
        data(rows, "rows", "int64", (self.count,), False)
        data(numbers, "numbers", "int64", (self.count,), False)
        if rows.min() < 0:
            raise ValueError("rows must be at least 0")
        self.most_rows = rows.max() + 1
        self.rows, self.numbers, self.networks, self.states = rows.copy(), numbers.copy(), list(networks), list(states)
        self.observation_bytes = first.observation_size * np.dtype(first.number).itemsize
        net, sizes, scratch = &first.c.net, [0], [0]
        actions = net.actions * (4 if net.head == PUF_GAUSSIAN else 8)
        for one, state in zip(networks, states):
            if one is None:
                continue
            if (one.number, one.observation_size) != (first.number, first.observation_size) or one.c.net.encoded:
                raise ValueError("networks of a crowd must see the same")
            if (one.c.net.head, one.c.net.actions, one.c.net.outputs) != (net.head, net.actions, net.outputs):
                raise ValueError("networks of a crowd must choose the same actions")
            data(state, "state", "float32", (one.c.net.layers, self.count, one.layout.state))
            sizes.append(one.c.net.layers * one.layout.state)
            scratch.append(one.c.kernels.scratch(&one.c.net, 1, PUF_ACT_ROWS))
        parts = [8, 8, self.observation_bytes, net.outputs, actions, 4 * max(sizes), 8]
        starts = np.cumsum([0, *(64 * ((self.count * part + 63) // 64) for part in parts)])
        self.memory, self.scratch = np.zeros(starts[len(parts)], np.uint8), _zeros(max(scratch))
        base = <uint8_t*>cnp.PyArray_DATA(self.memory)
        at = starts.tolist()
        self.index, self.called = <int64_t*>(base + <Py_ssize_t>at[0]), <int64_t*>(base + <Py_ssize_t>at[1])
        self.observations, self.masks = base + <Py_ssize_t>at[2], base + <Py_ssize_t>at[3]
        self.chosen, self.state = base + <Py_ssize_t>at[4], <float*>(base + <Py_ssize_t>at[5])
        self.log_probs = <float*>(base + <Py_ssize_t>at[6])

    def act(self, who, observations, masks, actions, uint64_t key):
        """Choose actions; advances the states.

        Args:
            who: (n,) int32: the place of the network of each row; of another number, nobody acts.
            observations: (A, size) of the networks' number.
            masks: (A, outputs) bool, or None.
            actions: (A, k) int64, or float32 if continuous: receives those of the rows.
            key: stands for the randomness.

        Raises:
            ValueError: an array does not fit.
        """
        cdef Learner one = next(network for network in self.networks if network is not None)
        cdef Py_ssize_t everyone = len(observations), place
        if everyone < self.most_rows:
            raise ValueError(f"row {self.most_rows - 1} is not among {everyone}")
        net, number = &one.c.net, "float32" if one.c.net.head == PUF_GAUSSIAN else "int64"
        of = <int32_t*>data(who, "who", "int32", (self.count,), False)
        seen = <uint8_t*>data(observations, "observations", one.number, (everyone, one.observation_size), False)
        allowed = <uint8_t*>data_or_null(masks, "masks", "bool", (everyone, net.outputs))
        to = <uint8_t*>data(actions, "actions", number, (everyone, net.actions))
        for place, one in enumerate(self.networks):
            if one is not None:
                state = <float*>cnp.PyArray_DATA(self.states[place])
                self.act_for(one, place, of, seen, allowed, to, state, key)

    cdef void act_for(self, Learner one, int32_t place, const int32_t* of, const uint8_t* seen, const uint8_t* allowed,
                      uint8_t* to, float* state, uint64_t key) noexcept:
        """Let one network act for its rows."""
        cdef const PufNetwork* net = &one.c.net
        cdef Py_ssize_t size = one.layout.state, width = self.observation_bytes, i, j, row, n = 0
        cdef Py_ssize_t layer, layers = net.layers
        cdef Py_ssize_t action = net.actions * (4 if net.head == PUF_GAUSSIAN else 8), outputs = net.outputs
        rows, numbers = <int64_t*>cnp.PyArray_DATA(self.rows), <int64_t*>cnp.PyArray_DATA(self.numbers)
        scratch = <float*>cnp.PyArray_DATA(self.scratch)
        cdef PufAct c
        memset(&c, 0, sizeof(c))
        if net.head == PUF_GAUSSIAN:
            c.scale = <float*>cnp.PyArray_DATA(one.scale)
        with nogil:
            for i in range(self.count):
                if of[i] == place:
                    self.index[n] = i
                    n += 1
            if n == 0:
                return
            for j in range(n):
                i = self.index[j]
                row = rows[i]
                self.called[j] = numbers[i]
                memcpy(self.observations + j * width, seen + row * width, width)
                if allowed != NULL:
                    memcpy(self.masks + j * outputs, allowed + row * outputs, outputs)
                for layer in range(layers):
                    memcpy(self.state + (layer * n + j) * size, state + (layer * self.count + i) * size, 4 * size)
            c.rows, c.numbers, c.key = n, self.called, key
            c.observations, c.masks = self.observations, self.masks if allowed != NULL else NULL
            c.state, c.layer_stride = self.state, n * size
            c.chosen, c.log_probs, c.values = self.chosen, self.log_probs, self.log_probs + self.count
            one.c.kernels.act(net, one.c.weights, &c, scratch)
            for j in range(n):
                i = self.index[j]
                memcpy(to + rows[i] * action, self.chosen + j * action, action)
                for layer in range(layers):
                    memcpy(state + (layer * self.count + i) * size, self.state + (layer * n + j) * size, 4 * size)


cdef class Stack:
    """The network without its loss, for those who have their own: encoder, recurrent layers and head.

    One thread at a time may call its methods.

    Args:
        workers: who computes.
        cell: `mingru` or `lstm`.
        inputs: what the encoder reads; None: there is no encoder, and inputs are the first layer's.
        hidden, layers: sizes; hidden must be a multiple of 16.
        outputs: rows of the head, at least 2; 0: there is no head, and outputs are the last layer's.
        input_scale: (inputs,) float32: what the encoder multiplies inputs with; ignored without one.
        parts, row_bytes: of inputs that are rows of bytes, see `Parts`; None: they are numbers.

    Raises:
        ValueError: there is no kernel for that.
        MemoryError: there is not enough.
    """

    cdef PufLearner c
    cdef PufWeights layout
    cdef object memory, scratch, input_scale
    cdef Parts parts
    cdef readonly Workers workers

    def __cinit__(self, Workers workers not None, str cell, inputs, int hidden, int layers, int outputs=0,
                  input_scale=None, parts=None, int row_bytes=0):
        if cell not in CELLS:
            raise ValueError(f"there is no kernel for cell {cell!r}")
        cdef int width = hidden if inputs is None else inputs
        for what, size in (("inputs", width), ("hidden", hidden), ("layers", layers), ("outputs", outputs or 2)):
            if not 1 <= size <= MAX_COUNT:
                raise ValueError(f"{what} must be from 1 to {MAX_COUNT}, is {size}")
        if hidden % 16:
            raise ValueError(f"hidden must be a multiple of 16, is {hidden}")
        if outputs == 1:
            raise ValueError("outputs must be at least 2, for actions and value, or 0, is 1")
        self.workers = workers
        self.c.kernels, self.c.pool, self.c.threads = workers.kernels, workers.pool, workers.threads
        net = &self.c.net
        net.cell, net.number = <PufCell><int>CELLS[cell], PUF_NUMBER_F32
        net.inputs, net.hidden, net.layers, net.encoded = width, hidden, layers, inputs is None
        net.outputs = outputs - 1 if outputs else 0
        if parts is not None and not net.encoded:
            self.parts = Parts(parts, row_bytes, width)
            self.parts.describe(net)
        if not net.encoded:
            self.input_scale = in_order(input_scale, "input_scale", self.parts, width)
            self.c.input_scale = <float*>cnp.PyArray_DATA(self.input_scale)
        cdef object units = hidden, fan_in = hidden * (2 if net.cell == PUF_LSTM else 1)
        if units * (width + 2 * (outputs + 16)) + 2 * layers * 4 * units * fan_in >= 1 << 31:
            raise ValueError(f"{layers} layers of {hidden} units over {width} inputs are more than kernels can count")
        self.layout = puf_network_layout(net)
        self.memory = _zeros(self.layout.size + self.layout.groups * <object>self.layout.gradient)
        self.c.weights = <float*>cnp.PyArray_DATA(self.memory)
        self.c.gradients = self.c.weights + self.layout.size
        self.scratch = np.zeros(0, np.float32)

    cdef PufParameters parameters(self, tuple arrays, bint written) except *:
        cdef PufParameters p
        memset(&p, 0, sizeof(p))
        net = &self.c.net
        encoder, core, head = arrays
        if not net.encoded:
            p.encoder = <float*>data(encoder, "encoder", "float32", (net.hidden, net.inputs), written)
        p.core = <float*>data(core, "core", "float32", (net.layers, self.layout.gates, self.layout.fan_in), written)
        if self.layout.rows:
            p.head = <float*>data(head, "head", "float32", (self.layout.rows, net.hidden), written)
        return p

    cdef tuple check(self, array, str what, object size):
        """Steps and rows of sequences of so many numbers."""
        shape = getattr(array, "shape", ())
        if len(shape) != 3 or not 1 <= shape[0] <= MAX_COUNT or not 1 <= shape[1] <= MAX_COUNT or shape[2] != size:
            raise ValueError(f"{what} must be (steps, rows, {size}), steps and rows up to {MAX_COUNT}, is {shape}")
        if puf_sequence_scratch(&self.c, shape[0]) >= 1 << 31:
            raise ValueError(f"sequences of {shape[0]} steps are more than the kernels can count")
        return shape[:2]

    cdef int width(self) noexcept:
        """Numbers of one output."""
        return self.layout.rows if self.layout.rows else self.c.net.hidden

    def state_size(self):
        """Numbers of recurrent state of one layer and row."""
        return self.layout.state

    def pack(self, tuple parameters not None):
        """Take over new weights: encoder (H, I) or None, core (L, G, F), head (outputs, H) or None."""
        cdef PufParameters p = self.parameters(parameters, False)
        with nogil:
            self.c.kernels.pack(&self.c.net, &p, self.c.input_scale, self.c.weights)

    def memory_size(self, int steps, int rows):
        """Numbers that `forward` has to remember of so many steps and rows for `backward`."""
        cdef PufSequence s
        memset(&s, 0, sizeof(s))
        s.horizon, s.rows = steps, rows
        return puf_sequence_memory(&self.c, &s)

    def forward(self, inputs, keep, state, outputs, memory=None):
        """Run inputs (T, B, I) through the network, into outputs (T, B, O).

        Args:
            inputs: uint8, int8, int32 or float32; without an encoder (T, B, H) float32, with parts (T, B, row_bytes)
                uint8, of which nobody checks that codes are choices.
            keep: (T, B) float32: 0 where the state is reset before that step, else 1; None: it never is.
            state: (L, B, S) before the first step; receives that after the last.
            outputs: without a head O is H.
            memory: `memory_size` float32, if `backward` follows.
        """
        cdef PufSequence s
        memset(&s, 0, sizeof(s))
        net = &self.c.net
        size = net.inputs if self.parts is None else self.parts.row_bytes
        s.horizon, s.rows = self.check(inputs, "inputs", size)
        number = str(getattr(inputs, "dtype", "float32"))
        number = number if number in NUMBERS and not net.encoded else "float32"
        number = number if self.parts is None else "uint8"
        net.number = <PufNumber><int>NUMBERS[number]
        s.inputs = data(inputs, "inputs", number, (s.horizon, s.rows, size), False)
        if keep is not None:
            s.keep = <float*>data(keep, "keep", "float32", (s.horizon, s.rows), False)
        s.state = <float*>data(state, "state", "float32", (net.layers, s.rows, self.layout.state))
        s.outputs = <float*>data(outputs, "outputs", "float32", (s.horizon, s.rows, self.width()))
        if memory is not None:
            s.memory = <float*>data(memory, "memory", "float32", (puf_sequence_memory(&self.c, &s),))
        else:
            size = self.workers.threads * <object>puf_sequence_scratch(&self.c, s.horizon)
            if len(self.scratch) < size:
                self.scratch = _zeros(size)
            self.c.scratch = <float*>cnp.PyArray_DATA(self.scratch)
        self.workers.begin()
        with nogil:
            puf_sequence_forward(&self.c, &s)
        self.workers.busy = False

    def backward(self, by_outputs, keep, by_inputs, memory, tuple gradients not None):
        """Write the gradients of the weights and, without an encoder, of the inputs, given that of the outputs.

        The weights must be those of `forward`, and its memory is used up. `gradients` are laid out as in `pack`.
        """
        cdef PufSequence s
        memset(&s, 0, sizeof(s))
        net = &self.c.net
        s.horizon, s.rows = self.check(by_outputs, "by_outputs", self.width())
        s.by_outputs = <float*>data(by_outputs, "by_outputs", "float32", (s.horizon, s.rows, self.width()), False)
        if keep is not None:
            s.keep = <float*>data(keep, "keep", "float32", (s.horizon, s.rows), False)
        if net.encoded:
            s.by_inputs = <float*>data(by_inputs, "by_inputs", "float32", (s.horizon, s.rows, net.hidden))
        s.memory = <float*>data(memory, "memory", "float32", (puf_sequence_memory(&self.c, &s),))
        cdef PufParameters to = self.parameters(gradients, True)
        self.workers.begin()
        with nogil:
            puf_sequence_backward(&self.c, &s, &to)
        self.workers.busy = False


cdef int _discrete(PufNetwork* net, outputs, choices) except -1:
    """Fill in a network of these choices (k,) int32, and check that outputs (B, K) are theirs. Returns B."""
    shape = getattr(outputs, "shape", ())
    if len(shape) != 2 or not 1 <= shape[0] <= MAX_COUNT or not 1 <= shape[1] <= MAX_COUNT:
        raise ValueError(f"outputs must be (rows, outputs), each from 1 to {MAX_COUNT}, is {shape}")
    memset(net, 0, sizeof(PufNetwork))
    net.outputs = shape[1]
    if choices is not None:
        net.head, net.actions = PUF_CATEGORICAL, _count(choices, "choices", choices > 0)
        if choices.sum() != net.outputs:
            raise ValueError(f"choices must sum to the {net.outputs} outputs, sum to {choices.sum()}")
        net.choices = <int32_t*>cnp.PyArray_DATA(choices)
    return shape[0]


def evaluate(Workers workers not None, outputs, choices, masks, actions, log_probs, entropies, by_outputs=None):
    """How likely discrete actions are, and the way back, in this thread.

    Args:
        workers: whose instruction set computes.
        outputs: (B, K) float32: logits.
        choices: of each number of an action.
        masks: (B, K) bool: which choices are allowed; None: all.
        actions: (B, k) int64.
        log_probs, entropies: (B,) float32: receive log-probability and entropy; with `by_outputs`, the gradients of
            these.
        by_outputs: (B, K) float32: receives the gradient of the outputs.

    Raises:
        ValueError: an array does not fit, or an action is none of the choices.
    """
    cdef PufNetwork net
    cdef PufEvaluation e
    memset(&e, 0, sizeof(e))
    choices = np.array(choices, np.int32)
    e.rows = _discrete(&net, outputs, choices)
    shape = (e.rows, net.outputs)
    e.outputs = <float*>data(outputs, "outputs", "float32", shape, False)
    e.chosen = <int64_t*>data(actions, "actions", "int64", (e.rows, net.actions), False)
    if by_outputs is None and (actions.min() < 0 or (actions.max(0) >= choices).any()):
        raise ValueError(f"actions must be from 0 to {choices - 1}")
    e.masks = <uint8_t*>(NULL if masks is None else data(masks, "masks", "bool", shape, False))
    e.log_probs = <float*>data(log_probs, "log_probs", "float32", (e.rows,), by_outputs is None)
    e.entropies = <float*>data(entropies, "entropies", "float32", (e.rows,), by_outputs is None)
    e.by_log_probs, e.by_entropies = e.log_probs, e.entropies
    e.by_outputs = <float*>data_or_null(by_outputs, "by_outputs", "float32", shape)
    columns = _zeros(16 * (net.outputs + net.actions))
    e.columns = <float*>cnp.PyArray_DATA(columns)
    with nogil:
        workers.kernels.evaluate(&net, &e)


def sample(Workers workers not None, outputs, choices, masks, log_std, scale, uint64_t key, bint greedy, actions,
           log_probs):
    """Choose actions, in this thread.

    Args:
        workers: whose instruction set computes.
        outputs: (B, K) float32: logits, or means of continuous actions.
        choices: of each number of an action; None for continuous ones.
        masks: (B, K) bool: which choices are allowed, at least one of each number; None: all.
        log_std, scale: (K,) float32: logarithm of the spread of continuous actions, and what their means are in units
            of; else None.
        key: stands for the randomness: the same key and outputs give the same actions.
        greedy: take the likeliest.
        actions: receives (B, k) int64, or float32 if continuous.
        log_probs: (B,) float32, receives their log-probabilities.

    Raises:
        ValueError: an array does not fit.
    """
    cdef PufNetwork net
    cdef PufAct act
    memset(&act, 0, sizeof(act))
    choices = None if choices is None else np.array(choices, np.int32)
    act.rows = _discrete(&net, outputs, choices)
    shape = (act.rows, net.outputs)
    rows = <float*>data(outputs, "outputs", "float32", shape, False)
    cdef float* spread = NULL
    if choices is None:
        net.head, net.actions = PUF_GAUSSIAN, net.outputs
        spread = <float*>data(log_std, "log_std", "float32", (net.outputs,), False)
        act.scale = <float*>data(scale, "scale", "float32", (net.outputs,), False)
        act.chosen = data(actions, "actions", "float32", (act.rows, net.actions))
    else:
        act.masks = <uint8_t*>(NULL if masks is None else data(masks, "masks", "bool", shape, False))
        act.chosen = data(actions, "actions", "int64", (act.rows, net.actions))
    act.key, act.greedy = key, greedy
    act.log_probs = <float*>data(log_probs, "log_probs", "float32", (act.rows,))
    columns = _zeros(16 * (net.outputs + 1))
    at = <float*>cnp.PyArray_DATA(columns)
    with nogil:
        workers.kernels.sample(&net, &act, spread, rows, at)


def estimate_advantages(Workers workers not None, rewards, values, last_value, final_values, ends, ratios, advantages,
                        float gamma, float lam, float rho_clip, float trace_clip):
    """Fill `advantages`, in this thread. All arrays are (T, A) float32 but `ends`, bool, and `last_value`, (A,).

    `ratios` may be None: then neither clip counts. `Rollout` says what the arrays hold.

    Raises:
        ValueError: an array does not fit.
    """
    cdef PufTrace p
    memset(&p, 0, sizeof(p))
    shape = getattr(rewards, "shape", ())
    if len(shape) != 2 or not 1 <= shape[0] <= MAX_COUNT or not 1 <= shape[1] <= MAX_COUNT:
        raise ValueError(f"rewards must be (steps, rows), each from 1 to {MAX_COUNT}, is {shape}")
    p.horizon, p.rows = shape
    p.rewards = <float*>data(rewards, "rewards", "float32", shape, False)
    p.values = <float*>data(values, "values", "float32", shape, False)
    p.last_value = <float*>data(last_value, "last_value", "float32", shape[1:], False)
    p.final_values = <float*>data(final_values, "final_values", "float32", shape, False)
    p.ends = <uint8_t*>data(ends, "ends", "bool", shape, False)
    p.ratios = <float*>data_or_null(ratios, "ratios", "float32", shape)
    p.advantages = <float*>data(advantages, "advantages", "float32", shape)
    p.reward_scale, p.gamma, p.trace, p.rho_clip, p.trace_clip = 1.0, gamma, lam, rho_clip, trace_clip
    with nogil:
        workers.kernels.advantages(&p)


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
