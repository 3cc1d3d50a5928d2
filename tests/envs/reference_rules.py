"""Shared by the tests with their own reference of an environment's rules: the generator, and the C driver."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MASK = 2**64 - 1


class Pcg32:
    """The generator of one environment, as c/puffer_rng.h describes it."""

    def __init__(self, seed: int, index: int) -> None:
        key = (self._mix(seed) + index) & MASK
        self.state = self._mix(key)
        self.inc = self._mix(key + 0x9E3779B97F4A7C15) | 1
        self.next()

    @staticmethod
    def _mix(x: int) -> int:
        z = (x + 0x9E3779B97F4A7C15) & MASK
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        return z ^ z >> 31

    def next(self) -> int:
        old, self.state = self.state, (self.state * 6364136223846793005 + self.inc) & MASK
        x = ((old >> 18 ^ old) >> 27) & 0xFFFFFFFF
        turn = old >> 59
        return (x >> turn | x << (-turn & 31)) & 0xFFFFFFFF

    def below(self, n: int) -> int:
        while True:
            product = self.next() * n
            if product % 2**32 >= 2**32 % n:
                return product >> 32

    def uniform(self) -> np.float32:
        return np.float32((self.next() >> 8) * 2.0**-24)


def run_sanitized(name: str, settings: Mapping[str, object], steps: int, folder: Path) -> None:
    """One environment in the C driver under sanitizers, with these settings as the defaults of a copy of its header."""
    if not (ROOT / f"c/envs/{name}.h").exists() or not shutil.which("gcc"):
        pytest.skip("this test compiles the checkout's C with gcc")
    shutil.copytree(ROOT / "c/envs", folder / "envs")
    header = folder / f"envs/{name}.h"
    text = header.read_text()
    for setting, value in settings.items():
        row = rf'(PUF_(?:SETTING|FLAG)\(\w+, {setting},\s+|PUF_SETTING_AS\(\w+, "{setting}", [^,]+,\s+)[^,]+'
        text, count = re.subn(row, rf"\g<1>{value}", text)
        assert count == 1, setting
    header.write_text(text)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import build; from pathlib import Path; "
        "build.build_driver(sys.argv[2], Path(sys.argv[3]), 'gcc', build.SANITIZERS, headers=Path(sys.argv[4]))"
    )
    driver = folder / "driver"
    subprocess.run([sys.executable, "-c", program, ROOT / "tests/c", name, driver, header.parent], check=True)
    done = subprocess.run([driver, "1", str(steps), "5"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"{name} hash" in done.stdout
