"""`puffer-envs`: list, describe, check and measure environments."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from puffer_envs import __version__, _core, starting
from puffer_envs.contract import completion, shell
from puffer_envs.contract.command_line import PREFIX, Value, parse_value, settings_options
from puffer_envs.contract.commands import (
    Parser,
    add_library,
    add_seed,
    add_threads,
    real_number,
    run_command,
    whole_number,
)
from puffer_envs.contract.documentation import page_url
from puffer_envs.contract.errors import UserError
from puffer_envs.contract.offers import load_offers, open_given
from puffer_envs.environment import make
from puffer_envs.library import load_library
from puffer_envs.replay import Replay
from puffer_envs.spec import EnvSpec, Field, list_envs, spec
from puffer_envs.tables import make_table

PROGRAM = "puffer-envs"

EXAMPLES = """examples:
  puffer-envs list
  puffer-envs info breakout
  puffer-envs check my_module:make_env --env.size 20
  puffer-envs bench breakout --num-envs 16384 --threads 2
  puffer-envs new my_game --template arcade
  puffer-envs check ./my_game.h --sanitize
  puffer-envs port gymnasium:Acrobot-v1 acrobot
  puffer-envs notation game.puf > game.pgn
"""

COMPLETION = """Print what makes a shell complete our commands with the Tab key. To install it, run once:
  puffer-envs completion bash >> ~/.bashrc
  puffer-envs completion zsh >> ~/.zshrc
  puffer-envs completion fish > ~/.config/fish/conf.d/puffer.fish
"""

STDOUT = Path("-")
"""What `--json` without a file stands for."""
LEAST_TEXT = 40
"""Columns of a terminal that say what an environment is."""

Run = Callable[[argparse.Namespace, Mapping[str, Any], Console], int]
"""A command's body."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0 when all went well, 1 when a check failed, 2 for a mistake in the command."""
    return run_command(PROGRAM, lambda: _main(arguments))


def _main(arguments: Sequence[str] | None) -> int:
    options, settings = build_parser().parse(arguments)
    settings |= dict(getattr(options, "settings", []))
    options.given_name = getattr(options, "name", None)
    try:
        for library in getattr(options, "library", []):
            load_library(library)
        if hasattr(options, "library"):
            open_given(options)
        result: int = options.run(options, settings, Console())
    except BrokenPipeError:
        raise
    except (ValueError, TypeError, MemoryError, OSError, ImportError) as error:
        raise UserError(str(error)) from error
    return result


