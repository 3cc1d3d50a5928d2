"""PettingZoo's parallel environments behind the contract: agents that come and go, and the package's own."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces

from puffer_envs.adapters.from_pettingzoo import PettingZooBlock, pettingzoo_factory
from puffer_envs.contract.logs import means
from puffer_envs.contract.observations import named_observations
from puffer_envs.contract.wrap import Wrap
from puffer_envs.vector.block import environment_seed
from puffer_envs.vector.layout import Buffers
from tests.vector.sample_envs import AGENTS, SCRIPT, Visitors, Walk, visitors

SEED = 5


def block_of(make_env: Callable[[], Any], num_envs: int = 1, seed: int = SEED, first: int = 0) -> PettingZooBlock:
    block = PettingZooBlock(make_env, num_envs, first, seed)
    layout = block.layout
    block.attach(layout.carve(np.full(layout.size(num_envs), 255, np.uint8), num_envs))
    return block


def buffers_of(block: PettingZooBlock) -> Buffers:
    return block._buffers


def step(block: PettingZooBlock, actions: Any) -> Buffers:
    buffers = buffers_of(block)
    for array in buffers.values():  # whatever is left from before must be overwritten
        array.view(np.uint8).fill(1 if array.dtype == np.bool_ else 255)
    buffers["actions"][:] = actions
    block.step()
    return buffers


def who(flags: Any) -> set[str]:
    return {agent for agent, flag in zip(AGENTS, flags, strict=True) if flag}


def test_agents_come_and_go() -> None:
    block = block_of(visitors)
    assert block.layout.agents == 4 and block.layout.padded and not block.layout.masked
    block.reset(0)
    buffers = buffers_of(block)
    assert who(buffers["agent_mask"]) == {"ada", "cyd"}
    np.testing.assert_array_equal(buffers["observations"], [[0, 0, 1], [0, 0, 0], [2, 0, 1], [0, 0, 0]])

    step(block, [1, 2, 3, 0])  # bob comes
    assert who(buffers["agent_mask"]) == {"ada", "bob", "cyd"}
    assert not buffers["terminals"].any() and not buffers["truncations"].any()
    np.testing.assert_array_equal(buffers["observations"], [[0, 1, 1], [1, 1, 1], [2, 1, 1], [0, 0, 0]])
    np.testing.assert_array_equal(buffers["rewards"], np.float32([0.1, 0, 2.3, 0]))

    step(block, [1, 1, 1, 1])  # ada is terminated
    assert who(buffers["agent_mask"]) == {"bob", "cyd"} and who(buffers["terminals"]) == {"ada"}
    np.testing.assert_array_equal(buffers["final_observations"][0], [0, 2, 1])
    np.testing.assert_array_equal(buffers["observations"], [[0, 0, 0], [1, 2, 1], [2, 2, 1], [0, 0, 0]])
    np.testing.assert_array_equal(buffers["rewards"], np.float32([0.1, 1.1, 2.1, 0]))

    step(block, [3, 1, 1, 1])  # cyd vanishes, bob is truncated, dan comes
    assert who(buffers["agent_mask"]) == {"dan"}
    assert not buffers["terminals"].any() and who(buffers["truncations"]) == {"bob", "cyd"}
    np.testing.assert_array_equal(buffers["final_observations"][1], [1, 3, 1])
    np.testing.assert_array_equal(buffers["final_observations"][2], [2, 2, 1])  # the last one cyd was given
    np.testing.assert_array_equal(buffers["observations"], [[0, 0, 0]] * 3 + [[3, 3, 1]])
    np.testing.assert_array_equal(buffers["rewards"], np.float32([0, 1.1, 0, 0]))

    step(block, [0, 0, 0, 2])  # dan has both flags, nobody is left, and the next episode begins
    assert who(buffers["terminals"]) == {"dan"} and not buffers["truncations"].any()
    np.testing.assert_array_equal(buffers["final_observations"][3], [3, 4, 1])
    assert who(buffers["agent_mask"]) == {"ada", "cyd"}
    np.testing.assert_array_equal(buffers["observations"], [[0, 0, 2], [0, 0, 0], [2, 0, 2], [0, 0, 0]])
    np.testing.assert_array_equal(buffers["rewards"], np.float32([0, 0, 0, 3.2]))

    given = block.envs[0].given
    assert given == [{"ada": 1, "cyd": 3}, {"ada": 1, "bob": 1, "cyd": 1}, {"bob": 1, "cyd": 1}, {"dan": 2}]

    log = block.log(0)
    returns = [0.2, 1.1 + 1.1, 2.3 + 2.1, 3.2]
    assert log["n"] == 4
    assert log["episode_length"] == 2 + 2 + 3 + 1  # of ada, bob, cyd and dan, from when each came
    assert log["episode_return"] == pytest.approx(sum(returns))
    assert log["score"] == log["episode_return"]
    assert log["time"] == 2 + 3 + 4  # the last infos of those who were given one
    assert block.log(None) == {}


def test_every_episode_is_the_same_but_for_its_number() -> None:
    block = block_of(visitors, 2)
    block.reset(0)
    for moment in range(3 * (len(SCRIPT) - 1)):
        buffers = step(block, [1] * 8)
        assert who(buffers["agent_mask"][:4]) == who(buffers["agent_mask"][4:])
        assert set(buffers["observations"][:, 2]) - {0} == {1 + (moment + 1) // 4}
    assert block.log(1)["n"] == 12
    assert block.log(None)["n"] == 12


def test_a_reset_in_the_middle_forgets_the_agents_that_were_there() -> None:
    block = block_of(visitors)
    block.reset(0)
    step(block, [0] * 4)
    block.reset(None)
    buffers = buffers_of(block)
    assert who(buffers["agent_mask"]) == {"ada", "cyd"}
    assert not buffers["observations"][[1, 3]].any() and not buffers["rewards"].any()
    for _ in range(4):
        step(block, [0] * 4)
    assert block.log(None)["n"] == 4


@pytest.mark.parametrize("masks", ["info", "beside"])
def test_action_masks(masks: str) -> None:
    block = block_of(lambda: visitors(masks))
    assert block.layout.masked and block.layout.single_observation_space.shape == (3,)
    block.reset(0)
    for _ in range(6):
        buffers, env = buffers_of(block), block.envs[0]
        for row, agent in enumerate(AGENTS):
            expected = env.mask(agent) if agent in env.agents else np.ones(4)
            np.testing.assert_array_equal(buffers["action_masks"][row], expected)
            assert buffers["agent_mask"][row] == (agent in env.agents)
        step(block, [0] * 4)


def test_an_agent_that_is_finished_but_still_listed_does_not_return() -> None:
    class Lingering(Visitors):
        def step(self, actions: dict[str, Any]) -> Any:
            self.agents = list(actions)  # only those who live act
            _, *rest = super().step(actions)
            self.agents = ["ada", "cyd"]
            return {agent: self.seen(agent) for agent in self.agents}, *rest

    script = [{"ada": "", "cyd": ""}, {"ada": "terminated", "cyd": ""}, {"ada": "", "cyd": ""}, {"cyd": "truncated"}]
    block = block_of(lambda: Lingering(script, AGENTS))
    block.reset(0)
    for _ in range(2):
        buffers = step(block, [0] * 4)
        assert who(buffers["agent_mask"]) == {"cyd"} and not buffers["observations"][0].any()
    step(block, [0] * 4)
    assert who(buffers["truncations"]) == {"cyd"} and who(buffers["agent_mask"]) == {"ada", "cyd"}


def test_values_set_from_outside() -> None:
    block = block_of(visitors, 2)
    block.set("level", 3, [1], "reset")
    assert [env.level for env in block.envs] == [0, 0]
    block.reset(0)
    assert [env.level for env in block.envs] == [0, 3]
    block.set("level", 4, [0], "step")
    step(block, [0] * 8)
    assert [env.level for env in block.envs] == [4, 3]
    with pytest.raises(AttributeError, match="Visitors has no attribute 'lvl' to set"):
        block.set("lvl", 4, [0], "step")


def test_values_are_set_behind_pettingzoos_wrappers() -> None:
    parallel = pytest.importorskip("pettingzoo.utils").BaseParallelWrapper
    block = block_of(lambda: parallel(visitors()))
    block.set("level", 3, [0], "step")
    block.reset(0)
    step(block, [0] * 4)
    assert block.envs[0].unwrapped.level == 3


def test_values_are_set_behind_pettingzoos_conversions() -> None:
    rps = pytest.importorskip("pettingzoo.classic.rps.rps")
    block = block_of(lambda: rps.parallel_env(max_cycles=9, render_mode="ansi"))
    block.reset(0)
    block.set("max_cycles", 2, [0], "step")
    step(block, [0, 1])
    assert step(block, [0, 1])["truncations"].all()


def test_unfit_environments_are_refused() -> None:
    class OddActions(Visitors):
        def action_space(self, agent: str) -> Any:
            return spaces.Box(0, 1, (3,)) if agent == "bob" else spaces.Discrete(4)

    class Stranger(Visitors):
        def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            result = super().reset(seed, options)
            self.agents.append("eve")
            return result

    with pytest.raises(ValueError, match=r"'bob' has continuous actions and 'ada' discrete ones"):
        block_of(lambda: OddActions(SCRIPT, AGENTS))
    agents = iter([AGENTS, AGENTS[:3]])
    with pytest.raises(ValueError, match="same possible_agents"):
        block_of(lambda: Visitors(SCRIPT, next(agents)), 2)
    with pytest.raises(ValueError, match="possible_agents is empty"):
        block_of(lambda: Visitors(SCRIPT, []))
    with pytest.raises(TypeError, match="must return a PettingZoo ParallelEnv, got a Walk, which has no possible_ag"):
        block_of(Walk)
    with pytest.raises(ValueError, match=r"'eve' is in env.agents, but not in env.possible_agents"):
        block_of(lambda: Stranger(SCRIPT, AGENTS)).reset(0)
    with pytest.raises(ValueError, match=r"reset\(\) left env.agents empty"):
        block_of(lambda: Visitors([{}], AGENTS)).reset(0)


def test_a_living_agent_without_an_observation_is_an_error() -> None:
    class Blind(Visitors):
        def _observations(self) -> Any:
            return {agent: self.seen(agent) for agent in self.agents if agent != "cyd"}

    with pytest.raises(ValueError, match=r"'cyd' is in env.agents, but got no observation"):
        block_of(lambda: Blind(SCRIPT, AGENTS)).reset(0)


OWN: dict[str, dict[str, Any]] = {
    "butterfly.pistonball_v6": {"n_pistons": 3, "max_cycles": 8, "continuous": False},
    "butterfly/cooperative_pong-v6": {"max_cycles": 8},
    "sisl.pursuit_v5": {"max_cycles": 8, "n_pursuers": 3},
    "sisl.multiwalker_v9": {"max_cycles": 12},
    "pettingzoo.butterfly.knights_archers_zombies_v11": {"max_cycles": 30},
    "classic.rps_v2": {"max_cycles": 5},
}


def sample_actions(block: PettingZooBlock, rng: np.random.Generator) -> Any:
    space, shape = block.layout.single_action_space, buffers_of(block)["actions"].shape
    if isinstance(space, spaces.Box):
        return rng.uniform(space.low, space.high, shape).astype(np.float32)
    assert isinstance(space, spaces.Discrete)
    return rng.integers(0, space.n, shape, np.int32)


def as_row(block: PettingZooBlock, observation: Any) -> Any:
    """An array as it is, a Discrete observation as the bytes of its number."""
    if block.layout.observation_fields is None:
        return np.asarray(observation).astype(block.layout.single_observation_space.dtype)
    return np.array([observation, 0], np.int32).view(np.uint8)


@pytest.mark.filterwarnings("ignore:.*calling render method without")  # some render in every step anyway
@pytest.mark.parametrize("name", OWN)
def test_pettingzoos_own_environments_do_what_they_do_by_hand(name: str) -> None:
    pytest.importorskip("pettingzoo")
    if name == "sisl.multiwalker_v9":
        pytest.importorskip("Box2D")
    try:
        factory = pettingzoo_factory(name, **OWN[name])
    except ImportError as error:
        pytest.skip(str(error))
    block, hand = block_of(factory), factory()
    agents, rng, buffers = hand.possible_agents, np.random.default_rng(0), buffers_of(block)
    block.reset(SEED)
    seen, _ = hand.reset(seed=environment_seed(SEED, 0))
    ends = 0
    for _ in range(40):
        for row, agent in enumerate(agents):
            alive = agent in hand.agents
            assert buffers["agent_mask"][row] == alive
            np.testing.assert_array_equal(buffers["observations"][row], as_row(block, seen[agent]) if alive else 0)
        actions, before = sample_actions(block, rng), list(hand.agents)
        seen, rewards, terminations, truncations, _ = hand.step({a: actions[agents.index(a)] for a in before})
        step(block, actions)
        for row, agent in enumerate(agents):
            acted = agent in before
            ended = acted and (terminations[agent] or truncations[agent])
            assert buffers["rewards"][row] == (np.float32(rewards[agent]) if acted else 0)
            assert buffers["terminals"][row] == (acted and terminations[agent])
            assert buffers["truncations"][row] == (ended and not terminations[agent])
            if ended:
                ends += 1
                np.testing.assert_array_equal(buffers["final_observations"][row], as_row(block, seen[agent]))
        if not hand.agents:
            seen, _ = hand.reset()
    assert ends >= len(agents)
    assert block.log(None)["n"] == ends
    block.close()
    hand.close()


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "butterfly.pistonbal_v6",
            r"there is no PettingZoo environment or module 'butterfly.pistonbal_v6'.*'butterfly/pistonball-v6'",
        ),
        ("butterfly.pistonball_v1", r"Did you mean 'butterfly/pistonball-v6'"),
        ("nothing", r"there is no PettingZoo environment or module 'nothing'"),
        ("", r"there is no PettingZoo environment or module ''"),
        (".", r"there is no PettingZoo environment or module '.'"),
        ("json", r"the module 'json' has neither parallel_env nor env"),
    ],
)
def test_unknown_names(name: str, complaint: str) -> None:
    pytest.importorskip("pettingzoo", minversion="1.27")
    with pytest.raises(ValueError, match=complaint):
        pettingzoo_factory(name)


def test_environments_of_other_packages_and_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    pytest.importorskip("pettingzoo")
    (tmp_path / "their_zoo.py").write_text("from tests.vector.sample_envs import visitors as parallel_env\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("their_zoo", "their_zoo:parallel_env", "tests.vector.sample_envs:visitors"):
        factory = pickle.loads(pickle.dumps(pettingzoo_factory(name, masks="info")))
        assert isinstance(factory(), Visitors) and factory().masks == "info"
    with pytest.raises(ValueError, match="Did you mean 'visitors'"):
        pettingzoo_factory("tests.vector.sample_envs:visitor")


def test_missing_packages_are_told_with_their_pip_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    pytest.importorskip("pettingzoo", minversion="1.27")
    (tmp_path / "needy_zoo.py").write_text("import no_such_package.part\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError, match=r"'needy_zoo' needs more packages .*: pip install no_such_package$"):
        pettingzoo_factory("needy_zoo")
    for module in ("pymunk", "pettingzoo.butterfly.pistonball.pistonball"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    with pytest.raises(ImportError, match=r'needs more packages .*: pip install "pettingzoo\[butterfly\]"$'):
        pettingzoo_factory("butterfly.pistonball_v6")
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    with pytest.raises(ImportError, match=r"'butterfly.pistonball_v6' needs PettingZoo .*: pip install pettingzoo$"):
        pettingzoo_factory("butterfly.pistonball_v6")


def test_agents_that_move_in_turn() -> None:
    tictactoe = pytest.importorskip("pettingzoo.classic.tictactoe.tictactoe")
    block = block_of(tictactoe.env)
    block.reset(0)
    buffers = buffers_of(block)
    waits = [True] + [False] * 8
    assert buffers["action_masks"].tolist() == [[True] * 9, waits], "player 1 begins"
    for turn, cell in enumerate([0, 3, 1, 4]):
        step(block, [cell if turn % 2 == row else 0 for row in range(2)])
        assert not buffers["rewards"].any() and buffers["agent_mask"].all()
    assert buffers["action_masks"][0].tolist() == [False, False, True, False, False, True, True, True, True]
    assert buffers["action_masks"][1].tolist() == waits
    step(block, [2, 0])  # three in a row
    assert buffers["rewards"].tolist() == [1, -1] and buffers["terminals"].all()
    assert buffers["final_observations"][0, 0].any(axis=-1).all(), "what the winner saw last"
    assert buffers["observations"].sum() == 0, "an empty board"
    assert block.log(None)["n"] == 2


def test_turns_need_discrete_actions() -> None:
    class Turning(Visitors):
        def agent_iter(self) -> None:
            """Marks an environment whose agents take turns."""

        def action_space(self, agent: str) -> Any:
            return spaces.Box(0, 1)

    with pytest.raises(ValueError, match=r"agents take turns, and the actions of 'ada' are Box.*must be discrete"):
        block_of(lambda: Turning(SCRIPT, AGENTS))


class Mixed(Visitors):
    """Bob and dan see two kinds of things more and have fewer actions."""

    def observation_space(self, agent: str) -> Any:
        return spaces.Box(0, 100, (5,), np.float32) if agent in ("bob", "dan") else self._observation_space

    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(2) if agent in ("bob", "dan") else self._action_space

    def seen(self, agent: str) -> Any:
        seen = super().seen(agent)
        return np.append(seen, [8, 9]).astype(np.float32) if agent in ("bob", "dan") else seen

    def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
        assert all(self.action_space(agent).contains(action) for agent, action in actions.items())
        return super().step(actions)


def test_agents_of_different_spaces_are_padded() -> None:
    block = block_of(lambda: Mixed(SCRIPT, AGENTS), 2)
    fields = block.layout.observation_fields
    assert (
        fields is not None
        and block.layout.masked
        and str(block.layout.single_action_space) == "Discrete(4, dtype=int32)"
    )
    assert {field.name: field.shape for field in fields} == {"ada": (3,), "bob": (5,), "kind": ()}
    block.reset(0)
    for _ in range(3):
        buffers = step(block, [1, 3, 1, 3] * 2)  # three is beyond bob's choices: the nearest one counts
        named = named_observations(buffers["observations"], fields)
        for row in np.flatnonzero(buffers["agent_mask"]).tolist():
            agent, env = AGENTS[row % 4], block.envs[row // 4]
            kind = int(agent in ("bob", "dan"))
            assert named["kind"][row] == kind
            np.testing.assert_array_equal(named["bob" if kind else "ada"][row], env.seen(agent))
            assert not named["ada" if kind else "bob"][row].any()
            assert buffers["action_masks"][row].tolist() == [True, True, not kind, not kind]
    assert block.envs[1].given[1] == {"ada": 1, "cyd": 1, "bob": 1}
    log = means(block.log(0))
    assert (log["n"], log["ada.n"], log["bob.n"]) == (3, 2, 1)
    assert log["bob.score"] == pytest.approx(2.2) and log["ada.score"] == pytest.approx((0.2 + 4.2) / 2)


def test_continuous_actions_of_different_sizes() -> None:
    class Boxes(Visitors):
        def action_space(self, agent: str) -> Any:
            return spaces.Box(-2, 2, (2,)) if agent == "ada" else spaces.Box(-1, 3, (1,))

        def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
            assert all(self.action_space(agent).contains(action) for agent, action in actions.items())
            self.taken = actions
            return super().step(dict.fromkeys(actions, 0))

    block = block_of(lambda: Boxes(SCRIPT, AGENTS))
    space = block.layout.single_action_space
    assert isinstance(space, spaces.Box) and not block.layout.masked
    assert (space.low.tolist(), space.high.tolist()) == ([-2, -2], [3, 2])
    block.reset(0)
    step(block, [[3, 1]] * 2 + [[-2, 1]] * 2)
    taken = {agent: action.tolist() for agent, action in block.envs[0].taken.items()}
    assert taken == {"ada": [2, 1], "cyd": [-1]}


def test_an_agent_that_comes_back_acts_again() -> None:
    script = [
        {"ada": "", "bob": ""},
        {"ada": "", "bob": "terminated"},
        {"ada": ""},
        {"ada": "", "bob": ""},
        {"ada": "", "bob": ""},
        {"ada": "terminated", "bob": "truncated"},
    ]
    block = block_of(lambda: Visitors(script, AGENTS))
    block.reset(0)
    seen = []
    for _ in range(4):
        buffers = step(block, [1, 1, 1, 1])
        seen.append((who(buffers["agent_mask"]), who(buffers["terminals"]), float(buffers["rewards"][1])))
    assert [there for there, _, _ in seen] == [{"ada"}, {"ada"}, {"ada", "bob"}, {"ada", "bob"}]
    assert seen[0][1:] == ({"bob"}, np.float32(1.1)) and seen[3][2] == np.float32(1.1)
    assert buffers["observations"][1].tolist() == [1, 4, 1]
    step(block, [1, 1, 1, 1])
    assert who(buffers["truncations"]) == {"bob"} and block.log(None)["n"] == 3


def test_rewards_of_agents_are_numbers() -> None:
    class Generous(Visitors):
        def step(self, actions: dict[str, Any]) -> tuple[Any, ...]:
            observations, rewards, *rest = super().step(actions)
            return observations, rewards | {"cyd": None}, *rest

    block = block_of(lambda: Generous(SCRIPT, AGENTS), first=3)
    block.reset(0)
    with pytest.raises(ValueError, match="environment 3, agent 'cyd': the reward is None: it must be a single number"):
        step(block, [0, 0, 0, 0])


def test_words_for_single_agents_are_refused() -> None:
    with pytest.raises(ValueError, match=r"wrap.frameskip is for environments with one agent"):
        PettingZooBlock(visitors, 1, 0, 0, Wrap.of({"frameskip": 2}))


def test_stacks_start_with_each_agent() -> None:
    block = PettingZooBlock(visitors, 1, 0, SEED, Wrap.of({"stack": 2}))
    block.attach(block.layout.carve(np.zeros(block.layout.size(1), np.uint8), 1))
    block.reset(0)
    step(block, [0, 0, 0, 0])  # bob comes
    observations = buffers_of(block)["observations"]
    assert observations[:3].tolist() == [[0, 0, 1, 0, 1, 1], [1, 1, 1, 1, 1, 1], [2, 0, 1, 2, 1, 1]]
