"""docs/add-an-environment.md, followed literally in a fresh copy of the repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/add-an-environment.md"
BLOCK = re.compile(
    r"(?:^<!-- insert before (?P<before>[^\n]+) -->\n\n)?"
    r'^```(?P<kind>\w+)(?: title="(?P<file>[^"\n]+)")?\n(?P<body>.*?)^```$',
    re.MULTILINE | re.DOTALL,
)


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
    path = os.pathsep.join([scripts, outer_scripts, os.environ["PATH"]])
    built = {"SKBUILD_BUILD_DIR": "build/wheel"}  # kept: the second and third installation compile what changed
    if "CMAKE_C_COMPILER_LAUNCHER" not in os.environ:
        built["SKBUILD_CMAKE_DEFINE"] = "PUF_QUICK=ON"
    else:  # the whole build was compiled before: ccache knows it where paths are relative
        built["CCACHE_BASEDIR"] = str(folder.parent)
    return os.environ | built | {"PATH": path, "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}


def shortened(script: str) -> str:
    """The same commands; the benchmark measures for a moment, as nobody reads its figures here."""
    assert "puffer-envs bench catch\n" in script or "bench" not in script
    return script.replace("puffer-envs bench catch\n", "puffer-envs bench catch --seconds 0.01\n")


def write(path: Path, body: str, before: str | None) -> None:
    """Write a block that has a file's name as its title, or insert it into that file before a line."""
    if before is None:
        assert not path.exists(), f"{path} exists already"
        path.write_text(body, "utf-8")
        return
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{before} is not in {path} exactly once"
    path.write_text(text.replace(before, body + before), "utf-8")


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
    blocks = list(BLOCK.finditer(PAGE.read_text("utf-8")))
    assert {block["kind"] for block in blocks} == {"c", "sh", "text", "toml", "python"}
    for block in blocks:
        body = block["body"]
        if block["file"]:
            write(root / block["file"], body, block["before"])
        elif block["kind"] == "sh":
            script = shortened(body).replace("/tmp/", f"{tmp_path}/")
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
