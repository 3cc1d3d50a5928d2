"""`puffer-plot`: turn run folders into one picture."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.contract.commands import Parser
from puffer_train.cli.options import run_command


def build_parser() -> Parser:
    """Return the parser of `puffer-plot`."""
    parser = Parser(
        prog="puffer-plot",
        description="Draw score over steps and over time. Runs that differ only in their seeds are one curve.",
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folder of a run, finished or not")
    parser.add_argument(
        "-o",
        type=Path,
        dest="out",
        metavar="FILE",
        help=".png, .svg or .pdf [named after what it shows, such as breakout-score.png]",
    )
    parser.add_argument("--statistic", metavar="NAME", help="episode statistic to draw, such as perf [score]")
    parser.add_argument("--curves", action="store_true", help="add losses, entropy, KL, speed and the like below")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 2 wrong usage or nothing to draw."""
    return run_command("puffer-plot", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    options, _ = build_parser().parse(arguments)
    from puffer_train.report import plot  # noqa: PLC0415 - nothing is loaded before it is needed

    if options.out is not None:
        plot.check_path(options.out)
    given = {folder.resolve(): folder for folder in reversed(options.runs)}
    runs, unreadable = plot.read_runs([given[folder] for folder in dict.fromkeys(map(Path.resolve, options.runs))])
    for error in unreadable:
        print(f"puffer-plot: skipped: {error}", file=sys.stderr)
    statistic = plot.statistic_of(runs, options.statistic)
    out = options.out or Path(plot.file_name(runs, statistic, options.curves))
    replaced = out.exists()
    plot.save(plot.draw(runs, options.curves, statistic), out)
    if unreadable:
        print(f"puffer-plot: drew {len(runs)} of {len(runs) + len(unreadable)} runs.", file=sys.stderr)
    print(f"{out} (replaced)" if replaced else out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
