"""What people see of a sweep: predicted front, calibration, importance, in a picture, a terminal, a page and a list."""

from __future__ import annotations

import io
import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from rich.console import Console
from run_folders import make_run
from test_report_page import CHROMIUM, _browse, _data

from puffer_train.cli import runs as cli_runs
from puffer_train.cli import sweep as cli_sweep
from puffer_train.report.dashboard import BEGIN_PICTURE
from puffer_train.sweep import live, picture, results, study
from puffer_train.sweep.analysis import FEWEST, analyse, importance
from puffer_train.sweep.gaussian_process import GaussianProcess
from puffer_train.sweep.job import OK, Outcome
from puffer_train.sweep.live import Running, State, Watch
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.protein import Band, Protein
from puffer_train.sweep.ranges import make_space
from puffer_train.sweep.results import Trial
from puffer_train.sweep.sweep import Sweep
from puffer_train.sweep.text_plot import ASCII, DRAWN, draw_front

pytest.importorskip("optuna")
RANGES = {"train.steps": "log 1000 to 100000", "train.gamma": "logit 0.9 to 0.99", "train.clip": "linear 0 to 1"}
PLAN = Plan("cartpole", {}, RANGES, cost="steps")


def made(number: int, steps: float, gamma: float = 0.95, clip: float = 0.5, **options: Any) -> Trial:
    """A trial whose score is the share of the steps' range, up to 900, if gamma is right."""
    share = math.log(steps / 1000) / math.log(100)
    values = {"train.steps": steps, "train.gamma": gamma, "train.clip": clip}
    return Trial(number, values, 900 * share - 200_000 * (gamma - 0.95) ** 2, steps, "model", "score", **options)


def drawn(count: int = 60) -> list[Trial]:
    space, rng = make_space(RANGES), np.random.default_rng(2)
    values = [space.values(places) for places in rng.uniform(-1, 1, (count, 3))]
    return [made(i, *of.values()) for i, of in enumerate(values)]


def front_of(trials: list[Trial]) -> list[Trial]:
    return results.front(trials, 1.0)


# --- what the models say ---


def test_importance_is_that_of_the_textbook() -> None:
    """Ishigami and Homma's function, whose indices are known: Saltelli et al. (2008), Global Sensitivity Analysis."""

    def ishigami(x: Any) -> Any:
        a, b, c = np.pi * x.T
        return np.sin(a) + 7 * np.sin(b) ** 2 + 0.1 * c**4 * np.sin(a)

    tried = np.linspace(-1, 1, 2001)[:, None].repeat(3, 1)
    alone, total = importance(ishigami, tried, np.random.default_rng(0))
    np.testing.assert_allclose(alone, [0.314, 0.442, 0.0], atol=0.06)
    np.testing.assert_allclose(total, [0.558, 0.442, 0.244], atol=0.06)
    assert not np.any(importance(lambda x: 0 * x[:, 0], tried, np.random.default_rng(0)))


def test_the_models_of_a_sweep_find_its_front_and_what_matters() -> None:
    found = analyse(make_space(RANGES), drawn())
    assert found is not None
    steps, gamma, clip = found.score.total
    assert steps > gamma > 0.1 and clip < 0.02
    assert found.cost.total[0] > 0.95 and found.cost.total[1:].max() < 0.02
    assert found.score.known > 0.9 and found.cost.known > 0.99
    best = 900 * np.log(found.front.costs / 1000) / math.log(100)  # with the best gamma
    assert np.abs(found.front.scores - best)[10:].max() < 90
    assert np.all(np.diff(found.front.costs) > 0) and np.all(np.diff(found.front.scores) > 0)
    assert np.all(found.front.low <= found.front.scores) and np.all(found.front.scores <= found.front.high)
    assert analyse(make_space(RANGES), drawn(FEWEST - 1)) is None


def test_a_score_that_is_to_be_low_has_the_same_analysis() -> None:
    high, low = (
        analyse(make_space(RANGES), [Trial(t.number, t.values, s * t.score, t.cost, "", "") for t in drawn()], s)
        for s in (1.0, -1.0)
    )
    assert high is not None and low is not None
    np.testing.assert_array_equal(high.front.scores, low.front.scores)
    np.testing.assert_array_equal(high.score.total, low.score.total)


def test_what_is_left_out_is_predicted_from_the_others() -> None:
    rng = np.random.default_rng(3)
    x = rng.uniform(-1, 1, (20, 2))
    y = np.sin(3 * x[:, 0]) + rng.normal(0, 0.1, 20)
    model = GaussianProcess(2)
    model.fit(x, y)
    model.condition(x, y)
    left_out = model.left_out()
    shift, scale = model._shift, model._scale
    others = np.arange(20) != 7
    model._set_scale = lambda values: None  # type: ignore[method-assign, assignment]
    model.condition(x[others], y[others])
    assert (model._shift, model._scale) == (shift, scale)
    assert model.predict(x[7:8])[0][0] == pytest.approx(left_out[7], abs=1e-6)


