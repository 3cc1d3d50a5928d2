"""An environment in parts is the undivided one, to its user and to the trainer."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_train.algorithm.ppo import PPO
from puffer_train.config import Settings, overlay
from puffer_train.environments import registry
from puffer_train.environments.parts import MIN_ROWS_PER_PART, Parts
from puffer_train.errors import ConfigError


def parts_of(name: str, num_envs: int, parts: int, **settings: Any) -> Parts:
    def make(count: int, first: int, buffers: dict[str, NDArray[Any]] | None) -> puffer_envs.Environment:
        return puffer_envs.make(name, count, 7, first=first, buffers=buffers, **settings)

    return Parts(make, num_envs, parts)


def drive(env: Any, steps: int) -> dict[str, NDArray[Any]]:
    """Step with actions that depend on the row and the step alone; return copies of what was seen."""
    generator = np.random.default_rng(3)
    seen: dict[str, list[NDArray[Any]]] = {}
    env.reset(11)
    for _ in range(steps):
        choices = generator.integers(0, env.single_action_space.n, env.num_agents, dtype=np.int32)
        env.step(choices)
        for name in ("observations", "final_observations", "rewards", "terminals", "truncations"):
            seen.setdefault(name, []).append(getattr(env, name).copy())
    return {name: np.stack(arrays) for name, arrays in seen.items()}


@pytest.mark.parametrize(("name", "num_envs"), [("breakout", 200), ("snake", 13), ("squared", 193)])
@pytest.mark.parametrize("parts", [1, 2, 3])
def test_it_steps_like_the_undivided_one(name: str, num_envs: int, parts: int) -> None:
    whole, divided = puffer_envs.make(name, num_envs, 7), parts_of(name, num_envs, parts)
    assert len(divided.parts) == parts
    ours, theirs = drive(divided, 300), drive(whole, 300)
    for key, array in theirs.items():
        assert np.array_equal(ours[key], array), key
    log, expected = divided.log(), whole.log()
    assert log.keys() == expected.keys()
    assert log == pytest.approx(expected, rel=1e-5)
    assert divided.log() == {}
    divided.close()


def test_the_log_of_one_environment_is_found_in_its_part() -> None:
    whole, divided = puffer_envs.make("squared", 150, 7), parts_of("squared", 150, 2)
    drive(whole, 200)
    drive(divided, 200)
    for env in (0, 74, 75, 149):
        assert divided.log(env=env) == whole.log(env=env)
    with pytest.raises(IndexError, match="150 environments"):
        divided.log(env=150)


def test_snapshots_go_back_to_where_all_parts_stood() -> None:
    env = parts_of("breakout", 130, 2)
    drive(env, 50)
    snapshot = env.snapshot()
    once = [env.step(np.zeros(130, np.int32))[0].copy() for _ in range(20)]
    env.restore(snapshot)
    again = [env.step(np.zeros(130, np.int32))[0].copy() for _ in range(20)]
    assert np.array_equal(np.stack(once), np.stack(again))


def test_snapshots_that_do_not_fit_are_refused() -> None:
    two, three = parts_of("breakout", 200, 2), parts_of("breakout", 200, 3)
    two.reset(1)
    three.reset(1)
    with pytest.raises(ValueError, match="on 2 threads, and now there are 3"):
        three.restore(two.snapshot())
    for cut in (0, 5, 20, -1):
        with pytest.raises(ValueError, match=r"cut short|threads|snapshot"):
            two.restore(two.snapshot()[:cut])


def test_small_batches_are_not_divided() -> None:
    assert len(parts_of("breakout", MIN_ROWS_PER_PART * 2 - 1, 4).parts) == 1
    assert len(parts_of("breakout", MIN_ROWS_PER_PART * 3, 4).parts) == 3
    assert len(parts_of("snake", 2, 4).parts) == 1
    assert len(parts_of("snake", 12, 4).parts) == 3, "rows count, of which a map of snakes has 16"


def test_a_part_that_cannot_be_made_leaves_none_behind() -> None:
    closed = []

    class Closing:
        def __init__(self, env: puffer_envs.Environment) -> None:
            self.env = env

        def __getattr__(self, name: str) -> Any:
            return getattr(self.env, name)

        def close(self) -> None:
            closed.append(self.env.num_envs)
            self.env.close()

    def make(count: int, first: int, buffers: dict[str, NDArray[Any]] | None) -> Closing:
        if first:
            raise ValueError("the second part fails")
        return Closing(puffer_envs.make("breakout", count, 7, first=first, buffers=buffers))

    with pytest.raises(ValueError, match="second part"):
        Parts(make, 200, 2)
    assert closed == [1, 100]


@pytest.mark.parametrize("cores", [1, 2])
def test_too_many_environments_are_one_sentence(cores: int) -> None:
    with pytest.raises(ConfigError, match=r"1000000000") as caught:
        registry.find("breakout").make(1_000_000_000, 1, cores, {})
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=r"train.num_envs 2000000000: the arrays .* GiB, and this machine .* smaller"):
        registry.find("breakout").make(2_000_000_000, 1, 2, {})


def test_it_has_only_what_its_parts_have() -> None:
    env = parts_of("breakout", 200, 2)
    assert env.spec.name == "breakout"
    assert env.action_masks is None
    assert not hasattr(env, "start_replay"), "a replay is of one batch"
    with pytest.raises(AttributeError):
        _ = env.no_such_thing


@pytest.mark.parametrize("learner", ["kernels", "torch"])
def test_learning_does_not_depend_on_the_parts(learner: str) -> None:
    weights = []
    for cores in (1, 2, 3):
        env = registry.find("squared").make(192, 1, cores, {})
        small = {"num_envs": 192, "horizon": 8, "minibatch": 512, "steps": 10_000}
        trainer = PPO(env, overlay(Settings(), {"train": small}, "test"), 1, threads=cores, learner=learner)
        for _ in range(5):
            trainer.iterate()
        weights.append(b"".join(p.detach().numpy().tobytes() for p in trainer.policy.parameters()))
    if learner == "kernels":
        assert weights[0] == weights[1] == weights[2]
    else:  # torch sums up in an order that depends on how many rows there are
        first = np.frombuffer(weights[0], np.float32)
        for others in weights[1:]:
            np.testing.assert_allclose(np.frombuffer(others, np.float32), first, atol=0.05)
