"""Delve: the level around the hero, lit where the hero sees; what happened in words; the hero, pack, map and keys."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from puffer_render import delve_art as art
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import (
    AMBER,
    CORAL,
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

# what the state holds; see the fields of the environment
COLUMNS, EDGE, HEIGHT, WIDTH, SIGHT = 64, 8, 32, 48, 7
STONE, FLOOR, CORRIDOR, MOSS, BRIDGE, CURTAIN, UP, DOWN, WALL, CRAG, PILLAR, WATER = range(12)
DANGER = 6
ASLEEP, WANDERS, HUNTS, FLEES = range(4)
CURSED, KNOWN, WORN = 1, 2, 4
WAND = 9
HIT, MISSED, KILLED, HURT, DODGED, SHOT, SPELL, ROBBED, DRAINED, POISONED = range(1, 11)
VERBS = ("", "wield", "take", *["put on"] * 3, "drink", "read", "zap", "put on", "eat", "take", "take")
"""What is done with each class of things."""
POWERS = ("", "sweep at all around", "throw dust", "cast a bolt", "heal")
TRAPS = ("", "dart trap", "pit", "warp", "trapdoor", "bell", "rust trap")

TILE, ACROSS, DOWNWARD = 32, 25, 20
BOARD_WIDTH, BOARD_HEIGHT = TILE * ACROSS, TILE * DOWNWARD
PANEL, MARGIN, MESSAGES = 300, 14, 76
SIZE = (BOARD_WIDTH + PANEL + 3 * MARGIN, HUD_HEIGHT + BOARD_HEIGHT + MESSAGES + MARGIN)
DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
SLOTS = ("blade", "bow", "helmet", "mail", "shield", "potion1", "potion2", "scroll1", "scroll2", "wand", "ring", "food")
CAPS = "1234567890WE"
MOVES = {"north": ("up", "i"), "south": ("down", "comma"), "west": ("left", "j"), "east": ("right", "l")}
DIAGONALS = {"northwest": ("u",), "northeast": ("o",), "southwest": ("m",), "southeast": ("period",)}
OTHERS = {"search": ("s", "k"), "take": ("g",), "descend": ("d",), "climb": ("c",), "power": ("space",)}
USES = dict(zip(SLOTS, (*((digit,) for digit in DIGITS), ("w",), ("e",)), strict=True))
KEYS: dict[str, tuple[str, ...]] = MOVES | DIAGONALS | OTHERS | USES
WAITS = True
GOAL = "Earn points, go down, and take the amulet on level 12."
PLAY = {"max_steps": 30_000}
HINTS = (
    *(("arrows", "walk, hit"), ("U O M .", "diagonally"), ("S", "search, wait"), ("G", "take")),
    *(("D C", "stairs down, up"), ("1 to 0, W, E", "use a slot")),
)

LIGHT: dict[int, Color] = {
    FLOOR: (88, 92, 120, 255),
    CORRIDOR: (98, 84, 78, 255),
    MOSS: (72, 104, 86, 255),
    BRIDGE: (124, 88, 62, 255),
    CURTAIN: (70, 64, 72, 255),
    UP: (88, 92, 120, 255),
    DOWN: (88, 92, 120, 255),
    WALL: (150, 154, 184, 255),
    CRAG: (142, 130, 122, 255),
    PILLAR: (88, 92, 120, 255),
    WATER: (36, 82, 132, 255),
}
"""What each terrain looks like in full light."""


class Board:
    """The part of the level around the hero that is shown, and how bright each tile of it is."""

    def __init__(self, state: Any) -> None:
        self.state = state
        self.row, self.column = divmod(int(state.tile), COLUMNS)
        self.top = min(max(self.row - DOWNWARD // 2, EDGE - 1), EDGE + HEIGHT + 1 - DOWNWARD)
        self.left = min(max(self.column - ACROSS // 2, EDGE - 1), EDGE + WIDTH + 1 - ACROSS)
        first = (int(state.depth) - 1) * HEIGHT
        bits = np.array([int(row) for row in state.seen[first : first + HEIGHT]], np.uint64)
        self.seen: NDArray[np.bool_] = np.zeros((HEIGHT + 2 * EDGE, COLUMNS), np.bool_)
        self.seen[EDGE : EDGE + HEIGHT] = bits[:, None] >> np.arange(COLUMNS, dtype=np.uint64) & np.uint64(1)
        self.lit = np.zeros_like(self.seen)
        for y, row in enumerate(state.visible[:15].tolist()):
            for x in range(15):
                if row >> x & 1:
                    self.lit[self.row - SIGHT + y, self.column - SIGHT + x] = True
        self.terrain = (state.terrain & 31).tolist()

    def corner(self, row: float, column: float) -> tuple[float, float]:
        """The top left corner of a tile on the picture."""
        return MARGIN + (column - self.left) * TILE, HUD_HEIGHT + (row - self.top) * TILE

    def center(self, tile: int) -> tuple[float, float]:
        """The middle of a tile, given its number."""
        row, column = divmod(tile, COLUMNS)
        return self.corner(row + 0.5, column + 0.5)

    def shows(self, tile: int) -> bool:
        """Whether a tile is on the picture."""
        row, column = divmod(tile, COLUMNS)
        return self.top <= row < self.top + DOWNWARD and self.left <= column < self.left + ACROSS

    def shade(self, row: int, column: int, color: Color) -> Color:
        """A colour in the light of a tile: darker farther away, blue and dim where it is only remembered."""
        if not self.lit[row, column]:
            return blend(blend(color, SLATE, 0.4), NIGHT, 0.52)
        away = ((row - self.row) ** 2 + (column - self.column) ** 2) ** 0.5
        return blend(blend(color, AMBER, max(0.0, 0.14 - 0.02 * away)), NIGHT, min(0.35, 0.035 * away))


def draw(state: Any, frame: Frame) -> None:
    """The board, what stands on it, the words below and the panel."""
    frame.clear(NIGHT)
    board = Board(state)
    frame.hud("delve", ("depth", int(state.depth)), ("points", f"{int(state.points)} of 150"),
              ("gold", int(state.gold)), ("turn", int(state.turn)))  # fmt: skip
    for row in range(board.top, board.top + DOWNWARD):
        for column in range(board.left, board.left + ACROSS):
            if board.seen[row, column]:
                _draw_tile(board, row, column, frame)
    _draw_things(board, frame)
    _draw_monsters(board, frame)
    _draw_hero(board, frame)
    frame.border(MARGIN - 1, HUD_HEIGHT - 1, BOARD_WIDTH + 2, BOARD_HEIGHT + 2, 1.5, SLATE, 0)
    _draw_messages(state, frame)
    _draw_panel(board, frame)


# --- ground ---


def _noise(row: int, column: int) -> int:
    """0 to 255, always the same for a tile."""
    return (row * 7349 ^ column * 9151 ^ (row * column) * 31) >> 2 & 255


def _draw_tile(board: Board, row: int, column: int, frame: Frame) -> None:
    terrain, (x, y) = board.terrain[row][column], board.corner(row, column)
    noise = _noise(row, column)
    base = blend(LIGHT.get(terrain, NIGHT), NIGHT, noise / 255 * 0.1)
    color = board.shade(row, column, base)
    dark = blend(color, NIGHT, 0.35)
    frame.rect(x, y, TILE, TILE, color)
    if terrain in (WALL, CRAG):
        _draw_wall(board, row, column, color, frame)
    elif terrain == WATER:
        for i in range(2):
            at = x + (noise * 3 + i * 13 + int(board.state.turn) * 3) % 20
            frame.rect(at, y + 7 + 15 * i, 11, 2, blend(color, SKY, 0.35), 1)
    elif terrain == BRIDGE:
        for i in range(4):
            frame.rect(x + 8 * i, y, 1.5, TILE, dark)
    elif terrain == MOSS:
        for i in range(noise % 3):
            frame.circle(x + (noise * (i + 3)) % 26 + 3, y + (noise * (i + 5)) % 26 + 3, 2, blend(color, MINT, 0.16))
    else:
        frame.rect(x, y, TILE, 1, dark)
        frame.rect(x, y, 1, TILE, dark)
        if terrain == FLOOR and noise < 26:
            frame.line(x + 8, y + 20, x + 19, y + 12, 1.5, dark)
    _draw_feature(board, row, column, terrain, frame)


def _draw_wall(board: Board, row: int, column: int, color: Color, frame: Frame) -> None:
    """A block with a lit upper edge; where floor is below, its front with bricks."""
    x, y = board.corner(row, column)
    below = board.terrain[row + 1][column]
    if below not in (WALL, CRAG, STONE) and board.seen[row + 1, column]:
        front = blend(color, NIGHT, 0.42)
        frame.rect(x, y + 14, TILE, TILE - 14, front)
        if board.terrain[row][column] == WALL:
            for i, at in enumerate((14, 20, 26)):
                frame.rect(x, y + at, TILE, 1, blend(front, NIGHT, 0.4))
                frame.rect(x + (8 if i % 2 else 20), y + at, 1, 6, blend(front, NIGHT, 0.4))
        else:
            frame.circle(x + 9, y + 19, 4, blend(front, color, 0.3))
            frame.circle(x + 23, y + 25, 5, blend(front, color, 0.2))
    elif board.terrain[row][column] == CRAG:
        frame.circle(x + 8 + _noise(row, column) % 12, y + 12, 6, blend(color, SNOW, 0.06))
    above = board.terrain[row - 1][column]
    if above not in (WALL, CRAG):
        frame.rect(x, y, TILE, 2, blend(color, SNOW, 0.25))


def _draw_feature(board: Board, row: int, column: int, terrain: int, frame: Frame) -> None:
    """Stairs, curtains, pillars, and traps that were found."""
    x, y = board.corner(row, column)
    if terrain in (UP, DOWN):
        if board.lit[row, column]:
            frame.glow(x + 16, y + 16, 26, fade(AMBER if terrain == UP else TEAL, 0.4))
        for i in range(5):
            tint = blend(SNOW, NIGHT, 0.12 + 0.15 * (i if terrain == DOWN else 4 - i))
            frame.rect(x + 4 + 2.4 * i, y + 4 + 5 * i, 24 - 4.8 * i if terrain == DOWN else 24 - 2.4 * i, 5,
                       board.shade(row, column, tint))  # fmt: skip
        points = [(16, 27), (9, 19), (23, 19)] if terrain == DOWN else [(16, 5), (9, 13), (23, 13)]
        frame.polygon([(x + dx, y + dy) for dx, dy in points], TEAL if terrain == DOWN else AMBER)
    elif terrain == CURTAIN:
        for i in range(4):
            tint = blend(art.BLOOD, NIGHT, 0.1 + 0.22 * (i % 2))
            frame.rect(x + 2 + 7 * i, y + 3, 7, 27, board.shade(row, column, tint), 2)
        frame.rect(x, y + 1, TILE, 4, board.shade(row, column, AMBER))
    elif terrain == PILLAR:
        frame.circle(x + 16, y + 19, 12, board.shade(row, column, blend(SLATE, NIGHT, 0.5)))
        frame.circle(x + 16, y + 15, 11, board.shade(row, column, GREY))
        frame.circle(x + 14, y + 13, 6, board.shade(row, column, blend(GREY, SNOW, 0.3)))
    if board.state.view[row * COLUMNS + column] == DANGER:
        frame.ring(x + 16, y + 16, 8, 11, board.shade(row, column, CORAL))
        frame.line(x + 10, y + 10, x + 22, y + 22, 3, board.shade(row, column, CORAL))
        frame.line(x + 22, y + 10, x + 10, y + 22, 3, board.shade(row, column, CORAL))


GREY = art.GREY

# --- what stands and lies there ---


def _draw_things(board: Board, frame: Frame) -> None:
    first = (int(board.state.depth) - 1) * 24
    for thing in board.state.things[first : first + 24]:
        tile = int(thing.tile)
        row, column = divmod(tile, COLUMNS)
        if int(thing.kind) and board.shows(tile) and board.seen[row, column]:
            x, y = board.center(tile)
            _draw_shadow(x, y + 6, 0.8, frame)
            art.draw_thing(int(thing.kind), _look(board.state, int(thing.kind)), x, y, TILE * 0.82, frame)
            if not board.lit[row, column]:
                frame.rect(x - 16, y - 16, TILE, TILE, fade(NIGHT, 0.25))


def _draw_shadow(x: float, y: float, size: float, frame: Frame) -> None:
    frame.rect(x - 10 * size, y, 20 * size, 7, fade(NIGHT, 0.4), 3.5)


def _look(state: Any, kind: int) -> int:
    return int(state.looks[kind - 16]) if 16 <= kind <= 40 else 0


def _draw_monsters(board: Board, frame: Frame) -> None:
    first = (int(board.state.depth) - 1) * 16
    monsters = [m for m in board.state.monsters[first : first + 16] if int(m.kind) and board.shows(int(m.tile))]
    for monster in sorted(monsters, key=lambda m: int(m.tile)):
        row, column = divmod(int(monster.tile), COLUMNS)
        if board.lit[row, column]:
            _draw_monster(monster, *board.center(int(monster.tile)), frame)
    _draw_wounds(board, monsters, frame)


def _draw_monster(monster: Any, x: float, y: float, frame: Frame) -> None:
    """Its shape, with a crown if it is elite, a bar if it is wounded, and what it is up to."""
    look, mood = art.MONSTERS[int(monster.kind)], int(monster.mood)
    size = TILE * look.size * (1.1 if monster.elite else 1)
    _draw_shadow(x, y + 8, look.size, frame)
    if monster.elite:
        frame.glow(x, y, TILE * 0.8, fade(AMBER, 0.5))
    look.shape(x, y - 1, size, look.color, frame)
    if monster.elite:
        points = [(-7, -13), (-7, -20), (-3, -16), (0, -21), (3, -16), (7, -20), (7, -13)]
        for start in (0, 2, 4):
            frame.polygon([(x + dx, y + dy) for dx, dy in (points[start], points[start + 1], points[start + 2])], AMBER)
        frame.rect(x - 7, y - 15, 14, 3, AMBER)
    full = look.health * (2 if monster.elite else 1)
    if mood == ASLEEP:
        frame.text(x + 7, y - 19, "z", 15, SNOW)
        frame.text(x + 13, y - 25, "z", 12, fade(SNOW, 0.7))
    elif int(monster.health) < full * 0.5:
        part = max(0.08, int(monster.health) / full)
        frame.rect(x - 13, y + 14, 26, 4, NIGHT, 2)
        frame.rect(x - 12, y + 15, 24 * part, 2, CORAL, 1)
    if mood == FLEES:
        frame.text(x + 9, y - 19, "!", 16, AMBER)


def _draw_wounds(board: Board, monsters: list[Any], frame: Frame) -> None:
    """Numbers over the monsters that were hit in this turn."""
    for event in board.state.events:
        if int(event.turn) != int(board.state.turn) or int(event.what) not in (HIT, MISSED):
            continue
        near = [m for m in monsters if int(m.kind) == int(event.subject)]
        if near:
            target = min(near, key=lambda m: abs(int(m.tile) - int(board.state.tile)))
            x, y = board.center(int(target.tile))
            what, color = (f"-{int(event.amount)}", SNOW) if int(event.what) == HIT else ("miss", STEEL)
            frame.text(x + 1, y - 29, what, 16, NIGHT, "center")
            frame.text(x, y - 30, what, 16, color, "center")


def _draw_hero(board: Board, frame: Frame) -> None:
    state = board.state
    x, y = board.center(int(state.tile))
    hurt = sum(
        int(e.amount) for e in state.events if int(e.turn) == int(state.turn) and int(e.what) in (HURT, SHOT, SPELL)
    )
    frame.glow(x, y, TILE * 1.5, fade(AMBER, 0.16))
    _draw_shadow(x, y + 9, 1, frame)
    frame.ring(x, y + 3, TILE * 0.44, TILE * 0.5, CORAL if hurt else fade(SNOW, 0.75))
    art.HEROES[int(state.hero)][0](x, y - 1, TILE * 1.02, frame)
    if int(state.poison):
        frame.circle(x + 12, y - 12, 4, MINT)
    if int(state.confused):
        frame.ring(x, y - 20, 4, 6, VIOLET)
    if hurt:
        frame.text(x + 1, y - 33, f"-{hurt}", 19, NIGHT, "center")
        frame.text(x, y - 34, f"-{hurt}", 19, CORAL, "center")
        frame.border(MARGIN, HUD_HEIGHT, BOARD_WIDTH, BOARD_HEIGHT, 5, fade(CORAL, 0.5), 0)


# --- words ---


def _thing(state: Any, kind: int) -> str:
    known = not 16 <= kind <= 40 or bool(int(state.known) >> (kind - 16) & 1)
    return art.name_of(kind, known, _look(state, kind))


def describe(state: Any, event: Any) -> str:
    """An event in words."""
    what, subject, amount = int(event.what), int(event.subject), int(event.amount)
    monster = art.MONSTERS[subject].name if subject < len(art.MONSTERS) else ""
    power = POWERS[subject] if subject < len(POWERS) else ""
    if what == 11:
        return f"{amount} gold." if subject == 42 else f"You take the {_thing(state, subject)}."
    if what in (12, 13, 14, 15):
        thing = _thing(state, subject)
        verb = VERBS[art.class_of(subject)]
        words = (f"You {verb} the {thing}.", f"You leave the {thing}.", f"The {thing} is cursed: it stays on.")
        return (*words, f"You {verb} the {thing}.")[what - 12]
    if what in (16, 17):
        return f"{'You find a' if what == 16 else 'You step on a'} {TRAPS[subject] if subject < len(TRAPS) else ''}."
    if what == 20:
        return f"{ACHIEVEMENTS[subject] if subject < len(ACHIEVEMENTS) else ''}: +{amount}."
    told = {
        HIT: f"You hit the {monster} for {amount}.",
        MISSED: f"You miss the {monster}.",
        KILLED: f"The {monster} dies.",
        HURT: f"The {monster} hits you for {amount}.",
        DODGED: f"The {monster} misses.",
        SHOT: f"The {monster} shoots you for {amount}.",
        SPELL: f"The {monster}'s spell costs you {amount}.",
        ROBBED: f"The {monster} steals {amount} gold!",
        DRAINED: f"The {monster} drains you.",
        POISONED: "You are poisoned.",
        18: f"You are on level {amount}.",
        19: f"Experience level {amount}!",
        21: "You are hungry.",
        22: "You starve.",
        23: f"You {power}.",
        24: f"The {monster} splits.",
        25: f"The {monster} sees you.",
    }
    return told.get(what, "")


def verdict(state: Any, agent: int) -> str:
    """How the last episode ended."""
    depth, cause = divmod(int(state.ended), 100)
    name = art.MONSTERS[cause].name if cause < len(art.MONSTERS) else ""
    article = "an" if name[:1] in "aeiou" else "a"
    ends = {0: "out of time", 25: "starved", 26: "killed by poison or a trap", 27: "the amulet is yours"}
    return f"{ends.get(cause, f'killed by {article} {name}')} on level {depth}"


def _draw_messages(state: Any, frame: Frame) -> None:
    """What happened, a line for each turn, the last turn in white."""
    events = [event for event in state.events if int(event.what)]
    y = HUD_HEIGHT + BOARD_HEIGHT + 10
    for i, (turn, group) in enumerate(itertools.groupby(events, key=lambda event: int(event.turn))):
        words = " ".join(describe(state, event) for event in reversed(list(group)))
        now = turn == int(state.turn)
        if i < 3:
            frame.text(MARGIN + 4, y + 22 * i, words, 17, SNOW if now else fade(STEEL, 1 - 0.25 * i))


# --- the panel ---


def _draw_panel(board: Board, frame: Frame) -> None:
    state, x = board.state, BOARD_WIDTH + 2.0 * MARGIN
    frame.rect(x, HUD_HEIGHT, PANEL, SIZE[1] - HUD_HEIGHT - MARGIN, DUSK, 10)
    x += 14
    y = _draw_numbers(state, x, HUD_HEIGHT + 12.0, frame)
    y = _draw_map(board, x, y + 8, frame)
    y = _draw_pack(state, x, y + 8, frame)
    y = _draw_achievements(state, x, y + 6, frame)
    for i, (key, does) in enumerate(HINTS):
        left, top = x + 140 * (i % 2), y + 6 + 19 * (i // 2)
        width = frame.text(left, top, key, 13, SNOW)
        frame.text(left + width + 6, top, does, 13, STEEL)


def _draw_bar(x: float, y: float, part: float, color: Color, label: str, frame: Frame) -> None:
    width = PANEL - 28
    frame.rect(x, y, width, 17, NIGHT, 5)
    if part > 0:
        frame.rect(x, y, max(10, width * min(1.0, part)), 17, blend(color, NIGHT, 0.25), 5)
    frame.text(x + 8, y + 1, label, 14, SNOW)


def _draw_numbers(state: Any, x: float, y: float, frame: Frame) -> float:
    """Who the hero is, four bars, and what else matters now."""
    hero, level = int(state.hero), int(state.level)
    art.HEROES[hero][0](x + 16, y + 16, 34, frame)
    frame.text(x + 40, y, f"{art.HEROES[hero][1]}, level {level}", 19)
    frame.text(x + 40, y + 20, f"Space: {art.POWERS[hero]}", 13, STEEL)
    armour, y = _armour(state), y + 42
    frame.text(x + PANEL - 28, y - 40, f"armour {armour}", 14, STEEL, "right")
    food, need = int(state.food), 20 << (level - 1)
    _draw_bar(
        x,
        y,
        int(state.health) / int(state.max_health),
        CORAL,
        f"health {int(state.health)} of {int(state.max_health)}",
        frame,
    )
    _draw_bar(x, y + 21, int(state.mana) / (8 + level), SKY, f"mana {int(state.mana)}", frame)
    hunger = "starving" if food == 0 else "weak" if food < 100 else "hungry" if food < 300 else "food"
    _draw_bar(x, y + 42, food / 1500, ORANGE, f"{hunger} {food}", frame)
    _draw_bar(x, y + 63, int(state.experience) / need, VIOLET, f"experience {int(state.experience)} of {need}", frame)
    y, left = y + 86, x
    for name, value, color in (
        *(("poison", state.poison, MINT), ("dizzy", state.confused, PINK)),
        *(("speed", state.fast, TEAL), ("might", state.strength, ORANGE)),
    ):
        if int(value):
            width = frame.measure(f"{name} {int(value)}", 13) + 14
            frame.rect(left, y, width, 18, blend(color, NIGHT, 0.55), 8)
            frame.text(left + 7, y + 2, f"{name} {int(value)}", 13)
            left += width + 6
    return y + 18


def _armour(state: Any) -> int:
    """10, and what is worn."""
    base = dict(zip(range(7, 16), (1, 2, 3, 2, 4, 6, 1, 2, 3), strict=True))
    worn = [thing for thing in state.pack[2:5] if int(thing.marks) & WORN]
    ring = state.pack[10]
    return (
        10
        + sum(base[int(t.kind)] + int(t.bonus) for t in worn)
        + 2 * (int(ring.kind) == 37 and bool(int(ring.marks) & WORN))
    )


def _draw_map(board: Board, x: float, y: float, frame: Frame) -> float:
    """The whole level, as far as it is known."""
    scale = (PANEL - 28) / WIDTH
    frame.rect(x, y, WIDTH * scale, HEIGHT * scale, NIGHT, 4)
    colors = {WALL: STEEL, CRAG: STEEL, PILLAR: STEEL, WATER: blend(SKY, NIGHT, 0.5), CURTAIN: art.BLOOD}
    for row in range(EDGE, EDGE + HEIGHT):
        cells = [board.terrain[row][c] if board.seen[row, c] else STONE for c in range(EDGE, EDGE + WIDTH)]
        at = 0
        for terrain, group in itertools.groupby(cells):
            count = len(list(group))
            if terrain != STONE:
                color = blend(colors.get(terrain, SLATE), NIGHT, 0.25)
                frame.rect(x + at * scale, y + (row - EDGE) * scale, count * scale + 0.3, scale + 0.3, color)
            at += count
    for row, column in np.argwhere(board.seen).tolist():
        terrain, view = board.terrain[row][column], int(board.state.view[row * COLUMNS + column])
        mark = {UP: AMBER, DOWN: TEAL}.get(terrain) or {7: SNOW, 8: AMBER}.get(view)
        if mark is not None:
            frame.circle(x + (column - EDGE + 0.5) * scale, y + (row - EDGE + 0.5) * scale, scale * 0.6, mark)
    first = (int(board.state.depth) - 1) * 16
    for monster in board.state.monsters[first : first + 16]:
        row, column = divmod(int(monster.tile), COLUMNS)
        if int(monster.kind) and board.lit[row, column]:
            frame.circle(x + (column - EDGE + 0.5) * scale, y + (row - EDGE + 0.5) * scale, scale * 0.65, CORAL)
    frame.circle(x + (board.column - EDGE + 0.5) * scale, y + (board.row - EDGE + 0.5) * scale, scale * 0.9, MINT)
    return y + HEIGHT * scale


def _draw_pack(state: Any, x: float, y: float, frame: Frame) -> float:
    """Twelve slots: key, shape, name, how many or how good; a bar at the left of what is worn."""
    for slot, thing in enumerate(state.pack):
        top, kind, marks = y + 20 * slot, int(thing.kind), int(thing.marks)
        usable = bool(int(state.allowed) >> (12 + slot) & 1) or bool(marks & WORN)
        frame.rect(x, top + 1, 18, 17, SLATE if kind else blend(DUSK, SLATE, 0.4), 4)
        frame.text(x + 9, top + 2, CAPS[slot], 13, SNOW if usable else STEEL, "center")
        if not kind:
            frame.text(x + 46, top + 2, SLOTS[slot].rstrip("12"), 14, SLATE)
            continue
        if marks & WORN:
            frame.rect(x + 20, top + 2, 3, 15, MINT, 1)
        art.draw_thing(kind, _look(state, kind), x + 34, top + 9.5, 20, frame)
        bonus = f" {int(thing.bonus):+d}" if marks & KNOWN and int(thing.bonus) else ""
        cursed = bool(marks & CURSED and marks & KNOWN)
        frame.text(x + 46, top + 1, _thing(state, kind) + bonus, 15, CORAL if cursed else SNOW if usable else STEEL)
        count = int(thing.count)
        if count > 1 or slot == WAND:
            frame.text(x + PANEL - 28, top + 1, f"{count}", 15, AMBER, "right")
    return y + 240


ACHIEVEMENTS = (
    *("Took a thing", "Wielded a blade", "Put on armour", "Ate", "Drank a potion", "Read a scroll", "Zapped a wand"),
    *("First kill", "10 kills", "100 gold", "Level 2 of the dungeon", "Rose to level 2", "Found a trap"),
    *("Depth 3", "Depth 4", "Depth 5", "Rose to level 5", "Knows 4 secrets", "Knows 8 secrets", "Killed from afar"),
    *("Killed by magic", "Helmet, mail and shield", "Caught a thief", "50 kills", "Depth 6", "Depth 7", "Depth 8"),
    *("Rose to level 8", "3 elites", "Enchanted to +3", "500 gold", "100 kills", "Depth 9", "Depth 10", "Depth 11"),
    *("Depth 12", "Rose to level 12", "Killed a dragon", "200 kills", "The amulet"),
)
TIERS = ((13, STEEL), (24, SKY), (32, VIOLET), (40, AMBER))
"""The achievements of 1, 3, 5 and 8 points, and their colours."""


def _draw_achievements(state: Any, x: float, y: float, frame: Frame) -> float:
    """A light for each achievement."""
    frame.text(x, y, "achievements", 13, STEEL)
    frame.text(x + PANEL - 28, y, f"{int(state.earned).bit_count()} of 40", 13, STEEL, "right")
    for i in range(40):
        color = next(color for last, color in TIERS if i < last)
        left, top = x + 13.7 * (i % 20), y + 18 + 14 * (i // 20)
        earned = int(state.earned) >> i & 1
        frame.rect(left, top, 11, 11, color if earned else blend(DUSK, color, 0.16), 3)
    return y + 46
