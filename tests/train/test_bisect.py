"""`puffer-runs bisect`: the iteration at which a run broke, trained again exactly, minibatch by minibatch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runs import SMALL, Shell, metrics

import puffer_train
from puffer_train.algorithm.ppo import PPO
from puffer_train.cli import runs as cli_runs
from puffer_train.errors import ConfigError
from puffer_train.run.bisect import bisect
from puffer_train.storage import checkpoint

BATCH = 16 * 8
RUN = ["cartpole", *SMALL, "--steps", str(12 * BATCH), "--train.checkpoint-interval", str(3 * BATCH), "--seed", "5"]
KERNELS = ["--policy.hidden", "16"]


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """In its eighth iteration a run takes a step of a hundred times the length."""
    original = PPO._gradient_step

    def gradient_step(self: PPO, sequences: Any, importance: Any, scale: Any, rates: Any) -> Any:
        long = 100.0 if self.steps == 7 * BATCH and self.updates % 3 == 0 else 1.0
        return original(self, sequences, importance, scale, tuple(long * rate for rate in rates))

    monkeypatch.setattr(PPO, "_gradient_step", gradient_step)


@pytest.mark.parametrize("more", [[], KERNELS], ids=["torch", "kernels"])
def test_it_finds_the_iteration_and_its_minibatch(shell: Shell, jump: None, more: list[str]) -> None:
    assert shell.train(*RUN, "--train.max-kl", "0", *more, "--run-dir", "r").status == 0
    lines = metrics(Path("r"))
    bound = max(line["approx_kl"] for line in lines[:7])
    before = {path: path.read_bytes() for path in Path("r").rglob("*") if path.is_file()}
    found = bisect("r", f"approx_kl > {2 * bound}")
    assert (found.good.steps, found.bad.steps, found.begin) == (7 * BATCH, 8 * BATCH, 6 * BATCH)
    assert found.difference is None
    for iteration, line in ((found.good, lines[6]), (found.bad, lines[7])):
        assert {key: iteration.report[key] for key in line} == line, "to the last bit"
        assert len(iteration.gradients) == 3
        norms = [gradient.norm for gradient in iteration.gradients]
        assert sum(norms) / 3 == pytest.approx(line["gradient_norm"], rel=1e-6)
        for gradient in iteration.gradients:
            squares = sum(length**2 for length in gradient.parameters.values())
            assert squares**0.5 == pytest.approx(gradient.norm, rel=1e-4)
            assert len(gradient.sequences) == 64 // 8
    assert found.bad.gradients[0].losses["approx_kl"] < bound < found.bad.gradients[1].losses["approx_kl"]
    assert before == {path: path.read_bytes() for path in Path("r").rglob("*") if path.is_file()}


def test_without_checkpoints_and_with_thinned_metrics_it_repeats_the_run(shell: Shell, jump: None) -> None:
    assert shell.train(*RUN, "--train.max-kl", "0", *KERNELS, "--run-dir", "r").status == 0
    lines = Path("r/metrics.jsonl").read_text().splitlines(keepends=True)
    for path in checkpoint.list_checkpoints(Path("r/checkpoints")):
        checkpoint.remove(path)
    bound = 2 * max(line["approx_kl"] for line in metrics(Path("r"))[:7])
    Path("r/metrics.jsonl").write_text("".join(lines[i] for i in (0, 3, 7, 11)))
    found = bisect("r", f"approx_kl > {bound}")
    assert (found.begin, found.good.steps, found.bad.steps) == (0, 7 * BATCH, 8 * BATCH)
    assert found.good.report["loss"] == json.loads(lines[6])["loss"]


def test_what_a_person_reads(shell: Shell, jump: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.train(*RUN, "--train.max-kl", "0", *KERNELS, "--run-dir", "r").status == 0
    bound = 2 * max(line["approx_kl"] for line in metrics(Path("r"))[:7])
    capsys.readouterr()
    assert cli_runs.main(["bisect", "r", "--when", f"approx_kl > {bound}"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        f"approx_kl > {bound:g} held first after 1,024 steps.\nThe run was repeated from 768 steps on.\n"
    )
    (line,) = [line for line in said.splitlines() if line.startswith("approx_kl ") and "<- this" in line]
    assert "! " in line
    assert "Longest gradient: minibatch " in said
    assert cli_runs.main(["bisect", "r", "--when", f"approx_kl > {bound}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["bad"]["report"]["steps"] == 8 * BATCH
    assert len(found["bad"]["gradients"]) == 3


def test_a_repetition_that_differs_says_so(shell: Shell) -> None:
    assert shell.train(*RUN, "--run-dir", "r").status == 0
    lines = [json.loads(line) for line in Path("r/metrics.jsonl").read_text().splitlines()]
    lines[6]["entropy"] += 0.01
    lines[7]["entropy"] = 0.0
    Path("r/metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = puffer_train.Run("r").bisect("entropy < 0.1")
    assert found.difference is not None
    assert found.difference.startswith("entropy after 896 steps was ")


@pytest.mark.parametrize(
    ("when", "more", "wanted"),
    [
        ("env.score < -1", {}, "env.score < -1 never held in r."),
        ("updates < 5", {"after": 4 * BATCH}, "updates < 5 never held in r after 512 steps."),
        ("steps > 0", {}, "steps > 0 held in r from the first iteration: there is none before it broke."),
        ("env.scor < 5", {}, "r never reported 'env.scor': it reports steps, updates"),
        ("env.score", {}, "--when is 'env.score'; it must be a number of the report, >, >="),
    ],
)
def test_conditions_that_find_nothing(shell: Shell, when: str, more: dict[str, Any], wanted: str) -> None:
    assert shell.train(*RUN, "--run-dir", "r").status == 0
    with pytest.raises(ConfigError) as refused:
        bisect("r", when, **more)
    assert wanted in str(refused.value)
