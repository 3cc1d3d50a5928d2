"""An author's first game on Windows, with the compiler of the extra `author`: made, checked, trained.

Elsewhere test_new.py and test_own_files.py show more of it.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

import puffer_commands
from puffer_envs import compiling

pytestmark = [
    pytest.mark.skipif(sys.platform != "win32", reason="test_new.py and test_own_files.py show it here"),
    pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="there is no compiler"),
    pytest.mark.timeout(3000),  # zig compiles its C library first, once
]


def call(monkeypatch: pytest.MonkeyPatch, command: str, *words: str) -> int:
    """What a command returns, in this process."""
    monkeypatch.setattr(sys, "argv", [f"puffer-{command}", *words])
    return int(getattr(puffer_commands, command)() or 0)


def test_a_new_game_is_checked_and_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my games"  # with a space, as in the names of half of all users
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert call(monkeypatch, "envs", "new", "catch") == 0
    assert call(monkeypatch, "envs", "check", "./catch/catch.h", "--steps", "60") == 0
    assert "catch keeps the contract" in capfd.readouterr().out
    words = ["--steps", "100k", "--threads", "1", "--no-video", "--run-dir", "run"]
    assert call(monkeypatch, "train", "./catch/catch.h", *words) == 0
    assert (folder / "run/policy.safetensors").is_file()
    assert [path for path in compiling.cache_folder().iterdir() if path.name.startswith("catch-")]
