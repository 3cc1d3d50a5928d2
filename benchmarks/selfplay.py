"""A pool of opponents beside plain self-play: `python benchmarks/selfplay.py NAME ... [--seeds 3]`.

Trains every variant with every seed for the same agent steps, and plays all of them against the same field: the
environment's scripts, and policies of other seeds, half of them trained with a pool. Prints the points per game against
the field (every opponent counts the same) with their spread over seeds, and the processor seconds of a training. Then
the payoffs of one run's policies at eight points of its training against each other, drawn to
`FOLDER/NAME-payoffs.png`, and how many cycles of three there are. Runs that are in `--folder` are not repeated.

`--exploit N` trains an exploiter against every run for N agent steps, and says how many points per game it gets.
`--cost` measures instead what collecting a rollout takes with one opponent and with ten.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from puffer_envs.contract.command_line import parse_number

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {"share": 0.0},
    "needed": {"share": 0.5, "meets": "needed", "sampling": "hard"},
    "needed-uniform": {"share": 0.5, "meets": "needed", "sampling": "uniform"},
    "always": {"share": 0.5, "meets": "always", "sampling": "hard"},
    "always-uniform": {"share": 0.5, "meets": "always", "sampling": "uniform"},
    "even": {"share": 0.5, "sampling": "even"},
    "quarter": {"share": 0.25},
    "whole": {"share": 1.0},
    "often": {"share": 0.5, "every": 3},
    "seldom": {"share": 0.5, "every": 30},
    "oldest": {"share": 0.5, "leaves": "oldest"},
    "weakest": {"share": 0.5, "leaves": "weakest"},
}
"""Settings of [selfplay]."""

STEPS = {"connect4": 8e6, "hex": 6e6, "tanks": 8e6, "cards": 8e6, "othello": 8e6, "snake": 8e6, "blobs": 8e6}
"""Agent steps of one run, short enough for two cores."""

SCRIPTS = {
    "connect4": ["random", "script:1", "script:2", "script:4", "script:6"],
    "hex": ["random", "script:1", "script:2", "script:3", "script:4"],
    "othello": ["random", "script:1", "script:3", "script:5"],
    "cards": ["random", "script:0", "script:1", "script:2"],
    "tanks": ["random", "script"],
    "snake": ["random"],
    "blobs": ["random"],
}
"""The part of the field that does not learn."""

FIELD_SEEDS = (101, 102)
"""Seeds of the policies in the field: one run of every variant of `FIELD` each."""
FIELD = ("plain", "always")

POINTS = 8
"""Policies of a run that are kept along its way."""


def two_sides_of(name: str) -> dict[str, Any]:
    """Settings with which both sides are agents."""
    return {"tanks": {"scripted": False}, "snake": {}, "blobs": {}}.get(name, {"self_play": True})


def train_one(name: str, variant: str, seed: int, steps: int, folder: Path, entropy: float | None = None) -> None:
    """Train one run, in a process of its own, and write what it cost."""
    from puffer_train import train

    learning = {"eval_episodes": 0, **({} if entropy is None else {"entropy_coefficient": entropy})}
    settings = {"env": two_sides_of(name), "selfplay": VARIANTS[variant], "train": learning}
    along = folder / "along"
    along.mkdir(parents=True, exist_ok=True)

    def keep(trainer: Any, report: dict[str, float]) -> None:
        from puffer_train.storage.policy_file import identify, write_policy

        of, batch = trainer.settings.train.steps, trainer.ppo.batch
        if trainer.steps * POINTS // of > (trainer.steps - batch) * POINTS // of:
            about = identify(trainer.ppo.env, trainer.name, trainer.settings.env)
            write_policy(along / f"{trainer.steps:012d}.safetensors", trainer.ppo.player, about)

    options: dict[str, Any] = {"threads": 1, "video": False, "quiet": True, "newest_seconds": 0}
    train(name, steps=steps, seed=seed, settings=settings, folder=folder / "run", on_iteration=keep, **options)
    used = resource.getrusage(resource.RUSAGE_SELF)
    (folder / "cost.json").write_text(json.dumps({"seconds": used.ru_utime + used.ru_stime, "steps": steps}))


def run_folder(root: Path, name: str, variant: str, seed: int) -> Path:
    return root / name / f"{variant}-{seed}"


def make_runs(
    root: Path, name: str, variants: list[str], seeds: list[int], steps: int, entropy: float | None = None
) -> None:
    """Train what is missing."""
    wanted = [(variant, seed) for seed in FIELD_SEEDS for variant in FIELD]
    wanted += [(variant, seed) for seed in seeds for variant in variants]
    for variant, seed in wanted:
        folder = run_folder(root, name, variant, seed)
        if (folder / "cost.json").exists():
            continue
        words = [sys.executable, __file__, name, "--one", variant, str(seed), "--steps", str(steps), "--folder", root]
        words += [] if entropy is None else ["--entropy", entropy]
        subprocess.run([str(word) for word in words], check=True)
        print(f"{name} {variant} seed {seed}: trained", flush=True)


def exploit(root: Path, name: str, variant: str, seed: int, steps: int) -> float:
    """Train an exploiter against a run's policy; return the points per game that it gets in its last iterations."""
    from puffer_train import train

    seen: list[float] = []
    selfplay = {"role": "exploiter", "opponents": str(policy_of(run_folder(root, name, variant, seed)))}
    settings = {"env": two_sides_of(name), "selfplay": selfplay, "train": {"eval_episodes": 0}}
    options: dict[str, Any] = {"threads": 1, "video": False, "quiet": True, "newest_seconds": 0}
    with TemporaryDirectory() as folder:
        train(
            name,
            steps=steps,
            seed=seed,
            settings=settings,
            folder=Path(folder) / "run",
            on_iteration=lambda trainer, report: seen.append(report.get("selfplay/points", 0.5)),
            **options,
        )
    return float(np.mean(seen[-5:]))


