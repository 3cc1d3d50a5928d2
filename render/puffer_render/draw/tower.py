"""Tower: cubes in space in the colours of their height, a hero, a goal that glows, and what each key would do now."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

from puffer_render.draw import tower_rules as rules
from puffer_render.draw.tower_motion import middle, motion
from puffer_render.draw.tower_moves import Move, previews, warning
from puffer_render.draw.tower_scene import PULL, PUSH, Stage, draw_view
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import CORAL, DUSK, MINT, NIGHT, SLATE, SNOW, STEEL, Color, blend
from puffer_render.scene import Camera

PANEL = 300
MARGIN = 16
SIZE = (1060, 720)
CAMERA = True
GOAL = "Climb to the crystal."
WAITS = True
UNDOES = True
FRAME_RATE = 30.0
KEYS = {
    "north": ("up", "w"),
    "east": ("right", "d"),
    "south": ("down", "s"),
    "west": ("left", "a"),
    "grab": ("space",),
    "release": ("x",),
}
PLAY = {"max_steps": 100_000, "num_levels": 60, "difficulty": 0, "spread": 0}

YAW, PITCH = -66.0, 30.0
"""Degrees: from the south, a little from the east, so that the up key leads away and three faces of a cube are seen."""
RESULTS = {
    1: ("solved!", MINT),
    2: ("you fell out of the world", CORAL),
    3: ("a block fell on your head", CORAL),
    4: ("out of time", STEEL),
}
HINTS = (
    "Stand where the crystal is.",
    "Grab a block, then push or pull it.",
    "A block holds on the block below it,",
    "or on the edge of one beside that.",
    "Where it is deep you hang from the edge:",
    "you can climb back, or move along it.",
)


def frames(before: Any, after: Any) -> int:
    """How long a move is shown: longer where blocks fall, and at the end."""
    return motion(before, after).length


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """The state before the move, with the move at that frame."""
    del frames
    shown = SimpleNamespace(**{name: getattr(before, name) for name in vars(before)})
    shown.tick = int(before.tick) + 1
    shown.motion, shown.coming = motion(before, after, frame), after
    return shown


def verdict(state: Any, agent: int) -> str:
    """How the last episode ended."""
    del agent
    return RESULTS.get(int(state.result), ("", SNOW))[0]


def draw(state: Any, frame: Frame) -> None:
    """The tower from the front; beside it the keys, and the tower from behind."""
    frame.clear(NIGHT)
    stage = Stage(state)
    able = previews(stage.world) if stage.rests else {}
    frame.hud(
        "tower",
        ("level", f"{int(state.rank) + 1} of {int(state.num_levels)}"),
        ("height", f"{stage.world.height - rules.BASE} of {int(state.goal_height) - rules.BASE}"),
        ("par", int(state.par)),
        ("steps", int(state.tick)),
    )
    left = frame.width - PANEL
    draw_view(stage, able, frame, view(stage), (0, HUD_HEIGHT, left, frame.height - HUD_HEIGHT))
    _draw_panel(stage, able, state, frame, left)


def view(stage: Stage) -> Camera:
    """Of the hero, of what is below him, and of the goal."""
    hero, goal = max(float(stage.hero.center[2]), 0.0), float(middle(stage.world.goal)[2])
    span = max(abs(hero - goal), 4)
    return Camera((4, 4, max((hero + goal) / 2 - 0.5, 1.5)), 11.5 + 1.05 * span, yaw=YAW, pitch=PITCH, fov=38)


# ---- The panel. ----


def _draw_panel(stage: Stage, able: dict[int, Move], state: Any, frame: Frame, left: float) -> None:
    width = PANEL - MARGIN
    top: float = HUD_HEIGHT + 8
    frame.rect(left, top, width, 272, DUSK, 12)
    frame.text(left + 18, top + 14, "what the keys do now", 16, STEEL)
    world = rules.Tower(getattr(state, "coming", state))
    able = previews(world)
    ends = stage.motion is not None and stage.motion.result > 0
    for action, verb in enumerate([None] * 6 if ends else rules.verbs(world)):
        ink = SNOW if action not in able else PUSH if action == world.facing else PULL
        note = warning(able[action]) if action in able else ""
        _draw_key(action, verb, note, ink, left + 18, top + 44 + 37 * action, frame)
    top += 284
    for line, hint in enumerate(HINTS):
        frame.text(left + 6, top + 19 * line, hint, 14, STEEL)
    top += 19 * len(HINTS) + 4
    if int(state.result) in RESULTS and int(state.tick) == 0:
        text, color = RESULTS[int(state.result)]
        frame.text(left + 6, top, f"last game: {text}", 16, color)
    elif frame.person is not None:
        frame.text(left + 6, top, "Z takes a move back, R starts again.", 14, MINT)
    top += 24
    height = frame.height - top - MARGIN
    frame.rect(left, top, width, height, DUSK, 12)
    front = view(stage)
    behind = Camera(front.target, front.distance * 1.02, front.yaw + 180, front.pitch, front.fov)
    draw_view(stage, able, frame, behind, (left + 4, top + 4, width - 8, height - 8))
    frame.text(left + 14, top + 10, "from behind", 14, STEEL)


def _draw_key(action: int, verb: str | None, note: str, ink: Color, x: float, y: float, frame: Frame) -> None:
    """A key's cap, and beside it what it does now, in a colour, and what follows."""
    ink = SLATE if verb is None else CORAL if verb in rules.DEADLY else ink
    wide = action >= rules.GRAB
    frame.rect(x, y, 58 if wide else 30, 30, blend(SLATE, DUSK, 0.6 if verb is None else 0), 7)
    if wide:
        frame.text(x + 29, y + 7, "space" if action == rules.GRAB else "X", 15, ink, "center")
    else:
        _draw_arrow(x + 15, y + 15, action, ink, frame)
    x += 72 if wide else 44
    x += frame.text(x, y + 6, verb or "-", 18, ink)
    if note:
        frame.text(x + 8, y + 8, f"- {note}", 15, CORAL)


def _draw_arrow(x: float, y: float, side: int, color: Color, frame: Frame) -> None:
    angle = math.radians((0, 90, 180, 270)[side])
    points = [(0, -8), (7, 5), (-7, 5)]
    turned = [
        (px * math.cos(angle) - py * math.sin(angle), px * math.sin(angle) + py * math.cos(angle)) for px, py in points
    ]
    frame.polygon([(x + px, y + py) for px, py in turned], color)
