"""car_racing and Gymnasium's CarRacing-v3, which needs Box2D and pygame."""

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs.porting import Draws, Given, Growth, Within, elapsed_steps, set_elapsed_steps

_TILES = 448
_RATE = 50
_HALF_ROAD = 40 / 6
_WORLD = 2000 / 6
_SKIN = 0.02
_ROUNDING = 3e-4
_LOCK = 0.4
_CORNERS = np.array([[-0.28, 0.54], [0.28, 0.54], [0.28, -0.54], [-0.28, -0.54]])
_PLACES = np.array([0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 19, 22, 25])
_MOST_WORLDS = 200

_PLACE = Within(1.5e-4, "float32 on both sides: a unit in the last place of 300 is 3e-5; Box2D turns levers once more")
_SPEED = Within(1e-3, "float32 on both sides; a wheel weighs 0.06 kg, and a push on it alone is up to 132 m/s")
_SPIN = Within(3e-4, "steering turns a difference of angles, known to 1e-6, into 50 times that in rad/s")
_ANGLE = Within(3e-5, "float32 on both sides: a unit in the last place of 20 is 2e-6; and a step of a spin")
_ROAD = Within(2e-5, "float32 here, float64 there: half a unit in the last place of 240 is 8e-6")

FIELDS = {
    **dict.fromkeys(("x", "y", "wheel_x", "wheel_y"), _PLACE),
    **dict.fromkeys(("vx", "vy", "wheel_vx", "wheel_vy"), _SPEED),
    **dict.fromkeys(("spin", "wheel_spin"), _SPIN),
    **dict.fromkeys(("angle", "wheel_angle"), _ANGLE),
    "roll": Within(1e-3, "float32 here, float64 there: it is pulled to the speed of the ground, which is float32"),
    "phase": Within(1e-4, "as roll, for a step", period=2 * math.pi),
    "gas": Within(1e-6, "float32 here, float64 there"),
    "brake": Within(1e-7, "float32 here, float64 there"),
    "steer": Within(1e-7, "float32 here, float64 there"),
    "due": Within(1e-5, "float32 here, float64 there"),
    **dict.fromkeys(("road_x", "road_y", "road_cosine", "road_sine", "middle_x", "middle_y"), _ROAD),
}
OBSERVATION = {
    **{name: Within(5e-5, "as the speeds of hull and wheels") for name in ("forwards", "sideways", "spin", "roll")},
    "steering": Within(1e-4, "as two angles; 1 is 0.4 rad"),
    "visited": Within(1e-7, "float32"),
    "road": Within(1e-4, "as places and angles, 77 m ahead"),
}
REWARD = Within(1e-4, "float32 here, a difference of sums in float64 there")
IGNORED = {
    "skids": "it is kept for drawing; Gymnasium keeps traces for the same",
    "still": "Box2D keeps it to itself",
    "episode_return": "the reference has none: it is summed for the log",
    **dict.fromkeys(("trail_x", "trail_y", "trail_angle", "trail_skids"), "it is kept for drawing"),
}
GROWTH = Growth(1.03, "the car is steered back by nobody: a difference in heading moves it farther and farther apart")
NOTES = (
    "Gymnasium shows a picture of 96 by 96 pixels. Here the observation is made of numbers, and the comparison "
    "computes them a second time from the reference's state, in place of its pictures; its speed is that without them.",
    "Tracks and starts are compared as well: before the first step of each episode of ours the reference begins one "
    "with the same 24 random numbers, and every post of its track must be within 2e-5 m.",
    "Cars start with their wheels where they would be on a car that faces upwards; hinges pull them to the hull in the "
    "reset. This is so in Gymnasium, too.",
    "A wheel that is within 0.3 mm of touching a tile or not, a hinge that is at its lock within a rounding, and a car "
    "that is about to fall asleep are left to distributions: a rounding decides there.",
    "A lap is complete when all tiles were visited. `lap_share`, 95 %, counts only when the first tile is visited "
    "after so many others; but cars start on it. This is so in Gymnasium, too.",
    "Wheels leave traces in Gymnasium, which only its pictures show.",
)


