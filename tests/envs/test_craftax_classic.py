"""Craftax-Classic: keys and worlds told a second time, its rules one by one, and the package itself if installed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import _core
from puffer_envs.environment import Environment
from puffer_envs.policy import load_policy
from puffer_envs.porting import craftax
from puffer_envs.porting.draws import Draws, Given
from puffer_envs.snapshot import pack_snapshot

from . import craftax_classic_told as told

NAME = "craftax_classic"


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


ACTIONS = words(
    "nothing left right up down do sleep place_stone place_table place_furnace place_sapling make_wood_pickaxe "
    "make_stone_pickaxe make_iron_pickaxe make_wood_sword make_stone_sword make_iron_sword"
)
TILES = words("grass water stone tree wood path coal iron diamond table furnace sand lava sapling ripe outside")
THINGS = words(
    "wood stone coal iron diamond sapling wood_pickaxe stone_pickaxe iron_pickaxe wood_sword stone_sword iron_sword"
)
ACHIEVEMENTS = words(
    "collect_wood place_table eat_cow collect_sapling collect_drink make_wood_pickaxe make_wood_sword place_plant "
    "defeat_zombie collect_stone place_stone eat_plant defeat_skeleton make_stone_pickaxe make_stone_sword wake_up "
    "place_furnace collect_coal collect_iron collect_diamond make_iron_pickaxe make_iron_sword"
)
AWAY = [[0, 0, 0, 0, 0]] * 3
WAYS = ((0, -1), (0, 1), (-1, 0), (1, 0), (0, 0), (0, 0), (0, 0), (0, 0))


def put(env: Environment, **values: Any) -> None:
    """Set fields of every environment."""
    fields = {f.name: f for f in env.spec.fields}
    table = env._states.reshape(env.num_envs, -1).copy()
    for name, value in values.items():
        shape = fields[name].shape[: fields[name].ndim]
        each = np.broadcast_to(np.asarray(value).astype(fields[name].dtype), (env.num_envs, *shape))
        flat = np.ascontiguousarray(each).reshape(env.num_envs, -1).view(np.uint8).reshape(env.num_envs, -1)
        table[:, fields[name].offset : fields[name].offset + flat.shape[1]] = flat
    env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, table.reshape(-1)))


def keys(env: Environment, ago: int) -> list[told.Key]:
    """The key that each environment draws next, or drew so many words ago."""
    table, at = env._states.reshape(env.num_envs, -1), _core.describe(NAME)["rng_offset"]
    draws = [Draws.of(row[at : at + 16].tobytes()).before(ago) for row in table]
    return [(one.bits(), one.bits()) for one in draws]


class Scene:
    """You on grass without anyone near, facing one tile to the right."""

    def __init__(self, tile: str = "grass", near: tuple[str, ...] = (), envs: int = 1, **values: Any) -> None:
        self.env = puffer_envs.make(NAME, envs, seed=5)
        self.env.reset()
        table: NDArray[np.uint8] = np.full((72, 72), TILES.index("outside"), np.uint8)
        table[4:-4, 4:-4] = TILES.index("grass")
        table[36, 37] = TILES.index(tile)
        for column, name in enumerate(near):
            table[35, 35 + column] = TILES.index(name)
        nobody = {"zombies": AWAY, "cows": AWAY, "skeletons": AWAY[:2]}
        put(self.env, **({"map": table, **nobody, "facing": 1} | values))

    def do(self, *actions: str, **things: int) -> Any:
        """Act, with these things: the state afterwards."""
        if things:
            put(self.env, things=[things.get(name, 0) for name in THINGS])
        for action in actions:
            self.env.step(np.full(self.env.num_envs, ACTIONS.index(action), np.int32))
        return self.env.state(0)

    def front(self) -> str:
        """What is in front of you."""
        return TILES[int(self.env.state(0).map[36, 37]) & 15]

    def has(self) -> dict[str, int]:
        """What you carry."""
        counts = zip(THINGS, np.asarray(self.env.state(0).things).tolist(), strict=True)
        return {name: count for name, count in counts if count}

    def earned(self) -> set[str]:
        """Which achievements."""
        return {name for i, name in enumerate(ACHIEVEMENTS) if int(self.env.state(0).achievements) >> i & 1}


# keys and worlds


def test_threefry_gives_the_known_answers() -> None:
    """Of Random123's known answer tests."""
    pi = threefry_words((0x13198A2E, 0x03707344), 0x243F6A88, 0x85A308D3)
    assert threefry_words((0, 0), 0, 0) == (0x6B200159, 0x99BA4EFE)
    assert threefry_words((0xFFFFFFFF, 0xFFFFFFFF), 0xFFFFFFFF, 0xFFFFFFFF) == (0x1CB996FC, 0xBB002BE7)
    assert pi == (0xC4923A9C, 0x483DF7A0)