def policy_of(folder: Path) -> Path:
    return folder / "run" / "policy.safetensors"


def play(name: str, ours: list[Path], field: list[str], games: int) -> np.ndarray:
    """Return the points per game of each of our policies against each of the field: (ours, field)."""
    from puffer_envs.arena.match import MatchOptions, play_batch
    from puffer_envs.arena.players import find_player
    from puffer_envs.arena.sides import against_script, two_sides

    players = [find_player(str(word), name) for word in [*ours, *field]]
    points = np.zeros((len(ours), len(field)))
    options = MatchOptions(games=games)
    scripts = [len(ours) + i for i, word in enumerate(field) if word.startswith("script")]
    others = [len(ours) + i for i in range(len(field)) if len(ours) + i not in scripts]
    tables = [(two_sides(name, {}), others)] if others else []
    tables += [(against_script(name, {}, players[scripts[0]].strength), scripts)] if scripts else []
    for sides, opponents in tables:
        pairs = [(a, b) for a in range(len(ours)) for b in opponents]
        seats = np.repeat(np.array(pairs), games // 2, axis=0)
        for swapped in (0, 1):
            turned = bool(swapped) and not sides.scripted
            outcomes = play_batch(sides, players, seats[:, ::-1] if turned else seats, options, swapped).outcomes
            won = (0.5 - 0.5 * outcomes if turned else 0.5 + 0.5 * outcomes).reshape(len(pairs), -1).mean(axis=1)
            for (a, b), of_pair in zip(pairs, won, strict=True):
                points[a, b - len(ours)] += of_pair / 2
    return points


def compare(root: Path, name: str, variants: list[str], seeds: list[int], games: int) -> dict[str, Any]:
    """Play all runs against the field, print a table, and return it."""
    field = [*SCRIPTS[name], *(str(policy_of(run_folder(root, name, v, s))) for s in FIELD_SEEDS for v in FIELD)]
    labels = [*SCRIPTS[name], *(f"{v}-{s}" for s in FIELD_SEEDS for v in FIELD)]
    found: dict[str, Any] = {"field": labels, "variants": {}}
    print(f"\n{name}: points per game against {', '.join(labels)}")
    for variant in variants:
        folders = [run_folder(root, name, variant, seed) for seed in seeds]
        points = play(name, [policy_of(folder) for folder in folders], field, games)
        costs = [json.loads((folder / "cost.json").read_text())["seconds"] for folder in folders]
        means = points.mean(axis=1)
        found["variants"][variant] = {"points": points.round(4).tolist(), "seconds": np.round(costs, 1).tolist()}
        each = " ".join(f"{x:.3f}" for x in points.mean(axis=0))
        spread = means.std(ddof=1) if len(means) > 1 else 0.0
        print(f"  {variant:8} {means.mean():.3f} +- {spread:.3f}  ({', '.join(f'{x:.3f}' for x in means)})  "
              f"{np.mean(costs):5.0f} s   {each}", flush=True)  # fmt: skip
    return found


def payoffs(root: Path, name: str, variant: str, seed: int, games: int) -> np.ndarray:
    """Return the points of each policy along a run against each other: (POINTS, POINTS)."""
    paths = sorted((run_folder(root, name, variant, seed) / "along").glob("*.safetensors"))
    return play(name, paths, [str(path) for path in paths], games)


def cycles(matrix: np.ndarray, games: int) -> int:
    """Count triples along a run of which each beats the next, by more than two standard errors of so many games."""
    beats = matrix > 0.5 + 1 / games**0.5
    return int(np.trace(np.linalg.matrix_power(beats.astype(np.int64), 3)) // 3)


def save(results: dict[str, Any], path: Path | None) -> None:
    from puffer_train.system.machine import machine

    if path is not None:
        results["machine"] = machine()
        path.write_text(json.dumps(results, indent=1) + "\n")


def draw(matrices: dict[str, np.ndarray], path: Path) -> None:
    """Draw payoffs as pictures side by side."""
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, len(matrices), figsize=(3.6 * len(matrices), 3.8), squeeze=False)
    for axis, (label, matrix) in zip(axes[0], matrices.items(), strict=True):
        axis.imshow(matrix, vmin=0, vmax=1, cmap="RdYlGn")
        for (i, j), value in np.ndenumerate(matrix):
            axis.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=7)
        axis.set(title=label, xlabel="opponent, early to late", ylabel="policy, early to late", xticks=[], yticks=[])
    plt.tight_layout()
    plt.savefig(path, dpi=120)


