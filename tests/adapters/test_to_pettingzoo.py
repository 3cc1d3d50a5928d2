"""PettingZoo's parallel API over native environments: its own tests, and who is there when."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np
import pytest

import puffer_envs

pytest.importorskip("pettingzoo")
pytest.importorskip("pygame", reason="pettingzoo.test imports it")
with warnings.catch_warnings():  # pettingzoo.test imports a game in a way that PettingZoo calls deprecated
    warnings.simplefilter("ignore")
    from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from pettingzoo.utils.conversions import parallel_to_aec

from puffer_envs.adapters.to_pettingzoo import PufferParallelEnv, parallel_env

CASES: list[tuple[str, dict[str, Any]]] = [
    ("breakout", {}),
    ("cartpole", {"continuous": True}),
    ("pong", {}),
    ("snake", {}),
    ("snake", {"num_snakes": 3, "max_cycles": 7}),
    ("squared", {}),
]


def sample(env: PufferParallelEnv) -> dict[str, Any]:
    return {agent: env.action_space(agent).sample() for agent in env.agents}


# --- PettingZoo's own tests; a warning of theirs is an error ---


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_api_test_has_no_objection(name: str, settings: dict[str, Any]) -> None:
    parallel_api_test(parallel_env(name, **settings), num_cycles=400)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_seed_test_has_no_objection(name: str, settings: dict[str, Any]) -> None:
    parallel_seed_test(lambda: parallel_env(name, **settings), num_cycles=400)


def test_the_api_test_has_no_objection_to_agents_that_come_and_go(probe: str) -> None:
    parallel_api_test(parallel_env(probe), num_cycles=50)


# Snake's view of the map is a grid of numbers from -4 to 4, which the test takes for a picture.
@pytest.mark.filterwarnings("ignore:The observation contains negative numbers:UserWarning")
def test_agents_in_turn() -> None:
    api_test(parallel_to_aec(parallel_env("snake", num_snakes=4)), num_cycles=100)


# --- who is there when ---


def test_a_life_is_the_native_one() -> None:
    env, native = parallel_env("snake", num_snakes=6, width=12, height=12), None
    native = puffer_envs.make("snake", **env.environment.settings)
    observations, infos = env.reset(seed=3)
    native.reset(3)
    assert env.agents == env.possible_agents == [f"agent_{i}" for i in range(6)] == list(observations) == list(infos)
    for agent in env.agents:
        env.action_space(agent).seed(env.possible_agents.index(agent))
    cycles = 0
    while env.agents:
        there, actions = list(env.agents), sample(env)
        observations, rewards, terminations, truncations, infos = env.step(actions)
        native.step([actions.get(agent, 0) for agent in env.possible_agents])
        cycles += 1
        for part in (observations, rewards, terminations, truncations, infos):
            assert list(part) == there
        for agent in there:
            row = env.possible_agents.index(agent)
            ended = bool(native.terminals[row] or native.truncations[row])
            seen = native.final_observations[row] if ended else native.observations[row]
            assert np.array_equal(observations[agent], seen)
            assert rewards[agent] == native.rewards[row]
            assert (terminations[agent], truncations[agent]) == (native.terminals[row], native.truncations[row])
            assert (agent in env.agents) != ended
    assert cycles > 5
    with pytest.raises(RuntimeError, match=r"Call reset\(\)"):
        env.step({})
    observations, _ = env.reset()
    assert len(env.agents) == 6
    assert np.array_equal(observations["agent_5"], native.reset()[5])


def test_max_cycles_truncates_who_is_left() -> None:
    env = parallel_env("snake", num_snakes=4, max_cycles=3)
    env.reset(seed=0)
    up = dict.fromkeys(env.agents, 0)
    for _ in range(2):
        *_, truncations, _ = env.step(up)
        assert not any(truncations.values()) and len(env.agents) == 4
    _, _, terminations, truncations, _ = env.step(up)
    assert all(truncations.values()) and not any(terminations.values()) and not env.agents
    assert np.array_equal(env.state(), env.environment.observations)


def test_the_state_keeps_what_the_departed_saw_last() -> None:
    env = parallel_env("snake", num_snakes=4, width=10, height=10)
    observations, _ = env.reset(seed=1)
    last = dict(observations)
    while env.agents:
        observations, *_ = env.step(sample(env))
        last |= observations
        assert env.state() in env.state_space
        assert np.array_equal(env.state(), np.stack([last[agent] for agent in env.possible_agents]))


def test_what_was_returned_stays_as_it_is() -> None:
    env = parallel_env("cartpole")
    seen = [env.reset(seed=0)[0]["agent_0"]] + [env.step({"agent_0": 0})[0]["agent_0"] for _ in range(5)]
    copies = [observation.copy() for observation in seen]
    env.step({"agent_0": 1})
    assert all(np.array_equal(*pair) for pair in zip(seen, copies, strict=True))


def test_masks_and_agents_that_come_and_go(probe: str) -> None:
    env = parallel_env(probe, max_steps=6)  # agent 1 is there in steps 1, 3, 5, agent 2 in steps 2, 3, 6
    _, infos = env.reset(seed=0)
    assert env.agents == ["agent_0"] == list(infos)
    there = []
    for step in range(1, 7):
        observations, *_, truncations, infos = env.step({agent: [1, 1] for agent in env.agents})
        assert infos["agent_0"]["action_mask"].tolist() == env.environment.action_masks[0].tolist()
        assert observations.keys() == truncations.keys() == infos.keys()
        assert truncations["agent_0"] == (step == 6)
        there.append((len(observations), sum(truncations.values()), len(env.agents)))
    # (got something, left, stay): 1 comes; 1 goes and 2 comes; all stay; 2 goes; ...; the end
    assert there == [(2, 0, 2), (3, 1, 2), (2, 0, 2), (2, 1, 1), (1, 0, 1), (1, 1, 0)]


def test_spaces_are_seeded_apart() -> None:
    env = parallel_env("snake", num_snakes=2)
    a, b = (env.action_space(agent) for agent in env.possible_agents)
    assert a is env.action_space("agent_0") and a is not b
    a.seed(1)
    b.seed(2)
    assert [a.sample() for _ in range(20)] != [b.sample() for _ in range(20)]


def test_without_a_seed_runs_differ() -> None:
    first = [parallel_env("cartpole").reset()[0]["agent_0"].tolist() for _ in range(2)]
    assert first[0] != first[1]


# --- what a person can do wrong ---


@pytest.mark.parametrize("actions", [{}, {"agent_0": 0}, {"agent_0": 0, "agent_1": 0, "agent_2": 0}])
def test_actions_of_the_wrong_agents_are_refused(actions: dict[str, int]) -> None:
    env = parallel_env("snake", num_snakes=2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match="agent_0, agent_1, got"):
        env.step(actions)


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no setting 'num_envs'"):
        parallel_env("snake", num_envs=2)
    with pytest.raises(ValueError, match="max_cycles must be at least 1"):
        parallel_env("snake", max_cycles=0)
    env = parallel_env("cartpole")
    with pytest.raises(RuntimeError, match=r"Call reset\(\)"):
        env.step({"agent_0": 0})
    env.close()
    env.close()


def test_pettingzoo_missing_names_the_line_that_fixes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pettingzoo", None)
    monkeypatch.delitem(sys.modules, "puffer_envs.adapters.to_pettingzoo")
    with pytest.raises(ImportError, match="pip install pettingzoo"):
        import puffer_envs.adapters.to_pettingzoo  # noqa: F401, PLC0415
