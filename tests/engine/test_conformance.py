"""Every environment keeps the contract; and the checks notice when one does not, and say what is wrong."""

from __future__ import annotations

import importlib
import inspect
import itertools
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs import conformance
from puffer_envs.conformance import CHECKS, NotOfferedError, Result, check_name, end_checks, run_checks, subject
from puffer_envs.conformance.contract_checks import check_bounds, check_clipping
from puffer_envs.conformance.repeat_checks import check_global_randomness

FAULTY = Path(__file__).with_name("faulty_environments.py")
STEPS = 60


@pytest.fixture(autouse=True)
def faulty_environments_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FAULTY.parent))


# -- environments that keep the contract ---------------------------------------------------------------------


@pytest.mark.parametrize("name", puffer_envs.list_envs())
@pytest.mark.parametrize("check", CHECKS["native"], ids=check_name)
def test_environment_keeps_the_contract(name: str, check: conformance.Check, capfd: pytest.CaptureFixture[str]) -> None:
    try:
        assert check(subject(name)) is None
    except NotOfferedError as missing:
        assert str(missing) == "continuous actions", f"a native environment offers everything, not {missing}"
    assert capfd.readouterr() == ("", ""), "only a process of its own may print what it tries"


@pytest.mark.parametrize("check", CHECKS["native"], ids=check_name)
def test_probe_keeps_the_contract(probe: str, check: conformance.Check) -> None:
    """Several actions, masks, absent agents, int8: what no game here uses."""
    if check is not check_clipping:
        check(subject(probe))


@pytest.mark.parametrize("check", CHECKS["native"], ids=check_name)
def test_continuous_actions_keep_the_contract(check: conformance.Check) -> None:
    check(subject("cartpole", continuous=True))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", puffer_envs.list_envs())