def measure_cost(name: str, rounds: int = 6) -> dict[str, float]:
    """Return the processor milliseconds of a rollout without opponents, and with 1, 10 and 16 in half of the games."""
    from puffer_train import config
    from puffer_train.algorithm.ppo import PPO
    from puffer_train.environments import registry

    source, made = registry.find(name), {}
    for count in (0, 1, 10, 16):
        changes = {"share": 0.5 if count else 0.0, "kept": 16, "sampling": "uniform", "meets": "always"}
        settings = config.overlay(config.load(name), {"env": two_sides_of(name), "selfplay": changes}, "benchmark")
        made[count] = PPO(source.make(settings.train.num_envs, 1, 1, settings.env), settings, 1, name, threads=1)
        for steps in range(1, count):
            made[count].opponents._enter(steps)
        made[count].restart(1)
    least = dict.fromkeys(made, float("inf"))
    for _ in range(rounds):  # in turns, so that whatever else the machine does falls on all of them
        for count, ppo in made.items():
            begin = time.process_time()
            ppo.collect()
            least[count] = min(least[count], 1000 * (time.process_time() - begin))
    text = ", ".join(f"{count} opponents {ms:.1f} ms" for count, ms in least.items())
    print(f"{name}: a rollout with {text}; ten cost {least[10] / least[1]:.2f} times as much as one", flush=True)
    return {str(count): round(ms, 2) for count, ms in least.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="+", metavar="NAME", help=f"of: {', '.join(STEPS)}")
    default = ["plain", "needed", "always"]
    parser.add_argument("--variants", nargs="+", default=default, help=f"of: {', '.join(VARIANTS)}")
    parser.add_argument("--exploit", type=parse_number, metavar="N", help="train exploiters of existing runs")
    parser.add_argument("--cost", action="store_true", help="measure what opponents cost, and train nothing")
    parser.add_argument("--seeds", type=int, default=3, help="runs of each variant (default: %(default)s)")
    parser.add_argument("--entropy", type=float, help="entropy coefficient in place of the shipped one")
    parser.add_argument("--steps", type=parse_number, help="agent steps of each run")
    parser.add_argument("--games", type=int, default=200, help="of each two players (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=Path("runs/selfplay"), help="where runs go")
    parser.add_argument("--json", type=Path, help="write or update a file of results")
    parser.add_argument("--payoffs", nargs="*", default=["plain", "needed"], help="variants whose payoffs are drawn")
    parser.add_argument("--payoff-seeds", type=int, default=3, help="for so many seeds (default: %(default)s)")
    parser.add_argument("--one", nargs=2, metavar=("VARIANT", "SEED"), help="train this run only")
    args = parser.parse_args()
    if args.one:
        variant, seed = args.one[0], int(args.one[1])
        folder = run_folder(args.folder, args.names[0], variant, seed)
        train_one(args.names[0], variant, seed, args.steps, folder, args.entropy)
        return 0
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    seeds = list(range(1, args.seeds + 1))
    for name in args.names:
        if args.cost:
            results.setdefault("cost", {})[name] = measure_cost(name)
            continue
        if args.exploit:
            found = {v: [exploit(args.folder, name, v, seed, args.exploit) for seed in seeds] for v in args.variants}
            results.setdefault("exploiters", {})[name] = {"steps": args.exploit, **found}
            text = "; ".join(f"{v} {np.mean(x):.3f} ({', '.join(f'{y:.3f}' for y in x)})" for v, x in found.items())
            print(f"{name}: exploiters get {text}", flush=True)
            continue
        steps = int(args.steps or STEPS[name])
        make_runs(args.folder, name, args.variants, seeds, steps, args.entropy)
        found = compare(args.folder, name, args.variants, seeds, args.games)
        result = results[name if args.entropy is None else f"{name}, entropy {args.entropy:g}"] = found
        result |= {"steps": steps, "payoffs": {}}
        drawn = {}
        for variant in args.payoffs:
            along = [payoffs(args.folder, name, variant, seed, args.games) for seed in range(1, args.payoff_seeds + 1)]
            result["payoffs"][variant] = [matrix.round(3).tolist() for matrix in along]
            counts = ", ".join(str(cycles(matrix, args.games)) for matrix in along)
            least = np.mean([matrix[-1, :-1].min() for matrix in along])
            print(f"  {variant}: {counts} cycles of three along the runs; the end got {least:.2f} or more against each")
            drawn |= {f"{name}, {variant}": matrix for matrix in along[:1]}
        if drawn:
            draw(drawn, args.folder / f"{name}-payoffs.png")
        save(results, args.json)
    save(results, args.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
