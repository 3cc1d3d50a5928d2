"""docs/add-an-environment.md, followed literally in a fresh copy of the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/add-an-environment.md"
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def checkout(target: Path) -> None:
    """What is in the repository, without what was built from it."""
    left_out = shutil.ignore_patterns(
        ".git", ".venv*", "build", "dist", "runs", "__pycache__", ".*_cache", "wheelhouse"
    )
    shutil.copytree(ROOT, target, ignore=left_out)


def environment(folder: Path) -> dict[str, str]:
    """A virtual environment that sees this one's packages, but not this one's puffer-envs."""
    venv.create(folder, with_pip=False)
    scheme = {"base": str(folder), "platbase": str(folder)}
    site = Path(sysconfig.get_path("purelib", "venv", scheme))
    (site / "outer.pth").write_text(sysconfig.get_path("purelib") + "\n")
    scripts = sysconfig.get_path("scripts", "venv", scheme)
    outer_scripts = sysconfig.get_path("scripts")
    return os.environ | {"PATH": os.pathsep.join([scripts, outer_scripts, os.environ["PATH"]]), "NO_COLOR": "1"}


def write(root: Path, options: str, body: str) -> None:
    """Put a file block where it says: `file=PATH`, and in an existing file `insert-before=LINE`."""
    fields = dict(field.split("=", 1) for field in options.split())
    path = root / fields["file"]
    if "insert-before" not in fields:
        assert not path.exists(), f"{path} exists already"
        path.write_text(body)
        return
    text, line = path.read_text(), fields["insert-before"]
    assert text.count(line) == 1, f"{line} is not in {path} exactly once"
    path.write_text(text.replace(line, body + line))


@pytest.mark.timeout(900)
def test_the_tutorial_works_as_written(tmp_path: Path) -> None:
    for tool in ("cc", "cmake", "ninja"):
        if not shutil.which(tool, path=os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])):
            pytest.skip(f"no {tool}: the tutorial builds the package")
    if not (ROOT / "CMakeLists.txt").exists():
        pytest.skip("no checkout around the tests: nothing to build")
    root = tmp_path / "puffer-envs"
    checkout(root)
    env = environment(tmp_path / "venv")
    blocks = BLOCK.findall(PAGE.read_text())
    assert {kind for kind, *_ in blocks} == {"c", "sh", "text", "toml", "python"}
    for kind, options, body in blocks:
        if "file=" in options:
            write(root, options, body)
        elif kind == "sh":
            script = body.replace("/tmp/", f"{tmp_path}/")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                check=False,
                cwd=root,
                env=env,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
            assert "FAILED" not in done.stdout
    assert (root / "tests/golden/catch.json").exists()
    evaluation = json.loads((tmp_path / "catch-run/evaluation.json").read_text())
    assert evaluation["score"]["mean"] >= 9.8, "the settings file says that every fruit is caught"
    assert re.search(r"catch", (root / "c/envs.def").read_text())


def test_python_blocks_of_the_readme_satisfy_a_type_checker(tmp_path: Path) -> None:
    """As a user's own file, with the strictest settings."""
    pytest.importorskip("mypy", reason="mypy is in the dependency group lint")
    blocks = [body for kind, _, body in BLOCK.findall((ROOT / "README.md").read_text()) if kind == "python"]
    for number, body in enumerate(blocks):
        file = tmp_path / f"block{number}.py"
        file.write_text(body)
        command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path}", str(file)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stdout


def test_python_blocks_of_the_readme_run(tmp_path: Path) -> None:
    blocks = [body for kind, _, body in BLOCK.findall((ROOT / "README.md").read_text()) if kind == "python"]
    assert blocks, "the README shows some Python"
    for body in blocks:
        subprocess.run([sys.executable, "-W", "error", "-c", body], check=True, cwd=tmp_path, timeout=120)
