"""What happens in `cards` as it is shown: cards fly, creatures strike, lives change."""

from __future__ import annotations

from puffer_render.draw.cards_parts import (
    BAND,
    CARD_HEIGHT,
    CARD_WIDTH,
    GAP,
    LEFT,
    MIDDLE,
    PANEL,
    TOPS,
    WIDE,
    View,
    draw_arrow,
    draw_face,
    draw_stats,
)
from puffer_render.draw.cards_rules import CREATURE, GROW, NAMES, PLAYER, SPRING, bits
from puffer_render.draw.cards_story import (
    ATTACK,
    BLOCK,
    DAMAGE,
    DEATH,
    EFFECT,
    FATIGUE,
    FIZZLE,
    HARM,
    HEAL,
    PLAY,
    RETURN,
    TURN,
    Beat,
    Moment,
)
from puffer_render.frame import HUD_HEIGHT
from puffer_render.palette import CORAL, MINT, NIGHT, SNOW, Color, blend, fade

STAGE = (MIDDLE + WIDE / 2 - CARD_WIDTH / 2, BAND - CARD_HEIGHT / 2 + 15)
"""The top left corner of a card that is being played, in the middle of the picture."""
PANELS = (470 + 60, HUD_HEIGHT + 64)
"""The middle of a player's life, own and other."""

Point = tuple[float, float]


def draw_moment(view: View, moment: Moment) -> None:
    """What happens now, over everything else."""
    beat, share = moment.beat, moment.share
    if beat.kind == PLAY:
        _draw_play(view, beat, share)
    elif beat.kind == EFFECT:
        _draw_effect(view, beat, share)
    elif beat.kind == FIZZLE:
        _draw_card(view, int(beat.events[0].card), STAGE)
        x, y = STAGE[0] + CARD_WIDTH / 2, STAGE[1] + CARD_HEIGHT / 2
        for turn in (-1, 1):
            view.frame.line(x - 30, y - turn * 30, x + 30, y + turn * 30, 9, CORAL)
    elif beat.kind == RETURN:
        event = beat.events[0]
        side, row = int(event.side), TOPS[0] if int(event.side) == view.own else TOPS[3]
        start, end = view.place(side, int(event.number)), (STAGE[0], float(row))
        _draw_card(view, int(event.card), _between(start, end, smooth(share)))
    elif beat.kind in (*HARM, FATIGUE):
        _draw_harm(view, beat, share)


def caption(view: View, beat: Beat) -> str:
    """What happens now, in a line."""
    who = view.names[beat.side]
    does = who == "You"
    names = [NAMES[int(event.card)] for event in beat.events if int(event.kind) == beat.kind]
    several = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0] if names else ""
    amount = int(beat.events[0].number)
    if beat.kind in HARM:
        lost = sum(int(event.number) for event in beat.events if int(event.kind) == DAMAGE)
        dead = [NAMES[int(event.card)] for event in beat.events if int(event.kind) == DEATH]
        loser = next((view.names[int(event.side)] for event in beat.events if int(event.kind) == DAMAGE), who)
        parts = [f"{loser} {'lose' if loser == 'You' else 'loses'} {lost} life"] if lost else []
        parts += [f"{', '.join(dead)} {'dies' if len(dead) == 1 else 'die'}"] if dead else []
        return "; ".join(parts) or f"{who} {'gain' if does else 'gains'} {amount} life"
    return {
        TURN: f"{who}r turn" if does else f"{who}'s turn",
        PLAY: f"{who} {'play' if does else 'plays'} {several}",
        EFFECT: f"{several} {'comes' if _is_creature(view, beat) else 'takes effect'}",
        FIZZLE: f"{several} comes to nothing",
        ATTACK: f"{who} {'attack' if does else 'attacks'} with {several}",
        BLOCK: f"{who} {'block' if does else 'blocks'} with {several}",
        RETURN: f"{several} returns to the hand",
        FATIGUE: f"empty deck: {who} {'lose' if does else 'loses'} {amount} life",
    }.get(beat.kind, "")