class _Scripted:
    """Steers to a place ahead; as fast as the bends ahead allow."""

    def __call__(self, seen: Any) -> Any:
        s = np.asarray(seen, np.float64)
        speed, places = 50 * s[0], 25 * s[14:42].reshape(-1, 2)
        goal = places[int(np.clip(2 + speed / 18, 2, 6))]
        steer = 2.2 * math.atan2(goal[0], max(goal[1], 0.1)) + 0.1 * s[2] * 5
        ways = np.diff(places, axis=0)
        headings = np.unwrap(np.arctan2(ways[:, 0], ways[:, 1]))
        bends = np.abs(np.diff(headings)) / np.hypot(*ways[1:].T)
        reach = np.hypot(*places[1:-1].T)
        fast = min(50.0, float(np.sqrt(60 / np.maximum(bends, 1e-3) + 2 * 25 * reach).min()))
        return np.clip([steer, 0.3 * (fast - speed), 0.05 * (speed - fast - 2)], [-1, 0, 0], [1, 1, 0.8])


PLAYERS = {"scripted": _Scripted}


# The reference: numbers in place of pictures, and a world of Box2D for each track.


def prepare(env: Any) -> None:
    """Observations as ours, from its state; and episodes always begin in the world that it was made with."""
    original = env.unwrapped
    make_track, reset = original._create_track, original.reset
    original.puffer_worlds = {}
    original.puffer_home = None

    def make_track_and_stand_on_it() -> Any:
        original.puffer_at = 0
        return make_track()

    def reset_at_home(**given: Any) -> Any:
        if original.puffer_home is not None:
            original.car.destroy()
            original.world, original.road, original.track, original.car = original.puffer_home
            original.puffer_home = None
        return reset(**given)

    original._create_track, original.reset = make_track_and_stand_on_it, reset_at_home
    original._render = lambda mode: _see(original)


def observe(observation: Any) -> Any:
    """It is one of ours already."""
    return observation


def _posts(original: Any) -> NDArray[np.float64]:
    """x, y, cosine and sine of all posts; once for a track."""
    known = getattr(original, "puffer_posts", None)
    if known is None or known[0] is not original.track:
        track = np.array([row[1:] for row in original.track])
        known = original.track, np.stack([track[:, 1], track[:, 2], np.cos(track[:, 0]), np.sin(track[:, 0])])
        original.puffer_posts = known
    return np.asarray(known[1])


def _beyond(posts: NDArray[np.float64], at: int, x: float, y: float) -> float:
    px, py, cosine, sine = posts[:, at]
    return float(cosine * (y - py) - sine * (x - px))


def _follow(original: Any, x: float, y: float) -> int:
    """The post behind the car."""
    posts, at = _posts(original), int(original.puffer_at)
    count = posts.shape[1]
    if np.hypot(posts[0, at] - x, posts[1, at] - y) > 30:
        at = int(np.argmin(np.hypot(posts[0] - x, posts[1] - y)))
    for _ in range(8):
        if _beyond(posts, (at + 1) % count, x, y) < 0:
            break
        at = (at + 1) % count
    for _ in range(8):
        if _beyond(posts, at, x, y) >= 0:
            break
        at = (at - 1) % count
    original.puffer_at = at
    return at


