"""Run folders as the trainer leaves them, made in a moment: for what reads, draws and keeps them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "env": {},
    "train": {"steps": 200_000, "gamma": 0.98, "checkpoints_kept": 3},
    "policy": {"hidden": 32},
}
CODE = {"environment_code": "e" * 64, "package_code": "9" * 64, "own_code": "none"}
IDENTITY = {"environment_version": 1, "environment_settings": {"frameskip": 2}, "learner": "KernelLearner"} | CODE


def make_run(
    folder: Path,
    seed: int = 1,
    environment: str = "breakout",
    lines: int = 200,
    ended: str = "finished",
    identity: dict[str, Any] | None = IDENTITY,
    **changes: object,
) -> Path:
    """A run's folder: the score rises to 100 times the seed along a line.

    Args:
        folder: Where; made here.
        seed: Of the run.
        environment: Its name.
        lines: Of metrics.jsonl, a thousand steps each.
        ended: How.
        identity: What it was made of; None for a run of an older version, which did not write that down.
        changes: Settings, `train__gamma=0.9`; those of `env` are also among what the environment reports.
    """
    folder.mkdir(parents=True)
    settings, known = json.loads(json.dumps(SETTINGS)), json.loads(json.dumps(identity))
    for key, value in changes.items():
        section, _, name = key.partition("__")
        settings[section][name] = value
        if section == "env" and known:
            known["environment_settings"][name] = value
    part = {
        "command": f"puffer-train {environment} --seed {seed}",
        "started": f"2026-01-{seed:02d} 12:00:00 UTC",
        "seconds": 0.5 * lines * seed,
        "from_steps": 0,
        "to_steps": 1000 * lines,
        "ended": ended,
    }
    if known:
        part["code"] = {key: known[key] for key in CODE}
    config = {"environment": environment, "seed": seed, "settings": settings, "log": [], "history": [part]}
    config |= {"ranks": 1, "versions": {"torch": "2.9"}} | ({"identity": known} if known else {})
    (folder / "config.json").write_text(json.dumps(config))
    with (folder / "metrics.jsonl").open("w") as file:
        for i in range(1, lines + 1):
            line = {"steps": 1000 * i, "updates": 6 * i, "seconds": 0.5 * i * seed, "entropy": 1 / i, "env/n": 2.0}
            line |= {"env/score": 100 * seed * i / lines, "env/perf": i / lines, "env/race.time": 5.0}
            file.write(json.dumps(line) + "\n")
    return folder


def evaluate(folder: Path, mean: float) -> None:
    """Write the result of an evaluation."""
    of = {"mean": mean, "std": 0.5, "min": mean, "max": mean}
    (folder / "evaluation.json").write_text(json.dumps({"episodes": 8, "unfinished": 0, "score": of}))
