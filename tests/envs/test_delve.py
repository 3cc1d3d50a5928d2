"""delve, told a second time and compared turn by turn; its levels, its sight, its dice, and what is left behind."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs.snapshot import pack_snapshot

from ..engine.conftest import build, compiler  # noqa: F401 (a fixture)
from . import delve_told as told

SEARCH, TAKE, DESCEND, CLIMB = 8, 9, 10, 11


def choose(env: puffer_envs.Environment, rng: np.random.Generator, likes: float = 0.5) -> NDArray[np.int32]:
    """Random actions that the masks allow, with a liking for other things than walking."""
    scores = rng.random(env.action_masks.shape) + likes * (np.arange(25) > SEARCH)
    return np.where(env.action_masks, scores, -1.0).argmax(1).astype(np.int32)


def check(game: told.Game, env: puffer_envs.Environment) -> None:
    """All that the game and the environment have in common."""
    fresh = told.Game(env)
    assert game.numbers == fresh.numbers
    assert game.level.monsters == fresh.level.monsters
    assert game.level.things == fresh.level.things
    assert (game.pack, game.near, game.trail) == (fresh.pack, fresh.near, fresh.trail)
    assert (game.level.seen, game.level.found, game.visible) == (fresh.level.seen, fresh.level.found, fresh.visible)
    assert game.chance.state == fresh.chance.state
    assert game.allowed() == env.action_masks[0].astype(bool).tolist()


CASES = [
    *({"hero": hero, "start": 1, "density": 2.0} for hero in ("fighter", "rogue", "mage", "priest")),
    *({"hero": "any", "start": start, "reward_tile": 0.01, "reward_level": 0.5} for start in (3, 5, 7, 9, 11, 12)),
]


@pytest.mark.parametrize("settings", CASES, ids=lambda case: f"{case['hero']}{case['start']}")
def test_every_turn_follows_the_rules(settings: dict[str, Any]) -> None:
    rng = np.random.default_rng(settings["start"])
    with puffer_envs.make("delve", seed=2, num_levels=3, supplies=400, **settings) as env:
        env.reset()
        game = told.Game(env)
        told_turns = 0
        for turn in range(240):
            action = int(choose(env, rng)[0]) if turn % 9 else int(rng.integers(0, 25))
            reward = game.step(action)
            _, rewards, terminals, _ = env.step(np.array([action], np.int32))
            if reward is None:
                game = told.Game(env)
                continue
            assert rewards[0] == pytest.approx(reward, abs=1e-5)
            assert bool(terminals[0]) == (game.health <= 0 or bool(game.won))
            if terminals[0]:
                assert env.log(0)["points"] == game.points
                game = told.Game(env)
            else:
                told_turns += 1
                check(game, env)
        assert told_turns > 120


def hold(env: puffer_envs.Environment, kind: int, bonus: int) -> int:
    """Put a thing into the pack instead of what is in the first slot of its class; returns the action that uses it."""
    slot, fields = told.SLOTS[told.class_of(kind)][0], {field.name: field for field in env.spec.fields}
    count = 3 if told.class_of(kind) in ("potion", "scroll", "wand", "food") else 1
    game, states = told.Game(env), env._states.copy()
    game.pack[slot] = told.Thing(0, kind, bonus, count, 0)
    allowed = sum(1 << action for action, can in enumerate(game.allowed()) if can)
    at = fields["pack"].offset + 6 * slot
    states[at : at + 6] = np.array([0, 0, kind, bonus % 256, count, 0], np.uint8)
    at = fields["allowed"].offset
    states[at : at + 4] = np.frombuffer(allowed.to_bytes(4, "little"), np.uint8)
    env.restore(pack_snapshot(env.spec, env.settings, 1, states))
    return int(told.USE + slot)


@pytest.mark.parametrize("bonus", [-2, 2])
def test_every_thing_does_what_it_should(bonus: int) -> None:
    """Random play finds and uses few of them."""
    rng = np.random.default_rng(1)
    with puffer_envs.make("delve", seed=4, num_levels=2, start=6, density=2.0) as env:
        env.reset()
        for _ in range(30):
            env.step(choose(env, rng, 0.0))
        before = env.snapshot()
        for kind in range(1, told.COINS):
            env.restore(before)
            action = hold(env, kind, bonus)
            game = told.Game(env)
            reward = game.step(action)
            _, rewards, terminals, _ = env.step(np.array([action], np.int32))
            assert reward is not None and rewards[0] == pytest.approx(reward, abs=1e-5)
            if not terminals[0]:
                check(game, env)


def observe(game: told.Game, env: puffer_envs.Environment) -> list[int]:
    """All bytes, in order."""
    row, column = divmod(game.tile, 64)
    around = range(-5, 6)
    window = [look(game, (row + down) * 64 + column + right) for down in around for right in around]
    near = [game.monster_of(i) if i >= 0 else None for i in game.near]
    here = game.thing_at(game.tile)
    plain = here is not None and here.kind != told.COINS
    held = [code(game, thing) for thing in game.pack]
    state = env.state(0)
    events = [int(e.what) if int(e.turn) == game.turn else 0 for e in state.events[:2]]
    places = [[8 + m.tile // 64 - row if m else 0 for m in near], [8 + m.tile % 64 - column if m else 0 for m in near]]
    known = [t is not None and bool(t.marks & told.KNOWN) for t in game.pack]
    pack = list(zip(game.pack, known, strict=True))
    return [
        *window,
        *(m.kind if m else 0 for m in near),
        game.hero,
        told.CLASSES.index(told.class_of(here.kind)) if plain and here else 0,
        *held,
        *events,
        *places[0],
        *places[1],
        *(1 + m.mood if m else 0 for m in near),
        *(1 + m.elite if m else 0 for m in near),
        *(min(255, m.health) if m else 0 for m in near),
        *(t.count if t else 0 for t, _ in pack),
        *(4 + (t.bonus if k else 0) if t else 0 for t, k in pack),
        *((1 if t.marks & told.WORN else 0) + (2 if k and t.marks & told.CURSED else 0) if t else 0 for t, k in pack),
        *numbers(game),
        *(game.earned >> i & 1 for i in range(40)),
    ]


def numbers(game: told.Game) -> list[int]:
    """The hero's."""
    level = game.level_of_hero
    need = 20 * 2 ** (level - 1) if level < 14 else game.experience + 1
    amounts = [
        *(game.health * 255 // game.max_health, game.health, game.max_health, game.mana * 8, level * 16),
        *(game.experience * 255 // need, game.food // 8, 255 * (game.food < 300), game.gold // 4, game.armour() * 8),
        *(game.depth * 16, game.fast * 6, game.confused * 16, game.poison * 12, game.strength * 16, game.kills),
        *(255 * game.level.dark, game.turn % 16, (game.turn - game.level.left) // 4),
    ]
    for stairs in (game.level.down, game.level.up):
        seen = stairs in game.level.seen
        down, right = stairs // 64 - game.tile // 64, stairs % 64 - game.tile % 64
        amounts += [255 * seen, *(128 + 4 * min(31, max(-31, way)) * seen for way in (down, right))]
    return [min(255, amount) for amount in amounts]


def look(game: told.Game, tile: int) -> int:
    """The code of a tile."""
    monster = game.monster_at(tile)
    if monster is not None and tile in game.visible:
        return 9 if monster.mood == told.ASLEEP else 10
    if tile not in game.level.seen:
        return 0
    thing = game.thing_at(tile)
    if thing is not None:
        return 8 if thing.kind == told.COINS else 7
    if tile in game.level.traps and game.level.traps[tile][0] in game.level.found:
        return 6
    terrain = game.level.terrain[tile]
    return {told.CURTAIN: 2, told.UP: 4, told.DOWN: 5}.get(terrain, 1 if terrain <= told.DOWN else 3)


def code(game: told.Game, thing: told.Thing | None) -> int:
    """What a slot holds."""
    if thing is None:
        return 0
    first, last = told.RANGES[told.class_of(thing.kind)]
    return thing.kind - first + 1 if game.knows(thing.kind) else last - first + 2


@pytest.mark.parametrize("start", [1, 4, 8, 12])
def test_observations_show_what_the_hero_knows(start: int) -> None:
    rng = np.random.default_rng(0)
    with puffer_envs.make("delve", seed=start, num_levels=3, start=start) as env:
        env.reset()
        for _ in range(100):
            env.step(choose(env, rng, 0.2))
            assert env.observations[0].tolist() == observe(told.Game(env), env)


def test_what_the_mask_forbids_is_a_search() -> None:
    rng = np.random.default_rng(4)
    with puffer_envs.make("delve", seed=4, num_levels=2, start=2) as env:
        env.reset()
        for _ in range(60):
            env.step(choose(env, rng))
            before, forbidden = env.snapshot(), np.flatnonzero(~env.action_masks[0].astype(bool))
            env.step(np.array([SEARCH], np.int32))
            searched = env.snapshot()
            for action in forbidden:
                env.restore(before)
                env.step(np.array([action], np.int32))
                assert env.snapshot() == searched
            env.restore(before)


# --- levels, in C ---

LAB = """
#include "envs/delve.h"
static char assets[1 << 24];
static Delve state;
static DelveSetup setup;
int32_t make(int32_t levels, uint32_t seed)
{
    setup.state.num_levels = levels; setup.level_seed = seed;
    PufLayout layout = { 0 };
    delve_resize(&layout, &setup);
    if (layout.assets_size > sizeof(assets)) { return 0; }
    memset(assets, 0, sizeof(assets));
    delve_make_assets(&layout, assets, &setup);
    delve_prepare(&setup);
    return 1;
}
void level(int32_t number, uint8_t* tiles, int32_t* plan, int16_t* floor, int16_t* sight)
{
    const DelveLevel* l = (const DelveLevel*)(assets + setup.state.levels_offset) + number;
    memcpy(tiles, assets + number * DELVE_TILES, DELVE_TILES);
    memcpy(plan, &l->num_floor, DELVE_PLAN * sizeof(int32_t));
    memcpy(floor, l->floor, sizeof(l->floor));
    memcpy(sight, l->sight, sizeof(l->sight));
}
/* A fighter of a level with a sword of a bonus hits a monster; out: how often, and the sum of the harm. */
void strikes(int32_t rounds, int32_t kind, int32_t level, int32_t bonus, int32_t asleep, double* out)
{
    out[0] = out[1] = 0.0;
    state = setup.state;
    state.rng = puf_rng_seed(1, (uint64_t)kind);
    state.hero = DELVE_FIGHTER; state.level = level; state.depth = 1;
    delve_put_thing(&state.pack[0], DELVE_SWORD, bonus, 1, DELVE_WORN);
    for (int32_t i = 0; i < rounds; i++) {
        DelveMonster* m = &state.monsters[0];
        m->kind = (uint8_t)kind; m->health = 1000; m->mood = asleep ? DELVE_ASLEEP : DELVE_HUNTS;
        delve_strike(&state, assets, m, 0, DELVE_BY_HAND);
        out[0] += m->health < 1000; out[1] += 1000 - m->health;
    }
}
/* A monster attacks a hero in armour. */
void attacks(int32_t rounds, int32_t kind, int32_t bonus, int32_t elite, double* out)
{
    out[0] = out[1] = 0.0;
    state = setup.state;
    state.rng = puf_rng_seed(2, (uint64_t)kind);
    state.hero = DELVE_FIGHTER; state.level = 1; state.depth = 1; state.max_health = 500;
    delve_put_thing(&state.pack[3], DELVE_CHAIN, bonus, 1, DELVE_WORN);
    for (int32_t i = 0; i < rounds; i++) {
        DelveMonster m = { 0 };
        m.kind = (uint8_t)kind; m.elite = (uint8_t)elite; m.mood = DELVE_HUNTS;
        state.health = 500; state.max_health = 500; state.poison = 0; state.gold = 0;
        delve_attack(&state, &m, DELVE_HURT);
        out[0] += state.health < 500; out[1] += 500 - state.health;
    }
}
"""
LEVELS = 6


@pytest.fixture(scope="module")
def lab(build: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:  # noqa: F811
    """Parts of the rules, to be called one by one; levels of seed 5."""
    folder = Path(tmp_path_factory.mktemp("delve"))
    (folder / "lab.c").write_text(LAB)
    command = [compiler(), *build.EXACT, "-O2", "-shared", "-fPIC", f"-I{build.ROOT / 'c'}", str(folder / "lab.c")]
    subprocess.run([*command, "-o", str(folder / "lab.so")], check=True, env=os.environ)
    library = ctypes.CDLL(str(folder / "lab.so"))
    assert library.make(LEVELS, 5)
    return library


def read_level(lab: ctypes.CDLL, number: int) -> tuple[NDArray[np.uint8], list[int], list[int], NDArray[np.int16]]:
    """Its tiles, its plan, the tiles of its floor, and what each of them sees."""
    tiles, plan = np.zeros(48 * 64, np.uint8), np.zeros(18, np.int32)
    floor, sight = np.zeros(1024, np.int16), np.zeros((1024, 16), np.int16)
    lab.level(number, *(ctypes.c_void_p(table.ctypes.data) for table in (tiles, plan, floor, sight)))
    return tiles, plan.tolist(), floor.tolist()[: plan[0]], sight


@pytest.mark.parametrize("number", range(0, 12 * LEVELS, 7))
def test_sight_is_exact_and_symmetric(lab: ctypes.CDLL, number: int) -> None:
    tiles, plan, floor, sight = read_level(lab, number)
    place = {tile: i for i, tile in enumerate(floor)}
    rng = np.random.default_rng(number)
    game = told.Game.__new__(told.Game)
    game.level = told.Level((tiles & 31).tolist(), plan[1], plan[2], False, {})

    def sees(a: int, b: int) -> bool:
        down, right = b // 64 - a // 64, b % 64 - a % 64
        return bool(sight[place[a], down + 7] >> (right + 7) & 1)

    for a in rng.choice(floor, 12, replace=False).tolist():
        for down in range(-7, 8):
            for right in range(-7, 8):
                b = a + 64 * down + right
                assert sees(a, b) == game.clear(a, b)
                if b in place:
                    assert sees(b, a) == sees(a, b)


def test_levels_are_whole(lab: ctypes.CDLL) -> None:
    """All floor can be reached, with the stairs; walls are around it; traps are where the plan says."""
    styles = set()
    for number in range(12 * LEVELS):
        tiles, plan, floor, _ = read_level(lab, number)
        terrain = (tiles & 31).tolist()
        assert 220 <= len(floor) <= 1024
        assert floor == [tile for tile, code in enumerate(terrain) if told.FLOOR <= code <= told.DOWN]
        found, frontier = {plan[1]}, [plan[1]]
        while frontier:
            at = frontier.pop()
            around = {at + 64 * down + right for down, right in told.MOVES}
            new = {tile for tile in around if told.FLOOR <= terrain[tile] <= told.DOWN} - found
            assert all(terrain[tile] != told.STONE for tile in around)
            found |= new
            frontier += new
        assert found == set(floor)
        deepest = number // LEVELS == 11
        assert plan[2] in found and terrain[plan[1]] == told.UP
        assert terrain.count(told.UP) == 1 and terrain.count(told.DOWN) == (0 if deepest else 1)
        assert deepest or terrain[plan[2]] == told.DOWN
        traps = {tile: number for tile in floor if (number := int(tiles[tile]) >> 5)}
        assert traps == {plan[6 + i]: i + 1 for i in range(plan[5])}
        assert all(1 <= kind <= 6 for kind in plan[12 : 12 + plan[5]])
        styles.add(plan[4])
    assert styles == {0, 1, 2, 3, 4}


# --- dice, in C ---

ROUNDS = 200_000


@pytest.mark.parametrize(("kind", "level", "bonus"), [(1, 1, 0), (8, 1, -3), (8, 3, 2), (24, 5, 5), (24, 1, 0)])
def test_how_often_and_how_hard_the_hero_hits(lab: ctypes.CDLL, kind: int, level: int, bonus: int) -> None:
    armour = told.KINDS[kind]["armour"]
    chance = np.mean([die + level + bonus > armour for die in range(1, 21)])
    harm = np.mean([max(1, die + bonus) for die in range(1, 9)])
    for asleep in (0, 1):
        out = (ctypes.c_double * 2)()
        lab.strikes(ROUNDS, kind, level, bonus, asleep, out)
        hit = 1.0 if asleep else float(chance)
        assert out[0] / ROUNDS == pytest.approx(hit, abs=0.006)
        assert out[1] / ROUNDS == pytest.approx(hit * float(harm), abs=0.05)


@pytest.mark.parametrize(
    ("kind", "bonus", "elite"), [(1, 0, 0), (3, 0, 1), (8, -3, 0), (14, 2, 0), (19, 5, 1), (22, 0, 0)]
)
def test_how_often_and_how_hard_monsters_hit(lab: ctypes.CDLL, kind: int, bonus: int, elite: int) -> None:
    row = told.KINDS[kind]
    chance = np.mean([die + row["hit"] + 2 * elite > 14 + bonus for die in range(1, 21)])
    count, sides = row["harm"]
    sums = np.array([0])
    for _ in range(count):
        sums = (sums[:, None] + np.arange(1, sides + 1)).ravel()
    harm = np.mean(sums + (sums // 2) * elite)
    out = (ctypes.c_double * 2)()
    lab.attacks(ROUNDS, kind, bonus, elite, out)
    assert out[0] / ROUNDS == pytest.approx(chance, abs=0.006)
    assert out[1] / ROUNDS == pytest.approx(chance * harm, abs=0.12)


# --- over many levels ---


def go_to(env: puffer_envs.Environment, goal: int) -> bool:
    """Walk to a tile by a shortest way on which no monster or trap is in the way; false if that fails."""
    for _ in range(300):
        state = env.state(0)
        terrain, start = (state.terrain.ravel() & 31).tolist(), int(state.tile)
        if start == goal:
            return True
        traps = {int(tile) for tile in state.plan.ravel()[6:12]}
        came, frontier = {goal: goal}, [goal]
        for at in frontier:
            for down, right in told.MOVES:
                to = at + 64 * down + right
                if to not in came and told.FLOOR <= terrain[to] <= told.DOWN and (to not in traps or to == start):
                    came[to] = at
                    frontier.append(to)
        if start not in came:
            return False
        down, right = came[start] // 64 - start // 64, came[start] % 64 - start % 64
        env.step(np.array([told.MOVES.index((down, right))], np.int32))
    return False


def test_levels_wait_as_they_were_left_while_monsters_heal() -> None:
    returns = 0
    for seed in range(12):
        with puffer_envs.make("delve", seed=seed, num_levels=4, hero="fighter", density=0.6) as env:
            env.reset()
            looks = env.state(0).looks.tolist()  # others in the next episode
            if not go_to(env, int(env.state(0).plan.ravel()[2])):
                continue
            before = told.Game(env)
            env.step(np.array([DESCEND], np.int32))
            for _ in range(40):
                env.step(np.array([SEARCH], np.int32))
            if not go_to(env, int(env.state(0).plan.ravel()[1])) or env.state(0).looks.tolist() != looks:
                continue
            if int(env.state(0).depth) != 2:
                continue
            env.step(np.array([CLIMB], np.int32))
            after = told.Game(env)
            gone = after.turn - before.turn - 1
            assert after.tile == before.level.down and after.level.things == before.level.things
            assert after.level.seen == before.level.seen and after.level.found == before.level.found
            for old, new in zip(before.level.monsters, after.level.monsters, strict=True):
                if old is None or old.tile == after.tile:
                    assert (old is None) == (new is None)
                    continue
                count, sides = told.KINDS[old.kind]["health"]
                full = max(old.health, count * sides * (1 + old.elite))
                old.health = min(full, old.health + gone // 10)
                old.mood = told.WANDERS if old.mood == told.HUNTS else old.mood
                assert new == old
            returns += 1
    assert returns >= 4


def test_a_hero_who_never_eats_starves_on_the_turn() -> None:
    settings = {"supplies": 200, "hero": "fighter", "density": 0.0, "num_levels": 1}
    with puffer_envs.make("delve", seed=1, **settings) as env:
        env.reset()
        for turn in range(1, 147):
            env.step(np.array([SEARCH], np.int32))
            assert env.state(0).food == 200 - turn
        while not env.step(np.array([SEARCH], np.int32))[2][0]:
            assert env.state(0).health == 16 - max(0, int(env.state(0).turn) - 199)
        log = env.log(0)
        assert log["episode_length"] == 215 and log["by_hunger"] == 1.0


def test_each_game_gives_every_secret_its_own_look() -> None:
    with puffer_envs.make("delve", 64, seed=3, num_levels=2) as env:
        env.reset()
        seen = set()
        for i in range(64):
            looks = env.state(i).looks.tolist()
            for first, count in ((0, 8), (8, 8), (16, 5), (21, 4)):
                assert sorted(looks[first : first + count]) == list(range(count))
            seen.add(tuple(looks))
        assert len(seen) == 64


def test_things_are_neither_made_nor_lost_by_taking() -> None:
    """What lies on the level and is in the pack is the same before and after, but for gold."""
    taken = 0
    for seed in range(8):
        with puffer_envs.make("delve", seed=seed, num_levels=3, hero="fighter", density=0.0, supplies=2500) as env:
            env.reset()
            game = told.Game(env)
            before = count(game)
            for thing in game.level.things:
                if thing is not None and go_to(env, thing.tile):
                    taken += int(env.action_masks[0, TAKE])
                    env.step(np.array([TAKE], np.int32))
                    assert count(told.Game(env)) == before
    assert taken > 20


def count(game: told.Game) -> list[tuple[int, int]]:
    """Kinds and bonuses of all things but gold, one by one."""
    every = [thing for thing in (*game.level.things, *game.pack) if thing is not None and thing.kind != told.COINS]
    stacks = ("potion", "scroll", "food")
    return sorted((t.kind, 0) for t in every for _ in range(t.count if told.class_of(t.kind) in stacks else 1))


@pytest.mark.parametrize("hero", ["fighter", "rogue", "mage", "priest"])
def test_heroes_are_logged_by_kind(hero: str) -> None:
    rng = np.random.default_rng(0)
    with puffer_envs.make("delve", 16, seed=2, num_levels=2, hero=hero, start=6) as env:
        env.reset()
        for _ in range(300):
            env.step(choose(env, rng))
        log = env.log()
        assert log[f"{hero}.n"] == log["n"] > 0 and log[f"{hero}.perf"] == pytest.approx(log["perf"])
        assert log["by_monster"] + log["by_hunger"] + log["by_harm"] + log["won"] == pytest.approx(1.0)
