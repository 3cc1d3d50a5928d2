"""`puffer-runs report`: its data, that the page loads nothing, and what a real browser makes of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from run_folders import evaluate, make_run

from puffer_train.cli import runs as cli_runs
from puffer_train.report.page import pack, packed_curves, thinned, unpack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
KILLED = "still running, or killed"


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page of two seeds of one training, a third run with another gamma, and a crashed one of `pong`."""
    monkeypatch.chdir(tmp_path)
    evaluate(make_run(tmp_path / "runs/first", 1), 90)
    make_run(tmp_path / "runs/second", 2)
    make_run(tmp_path / "runs/third", 3, train__gamma=0.9)
    make_run(tmp_path / "runs/pong", 4, environment="pong", lines=20, ended=KILLED)
    note = '</script><b id="broken">&'
    (tmp_path / "runs/third/labels.json").write_text(json.dumps({"tags": ["best"], "note": note}))
    assert cli_runs.main(["report", "runs", "out.html"]) == 0
    return tmp_path / "out.html"


def _data(page: Path) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


def test_the_page_knows_every_run(page: Path) -> None:
    data = _data(page)
    runs = {run["run"]: run for run in data["runs"]}
    assert list(runs) == ["pong", "third", "second", "first"]  # the newest first
    assert runs["first"]["evaluated"] == {"score": 90}
    assert runs["second"]["evaluated"] == {} and runs["second"]["trained"]["score"] == 200
    assert runs["pong"]["status"] == "crashed" and runs["pong"]["early"] and not runs["first"]["early"]
    assert runs["third"]["tag"] == "best" and runs["third"]["note"].startswith("</script>")
    assert runs["third"]["facts"] == {"train.gamma": 0.9} and data["common"]["breakout"]["policy.hidden"] == 32
    assert runs["first"]["training"] == runs["second"]["training"] != runs["third"]["training"]


def test_curves_are_thinned_and_keep_their_course(page: Path) -> None:
    run = next(run for run in _data(page)["runs"] if run["run"] == "second")
    steps, score = (unpack(run["curves"][name]) for name in ("steps", "score"))
    assert len(steps) == len(score) == 150  # of 200 lines
    np.testing.assert_allclose(score, steps / 1000, rtol=1e-4)  # it rises to 200 in 200,000 steps
    assert {"seconds", "updates", "entropy", "race.time", "steps_per_second"} <= set(run["curves"])


def test_a_thinned_statistic_is_weighted_by_its_episodes() -> None:
    columns = {"steps": np.arange(1.0, 5), "env/n": np.array([1.0, 3, 0, 2]), "loss": np.array([1.0, 3, 5, np.nan])}
    columns["env/score"] = np.array([0.0, 4, 9, 8])
    found = thinned(columns, 2)
    np.testing.assert_allclose(found["env/score"], [3, 8])
    np.testing.assert_allclose(found["loss"], [2, 5])


def test_packed_numbers_come_back() -> None:
    numbers = np.array([-3.0, np.nan, 1e6, 12.5])
    np.testing.assert_allclose(unpack(pack(numbers)), numbers, atol=1e6 / 2**18)
    assert packed_curves({}, 10) == {} and np.isnan(unpack(pack(np.array([np.nan])))).all()


def test_the_page_loads_nothing(page: Path) -> None:
    text = page.read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|//\w+\.\w|<link|<img|<iframe|\bsrc=|@import|url\(|fetch\(|import\(", text)


def test_what_the_report_refuses(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    for words, sentence in {
        ("report", "runs"): "runs: a report is a page. Name a file that ends with .html.",
        ("report", "env=snake", "x.html"): "no run meets env=snake.",
        ("report", "runs", "absent/x.html"): "cannot write absent/x.html: No such file or directory.",
    }.items():
        assert cli_runs.main(words) != 0
        assert sentence in capsys.readouterr().err
    assert not Path("x.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: chromium or google-chrome is not on the PATH")
def test_a_browser_shows_the_rows_that_the_filter_leaves(page: Path, tmp_path: Path) -> None:
    document = _browse(page, tmp_path, filter="breakout score>80", stat="score", sort="score", down="0")
    assert _rows(document) == ["first", "second", "third"]
    assert ">90<" in document and ">~200<" in document  # evaluated, and from training
    assert "3 runs of 4" in document and "gamma 0.98, 2 seeds" in document  # one curve
    assert "train.gamma" in document and "0.9: mean 300 (n=1), 0.98: mean 145 (n=2)" in document
    assert 'id="broken"' not in document and 'data-theme="dark"' in _browse(page, tmp_path, theme="dark")
    assert _rows(_browse(page, tmp_path, filter="status=crashed")) == ["pong"]


def _browse(page: Path, tmp_path: Path, **state: str) -> str:
    """Return the document of the page after its script ran, with this state of its controls."""
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    command += ["--dump-dom", f"{page.as_uri()}#{urlencode(state)}"]
    document = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'data-ready="1"' in document
    return document


def _rows(document: str) -> list[str]:
    """Return the runs in the table, in order."""
    return re.findall(r'aria-label="draw ([^"]+)"', document)
