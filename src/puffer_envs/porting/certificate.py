"""The certificate: what was compared, how, and what came of it, as JSON and as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from puffer_envs.porting.adapter import Adapter
from puffer_envs.porting.episodes import Episodes
from puffer_envs.porting.pair import Pair
from puffer_envs.porting.steps import Case, Steps
from puffer_envs.porting.transfer import Score, Transfer

FORMAT = 1


def plain(value: Any) -> Any:
    """A value as JSON holds it: NumPy's numbers and arrays become Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return value


def tolerances(pair: Pair, adapter: Adapter) -> list[dict[str, Any]]:
    """Every number that is compared, what it may differ by and what it did."""
    rows = [(name, adapter.of_field(name)) for name in pair.compared]
    rows += [(f"observation {part.name}", adapter.of_part(part.name)) for part in pair.spec.obs]
    rows.append(("reward", adapter.reward))
    return [
        {"name": name, "within": within.absolute, "largest": pair.largest.get(name), "why": within.why}
        | ({"period": within.period} if within.period else {})
        for name, within in rows
    ]


def steps_facts(steps: Steps) -> dict[str, Any]:
    """Level 1."""
    return {
        "compared": steps.count,
        "from_states_of_the_reference": steps.from_theirs,
        "that_ended": steps.ends,
        "borderline": steps.borderline,
        "same": steps.found is None,
    }


def episodes_facts(episodes: Episodes) -> dict[str, Any]:
    """Level 2."""
    returns, lengths = (np.array(x, np.float64).reshape(-1, 2) for x in (episodes.returns, episodes.lengths))
    facts: dict[str, Any] = {
        "compared": episodes.count,
        "steps": episodes.steps,
        "steps_compared_one_by_one": episodes.followed,
        "ended_together": episodes.together,
        "borderline": episodes.borderline,
        "same": episodes.found is None and episodes.returns_agree,
    }
    if len(returns):
        apart = returns[:, 0] - returns[:, 1]
        facts["mean_return"] = {"ours": returns[:, 0].mean(), "reference": returns[:, 1].mean()}
        facts["mean_length"] = {"ours": lengths[:, 0].mean(), "reference": lengths[:, 1].mean()}
        facts["mean_difference_of_returns"] = {"mean": apart.mean(), "half": half_width(apart)}
        facts["largest_difference_of_returns"] = np.abs(apart).max()
    return facts


