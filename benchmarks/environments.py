"""How fast every environment steps on one core: `python benchmarks/environments.py [NAME ...] [--json FILE]`.

Prints, at 1,024 and at 4,096 rows, agent-steps per second beside what PufferLib 3.0 (built from source, one core,
random actions, 4,096 agents) was measured at on the machine that docs/performance.md describes. On another machine only
its own figures are meaningful; the calibrations printed above them show how the two machines compare.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from puffer_envs import _core, bench, list_envs

PUFFERLIB = {
    ("breakout", ""): 6.5e6,
    ("cartpole", ""): 48.6e6,
    ("drone", "alone in its world"): 28.1e6,
    ("enduro", ""): 3.6e6,
    ("maze", ""): 6.6e6,
    ("pong", ""): 48.3e6,
    ("snake", ""): 7.8e6,
    ("squared", ""): 103e6,
}
"""Not compared: its boids (41 M), which have no neighbours, and its connect4 (0.06 M), searching unknown depths."""

CASES: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "backgammon": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "cards": [("searching opponent", {"strength": 2}), ("self-play", {"self_play": True})],
    "checkers": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "chess": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "connect4": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "drone": [("alone in its world", {"num_drones": 1})],
    "go": [
        ("weakest opponent", {"strength": 0}),
        ("self-play", {"self_play": True}),
        ("self-play, 9 x 9", {"self_play": True, "size": 9}),
    ],
    "gomoku": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "hex": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "othello": [("weakest opponent", {"strength": 0}), ("self-play", {"self_play": True})],
    "tanks": [("self-play", {"scripted": False})],
}
"""Environment -> other settings to measure it with, and what they are."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list_envs(), metavar="NAME", help="environments [all]")
    parser.add_argument("--agents", type=int, nargs="+", default=[1024, 4096], help="rows in a batch")
    parser.add_argument("--isa", nargs="+", default=_core.supported_isas()[-1:], help="instruction sets, or 'all'")
    parser.add_argument("--seconds", type=float, default=0.3, help="per repeat")
    parser.add_argument("--json", type=Path, help="also write the figures there, in place of those of the same names")
    options = parser.parse_args()
    if unknown := set(options.names) - set(list_envs()):
        parser.error(f"there is no environment {min(unknown)!r}; there are: {', '.join(list_envs())}")
    isas = _core.supported_isas() if options.isa == ["all"] else options.isa

    calibration = bench.calibrate()
    print(f"{platform.machine()}, Python {platform.python_version()}: {calibration.gflops:.0f} GFLOP/s float32 on one")
    print(f"core, {calibration.copy_gbps:.1f} GB/s copying memory. Million agent-steps per second, one thread:\n")
    heads = f"{'env.step':>10}{'bare C':>10}{'PufferLib 3.0':>15}{'ratio':>8}"
    print(f"{'environment':<28}{'rows':>6}  {'instructions':<12}{heads}")
    measurements, ratios = [], []
    cases = [(name, case) for name in options.names for case in [("", {}), *CASES.get(name, [])]]
    for (name, (what, settings)), agents, isa in itertools.product(cases, options.agents, isas):
        m = bench.measure(name, agents, isa=isa, seconds=options.seconds, **settings)
        measurements.append(asdict(m) | {"what": what, "settings": settings})
        peer = PUFFERLIB.get((name, what), math.nan)
        ratio = m.steps_per_second / peer
        if isa == isas[-1] and agents == options.agents[-1] and (name, what) in PUFFERLIB:
            ratios.append(ratio)
        figures = f"{m.steps_per_second / 1e6:>10.1f}{m.bare_steps_per_second / 1e6:>10.1f}"
        compared = f"{peer / 1e6:>15.1f}{ratio:>7.2f}x" if (name, what) in PUFFERLIB else ""
        print(f"{name + ', ' * bool(what) + what:<28}{m.num_agents:>6}  {isa:<12}{figures}{compared}", flush=True)
    if ratios:
        geometric = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"\nagainst PufferLib 3.0: geometric mean {geometric:.2f}x, least {min(ratios):.2f}x")
    if options.json:
        write(options.json, asdict(calibration), measurements)
    return 0


def write(path: Path, calibration: dict[str, Any], measurements: list[dict[str, Any]]) -> None:
    """Write the figures; those of other environments stay, with the calibration that they were measured beside."""
    names = {m["environment"] for m in measurements}
    old = json.loads(path.read_text()) if path.exists() else {"measurements": []}
    kept = [m for m in old["measurements"] if m["environment"] not in names]
    measurements = sorted(kept + measurements, key=lambda m: str(m["environment"]))
    if kept:
        calibration = old["calibration"]
    path.write_text(json.dumps({"calibration": calibration, "measurements": measurements}, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
