# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, embedsignature=True
"""Pictures in memory, drawn from display lists (c/draw/raster.h)."""
from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

cdef extern from "draw/raster.h" nogil:
    enum:
        PUF_DRAW_CLEAR
        PUF_DRAW_RECT
        PUF_DRAW_BORDER
        PUF_DRAW_RING
        PUF_DRAW_GLOW
        PUF_DRAW_LINE
        PUF_DRAW_POLYGON
        PUF_DRAW_PATH
        PUF_DRAW_TEXT
        PUF_DRAW_SCENE
        PUF_DRAW_TRIANGLES
        PUF_DRAW_CHAIN
        PUF_DRAW_SCENE_END
    ctypedef struct PufMesh:
        const float* points
        const float* shades
        int32_t count
    ctypedef struct PufFont:
        const float* points
        const int32_t* contours
        const int32_t* glyphs
        const float* advances
        int32_t count
    ctypedef struct PufRaster:
        pass
    PufRaster* puf_raster_new(int32_t, int32_t, PufFont)
    void puf_raster_free(PufRaster*)
    int64_t puf_raster_draw(PufRaster*, const double*, int64_t, const PufMesh*, int32_t, double)
    void puf_raster_rgb(const PufRaster*, uint8_t*)
    void puf_raster_yuv420(const PufRaster*, uint8_t*, int32_t, uint8_t*, int32_t, uint8_t*, int32_t)

    ctypedef struct PufVerb:
        int8_t numbers, color, count, each
    const PufVerb puf_draw_verbs[]

cdef extern from "draw/space.h" nogil:
    ctypedef struct PufCamera:
        double yaw
    ctypedef struct PufPiece:
        int64_t first_point, first_shade
        int32_t points, triangles
    ctypedef struct PufSpace:
        double yaw, pitch, zoom
        PufCamera camera
        float* points
        float* shades
        PufPiece* pieces
        int64_t num_points, room_points, num_shades, room_shades, num_pieces, room_pieces

cdef extern from "draw/picture.h" nogil:
    ctypedef struct PufPicture:
        double* list
        int64_t length, room
        double width, height
        int32_t person
        const float* advances
        PufSpace* space
        const void* before
        double share
    ctypedef struct PufLine:
        char text[512]
        size_t length
    ctypedef struct PufDrawing:
        int32_t width, height
        void (*draw)(const void*, const void*, PufPicture*) noexcept nogil
        void (*between)(const void*, const void*, int32_t, int32_t, void*) noexcept nogil
        int32_t (*frames)(const void*, const void*) noexcept nogil
        int32_t (*touch)(const void*, const void*, double, double) noexcept nogil
        int32_t (*press)(const void*, const void*, int32_t) noexcept nogil
        void (*verdict)(const void*, int32_t, PufLine*) noexcept nogil
    const PufDrawing* puf_drawing(const char*)

VERBS = {
    "CLEAR": PUF_DRAW_CLEAR,
    "RECT": PUF_DRAW_RECT,
    "BORDER": PUF_DRAW_BORDER,
    "RING": PUF_DRAW_RING,
    "GLOW": PUF_DRAW_GLOW,
    "LINE": PUF_DRAW_LINE,
    "POLYGON": PUF_DRAW_POLYGON,
    "PATH": PUF_DRAW_PATH,
    "TEXT": PUF_DRAW_TEXT,
    "SCENE": PUF_DRAW_SCENE,
    "TRIANGLES": PUF_DRAW_TRIANGLES,
    "CHAIN": PUF_DRAW_CHAIN,
    "SCENE_END": PUF_DRAW_SCENE_END,
}
SHAPES = [
    (puf_draw_verbs[verb].numbers, puf_draw_verbs[verb].count, puf_draw_verbs[verb].each) for verb in range(len(VERBS))
]


