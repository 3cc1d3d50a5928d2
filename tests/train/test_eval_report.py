"""What `puffer-eval` prints: tables, histograms, and which of two policies is better."""

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from puffer_train.algorithm.evaluate import Evaluation
from puffer_train.cli import eval as cli_eval
from puffer_train.cli import train as cli_train
from puffer_train.report.evaluation import (
    Histogram,
    bar,
    bootstrap_difference,
    report_comparison,
    report_evaluation,
    round_edges,
    verdict,
)

NAME = "tiny_environments:CartPole"
SMALL = ["--train.num-envs", "16", "--train.horizon", "8", "--train.minibatch", "64", "--train.eval-episodes", "0"]
SMALL += ["--policy.hidden", "8", "--policy.layers", "1", "--threads", "1", "--steps", "1000"]


def evaluation(scores: Any, unfinished: int = 0) -> Evaluation:
    scores = [float(score) for score in scores]
    return Evaluation(
        {"episode_return": scores, "score": scores, "episode_length": [1.0] * len(scores)}, [7.5] * unfinished, 900
    )


def printed(width: int, encoding: str, report: Any, *results: Evaluation) -> str:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    report(*results, Console(file=file, width=width))
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_a_report_fits_every_terminal(width: int, encoding: str) -> None:
    result = evaluation(np.random.default_rng(0).normal(500, 100, 128), unfinished=2)
    text = printed(width, encoding, report_evaluation, result)
    lines = [line for line in text.splitlines() if "did not end" not in line]
    assert max(map(len, lines)) <= max(width, 55), "only a sentence may be wrapped by the terminal"
    assert ("█" in text) == (encoding == "utf-8")
    assert ("#" in text) == (encoding != "utf-8")
    assert "2 episodes did not end within 900 steps and are not counted; their return so far is 7.5 on" in text
    assert text.index("score ") < text.index("episode_return"), "the main one first"
    assert ("median" in text) == (width >= 80)
    assert f"{np.mean(result.figures['score']):.5g}" in text


def test_a_report_of_one_episode_or_none() -> None:
    assert "█" not in printed(80, "utf-8", report_evaluation, evaluation([3]))
    assert printed(80, "utf-8", report_evaluation, Evaluation({}, [1.0] * 7, 50)) == (
        "7 episodes did not end within 50 steps and are not counted; their return so far is 1 on average. "
        "--train.eval-max-steps, and --max-steps of puffer-eval, set the limit.\n"
    )


def test_a_histogram_counts_every_episode_once() -> None:
    rng = np.random.default_rng(0)
    for scale in (1e-6, 0.01, 1, 37, 1e9):
        sample = rng.normal(0, scale, 500)
        histogram = Histogram.of([sample, sample[:100]])
        assert histogram.counts.sum(1).tolist() == [500, 100]
        assert 4 <= histogram.counts.shape[1] <= 14
        assert histogram.edges[0] <= sample.min() <= histogram.edges[0] + np.diff(histogram.edges)[0]
        assert histogram.edges[-1] >= sample.max()
        lines = histogram.lines(80, True)
        assert [int(line.split()[-1]) for line in lines] == histogram.counts[1].tolist()


def test_edges_are_round() -> None:
    assert round_edges(0, 864).tolist() == list(range(0, 1000, 100))
    assert round_edges(9, 95).tolist() == list(range(0, 110, 10))
    for same in (500.0, 1e20):
        assert len(Histogram.of([[same] * 3]).lines(40, True)) == 1
    assert round_edges(-0.3, 0.9) == pytest.approx(np.arange(-0.3, 0.95, 0.1))


@pytest.mark.parametrize(
    ("sample", "labels"),
    [
        ([0, 1, 1, 3], ["0", "1", "2", "3"]),
        ([7, 7], ["7"]),
        ([-1, 1], ["-1", "0", "1"]),
        ([860, 861, 864], ["860", "861", "862", "863", "864"]),
        (
            range(400, 865),
            ["400 to 449", "450 to 499", *(f"{a} to {a + 49}" for a in range(500, 850, 50)), "850 to 864"],
        ),
        ([3, 100], ["3 to 9", *(f"{a} to {a + 9}" for a in range(10, 100, 10)), "100"]),
        ([0.5, 1.0], [f"{a / 100:.2f} to {(a + 5) / 100:.2f}" for a in range(50, 100, 5)]),
    ],
)
def test_bins_fit_the_data(sample: list[float], labels: list[str]) -> None:
    """Whole-number scores fell into bins of half a point, every second one empty, up to "870" where 864 is the most."""
    histogram = Histogram.of([sample])
    assert histogram.labels == labels
    assert histogram.counts.sum() == len(sample)
    assert [line.split("|")[0].strip() for line in histogram.lines(80, False)] == labels


def test_bars() -> None:
    assert [bar(share, 2, True) for share in (0, 1e-9, 0.25, 0.5, 0.8125, 1)] == ["", "▏", "▌", "█", "█▋", "██"]
    assert [bar(share, 4, False) for share in (0, 1e-9, 0.5, 1)] == ["", "#", "##", "####"]


