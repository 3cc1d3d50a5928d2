"""Fixtures of the renderer's tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for the helpers beside the tests

from recordings import record
from virtual_display import VirtualDisplay, missing_tools


@pytest.fixture
def display(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualDisplay]:
    """An X server of the test's own."""
    if missing := missing_tools():
        pytest.skip(f"needs {' and '.join(missing)} (Debian: xvfb, xdotool)")
    server = VirtualDisplay(tmp_path_factory.mktemp("screen"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 random steps of squared."""
    return record("squared", 60, tmp_path_factory.mktemp("replay") / "squared.replay")
