"""What the pages need besides modules: keys, settings and policies, read from the Python packages; and the font."""

from __future__ import annotations

import dataclasses
import html
import itertools
import json
import shutil
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

import puffer_envs
from puffer_envs.contract.logs import count_of
from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.policy_info import PolicyInfo
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_envs.golden import ENVS, golden_actions
from puffer_render._raster import offers
from puffer_render.draw import Drawing, drawing_for
from puffer_render.font import load_font
from puffer_render.keys import make_keymap
from puffer_train.algorithm.curriculum import Rule
from puffer_train.condition import COMPARISONS
from puffer_train.config import Settings, load

WEB = Path(__file__).resolve().parent
PAGE = WEB / "page"
FIRST = ("cartpole", "breakout", "snake", "pong", "car_racing", "chess", "tower", "drone")
"""The index begins with these: four that are learned here in a minute or so, and four of other kinds."""
IN_KERNELS = ("mingru", "lstm")


def describe(name: str) -> dict[str, Any]:
    """Everything that a page needs to know about an environment and its module does not say."""
    drawing, env = drawing_for(name, None), puffer_envs.spec(name)
    presses = find_presses(name, drawing)
    chords = {} if presses else find_chords(name, drawing)
    keymap = make_keymap(env.layout.actions, drawing.keys, drawing.idle, drawing.pilot if chords or presses else None)
    policy = shipped(name)
    skip = drawing.frameskip if drawing.between is None else None
    return {
        "name": name,
        "bindings": [
            dataclasses.asdict(binding) | {"caps": binding.caps}
            for binding in keymap.bindings
            if drawing.pilot is None or presses or binding.label in chords
        ],
        "idle": list(keymap.idle),
        "chords": chords,
        "presses": presses,
        "piloted": drawing.pilot is not None and not chords and not presses,
        "settings": to_numbers(name, policy.settings if policy else {}),
        "play": to_numbers(name, playable(name, drawing)),
        "speed": drawing.speed if "continuous" not in drawing.play else 1.0,
        "waits": drawing.waits,
        "goal": drawing.goal,
        "frameskip": skip,
        "frameRate": drawing.frame_rate or env.rate,
        "train": train_settings(load(name)),
        "curriculum": curriculum(name, load(name).curriculum),
        "policy": policy is not None,
        "trains": policy is not None or name not in list_trained(),
    }


def shipped(name: str) -> PolicyInfo | None:
    """What the policy that ships says about itself; None where there is none, or pages cannot play it."""
    if name not in list_trained():
        return None
    info = PolicyFile.read(trained_policy(name)).info
    return info if info.encoder == "flat" and info.value_head == "scalar" else None


def find_presses(name: str, drawing: Drawing) -> list[str]:
    """The labels of keys that mean something else in every state, in the order in which the drawing in C knows them."""
    return list(drawing.keys) if "press" in offers(name) else []


TOGETHER = 8
"""Where a drawing has more keys than this, as boards have for their cells, only single keys are listed."""


def find_chords(name: str, drawing: Drawing) -> dict[str, list[float]]:
    """The action for each set of labels whose keys are held, of a drawing with a pilot that needs nothing else.

    Labels are sorted and joined by "+". Those whose action depends on the state, such as a brake's, are left out; {}
    where there is no pilot, or nothing is left.
    """
    if drawing.pilot is None:
        return {}
    labels = sorted(drawing.keys)
    most = len(labels) if len(labels) <= TOGETHER else 1
    sets = [frozenset(held) for n in range(most + 1) for held in itertools.combinations(labels, n)]
    found: list[dict[frozenset[str], tuple[float, ...]]] = []
    with puffer_envs.make(name, seed=1) as env:
        env.reset()
        for step in range(40):
            if step:
                env.step(golden_actions(name)[step - 1].reshape(ENVS, -1)[0].reshape(env.actions.shape))
            if step % 13 == 0:
                state = env.state(0)
                found.append({h: tuple(np.ravel(drawing.pilot(state, h, 0)).tolist()) for h in sets})
    same = {held for held in sets if len({actions[held] for actions in found}) == 1}
    steady = [label for label in labels if frozenset({label}) in same]
    if frozenset() not in same or not steady:
        return {}
    return {"+".join(sorted(held)): list(found[0][held]) for held in sets if held <= set(steady) and held in same}


