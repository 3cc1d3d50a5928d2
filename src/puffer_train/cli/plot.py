"""`puffer-plot`: turn run folders into one picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.contract.commands import Parser, complain
from puffer_train.cli.options import run_command


def build_parser() -> Parser:
    """Return the parser of `puffer-plot`."""
    parser = Parser(
        prog="puffer-plot",
        description="Draw statistics of runs. Runs that are the same but for their seeds are one curve, with a band.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, finished or not")
    parser.add_argument(
        "-o",
        type=Path,
        dest="out",
        metavar="FILE",
        help=".png, .svg or .pdf [named after what it shows, such as breakout-score.png]",
    )
    parser.add_argument(
        "--statistic",
        "--stat",
        metavar="NAMES",
        help="what to draw, such as perf or 'perf,race.*,entropy': each has a panel [score]",
    )
    parser.add_argument("--curves", action="store_true", help="add losses, entropy, KL, speed and the like below")
    parser.add_argument("--over", choices=("steps", "seconds", "updates"), help="the axis [steps, and seconds beside]")
    parser.add_argument("--log", choices=("x", "y", "xy"), default="", help="logarithmic axes")
    parser.add_argument(
        "--ignore",
        metavar="NAMES",
        default="",
        help="average runs that differ in these, such as 'gamma,*code'; the trainer's version is in 'package code'",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 wrong usage or nothing to draw."""
    return run_command("puffer-plot", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    options, _ = build_parser().parse(arguments)
    from puffer_train.report import curves, plot  # noqa: PLC0415 - nothing is loaded before it is needed

    if options.out is not None:
        plot.check_path(options.out)
    given = {folder.resolve(): folder for folder in reversed(options.runs)}
    folders = [given[folder] for folder in dict.fromkeys(map(Path.resolve, options.runs))]
    ignored = [name for name in options.ignore.split(",") if name]
    runs, left_out = curves.read_runs(folders, ignored)
    view = plot.View(curves.columns_of(runs, options.statistic), options.over, options.log, options.curves)
    out = options.out or Path(plot.file_name(runs, view))
    replaced = out.exists()
    plot.save(plot.draw(runs, view, len(left_out)), out)
    for sentence in [*(f"skipped: {reason}" for reason in left_out), *curves.unexpected(curves.group_runs(runs))]:
        complain(f"puffer-plot: {sentence}")
    if left_out:
        complain(f"puffer-plot: drew {len(runs)} of {len(folders)} runs.")
    print(f"{out} (replaced)" if replaced else out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
