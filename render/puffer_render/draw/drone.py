"""Drone: the room in space, every drone with its rotors, its goal, and in a race the rings.

A person flies one of them: the keys say where it should go, and `pilot` finds the rotors' speeds for that.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    CREATURES,
    DUSK,
    MINT,
    NIGHT,
    PINK,
    RAINBOW,
    SKY,
    SLATE,
    SNOW,
    STEEL,
    TEAL,
    Color,
    blend,
    fade,
)
from puffer_render.scene import Camera, Scene, place, torus, turn_to, unit_disc

TASKS = ("hover", "orbit", "follow", "cube", "sphere", "flag", "congo line", "race")
FLAG, CONGO, RACE = 5, 6, 7
GRAVITY = 9.81
SECONDS_PER_STEP = 0.02
CLOSE = 0.3
"""Within this many metres of the goal a drone counts as in place."""
GATE_RADIUS = 1.2
FLAG_STRIPES = (SKY, SNOW, CORAL)
BIGGER = 2.0
"""Drones are drawn so many times larger than they are."""

SIZE = (1040, 680)
CAMERA = True
KEYS = {
    "forward": ("w",),
    "back": ("s",),
    "left": ("a", "left"),
    "right": ("d", "right"),
    "climb": ("up", "space"),
    "descend": ("down",),
}
PLAY = {
    "num_drones": 1,
    "max_steps": 6000,
    "randomize": 0.0,
    "task": "race",
}
SPEEDS = {"along": 6.0, "up": 3.0}
"""Metres a second that held keys ask for."""

Floats = NDArray[np.float64]
Drones = Any
"""The state's `drones`, a record array with a row for each, in double precision."""


def draw(state: Any, frame: Frame) -> None:
    """The floor, shadows, rings, goals, drones, and in the top line their progress."""
    frame.clear(NIGHT)
    drones = drones_of(state)
    task = int(state.task)
    goals = goals_of(state, drones)
    _draw_hud(state, drones, goals, frame)
    own = frame.agent
    with frame.scene(view(state, own), 0, HUD_HEIGHT) as scene:
        _draw_floor(state, drones, scene)
        if task == RACE:
            _draw_rings(state, int(drones.ring[own]), scene)
        else:
            _draw_goals(drones, goals, scene)
        _draw_drones(task, drones, goals, scene)
        if frame.person is not None:
            _draw_mark(drones[own], state, goals[own], len(drones) > 1, scene)


def view(state: Any, own: int = 0) -> Camera:
    """All of the formation or the course; a single racer is followed around the course."""
    drones = drones_of(state)
    task = int(state.task)
    if task == RACE and len(drones) == 1:
        x, y, z = drones.position[own]
        behind = math.degrees(math.atan2(y, x)) - 90 * _course_side(state)
        return Camera((x, y, z), 6.0, yaw=behind, pitch=16, fov=60)
    reach = _reach(state, drones)
    x, y, z = (float(c) for c in state.center)
    if task == FLAG:
        return Camera((x, y, z - 0.3), 1.5 * reach + 2.5, yaw=-72, pitch=10)
    if task in (RACE, CONGO):
        return Camera((0.0, 0.0, 2.5 if task == RACE else z), 2.15 * reach + 2, yaw=-60, pitch=34)
    return Camera((x, y, z - 0.3), 2.0 * reach + 3, yaw=-57, pitch=24)


def drones_of(state: Any) -> Drones:
    """The drones' numbers by name, in double precision: `drones.position` is (n, 3)."""
    rows = state.drones
    doubles = [(name, np.float64, rows.dtype[name].shape) for name in rows.dtype.names]
    return rows.astype(doubles).view(np.recarray)


def goals_of(state: Any, drones: Drones) -> Floats:
    """(n, 3): where each drone should be now."""
    time = float(state.tick) * SECONDS_PER_STEP
    goals: Floats = drones.goal + drones.swing * np.sin(drones.pace * time + drones.phase)
    return goals


def _reach(state: Any, drones: Drones) -> float:
    """Metres from the middle of the formation or course to its edge."""
    if int(state.task) == RACE:
        return float(np.linalg.norm(state.gates.center[:, :2], axis=1).max()) + GATE_RADIUS
    from_middle = drones.goal - np.asarray(state.center, np.float64)
    return max(2.5, float((np.linalg.norm(from_middle, axis=1) + drones.swing[:, :2].max(axis=1)).max()))


def _course_side(state: Any) -> float:
    """1: the course goes counterclockwise, seen from above."""
    (x0, y0), (x1, y1) = np.asarray(state.gates.center[:2, :2], np.float64)
    return 1.0 if x0 * y1 - y0 * x1 > 0 else -1.0


