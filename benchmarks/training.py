"""How long training takes, from process start, and what it reaches: `python benchmarks/training.py [NAME ...]`.

For each environment and seed, runs `puffer-train NAME --seed S --no-video` in a separate process, with `--settings`
if some are named (`fast`, `best`), and prints the
time until its training was done (imports and start-up included), until it exited (evaluation and export included), and
the mean score of its evaluation on fresh full episodes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


def train(name: str, settings: str, seed: int, folder: Path, extra: list[str]) -> dict[str, Any]:
    """One run; raises CalledProcessError where it fails."""
    command = [sys.executable, "-m", "puffer_train.cli.train", name, "--seed", str(seed), "--no-video"]
    command += ["--settings", settings]
    begin = time.monotonic()
    started = time.time()
    subprocess.run([*command, "--run-dir", str(folder), *extra], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - begin
    evaluation = json.loads((folder / "evaluation.json").read_text())
    last = (folder / "metrics.jsonl").read_text().splitlines()[-1]
    return {
        "environment": name,
        "settings": settings,
        "seed": seed,
        "steps": json.loads(last)["steps"],
        "training_seconds": (folder / "policy.safetensors").stat().st_mtime - started,
        "seconds": seconds,
        "episodes": evaluation["episodes"],
        "score": evaluation["score"]["mean"],
        "least_score": evaluation["score"]["min"],
        "perf": evaluation["perf"]["mean"] if "perf" in evaluation else None,  # Python environments have none
        "episode_return": evaluation["episode_return"]["mean"],
    }


def by_name(run: dict[str, Any]) -> tuple[str, str, int]:
    return run["environment"], run.get("settings", "balanced"), run["seed"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "names", nargs="*", default=["cartpole", "breakout"], help="environments: names of puffer-train"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--settings", default="balanced", help="settings that ship for the environments [balanced]")
    parser.add_argument("--json", type=Path, help="also write the figures there, in place of those of the same names")
    parser.add_argument("--policies", type=Path, help="write the policy of the first seed to this folder")
    options, extra = parser.parse_known_args()  # the rest goes to puffer-train
    if options.policies:
        options.policies.mkdir(parents=True, exist_ok=True)
    runs = []
    print(
        f"{'environment':<36}{'seed':>5}{'steps':>12}{'trained':>10}{'all':>9}{'mean score':>12}{'least':>8}{'perf':>7}"
    )
    for name in options.names:
        for seed in options.seeds:
            with tempfile.TemporaryDirectory() as scratch:
                run = train(name, options.settings, seed, Path(scratch) / "run", extra)
                if options.policies and seed == options.seeds[0]:
                    shutil.copy(Path(scratch) / "run/policy.safetensors", options.policies / f"{name}.safetensors")
            runs.append(run)
            times = f"{run['training_seconds']:>9.1f}s{run['seconds']:>8.1f}s"
            perf = "" if run["perf"] is None else f"{run['perf']:.3f}"
            scores = f"{run['score']:>12.1f}{run['least_score']:>8.1f}{perf:>7}"
            print(f"{name:<36}{seed:>5}{run['steps']:>12,}{times}{scores}", flush=True)
    if options.json:
        old = json.loads(options.json.read_text()) if options.json.exists() else []
        replaced = {(name, options.settings) for name in options.names}
        kept = [run for run in old if by_name(run)[:2] not in replaced]
        options.json.write_text(json.dumps(sorted(kept + runs, key=by_name), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as failed:
        sys.exit(failed.returncode)  # puffer-train has said why
