"""`puffer-envs info` and `bench` of environments that are not native."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from puffer_envs import foreign
from puffer_envs.cli import main


def test_facts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "gymnasium:FrozenLake-v1", "--env.is-slippery", "false", "--wrap.stack", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["observation"] == [{"name": "value", "kind": "choices", "shape": [2], "choices": 16}]
    assert found["actions"] == {"kind": "discrete", "sizes": [4]}
    assert {"is_slippery", "map_name"} <= set(found["settings"])
    assert main(["info", "gymnasium:Pendulum-v1"]) == 0
    shown = capsys.readouterr().out
    assert "1 continuous" in shown and "observation  3      float32 numbers    -8   8" in shown


def test_speed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "speed.json"
    arguments = ["bench", "gymnasium:CartPole-v1", "--num-envs", "3", "--seconds", "0.01", "--json", str(out)]
    assert main(arguments) == 0
    (figures,) = json.loads(out.read_text())["measurements"]
    assert figures["num_agents"] == 3 and figures["workers"] == 0
    assert 0 < figures["slowest"] <= figures["steps_per_second"] <= figures["fastest"]
    assert "gymnasium:CartPole-v1" in capsys.readouterr().out


def test_settings_that_are_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'gravity'"):
        foreign.facts("gymnasium:CartPole-v1", {"gravity": 3})
