"""Settings of the environment that change while a policy learns."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import puffer_envs
import puffer_train
from puffer_train.algorithm.curriculum import Curriculum, Rule
from puffer_train.environments.parts import Parts
from puffer_train.errors import ConfigError, EnvironmentCalls
from tests.train.runs import SMALL, Shell
from tests.train.test_python_api import options, policy_bytes

MAZE = ["--env.width", "3", "--env.height", "3", "--env.num-levels", "64", "--env.spread", "0.1"]
STEPS = 12 * 128


class Recorder:
    """Remembers what was set."""

    def __init__(self, **settings: object) -> None:
        self.settings, self.calls = settings, []

    def set(self, key: str, value: float) -> None:
        self.calls.append((key, value))


def made(env: Any, **rules: str) -> Curriculum:
    return Curriculum(rules, env, EnvironmentCalls("test"))


def after(curriculum: Curriculum, steps: int, report: dict[str, float]) -> dict[str, float]:
    """What is set after an iteration with this report."""
    curriculum.watch(report)
    curriculum.apply(steps)
    return curriculum.report()


def test_a_setting_follows_the_steps() -> None:
    env = Recorder(level=1, wind=0.0)
    curriculum = made(env, wind="0 to 2 over 1k", level="1 to 4 over 1k")
    assert env.calls == [("wind", 2), ("level", 4)], "the ends are tried first"
    env.calls.clear()
    curriculum.apply(0)
    assert curriculum.report() == {"curriculum/wind": 0.0, "curriculum/level": 1.0}
    assert after(curriculum, 250, {}) == {"curriculum/wind": 0.5, "curriculum/level": 2.0}
    after(curriculum, 250, {})
    after(curriculum, 5_000, {})
    assert env.calls == [("wind", 0.0), ("level", 1), ("wind", 0.5), ("level", 2), ("wind", 2.0), ("level", 4)]
    assert [type(value) for key, value in env.calls if key == "level"] == [int, int, int]


def test_a_setting_rises_while_a_number_is_good_enough() -> None:
    env = Recorder()
    curriculum = made(env, level="0 to 2 by 1 when env.perf > 0.9 over 2")
    seen = [after(curriculum, n, {"env/perf": perf})["curriculum/level"] for n, perf in enumerate([1.0] * 9)]
    assert seen == [0, 1, 1, 2, 2, 2, 2, 2, 2], "each move needs two iterations of its own, and 2 is the end"
    curriculum = made(env, level="0 to 2 by 1 when env.perf > 0.9 over 2")
    for perf in (0.5, 1.0, 0.8, 0.7):
        after(curriculum, 1, {"env/perf": perf})
    assert curriculum.moves == {"level": 0}


def test_it_can_fall() -> None:
    curriculum = made(Recorder(), help="1 to 0 by -0.25 when env.perf > 0 over 1")
    seen = [after(curriculum, 1, {"env/perf": 1.0})["curriculum/help"] for _ in range(6)]
    assert seen == [0.75, 0.5, 0.25, 0.0, 0.0, 0.0]


def test_its_tensors_restore_it() -> None:
    rules = {"level": "0 to 9 by 1 when env.perf > 0.9 over 3"}
    one, other = made(Recorder(), **rules), made(Recorder(), **rules)
    for perf in (1.0, 1.0, 1.0, 0.95):
        after(one, 1, {"env/perf": perf})
    other.restore(one.tensors())
    for perf in (0.9, 0.9, 1.0, 1.0, 1.0):
        assert after(one, 1, {"env/perf": perf}) == after(other, 1, {"env/perf": perf})
    assert one.moves == other.moves
    assert one.moves["level"] >= 2


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (3, "curriculum.level is 3; it must be `FROM to TO over STEPS`"),
        ("0 to 1", "it must be `FROM to TO over STEPS`"),
        ("0 to x over 10", "holds 'x', which is not a number"),
        ("0 to inf over 10", "holds 'inf', which is not a number"),
        ("0 to nan over 10", "holds 'nan', which is not a number"),
        ("0 to 1 over 0", "goes over 0 steps; it must be more than 0"),
        ("0 to 1 by -1 when env.perf > 1", "moves by -1, which does not lead from 0 to 1"),
        ("0 to 1 by 0 when env.perf > 1", "moves by 0, which does not lead"),
        ("0 to 1 by 1 when env.perf", "curriculum.level is 'env.perf'; it must be"),
    ],
)
def test_wrong_rules_are_refused(rule: object, wanted: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(wanted)):
        Rule.parse(rule, "curriculum.level")


def test_an_environment_without_set_is_refused() -> None:
    with pytest.raises(ConfigError, match="environment 'test' has no method `set`: it cannot have a curriculum"):
        made(SimpleNamespace(), level="0 to 1 over 10")


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ({"dificulty": "0 to 1 over 10"}, "curriculum.dificulty: maze has no setting 'dificulty'. Did you mean"),
        (
            {"difficulty": "0 to 3 over 1"},
            "curriculum.difficulty: maze: setting 'difficulty' must be",
        ),
        ({"width": "3 to 10 over 10"}, "curriculum.width: maze: width="),
        ({"difficulty": "easy"}, "curriculum.difficulty is 'easy'; it must be"),
    ],
)
def test_mistakes_are_one_sentence(rules: dict[str, str], wanted: str, tmp_path: Path) -> None:
    settings = {
        "env": {"num_levels": 4},
        "train": {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0},
        "curriculum": rules,
    }
    with (
        pytest.raises(ConfigError, match=re.escape(wanted)),
        puffer_train.Trainer("maze", **options(tmp_path / "r", settings=settings)) as trainer,
    ):
        trainer.iterate()


def test_all_parts_of_a_batch_follow() -> None:
    def make(count: int, first: int, buffers: dict[str, Any] | None) -> Any:
        return puffer_envs.make("cartpole", num_envs=count, first=first, buffers=buffers, seed=1)

    parts = Parts(make, 256, 2)
    key = next(p.name for p in puffer_envs.spec("cartpole").params if not p.fixed and p.type is int)
    value = parts.settings[key] + 1
    parts.set(key, value)
    parts.reset(1)
    assert [part.env_settings(0)[key] for part in parts.parts] == [value, value]
    parts.close()


def test_a_run_with_a_curriculum_resumes_exactly(shell: Shell, tmp_path: Path) -> None:
    rule = ["--curriculum", "difficulty: 0 to 1 by 0.1 when env.episode_length > 1 over 2"]
    options = [*SMALL, *MAZE, *rule, "--train.checkpoint-interval", "640"]
    assert shell.train("maze", *options, "--steps", STEPS, "--run-dir", "whole").status == 0
    assert shell.train("maze", *options, "--steps", 5 * 128, "--run-dir", "half").status == 0
    done = shell.train("--resume", "half", *SMALL[-3:], "--steps", STEPS)
    assert done.status == 0, done.all
    whole, half = (
        [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for name in ("whole", "half")
    )
    assert [line["curriculum/difficulty"] for line in half] == [line["curriculum/difficulty"] for line in whole]
    assert [line.get("env/shortest") for line in half[:5]] == [line.get("env/shortest") for line in whole[:5]]
    assert [line.get("env/shortest") for line in half[5:]] != [None] * 7
    assert whole[-1]["curriculum/difficulty"] >= 0.3


def test_what_comes_after_a_resume_is_the_same(tmp_path: Path) -> None:
    """The rates must not depend on the end here, so both runs have the same number of steps."""
    settings = {
        "env": {"width": 3, "height": 3, "num_levels": 64, "spread": 0.1},
        "train": {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 0},
        "policy": {"hidden": 16, "layers": 1},
        "curriculum": {"difficulty": "0 to 1 over 1000"},
    }
    whole = puffer_train.train("maze", steps=STEPS, **options(tmp_path / "whole", settings=settings))
    with (
        pytest.raises(ZeroDivisionError),
        puffer_train.Trainer("maze", steps=STEPS, **options(tmp_path / "r", settings=settings)) as trainer,
    ):
        for _ in range(5):
            trainer.iterate()
        print(1 // 0)
    resumed = puffer_train.train(resume=tmp_path / "r", threads=1, video=False, quiet=True)
    assert policy_bytes(resumed.folder) == policy_bytes(whole.folder)
    assert np.allclose(whole.metrics["curriculum/difficulty"], np.minimum(1, whole.metrics["steps"] / 1000))


def test_a_toml_file_has_a_table_for_it(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('[curriculum]\ndifficulty = "0.25 to 0.5 over 1000"\n')
    done = shell.train("maze", *SMALL, *MAZE, "--settings", "mine.toml", "--steps", 256, "--run-dir", "r")
    assert done.status == 0, done.all
    saved = json.loads((tmp_path / "r/config.json").read_text())
    assert saved["settings"]["curriculum"] == {"difficulty": "0.25 to 0.5 over 1000"}
    refused = shell.train("maze", "--curriculum", "0 to 1 over 10")
    assert refused.status == 2
    assert "names no setting: write 'KEY: FROM to TO over STEPS'" in refused.err
