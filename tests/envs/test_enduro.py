"""enduro against reference rules, the accounts of cars, what may be seen, and what a driver reaches."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

import puffer_envs
from puffer_envs import Environment, State
from puffer_envs.snapshot import pack_snapshot

from .patch import patch

METRE = 1024
LENGTH, WIDTH, KEEP = 4608, 1638, 2048
LANES, CARS = 3, 8
COAST, GAS, BRAKE = 0, 1, 2
CLEAR, SNOW, DUSK, NIGHT, FOG, DAWN = range(6)
DAY = [CLEAR, SNOW, CLEAR, DUSK, NIGHT, NIGHT, FOG, DAWN]
SIGHT = {CLEAR: 240, SNOW: 192, DUSK: 192, NIGHT: 144, FOG: 96, DAWN: 192}
STEER = {SNOW: 4}
GRIP = {SNOW: 12}
OWN, SEEN = 18, 3


def toward_zero(a: int, b: int) -> int:
    """Division as C has it."""
    return -(-a // b) if a < 0 else a // b


def clip(x: int, low: int, high: int) -> int:
    return min(max(x, low), high)


# ---- the reference rules ----


@dataclass
class Car:
    at: int
    """On a road that begins where the own car did."""
    side: int
    pace: int
    speed: int = 0


@dataclass
class Race:
    """The race with cars that drive on a road, every one of them looked at in every frame. What is drawn by lot is
    checked against its range and then taken over."""

    state: State
    quotas: tuple[int, int]
    own: int = 0
    x: int = 0
    speed: int = 512
    slide: int = 0
    crash: int = 0
    crashes: int = 0
    frames: int = 0
    day: int = 1
    passed: int = 0
    total: int = 0
    quota: int = 0
    lanes: list[list[Car]] = field(default_factory=list)
    bends: list[int] = field(default_factory=list)
    along: int = 0
    nodes: int = 0
    happened: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        s = self.state
        self.quota = self.quotas[0]
        self.lanes = [
            [Car(int(s.place[lane, car]), int(s.side[lane, car]), int(s.pace[lane, car])) for car in range(CARS)]
            for lane in range(LANES)
        ]
        for lane, cars in enumerate(self.lanes):
            for leader, follower in zip(cars, [Car(-LENGTH, 0, 0), *cars], strict=False):
                assert 32 * METRE <= leader.at - follower.at - LENGTH <= 64 * METRE
                self.check_driver(lane, leader)
        self.bends = [int(bend) for bend in s.bend]
        self.goal, self.goal_nodes = int(s.goal), int(s.goal_nodes)
        self.look_up()

    @staticmethod
    def check_driver(lane: int, car: Car) -> None:
        assert 341 <= car.pace <= 512
        assert abs(car.side - (lane - 1) * 4 * METRE) <= METRE // 2

    def weather(self) -> int:
        return DAY[min(self.frames // (int(self.state.day_frames) // 8), 7)]

    def frame(self, steer: int, pedal: int) -> int:
        """One frame; 1 if a day was won by it, -1 if lost, else 0."""
        if self.frames % 4 == 0:
            self.look_up()
        self.drive(steer, pedal)
        self.go()
        self.sideways()
        self.frames += 1
        if self.frames < int(self.state.day_frames):
            return 0
        if self.passed < self.quota:
            return -1
        self.day, self.frames, self.passed, self.quota = self.day + 1, 0, 0, self.quotas[1]
        return 1

    def look_up(self) -> None:
        """Drivers choose their speed for four frames. A car out of range is replaced elsewhere."""
        for lane, cars in enumerate(self.lanes):
            if cars[-1].at - self.own > 560 * METRE:
                new = self.new_driver(lane, 0)
                gap = cars[0].at - new.at - LENGTH
                assert new.at <= self.own - 48 * METRE
                assert 32 * METRE <= gap <= 64 * METRE or (new.at == self.own - 48 * METRE and gap > 32 * METRE)
                self.lanes[lane] = [new, *cars[:-1]]
                self.happened.add("put behind")
            elif cars[0].at - self.own < -64 * METRE and cars[-1].at - self.own < 496 * METRE - LENGTH + 32:
                new = self.new_driver(lane, CARS - 1)
                gap = new.at - cars[-1].at - LENGTH
                assert new.at >= self.own + 256 * METRE
                assert 32 * METRE <= gap <= 64 * METRE or (new.at == self.own + 256 * METRE and gap > 32 * METRE)
                self.lanes[lane] = [*cars[1:], new]
                self.happened.add("put ahead")
            leaders = [*self.lanes[lane][1:], None]
            for follower, leader in zip(self.lanes[lane], leaders, strict=True):
                room = 10**9 if leader is None else leader.at - follower.at - LENGTH - KEEP
                assert room >= 0
                hurries = leader is not None and room > 80 * METRE
                follower.speed = min(512 if hurries else follower.pace, room // 4)
                self.happened |= {"hurried"} if hurries else {"held up"} if room // 4 < follower.pace else set()

    def new_driver(self, lane: int, car: int) -> Car:
        """The one that the environment put there, in the frame that it has just moved."""
        s = self.state
        own = int(s.nodes) * 32 * METRE + int(s.along)
        new = Car(
            own + int(s.place[lane, car]) - int(s.move[lane, car]), int(s.side[lane, car]), int(s.pace[lane, car])
        )
        self.check_driver(lane, new)
        return new

    def pull(self) -> int:
        bend = self.bends[0] * 32 * METRE + (self.bends[1] - self.bends[0]) * self.along
        return toward_zero(-toward_zero(bend, 8 * METRE) * ((self.speed // 8) ** 2 // 64), 1024)

    def drive(self, steer: int, pedal: int) -> None:
        if self.crash:
            self.crash -= 1
            return
        self.speed += {COAST: -3, GAS: (2048 - self.speed) // 128, BRAKE: -16}[pedal]
        if abs(self.x) > 5376 and self.speed > 256:
            self.speed = max(self.speed - 24, 256)
            self.happened.add("off the road")
        self.speed = clip(self.speed, 0, 1536)
        goal = steer * (self.speed * STEER.get(self.weather(), 5) // 32) + self.pull()
        grip = GRIP.get(self.weather(), 48)
        self.slide += clip(goal - self.slide, -grip, grip)

    def run_into(self, how: str) -> None:
        self.happened.add(how)
        self.crash, self.crashes = 30, self.crashes + 1
        self.speed, self.slide = min(self.speed, 171), 0

    def beside(self, car: Car, x: int) -> bool:
        return abs(car.side - x) < WIDTH

    def go(self) -> None:
        cars = [car for lane in self.lanes for car in lane]
        advance = self.speed
        for car in cars:
            if car.at > self.own and self.beside(car, self.x):
                advance = min(advance, car.at + car.speed - LENGTH - self.own)
        assert advance >= 0
        if advance < self.speed and not self.crash:
            self.run_into("ran into the back")
        ahead = [car.at > self.own for car in cars]
        for car in cars:
            speed = car.speed
            if car.at <= self.own and self.beside(car, self.x):
                speed = clip(self.own + advance - LENGTH - KEEP - car.at, 0, speed)
                self.happened |= {"held back"} if speed < car.speed else set()
            car.at += speed
        self.own += advance
        gained = sum(ahead) - sum(car.at > self.own for car in cars)
        self.happened |= {"overtook"} if gained > 0 else {"overtaken"} if gained < 0 else set()
        self.passed, self.total = self.passed + gained, self.total + gained
        self.along += advance
        if self.along >= 32 * METRE:
            self.pass_node()

    def pass_node(self) -> None:
        """The road bends on towards its goal; another is chosen when the last has been kept long enough."""
        self.along, self.nodes = self.along - 32 * METRE, self.nodes + 1
        if self.goal_nodes == 0:
            self.goal, self.goal_nodes = int(self.state.goal), int(self.state.goal_nodes) + 1
            assert self.goal in {-64, -48, -32, 0, 32, 48, 64}
            assert 3 <= self.goal_nodes <= 10
        self.goal_nodes -= 1
        self.bends = [*self.bends[1:], self.bends[-1] + clip(self.goal - self.bends[-1], -12, 12)]

    def sideways(self) -> None:
        x = clip(self.x + self.slide, -6656, 6656)
        cars = [car for lane in self.lanes for car in lane if abs(car.at - self.own) < LENGTH]
        if x != self.x and any(self.beside(car, x) for car in cars):
            self.run_into("ran into a side")
        else:
            self.slide, self.x = x - self.x, x

    def check(self) -> None:
        """Everything in the environment's state is as computed, and nowhere do two cars overlap."""
        s = self.state
        told = (
            self.x,
            self.speed,
            self.slide,
            self.crash,
            self.crashes,
            self.passed,
            self.total,
            self.day,
            self.frames,
        )
        assert told == (s.x, s.speed, s.slide, s.crash, s.crashes, s.passed, s.total, s.day, s.frame)
        assert (s.quota, s.weather) == (self.quota, self.weather())
        assert (s.along, s.nodes, s.goal, s.goal_nodes) == (self.along, self.nodes, self.goal, self.goal_nodes)
        assert s.bend.tolist() == self.bends
        for cars, lane, behind in zip(self.lanes, s.place.tolist(), s.behind.tolist(), strict=True):
            places = [car.at - self.own for car in cars]
            assert lane[:CARS] == places
            assert behind == sum(place <= 0 for place in places)
            assert min(b - a for a, b in itertools.pairwise(places)) >= LENGTH + KEEP
            assert not any(abs(car.at - self.own) < LENGTH and self.beside(car, self.x) for car in cars)

    def observation(self) -> NDArray[np.float64]:
        """What may be seen: no car beyond the sight."""
        weather = self.weather()
        seen = [self.speed / 1536, self.x / 6656, self.slide / 384, self.pull() / 384]
        bends = np.interp(self.along / METRE / 32 + np.arange(4), np.arange(12), self.bends)
        seen += [toward_zero(round(bend * 2**20), 2**18) / 256 for bend in bends]
        seen += [float(weather == flag) for flag in range(6)]
        seen += [
            self.frames / int(self.state.day_frames),
            clip(self.quota - self.passed, -self.quota, self.quota) / self.quota,
        ]
        seen += [min(self.day / 3, 1), self.crash / 30]
        for cars in self.lanes:
            ahead = [car for car in cars if car.at > self.own]
            behind = [car for car in cars if car.at <= self.own]
            slots = [(car, SIGHT[weather]) for car in ahead[:2]] + [(None, 0)] * (2 - len(ahead))
            for car, sight in [*slots, (behind[-1], 64) if behind else (None, 0)]:
                if car is None or abs(car.at - self.own) > sight * METRE:
                    seen += [0, 0, 0]
                else:
                    offset = clip(car.side - self.x, -4 * METRE, 4 * METRE) / (4 * METRE)
                    seen += [(1 - abs(car.at - self.own) / METRE / 240) ** 4, offset, (self.speed - car.speed) / 1536]
        return np.array(seen)


