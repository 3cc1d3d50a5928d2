"""puffer-envs as a user types it: right, wrong, and misspelt; never a traceback."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import puffer_envs
from puffer_envs.cli import build_parser, main
from puffer_envs.conformance import STEPS
from puffer_envs.spec import spec

ENVIRONMENTS = puffer_envs.list_envs()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "puffer_envs.cli", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_list_names_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ENVIRONMENTS)


def test_a_list_in_a_file_has_one_whole_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    lines = {line.split()[0]: line.rstrip() for line in capsys.readouterr().out.splitlines() if line.strip()}
    assert all(lines[name].endswith(spec(name).doc) for name in ENVIRONMENTS)
    assert len(lines) == len(puffer_envs.list_envs()) + 2, "the titles, and the rule under them"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_list_on_a_terminal_keeps_names_whole(width: int, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # which Rich takes for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["list"]) == 0
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).rstrip() for line in capsys.readouterr().out.splitlines()]
    named = {line.split()[0]: line for line in lines if line.strip()}
    assert len(named) == len(puffer_envs.list_envs()) + 2 and all(name in named for name in ENVIRONMENTS)
    assert max(map(len, lines)) <= width
    assert ("observation" in named["name"]) is (width == 120)
    assert spec("squared").doc[:25] in named["squared"]


def test_a_list_needs_none_of_the_conformance_tests() -> None:
    """They and the vector backends take a tenth of a second to load."""
    program = "import sys; from puffer_envs.cli import main; main(['list']); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert not {"puffer_envs.conformance", "puffer_envs.vector", "puffer_envs.bench"} & {*loaded}


def test_the_help_gives_the_steps_of_a_check(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert f"per trajectory [{STEPS}]" in capsys.readouterr().out


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_info_shows_the_whole_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 0
    out = capsys.readouterr().out
    spec = puffer_envs.spec(name)
    for entry in (*spec.obs, *spec.params, *spec.fields, *spec.layout.actions):
        assert entry.name in out
    for field in spec.fields:
        assert all(f"{field.name}.{part.name}" in out for part in field.parts)


def test_a_setting_of_several_names_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "drone"]) == 0
    words = " ".join(capsys.readouterr().out.split())
    assert "One of mixed, hover, orbit, follow," in words
    assert main(["info", "drone", "--json"]) == 0
    settings = {row["name"]: row for row in json.loads(capsys.readouterr().out)["settings"]}
    assert settings["task"]["default"] == "mixed"
    assert settings["task"]["choices"][-1] == "race" and "low" not in settings["task"]
    assert settings["race"]["high"] == 1000 and "choices" not in settings["race"]


def test_check_and_bench(tmp_path: Path) -> None:
    done = run("check", "squared", "--steps", "40")
    assert done.returncode == 0 and "FAILED" not in done.stdout
    done = run("bench", "squared", "cartpole", "--seconds", "0.01", "--json", str(tmp_path / "b.json"))
    assert done.returncode == 0 and "GFLOP/s" in done.stdout
    figures = json.loads((tmp_path / "b.json").read_text())
    assert [m["environment"] for m in figures["measurements"]] == ["squared", "cartpole"]
    assert figures["calibration"]["copy_gbps"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "sqared"], "Did you mean 'squared'?"),
        (["bench", "squared", "--set", "max_steps=0"], "must be from 1 to 100000, got 0"),
        (["bench", "squared", "--set", "max_step=4"], "Did you mean 'max_steps'?"),
        (["bench", "squared", "--set", "max_steps"], "'max_steps' must be NAME=VALUE"),
        (["bench", "squared", "--set", "max_steps=many"], "must be an integer from 1 to 100000, got 'many'"),
        (["bench", "drone", "--env.task", "cubes"], "got 'cubes'. Did you mean 'cube'?"),
        (["bench", "squared", "--seconds", "nan"], "'nan' is not a number"),
        (["bench", "squared", "--agents", "0"], "must be at least 1"),
        (["bench", "squared", "--agents", "x"], "'x' is not a whole number"),
        (["check", "squared", "--timeout", "soon"], "'soon' is not a number"),
        (["bench", "squared", "--seconds", "0.01", "--json", "/nowhere/at/all.json"], "No such file"),
        (["check", "squared", "--timeout", "0.5"], "0.5 must be at least 1"),
        (["bench", "squared", "--seconds", "0"], "0 must be above 0"),
        (["bench", "squared", "--env.max-step", "4"], "Did you mean 'max_steps'?"),
        (["bench", "squared", "--env.max-steps"], "--env.max-steps needs a value"),
        (["bench", "squared", "--nun-envs", "4"], "there is no option '--nun-envs'. Did you mean '--num-envs'?"),
        (["info", "squared", "--env.max-steps", "4"], "info shows all settings of a native environment. Leave it out."),
        (["info", "squared", "extra"], "unexpected argument 'extra'"),
        (["frobnicate"], "'frobnicate' must be one of list, info,"),
        ([], "required: COMMAND"),
    ],
)
def test_mistakes_get_a_line_and_exit_code_2(
    arguments: list[str], message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capfd.readouterr().err
    assert message in said and said.startswith("puffer-envs: ") and said.count("\n") == 1


def test_a_mistake_in_a_program_of_its_own_is_one_line_too() -> None:
    done = run("check", "nothing-like-it")
    assert done.returncode == 2 and "`puffer-envs list` shows the known ones." in done.stderr
    assert done.stderr.startswith("puffer-envs: ") and done.stderr.count("\n") == 1


def test_json_goes_to_standard_output_or_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert {env["name"] for env in listed} >= set(ENVIRONMENTS)  # other tests load libraries
    assert main(["info", "breakout", "--json", str(tmp_path / "breakout.json")]) == 0
    (breakout,) = [env for env in listed if env["name"] == "breakout"]
    assert json.loads((tmp_path / "breakout.json").read_text()) == breakout
    assert breakout["settings"][0] | {"doc": ""} == {
        "name": "frameskip", "default": 4, "low": 1.0, "high": 16.0, "doc": ""
    }  # fmt: skip


def test_settings_are_the_same_in_both_spellings(capsys: pytest.CaptureFixture[str]) -> None:
    for given in (["--env.max-steps", "7"], ["--env.max_steps=7"], ["--set", "max_steps=7"]):
        options, settings = build_parser().parse(["bench", "squared", *given])
        assert settings | dict(options.settings) == {"max_steps": 7}
    options, _ = build_parser().parse(["bench", "squared", "--num_envs", "1_000", "--threads", "2"])
    assert (options.num_envs, options.threads) == (1000, 2)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"{puffer_envs.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["check", "--help"], ["bench", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 0
    assert "usage: puffer-envs" in capsys.readouterr().out
