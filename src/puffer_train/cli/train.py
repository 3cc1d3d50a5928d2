"""`puffer-train`: train a policy on an environment, evaluate it, and leave everything in a run folder."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from puffer_envs.contract.errors import UsageError
from puffer_train import config
from puffer_train.cli.options import (
    Parser,
    add_settings,
    given_settings,
    print_environments,
    run_command,
    whole_number,
)
from puffer_train.report.loggers import LOGGERS, check_loggers


def build_parser() -> Parser:
    """Return the parser of `puffer-train`."""
    parser = Parser(prog="puffer-train", description="Train a policy; Ctrl-C saves and leaves.")
    parser.add_argument("name", nargs="?", help="environment, or module:factory")
    parser.add_argument("--list", action="store_true", help="list the environments and leave")
    parser.add_argument("--seed", type=whole_number(0), help="same seed, same numbers [1]")
    parser.add_argument("--steps", metavar="N", dest="train.steps", help="same as --train.steps")
    parser.add_argument(
        "--threads",
        type=whole_number(1),
        metavar="N",
        help="threads to use [all cores]; the kernels' results do not depend on it",
    )
    parser.add_argument("--run-dir", type=Path, metavar="DIR", help="where to leave the run [runs/NAME-TIME]")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="resume the run in this folder")
    parser.add_argument("--settings", type=Path, metavar="FILE", help="TOML with tables [env] [train] [policy]")
    parser.add_argument(
        "--log",
        action="append",
        choices=LOGGERS,
        default=[],
        help="send the numbers there too; can be given twice; metrics.jsonl always has them",
    )
    parser.add_argument(
        "--learner",
        choices=config.LEARNERS,
        default="auto",
        help="who computes; auto: kernels, which know most networks, else torch",
    )
    parser.add_argument("--no-video", action="store_true", help="make no video at the end")
    add_settings(parser)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 training failed, 2 wrong usage, 130 Ctrl-C."""
    return run_command("puffer-train", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    options, env = build_parser().parse(arguments)
    if options.list:
        print_environments()
        return 0
    check_loggers(options.log)
    given = given_settings(options, env)
    chosen = {
        "threads": options.threads,
        "video": not options.no_video,
        "learner": options.learner,
        "log": options.log,
        "command": shlex.join(["puffer-train", *arguments]),
    }
    if options.resume is not None:
        if options.run_dir is not None or options.settings is not None or options.seed is not None:
            raise UsageError("--resume uses the run's own folder and seed: leave out --run-dir, --settings and --seed.")
        from puffer_train.run import launch, state  # noqa: PLC0415 - torch is loaded only when it is needed

        return launch.resume(options.resume, options.name, given, state.RunOptions(**chosen))
    if options.name is None:
        raise UsageError("which environment? Give its name (--list shows them) or --resume RUN.")
    from puffer_train.environments import registry  # noqa: PLC0415

    source = registry.find(options.name)
    settings = config.overlay(config.load(source.settings, options.settings), given, "command line")
    from puffer_train.run import launch, state  # noqa: PLC0415

    seed = 1 if options.seed is None else options.seed
    return launch.start(source, settings, seed, options.run_dir, state.RunOptions(**chosen))


if __name__ == "__main__":
    sys.exit(main())
