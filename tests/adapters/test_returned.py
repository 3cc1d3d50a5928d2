"""Environments that return the wrong things are refused in a sentence, on the way to training as in `check`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from puffer_envs import vector

OBSERVATION = np.zeros(2, np.float32)


class Game(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)
    at_reset: Any = (OBSERVATION, {})
    at_step: Any = (OBSERVATION, 1.0, False, False, {})

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return self.at_reset

    def step(self, action: Any) -> Any:
        return self.at_step


class Pair:
    """A PettingZoo environment of two agents."""

    possible_agents = ["a", "b"]
    agents = possible_agents
    metadata: dict[str, Any] = {}
    at_reset: Any = ({"a": OBSERVATION, "b": OBSERVATION}, {})
    at_step: Any = ({"a": OBSERVATION, "b": OBSERVATION}, {}, {}, {}, {})

    def observation_space(self, agent: str) -> gymnasium.Space[Any]:
        return Game.observation_space

    def action_space(self, agent: str) -> gymnasium.Space[Any]:
        return Game.action_space

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        return self.at_reset

    def step(self, actions: Any) -> Any:
        return self.at_step

    def close(self) -> None:
        pass


def play(kind: type, **returned: Any) -> None:
    made = vector.make(type(kind.__name__, (kind,), returned), 1, backend="serial")
    try:
        made.reset(seed=1)
        made.step(made.actions)
    finally:
        made.close()


@pytest.mark.parametrize("kind", [Game, Pair])
def test_what_should_be_returned(kind: type) -> None:
    play(kind)
    play(kind, at_reset=list(kind.at_reset), at_step=list(kind.at_step))


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        (OBSERVATION, r"an array of float32 \(2,\)"),  # which has two parts as well
        ((OBSERVATION, None), r"a tuple of 2 \(ndarray, NoneType\)"),
        (None, "NoneType None"),
    ],
)
def test_wrong_resets(returned: Any, shown: str) -> None:
    with pytest.raises(
        TypeError, match=rf"^Game.reset\(\) must return the tuple \(observation, info\), returned {shown}$"
    ):
        play(Game, at_reset=returned)


@pytest.mark.parametrize(
    ("returned", "shown"),
    [
        (None, "NoneType None"),
        ((OBSERVATION, 1.0, True), r"a tuple of 3 \(ndarray, float, bool\)"),
        ((OBSERVATION, 1.0, True, {}), r"a tuple of 4 \(ndarray, float, bool, dict\); a single `done` is the .*"),
    ],
)
def test_wrong_steps(returned: Any, shown: str) -> None:
    with pytest.raises(TypeError, match=rf"^Game.step\(\) must return the tuple \(.*, info\), returned {shown}$"):
        play(Game, at_step=returned)


def test_wrong_things_for_many_agents() -> None:
    with pytest.raises(
        TypeError, match=r"^Pair.reset\(\) must return the tuple .* two dicts by agent, returned a? ?dict"
    ):
        play(Pair, at_reset={"a": OBSERVATION, "b": OBSERVATION})
    with pytest.raises(
        TypeError, match=r"^Pair.step\(\) must return the tuple .*five dicts by agent, returned .* of 4 \(dict"
    ):
        play(Pair, at_step=({}, {}, {}, {}))


@pytest.mark.parametrize("space", ["observation_space", "action_space"])
def test_spaces_that_are_missing(space: str) -> None:
    class Bare(gymnasium.Env):
        reset, step = Game.reset, Game.step

    for value in (None, 3):
        other = "action_space" if space == "observation_space" else "observation_space"
        kind = type("Bare", (Bare,), {other: getattr(Game, other), **({space: value} if value else {})})
        with pytest.raises(TypeError, match=f"^Bare has no {space}: make it a gymnasium.Space"):
            vector.make(kind, 1, backend="serial")


def test_an_error_inside_step_is_its_own() -> None:
    def step(self: Any, action: Any) -> Any:
        raise ValueError("no such move")

    with pytest.raises(ValueError, match=r"^no such move$"):
        play(Game, step=step)
