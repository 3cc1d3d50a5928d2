"""Playing against a pool of opponents that do not learn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import puffer_envs
import puffer_train
from puffer_train import _kernels
from puffer_train.algorithm.opponents import NOBODY, Opponents
from puffer_train.algorithm.pool import LEAST_CHANCE, LEAST_NEED, MEMORY, PRIOR, SURE, Pool
from puffer_train.algorithm.ppo import PPO
from puffer_train.algorithm.sides import Sides, divide
from puffer_train.config import SelfplaySettings, Settings, overlay
from puffer_train.contract import describe
from puffer_train.errors import CheckpointError, ConfigError
from tests.train.tiny import flags
from tests.train.tiny_environments import VectorEnvironment

STEPS = 6 * 128 * 8


class Duel(VectorEnvironment):
    """Two agents; the first wins with each third step. Row 1 of environment 0 is never there."""

    agents = 2

    def __init__(self, num_envs: int = 8, seed: int = 0) -> None:
        from gymnasium.spaces import Discrete  # noqa: PLC0415

        super().__init__(flags(2), Discrete(2), num_envs, seed)
        self.agent_mask = np.ones(self.num_agents, np.bool_)
        self.agent_mask[1] = False

    def begin(self, rows: Any) -> None:
        pass

    def advance(self, actions: Any) -> None:
        self.terminals[:] = self.clock == 3
        self.rewards[:] = np.where(self.terminals, np.tile([1.0, -1.0], self.num_envs), 0.0)

    def observe(self, out: Any) -> None:
        out[:] = np.stack([self.clock / 3, np.arange(self.num_agents) % 2], axis=1)


def chosen(**selfplay: Any) -> SelfplaySettings:
    return overlay(Settings(), {"selfplay": {"share": 0.5, "meets": "always"} | selfplay}, "test").selfplay


def trainer(env: Any, policy: dict[str, Any] | None = None, learner: str = "auto", **selfplay: Any) -> PPO:
    train = {"num_envs": env.num_envs, "horizon": 8, "minibatch": 4 * env.num_agents, "steps": 10_000}
    tables = {"train": train, "policy": {"hidden": 16, "layers": 1} | (policy or {})}
    tables["selfplay"] = {"share": 0.5, "meets": "always"} | selfplay
    return PPO(env, overlay(Settings(), tables, "test"), 1, learner=learner)


def connect4(envs: int = 32) -> Any:
    return puffer_envs.make("connect4", envs, 3, self_play=True)


def opponents_of(ppo: PPO) -> Opponents:
    assert ppo.opponents is not None
    return ppo.opponents


# -- the pool ----------------------------------------------------------------------------------------------


def pool_with(rates: list[float], **settings: Any) -> Pool:
    """A pool whose opponents were beaten so often."""
    pool = Pool(chosen(kept=len(rates) + 1, **settings), 0)
    for number, rate in enumerate(rates):
        assert pool.enter(number * 10) == number
        pool.games[number] = 100
        pool.points[number] = rate * (100 + PRIOR) - PRIOR / 2
    return pool


def test_those_that_win_are_met_more_often() -> None:
    hard = pool_with([0.9, 0.5, 0.1], sampling="hard").chances()
    weights = np.array([0.1**2, 0.5**2, 0.9**2, 0]) + LEAST_CHANCE * np.array([1, 1, 1, 0])
    np.testing.assert_allclose(hard, weights / weights.sum())
    even = pool_with([0.9, 0.5, 0.1], sampling="even").chances()
    assert even[1] > even[0] == pytest.approx(even[2])
    np.testing.assert_allclose(pool_with([0.9, 0.5, 0.1], sampling="uniform").chances(), [1 / 3, 1 / 3, 1 / 3, 0])


def test_opponents_are_drawn_by_their_chances() -> None:
    ppo = trainer(connect4(), kept=4)
    opponents = opponents_of(ppo)
    for steps in (10, 20):
        opponents._enter(steps)
    opponents.pool.games[:3], opponents.pool.points[:3] = 100, [95, 50, 5]
    drawn = np.bincount(opponents._draw(2000).ravel(), minlength=4) / (2000 * 16)
    np.testing.assert_allclose(drawn, opponents.pool.chances(), atol=0.01)
    assert drawn[3] == 0, "nobody is there"


def test_old_games_fade() -> None:
    pool = pool_with([0.5])
    for _ in range(50):
        pool.add(np.array([100.0, 0.0]), np.array([100.0, 0.0]))
    assert pool.games[0] == MEMORY
    assert pool.rates[0] > 0.98


@pytest.mark.parametrize(("leaves", "place"), [("oldest", 0), ("weakest", 2), ("spread", 1)])
def test_who_leaves(leaves: str, place: int) -> None:
    pool = pool_with([0.4, 0.5, 0.9, 0.6], leaves=leaves)
    pool.born[:4] = [0, 10, 15, 40]
    assert pool.enter(70) == 4, "there was room for one more"
    assert pool.enter(90) == place
    assert pool.born[place] == 90
    assert pool.rates[place] == 0.5


def test_opponents_from_files_stay() -> None:
    pool = Pool(chosen(kept=1), 2)
    assert [pool.enter(steps) for steps in (10, 20, 30)] == [2, 2, 2]
    assert pool.born.tolist() == [0, 0, 30]


def test_a_snapshot_waits_for_the_mark() -> None:
    pool = pool_with([0.6, 0.8], every=3, mark=0.75)
    assert not pool.wants_snapshot(3)
    pool.add(np.array([400.0, 0, 0]), np.array([400.0, 0, 0]))
    assert pool.wants_snapshot(3)
    assert not pool.wants_snapshot(4)


def test_opponents_come_as_they_are_needed() -> None:
    pool = pool_with([0.9, 0.6], meets="needed")
    assert pool.need() == LEAST_NEED
    pool.points[1] = 0.45 * (100 + PRIOR) - PRIOR / 2  # about one standard error below half
    assert pool.need() == pytest.approx(0.05 / (0.5 / 108**0.5) / SURE)
    pool.points[1] = 20
    assert pool.need() == 1
    assert pool_with([0.9, 0.6], meets="always").need() == 1


# -- sides -------------------------------------------------------------------------------------------------


def sides_of(envs: int, rank: int = 0, ranks: int = 1, **settings: Any) -> Sides:
    with puffer_envs.make("tanks", envs, 1, team_size=2, scripted=False) as env:
        return divide(chosen(**settings), describe(env), "tanks", rank, ranks)


def test_opponents_have_one_side_of_a_share_of_the_environments() -> None:
    sides = sides_of(8, share=0.25)
    assert sides.envs.tolist() == [3, 7]
    assert sides.rows.tolist() == [14, 15, 28, 29], "the policy learns as either team"
    assert sides_of(8, share=0.25, sides="alternating").rows.tolist() == [13, 15, 28, 30]
    assert len(sides_of(8, role="exploiter", opponents="x").envs) == 8


def test_they_do_not_depend_on_the_number_of_processes() -> None:
    whole, parts = sides_of(20, share=0.3), [sides_of(10, rank, 2, share=0.3) for rank in (0, 1)]
    rows = np.concatenate([part.rows + rank * 40 for rank, part in enumerate(parts)])
    assert rows.tolist() == whole.rows.tolist()
    assert [part.rows_before for part in parts] == [0, len(parts[0].rows)]
    assert {part.rows_of_all for part in parts} == {len(whole.rows)}


# -- playing -----------------------------------------------------------------------------------------------


def test_networks_act_for_their_own_rows_as_if_they_were_alone() -> None:
    ppo = trainer(connect4(), kept=2)
    opponents = opponents_of(ppo)
    with torch.no_grad():
        ppo.policy.head[:] += torch.randn(ppo.policy.head.shape, generator=torch.Generator().manual_seed(1))
    opponents._enter(10)
    ppo.collect()
    (rounds,) = opponents.rounds
    before, rows = rounds.states[0].clone(), opponents.sides.rows
    results = []
    mixed = (np.arange(len(rows)) % 3 == 0).astype(np.int32)
    for who in (np.zeros_like(mixed), np.ones_like(mixed), mixed):
        rounds.states[0].copy_(before)
        rounds.actor.act(3, ppo.buffers, who, 77, None)
        results.append((ppo.buffers.actions[3, rows, 0].numpy().copy(), rounds.states[0].numpy().copy()))
    (first, its_state), (second, other_state), (both, states) = results
    assert (first != second).any()
    assert np.array_equal(both, np.where(mixed, second, first))
    assert np.array_equal(states, np.where(mixed[None, :, None], other_state, its_state))


def test_a_crowd_checks_what_it_is_given() -> None:
    ppo = trainer(connect4(), kept=1)
    core, rows, state = opponents_of(ppo).frozen[0].core, np.arange(4), np.zeros((1, 4, 16), np.float32)
    crowd = _kernels.Crowd(rows, rows, [core, None], [state, None])
    other = opponents_of(trainer(puffer_envs.make("othello", 32, self_play=True), kept=1)).frozen[0].core
    for networks, states in (
        ([None], [None]),
        ([core], [state[:, :3]]),
        ([core, core], [state]),
        ([core, other], [state] * 2),
    ):
        with pytest.raises(ValueError, match=r"needs rows|state must be|must see the same"):
            _kernels.Crowd(rows, rows, networks, states)
    who, seen, may = np.zeros(4, np.int32), np.zeros((4, 85), np.uint8), np.ones((4, 7), np.bool_)
    actions = np.full((4, 1), -1)
    crowd.act(np.array([0, 1, -1, 0], np.int32), seen, may, actions, 5)
    assert (actions[:, 0] >= 0).tolist() == [True, False, False, True], "nobody acts for the others"
    for arrays in ((who[:3], seen, may), (who, seen[:3], may), (who, seen, may[:, :6]), (who, seen[:, :9], may)):
        with pytest.raises(ValueError, match=r"must be|is not among"):
            crowd.act(*arrays, actions, 5)


@pytest.mark.parametrize("learner", ["kernels", "torch"])
def test_rows_of_opponents_change_no_gradient(learner: str) -> None:
    ppo = trainer(connect4(), learner=learner)
    assert ppo.collect() is None
    rows = opponents_of(ppo).sides.rows
    assert len(rows) == 16

    def learned(damage: bool) -> list[torch.Tensor]:
        twin = trainer(connect4(), learner=learner)
        twin.collect()
        if damage:
            for name in ("actions", "rewards", "log_probs", "values", "advantages", "observations"):
                getattr(twin.buffers, name)[:, rows] = 1
        twin.learn()
        return [p.detach() for p in twin.policy.parameters()]

    for ours, theirs in zip(learned(False), learned(True), strict=True):
        assert torch.equal(ours, theirs)
    everyone, ones = torch.arange(64), torch.ones(64)
    ppo.learner.gradient(everyone, ones)
    of_all = [p.grad.clone() for p in ppo.policy.parameters() if p.grad is not None]
    own = torch.from_numpy(np.flatnonzero(ppo.buffers.learning))
    ppo.learner.gradient(own, ones[: len(own)])
    for mine, theirs in zip(of_all, [p.grad for p in ppo.policy.parameters()], strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)


def test_the_policy_plays_both_sides_where_no_opponent_is_needed() -> None:
    ppo = trainer(connect4(128), share=1.0, meets="needed")
    opponents, present = opponents_of(ppo), ppo.buffers.present
    assert present is not None
    for _ in range(4):
        ppo.collect()
    (rounds,) = opponents.rounds
    alone = rounds.opponents == NOBODY
    assert 0.8 < alone.mean() < 1
    assert present[-1].view(128, 2).all(dim=1).tolist() == alone.tolist()
    changing = present[:, opponents.sides.rows].numpy()
    some = changing[:-1].any(axis=0) & ~changing[:-1].all(axis=0)
    assert some.any(), "a round ended within the rollout"
    sequences = torch.cat([sequences for sequences, _ in ppo.minibatches.choose(0.0)])
    learned = np.isin(opponents.sides.rows, sequences.numpy())
    assert (learned <= changing[:-1].any(axis=0)).all(), "rows that never learned are in no minibatch"
    ends = ppo.buffers.ends[:, opponents.sides.rows].numpy()
    assert ends[:-1][changing[:-2] != changing[1:-1]].all(), "sequences are cut where an opponent comes or leaves"


def test_minibatches_hold_rows_that_learn() -> None:
    for alpha in (0.0, 0.6):
        env = connect4()
        tables = {"train": {"num_envs": 32, "horizon": 8, "minibatch": 64, "priority_alpha": alpha}}
        ppo = PPO(env, overlay(Settings(), tables | {"selfplay": {"share": 1.0, "meets": "always"}}, "test"), 1)
        ppo.collect()
        drawn = torch.cat([sequences for sequences, _ in ppo.minibatches.choose(0.0)])
        assert set(drawn.tolist()) <= set(np.flatnonzero(ppo.buffers.learning).tolist())
        assert len(drawn) >= 32


def test_rounds_are_counted_for_the_side_that_learns() -> None:
    ppo = trainer(Duel(), share=1.0)
    opponents = opponents_of(ppo)
    assert ppo.buffers.present is not None
    ppo.collect()
    (rounds,) = opponents.rounds
    assert [points.tolist() for _, points in rounds.finished] == [[0.5 + 0.5 * s for s in [1, -1] * 4]] * 2
    assert not ppo.buffers.present[:, 1].any(), "an agent that is not there is not made present"
    report = opponents.finish()
    assert report["selfplay/games"] == 16
    assert report["selfplay/points"] == 0.5
    assert opponents.pool.games.tolist() == [16.0] + [0.0] * 15


# -- runs --------------------------------------------------------------------------------------------------


def options(folder: Path, hidden: int = 16, threads: int = 1, **selfplay: Any) -> dict[str, Any]:
    settings = {
        "env": {"self_play": True},
        "train": {"num_envs": 64, "horizon": 8, "minibatch": 512, "eval_episodes": 0, "steps": STEPS},
        "policy": {"hidden": hidden, "layers": 1},
        "selfplay": {"share": 0.5, "every": 1, "kept": 3} | selfplay,
    }
    return {"folder": folder, "settings": settings, "threads": threads, "video": False, "quiet": True}


def files(folder: Path) -> dict[str, bytes]:
    paths = [folder / "policy.safetensors", *sorted((folder / "pool").iterdir())]
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize(("hidden", "meets"), [(16, "needed"), (12, "always")])
def test_a_resumed_run_is_the_same_with_its_pool(hidden: int, meets: str, tmp_path: Path) -> None:
    whole = puffer_train.train("connect4", **options(tmp_path / "whole", hidden, meets=meets)).folder
    with puffer_train.Trainer("connect4", **options(tmp_path / "parts", hidden, meets=meets)) as part:
        for _ in range(4):  # in the middle of games, and with a full pool
            part.iterate()
    resumed = puffer_train.train(resume=tmp_path / "parts", threads=1, video=False, quiet=True).folder
    assert len(files(whole)) == 4
    assert files(resumed) == files(whole)


def test_threads_change_nothing(tmp_path: Path) -> None:
    one, two = (
        puffer_train.train("connect4", **options(tmp_path / str(threads), threads=threads, meets="needed")).folder
        for threads in (1, 2)
    )
    assert files(one) == files(two)


def test_a_run_without_opponents_can_get_them_later(tmp_path: Path) -> None:
    plain = puffer_train.train("connect4", steps=STEPS, **options(tmp_path / "plain", share=0)).folder
    more = {"steps": STEPS + 2048, "settings": {"selfplay": {"share": 0.5, "every": 100}}}
    rest = {"folder": tmp_path / "more", "threads": 1, "video": False, "quiet": True}
    run = puffer_train.train(start_from=str(plain), **more, **rest)
    assert [path.name for path in (run.folder / "pool").iterdir()] == [f"{STEPS:015d}.safetensors"]
    assert (run.folder / "pool" / f"{STEPS:015d}.safetensors").read_bytes() == (
        plain / "policy.safetensors"
    ).read_bytes()
    assert (run.metrics["selfplay/pool"][-2:] == 1).all()


def test_an_exploiter_meets_files_only(tmp_path: Path) -> None:
    first = puffer_train.train("connect4", steps=STEPS, **options(tmp_path / "first")).folder
    chosen = {"role": "exploiter", "opponents": f"{first}, {first / 'pool'}, trained"}
    made = options(tmp_path / "second", **chosen)
    with puffer_train.Trainer("connect4", steps=STEPS, **made) as second:
        report = second.iterate()
        assert report["selfplay/pool"] == 5
        assert [named.own_turns for named in opponents_of(second.ppo).fixed] == [False] * 4 + [True]
    assert not (tmp_path / "second" / "pool").exists()
    (first / "policy.safetensors").write_bytes((first / "pool" / "000000000000000.safetensors").read_bytes())
    with (
        pytest.raises(CheckpointError, match="was trained against other opponents"),
        puffer_train.Trainer(resume=tmp_path / "second", quiet=True),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "env", "selfplay", "wanted"),
    [
        ("connect4", {}, {}, "selfplay.share is 0.5, but an environment of 'connect4' has one agent"),
        ("connect4", {"self_play": True}, {"share": 1.5}, "selfplay.share is 1.5; it must be between 0 and 1"),
        ("connect4", {"self_play": True}, {"share": 0.001}, "selfplay.share 0.001 of 64 environments is not one"),
        (
            "connect4",
            {"self_play": True},
            {"opponents": "nobody"},
            "nobody is neither a policy file nor the folder of a run.",
        ),
        ("connect4", {"self_play": True}, {"opponents": "{hex}"}, "hex.safetensors is a policy for hex, not for"),
        ("hex", {"self_play": True, "size": 5}, {"opponents": "trained"}, "its observation shape is [100], here it is"),
        ("connect4", {}, {"role": "exploiter"}, "selfplay.role exploiter needs somebody to play against"),
        ("connect4", {}, {"share": 0, "opponents": "trained"}, "selfplay.opponents are given, but selfplay.share is 0"),
        ("connect4", {}, {"sampling": "best"}, "selfplay.sampling is 'best'; it must be hard, even or uniform"),
    ],
)
def test_mistakes_are_one_sentence(
    name: str, env: dict[str, Any], selfplay: dict[str, Any], wanted: str, tmp_path: Path
) -> None:
    hexes = Path(puffer_envs.__file__).parent / "trained" / "hex.safetensors"
    selfplay = {key: str(value).format(hex=hexes) for key, value in selfplay.items()}
    made = options(tmp_path / "r", **selfplay)
    made["settings"]["env"] = env
    with pytest.raises((ConfigError, CheckpointError), match=re.escape(wanted)), puffer_train.Trainer(name, **made):
        pass


def test_a_policy_for_other_rules_is_refused(tmp_path: Path) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from puffer_envs.contract.policy_file import PolicyFile  # noqa: PLC0415
    from puffer_envs.contract.trained import trained_policy  # noqa: PLC0415

    file = PolicyFile.read(trained_policy("connect4"))
    old = tmp_path / "old.safetensors"
    replace(file, info=replace(file.info, environment_version=9)).write(old)
    with (
        pytest.raises(ConfigError, match="was trained with the rules of connect4 version 9, these are version 1"),
        puffer_train.Trainer("connect4", **options(tmp_path / "r", opponents=str(old))),
    ):
        pass
