"""`puffer-sweep`: search for settings, and show what score each cost buys."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.table import Table

from puffer_envs.contract.command_line import merge_tables, parse_number
from puffer_envs.contract.commands import Parser, add_library, add_seed
from puffer_envs.contract.errors import UsageError
from puffer_train import config
from puffer_train.cli.options import add_settings, given_settings, run_command
from puffer_train.report.formatting import clock, short
from puffer_train.report.terminal import lasting_console
from puffer_train.shipped import given_tables
from puffer_train.storage.files import dated_folder
from puffer_train.sweep.protein import Method
from puffer_train.sweep.ranges import written
from puffer_train.sweep.sweep import Plan, Sweep, Trial, plan
from puffer_train.sweep.trial import COSTS

MOST_TRIALS = 100
"""Unless something else limits a sweep."""

MOST_POINTS = 5
"""Of the front that are printed."""

EXAMPLES = """examples:
  puffer-sweep breakout --trials 100                search the usual settings from Breakout's own
  puffer-sweep cartpole --max-seconds 600 --search "train.gamma: logit 0.9 to 0.999" --search "policy.layers: fixed"
  puffer-sweep --resume sweeps/breakout-1           continue, or join it from another machine that has the folder
  puffer-sweep --show sweeps/breakout-1             print the front, and draw it
