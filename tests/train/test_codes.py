"""Codes in the observations of C environments: declared in the table, learned by the kernels, played by everybody."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, MultiDiscrete
from tiny import make_trainer
from tiny import train as train_to_the_end

import puffer_envs
from puffer_envs.policy import load_policy
from puffer_train.learners.kernels import KernelLearner
from puffer_train.storage.policy_file import identify, write_policy

SIGNS = Path(__file__).resolve().parents[1] / "c/signs.h"


@pytest.fixture(scope="module")
def signs() -> str:
    """tests/c/signs.h, compiled and loaded."""
    if not any(shutil.which(name) for name in ("cc", "gcc", "clang")):
        pytest.skip("no compiler on PATH: this test compiles C")
    return puffer_envs.load_library(SIGNS)


def learned(env: Any) -> Any:
    trainer = make_trainer(
        env, policy={"hidden": 32}, horizon=8, minibatch=512, gamma=0.3, learning_rate=0.03, steps=300_000
    )
    train_to_the_end(trainer)
    return trainer


def played(env: Any, act: Any) -> float:
    """Mean perf of 50 episodes of each environment."""
    env.reset(7)
    for _ in range(400):
        env.step(act())
    return float(env.log()["perf"])


def test_the_table_becomes_fields(signs: str) -> None:
    with puffer_envs.make(signs) as env:
        assert env.observation_fields is not None
        sign, others, time = env.observation_fields
        assert [part.codes for part in env.spec.obs] == [40, 40, 0]
        assert sign.space == MultiDiscrete([40]) and others.space == MultiDiscrete([40] * 8)
        assert (sign.start, others.start, time.start) == (0, 1, 9)
        assert time.space == Box(0, 64, (1,), np.uint8)
        assert env.single_observation_space.shape == (10,)
    with puffer_envs.make("squared") as env:
        assert env.observation_fields is None


def test_codes_are_learned_where_amounts_are_not(signs: str, tmp_path: Path) -> None:
    with puffer_envs.make(signs, 64) as env, puffer_envs.make(signs, 64) as plain:
        plain.observation_fields = None
        of_codes, of_amounts = learned(env), learned(plain)
        assert type(of_codes.learner) is type(of_amounts.learner) is KernelLearner
        scores = {}
        for name, (trainer, at) in {"codes": (of_codes, env), "amounts": (of_amounts, plain)}.items():
            path = tmp_path / f"{name}.safetensors"
            write_policy(path, trainer.policy, identify(at, "signs", {}))
            policy = load_policy(path)
            policy.require("signs", at.single_observation_space, at.single_action_space, at.observation_fields)
            scores[name] = played(at, lambda policy=policy, at=at: policy.act(at.observations))
    assert scores["codes"] > 0.98
    assert scores["amounts"] < 0.8, "guessing gives 0.25"


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("int8", (".obs_dtype = PUF_U8", ".obs_dtype = PUF_I8")),
        ("257 codes", ("SIGNS_CODES = 40", "SIGNS_CODES = 257")),
        ("two dimensions", (".obs_ndim = 1, .obs_shape = { 2", ".obs_ndim = 2, .obs_shape = { 1, 2")),
        ("1 to 39", ('PUF_CODES("sign", 1, SIGNS_CODES, "what to do")', '{ "sign", 1, 1, 39, "what to do", 40 }')),
    ],
)
def test_a_table_that_cannot_hold_is_refused(signs: str, tmp_path: Path, line: str, instead: tuple[str, str]) -> None:
    text = re.sub(r"\bsigns", "wrong", re.sub(r"\bSigns", "Wrong", SIGNS.read_text("utf-8").replace(*instead)))
    (tmp_path / "wrong.h").write_text(text, "utf-8")
    with pytest.raises(ValueError, match=r"its observation holds \d+ codes.* Use PUF_CODES"):
        puffer_envs.make(str(tmp_path / "wrong.h"))
