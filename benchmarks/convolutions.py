"""What policies with convolutions cost in training: `python benchmarks/convolutions.py [--repeats N] [NAME ...]`.

One thread, two recurrent layers of 64, one thousand steps an iteration or more. Learners take turns, each with its own
environment; every figure is that of its fastest iteration in processor time:

- kernels: the C kernels run the whole network
- shared: PyTorch runs the convolutions, the C kernels the rest, which is what happens to networks of your own
- torch: PyTorch runs the whole network

`share`: operations of the matrix products that PyTorch would do, as a share of what multiply-adds in registers reach on
one core: of the time that the kernels spend on acting and on gradients. (The kernels look the first layer of a grid up
instead, so a small grid may have a large share.)
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete

from puffer_envs import _core
from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.environments import registry
from puffer_train.learners import hybrid
from puffer_train.policy.encoders import Convolutions

LEARNERS = ("kernels", "shared", "torch")
TIME, HIDDEN, LAYERS = 16, 64, 2


class Arrays:
    """Shows the same random arrays over and over, so that it costs next to nothing."""

    def __init__(self, shape: tuple[int, ...], highest: int, rows: int) -> None:
        self.num_envs = self.num_agents = rows
        self.single_observation_space = Box(0, highest, shape, np.uint8)
        self.single_action_space = Discrete(6)
        self.observations = np.random.default_rng(0).integers(0, highest + 1, (rows, *shape)).astype(np.uint8)
        self.final_observations = self.observations.copy()
        self.actions, self.rewards = np.zeros(rows, np.int32), np.ones(rows, np.float32)
        self.terminals, self.truncations = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
        self.action_masks = self.agent_mask = None

    def reset(self, seed: int | None = None) -> np.ndarray[Any, Any]:
        del seed
        return self.observations

    def step(self, actions: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], ...]:
        del actions
        return self.observations, self.rewards, self.terminals, self.truncations

    def close(self) -> None:
        pass


CASES: dict[str, tuple[Callable[[], Any], str, int]] = {
    "snake, 11 x 11 cells": (lambda: registry.find("snake").make(64, 1, 1, config.load("snake").env), "grid", 4096),
    "grid, 24 x 24 x 2 of 8 values": (lambda: Arrays((24, 24, 2), 7, 64), "grid", 1024),
    "embedding, 21 x 79 of 256 values": (lambda: Arrays((21, 79), 255, 64), "embedding", 1024),
    "image, 84 x 84 x 4": (lambda: Arrays((84, 84, 4), 255, 64), "image", 512),
    "image, 4 x 84 x 84": (lambda: Arrays((4, 84, 84), 255, 64), "image", 512),
}
"""An environment, the encoder that it is read with, and the size of minibatches."""


class Measured:
    """A trainer, and the seconds of its fastest iteration, and of acting and gradients in it."""

    def __init__(self, make: Callable[[], Any], encoder: str, minibatch: int, learner: str) -> None:
        policy = {"hidden": HIDDEN, "layers": LAYERS, "encoder": encoder}
        train = {"horizon": TIME, "minibatch": minibatch, "replay_ratio": 1.0, "max_kl": 0.0, "steps": 10**9}
        env = make()
        train["horizon"] = max(TIME, minibatch // env.num_agents)
        settings = config.overlay(config.Settings(), {"policy": policy, "train": train}, "benchmark")
        settings = dataclasses.replace(settings, train=dataclasses.replace(settings.train, num_envs=env.num_envs))
        reason = "torch is to encode" if learner == "shared" else None
        with mock.patch.object(hybrid, "unsupported_reason", lambda *_: reason):
            self.ppo = PPO(env, settings, 1, learner="torch" if learner == "torch" else "kernels")
        self.seconds = self.computing = math.inf
        gradient = self.ppo.learner.gradient
        self.spent = 0.0

        def timed(*arguments: Any) -> Any:
            begin = time.process_time()
            result = gradient(*arguments)
            self.spent += time.process_time() - begin
            return result

        self.ppo.learner.gradient = timed  # type: ignore[method-assign]

    def iterate(self) -> None:
        self.spent, begin = 0.0, time.process_time()
        self.ppo.collect()
        acted = time.process_time()
        self.ppo.learn()
        self.seconds = min(self.seconds, time.process_time() - begin)
        self.computing = min(self.computing, acted - begin + self.spent)

    def operations(self) -> float:
        """2 per weight and step forward, 4 backward; 2 for layers whose input needs no gradient."""
        policy = self.ppo.policy
        assert isinstance(policy.front, Convolutions)
        encoder = policy.front.encoder
        _, height, width = encoder.planes
        total = 0.0
        for i, (layer, weight) in enumerate(zip(encoder.convolutions, policy.front.weights, strict=True)):
            height, width = layer.places(height), layer.places(width)
            total += weight.numel() * height * width * (8 if i or encoder.kind == "embedding" else 6)
        return total + 8 * (policy.encoder.numel() + policy.core.numel() + policy.head.numel())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="cases whose names begin so; all without")
    parser.add_argument("--repeats", type=int, default=8, help="iterations of each learner [8]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    peak = _core.calibrate_gflops(0.2) * 1e9
    print(f"{peak * 1e-9:.0f} GFLOP/s float32 on one core")
    for name, (make, encoder, minibatch) in CASES.items():
        if options.names and not name.startswith(tuple(options.names)):
            continue
        cases = {learner: Measured(make, encoder, minibatch, learner) for learner in LEARNERS}
        for _ in range(options.repeats):
            for case in cases.values():
                case.iterate()
        steps = cases["kernels"].ppo.batch
        speeds = "".join(f"{learner:>9}{steps / case.seconds:>9,.0f}/s" for learner, case in cases.items())
        share = cases["kernels"].operations() * steps / cases["kernels"].computing / peak
        print(f"{name:<34}{speeds}   share {share:.0%}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
