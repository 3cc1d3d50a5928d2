"""The picture of a run: what is put together, what is drawn, and what cannot be."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_folders import IDENTITY, evaluate, make_run

from puffer_train.cli import plot as cli_plot
from puffer_train.cli import train as cli_train
from puffer_train.errors import ConfigError
from puffer_train.report import axes, curves, plot
from puffer_train.report.plot import View

pytest.importorskip("matplotlib")


def labels(*folders: Path) -> list[tuple[str, int]]:
    groups = curves.group_runs([curves.read_run(folder) for folder in folders])
    return [(group.label, len(group.runs)) for group in groups]


# --- what belongs together ---


def test_runs_that_differ_in_their_seeds_are_one_curve(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / str(seed), seed) for seed in (1, 2, 3)]
    runs.append(make_run(tmp_path / "kept", 4, train__checkpoints_kept=9))
    assert labels(*runs) == [("breakout", 4)]


def test_others_are_named_by_what_they_differ_in(tmp_path: Path) -> None:
    base = [make_run(tmp_path / str(seed), seed) for seed in (1, 2)]
    gamma = make_run(tmp_path / "gamma", train__gamma=0.9)
    frameskip = make_run(tmp_path / "frameskip", env__frameskip=4)
    assert labels(*base, gamma) == [("gamma 0.98", 2), ("gamma 0.9", 1)]
    assert labels(*base, gamma, frameskip) == [
        ("gamma 0.98, frameskip 2", 2),
        ("gamma 0.9, frameskip 2", 1),
        ("gamma 0.98, frameskip 4", 1),
    ]
    pong = make_run(tmp_path / "pong", environment="pong", train__gamma=0.5, policy__hidden=64)
    assert labels(*base, pong) == [("breakout", 2), ("pong", 1)], "settings of other environments tell nothing"
    assert labels(*base, gamma, pong) == [("breakout, gamma 0.98", 2), ("breakout, gamma 0.9", 1), ("pong", 1)]
    much = make_run(tmp_path / "much", train__steps=1, train__gamma=0.1, policy__hidden=1, env__a=True)
    assert labels(*base, much)[1] == ("steps 1, gamma 0.1, hidden 1, ... (much)", 1)


def test_runs_before_and_after_an_edit_are_not_averaged(tmp_path: Path) -> None:
    before = [make_run(tmp_path / str(seed), seed) for seed in (1, 2)]
    after = make_run(tmp_path / "after", 3, identity=IDENTITY | {"environment_code": "f" * 64})
    assert labels(*before, after) == [("environment code eeeeeeee", 2), ("environment code ffffffff", 1)]
    runs = [curves.read_run(folder) for folder in (*before, after)]
    (sentence,) = curves.unexpected(curves.group_runs(runs))
    assert sentence == (
        "runs of breakout are not averaged: they differ in environment code (eeeeeeee, ffffffff). Draw them as one "
        "with --ignore 'environment code'."
    )
    ignoring = [curves.read_run(folder, ["*code"]) for folder in (*before, after)]
    assert [len(group.runs) for group in curves.group_runs(ignoring)] == [3]


def test_runs_of_unknown_code_are_not_averaged(tmp_path: Path) -> None:
    old = [make_run(tmp_path / str(seed), seed, identity=None) for seed in (1, 2)]
    assert labels(*old) == [("unknown code (1)", 1), ("unknown code (2)", 1)]
    (sentence,) = curves.unexpected(curves.group_runs([curves.read_run(folder) for folder in old]))
    assert "it is unknown which code made some of them" in sentence
    assert len(curves.group_runs([curves.read_run(folder, ["*code"]) for folder in old])) == 1


def test_environments_that_count_differently_share_perf(tmp_path: Path) -> None:
    runs = [curves.read_run(make_run(tmp_path / name, environment=name)) for name in ("pong", "snake")]
    assert curves.columns_of(runs) == ["env/perf"]
    assert curves.columns_of(runs[:1]) == ["env/score"]


def test_statistics_are_chosen_by_name_or_pattern(tmp_path: Path) -> None:
    runs = [curves.read_run(make_run(tmp_path / "a"))]
    assert curves.columns_of(runs, "perf, entropy,race.*") == ["env/perf", "entropy", "env/race.time"]
    assert curves.columns_of(runs, "env/perf,p*") == ["env/perf"]
    with pytest.raises(ConfigError, match=r"no run has the statistic 'pref'. Did you mean 'perf'\?"):
        curves.columns_of(runs, "pref")


# --- curves ---


def test_a_curve_is_averaged_between_edges() -> None:
    x = np.arange(1.0, 9.0)
    y = np.array([1, 3, np.nan, np.nan, 5, 7, 0, 10])
    edges = np.array([0.0, 2, 4, 6, 8, 10])
    assert curves.averaged(x, y, edges) == pytest.approx([2, 4, 6, 5, np.nan], nan_ok=True)
    weight = np.array([1, 3, 1, 1, 1, 1, 9, 1.0])
    assert curves.averaged(x, y, edges, weight) == pytest.approx([2.5, 4.25, 6, 1, np.nan], nan_ok=True)
    assert np.isnan(curves.averaged(x, np.full(8, np.nan), edges)).all()


def test_a_band_has_the_mean_and_the_extremes_or_quartiles(tmp_path: Path) -> None:
    runs = [curves.read_run(make_run(tmp_path / str(seed), seed, lines=160)) for seed in range(1, 8)]
    few, many = curves.band_of(runs[:3], "steps", "env/score"), curves.band_of(runs, "steps", "env/score")
    assert few.x == pytest.approx(np.arange(160) * 1000 + 500)
    fraction = np.arange(1, 161) / 160
    assert few.mean == pytest.approx(200 * fraction)
    assert (few.low, few.high) == (pytest.approx(100 * fraction), pytest.approx(300 * fraction))
    assert (many.low, many.high) == (pytest.approx(250 * fraction), pytest.approx(550 * fraction))


def test_over_time_a_run_that_ended_stays_as_good_as_it_was(tmp_path: Path) -> None:
    quick, slow = (curves.read_run(make_run(tmp_path / str(seed), seed, lines=160)) for seed in (1, 2))
    band = curves.band_of([quick, slow], "seconds", "env/score")
    assert band.x[-1] == pytest.approx(160, abs=1)
    assert band.low[-40:].tolist() == pytest.approx([100] * 40, abs=1)
    assert band.mean[-1] == pytest.approx(150, abs=1)


def test_over_steps_the_mean_is_of_the_runs_that_got_so_far(tmp_path: Path) -> None:
    long, short = make_run(tmp_path / "1", 1, lines=160), make_run(tmp_path / "2", 2, lines=80)
    band = curves.band_of([curves.read_run(long), curves.read_run(short)], "steps", "env/score")
    assert band.mean[[39, 79]] == pytest.approx([(25 + 100) / 2, (50 + 200) / 2])
    assert band.mean[-1] == pytest.approx(100)


def test_labels_do_not_cover_each_other() -> None:
    assert axes.spread_out([5, 1], [1, 1], 0, 10) == [5, 1], "nothing to do"
    wanted, heights = [9.9, 10.0, 9.8, 0.1], [2, 2, 1, 1]
    middles = axes.spread_out(wanted, heights, 0, 10)
    order = np.argsort(wanted)
    for a, b in itertools.pairwise(order):
        assert middles[b] - middles[a] >= (heights[a] + heights[b]) / 2 - 1e-9
    assert min(m - h / 2 for m, h in zip(middles, heights, strict=True)) >= 0
    assert max(m + h / 2 for m, h in zip(middles, heights, strict=True)) <= 10


def test_ticks_of_time() -> None:
    assert axes.time_ticks(100) == ([0, 20, 40, 60, 80, 100], ["0 s", "20 s", "40 s", "60 s", "80 s", "100 s"])
    assert axes.time_ticks(1000)[1] == ["0 min", "5 min", "10 min", "15 min"]
    assert axes.time_ticks(5 * 3600)[1] == [f"{h} h" for h in range(6)]
    for end in (1e-3, 1e8):
        assert 1 <= len(axes.time_ticks(end)[0]) <= 8


# --- the picture ---


def texts(figure: Any) -> set[str]:
    from matplotlib.text import Text  # noqa: PLC0415

    return {text.get_text() for text in figure.findobj(Text)}


def test_a_picture_says_what_it_shows(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / str(seed), seed) for seed in (1, 2)] + [make_run(tmp_path / "b", 3, train__gamma=0.9)]
    for folder, mean in zip(runs, (80, 120, 300), strict=True):
        evaluate(folder, mean)
    figure = plot.draw([curves.read_run(folder) for folder in runs])
    said = texts(figure)
    assert {"breakout: score", "gamma 0.98\n100", "gamma 0.9\n300", "agent steps"} <= said
    assert "mean of 1 to 2 runs, band: least to greatest; dot: evaluation on fresh full episodes" in said
    by_steps, by_time = figure.axes
    lines = [line for line in by_steps.lines if len(line.get_xdata()) > 2]
    assert [line.get_color() for line in lines] == list(plot.COLOURS[:2])
    dots = [line for line in by_steps.lines if line.get_marker() == "o"]
    assert [(*line.get_xdata(), *line.get_ydata()) for line in dots] == [(200_000, 100), (200_000, 300)]
    assert len(by_steps.collections) == 1, "one band, for the group of two"
    assert len(by_time.lines) == len(by_steps.lines)


def test_curves_add_a_panel_each(tmp_path: Path) -> None:
    runs = [curves.read_run(make_run(tmp_path / "a"))]
    figure = plot.draw(runs, View(["env/score"], curves=True))
    assert len(figure.axes) == 2 + len(plot.CURVES)
    assert set(plot.CURVES.values()) <= {axes.get_title("left") for axes in figure.axes}
    assert "not reported" in texts(figure), "value loss, say, is not in these files"
    rate = next(axes for axes in figure.axes if axes.get_title("left") == "steps per second")
    assert rate.lines[0].get_ydata() == pytest.approx(2000)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_every_kind_of_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str) -> None:
    out = tmp_path / f"picture{suffix}"
    assert cli_plot.main([str(make_run(tmp_path / "a")), "-o", str(out), "--curves"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    start = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix]
    assert out.read_bytes().startswith(start)


def test_runs_that_are_not_whole(tmp_path: Path) -> None:
    """Killed in the middle of a line, without a score yet, without the clock of old runs."""
    killed, silent, timeless = (make_run(tmp_path / name, lines=30) for name in ("killed", "silent", "timeless"))
    text = (killed / "metrics.jsonl").read_text()
    (killed / "metrics.jsonl").write_text(text[:-40])
    (silent / "metrics.jsonl").write_text("".join(f'{{"steps": {i}, "seconds": {i}}}\n' for i in range(1, 4)))
    (timeless / "metrics.jsonl").write_text(text.replace('"seconds"', '"elsewhere"'))
    (killed / "evaluation.json").write_text('{"episodes": 8, "score": {"me')
    assert len(curves.read_run(killed).over("steps")) == 29
    for i, folders in enumerate(([killed], [silent], [timeless], [killed, silent, timeless])):
        runs = [curves.read_run(folder) for folder in folders]
        plot.save(plot.draw(runs, View(curves.columns_of(runs), curves=True)), tmp_path / f"{i}.png")
    assert "no episode ended yet" in texts(plot.draw([curves.read_run(silent)]))


# --- the command ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: RUN"),
        (["nowhere"], "nowhere is not a run folder: it has no readable config.json."),
        (["empty"], "empty has nothing to draw yet: its metrics.jsonl has no whole line."),
        (["empty", "nowhere"], "empty has nothing to draw yet: its metrics.jsonl has no whole line."),
        (["a", "--statistic", "lives"], "no run has the statistic 'lives'. Known: entropy, n, perf, race.time, "),
        (["a", "--stat", "race.*,x*"], "no run has the statistic 'x*'."),
        (["a", "--over", "hours"], "'hours' must be one of steps"),
        (["a", "-o", "picture.gif"], "its name must end in .png, .svg, .pdf"),
        (["a", "-o", "no/such/folder.png"], "cannot write no/such/folder.png: No such file or directory."),
        (["a", "--curve"], "there is no option '--curve'. Did you mean '--curves'?"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "a")
    make_run(tmp_path / "empty", lines=0)
    assert cli_plot.main(arguments) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("puffer-plot: ")
    assert message in said.err


def test_a_run_that_cannot_be_drawn_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "a")
    make_run(tmp_path / "empty", lines=0)
    assert cli_plot.main(["empty", "a", "nowhere", "-o", "a.png"]) == 0
    said = capsys.readouterr()
    assert said.out == "a.png\n"
    assert said.err.splitlines() == [
        "puffer-plot: skipped: empty has nothing to draw yet: its metrics.jsonl has no whole line.",
        "puffer-plot: skipped: nowhere is not a run folder: it has no readable config.json.",
        "puffer-plot: drew 1 of 3 runs.",
    ]


def test_a_picture_is_named_after_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = curves.read_run(make_run(tmp_path / "a"))
    other = replace(run, environment="gymnasium:CartPole-v1")
    assert plot.file_name([run], View(["env/score"])) == f"{run.environment}-score.png"
    name = plot.file_name([other], View(["env/episode_return"], curves=True))
    assert name == "gymnasium-CartPole-v1-episode_return-curves.png"
    assert plot.file_name([run, other], View(["env/perf"])) == "2-environments-perf.png"
    assert plot.file_name([run], View(["env/perf", "entropy"])) == "breakout-2-statistics.png"
    name = plot.file_name([run], View(curves.columns_of([run])))
    for said in (f"{name}\n", f"{name} (replaced)\n"):
        assert cli_plot.main(["a"]) == 0
        assert capsys.readouterr().out == said


def test_any_statistic_can_be_drawn(tmp_path: Path) -> None:
    run = curves.read_run(make_run(tmp_path / "a"))
    for name in run.columns.keys() - {"steps", "seconds", "updates"}:
        assert curves.columns_of([run], curves.title(name)) == [name]
        words = curves.title(name).replace("_", " ")
        assert any(text.endswith(words) for text in texts(plot.draw([run], View([name]))))


def test_several_statistics_have_a_panel_each(tmp_path: Path) -> None:
    runs = [curves.read_run(make_run(tmp_path / str(seed), seed)) for seed in (1, 2)]
    runs.append(curves.read_run(make_run(tmp_path / "gamma", train__gamma=0.9)))
    figure = plot.draw(runs, View(["env/perf", "env/race.time", "entropy"], over="updates"), left_out=2)
    assert [axes.get_title("left") for axes in figure.axes] == ["perf", "race.time", "entropy"]
    assert {"breakout: 3 statistics", "\N{EM DASH} gamma 0.98", "\N{EM DASH} gamma 0.9"} <= texts(figure)
    assert "over updates of the weights" in texts(figure)
    assert "mean of 1 to 2 runs, band: least to greatest; 2 runs left out" in texts(figure)
    perf, time, _ = figure.axes
    assert perf.lines[0].get_xdata()[-1] == pytest.approx(1200, rel=0.01)
    assert perf.lines[0].get_ydata()[-1] == pytest.approx(1, rel=0.01)
    assert time.lines[0].get_ydata() == pytest.approx(5)


@pytest.mark.parametrize("over", ["steps", "seconds", "updates"])
def test_logarithmic_axes(tmp_path: Path, over: str) -> None:
    run = curves.read_run(make_run(tmp_path / "a"))
    (axes,) = plot.draw([run], View(["entropy"], over, "xy")).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    x, y = (np.asarray(data, float) for data in (axes.lines[0].get_xdata(), axes.lines[0].get_ydata()))
    first = run.over(over)[0]
    assert np.ptp(np.diff(np.log(x))) == pytest.approx(0, abs=1e-9), "evenly spaced on this axis"
    assert y * x / first == pytest.approx(1, rel=0.2), "entropy is one over the line's number"
    assert axes.get_xlim()[0] == pytest.approx(first)
    assert any(label.get_text() for label in axes.get_yticklabels())


def test_a_run_that_crashed_early_is_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path / "whole")
    make_run(tmp_path / "late", 2, lines=150, ended="still running, or killed")
    make_run(tmp_path / "early", 3, lines=40, ended="still running, or killed")
    make_run(tmp_path / "failed", 4, lines=40, ended="failed")
    make_run(tmp_path / "stopped", 5, lines=40, ended="interrupted")
    assert cli_plot.main(["whole", "late", "early", "failed", "stopped", "-o", "a.svg"]) == 0
    assert capsys.readouterr().err.splitlines() == [
        "puffer-plot: skipped: early: it crashed after 40k of 200k steps.",
        "puffer-plot: skipped: failed: it failed after 40k of 200k steps.",
        "puffer-plot: drew 3 of 5 runs.",
    ]
    assert "2 runs left out" in (tmp_path / "a.svg").read_text()
    assert cli_plot.main(["early", "-o", "b.png"]) == 0, "what there is is drawn"
    assert capsys.readouterr().err == ""


def test_without_matplotlib_it_says_what_to_install(tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    program = (
        "import sys; sys.modules['matplotlib'] = None; from puffer_train.cli.plot import main; sys.exit(main(['a']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'puffer-plot: matplotlib is missing: pip install "puffer-envs[plot]"\n'


def test_real_runs_and_no_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "8"]
    small += ["--policy.hidden", "8", "--policy.layers", "1", "--threads", "1", "--steps", "3000"]
    for seed in ("1", "2"):
        assert cli_train.main(["tiny_environments:CartPole", *small, "--seed", seed, "--run-dir", seed]) == 0
    program = "import sys; sys.modules['torch'] = None; from puffer_train.cli.plot import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "1", "2", "1", "--curves"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    (picture,) = tmp_path.glob("*-curves.png")
    assert picture.stat().st_size > 20_000
    figure = plot.draw([curves.read_run(tmp_path / seed) for seed in "12"])
    assert "tiny_environments:CartPole: episode return" in texts(figure)
    assert any("mean of 2 runs" in text and "dot: evaluation" in text for text in texts(figure))


def test_what_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a run folder"):
        curves.read_run(tmp_path)


def test_a_clock_that_stood_still() -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415

    panel = Figure().add_subplot()
    axes.set_scales(panel, "seconds", 0, 0, "")
    assert panel.get_xlim() == (0, 1)
