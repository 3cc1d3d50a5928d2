"""Tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table


def make_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """Return an empty table with these columns, of which those in `right` hold numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        number, last = column in right, column == columns[-1]
        table.add_column(column, justify="right" if number else "left", overflow="fold", no_wrap=number or not last)
    return table
