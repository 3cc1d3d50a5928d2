"""The trained policies that ship: one for each environment, which fits it and plays it well."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pytest

import puffer_envs
from puffer_envs.contract.commands import Parser, find_trained
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.trained import list_trained
from puffer_envs.policy import load_policy

from .conftest import few_assets

SHIPPED = [name for name in list_trained() if name in puffer_envs.list_envs()]
MAX_BYTES = 1_750_000
"""Of all together in a zip: they are in every wheel. Each value of a code takes a row of weights."""


def test_every_environment_has_one_and_they_are_small() -> None:
    folder = puffer_envs.trained_policy("breakout").parent
    assert list_trained() == SHIPPED
    assert set(SHIPPED) >= {"asteroids", "breakout", "drone", "maze", "pong", "tanks"}
    assert sum(len(zlib.compress(path.read_bytes())) for path in folder.iterdir()) < MAX_BYTES


@pytest.mark.parametrize("name", SHIPPED)
def test_it_fits_its_environment(name: str) -> None:
    policy = load_policy(puffer_envs.trained_policy(name))
    assert policy.info.environment_version == puffer_envs.spec(name).version
    few = few_assets(name)
    with puffer_envs.make(name, **policy.info.settings | few) as env:
        policy.require(name, env.single_observation_space, env.single_action_space, env.observation_fields)
        env.reset(0)
        env.step(policy.act(env.observations, action_masks=env.action_masks))


# Three that take a second or two. `puffer-eval NAME --trained` measures the rest.
@pytest.mark.parametrize(
    ("name", "steps", "least"), [("cartpole", 600, 0.95), ("breakout", 5000, 0.9), ("memory", 40, 1)]
)
def test_it_plays_well(name: str, steps: int, least: float) -> None:
    policy = load_policy(puffer_envs.trained_policy(name), seed=1)
    with puffer_envs.make(name, num_envs=16, **policy.info.settings) as env:
        observations = env.reset(1)
        for _ in range(steps):
            observations, _, terminals, truncations = env.step(policy.act(observations))
            policy.reset(terminals | truncations)
        log = env.log()
    assert log["n"] >= 8
    assert log["perf"] >= least


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("breakot", "no trained policy ships for 'breakot'. Did you mean 'breakout'?"),
        ("gymnasium:CartPole-v1", "no trained policy ships for 'gymnasium:CartPole-v1'."),
        ("../trained/breakout", "no trained policy ships for '../trained/breakout'."),
    ],
)
def test_an_environment_without_one_is_one_sentence(name: str, said: str) -> None:
    with pytest.raises(UserError, match="^" + re.escape(said)) as error:
        puffer_envs.trained_policy(name)
    assert "puffer-train NAME" in str(error.value)


def test_the_option_needs_a_name_and_no_other_policy() -> None:
    parser = Parser(prog="program")
    assert find_trained(parser, "pong", None) == puffer_envs.trained_policy("pong")
    with pytest.raises(UserError, match="needs the name of an environment"):
        find_trained(parser, None)
    with pytest.raises(UserError, match="another one is given"):
        find_trained(parser, "pong", None, Path("mine.safetensors"))


def test_names_may_stand_around_options() -> None:
    parser = Parser(prog="program")
    parser.add_argument("source", nargs="?")
    parser.add_argument("out", nargs="?")
    parser.add_argument("--trained", action="store_true")
    for words in (["--trained", "pong", "a.mp4"], ["pong", "--trained", "a.mp4"], ["pong", "a.mp4", "--trained"]):
        options, _ = parser.parse(words)
        assert (options.source, options.out, options.trained) == ("pong", "a.mp4", True)
