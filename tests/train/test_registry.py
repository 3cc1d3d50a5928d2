"""Finding environments: plain names, factories, and what a vectorizer runs; every mistake is one sentence."""

import io
import sys
from importlib.metadata import EntryPoints
from pathlib import Path

import numpy as np
import pytest

from puffer_envs.contract.errors import EnvironmentNotFoundError
from puffer_train.contract import describe
from puffer_train.environments import registry, starting
from puffer_train.errors import ConfigError, EnvironmentFailedError

SINGLE = """
import gymnasium
import numpy as np

class Walk(gymnasium.Env):
    observation_space = gymnasium.spaces.Dict(
        {"cell": gymnasium.spaces.Discrete(5), "speed": gymnasium.spaces.Box(-2, 2, (2,))}
    )
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, fails=False, length=3):
        if length < 1:
            raise ValueError("length must be at least 1")
        self.fails = fails

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return {"cell": 0, "speed": np.zeros(2, np.float32)}, {}

    def step(self, action):
        return {"cell": int(action), "speed": np.ones(2, np.float32)}, 1.0, bool(self.fails), False, {}

def breaks():
    return 1 / 0

def nothing():
    return 7
"""


@pytest.fixture
def walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name of a module that makes single environments."""
    (tmp_path / "walks.py").write_text(SINGLE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "walks"


def test_gymnasium_by_name() -> None:
    source = registry.find("gymnasium:CartPole-v1")
    assert source.settings == source.name
    env = source.make(3, 1, 1, {"max_episode_steps": 7})
    try:
        spec = describe(env)
        assert (spec.rows, spec.observation_shape, spec.observation_fields) == (3, (4,), ())
        env.reset(1)
        lengths = 0
        while not env.truncations.any():
            env.step(np.arange(3) % 2)
            lengths += 1
        assert lengths == 7
    finally:
        env.close()


def test_text_settings_reach_the_environment() -> None:
    env = registry.find("gymnasium:FrozenLake-v1").make(2, 1, 1, {"map_name": "8x8", "is_slippery": False})
    (field,) = describe(env).observation_fields
    assert (field.name, field.choices) == ("value", (64,))
    env.close()


def test_single_environments_of_a_factory(walks: str) -> None:
    source = registry.find(f"{walks}:Walk")
    assert source.settings == source.name
    env = source.make(3, 1, 1, {})
    assert {field.name: field.choices for field in describe(env).observation_fields} == {"cell": (5,), "speed": ()}
    env.close()


def test_factories_of_batches_need_no_vectorizer(monkeypatch: pytest.MonkeyPatch, walks: str) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: EntryPoints())
    source = registry.find("tiny_environments:CartPole")
    assert (source.settings, source.parallelism) == (None, None)
    assert source.make(3, 1, 2, {}).num_agents == 3
    for name in ("gymnasium:CartPole-v1", f"{walks}:Walk"):
        with pytest.raises(EnvironmentNotFoundError, match="pip install puffer-envs"):
            registry.find(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("CartPole-v1", "Did you mean 'gymnasium:CartPole-v1'?"),
        (":x", "':x' names no module: it must be module:factory."),
        (".:x", "'.:x' names no module"),
        ("walks:", "'walks' has nothing called ''"),
        ("walks:Wall", "'walks' has nothing called 'Wall'. Did you mean 'Walk'?"),
        ("walks.more:Walk", "there is no module 'walks.more', of 'walks.more:Walk': installed packages"),
    ],
)
def test_unknown_names(walks: str, name: str, message: str) -> None:
    with pytest.raises(EnvironmentNotFoundError) as caught:
        registry.find(name)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("gymnasium:CartPol-v1", {}, "Gymnasium has no environment 'CartPol-v1'"),
        ("gymnasium:CartPole-v1", {"gravity": 3}, "could not be made with gravity=3: "),
        ("gymnasium:CartPole-v1", {"seed": 3}, "got an unexpected keyword argument 'seed'"),
        ("gymnasium:CartPole-v1", {"[wrap]": {"stak": 3}}, "wrap.stak is not a setting. Did you mean 'stack'?"),
        ("gymnasium:highway-v0", {}, "highway-v0 needs highway_env, which is missing: pip install highway-env"),
        ("breakout", {"[wrap]": {"stack": 3}}, "wrap.stack: 'breakout' makes whole batches"),
        ("pettingzoo:no.such_v0", {}, "no.such_v0"),
        ("walks:Walk", {"length": 0}, "could not be made with length=0: length must be at least 1"),
        ("walks:nothing", {}, "could not be made: "),
    ],
)
def test_what_cannot_be_made(walks: str, name: str, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        registry.find(name).make(2, 1, 1, settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_users_own_errors_keep_their_traceback(walks: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailedError, match=r"environment 'walks:breaks' failed") as caught:
        registry.find(f"{walks}:breaks").make(2, 1, 1, {})
    assert "in breaks" in str(caught.value)
    assert "ZeroDivisionError: division by zero" in str(caught.value)
    (tmp_path / "unfinished.py").write_text("value = undefined\n")
    with pytest.raises(EnvironmentFailedError, match="name 'undefined' is not defined") as caught:
        registry.find("unfinished:value")
    assert "unfinished.py" in str(caught.value)


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    def isatty(self) -> bool:
        return True


def test_a_slow_start_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    clock = iter([0.0, 1.9, 2.1, 2.2, 2.7, 3.0])
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(starting.time, "monotonic", lambda: next(clock))
    show = starting.Starting("gymnasium:Slow-v0")
    for ready in (0, 1, 2, 3, 4, 5):
        show(ready, 5)
    shown = [text.strip("\r ") for text in terminal.getvalue().split("\r") if text.strip()]
    assert shown == [f"gymnasium:Slow-v0: {ready} of 5 environments are ready" for ready in (2, 4)]
    assert terminal.getvalue().endswith(" \r"), "nothing stays"
