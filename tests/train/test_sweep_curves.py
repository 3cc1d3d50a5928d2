"""Early stops of a sweep: what is expected of a run from its curve, and what becomes of one that is stopped."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from puffer_train.errors import ConfigError
from puffer_train.sweep import study
from puffer_train.sweep.curves import CHECK_SHARE, FEWEST, MISS, Curve, Follower, Forecast, Rule
from puffer_train.sweep.job import Outcome
from puffer_train.sweep.plan import Plan, plan
from puffer_train.sweep.results import Trial, describe_stops, make_rule
from puffer_train.sweep.sweep import Sweep
from puffer_train.sweep.trial import run_trial


def curves(count: int, seed: int = 0, noise: float = 0.1) -> list[Curve]:
    """Runs that end 0.3 above where they are at the first share, give or take."""
    rng = np.random.default_rng(seed)
    starts, misses = rng.uniform(0, 0.6, count), rng.normal(0, noise, count)
    return [Curve((h, h, h), 1000.0, h + 0.3 + miss) for h, miss in zip(starts.tolist(), misses.tolist(), strict=True)]


def test_heights_are_means_before_each_share() -> None:
    follower, done = Follower(100, ""), []
    reports: list[dict[str, float]] = [{"steps": 10}, {"steps": 12, "env/score": 9.0, "env/perf": 0.9}]
    reports += [{"steps": 20, "env/score": 2.0, "env/perf": 0.2}, {"steps": 25, "env/perf": 0.4}]
    reports += [{"steps": 60, "loss": 1.0}, {"steps": 100, "env/perf": 0.8}]
    for report in reports:
        done.append(follower.take(report))
    assert done == [False, False, False, True, True, True]
    assert follower.heights == pytest.approx([0.3, 0.4, 0.8]), "perf before score; the last one where none is near"
    follower = Follower(100, "wins")
    assert follower.take({"steps": 30, "env/perf": 1.0}) and math.isnan(follower.heights[0])


def test_a_run_is_judged_by_those_like_it() -> None:
    rule = Rule(tuple(curves(40)), ((1.0, 0.2), (8.0, 0.9)), "steps")
    found = rule.judge(0, 0.1, 1000.0, 0.25, 2.5)
    assert found is not None and found.expected == pytest.approx(0.4, abs=0.15)
    assert found.expected < found.most < found.front == 0.9, "its whole cost is 10"
    assert found.hopeless
    cheap = rule.judge(0, 0.1, 1000.0, 0.25, 1.0)
    assert cheap is not None and cheap.front == 0.2 and not cheap.hopeless, "for 4 nothing better is known"
    good = rule.judge(2, 0.55, 1000.0, 0.25, 2.5)
    assert good is not None and not good.hopeless
    assert rule.judge(0, 0.1, 1000.0, 0.25, 0.2) is None, "nothing is as cheap"
    assert rule.judge(0, math.nan, 1000.0, 0.25, 2.5) is None
    assert replace(rule, curves=tuple(curves(FEWEST - 1))).judge(0, 0.1, 1000.0, 0.25, 2.5) is None


def test_what_is_thought_possible_is_rarely_exceeded() -> None:
    """And it is no wild guess: it lies near the noise's own quantile."""
    passed, above = [], []
    for seed in range(30):
        known = curves(60, seed)
        rule = Rule(tuple(known[:40]), ((0.0, 9.0),), "steps")
        for curve in known[40:]:
            found = rule.judge(0, curve.heights[0], 1000.0, 0.25, 1.0)
            assert found is not None
            passed.append(curve.score > found.most)
            above.append(found.most - curve.heights[0] - 0.3)
    assert np.mean(passed) < 1.3 * MISS
    assert 0.1 < np.mean(above) < 0.25


def test_checked_runs_stand_for_those_that_were_stopped() -> None:
    """Two of forty that exceeded what was expected are few; each of five such runs is not."""
    known = [Curve((0.1, 0.1, 0.1), 1000.0, 0.4 + 0.0001 * i) for i in range(40)]
    lucky = [replace(curve, score=0.8) for curve in known[:2]]
    few = Rule((*lucky, *known), ((1.0, 0.9),), "steps").judge(0, 0.1, 1000.0, 0.25, 1.0)
    many = Rule((*(replace(curve, weight=5.0) for curve in lucky), *known), ((1.0, 0.9),), "steps")
    found = many.judge(0, 0.1, 1000.0, 0.25, 1.0)
    assert few is not None and found is not None and few.most < 0.5 < found.most


