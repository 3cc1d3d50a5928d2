"""Every environment has all its files, and a page that is up to date."""

from __future__ import annotations

import re
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
        "src/puffer_envs/trained/{}.safetensors",
        "docs/images/{}.png",
        "docs/environments/{}.md",
    ],
)
def test_nothing_is_missing(name: str, file: str) -> None:
    assert (ROOT / file.format(name)).is_file()


def test_the_readme_and_the_gallery_show_all() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    gallery = (ROOT / "docs/environments/index.md").read_text("utf-8")
    classics = (ROOT / "docs/classics.md").read_text("utf-8")  # those of Gymnasium share a row of the README
    found = re.findall(r"/environments/(\w+)\.html\)", readme) + re.findall(r"\]\(environments/(\w+)\.md\)", classics)
    assert set(found) == set(ENVIRONMENTS)
    assert "/classics.html)" in readme
    assert [name for name in ENVIRONMENTS if f"](../images/{name}.png)" not in gallery] == []


def test_the_pages_are_up_to_date() -> None:
    pytest.importorskip("puffer_render")
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs/make_environments.py"), "--check"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
