"""Gymnasium environments behind the contract do exactly what they do when they are driven by hand."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import cloudpickle
import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from puffer_envs.adapters.from_gymnasium import GymnasiumBlock, gymnasium_factory
from puffer_envs.contract.observations import named_observations
from puffer_envs.vector.block import environment_seed
from puffer_envs.vector.layout import Buffers
from tests.vector.sample_envs import Broken, Sampler, Walk, walk

SEED = 5
FIRST = 2


def block_of(make_env: Callable[[], Any], num_envs: int = 3, seed: int = SEED, first: int = FIRST) -> GymnasiumBlock:
    block = GymnasiumBlock(make_env, num_envs, first, seed)
    layout = block.layout
    block.attach(layout.carve(np.full(layout.size(num_envs), 255, np.uint8), num_envs))
    return block


def buffers_of(block: GymnasiumBlock) -> Buffers:
    return block._buffers


def random_actions(block: GymnasiumBlock, rng: np.random.Generator) -> Any:
    space, actions = block.layout.single_action_space, buffers_of(block)["actions"]
    if isinstance(space, spaces.Box):
        return rng.uniform(space.low, space.high, actions.shape).astype(np.float32)
    return rng.integers(0, block.layout.choices if actions.ndim > 1 else space.n, actions.shape, np.int32)


def step(block: GymnasiumBlock, actions: Any) -> Buffers:
    buffers = buffers_of(block)
    for name, array in buffers.items():  # whatever is left from before must be overwritten
        array.view(np.uint8).fill(1 if array.dtype == np.bool_ else 255)
        assert name
    buffers["actions"][:] = actions
    block.step()
    return buffers


def taxi_row(observation: int) -> Any:
    return np.array([observation, 0], np.int32).view(np.uint8)


def blackjack_row(observation: tuple[int, int, int]) -> Any:
    return np.array([*observation, 0], np.int32).view(np.uint8)


REAL = {
    "CartPole-v1": np.asarray,
    "MountainCarContinuous-v0": np.asarray,
    "Pendulum-v1": np.asarray,
    "Acrobot-v1": np.asarray,
    "Taxi-v4": taxi_row,
    "FrozenLake-v1": taxi_row,
    "Blackjack-v1": blackjack_row,
    "LunarLander-v3": np.asarray,
    "BipedalWalker-v3": np.asarray,
}


@pytest.mark.parametrize("env_id", REAL)
def test_it_is_the_environment_itself(env_id: str) -> None:
    if env_id in ("LunarLander-v3", "BipedalWalker-v3"):
        pytest.importorskip("Box2D")
    limit = {"max_episode_steps": 40}  # so that something is truncated
    block = block_of(gymnasium_factory(env_id, **limit))
    hand = [gymnasium.make(env_id, **limit) for _ in range(3)]
    row_of, choices = REAL[env_id], block.layout.single_action_space
    block.reset(SEED)
    rows = [row_of(env.reset(seed=environment_seed(SEED, FIRST + i))[0]) for i, env in enumerate(hand)]
    np.testing.assert_array_equal(buffers_of(block)["observations"], rows)
    rng, ends = np.random.default_rng(0), 0
    for _ in range(130):
        actions = random_actions(block, rng)
        buffers = step(block, actions)
        for i, env in enumerate(hand):
            action = actions[i] if isinstance(choices, spaces.Box) else int(actions[i])
            observation, reward, terminated, truncated, info = env.step(action)
            assert buffers["rewards"][i] == np.float32(reward)
            assert buffers["terminals"][i] == terminated
            assert buffers["truncations"][i] == (truncated and not terminated)
            if terminated or truncated:
                ends += 1
                np.testing.assert_array_equal(buffers["final_observations"][i], row_of(observation))
                observation, info = env.reset()
            np.testing.assert_array_equal(buffers["observations"][i], row_of(observation))
            if block.layout.masked:
                np.testing.assert_array_equal(buffers["action_masks"][i], info["action_mask"])
    assert ends >= 6
    assert block.layout.masked == (env_id == "Taxi-v4")
    block.close()
    for env in hand:
        env.close()


def trajectory(block: GymnasiumBlock, steps: int = 40) -> list[bytes]:
    rng = np.random.default_rng(1)
    seen = [buffers_of(block)["observations"].tobytes()]
    for _ in range(steps):
        step(block, random_actions(block, rng))
        seen.append(buffers_of(block)["observations"].tobytes() + buffers_of(block)["rewards"].tobytes())
    return seen


def test_seeds() -> None:
    block, other = block_of(walk), block_of(walk, seed=0)
    block.reset(None)
    first = trajectory(block)
    block.reset(None)
    assert trajectory(block) != first, "later resets draw fresh episodes"
    for again in (block, other):
        again.reset(SEED)
        assert trajectory(again) == first
    other.reset(SEED + 1)
    assert trajectory(other) != first


@pytest.mark.parametrize("make_env", [walk, gymnasium_factory("Taxi-v4")])
def test_the_division_into_blocks_does_not_matter(make_env: Callable[[], Any]) -> None:
    whole, part = block_of(make_env, 4, first=0), block_of(make_env, 2, first=2)
    whole.reset(3)
    part.reset(3)
    rng = np.random.default_rng(0)
    for _ in range(60):
        actions = random_actions(whole, rng)
        everything, something = step(whole, actions), step(part, actions[2:])
        for name in ("observations", "rewards", "terminals", "truncations"):
            np.testing.assert_array_equal(everything[name][2:], something[name])


def test_walks_end_in_all_ways_and_are_logged() -> None:
    block = block_of(walk, 4)
    block.reset(1)
    rng = np.random.default_rng(2)
    returns, lengths, episodes = np.zeros(4), np.zeros(4), []
    for _ in range(200):
        buffers = step(block, random_actions(block, rng))
        assert not (buffers["terminals"] & buffers["truncations"]).any()
        returns += buffers["rewards"]
        lengths += 1
        for i in np.flatnonzero(buffers["terminals"] | buffers["truncations"]):
            final = buffers["final_observations"][i]
            assert buffers["terminals"][i] == (abs(final[0]) == 3)
            assert buffers["observations"][i][0] == 0
            episodes.append((i, returns[i], lengths[i], abs(final[0]), float(final[0] == 3)))
            returns[i] = lengths[i] = 0
    kinds = ("episode_return", "episode_length", "distance", "won")
    one = np.array([episode[1:] for episode in episodes if episode[0] == 1])
    expected = {"n": len(one)} | dict(zip(kinds, one.sum(axis=0), strict=True))
    assert block.log(1) == expected | {"score": expected["episode_return"]}
    assert block.log(1) == {}
    rest = np.array([episode[1:] for episode in episodes if episode[0] != 1])
    log = block.log(None)
    assert log["n"] == len(rest) > 50
    assert [log[kind] for kind in kinds] == rest.sum(axis=0).tolist()
    assert block.log(None) == {}


def test_termination_wins_where_both_flags_are_set() -> None:
    class Both(Walk):
        def step(self, action: Any) -> Any:
            observation, reward, *_, info = super().step(action)
            return observation, reward, True, True, info

    block = block_of(Both)
    block.reset(0)
    buffers = step(block, [0, 0, 0])
    assert buffers["terminals"].all() and not buffers["truncations"].any()


def test_a_reset_forgets_the_episodes_under_way() -> None:
    block = block_of(lambda: gymnasium.make("Pendulum-v1", max_episode_steps=4), 2)
    for _ in range(2):
        block.reset(0)
        for _ in range(3):
            step(block, np.zeros((2, 1)))
    assert block.log(None) == {}
    step(block, np.zeros((2, 1)))
    assert block.log(None)["episode_length"] == 8
    block.reset(None)
    buffers = buffers_of(block)
    assert not buffers["rewards"].any() and not buffers["terminals"].any() and not buffers["truncations"].any()


def test_nested_observations_and_actions() -> None:
    space = spaces.Dict(
        {"eye": spaces.Box(0, 255, (2, 2), np.uint8), "at": spaces.Tuple([spaces.Discrete(9, start=3)])}
    )
    arms = spaces.Dict({"left": spaces.Discrete(2, start=5), "right": spaces.MultiDiscrete([2, 3])})
    block = block_of(lambda: Sampler(space, arms), 1)
    block.reset(0)
    env, fields = block.envs[0], block.layout.observation_fields
    assert fields is not None
    rng = np.random.default_rng(0)
    for at in range(7):
        actions = random_actions(block, rng)
        buffers = step(block, actions)
        given = env.given[-1]
        assert given["left"] == actions[0, 0] + 5 and (given["right"] == actions[0, 1:]).all()
        named = named_observations(buffers["observations"], fields)
        np.testing.assert_array_equal(named["eye"][0], env.shown[-1]["eye"])
        assert named["at.0"][0] == env.shown[-1]["at"][0] - 3
        if at % 3 == 2:
            assert buffers["truncations"].all()
            final = named_observations(buffers["final_observations"], fields)
            np.testing.assert_array_equal(final["eye"][0], env.shown[-2]["eye"])


def test_masks_beside_the_observation() -> None:
    masked = spaces.Dict({"observation": spaces.Box(0, 1, (2,)), "action_mask": spaces.MultiBinary(3)})
    block = block_of(lambda: Sampler(masked, spaces.Discrete(3)), 1)
    assert block.layout.masked and block.layout.observation_fields is None
    block.reset(0)
    env = block.envs[0]
    for _ in range(7):
        buffers = step(block, [1])
        np.testing.assert_array_equal(buffers["observations"][0], env.shown[-1]["observation"])
        np.testing.assert_array_equal(buffers["action_masks"][0], env.shown[-1]["action_mask"])
        if buffers["truncations"][0]:
            np.testing.assert_array_equal(buffers["final_observations"][0], env.shown[-2]["observation"])
    with pytest.raises(ValueError, match=r"'action_mask' has shape \(3,\), but there are 4 choices"):
        block_of(lambda: Sampler(masked, spaces.Discrete(4)), 1)


def test_a_mask_that_goes_missing_is_reported() -> None:
    class Forgetful(gymnasium.Wrapper[Any, Any, Any, Any]):
        def step(self, action: Any) -> Any:
            *result, _ = self.env.step(action)
            return *result, {}

    block = block_of(lambda: Forgetful(gymnasium.make("Taxi-v4")))
    block.reset(0)
    with pytest.raises(ValueError, match=r"action_mask is missing: the first had shape \(6,\)"):
        step(block, [0, 0, 0])


def level_seen(block: GymnasiumBlock) -> list[float]:
    return buffers_of(block)["observations"][:, 1].tolist()


def test_values_set_for_the_next_reset() -> None:
    block = block_of(lambda: gymnasium.wrappers.TimeLimit(Walk(longest=2), 100))
    block.set("level", 7.0, [0, 2], "reset")
    block.reset(0)
    assert level_seen(block) == [7, 0, 7]
    block.set("level", 8.0, [1], "reset")
    for _ in range(6):
        before = level_seen(block)
        buffers = step(block, [1, 1, 1])
        if buffers["truncations"][1]:
            break
        assert level_seen(block)[1] == 0
    assert before[1] == 0 and level_seen(block) == [7, 8, 7]
    assert buffers["final_observations"][1][1] == 0, "the episode that ended did not see it"


def test_values_set_for_the_next_step() -> None:
    block = block_of(lambda: Walk(longest=100))
    block.set("level", 7.0, [1], "step")
    block.reset(0)
    assert level_seen(block) == [0, 0, 0]
    step(block, [1, 1, 1])
    assert level_seen(block) == [0, 7, 0]
    block.set("level", 1.0, [0, 1, 2], "step")
    block.set("level", 2.0, [2], "step")
    step(block, [1, 1, 1])
    assert level_seen(block) == [1, 1, 2]


def test_a_wrapper_around_the_environment_may_have_the_value() -> None:
    block = block_of(lambda: gymnasium.wrappers.TimeLimit(Walk(longest=100), 100))
    block.set("_max_episode_steps", 2, [1], "step")
    block.reset(0)
    step(block, [0, 0, 0])
    assert step(block, [0, 0, 0])["truncations"].tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("key", "when", "error", "complaint"),
    [
        ("levle", "reset", AttributeError, "Walk has no attribute 'levle' to set. Did you mean 'level'?"),
        ("step", "reset", AttributeError, "'step' of .* is a method or read-only"),
        ("unwrapped", "step", AttributeError, "'unwrapped' of .* is a method or read-only"),
        ("level", "now", ValueError, "when must be 'reset' or 'step', got 'now'"),
    ],
)
def test_what_cannot_be_set_changes_nothing(key: str, when: Any, error: type[Exception], complaint: str) -> None:
    block = block_of(lambda: gymnasium.wrappers.OrderEnforcing(Walk()))
    with pytest.raises(error, match=complaint):
        block.set(key, 3.0, [0, 1], when)
    block.reset(0)
    step(block, [0, 0, 0])
    assert level_seen(block) == [0, 0, 0]


def test_one_environment_without_the_attribute_is_enough_to_refuse() -> None:
    block = block_of(walk)
    block.envs[1].extra = 0
    with pytest.raises(AttributeError, match="'extra'"):
        block.set("extra", 1, [1, 0], "step")
    block.reset(0)
    step(block, [0, 0, 0])
    assert block.envs[1].extra == 0


def test_rendering() -> None:
    block = block_of(lambda: Walk(render_mode="rgb_array"))
    block.reset(0)
    step(block, [0, 1, 2])
    frames = [block.render(i) for i in range(3)]
    np.testing.assert_array_equal([frame[0, 0, 0] for frame in frames], buffers_of(block)["observations"][:, 0] + 3)
    assert block_of(gymnasium_factory("CartPole-v1")).render(0) is None


def test_the_environments_own_exceptions_come_through() -> None:
    block = block_of(lambda: Broken("step"))
    block.reset(0)
    with pytest.raises(OSError, match=r"^broken in step$"):
        for _ in range(3):
            step(block, [1, 1, 1])
    with pytest.raises(OSError, match=r"^broken in reset$"):
        block_of(lambda: Broken("reset"))
    with pytest.raises(OSError, match=r"^broken in init$"):
        block_of(lambda: Broken("init"))


def test_close_closes_all_and_then_raises() -> None:
    block = block_of(lambda: Broken("close"))
    envs = list(block.envs)
    with pytest.raises(OSError, match="broken in close"):
        block.close()
    block.close()
    assert [env.closed for env in envs] == [1, 1, 1]


def test_environments_already_made_are_closed_where_one_cannot_be() -> None:
    made: list[Walk] = []

    def third_fails() -> Walk:
        if len(made) == 2:
            raise OSError("no more")
        made.append(Walk())
        return made[-1]

    with pytest.raises(OSError, match="no more"):
        GymnasiumBlock(third_fails, 3, 0, 0)
    assert [env.closed for env in made] == [1, 1]


def test_rewards_and_observations_that_are_not_finite_pass_through() -> None:
    class Wild(Walk):
        def step(self, action: Any) -> Any:
            _, _, *rest = super().step(action)
            return np.full(3, np.nan, np.float32), float("inf"), *rest

    block = block_of(lambda: Wild(longest=1))
    block.reset(0)
    buffers = step(block, [0, 0, 0])
    assert np.isnan(buffers["final_observations"]).all() and np.isinf(buffers["rewards"]).all()


def test_an_observation_of_another_shape_is_an_error() -> None:
    class Wrong(Walk):
        def _observe(self) -> Any:
            return super()._observe()[:1]

    with pytest.raises(ValueError, match=r"the observation has shape \(1,\): its space requires shape \(3,\)"):
        block_of(Wrong).reset(0)


def test_unfit_environments_are_refused() -> None:
    lengths = iter([2, 3, 2])
    with pytest.raises(ValueError, match=r"same observation_space: environment 2 has Box.*, environment 3 Box"):
        block_of(lambda: Sampler(spaces.Box(0, 1, (next(lengths),))))
    choices = iter([2, 2, 3])
    with pytest.raises(ValueError, match=r"same action_space: environment 2 has .*, environment 4 Discrete"):
        block_of(lambda: Sampler(spaces.Box(0, 1, (2,)), spaces.Discrete(next(choices))))
    one = Walk()
    with pytest.raises(ValueError, match="returned the same environment twice"):
        block_of(lambda: one)
    with pytest.raises(TypeError, match=r"must return a gymnasium.Env, got a builtins.int"):
        block_of(lambda: 3)


def test_a_factory_makes_the_environment_without_checking_wrappers() -> None:
    env = gymnasium_factory("CartPole-v1", max_episode_steps=7)()
    assert isinstance(env, gymnasium.wrappers.TimeLimit) and env._max_episode_steps == 7
    assert env.env is env.unwrapped
    checked = gymnasium_factory("CartPole-v1", disable_env_checker=False)()
    assert isinstance(checked.env, gymnasium.wrappers.PassiveEnvChecker)


def test_a_factory_can_be_pickled_and_needs_no_registration_elsewhere() -> None:
    class Local(Walk):
        pass

    gymnasium.register("LocalWalk-v0", Local, max_episode_steps=3)
    try:
        sent = cloudpickle.dumps(gymnasium_factory("LocalWalk-v0", level=4.0))
    finally:
        del gymnasium.registry["LocalWalk-v0"]
    env = cloudpickle.loads(sent)()
    assert type(env.unwrapped).__name__ == "Local" and env.unwrapped.level == 4.0
    assert pickle.loads(pickle.dumps(gymnasium_factory("CartPole-v1")))().unwrapped.spec.id == "CartPole-v1"


def test_ids_that_need_a_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    (tmp_path / "my_registration.py").write_text(
        "import gymnasium\ngymnasium.register('Mine-v0', 'tests.vector.sample_envs:Walk')\n"
    )
    (tmp_path / "my_dependent.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        assert isinstance(gymnasium_factory("my_registration:Mine-v0")().unwrapped, Walk)
    finally:
        del gymnasium.registry["Mine-v0"]
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_package'$"):
        gymnasium_factory("my_dependent:Mine-v0")
    with pytest.raises(ImportError, match=r"needs the module 'no_such_thing', .*: pip install no_such_thing$"):
        gymnasium_factory("no_such_thing:Mine-v0")


@pytest.mark.parametrize(
    ("env_id", "complaint"),
    [
        ("CartPol-v1", "Did you mean: `CartPole`"),
        ("CartPole-v7", "It provides versioned"),
        ("CartPole", "Give its version: .*CartPole-v1"),
        ("nowhere/Thing-v0", "nowhere"),
        ("not an id", "not an id"),
        ("", "Gymnasium has no environment ''"),
    ],
)
def test_unknown_ids(env_id: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        gymnasium_factory(env_id)


def test_a_missing_dependency_is_told_with_its_pip_line() -> None:
    def needy(**_: Any) -> Any:
        raise gymnasium.error.DependencyNotInstalled('Box2D is missing, run `pip install "gymnasium[box2d]"`.')

    def silent(**_: Any) -> Any:
        raise gymnasium.error.DependencyNotInstalled("something is missing")

    gymnasium.register("Needy-v0", needy)
    gymnasium.register("Silent-v0", silent)
    try:
        with pytest.raises(ImportError, match=r'Needy-v0 needs .* `pip install "gymnasium\[box2d\]"`$'):
            gymnasium_factory("Needy-v0")()
        with pytest.raises(ImportError, match=r'Silent-v0 needs .*missing.* Try: pip install "gymnasium\[all\]"$'):
            gymnasium_factory("Silent-v0")()
    finally:
        del gymnasium.registry["Needy-v0"], gymnasium.registry["Silent-v0"]
