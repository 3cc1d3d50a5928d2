"""delve told a second time: a turn of the game with plain lists and dictionaries, from the same random numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import puffer_envs

COLUMNS = 64
MOVES = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
STONE, FLOOR, CORRIDOR, MOSS, BRIDGE, CURTAIN, UP, DOWN, WALL, CRAG, PILLAR, WATER = range(12)
SEARCH, TAKE, DESCEND, CLIMB, USE, POWER = 8, 9, 10, 11, 12, 24
ASLEEP, WANDERS, HUNTS, FLEES = range(4)
FIGHTER, ROGUE, MAGE, PRIEST = 1, 2, 3, 4
CURSED, KNOWN, WORN, OWN = 1, 2, 4, 8
COINS, AMULET = 42, 43
BY_HUNGER, BY_HARM = 25, 26

KINDS: list[dict[str, Any]] = [{}] + [
    dict(zip(("tier", "hit", "armour", "speed", "health", "harm", "flags", "worth"), row, strict=True))
    for row in (
        *((1, 0, 8, 12, (1, 4), (1, 3), "", 2), (1, 1, 10, 18, (1, 4), (1, 2), "flies", 3)),
        *((1, 1, 9, 15, (1, 6), (1, 3), "", 3), (2, 2, 10, 12, (2, 4), (1, 5), "", 5)),
        *((2, 1, 9, 10, (1, 6), (1, 4), "ranged", 6), (2, 2, 10, 14, (1, 8), (1, 3), "poison", 6)),
        *((3, 1, 7, 6, (3, 4), (1, 4), "breeds", 6), (3, 3, 11, 12, (2, 8), (1, 8), "", 10)),
        *((3, 3, 12, 16, (2, 6), (1, 3), "thief shy", 12), (4, 4, 12, 18, (2, 8), (2, 4), "", 15)),
        *((4, 3, 10, 6, (4, 6), (1, 8), "", 14), (5, 5, 13, 15, (3, 6), (1, 6), "poison", 22)),
        *((5, 3, 11, 12, (3, 6), (1, 8), "casts shy", 26), (6, 5, 12, 10, (5, 8), (2, 6), "", 35)),
        *((6, 5, 13, 18, (4, 6), (2, 4), "flies", 32), (7, 6, 14, 12, (4, 8), (1, 8), "drains flies", 55)),
        *((7, 7, 13, 12, (6, 8), (2, 6), "regenerates", 65), (8, 7, 14, 14, (5, 8), (2, 5), "ranged", 85)),
        *((8, 8, 15, 6, (10, 8), (3, 6), "", 90), (9, 6, 14, 12, (5, 8), (3, 5), "casts shy", 130)),
        *((10, 9, 16, 14, (7, 8), (2, 8), "drains flies", 200), (10, 9, 15, 10, (9, 8), (3, 8), "ranged", 220)),
        *((11, 11, 17, 14, (9, 8), (3, 7), "casts flies", 350), (12, 12, 18, 12, (14, 8), (4, 7), "ranged flies", 600)),
    )
]
CLASSES = ("", "blade", "bow", "helmet", "mail", "shield", "potion", "scroll", "wand", "ring", "food", "gold", "amulet")
RANGES = dict(zip(CLASSES, ((0, 0), (1, 5), (6, 6), (7, 9), (10, 12), (13, 15), (16, 23), (24, 31), (32, 36), (37, 40),
                            (41, 41), (42, 42), (43, 43)), strict=True))  # fmt: skip
SLOTS = {"blade": [0], "bow": [1], "helmet": [2], "mail": [3], "shield": [4], "potion": [5, 6], "scroll": [7, 8],
         "wand": [9], "ring": [10], "food": [11]}  # fmt: skip
WEIGHTS = {"blade": 8, "bow": 3, "helmet": 6, "mail": 6, "shield": 6, "potion": 22, "scroll": 22, "wand": 7, "ring": 4,
           "food": 16}  # fmt: skip
BLADES = ((1, 2), (1, 4), (1, 6), (1, 8), (2, 5), (2, 7), (1, 7))
ARMOURS = dict(zip(range(7, 16), (1, 2, 3, 2, 4, 6, 1, 2, 3), strict=True))
HEROES = {FIGHTER: (6, 9, 3), ROGUE: (6, 7, 3), MAGE: (8, 5, 2), PRIEST: (8, 7, 3)}
"""Mana, the die of health, what the power costs."""
POINTS = [1] * 13 + [3] * 11 + [5] * 8 + [8] * 8
REACHED = {2: 10, 3: 13, 4: 14, 5: 15, 6: 24, 7: 25, 8: 26, 9: 32, 10: 33, 11: 34, 12: 35}


def class_of(kind: int) -> str:
    """The class of a thing."""
    return next((name for name, (first, last) in RANGES.items() if name and first <= kind <= last), "")


class Chance:
    """PCG32 (O'Neill 2014), and draws below n by multiplication (Lemire 2019)."""

    def __init__(self, state: int, inc: int) -> None:
        self.state, self.inc = state, inc

    def next(self) -> int:
        old, self.state = self.state, (self.state * 6364136223846793005 + self.inc) % 2**64
        shifted, turn = ((old >> 18 ^ old) >> 27) % 2**32, old >> 59
        return (shifted >> turn | shifted << (32 - turn) % 32) % 2**32

    def below(self, n: int) -> int:
        """0 to n - 1."""
        product = self.next() * n
        while product % 2**32 < (2**32 - n) % n:
            product = self.next() * n
        return product >> 32

    def roll(self, dice: tuple[int, int]) -> int:
        """The sum of so many dice of so many sides."""
        return dice[0] + sum(self.below(dice[1]) for _ in range(dice[0]))


@dataclass
class Monster:
    """A monster."""

    tile: int
    kind: int
    health: int
    mood: int
    energy: int = 0
    loot: int = 0
    elite: int = 0

    def has(self, flag: str) -> bool:
        """Whether its kind is so."""
        return flag in KINDS[self.kind]["flags"].split()


@dataclass
class Thing:
    """Something that lies or is carried."""

    tile: int
    kind: int
    bonus: int
    count: int
    marks: int


@dataclass
class Level:
    """A level: what never changes, and what is there now."""

    terrain: list[int]
    up: int
    down: int
    dark: bool
    traps: dict[int, tuple[int, int]]
    """Tile -> number, kind."""
    floor: list[int] = field(default_factory=list)
    monsters: list[Monster | None] = field(default_factory=lambda: [None] * 16)
    things: list[Thing | None] = field(default_factory=lambda: [None] * 24)
    seen: set[int] = field(default_factory=set)
    found: set[int] = field(default_factory=set)
    left: int = 0


def distance(a: int, b: int) -> int:
    """Steps on open floor."""
    return max(abs(a // COLUMNS - b // COLUMNS), abs(a % COLUMNS - b % COLUMNS))


class Game:
    """The state of a game, read from the environment, and one turn of it."""

    def __init__(self, env: puffer_envs.Environment, index: int = 0) -> None:
        s = env.state(index)
        self.settings = env.settings
        self.chance = Chance(int(s.rng_state), int(s.rng_inc))
        self.numbers = {name: int(getattr(s, name)) for name in NUMBERS}
        self.numbers |= {"experience_level": int(s.level), "cause": 0, "won": 0}
        self.near = [int(i) for i in s.near_monsters]
        self.pack = [read_thing(thing) for thing in s.pack]
        self.trail = [tile for tile in s.trail.tolist() if tile]
        self.level = read_level(s)
        self.visible = read_visible(s)
        self.left_level = False

    def __getattr__(self, name: str) -> int:
        if name == "numbers" or name not in self.numbers:
            raise AttributeError(name)
        return self.numbers[name]

    # --- seeing ---

    def opaque(self, tile: int) -> bool:
        """Whether sight ends there."""
        terrain = self.level.terrain[tile]
        return terrain in (STONE, CURTAIN, WALL, CRAG, PILLAR)

    def clear(self, a: int, b: int) -> bool:
        """Whether one of two lines between the middles of two tiles is free."""
        return any(all(not self.opaque(tile) for tile in line(a, b, side)) for side in (1, -1))

    def in_sight(self, tile: int) -> bool:
        """Of the hero, in the light; who is in sight sees the hero."""
        return distance(self.tile, tile) <= 7 and self.clear(self.tile, tile)

    def look(self) -> None:
        """What the hero sees now, and remembers."""
        row, column = divmod(self.tile, COLUMNS)
        reach = 4 if self.has_ring(39) else 2
        self.visible = set()
        for down in range(-7, 8):
            for right in range(-7, 8):
                tile = (row + down) * COLUMNS + column + right
                lit = not self.level.dark or down * down + right * right <= reach * reach + 1
                if lit and self.in_sight(tile):
                    self.visible.add(tile)
        self.numbers["explored"] += len(self.visible - self.level.seen)
        self.level.seen |= self.visible

    # --- small things ---

    def add(self, name: str, amount: int, least: int = 0, most: int = 10**6) -> None:
        """Change a number, within limits."""
        self.numbers[name] = min(most, max(least, self.numbers[name] + amount))

    def earn(self, achievement: int, condition: bool = True) -> None:
        if condition and not self.earned >> achievement & 1:
            self.numbers["earned"] |= 1 << achievement
            self.numbers["points"] += POINTS[achievement]

    def knows(self, kind: int) -> bool:
        return not 16 <= kind <= 40 or bool(self.known >> (kind - 16) & 1)

    def learn(self, kind: int) -> None:
        if not self.knows(kind):
            self.numbers["known"] |= 1 << (kind - 16)
            self.earn(17, self.known.bit_count() >= 4)
            self.earn(18, self.known.bit_count() >= 8)

    def worn(self, slot: int) -> Thing | None:
        thing = self.pack[slot]
        return thing if thing is not None and thing.marks & WORN else None

    def has_ring(self, kind: int) -> bool:
        ring = self.worn(10)
        return ring is not None and ring.kind == kind

    def armour(self) -> int:
        worn = [thing for thing in map(self.worn, (2, 3, 4)) if thing is not None]
        return 10 + 2 * self.has_ring(37) + sum(ARMOURS[t.kind] + t.bonus for t in worn)

    def max_mana(self) -> int:
        return HEROES[self.hero][0] + self.level_of_hero

    @property
    def level_of_hero(self) -> int:
        return self.numbers["experience_level"]

    def gain(self, experience: int) -> None:
        self.add("experience", experience)
        while self.level_of_hero < 14 and self.experience >= 20 * 2 ** (self.level_of_hero - 1):
            more = self.chance.roll((1, HEROES[self.hero][1]))
            self.numbers["experience_level"] += 1
            self.add("max_health", more, 1, 500)
            self.heal(more)
            for level, achievement in ((2, 11), (5, 16), (8, 27), (12, 36)):
                self.earn(achievement, self.level_of_hero >= level)

    def heal(self, amount: int) -> None:
        self.numbers["health"] = max(self.health, min(self.max_health, self.health + amount))

    def harm(self, amount: int, cause: int) -> None:
        self.numbers["health"] -= amount
        if self.health <= 0 and not self.cause:
            self.numbers["cause"] = cause

    def free(self, tile: int) -> bool:
        return tile != self.tile and self.monster_at(tile) is None

    def monster_at(self, tile: int) -> Monster | None:
        return next((m for m in self.level.monsters if m is not None and m.tile == tile), None)

    def thing_at(self, tile: int) -> Thing | None:
        return next((t for t in self.level.things if t is not None and t.tile == tile), None)

    def can_enter(self, tile: int, flies: bool = False) -> bool:
        terrain = self.level.terrain[tile]
        return FLOOR <= terrain <= DOWN or (flies and terrain == WATER)

    def random_floor(self) -> int:
        return self.level.floor[self.chance.below(len(self.level.floor))]

    def free_floor(self) -> int:
        tile = self.random_floor()
        while not self.free(tile):
            tile = self.random_floor()
        return tile

    # --- fights ---

    def kill(self, monster: Monster, how: str) -> None:
        self.level.monsters[self.level.monsters.index(monster)] = None
        self.numbers["kills"] += 1
        self.numbers["elites"] += monster.elite
        if monster.loot:
            self.drop_gold(monster.tile, monster.loot)
        self.gain(KINDS[monster.kind]["worth"] * (3 if monster.elite else 1))
        for kills, achievement in ((1, 7), (10, 8), (50, 23), (100, 31), (200, 38)):
            self.earn(achievement, self.kills >= kills)
        self.earn(28, self.elites >= 3)
        self.earn(19, how == "afar")
        self.earn(20, how == "magic")
        self.earn(22, monster.has("thief"))
        self.earn(37, monster.kind == 24)

    def drop_gold(self, tile: int, count: int) -> None:
        if None not in self.level.things:
            return
        around = [tile + down * COLUMNS + right for down, right in reversed(MOVES)]
        for at in (tile, *around):
            if self.can_enter(at) and self.thing_at(at) is None:
                self.level.things[self.level.things.index(None)] = Thing(at, COINS, 0, count, 0)
                return

    def rouse(self, monster: Monster) -> None:
        monster.mood = FLEES if monster.mood == FLEES else HUNTS

    def wound(self, monster: Monster, amount: int, how: str) -> None:
        monster.health -= amount
        self.rouse(monster)
        if monster.health <= 0:
            self.kill(monster, how)
        elif monster.has("shy") and 2 * monster.health < 5 * KINDS[monster.kind]["health"][0]:
            monster.mood = FLEES

    def strike(self, monster: Monster, slot: int, how: str) -> None:
        weapon = self.pack[1] if slot == 1 else self.worn(0)
        bonus = weapon.bonus if weapon else 0
        asleep = monster.mood == ASLEEP
        if not asleep and self.chance.roll((1, 20)) + self.level_of_hero + bonus <= KINDS[monster.kind]["armour"]:
            self.rouse(monster)
            return
        amount = max(1, self.chance.roll(BLADES[weapon.kind if weapon else 0]) + bonus + self.strength)
        self.wound(monster, 3 * amount if asleep and self.hero == ROGUE else amount, how)

    def harm_of(self, monster: Monster) -> int:
        amount = self.chance.roll(KINDS[monster.kind]["harm"])
        return amount + amount // 2 if monster.elite else amount

    def attack(self, monster: Monster) -> None:
        if self.chance.roll((1, 20)) + KINDS[monster.kind]["hit"] + 2 * monster.elite <= self.armour():
            return
        if monster.has("thief") and self.gold > 0:
            monster.loot = min(10 + self.gold // 2, self.gold, 255)
            self.numbers["gold"] -= monster.loot
            monster.mood = FLEES
            return
        self.harm(self.harm_of(monster), monster.kind)
        if monster.has("poison") and self.chance.below(3) == 0:
            self.add("poison", 4, 0, 20)
        if monster.has("drains") and self.chance.below(2) == 0 and self.max_health > 8:
            self.numbers["max_health"] -= 1
            self.numbers["health"] = min(self.health, self.max_health)

    # --- monsters ---

    def go(self, monster: Monster, direction: int) -> bool:
        down, right = MOVES[direction % 8]
        to = monster.tile + down * COLUMNS + right
        if self.can_enter(to, monster.has("flies")) and self.free(to):
            monster.tile = to
            return True
        return False

    def go_about(self, monster: Monster, direction: int) -> None:
        _ = self.go(monster, direction) or self.go(monster, direction + 1) or self.go(monster, direction + 7)

    def towards(self, a: int, b: int) -> int:
        down, right = b // COLUMNS - a // COLUMNS, b % COLUMNS - a % COLUMNS
        sign = ((down > 0) - (down < 0), (right > 0) - (right < 0))
        return MOVES.index(sign)

    def follow(self, monster: Monster) -> None:
        for tile in self.trail:
            if distance(tile, monster.tile) <= 1:
                if tile != monster.tile:
                    self.go_about(monster, self.towards(monster.tile, tile))
                return
        monster.mood = WANDERS

    def act(self, monster: Monster) -> None:
        sees, hunts = self.in_sight(monster.tile), monster.mood == HUNTS
        if monster.has("regenerates") and monster.health < 8 * KINDS[monster.kind]["health"][0]:
            monster.health += 1
        if monster.mood == WANDERS and sees:
            monster.mood, hunts = HUNTS, True
        if hunts and distance(monster.tile, self.tile) == 1:
            self.attack(monster)
        elif hunts and sees and monster.has("casts") and self.chance.below(3) == 0:
            self.harm(self.harm_of(monster), monster.kind)
        elif hunts and sees and monster.has("ranged") and self.chance.below(2) == 0:
            self.attack(monster)
        elif hunts and monster.has("breeds") and self.chance.below(16) == 0:
            self.breed(monster)
        elif monster.mood == WANDERS:
            self.go(monster, self.chance.below(8))
        elif monster.mood == FLEES:
            if sees:
                self.go_about(monster, self.towards(self.tile, monster.tile))
        elif sees:
            self.go_about(monster, self.towards(monster.tile, self.tile))
        else:
            self.follow(monster)

    def breed(self, monster: Monster) -> None:
        down, right = MOVES[self.chance.below(8)]
        tile = monster.tile + down * COLUMNS + right
        if self.can_enter(tile) and self.free(tile):
            self.add_monster(tile, monster.kind, HUNTS)

    def add_monster(self, tile: int, kind: int, mood: int) -> None:
        if None in self.level.monsters:
            health = self.chance.roll(KINDS[kind]["health"])
            self.level.monsters[self.level.monsters.index(None)] = Monster(tile, kind, health, mood)

    def act_all(self) -> None:
        for i in range(16):
            monster = self.level.monsters[i]
            if monster is None or distance(monster.tile, self.tile) > 12 or self.health <= 0:
                continue
            if monster.mood == ASLEEP:
                near = distance(monster.tile, self.tile) <= 5
                if near and self.chance.below(20 if self.hero == ROGUE else 10) == 0:
                    monster.mood = HUNTS
                continue
            monster.energy += KINDS[monster.kind]["speed"]
            while monster.energy >= 12 and self.health > 0:
                self.act(monster)
                monster.energy -= 12

    # --- things ---

    def slot_for(self, thing: Thing) -> int | None:
        name = class_of(thing.kind)
        slots = SLOTS.get(name, [])
        if name in ("potion", "scroll", "food"):
            for slot in slots:
                held = self.pack[slot]
                if held is not None and held.kind == thing.kind:
                    return slot if held.count < 9 else None
        for slot in slots:
            if self.pack[slot] is None:
                return slot
        return slots[0] if slots and not self.stuck(slots[0]) else None

    def stuck(self, slot: int) -> bool:
        thing = self.worn(slot)
        return thing is not None and bool(thing.marks & CURSED)

    def take(self) -> None:
        thing = self.thing_at(self.tile)
        assert thing is not None
        slot = self.slot_for(thing)
        assert slot is not None
        place, held = self.level.things.index(thing), self.pack[slot]
        if held is not None and held.kind == thing.kind and class_of(thing.kind) in ("potion", "scroll", "food"):
            more = min(thing.count, 9 - held.count)
            held.count += more
            thing.count -= more
            self.level.things[place] = thing if thing.count else None
        else:
            self.level.things[place] = held and Thing(self.tile, held.kind, held.bonus, held.count, held.marks & ~WORN)
            self.pack[slot] = held = Thing(0, thing.kind, thing.bonus, thing.count, thing.marks)
        if self.hero == PRIEST:
            held.marks |= KNOWN
        self.earn(0)

    def take_treasure(self) -> None:
        thing = self.thing_at(self.tile)
        if thing is None or thing.kind not in (COINS, AMULET):
            return
        self.level.things[self.level.things.index(thing)] = None
        self.numbers["won"] = int(thing.kind == AMULET)
        self.add("gold", 0 if self.won else thing.count, 0, 30000)
        self.earn(9, self.gold >= 100)
        self.earn(30, self.gold >= 500)
        self.earn(39, bool(self.won))

    def teleport(self) -> None:
        self.numbers["tile"] = self.free_floor()
        self.trail = []
        self.take_treasure()

    def wear(self, slot: int) -> None:
        thing = self.pack[slot]
        assert thing is not None
        thing.marks |= WORN | KNOWN
        self.learn(thing.kind)
        self.earn(1, not thing.marks & OWN and slot == 0)
        self.earn(2, not thing.marks & OWN and slot in (2, 3, 4))
        self.earn(21, all(self.worn(i) for i in (2, 3, 4)))

    def quaff(self, kind: int) -> None:
        if kind == 16:
            self.add("max_health", int(self.health == self.max_health), 1, 500)
            self.heal(2 + self.chance.roll((3, 8)))
            self.numbers["poison"] = 0
        elif kind == 17:
            self.add("max_health", 4, 1, 500)
            self.numbers |= {"health": self.max_health, "poison": 0, "confused": 0}
        elif kind == 18:
            self.numbers["fast"] = 40
        elif kind == 19:
            self.add("strength", 1, 0, 9)
        elif kind == 20:
            self.gain(max(0, 20 * 2 ** (self.level_of_hero - 1) - self.experience) if self.level_of_hero < 14 else 0)
        elif kind == 21:
            self.numbers["mana"] = self.max_mana()
        elif kind == 22:
            self.add("poison", 6, 0, 20)
        else:
            self.numbers["confused"] = 12
        self.earn(4)

    def enchant(self, thing: Thing | None) -> None:
        if thing is not None:
            thing.bonus = min(5, thing.bonus + 1)
            thing.marks = thing.marks & ~CURSED | KNOWN
            self.earn(29, thing.bonus >= 3)

    def weakest(self) -> Thing | None:
        worn = [thing for thing in map(self.worn, (2, 3, 4)) if thing is not None]
        return min(worn, key=lambda thing: thing.bonus, default=None)

    def read(self, kind: int) -> None:
        held = [thing for thing in self.pack if thing is not None]
        if kind == 24:
            for thing in held:
                self.learn(thing.kind)
                thing.marks |= KNOWN
        elif kind == 25:
            self.enchant(self.worn(0) or self.pack[1])
        elif kind == 26:
            self.enchant(self.weakest())
        elif kind == 27:
            self.teleport()
        elif kind == 28:
            some = {tile for tile in range(48 * COLUMNS) if self.level.terrain[tile] != STONE}
            self.numbers["explored"] += len(some - self.level.seen)
            self.level.seen |= some
        elif kind == 29:
            for thing in held:
                thing.marks &= ~CURSED
        elif kind == 30:
            self.lull(7)
        else:
            self.wake_all()
        self.earn(5)

    def lull(self, steps: int) -> None:
        for monster in filter(None, self.level.monsters):
            if monster.tile in self.visible and distance(monster.tile, self.tile) <= steps:
                monster.mood = ASLEEP

    def wake_all(self) -> None:
        for monster in filter(None, self.level.monsters):
            self.rouse(monster)

    def target(self) -> Monster:
        monster = self.level.monsters[self.near[0]]
        assert monster is not None
        return monster

    def zap(self, kind: int) -> None:
        monster = self.target()
        if kind == 32:
            self.wound(monster, self.chance.roll((2, 6)), "magic")
        elif kind == 33:
            self.wound(monster, self.chance.roll((4, 6)), "magic")
        elif kind == 34:
            monster.mood = ASLEEP
        elif kind == 35:
            monster.tile = -1
            monster.tile = self.free_floor()
        else:
            self.heal(4)
            self.wound(monster, self.chance.roll((1, 8)), "magic")
        self.earn(6)

    def use(self, slot: int) -> None:
        thing = self.pack[slot]
        assert thing is not None
        name = class_of(thing.kind)
        if name == "bow":
            self.strike(self.target(), 1, "afar")
        elif name in ("blade", "helmet", "mail", "shield", "ring"):
            self.wear(slot)
        else:
            self.learn(thing.kind)
            thing.count -= 1
            if thing.count == 0 and name != "wand":
                self.pack[slot] = None
            if name == "food":
                self.add("food", 800, 0, 2500)
                self.earn(3)
            else:
                {"potion": self.quaff, "scroll": self.read, "wand": self.zap}[name](thing.kind)

    def use_power(self) -> None:
        self.numbers["mana"] -= HEROES[self.hero][2]
        third = 1 + self.level_of_hero // 3
        if self.hero == FIGHTER:
            for down, right in MOVES:
                monster = self.monster_at(self.tile + down * COLUMNS + right)
                if monster is not None:
                    self.strike(monster, 0, "hand")
        elif self.hero == ROGUE:
            self.lull(2)
        elif self.hero == MAGE:
            self.wound(self.target(), self.chance.roll((third, 6)) + 1, "magic")
        else:
            self.heal(self.chance.roll((third, 8)) + 2)
            self.numbers["poison"] = 0

    # --- traps ---

    def search(self) -> None:
        for tile, (number, _) in self.level.traps.items():
            if number not in self.level.found and distance(tile, self.tile) <= 1 and self.chance.below(3) == 0:
                self.find(number)

    def find(self, number: int) -> None:
        self.level.found.add(number)
        self.earn(12)

    def spring(self, number: int, kind: int) -> None:
        self.find(number)
        if kind == 1:
            self.harm(self.chance.roll((1, 4)), BY_HARM)
            self.add("poison", 3 if self.chance.below(3) == 0 else 0, 0, 20)
        elif kind == 2:
            self.harm(self.chance.roll((1, 6)), BY_HARM)
        elif kind == 3:
            self.teleport()
        elif kind == 4:
            self.left_level = True
        elif kind == 5:
            self.wake_all()
        else:
            thing = self.weakest()
            if thing is not None:
                thing.bonus = max(-3, thing.bonus - 1)

    # --- the turn ---

    def walk(self, direction: int) -> None:
        if self.confused > 0 and self.chance.below(2) == 0:
            direction = self.chance.below(8)
        down, right = MOVES[direction]
        to = self.tile + down * COLUMNS + right
        monster = self.monster_at(to)
        if monster is not None:
            self.strike(monster, 0, "hand")
        elif self.can_enter(to):
            self.trail = [self.tile, *self.trail][:32]
            self.numbers["tile"] = to
            self.take_treasure()
            if to in self.level.traps:
                number, kind = self.level.traps[to]
                if not (self.hero == ROGUE and number in self.level.found):
                    self.spring(number, kind)

    def allowed(self) -> list[bool]:
        """What may be done."""
        row, column = divmod(self.tile, COLUMNS)
        near = [(row + down) * COLUMNS + column + right for down, right in MOVES]
        moves = [self.can_enter(t) or (t in self.visible and self.monster_at(t) is not None) for t in near]
        thing, terrain = self.thing_at(self.tile), self.level.terrain[self.tile]
        takes = thing is not None and self.slot_for(thing) is not None
        slots = [self.can_use(slot) for slot in range(12)]
        aim = self.health < self.max_health or self.poison > 0 if self.hero == PRIEST else self.near[0] >= 0
        power = aim and self.mana >= HEROES[self.hero][2]
        return [*moves, True, takes, terrain == DOWN, terrain == UP and self.depth > 1, *slots, power]

    def can_use(self, slot: int) -> bool:
        thing = self.pack[slot]
        if thing is None:
            return False
        if slot in (1, 9):
            return self.near[0] >= 0 and (slot == 1 or thing.count > 0)
        return self.worn(slot) is None

    def find_near(self) -> None:
        seen = [i for i, m in enumerate(self.level.monsters) if m is not None and m.tile in self.visible]
        seen.sort(key=lambda i: (distance(self.monster_of(i).tile, self.tile), i))
        self.near = (seen + [-1] * 4)[:4]

    def monster_of(self, row: int) -> Monster:
        monster = self.level.monsters[row]
        assert monster is not None
        return monster

    def step(self, action: int) -> float | None:
        """The reward; None if the hero leaves the level."""
        points, explored, progress = self.points, self.explored, self.progress()
        action = action if self.allowed()[action] else SEARCH
        self.numbers["turn"] += 1
        if action in (DESCEND, CLIMB):
            return None
        if action < SEARCH:
            self.walk(action)
        elif action == SEARCH:
            self.search()
        elif action == TAKE:
            self.take()
        elif action == POWER:
            self.use_power()
        else:
            self.use(action - USE)
        if self.left_level:
            return None
        if self.health > 0 and not self.won:
            if not (self.fast > 0 and self.turn % 2):
                self.act_all()
            self.pass_time()
        self.look()
        self.find_near()
        tiles = self.explored - explored
        paid = (self.points - points) * self.settings["reward_point"] + tiles * self.settings["reward_tile"]
        return float(paid + (self.progress() - progress) * self.settings["reward_level"])

    def progress(self) -> float:
        """Levels of experience, and the part of the next one."""
        level = self.level_of_hero
        ends = [0, *(20 * 2**i for i in range(14))]
        return level + (self.experience - ends[level - 1]) / (ends[level] - ends[level - 1]) if level < 14 else 14.0

    def pass_time(self) -> None:
        if not self.has_ring(40) or self.turn % 2 == 0:
            self.add("food", -1)
        if self.food == 0:
            self.harm(1, BY_HUNGER)
        every = 13 - self.level_of_hero // 2
        if self.has_ring(38):
            every //= 3
        if self.poison > 0:
            self.harm(1, BY_HARM)
        elif self.turn % every == 0 and self.health > 0 and self.food > 0:
            self.heal(1)
        if self.turn % 14 == 0 and self.mana < self.max_mana():
            self.numbers["mana"] += 1
        for name in ("fast", "confused", "poison"):
            self.add(name, -1)
        if self.hero == ROGUE:
            self.search()
        if self.turn % 150 == 0:
            tile, kind = self.free_floor(), self.draw_kind()
            if distance(tile, self.tile) > 7:
                self.add_monster(tile, kind, WANDERS)

    def draw_kind(self) -> int:
        most, kind = self.depth + (self.chance.below(4) == 0), 1 + self.chance.below(24)
        while not self.depth - 3 <= KINDS[kind]["tier"] <= most:
            kind = 1 + self.chance.below(24)
        return kind


NUMBERS = (
    *("hero", "tile", "depth", "deepest", "health", "max_health", "mana", "experience", "gold", "food", "strength"),
    *("fast", "confused", "poison", "turn", "kills", "elites", "points", "explored", "earned", "known"),
)
"""Members of the state that are told here."""


def line(a: int, b: int, side: int) -> list[int]:
    """The tiles between two, along the straight line; of two that are as near, those on one side."""
    down, right = b // COLUMNS - a // COLUMNS, b % COLUMNS - a % COLUMNS
    steep = abs(down) > abs(right)
    length, rise = (down, right) if steep else (right, down)
    tiles = []
    for i in range(1, abs(length)):
        up = (2 * rise * i + abs(length)) // (2 * abs(length))  # rounded, halves up
        low = -((-2 * rise * i + abs(length)) // (2 * abs(length)))  # halves down
        across, along = up if side > 0 else low, i if length > 0 else -i
        tiles.append(a + (along * COLUMNS + across if steep else across * COLUMNS + along))
    return tiles


def read_thing(row: Any) -> Thing | None:
    """A row of a table of things."""
    if not int(row.kind):
        return None
    return Thing(int(row.tile), int(row.kind), int(row.bonus), int(row.count), int(row.marks))


def read_monster(row: Any) -> Monster | None:
    """A row of a table of monsters."""
    if not int(row.kind):
        return None
    numbers = (row.tile, row.kind, row.health, row.mood, row.energy, row.loot, row.elite)
    return Monster(*(int(number) for number in numbers))


def read_level(s: Any) -> Level:
    """The present level."""
    plan, index = [int(n) for n in s.plan.ravel()], int(s.depth) - 1
    terrain = [int(n) & 31 for n in s.terrain.ravel()]
    traps = {plan[6 + i]: (i, plan[12 + i]) for i in range(plan[5])}
    level = Level(terrain, plan[1], plan[2], bool(plan[3]), traps)
    level.floor = [tile for tile, code in enumerate(terrain) if FLOOR <= code <= DOWN]
    level.monsters = [read_monster(row) for row in s.monsters[16 * index : 16 * index + 16]]
    level.things = [read_thing(row) for row in s.things[24 * index : 24 * index + 24]]
    rows = enumerate(s.seen[32 * index : 32 * index + 32].tolist(), 8)
    level.seen = {row * COLUMNS + c for row, bits in rows for c in range(COLUMNS) if bits >> c & 1}
    level.found = {i for i in range(6) if int(s.found[index]) >> i & 1}
    level.left = int(s.left[index])
    return level


def read_visible(s: Any) -> set[int]:
    """The tiles that the hero sees."""
    row, column = divmod(int(s.tile), COLUMNS)
    tiles = ((y, x) for y, bits in enumerate(s.visible[:15].tolist()) for x in range(15) if bits >> x & 1)
    return {(row + y - 7) * COLUMNS + column + x - 7 for y, x in tiles}