def threefry_words(key: told.Key, high: int, low: int) -> tuple[int, int]:
    a, b = told.threefry(key, [high], [low])
    return int(a[0]), int(b[0])


def test_keys_split_as_jax_splits_them() -> None:
    """jax.random.split(PRNGKey(42)) and uniform(PRNGKey(42)) of jax 0.10.2."""
    assert told.split((0, 42)) == ((1832780943, 270669613), (64467757, 2916123636))
    assert float(told.uniform((0, 42), 1)[0]) == pytest.approx(0.48870957, abs=1e-8)


def test_worlds_are_those_of_their_keys() -> None:
    """Float32 and doubles may round to different sides of a threshold, and of the diamond's place."""
    with puffer_envs.make(NAME, 12, seed=9) as env:
        env.reset()
        for i, key in enumerate(keys(env, 2)):
            ours = np.asarray(env.state(i).map)[4:-4, 4:-4]
            assert (ours != told.world(key)).sum() <= 3


def test_creatures_walk_by_the_keys_of_the_step() -> None:
    """Before any comes, all wander unseen from the first corner: cows one way of eight, zombies of four."""
    with puffer_envs.make(NAME, 32, seed=4) as env:
        env.reset()
        places: dict[tuple[int, str, int], tuple[int, int]] = {}
        for _ in range(4):
            table = [np.asarray(env.state(i).map) for i in range(32)]
            for i, key in enumerate(keys(env, 0)):
                expect(env.state(i), table[i], key, i, places)
            env.step(np.zeros(32, np.int32))
            for (i, kind, number), place in places.items():
                now = np.asarray(getattr(env.state(i), kind))[number]
                assert now[3] or tuple(now[:2].tolist()) == place, (i, kind, number)
    assert len(set(places.values())) > 3, "some of them got somewhere"


def expect(state: Any, table: NDArray[np.uint8], key: told.Key, i: int, places: dict[Any, tuple[int, int]]) -> None:
    """Where those that are not alive will be."""
    chain = told.Chain(key)
    chain.child()
    moves = told.Chain(told.split(chain.child())[0])
    for number in range(3):
        places[i, "zombies", number] = walked(table, state.zombies[number], told.below(moves.child(), 4))
        moves.child(), moves.child()
        moves.key = moves.child()
    moves = told.Chain(told.split(moves.key)[0])
    for number in range(3):
        places[i, "cows", number] = walked(table, state.cows[number], told.below(moves.child(), 8))


def walked(table: NDArray[np.uint8], one: Any, way: int) -> tuple[int, int]:
    row, column = int(one[0]) + WAYS[way][0], int(one[1]) + WAYS[way][1]
    return (row, column) if table[row + 4, column + 4] in (0, 4, 5, 11) else (int(one[0]), int(one[1]))


# what you do


