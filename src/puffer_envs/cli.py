"""puffer-envs: list, describe, check and measure environments."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from puffer_envs import __version__, _core, bench, conformance
from puffer_envs.conformance.isolation import Request, check_isolated
from puffer_envs.conformance.report import Report, print_summary
from puffer_envs.contract.command_line import parse_value
from puffer_envs.environment import make
from puffer_envs.library import load_library
from puffer_envs.spec import EnvSpec, list_envs, spec


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when all went well, 1 when a check failed, 2 for a mistake in the command."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    console = Console()
    try:
        for library in getattr(arguments, "library", []):
            load_library(library)
        result: int = arguments.run(arguments, console)
    except (ValueError, TypeError, MemoryError, OSError, ImportError) as error:
        print(f"puffer-envs: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    return result


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="puffer-envs", description="List, describe, check and measure environments.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    command = commands.add_parser("list", help="all environments, one line each")
    command.set_defaults(run=_list)

    command = commands.add_parser("info", help="spaces, reward, ends, settings and state of one environment")
    command.add_argument("name", metavar="NAME", help="see puffer-envs list")
    _add_library(command)
    command.set_defaults(run=_info)

    command = commands.add_parser(
        "check",
        help="test that an environment keeps the contract",
        description="Test that environments keep the contract, and say what is wrong, where, and what to do. "
        "docs/check.md explains every check.",
    )
    command.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="gymnasium:ID, pettingzoo:MODULE, module:factory, a name that puffer-envs list gives, or 'all' of those",
    )
    steps = conformance.STEPS
    command.add_argument("--steps", type=_positive, default=steps, help="per trajectory (default %(default)s)")
    command.add_argument("--timeout", type=_seconds, default=60.0, help="seconds for each check (default %(default)g)")
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the results there")
    _add_settings(command)
    command.set_defaults(run=_check)

    command = commands.add_parser("bench", help="measure agent-steps per second, with calibrations beside them")
    command.add_argument("names", metavar="NAME", nargs="+", help="see puffer-envs list, or 'all'")
    command.add_argument("--agents", type=_positive, default=4096, help="rows in the batch (default %(default)s)")
    command.add_argument("--threads", type=_positive, default=1, help="default %(default)s")
    command.add_argument("--isa", choices=_core.supported_isas(), help="instruction set (default: the best)")
    command.add_argument("--seconds", type=float, default=0.2, help="per repeat (default %(default)s)")
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    _add_settings(command)
    command.set_defaults(run=_bench)
    return parser


def _add_library(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--library",
        action="append",
        default=[],
        metavar="FILE",
        help="load an environment of your own from there first",
    )


def _add_settings(command: argparse.ArgumentParser) -> None:
    _add_library(command)
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", dest="settings", help="a setting of the environment"
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, and whole, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"must be from 1 to 86400 seconds, got {text!r}")
    return value


def _settings(pairs: list[str]) -> dict[str, Any]:
    """NAME=VALUE pairs."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ValueError(f"--set takes NAME=VALUE, got {pair!r}")
        settings[name] = parse_value(text)
    return settings


def _names(names: Sequence[str]) -> list[str]:
    known = list_envs() if "all" in names else [spec(name).name for name in names]
    return list(dict.fromkeys(known))


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        number, last = column in right, column == columns[-1]
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number or not last)
    return table


def _list(_: argparse.Namespace, console: Console) -> int:
    table = _table("name", "agents", "observation", "action", "what it is", right=("agents",))
    for name in list_envs():
        env = spec(name)
        table.add_row(f"[bold]{name}[/]", str(env.layout.agents), _shape(env), _actions(env), escape(env.doc))
    console.print(table)
    return 0


def _shape(env: EnvSpec) -> str:
    return f"{env.obs_dtype} {'x'.join(map(str, env.layout.obs_shape))}"


def _actions(env: EnvSpec) -> str:
    actions = env.layout.actions
    if actions[0].choices == 0:
        return f"{len(actions)} continuous"
    return "one of " + " x ".join(str(a.choices) for a in actions)


