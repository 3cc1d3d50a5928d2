"""Counts of positions of chess, to five moves from each start: half a thousand million, as published."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from tests.envs.test_chess import COUNTS, STARTS

from .conftest import compiler


@pytest.mark.slow
def test_there_are_as_many_positions_of_chess_as_published(build: ModuleType, tmp_path: Path) -> None:
    command = [compiler(), *build.EXACT, *build.WARNINGS, "-O3", f"-I{build.ROOT / 'c'}", "-DPUF_EXPORT"]
    subprocess.run([*command, str(build.ROOT / "tests/c/perft.c"), "-o", str(tmp_path / "perft")], check=True)
    found = subprocess.run([str(tmp_path / "perft"), "5"], check=True, capture_output=True, text=True).stdout
    assert [tuple(map(int, line.split())) for line in found.splitlines()] == [COUNTS[start] for start in STARTS]
