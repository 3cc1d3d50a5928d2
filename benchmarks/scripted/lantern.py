"""lantern: noises, which hardly ever win in the default mazes; and an explorer that keeps a map and a colour in mind.

The explorer reads its own place from the state. A player could work it out by adding up velocities.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_envs import Environment

WALL, LANTERN_COLOUR, GATE, GATE_SEEN, VELOCITY = (
    *(slice(0, 16), slice(18, 22), slice(22, 30), slice(30, 34), slice(34, 36)),
)
SIGHT, TOP_SPEED, PITCH = 6.0, 3.2, 4
SIDES = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""Of a room; rays 0, 4, 8 and 12 point there."""
Act = Callable[[], Any]
Room = tuple[int, int]
Spot = tuple[float, float]


def middle(room: Room) -> Spot:
    return PITCH * room[0] + 2.5, PITCH * room[1] + 2.5


def room_at(x: float, y: float) -> Room:
    return round((x - 2.5) / PITCH), round((y - 2.5) / PITCH)


class Explorer:
    """One row: the rooms and doors it knows, the gates and their colours, the colour of the lantern."""

    def __init__(self, remembers: bool) -> None:
        self.remembers = remembers
        self.doors: dict[Room, list[Room]] = {}
        self.gates: dict[int, Spot] = {}
        self.colour: int | None = None

    def act(self, seen: NDArray[np.float32], x: float, y: float) -> tuple[float, float]:
        """Thrust, given an observation and the place."""
        room = room_at(x, y)
        if math.dist((x, y), middle(room)) < 0.4 and room not in self.doors:
            far = (1 - seen[WALL]) * SIGHT > 2
            self.doors[room] = [(room[0] + dx, room[1] + dy) for i, (dx, dy) in enumerate(SIDES) if far[4 * i]]
        self.take_note(seen, x, y)
        gate = self.gate()
        home = room_at(*gate) if gate else None
        target = self.nearest(room, lambda other: other == home)
        if target != home:  # not known, or not how to get there
            target = self.nearest(room, lambda other: other not in self.doors)
        stops = target == room == home
        to = gate if gate and stops else self.next_step(room, target, (x, y))
        return steer((x, y), seen[VELOCITY] * TOP_SPEED, to, stops)

    def take_note(self, seen: NDArray[np.float32], x: float, y: float) -> None:
        """The colour of the lantern, and the places of gates."""
        if seen[LANTERN_COLOUR].any():
            self.colour = int(seen[LANTERN_COLOUR].argmax())
        for colour in np.flatnonzero(seen[GATE_SEEN]).tolist():
            dx, dy = (float(part) for part in seen[GATE][2 * colour : 2 * colour + 2])
            scale = 1 / (1 - math.hypot(dx, dy))  # 1 m + its distance
            self.gates[colour] = x + dx * scale, y + dy * scale

    def gate(self) -> Spot | None:
        """The gate to enter, once it is known."""
        if self.remembers:
            return None if self.colour is None else self.gates.get(self.colour)
        return next(iter(self.gates.values()), None)

    def nearest(self, start: Room, wanted: Callable[[Room], bool]) -> Room:
        """The nearest room of a kind, through known doors."""
        reached = [start]
        for room in reached:
            if wanted(room):
                return room
            reached += [other for other in self.beside(room) if other not in reached]
        return start

    def next_step(self, room: Room, target: Room, at: Spot) -> Spot:
        """The middle of the next room on the way to a room; first a place before its door, if that is not ahead."""
        before, queue = {target: target}, [target]
        for other in queue:
            for door in self.beside(other):
                if door not in before:
                    before[door] = other
                    queue.append(door)
        following = before.get(room, room)
        (x, y), (mx, my), (right, down) = at, middle(room), (following[0] - room[0], following[1] - room[1])
        across = abs(y - my) if right else abs(x - mx)
        return middle(following) if across < 0.25 else (mx + right, my + down)

    def beside(self, room: Room) -> list[Room]:
        """Rooms behind the known doors of this one."""
        return [*self.doors.get(room, []), *(other for other, doors in self.doors.items() if room in doors)]


def steer(at: Spot, velocity: NDArray[np.float32], to: Spot, stops: bool) -> tuple[float, float]:
    """Thrust towards a place: as fast as it can still stop there, or pass by at speed."""
    thrust = []
    for i in (0, 1):
        way = abs(to[i] - at[i])
        passing = 0.0 if stops or way < 0.2 else 0.5
        speed = math.copysign(min(math.sqrt(6 * way), 2 * way + passing, 2.6), to[i] - at[i])
        thrust.append(max(-1.0, min(1.0, (speed - float(velocity[i])) * 2.5 + 0.31 * speed)))
    return thrust[0], thrust[1]


def explorer(remembers: bool) -> Callable[[Environment], Act]:
    def player(env: Environment) -> Act:
        minds = [Explorer(remembers) for _ in range(env.num_agents)]

        def act() -> Any:
            for i in np.flatnonzero(env.terminals | env.truncations):
                minds[i] = Explorer(remembers)
            places = [env.state(i) for i in range(env.num_agents)]
            thrusts = [
                mind.act(seen, float(place.x), float(place.y))
                for mind, seen, place in zip(minds, env.observations, places, strict=True)
            ]
            return np.array(thrusts, np.float32)

        return act

    return player


def noise(seconds: float) -> Callable[[Environment], Act]:
    """Ornstein-Uhlenbeck noise of a time constant; 0 is white."""

    def player(env: Environment) -> Act:
        rng = np.random.default_rng(0)
        keep = math.exp(-env.settings["frameskip"] / 30 / seconds) if seconds else 0.0
        thrust = rng.standard_normal((env.num_agents, 2))

        def act() -> Any:
            fresh = rng.standard_normal(thrust.shape)
            thrust[:] = keep * thrust + math.sqrt(1 - keep**2) * fresh
            return np.clip(thrust, -1, 1).astype(np.float32)

        return act

    return player


def constant(env: Environment) -> Act:
    """The same thrust for a whole episode, in any direction."""
    rng = np.random.default_rng(0)
    thrust = rng.uniform(-1, 1, (env.num_agents, 2)).astype(np.float32)

    def act() -> Any:
        over = env.terminals | env.truncations
        thrust[over] = rng.uniform(-1, 1, (int(over.sum()), 2))
        return thrust

    return act


PLAYERS = {
    "white noise": noise(0),
    "1 s noise": noise(1),
    "3 s noise": noise(3),
    "10 s noise": noise(10),
    "constant": constant,
    "colour-blind": explorer(remembers=False),
    "explorer": explorer(remembers=True),
}
