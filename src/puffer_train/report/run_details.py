"""One run in full, and several side by side, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from puffer_envs.contract import shell
from puffer_train import config
from puffer_train.environments.registry import imports_code
from puffer_train.report.formatting import clock, counted, short, size
from puffer_train.report.readme import FILES
from puffer_train.report.run_table import ESTIMATE, STYLES, WIDE, run_name, steps_of
from puffer_train.storage.archive import size_of
from puffer_train.storage.identity import differing, facts, is_known, joined, written
from puffer_train.storage.summary import Summary

SPREAD = ("mean", "std", "min", "max")
"""Of each statistic are shown."""

SETTINGS = ("train.", "policy.", "env.", "curriculum.", "selfplay.")

FIRST = ("score", "perf", "episode_return", "episode_length")
"""Statistics that come first; the others follow by name."""


def show_run(summary: Summary, console: Console) -> None:
    """Print everything that is known of a run."""
    console = _unbounded(console)
    _print_head(summary, console)
    _print_statistics(summary, console)
    known = facts(summary.config)
    _print_pairs("settings other than the shipped ones", _changed(summary), console)
    _print_pairs("made of", {k: v for k, v in known.items() if not k.startswith(SETTINGS)}, console)
    _print_history(summary, console)
    _print_files(summary, console)
    name = summary.config["environment"]
    words = ["puffer-train", *([name] if imports_code(name) else []), "--resume", str(summary.folder)]
    console.print(Text(f"\nresume it with: {shell.join(words)}"))


def _print_head(summary: Summary, console: Console) -> None:
    head = Text(str(summary.folder), style="bold")
    head.append(f"  {summary.config['environment']}, seed {summary.config['seed']}  ", style="not bold")
    head.append(summary.status, style=STYLES.get(summary.status, ""))
    head.append(f" ({summary.holder})" if summary.holder else "", style="not bold")
    console.print(head)
    line = f"{steps_of(summary)} steps in {clock(summary.newest.get('seconds', 0.0))}, {short(summary.rate)} steps/s"
    console.print(Text(line))
    for what, text in {"tags": ", ".join(summary.labels.tags), "note": summary.labels.note}.items():
        if text:
            console.print(Text(f"{what}: {text}"))


def _print_statistics(summary: Summary, console: Console) -> None:
    """Print the evaluation, or the newest numbers of training if there is none."""
    if not summary.evaluated:
        _print_pairs("newest numbers, not evaluated", {k: f"{v:.5g}" for k, v in summary.trained.items()}, console)
        return
    table = _titled(f"over {summary.evaluation.get('episodes', '?')} fresh full episodes", *SPREAD)
    for name in ordered(summary.evaluated):
        table.add_row(name, *(_number(summary.evaluation[name].get(key)) for key in SPREAD))
    console.print(table)


def _changed(summary: Summary) -> dict[str, Any]:
    """Return the settings in which a run differs from those shipped for its environment."""
    shipped = config.flat(config.load(summary.config["environment"]).as_dict())
    found = {
        name: value
        for name, value in facts(summary.config).items()
        if name.startswith(("train.", "policy.", "curriculum.", "selfplay."))
    }
    changed = {name: value for name, value in found.items() if shipped.get(name) != value}
    return changed | config.flat({"env": summary.config["settings"].get("env", {})})


def _print_history(summary: Summary, console: Console) -> None:
    table = _titled("history", "took", "steps", "ended", "command")
    for part in summary.config["history"]:
        taken, steps = clock(part["seconds"]), short(part["to_steps"])
        ended = ": ".join(filter(None, [str(part["ended"]), str(part.get("reason", ""))]))
        table.add_row(str(part["started"]), taken, steps, ended, str(part["command"]))
    console.print(table)


def _print_files(summary: Summary, console: Console) -> None:
    table = _titled("files", "", "")
    for path in sorted(summary.folder.iterdir()):
        if not path.name.startswith("."):
            num_bytes = size_of(path) if path.is_dir() else path.stat().st_size
            table.add_row(path.name, size(num_bytes), FILES.get(path.name, ""))
    console.print(table)


def compare(summaries: Sequence[Summary], console: Console) -> None:
    """Print in what runs differ, and their statistics side by side."""
    console = _unbounded(console)
    names = [run_name(summary) for summary in summaries]
    different = differing([facts(summary.config) for summary in summaries])
    if different:
        table = _titled("what differs", *names)
        for name, values in different.items():
            table.add_row(name, *("-" if value is None else written(value) for value in values))
        console.print(table)
    table = _titled("how it went", *names)
    table.add_row("seed", *(str(summary.config["seed"]) for summary in summaries))
    table.add_row("status", *(Text(s.status, style=STYLES.get(s.status, "")) for s in summaries))
    table.add_row("steps", *map(steps_of, summaries))
    table.add_row("time", *(clock(summary.newest.get("seconds", 0.0)) for summary in summaries))
    table.add_row("steps/s", *(short(summary.rate) for summary in summaries))
    for name in ordered({name for s in summaries for name in (s.evaluated or _episodes(s))}):
        table.add_row(name, *(_statistic(summary, name) for summary in summaries))
    console.print(table)
    if any(not summary.evaluated for summary in summaries):
        console.print(Text(f"{ESTIMATE} from training, not evaluated", style="dim"))
    console.print(Text(f"\n{_verdict(summaries, list(different))}"))


def _verdict(summaries: Sequence[Summary], different: Sequence[str]) -> str:
    seeds = [summary.config["seed"] for summary in summaries]
    if different:
        return f"These are different runs: {counted(len(different), 'difference')} besides the seed."
    if not all(is_known(summary.config) for summary in summaries):
        return "Nothing is known to differ, but it is unknown which code made them."
    if len(set(seeds)) == 1:
        return f"The same run, with the same seed, {seeds[0]}: the numbers should agree as well."
    return f"The same run with seeds {joined(list(map(str, seeds)))}."


def _statistic(summary: Summary, name: str) -> str:
    if name in summary.evaluated:
        spread = summary.evaluation[name].get("std")
        return f"{summary.evaluated[name]:.5g}" + (f" ± {spread:.3g}" if isinstance(spread, (int, float)) else "")
    newest = _episodes(summary).get(name)
    return "-" if newest is None else f"{ESTIMATE}{newest:.5g}"


def _episodes(summary: Summary) -> dict[str, float]:
    """Return the newest statistics of the episodes that were trained on."""
    return {name[4:]: value for name, value in summary.newest.items() if name.startswith("env/") and name != "env/n"}


def ordered(names: Any) -> list[str]:
    """Return statistics with the important ones first."""
    return [*(name for name in FIRST if name in names), *sorted(name for name in names if name not in FIRST)]


def _number(value: Any) -> str:
    return f"{value:.5g}" if isinstance(value, (int, float)) else "-"


def _unbounded(console: Console) -> Console:
    """Return a console that cuts nothing where the output is no terminal."""
    return console if console.is_terminal else Console(file=console.file, width=WIDE)


def _titled(title: str, *heads: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(f"\n{title}", style="bold not dim"), no_wrap=True)
    for head in heads:
        table.add_column(f"\n{head}", overflow="fold")
    return table


def _print_pairs(title: str, pairs: dict[str, Any], console: Console) -> None:
    if pairs:
        table = _titled(title, "")
        for name, value in pairs.items():
            table.add_row(name, written(value))
        console.print(table)
