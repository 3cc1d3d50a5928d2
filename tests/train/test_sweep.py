"""`puffer-sweep`: trials that succeed and fail, sweeps that are killed and resumed, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sweeps import SEARCH, SMALL, Told, job, trials, wait_for

from puffer_envs import list_envs
from puffer_train import config
from puffer_train.cli import train as cli_train
from puffer_train.errors import StorageError
from puffer_train.storage.discovery import find_runs
from puffer_train.sweep.job import Outcome
from puffer_train.sweep.known import Known, _is_sound
from puffer_train.sweep.plan import Plan, plan
from puffer_train.sweep.pool import Pool
from puffer_train.sweep.ranges import make_space, ranges, start_of
from puffer_train.sweep.results import Trial
from puffer_train.sweep.sweep import Sweep
from puffer_train.sweep.trial import run_trial

pytest.importorskip("optuna")


# --- sweeps that end, and that are ended ---


def test_a_trial_of_several_seeds_counts_their_means(sweep: Told) -> None:
    options = [*SMALL, *SEARCH, "--seeds", "2", "--run-dir", "two"]
    assert sweep("cartpole", *options, "--trials", "2", "--max-total-cost", "1e9") == 0, sweep.err
    runs = [Outcome.read(Path(f"two/trials/000001/seed-{seed}")) for seed in (3, 4)]
    scores, steps = ([each.score for each in runs if each], [each.costs["steps"] for each in runs if each])
    assert len(set(scores)) == 2 and sum(scores) / 2 == pytest.approx(trials("two")[1][2])
    assert sum(steps) / 2 == trials("two")[1][3]
    assert sum(cost for *_, cost in trials("two")) * 2 == Sweep(Path("two"), Plan.read(Path("two"))).spent()
    assert re.search(r"best     two/trials/00000\d/seed-[13]", sweep.out)

    assert len(find_runs([Path()])) == 4, "puffer-runs finds them below the folder of sweeps"
    whole, folder = Outcome.read(Path("two/trials/000001")), Path("two/trials/000001")
    (folder / "trial.json").unlink()
    shutil.rmtree(folder / "seed-4")
    before = (folder / "seed-3/trial.json").stat().st_mtime_ns
    again = Sweep(Path("two"), Plan.read(Path("two")))
    outcome = run_trial(again._job(1, again.finished()[1].values))
    assert whole is not None and (outcome.score, outcome.costs["steps"]) == (whole.score, whole.costs["steps"])
    assert (folder / "seed-3/trial.json").stat().st_mtime_ns == before, "what was done is not run again"


def test_a_sweep_ends_when_it_has_cost_enough(sweep: Told) -> None:
    assert sweep("cartpole", *SMALL, *SEARCH, "--max-total-cost", "12000", "--run-dir", "some") == 0, sweep.err
    costs = [cost for *_, cost in trials("some")]
    assert sum(costs) >= 12_000 > sum(costs[:-1])
    assert f"{len(costs):>4}  run {len(costs) - 1} " in sweep.out
    assert sweep("--resume", "some", "--max-total-cost", "12000") == 0 and len(trials("some")) == len(costs)
    assert sweep("--resume", "some", "--max-total-cost", "0") == 2
    assert "--max-total-cost is '0'; it must be a number above 0." in sweep.err


def test_a_sweep_is_run_shown_and_continued_exactly(sweep: Told) -> None:
    assert sweep("cartpole", *SMALL, *SEARCH, "--trials", "7", "--run-dir", "whole") == 0, sweep.err
    assert "Searching 5 settings of cartpole, 1 runs at a time." in sweep.out
    assert "   7/7  run 6" in sweep.out and "train.steps" in sweep.out
    assert "7 runs, 0 failed" in sweep.out
    assert Path("whole/front.png").stat().st_size > 10_000
    whole = trials("whole")
    assert [number for number, *_ in whole] == list(range(7))
    for number, values, score, cost in whole:
        outcome = Outcome.read(Path(f"whole/trials/{number:06d}"))
        assert outcome is not None and (outcome.score, outcome.costs["steps"]) == (score, cost)
        assert set(outcome.costs) == {"cpu", "wall", "steps", "flops"} and min(outcome.costs.values()) > 0
        saved = json.loads(Path(f"whole/trials/{number:06d}/config.json").read_text())["settings"]
        for name, value in values:
            section, key = name.split(".")
            assert saved[section][key] == value

    assert sweep("cartpole", *SMALL, *SEARCH, "--trials", "3", "--run-dir", "part") == 0
    assert sweep("--resume", "part", "--trials", "7", "--workers", "1") == 0
    assert trials("part") == whole
    assert sweep("--show", "part") == 0
    assert "7 runs, 0 failed" in sweep.out


def test_a_sweep_that_is_killed_loses_and_repeats_nothing(sweep: Told) -> None:
    assert sweep("cartpole", *SMALL, *SEARCH, "--trials", "8", "--run-dir", "whole") == 0
    line = [sys.executable, "-m", "puffer_train.cli.sweep"]
    first = [*line, "cartpole", *SMALL, *SEARCH, "--trials", "8", "--run-dir", "killed"]
    for moment, command in enumerate([first, *[[*line, "--resume", "killed", "--trials", "8", "--workers", "1"]] * 2]):
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda count=2 * moment + 2: len(list(Path("killed/trials").glob("*/trial.json"))) >= count)
            time.sleep(0.05 * moment)
            process.kill()
    before = {path: path.read_bytes() for path in Path("killed/trials").glob("*/trial.json")}
    assert sweep("--resume", "killed", "--trials", "8", "--workers", "1") == 0
    assert trials("killed") == trials("whole")
    assert all(path.read_bytes() == content for path, content in before.items())


def test_ctrl_c_saves_and_the_trials_are_resumed(sweep: Told) -> None:
    long = ["--search", "train.steps: log 300k to 400k", "--workers", "2", "--trials", "2", "--run-dir", "s"]
    command = [sys.executable, "-m", "puffer_train.cli.sweep", "cartpole", *SMALL, *SEARCH, *long]
    lines = [f"s/trials/{number:06d}/metrics.jsonl" for number in range(2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: all(Path(line).exists() and Path(line).stat().st_size > 2000 for line in lines))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert "Stopped and saved. Continue with: puffer-sweep --resume s" in out
    saved = [next(Path(f"s/trials/{number:06d}/checkpoints").glob("step_*")).name for number in range(2)]
    for number in range(2):
        outcome = Outcome.read(Path(f"s/trials/{number:06d}"))
        assert outcome is not None and outcome.status == "interrupted"
    assert sweep("--resume", "s", "--trials", "2", "--workers", "2") == 0
    assert "2 runs, 0 failed" in sweep.out
    for number in range(2):
        history = json.loads(Path(f"s/trials/{number:06d}/config.json").read_text())["history"]
        assert len(history) == 2, f"resumed from {saved[number]}"


def test_two_sweepers_share_the_trials(sweep: Told) -> None:
    line = [sys.executable, "-m", "puffer_train.cli.sweep"]
    first = [*line, "cartpole", *SMALL, *SEARCH, "--trials", "8", "--run-dir", "s"]
    second = [*line, "--resume", "s", "--trials", "8", "--workers", "1"]
    with subprocess.Popen(first, stdout=subprocess.PIPE, text=True) as one:
        wait_for(lambda: len(list(Path("s/trials").glob("*/trial.json"))) >= 1)
        with subprocess.Popen(second, stdout=subprocess.PIPE, text=True) as other:
            printed = [process.communicate(timeout=120)[0] for process in (one, other)]
    assert (one.returncode, other.returncode) == (0, 0), printed
    done = trials("s")
    assert 8 <= len(done) <= 9, "both may begin the last one"
    assert all("failed:" not in text for text in printed)
    for number in range(len(done)):
        assert sum(f" run {number} " in text for text in printed) == 1, printed
        assert len(json.loads(Path(f"s/trials/{number:06d}/config.json").read_text())["history"]) == 1
    assert not list(Path("s").glob(".working-*"))


# --- results that are there already ---


def test_a_second_sweep_with_the_same_plan_trains_nothing(sweep: Told) -> None:
    words = ["cartpole", *SMALL, *SEARCH, "--trials", "6"]
    assert sweep(*words, "--run-dir", "first") == 0
    assert "as in" not in sweep.out
    assert sweep(*words, "--run-dir", "second") == 0
    assert trials("second") == trials("first")
    for number in range(6):
        run = f"first/trials/{number:06d}"
        assert f"as in {Path(run).absolute()}" in sweep.out
        texts = [Path(f"{name}/trials/{number:06d}/config.json").read_text() for name in ("first", "second")]
        assert texts[0] == texts[1], "the run itself, with the times at which it was trained"
    assert sweep(*words, "--run-dir", "third", "--cost", "flops", "--metric", "score", "--trials", "1") == 0
    outcome = Outcome.read(Path("third/trials/000000"))
    assert outcome is not None and outcome.metric == "score"
    assert outcome.taken_from == str(Path("first/trials/000000").absolute()), "not the copy"
    assert sweep(*words, "--run-dir", "fourth", "--no-cache", "--trials", "2") == 0
    assert "as in" not in sweep.out and trials("fourth") == trials("first")[:2]


def test_only_the_same_run_is_taken_over(sweep: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other code, another seed, a run that was changed on its way, and one that a clock ended are others."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "beside_game.py").write_text("gravity = 1\n")
    source = "import beside_game\nfrom sweep_environments import Odd\n\nclass Game(Odd):\n    pass\n"
    (library / "own_game.py").write_text(source)
    monkeypatch.syspath_prepend(library)

    def outcome(number: int, **words: Any) -> Outcome:
        made = replace(job(tmp_path / "sweep" / "trials", number, "fine"), environment="own_game:Game", **words)
        made = replace(made, known=(str(Known(tmp_path / "sweep").find(made) or ""),))
        with Pool(1, max_seconds=60) as pool:
            pool.start(made)
            (found,) = ended(pool)
        assert found.status == "ok", found
        return found

    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").touch()
    first = outcome(0)
    assert outcome(1) == replace(first, taken_from=str(tmp_path / "sweep" / "trials" / "0"))
    assert not outcome(2, seed=2).taken_from
    (library / "beside_game.py").write_text("gravity = 2\n")
    assert not outcome(3).taken_from
    config_file = tmp_path / "sweep" / "trials" / "3" / "config.json"
    saved = json.loads(config_file.read_text())
    assert _is_sound(saved)
    for part in ({"replaced": {"train.gamma": 0.5}}, {"restarted": True}):
        assert not _is_sound(saved | {"history": [saved["history"][0] | part]})
    assert not _is_sound(saved | {"parent": {"run": "x", "steps": 1}})
    saved["settings"]["train"]["max_seconds"] = 5
    assert not _is_sound(saved)


# --- replicates ---


def test_points_of_the_front_are_run_with_other_seeds(sweep: Told) -> None:
    words = ["cartpole", *SMALL, *SEARCH, "--method", "pareto", "--replicates", "2", "--trials", "15"]
    assert sweep(*words, "--run-dir", "s") == 0
    opened = Sweep(Path("s"), Plan.read(Path("s")))
    found = opened.finished()
    again = [trial for trial in found if trial.source == "replicate"]
    assert len(again) == 3 and "replicate" in sweep.out and "lowest to highest" in sweep.out
    for trial in again:
        same = [other for other in found if other.values == trial.values]
        assert len(same) == 2 and len({other.seed for other in same}) == 2
        folder = opened.run_folder(trial)
        assert json.loads((folder / "config.json").read_text())["seed"] == trial.seed


def test_a_front_is_made_of_means(sweep: Told) -> None:
    made = plan("cartpole", {}, {}, minimize=True)
    made.write(Path("s"))
    opened = Sweep(Path("s"), made)
    lucky = Trial(
        number=0, values={"train.gamma": 0.9}, score=0.1, cost=1.0, source="model", expected_cost=None, metric="perf"
    )
    runs = [lucky, replace(lucky, number=1, score=0.9), replace(lucky, number=2, score=0.8, cost=4.0)]
    plain = replace(lucky, number=3, values={"train.gamma": 0.8}, score=0.5, cost=1.5)
    front = opened.front([*runs, plain])
    assert [(point.number, len(point.scores)) for point in front] == [(3, 1)], "low scores are good here"
    front = opened.front([*runs, replace(plain, cost=2.0)])
    assert [(point.number, len(point.scores)) for point in front] == [(0, 3), (3, 1)]
    assert front[0].score == pytest.approx(0.6) and front[0].cost == pytest.approx(4 ** (1 / 3))


# --- trials that fail ---


@pytest.mark.usefixtures("sweep_folder")
def test_every_end_of_a_trial_is_an_outcome(tmp_path: Path) -> None:
    hows, outcomes = ["fine", "die", "raise", "nan", "fine"], {}
    with Pool(2, max_seconds=60) as pool:
        waiting = [job(tmp_path, number, how) for number, how in enumerate(hows)]
        while waiting or pool.running:
            while pool.free and waiting:
                pool.start(waiting.pop(0))
            outcomes |= {done.number: outcome for done, outcome in pool.collect(0.2)}
    assert [outcomes[number].status for number in range(5)] == ["ok", "failed", "failed", "failed", "ok"]
    assert outcomes[1].reason == "its process ended with status 3"
    assert "it does not like this" in outcomes[2].reason
    assert "not finite" in outcomes[3].reason
    assert outcomes[0].score == outcomes[4].score, "the same settings and seed, on another worker"
    for number in (1, 2, 3):
        assert outcomes[number].costs["cpu"] > 0.01 and outcomes[number].costs["wall"] > 0.01, "until it failed"
    assert outcomes[3].costs["steps"] > 0 and outcomes[3].costs["flops"] > 0


@pytest.mark.usefixtures("sweep_folder")
def test_a_worker_that_died_while_it_waited_is_replaced(tmp_path: Path) -> None:
    with Pool(1, max_seconds=60) as pool:
        for number in (0, 1):
            pool.start(job(tmp_path, number, "fine"))
            assert [outcome.status for outcome in ended(pool)] == ["ok"]
            (worker,) = pool._workers
            worker.process.kill()
            worker.process.join()


@pytest.mark.usefixtures("sweep_folder")
def test_ctrl_c_before_a_worker_has_loaded_torch_is_no_failure(tmp_path: Path) -> None:
    with Pool(1, max_seconds=60) as pool:
        pool.start(job(tmp_path, 0, "fine"))
        pool.interrupt()
        assert [outcome.status for outcome in ended(pool)] == ["interrupted"]


@pytest.mark.usefixtures("sweep_folder")
def test_a_trial_that_hangs_or_grows_is_killed(tmp_path: Path) -> None:
    with Pool(1, max_seconds=8) as pool:
        pool.start(job(tmp_path, 0, "hang"))
        (outcome,) = ended(pool)
    assert outcome.status == "failed" and outcome.reason == "it ran longer than 8 s"
    assert outcome.costs["wall"] > 8 > outcome.costs["cpu"] > 0.1, "it slept most of the time"
    with Pool(1, max_seconds=60, max_memory=50 * 2**20) as pool:
        pool.start(job(tmp_path, 1, "hang"))
        (outcome,) = ended(pool)
    assert outcome.reason == "it held more than 50 MiB"


def ended(pool: Pool) -> list[Outcome]:
    found: list[Outcome] = []
    while pool.running:
        found += [outcome for _, outcome in pool.collect(0.2)]
    return found


def test_a_full_disk_is_not_held_against_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("no space is left")

    monkeypatch.setattr("puffer_train.run.training.train", full)
    outcome = run_trial(job(tmp_path, 0, "fine"))
    assert (outcome.status, outcome.reason) == ("lost", "no space is left")


def test_failures_are_recorded_and_shown(sweep: Told) -> None:
    """Half of these settings cannot be: the minibatch is larger than a rollout."""
    words = [*SMALL, *SEARCH, "--search", "train.minibatch: choice 64, 512", "--search", "train.horizon: fixed"]
    words += ["--method", "random"]
    assert sweep("cartpole", *words, "--trials", "10", "--run-dir", "s") == 0, sweep.err
    failed = [line for line in sweep.out.splitlines() if " failed: " in line]
    assert failed and all("train.minibatch 512 is more than one rollout" in line for line in failed)
    assert f"10 runs, {len(failed)} failed" in sweep.out


def test_a_sweep_without_one_good_trial_says_why(sweep: Told) -> None:
    assert sweep("cartpole", *SMALL, *SEARCH, "--metric", "height", "--trials", "2", "--run-dir", "s") == 1
    assert "None of 2 runs came to its end: the evaluation has no 'height'; it has " in sweep.out


# --- ranges ---


def test_default_ranges_hold_the_shipped_values() -> None:
    base = config.overlay(config.Settings(), {"train": {"gamma": 0.9999, "minibatch": 96, "steps": 600}}, "test")
    texts = ranges(base, {"train.clip": "fixed", "env.size": "choice 3, 4"})
    assert texts["train.steps"] == "log 20 to 900"
    assert "train.clip" not in texts and texts["train.gamma"] == "logit 0.8 to 0.9999"
    assert texts["train.minibatch"] == "log 96 to 16384", "96 is no power of two"
    space = make_space(texts)
    start = start_of(space, base)
    assert (start["train.gamma"], start["train.minibatch"], start["train.steps"]) == (pytest.approx(0.9999), 96, 600)
    assert start["env.size"] in (3, 4)


def test_ranges_come_from_a_file_too(sweep: Told) -> None:
    table = '[sweep]\n"train.clip" = "fixed"\n[sweep.policy]\nlayers = "linear 1 to 2"\n'
    Path("s.toml").write_text(f"[train]\nhorizon = 8\n{table}")
    assert sweep("cartpole", *SMALL[2:-6], *SMALL[-6:], "--settings", "s.toml", "--trials", "1", "--run-dir", "s") == 0
    made = Plan.read(Path("s"))
    assert made.ranges["policy.layers"] == "linear 1 to 2" and "train.clip" not in made.ranges
    assert made.fixed["train"]["horizon"] == "8" or made.fixed["train"]["horizon"] == 8
    Path("s.toml").write_text("[sweep]\n'train.clip' = 3\n")
    assert sweep("cartpole", "--settings", "s.toml", "--run-dir", "t") == 2
    assert "s.toml: the range of train.clip is 3; it must be `KIND LOW to HIGH`" in sweep.err
    Path("s.toml").write_text("[sweeep]\n'train.clip' = 'fixed'\n")
    assert sweep("cartpole", "--settings", "s.toml", "--run-dir", "t") == 2
    assert "there is no table [sweeep]" in sweep.err and "Did you mean 'sweep'?" in sweep.err
    assert cli_train.main(["cartpole", "--settings", "s.toml"]) == 2


@pytest.mark.parametrize(
    "name", [*list_envs(), "gymnasium:CartPole-v1", "gymnasium:HalfCheetah-v5", "gymnasium:ALE/Pong-v5"]
)
def test_every_shipped_setting_can_be_the_start(name: str) -> None:
    made = plan(name, {}, {})
    base, start = made.base(), start_of(make_space(made.ranges), made.base())
    assert start["train.gamma"] == pytest.approx(base.train.gamma)
    assert start["train.steps"] == base.train.steps
    assert start["policy.hidden"] == base.policy.hidden


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("train.gama: log 1 to 2", "there is no setting 'train.gama' to search. Did you mean 'gamma'?"),
        ("gamma: log 1 to 2", "there is no setting 'gamma' to search: its name begins with train., policy."),
        ("train.gamma: log 2 to 1", "train.gamma cannot be searched: its range is 2 to 1; the lower end comes first."),
        ("train.gamma: 0.9 to 1", "the range of train.gamma is '0.9 to 1'; it must be `KIND LOW to HIGH`"),
        ("train.gamma: cubic 1 to 2", "the range of train.gamma is 'cubic 1 to 2'"),
        ("train.gamma: log a to 2", "the range of train.gamma is 'log a to 2'"),
        ("train.optimizer: log 1 to 2", "train.optimizer is no number: write its values as `choice A, B`."),
        ("train.overlap: choice yes, no", "'yes' is not true or false"),
        ("train.gamma", "--search 'train.gamma' has no colon"),
    ],
)
def test_ranges_that_cannot_be_searched_are_refused(sweep: Told, text: str, reason: str) -> None:
    assert sweep("cartpole", "--search", text, "--run-dir", "s") == 2
    assert reason in sweep.err and sweep.err.count("\n") == 1
    assert not Path("s").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "name an environment, or --resume, --join or --show a sweep: just one of them."),
        (["cartpole", "--show", "s"], "just one of them"),
        (["carpole"], "there is no environment 'carpole'"),
        (["cartpole", "--trials", "0"], "--trials is '0'; it must be a whole number from 1."),
        (["cartpole", "--workers", "x"], "--workers is 'x'; it must be a whole number from 1."),
        (["cartpole", "--max-cost", "-1"], "--max-cost is '-1'; it must be a number above 0."),
        (["cartpole", "--train.gamma", "2"], "train.gamma is 2"),
        (["--resume", "nowhere"], "nowhere is not the folder of a sweep: sweep.json: No such file or directory."),
        (["cartpole", "--run-dir", "full"], "full is not empty: choose a new folder for --run-dir"),
        (["cartpole", "--storage", "nosql://x", "--run-dir", "s"], "the sweep's storage nosql://x cannot be used"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_named(sweep: Told, words: list[str], reason: str) -> None:
    Path("full").mkdir()
    Path("full/file").touch()
    assert sweep(*words) == 2
    assert reason in sweep.err and sweep.err.startswith("puffer-sweep: ") and sweep.err.count("\n") == 1


def test_without_optuna_it_says_what_to_install(tmp_path: Path) -> None:
    source = "import sys; sys.modules['optuna'] = None; from puffer_train.cli.sweep import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", source, "cartpole"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert 'pip install "puffer-envs[sweep]"' in done.stderr and done.stderr.count("\n") == 1
