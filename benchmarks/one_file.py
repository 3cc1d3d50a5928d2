"""How fast docs/one_file_trainer.py is, compared with `puffer-train`'s own trainer with the same network and settings.

`python benchmarks/one_file.py [--threads N] [--json FILE]`, about two minutes. Both train Breakout in this process and
take turns, iteration by iteration, so that whatever else the machine does slows both. Each gets its fastest iteration
of many in processor time (noise only adds time); the KL limit, which skips gradient steps, is off. The one file is
measured twice: with the kernels' loss, and with its own in torch, which you can change.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))

from one_file_trainer import Settings, Trainer

import puffer_envs
from puffer_train import config
from puffer_train.algorithm.ppo import PPO

NETWORKS = {
    "MinGRU 4 x 32": {},
    "MinGRU 1 x 128": {"hidden": 128, "layers": 1},
    "LSTM 1 x 128": {"hidden": 128, "layers": 1, "cell": "lstm"},
}
LOSSES = {"kernels": "", "torch": ", loss in torch"}


def trainers(network: dict[str, Any], loss: str, threads: int) -> tuple[Trainer, PPO]:
    """Both, with one network and the same settings."""
    settings = Settings(max_kl=0.0, threads=threads, loss=loss, **network)
    tables = {"train": {"max_kl": 0.0}, "policy": network}
    whole = config.overlay(config.load("breakout"), tables, "benchmark")
    envs = [puffer_envs.make("breakout", settings.num_envs, seed=1, threads=threads) for _ in range(2)]
    return Trainer(envs[0], settings), PPO(envs[1], whole, 1, "breakout", threads=threads)


def fastest(one: Trainer, whole: PPO, repeats: int) -> tuple[float, float]:
    """Processor seconds of the fastest iteration of each: other programs on this machine do not count as time."""
    found = [float("inf"), float("inf")]
    for _ in range(repeats):
        for i, iterate in enumerate((lambda: (one.collect(), one.learn()), whole.iterate)):
            begin = time.process_time()
            iterate()
            found[i] = min(found[i], time.process_time() - begin)
    return found[0], found[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--json", type=Path, help="also write the figures there")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    figures = {}
    for (network_name, network), loss in itertools.product(NETWORKS.items(), LOSSES):
        name = network_name + LOSSES[loss]
        one, whole = trainers(network, loss, options.threads)
        seconds = fastest(one, whole, options.repeats)
        mine, theirs = (whole.batch * options.threads / s for s in seconds)
        figures[name] = {"one_file": mine, "puffer_train": theirs, "share": mine / theirs}
        print(f"{name:<31}{mine / 1e3:>8.0f} k steps/s of {theirs / 1e3:.0f} k: {mine / theirs:.0%}", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"threads": options.threads, "figures": figures}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
