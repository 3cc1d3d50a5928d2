"""Foundry: the hall from above, machines that fill their bars, workers with what they carry, and the recipes beside."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
    CREATURES,
    DUSK,
    MINT,
    NIGHT,
    ORANGE,
    PINK,
    SKY,
    SLATE,
    SNOW,
    STEEL,
    TEAL,
    VIOLET,
    Color,
    blend,
    fade,
)

# what the hall holds; see the fields of the environment
SIGHT = 5
"""Tiles that a worker sees to each side, and of wall around the hall."""
WALL, NOBODY = 1, -1
"""In `what`, and in `who` on the rock behind the walls."""
ORE, CRYSTAL, BATTERY, GEAR, LASER, SHIELD, HEART = range(1, 8)
ATTACK_COST = 20
MOVES = ((0, -1), (0, 1), (-1, 0), (1, 0))
"""(x, y) of up, down, left, right."""
SHADES = (ORANGE, AMBER, PINK, TEAL, SKY, VIOLET)
"""Of the kinds of machines."""
SKINS = tuple(color for color in CREATURES if color != PINK)
"""Of workers, where there is one team."""
TEAMS = (SKY, CORAL, MINT, VIOLET)
ICE: Color = (196, 232, 250, 255)
BROWN: Color = (188, 138, 102, 255)

BOARD = 624
PANEL = 208
MARGIN = 16
SIZE = (BOARD + PANEL + 3 * MARGIN, HUD_HEIGHT + BOARD + MARGIN)
KEYS = {
    "left": ("left", "a"),
    "right": ("right", "d"),
    "up": ("up", "w"),
    "down": ("down", "s"),
    "give": ("g", "space"),
    "attack": ("x", "f"),
    "eat": ("b", "e"),
}
IDLE = "stay"
GOAL = "Carry ore to generators and batteries to altars, and take the hearts."
HINTS = (("arrows", "walk"), ("into it", "take, or put in"), ("g", "give to who is ahead"))
FIGHT, MEAL = ("x", "laser, 3 tiles"), ("b", "eat a battery")


class Board:
    """Where tiles lie on the picture: the hall and the wall around it, as large as fits."""

    def __init__(self, state: Any) -> None:
        self.columns = int(state.columns)
        self.width, self.height = self.columns - 2 * SIGHT + 2, int(state.rows) - 2 * SIGHT + 2
        self.side = BOARD / max(self.width, self.height)
        self.left = MARGIN + (BOARD - self.width * self.side) / 2
        self.top = HUD_HEIGHT + (BOARD - self.height * self.side) / 2

    def corner(self, row: float, column: float) -> tuple[float, float]:
        """The top left corner of a tile, given its place in the tables."""
        return self.left + (column - SIGHT + 1) * self.side, self.top + (row - SIGHT + 1) * self.side

    def center(self, tile: int) -> tuple[float, float]:
        """The middle of a tile, given its number."""
        row, column = divmod(tile, self.columns)
        return self.corner(row + 0.5, column + 0.5)


def draw(state: Any, frame: Frame) -> None:
    """The hall, its machines, the workers, and the panel."""
    frame.clear(NIGHT)
    board, workers = Board(state), state.workers
    team, teams = int(workers[frame.agent].team), [int(n) for n in state.team_hearts[: int(state.teams)]]
    rivals = max((n for i, n in enumerate(teams) if i != team), default=0)
    frame.hud(
        "foundry",
        ("hearts", f"{teams[team]} : {rivals}" if len(teams) > 1 else f"{int(state.hearts)} of {int(state.par)}"),
        ("own", int(workers[frame.agent].goods[HEART])),
        ("steps left", int(state.max_steps - state.tick)),
    )
    _draw_hall(state, board, frame)
    for number in range(len(state.machines)):
        _draw_machine(state, number, board, frame)
    for number in sorted(range(len(workers)), key=lambda number: number == frame.agent):
        _draw_worker(state, number, board, frame)
    for worker in workers[workers.beam > 0]:
        _draw_beam(state, worker, board, frame)
    _draw_panel(state, frame)


def skin(state: Any, number: int) -> Color:
    """The colour of a worker: its own, or that of its team."""
    return TEAMS[int(state.workers[number].team)] if state.teams > 1 else SKINS[number % len(SKINS)]


def _draw_hall(state: Any, board: Board, frame: Frame) -> None:
    """Floor, brighter where the person sees; walls as blocks with a lit upper edge."""
    side, light, dark = board.side, blend(DUSK, SLATE, 0.45), blend(DUSK, SLATE, 0.3)
    frame.rect(*board.corner(SIGHT - 1, SIGHT - 1), board.width * side, board.height * side, dark)
    what, row, column = state.what, *divmod(int(state.workers[frame.agent].tile), board.columns)
    for y in range(SIGHT - 1, SIGHT - 1 + board.height):
        for x in range(SIGHT - 1, SIGHT - 1 + board.width):
            at = board.corner(y, x)
            if what[y, x] == WALL:
                frame.rect(*at, side + 0.5, side + 0.5, blend(SLATE, STEEL, 0.12))
                if what[y + 1, x] != WALL and state.who[y + 1, x] != NOBODY:  # its front
                    frame.rect(at[0], at[1] + side * 0.72, side + 0.5, side * 0.28 + 0.5, blend(NIGHT, SLATE, 0.5))
                if what[y - 1, x] != WALL and state.who[y - 1, x] != NOBODY:
                    frame.rect(*at, side + 0.5, max(1.5, side * 0.08), blend(SLATE, STEEL, 0.55))
            elif state.who[y, x] == NOBODY:
                frame.rect(*at, side + 0.5, side + 0.5, NIGHT)
            elif (x + y) % 2:
                frame.rect(*at, side, side, light)
    if frame.person is not None:
        top, left = max(row - SIGHT, SIGHT - 1), max(column - SIGHT, SIGHT - 1)
        bottom = min(row + SIGHT + 1, SIGHT - 1 + board.height)
        right = min(column + SIGHT + 1, SIGHT - 1 + board.width)
        x0, y0 = board.corner(top, left)
        frame.rect(x0, y0, (right - left) * side, (bottom - top) * side, fade(SNOW, 0.05))
        frame.border(x0, y0, (right - left) * side, (bottom - top) * side, 1, fade(SNOW, 0.18), 0)


def _draw_machine(state: Any, number: int, board: Board, frame: Frame) -> None:
    """A coloured box with the good it makes, a bar while it runs, and lights for what it holds."""
    machine, kind = state.machines[number], state.kinds[int(state.machines[number].kind)]
    side, (x, y) = board.side, board.center(int(machine.tile))
    out, due, color = int(machine.out), int(machine.due), SHADES[int(machine.kind)]
    left, top = x - side * 0.47, y - side * 0.47
    if out:
        frame.glow(x, y, side * 1.25, fade(color, 0.45))
    works = out > 0 or due > 0
    frame.rect(left, top, side * 0.94, side * 0.94, color if works else blend(color, DUSK, 0.45), side * 0.2)
    frame.rect(
        left + side * 0.08,
        top + side * 0.08,
        side * 0.78,
        side * 0.78,
        blend(NIGHT, color, 0.4 if out else 0.18),
        side * 0.15,
    )
    draw_good(
        int(kind.out), x, y - side * (0 if out else 0.08), side * (0.66 if out else 0.46), frame, 1 if out else 0.4
    )
    bar, full = side * 0.62, 1.0 - (due - int(state.tick)) / max(1, int(kind.cooldown))
    if due and not out:
        frame.rect(x - bar / 2, y + side * 0.23, bar, side * 0.11, NIGHT, side * 0.05)
        frame.rect(x - bar / 2, y + side * 0.23, max(side * 0.08, bar * full), side * 0.11, color, side * 0.05)
    elif not out:
        _draw_needs(machine, kind, x, y + side * 0.285, side, frame)
    if out > 1:
        frame.circle(left + side * 0.84, top + side * 0.12, side * 0.2, color)
        frame.text(left + side * 0.84, top - side * 0.05, str(out), side * 0.34, NIGHT, "center")


def _draw_needs(machine: Any, kind: Any, x: float, y: float, side: float, frame: Frame) -> None:
    """A light for each input of a round: lit if it is there."""
    lights = []
    for slot, good in enumerate(kind["in"].tolist()):
        needed = 0 if good == 0 else 1 if slot else int(kind.in_count)
        lights += [(good, int(machine["in"][slot]) > i) for i in range(needed)]
    for i, (good, lit) in enumerate(lights):
        at = x + (i - (len(lights) - 1) / 2) * side * 0.2
        frame.circle(at, y, side * 0.085, GOODS[good][0] if lit else SLATE)


def _draw_worker(state: Any, number: int, board: Board, frame: Frame) -> None:
    """A round body that looks where it goes, with its arms, and what it carries most of, as a stack on its back."""
    worker, side, color = state.workers[number], board.side, skin(state, number)
    (x, y), (dx, dy) = board.center(int(worker.tile)), MOVES[int(worker.facing)]
    if number == frame.agent:
        frame.glow(x, y, side * 1.5, fade(color, 0.6))
        frame.ring(x, y, side * 0.46, side * 0.53, SNOW)
    if worker.goods[LASER]:
        frame.line(
            x + side * 0.2 * dx, y + side * 0.2 * dy, x + side * 0.6 * dx, y + side * 0.6 * dy, side * 0.2, STEEL
        )
        frame.circle(x + side * 0.58 * dx, y + side * 0.58 * dy, side * 0.1, PINK)
    frame.circle(x, y + side * 0.06, side * 0.4, fade(NIGHT, 0.5))
    frame.circle(x, y, side * 0.39, color)
    if worker.goods[SHIELD]:
        frame.ring(x, y, side * 0.37, side * 0.43, VIOLET)
    for turn in (-1, 1):
        eye_x, eye_y = x + side * (0.17 * dx - 0.14 * turn * dy), y + side * (0.17 * dy + 0.14 * turn * dx)
        frame.circle(eye_x, eye_y, side * 0.12, SNOW)
        frame.circle(eye_x + side * 0.04 * dx, eye_y + side * 0.04 * dy, side * 0.065, NIGHT)
    most = int(worker.most)
    if most:
        at_x, at_y = x - side * 0.28 * dx - side * 0.3 * abs(dy), y - side * 0.28 * dy - side * 0.26 * abs(dx)
        frame.circle(at_x, at_y, side * 0.27, NIGHT)
        draw_good(most, at_x, at_y, side * 0.42, frame)
        if worker.goods[most] > 1:
            frame.text(at_x + side * 0.12, at_y - side * 0.02, str(int(worker.goods[most])), side * 0.36, SNOW, "left")
    if state.energy:
        _draw_energy(state, worker, x - side * 0.36, y + side * 0.4, side * 0.72, side * 0.1, frame)
    if worker.thaws:
        _draw_ice(int(worker.thaws - state.tick), x, y, side, frame)


def _draw_energy(state: Any, worker: Any, x: float, y: float, width: float, height: float, frame: Frame) -> None:
    """A bar, which turns red where it is too little for an attack."""
    part, color = float(worker.energy) / float(state.energy), MINT if worker.energy >= ATTACK_COST else CORAL
    frame.rect(x, y, width, height, NIGHT, height / 2)
    if part > 0:
        frame.rect(x, y, max(height, width * part), height, color, height / 2)


def _draw_ice(steps: int, x: float, y: float, side: float, frame: Frame) -> None:
    """A block of ice around a frozen worker, with the steps that it will last."""
    frame.glow(x, y, side * 1.1, fade(ICE, 0.5))
    frame.rect(x - side * 0.48, y - side * 0.48, side * 0.96, side * 0.96, fade(ICE, 0.55), side * 0.14)
    frame.border(x - side * 0.48, y - side * 0.48, side * 0.96, side * 0.96, max(1.5, side * 0.07), ICE, side * 0.14)
    for angle in (0.0, math.pi / 3, 2 * math.pi / 3):
        dx, dy = side * 0.36 * math.sin(angle), side * 0.36 * math.cos(angle)
        frame.line(x - dx, y - dy, x + dx, y + dy, side * 0.06, SNOW)
    frame.circle(x, y, side * 0.22, NIGHT)
    frame.text(x, y - side * 0.19, str(steps), side * 0.32, ICE, "center")


def _draw_beam(state: Any, worker: Any, board: Board, frame: Frame) -> None:
    """From a worker to whom its laser hit: into ice, or against a shield."""
    side, (x0, y0), (x1, y1) = board.side, board.center(int(worker.tile)), board.center(int(worker.beam))
    dx, dy = MOVES[int(worker.facing)]
    x0, y0 = x0 + side * 0.6 * dx, y0 + side * 0.6 * dy
    x1, y1 = x1 - side * 0.45 * dx, y1 - side * 0.45 * dy
    for thickness, color in ((0.42, fade(PINK, 0.3)), (0.2, PINK), (0.08, SNOW)):
        frame.line(x0, y0, x1, y1, side * thickness, color)
    frame.glow(x1, y1, side * 0.9, fade(PINK, 0.8))
    frame.circle(x1, y1, side * 0.14, SNOW)
    hit = state.who[divmod(int(worker.beam), board.columns)]
    if not state.workers[hit].thaws:
        x, y = board.center(int(worker.beam))
        frame.ring(x, y, side * 0.55, side * 0.66, VIOLET)
        frame.ring(x, y, side * 0.7, side * 0.74, fade(VIOLET, 0.6))


# --- the panel ---


def _draw_panel(state: Any, frame: Frame) -> None:
    x, y = BOARD + 2.0 * MARGIN, float(HUD_HEIGHT)
    frame.rect(x, y, PANEL, BOARD, DUSK, 10)
    y = _draw_recipes(state, x + 14, y + 12, frame)
    y = _draw_hands(state, x + 14, y + 10, frame)
    _draw_crew(state, x + 14, y + 10, frame)
    hints = hints_for(state)
    for i, (key, does) in enumerate(hints):
        at = HUD_HEIGHT + BOARD - 10 - 26 * (len(hints) - i)
        frame.text(x + 14, at, key, 16, SNOW)
        frame.text(x + 66, at + 1, does, 15, STEEL)


def hints_for(state: Any) -> list[tuple[str, str]]:
    """The keys that do something under the rules of this hall."""
    fights = state.teams > 1 or state.friendly_fire
    return [*HINTS, *([FIGHT] if fights else []), *([MEAL] if state.energy else [])]


def _draw_recipes(state: Any, x: float, y: float, frame: Frame) -> float:
    """A line for each kind of machine in the hall: its colour, inputs, output and time."""
    frame.text(x, y, "machines", 15, STEEL)
    frame.text(x + PANEL - 28, y, "steps", 15, STEEL, "right")
    y += 40
    for number in sorted(set(state.machines.kind.tolist())):
        kind = state.kinds[number]
        frame.rect(x, y - 16, 32, 32, SHADES[number], 7)
        frame.rect(x + 3, y - 13, 26, 26, blend(NIGHT, SHADES[number], 0.4), 5)
        draw_good(int(kind.out), x + 16, y, 22, frame)
        at, inputs = x + 50, [(int(good), 1 if i else int(kind.in_count)) for i, good in enumerate(kind["in"]) if good]
        for good, count in inputs:
            at = _draw_amount(good, count, at, y, frame)
        at = at + 5 if inputs else x + 46
        frame.line(at - 8, y, at + 6, y, 2.5, STEEL)
        frame.polygon([(at + 12, y), (at + 5, y - 6), (at + 5, y + 6)], STEEL)
        _draw_amount(int(kind.out), int(kind.out_count), at + 24, y, frame)
        frame.text(x + PANEL - 28, y - 9, str(int(kind.cooldown)), 17, SNOW, "right")
        y += 44
    return y - 20


def _draw_amount(good: int, count: int, x: float, y: float, frame: Frame) -> float:
    """A good and how much of it; where the next one begins."""
    draw_good(good, x, y, 22, frame)
    return x + (24 if count == 1 else 22 + frame.text(x + 13, y - 9, str(count), 17, SNOW))


def _draw_hands(state: Any, x: float, y: float, frame: Frame) -> float:
    """What the person carries."""
    worker = state.workers[frame.agent]
    frame.text(x, y, f"carried, up to {int(state.carry)} of each", 15, STEEL)
    y += 34
    held = [good for good in range(ORE, HEART) if worker.goods[good]]
    if not held:
        frame.text(x, y - 9, "nothing", 15, SLATE)
    for i, good in enumerate(held):
        at, down = x + 12 + 60 * (i % 3), y + 30 * (i // 3)
        draw_good(good, at, down, 24, frame)
        frame.text(at + 16, down - 10, str(int(worker.goods[good])), 18, SNOW)
    y += 30 * max(1, (len(held) + 2) // 3)
    if state.energy:
        frame.text(x, y - 8, "energy", 15, STEEL)
        _draw_energy(state, worker, x + 64, y - 4, PANEL - 136, 12, frame)
        frame.text(x + PANEL - 28, y - 8, str(int(worker.energy)), 15, SNOW, "right")
        y += 22
    return y


def _draw_crew(state: Any, x: float, y: float, frame: Frame) -> None:
    """Who has how many hearts: a line for each worker, or for each team. The first ones, if they are many."""
    frame.text(x, y, "hearts", 15, STEEL)
    y += 24
    lines = int((HUD_HEIGHT + BOARD - 22 - 26 * len(hints_for(state)) - y) // 26)
    if state.teams > 1:
        for team in range(min(lines, int(state.teams))):
            _draw_team(state, team, x, y + 28 * team, frame)
        return
    hearts = state.workers.goods[:, HEART].tolist()
    most = max(12, *hearts)
    for number, count in list(enumerate(hearts))[:lines]:
        frame.circle(x + 9, y + 9, 8, ICE if state.workers[number].thaws else skin(state, number))
        if number == frame.agent:
            frame.ring(x + 9, y + 9, 9, 11, SNOW)
        frame.rect(x + 26, y + 5, 120, 8, SLATE, 4)
        if count:
            frame.rect(x + 26, y + 5, max(8, 120 * count / most), 8, PINK, 4)
        frame.text(x + PANEL - 28, y + 1, str(count), 15, SNOW, "right")
        y += 24


def _draw_team(state: Any, team: int, x: float, y: float, frame: Frame) -> None:
    """Its workers with the hearts of each, white while frozen, and the sum."""
    members = [number for number, other in enumerate(state.workers.team.tolist()) if other == team]
    for place, number in enumerate(members[:5]):
        worker, at = state.workers[number], x + 11 + 27 * place
        frame.circle(at, y + 9, 11, ICE if worker.thaws else skin(state, number))
        frame.text(at, y + 1, str(int(worker.goods[HEART])), 15, NIGHT, "center")
        if number == frame.agent:
            frame.ring(at, y + 9, 11.5, 13.5, SNOW)
    frame.text(x + PANEL - 28, y, str(int(state.team_hearts[team])), 18, SNOW, "right")


# --- goods ---


def draw_good(good: int, x: float, y: float, size: float, frame: Frame, strength: float = 1.0) -> None:
    """The sign of a good, `size` wide; less `strength` makes it paler."""
    color, shape = GOODS[good]
    shape(x, y, size / 2, fade(color, strength), fade(NIGHT, 0.4 * strength), frame)


def _ore(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    frame.polygon([(x - r, y + r * 0.2), (x - r * 0.5, y - r * 0.7), (x + r * 0.3, y - r * 0.8), (x + r, y - r * 0.1),
                   (x + r * 0.7, y + r * 0.7), (x - r * 0.6, y + r * 0.75)], color)  # fmt: skip
    frame.polygon(
        [(x + r * 0.3, y - r * 0.8), (x + r, y - r * 0.1), (x + r * 0.7, y + r * 0.7), (x + r * 0.1, y)], shade
    )


def _crystal(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    frame.polygon([(x, y - r), (x + r * 0.7, y - r * 0.1), (x, y + r), (x - r * 0.7, y - r * 0.1)], color)
    frame.polygon([(x, y - r), (x + r * 0.7, y - r * 0.1), (x, y + r)], shade)


def _battery(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    frame.rect(x - r * 0.25, y - r, r * 0.5, r * 0.4, color)
    frame.rect(x - r * 0.6, y - r * 0.75, r * 1.2, r * 1.7, color, r * 0.25)
    frame.rect(x - r * 0.32, y + r * 0.02, r * 0.64, r * 0.2, shade)
    frame.rect(x - r * 0.1, y - r * 0.2, r * 0.2, r * 0.64, shade)


def _gear(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    for i in range(4):
        dx, dy = math.cos(i * math.pi / 4), math.sin(i * math.pi / 4)
        frame.line(x - r * dx, y - r * dy, x + r * dx, y + r * dy, r * 0.36, color)
    frame.circle(x, y, r * 0.72, color)
    frame.circle(x, y, r * 0.3, shade)


def _laser(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    frame.rect(x - r, y - r * 0.5, r * 1.35, r * 0.6, color, r * 0.15)
    frame.polygon([(x - r * 0.75, y), (x - r * 0.2, y), (x - r * 0.4, y + r * 0.9), (x - r * 0.9, y + r * 0.9)], color)
    frame.rect(x - r * 0.7, y - r * 0.32, r * 0.7, r * 0.2, shade)
    frame.line(x + r * 0.45, y - r * 0.2, x + r, y - r * 0.2, r * 0.24, color)


def _shield(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    left = [(x, y - r * 0.95), (x, y + r), (x - r * 0.55, y + r * 0.5), (x - r * 0.8, y - r * 0.05)]
    frame.polygon([*left, (x - r * 0.8, y - r * 0.65)], color)
    right = [(x, y - r * 0.95), (x + r * 0.8, y - r * 0.65), (x + r * 0.8, y - r * 0.05), (x + r * 0.55, y + r * 0.5)]
    frame.polygon([*right, (x, y + r)], color)
    frame.polygon([*right, (x, y + r)], shade)


def _heart(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    opaque = color[3] == 255
    color = color if opaque else blend(NIGHT, (*color[:3], 255), color[3] / 255)  # its parts overlap
    for turn in (-1, 1):
        frame.circle(x + turn * r * 0.44, y - r * 0.28, r * 0.53, color)
    frame.polygon(
        [(x - r * 0.92, y - r * 0.06), (x, y - r * 0.3), (x + r * 0.92, y - r * 0.06), (x, y + r * 0.95)], color
    )
    frame.circle(x - r * 0.44, y - r * 0.36, r * 0.16, fade(SNOW, 0.8 if opaque else 0.3))


def _none(x: float, y: float, r: float, color: Color, shade: Color, frame: Frame) -> None:
    frame.ring(x, y, r * 0.5, r * 0.7, color)


GOODS: dict[int, tuple[Color, Callable[[float, float, float, Color, Color, Frame], None]]] = {
    0: (SLATE, _none),
    ORE: (BROWN, _ore),
    CRYSTAL: (TEAL, _crystal),
    BATTERY: (MINT, _battery),
    GEAR: (blend(STEEL, SNOW, 0.45), _gear),
    LASER: (PINK, _laser),
    SHIELD: (VIOLET, _shield),
    HEART: (CORAL, _heart),
}
"""The colour and the sign of each good."""