@pytest.mark.parametrize(
    ("tile", "tool", "thing", "left"),
    [
        ("tree", None, "wood", "grass"),
        ("stone", "wood_pickaxe", "stone", "path"),
        ("coal", "wood_pickaxe", "coal", "path"),
        ("iron", "stone_pickaxe", "iron", "path"),
        ("diamond", "iron_pickaxe", "diamond", "path"),
    ],
)
def test_tiles_are_taken_with_the_right_tool(tile: str, tool: str | None, thing: str, left: str) -> None:
    scene = Scene(tile)
    if tool:
        others = {name: 1 for name in THINGS[6:] if name != tool}
        scene.do("do", **others)
        assert (scene.front(), scene.has(), scene.earned()) == (tile, others, set())
        scene.do("do", **{tool: 1})
    else:
        scene.do("do")
    assert scene.front() == left
    assert scene.has() == {thing: 1} | ({tool: 1} if tool else {})
    assert scene.earned() == {f"collect_{thing}"}


@pytest.mark.parametrize(
    ("tool", "cost", "near"),
    [
        ("wood_pickaxe", {"wood": 1}, ("table",)),
        ("stone_pickaxe", {"wood": 1, "stone": 1}, ("table",)),
        ("iron_pickaxe", {"wood": 1, "stone": 1, "coal": 1, "iron": 1}, ("table", "furnace")),
        ("wood_sword", {"wood": 1}, ("table",)),
        ("stone_sword", {"wood": 1, "stone": 1}, ("table",)),
        ("iron_sword", {"wood": 1, "stone": 1, "coal": 1, "iron": 1}, ("table", "furnace")),
    ],
)
def test_tools_cost_what_they_cost(tool: str, cost: dict[str, int], near: tuple[str, ...]) -> None:
    scene = Scene(near=near)
    for missing in cost:
        scene.do(f"make_{tool}", **{name: count - (name == missing) for name, count in cost.items()})
        assert tool not in scene.has(), f"without {missing}"
    scene.do(f"make_{tool}", **cost)
    assert scene.has() == {tool: 1} and scene.earned() == {f"make_{tool}"}
    for place in near:
        scene = Scene(near=tuple(name for name in near if name != place))
        scene.do(f"make_{tool}", **cost)
        assert scene.has() == cost, f"no {place} is near"


@pytest.mark.parametrize(
    ("action", "thing", "cost", "tile", "on"),
    [
        ("place_table", "wood", 2, "table", {"grass", "sand", "path", "lava"}),
        ("place_furnace", "stone", 1, "furnace", {"grass", "sand", "path", "lava"}),
        ("place_stone", "stone", 1, "stone", {"grass", "sand", "path", "lava", "water"}),
        ("place_sapling", "sapling", 1, "sapling", {"grass"}),
    ],
)
def test_things_are_placed(action: str, thing: str, cost: int, tile: str, on: set[str]) -> None:
    for ground in set(TILES) - {"outside", "wood"}:
        scene = Scene(ground)
        scene.do(action, **{thing: cost - 1})
        assert scene.front() == ground and not scene.earned()
        scene.do(action, **{thing: 9})
        assert scene.front() == (tile if ground in on else ground), ground
        assert scene.has() == {thing: 9 - (cost if ground in on else 0)}


def test_a_sapling_is_ripe_after_600_steps_and_feeds() -> None:
    scene = Scene(envs=1)
    scene.do("place_sapling", sapling=1)
    put(scene.env, plant_age=[598] + [0] * 9, health=9)
    assert scene.do("nothing") and scene.front() == "sapling"
    scene.do("nothing")
    assert scene.front() == "ripe"
    put(scene.env, food=3)
    assert scene.do("do").food == 7
    assert scene.front() == "sapling" and "eat_plant" in scene.earned()
    assert int(scene.env.state(0).plant_age[0]) == 1


def test_who_eats_a_plant_leaves_the_others_as_old_as_they_are() -> None:
    scene = Scene(envs=1)
    scene.do("place_sapling", sapling=1)
    scene.do("up")
    scene.do("place_sapling", sapling=1)
    scene.do("down", "right")
    put(scene.env, plant_age=[599, 300] + [0] * 8)
    scene.do("nothing")
    assert scene.front() == "ripe" and int(scene.env.state(0).num_plants) == 2
    assert scene.do("do").plant_age[:2].tolist() == [1, 302]


