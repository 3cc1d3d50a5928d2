"""Training in a notebook: a picture in the cell that is replaced, and the result as HTML."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import puffer_train
from puffer_train.report import dashboard
from puffer_train.report.notebook import cell_picture, curve
from tests.train.test_python_api import STEPS, options


class Cell:
    """The output of a cell, as IPython keeps it."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.updates = 0

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Cell:
        assert raw
        assert display_id
        self.shown.append(data["image/svg+xml"])
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.shown[-1] = data["image/svg+xml"]
        self.updates += 1


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """A notebook's kernel runs this process."""
    cell, ipython, display = Cell(), ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display.display = cell.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return cell


def test_training_shows_one_picture_that_is_replaced(
    cell: Cell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dashboard, "CELL_SECONDS", 0.0)
    settings = options(tmp_path / "r", quiet=False)
    puffer_train.train("squared", steps=STEPS, **settings)
    assert len(cell.shown) == 1
    assert cell.updates >= 9
    picture = ElementTree.fromstring(cell.shown[0])
    assert "of 1.28k steps" in "".join(picture.itertext()).replace("\xa0", " ")
    printed = capsys.readouterr().out
    assert "\x1b[" not in printed, "a cell is no terminal"
    assert "steps/s  " not in printed, "no lines beside the picture"


def test_outside_of_notebooks_there_is_no_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert cell_picture() is None
    plain: Any = ModuleType("IPython")
    plain.get_ipython = SimpleNamespace  # the shell in a terminal
    monkeypatch.setitem(sys.modules, "IPython", plain)
    assert cell_picture() is None


def test_a_run_shows_its_score_its_curve_and_its_video(tmp_path: Path) -> None:
    settings = {"train": {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 8}}
    run = puffer_train.train("squared", steps=40 * 128, **options(tmp_path / "r", settings=settings))
    (run.folder / "video.mp4").write_bytes(b"film")
    page = run._repr_html_()
    assert "<b>squared</b>, seed 1, finished: 5.12k steps" in page
    assert f"score {run.evaluation['score']['mean']:.4g}" in page
    assert "<polyline" in page
    assert 'src="data:video/mp4;base64,ZmlsbQ=="' in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page), "nothing is loaded"


def test_a_curve_ends_in_its_corners() -> None:
    drawn = ElementTree.fromstring(curve(np.array([10.0, 20.0, 40.0]), np.array([1.0, np.nan, 3.0]), "a<b"))
    first, last = drawn.find("polyline").get("points").split()  # type: ignore[union-attr]
    assert last == "472.0,8.0"
    assert first.split(",")[1] == "116.0"
    assert [text.text for text in drawn.iter("text")] == ["3", "1", "40 steps", "a<b"]
    assert curve(np.array([1.0]), np.array([np.nan]), "x") == ""