def build_parser() -> Parser:
    """Return the parser of `puffer-envs`."""
    parser = Parser(prog=PROGRAM, description="List, describe, check and measure environments.", epilog=EXAMPLES)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)

    def add(name: str, run: Run, summary: str, description: str | None = None) -> Parser:
        command: Parser = commands.add_parser(name, help=summary, description=description or _sentence(summary))
        command.set_defaults(run=run, parser=command)
        return command

    command = add("list", _list, "list all environments, one line each")
    _add_json(command, "print them as JSON")
    add_library(command)

    command = add("info", _info, "show spaces, rewards, settings and state of one environment")
    command.add_argument(
        "name",
        metavar="NAME",
        help="an environment of `puffer-envs list`, gymnasium:ID, pettingzoo:NAME, module:factory, ./FILE.h",
    )
    _add_json(command, "print it as JSON")
    _add_settings(command)

    command = add(
        "check",
        _check,
        "test that an environment keeps the contract",
        f"Test that environments keep the contract, and report what is wrong, where, and what to do.\n"
        f"Every check is explained at {page_url('check')}.",
    )
    command.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="an environment, gymnasium:ID, pettingzoo:MODULE, module:factory, ./FILE.h, or 'all' that are listed",
    )
    command.add_argument("--steps", type=whole_number(1), metavar="N", help="per trajectory [300]")
    command.add_argument(
        "--sanitize",
        action="store_true",
        help="of a C or C++ file: also run it under sanitizers, which name the line of a fault, and look into its code",
    )
    command.add_argument(
        "--timeout", type=real_number(1, 86400), default=60.0, metavar="S", help="seconds for each check [%(default)g]"
    )
    _add_json(command, "also write the results as JSON")
    _add_settings(command)

    command = add("bench", _bench, "measure agent steps per second, with two calibrations of this machine")
    command.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="an environment, gymnasium:ID, pettingzoo:NAME, module:factory, ./FILE.h, or 'all'",
    )
    command.add_argument(
        "--num-envs",
        "--agents",
        type=whole_number(1),
        metavar="N",
        help="environments in the batch; fewer if they have several agents, for as many rows [4096; in Python 16]",
    )
    add_threads(command, 1, "threads that step them; of those in Python, processes [%(default)s]")
    command.add_argument("--isa", choices=_core.supported_isas(), help="instruction set [the best]")
    command.add_argument(
        "--seconds", type=real_number(0, 60, above=True), default=0.2, metavar="S", help="per repeat [%(default)s]"
    )
    _add_json(command, "also write the figures as JSON")
    _add_settings(command)

    _add_port(add)

    command = add("new", _new, "write a folder with a small game of your own, to train, play and change at once")
    command.add_argument("folder", metavar="MY_GAME", type=Path, help="its name: of the folder to write")
    listed = "; ".join(f"{name}: {what}" for name, what in starting.TEMPLATES.items())
    command.add_argument(
        "--template", choices=starting.TEMPLATES, default=starting.DEFAULT, help=f"{listed} [%(default)s]"
    )

    command = add(
        "doctor",
        _doctor,
        "report what works here, to paste where you report a fault",
        "Examine this installation and this machine for about 15 seconds: versions, processor, whether environments\n"
        "and the trainer's kernels give the expected bytes, speeds, ways to draw. The report has no names of people,\n"
        "hosts or home folders. Exit status 1 if something is wrong.",
    )
    _add_json(command, "also write it as JSON")

    command = add(
        "debug",
        _debug,
        "stop an environment of your own in a debugger, at a step of a game",
        "Compile an environment of your own for a debugger, play random actions, and stop in gdb or lldb at a step.\n"
        "`puffer-envs check ./FILE.h --sanitize` prints this command for the faults that it finds.",
    )
    command.add_argument("name", metavar="FILE", help="a C or C++ file with an environment")
    add_seed(command, 1, "of the environment and of the actions [%(default)s]")
    command.add_argument("--step", type=whole_number(0), default=1, metavar="N", help="0 is the reset [%(default)s]")
    command.add_argument("--num-envs", type=whole_number(1), default=1, metavar="N", help="in the batch [%(default)s]")
    _add_settings(command)

    command = add(
        "profile",
        _profile,
        "show where an environment of your own spends its time, by function",
        "Step an environment of your own in a plain C program, and look a few hundred times a second at where it is.\n"
        "The table has nanoseconds per agent step by function, and the line that takes most of them. Needs Linux.",
    )
    command.add_argument("name", metavar="FILE", help="a C or C++ file with an environment")
    command.add_argument(
        "--num-envs", type=whole_number(1), default=1024, metavar="N", help="in the batch [%(default)s]"
    )
    command.add_argument(
        "--seconds",
        type=real_number(0, 60, above=True),
        default=2.0,
        metavar="S",
        help="of processor time [%(default)g]",
    )
    _add_settings(command)

    command = add(
        "notation",
        _notation,
        "print the games of a replay as players write them: PGN or SGF",
        "Print all games of a replay as players write them, for other programs: chess as PGN; go,\n"
        "gomoku, hex and othello as SGF.\n"
        "`puffer-play NAME --replay FILE` and `puffer-match NAME ... --replays FOLDER` save replays.",
    )
    command.add_argument("replay", type=Path, metavar="REPLAY", help="a replay, or the folder of a run")

    command = add("completion", _complete, "print what makes a shell complete our commands with Tab", COMPLETION)
    command.add_argument("shell", choices=completion.SHELLS, help="which shell")
    return parser


def _add_port(add: Callable[..., Parser]) -> None:
    command = add(
        "port",
        _port,
        "compare an environment in C with the one it was written after",
        "Run a port side by side with its original from the same states with the same actions, say where they first\n"
        f"differ, and write a certificate. Exit status 1 if they differ. {page_url('port')}",
    )
    command.add_argument("reference", metavar="REFERENCE", help="the original: gymnasium:ID or module:factory")
    command.add_argument("name", metavar="ENV", help="the port: an environment of `puffer-envs list`, ./FILE.h")
    command.add_argument("--adapter", type=Path, metavar="FILE", help="how their states correspond [FILE_port.py]")
    command.add_argument("--draft", type=Path, metavar="FILE", help="write an adapter to begin with, and stop")
    counts = (("steps", 100_000, "single steps"), ("episodes", 200, "whole episodes"),
              ("scores", 500, "episodes of each policy on each side"))  # fmt: skip
    for option, default, what in counts:
        command.add_argument(
            f"--{option}", type=whole_number(0), default=default, metavar="N", help=f"{what} [%(default)s]"
        )
    command.add_argument(
        "--policy",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a policy that plays both; can be repeated [the one that ships]",
    )
    add_seed(command, 1, "of everything random [%(default)s]")
    command.add_argument("--certificate", type=Path, metavar="FILE", help="write FILE.json and FILE.md")
    _add_json(command, "also write the certificate as JSON")
    _add_settings(command)


