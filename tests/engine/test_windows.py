"""What else differs on Windows, through fakes: its shells, its reserved names, its compilers."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from puffer_envs.cli import main
from puffer_envs.compiling import find_compilers
from puffer_envs.contract import shell


def test_commands_are_quoted_for_its_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["puffer-train", r"C:\My games\catch.h", "--env.size", "3", "", "a&b"]
    monkeypatch.setattr(shell, "WINDOWS", True)
    assert shell.join(words) == r'puffer-train "C:\My games\catch.h" --env.size 3 "" "a&b"'
    assert shell.split(shell.join(words)) == words
    assert shell.split(r'C:\llvm\clang.exe --sysroot="C:\a b"') == [r"C:\llvm\clang.exe", r"--sysroot=C:\a b"]
    assert subprocess.list2cmdline(words[:4]) == shell.join(words[:4]), "as programs read it there"
    monkeypatch.setattr(shell, "WINDOWS", False)
    assert shell.split(shell.join(words)) == words


def test_a_compiler_is_found_by_its_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`C:\\Program Files` has a space, which no quote protects in a variable."""
    compiler = tmp_path / "Program Files/clang"
    compiler.parent.mkdir()
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    assert find_compilers() == [[str(compiler)]]
    monkeypatch.setattr(shell, "WINDOWS", True)
    monkeypatch.setenv("CC", r"C:\llvm\clang.exe -m64")
    assert find_compilers() == [[r"C:\llvm\clang.exe", "-m64"]]


@pytest.mark.parametrize("name", ["aux", "con", "lpt1"])
def test_no_environment_is_named_after_a_device(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", name]) == 2
    assert f"{name!r} is the name of a device on Windows" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
