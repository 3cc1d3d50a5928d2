"""Stable-Baselines3 over native environments: its own check, its bookkeeping, its algorithms."""

from __future__ import annotations

import sys
from typing import Any

import gymnasium
import numpy as np
import pytest

import puffer_envs

pytest.importorskip("stable_baselines3")
from stable_baselines3 import DQN
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor, VecNormalize

from puffer_envs.adapters.registration import gymnasium_id
from puffer_envs.adapters.to_stable_baselines3 import make_vec_env

CASES: list[tuple[str, dict[str, Any]]] = [
    ("breakout", {"max_frames": 200}),
    ("cartpole", {"max_steps": 20}),
    ("cartpole", {"continuous": True}),
    ("pong", {"max_steps": 40}),
    ("snake", {"num_snakes": 3, "max_steps": 40}),
    ("squared", {}),
]


@pytest.mark.parametrize(("name", "settings"), [case for case in CASES if case[0] != "snake"] + [("snake", {})])
# Advice on how well a policy will learn from a small map, which is neither an image nor a list of numbers.
@pytest.mark.filterwarnings("ignore:Your observation  has an unconventional shape:UserWarning")
def test_the_checker_has_no_objection(name: str, settings: dict[str, Any]) -> None:
    env = gymnasium.make(gymnasium_id(puffer_envs.spec(name)), **settings)
    check_env(env)
    env.close()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_results_are_the_native_ones(name: str, settings: dict[str, Any]) -> None:
    envs = make_vec_env(name, 4, seed=8, **settings)
    native = puffer_envs.make(name, 4, seed=8, **envs.environment.settings)
    assert envs.num_envs == native.num_agents
    envs.action_space.seed(0)
    assert np.array_equal(envs.reset(), native.reset())
    returns, lengths, ends = np.zeros(envs.num_envs), np.zeros(envs.num_envs, int), 0
    for _ in range(120):
        actions = np.stack([envs.action_space.sample() for _ in range(envs.num_envs)])
        observations, rewards, dones, infos = envs.step(actions)
        native.step(actions)
        assert np.array_equal(observations, native.observations) and np.array_equal(rewards, native.rewards)
        assert np.array_equal(dones, native.terminals | native.truncations)
        returns += rewards
        lengths += 1
        assert len(infos) == envs.num_envs
        for row, info in enumerate(infos):
            if not dones[row]:
                assert info == {}
                continue
            assert np.array_equal(info["terminal_observation"], native.final_observations[row])
            assert info["TimeLimit.truncated"] is bool(native.truncations[row])
            episode = info["episode"]
            assert (episode["r"], episode["l"]) == (pytest.approx(returns[row]), lengths[row])
            assert episode["t"] > 0
            returns[row], lengths[row], ends = 0, 0, ends + 1
    assert ends >= envs.num_envs
    envs.close()


def test_what_was_returned_stays_as_it_is() -> None:
    envs = make_vec_env("cartpole", 3, seed=0)
    kept = [envs.reset(), *envs.step(np.zeros(3, int))[:3]]
    before = [array.copy() for array in kept]
    kept[2] += 0  # rewards may be added to
    for _ in range(30):
        envs.step(np.ones(3, int))
    assert all(np.array_equal(*pair) for pair in zip(kept, before, strict=True))


def test_every_row_has_an_info_of_its_own() -> None:
    envs = make_vec_env("cartpole", 3, seed=0)
    envs.reset()
    *_, infos = envs.step(np.zeros(3, int))
    infos[0]["mine"] = 1
    assert infos[1:] == [{}, {}]


def test_seeds() -> None:
    envs = make_vec_env("cartpole", 2, seed=5)
    first, second = envs.reset(), envs.reset()
    assert not np.array_equal(first, second)
    assert envs.seed(5) == [5, 5]
    assert np.array_equal(envs.reset(), first)
    assert np.array_equal(envs.reset(), second)
    assert not np.array_equal(make_vec_env("cartpole").reset(), make_vec_env("cartpole").reset())
    envs.seed()
    assert not np.array_equal(envs.reset(), first)


def test_threads_change_nothing() -> None:
    one, many = make_vec_env("breakout", 64, seed=2), make_vec_env("breakout", 64, seed=2, threads=4)
    assert np.array_equal(one.reset(), many.reset())
    for step in range(30):
        actions = np.full(64, step % 3)
        assert np.array_equal(one.step(actions)[0], many.step(actions)[0])


def test_attributes_and_methods() -> None:
    envs = make_vec_env("snake", 2, seed=0, num_snakes=3)
    envs.reset()
    assert envs.get_attr("agents") == [3] * 6
    assert envs.get_attr("render_mode", indices=1) == [None]
    assert envs.has_attr("settings") and not envs.has_attr("no_such_thing")
    assert envs.env_method("state_hash", indices=[0, 3]) == [envs.environment.state_hash(i) for i in (0, 1)]
    with pytest.raises(AttributeError, match="log, state, state_hash"):
        envs.env_method("reset")
    with pytest.raises(AttributeError, match="settings to make_vec_env"):
        envs.set_attr("max_steps", 3)
    assert envs.env_is_wrapped(Monitor, indices=[0, 1]) == [True, True]
    assert envs.env_is_wrapped(gymnasium.wrappers.TimeLimit, indices=0) == [False]


def test_their_wrappers_work() -> None:
    normalized = VecNormalize(make_vec_env("cartpole", 4, seed=0, max_steps=12))
    with pytest.warns(UserWarning, match="already wrapped"):  # with all that a Monitor does
        envs = VecMonitor(normalized)
    envs.reset()
    seen = []
    for step in range(30):
        *_, infos = envs.step(np.full(4, step // 2 % 2))
        seen += [info["episode"]["l"] for info in infos if "episode" in info]
    assert seen and max(seen) == 12


def test_an_algorithm_with_a_replay_memory_runs() -> None:
    envs = make_vec_env("cartpole", 4)
    model = DQN("MlpPolicy", envs, seed=1, learning_starts=100, buffer_size=2000, train_freq=8, device="cpu")
    model.learn(600)
    assert len(model.ep_info_buffer) > 5
    # Without a Monitor, evaluate_policy would warn.
    mean, _ = evaluate_policy(model, make_vec_env("cartpole", 4, seed=9), n_eval_episodes=8)
    assert mean > 5


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no setting 'size'"):
        make_vec_env("cartpole", size=3)
    envs = make_vec_env("cartpole", 2)
    envs.reset()
    with pytest.raises(ValueError, match="environment 1"):
        envs.step(np.array([0, 2]))
    envs.close()
    envs.close()


def test_stable_baselines3_missing_names_the_line_that_fixes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.monitor", None)
    monkeypatch.delitem(sys.modules, "puffer_envs.adapters.to_stable_baselines3")
    with pytest.raises(ImportError, match="pip install stable-baselines3"):
        import puffer_envs.adapters.to_stable_baselines3  # noqa: F401, PLC0415
