"""Drones outside the bodies that they were trained on: `python benchmarks/bodies.py`.

The rules of drone are compiled again for each body: its mass, or the lag of its rotors, is that many times the nominal
one for every drone. All else varies as in training. The shipped policy takes the likeliest actions, in formations and
in races. Results go to results/bodies.json, from which docs/make_environments.py makes a table of the drone's page.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
RULES = tuple(HERE.parent / f"c/envs/drone{part}.h" for part in ("", "_goals", "_lanes"))
RESULTS = HERE / "results/bodies.json"
LINES = {"mass": "d->mass = DRONE_MASS * {};", "lag": "float lag = DRONE_LAG * {};"}
"""What is varied, and its line in the rules."""
DRAWN = "drone_vary(s, 0.3f)"
"""How it is drawn there; a number of times takes its place, and as many random numbers are drawn as before."""
TIMES = {"mass": (0.5, 0.6, 0.7, 0.85, 1.0, 1.15, 1.3, 1.5, 1.75, 2.0), "lag": (0.5, 0.7, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0)}
TRAINED = (0.7, 1.3)
"""Bodies were drawn between these."""
FLIGHTS = {"formations": {"race": 0}, "race": {"task": "race"}}


def write_rules(what: str, times: float, name: str, folder: Path) -> Path:
    """Write the rules for such a body, as an environment of another name; return their file."""
    line, instead = LINES[what].format(DRAWN), LINES[what].format(f"({float(times)}f + 0.0f * {DRAWN})")
    for file in RULES:
        text = file.read_text("utf-8")
        assert text.count(line) == (file is RULES[0]), f"{RULES} have no line {line!r}"
        text = text.replace(line, instead)
        for old, new in (("drone", name), ("Drone", name.title()), ("DRONE", name.upper())):
            text = text.replace(old, new)
        (folder / file.name.replace("drone", name)).write_text(text, "utf-8")
    return folder / f"{name}.h"


def fly(name: str, settings: dict[str, Any], worlds: int, seed: int) -> dict[str, float]:
    """Return the means of what an environment logs, over the first life of every drone."""
    import puffer_envs
    from puffer_envs.contract.trained import trained_policy
    from puffer_train.algorithm.evaluate import evaluate
    from puffer_train.contract import describe
    from puffer_train.storage.policy_file import read_policy

    with puffer_envs.make(name, worlds, **settings) as env:
        policy = read_policy(trained_policy("drone"), describe(env, name))
        found = evaluate(env, policy, seed, deterministic=True, name=name)
    keys = ("perf", "crashes", "out_of_bounds", "collision_rate")
    return {"lives": found.episodes, **{key: float(np.mean(found.figures[key])) for key in keys}}


def main() -> None:
    import torch

    import puffer_envs

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=16, help="of 64 drones, for each body and kind of flight")
    parser.add_argument("--seed", type=int, default=1000)
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PUFFER_CACHE"] = folder
        for what, all_times in TIMES.items():
            for times in all_times:
                name = f"{what}{len(rows)}"
                puffer_envs.load_library(write_rules(what, times, name, Path(folder)))
                for flight, settings in FLIGHTS.items():
                    row = {"body": what, "times": times, "flight": flight}
                    rows.append(row | fly(name, settings, options.worlds, options.seed))
                    print(json.dumps(rows[-1]), flush=True)
    RESULTS.write_text(json.dumps({"seed": options.seed, "trained": TRAINED, "bodies": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
