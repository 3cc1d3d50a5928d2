"""`puffer-train`: train a policy on an environment, evaluate it, and write everything to a run folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from puffer_envs.contract import shell
from puffer_envs.contract.commands import Parser, add_library, add_seed, add_threads
from puffer_envs.contract.errors import UsageError, UserError
from puffer_envs.contract.offers import open_given
from puffer_train import config
from puffer_train.cli.options import add_settings, given_settings, print_environments, run_command
from puffer_train.report.loggers import LOGGERS, check_loggers
from puffer_train.system.signals import Stopped, exit_status

EXAMPLES = """examples:
  puffer-train breakout                               train, evaluate, film
  puffer-train breakout --steps 5M --seed 2 --env.frameskip 3
  puffer-train gymnasium:LunarLander-v3
  puffer-train --resume runs/breakout-1 --steps 40M   train longer
  puffer-train --like runs/breakout-1 --train.gamma 0.99
  puffer-train --from runs/breakout-1@12M --train.learning-rate 0.01
  puffer-train breakout --help-settings               every setting, with Breakout's own defaults
"""


def build_parser(defaults: config.Settings | None = None, all_settings: bool = False, env_settings: str = "") -> Parser:
    """Return the parser of `puffer-train`.

    Args:
        defaults: Shown in the help; None if the environment has no shipped settings.
        all_settings: Whether the help lists all [train], [policy] and [selfplay] settings.
        env_settings: The environment's settings as `NAME=VALUE` words, for the help.
    """
    defaults = defaults or config.Settings()
    parser = Parser(prog="puffer-train", description="Train a policy. Ctrl-C saves and exits.", epilog=EXAMPLES)
    parser.add_argument(
        "name",
        nargs="?",
        metavar="NAME",
        help="an environment, gymnasium:ID, pettingzoo:MODULE, module:factory or ./FILE.h",
    )
    parser.add_argument("--list", action="store_true", help="list the environments and exit")
    parser.add_argument("--help-settings", action="store_true", help="list all settings and exit")
    parser.add_argument(
        "--steps", metavar="N", dest="train.steps", help=f"agent steps to train for [{defaults.train.steps:_}]"
    )
    parser.add_argument(
        "--max-seconds",
        metavar="X",
        dest="train.max_seconds",
        help="seconds to train for; the learning rates fall to their end within them [no limit]",
    )
    parser.add_argument(
        "--stop-when",
        metavar="TEXT",
        dest="train.stop_when",
        help="end training when this holds, such as 'env.perf > 0.99 over 20' iterations [never]",
    )
    add_seed(parser, None, "the same seed gives the same numbers [1]")
    parser.add_env_settings(env_settings)
    parser.add_argument("--run-dir", type=Path, metavar="DIR", help="where to write the run [runs/NAME-TIME]")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="resume the run in this folder")
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="RUN@STEPS",
        help="a new run that continues another one as it was then; settings may be changed",
    )
    parser.add_argument("--like", type=Path, metavar="RUN", help="use environment, settings and seed of that run")
    parser.add_argument(
        "--settings",
        metavar="FILE",
        help="TOML with tables [env] [wrap] [train] [policy] [selfplay]; or fast or best, where these ship",
    )
    parser.add_argument(
        "--curriculum",
        action="append",
        default=[],
        metavar="KEY:RULE",
        help='change a setting while training: "difficulty: 0 to 0.5 over 20M", or "... by 0.05 when env.perf > 0.9"',
    )
    add_threads(parser, None, "threads to use [all cores]; the kernels' results do not depend on it")
    parser.add_argument(
        "--learner",
        choices=config.LEARNERS,
        default="auto",
        help="backend; auto uses the C kernels if they support the network, else PyTorch",
    )
    parser.add_argument(
        "--log",
        action="append",
        choices=LOGGERS,
        default=[],
        help="also send the metrics there; can be repeated",
    )
    add_library(parser)
    parser.add_argument("--no-video", action="store_true", help="make no video at the end")
    parser.add_argument(
        "--newest-seconds",
        type=float,
        default=5.0,
        metavar="X",
        help="how often to write the policy while it trains, for puffer-play --follow; 0 is never [5]",
    )
    add_settings(parser, defaults, all_settings)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 training failed, 2 wrong usage, 130 Ctrl-C."""
    return run_command("puffer-train", lambda: _main(sys.argv[1:] if arguments is None else arguments))


