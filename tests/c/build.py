"""Compile the C driver: `python tests/c/build.py NAME OUT [CC [FLAGS ...]]`.

Objects are kept in build/tests by what went into them: a test that changes one environment compiles only that one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
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
    return re.findall(r"^PUF_ENV\w*\((\w+)\)", (ROOT / "c/envs.def").read_text(), re.MULTILINE)


def compile_object(source: Path, cc: str, flags: Sequence[str]) -> Path:
    """The object file of a C source: compiled, or one that was compiled from the same text in the same way."""
    command = [cc, *flags, "-c", str(source)]
    text = subprocess.run([*command, "-E", "-P"], check=True, capture_output=True).stdout
    compiler = Path(shutil.which(cc) or cc).resolve()
    # what -I and -D do is in the text
    used = [compiler, compiler.stat().st_mtime_ns, *(flag for flag in flags if not flag.startswith(("-I", "-D")))]
    out = ROOT / f"build/tests/{hashlib.sha256(repr(used).encode() + text).hexdigest()}.o"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = out.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, "-o", str(unfinished)], check=True)
        unfinished.replace(out)
    return out


def build_driver(
    name: str, out: Path, cc: str = "cc", flags: Sequence[str] = ("-O2",), headers: Path | None = None
) -> Path:
    """Compile c/driver.c with one environment into `out`; `headers` replaces the folder of environments."""
    options = [*EXACT, *WARNINGS, *flags, "-DPUF_EXPORT", f"-I{ROOT / 'c'}"]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"{name}.c"
        source.write_text(f'#include "{(headers or ROOT / "c/envs") / name}.h"\n')
        sources = [source, *(ROOT / "c" / f"{part}.c" for part in ("driver", "batch", "pool"))]
        objects = [compile_object(source, cc, options) for source in sources]
    link(out, cc, flags, objects)
    return out


def build_fuzzer(name: str, out: Path, cc: str = "cc", flags: Sequence[str] = (), headers: Path | None = None) -> Path:
    """Compile tests/fuzz/states.c with one environment into `out`; with the flag -DOWN_MAIN, without libFuzzer."""
    options = [*EXACT, *WARNINGS, *flags, "-DPUF_EXPORT", f"-I{ROOT / 'c'}"]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / f"{name}.c"
        source.write_text(f'#include "{(headers or ROOT / "c/envs") / name}.h"\n')
        parts = (*(ROOT / "c" / f"{part}.c" for part in ("batch", "pool", "validate")), ROOT / "tests/fuzz/states.c")
        objects = [compile_object(path, cc, options) for path in (source, *parts)]
    link(out, cc, flags, objects)
    return out


def build_learn(
    out: Path, cc: str = "cc", flags: Sequence[str] = ("-O2",), march: Sequence[str] = (), root: Path = ROOT
) -> Path:
    """Compile tests/c/learn_test.c with the kernels, for one instruction set; `root` replaces the folder around c/."""
    include = f"-I{root / 'c'}"
    kernels = compile_object(root / "c/learn/kernels.c", cc, [*FUSED, *WARNINGS, *flags, *march, include])
    # POSIX is asked for: -std=c17 alone hides what the pool's threads are made of
    options = [*EXACT, *WARNINGS, *flags, include, "-D_DEFAULT_SOURCE"]
    learn = (root / "c/learn" / f"{name}.c" for name in ("learner", "sequence"))
    sources = [ROOT / "tests/c/learn_test.c", *learn, root / "c/pool.c"]
    link(out, cc, flags, [kernels, *(compile_object(source, cc, options) for source in sources)])
    return out


def link(out: Path, cc: str, flags: Sequence[str], objects: Sequence[Path]) -> None:
    """Make a program of object files."""
    subprocess.run([cc, *flags, *map(str, objects), "-o", str(out), "-pthread", "-lm"], check=True)


if __name__ == "__main__":
    build_driver(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:4], flags=sys.argv[4:] or ["-O2"])