def _sentence(summary: str) -> str:
    return f"{summary[0].upper()}{summary[1:]}."


def _add_json(command: Parser, what: str) -> None:
    command.add_argument(
        "--json", nargs="?", const=STDOUT, type=Path, metavar="FILE", help=f"{what}, to FILE or standard output"
    )


def _add_settings(command: Parser) -> None:
    add_library(command)
    command.add_env_settings()
    command.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        dest="settings",
        help="the same as --env.NAME VALUE",
    )


def _setting(text: str) -> tuple[str, Value]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=VALUE")
    return name.replace("-", "_"), parse_value(value)


def _new(options: argparse.Namespace, _: Mapping[str, Any], console: Console) -> int:
    print(starting.create(options.folder, options.template))
    return 0


def _doctor(options: argparse.Namespace, _: Mapping[str, Any], console: Console) -> int:
    from puffer_envs.doctor import examine  # noqa: PLC0415 - loaded only when there is something to do

    console.print(f"puffer-envs {__version__}", highlight=False)
    report = examine(console)
    _write_json(options.json, {"puffer_envs": __version__, **report})
    return 1 if report["wrong"] else 0


def _notation(options: argparse.Namespace, _: Mapping[str, Any], console: Console) -> int:
    from puffer_envs.notation import write_games  # noqa: PLC0415 - loaded only when there is something to do

    try:
        folder = options.replay.is_dir()  # a run's
        replay = Replay.load(options.replay / "replay.puf" if folder else options.replay)
    except OSError as error:
        raise UserError(f"{options.replay}: {error.strerror or error}.") from None
    print(write_games(replay), end="")
    return 0


def _complete(options: argparse.Namespace, _: Mapping[str, Any], console: Console) -> int:
    print(completion.script(options.shell), end="")
    return 0


def _write_json(path: Path | None, value: object) -> None:
    text = json.dumps(value, indent=2)
    if path == STDOUT:
        print(text)
    elif path is not None:
        path.write_text(text + "\n", "utf-8")


def _names(names: Sequence[str]) -> list[str]:
    known = list_envs() if "all" in names else [name if ":" in name else spec(name).name for name in names]
    return list(dict.fromkeys(known))


def _list(options: argparse.Namespace, _: Mapping[str, Any], console: Console) -> int:
    offers = load_offers()  # which may load further C environments
    if options.json is not None:
        _write_json(options.json, [_facts(spec(name)) for name in list_envs()])
        return 0
    native = [(env.name, str(env.layout.agents), _shape(env), _actions(env), env.doc) for env in map(spec, list_envs())]
    others = sorted(offers.keys() - set(list_envs()))
    rows = native + [(name, "", "", "", f"offered by {offers[name].__name__}, in Python") for name in others]
    _print_lines(rows, ("name", "agents", "observation", "action", "what it is"), console)
    return 0


def _print_lines(rows: Sequence[tuple[str, ...]], titles: tuple[str, ...], console: Console) -> None:
    """Print a table with one line for each row: whole lines into files and pipes, cut ones on a terminal.

    Where the last column would get too little of a terminal, those before it are left out, from the right.
    """
    widths = [max(map(len, column)) + 2 for column in zip(titles, *rows, strict=True)]  # with the space beside it
    shown = len(titles) - 1
    if console.is_terminal:
        while shown > 1 and console.width - sum(widths[:shown]) < LEAST_TEXT:
            shown -= 1
    else:
        console.width = sum(widths) + 2
    table = make_table(*titles[:shown], titles[-1], right=("agents",))
    text = table.columns[-1]
    text.no_wrap, text.overflow, text.width = True, "ellipsis", console.width - sum(widths[:shown]) - 3
    for row in rows:
        table.add_row(f"[bold]{escape(row[0])}[/]", *map(escape, (*row[1:shown], row[-1])))
    console.print(table)


def _shape(env: EnvSpec) -> str:
    return f"{env.obs_dtype} {'x'.join(map(str, env.layout.obs_shape))}"


def _actions(env: EnvSpec) -> str:
    actions = env.layout.actions
    if actions[0].choices == 0:
        return f"{len(actions)} continuous"
    return "one of " + " x ".join(str(a.choices) for a in actions)