LOW = Forecast(0.25, 0.1, 0.2, 0.5, 4.0, 0.05)


def trial(number: int, score: float, cost: float = 1.0, **words: Any) -> Trial:
    common = {"source": "model", "expected_cost": None, "metric": "perf"}
    return Trial(number=number, values={"train.gamma": number / 100}, score=score, cost=cost, **common, **words)


def test_a_rule_is_made_of_runs_that_ended() -> None:
    curve = (0.1, 0.2, math.nan)
    ended = [trial(0, 0.5, curve=curve, steps=10.0), trial(1, 0.7, 2.0, curve=curve, steps=20.0, forecast=LOW)]
    other = [trial(2, 0.9, reason="x", stopped=True, forecast=LOW, curve=curve[:1]), trial(3, 0.9, 0.5, reason="NaN")]
    rule = make_rule([*ended, *other], "cpu", 1.0, 1, 9)
    assert rule.front == ((1.0, 0.5), (2.0, 0.7)) and [made.weight for made in rule.curves] == [1.0, 1 / CHECK_SHARE]
    low = make_rule(ended, "cpu", -1.0, 1, 9)
    assert low.front == ((1.0, -0.5),) and low.curves[0].heights[:2] == (-0.1, -0.2)
    checks = [make_rule([], "cpu", 1.0, 1, number).check for number in range(500)]
    assert 0.1 < np.mean(checks) < 0.3


def test_stops_are_described_with_what_checks_showed() -> None:
    stopped = [trial(i, 0.2, 1.0, reason="x", stopped=True, forecast=LOW) for i in range(2)]
    checked = [trial(2, 0.3, 4.0, forecast=LOW), trial(3, 0.6, 4.0, forecast=LOW)]
    text = describe_stops([*stopped, *checked, trial(4, 0.9, 4.0)], 1.0)
    assert text == (
        "2 runs were stopped early, which saved about 30% of all costs. "
        "Of 2 more that were trained to their end to check, 1 passed the front after all."
    )
    assert not describe_stops([trial(4, 0.9)], 1.0)
    assert [each.failed for each in (stopped[0], checked[0], trial(5, math.nan, reason="NaN"))] == [False, False, True]


SMALL: dict[str, Any] = {"num_envs": 16, "horizon": 8, "minibatch": 64, "eval_episodes": 8, "steps": 12_800}


def test_a_stopped_run_is_charged_and_is_no_result(tmp_path: Path) -> None:
    fixed = {"train": SMALL, "policy": {"hidden": 8, "layers": 1}}
    searched = {"train.gamma": "logit 0.8 to 0.99"}
    made = plan("cartpole", fixed, searched, cost="steps", stop_early=True, metric="score")
    made = replace(made, ranges=searched)
    made.write(tmp_path)
    sweep = Sweep(tmp_path, made)
    hopeless = Rule(tuple(Curve((10.0, 10.0, 10.0), 12_800.0, 20.0 + i) for i in range(30)), ((1.0, 900.0),), "steps")
    told: list[Trial] = []
    with sweep:
        for check in (False, True):
            job = replace(sweep._ask(), rule=replace(hopeless, check=check))
            sweep._take(job, run_trial(job), lambda trial, done: told.append(trial))
    stopped, checked = told
    assert stopped.stopped and stopped.reason.startswith("at 25% of its steps it would hardly pass ")
    assert stopped.cost == stopped.steps == 3328, "an iteration ends after the one that decides"
    assert checked.cost == 12_800 and stopped.score > 5
    assert not checked.stopped and not checked.reason and checked.forecast is not None and len(checked.curve) == 3
    assert [point.number for point in sweep.front(told)] == [checked.number]
    assert sweep.spent() == 16_128
    outcome = Outcome.read(tmp_path / "trials" / "000000")
    assert outcome is not None and outcome.status == "stopped" and outcome.score is not None
    assert run_trial(sweep._job(0, stopped.values)) == outcome, "it is not trained again"

    sampler = study.ProteinSampler(made.search().space, made.search)
    sampler._observe(sweep.study.get_trials())
    known = sampler._search
    assert stopped.forecast is not None
    assert known._scores == [stopped.forecast.expected, pytest.approx(checked.score)]
    assert np.exp(known._costs) == pytest.approx([12_800, 12_800]), "models see what all of it would cost"


def test_stops_and_several_seeds_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match="seeds is 3 and runs are stopped early"):
        plan("cartpole", {}, {}, stop_early=True, seeds=3)
    assert Plan("cartpole", {}, {}).stop_early is False
