"""What environments, trainer and renderers share: values on command lines, names, files, factories."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from puffer_envs.contract.command_line import hint_number, parse_number, parse_value, settings_options, take_settings
from puffer_envs.contract.errors import MAX_COLUMNS, MAX_LINES, UsageError, printable
from puffer_envs.contract.files import write_atomically
from puffer_envs.contract.names import MAX_LISTED, suggest
from puffer_envs.contract.policy_info import is_setting
from puffer_envs.recorder import MAGIC
from puffer_render import cli_render


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("7", 7),
        ("-0.25", -0.25),
        ("20_000_000", 20_000_000),
        ("2e7", 2e7),
        ("20M", 20_000_000),
        ("1.5k", 1500),
        ("0.0005k", 0.5),
        ("0.1M", 100_000),
        ("-3G", -3_000_000_000),
        ("k", None),
        ("_k", None),
        ("1m", None),
        ("1K", None),
        ("", None),
        ("many", None),
        ("1 M", None),
    ],
)
def test_numbers(text: str, number: float | None) -> None:
    found = parse_number(text)
    assert found == number and type(found) is type(number)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1m", " Did you mean 1M?"),
        ("2.5K", " Did you mean 2.5k?"),
        ("1M", ""),
        ("7", ""),
        ("many", ""),
        ("nan", ""),
        ("1E", ""),
        ("", ""),
    ],
)
def test_a_suffix_in_the_wrong_case(text: str, hint: str) -> None:
    assert hint_number(text) == hint


def test_other_values() -> None:
    assert [parse_value(text) for text in ("true", "False", "4", "small", "")] == [True, False, 4, "small", ""]


def test_settings_are_taken_out_of_a_command_line() -> None:
    words = ["breakout", "--env.max-frames", "9k", "--seed", "1", "--env.wide=true", "--env.low", "-1", "--env.wide=0"]
    assert take_settings(words) == (["breakout", "--seed", "1"], {"max_frames": 9000, "wide": 0, "low": -1})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--env.speed"], "--env.speed needs a value: --env.speed VALUE."),
        (["--env.speed", "--seed", "1"], "--env.speed needs a value"),
        (["--env.=3"], "names no setting"),
        (["--env.speed", "nan"], "--env.speed is 'nan': it must be a number, true, false or text."),
    ],
)
def test_settings_that_cannot_be_read(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        take_settings(words)
    assert message in str(caught.value)


def test_suggestions() -> None:
    assert suggest("brekout", ["breakout", "pong"]) == " Did you mean 'breakout'?"
    assert suggest("x", ["breakout", "pong"]) == " Known: breakout, pong."
    assert suggest("x", []) == ""
    assert suggest("x", [f"name{i}" for i in range(MAX_LISTED + 1)]) == ""


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"

    def fail(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"new" and list(tmp_path.iterdir()) == [path]


def test_a_module_of_the_current_folder_replaces_none_of_pythons_own(tmp_path: Path) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('this is not the module random')\n")
    (tmp_path / "mine.py").write_text("import random\ndef make(): return random.Random(1).random()\n")
    code = "from puffer_envs.contract.factories import load_factory; print(load_factory('mine:make')())"
    # -P: like a console script, which does not search the current folder by itself
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert math.isclose(float(done.stdout), 0.13436424411240122)


@pytest.mark.parametrize("text", ["one line", "two\nlines\twith a tab", "größer ≥ 0, 日本"])
def test_a_text_is_printed_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_what_a_file_holds_does_not_reach_the_terminal_raw() -> None:
    assert printable("version \x1b[2J\r\u202e\udc80") == "version \\x1b[2J\\r\\u202e\\udc80"
    name = "n" * 2_000_000
    shown = printable(f"there is no {name}. Do this.")
    assert len(shown) < MAX_COLUMNS + 50 and shown.startswith("there is no nn") and shown.endswith("nn. Do this.")
    lines = printable("\n".join(map(str, range(10_000)))).splitlines()
    assert len(lines) == MAX_LINES + 1 and (lines[0], lines[-1]) == ("0", "9999")


def test_errors_of_commands_are_printable(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "game.puf"
    header = {"checksum": 0, "environment": "squared", "version": "\x1b]0;title\x07"}
    path.write_bytes(MAGIC + json.dumps(header).encode() + b"\n")
    assert cli_render.main([str(path), "game.mp4"]) == 2
    said = capsys.readouterr().err
    assert "recorded with version \\x1b]0;title\\x07 of squared" in said and "\x1b" not in said


def test_lists_and_tables_on_a_command_line() -> None:
    words = [
        "--env.config.lanes-count",
        "3",
        "--env.config.speed=[20, 30]",
        '--env.map={"size": 4}',
        "--wrap.stack",
        "4",
    ]
    words += ["--env.config.lanes-count", "5", "--wrap.choices.image", "[11, 6, 4]", "--env.text", "[not JSON"]
    rest, settings = take_settings(words)
    assert rest == []
    assert settings == {
        "config": {"lanes_count": 5, "speed": [20, 30]},
        "map": {"size": 4},
        "text": "[not JSON",
        "[wrap]": {"stack": 4, "choices": {"image": [11, 6, 4]}},
    }
    assert take_settings(settings_options(settings)) == ([], settings), "what is shown is read again"
    with pytest.raises(UsageError, match=r"'--env\.config\.\.lanes' names no setting"):
        take_settings(["--env.config..lanes", "3"])


def test_a_policy_file_remembers_lists_and_tables() -> None:
    assert is_setting({"[wrap]": {"size": [84, 84], "drop": ["mission"]}})
    deep: object = 1
    for _ in range(20):
        deep = [deep]
    assert not is_setting(deep) and not is_setting({"x": [None]}) and not is_setting({1: 2})
