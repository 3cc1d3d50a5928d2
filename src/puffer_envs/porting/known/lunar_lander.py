"""lunar_lander and Gymnasium's LunarLander-v3, which needs Box2D."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from puffer_envs.porting import Draws, Given, Growth, Within, box2d, elapsed_steps, set_elapsed_steps

_PLACE = Within(1e-5, "float32 on both sides, rounded in another order: a unit in the last place of 13 is 1e-6")
_SPEED = Within(1e-4, "as places; a leg weighs 0.07 kg, and impulses of 1 N s are known to 1e-7")
_SPIN = Within(5e-4, "as speeds, with levers of 1 m")
_IMPULSE = Within(1e-4, "float32 on both sides, in 180 passes")
_RATE = 50
_POSTS = 11
_REACH = {"hull": 0.66, "left": 0.28, "right": 0.28}
_HEIGHT = 400 / 30
_START_FORCE = 1000
_WIND = 9999
_RESET_DRAWS = _POSTS + 1 + 2 + 2 + 2
_BODIES = ("hull", "left", "right")

FIELDS = {
    **{f"{body}_{name}": _PLACE for body in _BODIES for name in ("x", "y", "angle")},
    **{f"{body}_{name}": _SPEED for body in _BODIES for name in ("vx", "vy")},
    **{f"{body}_spin": _SPIN for body in _BODIES},
    **{f"{leg}_{name}": _IMPULSE for leg in ("left", "right") for name in ("pull_x", "pull_y", "stop", "motor")},
    "ground": Within(1e-6, "float32: half a unit in the last place of 6.7 is 2.4e-7"),
    "shaping": Within(1e-3, "100 times a distance, a speed and an angle"),
}
OBSERVATION = {
    **{name: Within(1e-5, "as the hull") for name in ("x", "y", "angle")},
    **{name: Within(1e-4, "as the hull") for name in ("vx", "vy", "spin")},
}
REWARD = Within(1e-3, "the difference of two shapings")
IGNORED = {
    **{f"{body}_still": "Box2D keeps it to itself; when a lander falls asleep is compared" for body in _BODIES},
    "touches": box2d.CONTACTS,
    "main": "it is kept for drawing; every step sets it from the action",
    "side": "it is kept for drawing; every step sets it from the action",
    "episode_return": "the reference has none: it is summed for the log",
    "wind_at": "there is no wind here",
    "twist_at": "there is no wind here",
}
GROWTH = Growth(1.0, "nothing pulls landers in the air apart")
FOLLOW = (
    f"{box2d.IMPULSES}and an episode of ours begins with a reset of the reference that gets the same random numbers"
)
NOTES = (
    box2d.ROUNDING,
    "Particles that Gymnasium draws for the engines touch nothing that moves and are left out.",
    box2d.LIMITS,
    "Box2D does 180 passes over impulses in a step. Here passes stop when one changes nothing, and speeds below 2e-6 "
    "m/s between two bodies count as none.",
)


def _pd(observation: Any) -> int:
    """Leans towards the pad, against the drift; falls the slower the lower it is; fires what is needed most."""
    x, y, vx, vy, angle, spin, right, left = (float(value) for value in observation)
    lean = min(0.4, max(-0.4, 0.5 * x + vx))
    turn, lift = 0.5 * (lean - angle) - spin, 0.5 * (0.55 * abs(x) - y) - 0.5 * vy
    if left or right:
        turn, lift = 0.0, -0.5 * vy
    if lift > max(abs(turn), 0.05):
        return 2
    return 3 if turn < -0.05 else 1 if turn > 0.05 else 0


PLAYERS = {"scripted": _pd}


def _bodies(original: Any) -> dict[str, Any]:
    return dict(zip(_BODIES, (original.lander, original.legs[1], original.legs[0]), strict=True))


def _ground(original: Any) -> list[float]:
    edges = [fixture.shape.vertices for fixture in original.moon.fixtures[1:]]
    heights = dict(edge for vertices in edges for edge in vertices)
    return [heights[2.0 * i] for i in range(_POSTS)]


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    original = env.unwrapped
    fields: dict[str, Any] = {"ground": _ground(original)}
    for name, body in _bodies(original).items():
        fields |= box2d.read_body(name, body)
    for name, leg in (("left", original.legs[1]), ("right", original.legs[0])):
        fields |= box2d.read_joint(name, leg.joint, _RATE)
        # Box2D keeps the limit to itself; the sign of its impulse says which it is
        fields[f"{name}_limit"] = (fields[f"{name}_stop"] > 0) + 2 * (fields[f"{name}_stop"] < 0)
    touched = (original.game_over, original.legs[1].ground_contact, original.legs[0].ground_contact, False)
    return {**fields, "touched": touched, "shaping": original.prev_shaping, "tick": elapsed_steps(env)}


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference, but for impulses."""
    original = env.unwrapped
    if not np.allclose(_ground(original), state["ground"], atol=1e-7):
        _write_ground(original, state["ground"])
    for name, body in _bodies(original).items():
        box2d.write_body(name, body, state)
    original.game_over = bool(state["touched"][0])
    original.legs[1].ground_contact = bool(state["touched"][1])
    original.legs[0].ground_contact = bool(state["touched"][2])
    original.prev_shaping = float(state["shaping"])
    set_elapsed_steps(env, state["tick"])


def _write_ground(original: Any, heights: Any) -> None:
    for fixture in list(original.moon.fixtures)[1:]:
        original.moon.DestroyFixture(fixture)
    posts = [(2.0 * i, float(height)) for i, height in enumerate(heights)]
    for i in range(_POSTS - 1):  # Box2D lists fixtures from the newest to the oldest
        original.moon.CreateEdgeFixture(vertices=[posts[i], posts[i + 1]], density=0, friction=0.1)


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """Two numbers shake the engines. Before the first step of an episode of ours, its reset is repeated."""
    del action
    if state["tick"] == 0:
        _share_reset(env, draws.before(_RESET_DRAWS), state)
    env.unwrapped.np_random = Given([draws.between(-1, 1), draws.between(-1, 1)])


def _share_reset(env: Any, draws: Draws, state: Mapping[str, Any]) -> None:
    """The ground, the push, two moments of the wind, and how the engines shake in the step that belongs to a reset."""
    heights = np.array([draws.between(0, _HEIGHT / 2) for _ in range(_POSTS + 1)])
    if not np.isclose(0.33 * (heights[-1] + heights[0] + heights[1]), state["ground"][0], atol=1e-5):
        return  # this episode was begun by the reference
    push = [draws.between(-_START_FORCE, _START_FORCE) for _ in range(2)]
    draws.below(2 * _WIND), draws.below(2 * _WIND)
    env.unwrapped.np_random = Given([heights, *push, draws.between(-1, 1), draws.between(-1, 1)])
    env.reset()


def chaotic(state: Mapping[str, Any]) -> bool:
    """A leg or the hull touches, or may in the next step, even if only within it."""
    return any(state["touched"]) or any(_is_near(state, body) for body in _BODIES)


def _is_near(state: Mapping[str, Any], body: str) -> bool:
    x, y, vx, vy = (float(state[f"{body}_{name}"]) for name in ("x", "y", "vx", "vy"))
    reach = _REACH[body] + math.hypot(vx, vy) / _RATE + 0.05
    ground, posts = np.asarray(state["ground"], np.float64), np.arange(_POSTS) * 2.0
    under = np.interp((x - reach, x + reach), posts, ground)
    between = ground[np.abs(posts - x) < reach]
    return bool(y - reach < max(*under, *between))