def test_two_of_three_runs_end_within_their_band() -> None:
    """Scores up to 1000 with noise of 30: expectations are in their unit, and their bands have the right width."""
    space, rng = make_space(RANGES), np.random.default_rng(4)
    search, inside = Protein(space, 5), []
    for number in range(90):
        suggested = search.suggest()
        truth = made(number, *suggested.values.values())
        score, cost = truth.score + rng.normal(0, 30), truth.cost * math.exp(rng.normal(0, 0.1))
        if suggested.score is not None and suggested.cost is not None and number > 30:
            assert suggested.score.low <= suggested.score.middle <= suggested.score.high
            inside.append(
                [
                    suggested.score.low <= score <= suggested.score.high,
                    suggested.cost.low <= cost <= suggested.cost.high,
                ]
            )
        search.observe(suggested.values, score, cost)
    shares = np.mean(inside, 0)
    assert len(inside) > 30 and np.all(shares > 0.4) and np.all(shares < 0.9), shares


@pytest.mark.parametrize("minimize", [False, True])
def test_expectations_are_kept_with_the_trials(tmp_path: Path, minimize: bool) -> None:
    plan = Plan("cartpole", {}, RANGES, cost="steps", minimize=minimize)
    plan.write(tmp_path)
    sweep = Sweep(tmp_path, plan)
    with sweep:
        for number in range(16):
            job = sweep._ask()
            truth = made(number, *job.values.values())
            costs = {"steps": truth.cost}
            outcome = Outcome(OK, "", "score", -truth.score if minimize else truth.score, costs)
            sweep._take(job, outcome, lambda *_: None)
    chosen = [trial for trial in Sweep(tmp_path, plan).finished() if trial.source == "model"]
    assert len(chosen) > 5
    for trial in chosen:
        assert trial.expected_score is not None and trial.expected_cost is not None
        assert trial.expected_score.low <= trial.expected_score.middle <= trial.expected_score.high
        assert trial.expected_cost.low < trial.expected_cost.middle < trial.expected_cost.high
    pairs = np.array([[trial.score, trial.expected_score.middle] for trial in chosen if trial.expected_score])
    assert np.corrcoef(pairs.T)[0, 1] > 0.5 and (pairs.mean(0) > 0).tolist() == [not minimize] * 2
    assert set(study.EXPECTED) <= set(sweep.study.trials[chosen[0].number].user_attrs)


def test_the_models_get_one_thread() -> None:
    source = "import os, sys; from puffer_commands import sweep; sys.argv[1:] = ['cartpole', '--trials', '0']; sweep()"
    source += "; import numpy; print(os.environ['OPENBLAS_NUM_THREADS'])"
    inherited = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run([sys.executable, "-c", source], env=inherited, capture_output=True, text=True, timeout=120)
    assert done.stdout == "1\n", done.stderr


# --- the picture ---


def texts(path: Path) -> str:
    """The texts of an SVG file, which matplotlib writes as comments."""
    return "\n".join(re.findall(r"<!-- (.*?) -->", path.read_text("utf-8")))


