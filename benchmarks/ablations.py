"""What each part of the trainer adds: `python benchmarks/ablations.py [ENVIRONMENT ...] [--jobs N] [--json FILE]`.

Trains with the shipped settings and with one thing changed at a time, three seeds each, on one core, and evaluates on
fresh full episodes. Prints the mean score over the seeds, the lowest one, and processor seconds; a change is marked
where even its best seed is below, or its worst above, all seeds of the shipped settings.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

CHANGES = {
    "as shipped": [],
    "Adam instead of Muon": ["train.optimizer=adam"],
    "no momentum": ["train.momentum=0"],
    "constant learning rate": ["train.final_learning_rate=1"],
    "advantages not normalised": ["train.normalize_advantages=false"],
    "no ratio clip": ["train.clip=1e9"],
    "ratio clip 0.2": ["train.clip=0.2"],
    "no value clip": ["train.value_clip=0"],
    "no entropy bonus": ["train.entropy_coefficient=0"],
    "GAE lambda 1": ["train.gae_lambda=1"],
    "GAE lambda 0.9": ["train.gae_lambda=0.9"],
    "each step used once": ["train.replay_ratio=1"],
    "rewards neither clipped nor scaled": [
        "train.reward_clip=0",
        "train.reward_scale=1",
        "train.normalize_rewards=false",
    ],
    "rewards normalised": ["train.normalize_rewards=true", "train.reward_scale=1", "train.reward_clip=10"],
    "V-trace, values refreshed": ["train.refresh_advantages=true"],
    "sequences by priority 0.8": ["train.priority_alpha=0.8"],
    "no KL limit": ["train.max_kl=0"],
    "weight decay 0.1": ["train.weight_decay=0.1"],
    "LSTM instead of MinGRU": ["policy.cell=lstm"],
    "one layer": ["policy.layers=1"],
    "twice the width": ["policy.hidden=64"],
    "value as a distribution": ["policy.value_head=distribution"],
}
"""Name -> settings. The last one is run by torch, which takes several times as long."""


def train(environment: str, seed: int, changes: list[str]) -> dict[str, Any]:
    """One run in this process, on one thread."""
    import torch

    from puffer_train import config
    from puffer_train.algorithm.evaluate import evaluate, evaluation_envs
    from puffer_train.algorithm.ppo import PPO
    from puffer_train.environments import registry
    from puffer_train.run.finish import EVALUATION_SEED

    torch.set_num_threads(1)
    tables: dict[str, dict[str, str]] = {}
    for change in changes:
        key, value = change.split("=")
        table, name = key.split(".")
        tables.setdefault(table, {})[name] = value
    source = registry.find(environment)
    settings = config.overlay(config.load(source.settings), tables, "ablation")
    trainer = PPO(source.make(settings.train.num_envs, seed, 1, settings.env), settings, seed, environment)
    begin = time.process_time()
    while not trainer.finished:
        trainer.iterate()
    seconds = time.process_time() - begin
    judges = source.make(evaluation_envs(trainer.spec, settings.train.eval_episodes), seed, 1, settings.env)
    result = evaluate(judges, trainer.policy, seed + EVALUATION_SEED)
    return {"score": result.summary()[result.main]["mean"], "seconds": seconds, "steps": trainer.steps}


def in_process(environment: str, seed: int, changes: list[str]) -> dict[str, Any]:
    """The same in a separate process."""
    command = [sys.executable, __file__, "--one", environment, str(seed), *changes]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=alone)
    return json.loads(done.stdout.splitlines()[-1])


def verdict(scores: list[float], shipped: list[float]) -> str:
    """Report whether all seeds are on one side of all seeds of the shipped settings."""
    if max(scores) < min(shipped):
        return "worse"
    return "better" if min(scores) > max(shipped) else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("environments", nargs="*", default=["cartpole", "squared", "pong", "snake", "breakout"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, a core each")
    parser.add_argument("--only", nargs="+", help="names of changes; the shipped settings are always run")
    parser.add_argument("--json", type=Path, help="also write the figures there, over those of the same environments")
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        environment, seed, *changes = options.one
        print(json.dumps(train(environment, int(seed), changes)))
        return 0
    unknown = set(options.only or ()) - set(CHANGES)
    if unknown:
        parser.error(f"there is no change called {', '.join(sorted(unknown))}; there are: {', '.join(CHANGES)}")
    wanted = {n: c for n, c in CHANGES.items() if not options.only or n in options.only or n == "as shipped"}
    found: dict[str, Any] = {}
    with ThreadPoolExecutor(options.jobs) as pool:
        for environment in options.environments:
            runs = {
                name: [pool.submit(in_process, environment, seed, changes) for seed in options.seeds]
                for name, changes in wanted.items()
            }
            print(f"\n| {environment} | mean | least | | processor time |\n|---|---|---|---|---|", flush=True)
            found[environment] = {}
            for name, futures in runs.items():
                results = [future.result() for future in futures]
                scores = [result["score"] for result in results]
                seconds = statistics.mean(result["seconds"] for result in results)
                found[environment][name] = {"scores": scores, "seconds": seconds}
                mark = verdict(scores, found[environment]["as shipped"]["scores"])
                line = f"{statistics.mean(scores):.4g} | {min(scores):.4g} | {mark} | {seconds:.1f} s"
                print(f"| {name} | {line} |", flush=True)
            if options.json:
                before = json.loads(options.json.read_text()) if options.json.exists() else {}
                options.json.write_text(json.dumps(before | found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