def test_water_quenches_and_grass_yields_a_sapling_one_time_in_ten() -> None:
    scene = Scene("water", drink=2, thirst=30)
    state = scene.do("do", "do")
    assert (state.drink, state.thirst) == (4, 2) and scene.earned() == {"collect_drink"}
    scene = Scene("grass", envs=512)
    expected = [told.uniform(told.split(told.split(key)[1])[1], 1)[0] < np.float32(0.1) for key in keys(scene.env, 0)]
    scene.do("do")
    found = [int(scene.env.state(i).things[5]) for i in range(512)]
    assert found == [int(x) for x in expected] and 20 < sum(found) < 90


@pytest.mark.parametrize(("swords", "hits"), [({}, 5), ({"wood_sword": 1}, 3), ({"stone_sword": 1}, 2),
                                              ({"iron_sword": 1}, 1), ({"wood_sword": 3}, 1)])  # fmt: skip
def test_zombies_die_after_so_many_hits(swords: dict[str, int], hits: int) -> None:
    scene = Scene()
    for number in range(hits):
        assert "defeat_zombie" not in scene.earned(), number
        alive = [[32, 33, 5 if number == 0 else int(scene.env.state(0).zombies[0][2]), 1, 5], *AWAY[:2]]
        table = np.array(scene.env.state(0).map)
        table[4:-4, 4:-4] &= 15
        table[36, 37] |= 16
        put(scene.env, map=table, zombies=alive, health=9)
        scene.do("do", **swords)
    assert "defeat_zombie" in scene.earned()


def test_a_cow_is_food_for_six() -> None:
    scene = Scene(cows=[[32, 33, 1, 1, 0], *AWAY[:2]], food=2, hunger=40)
    state = scene.do("do")
    assert (state.food, state.hunger) == (8, 2) and scene.earned() == {"eat_cow"}


def test_walls_stop_you_and_lava_kills() -> None:
    for tile in TILES[:-1]:
        scene = Scene(tile)
        scene.env.step(np.array([ACTIONS.index("right")], np.int32))
        walks = tile in ("grass", "wood", "path", "sand")
        assert bool(scene.env.terminals[0]) == (tile == "lava")
        if tile != "lava":
            assert scene.env.state(0).column == 32 + walks, tile
        else:
            assert scene.env.rewards[0] == pytest.approx(-0.9)


# time


