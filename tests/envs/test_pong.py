"""pong against a second reading of its rules, in plain Python, and its vectorised batch against single environments."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, _core

PIXEL = 32
EDGE, HEIGHT = 320 * PIXEL, 240 * PIXEL
PADDLE, BALL = 42 * PIXEL, 6 * PIXEL
FACE = 282 * PIXEL
STAY, UP, DOWN = 0, 1, 2


@dataclass
class Match:
    """The state, in the environment's own terms."""

    paddle_y: int
    opponent_y: int
    ball_x: int
    ball_y: int
    ball_vx: int
    ball_vy: int
    aim: int

    @classmethod
    def of(cls, env: Environment, index: int = 0) -> Match:
        state = env.state(index)
        return cls(**{field.name: int(getattr(state, field.name)) for field in fields(cls)})

    def frame(self, action: int, opponent_speed: int) -> bool:
        """Move one frame; True if the agent hit the ball."""
        limit = HEIGHT - PADDLE
        self.paddle_y = min(max(self.paddle_y + {STAY: 0, UP: -8, DOWN: 8}[action] * PIXEL, -limit), limit)
        goal = self.ball_y + self.aim if self.ball_vx < 0 else 0
        if abs(goal - self.opponent_y) <= opponent_speed:
            self.opponent_y = goal
        else:
            self.opponent_y += opponent_speed if goal > self.opponent_y else -opponent_speed
        self.opponent_y = min(max(self.opponent_y, -limit), limit)

        passes = abs(self.ball_x) <= FACE < abs(self.ball_x + self.ball_vx)
        self.ball_y += self.ball_vy
        for wall in (-(HEIGHT - BALL), HEIGHT - BALL):
            if abs(self.ball_y) > abs(wall) and (self.ball_y > 0) == (wall > 0):
                self.ball_y = 2 * wall - self.ball_y
                self.ball_vy = -self.ball_vy
        self.ball_x += self.ball_vx
        agents = self.ball_x > 0
        off = self.ball_y - (self.paddle_y if agents else self.opponent_y)
        if passes and abs(off) <= PADDLE + BALL:
            self.ball_x = (2 if agents else -2) * FACE - self.ball_x
            speed = min(abs(self.ball_vx) + PIXEL // 2, 12 * PIXEL)
            self.ball_vx = -speed if agents else speed
            self.ball_vy = abs(off) // 8 * (1 if off > 0 else -1)
            return agents
        self.ball_x = min(max(self.ball_x, -EDGE), EDGE)
        return False


def follow(observations: NDArray[np.float32], offset: float | NDArray[np.float64] = 0.0) -> NDArray[np.int64]:
    """Keep the paddle's middle `offset` (in half courts) below the ball's."""
    gap = observations[:, 3] + offset - observations[:, 0]
    return np.where(gap < -0.03, UP, np.where(gap > 0.03, DOWN, STAY))


@pytest.mark.parametrize("frameskip", [1, 4, 7])
@pytest.mark.parametrize("agent", ["random", "follow"])
def test_every_step_matches_the_rules(agent: str, frameskip: int) -> None:
    rng = np.random.default_rng(1)
    counts = {"won": 0, "lost": 0, "returned": 0}
    with puffer_envs.make("pong", seed=2, frameskip=frameskip, opponent_speed=2.5, max_steps=32767) as env:
        env.reset()
        for _ in range(12_000):
            expected, score = Match.of(env), (env.state(0).score, env.state(0).opponent_score)
            # Off the paddle's middle, so that the ball comes back at all angles.
            action = rng.integers(0, 3) if agent == "random" else follow(env.observations, rng.uniform(-0.15, 0.15))[0]
            returned = sum(expected.frame(int(action), int(2.5 * PIXEL)) for _ in range(frameskip)) > 0
            env.step(np.array([action]))
            point = (expected.ball_x == -EDGE) - (expected.ball_x == EDGE)
            assert env.rewards[0] == point
            now = Match.of(env)
            if env.terminals[0]:
                assert max(score) == 20
                continue
            assert (env.state(0).score, env.state(0).opponent_score) == (score[0] + (point > 0), score[1] + (point < 0))
            if point:
                counts["won" if point > 0 else "lost"] += 1
                assert now.ball_x == 0 and abs(now.ball_y) <= HEIGHT // 2
                assert abs(now.ball_vx) == 6 * PIXEL and abs(now.ball_vy) <= 3 * PIXEL
                assert (now.paddle_y, now.opponent_y) == (expected.paddle_y, expected.opponent_y)
                continue
            if returned:
                counts["returned"] += 1
                assert abs(now.aim) <= 36 * PIXEL
                expected.aim = now.aim  # the opponent aims again, at random
            assert now == expected
    assert counts["lost" if agent == "random" else "won"] > 10 and counts["returned"] > 10


def test_holding_an_action_for_four_frames_is_four_steps_of_one() -> None:
    rng = np.random.default_rng(3)
    with puffer_envs.make("pong", 64, seed=4) as held, puffer_envs.make("pong", 64, seed=4, frameskip=1) as single:
        held.reset()
        single.reset()
        playing = np.ones(64, bool)
        for _ in range(100):
            actions = rng.integers(0, 3, 64)
            held.step(actions)
            for _ in range(4):
                single.step(actions)
                playing &= single.rewards == 0  # a point ends the comparison: it is dealt with at the end of a step
            assert (held.observations[playing] == single.observations[playing]).all()
        assert playing.sum() < 60  # so that there were points, and returns as well


def test_a_paddle_in_the_right_place_is_never_passed() -> None:
    """No ball tunnels through, at any speed or angle: who follows it closely concedes nothing, and wins."""
    with puffer_envs.make("pong", 256, seed=5, frameskip=1, opponent_speed=2, max_steps=32767) as env:
        env.reset()
        fastest = 0.0
        for _ in range(8000):
            env.step(follow(env.observations))
            assert (env.rewards >= 0).all()
            fastest = max(fastest, float(np.abs(env.observations[:, 4]).max()))
        log = env.log()
    assert fastest == 1.0
    assert log["perf"] == 1.0 and log["score"] == 21.0


def test_rallies_end() -> None:
    """Even against an agent that only ever returns the ball from the middle of its paddle."""
    with puffer_envs.make("pong", 256, seed=6) as env:
        env.reset()
        since_point = np.zeros(256, int)
        longest = 0
        for _ in range(4000):
            env.step(follow(env.observations))
            since_point = np.where(env.rewards != 0, 0, since_point + 1)
            longest = max(longest, int(since_point.max()))
    assert longest < 2000


def test_better_play_has_greater_perf() -> None:
    rng = np.random.default_rng(7)
    perf = {}
    agents = {
        "idle": lambda obs: np.zeros(len(obs), int),
        "random": lambda obs: rng.integers(0, 3, len(obs)),
        "lazy": lambda obs: np.where(rng.random(len(obs)) < 0.5, follow(obs), 0),
        "attentive": follow,
    }
    for name, agent in agents.items():
        with puffer_envs.make("pong", 256, seed=8, max_score=5) as env:
            env.reset()
            for _ in range(3000):
                env.step(agent(env.observations))
            log = env.log()
            perf[name] = log["perf"]
            assert log["perf"] == pytest.approx(0.5 + 0.5 * log["score"] / 5, abs=1e-5)
            assert log["score"] == pytest.approx(log["episode_return"])
    assert max(perf["idle"], perf["random"]) < 0.1 < perf["lazy"] < perf["attentive"]
    assert perf["attentive"] > 0.99


def test_a_match_ends_at_the_score_or_at_the_time_limit() -> None:
    with puffer_envs.make("pong", 64, seed=9, max_score=3, max_steps=120) as env:
        env.reset()
        ticks, balance = np.zeros(64, int), np.zeros(64)
        ends = {"terminal": 0, "truncated": 0}
        for _ in range(1000):
            env.step(np.zeros(64, np.int32))
            ticks += 1
            balance += env.rewards
            ended = env.terminals | env.truncations
            final = env.final_observations[ended]
            assert ((final[:, 6:].max(1) == 1) == env.terminals[ended]).all()
            assert (ticks[env.truncations] == 120).all() and (ticks <= 120).all()
            np.testing.assert_allclose(final[:, 6] - final[:, 7], balance[ended] / 3, atol=1e-6)
            assert (env.observations[ended, 6:] == 0).all()
            ends["terminal"] += int(env.terminals.sum())
            ends["truncated"] += int(env.truncations.sum())
            ticks[ended], balance[ended] = 0, 0
    assert min(ends.values()) > 20


@pytest.mark.parametrize(
    "settings", [{"max_score": 3}, {"frameskip": 3, "max_score": 2, "max_steps": 50, "opponent_speed": 1.3}]
)
def test_batch_is_bit_for_bit_single_environments(settings: dict[str, Any]) -> None:
    """64 environments at a time take the vectorised path, the rest the readable one."""
    rng = np.random.default_rng(10)
    total = 130
    variants: list[dict[str, Any]] = [{"num_envs": n} for n in (1, 7, 16, 64, total)]
    variants += [{"num_envs": total, "isa": isa} for isa in _core.supported_isas()]
    variants += [{"num_envs": total, "threads": 2}]
    batches = [puffer_envs.make("pong", **v, seed=11, first=total - v["num_envs"], **settings) for v in variants]
    whole = batches[4]
    for env in batches:
        env.reset()
    for _ in range(900):
        actions = np.where(rng.random(total) < 0.5, follow(whole.observations), rng.integers(0, 3, total))
        for env in batches:
            env.step(actions[-env.num_envs :])
        ended = np.flatnonzero(whole.terminals | whole.truncations)
        for env in batches:
            first = total - env.num_envs
            for name in ("observations", "rewards", "terminals", "truncations"):
                assert getattr(env, name).tobytes() == getattr(whole, name)[first:].tobytes(), name
            rows = ended[ended >= first]
            assert env.final_observations[rows - first].tobytes() == whole.final_observations[rows].tobytes()
    hashes = [whole.state_hash(i) for i in range(total)]
    for env in batches:
        assert [env.state_hash(i) for i in range(env.num_envs)] == hashes[-env.num_envs :]
    logs = [env.log(env.num_envs - 1) for env in batches]  # of the last environment, which is in every batch
    assert logs[0]["n"] > 1 and logs == [logs[0]] * len(logs)
    for env in batches:
        env.close()