cdef class Raster:
    """A picture of width x height pixels. Several may exist; each belongs to one thread at a time."""
    cdef PufRaster* raster
    cdef readonly int width, height
    cdef const float[::1] points, advances
    cdef const int32_t[::1] contours, glyphs

    def __cinit__(self, int width, int height, const float[::1] points, const int32_t[::1] contours,
                  const int32_t[::1] glyphs, const float[::1] advances):
        cdef PufFont font
        if not (0 < width <= 16384 and 0 < height <= 16384):
            raise ValueError(f"a picture of {width} x {height} pixels: each side must be from 1 to 16384")
        self.width, self.height = width, height
        self.points, self.contours, self.glyphs, self.advances = points, contours, glyphs, advances
        font.points, font.contours, font.glyphs = &points[0], &contours[0], &glyphs[0]
        font.advances, font.count = &advances[0], <int32_t>advances.shape[0]
        self.raster = puf_raster_new(width, height, font)
        if self.raster == NULL:
            raise MemoryError(f"no memory for a picture of {width} x {height} pixels")

    def __dealloc__(self):
        puf_raster_free(self.raster)

    def draw(self, const double[::1] numbers, list meshes, double scale):
        """Draw a list. meshes: (points (n, 3, 3) or (n, 3) float32, brightness (n,) float32 or None) each."""
        cdef const float[::1] points, shades
        cdef int count = len(meshes), i
        cdef int64_t length = numbers.shape[0], wrong
        cdef PufMesh* found = <PufMesh*>malloc((count + 1) * sizeof(PufMesh))
        if found == NULL:
            raise MemoryError("no memory for the meshes of a scene")
        try:
            for i in range(count):
                corners, brightness = meshes[i]
                points = corners.reshape(-1)
                found[i].points = &points[0] if points.shape[0] else NULL
                found[i].count = <int32_t>(points.shape[0] // 3)
                found[i].shades = NULL
                if brightness is not None and points.shape[0]:
                    shades = brightness
                    if shades.shape[0] != found[i].count // 3:
                        raise ValueError(f"{found[i].count // 3} triangles with {shades.shape[0]} brightnesses")
                    found[i].shades = &shades[0]
            if length == 0:
                return
            with nogil:
                wrong = puf_raster_draw(self.raster, &numbers[0], length, found, count, scale)
        finally:
            free(found)
        if wrong < 0:
            raise MemoryError("no memory for a scene")
        if wrong > 0:
            raise ValueError(f"number {wrong - 1} of a display list of {length} makes no sense")

    def rgb(self):
        """The picture: a new array (height, width, 3) uint8."""
        pixels = np.empty((self.height, self.width, 3), np.uint8)
        cdef uint8_t[:, :, ::1] view = pixels
        with nogil:
            puf_raster_rgb(self.raster, &view[0, 0, 0])
        return pixels

    def yuv420(self, uint8_t[:, ::1] luma, uint8_t[:, ::1] blue, uint8_t[:, ::1] red):
        """Write the picture for video: BT.709, limited range, chroma at half the size. Rows may be longer."""
        cdef int rows = self.height // 2, columns = self.width // 2
        if luma.shape[0] < 2 * rows or luma.shape[1] < 2 * columns:
            raise ValueError("the luma plane is too small")
        if min(blue.shape[0], red.shape[0]) < rows or min(blue.shape[1], red.shape[1]) < columns:
            raise ValueError("the chroma planes are too small")
        if rows and columns:
            with nogil:
                puf_raster_yuv420(self.raster, &luma[0, 0], <int32_t>luma.shape[1], &blue[0, 0],
                                  <int32_t>blue.shape[1], &red[0, 0], <int32_t>red.shape[1])


cdef const PufDrawing* found(str name) except NULL:
    cdef const PufDrawing* drawing = puf_drawing(name.encode())
    if drawing == NULL:
        raise KeyError(name)
    return drawing


def drawing_size(str name):
    """Width and height of a drawing in C, in units. Raises KeyError where there is none."""
    cdef const PufDrawing* drawing = found(name)
    return drawing.width, drawing.height


cdef object room_for(object array, int64_t wanted):
    """The array, or a larger one: a drawing says afterwards how much it would have written."""
    return array if wanted <= len(array) else np.empty(wanted, array.dtype)


def list_of(str name, const uint8_t[::1] state, const uint8_t[::1] assets, double width, double height, int person,
            const float[::1] advances, double yaw=0.0, double pitch=0.0, double zoom=1.0,
            const uint8_t[::1] before=None, double share=1.0):
    """What a drawing in C draws of a state, which must be a valid one. person: -1 where there is none.

    yaw, pitch, zoom: how a person has moved the camera of a scene.
    before, share: the state before the step, and how much of the step is shown, if the drawing glides.

    Returns:
        The display list as bytes; its meshes; the camera's yaw as the drawing put it, 0 where there is none.
    """
    cdef const PufDrawing* drawing = found(name)
    cdef PufPicture picture
    cdef PufSpace space
    cdef double[::1] numbers
    cdef float[::1] points, shades
    cdef uint8_t[::1] pieces
    cdef const void* shared = &assets[0] if assets.shape[0] else NULL
    arrays = [np.empty(1 << 13), np.empty(1 << 12, np.float32), np.empty(1 << 10, np.float32),
              np.empty(64 * sizeof(PufPiece), np.uint8)]
    memset(&space, 0, sizeof(space))
    space.yaw, space.pitch, space.zoom = yaw, pitch, zoom
    picture.width, picture.height, picture.person = width, height, person
    picture.advances, picture.space = &advances[0], &space
    picture.before, picture.share = NULL, share
    if before is not None:
        if before.shape[0] != state.shape[0]:
            raise ValueError(f"{name}: these are not two states of one environment")
        picture.before = &before[0]
    while True:
        numbers, points, shades, pieces = arrays
        picture.list, picture.length, picture.room = &numbers[0], 0, numbers.shape[0]
        space.points, space.num_points, space.room_points = &points[0], 0, points.shape[0] // 3
        space.shades, space.num_shades, space.room_shades = &shades[0], 0, shades.shape[0]
        space.pieces, space.num_pieces = <PufPiece*>&pieces[0], 0
        space.room_pieces = pieces.shape[0] // <int64_t>sizeof(PufPiece)
        with nogil:
            drawing.draw(&state[0], shared, &picture)
        wanted = [picture.length, 3 * space.num_points, space.num_shades, space.num_pieces * sizeof(PufPiece)]
        if all([count <= len(array) for count, array in zip(wanted, arrays)]):
            break
        arrays = [room_for(array, count) for array, count in zip(arrays, wanted)]
    meshes = []
    for i in range(space.num_pieces):
        piece = &space.pieces[i]
        corners = arrays[1][3 * piece.first_point : 3 * (piece.first_point + piece.points)]
        corners = corners.reshape(-1, 3, 3) if piece.triangles else corners.reshape(-1, 3)
        first = piece.first_shade
        meshes.append((corners, arrays[2][first : first + piece.points // 3] if first >= 0 else None))
    return arrays[0][:picture.length].tobytes(), meshes, space.camera.yaw


def state_between(str name, const uint8_t[::1] before, const uint8_t[::1] after, int frame, int frames):
    """The state at a frame of a step of so many, given those around it: a new array."""
    cdef const PufDrawing* drawing = found(name)
    if drawing.between == NULL or before.shape[0] != after.shape[0]:
        raise ValueError(f"{name} has no states between these")
    shown = np.array(before)
    cdef uint8_t[::1] to = shown
    with nogil:
        drawing.between(&before[0], &after[0], frame, frames, &to[0])
    return shown


def frames_between(str name, const uint8_t[::1] before, const uint8_t[::1] after):
    """In how many frames the step between two states is shown."""
    cdef const PufDrawing* drawing = found(name)
    if drawing.frames == NULL or before.shape[0] != after.shape[0]:
        raise ValueError(f"{name}: its steps all take as long, or these are not two states of one environment")
    return drawing.frames(&before[0], &after[0])


def action_at(str name, const uint8_t[::1] state, const uint8_t[::1] assets, double x, double y):
    """The action for a click at a point of the picture; -1: none."""
    cdef const PufDrawing* drawing = found(name)
    if drawing.touch == NULL:
        raise ValueError(f"{name} is not played by clicks")
    return drawing.touch(&state[0], &assets[0] if assets.shape[0] else NULL, x, y)


def action_of(str name, const uint8_t[::1] state, const uint8_t[::1] assets, int key):
    """The action of a key that means something else in every state, by its number."""
    cdef const PufDrawing* drawing = found(name)
    if drawing.press == NULL:
        raise ValueError(f"the keys of {name} always mean the same")
    return drawing.press(&state[0], &assets[0] if assets.shape[0] else NULL, key)


def offers(str name):
    """Which of the optional functions a drawing in C has."""
    cdef const PufDrawing* drawing = found(name)
    given = {"between": drawing.between != NULL, "frames": drawing.frames != NULL, "touch": drawing.touch != NULL,
             "press": drawing.press != NULL, "verdict": drawing.verdict != NULL}
    return {name for name, has in given.items() if has}


def verdict_of(str name, const uint8_t[::1] state, int agent):
    """How the agent's last episode ended, in words."""
    cdef const PufDrawing* drawing = found(name)
    cdef PufLine line
    if drawing.verdict == NULL:
        raise ValueError(f"{name} does not say how an episode ended")
    line.length = 0
    line.text[0] = 0
    drawing.verdict(&state[0], agent, &line)
    return line.text[:line.length].decode()
