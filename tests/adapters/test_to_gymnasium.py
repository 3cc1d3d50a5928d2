"""gymnasium.make("puffer/..."): what Gymnasium asks of an environment, and the trajectories of the native one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled, ResetNeeded
from gymnasium.utils.env_checker import check_env

import puffer_envs
from puffer_envs.adapters import registration, rendering
from puffer_envs.adapters.to_gymnasium import PufferEnv

CASES: list[tuple[str, dict[str, Any]]] = [
    ("acrobot", {"max_steps": 50}),
    ("asteroids", {"max_frames": 400}),
    ("backgammon", {}),
    ("bipedal_walker", {"max_steps": 50}),
    ("blackjack", {}),
    ("blobs", {"max_steps": 50}),
    ("blobs", {"continuous": True, "max_steps": 50}),
    ("boids", {"predators": 2}),
    ("breakout", {"max_frames": 400}),
    ("car_racing", {"max_steps": 50}),
    ("car_racing_pixels", {"max_steps": 50}),
    ("cards", {}),
    ("cartpole", {}),
    ("cartpole", {"continuous": True}),
    ("checkers", {"strength": 1}),
    ("chess", {"max_moves": 60}),
    ("cliff_walking", {"max_steps": 50}),
    ("connect4", {}),
    ("craftax_classic", {"max_steps": 50}),
    ("delve", {"num_levels": 2, "max_steps": 50}),
    ("drone", {"max_steps": 50}),
    ("enduro", {"day_frames": 200}),
    ("foundry", {"num_levels": 4, "max_steps": 50}),
    ("frozen_lake", {}),
    ("go", {"strength": 1}),
    ("gomoku", {}),
    ("hex", {}),
    ("lantern", {"num_levels": 16}),
    ("lunar_lander", {"max_steps": 50}),
    ("maze", {"num_levels": 10}),
    ("memory", {}),
    ("merge2048", {}),
    ("minatar_asterix", {}),
    ("minatar_breakout", {}),
    ("minatar_freeway", {"max_steps": 50}),
    ("minatar_seaquest", {"max_steps": 50}),
    ("minatar_space_invaders", {"all_actions": True}),
    ("mountain_car", {"max_steps": 50}),
    ("mountain_car_continuous", {"max_steps": 50}),
    ("othello", {}),
    ("pendulum", {"max_steps": 50}),
    ("pong", {"max_score": 1}),
    ("racer", {"num_tracks": 3, "max_steps": 100}),
    ("snake", {"max_steps": 50}),
    ("squared", {}),
    ("tanks", {}),
    ("taxi", {}),
    ("tower", {"num_levels": 16}),
]


BUILT_IN = puffer_envs.list_envs()  # before any test loads a library


def gymnasium_id(name: str) -> str:
    return registration.gymnasium_id(puffer_envs.spec(name))


def make(name: str, **keywords: Any) -> PufferEnv:
    env = gymnasium.make(gymnasium_id(name), **keywords).unwrapped
    assert isinstance(env, PufferEnv)
    return env


# --- Gymnasium's own checkers; a warning of theirs is an error ---


def test_the_cases_are_all_environments() -> None:
    assert {name for name, _ in CASES} == set(BUILT_IN)


@pytest.mark.filterwarnings("ignore:.*symmetric and normalized space")  # pendulum's torque is as in Gymnasium
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_checker_has_no_objection(name: str, settings: dict[str, Any]) -> None:
    env = make(name, **settings)
    assert env.spec is not None  # without which the checker leaves out determinism
    check_env(env, skip_render_check=True)  # with pictures: tests/render/test_renderer.py
    env.close()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_passive_checker_has_no_objection(name: str, settings: dict[str, Any]) -> None:
    env = gymnasium.make(gymnasium_id(name), disable_env_checker=False, **settings)
    env.action_space.seed(0)
    env.reset(seed=0)
    for _ in range(300):
        *_, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            env.reset()
    env.close()


def test_the_checker_has_no_objection_to_masks_and_several_actions(probe: str) -> None:
    env = make(probe)
    check_env(env, skip_render_check=True)
    env.close()


# --- trajectories ---


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_trajectories_are_the_native_ones(name: str, settings: dict[str, Any]) -> None:
    env = make(name, **settings)
    native = puffer_envs.make(name, **env.environment.settings)
    env.action_space.seed(1)
    observation, info = env.reset(seed=11)
    keys = set() if native.action_masks is None else {"action_mask"}
    assert np.array_equal(observation, native.reset(11)[0]) and set(info) == keys
    ends = 0
    for _ in range(700):
        action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(action)
        native.step(np.array([action]))
        assert (reward, terminated, truncated) == (native.rewards[0], native.terminals[0], native.truncations[0])
        if not (terminated or truncated):
            assert np.array_equal(observation, native.observations[0]) and set(info) == keys
            continue
        assert np.array_equal(observation, native.final_observations[0])
        assert info == {key: value for key, value in native.log().items() if key.rpartition(".")[2] != "n"}
        observation, info = env.reset()
        assert np.array_equal(observation, native.observations[0]) and set(info) == keys
        ends += 1
    assert ends >= 2
    env.close()


def test_number_of_the_environment_in_the_run() -> None:
    batch = puffer_envs.make("breakout", num_envs=3)
    batch.reset(5)
    for number in range(3):
        env = PufferEnv("breakout", first=number)
        assert np.array_equal(env.reset(seed=5)[0], batch.observations[number])


def test_a_time_limit_truncates_and_a_fall_terminates() -> None:
    env = make("cartpole", max_steps=5)
    env.reset(seed=0)
    flags = [env.step(step % 2)[2:4] for step in range(5)]
    assert flags == [(False, False)] * 4 + [(False, True)]
    env = make("cartpole")
    env.reset(seed=0)
    for _ in range(20):
        observation, reward, terminated, truncated, info = env.step(1)
        if terminated:
            break
    assert terminated and not truncated
    assert abs(observation[2]) > np.deg2rad(12)
    assert info["episode_return"] == info["episode_length"] and reward == 1.0


def test_nothing_moves_after_the_end_until_the_reset() -> None:
    env = make("cartpole", max_steps=1)
    with pytest.raises(ResetNeeded, match="not started"):
        env.step(0)
    env.reset(seed=0)
    env.step(0)
    before = env.environment.state_hash()
    with pytest.raises(ResetNeeded, match=r"over\. Call reset\(\)"):
        env.step(0)
    assert env.environment.state_hash() == before
    env.reset()
    env.step(0)


def test_a_reset_in_the_middle_begins_another_episode() -> None:
    env, native = make("cartpole"), puffer_envs.make("cartpole")
    first, _ = env.reset(seed=3)
    native.reset(3)
    env.step(0)
    native.step([0])
    again, _ = env.reset()
    assert not np.array_equal(first, again)
    assert np.array_equal(again, native.reset()[0])
    assert np.array_equal(env.reset(seed=3)[0], first)


def test_without_a_seed_runs_differ() -> None:
    first = [make("cartpole").reset()[0].tolist() for _ in range(3)]
    assert first[0] != first[1] != first[2]


def test_what_was_returned_stays_as_it_is() -> None:
    env = make("cartpole")
    seen = [env.reset(seed=0)[0]] + [env.step(0)[0] for _ in range(5)]
    copies = [observation.copy() for observation in seen]
    env.step(1)
    assert all(np.array_equal(*pair) for pair in zip(seen, copies, strict=True))


def test_masks_are_in_the_info_until_the_end(probe: str) -> None:
    env = make(probe, max_steps=3)
    _, info = env.reset(seed=0)
    for _ in range(2):
        assert info["action_mask"].dtype == np.int8
        assert info["action_mask"].tolist() == env.environment.action_masks[0].tolist()
        *_, info = env.step([0, 1])
    *_, truncated, info = env.step([0, 1])
    assert truncated and set(info) == {
        "perf",
        "score",
        "episode_return",
        "episode_length",
        "switches",
        "first.switches",
    }


# --- what a person can do wrong ---


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"name": "cartpole", "num_envs": 2}, "no setting 'num_envs'"),
        ({"name": "cartpole", "seed": 2}, "no setting 'seed'"),
        ({"name": "cartpol"}, "Did you mean 'cartpole'"),
        ({"name": "cartpole", "render_mode": "ansi"}, "render_mode must be 'human' or 'rgb_array' or None"),
        ({"name": "snake"}, "has 16 agents"),
    ],
)
def test_mistakes_are_named(keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PufferEnv(**keywords)


@pytest.mark.parametrize(("action", "message"), [(2, "2"), (0.5, "integer"), ([0], "shape")])
def test_a_wrong_action_is_refused(action: Any, message: str) -> None:
    env = make("cartpole")
    env.reset(seed=0)
    with pytest.raises((ValueError, TypeError), match=message):
        env.step(action)


def test_closing_twice_is_fine() -> None:
    env = make("cartpole")
    env.reset()
    env.close()
    env.close()


def test_render_without_a_mode_says_so() -> None:
    env = make("cartpole")
    env.reset()
    with pytest.warns(UserWarning, match="render_mode="):
        assert env.render() is None


def test_no_renderer_installed_names_the_line_that_fixes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "GROUP", "puffer.renderers.of.nobody")
    with pytest.raises(DependencyNotInstalled, match=r'pip install "puffer-envs\[render\]"'):
        make("cartpole", render_mode="rgb_array")


def test_pictures_need_no_raylib_and_windows_name_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "raylib", None)
    env = make("cartpole", render_mode="rgb_array")
    env.reset(seed=0)
    assert env.render().shape[2] == 3
    with pytest.raises(Exception, match=r'pip install "puffer-envs\[render\]"'):
        PufferEnv("cartpole", render_mode="human").reset(seed=0)


# --- registration ---


def test_names() -> None:
    assert gymnasium_id("breakout") == "puffer/Breakout-v1"
    renamed = dataclasses.replace(puffer_envs.spec("squared"), name="two_words", version=7)
    assert registration.gymnasium_id(renamed) == "puffer/TwoWords-v7"


def test_registered_names_can_be_stored() -> None:
    for name in puffer_envs.list_envs():
        stored = gymnasium.spec(gymnasium_id(name)).to_json()
        assert gymnasium.envs.registration.EnvSpec.from_json(stored).id == gymnasium_id(name)


def test_registering_again_changes_nothing() -> None:
    before = dict(gymnasium.registry)
    registration.register_all()
    assert gymnasium.registry == before


def test_settings_that_leave_one_agent() -> None:
    snake = puffer_envs.spec("snake")
    assert registration.single_agent_settings(puffer_envs.spec("pong")) == {}
    assert registration.single_agent_settings(snake) == {"num_snakes": 1}
    at_least_two = tuple(dataclasses.replace(p, low=max(p.low, 2)) for p in snake.params)
    assert registration.single_agent_settings(dataclasses.replace(snake, params=at_least_two)) is None
    assert make("snake").environment.settings["num_snakes"] == 1


def test_a_library_is_registered_when_it_is_loaded(probe: str) -> None:
    env = make(probe)
    assert env.environment.settings["agents"] == 1
    assert env.action_space == gymnasium.spaces.MultiDiscrete([3, 2], dtype=np.int32)


def test_the_module_in_the_name_is_imported() -> None:
    code = (
        "import gymnasium; print(gymnasium.make('puffer_envs:puffer/Breakout-v1', frameskip=2).reset(seed=0)[0].shape)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "(118,)", done.stderr


def test_importing_imports_nothing_optional() -> None:
    code = "import sys, puffer_envs; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "puffer_envs.adapters.registration" in loaded
    assert not loaded & {"puffer_envs.adapters.to_gymnasium", "pettingzoo", "stable_baselines3", "torch", "raylib"}