def _facts(env: EnvSpec) -> dict[str, object]:
    """What a program may want to know of an environment, as JSON values."""
    layout = env.layout
    return {
        "name": env.name,
        "version": env.version,
        "doc": env.doc,
        "reward": env.reward,
        "ends": env.ends,
        "agents": layout.agents,
        "observation": {"dtype": str(env.obs_dtype), "shape": list(layout.obs_shape)},
        "actions": [
            {"name": a.name, "labels": list(a.labels)}
            | ({"choices": a.choices} if a.choices else {"low": a.low, "high": a.high})
            for a in layout.actions
        ],
        "settings": [
            {"name": p.name, "default": p.type(p.default)}
            | ({"choices": list(p.choices)} if p.choices else {"low": p.low, "high": p.high})
            | {"doc": p.doc}
            for p in env.params
        ],
        "log": list(env.log_names),
    }


def _info(options: argparse.Namespace, settings: Mapping[str, Any], console: Console) -> int:
    if ":" in options.name:
        from puffer_envs import foreign  # noqa: PLC0415 - it loads every vector backend

        found = foreign.facts(options.name, settings)
        if options.json is not None:
            _write_json(options.json, found)
        else:
            foreign.print_facts(found, console)
        return 0
    if settings:
        raise ValueError(
            f"{PREFIX}{next(iter(settings))}: info shows all settings of a native environment. Leave it out."
        )
    env = spec(options.name)
    if options.json is not None:
        _write_json(options.json, _facts(env))
        return 0
    console.print(f"[bold]{env.name}[/] version {env.version}\n{escape(env.doc)}\n", highlight=False)
    facts = make_table("", "")
    facts.show_header = False
    facts.add_row("agents", f"{env.layout.agents} per environment")
    facts.add_row("observation", _shape(env))
    facts.add_row("reward", escape(env.reward))
    facts.add_row("ends", escape(env.ends))
    facts.add_row("log", ", ".join(env.log_names))
    facts.add_row("state", f"{env.layout.state_bytes} bytes per environment; {env.rate:g} steps per second in play")
    console.print(facts)

    table = make_table("observation", "elements", "from", "to", "meaning", right=("elements", "from", "to"))
    for part in env.obs:
        doc = f"{part.doc}; codes" if part.codes else part.doc
        table.add_row(part.name, str(part.count), f"{part.low:g}", f"{part.high:g}", escape(doc))
    console.print(table)

    table = make_table("action", "choices")
    for action in env.layout.actions:
        labels = ", ".join(f"{i} {label}" for i, label in enumerate(action.labels))
        continuous = f"{action.low:g} to {action.high:g} {' '.join(action.labels)}"
        table.add_row(action.name, labels if action.choices else continuous)
    console.print(table)

    table = make_table("setting", "default", "from", "to", "meaning", right=("default", "from", "to"))
    for p in env.params:
        if isinstance(p.default, str):
            table.add_row(p.name, p.default, "", "", escape(f"{p.doc}. One of {p.allowed}"))
            continue
        default = str(bool(p.default)).lower() if p.type is bool else f"{p.default:g}"
        table.add_row(p.name, default, f"{p.low:g}", f"{p.high:g}", escape(p.doc))
    console.print(table)

    table = make_table("state", "type", "meaning")
    for field in env.fields:
        table.add_row(field.name, _type(field), escape(field.doc))
        for member in field.parts:
            table.add_row(f"{field.name}.{member.name}", _type(member), escape(member.doc))
    console.print(table)
    return 0


def _type(field: Field) -> str:
    if field.in_block:
        shape = "rows by the settings" if field.parts else "rows x columns by the settings"
    else:
        shape = " x ".join(map(str, field.shape[: field.ndim])) + " rows" * bool(field.parts)
    return shape if field.parts else f"{field.dtype} {shape}".strip()


def _check(options: argparse.Namespace, settings: Mapping[str, Any], console: Console) -> int:
    from puffer_envs.conformance import STEPS  # noqa: PLC0415 - loaded only when there is something to do
    from puffer_envs.conformance.isolation import Request, check_isolated  # noqa: PLC0415
    from puffer_envs.conformance.report import Report, print_summary  # noqa: PLC0415

    names = [known for name in options.names for known in (list_envs() if name == "all" else [name])]
    reports: list[Report] = []
    if options.json is not None and not options.json.parent.is_dir():
        raise ValueError(f"--json {options.json}: there is no folder {options.json.parent}")
    for name in dict.fromkeys(names):
        request = Request(
            name, options.steps or STEPS, dict(settings), options.timeout, options.sanitize, tuple(options.library)
        )
        report = Report(name, console)
        report.follow(check_isolated(request))
        reports.append(report)
    if options.json is not None:
        _write_json(
            options.json,
            {"puffer_envs": __version__, "environments": [report.as_dict() for report in reports]},
        )
    print_summary(reports, console)
    return 1 if any(report.failed for report in reports) else 0


