"""What early stops would have done to sweeps without any: `python benchmarks/sweep_stops.py SWEEP ...`.

Each run is judged as `--stop-early` would have done, from the runs before it, with all of them there to see what became
of it: how many would have been stopped, what that would have saved, and how often the run passed the front after all.
The last column is what could be saved at most, by stopping at a quarter every run that ended below the front.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from puffer_train.storage.folder import newest_lines
from puffer_train.sweep.curves import SHARES, Follower
from puffer_train.sweep.plan import Plan
from puffer_train.sweep.results import Trial, make_rule
from puffer_train.sweep.sweep import Sweep


def replay(folder: Path) -> str:
    """Return a row of the table."""
    made = Plan.read(folder)
    sweep = Sweep(folder, made)
    before: list[Trial] = []
    stops = wrong = below = 0
    saved = most = 0.0
    for trial in (each for each in sweep.finished() if not each.reason):
        lines = newest_lines(sweep.run_folder(trial))
        follower = Follower(lines[-1]["steps"], trial.metric)
        rule = make_rule(before, made.cost, sweep.sign, made.seed, trial.number)
        reached = [score for cost, score in rule.front if cost <= trial.cost]
        score, stopped = sweep.sign * trial.score, False
        for line in lines:
            done = line["steps"] / follower.steps
            if follower.take(line) and not stopped:
                at = len(follower.heights) - 1
                found = rule.judge(at, sweep.sign * follower.heights[at], follower.steps, done, done * trial.cost)
                if found is not None and found.hopeless:
                    stops, wrong, saved = stops + 1, wrong + (score > max(reached)), saved + (1 - done) * trial.cost
                    stopped = True
        if reached and score < max(reached):
            below, most = below + 1, most + (1 - SHARES[0]) * trial.cost
        before.append(Trial(**{**vars(trial), "curve": tuple(follower.heights), "steps": follower.steps}))
    total = sum(trial.cost for trial in before)
    return f"| {made.environment} | {len(before)} | {stops} | {wrong} | {saved / total:.1%} | {most / total:.0%} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweeps", nargs="+", type=Path, metavar="SWEEP", help="the folder of a sweep")
    print("| environment | runs | would be stopped | of them wrong | cost saved | at most |\n|---|---|---|---|---|---|")
    for folder in parser.parse_args().sweeps:
        print(replay(folder), flush=True)


if __name__ == "__main__":
    main()
