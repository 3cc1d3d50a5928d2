"""Completion with Tab: what a word can become, and that each shell gets it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

import puffer_envs
from puffer_envs import cli
from puffer_envs.contract.completion import SHELLS, complete, script
from puffer_render import cli_play, cli_render
from puffer_train.cli import eval, plot, train

PARSERS = {
    "envs": cli.build_parser(),
    "train": train.build_parser(),
    "eval": eval.build_parser(),
    "plot": plot.build_parser(),
    "play": cli_play._parser(),
    "render": cli_render._parser(),
}

SHOWN = {
    "bash": "source {script}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _puffer puffer-train; "
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": "compdef() {{ }}; source {script}; compadd() {{ shift $@[(i)--]; print -l -- $@ }}; "
    "words=({words}); CURRENT=$#words; _puffer",
    "fish": "source {script}; complete -C '{words}'",
}
"""How each shell prints what it would offer."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "config.json").write_text('{"environment": "racer"}')
    (tmp_path / "game.puf").touch()
    (tmp_path / ".hidden").touch()
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("command", "words", "expected"),
    [
        ("train", "bre", ["breakout"]),
        ("train", "breakout --res", ["--resume"]),
        ("train", "breakout --env.f", ["--env.frameskip"]),
        ("train", "breakout --train.optim", ["--train.optimizer"]),
        ("train", "breakout --train.optimizer a", ["adam"]),
        ("train", "--learner k", ["kernels"]),
        ("train", "--seed ", []),
        ("train", "--resume ru", ["runs/"]),
        ("train", "--resume runs/", ["runs/first/"]),
        ("eval", "runs/first --env.num_", ["--env.num-tracks"]),
        ("play", "ru", ["runs/"]),
        ("play", "squ", ["squared"]),
        ("plot", "runs/first ga", ["game.puf"]),
        ("plot", "--env", []),
        ("render", "ga", ["game.puf"]),
        ("render", "squ", ["squared"]),
        ("envs", "in", ["info"]),
        ("envs", "info brea", ["breakout"]),
        ("envs", "check breakout --env.f", ["--env.frameskip"]),
        ("envs", "completion f", ["fish"]),
    ],
)
def test_what_a_word_can_become(command: str, words: str, expected: list[str]) -> None:
    assert complete(PARSERS[command], words.split(" ")) == expected


def test_an_empty_line_lists_the_environments() -> None:
    assert complete(PARSERS["train"], [""]) == puffer_envs.list_envs()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_it(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    path = tmp_path / "completion"
    path.write_text(script(shell))
    environ = os.environ | {"PATH": os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])}
    for words, expected in (("puffer-train squ", "squared"), ("puffer-train squared --env.max", "--env.max-steps")):
        code = SHOWN[shell].format(script=path, words=words)
        done = subprocess.run([shell, "-c", code], env=environ, capture_output=True, text=True, timeout=60)
        assert done.stdout.split() == [expected], done.stderr
