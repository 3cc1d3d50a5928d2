"""breakout against reference rules, and against what players of known skill must reach."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, State

STAY, LEFT, RIGHT = 0, 1, 2
WIDTH, HEIGHT, RADIUS = 576, 330, 3
PADDLE_TOP, PADDLE_BOTTOM, PADDLE_SPEED, PADDLE_WIDTH = 310, 318, 8, 62
POINTS = (7, 7, 4, 4, 1, 1)
WALL = [(row, column) for row in range(6) for column in range(18)]
GRAIN = 1 / 256
DIRECTION = {STAY: 0, LEFT: -1, RIGHT: 1}


def last_observation(env: Environment, row: int = 0) -> NDArray[np.float32]:
    """What the last step led to, before any restart."""
    ended = env.terminals[row] or env.truncations[row]
    return np.array((env.final_observations if ended else env.observations)[row])


# ---- the reference rules ----


def grain(x: np.float32) -> float:
    """The nearest multiple of 1/256, from a float32 as the environment has it."""
    return math.floor(x * np.float32(256) + np.float32(0.5)) / 256


@dataclass
class Game:
    """One game computed with overlapping rectangles, a frame at a time. What is drawn by lot (the serve) and what goes
    through a sine (the way off the paddle) is checked against its rule and then taken over."""

    state: State
    paddle_x: float = 257.0
    paddle_width: float = PADDLE_WIDTH
    x: float = 0.0
    y: float = 0.0
    vx: float = 0.0
    vy: float = 0.0
    balls: int = 5
    score: int = 0
    wall: int = 1
    hits: int = 0
    highest: int = 0
    frames: int = 0
    bricks: set[tuple[int, int]] = field(default_factory=lambda: set(WALL))
    happened: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.check_serve()

    def speed(self) -> np.float32:
        """Pixels a frame: 256 a second, and 48 more for each of four reasons."""
        reasons = [self.hits >= 4, self.hits >= 12, self.highest >= 4, self.highest >= 7]
        return np.float32(256 / 60) + np.float32(sum(reasons)) * np.float32(48 / 60)

    def over(self) -> bool:
        return self.balls == 0 or (self.wall == 2 and not self.bricks)

    def frame(self, action: int) -> None:
        self.frames += 1
        self.paddle_x = min(max(self.paddle_x + PADDLE_SPEED * DIRECTION[action], 0), WIDTH - self.paddle_width)
        self.move_sideways()
        self.move_upright()
        assert not self.over_bricks(self.x, self.y)

    def move_sideways(self) -> None:
        x, right = self.x + self.vx, self.vx > 0
        self.x = min(max(x, RADIUS), WIDTH - RADIUS)
        if self.x != x:
            self.vx = -self.vx
        elif met := self.over_bricks(x, self.y):
            row, column = min(met, key=lambda brick: (abs(50 + 12 * brick[0] + 6 - self.y), -brick[0]))
            self.knock_out(row, column)
            self.x = 32 * column - RADIUS if right else 32 * (column + 1) + RADIUS
            self.vx = -self.vx

    def move_upright(self) -> None:
        before, down = self.y, self.vy > 0
        self.y += self.vy
        if self.y < RADIUS:
            self.y, self.vy = RADIUS, -self.vy
            if self.paddle_width == PADDLE_WIDTH:
                self.paddle_x += PADDLE_WIDTH / 4
                self.paddle_width /= 2
                self.happened.add("paddle halved")
        elif met := self.over_bricks(self.x, self.y):
            row, column = min(met, key=lambda brick: (abs(32 * brick[1] + 16 - self.x), -brick[1]))
            self.knock_out(row, column)
            self.y = 50 + 12 * row - RADIUS if down else 50 + 12 * (row + 1) + RADIUS
            self.vy = -self.vy
        elif down and self.on_paddle():
            self.happened.add("hit from above" if before + RADIUS <= PADDLE_TOP else "saved by the side")
            if before + RADIUS <= PADDLE_TOP:
                self.y = PADDLE_TOP - RADIUS
            self.hit_paddle()
        elif self.y >= HEIGHT - RADIUS:
            self.lose_ball()

    def over_bricks(self, x: float, y: float) -> list[tuple[int, int]]:
        """The bricks whose rectangles the ball, there, would overlap."""
        if not 50 - RADIUS < y < 122 + RADIUS:
            return []
        across = [column for column in range(18) if x + RADIUS > 32 * column and x - RADIUS < 32 * (column + 1)]
        along = [row for row in range(6) if y + RADIUS > 50 + 12 * row and y - RADIUS < 50 + 12 * (row + 1)]
        return [(row, column) for row in along for column in across if (row, column) in self.bricks]

    def on_paddle(self) -> bool:
        right = self.paddle_x + self.paddle_width
        beside = self.x + RADIUS <= self.paddle_x or self.x - RADIUS >= right
        return not beside and self.y + RADIUS >= PADDLE_TOP and self.y - RADIUS < PADDLE_BOTTOM

    def knock_out(self, row: int, column: int) -> None:
        self.bricks.remove((row, column))
        self.score += POINTS[row]
        if POINTS[row] > self.highest:
            before = self.speed()
            self.highest = POINTS[row]
            faster = self.speed() / before
            self.vx, self.vy = grain(np.float32(self.vx) * faster), grain(np.float32(self.vy) * faster)
            self.happened.add(f"touched {POINTS[row]}")

    def hit_paddle(self) -> None:
        self.put_up_wall()
        self.hits += 1
        self.happened.add(f"hit {self.hits}")
        offset = (self.x - (self.paddle_x + self.paddle_width / 2)) / (self.paddle_width / 2 + RADIUS)
        angle = math.copysign(math.radians(4 + 56 * abs(offset)), offset)
        assert float(self.state.ball_vx) == pytest.approx(self.speed() * math.sin(angle), abs=GRAIN)
        assert float(self.state.ball_vy) == pytest.approx(-self.speed() * math.cos(angle), abs=GRAIN)
        self.vx, self.vy = float(self.state.ball_vx), float(self.state.ball_vy)

    def lose_ball(self) -> None:
        self.y = HEIGHT - RADIUS
        self.balls -= 1
        self.happened.add("lost")
        if self.balls:
            self.put_up_wall()
            self.paddle_x, self.paddle_width = 257.0, PADDLE_WIDTH
            self.hits = self.highest = 0
            self.check_serve()

    def put_up_wall(self) -> None:
        if not self.bricks:
            self.wall = 2
            self.happened.add("second wall")
            self.bricks = set(WALL)

    def check_serve(self) -> None:
        self.x, self.y = float(self.state.ball_x), 165
        self.vx, self.vy = float(self.state.ball_vx), float(self.state.ball_vy)
        assert abs(self.x - WIDTH / 2) <= 72
        assert math.hypot(self.vx, self.vy) == pytest.approx(256 / 60, abs=2 * GRAIN)
        assert self.vy > 0
        assert 4 <= math.degrees(abs(math.atan2(self.vx, self.vy))) + 0.1 <= 32.2

    def check(self) -> None:
        """Everything in the environment's state is as computed."""
        s = self.state
        assert s.frame == self.frames
        assert (s.ball_x, s.ball_y, s.ball_vx, s.ball_vy) == (self.x, self.y, self.vx, self.vy)
        assert (s.paddle_x, s.paddle_width) == (self.paddle_x, self.paddle_width)
        assert (s.balls, s.score, s.wall) == (self.balls, self.score, self.wall)
        assert (s.hits, s.highest) == (self.hits, self.highest)
        assert {(int(row), int(column)) for row, column in np.argwhere(s.bricks)} == self.bricks
        assert s.bricks_left == len(self.bricks)


