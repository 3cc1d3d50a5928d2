"""What to look at next, for people and for coding agents."""

from __future__ import annotations

from puffer_envs.porting.steps import Case


def look_at(case: Case, name: str, adapter: str) -> list[str]:
    """Sentences, the most likely cause first."""
    gaps = case.gaps
    states = [gap for gap in gaps if gap.what == "state"]
    seen = [gap for gap in gaps if gap.what == "observation"]
    ends = [gap for gap in gaps if gap.what == "end"]
    said = []
    if case.hidden:
        said.append(
            f"From the same fields in a fresh environment the two agree: {name} keeps something that no field of "
            f"{adapter} "
            "shows, such as a counter; show it in the table of fields, or look at what else its step reads."
        )
    if states:
        worst = max(states, key=lambda gap: gap.apart / max(abs(gap.theirs), 1e-12))
        names = sorted({gap.name.partition("[")[0] for gap in states})
        said.append(_state(worst.name, names, name))
        if all(gap.apart <= 1e-5 * max(1.0, abs(gap.theirs)) for gap in states):
            said.append(
                f"The differences are as small as float32's roundings. If both compute the same formula, give "
                f"FIELDS[{worst.name!r}] in {adapter} a Within({_two_digits(worst.apart)}, 'why')."
            )
        elif any(abs(gap.ours + gap.theirs) <= 1e-6 * abs(gap.theirs) for gap in states if gap.theirs):
            said.append("A number has the wrong sign: look at directions, and at the order of the actions.")
    elif seen:
        parts = ", ".join(sorted({gap.name.removeprefix("observation ") for gap in seen}))
        said.append(
            f"The states agree and the observations do not ({parts}): look at {name}_observe and at the order of "
            "its parts."
        )
    if ends and not states:
        said.append(_ends({gap.name for gap in ends}, case, name))
    if any(gap.what == "reward" for gap in gaps) and not states:
        said.append(
            f"The states agree and the reward does not: look at io.rewards in {name}_step; ours is "
            f"{case.ours.reward:g}, "
            f"the reference's {case.theirs.reward:g}."
        )
    return said


def _state(worst: str, names: list[str], name: str) -> str:
    if len(names) == 1:
        return (
            f"Only {names[0]!r} differs: look at where {name}_step changes it, its constants and the order of updates."
        )
    return (
        f"{worst!r} differs most, of {', '.join(names)}: look at where {name}_step changes it first; the others "
        "may follow "
        "from it, if positions are moved by speeds, or speeds after positions."
    )


def _ends(names: set[str], case: Case, name: str) -> str:
    ours = "ends" if case.ours.terminal or case.ours.truncated else "continues"
    if names == {"truncated"}:
        return (
            f"Ours {ours}; only the time limit differs: look at max_steps, and at >= against > where tick is compared."
        )
    return (
        f"Ours {ours} here, the reference does the opposite: look at the condition of the terminal in {name}_step, its "
        "limits, and < against <=. If rounding decides at the limit, add borderline(state) to the adapter."
    )


def _two_digits(x: float) -> str:
    return f"{1.5 * x:.1e}"
