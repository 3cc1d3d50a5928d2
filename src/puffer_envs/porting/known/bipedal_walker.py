"""bipedal_walker and Gymnasium's BipedalWalker-v3 and, with `hardcore=1`, BipedalWalkerHardcore-v3; both need Box2D."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Draws, Given, Growth, Within, box2d, elapsed_steps, set_elapsed_steps

_PLACE = Within(1e-4, "float32 on both sides, rounded in another order; a unit in the last place of 89 is 8e-6")
_SPEED = Within(5e-4, "as places; a shin weighs 0.24 kg, and impulses of 2 N s are known to 2e-7")
_SPIN = Within(2e-3, "as speeds, with levers of half a metre")
_IMPULSE = Within(5e-4, "float32 on both sides, in 180 passes")
_RATE = 50
_POSTS = 200
_START = 20
_STRIDE = 14 / 30
_PLACES = np.arange(_POSTS) * _STRIDE
_CLOUDS = 10 * (1 + 5 * 2)
_BLOCKS = 40
_STEP, _PIT = 4, 4
_STUMP, _STAIRS, _PITFALL = 1, 2, 3
_BODIES = ("hull", "thigh1", "shin1", "thigh2", "shin2")
_HINGES = ("hip1", "knee1", "hip2", "knee2")
_ZERO = {"hip1": -0.05, "knee1": 0.0, "hip2": 0.05, "knee2": 0.0}
_LIMITS = {"hip": (-0.8, 1.1), "knee": (-1.6, -0.1)}
_SLOP = math.radians(2)
_REACH = {"hull": 1.2, "thigh1": 0.6, "thigh2": 0.6, "shin1": 0.6, "shin2": 0.6}

FIELDS = {
    **{f"{body}_{name}": _PLACE for body in _BODIES for name in ("x", "y", "angle")},
    **{f"{body}_{name}": _SPEED for body in _BODIES for name in ("vx", "vy")},
    **{f"{body}_spin": _SPIN for body in _BODIES},
    **{f"{hinge}_{name}": _IMPULSE for hinge in _HINGES for name in ("pull_x", "pull_y", "stop", "motor")},
    "ground": Within(1e-6, "float32: half a unit in the last place of 4 is 2.4e-7"),
    "block_bottom": Within(1e-6, "as the ground"),
    "shaping": Within(1e-3, "4.3 times a place of 89, and 5 times an angle"),
}
OBSERVATION = {
    **{name: Within(1e-4, "as the hull") for name in ("angle", "spin", "vx", "vy")},
    **{f"{hinge}{name}": Within(5e-4, "as two bodies") for hinge in _HINGES for name in ("", "_speed")},
    "rays": Within(1e-4, "as the hull"),
}
REWARD = Within(1e-3, "the difference of two shapings")
IGNORED = {
    **{f"{body}_still": "Box2D keeps it to itself" for body in _BODIES},
    **{f"{body}_touches": "Gymnasium counts hull and shins alone" for body in ("thigh1", "thigh2")},
    **{f"{hinge}_limit": "Box2D keeps it to itself; the impulse of a limit is compared" for hinge in _HINGES},
    "touches": box2d.CONTACTS,
    "episode_return": "the reference has none: it is summed for the log",
    "way": "the reference has none: it is for the log",
}
GROWTH = Growth(1.0, "a walker is in the air for a few steps alone")
FOLLOW = (
    f"{box2d.IMPULSES}and an episode of ours begins with a reset of the reference that gets the same random numbers"
)
NOTES = (
    box2d.ROUNDING,
    "A motor that presses a hinge to its limit leaves it two degrees beyond, where places count as right. A rounding "
    "decides there whether they are corrected once more, which moves bodies by a millimetre.",
    "Gymnasium keeps one world of Box2D and removes an episode's bodies from it. Box2D then gives their places to "
    "those of the next one in another order, and with them the order in which contacts are solved: over the same 400 "
    "episodes the scripted walker scores 46.9 in such a world, and 63.4 in new ones (a 95 % interval of 13). Here all "
    "worlds are new, and the reference gets a new one for each episode.",
    "Clouds, which Gymnasium draws at random, are left out.",
    box2d.LIMITS,
)


class _Walker:
    """Stands on one leg while the other swings ahead, puts it down, pushes off: Gymnasium's heuristic, retold."""

    stand, swing = 0.1, 1.1

    def __init__(self) -> None:
        self.phase, self.moving, self.knee = "stand", 0, self.stand

    def __call__(self, seen: Any) -> Any:
        s = [float(value) for value in seen]
        move, hold = 4 + 5 * self.moving, 9 - 5 * self.moving
        hips: list[float | None] = [None, None]
        knees: list[float | None] = [None, None]
        moving, holding = self.moving, 1 - self.moving
        if self.phase == "stand":
            hips[moving], knees[moving] = self.swing, -0.6
            self.knee = min(self.knee + (0.06 if s[2] > 0.29 else 0.03), self.stand)
            knees[holding] = self.knee
            if s[hold] < 0.10:
                self.phase = "down"
        if self.phase == "down":
            hips[moving], knees[moving], knees[holding] = 0.1, self.stand, self.knee
            if s[move + 4]:
                self.phase, self.knee = "push", min(s[move + 2], self.stand)
        if self.phase == "push":
            knees[moving], knees[holding] = self.knee, 1.0
            if s[hold + 2] > 0.88 or s[2] > 1.2 * 0.29:
                self.phase, self.moving = "stand", holding
        out = []
        for leg in range(2):
            at, hip, knee = 4 + 5 * leg, hips[leg], knees[leg]
            turn = 0.0 if hip is None else 0.9 * (hip - s[at]) - 0.25 * s[at + 1]
            bend = 0.0 if knee is None else 4.0 * (knee - s[at + 2]) - 0.25 * s[at + 3]
            out += [turn + 0.9 * s[0] + 1.5 * s[1], bend - 15.0 * s[3]]
        return np.clip(0.5 * np.array(out, np.float32), -1, 1)


