"""Names and values that people bring from other libraries get an answer that they can act on."""

import copy
import pickle
from pathlib import Path

import gymnasium
import numpy as np
import pytest

import puffer_envs
from puffer_envs import vector
from puffer_envs.habits import ARGUMENTS, ATTRIBUTES, VECTOR_ARGUMENTS
from puffer_envs.policy import PolicyError, load_policy


def _cartpole() -> gymnasium.Env:
    return gymnasium.make("CartPole-v1")


@pytest.fixture
def env():
    with puffer_envs.make("squared", num_envs=4) as env:
        env.reset()
        yield env


@pytest.fixture
def many():
    many = vector.make(_cartpole, num_envs=2, backend="serial")
    many.reset()
    yield many
    many.close()


@pytest.mark.parametrize("name", sorted(ATTRIBUTES))
def test_attributes_of_other_libraries(env, many, name: str) -> None:
    for owner in (env, many):
        if not hasattr(owner, name):
            with pytest.raises(AttributeError) as raised:
                getattr(owner, name)
            assert str(raised.value).endswith(f"has no attribute {name!r}: {ATTRIBUTES[name]}")
            assert raised.value.name == name


def test_any_other_attribute_is_missing_as_usual(env) -> None:
    with pytest.raises(AttributeError, match=r"'Environment' object has no attribute 'colour'$"):
        _ = env.colour
    assert getattr(env, "colour", None) is None


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_arguments_of_other_libraries(name: str) -> None:
    with pytest.raises(ValueError, match=f"squared has no setting '{name}'") as raised:
        puffer_envs.make("squared", **{name: 4})
    assert str(raised.value).endswith(f". Here {ARGUMENTS[name]}.")


@pytest.mark.parametrize("name", sorted(VECTOR_ARGUMENTS))
@pytest.mark.parametrize("what", ["gymnasium:CartPole-v1", _cartpole])
def test_arguments_of_other_vectorizers(name: str, what: object) -> None:
    with pytest.raises(TypeError, match=f"no argument '{name}': it is called '{VECTOR_ARGUMENTS[name]}' here"):
        vector.make(what, num_envs=2, **{name: 2})


def test_an_environment_gets_its_own_argument_of_such_a_name() -> None:
    given = []

    def factory(batch_size: int) -> gymnasium.Env:
        given.append(batch_size)
        return _cartpole()

    vector.make(factory, num_envs=2, backend="serial", batch_size=3).close()
    assert given == [3, 3]


def test_backends_of_other_libraries() -> None:
    class Multiprocessing:
        pass

    for backend in ("Multiprocessing", Multiprocessing):
        with pytest.raises(ValueError, match=r"Did you mean 'processes'\?$"):
            vector.make(_cartpole, num_envs=2, backend=backend)


@pytest.mark.parametrize("name", [None, 4, _cartpole])
def test_what_is_no_name(name: object) -> None:
    with pytest.raises(TypeError, match="name must be the name of an environment, such as 'breakout', got"):
        puffer_envs.make(name)


def test_batches_are_not_copied(env, many) -> None:
    for batch, way in ((env, "snapshot"), (many, "vector.make")):
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=rf"cannot be copied or pickled.*{way}"):
                attempt(batch)


@pytest.mark.parametrize(
    ("actions", "shown"), [(None, "None"), (1, "1"), ("left", "'left'"), ({0: 1}, "{0: 1}"), ([[0], [1]], r"\(2, 1\)")]
)
def test_what_is_no_array_of_actions(env, many, actions: object, shown: str) -> None:
    for batch in (env, many):
        with pytest.raises(ValueError, match=rf"expected actions of shape \({batch.num_envs},\), got {shown}$"):
            batch.step(actions)


def test_a_long_value_is_cut(env) -> None:
    with pytest.raises(ValueError, match=r"got 'x{59}\.\.\.$"):
        env.step("x" * 10_000)


def test_a_run_folder_is_a_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"is a folder with neither policy.safetensors nor newest.safetensors"):
        load_policy(tmp_path)
    shipped = puffer_envs.trained_policy("squared").read_bytes()
    for name in ("newest.safetensors", "policy.safetensors"):
        (tmp_path / name).write_bytes(shipped)
        assert load_policy(tmp_path).info.environment == "squared"


def test_a_replay_is_no_policy(env, tmp_path: Path) -> None:
    env.start_replay(seed=0)
    env.step(np.zeros(4, np.int32))
    env.save_replay(tmp_path / "game.puf")
    assert repr(puffer_envs.Replay.load(tmp_path / "game.puf")) == "<replay of squared version 1: 1 steps, num_envs=4>"
    with pytest.raises(PolicyError, match=r"it is a replay, and holds no policy\.$"):
        load_policy(tmp_path / "game.puf")


def test_a_policy_shows_itself_and_takes_lists(env) -> None:
    policy = load_policy(puffer_envs.trained_policy("squared"))
    assert repr(policy).startswith("<policy for squared: ")
    observations = env.reset(seed=3)
    again = load_policy(puffer_envs.trained_policy("squared"))
    np.testing.assert_array_equal(policy.act(observations), again.act(observations.tolist()))
    with pytest.raises(AttributeError, match=r"no attribute 'predict': its name is `act`$"):
        policy.predict(observations)
    with pytest.raises(ValueError, match=r"this policy reads \(rows, 11, 11\)$"):
        policy.act(observations[0])