@dataclass
class Player:
    """Foresees where the ball comes down, and meets it `aim` half-widths off the paddle's middle: always elsewhere."""

    rng: np.random.Generator
    frameskip: int
    slips: float = 0.0
    """How often it aims past the paddle, to save the ball with its side if it still can."""
    aim: float = 0.0

    def act(self, s: State) -> int:
        width, paddle = float(s.paddle_width), float(s.paddle_x)
        if s.ball_vy < 0:
            self.aim = self.rng.uniform(1.2, 2.5) if self.rng.random() < self.slips else self.rng.uniform(-0.4, 0.4)
            goal, frames = float(s.ball_x), self.frameskip
        elif s.ball_y + RADIUS >= PADDLE_TOP:
            self.aim, goal, frames = 0.0, float(s.ball_x), self.frameskip
        else:
            goal, frames = self.landing(s)
        wanted = goal - self.aim * width / 2 - width / 2
        frames = min(frames, self.frameskip)

        def miss(action: int) -> float:
            return abs(min(max(paddle + PADDLE_SPEED * frames * DIRECTION[action], 0), WIDTH - width) - wanted)

        return min((STAY, LEFT, RIGHT), key=miss)

    @staticmethod
    def landing(s: State) -> tuple[float, int]:
        """Where, and in how many frames, the ball reaches the paddle's height, were there no bricks."""
        x, y, vx = float(s.ball_x), float(s.ball_y), float(s.ball_vx)
        frames = 0
        while y + RADIUS < PADDLE_TOP:
            x, y, frames = x + vx, y + float(s.ball_vy), frames + 1
            if not RADIUS <= x <= WIDTH - RADIUS:
                x, vx = min(max(x, RADIUS), WIDTH - RADIUS), -vx
        return x, frames