def _draw_hud(state: Any, drones: Drones, goals: Floats, frame: Frame) -> None:
    task = int(state.task)
    contacts = int(drones.contacts.sum())
    if task == RACE:
        rings = drones.rings
        alone = len(drones) == 1 or frame.person is not None
        reached = ("rings", f"{int(rings[frame.agent])}" if alone else f"{rings.mean():.1f} each")
    else:
        there = int((np.linalg.norm(goals - drones.position, axis=1) < CLOSE).sum())
        reached = ("in place", f"{there} of {len(drones)}")
    seconds = float(state.tick) * SECONDS_PER_STEP
    frame.hud(f"drone · {TASKS[task]}", ("time", f"{seconds:.1f} s"), ("steps in contact", contacts), reached)


def _draw_floor(state: Any, drones: Drones, scene: Scene) -> None:
    half = float(state.half)
    corners = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    ground = np.column_stack([corners, np.full(4, -0.06)])
    scene.triangles(ground[[[0, 1, 2], [0, 2, 3]]], DUSK, lit=False)
    lines = math.floor(half / 2)
    scene.floor(-2.0 * lines, 2.0 * lines, 2.0, SLATE, z=-0.03)
    discs = unit_disc(6)[None] * 0.13 * BIGGER + (drones.position[:, None, None] * (1, 1, 0))
    scene.triangles(discs, NIGHT, lit=False)


def _draw_rings(state: Any, aimed: int, scene: Scene) -> None:
    """Each with an arrow through it; the one that the person's drone is to pass stands out."""
    shape = torus(0.12, 20, 4) * GATE_RADIUS
    arrow = _arrow()
    centers, directions = (np.asarray(part, np.float64) for part in (state.gates.center, state.gates.direction))
    for number, (center, direction) in enumerate(zip(centers, directions, strict=True)):
        color = AMBER if number == aimed else TEAL
        rotation = turn_to(direction)
        scene.triangles(place(shape, center, rotation), color)
        scene.triangles(place(arrow, center, rotation), fade(color, 0.75))
        scene.line(center - (0, 0, GATE_RADIUS), (center[0], center[1], 0), SLATE)


def _arrow() -> NDArray[np.float32]:
    """A flat cross of two arrowheads along the z axis."""
    head = [(-0.16, 0, -0.1), (0.16, 0, -0.1), (0, 0, 0.45)]
    turned = [(y, x, z) for x, y, z in head]
    return np.array([head, turned], np.float32)


def _draw_goals(drones: Drones, goals: Floats, scene: Scene) -> None:
    """A small cross, and a line to the drone that is not there yet."""
    away = np.linalg.norm(goals - drones.position, axis=1)
    for goal, drone, distance in zip(goals, drones.position, away, strict=True):
        if distance > CLOSE:
            scene.line(drone, goal, SLATE)
            for axis in np.eye(3) * 0.15:
                scene.line(goal - axis, goal + axis, STEEL)


def _draw_mark(drone: Any, state: Any, goal: Floats, ringed: bool, scene: Scene) -> None:
    """A line from the person's drone to where it should go, and a white ring around one of many."""
    if int(state.task) == RACE:
        scene.line(drone.position, state.gates.center[int(drone.ring)], fade(AMBER, 0.6))
    else:
        scene.line(drone.position, goal, SNOW)
    if not ringed:
        return
    facing = turn_to(np.subtract(scene.camera.position, drone.position))
    scene.triangles(place(torus(0.05, 24, 4) * 0.5, drone.position, facing), SNOW, lit=False)