def test_the_interval_is_that_of_the_normal_distribution_for_many_episodes() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(10, 3, 900), rng.normal(9, 4, 1600)
    low, high = bootstrap_difference(a, b)
    width = 1.96 * np.sqrt(a.var() / 900 + b.var() / 1600)
    assert (low, high) == pytest.approx((a.mean() - b.mean() - width, a.mean() - b.mean() + width), abs=0.02)
    assert bootstrap_difference(a, b) == (low, high), "the same every time"


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(100):
        low, high = bootstrap_difference(rng.exponential(2.0, 60), rng.exponential(1.0, 60))
        inside += low <= 1.0 <= high
    assert 88 <= inside <= 99


def test_verdicts() -> None:
    rng = np.random.default_rng(0)
    low, high = rng.normal(0, 1, 100), rng.normal(2, 1, 100)
    assert verdict(high, low, "score").endswith(": A is better.")
    assert verdict(low, high, "score").endswith(": B is better.")
    assert verdict(low, rng.normal(0, 1, 100), "score").endswith(": this may be chance; try more --episodes.")
    same = np.full(8, 500.0)
    assert verdict(same, same, "score") == "A - B: mean score +0, 95 % interval +0 to +0: no difference."


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_comparison(width: int) -> None:
    a, b = evaluation(range(100, 200)), evaluation(range(50), unfinished=1)
    text = printed(width, "utf-8", report_comparison, a, b)
    assert "1 episode of B did not end" in text
    assert re.search(r"A score +149\.5 ", text)
    assert re.search(r"B score +24\.5 ", text)
    assert "A - B: mean score +125" in text
    bars = [line for line in text.splitlines() if line.count("▕") == 2]
    assert len(bars) == 10
    assert max(map(len, bars)) <= width
    assert "There is nothing to compare" in printed(width, "utf-8", report_comparison, a, Evaluation({}, [1.0] * 3))


# --- the command ---


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two short runs on CartPole, the second with shorter poles, and one on something else."""
    folder = tmp_path_factory.mktemp("runs")
    for run, name, more in (
        ("a", NAME, []),
        ("b", NAME, ["--seed", "2", "--env.length", "0.8"]),
        ("other", "tiny_environments:Corridor", []),
    ):
        assert cli_train.main([name, *SMALL, "--run-dir", str(folder / run), *more]) == 0
    return folder


def judge(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    capsys.readouterr()
    code = cli_eval.main([*map(str, arguments), "--episodes", "16", "--threads", "1"])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_two_policies_play_the_same_games(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = judge(capsys, NAME, "--policy", runs / "a", "--against", runs / "b", "--seed", "3")
    assert (code, err) == (0, "")
    assert f"A: {runs}/a/policy.safetensors" in out
    assert "B was trained with other settings of the environment, {'length': 0.8}; both play with A's." in out
    alone = judge(capsys, NAME, "--policy", runs / "b", "--seed", "3", "--env.length", "0.5")[1]
    (mean,) = re.findall(r"B episode_return +([0-9.]+) ", out)
    assert re.search(rf"episode_return +{re.escape(mean)} ", alone), "what B reaches does not depend on A"


def test_any_statistic_can_be_shown(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = judge(capsys, NAME, "--policy", runs / "a", "--statistic", "episode_length")
    assert (code, err) == (0, "")
    assert "episode_length over episodes:" in out
    assert out.index("episode_length ") < out.index("episode_return "), "it comes first"
    code, out, err = judge(
        capsys, NAME, "--policy", runs / "a", "--against", runs / "b", "--statistic", "episode_length"
    )
    assert (code, err) == (0, "")
    assert "A - B: mean episode_length" in out
    code, out, err = judge(capsys, NAME, "--policy", runs / "a", "--statistic", "lives")
    assert (code, err.count("\n")) == (2, 1)
    assert "have no statistic 'lives': episode_length, episode_return" in err


def test_every_way_to_name_a_policy_gives_the_same(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkpoint,) = (runs / "a/checkpoints").iterdir()
    ways = [runs / "a", runs / "a/policy.safetensors", checkpoint, checkpoint / "tensors.safetensors", runs / "a"]
    for way in ways:
        code, out, err = judge(capsys, NAME, "--policy", runs / "a", "--against", way)
        assert (code, err) == (0, "")
        assert out.endswith("A - B: mean episode_return +0, 95 % interval " + out.rpartition("interval ")[2])
    (runs / "a/policy.safetensors").rename(runs / "policy.safetensors")
    try:
        code, out, _ = judge(capsys, NAME, "--policy", runs / "a", "--against", runs / "policy.safetensors")
    finally:
        (runs / "policy.safetensors").rename(runs / "a/policy.safetensors")
    assert code == 0
    assert f"A: {checkpoint}" in out, "a run that is not finished has checkpoints only"


@pytest.mark.parametrize(
    ("against", "message"),
    [
        ("other", "is for 'tiny_environments:Corridor', "),
        ("nothing", "nothing: no such file"),
        ("text", "text: not a policy file, or a damaged one"),
        ("empty", "empty/policy.safetensors: no such file"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    runs: Path, capsys: pytest.CaptureFixture[str], against: str, message: str
) -> None:
    (runs / "text").write_text(json.dumps({}))
    (runs / "empty").mkdir(exist_ok=True)
    code, out, err = judge(capsys, NAME, "--policy", runs / "a", "--against", runs / against)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