def _port(options: argparse.Namespace, settings: Mapping[str, Any], console: Console) -> int:
    from puffer_envs.porting import adapter, certificate  # noqa: PLC0415 - loaded only when there is something to do
    from puffer_envs.porting.run import Request, port  # noqa: PLC0415
    from puffer_envs.porting.show import show  # noqa: PLC0415

    if options.draft is not None:
        adapter.write_draft(spec(options.name), options.reference, options.draft)
        print(f"wrote {options.draft}: correct read() and write(), then run this again without --draft")
        return 0
    with console.status("") as status:
        found = port(
            Request(
                options.reference, options.name, settings, options.adapter, options.steps, options.episodes,
                options.scores, options.policy, options.seed, _command(options, settings), status.update,
            )
        )  # fmt: skip
    if options.json != STDOUT:
        show(found, console)
    _write_json(options.json, found.facts)
    if options.certificate is not None:
        for path in certificate.write(found.facts, options.certificate):
            console.print(f"  certificate  {path}", highlight=False)
    return 0 if found.facts["same"] else 1


def _command(options: argparse.Namespace, settings: Mapping[str, Any]) -> str:
    """The command line, without what only says where to write."""
    words = ["puffer-envs", "port", options.reference, options.given_name]
    for option in ("steps", "episodes", "scores", "seed"):
        if getattr(options, option) != options.parser.get_default(option):
            words += [f"--{option}", str(getattr(options, option))]
    words += [] if options.adapter is None else ["--adapter", str(options.adapter)]
    words += [word for path in options.policy for word in ("--policy", str(path))]
    return shell.join([*words, *settings_options(settings)])


def _debug(options: argparse.Namespace, settings: Mapping[str, Any], console: Console) -> int:
    from puffer_envs.debugging import debug  # noqa: PLC0415 - loaded only when there is something to do
    from puffer_envs.driver import Play  # noqa: PLC0415

    debug(options.name, Play(options.seed, options.num_envs, settings), options.step)


def _profile(options: argparse.Namespace, settings: Mapping[str, Any], console: Console) -> int:
    from puffer_envs.driver import Play  # noqa: PLC0415 - loaded only when there is something to do
    from puffer_envs.profiling import profile, show  # noqa: PLC0415

    play = Play(1, options.num_envs, settings)
    with console.status(f"playing {options.name}"):
        found = profile(options.name, play, options.seconds)
    show(options.name, play, found, console)
    return 0


def _bench(options: argparse.Namespace, settings: Mapping[str, Any], console: Console) -> int:
    from puffer_envs import bench, foreign  # noqa: PLC0415 - loaded only when there is something to do

    every = _names(options.names)
    names = [name for name in every if ":" not in name]
    for name in names:
        make(name, **settings).close()  # refuse a wrong setting before measuring anything
    calibration = bench.calibrate()
    console.print(
        f"This machine, now: {calibration.gflops:.0f} GFLOP/s float32 multiply-adds on one core, "
        f"{calibration.copy_gbps:.1f} GB/s copying memory",
        highlight=False,
    )
    numbers = ("agents", "M steps/s", "slowest", "fastest", "bare C", "of bare", "us/call")
    table = make_table("name", *numbers, right=numbers)
    measured = []
    for name in names:
        with console.status(f"measuring {name}"):
            count = options.num_envs or 4096
            m = bench.measure(name, count, options.threads, options.isa, options.seconds, **settings)
        measured.append(m)
        millions = [f"{x * 1e-6:.1f}" for x in (m.steps_per_second, m.slowest, m.fastest, m.bare_steps_per_second)]
        per_call = f"{m.microseconds_per_call:.2f}"
        table.add_row(m.environment, str(m.num_agents), *millions, f"{m.efficiency:.1%}", per_call)
    if measured:
        console.print(table)
        console.print(
            f"Random actions, {measured[0].isa}, {options.threads} thread(s); medians of {bench.REPEATS} repeats of "
            f"env.step, alternating with the same batch in a bare C loop.",
            highlight=False,
        )
    speeds = []
    for name in [name for name in every if ":" in name]:
        for workers in (0, options.threads) if options.threads > 1 else (0,):
            with console.status(f"measuring {name}"):
                speeds.append(foreign.measure(name, options.num_envs or 16, workers, options.seconds, settings))
    if speeds:
        foreign.print_speeds(speeds, console)
    if options.json:
        figures = {"calibration": asdict(calibration), "measurements": [*map(asdict, measured), *map(asdict, speeds)]}
        _write_json(options.json, figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