def playable(name: str, drawing: Drawing) -> dict[str, Any]:
    """Settings that suit a person, if the policy can play with them too."""
    info = shipped(name)
    if not drawing.play or info is None:
        return {}
    with puffer_envs.make(name, **drawing.play) as env:
        same = env.single_observation_space.shape == info.observation_shape
        kind = "box" if hasattr(env.single_action_space, "low") else "discrete"
    return (
        {key: value for key, value in drawing.play.items() if key != drawing.frameskip}
        if (same and kind == info.action_kind)
        else {}
    )


def to_numbers(name: str, settings: dict[str, Any]) -> dict[str, float]:
    """Settings by name, as numbers of the table."""
    params = {param.name: param for param in puffer_envs.spec(name).params}
    return {key: params[key].to_number(value) for key, value in settings.items() if key in params}


def curriculum(name: str, rules: dict[str, str]) -> list[list[float]]:
    """The rules of [curriculum] as numbers: those of PufRule, in its order."""
    env, signs = puffer_envs.spec(name), list(COMPARISONS)
    params, statistics = [param.name for param in env.params], list(env.log_names)
    found: list[list[float]] = []
    for key, text in rules.items():
        rule = Rule.parse(text, f"curriculum.{key}")
        watched: tuple[float, ...] = (0, 0, 0, 0, 1)
        if rule.condition is not None:
            kind, statistic = rule.condition.name.split("/")
            assert kind == "env", f"{text}: pages watch statistics of the environment alone"
            counted = statistics.index(count_of(statistic, statistics))
            sign, over = signs.index(rule.condition.sign), rule.condition.over
            watched = (statistics.index(statistic), counted, sign, rule.condition.bound, over)
        found.append([params.index(key), rule.first, rule.last, rule.steps, rule.step, *watched])
    return found


def train_settings(settings: Settings) -> dict[str, Any]:
    """The numbers of [train] and [policy]."""
    numbers = {
        key: value
        for key, value in dataclasses.asdict(settings.train).items()
        if isinstance(value, int | float) and not key.startswith(("checkpoint", "eval", "best"))
    }
    return numbers | {
        "normalize_observations": ("false", "true", "auto").index(settings.train.normalize_observations),
        "hidden": settings.policy.hidden,
        "layers": settings.policy.layers,
        "cell": IN_KERNELS.index(settings.policy.cell),
    }


def font_bytes() -> bytes:
    """Numbers of points, contours and glyphs, then these and the advances: what picture_font takes."""
    font = load_font()
    counts = np.array([len(font.points), len(font.contours), len(font.glyphs), len(font.advances)], np.int32)
    parts = [counts, font.points, font.contours, font.glyphs, font.advances]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


def write_pages(names: list[str], out: Path) -> None:
    """The folder of static files, but for the modules."""
    (out / "data").mkdir(parents=True, exist_ok=True)
    for file in PAGE.iterdir():
        if file.suffix in (".js", ".css", ".svg"):
            shutil.copy(file, out / file.name)
    (out / "data/font.bin").write_bytes(font_bytes())
    for licence in resources.files("puffer_render").joinpath("assets").iterdir():
        if not licence.name.endswith(".ttf"):
            (out / f"data/font-{licence.name}").write_bytes(licence.read_bytes())
    ordered = [name for name in FIRST if name in names] + [name for name in names if name not in FIRST]
    for name in ordered:
        (out / f"data/{name}.json").write_text(json.dumps(describe(name)) + "\n")
        if shipped(name) is not None:
            shutil.copy(trained_policy(name), out / f"data/{name}.safetensors")
        (out / f"{name}.html").write_text(fill("play.html", {"name": name, "doc": puffer_envs.spec(name).doc}))
    cards = "\n".join(card(name) for name in ordered)
    (out / "index.html").write_text(fill("index.html", {"count": str(len(ordered))}).replace("<!--cards-->", cards))
    version = tomllib.loads((WEB.parent / "pyproject.toml").read_text())["project"]["version"]
    (out / "version.txt").write_text(f"{version}\n")


def card(name: str) -> str:
    """One environment in the index."""
    doc = html.escape(puffer_envs.spec(name).doc)
    picture = f'<canvas data-env="{name}" width="16" height="10" aria-hidden="true"></canvas>'
    return f'<a class="card" href="{name}.html">{picture}<h2>{name}</h2><p>{doc}</p></a>'


def fill(template: str, values: dict[str, str]) -> str:
    """A page with each {{name}} replaced."""
    text = (PAGE / template).read_text()
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", html.escape(value))
    return text
