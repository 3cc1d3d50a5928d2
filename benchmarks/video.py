"""How fast puffer-render makes a video: pictures per second, and processor time per picture.

    python benchmarks/video.py                                  a game of Breakout, on one core and on all
    python benchmarks/video.py --environments breakout,drone
    python benchmarks/video.py --against /other/.venv/bin/puffer-render

Each figure is the best of several runs of the command, start included; the commands take turns.
`--against` names another version, which must read the same replays.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import numpy as np

import puffer_envs
from puffer_envs.contract.machine import available_cores

SECONDS = 20.0
"""Of play; each frame is drawn."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", default="breakout", help="names, with commas between (default: breakout)")
    parser.add_argument("--against", type=Path, metavar="COMMAND", help="puffer-render of another version")
    parser.add_argument("--repeat", type=int, default=3, help="runs, of which the best counts (default: 3)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of play (default: {SECONDS:g})")
    options = parser.parse_args()
    cores = available_cores()
    here = [sys.executable, "-m", "puffer_render.cli_render"]
    commands = {"1 process": [*here, "--processes", "1"], f"{cores} processes": [*here, "--processes", str(cores)]}
    if options.against is not None:
        commands["other version"] = [str(options.against)]
    print(f"{'environment':12} {'':14} {'pictures/s':>10} {'CPU ms/picture':>15} {'times':>6}")
    for name in options.environments.split(","):
        with tempfile.TemporaryDirectory() as folder:
            replay = record(name, options.seconds, Path(folder) / "replay.puf")
            best: dict[str, tuple[float, float]] = {}
            for _ in range(options.repeat):
                for label, command in commands.items():
                    out = Path(folder) / "video.mp4"
                    wall, processor = measure([*command, str(replay), str(out), "--every", "1"])
                    with av.open(str(out)) as file:
                        pictures = file.streams.video[0].frames
                    figures = pictures / wall, 1000 * processor / pictures
                    rate, cost = best.get(label, (0.0, float("inf")))
                    best[label] = max(rate, figures[0]), min(cost, figures[1])
            slowest = min(rate for rate, _ in best.values())
            for label, (rate, cost) in best.items():
                print(f"{name:12} {label:14} {rate:10.0f} {cost:15.2f} {rate / slowest:6.1f}")


def record(name: str, seconds: float, path: Path) -> Path:
    """Random play."""
    with puffer_envs.make(name) as env:
        env.start_replay(seed=1)
        env.single_action_space.seed(0)
        for _ in range(round(seconds * env.spec.rate)):
            actions = [env.single_action_space.sample() for _ in range(env.num_agents)]
            env.step(np.asarray(actions, env.actions.dtype).reshape(env.actions.shape))
        env.save_replay(path)
    return path


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds that a command takes, and seconds of processor time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
