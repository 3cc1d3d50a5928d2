"""The border: faults of an environment are reported before training, in one sentence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_environments as tiny
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete

from puffer_envs.contract import offers
from puffer_envs.contract.errors import EnvironmentNotFoundError
from puffer_train.contract import describe
from puffer_train.environments import registry
from puffer_train.errors import ConfigError, ContractError

KINDS = (tiny.CartPole, tiny.ConstantReward, tiny.MemoryCue, tiny.Corridor, tiny.Target, tiny.Team)


@pytest.mark.parametrize("kind", KINDS)
def test_right_environments_are_described(kind: type[tiny.VectorEnvironment]) -> None:
    spec = describe(kind(6))
    assert spec.envs == 6
    assert spec.rows == 6 * kind.agents
    assert len(spec.observation_scale) == int(np.prod(spec.observation_shape))


def test_bounds_give_the_scale() -> None:
    np.testing.assert_allclose(describe(tiny.CartPole(2)).observation_scale, [1 / 4.8, 1, 1, 1])


@pytest.mark.parametrize(
    ("attribute", "value", "message"),
    [
        ("rewards", np.zeros(3, np.float64), r"rewards is float64 \(3,\), not float32 \(3,\)"),
        ("rewards", np.zeros(4, np.float32), r"rewards is float32 \(4,\), not float32 \(3,\)"),
        ("rewards", [0.0] * 3, "rewards is list"),
        ("terminals", np.zeros(3, np.uint8), "terminals is uint8"),
        ("actions", np.zeros(3, np.int64), "actions is int64"),
        ("final_observations", np.zeros((3, 5), np.float32), "final_observations is"),
        ("num_envs", 2, "num_agents 3 is not a multiple of num_envs 2"),
        ("num_agents", 0, "num_agents is 0"),
        ("single_action_space", Discrete(2, start=1), "counted from 0"),
        ("single_action_space", MultiDiscrete([[2, 2]]), "flat MultiDiscrete"),
        ("single_action_space", Box(0, 1, (2, 2)), "flat float32 Box"),
        ("single_observation_space", Box(0, 1, (4,), np.float64), "Box of uint8, int8 or float32"),
        ("single_observation_space", Dict({}), "Box of uint8, int8 or float32"),
        ("action_masks", np.ones((3, 3), np.bool_), "action_masks is bool"),
        ("agent_mask", np.ones(4, np.bool_), "agent_mask is bool"),
        ("step", None, "no method 'step'"),
    ],
)
def test_wrong_environments_are_refused(attribute: str, value: Any, message: str) -> None:
    env = tiny.CartPole(3)
    setattr(env, attribute, value)
    with pytest.raises(ContractError, match=message) as caught:
        describe(env, "pole")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("pole breaks the buffer contract")


def test_missing_attribute_is_named() -> None:
    env = tiny.CartPole(3)
    del env.truncations
    with pytest.raises(ContractError, match="no attribute 'truncations'"):
        describe(env)


def test_module_and_factory() -> None:
    source = registry.find("tiny_environments:CartPole")
    assert source.make(3, 1, 2, {"length": 0.7}).num_agents == 3
    with pytest.raises(ConfigError, match="could not be made with length=7: length is 7; it must be"):
        source.make(3, 1, 1, {"length": 7})
    with pytest.raises(ConfigError, match=r"with speed=1: .*unexpected keyword argument 'speed'"):
        source.make(3, 1, 1, {"speed": 1})
    with pytest.raises(EnvironmentNotFoundError, match="nothing called 'Nothing'"):
        registry.find("tiny_environments:Nothing")
    with pytest.raises(EnvironmentNotFoundError, match="there is no module 'no_such_module', of 'no_such_module:x'"):
        registry.find("no_such_module:x")
    with pytest.raises(EnvironmentNotFoundError, match="must be a callable"):
        registry.find("os:sep")


def test_a_package_offers_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "offering.py").write_text(
        "from tiny_environments import CartPole\n"
        "def list_envs(): return ['wobble']\n"
        "def make(name, num_envs=1, seed=0, threads=1, **settings):\n"
        "    return CartPole(num_envs, seed, **settings)\n"
    )
    info = tmp_path / "offering-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[puffer.envs]\noffering = offering\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(offers, "offering_modules", offers.offering_modules.__wrapped__)
    assert "wobble" in registry.load_offers()
    assert registry.find("wobble").make(5, 0, 1, {}).num_envs == 5
    with pytest.raises(EnvironmentNotFoundError, match=r"no environment 'wobbel'\. Did you mean 'wobble'"):
        registry.find("wobbel")
