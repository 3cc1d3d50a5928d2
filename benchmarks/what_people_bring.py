"""Ranges that people bring: `python benchmarks/what_people_bring.py [--steps N] [--sb3] [--json FILE]`.

Five small environments whose actions or observations are far from -1 to 1, each trained with the settings for Python
environments on one core, three seeds: as shipped, and without normalising observations. Prints the mean reward per step
of the likeliest actions, the lowest seed, and processor seconds. --sb3 also trains PPO of Stable-Baselines3 behind
VecNormalize, with its own settings.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

EPISODE = 50


class Range(gymnasium.Env[Any, Any]):
    """Episodes of 50 steps."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.steps = 0
        return self.observe(), {}

    def step(self, action: Any) -> Any:
        reward, self.steps = float(self.reward(action)), self.steps + 1
        return self.observe(), reward, False, self.steps == EPISODE, {}


class Aim(Range):
    """The nearer an action is to a place that never changes, the better."""

    observation_space = Box(-1, 1, (1,), np.float32)

    def __init__(self, low: float, high: float, wanted: float) -> None:
        self.action_space, self.wanted = Box(low, high, (1,), np.float32), wanted

    def observe(self) -> Any:
        return np.ones(1, np.float32)

    def reward(self, action: Any) -> float:
        return -abs(float(action[0]) - self.wanted) / 40


class Coins(Range):
    """1 for naming the side of a coin, shown as mean plus or minus spread, beside noise."""

    observation_space, action_space = Box(-math.inf, math.inf, (2,), np.float32), Discrete(2)

    def __init__(self, mean: float, spread: float, noise: float) -> None:
        self.mean, self.spread, self.noise = mean, spread, noise

    def observe(self) -> Any:
        self.side = int(self.np_random.integers(2))
        shown = self.mean + self.spread * (2 * self.side - 1)
        return np.array([shown, self.noise * self.np_random.normal()], np.float32)

    def reward(self, action: Any) -> float:
        return float(action == self.side)


class Huge(Range):
    """Observations of a spread of 1e4; of two actions, the smaller the better."""

    observation_space, action_space = Box(-math.inf, math.inf, (3,), np.float32), Box(-1, 1, (2,), np.float32)

    def observe(self) -> Any:
        return self.np_random.normal(0, 1e4, 3).astype(np.float32)

    def reward(self, action: Any) -> float:
        return -float(np.abs(action).sum())


def around_0() -> Aim:
    return Aim(-20, 20, 11)


def from_100_to_140() -> Aim:
    return Aim(100, 140, 131)


def small_beside_its_mean() -> Coins:
    return Coins(300, 0.02, 1)


def small_beside_another() -> Coins:
    return Coins(0, 1, 500)


def huge() -> Huge:
    return Huge()


ROWS: dict[Callable[[], Any], tuple[str, float]] = {
    around_0: ("actions from -20 to 20, the best is 11", 0.0),
    from_100_to_140: ("actions from 100 to 140, the best is 131", 0.0),
    small_beside_its_mean: ("observations of 300 +- 0.02", 1.0),
    small_beside_another: ("+- 1 beside a spread of 500", 1.0),
    huge: ("a spread of 1e4, continuous actions", 0.0),
}
"""What each is about, and the best reward per step."""


def ours(factory: Callable[[], Any], seed: int, steps: int, normalize: str) -> float:
    """Train and return the reward per step."""
    import torch

    from puffer_train import config
    from puffer_train.algorithm.evaluate import evaluate
    from puffer_train.algorithm.ppo import PPO
    from puffer_train.environments import registry

    torch.set_num_threads(1)
    source = registry.find(f"{Path(__file__).stem}:{factory.__name__}")
    tables = {"train": {"steps": steps, "normalize_observations": normalize}}
    settings = config.overlay(config.load(source.settings), tables, "benchmark")
    trainer = PPO(source.make(settings.train.num_envs, seed, 1, settings.env), settings, seed, source.name)
    while not trainer.finished:
        trainer.iterate()
    judges = source.make(32, seed, 1, settings.env)
    figures = evaluate(judges, trainer.policy, seed + 1000, deterministic=True).figures
    return statistics.mean(figures["episode_return"]) / EPISODE


def theirs(factory: Callable[[], Any], seed: int, steps: int) -> float:
    """The same by Stable-Baselines3."""
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.evaluation import evaluate_policy
    from stable_baselines3.common.vec_env import VecNormalize

    torch.set_num_threads(1)
    envs = VecNormalize(make_vec_env(factory, 8, seed=seed))
    model = PPO("MlpPolicy", envs, seed=seed, device="cpu").learn(steps)
    envs.training, envs.norm_reward = False, False
    returns, _ = evaluate_policy(model, envs, 32, deterministic=True)
    return float(returns) / EPISODE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--only", nargs="+", choices=[factory.__name__ for factory in ROWS], help="rows")
    parser.add_argument("--sb3", action="store_true", help="also train PPO of Stable-Baselines3")
    parser.add_argument("--json", type=Path, help="also write the figures there, over those of the same rows")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    ways: dict[str, Callable[[Any, int], float]] = {
        "as shipped": lambda factory, seed: ours(factory, seed, options.steps, "auto"),
        "not normalised": lambda factory, seed: ours(factory, seed, options.steps, "false"),
    }
    if options.sb3:
        ways["SB3 PPO, VecNormalize"] = lambda factory, seed: theirs(factory, seed, options.steps)
    found: dict[str, Any] = {}
    print("| | best | | mean | least | processor time |\n|---|---|---|---|---|---|")
    for factory, (about, best) in ROWS.items():
        if options.only and factory.__name__ not in options.only:
            continue
        for way, train in ways.items():
            begin = time.process_time()
            scores = [train(factory, seed) for seed in options.seeds]
            seconds = (time.process_time() - begin) / len(scores)
            found.setdefault(factory.__name__, {})[way] = {"scores": scores, "seconds": seconds}
            figures = f"{statistics.mean(scores):.3f} | {min(scores):.3f} | {seconds:.1f} s"
            print(f"| {about} | {best:g} | {way} | {figures} |", flush=True)
    if options.json:
        before = json.loads(options.json.read_text()) if options.json.exists() else {}
        merged = before | {row: before.get(row, {}) | ways_of_row for row, ways_of_row in found.items()}
        options.json.write_text(json.dumps(merged, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