EVERYTHING = {"hit from above", "saved by the side", "lost", "touched 4", "touched 7", "paddle halved", "hit 12"}


@pytest.mark.parametrize(
    ("slips", "must_happen"), [(0.0, {"second wall"}), (0.1, EVERYTHING), (0.5, {"lost", "saved by the side"})]
)
def test_every_frame_is_as_told_a_second_time(slips: float, must_happen: set[str]) -> None:
    player = Player(np.random.default_rng(1), frameskip=1, slips=slips)
    with puffer_envs.make("breakout", frameskip=1, max_frames=100_000) as env:
        env.reset(0)
        game = Game(env.state())
        while not env.terminals[0]:
            score, action = game.score, player.act(env.state())
            env.step(np.array([action], np.int32))
            game.frame(action)
            assert env.rewards[0] == game.score - score
            assert env.terminals[0] == game.over()
            if not env.terminals[0]:
                game.check()
        assert game.happened >= must_happen
        assert env.log() == pytest.approx(
            {"n": 1, "perf": game.score / 864, "score": game.score, "episode_return": game.score}
            | {"episode_length": game.frames}
        )


# ---- the rest ----


@pytest.mark.parametrize("frameskip", [2, 4, 7])
def test_a_step_is_so_many_single_frames(frameskip: int) -> None:
    """The shortcut over several frames ends, to the bit, where single frames do."""
    envs, rng = 64, np.random.default_rng(2)
    with (
        puffer_envs.make("breakout", envs, frameskip=frameskip) as long,
        puffer_envs.make("breakout", envs, frameskip=1) as short,
    ):
        long.reset(3), short.reset(3)
        playing = np.ones(envs, bool)
        for _ in range(400):
            actions = follow(long.observations, rng)
            long.step(actions)
            rewards = np.zeros(envs)
            for _ in range(frameskip):
                short.step(actions)
                playing &= ~short.terminals
                rewards += short.rewards
            playing &= ~long.terminals
            assert playing.any()
            np.testing.assert_array_equal(long.observations[playing], short.observations[playing])
            np.testing.assert_array_equal(long.rewards[playing], rewards[playing])


def follow(observations: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int32]:
    """Keep the paddle's middle under the ball, clumsily."""
    offset = observations[:, 6] + rng.normal(0, 0.2, len(observations))
    return np.where(offset > 0.2, RIGHT, np.where(offset < -0.2, LEFT, STAY)).astype(np.int32)


