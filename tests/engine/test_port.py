"""puffer-envs port: right ports are found the same, wrong ones different, and the difference is small and explained."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import puffer_envs
from puffer_envs.cli import main
from puffer_envs.porting import Draws, Growth, Within
from puffer_envs.porting.adapter import KNOWN
from puffer_envs.porting.episodes import distance
from puffer_envs.porting.pair import Pair
from puffer_envs.porting.run import Request, port
from puffer_envs.porting.transfer import Score, Transfer

from .conftest import TESTS

RULES = TESTS.parent / "c/envs"
ORIGINALS = {
    "acrobot": "Acrobot-v1",
    "bipedal_walker": "BipedalWalker-v3",
    "blackjack": "Blackjack-v1",
    "car_racing": "CarRacing-v3",
    "cartpole": "CartPole-v1",
    "cliff_walking": "CliffWalking-v1",
    "frozen_lake": "FrozenLake-v1",
    "lunar_lander": "LunarLander-v3",
    "mountain_car": "MountainCar-v0",
    "mountain_car_continuous": "MountainCarContinuous-v0",
    "pendulum": "Pendulum-v1",
    "taxi": "Taxi-v4",
}
SMALL = ("--steps", "4000", "--episodes", "10", "--scores", "0")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """puffer-envs port in an empty folder: arguments -> exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: str) -> tuple[int, str, str]:
        try:
            code: Any = main(["port", *arguments])
        except SystemExit as error:
            code = error.code
        return (code, *capsys.readouterr())

    return call


def write_port(folder: Path, name: str, of: str, *changes: tuple[str, str]) -> Path:
    """Rules that ship, under another name and with changes, and their adapter beside them."""
    text = (RULES / f"{of}.h").read_text("utf-8")
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    text = re.sub(rf"\b{of}(?=_\w|,|\b)", name, text)
    path = folder / f"{name}.h"
    path.write_text(text, "utf-8")
    (folder / f"{name}_port.py").write_text((KNOWN / f"{of}.py").read_text("utf-8"), "utf-8")
    return path


@pytest.mark.parametrize("name", ORIGINALS)
def test_ports_that_ship_are_the_same(name: str) -> None:
    if name in ("bipedal_walker", "car_racing", "lunar_lander"):
        pytest.importorskip("Box2D", reason=f"{ORIGINALS[name]} needs box2d; docs/ports/{name}.md has it")
    found = port(Request(f"gymnasium:{ORIGINALS[name]}", name, steps=2000, episodes=5, scores=10))
    facts = found.facts
    assert facts["same"], facts["look_at"]
    assert facts["steps"]["compared"] >= 2000
    assert facts["steps"]["from_states_of_the_reference"] > 250
    assert facts["steps"]["that_ended"] > 2 or name not in ("blackjack", "cartpole", "frozen_lake")  # others end rarely
    assert facts["episodes"]["compared"] == 5
    assert {row["policy"] for row in facts["transfer"]} >= {"random"}
    steps = facts["steps"]
    assert steps["chaotic_same"] >= 0.8 * steps["chaotic"] or name != "bipedal_walker"
    for row in facts["tolerances"] if name != "bipedal_walker" else []:  # a walker always stands, or nearly
        assert row["largest"] <= row["within"], row
        assert row["within"] <= 1000 * row["largest"] or row["within"] < 1e-4, f"far wider than needed: {row}"
        assert bool(row["why"]) == (row["within"] > 0)


def test_a_wrong_constant_is_found_in_one_step(run: Run, tmp_path: Path) -> None:
    path = write_port(tmp_path, "heavy", "pendulum", ("(1.5f * gravity", "(1.4f * gravity"))
    code, printed, _ = run("gymnasium:Pendulum-v1", str(path), *SMALL, "--json", "found.json")
    case = json.loads(Path("found.json").read_text())["difference"]
    assert code == 1
    assert len(case["actions"]) == 1
    names = {row["name"] for row in case["differ"]}
    assert {"theta_dot", "observation theta_dot"} <= names
    assert case["before"]["theta_dot"] == 0, "the smallest state in which gravity shows"
    assert "heavy and gymnasium:Pendulum-v1 differ after 1 action" in printed
    assert "look at" in printed and "heavy_step" in printed


