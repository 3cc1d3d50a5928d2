"""Every named field gets the encoder that it needs, and NumPy plays them all."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from numpy.typing import NDArray
from tiny import make_trainer, train
from tiny_environments import Signpost, VectorEnvironment, fields_of

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.tensor_file import body_of, pack
from puffer_envs.policy import PolicyError, load_policy
from puffer_train.algorithm.evaluate import evaluate
from puffer_train.config import PolicySettings
from puffer_train.contract import describe
from puffer_train.errors import ContractError
from puffer_train.policy import Policy
from puffer_train.policy.encoders import choose_field_encoders
from puffer_train.storage.policy_file import EnvironmentIdentity, read_policy, write_policy

GLYPHS = 900


class Screen(VectorEnvironment):
    """A picture, two maps, a vector and a choice; the reward is 1 for naming what `shown` shows, one of three.

    The picture is bright in its left, middle or right third; the map has a 2 at one of three places; of three glyphs,
    one fills a row of its map.
    """

    time_limit = 4
    observation_fields = fields_of(
        ("glyphs", Box(0, GLYPHS - 1, (6, 7), np.int16), 0, np.float32),
        ("speed", Box(-np.inf, np.inf, (2,), np.float32), 168, np.float32),
        ("choice", MultiDiscrete([3, 2]), 176, np.int32),
        ("picture", Box(0, 255, (36, 36, 1), np.uint8), 184, np.uint8),
        ("map", Box(0, 3, (5, 6), np.uint8), 1480, np.uint8),
        ("table", Box(0, 3, (2, 3), np.uint8), 1510, np.uint8),
    )

    def __init__(self, num_envs: int = 32, seed: int = 0, shown: str = "picture") -> None:
        super().__init__(Box(0, 255, (1520,), np.uint8), Discrete(3), num_envs, seed)
        self.shown, self.goal = shown, np.zeros(num_envs, np.int64)

    def begin(self, rows: NDArray[np.bool_]) -> None:
        self.goal[rows] = self.generator.integers(0, 3, int(rows.sum()))

    def advance(self, actions: NDArray[Any]) -> None:
        self.rewards[:] = actions == self.goal
        self.goal = self.generator.integers(0, 3, self.num_envs)

    def observe(self, out: NDArray[Any]) -> None:
        glyphs, speed, choice, picture, level, table = (field.of(out) for field in self.observation_fields)
        everyone = np.arange(self.num_envs)
        goals = {name: self.generator.integers(0, 3, self.num_envs) for name in ("picture", "map", "glyphs")}
        goals[self.shown] = self.goal
        glyphs[:] = self.generator.integers(10, 40, glyphs.shape)
        glyphs[:, 3] = np.array([[100], [500], [899]])[goals["glyphs"]]
        speed[:] = self.generator.normal(50, 9, speed.shape)
        choice[:] = self.generator.integers(0, [3, 2], choice.shape)
        picture[:] = self.generator.integers(0, 30, picture.shape)
        for third in range(3):
            picture[goals["picture"] == third, :, 12 * third : 12 * third + 12] = 200
        level[:] = self.generator.integers(0, 2, level.shape)
        level[everyone, 2, goals["map"] * 2] = 2
        table[:] = 1


KINDS = ["embedding", "flat", "flat", "image", "grid", "flat"]


def test_which_field_gets_what() -> None:
    spec = describe(Screen(2))
    assert choose_field_encoders(spec) == KINDS
    policy = Policy(spec, PolicySettings(16, 1), torch.Generator(), "auto")
    assert policy.settings.encoder == "fields"
    assert [entry["encoder"] for entry in policy.identity()["field_encoders"]] == KINDS
    features = 16 * 42 + 32 + 16 * 30  # places of the glyphs, of the picture after three strides, and of the map
    assert policy.encoder.shape == (16, 2 + 5 + 6 + features)
    assert policy.normalized == [0, 1], "the speed"
    assert Policy(spec, PolicySettings(16, 1, encoder="flat"), torch.Generator()).front is None
    assert Policy(describe(Signpost(2)), PolicySettings(16, 1), torch.Generator()).settings.encoder == "flat"


def test_all_weights_learn() -> None:
    env = Screen(4)
    policy = Policy(describe(env), PolicySettings(16, 1), torch.Generator().manual_seed(1), "auto")
    seen = torch.from_numpy(env.reset(1)).unsqueeze(0)
    policy(seen, policy.initial_state(4)).sum().backward()
    for name, parameter in policy.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("shown", ["picture", "map", "glyphs"])
def test_what_a_field_shows_is_learned(shown: str) -> None:
    trainer = make_trainer(Screen(shown=shown), steps=10_000, gamma=0.5)
    train(trainer)
    figures = evaluate(Screen(shown=shown), trainer.policy, 5, deterministic=True).figures
    assert np.mean(figures["episode_return"]) > 3.6, "4 is perfect, guessing gives 1.3"


@pytest.fixture
def written(tmp_path: Path) -> tuple[Policy, Path]:
    trainer = make_trainer(Screen(), steps=512)
    train(trainer)
    path = tmp_path / "policy.safetensors"
    write_policy(path, trainer.policy, EnvironmentIdentity("screen", 0, {}))
    return trainer.policy, path


def test_numpy_plays_the_same(written: tuple[Policy, Path]) -> None:
    policy, path = written
    env, player, again = Screen(), load_policy(path), read_policy(path, policy.spec)
    state, other = policy.initial_state(32), policy.initial_state(32)
    seen = env.reset(3)
    for _ in range(4):
        wanted = policy.step(torch.from_numpy(seen), state)
        assert torch.equal(again.step(torch.from_numpy(seen), other), wanted)
        np.testing.assert_allclose(player._forward(seen).T, wanted, atol=1e-4)
        env.step(env.actions)
    assert read_again(path) == policy.identity()["field_encoders"]


def read_again(path: Path) -> Any:
    return PolicyFile.read(path).info.as_json()["field_encoders"]


def test_a_glyph_outside_its_range_is_refused(written: tuple[Policy, Path]) -> None:
    policy, path = written
    for bad in (GLYPHS, -1, np.nan):
        seen = Screen().reset(3).copy()
        Screen.observation_fields[0].of(seen)[5, 2, 3] = bad
        with pytest.raises(ContractError, match=f"an observation holds {bad:g}, but its space allows 0 to 899 only"):
            policy.step(torch.from_numpy(seen), policy.initial_state(32))
        with pytest.raises(ValueError, match="cells of the grid must be from 0 to 899"):
            load_policy(path).act(seen)


@pytest.mark.parametrize(
    ("number", "key", "value", "message"),
    [
        (None, "field_encoders", [], "0 entries for 6 fields"),
        (None, "field_encoders", None, "'field_encoders'"),
        (0, "encoder", "eye", "'encoder'"),
        (0, "embedding_size", 0, "'embedding_size'"),
        (0, "grid_values", [0, 1 << 17], "'grid_values'"),
        (0, "convolutions", [[16, 64, 1, 0]], "'convolutions' leaves nothing"),
        (2, "encoder", "grid", "'grid' for 'choice', which is discrete"),
        (3, "encoder", "flat", "its tensors do not fit"),
    ],
)
def test_bad_metadata_is_refused(
    written: tuple[Policy, Path], number: int | None, key: str, value: Any, message: str, tmp_path: Path
) -> None:
    file = PolicyFile.read(written[1])
    about = file.info.as_json()
    (about if number is None else about["field_encoders"][number])[key] = value
    with pytest.raises(PolicyError, match=message):
        _parsed(about, file, tmp_path / "bad")


def _parsed(about: dict[str, Any], file: PolicyFile, path: Path) -> PolicyFile:
    """Write whatever `about` says beside the tensors, and read it."""

    text = json.dumps(about)
    checksum = hashlib.sha256(text.encode() + body_of(file.tensors)).hexdigest()
    path.write_bytes(pack({"format": "puffer-policy-1", "policy": text, "sha256": checksum}, file.tensors))
    return PolicyFile.read(path)
