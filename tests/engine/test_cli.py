"""puffer-envs as a user types it: right, wrong, and misspelt; never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import puffer_envs
from puffer_envs.cli import main

ENVIRONMENTS = puffer_envs.list_envs()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "puffer_envs.cli", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)


def test_list_names_every_environment(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ENVIRONMENTS)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_info_shows_the_whole_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 0
    out = capsys.readouterr().out
    spec = puffer_envs.spec(name)
    for entry in (*spec.obs, *spec.params, *spec.fields, *spec.layout.actions):
        assert entry.name in out


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
        (["check", "nothing-like-it"], "Known: asteroids,"),
        (["bench", "squared", "--set", "max_steps=0"], "must be from 1 to 100000, got 0"),
        (["bench", "squared", "--set", "max_step=4"], "Did you mean 'max_steps'?"),
        (["bench", "squared", "--set", "max_steps"], "--set takes NAME=VALUE"),
        (["bench", "squared", "--set", "max_steps=many"], "must be an integer from 1 to 100000, got 'many'"),
        (["bench", "squared", "--seconds", "nan"], "--seconds must be above 0"),
        (["bench", "squared", "--agents", "0"], "must be at least 1"),
        (["bench", "squared", "--agents", "x"], "must be at least 1, and whole, got 'x'"),
        (["check", "squared", "--timeout", "soon"], "must be from 1 to 86400 seconds, got 'soon'"),
        (["bench", "squared", "--seconds", "0.01", "--json", "/nowhere/at/all.json"], "No such file"),
        (["frobnicate"], "invalid choice: 'frobnicate'"),
        ([], "required: COMMAND"),
    ],
)
def test_mistakes_get_a_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["list", "--help"], ["check", "--help"], ["bench", "--help"]])
def test_help(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 0 and "usage: puffer-envs" in done.stdout
