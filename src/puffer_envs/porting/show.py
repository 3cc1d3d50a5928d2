"""What `puffer-envs port` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape

from puffer_envs.porting.run import Found
from puffer_envs.tables import make_table

MAX_ACTIONS = 40
"""Actions of a difference that are printed; the certificate has all."""


def show(found: Found, console: Console) -> None:
    """Print the figures of the three levels, or the first difference and what to look at next."""
    facts = found.facts
    name, reference = facts["environment"]["name"], facts["reference"]["name"]
    _show_levels(facts, console)
    if facts["difference"] is not None:
        _show_difference(facts["difference"], name, reference, console)
    for sentence in found.advice:
        console.print(f"  [bold]look at[/]  {escape(sentence)}", highlight=False)
    verdict = (
        f"[green]{name} is {escape(reference)}[/]" if facts["same"] else f"[red]{name} is not {escape(reference)}[/]"
    )
    console.print(f"\n{verdict}, as far as this was compared.", highlight=False)


def _show_levels(facts: Mapping[str, Any], console: Console) -> None:
    table = make_table("level", "compared", "result")
    steps, episodes, speed = facts["steps"], facts["episodes"], facts["speed"]
    border = f", {steps['borderline']} on the border" if steps["borderline"] else ""
    table.add_row(
        "single steps", f"{steps['compared']:,}", ("the same" if steps["same"] else "[red]differ[/]") + border
    )
    if episodes["compared"] or not episodes["same"]:
        followed = f"{episodes['steps_compared_one_by_one']:,} steps compared one by one"
        result = f"{episodes['ended_together']:,} ended together, {followed}" if episodes["same"] else "[red]differ[/]"
        table.add_row("episodes", f"{episodes['compared']:,}", result)
    if facts["starts"]["compared"]:
        worst = max(facts["starts"]["distances"].values(), default=0.0)
        table.add_row("starts", f"{facts['starts']['compared']:,}", "the same" if worst <= 1 else "[red]differ[/]")
    for row in facts["transfer"]:
        ours, theirs = (f"{x['mean']:.2f} ± {x['half']:.2f}" for x in (row["ours"], row["reference"]))
        result = f"{ours} here, {theirs} there"
        table.add_row(f"policy {escape(row['policy'])}", f"2 x {row['ours']['episodes']:,}",
                      result if row["same"] else f"[red]{result}[/]")  # fmt: skip
    ratio = f"{speed['ours']:,.0f} a second here, {speed['reference']:,.0f} there"
    table.add_row("speed", "steps", f"{ratio}: {speed['ours'] / speed['reference']:,.0f} times")
    console.print(table)


def _show_difference(case: Mapping[str, Any], name: str, reference: str, console: Console) -> None:
    actions = case["action_names"] or case["actions"]
    shown = ", ".join(_short(a) for a in actions[:MAX_ACTIONS]) + (", ..." if len(actions) > MAX_ACTIONS else "")
    times = f"after {len(actions)} action{'s' * (len(actions) != 1)} from {case['from']}"
    console.print(f"{name} and {escape(reference)} differ {times}: {escape(shown)}\n", highlight=False)
    differ = {row["name"]: row for row in case["differ"]}
    table = make_table("state", "before", "ours", "reference", "apart", "allowed")
    ours, theirs = case["ours"]["state"] or {}, case["reference"]["state"] or {}
    for field, before in case["before"].items():
        table.add_row(*_row(field, before, ours.get(field, "(ended)"), theirs.get(field, ""), differ.get(field)))
    for field, row in differ.items():
        if field not in case["before"]:
            table.add_row(*_row(field, "", row["ours"], row["reference"], row))
    console.print(table)


def _row(name: str, before: Any, ours: Any, theirs: Any, gap: Mapping[str, Any] | None) -> list[str]:
    apart, allowed = ("", "") if gap is None else (f"{gap['apart']:.3g}", f"{gap['allowed']:.3g}")
    cells = [escape(name), *(escape(_short(x)) for x in (before, ours, theirs)), apart, allowed]
    return cells if gap is None else [f"[red]{cell}[/]" if cell else "" for cell in cells]


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, list):
        text = ", ".join(_short(one) for one in value[:8])
        return f"[{text}{', ...' if len(value) > 8 else ''}]"
    return str(value)
