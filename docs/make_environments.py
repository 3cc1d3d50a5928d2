"""Write a page for each environment, their gallery, and the table in README.md: `python docs/make_environments.py`.

The rules come from the comment at the top of the C file, spaces and settings from its tables, keys from the drawing,
speed and scores from the last committed measurements (benchmarks/results). With `--check` nothing is written; the exit
status is 1 if a page is out of date.
"""

from __future__ import annotations

import itertools
import json
import re
import statistics
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import puffer_envs
from puffer_envs.contract.documentation import page_url
from puffer_envs.spec import ActionPart, EnvSpec, ObsPart, Param
from puffer_render.draw import own_drawing
from puffer_render.keys import make_keymap

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/environments"
RESULTS = ROOT / "benchmarks/results"
SETTINGS = ROOT / "src/puffer_train/settings"
SUBJECTS = {
    "acrobot": "Gymnasium's Acrobot-v1",
    "asteroids": "a ship among drifting rocks",
    "backgammon": "dice, hits, bearing off, or self-play",
    "bipedal_walker": "Gymnasium's BipedalWalker-v3",
    "blackjack": "Gymnasium's Blackjack-v1",
    "blobs": "eat, grow, avoid the larger ones",
    "boids": "a flock, with or without predators",
    "breakout": "the arcade game, two walls",
    "car_racing": "Gymnasium's CarRacing-v3",
    "car_racing_pixels": "Gymnasium's CarRacing-v3, from pixels",
    "cards": "creatures, spells, a stack",
    "cartpole": "Gymnasium's CartPole-v1",
    "checkers": "English draughts, or self-play",
    "chess": "all rules, scripts or self-play",
    "cliff_walking": "Gymnasium's CliffWalking-v1",
    "connect4": "four in a row, or self-play",
    "craftax_classic": "craftax's Craftax-Classic",
    "delve": "a roguelike of twelve levels",
    "drone": "a swarm: formations and races",
    "enduro": "overtake through snow, night and fog",
    "foundry": "machines, goods, six workers",
    "frozen_lake": "Gymnasium's FrozenLake-v1",
    "go": "surround more than the other, or self-play",
    "gomoku": "five in a row, or self-play",
    "hex": "connect two sides, or self-play",
    "lantern": "a dark maze, a colour to remember",
    "lunar_lander": "Gymnasium's LunarLander-v3",
    "maze": "keys, doors, limited sight",
    "memory": "recall a cue",
    "merge2048": "slide and join tiles",
    "minatar_asterix": "MinAtar's Asterix",
    "minatar_breakout": "MinAtar's Breakout",
    "minatar_freeway": "MinAtar's Freeway",
    "minatar_seaquest": "MinAtar's Seaquest",
    "minatar_space_invaders": "MinAtar's Space Invaders",
    "mountain_car": "Gymnasium's MountainCar-v0",
    "mountain_car_continuous": "Gymnasium's MountainCarContinuous-v0",
    "othello": "flank and flip, or self-play",
    "pendulum": "Gymnasium's Pendulum-v1",
    "pong": "table tennis to 21",
    "racer": "a car that drifts, random tracks",
    "snake": "many snakes on one map",
    "squared": "the smallest example",
    "tanks": "two teams, ricochets",
    "taxi": "Gymnasium's Taxi-v4",
    "tower": "climb, push and pull blocks",
}
"""What the README says of each, in a few words."""

ORIGINS = {
    "Gymnasium's": "classic control, toy text, LunarLander, CarRacing",
    "MinAtar's": "Asterix, Breakout, Freeway, Seaquest, Space Invaders",
    "craftax's": "Craftax-Classic, an open world",
}
"""Of ports, and what they are."""
SEARCHING = ("backgammon", "checkers", "chess", "go", "gomoku", "hex", "othello")
"""Their scripted opponents search for most of the time: the README shows how fast the rules are without them."""
SELF_PLAY = "self-play"
BEGIN, END = "<!-- environments: written by docs/make_environments.py -->", "<!-- end -->"