def _see(original: Any) -> NDArray[np.float32]:
    """The observation, told a second time."""
    hull, wheels = original.car.hull, original.car.wheels
    x, y = hull.worldCenter
    at = _follow(original, x, y)
    posts = _posts(original)
    count = posts.shape[1]
    sine, cosine = math.sin(hull.angle), math.cos(hull.angle)
    vx, vy = hull.linearVelocity
    behind, ahead = (_beyond(posts, i % count, x, y) for i in (at, at + 1))
    share = min(max(behind / (behind - ahead), 0.0), 1.0) if behind > ahead else 0.0
    one = (at + _PLACES[:-1]) % count
    middle = posts[:2, one] + share * (posts[:2, (one + 1) % count] - posts[:2, one]) - [[x], [y]]
    road = np.stack([middle[0] * cosine + middle[1] * sine, middle[1] * cosine - middle[0] * sine], 1)
    left = [not original.road[(at + 1 + i) % count].road_visited for i in range(_PLACES[-1])]
    return np.array(
        [
            (vy * cosine - vx * sine) / 50,
            (vx * cosine + vy * sine) / 20,
            hull.angularVelocity / 5,
            (wheels[0].angle - hull.angle) / _LOCK,
            *(wheel.omega * 0.54 / 50 for wheel in wheels),
            *(float(len(wheel.tiles) > 0) for wheel in wheels),
            wheels[2].gas,
            original.tile_visited_count / count,
            *(road.reshape(-1) / 25),
            *(float(any(left[a:b])) for a, b in pairwise(_PLACES)),
        ],
        np.float32,
    )


def read(env: Any) -> dict[str, Any]:
    """Our fields, from the reference."""
    original = env.unwrapped
    hull, wheels = original.car.hull, original.car.wheels
    fields: dict[str, Any] = {"tick": elapsed_steps(env), "tiles": len(original.road), "at": original.puffer_at}
    for prefix, bodies in (("", (hull,)), ("wheel_", wheels)):
        columns = {
            "x": [body.worldCenter[0] for body in bodies],
            "y": [body.worldCenter[1] for body in bodies],
            "angle": [body.angle for body in bodies],
            "vx": [body.linearVelocity[0] for body in bodies],
            "vy": [body.linearVelocity[1] for body in bodies],
            "spin": [body.angularVelocity for body in bodies],
        }
        fields.update({prefix + name: column if prefix else column[0] for name, column in columns.items()})
    fields["roll"] = [wheel.omega for wheel in wheels]
    fields["phase"] = [math.remainder(wheel.phase, 2 * math.pi) for wheel in wheels]
    fields["on_road"] = [_is_on_road(wheel) for wheel in wheels]
    fields["gas"], fields["brake"], fields["steer"] = wheels[2].gas, wheels[2].brake, wheels[0].steer
    fields["due"] = original.reward - original.prev_reward
    fields["visited"] = original.tile_visited_count
    for name, row in zip(("x", "y", "cosine", "sine"), _posts(original), strict=True):
        fields[f"road_{name}"] = np.pad(row, (0, _TILES - len(row)))
        if name in ("x", "y"):
            fields[f"middle_{name}"] = row[np.minimum(np.arange(8, _TILES, 16), len(row) - 1)]
    fields["seen"] = np.pad([tile.road_visited for tile in original.road], (0, _TILES - len(original.road)))
    return fields


def write(env: Any, state: Mapping[str, Any]) -> None:
    """Put our fields into the reference: a new car, in the world of the track."""
    original = env.unwrapped
    _enter_world(original, state)
    if original.car is not None:
        original.car.destroy()
    car = original.car = type(original.puffer_home[3])(original.world, 0.0, 0.0, 0.0)
    _put(car.hull, state["x"], state["y"], state["angle"], state["vx"], state["vy"], state["spin"])
    for i, wheel in enumerate(car.wheels):
        _put(wheel, *(state[f"wheel_{name}"][i] for name in ("x", "y", "angle", "vx", "vy", "spin")))
        wheel.omega, wheel.phase = float(state["roll"][i]), float(state["phase"][i])
        wheel.tiles = _Tiles(original.road[0] if state["on_road"][i] else None)
        wheel.brake, wheel.gas = float(state["brake"]), float(state["gas"]) if i >= 2 else 0.0
        wheel.steer = float(state["steer"]) if i < 2 else 0.0
    for tile, seen in zip(original.road, state["seen"], strict=False):
        tile.road_visited = bool(seen)
    original.tile_visited_count = int(state["visited"])
    original.reward, original.prev_reward = float(state["due"]), 0.0
    original.new_lap, original.puffer_at = False, int(state["at"])
    original.t = int(state["tick"]) / _RATE
    set_elapsed_steps(env, state["tick"])


