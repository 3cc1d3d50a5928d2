"""Train as puffer-train does, and print a hash of the weights: train_python.py NAME ITERATIONS SEED [RULES].

RULES: those of [curriculum] as JSON, instead of the ones that ship.
"""

from __future__ import annotations

import dataclasses
import json
import sys

import numpy as np

import puffer_envs
from puffer_train.algorithm.ppo import PPO
from puffer_train.config import load


def fnv(data: bytes) -> int:
    """FNV-1a."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def main() -> None:
    name, iterations, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    settings = load(name)
    if len(sys.argv) > 4 and json.loads(sys.argv[4]):
        settings = dataclasses.replace(settings, curriculum=json.loads(sys.argv[4]))
    with puffer_envs.make(name, settings.train.num_envs) as env:
        ppo = PPO(env, settings, seed, name, learner="kernels")
        for _ in range(iterations):
            report = ppo.iterate()
        policy = ppo.policy
        parts = [policy.encoder, policy.core, policy.head, *([] if policy.log_std is None else [policy.log_std])]
        numbers = np.concatenate([part.detach().numpy().ravel() for part in parts])
        print(f"{fnv(numbers.tobytes()):016x} steps {report['steps']} updates {report['updates']}")


if __name__ == "__main__":
    main()
