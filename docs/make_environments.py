"""Write a page for each environment, and the list of all in README.md: `python docs/make_environments.py`.

Everything on them is taken from where it is said once: the rules from the head of the C file, spaces and settings from
its tables, keys from the drawing, speed and scores from the last committed measurements (benchmarks/results). With
`--check` nothing is written; the exit status is 1 where a page is not as it would be written.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import puffer_envs
from puffer_envs.spec import ActionPart, EnvSpec
from puffer_render.draw import own_drawing
from puffer_render.keys import make_keymap

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs/environments"
RESULTS = ROOT / "benchmarks/results"
SETTINGS = ROOT / "src/puffer_train/settings"
BEGIN, END = "<!-- environments: written by docs/make_environments.py -->", "<!-- end -->"


def page(name: str) -> str:
    """The page of one environment."""
    env = puffer_envs.spec(name)
    return "\n\n".join(
        [
            f"# {name}",
            env.doc,
            f"![{name}](../images/{name}.png)",
            f"{rules(name)}",
            "## Spaces",
            spaces(env),
            "## Reward and ends",
            f"Reward: {env.reward}.\n\nEnd: {env.ends}.\n\nLog: {', '.join(f'`{x}`' for x in env.log_names)}.",
            "## Settings",
            settings(env),
            "## Speed",
            speed(name),
            "## Training",
            training(name),
            "## Keys",
            keys(env),
        ]
    )


def rules(name: str) -> str:
    """The comment that the C file begins with."""
    lines = (ROOT / f"c/envs/{name}.h").read_text().splitlines()
    comment = [line[2:].removeprefix(" ") for line in itertools.takewhile(lambda line: line.startswith("//"), lines)]
    _, _, told = "\n".join(comment).partition("\n\n")  # the first paragraph says what it is, as does its doc
    return f"## Rules\n\n```text\n{told.strip()}\n```"


def spaces(env: EnvSpec) -> str:
    """Tables of what an agent sees and does."""
    layout = env.layout
    shape = " x ".join(map(str, layout.obs_shape))
    agents = "one agent" if layout.agents == 1 else f"{layout.agents} agents"
    told = f"At the default settings {agents} to an environment; an observation is {env.obs_dtype} {shape}."
    told += " There is an action mask." * layout.masked + " There is an agent mask." * layout.padded
    seen = [(part.name, part.count, f"{part.low:g}", f"{part.high:g}", part.doc) for part in env.obs]
    done = [(part.name, _choices(part)) for part in layout.actions]
    observation = table(("observation", "elements", "from", "to", "meaning"), seen)
    return f"{told}\n\n{observation}\n\n{table(('action', 'choices'), done)}"


def _choices(part: ActionPart) -> str:
    if part.choices:
        return ", ".join(f"{i} {label}" for i, label in enumerate(part.labels))
    return f"{part.low:g} to {part.high:g} {' '.join(part.labels)}"


def settings(env: EnvSpec) -> str:
    """A table of the settings."""
    rows = [(f"`{p.name}`", f"{p.default:g}", f"{p.low:g}", f"{p.high:g}", p.doc) for p in env.params]
    return table(("setting", "default", "from", "to", "meaning"), rows)


def speed(name: str) -> str:
    """What benchmarks/environments.py and benchmarks/scaling.py measured."""
    measured = [m for m in results("environments")["measurements"] if m["environment"] == name]
    best = {
        (m["what"], m["num_agents"]): m["steps_per_second"] for m in measured
    }  # the newest instruction set comes last
    told = ["Agent-steps per second on one core of the machine of [performance.md](../performance.md), random actions:"]
    rated = [(what or "as it is", f"{agents:,}", millions(rate)) for (what, agents), rate in best.items()]
    told.append(table(("", "agents", "steps/s"), rated))
    scaled = [m for m in results("scaling") if m["environment"] == name]
    rows = [(m["what"], f"{m['agents']:,}", millions(m["steps_per_second"]), f"{m['nanoseconds']:.1f}") for m in scaled]
    told.append("More of them (`python benchmarks/scaling.py`):")
    told.append(table(("", "agents", "steps/s", "ns per agent-step"), rows))
    return "\n\n".join(told)


def training(name: str) -> str:
    """What benchmarks/training.py measured, with which settings, and how to have it."""
    runs = [run for run in results("training") if run["environment"] == name]
    rows = [
        (
            run["seed"],
            millions(run["steps"]),
            f"{run['training_seconds']:.0f} s",
            number(run["score"]),
            number(run["perf"]),
        )
        for run in runs
    ]
    shipped = (SETTINGS / f"{name}.toml").read_text().strip()
    tomllib.loads(shipped)
    return "\n\n".join(
        [
            f"`puffer-train {name} --seed N`, on two cores, from process start; scores are means over fresh episodes:",
            table(("seed", "steps", "time", "score", "perf"), rows),
            f"The settings that are shipped for it:\n\n```toml\n{shipped}\n```",
            f"A policy so trained plays in `puffer-play {name} --policy docs/policies/{name}.safetensors`.",
        ]
    )


def keys(env: EnvSpec) -> str:
    """What the keyboard does in puffer-play."""
    drawing = own_drawing(env.name)
    assert drawing is not None, f"{env.name} has no drawing"
    keymap = make_keymap(env.layout.actions, drawing.keys, drawing.idle, drawing.pilot)
    rows = [(" ".join(f"`{cap}`" for cap in binding.caps), binding.label) for binding in keymap.bindings]
    told = [f"`puffer-play {env.name}`", table(("keys", "what they do"), rows)]
    if drawing.play:
        suited = ", ".join(f"`{key}` {value}" for key, value in drawing.play.items())
        told.append(f"A person plays with {suited} unless told otherwise.")
    return "\n\n".join(told)


def index() -> str:
    """The list of all, for the README."""
    rows = []
    for name in environments():
        measured = [m for m in results("environments")["measurements"] if m["environment"] == name and not m["what"]]
        rates = [m["steps_per_second"] for m in measured]
        runs = [run for run in results("training") if run["environment"] == name]
        scores = ", ".join(number(run["score"]) for run in runs)
        solved = ", ".join(f"{run['perf']:.2f}" for run in runs)
        seconds = statistics.median(run["training_seconds"] for run in runs) if runs else 0
        what = puffer_envs.spec(name).doc.rstrip(".")
        link = f"[{name}](docs/environments/{name}.md)"
        rows.append((link, what, millions(rates[-1]), scores, solved, f"{seconds:.0f} s"))
    return table(("environment", "", "agent-steps/s", "score", "perf", "trained in"), rows)


def with_index(readme: str) -> str:
    """The README with the list between its two marks."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin and end, f"README.md lacks {BEGIN} and {END}"
    return f"{before}{begin}\n{index()}\n{end}{after}"


def environments() -> list[str]:
    """Those of this repository."""
    lines = (ROOT / "c/envs.def").read_text().splitlines()
    return [line[len("PUF_ENV(") : line.index(")")] for line in lines if line.startswith("PUF_ENV(")]


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
    wanted: dict[str, Callable[[], str]] = {f"{name}.md": lambda name=name: page(name) for name in environments()}  # type: ignore[misc]
    check, wrong = "--check" in sys.argv[1:], []
    PAGES.mkdir(exist_ok=True)
    readme = ROOT / "README.md"
    files = {PAGES / file: make() + "\n" for file, make in wanted.items()} | {readme: with_index(readme.read_text())}
    for path, text in files.items():
        if check:
            if not path.exists() or path.read_text() != text:
                wrong.append(path.name)
        else:
            path.write_text(text)
    wrong += sorted(path.name for path in PAGES.glob("*.md") if path.name not in wanted)
    if wrong:
        print(f"{', '.join(wrong)}: not as it would be written; run python docs/make_environments.py", file=sys.stderr)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