def test_a_late_time_limit_is_found_and_named(run: Run, tmp_path: Path) -> None:
    path = write_port(
        tmp_path, "late", "pendulum", ("int late = s->tick >= s->max_steps", "int late = s->tick > s->max_steps"),
        ("truncations[i] = s[i].tick >= s[i].max_steps", "truncations[i] = s[i].tick > s[i].max_steps"),
        ("PUF_LESS_THAN(Pendulum, max_steps)", "PUF_UP_TO(Pendulum, max_steps)"),
    )  # fmt: skip
    with (tmp_path / "late_port.py").open("a") as adapter:
        adapter.write('REFERENCE_SETTINGS = {"max_episode_steps": 20}\nSETTINGS = {"max_steps": 20}\n')
    code, printed, _ = run("gymnasium:Pendulum-v1", str(path), *SMALL)
    assert code == 1
    assert "time limit" in printed
    assert re.search(r"tick +19 +20 +20", printed)


def test_what_no_field_shows_is_shrunk_to_the_shortest_sequence(run: Run, tmp_path: Path) -> None:
    """A hidden counter that kicks at the fifth push to the right in an episode."""
    path = write_port(
        tmp_path, "kicked", "mountain_car",
        ("    float scatter; // setting\n", "    float scatter;\n    int32_t kicks;\n"),
        ("    s->tick = 0;\n", "    s->tick = 0;\n    s->kicks = 0;\n"),
        ("    s->tick += 1;\n", "    s->tick += 1;\n    s->kicks += io.actions[0] == MOUNTAIN_CAR_RIGHT;\n"
         "    s->velocity += s->kicks >= 5 ? 0.001f : 0.0f;\n"),
        ("    PUF_SCALAR(MountainCar, tick", "    PUF_SCALAR(MountainCar, kicks, NULL, PUF_RANGE(0, 32767)),\n"
         "    PUF_SCALAR(MountainCar, tick"),
    )  # fmt: skip
    (tmp_path / "kicked_hill.h").write_text((RULES / "mountain_car_hill.h").read_text("utf-8"), "utf-8")
    code, printed, _ = run("gymnasium:MountainCar-v0", str(path), *SMALL, "--json", "found.json")
    case = json.loads(Path("found.json").read_text())["difference"]
    assert code == 1
    assert case["action_names"] == ["right"] * 5
    assert case["from"] == "the start of an episode"
    assert "kicked keeps something that no field of kicked_port.py shows" in printed


def test_starts_elsewhere_are_found(run: Run, tmp_path: Path) -> None:
    path = write_port(tmp_path, "shifted", "pendulum", ("-PUF_PI, PUF_PI);", "-2.9f, 2.9f);"))
    code, printed, _ = run("gymnasium:Pendulum-v1", str(path), "--steps", "500", "--episodes", "2", "--scores", "0")
    assert code == 1
    assert "'theta' starts elsewhere" in printed
    assert "'theta_dot' starts elsewhere" not in printed


def test_a_certificate_holds_what_was_compared(run: Run, tmp_path: Path) -> None:
    code, printed, _ = run("gymnasium:Pendulum-v1", "pendulum", *SMALL, "--certificate", "proof/pendulum")
    facts, page = (Path(f"proof/pendulum.{ending}").read_text("utf-8") for ending in ("json", "md"))
    assert code == 0
    assert "pendulum is gymnasium:Pendulum-v1" in printed
    assert json.loads(facts)["command"].startswith("puffer-envs port gymnasium:Pendulum-v1 pendulum --steps 4000")
    assert page.startswith("# pendulum is the same as gymnasium:Pendulum-v1")
    assert "gymnasium " in page and "| `theta_dot` |" in page


ADAPTER = (KNOWN / "pendulum.py").read_text("utf-8")


