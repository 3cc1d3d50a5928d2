"""delve in states that random play hardly ever reaches: each is set up, and played beside the second telling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import puffer_envs

from . import delve_told as told
from .patch import patch
from .test_delve import CLIMB, DESCEND, SEARCH, TAKE, check

VIEWS = (0, 1, 1, 1, 1, 2, 4, 5, 3, 3, 3, 3)
"""What is remembered of each terrain."""
DANGER, OBJECT, RICHES, LEFT, HUNGRY = 6, 7, 8, 13, 21
BAT, THIEF, SLIME, GHOST, DRAGON = 2, 9, 7, 16, 24
RUST, LAMP = 6, 39
AHEAD = 2
"""East: a direction in which a scene's floor is free."""


class Scene:
    """A hero on a level with no monsters, with free floor for two tiles to the east."""

    def __init__(self, start: int = 2, seed: int = 4, hero: str = "fighter") -> None:
        self.env = puffer_envs.make("delve", seed=seed, num_levels=1, density=0.0, start=start, hero=hero)
        self.env.reset()
        self.refresh()

    def refresh(self) -> None:
        self.game = told.Game(self.env)

    def tile(self, *way: int) -> int:
        """The tile that so many steps lead to."""
        return self.game.tile + sum(told.MOVES[d][0] * told.COLUMNS + told.MOVES[d][1] for d in way)

    def put(self, **members: Any) -> None:
        """Change members: `monsters`, `things` and `pack` by row of this level, and what follows from them."""
        depth = self.game.depth - 1
        for name, first in (("monsters", 16 * depth), ("things", 24 * depth), ("pack", 0)):
            if name in members:
                members[name] = {first + row: parts for row, parts in members[name].items()}
        game = self.preview(members)
        state, level = self.env.state(0), game.level
        if "tile" in members:
            game.look()
            row, column = divmod(game.tile, told.COLUMNS)
            rows, seen = [0] * 16, state.seen.copy()
            for tile in game.visible:
                rows[tile // told.COLUMNS - row + 7] |= 1 << (tile % told.COLUMNS - column + 7)
                seen[32 * depth + tile // told.COLUMNS - 8] |= np.uint64(1 << tile % told.COLUMNS)
            members |= {"visible": rows, "seen": seen, "explored": game.explored}
        game.find_near()
        view, who = np.zeros(state.view.size, np.uint8), np.zeros(state.view.size, np.uint8)
        for tile in level.seen:
            thing, trap = game.thing_at(tile), level.traps.get(tile)
            code = DANGER if trap and trap[0] in level.found else VIEWS[level.terrain[tile]]
            view[tile] = code if thing is None else RICHES if thing.kind == told.COINS else OBJECT
        sight = 0
        for i, one in enumerate(level.monsters):
            if one is not None:
                who[one.tile] = i + 1
                sight |= (one.tile in game.visible) << i
        hidden = {  # `who` lies behind `view`, `in_sight` behind `near_monsters`
            self.field("view").offset + view.size: who.tobytes(),
            self.field("near_monsters").offset + 16: np.uint32(sight).tobytes(),
        }
        allowed = sum(1 << action for action, can in enumerate(game.allowed()) if can)
        patch(self.env, 0, hidden, allowed=allowed, near_monsters=game.near, view=view, **members)
        self.refresh()

    def preview(self, members: dict[str, Any]) -> told.Game:
        """The game as it will be."""
        game = told.Game(self.env)
        depth = game.depth - 1
        for row, parts in members.get("monsters", {}).items():
            game.level.monsters[row - 16 * depth] = told.Monster(**parts) if parts["kind"] else None
        for row, parts in members.get("things", {}).items():
            thing = {"bonus": 0, "count": 1, "marks": 0} | parts
            parts.update(thing)
            game.level.things[row - 24 * depth] = told.Thing(**thing) if parts["kind"] else None
        for row, parts in members.get("pack", {}).items():
            thing = {"tile": 0, "bonus": 0, "count": int(parts["kind"] > 0), "marks": 0} | parts
            parts.update(thing)
            game.pack[row] = told.Thing(**thing) if parts["kind"] else None
        for name, value in members.items():
            if name in told.NUMBERS:
                game.numbers[name] = value
            if name == "level":
                game.numbers["experience_level"] = value
        return game

    def field(self, name: str) -> Any:
        return next(field for field in self.env.spec.fields if field.name == name)

    def play(self, *actions: int) -> list[float]:
        """Take turns, all of which the second telling has to agree with."""
        rewards = []
        for action in actions:
            expected = self.game.step(action)
            _, reward, terminals, _ = self.env.step(np.array([action], np.int32))
            assert expected is not None and reward[0] == pytest.approx(expected, abs=1e-5)
            rewards.append(float(reward[0]))
            assert bool(terminals[0]) == (self.game.health <= 0 or bool(self.game.won))
            if terminals[0]:
                return rewards
            check(self.game, self.env)
        return rewards

    def events(self) -> list[int]:
        return [int(event.what) for event in self.env.state(0).events if int(event.turn) == self.game.turn]

    def free_rows(self) -> list[int]:
        return [row for row, thing in enumerate(self.game.level.things) if thing is None]


def monster(tile: int, kind: int, **others: int) -> dict[str, int]:
    row = {"tile": tile, "kind": kind, "health": 30, "mood": told.HUNTS, "energy": 0, "loot": 0, "elite": 0}
    return row | others


# --- fights ---


def test_a_thief_takes_gold_and_leaves_it_where_it_dies() -> None:
    scene = Scene()
    scene.put(gold=50, monsters={0: monster(scene.tile(AHEAD), THIEF)})
    while scene.game.gold == 50:
        scene.play(SEARCH)
    assert scene.game.gold == 50 - 35
    thief = scene.game.monster_of(0)
    assert (thief.loot, thief.mood) == (35, told.FLEES)
    scene.put(strength=9, level=14, monsters={0: monster(scene.tile(AHEAD), THIEF, health=1, loot=35, mood=told.FLEES)})
    scene.play(AHEAD)
    assert scene.game.thing_at(scene.tile(AHEAD)) == told.Thing(scene.tile(AHEAD), told.COINS, 0, 35, 0)
    scene.play(AHEAD)
    assert scene.game.gold == 50


def test_a_thief_takes_no_more_than_there_is_or_than_it_can_carry() -> None:
    for gold, loot in ((7, 7), (30000, 255), (0, 0)):
        scene = Scene()
        scene.put(gold=gold, health=500, max_health=500, monsters={0: monster(scene.tile(AHEAD), THIEF)})
        scene.play(*[SEARCH] * 6)
        assert scene.game.gold == gold - loot


def test_gold_of_a_thief_falls_where_nothing_lies_or_is_lost() -> None:
    """On the tile itself, else around it, from the last direction to the first; a full level has no room for it."""
    scene = Scene()
    here, rows = scene.tile(AHEAD), scene.free_rows()
    thief = monster(here, THIEF, health=1, loot=9, mood=told.ASLEEP)
    scene.put(level=14, monsters={0: thief}, things={rows[0]: {"tile": here, "kind": 41}})
    scene.play(AHEAD)
    gold = [thing for thing in scene.game.level.things if thing and thing.kind == told.COINS and thing.count == 9]
    assert [thing.tile for thing in gold] == [scene.tile(AHEAD, 7)]
    scene = Scene()
    around = [here, *(scene.tile(AHEAD, way) for way in range(8))]
    free = [tile for tile in around if scene.game.can_enter(tile)]
    scene.put(level=14, monsters={0: thief}, things={rows[i]: {"tile": t, "kind": 41} for i, t in enumerate(free)})
    scene.play(AHEAD)
    assert all(thing is None or thing.count != 9 for thing in scene.game.level.things)
    scene = Scene()
    walls = [(t, u) for t in scene.game.level.floor for u in (t - 1, t + 1, t + 64)
             if scene.game.can_enter(u) and not scene.game.can_enter(t - 65)]  # fmt: skip
    tile, beside = walls[0]
    scene.put(tile=beside)
    foe = monster(tile, THIEF, health=1, loot=9, mood=told.ASLEEP)
    scene.put(level=14, monsters={0: foe}, things={rows[0]: {"tile": tile, "kind": 41}})
    scene.play([a * 64 + b for a, b in told.MOVES].index(tile - beside))
    assert any(
        thing and thing.count == 9 and thing.tile - tile in (-1, 63, 64, 65, 1, -63, -64)
        for thing in scene.game.level.things
    )
    scene = Scene()
    seen = {thing.tile for thing in scene.game.level.things if thing}
    floor = [tile for tile in scene.game.level.floor if tile not in seen and tile != here]
    full = {row: {"tile": floor[i], "kind": 41} for i, row in enumerate(scene.free_rows())}
    scene.put(level=14, monsters={0: thief}, things=full)
    scene.play(AHEAD)
    assert scene.game.thing_at(here) is None and scene.game.kills == 1


def test_what_flees_still_flees_when_it_is_hit_or_missed() -> None:
    scene = Scene()
    moods = []
    for _ in range(12):
        scene.put(monsters={0: monster(scene.tile(AHEAD), DRAGON, health=100, mood=told.FLEES)})
        scene.play(AHEAD)
        foe = scene.game.monster_of(0)
        moods.append((foe.health < 100, foe.mood))
    assert set(moods) == {(True, told.FLEES), (False, told.FLEES)}


def test_a_bad_blade_or_none_does_a_point_at_least() -> None:
    harm = set()
    for kind, bonus in ((1, -3), (0, 0)):
        scene = Scene()
        scene.put(pack={0: {"kind": kind, "bonus": bonus, "marks": told.WORN * (kind > 0)}}, level=14)
        for _ in range(8):
            scene.put(monsters={0: monster(scene.tile(AHEAD), DRAGON, health=100)}, health=90, max_health=90)
            scene.play(AHEAD)
            harm.add(100 - scene.game.monster_of(0).health)
    assert harm <= {0, 1, 2, 3} and 1 in harm


def test_what_drains_leaves_eight_points_of_health() -> None:
    """It takes from the most there can be, and from what there is only where that is more."""
    scene, left = Scene(), set()
    for most, health in [(20, 20), (8, 8), (100, 50)] * 4:
        scene.put(max_health=most, health=health, monsters={0: monster(scene.tile(AHEAD), GHOST)})
        scene.play(SEARCH)
        if scene.env.terminals[0]:
            scene = Scene()
        else:
            left.add(scene.game.max_health)
    assert left & {18, 19} and left & {98, 99} and 8 in left and min(left) == 8


def test_a_crowd_has_no_room_for_one_more() -> None:
    """Slimes divide, and wanderers come, until there are sixteen."""
    scene = Scene()
    tiles = [tile for tile in scene.game.level.floor if scene.game.in_sight(tile)]
    tiles.sort(key=lambda tile: -told.distance(tile, scene.game.tile))
    slimes = {row: monster(tile, SLIME) for row, tile in enumerate(tiles[:15])}
    scene.put(monsters=slimes, health=500, max_health=500, turn=142)
    while None in scene.game.level.monsters:
        scene.play(SEARCH)
    scene.play(*[SEARCH] * 20)
    assert scene.game.turn >= 150 and scene.game.kills == 0 and None not in scene.game.level.monsters


def test_what_has_lost_the_hero_waits_at_the_end_of_the_trail() -> None:
    scene = Scene()
    hidden = [
        t for t in scene.game.level.floor if told.distance(t, scene.game.tile) < 12 and not scene.game.in_sight(t)
    ]
    scene.put(trail=[hidden[0], *[0] * 31], monsters={0: monster(hidden[0], THIEF)})
    scene.play(SEARCH)
    assert (scene.game.monster_of(0).tile, scene.game.monster_of(0).mood) == (hidden[0], told.HUNTS)


def test_what_flies_above_water_can_be_hit() -> None:
    for start in range(1, 13):
        scene = Scene(start)
        terrain, ways = scene.game.level.terrain, [a * 64 + b for a, b in told.MOVES]
        shores = [(t, d) for t in scene.game.level.floor for d in range(8) if terrain[t + ways[d]] == told.WATER]
        if shores:
            break
    here, way = shores[0]
    scene.put(tile=here, level=14, strength=9)
    assert not scene.game.allowed()[way]
    scene.put(monsters={0: monster(here + ways[way], BAT, health=1, mood=told.ASLEEP)})
    assert scene.game.allowed()[way]
    scene.play(way)
    assert (scene.game.kills, scene.game.tile) == (1, here)


def test_a_monster_on_the_stairs_makes_room() -> None:
    scene = Scene()
    stairs = scene.game.level.down
    scene.put(tile=stairs)
    scene.env.step(np.array([DESCEND], np.int32))
    patch(scene.env, monsters={16: monster(stairs, THIEF, mood=told.ASLEEP)})
    scene.env.step(np.array([CLIMB], np.int32))
    scene.refresh()
    assert scene.game.tile == stairs
    assert scene.game.monster_of(0).tile in scene.game.level.floor and scene.game.free(stairs + 64 * 99)
    assert scene.game.monster_of(0).tile != stairs
    scene.env.restore(scene.env.snapshot())  # which checks that all tables agree


# --- the hero ---


def test_who_is_confused_walks_into_walls_and_stays() -> None:
    scene = Scene()
    corners = [
        t for t in scene.game.level.floor if sum(scene.game.can_enter(t + a * 64 + b) for a, b in told.MOVES) < 3
    ]
    stayed = 0
    for _ in range(12):
        scene.put(tile=corners[0], confused=12)
        scene.play(scene.game.allowed().index(True))
        stayed += scene.game.tile == corners[0]
    assert 0 < stayed < 12


def test_hunger_is_told_once_and_a_ring_halves_it() -> None:
    scene = Scene()
    scene.put(food=301)
    scene.play(SEARCH)
    assert scene.game.food == 300 and HUNGRY in scene.events()
    scene.play(SEARCH)
    assert scene.game.food == 299 and HUNGRY not in scene.events()
    scene.put(pack={10: {"kind": 40, "marks": told.WORN}})
    scene.play(*[SEARCH] * 6)
    assert scene.game.food == 296


def test_a_lamp_shows_more_in_the_dark_at_once() -> None:
    scene = next(scene for scene in map(Scene, range(1, 13)) if scene.game.level.dark)
    scene.put(pack={10: {"kind": LAMP}})
    before = len(scene.game.visible)
    scene.play(told.USE + 10)
    assert len(scene.game.visible) > before


def test_a_snapshot_with_things_on_a_level_that_nobody_entered_is_refused() -> None:
    """The level would be filled when the hero arrives, and need not have room."""
    scene, below = Scene(11), Scene(12)
    tile = below.game.level.floor[0]
    with pytest.raises(ValueError, match="things"):
        patch(scene.env, things={24 * 11: {"tile": tile, "kind": 41, "bonus": 0, "count": 1, "marks": 0}})


def test_the_amulet_wins() -> None:
    scene = Scene(start=12)
    row = next(i for i, thing in enumerate(scene.game.level.things) if thing and thing.kind == told.AMULET)
    scene.put(things={row: {"tile": scene.tile(AHEAD), "kind": told.AMULET}})
    scene.play(AHEAD)
    assert scene.env.terminals[0] and scene.game.won
    log = scene.env.log()
    assert (log["won"], log["n"], log["points"]) == (1.0, 1.0, scene.game.points)
    assert int(scene.env.state(0).ended) == 1200 + 27


def test_there_is_no_level_above_fourteen() -> None:
    scene = Scene()
    scene.put(level=14, experience=20 << 13, pack={5: {"kind": 20}})
    scene.play(told.USE + 5)
    assert (scene.game.level_of_hero, scene.game.experience) == (14, 20 << 13)
    scene.put(level=13, experience=0, pack={5: {"kind": 20}})
    scene.play(told.USE + 5)
    assert (scene.game.level_of_hero, scene.game.experience) == (14, 20 << 12)


# --- things ---


def test_a_cursed_thing_stays_and_a_full_stack_takes_no_more() -> None:
    scene = Scene()
    here, rows = scene.game.tile, scene.free_rows()
    cursed = told.CURSED | told.WORN
    for kind, slot, held in ((2, 0, {"kind": 1, "bonus": -1, "marks": cursed}), (16, 5, {"kind": 16, "count": 9})):
        scene.put(things={rows[0]: {"tile": here, "kind": kind}}, pack={slot: held})
        assert not scene.game.allowed()[TAKE]
        scene.play(TAKE)
        assert scene.game.pack[slot].kind == held["kind"]
    for there, held, left in ((1, 8, 0), (3, 2, 0), (3, 8, 2)):
        scene.put(things={rows[0]: {"tile": here, "kind": 16, "count": there}}, pack={5: {"kind": 16, "count": held}})
        scene.play(TAKE)
        assert scene.game.pack[5].count == held + there - left
        rest = scene.game.thing_at(here)
        assert (rest.count if rest else 0) == left


@pytest.mark.parametrize(("kind", "slot"), [(2, 0), (32, 9), (37, 10)])
def test_what_does_not_stack_changes_places_with_its_like(kind: int, slot: int) -> None:
    scene = Scene()
    here, row = scene.game.tile, scene.free_rows()[0]
    scene.put(things={row: {"tile": here, "kind": kind, "count": 5}}, pack={slot: {"kind": kind, "count": 2}})
    scene.play(TAKE)
    assert LEFT in scene.events()
    assert (scene.game.pack[slot].count, scene.game.thing_at(here).count) == (5, 2)


def test_all_three_pieces_of_armour_are_an_achievement() -> None:
    scene = Scene()
    pieces = {2: {"kind": 7}, 3: {"kind": 10}, 4: {"kind": 13}}
    scene.put(pack=pieces)
    scene.play(told.USE + 4)
    assert not scene.game.earned >> 21 & 1
    scene.play(told.USE + 2)
    assert not scene.game.earned >> 21 & 1
    scene.play(told.USE + 3)
    assert scene.game.earned >> 21 & 1


def test_scrolls_without_anything_to_make_better() -> None:
    scene = Scene()
    bare = {slot: {"kind": 0} for slot in (0, 1, 2, 3, 4)}
    for kind in (25, 26):
        scene.put(pack={**bare, 7: {"kind": kind}})
        scene.play(told.USE + 7)
    scene.put(pack={1: {"kind": 6, "bonus": 2}, 7: {"kind": 25}})
    scene.play(told.USE + 7)
    assert scene.game.pack[1].bonus == 3
    worn = told.WORN
    scene.put(
        pack={2: {"kind": 7, "bonus": 1, "marks": worn}, 4: {"kind": 13, "bonus": -1, "marks": worn}, 7: {"kind": 26}}
    )
    scene.play(told.USE + 7)
    assert (scene.game.pack[2].bonus, scene.game.pack[4].bonus) == (1, 0)
    scene.put(monsters={0: monster(scene.tile(AHEAD, AHEAD), THIEF, mood=told.FLEES, loot=3)}, pack={7: {"kind": 31}})
    scene.play(told.USE + 7)
    assert scene.game.monster_of(0).mood == told.FLEES


def test_rust_without_armour_harms_nothing() -> None:
    for start in range(1, 13):
        scene = Scene(start)
        traps = [tile for tile, (_, kind) in scene.game.level.traps.items() if kind == RUST]
        if traps:
            break
    beside = next(t for t in scene.game.level.floor if t + 1 == traps[0])
    for bonus in (-3, 0):
        scene.put(tile=beside, pack={3: {"kind": 10, "bonus": bonus, "marks": told.WORN}})
        scene.play(AHEAD)
        assert scene.game.pack[3].bonus == max(-3, bonus - 1)
    scene.put(tile=beside, pack={slot: {"kind": 0} for slot in (2, 3, 4)})
    scene.play(AHEAD)
    assert scene.game.tile == traps[0] and not any(scene.game.pack[slot] for slot in (2, 3, 4))