def _put(body: Any, *numbers: Any) -> None:
    x, y, angle, vx, vy, spin = (float(number) for number in numbers)
    cx, cy = body.localCenter
    sine, cosine = math.sin(angle), math.cos(angle)
    body.transform = ((x - (cosine * cx - sine * cy), y - (sine * cx + cosine * cy)), angle)
    body.linearVelocity = (vx, vy)
    body.angularVelocity = spin


class _Tiles(set[Any]):
    """The tiles that a wheel touches, of which Box2D tells in the next step; until then, one that was touched."""

    def __init__(self, before: Any) -> None:
        super().__init__()
        self.before = [] if before is None else [before]
        self.fresh = True

    def __iter__(self) -> Iterator[Any]:
        if self.fresh:
            self.fresh = False
            return iter(self.before)
        return super().__iter__()


def _is_on_road(wheel: Any) -> bool:
    tiles = wheel.tiles
    return len(tiles.before) > 0 if isinstance(tiles, _Tiles) and tiles.fresh else len(tiles) > 0


def _enter_world(original: Any, state: Mapping[str, Any]) -> None:
    """Worlds with their tiles are kept, as they take long to make; cars come and go."""
    if original.puffer_home is None:
        original.puffer_home = original.world, original.road, original.track, original.car
    else:
        original.car.destroy()
    original.car = None
    count = int(state["tiles"])
    posts = np.stack([state[f"road_{name}"][:count] for name in ("x", "y", "cosine", "sine")]).astype(np.float64)
    key, worlds = posts.tobytes(), original.puffer_worlds
    if key not in worlds:
        if len(worlds) >= _MOST_WORLDS:
            del worlds[next(iter(worlds))]
        worlds[key] = _make_world(original, posts)
    original.world, original.road, original.track = worlds[key]


def _make_world(original: Any, posts: NDArray[np.float64]) -> Any:
    home = original.puffer_home[0]
    listener = type(home.contactListener)(original, original.lap_complete_percent)
    world = type(home)((0, 0), contactListener=listener)
    world.puffer_listener = listener
    x, y, cosine, sine = posts
    left = np.stack([x - _HALF_ROAD * cosine, y - _HALF_ROAD * sine], 1).tolist()
    right = np.stack([x + _HALF_ROAD * cosine, y + _HALF_ROAD * sine], 1).tolist()
    road = []
    for i in range(len(x)):
        original.fd_tile.shape.vertices = [left[i], right[i], right[i - 1], left[i - 1]]
        tile = world.CreateStaticBody(fixtures=original.fd_tile)
        tile.userData, tile.idx, tile.road_friction, tile.road_visited = tile, i, 1.0, False
        tile.color = np.zeros(3)
        tile.fixtures[0].sensor = True
        road.append(tile)
    headings = np.arctan2(sine, cosine)
    return world, road, [(0.0, *row) for row in zip(headings.tolist(), x.tolist(), y.tolist(), strict=True)]


# Chance: only tracks.


class _Nowhere:
    """A world that takes tiles and forgets them."""

    def CreateStaticBody(self, fixtures: Any) -> Any:  # noqa: N802  (Box2D's name)
        del fixtures
        return type("Tile", (), {"fixtures": [type("Fixture", (), {})()]})()