def page(name: str) -> str:
    """The page of one environment."""
    env = puffer_envs.spec(name)
    return "\n\n".join(
        [
            f"# {name}",
            filled(env.doc),
            f"![{name}](../images/{name}.png){{ .environment }}",
            "## Rules",
            rules(name),
            filled(f"Logs: {', '.join(f'`{x}`' for x in env.log_names)}."),
            "## Spaces",
            spaces(env),
            "## Settings",
            settings(env),
            "## Speed",
            speed(name),
            "## Training",
            training(name),
            *(["## Other bodies", bodies()] if name == "drone" else []),
            "## Keys",
            keys(env),
        ]
    )


# --- the comment that a C file begins with, as Markdown ---


def rules(name: str) -> str:
    """The rules, from the comment that the C file begins with."""
    lines = (ROOT / f"c/envs/{name}.h").read_text("utf-8").splitlines()
    comment = [line[2:].removeprefix(" ") for line in itertools.takewhile(lambda line: line.startswith("//"), lines)]
    _, _, text = "\n".join(comment).partition("\n\n")  # the first paragraph says what it is, as does its doc
    return "\n\n".join(markdown(block) for block in re.split(r"\n\s*\n", with_numbers(name, text.strip("\n"))))


def with_numbers(name: str, text: str) -> str:
    """The text with C constants replaced by their values, and without those in parentheses."""
    values = constants(name)
    text = re.sub(rf" \({name.upper()}_\w+\)", "", text)
    return re.sub(rf"\b{name.upper()}_[A-Z0-9_]+\b", lambda found: values[found.group()], text)


def constants(name: str) -> dict[str, str]:
    """Values of the plain numbers that an environment's headers define or enumerate, by name."""
    source = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "c/envs").glob(f"{name}*.h")))
    found = re.findall(r"(?:#define |\b)([A-Z][A-Z0-9_]+)(?: =)? (\d+(?:\.\d+)?)f?(?=[\s,])", source)
    return {name: f"{float(value):g}" for name, value in found}


def markdown(block: str) -> str:
    """A paragraph of a comment as Markdown: `Reward   text` becomes a list, an indented table stays as it is."""
    lines = block.splitlines()
    if all(line.startswith("    ") for line in lines):
        return "```text\n" + "\n".join(line[4:] for line in lines) + "\n```"
    parts: list[list[str]] = [[]]
    for line in lines:
        if re.match(r"(?:[A-Z]\w+ {2,}| {8,}\w+ {2,}|\d+\. )\S", line):
            parts.append([])
        parts[-1].append(line)
    items = [_item("\n".join(part)) for part in parts if part]
    listed = bool(items) and re.match(r"\d+\. ", items[-1]) and not re.match(r"\d+\. ", items[0])
    return "\n".join([filled(items[0]) + "\n" * bool(listed), *map(filled, items[1:])])


def _item(text: str) -> str:
    """One line of Markdown, with the mark of a list if it belongs to one."""
    words = escaped(" ".join(text.split()))
    number = re.match(r"\d+\. ", text)
    label = re.match(r"( *)(\w+) {2,}", text)
    if number or not label:
        return words
    rest = words[len(label.group(2)) :].strip()
    return f"    - `{label.group(2)}`: {rest}" if label.group(1) else f"- **{label.group(2)}**: {rest}"