def _info(arguments: argparse.Namespace, console: Console) -> int:
    env = spec(arguments.name)
    console.print(f"[bold]{env.name}[/] version {env.version}\n{escape(env.doc)}\n", highlight=False)
    facts = _table("", "")
    facts.show_header = False
    facts.add_row("agents", f"{env.layout.agents} per environment")
    facts.add_row("observation", _shape(env))
    facts.add_row("reward", escape(env.reward))
    facts.add_row("ends", escape(env.ends))
    facts.add_row("log", ", ".join(env.log_names))
    facts.add_row("state", f"{env.layout.state_bytes} bytes per environment; {env.rate:g} steps per second in play")
    console.print(facts)

    table = _table("observation", "elements", "from", "to", "meaning", right=("elements", "from", "to"))
    for part in env.obs:
        table.add_row(part.name, str(part.count), f"{part.low:g}", f"{part.high:g}", escape(part.doc))
    console.print(table)

    table = _table("action", "choices")
    for action in env.layout.actions:
        labels = ", ".join(f"{i} {label}" for i, label in enumerate(action.labels))
        continuous = f"{action.low:g} to {action.high:g} {' '.join(action.labels)}"
        table.add_row(action.name, labels if action.choices else continuous)
    console.print(table)

    table = _table("setting", "default", "from", "to", "meaning", right=("default", "from", "to"))
    for p in env.params:
        default = str(bool(p.default)).lower() if p.type is bool else f"{p.default:g}"
        table.add_row(p.name, default, f"{p.low:g}", f"{p.high:g}", escape(p.doc))
    console.print(table)

    table = _table("state", "type", "meaning")
    for field in env.fields:
        shape = "rows x columns by the settings" if field.in_block else " x ".join(map(str, field.shape[: field.ndim]))
        table.add_row(field.name, f"{field.dtype} {shape}".strip(), escape(field.doc))
    console.print(table)
    return 0


def _check(arguments: argparse.Namespace, console: Console) -> int:
    settings = _settings(arguments.settings)
    names = [known for name in arguments.names for known in (list_envs() if name == "all" else [name])]
    reports: list[Report] = []
    if arguments.json is not None and not arguments.json.parent.is_dir():
        raise ValueError(f"--json {arguments.json}: there is no folder {arguments.json.parent}")
    for name in dict.fromkeys(names):
        request = Request(name, arguments.steps, settings, arguments.timeout, tuple(arguments.library))
        report = Report(name, console)
        report.follow(check_isolated(request))
        reports.append(report)
    if arguments.json is not None:
        written = {"puffer_envs": __version__, "environments": [report.as_dict() for report in reports]}
        arguments.json.write_text(json.dumps(written, indent=2) + "\n")
    print_summary(reports, console)
    return 1 if any(report.failed for report in reports) else 0


def _bench(arguments: argparse.Namespace, console: Console) -> int:
    names = _names(arguments.names)
    if not 0 < arguments.seconds <= 60:
        raise ValueError(f"--seconds must be above 0 and at most 60, got {arguments.seconds}")
    settings = _settings(arguments.settings)
    for name in names:
        make(name, **settings).close()  # refuse a wrong setting before measuring anything
    calibration = bench.calibrate()
    console.print(
        f"This machine, now: {calibration.gflops:.0f} GFLOP/s float32 multiply-adds on one core, "
        f"{calibration.copy_gbps:.1f} GB/s copying memory",
        highlight=False,
    )
    numbers = ("agents", "M steps/s", "slowest", "fastest", "bare C", "of bare", "us/call")
    table = _table("name", *numbers, right=numbers)
    measured = []
    for name in names:
        with console.status(f"measuring {name}"):
            m = bench.measure(name, arguments.agents, arguments.threads, arguments.isa, arguments.seconds, **settings)
        measured.append(m)
        millions = [f"{x * 1e-6:.1f}" for x in (m.steps_per_second, m.slowest, m.fastest, m.bare_steps_per_second)]
        per_call = f"{m.microseconds_per_call:.2f}"
        table.add_row(m.environment, str(m.num_agents), *millions, f"{m.efficiency:.1%}", per_call)
    console.print(table)
    console.print(
        f"Random actions, {measured[0].isa}, {arguments.threads} thread(s); medians of {bench.REPEATS} repeats of "
        f"env.step, in turn with the same batch in a bare C loop.",
        highlight=False,
    )
    if arguments.json:
        figures = {"calibration": asdict(calibration), "measurements": [asdict(m) for m in measured]}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