def test_needs_grow_at_their_pace() -> None:
    with puffer_envs.make(NAME, 16, seed=2) as env:
        env.reset()
        alive = np.ones(16, np.bool_)
        for step in range(1, 90):
            env.step(np.zeros(16, np.int32))
            alive &= ~env.terminals
            for i in np.flatnonzero(alive):
                state = env.state(int(i))
                assert (state.food, state.drink, state.energy) == (9 - step // 26, 9 - step // 21, 9 - step // 31)
    assert alive.sum() > 4


def test_sleep_restores_energy_until_you_wake() -> None:
    scene = Scene(energy=8, fatigue=0, tick=0)
    assert scene.do("sleep").sleeping
    state = scene.do(*["left"] * 10)
    assert state.column == 32, "nobody walks in their sleep"
    assert (state.energy, state.sleeping) == (9, 1)
    state = scene.do("nothing")
    assert state.sleeping == 0 and "wake_up" in scene.earned()
    assert not Scene(energy=9).do("sleep").sleeping


def test_a_zombie_next_to_you_hits_and_wakes_you() -> None:
    for sleeping, harm in ((0, 2), (1, 7)):
        scene = Scene(zombies=[[31, 32, 5, 1, 0], *AWAY[:2]], sleeping=sleeping, energy=3, health=9)
        state = scene.do("nothing")
        assert (state.health, state.sleeping) == (9 - harm, 0)
        assert int(state.zombies[0][4]) == 5
        assert ("wake_up" in scene.earned()) == bool(sleeping)
        assert scene.env.rewards[0] == pytest.approx(sleeping - 0.1 * harm, abs=1e-6)


def test_arrows_fly_hit_and_break_tables() -> None:
    def flying(row: int, column: int) -> list[list[int]]:
        return [[row, column, 1, 0, 1], [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]]

    scene = Scene(arrows=flying(32, 29))
    assert scene.do("nothing").arrows[0].tolist() == [32, 30, 1, 0, 1]
    state = scene.do("nothing", "nothing")
    assert state.health == 7 and not state.arrows[0][2]
    scene = Scene("table", arrows=flying(32, 32))
    scene.do("nothing")
    assert scene.front() == "path"


# play


def test_rewards_are_achievements_and_health() -> None:
    with puffer_envs.make(NAME, 64, seed=6) as env:
        env.reset()
        rng = np.random.default_rng(1)
        for _ in range(150):
            before = [(int(env.state(i).achievements).bit_count(), int(env.state(i).health)) for i in range(64)]
            env.step(rng.integers(0, 17, 64).astype(np.int32))
            for i in np.flatnonzero(~(env.terminals | env.truncations)):
                state = env.state(int(i))
                now = int(state.achievements).bit_count() - before[i][0] + 0.1 * (int(state.health) - before[i][1])
                assert env.rewards[i] == pytest.approx(now, abs=1e-6)


def test_observations_translate_to_the_packages_numbers_and_back() -> None:
    with puffer_envs.make(NAME, 32, seed=8) as env:
        env.reset()
        rng = np.random.default_rng(2)
        for _ in range(60):
            env.step(rng.integers(0, 17, 32).astype(np.int32))
        numbers = craftax.numbers_of(env.observations)
        assert numbers.shape == (32, 1345) and numbers.min() == 0 and numbers.max() == 1
        assert (np.stack([craftax.bytes_of(row) for row in numbers]) == env.observations).all()


def test_an_episode_is_cut_off_at_its_limit() -> None:
    with puffer_envs.make(NAME, 8, seed=1, max_steps=5) as env:
        env.reset()
        for step in range(1, 6):
            env.step(np.zeros(8, np.int32))
            assert env.truncations.all() == (step == 5)
        assert env.log()["episode_length"] == 5


def test_the_shipped_policy_plays_well() -> None:
    policy = load_policy(puffer_envs.trained_policy(NAME), seed=1)
    with puffer_envs.make(NAME, 48, seed=3) as env:
        observations = env.reset()
        for _ in range(450):
            observations, _, terminals, truncations = env.step(policy.act(observations))
            policy.reset(terminals | truncations)
        log = env.log()
    assert log["n"] > 40 and log["score"] >= 8.0, log


# the package


def test_worlds_and_episodes_are_those_of_the_package() -> None:
    """From the same keys: 20 worlds, and one episode in each, whole states and all."""
    pytest.importorskip("craftax", reason="pip install craftax")
    game: Any = craftax.classic()
    rng = np.random.default_rng(1)
    with puffer_envs.make(NAME, 1, seed=2) as env:
        env.reset()
        for _ in range(20):
            game.np_random = Given(list(keys(env, 2)[0]))
            game.reset()
            over = False
            while not over:
                same_state(env.state(0), craftax.read_state(game.state))
                action = int(rng.choice(17))
                game.np_random = Given(list(keys(env, 0)[0]))
                seen, reward, terminal, truncated, _ = game.step(action)
                env.step(np.array([action], np.int32))
                over = bool(env.terminals[0] or env.truncations[0])
                assert (env.rewards[0], env.terminals[0], env.truncations[0]) == (
                    np.float32(reward),
                    terminal,
                    truncated,
                )
                ours = env.final_observations[0] if over else env.observations[0]
                assert (ours == craftax.bytes_of(seen)).all()


def same_state(ours: Any, theirs: dict[str, Any]) -> None:
    for name, value in theirs.items():
        assert np.array_equal(np.asarray(getattr(ours, name), np.float32), np.asarray(value, np.float32)), name
