"""Cards: both hands and boards, the stack, what is asked, and in words what happened and what every key does now."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from puffer_render.card_art import draw_drop, draw_emblem, draw_heart
from puffer_render.draw.cards_moves import caption, draw_moment
from puffer_render.draw.cards_parts import (
    BAND,
    CARD_HEIGHT,
    CARD_WIDTH,
    GAP,
    KEYWORDS,
    KIND_COLORS,
    LEFT,
    MIDDLE,
    PANEL,
    RIGHT,
    TOPS,
    WIDE,
    View,
    draw_arrow,
    draw_cap,
    draw_face,
    draw_stats,
    fit,
)
from puffer_render.draw.cards_rules import (
    ALL,
    ANSWER,
    ATTACK,
    BACK,
    BLOCK,
    BOARD,
    CREATURE,
    ENTER,
    GROW,
    MAIN,
    NAMES,
    NO_TARGET,
    NONE,
    PLAYER,
    TARGET,
    able,
    bits,
)
from puffer_render.draw.cards_story import story
from puffer_render.frame import HUD_HEIGHT, Frame
from puffer_render.palette import AMBER, CORAL, DUSK, NIGHT, SLATE, SNOW, STEEL, TEAL, Color, blend, fade

SIZE = (1200, 700)
DIGITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero")
KEYS = {str(n % 10): (key,) for n, key in enumerate(DIGITS, 1)} | {"enter": ("enter", "space"), "back": ("backspace",)}
PLAY = {"take_backs": 3}
GOAL = "Bring the other one's life down to 0."
WAITS = True
FRAME_RATE = 30.0

LINES = 16
"""Of what happened."""
STAGED = (2, 3, 13)
"""Kinds of events with a card in the middle of the picture."""
STYLES = ("", "fast deck", "middle deck", "slow deck")


def frames(before: Any, after: Any) -> int:
    """How long what happened is shown."""
    return story(before, after).length


def between(before: Any, after: Any, frame: int, frames: int) -> Any:
    """What is shown of it at a frame; the state after it, once everything has been shown."""
    del frames
    moment = story(before, after).at(frame)
    if moment is None:
        return after
    shown = SimpleNamespace(**vars(moment.beat.state))
    shown.moment = moment
    return shown


def verdict(state: Any, agent: int) -> str:
    """How the last game ended for an agent."""
    result = int(state.result)
    return ("", "you won!", "a draw", "you lost")[result if agent == 0 else (0, 3, 2, 1)[result]]


def draw(state: Any, frame: Frame) -> None:
    """Everything; the first agent, or the person's, is at the bottom."""
    frame.clear(NIGHT)
    view = View(state, frame)
    other = 1 - view.own
    opponent = "self-play" if state.self_play else ("random", "plain", "searching")[int(state.strength)]
    last = ("none yet", "won", "drawn", "lost")[int(state.result) if view.own == 0 else (0, 3, 2, 1)[int(state.result)]]
    frame.hud("cards", ("last game", last), ("against", opponent), ("turn", f"{int(state.turns) + 1} of 60"))
    frame.rect(MIDDLE - 8, TOPS[2] - 14, WIDE + 16, TOPS[0] - TOPS[2] + 6, DUSK, 12)
    for side in (other, view.own):
        _draw_hand(view, side)
        for place in bits(state.sides[side].creatures):
            _draw_creature(view, side, place)
        _draw_empty(view, side)
        _draw_player(view, side)
    _draw_fights(view)
    _draw_stack(view)
    _draw_band(view)
    _draw_events(view)
    _draw_keys(view)
    _draw_keywords(view)
    if view.moment is not None:
        draw_moment(view, view.moment)


def _draw_hand(view: View, side: int) -> None:
    frame, state = view.frame, view.state
    own = side == view.own
    top = TOPS[0] if own else TOPS[3]
    hand = state.sides[side].hand.tolist()[: int(state.sides[side].hands)]
    shown, asks = view.opens(side), view.asked == side and view.mode in (MAIN, ANSWER)
    for place, card in enumerate(hand):
        x = MIDDLE + (WIDE - len(hand) * (CARD_WIDTH + GAP) + GAP) / 2 + place * (CARD_WIDTH + GAP)
        if not shown:
            frame.rect(x, top + 60, CARD_WIDTH, CARD_HEIGHT - 60, SLATE, 8)
            frame.rect(x + 2, top + 62, CARD_WIDTH - 4, CARD_HEIGHT - 64, blend(SLATE, DUSK, 0.5), 7)
            draw_drop(frame, x + CARD_WIDTH / 2, top + 90, 14, SLATE)
            continue
        lit = asks and place in view.choices
        chosen = view.asked == side and view.mode == TARGET and place == int(state.picked)
        y = top - 10 if chosen and own else top
        draw_face(view, card, x, y, lit, chosen)
        row = state.table[card].tolist()
        if row[0] == CREATURE:
            draw_stats(view, x, y, row[2], row[3], False, False)
        if not lit and not chosen and view.asked == side:
            frame.rect(x, y, CARD_WIDTH, CARD_HEIGHT, fade(NIGHT, 0.35), 8)
        if asks and lit:
            draw_cap(
                frame, x + CARD_WIDTH / 2, top + CARD_HEIGHT + 4 if own else top + CARD_HEIGHT - 16, str(place + 1)
            )


