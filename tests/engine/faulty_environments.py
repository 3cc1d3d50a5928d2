"""Three right environments, one of each kind, and many that break one rule each: for the tests of the checks."""

# ruff: noqa: NPY002 - some of the faults are just that

from __future__ import annotations

import ctypes
import os
import pickle
import random
import sys
import threading
import time
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces

# -- Gymnasium ---------------------------------------------------------------------------------------------


class Car(gymnasium.Env[Any, Any]):
    """Right in everything: a car that is pushed left or right, and leaves the road or runs out of time."""

    def __init__(self) -> None:
        self.observation_space = spaces.Box(-2, 2, (2,), np.float32)
        self.action_space: spaces.Space[Any] = spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.time = 0
        self.place = self.np_random.uniform(-0.5, 0.5, 2).astype(np.float32)
        return self.observe(), {}

    def observe(self) -> Any:
        return self.place.clip(-2, 2)

    def step(self, action: Any) -> Any:
        self.time += 1
        self.place = self.place + np.float32(0.1 * (action - 1) + self.noise())
        return self.observe(), 1.0, bool(abs(self.place[0]) > 1), self.time >= 40, {}

    def noise(self) -> float:
        return float(self.np_random.normal(0, 0.1))


class ResetsWithoutInfo(Car):
    def reset(self, **given: Any) -> Any:
        return super().reset(**given)[0]


class StepsLikeOldGym(Car):
    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, terminated or truncated, info


class TakesNoSeed(Car):
    def reset(self) -> Any:
        return super().reset()


class GivesArraysOfRewards(Car):
    def step(self, action: Any) -> Any:
        observation, _, *others = super().step(action)
        return (observation, np.array([1.0]), *others)


class GivesNumbersAsFlags(Car):
    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = super().step(action)
        return observation, reward, int(terminated), truncated, info


class GivesNothingAsInfo(Car):
    def step(self, action: Any) -> Any:
        return (*super().step(action)[:4], None)


class Raises(Car):
    def noise(self) -> float:
        if self.time == 5:
            raise KeyError("wheel")
        return super().noise()


class Exits(Car):
    def noise(self) -> float:
        if self.time == 5:
            sys.exit("that is all")
        return super().noise()


class LeavesItsSpace(Car):
    def observe(self) -> Any:
        return self.place * 10


class ChangesShape(Car):
    def observe(self) -> Any:
        return super().observe()[: 2 if self.time < 3 else 1]


class SeesNan(Car):
    def observe(self) -> Any:
        return super().observe() * np.float32("nan" if self.time == 4 else 1)


class SeesText(Car):
    def observe(self) -> Any:
        return "a car"


class CountsTooFar(Car):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Discrete(3)  # type: ignore[assignment]

    def observe(self) -> Any:
        return self.time


class RewardsInfinitely(Car):
    def step(self, action: Any) -> Any:
        observation, _, *others = super().step(action)
        return (observation, 1e39 if self.time == 7 else 1.0, *others)


class SeesDoubles(Car):
    def observe(self) -> Any:
        return super().observe().astype(np.float64)


class DrawsFromNumpy(Car):
    def noise(self) -> float:
        return np.random.normal(0, 0.1)


class DrawsFromRandom(Car):
    def noise(self) -> float:
        return random.gauss(0, 0.1)


class DrawsFromTheClock(Car):
    def noise(self) -> float:
        return time.perf_counter() % 1 * 0.1


class KeepsItsSpeed(Car):
    speed = 0.0

    def noise(self) -> float:
        self.speed = self.speed * 0.5 + super().noise()
        return self.speed


class DrawsInTheConstructor(Car):
    def __init__(self) -> None:
        super().__init__()
        self.wind = np.random.default_rng().normal(0, 0.1)

    def noise(self) -> float:
        return self.wind


class SeedsAnewWithoutSeed(Car):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        self.rng = np.random.default_rng(seed)
        return super().reset(seed=seed)

    def noise(self) -> float:
        return self.rng.normal(0, 0.1)


class SharesItsPlace(Car):
    traffic: ClassVar[list[float]] = [0.0]

    def reset(self, **given: Any) -> Any:
        self.traffic[0] = 0.0
        return super().reset(**given)

    def noise(self) -> float:
        self.traffic[0] = self.traffic[0] * 0.5 + super().noise()
        return self.traffic[0]