def colors_of(task: int, drones: Drones, goals: Floats) -> list[Color]:
    """A colour for each drone: stripes for the flag, the rainbow along the congo line."""
    count = len(drones)
    if task == FLAG:
        along = drones.goal[:, 0]
        low, width = along.min(), max(float(np.ptp(along)), 1e-9)
        return [FLAG_STRIPES[min(2, int(3.0 * (x - low) / width))] for x in along]
    if task == CONGO:
        return [RAINBOW[i * len(RAINBOW) // count] for i in range(count)]
    if task == RACE:
        return [CREATURES[i % len(CREATURES)] for i in range(count)]
    height = (goals[:, 2] - goals[:, 2].min()) / max(float(np.ptp(goals[:, 2])), 1e-9)
    shades = (MINT, TEAL, SKY)
    return [shades[min(2, int(3 * h))] for h in height]


def _draw_drones(task: int, drones: Drones, goals: Floats, scene: Scene) -> None:
    rotations = rotations_of(drones.attitude)
    arms, rotors, lamp = _solids()
    colors = np.array(colors_of(task, drones, goals))
    colors[drones.contact > 0] = PINK
    scene.triangles(_placed(arms, drones, rotations), STEEL)
    for color in np.unique(colors, axis=0):
        chosen = (colors == color).all(axis=1)
        red, green, blue, alpha = color.tolist()
        ink: Color = (red, green, blue, alpha)
        scene.triangles(_placed(lamp, drones[chosen], rotations[chosen]), ink)
        scene.triangles(_placed(rotors, drones[chosen], rotations[chosen]), blend(ink, NIGHT, 0.25), lit=False)


def _placed(solid: NDArray[np.float32], drones: Drones, rotations: Floats) -> Floats:
    """The solid (t, 3, 3) turned and moved to every drone: (n * t, 3, 3)."""
    turned = np.einsum("nij,tcj->ntci", rotations, solid * BIGGER) + drones.position[:, None, None]
    placed: Floats = turned.reshape(-1, 3, 3)
    return placed


def _solids() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """A drone's arms, its rotors with what shows where it looks to, and the lamp in its middle."""
    arm, width = 0.085, 0.014
    corners = []
    for side in (1, -1):
        a, b = np.array([arm, side * arm, 0.01]), np.array([-arm, -side * arm, 0.01])
        off = np.array([width, -side * width, 0])
        corners += [(a - off, a + off, b + off), (a - off, b + off, b - off)]
    arms = np.array(corners, np.float32)
    disc = unit_disc(7) * np.float32(0.068)
    rotors = [disc + np.array([x * arm, y * arm, 0.02], np.float32) for x in (1, -1) for y in (1, -1)]
    nose = np.array([[(0.05, 0.035, 0.02), (0.05, -0.035, 0.02), (0.13, 0, 0.02)]], np.float32)
    tips = np.array([(x, y, z) for x in (0.08, -0.08) for y in (0.08, -0.08) for z in (0.08, -0.08)], np.float32)
    lamp = np.array([np.diag(tip) for tip in tips], np.float32)
    return arms, np.concatenate([*rotors, nose]), lamp


def rotations_of(attitudes: Floats) -> Floats:
    """(n, 3, 3): from the drones' axes to the world's, of unit quaternions (n, 4)."""
    w, x, y, z = attitudes.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def pilot(state: Any, labels: frozenset[str], agent: int) -> NDArray[np.float32]:
    """The rotors' speeds that make a drone go where the keys say, seen from the camera; without any, it stays."""
    drone = drones_of(state)[agent]
    ahead = math.radians(view(state, agent).yaw) + math.pi
    forward = ("forward" in labels) - ("back" in labels)
    left = ("left" in labels) - ("right" in labels)
    velocity = np.array(
        [
            SPEEDS["along"] * (forward * math.cos(ahead) - left * math.sin(ahead)),
            SPEEDS["along"] * (forward * math.sin(ahead) + left * math.cos(ahead)),
            SPEEDS["up"] * (("climb" in labels) - ("descend" in labels)),
        ]
    )
    push = 2.5 * (velocity - drone.velocity)
    return steer(drone, push)


def steer(drone: Any, acceleration: Floats) -> NDArray[np.float32]:
    """The action with which a drone accelerates so: it tilts its thrust that way, and does not turn around it."""
    wanted = np.clip(acceleration, -8.0, 8.0) + np.array((0.0, 0.0, GRAVITY))
    wanted[2] = max(wanted[2], 2.0)
    rotation = rotations_of(drone.attitude[None])[0]
    across = np.cross((0, 0, 1), rotation.T @ wanted / np.linalg.norm(wanted))
    if rotation[:, 2] @ wanted < 0:  # upside down: turn even faster
        across /= max(float(np.linalg.norm(across)), 1e-3)
    turn = 16.0 * (9.0 * across * (1, 1, 0) - drone.rates) * (1, 1, 0.3)
    lift = max(float(rotation[:, 2] @ wanted), 2.0) / drone.lift / 4
    roll, pitch, yaw = (turn[k] / drone.agility[k] / 4 for k in range(3))
    yaw = float(np.clip(yaw, -0.1, 0.1))
    squares = lift + np.array([roll - pitch + yaw, -roll - pitch - yaw, -roll + pitch + yaw, roll + pitch - yaw])
    action: NDArray[np.float32] = (2 * np.sqrt(np.clip(squares, 0, 1)) - 1).astype(np.float32)
    return action
