"""Files that somebody changed, checksums and all: refused in a sentence. `tests/fuzz/run.py files` tries many more."""

from __future__ import annotations

import importlib
import json
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from puffer_train import config
from puffer_train.environments.parts import Parts
from puffer_train.errors import ConfigError
from puffer_train.storage import folder

FUZZ = Path(__file__).parents[1] / "fuzz"
INPUTS = {"replays": 60, "snapshots": 300, "policies": 80, "metrics": 20, "settings": 80, "checkpoints": 6, "runs": 30}


@pytest.fixture(scope="module")
def fuzzer() -> ModuleType:
    if sys.platform != "linux":
        pytest.skip("the limits on memory and time are those of Linux")
    sys.path.insert(0, str(FUZZ))
    return importlib.import_module("files")


@pytest.mark.parametrize("kind", INPUTS)
def test_changed_files_are_refused(kind: str, fuzzer: ModuleType, tmp_path: Path) -> None:
    assert set(fuzzer.KINDS) == set(INPUTS)
    said = fuzzer.fuzz(kind, 0, tmp_path, inputs=INPUTS[kind], first=10**6)
    assert said.startswith(f"{kind}: {INPUTS[kind]} inputs")


def test_a_reader_that_fails_is_found(fuzzer: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise KeyError("steps")

    monkeypatch.setattr(fuzzer.Settings, "read", read)
    with pytest.raises(SystemExit, match="settings: a finding, input 5"):
        fuzzer.fuzz("settings", 0, tmp_path, inputs=1, first=5)
    assert (tmp_path / "settings-5").exists()


@pytest.mark.parametrize("value", ["9" * 400, "-" + "9" * 400, "inf", "[" * 2000 + "]" * 2000])
def test_numbers_that_no_float_holds_and_deep_lists_are_no_settings(value: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"[train]\nlearning_rate = {value}\n")
    with pytest.raises(ConfigError, match=r"own.toml.*(must be a number|not valid TOML)"):
        config.load("squared", tmp_path / "own.toml")


class Part:
    """As little of an environment as `Parts` needs."""

    num_agents = 64
    action_masks = agent_mask = None

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs

    def __getattr__(self, name: str) -> NDArray[Any]:
        return np.zeros(64)

    def close(self) -> None:
        """Nothing is open."""


def test_a_snapshot_of_parts_whose_length_leads_backwards() -> None:
    parts = Parts(lambda num_envs, first, buffers: Part(num_envs), 1, 1)
    with pytest.raises(ValueError, match="negative"):
        parts.restore(struct.pack("<qq", 1 << 60, -8))


GOOD: dict[str, Any] = {"command": "x", "started": "", "seconds": 1, "from_steps": 0, "to_steps": 5, "ended": ""}


@pytest.mark.parametrize("change", [{"seconds": "9"}, {"to_steps": -1}, {"from_steps": None}, {"to_steps": 1 << 70}])
def test_a_history_that_was_written_by_hand(change: dict[str, Any], tmp_path: Path) -> None:
    saved = {
        "environment": "squared",
        "settings": {"train": {}},
        "log": [],
        "history": [GOOD, GOOD | change],
        "seed": 1,
    }
    (tmp_path / folder.CONFIG).write_text(json.dumps(saved))
    assert folder.read_config(tmp_path)["history"] == [GOOD]
    (tmp_path / folder.CONFIG).write_text(json.dumps(saved | {"settings": {"train": 3}}))
    with pytest.raises(ConfigError, match="not a run folder"):
        folder.read_config(tmp_path)


def test_metrics_with_a_new_name_in_every_line_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps({"steps": i, f"name{i}": 1.5}) for i in range(200)]
    (tmp_path / folder.METRICS).write_text("\n".join(lines))
    assert len(folder.read_metrics(tmp_path)) == 201
    monkeypatch.setattr(folder, "MAX_NUMBERS", 200 * 70)
    columns = folder.read_metrics(tmp_path)
    assert len(columns) == 70 and columns["steps"].tolist() == list(range(200))
    assert columns["name3"][3] == 1.5 and np.isnan(columns["name3"][2])