def test_ten_million_steps_in_bounds(name: str) -> None:
    with puffer_envs.make(name, 64) as env:
        rows = env.num_agents
    check_bounds(subject(name, steps=10_000_000 // rows * 64 // conformance.BATCH))


RIGHT = {
    "faulty_environments:Car": set(),
    "faulty_environments:Duel": {"shared state"},
    "faulty_environments:HasUnequalAgents": {"shared state"},
    "faulty_environments:Masks": set(),
    "faulty_environments:Rounds": set(),
    "faulty_environments:Walk": set(),
    "faulty_environments:ContinuousWalk": set(),
    "gymnasium:CartPole-v1": set(),
    "gymnasium:Taxi-v4": {"ends"},
    "gymnasium:Blackjack-v1": set(),
    "gymnasium:Pendulum-v1": {"ends"},
}
"""Environment -> checks that may have a remark."""


@pytest.mark.parametrize("name", RIGHT)
def test_right_environments_pass_every_check(name: str) -> None:
    results = list(run_checks(subject(name, steps=STEPS)))
    assert [r.check for r in results] == [check_name(check) for check in CHECKS[subject(name).kind]]
    bad = [r for r in results if r.status not in ("ok", "not offered") and r.check not in RIGHT[name]]
    assert not bad
    assert not [r for r in results if r.status in ("failed", "skipped")]


# -- environments that break it in one place -------------------------------------------------------------------

F, N = "failed", "note"
FAULTS: list[tuple[str, str, str, str]] = [
    # Gymnasium
    ("ResetsWithoutInfo", F, "interface", r"reset must return the tuple \(observation, info\), returned an array"),
    ("StepsLikeOldGym", F, "interface", r"returned a tuple of 4 .*the old package gym"),
    ("TakesNoSeed", F, "interface", r"takes no seed; write def reset\(self, \*, seed=None"),
    (
        "GivesArraysOfRewards",
        F,
        "interface",
        r"reward must be a single number, is an array of float64 \(1,\) at step 1",
    ),
    ("GivesNothingAsInfo", F, "interface", r"info that step returns must be a dict, is NoneType"),
    ("GivesNumbersAsFlags", N, "interface", r"terminated is int . at step \d+ .*use bool"),
    ("Raises", F, "interface", r"KeyError: 'wheel' \(in step 5 after reset\(seed=2\)\)"),
    ("Exits", F, "interface", r"SystemExit: that is all"),
    ("LeavesItsSpace", F, "observations", r"observation\[\d\] is .* its space says -2.0 to 2.0; .*widen"),
    ("ChangesShape", F, "observations", r"shape \(1,\) at step 3 after reset\(seed=1\), but its space says \(2,\)"),
    ("SeesNan", F, "observations", r"observation\[0\] is nan at step 4"),
    ("SeesText", F, "observations", r"of type str"),
    ("CountsTooFar", F, "observations", r"observation is 3 at step 3 .* says 0 to 2"),
    ("RewardsInfinitely", F, "observations", r"reward is 1e\+39 at step 7 .*finite"),
    ("SeesDoubles", N, "observations", r"comes as float64 but its space says float32"),
    ("DrawsFromNumpy", F, "global randomness", r"global generator of numpy\.random"),
    ("DrawsFromRandom", F, "global randomness", r"global generator of the module random"),
    ("DrawsFromTheClock", F, "seeds", r"the run differs .*at step 1 .*not made from the seed"),
    ("KeepsItsSpeed", F, "seeds", r"same instance is reset\(7\) again.*survives reset"),
    ("DrawsInTheConstructor", F, "seeds", r"second instance.*from the constructor"),
    ("SeedsAnewWithoutSeed", F, "seeds", r"reset without a seed must continue with the generator"),
    ("SharesItsPlace", F, "shared state", r"second instance is stepped beside it.*variable of the class"),
    ("SeedsTheGlobalGenerator", F, "shared state", r"a global generator that reset seeds"),
    ("RepeatsTheEpisode", F, "fresh episodes", r"12 resets without a seed all began the same episode"),
    ("NeverEnds", N, "ends", r"no episode ended in 20,000 steps"),
    ("IsAlwaysCutOff", N, "ends", r"cut off by a time limit, after 40 steps"),
    ("ChangesWhatItGave", N, "aliasing", r"handed out at reset\(seed=7\) was changed later, at step 1"),
    ("GivesItsState", N, "aliasing", r"writing into observations"),
    ("ClosesOnce", F, "closing", r"the second close .*AttributeError"),
    ("ChoosesItsSpace", F, "spaces", r"action_space is Discrete\(\d\) in one instance"),
    ("Talks", F, "spaces", r"is a Text, whose values have no fixed size"),
    ("MixesActions", F, "spaces", r"mixes discrete parts"),
    ("ActsWithoutBounds", N, "spaces", r"action_space is without bounds"),
    ("LooksAtTheProcess", F, "workers", r"worker processes differ at step 1"),
    ("make_nothing", F, "start", r"made a builtins.object; it must make a gymnasium.Env"),
    ("make_always_the_same", F, "start", r"the same object twice"),
    ("make_with_an_error", F, "start", r"RuntimeError: no petrol"),
    ("garage", F, "pickling", r"cannot be sent to a worker process: .*lock"),
    # PettingZoo
    ("ForgetsAReward", F, "interface", r"agent 'right' acted at step 1 .*given no reward"),
    ("KeepsTheDead", N, "interface", r"is over at step \d+ .*still in env.agents"),
    ("InventsAnAgent", F, "interface", r"agent 'third' is in env.agents .*not in possible_agents"),
    ("ActsInTwoWays", F, "spaces", r"'right' has continuous actions and 'left' discrete ones"),
    (
        "MasksTooFew",
        F,
        "masks",
        r"action_mask of the info at step 1 .*: the action_mask is a list of 2, but there",
    ),
    ("MasksAll", F, "masks", r"action_mask of the info at step 1 .* allows no choice of action 0; allow one"),
    ("HasNoAgents", F, "start", r"possible_agents must list all agents"),
    ("DuelsOutOfBounds", F, "observations", r"observation of \w+\[0\] is .* says 0.0 to 1.0"),
    ("DuelsByGlobalChance", F, "global randomness", r"the module random: observation of \w+"),
    ("ReturnsLists", F, "interface", r"five dicts by agent"),
    ("TakesTurns", F, "start", r"agents take turns, and the actions of 'left' are Box.*must be discrete"),
    # batches
    ("walk_without_seed", F, "start", r"takes num_envs but no seed"),
    ("WalkOfDoubles", F, "arrays", r"rewards must be float32 \(6,\), is float64 \(6,\)"),
    ("WalkWithoutFinals", F, "arrays", r"has no final_observations"),
    ("WalkWithNewArrays", F, "identity", r"rewards is another array after step 1"),
    ("WalkThatCopies", F, "identity", r"reset must return the array `observations` itself"),
    ("WalkOutOfBounds", F, "bounds", r"observations\[5, 1\] is 9.0 at step 1 after reset\(1\).*-3.0 to 3.0"),
    ("WalkWithNanRewards", F, "bounds", r"rewards\[0\] is nan at step 1"),
    ("WalkWithBothFlags", F, "bounds", r"both terminal and truncated at step"),
    ("WalkThatAddsUpRewards", F, "written", r"step 1 after reset\(2\) leaves a trace .*rewards"),
    ("WalkWithoutRestart", F, "restart", r"again at each of the next 12 steps"),
    ("WalkWithoutFinalsWritten", F, "restart", r"is truncated at step \d+ .*final_observations\[\d\] was not written"),
    ("WalkWithLateFinals", F, "restart", r"the first observation of the next episode"),
    ("WalkByGlobalChance", F, "global randomness", r"numpy.random: observations\[0, \d\]"),
    ("WalkThatRemembers", F, "seeds", r"same instance.*observations\[\d"),
    ("WalkWithSharedGenerator", F, "batching", r"environment 0 behaves differently in a batch of 1"),
    ("WalkThatIgnoresFirst", F, "batching", r"environment 1 behaves differently .*made with first=1"),
    ("WalkThatIgnoresItsSeed", F, "fresh episodes", r"must use the seed given at construction"),
    ("WalkThatTakesAnything", F, "hostile actions", r"ending in -1 were accepted"),
    ("WalkThatWraps", F, "hostile actions", r"ending in 4294967296 were accepted"),
    ("WalkThatMovesFirst", F, "hostile actions", r"refused actions before step 1 moved"),
    ("WalkThatAsserts", F, "hostile actions", r"raised AssertionError instead of ValueError"),
    ("ContinuousWalkUnclipped", F, "clipping", r"the action 1e\+30 must act like the box's edge"),
    ("WalkAfterClose", F, "life cycle", r"step after close must raise"),
    ("WalkThatClosesOnce", F, "life cycle", r"must do nothing the second time"),
    ("WalkThatLogsTwice", F, "log", r"must clear what it reported"),
    ("WalkThatMiscounts", F, "log", r"log\(\) counts \d+ episodes, the flags counted \d+"),
    ("WalkWithPartialSnapshots", F, "snapshots", r"after restore the run differs"),
]
"""Factory in faulty_environments, what is expected of it, the check that notices it, and what that says."""


def results_until(name: str, check: str) -> Iterator[Result]:
    """Results up to that check's, in the order of the suite."""
    for result in run_checks(subject(f"faulty_environments:{name}", steps=STEPS)):
        yield result
        if result.check == check:
            return


@pytest.mark.parametrize(("name", "status", "check", "message"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_noticed_by_the_right_check(name: str, status: str, check: str, message: str) -> None:
    *before, found = results_until(name, check)
    assert (found.check, found.status) == (check, status), found
    assert re.search(message, found.message), found.message
    assert not [result for result in before if result.status == "failed"], "an earlier check was set off by it too"


def test_walk_without_end_gets_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_checks, "END_LIMIT", 500)
    *_, found = results_until("WalkWithoutEnd", "ends")
    assert found.status == "note" and "no episode ended in 500 steps" in found.message


def test_a_native_environment_must_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(end_checks, "END_LIMIT", 3)
    (found,) = run_checks(subject("cartpole"), [end_checks.check_ends])
    assert found.status == "failed" and "no episode ended in 3 steps" in found.message


def test_a_native_environment_that_is_slow_has_not_failed() -> None:
    (found,) = run_checks(subject("cartpole", time_limit=0.0), [end_checks.check_ends])
    assert found.status == "note" and "no episode ended in 0 steps" in found.message


def test_an_exception_is_shown_with_the_users_own_lines() -> None:
    *_, found = results_until("Raises", "interface")
    lines, start = inspect.getsourcelines(_environment("Raises"))
    line = start + next(i for i, text in enumerate(lines) if "raise KeyError" in text)
    assert len(found.where) == 2, "step and noise, and nothing of ours or of the libraries"
    assert re.search(rf'faulty_environments.py:{line} in noise: raise KeyError\("wheel"\)$', found.where[-1])
    assert "in step:" in found.where[0]


def _environment(name: str) -> Any:
    return getattr(importlib.import_module("faulty_environments"), name)


def test_callables_are_checked_too() -> None:
    lock = threading.Lock()  # cannot be pickled

    def make_car() -> Any:
        with lock:
            return _environment("Car")()

    results = {result.check: result for result in run_checks(subject(make_car, steps=10))}
    assert results["seeds"].status == "ok" and results["pickling"].status == "failed"
    assert results["workers"].status == "skipped" and results["workers"].message == "pickling failed"


def test_the_other_checks_report_after_a_fault_in_seeding() -> None:
    """What is right passes; what cannot be told apart from the fault says so."""
    results = {r.check: r for r in run_checks(subject("faulty_environments:DrawsFromTheClock", steps=STEPS))}
    assert results["seeds"].status == "failed"
    assert not [result for result in results.values() if result.status == "skipped"]
    assert results["life cycle"].status == results["log"].status == "ok"
    assert "The reason may be what 'seeds' found; fix that first" in results["batching"].message


def test_what_builds_on_a_failed_check_is_skipped() -> None:
    results = list(run_checks(subject("faulty_environments:ResetsWithoutInfo")))
    assert [result.status for result in results[2:]] == ["skipped"] * (len(results) - 2)
    assert {result.message for result in results[2:]} == {"interface failed"}


def test_trajectories_are_shortened_for_slow_environments() -> None:
    s = subject("faulty_environments:IsSlow", time_limit=10)
    _, played = itertools.islice(run_checks(s), 2)
    assert 10 <= s.steps < 25
    assert played.status == "note" and f"only {s.steps} steps long" in played.message


def test_global_generators_are_left_as_they_were() -> None:
    def states() -> tuple[Any, str]:
        return random.getstate(), repr(np.random.get_state())  # noqa: NPY002 - it is theirs that we must not move

    before = states()
    for name in ("DrawsFromNumpy", "DrawsFromRandom", "SeedsTheGlobalGenerator"):
        list(run_checks(subject(f"faulty_environments:{name}", steps=10), [check_global_randomness]))
    assert states() == before


@pytest.mark.parametrize(
    ("name", "settings", "error", "message"),
    [
        ("squred", {}, ValueError, "Did you mean 'squared'"),
        ("squared", {"max_steps": 0}, ValueError, "must be from 1"),
        ("faulty_environments:Care", {}, ValueError, "Did you mean 'Car'"),
        ("faulty_environments:Car", {"wheels": 3}, TypeError, "does not take these settings: .*'wheels'"),
        ("faulty_environments:Walk", {"num_envs": 3}, TypeError, "num_envs is not a setting"),
        ("squared", {"threads": 3}, ValueError, "no setting 'threads'"),
        ("gymnasium:CartPole-v1", {"wheels": 3}, TypeError, "does not take these settings: .*'wheels'"),
        ("nowhere_at_all:Car", {}, ValueError, "no module 'nowhere_at_all'"),
    ],
)
def test_mistakes_are_refused_at_once(name: str, settings: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        subject(name, **settings)