def smooth(share: float) -> float:
    """From 0 to 1, slow at both ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _is_creature(view: View, beat: Beat) -> bool:
    return int(view.state.table[int(beat.events[0].card)][0]) == CREATURE


def _draw_card(view: View, card: int, at: Point) -> None:
    row = view.state.table[card].tolist()
    view.frame.rect(at[0] + 5, at[1] + 7, CARD_WIDTH, CARD_HEIGHT, fade(NIGHT, 0.5), 8)
    draw_face(view, card, *at, True)
    if row[0] == CREATURE:
        draw_stats(view, *at, row[2], row[3], False, False)


def _draw_play(view: View, beat: Beat, share: float) -> None:
    """From the hand to the middle, where it can be read; a spring then flies to its player."""
    event = beat.events[0]
    side, own = beat.side, beat.side == view.own
    index, count = beat.slot
    left = MIDDLE + (WIDE - count * (CARD_WIDTH + GAP) + GAP) / 2 + index * (CARD_WIDTH + GAP)
    start, spot = (left, float(TOPS[0] if own else TOPS[3])), STAGE
    if int(event.card) == SPRING:
        spot = (LEFT + PANEL / 2 - CARD_WIDTH / 2, 470.0 if own else HUD_HEIGHT + 40.0)
    _draw_card(view, int(event.card), _between(start, spot, smooth(1.8 * share)))
    target = int(event.number)
    if share > 0.5 and target <= PLAYER:
        _draw_aim(view, side, int(event.card), target, (share - 0.5) * 2)


def _draw_aim(view: View, side: int, card: int, target: int, share: float) -> None:
    """An arrow from the card in the middle to what it aims at."""
    whose = side if int(view.state.table[card][5]) == GROW else 1 - side
    end = _life(view, whose) if target == PLAYER else view.middle(whose, target)
    start = (STAGE[0] + CARD_WIDTH / 2, STAGE[1] + CARD_HEIGHT / 2)
    draw_arrow(view.frame, start, _between(start, end, smooth(0.3 + share)), view.color(side))
    _draw_card(view, card, STAGE)


def _draw_effect(view: View, beat: Beat, share: float) -> None:
    """A creature goes to its place; a spell glows."""
    event = beat.events[0]
    card, number = int(event.card), int(event.number)
    if _is_creature(view, beat):
        _draw_card(view, card, _between(STAGE, view.place(beat.side, number), smooth(1.3 * share)))
        return
    x, y = STAGE[0] + CARD_WIDTH / 2, STAGE[1] + CARD_HEIGHT / 2
    view.frame.glow(x, y, CARD_HEIGHT * (0.8 + share), fade(view.color(beat.side), 0.8 * (1 - share)))
    if number <= PLAYER:
        _draw_aim(view, beat.side, card, number, 1.0)
    else:
        _draw_card(view, card, STAGE)


def _life(view: View, side: int) -> Point:
    return LEFT + 80.0, PANELS[0 if side == view.own else 1]


def _draw_harm(view: View, beat: Beat, share: float) -> None:
    """Attackers strike; who dies fades; lives float up from their players."""
    frame, state = view.frame, view.state
    turn = int(state.turn)
    damage = [event for event in beat.events if int(event.kind) == DAMAGE]
    numbers: list[tuple[Point, str, Color, float]] = []
    for attacker in sorted(bits(state.attacking)):
        attack, blockers = int(state.sides[turn].attack[attacker]), sorted(bits(state.blocks[attacker]))
        start = view.middle(turn, attacker)
        if not blockers and damage and not int(state.blocked) >> attacker & 1:
            end = _life(view, 1 - turn)
            draw_arrow(frame, start, _between(start, end, smooth(2 * share)), view.color(turn))
            numbers.append((_between(start, end, 0.3), f"{attack}", SNOW, 26))
        for blocker in blockers:
            other, theirs = view.middle(1 - turn, blocker), int(state.sides[1 - turn].attack[blocker])
            numbers += [(spot, f"−{hit}", CORAL, 30) for spot, hit in ((other, attack), (start, theirs))]
    for event in beat.events:
        side, number, kind = int(event.side), int(event.number), int(event.kind)
        if kind == DEATH:
            x, y = view.place(side, number)
            frame.rect(x, y, CARD_WIDTH, CARD_HEIGHT, fade(CORAL, 0.65 * smooth(2 * share)), 8)
            for lean in (-1, 1):
                middle = x + CARD_WIDTH / 2, y + CARD_HEIGHT / 2
                frame.line(middle[0] - 24, middle[1] - lean * 24, middle[0] + 24, middle[1] + lean * 24, 7, NIGHT)
    lost = {side: sum(_amount(event) for event in beat.events if int(event.side) == side) for side in range(2)}
    for side, amount in lost.items():
        if amount:
            x, y = _life(view, side)
            color = MINT if amount > 0 else CORAL
            frame.glow(x, y, 90, fade(color, 0.6 * (1 - share)))
            text = f"+{amount}" if amount > 0 else f"−{-amount}"
            numbers.append(((x + 44, y + 14 - 34 * smooth(share)), text, color, 34))
    for spot, text, color, size in numbers:
        _draw_number(view, spot, text, color, size)


def _amount(event: object) -> int:
    """What an event adds to a life."""
    kind, number = int(event.kind), int(event.number)  # type: ignore[attr-defined]
    return number if kind == HEAL else -number if kind in (DAMAGE, FATIGUE) else 0


def _draw_number(view: View, at: Point, text: str, color: Color, size: float) -> None:
    """A number on a dark disc, so that it is read on anything."""
    view.frame.circle(*at, size * 0.75, fade(blend(color, NIGHT, 0.85), 0.9))
    view.frame.text(at[0], at[1] - size / 2 - 1, text, size, color, "center")
