"""How long listing a thousand run folders takes: `python benchmarks/runs.py [--runs N] [--json FILE]`.

It makes the folders in a temporary place, with the files that a run has, and calls the command as a user does, in a
process of its own, start-up included. The first call may have to read from the disk; figures are the quickest of
several. The second figure is processor time, for machines that have something else to do.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from puffer_train import config
from puffer_train.storage.folder import CONFIG, EVALUATION, METRICS
from puffer_train.storage.identity import NO_CODE, code_of

ENVIRONMENTS = ("breakout", "drone", "maze", "pong", "snake")
LINES = 300
"""Of metrics per run: 200 kB, as ten million steps write."""
REPEATS = 5
STATISTICS = ("score", "perf", "episode_return", "episode_length", "n")
LEARNING = ("loss", "policy_loss", "value_loss", "entropy", "old_approx_kl", "approx_kl", "clip_fraction")
LEARNING += ("importance", "gradient_norm", "learning_rate", "explained_variance", "updates", "skipped")
COMMANDS: dict[str, list[str]] = {
    "start of the program": ["--version"],
    "list": [],
    "filter and sort": ["perf>0.5", "env=drone", "gamma=0.99", "--sort", "-perf"],
    "as JSON": ["--json"],
    "a page of all": ["report", "out.html"],
}


def make_run(folder: Path, number: int, chance: random.Random) -> None:
    """Write the files of a run that `puffer-runs` reads."""
    folder.mkdir()
    name = chance.choice(ENVIRONMENTS)
    settings = config.load(name).as_dict()
    settings["train"]["gamma"] = chance.choice((0.97, 0.98, 0.99))
    digest = f"{chance.getrandbits(256):064x}"
    code = dict.fromkeys(code_of({}), digest) | {"own_code": NO_CODE}
    part: dict[str, Any] = {"command": f"puffer-train {name} --seed {number}", "started": "2026-01-01 00:00:00 UTC"}
    part |= {"seconds": 60.0, "from_steps": 0, "to_steps": 20_000_000, "code": code}
    part["ended"] = chance.choice(("finished", "finished", "interrupted", "failed", "still running, or killed"))
    content = {"environment": name, "seed": number, "settings": settings, "log": [], "libraries": [], "ranks": 1}
    about = {"environment_version": 1, "environment_settings": {"frameskip": 4}, "learner": "KernelLearner"}
    content |= {"identity": about | code, "threads": {"environments": 1, "torch": 1}}
    content |= {"versions": {"torch": "2.9"}, "machine": {"processor": "any"}, "history": [part]}
    (folder / CONFIG).write_text(json.dumps(content, indent=2))
    with (folder / METRICS).open("w") as file:
        for i in range(1, LINES + 1):
            line = {"steps": 32768 * i, "seconds": i * 0.2}
            line |= {key: chance.random() for key in LEARNING}
            line |= {f"env/{key}": chance.random() * math.log(i + 1) for key in STATISTICS}
            file.write(json.dumps(line) + "\n")
    if part["ended"] == "finished":
        of = {key: {"mean": chance.random(), "std": 0.1, "min": 0.0, "max": 1.0} for key in STATISTICS[:-1]}
        (folder / EVALUATION).write_text(json.dumps({"episodes": 128, "unfinished": 0} | of))


def measure(arguments: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds that the command takes, and those of processor time, the least of several calls."""
    command = [sys.executable, "-c", "from puffer_commands import runs; runs()", *arguments]
    seconds, busy = [], []
    for _ in range(REPEATS):
        start, before = time.perf_counter(), os.times()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
        after = os.times()
        busy.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return min(seconds), min(busy)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root, chance = Path(scratch), random.Random(1)
        (root / "runs").mkdir()
        for number in range(options.runs):
            make_run(root / "runs" / f"run-{number}", number, chance)
        rows = {what: measure(arguments, root) for what, arguments in COMMANDS.items()}
    for what, (seconds, busy) in rows.items():
        print(f"{what:24}{seconds:8.2f} s{busy:8.2f} s of processor time")
    if options.json:
        options.json.write_text(json.dumps({"runs": options.runs, "seconds": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