def _main(arguments: Sequence[str]) -> int:
    asks_for_help = {"-h", "--help", "--help-settings"} & set(arguments)
    named = next((word for word in arguments if not word.startswith("-")), None) if asks_for_help else None
    parser = build_parser(_shipped_settings(named), "--help-settings" in arguments, _env_settings(named))
    options, env = parser.parse(arguments)
    if options.help_settings:
        parser.print_help()
        return 0
    if options.list:
        print_environments()
        return 0
    if options.resume is not None:
        own = {"--run-dir": options.run_dir, "--like": options.like, "--from": options.start_from}
        own |= {"--settings": options.settings}
        foreign = [name for name, value in (own | {"--seed": options.seed}).items() if value is not None]
        if foreign:
            raise UsageError(f"--resume uses the run's own folder and seed: leave out {', '.join(foreign)}.")
    elif options.start_from is not None:
        own = {"--like": options.like, "--seed": options.seed, "--settings": options.settings}
        foreign = [name for name, value in own.items() if value is not None]
        if foreign:
            raise UsageError(f"--from uses the settings and the seed of the run: leave out {', '.join(foreign)}.")
    elif options.name is None and options.like is None:
        raise UsageError("no environment is given: write its name (--list shows them), --like RUN or --resume RUN.")
    if options.like is not None and options.settings is not None:
        raise UsageError("--like takes the settings of a run: leave out --settings.")
    check_loggers(options.log)
    from puffer_train.environments import registry  # noqa: PLC0415 - loaded only when there is something to do

    open_given(options)
    registry.load_libraries(options.library)
    changes: Any = given_settings(options, env) | {"curriculum": _curriculum(options.curriculum)}
    if options.settings is not None:
        file = config.load(registry.find(options.name).settings, options.settings)
        changes = config.overlay(file, changes, "command line")
    from puffer_train.run.trainer import Trainer  # noqa: PLC0415 - torch is loaded only when it is needed
    from puffer_train.run.training import train_to_the_end  # noqa: PLC0415

    trainer = Trainer(
        options.name,
        seed=options.seed,
        settings=changes,
        folder=options.run_dir,
        resume=options.resume,
        like=options.like,
        start_from=options.start_from,
        threads=options.threads,
        learner=options.learner,
        log=options.log,
        video=not options.no_video,
        libraries=options.library,
        newest_seconds=options.newest_seconds,
        command=shell.join(["puffer-train", *arguments]),
    )
    try:
        with trainer:
            train_to_the_end(trainer)
    except Stopped as interrupt:
        return exit_status(interrupt)
    return 0


def _curriculum(rules: Sequence[str]) -> dict[str, str]:
    """Return the rules of `--curriculum` by setting. Raises `UsageError` for one that names no setting."""
    found = {}
    for text in rules:
        key, colon, rule = text.partition(":")
        if not colon or not key.strip():
            raise UsageError(f"--curriculum {text!r} names no setting: write 'KEY: FROM to TO over STEPS'.")
        found[key.strip()] = rule.strip()
    return found


def _shipped_settings(name: str | None) -> config.Settings | None:
    """Return the settings shipped for an environment; None where it has none."""
    with suppress(UserError):
        return config.load(name)
    return None


def _env_settings(name: str | None) -> str:
    """Return an environment's own settings as `NAME=DEFAULT` words, or `NAME=A|B|C`, where A is the default."""
    from puffer_train.environments import registry  # noqa: PLC0415

    with suppress(UserError):
        if name is not None and not registry.imports_code(name):
            with registry.find(name).opened(1, 0, 1, {}, None) as env:
                table = getattr(getattr(env, "spec", None), "params", ())
                choices = {setting.name: "|".join(setting.choices) for setting in table}
                given = getattr(env, "settings", {})
                return " ".join(f"{key}={choices.get(key) or format(value, 'g')}" for key, value in given.items())
    return ""


if __name__ == "__main__":
    sys.exit(main())