def test_a_player_who_foresees_clears_both_walls_at_the_default_frameskip() -> None:
    envs = 6
    players = [Player(np.random.default_rng(seed), frameskip=4) for seed in range(envs)]
    with puffer_envs.make("breakout", envs) as env:
        env.reset(5)
        scores, playing = np.zeros(envs), np.ones(envs, bool)
        while playing.any():
            env.step(np.array([player.act(env.state(i)) for i, player in enumerate(players)], np.int32))
            scores += env.rewards * playing
            assert not (env.truncations & playing).any()
            won = env.terminals & playing
            np.testing.assert_array_equal(env.final_observations[won, 8], 1)
            assert not env.final_observations[won, 10:].any()
            playing &= ~won
        np.testing.assert_array_equal(scores, 864)
        assert env.log()["perf"] == 1


def test_skill_pays() -> None:
    """Resting and acting at random lose at once, following the ball comes far."""
    rng = np.random.default_rng(0)
    resting = mean_score(lambda obs: np.zeros(len(obs), np.int32))
    random = mean_score(lambda obs: rng.integers(0, 3, len(obs), dtype=np.int32))
    following = mean_score(lambda obs: follow(obs, rng))
    assert 0.5 < resting < 5
    assert 0.5 < random < 5
    assert following > 300


def mean_score(policy: Callable[[NDArray[np.float32]], NDArray[np.int32]], envs: int = 256) -> float:
    """The mean score of everybody's first episode; each must end by itself."""
    with puffer_envs.make("breakout", envs) as env:
        env.reset(9)
        scores, playing = np.zeros(envs), np.ones(envs, bool)
        while playing.any():
            env.step(policy(env.observations))
            scores += env.rewards * playing
            assert not (env.truncations & playing).any()
            playing &= ~env.terminals
        return float(scores.mean())


def test_the_observation_is_the_state() -> None:
    rng = np.random.default_rng(6)
    with puffer_envs.make("breakout", max_frames=2000) as env:
        env.reset(7)
        for _ in range(450):
            env.step(follow(env.observations, rng))
            s, seen = env.state(), env.observations[0]
            middle = s.paddle_x + s.paddle_width / 2
            numbers = [middle / 576, s.paddle_width / 62, s.ball_x / 576, s.ball_y / 330, s.ball_vx / 8, s.ball_vy / 8]
            numbers += [np.clip((s.ball_x - middle) / 62, -1, 1), s.balls / 5, s.score / 864, s.frame / 2000]
            np.testing.assert_allclose(seen[:10], numbers, rtol=1e-6, atol=1e-7)
            np.testing.assert_array_equal(seen[10:].reshape(6, 18), s.bricks)
            assert s.bricks_left == s.bricks.sum()
        assert s.score > 0


@pytest.mark.parametrize(("frameskip", "steps"), [(1, 100), (4, 25), (3, 34)])
def test_the_time_limit_truncates(frameskip: int, steps: int) -> None:
    player = Player(np.random.default_rng(0), frameskip)
    with puffer_envs.make("breakout", frameskip=frameskip, max_frames=100) as env:
        env.reset(0)
        for step in range(1, steps + 1):
            env.step(np.array([player.act(env.state())], np.int32))
            assert (env.terminals[0], env.truncations[0]) == (False, step == steps)
        assert env.final_observations[0, 9] == 1
        assert env.observations[0, 9] == 0
        assert env.log()["episode_length"] == steps


@pytest.mark.parametrize("seed", range(6))
def test_five_lost_balls_end_the_game(seed: int) -> None:
    with puffer_envs.make("breakout", frameskip=7) as env:
        env.reset(seed)
        seen, steps = [5], 0
        while not env.terminals[0]:
            env.step(np.array([LEFT], np.int32))
            steps += 1
            balls = round(float(last_observation(env)[7]) * 5)
            if balls != seen[-1]:
                seen.append(balls)
        assert seen == [5, 4, 3, 2, 1, 0]
        assert env.state().balls == 5
        assert env.log()["episode_length"] == steps  # a last step that was cut short counts