PLAYERS = {"scripted": _Walker}


def prepare(env: Any) -> None:
    """Give each episode a world of its own."""
    original = env.unwrapped
    reset, make_world = original.reset, type(original.world)

    def reset_in_new_world(**given: Any) -> Any:
        original._destroy()
        original.world = make_world()
        return reset(**given)

    original.reset = reset_in_new_world


def _bodies(original: Any) -> dict[str, Any]:
    return dict(zip(_BODIES, (original.hull, *original.legs), strict=True))


def _terrain(original: Any) -> dict[str, Any]:
    """Heights of the posts, and blocks; they are read once an episode, as each edge is a body of its own."""
    known = getattr(original, "puffer_terrain", None)
    if known is None or known[0] is not original.terrain:
        shapes = [body.fixtures[0].shape.vertices for body in reversed(original.terrain)]
        edges = [shape for shape in shapes if len(shape) == 2]
        blocks = [_block(shape) for shape in shapes if len(shape) > 2]
        fields = {"ground": [edges[0][0][1], *(edge[1][1] for edge in edges)], "num_blocks": len(blocks)}
        for i, name in enumerate(("bottom", "post", "wide", "high", "kind")):
            fields[f"block_{name}"] = [block[i] for block in blocks] + [0] * (_BLOCKS - len(blocks))
        known = original.terrain, fields
        original.puffer_terrain = known
    return dict(known[1])


