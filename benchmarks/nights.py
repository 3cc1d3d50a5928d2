"""Train for a night: whether memory and files stay as small as they were after the first minutes.

    python benchmarks/nights.py --steps 2G

Trains `squared` with the smallest network and writes down, once a minute, the memory that the process holds and the
sizes of its files. It may be interrupted with Ctrl-C; the table then ends there.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from puffer_envs.contract.command_line import parse_number
from puffer_train import Trainer, train

POLICY = {"hidden": 16, "layers": 1}
"""The smallest network that the kernels run."""

COLUMNS = ("minutes", "steps", "memory_mib", "metrics_bytes", "metrics_lines", "checkpoints", "checkpoint_bytes")


def memory_bytes() -> int:
    """Return how much memory this process holds, of the pages that are in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sizes(folder: Path) -> dict[str, int]:
    """Return the sizes of what grows in a run's folder."""
    metrics = folder / "metrics.jsonl"
    with metrics.open("rb") as file:
        lines = sum(1 for _ in file)
    saved = [path for path in (folder / "checkpoints").glob("step_*/*") if path.is_file()]
    return {
        "metrics_bytes": metrics.stat().st_size,
        "metrics_lines": lines,
        "checkpoints": len({path.parent for path in saved}),
        "checkpoint_bytes": sum(path.stat().st_size for path in saved),
    }


class Night:
    """Writes a row of the table every so often."""

    def __init__(self, out: Path, every_seconds: float) -> None:
        self.rows: list[dict[str, float]] = []
        self._out, self._every, self._began, self._due = out, every_seconds, time.monotonic(), 0.0

    def watch(self, trainer: Trainer, report: dict[str, float]) -> None:
        """Take a row, if it is time."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + self._every
        row: dict[str, Any] = {"minutes": round((now - self._began) / 60, 2), "steps": trainer.steps}
        row |= {"memory_mib": round(memory_bytes() / 2**20, 1), **sizes(trainer.run.folder)}
        new = not self.rows
        self.rows.append(row)
        with self._out.open("w" if new else "a", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if new:
                writer.writeheader()
            writer.writerow(row)

    def summary(self) -> str:
        """Return how much everything grew after the first tenth of the time."""
        last = self.rows[-1]
        early = next(row for row in self.rows if row["minutes"] >= last["minutes"] / 10)
        memory = [row["memory_mib"] for row in self.rows if row["minutes"] >= early["minutes"]]
        return (
            f"{last['steps']:,} steps in {last['minutes']:.0f} minutes. Memory: {early['memory_mib']} MiB after a "
            f"tenth of the time, {last['memory_mib']} at the end, {max(memory)} at most. metrics.jsonl: "
            f"{max(row['metrics_bytes'] for row in self.rows) / 1e6:.2f} MB at most. Checkpoints: "
            f"{max(row['checkpoints'] for row in self.rows)} at most, {last['checkpoint_bytes'] / 1e6:.2f} MB."
        )


def main() -> None:
    """Train, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=parse_number, default=2_000_000_000, metavar="N")
    parser.add_argument("--num-envs", type=int, metavar="N", help="fewer make more and shorter iterations [as shipped]")
    parser.add_argument("--folder", type=Path, default=Path("runs/night"), metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path("night.csv"), metavar="FILE")
    parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS", help="how often to take a row [60]")
    options = parser.parse_args()
    settings: dict[str, Any] = {"policy": POLICY, "train": {"eval_episodes": 128}}
    if options.num_envs is not None:
        settings["train"] |= {"num_envs": options.num_envs, "minibatch": 32 * min(256, options.num_envs)}
    torch.set_num_threads(1)
    night = Night(options.out, options.every)
    with suppress(KeyboardInterrupt):
        train(
            "squared",
            steps=options.steps,
            settings=settings,
            folder=options.folder,
            threads=1,
            video=False,
            on_iteration=night.watch,
        )
    print(night.summary())


if __name__ == "__main__":
    main()
