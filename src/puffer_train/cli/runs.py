"""`puffer-runs`: list, show, compare, label, remove and archive the folders of runs."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from puffer_envs.contract import completion, shell
from puffer_envs.contract.commands import Parser, complain, real_number, whole_number
from puffer_envs.contract.errors import UsageError
from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.names import suggest
from puffer_train.cli.bisect import add_bisect, run_bisect
from puffer_train.cli.options import run_command
from puffer_train.errors import ConfigError
from puffer_train.report.formatting import counted, size
from puffer_train.report.live import draw, watch
from puffer_train.report.page import make_page
from puffer_train.report.run_details import compare, show_run
from puffer_train.report.run_filter import Condition, choose, is_condition, order
from puffer_train.report.run_table import WIDE, as_json, print_table
from puffer_train.storage.archive import archive_run, check_removable, remove_run, restore_run, size_of
from puffer_train.storage.discovery import ROOT, find_runs, missing, select
from puffer_train.storage.files import storing
from puffer_train.storage.labels import Labels, check_tag, write_labels
from puffer_train.storage.lock import find_holder
from puffer_train.storage.summary import Summary, summarize
from puffer_train.sweep.folder import page_data, with_trials

PROGRAM = "puffer-runs"

EXAMPLES = """examples:
  puffer-runs                                    the runs in runs/, the newest first
  puffer-runs 'perf>0.9' env=drone --sort -perf  quote what holds < or >
  puffer-runs status=crashed --columns run,env,steps
  puffer-runs show breakout-1
  puffer-runs compare breakout-1 breakout-2
  puffer-runs bisect breakout-1 --when 'env.score < 50'
  puffer-runs report runs/ out.html
  puffer-runs sweeps/breakout-1 front=yes --sort cost
  puffer-runs tag breakout-1 best
  puffer-runs remove status=crashed
"""

COMMANDS = [
    "list",
    "show",
    "compare",
    "live",
    "report",
    "bisect",
    "tag",
    "untag",
    "note",
    "remove",
    "archive",
    "restore",
]

Command = Callable[[argparse.Namespace, Console], int]


def build_parser() -> Parser:
    """Return the parser of `puffer-runs`."""
    parser = Parser(prog=PROGRAM, description="Look at runs, compare them and keep order.", epilog=EXAMPLES)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=Parser)

    def add(name: str, run: Command, summary: str, runs: str | None = "+") -> Parser:
        command: Parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        command.set_defaults(run=run, parser=command)
        if runs is not None:
            what = "folder of a run, its name in runs/, or a condition such as status=crashed"
            command.add_argument("runs", nargs=runs, metavar="RUN", help=what)
        return command

    command = add("list", _list, "list runs, one line each; the default command", None)
    what = "folder with runs [runs], or condition such as env=drone, 'perf>0.9', tag=best, status=crashed"
    command.add_argument("words", nargs="*", metavar="DIR|CONDITION", help=what)
    command.add_argument(
        "--sort",
        default="-started",
        metavar="KEYS",
        help="such as env,-perf: - puts the greatest first [-started]",
    )
    command.add_argument("--columns", metavar="NAMES", help="such as run,env,gamma; +gamma adds one to the usual ones")
    command.add_argument("--limit", type=whole_number(1), metavar="N", help="show the first N only")
    command.add_argument("--json", action="store_true", help="print all values of each run as JSON")

    command = add("show", _show, "show a run: how it went, its settings, its files")
    command.add_argument("--json", action="store_true", help="print all its values as JSON")
    add("compare", _compare, "show in what runs differ, and their statistics side by side")
    command = add("live", _live, "watch the runs that are training now; Ctrl-C stops watching", None)
    command.add_argument("words", nargs="*", metavar="DIR|CONDITION", help=what)
    command.add_argument("--once", action="store_true", help="print them once")
    seconds = real_number(0.1, 3600)
    command.add_argument("--every", type=seconds, default=2.0, metavar="S", help="seconds between pictures [2]")

    command = add("report", _report, "write one page with a table, curves and settings of runs, for any browser", None)
    command.add_argument("words", nargs="*", metavar="DIR|CONDITION", help=what)
    command.add_argument("page", type=Path, metavar="FILE.html", help="the page; it loads nothing, so it can be sent")

    add_bisect(add("bisect", run_bisect, "find where a run broke, and train it again there to see what happened", None))

    for name, run, summary in (("tag", _tag, "tag a run"), ("untag", _untag, "remove tags from a run")):
        command = add(name, run, summary, None)
        command.add_argument("name", metavar="RUN", help="folder of a run, its name in runs/, or a condition")
        command.add_argument("tags", nargs="+", metavar="TAG")
    command = add("note", _note, "write a note on a run", None)
    command.add_argument("name", metavar="RUN", help="folder of a run, its name in runs/, or a condition")
    command.add_argument("text", nargs="+", metavar="TEXT", help="replaces the note; '' removes it")

    for name, run, summary in (
        ("remove", _remove, "remove runs for good"),
        ("archive", _archive, "pack runs into archive/NAME.tar.gz beside them"),
    ):
        command = add(name, run, summary)
        command.add_argument("--yes", action="store_true", help="do not ask")
    command = add("restore", _restore, "unpack archived runs beside the folder of archives", None)
    command.add_argument("files", nargs="+", type=Path, metavar="FILE", help="such as runs/archive/NAME.tar.gz")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0 done, 1 the disk refused, 2 wrong usage."""
    return run_command(PROGRAM, lambda: _main(list(sys.argv[1:] if arguments is None else arguments)))


