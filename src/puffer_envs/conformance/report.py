"""The results of checks, for people and for programs."""

from __future__ import annotations

import textwrap
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

from puffer_envs.conformance.isolation import Announcement
from puffer_envs.conformance.suite import Result

KINDS = {
    "native": "a native environment",
    "batch": "a factory of batches",
    "single": "single environments, each by itself and in a vector",
}
STYLES = {
    "ok": "green",
    "note": "yellow",
    "slow": "yellow",
    "failed": "bold red",
    "not offered": "dim",
    "skipped": "dim",
}
STATUS_WIDTH, CHECK_WIDTH = 11, 17
MAX_WIDTH = 100


@dataclass
class Report:
    """The results for one environment, printed as they arrive."""

    name: str
    """Of the environment."""
    console: Console
    """Where it is printed."""
    kind: str = ""
    """Of the subject, once it is known."""
    results: list[Result] = field(default_factory=list)
    """So far."""
    seconds: float = 0.0
    """Duration of all checks."""

    @property
    def slow(self) -> int:
        """Checks that did not get far enough."""
        return sum(result.status == "slow" for result in self.results)

    @property
    def failed(self) -> int:
        """Checks that failed."""
        return sum(result.status == "failed" for result in self.results)

    def follow(self, events: Iterable[Announcement | str | Result]) -> None:
        """Print events as they come."""
        start = time.perf_counter()
        with self.console.status(self._doing("starting")) as spinner:
            for event in events:
                self._take(event, spinner)
        self.seconds = time.perf_counter() - start
        self._close()

    def _take(self, event: Announcement | str | Result, spinner: Status) -> None:
        if isinstance(event, str):
            spinner.update(self._doing(f"checking {event}"))
        elif isinstance(event, Announcement):
            self._open(KINDS[event.kind])
            self.kind = event.kind
        else:
            if not self.results and not self.kind:
                self._open("")
            self.results.append(event)
            self._show(event)

    def _doing(self, what: str) -> Text:
        return Text(f"{self.name}: {what}")  # as plain text, in which :Car: is no picture of a car

    def _open(self, what: str) -> None:
        title = Text.assemble((self.name, "bold"), f": {what}" if what else "", "\n")
        self.console.print(title, soft_wrap=True)

    def _show(self, result: Result) -> None:
        if result.status == "skipped":
            return  # reported together at the end
        missing = result.status == "not offered"
        mark = "FAILED" if result.status == "failed" else result.status
        line = Text.assemble(
            "  ",
            (f"{mark:<{STATUS_WIDTH}} ", STYLES[result.status]),
            (f"{result.check:<{CHECK_WIDTH}} ", "bold"),
            (f"No {result.message}." if missing else result.doc, "dim" if missing else ""),
        )
        self.console.print(line, soft_wrap=True)
        if result.status in ("failed", "note", "slow"):
            message = result.message[:1].upper() + result.message[1:]
            self._paragraph(message if message.endswith((".", "!", "?")) else f"{message}.", 6, "")
            for place in result.where:
                self._paragraph(f"at {place}", 8, "cyan")
            if result.command:
                self.console.print(
                    Text(f"        {result.command}", "cyan"), soft_wrap=True
                )  # in one line, to be copied
            self.console.print()

    def _paragraph(self, text: str, indent: int, style: str) -> None:
        width = min(self.console.width, MAX_WIDTH) - 2
        margin = " " * indent
        lines = textwrap.wrap(text, width, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
        self.console.print(Text("\n".join(lines), style), soft_wrap=True)

    def _close(self) -> None:
        reasons: dict[str, list[str]] = {}
        for result in self.results:
            if result.status == "skipped":
                reasons.setdefault(result.message, []).append(result.check)
        for reason, names in reasons.items():
            self._paragraph(f"Skipped, as {reason}: {', '.join(names)}.", 2, "dim")
        counts = Counter(str(result.status) for result in self.results)
        summary = [
            f"{counts[status]} {status}" + "s" * (status == "note" and counts[status] > 1)
            for status in STYLES
            if counts[status]
        ]
        self.console.print(f"\n  {', '.join(summary)}, in {self.seconds:.1f} s\n", highlight=False, soft_wrap=True)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "kind": self.kind,
            "seconds": round(self.seconds, 3),
            "failed": self.failed,
            "results": [asdict(result) for result in self.results],
        }


def print_summary(reports: list[Report], console: Console) -> None:
    """The last line."""
    broken = [f"{report.name} ({report.failed})" for report in reports if report.failed]
    slow = [f"{report.name} ({report.slow})" for report in reports if report.slow]
    if slow:
        console.print(Text(f"Too slow to be checked in full: {', '.join(slow)}.", "yellow"))
    if broken:
        console.print(Text(f"Failed: {', '.join(broken)}.", "bold red"))
    else:
        as_far = ", as far as it was checked" if slow else ""
        whose = f"{reports[0].name} keeps" if len(reports) == 1 else f"All {len(reports)} environments keep"
        console.print(Text(f"{whose} the contract{as_far}.", "bold green"))