def half_width(values: Any) -> float:
    """Of the 95 % interval of a mean."""
    return float(1.96 * np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0


def transfer_facts(transfers: Sequence[Transfer]) -> list[dict[str, Any]]:
    """Level 3."""
    return [
        {
            "policy": t.policy,
            "ours": _score(t.ours),
            "reference": _score(t.theirs),
            "standard_errors_apart": t.errors,
            "same": t.same,
        }
        for t in transfers
    ]


def _score(score: Score) -> dict[str, float]:
    return {"mean": score.mean, "half": score.half, "length": score.length, "episodes": score.episodes}


def case_facts(case: Case, pair: Pair, advice: Sequence[str]) -> dict[str, Any]:
    """A step that differs."""
    labels = pair.spec.layout.actions[0].labels if pair.spec.layout.actions[0].choices else ()
    single = len(pair.spec.layout.actions) == 1
    return {
        "from": case.start,
        "before": case.before,
        "actions": case.actions,
        "action_names": [labels[int(a)] for a in case.actions] if labels and single else None,
        "ours": {"state": case.ours.state, "observation": case.ours.observation, "reward": case.ours.reward,
                 "terminal": case.ours.terminal, "truncated": case.ours.truncated},
        "reference": {"state": case.theirs.state, "observation": case.theirs.observation,
                      "reward": case.theirs.reward, "terminal": case.theirs.terminal,
                      "truncated": case.theirs.truncated},
        "differ": [
            {"what": g.what, "name": g.name, "ours": g.ours, "reference": g.theirs, "apart": g.apart,
             "allowed": g.allowed}
            for g in case.gaps
        ],
        "look_at": list(advice),
    }  # fmt: skip


def write(facts: Mapping[str, Any], path: Path) -> tuple[Path, Path]:
    """Write PATH.json and PATH.md, and return both."""
    path = path.with_suffix("") if path.suffix in (".json", ".md") else path
    path.parent.mkdir(parents=True, exist_ok=True)
    data, page = path.with_suffix(".json"), path.with_suffix(".md")
    data.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    page.write_text(markdown(facts), "utf-8")
    return data, page


def markdown(facts: Mapping[str, Any]) -> str:
    """The page."""
    ours, reference, speed = facts["environment"], facts["reference"], facts["speed"]
    verdict = "is the same as" if facts["same"] else "differs from"
    lines = [
        f"# {ours['name']} {verdict} {reference['name']}",
        "",
        f"Made by `{facts['command']}` on {facts['date']}: puffer-envs {facts['puffer_envs']}, "
        f"{', '.join(reference['packages'])}, Python {facts['python']}, {facts['machine']}.",
        "",
        "## Single steps",
        "",
        *_steps(facts["steps"]),
        "",
        "| number | may differ by | largest difference | why |",
        "| --- | --- | --- | --- |",
        *(f"| `{r['name']}` | {_within(r)} | {_number(r['largest'])} | {r['why'] or 'must be equal'} |"
          for r in facts["tolerances"]),
        "",
    ]  # fmt: skip
    lines += [f"Not compared: `{name}`: {why}." for name, why in facts["ignored"].items()]
    lines += ["", "## Episodes", "", *_episodes(facts), ""]
    lines += ["## Policies on both sides", "", *_transfer(facts["transfer"]), ""]
    lines += [
        "## Speed",
        "",
        f"One core, random actions: {_rate(speed['ours'])} steps a second here, {_rate(speed['reference'])} there: "
        f"{speed['ours'] / speed['reference']:,.0f} times as many.",
        "",
    ]
    if facts["notes"]:
        lines += ["## What cannot be the same", "", *(f"- {note}" for note in facts["notes"]), ""]
    if facts["difference"] is not None:
        lines += ["## The first difference", "", "```json", json.dumps(facts["difference"], indent=2), "```", ""]
    return "\n".join(lines)


def _steps(steps: Mapping[str, Any]) -> list[str]:
    text = (
        f"{steps['compared']:,} steps, each from the same state on both sides, {steps['from_states_of_the_reference']:,} of "
        f"these states reached by the reference, the others by ours. {steps['that_ended']:,} of the steps ended an episode."
    )
    if steps["borderline"]:
        text += f" In {steps['borderline']:,} of them only one side ended, within a rounding of the limit."
    return [text]


def _episodes(facts: Mapping[str, Any]) -> list[str]:
    episodes, growth = facts["episodes"], facts["growth"]
    text = (
        f"{episodes['compared']:,} episodes from the same start with the same actions, {episodes['steps']:,} steps. "
        f"{episodes['ended_together']:,} of them ended in the same step. "
    )
    if growth["factor"] > 1:
        text += (
            f"The first {growth['steps']} steps of each, {episodes['steps_compared_one_by_one']:,} in all, were compared one "
            f"by one; tolerances grow by a factor of {growth['factor']:g} a step: {growth['why']}. After that they are ten "
            "thousand times as wide and say nothing; what follows is compared by its returns."
        )
    else:
        text += f"{episodes['steps_compared_one_by_one']:,} steps were compared one by one; tolerances add up."
    lines = [text]
    if "mean_return" in episodes:
        means, apart = episodes["mean_return"], episodes["mean_difference_of_returns"]
        lines += ["", f"Mean return {means['ours']:.2f} here and {means['reference']:.2f} there; the difference is "
                  f"{apart['mean']:.3g} ± {apart['half']:.2g} (95 %), at most "
                  f"{episodes['largest_difference_of_returns']:.3g}."]  # fmt: skip
    starts = facts["starts"]
    if starts["compared"]:
        worst = max(starts["distances"].values(), default=0.0)
        lines += ["", f"Episodes start in the same places: over {starts['compared']:,} starts on each side the "
                  f"distributions of all fields are {worst:.2f} of the Kolmogorov-Smirnov distance apart that chance gives "
                  "once in a thousand times."]  # fmt: skip
    return lines


def _transfer(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["Not compared."]
    lines = ["| policy | return here | return there | episodes on each side | standard errors apart |",
             "| --- | --- | --- | --- | --- |"]  # fmt: skip
    for row in rows:
        ours, theirs = (f"{x['mean']:.2f} ± {x['half']:.2f}" for x in (row["ours"], row["reference"]))
        lines.append(f"| {row['policy']} | {ours} | {theirs} | {row['ours']['episodes']:,} | "
                     f"{row['standard_errors_apart']:.2f} |")  # fmt: skip
    return [*lines, "", "Means with 95 % intervals."]


def _within(row: Mapping[str, Any]) -> str:
    return f"{row['within']:.2g}" + (" (modulo a turn)" if "period" in row else "") if row["within"] else "0"


def _number(value: float | None) -> str:
    return "never compared" if value is None else f"{value:.2g}"


def _rate(rate: float) -> str:
    return f"{rate / 1e6:,.0f} million" if rate >= 1e7 else f"{rate:,.0f}"
