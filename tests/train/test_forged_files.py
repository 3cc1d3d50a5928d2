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
from puffer_train.storage.labels import LABELS, Labels, read_labels
from puffer_train.storage.lock import LOCK, FolderLock, find_holder
from puffer_train.sweep.folder import Swept
from puffer_train.sweep.job import OUTCOME, SWEEP, TRIALS, Outcome
from puffer_train.sweep.plan import Plan

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


DEEP = "[" * 100_000


@pytest.mark.parametrize(
    "text", [DEEP, "7", "[]", '{"steps": "7", "costs": 1, "status": "ok"}', '{"mean": "x"}', "\udc80"]
)
def test_small_files_of_runs_and_sweeps_that_hold_anything(text: str, tmp_path: Path) -> None:
    for name in (OUTCOME, SWEEP, LABELS, folder.CONFIG, folder.EVALUATION, LOCK):
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    (tmp_path / TRIALS).mkdir()
    assert Outcome.read(tmp_path) is None
    assert Swept.read(tmp_path) is None
    assert read_labels(tmp_path) == Labels()
    assert not isinstance(folder.read_evaluation(tmp_path), list)
    for read in (Plan.read, folder.read_config):
        with pytest.raises(ConfigError, match="is not"):
            read(tmp_path)
    with FolderLock(tmp_path):
        (tmp_path / LOCK).write_bytes(text.encode("utf-8", "surrogateescape"))
        assert find_holder(tmp_path) == "another process"


@pytest.mark.parametrize(
    "change", [{"score": "one"}, {"score": None}, {"costs": {"cpu": None}}, {"costs": {"cpu": 10**400}}]
)
def test_an_outcome_that_was_written_by_hand(change: dict[str, Any], tmp_path: Path) -> None:
    Outcome("ok", score=2.0, costs={"cpu": 1.0}).write(tmp_path)
    whole = Outcome.read(tmp_path)
    assert whole is not None and (whole.score, whole.costs) == (2.0, {"cpu": 1.0})
    (tmp_path / OUTCOME).write_text(json.dumps(json.loads((tmp_path / OUTCOME).read_text()) | change))
    assert Outcome.read(tmp_path) is None
