"""What a run does beside training, in processor time: the newest policy, and the best one.

    python benchmarks/beside_training.py

Prints how long it takes to write `newest.safetensors`, as a share of its interval, and to play 64 episodes at a
checkpoint, untrained and with the trained policy that ships, as a share of the training between two checkpoints.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from puffer_envs.contract.machine import available_cores
from puffer_train import Trainer
from puffer_train.policy import Policy
from puffer_train.run.best import CHECKPOINT_SEED, play
from puffer_train.run.newest import Newest
from puffer_train.run.trained import Trained
from puffer_train.storage.folder import NEWEST

EPISODES = 64
POLICIES = Path(__file__).resolve().parents[1] / "src/puffer_envs/trained"


def processor_seconds(act: Callable[[], object], times: int = 1) -> float:
    """Return the least processor time of several calls."""
    taken = []
    for _ in range(times):
        began = time.process_time()
        act()
        taken.append(time.process_time() - began)
    return min(taken)


def measure(name: str, folder: Path) -> None:
    """Print the figures of one environment."""
    with Trainer(name, folder=folder, threads=1, video=False, quiet=True) as trainer:
        run, train = trainer._run, trainer.settings.train
        trainer.iterate()
        iteration = processor_seconds(trainer.iterate, 5)
        between = iteration * train.checkpoint_interval / trainer.ppo.batch
        newest = Newest(run)
        written = processor_seconds(newest._write, 20)
        size = (trainer.run.folder / NEWEST).stat().st_size

        def played(policy: Policy) -> float:
            seed = trainer.ppo.seed + CHECKPOINT_SEED
            return processor_seconds(lambda: play(run, policy, EPISODES, seed, shown=False))

        untrained = played(trainer.ppo.player)
        trained = played(Trained.find(POLICIES / f"{name}.safetensors").load(trainer.ppo.spec))
        print(
            f"{name}: writing {NEWEST} ({size / 1e3:.0f} kB) {written * 1e3:.2f} ms, {written / 5:.3%} of 5 s; "
            f"{EPISODES} episodes {untrained:.2f} s untrained, {untrained / between:.2%} of the training between two "
            f"checkpoints, {trained:.2f} s trained, {trained / between:.2%}"
        )


def main() -> None:
    """Measure a short game and a long one."""
    torch.set_num_threads(1)
    print(f"one thread of {available_cores()}")
    with tempfile.TemporaryDirectory() as folder:
        for name in ("squared", "breakout"):
            measure(name, Path(folder) / name)


if __name__ == "__main__":
    main()
