"""The check of commit messages in .ci/check_commits.py."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / ".ci/check_commits.py"
pytestmark = pytest.mark.skipif(not SCRIPT.is_file(), reason="not a checkout: the sdist has no .ci")


@pytest.fixture(scope="module")
def faults() -> Callable[[str], list[str]]:
    checked: Callable[[str], list[str]] = runpy.run_path(str(SCRIPT))["faults"]
    return checked


@pytest.mark.parametrize(
    "message",
    [
        "docs: fix the install line\n\nIt named an extra that does not exist.\n",
        "c, cython: store settings by name\n\nReordering a table broke init silently.\n# a comment of git's\n",
        "Merge branch 'main' into side",
        f"area: {'x' * 66}\n\nExactly 72 characters.",
    ],
)
def test_good_messages_pass(faults: Callable[[str], list[str]], message: str) -> None:
    assert faults(message) == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("fix the install line\n\nWhy.", "no area"),
        ("docs: fix the install line", "no body"),
        ("docs: fix the install line\n# only a comment\n", "no body"),
        ("docs: fix the install line\nWhy.", "second line"),
        (f"area: {'x' * 67}\n\nWhy.", "73 characters"),
        ("", "no area"),
    ],
)
def test_bad_messages_are_named(faults: Callable[[str], list[str]], message: str, fault: str) -> None:
    assert any(fault in found for found in faults(message))