def test_the_picture_has_all_panels(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    trials = [made(t.number, *t.values.values(), expected_score=Band(t.score, t.score - 9, t.score + 9),
                   expected_cost=Band(t.cost * 2, t.cost * 1.9, t.cost * 2.1)) for t in drawn()]  # fmt: skip
    trials.append(Trial(60, trials[0].values, math.nan, 5.0, "free", "score", reason="it broke"))
    text = texts(picture.draw(trials, front_of(trials), PLAN, tmp_path / "front.svg"))
    for part in (
        "cartpole: what each cost buys",
        "61 runs, 1 failed",
        "front that the models predict, one deviation",
        "by the models",
        "Cost, agent steps: expected and actual",
        "Score, score: expected and actual",
        "100% within their band; 68% would be right",
        "0% within their band; 68% would be right",
        "What settings matter",
        "steps",
        "gamma",
        "1 more below 1%",
    ):
        assert part in text
    few = [Trial(0, trials[0].values, 1.0, 2.0, "another's", "score")]
    text = texts(picture.draw(few, few, PLAN, tmp_path / "few.svg"))
    assert f"A model needs {FEWEST} runs." in text and "The models have not chosen a run yet." in text
    assert "by another sampler" in text


def written_sweep(folder: Path, trials: list[Trial], **options: Any) -> Path:
    """A sweep's folder with its runs, as it is left behind."""
    plan = Plan("breakout", {}, RANGES, cost="steps", **options)
    plan.write(folder)
    sweep = Sweep(folder, plan)
    with sweep:
        for trial in trials:
            job = sweep._ask()
            outcome = Outcome(OK, "", "score", trial.score, {"steps": trial.cost, "cpu": 1.0})
            make_run(Path(job.folder), trial.number + 1, train__gamma=round(trial.values["train.gamma"], 4))
            outcome.write(Path(job.folder))
            sweep._take(job, outcome, lambda *_: None)
    return folder


@pytest.fixture
def sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two sweeps: in `a` the runs 0 and 2 are on the front, and one run of `b` beats them both."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    rows = [(2000, 10.0), (3000, 5.0), (4000, 20.0)]
    of = {"train.steps": 1000.0, "train.gamma": 0.95, "train.clip": 0.0}
    written_sweep(tmp_path / "a", [Trial(i, of, score, cost, "", "") for i, (cost, score) in enumerate(rows)])
    other = [Trial(0, of | {"train.gamma": 0.91}, 40.0, 1000, "", "")]
    written_sweep(tmp_path / "b", other, method="random")
    return tmp_path


def test_several_sweeps_are_compared(sweeps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert cli_sweep.main(["--show", "a", "b"]) == 0
    out = capsys.readouterr().out
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["a", "b"]
    # above the worst score, 5, and up to the greatest cost: b alone has all of it
    area = (5 * math.log(2) + 0 * math.log(2)) / (35 * math.log(4))
    assert lines[1:5] == [
        ["method", "protein", "random"],
        ["runs", "3", "1"],
        ["failed", "0", "0"],
        ["steps", "9k", "1k"],
    ]
    assert lines[5] == ["area", f"{area:.2f}", "1.00"]
    assert lines[6:9] == [["at", "1k", "-", "40"], ["at", "2k", "10", "40"], ["at", "4k", "20", "40"]]
    assert max(map(len, out.splitlines())) <= 80
    assert Path("a/fronts.png").stat().st_size > 5000 and not Path("a/front.png").exists()


def test_sweeps_of_other_kinds_are_not_compared(sweeps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = json.loads(Path("b/sweep.json").read_text())
    Path("b/sweep.json").write_text(json.dumps(plan | {"cost": "cpu"}))
    assert cli_sweep.main(["--show", "a", "b"]) == 2
    sentence = "a has cost steps, b cpu: only sweeps with the same cost can be compared."
    assert sentence in capsys.readouterr().err
    shutil.rmtree("b/trials")
    Path("b/journal.log").unlink()
    assert cli_sweep.main(["--show", "a", "b"]) == 2
    assert "b has no front: None of 0 runs came to its end." in capsys.readouterr().err


# --- the terminal ---


def state(count: int = 60) -> State:
    trials = drawn(count)
    lines = [live.line_of(trial, trial.number + 1, 100, PLAN, on_front=False) for trial in trials]
    lines += ["  61/100  run 60   free      failed: " + "a long reason " * 20]
    running = [Running(61 + i, 12.0, 45_200, 120_000, 0.45) for i in range(9)]
    return State("sweeps/cartpole-1", PLAN, trials, front_of(trials), running, 9, lines, 0.6, 100, 45.0, 30.0)


def printed(width: int, height: int, ascii_only: bool = False, count: int = 60) -> list[str]:
    console = Console(width=width, height=height, file=io.StringIO(), force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(live.draw(state(count), width, height, ascii_only))
    return capture.get().splitlines()


@pytest.mark.parametrize("width", [20, 44, 80, 120, 250])
@pytest.mark.parametrize("height", [8, 18, 24, 40, 80])
def test_the_live_picture_fits_every_terminal(width: int, height: int) -> None:
    lines = printed(width, height)
    assert max(map(len, lines)) <= min(width, live.WIDEST) and len(lines) < max(height, live.FIXED_LINES + 2)
    assert len(lines) == len(printed(width, height, count=10)), "it keeps its height"
    text = "\n".join(lines)
    if width >= 80 and height >= 24:
        for part in ("60 of 100 runs", "0:45 elapsed", "0:30 left", "★", "run 61", "45.2k of 120k steps", "a long"):
            assert part in text
        assert text.count("run 6") < 9 and "running, 9 in all" in text


def test_ascii_terminals_get_ascii() -> None:
    lines = printed(80, 24, ascii_only=True)
    inside = [line[2:-2] for line in lines if line[0] not in "╭╰+" and "━" not in line]
    assert len(inside) > 15 and all(line.isascii() for line in inside)


def test_the_plot_of_the_front_has_everything_in_its_place() -> None:
    points = [(1, 0), (10, 5), (10, 2), (100, 10)]
    trials = [Trial(i, {}, score, cost, "", "") for i, (cost, score) in enumerate(points)]
    lines = [line.plain for line in draw_front(trials, [trials[0], trials[1], trials[3]], 31, 7, DRAWN)]
    assert lines == [
        "      10 ┤                    ★",
        "         │                    │",
        "         │                    │",
        "       4 ┤          ★─────────┘",
        "         │          ·          ",
        "       0 ┤★─────────┘          ",
        "          1  2     10       100",
    ]
    falling = [Trial(i, {}, -trial.score, trial.cost, "", "") for i, trial in enumerate(trials)]
    lines = [line.plain for line in draw_front(falling, [falling[0], falling[1], falling[3]], 31, 6, ASCII)]
    assert lines == [
        "       0 |*---------+          ",
        "         |          .          ",
        "      -5 |          *---------+",
        "         |                    |",
        "     -10 |                    *",
        "          1  2     10       100",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_redrawn_and_a_pipe_gets_lines(sweeps: Path) -> None:
    sweep = Sweep(Path("a"), Plan.read(Path("a")))
    folder = make_run(Path("a/trials/000003"), 3, lines=20)
    job = SimpleNamespace(number=3, folder=str(folder), values={"train.steps": 40_000}, fixed={})
    pool = cast(Any, SimpleNamespace(free=1, running=[job]))
    ended = sweep.finished()
    for terminal in (True, False):
        file = Terminal() if terminal else io.StringIO()
        console = Console(file=file, width=80, height=24, force_terminal=terminal, color_system=None)
        with Watch(sweep, pool, console, 6, math.inf, math.inf) as watch:
            for trial in ended:
                watch.tell(trial, trial.number + 1)
                watch.look()
        out = file.getvalue()
        assert (BEGIN_PICTURE in out) == terminal
        assert ("3 of 6 runs" in out) == terminal and ("20k of 40k steps" in out) == terminal
        assert "   3/6  run 2    random    score 20       steps 4k  *" in out
        assert terminal or out.count("\n") == 3
    watch.state.trials = ended
    assert watch._share(ended) == 0.5


# --- the list and the page of runs ---


def test_the_list_of_runs_knows_cost_and_front(sweeps: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(Path("a/trials/000004/seed-9"), 5)  # of a trial with several seeds
    Outcome(OK, "", "score", 30.0, {"steps": 5000}).write(Path("a/trials/000004"))
    assert cli_runs.main(["a", "--sort", "cost", "--columns", "run,cost,front"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        ["run", "cost", "front"],
        ["a/trials/000000", "2000", "yes"],
        ["a/trials/000001", "3000", "-"],
        ["a/trials/000002", "4000", "yes"],
        ["a/trials/000004/seed-9", "5000", "yes"],
    ]
    assert cli_runs.main(["a", "front=yes", "--columns", "run"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
    Path("a/sweep.json").write_text("{")  # then they are runs like others
    assert cli_runs.main(["a"]) == 0
    assert "front" not in capsys.readouterr().out


def test_the_page_of_runs_has_the_fronts(sweeps: Path) -> None:
    assert cli_runs.main(["report", "a", "b", "out.html"]) == 0
    first, second = sorted(_data(Path("out.html"))["sweeps"], key=lambda sweep: str(sweep["name"]))
    assert (first["name"], first["unit"], first["metric"], len(second["points"])) == ("a", "steps", "score", 1)
    assert [(p["trial"], p["cost"], p["score"], p["front"], p["run"]) for p in first["points"]] == [
        (0, 2000, 10, True, "a/trials/000000"),
        (1, 3000, 5, False, "a/trials/000001"),
        (2, 4000, 20, True, "a/trials/000002"),
    ]


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: chromium or google-chrome is not on the PATH")
def test_a_browser_draws_the_fronts(sweeps: Path) -> None:
    assert cli_runs.main(["report", "a", "b", "out.html"]) == 0
    document = _browse(Path("out.html").resolve(), sweeps)
    assert document.count("<circle") == 4 and "a: 3 runs, 2 on the front" in document
    assert "score against cost (steps, logarithmic)" in document
    assert "b, run 0\nscore 40 for 1000 steps\ntrain.gamma 0.91" in document
    make_run(Path("c/run"))
    assert cli_runs.main(["report", "c", "plain.html"]) == 0
    assert re.search(r'id="sweeps" hidden', _browse(Path("plain.html").resolve(), sweeps))
