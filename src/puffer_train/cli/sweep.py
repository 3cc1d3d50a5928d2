"""`puffer-sweep`: search for settings, and show what score each cost buys."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from puffer_envs.contract import shell
from puffer_envs.contract.command_line import merge_tables, parse_number
from puffer_envs.contract.commands import Parser, add_library, add_seed
from puffer_envs.contract.errors import UsageError
from puffer_envs.contract.offers import open_given
from puffer_train import config
from puffer_train.cli.options import add_settings, given_settings, run_command
from puffer_train.cli.sweep_results import show, show_several
from puffer_train.report.terminal import lasting_console
from puffer_train.run.consent import check_libraries, library_words
from puffer_train.shipped import given_tables
from puffer_train.storage.files import dated_folder
from puffer_train.sweep.job import COSTS
from puffer_train.sweep.plan import Plan, plan
from puffer_train.sweep.protein import REPLICATES, Method
from puffer_train.sweep.ranges import written
from puffer_train.sweep.sweep import Sweep

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from puffer_train.sweep.pool import Pool
    from puffer_train.sweep.ray_pool import RayPool

MOST_TRIALS = 100
"""Unless something else limits a sweep."""

EXAMPLES = """examples:
  puffer-sweep breakout --trials 100                search the usual settings from Breakout's own
  puffer-sweep cartpole --max-seconds 600 --search "train.gamma: logit 0.9 to 0.999" --search "policy.layers: fixed"
  puffer-sweep --resume sweeps/breakout-1           continue, or join it from another machine that has the folder
  puffer-sweep --join URL breakout-1                join one that was begun with --storage URL, from any machine
  puffer-sweep breakout --ray auto                  the same on all cores of the Ray cluster of this machine
  puffer-sweep --show sweeps/breakout-1             print the front, and draw it
  puffer-sweep --show sweeps/protein sweeps/random  draw the fronts of both in one picture
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
    parser.add_argument("--ray", metavar="ADDRESS", help="run on a Ray cluster: local, auto, or its head's HOST:PORT")
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
    parser.add_argument("--replicates", metavar="N", help=f"runs that each point of the front gets [{REPLICATES}]")
    parser.add_argument("--stop-early", action="store_true", help="stop runs that will hardly reach the front")
    parser.add_argument("--no-cache", action="store_true", help="train also what sweeps in this place have trained")
    parser.add_argument("--seeds", metavar="N", help="runs for each choice of settings; their mean score counts [1]")
    add_seed(parser, 1, "the same seed and results give the same choices [1]")
    parser.add_argument("--run-dir", type=Path, metavar="DIR", help="where to write the sweep [sweeps/NAME-TIME]")
    parser.add_argument("--resume", type=Path, metavar="SWEEP", help="continue the sweep in this folder, or join it")
    parser.add_argument(
        "--join", nargs=2, metavar=("URL", "NAME"), help="work on a sweep in a database, with a folder of this machine"
    )
    parser.add_argument(
        "--show",
        type=Path,
        nargs="+",
        metavar="SWEEP",
        help="print and draw the front of the sweep in this folder, or of several beside each other",
    )
    parser.add_argument("--storage", metavar="URL", help="keep trials in a database of Optuna's [a file in the folder]")
    parser.add_env_settings("")
    add_library(parser)
    add_settings(parser, config.Settings(), shown=False)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 failed, 2 wrong usage, 130 Ctrl-C."""
    return run_command("puffer-sweep", lambda: _main(sys.argv[1:] if arguments is None else arguments))


class _Limits(NamedTuple):
    """When to stop."""

    trials: int
    seconds: float
    cost: float
    """Of all trials together."""


def _main(arguments: Sequence[str]) -> int:
    options, env = build_parser().parse(arguments)
    given = [word for word in (options.name, options.resume, options.join, options.show) if word is not None]
    if len(given) != 1:
        raise UsageError("name an environment, or --resume, --join or --show a sweep: just one of them.")
    limits = _limits(options)
    new = {
        "max_cost": _number("--max-cost", options.max_cost) or 0.0,
        "seeds": _whole("--seeds", options.seeds, 1),
        "replicates": _whole("--replicates", options.replicates, REPLICATES),
    }
    workers = _whole("--workers", options.workers, 0)
    seconds = _number("--max-trial-seconds", options.max_trial_seconds) or math.inf
    memory = int((_number("--max-trial-memory", options.max_trial_memory) or 0) * 2**20)
    from puffer_train.environments import registry  # noqa: PLC0415

    open_given(options)
    libraries = registry.load_libraries(options.library)
    console = lasting_console()
    if options.show is not None:
        sweeps = [Sweep(folder, _saved(folder, libraries)) for folder in options.show]
        return show(sweeps[0], console) if len(sweeps) == 1 else show_several(sweeps, console)
    pool = _pool(options.ray, workers, seconds, memory)
    if options.join is not None:
        folder, made = _joined(options, libraries)
    elif options.resume is not None:
        folder, made = options.resume, _saved(options.resume, libraries)
    else:
        folder, made = _new(options, env, libraries=libraries, **new)
    sweep = Sweep(folder, made, cache=not options.no_cache)
    _run(sweep, pool, limits, console)
    return show(sweep, console)


def _limits(options: argparse.Namespace) -> _Limits:
    seconds = _number("--max-seconds", options.max_seconds)
    cost = _number("--max-total-cost", options.max_total_cost)
    endless = options.trials is None and (seconds is not None or cost is not None)
    trials = sys.maxsize if endless else _whole("--trials", options.trials, MOST_TRIALS)
    return _Limits(trials, seconds or math.inf, cost or math.inf)


def _joined(options: argparse.Namespace, libraries: list[str]) -> tuple[Path, Plan]:
    """Return folder and plan of a sweep that other machines run."""
    url, name = options.join
    made = Plan.join(url, name, libraries)
    folder = options.run_dir or Path("sweeps") / made.name
    if _is_used(folder) and Plan.read(folder).name != made.name:
        raise UsageError(f"{folder} has another sweep: choose a new folder for --run-dir.")
    made.write(folder)
    return folder, made


def _new(options: argparse.Namespace, env: Mapping[str, Any], **more: Any) -> tuple[Path, Plan]:
    """Return folder and plan of a new sweep."""
    from puffer_train.environments import registry  # noqa: PLC0415

    fixed = {name: table for name, table in given_settings(options, env).items() if table}
    source = registry.find(options.name)
    file = {} if options.settings is None else given_tables(options.settings, source.settings)
    searched = written(file.pop(config.SWEEP_TABLE, {}), str(options.settings))
    same = ("metric", "minimize", "cost", "method", "seed", "stop_early", "storage")
    chosen = {name: getattr(options, name) for name in same}
    made = plan(options.name, merge_tables(file, fixed), searched | _searched(options.search), **chosen, **more)
    folder = options.run_dir or dated_folder(Path("sweeps"), options.name)
    if _is_used(folder):
        raise UsageError(f"{folder} is not empty: choose a new folder for --run-dir, or --resume the sweep in it.")
    made = replace(made, name=folder.name if made.storage else "")
    made.write(folder)
    return folder, made


def _run(sweep: Sweep, pool: Pool | RayPool, limits: _Limits, console: Console) -> None:
    """Run trials until a limit is reached."""
    from puffer_train.sweep.live import Watch  # noqa: PLC0415

    def tell(line: str) -> None:
        console.print(line, soft_wrap=True, highlight=False)

    made = sweep.plan
    resume = shell.join(["puffer-sweep", "--resume", str(sweep.folder), *library_words(made.libraries)])
    tell(f"Searching {len(made.ranges)} settings of {made.environment}, {pool.size} runs at a time.")
    tell(f"If this is killed, continue with: {resume}")
    if made.name:
        tell(f"Other machines join with: puffer-sweep --join URL {shell.quote(made.name)}")
    with sweep, pool:
        try:
            with Watch(sweep, pool, console, *limits) as watch:
                sweep.run(limits.trials, limits.seconds, pool, watch.tell, limits.cost, watch.look)
        except KeyboardInterrupt:
            tell(f"Stopped and saved. Continue with: {resume}")
            raise


def _saved(folder: Path, libraries: Sequence[str]) -> Plan:
    """Return the plan of the sweep in a folder, which alone does not decide which libraries are loaded."""
    made = Plan.read(folder)
    check_libraries(folder, made.libraries, libraries)
    return made


def _is_used(folder: Path) -> bool:
    return folder.exists() and any(folder.iterdir())


def _pool(ray: str | None, workers: int, max_seconds: float, max_memory: int) -> Pool | RayPool:
    """Return what runs the trials. ray: Address of a cluster. workers: How many at a time; 0 for all cores."""
    if ray is None:
        from puffer_train.sweep.pool import Pool  # noqa: PLC0415

        return Pool(workers or os.cpu_count() or 1, max_seconds, max_memory)
    from puffer_train.sweep.ray_pool import RayPool  # noqa: PLC0415

    return RayPool(ray, workers, max_seconds, max_memory)


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
