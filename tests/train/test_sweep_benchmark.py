"""`benchmarks/sweep.py`: peers in processes of their own, results that are saved one by one, and the test of pairs."""

from __future__ import annotations

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("optuna")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
sweep, sweep_peers = importlib.import_module("sweep"), importlib.import_module("sweep_peers")

PROBLEM = sweep_peers.Problem(seed=3, start=[-0.5, 0.0, 0.25], max_cost=200.0, runs=20)


def make_python(folder: Path, line: str) -> None:
    """Stand in for the Python of a peer's environment."""
    (folder / "bin").mkdir(parents=True)
    python = folder / "bin" / "python"
    python.write_text(f"#!/bin/sh\n{line}\n")
    python.chmod(0o755)


def outcome(u: list[float]) -> tuple[float, float]:
    """A score and a cost; every run in one corner fails."""
    return (math.nan if u[2] > 0.5 else u[1]), 200 ** ((u[0] + 1) / 2)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # Optuna 5 about its own constraints
def test_a_peer_in_its_own_process_searches_as_it_does_here(tmp_path: Path) -> None:
    make_python(tmp_path / "optuna", f'exec {sys.executable} "$@"')
    here, there = sweep_peers.Optuna(PROBLEM, "tpe"), sweep_peers.Remote("Optuna TPE", PROBLEM, tmp_path)
    places = []
    for _ in range(PROBLEM.runs):
        places.append(here.suggest())
        assert there.suggest() == places[-1]
        assert there.seconds > 0
        score, cost = outcome(places[-1])
        here.observe(None if math.isnan(score) else score, cost)
        there.observe(places[-1], score, cost)
    there.close()
    assert places[0] == PROBLEM.start
    assert any(math.isnan(outcome(u)[0]) for u in places)
    assert there.process.poll() is not None


def test_a_peer_that_dies_is_reported_with_its_last_words(tmp_path: Path) -> None:
    make_python(tmp_path / "smac", "echo no forest today >&2; exit 3")
    peer = sweep_peers.Remote("SMAC3", PROBLEM, tmp_path)
    with pytest.raises(RuntimeError, match="SMAC3 ended: no forest today"):
        peer.suggest()
    peer.close()


def test_a_missing_environment_is_made_and_a_failed_one_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: list[Any], **_: Any) -> None:
        assert command[-1] == "smac==2.4.1"
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(sweep_peers.venv, "create", lambda home, **_: make_python(home, "exit 1"))
    monkeypatch.setattr(sweep_peers.subprocess, "run", fail)
    with pytest.raises(subprocess.CalledProcessError):
        sweep_peers.python_of("SMAC3", tmp_path)
    assert not (tmp_path / "smac").exists()


def test_a_search_that_ended_is_kept_and_not_run_again(tmp_path: Path) -> None:
    make_python(tmp_path / "smac", "echo no forest today >&2; exit 3")
    command = [sys.executable, str(BENCHMARKS / "sweep.py"), "--tasks", "LOG", "--seeds", "2", "--runs", "5"]
    command += ["--workers", "1", "--peers", str(tmp_path), "--json", str(tmp_path / "results.json")]
    run = subprocess.run(
        [*command, "--methods", "SMAC3", "uniform"], capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"}
    )
    assert run.returncode == 1
    assert run.stderr.count("SMAC3 ended: no forest today") == 2
    first = json.loads((tmp_path / "results.json").read_text())["searches"]
    assert [(r["method"], r["seed"], r["limit"]) for r in first] == [("uniform", 0, 5), ("uniform", 1, 5)]
    again = subprocess.run([*command, "--methods", "uniform", "pareto"], capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    second = json.loads((tmp_path / "results.json").read_text())["searches"]
    assert second[:2] == first
    assert [(r["method"], r["seed"]) for r in second[2:]] == [("pareto", 0), ("pareto", 1)]


def test_the_sign_test_counts_wins() -> None:
    assert sweep.sign_test([0.1] * 5) == 2 / 32
    assert sweep.sign_test([0.1] * 7 + [-0.2]) == 2 * 9 / 256
    assert sweep.sign_test([0.1, 0.0, -0.3]) == 1


def test_ours_meets_every_peer_on_the_seeds_of_both() -> None:
    def ran(method: str, seed: int, ratio: float) -> dict[str, Any]:
        return {"method": method, "task": "LOG", "seed": seed, "ratio": ratio}

    results = [ran("protein", seed, 0.75) for seed in range(3)]
    results += [ran("uniform", seed, 0.125) for seed in range(3)]
    results += [ran("ParetoGenetic", seed, 0.25) for seed in range(3)]
    results += [ran("SMAC3", 1, 0.875), ran("SMAC3", 7, 0.1)]
    tests = sweep.against_peers(results, ["LIN", "LOG"])
    assert [(test["peer"], test["seeds"], test["wins"], test["mean difference"]) for test in tests] == [
        ("uniform", 3, 3, 0.625),
        ("ParetoGenetic", 3, 3, 0.5),
        ("SMAC3", 1, 0, -0.125),
    ]
    assert [test["peer"] for test in sweep.best_peers(tests)] == ["ParetoGenetic", "SMAC3"]