@pytest.mark.parametrize(
    ("reference", "change", "said"),
    [
        ("Pendulum-v1", None, "--adapter mine.py: there is no such file."),
        ("Acrobot-v1", (), "the actions differ: pendulum has float32 (1,) from -2 to 2, gymnasium:Acrobot-v1 has 3"),
        ("MountainCarContinuous-v0", (), "the actions differ"),
        ("Pendulm-v1", (), "gymnasium:Pendulm-v1: "),
        ("Pendulum-v1", ('"theta_dot": Within', '"omega": Within'), "FIELDS names 'omega': pendulum has no such"),
        ("Pendulum-v1", ("def read", "def reed"), "has no function read()"),
        ("Pendulum-v1", ('"torque": ', '"torqe": '), "IGNORED names 'torqe'"),
        ("Pendulum-v1", (', "theta_dot": theta_dot', ""), "field 'theta_dot' (angular velocity, rad/s) is neither"),
        ("Pendulum-v1", ("env.unwrapped.state\n", "env.state_of\n"), "read() raised AttributeError"),
        ("Pendulum-v1", ("Within(1e-6, \"as theta\")", "Within(1e-6, \"\")"), "say why"),
        ("Pendulum-v1", ("REWARD =", "REWRD ="), "REWRD means nothing in an adapter. Did you mean 'REWARD'?"),
        ("Pendulum-v1", ("import numpy", "import numpi"), "cannot be imported: ModuleNotFoundError"),
        ("Pendulum-v1", ("-> None:", "-> None"), "cannot be imported: SyntaxError"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(run: Run, reference: str, change: tuple[str, str] | None, said: str) -> None:
    if change is not None:
        text = ADAPTER.replace(*change) if change else ADAPTER
        assert not change or text != ADAPTER
        Path("mine.py").write_text(text, "utf-8")
    code, _, error = run(
        f"gymnasium:{reference}", "pendulum", "--adapter", "mine.py", "--steps", "500", "--episodes", "0"
    )
    assert code == 2, error
    assert said in error
    assert "Traceback" not in error and len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("reference", "name", "said"),
    [
        ("Pendulum-v1", "pendulum", "must be gymnasium:ID or module:factory"),
        ("no_such_module:make", "pendulum", "there is no module 'no_such_module'"),
        ("gymnasium:Pendulum-v1", "pendulm", "there is no environment 'pendulm'. Did you mean 'pendulum'?"),
        ("gymnasium:Pendulum-v1", "squared", "no adapter ships for squared: give one with --adapter FILE."),
        ("math:floor", "pendulum", "cannot be made"),
        ("builtins:dict", "pendulum", "returns dict: a reference must be a gymnasium.Env"),
    ],
)
def test_wrong_names_are_one_sentence(run: Run, reference: str, name: str, said: str) -> None:
    code, _, error = run(reference, name, *SMALL)
    assert code == 2
    assert said in error
    assert len(error.strip().splitlines()) == 1


def test_a_draft_names_every_field_and_overwrites_nothing(run: Run) -> None:
    assert run("gymnasium:Pendulum-v1", "pendulum", "--draft", "mine.py")[0] == 0
    text = Path("mine.py").read_text("utf-8")
    ast.parse(text)
    for field in puffer_envs.spec("pendulum").fields:
        assert f'"{field.name}"' in text
    code, _, error = run("gymnasium:Pendulum-v1", "pendulum", "--draft", "mine.py")
    assert code == 2 and "the file exists" in error


def test_our_generator_is_told_right() -> None:
    """What it will draw next, from its bytes."""
    with puffer_envs.make("mountain_car", 50, seed=3) as env:
        env.reset()
        pair = object.__new__(Pair)
        pair.env, pair._size = env, env._states.size // 50
        pair._rng_offset = puffer_envs._core.describe("mountain_car")["rng_offset"]
        expected = [Draws.of(pair.rng(i)).between(-0.6, -0.4) for i in range(50)]
        starts = env.reset()[:, 0]
        assert starts.tolist() == expected
        assert len(set(expected)) > 40


def test_draws_go_back_to_where_an_episode_began() -> None:
    draws = Draws(123456789, 987654321)
    first = [draws.bits() for _ in range(6)]
    assert [draws.before(6).bits(), draws.before(1).bits()] == [first[0], first[5]]


FOLLOWING = """
FOLLOW = "the test says so"
PLAYERS = {"still": lambda seen: 0.0, "right": lambda seen: 2.0}


def chaotic(state):
    return abs(state["theta"]) > 3.0
"""


def test_both_play_the_same_episodes_and_chaos_is_left_to_distributions(run: Run) -> None:
    """The bottom, where a turn of the angle begins, stands for contacts."""
    text = (KNOWN / "pendulum.py").read_text("utf-8") + FOLLOWING
    Path("mine.py").write_text(text, "utf-8")
    port_it = ("gymnasium:Pendulum-v1", "pendulum", "--adapter", "mine.py", "--steps", "3000", "--episodes", "6")
    code, _, _ = run(*port_it, "--scores", "10", "--json", "found.json")
    facts = json.loads(Path("found.json").read_text())
    assert code == 0, facts["look_at"]
    assert 300 < facts["steps"]["chaotic"] < 3000 and facts["episodes"]["chaotic"] > 0
    assert facts["steps"]["chaotic_same"] == facts["steps"]["chaotic"], "ours is right there too"
    assert facts["steps"]["from_states_of_the_reference"] > 500
    assert [row["policy"] for row in facts["transfer"]] == ["random", "still", "right", "trained"]
    assert all(set(row["distances"]) == {"return", "length", "last reward"} for row in facts["transfer"])
    Path("mine.py").write_text(text.replace("> 3.0", "> 9.0").replace('1e-6, "float32', '1e-9, "float32'), "utf-8")
    code, printed, _ = run(*port_it, "--scores", "0")
    assert code == 1 and "theta" in printed


def test_other_distributions_with_the_same_mean_are_found() -> None:
    even, uneven = [float(x) for x in range(-50, 50)], [-50.0, 49.0] * 50
    scores = [Score(0.0, 5.0, 1.0, 100, {"return": each, "length": [1.0] * 100}) for each in (even, uneven)]
    assert Transfer("same", scores[0], scores[0]).same
    other = Transfer("other", *scores)
    assert other.errors == 0 and other.distances["return"] > 1 and not other.same


def test_starts_of_fields_with_many_elements_are_as_far_apart_as_chance_brings_one_of_them() -> None:
    rng = np.random.default_rng(5)
    mine, theirs = (list(rng.random((400, 3000))) for _ in range(2))
    assert 0.7 < distance(mine, theirs, 0.0) <= 1
    moved = [row + 0.3 * (np.arange(3000) == 7) for row in theirs]
    assert distance(mine, moved, 0.0) > 1, "one of them starts elsewhere"


def test_whole_numbers_are_drawn_without_bias() -> None:
    counts = np.bincount([Draws(i, 2 * i + 1).below(3) for i in range(3000)], minlength=3)
    assert counts.sum() == 3000 and counts.min() > 800


def test_differences_know_periods_and_what_is_no_number() -> None:
    turn = Within(0.1, "angles", period=2 * math.pi)
    assert turn.difference(math.pi, -math.pi) == pytest.approx(0, abs=1e-12)
    assert turn.difference(3.0, -3.0) == pytest.approx(2 * math.pi - 6)
    assert Within(0.0, "").difference([1.0, math.nan, math.inf], [1.0, math.nan, math.inf]).tolist() == [0, 0, 0]
    assert Within(0.0, "").difference(math.nan, 1.0) == math.inf


def test_tolerances_grow_and_then_say_nothing() -> None:
    assert [Growth(1.0, "").after(n) for n in (1, 5)] == [1, 5]
    grown = Growth(1.5, "chaos")
    assert grown.after(1) == 1 and grown.after(3) == pytest.approx(1 + 1.5 + 2.25)
    assert grown.after(grown.steps) <= 10_000 < grown.after(grown.steps) * 1.6
    assert grown.after(grown.steps + 1) == math.inf
    with pytest.raises(ValueError, match="what pulls the two apart"):
        Growth(1.5, "")
