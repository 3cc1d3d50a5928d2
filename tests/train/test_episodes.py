"""Logs of several, brought together."""

from __future__ import annotations

import pytest

from puffer_envs.contract.logs import merge_logs


def test_means_are_weighted_by_their_own_counts() -> None:
    logs = [
        {"n": 3.0, "perf": 0.5, "race.n": 1.0, "race.perf": 1.0},
        {"n": 1.0, "perf": 0.9},
        {},
        {"n": 2.0, "perf": 0.0, "race.n": 2.0, "race.perf": 0.25, "flag.n": 1.0, "flag.perf": 0.7},
    ]
    assert merge_logs(logs) == pytest.approx(
        {"n": 6.0, "perf": 0.4, "race.n": 3.0, "race.perf": 0.5, "flag.n": 1.0, "flag.perf": 0.7}
    )
    assert merge_logs([{}, {}]) == {}


def test_a_figure_that_not_all_have_is_left_out() -> None:
    """Unless it is about a kind of episodes that the others did not see."""
    assert merge_logs([{"n": 1.0, "a": 1.0, "x.y": 2.0}, {"n": 1.0, "x.y": 4.0}]) == {"n": 2.0, "x.y": 3.0}