def _draw_empty(view: View, side: int) -> None:
    for place in set(range(BOARD)) - bits(view.state.sides[side].creatures):
        x, y = view.place(side, place)
        view.frame.border(x, y, CARD_WIDTH, CARD_HEIGHT, 1.5, blend(DUSK, SLATE, 0.6), 8)


def _draw_creature(view: View, side: int, place: int) -> None:
    frame, state = view.frame, view.state
    own = state.sides[side]
    x, y = view.place(side, place)
    card = int(own.card[place])
    row = state.table[card].tolist()
    lit = place in view.choices and side == _pressed_side(view)
    turn, blocking = int(state.turn), int(state.blocking)
    chosen = place in (bits(state.attacking) if side == turn else set())
    if view.mode == BLOCK and side == turn and place == blocking:
        frame.glow(*view.middle(side, place), 0.8 * CARD_HEIGHT, fade(AMBER, 0.7))
    if view.mode == BLOCK and side != turn:
        chosen = place in bits(state.blocks[blocking])
    draw_face(view, card, x, y, lit, chosen)
    changed = (int(own.attack[place]), int(own.health[place])) != (row[2], row[3])
    left = int(own.health[place]) - int(own.hurt[place])
    draw_stats(view, x, y, int(own.attack[place]), left, int(own.hurt[place]) > 0, changed)
    word = "tired" if place in bits(own.tired) else "new" if place in bits(own.fresh) else ""
    if word:
        frame.rect(x, y, CARD_WIDTH, CARD_HEIGHT, fade(NIGHT, 0.45 if word == "tired" and not chosen else 0.15), 8)
    word = "attacks" if chosen and side == turn else word
    frame.text(x + CARD_WIDTH - 6, y + 22, word, 11, AMBER if chosen else STEEL, "right")
    if lit:
        draw_cap(frame, x + CARD_WIDTH / 2, y - 15, str(place + 1))


def _pressed_side(view: View) -> int:
    """Whose creatures the numbers mean now, -1 for nobody's."""
    state = view.state
    if view.mode in (ATTACK, BLOCK):
        return view.asked
    if view.mode != TARGET:
        return -1
    grows = int(state.table[int(state.sides[view.asked].hand[int(state.picked)])][5]) == GROW
    return view.asked if grows else 1 - view.asked


# --- players, stack, arrows ---