def escaped(text: str) -> str:
    """The text with what Markdown would take for markup escaped, outside of backquotes."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*_<\[\]\\])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def filled(line: str) -> str:
    """The line wrapped at 100 columns, as an item of a list where it is one."""
    mark = re.match(r" *(?:- |\d+\. )?", line)
    assert mark is not None
    head = mark.group()
    return textwrap.fill(
        line[len(head) :],
        100,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )


# --- the tables of a C file ---


def spaces(env: EnvSpec) -> str:
    """What an agent sees and does."""
    layout = env.layout
    shape = " x ".join(map(str, layout.obs_shape))
    agents = "one agent" if layout.agents == 1 else f"{layout.agents} agents"
    text = f"At the default settings an environment has {agents}. An observation is {env.obs_dtype} {shape}."
    text += " There is an action mask." * layout.masked + " There is an agent mask." * layout.padded
    observation = [
        f"- `{part.name}`, {part.count} {_what(part)}, {part.low:g} to {part.high:g}: {part.doc}" for part in env.obs
    ]
    action = [f"- `{part.name}`: {_choices(part)}" for part in layout.actions]
    lists = ["\n".join(map(filled, items)) for items in (observation, action)]
    return f"{filled(text)}\n\nObservation, in this order:\n\n{lists[0]}\n\nAction:\n\n{lists[1]}"


def _what(part: ObsPart) -> str:
    """What the elements of a part of the observation are called."""
    return ("code" if part.codes else "element") + "s" * (part.count != 1)


def _choices(part: ActionPart) -> str:
    if part.choices:
        return ", ".join(f"{i} {label}" for i, label in enumerate(part.labels))
    return f"{part.low:g} to {part.high:g} {' '.join(part.labels)}"


def settings(env: EnvSpec) -> str:
    """A list of the settings, with default and range."""
    return "\n".join(filled(f"- `{p.name}` = {_default(p)}: {p.doc}") for p in env.params)


def _default(p: Param) -> str:
    """The default, and what else is allowed."""
    if isinstance(p.default, str):
        return f"{p.default}, or {', '.join(p.choices[1:-1])} or {p.choices[-1]}"
    return f"{p.default:g}, from {p.low:g} to {p.high:g}"


# --- measurements ---


def speed(name: str) -> str:
    """What benchmarks/scaling.py measured; performance.md has all instruction sets."""
    scaled = [m for m in results("scaling") if m["environment"] == name]
    rows = [(m["what"], f"{m['agents']:,}", millions(m["steps_per_second"]), f"{m['nanoseconds']:.1f}") for m in scaled]
    return "\n\n".join(
        [
            filled(
                "On one core, with random actions (`python benchmarks/scaling.py`). [Performance](../performance.md) "
                "describes the machine and compares instruction sets."
            ),
            table(("", "agents", "agent-steps/s", "ns per agent-step"), rows),
        ]
    )


def training(name: str) -> str:
    """What benchmarks/training.py measured, and with which settings."""
    runs = [run for run in results("training") if run["environment"] == name]
    rows = [
        (
            run.get("settings", "balanced"),
            run["seed"],
            millions(run["steps"]),
            f"{run['training_seconds']:.0f} s",
            number(run["score"]),
            f"{run['perf']:.3f}",
        )
        for run in runs
    ]
    columns = ("settings", "seed", "steps", "time", "score", "perf")
    skip = len({row[0] for row in rows}) == 1
    shipped = SETTINGS / f"{name}.toml"
    assert tomllib.loads(shipped.read_text("utf-8")), f"{name}.toml has settings"
    values = _values(shipped)
    return "\n\n".join(
        [
            filled(
                f"`puffer-train {name} --seed N` on two cores. The time runs from process start to the exported "
                "policy; scores are means over fresh full episodes."
            ),
            table(columns[skip:], [row[skip:] for row in rows]),
            f"The settings shipped for it:\n\n```toml\n{values}\n```",
            *variants(name),
            f"To watch a trained policy:\n\n```\npuffer-play {name} --trained\n```",
        ]
    )


def bodies() -> str:
    """What benchmarks/bodies.py measured: drones outside the bodies that they were trained on."""
    measured = results("bodies")
    least, most = measured["trained"]
    flown: dict[tuple[str, float], dict[str, Any]] = {}
    for row in measured["bodies"]:
        flown.setdefault((row["body"], row["times"]), {})[row["flight"]] = row
    rows = []
    for (body, times), flights in flown.items():
        pair = [flights["formations"], flights["race"]]
        figures = [f"{row['perf']:.3f}" for row in pair]
        figures += [f"{row['crashes'] + row['out_of_bounds']:.1%}" for row in pair]
        rows.append((body, f"{times:g}", "yes" if least <= times <= most else "no", *figures))
    lives = min(row["lives"] for row in measured["bodies"])
    return "\n\n".join(
        [
            filled(
                "No observation says what body a drone has: the policy has to find out from how it flies. Here the "
                "mass, or the lag of the rotors, of every drone is so many times the nominal one, also outside the "
                f"range of training. All else varies as in training. Means over {lives:,} lives with the likeliest "
                "actions (`python benchmarks/bodies.py`); lost are drones that left the room or hit the ground hard."
            ),
            table(
                ("body", "times", "trained", "perf, formations", "perf, race", "lost, formations", "lost, race"), rows
            ),
            filled(
                f"So the policy keeps nine tenths of its perf with {limits(flown, 'mass')}, and with "
                f"{limits(flown, 'lag')}. Rotors that answer later than any in training are its limit."
            ),
        ]
    )


def limits(flown: dict[tuple[str, float], dict[str, Any]], body: str) -> str:
    """Between which multiples, around 1, a policy keeps nine tenths of its perf, in words."""
    words = []
    for flight, where in (("formations", "formations"), ("race", "a race")):
        perf = {times: flights[flight]["perf"] for (what, times), flights in flown.items() if what == body}
        lost = [times for times in perf if perf[times] < 0.9 * perf[1.0]]
        low = min(times for times in perf if not any(times <= each <= 1 for each in lost))
        high = max(times for times in perf if not any(1 <= each <= times for each in lost))
        words.append(f"{low:g} to {high:g} times the {body} in {where}")
    return f"{words[0]} ({words[1].replace(f' times the {body}', '')})"


def variants(name: str) -> list[str]:
    """Settings that ship for an environment beside the usual ones."""
    found = [each for each in ("fast", "best") if (SETTINGS / each / f"{name}.toml").is_file()]
    return [
        f"`--settings {each}` is short for:\n\n```toml\n{_values(SETTINGS / each / f'{name}.toml')}\n```"
        for each in found
    ]


def _values(file: Path) -> str:
    lines = file.read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#")).strip()


def keys(env: EnvSpec) -> str:
    """What the keyboard does in puffer-play."""
    drawing = own_drawing(env.name)
    assert drawing is not None, f"{env.name} has no drawing"
    keymap = make_keymap(env.layout.actions, drawing.keys, drawing.idle, drawing.pilot)
    rows = [(" ".join(f"`{cap}`" for cap in binding.caps), binding.label) for binding in keymap.bindings]
    parts = [f"In `puffer-play {env.name}`:", table(("keys", "action"), rows)]
    if drawing.play:
        values = ", ".join(f"`{key}` {value}" for key, value in drawing.play.items())
        parts.append(filled(f"For people the defaults are {values}. `--env.KEY VALUE` overrides them."))
    return "\n\n".join(parts)


# --- the lists of all environments ---


def index() -> str:
    """The table of the README; ports, which have a page of their own, share a row for each origin."""
    ports = [name for name in environments() if (PAGES.parent / f"ports/{name}.json").exists()]
    links = {name: f"[{name}]({page_url(f'environments/{name}')})" for name in environments()}
    rows = [(link, SUBJECTS[name], *figures([name])) for name, link in links.items() if name not in ports]
    for origin, what in ORIGINS.items():
        theirs = [name for name in ports if SUBJECTS[name].startswith(origin)]
        first = f"[{len(theirs)} of {origin}]({page_url('classics')})"
        if len(theirs) == 1:
            first = f"[{theirs[0]}]({page_url(f'environments/{theirs[0]}')})"
        rows.append((first, what, *figures(theirs)))  # that page has a link to each
    return table(("environment", "what it is", "agent-steps/s", "perf", "trained in"), rows)


def figures(names: Sequence[str]) -> tuple[str, str, str]:
    """Speed, perf and training time, the least and the greatest of some environments."""
    rates, perfs, seconds = [], [], []
    for name in names:
        what = SELF_PLAY if name in SEARCHING else ""
        measured = [m for m in results("environments")["measurements"] if (m["environment"], m["what"]) == (name, what)]
        rates.append(measured[-1]["steps_per_second"])  # the newest instruction set comes last
        runs = [
            run
            for run in results("training")
            if run["environment"] == name and run.get("settings", "balanced") == "balanced"
        ]
        perfs += [run["perf"] for run in runs]
        seconds.append(statistics.median(run["training_seconds"] for run in runs))
    spread = [f"{perf:.2f}" for perf in (min(perfs), max(perfs))]
    times = [f"{time:.0f}" for time in (min(seconds), max(seconds))]
    speed = between([millions(min(rates)), millions(max(rates))]) + (f" in {what}" if what else "")
    return speed, between(spread), f"{between(times)} s"


def between(ends: Sequence[str]) -> str:
    """The lower and the upper end, or one where they look the same."""
    return ends[0] if ends[0] == ends[-1] else f"{ends[0]} to {ends[-1]}"


def gallery() -> str:
    """The page of all environments, with pictures."""
    parts = [
        "---\nhide: [toc]\n---",
        "# Environments",
        filled(
            "Every picture shows a policy trained with the shipped settings (`python docs/make_gallery.py`). Click one "
            "for its rules, spaces, settings, speed, scores and keys. `puffer-envs list` and `puffer-envs info NAME` "
            "print the same on the terminal."
        ),
        '<div class="gallery" markdown>',
    ]
    for name in environments():
        doc = filled(f"[**{name}**]({name}.md) {puffer_envs.spec(name).doc}")
        picture = f"![{name}](../images/{name}.png){{ loading=lazy }}"
        parts.append(f"<div markdown>\n\n[{picture}]({name}.md)\n\n{doc}\n\n</div>")
    return "\n\n".join([*parts, "</div>"])


def with_index(readme: str) -> str:
    """The README with the table between its two marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"README.md lacks {BEGIN} and {END}"
    return f"{before}{begin}\n{index()}\n{end}{after}"


