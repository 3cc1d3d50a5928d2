"""The certificate: what was compared, how, and what came of it, as JSON and as a page."""

from __future__ import annotations

import json
import textwrap
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
        "chaotic": steps.chaotic,
        "chaotic_same": steps.chaotic_same,
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
        "chaotic": episodes.chaotic,
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
            "distances": t.distances,
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
    versions = ", ".join(reference["packages"])
    parts = [
        f"# {ours['name']} {verdict} {reference['name']}",
        f"`{facts['command']}` wrote this page on {facts['date']}, with puffer-envs {facts['puffer_envs']}, "
        f"{versions} and "
        f"Python {facts['python']} on {facts['machine']}.",
        "## Single steps",
        _steps(facts["steps"]),
        *_follow(facts),
        _table(
            ("number", "may differ by", "largest difference"),
            [(f"`{row['name']}`", _within(row), _number(row["largest"])) for row in facts["tolerances"]],
        ),
        *_reasons(facts["tolerances"]),
        *(f"Not compared: `{name}`. {_sentence(why)}" for name, why in facts["ignored"].items()),
        "## Episodes",
        *_episodes(facts),
        "## Policies on both sides",
        *_transfer(facts["transfer"]),
        "## Speed",
        f"One core, random actions: {_rate(speed['ours'])} steps a second here, {_rate(speed['reference'])} there: "
        f"{speed['ours'] / speed['reference']:,.0f} times as many. Other programs may have run beside it.",
    ]
    if facts["notes"]:
        parts += ["## What is not the same", *(f"- {note}" for note in facts["notes"])]
    if facts["difference"] is not None:
        parts += ["## The first difference", f"```json\n{json.dumps(facts['difference'], indent=2)}\n```"]
    return "\n\n".join(part if part.startswith(("#", "|", "```")) else _filled(part) for part in parts) + "\n"


def _filled(text: str) -> str:
    """A paragraph of at most 100 columns, or an item of a list."""
    indent = "  " if text.startswith("- ") else ""
    return textwrap.fill(text, 100, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _reasons(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why numbers may differ: one item for each reason."""
    names: dict[str, list[str]] = {}
    for row in rows:
        if row["why"]:
            names.setdefault(row["why"], []).append(f"`{row['name']}`")
    return [f"- {', '.join(each)}: {why}." for why, each in names.items()]


def _steps(steps: Mapping[str, Any]) -> str:
    text = (
        f"{steps['compared']:,} steps, each from the same state on both sides; "
        f"{steps['from_states_of_the_reference']:,} of these states were reached by the reference, the others by ours. "
        f"{steps['that_ended']:,} of the steps ended an episode."
    )
    if steps["borderline"]:
        text += f" In {steps['borderline']:,} of them only one side ended, within a rounding of the limit."
    return text


def _follow(facts: Mapping[str, Any]) -> list[str]:
    """What an adapter with FOLLOW or chaotic() adds."""
    steps, parts = facts["steps"], []
    if facts.get("follow"):
        parts.append(f"Both played the same episodes, and were brought together before each step: {facts['follow']}.")
    if steps.get("chaotic"):
        share = steps["chaotic_same"] / steps["chaotic"]
        parts.append(
            f"{steps['chaotic']:,} of the steps were in states in which roundings may grow within a step, or came "
            f"after one. They are left to the distributions below; {share:.1%} of them were within the tolerances all "
            "the same."
        )
    return parts


def _episodes(facts: Mapping[str, Any]) -> list[str]:
    episodes, growth, starts = facts["episodes"], facts["growth"], facts["starts"]
    one_by_one = f"{episodes['steps_compared_one_by_one']:,}"
    text = (
        f"{episodes['compared']:,} episodes from the same start with the same actions, {episodes['steps']:,} steps. "
        f"{episodes['ended_together']:,} of them ended in the same step. "
    )
    if growth["factor"] > 1:
        text += (
            f"The first {growth['steps']} steps of each, {one_by_one} in all, were compared one by one. "
            "Tolerances grow by a "
            f"factor of {growth['factor']:g} a step: {growth['why']}. Beyond those steps they are ten thousand "
            "times as wide "
            "and say nothing; there, returns are compared."
        )
    else:
        text += f"{one_by_one} steps were compared one by one; tolerances add up."
    parts = [text]
    if "mean_return" in episodes:
        means, apart = episodes["mean_return"], episodes["mean_difference_of_returns"]
        parts.append(
            f"Mean return {means['ours']:.2f} here and {means['reference']:.2f} there. The difference is "
            f"{apart['mean']:.3g} "
            f"± {apart['half']:.2g} (95 %), and {episodes['largest_difference_of_returns']:.3g} at most."
        )
    if episodes.get("chaotic"):
        parts.append(
            f"{episodes['chaotic']:,} of the episodes came to a state in which roundings may grow, and were compared "
            "one by one up to there. From there on, actions that are chosen for one side do not suit the other: what "
            "comes of them is left to the players below."
        )
    if starts["compared"]:
        worst = max(starts["distances"].values(), default=0.0)
        parts.append(
            f"Episodes start in the same places. Over {starts['compared']:,} starts on each side, no field's "
            "distributions "
            f"are further apart (Kolmogorov, Smirnov) than {worst:.2f} times what chance exceeds once in a "
            "thousand times."
        )
    return parts


def _transfer(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return ["Not compared."]
    heads = ("policy", "return here", "return there", "episodes on each side", "standard errors apart")
    cells = []
    for row in rows:
        returns = [f"{x['mean']:.2f} ± {x['half']:.2f}" for x in (row["ours"], row["reference"])]
        episodes, apart = f"{row['ours']['episodes']:,}", f"{row['standard_errors_apart']:.2f}"
        cells.append((row["policy"], *returns, episodes, apart))
    return [_table(heads, cells), "Means with 95 % intervals.", *_distributions(rows)]


def _distributions(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How far the distributions of both sides are apart, where the certificate has it."""
    rows = [row for row in rows if "distances" in row]
    if not rows:
        return []
    names = list(rows[0]["distances"])
    cells = [(row["policy"], *(f"{row['distances'][name]:.2f}" for name in names)) for row in rows]
    text = (
        "How far the distributions of both sides are apart (Kolmogorov, Smirnov), in times of what chance exceeds "
        "once in a thousand times. The last reward says how an episode ended."
    )
    return [text, _table(("policy", *names), cells)]


def _within(row: Mapping[str, Any]) -> str:
    turn = " (modulo a period)" if "period" in row else ""
    return f"{row['within']:.2g}{turn}" if row["within"] else "0"


def _number(value: float | None) -> str:
    return "never compared" if value is None else f"{value:.2g}"


def _rate(rate: float) -> str:
    return f"{rate / 1e6:,.0f} million" if rate >= 1e7 else f"{rate:,.0f}"