def _main(arguments: list[str]) -> int:
    parser = build_parser()
    options, _ = parser.parse(complete(arguments))
    status: int = options.run(options, Console())
    return status


def complete(arguments: list[str]) -> list[str]:
    """Put in the default command, and join `--sort -perf`, of which argparse would take the second for an option."""
    unfinished = completion.VARIABLE in os.environ and len(arguments) <= 1  # the name of a command is being typed
    if not unfinished and not {*arguments[:1]} & {*COMMANDS, "-h", "--help", "--version"}:
        arguments = ["list", *arguments]
    joined = []
    words = iter(arguments)
    for word in words:
        following = next(words, None) if word == "--sort" else None
        joined.append(word if following is None else f"{word}={following}")
    return joined


# --- which runs ---


def _read(folders: Sequence[Path]) -> list[Summary]:
    """Read runs at a glance; those that cannot be read are counted."""
    summaries, unreadable = [], []
    for folder in folders:
        try:
            summaries.append(summarize(folder))
        except ConfigError as error:
            unreadable.append(error)
    if unreadable:
        complain(f"{PROGRAM}: skipped {counted(len(unreadable), 'folder')}, such as: {unreadable[0]}")
    return with_trials(summaries)


def _search(words: Sequence[str], only_live: bool = False) -> list[Summary]:
    """Return the runs in the folders that are named, by default `runs`, which meet the conditions that are named."""
    conditions, roots = [], []
    for word in words:
        if not Path(word).exists() and is_condition(word):
            conditions += Condition.parse(word)
        elif not Path(word).exists():
            quoting = " Quote conditions: 'perf>0.9'." if re.fullmatch(r"[\w.-]+", word) else ""
            sentence = missing(Path(word), COMMANDS)
            raise ConfigError(sentence if sentence.endswith("?") else sentence + quoting)
        else:
            roots.append(Path(word))
    if not roots and not ROOT.is_dir():
        raise ConfigError(f"there is no folder {str(ROOT)!r} here: name a folder with runs.")
    folders = find_runs(roots or [ROOT])
    return choose(_read([path for path in folders if not only_live or find_holder(path)]), conditions)


def _named(words: Sequence[str]) -> list[Summary]:
    """Return the runs that are named one by one, or by conditions on those in `runs`.

    Raises:
        ConfigError: A name is wrong, or no run meets the conditions.
    """
    conditions = [word for word in words if not Path(word).exists() and is_condition(word)]
    chosen = _search(conditions) if conditions else []
    if conditions and not chosen:
        raise ConfigError(f"no run meets {shell.join(conditions)}.")
    folders = dict.fromkeys(select(word) for word in words if word not in conditions)
    return [*map(summarize, folders), *(summary for summary in chosen if summary.folder not in folders)]


# --- the commands ---


def _list(options: argparse.Namespace, console: Console) -> int:
    chosen = order(_search(options.words), options.sort)
    if options.json:
        print(as_json(chosen[: options.limit]))
    elif chosen:
        print_table(chosen, options.columns, console, options.limit)
    else:
        print(f"no run meets {shell.join(options.words)}." if options.words else "no run.")
    return 0


