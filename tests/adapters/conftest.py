"""What the adapters' tests share: an environment with action masks and agents that come and go."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import puffer_envs

PROBE = Path(__file__).resolve().parents[1] / "c/probe.h"


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """tests/c/probe.h, compiled against the installed headers and loaded: its name."""
    if "probe" not in puffer_envs.list_envs():
        compiler = shutil.which("cc")
        if not compiler:
            pytest.skip("no cc on PATH: this test compiles C")
        library = tmp_path_factory.mktemp("probe") / "probe.so"
        flags = ["-std=c17", "-O2", "-ffp-contract=off", "-shared", "-fPIC", "-DPUF_EXPORT"]
        command = [compiler, *flags, f"-I{puffer_envs.get_include()}", "-include", str(PROBE), "-x", "c", os.devnull]
        subprocess.run([*command, "-o", str(library)], check=True)
        puffer_envs.load_library(library)
    return "probe"