def wander(rng: np.random.Generator, action: int) -> int:
    """Keeps an action for a while; rather on the gas."""
    if rng.random() < 0.93:
        return action
    return 3 * int(rng.integers(3)) + int(rng.choice([COAST, GAS, BRAKE], p=[0.15, 0.7, 0.15]))


EVERYTHING = {
    *("put behind", "put ahead", "held up", "held back", "hurried", "overtook", "overtaken"),
    *("off the road", "ran into the back", "ran into a side"),
}


def test_every_frame_is_as_told_a_second_time() -> None:
    happened = set[str]()
    for seed, driver in enumerate(("wanders", "dawdles", "drives")):
        happened |= retell(seed, driver)
    assert happened == EVERYTHING


def retell(seed: int, driver: str, frames: int = 2450) -> set[str]:
    rng, action = np.random.default_rng(seed), GAS
    with puffer_envs.make("enduro", frameskip=1, day_frames=803, first_quota=1, later_quota=5, max_days=3) as env:
        env.reset(seed)
        race, episodes, happened = Race(env.state(), (1, 5)), 0, set[str]()
        for frame in range(frames):
            if driver == "dawdles":
                action = 3 * int(rng.integers(3)) + (GAS if frame % 900 > 500 and race.speed < 420 else COAST)
            elif driver == "wanders":
                action = wander(rng, action)
            elif frame % 4 == 0:
                action = int(drive(env.observations)[0])
            total, crashes = race.total, race.crashes
            env.step(np.array([action], np.int32))
            ended = bool(env.terminals[0] or env.truncations[0])
            if ended:  # the state is the next episode's: only what was handed out can be compared
                assert race.frames == 802
                assert env.terminals[0] == (env.log()["days"] < 3)
                race, episodes = Race(env.state(), (1, 5)), episodes + 1
            else:
                day = race.frame((0, -1, 1)[action // 3], action % 3)
                assert env.rewards[0] == (race.total - total) / 16 - (race.crashes - crashes) / 8 + (day > 0)
                assert day >= 0
            happened |= race.happened
            race.check()
            if frame % 3 == 0 or ended:
                np.testing.assert_allclose(env.observations[0], race.observation(), atol=2e-6)
        assert episodes >= 1
    return happened


# ---- drivers ----


def drive(observations: NDArray[np.float32], horizon: float = 1.6) -> NDArray[np.int32]:
    """On the gas, towards where the road stays free for longest, near by; on the brake where that is not for long."""
    targets, times = np.arange(-4.8, 4.9, 0.3), np.arange(1, 28) * 0.06
    actions = []
    for o in observations:
        speed, x, slide, pull = o[0] * 90, o[1] * 6.5, o[2] * 22.5, o[3] * 22.5
        sideways = speed * (4 if o[8 + SNOW] else 5) / 32
        reach = (min(13.0, sideways * 0.8) + 0.5) * np.maximum(times - 0.08, 0)
        ways = x + np.clip(targets[:, None] - x, -reach, reach)
        free = np.full(len(targets), horizon)
        for number, (close, offset, closing) in enumerate(o[OWN:].reshape(-1, 3)):
            distance = (1 - close**0.25) * 240 * (-1 if number % SEEN == 2 else 1)
            if close == 0 or distance < -5:
                continue
            side = x + offset * 4 if abs(offset) < 1 else (number // SEEN - 1) * 4.0
            meets = np.abs(distance - closing * 90 * times) < 5
            hits = meets & (np.abs(ways - side) < 1.75)
            free = np.minimum(free, np.where(hits.any(1), times[hits.argmax(1)], horizon))
        best = int(np.argmin(-10 * free + 0.15 * np.abs(targets - x)))
        ahead = x + slide * 0.02 + (np.array([0, -1, 1]) * sideways + pull) * 0.055
        steer = int(np.abs(ahead - targets[best]).argmin())
        actions.append(3 * steer + (BRAKE if free[best] < 0.9 and speed > 24 else GAS))
    return np.array(actions, np.int32)


def passed_in_a_day(driver: str, envs: int = 4) -> NDArray[np.int64]:
    """Cars that each has passed on its first day; checks that the day ends as the quota says."""
    rng = np.random.default_rng(0)
    with puffer_envs.make("enduro", envs) as env:
        env.reset(3)
        for _ in range(1349):
            chance = rng.integers(0, 9, envs, dtype=np.int32)
            gas = np.full(envs, GAS, np.int32)
            env.step({"chance": chance, "gas": gas}[driver] if driver != "looks" else drive(env.observations))
        passed = np.array([int(env.state(i).passed) for i in range(envs)])
        env.step(np.full(envs, BRAKE, np.int32))
        sure = np.abs(passed - 100) > 3  # the last step may bring one more
        np.testing.assert_array_equal(env.terminals[sure], passed[sure] < 100)
        np.testing.assert_array_equal(env.rewards[sure] > 0.5, passed[sure] >= 100)
    return passed


def test_a_driver_who_looks_ahead_meets_the_first_day_and_chance_does_not() -> None:
    looks, gas, chance = (passed_in_a_day(driver) for driver in ("looks", "gas", "chance"))
    assert np.median(looks) >= 100
    assert looks.mean() > 2 * gas.mean()
    assert gas.mean() > chance.mean()
    assert chance.max() < 30


# ---- the rest ----


def with_car_at(env: Environment, lane: int, car: int, place: int) -> NDArray[np.float32]:
    """What is observed when one car is elsewhere, and those in front of it are no closer than traffic gets."""
    now = env.snapshot()
    states = np.array(env._states)
    field_offset = next(f.offset for f in env.spec.fields if f.name == "place")
    at = field_offset + 4 * (lane * (CARS + 2) + car)
    places = states.reshape(-1)[at : at + 4 * (CARS - car)].view(np.int32)
    places[0] = 0
    places[:] = np.maximum(places, place + (LENGTH + KEEP) * np.arange(CARS - car))
    seen = np.array(env.restore(pack_snapshot(env.spec, env.settings, env.num_envs, states)))
    env.restore(now)
    return seen


@pytest.mark.parametrize("phase", range(8))
def test_a_car_out_of_sight_is_not_observed(phase: int) -> None:
    sight = SIGHT[DAY[phase]] * METRE
    with puffer_envs.make("enduro", day_frames=80, first_quota=1000) as env:
        env.reset(5)
        for _ in range(5 * phase // 2 + 1):
            env.step(np.array([COAST], np.int32))
        s = env.state()
        assert s.phase == phase
        for lane in range(LANES):
            first = int(s.behind[lane])
            near, far, farther = (with_car_at(env, lane, first, at) for at in (sight, sight + 1, 3 * sight))
            np.testing.assert_array_equal(far, farther)
            at = OWN + 3 * SEEN * lane
            assert not far[0, at : at + 3].any()
            assert near[0, at] == pytest.approx((1 - sight / METRE / 240) ** 4, abs=1e-6)
            assert (near != far).any()


def test_cars_ahead_and_behind_are_accounted_for() -> None:
    """A car behind was overtaken, or was put there; nothing else changes the counter."""
    rng, envs = np.random.default_rng(4), 8
    with puffer_envs.make("enduro", envs, frameskip=1) as env:
        env.reset(8)
        action = np.full(envs, GAS, np.int32)
        before = [keep(env.state(i)) for i in range(envs)]
        moved_ahead = moved_behind = 0
        for frame in range(1500):
            if frame == 900:
                action[:] = BRAKE
            action = action if frame > 900 else np.array([wander(rng, int(a)) for a in action], np.int32)
            env.step(action)
            for i in range(envs):
                s, (behind, total, front) = env.state(i), before[i]
                changes = s.place[:, CARS - 1] - front
                ahead, back = int((changes > 4 * METRE).sum()), int((changes < -4 * METRE).sum())
                assert int(s.behind.sum()) - behind == int(s.total) - total + back - ahead
                moved_ahead, moved_behind = moved_ahead + ahead, moved_behind + back
                before[i] = keep(s)
        assert moved_ahead > 10 and moved_behind > 10


def keep(s: State) -> tuple[int, int, NDArray[np.int32]]:
    return int(s.behind.sum()), int(s.total), np.array(s.place[:, CARS - 1])


@pytest.mark.parametrize("frameskip", [2, 4, 7])
def test_a_step_is_so_many_single_frames(frameskip: int) -> None:
    envs, rng = 32, np.random.default_rng(2)
    settings = {"day_frames": 700, "first_quota": 3, "later_quota": 3}
    with (
        puffer_envs.make("enduro", envs, frameskip=frameskip, **settings) as long,
        puffer_envs.make("enduro", envs, frameskip=1, **settings) as short,
    ):
        long.reset(3), short.reset(3)
        playing, compared = np.ones(envs, bool), 0
        for _ in range(600):
            actions = np.where(rng.random(envs) < 0.7, GAS, rng.integers(0, 9, envs)).astype(np.int32)
            long.step(actions)
            rewards = np.zeros(envs)
            for _ in range(frameskip):
                short.step(actions)
                rewards += short.rewards * playing
                playing &= ~(short.terminals | short.truncations)
            playing &= ~(long.terminals | long.truncations)
            np.testing.assert_array_equal(long.observations[playing], short.observations[playing])
            np.testing.assert_array_equal(long.rewards[playing], rewards[playing])
            compared += int(playing.sum())
        assert compared > 3000


@pytest.mark.parametrize(
    "settings",
    [
        {"day_frames": 8, "first_quota": 1, "later_quota": 1, "max_days": 1, "frameskip": 1},
        {"day_frames": 9, "first_quota": 1, "later_quota": 1_000_000, "max_days": 1000, "frameskip": 16},
        {"day_frames": 1_000_000, "first_quota": 1, "later_quota": 1, "max_days": 1000, "frameskip": 16},
    ],
)
@pytest.mark.parametrize("action", [COAST, GAS, BRAKE, 3 + GAS, 6 + GAS])
def test_extreme_settings_keep_everything_in_bounds(settings: dict[str, int], action: int) -> None:
    """One action forever is the most extreme play: standing still, along either rail, one crash after another."""
    with puffer_envs.make("enduro", 2, **settings) as env:
        env.reset(1)
        for _ in range(2500):
            env.step(np.full(2, action, np.int32))
            assert np.abs(env.observations).max() <= 1
        for i in range(2):
            s = env.state(i)
            places = np.array(s.place[:, :CARS])
            assert np.abs(places).max() < 4000 * METRE
            assert (np.diff(places) >= LENGTH + KEEP).all()
            assert abs(int(s.x)) <= 6656 and abs(int(s.slide)) <= 384 and 0 <= int(s.speed) <= 1536


def test_days_follow_one_another_and_the_last_truncates() -> None:
    with puffer_envs.make("enduro", 4, max_days=2, first_quota=1, later_quota=2, day_frames=2000) as env:
        env.reset(6)
        days = np.ones(4, int)
        for step in range(1, 1001):
            env.step(drive(env.observations))
            days += env.rewards > 0.7
            assert not env.terminals.any()
            assert env.truncations.all() == (step == 1000)
        np.testing.assert_array_equal(days, 3)
        log = env.log()
        assert (log["n"], log["perf"], log["days"], log["episode_length"]) == (4, 1, 2, 1000)


def test_the_log_adds_up() -> None:
    """The return is what the rewards add up to, and perf counts days and the share of the last one."""
    rng = np.random.default_rng(5)
    with puffer_envs.make("enduro", first_quota=2, later_quota=60, day_frames=1200) as env:
        env.reset(2)
        returned, action = 0.0, GAS
        for _ in range(2000):
            action = wander(rng, action)
            env.step(np.array([action], np.int32))
            returned += float(env.rewards[0])
            if env.terminals[0]:
                log, days = env.log(), 0
                days = int(log["days"])
                assert log["episode_return"] == returned
                assert returned == log["score"] / 16 - log["crashes"] / 8 + days
                assert days / 5 <= log["perf"] < (days + 1) / 5
                return
    pytest.fail("no episode ended")


@pytest.mark.parametrize("crash", [0, 20])
def test_a_car_that_has_crashed_does_not_crash_again(crash: int) -> None:
    """Bumper to bumper with one that is slower, it moves no further than that lets it."""
    with puffer_envs.make("enduro", seed=1, frameskip=1) as env:
        env.reset()
        state = env.state(0)
        place, side, pace = (np.array(values) for values in (state.place, state.side, state.pace))
        place[1, :8] += 100_000
        place[1, :2] = LENGTH, 2 * LENGTH + KEEP  # held up in turn
        side[1, 0], pace[1, 0] = 0, 0
        patch(env, place=place, side=side, pace=pace, crash=crash, speed=60, x=0)
        env.step([0])
        after = env.state(0)
        assert int(after.crashes) == int(crash == 0)
        assert int(after.place[1, 0]) == LENGTH