"""


def build_parser() -> Parser:
    """Return the parser of `puffer-sweep`."""
    parser = Parser(
        prog="puffer-sweep",
        description="Search for settings that give the best score for every cost. Ctrl-C saves and exits.",
        epilog=EXAMPLES,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="an environment, as for puffer-train")
    parser.add_argument("--trials", metavar="N", help="how many runs in all [100, or until another limit]")
    parser.add_argument("--max-seconds", metavar="X", help="seconds after which no run is begun [no limit]")
    parser.add_argument("--max-total-cost", metavar="X", help="no run is begun once all have cost so much [no limit]")
    parser.add_argument("--workers", metavar="N", help="runs side by side, one thread each [all cores]")
    parser.add_argument(
        "--search",
        action="append",
        default=[],
        metavar="KEY:RANGE",
        help='what to search, and where: "train.gamma: logit 0.9 to 0.999", "policy.cell: choice mingru, lstm", '
        '"train.clip: fixed"; can be repeated',
    )
    parser.add_argument(
        "--settings", metavar="FILE", help="TOML with settings for all runs, and ranges in a table [sweep]"
    )
    parser.add_argument("--metric", metavar="NAME", default="", help="the score: a statistic of evaluations [perf]")
    parser.add_argument("--minimize", action="store_true", help="a lower score is better")
    parser.add_argument("--cost", choices=COSTS, default="cpu", help="what a run costs [cpu: processor seconds]")
    parser.add_argument("--max-cost", metavar="X", help="what no run may be expected to cost more than [no limit]")
    parser.add_argument("--max-trial-seconds", metavar="X", default="3600", help="a run that takes longer fails [3600]")
    parser.add_argument("--max-trial-memory", metavar="MiB", help="a run that holds more fails [no limit]")
    parser.add_argument("--method", choices=get_args(Method), default="protein", help="how to choose [protein]")
    parser.add_argument("--seeds", metavar="N", help="runs for each choice of settings; their mean score counts [1]")
    add_seed(parser, 1, "the same seed and results give the same choices [1]")
    parser.add_argument("--run-dir", type=Path, metavar="DIR", help="where to write the sweep [sweeps/NAME-TIME]")
    parser.add_argument("--resume", type=Path, metavar="SWEEP", help="continue the sweep in this folder, or join it")
    parser.add_argument("--show", type=Path, metavar="SWEEP", help="print the front of the sweep in this folder")
    parser.add_argument("--storage", metavar="URL", help="keep trials in a database of Optuna's [a file in the folder]")
    parser.add_env_settings("")
    add_library(parser)
    add_settings(parser, config.Settings(), shown=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C."""
    return run_command("puffer-sweep", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    parser = build_parser()
    options, env = parser.parse(arguments)
    given = [word for word in (options.name, options.resume, options.show) if word is not None]
    if len(given) != 1:
        raise UsageError("name an environment, or --resume SWEEP, or --show SWEEP: just one of them.")
    workers = _whole("--workers", options.workers, os.cpu_count() or 1)
    seconds, max_cost = _number("--max-seconds", options.max_seconds), _number("--max-cost", options.max_cost)
    budget = _number("--max-total-cost", options.max_total_cost)
    endless = options.trials is None and (seconds is not None or budget is not None)
    trials = sys.maxsize if endless else _whole("--trials", options.trials, MOST_TRIALS)
    limit, memory = (
        _number("--max-trial-seconds", options.max_trial_seconds),
        _number("--max-trial-memory", options.max_trial_memory),
    )
    from puffer_train.environments import registry  # noqa: PLC0415
    from puffer_train.sweep.pool import Pool  # noqa: PLC0415

    registry.load_libraries(options.library)
    console = lasting_console()
    if options.name is None:
        folder: Path = options.resume or options.show
        made = Plan.read(folder)
    else:
        fixed = {name: table for name, table in given_settings(options, env).items() if table}
        source = registry.find(options.name)
        file = {} if options.settings is None else given_tables(options.settings, source.settings)
        searched = written(file.pop(config.SWEEP_TABLE, {}), str(options.settings))
        fixed = merge_tables(file, fixed)
        made = plan(
            options.name,
            fixed,
            searched | _searched(options.search),
            metric=options.metric,
            minimize=options.minimize,
            cost=options.cost,
            max_cost=max_cost or 0.0,
            method=options.method,
            seed=options.seed,
            seeds=_whole("--seeds", options.seeds, 1),
            storage=options.storage,
            libraries=[str(path.resolve()) for path in options.library],
        )
        folder = options.run_dir or dated_folder(Path("sweeps"), options.name)
        if folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty: choose a new folder for --run-dir, or --resume the sweep in it.")
        made.write(folder)
    sweep = Sweep(folder, made)
    if options.show is None:
        resume = shlex.join(["puffer-sweep", "--resume", str(folder)])
        console.print(
            f"Searching {len(made.ranges)} settings of {made.environment}, {workers} runs at a time.", highlight=False
        )
        console.print(f"If this is killed, continue with: {resume}", soft_wrap=True, highlight=False)
        best: list[Trial] = []

        def tell(trial: Trial, done: int) -> None:
            nonlocal best
            front = sweep.front([*best, trial])
            best = front if front else best
            console.print(
                _line(trial, done, trials, made, trial in front), soft_wrap=True, markup=False, highlight=False
            )

        with sweep, Pool(workers, limit or float("inf"), int((memory or 0) * 2**20)) as pool:
            try:
                sweep.run(trials, seconds or float("inf"), pool, tell, budget or float("inf"))
            except KeyboardInterrupt:
                console.print(f"Stopped and saved. Continue with: {resume}", soft_wrap=True, highlight=False)
                raise
    return _show(sweep, console)


def _show(sweep: Sweep, console: Console) -> int:
    """Print the front and draw it; return the exit status."""
    trials = sweep.finished()
    front = sweep.front(trials) if any(not trial.reason for trial in trials) else []
    failed = sum(bool(trial.reason) for trial in trials)
    if not front:
        reasons = "; ".join(sorted({trial.reason for trial in trials if trial.reason})[:3])
        console.print(
            f"None of {len(trials)} runs came to its end{': ' + reasons if reasons else ''}.",
            soft_wrap=True,
            markup=False,
        )
        return 1
    console.print(_front_table(front, sweep.plan))
    console.print(
        f"{len(trials)} runs, {failed} failed, {clock(sweep.spent())} of {sweep.plan.cost} in all"
        if sweep.plan.cost in ("cpu", "wall")
        else f"{len(trials)} runs, {failed} failed",
        highlight=False,
    )
    try:
        from puffer_train.sweep.picture import draw  # noqa: PLC0415 - matplotlib
    except ImportError:
        console.print(
            'No picture: matplotlib is missing: pip install "puffer-envs[plot]"', markup=False, highlight=False
        )
        return 0
    console.print(f"  picture  {draw(trials, front, sweep.plan, sweep.folder / 'front.png')}", highlight=False)
    best = front[-1]
    console.print(f"  best     {sweep.run_folder(best)}", highlight=False)
    return 0


def _front_table(front: Sequence[Trial], made: Plan) -> Table:
    """Return the front as a table: a column for each point, at most `MOST_POINTS`, and a row for each setting."""
    chosen = [
        front[round(i * (len(front) - 1) / max(1, min(len(front), MOST_POINTS) - 1))]
        for i in range(min(len(front), MOST_POINTS))
    ]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for _ in chosen:
        table.add_column(justify="right", no_wrap=True)
    table.add_row(made.cost, *(f"{trial.cost:.3g}" for trial in chosen), style="bold")
    table.add_row(chosen[0].metric, *(f"{trial.score:.4g}" for trial in chosen), style="bold")
    table.add_row("run", *(str(trial.number) for trial in chosen))
    for name in made.ranges:
        table.add_row(name, *(_short(trial.values.get(name)) for trial in chosen))
    return table


def _line(trial: Trial, done: int, trials: int, made: Plan, on_front: bool) -> str:
    of = f"/{trials}" if trials < sys.maxsize else ""
    head = f"{done:>4}{of}  run {trial.number:<4} {trial.source:<9}"
    if trial.reason:
        return f"{head} failed: {trial.reason}"
    expected = f" (expected {trial.expected_cost:.3g})" if trial.expected_cost is not None else ""
    return f"{head} score {trial.score:<8.4g} {made.cost} {trial.cost:.3g}{expected}{'  *' if on_front else ''}"


def _short(value: Any) -> str:
    if type(value) not in (int, float):
        return str(value)
    return short(value) if value >= 10_000 else f"{value:.3g}" if isinstance(value, float) else str(value)


def _searched(words: Sequence[str]) -> dict[str, str]:
    """Return the ranges of --search as text by setting."""
    found = {}
    for word in words:
        name, colon, text = word.partition(":")
        if not colon:
            raise UsageError(f'--search {word!r} has no colon; write it as "train.gamma: logit 0.9 to 0.999".')
        found[name.strip().replace("-", "_")] = text.strip()
    return found


def _number(name: str, text: str | None) -> float | None:
    if text is None:
        return None
    number = parse_number(text)
    if number is None or not number > 0:
        raise UsageError(f"{name} is {text!r}; it must be a number above 0.")
    return float(number)


def _whole(name: str, text: str | None, default: int) -> int:
    if text is None:
        return default
    number = parse_number(text)
    if type(number) is not int or number < 1:
        raise UsageError(f"{name} is {text!r}; it must be a whole number from 1.")
    return number


if __name__ == "__main__":
    sys.exit(main())
