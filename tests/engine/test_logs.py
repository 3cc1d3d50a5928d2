"""Figures of finished episodes, and of those of one kind."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest

import puffer_envs
from puffer_envs import vector
from puffer_envs.contract.logs import count_of, means, sums


def test_each_figure_has_its_count() -> None:
    names = ("n", "perf", "race.n", "race.perf", "hover.perf")
    assert [count_of(name, names) for name in names] == ["n", "n", "race.n", "race.n", "n"]


def test_means_and_sums_undo_each_other() -> None:
    added = {"n": 4.0, "perf": 2.0, "race.n": 1.0, "race.perf": 0.25, "flag.n": 0.0, "flag.perf": 0.0}
    divided = means(added)
    assert divided == {"n": 4.0, "perf": 0.5, "race.n": 1.0, "race.perf": 0.25}
    assert sums(divided) == {name: value for name, value in added.items() if not name.startswith("flag")}
    assert means({"n": 0.0, "perf": 0.0}) == {}
    assert means({}) == sums({}) == {}


@pytest.mark.parametrize("parts", [1, 3])
def test_figures_of_a_kind(probe: str, parts: int) -> None:
    """By hand from the actions: whether the last two differ, of all agents and of the first alone."""
    agents, envs, steps = 4, 6, 5
    actions = np.random.default_rng(1).integers(0, (3, 2), (steps, envs * agents, 2)).astype(np.int32)
    if parts == 1:
        env = puffer_envs.make(probe, envs, agents=agents, max_steps=steps)
    else:
        env = vector.make(probe, envs, workers=parts, backend="threads", agents=agents, max_steps=steps)
    with env:
        env.reset(1)
        for row in actions:
            env.step(row)
        log = env.log()
    switched = (actions[-1, :, 0] != actions[-2, :, 0]).reshape(envs, agents)
    assert log["n"] == envs * agents
    assert log["first.n"] == envs
    assert log["switches"] == pytest.approx(switched.mean())
    assert log["first.switches"] == pytest.approx(switched[:, 0].mean())


def test_assets_are_made_once_and_stay(probe: str) -> None:
    with puffer_envs.make(probe, 50, squares=7) as env:
        env.reset(3)
        for i in range(50):
            assert env.state(i).squares.tolist() == [[i * i % 7 for i in range(7)]]
            assert not env.state(i).squares.flags.writeable
        assert {int(env.state(i).square) for i in range(50)} == {0, 1, 2, 4}
        assert np.shares_memory(env.state(0).squares, env.state(49).squares)


def test_assets_are_shared_by_batches_of_the_same_settings(probe: str) -> None:
    envs = [puffer_envs.make(probe, size, squares=squares) for size, squares in ((1, 5), (3, 5), (1, 9))]
    for env in envs:
        env.reset(3)
    first, second, other = (env.state(0).squares for env in envs)
    assert np.shares_memory(first, second) and not np.shares_memory(first, other)
    assert other.tolist() == [[i * i % 9 for i in range(9)]]
    assert not envs[0]._assets.flags.writeable


def test_assets_outlive_their_batches_until_there_are_too_many(probe: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("puffer_envs._core.KEPT_ASSETS_SIZE", 200)
    kept = []
    for squares in (90, 91, 92):  # bytes, of which two times fit
        with puffer_envs.make(probe, 1, squares=squares) as env:
            kept.append(weakref.ref(env._assets))
        del env
    gc.collect()
    assert [assets() is not None for assets in kept] == [False, True, True]
    with puffer_envs.make(probe, 1, squares=91) as env:
        assert env._assets is kept[1]()


def test_what_assets_are_made_from_cannot_be_set(probe: str) -> None:
    with vector.make(probe, 2, backend="threads", squares=7) as env:
        env.reset(1)
        env.set("squares", 7)
        with pytest.raises(ValueError, match=r"squares=7 is fixed, .*; make a new batch with squares=8"):
            env.set("squares", 8)
