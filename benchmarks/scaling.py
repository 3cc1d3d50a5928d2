"""What an agent-step costs when there are 1, 10 and 100 times as many: `python benchmarks/scaling.py [NAME ...]`.

More environments, for all; and for those in which many agents share a world, larger worlds of the same density.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

from puffer_envs import bench, list_envs

AGENTS = (1024, 10_240, 102_400)


def snake(snakes: int) -> dict[str, Any]:
    """As many cells and as much food to a snake as by default."""
    side = round(48 * math.sqrt(snakes / 16))
    return {"num_snakes": snakes, "width": side, "height": side, "num_food": 4 * snakes}


WORLDS: dict[str, list[tuple[str, int, dict[str, Any]]]] = {
    "blobs": [(f"{n:,} in one world", n, {"num_players": n}) for n in (64, 640, 6400)],
    "boids": [(f"{n:,} in one world", n, {"boids": n}) for n in (64, 640, 6400)],
    "drone": [(f"{n:,} in one world", n, {"num_drones": n}) for n in (1, 64, 256)],
    "snake": [(f"{n:,} in one world", n, snake(n)) for n in (16, 160, 1600)],
    "tanks": [(f"{2 * n:,} in one world", n, {"team_size": n, "scripted": False}) for n in (1, 4, 16)],
}
"""Environment -> (what, agents in all at least, settings). Planes grow with their players."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=list_envs(), help="environments [all]")
    parser.add_argument("--seconds", type=float, default=0.2, help="per repeat")
    parser.add_argument("--json", type=Path, help="also write the figures there, in place of those of the same names")
    options = parser.parse_args()
    if unknown := set(options.names) - set(list_envs()):
        parser.error(f"there is no environment {min(unknown)!r}; there are: {', '.join(list_envs())}")
    rows = []
    print(f"{'environment':<14}{'':<26}{'agents':>9}{'M steps/s':>12}{'ns per step':>13}")
    for name in options.names:
        cases = [("more environments", agents, {}) for agents in AGENTS]
        cases += [(what, max(AGENTS[0], agents), settings) for what, agents, settings in WORLDS.get(name, [])]
        for what, agents, settings in cases:
            m = bench.measure(name, agents, seconds=options.seconds, **settings)
            rows.append(
                {
                    "environment": name,
                    "what": what,
                    "settings": settings,
                    "agents": m.num_agents,
                    "steps_per_second": m.steps_per_second,
                    "nanoseconds": 1e9 / m.steps_per_second,
                }
            )
            figures = f"{m.num_agents:>9,}{m.steps_per_second / 1e6:>12.1f}{1e9 / m.steps_per_second:>13.1f}"
            print(f"{name:<14}{what:<26}{figures}", flush=True)
    if options.json:
        old = json.loads(options.json.read_text()) if options.json.exists() else []
        kept = [row for row in old if row["environment"] not in options.names]
        options.json.write_text(json.dumps(sorted(kept + rows, key=lambda r: str(r["environment"])), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
