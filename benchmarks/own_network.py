"""What a network of your own costs: `python benchmarks/own_network.py [--repeats N]`.

Trains Breakout with its shipped settings on one thread, an iteration of each network in turn, and prints the steps per
second of processor time of each one's fastest iteration, and how many times as long it took as the shipped network:

- shipped: the C kernels run everything
- Plain: the same network, but torch runs its encoder
- Perceptron: two layers of 64 in torch, then the shipped layers
- Memoryless: a whole policy in torch, two layers of 64 without memory
- Recurrent: a whole policy in torch, one GRU of 64
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import time
from typing import Any

import torch
from torch import Tensor, nn

from puffer_train import config
from puffer_train.algorithm.ppo import PPO
from puffer_train.environments import registry
from puffer_train.own_code import Code


def perceptron(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, 64), nn.ReLU(), nn.Linear(64, outputs), nn.ReLU())


class Plain(nn.Module):
    """Hands the numbers on."""

    def __init__(self, spec: Any) -> None:
        super().__init__()
        self.register_buffer("scale", torch.tensor(spec.observation_scale), persistent=False)

    def forward(self, observations: Tensor) -> Tensor:
        return observations.flatten(1).float() * self.scale


class Perceptron(Plain):
    """Two layers."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.body = perceptron(math.prod(spec.observation_shape), 64)

    def forward(self, observations: Tensor) -> Tensor:
        return self.body(super().forward(observations))


class Memoryless(Plain):
    """A whole policy: two layers, and the heads."""

    state_size = 0

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.body = perceptron(math.prod(spec.observation_shape), 64)
        self.actions, self.value = nn.Linear(64, spec.action.outputs), nn.Linear(64, 1)

    def forward(self, observations: Tensor, state: Tensor) -> Any:  # type: ignore[override]
        x = self.body(super().forward(observations))
        return self.actions(x), self.value(x).squeeze(1), state


class Recurrent(Memoryless):
    """A whole policy: a GRU, and the heads."""

    state_size = 64

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.body = nn.GRUCell(math.prod(spec.observation_shape), 64)

    def forward(self, observations: Tensor, state: Tensor) -> Any:
        state = self.body(Plain.forward(self, observations), state)
        return self.actions(state), self.value(state).squeeze(1), state


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=12, help="iterations of each network [12]")
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = registry.find("breakout")
    settings = config.load("breakout")
    networks = {"shipped": "", **{kind.__name__: Code.of(kind) for kind in (Plain, Perceptron, Memoryless, Recurrent)}}
    trained = {}
    for name, network in networks.items():
        own = dataclasses.replace(settings, policy=dataclasses.replace(settings.policy, network=network))
        env = source.make(settings.train.num_envs, 1, 1, settings.env)
        trained[name] = PPO(env, own, 1, "breakout")
    seconds = dict.fromkeys(networks, math.inf)
    for _ in range(options.repeats):
        for name, ppo in trained.items():
            begin = time.process_time()
            ppo.iterate()
            seconds[name] = min(seconds[name], time.process_time() - begin)
    for name, ppo in trained.items():
        speed, slower = ppo.batch / seconds[name], seconds[name] / seconds["shipped"]
        print(f"{name:<12}{speed:>10,.0f} steps/s{slower:>7.1f} x   {ppo.learner.work}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