def share(env: Any, draws: Draws, state: Mapping[str, Any], action: Any) -> None:
    """A step draws nothing. Before the first step of an episode of ours, its reset is repeated."""
    del action
    if state["tick"] != 0:
        return
    last = draws.before(24)
    given = [last.uniform() * (2 * math.pi / 12, 100)[i % 2] + (0, 50)[i % 2] for i in range(24)]
    original = env.unwrapped
    if _is_track_of(original, given, state):  # else the reference began this episode
        original.np_random = Given(given)
        env.reset()


def _is_track_of(original: Any, given: list[float], state: Mapping[str, Any]) -> bool:
    kept = {name: getattr(original, name) for name in ("world", "road", "track", "puffer_at", "road_poly")}
    original.world, original.np_random, original.road_poly = _Nowhere(), Given(given), []
    made, track = original._create_track(), original.track
    for name, value in kept.items():
        setattr(original, name, value)
    return bool(made) and len(track) == state["tiles"] and abs(track[0][2] - state["road_x"][0]) < 1e-3


# Where a rounding decides.


def borderline(state: Mapping[str, Any], times: float) -> bool:
    """The car is where the world ends."""
    return abs(max(abs(float(state["x"])), abs(float(state["y"]))) - _WORLD) < 0.1 + 1e-3 * times


def chaotic(state: Mapping[str, Any]) -> bool:
    """A wheel nearly touches a tile, or nearly does not; a hinge is just at its lock; the car is about to sleep."""
    bent = np.abs(np.subtract(state["wheel_angle"], state["angle"]))
    if float(state.get("still", 0.0)) > 0.45 or bool((np.abs(bent - _LOCK) < 1e-5).any()):
        return True
    count, x, y = int(state["tiles"]), float(state["x"]), float(state["y"])
    posts = np.stack([state[f"road_{name}"][:count] for name in ("x", "y", "cosine", "sine")]).astype(np.float64)
    at = int(state["at"])
    if any(abs(_beyond(posts, i % count, x, y)) < _ROUNDING for i in (at, at + 1)):
        return True
    near = np.flatnonzero(np.hypot(posts[0] - x, posts[1] - y) < 11)
    return _are_doubtful(state, posts, np.union1d(near, [0]))


def _are_doubtful(state: Mapping[str, Any], posts: NDArray[np.float64], tiles: NDArray[np.intp]) -> bool:
    """Whether rounding decides whether a wheel touches one of these tiles: by the lines that may separate the two."""
    angles = np.asarray(state["wheel_angle"], np.float64)
    sine, cosine = np.sin(angles), np.cos(angles)
    sides = np.stack([np.stack([cosine, sine], 1), np.stack([-sine, cosine], 1)], 1)  # (wheel, side, xy)
    places = np.stack([state["wheel_x"], state["wheel_y"]], 1).astype(np.float64)
    tyres = _CORNERS @ sides + places[:, None]  # (wheel, corner, xy)
    front, rear = (posts[:2, i].T for i in (tiles, tiles - 1))
    across, across_rear = (_HALF_ROAD * posts[2:, i].T for i in (tiles, tiles - 1))
    road = np.stack([front - across, front + across, rear + across_rear, rear - across_rear], 1)  # (tile, corner, xy)
    ways = np.roll(road, -1, 1) - road
    normals = np.stack([ways[..., 1], -ways[..., 0]], -1) / np.linalg.norm(ways, axis=-1, keepdims=True)
    outside = np.maximum(
        _apart(np.einsum("tcx,tnx->tnc", road, normals)[:, None], np.einsum("wcx,tnx->twnc", tyres, normals)),
        _apart(np.einsum("tcx,wnx->twnc", road, sides), np.einsum("wcx,wnx->wnc", tyres, sides)[None]),
    )
    return bool((np.abs(outside - _SKIN) < _ROUNDING).any())


def _apart(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far two sets of corners are apart, at most, along lines."""
    gaps = np.maximum(other.min(-1) - one.max(-1), one.min(-1) - other.max(-1))
    return np.asarray(gaps.max(-1))
