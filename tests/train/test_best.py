"""The best policy at a checkpoint, and the last evaluation that decides what is exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runs import SMALL, Shell, metrics

from puffer_train.algorithm.evaluate import Evaluation
from puffer_train.run import best

BATCH = 16 * 8
RUN = ["squared", *SMALL[:6], "--train.eval-episodes", "16", *SMALL[8:], "--steps", str(8 * BATCH), "--seed", "3"]
JUDGED = ["--train.best-episodes", "16", "--train.checkpoint-interval", str(2 * BATCH)]


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> dict[int, float]:
    """What evaluations find, by the steps of the policy; at the end the best one is twice as good or half."""
    found: dict[int, float] = {}

    def play(run: Any, policy: Any, episodes: int, seed: int, *, shown: bool) -> Evaluation:
        at_checkpoint = seed == run.ppo.seed + best.CHECKPOINT_SEED
        steps = run.ppo.steps if at_checkpoint or policy is run.ppo.player else -1
        return Evaluation({"score": [found[steps]] * episodes, "episode_return": [0.0] * episodes})

    monkeypatch.setattr(best, "play", play)
    return found


def read(name: str) -> Any:
    return json.loads(Path("r", name).read_text())


@pytest.mark.parametrize(("then", "exported"), [(6.0, "best"), (0.5, "last")])
def test_an_evaluation_of_other_games_decides(
    shell: Shell, scores: dict[int, float], then: float, exported: str
) -> None:
    scores |= {2 * BATCH: 2.0, 4 * BATCH: 5.0, 6 * BATCH: 5.0, 8 * BATCH: 1.0, -1: then}
    done = shell.train(*RUN, *JUDGED, "--run-dir", "r")
    assert done.status == 0, done.err
    assert read("best.json")["steps"] == 4 * BATCH, "the first of two that are equal"
    assert read("best.json")["mean"] == 5.0
    assert [line.get("evaluation/score") for line in metrics(Path("r"))][1::2] == [2.0, 5.0, 5.0, 1.0]
    files = [Path("r", name).read_bytes() for name in ("best.safetensors", "policy.safetensors")]
    assert (files[0] == files[1]) == (exported == "best")
    about = read("evaluation.json")
    assert about["exported"] == exported
    assert [(c["policy"], c["steps"], c["mean"]) for c in about["candidates"]] == [
        ("last", 8 * BATCH, 1.0),
        ("best", 4 * BATCH, then),
    ]
    assert about["candidates"][1]["mean_at_checkpoint"] == 5.0
    assert about["score"]["mean"] == max(then, 1.0), "of what is exported"
    assert "The last policy, at 1.02k steps: score 1 (std 0) over 16 fresh full episodes.\n" in done.out
    found = f"score {then:g} (std 0) over the same; at the checkpoint it was 5.\n"
    assert f"The best at a checkpoint, at 512 steps: {found}" in done.out
    assert f"The {exported} one is exported.\n" in done.out
    assert ("the best policy at a checkpoint, not the last" in Path("r/README.md").read_text()) == (exported == "best")


def test_looking_for_the_best_changes_no_byte_of_the_training(shell: Shell) -> None:
    assert shell.train(*RUN, *JUDGED, "--run-dir", "r").status == 0
    assert shell.train(*RUN, *JUDGED[2:], "--run-dir", "plain").status == 0
    assert read("best.json")["steps"] > 0
    assert metrics(Path("r"), "evaluation") == metrics(Path("plain"))
    assert not Path("plain/best.safetensors").exists()
    last = "best" if read("evaluation.json").get("exported") == "best" else "policy"
    if last == "policy":
        assert Path("r/policy.safetensors").read_bytes() == Path("plain/policy.safetensors").read_bytes()
