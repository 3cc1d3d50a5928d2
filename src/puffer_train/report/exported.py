"""What the export of a policy made, and how it looks in a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from puffer_train.storage.c_file.cost import Cost
from puffer_train.storage.c_file.text import table_lines


@dataclass(frozen=True)
class Rounding:
    """What rounded weights cost."""

    observations: int
    """How many were compared, along games of the policy that was not rounded."""
    difference: float
    """Largest difference of an output."""
    agreement: float
    """Share of actions that are the same: continuous ones, to 1 % of the Box."""
    episodes: int
    """Played by each of the two."""
    statistic: str
    """What is compared: `perf` or the score."""
    before: float
    """Its mean over those episodes without rounding."""
    after: float
    """With it."""

    @property
    def sentences(self) -> list[str]:
        """What it says in the header."""
        return [
            f"Over {self.observations:,} observations outputs differ by up to {self.difference:.2g} from float32, and "
            f"{self.agreement:.2%} of actions agree.",
            f"Mean {self.statistic} over {self.episodes:,} episodes: {self.after:.4g}, with float32 {self.before:.4g}.",
        ]


@dataclass(frozen=True)
class Exported:
    """What was written."""

    files: tuple[Path, ...]
    """The code and its header, or the policy file."""
    kind: str
    """What weights are stored as."""
    cost: Cost | None
    """Memory and work of C code."""
    rounding: Rounding | None
    """None if nothing was rounded or played."""


def report_export(exported: Exported, console: Console | None = None) -> None:
    """Print the files, what they cost, and what rounding did."""
    console = console or Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_row("weights", exported.kind)
    if exported.cost is None:
        table.add_row("bytes", f"{exported.files[0].stat().st_size:,}")
    else:
        for what, amount in table_lines(exported.cost):
            table.add_row(what, amount)
    found = exported.rounding
    if found is not None:
        table.add_row(f"largest error of an output, of {found.observations:,} observations", f"{found.difference:.2g}")
        table.add_row("actions that are the same", f"{found.agreement:.2%}")
        table.add_row(f"{found.statistic} with float32 weights, {found.episodes:,} episodes", f"{found.before:.4g}")
        table.add_row(f"{found.statistic} with {exported.kind} weights", f"{found.after:.4g}")
    console.print(f"wrote {' and '.join(str(file) for file in exported.files)}", highlight=False, soft_wrap=True)
    console.print(table)
