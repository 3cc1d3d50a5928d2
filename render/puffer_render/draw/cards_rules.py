"""What `cards` asks and what may be pressed, as the state tells it, and the cards in words."""

from __future__ import annotations

from typing import Any

# what the state holds; see the fields of the environment
HAND, BOARD = 8, 6
ALL, NONE, ENTER, BACK = 8, 9, 10, 11
PLAYER, NO_TARGET = 6, 7
MAIN, ATTACK, BLOCK, TARGET, ANSWER = range(5)
SPRING, CREATURE, SPELL, INSTANT = 1, 2, 3, 4
BOLT, HEAL, DRAW, GROW, WEAKEN, DESTROY, RETURN, SWEEP, COUNTER = range(1, 10)
NAMES = (
    *("", "Spring", "Drift Larva", "Glass Shrimp", "Needle Fry", "Pebble Crab", "Rill Goby", "Lamp Gnat"),
    *("Stinging Bell", "Spark of Salt", "Barnacle Coat", "Mud Hopper", "Kelp Snail", "Spray Tern", "Razor Minnow"),
    *("Leech Eel", "Tide Sentry", "Coral Pike", "Boiling Jet", "Clear Water", "Sudden Bloom", "Numbing Cold"),
    *("Backwash Pull", "Still Water", "Reed Frog", "Squall Petrel", "Bristle Urchin", "Ridge Turtle"),
    *("Slate Barracuda", "Lantern Ray", "Spear Shrimp", "Hook Squid", "Ebb Reading", "Long Rain", "Shadow Below"),
    *("Turning Basin", "Rising Swell", "Brine Otter", "Cliff Gannet", "Thorn Anemone", "Dusk Moray", "Silt Walrus"),
    *("Ink Mantle", "Foam Charger", "Hot Vent", "Crushing Deep", "Reef Warden", "Gale Albatross", "Anvil Crab"),
    *("Harpoon Eel", "Marsh Lurker", "Wrack Line", "Crimson Drift", "Breaking Front", "Tusk Whale", "Dawn Heron"),
    *("Hollow Octopus", "Trench Stalker", "Old Baleen", "Thunder Manta", "Deep Mother"),
)


# --- what may be pressed; tests compare it with the environment's masks ---


def choices(state: Any) -> set[int]:
    """The buttons that do something for the side that is asked."""
    side, mode = state.sides[int(state.asked)], int(state.mode)
    attacking, blocking = bits(state.attacking), int(state.blocking)
    if mode == ATTACK:
        more = able(state) - attacking
        return more | (attacking if side.regrets else set()) | {ENTER} | ({ALL} if len(more) > 1 else set())
    if mode == BLOCK:
        more = free(state)
        later = any(place > blocking for place in attacking)
        chosen = bits(state.blocks[blocking]) if side.regrets else set()
        return more | chosen | {ENTER} | ({NONE} if more and later else set())
    if mode == TARGET:
        return targets(state, int(side.hand[int(state.picked)])) | ({BACK} if side.regrets else set())
    full = mode == ANSWER and int(state.stacked) == len(state.stack)
    return {ENTER} | {place for place in range(int(side.hands)) if not full and playable(state, place)}


def bits(number: Any) -> set[int]:
    """The places whose bits are set."""
    return {place for place in range(BOARD) if int(number) >> place & 1}


def creatures_with(state: Any, side: int, word: int) -> set[int]:
    """Those with a keyword, by its number."""
    return {
        place for place, card in enumerate(state.sides[side].card.tolist()) if int(state.table[card][4]) >> word & 1
    }


def able(state: Any) -> set[int]:
    """Creatures that may attack."""
    turn = int(state.turn)
    side = state.sides[turn]
    slow = bits(side.fresh) - creatures_with(state, turn, 0)
    return {place for place in bits(side.creatures) - bits(side.tired) - slow if side.attack[place] > 0}


def free(state: Any) -> set[int]:
    """Creatures that may block the attacker in question."""
    turn, attacker = int(state.turn), int(state.blocking)
    side = state.sides[1 - turn]
    found = bits(side.creatures) - bits(side.tired) - set().union(*(bits(b) for b in state.blocks.tolist()))
    if attacker in creatures_with(state, turn, 1):
        found &= creatures_with(state, 1 - turn, 1) | creatures_with(state, 1 - turn, 2)
    return found


def targets(state: Any, card: int) -> set[int]:
    """What a card of the side that is asked may aim at."""
    effect, amount = int(state.table[card][5]), int(state.table[card][2])
    own, other = state.sides[int(state.asked)], state.sides[1 - int(state.asked)]
    if effect == GROW:
        return bits(own.creatures)
    found = bits(other.creatures)
    if effect == DESTROY:
        found = {place for place in found if other.attack[place] <= amount}
    return found | ({PLAYER} if effect == BOLT else set())


def playable(state: Any, place: int) -> bool:
    """Whether a card in the hand of the side that is asked can be played."""
    asked = int(state.asked)
    side = state.sides[asked]
    kind, cost, _, _, _, effect = state.table[int(side.hand[place])].tolist()
    if cost > side.mana or (int(state.mode) == ANSWER and kind != INSTANT):
        return False
    if kind == SPRING:
        return not side.planted
    if kind == CREATURE:
        return len(bits(side.creatures)) < BOARD
    if effect == COUNTER:
        return int(state.stacked) > 0 and int(state.stack[int(state.stacked) - 1].side) != asked
    return effect in (HEAL, DRAW, SWEEP) or bool(targets(state, int(side.hand[place])))


# --- words ---


def rules_of(row: list[int]) -> tuple[str, ...]:
    """What a spell does, in lines that fit a card."""
    kind, _, amount, _, _, effect = row
    if kind == SPRING:
        return ("one more mana", "every turn")
    return {
        BOLT: (f"{amount} damage to a", "creature or the", "other player"),
        HEAL: (f"{amount} life", "for you"),
        DRAW: (f"draw {amount} cards",),
        GROW: (f"+{amount} +{amount} for one", "of your creatures", "for good"),
        WEAKEN: (f"−{amount} −{amount} for one", "of the other's", "creatures"),
        DESTROY: ("kills a creature", f"of attack {amount}", "or less"),
        RETURN: ("a creature goes", "back to its", "player's hand"),
        SWEEP: (f"{amount} damage to", "every creature"),
        COUNTER: ("the card that was", "just played does", "not happen"),
    }.get(effect, ())