class SeedsTheGlobalGenerator(Car):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None:
            np.random.seed(seed)
        return super().reset(seed=seed)

    def noise(self) -> float:
        return np.random.normal(0, 0.1)


class RepeatsTheEpisode(Car):
    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        return super().reset(seed=0 if seed is None else seed)


class NeverEnds(Car):
    def step(self, action: Any) -> Any:
        observation, reward, *_ = super().step(action)
        return observation, reward, False, False, {}


class IsAlwaysCutOff(Car):
    def step(self, action: Any) -> Any:
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, False, truncated, info


class ChangesWhatItGave(Car):
    def reset(self, **given: Any) -> Any:
        self.shown = np.zeros(2, np.float32)
        return super().reset(**given)

    def observe(self) -> Any:
        self.shown[:] = super().observe()
        return self.shown


class GivesItsState(Car):
    def observe(self) -> Any:
        return self.place  # step makes a new array from it, so that what was given stays


class ClosesOnce(Car):
    def close(self) -> None:
        del self.observation_space


class ChoosesItsSpace(Car):
    made = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).made += 1
        self.action_space = spaces.Discrete(2 + self.made % 2)


class Talks(Car):
    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Text(10)  # type: ignore[assignment]

    def observe(self) -> Any:
        return "hello"


class MixesActions(Car):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Tuple([spaces.Discrete(2), spaces.Box(0, 1, (1,))])

    def step(self, action: Any) -> Any:
        return super().step(action[0])


class ActsWithoutBounds(Car):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = spaces.Box(-np.inf, np.inf, (1,))

    def step(self, action: Any) -> Any:
        return super().step(np.clip(action[0], 0, 2))


class LooksAtTheProcess(Car):
    def noise(self) -> float:
        return super().noise() + (0.01 if in_worker() else 0.0)


def in_worker() -> bool:
    """The process of the checks has them imported, and its worker processes have not."""
    return "puffer_envs.conformance" not in sys.modules


class Hangs(Car):
    def noise(self) -> float:
        while self.time == 5:
            time.sleep(0.05)
        return super().noise()


class HangsForOneSeed(Car):
    hanging: tuple[int, ...] = (3,)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        while seed in self.hanging:
            time.sleep(0.05)
        return super().reset(seed=seed)


class HangsForTwoSeeds(HangsForOneSeed):
    hanging = (3, 8)


class HangsElsewhere(Car):
    def noise(self) -> float:
        while self.time == 5 and in_worker():
            time.sleep(0.05)
        return super().noise()


class Crashes(Car):
    def noise(self) -> float:
        if self.time == 5:
            ctypes.string_at(0)
        return super().noise()


class Chats(Car):
    def noise(self) -> float:
        print("brrm", flush=True)
        os.write(1, b"brrm\n")
        return super().noise()


class Dies(Car):
    def noise(self) -> float:
        if self.time == 5:
            print("the wheels came off", flush=True)
            os._exit(3)
        return super().noise()


class Masks(Car):
    """Right in everything: it may not steer right at the start."""

    def mask(self) -> Any:
        return [True, True, self.time > 0]

    def reset(self, **keywords: Any) -> Any:
        observation, _ = super().reset(**keywords)
        return observation, {"action_mask": self.mask()}

    def step(self, action: Any) -> Any:
        assert self.mask()[action], action
        *result, _ = super().step(action)
        return *result, {"action_mask": self.mask()}


class MasksTooFew(Masks):
    def step(self, action: Any) -> Any:
        *result, _ = Car.step(self, action)
        return *result, {"action_mask": [1, 1]}


class MasksAll(Masks):
    def step(self, action: Any) -> Any:
        *result, _ = Car.step(self, action)
        return *result, {"action_mask": [0, 0, 0]}


class Rounds(Car):
    """Right in everything: it is beyond a bound by no more than rounding."""

    def __init__(self) -> None:
        super().__init__()
        self.observation_space = spaces.Box(0, 1, (2,), np.float64)

    def observe(self) -> Any:
        return np.array([1 + 2e-16 * self.time, float(self.place[0] > 0)])