def _show(options: argparse.Namespace, console: Console) -> int:
    summaries = _named(options.runs)
    if options.json:
        print(as_json(summaries))
        return 0
    for i, summary in enumerate(summaries):
        console.print(*([""] if i else []), end="\n" if i else "")
        show_run(summary, console)
    return 0


def _compare(options: argparse.Namespace, console: Console) -> int:
    summaries = _named(options.runs)
    if len(summaries) < 2:
        raise UsageError(f"{shell.join(options.runs)} is one run: name at least two to compare.")
    compare(summaries, console)
    return 0


def _live(options: argparse.Namespace, console: Console) -> int:
    def read() -> list[Summary]:
        return _search(options.words, only_live=True)

    runs = read()
    if not runs:
        print("no run is live.")
    elif options.once or not console.is_terminal:
        unbounded = console if console.is_terminal else Console(file=console.file, width=WIDE)
        unbounded.print(draw(runs, bars=console.is_terminal))
    else:
        with suppress(KeyboardInterrupt):
            watch(read, console, options.every)
    return 0


def _report(options: argparse.Namespace, console: Console) -> int:
    if options.page.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"{options.page}: a report is a page. Name a file that ends with .html.")
    summaries = order(_search(options.words), "-started")
    if not summaries:
        raise ConfigError(f"no run meets {shell.join(options.words)}." if options.words else "no run.")
    page = make_page(summaries, page_data(summaries)).encode()
    with storing(options.page):
        write_atomically(options.page, page)
    print(f"{options.page}: {counted(len(summaries), 'run')}, {size(len(page))}. Open it in a browser.")
    return 0


def _tag(options: argparse.Namespace, console: Console) -> int:
    tags = list(map(check_tag, options.tags))
    return _label(options.name, lambda labels: replace(labels, tags=tuple(sorted({*labels.tags, *tags}))))


def _untag(options: argparse.Namespace, console: Console) -> int:
    def without(labels: Labels) -> Labels:
        absent = [tag for tag in options.tags if tag not in labels.tags]
        if absent:
            raise ConfigError(f"{options.name} has no tag {absent[0]!r}.{suggest(absent[0], labels.tags)}")
        return replace(labels, tags=tuple(tag for tag in labels.tags if tag not in options.tags))

    return _label(options.name, without)


def _note(options: argparse.Namespace, console: Console) -> int:
    return _label(options.name, lambda labels: replace(labels, note=" ".join(options.text)))


def _label(name: str, change: Callable[[Labels], Labels]) -> int:
    """Change the labels of the runs that are named, and print them."""
    for summary in _named([name]):
        labels = change(summary.labels)
        write_labels(summary.folder, labels)
        parts = [f"tags {', '.join(labels.tags)}"] if labels.tags else []
        parts += [f"note: {labels.note}"] if labels.note else []
        print(f"{summary.folder}: {'; '.join(parts) or 'no tags, no note'}")
    return 0


def _remove(options: argparse.Namespace, console: Console) -> int:
    for summary in _agreed(options, "Remove", console):
        remove_run(summary.folder)
        print(f"removed {summary.folder}")
    return 0


def _archive(options: argparse.Namespace, console: Console) -> int:
    for summary in _agreed(options, "Archive", console):
        path = archive_run(summary.folder)
        print(f"{path}  (unpack it with: {shell.join([PROGRAM, 'restore', str(path)])})")
    return 0


def _restore(options: argparse.Namespace, console: Console) -> int:
    for path in options.files:
        print(restore_run(path))
    return 0


def _agreed(options: argparse.Namespace, verb: str, console: Console) -> list[Summary]:
    """Return the runs that are named, once the user has agreed; none if he has not.

    Raises:
        ConfigError: One of them may not be removed: then none is.
        UsageError: There is nobody to ask.
    """
    summaries = _named(options.runs)
    for summary in summaries:
        check_removable(summary.folder)
    if options.yes:
        return summaries
    if not sys.stdin.isatty():
        raise UsageError(f"{verb.lower()} asks before it acts, and nobody can answer here: add --yes.")
    total = sum(size_of(summary.folder) for summary in summaries)
    print_table(summaries, None, console)
    answer = input(f"{verb} {counted(len(summaries), 'run')}, {size(total)}? [y/N] ")
    if answer.strip().lower() in ("y", "yes"):
        return summaries
    print("Nothing was changed.")
    return []


if __name__ == "__main__":
    sys.exit(main())
