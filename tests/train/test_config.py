"""Settings: every mistake is one clear line, and every source goes through the same check."""

import dataclasses
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest

import puffer_envs
from puffer_train import config, shipped
from puffer_train.config import Settings, overlay
from puffer_train.errors import ConfigError


def test_later_sources_win_and_text_is_read() -> None:
    settings = overlay(Settings(), {"train": {"gamma": 0.5, "steps": 7}, "env": {"speed": 3}}, "file")
    settings = overlay(
        settings,
        {
            "train": {"gamma": "0.25", "steps": "2e7", "normalize_advantages": "false"},
            "env": {"speed": 4, "wrap": True, "map": "small"},
        },
        "command line",
    )
    assert settings.train.gamma == 0.25
    assert settings.train.steps == 20_000_000
    assert settings.train.normalize_advantages is False
    assert settings.env == {"speed": 4, "wrap": True, "map": "small"}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"trian": {}}, r"no table \[trian\].*Did you mean 'train'"),
        ({"train": 3}, r"\[train\] must be a table"),
        ({"train": {"learning_rat": 1}}, "train.learning_rat is not a setting. Did you mean 'learning_rate'"),
        ({"train": {"gamma": "high"}}, "train.gamma is 'high'; it must be a number"),
        ({"train": {"gamma": True}}, "train.gamma is True; it must be a number"),
        ({"train": {"gamma": 1.5}}, "train.gamma is 1.5; it must be between 0 and 1"),
        ({"train": {"gamma": float("nan")}}, "train.gamma is nan; it must be a number"),
        ({"train": {"gamma": "nan"}}, "train.gamma is 'nan'; it must be a number"),
        ({"train": {"learning_rate": float("inf")}}, "train.learning_rate is inf"),
        ({"train": {"learning_rate": -1}}, "train.learning_rate is -1; it must be at least 0"),
        ({"train": {"horizon": 2.5}}, "train.horizon is 2.5; it must be a whole number"),
        ({"train": {"horizon": 0}}, "train.horizon is 0; it must be at least 1"),
        ({"train": {"normalize_advantages": 1}}, "must be true or false"),
        ({"train": {"horizon": 3, "minibatch": 64}}, "64 is not a multiple of train.horizon 3"),
        ({"policy": {"hidden": "x"}}, "policy.hidden is 'x'; it must be a whole number"),
        ({"policy": {"cell": "gru"}}, "policy.cell is 'gru'; it must be mingru or lstm"),
        ({"policy": {"encoder": 3}}, "policy.encoder is 3; it must be auto, flat, grid, image, embedding or fields"),
        ({"policy": {"value_head": True}}, "policy.value_head is True; it must be scalar or distribution"),
        (
            {"env": {"speed": [1, None]}},
            r"env.speed is None; it must be a number, true, false, text, a list or a table",
        ),
        ({"env": {"speed": {"wind": math.nan}}}, "env.speed.wind is not a number"),
        ({"wrap": {"stack": 0}}, "wrap.stack is 0: it must be a whole number from 1 to 64"),
        ({"wrap": {"size": [84, 0]}}, r"wrap.size is \[84, 0\]: it must be a side or \[height, width\]"),
        ({"wrap": {"choices": {"image": 0.5}}}, "wrap.choices is .* it must be a table of names"),
        ({"env": {"speed": math.nan}}, "env.speed is not a number"),
    ],
)
def test_mistakes_are_one_line(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        overlay(Settings(), tables, "here")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("here") or "minibatch" in str(caught.value)


def test_files_are_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\ngamma = 0.5\n[env]\nspeed = 2\n")
    assert config.load("nothing-of-this-name", file).train.gamma == 0.5
    file.write_text("[train\n")
    with pytest.raises(ConfigError, match=r"mine\.toml is not valid TOML"):
        config.load("nothing-of-this-name", file)
    with pytest.raises(ConfigError, match="cannot read the settings file"):
        config.load("nothing-of-this-name", tmp_path / "missing.toml")


SHIPPED = Path(config.__file__).parent / "settings"


def packaged() -> list[Path]:
    found = [path for folder in (SHIPPED, SHIPPED / "fast", SHIPPED / "best") for path in folder.glob("*.toml")]
    return sorted(found)


@pytest.mark.parametrize("file", packaged(), ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_packaged_settings_are_valid(file: Path) -> None:
    variant = file.parent.name if file.parent != SHIPPED else "balanced"
    settings = config.load(file.stem, variant).as_dict()
    tables = tomllib.loads(file.read_text())
    tables.pop("sweep", None)  # ranges, which test_sweep reads
    for table, values in tables.items():
        assert {key: settings[table][key] for key in values} == values


def test_settings_for_other_costs() -> None:
    assert config.load("cartpole", "fast").train.steps < config.load("cartpole").train.steps
    assert config.load("cartpole", "balanced") == config.load("cartpole")
    assert {file.stem for file in packaged() if file.parent != SHIPPED} <= set(puffer_envs.list_envs())
    with pytest.raises(ConfigError, match="no settings 'fast' ship for python; choose balanced, or the path of a TOML"):
        config.load("python", "fast")
    with pytest.raises(ConfigError, match="settings 'best' belong to an environment"):
        config.load(None, "best")


@pytest.mark.parametrize("section", config.SECTIONS.values())
def test_every_setting_explains_itself(section: type[Any]) -> None:
    notes = config.field_help(section)
    for field in dataclasses.fields(section):
        assert len(notes[field.name]) > 10


def test_settings_survive_json() -> None:
    settings = overlay(Settings(), {"train": {"gamma": 0.5}, "env": {"speed": 3}}, "test")
    assert overlay(Settings(), settings.as_dict(), "config.json") == settings


def test_families_of_other_packages_environments(tmp_path: Path) -> None:
    pong = config.load("gymnasium:ALE/Pong-v5")
    assert pong.env["[wrap]"] == shipped.families()["atari"]["wrap"] and pong.policy.hidden == 128
    assert config.load("gymnasium:ale_py:ALE/Pong-v5") == pong == config.load("gymnasium:PongNoFrameskip-v4")
    assert config.load("gymnasium:CartPole-v1").env == {}
    file = tmp_path / "mine.toml"
    file.write_text("[wrap]\nstack = 2\n[env.config]\nlanes = [1, 2]\n")
    mine = config.load("gymnasium:ALE/Pong-v5", file)
    assert mine.env["config"] == {"lanes": [1, 2]}
    wrap = mine.env["[wrap]"]
    assert isinstance(wrap, dict) and wrap == {**shipped.families()["atari"]["wrap"], "stack": 2}
    again = overlay(Settings(), mine.as_dict(), "config.json")
    assert again == mine, "what a run writes down is read again"


@pytest.mark.parametrize("family", shipped.families())
def test_the_settings_of_a_family_are_valid(family: str) -> None:
    patterns = shipped.families()[family]["match"]
    for pattern in patterns:
        name = pattern.replace("*", "X")
        assert shipped.family(name) == family, "no other family has it"
        config.load(name)
