"""Kill children that do nothing but save, at random instants; whatever they leave must be complete.

    python kill_while_saving.py FOLDER KILLS SEED

Torch is loaded once and the children are forked, so that hundreds of kills take seconds. Prints how often the kill came
in the middle of a save.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from puffer_train.storage import checkpoint

KEPT = 3


def fail_on_warning(line: str) -> None:
    raise AssertionError(line)


def save_for_ever(folder: Path, first: int, tell: int) -> None:
    """Save checkpoints of steps first, first + 1, ...; tell the number of each one that is complete."""
    for steps in range(first, 1 << 40):
        manifest = {"counters": {"steps": steps}, "identity": {}, "seed": 1, "settings": {}, "versions": {}}
        weights = torch.full((300, 300), float(steps))
        checkpoint.save(folder, steps, {"weights": weights}, manifest, KEPT)
        os.write(tell, b"%d\n" % steps)


def kill_one(folder: Path, first: int, wait: float) -> int:
    """Fork a child that saves, kill it after a while, return the number of the last checkpoint that it completed."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        try:
            save_for_ever(folder, first, tell)
        finally:
            os._exit(1)
    os.close(tell)
    with os.fdopen(told) as lines:
        saved = int(lines.readline())
        time.sleep(wait)
        os.kill(child, signal.SIGKILL)
        rest = lines.read().split()
    os.waitpid(child, 0)
    return int(rest[-1]) if rest else saved


def main(folder: Path, kills: int, seed: int) -> None:
    torch.set_num_threads(1)
    generator = random.Random(seed)
    first, in_the_middle = 1, 0
    for _ in range(kills):
        saved = kill_one(folder, first, generator.uniform(0, 0.02))
        in_the_middle += any(path.name.startswith(".") for path in folder.iterdir())
        newest = checkpoint.load_latest(folder, fail_on_warning)
        steps = newest.manifest["counters"]["steps"]
        assert steps in (saved, saved + 1), (steps, saved)
        assert newest.tensors["weights"].unique().tolist() == [float(steps)]
        whole = [checkpoint.load(path).manifest["counters"]["steps"] for path in checkpoint.list_checkpoints(folder)]
        assert whole[-KEPT:] == list(range(max(1, steps - KEPT + 1), steps + 1)), (whole, steps)
        first = steps + 1
    print(in_the_middle)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