class IsSlow(Car):
    def noise(self) -> float:
        time.sleep(0.01)
        return super().noise()


def make_nothing() -> Any:
    return object()


def make_always_the_same() -> Any:
    return THE_CAR


def make_with_an_error() -> Any:
    raise RuntimeError("no petrol")


class Garage:
    """A factory that cannot leave its process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def __call__(self) -> Any:
        with self.lock:
            return Car()


THE_CAR = Car()
garage = Garage()

# -- PettingZoo --------------------------------------------------------------------------------------------


class Duel:
    """Right in everything: two fall behind by chance; who falls too far is out."""

    metadata: ClassVar[dict[str, Any]] = {"name": "duel"}
    render_mode = None

    def __init__(self) -> None:
        self.possible_agents = ["left", "right"]
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> Any:
        return spaces.Box(-3, 3, (1,), np.float32)

    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(2)

    def reset(self, seed: int | None = None, options: Any = None) -> Any:
        if seed is not None or not hasattr(self, "rng"):
            self.rng = np.random.default_rng(seed)
        self.agents = list(self.possible_agents)
        self.place = {agent: float(self.rng.uniform(0, 1)) for agent in self.agents}
        return self.observe(), {agent: {} for agent in self.agents}

    def observe(self) -> Any:
        return {agent: np.array([self.place[agent]], np.float32) for agent in self.agents}

    def step(self, actions: Any) -> Any:
        for agent in self.agents:
            self.place[agent] += 0.1 * actions[agent] - self.lag()
        observations, rewards = self.observe(), dict.fromkeys(self.agents, 1.0)
        out = {agent: self.place[agent] < -1 or self.place[agent] > 2 for agent in self.agents}
        cut, infos = dict.fromkeys(self.agents, False), {agent: {} for agent in self.agents}
        self.agents = [agent for agent in self.agents if not out[agent]]
        return observations, rewards, out, cut, infos

    def lag(self) -> float:
        return float(self.rng.uniform(0, 0.3))

    def render(self) -> None:
        return None

    def close(self) -> None:
        return None


class ForgetsAReward(Duel):
    def step(self, actions: Any) -> Any:
        observations, rewards, *others = super().step(actions)
        rewards.pop("right", None)
        return (observations, rewards, *others)


class KeepsTheDead(Duel):
    def step(self, actions: Any) -> Any:
        agents = list(self.agents)
        result = super().step(actions)
        self.agents = agents if self.agents else []
        return result


class InventsAnAgent(Duel):
    def reset(self, **given: Any) -> Any:
        result = super().reset(**given)
        self.agents = [*self.agents, "third"]
        return result


class HasUnequalAgents(Duel):
    """Right in everything: its agents have different spaces."""

    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(2 if agent == "left" else 3)


class ActsInTwoWays(Duel):
    def action_space(self, agent: str) -> Any:
        return spaces.Discrete(2) if agent == "left" else spaces.Box(0, 1, (1,))


class HasNoAgents(Duel):
    def __init__(self) -> None:
        super().__init__()
        self.possible_agents = []


class DuelsOutOfBounds(Duel):
    def observation_space(self, agent: str) -> Any:
        return spaces.Box(0, 1, (1,), np.float32)


class DuelsByGlobalChance(Duel):
    def lag(self) -> float:
        return random.uniform(0, 0.3)


class ReturnsLists(Duel):
    def step(self, actions: Any) -> Any:
        return [list(part.values()) for part in super().step(actions)]


class TakesTurns(Duel):
    def agent_iter(self) -> Any:
        return iter(self.agents)

    def action_space(self, agent: str) -> Any:
        return spaces.Box(0, 1, (1,))


# -- batches behind the contract ---------------------------------------------------------------------------


class Walk:
    """Right in everything: walkers on a line, each with its own generator, until they leave it or time is up."""

    LIMIT = 30

    def __init__(self, num_envs: int = 1, seed: int = 0, first: int = 0) -> None:
        self.num_envs = self.num_agents = num_envs
        self.single_observation_space = spaces.Box(-3, 3, (2,), np.float32)
        self.single_action_space: Any = spaces.Discrete(3)
        self.observations = np.zeros((num_envs, 2), np.float32)
        self.final_observations = np.zeros((num_envs, 2), np.float32)
        self.actions = np.zeros(num_envs, np.int32)
        self.rewards = np.zeros(num_envs, np.float32)
        self.terminals = np.zeros(num_envs, np.bool_)
        self.truncations = np.zeros(num_envs, np.bool_)
        self.action_masks = self.agent_mask = None
        self.first, self.seed, self.closed = first, seed, False
        self.place = np.zeros((num_envs, 2), np.float32)
        self.time = np.zeros(num_envs, np.int64)
        self.finished: list[int] = []
        self.started = False

    def generators(self, seed: int) -> list[np.random.Generator]:
        return [np.random.default_rng([seed, self.first + i]) for i in range(self.num_envs)]

    def reset(self, seed: int | None = None) -> Any:
        self.require_open()
        if seed is not None or not self.started:
            self.rngs = self.generators(self.seed if seed is None else seed)
        self.started = True
        self.finished.clear()
        for i in range(self.num_envs):
            self.begin(i)
        for array in (self.rewards, self.terminals, self.truncations):
            array[:] = 0
        self.observations[:] = self.place
        return self.observations

    def begin(self, i: int) -> None:
        self.place[i] = self.rngs[i].uniform(-1, 1, 2)
        self.time[i] = 0

    def require_open(self) -> None:
        if self.closed:
            raise RuntimeError("closed")

    def accept(self, actions: Any) -> Any:
        actions = np.asarray(actions)
        if actions.dtype.kind not in "iu" or not ((actions >= 0) & (actions < 3)).all():
            raise ValueError(f"actions must be from 0 to 2, got {actions}")
        return actions - 1.0

    def step(self, actions: Any) -> Any:
        self.require_open()
        self.actions[:] = self.accept(actions) + 1
        self.move(self.actions - 1.0)
        self.restart()
        self.observations[:] = self.place
        return self.observations, self.rewards, self.terminals, self.truncations

    def move(self, push: Any) -> None:
        for i, rng in enumerate(self.rngs):
            self.place[i] += np.float32(0.2 * push[i] + rng.normal(0, 0.1))
        np.clip(self.place, -3, 3, out=self.place)
        self.time += 1
        self.rewards[:] = 1.0
        self.terminals[:] = abs(self.place[:, 0]) > 2.5
        self.truncations[:] = (self.time >= self.LIMIT) & ~self.terminals

    def restart(self) -> None:
        for i in np.flatnonzero(self.terminals | self.truncations):
            self.final_observations[i] = self.place[i]
            self.finished.append(int(self.time[i]))
            self.begin(int(i))

    def log(self, env: int | None = None) -> dict[str, float]:
        lengths, self.finished = self.finished, []
        return {"n": len(lengths), "episode_length": float(np.mean(lengths))} if lengths else {}

    def snapshot(self) -> bytes:
        return pickle.dumps((self.place, self.time, [rng.bit_generator.state for rng in self.rngs]))

    def restore(self, snapshot: bytes) -> Any:
        self.place, self.time, states = pickle.loads(snapshot)
        for rng, state in zip(self.rngs, states, strict=True):
            rng.bit_generator.state = state
        self.observations[:] = self.place
        return self.observations

    def close(self) -> None:
        self.closed = True


class WalkOfDoubles(Walk):
    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        self.rewards = np.zeros(num_envs)  # type: ignore[assignment]


class WalkWithoutFinals(Walk):
    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs, seed)
        del self.final_observations


class WalkWithNewArrays(Walk):
    def move(self, push: Any) -> None:
        super().move(push)
        self.rewards = np.ones(self.num_envs, np.float32)


class WalkThatCopies(Walk):
    def reset(self, seed: int | None = None) -> Any:
        return super().reset(seed).copy()


class WalkOutOfBounds(Walk):
    def step(self, actions: Any) -> Any:
        result = super().step(actions)
        self.observations[-1, 1] = 9
        return result


class WalkWithNanRewards(Walk):
    def move(self, push: Any) -> None:
        super().move(push)
        self.rewards[0] = np.nan


class WalkWithBothFlags(Walk):
    def restart(self) -> None:
        self.terminals |= self.truncations
        super().restart()


class WalkThatAddsUpRewards(Walk):
    def move(self, push: Any) -> None:
        before = self.rewards.copy()
        super().move(push)
        self.rewards += before


class WalkWithoutRestart(Walk):
    def restart(self) -> None:
        ended = self.terminals | self.truncations
        self.final_observations[ended] = self.place[ended]


class WalkWithoutFinalsWritten(Walk):
    def restart(self) -> None:
        kept = self.final_observations.copy()
        super().restart()
        self.final_observations[self.truncations] = kept[self.truncations]


class WalkWithLateFinals(Walk):
    def restart(self) -> None:
        super().restart()
        ended = self.terminals | self.truncations
        self.final_observations[ended] = self.place[ended]


class WalkWithoutEnd(Walk):
    def move(self, push: Any) -> None:
        super().move(push)
        self.terminals[:] = self.truncations[:] = False


class WalkByGlobalChance(Walk):
    def begin(self, i: int) -> None:
        super().begin(i)
        self.place[i] *= np.random.random()


class WalkThatRemembers(Walk):
    steps = 0

    def move(self, push: Any) -> None:
        self.steps += 1
        super().move(push + 0.1 * (self.steps % 7))


class WalkWithSharedGenerator(Walk):
    def generators(self, seed: int) -> list[np.random.Generator]:
        return [np.random.default_rng(seed)] * self.num_envs


class WalkThatIgnoresFirst(Walk):
    def generators(self, seed: int) -> list[np.random.Generator]:
        return [np.random.default_rng([seed, i]) for i in range(self.num_envs)]


class WalkThatIgnoresItsSeed(Walk):
    def __init__(self, num_envs: int = 1, seed: int = 0) -> None:
        super().__init__(num_envs, 1234)


class WalkThatTakesAnything(Walk):
    def accept(self, actions: Any) -> Any:
        return np.asarray(actions).clip(0, 2) - 1.0


class WalkThatWraps(Walk):
    """Checks actions after they were cast, so that 2**32 is 0."""

    def accept(self, actions: Any) -> Any:
        return super().accept(np.asarray(actions).astype(np.int32))


class WalkThatMovesFirst(Walk):
    def accept(self, actions: Any) -> Any:
        try:
            return super().accept(actions)
        except ValueError:
            self.rngs[0].random()
            raise


class WalkThatAsserts(Walk):
    def accept(self, actions: Any) -> Any:
        assert (np.asarray(actions) >= 0).all()
        return super().accept(actions)


class ContinuousWalk(Walk):
    """Right in everything, with continuous actions."""

    def __init__(self, num_envs: int = 1, seed: int = 0, first: int = 0) -> None:
        super().__init__(num_envs, seed, first)
        self.single_action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.actions = np.zeros((num_envs, 1), np.float32)

    def accept(self, actions: Any) -> Any:
        if not np.isfinite(actions).all():
            raise ValueError(f"actions must be finite, got {actions}")
        return np.clip(actions, -1, 1)

    def step(self, actions: Any) -> Any:
        self.require_open()
        self.actions[:] = self.accept(actions)
        self.move(self.actions[:, 0])
        self.restart()
        self.observations[:] = self.place
        return self.observations, self.rewards, self.terminals, self.truncations


class ContinuousWalkUnclipped(ContinuousWalk):
    def accept(self, actions: Any) -> Any:
        super().accept(actions)
        return actions


class WalkAfterClose(Walk):
    def close(self) -> None:
        return None


class WalkThatClosesOnce(Walk):
    def close(self) -> None:
        self.require_open()
        self.closed = True


class WalkThatLogsTwice(Walk):
    def log(self, env: int | None = None) -> dict[str, float]:
        lengths = self.finished
        return {"n": len(lengths)} if lengths else {}


class WalkThatMiscounts(Walk):
    def log(self, env: int | None = None) -> dict[str, float]:
        log = super().log(env)
        return log | {"n": log["n"] + 1} if log else {}


class WalkWithPartialSnapshots(Walk):
    def restore(self, snapshot: bytes) -> Any:
        kept = [rng.bit_generator.state for rng in self.rngs]
        super().restore(snapshot)
        for rng, state in zip(self.rngs, kept, strict=True):
            rng.bit_generator.state = state


def walk_without_seed(num_envs: int) -> Walk:
    return Walk(num_envs)
