"""Compile the C driver: `python tests/c/build.py OUT [CC [FLAGS ...]]`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# The flags that CMakeLists.txt gives every environment: they decide the bits.
EXACT = ["-std=c17", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wdouble-promotion", "-Werror"]
# What the trainer's kernels are given instead: they may fuse products with sums.
FUSED = ["-std=c17", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"]
SANITIZERS = ["-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]


def list_envs() -> list[str]:
    """The environments in c/envs.def."""
    return re.findall(r"^PUF_ENV\((\w+)\)", (ROOT / "c/envs.def").read_text(), re.MULTILINE)


def build_driver(out: Path, cc: str = "cc", flags: Sequence[str] = ("-O2",), headers: Path | None = None) -> Path:
    """Compile tests/c/driver.c with every environment into `out`; `headers` replaces the folder of environments."""
    with tempfile.TemporaryDirectory() as scratch:
        sources = [ROOT / "tests/c/driver.c", *(ROOT / "c" / f"{name}.c" for name in ("batch", "pool", "registry"))]
        for name in list_envs():
            header = (headers or ROOT / "c/envs") / f"{name}.h"
            source = Path(scratch) / f"{name}.c"
            source.write_text(f'#include "{header}"\n')
            sources.append(source)
        command = [cc, *EXACT, *WARNINGS, *flags, "-DPUF_VARIANT=baseline", f"-I{ROOT / 'c'}", *map(str, sources)]
        subprocess.run([*command, "-o", str(out), "-pthread", "-lm"], check=True)
    return out


def build_learn(
    out: Path, cc: str = "cc", flags: Sequence[str] = ("-O2",), march: Sequence[str] = (), root: Path = ROOT
) -> Path:
    """Compile tests/c/learn_test.c with the kernels, for one instruction set; `root` replaces the folder around c/."""
    include = f"-I{root / 'c'}"
    kernels = out.with_suffix(".o")
    once = [cc, *FUSED, *WARNINGS, *flags, *march, include, "-c", str(root / "c/learn/kernels.c"), "-o", str(kernels)]
    subprocess.run(once, check=True)
    sources = [
        ROOT / "tests/c/learn_test.c",
        *(root / "c/learn" / f"{name}.c" for name in ("learner", "sequence")),
        root / "c/pool.c",
        kernels,
    ]
    command = [cc, *EXACT, *WARNINGS, *flags, include, *map(str, sources), "-o", str(out), "-pthread", "-lm"]
    # POSIX is asked for: -std=c17 alone hides what the pool's threads are made of
    subprocess.run([*command, "-D_DEFAULT_SOURCE"], check=True)
    return out


if __name__ == "__main__":
    build_driver(Path(sys.argv[1]), *sys.argv[2:3], flags=sys.argv[3:] or ["-O2"])
