"""Values where episodes are cut off early: `python benchmarks/short_episodes.py [--cuts 5 20 100] [--steps N]`.

The reward is 1 in every step and nothing can be seen, so with gamma 0.9 every value is 10. What lies beyond a cut is
valued with a recurrent state that is one step deeper than any that is trained on. Prints the mean value of the last
iteration with the settings for Python environments; --before instead values it with the state of one step before (by
torch), which is never deeper but has not seen the last observation but one.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import torch
from gymnasium.spaces import Box, Discrete
from torch import Tensor

from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.learners.torch import TorchActor

ROWS = 64


class Cut:
    """Keeps the buffer contract (docs/contract.md)."""

    num_envs = num_agents = ROWS
    single_observation_space, single_action_space = Box(0, 1, (1,), np.float32), Discrete(2)
    action_masks = agent_mask = None

    def __init__(self, limit: int) -> None:
        self.limit, self.clock = limit, 0
        self.observations = np.ones((ROWS, 1), np.float32)
        self.final_observations = self.observations.copy()
        self.actions, self.rewards = np.zeros(ROWS, np.int32), np.ones(ROWS, np.float32)
        self.terminals, self.truncations = np.zeros(ROWS, np.bool_), np.zeros(ROWS, np.bool_)

    def reset(self, seed: int | None = None) -> Any:
        self.clock = 0
        return self.observations

    def step(self, actions: Any) -> Any:
        self.clock += 1
        self.truncations[:] = self.clock % self.limit == 0
        return self.observations, self.rewards, self.terminals, self.truncations

    def close(self) -> None:
        pass


def use_the_state_before(actor: TorchActor) -> None:
    """Have the actor value last observations with the state from before it saw the one before them."""
    act = actor.act

    def remember(t: int, greedy: bool = False) -> int:
        actor.before = actor.state.clone()  # type: ignore[attr-defined]
        return act(t, greedy)

    def value(observations: Any, rows: Any) -> Tensor:
        state = actor.before[:, rows].clone()  # type: ignore[attr-defined]
        return actor.policy.values(actor.policy.step(torch.from_numpy(observations), state))

    actor.act, actor.value = remember, value  # type: ignore[method-assign]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cuts", type=int, nargs="+", default=[5, 20, 100])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=300_000)
    parser.add_argument("--before", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    tables = {"train": {"steps": options.steps, "gamma": 0.9, "normalize_rewards": False, "reward_clip": 0}}
    settings = config.overlay(config.load("python"), tables, "benchmark")
    for limit in options.cuts:
        for seed in options.seeds:
            trainer = PPO(Cut(limit), settings, seed, learner="torch" if options.before else "auto")
            if options.before:
                for actor in trainer.learner.actors:
                    assert isinstance(actor, TorchActor)
                    use_the_state_before(actor)
            while not trainer.finished:
                trainer.iterate()
            value = float(trainer.buffers.values.mean())
            print(f"cut every {limit} steps, seed {seed}: {value:.3f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
