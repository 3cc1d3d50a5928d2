"""What codes cost: training on bytes that are codes, beside training on the same bytes as amounts.

    python benchmarks/codes.py [--environment foundry] [--json FILE]

The observations of an environment without rules are drawn ahead: most codes are 0, and of the others a few are frequent
and most rare, as in a picture of tiles. Both networks learn from the same bytes in turn, in one process; the time is
that of the processor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete

import puffer_envs
from puffer_envs.contract import ObservationField
from puffer_train._kernels import Workers
from puffer_train.algorithm.ppo import PPO
from puffer_train.config import Settings, overlay
from puffer_train.learners.kernels import KernelLearner

ROWS, FRAMES = 1024, 16
NETWORKS = {"4x32": (32, 4), "2x64": (64, 2), "1x128": (128, 1)}


class Frames:
    """Shows rows of bytes one after the other; a step does nothing else."""

    def __init__(self, codes: int, choices: int, empty: float, named: bool) -> None:
        rng = np.random.default_rng(0)
        weights = 1.0 / np.arange(1, choices)
        weights *= (1.0 - empty) / weights.sum()
        self.frames = rng.choice(choices, (FRAMES, ROWS, codes), p=[empty, *weights]).astype(np.uint8)
        self.num_agents = self.num_envs = ROWS
        self.single_observation_space = Box(0, choices - 1, (codes,), np.uint8)
        self.single_action_space = Discrete(5)
        self.observations = self.frames[0].copy()
        self.final_observations = np.zeros_like(self.observations)
        self.actions = np.zeros(ROWS, np.int32)
        self.rewards = rng.random(ROWS).astype(np.float32)
        self.terminals, self.truncations = np.zeros((2, ROWS), np.bool_)
        self.action_masks = self.agent_mask = None
        self.frame = 0
        if named:
            space, dtype = MultiDiscrete([choices] * codes), np.dtype(np.uint8)
            self.observation_fields = (ObservationField("tiles", space, 0, dtype, (codes,)),)

    def reset(self, seed: int | None = None) -> Any:
        return self.observations

    def step(self, actions: Any) -> Any:
        self.frame = (self.frame + 1) % FRAMES
        self.observations[:] = self.frames[self.frame]
        return self.observations, self.rewards, self.terminals, self.truncations

    def close(self) -> None:
        pass


def make(env: Any, hidden: int, layers: int) -> PPO:
    """Return what trains the network on an environment."""
    tables = {"train": {"num_envs": env.num_envs, "horizon": 64, "minibatch": 16384, "steps": 10**9}}
    tables |= {"policy": {"hidden": hidden, "layers": layers}}
    trainer = PPO(env, overlay(Settings(), tables, "codes"), 1, threads=1)
    assert type(trainer.learner) is KernelLearner
    return trainer


def world(name: str, named: bool) -> Any:
    """Return about `ROWS` agents of an environment with codes, or with the same bytes as amounts."""
    with puffer_envs.make(name) as one:
        agents = one.agents
    env = puffer_envs.make(name, ROWS // agents)
    env.observation_fields = env.observation_fields if named else None
    return env


def seconds(trainer: PPO) -> float:
    """Return the processor seconds of one iteration."""
    begin = time.process_time()
    trainer.iterate()
    return time.process_time() - begin


def measure(trainers: dict[str, PPO], iterations: int) -> dict[str, float]:
    """Return steps a processor second of each, the median, and the median of the paired ratios of their times."""
    times = [{name: seconds(trainer) for name, trainer in trainers.items()} for _ in range(iterations + 1)][1:]
    found = {name: trainer.batch / statistics.median(t[name] for t in times) for name, trainer in trainers.items()}
    return found | {"ratio": statistics.median(t["codes"] / t["amounts"] for t in times)}


def main() -> None:
    """Print and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", 1)[0])
    parser.add_argument("--environment", help="of ours, in place of the one without rules")
    parser.add_argument("--codes", type=int, default=242, help="bytes of an observation (default: %(default)s)")
    parser.add_argument("--choices", type=int, default=24, help="of each, up to 255 (default: %(default)s)")
    parser.add_argument("--empty", type=float, default=0.7, help="share of codes that are 0 (default: %(default)s)")
    parser.add_argument("--iterations", type=int, default=9, help="of each trainer (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the results to a file")
    options = parser.parse_args()
    if not (options.codes > 0 and 2 <= options.choices <= 255 and 0 <= options.empty <= 1 and options.iterations > 0):
        parser.error("--codes and --iterations are from 1, --choices from 2 to 255, --empty from 0 to 1")
    coded = [name for name in puffer_envs.list_envs() if any(part.codes for part in puffer_envs.spec(name).obs)]
    if options.environment not in (None, *coded):
        parser.error(f"{options.environment!r} has no codes: choose from {', '.join(coded)}")
    given = options.codes, options.choices, options.empty
    results: dict[str, Any] = {"isa": Workers(1).isa, "environment": options.environment or given}
    for network, (hidden, layers) in NETWORKS.items():
        trainers = {}
        for kind, named in {"amounts": False, "codes": True}.items():
            env = world(options.environment, named) if options.environment else Frames(*given, named)
            trainers[kind] = make(env, hidden, layers)
        row = results[network] = measure(trainers, options.iterations)
        print(f"{network:6} amounts {row['amounts']:9,.0f}  codes {row['codes']:9,.0f} steps/s  x{row['ratio']:.3f}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
