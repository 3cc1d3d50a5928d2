"""The rules of `cards`, told a second time for reading: lists of objects, no bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

HAND, BOARD, STACK, TURNS, MAX_LIFE, MAX_STAT = 8, 6, 8, 60, 30, 31
ALL, NONE, ENTER, BACK = 8, 9, 10, 11
PLAYER, NO_TARGET = 6, 7
SPRING = 1
KINDS = ("nothing", "spring", "creature", "spell", "instant")
KEYWORDS = ("swift", "soar", "net", "quick", "pierce", "drain", "venom", "awake")
EFFECTS = ("none", "bolt", "heal", "draw", "grow", "weaken", "destroy", "return", "sweep", "counter")
AIMED = ("bolt", "grow", "weaken", "destroy", "return")
MODES = ("main", "attack", "block", "target", "answer")
STAGES = ("before", "attacked", "blocked")


@dataclass(frozen=True)
class Card:
    """A row of the table."""

    number: int
    kind: str
    cost: int
    amount: int
    health: int
    keywords: frozenset[str]
    effect: str


def read_table(table: object) -> list[Card]:
    """The cards that an environment shows."""
    cards = []
    for number, row in enumerate(table.tolist()):  # type: ignore[attr-defined]
        kind, cost, amount, health, bits, effect = row
        words = frozenset(word for bit, word in enumerate(KEYWORDS) if bits >> bit & 1)
        cards.append(Card(number, KINDS[kind], cost, amount, health, words, EFFECTS[effect]))
    return cards


@dataclass(eq=False)
class Creature:
    """A card on the board."""

    card: Card
    attack: int
    health: int
    hurt: int = 0
    tired: bool = False
    fresh: bool = True

    @property
    def left(self) -> int:
        return self.health - self.hurt

    def has(self, word: str) -> bool:
        return word in self.card.keywords


@dataclass
class Player:
    """One side."""

    life: int
    hand: list[Card] = field(default_factory=list)
    board: list[Creature | None] = field(default_factory=lambda: [None] * BOARD)
    grave: list[Card] = field(default_factory=list)
    drawn: int = 0
    springs: int = 0
    mana: int = 0
    fatigue: int = 0
    planted: bool = False
    regrets: int = 0

    def living(self) -> list[tuple[int, Creature]]:
        return [(place, c) for place, c in enumerate(self.board) if c is not None]


class Game:
    """Two players. `deck(side, index)` is the number of the card that a side draws as its index-th, 0 if unknown."""

    def __init__(
        self, cards: list[Card], turn: int, life: int, take_backs: int, deck: Callable[[int, int], int], opening: int
    ) -> None:
        self.cards, self.deck, self.take_backs = cards, deck, take_backs
        self.players = [Player(life), Player(life)]
        self.turn, self.turns, self.asked = turn, 0, turn
        self.mode, self.stage, self.passes = "main", "before", 0
        self.stack: list[tuple[int, Card, int]] = []
        self.attackers: list[int] = []
        self.blocked: set[int] = set()
        self.blocks: dict[int, list[int]] = {}  # attacker -> blockers
        self.blocking = 0
        self.picked = 0
        self.answering = False
        self.happened: list[str] = []  # effects that came to be
        for side in (0, 1):
            for _ in range(opening + 2 + (side != turn)):
                self.draw(side)
        self.begin_turn()
        self.settle()

    # --- zones ---

    def take(self, side: int, card: Card) -> None:
        player = self.players[side]
        if len(player.hand) == HAND:
            player.grave.append(card)
        else:
            player.hand = sorted([*player.hand, card], key=lambda c: c.number)

    def draw(self, side: int) -> None:
        player = self.players[side]
        if player.drawn == 40:
            player.fatigue += 1
            player.life -= player.fatigue
        else:
            player.drawn += 1
            self.take(side, self.cards[self.deck(side, player.drawn - 1)])

    def leave(self, side: int, place: int) -> Card:
        creature = self.players[side].board[place]
        assert creature is not None
        self.players[side].board[place] = None
        if side == self.turn:
            self.attackers = [a for a in self.attackers if a != place]
            self.blocked.discard(place)
            self.blocks.pop(place, None)
        else:
            self.blocks = {a: [b for b in bs if b != place] for a, bs in self.blocks.items()}
        return creature.card

    def bury(self, side: int, poisoned: set[int]) -> None:
        for place, creature in self.players[side].living():
            if creature.hurt >= creature.health or place in poisoned:
                self.players[side].grave.append(self.leave(side, place))

    def heal(self, side: int, amount: int) -> None:
        player = self.players[side]
        player.life = max(player.life, min(MAX_LIFE, player.life + amount))

    @property
    def over(self) -> bool:
        return min(player.life for player in self.players) <= 0 or self.turns >= TURNS

    def result(self) -> float:
        alive = [player.life > 0 for player in self.players]
        return float(alive[0]) - float(alive[1])

    # --- what may be pressed ---

    def targets(self, side: int, card: Card) -> list[int]:
        other = self.players[1 - side].living()
        if card.effect == "bolt":
            return [*(place for place, _ in other), PLAYER]
        if card.effect == "grow":
            return [place for place, _ in self.players[side].living()]
        if card.effect == "destroy":
            return [place for place, c in other if c.attack <= card.amount]
        return [place for place, _ in other] if card.effect in AIMED else []

    def playable(self, side: int, card: Card) -> bool:
        player = self.players[side]
        if card.cost > player.mana or (self.mode == "answer" and card.kind != "instant"):
            return False
        if card.kind == "spring":
            return not player.planted
        if card.kind == "creature":
            return None in player.board
        if card.effect == "counter":
            return bool(self.stack) and self.stack[-1][0] != side
        return card.kind != "nothing" and (card.effect not in AIMED or bool(self.targets(side, card)))

    def can_attack(self) -> list[int]:
        return [
            place
            for place, c in self.players[self.turn].living()
            if not c.tired and c.attack > 0 and (not c.fresh or c.has("swift"))
        ]

    def free_blockers(self) -> list[int]:
        attacker = self.players[self.turn].board[self.blocking]
        assert attacker is not None
        busy = {b for bs in self.blocks.values() for b in bs}
        return [
            place
            for place, c in self.players[1 - self.turn].living()
            if not c.tired and place not in busy and (not attacker.has("soar") or c.has("soar") or c.has("net"))
        ]

    def later(self) -> list[int]:
        return [a for a in self.attackers if a > self.blocking]

    def legal(self) -> set[int]:
        player = self.players[self.asked]
        if self.mode == "attack":
            more = set(self.can_attack()) - set(self.attackers)
            undo = set(self.attackers) if player.regrets else set()
            return more | undo | {ENTER} | ({ALL} if len(more) > 1 else set())
        if self.mode == "block":
            more = set(self.free_blockers())
            undo = set(self.blocks.get(self.blocking, [])) if player.regrets else set()
            return more | undo | {ENTER} | ({NONE} if more and self.later() else set())
        if self.mode == "target":
            targets = set(self.targets(self.asked, player.hand[self.picked]))
            return targets | ({BACK} if player.regrets else set())
        if self.mode == "answer" and len(self.stack) == STACK:
            return {ENTER}
        return {place for place, card in enumerate(player.hand) if self.playable(self.asked, card)} | {ENTER}

    # --- what pressing does ---

    def press(self, button: int) -> None:
        if self.mode == "attack":
            self.press_attack(button)
        elif self.mode == "block":
            self.press_block(button)
        elif self.mode == "target" and button == BACK:
            self.players[self.asked].regrets -= 1
            self.mode = "answer" if self.answering else "main"
        elif self.mode == "target":
            self.cast(self.picked, button)
        elif button != ENTER:
            self.pick(button)
        elif self.mode == "answer":
            self.pass_on()
        elif self.can_attack():
            self.mode = "attack"
        else:
            self.end_turn()

    def press_and_settle(self, button: int) -> None:
        legal = self.legal()
        self.press(button if button in legal else ENTER if ENTER in legal else min(legal))
        self.settle()

    def settle(self) -> None:
        while not self.over and len(self.legal()) == 1:
            self.press(next(iter(self.legal())))

    def pick(self, place: int) -> None:
        player = self.players[self.asked]
        card = player.hand[place]
        if card.kind == "spring":
            del player.hand[place]
            player.springs, player.mana, player.planted = player.springs + 1, player.mana + 1, True
        elif card.effect in AIMED:
            self.picked, self.answering, self.mode = place, self.mode == "answer", "target"
        else:
            self.cast(place, NO_TARGET)

    def cast(self, place: int, target: int) -> None:
        player = self.players[self.asked]
        card = player.hand.pop(place)
        player.mana -= card.cost
        self.stack.append((self.asked, card, target))
        self.mode, self.asked, self.passes = "answer", 1 - self.asked, 1

    def press_attack(self, button: int) -> None:
        player = self.players[self.turn]
        if button == ALL:
            self.attackers = self.can_attack()
        elif button != ENTER and button in self.attackers:
            player.regrets -= 1
            self.attackers.remove(button)
        elif button != ENTER:
            self.attackers = sorted([*self.attackers, button])
        elif not self.attackers:
            self.end_turn()
        else:
            for place in self.attackers:
                creature = player.board[place]
                assert creature is not None
                creature.tired = not creature.has("awake")
            self.stage, self.mode, self.asked, self.passes = "attacked", "answer", 1 - self.turn, 1

    def press_block(self, button: int) -> None:
        chosen = self.blocks.setdefault(self.blocking, [])
        if button == ENTER and self.later():
            self.blocking = self.later()[0]
        elif button in (ENTER, NONE):
            self.blocked = {a for a, bs in self.blocks.items() if bs}
            self.stage, self.mode, self.asked, self.passes = "blocked", "answer", self.turn, 0
        elif button in chosen:
            self.players[self.asked].regrets -= 1
            chosen.remove(button)
        else:
            self.blocks[self.blocking] = sorted([*chosen, button])

    def pass_on(self) -> None:
        self.passes += 1
        if self.passes < 2:
            self.asked = 1 - self.asked
            return
        self.passes, self.asked = 0, self.turn
        if self.stack:
            self.resolve()
            if not self.stack and self.stage == "before":
                self.mode = "main"
        elif self.stage == "attacked" and self.attackers:
            self.mode, self.asked, self.blocking = "block", 1 - self.turn, self.attackers[0]
        elif self.stage == "attacked":
            self.end_turn()
        else:
            self.fight()
            self.end_turn()

    def resolve(self) -> None:
        side, card, target = self.stack.pop()
        player, other = self.players[side], self.players[1 - side]
        if card.kind == "creature":
            player.board[player.board.index(None)] = Creature(card, card.amount, card.health)
            return
        if card.effect in AIMED and target not in self.targets(side, card):
            player.grave.append(card)
            return
        player.grave.append(card)
        self.happened.append(card.effect)
        if card.effect == "heal":
            self.heal(side, card.amount)
        elif card.effect == "draw":
            for _ in range(card.amount):
                self.draw(side)
        elif card.effect == "sweep":
            for who in (0, 1):
                for _, creature in self.players[who].living():
                    creature.hurt += card.amount
                self.bury(who, set())
        elif card.effect == "counter":
            if self.stack:
                owner, countered, _ = self.stack.pop()
                self.players[owner].grave.append(countered)
        elif target == PLAYER:
            other.life -= card.amount
        else:
            self.affect(card, side if card.effect == "grow" else 1 - side, target)

    def affect(self, card: Card, whose: int, place: int) -> None:
        creature = self.players[whose].board[place]
        assert creature is not None
        if card.effect == "return":
            self.take(whose, self.leave(whose, place))
            return
        if card.effect == "bolt":
            creature.hurt += card.amount
        if card.effect in ("grow", "weaken"):
            change = card.amount if card.effect == "grow" else -card.amount
            creature.attack = min(MAX_STAT, max(0, creature.attack + change))
            creature.health = min(MAX_STAT, max(0, creature.health + change))
        self.bury(whose, {place} if card.effect == "destroy" else set())

    # --- fights ---

    def fight(self) -> None:
        fighters = [self.players[self.turn].board[a] for a in self.attackers]
        fighters += [self.players[1 - self.turn].board[b] for bs in self.blocks.values() for b in bs]
        if any(c is not None and c.has("quick") for c in fighters):
            self.strike(quick=True)
        self.strike(quick=False)

    def strike(self, quick: bool) -> None:
        """All that are quick, or all that are not, deal their damage at once."""
        own, other = self.players[self.turn], self.players[1 - self.turn]
        wounds: list[tuple[Creature, Creature | None, int]] = []  # who, whom (None: the other player), how much
        for place in self.attackers:
            attacker = own.board[place]
            assert attacker is not None
            blockers = [c for b in self.blocks.get(place, []) if (c := other.board[b]) is not None]
            wounds += [(b, attacker, b.attack) for b in blockers if b.has("quick") == quick]
            if attacker.has("quick") == quick:
                wounds += self.shares(attacker, blockers, place in self.blocked)
        drained, poisoned = {0: 0, 1: 0}, {0: set[int](), 1: set[int]()}
        for who, whom, amount in wounds:
            side = self.turn if who in own.board else 1 - self.turn
            drained[side] += amount if who.has("drain") else 0
            if whom is None:
                other.life -= amount
                continue
            whom.hurt += amount
            if who.has("venom") and amount > 0:
                poisoned[1 - side].add(self.players[1 - side].board.index(whom))
        for side in (0, 1):
            self.heal(side, drained[side])
            self.bury(side, poisoned[side])

    @staticmethod
    def shares(
        attacker: Creature, blockers: list[Creature], blocked: bool
    ) -> list[tuple[Creature, Creature | None, int]]:
        """How an attacker divides its damage: from left to right what each blocker needs, the last one the rest."""
        left, shares = attacker.attack, list[tuple[Creature, Creature | None, int]]()
        for number, blocker in enumerate(blockers):
            needed = min(1, blocker.left) if attacker.has("venom") else blocker.left
            last = number == len(blockers) - 1 and not attacker.has("pierce")
            share = left if last else min(left, needed)
            shares.append((attacker, blocker, share))
            left -= share
        if not blocked or attacker.has("pierce"):
            shares.append((attacker, None, left))
        return shares

    # --- turns ---

    def begin_turn(self) -> None:
        player = self.players[self.turn]
        for _, creature in player.living():
            creature.tired = creature.fresh = False
        player.mana, player.planted = player.springs, False
        for each in self.players:
            each.regrets = self.take_backs
        self.stage, self.mode, self.asked, self.passes = "before", "main", self.turn, 0
        self.draw(self.turn)

    def end_turn(self) -> None:
        for player in self.players:
            for _, creature in player.living():
                creature.hurt = 0
        self.attackers, self.blocked, self.blocks = [], set(), {}
        self.turns, self.turn = self.turns + 1, 1 - self.turn
        if not self.over:
            self.begin_turn()