def environments() -> list[str]:
    """Names of the environments in this repository."""
    lines = (ROOT / "c/envs.def").read_text().splitlines()
    return [line[line.index("(") + 1 : line.index(")")] for line in lines if line.startswith("PUF_ENV")]


@cache
def results(name: str) -> Any:
    """A file of benchmarks/results."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [tuple(head), *[tuple(str(cell).replace("|", "\\|") for cell in row) for row in rows]]
    lines.insert(1, ("---",) * len(lines[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def millions(value: float) -> str:
    """In millions, with three digits."""
    return f"{value / 1e6:.3g} M" if value < 1e9 else f"{value / 1e6:.0f} M"


def number(value: float) -> str:
    """With four digits."""
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def main() -> int:
    """Write, or with --check compare, all pages."""
    check, wrong = "--check" in sys.argv[1:], []
    PAGES.mkdir(exist_ok=True)
    readme = ROOT / "README.md"
    wanted = {f"{name}.md": page(name) for name in environments()} | {"index.md": gallery()}
    files = {PAGES / name: text + "\n" for name, text in wanted.items()}
    files[readme] = with_index(readme.read_text("utf-8"))
    for path, text in files.items():
        if check:
            if not path.exists() or path.read_text("utf-8") != text:
                wrong.append(path.name)
        else:
            path.write_text(text, "utf-8")
    wrong += sorted(path.name for path in PAGES.glob("*.md") if path.name not in wanted)
    if wrong:
        print(f"{', '.join(wrong)}: out of date; run python docs/make_environments.py", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
