"""What a window draws around and over the picture: the line at the bottom, and the list of keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from puffer_envs.spec import ActionPart
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, MINT, NIGHT, SLATE, SNOW, STEEL, fade
from puffer_render.player import Player

FOOTER = 40
"""Height in units of the line under the picture."""
COMMANDS = (
    ("P", "pause"),
    ("N", "one step"),
    ("+ −", "faster, slower"),
    ("H", "this list"),
    ("Esc", "leave"),
)
NEW_GAME = ("R", "new game")
TAKE_BACK = (("Z", "take a move back"), ("R", "start again"))
"""Where moves can be taken back."""
OTHER_LEVEL = ("PgUp PgDn", "harder, easier level")
"""Where levels are played one after the other."""
HAND_OVER = ("Tab", "next agent")
"""Where there are several agents."""
TAKE_SEAT = ("T", "keep control, hand it back")
THOUGHTS = ("F1", "what the policy finds best")
"""Beside a policy."""
MOVES_SHOWN, LEAST_SHOWN = 5, 0.005
ROW = 30
NOTE = 28
"""Height in units of a line over the picture."""


def plain(label: str) -> str:
    """A label of a choice as people write it: `place_stone` is "place stone"."""
    return label.replace("_", " ")


def draw_footer(player: Player, fps: int, frame: Frame, note: str = "") -> None:
    """The footer: who plays, the keys or a note in their place, the last score and the speed."""
    frame.rect(0, frame.height, frame.width, FOOTER, DUSK)
    middle = frame.height + FOOTER / 2
    right = _draw_status(player, fps, middle, frame)
    x = 30 + _draw_driver(player, middle, frame)
    if note:
        frame.text(x + 8, middle - 8, note, 14, STEEL)
        return
    if not player.seated:
        x += 8 + frame.text(x, middle - 8, "hold", 14, STEEL)
    for binding in player.keymap.bindings:
        cap = binding.caps[0]
        label = "" if binding.label.lower() == cap.lower() else plain(binding.label)
        width = _cap_width(cap, frame) + (frame.measure(label, 14) + 18 if label else 6)
        if x + width > right:
            return
        end = _draw_cap(x, middle, cap, frame)
        frame.text(end + 6, middle - 8, label, 14, STEEL)
        x += width


def draw_note(note: str, alarm: bool, frame: Frame) -> None:
    """A line over the lower edge of the picture. alarm: whether it is about an error. A long one loses its end."""
    shown = note
    while frame.measure(shown, 14) > frame.width - 24 and len(shown) > 1:
        shown = f"{shown.removesuffix('…')[:-1]}…"
    y = frame.height - NOTE
    frame.rect(0, y, frame.width, NOTE, fade(NIGHT, 0.85))
    frame.text(12, y + NOTE / 2 - 8, shown, 14, CORAL if alarm else MINT)


def draw_thoughts(player: Player, parts: Sequence[ActionPart], frame: Frame) -> None:
    """A panel over the upper right corner: the best moves of the agent that is watched, and the value expected.

    parts: of an action, with their labels.
    """
    found = player.thoughts(player.agent)
    if found is None:
        return
    rows: list[tuple[str, float, str]] = []
    for part, weights in zip(parts, found[0], strict=True):
        if len(weights) == 1:  # continuous: the mean
            span = part.high - part.low or 1
            rows.append((part.name, (float(weights[0]) - part.low) / span, f"{weights[0]:+.2f}"))
            continue
        for choice in np.argsort(-weights, kind="stable")[: max(2, MOVES_SHOWN // len(parts))]:
            if weights[choice] < LEAST_SHOWN:
                break
            label = plain(part.labels[choice]) if choice < len(part.labels) else str(choice)
            rows.append((label, float(weights[choice]), f"{weights[choice]:.0%}"))
    width, row = 190.0, 20.0
    x, y = frame.width - width - 10, HUD_HEIGHT + 4.0
    frame.rect(x, y, width, row * (len(rows) + 1) + 14, fade(NIGHT, 0.93), 8)
    for i, (label, share, figure) in enumerate(rows):
        top = y + 7 + row * i
        frame.rect(x + 8, top + 2, max(1.0, (width - 16) * min(share, 1)), row - 4, fade(MINT, 0.35), 4)
        frame.text(x + 14, top + 3, label, 13, SNOW)
        frame.text(x + width - 14, top + 3, figure, 13, SNOW, "right")
    top = y + 7 + row * len(rows)
    frame.text(x + 14, top + 3, "expects", 13, STEEL)
    frame.text(x + width - 14, top + 3, f"{found[1]:+.3g}", 13, AMBER, "right")


def draw_help(player: Player, frame: Frame, camera: Mapping[str, str] | None = None) -> None:
    """A panel over the picture with every key; those of a camera as key -> what it does."""
    lines = [(" ".join(binding.caps), plain(binding.label)) for binding in player.keymap.bindings]
    lines += [(key.capitalize(), label) for key, label in (camera or {}).items()]
    lines += [HAND_OVER] * (player.env.num_agents > 1 and not player.plays_all)
    lines += [TAKE_SEAT, THOUGHTS] * (player.policy is not None) + list(TAKE_BACK if player.past.kept else [NEW_GAME])
    lines += [OTHER_LEVEL] * (player.course is not None) + list(COMMANDS)
    top = 30 if player.goal else 0
    row = min(ROW, (frame.height - 44 - top) / len(lines))
    panel_width = max(300.0, frame.measure(player.goal, 16) + 48)
    panel_height = row * len(lines) + 36 + top
    x, y = (frame.width - panel_width) / 2, max(4, (frame.height - panel_height) / 2)
    frame.rect(0, 0, frame.width, frame.height, fade(NIGHT, 0.6))
    frame.rect(x, y, panel_width, panel_height, SLATE, 14)
    frame.rect(x + 1.5, y + 1.5, panel_width - 3, panel_height - 3, DUSK, 13)
    frame.text(frame.width / 2, y + 16, player.goal, 16, MINT, "center")
    for i, (keys, label) in enumerate(lines):
        middle = y + 18 + top + row * (i + 0.5)
        left = x + 24.0
        for key in keys.split():
            left = _draw_cap(left, middle, key, frame) + 6
        frame.text(x + panel_width - 24, middle - 8.5, label, 16, SNOW, "right")


def draw_stop(player: Player, frame: Frame) -> None:
    """A panel over the picture while a game waits for its first key."""
    keys = [binding.caps[0] for binding in player.keymap.bindings]
    hint = f"press {' or '.join(keys)}" if len(keys) <= 2 else f"press {', '.join(keys[:3])} ..."
    if player.stopped == "end":
        game = player.games[-1]
        best = max(player.games, key=lambda finished: finished.score)
        title = game.verdict or f"score {game}"
        about = f"score {game}, " * bool(game.verdict)
        steps = "1 step" if game.steps == 1 else f"{game.steps} steps"
        about += f"game over after {steps}" + (f", best {best}" if len(player.games) > 1 else "")
        hint += " to play again" if player.course is None else " for the next level" if game.won else " to try again"
        if player.past.kept and not game.won:
            hint += ", Z to take the last move back"
    else:
        title, about, hint = "ready?", player.goal or "H shows all keys", f"{hint} to start"
    width = max(280.0, 48 + max(frame.measure(title, 34), frame.measure(about, 16), frame.measure(hint, 16)))
    x, y = (frame.width - width) / 2, (frame.height - 132) / 2
    frame.rect(0, 0, frame.width, frame.height, fade(NIGHT, 0.45))
    frame.rect(x, y, width, 132, SLATE, 14)
    frame.rect(x + 1.5, y + 1.5, width - 3, 129, DUSK, 13)
    frame.text(frame.width / 2, y + 18, title, 34, SNOW, "center")
    frame.text(frame.width / 2, y + 64, about, 16, STEEL, "center")
    frame.text(frame.width / 2, y + 94, hint, 16, MINT, "center")


def _draw_driver(player: Player, middle: float, frame: Frame) -> float:
    """Who chose the last action. Returns the width used."""
    person = player.person_drives or player.seated
    frame.circle(25, middle, 4.5, MINT if person else AMBER)
    who = "you" if person else "policy"
    agents = player.env.num_agents
    seat = f": agent {player.agent + 1} of {agents}" if agents > 1 and not player.plays_all else ""
    return 18 + frame.text(37, middle - 8, who + seat, 15, SNOW)


def _draw_status(player: Player, fps: int, middle: float, frame: Frame) -> float:
    """The right end of the footer, from the right. Returns where it begins."""
    x = frame.width - 20
    x -= frame.text(x, middle - 8, "keys", 14, STEEL, "right") + 6 + _cap_width("H", frame)
    _draw_cap(x, middle, "H", frame)
    x -= 12 + frame.text(x - 12, middle - 8, f"{fps} fps", 14, STEEL, "right")
    speed, color = ("paused", AMBER) if player.paused else (f"× {player.speed:g}", STEEL)
    x -= 12 + frame.text(x - 12, middle - 8, speed, 14, color, "right")
    if player.games:
        x -= 12 + frame.text(x - 12, middle - 8, f"last {player.games[-1]}", 14, STEEL, "right")
    return x - 8


def _cap_width(key: str, frame: Frame) -> float:
    return max(20.0, frame.measure(key, 13) + 12)


def _draw_cap(x: float, middle: float, key: str, frame: Frame) -> float:
    """A key cap. Returns where it ends."""
    width = _cap_width(key, frame)
    frame.rect(x, middle - 10, width, 20, STEEL, 5)
    frame.rect(x + 1, middle - 9, width - 2, 17, SLATE, 4)
    frame.text(x + width / 2, middle - 7.5, key, 13, SNOW, "center")
    return x + width
