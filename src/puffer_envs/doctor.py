"""`puffer-envs doctor`: a report to paste where a fault is reported."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.markup import escape

from puffer_envs.contract.health import load_checks
from puffer_envs.tables import make_table


def examine(console: Console) -> dict[str, Any]:
    """Run the checks of every package, print what they find, and return it.

    Returns:
        `{"packages": {name: [{"what", "found", "wrong"}, ...]}, "wrong": number}`.
    """
    report: dict[str, list[dict[str, Any]]] = {}
    for package, checks in load_checks():
        table = make_table(package, "")
        lines = report.setdefault(package, [])
        with console.status(f"examining {package}"):
            for finding in checks():
                lines.append(vars(finding))
                mark = "[bold red]wrong[/] " if finding.wrong else ""
                table.add_row(finding.what, mark + escape(finding.found))
        console.print(table)
    wrong = sum(line["wrong"] for lines in report.values() for line in lines)
    if wrong:
        console.print(f"{wrong} of these must not be: please report this, with all lines above.")
    else:
        console.print("Nothing is wrong.")
    return {"packages": report, "wrong": wrong}
