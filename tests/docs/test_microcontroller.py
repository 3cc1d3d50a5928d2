"""docs/microcontroller.md: its program runs, and its tables are what was measured."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from puffer_envs.contract.policy_file import PolicyFile
from puffer_envs.contract.trained import list_trained, trained_policy
from puffer_train.run.export_c import export_c
from puffer_train.storage.c_file.arithmetic import Arithmetic, likeliest
from puffer_train.storage.c_file.text import made_up
from puffer_train.storage.c_file.weights import Weights

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/microcontroller.md").read_text("utf-8")


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_program_steers_a_drone(tmp_path: Path) -> None:
    """It prints the bits that the export expects."""
    (code,) = re.findall(r'```c title="main.c"\n(.*?)```', PAGE, re.DOTALL)
    (tmp_path / "main.c").write_text(code)
    export_c(trained_policy("drone"), tmp_path / "drone.c")
    (line,) = re.findall(r"^(cc .* main.c .*)$", PAGE, re.MULTILINE)
    subprocess.run([*line.split(), "-Wall", "-Wextra", "-Wpedantic", "-Werror"], cwd=tmp_path, check=True)
    weights = Weights.of(PolicyFile.read(trained_policy("drone")))
    seen, arithmetic = made_up(weights, 5), Arithmetic(weights)
    state = arithmetic.initial_state(1)
    wanted = np.concatenate([likeliest(weights, arithmetic.step(row[None], state)) for row in seen])
    numbers = " ".join(map(str, seen.ravel()))
    done = subprocess.run([tmp_path / "fly"], input=numbers, capture_output=True, text=True, check=True)
    np.testing.assert_array_equal(np.array(done.stdout.split(), np.float32).reshape(5, 4), wanted)


def test_the_tables_are_what_was_measured() -> None:
    """`python benchmarks/microcontroller.py --show` would write the same, and no shipped policy is missing."""
    benchmark = runpy.run_path(str(ROOT / "benchmarks/microcontroller.py"))
    rows = json.loads((ROOT / "benchmarks/results/microcontroller.json").read_text("utf-8"))["policies"]
    assert [name for name in ("memory", "work", "scores") if benchmark[name](rows) not in PAGE] == []
    assert {row["policy"] for row in rows} == set(list_trained())
    drone = next(row for row in rows if (row["policy"], row["weights"]) == ("drone", "int8"))
    assert drone["flash"] + drone["code"] < 32_000 and drone["after"] >= 0.98 * drone["before"]
