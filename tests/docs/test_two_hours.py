"""docs/two-hours.md, followed literally: its pieces make the files, its commands run, its mistakes are found."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs/two-hours.md"
BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<file>[^"\n]+)")?\n(?P<body>.*?)^```$', re.MULTILINE | re.DOTALL)
KINDS = {"text", "python", "c", "toml", "sh", "diff", "output"}


def run(line: str, folder: Path, status: int = 0) -> str:
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "PUFFER_CACHE": str(folder / "cache"), "NO_COLOR": "1"}
    words = ["bash", "-euo", "pipefail", "-c", line]
    done = subprocess.run(words, check=False, cwd=folder, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == status, f"{line}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def shortened(line: str) -> str:
    line = line.replace("boids --steps 2M", "boids --steps 200k")
    return f"{line} --no-video --threads 1" if line.startswith("puffer-train") else line


@pytest.mark.timeout(600)
def test_the_guide_works_as_written(tmp_path: Path) -> None:
    if not shutil.which("cc"):
        pytest.skip("no C compiler")
    blocks = list(BLOCK.finditer(PAGE.read_text("utf-8")))
    assert {block["kind"] for block in blocks} == KINDS
    game, said, mistake = tmp_path / "treasure.h", {}, ""
    for block in blocks:
        kind, body = block["kind"], block["body"]
        if block["file"] and kind != "output":
            with (tmp_path / block["file"]).open("a") as file:
                file.write(body)
        elif kind == "sh":
            said |= {line: run(shortened(line), tmp_path) for line in body.splitlines()}
        elif kind == "diff":
            before, after = (line[1:] for line in body.splitlines())
            mistake = game.read_text().replace(before, after)
            assert mistake != game.read_text(), f"{before} is not in the game"
        elif kind == "output":
            (tmp_path / "broken").mkdir(exist_ok=True)
            (tmp_path / "broken/treasure.h").write_text(mistake)
            answer = run(f"puffer-envs check broken/treasure.h {block['file'] or ''}", tmp_path, status=1)
            assert " ".join(body.split()) in " ".join(answer.split()), answer

    def perf(run_name: str) -> float:
        return float(json.loads((tmp_path / f"runs/{run_name}/evaluation.json").read_text())["perf"]["mean"])

    assert "treasure keeps the contract." in said["puffer-envs check ./treasure.h"]
    assert "'perf': 0.11" in said["python random_walk.py"] and "'perf': 1.0" in said["python walk_there.py"]
    assert perf("shortsighted") < 0.6
    assert 0.8 < perf("first") < 0.97
    assert perf("tuned") > 0.97
    perfs = [float(re.findall(r"'perf': ([\d.]+)", said[f"python three_rules.py {w}"])[0]) for w in ("1 0 0", "0 1 0")]
    assert perfs[0] < 0.05
    assert 0.4 < perfs[1] < 0.7
    assert re.search(r"'perf': 0.9", said["python three_rules.py 0.3 1 2"])
    assert (tmp_path / "first.png").is_file()
