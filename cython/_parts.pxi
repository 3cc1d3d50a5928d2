# What observations consist of; included by _kernels.pyx.

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