def _draw_player(view: View, side: int) -> None:
    """Life, mana, and what is left, in the panel on the left."""
    frame, player = view.frame, view.state.sides[side]
    own = side == view.own
    top = 470 if own else HUD_HEIGHT + 4
    turn = int(view.state.turn) == side
    frame.rect(LEFT, top, PANEL, 196, view.color(side) if turn else SLATE, 12)
    frame.rect(LEFT + 2, top + 2, PANEL - 4, 192, DUSK, 11)
    frame.text(LEFT + 14, top + 12, view.names[side], 18, view.color(side))
    frame.text(LEFT + PANEL - 12, top + 15, STYLES[int(player.style)], 12, STEEL, "right")
    draw_heart(frame, LEFT + 32, top + 62, 20, CORAL)
    frame.text(LEFT + 62, top + 42, str(max(0, int(player.life))), 38, SNOW)
    if view.mode == TARGET and PLAYER in view.choices and side != view.asked:
        draw_cap(frame, LEFT + PANEL - 24, top + 52, "7")
    frame.text(LEFT + 14, top + 92, "mana", 13, STEEL)
    frame.text(LEFT + PANEL - 14, top + 91, f"{int(player.mana)} of {int(player.springs)}", 15, SNOW, "right")
    for spring in range(int(player.springs)):
        x, y = LEFT + 20 + 15 * (spring % 9), top + 120 + 17 * (spring // 9)
        draw_drop(frame, x, y, 6.5, TEAL if spring < int(player.mana) else SLATE)
    for line, (word, number) in enumerate((("deck", 40 - int(player.drawn)), ("gone", int(player.graves)))):
        frame.text(LEFT + 14 + 76 * line, top + 166, word, 13, STEEL)
        frame.text(LEFT + 74 + 76 * line - 4, top + 165, str(number), 15, SNOW, "right")


def _draw_stack(view: View) -> None:
    """What waits to happen, the next one on top."""
    frame, state = view.frame, view.state
    top = 256
    frame.text(LEFT + 4, top, "stack: the top happens next", 12, STEEL)
    items = list(reversed(state.stack[: int(state.stacked)]))
    if not items:
        frame.border(LEFT, top + 20, PANEL, 30, 1.5, blend(DUSK, SLATE, 0.6), 8)
        frame.text(LEFT + PANEL / 2, top + 27, "empty", 13, SLATE, "center")
    for line, item in enumerate(items[:4]):
        y, side, card = top + 20 + 44 * line, int(item.side), int(item.card)
        frame.rect(LEFT, y, PANEL, 40, KIND_COLORS[int(state.table[card][0])], 8)
        frame.rect(LEFT + 1.5, y + 1.5, PANEL - 3, 37, blend(KIND_COLORS[int(state.table[card][0])], NIGHT, 0.75), 7)
        row = state.table[card].tolist()
        draw_emblem(frame, NAMES[card], row[5], row[0] == CREATURE, LEFT + 22, y + 20, 13)
        fit(frame, LEFT + 96, y + 5, NAMES[card], 14, 112, SNOW)
        frame.text(LEFT + 96, y + 22, _aim(view, side, row, int(item.target)), 11, view.color(side), "center")
        if int(item.target) < PLAYER and view.moment is None:
            whose = side if row[5] == GROW else 1 - side
            draw_arrow(frame, (LEFT + PANEL, y + 20), view.middle(whose, int(item.target)), view.color(side))


def _aim(view: View, side: int, row: list[int], target: int) -> str:
    who = view.names[side].lower()
    if target == PLAYER:
        return f"{who}: at {view.names[1 - side].lower()}"
    if target == NO_TARGET:
        return f"{who}: {'comes' if row[0] == CREATURE else 'played'}"
    card = int(view.state.sides[side if row[5] == GROW else 1 - side].card[target])
    return f"{who}: at {NAMES[card] or 'nothing'}"


def _draw_fights(view: View) -> None:
    """Arrows from attackers to the other player, and from blockers to attackers."""
    frame, state = view.frame, view.state
    turn = int(state.turn)
    for attacker in bits(state.attacking):
        x, y = view.middle(turn, attacker)
        up = -1 if turn == view.own else 1
        edge = y + up * CARD_HEIGHT / 2
        blockers = bits(state.blocks[attacker])
        if not blockers:
            faint = blend(AMBER, DUSK, 0.2) if attacker not in bits(state.blocked) else SLATE
            draw_arrow(frame, (x, edge), (x, edge + up * 22), faint)
        for blocker in blockers:
            bx, by = view.middle(1 - turn, blocker)
            cap = 0 if turn == view.own else 16
            draw_arrow(frame, (bx, by - up * CARD_HEIGHT / 2 - cap), (x, edge), view.color(1 - turn))


# --- words on the picture ---


def question(view: View) -> tuple[str, Color]:
    """What is asked, or what happens, in a line."""
    if view.moment is not None:
        beat = view.moment.beat
        text, color = event_text(view, beat.events[-1])
        return (caption(view, beat), view.color(beat.side)) if caption(view, beat) else (text, color)
    state = view.state
    who = view.names[view.asked]
    head = "Your" if who == "You" else f"{who}'s"
    if view.mode == BLOCK:
        attacker = NAMES[int(state.sides[int(state.turn)].card[int(state.blocking)])]
        return f"{head} block: who stops {attacker}?", view.color(view.asked)
    if view.mode == TARGET:
        card = int(state.sides[view.asked].hand[int(state.picked)])
        return f"{head} target for {NAMES[card]}?", view.color(view.asked)
    if view.mode == ANSWER:
        about = "the attack" if int(state.stage) == 1 else "the blocks"
        if int(state.stacked):
            about = NAMES[int(state.stack[int(state.stacked) - 1].card)]
        return f"{head} answer to {about}?", view.color(view.asked)
    return f"{head} {'attack: who goes?' if view.mode == ATTACK else 'turn: play cards'}", view.color(view.asked)


def _draw_band(view: View) -> None:
    text, color = question(view)
    frame = view.frame
    x, y, wide = MIDDLE + WIDE / 2, BAND, frame.measure(text, 18) + 40
    if view.moment is not None and view.moment.beat.kind in STAGED:
        x = x + CARD_WIDTH / 2 + 12 + wide / 2  # beside the card
    frame.rect(x - wide / 2, y, wide, 30, blend(color, NIGHT, 0.7), 15)
    frame.text(x, y + 6, text, 18, color, "center")


def key_lines(view: View) -> list[tuple[str, str]]:
    """Keys and what they do now."""
    if view.moment is not None:
        return [("any", "do not wait")] if view.moment.waits and view.frame.person is not None else []
    state, aimed = view.state, "that creature"
    main = "start the attack" if view.mode == MAIN and able(state) else "end the turn"
    words = {
        MAIN: {0: "play that card", ENTER: main},
        ATTACK: {0: f"attack with {aimed}", ALL: "with all", ENTER: "go!" if int(state.attacking) else "do not attack"},
        BLOCK: {0: f"block with {aimed}", NONE: "no further blocks", ENTER: "next attacker, or done"},
        TARGET: {0: aimed, PLAYER: "the other player", BACK: "take the card back"},
        ANSWER: {0: "play that instant", ENTER: "let it happen"},
    }[view.mode]
    chosen = {ATTACK: bits(state.attacking), BLOCK: bits(state.blocks[int(state.blocking)])}.get(view.mode, set())
    numbers = {n for n in view.choices if n < (PLAYER if view.mode == TARGET else ALL)}
    groups = ((numbers - chosen, words[0]), (numbers & chosen, f"take {aimed} back"))
    lines = [(" ".join(str(n + 1) for n in sorted(group)), what) for group, what in groups if group]
    caps = {PLAYER: "7", ALL: "9", NONE: "0", ENTER: "Enter", BACK: "Back"}
    return lines + [(caps[n], words[n]) for n in (PLAYER, ALL, NONE, ENTER, BACK) if n in view.choices and n in words]


def _draw_keys(view: View) -> None:
    frame, top = view.frame, 380
    width = view.frame.width - RIGHT - 16
    frame.rect(RIGHT, top, width, 132, DUSK, 12)
    frame.text(RIGHT + 12, top + 10, f"keys for {view.names[view.asked].lower()}", 13, view.color(view.asked))
    for line, (keys, what) in enumerate(key_lines(view)):
        y = top + 32 + 24 * line
        wide = max(24.0, frame.measure(keys, 13) + 12)
        frame.rect(RIGHT + 12, y, wide, 19, AMBER, 5)
        frame.text(RIGHT + 12 + wide / 2, y + 2.5, keys, 13, NIGHT, "center")
        frame.text(RIGHT + 20 + wide, y + 2, what, 14, SNOW)


def _draw_keywords(view: View) -> None:
    frame, top = view.frame, 524
    width = view.frame.width - RIGHT - 16
    frame.rect(RIGHT, top, width, 162, DUSK, 12)
    for line, (word, meaning, color) in enumerate(KEYWORDS):
        frame.text(RIGHT + 12, top + 10 + 18 * line, word, 13, color)
        frame.text(RIGHT + 60, top + 10.5 + 18 * line, meaning, 12, STEEL)


def event_text(view: View, event: Any) -> tuple[str, Color]:
    """What happened, and whose colour it has; nothing for what the picture shows anyway."""
    who, name, number = view.names[int(event.side)], NAMES[int(event.card)], int(event.number)
    color = view.color(int(event.side))
    plays, loses, gains = ("play", "lose", "gain") if who == "You" else ("plays", "loses", "gains")
    texts = {
        1: f"— turn {number + 1}: {who.lower()} —",
        2: f"{who} {plays} {name}",
        3: f"{name} comes to nothing",
        4: f"{name} attacks",
        5: f"{name} blocks",
        6: f"{name} dies",
        7: f"{who} {loses} {number} life",
        8: f"{who} {gains} {number} life",
        9: f"{name} returns to the hand",
        10: f"{name} is lost: hand full",
        11: f"empty deck: {who} {loses} {number}",
        12: {1: f"{view.names[0]} won!", 2: "a draw", 3: f"{view.names[1]} won!"}.get(number, ""),
    }
    bright = int(event.kind) in (7, 11, 12)
    return texts.get(int(event.kind), ""), SNOW if bright else STEEL if int(event.kind) == 1 else color


def _draw_events(view: View) -> None:
    frame, state = view.frame, view.state
    top = HUD_HEIGHT + 4
    width = view.frame.width - RIGHT - 16
    frame.rect(RIGHT, top, width, 320, DUSK, 12)
    seen, size = int(state.events_seen), len(state.events)
    told = [(n, *event_text(view, state.events[n % size])) for n in range(max(0, seen - size), seen)]
    for line, (number, text, color) in enumerate([event for event in told if event[1]][-LINES:]):
        old = number < seen - 10
        frame.text(RIGHT + 12, top + 12 + 19 * line, text, 13, blend(color, DUSK, 0.55 if old else 0.0))
