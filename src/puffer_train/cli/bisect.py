"""`puffer-runs bisect`: find where a run broke, and what happened there."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from rich.console import Console

from puffer_envs.contract.command_line import parse_number
from puffer_envs.contract.commands import Parser, add_library
from puffer_envs.contract.errors import UsageError
from puffer_train.storage.discovery import select


def add_bisect(parser: Parser) -> None:
    """Add the command's options."""
    parser.add_argument("name", metavar="RUN", help="folder of a run, or its name in runs/; nothing in it is changed")
    parser.add_argument(
        "--when",
        required=True,
        metavar="TEXT",
        help="what broke, as it looks in metrics.jsonl: 'env.score < 50', 'approx_kl > 0.2 over 5' iterations",
    )
    parser.add_argument("--after", metavar="N", help="look only after so many agent steps [0]")
    parser.add_argument("--environment", metavar="NAME", help="its name again, if it is module:factory")
    parser.add_argument(
        "--code",
        action="append",
        default=[],
        metavar="KEY=NAME",
        help="your own code again, such as policy.network=my.module:Net",
    )
    add_library(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON, with every gradient")


def run_bisect(options: argparse.Namespace, console: Console) -> int:
    """Run the command; return its exit status."""
    folder, after = select(options.name), 0 if options.after is None else parse_number(options.after)
    if type(after) is not int or after < 0:
        raise UsageError(f"--after is {options.after!r}; it must be a number of agent steps.")
    from puffer_train.report.bisection import as_json, report_bisection  # noqa: PLC0415 - these load torch
    from puffer_train.run.bisect import bisect  # noqa: PLC0415
    from puffer_train.run.opening import load_libraries  # noqa: PLC0415
    from puffer_train.run.state import RunOptions  # noqa: PLC0415

    found = bisect(
        folder,
        options.when,
        after=after,
        name=options.environment,
        settings=_code(options.code),
        options=RunOptions(libraries=load_libraries(options.library)),
    )
    if options.json:
        print(json.dumps(as_json(found), indent=2))
    else:
        report_bisection(found, console)
    return 0


def _code(words: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return settings that name code as tables."""
    tables: dict[str, dict[str, str]] = {}
    for word in words:
        setting, equals, name = word.partition("=")
        table, dot, key = setting.partition(".")
        if not equals or not dot:
            raise UsageError(f"--code is {word!r}; it must be KEY=NAME, such as policy.network=my.module:Net.")
        tables.setdefault(table, {})[key] = name
    return tables
