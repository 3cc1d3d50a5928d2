"""Every environment has all that belongs to one, and a page that says what is so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import puffer_envs

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = [name for name in puffer_envs.list_envs() if (ROOT / f"c/envs/{name}.h").exists()]

pytestmark = pytest.mark.skipif(not (ROOT / "src").is_dir(), reason="no checkout around the tests")


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize(
    "file",
    [
        "src/puffer_train/settings/{}.toml",
        "render/puffer_render/draw/{}.py",
        "tests/envs/test_{}.py",
        "tests/golden/{}.json",
        "docs/policies/{}.safetensors",
        "docs/images/{}.png",
        "docs/environments/{}.md",
    ],
)
def test_nothing_is_missing(name: str, file: str) -> None:
    assert (ROOT / file.format(name)).is_file()


def test_the_readme_shows_all() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in ENVIRONMENTS if f"docs/environments/{name}.md" not in readme] == []
    assert [name for name in ENVIRONMENTS if f"docs/images/{name}.png" not in readme] == []


def test_the_pages_say_what_is_so() -> None:
    pytest.importorskip("puffer_render")
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/make_environments.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