def _block(corners: Any) -> tuple[float, int, int, int, int]:
    """Its height, m; its left end, width and height, strides; and what it is of."""
    xs, ys = zip(*corners, strict=True)
    wide, high = round((max(xs) - min(xs)) / _STRIDE), round((max(ys) - min(ys)) / _STRIDE)
    kind = _STAIRS if wide == _STEP else _PITFALL if high == _PIT else _STUMP
    return min(ys), round(min(xs) / _STRIDE), wide, high, kind


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    original = env.unwrapped
    fields: dict[str, Any] = _terrain(original)
    for name, body in _bodies(original).items():
        fields |= box2d.read_body(name, body)
    for name, joint in zip(_HINGES, original.joints, strict=True):
        fields |= box2d.read_joint(name, joint, _RATE)
    fields["hull_touches"] = original.game_over
    fields["shin1_touches"], fields["shin2_touches"] = (original.legs[i].ground_contact for i in (1, 3))
    return {**fields, "shaping": original.prev_shaping, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference, but for impulses."""
    original = env.unwrapped
    if not np.allclose(_terrain(original)["ground"], state["ground"], atol=1e-6):
        _write_terrain(original, state)
    for name, body in _bodies(original).items():
        box2d.write_body(name, body, state)
    original.game_over = bool(state["hull_touches"])
    original.legs[1].ground_contact = bool(state["shin1_touches"])
    original.legs[3].ground_contact = bool(state["shin2_touches"])
    original.prev_shaping = float(state["shaping"])
    set_elapsed_steps(env, state["tick"])


def _write_terrain(original: Any, state: Mapping[str, Any]) -> None:
    for body in original.terrain:
        original.world.DestroyBody(body)
    original.terrain = []
    for i in range(int(state["num_blocks"])):
        bottom, post, wide, high = (float(state[f"block_{name}"][i]) for name in ("bottom", "post", "wide", "high"))
        left, right, top = post * _STRIDE, (post + wide) * _STRIDE, bottom + high * _STRIDE
        original.fd_polygon.shape.vertices = [(left, bottom), (right, bottom), (right, top), (left, top)]
        original.terrain.append(original.world.CreateStaticBody(fixtures=original.fd_polygon))
    posts = [(i * _STRIDE, float(height)) for i, height in enumerate(state["ground"])]
    for i in range(_POSTS - 1):
        original.fd_edge.shape.vertices = [posts[i], posts[i + 1]]
        original.terrain.append(original.world.CreateStaticBody(fixtures=original.fd_edge))
    original.terrain.reverse()


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """A step draws nothing. Before the first step of an episode of ours, its reset is repeated."""
    del action
    if state["tick"] != 0:
        return
    hardcore = env.unwrapped.hardcore
    for count in range(100, 260) if hardcore else (181, 182):
        given, heights = _reset_draws(draws.before(count), hardcore)
        if np.allclose(heights, state["ground"], atol=1e-6):
            env.unwrapped.np_random = Given(given)
            env.reset()
            return


def _reset_draws(draws: Draws, hardcore: bool = False) -> tuple[list[Any], list[float]]:
    """What a reset of the reference draws, and the ground that comes of it; zeros for clouds."""
    given: list[Any] = []
    heights: list[float] = []
    height, slope, left, level = 400 / 30 / 4, 0.0, _START, False
    laid: list[float] = []  # heights of the obstacle's posts that are still to come
    grass = True
    for i in range(_POSTS):
        if not grass:
            height = laid.pop(0)
        elif not level:
            slope = 0.8 * slope + 0.01 * np.sign(400 / 30 / 4 - height)
            if i > _START:
                given.append(draws.between(-1, 1))
                slope += given[-1] / 30
            height += slope
        heights.append(float(height))
        left -= 1
        level = left == 0
        if level:
            left = 5 + draws.below(5)
            given.append(left)
            grass = not (hardcore and grass)
            if not grass:
                given.append(1 + draws.below(3))
                if i + 1 < _POSTS:
                    laid = _lay(given[-1], draws, given, height)
                    left = len(laid)
    return [*given, *[0.0] * _CLOUDS, draws.between(-5, 5)], heights


def _lay(kind: int, draws: Draws, given: list[Any], base: float) -> list[float]:
    """Heights of an obstacle's posts; what the reference draws for it goes to `given`."""
    if kind == _STUMP:
        given.append(1 + draws.below(2))
        return [base] * given[-1]
    if kind == _STAIRS:
        given.append(draws.uniform())
        rise = 1 if given[-1] > 0.5 else -1
        given += [_STEP, 3 + draws.below(2)]
        strides = _STEP * given[-1]
        return [base, *(base + (k - rise) * rise * _STRIDE / _STEP for k in range(1, strides))]
    given.append(3 + draws.below(2))
    return [base, *[base - _PIT * _STRIDE] * given[-1], base]


def chaotic(state: Mapping[str, Any]) -> bool:
    """A leg or the hull touches, or may in the next step, even if only within it; or a hinge is at its slop."""
    touches = ("hull_touches", "shin1_touches", "shin2_touches")
    return (
        any(state[name] for name in touches)
        or any(box2d.is_near_ground(state, body, _REACH[body], _RATE, _PLACES, _STRIDE) for body in _BODIES)
        or any(_is_at_its_slop(state, hinge) for hinge in _HINGES)
    )


def _is_at_its_slop(state: Mapping[str, Any], hinge: str) -> bool:
    """There a rounding decides whether places are corrected once more, which moves all bodies."""
    leg = hinge[-1]
    a, b = ("hull", f"thigh{leg}") if hinge.startswith("hip") else (f"thigh{leg}", f"shin{leg}")
    angle = float(state[f"{b}_angle"]) - float(state[f"{a}_angle"]) - _ZERO[hinge]
    low, high = _LIMITS[hinge[:-1]]
    return min(abs(low - angle - _SLOP), abs(angle - high - _SLOP)) < 2e-5
